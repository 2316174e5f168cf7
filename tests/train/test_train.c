/* test_train.c - tests the training loop, the figures, and the run folder. The tests make their own data; the folders
 * are deleted with each test. */
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/data/rows_file.h"

Suite *train_suite(void);

static pal_model *model_of(const char *variant, const char *name, const char *value)
{
    pal_error err = {0};
    const pal_setting chosen[] = {{"hidden", "5"}, {name, value}};
    pal_model *model =
        pal_model_new(context, pal_variant_find(variant), chosen, name ? 2 : 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    return model;
}

static pal_figures figures_of(pal_model *model, const pal_dataset *data, int64_t batch)
{
    pal_figures figures;
    pal_error err = {0};
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = batch, .seed = 3};
    ck_assert_msg(!pal_evaluate(model, data, &o, &figures, &err), "%s", err.text);
    return figures;
}

static float weight(const pal_model *model, const char *name, int64_t i)
{
    const pal_tensor *t = pal_model_parameter_find(model, name);
    ck_assert_ptr_nonnull(t);
    return ((const float *)t->data)[i];
}

static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

/* The cross-entropy and the squared error of the basic model by hand, in double: means over all samples. */
static void by_hand(const pal_model *model, const pal_dataset *data, double *loss, double *squared)
{
    *loss = *squared = 0;
    for (int64_t s = 0; s < data->count; s++) {
        double h[5];
        const float *x = (const float *)data->inputs->data + s * FEATURES;
        for (int k = 0; k < 5; k++) {
            double a = (double)weight(model, "encoder/b", k);
            for (int i = 0; i < FEATURES; i++) a += (double)x[i] * (double)weight(model, "encoder/W", i * 5 + k);
            h[k] = sigmoid(a);
        }
        for (int i = 0; i < FEATURES; i++) {
            double a = (double)weight(model, "decoder/b", i), t = (double)x[i];
            for (int k = 0; k < 5; k++) a += h[k] * (double)weight(model, "encoder/W", i * 5 + k);
            *loss += (log1p(exp(a)) - t * a) / (double)data->count;
            *squared += (t - sigmoid(a)) * (t - sigmoid(a)) / (double)data->count;
        }
    }
}

/* The figures are means over all samples, whatever the batch size and the remainder. */
START_TEST(every_sample_counts_once)
{
    static const int64_t batches[] = {1, 7, 44, 45, 128};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of("basic", NULL, NULL);
    double loss, squared;
    by_hand(model, data, &loss, &squared);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        pal_figures f = figures_of(model, data, batches[i]);
        ck_assert_int_eq(f.samples, data->count);
        ck_assert_double_eq_tol(f.loss, loss, 1e-5 * loss);
        ck_assert_double_eq_tol(f.squared_error, squared, 1e-5 * squared);
        ck_assert(isnan(f.squared_error_corrupted));
    }
    pal_model_free(model);
    pal_dataset_free(data);
}
END_TEST

/* The noise belongs to the sample: it is the same for any batch size. */
START_TEST(corruption_belongs_to_the_sample)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of("denoising", "masking", "0.5");
    pal_figures a = figures_of(model, data, 44), b = figures_of(model, data, 10), c = figures_of(model, data, 3);
    ck_assert_double_eq_tol(a.loss, b.loss, 1e-5 * a.loss);
    ck_assert_double_eq_tol(a.squared_error_corrupted, b.squared_error_corrupted, 1e-5);
    ck_assert_double_eq_tol(a.squared_error_corrupted, c.squared_error_corrupted, 1e-5);
    ck_assert_double_ne(a.squared_error_corrupted, a.squared_error);

    /* Another model may use this model's corruption. */
    pal_error err = {0};
    pal_model *plain = model_of("basic", NULL, NULL);
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        const pal_tensor *from = pal_model_parameter(model, i, &name);
        memcpy(pal_model_parameter_find(plain, name)->data, from->data, pal_tensor_bytes(from));
    }
    pal_figures d;
    pal_evaluate_options o = {.struct_size = sizeof o, .batch = 10, .seed = 3, .corruptor = model};
    ck_assert_msg(!pal_evaluate(plain, data, &o, &d, &err), "%s", err.text);
    ck_assert_double_eq_tol(d.squared_error_corrupted, b.squared_error_corrupted, 1e-6);
    pal_model_free(plain);
    pal_model_free(model);
    pal_dataset_free(data);
}
END_TEST

