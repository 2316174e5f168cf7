/* Text read back as a tape. */
#include "testing.h"

Suite *text_suite(void) { return suite_create("text"); }
