/* graph_write.c - writes a drawing to a file, completely or not at all: the text goes to a temporary file in the same
 * folder, which is then renamed. */
#include "autograd/text/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int to, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(to, text, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

static pal_status write_file(const char *path, const char *text, pal_error *err)
{
    char temporary[PATH_MAX], target[PATH_MAX];
    struct stat existing; /* a link to a file is followed */
    const bool follow = !stat(path, &existing) && S_ISREG(existing.st_mode) && realpath(path, target);
    int length = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", follow ? target : path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "graph: the name of the file is too long");
    int to = (int)TEMP_FAILURE_RETRY(open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (to < 0) return pal_error_set(err, PAL_ERR_IO, "graph: %.300s: %s", path, strerror(errno));
    bool ok = write_all(to, text, strlen(text));
    int error = ok ? 0 : errno;
    if (close(to) && errno != EINTR && ok) { /* after EINTR the file is closed */
        ok = false;
        error = errno;
    }
    if (ok && rename(temporary, follow ? target : path)) {
        ok = false;
        error = errno;
    }
    if (ok) return PAL_OK;
    unlink(temporary);
    return pal_error_set(err, PAL_ERR_IO, "graph: %.300s: %s", path, strerror(error));
}

pal_status pal_graph_write(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options,
                           const char *path, pal_error *err)
{
    if (!t || !path || !*path || (n && !outputs))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "graph: needs a tape, its outputs and a file name");
    char *text = pal_graph_text(t, outputs, n, options);
    if (!text) return pal_error_set(err, pal_tape_status(t), "%s", pal_tape_error(t));
    pal_status status = write_file(path, text, err);
    pal_text_free(pal_tape_context(t), text);
    return status;
}
