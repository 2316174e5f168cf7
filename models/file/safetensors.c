/* safetensors.c - reads the format of checkpoints (huggingface.co/docs/safetensors): 8 bytes with the length of the
 * header, a JSON header, the data. Lengths are compared with the size of the file before memory is allocated, so a bad
 * file cannot request more memory than its size.
 *
 * The header says what there is; the data are then read once, each into the tensor that it is meant for, and hashed on
 * the way while they are in the cache. Reading and not mapping: a file that is cut meanwhile is an error, not a signal.
 */
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
    int descriptor; /* -1: closed */
    uint64_t data;  /* where the data start */
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

static pal_status no_memory(const char *path, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
}

static pal_status read_header(pal_safetensors *f, const char *path, pal_error *err)
{
    struct stat info;
    uint64_t length;
    if (fstat(f->descriptor, &info)) return cannot_read(path, err);
    if (!S_ISREG(info.st_mode)) return pal_error_set(err, PAL_ERR_IO, "%s: not a regular file", pal__short_path(path));
    uint64_t size = (uint64_t)info.st_size;
    if (size < PAL__LENGTH_SIZE)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: %llu bytes are too short for a safetensors file",
                             pal__short_path(path), (unsigned long long)size);
    if (!read_at(f->descriptor, &length, sizeof length, 0)) return cannot_read(path, err);
    if (length > size - PAL__LENGTH_SIZE || length > HEADER_MAX)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: bad header length: %llu bytes in a file of %llu",
                             pal__short_path(path), (unsigned long long)length, (unsigned long long)size);
    char *text = malloc(length + 1);
    if (!text) return no_memory(path, err);
    f->data = PAL__LENGTH_SIZE + length;
    if (read_at(f->descriptor, text, length, PAL__LENGTH_SIZE))
        return pal__header_parse(&f->header, text, length, size - f->data, path, err);
    free(text);
    return cannot_read(path, err);
}

/* The room that the data of slots without a tensor need on their way to nowhere. */
static size_t room_for_others(const pal__header *h)
{
    uint64_t most = 0;
    for (size_t i = 0; i < h->n; i++) {
        const uint64_t size = h->slots[i].tensor ? 0 : h->slots[i].end - h->slots[i].begin;
        if (size > most) most = size;
    }
    return most < PAL__BLOCK ? (size_t)most : PAL__BLOCK;
}

/* Reads the data of a slot block by block. nowhere: room for a block of a slot without a tensor. */
static bool read_data(const pal_safetensors *f, const pal__slot *s, char *nowhere, uint64_t *checksum)
{
    const uint64_t size = s->end - s->begin;
    *checksum = pal__checksum_slot(*checksum, s);
    for (uint64_t at = 0; at < size; at += PAL__BLOCK) {
        char *to = s->tensor ? (char *)s->tensor->data + at : nowhere;
        const size_t n = size - at < PAL__BLOCK ? (size_t)(size - at) : PAL__BLOCK;
        if (!read_at(f->descriptor, to, n, f->data + s->begin + at)) return false;
        *checksum = pal_hash(*checksum, to, n);
    }
    return true;
}

pal_status pal__safetensors_read(pal_safetensors *f, const char *path, pal_error *err)
{
    char found[24];
    uint64_t checksum = pal__checksum_metadata(&f->header);
    bool whole = true;
    const size_t room = room_for_others(&f->header);
    char *nowhere = room ? malloc(room) : NULL;
    if (room && !nowhere) return no_memory(path, err);
    for (size_t i = 0; whole && i < f->header.n; i++) whole = read_data(f, &f->header.slots[i], nowhere, &checksum);
    const pal_status status = whole ? PAL_OK : cannot_read(path, err);
    free(nowhere);
    close(f->descriptor);
    f->descriptor = -1;
    if (status) return status;
    pal__checksum_text(checksum, found);
    const char *expected = pal_safetensors_metadata(f, PAL__CHECKSUM);
    if (!expected || !strcmp(expected, found)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: damaged: the checksum is not that of the contents: restore a copy, or train again",
                         pal__short_path(path));
}

pal_safetensors *pal__safetensors_begin(pal_context *context, int folder, const char *path, pal_error *err)
{
    if (!context || !path || !*path) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "safetensors: needs a context and a path");
        return NULL;
    }
    pal_safetensors *f = calloc(1, sizeof *f);
    if (!f) {
        no_memory(path, err);
        return NULL;
    }
    /* O_NONBLOCK: do not wait for a pipe; it is refused */
    f->descriptor = (int)TEMP_FAILURE_RETRY(openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!(f->descriptor < 0 ? cannot_read(path, err) : read_header(f, path, err))) return f;
    pal_safetensors_free(f);
    return NULL;
}

pal_safetensors *pal_safetensors_open_at(pal_context *context, int folder, const char *path, pal_error *err)
{
    pal_safetensors *f = pal__safetensors_begin(context, folder, path, err);
    if (!f) return NULL;
    pal_status status = PAL_OK;
    for (size_t i = 0; !status && i < f->header.n; i++) {
        pal__slot *s = &f->header.slots[i];
        s->tensor = pal_tensor_new(context, s->dtype, s->shape);
        s->owned = true;
        if (!s->tensor) status = no_memory(path, err);
    }
    if (!status) status = pal__safetensors_read(f, path, err);
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
    for (size_t i = 0; i < f->header.n; i++)
        if (f->header.slots[i].owned) pal_tensor_free(f->header.slots[i].tensor);
    if (f->descriptor >= 0) close(f->descriptor);
    pal__header_free(&f->header);
    free(f);
}

pal__slot *pal__safetensors_slot(const pal_safetensors *f, const char *name)
{
    for (size_t i = 0; f && name && i < f->header.n; i++)
        if (!strcmp(f->header.slots[i].name, name)) return &f->header.slots[i];
    return NULL;
}

pal_tensor *pal_safetensors_find(const pal_safetensors *f, const char *name)
{
    const pal__slot *s = pal__safetensors_slot(f, name);
    return s ? s->tensor : NULL;
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
