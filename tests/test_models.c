/* test_models.c - variants, options, parameters by name, recording, and files that may be damaged or hostile. */
#include "testing.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/models.h"

Suite *models_suite(void);

static pal_context *c;
static char folder[64], path[128];

/* Files in the folder; with `delete`, they go. */
static int files(bool delete)
{
    int count = 0;
    DIR *directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[400];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (delete) remove(name);
        count++;
    }
    closedir(directory);
    return count;
}

/* The folder is made and removed outside the tests' processes, so that a failing test leaves nothing either. */
static void make_folder(void)
{
    strcpy(folder, "/tmp/palindrome-models-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
}

static void remove_folder(void)
{
    files(true);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void set_up(void)
{
    files(true);
    c = context_with(1);
}

static void tear_down(void) { pal_context_free(c); }

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */

static pal_model *make(const pal_variant *variant, const pal_setting *settings, size_t n, pal_dtype dtype,
                       uint64_t seed)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, variant, settings, n, PAL_SHAPE(2, 3), dtype, seed, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static pal_model *make_named(const char *name, pal_dtype dtype)
{
    return make(pal_variant_find(name), (pal_setting[]){{"hidden", "4"}}, 1, dtype, 5);
}

static char *slurp(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    ck_assert_ptr_nonnull(f);
    char *bytes = malloc(1 << 16);
    ck_assert_ptr_nonnull(bytes);
    *size = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    return bytes;
}

static void spill(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(name, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void same_parameters(const pal_model *a, const pal_model *b)
{
    ck_assert_uint_eq(pal_model_parameter_count(a), pal_model_parameter_count(b));
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const char *p, *q;
        const pal_tensor *s = pal_model_parameter(a, i, &p), *t = pal_model_parameter(b, i, &q);
        ck_assert_str_eq(p, q);
        ck_assert(pal_shape_equal(s->shape, t->shape) && s->dtype == t->dtype);
        ck_assert_mem_eq(s->data, t->data, pal_tensor_bytes(s));
    }
}

/* The value of one output; noise as given. */
static double scalar(pal_var v, pal_noise noise)
{
    pal_program *p = pal_compile(v.tape, &v, 1, NULL);
    ck_assert_tape_ok(v.tape);
    ck_assert_ptr_nonnull(p);
    pal_program_set_noise(p, noise);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    double value = pal_tensor_get(pal_output(p, 0), 0);
    pal_program_free(p);
    return value;
}

/* ---- Variants and options ---------------------------------------------------------------------------------------- */

START_TEST(variants_are_found_by_name_and_alias)
{
    for (size_t i = 0; pal_variant_at(i); i++) {
        const pal_variant *v = pal_variant_at(i);
        ck_assert(v->summary && v->formula && v->source && v->encode && v->decode && v->loss && v->training);
        ck_assert_ptr_eq(pal_variant_find(v->name), v);
        ck_assert_ptr_eq(pal_variant_find(v->alias), v);
        for (size_t k = 0; pal_variant_option(v, k); k++) {
            const pal_option *o = pal_variant_option(v, k);
            ck_assert_ptr_eq(pal_variant_option_find(v, o->name), o); /* no name twice */
            ck_assert_int_eq(pal_option_check(o, o->value, NULL), PAL_OK);
        }
    }
    ck_assert_ptr_null(pal_variant_find("nothing"));
    ck_assert_ptr_null(pal_variant_find(NULL));
    ck_assert_ptr_null(pal_variant_option_find(pal_variant_find("basic"), "masking"));
}
END_TEST

START_TEST(wrong_settings_are_named)
{
    const struct {
        pal_setting setting;
        const char *says;
    } cases[] = {
        {{"hidden", "0"}, "hidden: 0 is not in 1 .. 1000000"},
        {{"hidden", "12x"}, "hidden: \"12x\" is not a whole number"},
        {{"hidden", ""}, "hidden: \"\" is not a whole number"},
        {{"hidden", " 5"}, "is not a whole number"},
        {{"hidden", "99999999999999999999"}, "is not a whole number"},
        {{"hidden", NULL}, "hidden"},
        {{"l2", "-1"}, "l2: -1 is not in 0 .. 1000000"},
        {{"l2", "nan"}, "l2: \"nan\" is not a number"},
        {{"l2", "1e999"}, "is not a number"},
        {{"masking", "1.5"}, "masking: 1.5 is not in 0 .. 1"},
        {{"tied", "maybe"}, "tied: \"maybe\" is not yes or no"},
        {{"output", "gauss"}, "output: \"gauss\" is not one of bernoulli|squared"},
        {{"output", "bernoulli|squared"}, "is not one of"},
        {{"output", ""}, "is not one of"},
        {{"colour", "red"}, "denoising has no option colour"},
        {{NULL, "red"}, "denoising has no option"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        ck_assert_ptr_null(
            pal_model_new(c, pal_variant_find("dae"), &cases[i].setting, 1, PAL_SHAPE(6), PAL_F32, 1, &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    pal_error err = {0};
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(0), PAL_F32, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_SHAPE);
    ck_assert_ptr_null(pal_model_new(c, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(4), PAL_I32, 1, NULL));
    ck_assert_ptr_null(pal_model_new(c, NULL, NULL, 0, PAL_SHAPE(4), PAL_F32, 1, NULL));
    pal_model *m = make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "3"}, {"tied", "off"}, {"hidden", "2"}}, 3,
                        PAL_F32, 1);
    ck_assert_str_eq(pal_model_setting(m, "hidden"), "2"); /* the last one counts */
    ck_assert_str_eq(pal_model_setting(m, "tied"), "no");
    ck_assert_str_eq(pal_model_setting(m, "masking"), "0.25");
    ck_assert_ptr_null(pal_model_setting(m, "colour"));
    pal_model_free(m);
    pal_model_free(NULL);
}
END_TEST

/* ---- Parameters -------------------------------------------------------------------------------------------------- */

static pal_var ask(pal_model *m, const char *name, int64_t rows)
{
    return pal_parameter(m, name, PAL_SHAPE(rows, 2), PAL_INIT_GLOROT);
}

static pal_var through(pal_var x, pal_var a, pal_var b) { return pal_matmul(x, pal_add(a, b)); }
static pal_var as_is(pal_model *m, pal_var h)
{
    (void)m;
    return pal_matmul_t(h, ask(m, "a", 6), false, true);
}

static pal_var a_then_b(pal_model *m, pal_var x)
{
    pal_var a = ask(m, "a", 6);
    return through(x, a, ask(m, "b", 6));
}

static pal_var b_then_a(pal_model *m, pal_var x)
{
    pal_var b = ask(m, "b", 6);
    return through(x, ask(m, "a", 6), b);
}

static pal_var a_in_two_shapes(pal_model *m, pal_var x)
{
    pal_var a = ask(m, "a", 6);
    return through(x, a, ask(m, "a", 5));
}

static pal_var late(pal_model *m, pal_var x)
{
    return through(x, ask(m, "a", 6), ask(m, pal_dtype_of(x) == PAL_F32 && pal_shape_of(x).dim[0] == 9 ? "c" : "b", 6));
}

static pal_var unknown_option(pal_model *m, pal_var x) { return pal_dense(m, "d", x, pal_option_int(m, "tied")); }
static pal_var sum(pal_model *m, const pal_batch *b) { return pal_sum_all(pal_model_encode(m, b->inputs)); }

static pal_variant variant_of(pal_var (*encode)(pal_model *, pal_var))
{
    return (pal_variant){
        .struct_size = sizeof(pal_variant), .name = "test", .encode = encode, .decode = as_is, .loss = sum};
}

START_TEST(initial_values_depend_on_seed_and_name_alone)
{
    const pal_variant first = variant_of(a_then_b), second = variant_of(b_then_a);
    pal_model *m = make(&first, NULL, 0, PAL_F64, 7), *n = make(&second, NULL, 0, PAL_F64, 7),
              *other = make(&first, NULL, 0, PAL_F64, 8);
    same_parameters(m, n);
    ck_assert_uint_eq(pal_model_parameter_count(m), 2);
    ck_assert_int_eq(pal_model_weights(m), 24);
    const pal_tensor *a = pal_model_parameter_find(m, "a"), *b = pal_model_parameter_find(m, "b");
    ck_assert_mem_ne(a->data, b->data, pal_tensor_bytes(a));
    ck_assert_mem_ne(a->data, pal_model_parameter_find(other, "a")->data, pal_tensor_bytes(a));
    for (size_t i = 0; i < 12; i++) ck_assert(fabs(pal_tensor_get(a, i)) <= sqrt(6.0 / 8));
    ck_assert_ptr_eq((char *)a->data + 128, b->data); /* one slab, in order of name, 64-aligned */
    ck_assert_ptr_null(pal_model_parameter_find(m, "c"));
    pal_model_free(m);
    pal_model_free(n);
    pal_model_free(other);
}
END_TEST

START_TEST(wrong_asks_are_errors)
{
    const struct {
        pal_var (*encode)(pal_model *, pal_var);
        const char *says;
    } cases[] = {{a_in_two_shapes, "parameter a: it is [6,2], and was asked for as [5,2]"},
                 {unknown_option, "no option tied"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_variant v = variant_of(cases[i].encode);
        ck_assert_ptr_null(pal_model_new(c, &v, NULL, 0, PAL_SHAPE(6), PAL_F32, 1, &err));
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    const pal_variant v = variant_of(late);
    pal_model *m = make(&v, NULL, 0, PAL_F32, 1);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_model_encode(m, pal_fill(t, PAL_F32, PAL_SHAPE(9, 6), 1));
    pal_model_end(m);
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "parameter c: the model was made without it"));
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

START_TEST(misuse_of_recording_is_an_error)
{
    pal_model *m = make_named("dae", PAL_F32);
    for (int k = 0; k < 4; k++) {
        static const char *const says[] = {"default type is f64", "inputs are [3,5]", "outside of begin",
                                           "begun on a tape already"};
        pal_tape *t = pal_tape_new(c, k ? PAL_F32 : PAL_F64);
        pal_var x = pal_fill(t, PAL_F32, PAL_SHAPE(3, k == 1 ? 5 : 6), 0.5);
        if (k != 2) pal_model_begin(m, t, PAL_TRAIN);
        if (k == 3) pal_model_begin(m, t, PAL_TRAIN);
        pal_var y = k == 1 ? pal_model_corrupt(m, x) : pal_model_loss(m, &(pal_batch){.inputs = x});
        ck_assert(k == 3 || k == 0 || !pal_ok(y));
        pal_model_end(m);
        ck_assert_ptr_nonnull(pal_tape_error(t));
        ck_assert_msg(strstr(pal_tape_error(t), says[k]) != NULL, "%s", pal_tape_error(t));
        pal_tape_free(t);
    }
    pal_model_free(m);
}
END_TEST

START_TEST(leaves_have_the_parameters_names_in_every_scope)
{
    pal_model *m = make_named("basic", PAL_F32);
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_var leaves[3], again[3];
    pal_model_begin(m, t, PAL_TRAIN);
    pal_model_loss(m, &(pal_batch){.inputs = pal_fill(t, PAL_F32, PAL_SHAPE(3, 6), 0.5)});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    pal_model_leaves(m, t, again);
    ck_assert_tape_ok(t);
    for (size_t i = 0; i < 3; i++) {
        const char *name;
        pal_tensor *tensor = pal_model_parameter(m, i, &name);
        ck_assert_str_eq(pal_params_of(leaves[i])->name, name);
        ck_assert_ptr_eq(pal_leaf_tensor(leaves[i]), tensor);
        ck_assert_uint_eq(leaves[i].id, again[i].id);
    }
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

/* ---- Losses and gradients ---------------------------------------------------------------------------------------- */

/* (mean - x) times 1/n in every bit, whatever n is. */
START_TEST(the_gradient_at_the_decoders_value_is_mean_less_input)
{
    static const char *const outputs[] = {"bernoulli", "squared"};
    for (int k = 0; k < 8; k++) {
        const int64_t n = k & 4 ? 7 : 8;
        pal_dtype dtype = k & 2 ? PAL_F32 : PAL_F64;
        pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"output", outputs[k & 1]}}, 1, dtype, 1);
        pal_tensor *a = random_tensor(c, dtype, PAL_SHAPE(n, 6), -40, 40, "a"),
                   *x = random_tensor(c, dtype, PAL_SHAPE(n, 6), 0, 1, "x"),
                   *mean = pal_tensor_new(c, dtype, PAL_SHAPE(n, 6));
        pal_tape *t = pal_tape_new(c, dtype);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_var va = pal_leaf(t, a, "a"), gradient, loss = pal_nll(m, va, pal_leaf(t, x, "x"));
        ck_assert_int_eq(pal_grad(loss, &va, 1, &gradient), PAL_OK);
        ck_assert_int_eq(pal_eval(pal_output_mean(m, va), mean->data), PAL_OK);
        pal_model_end(m);
        pal_program *p = pal_compile(t, (pal_var[]){loss, gradient}, 2, NULL);
        ck_assert_int_eq(pal_run(p), PAL_OK);
        for (size_t i = 0; i < (size_t)n * 6; i++) {
            double m64 = pal_tensor_get(mean, i), x64 = pal_tensor_get(x, i), n64 = (double)n;
            double expected =
                dtype == PAL_F32 ? (double)(((float)m64 - (float)x64) * (float)(1 / n64)) : (m64 - x64) * (1 / n64);
            ck_assert(pal_tensor_get(pal_output(p, 1), i) == expected);
        }
        pal_program_free(p);
        pal_tape_free(t);
        pal_tensor_free(a);
        pal_tensor_free(x);
        pal_tensor_free(mean);
        pal_model_free(m);
    }
}
END_TEST

/* out[i]: the gradient of parameter i, in order of name. */
static void gradients(pal_model *m, pal_tensor *x, double out[4][32])
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var leaves[4], g[4];
    size_t n = pal_model_parameter_count(m);
    ck_assert_uint_le(n, 4);
    pal_model_begin(m, t, PAL_TRAIN);
    pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    ck_assert_int_eq(pal_grad(loss, leaves, n, g), PAL_OK);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(pal_eval(g[i], out[i]), PAL_OK);
    pal_tape_free(t);
}

/* Names in order: decoder/W (untied only), decoder/b, encoder/W, encoder/b. */
START_TEST(a_tied_gradient_is_the_sum_of_both_uses)
{
    enum { D = 6, K = 4 };
    pal_model *tied = make_named("basic", PAL_F64),
              *untied =
                  make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}, {"tied", "no"}}, 2, PAL_F64, 5);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, D), 0, 1, "x"),
               *v = pal_model_parameter_find(untied, "decoder/W");
    const pal_tensor *w = pal_model_parameter_find(untied, "encoder/W");
    ck_assert_mem_eq(w->data, pal_model_parameter_find(tied, "encoder/W")->data, pal_tensor_bytes(w));
    ck_assert_ptr_null(pal_model_parameter_find(tied, "decoder/W"));
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < K; j++) pal_tensor_set(v, j * D + i, pal_tensor_get(w, i * K + j));
    double one[4][32], two[4][32];
    gradients(tied, x, one);
    gradients(untied, x, two);
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < K; j++)
            ck_assert_double_eq_tol(one[1][i * K + j], two[2][i * K + j] + two[0][j * D + i], 1e-14);
    for (size_t i = 0; i < D; i++) ck_assert_double_eq_tol(one[0][i], two[1][i], 1e-14);
    pal_tensor_free(x);
    pal_model_free(tied);
    pal_model_free(untied);
}
END_TEST

