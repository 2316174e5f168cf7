/* test_plot_files.c - tests grids as files: crisp images in SVG and PDF, equal bytes, texts, tables of numbers. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "tests/plot/svg.h"

Suite *plot_files_suite(void);

static const char *const endings[] = {"png", "svg", "pdf"};

/* Two rows of images, one of them strange, and a section of profiles. */
static pal_status write_grid(const char *path, bool csv, pal_error *err)
{
    static const double values[] = {0, 1, 0.5, 0.25, NAN, 1, 0, 1, -3, 7.5, 0, INFINITY};
    static const char *const labels[] = {"first", "second"}, *const names[] = {"a, b", "c"};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(3, 4), values), *bars = tensor(PAL_F32, PAL_SHAPE(2, 2), values + 6);
    const pal_grid_row rows[] = {{.cells = t, .label = "original"},
                                 {.cells = t, .mapping = PAL_MAP_DIVERGING, .limit = 2}},
                       profile = {.cells = bars, .label = "a \"row\"", .mapping = PAL_MAP_PROFILE};
    const pal_grid_section sections[] = {
        {.title = "images", .rows = rows, .count = 2, .column_labels = labels, .column_label_count = 2},
        {.rows = &profile, .count = 1, .feature_names = names}};
    const pal_grid grid = {.struct_size = sizeof grid,
                           .title = "A title, 100 % <of> & \"quotes\"",
                           .caption = "a caption",
                           .sections = sections,
                           .count = 2,
                           .csv = csv};
    const pal_status status = pal_grid_write(&grid, path, err);
    pal_tensor_free(t);
    pal_tensor_free(bars);
    return status;
}

static char file[1 << 20];

/* The bytes do not depend on what was drawn before. */
START_TEST(equal_grids_are_equal_files)
{
    for (size_t i = 0; i < 3; i++) {
        char first[16], second[16];
        snprintf(first, sizeof first, "a.%s", endings[i]);
        snprintf(second, sizeof second, "b.%s", endings[i]);
        ck_assert_int_eq(write_grid(path_of(first), false, NULL), PAL_OK);
        ck_assert_int_eq(write_grid(path_of("other.svg"), false, NULL), PAL_OK);
        ck_assert_int_eq(write_grid(path_of(second), false, NULL), PAL_OK);
        assert_same_files(path_of(first), path_of(second));
    }
}
END_TEST

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text++) n++;
    return n;
}

/* One image per cell, none of them blurred; all other shapes, and the texts, are those of a PNG. */
START_TEST(an_svg_has_crisp_images_and_texts)
{
    ck_assert_int_eq(write_grid(path_of("a.svg"), false, NULL), PAL_OK);
    svg_read(path_of("a.svg"));
    svg_check_margins(20);
    ck_assert(svg_says("A title, 100 % <of> & \"quotes\"") && svg_says("a caption") && svg_says("images"));
    ck_assert(svg_says("original") && svg_says("second") && svg_says("a \"row\"") && svg_says("a, b"));
    ck_assert_int_eq(count_of(svg, "<image "), 5);
    ck_assert_int_eq(count_of(svg, "xlink:href=\"#image"), 5);
    ck_assert_int_eq(count_of(svg, "image-rendering:pixelated"), 1);
    ck_assert_ptr_nonnull(strstr(svg, "<g id=\"surface0\" style="));
    ck_assert_int_eq(count_of(svg, "<text"), 0);
}
END_TEST

START_TEST(a_pdf_has_crisp_images)
{
    ck_assert_int_eq(write_grid(path_of("a.pdf"), false, NULL), PAL_OK);
    const size_t size = read_file(path_of("a.pdf"), file, sizeof file - 1);
    int off = 0;
    ck_assert(size < sizeof file - 1 && memcmp(file, "%PDF", 4) == 0);
    for (size_t i = 0; i + 18 < size; i++) {
        off += memcmp(file + i, "/Interpolate false", 18) == 0;
        ck_assert(memcmp(file + i, "/Interpolate true", 17) != 0);
    }
    ck_assert_int_eq(off, 5);
}
END_TEST

