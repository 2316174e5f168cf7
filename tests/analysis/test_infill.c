/* test_infill.c - tests filling in missing pixels: known pixels stay, clamp reaches the fixed point of a linear model,
 * and a fitted code fits better. */
#include <math.h>

#include "tests/files.h"
#include "tests/models/small_models.h"
#include "plot/plot.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *infill_suite(void);

enum { FEATURES = 6, N = 5, CODE = 2 };

static const uint8_t missing[FEATURES] = {0, 1, 0, 0, 1, 0};
static float x[N * FEATURES], out[N * FEATURES], means[N * FEATURES];

static void inputs(void)
{
    set_up();
    pal_tensor *t = random_tensor(c, PAL_F32, PAL_SHAPE(N, FEATURES), 0, 1, "x");
    memcpy(x, t->data, sizeof x);
    pal_tensor_free(t);
}

/* A linear model. Its reconstruction is the projection onto the span of two orthonormal vectors. */
static const double span[CODE][FEATURES] = {{0.5, 0.5, 0.5, 0.5, 0, 0}, {0.5, -0.5, 0, 0, 0.5, -0.5}};

static pal_model *projection(pal_dtype dtype)
{
    const pal_setting linear[] = {{"hidden", "2"}, {"activation", "linear"}, {"output", "squared"}, {"tied", "yes"}};
    pal_model *m = make(pal_variant_find("basic"), linear, 4, dtype, 5);
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        pal_tensor *t = pal_model_parameter(m, i, NULL);
        memset(t->data, 0, pal_tensor_bytes(t));
    }
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (size_t i = 0; i < FEATURES; i++)
        for (size_t j = 0; j < CODE; j++) pal_tensor_set(w, i * CODE + j, span[j][i]);
    return m;
}

static void fill_in(pal_model *m, pal_infill_options o)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    o.means = means;
    ck_assert_msg(!pal_infill(m, x, missing, N, &o, out, &err), "%s", err.text);
}

/* Least squares in two unknowns by the normal equations: minimises |a v - b|^2 over v, a [rows][2]. */
static void solve(const double (*a)[2], const double *b, int rows, double v[2])
{
    double p = 0, q = 0, r = 0, s = 0, t = 0;
    for (int i = 0; i < rows; i++) {
        p += a[i][0] * a[i][0];
        q += a[i][0] * a[i][1];
        r += a[i][1] * a[i][1];
        s += a[i][0] * b[i];
        t += a[i][1] * b[i];
    }
    v[0] = (r * s - q * t) / (p * r - q * q);
    v[1] = (p * t - q * s) / (p * r - q * q);
}

/* For every variant and method, known pixels keep their bits, and missing ones get the model's means. */
START_TEST(known_pixels_keep_their_bits)
{
    for (size_t v = 0; pal_variant_at(v); v++)
        for (int dtype = PAL_F32; dtype <= PAL_F64; dtype++)
            for (int method = 0; method < PAL_INFILL_METHODS; method++) {
                pal_model *m = make_named(pal_variant_at(v)->name, (pal_dtype)dtype);
                for (int i = 0; i < N * FEATURES; i++)
                    if (missing[i % FEATURES]) x[i] = NAN; /* the value of a missing pixel is never read */
                fill_in(m, (pal_infill_options){.method = (pal_infill_method)method, .steps = 3, .batch = 2});
                for (int i = 0; i < N * FEATURES; i++) {
                    const float *want = missing[i % FEATURES] ? &means[i] : &x[i];
                    ck_assert(isfinite(out[i]) && !memcmp(&out[i], want, sizeof *want));
                }
                pal_model_free(m);
            }
}
END_TEST

