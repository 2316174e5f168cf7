/* test_geometry.c - tests the geometry of the code: singular values and tangents of a linear encoder, whose Jacobian is
 * known and constant; those of a sigmoid encoder against the closed form; neighbours; sensitivity along and across the
 * data; pictures. */
#include <math.h>
#include <string.h>

#include "tests/data/tail.h"
#include "tests/files.h"
#include "tests/plot/svg.h"
#include "tests/testing.h"
#include "analysis/internal.h"

enum { FEATURES = 4, ALL = 60, TEST_SAMPLES = 10, TRAIN_SAMPLES = ALL - TEST_SAMPLES };

static pal_context *c;
static pal_dataset *train, *test;
static double points[ALL][FEATURES]; /* only the first two features vary */

static pal_dataset *open(pal_split split)
{
    pal_error err = {0};
    pal_dataset *set = open_tail(c, path_of("plane.npy"), split, &err);
    ck_assert_msg(set != NULL, "%s", err.text);
    return set;
}

static void setup(void)
{
    c = context_with(2);
    pal_tensor *x = pal_tensor_new(c, PAL_F64, PAL_SHAPE(ALL, FEATURES));
    for (uint64_t i = 0; i < ALL; i++) {
        pal_noise_uniform((pal_noise){.seed = 2}, "plane", i * 2, 2, points[i]);
        points[i][2] = 0.25;
        points[i][3] = 0.5;
        for (size_t f = 0; f < FEATURES; f++) pal_tensor_set(x, i * FEATURES + f, points[i][f]);
    }
    ck_assert(!pal_npy_write(x, path_of("plane.npy"), NULL));
    pal_tensor_free(x);
    train = open(PAL_SPLIT_TRAIN);
    test = open(PAL_SPLIT_TEST);
}

static void teardown(void)
{
    pal_dataset_free(train);
    pal_dataset_free(test);
    pal_context_free(c);
}

/* A model whose encoder has the diagonal matrix of these weights, one feature per unit. */
static pal_model *model(const char *activation, const double *diagonal, int units)
{
    char hidden[16];
    snprintf(hidden, sizeof hidden, "%d", units);
    const pal_setting settings[] = {{"hidden", hidden}, {"activation", activation}};
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find("basic"), settings, 2, PAL_SHAPE(FEATURES), PAL_F64, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
    for (int i = 0; i < FEATURES; i++)
        for (int k = 0; k < units; k++) pal_tensor_set(w, (size_t)(i * units + k), i == k ? diagonal[i] : 0);
    return m;
}

static pal_geometry *geometry(pal_model *m, const pal_geometry_options *o)
{
    pal_error err = {0};
    pal_geometry *g = pal_geometry_new(m, test, train, o, &err);
    ck_assert_msg(g != NULL, "%s", err.text);
    return g;
}

START_TEST(linear_encoder)
{
    pal_model *m = model("linear", (double[]){1, 3, 0.5}, 3);
    pal_geometry *g =
        geometry(m, &(pal_geometry_options){.struct_size = sizeof(pal_geometry_options), .neighbours = 5});
    ck_assert_int_eq(g->samples, TEST_SAMPLES);
    ck_assert_int_eq(g->code, 3);
    ck_assert_int_eq(g->length, 3);
    ck_assert_double_eq_tol(g->norm2, 10.25, 1e-12);
    ck_assert_double_eq_tol(g->norm, sqrt(10.25), 1e-12);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(g->spectrum[i], ((double[]){3, 1, 0.5})[i], 1e-12);
    ck_assert_int_eq(g->images, 6);
    ck_assert_int_eq(g->tangents, 3);
    for (int64_t i = 0; i < g->images; i++)
        for (int64_t t = 0; t < 3; t++)
            for (int64_t f = 0; f < FEATURES; f++)
                ck_assert_double_eq_tol(pal_tensor_get(g->tangent, (size_t)((i * 3 + t) * FEATURES + f)),
                                        f == (t == 0   ? 1
                                              : t == 1 ? 0
                                                       : 2),
                                        1e-6);
    /* Neighbours differ in features 0 and 1 (weights 1, 3). Orthogonal to them are features 2 and 3 (weights 1/2,
     * 0). */
    ck_assert_double_ge(g->along, 1);
    ck_assert_double_le(g->along, 3);
    ck_assert_double_gt(g->across, 0);
    ck_assert_double_le(g->across, 0.5);
    pal_geometry_free(g);
    pal_model_free(m);
}
END_TEST

