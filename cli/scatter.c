/* scatter.c - palindrome scatter: draws the samples in the plane of the code, coloured by class. */
#include <stdlib.h>

#include "cli/cli.h"

enum { ELLIPSES = 10 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/scatter.png)"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_INT("samples", "10000", 2, 4294967295, "N", "draw the first N samples"),
    PAL_CLI_INT("ellipses", "", 0, 10000, "N",
                "posteriors to draw per class, for a normal random code (default: 10); 0: none"),
    PAL_CLI_REAL("deviations", "1", 1e-3, 1000, "D", "size of an ellipse in standard deviations"),
    PAL_CLI_CSV,
    PAL_CLI_THREADS,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
static const pal_cli_spec spec = {
    .words = "RUN",
    .summary =
        "Draw samples as points in the plane of the code, coloured by class. A longer code is projected onto its two "
        "leading principal components. For a normal random code, the posteriors of some samples are drawn as "
        "ellipses of their covariance.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = PAL_CLI_NO_RUN,
};

static int draw(const pal_cli_args *args, pal_cli_run *run)
{
    char model[512], title[800], file[4096], numbers[4096], samples[64];
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(run->dir, "scatter.png", file, sizeof file);
    int64_t n = pal_cli_int(args, "samples", 10000);
    if (n > run->data->count) n = run->data->count;
    const char *split = pal_cli_given(args, "split");
    snprintf(title, sizeof title, "%s: %s %s samples of %s", pal_cli_describe(run->model, model, sizeof model),
             pal_cli_count((double)n, samples, sizeof samples), split ? split : "test", run->data->name);
    const char *deviations = pal_cli_given(args, "deviations");
    pal_scatter_options o = {.struct_size = sizeof o,
                             .samples = n,
                             .title = title,
                             .ellipses = pal_cli_int(args, "ellipses", pal_scatter_ellipses(run->model) ? ELLIPSES : 0),
                             .deviations = deviations ? strtod(deviations, NULL) : 0,
                             .csv = pal_cli_flag(args, "csv")};
    if (deviations && !o.ellipses)
        return pal_cli_say(PAL_CLI_WRONG, "--deviations is the size of ellipses, but none are drawn: leave it out%s",
                           pal_scatter_ellipses(run->model) ? ", or give --ellipses" : "");
    pal_scatter s;
    pal_error err = {0};
    if (pal_scatter_write(run->model, run->data, &o, path, &s, &err)) return pal_cli_say_error(&err);
    const char *csv = pal_cli_numbers_of(args, path, numbers, sizeof numbers);
    if (pal_cli_flag(args, "json"))
        pal_cli_print_json(json_pack("{s:s, s:I, s:I, s:[o,o], s:I, s:s, s:s?}", "run", pal_rundir_path(run->dir),
                                     "samples", (json_int_t)s.samples, "code", (json_int_t)s.code, "variance_shares",
                                     pal_cli_number(s.share[0]), pal_cli_number(s.share[1]), "ellipses",
                                     (json_int_t)s.ellipses, "picture", path, "csv", csv));
    else
        printf("%s%s%s\n", csv ? csv : "", csv ? "\n" : "", path);
    return PAL_CLI_DONE;
}

int pal_cli_scatter(int argc, char **argv)
{
    return pal_cli_about(&(pal_cli_about_run){&spec, pal_cli_check_picture, true, draw}, argc, argv);
}
