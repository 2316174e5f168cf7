/* judge.h - checks one hand-written function at several seeds, and counts the verdicts. */
#ifndef PAL_TEST_JUDGE_H
#define PAL_TEST_JUDGE_H

#include "autograd/gradcheck_function.h"
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define CALL       const pal_function_call *c
#define IN(R, k)   ((const R *)c->in[k])
#define OUT(R, k)  ((R *)c->out[k])
#define SEED(R, k) ((const R *)c->seed[k])
#define GRAD(R, k) ((R *)c->gradient[k])

typedef struct tally {
    int of[5]; /* by verdict */
    pal_function_report last;
} tally;

enum { ROW = 8, MOST_SEEDS = 20 };

static inline pal_function one_of(pal_dtype dtype, const pal_array *x, const pal_array *y, pal_function_fn forward,
                                  pal_function_fn backward)
{
    return (pal_function){.struct_size = sizeof(pal_function),
                          .name = "judged",
                          .dtype = dtype,
                          .in = x,
                          .n_in = 1,
                          .out = y,
                          .n_out = 1,
                          .forward = forward,
                          .backward = backward};
}

static inline tally judge(const pal_function *f, int seeds)
{
    tally t = {0};
    pal_context *c = context_with(1);
    for (int seed = 0; seed < seeds; seed++) {
        const pal_function_options o = {.struct_size = sizeof o, .seed = (uint64_t)seed};
        ck_assert_int_eq(pal_gradcheck_function(c, f, &o, &t.last), PAL_OK);
        t.of[t.last.verdict]++;
        if (getenv("PAL_ZOO")) printf("seed %d %s %s\n", seed, pal_verdict_text(t.last.verdict), t.last.message);
    }
    pal_context_free(c);
    return t;
}

#define SAYS(t, text) ck_assert_msg(strstr((t).last.message, text) != NULL, "%s", (t).last.message)

#endif
