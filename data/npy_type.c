/* npy_type.c - the types of elements in .npy files: which are read, as what, and their conversion. */
#include "data/internal.h"

#include <math.h>
#include <string.h>

/* ---- The types -------------------------------------------------------------------------------------------------- */

/* Each gets the bytes of an element as a number, the first byte of a little-endian file in the lowest bits. */
static double of_bool(uint64_t bits) { return bits != 0; }
static double of_i1(uint64_t bits) { return (int8_t)bits; }
static double of_i2(uint64_t bits) { return (int16_t)bits; }
static double of_i4(uint64_t bits) { return (int32_t)bits; }
static double of_i8(uint64_t bits) { return (double)(int64_t)bits; }
static double of_unsigned(uint64_t bits) { return (double)bits; }

/* IEEE 754 binary16: sign, 5 bits of exponent, 10 bits of fraction. */
static double of_f2(uint64_t bits)
{
    const int exponent = (int)(bits >> 10 & 31);
    const double fraction = (double)(bits & 1023), sign = bits >> 15 & 1 ? -1 : 1;
    if (exponent == 31) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

static double of_f4(uint64_t bits)
{
    const uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return (double)value;
}

static double of_f8(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The upper half of a float32. */
static double of_bf16(uint64_t bits) { return of_f4(bits << 16); }

#define EXACT (UINT64_C(1) << 53) /* float64 has every integer up to here */
static bool fits_i8(uint64_t bits) { return bits <= EXACT || bits >= -EXACT; }
static bool fits_u8(uint64_t bits) { return bits <= EXACT; }

/* clang-format off */
static const palt__npy_type types[] = {
    {"f4", "float32", 4, PAL_F32, true,  of_f4,       NULL},
    {"f8", "float64", 8, PAL_F64, true,  of_f8,       NULL},
    {"u1", "uint8",   1, PAL_U8,  true,  of_unsigned, NULL},
    {"f2", "float16", 2, PAL_F32, false, of_f2,       NULL},
    {"b1", "bool",    1, PAL_F32, false, of_bool,     NULL},
    {"i1", "int8",    1, PAL_F32, false, of_i1,       NULL},
    {"i2", "int16",   2, PAL_F32, false, of_i2,       NULL},
    {"u2", "uint16",  2, PAL_F32, false, of_unsigned, NULL},
    {"i4", "int32",   4, PAL_F64, false, of_i4,       NULL},
    {"u4", "uint32",  4, PAL_F64, false, of_unsigned, NULL},
    {"i8", "int64",   8, PAL_F64, false, of_i8,       fits_i8},
    {"u8", "uint64",  8, PAL_F64, false, of_unsigned, fits_u8},
};
/* clang-format on */
enum { TYPES = sizeof types / sizeof *types };

const palt__npy_type *palt__npy_bfloat16(void)
{
    static const palt__npy_type type = {"V2", "bfloat16", 2, PAL_F32, false, of_bf16, NULL};
    return &type;
}

/* The types that are not read, by their letter. */
/* clang-format off */
static const struct {
    char letter;
    const char *name, *remedy;
} others[] = {
    {'f', "a float of another size", "save a.astype(numpy.float64)"},
    {'c', "complex",        "save numpy.abs(a), or numpy.hstack([a.real, a.imag])"},
    {'O', "Python objects", "save a.astype(numpy.float64)"},
    {'S', "texts",          "save a.astype(numpy.float64) if they are numbers"},
    {'a', "texts",          "save a.astype(numpy.float64) if they are numbers"},
    {'U', "texts",          "save a.astype(numpy.float64) if they are numbers"},
    {'T', "texts",          "save a.astype(numpy.float64) if they are numbers"},
    {'M', "dates",          "save (a - a.min()) / numpy.timedelta64(1, 'D')"},
    {'m', "time spans",     "save a / numpy.timedelta64(1, 's')"},
    {'V', "bytes without a type, such as bfloat16", "give --dtype bfloat16 if they are that, or save a.astype(numpy.float32)"},
};
/* clang-format on */

const palt__npy_type *palt__npy_type_find(const char *descr, size_t size, const char *path, pal_error *err)
{
    const bool ordered = size && strchr("<>|=", *descr);
    const char *code = descr + ordered;
    const size_t length = size - ordered;
    char shown[PALT__SHOWN_SIZE];
    for (size_t i = 0; i < TYPES; i++)
        if (length == 2 && memcmp(code, types[i].code, 2) == 0 && (types[i].size == 1 || strchr("<>", *descr)))
            return types + i;
    const char *name = "of an unknown type", *remedy = "save a.astype(numpy.float64)";
    for (size_t i = 0; length && i < sizeof others / sizeof *others; i++)
        if (*code == others[i].letter) {
            name = others[i].name;
            remedy = others[i].remedy;
        }
    pal_error_set(err, PAL_ERR_FORMAT, "%s: its elements are %s ('%s'), expected real numbers of at most 8 bytes: %s",
                  palt__shown_path(path), name, palt__shown_text(descr, size, shown), remedy);
    return NULL;
}

const char *palt__npy_descr(pal_dtype dtype)
{
    static const char *const descr[PAL_DTYPE_COUNT] = {[PAL_F32] = "<f4", [PAL_F64] = "<f8", [PAL_U8] = "|u1"};
    return (unsigned)dtype < PAL_DTYPE_COUNT ? descr[dtype] : NULL;
}

/* ---- The conversion --------------------------------------------------------------------------------------------- */

static uint64_t load(const unsigned char *at, size_t size, bool big)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)at[i] << 8 * (big ? size - 1 - i : i);
    return bits;
}

