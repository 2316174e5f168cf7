/* conv_internal.h - shared by the files of the convolution: its geometry, and the kernels that copy patches. */
#ifndef PAL_OPS_CONV_INTERNAL_H
#define PAL_OPS_CONV_INTERNAL_H

#include "ops/internal.h"

/* Indices into params.i for all three operations. PAL__SIZE is the size of the images for conv2d_to_input, and the size
 * of the kernels for conv2d_to_weights. */
enum { PAL__STRIDE = 0, PAL__PADDING = 2, PAL__DILATION = 4, PAL__GROUPS = 6, PAL__SIZE = 7, PAL__CONV_INTS = 9 };

typedef struct pal__conv { /* images [n,c,h,w], weights [k,c/groups,kh,kw], results [n,k,oh,ow] */
    int64_t n, c, h, w, k, kh, kw, oh, ow;
    int64_t stride[2], padding[2], dilation[2], groups;
} pal__conv;

/* Positions in the plane of the results: rows y0 .. y1-1, columns x0 .. x1-1. */
typedef struct pal__patches {
    int64_t y0, y1, x0, x1;
} pal__patches;

/* From the shapes of images, weights and results; none of them may be NULL. */
pal__conv pal__conv_of(const pal_params *params, const pal_shape *x, const pal_shape *w, const pal_shape *y);

/* columns is a matrix with one row per weight (channel, kernel row, kernel column) and one column per position. An
 * element is the pixel that the weight is multiplied by at that position. im2col copies the pixels from the planes of
 * the channels at x, with 0 for padding; col2im adds them to those planes. ld: elements from one row to the next. */
#define PAL__DECLARE_PATCHES(name, isa)                                                                                \
    void pal__##name##_f32_##isa(const pal__conv *c, int64_t channels, pal__patches at, float *x, float *columns,      \
                                 int64_t ld);                                                                          \
    void pal__##name##_f64_##isa(const pal__conv *c, int64_t channels, pal__patches at, double *x, double *columns,    \
                                 int64_t ld);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_PATCHES, im2col)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_PATCHES, col2im)

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ceiling(int64_t a, int64_t b) { return (a + b - 1) / b; }
/* The start of part i of `parts` parts of `count` things. */
static inline int64_t begin_of(int64_t i, int64_t parts, int64_t count) { return i * count / parts; }

typedef enum pal__conv_role { PAL__FORWARD, PAL__TO_INPUT, PAL__TO_WEIGHTS } pal__conv_role;

/* One of the operations without copies of patches (conv_direct.c). source: what is read with zeros around it, images or
 * results; other: weights or, of to_weights, the results. False: not of these sizes, or not with these kernels. */
bool pal__conv_direct(const pal_call *call, pal__conv_role role, const pal__conv *c, const void *source,
                      const void *other, void *target);
size_t pal__conv_direct_scratch(const pal_call *call, pal__conv_role role, const pal__conv *c);

/* Copies so many rows of so many bytes, a multiple of 4. */
#define PAL__DECLARE_COPY(name, isa)                                                                                   \
    void pal__##name##_##isa(size_t rows, size_t bytes, const char *from, size_t from_row, char *to, size_t to_row);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_COPY, copy_rows)

pal_status pal__run_conv2d(const pal_call *call);
pal_status pal__run_conv2d_to_input(const pal_call *call);
pal_status pal__run_conv2d_to_weights(const pal_call *call);
size_t pal__scratch_conv2d(const pal_call *call);
size_t pal__scratch_conv2d_to_input(const pal_call *call);
size_t pal__scratch_conv2d_to_weights(const pal_call *call);

#endif
