/* test_plot_matrix.c - tests confusion matrices: the data and the script for gnuplot, the picture if gnuplot is
 * installed, and errors. */
#include "tests/files.h"
#include "tests/plot/pictures.h"

Suite *plot_matrix_suite(void);

static char text[1 << 20];

static const char *read_text(const char *name)
{
    text[read_file(path_of(name), text, sizeof text - 1)] = '\0';
    return text;
}

static bool says(const char *part) { return strstr(text, part) != NULL; }

static const int64_t counts[9] = {6, 2, 0, 1, 1, 2, 0, 0, 0}, others[9] = {1};

START_TEST(a_matrix_is_data_and_a_script)
{
    const pal_matrix_panel panels[] = {{"head: 42 % wrong", counts}, {NULL, others}};
    static const char *const names[] = {"T-shirt/top", "it's", "Ankle boot"};
    pal_matrix m = {.struct_size = sizeof m, .title = "a title", .panels = panels, .panel_count = 2, .classes = 3};
    bool drawn = false;
    pal_error error = {PAL_OK, ""};
    for (int named = 0; named < 2; named++) {
        m.names = named ? names : NULL;
        ck_assert_msg(!pal_matrix_write(&m, path_of(PICTURE), &drawn, &error), "%s", error.text);
    }
    read_text("picture.dat");
    ck_assert(
        says("# label answer count share_of_label: head:_42_%_wrong\n0 0 6 0.75\n0 1 2 0.25\n0 2 0 0\n1 0 1 0.25\n"));
    ck_assert(says("\n2 2 0 0\n\n\n# label answer count share_of_label\n0 0 1 1\n"));
    read_text("picture.gnuplot");
    ck_assert(says("set multiplot title 'a title'"));
    ck_assert(says("'picture.dat' index 1"));
    ck_assert(says("set label 'it''s' at "));
    ck_assert(says("set label '75.0%' at ")); /* recall of class 0: 6 of 8 */
    ck_assert(says("set label '85.7%' at ")); /* precision of class 0: 6 of 7 */
    ck_assert(says("set label '33.3%' at ")); /* precision of class 1: 1 of 3 */
    ck_assert(says("set label '58.3%' at ")); /* all: 7 of 12 */
    ck_assert(says("set label '-' at "));     /* recall of class 2, which does not occur */
    if (!drawn) return;
    pal_image *image = pal_image_read(path_of(PICTURE), &error);
    ck_assert_msg(image != NULL, "%s", error.text);
    bool blue = false, red = false;
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++) {
            const pal_colour c = pal_image_get(image, x, y);
            blue |= c.blue > c.red + 60;
            red |= c.red > c.blue + 60;
        }
    ck_assert(blue && red);
    pal_image_free(image);
    ck_assert_int_eq(count_files(), 3);
}
END_TEST

/* With many classes the tiles have no numbers. One class, or a matrix without counts, must not fail. */
START_TEST(any_number_of_classes)
{
    static const size_t sizes[] = {1, 2, 11, 26, 27, 256};
    static int64_t many[256 * 256];
    pal_error error = {PAL_OK, ""};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t n = sizes[s];
        for (size_t i = 0; i < n * n; i++) many[i] = i / n == i % n ? 90 : (int64_t)(i * 7 % 23) / 5;
        const pal_matrix_panel panel = {"panel", many};
        const pal_matrix m = {.struct_size = sizeof m, .panels = &panel, .panel_count = 1, .classes = n};
        ck_assert_msg(!pal_matrix_write(&m, path_of("picture.svg"), NULL, &error), "%zu: %s", n, error.text);
        read_text("picture.gnuplot");
        ck_assert(says("with boxxyerror"));
        ck_assert_int_eq(says("sprintf"), n <= 26);
    }
    memset(many, 0, sizeof many);
    const pal_matrix_panel none = {"nothing", many};
    const pal_matrix m = {.struct_size = sizeof m, .panels = &none, .panel_count = 1, .classes = 3};
    ck_assert_msg(!pal_matrix_write(&m, path_of(PICTURE), NULL, &error), "%s", error.text);
}
END_TEST

START_TEST(what_is_no_matrix_is_refused)
{
    static const int64_t negative[9] = {0, -1};
    const pal_matrix_panel good = {NULL, counts}, empty = {NULL, NULL}, bad = {NULL, negative};
    const struct {
        pal_matrix m;
        const char *says;
    } cases[] = {
        {{.struct_size = 1, .panels = &good, .panel_count = 1, .classes = 3}, "struct_size"},
        {{.struct_size = sizeof(pal_matrix), .panels = &good, .panel_count = 1}, "0 classes"},
        {{.struct_size = sizeof(pal_matrix), .panels = &good, .panel_count = 1, .classes = 257}, "257 classes"},
        {{.struct_size = sizeof(pal_matrix), .classes = 3}, "0 matrices"},
        {{.struct_size = sizeof(pal_matrix), .panels = &empty, .panel_count = 1, .classes = 3}, "no counts"},
        {{.struct_size = sizeof(pal_matrix), .panels = &bad, .panel_count = 1, .classes = 3}, "count is -1"}};
    pal_error error = {PAL_OK, ""};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(pal_matrix_write(&cases[i].m, path_of(PICTURE), NULL, &error), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(error.text, cases[i].says) != NULL, "%s", error.text);
    }
    const pal_matrix m = {.struct_size = sizeof m, .panels = &good, .panel_count = 1, .classes = 3};
    ck_assert_int_eq(pal_matrix_write(&m, "", NULL, &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

Suite *plot_matrix_suite(void)
{
    Suite *suite = suite_create("plot_matrix");
    in_own_folder(add_case(suite, "matrix", set_up, tear_down,
                           TESTS(a_matrix_is_data_and_a_script, any_number_of_classes, what_is_no_matrix_is_refused)));
    return suite;
}
