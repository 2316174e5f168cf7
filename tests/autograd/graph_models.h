/* graph_models.h - models that the drawing tests draw.
 *
 * The contractive model has a region and a second derivative, the variational one has noise, and the deep one has
 * repeated layers. They are recorded directly on a tape, so the tests need only the operations. */
#ifndef PAL_TESTS_GRAPH_MODELS_H
#define PAL_TESTS_GRAPH_MODELS_H

#include <stdio.h>
#include <string.h>

#include "ops/ops.h"

enum { DRAWN_LEAVES = 24, DRAWN_NAME = 48 };

typedef struct drawn_model {
    pal_tape *tape;
    pal_tensor *tensors[DRAWN_LEAVES]; /* the first is the batch */
    pal_var leaves[DRAWN_LEAVES];
    char names[DRAWN_LEAVES][DRAWN_NAME];
    size_t n;
    pal_var loss, gradients[DRAWN_LEAVES]; /* gradients[i]: with respect to leaves[i]; gradients[0] is unset */
} drawn_model;

static inline pal_var drawn_leaf(drawn_model *m, const char *name, pal_shape shape)
{
    size_t i = m->n++;
    snprintf(m->names[i], DRAWN_NAME, "%s", name);
    m->tensors[i] = pal_tensor_new(pal_tape_context(m->tape), pal_tape_real(m->tape), shape);
    return m->leaves[i] = pal_leaf(m->tape, m->tensors[i], m->names[i]);
}

static inline void drawn_begin(drawn_model *m, pal_context *context, pal_shape batch)
{
    *m = (drawn_model){.tape = pal_tape_new(context, PAL_F32)};
    drawn_leaf(m, "x", batch);
}

static inline void drawn_differentiate(drawn_model *m) { pal_grad(m->loss, m->leaves + 1, m->n - 1, m->gradients + 1); }

static inline void drawn_free(drawn_model *m)
{
    pal_tape_free(m->tape);
    for (size_t i = 0; i < m->n; i++) pal_tensor_free(m->tensors[i]);
}

static inline pal_var drawn_reconstruction(pal_var logits, pal_var x)
{
    return pal_mean_over_samples(pal_bernoulli_cross_entropy(logits, x));
}

/* Rifai et al. 2011: reconstruction with tied weights + lambda ||dh/dx||^2. */
static inline void draw_contractive(drawn_model *m, pal_context *context, bool gradient)
{
    drawn_begin(m, context, PAL_SHAPE(32, 784));
    pal_tape *t = m->tape;
    pal_var x = m->leaves[0], w = drawn_leaf(m, "encoder/W", PAL_SHAPE(784, 256)),
            b = drawn_leaf(m, "encoder/b", PAL_SHAPE(256)), c = drawn_leaf(m, "decoder/b", PAL_SHAPE(784));
    pal_scope_begin(t, "encoder");
    pal_var h = pal_sigmoid(pal_affine(x, w, b));
    pal_scope_end(t);
    pal_scope_begin(t, "decoder");
    pal_var a = pal_add(pal_matmul_t(h, w, false, true), c);
    pal_scope_end(t);
    pal_scope_begin(t, "loss");
    pal_var reconstruction = drawn_reconstruction(a, x);
    pal_scope_begin(t, "contraction");
    pal_var contraction = pal_scale(pal_jacobian_norm2_rows(h, x), 0.1);
    pal_scope_end(t);
    m->loss = pal_add(reconstruction, contraction);
    pal_scope_end(t);
    if (gradient) drawn_differentiate(m);
}

/* Kingma and Welling 2014: a reparametrised normal code, and Bernoulli pixels. */
static inline void draw_variational(drawn_model *m, pal_context *context, bool gradient)
{
    drawn_begin(m, context, PAL_SHAPE(32, 784));
    pal_tape *t = m->tape;
    pal_var x = m->leaves[0], w[3], b[3];
    static const char *const heads[] = {"encoder/mean", "encoder/log_variance", "decoder"};
    for (int i = 0; i < 3; i++) {
        char name[DRAWN_NAME];
        snprintf(name, sizeof name, "%s/W", heads[i]);
        w[i] = drawn_leaf(m, name, i < 2 ? PAL_SHAPE(784, 20) : PAL_SHAPE(20, 784));
        snprintf(name, sizeof name, "%s/b", heads[i]);
        b[i] = drawn_leaf(m, name, i < 2 ? PAL_SHAPE(20) : PAL_SHAPE(784));
    }
    pal_scope_begin(t, "encoder");
    pal_scope_begin(t, "mean");
    pal_var mean = pal_affine(x, w[0], b[0]);
    pal_scope_end(t);
    pal_scope_begin(t, "log_variance");
    pal_var log_variance = pal_affine(x, w[1], b[1]);
    pal_scope_end(t);
    pal_scope_end(t);
    pal_scope_begin(t, "code");
    pal_var noise = pal_normal(t, "noise", PAL_SHAPE(32, 20));
    pal_var z = pal_add(mean, pal_mul(pal_exp(pal_scale(log_variance, 0.5)), noise));
    pal_scope_end(t);
    pal_scope_begin(t, "decoder");
    pal_var a = pal_affine(z, w[2], b[2]);
    pal_scope_end(t);
    pal_scope_begin(t, "loss");
    pal_var reconstruction = drawn_reconstruction(a, x);
    pal_scope_begin(t, "KL divergence");
    pal_var excess =
        pal_sub(pal_add(pal_square(mean), pal_exp(log_variance)), pal_add(log_variance, pal_constant(t, 1)));
    pal_var divergence = pal_scale(pal_mean_over_samples(excess), 0.5);
    pal_scope_end(t);
    m->loss = pal_add(reconstruction, divergence);
    pal_scope_end(t);
    if (gradient) drawn_differentiate(m);
}

/* Hinton and Salakhutdinov 2006: an encoder 784-1000-500-250-30 and the mirrored decoder. */
static inline void draw_deep(drawn_model *m, pal_context *context, bool gradient)
{
    static const int64_t units[] = {784, 1000, 500, 250, 30, 250, 500, 1000, 784};
    enum { LAYERS = 8 };
    drawn_begin(m, context, PAL_SHAPE(32, 784));
    pal_tape *t = m->tape;
    pal_var h = m->leaves[0], w[LAYERS], b[LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        char name[DRAWN_NAME], *part = i < 4 ? "encoder" : "decoder";
        snprintf(name, sizeof name, "%s/layer%d/W", part, i % 4 + 1);
        w[i] = drawn_leaf(m, name, PAL_SHAPE(units[i], units[i + 1]));
        snprintf(name, sizeof name, "%s/layer%d/b", part, i % 4 + 1);
        b[i] = drawn_leaf(m, name, PAL_SHAPE(units[i + 1]));
    }
    for (int i = 0; i < LAYERS; i++) {
        char name[DRAWN_NAME];
        snprintf(name, sizeof name, "layer%d", i % 4 + 1);
        if (i % 4 == 0) pal_scope_begin(t, i < 4 ? "encoder" : "decoder");
        pal_scope_begin(t, name);
        h = pal_affine(h, w[i], b[i]);
        if (i + 1 < LAYERS) h = pal_sigmoid(h);
        pal_scope_end(t);
        if (i % 4 == 3) pal_scope_end(t);
    }
    pal_scope_begin(t, "loss");
    m->loss = drawn_reconstruction(h, m->leaves[0]);
    pal_scope_end(t);
    if (gradient) drawn_differentiate(m);
}

#endif
