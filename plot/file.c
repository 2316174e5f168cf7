/* file.c - files that appear complete or not at all, and operations on paths.
 *
 * A new file is written under a temporary name in its own folder and renamed when it is complete. Readers therefore
 * never see half a picture, even after a full disk or an interruption. If path is a symbolic link, its target is
 * replaced and the link is kept. A path that is not a regular file (a device, a pipe) cannot be replaced and is written
 * in place.
 */
#include "models/models.h"
#include "plot/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *palt__join(const char *first, ...)
{
    va_list parts;
    size_t length = 1;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) length += strlen(part);
    va_end(parts);
    char *joined = malloc(length), *end = joined;
    if (joined == NULL) return NULL;
    va_start(parts, first);
    for (const char *part = first; part != NULL; part = va_arg(parts, const char *)) end = stpcpy(end, part);
    va_end(parts);
    *end = '\0';
    return joined;
}

/* Opens a new file next to path; its name has the process id and a counter. Returns -1 on failure, with errno set. */
static int open_temporary(palt__file *file)
{
    for (int i = 0; i < 1000; i++) {
        char suffix[48];
        snprintf(suffix, sizeof suffix, ".%ld-%d.part", (long)getpid(), i);
        free(file->temporary);
        file->temporary = palt__join(file->path, suffix, (char *)NULL);
        if (file->temporary == NULL) return -1;
        int descriptor = (int)TEMP_FAILURE_RETRY(open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (descriptor >= 0 || errno != EEXIST) return descriptor;
    }
    return -1;
}

static void forget(palt__file *file)
{
    free(file->path);
    free(file->temporary);
    *file = (palt__file){0};
}

pal_status palt__file_begin(palt__file *file, const char *path, pal_error *error)
{
    *file = (palt__file){0};
    if (path == NULL || path[0] == '\0') return pal_error_set(error, PAL_ERR_ARGUMENT, "no path to write to");
    struct stat existing;
    bool exists = stat(path, &existing) == 0, replace = !exists || S_ISREG(existing.st_mode);
    int descriptor = -1;
    file->path = exists && replace ? realpath(path, NULL) : strdup(path);
    if (file->path != NULL)
        descriptor = replace ? open_temporary(file) : (int)TEMP_FAILURE_RETRY(open(path, O_WRONLY | O_CLOEXEC));
    if (descriptor >= 0) file->stream = pal_write_stream(descriptor);
    if (file->stream != NULL) return PAL_OK;
    const char *slash = errno == ENOENT ? strrchr(path, '/') : NULL;
    if (slash != NULL)
        pal_error_set(error, PAL_ERR_IO, "%s: cannot write: make the folder %.*s first", path, (int)(slash - path),
                      path);
    else
        pal_error_set(error, PAL_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (descriptor >= 0) {
        close(descriptor);
        if (file->temporary != NULL) unlink(file->temporary);
    }
    forget(file);
    return PAL_ERR_IO;
}

pal_status palt__file_end(palt__file *file, pal_status status, pal_error *error)
{
    bool written = fflush(file->stream) == 0 && !ferror(file->stream);
    int why = errno;
    if (fclose(file->stream) != 0 && written) {
        written = false;
        why = errno;
    }
    if (status == PAL_OK && written && file->temporary != NULL && rename(file->temporary, file->path) != 0) {
        written = false;
        why = errno;
    }
    if (status == PAL_OK && !written)
        status = pal_error_set(error, PAL_ERR_IO, "%s: cannot write: %s", file->path, strerror(why));
    if (status != PAL_OK && file->temporary != NULL) unlink(file->temporary);
    forget(file);
    return status;
}
