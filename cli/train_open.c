/* train_open.c - opens what a training needs: its data, the weights to start with, and a run to resume. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/processes.h"
#include "cli/source.h"
#include "cli/train.h"

void pal_cli_full_path(const char *path, char out[PATH_MAX])
{
    if (realpath(path, out)) return;
    if (errno != ENOENT) /* as it is for a pipe, and for standard input */
        pal_cli_say(PAL_CLI_GO_ON, "warning: %s: its full path cannot be found (%s): run.json keeps it as it was given",
                    path, strerror(errno));
    snprintf(out, PATH_MAX, "%s", path);
}

bool pal_cli_is_solved(const pal_setting *settings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(settings[i].name, "solve")) return !strcmp(settings[i].value, "svd");
    return false;
}

/* What the model's output is, as far as it was chosen. */
static const char *output_of(const pal_cli_job *j)
{
    for (size_t i = 0; i < j->args.n_variant; i++)
        if (!strcmp(j->args.variant[i].name, "output")) return j->args.variant[i].value;
    return NULL;
}

int pal_cli_job_data(pal_cli_job *j, const char *path, int64_t limit, bool resumed)
{
    pal_error err = {0};
    pal_data data;
    pal_cli_reading reading;
    if (resumed)
        pal_cli_data_of_run(&j->options, &j->info, NULL, true);
    else
        pal_cli_data_take(&j->options, &j->args);
    const pal_data_source from = {.struct_size = sizeof from,
                                  .path = path,
                                  .options = &j->options.options,
                                  .output = output_of(j),
                                  .tail = resumed && !j->info.draws,
                                  .hold_out = resumed ? j->info.hold_out : 0,
                                  .progress = pal_cli_reading_step,
                                  .user = &reading};
    pal_cli_reading_start(&reading, pal_cli_flag(&j->args, "quiet"), pal_cli_flag(&j->args, "json"));
    pal_data_open(j->context, &from, (1U << PAL_SPLITS) - 1, &data, &err);
    pal_cli_reading_end(&reading);
    if (err.status) return pal_cli_say_error(&err);
    j->train = data.part[PAL_SPLIT_TRAIN];
    j->validated = data.part[PAL_SPLIT_VALIDATION] != NULL;
    j->test = data.part[j->validated ? PAL_SPLIT_VALIDATION : PAL_SPLIT_TEST];
    if (j->validated) pal_dataset_free(data.part[PAL_SPLIT_TEST]);
    if (!j->train || !j->test)
        return pal_cli_say(PAL_CLI_WRONG, "%s: there are no samples to %s", path, j->train ? "test" : "train");
    if (limit > j->train->count && j->validated)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--limit %lld: without those for validation, %s has %lld training samples: lower --limit",
                           (long long)limit, j->train->name, (long long)j->train->count);
    if (limit && pal_dataset_limit(j->train, limit)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (j->train->schema && j->train->schema->scaling) /* kept, so that another default never changes the run */
        pal_cli_data_choose(&j->options, "scale", j->train->schema->scaling);
    pal_cli_data_words(j->train, j->test, j->validated, j->words, sizeof j->words);
    pal_cli_full_path(path, j->data);
    return PAL_CLI_GO_ON;
}

/* A hash of all weights, with their names. */
static void hash_weights(const pal_model *model, char out[PAL_HASH_TEXT])
{
    const char *name;
    uint64_t hash = 0;
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        hash = pal_hash(pal_hash(hash, name, strlen(name)), t->data, pal_tensor_bytes(t));
    }
    snprintf(out, PAL_HASH_TEXT, "xxh3:%016" PRIx64, hash);
}

/* A run that is resumed before its first save begins anew, with the weights that it began with. */
static pal_status check_weights(pal_cli_job *j, const pal_model *other, pal_error *err)
{
    const char *was = j->dir ? j->info.from_weights : NULL;
    hash_weights(other, j->from_weights);
    if (!j->dir) j->info.from_weights = j->from_weights;
    if (!was || !strcmp(was, j->from_weights)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "its weights have changed since %s began with them: restore them, or train a new run",
                         pal_rundir_path(j->dir));
}

