/* gradcheck_macros.h - pal_gradcheck_function in somebody's own tests: assertions, and output for TAP.
 *
 *     PAL_ASSERT_GRADIENT(&layernorm);                  with the default options
 *     PAL_ASSERT_GRADIENT_WITH(&layernorm, &options);
 *
 * A failed assertion tells the function and the one line of the report: what is wrong with the derivative, and where.
 * It ends the test in the way of the framework whose header was included before this one: <check.h>    ck_abort_msg,
 * which adds file and line <cmocka.h>   fail_msg, which adds file and line neither      FILE:LINE and the message on
 * standard error, then abort(). NDEBUG does not switch it off. An assertion holds if the verdict is "pass" or "kink":
 * at a kink there is no derivative to compare with. It fails if the derivative is wrong, if it could not be decided,
 * and if the check was not possible.
 *
 *     int main(void)
 *     {
 *         static const pal_function *const all[] = {&layernorm, &attention};
 *         return pal_tap_run(all, 2, NULL);
 *     }
 * prints TAP (version 13, testanything.org) for prove, meson and others: a line for each function, and on failure a
 * block of YAML. pal_tap_plan and pal_tap_gradient do the same among tests of one's own.
 *
 * Everything is inline and belongs to the program that includes it: the library itself never prints. C11 and C++17. */
#ifndef PAL_GRADCHECK_MACROS_H
#define PAL_GRADCHECK_MACROS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/gradcheck_function.h"

/* ---- Descriptions in short (initialisers, for C; C++17 has no designated ones) -------------------------------------
 *
 *     PAL_CALL(forward, my_loss(c->out[0], c->in[0], c->in[1], 4, 8))
 *     PAL_CALL(backward, my_loss_backward(c->gradient[0], c->seed[0], c->in[0], c->in[1], 4, 8))
 *     static const pal_array in[] = {PAL_ARRAY_IN("x", -2, 2, 4, 8), PAL_ARRAY_FIXED("labels", PAL_I32, labels, 4)};
 *     static const pal_array out[] = {PAL_ARRAY("loss", 1)};
 *     static const pal_function f = {PAL_FUNCTION("loss", PAL_F32, in, out, forward, backward), .adds = true}; */

/* A pal_function_fn that runs the statement, in which c is the call. */
#define PAL_CALL(name, ...)                                                                                            \
    static int name(const pal_function_call *c)                                                                        \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return 0;                                                                                                      \
    }
#define PAL_ARRAY_SIZES(...)                                                                                           \
    {                                                                                                                  \
        (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), { __VA_ARGS__ }                                 \
    }
/* Name and sizes of the axes: values from -1 to 1. */
#define PAL_ARRAY(title, ...)                                                                                          \
    {                                                                                                                  \
        .name = title, .shape = PAL_ARRAY_SIZES(__VA_ARGS__)                                                           \
    }
/* Values from `least` to `most`, its open domain. */
#define PAL_ARRAY_IN(title, least, most, ...)                                                                          \
    {                                                                                                                  \
        .name = title, .shape = PAL_ARRAY_SIZES(__VA_ARGS__), .low = least, .high = most                               \
    }
/* An argument without derivative: labels, masks, indices. `numbers` has the values, of type `type`. */
#define PAL_ARRAY_FIXED(title, type, numbers, ...)                                                                     \
    {                                                                                                                  \
        .name = title, .shape = PAL_ARRAY_SIZES(__VA_ARGS__), .values = numbers, .constraint = PAL_FIXED,              \
        .dtype = type                                                                                                  \
    }
/* The first fields of a pal_function. `arguments` and `results` are arrays, not pointers. */
#define PAL_FUNCTION(title, type, arguments, results, forward_fn, backward_fn)                                         \
    .struct_size = sizeof(pal_function), .name = title, .dtype = type, .in = arguments,                                \
    .n_in = sizeof(arguments) / sizeof *(arguments), .out = results, .n_out = sizeof(results) / sizeof *(results),     \
    .forward = forward_fn, .backward = backward_fn

/* ---- One check as a line of text ------------------------------------------------------------------------------ */

static inline bool pal_gradient_holds(pal_status status, const pal_function_report *r)
{
    return status == PAL_OK && (r->verdict == PAL_CHECK_PASS || r->verdict == PAL_CHECK_KINK);
}

/* Checks with a context of its own. The report has a name, and a message if the gradient does not hold. */
static inline bool pal_gradient_check(const pal_function *function, const pal_function_options *options,
                                      pal_function_report *report)
{
    pal_context_options one;
    memset(&one, 0, sizeof one);
    one.struct_size = sizeof one;
    one.threads = 1;
    one.unpinned = true;
    memset(report, 0, sizeof *report);
    pal_context *context = pal_context_new(&one);
    pal_status status = context ? pal_gradcheck_function(context, function, options, report) : PAL_ERR_MEMORY;
    pal_context_free(context);
    const bool holds = pal_gradient_holds(status, report);
    if (status != PAL_OK) report->verdict = PAL_CHECK_ERROR;
    if (!*report->name)
        snprintf(report->name, sizeof report->name, "%s", function && function->name ? function->name : "a function");
    if (!holds && !*report->message)
        snprintf(report->message, sizeof report->message, "%s",
                 status == PAL_ERR_MEMORY ? "out of memory" : pal_verdict_text(report->verdict));
    return holds;
}

