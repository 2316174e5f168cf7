/* Einstein sums, Cholesky factors and what follows from them. */
#include "testing.h"

Suite *factor_suite(void) { return suite_create("factor"); }
