/* test_plot_mappings.c - tests how numbers become levels and colours. */
#include <float.h>
#include <math.h>

#include "tests/plot/pictures.h"

Suite *plot_mappings_suite(void);

START_TEST(unit_maps_and_clamps)
{
    const double values[] = {0, 1, 0.5, -3, 7, 0.2};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, 2, 3), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t}, 0, 1, NULL);
    const int expected[] = {0, 255, 128, 0, 255, 51};
    for (int i = 0; i < 6; i++) assert_grey(image, MARGIN + i % 3, MARGIN + i / 3, expected[i]);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

START_TEST(bytes_keep_their_level)
{
    const double values[] = {0, 1, 77, 255};
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(1, 4), values), *b = tensor(PAL_BOOL, PAL_SHAPE(1, 4), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t}, 0, 1, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, (int)values[i]);
    pal_image_free(image);
    image = draw_row((pal_grid_row){.cells = b}, 0, 1, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, i == 0 ? 0 : 255);
    pal_image_free(image);
    pal_tensor_free(b);
    pal_tensor_free(t);
}
END_TEST

/* The range is that of each cell. A constant cell is grey. */
START_TEST(range_is_of_each_cell)
{
    const double values[] = {-1, 3, 1, 0, 10, 20, 15, 10, 5, 5, 5, 5, -DBL_MAX, DBL_MAX, 0, 0};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(4, 2, 2), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_RANGE}, 4, 1, NULL);
    const int expected[] = {0, 255, 128, 64, 0, 255, 128, 0, 128, 128, 128, 128, 0, 255, 128, 128};
    for (int i = 0; i < 16; i++) /* cells are two pixels wide, with one pixel between */
        assert_grey(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2, expected[i]);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

/* Zero has the middle level. The largest absolute value of a cell has the extreme level. */
START_TEST(symmetric_has_zero_in_the_middle)
{
    const double values[] = {-2, 1, 0, 2, 0, 0, 0, 0, 0.5, 0, 0, -0.25};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(3, 4), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_SYMMETRIC}, 3, 1, NULL);
    const int expected[] = {0, 191, 128, 255, 128, 128, 128, 128, 255, 128, 128, 64};
    for (int i = 0; i < 12; i++) assert_grey(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2, expected[i]);
    pal_image_free(image);
    image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_DIVERGING}, 3, 1, NULL);
    const double signs[] = {-1, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, -0.5};
    for (int i = 0; i < 12; i++)
        assert_colour(pal_image_get(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2),
                      pal_colour_diverging(signs[i]));
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

/* The colour maps clamp at their ends and get darker towards them. NAN has a colour of its own. */
START_TEST(colour_maps_are_ordered)
{
    assert_colour(pal_colour_grey(-1), (pal_colour){0, 0, 0});
    assert_colour(pal_colour_grey(INFINITY), (pal_colour){255, 255, 255});
    assert_colour(pal_colour_diverging(-INFINITY), pal_colour_diverging(-1));
    assert_colour(pal_colour_diverging(3), pal_colour_diverging(1));
    assert_colour(pal_colour_grey(NAN), PAL_COLOUR_NONFINITE);
    assert_colour(pal_colour_diverging(NAN), PAL_COLOUR_NONFINITE);
    pal_colour middle = pal_colour_diverging(0);
    ck_assert_int_eq(middle.red, middle.blue);
    ck_assert_int_gt(pal_colour_diverging(-0.5).blue, pal_colour_diverging(-0.5).red);
    ck_assert_int_gt(pal_colour_diverging(0.5).red, pal_colour_diverging(0.5).blue);
    for (int i = 0; i < 100; i++) { /* darker towards both ends */
        ck_assert_int_ge(pal_colour_diverging(i / 100.0).green, pal_colour_diverging((i + 1) / 100.0).green);
        ck_assert_int_ge(pal_colour_diverging(-i / 100.0).green, pal_colour_diverging(-(i + 1) / 100.0).green);
    }
}
END_TEST

/* A number that is not finite has a colour of its own and does not count for the range. */
START_TEST(what_is_not_finite_shows_and_does_not_count)
{
    const double values[] = {NAN, 2, INFINITY, 4, -INFINITY, NAN, NAN, INFINITY};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(2, 4), values);
    for (int mapping = 0; mapping < PAL_MAP_PROFILE; mapping++) {
        pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = (pal_mapping)mapping}, 2, 1, NULL);
        for (int i = 0; i < 8; i++) {
            pal_colour colour = pal_image_get(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2);
            if (!isfinite(values[i])) assert_colour(colour, PAL_COLOUR_NONFINITE);
        }
        if (mapping == PAL_MAP_RANGE) {
            assert_grey(image, MARGIN + 1, MARGIN, 0);
            assert_grey(image, MARGIN + 1, MARGIN + 1, 255);
        }
        pal_image_free(image);
    }
    pal_tensor_free(t);
}
END_TEST

Suite *plot_mappings_suite(void)
{
    Suite *suite = suite_create("plot_mappings");
    add_case(suite, "mappings", set_up, tear_down,
             TESTS(unit_maps_and_clamps, bytes_keep_their_level, range_is_of_each_cell,
                   symmetric_has_zero_in_the_middle, colour_maps_are_ordered,
                   what_is_not_finite_shows_and_does_not_count));
    return suite;
}
