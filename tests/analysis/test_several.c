/* test_several.c - tests pictures of several models: what each of them makes is there, what they share is there once,
 * and figures are those of each model alone. */
#include <math.h>
#include <stdlib.h>

#include "tests/analysis/cells.h"
#include "tests/files.h"
#include "tests/models/small_models.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *several_suite(void);

enum { FEATURES = 6, SAMPLES = 4, ALL = 15 };

static pal_dataset *data;
static pal_model *models[4];
static pal_shown shown[4];

/* A basic model, two denoisers with different shares of masking, and one like the second with other weights. */
static void set_up_models(void)
{
    pal_error err = {0};
    set_up();
    pal_tensor *all = random_tensor(c, PAL_F32, PAL_SHAPE(ALL, 2, 3), 0.1, 0.9, "data");
    ck_assert_int_eq(pal_npy_write(all, path_of("data.npy"), &err), PAL_OK);
    pal_tensor_free(all);
    data = pal_dataset_open(c, path_of("data.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    static const char *const maskings[] = {NULL, "0.4", "0.6", "0.6"}, *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        const pal_setting settings[] = {{"hidden", "4"}, {"masking", maskings[i]}};
        models[i] = make(pal_variant_find(i ? "denoising" : "basic"), settings, i ? 2 : 1, PAL_F32, 5 + i);
        shown[i] = (pal_shown){.model = models[i], .name = names[i]};
    }
}

static void tear_down_models(void)
{
    for (size_t i = 0; i < 4; i++) pal_model_free(models[i]);
    pal_dataset_free(data);
    tear_down();
}

static pal_image *read_picture(const char *name)
{
    pal_error err = {0};
    pal_image *image = pal_image_read(path_of(name), &err);
    ck_assert_msg(image != NULL, "%s", err.text);
    return image;
}

static void sample(int64_t i, float out[FEATURES])
{
    const uint32_t row = (uint32_t)i;
    pal_tensor *x = pal_tensor_new(c, PAL_F32, PAL_SHAPE(1, FEATURES));
    ck_assert_int_eq(pal_dataset_batch(data, &row, 1, x), PAL_OK);
    memcpy(out, x->data, FEATURES * sizeof *out);
    pal_tensor_free(x);
}

static int64_t height_of(const pal_shown *list, size_t count)
{
    pal_error err = {0};
    const pal_reconstruct_options o = {.struct_size = sizeof o, .samples = SAMPLES, .seed = 3};
    ck_assert_msg(!pal_reconstruct_all_write(list, count, data, &o, path_of("rows.png"), &err), "%s", err.text);
    pal_image *image = read_picture("rows.png");
    const int64_t height = image->height;
    for (int64_t i = 0; i < SAMPLES; i++) { /* the originals are there once */
        float x[FEATURES];
        sample(i, x);
        ck_assert_int_eq(count_cells(image, x, 2, 3), 1);
    }
    pal_image_free(image);
    return height;
}

/* The originals are drawn once; then a row per model; and a row of corrupted inputs for each kind of them. */
START_TEST(reconstructions_are_below_one_row_of_originals)
{
    const int64_t one = height_of(&shown[0], 1), row = height_of((pal_shown[]){shown[0], shown[0]}, 2) - one;
    ck_assert_int_gt(row, 4);
    ck_assert_int_eq(height_of(&shown[1], 1), one + row);                             /* corrupted */
    ck_assert_int_eq(height_of((pal_shown[]){shown[2], shown[3]}, 2), one + 2 * row); /* alike */
    ck_assert_int_eq(height_of(&shown[1], 2), one + 3 * row);                         /* not alike */
    ck_assert_int_eq(height_of(shown, 4), one + 5 * row);                             /* two kinds, and the original */
    pal_error err = {0};
    const pal_reconstruct_options o = {.struct_size = sizeof o, .samples = SAMPLES};
    ck_assert_int_eq(pal_reconstruct_all_write(shown, 0, data, &o, path_of("none.png"), &err), PAL_ERR_ARGUMENT);
    ck_assert(access(path_of("none.png"), F_OK) != 0);
}
END_TEST

/* One corruptor for all: every model gets the same inputs, in one row. */
START_TEST(a_corruptor_makes_the_inputs_of_all)
{
    const pal_setting settings[] = {{"hidden", "1"}, {"masking", "0.6"}};
    pal_model *corruptor = make(pal_variant_find("denoising"), settings, 2, PAL_F32, 1);
    const int64_t row = height_of((pal_shown[]){shown[0], shown[0]}, 2) - height_of(&shown[0], 1);
    const pal_shown both[] = {{models[0], corruptor, "a"}, shown[2], shown[3]};
    ck_assert_int_eq(height_of(both, 3), height_of(&shown[0], 1) + 3 * row);
    pal_model_free(corruptor);
}
END_TEST

/* Each pair has a row per model, with the figures of this model alone. */
START_TEST(blends_have_their_own_figures)
{
    static const int64_t corners[] = {0, 1, 2, 3};
    pal_interpolate_figures together[3][2], alone[2];
    for (int grid = 0; grid < 2; grid++)
        for (int pixels = 0; pixels < 2; pixels++) {
            const pal_interpolate_options o = {
                .struct_size = sizeof o, .corners = corners, .count = 4, .grid = grid, .steps = 3, .pixels = pixels};
            pal_error err = {0};
            ck_assert_msg(!pal_interpolate_all_write(shown, 3, data, &o, together[0], path_of("blends.png"), &err),
                          "%s", err.text);
            pal_image *image = read_picture("blends.png");
            float x[FEATURES];
            sample(0, x);
            /* A grid has each sample once, and once more among the pixels; pairs have it in every row. */
            ck_assert_int_eq(count_cells(image, x, 2, 3), grid ? 1 + pixels : 3 + 2 * pixels);
            pal_image_free(image);
            for (size_t i = 0; i < 3 && !grid; i++) {
                ck_assert_int_eq(pal_interpolate_write(models[i], data, &o, alone, NULL, &err), PAL_OK);
                ck_assert_mem_eq(alone, together[i], sizeof alone);
            }
        }
}
END_TEST

/* Each panel has the figures of its model alone, and its points in the numbers. */
START_TEST(panels_have_their_own_figures)
{
    const pal_scatter_options o = {.struct_size = sizeof o, .csv = true, .title = "codes"};
    pal_scatter together[4], alone;
    pal_error err = {0};
    ck_assert_msg(!pal_scatter_all_write(shown, 4, data, &o, path_of("panels.svg"), together, &err), "%s", err.text);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pal_scatter_write(models[i], data, &o, path_of("alone.svg"), &alone, &err), PAL_OK);
        ck_assert_double_eq(alone.share[0], together[i].share[0]);
        ck_assert_int_eq(alone.samples, together[i].samples);
    }
    char text[1 << 14];
    const size_t size = read_file(path_of("panels.csv"), text, sizeof text);
    ck_assert_uint_lt(size, sizeof text);
    ck_assert(!strncmp(text, "panel,x,y,class\na,", 18));
    size_t lines = 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    ck_assert_uint_eq(lines, 1 + 4 * (size_t)data->count);
    const pal_scatter_options drawn = {.struct_size = sizeof drawn, .ellipses = 2};
    ck_assert_int_eq(pal_scatter_all_write(shown, 4, data, &drawn, path_of("none.svg"), together, &err),
                     PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_scatter_all_write(shown, 0, data, &o, path_of("none.svg"), together, &err), PAL_ERR_ARGUMENT);
    ck_assert(access(path_of("none.svg"), F_OK) != 0);
}
END_TEST

