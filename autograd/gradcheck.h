/* gradcheck.h - checks derivatives in float64: against central differences, and by identities of derivatives.
 *
 * The analytic derivative a is compared, with its sign, with the numeric derivative n, which is extrapolated from
 * central differences with a ladder of steps. At first order the checker compares every element of every input, or a
 * seeded sample of them. At second order it takes differences of the analytic gradient along seeded directions d and
 * compares them with the analytic gradient of <gradient, d>. It takes no differences of differences.
 *
 * The step is chosen for each element from the function alone, never by agreement with a
 * (autograd/check/gradcheck_steps.c). A step h is usable if the values are finite at x - h and x + h and no comparison
 * changes its outcome between them. Ladders begin at the option `step` (times |x| if that is larger than 1), at |x| / 4
 * and at small steps; they end when the extrapolation's own error bar is far below the tolerance.
 *     error = |a - n| / (scale + bar / tolerance),    scale = max(|a|, |n|, 10^-8 of the largest element)
 * So the error is within the tolerance if a agrees with some number inside the error bar. The largest element is that
 * of the whole derivative. If n is too inexact for this scale, the scale is at least 10^-3 of the largest element. If a
 * and n are both zero up to rounding, it is at least 10^-6 of the largest value one order below.
 *
 * An element is a kink, neither passed nor failed, if a comparison changes its outcome at all steps that would do, or
 * if the one-sided differences keep a distance that does not fall with the step. An element is not decided if the error
 * bar of n is larger than what the tolerance allows. Then neither a right nor a wrong derivative could be told; only a
 * difference of more than 100 error bars is a failure.
 *
 * The other checks use f = <s, y> for a seed s, its gradient g = J^T s and its Hessian H, along seeded directions:
 *     slope1     the rate at which |f(x + h d) - f(x) - h <g,d>| falls with h: 2 or more
 *     slope2     the rate for |f(x + h d) - f(x) - h <g,d> - h^2/2 <d,Hd>|: 3 or more
 *     symmetry   |<u,Hv> - <v,Hu>|, relative to the terms of the sums
 *     duality    |<s,Jv> - <J^T s,v>|, pal_jvp against pal_vjp, relative to the terms of the sums
 *     linearity  of the vjp in its seed
 * A slope is fitted by least squares to the steps where the remainder is well above rounding (which is measured) and no
 * comparison changed its outcome. It is NaN if the remainder is too small to measure, if the rate still rises to the
 * expected one as the steps shrink, or if there are kinks everywhere. If the next term of the series vanishes, the
 * slope is higher than expected. This is not an error, but the checker first tries other directions. */
#ifndef PAL_GRADCHECK_H
#define PAL_GRADCHECK_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_gradcheck_options {
    size_t struct_size;
    int order;           /* 1 or 2; 0: 1 */
    uint64_t seed;       /* for the inputs, the sample of elements and the directions */
    size_t max_elements; /* checked per input at first order; 0: 200 */
    double step;         /* the step at which the first ladder begins, for |x| <= 1; 0: 2^-5 */
    double tolerance;    /* 0: 1e-7 at first order, 1e-6 at second */
} pal_gradcheck_options;

/* The limits of the other checks, whatever the tolerance. */
#define PAL_CHECK_SLOPE     0.1   /* allowed below 2 and 3 */
#define PAL_CHECK_IDENTITY  1e-10 /* symmetry, duality */
#define PAL_CHECK_LINEARITY 1e-11

/* UNDECIDED: nothing is wrong, but the numeric derivative of some element is too inexact to compare with. */
typedef enum pal_verdict {
    PAL_CHECK_PASS,
    PAL_CHECK_FAIL,
    PAL_CHECK_KINK,
    PAL_CHECK_ERROR,
    PAL_CHECK_UNDECIDED
} pal_verdict;
const char *pal_verdict_text(pal_verdict verdict); /* "pass", "fail", "kink", "error", "not decided" */

typedef struct pal_gradcheck_report {
    char name[64], label[64];
    char source[64]; /* of an operation: file and line of its formula; "": unknown */
    int order;
    pal_verdict verdict;
    /* error: that of the worst element; step: the smallest of the ladder that gave its numeric derivative */
    double error, tolerance, step;
    size_t input, element;    /* the worst element; at second order an element of H d */
    char index[96];           /* its index by axes: "[1,2]" */
    double analytic, numeric; /* its two derivatives */
    double rate; /* observed order of the error of its plain difference, expected: 2; NaN: too small to measure */
    /* NaN: too small to measure, or not checked. slope2 and symmetry are checked only at second order, duality and
     * linearity only at first order. */
    double slope1, slope2;
    double symmetry, duality, linearity;
    size_t checked, kinks; /* numbers of elements */
    /* ERROR: the error of the tape or program; FAIL: which checks failed and by how much; UNDECIDED: the first element
     * that was not decided, and why. */
    char message[400];
    double bar;       /* error bar of the worst element's numeric derivative */
    double low, high; /* the usable interval around the worst element's value, as far as the steps went */
    size_t undecided; /* number of elements that were not decided */
} pal_gradcheck_report;

/* Checks the derivatives of build(inputs) by every input. The inputs are float64 tensors; they have their old values
 * afterwards. build records on a float64 tape and may return a value of any shape, which is contracted with a random
 * seed. Returns PAL_OK if the check was possible; the verdict is in the report. PAL_ERR_MEMORY: memory ran out, which
 * says nothing about the derivatives. PAL_ERR_ARGUMENT: another reason, which is the message of the report. */
typedef pal_var (*pal_build)(pal_tape *tape, const pal_var *inputs, const void *user);
pal_status pal_gradcheck(pal_context *context, const char *name, pal_build build, const void *user,
                         pal_tensor *const *inputs, size_t n, const pal_gradcheck_options *options,
                         pal_gradcheck_report *report);

/* The number of cases of an operation: its own cases, or else six that are made from its domain. */
size_t pal_gradcheck_op_cases(const pal_op *op);
bool pal_gradcheck_op_case(const pal_op *op, size_t i, pal_case *out); /* false: i out of range */
pal_status pal_gradcheck_op(pal_context *context, const pal_op *op, size_t i, const pal_gradcheck_options *options,
                            pal_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