/* ---- Assertions ----------------------------------------------------------------------------------------------- */

#if defined ck_abort_msg
#define PAL_GRADIENT_FAILS(report) ck_abort_msg("%s: %s", (report).name, (report).message)
#elif defined fail_msg
#define PAL_GRADIENT_FAILS(report) fail_msg("%s: %s", (report).name, (report).message)
#else
#define PAL_GRADIENT_FAILS(report)                                                                                     \
    do {                                                                                                               \
        fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, (report).name, (report).message);                       \
        abort();                                                                                                       \
    } while (0)
#endif

#define PAL_ASSERT_GRADIENT_WITH(function, options)                                                                    \
    do {                                                                                                               \
        pal_function_report pal_gradient_report;                                                                       \
        if (!pal_gradient_check(function, options, &pal_gradient_report)) PAL_GRADIENT_FAILS(pal_gradient_report);     \
    } while (0)
#define PAL_ASSERT_GRADIENT(function) PAL_ASSERT_GRADIENT_WITH(function, NULL)

/* ---- TAP ------------------------------------------------------------------------------------------------------ */

typedef struct pal_tap {
    FILE *out;                           /* NULL: standard output */
    const pal_function_options *options; /* NULL: the defaults */
    size_t number, failed;               /* lines so far; begin with zeros */
} pal_tap;

static inline FILE *pal_tap_file(const pal_tap *tap) { return tap->out ? tap->out : stdout; }

/* The first two lines: the version, and how many tests follow. */
static inline void pal_tap_plan(const pal_tap *tap, size_t tests)
{
    fprintf(pal_tap_file(tap), "TAP version 13\n1..%lu\n", (unsigned long)tests);
}

/* A text that stays on its line, in a description (where # begins a remark) or, quoted, in YAML. */
static inline void pal_tap_text(FILE *out, const char *text, bool yaml)
{
    if (yaml) fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (yaml ? c == '"' || c == '\\' : c == '#' || c == '\\') fputc('\\', out);
        fputc(c < ' ' || c == 127 ? ' ' : c, out);
    }
    if (yaml) fputc('"', out);
}

/* A number as YAML writes it. */
static inline void pal_tap_number(FILE *out, const char *name, double value, const char *format)
{
    fprintf(out, "  %s: ", name);
    if (isnan(value))
        fputs(".nan", out);
    else if (isinf(value))
        fputs(value < 0 ? "-.inf" : ".inf", out);
    else
        fprintf(out, format, value);
    fputc('\n', out);
}

/* Prints the line of a report, and its block of YAML if the gradient does not hold. Returns whether it holds. */
static inline bool pal_tap_report(pal_tap *tap, const pal_function_report *r)
{
    FILE *out = pal_tap_file(tap);
    const bool holds = pal_gradient_holds(PAL_OK, r);
    fprintf(out, "%sok %lu - ", holds ? "" : "not ", (unsigned long)++tap->number);
    pal_tap_text(out, r->name, false);
    if (r->verdict == PAL_CHECK_KINK) fputs(" # SKIP at a kink: no derivative to compare with", out);
    fputc('\n', out);
    if (holds) return true;
    tap->failed++;
    const char *const keys[] = {"message", "verdict", "mistake", "argument", "index", "source"};
    const char *const texts[] = {r->message,
                                 pal_verdict_text(r->verdict),
                                 r->mistake == PAL_MISTAKE_NONE ? "" : pal_mistake_text(r->mistake),
                                 r->argument,
                                 r->index,
                                 r->source};
    fputs("  ---\n", out);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!*texts[i]) continue;
        fprintf(out, "  %s: ", keys[i]);
        pal_tap_text(out, texts[i], true);
        fputc('\n', out);
    }
    if (*r->argument) {
        pal_tap_number(out, "analytic", r->analytic, "%.9g");
        pal_tap_number(out, "numeric", r->numeric, "%.9g");
        pal_tap_number(out, "bar", r->bar, "%.2g");
        pal_tap_number(out, "error", r->error, "%.2g");
        pal_tap_number(out, "tolerance", r->tolerance, "%.2g");
    }
    fputs("  ...\n", out);
    return false;
}

/* Checks a function and prints its line. Returns whether the gradient holds. */
static inline bool pal_tap_gradient(pal_tap *tap, const pal_function *function)
{
    pal_function_report report;
    pal_gradient_check(function, tap->options, &report);
    return pal_tap_report(tap, &report);
}

/* Checks n functions and prints everything on standard output. Returns the exit status: 0 if all gradients hold, or 1.
 */
static inline int pal_tap_run(const pal_function *const *functions, size_t n, const pal_function_options *options)
{
    pal_tap tap;
    memset(&tap, 0, sizeof tap);
    tap.options = options;
    pal_tap_plan(&tap, n);
    for (size_t i = 0; i < n; i++) pal_tap_gradient(&tap, functions[i]);
    return tap.failed || fflush(stdout) ? 1 : 0;
}

#endif
