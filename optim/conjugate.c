/* conjugate.c - nonlinear conjugate gradients: three formulas, and when to restart.
 *
 * In: the gradient and the last direction. Out: a step along it, and the next direction p = beta p - g. A formula is a
 * row. It gets what one pass over the new gradient g and the old one gives, y being their difference: gg = g'g,  gy =
 * g'y,  dy = p'y,  old = g_old'g_old A restart is beta = 0. It happens
 *   - where the formula says so: PR+ and HS+ cut beta at 0;
 *   - where p does not descend enough: p'g > -0.01 g'g (Gilbert and Nocedal 1992, 3.3);
 *   - where the search cannot move;
 *   - after so many steps, if the options ask for it;
 *   - where successive gradients are far from orthogonal (Powell 1977), if the row or the options say so. DY needs it:
 *     unlike PR+ and HS+ it does not return to the gradient after a short step, and its directions become long and
 *     nearly orthogonal to the gradient. The direction is made at the end of a step, when both gradients are there. So
 * it is part of the state. */
#include <math.h>

#include "optim/method.h"

enum { P = PAL__OWN };

#define DESCENT 0.01

static double polak_ribiere(double gg, double gy, double dy, double old)
{
    (void)gg, (void)dy;
    return fmax(0, gy / old);
}

static double hestenes_stiefel(double gg, double gy, double dy, double old)
{
    (void)gg, (void)old;
    return dy > 0 ? fmax(0, gy / dy) : 0;
}

static double dai_yuan(double gg, double gy, double dy, double old)
{
    (void)gy, (void)old;
    return dy > 0 ? gg / dy : 0;
}

static double along_gradient(pal_minimiser *m)
{
    const double minus = -1, norm = m->report.norm;
    PAL__PASS(&m->space, scaled, &minus, NULL, m->v[P], m->v[PAL__GRADIENT]);
    *pal__number_of(m, PAL__SINCE) = 0;
    return -norm * norm;
}

/* The next direction, from the gradient at the new point (PAL__TRIAL). */
static void turn(pal_minimiser *m, double before, double after)
{
    double sums[3], slope, beta;
    const double norm = m->report.norm, since = *pal__number_of(m, PAL__SINCE) + 1;
    PAL__PASS(&m->space, change, NULL, sums, m->v[PAL__TRIAL], m->v[PAL__GRADIENT]);
    beta = m->method->beta(sums[0], sums[1], after - before, norm * norm);
    const bool due = (m->o.restart > 0 && since >= (double)m->o.restart) ||
                     (m->o.orthogonal > 0 && fabs(sums[2]) >= m->o.orthogonal * sums[0]);
    if (!isfinite(beta) || due) beta = 0;
    if (-sums[0] + beta * after > -DESCENT * sums[0]) {
        pal__met(m, PAL_MET_NO_DESCENT);
        beta = 0;
    }
    if (beta == 0) pal__met(m, PAL_MET_RESTART);
    PAL__PASS(&m->space, conjugate, &beta, &slope, m->v[P], m->v[PAL__TRIAL]);
    if (beta == 0) *pal__number_of(m, PAL__SINCE) = -1; /* accepting makes it 0 */
}

static pal_status step(pal_minimiser *m, bool *flat)
{
    const bool fresh = *pal__number_of(m, PAL__ITERATION) == 0 || *pal__number_of(m, PAL__SINCE) < 0;
    double before = fresh ? along_gradient(m) : pal__dot(&m->space, m->v[P], m->v[PAL__GRADIENT]);
    for (;;) {
        double slope = before, value;
        pal__wolfe_state state = PAL__STUCK;
        pal_status status = PAL_OK;
        const bool restarted = *pal__number_of(m, PAL__SINCE) == 0;
        if (before < 0)
            status = pal__search(m, m->v[P], pal__first_step(m, before, m->report.norm), &slope, &value, &state);
        else
            pal__met(m, PAL_MET_NO_DESCENT);
        if (status) return status;
        if (state != PAL__STUCK) {
            turn(m, before, slope);
            pal__accept(m, value);
            return PAL_OK;
        }
        *flat = restarted;
        if (restarted) return PAL_OK;
        before = along_gradient(m);
        pal__met(m, PAL_MET_RESTART);
        pal__commit(m);
    }
}

#define ROW(label, text, function, ...)                                                                                \
    {                                                                                                                  \
        .name = label, .formula = text, .sufficient = 1e-4, .curvature = 0.4, .width = 1e-14, .states = {"direction"}, \
        .step = step, .beta = function, __VA_ARGS__                                                                    \
    }
const pal__method pal__conjugate_methods[3] = {
    ROW("cg-pr", "p = b p - g, b = max(0, g'y / g_old'g_old) (Polak and Ribiere 1969, Powell 1984)", polak_ribiere, ),
    ROW("cg-hs", "p = b p - g, b = max(0, g'y / p'y) (Hestenes and Stiefel 1952)", hestenes_stiefel, ),
    ROW("cg-dy", "p = b p - g, b = g'g / p'y (Dai and Yuan 1999)", dai_yuan, .orthogonal = 0.2),
};
