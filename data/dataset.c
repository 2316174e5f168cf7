/* dataset.c - opens a data set: a folder of IDX files, or one array whose last sixth is the test split. */
#include "data/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SPLITS = 2, TEST_PART = 6 };
static const char *const hint = "install the Debian package dataset-fashion-mnist or give --data";
static const char *const other_hint =
    "give a folder with the four IDX files, a .npy file or a text table (.csv, .tsv, .txt)";

/* ---- A folder of IDX files ------------------------------------------------------------------------------------ */

typedef struct folder_row {
    const char *images, *labels;
} folder_row;

static const folder_row stems[SPLITS] = {
    [PAL_SPLIT_TRAIN] = {"train-images", "train-labels"},
    [PAL_SPLIT_TEST] = {"t10k-images", "t10k-labels"},
};

/* Returns the path of FOLDER/STEM-idxN-ubyte in the spelling that exists; the caller frees it. */
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

static pal_status open_folder(pal_dataset *dataset, pal_context *context, const char *folder, pal_split split,
                              pal_error *err)
{
    pal_status status = PAL_ERR_IO; /* if reading fails, err has the exact status */
    char *images = find_idx(folder, stems[split].images, 3, err);
    char *labels = images ? find_idx(folder, stems[split].labels, 1, err) : NULL;
    if (labels) dataset->inputs = pal_idx_read(context, images, err);
    if (dataset->inputs) dataset->labels = pal_idx_read(context, labels, err);
    if (dataset->labels) status = check_pair(dataset->inputs, images, dataset->labels, labels, err);
    free(images);
    free(labels);
    return status;
}

/* ---- One array ------------------------------------------------------------------------------------------------ */

/* Returns a copy of count rows, starting at row first. A copy, so that the rows not selected can be freed. */
static pal_tensor *copy_rows(const pal_tensor *from, int64_t first, int64_t count)
{
    pal_shape shape = from->shape;
    const size_t row = pal_tensor_bytes(from) / (size_t)shape.dim[0];
    shape.dim[0] = count;
    pal_tensor *to = pal_tensor_new(from->context, from->dtype, shape);
    if (to) memcpy(to->data, (const char *)from->data + (size_t)first * row, (size_t)count * row);
    return to;
}

static pal_status check_finite(const pal_tensor *array, const char *path, pal_error *err)
{
    const size_t count = pal_tensor_count(array), row = count / (size_t)array->shape.dim[0];
    const size_t bad = pal_tensor_finite(array);
    if (bad == count) return PAL_OK;
    return pal_error_set(
        err, PAL_ERR_FORMAT,
        "%s: sample %zu, element %zu (from 0) is %g, expected a finite number: fill it in or remove the sample",
        palt__shown_path(path), bad / row, bad % row, pal_tensor_get(array, bad));
}

/* Says how images of several channels are read, because other programs store the channels last. */
static void note_channels(pal_shape shape, pal_note *note)
{
    if (shape.rank != 4) return;
    const long long a = shape.dim[1], b = shape.dim[2], c = shape.dim[3];
    const bool last = c <= 4 && a > 4;
    palt__note_add(note, "images of %lld x %lld with %lld channel%s, the channels first%s", b, c, a, a == 1 ? "" : "s",
                   last ? ": if they are last, save a.transpose(0, 3, 1, 2)" : "");
}

