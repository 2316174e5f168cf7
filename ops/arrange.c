/* arrange.c - concat, stack, split_axis, flip, repeat, diagonal, triangular. */
#include "ops/internal.h"

const pal__family pal__family_arrange = {NULL, 0};
