/* test_refused_pictures.c - what is no picture is refused with its reason, and no file appears; what is not finite is
 * left out; and what is outside an image is ignored. */
#include "tests/files.h"
#include "tests/plot/pictures.h"

#include <math.h>
#include <stdint.h>

Suite *refused_pictures_suite(void);

#define refused(call, says)                                                                                            \
    do {                                                                                                               \
        pal_error error = {PAL_OK, ""};                                                                                \
        ck_assert_int_eq(call, PAL_ERR_ARGUMENT);                                                                      \
        ck_assert_int_eq(error.status, PAL_ERR_ARGUMENT);                                                              \
        ck_assert_msg(strstr(error.text, says) != NULL, "%s", error.text);                                             \
        ck_assert_int_eq(count_files(), 0);                                                                            \
    } while (0)

static const double xs[] = {0, 1, 2}, ys[] = {1, 3, 2};

/* ---- No picture ----------------------------------------------------------------------------------------------- */

START_TEST(no_place_for_a_picture)
{
    const pal_series series = {"loss", ys};
    const int64_t counts[] = {1};
    const pal_matrix_panel panel = {.counts = counts};
    const pal_curves curves = {.struct_size = sizeof curves, .x = xs, .count = 3, .series = &series, .series_count = 1};
    const pal_points points = {.struct_size = sizeof points, .x = xs, .y = ys, .count = 3};
    const pal_matrix matrix = {.struct_size = sizeof matrix, .panels = &panel, .panel_count = 1, .classes = 1};
    const char *const paths[] = {NULL, "", path_of("folder/")};
    for (size_t i = 0; i < 3; i++) {
        refused(pal_curves_write(&curves, paths[i], &error), "curves: no path");
        refused(pal_points_write(&points, paths[i], &error), "points: no path");
        refused(pal_matrix_write(&matrix, paths[i], &error), "matrix: no path");
    }
    ck_assert_int_eq(pal_curves_write(&curves, path_of("c.png"), NULL), PAL_OK);
    ck_assert_int_eq(pal_points_write(&points, path_of("p.png"), NULL), PAL_OK);
    ck_assert_int_eq(pal_matrix_write(&matrix, path_of("m.png"), NULL), PAL_OK);
    ck_assert_int_eq(count_files(), 3);
}
END_TEST

START_TEST(curves_are_refused)
{
    const pal_series series[] = {{"loss", ys}, {NULL, ys}, {"none", NULL}};
    const size_t size = sizeof(pal_curves);
    const struct {
        pal_curves curves;
        const char *says;
    } cases[] = {
        {{.struct_size = 3, .x = xs, .count = 3, .series = series, .series_count = 1}, "struct_size"},
        {{.struct_size = size, .x = xs, .count = 3, .series = NULL, .series_count = 1}, "1 curves"},
        {{.struct_size = size, .x = xs, .count = 3, .series = series, .series_count = 0}, "0 curves"},
        {{.struct_size = size, .x = xs, .count = 3, .series = series, .series_count = SIZE_MAX}, "curves: give 1 to"},
        {{.struct_size = size, .x = NULL, .count = 3, .series = series, .series_count = 1}, "curve 0 has no name or"},
        {{.struct_size = size, .x = xs, .count = 3, .series = series, .series_count = 2}, "curve 1 has no name or"},
        {{.struct_size = size, .x = xs, .count = 3, .series = series + 2, .series_count = 1}, "curve 0 has no name or"},
        {{.struct_size = size, .x = NULL, .count = 0, .series = series, .series_count = 1}, "no finite point"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_curves_write(&cases[i].curves, path_of("c.png"), &error), cases[i].says);
    refused(pal_curves_write(NULL, path_of("c.png"), &error), "c.png");
}
END_TEST

START_TEST(points_are_refused)
{
    const uint8_t classes[] = {0, 1, 2};
    const pal_ellipse classed = {.of_class = 3};
    const size_t size = sizeof(pal_points);
    const struct {
        pal_points points;
        const char *says;
    } cases[] = {
        {{.struct_size = 3, .x = xs, .y = ys, .count = 3}, "struct_size"},
        {{.struct_size = size, .x = NULL, .y = ys, .count = 3}, "no coordinates"},
        {{.struct_size = size, .x = xs, .y = NULL, .count = 3}, "no coordinates"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .classes = classes}, "0 classes"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .classes = classes, .class_count = 11}, "11 classes"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .classes = classes, .class_count = 2},
         "point 2 has class 2"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .ellipse_count = 1}, "ellipses missing"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .deviations = -1}, "-1 deviations"},
        {{.struct_size = size, .x = xs, .y = ys, .count = 3, .deviations = (double)NAN}, "nan deviations"},
        {{.struct_size = size,
          .x = xs,
          .y = ys,
          .count = 3,
          .classes = classes,
          .class_count = 3,
          .ellipses = &classed,
          .ellipse_count = 1},
         "p.png"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_points_write(&cases[i].points, path_of("p.png"), &error), cases[i].says);
    const pal_points good = {.struct_size = size, .x = xs, .y = ys, .count = 3},
                     two = {.struct_size = size, .x = xs, .y = ys, .count = 3, .classes = classes, .class_count = 3},
                     four = {.struct_size = size, .x = xs, .y = ys, .count = 3, .classes = classes, .class_count = 4};
    const pal_points *const wrong[][2] = {{&good, &two}, {&two, &four}, {&two, &good}};
    for (size_t i = 0; i < 3; i++)
        refused(pal_points_panels_write(wrong[i], 2, "all", path_of("p.png"), &error), "panel 1 has other classes");
    const pal_points *const bad[] = {&good, &cases[1].points};
    refused(pal_points_panels_write(bad, 2, "all", path_of("p.png"), &error), "no coordinates");
}
END_TEST

