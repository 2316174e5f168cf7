/* test_minimised.c - training by minimisers: the loss falls for every variant and method, phases that end by
 * themselves, runs that are interrupted, killed and extended have the same bits, and what is refused. */
#include <math.h>
#include <time.h>

#include "tests/failing.h"
#include "tests/train/runs.h"

Suite *minimised_suite(void);

enum { EPOCHS = 5, CHUNK = 20, STEPS = SAMPLES * 5 / 6 / CHUNK };

typedef struct plan { /* what happens during training */
    const char *folder, *copy;
    int64_t epoch, call; /* stop or copy at this epoch: at its end, or at report number `call` in it, from 1 */
    int64_t calls, ends;
    char phases[160];
    double losses[64], first[8]; /* after each epoch */
    size_t n;
    pal_minimise_end end[64];
} plan;

static int watch(const pal_progress *p, void *user)
{
    plan *w = user;
    if (*p->phase && !strstr(w->phases, p->phase)) strcat(strcat(w->phases, " "), p->phase);
    if (p->finished && w->n < 64) w->end[w->n] = p->end, w->losses[w->n++] = p->train_loss;
    w->calls = p->epoch == w->epoch && !p->finished ? w->calls + 1 : 0;
    const bool there = p->epoch == w->epoch && (w->call ? w->calls == w->call : p->finished);
    if (there && w->copy) copy_run(w->folder, w->copy);
    if (there) return !w->copy;
    /* Reports come at most every 0.1 s: wait, so that every chunk is reported. */
    if (w->call && (p->epoch == w->epoch || (p->finished && p->epoch == w->epoch - 1)))
        nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    return 0;
}

