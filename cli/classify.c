/* classify.c - palindrome classify: a linear classifier on the codes of a run, and on the inputs, with few labels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { CODES, INPUTS, FEATURES, DRAWS = 1000 };

static const pal_cli_row rows[] = {
    PAL_CLI_DATA,
    {{"labels", PAL_OPTION_INT, "10000", 1, 4294967295, NULL, "labelled samples, stratified (at most: all)"},
     "N",
     NULL,
     0},
    {{"draws", PAL_OPTION_INT, "1", 1, DRAWS, NULL, "draws of the labelled samples"}, "N", NULL, 0},
    {{"features", PAL_OPTION_ENUM, "both", 0, 0, "codes|pixels|both", "what is classified"}, "NAME", NULL, 0},
    {{"seed", PAL_OPTION_INT, "1", 0, 9007199254740992, NULL, "of the draws"}, "N", NULL, 0},
    {{"confusion", PAL_OPTION_BOOL, "", 0, 0, NULL, "a table of labels and answers, all draws together"},
     NULL,
     NULL,
     0},
    PAL_CLI_THREADS,
    PAL_CLI_JSON,
    {{.name = NULL}, NULL, NULL, 0},
};
static const pal_cli_spec spec = {"RUN",
                                  "Multinomial logistic regression on the codes of a run and on the inputs themselves, "
                                  "trained on labelled training samples, its L2 strength chosen on held-out ones: the "
                                  "share of the test samples that each gets wrong.",
                                  rows,
                                  1,
                                  1,
                                  "say which run: its folder, such as runs/denoising-001",
                                  false};

static const char *const names[FEATURES] = {[CODES] = "codes", [INPUTS] = "pixels"};

typedef struct job {
    pal_cli_args args;
    pal_cli_run run; /* data: the test samples */
    pal_dataset *train;
    int64_t labels, draws, seed;
    bool wanted[FEATURES];
    pal_classification *result[FEATURES]; /* a draw each */
    int64_t *confusion[FEATURES];         /* all draws together */
    int64_t classes;
} job;

static int open_all(job *j)
{
    int status = pal_cli_open(&j->args, 0, &j->run);
    if (status == PAL_CLI_GO_ON) status = pal_cli_open_data(&j->args, &j->run);
    if (status != PAL_CLI_GO_ON) return status;
    const char *path = pal_cli_given(&j->args, "data"), *features = pal_cli_given(&j->args, "features");
    pal_error err = {0};
    j->train = pal_dataset_open(j->run.context, path ? path : pal_rundir_info(j->run.dir)->data, PAL_SPLIT_TRAIN, &err);
    if (!j->train) return pal_cli_say_error(&err);
    j->labels = pal_cli_int(&j->args, "labels", j->train->count < 10000 ? j->train->count : 10000);
    j->draws = pal_cli_int(&j->args, "draws", 1);
    j->seed = pal_cli_int(&j->args, "seed", 1);
    j->wanted[CODES] = !features || strcmp(features, "pixels");
    j->wanted[INPUTS] = !features || strcmp(features, "codes");
    if (pal_classify_check(j->train, j->run.data, j->labels, &err)) return pal_cli_say_error(&err);
    j->classes = j->train->classes > j->run.data->classes ? j->train->classes : j->run.data->classes;
    for (int f = 0; f < FEATURES; f++) {
        j->result[f] = calloc((size_t)j->draws, sizeof *j->result[f]);
        j->confusion[f] = calloc((size_t)(2 * j->classes * j->classes), sizeof *j->confusion[f]);
        if (!j->result[f] || !j->confusion[f]) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    }
    return PAL_CLI_GO_ON;
}

static int classify(job *j, int f)
{
    const int64_t lanes = pal_rundir_info(j->run.dir)->lanes, cells = j->classes * j->classes;
    int64_t *sum = j->confusion[f], *one = sum + cells;
    for (int64_t draw = 0; draw < j->draws; draw++) {
        pal_classify_options o = {.struct_size = sizeof o,
                                  .labels = j->labels,
                                  .seed = (uint64_t)j->seed,
                                  .draw = (uint64_t)draw + 1,
                                  .lanes = lanes > 0 ? (unsigned)lanes : 0,
                                  .confusion = one};
        pal_error err = {0};
        if (pal_classify(f == CODES ? j->run.model : NULL, j->train, j->run.data, &o, &j->result[f][draw], &err))
            return pal_cli_say_error(&err);
        for (int64_t i = 0; i < cells; i++) sum[i] += one[i];
    }
    return PAL_CLI_GO_ON;
}

/* Mean over the draws, and its standard error: NAN for one draw. */
static double mean_error(const job *j, int f, double *standard_error)
{
    double mean = 0, squares = 0, n = (double)j->draws;
    for (int64_t i = 0; i < j->draws; i++) mean += j->result[f][i].error / n;
    for (int64_t i = 0; i < j->draws; i++) squares += pow(j->result[f][i].error - mean, 2);
    *standard_error = j->draws > 1 ? sqrt(squares / (n - 1) / n) : (double)NAN;
    return mean;
}

