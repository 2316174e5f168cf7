/* sample.c - samples of distributions, reparametrised where they can be. */
#include "ops/internal.h"

const pal__family pal__family_sample = {NULL, 0};