/* A model can be copied with other settings, but not with settings that change its shapes. */
START_TEST(settings_are_overridden)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of("denoising", "masking", "0");
    const pal_setting half = {"masking", "0.5"}, wider = {"hidden", "6"}, unknown = {"nothing", "1"};
    pal_model *changed = pal_model_override(model, &half, 1, &err);
    ck_assert_msg(changed != NULL, "%s", err.text);
    ck_assert_str_eq(pal_model_setting(changed, "masking"), "0.5");
    ck_assert_str_eq(pal_model_setting(changed, "hidden"), "5");
    pal_figures a = figures_of(model, data, 10), b = figures_of(changed, data, 10);
    ck_assert_double_eq(a.squared_error, b.squared_error);
    ck_assert_double_eq(a.squared_error, a.squared_error_corrupted);
    ck_assert_double_ne(b.squared_error, b.squared_error_corrupted);
    ck_assert_ptr_null(pal_model_override(model, &wider, 1, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_model_override(model, &unknown, 1, &err));
    pal_model_free(changed);
    pal_model_free(model);
    pal_dataset_free(data);
}
END_TEST

typedef struct watch {
    int64_t calls, stop_at_epoch, last_step;
    double last_loss;
    bool in_order;
} watch;

static int watch_progress(const pal_progress *p, void *user)
{
    watch *w = user;
    w->in_order &= p->finished == (p->step == p->steps) && p->step <= p->steps;
    w->calls += p->finished;
    w->last_step = p->step;
    w->last_loss = p->train_loss;
    return w->stop_at_epoch && p->epoch == w->stop_at_epoch;
}

static const pal_schedule steady = {.name = "constant", .learning_rate = 0.5};

/* Training lowers the test loss. The same seed gives the same bits, another seed gives others. */
START_TEST(training_lowers_the_loss_and_is_repeatable)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    pal_train_result first = {0};
    for (int i = 0; i < 3; i++) {
        pal_error err = {0};
        pal_model *model = model_of("denoising", NULL, NULL);
        double before = figures_of(model, test, 10).loss;
        watch w = {.in_order = true};
        pal_train_options o = {.struct_size = sizeof o,
                               .test = test,
                               .epochs = 6,
                               .batch = 10,
                               .lanes = 2,
                               .seed = i < 2 ? 3 : 4,
                               .schedule = &steady,
                               .progress = watch_progress,
                               .user = &w};
        pal_train_result result;
        ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
        ck_assert_int_eq(result.epochs, 6);
        ck_assert_int_eq(result.steps, 6 * (data->count / 10));
        ck_assert_int_eq(w.calls, 6);
        ck_assert(w.in_order);
        ck_assert_double_eq(w.last_loss, result.train_loss);
        ck_assert_double_lt(result.test_loss, before);
        pal_figures f = figures_of(model, test, 10);
        if (i < 2) ck_assert_double_eq(result.test_loss, f.loss);
        if (i == 1) ck_assert_double_eq(result.train_loss, first.train_loss);
        if (i == 2) ck_assert_double_ne(result.train_loss, first.train_loss);
        first = result;
        pal_model_free(model);
    }
    pal_dataset_free(test);
    pal_dataset_free(data);
}
END_TEST

/* The loss of a step is measured before its update. With all samples in one batch, it does not depend on their
 * order. */
