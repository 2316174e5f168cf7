/* test_plot_profile.c - tests cells that are profiles: the height of bars, their common scale, curves, names. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_profile_suite(void);

enum { HIGH = 96 };
static const pal_colour ground = {244, 244, 244}, bar = {25, 110, 203};

static pal_grid_row row_of(pal_tensor *t) { return (pal_grid_row){.cells = t, .mapping = PAL_MAP_PROFILE}; }

static bool is(const pal_image *image, int64_t x, int64_t y, pal_colour colour)
{
    const pal_colour at = pal_image_get(image, x, y);
    return at.red == colour.red && at.green == colour.green && at.blue == colour.blue;
}

/* The bars of the line of cells whose top is at y, from left to right: from where to where each one reaches, in pixels
 * from the top of the line. Returns their number. A bar is green if it is not finite. */
static int bars_of(const pal_image *image, int64_t y, pal_colour colour, int from[32], int to[32])
{
    int count = 0;
    for (int64_t x = 0, inside = 0; x < image->width; x++) {
        int first = -1, last = -1;
        for (int k = 0; k < HIGH; k++)
            if (is(image, x, y + k, colour)) {
                if (first < 0) first = k;
                last = k + 1;
            }
        if (first >= 0 && !inside) {
            ck_assert_int_lt(count, 32);
            from[count] = first;
            to[count++] = last;
        }
        inside = first >= 0;
    }
    return count;
}

/* The tops of the lines of cells. Returns their number. */
static int lines_of(const pal_image *image, int64_t tops[8])
{
    int count = 0;
    for (int64_t y = 0; y < image->height; y++) {
        int64_t x = 0, run = 0;
        for (; x < image->width && run < 4; x++) run = is(image, x, y, ground) ? run + 1 : 0;
        if (run < 4) continue;
        tops[count++] = y;
        y += HIGH - 1;
    }
    return count;
}

/* From -1 to 3, 0 is a quarter above the bottom. All rows share the scale, and what is not finite is not part of it. */
START_TEST(bars_are_as_high_as_their_numbers)
{
    static const double first[2][4] = {{-1, 3, 1, -0.5}, {2, NAN, 0, INFINITY}},
                        second[2][4] = {{1, 1, 1, 1}, {3, 3, 3, 3}};
    pal_tensor *a = tensor(PAL_F64, PAL_SHAPE(2, 4), first[0]), *b = tensor(PAL_F32, PAL_SHAPE(2, 4), second[0]);
    pal_grid_row rows[] = {row_of(a), row_of(b)};
    const pal_grid_section section = {.rows = rows, .count = 2};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    pal_image *image = pal_grid_draw(&grid, NULL);
    int64_t tops[8];
    int from[32], to[32];
    ck_assert_int_eq(lines_of(image, tops), 2);
    static const int expected[][2] = {
        {73, 96}, {0, 72}, {48, 72}, {73, 84}, {24, 72}}; /* the line at 0 hides a pixel */
    ck_assert_int_eq(bars_of(image, tops[0], bar, from, to), 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_le(abs(from[i] - expected[i][0]), 1);
        ck_assert_int_le(abs(to[i] - expected[i][1]), 1);
    }
    ck_assert_int_eq(bars_of(image, tops[0], PAL_COLOUR_NONFINITE, from, to), 2);
    for (int i = 0; i < 2; i++) ck_assert(from[i] == 0 && to[i] == HIGH);
    ck_assert_int_eq(bars_of(image, tops[1], bar, from, to), 8);
    for (int i = 0; i < 8; i++) ck_assert_int_le(abs(from[i] - (i < 4 ? 48 : 0)), 1);
    pal_image_free(image);
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* No number, or only 0: there is a scale nevertheless. The largest numbers do not overflow. */
START_TEST(odd_scales_are_drawn)
{
    static const struct {
        double values[2];
        int bars;
        const char *says;
    } cases[] = {{{0, 0}, 0, "1"},           {{NAN, NAN}, 0, "1"},           {{-2, -1}, 2, "-2"},
                 {{1e-300, 0}, 1, "1e-300"}, {{-1e308, 1e308}, 2, "1e+308"}, {{5, INFINITY}, 1, "5"},
                 {{-1e-9, 1}, 1, "-1e-09"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, 2), cases[i].values);
        const pal_grid_row row = row_of(t);
        const pal_grid_section section = {.rows = &row, .count = 1};
        const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
        pal_image *image = pal_grid_draw(&grid, NULL);
        int64_t tops[8];
        int from[32], to[32];
        ck_assert_int_eq(lines_of(image, tops), 1);
        ck_assert_int_eq(bars_of(image, tops[0], bar, from, to), cases[i].bars);
        pal_image_free(image);
        ck_assert_int_eq(pal_grid_write(&grid, path_of("p.svg"), NULL), PAL_OK);
        svg_read(path_of("p.svg"));
        ck_assert_msg(svg_says(cases[i].says) && svg_says("0"), "%s is not at the axis", cases[i].says);
        pal_tensor_free(t);
    }
}
END_TEST

