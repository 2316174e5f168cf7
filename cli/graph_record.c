/* graph_record.c - records a model for `graph` and `explain`: its loss, the gradient of each parameter, and at order 2
 * the gradient of the squared gradient. */
#include "cli/graph_record.h"

#include <stdlib.h>

#include "ops/ops.h"

void pal_cli_recording_close(pal_cli_recording *r)
{
    pal_program_free(r->times);
    pal_tape_free(r->tape);
    pal_tensor_free(r->batch);
    pal_tensor_free(r->classes);
    pal_model_free(r->model);
    pal_context_free(r->context);
    free(r->leaves);
    free(r->outputs);
    free(r->labels);
    free((void *)r->names);
}

int pal_cli_recording_say(const pal_cli_recording *r)
{
    const char *why = pal_tape_error(r->tape);
    return pal_cli_say(PAL_CLI_FAILED, "%s: %s", r->verb, why ? why : "out of memory");
}

/* |gradient|^2, in a scope of its own, because it belongs to no layer. */
static pal_var contraction(const pal_cli_recording *r, const pal_var *gradients)
{
    pal_scope_begin(r->tape, "squared gradient");
    pal_block_begin(r->tape, "squared gradient", "|g|² = Σ (∂ loss / ∂ θ)²");
    pal_var sum = {.tape = r->tape};
    for (size_t i = 0; i < r->n; i++) {
        pal_var squares = pal_sum_squares(gradients[i]);
        sum = i ? pal_add(sum, squares) : squares;
    }
    pal_block_end(r->tape);
    pal_scope_end(r->tape);
    return sum;
}

static void label(pal_cli_recording *r, const char *of, pal_var output, size_t parameter)
{
    const char *name = of;
    if (parameter < r->n) {
        const char *p = "";
        pal_model_parameter(r->model, parameter, &p);
        snprintf(r->labels[parameter], sizeof r->labels[parameter], "d %s / d %s", of, p);
        name = r->labels[parameter];
    }
    r->names[r->n_outputs] = name;
    r->outputs[r->n_outputs++] = output;
}

static int record(pal_cli_recording *r, int64_t batch, int64_t order)
{
    r->n = pal_model_parameter_count(r->model);
    r->tape = pal_tape_new(r->context, pal_model_dtype(r->model));
    r->batch = pal_tensor_new(r->context, PAL_F32, PAL_SHAPE(batch, pal_shape_count(pal_model_sample(r->model))));
    const int64_t classes = pal_model_classes(r->model);
    if (classes) r->classes = pal_tensor_new(r->context, PAL_F32, PAL_SHAPE(batch, classes));
    r->leaves = calloc(r->n + 1, sizeof *r->leaves);
    r->outputs = calloc(r->n + 1, sizeof *r->outputs);
    r->labels = calloc(r->n + 1, sizeof *r->labels);
    r->names = calloc(r->n + 1, sizeof *r->names);
    pal_var *gradients = calloc(r->n + 1, sizeof *gradients);
    if (!r->tape || !r->batch || (classes && !r->classes) || !r->leaves || !r->outputs || !r->labels || !r->names ||
        !gradients) {
        free(gradients);
        return pal_cli_say(PAL_CLI_FAILED, "%s: out of memory", r->verb);
    }
    pal_model_begin(r->model, r->tape, PAL_TRAIN);
    pal_batch given = {.inputs = pal_leaf(r->tape, r->batch, "x")};
    if (classes) given.labels = pal_leaf(r->tape, r->classes, "y");
    pal_var loss = pal_model_loss(r->model, &given);
    const pal_var seen = pal_model_corrupt(r->model, given.inputs); /* recorded already */
    if (seen.id != given.inputs.id && seen.id != pal_model_target(r->model, given.inputs).id) r->corrupted = seen;
    pal_model_leaves(r->model, r->tape, r->leaves);
    pal_model_end(r->model);
    if (order >= 1) pal_grad(loss, r->leaves, r->n, gradients);
    r->loss = loss;
    if (order == 2) pal_grad(r->squares = contraction(r, gradients), r->leaves, r->n, gradients);
    if (order <= 1) label(r, "loss", loss, r->n);
    for (size_t i = 0; i < r->n && order; i++) label(r, order == 1 ? "loss" : "|g|²", gradients[i], i);
    free(gradients);
    return pal_tape_error(r->tape) ? pal_cli_recording_say(r) : PAL_CLI_GO_ON;
}

int pal_cli_recording_open(pal_cli_recording *r, const char *verb, const pal_cli_args *args, const pal_variant *variant,
                           int64_t samples, int64_t order, size_t most, bool dry)
{
    pal_error err = {0};
    r->verb = verb;
    const pal_context_options o = {
        .struct_size = sizeof o, .threads = 1, .unpinned = true, .max_memory = most, .dry = dry};
    r->context = pal_context_new(&o);
    if (!r->context) return pal_cli_say(PAL_CLI_FAILED, "%s: out of memory", r->verb);
    r->model = pal_model_new(r->context, variant, args->variant, args->n_variant, PAL_SHAPE(28, 28), PAL_F32, 1, &err);
    if (r->model) pal_model_check_given(r->model, args->variant, args->n_variant, &err);
    if (err.status) return pal_cli_say_error(&err);
    const int status = pal_cli_check_effects(
        &(pal_cli_effects){PAL_CLI_GRAPH, r->model, NULL, args->variant, args->n_variant, args->n_variant, 1});
    if (status != PAL_CLI_GO_ON) return status;
    return record(r, samples, order);
}
