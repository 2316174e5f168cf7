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
#include "cli/layout.h"
#include "models/models.h"
#include "data/data.h"
#include "analysis/analysis.h"
#include "train/train.h"

/* ---- Exit statuses -------------------------------------------------------------------------------------------- */

enum { PAL_CLI_DONE = 0, PAL_CLI_FAILED = 1, PAL_CLI_WRONG = 2, PAL_CLI_SIGNAL = 128 /* + the signal's number */ };
enum { PAL_CLI_GO_ON = -1 }; /* returned by the functions below: no error so far */

/* ---- The verbs ------------------------------------------------------------------------------------------------ */

typedef struct pal_cli_spec pal_cli_spec;

typedef struct pal_cli_verb {
    const char *name, *summary;
    const pal_cli_spec *spec;          /* its options */
    int (*run)(int argc, char **argv); /* argv[0] is "palindrome VERB" */
    bool computes;                     /* computes so much that the best BLAS kernels are worth a restart (setup.c) */
} pal_cli_verb;

#define VERB(function, name, summary, computes)                                                                        \
    extern const pal_cli_spec pal_cli_##function##_spec;                                                               \
    int pal_cli_##function(int argc, char **argv);
#include "cli/verbs.def"
#undef VERB

/* verbs.c */
const pal_cli_verb *pal_cli_verb_at(size_t i); /* NULL: no more */
const pal_cli_verb *pal_cli_verb_find(const char *name);
const char *pal_cli_verb_name(size_t i, const void *unused); /* for pal_cli_nearest */
void pal_cli_print_verbs(void);                              /* the output of palindrome --help */
/* man.c: the manual page, in the language of man(7). */
void pal_cli_print_manual(void);

/* ---- plugin.c: variants from a shared object ------------------------------------------------------------------ */

/* Loads the shared object and lets it register its variants. It stays loaded. PAL_CLI_GO_ON; or the exit status, with
 * the error printed. */
int pal_cli_load(const char *path);
/* The same for an object that was compiled from a file; word: what messages call it. */
int pal_cli_load_object(const char *path, const char *word);

/* ---- parse.c: options and words ------------------------------------------------------------------------------- */

typedef struct pal_cli_row { /* one option of a verb */
    pal_option option;       /* value: the default that --help shows; "": no default. ENUM without choices: any text */
    const char *argument;    /* its name in --help, such as "N"; NULL: the option is a flag */
    const char *alias;       /* a second name, or NULL */
    int letter;              /* the short option, such as 'o'; or 0 */
} pal_cli_row;

/* What a verb computes with a model: the loss of training, with all that it consists of; the loss and the other figures
 * of a trained model; its inputs and reconstructions; all of that, the phases of training, and the initial weights. */
typedef enum pal_cli_effect { PAL_CLI_GRAPH, PAL_CLI_FIGURES, PAL_CLI_IMAGES, PAL_CLI_TRAINING } pal_cli_effect;

struct pal_cli_spec {
    const char *words;       /* the words after the verb, as --help shows them: "MODEL" */
    const char *summary;     /* one paragraph, printed above the options */
    const pal_cli_row *rows; /* ends with PAL_CLI_END */
    const pal_cli_row *more; /* further rows, except those whose names are in `rows` already; or NULL */
    const char *without;     /* "a|b": the rows of `more` that the verb lacks, or NULL */
    const pal_need *needs;   /* when options have an effect (needs.c); ends with option NULL. NULL: always */
    size_t least, most;      /* the least and the greatest number of words */
    const char *missing;     /* the error message for too few words */
    bool variants;           /* also accept the options of every variant; the verb checks which ones fit */
    pal_cli_effect effect;   /* what the options of models may change (effect.c) */
    bool data; /* also accept the options about data (data.c); a verb with `trains` those about the split */
    bool trains;
    bool halves;    /* a file that --data names is split, because its training samples are needed, too */
    bool late;      /* the verb itself checks the needs, because they depend on the defaults of the model */
    bool processes; /* several processes can share its work (processes.h) */
};

enum { PAL_CLI_WORDS = 64, PAL_CLI_SETTINGS = 128 };

