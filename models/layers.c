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
    pal__layer_begin(m, x, name, "a = x W + b");
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, PAL_SHAPE(pal_shape_of(x).dim[1], units), pal_model_init(m));
    pal_var b = pal_parameter(m, bias, PAL_SHAPE(units), PAL_INIT_ZERO);
    pal_var y = pal_ok(w) && pal_ok(b) ? pal_affine(x, w, b) : (pal_var){.tape = m->tape};
    pal__leave(m, entered);
    return pal__layer_end(m, y);
}

pal_var pal__with_scales(pal_model *m, const char *name, pal_var a, pal_var h, int64_t more)
{
    char weight[PAL__NAME];
    const pal_shape s = pal_shape_of(h);
    if (more <= 0 || s.rank != 2 || !pal__parameter_name(m, name, "W", weight)) return a;
    pal_parameter(m, weight, PAL_SHAPE(s.dim[1], more), PAL_INIT_NORMAL);
    pal_block_again(a, name, "μ, ln σ = @");
    const pal_var both = pal_concat((pal_var[]){a, pal_dense(m, name, h, more)}, 2, 1);
    pal_block_end(m->tape);
    return both;
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
    pal__layer_begin(m, h, name, "a = x Wᵀ + b");
    pal__entered entered = pal__enter(m, name);
    pal_var w = pal_parameter(m, weight, tied->shape, tied->init);
    pal_var b = pal_parameter(m, bias, PAL_SHAPE(tied->shape.dim[0]), PAL_INIT_ZERO);
    pal_var y = pal_add(pal_matmul_t(h, w, false, true), b);
    pal__leave(m, entered);
    return pal__layer_end(m, y);
}

#define ACTIVATIONS "sigmoid|tanh|relu|linear|softplus"
const char pal_activation_choices[] = ACTIVATIONS, pal_code_activation_choices[] = "same|" ACTIVATIONS;

static pal_var linear(pal_var a) { return a; }

/* How initial weights depend on the activation s.
 *
 * orthogonal: the factor 1/s'(0), with which a layer near 0 keeps the length of a gradient. Saxe et al. find 1 for
 * linear units, and the same for tanh as the border beyond which deep networks are chaotic. A rectified unit passes
 * half of its inputs, which needs the square root of 2 (He et al. 2015).
 *
 * sparse: sigmoid units have weights from N(0, 1) and biases 0. A tanh unit is a sigmoid of another range, so its
 * weights are divided by 4 and its biases are 0.5 (Sutskever, Martens, Dahl and Hinton, ICML 2013, section 3.1). The
 * papers say nothing of other units, which have the weights of a sigmoid. */
/* clang-format off */
static const struct activation {
    const char *name;
    pal_var (*apply)(pal_var a);
    double orthogonal, sparse, bias;
} activations[] = {
    {"sigmoid",  pal_sigmoid,  4, 1, 0},
    {"tanh",     pal_tanh,     1, 0.25, 0.5},
    {"relu",     pal_relu,     1.4142135623730951, 1, 0},
    {"linear",   linear,       1, 1, 0},
    {"softplus", pal_softplus, 2, 1, 0}};
/* clang-format on */

/* NULL: unknown, and a failure on the tape. */
static const struct activation *find_activation(pal_model *m, const char *name)
{
    for (size_t i = 0; name && i < sizeof activations / sizeof *activations; i++)
        if (!strcmp(activations[i].name, name)) return &activations[i];
    pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "activate: unknown activation %s", name ? name : "(none)");
    return NULL;
}

void pal_layer_start(pal_model *m, const char *name, const pal_shape *weight, int64_t units, const char *activation)
{
    char part[PAL__NAME];
    if (!m || !m->tape) return;
    const struct activation *a = find_activation(m, name && activation ? activation : NULL);
    const pal_init init = a ? pal_model_init(m) : PAL_INIT_ZERO;
    const bool sparse = init == PAL_INIT_SPARSE;
    if (!sparse && init != PAL_INIT_ORTHOGONAL) return;
    if (weight && pal__parameter_name(m, name, "W", part))
        pal__parameter_scaled(m, part, *weight, init, sparse ? a->sparse : a->orthogonal);
    if (sparse && a->bias != 0 && pal__parameter_name(m, name, "b", part))
        pal_parameter_filled(m, part, PAL_SHAPE(units), a->bias);
}

pal_var pal_activate(pal_model *m, pal_var a, const char *activation)
{
    const struct activation *row = find_activation(m, activation);
    if (!row || row->apply == linear) return row ? a : (pal_var){.tape = m->tape};
    pal__activation_begin(m, a, activation);
    const pal_var h = row->apply(a);
    pal_block_end(m->tape);
    return h;
}
