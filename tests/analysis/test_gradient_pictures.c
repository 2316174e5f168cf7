/* test_gradient_pictures.c - tests the curves of the sizes of gradients: which layers, in which order, and what is
 * refused. */
#include <math.h>

#include "analysis/analysis.h"
#include "tests/files.h"
#include "tests/testing.h"

Suite *gradient_pictures_suite(void);

static const pal_run_info info = {.version = "1", .command = "c", .model = "basic", .data = "d", .epochs = 4};

/* A run whose epochs have these gradients; an entry without a name ends an epoch, two end the run. */
static pal_rundir *run_of(const char *name, const pal_gradient_size *sizes)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_new(path_of(name), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    for (int64_t epoch = 1; sizes->parameter; epoch++) {
        size_t n = 0;
        while (sizes[n].parameter) n++;
        const pal_epoch e = {.epoch = epoch, .step = epoch, .error = NAN, .gradients = sizes, .n_gradients = n};
        ck_assert_msg(!pal_rundir_add(dir, &e, &err), "%s", err.text);
        sizes += n + 1;
    }
    return dir;
}

/* Two phases of one layer each, then one of both, which gives the order. Biases are left out. */
static const pal_gradient_size phases[] = {
    {"encoder/2/W", 3}, {NULL, 0},          {"decoder/1/W", 0}, {NULL, 0}, {"encoder/1/W", 1},
    {"encoder/1/b", 9}, {"encoder/2/W", 4}, {"decoder/1/W", 2}, {NULL, 0}, {NULL, 0}};

START_TEST(layers_are_in_order)
{
    pal_error err = {0};
    pal_rundir *dir = run_of("run", phases);
    pal_gradients *g = pal_gradients_of(dir, &err);
    ck_assert_msg(g != NULL, "%s", err.text);
    static const char *const names[] = {"encoder/1", "encoder/2", "decoder/1"};
    static const double sizes[][3] = {{NAN, NAN, 1}, {3, NAN, 4}, {NAN, 0, 2}};
    ck_assert_uint_eq(pal_gradients_layers(g), 3);
    ck_assert_uint_eq(pal_gradients_epochs(g), 3);
    for (size_t k = 0; k < 3; k++) {
        ck_assert_str_eq(pal_gradients_name(g, k), names[k]);
        for (size_t e = 0; e < 3; e++)
            ck_assert(isnan(sizes[k][e]) ? isnan(pal_gradients_sizes(g, k)[e])
                                         : pal_gradients_sizes(g, k)[e] == sizes[k][e]);
    }
    ck_assert(!pal_gradients_name(g, 3) && !pal_gradients_sizes(g, 3));
    /* 0 has no logarithm: it is left out, of the picture and of its numbers. */
    const pal_gradients *const both[] = {g, g};
    static const char *const runs[] = {"a", "b"};
    ck_assert_msg(!pal_gradients_write(both, runs, 2, "t", true, path_of("g.svg"), &err), "%s", err.text);
    char text[2048];
    read_file(path_of("g.csv"), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "panel,epoch,encoder/1,encoder/2,decoder/1\na,1,,3,\na,2,,,\na,3,1,4,2\nb,1,"));
    ck_assert_msg(!pal_gradients_write(both, runs, 1, "t", false, path_of("g.png"), &err), "%s", err.text);
    pal_gradients_free(g);
    pal_gradients_free(NULL);
    pal_rundir_free(dir);
}
END_TEST

START_TEST(what_cannot_be_drawn_is_refused)
{
    static const pal_gradient_size none[] = {{NULL, 0}, {NULL, 0}}, biases[] = {{"encoder/b", 1}, {NULL, 0}, {NULL, 0}},
                                   other[] = {{"encoder/W", 1}, {NULL, 0}, {NULL, 0}},
                                   zero[] = {{"encoder/W", 0}, {NULL, 0}, {NULL, 0}};
    const pal_gradient_size *const bad[] = {none, biases};
    for (size_t i = 0; i < 2; i++) {
        pal_error err = {0};
        pal_rundir *dir = run_of(i ? "biases" : "none", bad[i]);
        ck_assert_ptr_null(pal_gradients_of(dir, &err));
        ck_assert(err.status == PAL_ERR_ARGUMENT && strstr(err.text, "train it with --gradient-sizes"));
        pal_rundir_free(dir);
    }
    pal_error err = {0};
    pal_rundir *dirs[] = {run_of("run", phases), run_of("other", other), run_of("zero", zero)};
    pal_gradients *g[3];
    static const char *const names[] = {"run", "other", "zero"};
    for (size_t i = 0; i < 3; i++) ck_assert_ptr_nonnull(g[i] = pal_gradients_of(dirs[i], &err));
    const pal_gradients *const list[] = {g[0], g[1], g[2]};
    ck_assert_int_eq(pal_gradients_write(list, names, 2, "t", false, path_of("g.svg"), &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "other has other layers than run") != NULL, "%s", err.text);
    ck_assert_int_eq(pal_gradients_write(list, names, 0, "t", false, path_of("g.svg"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradients_write(NULL, names, 1, "t", false, path_of("g.svg"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradients_write(list, names, 17, "t", false, path_of("g.svg"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_gradients_write(list + 2, names + 2, 1, "t", false, path_of("g.svg"), &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "no finite point") != NULL, "%s", err.text);
    for (size_t i = 0; i < 3; i++) {
        pal_gradients_free(g[i]);
        pal_rundir_free(dirs[i]);
    }
}
END_TEST

Suite *gradient_pictures_suite(void)
{
    Suite *suite = suite_create("gradient_pictures");
    TCase *tests = in_own_folder(tcase_create("gradient pictures"));
    tcase_add_test(tests, layers_are_in_order);
    tcase_add_test(tests, what_cannot_be_drawn_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
