/* gradients.c - palindrome gradients: the size of the gradient of each layer while a run was trained, or several. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

enum { RUNS = 16 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/gradients.png; of several runs, gradients-of-all.png in "
                "the last)"),
    PAL_CLI_CSV,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_gradients_spec = {
    .words = "RUN [RUN...]",
    .summary = "Draw the size of the gradient of each layer's weights by epoch, and print it for the first and the "
               "last one. The "
               "runs were trained with --gradient-sizes. A size is the root mean square over the weights and over the "
               "steps of "
               "the epoch. Several runs of the same layers, up to 16, are drawn side by side with the same axes.",
    .rows = rows,
    .least = 1,
    .most = RUNS,
    .missing = PAL_CLI_NO_RUN,
};

/* The first and the last epoch in which the layer was trained. */
static void ends(const pal_gradients *g, size_t layer, double *first, double *last)
{
    const double *size = pal_gradients_sizes(g, layer);
    *first = *last = NAN;
    for (size_t e = 0; e < pal_gradients_epochs(g); e++) {
        if (!isfinite(size[e])) continue;
        if (!isfinite(*first)) *first = size[e];
        *last = size[e];
    }
}

static void print_json(const pal_cli_runs *runs, pal_gradients *const *of, const char *path, const char *csv)
{
    json_t *list = json_array();
    for (size_t i = 0; i < runs->n; i++) {
        json_t *layers = json_array();
        for (size_t k = 0; k < pal_gradients_layers(of[i]); k++)
            json_array_append_new(
                layers,
                json_pack("{s:o, s:o}", "layer", pal_cli_text(pal_gradients_name(of[i], k)), "sizes",
                          pal_cli_numbers(pal_gradients_sizes(of[i], k), (int64_t)pal_gradients_epochs(of[i]))));
        json_array_append_new(
            list, json_pack("{s:o, s:o}", "run", pal_cli_text(pal_rundir_path(runs->run[i].dir)), "layers", layers));
    }
    pal_cli_print_json(
        json_pack("{s:o, s:o, s:o}", "runs", list, "picture", pal_cli_text(path), "csv", pal_cli_text(csv)));
}

static void print_row(const char *name, int width, const char *const *cells, size_t n)
{
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -width, 2, name);
    for (size_t i = 0; i < n; i++) pal_cli_cell(&line, 12, 1, cells[i]);
    pal_cli_end_line(&line);
}

/* The sizes, and how many times smaller they are than that of the last layer. */
static void print_table(const char *title, const pal_gradients *g)
{
    const size_t n = pal_gradients_layers(g);
    double first, last, of_first, of_last;
    int width = 5;
    for (size_t k = 0; k < n; k++)
        if ((int)strlen(pal_gradients_name(g, k)) > width) width = (int)strlen(pal_gradients_name(g, k));
    pal_cli_paragraph(2, "%s; in %% of that of %s", title, pal_gradients_name(g, n - 1));
    print_row("layer", width, (const char *const[]){"first epoch", "last epoch", "first, %", "last, %"}, 4);
    ends(g, n - 1, &of_first, &of_last);
    for (size_t k = 0; k < n; k++) {
        char text[4][40];
        ends(g, k, &first, &last);
        const double values[] = {first, last, 100 * first / of_first, 100 * last / of_last};
        for (size_t i = 0; i < 4; i++)
            snprintf(text[i], sizeof *text, isfinite(values[i]) ? (i < 2 ? "%.2e" : "%.3g") : "-", values[i]);
        print_row(pal_gradients_name(g, k), width, (const char *const[]){text[0], text[1], text[2], text[3]}, 4);
    }
    putchar('\n');
}

static int draw(const pal_cli_args *args, pal_cli_runs *runs, pal_gradients *const *of)
{
    char title[2000], model[512], trained[1200], file[PAL_CLI_PATH], numbers[PAL_CLI_PATH];
    const char *path = pal_cli_given(args, "out"), *names[RUNS];
    const bool one = runs->n == 1;
    pal_error err = {0};
    if (!path)
        path = pal_rundir_file(runs->run[runs->n - 1].dir, one ? "gradients.png" : "gradients-of-all.png", file,
                               sizeof file);
    for (size_t i = 0; i < runs->n; i++) names[i] = one ? pal_rundir_path(runs->run[i].dir) : runs->name[i];
    snprintf(title, sizeof title, "%s, %s: size of the gradient of each layer",
             one                   ? pal_cli_describe(runs->run->model, model, sizeof model)
             : pal_cli_alike(runs) ? pal_model_variant(runs->run->model)->name
                                   : "models",
             pal_cli_trained(runs->run, runs->n, trained, sizeof trained));
    if (pal_gradients_write((const pal_gradients *const *)of, names, runs->n, title, pal_cli_flag(args, "csv"), path,
                            &err))
        return pal_cli_say_error(&err);
    const char *csv = pal_cli_numbers_of(args, path, numbers, sizeof numbers);
    if (pal_cli_flag(args, "json")) {
        print_json(runs, of, path, csv);
        return PAL_CLI_DONE;
    }
    for (size_t i = 0; i < runs->n; i++) print_table(one ? "size of the gradient" : names[i], of[i]);
    pal_cli_print("%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
    return PAL_CLI_DONE;
}

static int act(const pal_cli_args *args, pal_cli_runs *runs)
{
    pal_gradients *of[RUNS] = {0};
    int status = PAL_CLI_GO_ON;
    for (size_t i = 0; i < runs->n && status == PAL_CLI_GO_ON; i++) {
        pal_error err = {0};
        pal_rundir *dir = pal_rundir_open(pal_rundir_path(runs->run[i].dir), &err); /* with its epochs */
        if (dir) of[i] = pal_gradients_of(dir, &err);
        pal_rundir_free(dir);
        if (!of[i]) status = pal_cli_say_error(&err);
    }
    if (status == PAL_CLI_GO_ON) status = draw(args, runs, of);
    for (size_t i = 0; i < runs->n; i++) pal_gradients_free(of[i]);
    return status;
}

int pal_cli_gradients(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_gradients_spec, pal_cli_check_picture, false, act}, argc,
                             argv);
}
