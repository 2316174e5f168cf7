/* evaluate.c - palindrome evaluate: measures a run on its own test samples, or on other data next to its own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/evaluate.h"
#include "cli/processes.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("limit", "", 1, 4294967295, "N", "measure only the first N samples"),
    PAL_CLI_INT("jacobian-samples", "", 0, 4294967295, "N",
                "samples for the mean norm of the encoder's Jacobian (default: all, or 256 where it is computed row by "
                "row); 0: leave it out"),
    PAL_CLI_INT("importance", "", 0, 1000000000, "N",
                "estimate ln p(x) for a random code, from N draws of the posterior per sample, such as 5000"),
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_evaluate_spec = {
    .data = true,
    .words = "RUN",
    .summary =
        "Measure a run on the test samples. Options of the loss, such as --lambda or --beta, may have other values "
        "than in training; options that change the meaning of the trained weights may not. Options such as "
        "--masking corrupt the input of any model. With --data OTHER, the figures of the run's own data are "
        "printed next to those of OTHER: a code compresses the kind of data it was trained on, not other data.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = PAL_CLI_NO_RUN,
    .variants = true,
    .effect = PAL_CLI_FIGURES,
    .processes = true,
};

/* Stores whether --data differs from the data that the run was trained on. Its full path tells. */
static int find_other(const pal_cli_args *args, const pal_run_info *info, bool *other)
{
    char path[PATH_MAX];
    const char *given = pal_cli_given(args, "data");
    *other = false;
    if (!given || !info->data) return PAL_CLI_GO_ON;
    if (!realpath(given, path))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--data %s: its full path cannot be found (%s), so whether %s was trained on it is not "
                           "known: copy it to a folder with a shorter path",
                           given, strerror(errno), args->words[0]);
    *other = strcmp(path, info->data) != 0;
    return PAL_CLI_GO_ON;
}

/* ---- The verb ------------------------------------------------------------------------------------------------- */

static int report(int64_t done, int64_t all, void *user)
{
    return pal_cli_progress_count(user, "importance", done, all);
}

/* Estimates ln p(x) for --importance, if it is given. out NULL: only checks whether that is possible. */
static int weigh(const pal_cli_args *args, pal_cli_run *run, const pal_dataset *data, pal_importance_result *out)
{
    pal_error err = {0};
    pal_cli_progress progress;
    const pal_importance_options o = {.struct_size = sizeof o,
                                      .draws = pal_cli_int(args, "importance", 0),
                                      .seed = (uint64_t)pal_cli_int(args, "seed", pal_rundir_info(run->dir)->seed),
                                      .progress = report,
                                      .user = &progress};
    if (out) *out = (pal_importance_result){0};
    if (!pal_cli_given(args, "importance")) return PAL_CLI_GO_ON;
    if (!out) return pal_importance_check(run->model, data, &o, &err) ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
    pal_cli_progress_start(&progress, false, true);
    pal_cli_signals_catch();
    pal_status status = pal_importance(run->model, data, &o, out, &err);
    pal_cli_progress_erase(&progress);
    pal_cli_signals_release();
    if (status == PAL_ERR_STOPPED) return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "%s", err.text);
    return status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

int pal__evaluate_measure(const pal_cli_args *args, pal_cli_run *run, const pal_dataset *data, const pal_dataset *train,
                          pal__column *out)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    const int64_t given = pal_cli_int(args, "jacobian-samples", -1);
    pal_evaluate_options o = {.struct_size = sizeof o,
                              .batch = info->batch > 0 ? info->batch : 0,
                              .seed = (uint64_t)pal_cli_int(args, "seed", info->seed),
                              .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                              .corruptor = run->corruptor,
                              .code = true,
                              .unit_divergence = &out->unit_divergence,
                              .train = train,
                              .communicator = pal_cli_communicator(),
                              .jacobian_samples = given > 0 ? given : -!given};
    pal_error err = {0};
    out->data = data->name;
    out->density = !pal_density_check(run->model, data, NULL);
    if (pal_evaluate(run->model, data, &o, &out->figures, &err)) return pal_cli_say_error(&err);
    return weigh(args, run, data, &out->importance);
}

