/* open.c - opens a trained run: its model, with the given options in place of those of training, and its data. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/data.h"
#include "cli/source.h"

static bool of_corruption(const char *name) { return !strcmp(name, "corruption") || pal_corruption_of(name); }
static bool of_loss(const char *name) { return !of_corruption(name); }

/* A variant that corrupts its input and has all these options. With it, `--masking 0.5` works for a model of any
 * variant. NULL: no such variant. */
static const pal_variant *corrupting(const pal_setting *settings, size_t n)
{
    const pal_variant *variant;
    for (size_t v = 0; (variant = pal_variant_at(v)); v++) {
        const bool shared =
            pal_variant_option_find(variant, "corruption"); /* a function of its own has its own options */
        bool has = variant->corrupt != NULL;
        for (size_t i = 0; i < n && has; i++)
            has = pal_variant_option_find(variant, settings[i].name) && (!shared || of_corruption(settings[i].name));
        if (has) return variant;
    }
    return NULL;
}

/* Adds --corruption KIND if an option of one kind of corruption is given without it. settings must have room for one
 * more. */
static void imply_corruption(const pal_variant *variant, pal_setting *settings, size_t *n)
{
    const char *kind = NULL;
    for (size_t i = 0; i < *n; i++) {
        if (!strcmp(settings[i].name, "corruption")) return;
        if (pal_corruption_of(settings[i].name)) kind = pal_corruption_of(settings[i].name);
    }
    if (kind && pal_variant_option_find(variant, "corruption")) settings[(*n)++] = (pal_setting){"corruption", kind};
}

/* "masking 0.5, corruption masking": the settings whose name fits; fits NULL: all of them. */
static void list(const pal_setting *settings, size_t n, bool (*fits)(const char *name), char *out, size_t size)
{
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; i < n && at < size; i++)
        if (!fits || fits(settings[i].name))
            at += (size_t)snprintf(out + at, size - at, "%s%s %s", at ? ", " : "", settings[i].name, settings[i].value);
}

/* Fills in run->corruption and run->changed, from the given settings that differ from those of training. */
static void tell(pal_cli_run *run, const pal_model *before, const pal_setting *settings, size_t n)
{
    pal_setting changed[PAL_CLI_SETTINGS + 1];
    size_t n_changed = 0;
    bool corrupts = false;
    for (size_t i = 0; i < n; i++) {
        const char *name = settings[i].name;
        const pal_option *option = pal_variant_option_find(pal_model_variant(before), name);
        if (pal_option_equal(option, pal_model_setting(before, name), pal_model_setting(run->model, name))) continue;
        corrupts |= of_corruption(name);
        changed[n_changed++] = settings[i];
    }
    if (corrupts) list(settings, n, of_corruption, run->corruption, sizeof run->corruption);
    list(changed, n_changed, of_loss, run->changed, sizeof run->changed);
}

