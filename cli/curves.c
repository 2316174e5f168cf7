/* curves.c - palindrome curves: draws how a figure of several runs fell, over epochs, steps or time.
 *
 * The numbers are those of metrics.jsonl. Runs of unequal length keep their own points. Losses are compared in silence
 * only where they are the same loss of the same data; otherwise a warning says what differs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "plot/plot.h"

enum { RUNS = 32, PASSES = -1 }; /* PASSES: no field of an epoch */

/* clang-format off */
static const struct figure { /* of an epoch */
    const char *name, *label;
    ptrdiff_t offset;
    bool loss; /* it means something else for another model */
} figures[] = {
    {"train-loss",    "train loss",                          offsetof(pal_epoch, train_loss),    true},
    {"test-loss",     "test loss",                           offsetof(pal_epoch, test_loss),     true},
    {"squared-error", "squared error of a test sample",      offsetof(pal_epoch, squared_error), false},
    {"learning-rate", "learning rate",                       offsetof(pal_epoch, learning_rate), false},
}, places[] = {
    {"epoch",   "epoch",                   offsetof(pal_epoch, epoch),   false},
    {"step",    "step",                    offsetof(pal_epoch, step),    false},
    {"passes",  "passes over the samples", PASSES,                       false},
    {"seconds", "seconds of training",     offsetof(pal_epoch, seconds), false},
};

static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: curves.png in the last run)"),
    PAL_CLI_ENUM("of", "train-loss", "train-loss|test-loss|squared-error|learning-rate", "FIGURE",
                 "what to draw; squared-error: of the test samples"),
    PAL_CLI_ENUM("over", "epoch", "epoch|step|passes|seconds", "WHAT",
                 "the x axis; passes: epochs, or the evaluations of a minimiser without its products with the curvature; "
                 "seconds: of training, without the time between two parts of a resumed run"),
    PAL_CLI_ENUM("names", "", NULL, "NAME,...",
                 "names for the runs, in their order (default: what distinguishes each run from the others)"),
    PAL_CLI_FLAG("log-x", "a logarithmic x axis"),
    PAL_CLI_FLAG("log-y", "a logarithmic y axis"),
    PAL_CLI_CSV,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_curves_spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Draw how a figure of one or more runs changed while they were trained, and print its last and its lowest "
        "value. The epoch with the lowest measured loss has a large mark. The numbers are those of metrics.jsonl in "
        "the run folder. Runs may be unfinished, and of unequal "
        "length.",
    .rows = rows,
    .least = 1,
    .most = RUNS,
    .missing = PAL_CLI_NO_RUN,
};

/* The curve of a run: the epochs in which the figure was measured. */
typedef struct curve {
    char name[PAL_CLI_NAME];
    double *x, *y;
    size_t n, lowest;   /* points; the index of the lowest one */
    size_t best;        /* the index of the epoch with the lowest measured loss; n: it has no point */
    int64_t best_epoch; /* 0: none was measured */
    const char *ended;  /* why training ended before its last epoch; NULL: it did not */
} curve;

typedef struct picture {
    const struct figure *of, *over;
    size_t n;
    curve *curve; /* [n] */
} picture;

static const struct figure *find(const struct figure *list, size_t n, const char *name)
{
    for (size_t i = 1; name && i < n; i++)
        if (!strcmp(list[i].name, name)) return &list[i];
    return list;
}

/* The passes of an epoch after `last`, or NULL. A minimiser counts its evaluations anew in each phase. */
static double passes_of(const pal_epoch *epoch, const pal_epoch *last)
{
    if (!epoch->minimised) return (double)(epoch->epoch - (last ? last->epoch : 0));
    const bool goes_on = last && last->minimised && !strcmp(last->phase, epoch->phase);
    return (double)(epoch->iteration.evaluations - (goes_on ? last->iteration.evaluations : 0));
}

