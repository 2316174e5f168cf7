/* clang-format off */
/* gradcheck_function.h - checks derivatives that somebody wrote by hand: any C function and its backward pass.
 *
 * No tape is needed. A function is described by its arguments, its results and its code (pal_function). The checker
 * contracts the results with a random seed s, so that f = <s, results> is a number, and compares
 *     <gradient of f, d>  with  the derivative of f along d
 * along random directions d; where a direction fails, it goes through the elements, names the worst one and says which
 * mistake it looks like. The numeric derivative has an error bar, which follows from the function's own rounding: that
 * is measured. So the same checker serves float64 and float32: what is inside the bars is never accused.
 *
 *     static int forward(const pal_function_call *c)  { ... reads c->in[0], writes c->out[0] and c->saved ... }
 *     static int backward(const pal_function_call *c) { ... reads c->seed[0] and c->saved, writes c->gradient[0] ... }
 *     static const pal_array in[] = {{.name = "x", .shape = {2, {4, 8}}, .low = -2, .high = 2}};
 *     static const pal_array out[] = {{.name = "y", .shape = {2, {4, 8}}}};
 *     static const pal_function gelu = {
 *         .struct_size = sizeof gelu, .name = "gelu", .dtype = PAL_F32, .in = in, .n_in = 1, .out = out, .n_out = 1,
 *         .forward = forward, .backward = backward};
 *     ...
 *     pal_gradcheck_function(context, &gelu, NULL, &report);
 *
 * examples/check_handwritten.c is a complete program; autograd/gradcheck_macros.h has assertions for Check, cmocka and
 * plain C, and output for TAP. docs/gradcheck.md explains the verdicts. */
/* clang-format on */
#ifndef PAL_GRADCHECK_FUNCTION_H
#define PAL_GRADCHECK_FUNCTION_H

#include "autograd/gradcheck.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* ---- What a function reads and writes ------------------------------------------------------------------------- */

/* Where an argument must stay. Steps and directions keep the constraint, and only the part of the gradient along it is
 * compared. Rows are along the last axis. */
typedef enum pal_constraint {
    PAL_FREE,
    PAL_FIXED,     /* no derivative by it: labels, masks, sizes, weights of a loss */
    PAL_ROW_SUM,   /* every row keeps its sum */
    PAL_SIMPLEX,   /* every row is positive and sums to 1 */
    PAL_UNIT_ROWS, /* every row has length 1 */
    PAL_SYMMETRIC, /* a matrix, or several along the first axes, equal to its transpose */
    PAL_CONSTRAINT_COUNT
} pal_constraint;

typedef struct pal_array {
    const char *name;
    pal_shape shape;
    /* Arguments: elements are drawn uniformly from low to high, the open domain of the function; both 0: from -1 to 1.
     * No step leaves the domain. */
    double low, high;
    /* Or these values, of the argument's type, instead of drawn ones. The domain is then low to high; both 0:
     * unbounded. */
    const void *values;
    pal_constraint constraint;
    /* Values at which the function has a kink in each element, such as 0 for relu. Drawn elements keep a distance from
     * them, and no step crosses them. (Kinks that are not listed are found, and are neither passed nor failed.) */
    const double *kinks;
    size_t n_kinks;
    /* Of a fixed argument: PAL_I32, PAL_U8 or PAL_BOOL; else it has the function's type. Whole numbers are drawn from
     * low to below high; both 0: 0 or 1. */
    pal_dtype dtype;
} pal_array;

typedef struct pal_function_call {
    const void *const *in;        /* [n_in] */
    void *const *out;             /* [n_out]: forward writes them */
    const void *const *seed;      /* [n_out]: the derivatives of f by the results; backward and product read them */
    void *const *gradient;        /* [n_in]: backward writes the derivatives of f by the arguments, or adds to what is
                                   * there (pal_function.adds); NULL for a fixed argument */
    const void *const *direction; /* [n_in]: product reads v; NULL for a fixed argument */
    void *const *product;         /* [n_in]: product writes H v, the derivative of <gradient, v> by the arguments */
    void *saved;                  /* what forward leaves for backward; 64-byte aligned */
    uint64_t draw;                /* equal numbers: equal random numbers */
    const void *user;
} pal_function_call;
typedef int (*pal_function_fn)(const pal_function_call *call); /* 0: done; else the check ends with PAL_CHECK_ERROR */

enum { PAL_FUNCTION_ARRAYS = 16 };

typedef struct pal_function {
    size_t struct_size;
    const char *name;
    const char *source; /* for reports, such as "layernorm.c:12"; NULL: unknown */
    pal_dtype dtype;    /* PAL_F32 or PAL_F64: arguments, results and derivatives */
    const pal_array *in, *out;
    size_t n_in, n_out; /* at most PAL_FUNCTION_ARRAYS each */
    size_t saved;       /* bytes that forward leaves for backward */
    pal_function_fn forward;
    /* Is called after forward with the same arguments, saved state and draw. NULL: forward also writes `gradient` where
     * it is not NULL; then seeds are 1 and there is one result of one element (a function that returns value and
     * gradient). */
    pal_function_fn backward;
    pal_function_fn product; /* Hessian times vector; it is called after forward; NULL: none */
    bool adds; /* backward adds to `gradient`: it must keep what it finds there. Else it writes all of it */
    const void *user;
} pal_function;