START_TEST(the_first_loss_is_the_untrained_models)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of("basic", "output-bias", "zero");
    double loss, squared;
    by_hand(model, data, &loss, &squared);
    pal_train_options o = {.struct_size = sizeof o, .epochs = 1, .batch = data->count, .schedule = &steady};
    pal_train_result result;
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    ck_assert_double_eq_tol(result.train_loss, loss, 1e-5 * loss);
    ck_assert(isnan(result.test_loss));
    o.batch = data->count - 1;
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.steps, 1);
    pal_model_free(model);
    pal_dataset_free(data);
}
END_TEST

static pal_run_info info_of(const pal_setting *settings, size_t n)
{
    return (pal_run_info){.version = "1.2.3",
                          .command = "palindrome train 'a b'",
                          .model = "denoising",
                          .settings = settings,
                          .n_settings = n,
                          .data = "/some/where",
                          .limit = 1000,
                          .train_samples = 44,
                          .test_samples = 9,
                          .batch = 10,
                          .epochs = 6,
                          .seed = 9007199254740991,
                          .optimizer = {.struct_size = sizeof(pal_optimizer_options),
                                        .name = "adam",
                                        .momentum = -1,
                                        .beta1 = 0.9,
                                        .beta2 = 1.0 / 3,
                                        .epsilon = 1e-8},
                          .schedule = {.name = "cosine", .learning_rate = 0.1, .final_rate = 1e-3, .total = 24},
                          .lanes = 2,
                          .threads = 1,
                          .isa = "avx2",
                          .blas = "some BLAS",
                          .patience = 4,
                          .min_improvement = 0.125,
                          .keep_best = true,
                          .time_limit = 90};
}

static const pal_setting settings[] = {
    {"hidden", "5"}, {"masking", "0.1"}, {"tied", "no"}, {"activation", "tanh"}, {"l2", "1e-05"}};

