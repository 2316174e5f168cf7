/* test_refused_tools.c - questions to a model that have no answer: each is refused with its reason, and no file
 * appears. */
#include "tests/analysis/failing_tools.h"

#include <math.h>

Suite *refused_tools_suite(void);

#define refused(call, wanted, says)                                                                                    \
    do {                                                                                                               \
        pal_error err = {0};                                                                                           \
        const pal_status status = call;                                                                                \
        ck_assert_msg(status == (wanted) && err.status == status, "%s: %s", #call, err.text);                          \
        ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);                                                 \
        ck_assert_int_eq(count_files(), 0);                                                                            \
    } while (0)

static const pal_view wrong_view = {1, 2, 2}; /* samples have 6 features */

/* ---- Pictures of samples -------------------------------------------------------------------------------------- */

START_TEST(reconstructions_are_refused)
{
    const char *path = path_of("new.png");
    const pal_shown shown = {.model = plain, .name = "a"};
    const size_t size = sizeof(pal_reconstruct_options);
    const pal_reconstruct_options fine = {.struct_size = size}, few = {.struct_size = size, .samples = -1},
                                  seen = {.struct_size = size, .view = wrong_view}, old = {.struct_size = 4};
    refused(pal_reconstruct_all_write(&shown, 0, data, &fine, path, &err), PAL_ERR_ARGUMENT, "no model");
    refused(pal_reconstruct_all_write(&shown, 1, data, &few, path, &err), PAL_ERR_ARGUMENT, "-1 samples");
    refused(pal_reconstruct_all_write(&shown, 1, data, &old, path, &err), PAL_ERR_ARGUMENT, "struct_size");
    refused(pal_reconstruct_all_write(&shown, 1, data, &seen, path, &err), err.status, "");
    refused(pal_reconstruct_write(plain, data, &few, path, &err), PAL_ERR_ARGUMENT, "-1 samples");
    refused(pal_reconstruct_write(plain, data, &seen, path, &err), err.status, "2");
}
END_TEST

START_TEST(denoising_is_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_denoise_options);
    const struct {
        pal_model *model;
        pal_denoise_options o;
        const char *says;
    } cases[] = {{plain, {.struct_size = size}, "no noise: basic does not corrupt its input"},
                 {noisy, {.struct_size = size, .samples = -3}, "-3 samples"},
                 {noisy, {.struct_size = size, .batch = -4}, "batches of -4"},
                 {noisy, {.struct_size = 4}, "struct_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_denoise_figures figures = {.samples = 77};
        refused(pal_denoise(cases[i].model, data, &cases[i].o, &figures, path, &err), PAL_ERR_ARGUMENT, cases[i].says);
        ck_assert_int_eq(figures.samples, 77);
    }
}
END_TEST

