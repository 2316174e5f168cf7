/* report.h - what the files of `palindrome report` share.
 *
 *   - report.c           the verb: opens the runs, writes the file
 *   - report_facts.c     what is known of a run: its data, figures and errors; nothing is written
 *   - report_page.c      the frame of the page: head, contents, and a section for each row of a table
 *   - report_parts.c     what sections are made of: tables, figures, bars
 *   - report_style.c     how it looks
 *   - report_model.c     what the run is, and its verdict
 *   - report_figures.c   the figures, of one run or side by side
 *   - report_chart.c     a chart of lines as SVG;  report_curves.c: the curves of training
 *   - report_pictures.c  the pictures that other verbs draw, embedded
 *   - report_samples.c   reconstructions as a table, the errors of features, the worst samples
 *   - report_graph.c     the graph of the loss
 *   - report_options.c   options, environment, and how to repeat it
 *   - report_many.c      what is only said of several runs
 */
#ifndef PAL_CLI_REPORT_H
#define PAL_CLI_REPORT_H

#include "cli/compare.h"
#include "cli/evaluate.h"
#include "cli/html.h"

enum { PAL__WHY = 600 };

/* ---- Facts: report_facts.c ------------------------------------------------------------------------------------ */

typedef struct pal__reported { /* a run */
    pal_cli_run *run;
    const char *name; /* what distinguishes it from the others; of one run, its folder */
    pal_rundir *dir;  /* with its epochs */
    const pal_run_info *info;
    pal_dataset *data;  /* the samples that it is measured on; NULL: why_no_data says why there are none */
    pal_dataset *train; /* its training samples, or NULL */
    bool shared;        /* data are those of the first run */
    char why_no_data[PAL__WHY];
    pal__column column; /* the figures, if there are data */
    double *of_sample;  /* [data->count] squared errors, or NULL */
    double *of_feature; /* [features] squared errors, means over the samples */
    char verdict[1024]; /* one sentence */
    bool learned;
} pal__reported;

typedef struct pal__report {
    const pal_cli_args *args;
    pal_cli_runs *runs;
    pal__reported *of; /* [n] */
    size_t n;
    bool same_data; /* all runs are measured on the same samples */
    const char *title;
    char folder[64]; /* for pictures, until they are embedded */
    char path[PAL_CLI_PATH];
    pal_html html;
} pal__report;

/* These return PAL_CLI_GO_ON or the exit status. pal__report_close is called in either case. */
int pal__report_open(const pal_cli_args *args, pal_cli_runs *runs, pal__report *report);
void pal__report_close(pal__report *report);
/* The epoch that is the best by the measured loss, of the last phase; NULL: none is measured. */
const pal_epoch *pal__report_best(const pal__reported *run);
/* The name of a feature of the samples: of its column, with the level of a category. Returns out. */
const char *pal__report_feature(const pal__reported *run, int64_t feature, char *out, size_t size);
/* A value of a feature in the unit of its column. */
double pal__report_unit(const pal__reported *run, int64_t feature, double value);
/* The name of the label of a sample; NULL: there are no labels. Returns out. */
const char *pal__report_label(const pal__reported *run, uint32_t sample, char *out, size_t size);
bool pal__report_random(const pal__reported *run);  /* the code is random, so that there is a prior */
bool pal__report_profile(const pal__reported *run); /* a sample is a line of a table, not an image */

/* ---- The page: report_page.c, report_parts.c --------------------------------------------------------------------- */

/* A section writes what is below its heading. run: the one it is about; of a page about several, the first. */
typedef struct pal__section {
    const char *id, *title;
    int (*write)(pal__report *report, const pal__reported *run); /* returns PAL_CLI_GO_ON or the exit status */
    bool (*fits)(const pal__reported *run); /* false: such a model has no such section; NULL: all have one */
} pal__section;
int pal__report_write(pal__report *report); /* the whole page, into report->html */
/* One plain line that says what is left out and why. */
void pal__report_without(pal__report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A table is opened with a caption, which says how to read it, and a line of headings; # begins that of a column of
 * numbers. Ends with NULL. of_class: "wide", or "wide compact". It is closed by two calls of pal_html_close. */
void pal__report_table(pal__report *report, const char *caption, const char *of_class, ...) __attribute__((sentinel));
void pal__report_number(pal__report *report, const char *name, double value, int digits, bool best);
extern const char *const pal__report_style[]; /* report_style.c; ends with NULL */

/* ---- Sections ------------------------------------------------------------------------------------------------- */

int pal__report_model(pal__report *report, const pal__reported *run);
int pal__report_figures(pal__report *report, const pal__reported *run);
int pal__report_curves(pal__report *report, const pal__reported *run); /* of all runs */
int pal__report_reconstructions(pal__report *report, const pal__reported *run);
int pal__report_features(pal__report *report, const pal__reported *run);
int pal__report_filters(pal__report *report, const pal__reported *run);
int pal__report_codes(pal__report *report, const pal__reported *run);
int pal__report_draws(pal__report *report, const pal__reported *run);
int pal__report_worst(pal__report *report, const pal__reported *run);
int pal__report_graph(pal__report *report, const pal__reported *run);
int pal__report_options(pal__report *report, const pal__reported *run);
int pal__report_environment(pal__report *report, const pal__reported *run);
int pal__report_repeat(pal__report *report, const pal__reported *run);
int pal__report_side_by_side(pal__report *report, const pal__reported *run);
int pal__report_differences(pal__report *report, const pal__reported *run);
int pal__report_each(pal__report *report, const pal__reported *run);

void pal__report_tiles(pal__report *report, const pal__reported *run); /* the chief figures, below the title */
void pal__report_bar(pal__report *report, double share);               /* a share from 0 to 1 as a bar */
/* A reconstruction of some samples as a table: features across, or down. */
int pal__report_rows(pal__report *report, const pal__reported *run, const uint32_t *rows, size_t n);

/* ---- Pictures: report_pictures.c ------------------------------------------------------------------------------ */

/* Embeds the file NAME of report->folder and removes it. alt: what the picture shows, for those who do not see it. */
int pal__report_picture(pal__report *report, const char *name, const char *alt, const char *caption);
/* Returns out, the path of a file in report->folder. */
const char *pal__report_file(const pal__report *report, const char *name, char *out, size_t size);
/* What a library has refused: prints an error if memory ran out, or else leaves the picture out. */
int pal__report_refused(pal__report *report, const char *what, const pal_error *err);

/* ---- Charts: report_chart.c ----------------------------------------------------------------------------------- */

typedef struct pal__line {
    const char *name;
    double *x, *y;
    size_t n;
    int colour; /* from 0 */
    bool dashed;
    double at[2];  /* a point that is marked; NAN: none */
    char mark[64]; /* what it is */
} pal__line;

typedef struct pal__chart {
    const char *alt, *x_label, *y_label;
    const pal__line *lines;
    size_t n;
    const double *breaks; /* vertical lines, such as the ends of phases */
    size_t n_breaks;
} pal__chart;
void pal__report_chart(pal_html *html, const pal__chart *chart);

/* ---- The verb: report.c --------------------------------------------------------------------------------------- */

/* Writes the page for these runs. PAL_CLI_GO_ON or the exit status. path NULL: in the folder of the last run. */
int pal__report_runs(const pal_cli_args *args, pal_cli_runs *runs, const char *path, char *written, size_t size);
int pal__report_check(const pal_cli_args *args); /* whether --out can be a page. PAL_CLI_GO_ON or the exit status */

#endif
