/* folder.c - a folder in memory: read, compared, and written again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"

enum { PATH = 2048 };

void faults_die(const char *what)
{
    fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    exit(3);
}

void *faults_more(void *old, size_t size)
{
    void *more = realloc(old, size ? size : 1);
    if (!more) faults_die("out of memory");
    return more;
}

char *faults_read(const char *path, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    char *bytes = NULL;
    *size = 0;
    if (fd >= 0 && !fstat(fd, &info)) {
        bytes = faults_more(NULL, (size_t)info.st_size + 1);
        const ssize_t n = read(fd, bytes, (size_t)info.st_size);
        *size = n > 0 ? (size_t)n : 0;
    } else {
        bytes = faults_more(NULL, 1);
    }
    if (fd >= 0) close(fd);
    bytes[*size] = 0;
    return bytes;
}

static void add(struct faults_folder *out, const char *root, const char *path)
{
    char name[PATH];
    struct stat info;
    snprintf(name, sizeof name, "%s/%s", root, path);
    if (lstat(name, &info)) return;
    out->files = faults_more(out->files, (out->n + 1) * sizeof *out->files);
    struct faults_file *f = &out->files[out->n++];
    *f = (struct faults_file){.path = strdup(path), .is_folder = S_ISDIR(info.st_mode)};
    if (!f->path) faults_die("out of memory");
    if (!f->is_folder) {
        f->bytes = faults_read(name, &f->size);
        return;
    }
    DIR *folder = opendir(name);
    if (!folder) return;
    for (const struct dirent *e; (e = readdir(folder));) {
        char below[PATH];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "", e->d_name);
        add(out, root, below);
    }
    closedir(folder);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct faults_file *)a)->path, ((const struct faults_file *)b)->path);
}

struct faults_folder faults_folder_read(const char *path)
{
    struct faults_folder out = {0};
    add(&out, path, "");
    qsort(out.files, out.n, sizeof *out.files, by_path);
    return out;
}

void faults_folder_free(struct faults_folder *folder)
{
    for (size_t i = 0; i < folder->n; i++) {
        free(folder->files[i].path);
        free(folder->files[i].bytes);
    }
    free(folder->files);
    *folder = (struct faults_folder){0};
}

void faults_folder_remove(const char *path)
{
    struct faults_folder all = faults_folder_read(path);
    char name[PATH];
    for (size_t i = all.n; i-- > 0;) {
        snprintf(name, sizeof name, "%s/%s", path, all.files[i].path);
        if (all.files[i].is_folder)
            rmdir(name);
        else
            unlink(name);
    }
    faults_folder_free(&all);
}

void faults_folder_write(const char *path, const struct faults_folder *folder)
{
    faults_folder_remove(path);
    for (size_t i = 0; i < folder->n; i++) {
        char name[PATH];
        const struct faults_file *f = &folder->files[i];
        snprintf(name, sizeof name, "%s/%s", path, f->path);
        if (f->is_folder) {
            if (mkdir(name, 0777) && errno != EEXIST) faults_die(name);
            continue;
        }
        const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, f->bytes, f->size) != (ssize_t)f->size) faults_die(name);
        close(fd);
    }
}

const struct faults_file *faults_folder_find(const struct faults_folder *folder, const char *path)
{
    const struct faults_file key = {.path = (char *)(uintptr_t)path};
    return bsearch(&key, folder->files, folder->n, sizeof *folder->files, by_path);
}

bool faults_file_equal(const struct faults_file *a, const struct faults_file *b)
{
    if (!a || !b || a->is_folder != b->is_folder || a->size != b->size) return false;
    return a->is_folder || !memcmp(a->bytes, b->bytes, a->size);
}

bool faults_folder_equal(const struct faults_folder *a, const struct faults_folder *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->files[i].path, b->files[i].path) != 0 || !faults_file_equal(&a->files[i], &b->files[i]))
            return false;
    return true;
}
