/* conv_internal.h - what the files of the convolution share: its geometry, and the kernels that lay patches out. */
#ifndef PAL_OPS_CONV_INTERNAL_H
#define PAL_OPS_CONV_INTERNAL_H

#include "ops/internal.h"

/* params.i of all three operations. The size is of images for conv2d_to_input, of kernels for conv2d_to_weights. */
enum { PAL__STRIDE = 0, PAL__PADDING = 2, PAL__DILATION = 4, PAL__GROUPS = 6, PAL__SIZE = 7, PAL__CONV_INTS = 9 };

typedef struct pal__conv { /* images [n,c,h,w], weights [k,c/groups,kh,kw], results [n,k,oh,ow] */
    int64_t n, c, h, w, k, kh, kw, oh, ow;
    int64_t stride[2], padding[2], dilation[2], groups;
} pal__conv;

/* Positions of the results' plane: rows y0 .. y1-1, columns x0 .. x1-1. */
typedef struct pal__patches {
    int64_t y0, y1, x0, x1;
} pal__patches;

/* From the shapes of images, weights and results, of which none may be NULL. */
pal__conv pal__conv_of(const pal_params *params, const pal_shape *x, const pal_shape *w, const pal_shape *y);

/* Row (channel, kernel row, kernel column) of columns holds, for each position, the pixel which that weight meets
 * there: im2col reads it from the channels' planes at x (padding is 0), col2im adds it onto them. Rows lie ld elements
 * apart. */
#define PAL__DECLARE_PATCHES(name, isa)                                                                                \
    void pal__##name##_f32_##isa(const pal__conv *c, int64_t channels, pal__patches at, float *x, float *columns,      \
                                 int64_t ld);                                                                          \
    void pal__##name##_f64_##isa(const pal__conv *c, int64_t channels, pal__patches at, double *x, double *columns,    \
                                 int64_t ld);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_PATCHES, im2col)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_PATCHES, col2im)

pal_status pal__run_conv2d(const pal_call *call);
pal_status pal__run_conv2d_to_input(const pal_call *call);
pal_status pal__run_conv2d_to_weights(const pal_call *call);
size_t pal__scratch_conv2d(const pal_call *call);
size_t pal__scratch_conv2d_to_input(const pal_call *call);
size_t pal__scratch_conv2d_to_weights(const pal_call *call);

#endif
