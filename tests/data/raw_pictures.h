/* raw_pictures.h - shared by the suites of folders of pictures: making PNG and JPEG files, reading, and refusals. */
#ifndef PAL_TESTS_RAW_PICTURES_H
#define PAL_TESTS_RAW_PICTURES_H

#include "data/pictures.h"
#include "tests/data/arrays.h"

#include <jpeglib.h>
#include <png.h>

static palt__raw raw;
static pal_note note;

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline pal_status read_folder(const char *const *pairs, const palt__progress *progress, pal_error *err)
{
    pal_setting room[4];
    size_t n = 0;
    for (; pairs && pairs[2 * n]; n++) room[n] = (pal_setting){.name = pairs[2 * n], .value = pairs[2 * n + 1]};
    note = (pal_note){""};
    return palt__raw_pictures(&raw, context, path_of("in"), &(pal_data_options){.given = room, .n = n}, progress, &note,
                              err);
}

static inline void accept_folder(const char *const *pairs)
{
    pal_error err = {0};
    ck_assert_msg(read_folder(pairs, NULL, &err) == PAL_OK, "%s", err.text);
}

static inline void refuse_folder(const char *const *pairs, const char *needle)
{
    pal_error err = {0};
    const long held = memory.held;
    ck_assert_int_ne(read_folder(pairs, NULL, &err), PAL_OK);
    ck_assert_msg(strstr(err.text, needle) && !strchr(err.text, '\n'), "no \"%s\" in: %s", needle, err.text);
    ck_assert(!raw.values && !raw.ids && !raw.classes);
    ck_assert_int_eq(memory.held, held);
    ck_assert_int_ne(read_folder(pairs, NULL, NULL), PAL_OK);
}

static inline void make_folders(const char *const *names)
{
    mkdir(path_of("in"), 0700);
    for (; names && *names; names++) {
        char name[64];
        snprintf(name, sizeof name, "in/%s", *names);
        ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
    }
}

/* ---- Making files ----------------------------------------------------------------------------------------------- */

/* Rows of the depth and the type as PNG stores them. */
static inline const char *put_png(const char *name, int width, int height, int depth, int type, bool interlaced,
                                  const void *rows, size_t row, void (*more)(png_structp png, png_infop info))
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_bytep at[64];
    for (int y = 0; y < height; y++) at[y] = (png_bytep)(uintptr_t)rows + (size_t)y * row;
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (more) more(png, info);
    png_write_info(png, info);
    png_write_image(png, at);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    return path;
}

static inline const char *put_grey(const char *name, int width, int height, const void *pixels)
{
    return put_png(name, width, height, 8, PNG_COLOR_TYPE_GRAY, false, pixels, (size_t)width, NULL);
}

static inline const char *put_rgb(const char *name, int width, int height, const void *pixels)
{
    return put_png(name, width, height, 8, PNG_COLOR_TYPE_RGB, false, pixels, 3 * (size_t)width, NULL);
}

/* exif: 26 bytes of EXIF data, or NULL. */
static inline const char *put_jpeg(const char *name, int width, int height, int channels, bool progressive,
                                   const uint8_t *pixels, const void *exif)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = (unsigned)width;
    jpeg.image_height = (unsigned)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    for (int c = 0; c < channels; c++) jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (exif) {
        uint8_t marker[32] = "Exif\0";
        memcpy(marker + 6, exif, 26);
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, marker, sizeof marker);
    }
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)pixels + y * width * channels;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
    return path;
}

static inline void assert_values(pal_shape shape, const void *expected)
{
    char text[96];
    ck_assert_msg(pal_shape_equal(raw.values->shape, shape), "%s",
                  pal_shape_text(raw.values->shape, text, sizeof text));
    const uint8_t *is = raw.values->data, *should = expected;
    for (size_t i = 0; i < pal_tensor_count(raw.values); i++)
        ck_assert_msg(is[i] == should[i], "element %zu is %d, expected %d", i, is[i], should[i]);
    palt__raw_free(&raw);
}

#endif
