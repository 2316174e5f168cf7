/* override.c - a model with the same weights and other settings.
 *
 * The meaning of the weights must not change. Options of the corruption and of the training loss, which are listed
 * below, never change it. Of any other option, such as one of a variant of your own, the tapes decide: it may change
 * the loss if the code and the reconstruction are recorded as before. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

static const char *const of_loss[] = {
    "corruption", "binarize", "dropout",           "jacobian", "lambda",  "beta",       "rho",         "sparsity",
    "l1",         "l2",       "regularize-biases", "estimate", "samples", "divergence", "temperature", "alpha"};

bool pal_option_may_change(const char *name)
{
    for (size_t i = 0; i < sizeof of_loss / sizeof *of_loss; i++)
        if (!strcmp(of_loss[i], name)) return true;
    return pal_corruption_of(name) != NULL;
}

/* Checks the values. *asked: the first option that differs and is not listed, whose effect the tapes must show. */
static pal_status check(const pal_model *model, const pal_setting *settings, size_t n, const char **asked,
                        pal_error *err)
{
    *asked = NULL;
    for (size_t i = 0; i < n; i++) {
        const char *own = pal_model_setting(model, settings[i].name);
        const pal_option *option = own ? pal_variant_option_find(pal_model_variant(model), settings[i].name) : NULL;
        if (!option) continue; /* pal_model_new reports it */
        pal_status status = pal_option_check(option, settings[i].value, err);
        if (status) return status;
        if (!*asked && !pal_option_may_change(option->name) && !pal_option_equal(option, settings[i].value, own))
            *asked = option->name;
    }
    return PAL_OK;
}

/* ---- What a setting changes ----------------------------------------------------------------------------------- */

static pal_var loss(pal_model *m, pal_var x)
{
    return pal_model_loss(m, &(pal_batch){.inputs = x, .labels = pal_model_labels(m, pal_shape_of(x).dim[0])});
}

static pal_var posterior(pal_model *m, pal_var x)
{
    return pal_model_has_posterior(m) ? pal_model_posterior(m, x).parameters : x;
}

static pal_var classes(pal_model *m, pal_var x)
{
    const pal_var scores = pal_model_classify(m, x);
    return scores.tape ? scores : x;
}

/* The text of a tape with this part of the model alone, freed by pal_text_free. NULL: it cannot be recorded. */
static char *recorded(pal_model *m, pal_var (*part)(pal_model *m, pal_var x))
{
    enum { ROWS = 3 };
    char *text = NULL;
    pal_context *context = pal_model_context(m);
    pal_tape *tape = pal_tape_new(context, pal_model_dtype(m));
    pal_tensor *rows = pal_tensor_new(context, PAL_F32, PAL_SHAPE(ROWS, pal_model_features(m)));
    if (tape && rows) {
        pal_model_begin(m, tape, PAL_EVALUATE);
        const pal_var made = part(m, pal_leaf(tape, rows, "x"));
        pal_model_end(m);
        if (!pal_tape_status(tape)) text = pal_tape_text(tape, &made, 1);
    }
    pal_tape_free(tape);
    pal_tensor_free(rows);
    return text;
}

static bool same(pal_model *a, pal_model *b, pal_var (*part)(pal_model *m, pal_var x))
{
    char *x = recorded(a, part), *y = recorded(b, part);
    const bool equal = x && y && !strcmp(x, y);
    pal_text_free(pal_model_context(a), x);
    pal_text_free(pal_model_context(b), y);
    return equal;
}

/* Why the weights of `model` do not serve `other`. "": only the loss differs. */
static const char *reason(const pal_model *model, pal_model *other)
{
    static const struct {
        pal_var (*part)(pal_model *m, pal_var x);
        const char *why;
    } parts[] = {{pal_model_encode, ", because it changes the code"},
                 {posterior, ", because it changes the distribution of the code"},
                 {pal_model_reconstruct, ", because it changes the reconstruction"},
                 {classes, ", because it changes the classifier"}};
    pal_model *own = (pal_model *)(uintptr_t)model; /* recording changes nothing that lasts */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!same(own, other, parts[i].part)) return parts[i].why;
    return same(own, other, loss) ? ", because it matters only to training" : "";
}

/* The settings of the model, with the given ones replaced. */
static pal_setting *merged(const pal_model *model, const pal_setting *settings, size_t n, size_t *count)
{
    const pal_variant *variant = pal_model_variant(model);
    const pal_option *o = NULL;
    size_t options = 0;
    while ((o = pal_variant_option_next(variant, o))) options++;
    pal_setting *all = calloc(options + n + 1, sizeof *all);
    if (!all) return NULL;
    *count = 0;
    while ((o = pal_variant_option_next(variant, o))) {
        bool given = false;
        for (size_t k = 0; k < n; k++) given |= !strcmp(settings[k].name, o->name);
        if (!given) all[(*count)++] = (pal_setting){o->name, pal_model_setting(model, o->name)};
    }
    for (size_t k = 0; k < n; k++) all[(*count)++] = settings[k];
    return all;
}

static pal_status copy_weights(const pal_model *from, pal_model *to, pal_error *err)
{
    size_t n = pal_model_parameter_count(from) + pal_model_statistic_count(from);
    bool fits = n == pal_model_parameter_count(to) + pal_model_statistic_count(to);
    for (size_t i = 0; i < n && fits; i++) {
        const char *name;
        const pal_tensor *source = pal_model_parameter(from, i, &name);
        pal_tensor *target = pal_model_parameter_find(to, name);
        fits = target && target->dtype == source->dtype && pal_shape_equal(target->shape, source->shape);
        if (fits) memcpy(target->data, source->data, pal_tensor_bytes(source));
    }
    if (fits) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "these settings change the weights of the model: train a new one");
}

pal_model *pal_model_override(const pal_model *model, const pal_setting *settings, size_t n, pal_error *err)
{
    size_t count;
    const char *asked;
    if (check(model, settings, n, &asked, err)) return NULL;
    pal_setting *all = merged(model, settings, n, &count);
    if (!all) {
        palt__no_memory(err);
        return NULL;
    }
    pal_error own = {0};
    pal_model *other =
        pal_model_new_for(pal_model_context(model), pal_model_variant(model), all, count, pal_model_schema(model),
                          pal_model_sample(model), pal_model_dtype(model), 0, &own);
    free(all);
    if (other) copy_weights(model, other, &own);
    const char *why = !asked ? "" : own.status ? ", because it changes the weights" : reason(model, other);
    if (asked && (own.status || *why)) {
        const char *value = pal_model_setting(model, asked);
        pal_error_set(&own, PAL_ERR_ARGUMENT, "--%s of a trained model must stay %s%s: train a new one", asked,
                      *value ? value : "empty", why);
    }
    if (!own.status) return other;
    pal_model_free(other);
    pal_error_set(err, own.status, "%s", own.text);
    return NULL;
}
