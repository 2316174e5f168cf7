/* recorded.h - runs what a model records on a batch, and contains the checks that every model must pass. */
#ifndef PAL_TESTS_RECORDED_H
#define PAL_TESTS_RECORDED_H

#include <math.h>
#include <string.h>

#include "models/models.h"
#include "tests/testing.h"

/* The models are float64. set_up makes their context. Lists of settings end with a NULL name. */
static pal_context *c;
static inline void set_up(void) { c = context_with(1); }
static inline void tear_down(void) { pal_context_free(c); }

static inline pal_model *try_model(const char *variant, const pal_setting *settings, pal_shape sample, pal_error *err)
{
    size_t n = 0;
    while (settings && settings[n].name) n++;
    return pal_model_new(c, pal_variant_find(variant), settings, n, sample, PAL_F64, 5, err);
}

static inline pal_model *model_of(const char *variant, const pal_setting *settings, pal_shape sample)
{
    pal_error err = {0};
    pal_model *m = try_model(variant, settings, sample, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static inline void refused(const char *variant, const pal_setting *settings, pal_shape sample, const char *says)
{
    pal_error err = {0};
    ck_assert_ptr_null(try_model(variant, settings, sample, &err));
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
    ck_assert_msg(!strchr(err.text, '\n'), "%s", err.text);
}

/* Random numbers in [0,1), always the same ones. */
static inline pal_tensor *batch_of(const pal_model *m, int64_t n)
{
    return random_tensor(c, PAL_F64, PAL_SHAPE(n, pal_shape_count(pal_model_sample(m))), 0, 1, "batch");
}

typedef pal_var (*recording)(pal_model *m, pal_var x);
static inline pal_var loss_of(pal_model *m, pal_var x) { return pal_model_loss(m, &(pal_batch){.inputs = x}); }

/* Value 0 is the result of `record`. If gradients are requested, the gradients with respect to the parameters follow.
 * The caller frees them with free_values. */
enum { VALUES = 40 };
typedef struct values {
    size_t n;
    pal_tensor *value[VALUES];
} values;

static inline values run_at(pal_model *m, pal_tensor *x, pal_mode mode, recording record, bool gradients,
                            pal_noise noise)
{
    pal_var outputs[VALUES], leaves[VALUES];
    pal_tape *t = pal_tape_new(c, PAL_F64);
    values v = {.n = gradients ? 1 + pal_model_parameter_count(m) : 1};
    ck_assert_uint_le(v.n, VALUES);
    pal_model_begin(m, t, mode);
    outputs[0] = record(m, pal_leaf(t, x, "x"));
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    if (gradients) pal_grad(outputs[0], leaves, v.n - 1, outputs + 1);
    pal_program *p = pal_compile(t, outputs, v.n, NULL);
    ck_assert_tape_ok(t);
    pal_program_set_noise(p, noise);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (size_t i = 0; i < v.n; i++) {
        const pal_tensor *from = pal_output(p, i);
        v.value[i] = pal_tensor_new(c, from->dtype, from->shape);
        memcpy(v.value[i]->data, from->data, pal_tensor_bytes(from));
    }
    pal_program_free(p);
    pal_tape_free(t);
    return v;
}

static inline values run(pal_model *m, pal_tensor *x, pal_mode mode, recording record)
{
    return run_at(m, x, mode, record, false, (pal_noise){.seed = 1});
}

static inline void free_values(values *v)
{
    for (size_t i = 0; i < v->n; i++) pal_tensor_free(v->value[i]);
    v->n = 0;
}

static inline double loss(pal_model *m, pal_tensor *x)
{
    values v = run(m, x, PAL_TRAIN, loss_of);
    double value = pal_tensor_get(v.value[0], 0);
    free_values(&v);
    return value;
}

/* The tolerance is relative to the largest element of a. */
static inline void near(const pal_tensor *a, const pal_tensor *b, double tolerance)
{
    double most = 0;
    ck_assert(pal_shape_equal(a->shape, b->shape));
    for (size_t i = 0; i < pal_tensor_count(a); i++)
        if (fabs(pal_tensor_get(a, i)) > most) most = fabs(pal_tensor_get(a, i));
    for (size_t i = 0; i < pal_tensor_count(a); i++)
        ck_assert_double_eq_tol(pal_tensor_get(a, i), pal_tensor_get(b, i), tolerance * most);
}

static inline void fill_parameters(pal_model *m, double bound)
{
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        const char *name;
        pal_tensor *p = pal_model_parameter(m, i, &name);
        pal_tensor *r = random_tensor(c, PAL_F64, p->shape, -bound, bound, name);
        memcpy(p->data, r->data, pal_tensor_bytes(p));
        pal_tensor_free(r);
    }
}

/* Encoding and then decoding must give the same bits as reconstructing. The result must have the shape of the
 * samples. */
static inline void encode_then_decode(pal_model *m)
{
    pal_tensor *x = batch_of(m, 3);
    values h = run(m, x, PAL_EVALUATE, pal_model_encode), y = run(m, h.value[0], PAL_EVALUATE, pal_model_decode),
           r = run(m, x, PAL_EVALUATE, pal_model_reconstruct);
    ck_assert(pal_shape_equal(r.value[0]->shape, x->shape));
    ck_assert_int_eq(h.value[0]->shape.rank, 2);
    ck_assert_mem_eq(y.value[0]->data, r.value[0]->data, pal_tensor_bytes(x));
    free_values(&h);
    free_values(&y);
    free_values(&r);
    pal_tensor_free(x);
}

/* ---- The whole loss against finite differences ---------------------------------------------------------------- */

typedef struct checked {
    pal_model *model;
    pal_tensor *x;
} checked;

static inline pal_var build_loss(pal_tape *t, const pal_var *inputs, const void *user)
{
    const checked *k = user;
    (void)inputs; /* the same tensors: the model finds them as leaves */
    pal_model_begin(k->model, t, PAL_TRAIN);
    pal_var y = loss_of(k->model, pal_leaf(t, k->x, "x"));
    pal_model_end(k->model);
    return y;
}

/* Checks the gradients by every parameter, to second order, as `palindrome gradcheck` does. Kinks are not failures. */
static inline void check_gradients(const char *name, pal_model *m)
{
    pal_tensor *parameters[VALUES];
    const size_t n = pal_model_parameter_count(m);
    const checked k = {m, batch_of(m, 3)};
    ck_assert_uint_le(n, VALUES);
    for (size_t i = 0; i < n; i++) parameters[i] = pal_model_parameter(m, i, NULL);
    for (int order = 1; order <= 2; order++) {
        pal_gradcheck_report report;
        pal_gradcheck_options o = {.struct_size = sizeof o, .order = order, .seed = 3, .max_elements = 40};
        ck_assert_int_eq(pal_gradcheck(c, name, build_loss, &k, parameters, n, &o, &report), PAL_OK);
        ck_assert_msg(report.verdict == PAL_CHECK_PASS || report.verdict == PAL_CHECK_KINK,
                      "%s, order %d: error %g: %s", name, order, report.error, report.message);
    }
    pal_tensor_free(k.x);
}

#endif
