/* tables.h - shared by the suites of text tables: options, and what a table must be. */
#ifndef PAL_TESTS_TABLES_H
#define PAL_TESTS_TABLES_H

#include "data/table.h"
#include "tests/data/arrays.h"

enum { OPTIONS_MOST = 4 };

/* Options written as "label=species header=no"; blanks in values are not needed here. */
typedef struct given {
    char text[256];
    pal_setting settings[OPTIONS_MOST];
    pal_data_options options;
} given;

static inline const pal_data_options *parse_options(given *g, const char *text)
{
    char *save = NULL;
    snprintf(g->text, sizeof g->text, "%s", text ? text : "");
    g->options = (pal_data_options){.given = g->settings};
    for (char *at = strtok_r(g->text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        char *value = strchr(at, '=');
        ck_assert(value && g->options.n < OPTIONS_MOST);
        *value++ = '\0';
        g->settings[g->options.n++] = (pal_setting){at, value};
    }
    return &g->options;
}

static inline palt__table *read_table(const char *path, const char *options, pal_note *note)
{
    given g;
    pal_error err = {0};
    palt__table *table = palt__table_read(context, path, parse_options(&g, options), note, &err);
    ck_assert_msg(table != NULL, "%s", err.text);
    return table;
}

/* A table as text: names and kinds, then rows: "a:n b:t c:w|1.5 true x|? false y". */
static inline const char *table_text(const palt__table *table, char *out, size_t size)
{
    size_t used = 0;
    for (int64_t row = -1; row < table->rows; row++)
        for (size_t i = 0; i < table->n_columns && used + 64 < size; i++) {
            const palt__table_column *c = table->columns + i;
            used += (size_t)snprintf(out + used, size - used, "%s", i ? " " : row < 0 ? "" : "|");
            if (row < 0)
                used += (size_t)snprintf(out + used, size - used, "%s:%c", c->name ? c->name : "", "ntw"[c->kind]);
            else if (isnan(c->value[row]))
                used += (size_t)snprintf(out + used, size - used, "?");
            else if (c->kind == PALT__CELLS_NUMBER)
                used += (size_t)snprintf(out + used, size - used, "%.17g", c->value[row]);
            else
                used += (size_t)snprintf(out + used, size - used, "%s", c->levels[(size_t)c->value[row]]);
        }
    return out;
}

static inline void check_table_refused(const char *path, const char *options, pal_status status, const char *needle)
{
    given g;
    pal_error err = {.status = PAL_OK};
    pal_note note = {"old"};
    const pal_data_options *o = parse_options(&g, options);
    palt__table *table = palt__table_read(context, path, o, &note, &err);
    char text[2048];
    ck_assert_msg(table == NULL, "read as %s, expected: %s", table ? table_text(table, text, sizeof text) : "", needle);
    ck_assert_msg(err.status == status, "%s instead of %s: %s", pal_status_text(err.status), pal_status_text(status),
                  err.text);
    check_line(&err, path, needle);
    ck_assert_str_eq(note.text, "old");
    ck_assert_ptr_null(palt__table_read(context, path, o, NULL, NULL));
}

#endif
