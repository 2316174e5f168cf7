/* cli.h - what the verbs of the program `palindrome` share.
 *
 * A verb is one file and one row of the table in main.c. It describes its options as data (pal_cli_spec), has them
 * parsed, calls the libraries, and returns the exit status. Rules of every verb:
 *   - Wrong use is told in exactly one line on standard error and changes nothing.
 *   - With --json, standard output is one JSON document and nothing else.
 */
#ifndef PAL_CLI_H
#define PAL_CLI_H

#include <jansson.h>
#include <stdio.h>

#include "autograd/autograd.h"
#include "models/models.h"
#include "data/data.h"
#include "analysis/analysis.h"
#include "train/train.h"

#define PAL_CLI_VERSION "0.1.0"

/* ---- Exit statuses -------------------------------------------------------------------------------------------- */

enum { PAL_CLI_DONE = 0, PAL_CLI_FAILED = 1, PAL_CLI_WRONG = 2, PAL_CLI_SIGNAL = 128 /* + the signal's number */ };
enum { PAL_CLI_GO_ON = -1 }; /* from the functions below: nothing wrong so far */

/* ---- The verbs ------------------------------------------------------------------------------------------------ */

typedef struct pal_cli_verb {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "palindrome VERB" */
    bool computes;                     /* worth the processor's best kernels (setup.c) */
} pal_cli_verb;

int pal_cli_models(int argc, char **argv);
int pal_cli_ops(int argc, char **argv);
int pal_cli_train(int argc, char **argv);
int pal_cli_evaluate(int argc, char **argv);
int pal_cli_classify(int argc, char **argv);
int pal_cli_reconstruct(int argc, char **argv);
int pal_cli_denoise(int argc, char **argv);
int pal_cli_infill(int argc, char **argv);
int pal_cli_interpolate(int argc, char **argv);
int pal_cli_sample(int argc, char **argv);
int pal_cli_encode(int argc, char **argv);
int pal_cli_decode(int argc, char **argv);
int pal_cli_filters(int argc, char **argv);
int pal_cli_scatter(int argc, char **argv);
int pal_cli_geometry(int argc, char **argv);
int pal_cli_sweep(int argc, char **argv);
int pal_cli_gradcheck(int argc, char **argv);
int pal_cli_graph(int argc, char **argv);
int pal_cli_run_info(int argc, char **argv);

/* ---- plugin.c: variants from a shared object ------------------------------------------------------------------ */

/* Loads it and has it register what it has; it stays. PAL_CLI_GO_ON, or the status after one line. */
int pal_cli_load(const char *path);

/* ---- parse.c: options and words ------------------------------------------------------------------------------- */

typedef struct pal_cli_row { /* an option of a verb */
    pal_option option;       /* its value is the default that --help shows; "": none. ENUM without choices: any text */
    const char *argument;    /* "N", as --help shows it; NULL: a flag */
    const char *alias;       /* another name, or NULL */
    int letter;              /* or 0 */
} pal_cli_row;

typedef struct pal_cli_spec {
    const char *words;       /* "MODEL", as --help shows them */
    const char *summary;     /* above the options, one paragraph */
    const pal_cli_row *rows; /* ends with option.name NULL */
    size_t least, most;      /* how many words */
    const char *missing;     /* what to say when there are fewer */
    bool variants;           /* takes the options of every variant, too; which fit is for the verb to check */
} pal_cli_spec;

enum { PAL_CLI_WORDS = 64, PAL_CLI_SETTINGS = 128 };

typedef struct pal_cli_args {
    const char *words[PAL_CLI_WORDS];
    size_t n_words;
    pal_setting given[PAL_CLI_SETTINGS]; /* options by their own name, the last of each counts; a flag is "yes" */
    size_t n_given;
    pal_setting variant[PAL_CLI_SETTINGS]; /* those that are a variant's, where the spec takes them */
    size_t n_variant;
} pal_cli_args;

/* PAL_CLI_GO_ON, or the status to exit with. Values of the verb's own options are checked. */
int pal_cli_parse(const pal_cli_spec *spec, int argc, char **argv, pal_cli_args *args);
const char *pal_cli_given(const pal_cli_args *args, const char *name); /* NULL: not given */
/* PAL_CLI_GO_ON, or the status after a line that --out is no name of a picture. */
int pal_cli_check_picture(const pal_cli_args *args);
bool pal_cli_flag(const pal_cli_args *args, const char *name);

