/* fixture.h - a context of two threads that keeps subnormal numbers, and a float64 tape, created for each test of a
 * suite. */
#ifndef PAL_TESTS_FIXTURE_H
#define PAL_TESTS_FIXTURE_H

#include "tests/testing.h"

static pal_context *c;
static pal_tape *t;

static inline void setup(void)
{
    c = context_with_subnormals(2);
    t = pal_tape_new(c, PAL_F64);
}

static inline void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

#endif