START_TEST(infilling_is_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_infill_picture), inner = sizeof(pal_infill_options);
    const uint8_t some[FEATURES] = {1}, none[FEATURES] = {0}, all[FEATURES] = {1, 1, 1, 1, 1, 1};
    const pal_infill_options fine = {.struct_size = inner};
    const struct {
        const uint8_t *missing;
        pal_infill_picture picture;
        const char *says;
    } cases[] = {{none, {.struct_size = size, .infill = fine}, "of 6 pixels, 0 are missing"},
                 {all, {.struct_size = size, .infill = fine}, "of 6 pixels, 6 are missing"},
                 {some, {.struct_size = size, .infill = fine, .samples = -1}, "-1 samples"},
                 {some, {.struct_size = size, .infill = {.struct_size = inner, .steps = -1}}, "-1 steps"},
                 {some, {.struct_size = size, .infill = {.struct_size = inner, .batch = -1}}, "batches of -1"},
                 {some, {.struct_size = size, .infill = {.struct_size = inner, .learning_rate = (double)NAN}}, "nan"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_infill_write(plain, data, cases[i].missing, &cases[i].picture, NULL, path, &err), PAL_ERR_ARGUMENT,
                cases[i].says);
    uint8_t missing[FEATURES];
    const pal_view view = {1, 2, 3};
    static const int64_t rectangles[][4] = {{-1, 0, 1, 1}, {0, -1, 1, 1},        {0, 0, 3, 1},        {0, 0, 1, 4},
                                            {1, 0, 2, 1},  {0, 2, 1, 2},         {0, 0, 0, 1},        {0, 0, 1, 0},
                                            {0, 0, 2, 3},  {INT64_MAX, 0, 1, 1}, {1, 0, INT64_MAX, 1}};
    for (size_t i = 0; i < sizeof rectangles / sizeof *rectangles; i++) {
        const int64_t *r = rectangles[i];
        refused(pal_missing_rectangle(view, r[0], r[1], r[2], r[3], missing, &err), PAL_ERR_ARGUMENT, "rectangle");
    }
    ck_assert_int_eq(pal_missing_rectangle(view, 1, 1, 1, 2, missing, NULL), PAL_OK);
    ck_assert_mem_eq(missing, ((uint8_t[]){0, 0, 0, 0, 1, 1}), FEATURES);
}
END_TEST

