/* test_interpolate.c - tests blends through the code: their ends are reconstructions, and linear models blend
 * linearly. */
#include <math.h>

#include "tests/analysis/cells.h"
#include "tests/files.h"
#include "tests/models/small_models.h"
#include "plot/plot.h"
#include "analysis/analysis.h"
#include "train/train.h"

Suite *interpolate_suite(void);

enum { FEATURES = 6, CORNERS = 4, STEPS = 5 };

static float x[CORNERS * FEATURES];

static void inputs(void)
{
    set_up();
    pal_tensor *t = random_tensor(c, PAL_F32, PAL_SHAPE(CORNERS, FEATURES), 0, 1, "x");
    memcpy(x, t->data, sizeof x);
    pal_tensor_free(t);
}

/* The ends of a line and the corners of a square are the given rows, in every bit. */
START_TEST(blends_end_in_their_corners)
{
    float line[STEPS * FEATURES], square[STEPS * STEPS * FEATURES];
    const size_t row = FEATURES * sizeof *x, last = STEPS - 1;
    pal_blend(x, 2, STEPS, FEATURES, line);
    ck_assert_mem_eq(line, x, row);
    ck_assert_mem_eq(line + last * FEATURES, x + FEATURES, row);
    for (int i = 0; i < FEATURES; i++)
        ck_assert_float_eq_tol(line[FEATURES + i], 0.75F * x[i] + 0.25F * x[FEATURES + i], 1e-6);
    pal_blend(x, 4, STEPS, FEATURES, square);
    ck_assert_mem_eq(square, line, sizeof line); /* the upper edge */
    ck_assert_mem_eq(square + last * STEPS * FEATURES, x + 2 * FEATURES, row);
    ck_assert_mem_eq(square + (STEPS * STEPS - 1) * FEATURES, x + 3 * FEATURES, row);
    for (int i = 0; i < FEATURES; i++) {
        const float mean = (x[i] + x[FEATURES + i] + x[2 * FEATURES + i] + x[3 * FEATURES + i]) / 4;
        ck_assert_float_eq_tol(square[(2 * STEPS + 2) * FEATURES + i], mean, 1e-6);
    }
}
END_TEST

START_TEST(ends_are_reconstructions)
{
    static const size_t ends[] = {0, STEPS - 1, STEPS * (STEPS - 1), STEPS * STEPS - 1};
    for (size_t v = 0; pal_variant_at(v); v++)
        for (int dtype = PAL_F32; dtype <= PAL_F64; dtype++) {
            pal_model *m = make_named(pal_variant_at(v)->name, (pal_dtype)dtype);
            pal_workspace_options o = {.struct_size = sizeof o, .batch = 1}; /* the same batch gives the same bits */
            pal_workspace *w = pal_workspace_new(m, &o, NULL);
            float own[CORNERS * FEATURES], line[STEPS * FEATURES], square[STEPS * STEPS * FEATURES];
            ck_assert_int_eq(pal_reconstruct(m, w, x, CORNERS, own), PAL_OK);
            ck_assert_int_eq(pal_interpolate(m, w, x, 2, STEPS, line), PAL_OK);
            ck_assert_int_eq(pal_interpolate(m, w, x, 4, STEPS, square), PAL_OK);
            for (size_t k = 0; k < CORNERS; k++)
                for (size_t i = 0; i < FEATURES; i++) {
                    const float want = own[k * FEATURES + i];
                    const float got = square[ends[k] * FEATURES + i],
                                pair = k < 2 ? line[ends[k] * FEATURES + i] : want;
                    if (dtype == PAL_F32)
                        ck_assert(got == want && pair == want);
                    else /* the code was rounded to float32 */
                        ck_assert(fabsf(got - want) < 1e-6F && fabsf(pair - want) < 1e-6F);
                }
            pal_workspace_free(w);
            pal_model_free(m);
        }
}
END_TEST

