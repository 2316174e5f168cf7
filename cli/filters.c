/* filters.c - palindrome filters: the first layer's weights of one run, or of several side by side. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { TITLE = 256 };

static const pal_cli_row rows[] = {
    PAL_CLI_OUTPUT("the picture (default: RUN/filters.png, RUN/maximal.png; of several in the last RUN)"),
    {{"maximal", PAL_OPTION_BOOL, "", 0, 0, NULL, "the inputs of norm 1 that excite each unit most"}, NULL, NULL, 0},
    {{"units", PAL_OPTION_INT, "256", 1, 65536, NULL, "at most so many of each"}, "N", NULL, 0},
    {{.name = NULL}, NULL, NULL, 0},
};
static const pal_cli_spec spec = {"RUN [RUN...]",
                                  "A picture of the weights of the first encoder layer, an image a unit; several runs "
                                  "side by side, a unit at the same "
                                  "place in all.",
                                  rows,
                                  1,
                                  PAL_CLI_WORDS,
                                  "say which run: its folder, such as runs/denoising-001",
                                  false};

static int draw(const pal_cli_args *args, const pal_cli_run *runs, size_t n)
{
    char file[4096], text[512], title[600], names[PAL_CLI_WORDS][TITLE];
    const pal_model *models[PAL_CLI_WORDS];
    const char *titles[PAL_CLI_WORDS], *path = pal_cli_given(args, "out");
    bool maximal = pal_cli_flag(args, "maximal");
    for (size_t i = 0; i < n; i++) {
        titles[i] = n > 1 ? pal_cli_distinguish(runs, n, i, names[i], TITLE) : NULL;
        models[i] = runs[i].model;
    }
    const char *what = maximal ? "maximal.png" : "filters.png";
    if (!path)
        path = pal_rundir_file(runs[n - 1].dir, n > 1 ? (maximal ? "maximal-of-all.png" : "filters-of-all.png") : what,
                               file, sizeof file);
    snprintf(title, sizeof title, "%s: the first layer",
             n > 1 ? pal_model_variant(models[0])->name : pal_cli_describe(models[0], text, sizeof text));
    pal_filters_options o = {.struct_size = sizeof o,
                             .models = models,
                             .titles = titles,
                             .count = n,
                             .units = pal_cli_int(args, "units", 0),
                             .maximal = maximal,
                             .title = title};
    pal_error err = {0};
    if (pal_filters_write(&o, path, &err)) return pal_cli_say_error(&err);
    puts(path);
    return PAL_CLI_DONE;
}

int pal_cli_filters(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&args);
    if (status != PAL_CLI_GO_ON) return status;
    pal_cli_run *runs = calloc(args.n_words, sizeof *runs);
    if (!runs) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    size_t n = 0;
    while (n < args.n_words && status == PAL_CLI_GO_ON) {
        status = pal_cli_open(&args, n, &runs[n]);
        n++;
    }
    if (status == PAL_CLI_GO_ON) status = draw(&args, runs, n);
    for (size_t i = 0; i < n; i++) pal_cli_close(&runs[i]);
    free(runs);
    return status;
}