/* J = diag(s'(a)) W', where W is diagonal. */
START_TEST(sigmoid_encoder)
{
    const double diagonal[] = {2, -1};
    pal_model *m = model("sigmoid", diagonal, 2);
    pal_geometry *g = geometry(m, NULL);
    double large = 0, small = 0;
    for (int i = TRAIN_SAMPLES; i < ALL; i++) {
        double s[2];
        for (int k = 0; k < 2; k++) {
            double h = 1 / (1 + exp(-diagonal[k] * (double)(float)points[i][k]));
            s[k] = fabs(diagonal[k]) * h * (1 - h);
        }
        large += fmax(s[0], s[1]) / TEST_SAMPLES;
        small += fmin(s[0], s[1]) / TEST_SAMPLES;
    }
    ck_assert_double_eq_tol(g->spectrum[0], large, 1e-12);
    ck_assert_double_eq_tol(g->spectrum[1], small, 1e-12);
    ck_assert_double_eq_tol(g->across, 0, 1e-12);
    pal_geometry_free(g);
    pal_model_free(m);
}
END_TEST

/* Without training data there are no neighbours, and the figures that need them are NAN. */
START_TEST(without_training_data)
{
    pal_error err = {0};
    pal_model *m = model("linear", (double[]){1, 1, 1, 1}, 4);
    pal_geometry *g = pal_geometry_new(m, test, NULL, NULL, &err);
    ck_assert_msg(g != NULL, "%s", err.text);
    ck_assert(isnan(g->along) && isnan(g->across));
    ck_assert_double_eq_tol(g->norm2, 4, 1e-12);
    pal_geometry_free(g);
    pal_model_free(m);
}
END_TEST

/* Checks the neighbours against distances computed one by one. */
START_TEST(neighbours)
{
    enum { K = 3 };
    float x[TRAIN_SAMPLES][FEATURES];
    uint32_t found[TRAIN_SAMPLES][K];
    double distance[TRAIN_SAMPLES][K];
    for (int i = 0; i < TRAIN_SAMPLES; i++)
        for (int f = 0; f < FEATURES; f++) x[i][f] = (float)points[i][f];
    ck_assert(!palt__neighbours(c, x[0], TRAIN_SAMPLES, train, K, found[0], distance[0], NULL));
    for (int i = 0; i < TRAIN_SAMPLES; i++)
        for (int k = 0; k < K; k++) {
            int nearer = 0;
            for (int j = 0; j < TRAIN_SAMPLES; j++) {
                double d = hypot((double)(x[i][0] - x[j][0]), (double)(x[i][1] - x[j][1]));
                nearer += j != i && d < distance[i][k] - 1e-7;
                if (j == (int)found[i][k]) ck_assert_double_eq_tol(d, distance[i][k], 1e-6);
            }
            ck_assert_int_eq(nearer, k); /* the point itself is not a neighbour */
        }
}
END_TEST

/* If there are fewer samples than requested, the remaining distances are infinite. */
START_TEST(fewer_neighbours_than_asked_for)
{
    float x[FEATURES] = {0.1f, 0.2f, 0.3f, 0.4f};
    uint32_t found[TRAIN_SAMPLES + 2];
    double distance[TRAIN_SAMPLES + 2];
    ck_assert(!palt__neighbours(c, x, 1, train, TRAIN_SAMPLES + 2, found, distance, NULL));
    ck_assert(isfinite(distance[TRAIN_SAMPLES - 1]));
    ck_assert(isinf(distance[TRAIN_SAMPLES]) && isinf(distance[TRAIN_SAMPLES + 1]));
}
END_TEST

