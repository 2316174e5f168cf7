/* test_loss_curvature.c - tests the extremal eigenvalues of the curvature of the loss, against all eigenvalues of the
 * explicit matrices. */
#include <math.h>

#include "analysis/analysis.h"
#include "tests/data/bright_rows.h"
#include "tests/failing.h"

Suite *loss_curvature_suite(void);

enum { MOST = 128, ROUNDS = 60 };

/* The eigenvalues of the symmetric matrix a [n, n], ascending, by Jacobi's rotations. */
static void eigenvalues(size_t n, double (*a)[MOST], double *out)
{
    for (int round = 0; round < ROUNDS; round++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                if (a[p][q] == 0) continue;
                const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]),
                             t = copysign(1, theta) / (fabs(theta) + hypot(theta, 1)), c = 1 / hypot(t, 1), s = t * c;
                for (size_t k = 0; k < n; k++) {
                    const double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for (size_t k = 0; k < n; k++) {
                    const double x = a[p][k], y = a[q][k];
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                }
            }
    for (size_t i = 0; i < n; i++) out[i] = a[i][i];
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k && out[k - 1] > out[k]; k--) {
            const double v = out[k];
            out[k] = out[k - 1];
            out[k - 1] = v;
        }
}

static pal_model *model_of(const char *variant, const pal_setting *settings, size_t n, pal_dtype dtype)
{
    pal_error err = {0};
    pal_model *m =
        pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(SIDE, SIDE), dtype, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* All eigenvalues, from a product with each unit vector. Returns their number. */
static size_t all_of(pal_model *m, const pal_dataset *data, bool gauss_newton, double *out)
{
    static double matrix[MOST][MOST];
    pal_error err = {0};
    const pal_data_objective_options o = {.struct_size = sizeof o, .seed = 1, .lanes = 1, .frozen = true};
    pal_data_objective *objective = pal_data_objective_new(m, data, &o, &err);
    ck_assert_msg(objective != NULL, "%s", err.text);
    const pal_objective *f = pal_data_objective_get(objective);
    pal_shape shapes[16];
    for (size_t i = 0; i < f->x->n; i++) shapes[i] = f->x->part[i]->shape;
    pal_slab *v = pal_slab_new(context, PAL_F64, shapes, f->x->n), *w = pal_slab_new(context, PAL_F64, shapes, f->x->n);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < pal_tensor_count(v->part[i]); k++, n++) {
            size_t row = 0;
            ck_assert_uint_lt(n, MOST);
            pal_tensor_set(v->part[i], k, 1);
            ck_assert_int_eq((gauss_newton ? f->gauss_newton : f->hessian)(v, w, f->user), PAL_OK);
            pal_tensor_set(v->part[i], k, 0);
            for (size_t j = 0; j < w->n; j++)
                for (size_t e = 0; e < pal_tensor_count(w->part[j]); e++)
                    matrix[row++][n] = pal_tensor_get(w->part[j], e);
        }
    eigenvalues(n, matrix, out);
    pal_slab_free(v);
    pal_slab_free(w);
    pal_data_objective_free(objective);
    return n;
}

/* The outermost eigenvalues are those of the explicit matrix, for losses with and without noise and at any scale. With
 * fewer steps, an eigenvalue is within the error of each that is found. */