START_TEST(blends_are_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_interpolate_options);
    static const int64_t corners[] = {0, 1, 2, 3}, far[] = {0, SAMPLES}, before[] = {-1, 0};
    const struct {
        pal_interpolate_options o;
        const char *says;
    } cases[] = {{{.struct_size = size, .corners = corners, .count = 0}, "pairs to blend"},
                 {{.struct_size = size, .corners = corners, .count = 3}, "pairs to blend"},
                 {{.struct_size = size, .corners = corners, .count = 2, .grid = true}, "choose four corners"},
                 {{.struct_size = size, .corners = corners, .count = 2, .steps = 1}, "1 steps"},
                 {{.struct_size = size, .corners = corners, .count = 2, .steps = INT64_MAX}, "steps: choose from 2"},
                 {{.struct_size = size, .corners = far, .count = 2}, "16"},
                 {{.struct_size = size, .corners = before, .count = 2}, "-1"},
                 {{.struct_size = 4, .corners = corners, .count = 2}, "struct_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_interpolate_write(plain, data, &cases[i].o, NULL, path, &err), PAL_ERR_ARGUMENT, cases[i].says);
}
END_TEST

/* ---- Codes ---------------------------------------------------------------------------------------------------- */

START_TEST(points_of_codes_are_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_scatter_options);
    const struct {
        pal_model *model;
        pal_scatter_options o;
        const char *says;
    } cases[] = {{plain, {.struct_size = size, .samples = -2}, "-2 samples"},
                 {random_code, {.struct_size = size, .ellipses = -1}, "-1 ellipses"},
                 {random_code, {.struct_size = size, .deviations = -1}, "-1 standard deviations"},
                 {random_code, {.struct_size = size, .deviations = (double)NAN}, "nan standard deviations"},
                 {plain, {.struct_size = size, .ellipses = 1}, "basic"},
                 {bits, {.struct_size = size, .ellipses = 1}, "variational"},
                 {plain, {.struct_size = 4}, "struct_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_scatter_write(cases[i].model, data, &cases[i].o, path, NULL, &err), PAL_ERR_ARGUMENT,
                cases[i].says);
    const pal_scatter_options fine = {.struct_size = size};
    pal_shown many[17];
    for (size_t i = 0; i < 17; i++) many[i] = (pal_shown){.model = plain, .name = "a"};
    refused(pal_scatter_all_write(many, 0, data, &fine, path, NULL, &err), PAL_ERR_ARGUMENT, "0");
    refused(pal_scatter_all_write(many, 17, data, &fine, path, NULL, &err), PAL_ERR_ARGUMENT, "17");
}
END_TEST

START_TEST(draws_from_a_prior_are_refused)
{
    const char *path = path_of("new.png");
    float codes[8] = {7};
    refused(pal_prior_draw(plain, 2, 1, codes, &err), PAL_ERR_ARGUMENT, "no prior to draw from");
    refused(pal_prior_draw(random_code, 0, 1, codes, &err), PAL_ERR_ARGUMENT, "0 samples");
    refused(pal_prior_draw(random_code, INT64_MAX, 1, codes, &err), PAL_ERR_ARGUMENT, "samples: choose from 1");
    refused(pal_prior_line(plain, 3, codes, &err), PAL_ERR_ARGUMENT, "prior");
    refused(pal_prior_line(random_code, 3, codes, &err), PAL_ERR_ARGUMENT, "");
    refused(pal_prior_plane(random_code, 1, codes, &err), PAL_ERR_ARGUMENT, "1 steps");
    refused(pal_prior_plane(bits, 3, codes, &err), PAL_ERR_ARGUMENT, "");
    refused(pal_code_each(random_code, codes, &err), PAL_ERR_ARGUMENT, "");
    ck_assert(codes[0] == 7);
    const size_t size = sizeof(pal_sample_options);
    const struct {
        const pal_model *model;
        pal_sample_options o;
        const char *says;
    } cases[] = {{plain, {.struct_size = size}, "no prior"},
                 {random_code, {.struct_size = size, .samples = 3, .steps = 3}, "choose one"},
                 {random_code, {.struct_size = size, .samples = INT64_MAX}, "samples: choose from 1"},
                 {random_code, {.struct_size = size, .steps = INT64_MAX}, "steps: choose from 2"},
                 {random_code, {.struct_size = size, .steps = 1}, "1 steps"},
                 {random_code, {.struct_size = size, .samples = -1}, "-1 samples"},
                 {random_code, {.struct_size = 4}, "struct_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_sample_write(cases[i].model, &cases[i].o, path, &err), PAL_ERR_ARGUMENT, cases[i].says);
    const pal_shown shown = {.model = random_code, .name = "a"};
    const pal_sample_options fine = {.struct_size = size};
    refused(pal_sample_all_write(&shown, 0, &fine, path, &err), PAL_ERR_ARGUMENT, "");
}
END_TEST

START_TEST(estimates_are_refused)
{
    const size_t size = sizeof(pal_importance_options);
    const struct {
        pal_model *model;
        pal_importance_options o;
        const char *says;
    } cases[] = {{plain, {.struct_size = size, .draws = 5}, "importance"},
                 {random_code, {.struct_size = size, .draws = 0}, "zero samples give no estimate"},
                 {random_code, {.struct_size = size, .draws = -1}, "-1 samples"},
                 {random_code, {.struct_size = size, .draws = 5, .chunk = -1}, "chunks of -1"},
                 {random_code, {.struct_size = size, .draws = 5}, "--binarize dynamic"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_importance_result result;
        refused(pal_importance(cases[i].model, data, &cases[i].o, &result, &err), PAL_ERR_ARGUMENT, cases[i].says);
    }
}
END_TEST

/* ---- Units and classes ---------------------------------------------------------------------------------------- */

START_TEST(filters_are_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_filters_options);
    pal_model *const models[] = {plain, image};
    const struct {
        pal_filters_options o;
        const char *says;
    } cases[] = {{{.struct_size = size, .models = models, .count = 0}, ""},
                 {{.struct_size = size, .models = models, .count = 1, .units = -1}, "-1 units"},
                 {{.struct_size = size, .models = models, .count = 1, .layer = 9}, "9"},
                 {{.struct_size = size, .models = models, .count = 1, .layer = -1}, "-1"},
                 {{.struct_size = 4, .models = models, .count = 1}, "struct_size"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(pal_filters_write(&cases[i].o, path, &err), PAL_ERR_ARGUMENT, cases[i].says);
    float out[FEATURES];
    refused(pal_filter_maximal(plain, 9, 0, out, NULL, &err), PAL_ERR_ARGUMENT, "");
    refused(pal_filter_maximal(plain, 1, 4, out, NULL, &err), PAL_ERR_ARGUMENT, "");
    refused(pal_filter_maximal(plain, 1, -1, out, NULL, &err), PAL_ERR_ARGUMENT, "");
    double share[8];
    refused(pal_shares(plain, data, share, &err), PAL_ERR_ARGUMENT, "linear");
}
END_TEST

START_TEST(classes_are_refused)
{
    const uint32_t rows[] = {0, 1, 2};
    pal_dataset *few = pal_dataset_select(labelled, rows, 3, NULL);
    ck_assert_ptr_nonnull(few);
    few->features = 5; /* as of another data set */
    refused(pal_classify_check(data, labelled, 3, &err), PAL_ERR_ARGUMENT, "data has no labels");
    refused(pal_classify_check(labelled, data, 3, &err), PAL_ERR_ARGUMENT, "data has no labels");
    refused(pal_classify_check(labelled, few, 3, &err), PAL_ERR_SHAPE, "differ in size");
    refused(pal_classify_check(labelled, labelled, SAMPLES + 1, &err), PAL_ERR_ARGUMENT, "16");
    refused(pal_classify_check(labelled, labelled, 2, &err), PAL_ERR_ARGUMENT, "3");
    pal_classification result;
    refused(pal_classify_head(plain, labelled, NULL, &result, &err), PAL_ERR_ARGUMENT, "basic does not classify");
    few->features = FEATURES;
    pal_dataset_free(few);
}
END_TEST

START_TEST(geometries_are_refused)
{
    const char *path = path_of("new.png");
    const size_t size = sizeof(pal_geometry_options);
    const pal_geometry_options cases[] = {
        {.struct_size = size, .samples = -1},    {.struct_size = size, .neighbours = -1},
        {.struct_size = size, .directions = -1}, {.struct_size = size, .images = -1},
        {.struct_size = size, .tangents = -1},   {.struct_size = 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        pal_geometry *g = pal_geometry_new(plain, data, data, &cases[i], &err);
        ck_assert_msg(!g && err.status == PAL_ERR_ARGUMENT && err.text[0], "%zu: %s", i, err.text);
    }
    pal_geometry_free(NULL);
    const pal_geometry_picture none = {.count = 0};
    refused(pal_geometry_spectra_write(&none, path, &err), PAL_ERR_ARGUMENT, "no geometry");
    refused(pal_geometry_tangents_write(&none, path, &err), PAL_ERR_ARGUMENT, "no geometry");
    pal_error own = {0};
    pal_geometry *two = pal_geometry_new(
                     plain, data, NULL, &(pal_geometry_options){.struct_size = size, .images = 2, .tangents = 2}, &own),
                 *three = pal_geometry_new(
                     plain, data, NULL, &(pal_geometry_options){.struct_size = size, .images = 3, .tangents = 2}, &own);
    ck_assert_msg(two && three, "%s", own.text);
    const pal_geometry *const both[] = {two, three};
    const pal_geometry_picture mixed = {.geometries = both, .count = 2};
    refused(pal_geometry_tangents_write(&mixed, path, &err), PAL_ERR_ARGUMENT, "the same samples for all models");
    pal_geometry_free(two);
    pal_geometry_free(three);
}
END_TEST

Suite *refused_tools_suite(void)
{
    Suite *suite = suite_create("refused_tools");
    in_own_folder(
        add_case(suite, "questions", set_up_tools, tear_down_tools,
                 TESTS(reconstructions_are_refused, denoising_is_refused, infilling_is_refused, blends_are_refused,
                       points_of_codes_are_refused, draws_from_a_prior_are_refused, estimates_are_refused,
                       filters_are_refused, classes_are_refused, geometries_are_refused)));
    return suite;
}