static double value(const struct figure *f, const pal_epoch *epoch, double passes)
{
    if (f->offset == PASSES) return passes;
    const void *at = (const char *)epoch + f->offset;
    const bool whole = f->offset == offsetof(pal_epoch, epoch) || f->offset == offsetof(pal_epoch, step);
    return whole ? (double)*(const int64_t *)at : *(const double *)at;
}

/* The epoch of the last phase with the lowest measured loss; 0: none. A run that is still training has it, too. */
static int64_t best_of(const pal_rundir *dir)
{
    const size_t n = pal_rundir_epoch_count(dir);
    const pal_epoch *best = NULL, *last = n ? pal_rundir_epoch(dir, n - 1) : NULL;
    for (size_t i = n; i > 0; i--) { /* the lines of the last phase; the first of equal ones is the best */
        const pal_epoch *e = pal_rundir_epoch(dir, i - 1);
        if (strcmp(e->phase, last->phase)) break;
        if (isfinite(e->test_loss) && (!best || e->test_loss <= best->test_loss)) best = e;
    }
    return best ? best->epoch : 0;
}

/* Why training ended early, of a run that is done. The words are constants, because the folder is closed soon. */
static const char *ended_by(const pal_rundir *dir)
{
    const char *ended = pal_rundir_info(dir)->result.ended;
    if (!ended || strcmp(pal_rundir_info(dir)->status, "done")) return NULL;
    return !strcmp(ended, "time") ? "time" : !strcmp(ended, "patience") ? "patience" : NULL;
}

/* Returns PAL_CLI_GO_ON or the exit status. */
static int read_curve(const pal_rundir *dir, const picture *p, bool log_x, bool log_y, curve *c)
{
    const size_t epochs = pal_rundir_epoch_count(dir);
    c->x = calloc(2 * epochs + 1, sizeof *c->x);
    if (!c->x) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    c->y = c->x + epochs;
    c->best_epoch = best_of(dir);
    c->best = SIZE_MAX;
    c->ended = ended_by(dir);
    double passes = 0;
    for (size_t i = 0; i < epochs; i++) {
        const pal_epoch *epoch = pal_rundir_epoch(dir, i);
        passes += passes_of(epoch, i ? pal_rundir_epoch(dir, i - 1) : NULL);
        const double x = value(p->over, epoch, passes), y = value(p->of, epoch, passes);
        if (!isfinite(x) || !isfinite(y)) continue;
        if ((log_x && x <= 0) || (log_y && y <= 0))
            return pal_cli_say(PAL_CLI_WRONG, "%s: epoch %lld has %s %g, which has no logarithm: leave out --log-%c",
                               pal_rundir_path(dir), (long long)epoch->epoch,
                               log_x && x <= 0 ? p->over->name : p->of->name, log_x && x <= 0 ? x : y,
                               log_x && x <= 0 ? 'x' : 'y');
        c->x[c->n] = x;
        c->y[c->n] = y;
        if (y < c->y[c->lowest]) c->lowest = c->n;
        if (epoch->epoch == c->best_epoch) c->best = c->n;
        c->n++;
    }
    if (c->n) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG,
                       epochs ? "%s: no epoch has a %s: choose another --of" : "%s: no epoch is finished",
                       pal_rundir_path(dir), p->of->label);
}

/* The names that were given: as many as there are runs, and none empty. */
static int read_names(const char *given, picture *p)
{
    const char *at = given;
    size_t n = 1;
    for (const char *c = given; *c; c++) n += *c == ',';
    if (n != p->n)
        return pal_cli_say(PAL_CLI_WRONG, "--names %s: %zu names for %zu runs: give one for each", given, n, p->n);
    for (size_t i = 0; i < n; i++) {
        const size_t length = strcspn(at, ",");
        if (!length) return pal_cli_say(PAL_CLI_WRONG, "--names %s: name %zu is empty", given, i + 1);
        snprintf(p->curve[i].name, sizeof p->curve[i].name, "%.*s", (int)length, at);
        at += length + 1;
    }
    return PAL_CLI_GO_ON;
}

