/* factor.c - Cholesky factors, triangular solves, what follows from them. */
#include "ops/internal.h"

const pal__family pal__family_factor = {NULL, 0};