/* The method `once` is a reconstruction of the filled sample. So is one step of `clamp`. */
START_TEST(once_is_a_reconstruction_of_what_is_filled)
{
    const float fill[FEATURES] = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
    pal_model *m = make_named("basic", PAL_F32);
    pal_workspace *w = pal_workspace_new(m, NULL, NULL);
    float filled[N * FEATURES];
    for (int i = 0; i < N * FEATURES; i++) filled[i] = missing[i % FEATURES] ? fill[i % FEATURES] : x[i];
    ck_assert_int_eq(pal_reconstruct(m, w, filled, N, filled), PAL_OK);
    fill_in(m, (pal_infill_options){.method = PAL_INFILL_ONCE, .fill = fill, .steps = 7});
    for (int i = 0; i < N * FEATURES; i++) ck_assert_float_eq_tol(means[i], filled[i], 1e-6);
    fill_in(m, (pal_infill_options){.method = PAL_INFILL_CLAMP, .fill = fill, .steps = 1});
    for (int i = 0; i < N * FEATURES; i++) ck_assert_float_eq_tol(means[i], filled[i], 1e-6);
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

/* clamp converges to the sample with the known pixels that has the least distance from the subspace. */
static void nearest_to_the_span(const float *sample, double v[2])
{
    double a[FEATURES][2], b[FEATURES];
    for (int i = 0; i < FEATURES; i++) { /* row i of I - P; known columns go to the right side */
        int unknown = 0;
        b[i] = 0;
        for (int k = 0; k < FEATURES; k++) {
            const double q = (i == k) - span[0][i] * span[0][k] - span[1][i] * span[1][k];
            if (missing[k])
                a[i][unknown++] = q;
            else
                b[i] -= q * (double)sample[k];
        }
    }
    solve(a, b, FEATURES, v);
}

/* From any start, clamp converges to the fixed point of the projection. */
START_TEST(clamp_finds_the_fixed_point_of_a_projection)
{
    static const float fills[2][FEATURES] = {{0}, {9, 9, 9, 9, -9, 9}};
    pal_model *m = projection(PAL_F64);
    for (int fill = 0; fill < 2; fill++) {
        fill_in(m, (pal_infill_options){.method = PAL_INFILL_CLAMP, .fill = fills[fill], .steps = 400});
        for (int row = 0; row < N; row++) {
            double v[2];
            nearest_to_the_span(x + row * FEATURES, v);
            ck_assert_double_eq_tol((double)out[row * FEATURES + 1], v[0], 1e-6);
            ck_assert_double_eq_tol((double)out[row * FEATURES + 4], v[1], 1e-6);
        }
    }
    pal_model_free(m);
}
END_TEST

/* For a linear model, the fitted code is the least-squares solution for the known pixels. */
START_TEST(a_code_of_a_linear_model_is_the_least_squares_one)
{
    pal_model *m = projection(PAL_F64);
    fill_in(m, (pal_infill_options){.method = PAL_INFILL_CODE, .steps = 3000, .learning_rate = 0.1});
    for (int row = 0; row < N; row++) {
        double a[FEATURES][2], b[FEATURES], h[2];
        int rows = 0;
        for (int i = 0; i < FEATURES; i++) {
            if (missing[i]) continue;
            a[rows][0] = span[0][i];
            a[rows][1] = span[1][i];
            b[rows++] = (double)x[row * FEATURES + i];
        }
        solve(a, b, rows, h);
        for (int i = 0; i < FEATURES; i++)
            ck_assert_double_eq_tol((double)means[row * FEATURES + i], h[0] * span[0][i] + h[1] * span[1][i], 1e-5);
    }
    pal_model_free(m);
}
END_TEST

/* The loss of the known pixels, computed from the decoder's means. */
static double known_loss(bool bernoulli)
{
    double sum = 0;
    for (int i = 0; i < N * FEATURES; i++) {
        const double t = (double)x[i], p = (double)means[i];
        if (missing[i % FEATURES]) continue;
        sum += bernoulli ? -t * log(p) - (1 - t) * log(1 - p) : (t - p) * (t - p) / 2;
    }
    return sum;
}

START_TEST(a_fitted_code_fits_better_than_the_first)
{
    for (int linear = 0; linear < 2; linear++)
        for (int dtype = PAL_F32; dtype <= PAL_F64; dtype++) {
            pal_model *m = linear ? projection((pal_dtype)dtype) : make_named("basic", (pal_dtype)dtype);
            fill_in(m, (pal_infill_options){.method = PAL_INFILL_ONCE});
            const double once = known_loss(!linear);
            fill_in(m, (pal_infill_options){.method = PAL_INFILL_CODE});
            ck_assert_double_lt(known_loss(!linear), once);
            pal_model_free(m);
        }
}
END_TEST

/* The same where the decoder gives several numbers per pixel. */
START_TEST(a_code_of_several_numbers_a_pixel_fits)
{
    const pal_setting outputs[][4] = {{{"hidden", "4"}, {"output", "categorical"}, {"bins", "4"}, {"tied", "no"}},
                                      {{"hidden", "4"}, {"output", "normal"}, {"sigma-min", "0.5"}, {"tied", "no"}},
                                      {{"hidden", "4"}, {"output", "normal-full"}, {"sigma-min", "1"}, {"tied", "no"}}};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        pal_model *m = make(pal_variant_find("basic"), outputs[i], 4, i ? PAL_F32 : PAL_F64, 5);
        fill_in(m, (pal_infill_options){.method = PAL_INFILL_ONCE});
        const double once = known_loss(false);
        fill_in(m, (pal_infill_options){.method = PAL_INFILL_CODE, .batch = 2});
        ck_assert_double_lt(known_loss(false), once);
        pal_model_free(m);
    }
}
END_TEST

