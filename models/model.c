/* model.c - a model's life: settings, parameters in one slab in order of name, and what it tells of itself. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static pal_status check(const pal_context *context, const pal_variant *variant, pal_shape sample, pal_dtype dtype,
                        pal_error *err)
{
    if (!context || !variant || variant->struct_size < sizeof *variant || !variant->encode || !variant->decode ||
        !variant->loss || !variant->pooled != !variant->of_pooled)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "model: wants a context, and a variant that encodes, decodes and has a loss");
    if (!pal_dtype_real(dtype) || (dtype != PAL_F32 && dtype != PAL_F64))
        return pal_error_set(err, PAL_ERR_TYPE, "%s: a model is f32 or f64", variant->name);
    if (sample.rank < 0 || sample.rank > PAL_MAX_RANK)
        return pal_error_set(err, PAL_ERR_SHAPE, "%s: a sample has 0 to %d axes", variant->name, PAL_MAX_RANK);
    if (pal_shape_count(sample) >= 1) return PAL_OK;
    char shape[96];
    return pal_error_set(err, PAL_ERR_SHAPE, "%s: %s is not the shape of a sample", variant->name,
                         pal_shape_text(sample, shape, sizeof shape));
}

/* The dry run's blocks go before the slab comes, so that the parameters are never held twice. */
static void drop_storage(pal_model *m)
{
    for (size_t i = 0; i < m->n_parameters; i++) {
        pal__parameter *p = &m->parameters[i];
        if (p->owned) pal_tensor_free(p->tensor);
        p->tensor = NULL;
        p->owned = false;
    }
}

static pal_status place(pal_model *m, pal_error *err)
{
    const size_t trained = pal_model_parameter_count(m);
    pal_shape *shapes = calloc(trained + 1, sizeof *shapes);
    for (size_t i = 0; shapes && i < trained; i++) shapes[i] = m->parameters[i].shape;
    drop_storage(m);
    m->slab = shapes ? pal_slab_new(m->context, m->dtype, shapes, trained) : NULL;
    free(shapes);
    bool ok = m->slab != NULL;
    for (size_t i = 0; ok && i < m->n_parameters; i++) {
        pal__parameter *p = &m->parameters[i];
        p->owned = p->fixed;
        p->tensor = p->fixed ? pal_tensor_new(m->context, m->dtype, p->shape) : m->slab->part[i];
        ok = p->tensor != NULL;
        if (ok && m->file)
            memcpy(p->tensor->data, pal_safetensors_find(m->file, p->name)->data, pal_tensor_bytes(p->tensor));
        else if (ok)
            pal__parameter_initialise(m, p);
    }
    if (ok) return PAL_OK;
    return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory for the parameters", m->variant->name);
}

pal_model *pal__model_make(pal_context *context, const pal_variant *variant, const pal_setting *settings,
                           size_t n_settings, pal_shape sample, pal_dtype dtype, uint64_t seed,
                           const pal_safetensors *file, pal_error *err)
{
    if (check(context, variant, sample, dtype, err)) return NULL;
    pal_model *m = calloc(1, sizeof *m);
    if (!m) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", variant->name);
        return NULL;
    }
    *m = (pal_model){
        .context = context, .variant = variant, .sample = sample, .dtype = dtype, .seed = seed, .file = file};
    pal_status status = pal__values_make(variant, settings, n_settings, &m->values, &m->n_values, err);
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
    return pal__model_make(context, variant, settings, n_settings, sample, dtype, seed, NULL, err);
}

void pal_model_free(pal_model *m)
{
    if (!m) return;
    drop_storage(m);
    for (size_t i = 0; i < m->n_parameters; i++) free(m->parameters[i].name);
    free(m->parameters);
    pal_slab_free(m->slab);
    pal__values_free(m->values, m->n_values);
    free(m);
}

/* ---- What it tells ----------------------------------------------------------------------------------------------- */

const pal_variant *pal_model_variant(const pal_model *m) { return m->variant; }
pal_shape pal_model_sample(const pal_model *m) { return m->sample; }
pal_dtype pal_model_dtype(const pal_model *m) { return m->dtype; }
pal_context *pal_model_context(const pal_model *m) { return m->context; }
int64_t pal_model_features(const pal_model *m) { return pal_shape_count(m->sample); }
pal_mode pal_model_mode(const pal_model *m) { return m->mode; }
size_t pal_model_parameter_count(const pal_model *m) { return m->n_parameters - m->n_fixed; }
size_t pal_model_statistic_count(const pal_model *m) { return m->n_fixed; }

pal_tensor *pal_model_parameter(const pal_model *m, size_t i, const char **name)
{
    if (i >= m->n_parameters) return NULL;
    if (name) *name = m->parameters[i].name;
    return m->parameters[i].tensor;
}

pal_tensor *pal_model_parameter_find(const pal_model *m, const char *name)
{
    const pal__parameter *p = name ? pal__parameter_find(m, name) : NULL;
    return p ? p->tensor : NULL;
}

static bool alike(const pal__parameter *a, const pal__parameter *b)
{
    return !b->fixed && a->tensor->dtype == b->tensor->dtype && pal_shape_equal(a->shape, b->shape);
}

pal_status pal_model_take(pal_model *m, const pal_model *from, pal_error *err)
{
    char here[96], there[96];
    size_t matrices = 0;
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        const pal__parameter *to = &m->parameters[i], *p = pal__parameter_find(from, to->name);
        matrices += p && alike(to, p) && to->shape.rank > 1;
        if (p && !alike(to, p) && !strncmp(to->name, "encoder", 7))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "%s is %s there and %s here: choose the same sizes of layers",
                                 to->name, pal_shape_text(p->shape, there, sizeof there),
                                 pal_shape_text(to->shape, here, sizeof here));
    }
    if (!matrices)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "none of the matrices of its %s is in this %s: choose as many layers as there",
                             from->variant->name, m->variant->name);
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        const pal__parameter *to = &m->parameters[i], *p = pal__parameter_find(from, to->name);
        if (p && alike(to, p)) memcpy(to->tensor->data, p->tensor->data, pal_tensor_bytes(to->tensor));
    }
    return PAL_OK;
}

int64_t pal_model_weights(const pal_model *m)
{
    int64_t sum = 0;
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) sum += pal_shape_count(m->parameters[i].shape);
    return sum;
}

bool pal_model_phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase)
{
    *phase = (pal_phase){0};
    return m->variant->phase ? m->variant->phase(m, i, epochs, phase) : !i;
}

int64_t pal_model_classes(const pal_model *m)
{
    const char *classes = m->variant->classify ? pal_model_setting(m, "classes") : NULL;
    return classes && !pal__unmet(m, "classes") ? strtoll(classes, NULL, 10) : 0;
}

bool pal_phase_moves(const pal_model *m, const pal_phase *phase, const char *parameter)
{
    return !phase->moves || phase->moves(m, phase, parameter);
}