static void store(pal_tensor *to, size_t at, double value)
{
    if (to->dtype == PAL_F32)
        ((float *)to->data)[at] = (float)value;
    else if (to->dtype == PAL_F64)
        ((double *)to->data)[at] = value;
    else
        ((uint8_t *)to->data)[at] = (uint8_t)value;
}

typedef struct conversion {
    const unsigned char *from;
    pal_tensor *to;
    const palt__npy_header *header;
    size_t bad; /* the first element, in C order, that its dtype cannot hold; SIZE_MAX: none */
} conversion;

static void convert_one(conversion *c, size_t from, size_t to)
{
    const palt__npy_type *type = c->header->type;
    const uint64_t bits = load(c->from + from * type->size, type->size, c->header->big);
    if (type->fits && !type->fits(bits) && to < c->bad) c->bad = to;
    store(c->to, to, type->value(bits));
}

/* An array in Fortran order is one in C order with its axes reversed. In both, one axis has neighbours side by side:
 * the first here, the last there. Squares over these two axes keep the lines of both in the cache. */
static void convert_reversed(conversion *c)
{
    enum { SIDE = 32 };
    const pal_shape shape = c->header->shape;
    const size_t rows = (size_t)shape.dim[0], columns = (size_t)shape.dim[shape.rank - 1];
    size_t middle = 1;
    for (int32_t axis = 1; axis < shape.rank - 1; axis++) middle *= (size_t)shape.dim[axis];
    for (size_t m = 0; m < middle; m++) {
        size_t reversed = 0; /* the number of m if the first of the middle axes changes fastest */
        for (size_t rest = m, axis = (size_t)shape.rank - 2, stride = middle; axis > 0; axis--) {
            stride /= (size_t)shape.dim[axis];
            reversed += rest % (size_t)shape.dim[axis] * stride;
            rest /= (size_t)shape.dim[axis];
        }
        for (size_t i = 0; i < rows; i += SIDE)
            for (size_t j = 0; j < columns; j += SIDE)
                for (size_t k = i; k < i + SIDE && k < rows; k++)
                    for (size_t l = j; l < j + SIDE && l < columns; l++)
                        convert_one(c, (l * middle + reversed) * rows + k, (k * middle + m) * columns + l);
    }
}

pal_tensor *palt__npy_convert(const pal_tensor *bytes, const palt__npy_header *header, const char *path, pal_error *err)
{
    const palt__npy_type *type = header->type;
    conversion c = {bytes->data, pal_tensor_new(bytes->context, type->dtype, header->shape), header, SIZE_MAX};
    const size_t count = pal_tensor_count(bytes);
    if (!c.to) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to convert it", palt__shown_path(path));
        return NULL;
    }
    if (header->fortran && header->shape.rank > 1 && count)
        convert_reversed(&c);
    else
        for (size_t i = 0; i < count; i++) convert_one(&c, i, i);
    if (c.bad == SIZE_MAX) return c.to;
    const double value = pal_tensor_get(c.to, c.bad);
    const size_t row = header->shape.rank ? count / (size_t)header->shape.dim[0] : 1;
    pal_error_set(
        err, PAL_ERR_FORMAT,
        "%s: sample %zu, element %zu (from 0) is about %.17g, beyond 2^53, where float64 has not every %s: save "
        "a.astype(numpy.float64)",
        palt__shown_path(path), c.bad / row, c.bad % row, value, type->name);
    pal_tensor_free(c.to);
    return NULL;
}
