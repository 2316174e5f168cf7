/* replace.c - replaces a file as a whole: in its name is either the old file or the new one, never a part of one.
 *
 * The new file is written under a temporary name in the same folder, flushed to the disk, and renamed over the old one
 * in one step. A reader, also after a crash or on a full disk, therefore never sees half a file. Everything is done
 * relative to a descriptor of the folder, so that a folder that is renamed meanwhile is still the one that is written.
 */
#include "autograd/file.h"
#include "autograd/machine/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct place { /* where the file is */
    int folder;        /* a descriptor */
    bool own;          /* close it at the end */
    char *path;        /* owns the name; NULL: the caller owns it */
    const char *name;  /* in the folder, without a slash */
} place;

/* ---- Bytes ---------------------------------------------------------------------------------------------------- */

int pal_write_all(int descriptor, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size) {
        ssize_t n = write(descriptor, from, size < (1u << 30) ? size : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        from += n;
        size -= (size_t)n;
    }
    return 0;
}

static ssize_t stream_write(void *user, const char *bytes, size_t size)
{
    const int why = pal_write_all((int)(intptr_t)user, bytes, size);
    if (!why) return (ssize_t)size;
    errno = why;
    return 0; /* an error, for a stream */
}

static int stream_close(void *user)
{
    return close((int)(intptr_t)user) && errno != EINTR ? -1 : 0; /* after EINTR the descriptor is closed */
}

FILE *pal_write_stream(int descriptor)
{
    const cookie_io_functions_t functions = {.write = stream_write, .close = stream_close};
    return fopencookie((void *)(intptr_t)descriptor, "w", functions);
}

typedef struct printed {
    int descriptor;
    int why; /* the errno of the first write that failed */
} printed;

static ssize_t printed_write(void *user, const char *bytes, size_t size)
{
    printed *p = user;
    if (!p->why) p->why = pal_write_all(p->descriptor, bytes, size);
    return p->why ? 0 : (ssize_t)size;
}

int pal_write_printed(int descriptor, int (*print)(FILE *to, void *user), void *user)
{
    printed p = {.descriptor = descriptor};
    FILE *to = fopencookie(&p, "w", (cookie_io_functions_t){.write = printed_write});
    if (!to) return errno;
    const int why = print(to, user);
    bool failed = ferror(to);
    failed |= fclose(to) != 0;
    if (p.why) return p.why;
    return why || !failed ? why : EIO;
}

/* ---- The file ------------------------------------------------------------------------------------------------- */

static int open_at(int folder, const char *name, int flags)
{
    return (int)TEMP_FAILURE_RETRY(openat(folder, name, flags | O_CLOEXEC, 0666));
}

/* Finds the folder of a path. A symbolic link is kept, and its target is replaced. Returns 0, or an errno. */
static int find_path(place *p, const char *path)
{
    p->path = realpath(path, NULL);
    if (!p->path && errno == ENOENT) p->path = strdup(path);
    if (!p->path) return errno;
    char *slash = strrchr(p->path, '/');
    p->name = slash ? slash + 1 : p->path;
    if (!*p->name) return EISDIR;
    if (slash == p->path)
        p->folder = open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY);
    else {
        if (slash) *slash = 0;
        const char *folder = slash ? p->path : ".";
        p->folder = open_at(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY);
        /* A folder that may be written but not listed can be used, too; it cannot be flushed. */
        if (p->folder < 0 && errno == EACCES) p->folder = open_at(AT_FDCWD, folder, O_PATH | O_DIRECTORY);
    }
    p->own = p->folder >= 0;
    return p->own ? 0 : errno;
}

/* Creates a file with an unused name, NAME.PID-N.part. The kernel applies the umask to its mode. Returns the
 * descriptor; -1: failure, with errno set. */
static int open_temporary(const place *p, char temporary[NAME_MAX + 1])
{
    int descriptor = -1;
    errno = EEXIST;
    for (int i = 0; i < 1000 && descriptor < 0 && errno == EEXIST; i++) {
        if (snprintf(temporary, NAME_MAX + 1, "%s.%ld-%d.part", p->name, (long)getpid(), i) > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        descriptor = open_at(p->folder, temporary, O_WRONLY | O_CREAT | O_EXCL);
    }
    return descriptor;
}

/* Returns 0, or an errno; then the old file is as it was, and no temporary file is left. */
static int replace(const place *p, pal_write_fn write, void *user)
{
    char temporary[NAME_MAX + 1];
    int descriptor = open_temporary(p, temporary);
    if (descriptor < 0) return errno;
    int why = write(descriptor, user);
    if (!why && TEMP_FAILURE_RETRY(fsync(descriptor))) why = errno;
    if (close(descriptor) && errno != EINTR && !why) why = errno; /* after EINTR the file is closed; it is flushed */
    if (!why && TEMP_FAILURE_RETRY(renameat(p->folder, temporary, p->folder, p->name))) why = errno;
    if (why)
        TEMP_FAILURE_RETRY(unlinkat(p->folder, temporary, 0));
    else
        TEMP_FAILURE_RETRY(fsync(p->folder)); /* the new name, too; some file systems cannot, which is no failure */
    return why;
}

/* ---- What happened -------------------------------------------------------------------------------------------- */

const char *pal__short_path(const char *path)
{
    enum { SHOWN = 200 };
    size_t length = path ? strlen(path) : 0;
    if (!length) return "(no path)";
    return length > SHOWN ? path + length - SHOWN : path;
}

static pal_status say(const char *name, int why, pal_error *err)
{
    const char *shown = pal__short_path(name), *slash = strrchr(shown, '/');
    if (!why) return PAL_OK;
    if (why == ENOMEM) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", shown);
    if (why == ENOENT && slash)
        return pal_error_set(err, PAL_ERR_IO, "%s: cannot write: make the folder %.*s first", shown,
                             (int)(slash - shown), shown);
    return pal_error_set(err, PAL_ERR_IO, "%s: cannot write: %s", shown, strerror(why));
}

pal_status pal_file_replace(int folder, const char *name, pal_write_fn write, void *user, pal_error *err)
{
    place p = {.folder = folder, .name = name};
    struct stat old;
    if (!name || !*name || !write)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "writing a file: needs a name and a function that writes");
    if (folder != AT_FDCWD && (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: cannot write: a name in a folder has no slash",
                             pal__short_path(name));
    bool special = false;
    int why = folder == AT_FDCWD ? find_path(&p, name) : 0;
    if (!why && !fstatat(p.folder, p.name, &old, AT_SYMLINK_NOFOLLOW))
        special = !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode);
    if (!why && !special) why = replace(&p, write, user);
    if (p.own) close(p.folder);
    free(p.path);
    if (special) return pal_error_set(err, PAL_ERR_IO, "%s: cannot write: not a regular file", pal__short_path(name));
    return say(name, why, err);
}

static int write_in_place(const char *path, pal_write_fn write, void *user)
{
    const int descriptor = open_at(AT_FDCWD, path, O_WRONLY);
    if (descriptor < 0) return errno;
    const int why = write(descriptor, user);
    return close(descriptor) && errno != EINTR && !why ? errno : why;
}

pal_status pal_file_write(const char *path, pal_write_fn write, void *user, pal_error *err)
{
    struct stat old;
    if (path && *path && write && !stat(path, &old) && !S_ISREG(old.st_mode))
        return say(path, write_in_place(path, write, user), err);
    return pal_file_replace(AT_FDCWD, path, write, user, err);
}