int pal_cli_job_weights(pal_cli_job *j, const char *from)
{
    pal_error err = {0};
    if (!from) return PAL_CLI_GO_ON;
    pal_rundir *dir = pal_rundir_open_model(from, &err);
    bool best = false;
    const int loaded =
        dir && !pal_variant_find(pal_rundir_info(dir)->model) ? pal_cli_source_of_run(dir) : PAL_CLI_GO_ON;
    if (loaded != PAL_CLI_GO_ON) {
        pal_rundir_free(dir);
        return loaded;
    }
    pal_model *other = dir ? pal_cli_which(dir, j->context, NULL, &best, &err) : NULL;
    if (other && best && !j->dir && !j->why)
        pal_cli_say(0, "--from %s: it begins with the best weights of this run, not with the last", from);
    if (other && !check_weights(j, other, &err)) pal_model_take(j->model, other, &err);
    pal_model_free(other);
    pal_rundir_free(dir);
    if (!err.status) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--from %s: %s", from, err.text);
}

int pal_cli_check_new_memory(const pal_cli_args *args, const pal_variant *variant, const pal_setting *settings,
                             size_t n, const pal_dataset *train, const pal_dataset *test,
                             char words[PAL_CLI_MEMORY_WORDS])
{
    const char *batch = pal_cli_given(args, "batch");
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer,
                                             .name = pal_cli_given(args, "optimizer"),
                                             .average = pal_cli_given(args, "average"),
                                             .elementwise = pal_cli_given(args, "elementwise"),
                                             .max_dimension = pal_cli_int(args, "max-dimension", 0)};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = test,
                                 .batch = batch ? strtoll(batch, NULL, 10) : 0,
                                 .lanes = (unsigned)pal_cli_int(args, "lanes", pal_cli_default_lanes(args)),
                                 .optimizer = &optimizer,
                                 .accumulate = pal_cli_int(args, "accumulate", 1),
                                 .gradient_sizes = pal_cli_flag(args, "gradient-sizes"),
                                 .shards = pal_cli_shards(args),
                                 .communicator = pal_cli_trainers(args),
                                 .minimise = {.memory = pal_cli_int(args, "pairs", 0),
                                              .products = pal_cli_int(args, "products", 0),
                                              .curvature_samples = pal_cli_int(args, "curvature-samples", 0),
                                              .fixed_batch = pal_cli_int(args, "fixed-batch", 0),
                                              .frozen_noise = true}};
    return pal_cli_check_memory(args, &(pal_cli_planned){variant, settings, n, train, &o}, words);
}

/* ---- Resuming a run ------------------------------------------------------------------------------------------- */

/* Refuses arguments that a resumed run has already. */
static int check_words(const pal_cli_job *j)
{
    static const char *const allowed[] = {"resume",     "epochs", "time", "data",      "threads",
                                          "max-memory", "quiet",  "json", "check-nan", "profile"};
    const char *found = j->args.n_variant ? j->args.variant[0].name : NULL;
    for (size_t i = 0; i < j->args.n_given && !found; i++) {
        found = j->args.given[i].name;
        for (size_t k = 0; k < sizeof allowed / sizeof *allowed && found; k++)
            if (!strcmp(found, allowed[k])) found = NULL;
    }
    if (j->args.n_words)
        return pal_cli_say(PAL_CLI_WRONG, "%s: a resumed run already has its model: leave the name out",
                           j->args.words[0]);
    if (!found) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--%s: a resumed run keeps the settings it started with: leave the option out",
                       found);
}

