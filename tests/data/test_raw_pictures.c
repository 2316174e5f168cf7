/* test_raw_pictures.c - tests folders of PNG and JPEG files: values of every kind of PNG, orientations, sizes, colours,
 * classes, bad files, and that the number of threads changes nothing. The files are made by the libraries. */
#include "data/pictures.h"
#include "tests/data/arrays.h"

#include <jpeglib.h>
#include <png.h>

Suite *raw_pictures_suite(void);

static palt__raw raw;
static pal_note note;

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static pal_status read_folder(const char *const *pairs, const palt__progress *progress, pal_error *err)
{
    pal_setting room[4];
    size_t n = 0;
    for (; pairs && pairs[2 * n]; n++) room[n] = (pal_setting){.name = pairs[2 * n], .value = pairs[2 * n + 1]};
    note = (pal_note){""};
    return palt__raw_pictures(&raw, context, path_of("in"), &(pal_data_options){.given = room, .n = n}, progress, &note,
                              err);
}

static void accept_folder(const char *const *pairs)
{
    pal_error err = {0};
    ck_assert_msg(read_folder(pairs, NULL, &err) == PAL_OK, "%s", err.text);
}

static void refuse_folder(const char *const *pairs, const char *needle)
{
    pal_error err = {0};
    const long held = memory.held;
    ck_assert_int_ne(read_folder(pairs, NULL, &err), PAL_OK);
    ck_assert_msg(strstr(err.text, needle) && !strchr(err.text, '\n'), "no \"%s\" in: %s", needle, err.text);
    ck_assert(!raw.values && !raw.ids && !raw.classes);
    ck_assert_int_eq(memory.held, held);
    ck_assert_int_ne(read_folder(pairs, NULL, NULL), PAL_OK);
}

static void make_folders(const char *const *names)
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
static const char *put_png(const char *name, int width, int height, int depth, int type, bool interlaced,
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

static const char *put_grey(const char *name, int width, int height, const void *pixels)
{
    return put_png(name, width, height, 8, PNG_COLOR_TYPE_GRAY, false, pixels, (size_t)width, NULL);
}

static const char *put_rgb(const char *name, int width, int height, const void *pixels)
{
    return put_png(name, width, height, 8, PNG_COLOR_TYPE_RGB, false, pixels, 3 * (size_t)width, NULL);
}

/* exif: 26 bytes of EXIF data, or NULL. */
static const char *put_jpeg(const char *name, int width, int height, int channels, bool progressive,
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

static void assert_values(pal_shape shape, const void *expected)
{
    char text[96];
    ck_assert_msg(pal_shape_equal(raw.values->shape, shape), "%s",
                  pal_shape_text(raw.values->shape, text, sizeof text));
    const uint8_t *is = raw.values->data, *should = expected;
    for (size_t i = 0; i < pal_tensor_count(raw.values); i++)
        ck_assert_msg(is[i] == should[i], "element %zu is %d, expected %d", i, is[i], should[i]);
    palt__raw_free(&raw);
}

/* ---- Kinds of files --------------------------------------------------------------------------------------------- */

static void add_palette(png_structp png, png_infop info)
{
    static const png_color colors[] = {{1, 2, 3}, {40, 50, 60}, {255, 0, 128}};
    png_set_PLTE(png, info, colors, 3);
}

static void add_clear_palette(png_structp png, png_infop info)
{
    static const png_byte opacity[] = {255, 0, 51};
    add_palette(png, info);
    png_set_tRNS(png, info, opacity, 3, NULL);
}

static void add_gamma(png_structp png, png_infop info) { png_set_gAMA(png, info, 1.0); }

START_TEST(kinds_of_png)
{
    make_folders(NULL);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        const bool i = interlaced;
        put_png("in/a.png", 3, 2, 8, PNG_COLOR_TYPE_GRAY, i, "\0\1\2\3\4\377", 3, add_gamma);
        accept_folder(NULL);
        ck_assert_str_eq(note.text, "1 picture of 2 x 3, grey, divided by 255");
        assert_values(PAL_SHAPE(1, 2, 3), "\0\1\2\3\4\377");
        put_png("in/a.png", 3, 2, 1, PNG_COLOR_TYPE_GRAY, i, "\240\100", 1, NULL);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 2, 3), "\377\0\377\0\377\0");
        put_png("in/a.png", 2, 1, 4, PNG_COLOR_TYPE_GRAY, i, "\17", 1, NULL);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 1, 2), "\0\377");
        put_png("in/a.png", 3, 1, 16, PNG_COLOR_TYPE_GRAY, i, "\377\377\1\1\0\200", 6, NULL); /* x / 257 */
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 1, 3), "\377\1\0");
        put_png("in/a.png", 2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, i, "\100\0\0\63", 4, NULL); /* 51 / 255 is a fifth */
        accept_folder(NULL);
        ck_assert_ptr_nonnull(strstr(note.text, "1 with transparent parts, on white"));
        assert_values(PAL_SHAPE(1, 1, 2), (uint8_t[]){255, 204});
        put_png("in/a.png", 2, 1, 8, PNG_COLOR_TYPE_RGB, i, "\1\2\3\4\5\6", 6, NULL);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 3, 1, 2), "\1\4\2\5\3\6");
        put_png("in/a.png", 1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, i, "\0\144\377\63", 4, NULL);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 3, 1, 1), (uint8_t[]){204, 224, 255});
        put_png("in/a.png", 3, 1, 8, PNG_COLOR_TYPE_PALETTE, i, "\0\1\2", 3, add_palette);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 3, 1, 3), (uint8_t[]){1, 40, 255, 2, 50, 0, 3, 60, 128});
        put_png("in/a.png", 3, 1, 8, PNG_COLOR_TYPE_PALETTE, i, "\0\1\2", 3, add_clear_palette);
        accept_folder(NULL);
        assert_values(PAL_SHAPE(1, 3, 1, 3), (uint8_t[]){1, 255, 255, 2, 255, 204, 3, 255, 230});
    }
}
END_TEST

