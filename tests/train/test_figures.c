/* test_figures.c - tests the figures of an evaluation against values computed by hand from codes and weights. */
#include <math.h>
#include <stdio.h>

#include "tests/files.h"
#include "tests/testing.h"
#include "train/train.h"

Suite *figures_suite(void);

enum { SAMPLES = 53, FEATURES = 12, UNITS = 6 };

static pal_context *context;
static pal_dataset *data;

static void set_up(void)
{
    pal_error err = {0};
    context = context_with(2);
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(SAMPLES * 6 / 5 + 1, FEATURES), 0, 1, "data");
    const char *path = path_of("data.npy");
    ck_assert_msg(!pal_npy_write(all, path, &err), "%s", err.text);
    pal_tensor_free(all);
    data = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    ck_assert_int_eq(data->count, SAMPLES + 1);
}

static void tear_down(void)
{
    pal_dataset_free(data);
    pal_context_free(context);
}

static pal_model *model_of(const char *variant, const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    pal_setting all[8] = {{"hidden", "6"}};
    for (size_t i = 0; i < n; i++) all[i + 1] = settings[i];
    pal_model *m = pal_model_new(context, pal_variant_find(variant), all, n + 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static pal_figures evaluate(pal_model *m, int64_t batch, int64_t jacobian_samples)
{
    pal_figures f;
    pal_error err = {0};
    pal_evaluate_options o = {.struct_size = sizeof o,
                              .batch = batch,
                              .seed = 3,
                              .code = jacobian_samples > -2,
                              .jacobian_samples = jacobian_samples};
    ck_assert_msg(!pal_evaluate(m, data, &o, &f, &err), "%s", err.text);
    double sum = 0;
    for (size_t i = 0; i < f.n_terms; i++) sum += f.terms[i].value;
    ck_assert_double_eq_tol(sum, f.loss, 1e-9 * fabs(f.loss));
    ck_assert_str_eq(f.terms[0].name, "reconstruction");
    return f;
}

static float *codes_of(const pal_model *m)
{
    pal_error err = {0};
    pal_workspace *w = pal_workspace_new(m, NULL, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    ck_assert_int_eq(pal_workspace_code(w), UNITS);
    float *code = malloc((size_t)data->count * UNITS * sizeof *code);
    ck_assert_int_eq(pal_encode(m, w, data->inputs->data, (size_t)data->count, code), PAL_OK);
    pal_workspace_free(w);
    return code;
}

static double mean_of(const float *code, int unit)
{
    double sum = 0;
    for (int64_t i = 0; i < data->count; i++) sum += (double)code[i * UNITS + unit];
    return sum / (double)data->count;
}

static double norm2_of_column(const pal_model *m, int unit)
{
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    double sum = 0;
    for (size_t d = 0; d < FEATURES; d++) sum += pow(pal_tensor_get(w, d * UNITS + (size_t)unit), 2);
    return sum;
}

static const int64_t batches[] = {1, 7, 44, 54, 128};
enum { BATCHES = sizeof batches / sizeof *batches };

/* The divergence is that of the mean activations over all samples. It must not depend on the batch size. */
START_TEST(a_pooled_term_is_that_of_the_whole_data)
{
    const double rho = 0.2, beta = 2.5;
    pal_model *m = model_of("sparse", (pal_setting[]){{"rho", "0.2"}, {"beta", "2.5"}}, 2);
    pal_model *none = model_of("sparse", (pal_setting[]){{"beta", "0"}}, 1);
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        const char *name;
        pal_tensor *t = pal_model_parameter(m, i, &name);
        for (size_t k = 0; k < pal_tensor_count(t); k++) /* codes that differ from sample to sample */
            pal_tensor_set(t, k, 4 * pal_tensor_get(t, k));
        memcpy(pal_model_parameter_find(none, name)->data, t->data, pal_tensor_bytes(t));
    }
    float *code = codes_of(m);
    double want = 0;
    for (int j = 0; j < UNITS; j++) {
        double mean = mean_of(code, j);
        want += beta * (rho * log(rho / mean) + (1 - rho) * log((1 - rho) / (1 - mean)));
    }
    for (int i = 0; i < BATCHES; i++) {
        pal_figures f = evaluate(m, batches[i], -2), plain = evaluate(none, batches[i], -2);
        ck_assert_uint_eq(f.n_terms, 2);
        ck_assert_str_eq(f.terms[1].name, "sparsity");
        ck_assert_double_eq_tol(f.terms[1].value, want, 1e-5 * want);
        ck_assert_double_eq_tol(f.terms[0].value, plain.loss, 1e-5 * plain.loss);
        ck_assert_int_eq(f.code.units, 0);
    }
    free(code);
    pal_model_free(none);
    pal_model_free(m);
}
END_TEST

/* The mean activation of a unit that is always off underflows in float32. Its logarithm must be kept, so that the
 * divergence is finite and large. */
START_TEST(a_dead_unit_has_a_finite_divergence)
{
    pal_model *m = model_of("sparse", NULL, 0);
    pal_tensor *b = pal_model_parameter_find(m, "encoder/b"), *w = pal_model_parameter_find(m, "encoder/W");
    for (size_t d = 0; d < FEATURES; d++) pal_tensor_set(w, d * UNITS + 2, 0);
    pal_tensor_set(b, 2, -300);
    const pal_figures f = evaluate(m, 10, -2);
    ck_assert(isfinite(f.loss));
    ck_assert_double_gt(f.terms[1].value, 3 * 0.05 * 300 - 1);
    pal_model_free(m);
}
END_TEST

/* A penalty that is a mean over samples (l1) is a named term. A model without one has the reconstruction only. */
START_TEST(a_term_of_each_sample_is_named)
{
    pal_model *m = model_of("sparse", (pal_setting[]){{"sparsity", "l1"}, {"lambda", "0.5"}}, 2);
    float *code = codes_of(m);
    double want = 0;
    for (int j = 0; j < UNITS; j++) want += 0.5 * mean_of(code, j); /* no code is negative */
    for (int i = 0; i < BATCHES; i++) {
        pal_figures f = evaluate(m, batches[i], -2);
        ck_assert_uint_eq(f.n_terms, 2);
        ck_assert_double_eq_tol(f.terms[1].value, want, 1e-5 * want);
    }
    free(code);
    pal_model_free(m);
    m = model_of("basic", NULL, 0);
    pal_figures f = evaluate(m, 10, -2);
    ck_assert_uint_eq(f.n_terms, 1);
    ck_assert_double_eq(f.terms[0].value, f.loss);
    pal_model_free(m);
}
END_TEST

static int by_value(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* The figures of the code: means, quartiles, active, dead and saturated units, and the norm of the Jacobian. */
START_TEST(activations_are_counted)
{
    pal_model *m = model_of("sparse", (pal_setting[]){{"rho", "0.5"}}, 1);
    pal_tensor *b = pal_model_parameter_find(m, "encoder/b"), *w = pal_model_parameter_find(m, "encoder/W");
    for (size_t j = 0; j < UNITS; j++) pal_tensor_set(b, j, 0);
    for (size_t d = 0; d < FEATURES; d++) { /* unit 0 is off, 1 is on, 2 hardly changes */
        pal_tensor_set(w, d * UNITS + 0, 0);
        pal_tensor_set(w, d * UNITS + 1, 0);
        pal_tensor_set(w, d * UNITS + 2, d == 0 ? 0.01 : 0);
    }
    pal_tensor_set(b, 0, -200);
    pal_tensor_set(b, 1, 5);
    float *code = codes_of(m);
    double means[UNITS], mean = 0, norm = 0, norm2 = 0;
    int64_t saturated = 0, near = 0;
    for (int j = 0; j < UNITS; j++) {
        means[j] = mean_of(code, j);
        mean += means[j] / UNITS;
        near += fabs(means[j] - 0.5) <= 0.1;
    }
    for (int64_t i = 0; i < data->count; i++) {
        double one = 0;
        for (int j = 0; j < UNITS; j++) {
            double h = (double)code[i * UNITS + j];
            saturated += h < 0.05 || h > 0.95;
            one += h * (1 - h) * h * (1 - h) * norm2_of_column(m, j);
        }
        norm += sqrt(one) / (double)data->count;
        norm2 += one / (double)data->count;
    }
    qsort(means, UNITS, sizeof *means, by_value);
    const double all = (double)data->count * UNITS;
    for (int i = 0; i < BATCHES; i++) {
        const pal_code_figures c = evaluate(m, batches[i], 0).code;
        ck_assert_int_eq(c.units, UNITS);
        ck_assert_double_eq_tol(c.mean, mean, 1e-7);
        for (int q = 0; q < 5; q++) ck_assert_double_eq_tol(c.quartiles[q], means[(UNITS - 1) * q / 4], 1e-7);
        ck_assert_int_eq(c.active, UNITS - 3);
        ck_assert_int_eq(c.dead, 2);
        ck_assert_double_eq_tol(c.saturated, (double)saturated / all, 1e-12);
        ck_assert_double_eq_tol(c.zeros, 1.0 / UNITS, 1e-12);
        ck_assert_double_eq(c.rho, 0.5);
        ck_assert_double_eq_tol(c.near_rho, (double)near / UNITS, 1e-12);
        ck_assert_int_eq(c.jacobian_samples, data->count);
        ck_assert_double_eq_tol(c.jacobian_norm, norm, 1e-5 * norm);
        ck_assert_double_eq_tol(c.jacobian_norm2, norm2, 1e-5 * norm2);
        ck_assert(norm2 > norm * norm * (1 + 1e-6)); /* otherwise the test could not tell norm from norm2 */
    }
    free(code);
    pal_model_free(m);
}
END_TEST

/* A k-sparse code is linear, so the Jacobian consists of the columns of the k units that stay. The encoder is not made
 * of dense layers only, so the norm must be computed row by row. */
START_TEST(a_jacobian_goes_by_rows_where_it_must)
{
    pal_model *m = model_of("k-sparse", (pal_setting[]){{"k", "2"}}, 1);
    float *code = codes_of(m);
    for (int64_t n = 10; n <= data->count; n += 44) {
        double norm = 0, norm2 = 0;
        for (int64_t i = 0; i < n; i++) {
            double one = 0;
            for (int j = 0; j < UNITS; j++) one += code[i * UNITS + j] != 0 ? norm2_of_column(m, j) : 0;
            norm += sqrt(one) / (double)n;
            norm2 += one / (double)n;
        }
        const pal_code_figures c = evaluate(m, 10, n).code;
        ck_assert_int_eq(c.jacobian_samples, n);
        ck_assert_double_eq_tol(c.jacobian_norm, norm, 1e-5 * norm);
        ck_assert_double_eq_tol(c.jacobian_norm2, norm2, 1e-5 * norm2);
        ck_assert_double_eq_tol(c.zeros, 1 - 2.0 / UNITS, 1e-12);
        ck_assert(isnan(c.saturated) && isnan(c.rho) && isnan(c.near_rho));
    }
    const pal_code_figures c = evaluate(m, 10, -1).code;
    ck_assert_int_eq(c.jacobian_samples, 0);
    ck_assert(isnan(c.jacobian_norm) && isnan(c.jacobian_norm2));
    free(code);
    pal_model_free(m);
}
END_TEST

/* Every variant must have a finite loss and a Jacobian with a positive norm. */
START_TEST(every_variant_has_all_figures)
{
    const pal_variant *v;
    for (size_t i = 0; (v = pal_variant_at(i)); i++) {
        const pal_setting k = {"k", "2"};
        pal_error err = {0};
        if (!strcmp(v->name, "convolutional")) continue; /* needs images */
        pal_model *m = model_of(v->name, &k, pal_variant_option_find(v, "k") ? 1 : 0);
        pal_figures f;
        pal_evaluate_options o = {.struct_size = sizeof o, .code = true};
        ck_assert_msg(!pal_evaluate(m, data, &o, &f, &err), "%s: %s", v->name, err.text);
        ck_assert_msg(isfinite(f.loss) && isfinite(f.code.jacobian_norm2) && f.code.jacobian_norm2 > 0, "%s", v->name);
        pal_model_free(m);
    }
}
END_TEST

Suite *figures_suite(void)
{
    Suite *suite = suite_create("figures");
    in_own_folder(add_case(suite, "figures", set_up, tear_down,
                           TESTS(a_pooled_term_is_that_of_the_whole_data, a_dead_unit_has_a_finite_divergence,
                                 a_term_of_each_sample_is_named, activations_are_counted,
                                 a_jacobian_goes_by_rows_where_it_must, every_variant_has_all_figures)));
    return suite;
}
