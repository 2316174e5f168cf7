/* gradcheck_differences.c - compares the analytic derivative with extrapolated central differences by elements. */
#include "autograd/check/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIRECTIONS = 3 };

bool pal__check_run(pal__check *c, pal_program *p)
{
    return pal_run(p) == PAL_OK || pal__check_fail(c, pal_program_error(p));
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

/* Richardson extrapolation of differences with steps h, h/2 and h/4, whose errors are series in even powers of h. *rate
 * is the observed order of the error. */
static double richardson(double a, double b, double c, double *rate)
{
    double ab = (4 * b - a) / 3, bc = (4 * c - b) / 3;
    double exact = (16 * bc - ab) / 15, coarse = fabs(a - b), fine = fabs(b - c), noise = 1e-11 * (fabs(exact) + 1e-3);
    *rate = fine > noise ? log2(coarse / fine) : NAN;
    return exact;
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

static void judge(pal__check *c, size_t i, double analytic, double numeric, double largest, double rate)
{
    double scale = fmax(fmax(fabs(analytic), fabs(numeric)), largest);
    double error = analytic == numeric ? 0 : fabs(analytic - numeric) / scale;
    c->r->checked++;
    if (!(error > c->r->error) && c->r->checked > 1 && error == error) return;
    c->r->error = error == error ? error : INFINITY;
    c->r->analytic = analytic;
    c->r->numeric = numeric;
    c->r->rate = rate;
    c->r->input = 0;
    while (i >= pal_tensor_count(c->inputs[c->r->input])) i -= pal_tensor_count(c->inputs[c->r->input++]);
    c->r->element = i;
    index_text(c->inputs[c->r->input]->shape, i, c->r->index, sizeof c->r->index);
}

/* <s, y> from the last run of function. */
static double contract(const pal__check *c)
{
    return (double)pal__check_dot(c->owned[0]->data, pal_output(c->function, c->value)->data,
                                  pal_tensor_count(c->owned[0]))
        .sum;
}

/* Central differences by one element, *x, with steps h, h/2 and h/4. */
static bool difference(pal__check *c, double *x, double *numeric, double *rate, bool *kink)
{
    double saved = *x, d[3];
    bool ok = true;
    for (int level = 0; level < 3 && ok; level++) {
        double h = c->o.step / (1 << level), below = 0;
        *x = saved - h;
        ok = pal__check_run(c, c->function);
        if (ok) below = contract(c);
        if (ok && !level) pal__check_decisions(c, true);
        *x = saved + h;
        ok = ok && pal__check_run(c, c->function);
        if (ok && !level) *kink = !pal__check_decisions(c, false);
        if (ok) d[level] = (contract(c) - below) / (2 * h);
    }
    *x = saved;
    if (ok) *numeric = richardson(d[0], d[1], d[2], rate);
    return ok;
}

bool pal__check_first_order(pal__check *c)
{
    double *g = c->scratch;
    if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
    pal__check_outputs(c->gradient, c->n, g);
    const pal_tensor *y = pal_output(c->function, c->value);
    double largest =
        fmax(1e-3 * pal__check_largest(g, c->total), 1e-6 * pal__check_largest(y->data, pal_tensor_count(y)));
    for (size_t input = 0, first = 0; input < c->n; first += pal_tensor_count(c->inputs[input++])) {
        size_t count = pal_tensor_count(c->inputs[input]), take = count < c->o.max_elements ? count : c->o.max_elements;
        double *x = c->inputs[input]->data;
        for (size_t k = 0; k < take; k++) {
            uint32_t word;
            pal_noise_words((pal_noise){.seed = c->o.seed}, "check:sample", input << 32 | k, 1, &word);
            size_t i = take == count ? k : (k * count + word % count) / take % count;
            double rate, numeric;
            bool kink = false;
            if (!difference(c, x + i, &numeric, &rate, &kink)) return false;
            if (kink)
                c->r->kinks++;
            else
                judge(c, first + i, g[first + i], numeric, largest, rate);
        }
    }
    return true;
}

/* Differences of the gradients along the current directions with three steps: 3 * total numbers in d. The elements of a
 * direction are standard normal, so each element moves by about h, however many there are. */
static bool differences(pal__check *c, const double *saved, double *below, double *d, bool *kink)
{
    bool ok = true;
    for (int level = 0; level < 3 && ok; level++, d += c->total) {
        double h = 0.25 * c->o.step / (1 << level);
        pal__check_move(c, saved, -h);
        ok = pal__check_run(c, c->function);
        if (ok) pal__check_outputs(c->function, c->n, below);
        if (ok && !level) pal__check_decisions(c, true);
        pal__check_move(c, saved, h);
        ok = ok && pal__check_run(c, c->function);
        if (ok && !level) *kink = !pal__check_decisions(c, false);
        if (ok) pal__check_outputs(c->function, c->n, d);
        for (size_t i = 0; i < c->total && ok; i++) d[i] = (d[i] - below[i]) / (2 * h);
    }
    pal__check_move(c, saved, 0);
    return ok;
}

bool pal__check_second_order(pal__check *c)
{
    double *analytic = c->scratch, *saved = analytic + c->total, *below = saved + c->total, *d = below + c->total,
           *plain = d + 3 * c->total;
    pal__check_save(c, saved);
    for (int direction = 0; direction < DIRECTIONS; direction++) {
        pal__check_direct(c, "", direction);
        if (!pal__check_run(c, c->gradient) || !pal__check_run(c, c->function)) return false;
        pal__check_outputs(c->gradient, c->n, analytic);
        pal__check_outputs(c->function, c->n, plain);
        bool kink = false;
        if (!differences(c, saved, below, d, &kink)) return false;
        if (kink) {
            c->r->kinks += c->total;
            continue;
        }
        double largest =
            fmax(1e-3 * pal__check_largest(analytic, c->total), 1e-6 * pal__check_largest(plain, c->total));
        for (size_t i = 0; i < c->total; i++) {
            double rate, numeric = richardson(d[i], d[c->total + i], d[2 * c->total + i], &rate);
            judge(c, i, analytic[i], numeric, largest, rate);
        }
    }
    return true;
}
