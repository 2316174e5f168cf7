/* encoders.h - helpers shared by the suites of Jacobians and of their norms: encoder layers whose weights are leaves,
 * and a comparison of two scalars and their gradients. */
#ifndef PAL_ENCODERS_H
#define PAL_ENCODERS_H

#include "tests/testing.h"

#include <math.h>

static pal_context *c;
static pal_tape *t;

static inline void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
}

static inline void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

enum { MOST = 3, SAMPLES = 4 };

typedef struct parts {
    pal_var x, w[MOST], b[MOST], mask, input_mask; /* masks of the layers' values and of the inputs */
    int layers;
} parts;

static inline pal_var plain(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) v = f(pal_affine(v, p->w[l], p->b[l]));
    return v;
}

/* Widths of the input and of each layer: narrowing (once from a wide input, for the Gram matrix), constant, and
 * widening (from the input up, by product and by Gram matrix). */
static const int64_t widths[][MOST + 1] = {{6, 5, 3, 2}, {17, 3, 4, 2}, {4, 4, 4, 4},
                                           {2, 3, 5, 6}, {4, 6, 2, 7},  {3, 1, 5, 1}};
enum { WIDTHS = sizeof widths / sizeof *widths };

/* Checks that the scalars a and b agree, and their gradients by the n values too. */
static inline void compare(pal_var a, pal_var b, const pal_var *by, size_t n, const char *what)
{
    pal_var g[16], e[16];
    double x, y, p[256], q[256];
    ck_assert_msg(!pal_tape_error(t), "%s: %s", what, pal_tape_error(t));
    ck_assert_int_eq(pal_eval(a, &x) | pal_eval(b, &y), PAL_OK);
    ck_assert_msg(fabs(x - y) <= 1e-12 * fabs(y), "%s: %.17g, not %.17g", what, x, y);
    ck_assert_int_eq(pal_grad(a, by, n, g) | pal_grad(b, by, n, e), PAL_OK);
    double largest = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            ck_assert_msg(pal_eval(g[i], p) == PAL_OK && pal_eval(e[i], q) == PAL_OK, "%s: %s", what,
                          pal_tape_error(t));
            for (int64_t k = 0; k < pal_shape_count(pal_shape_of(g[i])); k++) {
                largest = fmax(largest, fabs(q[k]));
                if (pass)
                    ck_assert_msg(fabs(p[k] - q[k]) <= 1e-12 * largest, "%s: gradient %zu [%d]: %.17g, not %.17g", what,
                                  i, (int)k, p[k], q[k]);
            }
        }
}

static pal_tensor *held[16];
static size_t n_held;
static inline pal_var leaf(pal_shape shape, double low, double high, const char *name)
{
    held[n_held] = random_tensor(c, PAL_F64, shape, low, high, name);
    return pal_leaf(t, held[n_held++], name);
}

static inline void drop(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    while (n_held) pal_tensor_free(held[--n_held]);
}

static inline parts make(const int64_t *width, int layers, pal_shape inputs)
{
    parts p = {.layers = layers, .x = leaf(inputs, -1, 1, "x")};
    for (int l = 0; l < layers; l++) {
        char name[2][3] = {{'w', (char)('1' + l)}, {'b', (char)('1' + l)}};
        p.w[l] = leaf(PAL_SHAPE(width[l], width[l + 1]), -1.2, 1.2, name[0]);
        p.b[l] = leaf(PAL_SHAPE(width[l + 1]), -0.5, 0.5, name[1]);
    }
    return p;
}

static inline size_t all_of(const parts *p, pal_var *by)
{
    size_t n = 0;
    for (int l = 0; l < p->layers; l++) by[n++] = p->w[l], by[n++] = p->b[l];
    by[n++] = p->x;
    return n;
}

static inline void says(const char *text)
{
    ck_assert_ptr_nonnull(pal_tape_error(t));
    ck_assert_str_eq(pal_tape_error(t), text);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

#endif
