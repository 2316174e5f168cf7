/* interpolate.c - palindrome interpolate: blends samples through the code. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { LIST = 64 };

/* clang-format off */
static const pal_cli_row rows[] = {
    PAL_CLI_OUT("picture file, .png, .svg or .pdf (default: RUN/interpolate.png; of several runs, "
                "interpolate-of-all.png in the last)"),
    PAL_CLI_AS,
    PAL_CLI_ENUM("from", "0,2,4,6", NULL, "I,...", "numbers of the samples where the blends begin, counted from 0"),
    PAL_CLI_ENUM("to", "1,3,5,7", NULL, "J,...", "numbers of the samples where they end, as many as in --from"),
    PAL_CLI_ENUM("corners", "", NULL, "A,B,C,D", "draw a grid between these four samples instead, the top two first"),
    PAL_CLI_INT("steps", "", 2, 64, "N", "images from one end to the other (default: 9, of profiles 5)"),
    PAL_CLI_FLAG("pixels", "also blend the samples themselves, for comparison"),
    PAL_CLI_DATA,
    PAL_CLI_SPLIT,
    PAL_CLI_WHICH,
    PAL_CLI_JSON,
    PAL_CLI_END,
};
/* clang-format on */
const pal_cli_spec pal_cli_interpolate_spec = {
    .data = true,
    .words = "RUN [RUN...]",
    .summary = "Draw pairs of samples blended through the code: decoded points of the straight line between their two "
               "codes. Or draw a grid between four corners. Several runs blend the same samples.",
    .rows = rows,
    .least = 1,
    .most = PAL_CLI_WORDS,
    .missing = PAL_CLI_NO_RUN,
};

typedef struct ends {
    int64_t corners[2 * LIST];
    size_t count;
    bool grid;
} ends;

/* Parses numbers separated by commas. */
static int parse(const char *name, const char *text, int64_t *out, size_t *n)
{
    const char *at = text;
    for (*n = 0; *n < LIST; at++) {
        char *end;
        errno = 0;
        out[(*n)++] = strtoll(at, &end, 10);
        if (end == at || errno || *at < '0' || *at > '9') break;
        at = end;
        if (!*at) return PAL_CLI_GO_ON;
        if (*at != ',') break;
    }
    return pal_cli_say(PAL_CLI_WRONG, "--%s %s: give a list of up to %d sample numbers, such as 0,3,7", name, text,
                       LIST);
}

static int find_ends(const pal_cli_args *args, ends *e)
{
    const char *from = pal_cli_given(args, "from"), *to = pal_cli_given(args, "to");
    const char *corners = pal_cli_given(args, "corners");
    int64_t first[LIST], last[LIST];
    size_t n_first, n_last;
    e->grid = corners != NULL;
    if (corners) {
        if (from || to)
            return pal_cli_say(PAL_CLI_WRONG, "--corners draws a grid, --from and --to draw pairs: choose one");
        int status = parse("corners", corners, e->corners, &e->count);
        if (status != PAL_CLI_GO_ON || e->count == 4) return status;
        return pal_cli_say(PAL_CLI_WRONG, "--corners %s: give four corners", corners);
    }
    if (!from != !to)
        return pal_cli_say(PAL_CLI_WRONG, "--%s needs --%s, too: give both", from ? "from" : "to",
                           from ? "to" : "from");
    int status = parse("from", from ? from : "0,2,4,6", first, &n_first);
    if (status == PAL_CLI_GO_ON) status = parse("to", to ? to : "1,3,5,7", last, &n_last);
    if (status != PAL_CLI_GO_ON) return status;
    if (n_first != n_last)
        return pal_cli_say(PAL_CLI_WRONG, "--from has %zu samples and --to has %zu: give as many of each", n_first,
                           n_last);
    for (size_t i = 0; i < n_first; i++) {
        e->corners[e->count++] = first[i];
        e->corners[e->count++] = last[i];
    }
    return PAL_CLI_GO_ON;
}

/* The corners of a grid, or the pairs with the figures of one run. */
static json_t *list_of(const ends *e, const pal_interpolate_figures *f)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->count; i += e->grid ? 1 : 2)
        json_array_append_new(list, e->grid ? json_integer((json_int_t)e->corners[i])
                                            : json_pack("{s:I, s:I, s:o, s:o, s:o}", "from", (json_int_t)e->corners[i],
                                                        "to", (json_int_t)e->corners[i + 1], "code_distance",
                                                        pal_cli_number(f[i / 2].code), "straight_length",
                                                        pal_cli_number(f[i / 2].straight), "path_length",
                                                        pal_cli_number(f[i / 2].path)));
    return list;
}

static json_t *run_of(const pal_cli_run *run)
{
    return json_pack("{s:o, s:s}", "run", pal_cli_text(pal_rundir_path(run->dir)), "model",
                     pal_model_variant(run->model)->name);
}

