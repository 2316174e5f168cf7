/* Hessians, Jacobians and their norms against each other, against differences and closed forms. */
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

/* ---- Encoders: every exact form of the norm, and its gradient, against rows ----------------------------------------
 */

enum { MOST = 3, SAMPLES = 4 };

typedef struct parts {
    pal_var x, w[MOST], b[MOST], mask, input_mask; /* masks: of layer 1's values, and of the inputs */
    int layers;
} parts;

typedef struct encoder {
    const char *name;
    pal_var (*activation)(pal_var);
    pal_var (*build)(const parts *p, pal_var (*activation)(pal_var));
} encoder;

static pal_var silu(pal_var x) { return pal_mul(x, pal_sigmoid(x)); }
static pal_var elu(pal_var x) { return pal_where(pal_greater(x, pal_like(x, 0)), x, pal_expm1(x)); }
static pal_var identity(pal_var x) { return x; }
/* Several entries that read their value more than once, and constants of other shapes. */
static pal_var bumpy(pal_var x)
{
    pal_var a = pal_tanh(x), row = pal_fill(t, PAL_F64, PAL_SHAPE(1, pal_shape_of(x).dim[1]), 0.3);
    return pal_add(pal_mul(a, pal_exp(pal_mul(a, row))), pal_scale(pal_square(x), 0.25));
}

static pal_var plain(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) v = f(pal_affine(v, p->w[l], p->b[l]));
    return v;
}

static pal_var without_bias(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) v = f(pal_matmul(v, p->w[l]));
    return v;
}

/* Weights given transposed, by flag or by an operation. */
static pal_var transposed(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) {
        pal_var u = pal_transpose(p->w[l]);
        v = f(pal_add(l % 2 ? pal_matmul(v, pal_transpose(u)) : pal_matmul_t(v, u, false, true), p->b[l]));
    }
    return v;
}

/* Samples in columns, some of the time. */
static pal_var turned(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = pal_transpose(p->x);
    for (int l = 0; l < p->layers; l++) {
        bool back = l % 2;
        pal_var product = back ? pal_matmul_t(v, p->w[l], true, false) : pal_matmul_t(p->w[l], v, true, false);
        if (back) product = pal_transpose(product);
        v = f(product);
    }
    return pal_transpose(v);
}

/* Every layer twice: up with its weight, down with the same weight transposed. */
static pal_var tied(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = f(pal_affine(p->x, p->w[0], p->b[0]));
    return f(pal_matmul_t(v, p->w[0], false, true));
}

static pal_var masked(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = f(pal_mul(pal_affine(p->x, p->w[0], p->b[0]), p->mask));
    for (int l = 1; l < p->layers; l++) v = f(pal_affine(pal_mul(v, p->mask), p->w[l], p->b[l]));
    return v;
}

static pal_var masked_inputs(const parts *p, pal_var (*f)(pal_var))
{
    parts q = *p;
    pal_var v = pal_tanh(pal_mul(p->x, p->input_mask));
    for (int l = 0; l < q.layers; l++) v = f(pal_affine(v, q.w[l], q.b[l]));
    return v;
}

static pal_var accumulated(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) {
        pal_var b = pal_broadcast_to(p->b[l], PAL_SHAPE(SAMPLES, pal_shape_of(p->b[l]).dim[0]));
        v = f(pal_record(t, pal_op_find("addmm"), (pal_var[]){b, v, p->w[l]}, 3, NULL));
    }
    return v;
}

static const encoder encoders[] = {
    {"sigmoid", pal_sigmoid, plain},
    {"tanh", pal_tanh, plain},
    {"relu", pal_relu, plain},
    {"silu", silu, plain},
    {"elu", elu, plain},
    {"linear", identity, without_bias},
    {"affine", identity, plain},
    {"bumpy", bumpy, plain},
    {"without bias", pal_tanh, without_bias},
    {"transposed", pal_sigmoid, transposed},
    {"turned", pal_tanh, turned},
    {"tied", pal_sigmoid, tied},
    {"accumulated", pal_tanh, accumulated},
    {"masked inputs", pal_sigmoid, masked_inputs},
};
/* Inputs and codes: narrowing (with a wide input, for the Gram matrix), even, and widening (from the input up, by
 * product and by Gram matrix). */
static const int64_t widths[][MOST + 1] = {{6, 5, 3, 2}, {17, 3, 4, 2}, {4, 4, 4, 4},
                                           {2, 3, 5, 6}, {4, 6, 2, 7},  {3, 1, 5, 1}};
