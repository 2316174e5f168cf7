/* pictures.h - the parts of palt__raw_pictures: the list of files, decoding, turning, bringing to a size. */
#ifndef PAL_DATA_PICTURES_H
#define PAL_DATA_PICTURES_H

#include "data/internal.h"

/* ---- picture_list.c --------------------------------------------------------------------------------------------- */

typedef struct palt__picture_list {
    char **ids; /* paths below the folder, sorted: by folder, then by name, in the order of their bytes */
    size_t n, room;
    char **classes; /* the folders with pictures; NULL: the pictures lie in the folder itself */
    size_t n_classes;
    uint32_t *class_of; /* [n] */
    int64_t others;     /* files that are hidden or have another ending */
} palt__picture_list;

pal_status palt__picture_find(palt__picture_list *list, const char *folder, pal_error *err);
void palt__picture_list_free(palt__picture_list *list);

/* ---- picture.c, picture_png.c, picture_jpeg.c ------------------------------------------------------------------- */

typedef struct palt__picture {
    uint8_t *pixels;                /* [height, width, channels]; free() */
    size_t height, width, channels; /* 1: grey, 3: red, green, blue */
    bool clear;                     /* it had transparent pixels, which are now on white */
    int orientation;                /* 1 to 8, as EXIF has it; 1: as it is */
} palt__picture;

enum { PALT__WHY = 128 };
/* Decodes a PNG or JPEG file, whose first bytes tell which, and turns it as its EXIF data say. PAL_ERR_FORMAT: `why`
 * says what is wrong; PAL_ERR_MEMORY. */
pal_status palt__picture_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY]);
/* The same for one format, not turned. */
pal_status palt__png_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY]);
pal_status palt__jpeg_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY]);
/* The orientation in EXIF data, which begin with "II" or "MM"; 1 if they have none. */
int palt__picture_orientation(const uint8_t *exif, size_t size);
/* Turns the pixels by the orientation. */
pal_status palt__picture_turn(palt__picture *picture);
/* Grey to colours, or colours to grey by 0.299 R + 0.587 G + 0.114 B. */
pal_status palt__picture_recolor(palt__picture *picture, size_t channels);

/* ---- picture_fit.c ---------------------------------------------------------------------------------------------- */

typedef enum palt__fit { PALT__FIT_STRETCH, PALT__FIT_CROP, PALT__FIT_PAD } palt__fit;

/* Writes a picture as [channels, height, width]. A side that shrinks is averaged by area, one that grows is
 * interpolated. `to` is zero before, which is what PAD leaves around the picture. */
pal_status palt__picture_fit(const palt__picture *from, palt__fit fit, size_t height, size_t width, uint8_t *to);

#endif
