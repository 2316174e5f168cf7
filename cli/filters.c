/* filters.c - palindrome filters: what the units of a layer respond to, for one run or for several side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { TITLE = 256, PATH = 4096 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: by what is drawn, such as RUN/filters.png, in the last RUN)"),
    PAL_CLI_AS,
    PAL_CLI_INT("layer", "", 1, 64, "K", "layer of the encoder, the first is 1 (default: the last)"),
    PAL_CLI_FLAG("maximal", "draw the inputs of norm 1 that excite a unit most, for the first layer, too"),
    PAL_CLI_FLAG("prototypes", "draw what each unit of the decoder's last layer adds to the output instead"),
    PAL_CLI_INT("units", "256", 1, 65536, "N", "draw at most N units of each run"),
    PAL_CLI_CSV,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
static const pal_cli_spec spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Draw what each unit of a layer responds to. For the first layer these are its weights. For a deeper layer "
        "it is the input of norm 1 that excites the unit most, found by gradient ascent; of a convolution, only the "
        "part that the unit sees. Several runs are drawn side by side, with each unit at the same place. For the model "
        "linear, print, too, which share of the variance of its training data each unit explains, and plot the shares; "
        "the units of --solve svd are principal components, the first one first.",
    .rows = rows,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
};

typedef struct job {
    pal_cli_args args;
    size_t n;
    pal_cli_run *runs;
    pal_model *models[PAL_CLI_WORDS];
    char names[PAL_CLI_WORDS][TITLE];
    const char *titles[PAL_CLI_WORDS];
    double *shares[PAL_CLI_WORDS]; /* of the variance, by unit; NULL: not linear, or the data cannot be read */
    int64_t units[PAL_CLI_WORDS];  /* how many shares there are */
} job;

/* ---- Shares of the variance of linear models ------------------------------------------------------------------ */

static int measure(job *j, size_t i)
{
    const pal_cli_run *run = &j->runs[i];
    const pal_run_info *info = pal_rundir_info(run->dir);
    pal_error err = {0};
    if (!pal_is_linear(run->model)) return PAL_CLI_GO_ON;
    pal_dataset *data = pal_cli_open_own(run, PAL_SPLIT_TRAIN, &err);
    if (!data) { /* the picture needs no data */
        pal_cli_say(PAL_CLI_DONE, "warning: %s: no shares of the variance, its training data cannot be read: %s",
                    pal_rundir_path(run->dir), err.text);
        return PAL_CLI_GO_ON;
    }
    j->units[i] = pal_option_int(run->model, "hidden");
    j->shares[i] = malloc((size_t)j->units[i] * sizeof *j->shares[i]);
    if (!j->shares[i] || (info->limit && pal_dataset_limit(data, info->limit)))
        pal_error_set(&err, PAL_ERR_MEMORY, "out of memory");
    else
        pal_shares(run->model, data, j->shares[i], &err);
    pal_dataset_free(data);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

/* Plots the shares of the runs that have some. path is empty if none has. */
static int plot(const job *j, const char *picture, const char *title, char path[PATH], const char **csv, char *room)
{
    const double *shares[PAL_CLI_WORDS];
    const char *names[PAL_CLI_WORDS];
    int64_t units[PAL_CLI_WORDS];
    pal_shares_picture p = {shares, units, names, 0, title, pal_cli_flag(&j->args, "csv")};
    pal_error err = {0};
    for (size_t i = 0; i < j->n; i++) {
        if (!j->shares[i] || isnan(j->shares[i][0])) continue;
        shares[p.count] = j->shares[i];
        names[p.count] = j->names[i];
        units[p.count++] = j->units[i];
    }
    *path = '\0';
    if (!p.count) return PAL_CLI_GO_ON;
    const size_t stem = strlen(picture) - 4;
    snprintf(path, PATH, "%.*s-variance%s", (int)stem, picture, picture + stem);
    if (pal_shares_write(&p, path, &err)) return pal_cli_say_error(&err);
    *csv = pal_cli_numbers_of(&j->args, path, room, PATH);
    return PAL_CLI_GO_ON;
}

/* ---- Output --------------------------------------------------------------------------------------------------- */

static void print_json(const job *j, const char *picture, const char *variance, const char *csv)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < j->n; i++) {
        json_t *run = json_pack("{s:s, s:s}", "run", pal_rundir_path(j->runs[i].dir), "model",
                                pal_model_variant(j->models[i])->name);
        json_t *shares = j->shares[i] ? json_array() : NULL;
        for (int64_t k = 0; shares && k < j->units[i]; k++)
            json_array_append_new(shares, pal_cli_number(j->shares[i][k]));
        if (shares) json_object_set_new(run, "explained_variance", shares);
        json_array_append_new(runs, run);
    }
    pal_cli_print_json(json_pack("{s:o, s:s, s:s?, s:s?}", "runs", runs, "picture", picture, "variance",
                                 *variance ? variance : NULL, "csv", csv));
}

