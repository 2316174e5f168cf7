/* override.c - the same weights under other settings. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

/* The model's settings with the given ones in their place. */
static pal_setting *merged(const pal_model *model, const pal_setting *settings, size_t n, size_t *count)
{
    const pal_variant *variant = pal_model_variant(model);
    size_t options = 0;
    while (pal_variant_option(variant, options)) options++;
    pal_setting *all = calloc(options + n + 1, sizeof *all);
    if (!all) return NULL;
    *count = 0;
    for (size_t i = 0; i < options; i++) {
        const char *name = pal_variant_option(variant, i)->name;
        bool given = false;
        for (size_t k = 0; k < n; k++) given |= !strcmp(settings[k].name, name);
        if (!given) all[(*count)++] = (pal_setting){name, pal_model_setting(model, name)};
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
    pal_setting *all = merged(model, settings, n, &count);
    if (!all) {
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
        return NULL;
    }
    pal_model *other = pal_model_new(pal_model_context(model), pal_model_variant(model), all, count,
                                     pal_model_sample(model), pal_model_dtype(model), 0, err);
    free(all);
    if (other && copy_weights(model, other, err)) {
        pal_model_free(other);
        return NULL;
    }
    return other;
}