/* The same numbers in another shape, or turned, give the same picture; the sizes of the section do not matter. */
START_TEST(all_shapes_draw_the_same)
{
    double values[24], turned[24];
    for (int i = 0; i < 24; i++) turned[i % 6 * 4 + i / 6] = values[i] = i - 7;
    pal_tensor *t[] = {tensor(PAL_F64, PAL_SHAPE(4, 6), values), tensor(PAL_F64, PAL_SHAPE(4, 2, 3), values),
                       tensor(PAL_F32, PAL_SHAPE(4, 1, 6, 1), values), tensor(PAL_F64, PAL_SHAPE(6, 4), turned)};
    pal_image *first = NULL;
    for (int i = 0; i < 4; i++) {
        pal_grid_row row = row_of(t[i]);
        row.transposed = i == 3;
        const pal_grid_section section = {
            .rows = &row, .count = 1, .cell_height = i, .cell_width = 3, .cell_planes = 2};
        const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 1 + i};
        pal_image *image = pal_grid_draw(&grid, NULL);
        ck_assert_ptr_nonnull(image);
        if (i == 0) first = image;
        ck_assert(image->width == first->width && image->height == first->height);
        ck_assert_mem_eq(image->pixels, first->pixels, (size_t)image->width * (size_t)image->height * 3);
        if (i > 0) pal_image_free(image);
    }
    pal_image_free(first);
    for (int i = 0; i < 4; i++) pal_tensor_free(t[i]);
}
END_TEST

static void write_bars(pal_tensor *t, const char *const *names)
{
    const pal_grid_row row = row_of(t);
    const pal_grid_section section = {.rows = &row, .count = 1, .columns = 2, .feature_names = names};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_int_eq(pal_grid_write(&grid, path_of("p.svg"), NULL), PAL_OK);
    svg_read(path_of("p.svg"));
}

START_TEST(features_have_names_or_numbers)
{
    static const char *const names[] = {"sepal length", "w", "a name that is much too long to be drawn", "petal width"};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(3, 4), NULL), *many = tensor(PAL_F32, PAL_SHAPE(1, 64), NULL),
               *one = tensor(PAL_F32, PAL_SHAPE(1, 1), NULL);
    write_bars(t, names);
    ck_assert(svg_says("sepal length") && svg_says("w") && svg_says("petal width") && svg_says("..."));
    ck_assert(!svg_says(names[2]) && !svg_says("2"));
    write_bars(t, NULL);
    ck_assert(svg_says("2") && svg_says("3") && !svg_says("4"));
    write_bars(many, NULL); /* not each number has room */
    ck_assert(svg_says("0") && svg_says("10") && svg_says("60") && !svg_says("11"));
    write_bars(one, NULL);
    ck_assert_int_eq(svg_number_of(false, (pal_colour){85, 85, 85}, 0), 2); /* 0 and 1 at the axis */
    pal_tensor_free(t);
    pal_tensor_free(many);
    pal_tensor_free(one);
}
END_TEST

