/* failing.h - lets allocations of the library fail, one after the other: malloc itself, so that what bypasses a
 * context's allocator is reached too. Only calls by this program and by libc fail, since OpenBLAS, cairo and jansson
 * end or damage the process. With a sanitizer or under Valgrind, which have a malloc of their own, nothing fails. */
#ifndef PAL_TESTS_FAILING_H
#define PAL_TESTS_FAILING_H

#include <check.h>
#include <stdbool.h>

extern bool
    failing_can; /* whether malloc can fail here: neither with a sanitizer nor under Valgrind, which replaces it, too */

/* From now on this thread's allocation number `at`, from 0, fails, and if `lasting` all later ones too. */
void failing_start(long at, bool lasting);
/* No more failures. Returns the number of allocations since the start. */
long failing_stop(void);

long failing_mallocs(void); /* calls of malloc, calloc and realloc by all threads so far */

/* What a scenario asserts with: Check's own functions need memory. */
#define failing_require(condition)                                                                                     \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            failing_stop();                                                                                            \
            ck_abort_msg("not true: %s", #condition);                                                                  \
        }                                                                                                              \
    } while (0)

/* A part of the library that is called with failing allocations. Returns true if all went well, with a result that it
 * has compared with the right one; false if the library reported a failure. */
typedef bool failing_scenario(void *user);
/* Lets allocations of the scenario fail, alone and with all later ones: of those with the same callers, the first.
 * Most scenarios notice each failure; where memory is only a help (`helps`), they may also go well. Returns the number
 * of allocations. */
long failing_each(failing_scenario *run, void *user, bool helps);

#endif