static void print_shares(const job *j, size_t i)
{
    enum { LINES = 20 };
    double sum = 0;
    if (!j->shares[i]) return;
    printf("%s%s\n\n   unit   explains   together\n", j->n > 1 ? j->names[i] : "",
           j->n > 1 ? ":" : "variance of the training data");
    for (int64_t k = 0; k < j->units[i]; k++) {
        sum += j->shares[i][k];
        if (k < LINES || k + 1 == j->units[i])
            printf("  %5lld  %7.2f %%  %7.2f %%\n", (long long)k + 1, 100 * j->shares[i][k], 100 * sum);
        else if (k == LINES)
            printf("    ...                        (--json prints all)\n");
    }
    putchar('\n');
}

static int draw(job *j)
{
    char file[PATH], name[96], text[512], title[600], variance[PATH], room[PATH];
    const char *path = pal_cli_given(&j->args, "out"), *csv = NULL;
    const bool maximal = pal_cli_flag(&j->args, "maximal"), prototypes = pal_cli_flag(&j->args, "prototypes");
    const char *what = prototypes ? "prototypes" : maximal ? "maximal" : "filters";
    const int64_t layer = pal_cli_int(&j->args, "layer", 0);
    if (prototypes && (maximal || layer))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--prototypes draws the decoder's last layer: leave out --layer and --maximal");
    char number[32] = "";
    if (layer) snprintf(number, sizeof number, "-%lld", (long long)layer);
    snprintf(name, sizeof name, "%s%s%s.png", what, number, j->n > 1 ? "-of-all" : "");
    if (!path) path = pal_rundir_file(j->runs[j->n - 1].dir, name, file, sizeof file);
    bool same = true;
    for (size_t i = 0; i < j->n; i++) same &= pal_model_variant(j->models[i]) == pal_model_variant(j->models[0]);
    if (j->n > 1)
        snprintf(title, sizeof title, "%s", same ? pal_model_variant(j->models[0])->name : "what the units respond to");
    else
        snprintf(title, sizeof title, "%s", pal_cli_describe(j->models[0], text, sizeof text));
    pal_filters_options o = {.struct_size = sizeof o,
                             .models = j->models,
                             .titles = j->n > 1 ? j->titles : NULL,
                             .count = j->n,
                             .units = pal_cli_int(&j->args, "units", 0),
                             .maximal = maximal,
                             .layer = layer,
                             .prototypes = prototypes,
                             .title = title,
                             .shares = (const double *const *)j->shares};
    const int viewed = pal_cli_view(&j->args, j->models[0], &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    pal_error err = {0};
    if (pal_filters_write(&o, path, &err)) return pal_cli_say_error(&err);
    const int status = plot(j, path, title, variance, &csv, room);
    if (status != PAL_CLI_GO_ON) return status;
    if (pal_cli_flag(&j->args, "json")) {
        print_json(j, path, variance, csv);
        return PAL_CLI_DONE;
    }
    for (size_t i = 0; i < j->n; i++) print_shares(j, i);
    printf("%s\n%s%s%s%s", path, variance, *variance ? "\n" : "", csv ? csv : "", csv ? "\n" : "");
    return PAL_CLI_DONE;
}

int pal_cli_filters(int argc, char **argv)
{
    job j = {0};
    int status = pal_cli_parse(&spec, argc, argv, &j.args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&j.args);
    if (status != PAL_CLI_GO_ON) return status;
    j.runs = calloc(j.args.n_words, sizeof *j.runs);
    if (!j.runs) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    while (j.n < j.args.n_words && status == PAL_CLI_GO_ON) {
        status = pal_cli_open(&j.args, j.n, &j.runs[j.n]);
        j.n++;
    }
    for (size_t i = 0; i < j.n && status == PAL_CLI_GO_ON; i++) {
        j.models[i] = j.runs[i].model;
        j.titles[i] = pal_cli_distinguish(j.runs, j.n, i, j.names[i], TITLE);
        status = measure(&j, i);
    }
    if (status == PAL_CLI_GO_ON) status = draw(&j);
    for (size_t i = 0; i < j.n; i++) {
        pal_cli_close(&j.runs[i]);
        free(j.shares[i]);
    }
    free(j.runs);
    return status;
}