/* Takes --time, the new limit. A run that its time has ended goes on only with a longer one. */
static int take_time(pal_cli_job *j)
{
    const char *given = pal_cli_given(&j->args, "time"), *path = pal_rundir_path(j->dir);
    const pal_train_result *r = &pal_rundir_info(j->dir)->result;
    char was[32], took[32];
    const bool ended = r->ended && !strcmp(r->ended, "time");
    pal_cli_duration(j->info.time_limit, was, sizeof was);
    if (!given && ended)
        return pal_cli_say(PAL_CLI_WRONG, "%s is done, its --time %s is over: to train it longer, give a longer --time",
                           path, was);
    if (!given) return PAL_CLI_GO_ON;
    if (pal_cli_is_solved(j->info.settings, j->info.n_settings))
        return pal_cli_say(PAL_CLI_WRONG, "%s is solved in closed form, which takes no time: leave --time out", path);
    if (!pal_cli_seconds(given, &j->info.time_limit))
        return pal_cli_check_stopping(&j->args, NULL, &j->info.time_limit);
    if (r->seconds >= j->info.time_limit)
        return pal_cli_say(PAL_CLI_WRONG, "--time %s: %s was trained for %s already: give a longer time", given, path,
                           pal_cli_duration(r->seconds, took, sizeof took));
    return PAL_CLI_GO_ON;
}

/* Takes --epochs, which trains the run longer. */
static int take_epochs(pal_cli_job *j)
{
    const char *given = pal_cli_given(&j->args, "epochs"), *path = pal_rundir_path(j->dir);
    const pal_run_info *info = pal_rundir_info(j->dir);
    const bool done = !strcmp(info->status, "done") && !(info->result.ended && !strcmp(info->result.ended, "time"));
    if (!given && !done) return PAL_CLI_GO_ON;
    if (pal_cli_is_solved(info->settings, info->n_settings))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s is solved in closed form, which has no epochs: it cannot be trained longer", path);
    if (!given)
        return pal_cli_say(PAL_CLI_WRONG, "%s is done: to train it longer, give --epochs with more than %lld", path,
                           (long long)info->epochs);
    j->info.epochs = pal_cli_int(&j->args, "epochs", 0);
    j->extend = j->command;
    return PAL_CLI_GO_ON;
}

static int check_data(const pal_cli_job *j)
{
    const struct {
        const char *split;
        int64_t was, is;
    } counts[] = {{"training", j->info.train_samples, j->train->count}, {"test", j->info.test_samples, j->test->count}};
    for (size_t i = 0; i < 2; i++)
        if (counts[i].was != counts[i].is)
            return pal_cli_say(PAL_CLI_WRONG,
                               "%s: has %lld %s samples, but the run started with %lld: restore the original data",
                               j->data, (long long)counts[i].is, counts[i].split, (long long)counts[i].was);
    return PAL_CLI_GO_ON;
}

/* Takes --data, where the data of the run are now. */
static int take_data(pal_cli_job *j)
{
    const char *given = pal_cli_given(&j->args, "data"), *path = given ? given : j->info.data;
    pal_error err = {0};
    if (!given && path && access(path, F_OK))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: the data of the run are no longer there: give --data with their new path", path);
    int status = pal_cli_job_data(j, path ? path : "", j->info.limit, true);
    if (status == PAL_CLI_GO_ON && given && pal_rundir_set_data(j->dir, j->data, &err)) return pal_cli_say_error(&err);
    if (status == PAL_CLI_GO_ON) status = check_data(j);
    if (status == PAL_CLI_GO_ON && !pal_run_has_fingerprint(&j->info))
        pal_cli_say(
            0,
            "%s has no fingerprint of its data, because an older version began it: whether they have changed is "
            "not known",
            pal_rundir_path(j->dir));
    return status;
}

/* Opens the model of the checkpoint. A run that ended before its first save begins with the initial weights. */
static int open_model(pal_cli_job *j)
{
    pal_error err = {0};
    const bool saved = pal_rundir_saved(j->dir);
    if (saved)
        j->model = pal_rundir_model(j->dir, j->context, &err);
    else
        j->model = pal_model_new_for(j->context, j->variant, j->info.settings, j->info.n_settings, j->train->schema,
                                     j->train->sample, PAL_F32, (uint64_t)j->info.seed, &err);
    if (!j->model) return pal_cli_say_error(&err);
    if (saved) return PAL_CLI_GO_ON;
    const int status = pal_cli_job_weights(j, j->info.from);
    if (status == PAL_CLI_GO_ON)
        pal_cli_say(0, "%s ended before its first save: it begins at the start", pal_rundir_path(j->dir));
    return status;
}

