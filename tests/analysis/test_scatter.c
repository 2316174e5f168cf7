/* test_scatter.c - tests scatter plots of codes: principal components of codes with a known covariance, codes of two
 * numbers, ellipses of posteriors, and names of classes. */
#include "plot/plot.h"
#include "analysis/analysis.h"
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "tests/data/tail.h"
#include "tests/files.h"
#include "tests/plot/svg.h"
#include "tests/testing.h"

enum { TEST_SAMPLES = 40, ALL = 6 * TEST_SAMPLES };

static pal_context *c;

static void setup(void) { c = context_with(2); }
static void teardown(void) { pal_context_free(c); }

/* +-3 along (3,4,0)/5, +-2 along (-4,3,0)/5 and +-1 along the third axis, in every combination, around 10. */
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
    pal_dataset *set = open_tail(c, path, PAL_SPLIT_TEST, &err);
    ck_assert_msg(set != NULL, "%s", err.text);
    ck_assert_int_eq(set->count, TEST_SAMPLES);
    return set;
}

/* A model whose code is the first `hidden` features. */
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

/* Reads the first two columns of NAME.csv after its heading. */
static size_t read_points(const char *path, double *x, double *y)
{
    char text[8192];
    text[read_file(path, text, sizeof text - 1)] = 0;
    size_t n = 0;
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n'), n++)
        ck_assert_int_eq(sscanf(line + 1, "%lf,%lf,", &x[n], &y[n]), 2);
    return n;
}

static size_t draw(int hidden, int64_t samples, pal_scatter *result, double *x, double *y)
{
    pal_error err = {0};
    pal_dataset *set = data();
    pal_model *m = model(hidden);
    pal_scatter_options o = {.struct_size = sizeof o, .samples = samples, .title = "codes", .csv = true};
    ck_assert_msg(!pal_scatter_write(m, set, &o, path_of("codes.png"), result, &err), "%s", err.text);
    pal_model_free(m);
    pal_dataset_free(set);
    return read_points(path_of("codes.csv"), x, y);
}

/* A code of three units is drawn along its two principal components. */
START_TEST(principal_components)
{
    pal_scatter s;
    double x[TEST_SAMPLES], y[TEST_SAMPLES];
    ck_assert_uint_eq(draw(3, 0, &s, x, y), TEST_SAMPLES);
    ck_assert_int_eq(s.samples, TEST_SAMPLES);
    ck_assert_int_eq(s.code, 3);
    ck_assert_double_eq_tol(s.share[0], 9.0 / 14, 1e-6);
    ck_assert_double_eq_tol(s.share[1], 4.0 / 14, 1e-6);
    for (int i = 0; i < TEST_SAMPLES; i++) { /* the largest coefficient, 4/5, is positive in both */
        int64_t at = ALL - TEST_SAMPLES + i;
        ck_assert_double_eq_tol(x[i], at & 1 ? 3 : -3, 1e-5);
        ck_assert_double_eq_tol(y[i], at & 2 ? -2 : 2, 1e-5);
    }
}
END_TEST

/* A code of two units is drawn unchanged. */
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

/* ---- Posteriors ----------------------------------------------------------------------------------------------- */

/* The radii are the square roots of the covariance's eigenvalues. The angle is that of the first eigenvector; a circle
 * has the angle 0. */
