/* arrays.h - shared by the suites of array files and data sets: a metered context, making files, and checking them. */
#ifndef PAL_TESTS_ARRAYS_H
#define PAL_TESTS_ARRAYS_H

#include <limits.h>
#include <math.h>
#include <zlib.h>

#include "data/data.h"
#include "tests/files.h"
#include "tests/testing.h"

typedef pal_tensor *(*reader)(pal_context *context, const char *path, pal_error *err);

static pal_context *context;
static meter memory;

static inline void set_up(void)
{
    memory = (meter){.left = LONG_MAX};
    context = metered_context(&memory);
}

static inline void tear_down(void) { pal_context_free(context); }

static inline const char *write_gz(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    gzFile file = gzopen(path, "wb9");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)size), (int)size);
    ck_assert_int_eq(gzclose(file), Z_OK);
    return path;
}

/* The error must be one line that contains the file's name and `needle`. */
static inline void check_line(const pal_error *err, const char *path, const char *needle)
{
    const char *name = strrchr(path, '/') + 1;
    ck_assert_msg(strstr(err->text, name) != NULL, "no \"%s\" in: %s", name, err->text);
    ck_assert_msg(strstr(err->text, needle) != NULL, "no \"%s\" in: %s", needle, err->text);
    ck_assert_msg(strchr(err->text, '\n') == NULL, "more than a line: %s", err->text);
}

static inline void check_refused(reader read, const char *path, pal_status status, const char *needle)
{
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = read(context, path, &err);
    ck_assert_msg(tensor == NULL, "%s was read, expected: %s", path, needle);
    ck_assert_msg(err.status == status, "%s instead of %s: %s", pal_status_text(err.status), pal_status_text(status),
                  err.text);
    check_line(&err, path, needle);
    ck_assert_ptr_null(read(context, path, NULL)); /* the error argument is optional */
}

static inline pal_tensor *check_read(reader read, const char *path, pal_dtype dtype, pal_shape shape)
{
    char text[96];
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = read(context, path, &err);
    ck_assert_msg(tensor != NULL, "%s", err.text);
    ck_assert_int_eq(err.status, PAL_OK);
    ck_assert_int_eq(tensor->dtype, dtype);
    ck_assert_msg(pal_shape_equal(tensor->shape, shape), "%s", pal_shape_text(tensor->shape, text, sizeof text));
    return tensor;
}

static inline void check_equal(const pal_tensor *a, const pal_tensor *b)
{
    ck_assert_uint_eq(pal_tensor_bytes(a), pal_tensor_bytes(b));
    ck_assert_int_eq(memcmp(a->data, b->data, pal_tensor_bytes(a)), 0);
}

/* Writes the magic number, the sizes and the bytes 1, 2, 3, ... as far as there is room. Returns the length. */
static inline size_t make_idx(char *out, size_t room, uint32_t magic, pal_shape shape)
{
    size_t used = 0;
    for (int axis = -1; axis < shape.rank; axis++) {
        const uint32_t word = axis < 0 ? magic : (uint32_t)shape.dim[axis];
        for (int shift = 24; shift >= 0; shift -= 8) out[used++] = (char)(word >> shift & 0xff);
    }
    const int64_t count = pal_shape_count(shape);
    for (int64_t i = 1; i <= count && used < room; i++) out[used++] = (char)i;
    return used;
}

static inline pal_tensor *make_tensor(pal_dtype dtype, pal_shape shape)
{
    pal_tensor *tensor = pal_tensor_new(context, dtype, shape);
    ck_assert_ptr_nonnull(tensor);
    for (size_t i = 0; i < pal_tensor_count(tensor); i++)
        pal_tensor_set(tensor, i, dtype == PAL_U8 ? (double)(i % 256) : sin((double)i) * exp((double)(i % 60) - 30));
    return tensor;
}

#endif