/* Warns if the instruction set or the BLAS has changed, because results depend on them bit by bit. */
static void say_changes(const pal_cli_job *j)
{
    const char *was[PAL_RUN_CHANGES], *is[PAL_RUN_CHANGES];
    if (pal_run_changes(&j->info, j->context, was, is))
        pal_cli_say(0,
                    "%s started with %s and continues with %s: its results may differ in rounding from those of an "
                    "uninterrupted run",
                    pal_rundir_path(j->dir), was[0], is[0]);
}

/* What the rest of the training needs, before the model is opened. */
static int check_memory(pal_cli_job *j)
{
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = j->test,
                                 .batch = j->info.batch,
                                 .accumulate = j->info.accumulate,
                                 .lanes = (unsigned)j->info.lanes,
                                 .optimizer = j->info.optimizer.name ? &j->info.optimizer : NULL,
                                 .gradient_sizes = j->info.gradient_sizes,
                                 .minimise = j->info.minimise,
                                 .shards = j->info.shards,
                                 .communicator = pal_cli_trainers(&j->args)};
    const pal_cli_planned planned = {j->variant, j->info.settings, j->info.n_settings, j->train, &o};
    return pal_cli_check_memory(&j->args, &planned, j->memory);
}

/* The folder's info is valid only until its next change. */
static void keep_texts(pal_cli_job *j)
{
    const char **const texts[PAL_CLI_KEPT] = {
        &j->info.optimizer.name,  &j->info.schedule.name,     &j->info.optimizer.momentum_schedule,
        &j->info.optimizer.rates, &j->info.optimizer.average, &j->info.optimizer.elementwise};
    for (size_t i = 0; i < PAL_CLI_KEPT; i++) {
        if (!*texts[i]) continue;
        snprintf(j->kept[i], sizeof j->kept[i], "%s", *texts[i]);
        *texts[i] = j->kept[i];
    }
}

/* Several processes have to meet before they open the folder together, and a portable run may start them again before
 * that. */
static int meet(pal_cli_job *j)
{
    pal_error err = {0};
    int status = PAL_CLI_GO_ON;
    if (pal_cli_process_count() < 2) return status;
    pal_rundir *dir = pal_rundir_open(pal_cli_given(&j->args, "resume"), &err);
    if (!dir) return pal_cli_say_error(&err);
    const pal_run_info *info = pal_rundir_info(dir);
    const int64_t shards = info->shards > 1 ? info->shards : 1;
    if (pal_cli_process_count() > shards)
        status = pal_cli_say(PAL_CLI_WRONG,
                             "%s was begun with %lld shard%s, which is the most processes that can share a batch: "
                             "%s",
                             pal_rundir_path(dir), (long long)shards, shards == 1 ? "" : "s",
                             shards == 1 ? "resume it without mpirun" : "start no more");
    else
        j->context = pal_cli_context(&j->args, info, &status);
    pal_rundir_free(dir);
    return status;
}

int pal_cli_job_resume(pal_cli_job *j)
{
    int status = check_words(j);
    pal_error err = {0};
    if (status == PAL_CLI_GO_ON) status = meet(j);
    if (status != PAL_CLI_GO_ON) return status;
    j->dir = pal_rundir_extend_together(pal_cli_given(&j->args, "resume"), pal_cli_trainers(&j->args), &err);
    if (!j->dir) return pal_cli_say_error(&err);
    j->info = *pal_rundir_info(j->dir);
    status = take_time(j);
    if (status == PAL_CLI_GO_ON) status = take_epochs(j);
    if (status != PAL_CLI_GO_ON) return status;
    j->variant = pal_cli_run_variant(j->dir, &status);
    if (!j->variant) return status;
    pal_cli_source_tell(j->dir);
    if (!j->context) j->context = pal_cli_context(&j->args, &j->info, &status);
    if (j->context) status = take_data(j);
    if (status == PAL_CLI_GO_ON) status = check_memory(j);
    if (status == PAL_CLI_GO_ON) status = open_model(j);
    if (status != PAL_CLI_GO_ON) return status;
    say_changes(j);
    keep_texts(j);
    return status;
}
