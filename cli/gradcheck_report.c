/* gradcheck_report.c - the output of palindrome gradcheck, worst results first: a table, or a JSON document. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gradcheck.h"
#include "cli/processes.h"

static bool bad(const pal_gradcheck_report *r) { return r->verdict == PAL_CHECK_FAIL || r->verdict == PAL_CHECK_ERROR; }
static int rank(const pal_gradcheck_report *r) { return bad(r) ? 2 : r->verdict == PAL_CHECK_UNDECIDED; }

/* Failures first, then what is not decided, then by error; a NaN is the worst of errors. */
static int by_badness(const void *a, const void *b)
{
    const pal__result *x = a, *y = b;
    const pal_gradcheck_report *p = &x->report, *q = &y->report;
    if (rank(p) != rank(q)) return rank(q) - rank(p);
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

/* The convergence rate of the remainder at the order of the check, and the worst error of its identities. NaN: not
 * measured. */
static double slope(const pal_gradcheck_report *r) { return r->order == 2 ? r->slope2 : r->slope1; }
static double identity(const pal_gradcheck_report *r)
{
    return r->order == 2 ? r->symmetry : fmax(r->duality, r->linearity); /* fmax ignores a NaN */
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

/* A rate is printed with two decimals, any other number with two digits, a NaN as a dash. */
static const char *figure(double value, bool rate, char *out, size_t size)
{
    if (isnan(value))
        snprintf(out, size, "-");
    else
        snprintf(out, size, rate ? "%.2f" : "%.2g", value);
    return out;
}

/* Prints each reason for the verdict on its own line, and where it occurred. */
static void print_failure(const pal__result *result)
{
    const pal_gradcheck_report *r = &result->report;
    const char *text = *r->message ? r->message : "out of memory";
    if (result->kind == PAL__FUNCTION) {
        pal_cli_paragraph(4, "%s", text);
        if (*r->source) pal_cli_paragraph(4, "source: %s", r->source);
        return;
    }
    if (r->verdict == PAL_CHECK_FAIL && !(r->error <= r->tolerance)) {
        char rate[32];
        pal_cli_paragraph(4, "%s: analytic %.17g, numeric %.17g, error %.2g (allowed %g)", result->where, r->analytic,
                          r->numeric, r->error, r->tolerance);
        pal_cli_paragraph(4, "numeric: error bar %.2g, differences of step %g, of observed order %s (2 is correct)",
                          r->bar, r->step, figure(r->rate, true, rate, sizeof rate));
        pal_cli_paragraph(4, "usable domain: [%.9g, %.9g]", r->low, r->high);
        text = strstr(text, "; "); /* the lines above were the first reason */
        if (text) text += 2;
    }
    while (text && *text) {
        const char *end = r->verdict == PAL_CHECK_FAIL ? strstr(text, "; ") : NULL;
        pal_cli_paragraph(4, "%.*s", (int)(end ? end - text : (ptrdiff_t)strlen(text)), text);
        text = end ? end + 2 : NULL;
    }
    if (*r->source) pal_cli_paragraph(4, "formula: %s", r->source);
}

static int widest(const pal__checks *c, int least, size_t (*width)(const pal__result *))
{
    size_t most = (size_t)least;
    for (size_t i = 0; i < c->n; i++)
        if (width(&c->results[i]) > most) most = width(&c->results[i]);
    return (int)most;
}
static size_t name_width(const pal__result *r) { return strlen(r->report.name); }
static size_t case_width(const pal__result *r) { return strlen(r->report.label); }
static size_t where_width(const pal__result *r) { return r->report.error > 0 ? strlen(r->where) : 1; }

static bool has(const pal__checks *c, int order)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->results[i].report.order == order) return true;
    return false;
}