/* Features in unlike units, each on its own scale: the same heights in both rows, and a feature of zeros. */
START_TEST(features_have_scales_of_their_own)
{
    static const double first[8] = {1000, 0.01, -3, 0, 500, 0.005, 3, 0},
                        second[8] = {250, NAN, 0, 0, 0, 0.0025, 1.5, 0};
    pal_tensor *a = tensor(PAL_F64, PAL_SHAPE(2, 4), first), *b = tensor(PAL_F64, PAL_SHAPE(2, 4), second);
    pal_grid_row rows[] = {row_of(a), row_of(b)};
    const pal_grid_section section = {.rows = rows, .count = 2, .feature_scales = true};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .csv = true};
    pal_image *image = pal_grid_draw(&grid, NULL);
    int64_t tops[8];
    int from[32], to[32];
    ck_assert_int_eq(lines_of(image, tops), 2);
    static const int high[][2] = {{0, 48}, {0, 48}, {48, 96}, {24, 48}, {24, 48}, {0, 48}};
    ck_assert_int_eq(bars_of(image, tops[0], bar, from, to), 6);
    for (int i = 0; i < 6; i++) ck_assert(abs(from[i] - high[i][0]) <= 1 && abs(to[i] - high[i][1]) <= 1);
    ck_assert_int_eq(bars_of(image, tops[1], bar, from, to), 3);
    for (int i = 0; i < 3; i++) ck_assert_int_le(abs(from[i] - (i == 2 ? 24 : 36)), 1);
    pal_image_free(image);
    ck_assert_int_eq(pal_grid_write(&grid, path_of("p.svg"), NULL), PAL_OK);
    svg_read(path_of("p.svg"));
    ck_assert(svg_says("100%") && svg_says("0") && svg_says("-100%"));
    char text[512];
    text[read_file(path_of("p.csv"), text, sizeof text - 1)] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "0,0,1,500,")); /* the numbers themselves */
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* More than 64 numbers are a curve; a number that is not finite is a gap with a green line. */
START_TEST(many_numbers_are_a_curve)
{
    enum { COUNT = 200, LONG = 5000 };
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, COUNT), NULL), *wide = tensor(PAL_F64, PAL_SHAPE(1, LONG), NULL);
    for (int i = 0; i < COUNT; i++) pal_tensor_set(t, (size_t)i, i == 50 ? NAN : i);
    for (int i = 0; i < LONG; i++) pal_tensor_set(wide, (size_t)i, i == 2500 ? 7 : i % 2);
    write_bars(t, NULL);
    ck_assert_int_eq(svg_number_of(false, bar, 1.6), 1);
    ck_assert_int_eq(svg_number_of(true, PAL_COLOUR_NONFINITE, 0), 1);
    static palt__point p[SVG_ENDS];
    ck_assert_int_eq(svg_points(svg_find(false, bar, 1.6, 0)->d, false, p), 4); /* two parts */
    ck_assert(p[0].y > p[1].y && p[1].x < p[2].x && p[2].y > p[3].y);
    write_bars(wide, NULL); /* no extreme is lost, though there are several numbers per pixel */
    const int n = svg_points(svg_find(false, bar, 1.6, 0)->d, true, p);
    double high = INFINITY, low = 0;
    for (int i = 0; i < n; i++) {
        high = fmin(high, p[i].y);
        low = fmax(low, p[i].y);
    }
    ck_assert_double_eq_tol(low - high, HIGH, 0.1);
    pal_tensor_free(t);
    pal_tensor_free(wide);
}
END_TEST

/* Many units, each a profile of many weights: not a picture that is wide and low. */
START_TEST(a_row_is_arranged_as_a_square)
{
    static const int64_t sizes[][2] = {{256, 4}, {16, 784}, {1, 13}, {100, 60}};
    for (int i = 0; i < 4; i++) {
        pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(sizes[i][0], sizes[i][1]), NULL);
        pal_image *image = draw_row(row_of(t), 0, 0, NULL);
        const double shape = (double)image->width / image->height;
        ck_assert_msg(shape > 0.6 && shape < 1.7, "%d x %d", image->width, image->height);
        pal_image_free(image);
        pal_tensor_free(t);
    }
}
END_TEST

START_TEST(profiles_and_images_do_not_mix)
{
    pal_error err = {0};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(2, 4), NULL), *other = tensor(PAL_F32, PAL_SHAPE(2, 5), NULL),
               *list = tensor(PAL_F32, PAL_SHAPE(4), NULL);
    const struct {
        pal_grid_row rows[2];
        const char *says;
    } cases[] = {{{row_of(t), {.cells = t}}, "row 1: make all rows"},
                 {{{.cells = t}, row_of(t)}, "row 1: make all rows"},
                 {{row_of(t), row_of(other)}, "expected 1 x 4"},
                 {{row_of(list), row_of(list)}, "cells are [4], not [N,n]"},
                 {{row_of(NULL), row_of(t)}, "no cells"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pal_grid_section section = {.rows = cases[i].rows, .count = 2};
        const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
        ck_assert_ptr_null(pal_grid_draw(&grid, &err));
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    pal_tensor_free(t);
    pal_tensor_free(other);
    pal_tensor_free(list);
}
END_TEST

Suite *plot_profile_suite(void)
{
    Suite *suite = suite_create("plot_profile");
    in_own_folder(
        add_case(suite, "profiles", set_up, tear_down,
                 TESTS(bars_are_as_high_as_their_numbers, odd_scales_are_drawn, all_shapes_draw_the_same,
                       features_have_names_or_numbers, features_have_scales_of_their_own, many_numbers_are_a_curve,
                       a_row_is_arranged_as_a_square, profiles_and_images_do_not_mix)));
    return suite;
}
