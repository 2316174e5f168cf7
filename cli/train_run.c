/* train_run.c - runs the training that train.c has prepared: makes the folder, trains, and says how it has ended.
 *
 * Of several processes that train together, each comes through here. They agree before the folder is made; the training
 * then ends in all of them in the same way (pal_train). */
#include <string.h>
#include <unistd.h>

#include "cli/processes.h"
#include "cli/source.h"
#include "cli/train.h"

static int make_folder(pal_cli_job *j)
{
    pal_fingerprint_of(j->train, j->test, &j->fingerprint);
    for (size_t i = 0; i < PAL_FINGERPRINT; i++)
        j->info.fingerprint[i] = *j->fingerprint.text[i] ? j->fingerprint.text[i] : NULL;
    pal_setting settings[PAL_CLI_SETTINGS];
    const pal_option *option;
    size_t n = 0;
    for (option = NULL; (option = pal_variant_option_next(j->variant, option)) && n < PAL_CLI_SETTINGS;)
        settings[n++] = (pal_setting){option->name, pal_model_setting(j->model, option->name)};
    j->info.settings = settings;
    j->info.n_settings = n;
    pal_error err = {0};
    j->dir = pal_rundir_new_together(pal_cli_given(&j->args, "out"), &j->info, pal_cli_trainers(&j->args), &err);
    j->info.settings = NULL;
    if (j->dir) return PAL_CLI_GO_ON;
    if (err.status == PAL_ERR_EXISTS) return pal_cli_say(PAL_CLI_WRONG, "%s: choose another --out", err.text);
    return pal_cli_say_error(&err);
}

/* Reports why training ended early. */
static int tell(const pal_cli_job *j, int status, const char *line)
{
    if (!j->why) return pal_cli_say(status, "%s", line);
    pal_error_set(j->why, PAL_ERR_STOPPED, "%s", line);
    return status;
}

/* Says how a schedule that depends on the number of epochs goes on. */
static void say_schedule(const pal_cli_job *j)
{
    if (j->extend && pal_schedule_uses_total(j->info.schedule.name))
        pal_cli_say(0,
                    "%s: the %s schedule is planned anew for %lld epochs: the learning rate goes on as at this epoch "
                    "of a run of %lld, but the earlier epochs had other rates",
                    pal_rundir_path(j->dir), j->info.schedule.name, (long long)j->info.epochs,
                    (long long)j->info.epochs);
}

/* The folder where the results are, which may have been renamed during training; this is said. */
static const char *place(const pal_cli_job *j, char *out, size_t size)
{
    const char *path = pal_rundir_path(j->dir), *now = pal_rundir_moved(j->dir, out, size);
    if (now)
        pal_cli_say(0, "warning: the folder %s was renamed or removed during training: its results are in %s", path,
                    *now ? now : "the folder that had this name");
    return now && *now ? now : path;
}

static int check(const pal_cli_job *j, const pal_train_options *o)
{
    pal_error err = {0};
    if (!pal_train_check(j->model, j->train, o, &err)) return PAL_CLI_GO_ON;
    if (!j->extend) return pal_cli_say_error(&err);
    return pal_cli_say(PAL_CLI_WRONG, "%s: %s", pal_rundir_path(j->dir), err.text);
}

/* Why training failed, and what is left. */
static int tell_failure(const pal_cli_job *j, const pal_error *err, const char *folder)
{
    char line[2048], quoted[1024] = "";
    pal_cli_quote_path(quoted, sizeof quoted, folder);
    const pal_communicator *all = pal_cli_trainers(&j->args);
    const bool lost = all && err->status == PAL_ERR_PEER;
    if (lost) pal_cli_processes_lost();
    if (lost)
        snprintf(line, sizeof line, "%s: the last checkpoint is whole; go on with `palindrome train --resume %s`",
                 all->why(all->self), quoted);
    else
        snprintf(line, sizeof line, "%s; see %s", err->text, folder);
    return tell(j, PAL_CLI_FAILED, line);
}

static pal_train_options options_of(const pal_cli_job *j, pal_cli_progress *progress, pal_cli_profile *profile)
{
    return (pal_train_options){.struct_size = sizeof(pal_train_options),
                               .test = j->test,
                               .epochs = j->info.epochs,
                               .batch = j->info.batch,
                               .accumulate = j->info.accumulate,
                               .test_every = j->info.test_every,
                               .seed = (uint64_t)j->info.seed,
                               .lanes = (unsigned)j->info.lanes,
                               .optimizer = &j->info.optimizer,
                               .schedule = &j->info.schedule,
                               .progress = pal_cli_progress_report,
                               .user = progress,
                               .folder = j->dir,
                               .resume = j->dir != NULL,
                               .check_nan = pal_cli_flag(&j->args, "check-nan"),
                               .extend = j->extend,
                               .profile = pal_cli_flag(&j->args, "profile") ? pal_cli_profile_take : NULL,
                               .profile_user = profile,
                               .gradient_sizes = j->info.gradient_sizes,
                               .minimise = j->info.minimise,
                               .patience = j->info.patience,
                               .min_improvement = j->info.min_improvement,
                               .keep_best = j->info.keep_best,
                               .time_limit = j->info.time_limit,
                               .shards = j->info.shards,
                               .communicator = pal_cli_trainers(&j->args)};
}