extern const pal_cli_row pal_cli_train_rows[]; /* the options of train; sweep takes them too */
/* As pal_cli_train, but why a training that had begun ended early is not said: it is in *why (NULL: said). */
int pal_cli_train_within(int argc, char **argv, pal_error *why);
/* train_rows.c: refuses options of another optimiser or schedule than the chosen. */
int pal_cli_train_check(const pal_cli_args *args, const char *optimizer, const char *schedule);
/* train_report.c: the end of it. */
void pal_cli_train_json(const pal_rundir *dir, const pal_train_result *result);
void pal_cli_train_table(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                         const pal_train_result *result);

/* Options that many verbs take. */
#define PAL_CLI_JSON                                                                                                   \
    {                                                                                                                  \
        {"json", PAL_OPTION_BOOL, "", 0, 0, NULL, "print one JSON document"}, NULL, NULL, 0                            \
    }
#define PAL_CLI_DATA                                                                                                   \
    {                                                                                                                  \
        {"data", PAL_OPTION_ENUM, "", 0, 0, NULL, "a folder of IDX files, or a .npy or .csv file"}, "PATH", NULL, 0    \
    }
#define PAL_CLI_SPLIT                                                                                                  \
    {                                                                                                                  \
        {"split", PAL_OPTION_ENUM, "test", 0, 0, "test|train", "which samples"}, "NAME", NULL, 0                       \
    }
#define PAL_CLI_NOISE_SEED                                                                                             \
    {                                                                                                                  \
        {"seed", PAL_OPTION_INT, "", 0, 9007199254740992, NULL, "of the noise (default: the run's)"}, "N", NULL, 0     \
    }
#define PAL_CLI_THREADS                                                                                                \
    {                                                                                                                  \
        {"threads", PAL_OPTION_INT, "", 1, 1024, NULL, "worker threads (default: all processors)"}, "N", NULL, 0       \
    }
#define PAL_CLI_FORMAT                                                                                                 \
    {                                                                                                                  \
        {"format", PAL_OPTION_ENUM, "csv", 0, 0, "csv|npy", "of standard input and output"}, "NAME", NULL, 0           \
    }
#define PAL_CLI_OUTPUT(help)                                                                                           \
    {                                                                                                                  \
        {"out", PAL_OPTION_ENUM, "", 0, 0, NULL, help}, "FILE", NULL, 'o'                                              \
    }

/* ---- say.c ---------------------------------------------------------------------------------------------------- */

/* "palindrome: ..." in one line on standard error; returns status. */
int pal_cli_say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An error of the libraries before anything was done. */
int pal_cli_say_error(const pal_error *err);
/* The name that is nearest to word, if it is near: at(i, user) gives the names, NULL after the last. */
const char *pal_cli_nearest(const char *word, const char *(*at)(size_t i, const void *user), const void *user);
void pal_cli_print_json(json_t *value);                           /* takes it over */
json_t *pal_cli_number(double value);                             /* null, where it is not finite */
const char *pal_cli_count(double value, char *out, size_t size);  /* "60,000" */
const char *pal_cli_time(double seconds, char *out, size_t size); /* "1:05", "2:00:09" */

/* ---- variants.c: the models by name, and their options -------------------------------------------------------- */

const pal_variant *pal_cli_variant(const char *name, int *status); /* NULL: said so, *status set */
/* The settings that are given and fit the variant, checked. */
int pal_cli_check_settings(const pal_variant *variant, const pal_setting *settings, size_t n);
/* The i-th option that any variant has, each name once; NULL: no more. */
const pal_option *pal_cli_any_option(size_t i);
const char *pal_cli_option_range(const pal_option *option, char *out, size_t size); /* "1 to 65536", "yes or no" */

/* ---- setup.c: processor, threads, BLAS ------------------------------------------------------------------------ */

void pal_cli_set_up(char **argv); /* may start the program anew, with better kernels */
int pal_cli_print_version(void);
unsigned pal_cli_processors(void);
pal_context *pal_cli_context(const pal_cli_args *args, int *status); /* by --threads; NULL: said so */

