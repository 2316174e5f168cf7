/* schema.c - the columns of a table: checked, copied, compared, found by name. A schema is one block of memory for the
 * arrays and a copy of each text, and does not change. */
#include "models/file/json.h"
#include "models/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_MOST = 65536, COLUMNS_MOST = 1 << 24 };

/* ---- Checks ----------------------------------------------------------------------------------------------------- */

static pal_status check_text(const char *text, const char *what, pal_error *err)
{
    const char *end = text ? text + strlen(text) : NULL;
    for (size_t length = 1; text && text < end; text += length) {
        length = pal__utf8(text, end);
        if (!length) return pal_error_set(err, PAL_ERR_ARGUMENT, "schema: %s is not UTF-8: write it as UTF-8", what);
    }
    return PAL_OK;
}

static pal_status check_list(const char *const *list, int64_t n, const char *what, pal_error *err)
{
    pal_status status = PAL_OK;
    for (int64_t i = 0; i < n && !status; i++)
        status = list && list[i]
                     ? check_text(list[i], what, err)
                     : pal_error_set(err, PAL_ERR_ARGUMENT, "schema: %s %lld is missing", what, (long long)i);
    return status;
}

static pal_status check_column(const pal_column *c, int64_t i, pal_error *err)
{
    static const struct {
        int64_t least, most;
    } levels[PAL_COLUMN_KINDS] = {[PAL_COLUMN_TRUTH] = {2, 2}, [PAL_COLUMN_CATEGORY] = {1, LEVELS_MOST}};
    const char *wrong = NULL;
    if ((unsigned)c->kind >= PAL_COLUMN_KINDS)
        wrong = "its kind is unknown";
    else if (c->n_levels < levels[c->kind].least || c->n_levels > levels[c->kind].most)
        wrong = c->kind == PAL_COLUMN_CATEGORY ? "it must have 1 to 65536 levels"
                : c->kind == PAL_COLUMN_TRUTH  ? "it must have two words, for 0 and 1"
                                               : "a number has no levels";
    else if (!isfinite(c->offset) || !isfinite(c->scale) || !(c->scale > 0))
        wrong = "its offset must be finite, and its scale finite and positive";
    else if (c->kind != PAL_COLUMN_NUMBER && (c->offset != 0 || c->scale != 1))
        wrong = "only numbers are scaled";
    if (wrong) return pal_error_set(err, PAL_ERR_ARGUMENT, "schema: column %lld: %s", (long long)i + 1, wrong);
    const pal_status status = check_text(c->name, "the name of a column", err);
    return status ? status : check_list(c->levels, c->n_levels, "level", err);
}

static pal_status check(const pal_schema *s, pal_error *err)
{
    if (!s || !s->columns || s->n_columns < 1 || s->n_columns > COLUMNS_MOST || s->n_classes < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "schema: needs 1 to %d columns", COLUMNS_MOST);
    pal_status status = PAL_OK;
    for (int64_t i = 0; i < s->n_columns && !status; i++) status = check_column(&s->columns[i], i, err);
    if (!status) status = check_text(s->scaling, "the scaling", err);
    if (!status) status = check_text(s->label, "the name of the label", err);
    return status ? status : check_list(s->classes, s->n_classes, "class", err);
}

/* ---- Copies ----------------------------------------------------------------------------------------------------- */

static const char *copy_text(const char *text, bool *good)
{
    char *copy = text ? strdup(text) : NULL;
    *good &= !text || copy;
    return copy;
}

static const char *const *copy_list(const char *const *list, int64_t n, bool *good)
{
    const char **copy = n ? calloc((size_t)n, sizeof *copy) : NULL;
    *good &= copy || !n;
    for (int64_t i = 0; copy && i < n; i++) copy[i] = copy_text(list[i], good);
    return copy;
}

static void free_list(const char *const *list, int64_t n)
{
    for (int64_t i = 0; list && i < n; i++) free((void *)(uintptr_t)list[i]);
    free((void *)(uintptr_t)list);
}