START_TEST(the_numbers_are_written_when_asked_for)
{
    ck_assert_int_eq(write_grid(path_of("a.svg"), false, NULL), PAL_OK);
    ck_assert_int_eq(count_files(), 1);
    ck_assert_int_eq(write_grid(path_of("a.pdf"), true, NULL), PAL_OK);
    ck_assert_int_eq(count_files(), 3);
    char text[1024];
    text[read_file(path_of("a.csv"), text, sizeof text - 1)] = '\0';
    ck_assert_str_eq(text, "section,row,cell,0,1,2,3\n"
                           "images,original,0,0,1,0.5,0.25\n"
                           "images,original,1,,1,0,1\n"
                           "images,original,2,-3,7.5,0,\n"
                           "images,1,0,0,1,0.5,0.25\n"
                           "images,1,1,,1,0,1\n"
                           "1,\"a \"\"row\"\"\",0,0,1,,\n"
                           "1,\"a \"\"row\"\"\",1,-3,7.5,,\n");
}
END_TEST

START_TEST(the_headings_are_the_names_of_the_features)
{
    static const char *const names[] = {"sepal, length", "width"};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(1, 2), (double[]){1, 0.25});
    const pal_grid_row row = {.cells = t, .mapping = PAL_MAP_PROFILE};
    const pal_grid_section section = {.rows = &row, .count = 1, .feature_names = names};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .csv = true};
    ck_assert_int_eq(pal_grid_write(&grid, path_of(PICTURE), NULL), PAL_OK);
    assert_text(path_of("picture.csv"), "section,row,cell,\"sepal, length\",width\n0,0,0,1,0.25\n");
    pal_tensor_free(t);
}
END_TEST

/* A picture is drawn in tiles of 4096 pixels, and an image in parts of the same size. No pixel shows where they meet.
 */
START_TEST(tiles_meet_without_a_seam)
{
    enum { WIDE = 9001, LINES = 3 };
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(1, LINES, WIDE), NULL);
    uint8_t *levels = t->data;
    for (int i = 0; i < LINES * WIDE; i++) levels[i] = (uint8_t)(i * 7 + i / WIDE);
    pal_image *image = draw_row((pal_grid_row){.cells = t}, 0, 1, NULL);
    const int margin = (image->width - WIDE) / 2;
    for (int i = 0; i < LINES * WIDE; i++)
        if (pal_image_get(image, margin + i % WIDE, margin + i / WIDE).red != levels[i])
            ck_abort_msg("element %d has another level", i);
    pal_image_free(image);
    pal_tensor_free(t);

    pal_text_style style = {28, true, {0, 0, 0}}; /* a text across the border is that of a small image, moved */
    pal_image *wide = pal_image_new(4400, 60, NULL), *small = pal_image_new(800, 60, NULL);
    pal_image_text(wide, 3700, 10, "across the border of two tiles", style);
    pal_image_text(small, 100, 10, "across the border of two tiles", style);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 800; x++) {
            const pal_colour a = pal_image_get(small, x, y), b = pal_image_get(wide, 3600 + x, y);
            if (a.red != b.red) ck_abort_msg("the texts differ at %d, %d", x, y);
        }
    pal_image_free(wide);
    pal_image_free(small);
}
END_TEST

/* Every format refuses the same, names the file, and leaves what was there. */
START_TEST(what_cannot_be_written_is_refused)
{
    pal_error err = {0};
    const char *wrong[] = {"picture", "picture.jpg", ".svg", "png", "picture.svg.gz"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(write_grid(path_of(wrong[i]), false, &err), PAL_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(err.text, "ends in .png, .svg or .pdf"));
    }
    ck_assert_int_eq(write_grid("", false, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(write_grid(NULL, false, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_grid_write(NULL, path_of(PICTURE), &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_grid_draw(NULL, &err));
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(1, 3000), NULL);
    const pal_grid_row row = {.cells = t};
    const pal_grid_section section = {.rows = &row, .count = 1, .cell_height = 1};
    const pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 64};
    for (size_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "p.%s", endings[i]);
        write_text(name, "kept");
        ck_assert_int_eq(pal_grid_write(&grid, path_of(name), &err), PAL_ERR_ARGUMENT);
        ck_assert(strstr(err.text, name) && strstr(err.text, "cannot draw") && !strchr(err.text, '\n'));
        assert_text(path_of(name), "kept");
    }
    ck_assert_int_eq(count_files(), 3);
    pal_tensor_free(t);
}
END_TEST

Suite *plot_files_suite(void)
{
    Suite *suite = suite_create("plot_files");
    in_own_folder(add_case(suite, "grids", set_up, tear_down,
                           TESTS(equal_grids_are_equal_files, an_svg_has_crisp_images_and_texts, a_pdf_has_crisp_images,
                                 the_numbers_are_written_when_asked_for, the_headings_are_the_names_of_the_features,
                                 tiles_meet_without_a_seam, what_cannot_be_written_is_refused)));
    return suite;
}
