/* sink.c - writes a file that appears complete or not at all: it is written under a temporary name, then renamed. */
#include "data/internal.h"
#include "models/models.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pal_status fail_write(const palt__sink *sink, int error, pal_error *err)
{
    return pal_error_set(err, error == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s: cannot write: %s",
                         palt__shown_path(sink->path), strerror(error));
}

/* Opens a new file with an unused name in the same folder. Its mode follows the umask, unlike that of mkstemp. */
static int open_temporary(palt__sink *sink)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        if (asprintf(&sink->temporary, "%s.%ld-%d.tmp", sink->target, (long)getpid(), attempt) < 0) {
            sink->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        const int file = (int)TEMP_FAILURE_RETRY(open(sink->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (file >= 0) return file;
        const int error = errno;
        free(sink->temporary);
        sink->temporary = NULL;
        errno = error;
        if (error != EEXIST) return -1;
    }
    return -1;
}

static int open_file(palt__sink *sink)
{
    struct stat info;
    if (strcmp(sink->path, "-") == 0) {
        fflush(stdout); /* what was printed earlier must come first */
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    }
    /* A rename would replace a device or a pipe, so anything that is not a regular file is written in place. Of a link
     * to a file the file is replaced, and of one that leads nowhere the link. */
    const bool exists = stat(sink->path, &info) == 0;
    if (exists && !S_ISREG(info.st_mode))
        return (int)TEMP_FAILURE_RETRY(open(sink->path, O_WRONLY | O_TRUNC | O_CLOEXEC));
    sink->target = exists ? realpath(sink->path, NULL) : strdup(sink->path);
    return sink->target ? open_temporary(sink) : -1;
}

static void discard(palt__sink *sink)
{
    if (sink->temporary) unlink(sink->temporary);
    free(sink->temporary);
    free(sink->target);
    sink->temporary = sink->target = NULL;
}

pal_status palt__sink_open(palt__sink *sink, const char *path, pal_error *err)
{
    *sink = (palt__sink){.path = path};
    if (!path) return pal_error_set(err, PAL_ERR_ARGUMENT, "no path of a file to write");
    const int file = open_file(sink), why = errno;
    if (file < 0) {
        discard(sink);
        return fail_write(sink, why, err);
    }
    sink->file = pal_write_stream(file);
    sink->descriptor = file;
    if (sink->file) return PAL_OK;
    const int error = errno;
    close(file);
    discard(sink);
    return fail_write(sink, error, err);
}

void palt__sink_write(palt__sink *sink, const void *data, size_t size)
{
    if (sink->error || size == 0) return;
    errno = 0;
    if (fwrite(data, 1, size, sink->file) != size) sink->error = errno ? errno : EIO;
}

pal_status palt__sink_close(palt__sink *sink, pal_error *err)
{
    if (!sink->error && fflush(sink->file) != 0) sink->error = errno;
    /* The data must be on the disk before the file replaces the old one. */
    if (!sink->error && sink->temporary && TEMP_FAILURE_RETRY(fsync(sink->descriptor)) != 0 && errno != EINVAL)
        sink->error = errno;
    if (fclose(sink->file) != 0 && !sink->error) sink->error = errno;
    if (!sink->error && sink->temporary && rename(sink->temporary, sink->target) != 0) sink->error = errno;
    if (sink->error) {
        discard(sink);
        return fail_write(sink, sink->error, err);
    }
    free(sink->temporary);
    free(sink->target);
    sink->temporary = sink->target = NULL;
    return PAL_OK;
}
