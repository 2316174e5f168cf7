/* function_argument.c - compares the derivatives by one argument along directions over its parts, and gives the
 * verdict.
 *
 * A dense direction tells of all elements at once, but a single wrong element is a small part of it. So there are
 * directions over parts of each argument: slices across each axis, halves, corners and random handfuls. A wrong factor
 * shows best along a direction whose elements have the signs of the gradient: the derivative is large there, and the
 * rounding is not. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Directions over parts --------------------------------------------------------------------------------------- */

typedef enum part_kind { SLICE, DENSE, EVEN, OWN, ALIGNED, RADIAL, HANDFUL, ONE } part_kind;
typedef struct part {
    int axis; /* -1: see kind */
    int64_t from, to;
    part_kind kind;
} part;

static size_t inner_of(const pal_shape *s, int axis)
{
    size_t n = 1;
    for (int k = axis + 1; k < s->rank; k++) n *= (size_t)s->dim[k];
    return n;
}

static void mask_part(pal__fn *c, size_t k, const part *p)
{
    const pal_shape *shape = &c->f->in[k].shape;
    uint8_t *mask = c->mask + c->at[k];
    const size_t n = c->count[k];
    memset(c->mask, 0, c->total);
    if (p->kind == SLICE) {
        const size_t inner = inner_of(shape, p->axis), dim = (size_t)shape->dim[p->axis];
        for (size_t i = 0; i < n; i++) {
            const int64_t at = (int64_t)(i / inner % dim);
            mask[i] = at >= p->from && at < p->to;
        }
    } else if (p->kind == HANDFUL) {
        const size_t some = (size_t)ceil(sqrt((double)n));
        pal__fn_uniform(c, some, 0, (double)n, c->t2);
        for (size_t i = 0; i < some; i++) mask[(size_t)c->t2[i]] = 1;
    } else if (p->kind == ONE) {
        mask[p->from] = 1;
    } else {
        memset(mask, 1, n);
    }
}

enum { MOST_PARTS = 256 };

static void add_slices(const pal_shape *s, part *parts, size_t *n)
{
    enum { ALL = 8 };
    for (int axis = 0; axis < s->rank; axis++) {
        const int64_t dim = s->dim[axis];
        if (dim < 2) continue;
        for (int64_t i = 0; i < dim && *n < MOST_PARTS; i++) {
            const bool edge = i < 2 || i >= dim - 2;
            if (dim > ALL && !edge && i % (dim / 4) != dim / 8) continue;
            parts[(*n)++] = (part){axis, i, i + 1, SLICE};
        }
        if (dim > 3 && *n + 2 < MOST_PARTS) {
            parts[(*n)++] = (part){axis, 0, dim / 2, SLICE};
            parts[(*n)++] = (part){axis, dim / 2, dim, SLICE};
        }
    }
}

static size_t list_parts(pal__fn *c, size_t k, part *parts)
{
    enum { FEW = 12, HANDFULS = 6, EIGHT = 8 };
    static const part_kind kinds[EIGHT] = {DENSE, EVEN, ALIGNED, OWN, DENSE, DENSE, RADIAL, OWN};
    const size_t count = c->count[k];
    size_t n = 0;
    for (unsigned i = 0; i < c->o.directions && n < MOST_PARTS / 2; i++)
        parts[n++] = (part){.axis = -1, .kind = kinds[i % EIGHT]};
    if (count < 2) return n;
    if (count <= FEW) {
        for (size_t i = 0; i < count; i++) parts[n++] = (part){-1, (int64_t)i, 0, ONE};
    } else {
        parts[n++] = (part){-1, 0, 0, ONE};
        parts[n++] = (part){-1, (int64_t)count - 1, 0, ONE};
        for (int i = 0; i < HANDFULS; i++) parts[n++] = (part){.axis = -1, .kind = HANDFUL};
        add_slices(&c->f->in[k].shape, parts, &n);
    }
    return n;
}

/* Gives the elements of the direction the signs of the gradient. */
static void align(pal__fn *c, size_t k)
{
    for (size_t i = c->at[k]; i < c->at[k] + c->count[k] && c->f->in[k].constraint == PAL_FREE; i++)
        c->d[i] = copysign(c->d[i], c->g[i]);
}

/* Along x itself: what does not change there, such as a norm's result, has a derivative of many terms that cancel. */
static void stretch(pal__fn *c, size_t k)
{
    double most = INFINITY;
    const double *x = c->x, *reach = c->scale;
    if (c->f->in[k].constraint != PAL_FREE) return;
    for (size_t i = c->at[k]; i < c->at[k] + c->count[k]; i++)
        if (x[i] != 0) most = fmin(most, reach[i] / fabs(x[i]));
    for (size_t i = c->at[k]; i < c->at[k] + c->count[k]; i++)
        if (c->d[i] != 0 && isfinite(most)) c->d[i] = x[i] * most;
}

