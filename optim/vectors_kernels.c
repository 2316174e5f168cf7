/* vectors_kernels.c - the passes over vectors, block by block. This file is built once per instruction set, with
 * PAL_ISA_NAME as the suffix of its table. Every build gives the same bits: each element is computed by the same
 * operations, and each sum has the same order. */
#include "optim/vectors_kernels.h"

#include <math.h>
#include <string.h>

#define JOIN_(isa) pal__vector_blocks_##isa
#define JOIN(isa)  JOIN_(isa)

#define T        float
#define FN(name) name##_f32
#include "optim/vectors_type.h"
#undef T
#undef FN
#define T        double
#define FN(name) name##_f64
#include "optim/vectors_type.h"
#undef T
#undef FN

const pal__block_fn JOIN(PAL_ISA_NAME)[PAL__PASSES][2] = {
#define ROW(name) [PAL__PASS_##name] = {name##_f32, name##_f64},
    PAL__EACH_PASS(ROW)
#undef ROW
};
