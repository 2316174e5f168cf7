/* function.c - checks a hand-written function at some points: first its promises, then its gradient along directions of
 * each argument, then the Hessian's product. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 3, DIRECTIONS = 8, ELEMENTS = 200 };

static const char *const texts[PAL_MISTAKE_COUNT] = {
    [PAL_MISTAKE_NONE] = "nothing is wrong",
    [PAL_MISTAKE_SIGN] = "the sign is flipped",
    [PAL_MISTAKE_FACTOR] = "a constant factor is wrong",
    [PAL_MISTAKE_TRANSPOSED] = "it is transposed",
    [PAL_MISTAKE_REVERSED] = "an axis is reversed",
    [PAL_MISTAKE_SHIFTED] = "it is shifted along an axis",
    [PAL_MISTAKE_OVERWRITES] = "it loses what was in the gradient, although it should add",
    [PAL_MISTAKE_ADDS] = "it keeps what was in the gradient, although it should write",
    [PAL_MISTAKE_UNWRITTEN] = "elements are left unwritten",
    [PAL_MISTAKE_ZERO] = "it is zero where the function changes",
    [PAL_MISTAKE_SUMMED] = "a sum over an axis is missing, or is one too many",
    [PAL_MISTAKE_EDGE] = "it is wrong at the end of an axis only",
    [PAL_MISTAKE_STALE] = "it depends on an earlier call",
    [PAL_MISTAKE_CHANGES] = "the code writes to memory that is not its own",
    [PAL_MISTAKE_UNSTEADY] = "two calls with the same arguments differ",
    [PAL_MISTAKE_OTHER] = "it is wrong",
};

const char *pal_mistake_text(pal_mistake mistake)
{
    return (unsigned)mistake < PAL_MISTAKE_COUNT ? texts[mistake] : "unknown mistake";
}

/* ---- The description --------------------------------------------------------------------------------------------- */

static pal_status valid_array(const pal_function *f, const pal_array *a, bool argument, pal_error *err)
{
    const char *what = argument ? "argument" : "result";
    if (!a->name || !*a->name)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: an %s has no name", f->name,
                             argument ? "argument" : "array of results");
    const int64_t n = pal_shape_count(a->shape);
    if (n < 0 || n > INT32_MAX)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: the shape of %s %.80s is not valid", f->name, what,
                             a->name);
    if ((unsigned)a->constraint >= PAL_CONSTRAINT_COUNT)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: the constraint of %.80s is out of range", f->name,
                             a->name);
    if (!(a->low < a->high) && !(a->low == 0 && a->high == 0))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: the domain of %.80s is empty: low %g, high %g",
                             f->name, a->name, a->low, a->high);
    if (!a->values && !(isfinite(a->low) && isfinite(a->high) && isfinite(a->high - a->low)))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "function %.80s: %.80s needs values, or a domain with finite ends to draw from", f->name,
                             a->name);
    const int32_t rank = a->shape.rank;
    const bool square = rank >= 2 && a->shape.dim[rank - 1] == a->shape.dim[rank - 2];
    if (a->constraint == PAL_SYMMETRIC && !square)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: %.80s cannot be symmetric: it is not square",
                             f->name, a->name);
    if (a->n_kinks && !a->kinks)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: the kinks of %.80s are NULL", f->name, a->name);
    return PAL_OK;
}

