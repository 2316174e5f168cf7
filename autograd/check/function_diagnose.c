/* function_diagnose.c - which element is wrong, and which mistake it looks like.
 *
 * A direction has failed. Its elements are compared one by one; if they are too many, halves of them are compared until
 * few are left, and some others for comparison. Then the known mistakes are tried in turn: each foretells the
 * hand-written numbers from the numeric ones, or from the gradient for other seeds. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct suspects {
    pal__fn *c;
    size_t argument, n, wrong, tested;
    const pal_shape *shape;
    double *a, *v, *bar; /* by element: hand-written, numeric, bar; INFINITY: it was not compared */
    double like;         /* a number equals another up to this fraction */
    double factor;
    bool missing; /* SUMMED: a sum is missing */
} suspects;

static bool is_wrong(const suspects *s, size_t i)
{
    const double tolerance = s->c->o.tolerance * fmax(fabs(s->a[i]), fabs(s->v[i]));
    return isfinite(s->bar[i]) && !(fabs(s->a[i] - s->v[i]) <= 2 * s->bar[i] + tolerance);
}

static bool equals(const suspects *s, size_t i, double a, double b, double bar)
{
    return fabs(a - b) <= 3 * bar + 3 * s->bar[i] + s->like * fmax(fabs(a), fabs(b));
}

/* ---- Elements one by one ----------------------------------------------------------------------------------------- */

static bool measure(suspects *s, size_t i, double *start)
{
    pal__fn *c = s->c;
    const size_t at = c->at[s->argument] + i;
    memset(c->mask, 0, c->total);
    c->mask[at] = 1;
    pal__fn_direct(c, s->argument, false, c->d);
    if (c->d[at] == 0) return true;
    pal__fn_line line = {.first = s->argument,
                         .last = s->argument + 1,
                         .d = c->d,
                         .weights = c->weights,
                         .correct = c->g,
                         .start = *start};
    pal__slope slope;
    double analytic;
    pal__fn_outcome outcome;
    if (!pal__fn_compare(c, &line, &slope, &analytic, &outcome)) return false;
    c->r->elements++;
    if (!isfinite(slope.bar) || outcome == PAL__FN_KINK) return true;
    s->tested++;
    s->a[i] = analytic / c->d[at];
    s->v[i] = slope.value / c->d[at];
    s->bar[i] = fabs(slope.bar / c->d[at]);
    if (outcome != PAL__FN_WRONG && is_wrong(s, i)) s->bar[i] = fabs(s->a[i] - s->v[i]);
    s->wrong += outcome == PAL__FN_WRONG;
    return true;
}

/* Leaves at most `most` elements in the mask, of which some are wrong, by halves. */
static bool halve(suspects *s, size_t most, double *start)
{
    pal__fn *c = s->c;
    uint8_t *mask = c->mask + c->at[s->argument];
    for (;;) {
        size_t n = 0, seen = 0;
        for (size_t i = 0; i < s->n; i++) n += mask[i] == 1;
        if (n <= most) return true;
        bool found = false;
        for (int side = 0; side < 2 && !found; side++) {
            seen = 0;
            for (size_t i = 0; i < s->n; i++) /* 2: was among them */
                if (mask[i]) mask[i] = (seen++ < n / 2) == !side ? 1 : 2;
            for (size_t i = 0; i < s->n; i++) c->elements[3 * c->total + c->at[s->argument] + i] = mask[i];
            for (size_t i = 0; i < s->n; i++) mask[i] = mask[i] == 1;
            pal__fn_direct(c, s->argument, false, c->d);
            pal__fn_line line = {.first = s->argument,
                                 .last = s->argument + 1,
                                 .d = c->d,
                                 .weights = c->weights,
                                 .correct = c->g,
                                 .start = *start};
            pal__slope slope;
            double analytic;
            pal__fn_outcome outcome;
            if (!pal__fn_compare(c, &line, &slope, &analytic, &outcome)) return false;
            found = outcome == PAL__FN_WRONG;
            if (!found)
                for (size_t i = 0; i < s->n; i++) mask[i] = c->elements[3 * c->total + c->at[s->argument] + i] > 0;
        }
        if (!found) return true;
    }
}

