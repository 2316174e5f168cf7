/* function_promises.c - what hand-written code must keep, whatever its numbers are.
 *
 * Results, saved state, gradients and guards hold other things in the second call than in the first, and the arguments
 * were others in the call before. The results must be the same. If they are not, a third call tells whether the code is
 * unsteady: then two equal calls differ. Differences of the size of rounding are allowed, because sums of several
 * threads have no fixed order. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ONES = 0xff, LOW = 0x3e, GUARD_1 = 0xa5, GUARD_2 = 0x5a }; /* 0xff..: NaN; 0x3e..: 0.186 or 7e-9 */

static double largest(const double *v, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i])) most = fmax(most, fabs(v[i]));
    return most;
}

/* The first element where v and w differ by more than rounding; n: none. */
static size_t differ(const pal__fn *c, const double *v, const double *w, size_t n, double scale)
{
    const double most = 1e4 * c->eps * fmax(fmax(largest(v, n), largest(w, n)), scale);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(v[i] - w[i]) <= most || v[i] == w[i] || (isnan(v[i]) && isnan(w[i])))) return i;
    return n;
}

static void name_element(pal__fn *c, const pal_array *arrays, const size_t *at, size_t n, size_t i, char *out)
{
    size_t k = 0;
    while (k + 1 < n && at[k + 1] <= i) k++;
    char index[96];
    snprintf(out, 160, "%s at %s", arrays[k].name, pal__fn_index(&arrays[k].shape, i - at[k], index, sizeof index));
    if (arrays == c->f->in) {
        snprintf(c->r->argument, sizeof c->r->argument, "%s", arrays[k].name);
        snprintf(c->r->index, sizeof c->r->index, "%s", index);
    }
}

static bool forward(pal__fn *c, unsigned char fill, unsigned char guard, double *y)
{
    for (size_t k = 0; k < c->f->n_out; k++) memset(c->out[k].data, fill, c->out[k].bytes);
    memset(c->saved.data, fill, c->saved.bytes);
    pal__fn_guard(c, guard);
    return pal__fn_forward(c) && pal__fn_intact(c, "forward") && pal__fn_read(c, c->out, true, y);
}

static bool steady_results(pal__fn *c)
{
    char at[160];
    if (!forward(c, ONES, GUARD_1, c->y) || !forward(c, LOW, GUARD_2, c->y2)) return false;
    size_t i = differ(c, c->y, c->y2, c->total_y, 0);
    if (i < c->total_y) {
        const double first = c->y[i], second = c->y2[i];
        if (!forward(c, LOW, GUARD_2, c->y)) return false;
        name_element(c, c->f->out, c->at_y, c->f->n_out, i, at);
        if (differ(c, c->y, c->y2, c->total_y, 0) < c->total_y)
            return pal__fn_accuse(c, PAL_MISTAKE_UNSTEADY,
                                  "two calls with the same arguments give different results: %s is %.6g, then %.6g", at,
                                  second, c->y[i]);
        double untouched = 0;
        memset(&untouched, LOW, sizeof untouched);
        float small;
        memset(&small, LOW, sizeof small);
        if (c->f->dtype == PAL_F32) untouched = (double)small;
        if (second == untouched && isnan(first))
            return pal__fn_accuse(c, PAL_MISTAKE_UNWRITTEN, "forward leaves %s unwritten", at);
        return pal__fn_accuse(c, PAL_MISTAKE_STALE,
                              "forward depends on what its results or `saved` held before, or on what lies beyond its "
                              "arrays: %s is %.6g, then %.6g",
                              at, first, second);
    }
    for (i = 0; i < c->total_y; i++) {
        if (isfinite(c->y[i])) continue;
        name_element(c, c->f->out, c->at_y, c->f->n_out, i, at);
        return pal__fn_error(c, "the result %s is %g: choose the domain of the arguments so that results are finite",
                             at, c->y[i]);
    }
    return true;
}

/* Arrays of results get seeds of their own scale, so that f is near 1 and no array drowns in another. */
static void seeds(pal__fn *c)
{
    for (size_t k = 0; k < c->f->n_out; k++) {
        double *s = c->s + c->at_y[k];
        const double typical = largest(c->y + c->at_y[k], c->n_y[k]);
        const bool far = typical > 0 && (typical < 1e-3 || typical > 1e3);
        const double unit = far ? ldexp(1, -ilogb(typical)) : 1;
        pal__fn_uniform(c, c->n_y[k], -1, 1, s);
        for (size_t i = 0; i < c->n_y[k]; i++)
            s[i] = c->f->backward ? pal__fn_round(c, unit * (s[i] + (s[i] < 0 ? -0.5 : 0.5))) : 1;
    }
    pal__fn_store_seed(c);
    pal__fn_remember(c);
}

/* From what the arrays hold; the saved state begins as `fill`. */
static bool gradient(pal__fn *c, unsigned char fill, double *out)
{
    memset(c->saved.data, fill, c->saved.bytes);
    return (!c->f->backward || pal__fn_forward(c)) && pal__fn_backward(c) && pal__fn_read(c, c->gradient, false, out) &&
           pal__fn_intact(c, c->f->backward ? "backward" : "forward");
}

