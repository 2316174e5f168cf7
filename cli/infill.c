/* infill.c - palindrome infill: fills in missing pixels with a model, or missing cells of a table (impute.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/processes.h"

enum { LIMIT = 1000 }; /* samples to measure: few, because the method code takes many steps for each */

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/infill.png)"),
    PAL_CLI_AS,
    PAL_CLI_ENUM("rectangle", "", NULL, "T,L,H,W", "missing part: TOP,LEFT,HEIGHT,WIDTH (default: the middle)"),
    PAL_CLI_ENUM("half", "", "left|right|top|bottom", "NAME", "missing part: this half"),
    PAL_CLI_ENUM("mask", "", NULL, "FILE", "missing part: the pixels where this .npy or .csv array is not 0"),
    PAL_CLI_ENUM("method", "all", "once|clamp|code|all", "NAME",
                 "once: one reconstruction; clamp: repeat it with the known pixels restored; code: fit a code to the "
                 "known pixels (default of IN OUT: once)"),
    PAL_CLI_INT("steps", "", 1, 1000000, "N", "steps of clamp (default: 50) and of code (default: 200)"),
    PAL_CLI_REAL("rate", "0.02", 1e-9, 1e6, "X", "initial learning rate of Adam for code"),
    PAL_CLI_ENUM("fill", "", NULL, "mean|X",
                 "first value of what is missing: mean training sample, or X, of scaled features (default: of pixels "
                 "mean, of cells 0)"),
    PAL_CLI_REAL("remove", "", 0, 1, "SHARE",
                 "of a table: remove this share of the known cells of its samples, and print how well they are filled "
                 "in, beside column means"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N", "which cells are removed"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "16", 1, 256, "N", "samples in the picture"),
    PAL_CLI_FORMAT,
    PAL_CLI_INT("limit", "1000", 1, 4294967295, "N", "measure only the first N samples"),
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
static const pal_need needs[] = {{"steps", "method", "clamp|code|all"}, {"rate", "method", "code|all"}, {"seed", "remove", NULL}, {0}};
/* clang-format on */
const pal_cli_spec pal_cli_infill_spec = {
    .data = true,
    .halves = true,
    .words = "RUN [IN OUT]",
    .summary =
        "Fill in missing pixels, or missing cells of a table. With IN and OUT: completes the table IN, a .csv or .npy "
        "file or - for standard input, and writes OUT, a .csv or .npy file or - for standard output. Known cells stay "
        "as they are. Otherwise draws samples, the same samples with a part missing, and what the model puts there. "
        "Prints the squared errors of the missing pixels, and for comparison the error of the mean training "
        "sample.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = 3,
    .missing = PAL_CLI_NO_RUN,
};

typedef struct infilling {
    const pal_cli_args *args;
    pal_cli_run *run;
    uint8_t *missing;
    float *mean, *fill;
    pal_view view;
    char what[128]; /* what is missing, in words */
} infilling;

static const char *numbers(const infilling *f) { return f->view.height > 1 ? "pixels" : "numbers"; }

/* ---- What is missing ------------------------------------------------------------------------------------------ */

static int by_rectangle(infilling *f, int64_t top, int64_t left, int64_t height, int64_t width)
{
    pal_error err = {0};
    pal_status status = pal_missing_rectangle(f->view, top, left, height, width, f->missing, &err);
    return status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

static int by_numbers(infilling *f, const char *text)
{
    long long n[4];
    int end = -1;
    if (sscanf(text, "%lld,%lld,%lld,%lld%n", n, n + 1, n + 2, n + 3, &end) != 4 || end < 0 || text[end])
        return pal_cli_say(PAL_CLI_WRONG, "--rectangle %s: give TOP,LEFT,HEIGHT,WIDTH, such as 7,7,14,14", text);
    snprintf(f->what, sizeof f->what, "a rectangle of %lld x %lld at row %lld, column %lld", n[2], n[3], n[0], n[1]);
    return by_rectangle(f, n[0], n[1], n[2], n[3]);
}

static int by_half(infilling *f, const char *name)
{
    const int64_t h = f->view.height, w = f->view.width;
    if (h == 1 && (!strcmp(name, "top") || !strcmp(name, "bottom")))
        return pal_cli_say(PAL_CLI_WRONG, "--half %s: a sample is a line of %lld numbers: choose left or right", name,
                           (long long)w);
    const struct {
        const char *name;
        int64_t top, left, height, width;
    } halves[] = {{"left", 0, 0, h, w / 2},
                  {"right", 0, w - w / 2, h, w / 2},
                  {"top", 0, 0, h / 2, w},
                  {"bottom", h - h / 2, 0, h / 2, w}};
    size_t i = 0;
    while (strcmp(halves[i].name, name) != 0) i++;
    snprintf(f->what, sizeof f->what, "the %s half", name);
    return by_rectangle(f, halves[i].top, halves[i].left, halves[i].height, halves[i].width);
}

static int by_mask(infilling *f, const char *path)
{
    const int64_t features = pal_shape_count(pal_model_sample(f->run->model));
    pal_error err = {0};
    char shape[96];
    pal_tensor *mask = pal_array_read(f->run->context, path, &err);
    if (!mask) return pal_cli_say_error(&err);
    int status = PAL_CLI_GO_ON;
    if (pal_tensor_count(mask) != (size_t)features)
        status = pal_cli_say(PAL_CLI_WRONG, "--mask %s: the array is %s, but a sample has %lld pixels", path,
                             pal_shape_text(mask->shape, shape, sizeof shape), (long long)features);
    for (size_t i = 0; status == PAL_CLI_GO_ON && i < (size_t)features; i++)
        f->missing[i] = pal_tensor_get(mask, i) != 0;
    pal_tensor_free(mask);
    snprintf(f->what, sizeof f->what, "the pixels of a mask");
    return status;
}

static int by_default(infilling *f)
{
    const int64_t h = f->view.height, w = f->view.width;
    snprintf(f->what, sizeof f->what, "the middle");
    return by_rectangle(f, h / 4, w / 4, h - 2 * (h / 4), w - 2 * (w / 4));
}

static int find_missing(infilling *f)
{
    static const struct {
        const char *name;
        int (*by)(infilling *f, const char *value);
    } ways[] = {{"rectangle", by_numbers}, {"half", by_half}, {"mask", by_mask}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (pal_cli_given(f->args, ways[i].name)) return ways[i].by(f, pal_cli_given(f->args, ways[i].name));
    return by_default(f);
}

static int check_args(const pal_cli_args *args)
{
    const char *fill = pal_cli_given(args, "fill");
    const int ways = !!pal_cli_given(args, "rectangle") + !!pal_cli_given(args, "half") + !!pal_cli_given(args, "mask");
    if (ways > 1) return pal_cli_say(PAL_CLI_WRONG, "--rectangle, --half and --mask exclude each other: choose one");
    if (fill && strcmp(fill, "mean") != 0) {
        char *end;
        const double value = strtod(fill, &end);
        if (end == fill || *end || !isfinite((float)value))
            return pal_cli_say(PAL_CLI_WRONG, "--fill %s: give mean or a number", fill);
    }
    const int status = pal_cli_impute_check(args);
    return status == PAL_CLI_GO_ON ? pal_cli_check_picture(args) : status;
}

static pal_dataset *open_train(const infilling *f, pal_error *err)
{
    const char *path = pal_cli_given(f->args, "data");
    return path ? pal_cli_open_training(f->run, path, err) : pal_cli_open_own(f->run, PAL_SPLIT_TRAIN, err);
}

/* Sets f->mean, the mean of the training samples, and f->fill, the initial values of the missing pixels. */
static int find_fill(infilling *f, const pal_dataset *train)
{
    const char *fill = pal_cli_given(f->args, "fill");
    pal_error err = {0};
    const size_t features = (size_t)train->features;
    double *mean = malloc(features * sizeof *mean);
    if (mean)
        pal_dataset_mean(train, PAL_F32, mean, &err);
    else
        pal_error_set(&err, PAL_ERR_MEMORY, "out of memory");
    for (size_t i = 0; !err.status && i < features; i++) f->mean[i] = (float)mean[i];
    free(mean);
    if (err.status) return pal_cli_say_error(&err);
    for (size_t i = 0; i < features; i++)
        f->fill[i] = fill && strcmp(fill, "mean") != 0 ? strtof(fill, NULL) : f->mean[i];
    return PAL_CLI_GO_ON;
}

/* ---- Output --------------------------------------------------------------------------------------------------- */

static void print_json(const infilling *f, const pal_infill_figures *figures, const char *path)
{
    json_t *methods = json_object();
    for (int k = 0; k < PAL_INFILL_METHODS; k++)
        if (isfinite(figures->squared_error[k]))
            json_object_set_new(methods, pal_infill_name((pal_infill_method)k),
                                json_pack("{s:o, s:o}", "squared_error", pal_cli_number(figures->squared_error[k]),
                                          "squared_error_known", pal_cli_number(figures->known_error[k])));
    pal_cli_print_json(json_pack(
        "{s:o, s:s, s:o, s:I, s:s, s:I, s:I, s:o, s:o, s:o}", "run", pal_cli_text(pal_rundir_path(f->run->dir)),
        "model", pal_model_variant(f->run->model)->name, "data", pal_cli_text(f->run->data->name), "samples",
        (json_int_t)figures->samples, "missing", f->what, "missing_pixels", (json_int_t)figures->missing, "pixels",
        (json_int_t)f->run->data->features, "squared_error_mean", pal_cli_number(figures->reference), "methods",
        methods, "picture", pal_cli_text(path)));
}

static void print_table(const infilling *f, const pal_infill_figures *figures, const char *path)
{
    char text[512], count[64];
    pal_cli_paragraph(0, "%s on %s samples of %s, %s missing: %lld of %lld %s\n",
                      pal_cli_describe(f->run->model, text, sizeof text),
                      pal_cli_count((double)figures->samples, count, sizeof count), f->run->data->name, f->what,
                      (long long)figures->missing, (long long)f->run->data->features, numbers(f));
    printf("  squared error     missing       known\n");
    for (int k = 0; k < PAL_INFILL_METHODS; k++)
        if (isfinite(figures->squared_error[k]))
            printf("    %-11s  %10.4f  %10.4f\n", pal_infill_name((pal_infill_method)k), figures->squared_error[k],
                   figures->known_error[k]);
    printf("    mean sample  %10.4f\n\n", figures->reference);
    pal_cli_paragraph(2, "known: error of the decoder at the known %s; the result keeps those of the input there\n",
                      numbers(f));
    pal_cli_print("%s\n", path);
}

/* Shown only on a terminal, after two seconds. */
static int report(double done, void *user)
{
    const double *began = user, seconds = (double)time(NULL) - *began;
    if (seconds >= 2 && pal_cli_is_terminal(STDERR_FILENO)) fprintf(stderr, "\rinfill  %3.0f %%\033[K", 100 * done);
    return pal_cli_signal() != 0;
}

static int infill(infilling *f)
{
    char model[512], trained[256], title[600], caption[2000], file[4096];
    const pal_run_info *info = pal_rundir_info(f->run->dir);
    const char *path = pal_cli_given(f->args, "out"), *method = pal_cli_given(f->args, "method");
    const char *rate = pal_cli_given(f->args, "rate"), *fill = pal_cli_given(f->args, "fill");
    const bool by_mean = !fill || !strcmp(fill, "mean");
    double began = (double)time(NULL);
    if (!path) path = pal_rundir_file(f->run->dir, "infill.png", file, sizeof file);
    snprintf(title, sizeof title, "%s on %s: missing %s", pal_model_variant(f->run->model)->name, f->run->data->name,
             numbers(f));
    snprintf(caption, sizeof caption, "%s, %s; missing: %s, initially %s%s.",
             pal_cli_describe(f->run->model, model, sizeof model), pal_cli_trained(f->run, 1, trained, sizeof trained),
             f->what, by_mean ? "the mean training sample" : "all ", by_mean ? "" : fill);
    pal_infill_picture p = {.struct_size = sizeof p,
                            .infill = {.struct_size = sizeof p.infill,
                                       .fill = f->fill,
                                       .steps = pal_cli_int(f->args, "steps", 0),
                                       .learning_rate = rate ? strtod(rate, NULL) : 0,
                                       .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                                       .progress = report,
                                       .user = &began},
                            .mean = f->mean,
                            .samples = pal_cli_int(f->args, "samples", 16),
                            .title = title,
                            .caption = caption,
                            .view = f->view};
    for (int k = 0; method && k < PAL_INFILL_METHODS; k++)
        if (!strcmp(method, pal_infill_name((pal_infill_method)k))) p.methods = 1U << k;
    pal_infill_figures figures;
    pal_error err = {0};
    pal_cli_signals_catch();
    const pal_status status = pal_infill_write(f->run->model, f->run->data, f->missing, &p, &figures, path, &err);
    if ((double)time(NULL) - began >= 2 && pal_cli_is_terminal(STDERR_FILENO)) fputs("\r\033[K", stderr);
    pal_cli_signals_release();
    if (status == PAL_ERR_STOPPED)
        return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "infill: %s, nothing is written", err.text);
    if (status) return pal_cli_say_error(&err);
    (pal_cli_flag(f->args, "json") ? print_json : print_table)(f, &figures, path);
    return PAL_CLI_DONE;
}

static int fill_pixels(infilling *f)
{
    int status = pal_cli_view(f->args, f->run->model, &f->view);
    if (!f->view.planes) f->view = pal_view_of(pal_model_sample(f->run->model));
    if (status == PAL_CLI_GO_ON) status = find_missing(f);
    return status == PAL_CLI_GO_ON ? infill(f) : status;
}

static int fill_cells(infilling *f, const pal_dataset *train)
{
    const pal_run_info *info = pal_rundir_info(f->run->dir);
    const char *rate = pal_cli_given(f->args, "rate");
    double began = (double)time(NULL);
    const pal_infill_options o = {.struct_size = sizeof o,
                                  .fill = pal_cli_given(f->args, "fill") ? f->fill : NULL,
                                  .steps = pal_cli_int(f->args, "steps", 0),
                                  .learning_rate = rate ? strtod(rate, NULL) : 0,
                                  .lanes = info->lanes > 0 ? (unsigned)info->lanes : 0,
                                  .progress = report,
                                  .user = &began};
    pal_cli_signals_catch();
    const int status = train ? pal_cli_impute_measure(f->args, f->run, &o, train) : pal_cli_impute(f->args, f->run, &o);
    pal_cli_signals_release();
    return status;
}

/* Opens the samples, which --limit counts. */
static int open_data(const pal_cli_args *args, pal_cli_run *run)
{
    const int status = pal_cli_open_data(args, run);
    if (status == PAL_CLI_GO_ON && pal_dataset_limit(run->data, pal_cli_int(args, "limit", LIMIT)))
        return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return status;
}

static int act(const pal_cli_args *args, pal_cli_run *run)
{
    const pal_cli_infill_kind kind = pal_cli_infill_kind_of(args);
    infilling f = {.args = args, .run = run};
    pal_error err = {0};
    int status = kind == PAL_CLI_CELLS ? PAL_CLI_GO_ON : open_data(args, run);
    if (status != PAL_CLI_GO_ON) return status;
    const bool trains = kind != PAL_CLI_CELLS || pal_cli_given(args, "fill");
    pal_dataset *train = trains ? open_train(&f, &err) : NULL;
    if (trains && !train) return pal_cli_say_error(&err);
    size_t room = (size_t)pal_model_features(run->model);
    if (run->data && (size_t)run->data->features > room) room = (size_t)run->data->features;
    f.missing = calloc(room, sizeof *f.missing);
    f.mean = calloc(room, sizeof *f.mean);
    f.fill = calloc(room, sizeof *f.fill);
    status = f.missing && f.mean && f.fill ? PAL_CLI_GO_ON : pal_cli_say(PAL_CLI_FAILED, "out of memory");
    if (status == PAL_CLI_GO_ON && train) status = find_fill(&f, train);
    if (kind != PAL_CLI_REMOVAL) {
        pal_dataset_free(train);
        train = NULL;
    }
    if (status == PAL_CLI_GO_ON) status = kind == PAL_CLI_PIXELS ? fill_pixels(&f) : fill_cells(&f, train);
    pal_dataset_free(train);
    free(f.missing);
    free(f.mean);
    free(f.fill);
    return status;
}

int pal_cli_infill(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&pal_cli_infill_spec, check_args, false, act}, argc, argv);
}
