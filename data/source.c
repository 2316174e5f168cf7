/* source.c - reads a file, compressed or not, without trusting the sizes in its header. */
#include "data/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *palt__shown_path(const char *path)
{
    const size_t most = 200, length = strlen(path);
    if (strcmp(path, "-") == 0) return "(standard input or output)";
    return length > most ? path + (length - most) : path;
}

const char *palt__shown_text(const char *text, size_t size, char buf[PALT__SHOWN_SIZE])
{
    char more[4 * PALT__SHOWN_SIZE];
    const size_t looked_at = size < PALT__SHOWN_SIZE ? size : PALT__SHOWN_SIZE;
    const size_t all = pal_text_clean(more, sizeof more, text, looked_at);
    const size_t used = pal_text_clean(buf, PALT__SHOWN_SIZE - 3, text, size);
    if (used < all || looked_at < size) memcpy(buf + used, "...", 4);
    return buf;
}

bool palt__has_ending(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + (length - tail), ending) == 0;
}

static pal_status fail_system(const char *path, int error, pal_error *err)
{
    return pal_error_set(err, error == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s: %s", palt__shown_path(path),
                         strerror(error));
}

pal_status palt__check_room(const pal_context *context, double bytes, const char *path, pal_error *err)
{
    if (bytes <= (double)pal_context_room(context)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_MEMORY,
                         "%s: needs about %.1f GB of memory, which is more than there is: give a smaller part of it",
                         palt__shown_path(path), bytes / 0x1p30);
}

pal_status palt__source_open(palt__source *source, const char *path, pal_error *err)
{
    *source = (palt__source){.path = path, .length = -1};
    if (!path) return pal_error_set(err, PAL_ERR_ARGUMENT, "no path of a file to read");
    const bool standard = strcmp(path, "-") == 0;
    const int file =
        standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (file < 0) return fail_system(path, errno, err);

    struct stat info;
    const int failed = fstat(file, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (failed) {
        close(file);
        return fail_system(path, failed, err);
    }
    const off_t begin = S_ISREG(info.st_mode) ? lseek(file, 0, SEEK_CUR) : -1; /* standard input may be partly read */
    int why;
    source->bytes = palt__bytes_open(file, &why);
    if (!source->bytes) {
        close(file);
        return fail_system(path, why, err);
    }
    if (begin >= 0 && !palt__bytes_are_packed(source->bytes)) source->length = (int64_t)(info.st_size - begin);
    return PAL_OK;
}

void palt__source_close(palt__source *source)
{
    palt__bytes_close(source->bytes);
    source->bytes = NULL;
}

static pal_status fail_read(const palt__source *source, int why, pal_error *err)
{
    if (why > 0) return fail_system(source->path, why, err);
    if (source->take)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: its data in the archive are damaged after %" PRIu64
                             " bytes, expected a complete file",
                             palt__shown_path(source->path), source->used);
    return pal_error_set(
        err, PAL_ERR_FORMAT, "%s: its gzip data are %s after %" PRIu64 " bytes, expected a complete file",
        palt__shown_path(source->path), why == PALT__BYTES_CUT ? "cut short" : "damaged", source->used);
}

static int take(const palt__source *source, void *out, size_t size, size_t *got)
{
    const int64_t n = source->take(source->user, out, size);
    *got = n > 0 ? (size_t)n : 0;
    return n < 0 ? PALT__BYTES_DAMAGED : 0;
}

pal_status palt__source_read(palt__source *source, void *out, size_t size, size_t *got, pal_error *err)
{
    char *to = out;
    *got = 0;
    while (*got < size) {
        size_t n;
        const int why = source->take ? take(source, to + *got, size - *got, &n)
                                     : palt__bytes_read(source->bytes, to + *got, size - *got, &n);
        if (why) return fail_read(source, why, err);
        if (!n) return PAL_OK;
        *got += n;
        source->used += n;
    }
    return PAL_OK;
}

pal_status palt__source_exact(palt__source *source, void *out, size_t size, const char *what, pal_error *err)
{
    size_t got = 0;
    const pal_status status = palt__source_read(source, out, size, &got, err);
    if (status != PAL_OK || got == size) return status;
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: ends after %" PRIu64 " bytes, inside %s, expected %" PRIu64 " more",
                         palt__shown_path(source->path), source->used, what, (uint64_t)(size - got));
}

