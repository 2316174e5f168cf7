/* function_compare.c - compares the hand-written derivative with the numeric one along one direction.
 *
 * An accusation needs more than one difference. The numeric derivative must agree with that of smaller windows, down to
 * where rounding hides the difference; the function must not be a staircase; and the rounding of the hand-written
 * derivative is measured and allowed, as far as rounding can explain it. */
#include "autograd/check/function.h"

#include <float.h>
#include <math.h>

/* A direction whose bar is a larger part of the derivative decides nothing. */
double pal__fn_limit(const pal__fn *c) { return c->f->dtype == PAL_F32 ? 0.05 : 1e-3; }

/* Rounding may be smooth: where x^2 is tiny beside 1, 1 - x^2 is rounded to the same number over many neighbouring x,
 * and what follows from it varies by this many times its rounding, as smoothly as f. */
static const double smoothly = 256;

/* A sum of terms that cancel has a rounding beyond that of its value. The hand-written derivative gets so much for it,
 * in units of its rounding; and as much again as the function's own rounding is beyond the least. */
static const double cancels = 1024;

static double root_of_squares(const double *a, const double *b, size_t n)
{
    double squares = 0, most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(a[i] * b[i]));
    if (!(most > 0) || !isfinite(most)) return most;
    for (size_t i = 0; i < n; i++) squares += a[i] * b[i] / most * (a[i] * b[i] / most);
    return most * sqrt(squares);
}

/* Smaller windows agree, as long as they are exact enough to see the difference. Else *slope becomes theirs. */
static bool confirm(pal__fn *c, pal__fn_line *line, double difference, pal__slope *slope, bool *agree)
{
    *agree = true;
    for (double h = slope->step / 4; h > 0; h /= 8) {
        pal__slope s;
        double bend, floor;
        if (!pal__fn_window(c, line, h, &s, &bend, &floor)) return false;
        if (!(s.bar < difference / 3)) return true;
        if (fabs(s.value - slope->value) <= s.bar + slope->bar) continue;
        *agree = false;
        *slope = s;
        return true;
    }
    return true;
}

typedef struct side { /* the hand-written derivative along the line */
    double value;     /* <gradient, d> */
    double terms;     /* the root of the sum of squares of its terms */
    double own;       /* its rounding at least */
} side;

static side written(const pal__fn *c, const pal__fn_line *line)
{
    const double *g = line->correct;
    double value = 0, most = 0, reach = 0;
    for (size_t i = 0; i < c->total; i++) {
        value += g[i] * line->d[i];
        most = fmax(most, fabs(g[i]));
        reach = fmax(reach, fabs(line->d[i]));
    }
    const double terms = root_of_squares(g, line->d, c->total);
    const double least = (c->f->dtype == PAL_F32 ? 1e-37 : 1e-306) * reach;
    return (side){value, terms, 8 * c->eps * (terms + most * reach) + least};
}

/* The comparison did not decide. Why? A gradient that is nothing but rounding, where the numeric derivative is nothing
 * but rounding, is right. */
static bool explain(pal__fn *c, pal__fn_line *line, const side *g, pal__slope *slope, pal__fn_outcome *outcome)
{
    bool stairs;
    double murmur;
    const double small = 16 * c->eps * slope->size;
    if (isfinite(slope->bar) && g->terms <= small && slope->bar <= c->o.tolerance * slope->size) {
        if (!pal__fn_murmur(c, line, slope->step, &murmur)) return false;
        if (fabs(g->value) <= murmur && g->terms <= 8 * murmur) *outcome = PAL__FN_RIGHT;
    } else if (!pal__fn_stairs(c, line, slope, g->value, false, &stairs)) {
        return false;
    } else if (stairs) {
        *outcome = PAL__FN_STAIRS;
    } else if (*outcome == PAL__FN_OPEN && slope->bar <= pal__fn_limit(c) * fmax(fabs(slope->value), g->terms)) {
        *outcome = PAL__FN_BLURRED;
    }
    return true;
}

/* The hand-written derivative differs from the numeric one by more than the bar. Is it wrong? */
static bool accuse(pal__fn *c, pal__fn_line *line, const side *g, pal__slope *slope, pal__fn_outcome *outcome)
{
    bool stairs;
    double murmur;
    const double apart = fabs(g->value - slope->value),
                 scale = fmax(fmax(fabs(g->value), fabs(slope->value)), g->terms);
    *outcome = slope->kink ? PAL__FN_KINK : PAL__FN_WRONG;
    if (!pal__fn_murmur(c, line, slope->step, &murmur)) return false;
    if (!pal__fn_stairs(c, line, slope, g->value, !slope->kink, &stairs)) return false;
    if (stairs) *outcome = PAL__FN_STAIRS;
    if (*outcome != PAL__FN_WRONG) return true;
    if (!pal__fn_rounded_stairs(c, line, slope, &stairs)) return false;
    const double least = fmax(c->eps * slope->size, DBL_MIN), louder = fmax(1, fmax(c->quiet, c->noise) / least);
    const double most = cancels * louder * (g->own + c->eps * slope->size);
    const double smooth = smoothly * fmax(c->eps * slope->size, c->quiet / 4) / slope->step;
    const double doubt = fmax(4 * (slope->bar + g->own), smooth) + c->o.tolerance * scale;
    if (stairs || apart <= doubt)
        *outcome = PAL__FN_OPEN;
    else if (apart <= doubt + 2 * fmin(murmur, most))
        *outcome = PAL__FN_BLURRED;
    return true;
}

bool pal__fn_compare(pal__fn *c, pal__fn_line *line, pal__slope *slope, double *analytic, pal__fn_outcome *outcome)
{
    const side g = written(c, line);
    const double tolerance = c->o.tolerance;
    bool ok = pal__fn_slope(c, line, tolerance / 20, g.terms, slope), agree = false;
    *analytic = g.value;
    for (int again = 0; again < 4 && ok && !agree; again++) {
        const double scale = fmax(fmax(fabs(g.value), fabs(slope->value)), g.terms);
        const double apart = fabs(g.value - slope->value), bar = slope->bar + g.own;
        const bool constant = g.terms == 0 && slope->value == 0;
        const bool nothing = constant || (g.terms <= bar / 100 && bar <= tolerance * slope->size);
        const bool decides = bar <= pal__fn_limit(c) * scale || nothing;
        *outcome = decides ? PAL__FN_RIGHT : slope->kink ? PAL__FN_KINK : PAL__FN_OPEN;
        slope->scale = scale;
        slope->seen =
            fmax(4 * bar, smoothly * fmax(c->eps * slope->size, c->quiet / 4) / slope->step) / scale + tolerance;
        if (!isfinite(bar) || apart <= bar + tolerance * scale) {
            if (!decides) ok = explain(c, line, &g, slope, outcome);
            break;
        }
        *outcome = PAL__FN_OPEN;
        ok = confirm(c, line, apart, slope, &agree) && (!agree || accuse(c, line, &g, slope, outcome));
    }
    double none;
    pal__fn_move(c, line, 0, &none);
    return ok;
}
