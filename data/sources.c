/* sources.c - what a path is, and its reader: a folder of IDX files, a folder of pictures, an array, or a text table.
 */
#include "data/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const hint = "install the Debian package dataset-fashion-mnist or give --data";
static const char *const other_hint = "give a folder with the four IDX files, a folder of pictures, an array (.npy, "
                                      ".npz) or a text table (.csv, .tsv, .txt)";

/* ---- A folder of IDX files -------------------------------------------------------------------------------------- */

static const struct {
    const char *images, *labels;
} stems[] = {[PALT__TRAINING] = {"train-images", "train-labels"}, [PALT__TESTING] = {"t10k-images", "t10k-labels"}};

/* Returns the path of FOLDER/STEM-idxN-ubyte in the spelling that exists; the caller frees it. NULL: there is none, or
 * err says why. */
static char *find_idx(const char *folder, const char *stem, int rank, pal_error *err)
{
    static const char *const endings[] = {"", ".gz"}; /* the plain file first: it needs no decompression */
    static const char *const dashes[] = {"-", "."};
    char *path = NULL;
    for (size_t i = 0; i < 4; i++) {
        if (asprintf(&path, "%s/%s%sidx%d-ubyte%s", folder, stem, dashes[i % 2], rank, endings[i / 2]) < 0) {
            pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to open it", palt__shown_path(folder));
            return NULL;
        }
        if (access(path, F_OK) == 0 || errno != ENOENT) return path; /* opening it says what is wrong */
        free(path);
    }
    const bool standard = strcmp(folder, PAL_DATA_DEFAULT) == 0;
    pal_error_set(err, PAL_ERR_IO, "%s: has no file %s-idx%d-ubyte, with or without .gz: %s", palt__shown_path(folder),
                  stem, rank, standard ? hint : other_hint);
    return NULL;
}

/* Whether a folder has one of the four files. */
static bool is_idx(const char *folder)
{
    for (int k = 0; k < 2; k++) {
        pal_error ignored = {0};
        char *images = find_idx(folder, stems[k].images, 3, &ignored),
             *labels = find_idx(folder, stems[k].labels, 1, &ignored);
        const bool has = images || labels;
        free(images);
        free(labels);
        if (has) return true;
    }
    return false;
}

static pal_status check_pair(const pal_tensor *images, const char *images_path, const pal_tensor *labels,
                             const char *labels_path, pal_error *err)
{
    if (images->shape.rank < 2)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: contains labels (0x00000801), expected images (0x00000803)",
                             palt__shown_path(images_path));
    if (labels->shape.rank != 1)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: starts with 0x%08x, expected labels (0x00000801)",
                             palt__shown_path(labels_path), 0x800U + (unsigned)labels->shape.rank);
    if (labels->shape.dim[0] != images->shape.dim[0])
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: has %lld labels, expected %lld, one for each image",
                             palt__shown_path(labels_path), (long long)labels->shape.dim[0],
                             (long long)images->shape.dim[0]);
    return PAL_OK;
}

static pal_status read_idx(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err)
{
    pal_status status = PAL_OK;
    pool->has_test = true;
    for (int k = 0; k < 2 && !status; k++) {
        palt__raw *raw = k == PALT__TESTING ? &pool->test : &pool->train;
        if (!(wanted & 1U << k)) continue;
        status = PAL_ERR_IO; /* if reading fails, err has the exact status */
        char *images = find_idx(r->path, stems[k].images, 3, err);
        char *labels = images ? find_idx(r->path, stems[k].labels, 1, err) : NULL;
        if (labels) raw->values = pal_idx_read(r->context, images, err);
        if (raw->values) raw->labels = pal_idx_read(r->context, labels, err);
        if (raw->labels) status = check_pair(raw->values, images, raw->labels, labels, err);
        free(images);
        free(labels);
    }
    return status;
}

