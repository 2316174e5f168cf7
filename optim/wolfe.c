/* wolfe.c - a line search for the strong Wolfe conditions, one step after another (Moré and Thuente 1994).
 *
 * In: value and slope at each step that it asks for. Out: the next step, or the one that fulfils both conditions. It
 * sees no vectors, so it can be tested on functions of one number. It is the method of MINPACK-2 (dcsrch, dcstep),
 * which SciPy and L-BFGS-B have too, and it takes the same steps, with two additions:
 *   - Rounding. Near a minimum the slopes are accurate when the differences of values are not. A difference up to
 * `slack` is replaced by a (slope(0) + slope(a)) / 2, which is exact for a quadratic, if that is as small. The first
 * condition then reads slope(a) <= (2 c1 - 1) slope(0): the approximate Wolfe condition of Hager and Zhang (2005, 2.4).
 *   - Walls. A value or slope that is not finite ends the interval: no later step goes beyond the middle between it and
 * the best point. It ends after a bounded number of steps. */
#include <float.h>
#include <math.h>

#include "optim/method.h"

#define LONGEST     1e20
#define LEAST_SHARE 1e-3 /* of an interval: values such as 1e300 would shrink it to nothing at once */
enum { GROW = 4 };       /* of a step that is not bracketed, at most and at least 1.1 */

void pal__wolfe_begin(pal__wolfe *w, const pal__wolfe_options *options, double slope, double first)
{
    const pal__point start = {.d = slope};
    *w = (pal__wolfe){.o = *options,
                      .slope = slope,
                      .step = fmin(first, LONGEST),
                      .low = start,
                      .high = start,
                      .wall = INFINITY,
                      .first = true,
                      .width = {LONGEST, 2 * LONGEST}};
    w->most = w->step + GROW * w->step;
}

/* ---- The safeguarded step: dcstep ----------------------------------------------------------------------------- */

static double largest(double a, double b, double c) { return fmax(fabs(a), fmax(fabs(b), fabs(c))); }

/* The root of a cubic's slope: sqrt(theta^2 - a b), scaled so that it does not overflow. */
static double root_of(double theta, double a, double b)
{
    const double s = largest(theta, a, b);
    return s > 0 ? s * sqrt(fmax(0, theta / s * (theta / s) - a / s * (b / s))) : 0;
}

/* The minimum of the cubic through p and q, seen from p. */
static double cubic(const pal__point *p, const pal__point *q)
{
    const double theta = 3 * (p->f - q->f) / (q->a - p->a) + p->d + q->d;
    const double gamma = copysign(root_of(theta, p->d, q->d), q->a - p->a);
    const double r = (gamma - p->d + theta) / (gamma - p->d + gamma + q->d);
    return p->a + r * (q->a - p->a);
}

/* The step where the slope of the parabola through two slopes vanishes, seen from p. */
static double secant(const pal__point *p, const pal__point *q) { return p->a + p->d / (p->d - q->d) * (q->a - p->a); }

/* The same minimum for slopes of one sign, p's being the flatter: there need not be one; NaN. */
static double cubic_beyond(const pal__point *p, const pal__point *x)
{
    const double theta = 3 * (x->f - p->f) / (p->a - x->a) + x->d + p->d;
    const double gamma = copysign(root_of(theta, x->d, p->d), x->a - p->a);
    const double r = (gamma - p->d + theta) / (gamma + (x->d - p->d) + gamma);
    return r < 0 && gamma != 0 ? p->a + r * (x->a - p->a) : NAN;
}

/* x: the best point; y: the other end; p: the new point. Changes x and y, and returns the next step. */
static double safeguarded(pal__point *x, pal__point *y, pal__point p, bool *bracketed, double least, double most)
{
    const bool turned = p.d * copysign(1, x->d) < 0;
    double next;
    if (p.f > x->f) { /* the minimum lies between */
        const double c = cubic(x, &p);
        const double q = x->a + x->d / ((x->f - p.f) / (p.a - x->a) + x->d) / 2 * (p.a - x->a);
        next = fabs(c - x->a) < fabs(q - x->a) ? c : c + (q - c) / 2;
        if (!(fabs(next - x->a) > LEAST_SHARE * fabs(p.a - x->a))) next = x->a + LEAST_SHARE * (p.a - x->a);
        *bracketed = true;
    } else if (turned) {
        const double c = cubic(&p, x), q = secant(&p, x);
        next = fabs(c - p.a) > fabs(q - p.a) ? c : q;
        *bracketed = true;
    } else if (fabs(p.d) < fabs(x->d)) {
        double c = cubic_beyond(&p, x);
        const double q = secant(&p, x);
        if (isnan(c)) c = p.a > x->a ? most : least;
        if (*bracketed) {
            const double near = p.a + 0.66 * (y->a - p.a);
            next = fabs(c - p.a) < fabs(q - p.a) ? c : q;
            next = p.a > x->a ? fmin(near, next) : fmax(near, next);
        } else {
            next = fabs(c - p.a) > fabs(q - p.a) ? c : q;
            next = fmax(least, fmin(most, next));
        }
    } else if (*bracketed) {
        next = cubic(&p, y);
    } else {
        next = p.a > x->a ? most : least;
    }
    if (p.f > x->f) {
        *y = p;
    } else {
        if (turned) *y = *x;
        *x = p;
    }
    return next;
}

