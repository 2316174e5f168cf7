/* test_plot_margins.c - tests that nothing touches the edge of a picture, whatever its texts and numbers are. */
#include <float.h>
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_margins_suite(void);

enum { BLANK = 12, COUNT = 40 }; /* pixels of the margin that must be white; names in a list */

static char word[301], sentence[2001];

static const char *const texts[] = {NULL,
                                    "",
                                    "W",
                                    "a title of a usual length",
                                    word,
                                    sentence,
                                    "\xc3\xa9\xc3\xa9 \xff",
                                    "two\nlines\n\nand more",
                                    "   spaces   "};
enum { TEXTS = sizeof texts / sizeof *texts };

static void make_texts(void)
{
    set_up();
    memset(word, 'W', sizeof word - 1);
    for (size_t i = 0; i < sizeof sentence - 1; i++) sentence[i] = i % 7 == 6 ? ' ' : 'm';
}

static bool blank(const pal_image *image, int64_t x, int64_t y, int64_t width, int64_t height)
{
    for (int64_t row = y; row < y + height; row++)
        for (const uint8_t *p = image->pixels + 3 * (row * image->width + x), *end = p + 3 * width; p < end; p++)
            if (*p != 255) return false;
    return true;
}

/* Frees the picture. */
static void check_margin(pal_image *image, const char *what, int k)
{
    const int64_t w = image->width, h = image->height;
    ck_assert_msg(blank(image, 0, 0, w, BLANK) && blank(image, 0, h - BLANK, w, BLANK) &&
                      blank(image, 0, 0, BLANK, h) && blank(image, w - BLANK, 0, BLANK, h),
                  "%s, text %d: ink in the margin of %d x %d", what, k, (int)w, (int)h);
    ck_assert(!blank(image, 0, 0, w, h));
    pal_image_free(image);
}

static void check_file(const char *what, int k)
{
    pal_error err = {0};
    pal_image *image = pal_image_read(path_of(PICTURE), &err);
    ck_assert_msg(image != NULL, "%s: %s", what, err.text);
    check_margin(image, what, k);
}

static void list(const char **names, const char *text)
{
    for (int i = 0; i < COUNT; i++) names[i] = text != NULL ? text : "";
}

/* Every text of a grid is awkward, then (for the long ones) each alone. */
START_TEST(of_grids)
{
    static const struct {
        const char *what;
        pal_shape shape;
        pal_mapping mapping;
        size_t rows, columns;
        int32_t scale;
    } grids[] = {{"one pixel", {2, {1, 1}}, PAL_MAP_UNIT, 1, 0, 1},
                 {"images", {2, {6, 16}}, PAL_MAP_DIVERGING, 2, 0, 0},
                 {"narrow columns", {2, {COUNT, 9}}, PAL_MAP_RANGE, 3, COUNT, 1},
                 {"strips", {3, {5, 1, 7}}, PAL_MAP_SYMMETRIC, 2, 0, 0},
                 {"bars", {2, {9, 4}}, PAL_MAP_PROFILE, 2, 0, 0},
                 {"a bar", {2, {1, 1}}, PAL_MAP_PROFILE, 1, 0, 0},
                 {"many bars", {2, {3, COUNT}}, PAL_MAP_PROFILE, 2, 2, 0},
                 {"curves", {2, {3, 3000}}, PAL_MAP_PROFILE, 2, 0, 0}};
    const char *names[COUNT];
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
        for (int k = 0; k < TEXTS; k++)
            for (int part = 0; part < (k == 4 || k == 5 ? 6 : 1); part++) {
                pal_tensor *t = tensor(PAL_F64, grids[g].shape, NULL);
                for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, k % 2 ? -1e-300 : 1e300);
                pal_tensor_set(t, 0, k % 3 ? -1.23456e200 : NAN);
                list(names, texts[k]);
                const bool all = part == 0;
                pal_grid_row rows[3];
                for (int r = 0; r < 3; r++)
                    rows[r] = (pal_grid_row){
                        .cells = t, .label = all || part == 1 ? texts[k] : NULL, .mapping = grids[g].mapping};
                pal_grid_section sections[2];
                for (int s = 0; s < 2; s++)
                    sections[s] = (pal_grid_section){.title = all || part == 2 ? texts[k] : NULL,
                                                     .rows = rows,
                                                     .count = grids[g].rows,
                                                     .columns = grids[g].columns,
                                                     .column_labels = names,
                                                     .column_label_count = all || part == 3 ? COUNT : 0,
                                                     .feature_names = grids[g].shape.dim[1] <= COUNT ? names : NULL};
                const pal_grid grid = {.struct_size = sizeof grid,
                                       .title = all || part == 4 ? texts[k] : NULL,
                                       .caption = all || part == 5 ? texts[k] : NULL,
                                       .sections = sections,
                                       .count = 1 + (size_t)k % 2,
                                       .scale = grids[g].scale};
                pal_error err = {0};
                pal_image *image = pal_grid_draw(&grid, &err);
                ck_assert_msg(image != NULL, "%s, text %d: %s", grids[g].what, k, err.text);
                check_margin(image, grids[g].what, k);
                pal_tensor_free(t);
            }
}
END_TEST