static pal_status open_array(pal_dataset *dataset, pal_context *context, const char *path, off_t size, pal_split split,
                             pal_error *err)
{
    /* The array and its larger split are in memory together. An array is at least as large as its .npy file. */
    const bool npy = palt__has_ending(path, ".npy");
    if (npy && palt__check_room(context, (double)size * (2 - 1.0 / TEST_PART), path, err)) return PAL_ERR_MEMORY;
    pal_tensor *array = pal_array_read_noted(context, path, &dataset->note, err);
    if (!array) return PAL_ERR_IO; /* err has the exact status */
    const int64_t rows = array->shape.rank > 0 ? array->shape.dim[0] : 0;
    pal_status status;
    if (rows < 2 || pal_tensor_count(array) == 0) {
        char text[96];
        status =
            pal_error_set(err, PAL_ERR_FORMAT, "%s: the array is %s, expected at least 2 samples on its first axis%s",
                          palt__shown_path(path), pal_shape_text(array->shape, text, sizeof text),
                          rows < 2 ? ", one to train and one to test: add samples"
                                   : ", with at least one number each: write them again");
    } else {
        status = check_finite(array, path, err);
    }
    if (status == PAL_OK) {
        const int64_t test = rows / TEST_PART > 0 ? rows / TEST_PART : 1, train = rows - test;
        const bool last = split == PAL_SPLIT_TEST;
        dataset->inputs = copy_rows(array, last ? train : 0, last ? test : train);
        if (!dataset->inputs)
            status = pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory for its samples", palt__shown_path(path));
    }
    if (status == PAL_OK) note_channels(array->shape, &dataset->note);
    pal_tensor_free(array);
    return status;
}

/* ---- Both kinds ----------------------------------------------------------------------------------------------- */

const char *pal_dataset_name_of(const char *path, char *name, size_t size)
{
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/';) begin--;
    end = begin + palt__array_stem(path + begin, end - begin);
    snprintf(name, size, "%.*s", (int)(end - begin), path + begin);
    return name;
}

static void describe(pal_dataset *dataset)
{
    const pal_shape shape = dataset->inputs->shape;
    dataset->sample.rank = shape.rank - 1;
    for (int32_t axis = 1; axis < shape.rank; axis++) dataset->sample.dim[axis - 1] = shape.dim[axis];
    dataset->count = shape.dim[0];
    dataset->features = pal_shape_count(dataset->sample);
    dataset->scale = dataset->inputs->dtype == PAL_U8 ? 1.0 / 255.0 : 1.0;
    const uint8_t *label = dataset->labels ? dataset->labels->data : NULL;
    for (int64_t i = 0; label && i < dataset->count; i++)
        if (label[i] >= dataset->classes) dataset->classes = label[i] + 1;
}

pal_dataset *pal_dataset_open(pal_context *context, const char *path, pal_split split, pal_error *err)
{
    struct stat info;
    if (!path) path = PAL_DATA_DEFAULT;
    if (!context || (unsigned)split >= SPLITS) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a data set needs a context and the training or test split");
        return NULL;
    }
    const bool standard = strcmp(path, PAL_DATA_DEFAULT) == 0;
    if (strcmp(path, "-") == 0) {
        pal_error_set(err, PAL_ERR_ARGUMENT,
                      "-: a data set is not read from standard input: write it to a file, such as data.csv");
        return NULL;
    }
    if (stat(path, &info) != 0) {
        pal_error_set(err, PAL_ERR_IO, "%s: %s: %s", palt__shown_path(path), strerror(errno),
                      standard ? hint : other_hint);
        return NULL;
    }
    pal_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset) {
        pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to open it", palt__shown_path(path));
        return NULL;
    }
    const pal_status status = S_ISDIR(info.st_mode) ? open_folder(dataset, context, path, split, err)
                                                    : open_array(dataset, context, path, info.st_size, split, err);
    if (status != PAL_OK) {
        pal_dataset_free(dataset);
        return NULL;
    }
    describe(dataset);
    pal_dataset_name_of(path, dataset->name, sizeof dataset->name);
    char *whole = *dataset->name == '.' ? realpath(path, NULL) : NULL; /* the folder that "." or ".." means */
    if (whole) pal_dataset_name_of(whole, dataset->name, sizeof dataset->name);
    free(whole);
    return dataset;
}

void pal_dataset_free(pal_dataset *dataset)
{
    if (!dataset) return;
    pal_tensor_free(dataset->inputs);
    pal_tensor_free(dataset->labels);
    free(dataset);
}