/* A JPEG of the best quality is within a few units of what was written. */
START_TEST(kinds_of_jpeg)
{
    uint8_t pixels[16 * 16 * 4];
    make_folders(NULL);
    for (int k = 0; k < 6; k++) {
        const int channels = k % 3 == 0 ? 1 : k % 3 == 1 ? 3 : 4;
        for (int i = 0; i < 16 * 16 * channels; i++)
            pixels[i] = (uint8_t)(100 + i / channels % 16 * 5 + i / channels / 16 * 3 - 20 * (i % channels));
        put_jpeg("in/a.jpg", 16, 16, channels, k > 2, pixels, NULL);
        accept_folder(NULL);
        const uint8_t *x = raw.values->data;
        for (int i = 0; i < 256; i++)
            for (int c = 0; c < (channels == 1 ? 1 : 3); c++) {
                const int black = channels == 4 ? pixels[4 * i + 3] : 255;
                const int should = (channels == 4 ? pixels[4 * i + c] : pixels[channels * i + c]) * black / 255;
                ck_assert_int_le(abs(x[c * 256 + i] - should), 4);
            }
        palt__raw_free(&raw);
    }
    rename(path_of("in/a.jpg"), path_of("in/a.PNG")); /* the content tells the format */
    accept_folder(NULL);
    palt__raw_free(&raw);
}
END_TEST

