#include "data/table.h"
#include "tests/data/arrays.h"
Suite *table_reader_suite(void);
Suite *table_reader_suite(void) { return suite_create("table_reader"); }
