/* sweep.c - palindrome sweep: trains a model with several settings and seeds, and compares the results.
 *
 * Each run is a `palindrome train` with one value of each list. So each folder is an ordinary run, and its run.json
 * contains the command that repeats it. All arguments are checked before the first run. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/processes.h"
#include "cli/sweep.h"
#include "cli/train.h"

enum { PATH = SWEEP_PATH, VALUES = SWEEP_VALUES, NAME = SWEEP_NAME, WORD = SWEEP_LIST };

typedef pal_cli_sweep_job job;

/* ---- Options and lists ---------------------------------------------------------------------------------------- */

/* clang-format off */
static const pal_cli_row rows[] = {
    {{"out", PAL_OPTION_ENUM, "", 0, 0, NULL, "folder for all runs (default: runs/sweep-MODEL-NNN)"}, "RUN", NULL, 'o'},
    PAL_CLI_INT("seeds", "3", 1, 1000, "N", "number of seeds, from --seed on; the same for all settings"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N", "the first seed"),
    {{"learning-rate", PAL_OPTION_ENUM, "0.1", 0, 0, NULL, "step size"}, "X", "lr", 0}, /* free text: a number or a list */
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_sweep_spec = {
    .data = true,
    .trains = true,
    .words = "MODEL",
    .summary =
        "Train a model with several settings and seeds, and compare the results. Give a list of values to one or "
        "two options of the model, or to the learning rate: --lambda 0,0.1,1. If a value is itself a list, "
        "separate values with semicolons: --layers '500,30;100,30'. Runs with the same seed share initial "
        "weights, order of samples and noise. Each run has its own folder.",
    .rows = rows,
    .more = pal_cli_train_rows,
    .without = "resume|like|config|profile",
    .needs = pal_cli_train_needs,
    .least = 1,
    .most = 1,
    .missing = "no model given: `palindrome models` lists them",
    .variants = true,
    .late = true,
    .processes = true,
};

/* Values are separated by commas, or by semicolons if a value is itself a list. */
static char separator(const pal_option *option, const char *text)
{
    bool list = option && (option->type == PAL_OPTION_SIZES || option->type == PAL_OPTION_REALS);
    return list || strchr(text, ';') ? ';' : ',';
}

static int add_axis(job *j, const char *name, const char *text, char between)
{
    if (j->n_axes == PAL_SWEEP_AXES)
        return pal_cli_say(PAL_CLI_WRONG, "--%s: give lists of values for at most %d options", name, PAL_SWEEP_AXES);
    pal_sweep_axis *axis = &j->axes[j->n_axes];
    char *at = j->lists[j->n_axes], *end;
    if (strlen(text) >= WORD) return pal_cli_say(PAL_CLI_WRONG, "--%s: the list is too long", name);
    strcpy(at, text);
    *axis = (pal_sweep_axis){.name = name, .values = j->values[j->n_axes]};
    for (bool more = true; more; at = end + 1) {
        end = at + strcspn(at, (char[]){between, 0});
        more = *end;
        *end = 0;
        at += strspn(at, " ");
        if (!*at) return pal_cli_say(PAL_CLI_WRONG, "--%s %s: a value is missing in the list", name, text);
        for (size_t i = 0; i < axis->count; i++)
            if (!strcmp(axis->values[i], at))
                return pal_cli_say(PAL_CLI_WRONG, "--%s %s: %s appears twice", name, text, at);
        if (axis->count == VALUES) return pal_cli_say(PAL_CLI_WRONG, "--%s: at most %d values", name, VALUES);
        j->values[j->n_axes][axis->count++] = at;
    }
    j->n_axes++;
    return PAL_CLI_GO_ON;
}

static int find_axes(job *j)
{
    int status = PAL_CLI_GO_ON;
    const char *rate = pal_cli_given(&j->args, "learning-rate");
    for (size_t i = 0; i < j->args.n_variant && status == PAL_CLI_GO_ON; i++) {
        const pal_setting *s = &j->args.variant[i];
        char between = separator(pal_variant_option_find(j->variant, s->name), s->value);
        if (strchr(s->value, between)) status = add_axis(j, s->name, s->value, between);
    }
    if (status == PAL_CLI_GO_ON && rate && strchr(rate, ',')) status = add_axis(j, "learning-rate", rate, ',');
    if (status == PAL_CLI_GO_ON && !j->n_axes)
        status = pal_cli_say(PAL_CLI_WRONG, "nothing varies: give several values to an option of %s, such as --%s",
                             j->variant->name,
                             pal_variant_option_find(j->variant, "lambda") ? "lambda 0,0.1,1" : "hidden 64,256");
    return status;
}

static int check_rate(const job *j, const char *text)
{
    pal_error err = {0};
    for (const pal_cli_row *r = pal_cli_train_rows; r->option.name; r++)
        if (!strcmp(r->option.name, "learning-rate") && pal_option_check(&r->option, text, &err))
            return pal_cli_say(PAL_CLI_WRONG, "--%s", err.text);
    (void)j;
    return PAL_CLI_GO_ON;
}

/* Takes the place of a run in the first pass, which writes nothing: checks whether such a model can be made. */
static pal_status try(const pal_sweep_run *run, void *user, pal_error *err)
{
    job *j = user;
    pal_setting settings[PAL_CLI_SETTINGS];
    size_t n = pal_cli_sweep_settings(j, run->settings, run->n_settings, settings);
    j->status = pal_cli_check_settings(j->variant, settings, n);
    for (size_t i = 0; i < run->n_settings && j->status == PAL_CLI_GO_ON; i++)
        if (!strcmp(run->settings[i].name, "learning-rate")) j->status = check_rate(j, run->settings[i].value);
    if (j->status != PAL_CLI_GO_ON) return pal_error_set(err, PAL_ERR_ARGUMENT, "said");
    char words[PAL_CLI_MEMORY_WORDS];
    j->status = pal_cli_check_new_memory(&j->args, j->variant, settings, n, j->train, j->test, words);
    if (j->status != PAL_CLI_GO_ON) return pal_error_set(err, PAL_ERR_ARGUMENT, "said");
    pal_error why = {0};
    pal_model *model =
        pal_model_new_for(j->context, j->variant, settings, n, j->test->schema, j->test->sample, PAL_F32, 1, &why);
    if (model) pal_model_check_given(model, settings, n, &why);
    if (model && !why.status) pal_cli_sweep_find_terms(j, model);
    pal_model_free(model);
    if (!why.status) return PAL_OK;
    j->status = pal_cli_say_error(&why);
    return pal_error_set(err, PAL_ERR_ARGUMENT, "said");
}

/* An existing folder must be empty. */
static int choose_folder(job *j)
{
    const char *given = pal_cli_given(&j->args, "out");
    for (int i = 1; !given; i++) {
        snprintf(j->out, PATH, "runs/sweep-%s-%03d", j->variant->name, i);
        if (access(j->out, F_OK)) return PAL_CLI_GO_ON;
    }
    snprintf(j->out, PATH, "%s", given);
    if (access(given, F_OK)) return PAL_CLI_GO_ON;
    DIR *folder = opendir(given);
    bool empty = folder != NULL;
    for (const struct dirent *e; folder && (e = readdir(folder));)
        empty &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
    if (folder) closedir(folder);
    return empty ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_WRONG, "%s exists: choose another --out", given);
}

/* Process 0 chooses for all. */
static int choose_folder_once(job *j)
{
    pal_error err = {0};
    int status = pal_cli_is_first() ? choose_folder(j) : PAL_CLI_GO_ON;
    status = pal_cli_processes_agree(status);
    if (status != PAL_CLI_GO_ON || !pal_communicator_broadcast(pal_cli_communicator(), 0, j->out, sizeof j->out, &err))
        return status;
    pal_cli_processes_lost();
    return pal_cli_say_error(&err);
}

/* ---- One run -------------------------------------------------------------------------------------------------- */

static pal_status measure(job *j, const pal_sweep_run *run, const char *folder, pal_error *err)
{
    pal_rundir *dir = pal_rundir_open_model(folder, err);
    bool best;
    pal_model *model = dir ? pal_cli_which(dir, j->context, NULL, &best, err) : NULL;
    pal_figures found;
    pal_evaluate_options o = {.struct_size = sizeof o, .seed = run->seed, .code = true};
    pal_status status = model ? pal_evaluate(model, j->test, &o, &found, err) : PAL_ERR_IO;
    if (!status) pal_cli_sweep_take(j, &found, run->figures);
    pal_model_free(model);
    pal_rundir_free(dir);
    return status;
}

static void tell(job *j, const pal_sweep_run *run, bool finished)
{
    char name[NAME], told[NAME + 64], shown[NAME + 64];
    pal_cli_sweep_describe(run->settings, run->n_settings, false, name);
    if (j->terminal && !j->quiet && !finished) {
        const int columns = pal_cli_columns(stderr);
        snprintf(told, sizeof told, "%zu of %zu: %s, seed %llu ...", run->number, run->runs, name,
                 (unsigned long long)run->seed);
        pal_text_clean(shown, columns > 0 && columns < NAME ? (size_t)columns : sizeof shown, told, strlen(told));
        fprintf(stderr, "\r%s\033[K", shown);
    }
    if (j->terminal && !j->quiet && finished) fputs("\r\033[K", stderr);
    if (!finished || j->quiet || j->json || !pal_cli_is_first()) return;
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_print_cell(&line, -1, 0, "%zu of %zu: %s, seed %llu", run->number, run->runs, name,
                       (unsigned long long)run->seed);
    for (size_t f = 0; f < 2; f++) /* the table at the end has all figures */
        if (isfinite(run->figures[f]))
            pal_cli_print_cell(&line, -1, 2, "%s %.4f", pal_cli_sweep_heading(j, f, told, sizeof told),
                               run->figures[f]);
    pal_cli_end_line(&line);
    fflush(stdout);
}

/* Trains and measures. */
static pal_status run_mine(job *j, const pal_sweep_run *run, pal_error *err)
{
    char folder[PATH];
    if (pal_cli_signal() || pal_cli_sweep_is_over(j->share)) {
        j->status = PAL_CLI_SIGNAL + pal_cli_signal();
        return pal_error_set(err, PAL_ERR_STOPPED, "interrupted");
    }
    pal_cli_sweep_folder(j, run->settings, run->seed, folder);
    tell(j, run, false);
    pal_error why = {0};
    j->status = pal_cli_sweep_train(j, run, folder, &why);
    if (j->status > PAL_CLI_SIGNAL) return pal_error_set(err, PAL_ERR_STOPPED, "interrupted");
    if (j->status != PAL_CLI_DONE)
        return pal_error_set(err, PAL_ERR_STOPPED, "%s", why.text); /* empty: train has printed the reason */
    pal_status status = measure(j, run, folder, err);
    tell(j, run, true);
    if (status) j->status = PAL_CLI_FAILED;
    return status;
}

static pal_status run_one(const pal_sweep_run *run, void *user, pal_error *err)
{
    job *j = user;
    if (pal_cli_sweep_is_mine(j->share, run)) return pal_cli_sweep_send(j->share, j, run, run_mine(j, run, err), err);
    const pal_status status = pal_cli_sweep_receive(j->share, j, run, err);
    if (!status) tell(j, run, true);
    return status;
}

/* Process 0 has heard of it, and prints it; unless it is the one that is lost. */
static int end_silently(const job *j, const pal_error *err)
{
    if (err->status == PAL_ERR_PEER)
        return pal_cli_say(PAL_CLI_FAILED, "%s: the finished runs stay in %s", err->text, j->out);
    return j->status;
}

static int sweep(job *j)
{
    const char *names[SWEEP_FIGURES];
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) names[f] = pal_cli_sweep_figure(j, f);
    pal_sweep_options o = {.struct_size = sizeof o,
                           .axes = j->axes,
                           .n_axes = j->n_axes,
                           .seed = (uint64_t)j->first,
                           .seeds = 1,
                           .figures = names,
                           .n_figures = pal_cli_sweep_figures(j),
                           .run = try,
                           .user = j};
    pal_error err = {0};
    pal_sweep *s = pal_sweep_new(&o, &err); /* the first pass: checks only */
    const size_t settings = s ? pal_sweep_rows(s) : 0;
    pal_sweep_free(s);
    pal_dataset_free(j->train); /* each run opens its own */
    j->train = NULL;
    int status = !err.status ? PAL_CLI_GO_ON : s ? j->status : pal_cli_say_error(&err);
    status = pal_cli_processes_agree(status);
    if (status == PAL_CLI_GO_ON) status = choose_folder_once(j);
    if (status != PAL_CLI_GO_ON) return status;
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) names[f] = pal_cli_sweep_figure(j, f);
    o.n_figures = pal_cli_sweep_figures(j); /* the first pass has found the parts of the loss */
    o.seeds = j->seeds;
    o.run = run_one;
    const char *from = pal_cli_given(&j->args, "from"); /* else the first run says it, after the line below */
    pal_rundir *dir = from ? pal_rundir_open_model(from, &err) : NULL;
    pal_rundir_free(dir);
    if (err.status) return pal_cli_say_error(&err);
    j->share = pal_cli_sweep_share_new(settings * (size_t)j->seeds, &status);
    if (status != PAL_CLI_GO_ON) return status;
    if (!j->quiet && !j->json)
        printf("%lld training%s: %zu setting%s x %lld seed%s\n", (long long)settings * (long long)j->seeds,
               (long long)settings * (long long)j->seeds == 1 ? "" : "s", settings, settings == 1 ? "" : "s",
               (long long)j->seeds, j->seeds == 1 ? "" : "s");
    s = pal_sweep_new(&o, &err);
    if (!s) status = pal_cli_say_error(&err);
    pal_error late = {0};
    if (err.status != PAL_ERR_PEER && pal_cli_sweep_end(j->share, &late) && !err.status) {
        err = late;
        j->status = PAL_CLI_FAILED;
    }
    pal_cli_sweep_share_free(j->share);
    if (s && pal_cli_is_first())
        status = pal_cli_sweep_report(j, s, &err);
    else if (s && err.status)
        status = end_silently(j, &err);
    pal_sweep_free(s);
    return status == PAL_CLI_GO_ON ? PAL_CLI_DONE : status;
}

