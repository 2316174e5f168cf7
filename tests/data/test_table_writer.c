/* test_table_writer.c - tests that tables which are written are read back equal: by pal_table_write, and by a writer
 * of this file with any separator, quotes, line ends and decimal mark. */
#include "tests/data/tables.h"

Suite *table_writer_suite(void);

enum { COLUMNS = 6, ROWS = 18, TEXT = 24 };

typedef struct made {
    pal_column columns[COLUMNS];
    pal_schema schema;
    char names[COLUMNS][TEXT], words[COLUMNS][4][TEXT];
    const char *levels[COLUMNS][4];
    double values[ROWS * COLUMNS];
    size_t rows, n;
    char options[128];
} made;

static uint64_t below(uint64_t *rng, uint64_t n)
{
    *rng = *rng * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (*rng >> 33) % n;
}

static double random_number(uint64_t *rng)
{
    static const double hard[] = {0,
                                  -0.0,
                                  5e-324,
                                  2.2250738585072014e-308,
                                  1.7976931348623157e308,
                                  9007199254740993,
                                  0.1,
                                  1.0 / 3,
                                  123456789012345678,
                                  -1e15,
                                  1e22,
                                  1e23,
                                  0.3,
                                  1e-7,
                                  4.35,
                                  2.675};
    const uint64_t kind = below(rng, 4);
    if (kind == 0) return hard[below(rng, sizeof hard / sizeof *hard)];
    if (kind == 1) return (double)below(rng, 2000) - 1000;
    if (kind == 2) return (double)below(rng, 100000) / 1000;
    for (;;) {
        const uint64_t bits = below(rng, 1u << 31) << 33 ^ below(rng, 1u << 31) << 11 ^ below(rng, 2048);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (isfinite(x)) return x;
    }
}

/* A text that begins with a letter of its own, so that it is no number and no word for a missing cell. */
static void random_text(uint64_t *rng, char first, char *out)
{
    static const char *const parts[] = {"a",    "Z", " ", ",", ";",        "\t",           "|", "\"",  "\"\"", "\n",
                                        "\r\n", "#", "1", ".", "\xc3\xa4", "\xe2\x82\xac", "'", "sep="};
    size_t used = 0;
    out[used++] = first;
    for (uint64_t left = below(rng, 6); left > 0; left--) {
        const char *part = parts[below(rng, sizeof parts / sizeof *parts)];
        used += (size_t)sprintf(out + used, "%s", part);
    }
    out[used++] = 'x';
    out[used] = '\0';
}

/* The name of a column has no line ends, which the reader makes blanks of. */
static void random_name(uint64_t *rng, char first, char *out)
{
    random_text(rng, first, out);
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < ' ') *at = '_';
}

static void make(made *m, uint64_t seed, bool named)
{
    uint64_t rng = seed;
    size_t used = (size_t)sprintf(m->options, "header=%s category=", named ? "yes" : "no");
    m->n = 1 + below(&rng, COLUMNS);
    m->rows = 1 + below(&rng, ROWS);
    for (size_t i = 0; i < m->n; i++) {
        pal_column *c = m->columns + i;
        *c = (pal_column){.kind = (pal_column_kind)below(&rng, PAL_COLUMN_KINDS), .scale = 1};
        random_name(&rng, (char)('a' + i), m->names[i]);
        if (named) c->name = m->names[i];
        c->n_levels = c->kind == PAL_COLUMN_NUMBER ? 0 : c->kind == PAL_COLUMN_TRUTH ? 2 : 4;
        for (int64_t k = 0; k < c->n_levels; k++) {
            random_text(&rng, (char)('p' + k), m->words[i][k]);
            if (c->kind == PAL_COLUMN_TRUTH) strcpy(m->words[i][k], k ? "True" : "False");
            if (c->kind == PAL_COLUMN_CATEGORY && seed % 3 == 0) sprintf(m->words[i][k], "%d.5", (int)k - 2);
            m->levels[i][k] = m->words[i][k];
        }
        c->levels = c->n_levels ? m->levels[i] : NULL;
        if (c->kind == PAL_COLUMN_CATEGORY) used += (size_t)sprintf(m->options + used, "%zu,", i + 1);
        for (size_t r = 0; r < m->rows; r++)
            m->values[r * m->n + i] = below(&rng, 5) == 0            ? NAN
                                      : c->kind == PAL_COLUMN_NUMBER ? random_number(&rng)
                                                                     : (double)below(&rng, (uint64_t)c->n_levels);
    }
    m->schema = (pal_schema){.columns = m->columns, .n_columns = (int64_t)m->n};
}

