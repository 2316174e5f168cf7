/* filters.c - palindrome filters: what the units of a layer look for, of one run or of several side by side. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { TITLE = 256 };

static const pal_cli_row rows[] = {
    PAL_CLI_OUTPUT("the picture (default: RUN/filters.png, and the like; of several in the last RUN)"),
    {{"layer", PAL_OPTION_INT, "", 1, 64, NULL, "of the encoder, 1 being the first (default: the last)"}, "K", NULL, 0},
    {{"maximal", PAL_OPTION_BOOL, "", 0, 0, NULL,
      "of the first layer too the inputs of norm 1 that excite a unit most"},
     NULL,
     NULL,
     0},
    {{"prototypes", PAL_OPTION_BOOL, "", 0, 0, NULL, "instead what each unit of the decoder's last layer adds"},
     NULL,
     NULL,
     0},
    {{"units", PAL_OPTION_INT, "256", 1, 65536, NULL, "at most so many of each"}, "N", NULL, 0},
    {{.name = NULL}, NULL, NULL, 0},
};
static const pal_cli_spec spec = {"RUN [RUN...]",
                                  "A picture of what each unit of a layer looks for: the weights of the first layer; "
                                  "of a deeper one the input of norm 1 that excites the unit most, by gradient ascent. "
                                  "Several runs side by side, a unit at the same place in all.",
                                  rows,
                                  1,
                                  PAL_CLI_WORDS,
                                  "say which run: its folder, such as runs/denoising-001",
                                  false};

static int draw(const pal_cli_args *args, const pal_cli_run *runs, size_t n)
{
    char file[4096], name[96], text[512], title[600], names[PAL_CLI_WORDS][TITLE];
    pal_model *models[PAL_CLI_WORDS];
    const char *titles[PAL_CLI_WORDS], *path = pal_cli_given(args, "out");
    bool maximal = pal_cli_flag(args, "maximal");
    for (size_t i = 0; i < n; i++) {
        titles[i] = n > 1 ? pal_cli_distinguish(runs, n, i, names[i], TITLE) : NULL;
        models[i] = runs[i].model;
    }
    bool prototypes = pal_cli_flag(args, "prototypes");
    const char *what = prototypes ? "prototypes" : maximal ? "maximal" : "filters";
    int64_t layer = pal_cli_int(args, "layer", 0);
    if (prototypes && (maximal || layer))
        return pal_cli_say(PAL_CLI_WRONG,
                           "--prototypes are of the decoder's last layer: leave --layer and --maximal away");
    char number[32] = "";
    if (layer) snprintf(number, sizeof number, "-%lld", (long long)layer);
    snprintf(name, sizeof name, "%s%s%s.png", what, number, n > 1 ? "-of-all" : "");
    if (!path) path = pal_rundir_file(runs[n - 1].dir, name, file, sizeof file);
    bool same = true;
    for (size_t i = 0; i < n; i++) same &= pal_model_variant(models[i]) == pal_model_variant(models[0]);
    if (n > 1)
        snprintf(title, sizeof title, "%s", same ? pal_model_variant(models[0])->name : "what the units look for");
    else
        snprintf(title, sizeof title, "%s", pal_cli_describe(models[0], text, sizeof text));
    pal_filters_options o = {.struct_size = sizeof o,
                             .models = models,
                             .titles = titles,
                             .count = n,
                             .units = pal_cli_int(args, "units", 0),
                             .maximal = maximal,
                             .layer = layer,
                             .prototypes = prototypes,
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
