/* test_init.c - tests the initial values that are drawn for a matrix as a whole: sparse and orthogonal. */
#include <math.h>

#include "tests/failing.h"
#include "tests/models/small_models.h"

Suite *init_suite(void);

static pal_model *model_of(pal_context *context, const char *variant, const pal_setting *settings, pal_shape sample,
                           pal_dtype dtype, uint64_t seed)
{
    size_t n = 0;
    pal_error err = {0};
    while (settings[n].name) n++;
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, sample, dtype, seed, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* Input i of unit j of a weight [in, out], or of a filter [out, in, h, w]. */
static double of(const pal_tensor *w, size_t i, size_t j)
{
    const size_t out = (size_t)w->shape.dim[w->shape.rank == 4 ? 0 : 1], in = pal_tensor_count(w) / out;
    return pal_tensor_get(w, w->shape.rank == 4 ? j * in + i : i * out + j);
}

static size_t units_of(const pal_tensor *w) { return (size_t)w->shape.dim[w->shape.rank == 4 ? 0 : 1]; }

/* ---- Sparse --------------------------------------------------------------------------------------------------- */

/* Each unit has min(15, inputs) inputs that are not 0. Returns the mean square of those. */
static double check_sparse(const pal_model *m, const char *name)
{
    const pal_tensor *w = pal_model_parameter_find(m, name);
    ck_assert_msg(w != NULL, "%s", name);
    const size_t out = units_of(w), in = pal_tensor_count(w) / out;
    double squares = 0;
    for (size_t j = 0; j < out; j++) {
        size_t some = 0;
        for (size_t i = 0; i < in; i++) {
            some += of(w, i, j) != 0;
            squares += of(w, i, j) * of(w, i, j);
        }
        ck_assert_uint_eq(some, in < 15 ? in : 15);
    }
    return squares / (double)(out * (in < 15 ? in : 15));
}

/* The mean square of n normal numbers of variance v is v, with the standard deviation v sqrt(2 / n). */
static void is_near(double square, double variance, double n)
{
    ck_assert_double_eq_tol(square / variance, 1, 5 * sqrt(2 / n));
}

START_TEST(a_sparse_unit_has_fifteen_inputs)
{
    pal_model *m = model_of(
        c, "deep", (pal_setting[]){{"layers", "200,14,1,40"}, {"activation", "sigmoid"}, {"init", "sparse"}, {0}},
        PAL_SHAPE(300), PAL_F64, 3);
    is_near(check_sparse(m, "encoder/1/W"), 1, 200 * 15);
    check_sparse(m, "encoder/2/W");
    check_sparse(m, "encoder/3/W"); /* 14 inputs */
    check_sparse(m, "encoder/4/W"); /* one input */
    check_sparse(m, "decoder/4/W");
    is_near(check_sparse(m, "decoder/1/W"), 1, 300 * 15);
    const pal_tensor *b = pal_model_parameter_find(m, "encoder/1/b");
    for (size_t i = 0; i < 200; i++) ck_assert(pal_tensor_get(b, i) == 0);
    pal_model_free(m);
}
END_TEST

/* No input is chosen more often than chance allows: 4000 units draw 15 of 20 inputs. */
START_TEST(sparse_inputs_are_drawn_evenly)
{
    pal_model *m =
        model_of(c, "basic", (pal_setting[]){{"hidden", "4000"}, {"init", "sparse"}, {0}}, PAL_SHAPE(20), PAL_F32, 9);
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    double together = 0; /* units that have the first and the last input: 15/20 * 14/19 */
    for (size_t i = 0; i < 20; i++) {
        double chosen = 0;
        for (size_t j = 0; j < 4000; j++) chosen += of(w, i, j) != 0;
        ck_assert_double_eq_tol(chosen / 4000, 0.75, 5 * sqrt(0.75 * 0.25 / 4000));
    }
    for (size_t j = 0; j < 4000; j++) together += of(w, 0, j) != 0 && of(w, 19, j) != 0;
    ck_assert_double_eq_tol(together / 4000, 0.75 * 14 / 19, 5 * sqrt(0.55 * 0.45 / 4000));
    pal_model_free(m);
}
END_TEST

/* Sutskever et al. 2013: tanh units have a quarter of the weights, and biases 0.5. The code is linear here, and the
 * output has no activation. */
START_TEST(sparse_tanh_units_are_like_sigmoids)
{
    pal_model *m =
        model_of(c, "deep", (pal_setting[]){{"layers", "200,150,50"}, {"activation", "tanh"}, {"init", "sparse"}, {0}},
                 PAL_SHAPE(300), PAL_F64, 3);
    static const struct {
        const char *layer;
        double variance, bias;
    } rows[] = {{"encoder/1", 0.0625, 0.5}, {"encoder/2", 0.0625, 0.5}, {"encoder/3", 1, 0},
                {"decoder/3", 0.0625, 0.5}, {"decoder/2", 0.0625, 0.5}, {"decoder/1", 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s/b", rows[i].layer);
        const pal_tensor *b = pal_model_parameter_find(m, name);
        for (size_t k = 0; k < pal_tensor_count(b); k++) ck_assert(pal_tensor_get(b, k) == rows[i].bias);
        snprintf(name, sizeof name, "%s/W", rows[i].layer);
        is_near(check_sparse(m, name), rows[i].variance, 15.0 * (double)pal_tensor_count(b));
    }
    pal_model_free(m);

    m = model_of(c, "contractive",
                 (pal_setting[]){{"layers", "20,10"}, {"activation", "tanh"}, {"init", "sparse"}, {0}}, PAL_SHAPE(30),
                 PAL_F64, 3); /* tied: the decoder has biases only */
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "encoder/2/b"), 0) == 0.5);
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "decoder/2/b"), 0) == 0.5);
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "decoder/1/b"), 0) == 0);
    pal_model_free(m);
}
END_TEST

