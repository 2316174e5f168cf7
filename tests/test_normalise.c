/* Softmax, layer and batch normalisation, dropout. */
#include "testing.h"

Suite *normalise_suite(void) { return suite_create("normalise"); }
