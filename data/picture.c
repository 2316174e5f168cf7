/* picture.c - one picture from the bytes of its file: which format, the right way up, with the channels asked for. */
#include "data/pictures.h"

#include <stdlib.h>
#include <string.h>

typedef struct format_row {
    const char *name, *magic;
    size_t size;
    pal_status (*decode)(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY]);
} format_row;

static const format_row formats[] = {{"PNG", "\x89PNG\r\n\x1a\n", 8, palt__png_decode},
                                     {"JPEG", "\xff\xd8\xff", 3, palt__jpeg_decode}};
enum { FORMATS = sizeof formats / sizeof *formats };

pal_status palt__picture_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY])
{
    *out = (palt__picture){.orientation = 1};
    for (size_t i = 0; i < FORMATS; i++) {
        if (size < formats[i].size || memcmp(bytes, formats[i].magic, formats[i].size) != 0) continue;
        pal_status status = formats[i].decode(bytes, size, out, why);
        if (status == PAL_OK && out->orientation > 1) status = palt__picture_turn(out);
        return status;
    }
    snprintf(why, PALT__WHY, size ? "neither a PNG nor a JPEG file" : "it is empty");
    return PAL_ERR_FORMAT;
}

/* ---- The right way up ------------------------------------------------------------------------------------------- */

static uint32_t load(const uint8_t *at, size_t size, bool big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint32_t)at[i] << 8 * (big ? size - 1 - i : i);
    return value;
}

/* A header: the order of bytes, 42, and where the list of entries is. An entry: tag, type, count, value. */
int palt__picture_orientation(const uint8_t *exif, size_t size)
{
    enum { TAG = 0x112, SHORT = 3, ENTRY = 12 };
    if (size < 8 || (memcmp(exif, "II*\0", 4) != 0 && memcmp(exif, "MM\0*", 4) != 0)) return 1;
    const bool big = *exif == 'M';
    const size_t list = load(exif + 4, 4, big);
    if (list > size - 2) return 1;
    const size_t n = load(exif + list, 2, big), room = (size - list - 2) / ENTRY;
    for (size_t i = 0; i < n && i < room; i++) {
        const uint8_t *at = exif + list + 2 + i * ENTRY;
        if (load(at, 2, big) != TAG || load(at + 2, 2, big) != SHORT) continue;
        const uint32_t value = load(at + 8, 2, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* What an orientation does: rows of the result are columns of the file; the rows, and the columns, are reversed. */
static const struct {
    bool swapped, rows, columns;
} turns[] = {
    [2] = {false, false, true}, [3] = {false, true, true}, [4] = {false, true, false}, [5] = {true, false, false},
    [6] = {true, true, false},  [7] = {true, true, true},  [8] = {true, false, true}};

pal_status palt__picture_turn(palt__picture *p)
{
    const bool swapped = turns[p->orientation].swapped;
    const size_t height = swapped ? p->width : p->height, width = swapped ? p->height : p->width, size = p->channels;
    uint8_t *turned = malloc(height * width * size);
    if (!turned) {
        free(p->pixels);
        p->pixels = NULL;
        return PAL_ERR_MEMORY;
    }
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            size_t row = swapped ? x : y, column = swapped ? y : x;
            if (turns[p->orientation].rows) row = p->height - 1 - row;
            if (turns[p->orientation].columns) column = p->width - 1 - column;
            memcpy(turned + (y * width + x) * size, p->pixels + (row * p->width + column) * size, size);
        }
    free(p->pixels);
    p->pixels = turned;
    p->height = height;
    p->width = width;
    return PAL_OK;
}

/* ---- Channels --------------------------------------------------------------------------------------------------- */

pal_status palt__picture_recolor(palt__picture *p, size_t channels)
{
    const size_t n = p->height * p->width;
    if (p->channels == channels) return PAL_OK;
    if (channels == 1) {
        for (size_t i = 0; i < n; i++) { /* weights of ITU-R 601, in parts of 65536 */
            const uint8_t *from = p->pixels + 3 * i;
            p->pixels[i] = (uint8_t)((19595u * from[0] + 38470u * from[1] + 7471u * from[2] + 32768u) >> 16);
        }
    } else {
        uint8_t *more = malloc(3 * n);
        if (!more) return PAL_ERR_MEMORY;
        for (size_t i = 0; i < n; i++) memset(more + 3 * i, p->pixels[i], 3);
        free(p->pixels);
        p->pixels = more;
    }
    p->channels = channels;
    return PAL_OK;
}
