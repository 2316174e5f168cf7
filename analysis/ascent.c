/* ascent.c - the input of norm 1 that activates a unit most, by projected gradient ascent on the sphere.
 *
 * The pre-activation that it climbs is found on the tape of the encoder (layers.c).
 *
 * The samples of a batch are independent, so one batch climbs for many units and starts at once: one program computes
 * the values and gradients of all. A row has two kinds of steps:
 *
 *   - At first a step goes from v to the direction of v + t g/|g|. t doubles when the value rises and is halved when it
 *     falls. Where the unit is linear, this reaches the maximum at once.
 *   - Rectified units have ridges, where no such step helps. When t is below ridge_step, steps of length t along the
 *     sphere follow. If the value does not rise, g is replaced by a combination of itself and the gradient at the new
 *     point: the one that is shortest along the sphere. The components across the ridge cancel, those along the ridge
 *     remain (Goldstein 1977). If almost nothing remains, t was too long and is reduced.
 *
 * v is a maximum if it has the direction of g, or if t is negligible. The first start is the direction of the gradient
 * at 0, which is the answer for a single layer. The other starts are random. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { STARTS = 5, UNITS = 64, ROWS = UNITS * STARTS, STEPS = 1200, WINDOW = 100 };
static const double first_step = 8, largest_step = 1e6, ridge_step = 0.01, smallest_step = 1e-6; /* values of t */
static const double parallel = 1e-6;  /* v has the direction of g if at most this part of g is along the sphere */
static const double cancelled = 1e-3; /* a combination of at most this length along the sphere, relative to g, is 0 */
static const double gain = 1e-4;      /* on a ridge, a window with at most this relative gain is the last */
static const double better = 1e-6;    /* another start must be better by more than this relative difference */
static const double enough = 1e-3;    /* a ridge step must gain this share of what the slope predicts */

/* ---- The climb ------------------------------------------------------------------------------------------------ */

typedef struct climb {
    const palt__layer *layer;
    size_t features, rows;
    pal_tensor *x, *mask; /* [rows, features], where the program evaluates; a 1 per row at its unit */
    pal_program *program; /* value [rows], gradient [rows, features] */
    double *v, *g, *d;    /* the best point of each row so far, the gradient there, the combination of gradients */
    struct row {
        double value, step, before; /* before: the value at the start of the window */
        bool ridge, done;
    } row[ROWS];
} climb;

