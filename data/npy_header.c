/* npy_header.c - parses and writes the Python dictionary that describes the array of a .npy file, for example
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
#include "data/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

typedef struct cursor { /* state of the parser; `at` is its position */
    const char *at, *begin, *end, *path;
    palt__npy_header *out;
    pal_error *err;
} cursor;

static pal_status fail_parse(const cursor *c, const char *expected)
{
    char shown[PALT__SHOWN_SIZE];
    return pal_error_set(c->err, PAL_ERR_FORMAT, "%s: its header has \"%s\" at character %td, expected %s",
                         palt__shown_path(c->path), palt__shown_text(c->at, (size_t)(c->end - c->at), shown),
                         c->at - c->begin, expected);
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

static bool take(cursor *c, const char *word)
{
    const size_t length = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return false;
    c->at += length;
    return true;
}

/* Takes a quoted text and returns its start and length; false if there is no quoted text. */
static bool take_string(cursor *c, const char **text, size_t *length)
{
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
    const char *end = memchr(c->at + 1, *c->at, (size_t)(c->end - c->at) - 1);
    if (!end) return false;
    *text = c->at + 1;
    *length = (size_t)(end - *text);
    c->at = end + 1;
    return true;
}

/* Whether the type is that of texts, such as '<U5' (characters of four bytes) or '|S5' (bytes). */
static bool parse_text(palt__npy_header *out, const char *text, size_t length)
{
    enum { MOST = 1 << 16 };
    const size_t ordered = length && strchr("<>|=", *text) ? 1 : 0;
    if (length < ordered + 2 || !strchr("USa", text[ordered])) return false;
    size_t size = 0;
    for (size_t i = ordered + 1; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || size > MOST) return false;
        size = 10 * size + (size_t)(text[i] - '0');
    }
    out->wide = text[ordered] == 'U';
    out->text = out->wide ? 4 * size : size;
    return size <= MOST;
}

static pal_status parse_bfloat16(cursor *c, const char *text, size_t length)
{
    static const char *const raw[] = {"|V2", "<V2", ">V2", "V2", "<u2", ">u2", "bfloat16"};
    char shown[PALT__SHOWN_SIZE];
    for (size_t i = 0; i < sizeof raw / sizeof *raw && !c->out->type; i++)
        if (length == strlen(raw[i]) && !memcmp(text, raw[i], length)) c->out->type = palt__npy_bfloat16();
    if (c->out->type) return PAL_OK;
    return pal_error_set(c->err, PAL_ERR_FORMAT,
                         "%s: its elements are of type '%s', expected bfloat16 ('|V2' or '<u2'): leave out --dtype",
                         palt__shown_path(c->path), palt__shown_text(text, length, shown));
}

static pal_status parse_descr(cursor *c)
{
    const char *text;
    size_t length;
    skip_blanks(c);
    const char *start = c->at;
    if (c->at < c->end && (*c->at == '[' || *c->at == '(')) {
        char shown[PALT__SHOWN_SIZE];
        return pal_error_set(c->err, PAL_ERR_FORMAT,
                             "%s: its elements are structures (\"%s\"), and only numbers are read: save "
                             "numpy.lib.recfunctions.structured_to_unstructured(a)",
                             palt__shown_path(c->path), palt__shown_text(start, (size_t)(c->end - start), shown));
    }
    if (!take_string(c, &text, &length)) return fail_parse(c, "a type such as '<f4' (float32)");
    c->out->big = length && *text == '>';
    if (c->out->texts && parse_text(c->out, text, length)) return PAL_OK;
    if (c->out->bfloat16) return parse_bfloat16(c, text, length);
    c->out->type = palt__npy_type_find(text, length, c->path, c->err);
    return c->out->type ? PAL_OK : PAL_ERR_FORMAT;
}

static pal_status parse_order(cursor *c)
{
    c->out->fortran = take(c, "True");
    return c->out->fortran || take(c, "False") ? PAL_OK : fail_parse(c, "'fortran_order': True or False");
}

static pal_status parse_shape(cursor *c)
{
    const char *expected = "a tuple of at most 6 sizes: save a.reshape(len(a), -1)";
    if (!take(c, "(")) return fail_parse(c, expected);
    pal_shape shape = PAL_SCALAR;
    while (!take(c, ")")) {
        int64_t size = 0;
        const char *start = c->at;
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *c->at - '0', &size))
                return fail_parse(c, "a size below 2^63");
        if (c->at == start || shape.rank == PAL_MAX_RANK) return fail_parse(c, expected);
        shape.dim[shape.rank++] = size;
        take(c, "L"); /* written by Python 2 */
        if (take(c, ",")) {
            skip_blanks(c);
        } else if (shape.rank == 1 || !take(c, ")")) {
            return fail_parse(c, "a comma in the tuple of sizes"); /* (3) is not a tuple, (3,) is */
        } else {
            break;
        }
    }
    c->out->shape = shape;
    return PAL_OK;
}

typedef struct key_row {
    const char *name;
    pal_status (*parse)(cursor *c);
} key_row;

static const key_row keys[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
enum { KEYS = sizeof keys / sizeof *keys };

static pal_status parse_entry(cursor *c, unsigned *seen)
{
    const char *name, *expected = "one each of 'descr', 'fortran_order' and 'shape'";
    size_t length;
    skip_blanks(c);
    const char *start = c->at;
    if (!take_string(c, &name, &length)) return fail_parse(c, expected);
    for (unsigned i = 0; i < KEYS; i++) {
        if (length != strlen(keys[i].name) || memcmp(name, keys[i].name, length) != 0 || (*seen & 1U << i)) continue;
        *seen |= 1U << i;
        return take(c, ":") ? keys[i].parse(c) : fail_parse(c, "a colon");
    }
    c->at = start;
    return fail_parse(c, expected);
}

pal_status palt__npy_parse(const char *text, size_t size, const char *path, palt__npy_header *out, pal_error *err)
{
    cursor c = {.at = text, .begin = text, .end = text + size, .path = path, .out = out, .err = err};
    unsigned seen = 0;
    bool more = true;
    if (!take(&c, "{")) return fail_parse(&c, "a dictionary");
    while (!take(&c, "}")) {
        if (!more) return fail_parse(&c, "a comma or the end of the dictionary");
        const pal_status status = parse_entry(&c, &seen);
        if (status != PAL_OK) return status;
        more = take(&c, ",");
    }
    if (seen != (1U << KEYS) - 1) return fail_parse(&c, "'descr', 'fortran_order' and 'shape' before the end");
    skip_blanks(&c);
    return c.at == c.end ? PAL_OK : fail_parse(&c, "nothing but blanks after the dictionary");
}

/* Appends a formatted text; returns the new length, which is always less than size. */
__attribute__((format(printf, 4, 5))) static size_t append(char *buf, size_t size, size_t used, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(buf + used, size - used, format, list);
    va_end(list);
    const size_t next = used + (n > 0 ? (size_t)n : 0);
    return next < size ? next : size - 1;
}

size_t palt__npy_print(const char *descr, pal_shape shape, char *buf, size_t size)
{
    size_t used = append(buf, size, 0, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int32_t axis = 0; axis < shape.rank; axis++)
        used = append(buf, size, used, axis ? " %" PRId64 "," : "%" PRId64 ",", shape.dim[axis]);
    if (shape.rank > 1) used--; /* (3, 4), but (3,) */
    return append(buf, size, used, "), }");
}
