/* function.h - declarations shared by the files that check hand-written derivatives (autograd/gradcheck_function.h).
 *
 * Data flow: function.c draws a point, function_call.c calls the code there and sees whether it keeps its promises,
 * function_direct.c makes directions, function_steps.c finds the derivative along one of them, function_compare.c
 * compares it with the hand-written one, and function_stairs.c says whether there is anything to compare.
 * function_argument.c does so for all directions of an argument. Where one is wrong, function_diagnose.c compares the
 * elements, and function_mistakes.c says which mistake they look like. */
#ifndef PAL_CHECK_FUNCTION_H
#define PAL_CHECK_FUNCTION_H

#include "autograd/gradcheck_function.h"
#include "autograd/internal.h"

enum { PAL__FN_DEGREE = 16, PAL__FN_ARRAYS = PAL_FUNCTION_ARRAYS };

typedef struct pal__fn_array { /* one array between two guards */
    unsigned char *data;
    size_t bytes;
} pal__fn_array;

/* Of a comparison. OPEN: the function's rounding hides its derivative, BLURRED: the rounding of the hand-written
 * derivative hides a difference, STAIRS: there are jumps all along, KINK: the sides differ. */
typedef enum pal__fn_outcome {
    PAL__FN_RIGHT,
    PAL__FN_WRONG,
    PAL__FN_KINK,
    PAL__FN_OPEN,
    PAL__FN_BLURRED,
    PAL__FN_STAIRS,
    PAL__FN_OUTCOMES
} pal__fn_outcome;

typedef struct pal__fn_tally { /* of the directions that move a whole argument */
    size_t dense, of[PAL__FN_OUTCOMES];
    double seen; /* the smallest error of a factor that one of them could see; 0: none has decided */
} pal__fn_tally;

typedef struct pal__fn {
    pal_context *context;
    const pal_function *f;
    pal_function_options o;
    pal_function_report *r;
    pal_status status; /* of a check that was not possible */
    /* the rounding of the number that is followed, as a coefficient of its series: on the smallest window, and along
     * dense directions */
    double noise, quiet;
    double stairs; /* the rounding that is seen on wide windows alone; see function_compare.c */
    double eps;    /* half the distance of 1 to the next number */
    size_t count[PAL__FN_ARRAYS], at[PAL__FN_ARRAYS]; /* of arguments: elements; where they begin in the vectors */
    size_t n_y[PAL__FN_ARRAYS], at_y[PAL__FN_ARRAYS]; /* the same of results */
    size_t total, total_y;
    pal__fn_array in[PAL__FN_ARRAYS], out[PAL__FN_ARRAYS], seed[PAL__FN_ARRAYS], gradient[PAL__FN_ARRAYS],
        direction[PAL__FN_ARRAYS], product[PAL__FN_ARRAYS], saved;
    unsigned char *block, *copy; /* all arrays with their guards; what arguments, seeds and directions must stay */
    size_t n_block;
    unsigned char guard;  /* the byte that fills the guards */
    uint64_t draw, drawn; /* of the calls at this point; the number of random vectors so far */
    /* vectors of `total` elements: the point, another one, how far an element may move, a direction, the gradient,
     * noise, and room */
    double *x, *x2, *scale, *d, *g, *z, *t1, *t2, *hu;
    const double *weights; /* while the Hessian's product is checked: u, and c->g is H u */
    double *s, *y, *y2;    /* vectors of `total_y` elements: the seed, and results */
    double *vectors;
    uint8_t *mask, *skip; /* `total`: whether an element moves; whether it never does */
    double *elements;     /* by element of the argument that fails: its two derivatives and the bar; 3 * total */
    size_t point;
    pal__fn_tally tally[2][PAL__FN_ARRAYS]; /* of the gradient and of the Hessian's product */
} pal__fn;

/* The derivative along a line. */
typedef struct pal__slope {
    double value, bar; /* bar: the error is at most this; INFINITY: no step was usable */
    double step;       /* half the width of the window that gave the value */
    double plateau;    /* the noise of the coefficients in that window */
    double size;       /* the size of f there: the root of the sum of squares of its terms */
    double highest;    /* the largest coefficient but the first: how much f changes on the window */
    double rough;      /* the largest tail of a window's series that does not fall */
    double loose;      /* as bar, if the plateau were noise; INFINITY: the series does not stand out of it */
    double scale;      /* of the comparison: the larger derivative, or its terms if they cancel */
    double seen;       /* the smallest error, relative to the derivative, that would be called wrong */
    bool kink;
} pal__slope;

/* A line x + t d, where some arguments move; and the number that is followed on it: <seed, results> or, for a product,
 * <weights, gradient>. */
typedef struct pal__fn_line {
    size_t first, last;    /* the arguments that move: first .. last-1 */
    const double *d;       /* `total` */
    const double *weights; /* NULL: the number is <seed, results> */
    const double *correct; /* the hand-written derivative of the number by the arguments */
    double start;          /* the half width with which to begin */
} pal__fn_line;

/* Whether an argument has whole numbers. */
static inline bool pal__fn_whole(const pal_array *a)
{
    return a->constraint == PAL_FIXED && (a->dtype == PAL_I32 || a->dtype == PAL_U8 || a->dtype == PAL_BOOL);
}

