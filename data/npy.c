/* npy.c - reads and writes NumPy's .npy files: magic text, version, length of the header, header, data. */
#include "data/internal.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the data of a file are copied without swapping bytes");

static const char magic[6] = "\x93NUMPY"; /* six bytes: the terminating NUL is left out on purpose */
enum { HEADER_MAX = 65535, ALIGN = 64 };

/* Reads the length of the dictionary, which is stored in 2 bytes in version 1 and in 4 bytes in later versions. */
static pal_status read_prefix(palt__source *source, size_t *length, pal_error *err)
{
    unsigned char bytes[8], sizes[4] = {0};
    const char *name = palt__shown_path(source->path);
    pal_status status = palt__source_exact(source, bytes, sizeof bytes, "the magic text of a .npy file", err);
    if (status != PAL_OK) return status;
    if (memcmp(bytes, "PK\3\4", 4) == 0)
        return pal_error_set(
            err, PAL_ERR_FORMAT,
            "%s: starts with 50 4b 03 04, as an .npz archive, expected a .npy file: give it a name that "
            "ends in .npz",
            name);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: starts with %02x %02x %02x %02x, expected a .npy file (93 4e 55 4d): write it with "
                             "numpy.save, or name a text file .csv",
                             name, bytes[0], bytes[1], bytes[2], bytes[3]);
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: has .npy version %d.%d, expected 1.0, 2.0 or 3.0", name,
                             bytes[6], bytes[7]);
    status = palt__source_exact(source, sizes, bytes[6] == 1 ? 2 : 4, "the header length of a .npy file", err);
    if (status != PAL_OK) return status;
    *length = (size_t)sizes[0] | (size_t)sizes[1] << 8 | (size_t)sizes[2] << 16 | (size_t)sizes[3] << 24;
    if (*length <= HEADER_MAX) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: has a header of %zu bytes, expected at most %d", name, *length,
                         HEADER_MAX);
}

pal_status palt__npy_begin(palt__source *source, palt__npy_header *header, pal_error *err)
{
    size_t length = 0;
    pal_status status = read_prefix(source, &length, err);
    if (status != PAL_OK) return status;
    char *text = malloc(length + 1);
    if (!text) return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(source->path));
    status = palt__source_exact(source, text, length, "the header of a .npy file", err);
    if (status == PAL_OK) status = palt__npy_parse(text, length, source->path, header, err);
    free(text);
    return status;
}

/* A type of the size of an element, in whose tensors the bytes of a file are read. */
static pal_dtype carrier(const palt__npy_type *type)
{
    static const pal_dtype of_size[] = {[1] = PAL_U8, [2] = PAL_BF16, [4] = PAL_I32, [8] = PAL_F64};
    return type->plain ? type->dtype : of_size[type->size];
}

static void write_note(const palt__npy_header *header, pal_note *note)
{
    const palt__npy_type *type = header->type;
    const char *scaled = type->dtype == PAL_U8 ? ": 0 to 255 becomes 0 to 1" : *type->code == 'f' ? "" : ", not scaled";
    if (!type->plain || type->dtype == PAL_U8 || header->big || header->fortran)
        palt__note_add(note, "%s%s", type->name, scaled);
    if (header->big && type->size > 1) palt__note_add(note, "big-endian");
    if (header->fortran) palt__note_add(note, "Fortran order");
}

pal_tensor *palt__npy_rest(palt__source *source, pal_context *context, const palt__npy_header *header, pal_error *err)
{
    const palt__npy_type *type = header->type;
    pal_tensor *tensor = palt__source_tensor(source, context, carrier(type), type->name, header->shape, err);
    if (!tensor || (type->plain && !header->big && (!header->fortran || header->shape.rank < 2))) return tensor;
    pal_tensor *converted = palt__npy_convert(tensor, header, source->path, err);
    pal_tensor_free(tensor);
    return converted;
}

pal_tensor *palt__npy_read(pal_context *context, const char *path, pal_note *note, pal_error *err)
{
    palt__source source;
    palt__npy_header header = {0};
    pal_tensor *tensor = NULL;
    if (palt__source_open(&source, path, err) == PAL_OK && palt__npy_begin(&source, &header, err) == PAL_OK)
        tensor = palt__npy_rest(&source, context, &header, err);
    palt__source_close(&source);
    if (tensor) write_note(&header, note);
    return tensor;
}

pal_tensor *pal_npy_read(pal_context *context, const char *path, pal_error *err)
{
    return palt__npy_read(context, path, NULL, err);
}

typedef struct contents {
    const pal_tensor *tensor;
    const char *descr;
} contents;

static int write_array(int descriptor, void *user)
{
    const contents *c = user;
    /* magic text, version, length of the rest, dictionary; blanks and a newline pad it to a multiple of ALIGN bytes */
    char text[5 * ALIGN];
    const size_t prefix = sizeof magic + 4;
    memset(text, ' ', sizeof text);
    memcpy(text, magic, sizeof magic);
    const size_t used = prefix + palt__npy_print(c->descr, c->tensor->shape, text + prefix, sizeof text - prefix);
    const size_t size = (used + ALIGN) / ALIGN * ALIGN;
    memset(text + used, ' ', size - used);
    text[size - 1] = '\n';
    text[6] = 1;
    text[7] = 0;
    text[8] = (char)((size - prefix) & 0xff);
    text[9] = (char)((size - prefix) >> 8);
    const int why = pal_write_all(descriptor, text, size);
    return why ? why : pal_write_all(descriptor, c->tensor->data, pal_tensor_bytes(c->tensor));
}

pal_status pal_npy_write(const pal_tensor *tensor, const char *path, pal_error *err)
{
    if (!tensor) return pal_error_set(err, PAL_ERR_ARGUMENT, "no tensor to write");
    const char *descr = palt__npy_descr(tensor->dtype);
    if (!descr)
        return pal_error_set(err, PAL_ERR_TYPE, "a .npy file cannot contain %s: give f32, f64 or u8",
                             pal_dtype_name(tensor->dtype));
    return palt__sink(path, write_array, &(contents){tensor, descr}, err);
}