START_TEST(l2_is_of_weights_while_training)
{
    double loss[2], squares = 0;
    pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}, {"l2", "0.5"}}, 2, PAL_F64, 5);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    pal_tensor_set(pal_model_parameter_find(m, "encoder/b"), 0, 3);
    for (size_t i = 0; i < pal_tensor_count(w); i++) squares += pal_tensor_get(w, i) * pal_tensor_get(w, i);
    for (int k = 0; k < 2; k++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, k ? PAL_EVALUATE : PAL_TRAIN);
        loss[k] = scalar(pal_model_loss(m, &(pal_batch){.inputs = pal_fill(t, PAL_F64, PAL_SHAPE(3, 6), 0.5)}),
                         (pal_noise){0});
        pal_model_end(m);
        pal_tape_free(t);
    }
    ck_assert_double_eq_tol(loss[0] - loss[1], 0.5 * squares, 1e-13);
    pal_model_free(m);
}
END_TEST

/* ---- Denoising --------------------------------------------------------------------------------------------------- */

START_TEST(corruption_is_shared_and_met_under_one_name)
{
    pal_model *m = make_named("dae", PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(50, 6), 0.5, 1, "x");
    double value[2][2], masked[2][300];
    for (int mode = 0; mode < 2; mode++)
        for (int order = 0; order < 2; order++) { /* the loss's noise does not depend on who asks first */
            pal_tape *t = pal_tape_new(c, PAL_F64);
            pal_var in = pal_leaf(t, x, "x"), corrupted = {0};
            pal_model_begin(m, t, mode ? PAL_EVALUATE : PAL_TRAIN);
            if (order) corrupted = pal_model_corrupt(m, in);
            pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = in});
            pal_var again = pal_model_corrupt(m, in);
            ck_assert(!order || again.id == corrupted.id);
            ck_assert_tape_ok(t);
            value[mode][order] = scalar(loss, (pal_noise){.seed = 3});
            ck_assert(value[mode][order] != scalar(loss, (pal_noise){.seed = 3, .clock = 1}));
            ck_assert_int_eq(pal_eval(again, masked[mode]), PAL_OK);
            pal_model_end(m);
            pal_tape_free(t);
        }
    ck_assert(value[0][0] == value[0][1] && value[1][0] == value[1][1]);
    ck_assert(value[0][0] != value[1][0]); /* an evaluation has noise of its own */
    for (int mode = 0; mode < 2; mode++) {
        int zeros = 0;
        for (size_t i = 0; i < 300; i++) {
            ck_assert(masked[mode][i] == 0 || masked[mode][i] == pal_tensor_get(x, i));
            zeros += masked[mode][i] == 0;
        }
        ck_assert_int_ge(zeros, 40); /* 75 expected, standard deviation 7.5 */
        ck_assert_int_le(zeros, 110);
    }
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* Encoding and reconstructing see the clean input, and agree with the basic autoencoder of the same weights. */
START_TEST(evaluation_is_deterministic_on_clean_inputs)
{
    pal_model *m[2] = {make_named("basic", PAL_F64), make_named("denoising", PAL_F64)};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, 6), 0, 1, "x");
    double code[2][20], mean[2][30];
    same_parameters(m[0], m[1]);
    for (int k = 0; k < 2; k++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m[k], t, PAL_EVALUATE);
        pal_var in = pal_leaf(t, x, "x");
        ck_assert_int_eq(pal_eval(pal_model_encode(m[k], in), code[k]), PAL_OK);
        ck_assert_int_eq(pal_eval(pal_model_reconstruct(m[k], in), mean[k]), PAL_OK);
        ck_assert(k || pal_model_corrupt(m[k], in).id == in.id);
        pal_model_end(m[k]);
        pal_tape_free(t);
    }
    ck_assert_mem_eq(code[0], code[1], sizeof code[0]);
    ck_assert_mem_eq(mean[0], mean[1], sizeof mean[0]);
    for (size_t i = 0; i < 30; i++) ck_assert(mean[0][i] > 0 && mean[0][i] < 1);
    pal_tensor_free(x);
    pal_model_free(m[0]);
    pal_model_free(m[1]);
}
END_TEST