/* Everything that is written to a run folder is read back unchanged, including NAN and text that needs escapes. */
START_TEST(the_folder_tells_what_it_was_told)
{
    pal_error err = {0};
    const pal_run_info given = info_of(settings, 5);
    pal_rundir *dir = pal_rundir_new(path_of("a/run"), &given, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "running");
    const pal_gradient_size sizes[] = {{"head/W", 0.5}, {"odd \"\x01\\x41\xff", 1e-30}, {"nan", NAN}};
    const pal_epoch epochs[] = {
        {1, 4, 10.5, 9.25, 2.5, NAN, 0.1, 0.5, 0, {{"", 0, 0}}, "", NAN, NAN, NAN, NULL, 0, false, {0}, 0, false},
        {2,
         8,
         8.5,
         8.25,
         1.5,
         1.75,
         0.05,
         1.0,
         2,
         {{"reconstruction", 8, NAN}, {"spar.sity", 0.25, NAN}},
         "head",
         0.125,
         3,
         0.5,
         sizes,
         3,
         true,
         {.iterations = 2, .evaluations = 5, .products = 30, .inner = 15, .events = 1u << PAL_MET_BACKTRACK},
         PAL_MINIMISE_FLAT,
         true}};
    for (int i = 0; i < 2; i++) ck_assert(!pal_rundir_add(dir, &epochs[i], &err));
    const pal_train_result result = {2,    8, 8.5,   8.25,  1.5, NAN,    1.25, 1e5, 3,
                                     0.25, 4, 0.625, false, 0,   "time", 2,    8.25};
    ck_assert_msg(!pal_rundir_finish(dir, "failed", "why it \"did\"", &result, &err), "%s", err.text);
    pal_rundir_free(dir);

    dir = pal_rundir_open(path_of("a/run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_run_info *read = pal_rundir_info(dir);
    ck_assert_str_eq(read->version, given.version);
    ck_assert_str_eq(read->command, given.command);
    ck_assert_str_eq(read->status, "failed");
    ck_assert_str_eq(read->error, "why it \"did\"");
    ck_assert_uint_eq(strlen(read->started), strlen("2026-01-31T12:00:00Z"));
    ck_assert_uint_eq(strlen(read->finished), strlen("2026-01-31T12:00:00Z"));
    ck_assert_str_eq(read->model, given.model);
    ck_assert_uint_eq(read->n_settings, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(read->settings[i].name, settings[i].name);
        ck_assert_str_eq(read->settings[i].value, settings[i].value);
    }
    ck_assert_str_eq(read->data, given.data);
    ck_assert_int_eq(read->seed, given.seed);
    ck_assert_int_eq(read->limit, given.limit);
    ck_assert_str_eq(read->optimizer.name, given.optimizer.name);
    ck_assert_double_eq(read->optimizer.momentum, -1);
    ck_assert_double_eq(read->optimizer.beta2, 1.0 / 3);
    ck_assert_str_eq(read->schedule.name, given.schedule.name);
    ck_assert_double_eq(read->schedule.learning_rate, 0.1);
    ck_assert_uint_eq(read->schedule.total, 24);
    ck_assert_str_eq(read->isa, given.isa);
    ck_assert_str_eq(read->blas, given.blas);
    ck_assert_int_eq(read->result.steps, 8);
    ck_assert_int_eq(read->result.planned, 3);
    ck_assert_double_eq(read->result.squared_error, 1.5);
    ck_assert(isnan(read->result.squared_error_corrupted));
    ck_assert_double_eq(read->result.baseline, 4);
    ck_assert_double_eq(read->result.explained, 0.625);
    ck_assert_str_eq(read->result.ended, "time");
    ck_assert(read->result.best_epoch == 2 && read->result.best_loss == 8.25);
    ck_assert(read->patience == 4 && read->min_improvement == 0.125 && read->keep_best && read->time_limit == 90);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), 2);
    for (size_t i = 0; i < 2; i++) {
        const pal_epoch *e = pal_rundir_epoch(dir, i);
        ck_assert_int_eq(e->step, epochs[i].step);
        ck_assert_int_eq(e->stopped, i == 1);
        ck_assert_double_eq(e->test_loss, epochs[i].test_loss);
        ck_assert(isnan(e->squared_error_corrupted) == isnan(epochs[i].squared_error_corrupted));
        ck_assert_double_eq(e->learning_rate, epochs[i].learning_rate);
        ck_assert_uint_eq(e->n_terms, epochs[i].n_terms);
        ck_assert_str_eq(e->phase, epochs[i].phase);
        ck_assert(i ? e->error == 0.125 : isnan(e->error));
        ck_assert(i ? e->baseline == 3 && e->explained == 0.5 : isnan(e->baseline) && isnan(e->explained));
        for (size_t k = 0; k < e->n_terms; k++) {
            ck_assert_str_eq(e->terms[k].name, epochs[i].terms[k].name);
            ck_assert_double_eq(e->terms[k].value, epochs[i].terms[k].value);
        }
    }
    ck_assert_ptr_null(pal_rundir_epoch(dir, 2));
    ck_assert_uint_eq(pal_rundir_epoch(dir, 0)->n_gradients, 0);
    ck_assert_uint_eq(pal_rundir_epoch(dir, 1)->n_gradients, 3);
    for (size_t k = 0; k < 3; k++) {
        const pal_gradient_size *g = &pal_rundir_epoch(dir, 1)->gradients[k];
        ck_assert_str_eq(g->parameter, sizes[k].parameter);
        ck_assert(k == 2 ? isnan(g->size) : g->size == sizes[k].size);
    }
    pal_rundir_free(dir);
}
END_TEST

static int mask_calls;

/* Takes the place of the C library's: the mask belongs to the whole process, so the library must not change it, not
 * even for a moment. */
mode_t umask(mode_t mask)
{
    mask_calls++;
    return (mode_t)syscall(SYS_umask, mask);
}