START_TEST(a_linear_model_blends_linearly)
{
    const pal_setting linear[] = {{"hidden", "4"}, {"activation", "linear"}, {"output", "squared"}};
    pal_model *m = make(pal_variant_find("basic"), linear, 3, PAL_F32, 5);
    pal_workspace *w = pal_workspace_new(m, NULL, NULL);
    float own[CORNERS * FEATURES], want[STEPS * STEPS * FEATURES], got[STEPS * STEPS * FEATURES];
    ck_assert_int_eq(pal_reconstruct(m, w, x, CORNERS, own), PAL_OK);
    pal_blend(own, 4, STEPS, FEATURES, want);
    ck_assert_int_eq(pal_interpolate(m, w, x, 4, STEPS, got), PAL_OK);
    for (int i = 0; i < STEPS * STEPS * FEATURES; i++) ck_assert_float_eq_tol(got[i], want[i], 1e-5);
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

START_TEST(wrong_use_is_told)
{
    pal_model *m = make_named("basic", PAL_F32), *other = make_named("basic", PAL_F32);
    pal_workspace *w = pal_workspace_new(m, NULL, NULL);
    float out[STEPS * FEATURES];
    ck_assert_int_eq(pal_interpolate(m, NULL, x, 2, STEPS, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_interpolate(m, w, NULL, 2, STEPS, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_interpolate(m, w, x, 3, STEPS, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_interpolate(m, w, x, 2, 1, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_interpolate(other, w, x, 2, STEPS, out), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pal_workspace_error(w), "belongs to another model"));
    pal_workspace_free(w);
    pal_model_free(m);
    pal_model_free(other);
}
END_TEST

/* ---- Figures and pictures ------------------------------------------------------------------------------------- */

static pal_status refused(const pal_model *m, const pal_dataset *data, pal_interpolate_options o, const char *needle)
{
    pal_error err = {0};
    o.struct_size = sizeof o;
    pal_status status = pal_interpolate_write(m, data, &o, NULL, path_of("refused.png"), &err);
    ck_assert_msg(strstr(err.text, needle) != NULL, "%s", err.text);
    ck_assert(access(path_of("refused.png"), F_OK) != 0);
    return status;
}

/* The pictures contain the samples. A path through the code is at least as long as the straight line between the
 * images. */
START_TEST(pictures_and_lengths)
{
    pal_error err = {0};
    pal_tensor *all = random_tensor(c, PAL_F32, PAL_SHAPE(13, 2, 3), 0, 1, "data");
    ck_assert_int_eq(pal_npy_write(all, path_of("data.npy"), &err), PAL_OK);
    pal_dataset *data = pal_dataset_open(c, path_of("data.npy"), PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    pal_model *m = make_named("basic", PAL_F32);
    static const int64_t corners[] = {0, 1, 5, 5};
    for (int grid = 0; grid < 2; grid++)
        for (int pixels = 0; pixels < 2; pixels++) {
            pal_interpolate_options o = {.struct_size = sizeof o,
                                         .corners = corners,
                                         .count = 4,
                                         .grid = grid,
                                         .steps = STEPS,
                                         .pixels = pixels,
                                         .title = "title",
                                         .caption = "caption"};
            pal_interpolate_figures f[2] = {{.code = -1}, {.code = -1}};
            const char *path = path_of("interpolate.png");
            ck_assert_msg(!pal_interpolate_write(m, data, &o, f, path, &err), "%s", err.text);
            pal_image *image = pal_image_read(path, &err);
            ck_assert_msg(image != NULL, "%s", err.text);
            for (int i = 0; i < 4; i++) /* every picture contains the samples */
                ck_assert(has_cell(image, (const float *)all->data + corners[i] * 6, 2, 3));
            pal_image_free(image);
            if (grid) {
                ck_assert(f[0].code == -1);
                continue;
            }
            ck_assert(f[0].code > 0 && f[0].straight > 0 && f[0].path >= f[0].straight * (1 - 1e-6));
            ck_assert(f[1].code == 0 && f[1].straight == 0 && f[1].path == 0); /* from a sample to itself */
        }
    static const int64_t beyond[] = {0, 11};
    ck_assert_int_eq(
        refused(m, data, (pal_interpolate_options){.corners = beyond, .count = 2}, "sample 11 does not exist"),
        PAL_ERR_ARGUMENT);
    ck_assert_int_eq(refused(m, data, (pal_interpolate_options){.corners = corners, .count = 3}, "cannot form pairs"),
                     PAL_ERR_ARGUMENT);
    ck_assert_int_eq(refused(m, data, (pal_interpolate_options){.corners = corners, .count = 2, .grid = true}, "four"),
                     PAL_ERR_ARGUMENT);
    ck_assert_int_eq(refused(m, data, (pal_interpolate_options){.corners = corners, .count = 2, .steps = 1}, "steps"),
                     PAL_ERR_ARGUMENT);
    ck_assert_int_eq(refused(m, data, (pal_interpolate_options){0}, "cannot form pairs"), PAL_ERR_ARGUMENT);
    pal_model_free(m);
    pal_dataset_free(data);
    pal_tensor_free(all);
}
END_TEST

Suite *interpolate_suite(void)
{
    Suite *s = suite_create("interpolate");
    add_case(s, "buffers", inputs, tear_down,
             TESTS(blends_end_in_their_corners, ends_are_reconstructions, a_linear_model_blends_linearly,
                   wrong_use_is_told));
    in_own_folder(add_case(s, "pictures", inputs, tear_down, TESTS(pictures_and_lengths)));
    return s;
}
