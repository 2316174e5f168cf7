/* test_datasets.c - tests data sets in folders and files, batches, selections, lack of memory, and Fashion-MNIST
 * itself. */
#include "tests/data/arrays.h"

Suite *datasets_suite(void);

/* Writes images and labels under these names. The labels are 1, 2, 3, ... */
static void write_split(const char *images, const char *labels, int64_t n, int64_t n_labels)
{
    char bytes[4096];
    write_file(images, bytes, make_idx(bytes, sizeof bytes, 0x803, PAL_SHAPE(n, 4, 8)));
    write_file(labels, bytes, make_idx(bytes, sizeof bytes, 0x801, PAL_SHAPE(n_labels)));
}

static pal_dataset *open_set(const char *path, pal_split split, int64_t count)
{
    pal_error err = {.status = PAL_OK};
    pal_dataset *set = pal_dataset_open(context, path, split, &err);
    ck_assert_msg(set != NULL, "%s", err.text);
    ck_assert_int_eq(set->count, count);
    return set;
}

static void check_set_refused(const char *path, pal_split split, pal_status status, const char *needle)
{
    pal_error err = {.status = PAL_OK};
    ck_assert_ptr_null(pal_dataset_open(context, path, split, &err));
    ck_assert_msg(err.status == status && strstr(err.text, needle), "no \"%s\" in: %s", needle, err.text);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}

/* A folder of IDX files: both spellings of the names, plain or compressed. Missing files are named. */
START_TEST(dataset_folder)
{
    char bytes[4096];
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_IO, "train-images-idx3-ubyte");
    write_split("train-images-idx3-ubyte", "train-labels.idx1-ubyte", 9, 9);
    write_gz("t10k-images-idx3-ubyte.gz", bytes, make_idx(bytes, sizeof bytes, 0x803, PAL_SHAPE(4, 4, 8)));
    check_set_refused(folder, PAL_SPLIT_TEST, PAL_ERR_IO, "t10k-labels-idx1-ubyte");
    write_gz("t10k-labels.idx1-ubyte.gz", bytes, make_idx(bytes, sizeof bytes, 0x801, PAL_SHAPE(4)));
    pal_dataset_free(open_set(folder, PAL_SPLIT_TEST, 4));
    pal_dataset *set = open_set(folder, PAL_SPLIT_TRAIN, 9);
    ck_assert_int_eq(set->features, 32);
    ck_assert_int_eq(set->classes, 10);
    ck_assert_int_eq(set->inputs->dtype, PAL_U8);
    ck_assert(set->scale == 1.0 / 255);
    ck_assert(pal_shape_equal(set->sample, PAL_SHAPE(4, 8)));
    ck_assert_str_eq(set->name, folder + strlen("/tmp/"));
    pal_dataset_free(set);
    /* The plain file takes precedence over the compressed one. */
    write_split("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 7, 7);
    pal_dataset_free(open_set(folder, PAL_SPLIT_TEST, 7));
}
END_TEST

/* Files that do not fit together, and files of the wrong kind, are refused. */
START_TEST(dataset_mismatch)
{
    const char *images = "train-images-idx3-ubyte", *labels = "train-labels-idx1-ubyte";
    write_split(images, labels, 9, 8);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-labels-idx1-ubyte: has 8 labels, expected 9");
    write_split(labels, images, 9, 9);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-images-idx3-ubyte: contains labels (0x00000801)");
    write_split(images, labels, 9, 9);
    write_split(labels, "other", 9, 9);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "starts with 0x00000803, expected labels");
    write_file(labels, "\0\0\x08\x01\0\0", 6);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-labels-idx1-ubyte: ends after 6 bytes");
    check_set_refused(path_of("none"), PAL_SPLIT_TRAIN, PAL_ERR_IO, "No such file");
    check_set_refused(folder, (pal_split)3, PAL_ERR_ARGUMENT, "training or test split");
    if (access(PAL_DATA_DEFAULT, F_OK) != 0)
        check_set_refused(NULL, PAL_SPLIT_TRAIN, PAL_ERR_IO,
                          "install the Debian package dataset-fashion-mnist or give --data");
}
END_TEST

