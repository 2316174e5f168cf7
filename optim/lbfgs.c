/* lbfgs.c - limited-memory BFGS (Nocedal 1980; Nocedal and Wright 2006, algorithms 7.4 and 7.5).
 *
 * In: the gradient, and the last pairs s = x - x_old, y = g - g_old. Out: a step along p = -H g, where H is the inverse
 * Hessian that the pairs give. Every stored pair has s'y > 0, so p descends but for rounding. Where it does not, or
 * where the search cannot move, the pairs are dropped and the step goes along the gradient.
 *
 * Each of the 2 m steps of the two loops is one pass: it changes p, and gives the product that the next one needs. */
#include <float.h>
#include <math.h>

#include "optim/method.h"

/* Vectors: memory s, memory y, then p. k counts from 0, the newest. */
static size_t slot(pal_minimiser *m, size_t k)
{
    return ((size_t)*pal__number_of(m, PAL__NEXT) + m->o.memory - 1 - k) % m->o.memory;
}
static pal_slab *s_of(pal_minimiser *m, size_t k) { return m->v[PAL__OWN + slot(m, k)]; }
static pal_slab *y_of(pal_minimiser *m, size_t k) { return m->v[PAL__OWN + m->o.memory + slot(m, k)]; }
static pal_slab *p_of(pal_minimiser *m) { return m->v[PAL__OWN + 2 * m->o.memory]; }

/* p = -H g: a loop from the newest pair to the oldest, and one back. Returns p'g. */
static double direction(pal_minimiser *m)
{
    const size_t pairs = (size_t)*pal__number_of(m, PAL__PAIRS);
    const double *rho = m->rho->data, minus = -1, norm = m->report.norm;
    double alpha[1000], product;
    const pal_slab *g = m->v[PAL__GRADIENT];
    pal_slab *p = p_of(m);
    PAL__PASS(&m->space, scaled, &minus, NULL, p, g);
    if (!pairs) return -norm * norm;
    product = pal__dot(&m->space, s_of(m, 0), p);
    for (size_t k = 0; k < pairs; k++) {
        alpha[k] = rho[slot(m, k)] * product;
        const double scalars[] = {-alpha[k], *pal__number_of(m, PAL__SCALE)};
        if (k + 1 < pairs)
            PAL__PASS(&m->space, add, scalars, &product, p, y_of(m, k), s_of(m, k + 1));
        else
            PAL__PASS(&m->space, add_scaled, scalars, &product, p, y_of(m, k), y_of(m, k));
    }
    for (size_t k = pairs; k--;) {
        const double factor = alpha[k] - rho[slot(m, k)] * product;
        PAL__PASS(&m->space, add, &factor, &product, p, s_of(m, k), k ? y_of(m, k - 1) : g);
    }
    return product;
}

/* Stores the pair of the step, in place of the oldest. Its curvature s'y = a (slope - slope_old) is that of the search.
 */
static void keep_pair(pal_minimiser *m, double before, double after)
{
    double *pairs = pal__number_of(m, PAL__PAIRS), *next = pal__number_of(m, PAL__NEXT), sums[2];
    if (!(after - before > DBL_EPSILON * -before)) return;
    const size_t at = (size_t)*next;
    PAL__PASS(&m->space, pair, NULL, sums, m->v[PAL__OWN + at], m->v[PAL__OWN + m->o.memory + at], m->f.x,
              m->v[PAL__BEGIN], m->v[PAL__TRIAL], m->v[PAL__GRADIENT]);
    if (!(sums[0] > DBL_EPSILON * DBL_EPSILON * sums[1] && isfinite(sums[0]) && isfinite(sums[1]))) {
        if (*pairs == (double)m->o.memory) --*pairs; /* the oldest has been overwritten */
        return;
    }
    ((double *)m->rho->data)[at] = 1 / sums[0];
    *pal__number_of(m, PAL__SCALE) = sums[0] / sums[1];
    *next = (double)((at + 1) % m->o.memory);
    if (*pairs < (double)m->o.memory) ++*pairs;
}

static void forget(pal_minimiser *m)
{
    *pal__number_of(m, PAL__PAIRS) = 0;
    *pal__number_of(m, PAL__SINCE) = 0;
    pal__met(m, PAL_MET_RESTART);
    pal__commit(m);
}

static pal_status step(pal_minimiser *m, bool *flat)
{
    for (;;) {
        const bool pairs = *pal__number_of(m, PAL__PAIRS) > 0;
        const double before = direction(m);
        if (!(before < 0) && pairs) {
            pal__met(m, PAL_MET_NO_DESCENT);
            forget(m);
            continue;
        }
        double slope = before, value;
        pal__wolfe_state state;
        pal_status status = pal__search(m, p_of(m), pairs ? 1 : 1 / m->report.norm, &slope, &value, &state);
        if (status) return status;
        if (state == PAL__STUCK && pairs) {
            forget(m);
            continue;
        }
        *flat = state == PAL__STUCK;
        if (*flat) return PAL_OK;
        keep_pair(m, before, slope);
        pal__accept(m, value);
        return PAL_OK;
    }
}

const pal__method pal__lbfgs_method = {
    .name = "lbfgs",
    .formula = "p = -H g, H by the last pairs s, y (Nocedal 1980)",
    .sufficient = 1e-3, /* those of L-BFGS-B (Zhu, Byrd, Lu and Nocedal 1997) */
    .curvature = 0.9,
    .width = 0.1,
    .states = {"s", "y"},
    .pairs = true,
    .scratch = 1,
    .step = step,
};
