/* images.h - helpers shared by the suites of image operations. */
#ifndef PAL_IMAGES_H
#define PAL_IMAGES_H

#include "tests/ops/fixture.h"

#include <math.h>
#include <string.h>

#define CONV(...) ((pal_conv2d_options){.struct_size = sizeof(pal_conv2d_options), __VA_ARGS__})
#define POOL(...) (&(pal_pool2d_options){.struct_size = sizeof(pal_pool2d_options), __VA_ARGS__})

static inline double *zeros(pal_shape s) { return calloc((size_t)pal_shape_count(s) + 1, sizeof(double)); }

#endif