/* Files get the mode that the mask of the process leaves, and the library does not touch the mask. */
START_TEST(files_follow_the_mask)
{
    static const mode_t masks[] = {0, 022, 027, 077};
    const pal_run_info info = info_of(NULL, 0);
    const mode_t before = umask(0);
    for (int i = 0; i < 4; i++) {
        char name[32];
        struct stat found;
        pal_error err = {0};
        umask(masks[i]);
        mask_calls = 0;
        snprintf(name, sizeof name, "mask-%d", i);
        pal_rundir *dir = pal_rundir_new(path_of(name), &info, &err);
        ck_assert_msg(dir != NULL, "%s", err.text);
        pal_rundir_free(dir);
        ck_assert_int_eq(mask_calls, 0);
        snprintf(name, sizeof name, "mask-%d/run.json", i);
        ck_assert_int_eq(stat(path_of(name), &found), 0);
        ck_assert_int_eq(found.st_mode & 0777, 0666 & ~masks[i]);
    }
    umask(before);
}
END_TEST

/* A folder with files in it, or a file with its name, is refused and left unchanged. */
START_TEST(folders_in_the_way_are_refused)
{
    const pal_run_info info = info_of(NULL, 0);
    static const struct {
        const char *name;
        pal_status status;
    } cases[] = {{"full", PAL_ERR_EXISTS}, {"file", PAL_ERR_EXISTS}, {"file/run", PAL_ERR_IO}, {"empty", PAL_OK}};
    mkdir(path_of("full"), 0777);
    mkdir(path_of("empty"), 0777);
    static const char *const files[] = {"full/file", "file"};
    for (int i = 0; i < 2; i++) write_text(files[i], "precious");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        pal_rundir *dir = pal_rundir_new(path_of(cases[i].name), &info, &err);
        ck_assert_int_eq(err.status, cases[i].status);
        ck_assert(!dir == (cases[i].status != PAL_OK));
        pal_rundir_free(dir);
    }
    ck_assert(access(path_of("full/run.json"), F_OK) != 0);
    struct stat s;
    ck_assert(!stat(path_of("full/file"), &s) && s.st_size == 8);
    ck_assert(!stat(path_of("file"), &s) && s.st_size == 8);
    if (geteuid()) { /* root may write anywhere */
        pal_error err = {0};
        mkdir(path_of("closed"), 0555);
        ck_assert_ptr_null(pal_rundir_new(path_of("closed/run"), &info, &err));
        ck_assert_int_eq(err.status, PAL_ERR_IO);
    }
}
END_TEST

