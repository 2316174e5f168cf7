/* conv.c - two-dimensional convolution and its two adjoints. */
#include "ops/internal.h"

const pal__family pal__family_conv = {NULL, 0};
