/* lbfgs.c - limited-memory BFGS over a flat vector on the host (Nocedal and Wright 2006, chapters 3 and 7).
 *
 * Invariants between iterations: result->value and g0 are the value and gradient at x0; every stored pair has s'y > 0,
 * so the directions descend. The test for decrease allows for the rounding error of the value: near a minimum the slope
 * is still accurate when the differences of values are not. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "optim/optim.h"

#define DECREASE 1e-4 /* c1 and c2 of the strong Wolfe conditions: the book's values for quasi-Newton methods */
#define SLOPE    0.9
enum { MEMORY = 10, ITERATIONS = 1000, TRIALS = 40 };

typedef struct point { /* on the search line: step, value, slope */
    double a, f, d;
} point;

typedef struct search {
    pal_lbfgs_options o;
    pal_lbfgs_fn f;
    void *user;
    size_t n, pairs, next; /* pairs: how many are stored; next: where the next one goes */
    double *memory;        /* one block that contains all arrays */
    double *x0, *g0, *x, *g, *p, *s, *y, *rho, *alpha;
    pal_lbfgs_result *result;
} search;

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double largest(const double *a, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i]) <= m)) m = fabs(a[i]);
    return m;
}

static void add(double *to, double factor, const double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += factor * a[i];
}

/* ---- The line search: algorithms 3.5 and 3.6 ------------------------------------------------------------------ */

static pal_status probe(search *s, double a, point *out)
{
    memcpy(s->x, s->x0, s->n * sizeof *s->x);
    add(s->x, a, s->p, s->n);
    s->result->evaluations++;
    out->a = a;
    pal_status status = s->f(s->x, &out->f, s->g, s->user);
    out->d = dot(s->g, s->p, s->n);
    return status;
}

static bool decreases(const point *at, const point *start)
{
    double slack = 4 * DBL_EPSILON * fabs(start->f);
    return isfinite(at->d) && at->f <= start->f + DECREASE * at->a * start->d + slack;
}

static bool flat(const point *at, const point *start) { return fabs(at->d) <= -SLOPE * start->d; }

/* The minimum of the cubic through both values and slopes. If it does not exist or is near an end: the middle. */
static double between(const point *p, const point *q)
{
    double low = fmin(p->a, q->a), width = fabs(q->a - p->a);
    double u = p->d + q->d - 3 * (p->f - q->f) / (p->a - q->a), v = u * u - p->d * q->d;
    double root = copysign(sqrt(v), q->a - p->a),
           a = q->a - (q->a - p->a) * (q->d + root - u) / (q->d - p->d + 2 * root);
    return a >= low + 0.1 * width && a <= low + 0.9 * width ? a : low + 0.5 * width;
}

/* Finds a step between low and high that satisfies the conditions; low is the best step so far. */
static pal_status zoom(search *s, const point *start, point low, point high, point *out)
{
    pal_status status = PAL_OK;
    for (int i = 0; i < TRIALS && fabs(high.a - low.a) > DBL_EPSILON * fabs(low.a); i++) {
        status = probe(s, between(&low, &high), out);
        if (status) return status;
        if (!decreases(out, start) || out->f > low.f) {
            high = *out;
            continue;
        }
        if (flat(out, start)) return PAL_OK;
        if (out->d * (high.a - low.a) >= 0) high = low;
        low = *out;
    }
    return out->a == low.a ? status : probe(s, low.a, out); /* the best step with a decrease, or the start */
}

static pal_status line_search(search *s, const point *start, double first, point *out)
{
    point before = *start;
    for (double a = first;; a *= 2) {
        pal_status status = probe(s, a, out);
        if (status) return status;
        if (!decreases(out, start) || (before.a > 0 && out->f >= before.f)) return zoom(s, start, before, *out, out);
        if (flat(out, start) || a > 1e20) return PAL_OK;
        if (out->d >= 0) return zoom(s, start, *out, before, out);
        before = *out;
    }
}

/* ---- The direction: algorithm 7.4 ----------------------------------------------------------------------------- */

