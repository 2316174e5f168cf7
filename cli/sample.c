/* sample.c - palindrome sample: draws what a model with a random code decodes from its prior. */
#include <string.h>

#include "cli/cli.h"

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/sample.png; of several runs, "
                "sample-of-all.png in the last)"),
    PAL_CLI_AS,
    PAL_CLI_WHICH,
    PAL_CLI_INT("samples", "", 1, 10000, "N",
                "draw N codes from the prior (default: 64, if the code is of none of the kinds above)"),
    PAL_CLI_INT("steps", "", 2, 100, "N",
                "for a code of one number: N codes along a line (default: 15); of two: N x N in a plane (default: 20)"),
    PAL_CLI_INT("seed", "1", 0, 1e15, "N", "seed of the draws"),
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_sample_spec = {
    .words = "RUN [RUN...]",
    .summary =
        "Draw what a model with a random code decodes from its prior: the means of the decoder for codes drawn from "
        "the prior. For a code of one or two continuous numbers, draw codes along the whole line or over the whole "
        "plane; between neighbouring codes the prior has equal probability. For a categorical code, or one of up to 6 "
        "bits, draw each code once, with the share of the test samples that have it. Several runs are drawn side by "
        "side.",
    .rows = rows,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = "no run given: name its folder, such as runs/variational-001",
};

static const struct {
    const char *word, *title, *caption;
} kinds[] = {
    [PAL_SAMPLE_DRAWS] = {"draws", "samples from the prior", "Mean of x given z, for z drawn from the prior."},
    [PAL_SAMPLE_LINE] = {"line", "the line of the code",
                         "Mean of x given z, which is the number below: quantiles of the prior."},
    [PAL_SAMPLE_PLANE] = {"plane", "the plane of the code",
                          "Mean of x given z: z1 from left to right and z2 upwards, by the quantiles of the prior."},
    [PAL_SAMPLE_EACH] = {"each", "every code once", "Mean of x given each code."},
};

/* The data for the shares of discrete codes. NULL: not needed; or the runs have different data, or draw different
 * kinds, whose tiles may be too small for the shares; or they cannot be read, which a warning says. */
static pal_dataset *open_data(const pal_cli_runs *runs, const pal_sample_options *o)
{
    pal_error err = {0};
    const char *first = pal_rundir_info(runs->run[0].dir)->data;
    for (size_t i = 0; i < runs->n; i++) {
        const pal_cli_run *run = &runs->run[i];
        const char *own = pal_rundir_info(run->dir)->data;
        if (pal_sample_kind_of(run->model, o) != PAL_SAMPLE_EACH || !pal_code_count(run->model)) return NULL;
        if (own != first && (!own || !first || strcmp(own, first) != 0)) return NULL;
    }
    pal_dataset *data = pal_cli_open_own(&runs->run[0], PAL_SPLIT_TEST, &err);
    if (!data)
        pal_cli_say(PAL_CLI_DONE, "warning: %s: no shares of the codes, its test samples cannot be read: %s",
                    pal_rundir_path(runs->run[0].dir), err.text);
    return data;
}

static json_t *figures_of(const pal_cli_run *run, pal_sample_kind kind)
{
    const char *code = pal_model_setting(run->model, "code");
    return json_pack("{s:o, s:s, s:s, s:b, s:s}", "run", pal_cli_text(pal_rundir_path(run->dir)), "model",
                     pal_model_variant(run->model)->name, "code", code ? code : "", "grid", kind == PAL_SAMPLE_PLANE,
                     "kind", kinds[kind].word);
}

static void print_json(const pal_cli_runs *runs, const pal_sample_options *o, const char *path)
{
    json_t *list = json_array(), *out = NULL;
    for (size_t i = 0; i < runs->n; i++)
        json_array_append_new(list, figures_of(&runs->run[i], pal_sample_kind_of(runs->run[i].model, o)));
    out = runs->n > 1 ? json_pack("{s:O}", "runs", list) : json_incref(json_array_get(list, 0));
    json_object_set_new(out, "picture", pal_cli_text(path));
    json_decref(list);
    pal_cli_print_json(out);
}