/* A model without a random code among others is named. */
START_TEST(samples_need_a_code)
{
    const pal_setting settings[] = {{"hidden", "2"}};
    pal_model *random = make(pal_variant_find("variational"), settings, 1, PAL_F32, 5);
    const pal_sample_options o = {.struct_size = sizeof o, .steps = 3};
    const pal_shown two[] = {{.model = random, .name = "first"}, {.model = random, .name = "second"}},
                    bad[] = {{.model = random, .name = "first"}, {.model = models[0], .name = "second"}};
    pal_error err = {0};
    ck_assert_msg(!pal_sample_all_write(two, 2, &o, path_of("two.png"), &err), "%s", err.text);
    ck_assert_msg(!pal_sample_write(random, &o, path_of("one.png"), &err), "%s", err.text);
    pal_image *one = read_picture("one.png"), *both = read_picture("two.png");
    ck_assert_int_gt(both->width, one->width * 3 / 2);
    pal_image_free(one);
    pal_image_free(both);
    ck_assert_int_eq(pal_sample_all_write(bad, 2, &o, path_of("bad.png"), &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(!strncmp(err.text, "second: basic has no prior", 26), "%s", err.text);
    ck_assert(access(path_of("bad.png"), F_OK) != 0);
    pal_model_free(random);
}
END_TEST

Suite *several_suite(void)
{
    Suite *suite = suite_create("several");
    in_own_folder(add_case(suite, "several", set_up_models, tear_down_models,
                           TESTS(reconstructions_are_below_one_row_of_originals, a_corruptor_makes_the_inputs_of_all,
                                 blends_have_their_own_figures, panels_have_their_own_figures, samples_need_a_code)));
    return suite;
}