/* Of several runs, each has its own pairs; corners are the same for all. */
static void print_json(const pal_cli_runs *runs, const ends *e, const pal_interpolate_figures *f, const char *path)
{
    const char *name = e->grid ? "corners" : "pairs";
    json_t *out = runs->n > 1 ? json_object() : run_of(&runs->run[0]), *list = json_array();
    for (size_t i = 0; runs->n > 1 && i < runs->n; i++) {
        json_t *run = run_of(&runs->run[i]);
        if (!e->grid) json_object_set_new(run, name, list_of(e, f + i * (e->count / 2)));
        json_array_append_new(list, run);
    }
    if (runs->n > 1) json_object_set(out, "runs", list);
    json_decref(list);
    json_object_set_new(out, "data", pal_cli_text(runs->run[0].data->name));
    json_object_set_new(out, "picture", pal_cli_text(path));
    if (e->grid || runs->n == 1) json_object_set_new(out, name, list_of(e, f));
    pal_cli_print_json(out);
}

static void write_caption(const pal_cli_args *args, const pal_cli_runs *runs, const ends *e, char *out, size_t size)
{
    char model[512], trained[1200];
    const bool one = runs->n == 1;
    size_t used =
        (size_t)snprintf(out, size, "%s%s%s. ", one ? pal_cli_describe(runs->run[0].model, model, sizeof model) : "",
                         one ? ", " : "", pal_cli_trained(runs->run, runs->n, trained, sizeof trained));
    const long long c[4] = {(long long)e->corners[0], (long long)e->corners[1], (long long)e->corners[2],
                            (long long)e->corners[3]};
    if (used >= size) return;
    if (e->grid)
        snprintf(out + used, size - used,
                 "Corners: samples %lld (top left), %lld (top right), %lld (bottom left) and %lld (bottom right).",
                 c[0], c[1], c[2], c[3]);
    else
        snprintf(out + used, size - used, "decode((1 - t) h + t h') between the codes h and h' of two samples.%s",
                 pal_cli_flag(args, "pixels") ? " Below each: (1 - t) x + t x'." : "");
}

static int interpolate(const pal_cli_args *args, pal_cli_runs *runs)
{
    ends found = {.count = 0};
    const ends *e = &found;
    const int status = find_ends(args, &found); /* cannot fail: check() has called it */
    if (status != PAL_CLI_GO_ON) return status;
    char title[600], caption[2400], file[PAL_CLI_PATH];
    const pal_cli_run *run = &runs->run[0], *last = &runs->run[runs->n - 1];
    const int64_t lanes = pal_rundir_info(run->dir)->lanes;
    const char *path = pal_cli_given(args, "out");
    const bool alike = pal_cli_alike(runs);
    if (!path)
        path =
            pal_rundir_file(last->dir, runs->n > 1 ? "interpolate-of-all.png" : "interpolate.png", file, sizeof file);
    snprintf(title, sizeof title, "%s %s %s: blended through the code",
             alike ? pal_model_variant(run->model)->name : "samples", alike ? "on" : "of", run->data->name);
    write_caption(args, runs, e, caption, sizeof caption);
    pal_interpolate_options o = {.struct_size = sizeof o,
                                 .corners = e->corners,
                                 .count = e->count,
                                 .grid = e->grid,
                                 .steps = pal_cli_int(args, "steps", 0),
                                 .pixels = pal_cli_flag(args, "pixels"),
                                 .lanes = lanes > 0 ? (unsigned)lanes : 0,
                                 .title = title,
                                 .caption = caption};
    const int viewed = pal_cli_view(args, run->model, &o.view);
    if (viewed != PAL_CLI_GO_ON) return viewed;
    pal_shown models[PAL_CLI_WORDS];
    for (size_t i = 0; i < runs->n; i++)
        models[i] = (pal_shown){.model = runs->run[i].model, .name = runs->n > 1 ? runs->name[i] : NULL};
    pal_interpolate_figures figures[PAL_CLI_WORDS * LIST];
    pal_error err = {0};
    if (pal_interpolate_all_write(models, runs->n, run->data, &o, figures, path, &err)) return pal_cli_say_error(&err);
    if (pal_cli_flag(args, "json"))
        print_json(runs, e, figures, path);
    else
        pal_cli_print("%s\n", path);
    return PAL_CLI_DONE;
}

static int check(const pal_cli_args *args)
{
    ends e = {.count = 0};
    const int status = pal_cli_check_picture(args);
    return status == PAL_CLI_GO_ON ? find_ends(args, &e) : status;
}

int pal_cli_interpolate(int argc, char **argv)
{
    return pal_cli_about_all(&(pal_cli_about_runs){&pal_cli_interpolate_spec, check, true, interpolate}, argc, argv);
}
