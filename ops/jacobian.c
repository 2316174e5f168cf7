/* jacobian.c - Hessians, Jacobians and their norms. */
#include "ops/internal.h"

const pal__family pal__family_jacobian = {NULL, 0};