static json_t *json_of(const job *j, int f)
{
    double standard_error, mean = mean_error(j, f, &standard_error);
    json_t *draws = json_array(), *table = json_array();
    for (int64_t i = 0; i < j->draws; i++) {
        const pal_classification *r = &j->result[f][i];
        json_array_append_new(draws, json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o}", "error",
                                               pal_cli_number(r->error), "train_error", pal_cli_number(r->train_error),
                                               "held_out_error", pal_cli_number(r->held_out_error), "strength",
                                               pal_cli_number(r->strength), "gradient", pal_cli_number(r->gradient),
                                               "evaluations", (json_int_t)r->evaluations, "converged", r->converged,
                                               "seconds", pal_cli_number(r->seconds)));
    }
    for (int64_t i = 0; i < j->classes; i++) {
        json_t *row = json_array();
        for (int64_t k = 0; k < j->classes; k++)
            json_array_append_new(row, json_integer(j->confusion[f][i * j->classes + k]));
        json_array_append_new(table, row);
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "features", (json_int_t)j->result[f][0].features, "error",
                     pal_cli_number(mean), "standard_error", pal_cli_number(standard_error), "draws", draws,
                     "confusion", table);
}

static void print_json(const job *j)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "run", pal_rundir_path(j->run.dir), "model",
                            pal_model_variant(j->run.model)->name, "data", j->run.data->name, "labels",
                            (json_int_t)j->labels, "test_samples", (json_int_t)j->run.data->count, "classes",
                            (json_int_t)j->classes, "seed", (json_int_t)j->seed);
    for (int f = 0; f < FEATURES; f++)
        if (j->wanted[f]) json_object_set_new(out, names[f], json_of(j, f));
    pal_cli_print_json(out);
}

static void print_confusion(const job *j, int f)
{
    printf("\n  %s: rows are labels, columns what the classifier said\n\n    ", names[f]);
    for (int64_t k = 0; k < j->classes; k++) printf(" %6lld", (long long)k);
    for (int64_t i = 0; i < j->classes; i++) {
        printf("\n  %2lld", (long long)i);
        for (int64_t k = 0; k < j->classes; k++) printf(" %6lld", (long long)j->confusion[f][i * j->classes + k]);
    }
    puts("");
}

static void print_table(const job *j)
{
    char text[512], labels[64], samples[64];
    printf("%s: %s labels of %s, %lld draw%s, tested on %s samples\n\n",
           pal_cli_describe(j->run.model, text, sizeof text), pal_cli_count((double)j->labels, labels, sizeof labels),
           j->run.data->name, (long long)j->draws, j->draws > 1 ? "s" : "",
           pal_cli_count((double)j->run.data->count, samples, sizeof samples));
    printf("  %-8s %8s %8s%s %11s %9s %8s\n", "", "features", "error", j->draws > 1 ? "  +- s.e." : "", "of labelled",
           "strength", "seconds");
    for (int f = 0; f < FEATURES; f++) {
        if (!j->wanted[f]) continue;
        double standard_error, mean = mean_error(j, f, &standard_error), trained = 0, seconds = 0, strength = 0;
        for (int64_t i = 0; i < j->draws; i++) {
            trained += j->result[f][i].train_error / (double)j->draws;
            strength += log(j->result[f][i].strength) / (double)j->draws;
            seconds += j->result[f][i].seconds;
        }
        printf("  %-8s %8lld %7.2f%%", names[f], (long long)j->result[f][0].features, 100 * mean);
        if (j->draws > 1) printf(" %7.2f%%", 100 * standard_error);
        printf(" %10.2f%% %9.1e %8.1f\n", 100 * trained, exp(strength), seconds);
    }
    for (int f = 0; f < FEATURES; f++)
        if (j->wanted[f] && pal_cli_flag(&j->args, "confusion")) print_confusion(j, f);
    puts("\n  error: share of the test samples that are told wrongly; strength: of the L2 penalty, chosen on held-out "
         "samples");
}

int pal_cli_classify(int argc, char **argv)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_parse(&spec, argc, argv, &j->args);
    bool parsed = status == PAL_CLI_GO_ON;
    if (parsed) status = open_all(j);
    for (int f = 0; f < FEATURES && status == PAL_CLI_GO_ON; f++)
        if (j->wanted[f]) status = classify(j, f);
    if (status == PAL_CLI_GO_ON) (pal_cli_flag(&j->args, "json") ? print_json : print_table)(j);
    for (int f = 0; f < FEATURES; f++) {
        free(j->result[f]);
        free(j->confusion[f]);
    }
    pal_dataset_free(j->train);
    if (parsed) pal_cli_close(&j->run);
    free(j);
    return status == PAL_CLI_GO_ON ? PAL_CLI_DONE : status;
}
