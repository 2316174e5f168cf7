/* test_raw_labels.c - tests the labels of arrays: numbers, truths and texts of every kind, their classes, each refusal,
 * and failing memory. */
#include "tests/data/raw_arrays.h"

Suite *raw_labels_suite(void);

static void labels_are(const char *descr, const char *shape, const void *data, size_t size, const uint8_t *labels,
                       const char *const *names, size_t classes)
{
    char label[PATH_ROOM];
    strcpy(label, put_npy("y.npy", descr, shape, data, size));
    read_array(put_npy("x.npy", "<f4", "(3, 2)", table, 24), OPTIONS("label", label));
    assert_labels(labels, 3);
    assert_classes(names, classes);
    done();
}

START_TEST(labels_of_numbers)
{
    static const uint8_t zero_one[] = {1, 0, 1}, three[] = {2, 0, 1};
    labels_are("<i8", "(3,)", codes, 24, zero_one, OPTIONS("-2", "7"), 2);
    labels_are("<i8", "(3, 1)", codes, 24, zero_one, OPTIONS("-2", "7"), 2);
    labels_are("|b1", "(3,)", "\1\0\1", 3, zero_one, OPTIONS("False", "True"), 2);
    labels_are("|u1", "(3,)", "\377\0\12", 3, three, OPTIONS("0", "10", "255"), 3);
    labels_are("<f4", "(3,)", (float[]){3, -0.0F, 2}, 12, three, OPTIONS("0", "2", "3"), 3);
    labels_are("<f8", "(3,)", (double[]){0, -0.0, 0}, 24, (uint8_t[]){0, 0, 0}, OPTIONS("0"), 1);
}
END_TEST

START_TEST(labels_of_texts)
{
    static const uint8_t three[] = {2, 0, 1};
    labels_are("|S3", "(3,)", "dogcatcow", 9, three, OPTIONS("cat", "cow", "dog"), 3);
    labels_are("|S3", "(3,)",
               "10\0"
               "2\0\0"
               "9\0\0",
               9, three, OPTIONS("2", "9", "10"), 3);
    labels_are("|S3", "(3,)",
               "1\0\0"
               "01\0"
               "1a\0",
               9, (uint8_t[]){1, 0, 2}, OPTIONS("01", "1", "1a"), 3);
    labels_are("|S2", "(3,)", "z\0\xff\0a\n", 6, three, OPTIONS("\\xff", "a\\n", "z"), 3);
    labels_are("<U2", "(3,)", (uint32_t[]){0x4e2d, 0, 'a', 0xe9, 0x1f600, 0}, 24, (uint8_t[]){1, 0, 2},
               OPTIONS("aé", "中", "😀"), 3);
    labels_are(">U1", "(3,)", (uint32_t[]){0x63000000, 0x61000000, 0x62000000}, 12, three, OPTIONS("a", "b", "c"), 3);
}
END_TEST

START_TEST(refused_labels)
{
    char path[PATH_ROOM], y[PATH_ROOM];
    strcpy(path, put_npy("x.npy", "<f4", "(3, 2)", table, 24));
    strcpy(y, path_of("y.npy"));
    const char *const *label = OPTIONS("label", y);
    put_npy("y.npy", "<f4", "(3,)", (float[]){1, 2.5F, 3}, 12);
    refuse(path, label, PAL_ERR_FORMAT, "label 1 (from 0) is not a whole number");
    put_npy("y.npy", "<f4", "(3,)", (float[]){1, 2, NAN}, 12);
    refuse(path, label, PAL_ERR_FORMAT, "label 2 (from 0) is not a whole number");
    put_npy("y.npy", "<f4", "(2,)", (float[]){1, 2}, 8);
    refuse(path, label, PAL_ERR_FORMAT, "[2], expected labels [3], one for each sample");
    put_npy("y.npy", "<f4", "(3, 2)", table, 24);
    refuse(path, label, PAL_ERR_FORMAT, "save a.argmax(axis=1)");
    put_npy("y.npy", "|S2", "(3,)", "ab\0\0cd", 6);
    refuse(path, label, PAL_ERR_FORMAT, "label 1 (from 0) is empty");
    put_npy("y.npy", "|S0", "(3,)", "", 0);
    refuse(path, label, PAL_ERR_FORMAT, "label 0 (from 0) is empty");
    put_npy("y.npy", "<U1", "(3,)", (uint32_t[]){'a', 0x110000, 'b'}, 12);
    refuse(path, label, PAL_ERR_FORMAT, "label 1 (from 0) is longer than 255 bytes, or no text");
    char text[3 * 300];
    memset(text, 'x', sizeof text);
    put_npy("y.npy", "|S300", "(3,)", text, 900);
    refuse(path, label, PAL_ERR_FORMAT, "is longer than 255 bytes");
    put_npy("y.npy", "<c8", "(3,)", table, 24);
    refuse(path, label, PAL_ERR_FORMAT, "complex");
    refuse(path, OPTIONS("label", "y"), PAL_ERR_ARGUMENT, "expected a .npy file with the labels");
    refuse(path, OPTIONS("label", path_of("z.npy")), PAL_ERR_IO, "z.npy: No such file");
    int16_t many[257];
    for (int i = 0; i < 257; i++) many[i] = (int16_t)(i % 256);
    put_npy("y.npy", "<i2", "(257,)", many, sizeof many);
    float zeros[257] = {0};
    strcpy(path, put_npy("x.npy", "<f4", "(257,)", zeros, sizeof zeros));
    read_array(path, label);
    ck_assert_uint_eq(raw.n_classes, 256);
    for (int i = 0; i < 257; i++) ck_assert_int_eq(((uint8_t *)raw.labels->data)[i], i % 256);
    done();
    many[256] = 256;
    put_npy("y.npy", "<i2", "(257,)", many, sizeof many);
    refuse(path, label, PAL_ERR_FORMAT, "more than 256 different labels");
}
END_TEST

/* When memory fails at any point, the reader says so and keeps nothing. */
START_TEST(no_memory)
{
    const npz_entry entries[] = {{"X", "<f2", "(3, 2)", table, 12}, {"y", "|S4", "(3,)", table, 12}};
    const char *path = put_npz("x.npz", entries, 2, true);
    pal_setting room[1];
    const pal_data_options options = given(OPTIONS("label", "y"), room);
    for (long k = 0;; k++) {
        pal_error err = {0};
        const long held = memory.held;
        memory.left = k;
        const pal_status status = palt__raw_array(&raw, context, path, &options, NULL, &err);
        memory.left = LONG_MAX;
        if (status == PAL_OK) break;
        ck_assert_msg(status == PAL_ERR_MEMORY, "%s", err.text);
        ck_assert_int_eq(memory.held, held);
        ck_assert_int_lt(k, 100);
    }
    done();
}
END_TEST

Suite *raw_labels_suite(void)
{
    Suite *suite = suite_create("raw_labels");
    in_own_folder(add_case(suite, "labels", set_up, tear_down,
                           TESTS(labels_of_numbers, labels_of_texts, refused_labels, no_memory)));
    return suite;
}
