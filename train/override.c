/* override.c - a model with the same weights and other settings.
 *
 * The meaning of the weights must not change, so only options of the corruption and of the training loss may differ. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

/* Options of the loss that do not change the meaning of the weights. An option that is neither here nor a corruption
 * option, such as one of an external variant, could change it and is refused. */
static const char *const of_loss[] = {
    "corruption", "binarize", "dropout",           "jacobian", "lambda",  "beta",       "rho",         "sparsity",
    "l1",         "l2",       "regularize-biases", "estimate", "samples", "divergence", "temperature", "alpha"};

bool pal_option_may_change(const char *name)
{
    for (size_t i = 0; i < sizeof of_loss / sizeof *of_loss; i++)
        if (!strcmp(of_loss[i], name)) return true;
    return pal_corruption_of(name) != NULL;
}

static pal_status check(const pal_model *model, const pal_setting *settings, size_t n, pal_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *own = pal_model_setting(model, settings[i].name);
        const pal_option *option = own ? pal_variant_option_find(pal_model_variant(model), settings[i].name) : NULL;
        if (!option) continue; /* pal_model_new reports it */
        pal_status status = pal_option_check(option, settings[i].value, err);
        if (status) return status;
        if (!pal_option_may_change(option->name) && !pal_option_equal(option, settings[i].value, own))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "--%s of a trained model must stay %s: train a new one",
                                 option->name, *own ? own : "empty");
    }
    return PAL_OK;
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
    if (check(model, settings, n, err)) return NULL;
    pal_setting *all = merged(model, settings, n, &count);
    if (!all) {
        palt__no_memory(err);
        return NULL;
    }
    pal_model *other =
        pal_model_new_for(pal_model_context(model), pal_model_variant(model), all, count, pal_model_schema(model),
                          pal_model_sample(model), pal_model_dtype(model), 0, err);
    free(all);
    if (other && copy_weights(model, other, err)) {
        pal_model_free(other);
        return NULL;
    }
    return other;
}
