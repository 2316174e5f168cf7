/* target_csv.c - text tables. What is accepted has the same numbers after writing and reading it again. */
#include <string.h>

#include "data/data.h"
#include "tests/fuzz/fuzz.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static void run(const uint8_t *data, size_t size) { fuzz_round_trip(context, data, size, pal_csv_read, pal_csv_write); }

/* clang-format off */
static const char *const words[] = {
    ",", ";", "\t", "|", " ", "\n", "\r\n", "\r", "\r\r\n", "\"", "\"\"", "#", "# comment\n", "sep=;\n", "\xef\xbb\xbf",
    "1,234.5", "1.234,5", "0,5", "NA", "nan", "?", "inf", "true", "2020-01-31", "12:30", "$5", "5 %", "a,b,c\n", "name",
    "x1", "'", "1e5", "-0", "+1", "1 234", "1'234", "\"1\"", ",\n", "\n\n", "0,1,2\n", "2019,2020\n", "-", "e", "\xc2\xa0",
    "3.4028236e38", "1e39", "1e-46", "00", "1.", ".1", NULL,
};
static const char *const tables[] = {
    "1,2,3\n4,5,6\n", "a,b\n1,2\n", "1;2\n3;4\n", "x;y\n0,5;1,5\n2,5;3\n", "1\t2\n3\t4\n", "1 2  3\n 4 5 6\n", "1|2\n3|4\n",
    ",a,b\n0,1,2\n1,3,4\n2,5,6\n", "\xef\xbb\xbf\x61,b\r\n1,2\r\n", "# a comment\n# another\n1,2\n", "1,2,\n3,4,\n",
    "sep=;\n1;2\n", "\"a\",\"b\"\n\"1\",\"2\"\n", "1\n2\n3\n", "1e-3,2E5,-3.5e+2\n", "a,b\n1,NA\n", "1,234.5\n2,345.6\n",
    "1,2\r3,4\r", "1,2\n\n3,4\n", "1,2\n3\n", "2019,2020\n1,2\n", "0.1,0.25\n0.3,1e-40\n", "1,2\n3,4\n,\n",
};
/* clang-format on */

static size_t table(uint8_t *out, size_t room, uint64_t *rng)
{
    static const char separators[] = ",;\t| ";
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    const char separator = separators[fuzz_below(rng, 5)], *end = ends[fuzz_below(rng, 3)];
    const size_t rows = 1 + fuzz_below(rng, 5), columns = 1 + fuzz_below(rng, 5);
    const bool commas = separator == ';' && fuzz_chance(rng, 2), header = fuzz_chance(rng, 3);
    size_t at = 0;
    for (size_t r = 0; r < rows + header; r++) {
        for (size_t c = 0; c < columns && at + 64 < room; c++) {
            char *to = (char *)out + at;
            if (header && !r)
                at += (size_t)snprintf(to, 64, "c%zu", c);
            else if (fuzz_chance(rng, 30))
                at += (size_t)snprintf(to, 64, "%s", fuzz_number(rng));
            else
                at +=
                    (size_t)snprintf(to, 64, "%.*g", (int)fuzz_below(rng, 10), (double)fuzz_below(rng, 4000) / 16 - 9);
            for (char *dot = commas ? strchr(to, '.') : NULL; dot; dot = NULL) *dot = ',';
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
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) fuzz_seed_text(to, tables[i]);
    for (int i = 0; i < 24; i++) fuzz_seed(to, whole, table(whole, sizeof whole, &rng));
}

const fuzz_target target_csv = {.name = "csv",
                                .summary = "text tables",
                                .words = words,
                                .most = 2048,
                                .base = 2 << 20,
                                .factor = 4 * 1032, /* as for gzip */
                                .open = open_context,
                                .close = close_context,
                                .seeds = seeds,
                                .run = run,
                                .change = change};
