/* detect.h - what the files of `palindrome detect` share: what is asked for, the samples, and what was found. */
#ifndef PAL_CLI_DETECT_H
#define PAL_CLI_DETECT_H

#include "cli/cli.h"

enum { PAL_CLI_WORST = 1000, PAL_CLI_GUILTY = 1024 }; /* most samples in the table; most features of a sample */

typedef struct pal_cli_found { /* of the samples of one piece, or of all */
    size_t n;
    double *score;
    uint32_t *which; /* [n, guilty]: the features that contribute most, and what they contribute */
    double *part;
} pal_cli_found;

typedef struct pal_cli_odd { /* one of the worst samples */
    int64_t sample;
    double score;
    const uint32_t *which; /* [guilty], in pal_cli_detect_job.worst_which; and so on */
    const double *part;
} pal_cli_odd;

typedef struct pal_cli_detect_job {
    pal_cli_args args;
    pal_cli_run run; /* data: the samples, if they do not come from standard input */
    pal_dataset *train;
    pal_detector *detector;
    pal_score score;
    const char *in, *out, *plot; /* words and options; NULL: not given. in: "-" for standard input */
    size_t features, guilty;     /* of a sample; how many of them are named */
    double threshold;
    char how[200];     /* where the threshold comes from, in words */
    pal_cli_found all; /* of run.data; n 0: standard input */
    int64_t samples, flagged;
    size_t worst_most, n_worst;
    pal_cli_odd *worst; /* [worst_most], descending; of equal scores the first sample comes first */
    uint32_t *worst_which;
    double *worst_part;
    uint8_t *odd; /* [samples] by the labels; NULL: not known */
    char odd_how[200];
    pal_detection figures;
} pal_cli_detect_job;

/* detect_score.c. Makes the detector; scores all samples of run.data, or the rows from standard input, and writes OUT.
 * PAL_CLI_GO_ON, or the exit status. */
int pal_cli_detect_make(pal_cli_detect_job *job);
int pal_cli_detect_data(pal_cli_detect_job *job);
int pal_cli_detect_stream(pal_cli_detect_job *job);

/* detect_in.c. PAL_CLI_GO_ON, or the exit status.
 *
 * Opens the samples: run->data. Not for standard input as text. */
int pal_cli_detect_open(pal_cli_detect_job *job);
/* Which samples are odd: job->odd, if the data has labels. */
int pal_cli_detect_labels(pal_cli_detect_job *job);
/* detect_rows.c: rows of a text table from standard input, as they come. schema: that of the model, which is borrowed;
 * NULL: rows are numbers, as many as there are features. NULL: out of memory. */
typedef struct pal_cli_stream pal_cli_stream;
pal_cli_stream *pal_cli_stream_new(const pal_schema *schema, size_t features);
void pal_cli_stream_free(pal_cli_stream *stream);
/* Reads up to `most` rows into x and known [most, features]: as many as are there, at least one. *n 0: there are no
 * more. */
int pal_cli_stream_take(pal_cli_stream *stream, size_t most, float *x, float *known, size_t *n);

/* detect_out.c. Whether features have names; what a feature is called: "city=Rome", or its number. */
enum { PAL_CLI_FEATURE = 512 }; /* bytes of a name */
bool pal_cli_detect_names(const pal_cli_detect_job *job);
const char *pal_cli_detect_feature(const pal_cli_detect_job *job, uint32_t feature, char *out, size_t size);
/* The file OUT. */
void pal_cli_detect_head(const pal_cli_detect_job *job, FILE *to);
void pal_cli_detect_rows(const pal_cli_detect_job *job, const pal_cli_found *found, int64_t first, FILE *to);
int pal_cli_detect_write(pal_cli_detect_job *job); /* all of run.data; PAL_CLI_GO_ON, or the exit status */

/* detect_report.c: prints the table or the JSON document and draws the picture. Returns the exit status. */
int pal_cli_detect_report(pal_cli_detect_job *job);

#endif
