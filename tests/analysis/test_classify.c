/* test_classify.c - tests classification from codes and from pixels: drawing labels, classes that a line separates, and
 * noise. Also tests heads, whose answers are counted exactly. */
#include <math.h>
#include <stdio.h>

#include "tests/files.h"
#include "tests/testing.h"
#include "analysis/internal.h"

Suite *classify_suite(void);

enum { PIXELS = 4 };

static pal_context *context;

static void set_up(void) { context = context_with(2); }
static void tear_down(void) { pal_context_free(context); }

/* ---- Data sets ------------------------------------------------------------------------------------------------ */

/* Writes IDX files. If tells is true, class k is bright in pixel k of four; otherwise all pixels are noise. Of the
 * samples, 70 % have class 0, 20 % class 1 and 10 % class 2. */
static void write_split(const char *name, const char *split, int64_t count, bool tells)
{
    uint8_t images[16 + 400 * PIXELS] = {0, 0, 8, 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0,
                                         0, 2, 0, 0, 0, 2};
    uint8_t labels[8 + 400] = {0, 0, 8, 1, 0, 0, (uint8_t)(count >> 8), (uint8_t)count};
    char path[128];
    for (int64_t i = 0; i < count; i++) {
        double noise[PIXELS];
        pal_noise_uniform((pal_noise){.seed = 5}, split, (uint64_t)i * PIXELS, PIXELS, noise);
        labels[8 + i] = (uint8_t)(i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 2);
        for (int k = 0; k < PIXELS; k++)
            images[16 + i * PIXELS + k] = (uint8_t)(80 * noise[k] + (tells && k == labels[8 + i] ? 170 : 0));
    }
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", name, split);
    write_file(path, images, (size_t)(16 + count * PIXELS));
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", name, split);
    write_file(path, labels, (size_t)(8 + count));
}

static void open_data(const char *name, bool tells, pal_dataset **train, pal_dataset **test)
{
    pal_error err = {0};
    mkdir(path_of(name), 0777);
    write_split(name, "train", 300, tells);
    write_split(name, "t10k", 100, tells);
    *train = pal_dataset_open(context, path_of(name), PAL_SPLIT_TRAIN, &err);
    *test = pal_dataset_open(context, path_of(name), PAL_SPLIT_TEST, &err);
    ck_assert_msg(*train && *test, "%s", err.text);
}

/* A draw of labels has the shares of the classes, and at least one sample of each. The folds share the classes evenly.
 * Another number of the draw gives other samples, the same number the same ones. */
START_TEST(draws_are_stratified)
{
    static const struct {
        int64_t n, of[3];
    } cases[] = {{3, {1, 1, 1}}, {4, {2, 1, 1}}, {10, {7, 2, 1}}, {25, {18, 5, 2}}, {300, {210, 60, 30}}};
    pal_dataset *train, *test;
    open_data("data", true, &train, &test);
    const uint8_t *labels = train->labels->data;
    uint32_t rows[300], other[300];
    uint8_t fold[300];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t of[3] = {0}, in_fold[3][5] = {{0}};
        bool seen[300] = {false};
        ck_assert_int_eq(pal_stratify(train, cases[c].n, 1, 1, 5, rows, fold, NULL), PAL_OK);
        for (int64_t i = 0; i < cases[c].n; i++) {
            ck_assert(!seen[rows[i]]);
            seen[rows[i]] = true;
            of[labels[rows[i]]]++;
            in_fold[labels[rows[i]]][fold[i]]++;
        }
        for (int k = 0; k < 3; k++) {
            if (cases[c].n != 25) ck_assert_int_eq(of[k], cases[c].of[k]);
            ck_assert(llabs(of[k] - cases[c].of[k]) <= 1);
            for (int f = 0; f < 5; f++) ck_assert(llabs(in_fold[k][f] - of[k] / 5) <= 1);
        }
        ck_assert_int_eq(pal_stratify(train, cases[c].n, 1, 2, 5, other, fold, NULL), PAL_OK);
        ck_assert(memcmp(rows, other, (size_t)cases[c].n * sizeof *rows) != 0);
        ck_assert_int_eq(pal_stratify(train, cases[c].n, 1, 1, 5, other, fold, NULL), PAL_OK);
        ck_assert_mem_eq(rows, other, (size_t)cases[c].n * sizeof *rows);
    }
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

static pal_classification classify(const pal_model *m, const pal_dataset *train, const pal_dataset *test,
                                   int64_t labels, int64_t *confusion)
{
    pal_error err = {0};
    pal_classification r;
    pal_classify_options o = {.struct_size = sizeof o, .labels = labels, .seed = 2, .confusion = confusion};
    ck_assert_msg(!pal_classify(m, train, test, &o, &r, &err), "%s", err.text);
    ck_assert(r.converged && r.gradient <= 1e-6 && r.classes == 3);
    return r;
}

