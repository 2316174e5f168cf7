/* report_pictures.c - the pictures of a report, by the functions of the verbs that draw them, embedded as PNG. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"

/* ---- Embedding ------------------------------------------------------------------------------------------------ */

const char *pal__report_file(const pal__report *r, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", r->folder, name);
    return out;
}

static char *read_all(FILE *from, size_t *size)
{
    char *bytes = NULL;
    FILE *to = open_memstream(&bytes, size);
    char part[1 << 14];
    bool good = to != NULL;
    for (size_t n; good && (n = fread(part, 1, sizeof part, from));) good = fwrite(part, 1, n, to) == n;
    good &= !ferror(from);
    if (to) good &= !fclose(to);
    if (good) return bytes;
    free(bytes);
    return NULL;
}

int pal__report_picture(pal__report *r, const char *name, const char *alt, const char *caption)
{
    char path[128];
    size_t size = 0;
    pal_html *h = &r->html;
    FILE *file = fopen(pal__report_file(r, name, path, sizeof path), "rbe");
    char *bytes = file ? read_all(file, &size) : NULL;
    if (file) fclose(file);
    if (!bytes) return pal_cli_say(PAL_CLI_FAILED, "report: %s cannot be read", path);
    unlink(path);
    pal_html_open(h, "figure");
    pal_html_open_class(h, "div", "paper");
    pal_html_open(h, "img");
    pal_html_data(h, "src", strstr(name, ".svg") ? "image/svg+xml" : "image/png", bytes, size);
    pal_html_attribute(h, "alt", "%s", alt);
    pal_html_close(h);
    pal_html_close(h);
    pal_html_element(h, "figcaption", NULL, "%s", caption);
    pal_html_close(h);
    free(bytes);
    return PAL_CLI_GO_ON;
}

