/* test_refused_data.c - what data sets, batches, means and selections refuse, with nothing changed by then; each
 * allocation fails in turn; and the names of data sets and classes. */
#include "tests/data/arrays.h"
#include "tests/failing.h"

#include <stdio.h>
#include <unistd.h>

Suite *refused_data_suite(void);

enum { N = 24, D = 6, CLASSES = 3 };

/* N samples of 2 x 3 bytes. The classes 0, 1, 2 have 12, 8 and 4 of them. */
static pal_dataset *some_data(pal_split split)
{
    unsigned char images[16 + N * D] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, 2, 0, 0, 0, 3},
                                  labels[8 + N] = {0, 0, 8, 1, 0, 0, 0, N};
    for (int i = 0; i < N * D; i++) images[16 + i] = (unsigned char)(i * 7 % 256);
    for (int i = 0; i < N; i++) labels[8 + i] = i % 2 ? 0 : i % 6 ? 1 : 2;
    write_file("train-images-idx3-ubyte", images, sizeof images);
    write_file("train-labels-idx1-ubyte", labels, sizeof labels);
    write_file("t10k-images-idx3-ubyte", images, sizeof images);
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    pal_error err = {0};
    pal_dataset *data = pal_dataset_open(context, folder, split, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

/* ---- Opening -------------------------------------------------------------------------------------------------- */

static void not_opened(pal_context *c, const char *path, pal_split split, pal_status status, const char *says)
{
    pal_error err = {0};
    ck_assert_ptr_null(pal_dataset_open(c, path, split, &err));
    ck_assert_int_eq(err.status, status);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

START_TEST(nothing_is_opened)
{
    pal_dataset_free(some_data(PAL_SPLIT_TRAIN));
    not_opened(NULL, folder, PAL_SPLIT_TRAIN, PAL_ERR_ARGUMENT, "needs a context");
    not_opened(context, folder, (pal_split)3, PAL_ERR_ARGUMENT, "training or test split");
    not_opened(context, "-", PAL_SPLIT_TRAIN, PAL_ERR_ARGUMENT, "not read from standard input");
    not_opened(context, path_of("none"), PAL_SPLIT_TRAIN, PAL_ERR_IO, "none: No such file");
    pal_error err = {0};
    ck_assert_ptr_null(pal_array_read(context, NULL, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_int_eq(unlink(path_of("t10k-labels-idx1-ubyte")), 0);
    not_opened(context, folder, PAL_SPLIT_TEST, PAL_ERR_IO, "has no file t10k-labels-idx1-ubyte");
}
END_TEST

/* A folder that is named by a dot has the name that it has in the folder above. */
START_TEST(the_name_of_a_folder_that_is_a_dot)
{
    pal_dataset_free(some_data(PAL_SPLIT_TRAIN));
    const char *name = strrchr(folder, '/') + 1;
    const char *const paths[] = {path_of("."), path_of("./"), path_of(""), path_of("..//.")};
    for (size_t i = 0; i < 3; i++) {
        pal_dataset *data = pal_dataset_open(context, paths[i], PAL_SPLIT_TRAIN, NULL);
        ck_assert_ptr_nonnull(data);
        ck_assert_str_eq(data->name, name);
        pal_dataset_free(data);
    }
}
END_TEST

/* ---- Samples -------------------------------------------------------------------------------------------------- */

START_TEST(no_samples_are_kept_or_selected)
{
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    pal_tensor *inputs = data->inputs;
    ck_assert_int_eq(pal_dataset_limit(NULL, 1), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_limit(data, 0), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(NULL, 1), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(data, -1), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(data, N), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(data, 0), PAL_OK);
    ck_assert_int_eq(pal_dataset_limit(data, N + 1), PAL_OK);
    ck_assert(data->count == N && data->inputs == inputs);
    ck_assert_int_eq(pal_dataset_skip(data, N - 1), PAL_OK);
    ck_assert_int_eq(data->count, 1);
    const uint32_t rows[] = {0};
    pal_error err = {0};
    ck_assert_ptr_null(pal_dataset_select(data, rows, 0, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_dataset_select(data, rows, SIZE_MAX, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    pal_dataset_free(data);
}
END_TEST

typedef pal_status batch_fn(const pal_dataset *, const uint32_t *, size_t, pal_tensor *);

/* The refusals that all batches share, and those of the type and shape of each. The output keeps what it had. */
START_TEST(no_batch_is_made)
{
    static const struct {
        batch_fn *make;
        pal_dtype good, bad[4];
        pal_shape fits, wrong[3];
    } cases[] = {
        {pal_dataset_batch,
         PAL_F32,
         {PAL_U8, PAL_I32, PAL_BF16, PAL_BOOL},
         PAL_SHAPE(2, D),
         {PAL_SHAPE(2), PAL_SHAPE(3, D), PAL_SCALAR}},
        {pal_dataset_labels,
         PAL_I32,
         {PAL_BOOL, PAL_BF16, PAL_BOOL, PAL_BF16},
         PAL_SHAPE(2),
         {PAL_SHAPE(3), PAL_SHAPE(2, 2), PAL_SCALAR}},
        {pal_dataset_one_hot,
         PAL_F64,
         {PAL_U8, PAL_I32, PAL_BF16, PAL_BOOL},
         PAL_SHAPE(2, CLASSES),
         {PAL_SHAPE(6), PAL_SHAPE(3, CLASSES), PAL_SHAPE(2, CLASSES - 1)}},
    };
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    const uint32_t rows[] = {5, 0}, far[] = {0, N};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_tensor *out = make_tensor(cases[i].good, cases[i].fits);
        const double first = pal_tensor_get(out, 0), last = pal_tensor_get(out, pal_tensor_count(out) - 1);
        ck_assert_int_eq(cases[i].make(NULL, rows, 2, out), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(cases[i].make(data, NULL, 2, out), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(cases[i].make(data, rows, 2, NULL), PAL_ERR_ARGUMENT);
        ck_assert_int_eq(cases[i].make(data, far, 2, out), PAL_ERR_ARGUMENT);
        ck_assert_double_eq(pal_tensor_get(out, 0), first);
        ck_assert_double_eq(pal_tensor_get(out, pal_tensor_count(out) - 1), last);
        for (size_t k = 0; k < 4; k++) {
            pal_tensor *typed = pal_tensor_new(context, cases[i].bad[k], cases[i].fits);
            ck_assert_int_eq(cases[i].make(data, rows, 2, typed), PAL_ERR_TYPE);
            pal_tensor_free(typed);
        }
        for (size_t k = 0; k < 3; k++) {
            pal_tensor *shaped = pal_tensor_new(context, cases[i].good, cases[i].wrong[k]);
            ck_assert_int_eq(cases[i].make(data, rows, 2, shaped), PAL_ERR_SHAPE);
            pal_tensor_free(shaped);
        }
        ck_assert_int_eq(cases[i].make(data, rows, 2, out), PAL_OK);
        pal_tensor *labels = data->labels;
        data->labels = NULL;
        ck_assert_int_eq(cases[i].make(data, rows, 2, out), i ? PAL_ERR_ARGUMENT : PAL_OK);
        data->labels = labels;
        pal_tensor_free(out);
    }
    pal_dataset_free(data);
}
END_TEST

START_TEST(no_mean_is_computed)
{
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    double mean[D], squared = 7;
    const uint32_t far[] = {0, N};
    pal_error err = {0};
    ck_assert_int_eq(pal_dataset_mean_of(data, NULL, 0, PAL_F64, mean, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "no samples"));
    ck_assert_int_eq(pal_dataset_mean_of(data, far, 2, PAL_F64, mean, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_mean_of(data, NULL, N + 1, PAL_F64, mean, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_mean(data, PAL_I32, mean, &err), PAL_ERR_TYPE);
    ck_assert_int_eq(pal_dataset_spread(data, NULL, 0, mean, &squared, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_spread(data, far, 2, mean, &squared, &err), PAL_ERR_ARGUMENT);
    ck_assert_double_eq(squared, 7);
    /* A mean in single precision is that of the rounded samples. */
    double single[D];
    ck_assert_int_eq(pal_dataset_mean(data, PAL_F64, mean, &err), PAL_OK);
    ck_assert_int_eq(pal_dataset_mean(data, PAL_F32, single, &err), PAL_OK);
    for (size_t j = 0; j < D; j++) {
        double exact = 0, rounded = 0;
        for (size_t i = 0; i < N; i++) {
            const double x = pal_tensor_get(data->inputs, i * D + j);
            exact += x / 255;
            rounded += (double)(float)(x / 255);
        }
        ck_assert_double_eq(mean[j], exact / N);
        ck_assert_double_eq(single[j], rounded / N);
    }
    pal_dataset_free(data);
}
END_TEST

/* ---- Samples of each class ------------------------------------------------------------------------------------ */

static void stratified(const pal_dataset *data, int64_t n, int64_t zeros, int64_t ones, int64_t twos)
{
    uint32_t rows[N];
    uint8_t fold[N];
    int64_t count[CLASSES] = {0};
    pal_error err = {0};
    ck_assert_msg(!pal_stratify(data, n, 1, 0, 2, rows, fold, &err), "%s", err.text);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_uint_lt(rows[i], N);
        for (int64_t k = 0; k < i; k++) ck_assert_uint_ne(rows[i], rows[k]);
        const size_t class = (size_t)pal_tensor_get(data->labels, rows[i]);
        ck_assert_uint_eq(fold[i], count[class]++ % 2);
    }
    ck_assert(count[0] == zeros && count[1] == ones && count[2] == twos);
}

START_TEST(classes_share_a_selection)
{
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    stratified(data, N, 12, 8, 4);
    stratified(data, 12, 6, 4, 2);
    stratified(data, 6, 3, 2, 1);
    stratified(data, 4, 2, 1, 1); /* the smallest class has at least one, which another gives up */
    stratified(data, CLASSES, 1, 1, 1);
    pal_dataset_free(data);
}
END_TEST

START_TEST(no_selection_of_classes_is_made)
{
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    uint32_t rows[N];
    uint8_t fold[N];
    static const struct {
        int64_t n;
        int folds;
        const char *says;
    } cases[] = {{0, 2, "0 labelled samples"},
                 {CLASSES - 1, 2, "give 3 to 24"},
                 {N + 1, 2, "give 3 to 24"},
                 {6, 0, "0 folds"},
                 {6, 257, "257 folds"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        ck_assert_int_eq(pal_stratify(data, cases[i].n, 1, 0, cases[i].folds, rows, fold, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    pal_tensor *labels = data->labels;
    data->labels = NULL;
    pal_error err = {0};
    ck_assert_int_eq(pal_stratify(data, 6, 1, 0, 2, rows, fold, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "no labels"));
    data->labels = labels;
    pal_dataset_free(data);
}
END_TEST

/* ---- Missing memory ------------------------------------------------------------------------------------------- */

static bool hold_out(void *user)
{
    pal_split split = *(pal_split *)user;
    pal_error err = {0};
    const pal_setting eight = {"validation", "8"};
    const pal_data_options options = {.given = &eight, .n = 1};
    const pal_data_source from = {.struct_size = sizeof from, .path = folder, .options = &options};
    pal_data parts = {0};
    if (split == PAL_SPLIT_TEST) split = PAL_SPLIT_VALIDATION;
    pal_data_open(context, &from, 1U << split, &parts, &err);
    pal_dataset *data = parts.part[split];
    if (!data) failing_require(err.status == PAL_ERR_MEMORY && err.text[0]);
    if (data) failing_require(data->count == (split == PAL_SPLIT_TRAIN ? N - 8 : 8));
    pal_dataset_free(data);
    return data != NULL;
}

static bool select_and_measure(void *user)
{
    const pal_dataset *data = user;
    double mean[D], squared;
    uint32_t rows[6];
    uint8_t fold[6];
    pal_error err = {0};
    pal_status status = pal_stratify(data, 6, 1, 0, 2, rows, fold, &err);
    pal_dataset *part = status ? NULL : pal_dataset_select(data, rows, 6, &err);
    if (!status && !part) status = err.status;
    if (!status) status = pal_dataset_mean(part, PAL_F64, mean, &err);
    if (!status) status = pal_dataset_spread(part, NULL, 6, mean, &squared, &err);
    if (status) failing_require(status == PAL_ERR_MEMORY && err.text[0]);
    pal_dataset_free(part);
    return !status;
}

START_TEST(missing_memory_is_reported)
{
    const long held = memory.held;
    pal_dataset *data = some_data(PAL_SPLIT_TRAIN);
    const size_t before = pal_context_memory(context, NULL);
    for (pal_split split = PAL_SPLIT_TRAIN; split <= PAL_SPLIT_TEST; split++)
        ck_assert(failing_each(hold_out, &split, true) > 4 || !failing_can);
    ck_assert(failing_each(select_and_measure, data, false) > 4 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(context, NULL), before);
    pal_dataset_free(data);
    ck_assert_int_eq(memory.held, held);
}
END_TEST

/* ---- Names of classes ----------------------------------------------------------------------------------------- */

/* A data set is known by the letters of its name, if it has no more classes than the known one. */
START_TEST(classes_of_known_data_have_names)
{
    static const struct {
        const char *name;
        int classes, class;
        const char *is;
    } cases[] = {{"fashion-mnist", 10, 9, "Ankle boot"},
                 {"FashionMNIST", 10, 0, "T-shirt/top"},
                 {"fashion_mnist (held out)", 10, 0, NULL},
                 {"Fashion MNIST 2", 7, 3, "Dress"},
                 {"fashion", 10, 0, NULL},
                 {"mnist", 10, 0, NULL},
                 {"fashion-mnist", 11, 0, NULL},
                 {"fashion-mnist", 10, 10, NULL},
                 {"fashion-mnist", 10, -1, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_dataset data = {.classes = cases[i].classes};
        snprintf(data.name, sizeof data.name, "%s", cases[i].name);
        const char *is = pal_dataset_class_name(&data, cases[i].class);
        ck_assert_msg(is && cases[i].is ? !strcmp(is, cases[i].is) : is == cases[i].is, "%s %d: %s", cases[i].name,
                      cases[i].class, is ? is : "(none)");
    }
}
END_TEST

Suite *refused_data_suite(void)
{
    Suite *suite = suite_create("refused_data");
    in_own_folder(add_case(suite, "data sets", set_up, tear_down,
                           TESTS(nothing_is_opened, the_name_of_a_folder_that_is_a_dot, no_samples_are_kept_or_selected,
                                 no_batch_is_made, no_mean_is_computed, classes_share_a_selection,
                                 no_selection_of_classes_is_made, missing_memory_is_reported)));
    add_case(suite, "names", NULL, NULL, TESTS(classes_of_known_data_have_names));
    return suite;
}
