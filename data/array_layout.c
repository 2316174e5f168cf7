/* array_layout.c - whether the channels of images are the first or the last axis of a sample, and moving them to the
 * front. A grey image has 1 channel, a colour image 3 or 4; a side of an image is longer than that. If both axes may be
 * either, only the user knows. */
#include "data/arrays.h"

#include <stdlib.h>
#include <string.h>

enum { AXES = 4, MOST_CHANNELS = 4 };

static bool are_channels(int64_t size) { return size == 1 || size == 3 || size == 4; }

pal_status palt__layout_of(pal_shape shape, const char *wanted, const char *path, palt__layout *layout, pal_error *err)
{
    char text[96];
    *layout = PALT__LAYOUT_NONE;
    if (wanted) *layout = strcmp(wanted, "channels-last") == 0 ? PALT__LAYOUT_LAST : PALT__LAYOUT_FIRST;
    if (wanted && strcmp(wanted, "channels-last") != 0 && strcmp(wanted, "channels-first") != 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--layout %s: expected channels-first or channels-last", wanted);
    if (shape.rank != AXES) {
        if (!wanted) return PAL_OK;
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%s: has the shape %s, expected four axes, such as [n,3,32,32]: leave out --layout",
                             palt__shown_path(path), pal_shape_text(shape, text, sizeof text));
    }
    if (wanted) return PAL_OK;
    const bool first = are_channels(shape.dim[1]) && shape.dim[3] > MOST_CHANNELS;
    const bool last = are_channels(shape.dim[3]) && shape.dim[1] > MOST_CHANNELS;
    if (first != last) {
        *layout = first ? PALT__LAYOUT_FIRST : PALT__LAYOUT_LAST;
        return PAL_OK;
    }
    return pal_error_set(err, PAL_ERR_FORMAT,
                         "%s: has the shape %s, where it is not certain which axis is that of the channels: give "
                         "--layout channels-first "
                         "or --layout channels-last",
                         palt__shown_path(path), pal_shape_text(shape, text, sizeof text));
}

pal_shape palt__layout_shape(pal_shape shape, palt__layout layout)
{
    if (layout != PALT__LAYOUT_LAST) return shape;
    return PAL_SHAPE(shape.dim[0], shape.dim[3], shape.dim[1], shape.dim[2]);
}

/* from [points, channels], to [channels, points] */
static void turn(const char *from, char *to, size_t points, size_t channels, size_t size)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < points; p++) {
            const char *at = from + (p * channels + c) * size;
            char *out = to + (c * points + p) * size;
            if (size == 1)
                *out = *at;
            else if (size == 4)
                memcpy(out, at, 4);
            else
                memcpy(out, at, size);
        }
}

pal_status palt__layout_turn(pal_tensor *values, const char *path, pal_error *err)
{
    const pal_shape shape = values->shape;
    const size_t n = (size_t)shape.dim[0], channels = (size_t)shape.dim[3], bytes = pal_tensor_bytes(values) / n;
    const size_t points = (size_t)(shape.dim[1] * shape.dim[2]), size = pal_dtype_size(values->dtype);
    char *sample = channels > 1 ? malloc(bytes) : NULL;
    if (channels > 1 && !sample)
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: no memory to read it", palt__shown_path(path));
    for (size_t i = 0; i < n && sample; i++) {
        char *at = (char *)values->data + i * bytes;
        memcpy(sample, at, bytes);
        turn(sample, at, points, channels, size);
    }
    free(sample);
    values->shape = palt__layout_shape(shape, PALT__LAYOUT_LAST);
    return PAL_OK;
}

void palt__layout_note(pal_shape shape, palt__layout layout, pal_note *note)
{
    if (layout == PALT__LAYOUT_NONE) return;
    const bool last = layout == PALT__LAYOUT_LAST;
    const long long channels = (long long)shape.dim[last ? 3 : 1];
    palt__note_add(note, "images of %lld x %lld with %lld channel%s, channels %s in the file",
                   (long long)shape.dim[last ? 1 : 2], (long long)shape.dim[last ? 2 : 3], channels,
                   channels == 1 ? "" : "s", last ? "last" : "first");
}