/* A picture with one dark quarter. Where it is tells the orientation. */
START_TEST(orientations)
{
    static const char *const quarters[] = {"top left", "top left",  "top right",    "bottom right", "bottom left",
                                           "top left", "top right", "bottom right", "bottom left"};
    uint8_t pixels[16 * 32];
    for (int i = 0; i < 16 * 32; i++) pixels[i] = i / 32 < 8 && i % 32 < 16 ? 0 : 255;
    make_folders(NULL);
    for (int o = 0; o < 10; o++)
        for (int big = 0; big < 2; big++) {
            uint8_t exif[26] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, (uint8_t)o};
            const uint8_t other[26] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (uint8_t)o};
            put_jpeg("in/a.jpg", 32, 16, 1, false, pixels, big ? other : exif);
            accept_folder(NULL);
            const bool valid = o >= 1 && o <= 8, swapped = valid && o > 4;
            ck_assert(!strstr(note.text, "turned as their EXIF") == !(valid && o > 1));
            ck_assert(pal_shape_equal(raw.values->shape, swapped ? PAL_SHAPE(1, 32, 16) : PAL_SHAPE(1, 16, 32)));
            const int h = swapped ? 32 : 16, w = swapped ? 16 : 32;
            const char *quarter = valid ? quarters[o] : "top left";
            const bool bottom = *quarter == 'b', right = strstr(quarter, "right");
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    const bool dark = (y >= h / 2) == bottom && (x >= w / 2) == right;
                    const int is = ((const uint8_t *)raw.values->data)[y * w + x];
                    ck_assert_msg(dark ? is < 8 : is > 247, "orientation %d: %d at %d, %d", o, is, y, x);
                }
            palt__raw_free(&raw);
        }
}
END_TEST

/* Two different values of one pixel each, which tell a turn by 90 degrees from its mirror image. */
START_TEST(turns)
{
    static const char *const turned[] = {"",       "abcdef", "cbafed", "fedcba", "defabc",
                                         "adbecf", "daebfc", "fcebda", "cfbead"};
    for (int o = 1; o <= 8; o++) {
        palt__picture p = {.pixels = malloc(6), .height = 2, .width = 3, .channels = 1, .orientation = o};
        memcpy(p.pixels, "abcdef", 6);
        ck_assert_int_eq(palt__picture_turn(&p), PAL_OK);
        ck_assert_int_eq(memcmp(p.pixels, turned[o], 6), 0);
        ck_assert_uint_eq(p.height, o > 4 ? 3 : 2);
        ck_assert_uint_eq(p.width, o > 4 ? 2 : 3);
        free(p.pixels);
    }
}
END_TEST

/* ---- Sizes ------------------------------------------------------------------------------------------------------ */

