/* target_table.c - text tables with words, read into columns. What is accepted is the same table after writing and
 * reading it again. The first byte of an input chooses the options. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"
#include "tests/fuzz/fuzz.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

/* clang-format off */
static const pal_setting choices[][2] = {
    {{"unused", ""}}, {{"header", "yes"}}, {{"header", "no"}}, {{"label", "1"}}, {{"id", "2"}, {"category", "1"}},
    {{"date", "1"}}, {{"ignore", "2"}}, {{"label", "b"}, {"header", "yes"}}, {{"separator", "blank"}},
    {{"separator", "comma"}}, {{"separator", "semicolon"}}, {{"category", "1,b"}, {"header", "no"}},
};
/* clang-format on */
enum { CHOICES = sizeof choices / sizeof *choices };

/* ---- Writing it again ---------------------------------------------------------------------------------------------
 */

/* A name that is a number would be taken for it, and one without letters for the name of an index. */
static bool is_clear(const palt__table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;
        if (table->header &&
            (!name || !*name || !name[strcspn(name, "abcdefghijklmnopqrstvwxyz")] || !strncmp(name, "Unnamed", 7)))
            return false;
    }
    return true;
}

static palt__table *again(const palt__table *table)
{
    const size_t n = table->n_columns, rows = (size_t)table->rows;
    pal_column *columns = calloc(n, sizeof *columns);
    double *values = malloc(n * rows * sizeof *values + 1);
    char *list = calloc(n + 1, 24), path[FUZZ_PATH];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const palt__table_column *c = table->columns + i;
        columns[i] = (pal_column){.name = c->name,
                                  .kind = (pal_column_kind)c->kind,
                                  .scale = 1,
                                  .levels = (const char *const *)c->levels,
                                  .n_levels = (int64_t)c->n_levels};
        if (c->kind == PALT__CELLS_TEXT) used += (size_t)sprintf(list + used, "%zu,", i + 1);
        for (size_t r = 0; r < rows; r++) values[r * n + i] = c->value[r];
    }
    const pal_setting given[] = {{"category", list}, {"header", table->header ? "yes" : "no"}, {"separator", "comma"}};
    const pal_data_options options = {.given = given, .n = 3};
    const pal_schema schema = {.columns = columns, .n_columns = (int64_t)n};
    pal_error err = {0};
    fuzz_require(!pal_table_write(fuzz_path("again.csv", path), &schema, values, rows, NULL, &err), "%s", err.text);
    palt__table *back = palt__table_read(context, path, &options, NULL, &err);
    fuzz_require(back, "what was written is refused: %s", err.text);
    free(columns);
    free(values);
    free(list);
    return back;
}

static void same(const palt__table *a, const palt__table *b)
{
    fuzz_require(a->rows == b->rows && a->n_columns == b->n_columns, "%lld rows of %zu, then %lld of %zu",
                 (long long)a->rows, a->n_columns, (long long)b->rows, b->n_columns);
    for (size_t i = 0; i < a->n_columns; i++) {
        const palt__table_column *x = a->columns + i, *y = b->columns + i;
        fuzz_require(x->missing == y->missing && x->n_levels == y->n_levels, "column %zu differs", i);
        fuzz_require(x->kind == y->kind || x->missing == a->rows, "column %zu has another kind", i);
        fuzz_require(!x->name == !y->name && (!x->name || !strcmp(x->name, y->name)), "column %zu is renamed", i);
        for (int64_t r = 0; r < a->rows; r++)
            fuzz_require(x->value[r] == y->value[r] || (isnan(x->value[r]) && isnan(y->value[r])), "row %lld differs",
                         (long long)r);
        for (size_t k = 0; k < x->n_levels; k++)
            fuzz_require(!strcmp(x->levels[k], y->levels[k]), "level %zu differs", k);
    }
}

/* What the header promises of every table. */
static void check(const palt__table *table)
{
    fuzz_require(table->rows > 0 && table->n_columns > 0, "an empty table");
    for (size_t i = 0; i < table->n_columns; i++) {
        const palt__table_column *c = table->columns + i;
        int64_t missing = 0;
        for (int64_t r = 0; r < table->rows; r++) {
            const double x = c->value[r];
            missing += isnan(x);
            fuzz_require(!isinf(x) &&
                             (c->kind == PALT__CELLS_NUMBER || isnan(x) || (x >= 0 && x < (double)c->n_levels)),
                         "a value of %g", x);
        }
        fuzz_require(missing == c->missing, "%lld missing, not %lld", (long long)missing, (long long)c->missing);
    }
}

static void run(const uint8_t *data, size_t size)
{
    if (!size) return;
    const pal_data_options options = {.given = choices[data[0] % CHOICES], .n = 2};
    pal_data_options some = options;
    if (!some.given[1].name) some.n = 1;
    pal_error err = {0};
    pal_note note = {""};
    palt__table *table = palt__table_read(context, fuzz_put("table.csv", data + 1, size - 1), &some, &note, &err);
    fuzz_outcome(table, &err);
    if (!table) return;
    fuzz_require(*note.text && !strchr(note.text, '\n'), "the note is %s", note.text);
    check(table);
    bool vague = false; /* a column of nothing but missing cells has no kind that could be kept */
    for (size_t i = 0; i < table->n_columns; i++) vague |= table->columns[i].missing == table->rows;
    palt__table *back = is_clear(table) && !vague ? again(table) : NULL;
    if (back) same(table, back);
    palt__table_free(back);
    palt__table_free(table);
}

/* ---- Inputs ---------------------------------------------------------------------------------------------------------
 */