typedef struct pal_cli_args {
    const pal_cli_spec *spec;
    const char *words[PAL_CLI_WORDS];
    size_t n_words;
    pal_setting given[PAL_CLI_SETTINGS]; /* the verb's options; of a repeated one, the last value; a flag is "yes" */
    size_t n_given;
    pal_setting variant[PAL_CLI_SETTINGS]; /* options of variants, if the spec accepts them */
    size_t n_variant;
    bool alone; /* of several processes, this one trains by itself */
} pal_cli_args;

/* PAL_CLI_GO_ON, or the exit status. Checks the values of the verb's own options, and unless spec->late, their needs.
 */
int pal_cli_parse(const pal_cli_spec *spec, int argc, char **argv, pal_cli_args *args);
const char *pal_cli_given(const pal_cli_args *args, const char *name); /* NULL: not given */
bool pal_cli_flag(const pal_cli_args *args, const char *name);

/* needs.c: refuses an option that has no effect together with the others. value returns the value of an option or of a
 * word such as OUT; "": it is not given; NULL: it does not exist here, so the need is no need. PAL_CLI_GO_ON, or the
 * exit status. */
typedef const char *pal_cli_value_fn(const char *name, const void *user);
int pal_cli_check_needs(const pal_need *needs, const pal_cli_args *args, pal_cli_value_fn *value, const void *user);
bool pal_cli_needs_met(const pal_need *needs, const pal_cli_args *args, pal_cli_value_fn *value, const void *user);
/* The value that is given, or the default of the table. user: a pal_cli_given_to. */
typedef struct pal_cli_given_to {
    const pal_cli_spec *spec;
    const pal_cli_args *args;
} pal_cli_given_to;
const char *pal_cli_value(const char *name, const void *user);
const char *pal_cli_need_text(const pal_need *need, char *out, size_t size); /* "only with --optimizer adam|adamw" */

/* ---- options.c, help.c: all options of a verb, and what is said about them ------------------------------------ */

typedef struct pal_cli_entry {
    const pal_option *option;
    const char *argument, *alias; /* as in pal_cli_row */
    int letter;
    bool variant; /* an option of models */
    bool hidden;  /* of other models than the named one */
} pal_cli_entry;

enum { PAL_CLI_ENTRIES = 2 * PAL_CLI_SETTINGS, PAL_CLI_DOC = 512 };
typedef struct pal_cli_table {
    const pal_cli_spec *spec;
    const pal_variant *variant; /* the named model; NULL: none, so the table has the options of all models */
    pal_cli_entry entries[PAL_CLI_ENTRIES];
    size_t n;
} pal_cli_table;

void pal_cli_table_fill(pal_cli_table *table, const pal_cli_spec *spec, const pal_variant *variant);
const pal_cli_entry *pal_cli_entry_find(const pal_cli_table *table, const char *name); /* by name or alias; or NULL */
/* These return out. */
const char *pal_cli_entry_help(const pal_cli_table *table, const pal_cli_entry *entry, char *out, size_t size);
const char *pal_cli_entry_needs(const pal_cli_table *table, const pal_cli_entry *entry, char *out, size_t size);
/* "-o, --out=FILE" */
const char *pal_cli_entry_names(const pal_cli_entry *entry, char *out, size_t size);
/* The default value, "" for none, "by model" if the models have several. */
const char *pal_cli_entry_default(const pal_cli_table *table, const pal_cli_entry *entry);
const char *pal_cli_entry_choices(const pal_cli_table *table, const pal_cli_entry *entry); /* "a|b"; "": none */
void pal_cli_print_help(const pal_cli_spec *spec, const pal_variant *variant, const char *verb);

/* ---- effect.c: whether an option of a model changes what a verb computes --------------------------------------- */

typedef struct pal_cli_effects {
    pal_cli_effect kind;
    pal_model *model;         /* with the settings */
    const pal_model *trained; /* the model as it was trained; NULL: the settings are compared with their defaults */
    const pal_setting *settings;
    size_t n, given; /* the first `given` settings are checked; the others were added to them */
    uint64_t seed;   /* of the model's initial weights */
} pal_cli_effects;
/* Refuses a setting that changes nothing that is computed. PAL_CLI_GO_ON, or the exit status. */
int pal_cli_check_effects(const pal_cli_effects *effects);
/* The same for setting i alone: false if it would be refused. */
bool pal_cli_has_effect(const pal_cli_effects *effects, size_t i);
/* Warns in one line if the model corrupts samples in training only, so that no figure or picture shows it. */
void pal_cli_warn_idle_corruption(pal_model *model);

