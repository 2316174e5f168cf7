/* safetensors_write.c - writes a safetensors file atomically: completely or not at all.
 *
 * The file is written under a temporary name in the same folder, flushed to the disk, and renamed over the old file in
 * one step. A reader therefore never sees half a checkpoint, and a full disk or a power failure leaves the old one. */
#include "models/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGN = 64 };

/* ---- The header ----------------------------------------------------------------------------------------------- */

static bool set_text(json_t *object, const char *key, const char *value)
{
    return key && value && json_object_set_new(object, key, json_string(value)) == 0;
}

/* Adds tensor t to the header. Returns what is wrong with it, or NULL. */
static const char *add_tensor(json_t *header, const pal_named_tensor *t, uint64_t *at)
{
    if (!t->name || !*t->name || !t->tensor) return "has no name or no data";
    const char *dtype = pal__safetensors_dtype(t->tensor->dtype);
    if (!dtype) return "has a type that the format does not support";
    if (!strcmp(t->name, "__metadata__") || json_object_get(header, t->name)) return "has a name that is taken";
    uint64_t end = *at + pal_tensor_bytes(t->tensor);
    json_t *shape = json_array();
    bool ok = shape != NULL;
    for (int a = 0; ok && a < t->tensor->shape.rank; a++)
        ok = json_array_append_new(shape, json_integer(t->tensor->shape.dim[a])) == 0;
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets", (json_int_t)*at,
                              (json_int_t)end);
    ok = ok && entry && json_object_set(header, t->name, entry) == 0;
    json_decref(entry);
    *at = end;
    return ok ? NULL : "has a name that is not UTF-8, or memory ran out";
}

/* The text of the header, padded with spaces so that the data start at a multiple of 64. NULL: out of memory. */
static char *header_text(const json_t *header, size_t *length)
{
    size_t size = json_dumpb(header, NULL, 0, JSON_COMPACT);
    *length = (size + 8 + ALIGN - 1) / ALIGN * ALIGN - 8;
    char *text = size ? malloc(*length) : NULL;
    if (!text) return NULL;
    memset(text, ' ', *length);
    json_dumpb(header, text, size, JSON_COMPACT);
    return text;
}

static char *make_header(const char *path, const pal_named_tensor *tensors, size_t n, const pal_setting *metadata,
                         size_t n_metadata, size_t *length, pal_error *err)
{
    json_t *header = json_object(), *texts = json_object();
    const char *wrong = NULL, *which = "metadata";
    uint64_t at = 0;
    char *text = NULL;
    for (size_t i = 0; i < n_metadata && !wrong; i++)
        if (!set_text(texts, metadata[i].name, metadata[i].value)) wrong = "is not text in UTF-8";
    if (n_metadata && !wrong && json_object_set(header, "__metadata__", texts)) wrong = "did not fit into memory";
    for (size_t i = 0; i < n && !wrong; i++)
        if ((wrong = add_tensor(header, &tensors[i], &at))) which = tensors[i].name ? tensors[i].name : "(unnamed)";
    if (wrong)
        pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %.100s %s", pal__short_path(path), which, wrong);
    else if (!(text = header_text(header, length)))
        pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
    json_decref(texts);
    json_decref(header);
    return text;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

static bool write_all(int descriptor, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size) {
        ssize_t n = write(descriptor, from, size < (1u << 30) ? size : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        from += n;
        size -= (size_t)n;
    }
    return true;
}

/* Creates a file with a new name in the folder of path. -1: failure, with errno set. */
static int open_temporary(const char *path, char **temporary)
{
    for (int i = 0; i < 1000; i++) {
        if (asprintf(temporary, "%s.%ld-%d.part", path, (long)getpid(), i) < 0) {
            *temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        int descriptor = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0) return descriptor;
        free(*temporary);
        *temporary = NULL;
        if (errno != EEXIST) return -1;
    }
    return -1;
}

/* Flushes the folder, so that the new name is on the disk too. Errors are ignored: some file systems cannot do this. */
static void flush_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    if (descriptor < 0) return;
    (void)!fsync(descriptor);
    close(descriptor);
}

static bool write_contents(int descriptor, const char *header, size_t length, const pal_named_tensor *tensors, size_t n)
{
    uint64_t size = length;
    bool ok = write_all(descriptor, &size, sizeof size) && write_all(descriptor, header, length);
    for (size_t i = 0; ok && i < n; i++)
        ok = write_all(descriptor, tensors[i].tensor->data, pal_tensor_bytes(tensors[i].tensor));
    return ok && fsync(descriptor) == 0;
}

/* path must not be a symbolic link. */
static bool replace(const char *path, const char *header, size_t length, const pal_named_tensor *tensors, size_t n)
{
    char *temporary = NULL;
    int descriptor = open_temporary(path, &temporary);
    if (descriptor < 0) return false;
    bool ok = write_contents(descriptor, header, length, tensors, n);
    int why = errno;
    if (close(descriptor) && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(temporary, path)) {
        ok = false;
        why = errno;
    }
    if (ok)
        flush_folder(path);
    else
        unlink(temporary);
    free(temporary);
    errno = why;
    return ok;
}

pal_status pal_safetensors_write(const char *path, const pal_named_tensor *tensors, size_t n,
                                 const pal_setting *metadata, size_t n_metadata, pal_error *err)
{
    size_t length = 0;
    struct stat info;
    if (!path || !*path) return pal_error_set(err, PAL_ERR_ARGUMENT, "safetensors: needs a path to write to");
    bool exists = stat(path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode))
        return pal_error_set(err, PAL_ERR_IO, "%s: cannot write: not a regular file", pal__short_path(path));
    pal_error why_not;
    char *header = make_header(path, tensors, n, metadata, n_metadata, &length, &why_not);
    if (!header) return pal_error_set(err, why_not.status, "%s", why_not.text);
    char *target = exists ? realpath(path, NULL) : strdup(path); /* keeps a link and replaces its target */
    bool ok = target && replace(target, header, length, tensors, n);
    int why = errno;
    free(target);
    free(header);
    return ok ? PAL_OK : pal_error_set(err, PAL_ERR_IO, "%s: cannot write: %s", pal__short_path(path), strerror(why));
}