/* function_call.c. The functions return false if the check ends: status or verdict are set. */
bool pal__fn_prepare(pal__fn *c);
void pal__fn_free(pal__fn *c);
bool pal__fn_error(pal__fn *c, const char *format, ...) __attribute__((format(printf, 2, 3))); /* verdict ERROR */
bool pal__fn_accuse(pal__fn *c, pal_mistake mistake, const char *format, ...) __attribute__((format(printf, 3, 4)));
void pal__fn_store(pal__fn *c, const double *x, size_t argument); /* x: `total` */
void pal__fn_store_seed(pal__fn *c);
bool pal__fn_forward(pal__fn *c);
bool pal__fn_backward(pal__fn *c); /* after forward */
bool pal__fn_read(pal__fn *c, const pal__fn_array *arrays, bool results, double *out);
void pal__fn_fill(pal__fn *c, const pal__fn_array *a, const double *values); /* in the function's type */
double pal__fn_round(const pal__fn *c, double x);
void pal__fn_remember(pal__fn *c); /* after a change of arguments, seeds or directions */
void pal__fn_guard(pal__fn *c, unsigned char byte);
bool pal__fn_intact(pal__fn *c, const char *who); /* guards, arguments, seeds, directions */
/* f at the stored arguments; *size: the root of the sum of squares of its terms */
bool pal__fn_value(pal__fn *c, double *value, double *size);
/* The gradient at the stored arguments, from zeros. */
bool pal__fn_gradient(pal__fn *c, double *out);
/* H v; the array held `before` in each element. */
bool pal__fn_product(pal__fn *c, const double *v, double before, double *out);
const char *pal__fn_index(const pal_shape *shape, size_t i, char *buf, size_t size);

/* function.c */
pal_status pal__fn_valid(const pal_function *f, pal_error *err);

/* function_promises.c: what the code must keep at a point, whatever the numbers are; leaves the gradient in c->g */
bool pal__fn_promises(pal__fn *c);

/* function_direct.c */
void pal__fn_uniform(pal__fn *c, size_t n, double low, double high, double *out);
bool pal__fn_draw(pal__fn *c, double *x); /* a point; its other arguments go to their arrays */
void pal__fn_reach(pal__fn *c, bool own); /* how far elements may move; own: measured by their own size */
/* A direction for one argument whose elements move where the mask is set. */
void pal__fn_direct(pal__fn *c, size_t argument, bool even, double *d);
void pal__fn_move(pal__fn *c, const pal__fn_line *line, double t, double *correction);

/* function_steps.c. false: a call failed. `enough`: a bar that needs no improvement, relative to `scale` or the value
 */
bool pal__fn_slope(pal__fn *c, pal__fn_line *line, double enough, double scale, pal__slope *out);
bool pal__fn_noise(pal__fn *c, const pal__fn_line *line); /* before the slopes of an argument */
/* The number that the line follows, at t. */
bool pal__fn_follow(pal__fn *c, const pal__fn_line *line, double t, double *value, double *size);
double pal__fn_lattice(const pal__fn *c, const pal__fn_line *line);
bool pal__fn_window(pal__fn *c, const pal__fn_line *line, double h, pal__slope *out, double *bend, double *floor);
/* The rounding of <gradient, d> at x, where the slope was found. */
bool pal__fn_murmur(pal__fn *c, const pal__fn_line *line, double h, double *bar);

/* function_compare.c */
double pal__fn_limit(const pal__fn *c);
bool pal__fn_compare(pal__fn *c, pal__fn_line *line, pal__slope *slope, double *analytic, pal__fn_outcome *outcome);

/* function_stairs.c. Whether f is a staircase whose rise agrees with the hand-written derivative; whether rounding
 * makes it one. */
bool pal__fn_stairs(pal__fn *c, const pal__fn_line *line, const pal__slope *slope, double analytic, bool accused,
                    bool *stairs);
bool pal__fn_rounded_stairs(pal__fn *c, const pal__fn_line *line, pal__slope *slope, bool *stairs);

/* function_argument.c */
bool pal__fn_argument(pal__fn *c, size_t argument);
bool pal__fn_second(pal__fn *c);
void pal__fn_sum_up(pal__fn *c); /* the verdict, if nothing was wrong */

/* function_diagnose.c: an argument whose direction (in c->mask, c->d) was wrong */
bool pal__fn_diagnose(pal__fn *c, size_t argument, const pal__slope *slope, double analytic, double start);

/* function_mistakes.c */
typedef struct pal__fn_suspects { /* the elements of that argument */
    pal__fn *c;
    size_t argument, n, wrong, tested;
    const pal_shape *shape;
    double *a, *v, *bar; /* by element: hand-written, numeric, bar; INFINITY: it was not compared */
    double like;         /* a number equals another up to this fraction */
    double factor;
    double off;       /* how far the worst one differs; relative */
    bool missing;     /* SUMMED: a sum is missing */
    pal_mistake also; /* it may be this one instead; NONE: nothing else fits */
} pal__fn_suspects;
bool pal__fn_is_wrong(const pal__fn_suspects *s, size_t i);
pal_mistake pal__fn_mistake(pal__fn_suspects *s);

#endif
