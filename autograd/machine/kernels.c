/* kernels.c - the engine's own inner loops. Compiled once per instruction set; PAL_ISA_NAME is the suffix of names. */
#include "autograd/machine/kernels.h"

#include <string.h>

#define JOIN_(a, b, c) pal__##a##_##b##_##c
#define JOIN(a, b, c)  JOIN_(a, b, c)

#define T        float
#define FN(name) JOIN(name, f32, PAL_ISA_NAME)
#include "autograd/machine/kernels_type.h"
#undef T
#undef FN

#define T        double
#define FN(name) JOIN(name, f64, PAL_ISA_NAME)
#include "autograd/machine/kernels_type.h"
#undef T
#undef FN

#include "autograd/machine/multiply_add.h"
