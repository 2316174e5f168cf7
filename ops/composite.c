/* composite.c - plain functions over operations: layers. */
#include "ops/internal.h"

pal_var pal_affine(pal_var x, pal_var w, pal_var b)
{
    pal_var y = pal_matmul(x, w);
    return b.id ? pal_add(y, b) : y;
}

const pal__family pal__family_composite = {NULL, 0};
