/* test_filters.c - tests what filters draw: the receptive field of convolutions against the gradient, the share of the
 * variance that units explain against the eigenvalues of the covariance, the order of the units, and their cells. */
#include <math.h>
#include <string.h>

#include "analysis/filters.h"
#include "plot/plot.h"
#include "tests/files.h"
#include "tests/testing.h"

Suite *filters_suite(void);

static pal_context *c;
static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

static pal_model *make(const char *variant, const pal_setting *settings, size_t n, pal_shape sample)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find(variant), settings, n, sample, PAL_F64, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* ---- The receptive field -------------------------------------------------------------------------------------- */

/* The magnitude of the gradient of the middles of all channels of a layer, with respect to each pixel of a plane. All
 * weights and inputs are positive, so that nothing cancels and every rectified unit is active. */
static void gradient(pal_model *m, int64_t layer, int64_t planes, int64_t pixels, double *out)
{
    const int64_t features = planes * pixels;
    for (size_t i = 0; i < pal_model_parameter_count(m); i++) {
        const char *name;
        pal_tensor *t = pal_model_parameter(m, i, &name);
        for (size_t k = 0; k < pal_tensor_count(t); k++) pal_tensor_set(t, k, fabs(pal_tensor_get(t, k)) + 0.01);
    }
    pal_tape *tape = pal_tape_new(c, PAL_F64);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(1, features), 0.1, 1, "x");
    pal_var in = pal_leaf(tape, x, "x"), g;
    palt__layer found;
    pal_var a = palt__preactivation(m, tape, in, layer, &found);
    ck_assert_msg(pal_ok(a), "%s", pal_tape_error(tape));
    const pal_shape s = pal_shape_of(a);
    ck_assert_int_eq(s.rank, 4);
    pal_var middle = pal_slice(a, (int64_t[]){0, 0, s.dim[2] / 2, s.dim[3] / 2}, (int64_t[]){1, s.dim[1], 1, 1},
                               (int64_t[]){1, 1, 1, 1});
    ck_assert_int_eq(pal_grad(pal_sum_all(middle), &in, 1, &g), PAL_OK);
    pal_program *program = pal_compile(tape, &g, 1, NULL);
    ck_assert_msg(program && !pal_run(program), "%s", pal_tape_error(tape));
    for (int64_t i = 0; i < pixels; i++) {
        out[i] = 0;
        for (int64_t p = 0; p < planes; p++)
            out[i] += fabs(pal_tensor_get(pal_output(program, 0), (size_t)(p * pixels + i)));
    }
    pal_program_free(program);
    pal_tape_free(tape);
    pal_tensor_free(x);
}

