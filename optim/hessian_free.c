/* hessian_free.c - Hessian-free optimisation (Martens 2010; Martens and Sutskever 2012).
 *
 * In: the gradient, products with the Gauss-Newton matrix G, and perhaps a diagonal for the preconditioner. Out: a step
 * d that conjugate gradients find for the damped model phi(d) = g'd + d'(G + damping)d / 2. Section numbers are those
 * of Martens 2010:
 *   - The iteration starts at the last solution, shrunk (4.5; the decay is of the later paper, 20.10).
 *   - It ends where the model has hardly decreased over the last k = max(10, i / 10) products (4.4).
 *   - The preconditioner is (D + damping)^(3/4) (4.7).
 *   - Of the iterates that were kept, at products 1.3^j, the latest counts whose predecessor is not better (4.6). The
 * last KEPT of them are stored.
 *   - The damping follows the ratio of the decrease to that of the undamped model: below 1/4 it grows by 3/2, above 3/4
 * it shrinks by 2/3 (4.1). The iteration knows g'd, d'd and phi, so the ratio needs no product. Where step 1 does not
 * decrease enough, or by less than rounding, wolfe.c searches along d, and then along the gradient. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "optim/method.h"

enum { KEPT = 12, START = PAL__OWN, D, R, P, Q, M, ITERATES, SCRATCH = ITERATES + KEPT };
#define SUFFICIENT 1e-2
#define LEAST      1e-20 /* of a diagonal and its damping, where both are 0 */

typedef struct iterate { /* one that was kept, in m->v[at] */
    double model, dd, gd;
    size_t at;
} iterate;

typedef struct inner {
    iterate kept[KEPT]; /* a ring; the newest is that of number n - 1 */
    size_t n;
    double sums[5]; /* of the pass: r'r/m, |r|, d'(r - g), d'd, g'd */
} inner;

static void clear(const pal_minimiser *m, size_t which)
{
    memset(m->v[which]->all->data, 0, pal_tensor_bytes(m->v[which]->all));
}

static double model_of(const inner *s) { return -0.5 * s->sums[2]; }

static void keep(pal_minimiser *m, inner *s)
{
    iterate *k = &s->kept[s->n % KEPT];
    *k = (iterate){model_of(s), s->sums[3], s->sums[4], ITERATES + s->n % KEPT};
    pal__vector_copy(&m->space, m->v[k->at], m->v[D]);
    s->n++;
}

/* M, and the first d, r and p. */
static pal_status begin(pal_minimiser *m, inner *s, double damping)
{
    const double none = 0, power[] = {fmax(damping, LEAST), 0.75}, one[] = {1, 1};
    pal_status status = PAL_OK;
    clear(m, M);
    if (m->f.diagonal) status = m->f.diagonal(m->v[M], m->f.user);
    if (status) return status;
    PAL__PASS(&m->space, precondition, m->f.diagonal ? power : one, NULL, m->v[M]);
    PAL__PASS(&m->space, scaled, &m->o.warm, NULL, m->v[D], m->v[START]);
    clear(m, P);
    clear(m, Q);
    const bool warm = pal__dot(&m->space, m->v[D], m->v[D]) > 0;
    if (warm) status = pal__product(m, m->v[D], m->v[Q]);
    if (status) return status;
    PAL__PASS(&m->space, damp, &damping, s->sums, m->v[Q], m->v[D]);
    if (!isfinite(s->sums[0])) { /* the last solution is of no use here */
        pal__met(m, PAL_MET_NOT_FINITE);
        clear(m, D);
        clear(m, Q);
    }
    PAL__PASS(&m->space, residual, NULL, NULL, m->v[R], m->v[PAL__GRADIENT], m->v[Q]);
    PAL__PASS(&m->space, inner_next, &none, NULL, m->v[P], m->v[R], m->v[M]);
    PAL__PASS(&m->space, inner, &none, s->sums, m->v[D], m->v[R], m->v[P], m->v[Q], m->v[PAL__GRADIENT], m->v[M]);
    return PAL_OK;
}

/* The inner iteration. history: the model after each product, [products + 1]. */
static pal_status solve(pal_minimiser *m, inner *s, double damping, double *history)
{
    double curvature[2], next = 1;
    const double epsilon = m->space.dtype == PAL_F32 ? FLT_EPSILON : DBL_EPSILON;
    pal_status status = begin(m, s, damping);
    const double all = s->sums[1];
    history[0] = model_of(s);
    bool kept = false;
    for (int64_t i = 1; i <= m->o.products && !status && s->sums[1] > epsilon * all; i++) {
        const double before = s->sums[0];
        status = pal__product(m, m->v[P], m->v[Q]);
        if (status) return status;
        PAL__PASS(&m->space, damp, &damping, curvature, m->v[Q], m->v[P]);
        if (!isfinite(curvature[0]) || curvature[0] <= epsilon * epsilon * curvature[1]) {
            pal__met(m, isfinite(curvature[0]) ? PAL_MET_NEGATIVE_CURVATURE : PAL_MET_NOT_FINITE);
            break;
        }
        const double alpha = before / curvature[0];
        PAL__PASS(&m->space, inner, &alpha, s->sums, m->v[D], m->v[R], m->v[P], m->v[Q], m->v[PAL__GRADIENT], m->v[M]);
        if ((kept = (double)i >= ceil(next))) keep(m, s);
        while (ceil(next) <= (double)i) next *= 1.3;
        const int64_t k = i / 10 > 10 ? i / 10 : 10;
        const double now = history[i] = model_of(s);
        if (i > k && now < 0 && (now - history[i - k]) / now < (double)k * m->o.progress) break;
        const double beta = s->sums[0] / before;
        PAL__PASS(&m->space, inner_next, &beta, NULL, m->v[P], m->v[R], m->v[M]);
    }
    if (!status && !kept) keep(m, s); /* the last one always counts */
    return status;
}

