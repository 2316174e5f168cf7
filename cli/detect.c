/* detect.c - palindrome detect: a score for each sample, a threshold, flags, and the features that contribute most.
 * This file has the options and what is refused; detect_score.c has the rest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/detect.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_ENUM("score", "", "squared-error|likelihood|bound|latent", "NAME",
                 "what makes a sample odd; squared-error: of its reconstruction; likelihood: -ln p(x|h); bound: minus "
                 "the importance-weighted bound of ln p(x); latent: the Mahalanobis distance of its code from those "
                 "of training (default: by the model)"),
    PAL_CLI_REAL("shrink", "0.5", 0, 1, "X",
                 "how far latent moves the covariance of the codes towards equal variances; 0: not at all"),
    PAL_CLI_INT("draws", "100", 1, 1000000, "N", "draws of the code per sample, for bound"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N", "seed of these draws"),
    PAL_CLI_REAL("threshold", "", -HUGE_VAL, HUGE_VAL, "X", "flag the samples with a score above X"),
    PAL_CLI_REAL("quantile", "0.99", 0, 1, "Q", "flag above this quantile of the scores that --calibrate names"),
    PAL_CLI_ENUM("calibrate", "", "test|train|validation", "NAME",
                 "whose scores --quantile takes (default: validation, if the run has such samples; else test, or train "
                 "where the samples of test are scored)"),
    PAL_CLI_REAL("contamination", "", 0, 1, "C", "flag this share of the scored samples"),
    PAL_CLI_FLAG("best-f1", "flag above the threshold with the best F1 by the labels of the scored samples"),
    PAL_CLI_ENUM("normal", "", NULL, "CLASS,...", "classes that are not odd, by number or name (default: 0, of two)"),
    PAL_CLI_ENUM("odd", "", NULL, "CLASS,...", "classes that are odd; all others are not"),
    PAL_CLI_INT("features", "3", 0, PAL_CLI_GUILTY, "K", "name the K features that contribute most to each score"),
    PAL_CLI_INT("worst", "10", 0, PAL_CLI_WORST, "N", "samples in the table: those with the greatest scores"),
    PAL_CLI_ENUM("plot", "", NULL, "FILE", "draw ROC and precision over recall, as .png, .svg or .pdf"),
    PAL_CLI_FLAG("csv", "with --plot: also write the numbers of the plot, in a .csv file next to it"),
    PAL_CLI_FORMAT,
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_INT("limit", "", 1, 4294967295, "N", "score only the first N samples"),
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
static const pal_need needs[] = {{"csv", "plot", NULL}, {0}};
/* clang-format on */
const pal_cli_spec pal_cli_detect_spec = {
    .words = "RUN [IN] [OUT]",
    .summary =
        "Score samples by how odd they are to the model of a run, flag those above a threshold, and name the features "
        "that contribute most to each score. IN: a .npy or .csv file with one sample per row, - for standard input, or "
        "the folder of a data set (default: the samples that the run was measured on). OUT: a .csv or .npy file, or - "
        "for standard output, with a line per sample: its number, its score, 1 if it is flagged, and the features with "
        "their contributions. Where the samples have labels, prints how well the scores tell the odd classes.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = 3,
    .missing = PAL_CLI_NO_RUN,
};

typedef pal_cli_detect_job job;

/* ---- What is asked for ---------------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && !strcmp(text + n - m, end);
}

static bool is_stream(const job *j) { return j->in && !strcmp(j->in, "-"); }

static bool is_npy(const job *j)
{
    const char *format = pal_cli_given(&j->args, "format");
    return format && !strcmp(format, "npy");
}

/* Two options of which only one may be given. */
static int check_one(const pal_cli_args *args)
{
    static const char *const ways[] = {"threshold", "quantile", "contamination", "best-f1"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!pal_cli_given(args, ways[i])) continue;
        if (first)
            return pal_cli_say(PAL_CLI_WRONG, "--%s and --%s exclude each other: leave out one of them", first,
                               ways[i]);
        first = ways[i];
    }
    if (pal_cli_given(args, "calibrate") && first && strcmp(first, "quantile") != 0)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--calibrate has an effect only with --quantile: leave out --calibrate or --%s", first);
    if (pal_cli_given(args, "normal") && pal_cli_given(args, "odd"))
        return pal_cli_say(PAL_CLI_WRONG, "--normal and --odd exclude each other: leave out one of them");
    return PAL_CLI_GO_ON;
}

