/* gradcheck_report.c - the results of palindrome gradcheck, worst first: a table for people, a document for programs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gradcheck.h"

static bool bad(const pal_gradcheck_report *r) { return r->verdict == PAL_CHECK_FAIL || r->verdict == PAL_CHECK_ERROR; }

/* Worst first; a NaN is the worst of errors. */
static int by_badness(const void *a, const void *b)
{
    const pal__result *x = a, *y = b;
    const pal_gradcheck_report *p = &x->report, *q = &y->report;
    if (bad(p) != bad(q)) return bad(q) - bad(p);
    double e = isnan(p->error) ? INFINITY : p->error, f = isnan(q->error) ? INFINITY : q->error;
    if (e != f) return e < f ? 1 : -1;
    int name = strcmp(p->name, q->name), label = strcmp(p->label, q->label);
    return name ? name : label ? label : p->order - q->order;
}

static double worst(const pal__checks *c, int order)
{
    double most = 0;
    for (size_t i = 0; i < c->n; i++) {
        const pal_gradcheck_report *r = &c->results[i].report;
        if ((order && r->order != order) || r->verdict == PAL_CHECK_ERROR) continue;
        most = isnan(r->error) || isnan(most) ? NAN : fmax(most, r->error);
    }
    return most;
}

static void print_failure(const pal_gradcheck_report *r)
{
    if (r->verdict == PAL_CHECK_ERROR) {
        printf("    %s\n", *r->message ? r->message : "out of memory");
        return;
    }
    printf("    input %zu, element %zu: analytic %.17g, numeric %.17g, step %g, observed rate ", r->input, r->element,
           r->analytic, r->numeric, r->step);
    if (isfinite(r->rate))
        printf("%.2f (2 is right)\n", r->rate);
    else
        printf("unknown\n");
    if (r->linearity > 1e-11) printf("    the rule is not linear in its seed: off by %.2g\n", r->linearity);
}

static void print_table(const pal__checks *c)
{
    static const char *const colours[] = {[PAL_CHECK_PASS] = "\033[32m",
                                          [PAL_CHECK_FAIL] = "\033[31;1m",
                                          [PAL_CHECK_KINK] = "\033[33m",
                                          [PAL_CHECK_ERROR] = "\033[31;1m"};
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    size_t kinks = 0, failed = 0;
    printf("%-16s %-24s %5s %10s  %-28s %s\n", "name", "case", "order", "error", "worst at", "verdict");
    for (size_t i = 0; i < c->n; i++) {
        const pal_gradcheck_report *r = &c->results[i].report;
        bool measured = r->verdict == PAL_CHECK_PASS || r->verdict == PAL_CHECK_FAIL;
        char error[32] = "-";
        if (measured) snprintf(error, sizeof error, "%.2g", r->error);
        printf("%-16s %-24s %5d %10s  %-28s %s%s%s\n", r->name, r->label, r->order, error,
               measured && r->error > 0 ? c->results[i].where : "-", colour ? colours[r->verdict] : "",
               pal_verdict_text(r->verdict), colour ? "\033[0m" : "");
        if (bad(r)) print_failure(r);
        kinks += r->verdict == PAL_CHECK_KINK;
        failed += bad(r);
    }
    printf("%zu checks", c->n);
    for (int order = c->first; order <= c->last; order++)
        printf(", %s%.2g at order %d", order == c->first ? "worst " : "", worst(c, order), order);
    printf(", %zu kink%s, %zu failed\n", kinks, kinks == 1 ? "" : "s", failed);
    if (c->refused)
        printf("%zu setting%s of models not checked: refused beside the defaults of the others\n", c->refused,
               c->refused == 1 ? "" : "s");
}

static void print_json(const pal__checks *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const pal_gradcheck_report *r = &c->results[i].report;
        json_t *one = json_pack(
            "{s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:s}", "name", r->name, "kind",
            c->results[i].model ? "model" : "operation", "case", r->label, "order", r->order, "relative_error",
            r->verdict == PAL_CHECK_ERROR ? json_null() : pal_cli_number(r->error), "tolerance",
            pal_cli_number(r->tolerance), "verdict", pal_verdict_text(r->verdict), "where", c->results[i].where);
        json_t *more = json_pack(
            "{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "input", (json_int_t)r->input, "element",
            (json_int_t)r->element, "checked", (json_int_t)r->checked, "kinks", (json_int_t)r->kinks, "analytic",
            pal_cli_number(r->analytic), "numeric", pal_cli_number(r->numeric), "step", pal_cli_number(r->step), "rate",
            pal_cli_number(r->rate), "linearity", pal_cli_number(r->linearity), "message", r->message);
        if (one && more) json_object_update(one, more);
        json_decref(more);
        json_array_append_new(list, one);
    }
    pal_cli_print_json(json_pack("{s:o, s:o}", "worst", pal_cli_number(worst(c, 0)), "results", list));
}

bool pal_cli_gradcheck_report(pal__checks *c, bool json)
{
    if (c->n) qsort(c->results, c->n, sizeof *c->results, by_badness);
    if (json)
        print_json(c);
    else
        print_table(c);
    return c->n && bad(&c->results[0].report);
}