enum { ENCODERS = sizeof encoders / sizeof *encoders, WIDTHS = sizeof widths / sizeof *widths };

static void compare(pal_var a, pal_var b, const pal_var *by, size_t n, const char *what)
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
static pal_var leaf(pal_shape shape, double low, double high, const char *name)
{
    held[n_held] = random_tensor(c, PAL_F64, shape, low, high, name);
    return pal_leaf(t, held[n_held++], name);
}

static void drop(void)
{
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    while (n_held) pal_tensor_free(held[--n_held]);
}

static parts make(const int64_t *width, int layers, pal_shape inputs)
{
    parts p = {.layers = layers, .x = leaf(inputs, -1, 1, "x")};
    for (int l = 0; l < layers; l++) {
        char name[2][3] = {{'w', (char)('1' + l)}, {'b', (char)('1' + l)}};
        p.w[l] = leaf(PAL_SHAPE(width[l], width[l + 1]), -1.2, 1.2, name[0]);
        p.b[l] = leaf(PAL_SHAPE(width[l + 1]), -0.5, 0.5, name[1]);
    }
    return p;
}

static size_t all_of(const parts *p, pal_var *by)
{
    size_t n = 0;
    for (int l = 0; l < p->layers; l++) by[n++] = p->w[l], by[n++] = p->b[l];
    by[n++] = p->x;
    return n;
}

START_TEST(layers_agree_with_rows)
{
    const encoder *e = &encoders[_i];
    for (int w = 0; w < WIDTHS; w++)
        for (int layers = 1; layers <= MOST; layers++) {
            char what[128];
            snprintf(what, sizeof what, "%s, %d layers, widths %d", e->name, layers, w);
            parts p = make(widths[w], layers, PAL_SHAPE(SAMPLES, widths[w][0]));
            if (e->build == masked_inputs) p.input_mask = leaf(PAL_SHAPE(SAMPLES, widths[w][0]), -1, 1, "mask");
            pal_var by[16], h = e->build(&p, e->activation);
            size_t n = all_of(&p, by);
            compare(pal_jacobian_norm2_layers(h, p.x), pal_jacobian_norm2_rows(h, p.x), by, n, what);
            drop();
        }
}
END_TEST

START_TEST(layers_take_masks_and_images)
{
    static const int64_t square[] = {6, 6, 6, 6};
    for (int layers = 1; layers <= MOST; layers++) {
        parts p = make(square, layers, PAL_SHAPE(SAMPLES, 6));
        p.mask = pal_cast(pal_greater(leaf(PAL_SHAPE(SAMPLES, 6), -1, 1, "mask"), pal_constant(t, -0.2)), PAL_F64);
        pal_var by[16], h = masked(&p, pal_tanh);
        size_t n = all_of(&p, by);
        compare(pal_jacobian_norm2_layers(h, p.x), pal_jacobian_norm2_rows(h, p.x), by, n, "masked");
        drop();
        /* Images: flattened; scaled before; with rows and columns exchanged. */
        for (int how = 0; how < 3; how++) {
            p = make(square, layers, PAL_SHAPE(SAMPLES, 2, 3));
            parts q = p;
            if (how == 1) q.x = pal_mul(p.x, leaf(PAL_SHAPE(2, 3), 0.5, 2, "scale"));
            if (how == 2) q.x = pal_square(pal_permute(p.x, (int[]){0, 2, 1}));
            q.x = pal_reshape(q.x, PAL_SHAPE(SAMPLES, -1));
            h = plain(&q, pal_sigmoid);
            n = all_of(&p, by);
            compare(pal_jacobian_norm2_layers(h, p.x), pal_jacobian_norm2_rows(h, p.x), by, n, "images");
            drop();
        }
    }
}
END_TEST

/* The code may be the input, or an elementwise function of it, or no function of it at all. */
START_TEST(layers_without_a_layer)
{
    pal_var x = leaf(PAL_SHAPE(3, 4), -1, 1, "x"), other = leaf(PAL_SHAPE(3, 4), -1, 1, "other"), h = pal_exp(x);
    compare(pal_jacobian_norm2_layers(h, x), pal_jacobian_norm2_rows(h, x), &x, 1, "exp");
    compare(pal_jacobian_norm2_layers(x, x), pal_constant(t, 4), &x, 1, "identity");
    h = pal_add(pal_exp(other), pal_stop_gradient(x));
    compare(pal_jacobian_norm2_layers(h, x), pal_constant(t, 0), &x, 1, "constant");
    drop();
}
END_TEST

