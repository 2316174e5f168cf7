/* shared.c - checks and files of the targets, and one run of a target with the checks of its memory. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Checks --------------------------------------------------------------------------------------------------- */

void fuzz_failed(const char *file, int line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    abort();
}

static uint64_t accepted;
void fuzz_accept(void) { accepted++; }
uint64_t fuzz_accepted(void) { return accepted; }

void fuzz_outcome(bool result, const pal_error *err)
{
    if (result) { /* an error that was met and mended on the way may have left a text */
        fuzz_accept();
        return;
    }
    fuzz_require(err->status != PAL_OK, "no result, and no error");
    fuzz_require(err->text[0], "an error without a text");
    fuzz_require(memchr(err->text, 0, sizeof err->text), "a text that does not end");
    for (const char *c = err->text; *c; c++)
        fuzz_require((unsigned char)*c >= ' ' && *c != 127, "an error with a control character: %s", err->text);
}

void fuzz_same_tensor(const pal_tensor *a, const pal_tensor *b)
{
    char s[96], t[96];
    fuzz_require(a && b, "a tensor is missing");
    fuzz_require(a->dtype == b->dtype && pal_shape_equal(a->shape, b->shape), "%s%s and %s%s", pal_dtype_name(a->dtype),
                 pal_shape_text(a->shape, s, sizeof s), pal_dtype_name(b->dtype),
                 pal_shape_text(b->shape, t, sizeof t));
    if (pal_tensor_bytes(a)) fuzz_require(!memcmp(a->data, b->data, pal_tensor_bytes(a)), "the values differ");
}

void fuzz_round_trip(pal_context *context, const void *data, size_t size, fuzz_reader *read, fuzz_writer *write)
{
    char out[FUZZ_PATH];
    pal_error err = {0};
    pal_tensor *t = read(context, fuzz_put("in", data, size), &err);
    fuzz_outcome(t, &err);
    if (t) {
        fuzz_require(write(t, fuzz_path("out", out), &err) == PAL_OK, "not written: %s", err.text);
        pal_tensor *again = read(context, out, &err);
        fuzz_require(again, "not read again: %s", err.text);
        fuzz_same_tensor(t, again);
        pal_tensor_free(again);
    }
    pal_tensor_free(t);
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

enum { FILES = 8 };
static char folder[64];
static struct {
    char name[32], path[FUZZ_PATH];
    int descriptor;
} files[FILES];

const char *fuzz_path(const char *name, char out[FUZZ_PATH])
{
    if (!*folder) {
        snprintf(folder, sizeof folder, "%s/palindrome-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        fuzz_require(mkdtemp(folder), "no folder for files");
    }
    snprintf(out, FUZZ_PATH, "%s/%s", folder, name);
    return out;
}

const char *fuzz_put(const char *name, const void *data, size_t size)
{
    size_t i = 0;
    while (i < FILES && files[i].name[0] && strcmp(files[i].name, name)) i++;
    fuzz_require(i < FILES, "too many files");
    if (!files[i].name[0]) {
        snprintf(files[i].name, sizeof files[i].name, "%s", name);
        files[i].descriptor = open(fuzz_path(name, files[i].path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        fuzz_require(files[i].descriptor >= 0, "%s: cannot be made", files[i].path);
    }
    const bool whole = pwrite(files[i].descriptor, data, size, 0) == (ssize_t)size;
    fuzz_require(whole && !ftruncate(files[i].descriptor, (off_t)size), "%s: cannot be written", files[i].path);
    return files[i].path;
}

void fuzz_files_remove(void)
{
    char command[sizeof folder + 16];
    if (!*folder) return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command)) fprintf(stderr, "%s: cannot be removed\n", folder);
    *folder = 0;
}

/* ---- One run -------------------------------------------------------------------------------------------------- */

static void run_once(const fuzz_target *target, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); /* of exactly this size, so that a sanitizer sees a read beyond its end */
    fuzz_require(copy, "out of memory");
    memcpy(copy, data, size);
    target->run(copy, size);
    free(copy);
}

void fuzz_run(const fuzz_target *target, const uint8_t *data, size_t size)
{
    enum { TRIES = 4 }; /* the first runs may fill what the C library keeps */
    if (size > target->most) size = target->most;
    for (int i = 0; i < TRIES; i++) {
        const size_t before = fuzz_memory_now();
        fuzz_memory_reset();
        run_once(target, data, size);
        const size_t peak = fuzz_memory_peak() - before, most = target->base + target->factor * size;
        fuzz_require(peak <= most, "%zu bytes of input took %zu bytes of memory, and the bound is %zu", size, peak,
                     most);
        if (fuzz_memory_now() <= before) return;
    }
    fuzz_failed(__FILE__, __LINE__, "memory is kept after each run");
}