START_TEST(every_setting_has_a_gradient)
{
    static const char *const names[] = {"activation", "output", "corruption"};
    static const char *const values[][6] = {
        {"sigmoid", "tanh", "relu", "linear", "softplus"}, {"bernoulli", "squared"}, {"masking", "gaussian"}};
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(5, 6), 0, 1, "x");
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; values[i][k]; k++) {
            double g[4][32], largest = 0;
            pal_model *m = make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "4"}, {names[i], values[i][k]}}, 2,
                                PAL_F64, 5);
            gradients(m, x, g);
            for (size_t e = 0; e < 24; e++) {
                ck_assert(isfinite(g[1][e]));
                largest = fmax(largest, fabs(g[1][e]));
            }
            ck_assert(largest > 1e-6);
            pal_model_free(m);
        }
    pal_tensor_free(x);
}
END_TEST

/* ---- Files ------------------------------------------------------------------------------------------------------- */

START_TEST(saved_and_opened_are_equal)
{
    for (int k = 0; k < 2; k++) {
        pal_error err = {0};
        char second[160];
        size_t size[2];
        pal_model *m =
            make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "5"}, {"sigma", "0.125"}, {"tied", "no"}}, 3,
                 k ? PAL_F64 : PAL_F32, 9);
        pal_tensor *state = random_tensor(c, PAL_I32, PAL_SHAPE(3), 0, 100, "state");
        ck_assert_int_eq(pal_model_save(m, path, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        ck_assert_int_eq(pal_model_save(m, path, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        ck_assert_int_eq(files(false), 1);
        pal_model *n = pal_model_open(c, path, &err);
        ck_assert_msg(n != NULL, "%s", err.text);
        same_parameters(m, n);
        ck_assert_ptr_eq(pal_model_variant(n), pal_model_variant(m));
        ck_assert(pal_shape_equal(pal_model_sample(n), PAL_SHAPE(2, 3)) && pal_model_dtype(n) == pal_model_dtype(m));
        ck_assert_str_eq(pal_model_setting(n, "sigma"), "0.125");
        pal_safetensors *f = pal_safetensors_open(c, path, &err);
        ck_assert_ptr_nonnull(f);
        const char *name;
        ck_assert_mem_eq(pal_safetensors_find(f, "adam/m/x")->data, state->data, 12);
        ck_assert_ptr_eq(pal_safetensors_at(f, 4, &name), pal_safetensors_find(f, "adam/m/x"));
        ck_assert_str_eq(name, "adam/m/x");
        ck_assert_ptr_null(pal_safetensors_at(f, 5, NULL));
        ck_assert_str_eq(pal_safetensors_metadata(f, "variant"), "denoising");
        ck_assert_ptr_null(pal_safetensors_metadata(f, "nothing"));
        snprintf(second, sizeof second, "%s/second", folder);
        ck_assert_int_eq(pal_model_save(n, second, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        char *one = slurp(path, &size[0]), *two = slurp(second, &size[1]);
        ck_assert_uint_eq(size[0], size[1]);
        ck_assert_mem_eq(one, two, size[0]);
        free(one);
        free(two);
        remove(second);
        pal_safetensors_free(f);
        pal_tensor_free(state);
        pal_model_free(n);
        pal_model_free(m);
    }
}
END_TEST

/* Fails with one line that names the file, or, where the damage says nothing wrong, gives a whole model. */
static bool opens(void)
{
    pal_error err = {0};
    pal_model *m = pal_model_open(c, path, &err);
    if (m) {
        ck_assert_int_eq(err.status, PAL_OK);
        ck_assert_uint_eq(pal_model_parameter_count(m), 3);
    } else {
        ck_assert_int_ne(err.status, PAL_OK);
        ck_assert_msg(strstr(err.text, path) == err.text && strlen(err.text) > strlen(path) + 5, "%s", err.text);
        ck_assert_ptr_null(strchr(err.text, '\n'));
    }
    pal_model_free(m);
    return m != NULL;
}

START_TEST(damaged_files_are_refused)
{
    size_t size, header = 0;
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    pal_model_free(m);
    char *bytes = slurp(path, &size);
    ck_assert(opens());
    memcpy(&header, bytes, 8);
    ck_assert_uint_lt(header, size - 8);
    ck_assert_uint_eq((header + 8) % 64, 0);
    for (size_t n = 0; n < size; n++) {
        spill(path, bytes, n);
        ck_assert_msg(!opens(), "cut at %zu", n);
    }
    for (size_t bit = 0; bit < 8 * (8 + header); bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        spill(path, bytes, size);
        bool opened = opens();
        ck_assert_msg(!opened || bit >= 64, "bit %zu", bit); /* no header has two lengths */
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    spill(path, bytes, size);
    ck_assert(opens());
    free(bytes);
    ck_assert_int_eq(truncate(path, 1 << 20), 0);
    ck_assert(!opens());
}
END_TEST

START_TEST(hostile_headers_are_refused)
{
    const struct {
        const char *header, *says; /* NULL: it is good. 16 bytes of data follow */
    } cases[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", NULL},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[12,16]},\"a\":{\"dtype\":\"F32\",\"shape\":[3],"
         "\"data_offsets\":[0,12]}}  ",
         NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"e\":{\"dtype\":\"F64\",\"shape\":[0,5],"
         "\"data_offsets\":[16,16]}}",
         NULL},
        {"", "no header"},
        {"[]", "no header"},
        {"{", "no JSON"},
        {"{}", "16 bytes after the last tensor"},
        {"{} x", "no JSON"},
        {"{\"a\":1}", "tensor a wants dtype"},
        {"{\"a\":{\"dtype\":\"F99\",\"shape\":[4],\"data_offsets\":[0,16]}}", "unknown dtype"},
        {"{\"a\":{\"dtype\":4,\"shape\":[4],\"data_offsets\":[0,16]}}", "unknown dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4,1,1,1,1,1,1],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693954],\"data_offsets\":[0,16]}}", ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16,16]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[4,20]}}", "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[9223372036854775800,9223372036854775807]}}",
         "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,16]}}", "another size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,13]}}", "another size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,16]}}", "after a gap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[8,16]}}",
         "overlaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"a\":{\"dtype\":\"F32\",\"shape\":[4],"
         "\"data_offsets\":[0,16]}}",
         "no JSON"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"x\":1}}", "wants dtype"},
        {"{\"__metadata__\":{\"x\":1},\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "metadata"},
        {"{\"__metadata__\":[],\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "metadata"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[600] = {0};
        uint64_t length = strlen(cases[i].header);
        pal_error err = {0};
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, cases[i].header, length);
        spill(path, bytes, 24 + length);
        pal_safetensors *f = pal_safetensors_open(c, path, &err);
        ck_assert_msg((f != NULL) == !cases[i].says, "%s: %s", cases[i].header, err.text);
        if (!f)
            ck_assert_msg(strstr(err.text, cases[i].says) != NULL && strstr(err.text, path) == err.text, "%s",
                          err.text);
        pal_safetensors_free(f);
        ck_assert(!opens()); /* none of them is a model */
    }
    spill(path, "\377\377\377\377\377\377\377\377{}", 10);
    ck_assert(!opens());
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!opens());
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!opens()); /* and does not wait */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_ptr_null(pal_safetensors_open(c, folder, NULL));
    pal_safetensors_free(NULL);
}
END_TEST