START_TEST(axes_of_a_covariance)
{
    static const struct {
        double radii[2], angle;
    } cases[] = {{{3, 1}, 0.5}, {{3, 1}, -1.2}, {{2, 0}, 1}, {{5, 4}, M_PI / 2}, {{1e-3, 1e-6}, 0.1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double a = cases[i].radii[0], b = cases[i].radii[1], x = cos(cases[i].angle), y = sin(cases[i].angle);
        const pal_ellipse e = {
            .xx = a * a * x * x + b * b * y * y, .xy = (a * a - b * b) * x * y, .yy = a * a * y * y + b * b * x * x};
        double radii[2], angle;
        pal_ellipse_axes(&e, radii, &angle);
        ck_assert_double_eq_tol(radii[0], a, 1e-14 * a);
        ck_assert_double_eq_tol(radii[1] * radii[1], b * b, 1e-14 * a * a);
        ck_assert_double_eq_tol(cos(angle) * x + sin(angle) * y, 1, 1e-14);
    }
    double radii[2], angle = 7;
    pal_ellipse_axes(&(pal_ellipse){.xx = 4, .yy = 4}, radii, &angle);
    ck_assert(radii[0] == 2 && radii[1] == 2 && angle == 0);
}
END_TEST

static void set(pal_model *m, const char *name, size_t i, double value)
{
    pal_tensor *t = pal_model_parameter_find(m, name);
    ck_assert_msg(t != NULL, "%s", name);
    pal_tensor_set(t, i, value);
}

/* A model whose posterior has the first `hidden` features as its mean. Its other parameters are `beyond`, for any x. */
static pal_model *random_model(const char *code, int hidden, const double *beyond, int count)
{
    char units[16];
    snprintf(units, sizeof units, "%d", hidden);
    const pal_setting settings[] = {{"layers", units}, {"code", code}, {"output", "squared"}};
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find("variational"), settings, 3, PAL_SHAPE(3), PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < hidden; k++) set(m, "encoder/W", (size_t)(i * hidden + k), i == k);
        for (int k = 0; k < count; k++) set(m, "encoder/scale/W", (size_t)(i * count + k), 0);
    }
    for (int k = 0; k < count; k++) set(m, "encoder/scale/b", (size_t)k, beyond[k]);
    return m;
}

/* The scale of one axis of the picture: the pixel at 0, and pixels per unit; from the points of codes.csv. */
static void scale_of(const double *values, const double *pixels, double *zero, double *unit)
{
    int low = 0, high = 0;
    for (int i = 0; i < TEST_SAMPLES; i++) {
        if (values[i] < values[low]) low = i;
        if (values[i] > values[high]) high = i;
    }
    *unit = (pixels[high] - pixels[low]) / (values[high] - values[low]);
    *zero = pixels[low] - *unit * values[low];
}

/* The polygon number e in the picture is this ellipse, at so many deviations. */
static void check_polygon(int e, const pal_ellipse *wanted, double deviations)
{
    static palt__point p[SVG_ENDS];
    double values[2][TEST_SAMPLES + 4], pixels[2][TEST_SAMPLES], zero[2], unit[2];
    ck_assert_uint_eq(read_points(path_of("codes.csv"), values[0], values[1]), TEST_SAMPLES + 4);
    for (int i = 0; i < TEST_SAMPLES; i++) {
        const svg_shape *dot = svg_find(false, (pal_colour){174, 167, 208}, 10, i);
        ck_assert(dot != NULL && svg_points(dot->d, true, p) >= 1);
        pixels[0][i] = p[0].x;
        pixels[1][i] = p[0].y;
    }
    for (int k = 0; k < 2; k++) scale_of(values[k], pixels[k], &zero[k], &unit[k]);
    const svg_shape *polygon = svg_find(false, palt__class_colours[0], 1.4, e);
    ck_assert(polygon != NULL && svg_points(polygon->d, true, p) >= PALT__ELLIPSE_CORNERS);
    const double det = wanted->xx * wanted->yy - wanted->xy * wanted->xy;
    for (int i = 0; i < PALT__ELLIPSE_CORNERS; i++) {
        const double dx = (p[i].x - zero[0]) / unit[0] - wanted->x, dy = (p[i].y - zero[1]) / unit[1] - wanted->y;
        const double square = (wanted->yy * dx * dx - 2 * wanted->xy * dx * dy + wanted->xx * dy * dy) / det;
        ck_assert_double_eq_tol(sqrt(square), deviations, 2e-3);
    }
}

