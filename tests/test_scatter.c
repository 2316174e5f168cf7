/* Scatter plots of codes: the principal components of codes whose covariance is known, and codes of two numbers. */
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "files.h"
#include "testing.h"

enum { TEST_SAMPLES = 40, ALL = 6 * TEST_SAMPLES };

static pal_context *c;

static void setup(void) { c = context_with(2); }
static void teardown(void) { pal_context_free(c); }

/* +-3 along (3,4,0)/5, +-2 along (-4,3,0)/5, +-1 along the third axis, in turn and in every combination, around 10. */
static double coordinate(int64_t i, int axis)
{
    double a = i & 1 ? 3 : -3, b = i & 2 ? 2 : -2, d = i & 4 ? 1 : -1;
    return 10 + (axis == 0 ? (3 * a - 4 * b) / 5 : axis == 1 ? (4 * a + 3 * b) / 5 : d);
}

static pal_dataset *data(void)
{
    pal_error err = {0};
    pal_tensor *x = pal_tensor_new(c, PAL_F32, PAL_SHAPE(ALL, 3));
    for (int64_t i = 0; i < ALL; i++)
        for (int a = 0; a < 3; a++) pal_tensor_set(x, (size_t)(i * 3 + a), coordinate(i, a));
    const char *path = path_of("points.npy");
    ck_assert(!pal_npy_write(x, path, &err));
    pal_tensor_free(x);
    pal_dataset *set = pal_dataset_open(c, path, PAL_SPLIT_TEST, &err);
    ck_assert_msg(set != NULL, "%s", err.text);
    ck_assert_int_eq(set->count, TEST_SAMPLES);
    return set;
}

/* Its code is the first `hidden` features. */
static pal_model *model(int hidden)
{
    char units[16];
    snprintf(units, sizeof units, "%d", hidden);
    const pal_setting settings[] = {{"hidden", units}, {"activation", "linear"}, {"output", "squared"}};
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find("basic"), settings, 3, PAL_SHAPE(3), PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < hidden; k++) pal_tensor_set(w, (size_t)(i * hidden + k), i == k);
    return m;
}

/* Columns of NAME.dat, after its heading. */
static size_t read_points(const char *path, double *x, double *y)
{
    char text[8192];
    text[read_file(path, text, sizeof text - 1)] = 0;
    size_t n = 0;
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n'), n++)
        ck_assert_int_eq(sscanf(line + 1, "%lf %lf", &x[n], &y[n]), 2);
    return n;
}

static size_t draw(int hidden, int64_t samples, pal_scatter *result, double *x, double *y)
{
    pal_error err = {0};
    pal_dataset *set = data();
    pal_model *m = model(hidden);
    pal_scatter_options o = {.struct_size = sizeof o, .samples = samples, .title = "codes"};
    ck_assert_msg(!pal_scatter_write(m, set, &o, path_of("codes.png"), result, &err), "%s", err.text);
    pal_model_free(m);
    pal_dataset_free(set);
    return read_points(path_of("codes.dat"), x, y);
}

START_TEST(principal_components)
{
    pal_scatter s;
    double x[TEST_SAMPLES], y[TEST_SAMPLES];
    ck_assert_uint_eq(draw(3, 0, &s, x, y), TEST_SAMPLES);
    ck_assert_int_eq(s.samples, TEST_SAMPLES);
    ck_assert_int_eq(s.code, 3);
    ck_assert_double_eq_tol(s.share[0], 9.0 / 14, 1e-6);
    ck_assert_double_eq_tol(s.share[1], 4.0 / 14, 1e-6);
    for (int i = 0; i < TEST_SAMPLES; i++) { /* signs: the largest coefficient, 4/5, is positive in both */
        int64_t at = ALL - TEST_SAMPLES + i;
        ck_assert_double_eq_tol(x[i], at & 1 ? 3 : -3, 1e-5);
        ck_assert_double_eq_tol(y[i], at & 2 ? -2 : 2, 1e-5);
    }
}
END_TEST

START_TEST(two_units_as_they_are)
{
    pal_scatter s;
    double x[TEST_SAMPLES], y[TEST_SAMPLES];
    ck_assert_uint_eq(draw(2, 7, &s, x, y), 7);
    for (int i = 0; i < 7; i++) {
        int64_t at = ALL - TEST_SAMPLES + i;
        ck_assert_double_eq_tol(x[i], coordinate(at, 0), 1e-5);
        ck_assert_double_eq_tol(y[i], coordinate(at, 1), 1e-5);
    }
}
END_TEST

START_TEST(refused)
{
    pal_error err = {0};
    pal_dataset *set = data();
    pal_model *m = model(1);
    ck_assert_int_eq(pal_scatter_write(m, set, NULL, path_of("codes.png"), NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "no plane"));
    pal_model_free(m);
    pal_dataset_free(set);
}
END_TEST

START_TEST(names_of_classes)
{
    pal_dataset set = {.classes = 10, .name = "fashion-mnist"};
    ck_assert_str_eq(pal_dataset_class_name(&set, 9), "Ankle boot");
    ck_assert_ptr_null(pal_dataset_class_name(&set, 10));
    ck_assert_ptr_null(pal_dataset_class_name(&set, -1));
    strcpy(set.name, "FashionMNIST");
    ck_assert_str_eq(pal_dataset_class_name(&set, 1), "Trouser");
    strcpy(set.name, "mnist");
    ck_assert_ptr_null(pal_dataset_class_name(&set, 1));
}
END_TEST

Suite *scatter_suite(void)
{
    Suite *suite = suite_create("scatter");
    in_own_folder(
        add_case(suite, "codes", setup, teardown, TESTS(principal_components, two_units_as_they_are, refused)));
    add_case(suite, "names", setup, teardown, TESTS(names_of_classes));
    return suite;
}
