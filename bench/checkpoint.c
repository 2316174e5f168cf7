/* checkpoint.c - measures how long a checkpoint takes to save and to open, and its share of the time of training.
 *
 * Usage: bench_checkpoint [TURNS] [FOLDER]. Files are written into FOLDER (default: the current one) and removed at the
 * end. All times are medians of TURNS turns (default: 9), in seconds. The first lines are for a model of about 100 MB:
 * by the clock, and of the processor, which other work on the machine disturbs less. A file that was saved is read from
 * the memory of the system, not from the disk. Each later line is for a training on Fashion-MNIST with the default
 * optimiser, rate and batch: an epoch, the save and the line of metrics after it, and their ratio in percent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "train/train.h"

enum { MOST_TURNS = 1000 };

static double read_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void) { return read_clock(CLOCK_MONOTONIC); }
static double used(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *times, int n)
{
    qsort(times, (size_t)n, sizeof *times, by_value);
    return times[n / 2];
}

static int fail(const pal_error *err)
{
    fprintf(stderr, "checkpoint: %s\n", err->text);
    return 1;
}

static int large(pal_context *context, int turns, const char *folder)
{
    static double save[MOST_TURNS], open[MOST_TURNS], save_used[MOST_TURNS], open_used[MOST_TURNS];
    const pal_setting layers = {"layers", "4000,2400,30"};
    pal_error err = {0};
    char path[4096];
    struct stat info;
    snprintf(path, sizeof path, "%s/bench_checkpoint.safetensors", folder);
    pal_model *model =
        pal_model_new(context, pal_variant_find("deep"), &layers, 1, PAL_SHAPE(28, 28), PAL_F32, 1, &err);
    if (!model) return fail(&err);
    for (int i = 0; i < turns && !err.status; i++) {
        double began = now(), began_used = used();
        pal_model_save(model, path, NULL, 0, &err);
        save[i] = now() - began;
        save_used[i] = used() - began_used;
        began = now();
        began_used = used();
        pal_model *other = err.status ? NULL : pal_model_open(context, path, &err);
        open[i] = now() - began;
        open_used[i] = used() - began_used;
        pal_model_free(other);
    }
    pal_model_free(model);
    const double size = stat(path, &info) ? 0 : 1e-6 * (double)info.st_size;
    unlink(path);
    if (err.status) return fail(&err);
    printf("%.0f MB | clock | processor\nsave | %.3f | %.3f\nopen | %.3f | %.3f\n", size, median(save, turns),
           median(save_used, turns), median(open, turns), median(open_used, turns));
    return 0;
}

static int save_turns(pal_model *model, const char *optimizer, const char *folder, int turns, double *median_of,
                      pal_error *err)
{
    static double times[MOST_TURNS];
    static const char *const files[] = {"run.json", "metrics.jsonl", "checkpoint.safetensors"};
    char path[4000], file[4096];
    snprintf(path, sizeof path, "%s/bench_checkpoint", folder);
    enum { MOST = 256 };
    pal_tensor *parameters[MOST];
    const char *names[MOST];
    const size_t n = pal_model_parameter_count(model);
    for (size_t i = 0; i < n && i < MOST; i++) parameters[i] = pal_model_parameter(model, i, &names[i]);
    const pal_optimizer_options options = {.struct_size = sizeof options, .name = optimizer};
    pal_optimizer *o = pal_optimizer_new(pal_model_context(model), &options, parameters, names, n, err);
    const pal_run_info info = {.model = pal_model_variant(model)->name, .epochs = turns};
    pal_rundir *dir = o ? pal_rundir_new(path, &info, err) : NULL;
    for (int i = 0; dir && i < turns && !err->status; i++) {
        const pal_epoch epoch = {.epoch = i + 1, .step = i + 1};
        const double began = now();
        if (!pal_rundir_add(dir, &epoch, err)) pal_rundir_save(dir, model, o, i + 1, 0, err);
        times[i] = now() - began;
    }
    pal_rundir_free(dir);
    pal_optimizer_free(o);
    for (size_t i = 0; i < sizeof files / sizeof *files && dir; i++) {
        snprintf(file, sizeof file, "%s/%s", path, files[i]);
        unlink(file);
    }
    rmdir(path);
    *median_of = err->status ? 0 : median(times, turns);
    return err->status ? fail(err) : 0;
}

static int share(pal_context *context, const char *name, const pal_dataset *data, const pal_dataset *test, int turns,
                 const char *folder)
{
    pal_error err = {0};
    pal_train_defaults d;
    pal_train_result result;
    double save = 0;
    pal_model *model = pal_model_new(context, pal_variant_find(name), NULL, 0, data->sample, PAL_F32, 1, &err);
    if (!model || pal_train_defaults_of(model, data, NULL, 0, &d, &err)) return fail(&err);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = d.optimizer, .clip_norm = d.clip};
    const pal_schedule schedule = {.name = "constant", .learning_rate = d.learning_rate};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = test,
                                 .epochs = 1,
                                 .batch = d.batch,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule};
    int status = pal_train(model, data, &o, &result, &err) ? fail(&err)
                                                           : save_turns(model, d.optimizer, folder, turns, &save, &err);
    if (!status)
        printf("%s, %s | %.3f | %.4f | %.2f\n", name, d.optimizer, result.seconds, save, 100 * save / result.seconds);
    pal_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    const int given = argc > 1 ? atoi(argv[1]) : 9, turns = given < 1 ? 1 : given > MOST_TURNS ? MOST_TURNS : given;
    const char *folder = argc > 2 ? argv[2] : ".";
    pal_error err = {0};
    pal_context *context = pal_context_new(NULL);
    if (!context) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int status = large(context, turns, folder);
    pal_dataset *data = status ? NULL : pal_dataset_open(context, NULL, PAL_SPLIT_TRAIN, &err);
    pal_dataset *test = data ? pal_dataset_open(context, NULL, PAL_SPLIT_TEST, &err) : NULL;
    if (!status && !test) status = fail(&err);
    if (!status) printf("training | epoch | save | %%\n");
    if (!status) status = share(context, "basic", data, test, turns, folder);
    if (!status) status = share(context, "deep", data, test, turns, folder);
    pal_dataset_free(test);
    pal_dataset_free(data);
    pal_context_free(context);
    return status;
}
