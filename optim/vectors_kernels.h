/* vectors_kernels.h - the passes of each instruction set. */
#ifndef PAL_OPTIM_VECTORS_KERNELS_H
#define PAL_OPTIM_VECTORS_KERNELS_H

#include "autograd/machine/kernels.h"
#include "optim/vectors.h"

/* Computes n elements, at most PAL__SUM_BLOCK: changes vectors and gives sums. */
typedef void (*pal__block_fn)(size_t n, void *const *v, const double *scalars, double *sums);

/* By pass, and by type: float32, float64. */
extern const pal__block_fn pal__vector_blocks_baseline[PAL__PASSES][2];
#ifdef PAL_X86
extern const pal__block_fn pal__vector_blocks_avx2[PAL__PASSES][2], pal__vector_blocks_avx512[PAL__PASSES][2];
#endif

#endif
