/* opcheck.c - the cases for checking an operation: its own cases, or for an elementwise operation six that are made
 * from its domain and arity: plain, odd (with a vector tail), broadcast, of one element, scalar, empty. */
#include "autograd/gradcheck.h"

#include "autograd/internal.h"

#include <stdio.h>
#include <string.h>

enum { MADE = 6 };

/* Shapes for up to three operands. */
static const struct {
    const char *label;
    pal_shape shape[3];
} made[MADE] = {
    {"plain", {{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}}},
    {"odd", {{1, {19}}, {1, {19}}, {1, {19}}}},
    {"broadcast", {{3, {2, 1, 3}}, {2, {4, 1}}, {1, {3}}}},
    {"of one", {{2, {1, 1}}, {1, {1}}, {0, {0}}}},
    {"scalar", {{0, {0}}, {1, {5}}, {0, {0}}}},
    {"empty", {{2, {0, 3}}, {1, {3}}, {2, {1, 3}}}},
};

static bool makes_cases(const pal_op *op)
{
    bool makes = op->op_class == PAL_CLASS_ELEMENTWISE && !op->n_cases && op->arity >= 1 && op->arity <= 3 &&
                 (op->sample || (!op->n_ints && !op->n_reals)); /* without sample, params would have no values */
    for (int k = 0; k < op->arity && makes; k++) makes = op->low[k] < op->high[k];
    return makes;
}

size_t pal_gradcheck_op_cases(const pal_op *op) { return !op ? 0 : makes_cases(op) ? MADE : op->n_cases; }

static pal_var record_op(pal_tape *t, const pal_var *in, const void *user)
{
    const pal_op *op = user;
    return pal_record(t, op, in, (size_t)op->arity, op->sample);
}

bool pal_gradcheck_op_case(const pal_op *op, size_t i, pal_case *out)
{
    if (!out || i >= pal_gradcheck_op_cases(op)) return false;
    if (!makes_cases(op)) {
        *out = op->cases[i];
        return true;
    }
    *out = (pal_case){.label = made[i].label, .n = (size_t)op->arity, .build = record_op, .user = op};
    for (size_t k = 0; k < out->n; k++) {
        out->in[k].shape = made[i].shape[k];
        out->in[k].low = op->low[k];
        out->in[k].high = op->high[k];
    }
    return true;
}

const char *pal_op_source(const pal_op *op)
{
    const char *source = op && op->source ? op->source : "", *at = source + strlen(source);
    for (int slashes = 0; at > source && (at[-1] != '/' || ++slashes < 2);) at--;
    return at;
}

static pal_tensor *draw(pal_context *c, pal_shape shape, double low, double high, uint64_t seed, size_t input)
{
    pal_tensor *t = pal_tensor_new(c, PAL_F64, shape);
    char stream[32];
    if (!t) return NULL;
    snprintf(stream, sizeof stream, "check:input%zu", input);
    double *x = t->data;
    pal_noise_uniform((pal_noise){.seed = seed}, stream, 0, pal_tensor_count(t), x);
    for (size_t i = 0; i < pal_tensor_count(t); i++) x[i] = low + (high - low) * x[i];
    return t;
}

pal_status pal_gradcheck_op(pal_context *context, const pal_op *op, size_t i, const pal_gradcheck_options *options,
                            pal_gradcheck_report *report)
{
    if (!report) return PAL_ERR_ARGUMENT;
    pal_case it;
    if (!context || !op || !pal_gradcheck_op_case(op, i, &it)) {
        pal_gradcheck(NULL, op ? op->name : NULL, NULL, NULL, NULL, 0, NULL, report); /* an empty report */
        snprintf(report->message, sizeof report->message, "no such case: give the operation cases or a domain");
        return PAL_ERR_ARGUMENT;
    }
    pal_tensor *inputs[PAL_CASE_INPUTS] = {NULL};
    uint64_t seed = options && options->struct_size == sizeof *options ? options->seed : 0;
    pal_status status = PAL_OK;
    for (size_t k = 0; k < it.n; k++) {
        inputs[k] = draw(context, it.in[k].shape, it.in[k].low, it.in[k].high, seed, k);
        if (!inputs[k]) status = PAL_ERR_MEMORY;
    }
    if (status) {
        pal_gradcheck(NULL, op->name, NULL, NULL, NULL, 0, NULL, report); /* an empty report */
        snprintf(report->message, sizeof report->message, "out of memory");
    }
    if (status == PAL_OK) status = pal_gradcheck(context, op->name, it.build, it.user, inputs, it.n, options, report);
    snprintf(report->label, sizeof report->label, "%s", it.label);
    snprintf(report->source, sizeof report->source, "%s", pal_op_source(op));
    for (size_t k = 0; k < it.n; k++) pal_tensor_free(inputs[k]);
    return status;
}
