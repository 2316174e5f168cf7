/* test_stochastic.c - tests stochastic layers of every kind inside a network: dense, draw, dense, draw, dense. Draws
 * are relaxed in training and exact otherwise. */
#include "tests/models/recorded.h"

Suite *stochastic_suite(void);

enum { SAMPLES = 2, K = 3, DRAWS = 40000 };

static const pal_shape sample = {.rank = 2, .dim = {2, 3}};
static const pal_distribution_kind *kind;

static pal_distribution first(pal_model *m, pal_var x)
{
    return pal_distribution_layer(m, "encoder/1", pal_tanh(pal_dense(m, "encoder/hidden", x, 4)), kind, K);
}

static pal_distribution second(pal_model *m, pal_var z) { return pal_distribution_layer(m, "encoder/2", z, kind, K); }

/* One draw of each row: the input of the next layer. */
static pal_var drawn(pal_model *m, pal_distribution q, const char *stream)
{
    const double temperature = pal_model_mode(m) == PAL_TRAIN ? 0.7 : 0;
    return pal_reshape(pal_distribution_sample(q, stream, 1, temperature), PAL_SHAPE(-1, K));
}

static pal_var encode(pal_model *m, pal_var x)
{
    return pal_distribution_mean(second(m, pal_distribution_mean(first(m, x))));
}

static pal_var decode(pal_model *m, pal_var z) { return pal_dense(m, "decoder", z, pal_output_numbers(m)); }

static pal_var loss_through(pal_model *m, const pal_batch *b)
{
    const pal_distribution q = first(m, b->inputs), p = second(m, drawn(m, q, "first"));
    return pal_add(pal_nll(m, decode(m, drawn(m, p, "second")), b->inputs),
                   pal_model_note(m, "divergence", pal_mean_all(pal_distribution_kl(p, q))));
}

static const pal_variant two_layers = {
    .struct_size = sizeof(pal_variant), .name = "two-layers", .encode = encode, .decode = decode, .loss = loss_through};

static pal_model *network(int i)
{
    pal_error err = {0};
    kind = pal_distribution_at((size_t)i);
    pal_model *m = pal_model_new(c, &two_layers, NULL, 0, sample, PAL_F64, 5, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* The gradients through relaxed draws are those of finite differences. */
START_TEST(derivatives_pass_through_the_draws)
{
    pal_model *m = network(_i);
    fill_parameters(m, 0.5);
    check_gradients(pal_distribution_name(kind), m);
    encode_then_decode(m);
    /* The gradients reach every parameter, including the first layer's, through both draws. */
    pal_tensor *x = batch_of(m, SAMPLES);
    values g = run_at(m, x, PAL_TRAIN, loss_of, true, (pal_noise){.seed = 1});
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        double largest = 0;
        for (size_t j = 0; j < pal_tensor_count(g.value[i + 1]); j++)
            largest = fmax(largest, fabs(pal_tensor_get(g.value[i + 1], j)));
        ck_assert_double_gt(largest, 1e-6);
    }
    free_values(&g);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

static pal_var many(pal_model *m, pal_var x) { return pal_distribution_sample(first(m, x), "first", DRAWS, 0); }
static pal_var mean(pal_model *m, pal_var x) { return pal_distribution_mean(first(m, x)); }
static pal_var once(pal_model *m, pal_var x) { return drawn(m, first(m, x), "first"); }

static bool is_bit(double z) { return z == 0 || z == 1; }

/* Exact draws have the mean that the layer reports, and discrete ones are 0 or 1. Relaxed draws are never exactly 0 or
 * 1. */
START_TEST(exact_draws_have_the_mean)
{
    pal_model *m = network(_i);
    fill_parameters(m, 0.8);
    const bool discrete = isnan(pal_distribution_quantile(kind, 0.5));
    pal_tensor *x = batch_of(m, SAMPLES);
    values z = run(m, x, PAL_EVALUATE, many), p = run(m, x, PAL_EVALUATE, mean), exact = run(m, x, PAL_EVALUATE, once),
           relaxed = run(m, x, PAL_TRAIN, once);
    for (size_t r = 0; r < SAMPLES; r++)
        for (size_t k = 0; k < K; k++) {
            double sum = 0, squares = 0;
            for (size_t s = 0; s < DRAWS; s++) {
                const double at = pal_tensor_get(z.value[0], (r * DRAWS + s) * K + k);
                ck_assert(!discrete || is_bit(at));
                sum += at / DRAWS;
                squares += at * at / DRAWS;
            }
            ck_assert_double_le(fabs(sum - pal_tensor_get(p.value[0], r * K + k)),
                                4 * sqrt((squares - sum * sum) / DRAWS));
            ck_assert(discrete == is_bit(pal_tensor_get(exact.value[0], r * K + k)));
            ck_assert(!is_bit(pal_tensor_get(relaxed.value[0], r * K + k)));
        }
    free_values(&z);
    free_values(&p);
    free_values(&exact);
    free_values(&relaxed);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* Layers that cannot be made. The error must begin with the layer's name. */
static pal_var too_many(pal_model *m, const pal_batch *b)
{
    return pal_mean_all(
        pal_distribution_layer(m, "wide", b->inputs, pal_distribution_find("normal-full"), 2000).parameters);
}
static pal_var of_no_kind(pal_model *m, const pal_batch *b)
{
    return pal_mean_all(pal_distribution_layer(m, "none", b->inputs, NULL, 2).parameters);
}
static pal_var of_no_rows(pal_model *m, const pal_batch *b)
{
    return pal_mean_all(pal_distribution_layer(m, "flat", pal_mean_all(b->inputs), kind, 2).parameters);
}

START_TEST(a_layer_that_cannot_be_is_told_by_its_name)
{
    static const struct {
        pal_var (*loss)(pal_model *m, const pal_batch *b);
        const char *says;
    } rows[] = {{too_many, "wide: code normal-full of 2000 units"},
                {of_no_kind, "none: distribution: needs a kind"},
                {of_no_rows, "flat: expects rows [n,features]"}};
    kind = pal_distribution_at(0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        pal_variant wrong = two_layers;
        wrong.loss = rows[i].loss;
        ck_assert_ptr_null(pal_model_new(c, &wrong, NULL, 0, sample, PAL_F64, 5, &err));
        ck_assert_msg(strstr(err.text, rows[i].says) && !strchr(err.text, '\n'), "%s", err.text);
    }
}
END_TEST

Suite *stochastic_suite(void)
{
    Suite *suite = suite_create("stochastic");
    TCase *group = add_case(suite, "layers", set_up, tear_down, TESTS(a_layer_that_cannot_be_is_told_by_its_name));
    int kinds = 0;
    while (pal_distribution_at((size_t)kinds)) kinds++;
    tcase_add_loop_test(group, derivatives_pass_through_the_draws, 0, kinds);
    tcase_add_loop_test(group, exact_draws_have_the_mean, 0, kinds);
    return suite;
}
