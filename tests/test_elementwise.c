/* The elementwise operations at extreme arguments, and the special functions against known values. */
#include "testing.h"

Suite *elementwise_suite(void) { return suite_create("elementwise"); }
