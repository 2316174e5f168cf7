/* test_sweep.c - tests sweeps: which runs are made, means and standard errors by hand, what remains after a stop, and
 * the table. */
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "tests/files.h"
#include "tests/testing.h"

/* The first figure of the run with value v and seed s. The second figure is not set. */
static double found(double v, double s) { return v * v + s * s; }

typedef struct calls {
    size_t n, stop_after;
    char asked[16][32];
} calls;

static pal_status run(const pal_sweep_run *r, void *user, pal_error *err)
{
    calls *c = user;
    if (c->stop_after && c->n == c->stop_after) return pal_error_set(err, PAL_ERR_STOPPED, "stopped");
    snprintf(c->asked[c->n++], sizeof *c->asked, "%s %s %d", r->settings[0].value,
             r->n_settings > 1 ? r->settings[1].value : "", (int)r->seed);
    ck_assert_uint_eq(r->number, c->n);
    r->figures[0] = found(strtod(r->settings[0].value, NULL), (double)r->seed);
    return PAL_OK;
}

static const char *const lambdas[] = {"0", "1", "3"}, *const sizes[] = {"8", "9,\"2\""};
static const pal_sweep_axis axes[] = {{"lambda", lambdas, 3}, {"layers", sizes, 2}};
static const char *const names[] = {"loss", "nothing"};

static pal_sweep *sweep(size_t n_axes, int64_t seeds, calls *c, pal_error *err)
{
    pal_sweep_options o = {.struct_size = sizeof o,
                           .axes = axes,
                           .n_axes = n_axes,
                           .seed = 4,
                           .seeds = seeds,
                           .figures = names,
                           .n_figures = 2,
                           .run = run,
                           .user = c};
    pal_sweep *s = pal_sweep_new(&o, err);
    ck_assert_ptr_nonnull(s);
    return s;
}

/* The seeds 4, 5, 6 have the squares 16, 25, 36, with the mean 77/3 and the variance 100.33. */
START_TEST(means_and_errors)
{
    calls c = {0};
    pal_error err = {0};
    pal_sweep *s = sweep(1, 3, &c, &err);
    double error = sqrt((pow(16 - 77.0 / 3, 2) + pow(25 - 77.0 / 3, 2) + pow(36 - 77.0 / 3, 2)) / 2 / 3);
    ck_assert_int_eq(err.status, PAL_OK);
    ck_assert_uint_eq(pal_sweep_rows(s), 3);
    ck_assert_uint_eq(pal_sweep_done(s), 9);
    for (size_t row = 0; row < 3; row++) {
        double v = strtod(lambdas[row], NULL);
        pal_sweep_summary m = pal_sweep_of(s, row, 0);
        ck_assert_int_eq(m.seeds, 3);
        ck_assert_double_eq_tol(m.mean, v * v + 77.0 / 3, 1e-12);
        ck_assert_double_eq_tol(m.error, error, 1e-12);
        ck_assert_double_eq_tol(m.difference, v * v, 1e-12);
        ck_assert_double_eq_tol(m.difference_error, 0, 1e-12); /* paired by seed: the seed's share cancels */
        ck_assert_int_eq(pal_sweep_of(s, row, 1).seeds, 0);
        ck_assert(isnan(pal_sweep_of(s, row, 1).mean));
    }
    ck_assert_double_eq(pal_sweep_found(s, 2, 1, 0), found(3, 5));
    pal_sweep_free(s);
}
END_TEST

/* All combinations of settings run with one seed before the next seed begins. */
START_TEST(every_combination_of_a_seed_before_the_next)
{
    static const char *const expected[] = {"0 8 4", "0 9,\"2\" 4", "1 8 4", "1 9,\"2\" 4",
                                           "3 8 4", "3 9,\"2\" 4", "0 8 5"};
    calls c = {0};
    pal_sweep *s = sweep(2, 2, &c, NULL);
    ck_assert_uint_eq(c.n, 12);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) ck_assert_str_eq(c.asked[i], expected[i]);
    ck_assert_str_eq(pal_sweep_setting(s, 3, 1), sizes[1]);
    ck_assert_ptr_null(pal_sweep_setting(s, 6, 0));
    pal_sweep_free(s);
}
END_TEST

/* After a stop, the runs that are finished still have means and differences. */
START_TEST(stopped)
{
    calls c = {.stop_after = 4};
    pal_error err = {0};
    pal_sweep *s = sweep(1, 3, &c, &err);
    ck_assert_int_eq(err.status, PAL_ERR_STOPPED);
    ck_assert_uint_eq(pal_sweep_done(s), 4);
    ck_assert_int_eq(pal_sweep_of(s, 0, 0).seeds, 2);
    ck_assert_int_eq(pal_sweep_of(s, 1, 0).seeds, 1);
    ck_assert_double_eq_tol(pal_sweep_of(s, 1, 0).difference, 1, 1e-12);
    ck_assert(isnan(pal_sweep_of(s, 1, 0).error));
    pal_sweep_free(s);
}
END_TEST

START_TEST(table)
{
    calls c = {0};
    pal_error err = {0};
    pal_sweep *s = sweep(2, 1, &c, &err);
    ck_assert_msg(!pal_sweep_write(s, path_of("sweep.csv"), &err), "%s", err.text);
    char text[1024];
    text[read_file(path_of("sweep.csv"), text, sizeof text - 1)] = 0;
    ck_assert_str_eq(text, "lambda,layers,seeds,loss,loss_error,loss_difference,loss_difference_error\n"
                           "0,8,1,16,,0,\n0,\"9,\"\"2\"\"\",1,16,,0,\n1,8,1,17,,1,\n1,\"9,\"\"2\"\"\",1,17,,1,\n"
                           "3,8,1,25,,9,\n3,\"9,\"\"2\"\"\",1,25,,9,\n");
    pal_sweep_free(s);
}
END_TEST

START_TEST(refused)
{
    calls c = {0};
    pal_error err = {0};
    pal_sweep_options o = {.struct_size = sizeof o,
                           .axes = axes,
                           .n_axes = 1,
                           .seeds = 2000,
                           .figures = names,
                           .n_figures = 1,
                           .run = run,
                           .user = &c};
    ck_assert_ptr_null(pal_sweep_new(&o, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "6000 runs"));
    o.seeds = 0;
    ck_assert_ptr_null(pal_sweep_new(&o, &err));
    ck_assert_uint_eq(c.n, 0);
}
END_TEST

Suite *sweep_suite(void)
{
    Suite *suite = suite_create("sweep");
    TCase *group = tcase_create("sweep");
    const TTest *const *tests =
        TESTS(means_and_errors, every_combination_of_a_seed_before_the_next, stopped, table, refused);
    for (size_t i = 0; tests[i]; i++) tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, in_own_folder(group));
    return suite;
}
