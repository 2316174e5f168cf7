/* npy_bytes.h - writes .npy files and .npz archives byte by byte, as NumPy does, for the suites of arrays. */
#ifndef PAL_TESTS_NPY_BYTES_H
#define PAL_TESTS_NPY_BYTES_H

#include <zip.h>

#include "tests/data/arrays.h"

/* The bytes of a .npy file; free() them. */
static inline char *npy_bytes(const char *descr, const char *shape, const void *data, size_t size, size_t *whole)
{
    char *bytes = calloc(1, 256 + size);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, "\x93NUMPY\1\0", 8);
    const int n = snprintf(bytes + 10, 200, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    const size_t header = ((size_t)n + 10 + 64) / 64 * 64;
    memset(bytes + 10 + n, ' ', header - 10 - (size_t)n);
    bytes[header - 1] = '\n';
    bytes[8] = (char)(header - 10);
    memcpy(bytes + header, data, size);
    *whole = header + size;
    return bytes;
}

static inline const char *put_npy(const char *name, const char *descr, const char *shape, const void *data, size_t size)
{
    size_t whole;
    char *bytes = npy_bytes(descr, shape, data, size, &whole);
    const char *path = write_file(name, bytes, whole);
    free(bytes);
    return path;
}

typedef struct npz_entry {
    const char *name, *descr, *shape;
    const void *data;
    size_t size;
} npz_entry;

static inline const char *put_npz(const char *name, const npz_entry *entries, size_t n, bool packed)
{
    const char *path = path_of(name);
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    ck_assert_ptr_nonnull(zip);
    for (size_t i = 0; i < n; i++) {
        char file[64];
        size_t whole;
        void *bytes = npy_bytes(entries[i].descr, entries[i].shape, entries[i].data, entries[i].size, &whole);
        snprintf(file, sizeof file, "%s.npy", entries[i].name);
        zip_source_t *source = zip_source_buffer(zip, bytes, whole, 1);
        ck_assert_int_eq(zip_file_add(zip, file, source, 0), (int)i);
        zip_set_file_compression(zip, i, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 9);
    }
    ck_assert_int_eq(zip_close(zip), 0);
    return path;
}

#endif