/* A model whose metadata promise more than the file holds: refused before memory is asked for. */
START_TEST(metadata_are_not_trusted)
{
    const struct {
        const char *settings, *sample, *dtype, *says;
    } cases[] = {{"{\"hidden\":\"4\"}", "[6]", "f32", NULL},
                 {"{\"hidden\":\"1000000\"}", "[1000000,1000000]", "f32", "encoder/W"},
                 {"{\"hidden\":\"4\"}", "[6]", "f64", "encoder/W is f32"},
                 {"{\"hidden\":\"4\",\"tied\":\"no\"}", "[6]", "f32", "decoder/W is missing"},
                 {"{\"hidden\":4}", "[6]", "f32", "a setting is not text"},
                 {"{\"hidden\":\"0\"}", "[6]", "f32", "hidden: 0 is not in"},
                 {"{\"x\":\"0\"}", "[6]", "f32", "no option x"},
                 {"[]", "[6]", "f32", "settings"},
                 {"{}", "[0]", "f32", "shape of a sample"},
                 {"{}", "[1,1,1,1,1,1,1]", "f32", "shape of a sample"},
                 {"{}", "6", "f32", "shape of a sample"},
                 {"{}", "[6]", "i32", "dtype"}};
    pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}}, 1, PAL_F32, 1);
    pal_named_tensor tensors[3];
    for (size_t i = 0; i < 3; i++) tensors[i].tensor = pal_model_parameter(m, i, &tensors[i].name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_setting metadata[] = {{"format", "palindrome 1"},
                                        {"variant", "basic"},
                                        {"settings", cases[i].settings},
                                        {"sample", cases[i].sample},
                                        {"dtype", cases[i].dtype}};
        ck_assert_int_eq(pal_safetensors_write(path, tensors, 3, metadata, 5, NULL), PAL_OK);
        pal_model *n = pal_model_open(c, path, &err);
        ck_assert_msg((n != NULL) == !cases[i].says, "%s", err.text);
        if (!n) ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        pal_model_free(n);
    }
    pal_model_free(m);
}
END_TEST

