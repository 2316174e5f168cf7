/* test_plot_drawing.c - tests rectangles, pictures inside pictures, and text: the right pixels change, and no
 * others. */
#include <string.h>

#include "tests/plot/pictures.h"

Suite *plot_drawing_suite(void);

/* Parts outside the picture are not drawn, even at extreme coordinates. */
START_TEST(drawing_is_clipped)
{
    const pal_colour red = {200, 0, 0}, white = {255, 255, 255};
    pal_image *a = pal_image_new(4, 3, NULL), *b = pal_image_new(5, 5, NULL);
    pal_image_rect(a, -2, -2, 3, 4, red);
    pal_image_rect(a, 3, 2, INT64_MAX, INT64_MAX, red);
    pal_image_rect(a, INT64_MAX, 0, INT64_MAX, 1, red);
    pal_image_rect(a, INT64_MIN, 0, 1, 1, red);
    pal_image_rect(a, 1, 1, -1, 1, red);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            assert_colour(pal_image_get(a, x, y), (x == 0 && y < 2) || (x == 3 && y == 2) ? red : white);
    pal_image_fill(b, (pal_colour){1, 2, 3});
    pal_image_blit(b, a, -3, -2);
    assert_colour(pal_image_get(b, 0, 0), red);
    assert_colour(pal_image_get(b, 1, 0), (pal_colour){1, 2, 3});
    pal_image_blit(b, a, 4, 4);
    assert_colour(pal_image_get(b, 4, 4), red);
    pal_image_blit(b, a, 5, 0);
    pal_image_blit(b, a, INT64_MIN, INT64_MAX);
    assert_colour(pal_image_get(b, 9, 0), (pal_colour){0, 0, 0});
    pal_image_free(a);
    pal_image_free(b);
    pal_image_free(NULL);
}
END_TEST

START_TEST(hostile_sizes_are_refused)
{
    const int64_t sizes[][2] = {{0, 1}, {1, 0}, {-1, 5}, {65536, 1}, {INT64_MAX, INT64_MAX}, {65535, 65535}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pal_error error = {PAL_OK, ""};
        ck_assert_ptr_null(pal_image_new(sizes[i][0], sizes[i][1], &error));
        ck_assert_int_eq(error.status, PAL_ERR_ARGUMENT);
    }
}
END_TEST

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static bool inked(const pal_image *image, int64_t left, int64_t right)
{
    for (int64_t x = left; x < right; x++)
        for (int64_t y = 0; y < image->height; y++)
            if (pal_image_get(image, x, y).red < 128) return true;
    return false;
}

/* Text has exactly the width that pal_text_width returns. */
START_TEST(text_takes_the_width_it_measures)
{
    pal_image *image = pal_image_new(400, 60, NULL);
    for (int32_t height = 7; height <= 28; height += 7)
        for (int bold = 0; bold < 2; bold++) {
            pal_text_style style = {height, bold != 0, {0, 0, 0}};
            int64_t width = pal_text_width("masking 25 %", style);
            pal_image_fill(image, (pal_colour){255, 255, 255});
            pal_image_text(image, 40, 15, "masking 25 %", style);
            ck_assert(!inked(image, 0, 40));
            ck_assert(inked(image, 40, 40 + height));
            ck_assert(inked(image, 40 + width - height, 40 + width));
            ck_assert(!inked(image, 40 + width, 400));
            ck_assert_int_eq(width, pal_text_width("masking ", style) + pal_text_width("25 %", style));
        }
    pal_image_free(image);
}
END_TEST

START_TEST(every_letter_differs_from_every_other)
{
    enum { FIRST = 32, LAST = 126, WIDE = 44, HIGH = 50 };
    pal_text_style style = {28, false, {0, 0, 0}};
    pal_image *letters[LAST + 1] = {NULL};
    for (int c = FIRST; c <= LAST; c++) {
        letters[c] = pal_image_new(WIDE, HIGH, NULL);
        pal_image_text(letters[c], 4, 8, (char[]){(char)c, '\0'}, style);
        ck_assert(inked(letters[c], 0, WIDE) == (c != ' '));
        ck_assert_int_gt(pal_text_width((char[]){(char)c, '\0'}, style), 0);
        for (int d = FIRST; d < c; d++)
            ck_assert_int_ne(memcmp(letters[c]->pixels, letters[d]->pixels, WIDE * HIGH * 3), 0);
    }
    for (int c = FIRST; c <= LAST; c++) pal_image_free(letters[c]);
}
END_TEST

START_TEST(odd_text_is_drawn_or_ignored)
{
    pal_text_style style = {14, false, {0, 0, 0}};
    pal_image *image = pal_image_new(20, 20, NULL);
    ck_assert_int_eq(pal_text_width(NULL, style), 0);
    ck_assert_int_eq(pal_text_width("", style), 0);
    ck_assert_int_eq(pal_text_width("\xc3\xa9", style), pal_text_width("\x01", style)); /* one box per character */
    pal_image_text(image, 0, 0, NULL, style);
    pal_image_text(image, INT64_MAX, 0, "far", style);
    pal_image_text(image, INT64_MIN, INT64_MIN, "far", style);
    pal_image_text(image, 0, INT64_MAX, "far", style);
    ck_assert(!inked(image, 0, 20));
    pal_image_text(image, -5, -5, "clipped \xff\xfe", (pal_text_style){INT32_MAX, true, {0, 0, 0}});
    pal_image_text(image, -5, -5, "clipped", (pal_text_style){INT32_MIN, true, {0, 0, 0}});
    ck_assert(inked(image, 0, 20));
    pal_image_free(image);
}
END_TEST

Suite *plot_drawing_suite(void)
{
    Suite *suite = suite_create("plot_drawing");
    add_case(suite, "images", NULL, NULL, TESTS(drawing_is_clipped, hostile_sizes_are_refused));
    add_case(
        suite, "text", NULL, NULL,
        TESTS(text_takes_the_width_it_measures, every_letter_differs_from_every_other, odd_text_is_drawn_or_ignored));
    return suite;
}
