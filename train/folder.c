/* folder.c - a folder that stays the same one: it is opened once, and its files are read and written through its
 * descriptor. So a folder that is renamed while a run trains in it keeps its run, and another folder that gets its old
 * name is not touched. The path is for messages only.
 *
 * A file is replaced as a whole: a reader, also after a crash, sees either the old file or the new one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/internal.h"

const char *palt__short_path(const char *path)
{
    const size_t most = 200, length = strlen(path);
    return length > most ? path + (length - most) : path;
}

static pal_status fail(const char *path, const char *what, int error, pal_error *err)
{
    return pal_error_set(err, error == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s: %s: %s", palt__short_path(path), what,
                         strerror(error));
}

pal_status palt__folder_blame(const palt__folder *f, const pal_error *own, pal_error *err)
{
    const bool told = own->status != PAL_ERR_FORMAT || strstr(own->text, ": restore a copy");
    const char *remedy = told ? "" : ": restore the file from a copy of the run";
    return pal_error_set(err, own->status, "%s/%s%s", palt__short_path(f->path), own->text, remedy);
}

pal_status palt__folder_open(palt__folder *f, const char *path, pal_error *err)
{
    *f = (palt__folder){.path = strdup(path), .descriptor = -1};
    if (!f->path) return palt__no_memory(err);
    f->descriptor = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (f->descriptor >= 0) return PAL_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return pal_error_set(err, PAL_ERR_IO, "%s: %s: give the folder of a run", palt__short_path(path),
                             strerror(errno));
    return fail(path, "cannot open the folder", errno, err);
}

void palt__folder_close(palt__folder *f)
{
    if (f->descriptor >= 0) close(f->descriptor);
    free(f->path);
    *f = (palt__folder){.descriptor = -1};
}

pal_status palt__folder_lock(palt__folder *f, pal_error *err)
{
    f->locked = !TEMP_FAILURE_RETRY(flock(f->descriptor, LOCK_EX | LOCK_NB));
    if (f->locked || errno != EWOULDBLOCK) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s is being trained by another process: wait until it ends",
                         palt__short_path(f->path));
}

bool palt__folder_has(const palt__folder *f, const char *name)
{
    return f->descriptor >= 0 && (!faccessat(f->descriptor, name, F_OK, AT_EACCESS) || errno != ENOENT);
}

/* ---- What is in it -------------------------------------------------------------------------------------------- */

/* Whether this is a temporary file, FILE.ANY.part, that a process left which was killed while writing. */
static bool is_temporary(const char *name)
{
    static const char *const files[] = {PALT__RUN_JSON ".", PALT__METRICS ".", PALT__CHECKPOINT ".", PALT__SOURCE "."};
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const size_t begin = strlen(files[i]);
        if (length > begin + 5 && !strncmp(name, files[i], begin) && !strcmp(name + length - 5, ".part")) return true;
    }
    return false;
}