static bool measure_all(suspects *s, double start)
{
    pal__fn *c = s->c;
    for (size_t i = 0; i < s->n; i++) s->bar[i] = INFINITY;
    const size_t most = c->o.max_elements;
    if (s->n <= most) {
        for (size_t i = 0; i < s->n; i++)
            if (!measure(s, i, &start)) return false;
        return true;
    }
    if (!halve(s, most / 2, &start)) return false;
    uint8_t *mask = c->mask + c->at[s->argument];
    size_t some = 0, *list = pal__alloc(c->context, (most + 1) * sizeof *list);
    for (size_t i = 0; list && i < s->n && some < most / 2; i++)
        if (mask[i]) list[some++] = i;
    for (size_t i = some; list && i < most; i++) list[some++] = (i * (s->n - 1)) / (most - 1);
    bool ok = list != NULL;
    for (size_t i = 0; i < some && ok; i++)
        if (isinf(s->bar[list[i]])) ok = measure(s, list[i], &start);
    if (!list) c->status = PAL_ERR_MEMORY;
    pal__free(c->context, list);
    return ok;
}

/* ---- The known mistakes ------------------------------------------------------------------------------------------ */

/* Whether `factor` times the numeric derivative is the hand-written one; only: of the wrong elements. */
static bool multiple(const suspects *s, double factor, bool only)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->bar[i]) || (only && !is_wrong(s, i))) continue;
        if (!equals(s, i, s->a[i], factor * s->v[i], fabs(factor) * s->bar[i])) return false;
        n += fabs(s->v[i]) > 3 * s->bar[i];
    }
    return n >= (only ? 4 : 1);
}

static double fit(const suspects *s, bool only)
{
    double both = 0, own = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->bar[i]) || (only && !is_wrong(s, i))) continue;
        both += s->a[i] * s->v[i];
        own += s->v[i] * s->v[i];
    }
    return own > 0 ? both / own : 0;
}

static bool all_zero(const suspects *s, bool only)
{
    for (size_t i = 0; i < s->n; i++)
        if (isfinite(s->bar[i]) && (!only || is_wrong(s, i)) && s->a[i] != 0) return false;
    return true;
}

static bool sign(suspects *s) { return s->tested > 1 ? multiple(s, -1, false) : fabs(fit(s, false) + 1) < s->like; }
static bool some_sign(suspects *s) { return multiple(s, -1, true); }
static bool zero(suspects *s) { return all_zero(s, false); }
static bool some_zero(suspects *s) { return all_zero(s, true); }
static bool factor(suspects *s)
{
    s->factor = fit(s, false);
    return s->tested > 1 && multiple(s, s->factor, false);
}
static bool some_factor(suspects *s)
{
    s->factor = fit(s, true);
    return multiple(s, s->factor, true);
}

static size_t inner_of(const pal_shape *shape, int axis)
{
    size_t n = 1;
    for (int k = axis + 1; k < shape->rank; k++) n *= (size_t)shape->dim[k];
    return n;
}

