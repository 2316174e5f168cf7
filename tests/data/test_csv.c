/* test_csv.c - tests CSV files: what is read, what is refused with which message, and that numbers keep every bit. */
#include "tests/data/arrays.h"

Suite *csv_suite(void);

START_TEST(csv_reads)
{
    static const char *const texts[] = {/* each is 1 -2.5 1e3 / 0 0.125 -7 */
                                        "1,-2.5,1e3\n0,.125,-7.\n",
                                        "1,-2.5,1e3\n0,.125,-7.",
                                        "1,-2.5,1000\r\n+0,0.125,-7\r\n\r\n",
                                        "a,b,\"c,d\"\n1, -2.5 ,\t10E+2\n-0e5,12.5e-2,-007\n\n\n",
                                        "\357\273\2771,-2.5,1e3\n0,0.125000000000000000000000000000,-7",
                                        "x,,y\n1,-2.5,100000000000000000000000e-20\n0,1250000000000000000000e-22,-7"};
    const float values[] = {1, -2.5F, 1e3F, 0, 0.125F, -7};
    for (int packed = 0; packed < 2; packed++) {
        const size_t size = strlen(texts[_i]);
        const char *path = packed ? write_gz("x.csv", texts[_i], size) : write_file("x.csv", texts[_i], size);
        pal_tensor *tensor = check_read(pal_csv_read, path, PAL_F32, PAL_SHAPE(2, 3));
        for (size_t i = 0; i < 6; i++) ck_assert(((float *)tensor->data)[i] == values[i]);
        pal_tensor_free(tensor);
    }
}
END_TEST

