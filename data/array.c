/* array.c - chooses the array format by the end of the path. */
#include "data/internal.h"

#include <string.h>

typedef struct format_row {
    const char *ending, *packed;
    pal_tensor *(*read)(pal_context *context, const char *path, pal_error *err);
    pal_status (*write)(const pal_tensor *tensor, const char *path, pal_error *err);
} format_row;

static const format_row formats[] = {
    {".npy", ".npy.gz", pal_npy_read, pal_npy_write}, /* also the format of "-" */
    {".csv", ".csv.gz", pal_csv_read, pal_csv_write},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const format_row *find_format(const char *path, bool reading, pal_error *err)
{
    if (!path) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "no path of an array: give a .npy or .csv file");
        return NULL;
    }
    if (strcmp(path, "-") == 0) return formats;
    for (size_t i = 0; i < FORMATS; i++)
        if (palt__has_ending(path, formats[i].ending) || (reading && palt__has_ending(path, formats[i].packed)))
            return formats + i;
    pal_error_set(err, PAL_ERR_ARGUMENT, "%s: unknown file format: give a name ending in .npy or .csv",
                  palt__shown_path(path));
    return NULL;
}

pal_tensor *pal_array_read(pal_context *context, const char *path, pal_error *err)
{
    const format_row *format = find_format(path, true, err);
    return format ? format->read(context, path, err) : NULL;
}

pal_status pal_array_write(const pal_tensor *tensor, const char *path, pal_error *err)
{
    const format_row *format = find_format(path, false, err);
    return format ? format->write(tensor, path, err) : PAL_ERR_ARGUMENT;
}