/* Elements that are not finite: a mistake if the function has a derivative there. Else they do not move. */
static bool not_finite(pal__fn *c, size_t k)
{
    for (size_t i = 0; i < c->count[k]; i++) {
        const size_t at = c->at[k] + i;
        if (isfinite(c->g[at])) continue;
        mask_part(c, k, &(part){-1, (int64_t)i, 0, ONE});
        pal__fn_direct(c, k, false, c->d);
        pal__fn_line line = {.first = k, .last = k + 1, .d = c->d, .weights = c->weights};
        pal__slope slope = {.bar = INFINITY};
        if (c->d[at] != 0 && !pal__fn_slope(c, &line, c->o.tolerance, 0, &slope)) return false;
        const double value = slope.value / c->d[at], bar = slope.bar / fabs(c->d[at]);
        if (slope.bar <= pal__fn_limit(c) * fmax(fabs(slope.value), slope.size) && isfinite(value)) {
            char index[96];
            snprintf(c->r->argument, sizeof c->r->argument, "%s", c->f->in[k].name);
            snprintf(c->r->index, sizeof c->r->index, "%s", pal__fn_index(&c->f->in[k].shape, i, index, sizeof index));
            c->r->analytic = c->g[at];
            c->r->numeric = value;
            c->r->bar = bar;
            c->r->error = INFINITY;
            return pal__fn_accuse(c, PAL_MISTAKE_OTHER,
                                  "%s of %s: it is %g where there is a derivative: at %s, numeric "
                                  "%.6g ± %.1g",
                                  c->weights ? "Hessian's product" : "gradient", c->f->in[k].name, c->g[at], index,
                                  value, bar);
        }
        c->skip[at] = 1;
        c->g[at] = 0;
        c->r->undecided++;
    }
    return true;
}

/* Compares the derivatives by argument k: of f; or of <c->weights, gradient>, whose hand-written derivative c->g then
 * is.
 */
bool pal__fn_argument(pal__fn *c, size_t k)
{
    part parts[MOST_PARTS];
    const size_t n = list_parts(c, k, parts);
    pal__fn_tally *tally = &c->tally[c->weights != NULL][k];
    bool decided = false;
    double start = 0;
    bool own = false;
    pal__fn_reach(c, false);
    mask_part(c, k, &(part){.axis = -1, .kind = DENSE});
    memset(c->skip, 0, c->total);
    c->quiet = c->stairs = 0;
    pal__fn_direct(c, k, false, c->d);
    if (!pal__fn_noise(c, &(pal__fn_line){.first = k, .last = k + 1, .d = c->d, .weights = c->weights})) return false;
    if (!not_finite(c, k)) return false;
    for (size_t i = 0; i < n; i++) {
        const bool whole = parts[i].kind >= DENSE && parts[i].kind <= ALIGNED;
        if (own != (parts[i].kind == OWN)) pal__fn_reach(c, own = !own);
        mask_part(c, k, &parts[i]);
        pal__fn_direct(c, k, parts[i].kind == EVEN, c->d);
        if (parts[i].kind == ALIGNED) align(c, k);
        if (parts[i].kind == RADIAL) stretch(c, k);
        double most = 0, analytic;
        for (size_t j = 0; j < c->count[k]; j++) most = fmax(most, fabs(c->d[c->at[k] + j]));
        if (most == 0) continue;
        pal__fn_line line = {.first = k,
                             .last = k + 1,
                             .d = c->d,
                             .weights = c->weights,
                             .correct = c->g,
                             .start = parts[i].kind == OWN ? 0 : start};
        pal__slope slope;
        pal__fn_outcome outcome;
        if (!pal__fn_compare(c, &line, &slope, &analytic, &outcome)) return false;
        if (whole && parts[i].kind != OWN && outcome == PAL__FN_RIGHT) start = line.start;
        c->r->directions++;
        if (whole && slope.plateau > 0) c->quiet = c->quiet > 0 ? fmin(c->quiet, slope.plateau) : slope.plateau;
        if (outcome == PAL__FN_WRONG) return pal__fn_diagnose(c, k, &slope, analytic, line.start);
        c->r->kinks += outcome == PAL__FN_KINK;
        c->r->undecided += outcome >= PAL__FN_OPEN;
        if (!whole) continue;
        tally->dense++;
        tally->of[outcome]++;
        decided |= outcome == PAL__FN_RIGHT;
        if (outcome == PAL__FN_RIGHT && !(tally->seen <= slope.seen && tally->seen > 0)) tally->seen = slope.seen;
        if (i == 2 && !decided) break; /* the parts are not better */
    }
    return true;
}