static void clear(pal__fn *c)
{
    for (size_t k = 0; k < c->f->n_in; k++) memset(c->gradient[k].data, 0, c->gradient[k].bytes);
}

static bool accuse(pal__fn *c, size_t i, double was, double is, pal_mistake mistake, const char *what)
{
    char at[160];
    name_element(c, c->f->in, c->at, c->f->n_in, i, at);
    c->r->analytic = is;
    c->r->numeric = NAN;
    return pal__fn_accuse(c, mistake, "gradient of %s: %s: %.6g, then %.6g", at, what, was, is);
}

/* The gradient does not depend on the call before it. Leaves it in c->g, and that of the other point in c->z. */
static bool steady_gradient(pal__fn *c)
{
    double none;
    for (size_t k = 0; k < c->f->n_in; k++) pal__fn_store(c, c->x2, k);
    pal__fn_remember(c);
    clear(c);
    if (!gradient(c, ONES, c->z)) return false;
    for (size_t k = 0; k < c->f->n_in; k++) pal__fn_store(c, c->x, k);
    pal__fn_remember(c);
    clear(c);
    if (!gradient(c, LOW, c->t2)) return false; /* after the other point */
    clear(c);
    if (!pal__fn_value(c, &none, &none) || !gradient(c, ONES, c->g)) return false; /* after the same point */
    size_t i = differ(c, c->t2, c->g, c->total, 0);
    if (i == c->total) return true;
    const double before = c->t2[i], now = c->g[i];
    clear(c);
    if (!gradient(c, ONES, c->t2)) return false;
    if (differ(c, c->t2, c->g, c->total, 0) < c->total)
        return accuse(c, i, now, c->t2[i], PAL_MISTAKE_UNSTEADY, "two calls with the same arguments differ");
    return accuse(c, i, before, now, PAL_MISTAKE_STALE,
                  "it depends on an earlier call, or on memory that was not written");
}

/* What is in the gradient is kept and added to, or written over. */
static bool writes_or_adds(pal__fn *c)
{
    for (size_t k = 0; k < c->f->n_in; k++) {
        const double most = largest(c->g + c->at[k], c->count[k]);
        double *p = c->t1 + c->at[k];
        if (c->f->in[k].constraint == PAL_FIXED) continue;
        pal__fn_uniform(c, c->count[k], -1, 1, p);
        for (size_t i = 0; i < c->count[k]; i++)
            p[i] = pal__fn_round(c, (most > 0 ? most : 1) * (p[i] + (p[i] < 0 ? -0.5 : 0.5)));
        pal__fn_fill(c, &c->gradient[k], p);
    }
    if (!gradient(c, LOW, c->t2)) return false;
    for (size_t k = 0; k < c->f->n_in; k++) {
        const double *g = c->g + c->at[k], *p = c->t1 + c->at[k], *now = c->t2 + c->at[k];
        const double most = largest(g, c->count[k]), rounding = 1e4 * c->eps * (most > 0 ? most : 1);
        for (size_t i = 0; i < c->count[k] && c->f->in[k].constraint != PAL_FIXED; i++) {
            if (!isfinite(g[i]) || fabs(now[i] - g[i] - (c->f->adds ? p[i] : 0)) <= rounding) continue;
            const size_t at = c->at[k] + i;
            if (c->f->adds)
                return accuse(c, at, p[i], now[i], PAL_MISTAKE_OVERWRITES,
                              "backward loses what was there, although it should add");
            if (now[i] == p[i])
                return accuse(c, at, p[i], now[i], PAL_MISTAKE_UNWRITTEN, "backward leaves it unwritten");
            return accuse(c, at, g[i], now[i], PAL_MISTAKE_ADDS,
                          "backward keeps what was there, although it should write");
        }
    }
    clear(c);
    return true;
}

bool pal__fn_promises(pal__fn *c)
{
    pal__fn_line line = {.first = 0, .last = c->f->n_in, .d = c->d};
    double none;
    memset(c->mask, 1, c->total);
    memset(c->hu, 0, c->total * sizeof *c->hu);
    pal__fn_reach(c, false);
    for (size_t k = 0; k < c->f->n_in; k++) {
        if (c->f->in[k].constraint == PAL_FIXED) continue;
        pal__fn_direct(c, k, false, c->d);
        memcpy(c->hu + c->at[k], c->d + c->at[k], c->count[k] * sizeof *c->hu);
    }
    line.d = c->hu;
    pal__fn_move(c, &line, 0.5, &none);
    memcpy(c->x2, c->t1, c->total * sizeof *c->x2);
    for (size_t k = 0; k < c->f->n_in; k++) pal__fn_store(c, c->x, k);
    pal__fn_remember(c);
    if (!steady_results(c)) return false;
    seeds(c);
    return steady_gradient(c) && writes_or_adds(c);
}