/* A logistic regression separates classes that a line separates, from pixels and from codes. */
START_TEST(what_a_line_separates_is_separated)
{
    pal_error err = {0};
    pal_dataset *train, *test;
    int64_t confusion[9];
    open_data("data", true, &train, &test);
    for (int64_t labels = 0; labels <= 60; labels += 30) {
        pal_classification r = classify(NULL, train, test, labels, confusion);
        ck_assert_int_eq(r.labels, labels ? labels : 300);
        ck_assert_int_eq(r.features, PIXELS);
        ck_assert(r.error == 0 && r.train_error == 0 && r.held_out_error == 0);
        ck_assert(confusion[0] == 70 && confusion[4] == 20 && confusion[8] == 10);
    }
    ck_assert_double_eq(classify(NULL, train, test, 3, NULL).train_error, 0); /* too few labels to hold any out */
    ck_assert(isnan(classify(NULL, train, test, 3, NULL).held_out_error));
    const pal_setting settings[] = {{"hidden", "7"}};
    pal_model *m = pal_model_new(context, pal_variant_find("basic"), settings, 1, train->sample, PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_classification r = classify(m, train, test, 60, NULL);
    ck_assert_int_eq(r.features, 7);
    ck_assert(r.error == 0);
    pal_model_free(m);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

/* With noise, nothing can be learnt except which class is the most frequent. The error is then near 30 %. */
START_TEST(noise_gives_the_most_frequent_class)
{
    pal_dataset *train, *test;
    int64_t confusion[9], wrong = 0, all = 0;
    open_data("noise", false, &train, &test);
    pal_classification r = classify(NULL, train, test, 200, confusion);
    for (int i = 0; i < 9; i++) {
        all += confusion[i];
        wrong += i % 4 ? confusion[i] : 0;
    }
    ck_assert_int_eq(all, 100);
    ck_assert_double_eq_tol(r.error, (double)wrong / 100, 1e-12);
    ck_assert(fabs(r.error - 0.3) <= 0.05 && fabs(r.held_out_error - 0.3) <= 0.05);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

/* ---- Heads ---------------------------------------------------------------------------------------------------- */

/* A model whose code is the pixels. The score of a class is the value of pixel of[class]. */
static pal_model *with_head(const pal_dataset *data, int classes, const int *of)
{
    char text[16];
    snprintf(text, sizeof text, "%d", classes);
    const pal_setting settings[] = {{"hidden", "4"}, {"classes", text}};
    pal_error err = {0};
    pal_model *m =
        pal_model_new(context, pal_variant_find("semi-supervised"), settings, 2, data->sample, PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_tensor *w = pal_model_parameter_find(m, "encoder/W"), *u = pal_model_parameter_find(m, "head/W");
    for (int i = 0; i < PIXELS; i++) {
        for (int k = 0; k < PIXELS; k++) pal_tensor_set(w, (size_t)(i * PIXELS + k), i == k);
        for (int k = 0; k < classes; k++) pal_tensor_set(u, (size_t)(i * classes + k), i == of[k]);
    }
    return m;
}

static pal_classification ask(pal_model *m, const pal_dataset *data, int64_t *confusion)
{
    pal_error err = {0};
    pal_classification r;
    pal_classify_options o = {.struct_size = sizeof o, .confusion = confusion};
    ck_assert(pal_has_head(m));
    ck_assert_msg(!pal_classify_head(m, data, &o, &r, &err), "%s", err.text);
    ck_assert(r.features == PIXELS && r.test_samples == data->count && r.labels == 0 && isnan(r.train_error));
    return r;
}

/* The error and the confusion matrix of a head that is right, of one that exchanges two classes, and of one that always
 * answers a class that the data do not have. */
START_TEST(a_head_answers_as_it_was_made_to)
{
    static const int straight[] = {0, 1, 2, 3}, swapped[] = {1, 0, 2, 3};
    pal_dataset *train, *test;
    int64_t confusion[16];
    open_data("data", true, &train, &test);
    pal_model *m = with_head(test, 4, straight);
    ck_assert_double_eq(ask(m, test, confusion).error, 0);
    for (int i = 0; i < 16; i++) ck_assert_int_eq(confusion[i], i == 0 ? 70 : i == 5 ? 20 : i == 10 ? 10 : 0);
    ck_assert_double_eq(ask(m, train, NULL).error, 0); /* 300 samples are not a multiple of a batch */
    pal_model_free(m);

    m = with_head(test, 4, swapped);
    ck_assert_double_eq_tol(ask(m, test, confusion).error, 0.9, 1e-15);
    for (int i = 0; i < 16; i++) ck_assert_int_eq(confusion[i], i == 1 ? 70 : i == 4 ? 20 : i == 10 ? 10 : 0);
    pal_figures f; /* evaluate counts the errors with code of its own */
    pal_error err = {0};
    ck_assert_msg(!pal_evaluate(m, test, NULL, &f, &err), "%s", err.text);
    ck_assert_double_eq_tol(f.error, 0.9, 1e-15);
    pal_tensor_set(pal_model_parameter_find(m, "head/b"), 3, 2); /* a class that the data do not have */
    ck_assert_double_eq(ask(m, test, confusion).error, 1);
    ck_assert(confusion[3] == 70 && confusion[7] == 20 && confusion[11] == 10);
    pal_model_free(m);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

/* For noise, the answer is the brightest pixel. The test counts the same on its own. */
START_TEST(a_head_is_counted_by_label_and_answer)
{
    static const int straight[] = {0, 1, 2, 3};
    pal_dataset *train, *test;
    int64_t confusion[16], expected[16] = {0};
    open_data("noise", false, &train, &test);
    pal_model *m = with_head(test, 4, straight);
    const uint8_t *x = train->inputs->data, *labels = train->labels->data;
    for (int64_t i = 0; i < train->count; i++) {
        int best = 0;
        for (int k = 1; k < PIXELS; k++)
            if (x[i * PIXELS + k] > x[i * PIXELS + best]) best = k;
        expected[labels[i] * 4 + best]++;
    }
    const double error = ask(m, train, confusion).error;
    for (int i = 0; i < 16; i++) ck_assert_int_eq(confusion[i], expected[i]);
    ck_assert_double_eq_tol(error, 1 - (double)(expected[0] + expected[5] + expected[10]) / 300, 1e-15);
    pal_model_free(m);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

/* A model without a head, data without labels, and a head for fewer classes are refused. */
START_TEST(what_a_head_cannot_tell_is_refused)
{
    static const int straight[] = {0, 1, 2, 3};
    pal_error err = {0};
    pal_dataset *train, *test;
    open_data("data", true, &train, &test);
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(12, 2, 2), 0, 1, "bare");
    ck_assert_int_eq(pal_npy_write(all, path_of("bare.npy"), &err), PAL_OK);
    pal_tensor_free(all);
    pal_dataset *bare = pal_dataset_open(context, path_of("bare.npy"), PAL_SPLIT_TEST, &err);
    ck_assert_msg(bare != NULL, "%s", err.text);
    pal_model *four = with_head(test, 4, straight), *two = with_head(test, 2, straight),
              *none = pal_model_new(context, pal_variant_find("basic"), NULL, 0, test->sample, PAL_F32, 7, &err);
    const struct {
        pal_model *model;
        const pal_dataset *data;
        const char *says;
    } cases[] = {{none, test, "basic does not classify"},
                 {four, bare, "bare has no labels"},
                 {two, test, "data has 3 classes, but this semi-supervised has 2"}};
    ck_assert(!pal_has_head(none));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_classification r;
        ck_assert_int_eq(pal_classify_head(cases[i].model, cases[i].data, NULL, &r, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        pal_model_free(cases[i].model);
    }
    pal_dataset_free(bare);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    pal_dataset *train, *test;
    open_data("data", true, &train, &test);
    pal_tensor *all = random_tensor(context, PAL_F32, PAL_SHAPE(12, PIXELS), 0, 1, "bare");
    pal_error err = {0};
    ck_assert_int_eq(pal_npy_write(all, path_of("bare.npy"), &err), PAL_OK);
    pal_tensor_free(all);
    pal_dataset *bare = pal_dataset_open(context, path_of("bare.npy"), PAL_SPLIT_TEST, &err);
    ck_assert_msg(bare != NULL, "%s", err.text);
    const struct {
        const pal_dataset *train, *test;
        int64_t labels;
        const char *says;
    } cases[] = {{train, test, 301, "300 training samples: give --labels 300 or less"},
                 {train, test, 2, "3 classes: give --labels 3 or more"},
                 {train, test, -1, "classes"},
                 {train, bare, 10, "bare has no labels"},
                 {bare, test, 10, "bare has no labels"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_classification r;
        pal_classify_options o = {.struct_size = sizeof o, .labels = cases[i].labels};
        err = (pal_error){0};
        ck_assert_int_eq(pal_classify(NULL, cases[i].train, cases[i].test, &o, &r, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        ck_assert_int_eq(pal_classify_check(cases[i].train, cases[i].test, cases[i].labels, NULL), PAL_ERR_ARGUMENT);
    }
    pal_dataset_free(bare);
    pal_dataset_free(train);
    pal_dataset_free(test);
}
END_TEST

Suite *classify_suite(void)
{
    Suite *suite = suite_create("classify");
    in_own_folder(add_case(suite, "classify", set_up, tear_down,
                           TESTS(draws_are_stratified, what_a_line_separates_is_separated,
                                 noise_gives_the_most_frequent_class, what_cannot_be_is_refused)));
    in_own_folder(add_case(suite, "heads", set_up, tear_down,
                           TESTS(a_head_answers_as_it_was_made_to, a_head_is_counted_by_label_and_answer,
                                 what_a_head_cannot_tell_is_refused)));
    return suite;
}
