/* trial.c - what a method does at a point: evaluations, products, a line search, and accepting a new point.
 *
 * In: a direction, from a method. Out: x at a point that fulfils the Wolfe conditions, its value, and its gradient in
 * PAL__TRIAL; or x where it was. Each call asks first whether to stop, and counts. Apart from minimise.c so that
 * methods need not know who calls them. */
#include <math.h>
#include <string.h>

#include "optim/method.h"

static bool stopped(const pal_minimiser *m) { return m->f.stop && m->f.stop(m->f.user); }

pal_status pal__evaluate(pal_minimiser *m, double *value, pal_slab *gradient)
{
    if (stopped(m)) return PAL_ERR_STOPPED;
    ++*pal__number_of(m, PAL__EVALUATIONS);
    *value = NAN;
    return m->f.evaluate(value, gradient, m->f.user);
}

pal_status pal__product(pal_minimiser *m, const pal_slab *v, pal_slab *out)
{
    if (stopped(m)) return PAL_ERR_STOPPED;
    ++*pal__number_of(m, PAL__PRODUCTS);
    m->report.inner++;
    return (m->method->need == PAL__HESSIAN ? m->f.hessian : m->f.gauss_newton)(v, out, m->f.user);
}

void pal__met(pal_minimiser *m, pal_met event) { m->report.events |= 1U << event; }
void pal__commit(pal_minimiser *m) { memcpy(m->kept, m->number->data, sizeof m->kept); }

pal_status pal__search(pal_minimiser *m, const pal_slab *p, double first, double *slope, double *value,
                       pal__wolfe_state *state)
{
    const double start = *pal__number_of(m, PAL__VALUE);
    const pal__wolfe_options o = {.sufficient = m->o.sufficient,
                                  .curvature = m->o.curvature,
                                  .width = m->method->width,
                                  .trials = m->o.trials,
                                  .slack = m->o.noise * fabs(start)};
    pal__wolfe w;
    pal__wolfe_begin(&w, &o, *slope, first);
    *state = PAL__TRY;
    for (double tried = 0; *state == PAL__TRY || (*state != PAL__STUCK && tried != w.step);) {
        const pal__wolfe_state before = *state;
        tried = w.step;
        PAL__PASS(&m->space, step, &tried, NULL, m->f.x, m->v[PAL__BEGIN], p);
        pal_status status = pal__evaluate(m, value, m->v[PAL__TRIAL]);
        if (status) return status;
        *slope = pal__dot(&m->space, m->v[PAL__TRIAL], p);
        if (before == PAL__TRY) *state = pal__wolfe_next(&w, *value - start, *slope);
    }
    const bool finite = isfinite(*value) && isfinite(*slope);
    if (w.met_not_finite || !finite) pal__met(m, PAL_MET_NOT_FINITE);
    if (!finite) *state = PAL__STUCK;
    if (*state == PAL__WEAK) pal__met(m, PAL_MET_WEAK_STEP);
    if (*state == PAL__STUCK) {
        pal__met(m, PAL_MET_NO_STEP);
        pal__vector_copy(&m->space, m->f.x, m->v[PAL__BEGIN]);
    }
    *pal__number_of(m, PAL__STEP) = *state == PAL__STUCK ? 0 : w.step;
    return PAL_OK;
}

void pal__accept(pal_minimiser *m, double value)
{
    pal_slab *gradient = m->v[PAL__TRIAL];
    m->v[PAL__TRIAL] = m->v[PAL__GRADIENT];
    m->v[PAL__GRADIENT] = gradient;
    *pal__number_of(m, PAL__EARLIER) = *pal__number_of(m, PAL__VALUE);
    *pal__number_of(m, PAL__VALUE) = value;
    ++*pal__number_of(m, PAL__ITERATION);
    ++*pal__number_of(m, PAL__SINCE);
}

/* Of the first step of all, the last decrease is taken as half the norm of the gradient, as in SciPy. */
double pal__first_step(pal_minimiser *m, double slope, double norm)
{
    const double earlier = *pal__number_of(m, PAL__EARLIER);
    const bool known = *pal__number_of(m, PAL__ITERATION) > 0 && isfinite(earlier);
    const double decrease = known ? *pal__number_of(m, PAL__VALUE) - earlier : -norm / 2;
    const double a = 1.01 * 2 * decrease / slope;
    return a > 0 && a < 1 ? a : 1;
}
