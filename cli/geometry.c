/* geometry.c - palindrome geometry: the encoder's Jacobian at samples, for one run or for several. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

enum { PATH = PAL_CLI_PATH };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture of the spectra, .png, .svg or .pdf; the tangents go to FILE-tangents, with the same ending "
                "(default: "
                "RUN/geometry.png and RUN/tangents.png; for several runs, geometry-of-all.png and tangents-of-all.png "
                "in the last)"),
    PAL_CLI_AS,
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "", 1, 1000000, "N",
                "measure at the first N samples (default: 100; with --spectrum 1,000)"),
    {{"neighbours", PAL_OPTION_INT, "10", 1, 1000, NULL, "nearest training samples to use"}, "N", "neighbors", 0},
    PAL_CLI_INT("images", "6", 1, 64, "N", "samples whose tangents are drawn"),
    PAL_CLI_INT("tangents", "8", 1, 12, "N", "tangents drawn per sample"),
    PAL_CLI_FLAG("spectrum", "measure the curvature of the training loss by the weights instead: the largest and the "
                             "smallest eigenvalues of its Hessian and of its Gauss-Newton matrix (RUN/curvature.png)"),
    PAL_CLI_INT("eigenvalues", "8", 1, 1000, "N", "eigenvalues at each end of the spectrum"),
    PAL_CLI_INT("steps", "", 1, 10000, "N",
                "products with each matrix over all samples; more of them lower the errors (default: 40, or twice the "
                "eigenvalues)"),
    PAL_CLI_INT("seed", "1", 0, PAL_CLI_SEED_MOST, "N",
                "seed of the random directions across the data; with --spectrum, of the noise and the first vector"),
    PAL_CLI_CSV,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
static const pal_need needs[] = {{"eigenvalues", "spectrum", NULL},
                                 {"steps", "spectrum", NULL},
                                 {"neighbours", "spectrum", "!"},
                                 {"images", "spectrum", "!"},
                                 {"tangents", "spectrum", "!"},
                                 {"as", "spectrum", "!"},
                                 {0}};

const pal_cli_spec pal_cli_geometry_spec = {
    .data = true,
    .halves = true,
    .words = "RUN [RUN...]",
    .summary =
        "Measure what the code is sensitive to. Prints and draws the singular values of the encoder's Jacobian at "
        "samples, and draws its leading right singular vectors (the tangents) next to each sample. Also prints how "
        "far the code moves for a unit step towards the nearest training samples (along the data), and for a "
        "random unit step orthogonal to all of those (across the data).",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
};

typedef struct job {
    const pal_cli_args *args;
    size_t n;
    pal_cli_run *runs;
    const char *titles[PAL_CLI_WORDS];
    pal_geometry *geometries[PAL_CLI_WORDS];
    pal_dataset *train;   /* training samples, where the neighbours are searched */
    const char *measured; /* which run is being measured */
    pal_cli_progress progress;
} job;

static int progress(int64_t done, int64_t all, void *user)
{
    job *j = user;
    return pal_cli_progress_count(&j->progress, j->measured, done, all);
}

static int open_train(job *j)
{
    const pal_run_info *info = pal_rundir_info(j->runs[0].dir);
    const char *path = pal_cli_given(j->args, "data");
    pal_error err = {0};
    j->train =
        path ? pal_cli_open_training(&j->runs[0], path, &err) : pal_cli_open_own(&j->runs[0], PAL_SPLIT_TRAIN, &err);
    if (!j->train) return pal_cli_say_error(&err);
    if (!path && info->limit && pal_dataset_limit(j->train, info->limit))
        return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    return PAL_CLI_GO_ON;
}

