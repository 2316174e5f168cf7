/* function_mistakes.c - which mistake the elements of a wrong gradient look like.
 *
 * Each known mistake foretells the hand-written numbers: from the numeric ones, or from the gradient for other seeds.
 * The one that foretells them most exactly wins. Those that only say where the wrong elements are come last, because
 * whatever explains their values says more. If two foretell all elements alike, both are named. */
#include "autograd/check/function.h"

#include <math.h>
#include <string.h>

typedef pal__fn_suspects suspects;

bool pal__fn_is_wrong(const suspects *s, size_t i)
{
    const double tolerance = s->c->o.tolerance * fmax(fabs(s->a[i]), fabs(s->v[i]));
    return isfinite(s->bar[i]) && !(fabs(s->a[i] - s->v[i]) <= 2 * s->bar[i] + tolerance);
}

static bool equals(const suspects *s, size_t i, double a, double b, double bar)
{
    return fabs(a - b) <= 3 * bar + 3 * s->bar[i] + s->like * fmax(fabs(a), fabs(b));
}

/* Whether `factor` times the numeric derivative is the hand-written one; only: of the wrong elements. */
static bool multiple(const suspects *s, double factor, bool only)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->bar[i]) || (only && !pal__fn_is_wrong(s, i))) continue;
        if (!equals(s, i, s->a[i], factor * s->v[i], fabs(factor) * s->bar[i])) return false;
        n += fabs(s->v[i]) > 3 * s->bar[i];
    }
    return n >= (only ? 4 : 1);
}

static double fit(const suspects *s, bool only)
{
    double both = 0, own = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->bar[i]) || (only && !pal__fn_is_wrong(s, i))) continue;
        both += s->a[i] * s->v[i];
        own += s->v[i] * s->v[i];
    }
    return own > 0 ? both / own : 0;
}

static bool all_zero(const suspects *s, bool only)
{
    for (size_t i = 0; i < s->n; i++)
        if (isfinite(s->bar[i]) && (!only || pal__fn_is_wrong(s, i)) && s->a[i] != 0) return false;
    return true;
}

static bool sign(suspects *s) { return s->tested > 1 ? multiple(s, -1, false) : fabs(fit(s, false) + 1) < s->like; }
static bool some_sign(suspects *s) { return multiple(s, -1, true); }
static bool zero(suspects *s) { return all_zero(s, false); }
static bool some_zero(suspects *s) { return all_zero(s, true); }
/* A factor that is 1 as far as numbers are compared here is none. */
static bool near_one(const suspects *s, double by) { return fabs(by - 1) <= 3 * s->like; }
static bool factor(suspects *s)
{
    const double by = fit(s, false);
    if (s->tested < 2 || near_one(s, by) || !multiple(s, by, false)) return false;
    s->factor = by;
    return true;
}
static bool some_factor(suspects *s)
{
    s->factor = fit(s, true);
    return !near_one(s, s->factor) && multiple(s, s->factor, true);
}

static size_t inner_of(const pal_shape *shape, int axis)
{
    size_t n = 1;
    for (int k = axis + 1; k < shape->rank; k++) n *= (size_t)shape->dim[k];
    return n;
}

/* Only the ends are wrong, by much, and what is between them is far better. */
static bool edge(suspects *s)
{
    for (int axis = 0; axis < s->shape->rank; axis++) {
        const size_t dim = (size_t)s->shape->dim[axis], inner = inner_of(s->shape, axis);
        double between = 0, ends = 0;
        bool much = false;
        size_t right = 0, wrong = 0;
        for (size_t i = 0; i < s->n && dim >= 3; i++) {
            const size_t at = i / inner % dim;
            const bool end = at == 0 || at == dim - 1;
            const double apart = isfinite(s->bar[i]) ? fabs(s->a[i] - s->v[i]) : 0;
            much |= end && apart > 100 * s->c->o.tolerance * fmax(fabs(s->a[i]), fabs(s->v[i]));
            if (end)
                ends = fmax(ends, apart);
            else
                between = fmax(between, apart);
            wrong += !end && pal__fn_is_wrong(s, i);
            right += !end && isfinite(s->bar[i]) && s->v[i] != 0;
        }
        if (right && !wrong && much && between < ends / 10) return true;
    }
    return false;
}