/* Makes a model that only corrupts; it is as small as possible. */
static int make_corruptor(pal_cli_run *run, const pal_variant *variant, const pal_setting *settings, size_t n)
{
    pal_setting all[PAL_CLI_SETTINGS + 2];
    memcpy(all, settings, n * sizeof *all);
    imply_corruption(variant, all, &n);
    int status = pal_cli_check_settings(variant, all, n);
    if (status != PAL_CLI_GO_ON) return status;
    list(all, n, NULL, run->corruption, sizeof run->corruption);
    if (pal_variant_option_find(variant, "hidden")) all[n++] = (pal_setting){"hidden", "1"};
    pal_error err = {0};
    run->corruptor = pal_model_new(run->context, variant, all, n, pal_model_sample(run->model),
                                   pal_model_dtype(run->model), 0, &err);
    if (run->corruptor) pal_model_check_given(run->corruptor, all, n, &err);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

static int override(const pal_cli_args *args, pal_cli_run *run)
{
    pal_setting own[PAL_CLI_SETTINGS + 1], foreign[PAL_CLI_SETTINGS];
    size_t n_own = 0, n_foreign = 0;
    const pal_variant *variant = pal_model_variant(run->model);
    for (size_t i = 0; i < args->n_variant; i++)
        if (pal_variant_option_find(variant, args->variant[i].name))
            own[n_own++] = args->variant[i];
        else
            foreign[n_foreign++] = args->variant[i];
    imply_corruption(variant, own, &n_own);
    int status = pal_cli_check_settings(variant, own, n_own);
    const pal_variant *corruptor = n_foreign && !variant->corrupt ? corrupting(foreign, n_foreign) : NULL;
    for (size_t i = 0; i < n_foreign && status == PAL_CLI_GO_ON && !corruptor; i++)
        if (!of_corruption(foreign[i].name) || i + 1 == n_foreign)
            status = pal_cli_check_settings(variant, foreign + i, 1);
    if (status == PAL_CLI_GO_ON && corruptor) status = make_corruptor(run, corruptor, foreign, n_foreign);
    if (status != PAL_CLI_GO_ON || !n_own) return status;
    pal_error err = {0};
    pal_model *changed = pal_model_override(run->model, own, n_own, &err);
    if (!changed) return pal_cli_say_error(&err);
    pal_model *before = run->model;
    run->model = changed;
    tell(run, before, own, n_own);
    if (pal_model_check_given(changed, own, n_own, &err)) status = pal_cli_say_error(&err);
    if (status == PAL_CLI_GO_ON)
        status = pal_cli_check_effects(&(pal_cli_effects){args->spec->effect, changed, before, own, n_own, n_own, 0});
    pal_model_free(before);
    return status;
}

/* Warns in one line if training did not finish. used: the model that is used; "": no verb uses it. */
static void warn(const pal_rundir *dir, const char *used)
{
    static const struct {
        const char *status, *what;
    } unfinished[] = {{"failed", "training failed"},
                      {"interrupted", "training was interrupted"},
                      {"running", "training is still running or was killed"}};
    const pal_run_info *info = pal_rundir_info(dir);
    for (size_t i = 0; i < sizeof unfinished / sizeof *unfinished; i++)
        if (!strcmp(info->status, unfinished[i].status))
            pal_cli_say(PAL_CLI_GO_ON, "warning: %s: %s%s", pal_rundir_path(dir), unfinished[i].what, used);
}

/* Copies the options --load of a command, " --load ./x.so"; false: it has none. */
static bool loads_of(const char *command, char *out, size_t size)
{
    static const char option[] = " --load ";
    size_t used = 0;
    *out = 0;
    for (const char *at = command ? command + pal_cli_shell_word(command) : "";
         !strncmp(at, option, sizeof option - 1);) {
        const size_t length = sizeof option - 1 + pal_cli_shell_word(at + sizeof option - 1);
        if (used + length >= size) return false;
        memcpy(out + used, at, length);
        out[used += length] = 0;
        at += length;
    }
    return used > 0;
}

const pal_variant *pal_cli_run_variant(const pal_rundir *dir, int *status)
{
    char loads[1024];
    const char *name = pal_rundir_info(dir)->model;
    *status = pal_cli_source_of_run(dir);
    if (*status != PAL_CLI_GO_ON) return NULL;
    const pal_variant *variant = pal_variant_find(name);
    if (!variant && loads_of(pal_rundir_info(dir)->command, loads, sizeof loads))
        *status = pal_cli_say(PAL_CLI_FAILED, "%s: no model is called %.80s: load it as in training, with%s",
                              pal_rundir_path(dir), name, loads);
    else if (!variant)
        *status = pal_cli_say(PAL_CLI_FAILED, "%s: no model is called %.80s: load your own model with --load FILE",
                              pal_rundir_path(dir), name);
    return variant;
}

static int is_of_run(const struct dirent *entry) { return entry->d_name[0] != '.' && strstr(entry->d_name, "-seed-"); }

/* Says what is wrong with a folder that holds no run. That of a sweep holds many, each in a folder of its own. */
static int say_no_run(const char *path, const pal_error *why)
{
    char table[PAL_CLI_PATH];
    struct dirent **found = NULL;
    snprintf(table, sizeof table, "%s/sweep.csv", path);
    const int n = access(table, F_OK) ? 0 : scandir(path, &found, is_of_run, alphasort);
    if (n < 1) return pal_cli_say_error(why);
    pal_cli_say(PAL_CLI_WRONG, "%s is a sweep: give one of its runs, such as %s/%s", path, path, found[0]->d_name);
    for (int i = 0; i < n; i++) free(found[i]);
    free(found);
    return PAL_CLI_WRONG;
}

int pal_cli_open(const pal_cli_args *args, size_t word, pal_cli_run *run)
{
    pal_error err = {0};
    bool best;
    *run = (pal_cli_run){.args = args};
    run->dir = pal_rundir_open_model(args->words[word], &err);
    if (!run->dir) return say_no_run(args->words[word], &err);
    int status = PAL_CLI_GO_ON;
    if (!pal_cli_run_variant(run->dir, &status)) return status;
    run->context = pal_cli_context(args, pal_rundir_info(run->dir), &status);
    if (!run->context) return status;
    run->model = pal_cli_which_of(args, run->dir, run->context, &best, &err);
    if (!run->model) return pal_cli_say_error(&err);
    pal_cli_describe(run->model, run->described, sizeof run->described);
    status = override(args, run);
    snprintf(run->given, sizeof run->given, "%s%s%s%s", *run->corruption ? ", corrupted by " : "", run->corruption,
             *run->changed ? ", with " : "", run->changed);
    if (status == PAL_CLI_GO_ON)
        warn(run->dir, !pal_cli_has_option(args->spec, "which") ? ""
                       : best                                   ? ": using its best checkpoint"
                                                                : ": using its last checkpoint");
    return status;
}

/* rows: a schema whose rows are kept; NULL: the model's, and they are not. path NULL: the run's own data. */
static pal_dataset *open_as(const pal_cli_run *run, const char *path, const pal_schema *rows, pal_split split,
                            bool whole, bool npy, pal_error *err)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    pal_cli_data options = {.options = {.n = 0}};
    pal_cli_reading reading;
    pal_cli_data_of_run(&options, info, run->model, !path);
    if (path) pal_cli_data_take(&options, run->args);
    if (!path && info->hold_out && split == PAL_SPLIT_TEST) split = PAL_SPLIT_VALIDATION;
    const pal_data_source from = {.struct_size = sizeof from,
                                  .path = path ? path : info->data,
                                  .options = &options.options,
                                  .schema = rows ? rows : pal_model_schema(run->model),
                                  .rows = rows != NULL,
                                  .tail = !path && !info->draws,
                                  .hold_out = path ? 0 : info->hold_out,
                                  .whole = whole,
                                  .npy = npy,
                                  .progress = pal_cli_reading_step,
                                  .user = &reading};
    pal_data data;
    pal_cli_reading_start(&reading, false, true);
    const pal_status status = pal_data_open(run->context, &from, 1U << split, &data, err);
    pal_cli_reading_end(&reading);
    if (status) return NULL;
    if (!data.part[split])
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s: there are no %s samples", from.path ? from.path : PAL_DATA_DEFAULT,
                      split == PAL_SPLIT_VALIDATION ? "validation" : "training");
    return data.part[split];
}

