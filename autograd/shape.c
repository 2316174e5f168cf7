/* shape.c - element types, shapes and broadcasting.
 *
 * Invariant: the elements of dim at and beyond the rank are zero, so shapes can be hashed and compared as bytes.
 * pal__shape_clean establishes this for shapes that come from the caller. */
#include "autograd/machine/internal.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool real;
} dtypes[PAL_DTYPE_COUNT] = {
    /* clang-format off */
    [PAL_F32]  = {"f32",  4, true},
    [PAL_F64]  = {"f64",  8, true},
    [PAL_I32]  = {"i32",  4, false},
    [PAL_U8]   = {"u8",   1, false},
    [PAL_BOOL] = {"bool", 1, false},
    [PAL_BF16] = {"bf16", 2, false},
    /* clang-format on */
};

size_t pal_dtype_size(pal_dtype dtype) { return (unsigned)dtype < PAL_DTYPE_COUNT ? dtypes[dtype].size : 0; }
const char *pal_dtype_name(pal_dtype dtype) { return (unsigned)dtype < PAL_DTYPE_COUNT ? dtypes[dtype].name : "?"; }
bool pal_dtype_real(pal_dtype dtype) { return (unsigned)dtype < PAL_DTYPE_COUNT && dtypes[dtype].real; }

int64_t pal_shape_count(pal_shape shape)
{
    if (shape.rank < 0 || shape.rank > PAL_MAX_RANK) return -1;
    /* One axis of 0 makes the count 0, but must not hide a negative axis or an overflow of the others. */
    int64_t count = 1, nonzero = 1;
    for (int a = 0; a < shape.rank; a++) {
        if (shape.dim[a] < 0) return -1;
        if (shape.dim[a] && __builtin_mul_overflow(nonzero, shape.dim[a], &nonzero)) return -1;
        count = shape.dim[a] ? count : 0;
    }
    return nonzero > INT64_MAX / 16 ? -1 : count * nonzero;
}

pal_shape pal__shape_clean(pal_shape shape)
{
    for (int a = shape.rank < 0 ? 0 : shape.rank; a < PAL_MAX_RANK; a++) shape.dim[a] = 0;
    return shape;
}

bool pal_shape_equal(pal_shape a, pal_shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank && i < PAL_MAX_RANK; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

bool pal_shape_broadcast(pal_shape a, pal_shape b, pal_shape *out)
{
    pal_shape r = {.rank = a.rank > b.rank ? a.rank : b.rank};
    if (a.rank < 0 || b.rank < 0 || r.rank > PAL_MAX_RANK) return false;
    for (int i = 1; i <= r.rank; i++) {
        int64_t x = i <= a.rank ? a.dim[a.rank - i] : 1, y = i <= b.rank ? b.dim[b.rank - i] : 1;
        if (x != y && x != 1 && y != 1) return false;
        r.dim[r.rank - i] = x == 1 ? y : x;
    }
    if (out) *out = r;
    return true;
}

const char *pal_shape_text(pal_shape shape, char *buf, size_t size)
{
    size_t used = 0;
    if (!buf) return "";
    if (size) buf[0] = 0;
    for (int a = 0; a < shape.rank && a < PAL_MAX_RANK && used < size; a++)
        used += (size_t)snprintf(buf + used, size - used, "%c%lld", a ? ',' : '[', (long long)shape.dim[a]);
    if (used < size) snprintf(buf + used, size - used, shape.rank ? "]" : "[]");
    return buf;
}

void pal__strides(pal_shape shape, int64_t *stride)
{
    int64_t s = 1;
    for (int a = PAL_MAX_RANK - 1; a >= 0; a--) {
        stride[a] = a < shape.rank ? s : 0;
        if (a < shape.rank) s *= shape.dim[a];
    }
}