START_TEST(a_failed_save_leaves_what_was_there)
{
    size_t before, after;
    pal_error err = {0};
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    char *old = slurp(path, &before);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit unlimited, small;
    getrlimit(RLIMIT_FSIZE, &unlimited);
    small = unlimited;
    small.rlim_cur = before - 10; /* within the data */
    setrlimit(RLIMIT_FSIZE, &small);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, &err), PAL_ERR_IO);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    ck_assert_msg(strstr(err.text, path) == err.text, "%s", err.text);
    char *now = slurp(path, &after);
    ck_assert_uint_eq(before, after);
    ck_assert_mem_eq(old, now, before);
    /* Names that cannot be, and a folder that is not there. */
    const pal_named_tensor taken = {"encoder/W", pal_model_parameter(m, 0, NULL)}, latin = {"\xe9", taken.tensor},
                           none = {"x", NULL};
    ck_assert_int_eq(pal_model_save(m, path, &taken, 1, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, path, &latin, 1, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, path, &none, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, folder, NULL, 0, NULL), PAL_ERR_IO);
    char missing[200];
    snprintf(missing, sizeof missing, "%s/no/model", folder);
    ck_assert_int_eq(pal_model_save(m, missing, NULL, 0, NULL), PAL_ERR_IO);
    ck_assert_int_eq(files(false), 1);
    free(old);
    free(now);
    pal_model_free(m);
}
END_TEST

