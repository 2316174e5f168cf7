/* runs.c - several runs on one command line: opened together, on the same samples, and told apart by what differs. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- What differs --------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct fact { /* of a run, besides its variant and the settings of its model */
    const char *name;
    enum { WHOLE, REAL, TEXT, DATA } kind;
    size_t offset;
} facts[] = {
    {"seed",          WHOLE, offsetof(pal_run_info, seed)},
    {"epochs",        WHOLE, offsetof(pal_run_info, result.epochs)},
    {"optimizer",     TEXT,  offsetof(pal_run_info, optimizer.name)},
    {"learning-rate", REAL,  offsetof(pal_run_info, schedule.learning_rate)},
    {"schedule",      TEXT,  offsetof(pal_run_info, schedule.name)},
    {"batch",         WHOLE, offsetof(pal_run_info, batch)},
    {"data",          DATA,  offsetof(pal_run_info, data)},
    {"limit",         WHOLE, offsetof(pal_run_info, limit)},
    {"hold-out",      WHOLE, offsetof(pal_run_info, hold_out)},
};
/* clang-format on */
enum { FACTS = sizeof facts / sizeof *facts, VALUE = 128 };

static const char *fact(const pal_cli_run *run, const struct fact *f, char *out)
{
    const char *at = (const char *)pal_rundir_info(run->dir) + f->offset;
    const char *text = f->kind >= TEXT ? *(const char *const *)at : NULL;
    if (f->kind == WHOLE) snprintf(out, VALUE, "%lld", (long long)*(const int64_t *)at);
    if (f->kind == REAL) snprintf(out, VALUE, "%g", *(const double *)at);
    if (f->kind == TEXT) snprintf(out, VALUE, "%s", text ? text : "unknown");
    if (f->kind == DATA) pal_dataset_name_of(text ? text : PAL_DATA_DEFAULT, out, VALUE);
    return out;
}

static bool same_fact(const pal_cli_run *a, const pal_cli_run *b, const struct fact *f)
{
    char of_a[VALUE], of_b[VALUE];
    return !strcmp(fact(a, f, of_a), fact(b, f, of_b));
}

static bool same_variant(const pal_cli_run *a, const pal_cli_run *b)
{
    return pal_model_variant(a->model) == pal_model_variant(b->model);
}

static bool same_setting(const pal_cli_run *a, const pal_cli_run *b, const char *name)
{
    return !strcmp(pal_model_setting(a->model, name), pal_model_setting(b->model, name));
}

/* Whether both have the same variant, and the same value of each of its options. */
static bool alike(const pal_cli_run *a, const pal_cli_run *b)
{
    const pal_option *option;
    bool same = same_variant(a, b);
    for (size_t i = 0; same && (option = pal_variant_option(pal_model_variant(a->model), i)); i++)
        same = same_setting(a, b, option->name);
    return same;
}

