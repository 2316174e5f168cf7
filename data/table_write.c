/* table_write.c - writes rows of a schema as text that table.c reads back as the same numbers, words and missing cells.
 *
 * A row without any value is written with a pair of quotes, since a line of separators alone may be what a spreadsheet
 * leaves at the end. Texts that the reader could take for a comment or for several fields are in quotes. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"

typedef struct job {
    const pal_schema *schema;
    const double *rows;
    size_t n;
    const char *const *ids;
    const char *name; /* of their column */
} job;

/* ---- Cells --------------------------------------------------------------------------------------------------------
 */

/* The fewest digits that give the same double: 15 always do if so few are enough, except for subnormal numbers. */
static void put_number(FILE *to, double x)
{
    char text[40];
    if (x == trunc(x) && fabs(x) < 1e15) {
        fprintf(to, "%.0f", x);
        return;
    }
    for (int digits = fabs(x) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    fputs(text, to);
}

/* alone: the only cell of its line, in which a blank would separate. bare: in a table without names, where two words of
 * digits could be one number. */
static bool needs_quotes(const char *text, bool alone, bool bare)
{
    const size_t size = strlen(text);
    if (!size) return false;
    if (text[strcspn(text, ",;|\t\"\r\n")] || (alone && strchr(text, ' '))) return true;
    if (bare && strchr("-0123456789", text[0])) return true;
    return text[0] == ' ' || text[size - 1] == ' ' || text[0] == '#' || !strncmp(text, "sep=", 4) ||
           (unsigned char)text[0] == 0xef;
}

static void put_text(FILE *to, const char *text, bool alone, bool bare)
{
    if (!needs_quotes(text, alone, bare)) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"') putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

static bool is_known(const pal_column *column, double x)
{
    return !isnan(x) && (column->kind == PAL_COLUMN_NUMBER || (x >= 0 && x < (double)column->n_levels));
}

/* ---- Lines --------------------------------------------------------------------------------------------------------
 */

static bool has_names(const pal_schema *schema)
{
    for (int64_t i = 0; i < schema->n_columns; i++)
        if (schema->columns[i].name) return true;
    return false;
}

static void put_header(FILE *to, const job *j)
{
    char name[64];
    const bool alone = j->schema->n_columns == 1 && !j->ids;
    if (j->ids) {
        put_text(to, j->name, false, false);
        putc(',', to);
    }
    for (int64_t i = 0; i < j->schema->n_columns; i++) {
        const char *own = j->schema->columns[i].name;
        if (i) putc(',', to);
        put_text(to, own ? own : pal_schema_name(j->schema, i, name, sizeof name), alone, false);
    }
    putc('\n', to);
}

/* Whether two numbers of a row without names could be one, such as 1,234.5. If they could in every row, the reader
 * would refuse the table, so in the first row the first of them gets a decimal. */
static bool looks_like_groups(const job *j, size_t row, int64_t column)
{
    if (row || column + 1 >= j->schema->n_columns || has_names(j->schema)) return false;
    const double x = j->rows[column], next = j->rows[column + 1];
    return x == trunc(x) && fabs(x) >= 1 && fabs(x) < 1000 && next >= 100 && next < 1000;
}

/* A separator at the end of each line would be taken for one that nothing follows, if there are no names. */
static bool ends_bare(const job *j, size_t row, int64_t column)
{
    return !row && column > 0 && column + 1 == j->schema->n_columns && !has_names(j->schema);
}

static void put_row(FILE *to, const job *j, size_t row)
{
    const pal_schema *schema = j->schema;
    const double *values = j->rows + row * (size_t)schema->n_columns;
    const bool bare = !has_names(schema);
    bool any = j->ids != NULL;
    for (int64_t i = 0; i < schema->n_columns && !any; i++) any = is_known(schema->columns + i, values[i]);
    if (j->ids) {
        put_text(to, j->ids[row], false, bare);
        putc(',', to);
    } else if (!any) {
        fputs("\"\"", to);
    }
    for (int64_t i = 0; i < schema->n_columns; i++) {
        const pal_column *column = schema->columns + i;
        if (i) putc(',', to);
        if (!is_known(column, values[i])) {
            if (ends_bare(j, row, i)) fputs("\"\"", to);
            continue;
        }
        if (column->kind != PAL_COLUMN_NUMBER) {
            put_text(to, column->levels[(size_t)values[i]], schema->n_columns == 1 && !j->ids, bare);
            continue;
        }
        put_number(to, values[i]);
        if (looks_like_groups(j, row, i)) fputs(".0", to);
    }
    putc('\n', to);
}

static int print(FILE *to, void *user)
{
    const job *j = user;
    if (has_names(j->schema)) put_header(to, j);
    for (size_t row = 0; row < j->n && !ferror(to); row++) put_row(to, j, row);
    return 0;
}

/* printf uses the locale of the thread, in which the decimal point may be a comma. */
static int write_all(int descriptor, void *user)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return ENOMEM;
    const locale_t before = uselocale(plain);
    const int why = pal_write_printed(descriptor, print, user);
    uselocale(before);
    freelocale(plain);
    return why;
}

pal_status pal_table_write_named(const char *path, const pal_schema *schema, const double *rows, size_t n,
                                 const char *const *ids, const char *name, pal_error *err)
{
    if (!schema || (n && !rows)) return pal_error_set(err, PAL_ERR_ARGUMENT, "no table to write");
    job j = {schema, rows, n, ids, name ? name : "id"};
    return palt__sink(path, write_all, &j, err);
}

pal_status pal_table_write(const char *path, const pal_schema *schema, const double *rows, size_t n,
                           const char *const *ids, pal_error *err)
{
    return pal_table_write_named(path, schema, rows, n, ids, NULL, err);
}
