/* gradcheck_taylor.c - the orders at which Taylor's remainders of f = <s, y> fall along a seeded direction.
 *
 * Which remainders stand clear of rounding is measured, not guessed: over steps so small that the true remainder is
 * nothing, what is left of f(x + h d) - f(x) - h <g,d> is rounding (and, of a wrong gradient, less than it leaves at
 * any step of the sweep). The slope is that of the smallest steps above CLEAR times it, where the leading term rules.
 *
 * It does not rule beside a step where two terms cancel: steps at and beyond a change of the remainder's sign are left
 * out, and a rate too low that rises to the expected one as steps fall is not judged. What a wrong derivative leaves
 * is of lower order, and falls at that lower rate the more purely the smaller the steps. */
#include "autograd/check/internal.h"

#include <math.h>
#include <string.h>

enum { DIRECTIONS = 3, STEPS = 16, TINY = 8, WINDOW = 6, FEWEST = 3 };
static const double clear_of_rounding = 64, tiny_step = 0x1p-30, nearer = 0.65;

typedef struct sweep {
    long double first, second; /* <g,d>, <d,Hd> */
    double rounding;
    double h[STEPS], r1[STEPS], r2[STEPS]; /* remainders; NaN: beyond a kink */
} sweep;

/* f(x + step d) - f(x), the difference taken before the sum; *same: no comparison changed its outcome. */
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

static bool measure(pal__check *c, const double *saved, sweep *w)
{
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
        if (!rise(c, saved, k * tiny_step, &d, &same)) return false;
        if (same) w->rounding = fmax(w->rounding, fabs((double)(d - k * tiny_step * w->first)));
    }
    for (int k = 0; k < STEPS; k++) {
        long double h = w->h[k] = 0.25 * c->o.step / (1 << k);
        if (!rise(c, saved, w->h[k], &d, &same)) return false;
        d -= h * w->first;
        w->r1[k] = same ? (double)d : NAN;
        w->r2[k] = same ? (double)(d - h * h / 2 * w->second) : NAN;
    }
    return true;
}

static double rate(const double *x, const double *y, int from, int to) { return (y[to] - y[from]) / (x[to] - x[from]); }

/* Whether the rate at the smaller half of the steps is at most half as far below the expected one as at the larger:
 * so the next term of the series fades. */
static bool rises(const double *x, const double *y, int n, double expected)
{
    double small = rate(x, y, 0, n / 2), large = rate(x, y, n / 2, n - 1);
    return small > expected - nearer && expected - small <= (expected - large) / 2;
}

/* Least squares of log |r| over log h, at the smallest usable steps. */
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

/* Of the directions tried, the one that shows the expected order best; else a higher one; the highest of too low. */
static double badness(double slope, double expected)
{
    if (isnan(slope)) return INFINITY;
    double off = slope - expected;
    return fabs(off) <= PAL_CHECK_SLOPE ? fabs(off) : off > 0 ? 1 : 1 - off;
}

/* Whether it fits well enough to try no other. */
static bool keep_better(double *kept, double seen, double expected)
{
    if (badness(seen, expected) < badness(*kept, expected)) *kept = seen;
    return badness(*kept, expected) <= PAL_CHECK_SLOPE / 4;
}

bool pal__check_taylor(pal__check *c)
{
    pal_gradcheck_report *r = c->r;
    double *saved = c->scratch;
    bool ok = true, second = c->o.order == 2;
    pal__check_save(c, saved);
    for (int k = 0; k < DIRECTIONS && ok; k++) {
        sweep w;
        pal__check_direct(c, "taylor", k);
        ok = measure(c, saved, &w);
        pal__check_move(c, saved, 0);
        if (!ok) break;
        bool fits = keep_better(&r->slope1, slope(&w, w.r1, 2), 2);
        if (second && !keep_better(&r->slope2, slope(&w, w.r2, 3), 3)) fits = false;
        if (fits) break;
    }
    return ok;
}