/* ---- Orthogonal ----------------------------------------------------------------------------------------------- */

/* W'W = gain^2 I, or W W' if there are fewer inputs than units. */
static void check_orthogonal(const pal_model *m, const char *name, double gain)
{
    const pal_tensor *w = pal_model_parameter_find(m, name);
    ck_assert_msg(w != NULL, "%s", name);
    const size_t out = units_of(w), in = pal_tensor_count(w) / out, n = in < out ? in : out,
                 long_side = in < out ? out : in;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++) {
            double sum = 0;
            for (size_t k = 0; k < long_side; k++)
                sum += in < out ? of(w, a, k) * of(w, b, k) : of(w, k, a) * of(w, k, b);
            ck_assert_double_eq_tol(sum / (gain * gain), a == b, w->dtype == PAL_F64 ? 1e-13 : 1e-6);
        }
}

START_TEST(orthogonal_weights_are_orthonormal_times_the_gain)
{
    static const struct {
        const char *activation;
        double gain;
    } rows[] = {{"sigmoid", 4}, {"tanh", 1}, {"relu", M_SQRT2}, {"linear", 1}, {"softplus", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int single = 0; single < 2; single++) {
            pal_model *m = model_of(
                c, "deep",
                (pal_setting[]){
                    {"layers", "50,17,17,1,9"}, {"activation", rows[i].activation}, {"init", "orthogonal"}, {0}},
                PAL_SHAPE(30), single ? PAL_F32 : PAL_F64, 3);
            for (int k = 1; k <= 5; k++) {
                char name[40];
                snprintf(name, sizeof name, "encoder/%d/W", k);
                check_orthogonal(m, name, k == 5 ? 1 : rows[i].gain); /* the code is linear */
                snprintf(name, sizeof name, "decoder/%d/W", k);
                check_orthogonal(m, name, k == 1 ? 1 : rows[i].gain); /* the output is natural parameters */
            }
            pal_model_free(m);
        }
}
END_TEST

/* The filters of a unit are one row. The code of a variational model is parameters, whatever the hidden layers are. */
START_TEST(convolutions_and_random_codes_have_their_gains)
{
    const pal_setting settings[] = {{"channels", "4,40"},   {"kernel", "3"},        {"hidden", "5"},
                                    {"activation", "tanh"}, {"init", "orthogonal"}, {0}};
    pal_model *m = model_of(c, "convolutional", settings, PAL_SHAPE(8, 8), PAL_F64, 3);
    check_orthogonal(m, "encoder/1/W", 1);
    check_orthogonal(m, "encoder/2/W", 1);
    check_orthogonal(m, "encoder/3/W", 1);
    check_orthogonal(m, "decoder/1/W", 1);
    pal_model_free(m);
    const pal_setting sparse[] = {
        {"channels", "4,40"}, {"kernel", "3"}, {"activation", "tanh"}, {"init", "sparse"}, {0}};
    m = model_of(c, "convolutional", sparse, PAL_SHAPE(8, 8), PAL_F64, 3);
    check_sparse(m, "encoder/1/W"); /* 9 inputs */
    check_sparse(m, "encoder/2/W");
    check_sparse(m, "decoder/2/W");
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "decoder/2/b"), 3) == 0.5);
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "decoder/1/b"), 0) == 0);
    pal_model_free(m);
    m = model_of(c, "variational",
                 (pal_setting[]){{"layers", "20,6"}, {"activation", "sigmoid"}, {"init", "orthogonal"}, {0}},
                 PAL_SHAPE(30), PAL_F64, 3);
    check_orthogonal(m, "encoder/1/W", 4);
    check_orthogonal(m, "encoder/2/W", 1);
    pal_model_free(m);
}
END_TEST

