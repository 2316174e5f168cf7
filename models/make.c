/* make.c - creates a model: the values of its options, its parameters, their memory and their initial values. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

static pal_status check(const pal_context *context, const pal_variant *variant, pal_shape sample, pal_dtype dtype,
                        pal_error *err)
{
    if (pal_options_read(NULL, variant, sizeof *variant, sizeof *variant, "variant", err)) return PAL_ERR_ARGUMENT;
    if (!context || !variant || !variant->encode || !variant->decode || !variant->loss ||
        !variant->pooled != !variant->of_pooled)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "model: needs a context, and a variant with encode, decode and loss");
    if (!pal_dtype_real(dtype) || (dtype != PAL_F32 && dtype != PAL_F64))
        return pal_error_set(err, PAL_ERR_TYPE, "%s: the type of a model must be f32 or f64", variant->name);
    if (sample.rank < 0 || sample.rank > PAL_MAX_RANK)
        return pal_error_set(err, PAL_ERR_SHAPE, "%s: a sample must have 0 to %d axes", variant->name, PAL_MAX_RANK);
    if (pal_shape_count(sample) >= 1) return PAL_OK;
    char shape[96];
    return pal_error_set(err, PAL_ERR_SHAPE, "%s: %s is not the shape of a sample", variant->name,
                         pal_shape_text(sample, shape, sizeof shape));
}

/* The values of all options of the variant: the given settings, otherwise the defaults. Makes `hidden` and `layers`
 * agree (sizes.c), and selects the corruption (corrupt.c). */
static pal_status make_values(const pal_variant *variant, const pal_setting *settings, size_t n, pal__value **out,
                              size_t *n_out, pal_error *err)
{
    size_t count = 0;
    pal_status status = PAL_OK;
    const pal_option *o = NULL;
    while ((o = pal_variant_option_next(variant, o))) count++;
    pal__value *values = calloc(count + 1, sizeof *values);
    if (!values) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", variant->name);
    for (size_t i = 0; i < count; i++) values[i].option = o = pal_variant_option_next(variant, o);
    for (size_t i = 0; i < count && !status; i++) status = pal__value_set(&values[i], values[i].option->value, err);
    for (size_t i = 0; i < n && !status; i++) {
        pal__value *v = pal__value_find(values, count, settings[i].name);
        status = v ? pal__value_set(v, settings[i].value, err)
                   : pal_error_set(err, PAL_ERR_ARGUMENT, "%s has no option %.80s", variant->name,
                                   settings[i].name ? settings[i].name : "without a name");
        if (v) v->given = true;
    }
    if (!status) status = pal__sizes_settle(values, count, err);
    if (!status) status = pal__corruption_settle(values, count, err);
    if (status) {
        pal__values_free(values, count);
        return status;
    }
    *out = values;
    *n_out = count;
    return PAL_OK;
}

static pal_status place(pal_model *m, pal_error *err)
{
    const size_t trained = pal_model_parameter_count(m);
    pal_shape *shapes = calloc(trained + 1, sizeof *shapes);
    for (size_t i = 0; shapes && i < trained; i++) shapes[i] = m->parameters[i].shape;
    pal__parameters_drop(m); /* frees the dry run's tensors first, so that memory never holds all parameters twice */
    m->slab = shapes ? pal_slab_new(m->context, m->dtype, shapes, trained) : NULL;
    free(shapes);
    bool ok = m->slab != NULL;
    for (size_t i = 0; ok && i < m->n_parameters; i++) {
        pal__parameter *p = &m->parameters[i];
        p->owned = p->fixed;
        p->tensor = p->fixed ? pal_tensor_new(m->context, m->dtype, p->shape) : m->slab->part[i];
        ok = p->tensor != NULL;
        if (ok && !m->file && !m->context->options.dry) ok = pal__parameter_initialise(m, p);
    }
    if (ok) return PAL_OK;
    return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory for the parameters", m->variant->name);
}

pal_model *pal__model_make(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                           size_t n_settings, const pal_schema *schema, pal_shape sample, pal_dtype dtype,
                           uint64_t seed, const pal_safetensors *file, pal_error *err)
{
    if (check(context, variant, sample, dtype, err)) return NULL;
    if (schema && schema->features != pal_shape_count(sample)) {
        pal_error_set(err, PAL_ERR_SHAPE, "%s: the schema has %lld features, but a sample has %lld", variant->name,
                      (long long)schema->features, (long long)pal_shape_count(sample));
        return NULL;
    }
    pal_model *m = calloc(1, sizeof *m);
    if (!m) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", variant->name);
        return NULL;
    }
    *m = (pal_model){
        .context = context, .variant = variant, .sample = sample, .dtype = dtype, .seed = seed, .file = file};
    pal_status status = PAL_OK;
    if (schema && !(m->schema = pal_schema_new(schema, err))) status = PAL_ERR_MEMORY;
    if (!status) status = make_values(variant, settings, n_settings, &m->values, &m->n_values, err);
    if (!status) status = pal__model_discover(m, err);
    if (!status) status = place(m, err);
    if (!status) m->file = NULL;
    if (!status) return m;
    pal_model_free(m);
    return NULL;
}

pal_model *pal_model_new(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                         size_t n_settings, pal_shape sample, pal_dtype dtype, uint64_t seed, pal_error *err)
{
    return pal__model_make(context, variant, settings, n_settings, NULL, sample, dtype, seed, NULL, err);
}

pal_model *pal_model_new_for(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                             size_t n_settings, const pal_schema *schema, pal_shape sample, pal_dtype dtype,
                             uint64_t seed, pal_error *err)
{
    return pal__model_make(context, variant, settings, n_settings, schema, sample, dtype, seed, NULL, err);
}
