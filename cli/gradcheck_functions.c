/* gradcheck_functions.c - palindrome gradcheck: functions with hand-written derivatives, which loaded objects register.
 *
 * The library checks them (autograd/gradcheck_function.h). A report of theirs becomes a row like that of an operation:
 * at order 1 the gradient, and at order 2, if the function has one, the product of its Hessian with a vector. What only
 * such a check can tell (the mistake, the noise of the function) stays beside the row, for JSON and TAP. */
#include <math.h>
#include <string.h>

#include "cli/gradcheck.h"

const pal_function *pal_cli_gradcheck_find(const char *name)
{
    const pal_function *f;
    for (size_t i = 0; (f = pal_function_at(i)); i++)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

pal_status pal_cli_gradcheck_function(const pal__checks *c, const pal_function *function, int order, pal__result *r)
{
    const pal_function_options options = {.struct_size = sizeof options, .seed = c->seed};
    pal_function_report *own = &r->own;
    pal_function f = {0};
    memcpy(&f, function, function->struct_size < sizeof f ? function->struct_size : sizeof f);
    f.struct_size = sizeof f;
    if (order == 1) f.product = NULL;
    const pal_status status = pal_gradcheck_function(c->context, &f, &options, own);
    if (status != PAL_OK) own->verdict = PAL_CHECK_ERROR;
    r->kind = PAL__FUNCTION;
    r->report = (pal_gradcheck_report){.order = order,
                                       .verdict = own->verdict,
                                       .error = own->error,
                                       .tolerance = own->tolerance,
                                       .step = NAN,
                                       .analytic = own->analytic,
                                       .numeric = own->numeric,
                                       .rate = NAN,
                                       .slope1 = NAN,
                                       .slope2 = NAN,
                                       .symmetry = NAN,
                                       .duality = NAN,
                                       .linearity = NAN,
                                       .checked = own->directions + own->elements,
                                       .kinks = own->kinks,
                                       .bar = own->bar,
                                       .low = NAN,
                                       .high = NAN,
                                       .undecided = own->undecided};
    snprintf(r->report.name, sizeof r->report.name, "%s", f.name);
    snprintf(r->report.label, sizeof r->report.label, "%s", f.dtype == PAL_F32 ? "float32" : "float64");
    snprintf(r->report.source, sizeof r->report.source, "%s", f.source ? f.source : "");
    snprintf(r->report.message, sizeof r->report.message, "%s", own->message);
    snprintf(r->report.index, sizeof r->report.index, "%s", own->index);
    snprintf(r->where, sizeof r->where, "%s%s", own->argument, own->index);
    return status;
}