/* With a code of one unit, the result is a multiple of that unit's row of the decoder, because the biases are 0. */
START_TEST(a_fitted_code_keeps_its_units)
{
    const pal_setting one[] = {{"hidden", "4"}, {"k", "1"}, {"output", "squared"}, {"tied", "no"}};
    pal_model *m = make(pal_variant_find("k-sparse"), one, 4, PAL_F64, 5);
    const pal_tensor *v = pal_model_parameter_find(m, "decoder/W");
    fill_in(m, (pal_infill_options){.method = PAL_INFILL_CODE, .batch = 2});
    for (int i = 0; i < N; i++) {
        double least = INFINITY, size = 0;
        for (size_t unit = 0; unit < 4; unit++) {
            double along = 0, norm2 = 0, rest = 0;
            for (size_t k = 0; k < FEATURES; k++) {
                const double w = pal_tensor_get(v, unit * FEATURES + k);
                along += w * (double)means[(size_t)i * FEATURES + k];
                norm2 += w * w;
            }
            for (size_t k = 0; k < FEATURES; k++) {
                const double mean = (double)means[(size_t)i * FEATURES + k];
                rest += pow(mean - along / norm2 * pal_tensor_get(v, unit * FEATURES + k), 2);
                if (!unit) size += mean * mean;
            }
            least = fmin(least, rest);
        }
        ck_assert_double_gt(size, 1e-6);
        ck_assert_double_le(least, 1e-10);
    }
    pal_model_free(m);
}
END_TEST

/* The batch size does not change the result. Input and output may be the same buffer. */
START_TEST(a_batch_changes_nothing)
{
    pal_model *m = make_named("basic", PAL_F64);
    for (int method = 0; method < PAL_INFILL_METHODS; method++) {
        float whole[N * FEATURES];
        fill_in(m, (pal_infill_options){.method = (pal_infill_method)method});
        memcpy(whole, out, sizeof whole);
        fill_in(m, (pal_infill_options){.method = (pal_infill_method)method, .batch = 2});
        for (int i = 0; i < N * FEATURES; i++) ck_assert_float_eq_tol(out[i], whole[i], 1e-6);
        float own[N * FEATURES];
        memcpy(own, x, sizeof own);
        pal_infill_options o = {.struct_size = sizeof o, .method = (pal_infill_method)method};
        ck_assert_int_eq(pal_infill(m, own, missing, N, &o, own, NULL), PAL_OK);
        ck_assert_mem_eq(own, whole, sizeof own);
        ck_assert_int_eq(pal_infill(m, NULL, missing, 0, &o, NULL, NULL), PAL_OK);
    }
    pal_model_free(m);
}
END_TEST

static int stop_at(double done, void *user)
{
    ck_assert(done >= 0 && done < 1);
    return --*(int *)user == 0;
}

static void check_refused(pal_model *m, pal_infill_options o, pal_status status, const char *needle)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    ck_assert_int_eq(pal_infill(m, x, missing, N, &o, out, &err), status);
    ck_assert_msg(strstr(err.text, needle) != NULL, "%s", err.text);
}