/* paths.c: whether a path is a folder; whether two paths are one file, which neither is if it is "-". */
bool pal_cli_is_folder(const char *path);
bool pal_cli_is_same(const char *in, const char *out);

/* data.c: the options about data, and those of them that only training decides: "a|b". */
extern const pal_cli_row pal_cli_data_rows[];
extern const char pal_cli_data_training[];

/* train_rows.c: the options of train, which sweep accepts, too. */
extern const pal_cli_row pal_cli_train_rows[];
extern const pal_need pal_cli_train_needs[];
/* The value of an option of the model or of training: as given, or the default of the variant, or of the table. */
const char *pal_cli_train_value(const pal_cli_args *args, const pal_variant *variant, const char *name);
/* --shards, or the number of processes that train together; the lanes if --lanes is not given; and the default batch
 * made such that it can be cut. */
int64_t pal_cli_shards(const pal_cli_args *args);
const pal_communicator *pal_cli_trainers(const pal_cli_args *args); /* those processes; NULL: this one alone */
int64_t pal_cli_default_lanes(const pal_cli_args *args);
int64_t pal_cli_whole_shards(int64_t batch, int64_t shards);
/* Like pal_cli_train, but this process trains alone, and if training has started and ends early, the reason is stored
 * in *why and not printed. why NULL: as pal_cli_train. */
int pal_cli_train_within(int argc, char **argv, pal_error *why);
/* train_report.c: the output at the end of training. */
/* profile: also printed; NULL: none. It is taken over. */
void pal_cli_train_json(const pal_rundir *dir, const pal_train_result *result, json_t *profile);
void pal_cli_train_table(const pal_rundir *dir, pal_model *model, const pal_dataset *data,
                         const pal_train_result *result, bool learned);
/* Samples that each epoch leaves out, because they do not fill a batch; 0: none, or the model takes no steps. */
int64_t pal_cli_left_out(const pal_run_info *info);
/* What minimisers have computed in all phases of the run: evaluations of the loss and its gradient, and products with
 * the curvature. */
void pal_cli_computed(const pal_rundir *dir, int64_t *evaluations, int64_t *products);
const char *pal_cli_batches(const pal_run_info *info, char *out,
                            size_t size); /* "batches of 4 x 128 in 2 shards"; returns out */
#define PAL_CLI_LEARNED 0.01 /* share of variance explained: below it, a model is as good as the mean sample */
/* Writes in one line why the model has learned nothing, with the likeliest remedy; "" if it has learned something. */
void pal_cli_train_verdict(const pal_rundir *dir, const pal_model *model, const pal_dataset *data,
                           const pal_train_result *result, char *out, size_t size);
/* collapse.c: what to do about a random code that carries no information. info: how it was trained. baseline: the
 * squared error of the mean sample; NAN: not known. */
void pal_cli_collapse_remedy(const pal_model *model, const pal_run_info *info, double baseline, char *out, size_t size);

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
#define PAL_CLI_DATA                                                                                                   \
    PAL_CLI_ENUM("data", "", NULL, "PATH", "data set: text table, array (.npy, .npz), folder of pictures or of IDX files")
#define PAL_CLI_SPLIT                                                                                                  \
    PAL_CLI_ENUM("split", "test", "test|train|validation", "NAME",                                                     \
                 "which samples of the data set to use; of a file that --data names, all are used unless this is given")
#define PAL_CLI_NOISE_SEED PAL_CLI_INT("seed", "", 0, PAL_CLI_SEED_MOST, "N", "seed of the noise (default: the run's)")
#define PAL_CLI_MEMORY                                                                                                 \
    PAL_CLI_ENUM("max-memory", "", NULL, "SIZE",                                                                       \
                 "most memory for data and computing, such as 500M or 2G (default: what the machine has)")