START_TEST(matrices_are_refused)
{
    const int64_t counts[] = {1, 2, 3, -4};
    const pal_matrix_panel panels[] = {{.counts = counts}, {.counts = NULL}};
    const size_t size = sizeof(pal_matrix);
    const struct {
        pal_matrix matrix;
        const char *says;
    } cases[] = {
        {{.struct_size = size, .panels = NULL, .panel_count = 1, .classes = 1}, "1 matrices of 1 classes"},
        {{.struct_size = size, .panels = panels, .panel_count = 0, .classes = 1}, "0 matrices"},
        {{.struct_size = size, .panels = panels, .panel_count = 17, .classes = 1}, "17 matrices"},
        {{.struct_size = size, .panels = panels, .panel_count = 1, .classes = 0}, "of 0 classes"},
        {{.struct_size = size, .panels = panels, .panel_count = 1, .classes = 257}, "of 257 classes"},
        {{.struct_size = size, .panels = panels, .panel_count = 2, .classes = 1}, "matrix 1 has no counts"},
        {{.struct_size = size, .panels = panels, .panel_count = 1, .classes = 2}, "a count is -4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_matrix_write(&cases[i].matrix, path_of("m.png"), &error), cases[i].says);
}
END_TEST

/* Cells whose shape does not fit the size, the planes or the mapping that they are to have. */
START_TEST(cells_are_refused)
{
    static const struct {
        pal_shape shape;
        pal_grid_section section;
        pal_mapping mapping;
        bool transposed;
        const char *says;
    } cases[] = {
        {PAL_SHAPE(2, 8), {.cell_planes = 3}, PAL_MAP_UNIT, false, "8 elements are not 3 planes"},
        {PAL_SHAPE(2, 8), {.cell_planes = -2}, PAL_MAP_UNIT, false, "8 elements are not -2 planes"},
        {PAL_SHAPE(2, 12),
         {.cell_planes = 3, .cell_width = 3},
         PAL_MAP_UNIT,
         false,
         "4 elements are not an image of 1 x 3"},
        {PAL_SHAPE(2, 12), {.cell_height = 5}, PAL_MAP_RANGE, false, "12 elements are not an image of 5 x 2"},
        {PAL_SHAPE(2, 2, 3), {.cell_planes = 3}, PAL_MAP_UNIT, false, "[2,2,3], not images"},
        {PAL_SHAPE(2, 2, 3), {.cell_width = 2}, PAL_MAP_UNIT, false, "not images of 0 x 2"},
        {PAL_SHAPE(1, 1, 70000), {0}, PAL_MAP_UNIT, false, "cells of 1 x 70000 are too large"},
        {PAL_SHAPE(1, 70000, 1), {0}, PAL_MAP_UNIT, false, "cells of 70000 x 1 are too large"},
        {PAL_SHAPE(4), {0}, PAL_MAP_PROFILE, false, "[4], not [N,n]"},
        {PAL_SHAPE(2, 2, 3), {0}, PAL_MAP_PROFILE, true, "[2,2,3], not [n,N]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_tensor *t = tensor(PAL_U8, cases[i].shape, NULL);
        const pal_grid_row row = {.cells = t, .mapping = cases[i].mapping, .transposed = cases[i].transposed};
        pal_grid_section section = cases[i].section;
        section.rows = &row;
        section.count = 1;
        const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
        pal_error error = {PAL_OK, ""};
        ck_assert_ptr_null(pal_grid_draw(&grid, &error));
        ck_assert_int_eq(error.status, PAL_ERR_SHAPE);
        ck_assert_msg(strstr(error.text, cases[i].says) != NULL, "\"%s\" does not say \"%s\"", error.text,
                      cases[i].says);
        pal_tensor_free(t);
    }
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(1, 4), NULL);
    void *data = t->data;
    t->data = NULL;
    pal_error error = {PAL_OK, ""};
    ck_assert_ptr_null(draw_row((pal_grid_row){.cells = t}, 0, 0, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "no cells"));
    t->data = data;
    pal_tensor_free(t);
}
END_TEST

/* ---- What is left out ----------------------------------------------------------------------------------------- */

/* One of the three planes of a pixel is not finite: the pixel has the colour for that, and the others keep theirs. */
START_TEST(a_pixel_of_three_planes_is_marked)
{
    for (int plane = 0; plane < 3; plane++) {
        double values[] = {1, 0, 0, 1, 0, 1}; /* red and green, red; green; blue */
        values[2 * plane] = (double)NAN;
        pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, 6), values);
        const pal_grid_row row = {.cells = t};
        const pal_grid_section section = {.rows = &row, .count = 1, .cell_height = 1, .cell_planes = 3};
        pal_image *image = pal_grid_draw(
            &(pal_grid){.struct_size = sizeof(pal_grid), .sections = &section, .count = 1, .scale = 1}, NULL);
        ck_assert_ptr_nonnull(image);
        assert_colour(pal_image_get(image, MARGIN, MARGIN), PAL_COLOUR_NONFINITE);
        assert_colour(pal_image_get(image, MARGIN + 1, MARGIN), (pal_colour){0, 255, 255});
        pal_image_free(image);
        pal_tensor_free(t);
    }
}
END_TEST

