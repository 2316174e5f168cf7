/* function_diagnose.c - which element is wrong, and the words for it.
 *
 * A direction has failed. Its elements are compared one by one; if they are too many, halves of them are compared until
 * few are left, and some others for comparison. function_mistakes.c then says which mistake they look like. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef pal__fn_suspects suspects;

/* ---- Elements one by one ----------------------------------------------------------------------------------------- */

/* Along the direction c->d, which moves the suspects' argument alone. False: the check has ended. */
static bool compare(suspects *s, double start, pal__slope *slope, double *analytic, pal__fn_outcome *outcome)
{
    pal__fn *c = s->c;
    pal__fn_line line = {.first = s->argument,
                         .last = s->argument + 1,
                         .d = c->d,
                         .weights = c->weights,
                         .correct = c->g,
                         .start = start};
    return pal__fn_compare(c, &line, slope, analytic, outcome);
}

static bool measure(suspects *s, size_t i, double *start)
{
    pal__fn *c = s->c;
    const size_t at = c->at[s->argument] + i;
    memset(c->mask, 0, c->total);
    c->mask[at] = 1;
    pal__fn_direct(c, s->argument, false, c->d);
    if (c->d[at] == 0) return true;
    pal__slope slope;
    double analytic;
    pal__fn_outcome outcome;
    if (!compare(s, *start, &slope, &analytic, &outcome)) return false;
    c->r->elements++;
    if (!isfinite(slope.bar) || outcome == PAL__FN_KINK || outcome == PAL__FN_STAIRS) return true;
    s->tested++;
    s->a[i] = analytic / c->d[at];
    s->v[i] = slope.value / c->d[at];
    s->bar[i] = fabs(slope.bar / c->d[at]);
    if (outcome != PAL__FN_WRONG && pal__fn_is_wrong(s, i)) s->bar[i] = fabs(s->a[i] - s->v[i]);
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
            pal__slope slope;
            double analytic;
            pal__fn_outcome outcome;
            if (!compare(s, *start, &slope, &analytic, &outcome)) return false;
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

/* ---- The words --------------------------------------------------------------------------------------------------- */

static void factor_text(double factor, char *out, size_t size)
{
    const double inverse = 1 / factor;
    if (fabs(inverse) > 1.5 && fabs(inverse - round(inverse)) < 0.01)
        snprintf(out, size, "%s1/%.0f", inverse < 0 ? "-" : "", fabs(round(inverse)));
    else
        snprintf(out, size, fabs(factor - 1) < 0.01 ? "%.7g" : "%.4g", factor);
}

static void mistake_text(const suspects *s, pal_mistake mistake, char *out, size_t size)
{
    char number[32];
    factor_text(s->factor, number, sizeof number);
    if (mistake == PAL_MISTAKE_FACTOR)
        snprintf(out, size, "it is %s times the derivative", number);
    else if (mistake == PAL_MISTAKE_SUMMED)
        snprintf(out, size, "a sum over an axis is %s", s->missing ? "missing" : "one too many");
    else if (mistake == PAL_MISTAKE_OTHER && s->off < 0.1)
        snprintf(out, size, "it differs by %.2g %%%s", 100 * s->off, *s->c->r->index ? "" : " of its terms");
    else
        snprintf(out, size, "%s", pal_mistake_text(mistake));
}

static void say(const suspects *s, size_t worst)
{
    pal__fn *c = s->c;
    pal_function_report *r = c->r;
    char what[160], also[160] = "", where[128];
    mistake_text(s, r->mistake, what, sizeof what);
    if (s->also) mistake_text(s, s->also, also, sizeof also);
    snprintf(where, sizeof where, "at %s", r->index);
    if (worst == s->n) snprintf(where, sizeof where, "along a direction");
    snprintf(r->message, sizeof r->message, "%s of %s: %s%s%s: %s %.6g, numeric %.6g ± %.1g",
             c->weights ? "Hessian's product" : "gradient", r->argument, what, *also ? ", or " : "", also, where,
             r->analytic, r->numeric, r->bar);
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
                  .a = c->elements + 2 * c->total + c->at[k]};
    if (!measure_all(&s, start)) return false;
    size_t worst = s.n;
    for (size_t i = 0; i < s.n; i++)
        if (pal__fn_is_wrong(&s, i) && (worst == s.n || fabs(s.a[i] - s.v[i]) > fabs(s.a[worst] - s.v[worst])))
            worst = i;
    snprintf(r->argument, sizeof r->argument, "%s", c->f->in[k].name);
    r->verdict = PAL_CHECK_FAIL;
    r->mistake = PAL_MISTAKE_OTHER;
    r->analytic = worst < s.n ? s.a[worst] : analytic;
    r->numeric = worst < s.n ? s.v[worst] : slope->value;
    r->bar = worst < s.n ? s.bar[worst] : slope->bar;
    r->error = fabs(r->analytic - r->numeric) / (fmax(fabs(r->analytic), fabs(r->numeric)) + r->bar / c->o.tolerance);
    if (worst < s.n) pal__fn_index(s.shape, worst, r->index, sizeof r->index);
    s.off = fabs(r->analytic - r->numeric) / (worst < s.n ? fmax(fabs(r->analytic), fabs(r->numeric)) : slope->scale);
    if (worst < s.n) r->mistake = pal__fn_mistake(&s);
    if (r->mistake == PAL_MISTAKE_FACTOR) r->factor = s.factor;
    say(&s, worst);
    return false;
}