/* Its derivative goes on to second order, as rows' does. */
START_TEST(gradients_of_the_norms_differentiate)
{
    parts p = make(widths[0], 2, PAL_SHAPE(SAMPLES, 6));
    pal_var h = plain(&p, pal_tanh), g[4], by[] = {p.w[0], p.b[0], p.w[1], p.b[1]}, second[2];
    for (int i = 0; i < 2; i++) {
        pal_var norm = i ? pal_jacobian_norm2_rows(h, p.x) : pal_jacobian_norm2_layers(h, p.x);
        ck_assert_int_eq(pal_grad(norm, by, 4, g), PAL_OK);
        second[i] = pal_add(pal_sum_squares(g[0]), pal_sum_squares(g[2]));
    }
    compare(second[0], second[1], by, 4, "second order");
    drop();
}
END_TEST

/* Values of another type than the tape's default. */
START_TEST(norms_in_float32)
{
    pal_tensor *xt = random_tensor(c, PAL_F32, PAL_SHAPE(3, 5), -1, 1, "x"),
               *wt = random_tensor(c, PAL_F32, PAL_SHAPE(5, 4), -1, 1, "w"),
               *vt = random_tensor(c, PAL_F32, PAL_SHAPE(4, 2), -1, 1, "v");
    pal_var x = pal_leaf(t, xt, "x"), h = pal_tanh(pal_matmul(x, pal_leaf(t, wt, "w"))), g[2];
    for (int deep = 0; deep < 2; deep++) {
        if (deep) h = pal_sigmoid(pal_matmul(h, pal_leaf(t, vt, "v")));
        pal_var a = pal_jacobian_norm2_layers(h, x), b = pal_jacobian_norm2_rows(h, x);
        pal_var estimate = pal_jacobian_norm2_hutchinson(h, x, deep ? "probe two" : "probe one");
        ck_assert_tape_ok(t);
        ck_assert(pal_dtype_of(a) == PAL_F32 && pal_dtype_of(b) == PAL_F32 && pal_dtype_of(estimate) == PAL_F32);
        float p, q, gp[20], gq[20];
        pal_var w = pal_leaf(t, wt, "w");
        ck_assert_int_eq(pal_grad(a, &w, 1, &g[0]) | pal_grad(b, &w, 1, &g[1]), PAL_OK);
        ck_assert_int_eq(pal_eval(a, &p) | pal_eval(b, &q) | pal_eval(g[0], gp) | pal_eval(g[1], gq), PAL_OK);
        ck_assert_double_eq_tol(p, q, 1e-5 * fabs(q));
        for (int i = 0; i < 20; i++) ck_assert_double_eq_tol(gp[i], gq[i], 1e-5);
    }
    pal_tensor_free(xt);
    pal_tensor_free(wt);
    pal_tensor_free(vt);
}
END_TEST

/* ||J^T 1||^2, a known mistake, is another number. */
START_TEST(the_sum_of_rows_is_rejected)
{
    parts p = make(widths[0], 2, PAL_SHAPE(SAMPLES, 6));
    pal_var h = plain(&p, pal_sigmoid), wrong;
    ck_assert_int_eq(pal_vjp(h, pal_fill(t, PAL_F64, pal_shape_of(h), 1), &p.x, 1, &wrong), PAL_OK);
    double a, b, exact;
    ck_assert_int_eq(pal_eval(pal_mean_over_samples(pal_square(wrong)), &a) |
                         pal_eval(pal_jacobian_norm2_layers(h, p.x), &b) |
                         pal_eval(pal_jacobian_norm2_rows(h, p.x), &exact),
                     PAL_OK);
    ck_assert_double_eq_tol(b, exact, 1e-12 * exact);
    ck_assert_msg(fabs(a - exact) > 0.05 * exact, "%g is too near %g", a, exact);
    drop();
}
END_TEST

