/* curvature.c - palindrome geometry --spectrum: the outermost eigenvalues of the curvature of the training loss. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

enum { RUNS = 16, SAMPLES = 1000, PATH = PAL_CLI_PATH };

typedef struct job {
    const pal_cli_args *args;
    const pal_cli_runs *runs;
    pal_curvature *found[RUNS];
    const char *measured; /* which run is being measured */
    pal_cli_progress progress;
} job;

static int progress(int64_t done, int64_t all, void *user)
{
    job *j = user;
    return pal_cli_progress_count(&j->progress, j->measured, done, all);
}

/* Lanczos' method keeps a vector of the size of the weights for each step. */
static int check_memory(const job *j, const pal_cli_run *run, size_t steps)
{
    size_t limit = 0;
    char takes[32], allowed[32];
    const size_t weights = (size_t)pal_model_weights(run->model), vectors = (steps < weights ? steps : weights) + 4,
                 needs = vectors * weights * sizeof(float);
    const int status = pal_cli_memory_limit(j->args, &limit);
    if (status != PAL_CLI_GO_ON || !limit || needs <= limit) return status;
    return pal_cli_say(PAL_CLI_WRONG,
                       "%s: %zu steps need %s of memory, and %s are there: lower --steps or --eigenvalues",
                       pal_rundir_path(run->dir), steps, pal_cli_size(needs, takes, sizeof takes),
                       pal_cli_size(limit, allowed, sizeof allowed));
}

static int measure(job *j)
{
    pal_dataset *data = j->runs->run[0].data;
    const int64_t samples = pal_cli_int(j->args, "samples", SAMPLES);
    const size_t eigenvalues = (size_t)pal_cli_int(j->args, "eigenvalues", 8),
                 steps = (size_t)pal_cli_int(j->args, "steps", eigenvalues > 20 ? 2 * (int64_t)eigenvalues : 40);
    pal_curvature_options o = {.struct_size = sizeof o,
                               .eigenvalues = eigenvalues,
                               .steps = steps,
                               .seed = (uint64_t)pal_cli_int(j->args, "seed", 1),
                               .progress = progress,
                               .user = j};
    pal_error err = {0};
    if (j->runs->n > RUNS)
        return pal_cli_say(PAL_CLI_WRONG, "--spectrum draws at most %d runs in one picture: give fewer", RUNS);
    if (steps < eigenvalues)
        return pal_cli_say(PAL_CLI_WRONG, "--steps %zu finds at most as many --eigenvalues, not %zu: raise --steps",
                           steps, eigenvalues);
    if (samples < data->count && pal_dataset_limit(data, samples)) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    for (size_t i = 0; i < j->runs->n; i++) {
        const int status = check_memory(j, &j->runs->run[i], steps);
        if (status != PAL_CLI_GO_ON) return status;
    }
    pal_cli_progress_start(&j->progress, false, true);
    pal_cli_signals_catch();
    for (size_t i = 0; i < j->runs->n && !err.status; i++) {
        j->measured = j->runs->name[i];
        j->found[i] = pal_curvature_new(j->runs->run[i].model, data, &o, &err);
    }
    pal_cli_progress_erase(&j->progress);
    pal_cli_signals_release();
    if (err.status == PAL_ERR_STOPPED) return pal_cli_say(PAL_CLI_SIGNAL + pal_cli_signal(), "%s", err.text);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_GO_ON;
}

/* ---- Output --------------------------------------------------------------------------------------------------- */

static const char *const matrices[] = {"Hessian", "Gauss-Newton matrix"};

static json_t *list(const pal_eigenvalue *e, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            out, json_pack("{s:o, s:o}", "value", pal_cli_number(e[i].value), "error", pal_cli_number(e[i].error)));
    return out;
}

static json_t *matrix(const pal_curvature *c, int which)
{
    if (!c->largest[which]) return json_null();
    return json_pack("{s:o, s:o}", "largest", list(c->largest[which], c->eigenvalues), "smallest",
                     list(c->smallest[which], c->eigenvalues));
}

static void print_json(const job *j, const char *path, const char *csv)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < j->runs->n; i++) {
        const pal_curvature *c = j->found[i];
        json_array_append_new(runs, json_pack("{s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "run",
                                              pal_cli_text(pal_rundir_path(j->runs->run[i].dir)), "model",
                                              pal_model_variant(j->runs->run[i].model)->name, "samples",
                                              (json_int_t)c->samples, "weights", (json_int_t)c->parameters, "steps",
                                              (json_int_t)c->steps, "loss", pal_cli_number(c->loss), "gradient_norm",
                                              pal_cli_number(c->gradient), "hessian", matrix(c, 0), "gauss_newton",
                                              matrix(c, 1)));
    }
    pal_cli_print_json(json_pack("{s:o, s:o, s:o, s:o}", "data", pal_cli_text(j->runs->run[0].data->name), "runs", runs,
                                 "picture", pal_cli_text(path), "csv", pal_cli_text(csv)));
}

