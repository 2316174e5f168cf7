/* test_failing_training.c - each allocation fails in turn while models are trained, by steps and in closed form, and
 * while a sweep runs. Each failure is reported with a message, or the result is there. */
#include "tests/analysis/failing_tools.h"

Suite *failing_training_suite(void);

typedef struct training {
    const char *variant, *optimizer;
    bool in_folder, sizes;
} training;

static bool trains(void *user)
{
    const training *s = user;
    pal_error err = {0};
    static const pal_setting settings[] = {{"layers", "4,2"}};
    const pal_variant *variant = pal_variant_find(s->variant);
    pal_model *m = pal_model_new(c, variant, settings, pal_variant_option_find(variant, "layers") != NULL,
                                 PAL_SHAPE(2, 3), PAL_F32, 5, &err);
    if (!made(m, &err)) return false;
    const bool clips = strcmp(s->optimizer, "kfac") != 0;
    const pal_optimizer_options optimizer = {
        .struct_size = sizeof optimizer, .name = s->optimizer, .clip_norm = clips ? 1 : 0};
    const pal_schedule rate = {.name = "cosine", .learning_rate = 0.01};
    char path[PATH_ROOM];
    static int count;
    snprintf(path, sizeof path, "%s/run%d", folder, count++);
    const pal_run_info info = {.command = "train",
                               .model = s->variant,
                               .version = "1",
                               .data = "d",
                               .epochs = 1,
                               .isa = pal_context_isa(c),
                               .blas = pal_context_blas(c),
                               .subnormals = "flushed"};
    pal_rundir *dir = NULL;
    bool good = !s->in_folder || made(dir = pal_rundir_new(path, &info, &err), &err);
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = labelled,
                                 .epochs = 1,
                                 .batch = 8,
                                 .lanes = 1,
                                 .optimizer = &optimizer,
                                 .schedule = &rate,
                                 .folder = dir,
                                 .gradient_sizes = s->sizes};
    pal_train_result result;
    good = good && went_well(pal_train(m, labelled, &o, &result, &err), &err);
    const pal_evaluate_options e = {.struct_size = sizeof e, .lanes = 1, .code = true, .train = labelled};
    pal_figures found;
    good = good && went_well(pal_evaluate(m, labelled, &e, &found, &err), &err);
    pal_rundir_free(dir);
    if (good && s->in_folder) {
        pal_model *again = NULL;
        good = made(dir = pal_rundir_open(path, &err), &err) && made(again = pal_rundir_model(dir, c, &err), &err);
        pal_model_free(again);
        pal_rundir_free(dir);
    }
    pal_model_free(m);
    return good;
}

START_TEST(training_reports_missing_memory)
{
    static training all[] = {{"basic", "adam", false, false},
                             {"variational", "rmsprop", false, false},
                             {"stacked", "momentum", false, false},
                             {"linear", "gd", true, false},
                             {"semi-supervised", "adamw", false, false},
                             {"basic", "schedule-free", true, false},
                             {"stacked", "adam", true, true},
                             {"denoising", "kfac", true, false}};
    sweep(trains, &all[_i]);
}
END_TEST

/* Figures of the code and of the Jacobian. Without memory for one way of computing them, no other way is taken: it
 * would give other bits. */
typedef struct measuring {
    pal_model *model;
    pal_code_figures right;
} measuring;

static pal_status measured(pal_model *m, pal_code_figures *code, pal_error *err)
{
    const pal_evaluate_options o = {.struct_size = sizeof o, .lanes = 1, .code = true};
    pal_figures found;
    const pal_status status = pal_evaluate(m, data, &o, &found, err);
    *code = found.code;
    return status;
}

static bool measures(void *user)
{
    const measuring *s = user;
    pal_error err = {0};
    pal_code_figures found;
    const bool good = went_well(measured(s->model, &found, &err), &err);
    if (good)
        failing_require(found.mean == s->right.mean && found.jacobian_samples == s->right.jacobian_samples &&
                        found.jacobian_norm == s->right.jacobian_norm &&
                        found.jacobian_norm2 == s->right.jacobian_norm2);
    return good;
}

START_TEST(figures_are_right_or_missing)
{
    pal_model *const models[] = {plain, noisy, line, random_code, image};
    measuring s = {.model = models[_i]};
    pal_error err = {0};
    ck_assert_msg(!measured(s.model, &s.right, &err), "%s", err.text);
    ck_assert(s.right.jacobian_norm2 > 0);
    sweep(measures, &s);
}
END_TEST

/* By the covariance, and by the samples themselves if they are fewer than the features. */
static bool solves(void *user)
{
    pal_error err = {0};
    static const pal_setting settings[] = {{"hidden", "2"}, {"solve", "svd"}};
    pal_model *m = pal_model_new(c, pal_variant_find("linear"), settings, 2, PAL_SHAPE(2, 3), PAL_F32, 5, &err);
    if (!made(m, &err)) return false;
    const pal_train_options o = {.struct_size = sizeof o, .test = user, .epochs = 1, .lanes = 1};
    pal_train_result result;
    const bool good = went_well(pal_train(m, user, &o, &result, &err), &err);
    if (good) failing_require(result.squared_error > 0 && result.squared_error < 3);
    pal_model_free(m);
    return good;
}

START_TEST(a_closed_form_reports_missing_memory)
{
    pal_error err = {0};
    static const uint32_t rows[] = {0, 1, 2, 3};
    pal_dataset *few = pal_dataset_select(data, rows, 4, &err);
    ck_assert_msg(few != NULL, "%s", err.text);
    sweep(solves, data);
    sweep(solves, few);
    pal_dataset_free(few);
}
END_TEST

static pal_status count_figure(const pal_sweep_run *run, void *user, pal_error *err)
{
    (void)user, (void)err;
    run->figures[0] = (double)run->number;
    return PAL_OK;
}

static bool sweeps(void *user)
{
    static const char *const values[] = {"1", "2"}, *const figures[] = {"loss"};
    const pal_sweep_axis axis = {"hidden", values, 2};
    const pal_sweep_options o = {.struct_size = sizeof o,
                                 .axes = &axis,
                                 .n_axes = 1,
                                 .seeds = 2,
                                 .figures = figures,
                                 .n_figures = 1,
                                 .run = count_figure};
    pal_error err = {0};
    pal_sweep *s = pal_sweep_new(&o, &err);
    bool good = made(s, &err);
    if (good) failing_require(pal_sweep_done(s) == 4 && pal_sweep_found(s, 1, 1, 0) == 4);
    good = good && went_well(pal_sweep_write(s, user, &err), &err);
    pal_sweep_free(s);
    return good;
}

START_TEST(a_sweep_reports_missing_memory) { sweep(sweeps, (void *)(uintptr_t)path_of("sweep.csv")); }
END_TEST

Suite *failing_training_suite(void)
{
    Suite *s = suite_create("failing_training");
    TCase *cases = in_own_folder(tcase_create("failing training"));
    tcase_add_checked_fixture(cases, set_up_tools, tear_down_tools);
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, training_reports_missing_memory, 0, 8);
    tcase_add_loop_test(cases, figures_are_right_or_missing, 0, 5);
    tcase_add_test(cases, a_closed_form_reports_missing_memory);
    tcase_add_test(cases, a_sweep_reports_missing_memory);
    suite_add_tcase(s, cases);
    return s;
}
