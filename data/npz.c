/* npz.c - the arrays of a NumPy archive: a zip file in which NAME.npy is the array NAME. libzip reads it, which knows
 * the archives of more than 4 GB that NumPy writes. */
#include "data/arrays.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

static const char ending[] = ".npy";

struct palt__npz {
    zip_t *zip;
    const char *path; /* borrowed */
    zip_file_t *file; /* of the array that is open */
    char *shown;      /* its name in messages: FILE.npz:ARRAY */
};

palt__npz *palt__npz_open(const char *path, pal_error *err)
{
    const char *name = palt__shown_path(path);
    int code = 0;
    palt__npz *npz = calloc(1, sizeof *npz);
    if (npz) npz->zip = zip_open(path, ZIP_RDONLY, &code);
    if (npz && npz->zip) {
        npz->path = path;
        return npz;
    }
    zip_error_t why;
    zip_error_init_with_code(&why, code);
    if (!npz || code == ZIP_ER_MEMORY)
        pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to open it", name);
    else if (zip_error_system_type(&why) == ZIP_ET_SYS)
        pal_error_set(err, PAL_ERR_IO, "%s: %s", name, strerror(zip_error_code_system(&why)));
    else if (code == ZIP_ER_NOENT)
        pal_error_set(err, PAL_ERR_IO, "%s: No such file or directory", name);
    else
        pal_error_set(err, PAL_ERR_FORMAT, "%s: not a readable .npz archive (%s): write it with numpy.savez", name,
                      zip_error_strerror(&why));
    zip_error_fini(&why);
    free(npz);
    return NULL;
}

void palt__npz_leave(palt__npz *npz)
{
    if (npz->file) zip_fclose(npz->file);
    free(npz->shown);
    npz->file = NULL;
    npz->shown = NULL;
}

void palt__npz_close(palt__npz *npz)
{
    if (!npz) return;
    palt__npz_leave(npz);
    zip_discard(npz->zip);
    free(npz);
}

/* The name of entry i as it is stored, and the length of the array's name in it; 0: it is no array. */
static size_t name_of(const palt__npz *npz, zip_uint64_t i, const char **name)
{
    *name = zip_get_name(npz->zip, i, ZIP_FL_ENC_RAW);
    return *name && palt__has_ending(*name, ending) ? strlen(*name) - strlen(ending) : 0;
}

static bool is_called(const palt__npz *npz, zip_uint64_t i, const char *wanted)
{
    const char *name;
    const size_t length = name_of(npz, i, &name);
    return length && wanted && strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static zip_uint64_t count_of(const palt__npz *npz)
{
    const zip_int64_t n = zip_get_num_entries(npz->zip, 0);
    return n > 0 ? (zip_uint64_t)n : 0;
}

static zip_uint64_t find(const palt__npz *npz, const char *wanted)
{
    const zip_uint64_t n = count_of(npz);
    zip_uint64_t i = 0;
    while (i < n && !is_called(npz, i, wanted)) i++;
    return i;
}

bool palt__npz_has(const palt__npz *npz, const char *name) { return find(npz, name) < count_of(npz); }

/* "X, y and 3 more" */
static void list(const palt__npz *npz, char *out, size_t size)
{
    const zip_uint64_t n = count_of(npz);
    size_t used = 0, left = 0;
    *out = '\0';
    for (zip_uint64_t i = 0; i < n; i++) {
        const char *name;
        const size_t length = name_of(npz, i, &name);
        if (!length) continue;
        if (left || used + length + 20 >= size)
            left++;
        else
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", (int)length, name);
    }
    if (left) snprintf(out + used, size - used, " and %zu more", left);
    if (!used && !left) snprintf(out, size, "none");
}

static int64_t take(void *user, void *out, size_t size) { return zip_fread(user, out, size); }

static pal_status enter(palt__npz *npz, zip_uint64_t i, palt__source *source, pal_error *err)
{
    enum { MOST_PACKED = 1032 }; /* deflate makes at most so many bytes of one */
    const char *name;
    const size_t length = name_of(npz, i, &name);
    zip_stat_t stat;
    palt__npz_leave(npz);
    if (asprintf(&npz->shown, "%s:%.*s", npz->path, (int)length, name) < 0) {
        npz->shown = NULL;
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(npz->path));
    }
    const zip_uint64_t all = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    const bool known = zip_stat_index(npz->zip, i, 0, &stat) == 0 && (stat.valid & all) == all;
    if (known && stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
        return pal_error_set(err, PAL_ERR_FORMAT,
                             "%s: is packed by method %d, expected 0 or 8: write it with numpy.savez",
                             palt__shown_path(npz->shown), stat.comp_method);
    npz->file = known ? zip_fopen_index(npz->zip, i, 0) : NULL;
    if (!npz->file)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: cannot be read from its archive: %s",
                             palt__shown_path(npz->shown), zip_strerror(npz->zip));
    /* libzip compares the sizes with the length of the file, so that only a size that deflate cannot reach is a lie */
    const bool possible = stat.size / MOST_PACKED <= stat.comp_size && stat.size <= INT64_MAX;
    *source = (palt__source){
        .path = npz->shown, .length = possible ? (int64_t)stat.size : -1, .take = take, .user = npz->file};
    return PAL_OK;
}

pal_status palt__npz_enter(palt__npz *npz, const char *name, palt__source *source, pal_error *err)
{
    char names[256];
    const zip_uint64_t i = find(npz, name);
    if (i < count_of(npz)) return enter(npz, i, source, err);
    list(npz, names, sizeof names);
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has no array \"%s\"; it has %s", palt__shown_path(npz->path), name,
                         names);
}

/* Whether entry i is an array of numbers with two axes or more. */
static bool is_table(palt__npz *npz, zip_uint64_t i)
{
    palt__source source;
    palt__npy_header header = {0};
    pal_error ignored = {0};
    const bool good =
        enter(npz, i, &source, &ignored) == PAL_OK && palt__npy_begin(&source, &header, &ignored) == PAL_OK;
    palt__npz_leave(npz);
    return good && header.shape.rank >= 2;
}

char *palt__npz_choose(palt__npz *npz, const char *label, pal_error *err)
{
    char names[256];
    const zip_uint64_t n = count_of(npz);
    zip_uint64_t only = n, table = n;
    size_t arrays = 0, tables = 0;
    const char *name = NULL;
    for (zip_uint64_t i = 0; i < n; i++) {
        if (!name_of(npz, i, &name) || is_called(npz, i, label)) continue;
        arrays++;
        only = i;
    }
    for (zip_uint64_t i = 0; arrays > 1 && tables < 2 && i < n; i++) {
        if (!name_of(npz, i, &name) || is_called(npz, i, label) || !is_table(npz, i)) continue;
        tables++;
        table = i;
    }
    if (arrays == 1 || tables == 1) {
        const size_t length = name_of(npz, arrays == 1 ? only : table, &name);
        char *copy = strndup(name, length);
        if (!copy) pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(npz->path));
        return copy;
    }
    list(npz, names, sizeof names);
    pal_error_set(err, PAL_ERR_ARGUMENT, "%s: its arrays are %s: name one, such as %s:X", palt__shown_path(npz->path),
                  names, palt__shown_path(npz->path));
    return NULL;
}