/* Haar's measure on the orthogonal 3 by 3 matrices: every element has mean 0 and mean square 1/3; the trace has mean 0
 * and mean square 1; both signs of the determinant are equally likely. The Q of a factorisation whose signs are not
 * corrected fails this. */
START_TEST(orthogonal_weights_are_uniform)
{
    enum { DRAWS = 4000 };
    double traces = 0, squares = 0, negative = 0, square[9] = {0}, mean[9] = {0};
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        pal_model *m = model_of(c, "linear", (pal_setting[]){{"hidden", "3"}, {"init", "orthogonal"}, {0}},
                                PAL_SHAPE(3), PAL_F64, seed);
        double q[9];
        for (size_t i = 0; i < 9; i++) {
            q[i] = pal_tensor_get(pal_model_parameter_find(m, "encoder/W"), i);
            mean[i] += q[i] / DRAWS;
            square[i] += q[i] * q[i] / DRAWS;
        }
        const double trace = q[0] + q[4] + q[8], determinant = q[0] * (q[4] * q[8] - q[5] * q[7]) -
                                                               q[1] * (q[3] * q[8] - q[5] * q[6]) +
                                                               q[2] * (q[3] * q[7] - q[4] * q[6]);
        traces += trace / DRAWS;
        squares += trace * trace / DRAWS;
        negative += determinant < 0;
        ck_assert_double_eq_tol(fabs(determinant), 1, 1e-14);
        pal_model_free(m);
    }
    ck_assert_double_eq_tol(traces, 0, 5 / sqrt(DRAWS));
    ck_assert_double_eq_tol(squares, 1, 5 * sqrt(2.0 / DRAWS)); /* E trace^4 = 3 */
    ck_assert_double_eq_tol(negative / DRAWS, 0.5, 5 * 0.5 / sqrt(DRAWS));
    for (size_t i = 0; i < 9; i++) {
        ck_assert_double_eq_tol(mean[i], 0, 5 * sqrt(1.0 / 3 / DRAWS));
        ck_assert_double_eq_tol(square[i], 1.0 / 3, 5 * sqrt((1.0 / 5 - 1.0 / 9) / DRAWS));
    }
}
END_TEST

/* ---- Both ----------------------------------------------------------------------------------------------------- */