pal_schema *pal_schema_new(const pal_schema *from, pal_error *err)
{
    if (check(from, err)) return NULL;
    const size_t n = (size_t)from->n_columns;
    pal_schema *s = calloc(1, sizeof *s);
    pal_column *columns = calloc(n, sizeof *columns);
    int64_t *first = calloc(n + 1, sizeof *first);
    bool good = s && columns && first;
    if (s) *s = (pal_schema){.columns = columns, .n_columns = from->n_columns, .first = first};
    for (size_t i = 0; i < n && good; i++) {
        columns[i] = from->columns[i];
        columns[i].name = copy_text(from->columns[i].name, &good);
        columns[i].levels = copy_list(from->columns[i].levels, from->columns[i].n_levels, &good);
        first[i + 1] = first[i] + (columns[i].kind == PAL_COLUMN_CATEGORY ? columns[i].n_levels : 1);
    }
    if (good) {
        s->features = first[n];
        s->scaling = copy_text(from->scaling, &good);
        s->label = copy_text(from->label, &good);
        s->classes = copy_list(from->classes, from->n_classes, &good);
        s->n_classes = s->classes ? from->n_classes : 0;
    }
    if (good) return s;
    if (s) {
        pal_schema_free(s);
    } else {
        free(columns);
        free(first);
    }
    pal_error_set(err, PAL_ERR_MEMORY, "schema: out of memory");
    return NULL;
}

void pal_schema_free(pal_schema *s)
{
    if (!s) return;
    for (int64_t i = 0; s->columns && i < s->n_columns; i++) {
        free((void *)(uintptr_t)s->columns[i].name);
        free_list(s->columns[i].levels, s->columns[i].n_levels);
    }
    free((void *)(uintptr_t)s->columns);
    free((void *)(uintptr_t)s->first);
    free((void *)(uintptr_t)s->scaling);
    free((void *)(uintptr_t)s->label);
    free_list(s->classes, s->n_classes);
    free(s);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static bool same_list(const char *const *a, int64_t n, const char *const *b, int64_t m)
{
    bool same = n == m;
    for (int64_t i = 0; i < n && same; i++) same = same_text(a[i], b[i]);
    return same;
}

bool pal_schema_equal(const pal_schema *a, const pal_schema *b)
{
    if (!a || !b) return a == b;
    bool same = a->n_columns == b->n_columns && same_text(a->label, b->label) && same_text(a->scaling, b->scaling) &&
                same_list(a->classes, a->n_classes, b->classes, b->n_classes);
    for (int64_t i = 0; same && i < a->n_columns; i++) {
        const pal_column *x = &a->columns[i], *y = &b->columns[i];
        same = x->kind == y->kind && x->offset == y->offset && x->scale == y->scale && x->cut == y->cut &&
               same_text(x->name, y->name) && same_list(x->levels, x->n_levels, y->levels, y->n_levels);
    }
    return same;
}

int64_t pal_schema_find(const pal_schema *s, const char *name)
{
    for (int64_t i = 0; s && name && i < s->n_columns; i++)
        if (s->columns[i].name && !strcmp(s->columns[i].name, name)) return i;
    char *end = NULL;
    const long long number = s && name && *name ? strtoll(name, &end, 10) : 0;
    const bool counts = end && !*end && number >= 1 && number <= s->n_columns;
    return counts && !s->columns[number - 1].name ? number - 1 : -1;
}

const char *pal_schema_name(const pal_schema *s, int64_t column, char *out, size_t size)
{
    const bool has = s && column >= 0 && column < s->n_columns && s->columns[column].name;
    if (has)
        snprintf(out, size, "%s", s->columns[column].name);
    else
        snprintf(out, size, "column %lld", (long long)column + 1);
    return out;
}

const char *pal_schema_feature(const pal_schema *s, int64_t feature, char *out, size_t size)
{
    char name[96];
    int64_t k = 0;
    while (s && k + 1 < s->n_columns && s->first[k + 1] <= feature) k++;
    pal_schema_name(s, s ? k : feature, name, sizeof name);
    const bool level = s && feature >= 0 && feature < s->features && s->columns[k].kind == PAL_COLUMN_CATEGORY;
    snprintf(out, size, "%s%s%s", name, level ? "=" : "", level ? s->columns[k].levels[feature - s->first[k]] : "");
    return out;
}