/* ---- The search: dcsrch --------------------------------------------------------------------------------------- */

/* The best point, if it decreases the value enough, and by more than rounding or to a flatter slope. */
static pal__wolfe_state give_up(pal__wolfe *w)
{
    const bool decreases = w->low.a > 0 && w->low.f <= w->o.sufficient * w->low.a * w->slope &&
                           (-w->low.f > w->o.slack || fabs(w->low.d) < 0.99 * -w->slope);
    w->step = decreases ? w->low.a : 0;
    return decreases ? PAL__WEAK : PAL__STUCK;
}

static void limit(pal__wolfe *w)
{
    if (w->bracketed) {
        w->least = fmin(w->low.a, w->high.a);
        w->most = fmax(w->low.a, w->high.a);
    } else {
        w->least = w->step + 1.1 * (w->step - w->low.a);
        w->most = w->step + GROW * (w->step - w->low.a);
    }
}

/* Nearer to the best point; what lies beyond the wall counts no more. */
static pal__wolfe_state before_wall(pal__wolfe *w)
{
    w->met_not_finite = true;
    if (w->step < w->low.a) return give_up(w);
    w->wall = w->step;
    if (w->bracketed && w->high.a > w->wall) w->bracketed = false;
    if (!w->bracketed) {
        w->high = w->low;
        w->width[0] = w->wall - w->low.a;
        w->width[1] = 2 * w->width[0];
    }
    w->step = w->low.a + (w->low.a > 0 ? 0.5 : 0.1) * (w->wall - w->low.a);
    w->least = w->low.a;
    w->most = w->wall;
    return w->step > w->low.a && w->step < w->wall ? PAL__TRY : give_up(w);
}

/* Rounding hides the value's difference: the slopes tell it. */
static double difference(const pal__wolfe *w, double change, double slope)
{
    const double by_slopes = w->step * (w->slope + slope) / 2;
    return fabs(change) <= w->o.slack && fabs(by_slopes) <= w->o.slack ? by_slopes : change;
}

pal__wolfe_state pal__wolfe_next(pal__wolfe *w, double change, double slope)
{
    const bool last = ++w->tried >= w->o.trials;
    if (!isfinite(change) || !isfinite(slope)) return last ? give_up(w) : before_wall(w);
    const double per_step = w->o.sufficient * w->slope;
    const pal__point p = {w->step, difference(w, change, slope), slope};
    const bool decreases = p.f <= p.a * per_step;
    if (w->first && decreases && p.d >= 0) w->first = false;
    if (decreases && fabs(p.d) <= w->o.curvature * -w->slope) return PAL__FULL;
    const bool narrow =
        w->bracketed && (p.a <= w->least || p.a >= w->most || w->most - w->least <= w->o.width * w->most);
    const bool far = decreases && (p.a >= LONGEST || p.a >= 0.99 * w->wall);
    if (narrow || last || far) {
        if (decreases && p.f <= w->low.f) w->low = p;
        return give_up(w);
    }
    if (w->first && p.f <= w->low.f && !decreases) { /* the function minus the line that the first condition allows */
        pal__point x = {w->low.a, w->low.f - w->low.a * per_step, w->low.d - per_step};
        pal__point y = {w->high.a, w->high.f - w->high.a * per_step, w->high.d - per_step};
        const pal__point z = {p.a, p.f - p.a * per_step, p.d - per_step};
        w->step = safeguarded(&x, &y, z, &w->bracketed, w->least, w->most);
        w->low = (pal__point){x.a, x.f + x.a * per_step, x.d + per_step};
        w->high = (pal__point){y.a, y.f + y.a * per_step, y.d + per_step};
    } else {
        w->step = safeguarded(&w->low, &w->high, p, &w->bracketed, w->least, w->most);
    }
    if (w->bracketed) {
        const double now = fabs(w->high.a - w->low.a);
        if (now >= 0.66 * w->width[1]) w->step = w->low.a + 0.5 * (w->high.a - w->low.a);
        w->width[1] = w->width[0];
        w->width[0] = now;
    }
    limit(w);
    w->step = fmax(0, fmin(LONGEST, w->step));
    if (isfinite(w->wall)) w->step = fmin(w->step, 0.5 * (w->low.a + w->wall));
    if (w->bracketed && (w->step <= w->least || w->step >= w->most || w->most - w->least <= w->o.width * w->most))
        w->step = w->low.a;
    return isfinite(w->step) ? PAL__TRY : give_up(w);
}
