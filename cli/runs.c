/* runs.c - several runs on one command line: opened together, on the same samples, and told apart by what differs. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- What differs --------------------------------------------------------------------------------------------- */

/* clang-format off */
/* Of a run, besides its variant and the settings of its model. A REAL one is a learning rate, which a minimiser lacks. */
static const struct fact {
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

/* As in training, whatever options are given now. A run of an older version may lack it. */
static const char *setting(const pal_cli_run *run, const char *name)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    for (size_t i = 0; i < info->n_settings; i++)
        if (!strcmp(info->settings[i].name, name)) return info->settings[i].value;
    return pal_model_setting(run->model, name);
}

static bool same_setting(const pal_cli_run *a, const pal_cli_run *b, const char *name)
{
    return !strcmp(setting(a, name), setting(b, name));
}

/* Whether both have the same variant, and the same value of each of its options. */
static bool alike(const pal_cli_run *a, const pal_cli_run *b)
{
    const pal_option *option;
    bool same = same_variant(a, b);
    for (option = NULL; same && (option = pal_variant_option_next(pal_model_variant(a->model), option));)
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

/* "masking 0.5", or "no layers" for an empty list. */
static void append(line *to, const char *name, const char *value)
{
    if (to->length < to->size)
        to->length +=
            (size_t)snprintf(to->text + to->length, to->size - to->length, "%s%s%s%s%s", to->length ? ", " : "",
                             *value ? "" : "no ", name, *name && *value ? " " : "", value);
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
    for (option = NULL; (option = pal_variant_option_next(variant, option));) {
        differs = false;
        for (size_t k = 0; k < n; k++)
            differs |= same_variant(run, &runs[k]) && !same_setting(run, &runs[k], option->name);
        if (differs) append(&to, option->name, setting(run, option->name));
    }
    for (size_t f = 0; f < FACTS; f++) {
        char value[VALUE];
        differs = false;
        if (facts[f].kind == REAL && pal_train_minimises(pal_rundir_info(run->dir)->optimizer.name)) continue;
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

/* "15 epochs", "closed form", "3 of 15 epochs, interrupted" */
static void duration(const pal_cli_run *run, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    const char *solve = setting(run, "solve");
    const long long done = (long long)info->result.epochs, planned = (long long)info->result.planned;
    const long long all = done > 0 ? done : (long long)info->epochs; /* an older version may not have counted them */
    if (solve && !strcmp(solve, "svd"))
        snprintf(out, size, "closed form");
    else if (!strcmp(info->status, "done"))
        snprintf(out, size, "%lld epoch%s", all, all == 1 ? "" : "s");
    else if (!strcmp(info->status, "running"))
        snprintf(out, size, "a part of its epochs");
    else
        snprintf(out, size, "%lld of %lld epochs (%s)", done, planned > done ? planned : (long long)info->epochs,
                 info->status);
}

static const char *data_of(const pal_cli_run *run, char *out)
{
    const char *path = pal_rundir_info(run->dir)->data;
    return pal_dataset_name_of(path ? path : PAL_DATA_DEFAULT, out, VALUE);
}

const char *pal_cli_trained(const pal_cli_run *runs, size_t n, char *out, size_t size)
{
    char first[VALUE], own[VALUE], data[VALUE], other[VALUE];
    bool same_data = true, same_time = true;
    duration(&runs[0], first, sizeof first);
    data_of(&runs[0], data);
    for (size_t i = 1; i < n; i++) {
        duration(&runs[i], own, sizeof own);
        same_time &= !strcmp(first, own);
        same_data &= !strcmp(data, data_of(&runs[i], other));
    }
    if (same_data && same_time) {
        snprintf(out, size, "trained %s %s on %s", strcmp(first, "closed form") ? "for" : "by", first, data);
        return out;
    }
    line to = {out, size, (size_t)snprintf(out, size, "trained%s%s: ", same_data ? " on " : "", same_data ? data : "")};
    for (size_t i = 0; i < n && to.length < size; i++) {
        duration(&runs[i], own, sizeof own);
        to.length += (size_t)snprintf(out + to.length, size - to.length, "%s%s%s%s", i ? ", " : "", own,
                                      same_data ? "" : " on ", same_data ? "" : data_of(&runs[i], other));
    }
    return out;
}

/* ---- Together ------------------------------------------------------------------------------------------------- */

/* Which samples a run is measured on, for comparison and for the message. */
static const char *samples_of(const pal_cli_run *run, char *out, size_t size)
{
    const pal_run_info *info = pal_rundir_info(run->dir);
    static const char splits[] = "test|split-seed|header|separator|label|window|window-stride";
    int used = snprintf(out, size, "%s", info->data ? info->data : PAL_DATA_DEFAULT);
    if (info->hold_out)
        used += snprintf(out + used, size - (size_t)used, ", %lld samples held out", (long long)info->hold_out);
    bool any = false;
    for (size_t i = 0; i < info->n_data_options && used > 0 && (size_t)used < size; i++) {
        const pal_setting *s = &info->data_options[i];
        if (!pal_choices_have(splits, s->name)) continue;
        used += snprintf(out + used, size - (size_t)used, "%s --%s %s", any ? "" : ", split by", s->name, s->value);
        any = true;
    }
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
        if (!pal_schema_equal(pal_model_schema(run[0].model), pal_model_schema(run[i].model)))
            return pal_cli_say(PAL_CLI_WRONG,
                               "%s and %s scale their columns in different ways: choose runs on the same data with the "
                               "same --scale",
                               names[0], names[1]);
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
    const char *out = pal_cli_given(&args, "out");
    pal_cli_signals_end(out ? out : args.words[args.n_words - 1]);
    status = pal_cli_open_all(&args, verb->data, &runs);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_numbers(&args, pal_cli_given(&args, "data"));
    for (size_t i = 0; i < runs.n && status == PAL_CLI_GO_ON; i++)
        status = pal_cli_check_numbers(&args, pal_rundir_info(runs.run[i].dir)->data);
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