/* Warns if the figure of two runs is not the same quantity. */
static void warn_unlike(const pal_cli_runs *runs, const picture *p)
{
    const pal_run_info *first = pal_rundir_info(runs->run[0].dir);
    for (size_t i = 1; i < p->n; i++) {
        const pal_run_info *info = pal_rundir_info(runs->run[i].dir);
        const char *what = NULL;
        if (p->of->loss && strcmp(first->model, info->model) != 0) what = "have the losses of different models";
        for (size_t k = 0; !what && k < PAL_FINGERPRINT; k++) {
            const char *a = first->fingerprint[k], *b = info->fingerprint[k];
            if (a && b && strcmp(a, b) != 0) what = "have different data";
        }
        if (!what) continue;
        pal_cli_say(PAL_CLI_DONE, "warning: %s and %s %s", pal_rundir_path(runs->run[0].dir),
                    pal_rundir_path(runs->run[i].dir), what);
        return;
    }
}

static void print(const picture *p)
{
    pal_cli_line head = {.width = pal_cli_width()};
    char text[64];
    int name = 4;
    bool ended = false;
    for (size_t i = 0; i < p->n; i++) ended |= p->curve[i].ended != NULL;
    for (size_t i = 0; i < p->n; i++)
        name = (int)strlen(p->curve[i].name) > name ? (int)strlen(p->curve[i].name) : name;
    printf("  %s\n\n", p->of->label);
    pal_cli_cell(&head, -name, 2, p->n > 1 ? "run" : "");
    pal_cli_cell(&head, 12, 1, "last");
    snprintf(text, sizeof text, "at %s", p->over->name);
    pal_cli_cell(&head, 12, 1, text);
    pal_cli_cell(&head, 12, 1, "lowest");
    pal_cli_cell(&head, 12, 1, text);
    pal_cli_cell(&head, 11, 1, "best epoch");
    if (ended) pal_cli_cell(&head, 9, 1, "ended by");
    pal_cli_end_line(&head);
    for (size_t i = 0; i < p->n; i++) {
        const curve *c = &p->curve[i];
        pal_cli_line line = {.width = pal_cli_width()};
        pal_cli_cell(&line, -name, 2, c->name);
        const size_t at[] = {c->n - 1, c->lowest};
        for (size_t k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "%.6g", c->y[at[k]]);
            pal_cli_cell(&line, 12, 1, text);
            snprintf(text, sizeof text, "%.10g", c->x[at[k]]);
            pal_cli_cell(&line, 12, 1, text);
        }
        snprintf(text, sizeof text, "%lld", (long long)c->best_epoch);
        pal_cli_cell(&line, 11, 1, c->best_epoch ? text : "-");
        if (ended) pal_cli_cell(&line, 9, 1, c->ended ? c->ended : "epochs");
        pal_cli_end_line(&line);
    }
    printf("\n");
}

static void print_json(const pal_cli_runs *runs, const picture *p, const char *path, const char *csv)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++) {
        const curve *c = &p->curve[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:s?}", "run", pal_cli_text(pal_rundir_path(runs->run[i].dir)),
                            "name", pal_cli_text(c->name), "x", pal_cli_numbers(c->x, (int64_t)c->n), "y",
                            pal_cli_numbers(c->y, (int64_t)c->n), "best_epoch",
                            c->best_epoch ? json_integer((json_int_t)c->best_epoch) : json_null(), "ended", c->ended));
    }
    pal_cli_print_json(json_pack("{s:s, s:s, s:o, s:o, s:o}", "of", p->of->name, "over", p->over->name, "runs", list,
                                 "picture", pal_cli_text(path), "csv", pal_cli_text(csv)));
}

