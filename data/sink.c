/* sink.c - where an array is written: a file that appears whole or not at all, a device or a pipe, or "-", which is
 * standard output. */
#include "data/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

pal_status palt__sink(const char *path, pal_write_fn write, void *user, pal_error *err)
{
    if (!path) return pal_error_set(err, PAL_ERR_ARGUMENT, "no path of a file to write");
    if (strcmp(path, "-") != 0) return pal_file_write(path, write, user, err);
    fflush(stdout); /* what was printed earlier must come first */
    const int why = write(STDOUT_FILENO, user);
    if (!why) return PAL_OK;
    return pal_error_set(err, why == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s: cannot write: %s", path, strerror(why));
}
