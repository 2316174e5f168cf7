/* schema_text.c - a schema as JSON on one line, as the metadata of a model file keep it:
 *
 *   {"scaling":"standard","columns":[{"name":"age","offset":41.5,"scale":9.25},
 *    {"name":"smoker","truth":["no","yes"]},{"name":"city","levels":["Bonn","Rome"]}],
 *    "label":"species","classes":["setosa","virginica"]}
 *
 * Numbers have the 17 digits that give the same double back. An unknown key is an error: a schema that is understood by
 * half would change what a model sees. */
#include "models/file/json.h"
#include "models/internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void put_key(pal__out *out, const char *key, bool first)
{
    if (!first) pal__out_add(out, ",", 1);
    pal__out_string(out, key);
    pal__out_add(out, ":", 1);
}

static void put_real(pal__out *out, const char *key, double value, bool first)
{
    char text[40], *comma;
    put_key(out, key, first);
    snprintf(text, sizeof text, "%.17g", value);
    if ((comma = strpbrk(text, ","))) *comma = '.'; /* printf follows the locale */
    pal__out_add(out, text, strlen(text));
    if (!strpbrk(text, ".e")) pal__out_add(out, ".0", 2);
}

static void put_list(pal__out *out, const char *key, const char *const *list, int64_t n, bool first)
{
    put_key(out, key, first);
    pal__out_add(out, "[", 1);
    for (int64_t i = 0; i < n; i++) {
        if (i) pal__out_add(out, ",", 1);
        pal__out_string(out, list[i]);
    }
    pal__out_add(out, "]", 1);
}

static void put_column(pal__out *out, const pal_column *c)
{
    static const char *const lists[PAL_COLUMN_KINDS] = {[PAL_COLUMN_TRUTH] = "truth", [PAL_COLUMN_CATEGORY] = "levels"};
    pal__out_add(out, "{", 1);
    if (c->name) {
        put_key(out, "name", true);
        pal__out_string(out, c->name);
    }
    if (lists[c->kind]) {
        put_list(out, lists[c->kind], c->levels, c->n_levels, !c->name);
    } else {
        put_real(out, "offset", c->offset, !c->name);
        put_real(out, "scale", c->scale, false);
        if (c->cut) {
            put_key(out, "cut", false);
            pal__out_add(out, "true", 4);
        }
    }
    pal__out_add(out, "}", 1);
}

char *pal_schema_text(const pal_schema *s)
{
    pal__out out = {0};
    pal__out_add(&out, "{", 1);
    if (s->scaling) {
        put_key(&out, "scaling", true);
        pal__out_string(&out, s->scaling);
    }
    put_key(&out, "columns", !s->scaling);
    pal__out_add(&out, "[", 1);
    for (int64_t i = 0; i < s->n_columns; i++) {
        if (i) pal__out_add(&out, ",", 1);
        put_column(&out, &s->columns[i]);
    }
    pal__out_add(&out, "]", 1);
    if (s->label) {
        put_key(&out, "label", false);
        pal__out_string(&out, s->label);
    }
    if (s->n_classes) put_list(&out, "classes", s->classes, s->n_classes, false);
    pal__out_add(&out, "}", 2); /* with the zero at the end */
    if (!out.no_memory && !out.not_utf8) return out.text;
    free(out.text);
    return NULL;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

typedef struct reading {
    pal__json json;
    pal_column *columns;
    size_t n, room;
    pal_schema s; /* texts lie in the copy of the text, lists in memory */
    bool no_memory;
} reading;

/* Makes room for one more element. */
static void *grow(reading *r, void *list, size_t n, size_t size)
{
    if (n & (n - 1)) return list; /* it grows at powers of two */
    void *more = realloc(list, (n ? 2 * n : 1) * size);
    if (!more) r->no_memory = true;
    return more ? more : list;
}

static void read_list(reading *r, const char *const **list, int64_t *n)
{
    pal__json *j = &r->json;
    const char **texts = (const char **)(uintptr_t)*list;
    pal__json_enter(j, '[');
    while (pal__json_next(j, ']') && !r->no_memory) {
        texts = grow(r, texts, (size_t)*n, sizeof *texts);
        const char *text = pal__json_text(j);
        if (!r->no_memory) texts[(*n)++] = text;
        if (!text) break;
    }
    *list = texts;
}

static double read_real(reading *r)
{
    pal__json_number number = {0};
    pal__json_number_read(&r->json, &number);
    return number.whole ? (double)number.integer : number.real;
}

static void read_column(reading *r)
{
    pal__json *j = &r->json;
    pal_column c = {.kind = PAL_COLUMN_NUMBER, .scale = 1};
    pal__json_enter(j, '{');
    while (pal__json_next(j, '}') && !r->no_memory) {
        const char *key = pal__json_key(j);
        if (!key) break;
        if (!strcmp(key, "name")) {
            c.name = pal__json_text(j);
        } else if (!strcmp(key, "offset")) {
            c.offset = read_real(r);
        } else if (!strcmp(key, "scale")) {
            c.scale = read_real(r);
        } else if (!strcmp(key, "cut")) {
            c.cut = pal__json_word(j, "true");
        } else if (!c.n_levels && (!strcmp(key, "truth") || !strcmp(key, "levels"))) {
            c.kind = *key == 't' ? PAL_COLUMN_TRUTH : PAL_COLUMN_CATEGORY;
            read_list(r, &c.levels, &c.n_levels);
        } else {
            j->wrong = "an unknown key of a column";
        }
    }
    r->columns = grow(r, r->columns, r->n, sizeof *r->columns);
    if (r->no_memory)
        free((void *)(uintptr_t)c.levels);
    else
        r->columns[r->n++] = c;
}

static void read_schema(reading *r)
{
    pal__json *j = &r->json;
    pal__json_enter(j, '{');
    while (pal__json_next(j, '}') && !r->no_memory) {
        const char *key = pal__json_key(j);
        if (!key) break;
        if (!strcmp(key, "scaling")) {
            r->s.scaling = pal__json_text(j);
        } else if (!strcmp(key, "label")) {
            r->s.label = pal__json_text(j);
        } else if (!strcmp(key, "classes") && !r->s.classes) {
            read_list(r, &r->s.classes, &r->s.n_classes);
        } else if (!strcmp(key, "columns") && !r->columns) {
            pal__json_enter(j, '[');
            while (pal__json_next(j, ']') && !r->no_memory) read_column(r);
        } else {
            j->wrong = "an unknown key";
        }
    }
    pal__json_end(j);
}

pal_schema *pal_schema_parse(const char *text, const char *what, pal_error *err)
{
    pal_schema *schema = NULL;
    pal_error own = {0};
    char *copy = strdup(text);
    reading r = {.no_memory = !copy};
    if (copy) {
        r.json = pal__json_start(copy, strlen(copy));
        read_schema(&r);
        r.s.columns = r.columns;
        r.s.n_columns = (int64_t)r.n;
    }
    if (r.no_memory) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", what);
    } else if (r.json.wrong) {
        pal_error_set(err, PAL_ERR_FORMAT, "%s: its schema is damaged: %s: restore a copy", what, r.json.wrong);
    } else if (!(schema = pal_schema_new(&r.s, &own))) {
        const bool memory = own.status == PAL_ERR_MEMORY;
        pal_error_set(err, memory ? own.status : PAL_ERR_FORMAT, "%s: its %s: restore a copy", what, own.text);
    }
    for (size_t i = 0; i < r.n; i++) free((void *)(uintptr_t)r.columns[i].levels);
    free(r.columns);
    free((void *)(uintptr_t)r.s.classes);
    free(copy);
    return schema;
}
