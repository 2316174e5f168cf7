/* tensor.c - arrays in memory, owned or borrowed. Owned data comes from the context's allocator, is 64-byte aligned and
 * starts as zeros. An empty tensor has a data pointer, too. */
#include "autograd/internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

static pal_tensor *new_tensor(pal_context *context, pal_dtype dtype, pal_shape shape, void *data)
{
    int64_t count = pal_shape_count(shape);
    size_t size = pal_dtype_size(dtype);
    if (!context || count < 0 || !size) return NULL;
    pal_tensor *t = pal__alloc(context, sizeof *t);
    if (!t) return NULL;
    *t = (pal_tensor){.data = data, .shape = pal__shape_clean(shape), .dtype = dtype, .context = context};
    if (data) return t;
    t->owned = true;
    t->data = pal__alloc(context, (size_t)count * size + !count);
    if (!t->data) {
        pal__free(context, t);
        return NULL;
    }
    return t;
}

pal_tensor *pal_tensor_new(pal_context *context, pal_dtype dtype, pal_shape shape)
{
    return new_tensor(context, dtype, shape, NULL);
}

pal_tensor *pal_tensor_wrap(pal_context *context, pal_dtype dtype, pal_shape shape, void *data)
{
    return data ? new_tensor(context, dtype, shape, data) : NULL;
}

void pal_tensor_free(pal_tensor *t)
{
    if (!t) return;
    if (t->owned) pal__free(t->context, t->data);
    pal__free(t->context, t);
}

size_t pal_tensor_count(const pal_tensor *t) { return t ? (size_t)pal_shape_count(t->shape) : 0; }
size_t pal_tensor_bytes(const pal_tensor *t) { return t ? pal_tensor_count(t) * pal_dtype_size(t->dtype) : 0; }

double pal_tensor_get(const pal_tensor *t, size_t i)
{
    if (i >= pal_tensor_count(t) || !t->data) return 0;
    /* Copies, since borrowed data need not be aligned. */
    union {
        float f32;
        double f64;
        int32_t i32;
        uint8_t u8;
    } x = {0};
    size_t size = pal_dtype_size(t->dtype);
    memcpy(&x, (const char *)t->data + i * size, size);
    switch (t->dtype) {
    case PAL_F32:
        return (double)x.f32;
    case PAL_F64:
        return x.f64;
    case PAL_I32:
        return x.i32;
    case PAL_U8:
    case PAL_BOOL:
        return x.u8;
    default:
        return 0;
    }
}

/* Borrowed data need not be aligned. */
typedef float loose_f32 __attribute__((aligned(1)));
typedef double loose_f64 __attribute__((aligned(1)));

static bool bad_f32(const void *data, size_t from, size_t n)
{
    const loose_f32 *x = (const loose_f32 *)data + from;
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) bad |= !(fabsf(x[i]) <= FLT_MAX);
    return bad;
}

static bool bad_f64(const void *data, size_t from, size_t n)
{
    const loose_f64 *x = (const loose_f64 *)data + from;
    int bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) bad |= !(fabs(x[i]) <= DBL_MAX);
    return bad;
}

/* Goes by blocks without a branch, so that it costs no more than reading the memory. */
size_t pal_tensor_finite(const pal_tensor *t)
{
    enum { BLOCK = 4096 };
    const size_t count = pal_tensor_count(t);
    if (!t || !t->data || (t->dtype != PAL_F32 && t->dtype != PAL_F64)) return count;
    bool (*const bad)(const void *, size_t, size_t) = t->dtype == PAL_F32 ? bad_f32 : bad_f64;
    size_t at = 0;
    while (at < count && !bad(t->data, at, count - at < BLOCK ? count - at : BLOCK)) at += BLOCK;
    while (at < count && !bad(t->data, at, 1)) at++;
    return at < count ? at : count;
}

/* Which numbers the integer types hold. */
static const struct {
    double low, high;
} whole[PAL_DTYPE_COUNT] = {[PAL_I32] = {INT32_MIN, INT32_MAX}, [PAL_U8] = {0, UINT8_MAX}};

bool pal__holds(pal_dtype dtype, double value)
{
    if (dtype == PAL_BF16) return false; /* reserved */
    if (!(whole[dtype].high > 0)) return true;
    return value >= whole[dtype].low && value <= whole[dtype].high && value == floor(value);
}

bool pal_tensor_set(pal_tensor *t, size_t i, double value)
{
    if (i >= pal_tensor_count(t) || !t->data || !pal__holds(t->dtype, value)) return false;
    pal__store(t->dtype, t->data, i, value);
    return true;
}

void pal__store(pal_dtype dtype, void *data, size_t i, double value)
{
    const float f32 = (float)value;
    const int32_t i32 = dtype == PAL_I32 ? (int32_t)value : 0;
    const uint8_t u8 = dtype == PAL_U8 ? (uint8_t)value : value != 0;
    const void *const from[PAL_DTYPE_COUNT] = {
        [PAL_F32] = &f32, [PAL_F64] = &value, [PAL_I32] = &i32, [PAL_U8] = &u8, [PAL_BOOL] = &u8};
    size_t size = pal_dtype_size(dtype);
    if (size && from[dtype]) memcpy((char *)data + i * size, from[dtype], size);
}