static void check_back(const made *m, const char *options, const char *path)
{
    palt__table *table = read_table(path, options, NULL);
    ck_assert_int_eq(table->rows, (int64_t)m->rows);
    ck_assert_uint_eq(table->n_columns, m->n);
    for (size_t i = 0; i < m->n; i++) {
        const palt__table_column *c = table->columns + i;
        if (m->columns[i].name) ck_assert_str_eq(c->name, m->names[i]);
        ck_assert(m->columns[i].name || !c->name);
        for (size_t r = 0; r < m->rows; r++) {
            const double x = m->values[r * m->n + i], y = c->value[r];
            ck_assert_int_eq(isnan(x), isnan(y));
            if (isnan(x)) continue;
            if (m->columns[i].kind == PAL_COLUMN_NUMBER) {
                ck_assert_int_eq(c->kind, PALT__CELLS_NUMBER);
                ck_assert_msg(x == y && signbit(x) == signbit(y), "%.17g is read as %.17g", x, y);
            } else {
                ck_assert_str_eq(m->words[i][(size_t)x], c->levels[(size_t)y]);
            }
        }
        for (size_t k = 0; k + 1 < c->n_levels && m->columns[i].kind == PAL_COLUMN_CATEGORY; k++)
            ck_assert(strtod(c->levels[k], NULL) < strtod(c->levels[k + 1], NULL) ||
                      strcmp(c->levels[k], c->levels[k + 1]) < 0);
    }
    palt__table_free(table);
}

START_TEST(written_is_read)
{
    made *m = malloc(sizeof *m);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        pal_error err = {0};
        make(m, seed, seed % 4);
        ck_assert_int_eq(pal_table_write(path_of("x.csv"), &m->schema, m->values, m->rows, NULL, &err), PAL_OK);
        check_back(m, m->options, path_of("x.csv"));
    }
    free(m);
}
END_TEST

/* ---- Other writers ------------------------------------------------------------------------------------------------
 */

typedef struct dialect {
    char separator, point;
    const char *end;
    bool quote_all, mark, trailing;
} dialect;

static void put(FILE *to, const char *text, bool quote)
{
    if (quote) putc('"', to);
    for (; *text; text++) {
        if (*text == '"' && quote) putc('"', to);
        putc(*text, to);
    }
    if (quote) putc('"', to);
}

static void put_cell(FILE *to, const made *m, const dialect *d, size_t row, size_t column, const char *missing)
{
    const double x = m->values[row * m->n + column];
    char text[40];
    if (isnan(x)) {
        put(to, missing, d->quote_all || (!*missing && (m->n == 1 || !row || row + 1 == m->rows)));
        return;
    }
    if (m->columns[column].kind != PAL_COLUMN_NUMBER) {
        put(to, m->words[column][(size_t)x], true);
        return;
    }
    snprintf(text, sizeof text, "%.17g", x);
    if (strchr(text, '.')) *strchr(text, '.') = d->point;
    put(to, text, d->quote_all);
}

static void write_as(const made *m, const dialect *d, const char *path, uint64_t *rng)
{
    static const char *const missing[] = {"", "NA", "nan", "?", "NULL"};
    FILE *to = fopen(path, "w");
    ck_assert_ptr_nonnull(to);
    if (d->mark) fputs("\xef\xbb\xbf", to);
    for (size_t i = 0; i < m->n && m->columns[0].name; i++) {
        if (i) putc(d->separator, to);
        put(to, m->names[i], true);
    }
    if (m->columns[0].name) fputs(d->end, to);
    for (size_t r = 0; r < m->rows; r++) {
        for (size_t i = 0; i < m->n; i++) {
            if (i) putc(d->separator, to);
            put_cell(to, m, d, r, i, missing[d->separator == ' ' ? 1 + below(rng, 4) : below(rng, 5)]);
        }
        if (d->trailing) putc(d->separator, to);
        if (r + 1 < m->rows || below(rng, 2)) fputs(d->end, to);
    }
    fclose(to);
}

