/* test_raw_pictures.c - tests pictures as samples: values of every kind of PNG, JPEG, orientations, sizes, colours. The
 * files are made by the libraries. */
#include "tests/data/raw_pictures.h"

Suite *raw_pictures_suite(void);

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

Suite *raw_pictures_suite(void)
{
    Suite *suite = suite_create("raw_pictures");
    in_own_folder(
        add_case(suite, "pictures", set_up, tear_down,
                 TESTS(kinds_of_png, kinds_of_jpeg, orientations, turns, sizes, every_size, unlike_pictures)));
    return suite;
}
