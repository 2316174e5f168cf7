/* test_planes.c - tests pictures of samples with several planes: three planes are colours, others are side by side. */
#include <math.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *planes_suite(void);

enum { SAMPLES = 20, HEIGHT = 4, WIDTH = 5, PLANE = HEIGHT * WIDTH };

/* The upper half of plane 0 is 1. Everything else is 0. */
static void write_samples(int64_t planes, const char *name)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(SAMPLES, planes, HEIGHT, WIDTH), NULL);
    for (int64_t i = 0; i < SAMPLES; i++)
        for (int64_t k = 0; k < PLANE / 2; k++) pal_tensor_set(t, (size_t)(i * planes * PLANE + k), 1);
    ck_assert(!pal_npy_write(t, path_of(name), NULL));
    pal_tensor_free(t);
}

static int count(const pal_image *image, pal_colour colour)
{
    int n = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            pal_colour at = pal_image_get(image, x, y);
            n += at.red == colour.red && at.green == colour.green && at.blue == colour.blue;
        }
    return n;
}

/* The position of the first pixel with this colour, line by line from the top left. */
static void find(const pal_image *image, pal_colour colour, int *x, int *y)
{
    for (*y = 0; *y < image->height; ++*y)
        for (*x = 0; *x < image->width; ++*x) {
            pal_colour at = pal_image_get(image, *x, *y);
            if (at.red == colour.red && at.green == colour.green && at.blue == colour.blue) return;
        }
    ck_abort_msg("no such colour");
}

/* Samples with three planes are drawn in colour, in reconstructions and in fillings. */
START_TEST(reconstructions_have_colours)
{
    pal_error err = {0};
    write_samples(3, "rgb.npy");
    pal_dataset *data = pal_dataset_open(context, path_of("rgb.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    const pal_setting hidden = {"hidden", "2"};
    pal_model *m = pal_model_new(context, pal_variant_find("basic"), &hidden, 1, data->sample, PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_reconstruct_options o = {.struct_size = sizeof o, .samples = 3};
    ck_assert_msg(!pal_reconstruct_write(m, data, &o, path_of(PICTURE), &err), "%s", err.text);
    pal_image *image = pal_image_read(path_of(PICTURE), &err);
    ck_assert_msg(image != NULL, "%s", err.text);
    int x, y, red = count(image, (pal_colour){255, 0, 0}), black = count(image, (pal_colour){0, 0, 0});
    ck_assert_int_gt(red, 3 * PLANE / 2);
    ck_assert_int_eq(red, black); /* the lower half is black in all three samples */
    find(image, (pal_colour){255, 0, 0}, &x, &y);
    const int scale = (int)(sqrt(red / (3.0 * PLANE / 2)) + 0.5);
    assert_colour(pal_image_get(image, x + WIDTH * scale - 1, y + HEIGHT / 2 * scale - 1), (pal_colour){255, 0, 0});
    assert_grey(image, x, y + HEIGHT / 2 * scale, 0);
    pal_image_free(image);

    uint8_t missing[3 * PLANE];
    ck_assert(!pal_missing_rectangle(pal_view_of(data->sample), 0, 0, HEIGHT / 2, WIDTH, missing, &err));
    pal_infill_picture p = {.struct_size = sizeof p, .samples = 3, .methods = 1U << PAL_INFILL_ONCE};
    ck_assert_msg(!pal_infill_write(m, data, missing, &p, NULL, path_of(PICTURE), &err), "%s", err.text);
    image = pal_image_read(path_of(PICTURE), &err);
    /* The original is red. The masked sample is grey in the same place, and so is the text. */
    red = count(image, (pal_colour){255, 0, 0});
    ck_assert_int_ge(count(image, (pal_colour){128, 128, 128}), red);
    ck_assert_int_lt(count(image, (pal_colour){128, 128, 128}), red + 3 * PLANE / 2);
    pal_image_free(image);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* At scale 1, with a white pixel between two planes. */
START_TEST(planes_lie_side_by_side)
{
    double values[3 * 4] = {1, 1, 1, 1, 0, 0.2, 0, 0, 1, 0, 0.2, 1};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, 12), values);
    static const struct {
        pal_mapping mapping;
        int64_t planes;
        int width, last; /* inside the margins; the level at the lower right */
        bool good;
    } cases[] = {{PAL_MAP_UNIT, 0, 6, 255, true}, {PAL_MAP_UNIT, 2, 7, 255, true},      {PAL_MAP_UNIT, 3, 2, -1, true},
                 {PAL_MAP_RANGE, 3, 2, -1, true}, {PAL_MAP_SYMMETRIC, 3, 8, 255, true}, {PAL_MAP_UNIT, 5, 0, 0, false},
                 {PAL_MAP_UNIT, -3, 0, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_grid_row row = {.cells = t, .mapping = cases[i].mapping};
        pal_grid_section section = {.rows = &row, .count = 1, .cell_height = 2, .cell_planes = cases[i].planes};
        pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 1};
        pal_error err = {0};
        pal_image *image = pal_grid_draw(&grid, &err);
        ck_assert_int_eq(image != NULL, cases[i].good);
        if (!image) {
            ck_assert_ptr_nonnull(strstr(err.text, "planes"));
            continue;
        }
        ck_assert_int_eq(image->width, 2 * MARGIN + cases[i].width);
        if (cases[i].last >= 0)
            assert_grey(image, MARGIN + cases[i].width - 1, MARGIN + 1, cases[i].last);
        else
            assert_colour(pal_image_get(image, MARGIN + 1, MARGIN), (pal_colour){255, 51, 0});
        if (cases[i].planes == 2) assert_grey(image, MARGIN + 3, MARGIN, 255);
        if (cases[i].mapping == PAL_MAP_SYMMETRIC) assert_grey(image, MARGIN + 3, MARGIN, 128);
        pal_image_free(image);
    }
    pal_tensor_free(t);
}
END_TEST

Suite *planes_suite(void)
{
    Suite *suite = suite_create("planes");
    add_case(suite, "grids", set_up, tear_down, TESTS(planes_lie_side_by_side));
    in_own_folder(add_case(suite, "pictures", set_up, tear_down, TESTS(reconstructions_have_colours)));
    return suite;
}
