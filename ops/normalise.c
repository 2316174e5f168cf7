/* normalise.c - softmax, layer and batch normalisation, dropout. */
#include "ops/internal.h"

const pal__family pal__family_normalise = {NULL, 0};