static pal_dataset *open_part(const pal_cli_run *run, const char *path, pal_split split, bool whole, bool npy,
                              pal_error *err)
{
    return open_as(run, path, NULL, split, whole, npy, err);
}

static pal_dataset *open_own(const pal_cli_run *run, pal_split split, pal_error *err)
{
    return open_part(run, NULL, split, false, false, err);
}

pal_dataset *pal_cli_open_training(const pal_cli_run *run, const char *path, pal_error *err)
{
    return open_part(run, path, PAL_SPLIT_TRAIN, false, false, err);
}

/* Warns in one line if a file has what the training did not. */
static void warn_of_unlike(const char *path, const pal_dataset *data)
{
    if (path && data && *data->unlike.text) pal_cli_say(PAL_CLI_GO_ON, "warning: %s: %s", path, data->unlike.text);
}

/* The part that --split names. */
static pal_split split_of(const pal_cli_args *args)
{
    static const char *const names[] = {"train", "test", "validation"};
    const char *word = pal_cli_given(args, "split");
    for (int k = 0; word && k < PAL_SPLITS; k++)
        if (!strcmp(word, names[k])) return (pal_split)k;
    return PAL_SPLIT_TEST;
}

/* Warns in one line if the samples of this split are no longer those of training. */
static void warn_of_change(const pal_cli_run *run, pal_split split, const pal_dataset *data)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    const bool train = split == PAL_SPLIT_TRAIN,
               measured = split == (info->validation_samples ? PAL_SPLIT_VALIDATION : PAL_SPLIT_TEST);
    const char *changed = pal_run_data_changed(info, train ? data : NULL, measured ? data : NULL);
    if (changed)
        pal_cli_say(PAL_CLI_GO_ON,
                    "warning: %s: the %s of %s have changed since it was trained: restore them, or read the figures as "
                    "those of other data",
                    pal_rundir_path(run->dir), changed, info->data);
}

pal_dataset *pal_cli_open_own(const pal_cli_run *run, pal_split split, pal_error *err)
{
    pal_dataset *data = open_own(run, split, err);
    if (data) warn_of_change(run, split, data);
    return data;
}

