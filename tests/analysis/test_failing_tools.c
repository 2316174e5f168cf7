/* test_failing_tools.c - each allocation fails in turn while data are read, a model is made, saved and opened, and
 * questions are put to it. Each failure is reported with a message, or the result is there. */
#include "tests/analysis/failing_tools.h"

Suite *failing_tools_suite(void);

/* ---- Data ----------------------------------------------------------------------------------------------------- */

static bool reads_array(void *user)
{
    pal_error err = {0};
    pal_tensor *t = strstr(user, "ubyte") ? pal_idx_read(c, user, &err) : pal_array_read(c, user, &err);
    const bool good = made(t, &err);
    pal_tensor_free(t);
    return good;
}

static bool opens_data(void *user)
{
    pal_error err = {0};
    static const uint32_t rows[] = {3, 1, 2};
    pal_dataset *d = pal_dataset_open(c, user, PAL_SPLIT_TRAIN, &err), *part = NULL;
    bool good = made(d, &err);
    if (good) good = made(part = pal_dataset_select(d, rows, 3, &err), &err);
    pal_dataset_free(part);
    pal_dataset_free(d);
    return good;
}

static bool writes_array(void *user)
{
    pal_error err = {0};
    pal_tensor *t = pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, 2));
    const bool good = t && went_well(pal_array_write(t, user, &err), &err);
    pal_tensor_free(t);
    return good;
}

START_TEST(data_report_missing_memory)
{
    static const char *const read[] = {"data.npy", "rows.csv", "train-images-idx3-ubyte"};
    for (size_t i = 0; i < 3; i++) sweep(reads_array, (void *)(uintptr_t)path_of(read[i]));
    sweep(opens_data, (void *)(uintptr_t)path_of("data.npy"));
    sweep(opens_data, folder);
    sweep(writes_array, (void *)(uintptr_t)path_of("new.npy"));
    sweep(writes_array, (void *)(uintptr_t)path_of("new.csv"));
}
END_TEST

static bool splits_by_class(void *user)
{
    uint32_t rows[SAMPLES];
    uint8_t fold[SAMPLES];
    double mean[FEATURES], variance[FEATURES];
    pal_error err = {0};
    (void)user;
    return went_well(pal_stratify(labelled, 6, 1, 0, 2, rows, fold, &err), &err) &&
           went_well(pal_dataset_mean(labelled, PAL_F32, mean, &err), &err) &&
           went_well(pal_baseline(labelled, labelled, 1, variance, &err), &err);
}

START_TEST(statistics_report_missing_memory) { sweep(splits_by_class, NULL); }
END_TEST

/* ---- Models --------------------------------------------------------------------------------------------------- */

static bool makes_saves_and_opens(void *user)
{
    pal_error err = {0};
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    static const pal_setting small[] = {{"hidden", "4"}, {"k", "2"}, {"channels", "3"}, {"kernel", "2"}};
    const pal_variant *variant = user;
    pal_setting settings[4];
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        const pal_option *o = pal_variant_option_find(variant, small[i].name);
        if (o && *o->value) settings[n++] = small[i];
    }
    pal_model *m = pal_model_new(c, variant, settings, n, PAL_SHAPE(2, 3), PAL_F32, 5, &err), *again = NULL;
    pal_workspace *w = NULL;
    float x[2 * FEATURES] = {0.5F}, code[64], back[2 * FEATURES];
    bool good = made(m, &err) && went_well(pal_model_save(m, path, NULL, 0, &err), &err) &&
                made(again = pal_model_open(c, path, &err), &err);
    const pal_workspace_options o = {.struct_size = sizeof o, .batch = 2, .lanes = 1};
    good = good && made(w = pal_workspace_new(again, &o, &err), &err) && pal_workspace_code(w) <= 32;
    good = good && !pal_encode(again, w, x, 2, code) && !pal_decode(again, w, code, 2, back) &&
           !pal_reconstruct(again, w, x, 2, back);
    pal_workspace_free(w);
    pal_model_free(again);
    pal_model_free(m);
    return good;
}

START_TEST(a_model_reports_missing_memory)
{
    static const char *const names[] = {"basic",       "k-sparse", "convolutional",
                                        "variational", "stacked",  "semi-supervised"};
    sweep(makes_saves_and_opens, (void *)(uintptr_t)pal_variant_find(names[_i]));
}
END_TEST

