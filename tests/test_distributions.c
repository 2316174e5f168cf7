/* Samples, log-densities, entropies and divergences against each other. */
#include "testing.h"

Suite *distributions_suite(void) { return suite_create("distributions"); }