/* A folder that does not exist, that has no run.json, or whose run.json is damaged, is not a run. */
START_TEST(what_is_no_run_is_told)
{
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"model\": 3, \"status\": \"done\"}"};
    pal_error err = {0};
    ck_assert_ptr_null(pal_rundir_open(path_of("nowhere"), &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert_ptr_null(pal_rundir_open(folder, &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        err.status = PAL_OK;
        write_text("run.json", texts[i]);
        ck_assert_ptr_null(pal_rundir_open(folder, &err));
        ck_assert_int_eq(err.status, PAL_ERR_FORMAT);
    }
}
END_TEST

/* Trains in a folder. The run ends at epoch `stop`, at 40 epochs, or when the loss is not finite. */
static pal_status run_in(const char *name, double rate, int64_t stop, pal_train_result *result, pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    pal_model *model = model_of("basic", "output", "squared");
    const pal_run_info info = info_of(NULL, 0);
    pal_rundir *dir = pal_rundir_new(path_of(name), &info, err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    const pal_schedule schedule = {.name = "constant", .learning_rate = rate};
    watch w = {.stop_at_epoch = stop, .in_order = true};
    pal_train_options o = {.struct_size = sizeof o,
                           .test = test,
                           .epochs = 40,
                           .batch = 10,
                           .seed = 1,
                           .schedule = &schedule,
                           .folder = dir,
                           .progress = watch_progress,
                           .user = &w};
    pal_status status = pal_train(model, data, &o, result, err);
    pal_rundir_free(dir);
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

/* The callback can stop the run. The model and the finished epochs are then in the folder. */
START_TEST(the_callback_stops_and_the_model_is_saved)
{
    pal_error err = {0};
    pal_train_result result;
    ck_assert_int_eq(run_in("run", 0.01, 3, &result, &err), PAL_ERR_STOPPED);
    ck_assert_int_eq(result.epochs, 3);
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_ptr_nonnull(dir);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "interrupted");
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), 3);
    pal_model *model = pal_rundir_model(dir, context, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    pal_dataset *test = data_of(30, "test");
    ck_assert_double_eq_tol(figures_of(model, test, 10).loss, result.test_loss, 1e-9);
    pal_dataset_free(test);
    pal_model_free(model);
    pal_rundir_free(dir);
}
END_TEST

/* A loss that is not finite stops the run with an error. The folder keeps the last finite weights. */
START_TEST(a_loss_that_is_not_finite_stops_the_run)
{
    pal_error err = {0};
    pal_train_result result;
    ck_assert_int_eq(run_in("run", 1e6, 0, &result, &err), PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(err.text, "epoch"));
    ck_assert_ptr_nonnull(strstr(err.text, "lower --learning-rate"));
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_ptr_nonnull(dir);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "failed");
    ck_assert_ptr_nonnull(pal_rundir_info(dir)->error);
    pal_model *model = pal_rundir_model(dir, context, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const pal_tensor *t = pal_model_parameter(model, i, NULL);
        for (size_t k = 0; k < pal_tensor_count(t); k++) ck_assert(isfinite(pal_tensor_get(t, k)));
    }
    pal_model_free(model);
    pal_rundir_free(dir);
}
END_TEST

/* Options that do not fit the data or name something unknown are refused before the first step. */
START_TEST(what_does_not_fit_is_refused)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of("basic", NULL, NULL);
    const pal_schedule unknown = {.name = "nothing", .learning_rate = 1}, none = {.name = "constant"};
    const pal_optimizer_options nothing = {.struct_size = sizeof nothing, .name = "nothing"};
    const pal_train_options good = {.struct_size = sizeof good, .epochs = 1, .batch = 10, .schedule = &steady};
    pal_train_options cases[8];
    for (int i = 0; i < 8; i++) cases[i] = good;
    cases[0].batch = data->count + 1;
    cases[1].batch = 0;
    cases[2].epochs = 0;
    cases[3].schedule = &unknown;
    cases[4].schedule = &none;
    cases[5].optimizer = &nothing;
    cases[6].epochs = INT64_MAX; /* the number of steps would overflow */
    cases[7].epochs = ((int64_t)1 << 53) / (data->count / 10) + 1;
    ck_assert_int_eq(pal_train_check(model, data, &good, NULL), PAL_OK);
    for (int i = 0; i < 8; i++) {
        pal_error err = {0};
        pal_train_result result;
        ck_assert_int_eq(pal_train_check(model, data, &cases[i], &err), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(pal_train(model, data, &cases[i], &result, &err), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(result.steps, 0);
        ck_assert_uint_gt(strlen(err.text), 0);
    }
    pal_model_free(model);
    pal_dataset_free(data);
}
END_TEST

Suite *train_suite(void)
{
    Suite *suite = suite_create("train");
    TCase *tests = in_own_folder(tcase_create("train"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_sample_counts_once);
    tcase_add_test(tests, corruption_belongs_to_the_sample);
    tcase_add_test(tests, settings_are_overridden);
    tcase_add_test(tests, training_lowers_the_loss_and_is_repeatable);
    tcase_add_test(tests, the_first_loss_is_the_untrained_models);
    tcase_add_test(tests, the_folder_tells_what_it_was_told);
    tcase_add_test(tests, files_follow_the_mask);
    tcase_add_test(tests, folders_in_the_way_are_refused);
    tcase_add_test(tests, what_is_no_run_is_told);
    tcase_add_test(tests, the_callback_stops_and_the_model_is_saved);
    tcase_add_test(tests, a_loss_that_is_not_finite_stops_the_run);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
