/* test_plot_points.c - tests scatter plots: points, class numbers, ellipses, and the numbers beside the picture. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_points_suite(void);

static char path[PATH_ROOM];

static void name_picture(void) { strcpy(path, path_of("picture.svg")); }

static void write_points(const pal_points *points)
{
    pal_error error = {PAL_OK, ""};
    ck_assert_msg(!pal_points_write(points, path, &error), "%s", error.text);
    svg_read(path);
}

static palt__point dot(pal_colour colour, double radius, int i)
{
    palt__point p[4] = {0};
    const svg_shape *shape = svg_find(false, colour, 2 * radius, i);
    ck_assert_ptr_nonnull(shape);
    ck_assert_int_ge(svg_points(shape->d, true, p), 1);
    return p[0];
}

/* Points are where their coordinates are, in the order given, in the colours of their classes. */
START_TEST(points_are_where_their_numbers_are)
{
    const double x[] = {0, 4, 1, NAN, 2}, y[] = {-3, 5, 1, 0, 2};
    const uint8_t classes[] = {0, 1, 1, 0, 1};
    static const char *const names[] = {"Trouser", "it's, \"quoted\"", "absent"};
    pal_points points = {.struct_size = sizeof points,
                         .title = "codes",
                         .x_label = "first, of two",
                         .x = x,
                         .y = y,
                         .count = 5,
                         .classes = classes,
                         .names = names,
                         .class_count = 3,
                         .csv = true};
    write_points(&points);
    svg_check_margins(20);
    static const char *const texts[] = {"codes", "first, of two", "y", "0  Trouser", "1  it's, \"quoted\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_msg(svg_says(texts[i]), "no %s", texts[i]);
    ck_assert(!svg_says("2  absent"));
    const pal_colour first = palt__class_colours[0], second = palt__class_colours[1];
    ck_assert_int_eq(svg_number_of(false, first, 10), 1); /* one point is not finite */
    ck_assert_int_eq(svg_number_of(false, second, 10), 3);
    const palt__point a = dot(first, 5, 0), b = dot(second, 5, 0), c = dot(second, 5, 1), d = dot(second, 5, 2);
    ck_assert_double_eq_tol((c.x - a.x) / (b.x - a.x), 0.25, 1e-3);
    ck_assert_double_eq_tol((d.x - a.x) / (b.x - a.x), 0.5, 1e-3);
    ck_assert_double_eq_tol((c.y - a.y) / (b.y - a.y), 0.5, 1e-3);
    ck_assert(b.x > a.x && b.y < a.y);
    ck_assert_int_eq(count_files(), 2);
    assert_text(path_of("picture.csv"), "\"first, of two\",y,class\n0,-3,0\n4,5,1\n1,1,1\n,0,0\n2,2,1\n");
    points.csv = false;
    empty_folder();
    write_points(&points);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* Classes have equal or nearly equal medians. No number may hide another one, and a number that is alone is not
 * moved. */
START_TEST(numbers_of_classes_keep_apart)
{
    enum { CLASSES = 6, N = 3 * CLASSES };
    double x[N], y[N];
    uint8_t classes[N];
    palt__point at[CLASSES];
    for (int i = 0; i < N; i++) {
        const int class = i % CLASSES, k = i / CLASSES;
        classes[i] = (uint8_t) class;
        x[i] = class == 5 ? 60 + 40 * (k - 1) : 10 + 0.01 * class * (i % 2);
        y[i] = class == 5 ? -4 + 3 * (k - 1) : 1;
    }
    const pal_points points = {
        .struct_size = sizeof points, .x = x, .y = y, .count = N, .classes = classes, .class_count = CLASSES};
    write_points(&points);
    for (int i = 0; i < CLASSES; i++) {
        const char digit[2] = {(char)('0' + i), '\0'};
        const svg_shape *shape = NULL;
        for (int k = 0; k < svg_count && shape == NULL; k++) /* in bold; the legend is not */
            if (svg_same(svg_shapes[k].colour, palt__class_colours[i]) &&
                svg_is_text(&svg_shapes[k], digit, true, false, false, &at[i]))
                shape = &svg_shapes[k];
        ck_assert_ptr_nonnull(shape);
    }
    for (int i = 0; i < CLASSES; i++)
        for (int j = 0; j < i; j++) ck_assert(fabs(at[i].x - at[j].x) > 30 || fabs(at[i].y - at[j].y) > 32);
    /* From the left end of the baseline to the middle of the digit, which is 20 pixels high. */
    const palt__point middle = dot(palt__class_colours[5], 5, 1);
    ck_assert_double_eq_tol(at[5].x + palt__letters_width("5", 1, 20) / 2, middle.x, 0.1);
    ck_assert_double_eq_tol(at[5].y - 10, middle.y, 0.1);
    ck_assert_int_eq(svg_number_of(true, PALT__WHITE, 0), CLASSES); /* each on a white box */
}
END_TEST

/* The corners of the polygon satisfy the equation of the ellipse, in the coordinates of the points. */
START_TEST(ellipses_are_where_their_numbers_are)
{
    const double x[] = {-10, 10}, y[] = {-1, 1};
    const pal_ellipse ellipses[] = {{1, 0.25, 4, 0.3, 0.09, -1}, {0, NAN, 1, 0, 1, -1}};
    const pal_points points = {.struct_size = sizeof points,
                               .x = x,
                               .y = y,
                               .count = 2,
                               .ellipses = ellipses,
                               .ellipse_count = 2,
                               .ellipse_name = "posterior, 2 s.d.",
                               .deviations = 2,
                               .csv = true};
    palt__point p[256];
    write_points(&points);
    ck_assert(svg_says("posterior, 2 s.d."));
    const pal_colour pale = {174, 167, 208};
    ck_assert_int_eq(svg_number_of(false, palt__class_colours[0], 1.4), 1); /* the other one is not finite */
    ck_assert_int_eq(svg_number_of(false, pale, 10), 2);
    const palt__point low = dot(pale, 5, 0), high = dot(pale, 5, 1);
    const svg_shape *polygon = svg_find(false, palt__class_colours[0], 1.4, 0);
    const int n = svg_points(polygon->d, true, p);
    ck_assert_int_ge(n, PALT__ELLIPSE_CORNERS);
    const pal_ellipse e = ellipses[0];
    const double det = e.xx * e.yy - e.xy * e.xy;
    for (int i = 0; i < PALT__ELLIPSE_CORNERS; i++) {
        const double dx = -10 + 20 * (p[i].x - low.x) / (high.x - low.x) - e.x;
        const double dy = -1 + 2 * (p[i].y - low.y) / (high.y - low.y) - e.y;
        const double square = (e.yy * dx * dx - 2 * e.xy * dx * dy + e.xx * dy * dy) / det;
        ck_assert_double_eq_tol(sqrt(square), 2, 2e-3);
    }
    assert_text(path_of("picture.csv"),
                "x,y,class,xx,xy,yy\n-10,-1,-1,,,\n10,1,-1,,,\n1,0.25,-1,4,0.29999999999999999,0.089999999999999997\n");
}
END_TEST

/* Panels are side by side, each with its title and axes; the classes are named once. */
START_TEST(panels_are_side_by_side)
{
    enum { PANELS = 5 };
    static const char *const titles[PANELS] = {"one", "two", "three", "four", "five"};
    const double x[] = {0, 1, 2}, y[PANELS][3] = {{0, 1, 2}, {5, 6, 7}, {0, 1, 0}, {1, 0, 1}, {2, 0, 1}};
    const uint8_t classes[] = {0, 1, 1};
    pal_points panel[PANELS];
    const pal_points *list[PANELS];
    for (int i = 0; i < PANELS; i++) {
        panel[i] = (pal_points){.struct_size = sizeof panel[i],
                                .title = titles[i],
                                .x = x,
                                .y = y[i],
                                .count = 3,
                                .classes = classes,
                                .class_count = 2,
                                .csv = true};
        list[i] = &panel[i];
    }
    pal_error error = {PAL_OK, ""};
    ck_assert_msg(!pal_points_panels_write(list, PANELS, "all", path, &error), "%s", error.text);
    svg_read(path);
    ck_assert(svg_says("all"));
    for (int i = 0; i < PANELS; i++) ck_assert_msg(svg_says(titles[i]), "no %s", titles[i]);
    ck_assert_int_eq(svg_number_of(false, palt__class_colours[0], 10), PANELS);
    ck_assert_int_eq(svg_number_of(false, palt__class_colours[0], 14), 1); /* the legend */
    const palt__point first = dot(palt__class_colours[0], 5, 0), second = dot(palt__class_colours[0], 5, 1),
                      fourth = dot(palt__class_colours[0], 5, 3);
    ck_assert_double_gt(second.x, first.x + 400);
    ck_assert_double_eq_tol(second.y, first.y, 1); /* each has its own axes */
    ck_assert_double_lt(fourth.x, second.x);
    ck_assert_double_gt(fourth.y, first.y + 100); /* in the second row */
    char text[1024];
    read_file(path_of("picture.csv"), text, sizeof text);
    ck_assert(!strncmp(text, "panel,x,y,class\none,0,0,0\none,1,1,1\none,2,2,1\ntwo,0,5,0\n", 56));
    static char one[1 << 16], plain[1 << 16];
    write_points(&panel[0]);
    const size_t size = read_file(path, plain, sizeof plain);
    ck_assert_int_eq(pal_points_panels_write(list, 1, NULL, path, &error), PAL_OK);
    ck_assert_uint_eq(read_file(path, one, sizeof one), size);
    ck_assert(size < sizeof one && !memcmp(one, plain, size));
    empty_folder();
    panel[1].class_count = 3;
    ck_assert_int_eq(pal_points_panels_write(list, PANELS, "all", path, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_points_panels_write(list, 0, "all", path, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_points_panels_write(NULL, 1, "all", path, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_points_panels_write(list, 17, "all", path, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(points_that_cannot_be_are_refused)
{
    const double x[] = {1, 2}, none[] = {NAN, NAN};
    const uint8_t classes[] = {0, 3};
    const pal_ellipse ellipse = {.of_class = 0};
    const pal_points good = {.struct_size = sizeof good, .x = x, .y = x, .count = 2};
    pal_points cases[] = {good, good, good, good, good, good, good};
    cases[0].y = NULL;
    cases[1].x = none;
    cases[2].classes = classes, cases[2].class_count = 3;
    cases[3].classes = classes, cases[3].class_count = PAL_POINTS_CLASSES + 1;
    cases[4].ellipse_count = 1;
    cases[5].ellipses = &ellipse, cases[5].ellipse_count = 1; /* a class, but there are none */
    cases[6].deviations = -1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error error = {PAL_OK, ""};
        ck_assert_int_eq(pal_points_write(&cases[i], path, &error), PAL_ERR_ARGUMENT);
        ck_assert(strstr(error.text, path) && !strchr(error.text, '\n'));
    }
    ck_assert_int_eq(pal_points_write(&good, path_of("picture.gif"), NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

Suite *plot_points_suite(void)
{
    Suite *suite = suite_create("plot_points");
    in_own_folder(add_case(suite, "points", name_picture, NULL,
                           TESTS(points_are_where_their_numbers_are, numbers_of_classes_keep_apart,
                                 ellipses_are_where_their_numbers_are, panels_are_side_by_side,
                                 points_that_cannot_be_are_refused)));
    return suite;
}
