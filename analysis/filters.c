/* filters.c - images of what the units of an encoder layer respond to, or of what the units of the last decoder layer
 * add to the output.
 *
 * For the first layer this is column j of W [features, units], or the kernel of channel j. Among all inputs of norm 1,
 * w_j / ||w_j|| excites unit j most. For deeper layers a search finds that input (ascent.c). A prototype is row j of
 * the last decoder weights [units, features], or column j of the first encoder weights if they are tied. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "analysis/internal.h"

enum { UNITS = 256, TEXT = 512 };

typedef enum kind { WEIGHTS, UNIT_WEIGHTS, KERNELS, MAXIMA, PROTOTYPES } kind;

typedef struct ranked {
    double size; /* the norm of weights, or the pre-activation at a maximum */
    int64_t index;
} ranked;

typedef struct look { /* the section of one model */
    pal_model *model;
    const pal_tensor *w; /* the weights that are drawn, or those of the first layer; may be NULL */
    kind kind;
    palt__layer layer;
    bool across;          /* the weights of a unit are a column of w */
    int64_t units, count; /* units of the layer; units with an image */
    int64_t open;         /* units whose search did not converge */
    pal_tensor *images;   /* [count, pixels], in the order of the units */
    pal_tensor *cells;    /* the images that are drawn, in the order of drawing */
    ranked *order;
} look;

/* The first parameter of the encoder that is a matrix on all features, or kernels on one channel. NULL: none. */
static const pal_tensor *first_weights(const pal_model *model)
{
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        if (strncmp(name, "encoder", 7) != 0) continue;
        if (t->shape.rank == 2 && t->shape.dim[0] == palt__features(model)) return t;
        if (t->shape.rank == 4 && t->shape.dim[1] == 1) return t;
    }
    return NULL;
}

static pal_status choose_prototypes(look *l, pal_error *err)
{
    static const char *const names[] = {"decoder/W", "decoder/1/W", "encoder/W", "encoder/1/W"};
    const int64_t features = palt__features(l->model);
    for (size_t i = 0; i < 4 && !l->w; i++) {
        const pal_tensor *t = pal_model_parameter_find(l->model, names[i]);
        if (t && t->shape.rank == 2 && t->shape.dim[i < 2] == features) l->w = t;
        l->across = i >= 2;
    }
    if (!l->w)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: the decoder does not end in a layer of weights onto the input",
                             pal_model_variant(l->model)->name);
    l->kind = PROTOTYPES;
    l->units = l->count = l->w->shape.dim[l->across];
    return PAL_OK;
}

/* Chooses what is drawn for a model. */
static pal_status choose(look *l, const pal_filters_options *o, pal_error *err)
{
    if (o->prototypes) return choose_prototypes(l, err);
    l->w = first_weights(l->model);
    pal_status status = palt__layer_find(l->model, o->layer, &l->layer, err);
    if (status) return status;
    bool first = l->layer.layer == 1 && l->w, dense = first && l->w->shape.rank == 2;
    l->kind = dense ? (o->maximal ? UNIT_WEIGHTS : WEIGHTS) : first && !o->maximal ? KERNELS : MAXIMA;
    int64_t limit = o->units ? o->units : UNITS;
    l->across = dense;
    l->units = l->layer.units;
    l->count = l->kind == MAXIMA && limit < l->units ? limit : l->units;
    return PAL_OK;
}

static int64_t pixels_of(const look *l)
{
    return l->kind == KERNELS ? l->w->shape.dim[2] * l->w->shape.dim[3] : palt__features(l->model);
}

/* The weights of unit j start at element j * each, with stride `step`. UNIT_WEIGHTS divides them by their norm. */
static void take_weights(look *l)
{
    int64_t pixels = pixels_of(l), step = l->across ? l->units : 1, each = l->across ? 1 : pixels;
    for (int64_t j = 0; j < l->count; j++) {
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++) {
            double value = pal_tensor_get(l->w, (size_t)(j * each + i * step));
            sum += value * value;
        }
        l->order[j] = (ranked){sqrt(sum), j};
        double scale = l->kind == UNIT_WEIGHTS && sum > 0 ? 1 / sqrt(sum) : 1;
        for (int64_t i = 0; i < pixels; i++)
            pal_tensor_set(l->images, (size_t)(j * pixels + i),
                           scale * pal_tensor_get(l->w, (size_t)(j * each + i * step)));
    }
}

