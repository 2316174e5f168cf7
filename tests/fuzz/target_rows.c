/* target_rows.c - rows of text from standard input, as `palindrome detect` takes them. Rows that are accepted are
 * finite features that the schema can hold. The first byte of an input chooses the schema. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/detect.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 2048, AT_ONCE = 5, SCHEMAS = 3 };

static pal_schema *schemas[SCHEMAS]; /* the last one is NULL: rows of numbers */
static int own_input;

static void open_schemas(void)
{
    static const char *const words[] = {"red", "blue", "a b"};
    static const pal_column
        named[] = {{.name = "size", .kind = PAL_COLUMN_NUMBER, .offset = 2, .scale = 4},
                   {.name = "colour", .kind = PAL_COLUMN_CATEGORY, .scale = 1, .levels = words, .n_levels = 3},
                   {.name = "x1", .kind = PAL_COLUMN_NUMBER, .scale = 1}},
        nameless[] = {{.kind = PAL_COLUMN_NUMBER, .scale = 1}, {.kind = PAL_COLUMN_NUMBER, .scale = 2}};
    pal_error err = {0};
    schemas[0] = pal_schema_new(&(pal_schema){.columns = named, .n_columns = 3}, &err);
    schemas[1] = pal_schema_new(&(pal_schema){.columns = nameless, .n_columns = 2}, &err);
    fuzz_require(schemas[0] && schemas[1], "%s", err.text);
    own_input = dup(STDIN_FILENO);
    fuzz_catch_open();
}

static void close_schemas(void)
{
    for (int i = 0; i < SCHEMAS; i++) pal_schema_free(schemas[i]);
    if (own_input >= 0) dup2(own_input, STDIN_FILENO), close(own_input);
    fuzz_catch_close();
}

/* ---- One reading ------------------------------------------------------------------------------------------------- */

typedef struct reading {
    int status;
    size_t rows, most; /* most: lines of the input */
    float *x, *known;  /* [most, features] */
    fuzz_printed on_out, on_error;
} reading;

/* A pipe that holds these bytes becomes standard input. It is large enough for all of them. */
static void open_pipe(const uint8_t *data, size_t size)
{
    int ends[2];
    fuzz_require(!pipe(ends) && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO, "no pipe");
    fuzz_require(write(ends[1], data, size) == (ssize_t)size, "the pipe is full");
    close(ends[0]);
    close(ends[1]);
}

static void close_pipe(void)
{
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    close(nothing);
}

static void read_all(reading *r, const pal_schema *schema, size_t features, const uint8_t *data, size_t size)
{
    pal_cli_stream *s = pal_cli_stream_new(schema, features);
    fuzz_require(s, "no stream");
    open_pipe(data, size);
    fuzz_catch();
    for (size_t n = 1; r->status == PAL_CLI_GO_ON && n; r->rows += n) {
        const size_t room = r->most - r->rows < AT_ONCE ? r->most - r->rows : AT_ONCE;
        n = 0;
        if (room)
            r->status = pal_cli_stream_take(s, room, r->x + r->rows * features, r->known + r->rows * features, &n);
    }
    fuzz_release(&r->on_out, &r->on_error);
    pal_cli_stream_free(s);
    close_pipe();
}

static void run(const uint8_t *data, size_t size)
{
    if (!size) return;
    const pal_schema *schema = schemas[data[0] % SCHEMAS];
    const size_t features = schema ? (size_t)schema->features : 3;
    reading r = {.status = PAL_CLI_GO_ON, .most = 1};
    for (size_t i = 1; i < size; i++) r.most += data[i] == '\n';
    r.x = malloc(r.most * features * sizeof *r.x);
    r.known = malloc(r.most * features * sizeof *r.known);
    fuzz_require(r.x && r.known, "out of memory");
    read_all(&r, schema, features, data + 1, size - 1);
    for (size_t i = 0; i < r.rows * features; i++) {
        fuzz_require(r.known[i] == 0 || r.known[i] == 1, "a cell that is known by %g", (double)r.known[i]);
        fuzz_require(isfinite(r.x[i]), "row %zu has %g", i / features, (double)r.x[i]);
        fuzz_require(schema || r.known[i] == 1, "a missing number without a schema");
    }
    if (r.status == PAL_CLI_GO_ON) {
        fuzz_accept();
        fuzz_require(!r.on_out.bytes && r.on_error.lines <= 1 && !r.on_error.odd, "%zu lines", r.on_error.lines);
    } else { /* a word that is new may have been told before */
        fuzz_require(r.status == PAL_CLI_FAILED && !r.on_out.bytes, "the status is %d", r.status);
        fuzz_require(r.on_error.lines >= 1 && r.on_error.lines <= 2 && !r.on_error.odd, "%zu lines", r.on_error.lines);
    }
    free(r.x);
    free(r.known);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

/* clang-format off */
static const char *const words[] = {
    ",", ";", "\t", "|", " ", "\n", "\r\n", "\"", "\"\"", "\xef\xbb\xbf", "size,colour,x1\n", "x1;colour;size\n", "red",
    "blue", "\"a b\"", "green", "NA", "?", "nan", "-inf", "1e39", "0,5", "0x1p4", "-", "colour", "1,2,3\n", "1,red,2\n", NULL,
};
static const char *const tables[] = {
    "1,red,2\n3,blue,4\n", "x1,colour,size\n1,red,2\n,?,\n", "size;more;colour;x1\n1,5;9;\"a b\";2,5\r\n", "1 2\n3 4\n",
    "1\t2\t3\n\n4\t5\t6", "1, 2, 3\n", "1,2\n1,2,3\n", "1,x,3\n", "a,b,c\n1,2,3\n",
};
/* clang-format on */

static void seeds(fuzz_seeds *to)
{
    for (int schema = 0; schema < SCHEMAS; schema++)
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            uint8_t whole[256] = {(uint8_t)schema};
            memcpy(whole + 1, tables[i], strlen(tables[i]));
            fuzz_seed(to, whole, 1 + strlen(tables[i]));
        }
}

const fuzz_target target_rows = {.name = "rows",
                                 .summary = "rows of text from standard input",
                                 .words = words,
                                 .most = MOST,
                                 .base = 1 << 18,
                                 .factor = 64,
                                 .open = open_schemas,
                                 .close = close_schemas,
                                 .seeds = seeds,
                                 .run = run};
