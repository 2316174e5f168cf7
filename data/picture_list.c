/* picture_list.c - the pictures in a folder, or in the folders in it, which are then classes.
 *
 * A class may have folders of its own. Links to files are followed, links to folders are not, so that there is no end
 * of a loop to look for. What ends in none of the endings, or is hidden, is counted and left out. */
#include "data/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
enum { DEEPEST = 16 };

static bool is_picture(const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t size = strlen(endings[i]);
        if (length > size && strcasecmp(name + length - size, endings[i]) == 0) return true;
    }
    return false;
}

static pal_status fail(const char *path, int why, pal_error *err)
{
    return pal_error_set(err, why == ENOMEM ? PAL_ERR_MEMORY : PAL_ERR_IO, "%s: %s", palt__shown_path(path),
                         strerror(why));
}

/* Appends a path, which it takes over. */
static bool append(palt__picture_list *list, char *id)
{
    if (list->n == list->room) {
        const size_t room = list->room ? 2 * list->room : 256;
        char **more = realloc(list->ids, room * sizeof *more);
        if (!more) return false;
        list->ids = more;
        list->room = room;
    }
    list->ids[list->n++] = id;
    return true;
}

static pal_status walk(palt__picture_list *list, const char *folder, const char *below, int depth, pal_error *err);

/* One entry of a folder. id: its path below the first folder. */
static pal_status visit(palt__picture_list *list, const char *folder, char *id, const char *name, int depth,
                        pal_error *err)
{
    char *path = NULL;
    struct stat info;
    if (asprintf(&path, "%s/%s", folder, id) < 0) return fail(folder, ENOMEM, err);
    pal_status status = PAL_OK;
    const bool found = lstat(path, &info) == 0;
    if (found && S_ISDIR(info.st_mode) && *name != '.')
        status = walk(list, folder, id, depth + 1, err);
    else if (!found || *name == '.' || !is_picture(name) || (S_ISLNK(info.st_mode) && stat(path, &info) != 0) ||
             !S_ISREG(info.st_mode))
        list->others++;
    else
        status = append(list, strdup(id)) && list->ids[list->n - 1] ? PAL_OK : fail(path, ENOMEM, err);
    free(path);
    return status;
}

static pal_status walk(palt__picture_list *list, const char *folder, const char *below, int depth, pal_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder, *below ? "/" : "", below) < 0) return fail(folder, ENOMEM, err);
    if (depth > DEEPEST) {
        const pal_status deep =
            pal_error_set(err, PAL_ERR_FORMAT, "%s: is more than %d folders deep", palt__shown_path(path), DEEPEST);
        free(path);
        return deep;
    }
    DIR *dir = opendir(path);
    pal_status status = dir ? PAL_OK : fail(path, errno, err);
    while (status == PAL_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno) status = fail(path, errno, err);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *id = NULL;
        if (asprintf(&id, "%s%s%s", below, *below ? "/" : "", entry->d_name) < 0) {
            status = fail(path, ENOMEM, err);
            break;
        }
        status = visit(list, folder, id, entry->d_name, depth, err);
        free(id);
    }
    if (dir) closedir(dir);
    free(path);
    return status;
}

/* By folder, then by name: a slash comes before every other character. */
static int by_path(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    while (*x && *x == *y) x++, y++;
    const int p = *x == '/' ? 1 : *x ? (unsigned char)*x + 1 : 0, q = *y == '/' ? 1 : *y ? (unsigned char)*y + 1 : 0;
    return p - q;
}

static pal_status find_classes(palt__picture_list *list, const char *folder, pal_error *err)
{
    const char *loose = NULL, *inside = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const char **kind = strchr(list->ids[i], '/') ? &inside : &loose;
        if (!*kind) *kind = list->ids[i];
    }
    if (!inside) return PAL_OK;
    if (loose)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: has pictures (%s) beside folders of pictures (%s): move them into a folder",
                             palt__shown_path(folder), loose, inside);
    list->classes = calloc(list->n, sizeof *list->classes);
    list->class_of = calloc(list->n, sizeof *list->class_of);
    if (!list->classes || !list->class_of) return fail(folder, ENOMEM, err);
    for (size_t i = 0; i < list->n; i++) {
        const size_t length = strcspn(list->ids[i], "/");
        const char *last = list->n_classes ? list->ids[i - 1] : "";
        if (!list->n_classes || strcspn(last, "/") != length || memcmp(last, list->ids[i], length) != 0) {
            const size_t room = 4 * length + 1;
            char *name = malloc(room);
            if (!name) return fail(folder, ENOMEM, err);
            pal_text_clean(name, room, list->ids[i], length);
            list->classes[list->n_classes++] = name;
        }
        list->class_of[i] = (uint32_t)(list->n_classes - 1);
    }
    return PAL_OK;
}

pal_status palt__picture_find(palt__picture_list *list, const char *folder, pal_error *err)
{
    *list = (palt__picture_list){0};
    pal_status status = walk(list, folder, "", 0, err);
    if (status == PAL_OK && !list->n)
        status = pal_error_set(err, PAL_ERR_IO,
                               "%s: has no pictures, expected .png or .jpg files, or folders of them, or the IDX files "
                               "train-images-idx3-ubyte and so on",
                               palt__shown_path(folder));
    if (status == PAL_OK) qsort(list->ids, list->n, sizeof *list->ids, by_path);
    if (status == PAL_OK) status = find_classes(list, folder, err);
    if (status != PAL_OK) palt__picture_list_free(list);
    return status;
}

void palt__picture_list_free(palt__picture_list *list)
{
    for (size_t i = 0; list->ids && i < list->n; i++) free(list->ids[i]);
    for (size_t i = 0; list->classes && i < list->n_classes; i++) free(list->classes[i]);
    free(list->ids);
    free(list->classes);
    free(list->class_of);
    *list = (palt__picture_list){0};
}
