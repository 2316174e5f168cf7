/* picture_jpeg.c - decodes JPEG files with libjpeg-turbo: grey, or red, green and blue. CMYK becomes red, green, blue.
 *
 * libjpeg fills up what is missing with grey and only warns. Here a picture whose data are cut or damaged is refused.
 */
#include "data/pictures.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

typedef struct reader {
    struct jpeg_error_mgr manager; /* the first field: libjpeg gives its address */
    struct jpeg_decompress_struct jpeg;
    jmp_buf back;
    bool memory;
    char *why;
    palt__picture *out;
} reader;

static void leave(j_common_ptr jpeg)
{
    reader *r = (reader *)(void *)jpeg->err;
    char text[JMSG_LENGTH_MAX];
    r->memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    jpeg->err->format_message(jpeg, text);
    pal_text_clean(r->why, PALT__WHY, text, strlen(text));
    longjmp(r->back, 1);
}

/* The warnings that say that a part of the pixels is not there. */
static void warn(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                      code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC || code == JWRN_NOT_SEQUENTIAL))
        leave(jpeg);
}

static void say_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void find_orientation(reader *r)
{
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0) {
            r->out->orientation = palt__picture_orientation(m->data + 6, m->data_length - 6);
            return;
        }
}

/* Adobe stores 255 minus the amount of a colour. */
static void mix(palt__picture *p, bool inverted)
{
    for (size_t i = 0; i < p->height * p->width; i++) {
        const uint8_t *from = p->pixels + 4 * i;
        const unsigned turn = inverted ? 0 : 255, black = from[3] ^ turn;
        for (size_t c = 0; c < 3; c++) p->pixels[3 * i + c] = (uint8_t)(((from[c] ^ turn) * black + 127) / 255);
    }
    p->channels = 3;
}

static pal_status decode(reader *r, const uint8_t *bytes, size_t size)
{
    enum { MOST_PACKED = 2048 }; /* a block of 64 pixels takes at least a bit, also one for 4 blocks of a colour */
    if (setjmp(r->back)) return r->memory ? PAL_ERR_MEMORY : PAL_ERR_FORMAT;
    jpeg_create_decompress(&r->jpeg);
    jpeg_mem_src(&r->jpeg, bytes, size);
    jpeg_save_markers(&r->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&r->jpeg, TRUE);
    find_orientation(r);
    if (r->jpeg.num_components != 1) r->jpeg.out_color_space = r->jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
    r->out->height = r->jpeg.image_height;
    r->out->width = r->jpeg.image_width;
    if (r->out->height * r->out->width / MOST_PACKED > size) ERREXIT(&r->jpeg, JERR_INPUT_EOF);
    jpeg_start_decompress(&r->jpeg);
    r->out->channels = (size_t)r->jpeg.output_components;
    const size_t row = r->out->width * r->out->channels;
    r->out->pixels = malloc(r->out->height * row);
    if (!r->out->pixels) return PAL_ERR_MEMORY;
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW to = r->out->pixels + r->jpeg.output_scanline * row;
        jpeg_read_scanlines(&r->jpeg, &to, 1);
    }
    jpeg_finish_decompress(&r->jpeg);
    return PAL_OK;
}

pal_status palt__jpeg_decode(const uint8_t *bytes, size_t size, palt__picture *out, char why[PALT__WHY])
{
    reader *r = calloc(1, sizeof *r);
    if (!r) return PAL_ERR_MEMORY;
    *out = (palt__picture){.orientation = 1};
    r->why = why;
    r->out = out;
    r->jpeg.err = jpeg_std_error(&r->manager);
    r->manager.error_exit = leave;
    r->manager.emit_message = warn;
    r->manager.output_message = say_nothing;
    const pal_status status = decode(r, bytes, size);
    if (status == PAL_OK && out->channels == 4) mix(out, r->jpeg.saw_Adobe_marker);
    jpeg_destroy_decompress(&r->jpeg);
    free(r);
    if (status == PAL_OK) return PAL_OK;
    free(out->pixels);
    out->pixels = NULL;
    return status;
}
