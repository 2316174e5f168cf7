/* gradcheck.h - proves derivatives: analytic against extrapolated central differences, in float64, signed; and by what
 * must hold of any derivative: the order of Taylor's remainder, symmetry, adjointness, linearity.
 *
 * First order: every element (or a seeded sample) of every input. Second order: differences of the analytic gradient
 * along seeded directions d against the analytic gradient of <gradient, d>; never differences of differences.
 *     error = |a - n| / max(|a|, |n|, 10^-3 max|g|, tiny)
 * where g is the whole derivative checked and tiny, 10^-6 of the scale one order below, keeps the rounding of the
 * differences from being compared with an exact zero. n comes by three-level Richardson extrapolation from the step h.
 * An element for which a comparison changes its outcome between x - h and x + h is a kink: neither passed nor failed.
 *
 * With f = <s, y> for the seed s, its gradient g = J^T s and its Hessian H, all along seeded directions:
 *     slope1     the rate at which |f(x + h d) - f(x) - h <g,d>| falls with h: 2 or more
 *     slope2     that of |f(x + h d) - f(x) - h <g,d> - h^2/2 <d,Hd>|: 3 or more
 *     symmetry   |<u,Hv> - <v,Hu>| relative to the sums' terms
 *     duality    |<s,Jv> - <J^T s,v>|, pal_jvp against pal_vjp
 *     linearity  of the vjp in its seed
 * A slope is fitted by least squares where the remainder stands clear of rounding (which is measured) and no comparison
 * changed; NaN: too exact to tell, still rising to what is expected, or kinks everywhere. Where the next term of the
 * series vanishes it is higher than expected, which is no fault; other directions are tried first. */
#ifndef PAL_GRADCHECK_H
#define PAL_GRADCHECK_H

#include "autograd/autograd.h"
#include "autograd/operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pal_gradcheck_options {
    size_t struct_size;
    int order;           /* 1 or 2; 0: 1 */
    uint64_t seed;       /* of inputs, of the sample of elements, of directions */
    size_t max_elements; /* of each input at first order; 0: 200 */
    double step;         /* 0: 2^-5 */
    double tolerance;    /* 0: 1e-7 at first order, 1e-6 at second */
} pal_gradcheck_options;

/* What the other checks allow, at any tolerance. */
#define PAL_CHECK_SLOPE     0.1   /* below 2 and 3 */
#define PAL_CHECK_IDENTITY  1e-10 /* symmetry, duality */
#define PAL_CHECK_LINEARITY 1e-11

typedef enum pal_verdict { PAL_CHECK_PASS, PAL_CHECK_FAIL, PAL_CHECK_KINK, PAL_CHECK_ERROR } pal_verdict;
const char *pal_verdict_text(pal_verdict verdict); /* "pass", ... */

typedef struct pal_gradcheck_report {
    char name[64], label[64];
    char source[64]; /* of an operation: file and line of its formula; "": not told */
    int order;
    pal_verdict verdict;
    double error, tolerance, step; /* error: the worst element's */
    size_t input, element;         /* which that is; at second order element of H d */
    char index[96];                /* the element by its axes: "[1,2]" */
    double analytic, numeric;
    double rate; /* observed order of the plain difference's error there (2 is right); NaN: too exact to tell */
    /* NaN: too exact to tell, or not checked: slope2 and symmetry at second order alone, the next two at first alone */
    double slope1, slope2;
    double symmetry, duality, linearity;
    size_t checked, kinks;
    char message[400]; /* ERROR: what the tape or the program said; FAIL: which checks failed and by how much */
} pal_gradcheck_report;

/* Checks build(inputs) by every input. The inputs are float64 tensors, left as they were; build records on a float64
 * tape and may return any real shape (it is contracted with a seeded seed). Returns PAL_OK if the check could be made:
 * the verdict is in the report. */
typedef pal_var (*pal_build)(pal_tape *tape, const pal_var *inputs, const void *user);
pal_status pal_gradcheck(pal_context *context, const char *name, pal_build build, const void *user,
                         pal_tensor *const *inputs, size_t n, const pal_gradcheck_options *options,
                         pal_gradcheck_report *report);

/* The cases of an operation: its own, or those made of its domain: plain, broadcast, odd, of one, scalar, empty. */
size_t pal_gradcheck_op_cases(const pal_op *op);
bool pal_gradcheck_op_case(const pal_op *op, size_t i, pal_case *out); /* false: no such */
pal_status pal_gradcheck_op(pal_context *context, const pal_op *op, size_t i, const pal_gradcheck_options *options,
                            pal_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#endif