/* Calls visit with the name of each entry. false: the folder could not be read. */
static bool each_entry(const palt__folder *f, void (*visit)(const palt__folder *f, const char *name, void *user),
                       void *user)
{
    const int own = (int)TEMP_FAILURE_RETRY(
        openat(f->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); /* with a position of its own */
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    if (!entries && own >= 0) close(own);
    if (!entries) return false;
    for (const struct dirent *e; (e = readdir(entries));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) visit(f, e->d_name, user);
    closedir(entries);
    return true;
}

/* What a killed process may have left in a folder that it had begun, and whether there is something else. */
typedef struct half_made {
    const char *source; /* NULL: no file of this name belongs there */
    bool full;
} half_made;

/* Whether the file is just the source that the new run is about to write: taking it loses nothing. */
static bool is_source(const palt__folder *f, const char *name, const char *source)
{
    struct stat found;
    char *text = NULL;
    size_t size = 0;
    if (!source || strcmp(name, PALT__SOURCE) != 0) return false;
    if (fstatat(f->descriptor, name, &found, AT_SYMLINK_NOFOLLOW) || !S_ISREG(found.st_mode)) return false;
    if (palt__folder_read(f, name, PAL_SOURCE_MOST, &text, &size, NULL)) return false;
    const bool same = text && size == strlen(source) && !memcmp(text, source, size);
    free(text);
    return same;
}

static void find_other(const palt__folder *f, const char *name, void *user)
{
    half_made *half = user;
    half->full |= !is_temporary(name) && !is_source(f, name, half->source);
}

static void remove_temporary(const palt__folder *f, const char *name, void *user)
{
    (void)user;
    if (is_temporary(name)) unlinkat(f->descriptor, name, 0);
}

void palt__folder_sweep(const palt__folder *f) { each_entry(f, remove_temporary, NULL); }

/* ---- A new one ------------------------------------------------------------------------------------------------ */

/* Makes the folders above. If this fails, so does making the folder itself, which reports the reason. */
static pal_status make_parents(const char *path, pal_error *err)
{
    char *above = strdup(path);
    if (!above) return palt__no_memory(err);
    for (char *slash = strchr(above + 1, '/'); above[0] && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(above, 0777);
        *slash = '/';
    }
    free(above);
    return PAL_OK;
}

/* Locks an open folder, and checks that it is empty or half-made, for as long as it is locked. */
static pal_status take(palt__folder *f, const char *source, pal_error *err)
{
    half_made half = {.source = source};
    const pal_status status = palt__folder_lock(f, err);
    if (status) return status;
    if (!each_entry(f, find_other, &half)) return fail(f->path, "cannot read the folder", errno, err);
    if (half.full) return pal_error_set(err, PAL_ERR_EXISTS, "%s already exists", palt__short_path(f->path));
    if (faccessat(f->descriptor, ".", W_OK | X_OK, AT_EACCESS))
        return fail(f->path, "cannot write into the folder", errno, err);
    palt__folder_sweep(f);
    return PAL_OK;
}

pal_status palt__folder_make(palt__folder *f, const char *path, const char *source, pal_error *err)
{
    *f = (palt__folder){.descriptor = -1};
    pal_status status = make_parents(path, err);
    if (status) return status;
    const bool made = !mkdir(path, 0777);
    if (!made && errno != EEXIST) return fail(path, "cannot create the folder", errno, err);
    struct stat found;
    if (!made && (stat(path, &found) || !S_ISDIR(found.st_mode)))
        return pal_error_set(err, PAL_ERR_EXISTS, "%s already exists", palt__short_path(path));
    status = palt__folder_open(f, path, err);
    if (!status) status = take(f, source, err);
    f->made = made && !status; /* else another process may have taken it */
    return status;
}

void palt__folder_undo(palt__folder *f)
{
    if (!f->made) return;
    palt__folder_sweep(f);
    unlinkat(f->descriptor, PALT__SOURCE, 0); /* of this process: the folder was new */
    rmdir(f->path);                           /* only if it is empty */
}

const char *palt__folder_now(const palt__folder *f, char *out, size_t size)
{
    struct stat here, there;
    char link[64];
    if (fstat(f->descriptor, &here) ||
        (!stat(f->path, &there) && here.st_ino == there.st_ino && here.st_dev == there.st_dev))
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", f->descriptor);
    const ssize_t length = here.st_nlink ? readlink(link, out, size - 1) : -1;
    out[length > 0 ? length : 0] = 0;
    return out;
}

/* ---- Its files ------------------------------------------------------------------------------------------------ */

static pal_status unreadable(const palt__folder *f, const char *name, int error, pal_error *err)
{
    return pal_error_set(err, error == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s/%s: cannot read: %s",
                         palt__short_path(f->path), name, strerror(error));
}

/* Reads at most `room` bytes. Returns 0, or an errno. */
static int read_all(int descriptor, char *to, size_t room, size_t *got)
{
    ssize_t n = 1;
    for (*got = 0; *got < room && n; *got += (size_t)n) {
        n = TEMP_FAILURE_RETRY(read(descriptor, to + *got, room - *got));
        if (n < 0) return errno;
    }
    return 0;
}

static pal_status read_open(const palt__folder *f, int descriptor, const char *name, size_t most, char **text,
                            size_t *size, pal_error *err)
{
    struct stat found;
    if (fstat(descriptor, &found)) return unreadable(f, name, errno, err);
    if (!S_ISREG(found.st_mode))
        return pal_error_set(err, PAL_ERR_FORMAT, "%s/%s: not a regular file: restore it from a copy of the run",
                             palt__short_path(f->path), name);
    if (found.st_size > (off_t)most)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s/%s: has %lld bytes, more than any run writes: restore it from a copy of the run",
                             palt__short_path(f->path), name, (long long)found.st_size);
    const size_t room = (size_t)found.st_size;
    char *out = malloc(room + 1);
    const int error = out ? read_all(descriptor, out, room, size) : ENOMEM;
    if (error) {
        free(out);
        return unreadable(f, name, error, err);
    }
    out[*size] = 0;
    *text = out;
    return PAL_OK;
}

pal_status palt__folder_read(const palt__folder *f, const char *name, size_t most, char **text, size_t *size,
                             pal_error *err)
{
    *text = NULL;
    *size = 0;
    /* O_NONBLOCK: do not wait for the writer of a pipe. */
    const int descriptor =
        (int)TEMP_FAILURE_RETRY(openat(f->descriptor, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (descriptor < 0 && errno == ENOENT) return PAL_OK;
    if (descriptor < 0) return unreadable(f, name, errno, err);
    const pal_status status = read_open(f, descriptor, name, most, text, size, err);
    close(descriptor);
    return status;
}

typedef struct contents {
    const char *text;
    size_t size;
} contents;

static int write_contents(int descriptor, void *user)
{
    const contents *c = user;
    return pal_write_all(descriptor, c->text, c->size);
}

pal_status palt__folder_write(const palt__folder *f, const char *name, const char *text, size_t size, pal_error *err)
{
    pal_error own = {0};
    if (!pal_file_replace(f->descriptor, name, write_contents, &(contents){text, size}, &own)) return PAL_OK;
    return palt__folder_blame(f, &own, err);
}