/* ---- The Hessian's product --------------------------------------------------------------------------------------- */

/* H u twice: into zeros, and over other numbers. */
static bool product_writes(pal__fn *c, const double *u)
{
    if (!pal__fn_product(c, u, 0, c->g) || !pal__fn_product(c, u, 1, c->t2)) return false;
    const double rounding = 1e4 * c->eps;
    for (size_t k = 0; k < c->f->n_in; k++) {
        const double *first = c->g + c->at[k], *second = c->t2 + c->at[k];
        double most = 0;
        for (size_t i = 0; i < c->count[k]; i++) most = fmax(most, fabs(first[i]));
        for (size_t i = 0; i < c->count[k] && c->f->in[k].constraint != PAL_FIXED; i++) {
            if (fabs(second[i] - first[i]) <= rounding * most || second[i] == first[i]) continue;
            char index[96];
            snprintf(c->r->argument, sizeof c->r->argument, "%s", c->f->in[k].name);
            snprintf(c->r->index, sizeof c->r->index, "%s", pal__fn_index(&c->f->in[k].shape, i, index, sizeof index));
            return pal__fn_accuse(c, second[i] == 1 ? PAL_MISTAKE_UNWRITTEN : PAL_MISTAKE_ADDS,
                                  "Hessian's product of %s at %s is not written: %.6g, then %.6g", c->f->in[k].name,
                                  index, first[i], second[i]);
        }
    }
    return true;
}

/* v' (H u) is the derivative of <u, gradient> along v. So H u is compared as a gradient is. */
bool pal__fn_second(pal__fn *c)
{
    enum { TIMES = 2 };
    bool ok = true;
    for (int time = 0; time < TIMES && ok; time++) {
        memset(c->hu, 0, c->total * sizeof *c->hu);
        pal__fn_reach(c, false);
        for (size_t k = 0; k < c->f->n_in; k++) {
            if (c->f->in[k].constraint == PAL_FIXED) continue;
            mask_part(c, k, &(part){.axis = -1, .kind = DENSE});
            pal__fn_direct(c, k, false, c->d);
            for (size_t i = c->at[k]; i < c->at[k] + c->count[k]; i++) c->hu[i] = pal__fn_round(c, c->d[i]);
        }
        c->weights = c->hu;
        c->r->second = true;
        ok = product_writes(c, c->hu);
        for (size_t k = 0; k < c->f->n_in && ok; k++)
            if (c->f->in[k].constraint != PAL_FIXED && c->count[k]) ok = pal__fn_argument(c, k);
        c->weights = NULL;
    }
    if (ok) c->r->second = false;
    return ok;
}

/* ---- The verdict ------------------------------------------------------------------------------------------------- */

static const char *const reasons[PAL__FN_OUTCOMES] = {
    [PAL__FN_KINK] = "the function has a kink there",
    [PAL__FN_OPEN] = "the function's rounding hides its derivative",
    [PAL__FN_BLURRED] = "the rounding of the hand-written derivative hides its error",
    [PAL__FN_STAIRS] = "the function is a staircase: it jumps on both sides, and is flat here",
};

/* No derivative was wrong. But were they compared? Half of the dense directions at all points must have decided. */
void pal__fn_sum_up(pal__fn *c)
{
    for (int second = 0; second < 2; second++)
        for (size_t k = 0; k < c->f->n_in; k++) {
            const pal__fn_tally *t = &c->tally[second][k];
            c->r->detectable = fmax(c->r->detectable, t->seen);
            if (2 * t->of[PAL__FN_RIGHT] >= t->dense) continue;
            pal__fn_outcome why = t->of[PAL__FN_BLURRED] > t->of[PAL__FN_OPEN] ? PAL__FN_BLURRED : PAL__FN_OPEN;
            if (t->of[PAL__FN_KINK]) why = PAL__FN_KINK;
            if (t->of[PAL__FN_STAIRS]) why = PAL__FN_STAIRS;
            const bool bent = why == PAL__FN_KINK;
            if (c->r->verdict != PAL_CHECK_PASS && (c->r->verdict != PAL_CHECK_KINK || bent)) continue;
            c->r->verdict = bent ? PAL_CHECK_KINK : PAL_CHECK_UNDECIDED;
            c->r->second = second;
            snprintf(c->r->argument, sizeof c->r->argument, "%s", c->f->in[k].name);
            snprintf(c->r->message, sizeof c->r->message, "%s of %s: %s, along %zu of %zu directions%s",
                     second ? "Hessian's product" : "gradient", c->f->in[k].name, reasons[why],
                     t->dense - t->of[PAL__FN_RIGHT], t->dense, bent ? "; list it in `kinks`, or change the seed" : "");
        }
}
