/* filters.c - palindrome filters: what the units of a layer respond to, for one run or for several side by side. */
#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file (default: by what is drawn, such as RUN/filters.png, in the last RUN)"),
    PAL_CLI_INT("layer", "", 1, 64, "K", "layer of the encoder, the first is 1 (default: the last)"),
    PAL_CLI_FLAG("maximal", "draw the inputs of norm 1 that excite a unit most, for the first layer, too"),
    PAL_CLI_FLAG("prototypes", "draw what each unit of the decoder's last layer adds to the output instead"),
    PAL_CLI_INT("units", "256", 1, 65536, "N", "draw at most N units of each run"),
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_filters_spec = {
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

static int draw(const pal_cli_args *args, pal_cli_runs *runs)
{
    const size_t n = runs->n;
    char file[4096], name[96], text[512], trained[512], title[1200];
    pal_model *models[PAL_CLI_WORDS];
    const char *titles[PAL_CLI_WORDS], *path = pal_cli_given(args, "out");
    bool maximal = pal_cli_flag(args, "maximal");
    for (size_t i = 0; i < n; i++) {
        titles[i] = n > 1 ? runs->name[i] : NULL;
        models[i] = runs->run[i].model;
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
    if (!path) path = pal_rundir_file(runs->run[n - 1].dir, name, file, sizeof file);
    if (n == 1)
        pal_cli_describe(models[0], text, sizeof text);
    else
        snprintf(text, sizeof text, "%s",
                 pal_cli_alike(runs) ? pal_model_variant(models[0])->name : "what the units respond to");
    snprintf(title, sizeof title, "%s, %s", text, pal_cli_trained(runs->run, n, trained, sizeof trained));
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
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_filters_spec, pal_cli_check_picture, false, draw}, argc,
                             argv);
}
