/* scatter.c - palindrome scatter: draws the samples in the plane of the code, coloured by class. */
#include <stdlib.h>

#include "cli/cli.h"

enum { ELLIPSES = 10, PANELS = 16 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/scatter.png; of several runs, "
                "scatter-of-all.png in the last)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "10000", 2, 4294967295, "N", "draw the first N samples"),
    PAL_CLI_INT("ellipses", "", 0, 10000, "N",
                "posteriors to draw per class, for a normal random code (default: 10); 0: none"),
    PAL_CLI_REAL("deviations", "1", 1e-3, 1000, "D", "size of an ellipse in standard deviations"),
    PAL_CLI_CSV,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_scatter_spec = {
    .data = true,
    .words = "RUN [RUN...]",
    .summary =
        "Draw samples as points in the plane of the code, coloured by class. A longer code is projected onto its two "
        "leading principal components. For a normal random code, the posteriors of some samples are drawn as "
        "ellipses of their covariance. Several runs are drawn side by side, up to 16, with the same samples.",
    .rows = rows,
    .least = 1,
    .most = PANELS,
    .missing = PAL_CLI_NO_RUN,
};

static json_t *figures_of(const pal_cli_run *run, const pal_scatter *s)
{
    return json_pack("{s:o, s:I, s:I, s:[o,o], s:I}", "run", pal_cli_text(pal_rundir_path(run->dir)), "samples",
                     (json_int_t)s->samples, "code", (json_int_t)s->code, "variance_shares",
                     pal_cli_number(s->share[0]), pal_cli_number(s->share[1]), "ellipses", (json_int_t)s->ellipses);
}

static void print_json(const pal_cli_runs *runs, const pal_scatter *s, const char *path, const char *csv)
{
    json_t *out = runs->n > 1 ? json_object() : figures_of(&runs->run[0], s), *list = json_array();
    for (size_t i = 0; i < runs->n; i++) json_array_append_new(list, figures_of(&runs->run[i], &s[i]));
    if (runs->n > 1) json_object_set(out, "runs", list);
    json_decref(list);
    json_object_set_new(out, "picture", pal_cli_text(path));
    json_object_set_new(out, "csv", pal_cli_text(csv));
    pal_cli_print_json(out);
}

static void write_title(const pal_cli_args *args, const pal_cli_runs *runs, int64_t n, char *out, size_t size)
{
    char model[512], trained[1200], samples[64];
    const char *split = pal_cli_given(args, "split");
    const pal_cli_run *run = &runs->run[0];
    const bool one = runs->n == 1, alike = pal_cli_alike(runs), other = pal_cli_given(args, "data") != NULL;
    snprintf(out, size, "%s, %s: %s %s samples%s%s",
             one     ? pal_cli_describe(run->model, model, sizeof model)
             : alike ? pal_model_variant(run->model)->name
                     : "codes",
             pal_cli_trained(runs->run, runs->n, trained, sizeof trained),
             pal_cli_count((double)n, samples, sizeof samples), split ? split : "test", other ? " of " : "",
             other ? run->data->name : "");
}

static int draw(const pal_cli_args *args, pal_cli_runs *runs)
{
    char title[2000], file[PAL_CLI_PATH], numbers[PAL_CLI_PATH];
    const pal_cli_run *run = &runs->run[0], *last = &runs->run[runs->n - 1];
    const char *path = pal_cli_given(args, "out"), *deviations = pal_cli_given(args, "deviations");
    if (!path) path = pal_rundir_file(last->dir, runs->n > 1 ? "scatter-of-all.png" : "scatter.png", file, sizeof file);
    pal_shown models[PANELS];
    bool normal = false;
    for (size_t i = 0; i < runs->n; i++) {
        models[i] = (pal_shown){.model = runs->run[i].model, .name = runs->name[i]};
        normal |= pal_scatter_ellipses(models[i].model);
    }
    const int64_t n = pal_cli_int(args, "samples", 10000);
    pal_scatter_options o = {.struct_size = sizeof o,
                             .samples = n < run->data->count ? n : run->data->count,
                             .title = title,
                             .ellipses = pal_cli_int(args, "ellipses", normal ? ELLIPSES : 0),
                             .deviations = deviations ? strtod(deviations, NULL) : 0,
                             .csv = pal_cli_flag(args, "csv")};
    if (deviations && !o.ellipses)
        return pal_cli_say(PAL_CLI_WRONG, "--deviations is the size of ellipses, but none are drawn: leave it out%s",
                           normal ? ", or give --ellipses" : "");
    write_title(args, runs, o.samples, title, sizeof title);
    pal_scatter s[PANELS];
    pal_error err = {0};
    if (pal_scatter_all_write(models, runs->n, run->data, &o, path, s, &err)) return pal_cli_say_error(&err);
    const char *csv = pal_cli_numbers_of(args, path, numbers, sizeof numbers);
    if (pal_cli_flag(args, "json"))
        print_json(runs, s, path, csv);
    else
        pal_cli_print("%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
    return PAL_CLI_DONE;
}

int pal_cli_scatter(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_scatter_spec, pal_cli_check_picture, true, draw}, argc,
                             argv);
}