/* The rectangle is the smallest one that contains every pixel on which the unit depends. */
START_TEST(a_unit_sees_where_its_gradient_is)
{
    static const struct {
        pal_shape sample;
        const char *variant, *channels, *kernel, *stride;
    } rows[] = {{PAL_SHAPE(28, 28), "convolutional", "3,4,5", "5", "2"},
                {PAL_SHAPE(3, 17, 24), "convolutional", "4,2", "3", "1"},
                {PAL_SHAPE(2, 19, 11), "convolutional", "2,3,2", "4", "2"},
                {PAL_SHAPE(33, 40), "denoising", "2,2", "2", "3"},
                {PAL_SHAPE(1, 9, 9), "denoising", "3,3", "5", "1"},
                {PAL_SHAPE(30, 12), "convolutional", "2,2", "1", "2"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_setting settings[] = {
            {"channels", rows[i].channels}, {"kernel", rows[i].kernel}, {"stride", rows[i].stride}, {"hidden", "3"}};
        pal_model *m = make(rows[i].variant, settings, 4, rows[i].sample);
        const pal_view view = pal_view_of(rows[i].sample);
        static double g[33 * 40];
        pal_error err = {0};
        int layers = 1;
        for (const char *at = rows[i].channels; *at; at++) layers += *at == ',';
        for (int64_t layer = 1; layer <= layers; layer++) {
            palt__layer found;
            ck_assert_msg(!palt__layer_find(m, layer, &found, &err), "%s", err.text);
            gradient(m, layer, view.planes, view.height * view.width, g);
            int64_t top = view.height, left = view.width, bottom = -1, right = -1;
            for (int64_t y = 0; y < view.height; y++)
                for (int64_t x = 0; x < view.width; x++) {
                    if (g[y * view.width + x] == 0) continue;
                    top = y < top ? y : top;
                    left = x < left ? x : left;
                    bottom = y > bottom ? y : bottom;
                    right = x > right ? x : right;
                }
            ck_assert_msg(found.top == top && found.left == left && found.height == bottom - top + 1 &&
                              found.width == right - left + 1,
                          "row %zu, layer %lld: %lld,%lld %lld x %lld, but the gradient is at %lld,%lld to %lld,%lld",
                          i, (long long)layer, (long long)found.top, (long long)found.left, (long long)found.height,
                          (long long)found.width, (long long)top, (long long)left, (long long)bottom, (long long)right);
        }
        pal_model_free(m);
    }
}
END_TEST

/* A unit of an affine layer sees the whole sample, also after convolutions. */
START_TEST(affine_units_see_everything)
{
    const pal_setting settings[] = {{"channels", "2"}, {"hidden", "3"}};
    pal_model *m = make("convolutional", settings, 2, PAL_SHAPE(3, 12, 10));
    palt__layer found;
    ck_assert(!palt__layer_find(m, 0, &found, NULL) && found.plane == 1);
    ck_assert(found.top == 0 && found.left == 0 && found.height == 12 && found.width == 10);
    pal_model_free(m);
}
END_TEST

/* What is drawn of a deeper unit is the part that it sees of the input that excites it most. */
START_TEST(maxima_are_cut)
{
    const pal_setting settings[] = {{"channels", "2,3"}, {"kernel", "3"}, {"stride", "2"}, {"hidden", "2"}};
    pal_model *m = make("convolutional", settings, 4, PAL_SHAPE(2, 16, 14));
    const pal_filters_options o = {.struct_size = sizeof o, .models = &m, .count = 1, .layer = 2};
    palt__filters f = {0};
    pal_error err = {0};
    ck_assert_msg(!palt__filters_fill(&f, &o, 0, &err), "%s", err.text);
    ck_assert_int_eq(f.kind, PALT__MAXIMA);
    ck_assert(f.cut && f.view.planes == 2 && f.view.height == 7 && f.view.width == 7); /* 3 + 2 (3 - 1) */
    for (int64_t unit = 0; unit < 3; unit++) {
        float whole[2 * 16 * 14];
        double norm = 0;
        ck_assert(!pal_filter_maximal(m, 2, unit, whole, NULL, NULL));
        for (int64_t p = 0; p < 2; p++)
            for (int64_t y = 0; y < 7; y++)
                for (int64_t x = 0; x < 7; x++) {
                    const double value = pal_tensor_get(f.images, (size_t)(((unit * 2 + p) * 7 + y) * 7 + x));
                    norm += value * value;
                    ck_assert(value == whole[(p * 16 + f.layer.top + y) * 14 + f.layer.left + x]);
                }
        ck_assert_double_eq_tol(norm, 1, 1e-4); /* nothing is left outside */
    }
    pal_tensor_free(f.images);
    free(f.order);
    pal_model_free(m);
}
END_TEST

/* Kernels of the first layer are those of the parameter, also with three planes. */
START_TEST(kernels_have_all_planes)
{
    const pal_setting settings[] = {{"channels", "4"}, {"kernel", "3"}, {"hidden", "2"}};
    pal_model *m = make("convolutional", settings, 3, PAL_SHAPE(3, 8, 8));
    const pal_tensor *w = pal_model_parameter_find(m, "encoder/1/W");
    const pal_filters_options o = {.struct_size = sizeof o, .models = &m, .count = 1, .layer = 1};
    palt__filters f = {0};
    ck_assert(!palt__filters_fill(&f, &o, 0, NULL));
    ck_assert_int_eq(f.kind, PALT__KERNELS);
    ck_assert(f.view.planes == 3 && f.view.height == 3 && f.view.width == 3 && f.count == 4);
    for (size_t i = 0; i < pal_tensor_count(w); i++)
        ck_assert_double_eq_tol(pal_tensor_get(f.images, i), pal_tensor_get(w, i), 1e-6);
    pal_tensor_free(f.images);
    free(f.order);
    pal_model_free(m);
}
END_TEST

/* A small kernel is drawn with many pixels per weight, unless there are many kernels. */
START_TEST(kernels_are_large_enough_to_see)
{
    static const char *const channels[] = {"8", "256"};
    for (int i = 0; i < 2; i++) {
        const pal_setting settings[] = {{"channels", channels[i]}, {"hidden", "2"}};
        pal_error err = {0};
        pal_model *m = make("convolutional", settings, 2, PAL_SHAPE(28, 28));
        const pal_filters_options o = {.struct_size = sizeof o, .models = &m, .count = 1, .layer = 1};
        ck_assert_msg(!pal_filters_write(&o, path_of("kernels.png"), &err), "%s", err.text);
        pal_image *image = pal_image_read(path_of("kernels.png"), &err);
        ck_assert_msg(image != NULL, "%s", err.text);
        ck_assert_int_ge(image->height, i ? 1000 : 380); /* 16 or 3 lines of kernels */
        ck_assert_int_le(image->height, i ? 1600 : 500);
        pal_image_free(image);
        pal_model_free(m);
    }
}
END_TEST

/* ---- Shares of the variance ----------------------------------------------------------------------------------- */

enum { ALL = 60, T = 50, D = 7, K = 3 }; /* the training split is five sixths */

/* Correlated samples around a mean that is far from 0. */
static pal_dataset *samples(double mean)
{
    pal_error err = {0};
    pal_tensor *z = random_tensor(c, PAL_F32, PAL_SHAPE(ALL, D), -1, 1, "z"),
               *mix = random_tensor(c, PAL_F32, PAL_SHAPE(D, D), -1, 1, "mix"),
               *x = pal_tensor_new(c, PAL_F32, PAL_SHAPE(ALL, D));
    for (size_t i = 0; i < ALL; i++)
        for (size_t j = 0; j < D; j++) {
            double sum = mean * (double)(j + 1);
            for (size_t k = 0; k < D; k++)
                sum += pal_tensor_get(z, i * D + k) * pal_tensor_get(mix, k * D + j) / (double)(k + 1);
            pal_tensor_set(x, i * D + j, sum);
        }
    ck_assert_int_eq(pal_npy_write(x, path_of("x.npy"), &err), PAL_OK);
    pal_dataset *data = pal_dataset_open(c, path_of("x.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data && data->count == T, "%s", err.text);
    pal_tensor_free(z);
    pal_tensor_free(mix);
    pal_tensor_free(x);
    return data;
}

static pal_model *trained(const pal_dataset *data, const pal_setting *settings, size_t n, int64_t epochs,
                          pal_dtype dtype)
{
    pal_error err = {0};
    pal_train_result result;
    pal_model *m = pal_model_new(c, pal_variant_find("linear"), settings, n, PAL_SHAPE(D), dtype, 4, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 0.02};
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = epochs, .batch = T, .seed = 1, .optimizer = &adam, .schedule = &schedule};
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    return m;
}

/* In closed form, share j is eigenvalue j of the covariance over the sum of all, whatever the mean and the type, and
 * with tied weights, too. A unit beyond the features explains nothing. */
START_TEST(shares_are_eigenvalues)
{
    static const struct {
        const char *hidden, *tied;
        double mean;
        pal_dtype dtype;
        double tolerance;
    } rows[] = {{"3", "no", 0.3, PAL_F64, 1e-10},
                {"3", "yes", 0.3, PAL_F64, 1e-10},
                {"9", "no", 0.3, PAL_F64, 1e-10},
                {"3", "no", 100, PAL_F32, 1e-4}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        double variance[D], directions[D * D], share[9] = {0}, total = 0;
        pal_error err = {0};
        pal_dataset *data = samples(rows[r].mean);
        const pal_setting settings[] = {{"hidden", rows[r].hidden}, {"tied", rows[r].tied}, {"solve", "svd"}};
        pal_model *m = trained(data, settings, 3, 1, rows[r].dtype);
        ck_assert_int_eq(palt__principal_directions(c, data, variance, directions, &err), PAL_OK);
        for (size_t j = 0; j < D; j++) total += variance[j];
        ck_assert_msg(!pal_shares(m, data, share, &err), "%s", err.text);
        for (int j = 0; j < atoi(rows[r].hidden); j++)
            ck_assert_double_eq_tol(share[j], j < D ? variance[j] / total : 0, rows[r].tolerance);
        pal_model_free(m);
        pal_dataset_free(data);
    }
}
END_TEST

/* The shares of a model that descent has trained, or has hardly trained, add up to the explained variance. */
START_TEST(shares_add_up_to_the_explained_variance)
{
    static const int64_t epochs[] = {1, 300};
    pal_dataset *data = samples(0.3);
    for (size_t e = 0; e < 2; e++) {
        double mean[D], error = 0, all = 0, bias[D] = {0}, share[K], sum = 0;
        float x[T * D], out[T * D];
        pal_error err = {0};
        const pal_setting three = {"hidden", "3"};
        pal_model *m = trained(data, &three, 1, epochs[e], PAL_F64);
        pal_workspace *w = pal_workspace_new(m, NULL, &err);
        ck_assert(w && !pal_dataset_mean(data, PAL_F64, mean, &err));
        for (size_t i = 0; i < T * D; i++) x[i] = (float)pal_tensor_get(data->inputs, i);
        ck_assert_int_eq(pal_reconstruct(m, w, x, T, out), PAL_OK);
        for (size_t i = 0; i < T * D; i++) bias[i % D] += ((double)x[i] - (double)out[i]) / T;
        for (size_t i = 0; i < T * D; i++) {
            error += pow((double)x[i] - (double)out[i] - bias[i % D], 2);
            all += pow((double)x[i] - mean[i % D], 2);
        }
        ck_assert_msg(!pal_shares(m, data, share, &err), "%s", err.text);
        for (int j = 0; j < K; j++) sum += share[j];
        ck_assert_double_eq_tol(sum, 1 - error / all, 1e-5);
        if (e) ck_assert_double_gt(sum, 0.5);
        pal_workspace_free(w);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

START_TEST(shares_of_others_are_refused)
{
    double share[4];
    pal_error err = {0};
    pal_dataset *data = samples(0.3);
    const pal_setting four[] = {{"hidden", "4"}, {"output", "squared"}};
    pal_model *m = make("basic", four, 2, PAL_SHAPE(D));
    ck_assert(!pal_is_linear(m));
    ck_assert_int_eq(pal_shares(m, data, share, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "basic is not linear"));
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

static void assert_order(pal_model *m, const double *share, palt__filter_order by, const int64_t *order)
{
    pal_filters_options o = {.struct_size = sizeof o, .models = &m, .count = 1, .shares = share ? &share : NULL};
    palt__filters f = {0};
    ck_assert(!palt__filters_fill(&f, &o, 0, NULL));
    ck_assert_int_eq(f.by, by);
    for (int i = 0; order && i < K; i++) ck_assert_int_eq(f.order[i].index, order[i]);
    pal_tensor_free(f.images);
    free(f.order);
}

/* The first component comes first, though its weights U S^-1 are the smallest. Without the closed form the given shares
 * decide, or else the norm. */
START_TEST(components_come_in_order)
{
    static const int64_t in_order[K] = {0, 1, 2}, by_share[K] = {2, 0, 1};
    static const double shares[K] = {0.2, 0.1, 0.5};
    pal_dataset *data = samples(0.3);
    for (int tied = 0; tied < 2; tied++) {
        const pal_setting svd[] = {{"hidden", "3"}, {"solve", "svd"}, {"tied", tied ? "yes" : "no"}};
        pal_model *m = trained(data, svd, 3, 1, PAL_F64);
        assert_order(m, NULL, PALT__BY_NUMBER, in_order);
        assert_order(m, shares, PALT__BY_NUMBER, in_order);
        pal_model_free(m);
    }
    const pal_setting three = {"hidden", "3"};
    pal_model *m = trained(data, &three, 1, 1, PAL_F64);
    assert_order(m, shares, PALT__BY_SHARE, by_share);
    assert_order(m, NULL, PALT__BY_SIZE, NULL);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* The first column of the .csv of the picture is k, the second the share of the first k units in percent. */
START_TEST(the_plot_adds_the_shares_up)
{
    static const double a[] = {0.1, 0.5, 0.25};
    const double *shares[] = {a};
    const int64_t units[] = {3};
    pal_error err = {0};
    const pal_shares_picture p = {shares, units, NULL, 1, "shares", true};
    ck_assert_msg(!pal_shares_write(&p, path_of("shares.png"), &err), "%s", err.text);
    assert_text(path_of("shares.csv"),
                "\"units, by descending share\",the first units together,each unit\n0,0,\n1,50,50\n2,75,25\n3,85,10\n");
    ck_assert_int_eq(pal_shares_write(&(pal_shares_picture){.title = "none"}, path_of("none.png"), &err),
                     PAL_ERR_ARGUMENT);
}
END_TEST

/* ---- How samples are drawn ------------------------------------------------------------------------------------ */

START_TEST(views)
{
    static const struct {
        pal_shape sample;
        pal_view view;
    } rows[] = {{PAL_SHAPE(28, 28), {1, 28, 28}},    {PAL_SHAPE(1, 28, 28, 1), {1, 28, 28}},
                {PAL_SHAPE(3, 16, 20), {3, 16, 20}}, {PAL_SHAPE(2, 3, 4, 5), {6, 4, 5}},
                {PAL_SHAPE(2, 4), {1, 2, 4}},        {PAL_SHAPE(1), {1, 1, 1}},
                {PAL_SHAPE(4), {1, 1, 4}},           {PAL_SHAPE(49), {1, 1, 49}},
                {PAL_SHAPE(63), {1, 1, 63}},         {PAL_SHAPE(64), {1, 8, 8}},
                {PAL_SHAPE(784), {1, 28, 28}},       {PAL_SHAPE(785), {1, 1, 785}},
                {PAL_SHAPE(300, 1), {1, 1, 300}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_view v = pal_view_of(rows[i].sample), w = rows[i].view;
        ck_assert_msg(v.planes == w.planes && v.height == w.height && v.width == w.width, "row %zu: %lld,%lld,%lld", i,
                      (long long)v.planes, (long long)v.height, (long long)v.width);
    }
    static const pal_view bad[] = {{1, 4, 3}, {0, 3, 4}, {1, -3, -4}, {INT64_MAX, INT64_MAX, 12}, {1, 0, 12}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pal_view v = bad[i];
        pal_error err = {0};
        ck_assert_int_eq(palt__view_choose(&v, PAL_SHAPE(13), &err), PAL_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.text, "samples of 13 numbers cannot be drawn as"));
    }
    pal_view good = {1, 1, 64};
    ck_assert(!palt__view_choose(&good, PAL_SHAPE(8, 8), NULL) && good.width == 64);
}
END_TEST

/* Features in unlike units have a scale each: the bar of the small feature is as high as that of the large one. */
START_TEST(unlike_features_have_their_own_scales)
{
    static const double rows[][4] = {{1000, 0.1, 500, 0.05}, {3, 0.101, 1, 0.05}, {0, 0, 0, 0}, {-7, 0, 3, 0}};
    static const bool unlike[] = {true, false, false, false};
    for (size_t i = 0; i < 4; i++) {
        pal_error err = {0};
        char alone[1 << 16], text[1 << 16];
        pal_tensor *cells = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, 2));
        for (size_t k = 0; k < 4; k++) pal_tensor_set(cells, k, rows[i][k]);
        const pal_grid_row row = {.cells = cells, .mapping = PAL_MAP_PROFILE};
        pal_grid_section section = {.rows = &row, .count = 1, .feature_scales = unlike[i]};
        const pal_grid grid = {.struct_size = sizeof grid,
                               .caption =
                                   unlike[i] ? "A. Each number is drawn as a share of the largest in its place." : "A.",
                               .sections = &section,
                               .count = 1};
        ck_assert_msg(!pal_grid_write(&grid, path_of("alone.svg"), &err), "%s", err.text);
        ck_assert_msg(!palt__view_write(NULL, (pal_view){1, 1, 2}, NULL, "A.", &section, 1, path_of("text.svg"), &err),
                      "%s", err.text);
        const size_t size = read_file(path_of("alone.svg"), alone, sizeof alone);
        ck_assert(size < sizeof alone && read_file(path_of("text.svg"), text, sizeof text) == size);
        ck_assert_mem_eq(alone, text, size);
        pal_tensor_free(cells);
    }
}
END_TEST

/* The bars of a table have the names of their columns, and those of a category its levels, too. */
START_TEST(bars_have_the_names_of_their_columns)
{
    static const char *const levels[] = {"Oslo", "Rome"};
    static const pal_column columns[] = {
        {.name = "size", .kind = PAL_COLUMN_NUMBER, .scale = 1},
        {.name = "city", .kind = PAL_COLUMN_CATEGORY, .scale = 1, .levels = levels, .n_levels = 2}};
    static const char *const names[] = {"size", "city=Oslo", "city=Rome"};
    pal_error err = {0};
    char alone[1 << 16], text[1 << 16];
    const pal_setting settings[] = {{"hidden", "2"}, {"output", "squared"}};
    pal_schema *schema = pal_schema_new(&(pal_schema){.columns = columns, .n_columns = 2}, &err);
    pal_model *m = pal_model_new_for(c, pal_variant_find("basic"), settings, 2, schema, PAL_SHAPE(3), PAL_F64, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tensor *cells = pal_tensor_new(c, PAL_F64, PAL_SHAPE(2, 3));
    for (size_t k = 0; k < 6; k++) pal_tensor_set(cells, k, 1 + (double)k);
    const pal_grid_row row = {.cells = cells, .mapping = PAL_MAP_PROFILE};
    pal_grid_section section = {.rows = &row, .count = 1, .feature_names = names};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_msg(!pal_grid_write(&grid, path_of("alone.svg"), &err), "%s", err.text);
    section.feature_names = NULL;
    const pal_status status =
        palt__view_write(m, (pal_view){1, 1, 3}, NULL, NULL, &section, 1, path_of("text.svg"), &err);
    ck_assert_msg(!status, "%s", err.text);
    const size_t size = read_file(path_of("alone.svg"), alone, sizeof alone);
    ck_assert(size < sizeof alone && read_file(path_of("text.svg"), text, sizeof text) == size);
    ck_assert_mem_eq(alone, text, size);
    section.feature_names = NULL; /* without the model there are numbers */
    ck_assert(!palt__view_write(NULL, (pal_view){1, 1, 3}, NULL, NULL, &section, 1, path_of("text.svg"), &err));
    ck_assert(read_file(path_of("text.svg"), text, sizeof text) != size || memcmp(alone, text, size) != 0);
    pal_tensor_free(cells);
    pal_model_free(m);
    pal_schema_free(schema);
}
END_TEST

Suite *filters_suite(void)
{
    Suite *suite = suite_create("filters");
    add_case(suite, "fields", set_up, tear_down,
             TESTS(a_unit_sees_where_its_gradient_is, affine_units_see_everything, maxima_are_cut,
                   kernels_have_all_planes, views));
    in_own_folder(
        add_case(suite, "shares", set_up, tear_down,
                 TESTS(shares_are_eigenvalues, shares_add_up_to_the_explained_variance, shares_of_others_are_refused,
                       components_come_in_order, the_plot_adds_the_shares_up, kernels_are_large_enough_to_see,
                       unlike_features_have_their_own_scales, bars_have_the_names_of_their_columns)));
    return suite;
}