pal_status pal__fn_valid(const pal_function *f, pal_error *err)
{
    if (!f) return pal_error_set(err, PAL_ERR_ARGUMENT, "function: is NULL");
    if (pal_options_read(NULL, f, sizeof *f, sizeof *f, "function", err)) return PAL_ERR_ARGUMENT;
    if (!f->name || !*f->name) return pal_error_set(err, PAL_ERR_ARGUMENT, "function: has no name");
    if (f->dtype != PAL_F32 && f->dtype != PAL_F64)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: its type must be PAL_F32 or PAL_F64", f->name);
    if (!f->forward) return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: forward is NULL", f->name);
    if (!f->n_in || !f->n_out || f->n_in > PAL_FUNCTION_ARRAYS || f->n_out > PAL_FUNCTION_ARRAYS || !f->in || !f->out)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: needs 1 to %d arguments, and as many results",
                             f->name, (int)PAL_FUNCTION_ARRAYS);
    bool moves = false;
    for (size_t k = 0; k < f->n_in; k++) {
        if (valid_array(f, f->in + k, true, err)) return PAL_ERR_ARGUMENT;
        moves |= f->in[k].constraint != PAL_FIXED;
    }
    for (size_t k = 0; k < f->n_out; k++)
        if (valid_array(f, f->out + k, false, err)) return PAL_ERR_ARGUMENT;
    if (!moves) return pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: all its arguments are fixed", f->name);
    if (!f->backward && (f->n_out != 1 || pal_shape_count(f->out->shape) != 1))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "function %.80s: without backward, it must have one result of one element", f->name);
    return PAL_OK;
}

/* ---- The check --------------------------------------------------------------------------------------------------- */

static bool check_point(pal__fn *c)
{
    c->draw = c->o.seed + 1 + c->point;
    if (!pal__fn_draw(c, c->x) || !pal__fn_promises(c)) return false;
    for (size_t k = 0; k < c->f->n_in; k++)
        if (c->f->in[k].constraint != PAL_FIXED && c->count[k] && !pal__fn_argument(c, k)) return false;
    return !c->f->product || pal__fn_second(c);
}

static pal_status read_options(pal__fn *c, const pal_function_options *options, pal_error *err)
{
    c->o = (pal_function_options){.struct_size = sizeof c->o};
    if (pal_options_read(&c->o, options, sizeof c->o, sizeof c->o, "options of a function's check", err))
        return PAL_ERR_ARGUMENT;
    if (!(c->o.tolerance >= 0) || c->o.tolerance >= 1)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "the tolerance must be from 0 to 1: it is %g", c->o.tolerance);
    bool drawn = false;
    for (size_t k = 0; k < c->f->n_in; k++) drawn |= !c->f->in[k].values;
    if (!c->o.points) c->o.points = drawn ? POINTS : 1;
    if (!c->o.directions) c->o.directions = DIRECTIONS;
    if (c->o.tolerance == 0) c->o.tolerance = c->f->dtype == PAL_F32 ? 1e-3 : 1e-7;
    if (!c->o.max_elements) c->o.max_elements = ELEMENTS;
    return PAL_OK;
}

pal_status pal_gradcheck_function(pal_context *context, const pal_function *function,
                                  const pal_function_options *options, pal_function_report *report)
{
    pal_function_report none;
    pal_error err = {0};
    pal__fn c = {.context = context, .f = function, .r = report ? report : &none};
    *c.r = (pal_function_report){.verdict = PAL_CHECK_ERROR};
    if (!context) pal_error_set(&err, PAL_ERR_ARGUMENT, "function: the context is NULL");
    if (err.status || pal__fn_valid(function, &err) || read_options(&c, options, &err)) {
        snprintf(c.r->message, sizeof c.r->message, "%.399s", err.text);
        return PAL_ERR_ARGUMENT;
    }
    snprintf(c.r->name, sizeof c.r->name, "%s", function->name);
    snprintf(c.r->source, sizeof c.r->source, "%s", function->source ? function->source : "");
    c.eps = function->dtype == PAL_F32 ? 0x1p-24 : 0x1p-53;
    c.r->tolerance = c.o.tolerance;
    c.r->verdict = PAL_CHECK_PASS;
    if (pal__fn_prepare(&c))
        for (c.point = 0; c.point < c.o.points && check_point(&c);) c.point++;
    if (c.r->verdict == PAL_CHECK_PASS) pal__fn_sum_up(&c);
    pal__fn_free(&c);
    return c.status;
}