static int measure(job *j)
{
    pal_geometry_options o = {.struct_size = sizeof o,
                              .samples = pal_cli_int(j->args, "samples", 0),
                              .neighbours = pal_cli_int(j->args, "neighbours", 0),
                              .images = pal_cli_int(j->args, "images", 0),
                              .tangents = pal_cli_int(j->args, "tangents", 0),
                              .seed = (uint64_t)pal_cli_int(j->args, "seed", 1),
                              .progress = progress,
                              .user = j};
    pal_error err = {0};
    pal_cli_progress_start(&j->progress, false, true);
    pal_cli_signals_catch();
    for (size_t i = 0; i < j->n && !err.status; i++) {
        j->measured = j->titles[i];
        j->geometries[i] = pal_geometry_new(j->runs[i].model, j->runs[0].data, j->train, &o, &err);
    }
    pal_cli_progress_erase(&j->progress);
    pal_cli_signals_release();
    if (err.status == PAL_ERR_STOPPED) return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "%s", err.text);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

/* ---- Output --------------------------------------------------------------------------------------------------- */

static json_t *classes_of(const job *j, const pal_geometry *g)
{
    json_t *out = json_array();
    for (int c = 0; c < g->classes; c++) {
        const char *name = pal_dataset_class_name(j->runs[0].data, c);
        if (!g->class_samples[c]) continue;
        json_array_append_new(out, json_pack("{s:i, s:s?, s:I, s:o}", "class", c, "name", name, "samples",
                                             (json_int_t)g->class_samples[c], "spectrum",
                                             pal_cli_numbers(g->class_spectrum + c * g->length, g->length)));
    }
    return out;
}

static void print_json(const job *j, const char *spectra, const char *tangents, const char *csv)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < j->n; i++) {
        const pal_geometry *g = j->geometries[i];
        json_array_append_new(runs, json_pack("{s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run",
                                              pal_cli_text(pal_rundir_path(j->runs[i].dir)), "model",
                                              pal_model_variant(j->runs[i].model)->name, "samples",
                                              (json_int_t)g->samples, "code", (json_int_t)g->code, "neighbours",
                                              (json_int_t)g->neighbours, "jacobian_norm", pal_cli_number(g->norm),
                                              "jacobian_norm2", pal_cli_number(g->norm2), "along",
                                              pal_cli_number(g->along), "across", pal_cli_number(g->across),
                                              "along_over_across", pal_cli_number(g->along / g->across), "spectrum",
                                              pal_cli_numbers(g->spectrum, g->length), "classes", classes_of(j, g)));
    }
    pal_cli_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o}", "data", pal_cli_text(j->runs[0].data->name), "runs", runs,
                                 "spectra", pal_cli_text(spectra), "tangents", pal_cli_text(tangents), "csv",
                                 pal_cli_text(csv)));
}

static void print_figure(pal_cli_line *line, double value, int width, const char *format)
{
    char text[64];
    snprintf(text, sizeof text, isfinite(value) ? format : "-", value);
    pal_cli_cell(line, width, 1, text);
}

static void print_table(const job *j)
{
    static const int64_t ranks[] = {1, 10, 100};
    const pal_geometry *first = j->geometries[0];
    char samples[64], count[64];
    int width = 3;
    for (size_t i = 0; i < j->n; i++)
        if ((int)strlen(j->titles[i]) > width) width = (int)strlen(j->titles[i]);
    pal_cli_paragraph(2, "Jacobian J of the encoder at %s samples of %s: its norm, and singular values by rank",
                      pal_cli_count((double)first->samples, samples, sizeof samples), j->runs[0].data->name);
    pal_cli_paragraph(
        2,
        "along, across: how far the code moves for a unit step to the %lld nearest of %s training samples, or "
        "orthogonal to them",
        (long long)first->neighbours, pal_cli_count((double)j->train->count, count, sizeof count));
    putchar('\n');
    static const char *const names[] = {"||J||", "||J||^2", "1st value", "10th", "100th", "along", "across"};
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -width, 2, "run");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) pal_cli_cell(&line, 10, 1, names[i]);
    pal_cli_cell(&line, 7, 1, "ratio");
    pal_cli_end_line(&line);
    for (size_t i = 0; i < j->n; i++) {
        const pal_geometry *g = j->geometries[i];
        pal_cli_cell(&line, -width, 2, j->titles[i]);
        print_figure(&line, g->norm, 10, "%.4g");
        print_figure(&line, g->norm2, 10, "%.4g");
        for (size_t r = 0; r < sizeof ranks / sizeof *ranks; r++)
            print_figure(&line, ranks[r] <= g->length ? g->spectrum[ranks[r] - 1] : (double)NAN, 10, "%.4g");
        print_figure(&line, g->along, 10, "%.4g");
        print_figure(&line, g->across, 10, "%.4g");
        print_figure(&line, g->along / g->across, 7, "%.2f");
        pal_cli_end_line(&line);
    }
    if (isfinite(first->along) && isnan(first->across))
        pal_cli_paragraph(2,
                          "\nacross: with %lld features, no direction is orthogonal to all %lld neighbours: lower "
                          "--neighbours",
                          (long long)first->features, (long long)first->neighbours);
    putchar('\n');
}