/* As versions before the draw did: the last sixth are the test samples, and of the 17 others the last five are held
 * out. */
static pal_dataset *open_tail(const char *path, pal_split split, int64_t n, pal_error *err)
{
    const pal_setting none = {"scale", "none"};
    const pal_data_options options = {.given = &none, .n = 1};
    const pal_data_source from = {
        .struct_size = sizeof from, .path = path, .options = &options, .tail = true, .hold_out = n};
    pal_data data;
    if (n && split == PAL_SPLIT_TEST) split = PAL_SPLIT_VALIDATION;
    return pal_data_open(context, &from, 1U << split, &data, err) ? NULL : data.part[split];
}

START_TEST(held_out)
{
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(20, 6));
    const char *path = path_of("some.npy");
    ck_assert_int_eq(pal_npy_write(tensor, path, NULL), PAL_OK);
    pal_error err = {0};
    pal_dataset *train = open_tail(path, PAL_SPLIT_TRAIN, 5, &err), *test = open_tail(path, PAL_SPLIT_TEST, 5, &err);
    ck_assert_msg(train && test, "%s", err.text);
    ck_assert(train->count == 12 && test->count == 5);
    ck_assert_str_eq(test->name, "some (held out)");
    ck_assert_int_eq(memcmp(train->inputs->data, tensor->data, 12 * 24), 0);
    ck_assert_int_eq(memcmp(test->inputs->data, (float *)tensor->data + 12 * 6, 5 * 24), 0);
    ck_assert_int_eq(pal_dataset_skip(test, 5), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(test, -1), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_skip(test, 0), PAL_OK);
    ck_assert_int_eq(test->count, 5);
    pal_dataset_free(test);
    pal_dataset_free(train);
    static const int64_t wrong[] = {-1, 17, INT64_MIN};
    for (size_t i = 0; i < 3; i++) {
        err = (pal_error){0};
        ck_assert_ptr_null(open_tail(path, PAL_SPLIT_TEST, wrong[i], &err));
        ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, "choose 1 to 16") != NULL, "%s", err.text);
    }
    test = open_tail(path, PAL_SPLIT_TEST, 0, &err);
    ck_assert(test && test->count == 3);
    pal_dataset_free(test);
    pal_tensor_free(tensor);
}
END_TEST

/* Whether the rows of both splits together are those of the array, each once and in its order in each of them. */
static bool is_partition(const pal_dataset *train, const pal_dataset *test, const pal_tensor *all)
{
    const size_t row = pal_tensor_bytes(all) / (size_t)all->shape.dim[0];
    int64_t at[2] = {0, 0};
    const pal_dataset *const sets[] = {train, test};
    for (int64_t i = 0; i < all->shape.dim[0]; i++) {
        int k = 0;
        for (; k < 2; k++)
            if (at[k] < sets[k]->count &&
                !memcmp((char *)sets[k]->inputs->data + (size_t)at[k] * row, (char *)all->data + (size_t)i * row, row))
                break;
        if (k == 2) return false;
        at[k]++;
    }
    return at[0] == train->count && at[1] == test->count;
}

/* A single array: a sixth is drawn for the test split, the rest is the training split. pal_dataset_limit shortens a
 * split. */