static pal_status climb(look *l, pal_error *err)
{
    int64_t *units = malloc((size_t)l->count * sizeof *units);
    double *value = malloc((size_t)l->count * sizeof *value);
    pal_status status = units && value ? PAL_OK : palt__no_memory(err);
    for (int64_t j = 0; !status && j < l->count; j++) units[j] = j;
    if (!status) status = palt__ascend(l->model, &l->layer, units, l->count, l->images->data, value, &l->open, err);
    for (int64_t j = 0; !status && j < l->count; j++) l->order[j] = (ranked){value[j], j};
    free(value);
    free(units);
    return status;
}

static int by_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static pal_status fill(look *l, pal_error *err)
{
    l->images = pal_tensor_new(pal_model_context(l->model), PAL_F32, PAL_SHAPE(l->count, pixels_of(l)));
    l->order = calloc((size_t)l->count, sizeof *l->order);
    if (!l->images || !l->order) return palt__no_memory(err);
    pal_status status = PAL_OK;
    if (l->kind == MAXIMA)
        status = climb(l, err);
    else
        take_weights(l);
    if (!status) qsort(l->order, (size_t)l->count, sizeof *l->order, by_size);
    return status;
}

/* Inputs of norm 1 share one scale: mid-grey is 0, and black and white are at 4 times the root mean square. */
static pal_status arrange(look *l, const ranked *order, int64_t n, pal_error *err)
{
    int64_t pixels = pixels_of(l);
    bool one_scale = l->kind == UNIT_WEIGHTS || l->kind == MAXIMA;
    double clip = 4 / sqrt((double)pixels);
    l->cells = pal_tensor_new(l->images->context, PAL_F32, PAL_SHAPE(n, pixels));
    if (!l->cells) return palt__no_memory(err);
    for (int64_t at = 0; at < n; at++)
        for (int64_t i = 0; i < pixels; i++) {
            double value = pal_tensor_get(l->images, (size_t)(order[at].index * pixels + i));
            pal_tensor_set(l->cells, (size_t)(at * pixels + i), one_scale ? 0.5 + 0.5 * value / clip : value);
        }
    return PAL_OK;
}

/* ---- The picture ---------------------------------------------------------------------------------------------- */

static void caption(const look *l, int64_t shown, bool shared, char *out)
{
    static const char one_scale[] = "all on one scale, mid-grey is 0, clipped at 4 times the root mean square";
    char what[TEXT / 2], count[64] = "", open[64] = "";
    const char *unit = l->layer.plane > 1 ? "channel" : "unit", *by = l->kind == MAXIMA ? "activation" : "norm";
    if (l->kind == PROTOTYPES)
        snprintf(what, sizeof what,
                 "What each unit of the last decoder layer adds to the output; each on its own scale, mid-grey is 0");
    else if (l->kind == WEIGHTS)
        snprintf(what, sizeof what,
                 "The weights into each unit of the first layer; each on its own scale, mid-grey is 0");
    else if (l->kind == KERNELS)
        snprintf(what, sizeof what,
                 "The kernels of the first layer, one per channel; each on its own scale, mid-grey is 0");
    else if (l->kind == UNIT_WEIGHTS)
        snprintf(what, sizeof what, "The input of norm 1 that excites each unit most, w / ||w||; %s", one_scale);
    else
        snprintf(what, sizeof what,
                 "The input of norm 1 that excites each %s of layer %lld of %lld most, by gradient ascent%s; %s", unit,
                 (long long)l->layer.layer, (long long)l->layer.layers,
                 l->layer.plane > 1 ? " at the middle of its plane" : "", one_scale);
    if (shown < l->units) snprintf(count, sizeof count, ", %lld of %lld", (long long)shown, (long long)l->units);
    if (l->open) snprintf(open, sizeof open, " %lld did not converge.", (long long)l->open);
    snprintf(out, TEXT, "%s. By descending %s%s%s.%s", what, by,
             shared ? " in the last model, each unit in the same place in all" : "", count, open);
}