/* ---- The check ------------------------------------------------------------------------------------------------ */

typedef struct pal_function_options {
    size_t struct_size;
    uint64_t seed;       /* of arguments, seeds and directions */
    unsigned points;     /* draws of the arguments; 0: 3; one if all have values */
    unsigned directions; /* for each argument at each point; 0: 8 */
    double tolerance;    /* relative; 0: 1e-7 in float64, 1e-3 in float32 */
    size_t max_elements; /* compared one by one where a direction fails; 0: 200 */
} pal_function_options;

/* What the wrong derivative looks like. The texts are whole phrases: "the sign is flipped". */
typedef enum pal_mistake {
    PAL_MISTAKE_NONE,
    PAL_MISTAKE_SIGN,
    PAL_MISTAKE_FACTOR, /* a constant factor, which the report tells */
    PAL_MISTAKE_TRANSPOSED,
    PAL_MISTAKE_REVERSED,   /* the elements of an axis in the opposite order */
    PAL_MISTAKE_SHIFTED,    /* moved by some places along an axis */
    PAL_MISTAKE_OVERWRITES, /* loses what was in the gradient, although it should add */
    PAL_MISTAKE_ADDS,       /* keeps what was in the gradient, although it should write */
    PAL_MISTAKE_UNWRITTEN,  /* leaves elements unwritten */
    PAL_MISTAKE_ZERO,       /* zero where the function changes */
    PAL_MISTAKE_SUMMED,     /* a sum over an axis is missing, or is one too many */
    PAL_MISTAKE_EDGE,       /* only elements at the end of an axis differ */
    PAL_MISTAKE_STALE,      /* depends on an earlier call: an old saved value */
    PAL_MISTAKE_CHANGES,    /* writes to its arguments, seeds, or beyond the end of an array */
    PAL_MISTAKE_UNSTEADY,   /* two calls with the same arguments give different results */
    PAL_MISTAKE_OTHER,
    PAL_MISTAKE_COUNT
} pal_mistake;
const char *pal_mistake_text(pal_mistake mistake);

typedef struct pal_function_report {
    char name[64], source[64];
    pal_verdict verdict;
    pal_mistake mistake;
    double factor;                 /* PAL_MISTAKE_FACTOR: hand-written = factor * derivative */
    char argument[32], index[96];  /* the worst element: "W", "[1,2]"; argument "": none */
    bool second;                   /* the Hessian's product is wrong, not the gradient */
    double analytic, numeric, bar; /* its hand-written and its numeric derivative, and the latter's error bar */
    double error, tolerance;       /* |analytic - numeric| in units as in gradcheck.h; the tolerance of the check */
    double noise;                  /* the function's rounding, measured, relative to its size */
    size_t calls;                  /* of forward */
    size_t directions, elements;   /* compared */
    size_t kinks, undecided;       /* directions and elements that were neither passed nor failed */
    char message[400];             /* one line: what is wrong and where; "": the check passed */
    /* The smallest error of a constant factor that the check would have called wrong, relative to the derivative: of
     * the argument where it is largest. 0: unknown. A wrong element or row must be larger. */
    double detectable;
} pal_function_report;

/* The verdicts:
 *     PASS        nothing is wrong, and at least half of the directions that move a whole argument could decide
 *     FAIL        a derivative differs from the numeric one by more than rounding explains, or the code broke a promise
 *     KINK        there is a kink at the points, along more than half of those directions of an argument
 *     UNDECIDED   along more than half of them, rounding hides the derivative, so that a wrong one would not be seen
 *                 either; or the function is a staircase, flat between its steps, such as a table of constants. The
 *                 message says which, and whose rounding it is: the function's or the gradient's
 *     ERROR       a call failed, a result is NaN or infinite at a point, or the description is not valid
 * A derivative that is below the function's rounding passes if the numeric one is zero up to rounding. A result that is
 * exactly the same between steps, because it is rounded in stairs, decides nothing.
 *
 * Checks gradient and, if there is one, the Hessian's product. Guards lie around each array, arguments are checked to
 * be unchanged, and a gradient that adds is given something to add to. Returns PAL_OK if the check was possible; the
 * verdict is in the report. PAL_ERR_ARGUMENT: the description is not valid, PAL_ERR_MEMORY; the report has the message.
 */
pal_status pal_gradcheck_function(pal_context *context, const pal_function *function,
                                  const pal_function_options *options, pal_function_report *report);

/* Adds a function to the list that `palindrome gradcheck --load FILE.so` checks; call it in palindrome_register. The
 * function must stay valid until the process ends. PAL_ERR_ARGUMENT, PAL_ERR_EXISTS (the name is taken). May be called
 * from any thread. The list only grows. */
pal_status pal_function_register(const pal_function *function, pal_error *err);
const pal_function *pal_function_at(size_t i); /* NULL: no more */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
