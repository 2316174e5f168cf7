/* reconstruct.c - palindrome reconstruct: draws samples and their reconstructions. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/reconstruct.png; of several runs, "
                "reconstruct-of-all.png in the last)"),
    PAL_CLI_AS,
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "16", 1, 256, "N", "samples in the picture"),
    PAL_CLI_NOISE_SEED,
    PAL_CLI_THREADS,
    PAL_CLI_PORTABLE,
    PAL_CLI_FORMAT,
    PAL_CLI_END,
};
static const pal_need needs[] = {
    {"out", "IN", "!"}, {"data", "IN", "!"}, {"samples", "IN", "!"}, {"as", "IN", "!"}, {"seed", "IN", "!"}, {"format", "IN", NULL}, {0},
};
/* clang-format on */
const pal_cli_spec pal_cli_reconstruct_spec = {
    .data = true,
    .words = "RUN [RUN...]\nRUN IN OUT",
    .summary =
        "Draw samples, the inputs that the model gets, and their reconstructions. Several runs are drawn below the "
        "same "
        "samples. Options such as --masking corrupt the inputs of any model. With IN and OUT, convert an array to its "
        "reconstructions instead; both are files as for `encode` and `decode`.",
    .rows = rows,
    .needs = needs,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
    .variants = true,
    .effect = PAL_CLI_IMAGES,
    .late = true,
};

static int draw(const pal_cli_args *args, pal_cli_runs *runs)
{
    const pal_cli_run *run = &runs->run[0], *last = &runs->run[runs->n - 1];
    const pal_dataset *data = run->data;
    char title[600], caption[2400], trained[1200], file[PAL_CLI_PATH];
    const char *path = pal_cli_given(args, "out");
    if (!path)
        path =
            pal_rundir_file(last->dir, runs->n > 1 ? "reconstruct-of-all.png" : "reconstruct.png", file, sizeof file);
    const int64_t n = pal_cli_int(args, "samples", 16);
    const pal_schema *schema = pal_model_schema(run->model);
    const char *scaling = schema && schema->scaling && strcmp(schema->scaling, "none") != 0 ? schema->scaling : NULL;
    snprintf(title, sizeof title, "%s on %s",
             pal_cli_alike(runs) ? pal_model_variant(run->model)->name : "reconstructions", data->name);
    snprintf(caption, sizeof caption, "%s%s%s. The first %lld samples%s%s%s", runs->n > 1 ? "" : run->described,
             runs->n > 1 ? "" : ", ", pal_cli_trained(runs->run, runs->n, trained, sizeof trained),
             (long long)(n < data->count ? n : data->count), run->given, scaling ? "; the numbers are scaled: " : "",
             scaling ? scaling : "");
    pal_shown models[PAL_CLI_WORDS];
    for (size_t i = 0; i < runs->n; i++)
        models[i] = (pal_shown){runs->run[i].model, runs->run[i].corruptor, runs->n > 1 ? runs->name[i] : NULL};
    pal_reconstruct_options o = {.struct_size = sizeof o,
                                 .samples = n,
                                 .seed = (uint64_t)pal_cli_int(args, "seed", pal_rundir_info(run->dir)->seed),
                                 .title = title,
                                 .caption = caption};
    const int viewed = pal_cli_view(args, run->model, &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    pal_error err = {0};
    if (pal_reconstruct_all_write(models, runs->n, data, &o, path, &err)) return pal_cli_say_error(&err);
    for (size_t i = 0; i < runs->n; i++)
        if (!runs->run[i].corruptor) pal_cli_warn_idle_corruption(runs->run[i].model);
    pal_cli_print("%s\n", path);
    return PAL_CLI_DONE;
}

static bool is_run(const char *path)
{
    char name[PAL_CLI_PATH];
    snprintf(name, sizeof name, "%s/run.json", path);
    return !access(name, F_OK);
}

/* Whether the words are RUN IN OUT, or RUN IN. */
static bool is_array(const pal_cli_args *args)
{
    return args->n_words > 1 && args->n_words < 4 && !is_run(args->words[1]);
}

/* A pal_cli_value_fn. */
static const char *value_of(const char *name, const void *user)
{
    const pal_cli_args *args = user;
    if (!strcmp(name, "IN")) return is_array(args) ? args->words[1] : "";
    return pal_cli_given(args, name);
}

int pal_cli_reconstruct(int argc, char **argv)
{
    pal_cli_args args;
    pal_cli_runs runs;
    int status = pal_cli_parse(&pal_cli_reconstruct_spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_picture(&args);
    if (status != PAL_CLI_GO_ON) return status;
    const bool arrays = is_array(&args);
    status = pal_cli_check_needs(needs, &args, value_of, &args);
    if (status != PAL_CLI_GO_ON) return status;
    if (arrays && args.n_words == 3) return pal_cli_convert(PAL_CLI_RECONSTRUCT, &args);
    if (arrays)
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s is not the folder of a run, and no output is given: the arguments are RUN "
                           "[RUN...], or RUN IN OUT",
                           args.words[1]);
    status = pal_cli_open_all(&args, true, &runs);
    if (status == PAL_CLI_GO_ON) status = pal_cli_check_seed(&args, runs.run, runs.n);
    if (status == PAL_CLI_GO_ON) status = draw(&args, &runs);
    pal_cli_close_all(&runs);
    return status;
}