/* ---- Questions ------------------------------------------------------------------------------------------------ */

static char picture[PATH_ROOM];

static bool reconstructs(void *user)
{
    pal_error err = {0};
    const pal_shown two[] = {{.model = plain, .name = "a"}, {.model = noisy, .name = "b"}};
    const pal_reconstruct_options o = {.struct_size = sizeof o, .samples = 3, .title = "t", .caption = "c"};
    const pal_denoise_options d = {.struct_size = sizeof d, .samples = 3, .lanes = 1};
    pal_denoise_figures found;
    (void)user;
    return went_well(pal_reconstruct_write(image, data, &o, picture, &err), &err) &&
           went_well(pal_reconstruct_all_write(two, 2, data, &o, picture, &err), &err) &&
           went_well(pal_denoise(noisy, data, &d, &found, picture, &err), &err);
}

static bool draws_filters(void *user)
{
    pal_error err = {0};
    pal_model *const models[] = {plain, image};
    pal_filters_options o = {.struct_size = sizeof o, .models = models, .count = 1, .maximal = true, .title = "t"};
    double share[8];
    const double *const shares[] = {share};
    const int64_t units[] = {4};
    const pal_shares_picture s = {.shares = shares, .units = units, .count = 1, .csv = true};
    (void)user;
    if (!went_well(pal_filters_write(&o, picture, &err), &err)) return false;
    o.models = models + 1;
    o.maximal = false;
    o.layer = 1;
    if (!went_well(pal_filters_write(&o, picture, &err), &err)) return false;
    o.models = models;
    o.prototypes = true;
    o.layer = 0;
    return went_well(pal_filters_write(&o, picture, &err), &err) &&
           went_well(pal_shares(line, data, share, &err), &err) && went_well(pal_shares_write(&s, picture, &err), &err);
}

static bool scatters(void *user)
{
    pal_error err = {0};
    const pal_scatter_options o = {.struct_size = sizeof o, .title = "t", .ellipses = 2, .csv = true};
    const pal_scatter_options no = {.struct_size = sizeof no};
    pal_scatter found;
    (void)user;
    return went_well(pal_scatter_write(random_code, labelled, &o, picture, &found, &err), &err) &&
           went_well(pal_scatter_write(plain, data, &no, picture, &found, &err), &err);
}

static bool measures_geometry(void *user)
{
    pal_error err = {0};
    const pal_geometry_options o = {
        .struct_size = sizeof o, .samples = 3, .neighbours = 2, .directions = 2, .images = 2};
    pal_geometry *g = pal_geometry_new(plain, labelled, labelled, &o, &err);
    bool good = made(g, &err);
    const pal_geometry *const all[] = {g};
    const pal_geometry_picture p = {.geometries = all, .count = 1, .data = labelled, .title = "t", .csv = true};
    (void)user;
    good = good && went_well(pal_geometry_spectra_write(&p, picture, &err), &err) &&
           went_well(pal_geometry_tangents_write(&p, picture, &err), &err);
    pal_geometry_free(g);
    return good;
}

static bool fills_in(void *user)
{
    pal_error err = {0};
    static const uint8_t missing[FEATURES] = {1, 0, 1};
    static const float mean[FEATURES] = {0.5F};
    const pal_infill_picture o = {.struct_size = sizeof o,
                                  .infill = {.struct_size = sizeof(pal_infill_options), .steps = 2, .lanes = 1},
                                  .mean = mean,
                                  .samples = 2};
    pal_infill_figures found;
    (void)user;
    return went_well(pal_infill_write(plain, data, missing, &o, &found, picture, &err), &err);
}

static bool imputes(void *user)
{
    pal_error err = {0};
    const double rows[2 * FEATURES] = {NAN, 0.5};
    double out[2 * FEATURES];
    const pal_infill_options infill = {.struct_size = sizeof infill, .steps = 2, .lanes = 1};
    const pal_impute_options o = {.struct_size = sizeof o, .infill = infill, .remove = 0.5};
    pal_impute_figures found;
    (void)user;
    return went_well(pal_impute(plain, rows, 2, &infill, out, NULL, &err), &err) &&
           went_well(pal_impute_measure(plain, data, data, &o, &found, NULL, &err), &err);
}

