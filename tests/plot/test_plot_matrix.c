/* test_plot_matrix.c - tests confusion matrices: tiles, texts, the numbers beside the picture, and errors. */
#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_matrix_suite(void);

static const int64_t counts[9] = {6, 2, 0, 1, 1, 2, 0, 0, 0}, others[9] = {1};

static void write_matrix(const pal_matrix *m, const char *path)
{
    pal_error error = {PAL_OK, ""};
    ck_assert_msg(!pal_matrix_write(m, path, &error), "%s", error.text);
}

START_TEST(a_matrix_has_its_counts_and_shares)
{
    const pal_matrix_panel panels[] = {{"head: 42 % wrong, \"so\"", counts}, {NULL, others}};
    static const char *const names[] = {"T-shirt/top", "it's", "Ankle boot"};
    pal_matrix m = {.struct_size = sizeof m, .title = "a title", .panels = panels, .panel_count = 2, .classes = 3};
    for (int named = 0; named < 2; named++) {
        m.names = named ? names : NULL;
        write_matrix(&m, path_of("picture.svg"));
        ck_assert_int_eq(count_files(), 1);
        svg_read(path_of("picture.svg"));
        svg_check_margins(12);
        static const char *const texts[] = {
            "a title", "head: 42 % wrong, \"so\"", "label", "answer", "recall", "precision", "6", /* a count */
            "75.0%",  /* recall of class 0: 6 of 8 */
            "85.7%",  /* precision of class 0: 6 of 7 */
            "33.3%",  /* precision of class 1: 1 of 3 */
            "58.3%",  /* all: 7 of 12 */
            "-",      /* recall of class 2, which does not occur */
            "100.0%", /* of the other matrix */
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_msg(svg_says(texts[i]), "no %s", texts[i]);
        for (int k = 0; k < 3; k++) ck_assert_int_eq(svg_says(names[k]), named);
    }
    /* The colours show the root of the share of the label: blue if right, red if wrong. */
    int tiles = 0;
    for (int i = 0; i < svg_count; i++) tiles += svg_shapes[i].filled;
    ck_assert_int_eq(tiles, 2 * 9);
    ck_assert_int_eq(svg_number_of(true, pal_colour_diverging(-sqrt(0.75)), 0), 1);
    ck_assert_int_eq(svg_number_of(true, pal_colour_diverging(0.5), 0), 2); /* 2 of 8, 1 of 4 */
    ck_assert_int_eq(svg_number_of(true, pal_colour_diverging(sqrt(0.5)), 0), 1);
    ck_assert_int_eq(svg_number_of(true, pal_colour_diverging(-1), 0), 1);

    m.csv = true;
    m.panel_count = 1;
    write_matrix(&m, path_of(PICTURE));
    char text[512];
    text[read_file(path_of("picture.csv"), text, sizeof text - 1)] = '\0';
    static const char start[] = "matrix,label,answer,count,share_of_label\n"
                                "\"head: 42 % wrong, \"\"so\"\"\",0,0,6,0.75\n"
                                "\"head: 42 % wrong, \"\"so\"\"\",0,1,2,0.25\n";
    ck_assert_int_eq(strncmp(text, start, strlen(start)), 0);
    ck_assert_ptr_nonnull(strstr(text, "\",1,2,2,0.5\n"));
    int lines = 0;
    for (const char *c = text; *c; c++) lines += *c == '\n';
    ck_assert_int_eq(lines, 1 + 9);
    pal_error error = {PAL_OK, ""};
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

START_TEST(matrices_are_equal_byte_for_byte)
{
    const pal_matrix_panel panel = {"panel", counts};
    const pal_matrix m = {.struct_size = sizeof m, .panels = &panel, .panel_count = 1, .classes = 3};
    static const char *const names[][2] = {{"a.png", "b.png"}, {"a.svg", "b.svg"}, {"a.pdf", "b.pdf"}};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 2; k++) write_matrix(&m, path_of(names[i][k]));
        assert_same_files(path_of(names[i][0]), path_of(names[i][1]));
    }
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
        ck_assert_msg(!pal_matrix_write(&m, path_of("picture.svg"), &error), "%zu: %s", n, error.text);
        svg_read(path_of("picture.svg"));
        svg_check_margins(12);
        size_t tiles = 0;
        for (int i = 0; i < svg_count; i++) tiles += svg_shapes[i].filled;
        ck_assert_uint_eq(tiles, n * n);
        char last[8];
        snprintf(last, sizeof last, "%zu", n - 1);
        if (n < 40) ck_assert(svg_says(last));
        ck_assert_int_eq(svg_says("90"), n <= 26 || n > 90); /* as a count, or as the name of a class */
    }
    memset(many, 0, sizeof many);
    const pal_matrix_panel none = {"nothing", many};
    const pal_matrix m = {.struct_size = sizeof m, .panels = &none, .panel_count = 1, .classes = 3};
    ck_assert_msg(!pal_matrix_write(&m, path_of(PICTURE), &error), "%s", error.text);
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
        ck_assert_int_eq(pal_matrix_write(&cases[i].m, path_of(PICTURE), &error), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(error.text, cases[i].says) != NULL, "%s", error.text);
    }
    const pal_matrix m = {.struct_size = sizeof m, .panels = &good, .panel_count = 1, .classes = 3};
    ck_assert_int_eq(pal_matrix_write(&m, "", &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_matrix_write(&m, path_of("picture.txt"), &error), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

/* Names that are too long are cut. (A picture that is too large for a PNG: see plot_grid.) */
START_TEST(long_names_are_cut)
{
    static char name[4000];
    memset(name, 'W', sizeof name - 1);
    const char *const names[] = {name, name, name};
    const int64_t one[9] = {1};
    const pal_matrix_panel panel = {NULL, one};
    const pal_matrix m = {.struct_size = sizeof m, .panels = &panel, .panel_count = 1, .classes = 3, .names = names};
    ck_assert_int_eq(pal_matrix_write(&m, path_of(PICTURE), NULL), PAL_OK);
    pal_image *image = pal_image_read(path_of(PICTURE), NULL);
    ck_assert(image->width < 1000 && image->height < 600);
    pal_image_free(image);
}
END_TEST

Suite *plot_matrix_suite(void)
{
    Suite *suite = suite_create("plot_matrix");
    in_own_folder(add_case(suite, "matrix", set_up, tear_down,
                           TESTS(a_matrix_has_its_counts_and_shares, matrices_are_equal_byte_for_byte,
                                 any_number_of_classes, what_is_no_matrix_is_refused, long_names_are_cut)));
    return suite;
}