static pal_status fail_length(const palt__source *source, const char *found, uint64_t bytes, uint64_t expected,
                              const char *type, pal_shape shape, pal_error *err)
{
    char text[96];
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: %s %" PRIu64 " bytes, expected %" PRIu64 " for its header and %s %s",
                         palt__shown_path(source->path), found, bytes, expected, type,
                         pal_shape_text(shape, text, sizeof text));
}

/* Reads up to size bytes of a file of unknown length. The buffer grows only with the data that really arrive. */
static char *read_growing(palt__source *source, size_t size, size_t *got, pal_error *err)
{
    size_t capacity = size < (1U << 20) ? size : 1U << 20;
    char *buffer = malloc(capacity ? capacity : 1);
    for (*got = 0; buffer;) {
        size_t arrived = 0;
        if (palt__source_read(source, buffer + *got, capacity - *got, &arrived, err) != PAL_OK) {
            free(buffer);
            return NULL;
        }
        *got += arrived;
        if (*got < capacity || capacity == size) return buffer;
        capacity = capacity < size / 2 ? capacity * 2 : size;
        char *more = realloc(buffer, capacity);
        if (!more) free(buffer);
        buffer = more;
    }
    fail_system(source->path, ENOMEM, err);
    return NULL;
}

/* Reads the data after the header: into *tensor if the length of the file is known, otherwise into the buffer *grown,
 * because only reading shows whether the data are there. */
static pal_status read_payload(palt__source *source, pal_tensor **tensor, char **grown, pal_context *context,
                               pal_dtype dtype, const char *type, pal_shape shape, size_t size, pal_error *err)
{
    const uint64_t expected = source->used + size;
    size_t got = 0;
    char extra;
    if (source->length >= 0) {
        if ((uint64_t)source->length != expected)
            return fail_length(source, "has", (uint64_t)source->length, expected, type, shape, err);
        const pal_status room = palt__check_room(context, (double)size, source->path, err);
        if (room != PAL_OK) return room;
        *tensor = pal_tensor_new(context, dtype, shape);
        if (!*tensor) return fail_system(source->path, ENOMEM, err);
        const pal_status status = palt__source_read(source, (*tensor)->data, size, &got, err);
        if (status != PAL_OK) return status;
    } else {
        *grown = read_growing(source, size, &got, err);
        if (!*grown) return PAL_ERR_IO; /* err has the exact status */
    }
    if (got < size) return fail_length(source, "ends after", source->used, expected, type, shape, err);
    /* Reading past the end also verifies the checksum of gzip data. */
    const pal_status status = palt__source_read(source, &extra, 1, &got, err);
    if (status == PAL_OK && got > 0)
        return fail_length(source, "continues after", expected, expected, type, shape, err);
    return status;
}

pal_tensor *palt__source_tensor(palt__source *source, pal_context *context, pal_dtype dtype, const char *type,
                                pal_shape shape, pal_error *err)
{
    const int64_t count = pal_shape_count(shape);
    size_t size = 0;
    if (count < 0 || __builtin_mul_overflow((uint64_t)count, pal_dtype_size(dtype), &size) || size > PTRDIFF_MAX / 2) {
        char text[96];
        pal_error_set(err, PAL_ERR_FORMAT, "%s: its header gives %s %s, expected sizes that fit into memory",
                      palt__shown_path(source->path), type, pal_shape_text(shape, text, sizeof text));
        return NULL;
    }
    pal_tensor *tensor = NULL;
    char *grown = NULL;
    pal_status status = read_payload(source, &tensor, &grown, context, dtype, type, shape, size, err);
    if (status == PAL_OK && grown) {
        tensor = pal_tensor_new(context, dtype, shape);
        if (tensor && size) memcpy(tensor->data, grown, size);
        if (!tensor) status = fail_system(source->path, ENOMEM, err);
    }
    free(grown);
    if (status == PAL_OK) return tensor;
    pal_tensor_free(tensor);
    return NULL;
}
