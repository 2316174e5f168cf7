/* gradcheck_taylor.c - measures the rates at which the Taylor remainders of f = <s, y> fall along a seeded direction.
 *
 * The level of rounding is measured, not guessed. At very small steps the true remainder is negligible, so what is left
 * of f(x + h d) - f(x) - h <g,d> is rounding. (A wrong gradient adds to it, but less than at any step of the sweep.)
 * The largest step of the sweep is chosen for each direction as the steps of the differences are (gradcheck_steps.c).
 * The slope is fitted to the smallest steps whose remainder is above clear_of_rounding times that level. There the
 * leading term dominates.
 *
 * It does not dominate near a step where two terms cancel. So the steps at and above a change of sign are left out, and
 * a rate is not judged if it is too low but rises to the expected one as the steps shrink. A wrong derivative leaves a
 * term of lower order: the smaller the steps, the more exactly the remainder falls at that lower rate. */
#include "autograd/check/internal.h"

#include <math.h>
#include <string.h>

enum { DIRECTIONS = 3, STEPS = 16, TINY = 8, WINDOW = 6, FEWEST = 3 };
static const double clear_of_rounding = 64, tiny_step = 0x1p-23, nearer = 0.65;

typedef struct sweep {
    long double first, second; /* <g,d>, <d,Hd> */
    double rounding;
    double h[STEPS], r1[STEPS], r2[STEPS]; /* remainders; NaN: across a kink */
} sweep;

/* f(x + step d) - f(x), subtracted by elements before the sum. *same: no comparison changed its outcome. */
static bool rise(pal__check *c, const double *saved, double step, long double *out, bool *same)
{
    pal__check_move(c, saved, step);
    if (!pal__check_run(c, c->function)) return false;
    const double *s = c->owned[0]->data, *y = pal_output(c->function, c->value)->data;
    *out = 0;
    for (size_t i = 0; i < pal_tensor_count(c->owned[0]); i++)
        *out += (long double)s[i] * ((long double)y[i] - (long double)c->value0[i]);
    *same = pal__check_decisions(c, false);
    return true;
}

/* Finds the largest step of the sweep: that of the ladder that gives f's derivative along the direction, so that the
 * leading terms dominate below it. 0: the ladder does not settle. */
static bool find_start(pal__check *c, const double *saved, double *start)
{
    pal__line line = {.at_all = saved, .scalar = true, .m = 1};
    pal__estimate e;
    *start = 0;
    if (!pal__check_run(c, c->function)) return false;
    memcpy(c->value0, pal_output(c->function, c->value)->data, pal_tensor_bytes(c->owned[0]));
    if (!pal__check_ladder(c, &line, 0.25 * c->o.step, &e)) return false;
    double exact = c->o.tolerance * fmax(fabs(e.value), PAL__CHECK_TINY * e.size);
    if (e.bar <= exact && !e.kink) *start = fmin(4 * e.step, line.reach);
    return true;
}

static bool measure(pal__check *c, const double *saved, double start, sweep *w)
{
    const double tiny = tiny_step * start;
    const pal_tensor *seed = c->owned[0];
    double *derivative = c->scratch + c->total;
    if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
    bool second = c->o.order == 2, same;
    pal__check_outputs(c->gradient, c->n, derivative);
    long double along = pal__check_along(c, derivative).sum, d;
    w->second = second ? along : 0;
    if (second) pal__check_outputs(c->function, c->n, derivative);
    w->first = second ? pal__check_along(c, derivative).sum : along;
    memcpy(c->value0, pal_output(c->function, c->value)->data, pal_tensor_bytes(seed));
    pal__check_decisions(c, true);
    w->rounding = 0x1p-53 * (double)pal__check_dot(seed->data, c->value0, pal_tensor_count(seed)).magnitude;
    for (int k = 1; k <= TINY; k++) {
        if (!rise(c, saved, k * tiny, &d, &same)) return false;
        if (same) w->rounding = fmax(w->rounding, fabs((double)(d - k * tiny * w->first)));
    }
    for (int k = 0; k < STEPS; k++) {
        long double h = w->h[k] = start / (1 << k);
        if (!rise(c, saved, w->h[k], &d, &same)) return false;
        d -= h * w->first;
        w->r1[k] = same ? (double)d : NAN;
        w->r2[k] = same ? (double)(d - h * h / 2 * w->second) : NAN;
    }
    return true;
}

static double rate(const double *x, const double *y, int from, int to) { return (y[to] - y[from]) / (x[to] - x[from]); }

/* Whether the rate rises to the expected one as the steps shrink, because the next term of the series fades: over the
 * smaller half of the steps it is at most half as far below as over the larger half. */
static bool rises(const double *x, const double *y, int n, double expected)
{
    double small = rate(x, y, 0, n / 2), large = rate(x, y, n / 2, n - 1);
    return small > expected - nearer && expected - small <= (expected - large) / 2;
}

/* The slope of log |r| over log h by least squares at the smallest usable steps. NaN: cannot be judged. */
static double slope(const sweep *w, const double *r, double expected)
{
    double x[WINDOW], y[WINDOW], sx = 0, sy = 0, xx = 0, xy = 0, sign = 0;
    int n = 0;
    for (int k = STEPS - 1; k >= 0 && n < WINDOW; k--) {
        if (!(fabs(r[k]) > clear_of_rounding * w->rounding) || !isfinite(r[k])) continue;
        if (sign * r[k] < 0) break;
        sign = copysign(1, r[k]);
        x[n] = log2(w->h[k]), y[n] = log2(fabs(r[k]));
        sx += x[n], sy += y[n], xx += x[n] * x[n], xy += x[n] * y[n];
        n++;
    }
    if (n < FEWEST) return NAN;
    double fit = (n * xy - sx * sy) / (n * xx - sx * sx);
    return fit < expected - PAL_CHECK_SLOPE && rises(x, y, n, expected) ? NAN : fit;
}

/* Ranks slopes, best first: close to the expected one, the closest first; then higher ones; then lower ones. */
static double badness(double slope, double expected)
{
    if (isnan(slope)) return INFINITY;
    double off = slope - expected;
    return fabs(off) <= PAL_CHECK_SLOPE ? fabs(off) : off > 0 ? 1 : 1 - off;
}

/* Keeps the better slope. True: it fits so well that no other direction is needed. */
static bool keep_better(double *kept, double seen, double expected)
{
    if (badness(seen, expected) < badness(*kept, expected)) *kept = seen;
    return badness(*kept, expected) <= PAL_CHECK_SLOPE / 4;
}

bool pal__check_taylor(pal__check *c)
{
    pal_gradcheck_report *r = c->r;
    double *saved = c->scratch, start;
    bool ok = true, second = c->o.order == 2;
    pal__check_save(c, saved);
    if (second && !pal__check_noise(c, saved, true)) return false;
    for (int k = 0; k < DIRECTIONS && ok; k++) {
        sweep w;
        pal__check_direct(c, "taylor", k);
        ok = find_start(c, saved, &start);
        if (ok && start == 0) {
            pal__check_scale(c, saved);
            ok = find_start(c, saved, &start);
        }
        if (!ok || start == 0) continue;
        ok = measure(c, saved, start, &w);
        pal__check_move(c, saved, 0);
        if (!ok) break;
        bool fits = keep_better(&r->slope1, slope(&w, w.r1, 2), 2);
        if (second && !keep_better(&r->slope2, slope(&w, w.r2, 3), 3)) fits = false;
        if (fits) break;
    }
    return ok;
}
