/* cli.h - what the verbs of the program `palindrome` share.
 *
 * Each verb has one file and one row in the table of main.c. A verb describes its options as data (pal_cli_spec),
 * parses them, calls the libraries, and returns the exit status. All verbs follow two rules:
 *   - Wrong use prints exactly one line on standard error and changes nothing.
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
enum { PAL_CLI_GO_ON = -1 }; /* returned by the functions below: no error so far */

/* ---- The verbs ------------------------------------------------------------------------------------------------ */

typedef struct pal_cli_verb {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "palindrome VERB" */
    bool computes;                     /* computes so much that the best BLAS kernels are worth a restart (setup.c) */
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

/* Loads the shared object and lets it register its variants. It stays loaded. PAL_CLI_GO_ON; or the exit status, with
 * the error printed. */
int pal_cli_load(const char *path);

/* ---- parse.c: options and words ------------------------------------------------------------------------------- */

typedef struct pal_cli_row { /* one option of a verb */
    pal_option option;       /* value: the default that --help shows; "": no default. ENUM without choices: any text */
    const char *argument;    /* its name in --help, such as "N"; NULL: the option is a flag */
    const char *alias;       /* a second name, or NULL */
    int letter;              /* the short option, such as 'o'; or 0 */
} pal_cli_row;

typedef struct pal_cli_spec {
    const char *words;       /* the words after the verb, as --help shows them: "MODEL" */
    const char *summary;     /* one paragraph, printed above the options */
    const pal_cli_row *rows; /* ends with PAL_CLI_END */
    size_t least, most;      /* the least and the greatest number of words */
    const char *missing;     /* the error message for too few words */
    bool variants;           /* also accept the options of every variant; the verb checks which ones fit */
} pal_cli_spec;

enum { PAL_CLI_WORDS = 64, PAL_CLI_SETTINGS = 128 };

typedef struct pal_cli_args {
    const char *words[PAL_CLI_WORDS];
    size_t n_words;
    pal_setting given[PAL_CLI_SETTINGS]; /* the verb's options; of a repeated one, the last value; a flag is "yes" */
    size_t n_given;
    pal_setting variant[PAL_CLI_SETTINGS]; /* options of variants, if the spec accepts them */
    size_t n_variant;
} pal_cli_args;

/* PAL_CLI_GO_ON, or the exit status. Checks the values of the verb's own options. */
int pal_cli_parse(const pal_cli_spec *spec, int argc, char **argv, pal_cli_args *args);
const char *pal_cli_given(const pal_cli_args *args, const char *name); /* NULL: not given */
bool pal_cli_flag(const pal_cli_args *args, const char *name);

extern const pal_cli_row pal_cli_train_rows[]; /* the options of train, which sweep accepts, too */
/* Like pal_cli_train. If training has started and ends early, the reason is stored in *why and not printed. why NULL:
 * it is printed. */
int pal_cli_train_within(int argc, char **argv, pal_error *why);
/* train_rows.c: refuses options that belong to another optimizer or schedule than the chosen one. */
int pal_cli_train_check(const pal_cli_args *args, const char *optimizer, const char *schedule);
/* train_report.c: the output at the end of training. */
void pal_cli_train_json(const pal_rundir *dir, const pal_train_result *result);
void pal_cli_train_table(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                         const pal_train_result *result, bool learned);
/* Writes in one line why the model has learned nothing, with the likeliest remedy; "" if it has learned something. */
void pal_cli_train_verdict(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                           const pal_train_result *result, char *out, size_t size);
/* What to do about a random code that carries no information. */
const char *pal_cli_collapse_remedy(const pal_model *model);

/* Rows of option tables. value: the default that --help shows; arg: the argument's name there; lo, hi: the range of the
 * value; list: its choices, or NULL for any text. */
/* clang-format off */
#define PAL_CLI_INT(name, value, lo, hi, arg, help)  {{name, PAL_OPTION_INT, value, lo, hi, NULL, help}, arg, NULL, 0}
#define PAL_CLI_REAL(name, value, lo, hi, arg, help) {{name, PAL_OPTION_REAL, value, lo, hi, NULL, help}, arg, NULL, 0}
#define PAL_CLI_ENUM(name, value, list, arg, help)   {{name, PAL_OPTION_ENUM, value, 0, 0, list, help}, arg, NULL, 0}
#define PAL_CLI_FLAG(name, help)                     {{name, PAL_OPTION_BOOL, "", 0, 0, NULL, help}, NULL, NULL, 0}
#define PAL_CLI_END                                  {{.name = NULL}, NULL, NULL, 0}

/* Options that many verbs have. */
#define PAL_CLI_SEED_MOST  9007199254740992 /* 2^53 */
#define PAL_CLI_OUT(help)  {{"out", PAL_OPTION_ENUM, "", 0, 0, NULL, help}, "FILE", NULL, 'o'}
#define PAL_CLI_DATA       PAL_CLI_ENUM("data", "", NULL, "PATH", "data set: folder of IDX files, .npy or .csv file")
#define PAL_CLI_SPLIT      PAL_CLI_ENUM("split", "test", "test|train", "NAME", "which samples of the data set to use")
#define PAL_CLI_NOISE_SEED PAL_CLI_INT("seed", "", 0, PAL_CLI_SEED_MOST, "N", "seed of the noise (default: the run's)")
#define PAL_CLI_THREADS    PAL_CLI_INT("threads", "", 1, 1024, "N", "worker threads (default: one per processor)")
#define PAL_CLI_FORMAT     PAL_CLI_ENUM("format", "csv", "csv|npy", "NAME", "format of standard input and output")
#define PAL_CLI_JSON       PAL_CLI_FLAG("json", "print one JSON document")
#define PAL_CLI_CSV        PAL_CLI_FLAG("csv", "also write the numbers of the plot, in a .csv file next to it")

#define PAL_CLI_AS                                                                                                     \
    PAL_CLI_ENUM("as", "", NULL, "VIEW",                                                                               \
                 "how to draw a sample: profile (bars, or a curve), or image of HxW or CxHxW (default: by its shape; "  \
                 "a line of a table is a profile, but a square number of at least 64 is a square image)")

/* What verbs print that need a run and got none. */
#define PAL_CLI_NO_RUN "no run given: name its folder, such as runs/denoising-001"
/* clang-format on */

/* ---- say.c ---------------------------------------------------------------------------------------------------- */

/* Prints "palindrome: ..." as one line on standard error; returns status. */
int pal_cli_say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints an error of the libraries; returns the exit status for its kind. */
int pal_cli_say_error(const pal_error *err);
/* The name most similar to word, or NULL if none is similar enough. at(i, user) returns the i-th name, NULL after the
 * last one. */
const char *pal_cli_nearest(const char *word, const char *(*at)(size_t i, const void *user), const void *user);
void pal_cli_print_json(json_t *value);                           /* takes ownership of value */
json_t *pal_cli_number(double value);                             /* null if value is not finite */
const char *pal_cli_count(double value, char *out, size_t size);  /* "60,000" */
const char *pal_cli_time(double seconds, char *out, size_t size); /* "1:05", "2:00:09" */

/* ---- variants.c: the models by name, and their options -------------------------------------------------------- */

const pal_variant *pal_cli_variant(const char *name, int *status); /* NULL: the error is printed, *status is set */
/* Checks that the variant has these options and that their values are valid. PAL_CLI_GO_ON, or the exit status. */
int pal_cli_check_settings(const pal_variant *variant, const pal_setting *settings, size_t n);
/* The i-th option among those of all variants, each name counted once; NULL after the last one. */
const pal_option *pal_cli_any_option(size_t i);
const char *pal_cli_option_range(const pal_option *option, char *out, size_t size); /* "1 to 65536", "yes or no" */

/* ---- setup.c: processor, threads, BLAS ------------------------------------------------------------------------ */

void pal_cli_set_up(char **argv); /* may restart the program, with better kernels */
int pal_cli_print_version(void);
unsigned pal_cli_processors(void);
pal_context *pal_cli_context(const pal_cli_args *args, int *status); /* uses --threads; NULL: the error is printed */

/* ---- open.c: a trained run and the options given for it ------------------------------------------------------- */

typedef struct pal_cli_run {
    pal_rundir *dir;
    pal_context *context;
    pal_model *model;
    pal_model *corruptor; /* corrupts the inputs, if the given options belong to another variant; else NULL */
    char corruption[256]; /* how the inputs are corrupted, if not as in training: "masking 0.5"; else "" */
    char changed[256];    /* other settings that differ from training: "lambda 2" */
    char described[512];  /* the model as it was trained, by pal_cli_describe */
    char given[600];      /* printed after `described`: ", corrupted by masking 0.5, with lambda 2", or "" */
    pal_dataset *data;
} pal_cli_run;

/* Opens args->words[word]. Options of variants in args replace those of training. PAL_CLI_GO_ON, or the exit status. In
 * either case the caller must call pal_cli_close. Prints a one-line warning if training did not finish. */
int pal_cli_open(const pal_cli_args *args, size_t word, pal_cli_run *run);
/* The variant of a run. NULL: it is unknown; the error is printed, *status is set. */
const pal_variant *pal_cli_run_variant(const pal_rundir *dir, int *status);
/* Opens the test samples (or --split) of --data, or else of the data that the run was trained on. */
int pal_cli_open_data(const pal_cli_args *args, pal_cli_run *run);
/* The run's own training samples, or the samples it was measured on: the test samples, or those held out from training.
 * NULL: err says why. */
pal_dataset *pal_cli_open_own(const pal_cli_run *run, pal_split split, pal_error *err);
void pal_cli_close(pal_cli_run *run);
int64_t pal_cli_int(const pal_cli_args *args, const char *name, int64_t otherwise);

/* about.c: a verb that works on the run named by its first word. */
typedef struct pal_cli_about_run {
    const pal_cli_spec *spec;
    int (*check)(const pal_cli_args *args); /* checks the options before anything is opened; NULL: no such check */
    bool data;                              /* also open the samples */
    int (*act)(const pal_cli_args *args, pal_cli_run *run); /* returns the exit status */
} pal_cli_about_run;
int pal_cli_about(const pal_cli_about_run *verb, int argc, char **argv);
/* The settings of runs[at] that differ among the n runs; the name of its folder if none differ. Returns out. */
const char *pal_cli_distinguish(const pal_cli_run *runs, size_t n, size_t at, char *out, size_t size);
/* The variant and the settings that differ from their defaults: "denoising, masking 0.5, hidden 256". Returns out. */
const char *pal_cli_describe(const pal_model *model, char *out, size_t size);

/* ---- plots.c: pictures, as PNG, SVG or PDF --------------------------------------------------------------------- */

/* PAL_CLI_GO_ON; or the exit status, with the error printed, if --out does not end in .png, .svg or .pdf. */
int pal_cli_check_picture(const pal_cli_args *args);
/* Reads --as, how samples of this model are drawn; zeros without --as. PAL_CLI_GO_ON; or the exit status, with the
 * error printed. */
int pal_cli_view(const pal_cli_args *args, const pal_model *model, pal_view *view);
/* The name of the file with the numbers of the plot at path, written to room; NULL without --csv. */
const char *pal_cli_numbers_of(const pal_cli_args *args, const char *path, char *room, size_t size);

/* ---- encode.c: arrays in, arrays out -------------------------------------------------------------------------- */

typedef enum pal_cli_conversion { PAL_CLI_ENCODE, PAL_CLI_DECODE, PAL_CLI_RECONSTRUCT } pal_cli_conversion;
/* The words are RUN, IN, OUT. Returns the exit status. */
int pal_cli_convert(pal_cli_conversion which, const pal_cli_args *args);

/* ---- progress.c ----------------------------------------------------------------------------------------------- */

typedef struct pal_cli_progress {
    FILE *to; /* NULL: silent */
    bool bar; /* true: one line, overwritten in place; false: one line per epoch */
    bool colour, unicode;
    bool dirty;         /* the line of the bar has no newline yet */
    double began, next; /* used by pal_cli_progress_count: seconds of a monotonic clock, 0 before its first call */
} pal_cli_progress;

void pal_cli_progress_start(pal_cli_progress *progress, bool quiet, bool json);
int pal_cli_progress_report(const pal_progress *p, void *progress); /* a pal_progress_fn; stops after a signal */
/* The bar for anything else that is counted. It redraws about ten times per second, however often it is called. Returns
 * nonzero after a signal. */
int pal_cli_progress_count(pal_cli_progress *progress, const char *what, int64_t done, int64_t all);
void pal_cli_progress_erase(pal_cli_progress *progress); /* removes the bar; call it instead of pal_cli_progress_end */
void pal_cli_progress_end(pal_cli_progress *progress);
int pal_cli_signal(void); /* the signal that was received, or 0 */

#endif