/* The values are those of one thread, with any number of threads; float32 rounds them. */
START_TEST(threads_change_no_bit)
{
    static const char *const inits[] = {"sparse", "orthogonal"};
    pal_context *several = context_with(3);
    for (size_t i = 0; i < 2; i++) {
        const pal_setting settings[] = {{"layers", "60,33"}, {"init", inits[i]}, {0}};
        pal_model *a = model_of(c, "deep", settings, PAL_SHAPE(70), PAL_F64, 4),
                  *b = model_of(several, "deep", settings, PAL_SHAPE(70), PAL_F64, 4),
                  *f = model_of(c, "deep", settings, PAL_SHAPE(70), PAL_F32, 4),
                  *other = model_of(c, "deep", settings, PAL_SHAPE(70), PAL_F64, 5);
        same_parameters(a, b);
        const pal_tensor *w = pal_model_parameter_find(a, "encoder/1/W");
        for (size_t k = 0; k < pal_tensor_count(w); k++)
            ck_assert(pal_tensor_get(pal_model_parameter_find(f, "encoder/1/W"), k) == (float)pal_tensor_get(w, k));
        ck_assert_mem_ne(w->data, pal_model_parameter_find(other, "encoder/1/W")->data, pal_tensor_bytes(w));
        pal_model_free(a);
        pal_model_free(b);
        pal_model_free(f);
        pal_model_free(other);
    }
    pal_context_free(several);
}
END_TEST

/* Every variant that has the option takes both values. */
START_TEST(every_variant_takes_them)
{
    static const char *const inits[] = {"sparse", "orthogonal"};
    size_t with = 0;
    for (size_t v = 0; pal_variant_at(v); v++)
        for (size_t i = 0; i < 2; i++) {
            pal_error err = {0};
            const pal_variant *variant = pal_variant_at(v);
            if (!pal_variant_option_find(variant, "init")) continue;
            pal_setting settings[3] = {{"init", inits[i]}, {"channels", "3"}, {"kernel", "2"}};
            pal_model *m = pal_model_new(
                c, variant, settings,
                pal_variant_option_find(variant, "channels") && pal_variant_option_find(variant, "kernel") ? 3 : 1,
                PAL_SHAPE(4, 4), PAL_F32, 5, &err);
            ck_assert_msg(m != NULL, "%s: %s", variant->name, err.text);
            for (size_t k = 0; k < pal_model_parameter_count(m); k++) {
                const pal_tensor *t = pal_model_parameter(m, k, NULL);
                ck_assert_uint_eq(pal_tensor_finite(t), pal_tensor_count(t));
            }
            pal_model_free(m);
            with++;
        }
    ck_assert_uint_gt(with, 20);
}
END_TEST

/* A parameter of a variant's own may have any rank. One number is 1 or -1; a vector is one unit. */
static pal_var vectors(pal_model *m, pal_var x)
{
    pal_var s = pal_parameter(m, "s", (pal_shape){0}, PAL_INIT_ORTHOGONAL),
            v = pal_parameter(m, "v", PAL_SHAPE(6), PAL_INIT_ORTHOGONAL),
            t = pal_parameter(m, "t", PAL_SHAPE(20), PAL_INIT_SPARSE),
            u = pal_parameter(m, "u", PAL_SHAPE(2, 3, 2), PAL_INIT_ORTHOGONAL);
    return pal_add(pal_mul(pal_add(x, v), s), pal_add(pal_sum_all(t), pal_sum_all(u)));
}
static pal_var same(pal_model *m, pal_var h) { return (void)m, h; }
static pal_var total(pal_model *m, const pal_batch *b) { return pal_sum_all(pal_model_encode(m, b->inputs)); }