static const char *folder(const pal_cli_run *run)
{
    const char *path = pal_rundir_path(run->dir), *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

typedef struct line {
    char *text;
    size_t size, length;
} line;

static void append(line *to, const char *name, const char *value)
{
    if (to->length < to->size)
        to->length += (size_t)snprintf(to->text + to->length, to->size - to->length, "%s%s%s%s", to->length ? ", " : "",
                                       name, *name ? " " : "", value);
}

const char *pal_cli_distinguish(const pal_cli_run *runs, size_t n, size_t at, char *out, size_t size)
{
    const pal_cli_run *run = &runs[at];
    const pal_variant *variant = pal_model_variant(run->model);
    const pal_option *option;
    line to = {out, size, 0};
    bool differs = false, twin = false;
    *out = 0;
    for (size_t k = 0; k < n; k++) differs |= !same_variant(run, &runs[k]);
    if (differs) append(&to, "", variant->name);
    for (size_t i = 0; (option = pal_variant_option(variant, i)); i++) {
        differs = false;
        for (size_t k = 0; k < n; k++)
            differs |= same_variant(run, &runs[k]) && !same_setting(run, &runs[k], option->name);
        if (differs) append(&to, option->name, pal_model_setting(run->model, option->name));
    }
    for (size_t f = 0; f < FACTS; f++) {
        char value[VALUE];
        differs = false;
        for (size_t k = 0; k < n; k++) differs |= alike(run, &runs[k]) && !same_fact(run, &runs[k], &facts[f]);
        if (differs) append(&to, facts[f].name, fact(run, &facts[f], value));
    }
    bool same_name = false; /* of the folder of a twin, which is the same in everything else */
    for (size_t k = 0; k < n; k++) {
        bool same = k != at && alike(run, &runs[k]);
        for (size_t f = 0; same && f < FACTS; f++) same = same_fact(run, &runs[k], &facts[f]);
        twin |= same;
        same_name |= same && !strcmp(folder(run), folder(&runs[k]));
    }
    if (twin || !to.length) append(&to, "", same_name ? pal_rundir_path(run->dir) : folder(run));
    return out;
}

/* ---- How they were trained ------------------------------------------------------------------------------------ */

/* "for 15 epochs", "in closed form", "for 3 of 15 epochs, interrupted". */
static void duration(const pal_cli_run *run, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *solve = pal_model_setting(run->model, "solve");
    const long long done = (long long)info->result.epochs, planned = (long long)info->result.planned;
    if (solve && !strcmp(solve, "svd"))
        snprintf(out, size, "in closed form");
    else if (!strcmp(info->status, "done"))
        snprintf(out, size, "for %lld epoch%s", done, done == 1 ? "" : "s");
    else if (!strcmp(info->status, "running"))
        snprintf(out, size, "for a part of its epochs");
    else
        snprintf(out, size, "for %lld of %lld epochs, %s", done, planned > done ? planned : (long long)info->epochs,
                 info->status);
}

/* "for 15 epochs on fashion-mnist" */
static void training(const pal_cli_run *run, char *out, size_t size)
{
    char data[VALUE], time[VALUE];
    const char *path = pal_rundir_info(run->dir)->data;
    duration(run, time, sizeof time);
    snprintf(out, size, "%s on %s", time, pal_dataset_name_of(path ? path : PAL_DATA_DEFAULT, data, sizeof data));
}

const char *pal_cli_trained(const pal_cli_run *runs, size_t n, char *out, size_t size)
{
    char first[2 * VALUE], own[2 * VALUE], name[PAL_CLI_NAME];
    bool same = true;
    training(&runs[0], first, sizeof first);
    for (size_t i = 1; i < n; i++) {
        training(&runs[i], own, sizeof own);
        same &= !strcmp(first, own);
    }
    if (same) {
        snprintf(out, size, "trained %s", first);
        return out;
    }
    size_t length = (size_t)snprintf(out, size, "trained: ");
    for (size_t i = 0; i < n && length < size; i++) {
        training(&runs[i], own, sizeof own);
        length += (size_t)snprintf(out + length, size - length, "%s%s %s", i ? "; " : "",
                                   pal_cli_distinguish(runs, n, i, name, sizeof name), own);
    }
    return out;
}

/* ---- Together ------------------------------------------------------------------------------------------------- */

/* Which samples a run is measured on, for comparison and for the message. */
static const char *samples_of(const pal_cli_run *run, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *path = info->data ? info->data : PAL_DATA_DEFAULT;
    if (info->hold_out)
        snprintf(out, size, "%s, %lld samples held out", path, (long long)info->hold_out);
    else
        snprintf(out, size, "%s", path);
    return out;
}

/* The runs must take the same samples: of the shape of those of --data, or else of one data set. */
static int check_samples(const pal_cli_args *args, const pal_cli_runs *runs)
{
    char first[PAL_CLI_PATH], other[PAL_CLI_PATH];
    const pal_cli_run *run = runs->run;
    samples_of(run, first, sizeof first);
    for (size_t i = 1; i < runs->n; i++) {
        const char *names[] = {pal_rundir_path(run[0].dir), pal_rundir_path(run[i].dir)};
        const pal_shape a = pal_model_sample(run[0].model), b = pal_model_sample(run[i].model);
        if (!pal_shape_equal(a, b)) {
            char of_a[128], of_b[128];
            pal_shape_text(a, of_a, sizeof of_a);
            pal_shape_text(b, of_b, sizeof of_b);
            return pal_cli_say(PAL_CLI_WRONG,
                               "%s takes samples of shape %s, but %s of %s: choose runs of the same shape", names[0],
                               of_a, names[1], of_b);
        }
        if (!pal_cli_given(args, "data") && strcmp(first, samples_of(&run[i], other, sizeof other)) != 0)
            return pal_cli_say(PAL_CLI_WRONG, "%s was trained on %s, but %s on %s: give --data", names[0], first,
                               names[1], other);
    }
    return PAL_CLI_GO_ON;
}

void pal_cli_close_all(pal_cli_runs *runs)
{
    for (size_t i = 0; i < runs->n; i++) pal_cli_close(&runs->run[i]);
    free(runs->run);
    free(runs->name);
    *runs = (pal_cli_runs){0};
}

int pal_cli_open_all(const pal_cli_args *args, bool data, pal_cli_runs *runs)
{
    int status = PAL_CLI_GO_ON;
    *runs = (pal_cli_runs){.run = calloc(args->n_words, sizeof *runs->run),
                           .name = calloc(args->n_words, sizeof *runs->name)};
    if (!runs->run || !runs->name) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    while (runs->n < args->n_words && status == PAL_CLI_GO_ON) {
        status = pal_cli_open(args, runs->n, &runs->run[runs->n]);
        runs->n++;
    }
    if (status == PAL_CLI_GO_ON && data) status = check_samples(args, runs);
    for (size_t i = 0; i < runs->n && status == PAL_CLI_GO_ON; i++)
        pal_cli_distinguish(runs->run, runs->n, i, runs->name[i], sizeof *runs->name);
    if (status == PAL_CLI_GO_ON && data) status = pal_cli_open_data(args, &runs->run[0]);
    return status;
}

int pal_cli_about_all(const pal_cli_about_runs *verb, int argc, char **argv)
{
    pal_cli_args args;
    pal_cli_runs runs;
    int status = pal_cli_parse(verb->spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON && verb->check) status = verb->check(&args);
    if (status != PAL_CLI_GO_ON) return status;
    status = pal_cli_open_all(&args, verb->data, &runs);
    if (status == PAL_CLI_GO_ON) status = verb->act(&args, &runs);
    pal_cli_close_all(&runs);
    return status;
}

bool pal_cli_alike(const pal_cli_runs *runs)
{
    for (size_t i = 1; i < runs->n; i++)
        if (!same_variant(&runs->run[0], &runs->run[i])) return false;
    return true;
}
