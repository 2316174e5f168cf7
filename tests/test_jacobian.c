/* Hessians, Jacobians and their norms against each other. */
#include "testing.h"

Suite *jacobian_suite(void) { return suite_create("jacobian"); }