static void print_verdict(const pal__checks *c, const char *on, const char *off)
{
    size_t kinks = 0, failed = 0, undecided = 0;
    for (size_t i = 0; i < c->n; i++) {
        kinks += c->results[i].report.verdict == PAL_CHECK_KINK;
        failed += bad(&c->results[i].report);
        undecided += c->results[i].report.verdict == PAL_CHECK_UNDECIDED;
    }
    char text[512];
    const char *verdict = failed ? "FAIL" : undecided ? "NOT DECIDED" : "PASS";
    size_t at = (size_t)snprintf(text, sizeof text, ": %zu checks", c->n);
    bool first = true;
    for (int order = c->first; order <= c->last; order++) {
        if (c->n && !has(c, order)) continue;
        at += (size_t)snprintf(text + at, sizeof text - at, ", %s%.2g at order %d", first ? "worst " : "",
                               worst(c, order), order);
        first = false;
    }
    at +=
        (size_t)snprintf(text + at, sizeof text - at, ", %zu kink%s, %zu failed", kinks, kinks == 1 ? "" : "s", failed);
    if (undecided) at += (size_t)snprintf(text + at, sizeof text - at, ", %zu not decided", undecided);
    if (c->refused) /* with the other options at their defaults */
        snprintf(text + at, sizeof text - at, "; %zu setting%s not accepted by a model", c->refused,
                 c->refused == 1 ? "" : "s");
    printf("%s%s%s", on, verdict, off);
    pal_cli_wrap((int)strlen(verdict), 0, pal_cli_width(), text);
}

/* "low..high": the usable domain of the worst element. */
static const char *domain(const pal_gradcheck_report *r, bool measured, char *out, size_t size)
{
    if (measured && r->low < r->high)
        snprintf(out, size, "%.4g..%.4g", r->low, r->high);
    else
        snprintf(out, size, "-");
    return out;
}

enum { CELLS = 10 };

/* on, off: what begins and ends the colour of the last cell. */
static void print_cells(const int fields[CELLS], const char *const cells[CELLS], const char *on, const char *off)
{
    pal_cli_line line = {.width = pal_cli_width()};
    for (int i = 0; i < CELLS; i++) {
        if (i + 1 == CELLS) fputs(on, stdout);
        pal_cli_cell(&line, fields[i], i ? 2 : 0, cells[i]);
    }
    fputs(off, stdout);
    pal_cli_end_line(&line);
}

