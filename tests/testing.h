/* testing.h - what the suites share. */
#ifndef PAL_TESTING_H
#define PAL_TESTING_H

#include <check.h>
#include <stdlib.h>

#include "autograd/gradcheck.h"
#include "ops/ops.h"

/* A tensor of seeded numbers in [low, high). */
static inline pal_tensor *random_tensor(pal_context *c, pal_dtype dtype, pal_shape shape, double low, double high,
                                        const char *stream)
{
    pal_tensor *t = pal_tensor_new(c, dtype, shape);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; i < pal_tensor_count(t); i++) {
        double u;
        pal_noise_uniform((pal_noise){.seed = 11}, stream, i, 1, &u);
        pal_tensor_set(t, i, low + (high - low) * u);
    }
    return t;
}

static inline pal_context *context_with(unsigned threads)
{
    pal_context *c =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads});
    ck_assert_ptr_nonnull(c);
    return c;
}

#define ck_assert_tape_ok(tape) ck_assert_msg(!pal_tape_error(tape), "tape: %s", pal_tape_error(tape))

#endif
