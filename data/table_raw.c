/* table_raw.c - a text table as samples: its number, truth and category columns become a schema and rows of it, its
 * label becomes classes, and its id names the samples. */
#include "data/open.h"
#include "data/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MOST = 256 };

static pal_status no_memory(const char *path, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory for its samples", palt__shown_path(path));
}

/* Takes the lists out of a column of the table, which no longer has them. */
static char **take_levels(palt__table_column *c, size_t *n)
{
    char **levels = c->levels;
    *n = c->n_levels;
    c->levels = NULL;
    c->n_levels = 0;
    return levels;
}

static pal_status take_labels(palt__raw *raw, palt__table *table, palt__table_column *c, pal_context *context,
                              const char *path, pal_error *err)
{
    const char *name = c->name ? c->name : "that of the labels";
    if (raw->labels_former && (c->missing || c->n_levels > CLASSES_MOST)) return PAL_OK;
    for (int64_t i = 0; i < table->rows; i++)
        if (isnan(c->value[i]))
            return pal_error_set(
                err, PAL_ERR_FORMAT,
                "%s: sample %lld (from 1) has no label in column %s: fill it in, remove the sample, or "
                "leave the column out by --ignore",
                palt__shown_path(path), (long long)i + 1, name);
    if (c->n_levels > CLASSES_MOST)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: column %s has %zu different labels, expected at most %d classes: choose another "
                             "--label, or --id if it names the samples",
                             palt__shown_path(path), name, c->n_levels, CLASSES_MOST);
    raw->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(table->rows));
    if (!raw->labels) return no_memory(path, err);
    for (int64_t i = 0; i < table->rows; i++) ((uint8_t *)raw->labels->data)[i] = (uint8_t)c->value[i];
    raw->classes = take_levels(c, &raw->n_classes);
    return PAL_OK;
}

static pal_status take_ids(palt__raw *raw, const palt__table *table, const palt__table_column *c, const char *path,
                           pal_error *err)
{
    char **ids = calloc((size_t)table->rows + 1, sizeof *ids);
    bool good = ids != NULL;
    raw->ids = ids;
    for (int64_t i = 0; i < table->rows && good; i++) {
        ids[i] = strdup(isnan(c->value[i]) ? "" : c->levels[(size_t)c->value[i]]);
        good = ids[i] != NULL;
    }
    return good ? PAL_OK : no_memory(path, err);
}

static pal_status take_features(palt__raw *raw, const palt__table *table, const bool *is_feature, const char *label,
                                pal_context *context, const char *path, pal_error *err)
{
    static const pal_column_kind kinds[] = {[PALT__CELLS_NUMBER] = PAL_COLUMN_NUMBER,
                                            [PALT__CELLS_TRUTH] = PAL_COLUMN_TRUTH,
                                            [PALT__CELLS_TEXT] = PAL_COLUMN_CATEGORY};
    pal_column *columns = calloc(table->n_columns + 1, sizeof *columns);
    size_t n = 0;
    for (size_t i = 0; columns && i < table->n_columns; i++) {
        const palt__table_column *c = &table->columns[i];
        if (is_feature[i])
            columns[n++] = (pal_column){.name = c->name,
                                        .kind = kinds[c->kind],
                                        .scale = 1,
                                        .levels = (const char *const *)c->levels,
                                        .n_levels = (int64_t)c->n_levels};
    }
    if (columns && !n) {
        free(columns);
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: no column is left for the samples: give fewer to --ignore",
                             palt__shown_path(path));
    }
    raw->schema = columns ? pal_schema_new(&(pal_schema){.columns = columns,
                                                         .n_columns = (int64_t)n,
                                                         .scaling = "none",
                                                         .label = label,
                                                         .classes = (const char *const *)raw->classes,
                                                         .n_classes = (int64_t)raw->n_classes},
                                           err)
                          : NULL;
    free(columns);
    raw->values = raw->schema ? pal_tensor_new(context, PAL_F64, PAL_SHAPE(table->rows, (int64_t)n)) : NULL;
    if (!raw->values) return raw->schema || !columns ? no_memory(path, err) : err->status;
    double *to = raw->values->data;
    for (size_t i = 0, j = 0; i < table->n_columns; i++) {
        if (!is_feature[i]) continue;
        for (int64_t k = 0; k < table->rows; k++) to[(size_t)k * n + j] = table->columns[i].value[k];
        j++;
    }
    return PAL_OK;
}

/* The column that an option names; n_columns: it is not given. The reader has refused names that no column has. */
static size_t named(const palt__table *table, const pal_data_options *options, const char *option)
{
    const char *name = palt__data_option(options, option);
    const int64_t i = name ? palt__table_find(table, name) : -1;
    return i < 0 ? table->n_columns : (size_t)i;
}

pal_status palt__raw_table(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                           pal_note *note, pal_error *err)
{
    palt__table *table = palt__table_read(context, path, options, note, err);
    if (!table) return err->status ? err->status : PAL_ERR_IO;
    const size_t label = named(table, options, "label"), id = named(table, options, "id");
    bool *is_feature = calloc(table->n_columns + 1, sizeof *is_feature);
    pal_status status = is_feature ? PAL_OK : no_memory(path, err);
    for (size_t i = 0; !status && i < table->n_columns; i++) {
        const palt__table_column *c = &table->columns[i];
        is_feature[i] = i != label && i != id;
        if (is_feature[i] && c->missing == table->rows) {
            is_feature[i] = false;
            palt__note_add(note, "column %s left out: all its cells are missing", c->name ? c->name : "without a name");
        }
    }
    raw->labels_former = palt__data_option_former(options, "label");
    if (!status && label < table->n_columns)
        status = take_labels(raw, table, &table->columns[label], context, path, err);
    if (!status && id < table->n_columns) status = take_ids(raw, table, &table->columns[id], path, err);
    if (!status) {
        const char *name = label < table->n_columns ? palt__data_option(options, "label") : NULL;
        status = take_features(raw, table, is_feature, name, context, path, err);
    }
    free(is_feature);
    palt__table_free(table);
    return status;
}
