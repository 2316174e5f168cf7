/* gradcheck_tap.c - palindrome gradcheck --tap: the results in the Test Anything Protocol, version 13, in the order in
 * which they were checked. What failed, and what could not be decided, is "not ok", with its numbers in YAML. A check
 * that met only kinks is skipped. */
#include <math.h>

#include "cli/gradcheck.h"

/* Text that stays on its line: in a description, where # begins a remark; or in YAML, in double quotes. */
static void print_text(const char *text, bool yaml)
{
    char shown[2 * sizeof((pal_gradcheck_report *)0)->message + 4];
    size_t n = 0;
    if (yaml) shown[n++] = '"';
    for (; *text && n + 4 < sizeof shown; text++) {
        const char c = *text;
        if (yaml ? c == '"' || c == '\\' : c == '#' || c == '\\') shown[n++] = '\\';
        shown[n++] = c == '\n' ? ' ' : c;
    }
    if (yaml) shown[n++] = '"';
    shown[n] = 0;
    pal_cli_print("%s", shown);
}

static void print_field(const char *name, const char *text)
{
    if (!*text) return;
    pal_cli_print("  %s: ", name);
    print_text(text, true);
    putchar('\n');
}

static void print_number(const char *name, double value)
{
    if (isnan(value)) return;
    if (isinf(value))
        pal_cli_print("  %s: %s.inf\n", name, value < 0 ? "-" : "");
    else
        pal_cli_print("  %s: %.9g\n", name, value);
}

void pal_cli_gradcheck_tap(const pal__checks *c)
{
    printf("TAP version 13\n1..%zu\n", c->n);
    for (size_t i = 0; i < c->n; i++) {
        const pal__result *result = &c->results[i];
        const pal_gradcheck_report *r = &result->report;
        const bool holds = r->verdict == PAL_CHECK_PASS || r->verdict == PAL_CHECK_KINK;
        printf("%sok %zu - ", holds ? "" : "not ", i + 1);
        print_text(r->name, false);
        printf("%s", *r->label ? " " : "");
        print_text(r->label, false);
        printf(" order %d%s\n", r->order, r->verdict == PAL_CHECK_KINK ? " # SKIP at a kink" : "");
        if (holds) continue;
        puts("  ---");
        print_field("message", r->message);
        print_field("verdict", pal_verdict_text(r->verdict));
        if (result->own.mistake) print_field("mistake", pal_mistake_text(result->own.mistake));
        print_field("where", result->where);
        print_field("source", r->source);
        if (r->verdict == PAL_CHECK_FAIL) {
            print_number("analytic", r->analytic);
            print_number("numeric", r->numeric);
            print_number("bar", r->bar);
            print_number("error", r->error);
            print_number("tolerance", r->tolerance);
        }
        puts("  ...");
    }
}
