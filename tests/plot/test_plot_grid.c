/* test_plot_grid.c - tests grids of pictures: sizes, layouts, labels, and errors. */
#include "tests/files.h"
#include "tests/plot/pictures.h"

Suite *plot_grid_suite(void);

/* The size of the picture is the sum of margins, cells and gaps. */
START_TEST(grid_sizes_add_up)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(5, 2, 3), NULL);
    static const struct {
        size_t columns, limit;
        int32_t scale;
        int wide, high, gap; /* cells per line, lines, pixels between cells */
    } cases[] = {{0, 0, 1, 3, 2, 1}, {0, 4, 2, 2, 2, 2}, {2, 0, 4, 2, 3, 4}, {9, 0, 3, 5, 1, 3},
                 {1, 0, 9, 1, 5, 4}, {0, 9, 1, 3, 2, 1}, {5, 1, 1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_image *image =
            draw_row((pal_grid_row){.cells = t, .limit = cases[i].limit}, cases[i].columns, cases[i].scale, NULL);
        ck_assert_ptr_nonnull(image);
        int scale = cases[i].scale, gap = cases[i].gap;
        ck_assert_int_eq(image->width, 2 * MARGIN + cases[i].wide * (3 * scale + gap) - gap);
        ck_assert_int_eq(image->height, 2 * MARGIN + cases[i].high * (2 * scale + gap) - gap);
        assert_grey(image, MARGIN, MARGIN, 0);
        assert_grey(image, MARGIN - 1, MARGIN, 255);
        if (cases[i].wide > 1) assert_grey(image, MARGIN + 3 * scale, MARGIN, 255);
        if (cases[i].wide > 1) assert_grey(image, MARGIN + 3 * scale + gap, MARGIN, 0);
        pal_image_free(image);
    }
    pal_tensor_free(t);
}
END_TEST

/* The same images as a flat tensor, with one channel first or last, or transposed give the same picture. */
START_TEST(all_layouts_of_a_tensor_draw_the_same)
{
    double values[24], turned[24];
    for (int i = 0; i < 24; i++) turned[i % 6 * 4 + i / 6] = values[i] = i / 23.0;
    pal_tensor *flat = tensor(PAL_F64, PAL_SHAPE(4, 6), values);
    pal_tensor *others[] = {tensor(PAL_F64, PAL_SHAPE(4, 2, 3), values), tensor(PAL_F64, PAL_SHAPE(4, 1, 2, 3), values),
                            tensor(PAL_F64, PAL_SHAPE(4, 2, 3, 1), values), tensor(PAL_F64, PAL_SHAPE(6, 4), turned)};
    pal_grid_row row = {.cells = flat};
    pal_grid_section section = {.rows = &row, .count = 1, .cell_height = 2};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    pal_image *first = pal_grid_draw(&grid, NULL);
    ck_assert_ptr_nonnull(first);
    for (int i = 0; i < 4; i++) {
        row = (pal_grid_row){.cells = others[i], .transposed = i == 3};
        section.cell_height = i == 3 ? 2 : 0;
        pal_image *image = pal_grid_draw(&grid, NULL);
        ck_assert_ptr_nonnull(image);
        ck_assert_int_eq(image->width, first->width);
        ck_assert_int_eq(image->height, first->height);
        ck_assert_mem_eq(image->pixels, first->pixels, (size_t)image->width * (size_t)image->height * 3);
        pal_image_free(image);
        pal_tensor_free(others[i]);
    }
    pal_image_free(first);
    pal_tensor_free(flat);
}
END_TEST

/* The first column that contains black. */
static int first_black(const pal_image *image)
{
    for (int x = 0; x < image->width; x++)
        for (int y = 0; y < image->height; y++)
            if (pal_image_get(image, x, y).red == 0) return x;
    return image->width;
}