static pal_status check(const pal_filters_options *o, pal_error *err)
{
    if (!o->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "filters: no model is given");
    if (o->units < 0) return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld units: choose 0 or more", (long long)o->units);
    return PAL_OK;
}

static pal_status draw(const pal_filters_options *o, look *looks, const char *path, pal_error *err)
{
    const look *last = &looks[o->count - 1];
    pal_grid_section *sections = calloc(o->count, sizeof *sections);
    pal_grid_row *rows = calloc(o->count, sizeof *rows);
    pal_status status = sections && rows ? PAL_OK : palt__no_memory(err);
    bool shared = o->count > 1;
    char text[TEXT];
    int64_t limit = o->units ? o->units : UNITS;
    for (size_t i = 0; i < o->count; i++) shared &= looks[i].count == last->count;
    for (size_t i = 0; !status && i < o->count; i++) {
        look *l = &looks[i];
        status = arrange(l, shared ? last->order : l->order, limit < l->count ? limit : l->count, err);
        rows[i] =
            (pal_grid_row){.cells = l->cells,
                           .mapping = l->kind == UNIT_WEIGHTS || l->kind == MAXIMA ? PAL_MAP_UNIT : PAL_MAP_SYMMETRIC};
        sections[i] = (pal_grid_section){.title = o->titles ? o->titles[i] : NULL, .rows = &rows[i], .count = 1};
        palt__size_cells(&sections[i], pal_model_sample(l->model));
        if (l->kind != KERNELS) continue;
        sections[i].cell_planes = 1;
        sections[i].cell_height = l->w->shape.dim[2];
        sections[i].cell_width = l->w->shape.dim[3];
    }
    if (!status) {
        caption(last, limit < last->count ? limit : last->count, shared, text);
        pal_grid grid = {
            .struct_size = sizeof grid, .title = o->title, .caption = text, .sections = sections, .count = o->count};
        status = pal_grid_write(&grid, path, err);
    }
    free(rows);
    free(sections);
    return status;
}

pal_status pal_filters_write(const pal_filters_options *given, const char *path, pal_error *err)
{
    pal_filters_options o = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "filters", err)) return PAL_ERR_ARGUMENT;
    pal_status status = check(&o, err);
    if (status) return status;
    look *looks = calloc(o.count, sizeof *looks);
    if (!looks) return palt__no_memory(err);
    for (size_t i = 0; !status && i < o.count; i++) {
        looks[i].model = o.models[i];
        status = choose(&looks[i], &o, err);
        if (!status && looks[i].kind != looks[0].kind)
            status = pal_error_set(err, PAL_ERR_ARGUMENT,
                                   "%s and %s have encoders of different depth or kind: choose layer 1, or draw "
                                   "them separately",
                                   pal_model_variant(o.models[0])->name, pal_model_variant(o.models[i])->name);
    }
    for (size_t i = 0; !status && i < o.count; i++) status = fill(&looks[i], err);
    if (!status) status = draw(&o, looks, path, err);
    for (size_t i = 0; i < o.count; i++) {
        pal_tensor_free(looks[i].cells);
        pal_tensor_free(looks[i].images);
        free(looks[i].order);
    }
    free(looks);
    return status;
}

pal_status pal_filter_maximal(pal_model *model, int64_t layer, int64_t unit, float *out, double *value, pal_error *err)
{
    palt__layer found;
    double own;
    int64_t open;
    pal_status status = palt__layer_find(model, layer, &found, err);
    if (!status && (unit < 0 || unit >= found.units))
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "%s: layer %lld has %lld units: unit %lld does not exist",
                               pal_model_variant(model)->name, (long long)found.layer, (long long)found.units,
                               (long long)unit);
    return status ? status : palt__ascend(model, &found, &unit, 1, out, value ? value : &own, &open, err);
}