/* Whether a[i] is the numeric derivative at from(i), for all elements with a place there. */
static bool moved(const suspects *s, long (*from)(const suspects *, size_t, int, int), int axis, int by)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const long j = from(s, i, axis, by);
        if (j < 0) continue;
        if (!isfinite(s->bar[i]) || !isfinite(s->bar[j])) return false;
        if (!equals(s, i, s->a[i], s->v[j], s->bar[j])) return false;
        n += s->v[j] != 0;
    }
    return n > 1;
}

static long from_transposed(const suspects *s, size_t i, int axis, int by)
{
    (void)axis, (void)by;
    const size_t rows = (size_t)s->shape->dim[s->shape->rank - 2], columns = (size_t)s->shape->dim[s->shape->rank - 1];
    const size_t base = i / (rows * columns) * (rows * columns), at = i - base;
    return (long)(base + at % rows * columns + at / rows); /* what was written as [columns, rows] */
}

static long from_reversed(const suspects *s, size_t i, int axis, int by)
{
    (void)by;
    const size_t dim = (size_t)s->shape->dim[axis], inner = inner_of(s->shape, axis), at = i / inner % dim;
    return (long)(i + (dim - 1 - at) * inner - at * inner);
}

static long from_shifted(const suspects *s, size_t i, int axis, int by)
{
    const long dim = (long)s->shape->dim[axis], inner = (long)inner_of(s->shape, axis), at = (long)i / inner % dim;
    return at + by < 0 || at + by >= dim ? -1 : (long)i + by * inner;
}

static bool transposed(suspects *s)
{
    const int rank = s->shape->rank;
    return rank >= 2 && s->shape->dim[rank - 1] > 1 && s->shape->dim[rank - 2] > 1 && moved(s, from_transposed, 0, 0);
}

static bool reversed(suspects *s)
{
    for (int axis = 0; axis < s->shape->rank; axis++)
        if (s->shape->dim[axis] > 1 && moved(s, from_reversed, axis, 0)) return true;
    return false;
}

static bool shifted(suspects *s)
{
    for (int axis = 0; axis < s->shape->rank; axis++)
        for (int by = -3; by <= 3; by++)
            if (by && s->shape->dim[axis] > 3 && moved(s, from_shifted, axis, by)) return true;
    return false;
}

/* One sum too many: the hand-written element is the sum, or the mean, over an axis of the right one. */
static bool oversummed(const suspects *s)
{
    for (int axis = 0; axis < s->shape->rank; axis++) {
        const size_t dim = (size_t)s->shape->dim[axis], inner = inner_of(s->shape, axis);
        if (dim < 2) continue;
        bool sum = true, mean = true;
        for (size_t i = 0; i < s->n && (sum || mean); i++) {
            const size_t first = i - i / inner % dim * inner;
            double total = 0, bars = 0;
            for (size_t j = 0; j < dim; j++) total += s->v[first + j * inner], bars += s->bar[first + j * inner];
            if (!isfinite(bars)) return false;
            sum = sum && equals(s, i, s->a[i], total, bars);
            mean = mean && equals(s, i, s->a[i], total / (double)dim, bars);
        }
        if (sum || mean) return true;
    }
    return false;
}

/* Whether the gradient is the same if only slice `at` of an axis of result r keeps its seeds; at < 0: none of them. */
static bool same_with(const suspects *s, size_t r, int axis, int64_t at)
{
    pal__fn *c = s->c;
    const pal_shape *shape = &c->f->out[r].shape;
    const size_t inner = axis < 0 ? 1 : inner_of(shape, axis);
    memcpy(c->y2, c->s, c->total_y * sizeof *c->s);
    for (size_t i = 0; i < c->n_y[r]; i++)
        if (at < 0 || (int64_t)(i / inner) % shape->dim[axis] != at) c->s[c->at_y[r] + i] = 0;
    pal__fn_store_seed(c);
    bool same = pal__fn_gradient(c, c->t2);
    memcpy(c->s, c->y2, c->total_y * sizeof *c->s);
    pal__fn_store_seed(c);
    for (size_t i = c->at[s->argument]; i < c->at[s->argument] + s->n; i++)
        same = same && fabs(c->t2[i] - c->g[i]) <= 1e3 * c->eps * fabs(c->g[i]);
    return same;
}