static int check_stream(const job *j)
{
    static const char *const whole[] = {"contamination", "best-f1", "normal", "odd", "plot", "limit"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (pal_cli_given(&j->args, whole[i]))
            return pal_cli_say(PAL_CLI_WRONG,
                               "--%s is not for rows from standard input, which are scored one after the other: give a "
                               "file as IN, or leave it out",
                               whole[i]);
    return PAL_CLI_GO_ON;
}

static int check_words(const job *j)
{
    const pal_cli_args *args = &j->args;
    const bool out_is_file = j->out && strcmp(j->out, "-") != 0;
    if (out_is_file && !ends_in(j->out, ".csv") && !ends_in(j->out, ".npy"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: not an array file: choose a name ending in .csv or .npy, or - for standard output",
                           j->out);
    if (j->in && j->out && strcmp(j->in, "-") != 0 && !strcmp(j->in, j->out))
        return pal_cli_say(PAL_CLI_WRONG, "%s is the input and would be overwritten: choose another OUT", j->out);
    char numbers[4096];
    const char *plot = pal_cli_given(args, "plot");
    if (out_is_file && plot && pal_cli_flag(args, "csv") &&
        !strcmp(j->out, pal_cli_numbers_of(args, plot, numbers, sizeof numbers)))
        return pal_cli_say(PAL_CLI_WRONG, "%s would hold the scores and the numbers of the plot: choose another OUT",
                           j->out);
    if (j->in && pal_cli_given(args, "data"))
        return pal_cli_say(PAL_CLI_WRONG, "--data and IN both name the samples: leave out --data");
    if (j->out && !out_is_file && pal_cli_flag(args, "json"))
        return pal_cli_say(PAL_CLI_WRONG, "--json and OUT - both use standard output: give a file as OUT");
    if (pal_cli_given(args, "format") && !is_stream(j) && (!j->out || out_is_file))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--format is for standard input and output: leave it out, or give - as IN or OUT");
    if (is_stream(j) && !is_npy(j) && out_is_file && ends_in(j->out, ".npy"))
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: rows from standard input are written as they come, but a .npy file begins with their "
                           "number: choose a .csv file as OUT",
                           j->out);
    return PAL_CLI_GO_ON;
}

static int check(job *j)
{
    const pal_cli_args *args = &j->args;
    j->in = args->n_words > 1 ? args->words[1] : NULL;
    j->out = args->n_words > 2 ? args->words[2] : NULL;
    j->plot = pal_cli_given(args, "plot");
    int status = check_one(args);
    if (status == PAL_CLI_GO_ON) status = check_words(j);
    if (status == PAL_CLI_GO_ON && is_stream(j) && !is_npy(j)) status = check_stream(j);
    if (status != PAL_CLI_GO_ON || !j->plot) return status;
    if (ends_in(j->plot, ".png") || ends_in(j->plot, ".svg") || ends_in(j->plot, ".pdf")) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--plot %s: choose a name ending in .png, .svg or .pdf", j->plot);
}

static int act(job *j)
{
    const bool streams = is_stream(j) && !is_npy(j);
    j->features = (size_t)pal_shape_count(pal_model_sample(j->run.model));
    j->guilty = (size_t)pal_cli_int(&j->args, "features", 3);
    if (j->guilty > j->features) j->guilty = j->features;
    j->worst_most = (size_t)pal_cli_int(&j->args, "worst", 10);
    j->worst = malloc((j->worst_most + 1) * sizeof *j->worst);
    j->worst_which = malloc((j->worst_most * j->guilty + 1) * sizeof *j->worst_which);
    j->worst_part = malloc((j->worst_most * j->guilty + 1) * sizeof *j->worst_part);
    if (!j->worst || !j->worst_which || !j->worst_part) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = streams ? PAL_CLI_GO_ON : pal_cli_detect_open(j);
    if (status == PAL_CLI_GO_ON) status = pal_cli_detect_make(j);
    if (status == PAL_CLI_GO_ON) status = streams ? pal_cli_detect_stream(j) : pal_cli_detect_data(j);
    return status == PAL_CLI_GO_ON ? pal_cli_detect_report(j) : status;
}

int pal_cli_detect(int argc, char **argv)
{
    job *j = calloc(1, sizeof *j);
    if (!j) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    int status = pal_cli_parse(&pal_cli_detect_spec, argc, argv, &j->args);
    if (status == PAL_CLI_GO_ON) status = check(j);
    if (status == PAL_CLI_GO_ON) {
        pal_cli_signals_end(j->out && strcmp(j->out, "-") != 0 ? j->out : j->args.words[0]);
        status = pal_cli_open(&j->args, 0, &j->run);
        if (status == PAL_CLI_GO_ON) status = act(j);
        pal_detector_free(j->detector);
        pal_dataset_free(j->train);
        pal_cli_close(&j->run);
    }
    free(j->all.score);
    free(j->all.which);
    free(j->all.part);
    free(j->worst);
    free(j->worst_which);
    free(j->worst_part);
    free(j->odd);
    free(j);
    return status;
}
