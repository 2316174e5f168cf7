/* Movements: values against plain loops, errors. */
#include "testing.h"

Suite *arrange_suite(void) { return suite_create("arrange"); }