/* Opens the data that the run was trained on. NULL: only the other data are measured. */
static int open_trained(const pal_cli_args *args, const pal_cli_run *run, pal_dataset **data)
{
    const char *word = pal_cli_given(args, "split");
    return pal_cli_open_further(run, word && !strcmp(word, "train") ? PAL_SPLIT_TRAIN : PAL_SPLIT_TEST,
                                pal_cli_int(args, "limit", 0), "the column of the run's own data", data);
}

/* Opens the training samples of the run, for the baseline. NULL: there are none, or they no longer fit. */
static int open_baseline(const pal_cli_run *run, pal_dataset **data)
{
    const int status =
        pal_cli_open_further(run, PAL_SPLIT_TRAIN, pal_rundir_info(run->dir)->limit, "the mean training sample", data);
    if (!*data || (*data)->features == pal_shape_count(pal_model_sample(run->model))) return status;
    pal_dataset_free(*data);
    *data = NULL;
    return status;
}

static uint64_t hash_sizes(uint64_t hash, const pal_dataset *data)
{
    const int64_t sizes[] = {data ? data->count : -1, data ? data->features : 0, data ? data->classes : 0,
                             data && data->labels, data && data->known};
    return pal_hash(hash, sizes, sizeof sizes);
}

/* Each process opens its files by itself. Of the data only the sizes are compared: no process reads all of them. */
static int compare(const pal_cli_run *run, const pal_dataset *trained, const pal_dataset *train)
{
    uint64_t model = 0;
    const pal_tensor *t;
    for (size_t i = 0; (t = pal_model_parameter(run->model, i, NULL)); i++)
        model = pal_hash(model, t->data, pal_tensor_bytes(t));
    const uint64_t data = hash_sizes(hash_sizes(hash_sizes(0, run->data), trained), train);
    const int status = pal_cli_processes_compare(model, "another model");
    return status == PAL_CLI_GO_ON ? pal_cli_processes_compare(data, "other data") : status;
}

static int act(const pal_cli_args *args, pal_cli_run *run)
{
    pal_dataset *trained = NULL, *train = NULL;
    pal__column columns[PAL__COLUMNS] = {0};
    size_t n = 1;
    bool other;
    int status = find_other(args, pal_rundir_info(run->dir), &other);
    if (status == PAL_CLI_GO_ON) status = open_baseline(run, &train);
    const bool draws = pal_cli_given(args, "importance") || (train && train->count > PAL_BASELINE_ROWS);
    if (status == PAL_CLI_GO_ON && !draws) status = pal_cli_check_seed(args, run, 1);
    if (status == PAL_CLI_GO_ON) status = weigh(args, run, run->data, NULL);
    if (status == PAL_CLI_GO_ON && other) status = open_trained(args, run, &trained);
    if (status == PAL_CLI_GO_ON && trained) status = weigh(args, run, trained, NULL);
    status = pal_cli_processes_agree(status);
    if (status == PAL_CLI_GO_ON) status = compare(run, trained, train);
    if (status == PAL_CLI_GO_ON) status = pal__evaluate_measure(args, run, run->data, train, &columns[PAL__ASKED]);
    if (status == PAL_CLI_GO_ON && trained) status = pal__evaluate_measure(args, run, trained, train, &columns[n++]);
    if (status == PAL_CLI_GO_ON && !run->corruptor) pal_cli_warn_idle_corruption(run->model);
    if (status == PAL_CLI_GO_ON)
        (pal_cli_flag(args, "json") ? pal__evaluate_json : pal__evaluate_table)(run, columns, n);
    for (size_t i = 0; i < PAL__COLUMNS; i++) free(columns[i].unit_divergence);
    pal_dataset_free(trained);
    pal_dataset_free(train);
    return status == PAL_CLI_GO_ON ? PAL_CLI_DONE : status;
}

static int check(const pal_cli_args *args)
{
    if (pal_cli_process_count() < 2 || !pal_cli_given(args, "importance")) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--importance is estimated by one process: start it without mpirun");
}

int pal_cli_evaluate(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&pal_cli_evaluate_spec, check, true, act}, argc, argv);
}