/* A pal_cli_value_fn. An option that varies may have any value, and so may an optimizer that each run chooses. */
static const char *value_of(const char *name, const void *user)
{
    const job *j = user;
    if (!strcmp(name, "optimizer") && !pal_cli_given(&j->args, name)) return NULL;
    return pal_cli_sweep_is_axis(j, name) ? NULL : pal_cli_train_value(&j->args, j->variant, name);
}

static int prepare(job *j)
{
    int status = PAL_CLI_GO_ON;
    pal_error err = {0};
    const char *data = pal_cli_given(&j->args, "data"), *rate = pal_cli_given(&j->args, "learning-rate");
    j->variant = pal_cli_variant(j->args.words[0], &status);
    if (j->variant) status = find_axes(j);
    if (status == PAL_CLI_GO_ON && rate && !pal_cli_sweep_is_axis(j, "learning-rate")) status = check_rate(j, rate);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_needs(pal_cli_train_needs, &j->args, value_of, j);
    double time_limit;
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_stopping(&j->args, j->variant, &time_limit);
    if (status != PAL_CLI_GO_ON) return status;
    j->seeds = pal_cli_int(&j->args, "seeds", 3);
    j->first = pal_cli_int(&j->args, "seed", 1);
    j->quiet = pal_cli_flag(&j->args, "quiet");
    j->json = pal_cli_flag(&j->args, "json");
    j->terminal = pal_cli_is_terminal(STDERR_FILENO);
    j->context = pal_cli_context(&j->args, NULL, &status);
    if (!j->context) return status;
    pal_cli_data options = {.options = {.n = 0}};
    pal_cli_data_take(&options, &j->args);
    const pal_data_source from = {.struct_size = sizeof from, .path = data, .options = &options.options};
    pal_data parts;
    const int64_t limit = pal_cli_int(&j->args, "limit", 0);
    if (pal_data_open(j->context, &from, (1U << PAL_SPLITS) - 1, &parts, &err)) return pal_cli_say_error(&err);
    const bool validated = parts.part[PAL_SPLIT_VALIDATION] != NULL;
    j->train = parts.part[PAL_SPLIT_TRAIN];
    j->test = parts.part[validated ? PAL_SPLIT_VALIDATION : PAL_SPLIT_TEST];
    if (validated) pal_dataset_free(parts.part[PAL_SPLIT_TEST]);
    if (!j->train || !j->test)
        return pal_cli_say(PAL_CLI_WRONG, "%s: there are no samples to train and to test",
                           data ? data : PAL_DATA_DEFAULT);
    return limit && pal_dataset_limit(j->train, limit) ? pal_cli_say(PAL_CLI_FAILED, "out of memory") : PAL_CLI_GO_ON;
}

int pal_cli_sweep(int argc, char **argv)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_parse(&pal_cli_sweep_spec, argc, argv, &j->args);
    j->args.alone = true;
    if (status == PAL_CLI_GO_ON) status = prepare(j);
    status = pal_cli_processes_agree(status);
    if (status == PAL_CLI_GO_ON) status = sweep(j);
    pal_dataset_free(j->train);
    pal_dataset_free(j->test);
    pal_context_free(j->context);
    free(j);
    return status;
}
