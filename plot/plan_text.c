/* plan_text.c - the words in the picture of a compiled program: what a step does, which value a place holds, bytes and
 * seconds in units that people read. */
#include "plot/plan.h"

#include <stdarg.h>
#include <string.h>

enum { NAMED = 4 }; /* operations of a step whose names are written */

static void append(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *out, size_t size, const char *format, ...)
{
    const size_t used = strlen(out);
    va_list list;
    va_start(list, format);
    if (used < size) vsnprintf(out + used, size - used, format, list);
    va_end(list);
}

/* "sub, mul x2, exp, ... (9)": the number is that of all. */
static void append_ops(char *out, size_t size, const pal_op *const *ops, size_t n)
{
    size_t named = 0, i = 0;
    for (size_t times; i < n && named < NAMED; i += times, named++) {
        for (times = 1; i + times < n && ops[i + times] == ops[i]; times++) {
        }
        append(out, size, "%s%s", named ? ", " : "", ops[i]->name);
        if (times > 1) append(out, size, " x%zu", times);
    }
    if (i < n) append(out, size, ", ... (%zu)", n);
}

void palt__plan_step_text(const pal_plan_step *s, const double *seconds, const char *before, char *out, size_t size)
{
    const pal_op *const *then = s->ops + s->n_own;
    *out = 0;
    append_ops(out, size, s->ops, s->n_own);
    if (s->kind == PAL_PLAN_REGION) append(out, size, ": %lld x %zu steps", (long long)s->terms, s->n_body);
    if (s->n_then) append(out, size, ", then ");
    append_ops(out, size, then, s->n_then);
    if (s->n_sums) append(out, size, "; ");
    append_ops(out, size, then + s->n_then, s->n_sums);
    if (!seconds) return;
    char time[32];
    append(out, size, "%s%s", before, palt__plan_time(*seconds, time, sizeof time));
}

static const char *scaled(double value, const char *unit, char *out, size_t size)
{
    snprintf(out, size, value < 9.95 && value != (int)value ? "%.1f %s" : "%.0f %s", value, unit);
    return out;
}

const char *palt__plan_time(double seconds, char *out, size_t size)
{
    if (seconds < 0.9995e-3) return scaled(1e6 * seconds, "us", out, size);
    return seconds < 0.9995 ? scaled(1e3 * seconds, "ms", out, size) : scaled(seconds, "s", out, size);
}

const char *palt__plan_unit(double bytes, double *unit)
{
    static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    for (*unit = 1; i < 4 && bytes >= 1023.5 * *unit; i++) *unit *= 1024;
    return names[i];
}

static const char *bytes_text(size_t bytes, char *out, size_t size)
{
    double unit;
    const char *name = palt__plan_unit((double)bytes, &unit);
    return scaled((double)bytes / unit, name, out, size);
}

const char *palt__plan_bytes(size_t bytes, char *out, size_t size) { return bytes_text(bytes, out, size); }

/* From the longest text, 0, to the shortest, PALT__PLAN_TEXTS - 1. */
void palt__plan_place_text(const pal_plan_drawing *d, const pal_plan_place *p, int less, char *out, size_t size)
{
    const char *output = p->output && p->output <= d->output_count ? d->outputs[p->output - 1] : NULL;
    char bytes[32];
    *out = 0;
    if (!p->op) return;
    if (less == 0)
        append(out, size, "%%%u %s  %s", p->number, output ? output : p->op->name,
               bytes_text(p->bytes, bytes, sizeof bytes));
    if (less == 1) append(out, size, "%%%u %s", p->number, output ? output : p->op->name);
    if (less == 2) append(out, size, "%s", output ? output : p->op->name);
    if (less == 3) append(out, size, "%%%u", p->number);
}
