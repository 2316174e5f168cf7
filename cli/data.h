/* data.h - the options about data on the command line: data.c. */
#ifndef PAL_CLI_DATA_H
#define PAL_CLI_DATA_H

#include "cli/cli.h"

enum { PAL_CLI_DATA_OPTIONS = 64 };

typedef struct pal_cli_data {
    pal_setting list[PAL_CLI_DATA_OPTIONS]; /* names and values are borrowed; the last of a name counts */
    pal_data_options options;
} pal_cli_data;

/* Adds the options that the arguments have. */
void pal_cli_data_take(pal_cli_data *data, const pal_cli_args *args);
/* Adds those of a run. model: trained by it, which has its own scaling. own: the data are those of the run, so that its
 * split counts. */
void pal_cli_data_of_run(pal_cli_data *data, const pal_run_info *info, const pal_model *model, bool own);

/* The name of the column that names the samples, as given here or in training; NULL: there is none, or only its number.
 */
const char *pal_cli_data_id(const pal_cli_args *args, const pal_run_info *info);
/* Adds an option that was not given, with the value that was chosen for it. */
void pal_cli_data_choose(pal_cli_data *data, const char *name, const char *value);
/* reading.c: how far the reading of a folder of pictures is. pal_cli_reading_step is for pal_data_source.progress. */
typedef struct pal_cli_reading {
    pal_cli_progress bar;
    double line; /* when the last line was printed */
} pal_cli_reading;
void pal_cli_reading_start(pal_cli_reading *reading, bool quiet, bool json);
void pal_cli_reading_step(int64_t done, int64_t all, void *reading);
void pal_cli_reading_end(pal_cli_reading *reading);

/* What was read, on one line: "125 samples to train, 25 to test; 4 features; 3 classes: ...; line 1 names the columns".
 * Returns out. */
enum { PAL_CLI_DATA_WORDS = 1200 };
const char *pal_cli_data_words(const pal_dataset *train, const pal_dataset *measured, bool validated, char *out,
                               size_t size);

#endif