/* ---- Memory that runs out ---------------------------------------------------------------------------------------- */

typedef struct meter {
    long left, held;
} meter;

static void *metered(size_t size, void *user)
{
    meter *m = user;
    if (m->left-- <= 0) return NULL;
    m->held++;
    return malloc(size);
}

static void release(void *block, void *user)
{
    ((meter *)user)->held--;
    free(block);
}

START_TEST(every_allocation_may_fail)
{
    pal_model *source = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(source, path, NULL, 0, NULL), PAL_OK);
    pal_model_free(source);
    meter memory = {.left = 1000000};
    pal_context *tight = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                                .threads = 1,
                                                                .allocate = metered,
                                                                .release = release,
                                                                .user = &memory});
    ck_assert_ptr_nonnull(tight);
    const long base = memory.held;
    for (int opening = 0; opening < 2; opening++) {
        bool made = false;
        for (long n = 0; !made; n++) {
            pal_error err = {0};
            memory.left = n;
            pal_model *m = opening
                               ? pal_model_open(tight, path, &err)
                               : pal_model_new(tight, pal_variant_find("dae"), NULL, 0, PAL_SHAPE(3), PAL_F32, 1, &err);
            made = m != NULL;
            ck_assert_msg(made || err.status == PAL_ERR_MEMORY, "%ld: %s", n, err.text);
            pal_model_free(m);
            ck_assert_int_eq(memory.held, base);
            ck_assert_int_lt(n, 1000);
        }
    }
    pal_context_free(tight);
    ck_assert_int_eq(memory.held, 0);
}
END_TEST