START_TEST(parameters_of_any_rank)
{
    const pal_variant own = {
        .struct_size = sizeof own, .name = "own", .encode = vectors, .decode = same, .loss = total};
    pal_model *m = make(&own, NULL, 0, PAL_F64, 5);
    ck_assert_double_eq_tol(fabs(pal_tensor_get(pal_model_parameter_find(m, "s"), 0)), 1, 1e-15);
    double squares = 0;
    size_t some = 0;
    for (size_t i = 0; i < 6; i++) squares += pow(pal_tensor_get(pal_model_parameter_find(m, "v"), i), 2);
    ck_assert_double_eq_tol(squares, 1, 1e-14);
    for (size_t i = 0; i < 20; i++) some += pal_tensor_get(pal_model_parameter_find(m, "t"), i) != 0;
    ck_assert_uint_eq(some, 15);
    for (size_t a = 0; a < 2; a++) { /* [2, 3, 2]: two inputs of six units */
        squares = 0;
        for (size_t i = 0; i < 6; i++) squares += pow(pal_tensor_get(pal_model_parameter_find(m, "u"), a * 6 + i), 2);
        ck_assert_double_eq_tol(squares, 1, 1e-14);
    }
    pal_model_free(m);
}
END_TEST

/* A layer of a variant's own says its activation before it is recorded. */
static const char *own_activation;
static pal_var own_layer(pal_model *m, pal_var x)
{
    const pal_shape weight = PAL_SHAPE(pal_shape_of(x).dim[1], 6);
    pal_layer_start(m, "own", &weight, 6, own_activation);
    return pal_dense(m, "own", x, 6);
}

START_TEST(a_layer_says_its_activation)
{
    static const pal_option options[] = {
        {"init", PAL_OPTION_ENUM, "orthogonal", 0, 0, "orthogonal|sparse|he", "initial values"}, {0}};
    const pal_variant own = {.struct_size = sizeof own,
                             .name = "own",
                             .options = options,
                             .encode = own_layer,
                             .decode = same,
                             .loss = total};
    own_activation = "softplus";
    pal_model *m = make(&own, NULL, 0, PAL_F64, 5);
    check_orthogonal(m, "own/W", 2);
    pal_model_free(m);
    own_activation = "tanh";
    m = make(&own, (pal_setting[]){{"init", "sparse"}}, 1, PAL_F64, 5);
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "own/b"), 2) == 0.5);
    pal_model_free(m);
    m = make(&own, (pal_setting[]){{"init", "he"}}, 1, PAL_F64, 5);
    ck_assert(pal_tensor_get(pal_model_parameter_find(m, "own/b"), 2) == 0);
    pal_model_free(m);
    static const char *const wrong[] = {"odd", NULL};
    for (size_t i = 0; i < 2; i++) {
        pal_error err = {0};
        own_activation = wrong[i];
        ck_assert_ptr_null(pal_model_new(c, &own, NULL, 0, PAL_SHAPE(2, 3), PAL_F64, 5, &err));
        ck_assert_ptr_nonnull(strstr(err.text, wrong[i] ? "unknown activation odd" : "unknown activation (none)"));
    }
    pal_layer_start(NULL, "own", NULL, 3, "tanh"); /* no model: nothing happens */
}
END_TEST

static bool makes(void *user)
{
    pal_error err = {0};
    const pal_setting settings[] = {{"hidden", "4"}, {"init", user}};
    pal_model *m = pal_model_new(c, pal_variant_find("basic"), settings, 2, PAL_SHAPE(2, 3), PAL_F32, 5, &err);
    failing_require(m || err.status == PAL_ERR_MEMORY);
    pal_model_free(m);
    return m != NULL;
}

START_TEST(failing_allocations_are_reported)
{
    failing_each(makes, "orthogonal", false);
    failing_each(makes, "sparse", false);
}
END_TEST

Suite *init_suite(void)
{
    Suite *suite = suite_create("init");
    add_case(
        suite, "sparse", set_up, tear_down,
        TESTS(a_sparse_unit_has_fifteen_inputs, sparse_inputs_are_drawn_evenly, sparse_tanh_units_are_like_sigmoids));
    add_case(suite, "orthogonal", set_up, tear_down,
             TESTS(orthogonal_weights_are_orthonormal_times_the_gain, convolutions_and_random_codes_have_their_gains,
                   orthogonal_weights_are_uniform));
    add_case(suite, "both", set_up, tear_down,
             TESTS(threads_change_no_bit, every_variant_takes_them, parameters_of_any_rank, a_layer_says_its_activation,
                   failing_allocations_are_reported));
    return suite;
}