/* p = -H g: a loop from the newest pair to the oldest, and one back. */
static void direction(search *s)
{
    for (size_t i = 0; i < s->n; i++) s->p[i] = -s->g0[i];
    for (size_t k = 1; k <= s->pairs; k++) {
        size_t at = (s->next + s->o.memory - k) % s->o.memory;
        s->alpha[at] = s->rho[at] * dot(s->s + at * s->n, s->p, s->n);
        add(s->p, -s->alpha[at], s->y + at * s->n, s->n);
    }
    if (s->pairs) {
        size_t at = (s->next + s->o.memory - 1) % s->o.memory;
        double scale = 1 / (s->rho[at] * dot(s->y + at * s->n, s->y + at * s->n, s->n));
        for (size_t i = 0; i < s->n; i++) s->p[i] *= scale;
    }
    for (size_t k = s->pairs; k >= 1; k--) {
        size_t at = (s->next + s->o.memory - k) % s->o.memory;
        double beta = s->rho[at] * dot(s->y + at * s->n, s->p, s->n);
        add(s->p, s->alpha[at] - beta, s->s + at * s->n, s->n);
    }
}

static void keep_pair(search *s)
{
    double *step = s->s + s->next * s->n, *change = s->y + s->next * s->n;
    for (size_t i = 0; i < s->n; i++) {
        step[i] = s->x[i] - s->x0[i];
        change[i] = s->g[i] - s->g0[i];
    }
    double curvature = dot(step, change, s->n);
    if (!(curvature > DBL_EPSILON * dot(change, change, s->n))) return;
    s->rho[s->next] = 1 / curvature;
    s->next = (s->next + 1) % s->o.memory;
    if (s->pairs < s->o.memory) s->pairs++;
}

static void swap(double **a, double **b)
{
    double *t = *a;
    *a = *b;
    *b = t;
}

/* ---- The iteration: algorithm 7.5 ----------------------------------------------------------------------------- */

static pal_status iterate(search *s, pal_error *err)
{
    pal_lbfgs_result *r = s->result;
    r->evaluations = 1;
    pal_status status = s->f(s->x0, &r->value, s->g0, s->user);
    if (status) return pal_error_set(err, status, "lbfgs: the function failed");
    if (!isfinite(r->value) || !isfinite(largest(s->g0, s->n)))
        return pal_error_set(err, PAL_ERR_NUMERIC, "lbfgs: the value or the gradient is not finite at the start");
    for (;;) {
        r->gradient = largest(s->g0, s->n);
        r->converged = r->gradient <= s->o.gradient;
        if (r->converged || r->iterations == s->o.iterations) return PAL_OK;
        direction(s);
        point start = {.f = r->value, .d = dot(s->g0, s->p, s->n)}, end = start;
        if (start.d < 0) status = line_search(s, &start, s->pairs ? 1 : 1 / sqrt(dot(s->g0, s->g0, s->n)), &end);
        if (status) return pal_error_set(err, status, "lbfgs: the function failed");
        bool moved = end.a > 0 && decreases(&end, &start);
        if (!moved && !s->pairs) return PAL_OK;
        if (!moved) { /* the pairs gave a bad direction: try once more along the gradient */
            s->pairs = 0;
            continue;
        }
        keep_pair(s);
        swap(&s->x, &s->x0);
        swap(&s->g, &s->g0);
        r->value = end.f;
        r->iterations++;
    }
}

pal_status pal_lbfgs(double *x, size_t n, pal_lbfgs_fn f, void *user, const pal_lbfgs_options *given,
                     pal_lbfgs_result *result, pal_error *err)
{
    pal_lbfgs_result own;
    search s = {.f = f, .user = user, .n = n, .result = result ? result : &own};
    if (pal_options_read(&s.o, given, sizeof s.o, sizeof s.o, "lbfgs", err)) return PAL_ERR_ARGUMENT;
    if (!s.o.memory) s.o.memory = MEMORY;
    if (!s.o.iterations) s.o.iterations = ITERATIONS;
    if (!(s.o.gradient > 0)) s.o.gradient = 1e-6;
    *s.result = (pal_lbfgs_result){0};
    if (!x || !n || !f || s.o.iterations < 0 || s.o.memory > 1000)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "lbfgs: needs a vector, a function, and at most 1000 pairs");
    s.memory = calloc((5 + 2 * s.o.memory) * n + 2 * s.o.memory, sizeof(double));
    if (!s.memory) return pal_error_set(err, PAL_ERR_MEMORY, "lbfgs: out of memory for %zu numbers", n);
    double **const arrays[] = {&s.x0, &s.g0, &s.x, &s.g, &s.p, &s.s};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) *arrays[i] = s.memory + i * n;
    s.y = s.s + s.o.memory * n;
    s.rho = s.y + s.o.memory * n;
    s.alpha = s.rho + s.o.memory;
    memcpy(s.x0, x, n * sizeof *x);
    pal_status status = iterate(&s, err);
    memcpy(x, s.x0, n * sizeof *x);
    free(s.memory);
    return status;
}