#define PAL_CLI_THREADS                                                                                                \
    PAL_CLI_INT("threads", "", 1, 1024, "N", "worker threads (default: one per processor)"), PAL_CLI_MEMORY
#define PAL_CLI_PORTABLE   PAL_CLI_FLAG("portable", "compute so that any x86-64 processor gives the same bits; slower")
#define PAL_CLI_FORMAT     PAL_CLI_ENUM("format", "csv", "csv|npy", "NAME", "format of standard input and output")
#define PAL_CLI_JSON       PAL_CLI_FLAG("json", "print one JSON document")
#define PAL_CLI_CSV        PAL_CLI_FLAG("csv", "also write the numbers of the plot, in a .csv file next to it")

#define PAL_CLI_AS                                                                                                     \
    PAL_CLI_ENUM("as", "", NULL, "VIEW",                                                                               \
                 "how to draw a sample: profile (bars, or a curve), or image of HxW or CxHxW (default: by its shape; "  \
                 "a line of a table is a profile, but a square number of at least 64 is a square image)")

/* For every verb that opens the model of a run (pal_cli_open). */
#define PAL_CLI_WHICH                                                                                                  \
    PAL_CLI_ENUM("which", "", "last|best", "NAME",                                                                     \
                 "the model after the last epoch, or after the best one (default: best if the run was trained with "   \
                 "--patience, else last)")

/* What verbs print that need a run and got none. */
#define PAL_CLI_NO_RUN "no run given: name its folder, such as runs/denoising-001"
/* clang-format on */

/* ---- memory.c ------------------------------------------------------------------------------------------------- */

/* The bytes that this command may take: --max-memory, or what the machine has; 0: not known. PAL_CLI_GO_ON, or the exit
 * status. */
int pal_cli_memory_limit(const pal_cli_args *args, size_t *out);
const char *pal_cli_size(size_t bytes, char *out, size_t size); /* "500 MB" */
const char *pal_cli_memory_words(void); /* "--max-memory allows 500 MB"; "" before the call above */

/* ---- say.c ---------------------------------------------------------------------------------------------------- */

