/* file.h - files that are written whole or not at all.
 *
 * Everything that the libraries and the program write goes this way: checkpoints, the files of a run, arrays, tables,
 * pictures, drawings of graphs. */
#ifndef PAL_FILE_H
#define PAL_FILE_H

#include <stdio.h>

#include "autograd/autograd.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Writes the contents of a file. Returns 0, or an errno. */
typedef int (*pal_write_fn)(int descriptor, void *user);

/* Replaces a file as a whole: `write` fills a temporary file in the same folder, which is flushed to the disk and
 * renamed over the old one. After a failure the old file is as it was, and the temporary file, NAME.PID-N.part, is
 * removed. folder: AT_FDCWD of <fcntl.h>, and name is a path; if it is a symbolic link, the link stays and its target
 * is replaced. Or folder is a descriptor, and name is a name in that folder, also if the folder is renamed meanwhile; a
 * symbolic link of that name is itself replaced, so that nothing outside the folder is changed. PAL_ERR_IO: the name is
 * that of something else than a file, or writing failed. The message begins with name. */
pal_status pal_file_replace(int folder, const char *name, pal_write_fn write, void *user, pal_error *err);
/* The same for a path that a user named, which may also be a device or a pipe: that is written in place. */
pal_status pal_file_write(const char *path, pal_write_fn write, void *user, pal_error *err);

/* Writes every byte, also if a signal or a short write comes between. Returns 0, or an errno. */
int pal_write_all(int descriptor, const void *bytes, size_t size);
/* A stream that writes to a descriptor as pal_write_all does, so that a signal loses nothing. fclose closes the
 * descriptor; the stream has no fileno. NULL: see errno, and the descriptor is still open. */
FILE *pal_write_stream(int descriptor);
/* Calls print with a stream to the descriptor, which stays open. Returns what print returns, which is 0 or an errno; or
 * why a byte could not be written. */
int pal_write_printed(int descriptor, int (*print)(FILE *to, void *user), void *user);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
