/* filters.c - palindrome filters: what the units of a layer respond to, for one run or for several side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: by what is drawn, such as RUN/filters.png, in the last "
                "RUN); the shares of the variance go to FILE-variance, with the same ending"),
    PAL_CLI_AS,
    PAL_CLI_WHICH,
    PAL_CLI_INT("layer", "", 1, 64, "K", "layer of the encoder, the first is 1 (default: the last)"),
    PAL_CLI_FLAG("maximal", "draw the inputs of norm 1 that excite a unit most, for the first layer, too"),
    PAL_CLI_FLAG("prototypes", "draw what each unit of the decoder's last layer adds to the output instead"),
    PAL_CLI_INT("units", "256", 1, 65536, "N", "draw at most N units of each run"),
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_filters_spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Draw what each unit of a layer responds to. For the first layer these are its weights. For a deeper layer "
        "it is the input of norm 1 that excites the unit most, found by gradient ascent; of a convolution, only the "
        "part that the unit sees. Several runs are drawn side by side, with each unit at the same place. For the model "
        "linear, also print and plot which share of the variance of the training samples each unit explains. The units "
        "of --solve svd are the principal components, and the first one comes first.",
    .rows = rows,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
};

typedef struct job {
    const pal_cli_args *args;
    pal_cli_runs *runs;
    double *shares[PAL_CLI_WORDS]; /* of the variance, by unit; NULL: not linear, or the data cannot be read */
    int64_t units[PAL_CLI_WORDS];  /* how many shares there are */
    char title[1200], picture[PAL_CLI_PATH];
    char variance[PAL_CLI_PATH]; /* the plot of the shares; "": there is none */
} job;

/* ---- Shares of the variance that the units of linear models explain ------------------------------------------- */

