/* Reductions, scans, sorting and picking: values against plain loops, conventions at ties. */
#include "testing.h"

Suite *reductions_suite(void) { return suite_create("reductions"); }