/* ---- A folder of pictures --------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static pal_status read_pictures(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err)
{
    char *train = NULL, *test = NULL;
    if (asprintf(&train, "%s/train", r->path) < 0 || asprintf(&test, "%s/test", r->path) < 0)
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to open it", palt__shown_path(r->path));
    pool->has_test = is_folder(train) && is_folder(test);
    const palt__progress progress = {r->progress, r->user};
    pal_status status = PAL_OK;
    if (!pool->has_test || (wanted & 1U << PALT__TRAINING))
        status = palt__raw_pictures(&pool->train, r->context, pool->has_test ? train : r->path, r->options, &progress,
                                    r->note, err);
    if (!status && pool->has_test && (wanted & 1U << PALT__TESTING))
        status = palt__raw_pictures(&pool->test, r->context, test, r->options, &progress, r->note, err);
    free(train);
    free(test);
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

static pal_status read_array(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err)
{
    (void)wanted;
    return palt__raw_array(&pool->train, r->context, r->path, r->options, r->note, err);
}

static pal_status read_table(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err)
{
    (void)wanted;
    return palt__raw_table(&pool->train, r->context, r->path, r->options, r->note, err);
}

/* clang-format off */
static const struct {
    const char *what;
    const char *options; /* that have an effect, beside those of every kind */
    pal_status (*read)(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err);
} kinds[] = {
    {"a folder of IDX files", "",                                                                read_idx},
    {"a folder of pictures",  "size|fit|color|skip-bad",                                         read_pictures},
    {"an array",              "label|layout|dtype|window|window-stride",                                read_array},
    {"a text table",          "header|separator|label|ignore|id|category|date|window|window-stride",    read_table},
};
/* clang-format on */
enum { IDX, PICTURES, ARRAY, TABLE };
static const char every_kind[] = "scale|test|validation|split-seed|only";

static pal_status check_options(const pal_data_options *options, int kind, const char *path, pal_error *err)
{
    for (size_t i = 0; options && i < options->n; i++) {
        const char *name = options->given[i].name;
        const pal_data_option *o = pal_data_option_find(name);
        if (!o) return pal_error_set(err, PAL_ERR_ARGUMENT, "data: no option %.40s", name);
        if (o->choices && !pal_choices_have(o->choices, options->given[i].value))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "--%s %.40s: choose %s", name, options->given[i].value,
                                 o->choices);
        if (i >= options->former && !pal_choices_have(every_kind, name) && !pal_choices_have(kinds[kind].options, name))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "--%s has no effect with %s, which is %s: leave it out", name,
                                 palt__shown_path(path), kinds[kind].what);
    }
    return PAL_OK;
}

pal_status palt__pool_read(palt__pool *pool, const palt__request *r, unsigned wanted, pal_error *err)
{
    struct stat info;
    const bool standard = strcmp(r->path, PAL_DATA_DEFAULT) == 0, array = palt__raw_is_array(r->path);
    const bool stream = strcmp(r->path, "-") == 0;
    if (stream && !r->stream)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "-: a data set is not read from standard input: write it to a file, such as data.csv");
    if (!stream && stat(r->path, &info) != 0 && !(array && strstr(r->path, ".npz:")))
        return pal_error_set(err, PAL_ERR_IO, "%s: %s: %s", palt__shown_path(r->path), strerror(errno),
                             standard ? hint : other_hint);
    int kind = array || (stream && r->npy) ? ARRAY : TABLE;
    if (!stream && is_folder(r->path)) kind = standard || is_idx(r->path) ? IDX : PICTURES;
    pal_status status = check_options(r->options, kind, r->path, err);
    if (status) return status;
    if (kind == TABLE && !stream && (status = palt__array_check(r->path, err))) return status; /* its ending */
    status = kinds[kind].read(pool, r, wanted, err);
    pool->pictures = kind == PICTURES;
    if (!status && (kind == ARRAY || kind == TABLE)) status = palt__raw_windows(&pool->train, r->options, r->note, err);
    return status;
}
