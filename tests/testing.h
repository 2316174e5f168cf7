/* testing.h - helpers shared by all suites: random tensors, contexts, an allocator that can fail, cases of tests. */
#ifndef PAL_TESTING_H
#define PAL_TESTING_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "ops/ops.h"

/* A tensor of random numbers in [low, high). The seed is fixed; the stream's name selects the numbers. */
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

/* A context whose programs keep subnormal numbers, for tests at the ends of the range. */
static inline pal_context *context_with_subnormals(unsigned threads)
{
    pal_context *c = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .subnormals = true});
    ck_assert_ptr_nonnull(c);
    return c;
}

/* An allocator that counts the blocks in use. After `left` more requests, every further request fails. */
typedef struct meter {
    long left, held;
    size_t largest; /* largest block that was requested, in bytes */
} meter;

static inline void *meter_allocate(size_t size, void *user)
{
    meter *m = user;
    if (size > m->largest) m->largest = size;
    void *block = m->left-- > 0 ? malloc(size) : NULL;
    m->held += block != NULL;
    return block;
}

static inline void meter_release(void *block, void *user)
{
    ((meter *)user)->held -= block != NULL;
    free(block);
}

static inline pal_context *metered_context(meter *memory)
{
    pal_context *c = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                            .threads = 1,
                                                            .allocate = meter_allocate,
                                                            .release = meter_release,
                                                            .user = memory});
    ck_assert_ptr_nonnull(c);
    return c;
}

#define TESTS(...) ((const TTest *const[]){__VA_ARGS__, NULL})

/* Adds a case with the tests up to NULL, limited to 120 s each. `before` and `after` run around each test. */
static inline TCase *add_case(Suite *suite, const char *name, SFun before, SFun after, const TTest *const *tests)
{
    TCase *group = tcase_create(name);
    tcase_add_checked_fixture(group, before, after);
    tcase_set_timeout(group, 120);
    for (; *tests; tests++) tcase_add_test(group, *tests);
    suite_add_tcase(suite, group);
    return group;
}

#define ck_assert_tape_ok(tape) ck_assert_msg(!pal_tape_error(tape), "tape: %s", pal_tape_error(tape))

/* The call is refused, and a rewind to before it mends the tape. _refused: with this text. _refused_saying: with a text
 * that contains this part. */
#define ck_assert_refused_if(tape, call, condition)                                                                    \
    do {                                                                                                               \
        pal_mark before_ = pal_tape_mark(tape);                                                                        \
        ck_assert_msg(!pal_ok(call), "%s", #call);                                                                     \
        const char *said_ = pal_tape_error(tape);                                                                      \
        ck_assert_msg(said_ && (condition), "%s: %s", #call, said_ ? said_ : "");                                      \
        pal_tape_rewind(tape, before_);                                                                                \
        ck_assert_tape_ok(tape);                                                                                       \
    } while (0)
#define ck_assert_refused(tape, call, text)        ck_assert_refused_if(tape, call, !strcmp(said_, text))
#define ck_assert_refused_saying(tape, call, part) ck_assert_refused_if(tape, call, strstr(said_, part))

#endif
