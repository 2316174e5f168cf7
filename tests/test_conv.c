/* Convolution, pooling and resizing against plain loops. */
#include "testing.h"

Suite *conv_suite(void) { return suite_create("conv"); }
