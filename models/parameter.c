/* parameter.c - parameters and statistics by name: gets or creates them. */
#include "models/internal.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 255 };

pal__parameter *pal__parameter_find(const pal_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_parameters; i++)
        if (!strcmp(m->parameters[i].name, name)) return &m->parameters[i];
    return NULL;
}

/* Whether the file has data for the parameter. If not, the tape fails. */
static bool in_file(const pal_model *m, const char *name, pal_shape shape)
{
    const pal__slot *s = pal__safetensors_slot(m->file, name);
    if (s && s->dtype == m->dtype && pal_shape_equal(s->shape, shape)) return true;
    char want[96], have[96] = "missing";
    pal_shape_text(shape, want, sizeof want);
    if (s) pal_shape_text(s->shape, have, sizeof have);
    pal_tape_fail(m->tape, PAL_ERR_FORMAT, "parameter %s is %s%s%s, not %s %s", name, s ? pal_dtype_name(s->dtype) : "",
                  s ? " " : "", have, pal_dtype_name(m->dtype), want);
    return false;
}

static pal__parameter *create(pal_model *m, const char *name, const pal__parameter *as)
{
    if (m->n_parameters == m->cap_parameters) {
        size_t cap = m->cap_parameters * 2 + 8;
        pal__parameter *grown = realloc(m->parameters, cap * sizeof *grown);
        if (!grown) goto no_memory;
        m->parameters = grown;
        m->cap_parameters = cap;
    }
    pal__parameter *p = &m->parameters[m->n_parameters];
    *p = *as;
    p->depth = m->n_parameters;
    if (m->file && !in_file(m, name, p->shape)) return NULL;
    p->owned = true;
    p->tensor = pal_tensor_new(m->context, m->dtype, p->shape); /* for the leaf of a dry run; it is never read */
    p->name = strdup(name);
    if (p->tensor && p->name) {
        m->n_parameters++;
        return p;
    }
    pal_tensor_free(p->tensor);
    free(p->name);

no_memory:
    pal_tape_fail(m->tape, PAL_ERR_MEMORY, "parameter %s: out of memory", name);
    return NULL;
}

/* Gets or creates the parameter. as: the shape, and the initial values for a new one. */
static pal_var ask(pal_model *m, const char *name, const pal__parameter *as)
{
    char want[96];
    if (!m || !m->tape) return (pal_var){0};
    pal_shape_text(as->shape, want, sizeof want);
    if (!name || !*name || strlen(name) > NAME_MAX_LENGTH || pal_shape_count(as->shape) < 1)
        return pal_tape_fail(m->tape, PAL_ERR_SHAPE, "parameter %s: bad name or bad shape %s", name ? name : "", want);
    pal__parameter *p = pal__parameter_find(m, name);
    if (!p && !m->discovering)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "parameter %s: the model was made without it", name);
    if (!p && !(p = create(m, name, as))) return (pal_var){.tape = m->tape};
    if (p->fixed != as->fixed)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "parameter %s: it is %s, but was requested as %s", name,
                             p->fixed ? "not trained" : "trained", as->fixed ? "not trained" : "trained");
    if (!pal_shape_equal(p->shape, as->shape)) {
        char have[96];
        return pal_tape_fail(m->tape, PAL_ERR_SHAPE, "parameter %s: it is %s, but was requested as %s", name,
                             pal_shape_text(p->shape, have, sizeof have), want);
    }
    /* In a dry run a leaf has no name, because the path of the open scopes would become part of it. */
    return m->discovering ? pal_leaf(m->tape, p->tensor, NULL) : p->leaf;
}

pal_var pal_parameter(pal_model *m, const char *name, pal_shape shape, pal_init init)
{
    return ask(m, name, &(pal__parameter){.shape = shape, .init = init});
}

pal_var pal__parameter_scaled(pal_model *m, const char *name, pal_shape shape, pal_init init, double gain)
{
    return ask(m, name, &(pal__parameter){.shape = shape, .init = init, .gain = gain});
}

pal_var pal_parameter_filled(pal_model *m, const char *name, pal_shape shape, double value)
{
    return ask(m, name, &(pal__parameter){.shape = shape, .init = PAL_INIT_ZERO, .value = value});
}

pal_var pal_statistic(pal_model *m, const char *name, pal_shape shape)
{
    return ask(m, name, &(pal__parameter){.shape = shape, .init = PAL_INIT_ZERO, .fixed = true});
}

void pal__parameters_drop(pal_model *m)
{
    for (size_t i = 0; i < m->n_parameters; i++) {
        pal__parameter *p = &m->parameters[i];
        if (p->owned) pal_tensor_free(p->tensor);
        p->tensor = NULL;
        p->owned = false;
    }
}
