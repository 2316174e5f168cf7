/* test_jacobian_norms.c - norms of Jacobians. The exact forms and their gradients agree for many kinds of encoders, the
 * estimate is unbiased, and the form by layers names the operations that it cannot handle. */
#include "tests/ops/encoders.h"

#include <stdio.h>
#include <string.h>

typedef struct encoder {
    const char *name;
    pal_var (*activation)(pal_var);
    pal_var (*build)(const parts *p, pal_var (*activation)(pal_var));
} encoder;

static pal_var silu(pal_var x) { return pal_mul(x, pal_sigmoid(x)); }
static pal_var elu(pal_var x) { return pal_where(pal_greater(x, pal_like(x, 0)), x, pal_expm1(x)); }
static pal_var identity(pal_var x) { return x; }
/* An activation whose entries read a value several times, and which has constants of other shapes. */
static pal_var bumpy(pal_var x)
{
    pal_var a = pal_tanh(x), row = pal_fill(t, PAL_F64, PAL_SHAPE(1, pal_shape_of(x).dim[1]), 0.3);
    return pal_add(pal_mul(a, pal_exp(pal_mul(a, row))), pal_scale(pal_square(x), 0.25));
}

static pal_var without_bias(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) v = f(pal_matmul(v, p->w[l]));
    return v;
}

/* Transposed weights: undone by an operation, or by a flag of the product. */
static pal_var transposed(const parts *p, pal_var (*f)(pal_var))
{
    pal_var v = p->x;
    for (int l = 0; l < p->layers; l++) {
        pal_var u = pal_transpose(p->w[l]);
        v = f(pal_add(l % 2 ? pal_matmul(v, pal_transpose(u)) : pal_matmul_t(v, u, false, true), p->b[l]));
    }
    return v;
}

/* In some layers the samples are columns. */
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

/* Two layers with one weight: the second uses the transposed weight of the first. */
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
enum { ENCODERS = sizeof encoders / sizeof *encoders };

/* The norms by layers and by rows agree, per sample and on average, and so do their gradients. */
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
            pal_var weights = leaf(PAL_SHAPE(SAMPLES), 0, 1, "weights"), rows = pal_jacobian_norm2_rows_each(h, p.x);
            compare(pal_dot(pal_jacobian_norm2_layers_each(h, p.x), weights), pal_dot(rows, weights), by, n, what);
            compare(pal_mean_all(rows), pal_jacobian_norm2_rows(h, p.x), by, n, what);
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
        /* Images: only flattened; scaled first; rows and columns exchanged first. */
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

/* The code may be the input, an elementwise function of it, or independent of it. */
START_TEST(layers_without_a_layer)
{
    pal_var x = leaf(PAL_SHAPE(3, 4), -1, 1, "x"), other = leaf(PAL_SHAPE(3, 4), -1, 1, "other"), h = pal_exp(x);
    compare(pal_jacobian_norm2_layers(h, x), pal_jacobian_norm2_rows(h, x), &x, 1, "exp");
    compare(pal_jacobian_norm2_layers(x, x), pal_constant(t, 4), &x, 1, "identity");
    compare(pal_mean_all(pal_jacobian_norm2_layers_each(x, x)), pal_constant(t, 4), &x, 1, "identity, each");
    h = pal_add(pal_exp(other), pal_stop_gradient(x));
    compare(pal_jacobian_norm2_layers(h, x), pal_constant(t, 0), &x, 1, "constant");
    compare(pal_mean_all(pal_jacobian_norm2_layers_each(h, x)), pal_constant(t, 0), &x, 1, "constant, each");
    drop();
}
END_TEST

/* The gradients of both forms can be differentiated again, and agree. */
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

/* Values may have another type than the tape's default. */
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

/* A common mistake computes ||J^T 1||^2 instead. That is another number. */
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

/* The mean of 10000 estimates differs from the exact norm by less than four standard errors. */
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

/* An operation that the form by layers cannot handle is named, and the error recommends the form by rows. */
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
        says("jacobian_norm2_layers: sum_to in encoder is between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_add(v, pal_matmul(v, w)), x);
        says("jacobian_norm2_layers: matmul joins another path from the input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_matmul(pal_fill(t, PAL_F64, PAL_SHAPE(3, 3), 1), v), x);
        says("jacobian_norm2_layers: matmul is between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_matmul(v, pal_matmul_t(x, v, true, false)), x);
        says("jacobian_norm2_layers: matmul is between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_slice(v, (int64_t[]){0, 0}, (int64_t[]){3, 2}, (int64_t[]){1, 1}), x);
        says("jacobian_norm2_layers: slice is between code and input: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_reshape(pal_reshape(v, PAL_SHAPE(4, 3)), PAL_SHAPE(3, 4)), x);
        says("jacobian_norm2_layers: reshape is between code and input: use rows");
    }
    { /* features may not change their order between layers */
        START;
        v = pal_permute(pal_reshape(v, PAL_SHAPE(3, 2, 2)), (int[]){0, 2, 1});
        pal_jacobian_norm2_layers(pal_matmul(pal_reshape(v, PAL_SHAPE(3, 4)), w), x);
        says("jacobian_norm2_layers: reshape is between code and input: use rows");
    }
    { /* samples and features are exchanged */
        pal_var w = pal_leaf(t, wt, "w"), h = pal_transpose(pal_tanh(w));
        pal_jacobian_norm2_layers(h, w);
        says("jacobian_norm2_layers: permute uses the columns of the input as samples: use rows");
    }
    {
        START;
        pal_jacobian_norm2_layers(pal_cast(v, PAL_F32), x);
        says("jacobian_norm2_layers: cast is between code and input: use rows");
    }
    {
        START;
        (void)w;
        pal_jacobian_norm2_layers(v, pal_leaf(t, it, "i"));
        ck_assert_tape_ok(t); /* v does not depend on i: no error */
        pal_jacobian_norm2_layers(pal_leaf(t, it, "i"), x);
        says("jacobian_norm2_layers: needs a code [n,k] and inputs [n,...], not [3,2,2] and [3,4]");
    }
#undef START
    pal_tensor_free(xt);
    pal_tensor_free(wt);
    pal_tensor_free(it);
}
END_TEST

Suite *jacobian_norms_suite(void)
{
    Suite *s = suite_create("jacobian_norms");
    TCase *k = add_case(s, "norms", setup, teardown,
                        TESTS(layers_take_masks_and_images, layers_without_a_layer,
                              gradients_of_the_norms_differentiate, the_sum_of_rows_is_rejected, norms_in_float32,
                              hutchinson_is_unbiased, layers_name_what_stands_between));
    tcase_add_loop_test(k, layers_agree_with_rows, 0, ENCODERS);
    return s;
}