START_TEST(eigenvalues_are_those_of_the_matrix)
{
    static const struct {
        const char *variant;
        pal_setting settings[4];
        size_t n;
    } rows[] = {{"basic", {{"hidden", "3"}}, 1},
                {"deep", {{"layers", "3,2"}, {"activation", "tanh"}, {"output", "squared"}, {"tied", "yes"}}, 4},
                {"denoising", {{"hidden", "3"}, {"masking", "0.3"}}, 2},
                {"linear", {{"hidden", "2"}, {"tied", "yes"}}, 2}};
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        pal_model *m = model_of(rows[r].variant, rows[r].settings, rows[r].n, PAL_F64);
        for (size_t steps = 12; steps <= 1000; steps += 988) {
            pal_error err = {0};
            const pal_curvature_options o = {
                .struct_size = sizeof o, .eigenvalues = 5, .steps = steps, .seed = 1, .lanes = 1};
            pal_curvature *c = pal_curvature_new(m, data, &o, &err);
            ck_assert_msg(c != NULL, "%s", err.text);
            ck_assert_int_eq(c->parameters, pal_model_weights(m));
            ck_assert_int_eq(c->samples, data->count);
            ck_assert_uint_eq(c->steps, steps < 1000 ? 12 : (size_t)c->parameters);
            ck_assert(isfinite(c->loss) && c->gradient > 0);
            for (int which = 0; which < 2; which++) {
                double all[MOST];
                const size_t n = all_of(m, data, which, all);
                const double scale = fmax(fabs(all[0]), fabs(all[n - 1]));
                ck_assert_int_eq(c->parameters, (int64_t)n);
                for (size_t i = 0; i < 5; i++) {
                    const pal_eigenvalue ends[] = {c->largest[which][i], c->smallest[which][i]};
                    for (int end = 0; end < 2; end++) {
                        double nearest = INFINITY;
                        for (size_t k = 0; k < n; k++) nearest = fmin(nearest, fabs(all[k] - ends[end].value));
                        if (isnan(ends[end].value)) continue; /* the Krylov space is smaller */
                        ck_assert_msg(nearest <= ends[end].error + 1e-10 * scale, "%s: %g is %g away, not %g",
                                      rows[r].variant, ends[end].value, nearest, ends[end].error);
                    }
                }
                if (steps < 1000) continue;
                ck_assert_double_eq_tol(c->largest[which][0].value, all[n - 1], 1e-9 * scale);
                ck_assert_double_eq_tol(c->smallest[which][0].value, all[0], 1e-9 * scale);
                if (which) ck_assert_double_ge(c->smallest[which][0].value, -1e-9 * scale); /* J'HJ */
            }
            pal_curvature_free(c);
        }
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

static int64_t calls, stop_at;
static int counts(int64_t done, int64_t all, void *user)
{
    ck_assert_ptr_eq(user, &calls);
    ck_assert(done <= all && all == 24);
    calls++;
    return stop_at && done >= stop_at;
}

/* Progress counts the products; it can stop them. The seed chooses the noise and the first vector alone. */
START_TEST(it_counts_and_stops)
{
    pal_error err = {0};
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "3"}}, 1, PAL_F32);
    pal_curvature_options o = {
        .struct_size = sizeof o, .eigenvalues = 2, .steps = 12, .lanes = 1, .progress = counts, .user = &calls};
    calls = stop_at = 0;
    pal_curvature *c = pal_curvature_new(m, data, &o, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_int_eq(calls, 24);
    o.seed = 9;
    pal_curvature *d = pal_curvature_new(m, data, &o, &err);
    ck_assert_double_eq_tol(c->largest[0][0].value, d->largest[0][0].value, 1e-4 * c->largest[0][0].value);
    ck_assert_double_ne(c->largest[0][1].value, d->largest[0][1].value);
    pal_curvature_free(d);
    for (stop_at = 3; stop_at < 24; stop_at += 15) {
        err = (pal_error){0};
        ck_assert_ptr_null(pal_curvature_new(m, data, &o, &err));
        ck_assert_int_eq(err.status, PAL_ERR_STOPPED);
    }
    pal_curvature_free(c);
    pal_curvature_free(NULL);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* More eigenvalues than there are weights: as many as there are. */
START_TEST(edges)
{
    pal_error err = {0};
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    ck_assert_int_eq(pal_dataset_limit(data, 1), PAL_OK);
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "1"}}, 1, PAL_F32);
    pal_curvature_options o = {.struct_size = sizeof o, .eigenvalues = 500, .lanes = 1};
    pal_curvature *c = pal_curvature_new(m, data, &o, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_uint_eq(c->eigenvalues, (size_t)pal_model_weights(m));
    ck_assert_uint_eq(c->steps, (size_t)pal_model_weights(m));
    const pal_curvature *const list[] = {c, c};
    static const char *const names[] = {"a", "b"};
    ck_assert_msg(!pal_curvature_write(list, names, 2, "t", true, path_of("c.svg"), &err), "%s", err.text);
    ck_assert_int_eq(pal_curvature_write(list, names, 0, "t", true, path_of("c.svg"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_curvature_write(list, names, 17, "t", true, path_of("c.svg"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_curvature_write(NULL, names, 1, "t", true, path_of("c.svg"), NULL), PAL_ERR_ARGUMENT);
    for (int which = 0; which < 2; which++) /* one sample: few eigenvalues are not 0, and the largest come first */
        for (size_t i = 1; i < c->eigenvalues; i++) {
            ck_assert(!(c->largest[which][i].value > c->largest[which][i - 1].value));
            ck_assert(!(c->smallest[which][i].value < c->smallest[which][i - 1].value));
        }
    ck_assert_double_gt(c->largest[1][0].value, 0);
    char text[64];
    read_file(path_of("c.csv"), text, sizeof text);
    ck_assert_msg(!strncmp(text, "panel,rank,Hessian,Gauss-Newton,\"Hessian, negative\"\na,1,", 56), "%s", text);
    pal_curvature_free(c);
    o.steps = 3;
    ck_assert_ptr_null(pal_curvature_new(m, data, &o, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "3 steps find no 500 eigenvalues"));
    c = pal_curvature_new(m, data, NULL, &err); /* the defaults */
    ck_assert(c && c->eigenvalues == 8);
    pal_curvature_free(c);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

static pal_model *small;
static double right; /* the largest eigenvalue; 0: not known yet */
static bool measures(void *user)
{
    pal_error err = {0};
    const pal_curvature_options o = {.struct_size = sizeof o, .eigenvalues = 1, .steps = 3, .lanes = 1};
    pal_curvature *c = pal_curvature_new(small, user, &o, &err);
    failing_require(c || *err.text);
    if (c && right == 0) right = c->largest[1][0].value;
    if (c) failing_require(c->largest[1][0].value == right);
    pal_curvature_free(c);
    return c != NULL;
}

START_TEST(missing_memory_is_reported)
{
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    small = model_of("basic", (pal_setting[]){{"hidden", "1"}}, 1, PAL_F32);
    ck_assert(measures(data));
    ck_assert(failing_each(measures, data, true) > 100 || !failing_can);
    pal_model_free(small);
    pal_dataset_free(data);
}
END_TEST

Suite *loss_curvature_suite(void)
{
    Suite *suite = suite_create("loss_curvature");
    TCase *tests = in_own_folder(tcase_create("curvature"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, eigenvalues_are_those_of_the_matrix);
    tcase_add_test(tests, it_counts_and_stops);
    tcase_add_test(tests, edges);
    tcase_add_test(tests, missing_memory_is_reported);
    suite_add_tcase(suite, tests);
    return suite;
}