/* ---- open.c: a trained run with what is to be done to it ------------------------------------------------------ */

typedef struct pal_cli_run {
    pal_rundir *dir;
    pal_context *context;
    pal_model *model;
    pal_model *corruptor; /* of settings that are another variant's: how to corrupt, else NULL */
    char corruption[256]; /* how the inputs are corrupted, if not as in training: "masking 0.5"; else "" */
    char changed[256];    /* other settings than in training: "lambda 2" */
    char described[512];  /* the model as it was trained, by pal_cli_describe */
    char given[600];      /* what follows that: ", corrupted by masking 0.5, with lambda 2", or "" */
    pal_dataset *data;
} pal_cli_run;

/* Opens args->words[word], with the variant's options that are given in place of its own. PAL_CLI_GO_ON, or the status.
 * Always to be closed. Warns in one line if the run's training did not end as it should. */
int pal_cli_open(const pal_cli_args *args, size_t word, pal_cli_run *run);
/* The test samples (or --split) of --data, or of the data it was trained on. */
int pal_cli_open_data(const pal_cli_args *args, pal_cli_run *run);
/* What the run was trained on, or measured by: its test samples, or those that it held out. NULL: err says why. */
pal_dataset *pal_cli_open_own(const pal_cli_run *run, pal_split split, pal_error *err);
void pal_cli_close(pal_cli_run *run);
int64_t pal_cli_int(const pal_cli_args *args, const char *name, int64_t otherwise);
/* A verb about the run that its first word names: about.c. */
typedef struct pal_cli_about_run {
    const pal_cli_spec *spec;
    int (*check)(const pal_cli_args *args); /* of the words alone, before anything is opened; NULL: nothing to check */
    bool data;                              /* opens the samples, too */
    int (*act)(const pal_cli_args *args, pal_cli_run *run); /* the status to exit with */
} pal_cli_about_run;
int pal_cli_about(const pal_cli_about_run *verb, int argc, char **argv);
/* The settings of run `at` that are not the same in all n runs; its folder's name where there are none. Returns out. */
const char *pal_cli_distinguish(const pal_cli_run *runs, size_t n, size_t at, char *out, size_t size);
/* "denoising, masking 0.25, hidden 256": what of the settings is not the default. */
const char *pal_cli_describe(const pal_model *model, char *out, size_t size);

/* ---- plots.c: pictures that gnuplot draws --------------------------------------------------------------------- */

/* PAL_CLI_GO_ON, or the status after a line that --out is no name of such a picture. */
int pal_cli_check_plot(const pal_cli_args *args);
int pal_cli_say_undrawn(const char *path); /* that there is no gnuplot, and what was written; the status */

/* ---- encode.c: arrays in, arrays out -------------------------------------------------------------------------- */

typedef enum pal_cli_conversion { PAL_CLI_ENCODE, PAL_CLI_DECODE, PAL_CLI_RECONSTRUCT } pal_cli_conversion;
/* The words are RUN, IN, OUT. Returns the status to exit with. */
int pal_cli_convert(pal_cli_conversion which, const pal_cli_args *args);

/* ---- progress.c ----------------------------------------------------------------------------------------------- */

typedef struct pal_cli_progress {
    FILE *to; /* NULL: silent */
    bool bar; /* one line that is written over, else a line an epoch */
    bool colour, unicode;
    bool dirty;         /* the bar's line has not been ended */
    double began, next; /* of pal_cli_progress_count: seconds of a clock, 0 before the first */
} pal_cli_progress;

void pal_cli_progress_start(pal_cli_progress *progress, bool quiet, bool json);
int pal_cli_progress_report(const pal_progress *p, void *progress); /* a pal_progress_fn; stops after a signal */
/* Of anything else that is counted, about ten times a second, however often it is called; not zero after a signal. */
int pal_cli_progress_count(pal_cli_progress *progress, const char *what, int64_t done, int64_t all);
void pal_cli_progress_erase(pal_cli_progress *progress); /* instead of an end: nothing of the bar is left */
void pal_cli_progress_end(pal_cli_progress *progress);
int pal_cli_signal(void); /* the signal that came, or 0 */

#endif
