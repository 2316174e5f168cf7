/* gradcheck.c - chooses the checks that gradcheck.h describes, runs them and gives the verdict. */
#include "autograd/check/internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pal_verdict_text(pal_verdict v)
{
    static const char *const texts[] = {"pass", "fail", "kink", "error", "not decided"};
    return (unsigned)v < 5 ? texts[v] : "?";
}

/* Sets the verdict to FAIL and adds a reason to the message. */
__attribute__((format(printf, 2, 3))) static void blame(pal_gradcheck_report *r, const char *format, ...)
{
    size_t used = strlen(r->message), size = sizeof r->message;
    va_list args;
    r->verdict = PAL_CHECK_FAIL;
    if (used + 3 >= size) return;
    if (used) used += (size_t)snprintf(r->message + used, size - used, "; ");
    va_start(args, format);
    vsnprintf(r->message + used, size - used, format, args);
    va_end(args);
}

static void give_verdict(pal__check *c)
{
    pal_gradcheck_report *r = c->r;
    r->verdict = r->undecided ? PAL_CHECK_UNDECIDED : r->checked || !r->kinks ? PAL_CHECK_PASS : PAL_CHECK_KINK;
    if (!(r->error <= r->tolerance))
        blame(r, "input %zu at %s: derivative %.9g, by differences %.9g", r->input + 1, r->index, r->analytic,
              r->numeric);
    if (r->slope1 < 2 - PAL_CHECK_SLOPE)
        blame(r, "the first-order Taylor remainder falls at rate %.2f, not 2", r->slope1);
    if (r->slope2 < 3 - PAL_CHECK_SLOPE)
        blame(r, "the second-order Taylor remainder falls at rate %.2f, not 3", r->slope2);
    if (r->symmetry > PAL_CHECK_IDENTITY)
        blame(r, "the Hessian is not symmetric: <u,Hv> and <v,Hu> are off by %.2g", r->symmetry);
    if (r->duality > PAL_CHECK_IDENTITY)
        blame(r, "jvp and vjp are not adjoint: <s,Jv> and <J's,v> are off by %.2g", r->duality);
    if (r->linearity > PAL_CHECK_LINEARITY) blame(r, "the rule is not linear in its seed: off by %.2g", r->linearity);
    if (r->verdict == PAL_CHECK_UNDECIDED) snprintf(r->message, sizeof r->message, "%s", c->undecided);
}

pal_status pal_gradcheck(pal_context *context, const char *name, pal_build build, const void *user,
                         pal_tensor *const *inputs, size_t n, const pal_gradcheck_options *options,
                         pal_gradcheck_report *report)
{
    if (!report) return PAL_ERR_ARGUMENT;
    *report = (pal_gradcheck_report){.verdict = PAL_CHECK_ERROR,
                                     .message = "gradcheck needs a context, a build function and inputs",
                                     .rate = NAN,
                                     .bar = NAN,
                                     .low = NAN,
                                     .high = NAN,
                                     .slope1 = NAN,
                                     .slope2 = NAN,
                                     .symmetry = NAN,
                                     .duality = NAN,
                                     .linearity = NAN};
    if (!context || !build || !inputs || !n) return PAL_ERR_ARGUMENT;
    pal__check c = {.context = context, .r = report, .status = PAL_ERR_ARGUMENT, .inputs = inputs, .n = n};
    pal_error err = {0};
    pal_options_read(&c.o, options, sizeof c.o, sizeof c.o, "gradcheck", &err);
    if (!err.status && (c.o.order < 0 || c.o.order > 2))
        pal_error_set(&err, PAL_ERR_ARGUMENT, "gradcheck: the order is %d, not 1 or 2", c.o.order);
    if (err.status) {
        snprintf(report->message, sizeof report->message, "%.*s", (int)sizeof report->message - 1, err.text);
        return err.status;
    }
    c.o.order = c.o.order == 2 ? 2 : 1;
    if (!c.o.max_elements) c.o.max_elements = 200;
    if (!(c.o.step > 0)) c.o.step = 0x1p-5;
    if (!(c.o.tolerance > 0)) c.o.tolerance = c.o.order == 1 ? 1e-7 : 1e-6;
    report->message[0] = 0;
    report->order = c.o.order;
    report->tolerance = c.o.tolerance;
    report->step = c.o.step;
    snprintf(report->name, sizeof report->name, "%s", name ? name : "");
    bool ok = pal__check_prepare(&c) && pal__check_record(&c, build, user) &&
              (c.o.order == 1 ? pal__check_first_order(&c) : pal__check_second_order(&c)) && pal__check_taylor(&c) &&
              (c.o.order == 1 ? pal__check_linearity(&c) && pal__check_duality(&c) : pal__check_symmetry(&c));
    if (ok) give_verdict(&c);
    pal__check_free(&c);
    return ok ? PAL_OK : c.status;
}