typedef struct kind {
    const char *variant, *optimizer;
    int64_t fixed; /* batch */
} kind;
static const kind kinds[] = {{"basic", "lbfgs", 0},          {"phased", "newton-cg", 0},
                             {"denoising", "cg-pr", 0},      {"phased", "lbfgs", 0},
                             {"sparse", "cg-dy", 0},         {"variational", "hessian-free", 0},
                             {"stacked", "hessian-free", 0}, {"basic", "cg-hs", 25},
                             {"stacked", "lbfgs", 31},       {"variational", "hessian-free", 40}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static pal_model *model_of(const char *variant, uint64_t seed)
{
    pal_setting settings[4];
    size_t n = 0;
    pal_error err = {0};
    const pal_variant *v = pal_variant_find(variant);
    if (pal_variant_option_find(v, "layers"))
        settings[n++] = (pal_setting){"layers", strcmp(variant, "stacked") != 0 ? "5" : "5,3"};
    if (pal_variant_option_find(v, "k")) settings[n++] = (pal_setting){"k", "2"};
    if (!strcmp(variant, "convolutional")) settings[n++] = (pal_setting){"channels", "2"};
    pal_model *m = pal_model_new(context, v, settings, n, PAL_SHAPE(FEATURES), PAL_F32, seed, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static pal_train_options options_of(const pal_optimizer_options *optimizer, plan *w)
{
    return (pal_train_options){.struct_size = sizeof(pal_train_options),
                               .epochs = EPOCHS,
                               .batch = CHUNK,
                               .seed = 3,
                               .lanes = 2,
                               .optimizer = optimizer,
                               .progress = watch,
                               .user = w,
                               .minimise = {.frozen_noise = true, .curvature_samples = 17, .products = 8}};
}

static pal_status train(kind k, plan *w, bool resume, const char *extend, int64_t epochs, pal_train_result *result,
                        pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = k.optimizer};
    const pal_run_info info = {.version = "1",
                               .command = "c",
                               .model = k.variant,
                               .data = "d",
                               .epochs = epochs,
                               .isa = pal_context_isa(context),
                               .blas = pal_context_blas(context),
                               .subnormals = "flushed"};
    pal_rundir *dir = extend   ? pal_rundir_extend(path_of(w->folder), err)
                      : resume ? pal_rundir_resume(path_of(w->folder), err)
                               : pal_rundir_new(path_of(w->folder), &info, err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    pal_model *model = model_of(k.variant, resume ? 99 : 7); /* the checkpoint must replace the weights */
    pal_train_options o = options_of(&optimizer, w);
    o.test = test;
    o.epochs = epochs;
    o.folder = dir;
    o.minimise.fixed_batch = k.fixed;
    o.minimise.fixed_for = k.fixed ? 2 : 0;
    o.resume = resume;
    o.extend = extend;
    const pal_status status = pal_train(model, data, &o, result, err);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

static int64_t epochs_of(kind k)
{
    return !strcmp(k.variant, "phased") ? 2 + 1 + EPOCHS : !strcmp(k.variant, "stacked") ? 3 * EPOCHS : EPOCHS;
}

static void finish(kind k, const char *name)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = name};
    ck_assert_msg(!train(k, &w, true, NULL, EPOCHS, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, epochs_of(k));
    ck_assert_int_eq(result.steps, epochs_of(k) * STEPS);
    same_runs("whole", name);
}

static void whole(kind k)
{
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = "whole"};
    ck_assert_msg(!train(k, &w, false, NULL, EPOCHS, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.planned, epochs_of(k));
}

START_TEST(a_stopped_run_goes_on_with_the_same_bits)
{
    const kind k = kinds[_i];
    whole(k);
    static const struct {
        int64_t epoch, call;
    } stops[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {2, 2}, {2, 1}, {3, 1}, {4, 3}};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        char name[32];
        pal_error err = {0};
        pal_train_result result;
        snprintf(name, sizeof name, "stopped-%zu", i);
        plan w = {.folder = name, .epoch = stops[i].epoch, .call = stops[i].call};
        ck_assert_int_eq(train(k, &w, false, NULL, EPOCHS, &result, &err), PAL_ERR_STOPPED);
        if (!stops[i].call || strcmp(k.variant, "phased") != 0) /* a phase with steps saves them */
            ck_assert_int_eq(result.steps, (stops[i].epoch - (stops[i].call > 0)) * STEPS);
        finish(k, name);
    }
}
END_TEST

START_TEST(a_killed_run_goes_on_with_the_same_bits)
{
    const kind k = kinds[_i];
    whole(k);
    char name[32], earlier[32] = "";
    for (int64_t epoch = 1; epoch < epochs_of(k); epoch += 2) {
        pal_error err = {0};
        pal_train_result result;
        char full[32];
        snprintf(full, sizeof full, "full-%ld", (long)epoch);
        snprintf(name, sizeof name, "copy-%ld", (long)epoch);
        plan w = {.folder = full, .copy = name, .epoch = epoch};
        ck_assert_msg(!train(k, &w, false, NULL, EPOCHS, &result, &err), "%s", err.text);
        if (*earlier) { /* killed after the line of an epoch was written and before its checkpoint */
            char mixed[64];
            snprintf(mixed, sizeof mixed, "mixed-%ld", (long)epoch);
            copy_run(earlier, mixed);
            copy_file(name, mixed, "metrics.jsonl");
            finish(k, mixed);
        }
        snprintf(earlier, sizeof earlier, "kept-%ld", (long)epoch);
        copy_run(name, earlier);
        finish(k, name);
    }
}
END_TEST

START_TEST(a_longer_run_is_one_that_was_long_from_the_start)
{
    const kind k = kinds[_i];
    if (epochs_of(k) != EPOCHS) return; /* of several phases, the earlier ones keep their epochs */
    whole(k);
    pal_error err = {0};
    pal_train_result result;
    plan w = {.folder = "short"};
    ck_assert_msg(!train(k, &w, false, NULL, 2, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, 2);
    ck_assert_msg(!train(k, &w, true, "longer", EPOCHS, &result, &err), "%s", err.text);
    same_runs("whole", "short");
}
END_TEST

START_TEST(the_number_of_threads_does_not_matter)
{
    const kind k = kinds[_i];
    pal_error err = {0};
    pal_train_result a, b;
    plan w = {.folder = "two"}, v = {.folder = "one"};
    ck_assert_msg(!train(k, &w, false, NULL, 3, &a, &err), "%s", err.text);
    tear_down();
    context = context_with(1);
    ck_assert_msg(!train(k, &v, false, NULL, 3, &b, &err), "%s", err.text);
    same_runs("two", "one");
}
END_TEST

/* ---- The loss falls ------------------------------------------------------------------------------------------- */

static const char *const every[] = {"linear", "basic",    "deep",        "denoising",           "contractive",
                                    "sparse", "k-sparse", "variational", "importance-weighted", "stacked"};

static void check_falls(const char *variant, const char *method, int64_t epochs)
{
    pal_error err = {0};
    pal_train_result result;
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *m = model_of(variant, 7);
    plan w = {0};
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = method};
    pal_train_options o = options_of(&optimizer, &w);
    o.epochs = epochs;
    o.batch = 9;
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s by %s: %s", variant, method, err.text);
    ck_assert_uint_ge(w.n, (size_t)epochs);
    for (size_t i = 0; i < w.n; i++)
        if (i % (size_t)epochs) /* of one phase */
            ck_assert_msg(w.losses[i] < w.losses[i - 1], "%s by %s: %g, then %g", variant, method, w.losses[i - 1],
                          w.losses[i]);
    pal_model_free(m);
    pal_dataset_free(data);
}

START_TEST(the_loss_of_every_variant_falls)
{
    size_t n = 0;
    for (size_t i = 0; pal_variant_at(i); i++) {
        const char *name = pal_variant_at(i)->name;
        bool known = false; /* the others need labels or images: the suite `variants` trains them, too */
        for (size_t k = 0; k < sizeof every / sizeof *every; k++) known |= !strcmp(every[k], name);
        if (known) check_falls(name, "lbfgs", 3), n++;
    }
    ck_assert_uint_eq(n, sizeof every / sizeof *every);
}
END_TEST

START_TEST(the_loss_falls_by_every_method)
{
    for (size_t i = 0; pal_minimise_name(i); i++) {
        check_falls("basic", pal_minimise_name(i), 3);
        check_falls("denoising", pal_minimise_name(i), 3);
        check_falls("stacked", pal_minimise_name(i), 3);
        check_falls("variational", pal_minimise_name(i), 3);
    }
}
END_TEST

/* ---- Ends ----------------------------------------------------------------------------------------------------- */

/* With a large tolerance each phase ends early: the plan is shorter then, also for a run that goes on. */
static pal_status train_coarsely(plan *w, bool resume, pal_train_result *result, pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "lbfgs"};
    const pal_run_info info = {.version = "1", .command = "c", .model = "stacked", .data = "d", .epochs = 40};
    pal_rundir *dir =
        resume ? pal_rundir_extend(path_of(w->folder), err) : pal_rundir_new(path_of(w->folder), &info, err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    pal_model *m = model_of("stacked", 7);
    pal_train_options o = options_of(&optimizer, w);
    o.test = test;
    o.epochs = 40;
    o.minimise.gradient = 0.03;
    o.folder = dir;
    o.resume = resume;
    const pal_status status = pal_train(m, data, &o, result, err);
    pal_model_free(m);
    pal_rundir_free(dir);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

START_TEST(phases_end_by_themselves)
{
    pal_error err = {0};
    pal_train_result result, again;
    plan w = {.folder = "whole"};
    ck_assert_msg(!train_coarsely(&w, false, &result, &err), "%s", err.text);
    ck_assert_str_eq(w.phases, " layer 1 layer 2 unrolled");
    ck_assert_int_lt(result.epochs, 3 * 40);
    ck_assert_int_eq(result.planned, result.epochs);
    int64_t ends = 0, first = 0;
    for (size_t i = 0; i < w.n; i++) {
        if (w.end[i] != PAL_MINIMISE_RUNNING && !ends++) first = (int64_t)i + 1;
    }
    ck_assert_int_eq(ends, 3);
    for (int64_t at = first - 1; at <= first + 1; at++) {
        char name[32];
        snprintf(name, sizeof name, "stopped-%ld", (long)at);
        plan s = {.folder = name, .epoch = at}, rest = {.folder = name};
        ck_assert_int_eq(train_coarsely(&s, false, &again, &err), PAL_ERR_STOPPED);
        ck_assert_msg(!train_coarsely(&rest, true, &again, &err), "%s", err.text);
        ck_assert_int_eq(again.epochs, result.epochs);
        same_runs("whole", name);
    }
    /* More epochs are refused. */
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "lbfgs"};
    pal_rundir *dir = pal_rundir_extend(path_of("whole"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_model *m = model_of("stacked", 7);
    pal_train_options o = options_of(&optimizer, &w);
    o.epochs = 80;
    o.folder = dir;
    o.resume = true;
    o.extend = "longer";
    ck_assert_int_eq(pal_train(m, data, &o, &again, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "it has converged") != NULL, "%s", err.text);
    pal_model_free(m);
    pal_rundir_free(dir);
    pal_dataset_free(data);
}
END_TEST

static pal_dataset *array_of(int64_t samples, int64_t features)
{
    pal_error err = {0};
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(samples, features), 0, 1, "array");
    ck_assert_msg(!pal_npy_write(all, path_of("array.npy"), &err), "%s", err.text);
    pal_tensor_free(all);
    pal_dataset *data = pal_dataset_open(context, path_of("array.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

START_TEST(one_sample_and_one_feature_are_enough)
{
    for (int i = 0; i < 2; i++) {
        pal_error err = {0};
        pal_train_result result;
        pal_dataset *data = array_of(i ? 12 : 2, i ? 1 : 3);
        ck_assert_int_eq(pal_dataset_limit(data, i ? 10 : 1), PAL_OK);
        for (size_t k = 0; pal_minimise_name(k); k++) {
            const pal_setting two[] = {{"hidden", "2"}, {"output", "squared"}};
            pal_model *m = pal_model_new(context, pal_variant_find("basic"), two, 2, data->sample, PAL_F32, 5, &err);
            ck_assert_msg(m != NULL, "%s", err.text);
            plan w = {0};
            const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = pal_minimise_name(k)};
            pal_train_options o = options_of(&optimizer, &w);
            o.batch = 1;
            o.epochs = 60;
            ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s: %s", optimizer.name, err.text);
            ck_assert_msg(result.train_loss < 1e-3 && result.train_loss <= w.losses[0], "%s: %g", optimizer.name,
                          result.train_loss);
            pal_model_free(m);
        }
        pal_dataset_free(data);
    }
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------------------------ */

START_TEST(what_does_not_fit_is_refused)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_optimizer_options plain = {.struct_size = sizeof plain, .name = "lbfgs"},
                                decays = {.struct_size = sizeof decays, .name = "lbfgs", .weight_decay = 0.1},
                                clips = {.struct_size = sizeof clips, .name = "cg-hs", .clip_norm = 1},
                                averages = {.struct_size = sizeof averages, .name = "cg-hs", .average = "equal"},
                                rates = {.struct_size = sizeof rates, .name = "lbfgs", .rates = "encoder=0"},
                                free = {.struct_size = sizeof free, .name = "hessian-free"};
    const struct {
        const char *variant;
        const pal_optimizer_options *optimizer;
        pal_train_minimise minimise;
        int64_t accumulate;
        const char *says;
    } rows[] = {{"basic", &decays, {.gradient = 0}, 1, "lbfgs: it has no weight decay"},
                {"basic", &clips, {.gradient = 0}, 1, "limit of the gradient's norm"},
                {"basic", &averages, {.gradient = 0}, 1, "average"},
                {"basic", &rates, {.gradient = 0}, 1, "rates by layer"},
                {"basic", &plain, {.gradient = 0}, 2, "accumulation"},
                {"denoising", &plain, {.gradient = 0}, 1, "draws noise"},
                {"importance-weighted", &free, {.frozen_noise = true}, 1, "needs a Gauss-Newton matrix"},
                {"basic", &plain, {.memory = -1}, 1, "negative"},
                {"basic", &plain, {.memory = 100000}, 1, "memory 100000 is out of range"},
                {"basic", &free, {.damping = -2}, 1, "damping"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0}, again = {0};
        pal_train_result result;
        pal_model *m = model_of(rows[i].variant, 7);
        pal_train_options o = options_of(rows[i].optimizer, &(plan){0});
        o.minimise = rows[i].minimise;
        o.accumulate = rows[i].accumulate;
        ck_assert_msg(pal_train_check(m, data, &o, &err) != PAL_OK, "row %zu", i);
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "row %zu: %s", i, err.text);
        ck_assert(pal_train(m, data, &o, &result, &again) != PAL_OK);
        ck_assert_str_eq(again.text, err.text);
        pal_model_free(m);
    }
    pal_error err = {0};
    pal_rate_curve curve;
    pal_model *m = model_of("basic", 7);
    const pal_find_rate_options o = {.struct_size = sizeof o, .batch = 10, .optimizer = &plain};
    ck_assert_int_eq(pal_find_rate(m, data, &o, &curve, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "lbfgs has no learning rate: its line search finds each step");
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* "none" is no average, "" are no rates; and a field that an older program does not have is not read, by a phase with
 * an optimiser of its own either. */
START_TEST(what_is_not_there_is_not_refused)
{
    set_up_phased();
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_optimizer_options none = {.struct_size = sizeof none,
                                        .name = "lbfgs",
                                        .momentum_schedule = "constant",
                                        .weight_decay = -1,
                                        .clip_norm = -1,
                                        .rates = "",
                                        .elementwise = "",
                                        .average = "none"},
                                older = {.struct_size = offsetof(pal_optimizer_options, average),
                                         .name = "lbfgs",
                                         .average = "not an average"};
    for (int i = 0; i < 2; i++) {
        pal_error err = {0};
        pal_train_result result;
        pal_model *m = model_of(i ? "phased" : "basic", 7);
        const pal_train_options o = options_of(i ? &older : &none, &(plan){0});
        ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

static pal_dataset *failing_data;
static pal_model *failing_model;
static double right;

static bool train_once(void *user)
{
    const char *method = user;
    pal_error err = {0};
    pal_train_result result;
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = method};
    pal_train_options o = options_of(&optimizer, NULL);
    o.progress = NULL;
    o.epochs = 1;
    pal_model *m =
        pal_model_new(context, pal_model_variant(failing_model), NULL, 0, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    const bool good = m && !pal_train(m, failing_data, &o, &result, &err);
    if (good && right != 0) failing_require(result.train_loss == right);
    if (good) right = result.train_loss;
    if (!good) failing_require(err.status != PAL_OK && *err.text);
    pal_model_free(m);
    return good;
}

START_TEST(allocations_that_fail_are_reported)
{
    char method[] = "hessian-free";
    failing_data = data_of(SAMPLES, "data");
    failing_model = model_of("basic", 7);
    right = 0;
    ck_assert(train_once(method));
    ck_assert(failing_each(train_once, method, true) > 100 || !failing_can);
    pal_model_free(failing_model);
    pal_dataset_free(failing_data);
}
END_TEST

Suite *minimised_suite(void)
{
    Suite *suite = suite_create("minimised");
    TCase *runs = in_own_folder(tcase_create("runs")), *tests = in_own_folder(tcase_create("minimised"));
    tcase_set_timeout(runs, 120);
    tcase_add_checked_fixture(runs, set_up, tear_down);
    tcase_add_unchecked_fixture(runs, set_up_phased, NULL);
    tcase_add_loop_test(runs, a_stopped_run_goes_on_with_the_same_bits, 0, KINDS);
    tcase_add_loop_test(runs, a_killed_run_goes_on_with_the_same_bits, 0, KINDS);
    tcase_add_loop_test(runs, a_longer_run_is_one_that_was_long_from_the_start, 0, KINDS);
    tcase_add_loop_test(runs, the_number_of_threads_does_not_matter, 0, KINDS);
    suite_add_tcase(suite, runs);
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_loss_of_every_variant_falls);
    tcase_add_test(tests, the_loss_falls_by_every_method);
    tcase_add_test(tests, phases_end_by_themselves);
    tcase_add_test(tests, one_sample_and_one_feature_are_enough);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    tcase_add_test(tests, what_is_not_there_is_not_refused);
    tcase_add_test(tests, allocations_that_fail_are_reported);
    suite_add_tcase(suite, tests);
    return suite;
}