static void print_table(const pal__checks *c)
{
    static const char *const colours[] = {[PAL_CHECK_PASS] = "\033[32m",
                                          [PAL_CHECK_FAIL] = "\033[31;1m",
                                          [PAL_CHECK_KINK] = "\033[33m",
                                          [PAL_CHECK_ERROR] = "\033[31;1m",
                                          [PAL_CHECK_UNDECIDED] = "\033[33m"};
    const char *no_colour = getenv("NO_COLOR");
    bool colour = pal_cli_is_terminal(STDOUT_FILENO) && !(no_colour && *no_colour);
    int name = widest(c, 4, name_width), label = widest(c, 4, case_width), where = widest(c, 8, where_width);
    const int fields[] = {-name, -label, 5, 8, 5, 8, -where, 8, -24, -1};
    print_cells(fields,
                (const char *const[]){"name", "case", "order", "error", "slope", "identity", "worst at", "step",
                                      "domain", "verdict"},
                "", "");
    for (size_t i = 0; i < c->n; i++) {
        const pal_gradcheck_report *r = &c->results[i].report;
        bool measured = r->verdict == PAL_CHECK_PASS || r->verdict == PAL_CHECK_FAIL;
        char order[16], a[32], b[32], d[32], e[32], f[64];
        snprintf(order, sizeof order, "%d", r->order);
        print_cells(
            fields,
            (const char *const[]){r->name, r->label, order, figure(measured ? r->error : NAN, false, a, sizeof a),
                                  figure(slope(r), true, b, sizeof b), figure(identity(r), false, d, sizeof d),
                                  measured && r->error > 0 ? c->results[i].where : "-",
                                  figure(measured && r->error > 0 ? r->step : NAN, false, e, sizeof e),
                                  domain(r, measured && r->error > 0, f, sizeof f), pal_verdict_text(r->verdict)},
            colour ? colours[r->verdict] : "", colour ? "\033[0m" : "");
        if (rank(r)) print_failure(&c->results[i]);
    }
    if (c->n && c->results[0].kind != PAL__FUNCTION)
        pal_cli_paragraph(
            2, "\nslope: how fast the remainder of Taylor's formula falls with the step: at least 2 with the first "
               "derivative, "
               "at least 3 with the second, is right\nidentity: error of equations that hold for every right "
               "derivative, such as symmetry\n"
               "step: of the differences at the worst element; -: not measured\n"
               "case: one option that differs from its default: each choice, each switch, numbers and layers that are "
               "off; "
               "`palindrome check FILE.c` also takes the ends of each number of a variant of your own");
    if (c->refused)
        pal_cli_paragraph(2, "not checked, because the model does not accept it with its other settings: %s",
                          c->not_accepted);
    putchar('\n');
    static const pal_verdict worst_of[] = {PAL_CHECK_PASS, PAL_CHECK_UNDECIDED, PAL_CHECK_FAIL};
    print_verdict(c, colour ? colours[worst_of[c->n ? rank(&c->results[0].report) : 0]] : "", colour ? "\033[0m" : "");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void print_json(const pal__checks *c)
{
    static const char *const kinds[] = {
        [PAL__OPERATION] = "operation", [PAL__MODEL] = "model", [PAL__FUNCTION] = "function"};
    json_t *list = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const pal_gradcheck_report *r = &c->results[i].report;
        json_t *one =
            json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:s, s:s, s:s}", "name", r->name, "kind",
                      kinds[c->results[i].kind], "case", r->label, "label", r->label, "order", r->order,
                      "relative_error", r->verdict == PAL_CHECK_ERROR ? json_null() : pal_cli_number(r->error),
                      "tolerance", pal_cli_number(r->tolerance), "verdict", pal_verdict_text(r->verdict), "where",
                      c->results[i].where, "source", r->source);
        json_t *element = json_pack("{s:I, s:I, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "input", (json_int_t)r->input,
                                    "element", (json_int_t)r->element, "index", r->index, "checked",
                                    (json_int_t)r->checked, "kinks", (json_int_t)r->kinks, "analytic",
                                    pal_cli_number(r->analytic), "numeric", pal_cli_number(r->numeric), "step",
                                    pal_cli_number(r->step), "rate", pal_cli_number(r->rate), "message", r->message);
        json_t *laws = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "slope", pal_cli_number(slope(r)), "slope1",
                                 pal_cli_number(r->slope1), "slope2", pal_cli_number(r->slope2), "symmetry",
                                 pal_cli_number(r->symmetry), "duality", pal_cli_number(r->duality), "linearity",
                                 pal_cli_number(r->linearity));
        json_t *domain =
            json_pack("{s:o, s:o, s:o, s:I}", "low", pal_cli_number(r->low), "high", pal_cli_number(r->high),
                      "error_bar", pal_cli_number(r->bar), "undecided", (json_int_t)r->undecided);
        if (one && c->results[i].kind == PAL__FUNCTION) {
            const pal_function_report *f = &c->results[i].own;
            json_object_set_new(one, "mistake", f->mistake ? json_string(pal_mistake_text(f->mistake)) : json_null());
            json_object_set_new(one, "factor",
                                f->mistake == PAL_MISTAKE_FACTOR ? pal_cli_number(f->factor) : json_null());
            json_object_set_new(one, "noise", pal_cli_number(f->noise));
            json_object_set_new(one, "detectable", pal_cli_number(f->detectable));
            json_object_set_new(one, "calls", json_integer((json_int_t)f->calls));
        }
        if (one && element) json_object_update(one, element);
        if (one && domain) json_object_update(one, domain);
        if (one && laws) json_object_update(one, laws);
        json_decref(element);
        json_decref(domain);
        json_decref(laws);
        json_array_append_new(list, one);
    }
    pal_cli_print_json(json_pack("{s:o, s:o}", "worst", pal_cli_number(worst(c, 0)), "results", list));
}

bool pal_cli_gradcheck_report(pal__checks *c, pal__form form)
{
    if (form == PAL__TAP) pal_cli_gradcheck_tap(c);
    if (c->n) qsort(c->results, c->n, sizeof *c->results, by_badness);
    if (form == PAL__TAP) return c->n && rank(&c->results[0].report);
    if (form == PAL__JSON)
        print_json(c);
    else
        print_table(c);
    return c->n && rank(&c->results[0].report);
}