/* Labels and titles make the picture larger by the room that they need, and move the cells. */
START_TEST(labels_titles_and_sections_take_room)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(3, 16), NULL);
    static const char *const names[] = {"a", "b", "c"};
    pal_grid_row rows[] = {{.cells = t}, {.cells = t}};
    pal_grid_section sections[] = {{.rows = rows, .count = 2}, {.rows = rows, .count = 2}};
    pal_grid grid = {.struct_size = sizeof grid, .sections = sections, .count = 1, .scale = 8};
    pal_image *plain = pal_grid_draw(&grid, NULL);
    ck_assert_int_eq(plain->width, 2 * MARGIN + 3 * 32 + 2 * 4);
    ck_assert_int_eq(plain->height, 2 * MARGIN + 2 * 32 + 4);

    rows[1].label = "reconstruction"; /* row labels move the cells to the right */
    pal_image *image = pal_grid_draw(&grid, NULL);
    int64_t room = pal_text_width("reconstruction", (pal_text_style){.height = 13}) + 13;
    ck_assert_int_eq(image->width, plain->width + room);
    ck_assert_int_eq(image->height, plain->height);
    ck_assert_int_eq(first_black(image), MARGIN + room);
    pal_image_free(image);
    rows[1].label = NULL;

    const char **texts[] = {&grid.title, &grid.caption, &sections[0].title}; /* texts move them down */
    for (int i = 0; i < 3; i++) {
        *texts[i] = "text";
        image = pal_grid_draw(&grid, NULL);
        ck_assert_int_gt(image->height, plain->height + 11);
        ck_assert_int_eq(image->width, plain->width);
        pal_image_free(image);
        *texts[i] = NULL;
    }
    sections[0].column_labels = names;
    sections[0].column_label_count = 3;
    image = pal_grid_draw(&grid, NULL);
    ck_assert_int_gt(image->height, plain->height + 11);
    pal_image_free(image);
    sections[0].column_label_count = 0;

    grid.count = 2; /* sections side by side */
    image = pal_grid_draw(&grid, NULL);
    ck_assert_int_eq(image->height, plain->height);
    ck_assert_int_gt(image->width, 2 * (plain->width - 2 * MARGIN) + 2 * MARGIN);
    pal_image_free(image);
    pal_image_free(plain);
    pal_tensor_free(t);
}
END_TEST

/* Draws three rows of labelled cells that are all 0. Returns the size, and the number of lines with black near the
 * right edge. */
static void measure(pal_shape shape, int64_t height, int *wide, int *high, int *black)
{
    static const char *const labels[] = {"original", "masked", "reconstruction"};
    pal_tensor *t = tensor(PAL_F32, shape, NULL);
    pal_grid_row rows[3];
    for (int i = 0; i < 3; i++) rows[i] = (pal_grid_row){.cells = t, .label = labels[i]};
    pal_grid_section section = {.rows = rows, .count = 3, .cell_height = height};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    pal_image *image = pal_grid_draw(&grid, NULL);
    ck_assert_ptr_nonnull(image);
    *wide = image->width;
    *high = image->height;
    *black = 0;
    for (int y = 0; y < image->height; y++) *black += pal_image_get(image, image->width - 2 * MARGIN, y).red == 0;
    pal_image_free(image);
    pal_tensor_free(t);
}

/* A row that is too wide for one line is continued below. */
START_TEST(wide_rows_are_cut_into_bands)
{
    int wide, high, black;
    measure(PAL_SHAPE(16, 28 * 28), 28, &wide, &high, &black);
    ck_assert_int_lt(high, 400);
    measure(PAL_SHAPE(100, 28 * 28), 28, &wide, &high, &black);
    ck_assert_int_lt(wide, 1700);
    ck_assert_int_gt(high, 15 * 56);
    measure(PAL_SHAPE(1000, 28 * 28), 28, &wide, &high, &black);
    ck_assert_int_lt(wide, 1700);
}
END_TEST

/* Cells that are lower than their labels get room for them. */
START_TEST(low_cells_have_room_for_their_labels)
{
    int wide, high, black;
    /* A strip is as high as its label, and wide enough to be seen. */
    measure(PAL_SHAPE(16, 5), 1, &wide, &high, &black);
    ck_assert_int_ge(black, 3 * 24);
    ck_assert_int_gt(wide, 16 * 5 * 10);
    measure(PAL_SHAPE(2, 4 * 1200), 4, &wide, &high, &black); /* at scale 1, lower than text */
    ck_assert_int_eq(black % (3 * 4), 0);
    ck_assert_int_ge(high, 2 * MARGIN + black + 2 * 11);
}
END_TEST