/* "contractive on mnist"; without the data if the runs have several. */
static void write_title(const pal_cli_runs *runs, char *out, size_t size)
{
    char data[PAL_CLI_NAME] = "", own[PAL_CLI_NAME];
    bool same = true;
    for (size_t i = 0; i < runs->n; i++) {
        const char *path = pal_rundir_info(runs->run[i].dir)->data;
        pal_dataset_name_of(path ? path : PAL_DATA_DEFAULT, own, sizeof own);
        if (!i) snprintf(data, sizeof data, "%s", own);
        same &= !strcmp(data, own);
    }
    snprintf(out, size, "%s%s%s", pal_cli_alike(runs) ? pal_model_variant(runs->run[0].model)->name : "several models",
             same ? " on " : "", same ? data : "");
}

static int write_picture(const pal_cli_args *args, const pal_cli_runs *runs, const picture *p, const char *path)
{
    char title[600];
    pal_series series[RUNS];
    const double *x[RUNS];
    size_t count[RUNS], marked[RUNS];
    bool any = false;
    pal_error err = {0};
    for (size_t i = 0; i < p->n; i++) {
        series[i] = (pal_series){p->n > 1 ? p->curve[i].name : p->of->label, p->curve[i].y};
        x[i] = p->curve[i].x;
        count[i] = p->curve[i].n;
        marked[i] = p->curve[i].best;
        any |= marked[i] < count[i];
    }
    write_title(runs, title, sizeof title);
    const size_t used = strlen(title);
    if (any) snprintf(title + used, sizeof title - used, "; large: the lowest measured loss");
    const pal_curves curves = {.struct_size = sizeof curves,
                               .title = title,
                               .x_label = p->over->label,
                               .y_label = p->of->label,
                               .series = series,
                               .series_count = p->n,
                               .csv = pal_cli_flag(args, "csv"),
                               .log_x = pal_cli_flag(args, "log-x"),
                               .log_y = pal_cli_flag(args, "log-y"),
                               .own_x = x,
                               .own_count = count,
                               .marked = marked};
    return pal_curves_write(&curves, path, &err) ? pal_cli_say_error(&err) : PAL_CLI_DONE;
}

/* Returns PAL_CLI_GO_ON or the exit status. */
static int read_all(const pal_cli_args *args, const pal_cli_runs *runs, picture *p)
{
    int status = PAL_CLI_GO_ON;
    const char *names = pal_cli_given(args, "names");
    for (size_t i = 0; i < p->n; i++) snprintf(p->curve[i].name, sizeof p->curve[i].name, "%s", runs->name[i]);
    if (names) status = read_names(names, p);
    for (size_t i = 0; i < p->n && status == PAL_CLI_GO_ON; i++) {
        pal_error err = {0};
        pal_rundir *dir = pal_rundir_open(pal_rundir_path(runs->run[i].dir), &err); /* with its metrics */
        if (!dir) return pal_cli_say_error(&err);
        status = read_curve(dir, p, pal_cli_flag(args, "log-x"), pal_cli_flag(args, "log-y"), &p->curve[i]);
        pal_rundir_free(dir);
    }
    return status;
}

static int draw(const pal_cli_args *args, pal_cli_runs *runs)
{
    char file[PAL_CLI_PATH], numbers[PAL_CLI_PATH];
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(runs->run[runs->n - 1].dir, "curves.png", file, sizeof file);
    curve list[RUNS] = {0};
    picture p = {.of = find(figures, sizeof figures / sizeof *figures, pal_cli_given(args, "of")),
                 .over = find(places, sizeof places / sizeof *places, pal_cli_given(args, "over")),
                 .n = runs->n,
                 .curve = list};
    int status = read_all(args, runs, &p);
    if (status == PAL_CLI_GO_ON) {
        warn_unlike(runs, &p);
        status = write_picture(args, runs, &p, path);
    }
    if (status == PAL_CLI_DONE) {
        const char *csv = pal_cli_numbers_of(args, path, numbers, sizeof numbers);
        if (pal_cli_flag(args, "json"))
            print_json(runs, &p, path, csv);
        else {
            print(&p);
            pal_cli_print("%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
        }
    }
    for (size_t i = 0; i < p.n; i++) free(list[i].x);
    return status;
}

int pal_cli_curves(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_curves_spec, pal_cli_check_picture, false, draw}, argc,
                             argv);
}