START_TEST(hutchinson_is_unbiased)
{
    parts p = make((int64_t[]){3, 3, 2}, 2, PAL_SHAPE(2, 3));
    pal_var h = plain(&p, pal_tanh);
    pal_var out[] = {pal_jacobian_norm2_hutchinson(h, p.x, "probe"), pal_jacobian_norm2_layers(h, p.x)};
    pal_program *program = pal_compile(t, out, 2, NULL);
    ck_assert_ptr_nonnull(program);
    double sum = 0, squares = 0, exact = 0;
    enum { DRAWS = 10000 };
    for (uint64_t i = 0; i < DRAWS; i++) {
        pal_program_set_noise(program, (pal_noise){.seed = 3, .clock = i});
        ck_assert_int_eq(pal_run(program), PAL_OK);
        double v = pal_tensor_get(pal_output(program, 0), 0);
        sum += v, squares += v * v, exact = pal_tensor_get(pal_output(program, 1), 0);
    }
    double mean = sum / DRAWS, error = sqrt((squares / DRAWS - mean * mean) / DRAWS);
    ck_assert_msg(fabs(mean - exact) < 4 * error, "%g against %g +- %g", mean, exact, error);
    ck_assert(error < 0.05 * exact);
    pal_program_free(program);
    drop();
}
END_TEST

/* ---- Errors --------------------------------------------------------------------------------------------------------
 */

static void says(const char *text)
{
    ck_assert_ptr_nonnull(pal_tape_error(t));
    ck_assert_str_eq(pal_tape_error(t), text);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
}

