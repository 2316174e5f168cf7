/* lectures.h - numbers in and out of tapes, for the suites that test the formulas of docs/lectures.md. */
#ifndef PAL_TESTS_LECTURES_H
#define PAL_TESTS_LECTURES_H

#include "tests/models/recorded.h"

#define LN_2_PI 1.83787706640934548356

/* The elements of v. The caller frees them. */
static inline double *elements(pal_var v)
{
    double *out = calloc((size_t)pal_shape_count(pal_shape_of(v)) + 1, sizeof *out);
    const pal_status status = pal_eval(v, out);
    ck_assert_msg(!status, "%d: %s", status, pal_tape_error(v.tape));
    return out;
}

static inline double number(pal_var v)
{
    double *all = elements(v), first = all[0];
    free(all);
    return first;
}

static inline double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static inline pal_tensor *tensor_of(pal_shape shape, const double *numbers)
{
    pal_tensor *x = pal_tensor_new(c, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, numbers[i]);
    return x;
}

#endif