/* Draws 4 ellipses. at[i] is the centre of ellipse i; all ellipses must have the same radii and direction. */
static void ellipses(pal_model *m, double deviations, double radii[2], double direction[2], double at[4][2])
{
    static char text[65536];
    pal_error err = {0};
    pal_dataset *set = data();
    pal_scatter s;
    const pal_scatter_options o = {.struct_size = sizeof o, .ellipses = 4, .deviations = deviations, .csv = true};
    ck_assert_msg(!pal_scatter_write(m, set, &o, path_of("codes.svg"), &s, &err), "%s", err.text);
    ck_assert_int_eq(s.ellipses, 4);
    svg_read(path_of("codes.svg"));
    text[read_file(path_of("codes.csv"), text, sizeof text - 1)] = 0;
    const char *line = text;
    for (int i = 0; i < 1 + TEST_SAMPLES; i++) line = strchr(line, '\n') + 1;
    for (int e = 0; e < 4; e++, line = strchr(line, '\n') + 1) {
        pal_ellipse found;
        double angle, r[2];
        ck_assert_int_eq(sscanf(line, "%lf,%lf,%d,%lf,%lf,%lf\n", &found.x, &found.y, &found.of_class, &found.xx,
                                &found.xy, &found.yy),
                         6);
        ck_assert_int_eq(found.of_class, -1);
        at[e][0] = found.x;
        at[e][1] = found.y;
        pal_ellipse_axes(&found, r, &angle); /* at one deviation; the polygon has the size that is drawn */
        check_polygon(e, &found, deviations);
        for (int k = 0; k < 2; k++) {
            r[k] *= deviations;
            if (!e) radii[k] = r[k];
            ck_assert_double_eq_tol(r[k], radii[k], 1e-5);
        }
        direction[0] = cos(angle);
        direction[1] = sin(angle);
    }
    ck_assert_int_eq(*line, 0);
    pal_model_free(m);
    pal_dataset_free(set);
}

/* The principal components span the plane of the first two numbers, with the axes (3,4)/5 and (4,-3)/5. The deviations
 * of these numbers, 2 and 1/2, are the radii. */
START_TEST(a_covariance_is_projected)
{
    const double beyond[] = {log(2), log(0.5), log(9)};
    double radii[2], direction[2], at[4][2];
    ellipses(random_model("normal", 3, beyond, 3), 1, radii, direction, at);
    ck_assert_double_eq_tol(radii[0], 2, 1e-5);
    ck_assert_double_eq_tol(radii[1], 0.5, 1e-5);
    ck_assert_double_eq_tol(fabs(direction[0] * 3 / 5 + direction[1] * 4 / 5), 1, 1e-5);
    for (int e = 0; e < 4; e++) { /* the middle of each quarter of the samples */
        const int i = ALL - TEST_SAMPLES + 10 * e + 5;
        ck_assert_double_eq_tol(at[e][0], i & 1 ? 3 : -3, 1e-5);
        ck_assert_double_eq_tol(at[e][1], i & 2 ? -2 : 2, 1e-5);
    }
}
END_TEST

/* L = [[1,0],[1,1]]: the eigenvalues of L L' are (3 +- sqrt 5) / 2, and the direction has the slope of the golden
 * ratio. */
START_TEST(a_full_covariance_is_drawn_as_it_is)
{
    const double beyond[] = {0, 1, 0}, golden = (1 + sqrt(5)) / 2;
    double radii[2], direction[2], at[4][2];
    ellipses(random_model("normal-full", 2, beyond, 3), 2, radii, direction, at);
    ck_assert_double_eq_tol(radii[0], 2 * golden, 1e-5);
    ck_assert_double_eq_tol(radii[1], 2 / golden, 1e-5);
    ck_assert_double_eq_tol(direction[1] / direction[0], golden, 1e-5);
}
END_TEST

/* Codes without a normal posterior have no ellipses. */
START_TEST(no_ellipses_of_other_codes)
{
    pal_error err = {0};
    pal_dataset *set = data();
    const double none = 0;
    pal_model *models[] = {model(2), random_model("bernoulli", 2, &none, 0)};
    static const char *const says[] = {"basic is not random", "variational is bernoulli"};
    for (int i = 0; i < 2; i++) {
        ck_assert(!pal_scatter_ellipses(models[i]));
        pal_scatter_options o = {.struct_size = sizeof o, .ellipses = 1};
        ck_assert_int_eq(pal_scatter_write(models[i], set, &o, path_of("none.png"), NULL, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, says[i]) != NULL, "%s", err.text);
        pal_model_free(models[i]);
    }
    ck_assert_int_eq(count_files(), 1); /* the data */
    pal_dataset_free(set);
}
END_TEST

START_TEST(refused)
{
    pal_error err = {0};
    pal_dataset *set = data();
    pal_model *m = model(1);
    ck_assert_int_eq(pal_scatter_write(m, set, NULL, path_of("codes.png"), NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot be drawn in a plane"));
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
    in_own_folder(add_case(suite, "posteriors", setup, teardown,
                           TESTS(axes_of_a_covariance, a_covariance_is_projected, a_full_covariance_is_drawn_as_it_is,
                                 no_ellipses_of_other_codes)));
    add_case(suite, "names", setup, teardown, TESTS(names_of_classes));
    return suite;
}
