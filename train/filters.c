/* filters.c - the weights of the first encoder layer as images.
 *
 * Column j of W [features, units] is what unit j looks for. Of all inputs of norm 1, w_j / ||w_j|| excites unit j most.
 * Columns are taken out once, in the order they are drawn in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot/plot.h"
#include "train/internal.h"

enum { UNITS = 256, TEXT = 512 };

/* The first two-dimensional parameter, by name, whose rows are the features. */
static const pal_tensor *first_weights(const pal_model *model)
{
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(model, i, &name);
        if (!strncmp(name, "encoder", 7) && t->shape.rank == 2 && t->shape.dim[0] == pal__features(model)) return t;
    }
    return NULL;
}

typedef struct unit {
    double norm;
    int64_t index;
} unit;

static int by_norm(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    if (x->norm != y->norm) return x->norm > y->norm ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Every unit with the norm of its weights. malloc; NULL: no memory. */
static unit *norms(const pal_tensor *w)
{
    int64_t features = w->shape.dim[0], k = w->shape.dim[1];
    unit *units = calloc((size_t)k + 1, sizeof *units);
    if (!units) return NULL;
    for (int64_t j = 0; j < k; j++) {
        double sum = 0;
        for (int64_t i = 0; i < features; i++) {
            double value = pal_tensor_get(w, (size_t)(i * k + j));
            sum += value * value;
        }
        units[j] = (unit){sqrt(sum), j};
    }
    return units;
}

/* The first n units of the order, an image each. maximal: of norm 1, and all on one scale around mid-grey. */
static pal_tensor *images(const pal_tensor *w, const unit *order, int64_t n, bool maximal)
{
    int64_t features = w->shape.dim[0], k = w->shape.dim[1];
    pal_tensor *out = pal_tensor_new(w->context, PAL_F32, PAL_SHAPE(n, features));
    unit *own = maximal ? norms(w) : NULL;
    double clip = 4 / sqrt((double)features); /* four root mean squares of what has norm 1 */
    if (!out || (maximal && !own)) {
        pal_tensor_free(out);
        free(own);
        return NULL;
    }
    for (int64_t at = 0; at < n; at++)
        for (int64_t i = 0, j = order[at].index; i < features; i++) {
            double value = pal_tensor_get(w, (size_t)(i * k + j));
            if (maximal) value /= own[j].norm > 0 ? own[j].norm : 1;
            pal_tensor_set(out, (size_t)(at * features + i), maximal ? 0.5 + 0.5 * value / clip : value);
        }
    free(own);
    return out;
}

static void caption(const pal_filters_options *o, int64_t shown, int64_t all, bool shared, char *out)
{
    const char *what = o->maximal ? "The input of norm 1 that excites each unit most, w / ||w||; all on one scale, "
                                    "mid-grey 0, clipped at 4 root mean squares"
                                  : "The weights into each unit of the first layer; each on its own scale, mid-grey 0";
    char count[64] = "";
    if (shown < all) snprintf(count, sizeof count, ", the first %lld of %lld", (long long)shown, (long long)all);
    snprintf(out, TEXT, "%s. By descending norm%s%s.", what,
             shared ? " of the last model, a unit at the same place in all" : "", count);
}

static pal_status check(const pal_filters_options *o, pal_error *err)
{
    if (!o->count) return pal_error_set(err, PAL_ERR_ARGUMENT, "no model to draw");
    if (o->units < 0) return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld units", (long long)o->units);
    for (size_t i = 0; i < o->count; i++)
        if (!first_weights(o->models[i]))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "%s has no first layer that takes all features",
                                 pal_model_variant(o->models[i])->name);
    return PAL_OK;
}

/* One model's section. cells and row stay for the drawing. */
static pal_status fill_section(const pal_filters_options *o, size_t i, bool shared, pal_grid_section *section,
                               pal_grid_row *row, pal_tensor **cells, pal_error *err)
{
    const pal_tensor *w = first_weights(o->models[i]);
    unit *order = norms(shared ? first_weights(o->models[o->count - 1]) : w);
    int64_t n = o->units ? o->units : UNITS;
    if (n > w->shape.dim[1]) n = w->shape.dim[1];
    if (order) {
        qsort(order, (size_t)w->shape.dim[1], sizeof *order, by_norm);
        *cells = images(w, order, n, o->maximal);
    }
    free(order);
    if (!*cells) return pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    *row = (pal_grid_row){.cells = *cells, .mapping = o->maximal ? PAL_MAP_UNIT : PAL_MAP_SYMMETRIC};
    *section = (pal_grid_section){.title = o->titles ? o->titles[i] : NULL, .rows = row, .count = 1};
    pal__cell_size(pal_model_sample(o->models[i]), &section->cell_height, &section->cell_width);
    return PAL_OK;
}

pal_status pal_filters_write(const pal_filters_options *given, const char *path, pal_error *err)
{
    pal_filters_options o = {0};
    PAL__OPTIONS(o, given);
    pal_status status = check(&o, err);
    if (status) return status;
    int64_t units = first_weights(o.models[o.count - 1])->shape.dim[1];
    bool shared = o.count > 1;
    for (size_t i = 0; i < o.count; i++) shared &= first_weights(o.models[i])->shape.dim[1] == units;
    pal_grid_section *sections = calloc(o.count, sizeof *sections);
    pal_grid_row *rows = calloc(o.count, sizeof *rows);
    pal_tensor **cells = calloc(o.count, sizeof(pal_tensor *));
    if (!sections || !rows || !cells) status = pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    for (size_t i = 0; !status && i < o.count; i++)
        status = fill_section(&o, i, shared, &sections[i], &rows[i], &cells[i], err);
    if (!status) {
        char text[TEXT];
        int64_t limit = o.units ? o.units : UNITS;
        caption(&o, limit < units ? limit : units, units, shared, text);
        pal_grid grid = {
            .struct_size = sizeof grid, .title = o.title, .caption = text, .sections = sections, .count = o.count};
        status = pal_grid_write(&grid, path, err);
    }
    for (size_t i = 0; cells && i < o.count; i++) pal_tensor_free(cells[i]);
    free(cells);
    free(rows);
    free(sections);
    return status;
}