START_TEST(dataset_array)
{
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(20, 2, 3));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("some.npy"), NULL), PAL_OK);
    pal_dataset *train = open_set(path_of("some.npy"), PAL_SPLIT_TRAIN, 17);
    pal_dataset *test = open_set(path_of("some.npy"), PAL_SPLIT_TEST, 3);
    ck_assert_str_eq(test->name, "some");
    ck_assert_ptr_null(test->labels);
    ck_assert(test->classes == 0 && test->scale == 1 && test->features == 6);
    ck_assert(pal_shape_equal(test->sample, PAL_SHAPE(2, 3)));
    ck_assert(is_partition(train, test, tensor));
    ck_assert_int_ne(memcmp(test->inputs->data, (float *)tensor->data + 17 * 6, 3 * 24), 0); /* not its tail */
    ck_assert_str_eq(test->note.text, "float32 from -1.46e+12 to 2.503e+12; 3 test samples drawn by seed 1");
    float first[30];
    memcpy(first, train->inputs->data, sizeof first);
    ck_assert_int_eq(pal_dataset_limit(train, 0), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_limit(train, 18), PAL_OK);
    ck_assert_int_eq(train->count, 17);
    ck_assert_int_eq(pal_dataset_limit(train, 5), PAL_OK);
    ck_assert_int_eq(train->count, 5);
    ck_assert(pal_shape_equal(train->inputs->shape, PAL_SHAPE(5, 2, 3)));
    ck_assert_int_eq(memcmp(train->inputs->data, first, sizeof first), 0);
    pal_dataset_free(test);
    pal_dataset_free(train);
    pal_dataset_free(NULL);

    ((float *)tensor->data)[6 * 4 + 1] = NAN;
    ck_assert_int_eq(pal_npy_write(tensor, path_of("some.npy"), NULL), PAL_OK);
    check_set_refused(path_of("some.npy"), PAL_SPLIT_TEST, PAL_ERR_FORMAT, "sample 4, element 1 (from 0) is nan");
    pal_tensor_free(tensor);
    check_set_refused(write_file("x.csv", "1,2\n", 4), PAL_SPLIT_TRAIN, PAL_ERR_FORMAT,
                      "has 1 row, expected at least 2");
    check_set_refused(write_file("x.odt", "1,2\n", 4), PAL_SPLIT_TRAIN, PAL_ERR_ARGUMENT, ".npy or .csv");
    pal_dataset_free(open_set(write_file("x.csv", "1,2\n3,4\n", 8), PAL_SPLIT_TEST, 1));
    pal_dataset_free(open_set(write_gz("x.csv.gz", "1,2\n3,4\n5,6\n", 12), PAL_SPLIT_TRAIN, 2));
}
END_TEST

/* A data set in memory with 2 samples and the labels 3 and 1. All 256 byte values occur, in the blocks of the
 * vectorised loop and in its remainder (259 = 16 * 16 + 3). */
enum { FEATURES = 259 };

static double stored_value(size_t row, size_t feature) { return (double)((feature + 100 * row) % 256); }

static pal_dataset *make_set(pal_dtype dtype)
{
    static const uint8_t labels[] = {3, 1};
    pal_dataset *set = calloc(1, sizeof *set);
    ck_assert_ptr_nonnull(set);
    *set = (pal_dataset){.sample = PAL_SHAPE(FEATURES), .count = 2, .features = FEATURES, .classes = 4};
    set->inputs = pal_tensor_new(context, dtype, PAL_SHAPE(2, FEATURES));
    set->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(2));
    memcpy(set->labels->data, labels, 2);
    for (size_t i = 0; i < 2 * FEATURES; i++) pal_tensor_set(set->inputs, i, stored_value(i / FEATURES, i % FEATURES));
    return set;
}

/* Each byte becomes its correctly rounded quotient by 255. Reals are converted. A row may occur more than once. */
START_TEST(batch_values)
{
    const pal_dtype stored[] = {PAL_U8, PAL_F32, PAL_F64}, wanted[] = {PAL_F32, PAL_F64};
    const uint32_t rows[] = {1, 0, 1};
    for (size_t a = 0; a < 3; a++) {
        pal_dataset *set = make_set(stored[a]);
        for (size_t b = 0; b < 2; b++) {
            pal_tensor *out = pal_tensor_new(context, wanted[b], PAL_SHAPE(3, 7, 37));
            ck_assert_int_eq(pal_dataset_batch(set, rows, 3, out), PAL_OK);
            for (size_t i = 0; i < 3 * FEATURES; i++) {
                const double x = stored_value(rows[i / FEATURES], i % FEATURES);
                const double exact = a > 0 ? x : b == 0 ? (double)((float)x / 255.0F) : x / 255.0;
                ck_assert(pal_tensor_get(out, i) == exact);
            }
            pal_tensor_free(out);
        }
        pal_dataset_free(set);
    }
}
END_TEST

