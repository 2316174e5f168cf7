/* newton.c - truncated Newton: conjugate gradients on H d = -g, with an exit at negative curvature (Nocedal and Wright
 * 2006, algorithm 7.1; the tolerance and the exit are those of SciPy's Newton-CG).
 *
 * In: the gradient, and products with the Hessian. Out: a step along d by a line search that starts at 1. The inner
 * iteration ends where the residual is at most min(1/2, sqrt|g|) |g|, in the 1-norm, which makes the convergence
 * superlinear. Where the curvature p'Hp is not positive, d is what was found so far, or along the gradient if nothing
 * was. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "optim/method.h"

enum { D = PAL__OWN, R, P, Q, M, SCRATCH };

static void clear(const pal_minimiser *m, size_t which)
{
    memset(m->v[which]->all->data, 0, pal_tensor_bytes(m->v[which]->all));
}

static void along_gradient(pal_minimiser *m, double scale)
{
    PAL__PASS(&m->space, scaled, &scale, NULL, m->v[D], m->v[PAL__GRADIENT]);
}

/* d, in m->v[D]. Nothing is preconditioned: M is 1. */
static pal_status solve(pal_minimiser *m)
{
    const double none = 0, one[] = {1, 1}, minus = -1;
    const double epsilon = m->space.dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON;
    double size[3], curvature[2], sums[5];
    const pal_slab *g = m->v[PAL__GRADIENT];
    PAL__PASS(&m->space, size, NULL, size, g);
    const double enough = fmin(0.5, sqrt(size[1])) * size[1];
    clear(m, D);
    clear(m, M);
    PAL__PASS(&m->space, precondition, one, NULL, m->v[M]);
    PAL__PASS(&m->space, scaled, &minus, NULL, m->v[R], g);
    PAL__PASS(&m->space, scaled, &minus, NULL, m->v[P], g);
    sums[0] = size[0];
    sums[1] = size[1];
    for (int64_t i = 0; i < m->o.products && sums[1] > enough; i++) {
        const double before = sums[0];
        pal_status status = pal__product(m, m->v[P], m->v[Q]);
        if (status) return status;
        PAL__PASS(&m->space, damp, &none, curvature, m->v[Q], m->v[P]);
        if (!isfinite(curvature[0])) {
            pal__met(m, PAL_MET_NOT_FINITE);
            if (!i) along_gradient(m, -1 / m->report.norm);
            return PAL_OK;
        }
        if (curvature[0] <= 3 * epsilon * curvature[1]) {
            pal__met(m, PAL_MET_NEGATIVE_CURVATURE);
            const bool negative = curvature[0] < -3 * epsilon * curvature[1];
            if (!i) along_gradient(m, negative ? before / curvature[0] : -1 / m->report.norm);
            return PAL_OK;
        }
        const double alpha = before / curvature[0];
        PAL__PASS(&m->space, inner, &alpha, sums, m->v[D], m->v[R], m->v[P], m->v[Q], g, m->v[M]);
        const double beta = sums[0] / before;
        PAL__PASS(&m->space, inner_next, &beta, NULL, m->v[P], m->v[R], m->v[M]);
    }
    return PAL_OK;
}

static pal_status step(pal_minimiser *m, bool *flat)
{
    pal_status status = solve(m);
    if (status) return status;
    bool restarted = false;
    for (;;) {
        double slope = pal__dot(&m->space, m->v[D], m->v[PAL__GRADIENT]), value;
        pal__wolfe_state state = PAL__STUCK;
        const double first =
            *pal__number_of(m, PAL__ITERATION) > 0 || restarted ? pal__first_step(m, slope, m->report.norm) : 1;
        if (slope < 0)
            status = pal__search(m, m->v[D], first, &slope, &value, &state);
        else
            pal__met(m, PAL_MET_NO_DESCENT);
        if (status) return status;
        if (state != PAL__STUCK) {
            pal__accept(m, value);
            return PAL_OK;
        }
        *flat = restarted;
        if (restarted) return PAL_OK;
        restarted = true;
        along_gradient(m, -1);
        pal__met(m, PAL_MET_RESTART);
    }
}

const pal__method pal__newton_method = {
    .name = "newton-cg",
    .formula = "H p = -g by conjugate gradients (Nocedal and Wright 2006, algorithm 7.1)",
    .need = PAL__HESSIAN,
    .sufficient = 1e-4,
    .curvature = 0.9,
    .width = 1e-14,
    .scratch = SCRATCH - PAL__OWN,
    .step = step,
};
