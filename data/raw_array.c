/* raw_array.c - samples from a .npy file or an array of a .npz archive: mapped or read, channels first, with labels. */
#include "data/arrays.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- Names ------------------------------------------------------------------------------------------------------ */

static bool ends_in(const char *path, size_t length, const char *ending)
{
    const size_t size = strlen(ending);
    return length > size && strncasecmp(path + length - size, ending, size) == 0;
}

/* The length of the name of an archive at the start of a path; 0: it has none. *array: NULL, or the array's name. */
static size_t archive_of(const char *path, const char **array)
{
    const size_t length = strlen(path);
    *array = NULL;
    if (ends_in(path, length, ".npz")) return length;
    for (size_t i = length; i-- > 0;)
        if (path[i] == ':' && ends_in(path, i, ".npz")) {
            *array = path + i + 1;
            return i;
        }
    return 0;
}

bool palt__raw_is_array(const char *path)
{
    const char *array;
    const size_t length = strlen(path);
    return ends_in(path, length, ".npy") || ends_in(path, length, ".npy.gz") || archive_of(path, &array);
}

/* ---- What is said about it -------------------------------------------------------------------------------------- */

/* Of all that are not NaN. */
static void find_range(const pal_tensor *values, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0, n = pal_tensor_count(values); i < n; i++) {
        const double x = pal_tensor_get(values, i);
        *low = fmin(*low, x);
        *high = fmax(*high, x);
    }
}

static void note_type(const palt__raw *raw, const palt__npy_header *header, pal_note *note)
{
    const palt__npy_type *type = header->type;
    double low, high;
    if (!strcmp(type->name, "bool")) {
        palt__note_add(note, "bool, 0 and 1");
    } else if (type->dtype == PAL_U8) {
        palt__note_add(note, "uint8, divided by 255");
    } else if (*type->code == 'i' || *type->code == 'u') {
        find_range(raw->values, &low, &high);
        palt__note_add(note, "%s from %.0f to %.0f, as they are", type->name, low, high);
    } else if (raw->map) { /* its range would take a pass over the file */
        palt__note_add(note, "%s", type->name);
    } else {
        find_range(raw->values, &low, &high);
        palt__note_add(note, "%s from %.4g to %.4g", type->name, low, high);
    }
    if (header->big && type->size > 1) palt__note_add(note, "big-endian");
    if (header->fortran && header->shape.rank > 1) palt__note_add(note, "Fortran order");
    if (raw->map) palt__note_add(note, "read from the file as needed");
}

/* ---- The values ------------------------------------------------------------------------------------------------- */

static pal_status check_shape(pal_shape shape, const char *path, pal_error *err)
{
    char text[96];
    if (!shape.rank)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: contains a single number, expected an array of samples",
                             palt__shown_path(path));
    for (int32_t axis = 0; axis < shape.rank; axis++)
        if (!shape.dim[axis])
            return pal_error_set(err, PAL_ERR_FORMAT,
                                 "%s: has the shape %s, expected at least one sample with one number",
                                 palt__shown_path(path), pal_shape_text(shape, text, sizeof text));
    return PAL_OK;
}

/* What reading and converting an array takes. */
static double needed(const palt__npy_header *header)
{
    const palt__npy_type *type = header->type;
    const bool turned = header->fortran && header->shape.rank > 1;
    const bool converted = !type->plain || (header->big && type->size > 1) || turned;
    return (double)pal_shape_count(header->shape) *
           (double)(pal_dtype_size(type->dtype) + (converted ? type->size : 0));
}

static pal_status fail_memory(const palt__source *source, const palt__npy_header *header, palt__layout layout,
                              pal_error *err)
{
    const char *mapped = header->type->dtype == PAL_U8 ? "numpy.uint8" : "numpy.float32";
    return pal_error_set(
        err, PAL_ERR_MEMORY,
        "%s: needs about %.1f GB of memory, which is more than there is: save numpy.ascontiguousarray(x%s.astype(%s)) "
        "with numpy.save, which is read as needed",
        palt__shown_path(source->path), needed(header) / 0x1p30,
        layout == PALT__LAYOUT_LAST ? ".transpose(0, 3, 1, 2)" : "", mapped);
}

/* err is not NULL. */
static pal_status read_values(palt__raw *raw, pal_context *context, palt__source *source,
                              const pal_data_options *options, pal_note *note, pal_error *err)
{
    palt__npy_header header = {.bfloat16 = palt__data_option(options, "dtype") != NULL};
    palt__layout layout;
    pal_status status = palt__npy_begin(source, &header, err);
    if (status == PAL_OK) status = check_shape(header.shape, source->path, err);
    if (status == PAL_OK)
        status = palt__layout_of(header.shape, palt__data_option(options, "layout"), source->path, &layout, err);
    if (status != PAL_OK) return status;
    const bool turned = layout == PALT__LAYOUT_LAST && header.shape.dim[3] > 1;
    if (turned || !palt__npy_map(raw, context, source, &header)) {
        if (source->length >= 0 && needed(&header) > (double)pal_context_room(context))
            return fail_memory(source, &header, layout, err);
        raw->values = palt__npy_rest(source, context, &header, err);
        if (!raw->values && err->status == PAL_ERR_MEMORY) return fail_memory(source, &header, layout, err);
        if (!raw->values) return err->status;
    }
    if (layout == PALT__LAYOUT_LAST) status = palt__layout_turn(raw->values, source->path, err);
    if (status != PAL_OK) return status;
    note_type(raw, &header, note);
    palt__layout_note(header.shape, layout, note);
    return PAL_OK;
}