START_TEST(sizes)
{
    make_folders(NULL);
    put_grey("in/a.png", 4, 2, "\0\12\24\36\50\62\74\106"); /* 0 10 20 30, 40 50 60 70 */
    accept_folder(OPTIONS("size", "1x2"));
    ck_assert_ptr_nonnull(strstr(note.text, "1 brought to this size, stretched"));
    assert_values(PAL_SHAPE(1, 1, 2), (uint8_t[]){25, 45});
    accept_folder(OPTIONS("size", "2x4"));
    ck_assert_ptr_null(strstr(note.text, "brought"));
    assert_values(PAL_SHAPE(1, 2, 4), "\0\12\24\36\50\62\74\106");
    accept_folder(OPTIONS("size", "2")); /* also 2 x 2 */
    assert_values(PAL_SHAPE(1, 2, 2), (uint8_t[]){5, 25, 45, 65});
    accept_folder(OPTIONS("size", "2x3")); /* a third of 4 pixels is 4/3: 0 + 10/3, ... */
    assert_values(PAL_SHAPE(1, 2, 3), (uint8_t[]){3, 15, 28, 43, 55, 68});
    accept_folder(OPTIONS("size", "1x2", "fit", "crop"));
    assert_values(PAL_SHAPE(1, 1, 2), (uint8_t[]){25, 45});
    accept_folder(OPTIONS("size", "2x2", "fit", "crop")); /* the columns in the middle */
    assert_values(PAL_SHAPE(1, 2, 2), (uint8_t[]){10, 20, 50, 60});
    accept_folder(OPTIONS("size", "4x4", "fit", "pad"));
    ck_assert_ptr_nonnull(strstr(note.text, "with black around"));
    assert_values(PAL_SHAPE(1, 4, 4), (uint8_t[]){0, 0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 0, 0, 0, 0});
    accept_folder(OPTIONS("size", "2x8")); /* linear between the centres, the last beyond them */
    assert_values(PAL_SHAPE(1, 2, 8), (uint8_t[]){0, 3, 8, 13, 18, 23, 28, 30, 40, 43, 48, 53, 58, 63, 68, 70});
    put_grey("in/a.png", 1, 1, "\7");
    accept_folder(OPTIONS("size", "2x3"));
    assert_values(PAL_SHAPE(1, 2, 3), "\7\7\7\7\7\7");
    static const char *const bad[] = {"0x3", "3x0", "3x", "x3", "", "3x3x3", "70000x1", "-1x2", "a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse_folder(OPTIONS("size", bad[i]), "expected HEIGHTxWIDTH, such as 32x32");
    refuse_folder(OPTIONS("fit", "crop"), "--fit crop needs --size");
    refuse_folder(OPTIONS("size", "2x2", "fit", "cut"), "expected stretch, crop or pad");
    refuse_folder(OPTIONS("color", "red"), "expected grey or rgb");
}
END_TEST

/* A constant picture stays constant at every size and fit, and the mean of an area stays when it shrinks evenly. */
START_TEST(every_size)
{
    uint8_t pixels[9 * 9];
    for (size_t h = 1; h < 10; h++)
        for (size_t w = 1; w < 10; w++)
            for (size_t to = 0; to < 81 * 3; to++) {
                uint8_t out[81] = {0};
                memset(pixels, 201, sizeof pixels);
                const palt__picture p = {.pixels = pixels, .height = h, .width = w, .channels = 1};
                const size_t height = to % 9 + 1, width = to / 9 % 9 + 1;
                ck_assert_int_eq(palt__picture_fit(&p, (palt__fit)(to / 81), height, width, out), PAL_OK);
                for (size_t i = 0; i < height * width; i++)
                    ck_assert_msg(out[i] == 201 || (to / 81 == PALT__FIT_PAD && !out[i]), "%d", out[i]);
                ck_assert(to / 81 == PALT__FIT_PAD ? memchr(out, 201, height * width) != NULL : true);
            }
}
END_TEST

START_TEST(unlike_pictures)
{
    make_folders(NULL);
    put_grey("in/a.png", 2, 2, "\1\2\3\4");
    put_grey("in/b.png", 2, 1, "\1\2");
    refuse_folder(NULL, "a.png has the size 2x2 and b.png has 1x2: give --size HxW, such as --size 2x2");
    put_rgb("in/b.png", 2, 2, "\1\2\3\1\2\3\1\2\3\1\2\3");
    refuse_folder(NULL, "a.png is grey and b.png is in colour: give --color grey or --color rgb");
    accept_folder(OPTIONS("color", "grey"));
    assert_values(PAL_SHAPE(2, 2, 2), "\1\2\3\4\2\2\2\2"); /* 0.299 + 2 0.587 + 3 0.114 = 1.815 */
    accept_folder(OPTIONS("color", "rgb"));
    assert_values(PAL_SHAPE(2, 3, 2, 2), "\1\2\3\4\1\2\3\4\1\2\3\4\1\1\1\1\2\2\2\2\3\3\3\3");
}
END_TEST

/* ---- Folders ---------------------------------------------------------------------------------------------------- */

START_TEST(classes_of_folders)
{
    make_folders(OPTIONS("b", "a-b", "a", "empty", ".hidden", "a/deep"));
    put_grey("in/b/2.png", 1, 1, "\1");
    put_grey("in/b/10.png", 1, 1, "\2");
    put_grey("in/a-b/x.PnG", 1, 1, "\3");
    put_grey("in/a/x.png", 1, 1, "\4");
    put_grey("in/a/deep/z.png", 1, 1, "\5");
    put_grey("in/a/.x.png", 1, 1, "\6");
    put_grey("in/.hidden/x.png", 1, 1, "\7");
    write_text("in/b/notes.txt", "no picture");
    ck_assert_int_eq(symlink("2.png", path_of("in/b/9.png")), 0);
    ck_assert_int_eq(symlink("..", path_of("in/b/loop")), 0);
    accept_folder(NULL);
    ck_assert_str_eq(note.text, "6 pictures of 1 x 1, grey, divided by 255; labels: 3 folders; 4 other files left out");
    static const char *const ids[] = {"a/deep/z.png", "a/x.png", "a-b/x.PnG", "b/10.png", "b/2.png", "b/9.png"};
    for (size_t i = 0; i < 6; i++) ck_assert_str_eq(raw.ids[i], ids[i]);
    ck_assert_uint_eq(raw.n_classes, 3);
    ck_assert_str_eq(raw.classes[0], "a");
    ck_assert_str_eq(raw.classes[1], "a-b");
    ck_assert_str_eq(raw.classes[2], "b");
    ck_assert_int_eq(memcmp(raw.labels->data, "\0\0\1\2\2\2", 6), 0);
    assert_values(PAL_SHAPE(6, 1, 1), "\5\4\3\2\1\1");
    put_grey("in/loose.png", 1, 1, "\1");
    refuse_folder(NULL, "has pictures (loose.png) beside folders of pictures (a/deep/z.png)");
}
END_TEST

START_TEST(many_folders)
{
    make_folders(NULL);
    char name[32];
    for (int i = 0; i < 257; i++) {
        snprintf(name, sizeof name, "in/%03d", i);
        mkdir(path_of(name), 0700);
        strcat(name, "/x.png");
        put_grey(name, 1, 1, "\1");
    }
    accept_folder(NULL);
    ck_assert_ptr_nonnull(strstr(note.text, "no labels, since 257 folders are more than 256"));
    ck_assert_ptr_null(raw.labels);
    palt__raw_free(&raw);
    unlink(path_of("in/256/x.png"));
    accept_folder(NULL);
    ck_assert_uint_eq(raw.n_classes, 256);
    ck_assert_int_eq(((uint8_t *)raw.labels->data)[255], 255);
    palt__raw_free(&raw);
}
END_TEST

START_TEST(bad_files)
{
    char bytes[4096];
    uint8_t pixels[64];
    for (int i = 0; i < 64; i++) pixels[i] = (uint8_t)(i * 37 % 251);
    make_folders(NULL);
    refuse_folder(NULL, "has no pictures, expected .png or .jpg files");
    write_text("in/a.txt", "x");
    refuse_folder(NULL, "has no pictures");
    write_text("in/c.png", "");
    refuse_folder(NULL, "in/c.png: cannot be read: it is empty: give --skip-bad yes");
    refuse_folder(OPTIONS("skip-bad", "yes"), "none of its 1 pictures can be read; the last: it is empty");
    write_text("in/c.png", "GIF89a");
    refuse_folder(NULL, "in/c.png: cannot be read: neither a PNG nor a JPEG file");
    put_grey("in/d.png", 8, 8, pixels);
    size_t size = read_file(path_of("in/d.png"), bytes, sizeof bytes);
    unlink(path_of("in/c.png"));
    for (size_t cut = 0; cut < size; cut++) {
        write_file("in/d.png", bytes, cut);
        refuse_folder(NULL, "in/d.png: cannot be read: ");
    }
    for (size_t at = 0; at < size; at++) { /* any changed byte: no fault, and never a value out of nothing */
        bytes[at] ^= 16;
        write_file("in/d.png", bytes, size);
        if (read_folder(NULL, NULL, NULL) == PAL_OK) palt__raw_free(&raw);
        bytes[at] ^= 16;
    }
    unlink(path_of("in/d.png"));
    put_jpeg("in/e.jpg", 8, 8, 1, false, pixels, NULL);
    size = read_file(path_of("in/e.jpg"), bytes, sizeof bytes);
    for (size_t cut = 0; cut + 2 < size; cut++) { /* the last two bytes say that it ends */
        write_file("in/e.jpg", bytes, cut);
        refuse_folder(NULL, "in/e.jpg: cannot be read: ");
    }
    put_grey("in/f.png", 8, 8, pixels);
    put_grey("in/g.png", 8, 8, pixels);
    write_text("in/h.png", "bad");
    refuse_folder(NULL, "in/e.jpg: cannot be read: "); /* the first of two */
    accept_folder(OPTIONS("skip-bad", "yes"));
    ck_assert_ptr_nonnull(strstr(note.text, "2 files that cannot be read left out: e.jpg, h.png"));
    ck_assert_int_eq(raw.values->shape.dim[0], 2);
    ck_assert_str_eq(raw.ids[0], "f.png");
    ck_assert_str_eq(raw.ids[1], "g.png");
    ck_assert_int_eq(memcmp((char *)raw.values->data + 64, pixels, 64), 0);
    palt__raw_free(&raw);
    put_grey("in/i.png", 1, 1, pixels); /* another size is no bad file */
    refuse_folder(OPTIONS("skip-bad", "yes"), "f.png has the size 8x8 and i.png has 1x1");
    pal_error err = {0};
    ck_assert_int_eq(palt__raw_pictures(&raw, context, path_of("none"), NULL, NULL, NULL, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "none: No such file"));
    ck_assert_int_eq(palt__raw_pictures(&raw, context, NULL, NULL, NULL, NULL, &err), PAL_ERR_ARGUMENT);
}
END_TEST

/* ---- Many ------------------------------------------------------------------------------------------------------- */

typedef struct seen {
    int64_t last, all;
} seen;

static void step(int64_t done, int64_t all, void *user)
{
    seen *s = user;
    ck_assert_int_gt(done, s->last);
    ck_assert_int_le(done, all);
    *s = (seen){done, all};
}

START_TEST(threads)
{
    enum { FILES = 300 };
    char name[32];
    make_folders(OPTIONS("a", "b"));
    for (int i = 0; i < FILES; i++) {
        const uint8_t pixels[] = {(uint8_t)i, (uint8_t)(i / 256), 7, 8};
        snprintf(name, sizeof name, "in/%c/%03d.png", i < 100 ? 'a' : 'b', i);
        if (i % 50 == 3)
            write_text(name, "bad");
        else
            put_grey(name, 2, 2, pixels);
    }
    for (unsigned n = 1; n < 8; n++) {
        seen s = {0};
        pal_error err = {0};
        const palt__progress progress = {step, &s};
        pal_context *own = context;
        context = context_with(n);
        ck_assert_int_eq(read_folder(NULL, NULL, &err), PAL_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "in/a/003.png: cannot be read"));
        ck_assert_int_eq(read_folder(OPTIONS("skip-bad", "yes"), &progress, &err), PAL_OK);
        ck_assert(s.last == FILES && s.all == FILES);
        ck_assert_ptr_nonnull(
            strstr(note.text, "6 files that cannot be read left out: a/003.png, a/053.png, b/103.png, ..."));
        ck_assert_int_eq(raw.values->shape.dim[0], FILES - 6);
        for (int i = 0, at = 0; i < FILES; i++) {
            if (i % 50 == 3) continue;
            const uint8_t *x = (const uint8_t *)raw.values->data + 4 * at;
            ck_assert(x[0] == (uint8_t)i && x[1] == i / 256 && x[2] == 7 && x[3] == 8);
            ck_assert_int_eq(((uint8_t *)raw.labels->data)[at++], i >= 100);
        }
        palt__raw_free(&raw);
        pal_context_free(context);
        context = own;
    }
}
END_TEST

Suite *raw_pictures_suite(void)
{
    Suite *suite = suite_create("raw_pictures");
    in_own_folder(add_case(suite, "pictures", set_up, tear_down,
                           TESTS(kinds_of_png, kinds_of_jpeg, orientations, turns, sizes, every_size, unlike_pictures,
                                 classes_of_folders, many_folders, bad_files, threads)));
    return suite;
}