/* Wrong rows, buffers, shapes and types are refused, and nothing is written. */
START_TEST(batch_refuses)
{
    const uint32_t rows[] = {1, 0, 2}, far[] = {UINT32_MAX};
    pal_dataset *set = make_set(PAL_U8);
    pal_tensor *out = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2, FEATURES));
    pal_tensor *bytes = pal_tensor_new(context, PAL_U8, PAL_SHAPE(2, FEATURES));
    ck_assert_int_eq(pal_dataset_batch(set, rows + 1, 2, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_batch(set, far, 1, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_batch(set, NULL, 2, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_batch(set, rows, 2, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_batch(NULL, rows, 2, out), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_batch(set, rows, 1, out), PAL_ERR_SHAPE);
    ck_assert_int_eq(pal_dataset_batch(set, rows, 2, bytes), PAL_ERR_TYPE);
    for (size_t i = 0; i < 2 * FEATURES; i++) ck_assert(pal_tensor_get(out, i) == 0 && pal_tensor_get(bytes, i) == 0);
    ck_assert_int_eq(pal_dataset_batch(set, rows, 2, out), PAL_OK);
    pal_tensor_free(bytes);
    pal_tensor_free(out);
    pal_dataset_free(set);
}
END_TEST

START_TEST(batch_labels)
{
    const uint32_t rows[] = {1, 0, 1, 2};
    const pal_dtype plain[] = {PAL_U8, PAL_I32, PAL_F32, PAL_F64};
    const double labels[] = {1, 3, 1};
    pal_dataset *set = make_set(PAL_U8);
    for (size_t t = 0; t < 4; t++) {
        pal_tensor *out = pal_tensor_new(context, plain[t], PAL_SHAPE(3));
        ck_assert_int_eq(pal_dataset_labels(set, rows, 3, out), PAL_OK);
        for (size_t i = 0; i < 3; i++) ck_assert(pal_tensor_get(out, i) == labels[i]);
        ck_assert_int_eq(pal_dataset_labels(set, rows, 2, out), PAL_ERR_SHAPE);
        ck_assert_int_eq(pal_dataset_labels(set, rows + 1, 3, out), PAL_ERR_ARGUMENT);
        pal_tensor_free(out);
    }
    pal_tensor *hot = pal_tensor_new(context, PAL_F32, PAL_SHAPE(3, 5));
    pal_tensor *narrow = pal_tensor_new(context, PAL_F32, PAL_SHAPE(3, 3));
    pal_tensor *whole = pal_tensor_new(context, PAL_I32, PAL_SHAPE(3, 5));
    for (size_t i = 0; i < 15; i++) pal_tensor_set(hot, i, 7); /* earlier contents must be overwritten */
    ck_assert_int_eq(pal_dataset_one_hot(set, rows, 3, hot), PAL_OK);
    for (size_t i = 0; i < 15; i++) ck_assert(pal_tensor_get(hot, i) == ((double)(i % 5) == labels[i / 5]));
    ck_assert_int_eq(pal_dataset_one_hot(set, rows, 3, narrow), PAL_ERR_SHAPE);
    ck_assert_int_eq(pal_dataset_one_hot(set, rows, 2, hot), PAL_ERR_SHAPE);
    ck_assert_int_eq(pal_dataset_one_hot(set, rows + 1, 3, hot), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_one_hot(set, rows, 3, whole), PAL_ERR_TYPE);
    ck_assert_int_eq(pal_dataset_labels(set, rows, 3, narrow), PAL_ERR_SHAPE);
    pal_tensor_free(set->labels);
    set->labels = NULL;
    ck_assert_int_eq(pal_dataset_labels(set, rows, 3, hot), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_one_hot(set, rows, 3, hot), PAL_ERR_ARGUMENT);
    pal_tensor_free(whole);
    pal_tensor_free(narrow);
    pal_tensor_free(hot);
    pal_dataset_free(set);
}
END_TEST

/* A selection has copies of the samples in the given order. It stays valid when the original set is freed. */
START_TEST(selection)
{
    const uint32_t rows[] = {1, 0, 1, 1};
    for (int with_labels = 1; with_labels >= 0; with_labels--) {
        pal_error err = {.status = PAL_OK};
        pal_dataset *set = make_set(PAL_U8);
        strcpy(set->name, "some");
        set->scale = 1.0 / 255;
        if (!with_labels) {
            pal_tensor_free(set->labels);
            set->labels = NULL;
        }
        pal_dataset *part = pal_dataset_select(set, rows, 4, &err);
        ck_assert_msg(part != NULL, "%s", err.text);
        pal_dataset_free(set);
        ck_assert(part->count == 4 && part->features == FEATURES && part->classes == 4 && part->scale == 1.0 / 255);
        ck_assert(pal_shape_equal(part->sample, PAL_SHAPE(FEATURES)));
        ck_assert(pal_shape_equal(part->inputs->shape, PAL_SHAPE(4, FEATURES)));
        ck_assert_int_eq(part->inputs->dtype, PAL_U8);
        ck_assert_str_eq(part->name, "some");
        for (size_t i = 0; i < 4 * FEATURES; i++)
            ck_assert(pal_tensor_get(part->inputs, i) == stored_value(rows[i / FEATURES], i % FEATURES));
        ck_assert((part->labels != NULL) == with_labels);
        for (size_t i = 0; with_labels && i < 4; i++) ck_assert(pal_tensor_get(part->labels, i) == (rows[i] ? 1 : 3));
        pal_dataset_free(part);
    }
}
END_TEST

static void check_selection_refused(const pal_dataset *set, const uint32_t *rows, size_t n, const char *needle)
{
    pal_error err = {.status = PAL_OK};
    ck_assert_ptr_null(pal_dataset_select(set, rows, n, &err));
    ck_assert_msg(err.status == PAL_ERR_ARGUMENT && strstr(err.text, needle), "no \"%s\" in: %s", needle, err.text);
    ck_assert_ptr_null(pal_dataset_select(set, rows, n, NULL));
}

START_TEST(selection_refuses)
{
    const uint32_t rows[] = {1, 2};
    pal_dataset *set = make_set(PAL_F64);
    strcpy(set->name, "some");
    check_selection_refused(NULL, rows, 1, "at least one sample");
    check_selection_refused(set, NULL, 1, "at least one sample");
    check_selection_refused(set, rows, 0, "at least one sample");
    check_selection_refused(set, rows, 2, "some: has no sample 2: give 0 to 1");
    int failures = 0;
    for (bool worked = false; !worked; failures += !worked) {
        pal_error err = {.status = PAL_OK};
        memory.left = failures;
        pal_dataset *part = pal_dataset_select(set, rows, 1, &err);
        memory.left = LONG_MAX;
        worked = part != NULL;
        if (!worked) ck_assert_msg(err.status == PAL_ERR_MEMORY && strstr(err.text, "no memory for 1"), "%s", err.text);
        pal_dataset_free(part);
    }
    ck_assert_int_ge(failures, 2); /* inputs and labels */
    pal_dataset_free(set);
}
END_TEST

/* Lets the allocator fail at its first call, its second, and so on, until opening and limiting succeed. */
START_TEST(no_memory)
{
    write_split("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 9, 9);
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(20, 3));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    pal_tensor_free(tensor);
    const char *const names[] = {"", "x.npy", "x.csv"};
    const char *path = path_of(names[_i]);
    bool worked = false;
    int failures = 0;
    for (int blocks = 0; !worked; blocks++) {
        ck_assert_int_lt(blocks, 50);
        pal_error err = {.status = PAL_OK};
        memory.left = blocks;
        pal_dataset *set = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
        const int64_t before = set ? set->count : 0;
        const pal_status limited = set ? pal_dataset_limit(set, 2) : PAL_OK;
        memory.left = LONG_MAX;
        if (!set) ck_assert_int_eq(err.status, PAL_ERR_MEMORY);
        if (limited != PAL_OK) {
            ck_assert_int_eq(limited, PAL_ERR_MEMORY);
            ck_assert_int_eq(set->count, before);
            ck_assert_int_eq(set->inputs->shape.dim[0], before);
        }
        worked = set && limited == PAL_OK;
        failures += !worked;
        pal_dataset_free(set);
    }
    ck_assert_int_ge(failures, 4); /* at least two tensors with two blocks each */
}
END_TEST

/* ---- Fashion-MNIST -------------------------------------------------------------------------------------------- */

START_TEST(fashion_mnist)
{
    static const struct {
        pal_split split;
        int64_t count;
        uint32_t images, labels; /* CRC-32 of the data without the headers */
    } rows[] = {{PAL_SPLIT_TRAIN, 60000, 0xae65dccd, 0x2ed6e46a}, {PAL_SPLIT_TEST, 10000, 0x12728439, 0x242bc73f}};
    pal_dataset *set = open_set(NULL, rows[_i].split, rows[_i].count);
    ck_assert(pal_shape_equal(set->sample, PAL_SHAPE(28, 28)));
    ck_assert_int_eq(set->classes, 10);
    ck_assert_str_eq(set->name, "fashion-mnist");
    ck_assert_uint_eq(crc32(0, set->inputs->data, (unsigned)pal_tensor_bytes(set->inputs)), rows[_i].images);
    ck_assert_uint_eq(crc32(0, set->labels->data, (unsigned)pal_tensor_bytes(set->labels)), rows[_i].labels);

    /* One shuffled epoch in batches uses each sample once, so it has the sum of all pixels. */
    uint32_t *order = malloc((size_t)set->count * sizeof *order);
    ck_assert_ptr_nonnull(order);
    pal_tensor *out = pal_tensor_new(context, PAL_F64, PAL_SHAPE(100, 784));
    double sum = 0, exact = 0;
    ck_assert_int_eq(pal_epoch_order(1, "order", 0, order, (size_t)set->count), PAL_OK);
    for (int64_t first = 0; first < set->count; first += 100) {
        ck_assert_int_eq(pal_dataset_batch(set, order + first, 100, out), PAL_OK);
        for (size_t i = 0; i < 78400; i++) sum += ((double *)out->data)[i];
    }
    for (int64_t i = 0; i < set->count * 784; i++) exact += ((uint8_t *)set->inputs->data)[i];
    ck_assert_double_eq_tol(sum, exact / 255, 1e-3);
    pal_tensor_free(out);
    free(order);
    pal_dataset_free(set);
}
END_TEST

Suite *datasets_suite(void)
{
    Suite *suite = suite_create("datasets");
    TCase *tests = in_own_folder(add_case(suite, "sets", set_up, tear_down,
                                          TESTS(dataset_folder, dataset_mismatch, dataset_array, held_out, batch_values,
                                                batch_refuses, batch_labels, selection, selection_refuses)));
    tcase_add_loop_test(tests, no_memory, 0, 3);
    if (access(PAL_DATA_DEFAULT, F_OK) == 0) tcase_add_loop_test(tests, fashion_mnist, 0, 2);
    return suite;
}