START_TEST(long_text_is_wrapped)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(1, 4), NULL);
    pal_grid_row row = {.cells = t};
    pal_grid_section section = {.rows = &row, .count = 1};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .title = "one line"};
    pal_image *image = pal_grid_draw(&grid, NULL);
    char text[2001];
    memset(text, 'w', 2000);
    text[2000] = '\0';
    for (int spaces = 0; spaces < 2; spaces++) { /* a word that is too long is cut */
        grid.title = text;
        pal_image *high = pal_grid_draw(&grid, NULL);
        ck_assert_ptr_nonnull(high);
        ck_assert_int_gt(high->height, image->height * 5);
        ck_assert_int_lt(high->width, 400);
        for (int y = 0; y < high->height; y++) assert_grey(high, MARGIN / 2, y, 255); /* nothing in the margin */
        pal_image_free(high);
        for (int i = 5; i < 2000; i += 6) text[i] = ' ';
    }
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

/* Without a scale, the picture has a good size for the screen: many filters, or one image at 8 times its size. */
START_TEST(a_good_scale_is_chosen)
{
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(256, 28, 28), NULL), *one = tensor(PAL_U8, PAL_SHAPE(1, 28, 28), NULL);
    pal_image *filters = draw_row((pal_grid_row){.cells = t}, 0, 0, NULL);
    ck_assert_int_gt(filters->width, 1000);
    ck_assert_int_lt(filters->width, 1500);
    pal_image *single = draw_row((pal_grid_row){.cells = one}, 0, 0, NULL);
    ck_assert_int_eq(single->width, 28 * 8 + 2 * MARGIN);
    pal_image_free(filters);
    pal_image_free(single);
    pal_tensor_free(one);
    pal_tensor_free(t);
}
END_TEST

