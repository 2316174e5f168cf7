/* filters.c - what the units of an encoder layer respond to, or what the units of the last decoder layer add to the
 * output: which numbers are drawn for a model, and in which order.
 *
 * For the first layer this is column j of W [features, units], or the kernel of channel j. Among all inputs of norm 1,
 * w_j / ||w_j|| excites unit j most. For deeper layers a search finds that input (ascent.c). A prototype is row j of
 * the last decoder weights [units, features], or column j of the first encoder weights if they are tied. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/filters.h"

/* The first parameter of the encoder that is a matrix on all features, or kernels on all planes of a sample. NULL:
 * none. */
static const pal_tensor *first_weights(const pal_model *model)
{
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        if (strncmp(name, "encoder", 7) != 0) continue;
        if (t->shape.rank == 2 && t->shape.dim[0] == palt__features(model)) return t;
        if (t->shape.rank == 4 && t->shape.dim[1] == pal_view_of(pal_model_sample(model)).planes) return t;
    }
    return NULL;
}

static pal_status choose_prototypes(palt__filters *f, pal_error *err)
{
    static const char *const names[] = {"decoder/W", "decoder/1/W", "encoder/W", "encoder/1/W"};
    const int64_t features = palt__features(f->model);
    for (size_t i = 0; i < 4 && !f->w; i++) {
        const pal_tensor *t = pal_model_parameter_find(f->model, names[i]);
        if (t && t->shape.rank == 2 && t->shape.dim[i < 2] == features) f->w = t;
        f->across = i >= 2;
    }
    if (!f->w)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: the decoder does not end in a layer of weights onto the input",
                             pal_model_variant(f->model)->name);
    f->kind = PALT__PROTOTYPES;
    f->units = f->count = f->w->shape.dim[f->across];
    return PAL_OK;
}

static pal_status choose_layer(palt__filters *f, const pal_filters_options *o, pal_error *err)
{
    f->w = first_weights(f->model);
    pal_status status = palt__layer_find(f->model, o->layer, &f->layer, err);
    if (status) return status;
    bool first = f->layer.layer == 1 && f->w, dense = first && f->w->shape.rank == 2;
    f->kind = dense                  ? (o->maximal ? PALT__UNIT_WEIGHTS : PALT__WEIGHTS)
              : first && !o->maximal ? PALT__KERNELS
                                     : PALT__MAXIMA;
    int64_t limit = o->units ? o->units : PALT__FILTER_UNITS;
    f->across = dense;
    f->units = f->layer.units;
    f->count = f->kind == PALT__MAXIMA && limit < f->units ? limit : f->units;
    return PAL_OK;
}

/* Units of the closed form are principal components in order. Those of another linear model are ordered by the variance
 * that they explain, if it is known. */
static void choose_order(palt__filters *f, const pal_filters_options *o, size_t model)
{
    const bool linear = pal_is_linear(f->model);
    f->share = linear && o->shares ? o->shares[model] : NULL;
    f->by = linear && palt__has_closed_form(f->model) ? PALT__BY_NUMBER : f->share ? PALT__BY_SHARE : PALT__BY_SIZE;
}

/* The size of what is drawn. A maximum is cut to the part of the sample that the unit sees. */
static pal_status choose_view(palt__filters *f, const pal_filters_options *o, pal_error *err)
{
    const pal_view own = pal_view_of(pal_model_sample(f->model));
    f->view = o->view;
    pal_status status = palt__view_choose(&f->view, pal_model_sample(f->model), err);
    f->cut = f->kind == PALT__MAXIMA && (f->layer.height < own.height || f->layer.width < own.width);
    f->profile = palt__is_profile(f->view) && !f->cut && f->kind != PALT__KERNELS;
    if (f->cut) f->view = (pal_view){own.planes, f->layer.height, f->layer.width};
    if (f->kind == PALT__KERNELS) f->view = (pal_view){f->w->shape.dim[1], f->w->shape.dim[2], f->w->shape.dim[3]};
    return status;
}

/* The weights of unit j start at element j * each, with stride `step`. */
static void take_weights(palt__filters *f)
{
    const int64_t pixels = f->view.planes * f->view.height * f->view.width, step = f->across ? f->units : 1;
    const int64_t each = f->across ? 1 : pixels;
    for (int64_t j = 0; j < f->count; j++) {
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++) {
            double value = pal_tensor_get(f->w, (size_t)(j * each + i * step));
            sum += value * value;
        }
        f->order[j] = (palt__ranked){sqrt(sum), j};
        double scale = f->kind == PALT__UNIT_WEIGHTS && sum > 0 ? 1 / sqrt(sum) : 1;
        for (int64_t i = 0; i < pixels; i++)
            pal_tensor_set(f->images, (size_t)(j * pixels + i),
                           scale * pal_tensor_get(f->w, (size_t)(j * each + i * step)));
    }
}

