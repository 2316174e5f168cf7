/* safetensors.c - reads the format of checkpoints (huggingface.co/docs/safetensors): 8 bytes with the length of the
 * header, a JSON header, the data. Lengths are compared with the size of the file before memory is allocated, so a bad
 * file cannot request more memory than its size. */
#include "models/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian and is read without conversion");

enum { HEADER_MAX = 100000000 };

struct pal_safetensors {
    pal__header header;
};

/* Reads the whole range. False: failure, with errno set; errno 0: the file ends too early. */
static bool read_at(int descriptor, void *out, size_t size, uint64_t at)
{
    char *to = out;
    while (size) {
        ssize_t n = pread(descriptor, to, size < (1u << 30) ? size : 1u << 30, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = 0;
        if (n <= 0) return false;
        to += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

static pal_status cannot_read(const char *path, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_IO, "%s: cannot read: %s", pal__short_path(path),
                         errno ? strerror(errno) : "the file ends too early");
}

static pal_status read_header(pal_safetensors *f, int descriptor, const char *path, uint64_t *data, pal_error *err)
{
    struct stat info;
    uint64_t length;
    if (fstat(descriptor, &info)) return cannot_read(path, err);
    if (!S_ISREG(info.st_mode)) return pal_error_set(err, PAL_ERR_IO, "%s: not a regular file", pal__short_path(path));
    uint64_t size = (uint64_t)info.st_size;
    if (size < PAL__LENGTH_SIZE)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: %llu bytes are too short for a safetensors file",
                             pal__short_path(path), (unsigned long long)size);
    if (!read_at(descriptor, &length, sizeof length, 0)) return cannot_read(path, err);
    if (length > size - PAL__LENGTH_SIZE || length > HEADER_MAX)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: bad header length: %llu bytes in a file of %llu",
                             pal__short_path(path), (unsigned long long)length, (unsigned long long)size);
    char *text = malloc(length + 1);
    if (!text) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
    *data = PAL__LENGTH_SIZE + length;
    if (read_at(descriptor, text, length, PAL__LENGTH_SIZE))
        return pal__header_parse(&f->header, text, length, size - *data, path, err);
    free(text);
    return cannot_read(path, err);
}

/* Reads the data of a slot block by block, each of which is hashed while it is in the cache. */
static bool read_data(const pal__slot *s, int descriptor, uint64_t data, uint64_t *checksum)
{
    const uint64_t size = s->end - s->begin;
    *checksum = pal__checksum_slot(*checksum, s);
    for (uint64_t at = 0; at < size; at += PAL__BLOCK) {
        char *to = (char *)s->tensor->data + at;
        const size_t n = size - at < PAL__BLOCK ? (size_t)(size - at) : PAL__BLOCK;
        if (!read_at(descriptor, to, n, data + s->begin + at)) return false;
        *checksum = pal_hash(*checksum, to, n);
    }
    return true;
}

static pal_status read_tensors(pal_safetensors *f, pal_context *context, int descriptor, const char *path,
                               uint64_t data, pal_error *err)
{
    char found[24];
    uint64_t checksum = pal__checksum_metadata(&f->header);
    for (size_t i = 0; i < f->header.n; i++) {
        pal__slot *s = &f->header.slots[i];
        s->tensor = pal_tensor_new(context, s->dtype, s->shape);
        if (!s->tensor) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
        if (!read_data(s, descriptor, data, &checksum)) return cannot_read(path, err);
    }
    pal__checksum_text(checksum, found);
    const char *expected = pal_safetensors_metadata(f, PAL__CHECKSUM);
    if (!expected || !strcmp(expected, found)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: damaged: the checksum is not that of the contents: restore a copy, or train again",
                         pal__short_path(path));
}

pal_safetensors *pal_safetensors_open_at(pal_context *context, int folder, const char *path, pal_error *err)
{
    if (!context || !path || !*path) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "safetensors: needs a context and a path");
        return NULL;
    }
    pal_safetensors *f = calloc(1, sizeof *f);
    if (!f) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
        return NULL;
    }
    uint64_t data = 0;
    /* O_NONBLOCK: do not wait for a pipe; it is refused */
    int descriptor = (int)TEMP_FAILURE_RETRY(openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    pal_status status = descriptor < 0 ? cannot_read(path, err) : read_header(f, descriptor, path, &data, err);
    if (!status) status = read_tensors(f, context, descriptor, path, data, err);
    if (descriptor >= 0) close(descriptor);
    if (!status) return f;
    pal_safetensors_free(f);
    return NULL;
}

pal_safetensors *pal_safetensors_open(pal_context *context, const char *path, pal_error *err)
{
    return pal_safetensors_open_at(context, AT_FDCWD, path, err);
}

void pal_safetensors_free(pal_safetensors *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->header.n; i++) pal_tensor_free(f->header.slots[i].tensor);
    pal__header_free(&f->header);
    free(f);
}

pal_tensor *pal_safetensors_find(const pal_safetensors *f, const char *name)
{
    for (size_t i = 0; f && name && i < f->header.n; i++)
        if (!strcmp(f->header.slots[i].name, name)) return f->header.slots[i].tensor;
    return NULL;
}

pal_tensor *pal_safetensors_at(const pal_safetensors *f, size_t i, const char **name)
{
    if (!f || i >= f->header.n) return NULL;
    if (name) *name = f->header.slots[i].name;
    return f->header.slots[i].tensor;
}

const char *pal_safetensors_metadata(const pal_safetensors *f, const char *key)
{
    for (size_t i = 0; f && key && i < f->header.n_metadata; i++)
        if (!strcmp(f->header.metadata[i].name, key)) return f->header.metadata[i].value;
    return NULL;
}
