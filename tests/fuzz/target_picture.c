/* target_picture.c - PNG and JPEG files. What is accepted can be turned, brought to other sizes and given other
 * colours, and a constant part of it stays inside the range of its values. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/pictures.h"
#include "tests/fuzz/fuzz.h"

#include <jpeglib.h>
#include <png.h>

static void check_range(const palt__picture *p, palt__fit fit, size_t height, size_t width)
{
    uint8_t low = 255, high = 0, *out = calloc(height * width * p->channels, 1);
    if (!out) return;
    for (size_t i = 0; i < p->height * p->width * p->channels; i++) {
        if (p->pixels[i] < low) low = p->pixels[i];
        if (p->pixels[i] > high) high = p->pixels[i];
    }
    if (palt__picture_fit(p, fit, height, width, out) == PAL_OK)
        for (size_t i = 0; i < height * width * p->channels; i++)
            fuzz_require((out[i] >= low && out[i] <= high) || (fit == PALT__FIT_PAD && !out[i]),
                         "%d is not from %d to %d", out[i], low, high);
    free(out);
}

static void run(const uint8_t *data, size_t size)
{
    char why[PALT__WHY] = "";
    palt__picture p;
    const pal_status status = palt__picture_decode(data, size, &p, why);
    if (status != PAL_OK) {
        fuzz_require(!p.pixels, "a picture and an error");
        fuzz_require(status == PAL_ERR_MEMORY || *why, "an error without a text");
        return;
    }
    fuzz_accept();
    fuzz_require(p.pixels && p.height && p.width && (p.channels == 1 || p.channels == 3), "no picture");
    if (p.height * p.width < 1 << 16)
        for (int fit = 0; fit < 3; fit++) {
            check_range(&p, (palt__fit)fit, 5, 3);
            check_range(&p, (palt__fit)fit, 7, 40);
        }
    fuzz_require(palt__picture_recolor(&p, p.channels == 1 ? 3 : 1) == PAL_OK, "no memory");
    free(p.pixels);
}

/* ---- Making files ----------------------------------------------------------------------------------------------- */

static size_t make_png(uint8_t *out, size_t room, uint64_t *rng)
{
    static const struct {
        int depth, type, channels;
    } kinds[] = {{1, 0, 1}, {2, 0, 1}, {4, 0, 1}, {8, 0, 1},  {16, 0, 1}, {8, 2, 3}, {16, 2, 3},
                 {1, 3, 1}, {8, 3, 1}, {8, 4, 2}, {16, 4, 2}, {8, 6, 4},  {16, 6, 4}};
    const size_t k = fuzz_below(rng, sizeof kinds / sizeof *kinds), width = 1 + fuzz_below(rng, 9);
    const size_t height = 1 + fuzz_below(rng, 9);
    uint8_t row[128];
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color colors[256] = {{1, 2, 3}};
    png_byte opacity[4] = {0, 100, 255, 3}, exif[26] = "II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0";
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, kinds[k].depth, kinds[k].type,
                 fuzz_chance(rng, 2) ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    if (kinds[k].type == 3) png_set_PLTE(png, info, colors, 1 << kinds[k].depth);
    if (kinds[k].type == 3 && fuzz_chance(rng, 2)) png_set_tRNS(png, info, opacity, kinds[k].depth > 1 ? 4 : 2, NULL);
    exif[18] = (png_byte)fuzz_below(rng, 10);
    if (fuzz_chance(rng, 3)) png_set_eXIf_1(png, info, sizeof exif, exif);
    png_write_info(png, info);
    const int passes = png_set_interlace_handling(png);
    for (size_t i = 0; i < (size_t)passes * height; i++) {
        for (size_t j = 0; j < sizeof row; j++) row[j] = (uint8_t)fuzz_random(rng);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    if (size > room) size = room;
    memcpy(out, bytes, size);
    free(bytes);
    return size;
}

static size_t make_jpeg(uint8_t *out, size_t room, uint64_t *rng)
{
    static const uint8_t exif[32] = "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0";
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    uint8_t row[160];
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = 1 + (unsigned)fuzz_below(rng, 40);
    jpeg.image_height = 1 + (unsigned)fuzz_below(rng, 40);
    jpeg.input_components = 1 + (int)fuzz_below(rng, 3);
    if (jpeg.input_components > 1) jpeg.input_components++;
    jpeg.in_color_space = jpeg.input_components == 1 ? JCS_GRAYSCALE : jpeg.input_components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    if (jpeg.input_components == 4 && fuzz_chance(rng, 2)) jpeg_set_colorspace(&jpeg, JCS_YCCK);
    jpeg_set_quality(&jpeg, 10 + (int)fuzz_below(rng, 90), TRUE);
    if (fuzz_chance(rng, 2)) jpeg_simple_progression(&jpeg);
    jpeg.restart_interval = fuzz_chance(rng, 3) ? 1 : 0;
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t own[32];
    memcpy(own, exif, sizeof own);
    own[25] = (uint8_t)fuzz_below(rng, 10);
    if (fuzz_chance(rng, 2)) jpeg_write_marker(&jpeg, JPEG_APP0 + 1, own, sizeof own);
    while (jpeg.next_scanline < jpeg.image_height) {
        for (size_t j = 0; j < sizeof row; j++) row[j] = (uint8_t)(fuzz_random(rng) & 63);
        JSAMPROW at = row;
        jpeg_write_scanlines(&jpeg, &at, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    const size_t used = size < room ? size : room;
    memcpy(out, bytes, used);
    free(bytes);
    return used;
}

static uint32_t load_big(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Makes the checksum of each part of a PNG file right, so that a change is not only seen by it. */
static void mend(fuzz_bytes *b)
{
    for (size_t at = 8; at + 12 <= b->size;) {
        const size_t length = load_big(b->data + at);
        if (length > b->size - at - 12) return;
        const uint32_t sum = (uint32_t)crc32(0, b->data + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) b->data[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[8192];
    if (fuzz_chance(rng, 5)) {
        const size_t room = b->room < sizeof whole ? b->room : sizeof whole;
        const size_t size = fuzz_chance(rng, 2) ? make_png(whole, room, rng) : make_jpeg(whole, room, rng);
        fuzz_splice(b, 0, b->size, whole, size);
    }
    if (!fuzz_chance(rng, 4)) fuzz_change_bytes(b, NULL, rng);
    if (b->size > 8 && b->data[0] == 0x89 && !fuzz_chance(rng, 8)) mend(b);
}

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[8192];
    uint64_t rng = 9;
    for (int i = 0; i < 100; i++)
        fuzz_seed(to, whole, i % 2 ? make_png(whole, sizeof whole, &rng) : make_jpeg(whole, sizeof whole, &rng));
}

/* clang-format off */
static const char *const words[] = {
    "\x89PNG\r\n\x1a\n", "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "gAMA", "iCCP", "\xff\xd8\xff", "\xff\xc0",
    "\xff\xc2", "\xff\xc4", "\xff\xda", "\xff\xdb", "\xff\xdd", "\xff\xd9", "\xff\xd0", "Exif", "Adobe", NULL,
};
/* clang-format on */

const fuzz_target target_picture = {.name = "picture",
                                    .summary = "PNG and JPEG files",
                                    .words = words,
                                    .most = 4096,
                                    .base = 32 << 20,
                                    .factor = 2048 * 24, /* pixels of a byte; coefficients, and copies */
                                    .seeds = seeds,
                                    .run = run,
                                    .change = change};