static bool edge(suspects *s)
{
    for (int axis = 0; axis < s->shape->rank; axis++) {
        const size_t dim = (size_t)s->shape->dim[axis], inner = inner_of(s->shape, axis);
        if (dim < 3) continue;
        bool only = true;
        size_t right = 0;
        for (size_t i = 0; i < s->n && only; i++) {
            const size_t at = i / inner % dim;
            const bool end = at == 0 || at == dim - 1;
            if (is_wrong(s, i))
                only = end;
            else
                right += isfinite(s->bar[i]) && !end && s->v[i] != 0;
        }
        if (only && right) return true;
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

static const struct {
    pal_mistake mistake;
    bool (*is)(suspects *s);
} known[] = {
    {PAL_MISTAKE_ZERO, zero},         {PAL_MISTAKE_STALE, stale},     {PAL_MISTAKE_SIGN, sign},
    {PAL_MISTAKE_FACTOR, factor},     {PAL_MISTAKE_EDGE, edge},       {PAL_MISTAKE_TRANSPOSED, transposed},
    {PAL_MISTAKE_REVERSED, reversed}, {PAL_MISTAKE_SHIFTED, shifted}, {PAL_MISTAKE_SUMMED, summed},
    {PAL_MISTAKE_ZERO, some_zero},    {PAL_MISTAKE_SIGN, some_sign},  {PAL_MISTAKE_FACTOR, some_factor},
};

/* ---- The words --------------------------------------------------------------------------------------------------- */

static void factor_text(double factor, char *out, size_t size)
{
    const double inverse = 1 / factor;
    if (fabs(inverse) > 1.5 && fabs(inverse - round(inverse)) < 0.01)
        snprintf(out, size, "%s1/%.0f", inverse < 0 ? "-" : "", fabs(round(inverse)));
    else
        snprintf(out, size, "%.4g", factor);
}

static void say(suspects *s, size_t worst)
{
    pal__fn *c = s->c;
    pal_function_report *r = c->r;
    char what[160], number[32], where[128];
    snprintf(what, sizeof what, "%s", pal_mistake_text(r->mistake));
    if (r->mistake == PAL_MISTAKE_FACTOR) {
        factor_text(r->factor, number, sizeof number);
        snprintf(what, sizeof what, "it is %s times the derivative", number);
    }
    if (r->mistake == PAL_MISTAKE_SUMMED)
        snprintf(what, sizeof what, "a sum over an axis is %s", s->missing ? "missing" : "one too many");
    snprintf(where, sizeof where, "at %s", r->index);
    if (worst == s->n) snprintf(where, sizeof where, "along a direction");
    snprintf(r->message, sizeof r->message, "%s of %s: %s: %s %.6g, numeric %.6g ± %.1g",
             c->weights ? "Hessian's product" : "gradient", r->argument, what, where, r->analytic, r->numeric, r->bar);
}

bool pal__fn_diagnose(pal__fn *c, size_t k, const pal__slope *slope, double analytic, double start)
{
    pal_function_report *r = c->r;
    suspects s = {.c = c,
                  .argument = k,
                  .n = c->count[k],
                  .shape = &c->f->in[k].shape,
                  .v = c->elements + c->at[k],
                  .bar = c->elements + c->total + c->at[k],
                  .a = c->elements + 2 * c->total + c->at[k],
                  .like = c->f->dtype == PAL_F32 ? 0.02 : 1e-5};
    if (!measure_all(&s, start)) return false;
    size_t worst = s.n;
    for (size_t i = 0; i < s.n; i++)
        if (is_wrong(&s, i) && (worst == s.n || fabs(s.a[i] - s.v[i]) > fabs(s.a[worst] - s.v[worst]))) worst = i;
    snprintf(r->argument, sizeof r->argument, "%s", c->f->in[k].name);
    r->verdict = PAL_CHECK_FAIL;
    r->mistake = PAL_MISTAKE_OTHER;
    r->analytic = worst < s.n ? s.a[worst] : analytic;
    r->numeric = worst < s.n ? s.v[worst] : slope->value;
    r->bar = worst < s.n ? s.bar[worst] : slope->bar;
    r->error = fabs(r->analytic - r->numeric) / (fmax(fabs(r->analytic), fabs(r->numeric)) + r->bar / c->o.tolerance);
    if (worst < s.n) pal__fn_index(s.shape, worst, r->index, sizeof r->index);
    for (size_t i = 0; worst < s.n && i < sizeof known / sizeof *known; i++) {
        if (!known[i].is(&s)) continue;
        r->mistake = known[i].mistake;
        if (r->mistake == PAL_MISTAKE_FACTOR) r->factor = s.factor;
        break;
    }
    say(&s, worst);
    return false;
}