START_TEST(layers_name_what_stands_between)
{
    pal_tensor *xt = random_tensor(c, PAL_F64, PAL_SHAPE(3, 4), -1, 1, "x"),
               *wt = random_tensor(c, PAL_F64, PAL_SHAPE(4, 4), -1, 1, "w"),
               *it = random_tensor(c, PAL_F64, PAL_SHAPE(3, 2, 2), -1, 1, "i");
#define START pal_var x = pal_leaf(t, xt, "x"), w = pal_leaf(t, wt, "w"), v = pal_tanh(pal_matmul(x, w))
    {
        START;
        pal_scope_begin(t, "encoder");
        v = pal_div(v, pal_sum(v, 2, true));
        pal_scope_end(t);
        pal_jacobian_norm2_layers(v, x);
        says("jacobian_norm2_layers: sum_to in encoder stands between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_add(v, pal_matmul(v, w)), x);
        says("jacobian_norm2_layers: matmul joins another path from the input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_matmul(pal_fill(t, PAL_F64, PAL_SHAPE(3, 3), 1), v), x);
        says("jacobian_norm2_layers: matmul stands between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_matmul(v, pal_matmul_t(x, v, true, false)), x);
        says("jacobian_norm2_layers: matmul stands between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_slice(v, (int64_t[]){0, 0}, (int64_t[]){3, 2}, (int64_t[]){1, 1}), x);
        says("jacobian_norm2_layers: slice stands between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_reshape(pal_reshape(v, PAL_SHAPE(4, 3)), PAL_SHAPE(3, 4)), x);
        says("jacobian_norm2_layers: reshape stands between code and input: use rows");
    }
    { /* the order of features between layers matters, so no shuffling there */
        START;
        v = pal_permute(pal_reshape(v, PAL_SHAPE(3, 2, 2)), (int[]){0, 2, 1});
        pal_jacobian_norm2_layers(pal_matmul(pal_reshape(v, PAL_SHAPE(3, 4)), w), x);
        says("jacobian_norm2_layers: reshape stands between code and input: use rows");
    }
    { /* samples exchanged with features */
        pal_var w = pal_leaf(t, wt, "w"), h = pal_transpose(pal_tanh(w));
        pal_jacobian_norm2_layers(h, w);
        says("jacobian_norm2_layers: permute takes the input's columns for samples: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_cast(v, PAL_F32), x);
        says("jacobian_norm2_layers: cast stands between code and input: use rows");
    }
    {
        START;
        (void)w;
        pal_jacobian_norm2_layers(v, pal_leaf(t, it, "i"));
        ck_assert_tape_ok(t); /* not a function of it */
        pal_jacobian_norm2_layers(pal_leaf(t, it, "i"), x);
        says("jacobian_norm2_layers: wants a code [n,k] and inputs [n,...], not [3,2,2] and [3,4]");
    }
#undef START
    pal_tensor_free(xt);
    pal_tensor_free(wt);
    pal_tensor_free(it);
}
END_TEST

START_TEST(wrong_arguments_are_tape_errors)
{
    pal_tensor *xt = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3), -1, 1, "x"),
               *big = random_tensor(c, PAL_F64, PAL_SHAPE(1, 2, 1, 2), -1, 1, "big");
    pal_var none = {0}, bad = {.tape = t}, x = pal_leaf(t, xt, "x");
    pal_hvp(none, none, none); /* nothing to say it to, and no crash */
    pal_jacobian(none, none);
    pal_hessian(none, none);
    pal_jacobian_norm2_rows(none, none);
    pal_jacobian_norm2_layers(none, none);
    pal_jacobian_norm2_hutchinson(none, none, "s");
    ck_assert_tape_ok(t);
    ck_assert(!pal_ok(pal_jacobian(bad, x)));
    says("jacobian: operand 1 is a bad handle");
    bad = (pal_var){.tape = t}, x = pal_leaf(t, xt, "x");
    pal_hessian(pal_sum_all(x), none);
    says("hessian: operand 2 is a bad handle");
    x = pal_leaf(t, xt, "x");
    pal_hvp(x, x, x);
    says("hvp: y is [2,3], not a scalar");
    x = pal_leaf(t, xt, "x");
    pal_hvp(pal_sum_all(x), x, pal_constant(t, 1));
    says("hvp: the direction is [], x is [2,3]");
    x = pal_leaf(t, xt, "x");
    pal_hvp(pal_sum_all(x), x, bad);
    says("hvp: direction: operand 2 is a bad handle");
    x = pal_leaf(t, xt, "x");
    pal_hessian(x, x);
    says("hessian: y is [2,3], not a scalar");
    x = pal_leaf(t, big, "x");
    pal_hessian(pal_sum_all(x), x);
    says("hessian: of [1,2,1,2] by [1,2,1,2]: over 6 axes");
    x = pal_leaf(t, big, "x");
    pal_jacobian(x, x);
    says("jacobian: of [1,2,1,2] by [1,2,1,2]: over 6 axes");
    x = pal_leaf(t, xt, "x");
    pal_jacobian(x, pal_cast(x, PAL_I32));
    says("jacobian: operands are to be real, not f64 and i32");
    x = pal_leaf(t, xt, "x");
    pal_jacobian_norm2_rows(pal_sum_all(x), x);
    says("jacobian_norm2_rows: wants a code [n,k] and inputs [n,...], not [] and [2,3]");
    x = pal_leaf(t, xt, "x");
    pal_jacobian_norm2_hutchinson(x, x, "");
    says("normal: the stream needs a name");
    pal_tape *other = pal_tape_new(c, PAL_F64);
    pal_jacobian(pal_leaf(t, xt, "x"), pal_leaf(other, xt, "x"));
    says("jacobian: operands of two tapes");
    pal_tape_free(other);
    pal_tensor_free(xt);
    pal_tensor_free(big);
}
END_TEST

/* ---- Jacobians and Hessians ----------------------------------------------------------------------------------------
 */

static void equal(pal_var a, pal_var b, double tolerance)
{
    double p[512], q[512];
    ck_assert_tape_ok(t);
    char s[96], u[96];
    ck_assert_str_eq(pal_shape_text(pal_shape_of(a), s, sizeof s), pal_shape_text(pal_shape_of(b), u, sizeof u));
    ck_assert_int_eq(pal_eval(a, p) | pal_eval(b, q), PAL_OK);
    for (int64_t i = 0; i < pal_shape_count(pal_shape_of(a)); i++)
        ck_assert_msg(fabs(p[i] - q[i]) <= tolerance, "[%d]: %.17g, not %.17g", (int)i, p[i], q[i]);
}

/* A function R^d -> R^k in two shapes, so that rows are fewer, or columns. */
static pal_var function(pal_var x, pal_var w) { return pal_tanh(pal_matmul(pal_sin(x), w)); }

START_TEST(a_jacobian_is_its_rows_its_columns_and_its_differences)
{
    for (int wide = 0; wide < 2; wide++) {
        int64_t k = wide ? 5 : 2;
        pal_var x = leaf(PAL_SHAPE(2, 3), -1, 1, "x"), w = leaf(PAL_SHAPE(3, k), -1, 1, "w"), y = function(x, w);
        pal_tensor *xt = pal_leaf_tensor(x);
        pal_var j = pal_jacobian(y, x);
        char s[96];
        ck_assert_str_eq(pal_shape_text(pal_shape_of(j), s, sizeof s), wide ? "[2,5,2,3]" : "[2,2,2,3]");
        double got[60], row[6], above[10], below[10];
        ck_assert_int_eq(pal_eval(j, got), PAL_OK);
        pal_var seed = leaf(PAL_SHAPE(2, k), 0, 0, "seed"), out;
        ck_assert_int_eq(pal_vjp(y, seed, &x, 1, &out), PAL_OK);
        for (int i = 0; i < 2 * k; i++) {
            for (int o = 0; o < 2 * k; o++) pal_tensor_set(pal_leaf_tensor(seed), (size_t)o, o == i);
            ck_assert_int_eq(pal_eval(out, row), PAL_OK);
            for (int e = 0; e < 6; e++) ck_assert_double_eq_tol(got[i * 6 + e], row[e], 1e-14);
        }
        for (size_t e = 0; e < 6; e++) {
            double keep = pal_tensor_get(xt, e), h = 1e-5;
            pal_tensor_set(xt, e, keep + h);
            ck_assert_int_eq(pal_eval(y, above), PAL_OK);
            pal_tensor_set(xt, e, keep - h);
            ck_assert_int_eq(pal_eval(y, below), PAL_OK);
            pal_tensor_set(xt, e, keep);
            for (int i = 0; i < 2 * k; i++)
                ck_assert_double_eq_tol(got[i * 6 + (int)e], (above[i] - below[i]) / (2 * h), 1e-9);
        }
        drop();
    }
}
END_TEST

START_TEST(jacobians_of_scalars_and_of_nothing)
{
    pal_var x = leaf(PAL_SHAPE(2, 3), -1, 1, "x"), s = leaf(PAL_SCALAR, 0.5, 1, "s"),
            e = leaf(PAL_SHAPE(0, 2), 0, 1, "e");
    equal(pal_jacobian(pal_sum_all(pal_sin(x)), x), pal_cos(x), 1e-15);
    equal(pal_jacobian(pal_sin(pal_mul(x, s)), s), pal_mul(x, pal_cos(pal_mul(x, s))), 1e-15);
    equal(pal_jacobian(pal_exp(s), s), pal_exp(s), 1e-15);
    equal(pal_jacobian(x, s), pal_fill(t, PAL_F64, PAL_SHAPE(2, 3), 0), 0);
    equal(pal_hessian(pal_sum_all(x), x), pal_fill(t, PAL_F64, PAL_SHAPE(2, 3, 2, 3), 0), 0);
    equal(pal_jacobian(e, x), pal_fill(t, PAL_F64, PAL_SHAPE(0, 2, 2, 3), 0), 0);
    equal(pal_hessian(pal_sin(s), s), pal_neg(pal_sin(s)), 1e-15);
    /* across a change of type: in the type of y */
    pal_var j = pal_jacobian(pal_cast(pal_square(x), PAL_F32), x);
    ck_assert_int_eq(pal_dtype_of(j), PAL_F32);
    j = pal_jacobian(pal_cast(pal_square(s), PAL_F32), s);
    ck_assert_int_eq(pal_dtype_of(j), PAL_F32);
    drop();
}
END_TEST

/* x^T A x has the Hessian A + A^T, whose elements are one addition each: to the bit. */
START_TEST(hessian_of_a_quadratic)
{
    pal_var x = leaf(PAL_SHAPE(5, 1), -1, 1, "x"), a = leaf(PAL_SHAPE(5, 5), -1, 1, "a");
    pal_var y = pal_matmul(pal_transpose(x), pal_matmul(a, x));
    equal(pal_reshape(pal_hessian(y, x), PAL_SHAPE(5, 5)), pal_add(a, pal_transpose(a)), 0);
    drop();
}
END_TEST

static pal_var deep(const parts *p) { return pal_sum_squares(plain(p, pal_tanh)); }

START_TEST(a_hessian_is_symmetric_and_its_columns_are_products)
{
    parts p = make(widths[0], 3, PAL_SHAPE(SAMPLES, 6));
    pal_var y = deep(&p), h = pal_reshape(pal_hessian(y, p.w[1]), PAL_SHAPE(15, 15));
    equal(h, pal_transpose(h), 1e-14);
    pal_var d = leaf(PAL_SHAPE(5, 3), -1, 1, "d"), product = pal_hvp(y, p.w[1], d), g;
    equal(pal_reshape(pal_matmul(h, pal_reshape(d, PAL_SHAPE(15, 1))), PAL_SHAPE(5, 3)), product, 1e-13);
    ck_assert_int_eq(pal_grad(y, &p.w[1], 1, &g), PAL_OK);
    equal(pal_jvp(g, p.w[1], d), product, 1e-13);
    /* against differences of the gradient along d */
    double at[15], above[15], below[15], step = 1e-5;
    pal_tensor *w = pal_leaf_tensor(p.w[1]), *along = pal_leaf_tensor(d);
    ck_assert_int_eq(pal_eval(product, at), PAL_OK);
    for (int side = 0; side < 3; side++) {
        for (size_t i = 0; i < 15; i++)
            pal_tensor_set(w, i, pal_tensor_get(w, i) + (side == 1 ? -2 : 1) * step * pal_tensor_get(along, i));
        if (side < 2) ck_assert_int_eq(pal_eval(g, side ? below : above), PAL_OK);
    }
    for (int i = 0; i < 15; i++) ck_assert_double_eq_tol(at[i], (above[i] - below[i]) / (2 * step), 1e-8);
    drop();
}
END_TEST

/* ---- In regions ----------------------------------------------------------------------------------------------------
 */

static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    const parts *p = user;
    (void)tape;
    pal_var scaled = pal_scale(p->x, 0.5), row = pal_reshape(pal_take(scaled, k), PAL_SHAPE(1, 6));
    pal_var h = pal_tanh(pal_affine(row, p->w[0], p->b[0]));
    pal_var norm = pal_add(pal_jacobian_norm2_rows(h, row), pal_jacobian_norm2_layers(h, row));
    pal_var more =
        pal_add(pal_sum_squares(pal_jacobian(h, row)), pal_sum_squares(pal_hessian(pal_sum_all(h), p->b[0])));
    return pal_add(pal_add(norm, more), pal_sum_squares(pal_hvp(pal_sum_all(h), p->b[0], p->b[0])));
}

START_TEST(all_of_it_works_inside_regions)
{
    parts p = make(widths[0], 1, PAL_SHAPE(SAMPLES, 6));
    pal_var by[16], inside = pal_map_sum(t, SAMPLES, body, &p), outside = {0};
    size_t n = all_of(&p, by);
    /* The same terms, each recorded on its own. */
    for (int k = 0; k < SAMPLES; k++) {
        pal_var at = pal_cast(pal_constant(t, k), PAL_I32), term = body(t, at, &p);
        outside = k ? pal_add(outside, term) : term;
    }
    compare(inside, outside, by, n, "regions");
    /* And of what lies in a region of its own: a Jacobian by columns of a map_sum. */
    drop();
}
END_TEST

static pal_var shared_body(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return pal_sin(pal_mul(*(pal_var *)user, pal_add(pal_cast(k, PAL_F64), pal_constant(t, 1))));
}

START_TEST(jacobians_of_regions)
{
    pal_var x = leaf(PAL_SHAPE(2), 0, 1, "x"), s = leaf(PAL_SCALAR, 0, 1, "s");
    pal_var plain_x = pal_add(pal_sin(x), pal_sin(pal_scale(x, 2)));
    equal(pal_jacobian(pal_map_sum(t, 2, shared_body, &x), x), pal_jacobian(plain_x, x), 1e-15);
    pal_var wide = pal_broadcast_to(s, PAL_SHAPE(3)); /* three rows, one column */
    pal_var plain_s = pal_add(pal_sin(wide), pal_sin(pal_scale(wide, 2)));
    equal(pal_jacobian(pal_map_sum(t, 2, shared_body, &wide), s), pal_jacobian(plain_s, s), 1e-15);
    drop();
}
END_TEST

Suite *jacobian_suite(void)
{
    Suite *s = suite_create("jacobian");
    TCase *k = add_case(s, "norms", setup, teardown,
                        TESTS(layers_take_masks_and_images, layers_without_a_layer,
                              gradients_of_the_norms_differentiate, the_sum_of_rows_is_rejected, norms_in_float32,
                              hutchinson_is_unbiased, layers_name_what_stands_between));
    tcase_add_loop_test(k, layers_agree_with_rows, 0, ENCODERS);
    add_case(s, "derivatives", setup, teardown,
             TESTS(wrong_arguments_are_tape_errors, a_jacobian_is_its_rows_its_columns_and_its_differences,
                   jacobians_of_scalars_and_of_nothing, hessian_of_a_quadratic,
                   a_hessian_is_symmetric_and_its_columns_are_products, all_of_it_works_inside_regions,
                   jacobians_of_regions));
    return s;
}