static int stop(int64_t done, int64_t all, void *user)
{
    (void)all, (void)user;
    return done >= 8;
}

START_TEST(stopped)
{
    pal_error err = {0};
    pal_model *m = model("linear", (double[]){1, 1, 1, 1}, 4);
    pal_geometry_options o = {.struct_size = sizeof o, .progress = stop};
    ck_assert_ptr_null(pal_geometry_new(m, test, train, &o, &err));
    ck_assert_int_eq(err.status, PAL_ERR_STOPPED);
    pal_model_free(m);
}
END_TEST

/* The picture mentions singular values that are too small to be drawn. */
START_TEST(what_is_not_drawn_is_said)
{
    const double least[] = {0.5, 1e-9};
    for (int i = 0; i < 2; i++) {
        pal_model *m = model("linear", (double[]){1, 3, least[i]}, 3);
        pal_geometry *g = geometry(m, NULL);
        pal_geometry_picture p = {(const pal_geometry *const *)&g, NULL, 1, test, "an encoder", false, {0}};
        pal_error err = {0};
        ck_assert_msg(!pal_geometry_spectra_write(&p, path_of("spectra.svg"), &err), "%s", err.text);
        svg_read(path_of("spectra.svg"));
        ck_assert_int_eq(svg_says("singular value, mean over samples (above 1e-5 of the first)"), i == 1);
        ck_assert_int_eq(svg_says("singular value, mean over samples"), i == 0);
        ck_assert(svg_says("an encoder") && svg_says("rank") && svg_says("all"));
        pal_geometry_free(g);
        pal_model_free(m);
    }
}
END_TEST

/* An encoder that reacts to nothing has no spectrum on a logarithmic axis, and the message says so. */
START_TEST(a_jacobian_of_zeros)
{
    pal_model *m = model("linear", (double[]){0, 0}, 2);
    pal_geometry *g = geometry(m, NULL);
    pal_geometry_picture p = {(const pal_geometry *const *)&g, NULL, 1, test, NULL, false, {0}};
    pal_error err = {0};
    ck_assert_int_eq(pal_geometry_spectra_write(&p, path_of("spectra.png"), &err), PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(err.text, "Jacobian is 0 at all samples"));
    ck_assert_int_ne(access(path_of("spectra.png"), F_OK), 0);
    pal_geometry_free(g);
    pal_model_free(m);
}
END_TEST

START_TEST(pictures)
{
    pal_model *m[2] = {model("linear", (double[]){1, 3, 0.5}, 3), model("tanh", (double[]){1, 2}, 2)};
    pal_geometry *g[2] = {geometry(m[0], NULL), geometry(m[1], NULL)};
    const char *names[] = {"linear", "tanh"};
    pal_geometry_picture p = {(const pal_geometry *const *)g, names, 2, test, "two encoders", true, {0}};
    pal_error err = {0};
    char text[4096];
    ck_assert_msg(!pal_geometry_spectra_write(&p, path_of("spectra.png"), &err), "%s", err.text);
    text[read_file(path_of("spectra.csv"), text, sizeof text - 1)] = 0;
    double first[2];
    ck_assert_int_eq(sscanf(text, "rank,linear,tanh\n1,%lf,%lf\n2,", &first[0], &first[1]), 2);
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(first[i], g[i]->spectrum[0], 1e-12);
    ck_assert_msg(!pal_geometry_tangents_write(&p, path_of("tangents.png"), &err), "%s", err.text);
    ck_assert_int_eq(access(path_of("tangents.png"), R_OK), 0);
    for (int i = 0; i < 2; i++) {
        pal_geometry_free(g[i]);
        pal_model_free(m[i]);
    }
}
END_TEST

Suite *geometry_suite(void)
{
    Suite *suite = suite_create("geometry");
    in_own_folder(add_case(suite, "geometry", setup, teardown,
                           TESTS(linear_encoder, sigmoid_encoder, without_training_data, neighbours,
                                 fewer_neighbours_than_asked_for, stopped, what_is_not_drawn_is_said,
                                 a_jacobian_of_zeros, pictures)));
    return suite;
}
