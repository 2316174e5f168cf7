/* layers.c - layers with parameters, and activations. A layer requests its parameters by name, so a second layer that
 * requests the same name has tied weights. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

bool pal__parameter_name(const pal_model *m, const char *layer, const char *part, char out[PAL__NAME])
{
    int n = snprintf(out, PAL__NAME, "%s/%s", layer, part);
    if (n > 0 && n < PAL__NAME) return true;
    pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "layer: the name %.40s... is too long", layer);
    return false;
}

/* Whether x are rows of features; if not, a failure on the tape. */
static bool is_rows(const pal_model *m, const char *name, pal_var x)
{
    char shape[96];
    if (!pal_ok(x)) {
        pal_tape_fail(m->tape, PAL_ERR_TAPE, "%s: the operand is a bad handle", name);
        return false;
    }
    if (pal_shape_of(x).rank == 2) return true;
    pal_tape_fail(m->tape, PAL_ERR_SHAPE, "%s: expects rows [n,features], not %s", name,
                  pal_shape_text(pal_shape_of(x), shape, sizeof shape));
    return false;
}

pal_var pal_dense(pal_model *m, const char *name, pal_var x, int64_t units)
{
    char weight[PAL__NAME], bias[PAL__NAME];
    if (!is_rows(m, name, x) || !pal__parameter_name(m, name, "W", weight) || !pal__parameter_name(m, name, "b", bias))
        return (pal_var){.tape = m->tape};
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, PAL_SHAPE(pal_shape_of(x).dim[1], units), pal_model_init(m));
    pal_var b = pal_parameter(m, bias, PAL_SHAPE(units), PAL_INIT_ZERO);
    pal_var y = pal_ok(w) && pal_ok(b) ? pal_affine(x, w, b) : (pal_var){.tape = m->tape};
    pal__leave(m, entered);
    return y;
}

pal_var pal__with_scales(pal_model *m, const char *name, pal_var a, pal_var h, int64_t more)
{
    char weight[PAL__NAME];
    const pal_shape s = pal_shape_of(h);
    if (more <= 0 || s.rank != 2 || !pal__parameter_name(m, name, "W", weight)) return a;
    pal_parameter(m, weight, PAL_SHAPE(s.dim[1], more), PAL_INIT_NORMAL);
    return pal_concat((pal_var[]){a, pal_dense(m, name, h, more)}, 2, 1);
}

pal_distribution pal_distribution_layer(pal_model *m, const char *name, pal_var h, const pal_distribution_kind *kind,
                                        int64_t k)
{
    char scale[PAL__NAME];
    pal_error err = {0};
    const int64_t outputs = pal_distribution_outputs(kind, k, &err);
    pal_distribution q = {kind, k, {.tape = m->tape}};
    if (!outputs)
        pal_tape_refuse(m->tape, "%s: %s", name, err.text);
    else if (pal__parameter_name(m, name, "scale", scale))
        q.parameters = pal__with_scales(m, scale, pal_dense(m, name, h, k), h, outputs - k);
    return q;
}

pal_var pal_dense_tied(pal_model *m, const char *name, pal_var h, const char *to)
{
    char weight[PAL__NAME], bias[PAL__NAME];
    if (!is_rows(m, name, h) || !pal__parameter_name(m, to, "W", weight) || !pal__parameter_name(m, name, "b", bias))
        return (pal_var){.tape = m->tape};
    const pal__parameter *tied = pal__parameter_find(m, weight);
    if (!tied || tied->shape.rank != 2)
        return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "%s: the matrix %s to tie to is missing", name, weight);
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, tied->shape, tied->init);
    pal_var b = pal_parameter(m, bias, PAL_SHAPE(tied->shape.dim[0]), PAL_INIT_ZERO);
    pal_var y = pal_add(pal_matmul_t(h, w, false, true), b);
    pal__leave(m, entered);
    return y;
}

#define ACTIVATIONS "sigmoid|tanh|relu|linear|softplus"
const char pal__activation_choices[] = ACTIVATIONS, pal__code_activation_choices[] = "same|" ACTIVATIONS;

static pal_var linear(pal_var a) { return a; }

static const struct {
    const char *name;
    pal_var (*apply)(pal_var a);
} activations[] = {
    {"sigmoid", pal_sigmoid}, {"tanh", pal_tanh}, {"relu", pal_relu}, {"linear", linear}, {"softplus", pal_softplus}};

pal_var pal_activate(pal_model *m, pal_var a, const char *activation)
{
    for (size_t i = 0; activation && i < sizeof activations / sizeof *activations; i++)
        if (!strcmp(activations[i].name, activation)) return activations[i].apply(a);
    return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "activate: unknown activation %s",
                         activation ? activation : "(none)");
}
