/* main.c - runs all suites of suites.def, or only those that the arguments name. A build may leave suites out: their
 * functions are weak, and NULL there. With CK_FORK=no in the environment, all tests run in one process. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUITE(folder, name) __attribute__((weak)) Suite *name##_suite(void);
#include "tests/suites.def"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(folder, name) {#name, name##_suite},
#include "tests/suites.def"
#undef SUITE
};

int main(int argc, char **argv)
{
    setenv("CK_DEFAULT_TIMEOUT", "120", 0); /* seconds for a test; Check's own 4 are too few on a busy machine */
    SRunner *runner = srunner_create(NULL);
    int chosen = 0;
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        int wanted = argc < 2 && suites[i].make;
        for (int a = 1; a < argc; a++) wanted |= suites[i].make && !strcmp(argv[a], suites[i].name);
        if (wanted) srunner_add_suite(runner, suites[i].make());
        chosen += wanted;
    }
    if (!chosen) return fprintf(stderr, "no such suite\n"), 2;
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
