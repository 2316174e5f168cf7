/* Values and derivatives of the operations against committed numbers of PyTorch. */
#include "testing.h"

Suite *parity_ops_suite(void) { return suite_create("parity_ops"); }
