/* file.c - reading and writing whole files, and making new folders.
 *
 * A file is replaced atomically: a reader, also after a crash, sees either the old file or the new one. A folder that
 * is not empty is refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/internal.h"

typedef struct contents {
    const char *text;
    size_t size;
} contents;

static int write_contents(int descriptor, void *user)
{
    const contents *c = user;
    return pal_write_all(descriptor, c->text, c->size);
}

pal_status palt__file_write(const char *path, const char *text, size_t size, pal_error *err)
{
    return pal_file_replace(AT_FDCWD, path, write_contents, &(contents){text, size}, err);
}

char *palt__file_read(const char *path, size_t *size, pal_error *err)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t capacity = 0, got = 1;
    int error = file ? 0 : errno;
    for (*size = 0; file && got; *size += got) {
        if (capacity - *size < 2) {
            capacity = capacity ? 2 * capacity : 4096;
            char *more = realloc(text, capacity);
            if (!more) break;
            text = more;
        }
        got = fread(text + *size, 1, capacity - *size - 1, file);
    }
    if (file && ferror(file)) error = errno;
    if (file) fclose(file);
    if (!error && !got) {
        text[*size] = 0;
        return text;
    }
    free(text);
    pal_error_set(err, error ? PAL_ERR_IO : PAL_ERR_MEMORY, "%s: cannot read: %s", path,
                  strerror(error ? error : ENOMEM));
    return NULL;
}

static bool is_empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) return false;
    bool empty = true;
    for (const struct dirent *e; (e = readdir(folder));) empty &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
    closedir(folder);
    return empty;
}

pal_status palt__folder_make(const char *path, pal_error *err)
{
    char *above = strdup(path);
    if (!above) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", path);
    for (char *slash = strchr(above + 1, '/'); above[0] && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(above, 0777); /* if this fails, so does the last mkdir, which reports the reason */
        *slash = '/';
    }
    free(above);
    if (!mkdir(path, 0777)) return PAL_OK;
    if (errno != EEXIST)
        return pal_error_set(err, PAL_ERR_IO, "%s: cannot create the folder: %s", path, strerror(errno));
    if (!is_empty_folder(path)) return pal_error_set(err, PAL_ERR_EXISTS, "%s already exists", path);
    if (!access(path, W_OK | X_OK)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_IO, "%s: cannot write into the folder: %s", path, strerror(errno));
}
