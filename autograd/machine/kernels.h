/* kernels.h - declares the engine's own inner loops for each instruction set. */
#ifndef PAL_AUTOGRAD_KERNELS_H
#define PAL_AUTOGRAD_KERNELS_H

#include "autograd/machine/internal.h"
#include "autograd/machine/isa.h"

#define PAL__SUM_BLOCK   512 /* values per block */
#define PAL__SUM_COLUMNS 64  /* neighbouring sums computed at once */

#define PAL__KERNELS(isa)                                                                                              \
    void pal__add_f32_##isa(size_t, void *, const void *const *, const pal_tile *);                                    \
    void pal__add_f64_##isa(size_t, void *, const void *const *, const pal_tile *);                                    \
    void pal__plus_f32_##isa(size_t, void *, const void *, const void *);                                              \
    void pal__plus_f64_##isa(size_t, void *, const void *, const void *);                                              \
    float pal__sum_block_f32_##isa(const float *, size_t);                                                             \
    double pal__sum_block_f64_##isa(const double *, size_t);                                                           \
    void pal__sum_columns_f32_##isa(const float *, int64_t, size_t, size_t, float *);                                  \
    void pal__sum_columns_f64_##isa(const double *, int64_t, size_t, size_t, double *);                                \
    float pal__multiply_add_##isa(size_t, size_t *);
PAL__KERNELS(baseline)
#ifdef PAL_X86
PAL__KERNELS(avx2)
PAL__KERNELS(avx512)
#endif
#undef PAL__KERNELS

pal_status pal__sum_run(const pal_call *call); /* sum.c */
size_t pal__sum_scratch(const pal_call *call);
/* The sum of one block of n <= PAL__SUM_BLOCK real numbers, to out; and of each row of `blocks` such sums, to out[row].
 */
void pal__sum_block(pal_dtype dtype, pal_isa isa, const void *x, size_t n, void *out);
void pal__sum_blocks(pal_dtype dtype, const void *sums, size_t rows, size_t blocks, void *out);

#endif