static void print_cells(const char *const cells[5])
{
    static const int widths[] = {4, 12, 10, 12, 10};
    pal_cli_line line = {.width = pal_cli_width()};
    for (int i = 0; i < 5; i++) pal_cli_cell(&line, widths[i], i ? 1 : 2, cells[i]);
    pal_cli_end_line(&line);
}

static void print_matrix(const pal_curvature *c, int which)
{
    if (!c->largest[which]) return;
    pal_cli_paragraph(2, "%s: eigenvalues from both ends, each with a bound of its error", matrices[which]);
    print_cells((const char *const[]){"rank", "largest", "+-", "smallest", "+-"});
    for (size_t i = 0; i < c->eigenvalues; i++) {
        char text[5][32];
        const double values[] = {c->largest[which][i].value, c->largest[which][i].error, c->smallest[which][i].value,
                                 c->smallest[which][i].error};
        snprintf(text[0], sizeof *text, "%zu", i + 1);
        for (int k = 0; k < 4; k++)
            snprintf(text[k + 1], sizeof *text, isfinite(values[k]) ? (k % 2 ? "%.1e" : "%.4g") : "-", values[k]);
        print_cells((const char *const[]){text[0], text[1], text[2], text[3], text[4]});
    }
    putchar('\n');
}

/* What the numbers mean for training; only numbers that are certain. */
static void print_meaning(const pal_curvature *c)
{
    const pal_eigenvalue top = c->largest[0][0], *bottom = c->smallest[0];
    size_t negative = 0;
    for (size_t i = 0; i < c->eigenvalues; i++) negative += bottom[i].value + bottom[i].error < 0;
    if (top.value - top.error > 0)
        pal_cli_paragraph(2, "Gradient descent on all samples oscillates with a --learning-rate above 2 / %.4g = %.3g.",
                          top.value, 2 / top.value);
    if (negative)
        pal_cli_paragraph(2,
                          "At least %zu eigenvalue%s of the Hessian %s below 0, the least %.3g times the largest: the "
                          "weights are at no minimum.",
                          negative, negative == 1 ? "" : "s", negative == 1 ? "is" : "are",
                          bottom[0].value / top.value);
    const double low = c->largest[0][c->eigenvalues - 1].value;
    if (c->eigenvalues > 1 && low > 0)
        pal_cli_paragraph(2, "The largest eigenvalue is %.3g times that of rank %zu.", top.value / low, c->eigenvalues);
}

static void print_table(const job *j)
{
    char samples[64], weights[64];
    for (size_t i = 0; i < j->runs->n; i++) {
        const pal_curvature *c = j->found[i];
        pal_cli_paragraph(2,
                          "%s: training loss %.6g of %s samples of %s, norm of its gradient %.4g, %s weights, %zu "
                          "products with each matrix\n",
                          j->runs->n > 1 ? j->runs->name[i] : pal_rundir_path(j->runs->run[i].dir), c->loss,
                          pal_cli_count((double)c->samples, samples, sizeof samples), j->runs->run[0].data->name,
                          c->gradient, pal_cli_count((double)c->parameters, weights, sizeof weights), c->steps);
        for (int which = 0; which < 2; which++) print_matrix(c, which);
        print_meaning(c);
        putchar('\n');
    }
}

static int draw(const job *j)
{
    char title[2000], model[512], trained[1200], file[PATH], numbers[PATH];
    const char *path = pal_cli_given(j->args, "out"), *names[RUNS];
    const pal_cli_run *runs = j->runs->run;
    const size_t n = j->runs->n;
    pal_error err = {0};
    if (!path)
        path = pal_rundir_file(runs[n - 1].dir, n > 1 ? "curvature-of-all.png" : "curvature.png", file, sizeof file);
    for (size_t i = 0; i < n; i++) names[i] = j->runs->name[i];
    snprintf(title, sizeof title, "%s, %s: outermost eigenvalues of the curvature of the loss",
             n == 1                   ? pal_cli_describe(runs->model, model, sizeof model)
             : pal_cli_alike(j->runs) ? pal_model_variant(runs->model)->name
                                      : "models",
             pal_cli_trained(runs, n, trained, sizeof trained));
    if (pal_curvature_write((const pal_curvature *const *)j->found, names, n, title, pal_cli_flag(j->args, "csv"), path,
                            &err))
        return pal_cli_say_error(&err);
    const char *csv = pal_cli_numbers_of(j->args, path, numbers, sizeof numbers);
    if (pal_cli_flag(j->args, "json")) {
        print_json(j, path, csv);
        return PAL_CLI_DONE;
    }
    print_table(j);
    pal_cli_print("%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
    return PAL_CLI_DONE;
}

int pal_cli_curvature(const pal_cli_args *args, const pal_cli_runs *runs)
{
    job j = {.args = args, .runs = runs};
    int status = measure(&j);
    if (status == PAL_CLI_GO_ON) status = draw(&j);
    for (size_t i = 0; i < runs->n && i < RUNS; i++) pal_curvature_free(j.found[i]);
    return status;
}