Suite *models_suite(void)
{
    const struct {
        const char *name;
        const TTest *tests[8];
    } cases[] = {
        {"options", {variants_are_found_by_name_and_alias, wrong_settings_are_named}},
        {"parameters",
         {initial_values_depend_on_seed_and_name_alone, wrong_asks_are_errors, misuse_of_recording_is_an_error,
          leaves_have_the_parameters_names_in_every_scope}},
        {"losses",
         {the_gradient_at_the_decoders_value_is_mean_less_input, a_tied_gradient_is_the_sum_of_both_uses,
          l2_is_of_weights_while_training, corruption_is_shared_and_met_under_one_name,
          evaluation_is_deterministic_on_clean_inputs, every_setting_has_a_gradient}},
        {"files",
         {saved_and_opened_are_equal, damaged_files_are_refused, hostile_headers_are_refused, metadata_are_not_trusted,
          a_failed_save_leaves_what_was_there, every_allocation_may_fail}},
    };
    Suite *suite = suite_create("models");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TCase *group = tcase_create(cases[i].name);
        tcase_add_unchecked_fixture(group, make_folder, remove_folder);
        tcase_add_checked_fixture(group, set_up, tear_down);
        tcase_set_timeout(group, 120);
        for (size_t k = 0; cases[i].tests[k]; k++) tcase_add_test(group, cases[i].tests[k]);
        suite_add_tcase(suite, group);
    }
    return suite;
}
