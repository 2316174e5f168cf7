/* picture_png.c - decodes PNG files: every kind of pixel to bytes, grey or red, green and blue.
 *
 * Values are those of the file. The simplified interface of libpng would apply its gamma and weigh colours by it, so
 * that the same picture would have other numbers than in other programs. 16 bits are rounded to 8. */
#include "data/pictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    png_structp png;
    png_infop info;
    const uint8_t *at, *end;
    char *why;
    palt__picture *out;
    size_t row;
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    pal_text_clean(r->why, PALT__WHY, text, strlen(text));
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void take(png_structp png, png_bytep to, size_t size)
{
    reader *r = png_get_io_ptr(png);
    if ((size_t)(r->end - r->at) < size) png_error(png, "it is cut short");
    memcpy(to, r->at, size);
    r->at += size;
}

/* Pixels with an opacity, on white. */
static void cover(palt__picture *p)
{
    const size_t from = p->channels, to = from - 1, n = p->height * p->width;
    for (size_t i = 0; i < n; i++) {
        const unsigned opacity = p->pixels[i * from + to];
        p->clear |= opacity < 255;
        for (size_t c = 0; c < to; c++)
            p->pixels[i * to + c] = (uint8_t)((p->pixels[i * from + c] * opacity + 255 * (255 - opacity) + 127) / 255);
    }
    p->channels = to;
}

/* Whether each part, up to the last, is as long as it says. libpng would ask for so much memory before it looks. */
static bool is_whole(const uint8_t *bytes, size_t size)
{
    enum { SIGNATURE = 8, FRAME = 12 }; /* length, name and checksum of a part */
    for (size_t at = SIGNATURE; size >= FRAME && at <= size - FRAME;) {
        const size_t length = png_get_uint_32(bytes + at);
        if (length > size - at - FRAME) return false;
        if (memcmp(bytes + at + 4, "IEND", 4) == 0) return true;
        at += FRAME + length;
    }
    return false;
}

static void begin(reader *r)
{
    static const png_byte skipped[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT\0hIST\0tIME\0pCAL\0sCAL"; /* with their NULs */
    enum { MOST_PACKED = 1032 }; /* zlib makes at most so many bytes of one */
    png_set_read_fn(r->png, r, take);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
    const size_t size = (size_t)(r->end - r->at);
    if (!is_whole(r->at, size)) png_error(r->png, "it is cut short");
    png_read_info(r->png, r->info);
    const size_t height = png_get_image_height(r->png, r->info);
    if (height * (png_get_rowbytes(r->png, r->info) / MOST_PACKED) > size) png_error(r->png, "it is cut short");
    if (height * png_get_rowbytes(r->png, r->info) / MOST_PACKED > size) png_error(r->png, "it is cut short");
    png_set_expand(r->png);
    png_set_scale_16(r->png);
}

static pal_status decode(reader *r)
{
    if (setjmp(png_jmpbuf(r->png))) return PAL_ERR_FORMAT;
    begin(r);
    const int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    r->out->height = png_get_image_height(r->png, r->info);
    r->out->width = png_get_image_width(r->png, r->info);
    r->out->channels = png_get_channels(r->png, r->info);
    r->row = r->out->width * r->out->channels;
    r->out->pixels = malloc(r->out->height * r->row);
    if (!r->out->pixels) return PAL_ERR_MEMORY;
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < r->out->height; y++) png_read_row(r->png, r->out->pixels + y * r->row, NULL);
    png_read_end(r->png, r->info);
    png_bytep exif;
    png_uint_32 size;
    if (png_get_eXIf_1(r->png, r->info, &size, &exif)) r->out->orientation = palt__picture_orientation(exif, size);
    return PAL_OK;
}

pal_status palt__png_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY])
{
    reader r = {.at = bytes, .end = bytes + size, .why = why, .out = out};
    *out = (palt__picture){.orientation = 1};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    pal_status status = r.info ? decode(&r) : PAL_ERR_MEMORY;
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (status == PAL_OK && out->channels % 2 == 0) cover(out);
    if (status == PAL_OK) return PAL_OK;
    free(out->pixels);
    out->pixels = NULL;
    return status;
}
