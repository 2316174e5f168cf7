/* gradients.c - the sizes of the gradients of a training, by epoch: a curve for the weights of each layer.
 *
 * In: the epochs of run folders, as --gradient-sizes writes them. Where a gradient vanishes on its way down through a
 * deep network, the curves of the lower layers lie decades below those of the upper ones. Several runs are drawn side
 * by side with the same axes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"
#include "plot/plot.h"

enum { NAME = 256, RUNS = 16 };

struct pal_gradients {
    size_t layers, epochs;
    char (*name)[NAME]; /* [layers], in order of depth */
    double *epoch;      /* [epochs] */
    double *size;       /* [layers, epochs] */
};

static bool is_weight(const char *parameter)
{
    const size_t n = strlen(parameter);
    return n > 2 && n < NAME && !strcmp(parameter + n - 2, "/W");
}

static size_t find(const pal_gradients *g, const char *parameter)
{
    size_t k = 0;
    while (k < g->layers && strcmp(g->name[k], parameter)) k++;
    return k;
}

/* The layers of the epoch that are not yet listed. */
static pal_status list(pal_gradients *g, const pal_epoch *epoch, pal_error *err)
{
    for (size_t i = 0; i < epoch->n_gradients; i++) {
        const char *parameter = epoch->gradients[i].parameter;
        if (!is_weight(parameter) || find(g, parameter) < g->layers) continue;
        char(*more)[NAME] = realloc(g->name, (g->layers + 1) * sizeof *more);
        if (!more) return palt__no_memory(err);
        g->name = more;
        snprintf(g->name[g->layers++], NAME, "%s", parameter);
    }
    return PAL_OK;
}

/* An epoch that has all layers gives their order; layers that only other phases train come after it. */
static pal_status list_all(pal_gradients *g, const pal_rundir *run, pal_error *err)
{
    const pal_epoch *most = pal_rundir_epoch(run, 0), *epoch;
    pal_status status = PAL_OK;
    for (size_t i = 0; (epoch = pal_rundir_epoch(run, i)); i++)
        if (epoch->n_gradients > most->n_gradients) most = epoch;
    if (most) status = list(g, most, err);
    for (size_t i = 0; !status && (epoch = pal_rundir_epoch(run, i)); i++) status = list(g, epoch, err);
    if (status || g->layers) return status;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "%s has no sizes of the gradients of weights: train it with --gradient-sizes",
                         pal_rundir_path(run));
}

pal_gradients *pal_gradients_of(const pal_rundir *run, pal_error *err)
{
    pal_gradients *g = calloc(1, sizeof *g);
    pal_status status = g ? list_all(g, run, err) : palt__no_memory(err);
    if (!status) {
        g->epochs = pal_rundir_epoch_count(run);
        g->epoch = calloc(g->epochs, sizeof *g->epoch);
        g->size = calloc(g->layers * g->epochs, sizeof *g->size);
        if (!g->epoch || !g->size) status = palt__no_memory(err);
    }
    for (size_t e = 0; !status && e < g->epochs; e++) {
        const pal_epoch *epoch = pal_rundir_epoch(run, e);
        g->epoch[e] = (double)epoch->epoch;
        for (size_t k = 0; k < g->layers; k++) g->size[k * g->epochs + e] = NAN;
        for (size_t i = 0; i < epoch->n_gradients; i++) {
            const size_t k = find(g, epoch->gradients[i].parameter);
            if (k < g->layers) g->size[k * g->epochs + e] = epoch->gradients[i].size;
        }
    }
    for (size_t k = 0; !status && k < g->layers; k++) g->name[k][strlen(g->name[k]) - 2] = 0;
    if (!status) return g;
    pal_gradients_free(g);
    return NULL;
}

void pal_gradients_free(pal_gradients *g)
{
    if (!g) return;
    free(g->size);
    free(g->epoch);
    free(g->name);
    free(g);
}

size_t pal_gradients_layers(const pal_gradients *g) { return g->layers; }
size_t pal_gradients_epochs(const pal_gradients *g) { return g->epochs; }
const char *pal_gradients_name(const pal_gradients *g, size_t layer)
{
    return layer < g->layers ? g->name[layer] : NULL;
}
const double *pal_gradients_sizes(const pal_gradients *g, size_t layer)
{
    return layer < g->layers ? g->size + layer * g->epochs : NULL;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

typedef struct panel {
    pal_curves curves;
    pal_series *series;
    double *y; /* without the zeros, which have no logarithm */
} panel;

static pal_status fill(panel *to, const pal_gradients *g, const double *shades, pal_error *err)
{
    to->series = calloc(g->layers, sizeof *to->series);
    to->y = calloc(g->layers * g->epochs, sizeof *to->y);
    if (!to->series || !to->y) return palt__no_memory(err);
    for (size_t i = 0; i < g->layers * g->epochs; i++) to->y[i] = g->size[i] > 0 ? g->size[i] : (double)NAN;
    for (size_t k = 0; k < g->layers; k++) to->series[k] = (pal_series){g->name[k], to->y + k * g->epochs};
    to->curves = (pal_curves){.struct_size = sizeof to->curves,
                              .y_label = "gradient of the weights: root mean square",
                              .x = g->epoch,
                              .count = g->epochs,
                              .series = to->series,
                              .series_count = g->layers,
                              .log_y = true,
                              .shades = shades,
                              .gaps = true}; /* a phase of training may leave a layer out */
    return PAL_OK;
}

static bool same_layers(const pal_gradients *a, const pal_gradients *b)
{
    bool same = a->layers == b->layers;
    for (size_t k = 0; same && k < a->layers; k++) same = !strcmp(a->name[k], b->name[k]);
    return same;
}

pal_status pal_gradients_write(const pal_gradients *const *runs, const char *const *names, size_t n, const char *title,
                               bool csv, const char *path, pal_error *err)
{
    panel panels[RUNS] = {0};
    const pal_curves *curves[RUNS];
    if (!runs || n < 1 || n > RUNS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "gradients: %zu runs: give 1 to %d", runs ? n : 0, RUNS);
    double *shades = calloc(runs[0]->layers, sizeof *shades);
    pal_status status = shades ? PAL_OK : palt__no_memory(err);
    for (size_t k = 0; !status && k < runs[0]->layers; k++)
        shades[k] = runs[0]->layers > 1 ? (double)k / (double)(runs[0]->layers - 1) : 0;
    for (size_t i = 0; !status && i < n; i++) {
        status = same_layers(runs[0], runs[i]) ? fill(&panels[i], runs[i], shades, err)
                                               : pal_error_set(err, PAL_ERR_ARGUMENT,
                                                               "gradients: %s has other layers than %s: draw them in "
                                                               "two pictures",
                                                               names[i], names[0]);
        panels[i].curves.title = n > 1 ? names[i] : title;
        panels[i].curves.csv = csv;
        curves[i] = &panels[i].curves;
    }
    if (!status) status = pal_curves_panels_write(curves, n, title, path, err);
    for (size_t i = 0; i < n; i++) {
        free(panels[i].series);
        free(panels[i].y);
    }
    free(shades);
    return status;
}