/* A sum is missing: with seeds in the last (or first) slice of a result alone, the gradient is the same. */
static bool undersummed(suspects *s)
{
    for (size_t r = 0; r < s->c->f->n_out && !s->c->weights; r++) {
        const pal_shape *shape = &s->c->f->out[r].shape;
        for (int axis = 0; axis < shape->rank && !s->missing; axis++)
            s->missing = shape->dim[axis] > 1 &&
                         (same_with(s, r, axis, shape->dim[axis] - 1) || same_with(s, r, axis, 0)) &&
                         !same_with(s, r, -1, -1);
    }
    return s->missing;
}

static bool summed(suspects *s) { return (s->c->f->backward && undersummed(s)) || oversummed(s); }

/* The code was right at the first point, and its gradient has not changed since. */
static bool stale(suspects *s)
{
    const size_t at = s->c->at[s->argument];
    return s->c->point > 0 && !s->c->weights && !memcmp(s->c->g + at, s->c->z + at, s->n * sizeof(double));
}

/* In the order in which they are tried. `all`: it foretells every element from the derivative. */
static const struct {
    pal_mistake mistake;
    bool (*is)(suspects *s);
    bool all;
} known[] = {
    {PAL_MISTAKE_ZERO, zero, true},
    {PAL_MISTAKE_STALE, stale, true},
    {PAL_MISTAKE_SIGN, sign, true},
    {PAL_MISTAKE_FACTOR, factor, true},
    {PAL_MISTAKE_TRANSPOSED, transposed, true},
    {PAL_MISTAKE_REVERSED, reversed, true},
    {PAL_MISTAKE_SHIFTED, shifted, true},
    {PAL_MISTAKE_SUMMED, summed, true},
    {PAL_MISTAKE_EDGE, edge, false},
    {PAL_MISTAKE_ZERO, some_zero, false},
    {PAL_MISTAKE_SIGN, some_sign, false},
    {PAL_MISTAKE_FACTOR, some_factor, false},
};

static bool scales(pal_mistake m) { return m == PAL_MISTAKE_SIGN || m == PAL_MISTAKE_FACTOR; }

/* Another mistake, after entry i, that foretells all elements as exactly. */
static pal_mistake other(suspects *s, size_t i)
{
    for (size_t j = i + 1; known[i].mistake >= PAL_MISTAKE_SIGN && known[j].all; j++)
        if (known[j].mistake <= PAL_MISTAKE_SHIFTED && !(scales(known[i].mistake) && scales(known[j].mistake)) &&
            known[j].is(s))
            return known[j].mistake;
    return PAL_MISTAKE_NONE;
}

pal_mistake pal__fn_mistake(suspects *s)
{
    enum { EXACT, NEARLY, PLACES, PASSES };
    const double tolerance = s->c->o.tolerance, nearly = fmax(tolerance, s->c->f->dtype == PAL_F32 ? 0.02 : 1e-5);
    for (int pass = EXACT; pass < PASSES; pass++) {
        s->like = pass == EXACT ? tolerance : nearly;
        if (pass == NEARLY && multiple(s, 1, false)) continue; /* neighbours that are alike foretell each other, too */
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (known[i].all == (pass == PLACES) || !known[i].is(s)) continue;
            if (known[i].all && known[i].mistake != PAL_MISTAKE_ZERO && known[i].mistake != PAL_MISTAKE_STALE)
                s->also = other(s, i);
            return known[i].mistake;
        }
    }
    return PAL_MISTAKE_OTHER;
}