START_TEST(of_curves)
{
    enum { POINTS = 3 };
    static const double x[][POINTS] = {
        {1, 2, 3}, {0, 1e-300, 2e-300}, {-1e300, 0, 1e300}, {1234567890123, 1234567890124, 1e13}};
    static const double y[][POINTS] = {{1, 1, 1}, {1e-300, 1, 1e300}, {1e-5, 1.00001e-5, 2e-5}};
    for (int k = 0; k < TEXTS; k++)
        for (int v = k; v < k + 1; v++) {
            pal_series series[COUNT];
            for (int s = 0; s < COUNT; s++) series[s] = (pal_series){texts[k] != NULL ? texts[k] : "", y[v % 3]};
            const pal_curves curves = {.struct_size = sizeof curves,
                                       .title = texts[k],
                                       .x_label = texts[k],
                                       .y_label = texts[k],
                                       .x = x[v % 4],
                                       .count = POINTS,
                                       .series = series,
                                       .series_count = k % 2 ? COUNT : 1,
                                       .log_y = v % 4 > 1 && v % 3};
            pal_error err = {0};
            ck_assert_msg(!pal_curves_write(&curves, path_of(PICTURE), &err), "curves, text %d: %s", k, err.text);
            check_file("curves", k);
        }
}
END_TEST

START_TEST(of_points)
{
    enum { POINTS = 4 };
    static const double at[][POINTS] = {{1, 2, 3, 4}, {0, 0, 0, 0}, {-1e300, 0, 1e300, NAN}, {1e-300, -1e-300, 0, 0}};
    static const uint8_t classes[POINTS] = {0, 1, 9, 3};
    const char *names[COUNT];
    for (int k = 0; k < TEXTS; k++)
        for (int v = k % 4; v < 4; v += 4) {
            list(names, texts[k]);
            const pal_ellipse ellipse = {0, 0, 100, 3, 1, 1};
            const pal_points points = {.struct_size = sizeof points,
                                       .title = texts[k],
                                       .x_label = texts[k],
                                       .y_label = texts[k],
                                       .x = at[v],
                                       .y = at[(v + k) % 4],
                                       .count = POINTS,
                                       .classes = classes,
                                       .names = names,
                                       .class_count = 10,
                                       .ellipses = &ellipse,
                                       .ellipse_count = 1,
                                       .ellipse_name = texts[k]};
            pal_error err = {0};
            ck_assert_msg(!pal_points_write(&points, path_of(PICTURE), &err), "points, text %d: %s", k, err.text);
            check_file("points", k);
        }
}
END_TEST