/* The processes that share a batch. A process owns a whole subtree of the shards, so all own equally many only if the
 * shards are 1, 2, 4, 8 ... times the processes; else those with fewer wait. */
static void say_processes(const pal_cli_job *j, int width)
{
    const pal_communicator *c = pal_cli_trainers(&j->args);
    char line[256];
    if (!c || j->info.shards < c->size) return; /* a closed form has no shards */
    int64_t least = j->info.shards, most = 0, first, n;
    for (int i = 0; i < c->size; i++) {
        pal_shards_of(j->info.shards, c->size, i, &first, &n);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    int64_t equal = c->size;
    while (equal * 2 <= j->info.shards) equal *= 2;
    const long long has[] = {least, most, j->info.shards, equal, equal * 2};
    if (least == most)
        snprintf(line, sizeof line, "processes %d, each with %lld of %lld shards", c->size, has[1], has[2]);
    else if (pal_cli_given(&j->args, "resume")) /* which keeps the shards */
        snprintf(line, sizeof line, "processes %d, with %lld to %lld of %lld shards: those with fewer wait", c->size,
                 has[0], has[1], has[2]);
    else
        snprintf(line, sizeof line,
                 "processes %d, with %lld to %lld of %lld shards: those with fewer wait; --shards %lld or %lld gives "
                 "all equally many",
                 c->size, has[0], has[1], has[2], has[3], has[4]);
    pal_cli_wrap(2, 2, width, line);
}

/* What is read, who computes, and what it takes, above the progress. */
static void say_beginning(const pal_cli_job *j)
{
    char read[PAL_CLI_DATA_WORDS + 8];
    const int all = pal_cli_width(), width = all > 1 ? all - 1 : pal_cli_is_terminal(STDOUT_FILENO) ? 79 : 0;
    snprintf(read, sizeof read, "data %s", j->words);
    pal_cli_wrap(2, 2, width, read);
    say_processes(j, width);
    fflush(stdout);
    if (*j->memory) pal_cli_say_memory(j);
}

int pal_cli_job_run(pal_cli_job *j)
{
    char line[2048], now[PATH_MAX];
    pal_cli_progress progress;
    pal_cli_profile profile = {.context = j->context};
    bool json = pal_cli_flag(&j->args, "json"), quiet = pal_cli_flag(&j->args, "quiet");
    pal_train_options o = options_of(j, &progress, &profile);
    pal_error err = {0};
    int status = check(j, &o);
    if (!j->args.alone) status = pal_cli_processes_agree(status);
    if (status != PAL_CLI_GO_ON) return status;
    say_schedule(j);
    pal_cli_signals_catch();
    if (!j->dir) status = make_folder(j);
    if (status != PAL_CLI_GO_ON) return status;
    o.folder = j->dir;
    pal_train_result result;
    if (!quiet && !json && !j->why) say_beginning(j);
    pal_cli_progress_start(&progress, quiet, json);
    pal_status done = pal_train(j->model, j->train, &o, &result, &err);
    pal_cli_progress_end(&progress);
    const char *folder = place(j, now, sizeof now);
    if (done && done != PAL_ERR_STOPPED) {
        pal_cli_profile_free(&profile);
        return tell_failure(j, &err, folder);
    }
    char nothing[512], quoted[1024] = "";
    pal_cli_train_verdict(j->dir, j->model, j->train, &result, nothing, sizeof nothing);
    if (json) pal_cli_train_json(j->dir, &result, o.profile ? pal_cli_profile_json(&profile) : NULL);
    if (!json && !quiet) pal_cli_train_table(j->dir, j->model, j->train, &result, !*nothing);
    if (!json && !quiet) pal_cli_profile_print(&profile);
    pal_cli_profile_free(&profile);
    if (done != PAL_ERR_STOPPED) {
        if (*nothing && !j->why) pal_cli_say(PAL_CLI_DONE, "%s: %s", pal_rundir_path(j->dir), nothing);
        return PAL_CLI_DONE;
    }
    pal_cli_quote_path(quoted, sizeof quoted, folder);
    const bool minimises = pal_train_minimises(j->info.optimizer.name);
    snprintf(line, sizeof line,
             "interrupted after %s %lld, which is saved: continue with `palindrome train --resume %s`",
             minimises ? "epoch" : "step", (long long)(minimises ? result.saved : result.steps), quoted);
    return tell(j, PAL_CLI_SIGNAL + pal_cli_signal(), line);
}
