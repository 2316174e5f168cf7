/* divergence.c - Kullback-Leibler divergences in closed form. */
#include "ops/internal.h"

const pal__family pal__family_divergence = {NULL, 0};