static int measure(job *j, size_t i)
{
    const pal_cli_run *run = &j->runs->run[i];
    const pal_run_info *info = pal_rundir_info(run->dir);
    pal_error err = {0};
    if (!pal_is_linear(run->model)) return PAL_CLI_GO_ON;
    pal_dataset *data = pal_cli_open_own(run, PAL_SPLIT_TRAIN, &err);
    if (!data) { /* the picture needs no data */
        pal_cli_say(PAL_CLI_DONE, "warning: %s: no shares of the variance, the training data cannot be read: %s",
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

/* Plots the shares of the runs that have some. */
static int plot(job *j)
{
    const double *shares[PAL_CLI_WORDS];
    const char *names[PAL_CLI_WORDS];
    int64_t units[PAL_CLI_WORDS];
    pal_shares_picture p = {shares, units, names, 0, j->title, false};
    pal_error err = {0};
    for (size_t i = 0; i < j->runs->n; i++) {
        if (!j->shares[i] || isnan(j->shares[i][0])) continue; /* the data do not vary */
        shares[p.count] = j->shares[i];
        names[p.count] = j->runs->name[i];
        units[p.count++] = j->units[i];
    }
    if (!p.count) return PAL_CLI_GO_ON;
    const size_t stem = strlen(j->picture) - 4;
    if (stem + sizeof "-variance.png" > sizeof j->variance)
        return pal_cli_say(PAL_CLI_WRONG, "%s: the name is too long", j->picture);
    snprintf(j->variance, sizeof j->variance, "%.*s-variance%s", (int)stem, j->picture, j->picture + stem);
    return pal_shares_write(&p, j->variance, &err) ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

/* ---- Output --------------------------------------------------------------------------------------------------- */

static void print_json(const job *j)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < j->runs->n; i++) {
        const pal_cli_run *run = &j->runs->run[i];
        json_t *shares = j->shares[i] ? json_array() : NULL;
        for (int64_t k = 0; shares && k < j->units[i]; k++)
            json_array_append_new(shares, pal_cli_number(j->shares[i][k]));
        json_array_append_new(runs,
                              json_pack("{s:o, s:s, s:o*}", "run", pal_cli_text(pal_rundir_path(run->dir)), "model",
                                        pal_model_variant(run->model)->name, "explained_variance", shares));
    }
    pal_cli_print_json(json_pack("{s:o, s:o, s:o*}", "runs", runs, "picture", pal_cli_text(j->picture), "variance",
                                 *j->variance ? pal_cli_text(j->variance) : NULL));
}

typedef struct unit {
    double share;
    int64_t number;
} unit;

static int by_share(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void print_shares(const job *j, size_t i)
{
    enum { LINES = 20 };
    double sum = 0;
    const int64_t n = j->units[i];
    if (!j->shares[i]) return;
    unit *units = calloc((size_t)n, sizeof *units);
    if (!units) {
        pal_cli_say(PAL_CLI_DONE, "warning: %s: the shares of the variance are not printed: out of memory",
                    j->runs->name[i]);
        return;
    }
    for (int64_t k = 0; k < n; k++) units[k] = (unit){j->shares[i][k], k + 1};
    qsort(units, (size_t)n, sizeof *units, by_share);
    if (j->runs->n > 1) pal_cli_print("%s\n", j->runs->name[i]);
    printf("  share of the variance of the training samples\n   unit      alone   together\n");
    for (int64_t k = 0; k < n; k++) {
        sum += units[k].share;
        if (k < LINES || k + 1 == n)
            printf("  %5lld  %7.2f %%  %7.2f %%\n", (long long)units[k].number, 100 * units[k].share, 100 * sum);
        else if (k == LINES)
            printf("    ...  (--json prints all)\n");
    }
    putchar('\n');
    free(units);
}

static void choose_names(job *j)
{
    const pal_cli_args *args = j->args;
    const size_t n = j->runs->n;
    const pal_model *first = j->runs->run[0].model;
    char name[96], number[32] = "", text[512], trained[512];
    const char *what = pal_cli_flag(args, "prototypes") ? "prototypes"
                       : pal_cli_flag(args, "maximal")  ? "maximal"
                                                        : "filters";
    const char *out = pal_cli_given(args, "out");
    const int64_t layer = pal_cli_int(args, "layer", 0);
    if (layer) snprintf(number, sizeof number, "-%lld", (long long)layer);
    snprintf(name, sizeof name, "%s%s%s.png", what, number, n > 1 ? "-of-all" : "");
    if (out)
        snprintf(j->picture, sizeof j->picture, "%s", out);
    else
        pal_rundir_file(j->runs->run[n - 1].dir, name, j->picture, sizeof j->picture);
    if (n == 1)
        pal_cli_describe(first, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s",
                 pal_cli_alike(j->runs) ? pal_model_variant(first)->name : "what the units respond to");
    snprintf(j->title, sizeof j->title, "%s, %s", text, pal_cli_trained(j->runs->run, n, trained, sizeof trained));
}

static int draw(job *j)
{
    pal_model *models[PAL_CLI_WORDS];
    const char *titles[PAL_CLI_WORDS];
    const size_t n = j->runs->n;
    for (size_t i = 0; i < n; i++) {
        titles[i] = n > 1 ? j->runs->name[i] : NULL;
        models[i] = j->runs->run[i].model;
    }
    choose_names(j);
    pal_filters_options o = {.struct_size = sizeof o,
                             .models = models,
                             .titles = titles,
                             .count = n,
                             .units = pal_cli_int(j->args, "units", 0),
                             .maximal = pal_cli_flag(j->args, "maximal"),
                             .layer = pal_cli_int(j->args, "layer", 0),
                             .prototypes = pal_cli_flag(j->args, "prototypes"),
                             .title = j->title,
                             .shares = (const double *const *)j->shares};
    pal_error err = {0};
    int status = pal_cli_view(j->args, models[0], &o.view);
    if (status != PAL_CLI_GO_ON) return status;
    if (pal_filters_write(&o, j->picture, &err)) return pal_cli_say_error(&err);
    status = plot(j);
    if (status != PAL_CLI_GO_ON) return status;
    if (pal_cli_flag(j->args, "json")) {
        print_json(j);
        return PAL_CLI_DONE;
    }
    for (size_t i = 0; i < n; i++) print_shares(j, i);
    pal_cli_print("%s\n", j->picture);
    if (*j->variance) pal_cli_print("%s\n", j->variance);
    return PAL_CLI_DONE;
}

static int act(const pal_cli_args *args, pal_cli_runs *runs)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    j->args = args;
    j->runs = runs;
    int status = PAL_CLI_GO_ON;
    for (size_t i = 0; i < runs->n && status == PAL_CLI_GO_ON; i++) status = measure(j, i);
    if (status == PAL_CLI_GO_ON) status = draw(j);
    for (size_t i = 0; i < runs->n; i++) free(j->shares[i]);
    free(j);
    return status;
}

static int check(const pal_cli_args *args)
{
    const bool layer = pal_cli_given(args, "layer") != NULL;
    if (pal_cli_flag(args, "prototypes") && (pal_cli_flag(args, "maximal") || layer))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--prototypes draws the decoder's last layer: leave out --layer and --maximal");
    if (pal_cli_flag(args, "maximal") && pal_cli_int(args, "layer", 1) > 1)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--maximal has an effect only on layer 1, the units of others are always drawn "
                           "so: leave it out");
    return pal_cli_check_picture(args);
}

int pal_cli_filters(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_filters_spec, check, false, act}, argc, argv);
}
