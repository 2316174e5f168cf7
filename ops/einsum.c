/* einsum.c - Einstein sums of two operands, compiled to products and movements. */
#include "ops/internal.h"

const pal__family pal__family_einsum = {NULL, 0};