START_TEST(wrong_use_is_told)
{
    pal_model *m = projection(PAL_F32);
    int left = 5;
    check_refused(m, (pal_infill_options){.method = PAL_INFILL_METHODS}, PAL_ERR_ARGUMENT, "unknown method");
    check_refused(m, (pal_infill_options){.steps = -1}, PAL_ERR_ARGUMENT, "-1 steps");
    check_refused(m, (pal_infill_options){.learning_rate = NAN}, PAL_ERR_ARGUMENT, "rate");
    check_refused(m, (pal_infill_options){.method = PAL_INFILL_CODE, .learning_rate = 1e39}, PAL_ERR_NUMERIC,
                  "lower the learning rate");
    check_refused(m, (pal_infill_options){.method = PAL_INFILL_CLAMP, .progress = stop_at, .user = &left},
                  PAL_ERR_STOPPED, "stopped");
    ck_assert_int_eq(left, 0);
    ck_assert_int_eq(pal_infill(m, x, NULL, N, NULL, out, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_infill(m, NULL, missing, N, NULL, out, NULL), PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_infill_name(PAL_INFILL_METHODS));
    pal_model_free(m);
}
END_TEST

/* A rectangle is marked in all planes of an image. One that is empty, outside, or covers everything is refused. */
START_TEST(rectangles)
{
    static const uint8_t flat[6] = {0, 0, 0, 0, 1, 1}, planes[12] = {0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0};
    uint8_t got[12];
    pal_error err = {0};
    ck_assert_int_eq(pal_missing_rectangle((pal_view){1, 2, 3}, 1, 1, 1, 2, got, &err), PAL_OK);
    ck_assert_mem_eq(got, flat, sizeof flat);
    ck_assert_int_eq(pal_missing_rectangle(pal_view_of(PAL_SHAPE(2, 2, 3)), 0, 1, 1, 2, got, &err), PAL_OK);
    ck_assert_mem_eq(got, planes, sizeof planes);
    ck_assert_int_eq(pal_missing_rectangle(pal_view_of(PAL_SHAPE(6)), 0, 4, 1, 2, got, &err), PAL_OK); /* a line */
    ck_assert_mem_eq(got, flat, sizeof flat);
    static const int64_t bad[][4] = {{0, 0, 2, 3},  {0, 0, 3, 1},  {0, 2, 1, 2}, {2, 0, 1, 1},
                                     {-1, 0, 1, 1}, {0, -1, 1, 1}, {0, 0, 0, 1}, {0, 1, 1, INT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(
            pal_missing_rectangle(pal_view_of(PAL_SHAPE(2, 3)), bad[i][0], bad[i][1], bad[i][2], bad[i][3], got, &err),
            PAL_ERR_ARGUMENT);
}
END_TEST

/* ---- Figures and pictures ------------------------------------------------------------------------------------- */

static pal_dataset *open_data(void)
{
    pal_error err = {0};
    pal_tensor *all = random_tensor(c, PAL_F32, PAL_SHAPE(19, 2, 3), 0, 1, "data");
    const char *path = path_of("data.npy");
    ck_assert_int_eq(pal_npy_write(all, path, &err), PAL_OK);
    pal_tensor_free(all);
    pal_dataset *data = pal_dataset_open(c, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    ck_assert_int_eq(data->count, 16);
    return data;
}

/* The figures of pal_infill_write are those of pal_infill and of the mean image. */
START_TEST(figures_are_those_of_the_calls)
{
    pal_dataset *data = open_data();
    pal_model *m = make_named("basic", PAL_F32);
    const float *all = data->inputs->data;
    float mean[FEATURES] = {0}, want[FEATURES] = {0}, filled[16 * FEATURES];
    double reference = 0, code = 0;
    pal_error err = {0};
    for (int i = 0; i < 16 * FEATURES; i++) want[i % FEATURES] += all[i] / 16;
    double wide[FEATURES];
    ck_assert_int_eq(pal_dataset_mean(data, PAL_F32, wide, &err), PAL_OK);
    for (int i = 0; i < FEATURES; i++) mean[i] = (float)wide[i];
    for (int i = 0; i < FEATURES; i++) ck_assert_float_eq_tol(mean[i], want[i], 1e-6);
    pal_infill_options o = {.struct_size = sizeof o, .method = PAL_INFILL_CODE, .fill = mean};
    ck_assert_int_eq(pal_infill(m, all, missing, 16, &o, filled, &err), PAL_OK);
    for (int i = 0; i < 16 * FEATURES; i++) {
        const double to_mean = (double)all[i] - (double)mean[i % FEATURES],
                     to_code = (double)all[i] - (double)filled[i];
        if (missing[i % FEATURES]) reference += to_mean * to_mean / 16;
        code += to_code * to_code / 16; /* 0 where the pixel is known */
    }
    pal_infill_picture p = {.struct_size = sizeof p, .infill = o, .mean = mean, .samples = 100};
    pal_infill_figures f;
    const char *path = path_of("infill.png");
    ck_assert_msg(!pal_infill_write(m, data, missing, &p, &f, path, &err), "%s", err.text);
    ck_assert(f.samples == 16 && f.missing == 2);
    ck_assert_double_eq_tol(f.reference, reference, 1e-6);
    ck_assert_double_eq_tol(f.squared_error[PAL_INFILL_CODE], code, 1e-6);
    for (int k = 0; k < PAL_INFILL_METHODS; k++) ck_assert(isfinite(f.known_error[k]) && f.squared_error[k] > 0);
    pal_image *image = pal_image_read(path, &err);
    ck_assert_msg(image != NULL, "%s", err.text);
    pal_image_free(image);

    p.methods = 1U << PAL_INFILL_ONCE;
    ck_assert_int_eq(pal_infill_write(m, data, missing, &p, &f, NULL, &err), PAL_OK);
    ck_assert(isfinite(f.squared_error[PAL_INFILL_ONCE]) && isnan(f.squared_error[PAL_INFILL_CODE]));
    static const uint8_t none[FEATURES] = {0}, every[FEATURES] = {1, 1, 1, 1, 1, 1};
    ck_assert_int_eq(pal_infill_write(m, data, none, &p, &f, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_infill_write(m, data, every, &p, &f, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_infill_write(m, data, missing, &p, &f, path_of("no/where.png"), &err), PAL_ERR_IO);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

static pal_denoise_figures denoised(pal_model *m, const pal_dataset *data, int64_t batch, pal_model *corruptor)
{
    pal_error err = {0};
    pal_denoise_figures f;
    pal_denoise_options o = {.struct_size = sizeof o, .batch = batch, .seed = 3, .corruptor = corruptor, .samples = 7};
    ck_assert_msg(!pal_denoise(m, data, &o, &f, path_of("denoise.png"), &err), "%s", err.text);
    ck_assert_int_eq(f.samples, data->count);
    pal_image *image = pal_image_read(path_of("denoise.png"), &err);
    ck_assert_msg(image != NULL, "%s", err.text);
    pal_image_free(image);
    return f;
}

/* pal_denoise reports the errors that pal_evaluate reports, for any batch size. Another model may corrupt the input. */
START_TEST(denoising_has_the_figures_of_evaluate)
{
    pal_dataset *data = open_data();
    pal_model *m = make_named("denoising", PAL_F32), *plain = make_named("basic", PAL_F32);
    pal_model *blind = make(pal_variant_find("denoising"), (pal_setting[]){{"masking", "1"}}, 1, PAL_F32, 1);
    pal_figures want;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = 5, .seed = 3};
    ck_assert_int_eq(pal_evaluate(m, data, &o, &want, NULL), PAL_OK);
    const pal_denoise_figures a = denoised(m, data, 5, NULL), b = denoised(m, data, 0, NULL);
    ck_assert_double_eq_tol(a.denoised, want.squared_error_corrupted, 1e-6);
    ck_assert_double_eq_tol(a.denoised, b.denoised, 1e-6);
    ck_assert_double_eq_tol(a.noisy, b.noisy, 1e-6);
    double squares = 0;
    for (int i = 0; i < 16 * FEATURES; i++) {
        const double value = pal_tensor_get(data->inputs, (size_t)i);
        squares += value * value / 16;
    }
    ck_assert_double_eq_tol(denoised(plain, data, 4, blind).noisy, squares, 1e-6);
    pal_error err = {0};
    ck_assert_int_eq(pal_denoise(plain, data, NULL, NULL, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "basic does not corrupt its input"));
    pal_model_free(m);
    pal_model_free(plain);
    pal_model_free(blind);
    pal_dataset_free(data);
}
END_TEST

Suite *infill_suite(void)
{
    Suite *s = suite_create("infill");
    add_case(s, "buffers", inputs, tear_down,
             TESTS(known_pixels_keep_their_bits, once_is_a_reconstruction_of_what_is_filled,
                   clamp_finds_the_fixed_point_of_a_projection, a_code_of_a_linear_model_is_the_least_squares_one,
                   a_fitted_code_fits_better_than_the_first, a_code_of_several_numbers_a_pixel_fits,
                   a_fitted_code_keeps_its_units, a_batch_changes_nothing, wrong_use_is_told, rectangles));
    in_own_folder(add_case(s, "figures", inputs, tear_down,
                           TESTS(figures_are_those_of_the_calls, denoising_has_the_figures_of_evaluate)));
    return s;
}