static pal_status keep(pal_dataset *dataset, int64_t first, int64_t n)
{
    pal_tensor *inputs = copy_rows(dataset->inputs, first, n);
    pal_tensor *labels = dataset->labels && inputs ? copy_rows(dataset->labels, first, n) : NULL;
    if (!inputs || (dataset->labels && !labels)) {
        pal_tensor_free(inputs);
        return PAL_ERR_MEMORY;
    }
    pal_tensor_free(dataset->inputs);
    pal_tensor_free(dataset->labels);
    dataset->inputs = inputs;
    dataset->labels = labels;
    dataset->count = n;
    return PAL_OK;
}

pal_status pal_dataset_limit(pal_dataset *dataset, int64_t n)
{
    if (!dataset || n < 1) return PAL_ERR_ARGUMENT;
    return n < dataset->count ? keep(dataset, 0, n) : PAL_OK;
}

pal_status pal_dataset_skip(pal_dataset *dataset, int64_t n)
{
    if (!dataset || n < 0 || n >= dataset->count) return PAL_ERR_ARGUMENT;
    return n ? keep(dataset, n, dataset->count - n) : PAL_OK;
}

/* Like copy_rows, but for a list of row numbers. Returns NULL if from is NULL. */
static pal_tensor *gather_rows(const pal_tensor *from, const uint32_t *rows, size_t n)
{
    if (!from) return NULL;
    pal_shape shape = from->shape;
    const size_t row = pal_tensor_bytes(from) / (size_t)shape.dim[0];
    shape.dim[0] = (int64_t)n;
    pal_tensor *to = pal_tensor_new(from->context, from->dtype, shape);
    for (size_t i = 0; to && i < n; i++)
        memcpy((char *)to->data + i * row, (const char *)from->data + rows[i] * row, row);
    return to;
}

pal_dataset *pal_dataset_select(const pal_dataset *dataset, const uint32_t *rows, size_t n, pal_error *err)
{
    if (!dataset || !rows || !n || n > INT64_MAX) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "a selection needs a data set and at least one sample");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (rows[i] >= dataset->count) {
            pal_error_set(err, PAL_ERR_ARGUMENT, "%s: has no sample %lu: give 0 to %lld", dataset->name,
                          (unsigned long)rows[i], (long long)dataset->count - 1);
            return NULL;
        }
    pal_dataset *part = malloc(sizeof *part);
    if (part) {
        *part = *dataset;
        part->count = (int64_t)n;
        part->inputs = gather_rows(dataset->inputs, rows, n);
        part->labels = part->inputs ? gather_rows(dataset->labels, rows, n) : NULL;
        if (part->inputs && (part->labels || !dataset->labels)) return part;
    }
    pal_dataset_free(part);
    pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory for %zu of its samples", dataset->name, n);
    return NULL;
}

pal_dataset *pal_dataset_open_held_out(pal_context *context, const char *path, pal_split split, int64_t n,
                                       pal_error *err)
{
    if (!n) return pal_dataset_open(context, path, split, err);
    pal_dataset *dataset = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, err);
    if (!dataset) return NULL;
    const int64_t left = n > 0 && n < dataset->count ? dataset->count - n : 0;
    pal_status status = PAL_ERR_ARGUMENT;
    if (!left)
        pal_error_set(err, status, "hold-out %lld: %s has %lld training samples: give 1 to %lld", (long long)n,
                      dataset->name, (long long)dataset->count, (long long)dataset->count - 1);
    else if ((status = split == PAL_SPLIT_TEST ? pal_dataset_skip(dataset, left) : pal_dataset_limit(dataset, left)))
        pal_error_set(err, status, "%s: no memory for its samples", dataset->name);
    if (!status) {
        const size_t length = strlen(dataset->name);
        if (split == PAL_SPLIT_TEST) snprintf(dataset->name + length, sizeof dataset->name - length, " (held out)");
        return dataset;
    }
    pal_dataset_free(dataset);
    return NULL;
}
