/* filters.c - palindrome filters: what the units of a layer respond to, for one run or for several side by side. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { TITLE = 256 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: by what is drawn, such as RUN/filters.png, in the last RUN)"),
    PAL_CLI_INT("layer", "", 1, 64, "K", "layer of the encoder, the first is 1 (default: the last)"),
    PAL_CLI_FLAG("maximal", "draw the inputs of norm 1 that excite a unit most, for the first layer, too"),
    PAL_CLI_FLAG("prototypes", "draw what each unit of the decoder's last layer adds to the output instead"),
    PAL_CLI_INT("units", "256", 1, 65536, "N", "draw at most N units of each run"),
    PAL_CLI_END,
};
/* clang-format on */
static const pal_cli_spec spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Draw what each unit of a layer responds to. For the first layer these are its weights. For a deeper layer "
        "it is the input of norm 1 that excites the unit most, found by gradient ascent. Several runs are drawn "
        "side by side, with each unit at the same place.",
    .rows = rows,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
};

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
                           "--prototypes draws the decoder's last layer: leave out --layer and --maximal");
    char number[32] = "";
    if (layer) snprintf(number, sizeof number, "-%lld", (long long)layer);
    snprintf(name, sizeof name, "%s%s%s.png", what, number, n > 1 ? "-of-all" : "");
    if (!path) path = pal_rundir_file(runs[n - 1].dir, name, file, sizeof file);
    bool same = true;
    for (size_t i = 0; i < n; i++) same &= pal_model_variant(models[i]) == pal_model_variant(models[0]);
    if (n > 1)
        snprintf(title, sizeof title, "%s", same ? pal_model_variant(models[0])->name : "what the units respond to");
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