/* clang-format off */
static const char *const words[] = {
    ",", ";", "\t", "|", " ", "\n", "\r\n", "\r", "\r\r\n", "\"", "\"\"", "#", "# comment\n", "sep=;\n", "\xef\xbb\xbf",
    "1,234.5", "1.234,5", "0,5", "NA", "nan", "?", "-", "none", "Na", "inf", "true", "False", "yes", "NO", "2020-01-31",
    "2020-01-31T12:30:59.5Z", "12:30", "$5", "5 %", "a,b,c\n", "name", "\"a\nb\"", "x1", "'", "1e5", "-0", "1 234",
    "\"1\"", ",\n", "\n\n", "0,1,2\n", "0,1,2,3\n", "2019,2020\n", "\xc3\xa4", "\xe9", "Unnamed: 0", "1e999", "5e-324", NULL,
};
static const char *const tables[] = {
    "1,2,3\n4,5,6\n", "a,b\n1,x\n2,y\n", "a;b\n1,5;x\n2,5;y\n", "a\tb\nx\t\ny\t2\n", "a b\n1 x\n2 \"y z\"\n",
    ",a,b\n0,1,x\n1,3,y\n2,5,x\n", "\"\",\"a\"\n\"r 1\",5\n\"r 2\",6\n", "\"a\",\"b\"\r\n\"1\",\"x \"\"y\"\"\"\r\n",
    "a,b\n1,\"two\nlines\"\n2,z\n", "a,b\nNA,x\n?,\n3,y\n", "a,b\ntrue,1\nfalse,2\n", "L,red\nM,red\nL,blue\n",
    "size,b\nL,red\nM,red\nL,blue\n", "5.5,red\n4.5,blue\n", "d,b\n2020-01-31,1\n2020-02-01,2\n", "sep=;\na;b\n1;2\n",
    "# c\na,b\n1,x\n", "a,b\n1,x,\n2,y,\n", "a,b\n1,x\n,\n2,y\n,\n\n", "0,1,2,3\n.5,1,7,2\n", "a,a,\n1,2,3\n", "a,b\nnone,1\n1,2\n",
};
/* clang-format on */

static size_t table(uint8_t *out, size_t room, uint64_t *rng)
{
    static const char separators[] = ",;\t| ";
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    static const char *const cells[] = {"x",  "y", "\"x y\"",    "",         "NA",  "yes",
                                        "no", "1", "2020-01-31", "\"a\nb\"", "none"};
    const char separator = separators[fuzz_below(rng, 5)], *end = ends[fuzz_below(rng, 3)];
    const size_t rows = 1 + fuzz_below(rng, 8), columns = 1 + fuzz_below(rng, 5);
    const bool header = !fuzz_chance(rng, 3);
    size_t at = 0, kind[5];
    out[at++] = (uint8_t)fuzz_below(rng, fuzz_chance(rng, 2) ? 2 : CHOICES);
    for (size_t c = 0; c < columns; c++) kind[c] = fuzz_below(rng, 3);
    for (size_t r = 0; r < rows + header; r++) {
        for (size_t c = 0; c < columns && at + 64 < room; c++) {
            char *to = (char *)out + at;
            if (header && !r)
                at += (size_t)snprintf(to, 64, "%c", (char)('a' + c));
            else if (kind[c] == 0 || fuzz_chance(rng, 30))
                at += (size_t)snprintf(to, 64, "%s", fuzz_number(rng));
            else if (kind[c] == 1)
                at +=
                    (size_t)snprintf(to, 64, "%.*g", (int)fuzz_below(rng, 10), (double)fuzz_below(rng, 4000) / 16 - 9);
            else
                at += (size_t)snprintf(to, 64, "%s", cells[fuzz_below(rng, sizeof cells / sizeof *cells)]);
            if (c + 1 < columns) out[at++] = (uint8_t)separator;
        }
        at += (size_t)snprintf((char *)out + at, 8, "%s", end);
    }
    return at;
}

/* A new table, or a line that comes twice, or a word. */
static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[2048];
    const size_t kind = fuzz_below(rng, 4);
    if (!kind) {
        fuzz_splice(b, 0, b->size, whole, table(whole, sizeof whole, rng));
    } else if (kind == 1 && b->size) {
        const size_t at = fuzz_below(rng, b->size);
        const uint8_t *end = memchr(b->data + at, '\n', b->size - at);
        const size_t n = end ? (size_t)(end - (b->data + at)) + 1 : 0;
        if (!n || n > sizeof whole) return;
        memcpy(whole, b->data + at, n);
        fuzz_splice(b, at, 0, whole, n);
    } else {
        const char *word = fuzz_word(words, rng);
        fuzz_splice(b, fuzz_below(rng, b->size + 1), fuzz_chance(rng, 2) ? strlen(word) : 0, word, strlen(word));
    }
}

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[2048];
    uint64_t rng = 4;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        whole[0] = 0;
        memcpy(whole + 1, tables[i], strlen(tables[i]));
        fuzz_seed(to, whole, 1 + strlen(tables[i]));
    }
    for (int i = 0; i < 40; i++) fuzz_seed(to, whole, table(whole, sizeof whole, &rng));
}

const fuzz_target target_table = {.name = "table",
                                  .summary = "text tables with words",
                                  .words = words,
                                  .most = 2048,
                                  .base = 2 << 20,
                                  .factor = 4 * 1032, /* as for gzip */
                                  .open = open_context,
                                  .close = close_context,
                                  .seeds = seeds,
                                  .run = run,
                                  .change = change};