static pal_status compile(climb *c, pal_model *model, pal_error *err)
{
    pal_context *context = pal_model_context(model);
    const pal_dtype dtype = pal_model_dtype(model);
    const int64_t wide = c->layer->units * c->layer->plane;
    pal_tape *tape = pal_tape_new(context, dtype);
    c->x = pal_tensor_new(context, dtype, PAL_SHAPE((int64_t)c->rows, (int64_t)c->features));
    c->mask = pal_tensor_new(context, dtype, PAL_SHAPE((int64_t)c->rows, wide));
    c->v = malloc(c->rows * c->features * sizeof *c->v);
    c->g = malloc(c->rows * c->features * sizeof *c->g);
    c->d = malloc(c->rows * c->features * sizeof *c->d);
    if (!tape || !c->x || !c->mask || !c->v || !c->g || !c->d) {
        pal_tape_free(tape);
        return palt__no_memory(err);
    }
    pal_var x = pal_leaf(tape, c->x, "inputs"), out[2];
    pal_var a = palt__preactivation(model, tape, x, c->layer->layer, NULL);
    out[0] =
        pal_sum(pal_mul(pal_reshape(a, PAL_SHAPE((int64_t)c->rows, wide)), pal_leaf(tape, c->mask, "units")), 2, false);
    if (pal_grad(pal_sum_all(out[0]), &x, 1, &out[1]) == PAL_OK) c->program = pal_compile(tape, out, 2, NULL);
    pal_status status = c->program ? PAL_OK : palt__tell(tape, err);
    pal_tape_free(tape);
    return status;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Writes v times scale as the next point that the program evaluates. */
static void look(climb *c, size_t row, const double *v, double scale)
{
    for (size_t i = 0; i < c->features; i++) pal_tensor_set(c->x, row * c->features + i, v[i] * scale);
}

/* Accepts the point that the program evaluated for this row as the best so far. */
static void take(climb *c, size_t row)
{
    const pal_tensor *g = pal_output(c->program, 1);
    c->row[row].value = pal_tensor_get(pal_output(c->program, 0), row);
    for (size_t i = row * c->features; i < (row + 1) * c->features; i++) {
        c->v[i] = pal_tensor_get(c->x, i);
        c->g[i] = c->d[i] = pal_tensor_get(g, i);
    }
}

/* The length of the part of g along the sphere at v; v has norm 1. */
static double along(const double *v, const double *g, size_t n)
{
    double out = dot(v, g, n), sum = 0;
    for (size_t i = 0; i < n; i++) sum += (g[i] - out * v[i]) * (g[i] - out * v[i]);
    return sqrt(sum);
}

/* Whether v has the direction of its gradient, or the gradient is 0. */
static bool at_top(const climb *c, size_t row)
{
    const double *v = c->v + row * c->features, *g = c->g + row * c->features;
    double length = sqrt(dot(g, g, c->features));
    return length == 0 || (dot(v, g, c->features) > 0 && along(v, g, c->features) <= parallel * length);
}

static void propose(climb *c, size_t row, double *room)
{
    const size_t n = c->features;
    const double *v = c->v + row * n, *d = c->d + row * n;
    const struct row *r = &c->row[row];
    double out = r->ridge ? dot(v, d, n) : 0, length = r->ridge ? along(v, d, n) : sqrt(dot(d, d, n));
    double t = length > 0 ? r->step / length : 0;
    for (size_t i = 0; i < n; i++) room[i] = v[i] + t * (d[i] - out * v[i]);
    look(c, row, room, 1 / sqrt(dot(room, room, n)));
}

/* Replaces d by the combination of d and the gradient at the evaluated point that is shortest along the sphere. */
static void combine(climb *c, size_t row)
{
    const size_t n = c->features;
    const double *v = c->v + row * n;
    double *d = c->d + row * n, out_d = 0, out_e = 0, over = 0, under = 0;
    const pal_tensor *e = pal_output(c->program, 1);
    for (size_t i = 0; i < n; i++) {
        out_d += v[i] * d[i];
        out_e += v[i] * pal_tensor_get(e, row * n + i);
    }
    for (size_t i = 0; i < n; i++) {
        double p = d[i] - out_d * v[i], q = pal_tensor_get(e, row * n + i) - out_e * v[i];
        over += p * (p - q);
        under += (p - q) * (p - q);
    }
    double share = under > 0 ? fmin(fmax(over / under, 0), 1) : 0;
    for (size_t i = 0; i < n; i++) d[i] += share * (pal_tensor_get(e, row * n + i) - d[i]);
}

/* Handles a step after which the value did not rise enough. */
static void fall(climb *c, size_t row)
{
    const size_t n = c->features;
    struct row *r = &c->row[row];
    double *v = c->v + row * n, *g = c->g + row * n, *d = c->d + row * n;
    if (!r->ridge || r->step > ridge_step) {
        r->step /= 2;
        r->ridge |= r->step < ridge_step;
        return;
    }
    combine(c, row);
    if (along(v, d, n) > cancelled * along(v, g, n)) return;
    memcpy(d, g, n * sizeof *d);
    r->step /= 4;
}

static void judge(climb *c, size_t row)
{
    struct row *r = &c->row[row];
    double before = r->value, value = pal_tensor_get(pal_output(c->program, 0), row);
    double slope = r->ridge ? along(c->v + row * c->features, c->d + row * c->features, c->features) : 0;
    if (value > before + enough * slope * r->step) {
        take(c, row);
        r->step = fmin(2 * r->step, r->ridge ? first_step : largest_step);
    } else {
        fall(c, row);
    }
    r->done = at_top(c, row) || r->step < smallest_step;
}

/* Progress along the last ridges is slow and not visible in the result, so a window with little gain is the last. */
static void rest(struct row *r)
{
    r->done |= r->ridge && r->value - r->before <= gain * fabs(r->value);
    r->before = r->value;
}

static pal_status run(climb *c, pal_error *err)
{
    pal_status status = pal_run(c->program);
    return status ? pal_error_set(err, status, "%s", pal_program_error(c->program)) : PAL_OK;
}

/* Sets the starts: the direction of the gradient at 0, and random ones that depend only on the index of the unit. */
static pal_status begin(climb *c, const int64_t *units, int64_t n, double *room, pal_error *err)
{
    memset(c->mask->data, 0, pal_tensor_bytes(c->mask));
    memset(c->x->data, 0, pal_tensor_bytes(c->x));
    for (size_t row = 0; row < c->rows; row++) {
        int64_t unit = units[(int64_t)row / STARTS < n ? (int64_t)row / STARTS : 0];
        size_t at = (size_t)(unit * c->layer->plane + c->layer->middle);
        pal_tensor_set(c->mask, row * (size_t)(c->layer->units * c->layer->plane) + at, 1);
        c->row[row] = (struct row){.step = first_step, .done = (int64_t)row >= n * STARTS};
    }
    pal_status status = run(c, err);
    for (size_t row = 0; !status && row < c->rows; row++) {
        const pal_tensor *g = pal_output(c->program, 1);
        uint64_t clock = (uint64_t)units[(int64_t)row / STARTS < n ? (int64_t)row / STARTS : 0];
        for (size_t i = 0; i < c->features; i++) room[i] = pal_tensor_get(g, row * c->features + i);
        double norm = row % STARTS ? 0 : sqrt(dot(room, room, c->features));
        if (!(norm > 0)) {
            pal_noise_normal((pal_noise){.seed = 1, .clock = clock}, "ascent", row % STARTS * c->features, c->features,
                             room);
            norm = sqrt(dot(room, room, c->features));
        }
        look(c, row, room, 1 / norm);
    }
    if (!status) status = run(c, err);
    for (size_t row = 0; !status && row < c->rows; row++) {
        take(c, row);
        c->row[row].done |= at_top(c, row);
    }
    return status;
}

/* Takes the best start of each unit. */
static void finish(const climb *c, int64_t n, float *out, double *value, int64_t *open)
{
    for (int64_t u = 0; u < n; u++) {
        size_t best = (size_t)u * STARTS;
        for (size_t row = best; row < (size_t)(u + 1) * STARTS; row++)
            if (c->row[row].value > c->row[best].value + better * fabs(c->row[best].value)) best = row;
        const double *v = c->v + best * c->features, *g = c->g + best * c->features;
        bool dead = dot(g, g, c->features) == 0;
        for (size_t i = 0; i < c->features; i++) out[(size_t)u * c->features + i] = dead ? 0 : (float)v[i];
        value[u] = c->row[best].value;
        *open += !c->row[best].done;
    }
}

pal_status palt__ascend(pal_model *model, const palt__layer *layer, const int64_t *units, int64_t n, float *out,
                        double *value, int64_t *open, pal_error *err)
{
    climb *c = calloc(1, sizeof *c);
    double *room = malloc((size_t)palt__features(model) * sizeof *room);
    pal_status status = c && room ? PAL_OK : palt__no_memory(err);
    *open = 0;
    if (!status) {
        c->layer = layer;
        c->features = (size_t)palt__features(model);
        c->rows = (size_t)(n < UNITS ? n : UNITS) * STARTS;
        status = compile(c, model, err);
    }
    for (int64_t at = 0; !status && at < n; at += UNITS) {
        int64_t now = n - at < UNITS ? n - at : UNITS, left = 1;
        status = begin(c, units + at, now, room, err);
        for (int step = 0; !status && left && step < STEPS; step++) {
            left = 0;
            for (size_t row = 0; row < c->rows; row++)
                if (!c->row[row].done) propose(c, row, room), left++;
            if (left) status = run(c, err);
            for (size_t row = 0; left && !status && row < c->rows; row++)
                if (!c->row[row].done) judge(c, row);
            for (size_t row = 0; step % WINDOW == WINDOW - 1 && row < c->rows; row++) rest(&c->row[row]);
        }
        if (!status) finish(c, now, out + (size_t)at * c->features, value + at, open);
    }
    if (c) {
        pal_program_free(c->program);
        pal_tensor_free(c->mask);
        pal_tensor_free(c->x);
        free(c->d);
        free(c->g);
        free(c->v);
    }
    free(room);
    free(c);
    return status;
}