/* Prints "palindrome: ..." as one line on standard error; returns status. Commands in backquotes can be pasted. */
int pal_cli_say(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints an error of the libraries; returns the exit status for its kind. */
int pal_cli_say_error(const pal_error *err);
/* The name most similar to word, or NULL if none is similar enough. at(i, user) returns the i-th name, NULL after the
 * last one. */
const char *pal_cli_nearest(const char *word, const char *(*at)(size_t i, const void *user), const void *user);
void pal_cli_append(char *out, size_t size, const char *between, const char *text); /* "a" -> "a; b"; "" adds nothing */
const char *pal_cli_count(double value, char *out, size_t size);                    /* "60,000" */
/* With so many digits after the point, or as 1.234e+36 where it is large. */
const char *pal_cli_figure(double value, int digits, char *out, size_t size);
const char *pal_cli_time(double seconds, char *out, size_t size); /* "1:05", "2:00:09" */

/* ---- optimizers.c --------------------------------------------------------------------------------------------- */

/* Whether the optimiser of this name finds the length of a step by itself, so that no learning rate is a remedy. NULL:
 * none. */
bool pal_cli_finds_its_step(const char *optimizer);

/* ---- json.c --------------------------------------------------------------------------------------------------- */

void pal_cli_json_set_up(void); /* call it before any value is made */
bool pal_cli_json_lost(void);   /* whether memory ran out for a value, so that something is missing in it */
/* Takes ownership of value. Ends the program with an error if memory ran out for a part of it. */
void pal_cli_print_json(json_t *value);
/* A path, or another text of any bytes (pal_text_escape); null if it is NULL. */
json_t *pal_cli_text(const char *bytes);
json_t *pal_cli_number(double value);                     /* null if value is not finite */
json_t *pal_cli_numbers(const double *values, int64_t n); /* a list of them */

/* ---- variants.c: the models by name, and their options -------------------------------------------------------- */

const pal_variant *pal_cli_variant(const char *name, int *status); /* NULL: the error is printed, *status is set */
/* Checks that the variant has these options and that their values are valid. PAL_CLI_GO_ON, or the exit status. */
int pal_cli_check_settings(const pal_variant *variant, const pal_setting *settings, size_t n);
const char *pal_cli_option_range(const pal_option *option, char *out, size_t size); /* "1 to 65536", "yes or no" */

/* ---- setup.c: processor, threads, BLAS ------------------------------------------------------------------------ */

int pal_cli_print_version(void);
unsigned pal_cli_processors(void);
const char *pal_cli_libc(char *out, size_t size); /* returns out: "glibc 2.36"; NULL: not known */
/* With --threads and --portable of the arguments. run: the run that the context is for, or NULL; a portable one is
 * computed with as if --portable were given, with the lanes of its training. NULL: the error is printed. */
pal_context *pal_cli_context(const pal_cli_args *args, const pal_run_info *run, int *status);

/* ---- open.c: a trained run and the options given for it ------------------------------------------------------- */

typedef struct pal_cli_run {
    const pal_cli_args *args;
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

/* which.c: the model of the run that --which asks for: "last", "best", or NULL for the default, which is `best` if the
 * run was trained with --patience; *best tells. NULL: err says why. */
pal_model *pal_cli_which(const pal_rundir *dir, pal_context *context, const char *which, bool *best, pal_error *err);
/* The same, for the verb of these arguments. Prints a line if it is the best one, and nobody asked for that. A verb
 * without the option needs no model but its settings, and gets the last one. */
pal_model *pal_cli_which_of(const pal_cli_args *args, const pal_rundir *dir, pal_context *context, bool *best,
                            pal_error *err);
bool pal_cli_has_option(const pal_cli_spec *spec, const char *name); /* in its own table */
/* effect.c: refuses --seed if the verb draws nothing with these runs. PAL_CLI_GO_ON, or the exit status. */
int pal_cli_check_seed(const pal_cli_args *args, const pal_cli_run *runs, size_t n);
/* Opens args->words[word]. Options of variants in args replace those of training. PAL_CLI_GO_ON, or the exit status. In
 * either case the caller must call pal_cli_close. Prints a one-line warning if training did not finish. */
int pal_cli_open(const pal_cli_args *args, size_t word, pal_cli_run *run);
/* The variant of a run. NULL: it is unknown; the error is printed, *status is set. */
const pal_variant *pal_cli_run_variant(const pal_rundir *dir, int *status);
/* Opens the test samples (or --split) of --data, or else of the data that the run was trained on. */
int pal_cli_open_data(const pal_cli_args *args, pal_cli_run *run);
/* All samples of a file, of standard input ("-"; npy: a .npy file), or of the part of a folder that --split names. */
pal_dataset *pal_cli_open_samples(const pal_cli_run *run, const char *path, bool npy, pal_error *err);
/* The same with their rows (pal_dataset.rows), in which cells may be missing; of a model without a schema, a row is the
 * features. */
pal_dataset *pal_cli_open_rows(const pal_cli_run *run, const char *path, bool npy, pal_error *err);
/* The training samples of a data set that --data names, for the model of the run. */
pal_dataset *pal_cli_open_training(const pal_cli_run *run, const char *path, pal_error *err);
/* The run's own training, validation or test samples; for a run of an older version that held samples out, those count
 * as its test samples. Warns in one line if they have changed since. NULL: err says why. */
pal_dataset *pal_cli_open_own(const pal_cli_run *run, pal_split split, pal_error *err);
/* The same, for `what`, which can be left out. *data NULL with PAL_CLI_GO_ON: they are no longer there; or they cannot
 * be read, which a warning says. limit: keep the first samples; 0: all. */
int pal_cli_open_further(const pal_cli_run *run, pal_split split, int64_t limit, const char *what, pal_dataset **data);
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
/* The variant and the settings that differ from their defaults: "denoising, masking 0.5, hidden 256". Returns out. */
const char *pal_cli_describe(const pal_model *model, char *out, size_t size);

/* ---- runs.c: several runs on one command line ----------------------------------------------------------------- */

enum { PAL_CLI_NAME = 256, PAL_CLI_PATH = 4096 };

typedef struct pal_cli_runs {
    size_t n;
    pal_cli_run *run;           /* [n]; run[0].data: the samples for all of them, if the verb asks for samples */
    char (*name)[PAL_CLI_NAME]; /* [n]: what distinguishes each of them, by pal_cli_distinguish */
} pal_cli_runs;

/* What distinguishes runs[at] from the other runs: its variant, if they have several; the settings that differ among
 * the runs of this variant; of runs with equal settings, the seed, the epochs and so on that differ, and at last the
 * name of the folder. Returns out. */
const char *pal_cli_distinguish(const pal_cli_run *runs, size_t n, size_t at, char *out, size_t size);
/* "trained for 15 epochs on fashion-mnist"; "trained on fashion-mnist: 15 epochs, 3 of 15 epochs (interrupted)", in the
 * order of the runs, if they differ in it. Returns out. */
const char *pal_cli_trained(const pal_cli_run *runs, size_t n, char *out, size_t size);
/* Opens a run for each word. data: also open the samples for all of them. Then they must take samples of the same
 * shape, and without --data they must have been trained on the same data; the error names two that do not.
 * PAL_CLI_GO_ON, or the exit status. In either case the caller must call pal_cli_close_all. */
int pal_cli_open_all(const pal_cli_args *args, bool data, pal_cli_runs *runs);
void pal_cli_close_all(pal_cli_runs *runs);
bool pal_cli_alike(const pal_cli_runs *runs); /* whether all have the same variant */

typedef struct pal_cli_about_runs { /* a verb that works on the runs named by its words; as pal_cli_about_run */
    const pal_cli_spec *spec;
    int (*check)(const pal_cli_args *args);
    bool data;
    int (*act)(const pal_cli_args *args, pal_cli_runs *runs);
} pal_cli_about_runs;
int pal_cli_about_all(const pal_cli_about_runs *verb, int argc, char **argv);

/* ---- plots.c: pictures, as PNG, SVG or PDF --------------------------------------------------------------------- */

/* PAL_CLI_GO_ON; or the exit status, with the error printed, if --out does not end in .png, .svg or .pdf. */
int pal_cli_check_picture(const pal_cli_args *args);
/* Reads --as, how samples of this model are drawn; zeros without --as. PAL_CLI_GO_ON; or the exit status, with the
 * error printed. */
int pal_cli_view(const pal_cli_args *args, const pal_model *model, pal_view *view);
/* The name of the file with the numbers of the plot at path, written to room; NULL without --csv. */
const char *pal_cli_numbers_of(const pal_cli_args *args, const char *path, char *room, size_t size);
/* PAL_CLI_GO_ON; or the exit status, with the error printed, if these numbers would overwrite the file `data`. */
int pal_cli_check_numbers(const pal_cli_args *args, const char *data);

/* ---- curvature.c: geometry --spectrum. Returns the exit status. -------------------------------------------------- */

int pal_cli_curvature(const pal_cli_args *args, const pal_cli_runs *runs);

/* ---- infill.c, impute.c: missing cells of a table ---------------------------------------------------------------- */

/* What infill does: draws and measures missing pixels, completes a table (IN OUT), or removes cells to measure. */
typedef enum pal_cli_infill_kind { PAL_CLI_PIXELS, PAL_CLI_CELLS, PAL_CLI_REMOVAL } pal_cli_infill_kind;
pal_cli_infill_kind pal_cli_infill_kind_of(const pal_cli_args *args);
int pal_cli_impute_check(const pal_cli_args *args); /* PAL_CLI_GO_ON, or the exit status */
/* These return the exit status. options: with all but the method; progress is called with `user`. */
int pal_cli_impute(const pal_cli_args *args, pal_cli_run *run, const pal_infill_options *options);
int pal_cli_impute_measure(const pal_cli_args *args, pal_cli_run *run, const pal_infill_options *options,
                           const pal_dataset *train);

/* ---- encode.c: arrays in, arrays out -------------------------------------------------------------------------- */

typedef enum pal_cli_conversion { PAL_CLI_ENCODE, PAL_CLI_DECODE, PAL_CLI_RECONSTRUCT } pal_cli_conversion;
/* The words are RUN, IN, OUT. Returns the exit status. */
int pal_cli_convert(pal_cli_conversion which, const pal_cli_args *args);

/* ---- graph_dot.c ------------------------------------------------------------------------------------------------ */

enum { PAL_CLI_NO_DOT = PAL_CLI_SIGNAL }; /* dot is not installed; no error is printed */
/* Writes a picture of a text in dot's language; type: "svg" or "png". Returns PAL_CLI_DONE, PAL_CLI_NO_DOT, or the exit
 * status with the error printed. */
int pal_cli_draw_dot(const char *path, const char *type, const char *text);

/* ---- graph_plan.c ----------------------------------------------------------------------------------------------- */

/* Compiles and prints what each pass makes, or for one of them what it is given and what it makes. pass: a name as in
 * pal_trace, or "all". Returns the exit status. */
#define PAL_CLI_PASSES "all|live|simplify|batch|materialise|fuse|schedule|feed|collect|place|emit"
int pal_cli_print_plan(pal_tape *tape, const pal_var *outputs, size_t n, const char *pass);

/* ---- graph_plan_draw.c ------------------------------------------------------------------------------------------ */

typedef struct pal_cli_plan_picture {
    pal_tape *tape;
    const pal_var *outputs;
    size_t n;
    const char *const *names; /* of the outputs */
    const char *title;
    const pal_program *times; /* the same program, compiled with .profile, that has run; NULL: no times */
    bool no_legend;
} pal_cli_plan_picture;
/* Whether a picture can show what this pass has made, if it is given; else the message is printed. type: of the file.
 */
int pal_cli_check_plan_picture(const char *pass, const char *path, const char *type);
int pal_cli_draw_plan(const pal_cli_plan_picture *picture, const char *path); /* the exit status */

/* ---- progress.c -----------------------------------------------------------------------------------------------
 *
 * On a terminal, training shows a bar for the running epoch. When the epoch ends, its bar becomes a line that stays. Of
 * more than 30 epochs, every k-th keeps a line, so that there are at most about 30; so does the first epoch of a phase,
 * and the last. The bar is then that of the epochs to the next line. Elsewhere each epoch is a line. */

typedef struct pal_cli_progress {
    FILE *to; /* NULL: silent */
    bool bar; /* true: one line, overwritten in place; false: one line per epoch */
    bool colour, unicode;
    bool dirty;         /* the line of the bar has no newline yet */
    double began, next; /* seconds of a monotonic clock: when this bar began; when it is drawn again. 0: not yet */
    int64_t every;      /* epochs from one line to the next; 0: not yet known */
    bool any;           /* some epoch has kept its line */
    int64_t kept;       /* the last one of these; before the first, the epoch before it */
    char phase[32];     /* its phase */
} pal_cli_progress;

void pal_cli_progress_start(pal_cli_progress *progress, bool quiet, bool json);
int pal_cli_progress_report(const pal_progress *p, void *progress); /* a pal_progress_fn; stops after a signal */
/* The bar for anything else that is counted. It redraws about ten times per second, however often it is called. A bar
 * that is full stays and says how long it took. Returns nonzero after a signal. */
int pal_cli_progress_count(pal_cli_progress *progress, const char *what, int64_t done, int64_t all);
int pal_cli_columns(FILE *to);                           /* of the terminal as it is now; 0: it is no terminal */
void pal_cli_progress_erase(pal_cli_progress *progress); /* removes the bar; call it instead of pal_cli_progress_end */
void pal_cli_progress_end(pal_cli_progress *progress);

/* ---- signals.c ------------------------------------------------------------------------------------------------- */

void pal_cli_begin_process(void);    /* first of all: descriptors 0 to 2, and SIGXFSZ */
int pal_cli_end_process(int status); /* last of all, after standard output is flushed; may end the program */
void pal_cli_signals_catch(void);    /* from here on, SIGINT, SIGTERM, SIGHUP and SIGPIPE are stored */
void pal_cli_signals_release(void);  /* from here on, they end the program again */
void pal_cli_signals_hush(void);     /* from here on, one that ends the program at once says nothing */
/* From here on, unless they are stored, SIGINT, SIGTERM and SIGHUP end the program with one line, and no temporary file
 * is left in the folder that is, or has, the file `path`. */
void pal_cli_signals_end(const char *path);
int pal_cli_signal(void); /* the first signal that was stored, or 0 */

#endif