START_TEST(dialects_are_read)
{
    static const struct {
        char separator;
        const char *name;
    } separators[] = {{',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "bar"}, {' ', "blank"}};
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    made *m = malloc(sizeof *m);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t rng = seed * 77;
        make(m, seed, seed % 2);
        const size_t s = below(&rng, 5);
        const bool comma = separators[s].separator == ';' && below(&rng, 2);
        const dialect d = {.separator = separators[s].separator,
                           .point = comma ? ',' : '.',
                           .end = ends[below(&rng, 3)],
                           .quote_all = below(&rng, 2),
                           .mark = below(&rng, 2),
                           .trailing = m->n > 1 && separators[s].separator != ' ' && below(&rng, 4) == 0};
        char options[192];
        snprintf(options, sizeof options, "%s separator=%s", m->options, separators[s].name);
        write_as(m, &d, path_of("x.csv"), &rng);
        check_back(m, options, path_of("x.csv"));
    }
    free(m);
}
END_TEST

/* ---- What is written ------------------------------------------------------------------------------------------------
 */

static void check_written(const pal_schema *schema, const double *rows, size_t n, const char *const *ids,
                          const char *expected)
{
    char text[1024];
    pal_error err = {0};
    ck_assert_int_eq(pal_table_write(path_of("x.csv"), schema, rows, n, ids, &err), PAL_OK);
    text[read_file(path_of("x.csv"), text, sizeof text - 1)] = '\0';
    ck_assert_str_eq(text, expected);
}

START_TEST(writes)
{
    static const char *const truths[] = {"no", "yes"}, *const levels[] = {"a", "b, c", "say \"x\""};
    const pal_column columns[] = {
        {.name = "x", .scale = 1},
        {.name = "y, z", .kind = PAL_COLUMN_TRUTH, .scale = 1, .levels = truths, .n_levels = 2},
        {.name = "c", .kind = PAL_COLUMN_CATEGORY, .scale = 1, .levels = levels, .n_levels = 3}};
    const pal_schema schema = {.columns = columns, .n_columns = 3};
    const double rows[] = {0.1, 1, 0, 1e21, 0, 1, NAN, NAN, 2, NAN, NAN, NAN, -3, 7, -1, 5e-324, 1, 0};
    check_written(&schema, rows, 6, NULL,
                  "x,\"y, z\",c\n0.1,yes,a\n1e+21,no,\"b, c\"\n,,\"say \"\"x\"\"\"\n\"\",,\n-3,,\n5e-324,yes,a\n");
    const char *const ids[] = {"first", "#2"};
    check_written(&schema, rows, 2, ids, "id,x,\"y, z\",c\nfirst,0.1,yes,a\n\"#2\",1e+21,no,\"b, c\"\n");
    check_written(&schema, NULL, 0, NULL, "x,\"y, z\",c\n");
    const pal_column bare[] = {{.scale = 1}, {.scale = 1}};
    check_written(&(pal_schema){.columns = bare, .n_columns = 2}, (double[]){1, 234.5, 1, 300}, 2, NULL,
                  "1.0,234.5\n1,300\n");
}
END_TEST

START_TEST(writes_whole_or_not)
{
    const pal_column columns[] = {{.name = "x", .scale = 1}};
    const pal_schema schema = {.columns = columns, .n_columns = 1};
    const double rows[] = {1};
    pal_error err = {0};
    ck_assert_int_eq(pal_table_write(path_of("absent/x.csv"), &schema, rows, 1, NULL, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "x.csv"));
    ck_assert_int_eq(pal_table_write(path_of("x.csv"), NULL, rows, 1, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_table_write(NULL, &schema, rows, 1, NULL, &err), PAL_ERR_ARGUMENT);
}
END_TEST

Suite *table_writer_suite(void)
{
    Suite *suite = suite_create("table_writer");
    in_own_folder(add_case(suite, "table_writer", set_up, tear_down,
                           TESTS(written_is_read, dialects_are_read, writes, writes_whole_or_not)));
    return suite;
}
