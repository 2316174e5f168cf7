/* array_labels.c - the labels of samples, from an array of numbers or texts: a class for each different value. */
#include "data/arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 256, LONGEST = 256 /* bytes of the name of a class, with its NUL */ };

typedef struct value { /* of one label */
    double number;
    char name[LONGEST];
} value;

typedef struct labels {
    const palt__npy_header *header;
    const pal_tensor *from;
    const char *path;
    value *classes; /* found so far, sorted */
    size_t n;
    bool numbers; /* sorted by number, not by name */
} labels;

/* ---- One label -------------------------------------------------------------------------------------------------- */

static size_t put_utf8(uint32_t c, char *out)
{
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n < 2 ? 0 : n] | c);
    return n;
}

static uint32_t load(const unsigned char *at, bool big)
{
    return big ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* The text of a label as it can be shown: NumPy fills it up with zeros. */
static const char *read_text(const labels *l, size_t i, value *out)
{
    const size_t bytes = l->header->text, step = l->header->wide ? 4 : 1;
    const unsigned char *at = (const unsigned char *)l->from->data + i * bytes;
    char text[LONGEST + 4];
    size_t length = 0, size = bytes;
    while (size && !at[size - 1]) size--;
    for (size_t k = 0; k < size; k += step) {
        const uint32_t c = l->header->wide ? load(at + k, l->header->big) : at[k];
        if (length >= LONGEST || c > 0x10ffff) return "is longer than 255 bytes, or no text";
        if (l->header->wide)
            length += put_utf8(c, text + length);
        else
            text[length++] = (char)c;
    }
    if (!length) return "is empty";
    if (pal_text_clean(out->name, sizeof out->name, text, length) + 1 >= sizeof out->name)
        return "is longer than 255 bytes";
    return NULL;
}

static const char *read_number(const labels *l, size_t i, value *out)
{
    static const char *const truths[] = {"False", "True"};
    const double x = pal_tensor_get(l->from, i);
    if (!(fabs(x) <= 0x1p53) || x != floor(x)) return "is not a whole number";
    out->number = x + 0.0; /* no negative zero */
    if (strcmp(l->header->type->name, "bool") == 0)
        snprintf(out->name, sizeof out->name, "%s", truths[x != 0]);
    else
        snprintf(out->name, sizeof out->name, "%.0f", out->number);
    return NULL;
}

static const char *read_label(const labels *l, size_t i, value *out)
{
    return l->header->type ? read_number(l, i, out) : read_text(l, i, out);
}

/* ---- The classes ------------------------------------------------------------------------------------------------ */

static int compare(const labels *l, const value *a, const value *b)
{
    if (!l->numbers) return strcmp(a->name, b->name);
    return a->number < b->number ? -1 : a->number > b->number;
}

/* The first class that is not less than a value. */
static size_t place(const labels *l, const value *v)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (compare(l, &l->classes[middle], v) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static pal_status find_classes(labels *l, size_t n, pal_error *err)
{
    value v = {0};
    for (size_t i = 0; i < n; i++) {
        const char *why = read_label(l, i, &v);
        if (why)
            return pal_error_set(err, PAL_ERR_FORMAT,
                                 "%s: label %zu (from 0) %s, expected a whole number or a text for each sample",
                                 palt__shown_path(l->path), i, why);
        const size_t at = place(l, &v);
        if (at < l->n && compare(l, &l->classes[at], &v) == 0) continue;
        if (l->n == CLASSES)
            return pal_error_set(err, PAL_ERR_FORMAT,
                                 "%s: has more than %d different labels, expected classes: merge some, or leave out "
                                 "--label",
                                 palt__shown_path(l->path), CLASSES);
        memmove(l->classes + at + 1, l->classes + at, (l->n - at) * sizeof v);
        l->classes[at] = v;
        l->n++;
    }
    return PAL_OK;
}

/* Texts that are all whole numbers are in the order of the numbers. */
static void order_numbers(labels *l)
{
    for (size_t i = 0; i < l->n; i++) {
        char *end;
        const long long number = strtoll(l->classes[i].name, &end, 10);
        if (*end || number > 1LL << 53 || number < -(1LL << 53)) return;
        l->classes[i].number = (double)number;
    }
    for (size_t i = 1; i < l->n; i++) /* two spellings of a number, such as 1 and 01, are two classes */
        for (size_t k = 0; k < i; k++)
            if (l->classes[k].number == l->classes[i].number) return;
    l->numbers = true;
    for (size_t i = 1; i < l->n; i++)
        for (size_t k = i; k > 0 && compare(l, &l->classes[k - 1], &l->classes[k]) > 0; k--) {
            const value other = l->classes[k];
            l->classes[k] = l->classes[k - 1];
            l->classes[k - 1] = other;
        }
}

static pal_status store(const labels *l, palt__raw *raw, pal_error *err)
{
    const size_t n = (size_t)raw->values->shape.dim[0];
    pal_tensor *to = pal_tensor_new(raw->values->context, PAL_U8, PAL_SHAPE((int64_t)n));
    char **classes = calloc(l->n ? l->n : 1, sizeof *classes);
    bool good = to && classes;
    for (size_t i = 0; good && i < l->n; i++) good = (classes[i] = strdup(l->classes[i].name)) != NULL;
    if (!good) {
        pal_tensor_free(to);
        for (size_t i = 0; classes && i < l->n; i++) free(classes[i]);
        free(classes);
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(l->path));
    }
    value v = {0};
    for (size_t i = 0; i < n; i++) {
        read_label(l, i, &v);
        if (l->numbers && !l->header->type) v.number = (double)strtoll(v.name, NULL, 10);
        ((uint8_t *)to->data)[i] = (uint8_t)place(l, &v);
    }
    raw->labels = to;
    raw->classes = classes;
    raw->n_classes = l->n;
    return PAL_OK;
}

static pal_status check_shape(pal_shape shape, int64_t n, const char *path, pal_error *err)
{
    char text[96];
    if (shape.rank && shape.dim[0] == n && pal_shape_count(shape) == n) return PAL_OK;
    const bool hot = shape.rank == 2 && shape.dim[0] == n;
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: has the shape %s, expected labels [%lld], one for each sample%s",
                         palt__shown_path(path), pal_shape_text(shape, text, sizeof text), (long long)n,
                         hot ? ": save a.argmax(axis=1)" : "");
}

pal_status palt__array_labels(palt__raw *raw, palt__source *source, pal_error *err)
{
    const int64_t n = raw->values->shape.dim[0];
    palt__npy_header header = {.texts = true};
    pal_context *context = raw->values->context;
    labels l = {.header = &header, .path = source->path};
    pal_status status = palt__npy_begin(source, &header, err);
    if (status == PAL_OK) status = check_shape(header.shape, n, source->path, err);
    if (status != PAL_OK) return status;
    const pal_shape bytes = PAL_SHAPE(n, (int64_t)header.text);
    pal_tensor *from = header.type ? palt__npy_rest(source, context, &header, err)
                                   : palt__source_tensor(source, context, PAL_U8, "bytes of texts", bytes, err);
    l.from = from;
    l.numbers = header.type != NULL;
    if (!from) return PAL_ERR_FORMAT; /* err has the exact status */
    l.classes = malloc(CLASSES * sizeof *l.classes);
    status = l.classes ? find_classes(&l, (size_t)n, err)
                       : pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(source->path));
    if (status == PAL_OK && !l.numbers) order_numbers(&l);
    if (status == PAL_OK) status = store(&l, raw, err);
    free(l.classes);
    pal_tensor_free(from);
    return status;
}