static pal_status value_at(pal_minimiser *m, size_t which, double *value)
{
    const double one = 1;
    PAL__PASS(&m->space, step, &one, NULL, m->f.x, m->v[PAL__BEGIN], m->v[which]);
    pal_status status = pal__evaluate(m, value, NULL);
    if (isfinite(*value)) return status;
    pal__met(m, PAL_MET_NOT_FINITE);
    *value = INFINITY;
    return status;
}

static double rounding(pal_minimiser *m) { return m->o.noise * fabs(*pal__number_of(m, PAL__VALUE)); }

/* From the last iterate back, while the one before is better by more than rounding. */
static pal_status choose(pal_minimiser *m, const inner *s, iterate *best, double *value)
{
    const double slack = rounding(m);
    size_t left = s->n < KEPT ? s->n : KEPT, at = s->n - 1;
    *best = s->kept[at % KEPT];
    pal_status status = value_at(m, best->at, value);
    while (--left && !status) {
        double earlier;
        at--;
        status = value_at(m, s->kept[at % KEPT].at, &earlier);
        if (status || (earlier >= *value - slack && isfinite(*value))) return status;
        *value = earlier;
        *best = s->kept[at % KEPT];
        pal__met(m, PAL_MET_BACKTRACK);
    }
    return status;
}

/* A decrease that rounding hides says nothing of the model. */
static void change_damping(pal_minimiser *m, double decrease, double of_model)
{
    double *damping = pal__number_of(m, PAL__DAMPED);
    if (fabs(decrease) <= rounding(m) && fabs(of_model) <= rounding(m)) return;
    const double ratio = decrease < 0 && of_model < 0 ? decrease / of_model : -INFINITY;
    m->report.ratio = ratio;
    if (!(ratio >= 0.25)) *damping = fmin(*damping * 1.5, 1e100);
    if (ratio > 0.75) *damping *= 2.0 / 3;
}

/* Step 1 along the iterate, with its gradient. *found: it decreases the value enough. */
static pal_status full_step(pal_minimiser *m, const iterate *best, double *value, bool *found)
{
    const double one = 1, change = *value - *pal__number_of(m, PAL__VALUE);
    *found = change <= SUFFICIENT * best->gd && -change > rounding(m);
    if (!*found) return PAL_OK;
    PAL__PASS(&m->space, step, &one, NULL, m->f.x, m->v[PAL__BEGIN], m->v[best->at]);
    pal_status status = pal__evaluate(m, value, m->v[PAL__TRIAL]);
    *found = isfinite(*value) && isfinite(pal__dot(&m->space, m->v[PAL__TRIAL], m->v[PAL__TRIAL]));
    if (!*found) pal__met(m, PAL_MET_NOT_FINITE);
    *pal__number_of(m, PAL__STEP) = 1;
    return status;
}

/* Searches along the iterate, then along the gradient. */
static pal_status search(pal_minimiser *m, const iterate *best, double *value, bool *found)
{
    const double minus = -1, norm = m->report.norm;
    double slope = best->gd;
    pal__wolfe_state state = PAL__STUCK;
    pal_status status = PAL_OK;
    if (slope < 0)
        status = pal__search(m, m->v[best->at], 1, &slope, value, &state);
    else
        pal__met(m, PAL_MET_NO_DESCENT);
    if (!status && state == PAL__STUCK) {
        pal__met(m, PAL_MET_REJECTED);
        pal__met(m, PAL_MET_RESTART);
        clear(m, D);
        slope = -norm * norm;
        PAL__PASS(&m->space, scaled, &minus, NULL, m->v[P], m->v[PAL__GRADIENT]);
        status = pal__search(m, m->v[P], pal__first_step(m, slope, norm), &slope, value, &state);
    }
    *found = state != PAL__STUCK;
    return status;
}

static pal_status step(pal_minimiser *m, bool *flat)
{
    inner s = {.n = 0};
    iterate best;
    double value;
    bool found;
    const double damping = *pal__number_of(m, PAL__DAMPED);
    double *history = m->history;
    pal_status status = solve(m, &s, damping, history);
    if (!status) status = choose(m, &s, &best, &value);
    if (status) return status;
    change_damping(m, value - *pal__number_of(m, PAL__VALUE), best.model - 0.5 * damping * best.dd);
    status = full_step(m, &best, &value, &found);
    if (!status && !found) status = search(m, &best, &value, &found);
    if (status) return status;
    pal__vector_copy(&m->space, m->v[START], m->v[D]);
    *flat = !found;
    if (found) pal__accept(m, value);
    return PAL_OK;
}

const pal__method pal__hessian_free_method = {
    .name = "hessian-free",
    .formula = "(G + damping) p = -g by conjugate gradients (Martens 2010)",
    .need = PAL__GAUSS_NEWTON,
    .sufficient = SUFFICIENT,
    .curvature = 0.9,
    .width = 1e-14,
    .states = {"start"},
    .scratch = SCRATCH - D,
    .step = step,
};