int pal__report_refused(pal__report *r, const char *what, const pal_error *err)
{
    if (err->status == PAL_ERR_MEMORY || err->status == PAL_ERR_IO) return pal_cli_say_error(err);
    pal__report_without(r, "%s: %s", what, err->text);
    return PAL_CLI_GO_ON;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------- */

static uint64_t seed_of(const pal__report *r) { return (uint64_t)pal_cli_int(r->args, "seed", r->of[0].info->seed); }

static size_t shown(const pal__report *r, pal_shown *out)
{
    for (size_t i = 0; i < r->n; i++)
        out[i] = (pal_shown){r->of[i].run->model, r->of[i].run->corruptor, r->n > 1 ? r->of[i].name : NULL};
    return r->n;
}

int pal__report_reconstructions(pal__report *r, const pal__reported *of)
{
    enum { FEW = 16 };
    char path[128];
    pal_error err = {0};
    pal_shown models[PAL_CLI_WORDS];
    uint32_t rows[8];
    if (!of->data || !r->same_data) {
        pal__report_without(r, !of->data ? "there are no samples: %s" : "the runs have different samples%s",
                            of->why_no_data);
        return PAL_CLI_GO_ON;
    }
    const int64_t asked = pal_cli_int(r->args, "samples", 10), n = asked < of->data->count ? asked : of->data->count;
    if (r->n == 1 && pal__report_profile(of) && of->data->features <= FEW) {
        const size_t most = n < 8 ? (size_t)n : 8;
        for (size_t i = 0; i < most; i++) rows[i] = (uint32_t)i;
        return pal__report_rows(r, of, rows, most);
    }
    const pal_reconstruct_options o = {.struct_size = sizeof o, .samples = n, .seed = seed_of(r)};
    if (pal_reconstruct_all_write(models, shown(r, models), of->data, &o,
                                  pal__report_file(r, "picture.png", path, sizeof path), &err))
        return pal__report_refused(r, "the reconstructions", &err);
    return pal__report_picture(
        r, "picture.png", "Samples in one row, and their reconstructions below them",
        r->n > 1 ? "Above, the first samples; below, what each run makes of them, through its code alone."
        : pal_model_variant(of->run->model)->corrupt
            ? "From above: the first samples; what the model gets, corrupted as in training; and what it makes of "
              "that. "
              "What it removes is what it has learned to be no part of such samples."
            : "Above, the first samples; below, what the model makes of each, through its code alone. What is missing "
              "below is what the code does not keep.");
}

int pal__report_filters(pal__report *r, const pal__reported *of)
{
    char path[128];
    pal_error err = {0};
    double *shares = NULL;
    const bool linear = pal_is_linear(of->run->model) && of->train;
    if (linear) shares = malloc((size_t)pal_option_int(of->run->model, "hidden") * sizeof *shares);
    if (linear && (!shares || pal_shares(of->run->model, of->train, shares, &err))) {
        free(shares);
        shares = NULL;
    }
    const pal_filters_options o = {.struct_size = sizeof o,
                                   .models = &of->run->model,
                                   .count = 1,
                                   .units = 64,
                                   .layer = 1,
                                   .shares = shares ? (const double *const[]){shares} : NULL};
    err = (pal_error){0};
    pal_filters_write(&o, pal__report_file(r, "picture.png", path, sizeof path), &err);
    free(shares);
    if (err.status) return pal__report_refused(r, "the filters of the first layer", &err);
    return pal__report_picture(r, "picture.png", "The weights of each unit of the first layer",
                               pal__report_profile(of)
                                   ? "What each unit of the first layer responds to: its weights, one bar for each "
                                     "feature. A long bar counts much, to its side."
                                   : "What each unit of the first layer responds to: its weights as an image, each on "
                                     "its own scale. Strokes and edges show structure that was found; what looks like "
                                     "noise was hardly trained.");
}

int pal__report_codes(pal__report *r, const pal__reported *of)
{
    enum { MOST = 5000, ELLIPSES = 4, PANELS = 16 };
    char path[128], caption[700];
    pal_error err = {0};
    pal_shown models[PAL_CLI_WORDS];
    pal_scatter s[PAL_CLI_WORDS];
    bool normal = false;
    if (!of->data || !r->same_data) {
        pal__report_without(r, !of->data ? "there are no samples: %s" : "the runs have different samples%s",
                            of->why_no_data);
        return PAL_CLI_GO_ON;
    }
    for (size_t i = 0; i < r->n; i++) normal |= pal_scatter_ellipses(r->of[i].run->model);
    const pal_scatter_options o = {.struct_size = sizeof o,
                                   .samples = of->data->count < MOST ? of->data->count : MOST,
                                   .ellipses = normal ? ELLIPSES : 0};
    if (pal_scatter_all_write(models, shown(r, models), of->data, &o,
                              pal__report_file(r, "picture.png", path, sizeof path), s, &err))
        return pal__report_refused(r, "the codes in the plane", &err);
    int at = snprintf(caption, sizeof caption, "Each point is one of the first %lld samples%s. ", (long long)o.samples,
                      of->data->labels ? ", coloured by its label, which the model need not have seen"
                                       : "; the data have no labels, so all have one colour");
    if (r->n == 1 && s[0].code > 2)
        at += snprintf(caption + at, sizeof caption - (size_t)at,
                       "A code of %lld numbers is projected onto the two directions in which it varies most, which "
                       "have %.0f %% of its variance. ",
                       (long long)s[0].code, 100 * (s[0].share[0] + s[0].share[1]));
    snprintf(caption + at, sizeof caption - (size_t)at, "%s%s",
             of->data->labels ? "Labels that lie apart can be told from the code."
                              : "Groups are samples that the model finds alike.",
             normal ? " Ellipses show how uncertain the code of a sample is." : "");
    return pal__report_picture(r, "picture.png", "Samples as points in the plane of the code", caption);
}

int pal__report_draws(pal__report *r, const pal__reported *of)
{
    char path[128];
    pal_error err = {0};
    const pal_sample_options o = {.struct_size = sizeof o, .seed = seed_of(r), .data = of->data};
    if (pal_sample_write(of->run->model, &o, pal__report_file(r, "picture.png", path, sizeof path), &err))
        return pal__report_refused(r, "samples from the prior", &err);
    return pal__report_picture(
        r, "picture.png", "Samples that the model makes from codes of its prior",
        pal_sample_kind_of(of->run->model, &o) == PAL_SAMPLE_DRAWS
            ? "What random codes from the prior decode to: samples that the model makes by itself."
            : "What evenly spaced codes of the prior decode to: the whole code, laid out in "
              "order. Neighbours should be alike.");
}