START_TEST(a_grid_is_written)
{
    const char *path = path_of(PICTURE);
    pal_error error = {PAL_OK, ""};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(1, 4), (double[]){0, 1, 1, 0});
    pal_grid_row row = {.cells = t};
    pal_grid_section section = {.rows = &row, .count = 1};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 1};
    ck_assert_int_eq(pal_grid_write(&grid, path, &error), PAL_OK);
    ck_assert_int_eq(error.status, PAL_OK);
    pal_image *image = pal_image_read(path, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, i % 3 ? 255 : 0);
    pal_image_free(image);
    row.cells = NULL; /* a failure names the file and leaves the old one */
    ck_assert_int_eq(pal_grid_write(&grid, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    image = pal_image_read(path, NULL);
    ck_assert_ptr_nonnull(image);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

static void refuse(pal_grid_row row, pal_grid_section section, pal_status status, const char *says)
{
    pal_error error = {PAL_OK, ""};
    section.rows = &row;
    section.count = 1;
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_ptr_null(pal_grid_draw(&grid, &error));
    ck_assert_msg(error.status == status, "%s: %s", pal_status_text(error.status), error.text);
    ck_assert_msg(strstr(error.text, says) != NULL, "\"%s\" does not say \"%s\"", error.text, says);
    ck_assert_ptr_null(pal_grid_draw(&grid, NULL));
}

START_TEST(tensors_that_are_no_images_are_refused)
{
    const struct {
        pal_dtype dtype;
        pal_shape shape;
        pal_grid_section section;
        bool transposed;
        pal_status status;
        const char *says;
    } cases[] = {
        {PAL_I32, PAL_SHAPE(2, 4), {0}, false, PAL_ERR_TYPE, "i32"},
        {PAL_F32, PAL_SHAPE(4), {0}, false, PAL_ERR_SHAPE, "[4]"},
        {PAL_F32, PAL_SCALAR, {0}, false, PAL_ERR_SHAPE, "[n,h*w]"},
        {PAL_F32, PAL_SHAPE(2, 3, 4, 4), {0}, false, PAL_ERR_SHAPE, "[2,3,4,4]"},
        {PAL_F32, PAL_SHAPE(1, 1, 1, 4, 4), {0}, false, PAL_ERR_SHAPE, "[1,1,1,4,4]"},
        {PAL_F32, PAL_SHAPE(2, 5), {0}, false, PAL_ERR_SHAPE, "5 elements"},
        {PAL_F32, PAL_SHAPE(2, 6), {.cell_height = 4}, false, PAL_ERR_SHAPE, "6 elements"},
        {PAL_F32, PAL_SHAPE(2, 6), {.cell_height = -2, .cell_width = -3}, false, PAL_ERR_SHAPE, "-2"},
        {PAL_F32, PAL_SHAPE(2, 4), {.cell_height = INT64_MAX, .cell_width = 8}, false, PAL_ERR_SHAPE, "4 elements"},
        {PAL_F32, PAL_SHAPE(2, 2, 2), {.cell_height = 3}, false, PAL_ERR_SHAPE, "[2,2,2]"},
        {PAL_F32, PAL_SHAPE(2, 2, 2), {0}, true, PAL_ERR_SHAPE, "[h*w,n]"},
        {PAL_F32, PAL_SHAPE(0, 4), {0}, false, PAL_ERR_SHAPE, "empty"},
        {PAL_F32, PAL_SHAPE(2, 0), {0}, false, PAL_ERR_SHAPE, "empty"},
        {PAL_U8, PAL_SHAPE(1, 70000), {.cell_height = 1}, false, PAL_ERR_SHAPE, "70000"},
        {PAL_U8, PAL_SHAPE(1 << 21, 1), {0}, false, PAL_ERR_SHAPE, "too many"},
        {PAL_U8, PAL_SHAPE(1, 60000), {.cell_height = 1, .title = "too wide at scale 8"}, false, PAL_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_tensor *t = tensor(cases[i].dtype, cases[i].shape, NULL);
        if (cases[i].status == PAL_OK) { /* large, but still a picture */
            pal_grid_row row = {.cells = t};
            pal_grid_section section = cases[i].section;
            section.rows = &row;
            section.count = 1;
            pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
            pal_image *image = pal_grid_draw(&grid, NULL);
            ck_assert_ptr_nonnull(image);
            pal_image_free(image);
            grid.scale = 64;
            ck_assert_ptr_null(pal_grid_draw(&grid, NULL));
        } else {
            refuse((pal_grid_row){.cells = t, .transposed = cases[i].transposed}, cases[i].section, cases[i].status,
                   cases[i].says);
        }
        pal_tensor_free(t);
    }
}
END_TEST

START_TEST(grids_that_make_no_sense_are_refused)
{
    pal_error error = {PAL_OK, ""};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(2, 4), NULL), *other = tensor(PAL_F32, PAL_SHAPE(2, 9), NULL);
    refuse((pal_grid_row){.cells = NULL}, (pal_grid_section){0}, PAL_ERR_ARGUMENT, "no cells");
    refuse((pal_grid_row){.cells = t, .mapping = PAL_MAPPING_COUNT}, (pal_grid_section){0}, PAL_ERR_ARGUMENT,
           "mapping");
    refuse((pal_grid_row){.cells = t, .mapping = (pal_mapping)-1}, (pal_grid_section){0}, PAL_ERR_ARGUMENT, "mapping");
    refuse((pal_grid_row){.cells = t}, (pal_grid_section){.column_label_count = 3}, PAL_ERR_ARGUMENT, "labels");
    pal_grid_row rows[] = {{.cells = t}, {.cells = other}};
    pal_grid_section section = {.rows = rows, .count = 2};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_ptr_null(pal_grid_draw(&grid, &error));
    ck_assert_int_eq(error.status, PAL_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(error.text, "row 1"));
    section.count = 1;
    const pal_grid wrong[] = {{.struct_size = 3, .sections = &section, .count = 1},
                              {.struct_size = sizeof grid, .sections = NULL, .count = 1},
                              {.struct_size = sizeof grid, .sections = &section, .count = 0},
                              {.struct_size = sizeof grid, .sections = &section, .count = SIZE_MAX},
                              {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = -1},
                              {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 65}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error.status = PAL_OK;
        ck_assert_ptr_null(pal_grid_draw(&wrong[i], &error));
        ck_assert_int_eq(error.status, PAL_ERR_ARGUMENT);
    }
    section.columns = SIZE_MAX;
    pal_image *image = pal_grid_draw(&grid, NULL);
    ck_assert_ptr_nonnull(image);
    pal_image_free(image);
    pal_tensor_free(other);
    pal_tensor_free(t);
}
END_TEST

Suite *plot_grid_suite(void)
{
    Suite *suite = suite_create("plot_grid");
    add_case(suite, "grids", set_up, tear_down,
             TESTS(grid_sizes_add_up, all_layouts_of_a_tensor_draw_the_same, labels_titles_and_sections_take_room,
                   wide_rows_are_cut_into_bands, low_cells_have_room_for_their_labels, long_text_is_wrapped,
                   a_good_scale_is_chosen, tensors_that_are_no_images_are_refused,
                   grids_that_make_no_sense_are_refused));
    in_own_folder(add_case(suite, "files", set_up, tear_down, TESTS(a_grid_is_written)));
    return suite;
}