int pal_cli_open_further(const pal_cli_run *run, pal_split split, int64_t limit, const char *what, pal_dataset **data)
{
    pal_error err = {0};
    const char *path = pal_rundir_info(run->dir)->data;
    *data = pal_cli_open_own(run, split, &err);
    if (*data && limit > 0 && pal_dataset_limit(*data, limit)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (*data) return PAL_CLI_GO_ON;
    if (err.status == PAL_ERR_MEMORY) return pal_cli_say_error(&err);
    if (path && access(path, F_OK) && errno == ENOENT) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_GO_ON, "warning: %s is left out, its data cannot be read: %s", what, err.text);
}

/* Samples of another size than those of training: names both shapes, the file and the run. */
static int check_sample(const pal_cli_run *run, const char *path)
{
    char is[96], was[96];
    if (run->data->features == pal_model_features(run->model)) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG,
                       "%s: its samples are %s, but %s was trained on samples %s: give data of that shape with --data",
                       path, pal_shape_text(run->data->sample, is, sizeof is), pal_rundir_path(run->dir),
                       pal_shape_text(pal_model_sample(run->model), was, sizeof was));
}

/* A name of data, such as the lines about a run show it, is no path: says where those data are. */
static void tell_path(const pal_cli_run *run, const char *path, pal_error *err)
{
    char name[256];
    const char *own = pal_rundir_info(run->dir)->data;
    if (!own || strcmp(path, pal_dataset_name_of(own, name, sizeof name)) != 0 || !access(path, F_OK)) return;
    pal_error_set(err, PAL_ERR_IO, "%s: no such file or folder: the run's own data are %s", path, own);
}

pal_dataset *pal_cli_open_samples(const pal_cli_run *run, const char *path, bool npy, pal_error *err)
{
    pal_dataset *data = open_part(run, path, split_of(run->args), true, npy, err);
    if (!data) tell_path(run, path, err);
    warn_of_unlike(path, data);
    return data;
}

/* Columns of numbers as they are, for a model that was trained on such. */
static pal_schema *plain_schema(int64_t columns, pal_error *err)
{
    pal_column *all = calloc((size_t)columns, sizeof *all);
    for (int64_t i = 0; all && i < columns; i++) all[i] = (pal_column){.kind = PAL_COLUMN_NUMBER, .scale = 1};
    pal_schema *s = NULL;
    if (all)
        s = pal_schema_new(&(pal_schema){.columns = all, .n_columns = columns}, err);
    else
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    free(all);
    return s;
}

pal_dataset *pal_cli_open_rows(const pal_cli_run *run, const char *path, bool npy, pal_error *err)
{
    const pal_schema *own = pal_model_schema(run->model);
    pal_schema *plain = own ? NULL : plain_schema(pal_model_features(run->model), err);
    if (!own && !plain) return NULL;
    pal_dataset *data = open_as(run, path, own ? own : plain, split_of(run->args), true, npy, err);
    pal_schema_free(plain);
    if (!data) tell_path(run, path, err);
    warn_of_unlike(path, data);
    return data;
}

int pal_cli_open_data(const pal_cli_args *args, pal_cli_run *run)
{
    const char *path = pal_cli_given(args, "data");
    const pal_split split = split_of(args);
    const bool whole = path && !pal_cli_given(args, "split") && !args->spec->halves;
    pal_error err = {0};
    run->data = path ? open_part(run, path, split, whole, false, &err) : open_own(run, split, &err);
    if (!run->data) return pal_cli_say_error(&err);
    warn_of_unlike(path, run->data);
    const char *own = pal_rundir_info(run->dir)->data;
    const int status = check_sample(run, path ? path : own ? own : PAL_DATA_DEFAULT);
    if (status != PAL_CLI_GO_ON) return status;
    if (!path) warn_of_change(run, split, run->data);
    int64_t limit = pal_cli_int(args, "limit", 0);
    if (limit && pal_dataset_limit(run->data, limit)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return PAL_CLI_GO_ON;
}

void pal_cli_close(pal_cli_run *run)
{
    pal_dataset_free(run->data);
    pal_model_free(run->corruptor);
    pal_model_free(run->model);
    pal_context_free(run->context);
    pal_rundir_free(run->dir);
}

const char *pal_cli_describe(const pal_model *model, char *out, size_t size)
{
    const pal_variant *variant = pal_model_variant(model);
    const pal_option *option;
    size_t length = (size_t)snprintf(out, size, "%s", variant->name);
    for (option = NULL; (option = pal_variant_option_next(variant, option)) && length < size;) {
        const char *value = pal_model_setting(model, option->name);
        if (value && option->value && strcmp(value, option->value))
            length += (size_t)snprintf(out + length, size - length, ", %s %s", option->name, value);
    }
    return out;
}
