/* resize.c - nearest and bilinear resizing. */
#include "ops/internal.h"

const pal__family pal__family_resize = {NULL, 0};
