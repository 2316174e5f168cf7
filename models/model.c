/* model.c - the properties of a model: its variant, sizes and parameters; copying weights from another; freeing. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

void pal_model_free(pal_model *m)
{
    if (!m) return;
    pal__parameters_drop(m);
    for (size_t i = 0; i < m->n_parameters; i++) free(m->parameters[i].name);
    free(m->parameters);
    free(m->dropped);
    free(m->matched);
    free(m->noted);
    pal_slab_free(m->slab);
    pal_schema_free(m->schema);
    pal__values_free(m->values, m->n_values);
    free(m);
}

const pal_variant *pal_model_variant(const pal_model *m) { return m->variant; }
pal_shape pal_model_sample(const pal_model *m) { return m->sample; }
const pal_schema *pal_model_schema(const pal_model *m) { return m->schema; }
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

size_t pal_model_parameter_depth(const pal_model *m, size_t i)
{
    return i < m->n_parameters ? m->parameters[i].depth : 0;
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
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "%s is %s in the other model and %s in this one: choose the same sizes of layers",
                                 to->name, pal_shape_text(p->shape, there, sizeof there),
                                 pal_shape_text(to->shape, here, sizeof here));
    }
    if (!matrices)
        return pal_error_set(
            err, PAL_ERR_ARGUMENT,
            "none of the matrices of the other model (%s) fits this one (%s): choose the same number of layers",
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