static bool interpolates(void *user)
{
    pal_error err = {0};
    static const int64_t corners[] = {0, 1, 2, 3};
    pal_interpolate_options o = {
        .struct_size = sizeof o, .corners = corners, .count = 2, .steps = 3, .pixels = true, .lanes = 1};
    pal_interpolate_figures found;
    (void)user;
    if (!went_well(pal_interpolate_write(plain, data, &o, &found, picture, &err), &err)) return false;
    o.count = 4;
    o.grid = true;
    return went_well(pal_interpolate_write(plain, data, &o, &found, picture, &err), &err);
}

static bool samples(void *user)
{
    pal_error err = {0};
    const pal_sample_options draws = {.struct_size = sizeof draws, .samples = 4, .lanes = 1},
                             plane = {.struct_size = sizeof plane, .steps = 3, .lanes = 1},
                             each = {.struct_size = sizeof each, .lanes = 1, .data = data};
    (void)user;
    return went_well(pal_sample_write(random_code, &draws, picture, &err), &err) &&
           went_well(pal_sample_write(random_code, &plane, picture, &err), &err) &&
           went_well(pal_sample_write(bits, &each, picture, &err), &err);
}

static bool classifies(void *user)
{
    pal_error err = {0};
    int64_t confusion[9];
    const pal_classify_options o = {.struct_size = sizeof o, .labels = 6, .lanes = 1, .confusion = confusion};
    pal_classification found;
    (void)user;
    return went_well(pal_classify(plain, labelled, labelled, &o, &found, &err), &err);
}

static bool estimates(void *user)
{
    pal_error err = {0};
    const pal_importance_options o = {.struct_size = sizeof o, .draws = 3, .lanes = 1};
    static const pal_setting gaussian[] = {{"layers", "4,2"}, {"output", "gaussian"}};
    pal_model *m = pal_model_new(c, pal_variant_find("variational"), gaussian, 2, PAL_SHAPE(2, 3), PAL_F32, 5, &err);
    pal_importance_result found;
    (void)user;
    const bool good = made(m, &err) && went_well(pal_importance(m, data, &o, &found, &err), &err);
    pal_model_free(m);
    return good;
}

static bool detects(void *user)
{
    pal_error err = {0};
    const pal_detect_options o = {.struct_size = sizeof o, .score = PAL_SCORE_LATENT, .train = data, .lanes = 1};
    static const uint8_t odd[64] = {1};
    double score[64];
    (void)user;
    pal_detector *d = pal_detector_new(plain, &o, &err);
    const bool good = made(d, &err) && went_well(pal_detector_data(d, data, score, NULL, NULL, &err), &err);
    pal_detector_free(d);
    const pal_detection_picture p = {.struct_size = sizeof p, .csv = true};
    return good && went_well(pal_detection_write(score, odd, (size_t)data->count, &p, picture, &err), &err);
}

static bool ascends(void *user)
{
    pal_error err = {0};
    float x[FEATURES];
    double value;
    (void)user;
    return went_well(pal_filter_maximal(plain, 1, 0, x, &value, &err), &err);
}

START_TEST(a_question_reports_missing_memory)
{
    static failing_scenario *const all[] = {reconstructs, draws_filters, scatters,     measures_geometry,
                                            fills_in,     imputes,       interpolates, samples,
                                            classifies,   estimates,     ascends,      detects};
    snprintf(picture, sizeof picture, "%s/%s", folder, "picture.png");
    sweep(all[_i], NULL);
}
END_TEST

Suite *failing_tools_suite(void)
{
    Suite *s = suite_create("failing_tools");
    TCase *cases = in_own_folder(tcase_create("failing tools"));
    tcase_add_checked_fixture(cases, set_up_tools, tear_down_tools);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, data_report_missing_memory);
    tcase_add_test(cases, statistics_report_missing_memory);
    tcase_add_loop_test(cases, a_model_reports_missing_memory, 0, 6);
    tcase_add_loop_test(cases, a_question_reports_missing_memory, 0, 12);
    suite_add_tcase(s, cases);
    return s;
}