/* What is said of one run, or of the kinds of several. */
static void write_texts(const pal_cli_runs *runs, const pal_sample_options *o, char *title, size_t title_size,
                        char *caption, size_t caption_size)
{
    char model[512], trained[1200];
    const pal_cli_run *run = &runs->run[0];
    const pal_sample_kind first = pal_sample_kind_of(run->model, o);
    bool told[sizeof kinds / sizeof *kinds] = {false}, same = true;
    for (size_t i = 0; i < runs->n; i++) same &= pal_sample_kind_of(runs->run[i].model, o) == first;
    pal_cli_trained(runs->run, runs->n, trained, sizeof trained);
    snprintf(title, title_size, "%s%s%s: %s", pal_cli_alike(runs) ? pal_model_variant(run->model)->name : "",
             pal_cli_alike(runs) ? ", " : "", trained, same ? kinds[first].title : "what codes decode to");
    size_t used = 0;
    *caption = 0;
    if (runs->n == 1)
        used = (size_t)snprintf(caption, caption_size, "%s. ", pal_cli_describe(run->model, model, sizeof model));
    for (size_t i = 0; i < runs->n && used < caption_size; i++) {
        const pal_sample_kind kind = pal_sample_kind_of(runs->run[i].model, o);
        if (told[kind]) continue;
        told[kind] = true;
        used += (size_t)snprintf(
            caption + used, caption_size - used, "%s%s%s", used && caption[used - 1] != ' ' ? " " : "",
            kinds[kind].caption,
            kind == PAL_SAMPLE_EACH && o->data ? " Below it: its share among the codes of the test samples." : "");
    }
}

static int sample(const pal_cli_args *args, pal_cli_runs *runs)
{
    char title[2000], caption[2000], file[PAL_CLI_PATH];
    const pal_cli_run *run = &runs->run[0], *last = &runs->run[runs->n - 1];
    const int64_t lanes = pal_rundir_info(run->dir)->lanes;
    const char *path = pal_cli_given(args, "out");
    if (!path) path = pal_rundir_file(last->dir, runs->n > 1 ? "sample-of-all.png" : "sample.png", file, sizeof file);
    pal_sample_options o = {.struct_size = sizeof o,
                            .samples = pal_cli_int(args, "samples", 0),
                            .steps = pal_cli_int(args, "steps", 0),
                            .seed = (uint64_t)pal_cli_int(args, "seed", 1),
                            .lanes = lanes > 0 ? (unsigned)lanes : 0,
                            .title = title,
                            .caption = caption};
    for (size_t i = 0; i < runs->n; i++)
        if (!pal_model_code(runs->run[i].model))
            return pal_cli_say(PAL_CLI_WRONG,
                               "%s: %s has no prior to draw from, since its code is not random: choose a run of "
                               "variational or importance-weighted",
                               pal_rundir_path(runs->run[i].dir), pal_model_variant(runs->run[i].model)->name);
    const int viewed = pal_cli_view(args, run->model, &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    bool random = !pal_cli_given(args, "seed");
    for (size_t i = 0; i < runs->n; i++) random |= pal_sample_kind_of(runs->run[i].model, &o) == PAL_SAMPLE_DRAWS;
    if (!random)
        return pal_cli_say(PAL_CLI_WRONG,
                           "--seed has no effect here, where nothing is drawn at random: leave it out, or "
                           "give --samples");
    pal_shown models[PAL_CLI_WORDS];
    for (size_t i = 0; i < runs->n; i++)
        models[i] = (pal_shown){.model = runs->run[i].model, .name = runs->n > 1 ? runs->name[i] : NULL};
    pal_dataset *shares = open_data(runs, &o);
    o.data = shares;
    write_texts(runs, &o, title, sizeof title, caption, sizeof caption);
    pal_error err = {0};
    pal_sample_all_write(models, runs->n, &o, path, &err);
    if (!err.status && pal_cli_flag(args, "json"))
        print_json(runs, &o, path);
    else if (!err.status)
        pal_cli_print("%s\n", path);
    pal_dataset_free(shares);
    return err.status ? pal_cli_say_error(&err) : PAL_CLI_DONE;
}

int pal_cli_sample(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_sample_spec, pal_cli_check_picture, false, sample}, argc,
                             argv);
}