/* As many panels as a picture may have, with numbers of many digits at their axes. */
START_TEST(of_panels)
{
    enum { POINTS = 3, PANELS = 5 };
    static const double x[POINTS] = {-1.23456789e-300, 0, 1.23456789e-300}, y[POINTS] = {1234567890, 1234567891, 0};
    static const uint8_t classes[POINTS] = {0, 4, 9};
    const char *names[COUNT];
    for (int k = 0; k < TEXTS; k += 2) {
        list(names, texts[k]);
        const pal_points points = {.struct_size = sizeof points,
                                   .title = texts[k],
                                   .x_label = texts[k],
                                   .y_label = texts[k],
                                   .x = x,
                                   .y = y,
                                   .count = POINTS,
                                   .classes = classes,
                                   .names = names,
                                   .class_count = 10};
        const pal_points *panels[PANELS] = {&points, &points, &points, &points, &points};
        pal_error err = {0};
        const size_t count = k % 4 ? PANELS : 2;
        ck_assert_msg(!pal_points_panels_write(panels, count, texts[k], path_of(PICTURE), &err), "panels, text %d: %s",
                      k, err.text);
        check_file("panels", k);
    }
}
END_TEST

/* The labels that scatter gives to the axes are not cut, in a small panel either. */
START_TEST(labels_of_panels_are_whole)
{
    static const double x[] = {1, 2, 3};
    static const char *const labels[] = {"principal component 1 of the code (58.3 % of the variance)",
                                         "principal component 2 of the code (23.9 % of the variance)"};
    const pal_points points = {.struct_size = sizeof points,
                               .title = "a",
                               .x_label = labels[0],
                               .y_label = labels[1],
                               .x = x,
                               .y = x,
                               .count = 3};
    const pal_points *panels[] = {&points, &points};
    ck_assert_int_eq(pal_points_panels_write(panels, 2, "title", path_of("p.svg"), NULL), PAL_OK);
    svg_read(path_of("p.svg"));
    palt__point across, up;
    ck_assert(svg_text(labels[0], &across) && svg_text(labels[1], &up));
    ck_assert_double_lt(up.y, across.y - 15); /* they do not meet in the corner */
}
END_TEST

START_TEST(of_matrices)
{
    static int64_t counts[COUNT * COUNT], large[] = {INT64_MAX / 8, 1, 2, 123456789};
    static const size_t sizes[][2] = {{1, 1}, {2, 16}, {10, 1}, {26, 2}, {COUNT, 1}}; /* classes, panels */
    const char *names[COUNT];
    for (int i = 0; i < COUNT * COUNT; i++) counts[i] = i;
    for (int k = 0; k < TEXTS; k++)
        for (int c = k % 2; c < 5; c += 2) {
            const size_t n = sizes[c][1];
            pal_matrix_panel panel[16];
            list(names, texts[k]);
            for (size_t p = 0; p < n; p++) panel[p] = (pal_matrix_panel){texts[k], sizes[c][0] > 2 ? counts : large};
            const pal_matrix matrix = {.struct_size = sizeof matrix,
                                       .title = texts[k],
                                       .row_label = texts[k],
                                       .column_label = texts[k],
                                       .panels = panel,
                                       .panel_count = n,
                                       .classes = sizes[c][0],
                                       .names = k % 2 ? names : NULL};
            pal_error err = {0};
            ck_assert_msg(!pal_matrix_write(&matrix, path_of(PICTURE), &err), "matrix, text %d: %s", k, err.text);
            check_file("matrix", k);
        }
}
END_TEST

Suite *plot_margins_suite(void)
{
    Suite *suite = suite_create("plot_margins");
    in_own_folder(add_case(suite, "margins", make_texts, tear_down,
                           TESTS(of_grids, of_curves, of_points, of_panels, labels_of_panels_are_whole, of_matrices)));
    return suite;
}
