/* logistic.c - multinomial logistic regression: its objective is a tape program, minimised by L-BFGS.
 *
 * One program serves every strength and every choice of held-out samples, because the strength and the weights of the
 * samples are leaves. A sample of weight 0 is held out; its logits are still among the outputs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { VALUE, GRADIENT_W, GRADIENT_B, LOGITS, OUTPUTS };

struct palt__logistic {
    pal_tensor *inputs, *targets;
    pal_tensor *w, *b, *weights, *strength;
    pal_program *program;
};

static pal_program *compile(palt__logistic *l, unsigned lanes, pal_error *err)
{
    pal_context *context = l->inputs->context;
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    if (!tape) {
        palt__no_memory(err);
        return NULL;
    }
    pal_var wrt[] = {pal_leaf(tape, l->w, "W"), pal_leaf(tape, l->b, "b")}, out[OUTPUTS];
    /* With few classes and many samples, BLAS is faster at the transposed product. */
    pal_var product = pal_matmul_t(wrt[0], pal_leaf(tape, l->inputs, "inputs"), false, true);
    out[LOGITS] = pal_add(pal_transpose(product), wrt[1]);
    pal_var log_p = pal_categorical_log_density(pal_leaf(tape, l->targets, "targets"), out[LOGITS]);
    pal_var penalty = pal_mul(pal_sum_squares(wrt[0]), pal_leaf(tape, l->strength, "strength"));
    out[VALUE] = pal_sub(pal_scale(penalty, 0.5), pal_dot(pal_leaf(tape, l->weights, "weights"), log_p));
    pal_grad(out[VALUE], wrt, 2, out + GRADIENT_W);
    pal_compile_options options = {.struct_size = sizeof options, .lanes = lanes};
    pal_program *program = pal_compile(tape, out, OUTPUTS, &options);
    if (!program) pal_error_set(err, pal_tape_status(tape), "classifier: %s", pal_tape_error(tape));
    pal_tape_free(tape);
    return program;
}

palt__logistic *palt__logistic_new(pal_tensor *inputs, pal_tensor *targets, unsigned lanes, pal_error *err)
{
    pal_context *c = inputs->context;
    int64_t n = inputs->shape.dim[0], d = inputs->shape.dim[1], classes = targets->shape.dim[1];
    palt__logistic *l = calloc(1, sizeof *l);
    if (l) {
        *l = (palt__logistic){.inputs = inputs,
                              .targets = targets,
                              .w = pal_tensor_new(c, PAL_F64, PAL_SHAPE(classes, d)),
                              .b = pal_tensor_new(c, PAL_F64, PAL_SHAPE(classes)),
                              .weights = pal_tensor_new(c, PAL_F64, PAL_SHAPE(n)),
                              .strength = pal_tensor_new(c, PAL_F64, PAL_SCALAR)};
        if (!l->w || !l->b || !l->weights || !l->strength)
            pal_error_set(err, PAL_ERR_MEMORY, "classifier: out of memory");
        else if ((l->program = compile(l, lanes, err)))
            return l;
    } else {
        palt__no_memory(err);
    }
    palt__logistic_free(l);
    return NULL;
}

void palt__logistic_free(palt__logistic *l)
{
    if (!l) return;
    pal_program_free(l->program);
    pal_tensor_free(l->strength);
    pal_tensor_free(l->weights);
    pal_tensor_free(l->b);
    pal_tensor_free(l->w);
    free(l);
}

size_t palt__logistic_size(const palt__logistic *l) { return pal_tensor_count(l->w) + pal_tensor_count(l->b); }

static pal_status evaluate(const double *x, double *value, double *gradient, void *user)
{
    palt__logistic *l = user;
    const size_t w = pal_tensor_bytes(l->w), b = pal_tensor_bytes(l->b), n = pal_tensor_count(l->w);
    memcpy(l->w->data, x, w);
    memcpy(l->b->data, x + n, b);
    pal_status status = pal_run(l->program);
    if (status) return status;
    *value = pal_tensor_get(pal_output(l->program, VALUE), 0);
    memcpy(gradient, pal_output(l->program, GRADIENT_W)->data, w);
    memcpy(gradient + n, pal_output(l->program, GRADIENT_B)->data, b);
    return PAL_OK;
}

/* Counts errors and surprise from the logits of the last run. */
static void judge(const palt__logistic *l, palt__fit *fit)
{
    const int64_t n = l->targets->shape.dim[0], classes = l->targets->shape.dim[1];
    const double *logits = pal_output(l->program, LOGITS)->data, *targets = l->targets->data;
    fit->wrong[0] = fit->wrong[1] = 0;
    fit->surprise = 0;
    for (int64_t i = 0; i < n; i++, logits += classes, targets += classes) {
        int64_t best = 0, label = 0;
        double sum = 0;
        for (int64_t k = 0; k < classes; k++) {
            if (logits[k] > logits[best]) best = k;
            if (targets[k] > 0) label = k;
        }
        for (int64_t k = 0; k < classes; k++) sum += exp(logits[k] - logits[best]);
        fit->wrong[fit->weights[i] > 0] += best != label;
        if (!(fit->weights[i] > 0)) fit->surprise += log(sum) + logits[best] - logits[label];
    }
}

pal_status palt__logistic_fit(palt__logistic *l, palt__fit *fit, pal_error *err)
{
    const pal_lbfgs_options options = {
        .struct_size = sizeof options, .memory = 20, .iterations = 5000, .gradient = fit->gradient};
    pal_tensor_set(l->strength, 0, fit->strength);
    memcpy(l->weights->data, fit->weights, pal_tensor_bytes(l->weights));
    double value, *gradient = malloc(palt__logistic_size(l) * sizeof *gradient);
    if (!gradient) return pal_error_set(err, PAL_ERR_MEMORY, "classifier: out of memory");
    pal_status status = pal_lbfgs(fit->solution, palt__logistic_size(l), evaluate, l, &options, &fit->minimum, err);
    if (!status)
        status = evaluate(fit->solution, &value, gradient, l); /* the last evaluation may have been at another point */
    if (!status) judge(l, fit);
    free(gradient);
    return status;
}
