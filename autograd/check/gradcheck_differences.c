/* gradcheck_differences.c - compares the analytic derivative with the numeric one by elements. */
#include "autograd/check/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIRECTIONS = 3 };

bool pal__check_run(pal__check *c, pal_program *p)
{
    const pal_status status = pal_run(p);
    if (status != PAL_OK) pal__check_fail(c, pal_program_error(p));
    if (status == PAL_ERR_MEMORY) c->status = status;
    return status == PAL_OK;
}

void pal__check_outputs(const pal_program *p, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        const pal_tensor *t = pal_output(p, i);
        memcpy(out, t->data, pal_tensor_bytes(t));
        out += pal_tensor_count(t);
    }
}

bool pal__check_decisions(pal__check *c, bool keep)
{
    uint8_t *at = c->below;
    bool equal = true;
    for (size_t i = 0; i < c->n_decisions; i++) {
        const pal_tensor *t = pal_output(c->function, c->n_outputs + i);
        if (keep)
            memcpy(at, t->data, pal_tensor_bytes(t));
        else
            equal &= !memcmp(at, t->data, pal_tensor_bytes(t));
        at += pal_tensor_bytes(t);
    }
    return equal;
}

double pal__check_largest(const double *x, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

void pal__check_direct(pal__check *c, const char *name, int number)
{
    for (size_t input = 0; input < c->n; input++) {
        char stream[64];
        pal_tensor *t = c->owned[1 + input];
        snprintf(stream, sizeof stream, "check:%s%d/%zu", name, number, input);
        pal_noise_normal((pal_noise){.seed = c->o.seed}, stream, 0, pal_tensor_count(t), t->data);
    }
}

void pal__check_save(const pal__check *c, double *saved)
{
    for (size_t input = 0; input < c->n; saved += pal_tensor_count(c->inputs[input++]))
        memcpy(saved, c->inputs[input]->data, pal_tensor_bytes(c->inputs[input]));
}

/* Sets the inputs to saved + step * direction. */
void pal__check_move(pal__check *c, const double *saved, double step)
{
    for (size_t input = 0; input < c->n; input++) {
        double *x = c->inputs[input]->data;
        const double *d = c->owned[1 + input]->data;
        for (size_t i = 0; i < pal_tensor_count(c->inputs[input]); i++) {
            double from = *saved++;
            x[i] = step == 0 ? from : from + step * d[i];
        }
    }
}

void pal__check_scale(pal__check *c, const double *saved)
{
    for (size_t input = 0; input < c->n; input++) {
        double *d = c->owned[1 + input]->data;
        for (size_t i = 0; i < pal_tensor_count(c->inputs[input]); i++, saved++)
            if (*saved != 0) d[i] *= fabs(*saved);
    }
}

/* The index of element i by axes: "[1,2]". */
static void index_text(pal_shape shape, size_t i, char *out, size_t size)
{
    size_t at[PAL_MAX_RANK], used = 0;
    for (int a = shape.rank - 1; a >= 0; a--) {
        at[a] = i % (size_t)shape.dim[a];
        i /= (size_t)shape.dim[a];
    }
    out[0] = 0;
    for (int a = 0; a < shape.rank && used < size; a++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%zu%s", a ? "," : "[", at[a], a + 1 == shape.rank ? "]" : "");
    if (!shape.rank) snprintf(out, size, "[]");
}

/* ---- Judging one element -------------------------------------------------------------------------------------- */

typedef struct place { /* an element, and how far it moved at a step of 1 */
    size_t input, element;
    double x, speed;
} place;

static place find_place(const pal__check *c, const pal__line *line, size_t i)
{
    place p = {0, i, line->at, 1};
    while (p.element >= pal_tensor_count(c->inputs[p.input])) p.element -= pal_tensor_count(c->inputs[p.input++]);
    if (line->x) return p;
    p.x = ((const double *)c->inputs[p.input]->data)[p.element];
    p.speed = fabs(((const double *)c->owned[1 + p.input]->data)[p.element]);
    return p;
}

typedef struct scales {   /* of the whole derivative */
    double largest, zero; /* its largest element; what is zero beside the values one order below */
} scales;

static scales scales_of(const pal__check *c, const double *derivative, const double *below, size_t n_below)
{
    return (scales){pal__check_largest(derivative, c->total), PAL__CHECK_TINY * pal__check_largest(below, n_below)};
}

/* The scale of an element's error. If its differences are too inexact for the element's own scale, it is compared on
 * the scale of the whole derivative, and if it is zero up to rounding, on the scale one order below. */
static double scale_of(double analytic, const pal__estimate *e, scales of, double tolerance)
{
    double scale = fmax(fmax(fabs(analytic), fabs(e->value)), 1e-8 * of.largest);
    if (e->bar <= tolerance * scale) return scale;
    scale = fmax(scale, 1e-3 * of.largest);
    if (e->bar <= tolerance * scale) return scale;
    double zero = fmax(of.zero, PAL__CHECK_TINY * e->size), small = fmax(10 * e->bar, tolerance * zero);
    return fabs(analytic) <= small && fabs(e->value) <= small ? fmax(scale, zero) : scale;
}

static void report_worst(pal__check *c, const pal__line *line, size_t i, double analytic, const pal__estimate *e)
{
    pal_gradcheck_report *r = c->r;
    place p = find_place(c, line, i);
    r->analytic = analytic;
    r->numeric = e->value;
    r->bar = e->bar;
    r->rate = e->rate;
    r->step = e->step * p.speed;
    r->low = p.x - line->reach * p.speed;
    r->high = p.x + line->reach * p.speed;
    r->input = p.input;
    r->element = p.element;
    index_text(c->inputs[p.input]->shape, p.element, r->index, sizeof r->index);
}

static void leave_open(pal__check *c, const pal__line *line, size_t i, double analytic, const pal__estimate *e)
{
    place p = find_place(c, line, i);
    char index[96], why[64];
    if (c->r->undecided++) return;
    if (!c->r->checked) report_worst(c, line, i, analytic, e);
    index_text(c->inputs[p.input]->shape, p.element, index, sizeof index);
    if (isfinite(e->bar))
        snprintf(why, sizeof why, "is %.9g up to %.2g, too inexact", e->value, e->bar);
    else if (line->reach > 0)
        snprintf(why, sizeof why, "does not converge at any step");
    else
        snprintf(why, sizeof why, "does not exist: the values beside x are not finite");
    snprintf(c->undecided, sizeof c->undecided,
             "not decided: input %zu at %s, x = %.9g, usable from %.9g to %.9g: derivative %.9g; numeric %s",
             p.input + 1, index, p.x, p.x - line->reach * p.speed, p.x + line->reach * p.speed, analytic, why);
}

enum { CERTAIN = 100 }; /* error bars: a larger difference is an error, however inexact the numeric derivative is */

/* Compares an element and counts it. false: its numeric derivative is too inexact to decide, and nothing is counted. */
static bool judge(pal__check *c, const pal__line *line, size_t i, double analytic, const pal__estimate *e, scales of)
{
    pal_gradcheck_report *r = c->r;
    if (e->kink || line->blocked) {
        r->kinks++;
        return true;
    }
    double scale = scale_of(analytic, e, of, r->tolerance);
    double apart = fabs(analytic - e->value),
           error = analytic == e->value ? 0 : apart / (scale + e->bar / r->tolerance);
    bool exact = isfinite(e->bar) && !(e->bar > r->tolerance * scale) && !(e->lost && !isfinite(analytic));
    /* A function that does not move has no derivative above its rounding: an exact zero is right. */
    exact |= !e->moved && analytic == 0 && e->bar <= PAL__CHECK_TINY * e->size;
    if (!exact && line->flips) {
        r->kinks++;
        return true;
    }
    if (!exact && !(apart > r->tolerance * scale + CERTAIN * e->bar && isfinite(e->bar))) return false;
    r->checked++;
    if (!(error > r->error) && r->checked > 1 && error == error) return true;
    r->error = error == error ? error : INFINITY;
    report_worst(c, line, i, analytic, e);
    return true;
}

/* ---- First order: by elements --------------------------------------------------------------------------------- */

bool pal__check_first_order(pal__check *c)
{
    double *g = c->scratch, *saved = g + c->total;
    pal__check_save(c, saved);
    if (!pal__check_noise(c, saved, true)) return false;
    if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
    pal__check_outputs(c->gradient, c->n, g);
    const pal_tensor *y = pal_output(c->function, c->value);
    memcpy(c->value0, y->data, pal_tensor_bytes(y));
    scales of = scales_of(c, g, c->value0, pal_tensor_count(y));
    for (size_t input = 0, first = 0; input < c->n; first += pal_tensor_count(c->inputs[input++])) {
        size_t count = pal_tensor_count(c->inputs[input]), take = count < c->o.max_elements ? count : c->o.max_elements;
        double *x = c->inputs[input]->data;
        for (size_t k = 0; k < take; k++) {
            uint32_t word;
            pal_noise_words((pal_noise){.seed = c->o.seed}, "check:sample", input << 32 | k, 1, &word);
            size_t i = take == count ? k : (k * count + word % count) / take % count;
            pal__line line = {.x = x + i, .at = x[i], .scalar = true, .m = 1};
            pal__estimate e;
            if (!pal__check_ladder(c, &line, c->o.step, &e)) return false;
            if (!judge(c, &line, first + i, g[first + i], &e, of)) leave_open(c, &line, first + i, g[first + i], &e);
        }
    }
    return true;
}

/* ---- Second order: gradients along directions ----------------------------------------------------------------- */

/* Compares all elements along the current directions, or only those that are open. Marks what is not decided as open,
 * or counts it if this is the last attempt. The elements of a direction are standard normal, so each element moves by
 * about h, however many there are. */
static bool compare_along(pal__check *c, const double *saved, bool last)
{
    double *analytic = c->scratch, *plain = c->value0;
    if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
    pal__check_outputs(c->gradient, c->n, analytic);
    pal__check_outputs(c->function, c->n, plain);
    pal__line line = {.at_all = saved, .m = c->total};
    if (!pal__check_ladder(c, &line, 0.25 * c->o.step, c->estimates)) return false;
    scales of = scales_of(c, analytic, plain, c->total);
    for (size_t i = 0; i < c->total; i++) {
        if (last && !c->open[i]) continue;
        c->open[i] = !judge(c, &line, i, analytic[i], c->estimates + i, of);
        if (last && c->open[i]) leave_open(c, &line, i, analytic[i], c->estimates + i);
    }
    return true;
}

/* One step along a direction cannot fit all elements if their scales differ. What it leaves open is compared along a
 * direction in proportion to |x|. */
bool pal__check_second_order(pal__check *c)
{
    double *saved = c->scratch + c->total;
    pal__check_save(c, saved);
    if (!pal__check_noise(c, saved, false)) return false;
    for (int direction = 0; direction < DIRECTIONS; direction++) {
        pal__check_direct(c, "", direction);
        bool ok = compare_along(c, saved, false);
        if (ok && memchr(c->open, 1, c->total)) {
            pal__check_scale(c, saved);
            ok = compare_along(c, saved, true);
        }
        pal__check_move(c, saved, 0);
        if (!ok) return false;
    }
    return true;
}