static size_t picture_of(const pal_ellipse *ellipses, size_t n, char *bytes, size_t room)
{
    const pal_points points = {
        .struct_size = sizeof points, .x = xs, .y = ys, .count = 3, .ellipses = ellipses, .ellipse_count = n};
    const char *path = path_of("p.svg");
    ck_assert_int_eq(pal_points_write(&points, path, NULL), PAL_OK);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, room, file);
    fclose(file);
    ck_assert_uint_lt(size, room);
    return size;
}

/* An ellipse with a number that is not finite leaves the picture as it is without the ellipse. */
START_TEST(an_ellipse_that_is_not_finite_is_left_out)
{
    enum { ROOM = 1 << 20 };
    char *without = malloc(ROOM), *with = malloc(ROOM);
    const pal_ellipse fine = {1, 2, 0.2, 0.1, 0.3, -1};
    const size_t size = picture_of(NULL, 0, without, ROOM);
    for (int field = 0; field < 5; field++) {
        pal_ellipse e = fine;
        double *const fields[] = {&e.x, &e.y, &e.xx, &e.xy, &e.yy};
        *fields[field] = field % 2 ? (double)NAN : (double)INFINITY;
        ck_assert_uint_eq(picture_of(&e, 1, with, ROOM), size);
        ck_assert_mem_eq(with, without, size);
    }
    ck_assert_uint_gt(picture_of(&fine, 1, with, ROOM), size);
    free(without);
    free(with);
}
END_TEST

/* A circle has no longer axis: its angle is 0. */
START_TEST(the_axes_of_a_circle)
{
    double radii[2], angle;
    pal_ellipse_axes(&(pal_ellipse){.xx = 4, .yy = 4}, radii, &angle);
    ck_assert(radii[0] == 2 && radii[1] == 2 && angle == 0);
    pal_ellipse_axes(&(pal_ellipse){.xx = 1, .yy = 4}, radii, &angle);
    ck_assert(radii[0] == 2 && radii[1] == 1);
    ck_assert_double_eq_tol(fabs(angle), M_PI / 2, 1e-15);
}
END_TEST

/* Drawing that is beside the image, at any side, changes no pixel of it; and outside it is black. */
START_TEST(beside_an_image_nothing_is_drawn)
{
    pal_image *image = pal_image_new(4, 3, NULL), *dark = pal_image_new(2, 2, NULL);
    pal_image_fill(dark, (pal_colour){9, 9, 9});
    const int64_t beside[][2] = {{4, 0}, {-2, 0}, {0, 3}, {0, -2}, {INT64_MAX, 0}, {0, INT64_MIN}};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        pal_image_rect(image, beside[i][0], beside[i][1], 2, 2, (pal_colour){0, 0, 0});
        pal_image_blit(image, dark, beside[i][0], beside[i][1]);
        assert_grey(image, beside[i][0], beside[i][1], 0);
    }
    pal_image_rect(image, 0, 0, 0, 3, (pal_colour){0, 0, 0});
    pal_image_rect(image, 0, 0, 4, -1, (pal_colour){0, 0, 0});
    for (int64_t y = 0; y < 3; y++)
        for (int64_t x = 0; x < 4; x++) assert_grey(image, x, y, 255);
    pal_image_blit(image, dark, 3, 2); /* a corner is inside */
    assert_grey(image, 3, 2, 9);
    assert_grey(image, 2, 2, 255);
    pal_image_free(image);
    pal_image_free(dark);
}
END_TEST

Suite *refused_pictures_suite(void)
{
    Suite *suite = suite_create("refused_pictures");
    in_own_folder(add_case(suite, "pictures", set_up, tear_down,
                           TESTS(no_place_for_a_picture, curves_are_refused, points_are_refused, matrices_are_refused,
                                 cells_are_refused, a_pixel_of_three_planes_is_marked,
                                 an_ellipse_that_is_not_finite_is_left_out)));
    add_case(suite, "numbers", NULL, NULL, TESTS(the_axes_of_a_circle, beside_an_image_nothing_is_drawn));
    return suite;
}