/* Copies the part of each sample that the units see. from is [count, features]. */
static void cut(palt__filters *f, const float *from)
{
    const pal_view own = pal_view_of(pal_model_sample(f->model)), v = f->view;
    float *to = f->images->data;
    if (!f->cut) memcpy(to, from, (size_t)(f->count * palt__features(f->model)) * sizeof *to);
    for (int64_t i = 0; f->cut && i < f->count * v.planes; i++)
        for (int64_t row = 0; row < v.height; row++, to += v.width)
            memcpy(to, from + (i * own.height + f->layer.top + row) * own.width + f->layer.left,
                   (size_t)v.width * sizeof *to);
}

static pal_status climb(palt__filters *f, pal_error *err)
{
    int64_t *units = malloc((size_t)f->count * sizeof *units);
    double *value = malloc((size_t)f->count * sizeof *value);
    float *inputs = malloc((size_t)(f->count * palt__features(f->model)) * sizeof *inputs);
    pal_status status = units && value && inputs ? PAL_OK : palt__no_memory(err);
    for (int64_t j = 0; !status && j < f->count; j++) units[j] = j;
    if (!status) status = palt__ascend(f->model, &f->layer, units, f->count, inputs, value, &f->open, err);
    for (int64_t j = 0; !status && j < f->count; j++) f->order[j] = (palt__ranked){value[j], j};
    if (!status) cut(f, inputs);
    free(inputs);
    free(value);
    free(units);
    return status;
}

static int by_size(const void *a, const void *b)
{
    const palt__ranked *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

pal_status palt__filters_fill(palt__filters *f, const pal_filters_options *o, size_t model, pal_error *err)
{
    f->model = o->models[model];
    pal_status status = o->prototypes ? choose_prototypes(f, err) : choose_layer(f, o, err);
    if (status) return status;
    choose_order(f, o, model);
    status = choose_view(f, o, err);
    if (status) return status;
    f->images = pal_tensor_new(pal_model_context(f->model), PAL_F32,
                               PAL_SHAPE(f->count, f->view.planes * f->view.height * f->view.width));
    f->order = calloc((size_t)f->count, sizeof *f->order);
    if (!f->images || !f->order) return palt__no_memory(err);
    if (f->kind == PALT__MAXIMA)
        status = climb(f, err);
    else
        take_weights(f);
    for (int64_t j = 0; f->by != PALT__BY_SIZE && j < f->count; j++)
        f->order[j].size = f->by == PALT__BY_SHARE ? f->share[j] : -(double)j;
    if (!status) qsort(f->order, (size_t)f->count, sizeof *f->order, by_size);
    return status;
}

/* ---- The interface -------------------------------------------------------------------------------------------- */

static pal_status check(const pal_filters_options *o, pal_error *err)
{
    if (!o->count || !o->models) return pal_error_set(err, PAL_ERR_ARGUMENT, "filters: no model is given");
    if (o->units < 0) return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld units: choose 0 or more", (long long)o->units);
    return PAL_OK;
}

pal_status pal_filters_write(const pal_filters_options *given, const char *path, pal_error *err)
{
    pal_filters_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_filters_options, shares), "filters", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = check(&o, err);
    if (status) return status;
    palt__filters *all = calloc(o.count, sizeof *all);
    if (!all) return palt__no_memory(err);
    for (size_t i = 0; !status && i < o.count; i++) {
        status = palt__filters_fill(&all[i], &o, i, err);
        if (!status && all[i].kind != all[0].kind)
            status = pal_error_set(err, PAL_ERR_ARGUMENT,
                                   "%s and %s have encoders of different depth or kind: choose layer 1, or draw "
                                   "them separately",
                                   pal_model_variant(o.models[0])->name, pal_model_variant(o.models[i])->name);
    }
    if (!status) status = palt__filters_draw(&o, all, path, err);
    for (size_t i = 0; i < o.count; i++) {
        pal_tensor_free(all[i].cells);
        pal_tensor_free(all[i].images);
        free(all[i].order);
    }
    free(all);
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