static pal_status read_labels(palt__raw *raw, palt__source *source, const char *name, pal_note *note, pal_error *err)
{
    const pal_status status = palt__array_labels(raw, source, err);
    if (status == PAL_OK)
        palt__note_add(note, "labels %s: %zu class%s", name, raw->n_classes, raw->n_classes == 1 ? "" : "es");
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

static pal_status values_of_file(palt__raw *raw, pal_context *context, const char *path,
                                 const pal_data_options *options, pal_note *note, pal_error *err)
{
    palt__source source;
    pal_status status = palt__source_open(&source, path, err);
    if (status == PAL_OK) status = read_values(raw, context, &source, options, note, err);
    palt__source_close(&source);
    return status;
}

static pal_status values_of_archive(palt__raw *raw, pal_context *context, palt__npz *npz, const char *array,
                                    const pal_data_options *options, pal_note *note, pal_error *err)
{
    palt__source source;
    char *own = NULL;
    if (!array) array = own = palt__npz_choose(npz, palt__data_option(options, "label"), err);
    pal_status status = array ? palt__npz_enter(npz, array, &source, err) : PAL_ERR_ARGUMENT;
    if (status == PAL_OK && own) palt__note_add(note, "array %s", own);
    if (status == PAL_OK) status = read_values(raw, context, &source, options, note, err);
    palt__npz_leave(npz);
    free(own);
    return status;
}

static pal_status labels_of_archive(palt__raw *raw, palt__npz *npz, const char *array, pal_note *note, pal_error *err)
{
    palt__source source;
    pal_status status = palt__npz_enter(npz, array, &source, err);
    if (status == PAL_OK) status = read_labels(raw, &source, array, note, err);
    palt__npz_leave(npz);
    return status;
}

/* Labels in a file of their own: Y.npy, or Y.npz:ARRAY. */
static pal_status labels_of_path(palt__raw *raw, const char *path, const char *label, pal_note *note, pal_error *err)
{
    const char *array;
    palt__source source;
    const size_t length = archive_of(label, &array);
    if (length && array) {
        char *file = strndup(label, length);
        palt__npz *npz = file ? palt__npz_open(file, err) : NULL;
        const pal_status status = npz ? labels_of_archive(raw, npz, array, note, err) : PAL_ERR_IO;
        if (!file) pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(label));
        palt__npz_close(npz);
        free(file);
        return status;
    }
    if (length || !palt__raw_is_array(label))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--label %s: %s has no columns with names, expected a .npy file with the labels, or "
                             "FILE.npz:ARRAY",
                             label, palt__shown_path(path));
    pal_status status = palt__source_open(&source, label, err);
    if (status == PAL_OK) status = read_labels(raw, &source, label, note, err);
    palt__source_close(&source);
    return status;
}

static pal_status read_archive(palt__raw *raw, pal_context *context, const char *path, const char *array,
                               const pal_data_options *options, pal_note *note, pal_error *err)
{
    const char *label = palt__data_option(options, "label");
    palt__npz *npz = palt__npz_open(path, err);
    raw->labels_former = palt__data_option_former(options, "label");
    if (npz && label && raw->labels_former && !palt__npz_has(npz, label)) label = NULL;
    pal_status status = npz ? values_of_archive(raw, context, npz, array, options, note, err) : PAL_ERR_IO;
    if (status == PAL_OK && label)
        status = palt__npz_has(npz, label) || !palt__raw_is_array(label) ? labels_of_archive(raw, npz, label, note, err)
                                                                         : labels_of_path(raw, path, label, note, err);
    palt__npz_close(npz);
    return status;
}

pal_status palt__raw_array(palt__raw *raw, pal_context *context, const char *path, const pal_data_options *options,
                           pal_note *note, pal_error *err)
{
    const char *array = NULL, *label = palt__data_option(options, "label");
    pal_note own = {""};
    pal_error why = {.status = PAL_OK};
    *raw = (palt__raw){0};
    if (!path) return pal_error_set(err, PAL_ERR_ARGUMENT, "no path of an array: give a .npy or .npz file");
    const size_t length = archive_of(path, &array);
    pal_status status = PAL_OK;
    if (length) {
        char *file = strndup(path, length);
        status = file ? read_archive(raw, context, file, array, options, &own, &why)
                      : pal_error_set(&why, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(path));
        free(file);
    } else {
        status = values_of_file(raw, context, path, options, &own, &why);
        /* labels in a file of their own are those of one array */
        if (status == PAL_OK && label && !palt__data_option_former(options, "label"))
            status = labels_of_path(raw, path, label, &own, &why);
    }
    if (status != PAL_OK) {
        palt__raw_free(raw);
        return pal_error_set(err, why.status, "%s", why.text);
    }
    if (note && *own.text) palt__note_add(note, "%s", own.text);
    return PAL_OK;
}