START_TEST(csv_refuses)
{
    static const struct {
        const char *text, *needle;
    } rows[] = {
        {"", "no rows"},
        {"\n\n", "no rows"},
        {"a,b\n", "no rows"},
        {"1,2\n3\n", "line 2 has 1 columns, expected 2"},
        {"1,2\n3,4,5\n", "line 2 has 3 columns, expected 2"},
        {"a,b,c\n1,2\n", "line 2 has 2 columns, expected 3"},
        {"1,2\n3,x\n", "line 2, column 2: \"x\""},
        {"1,2\n3,\n", "line 2, column 2: \"\""},
        {"1,,2\n", "line 1, column 2: \"\""},
        {"1,2\n3,4x\n", "line 2, column 2: \"4x\""},
        {"1,2\n3,4 5\n", "line 2, column 2: \"4 5\""},
        {"1,2\nnan,4\n", "line 2, column 1: \"nan\""},
        {"nan,2\n3,4\n", "line 1, column 1: \"nan\""},
        {"1,2\n3,inf\n", "line 2, column 2: \"inf\""},
        {"1,2\n3,0x10\n", "line 2, column 2: \"0x10\""},
        {"1,2\n3,1e\n", "line 2, column 2: \"1e\""},
        {"1,2\n3,-\n", "line 2, column 2: \"-\""},
        {"1,2\n3,.\n", "line 2, column 2: \".\""},
        {"1,2\n3,1e39\n", "range of f32"},
        {"1,2\n3,-1e999999999999\n", "range of f32"},
        {"1,2\n\n3,4\n", "line 2 is empty"},
        {"1,2\n3;4\n", "line 2 has 2 columns between semicolons, expected 1"},
        {"1,2\n3,\"4x\"\n", "line 2, column 2"},
        {",0,1\n1,-2.5,1e3\n0,0.125,-7", "line 3, column 1: 0 follows 1 in a column without a name"},
        {"1,2\n3,\x01\xff\n", "column 2: \"\\x01\\xff\""},
        {"1,2\n3,12345678901234567890123456789012345678901234567890z\n", "column 2: \"12345678901234567890"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused(pal_csv_read, write_text("x.csv", rows[i].text), PAL_ERR_FORMAT, rows[i].needle);
    check_refused(pal_csv_read, write_file("x.csv", "1,2\n3,4\0,5\n", 11), PAL_ERR_FORMAT, "line 2, column 2");
    char packed[256];
    const size_t size = read_file(write_gz("x.csv", "1,2\n3,4\n", 8), packed, sizeof packed);
    for (size_t cut = 2; cut < size; cut++)
        check_refused(pal_csv_read, write_file("x.csv", packed, cut), PAL_ERR_FORMAT, "cut short");
}
END_TEST

/* Every finite float is read back unchanged. The file is much larger than the reader's buffer, so lines cross its
 * edges. */
START_TEST(csv_round_trip)
{
    const size_t rows = 61, columns = 1999;
    pal_tensor *tensor = pal_tensor_new(context, PAL_F32, PAL_SHAPE((int64_t)rows, 1, (int64_t)columns));
    float *x = tensor->data;
    pal_noise_words((pal_noise){.seed = 3}, "bits", 0, rows * columns, tensor->data);
    for (size_t i = 0; i < rows * columns; i++)
        if (!isfinite(x[i])) x[i] = i % 2 ? 1.0F / 3 : -0.0F;
    ck_assert_int_eq(pal_array_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    pal_tensor *again =
        check_read(pal_array_read, path_of("x.csv"), PAL_F32, PAL_SHAPE((int64_t)rows, (int64_t)columns));
    check_equal(tensor, again);
    pal_tensor_free(again);
    pal_tensor_free(tensor);
}
END_TEST

/* The reader has a fast path for few digits and small exponents. The test has numbers on both sides of its limit, and
 * some that a fast path with a wider limit would round wrongly. The first is 2^64 + 1. The others have more digits than
 * a double and are just above the middle between two floats. */
START_TEST(csv_rounds_correctly)
{
    static const char hard[] = "18446744073709551617\n319793730000000020e-10\n297524730000000020e-10\n";
    enum { HARD = 3, ALL = 1000 };
    char text[1 << 16] = "", *end = text + strlen(strcpy(text, hard)), *at = text;
    for (uint32_t i = HARD; i < ALL; i++) {
        uint32_t word[3];
        pal_noise_words((pal_noise){.seed = 4, .clock = i}, "digits", 0, 3, word);
        end += snprintf(end, 64, "%s%u.%0*ue%d\n", word[2] % 2 ? "-" : "", word[0] >> word[2] % 32,
                        (int)(word[2] >> 8) % 14 + 1, word[1], (int)(word[2] >> 16) % 60 - 30);
    }
    pal_tensor *tensor =
        check_read(pal_csv_read, write_file("x.csv", text, (size_t)(end - text)), PAL_F32, PAL_SHAPE(ALL, 1));
    for (size_t i = 0; i < ALL; i++) ck_assert(((float *)tensor->data)[i] == (float)strtod(at, &at));
    pal_tensor_free(tensor);
}
END_TEST

/* The last byte of a line is the last byte of the reader's buffer (2^18 bytes), or the first or the second after it. */
START_TEST(csv_buffer_edge)
{
    enum { COLUMNS = 1 << 17 };
    static const char *const lasts[] = {"7\n", "77\n", "777\n"};
    char *text = malloc(4 * COLUMNS + 8), *end = text;
    ck_assert_ptr_nonnull(text);
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < COLUMNS - 1; i++) end = stpcpy(end, "1,");
        end = stpcpy(end, lasts[_i]);
    }
    const char *path = write_file("x.csv", text, (size_t)(end - text));
    pal_tensor *tensor = check_read(pal_csv_read, path, PAL_F32, PAL_SHAPE(2, COLUMNS));
    const float last = strtof(lasts[_i], NULL), *x = tensor->data;
    ck_assert(x[COLUMNS - 1] == last && x[2 * COLUMNS - 1] == last && x[COLUMNS] == 1);
    pal_tensor_free(tensor);
    free(text);
}
END_TEST

START_TEST(csv_writes)
{
    double values[] = {0.1, -1e300, INFINITY, 3};
    pal_tensor *tensor = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(2, 2), values);
    ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    assert_text(path_of("x.csv"), "0.10000000000000001,-1.0000000000000001e+300\ninf,3\n");
    pal_tensor_free(tensor);
    uint8_t small[] = {0, 7, 255};
    tensor = pal_tensor_wrap(context, PAL_U8, PAL_SHAPE(3), small);
    ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    assert_text(path_of("x.csv"), "0\n7\n255\n");
    pal_tensor_free(tensor);
}
END_TEST

/* Two columns that may be one number, such as 1,234.5, are written so that they are read again as two. */
START_TEST(csv_writes_no_groups)
{
    double values[] = {1, 234.5, -12, 100, 1, 99.5, 0, 100, 5, 999};
    static const char *const texts[] = {"1.0,234.5\n1,234.5\n", "-12.0,100\n-12,100\n", "1,99.5\n1,99.5\n",
                                        "0,100\n0,100\n", "5.0,999\n5,999\n"};
    for (size_t i = 0; i < 5; i++) {
        double rows[] = {values[2 * i], values[2 * i + 1], values[2 * i], values[2 * i + 1]};
        pal_tensor *tensor = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(2, 2), rows);
        ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
        assert_text(path_of("x.csv"), texts[i]);
        pal_tensor *again = check_read(pal_csv_read, path_of("x.csv"), PAL_F32, PAL_SHAPE(2, 2));
        for (size_t k = 0; k < 4; k++) ck_assert(pal_tensor_get(again, k) == rows[k]);
        pal_tensor_free(again);
        pal_tensor_free(tensor);
    }
}
END_TEST

Suite *csv_suite(void)
{
    Suite *suite = suite_create("csv");
    TCase *tests = in_own_folder(
        add_case(suite, "csv", set_up, tear_down,
                 TESTS(csv_refuses, csv_round_trip, csv_rounds_correctly, csv_writes, csv_writes_no_groups)));
    tcase_add_loop_test(tests, csv_reads, 0, 6);
    tcase_add_loop_test(tests, csv_buffer_edge, 0, 3);
    return suite;
}