static void choose_names(const job *j, char *spectra, char *tangents)
{
    const char *out = pal_cli_given(j->args, "out");
    const pal_rundir *last = j->runs[j->n - 1].dir;
    if (out) {
        snprintf(spectra, PATH, "%s", out);
        snprintf(tangents, PATH, "%.*s-tangents%s", (int)strlen(out) - 4, out, out + strlen(out) - 4);
        return;
    }
    pal_rundir_file(last, j->n > 1 ? "geometry-of-all.png" : "geometry.png", spectra, PATH);
    pal_rundir_file(last, j->n > 1 ? "tangents-of-all.png" : "tangents.png", tangents, PATH);
}

static int draw(const job *j)
{
    char spectra[PATH], tangents[PATH], numbers[PATH], title[1400], model[512], trained[512];
    choose_names(j, spectra, tangents);
    pal_cli_trained(j->runs, j->n, trained, sizeof trained);
    if (j->n > 1)
        snprintf(title, sizeof title, "Jacobians of the encoders on %s, %s", j->runs[0].data->name, trained);
    else
        snprintf(title, sizeof title, "%s, %s: Jacobian of the encoder on %s",
                 pal_cli_describe(j->runs[0].model, model, sizeof model), trained, j->runs[0].data->name);
    pal_geometry_picture p = {(const pal_geometry *const *)j->geometries,
                              j->titles,
                              j->n,
                              j->runs[0].data,
                              title,
                              pal_cli_flag(j->args, "csv"),
                              {0}};
    const int viewed = pal_cli_view(j->args, j->runs[0].model, &p.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    const char *csv = pal_cli_numbers_of(j->args, spectra, numbers, sizeof numbers);
    pal_error err = {0};
    if (pal_geometry_tangents_write(&p, tangents, &err) || pal_geometry_spectra_write(&p, spectra, &err))
        return pal_cli_say_error(&err);
    if (pal_cli_flag(j->args, "json")) {
        print_json(j, spectra, tangents, csv);
        return PAL_CLI_DONE;
    }
    print_table(j);
    pal_cli_print("%s%s%s\n%s\n", csv ? csv : "", csv ? "\n" : "", spectra, tangents);
    return PAL_CLI_DONE;
}

static int act(const pal_cli_args *args, pal_cli_runs *runs)
{
    job j = {.args = args, .n = runs->n, .runs = runs->run};
    if (pal_cli_flag(args, "spectrum")) return pal_cli_curvature(args, runs);
    for (size_t i = 0; i < j.n; i++) j.titles[i] = runs->name[i];
    int status = open_train(&j);
    if (status == PAL_CLI_GO_ON) status = measure(&j);
    if (status == PAL_CLI_GO_ON) status = draw(&j);
    for (size_t i = 0; i < j.n; i++) pal_geometry_free(j.geometries[i]);
    pal_dataset_free(j.train);
    return status;
}

int pal_cli_geometry(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_geometry_spec, pal_cli_check_picture, true, act}, argc,
                             argv);
}
