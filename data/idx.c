/* idx.c - reads the IDX format of MNIST.
 *
 * A file contains the magic number 00 00 TYPE RANK, the length of each axis as a big-endian 32-bit integer, and the
 * data.
 */
#include "data/internal.h"

enum { TYPE_U8 = 0x08, RANK_MAX = 4 };

static uint32_t load_big(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static pal_status read_header(palt__source *source, pal_shape *shape, pal_error *err)
{
    unsigned char bytes[4 * RANK_MAX];
    pal_status status = palt__source_exact(source, bytes, 4, "the magic number of an IDX file", err);
    if (status != PAL_OK) return status;
    const uint32_t magic = load_big(bytes), rank = magic & 0xff;
    if (magic >> 8 != TYPE_U8 || rank < 1 || rank > RANK_MAX)
        return pal_error_set(
            err, PAL_ERR_FORMAT,
            "%s: starts with 0x%08x, expected an IDX file of bytes (0x00000801 for labels, 0x00000803 for images)",
            palt__shown_path(source->path), (unsigned)magic);

    status = palt__source_exact(source, bytes, 4 * (size_t)rank, "the sizes of an IDX file", err);
    if (status != PAL_OK) return status;
    *shape = (pal_shape){.rank = (int32_t)rank};
    for (uint32_t axis = 0; axis < rank; axis++) {
        shape->dim[axis] = load_big(bytes + 4 * axis);
        if (shape->dim[axis] == 0)
            return pal_error_set(err, PAL_ERR_FORMAT, "%s: axis %u has length 0, expected at least 1",
                                 palt__shown_path(source->path), (unsigned)axis);
    }
    return PAL_OK;
}

pal_tensor *pal_idx_read(pal_context *context, const char *path, pal_error *err)
{
    palt__source source;
    pal_shape shape = PAL_SCALAR;
    pal_tensor *tensor = NULL;
    if (palt__source_open(&source, path, err) == PAL_OK && read_header(&source, &shape, err) == PAL_OK)
        tensor = palt__source_tensor(&source, context, PAL_U8, "u8", shape, err);
    palt__source_close(&source);
    return tensor;
}
