/* test_arrays.c - tests the binary formats IDX and NPY: complete files, files damaged in every way, and hostile
 * headers. */
#include "tests/data/arrays.h"

Suite *arrays_suite(void);

/* Changes each bit of a compressed file. The file must be refused or give the same data. Only the date and similar
 * fields of the header (not tested here) and the few bits that fill the last byte before the checksum are harmless. */
static void check_every_bit(reader read, char *packed, size_t size, const pal_tensor *whole)
{
    int harmless = 0;
    for (size_t i = 10; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            pal_error err = {.status = PAL_OK};
            packed[i] ^= (char)(1 << bit);
            pal_tensor *tensor = read(context, write_file("changed", packed, size), &err);
            packed[i] ^= (char)(1 << bit);
            if (tensor) {
                check_equal(tensor, whole);
                harmless++;
            } else {
                check_line(&err, "/changed", "expected");
                ck_assert_int_eq(err.status, PAL_ERR_FORMAT);
            }
            pal_tensor_free(tensor);
        }
    ck_assert_int_lt(harmless, 8);
}

/* A file must be refused if it is cut at any byte (plain or compressed), has a byte too many, or is cut after
 * compression. */
static void check_every_damage(reader read, const char *bytes, size_t size)
{
    char packed[1024], longer[1024];
    ck_assert_uint_lt(size, sizeof longer);
    memcpy(longer, bytes, size);
    longer[size] = 7;
    check_refused(read, write_file("long", longer, size + 1), PAL_ERR_FORMAT, "expected");
    check_refused(read, write_gz("long.gz", longer, size + 1), PAL_ERR_FORMAT, "continues after");
    for (size_t cut = 0; cut < size; cut++) {
        check_refused(read, write_file("cut", bytes, cut), PAL_ERR_FORMAT, "expected");
        check_refused(read, write_gz("cut.gz", bytes, cut), PAL_ERR_FORMAT, "ends after");
    }
    const char *path = write_gz("whole.gz", bytes, size);
    const size_t total = read_file(path, packed, sizeof packed);
    ck_assert_uint_lt(total, sizeof packed);
    pal_tensor *whole = read(context, path, NULL);
    ck_assert_ptr_nonnull(whole);
    for (size_t cut = 0; cut < total; cut++)
        check_refused(read, write_file("cut", packed, cut), PAL_ERR_FORMAT, "expected");
    check_every_bit(read, packed, total, whole);
    pal_tensor_free(whole);
}

/* ---- IDX ------------------------------------------------------------------------------------------------------ */

START_TEST(idx_reads)
{
    const pal_shape shapes[] = {PAL_SHAPE(300), PAL_SHAPE(5, 7), PAL_SHAPE(3, 4, 5), PAL_SHAPE(2, 3, 4, 5)};
    char bytes[512];
    const pal_shape shape = shapes[_i];
    const size_t size = make_idx(bytes, sizeof bytes, 0x800U + (unsigned)shape.rank, shape);
    const size_t count = (size_t)pal_shape_count(shape);
    for (int packed = 0; packed < 2; packed++) {
        const char *path = packed ? write_gz("x", bytes, size) : write_file("x", bytes, size);
        pal_tensor *tensor = check_read(pal_idx_read, path, PAL_U8, shape);
        for (size_t i = 0; i < count; i++) ck_assert_uint_eq(((uint8_t *)tensor->data)[i], (i + 1) & 0xff);
        pal_tensor_free(tensor);
    }
}
END_TEST

START_TEST(idx_damage)
{
    char bytes[128];
    check_every_damage(pal_idx_read, bytes, make_idx(bytes, sizeof bytes, 0x803, PAL_SHAPE(3, 4, 5)));
}
END_TEST

START_TEST(idx_bad_header)
{
    static const struct {
        uint32_t magic;
        pal_shape shape;
        const char *needle;
    } rows[] = {
        {0x00000d01, {1, {4}}, "0x00000d01"}, /* floats */
        {0x00000800, {0, {0}}, "0x00000800"},
        {0x00000805, {5, {1, 1, 1, 1, 1}}, "0x00000805"},
        {0x01000801, {1, {4}}, "0x01000801"},
        {0x01080000, {1, {4}}, "0x01080000"}, /* wrong byte order */
        {0x00000803, {3, {0, 28, 28}}, "axis 0 has length 0"},
        {0x00000803, {3, {5, 28, 0}}, "axis 2 has length 0"},
        {0x00000804, {4, {-1, -1, -1, -1}}, "sizes that fit into memory"},
        {0x00000803, {3, {-1, -1, 1}}, "sizes that fit into memory"},
    };
    char bytes[64] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_idx(bytes, sizeof bytes, rows[i].magic, rows[i].shape);
        check_refused(pal_idx_read, write_file("x", bytes, sizeof bytes), PAL_ERR_FORMAT, rows[i].needle);
        check_refused(pal_idx_read, write_gz("x.gz", bytes, sizeof bytes), PAL_ERR_FORMAT, rows[i].needle);
    }
}
END_TEST

/* A header that claims 4 GB in a file of 100 bytes must not cause an allocation. */
START_TEST(idx_hostile_size)
{
    char bytes[100] = {0};
    make_idx(bytes, sizeof bytes, 0x802, PAL_SHAPE(8, 8));
    bytes[4] = bytes[5] = bytes[6] = bytes[7] = (char)0xff;
    memory.largest = 0;
    check_refused(pal_idx_read, write_file("x", bytes, sizeof bytes), PAL_ERR_FORMAT,
                  "has 100 bytes, expected 343597383");
    check_refused(pal_idx_read, write_gz("x.gz", bytes, sizeof bytes), PAL_ERR_FORMAT, "ends after 100 bytes");
    ck_assert_uint_lt(memory.largest, 1000);
}
END_TEST

/* ---- NPY ------------------------------------------------------------------------------------------------------ */

START_TEST(npy_round_trip)
{
    const pal_shape shapes[] = {PAL_SCALAR,
                                PAL_SHAPE(1),
                                PAL_SHAPE(1000),
                                PAL_SHAPE(17, 31),
                                PAL_SHAPE(0, 5),
                                PAL_SHAPE(2, 3, 4),
                                PAL_SHAPE(1, 2, 1, 3, 1, 2)};
    const pal_dtype dtypes[] = {PAL_F32, PAL_F64, PAL_U8};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        pal_tensor *tensor = make_tensor(dtypes[_i], shapes[i]);
        const char *path = path_of("x.npy");
        ck_assert_int_eq(pal_npy_write(tensor, path, NULL), PAL_OK);
        ck_assert_int_eq(count_files(), 1);
        pal_tensor *again = check_read(pal_npy_read, path, dtypes[_i], shapes[i]);
        check_equal(tensor, again);
        pal_tensor_free(again);
        pal_tensor_free(tensor);
    }
}
END_TEST

/* The files are byte for byte those that NumPy writes. */
START_TEST(npy_bytes)
{
    static const char matrix[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    static const char vector[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    char bytes[256];
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(1, 2));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    ck_assert_uint_eq(read_file(path_of("x.npy"), bytes, sizeof bytes), 128 + 8);
    ck_assert_int_eq(memcmp(bytes, matrix, sizeof matrix - 1), 0);
    for (size_t i = sizeof matrix - 1; i < 127; i++) ck_assert_int_eq(bytes[i], ' ');
    ck_assert_int_eq(bytes[127], '\n');
    ck_assert_int_eq(memcmp(bytes + 128, tensor->data, 8), 0);
    pal_tensor_free(tensor);
    tensor = make_tensor(PAL_U8, PAL_SHAPE(3));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    ck_assert_uint_eq(read_file(path_of("x.npy"), bytes, sizeof bytes), 128 + 3);
    ck_assert_int_eq(memcmp(bytes, vector, sizeof vector - 1), 0);
    pal_tensor_free(tensor);
}
END_TEST

/* Writes a file of this version with this header and 24 bytes of data. */
static const char *write_npy(int version, const char *header)
{
    char bytes[512] = "\x93NUMPY";
    const size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    bytes[6] = (char)version;
    bytes[8] = (char)length;
    memcpy(bytes + prefix, header, length);
    memset(bytes + prefix + length, 0, 24);
    return write_file("x.npy", bytes, prefix + length + 24);
}

/* Headers may differ in spaces, quotes and order. Types, orders and shapes that are not supported are refused, and so
 * is bad syntax. */
START_TEST(npy_headers)
{
    static const char *const good[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
        "{\"shape\": (2,3), \"fortran_order\":False, \"descr\":\"<f4\"}",
        "{'shape': (2L, 3L,), 'descr': '<f4', 'fortran_order': False}\n",
    };
    static const struct {
        const char *header, *needle;
    } bad[] = {
        {"{'descr': '>c8', 'fortran_order': False, 'shape': (2, 3), }", "'>c8'"},
        {"{'descr': '|i4', 'fortran_order': False, 'shape': (2, 3), }", "'|i4'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "[('a'"},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3), }", "'fortran_order': True or False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", "-3"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", "a comma in the tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", "a comma in the tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,6), }", "at most 6"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }", "2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,), }", "fit into memory"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "fit into memory"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000,), }", "expected 16000000"},
        {"{'descr': '<f4', 'fortran_order': False, }", "before the end"},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (6,), }", "one each of"},
        {"{'descr': '<f4', 'order': False, 'shape': (6,), }", "'order'"},
        {"{'descr' '<f4', 'fortran_order': False, 'shape': (6,), }", "a colon"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,), }", "a comma or the end"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x", "nothing but blanks"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,", "at most 6"},
        {"{'descr': '<f4", "'<f4"},
        {"", "a dictionary"},
    };
    for (int version = 1; version <= 3; version++) {
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
            pal_tensor_free(check_read(pal_npy_read, write_npy(version, good[i]), PAL_F32, PAL_SHAPE(2, 3)));
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            check_refused(pal_npy_read, write_npy(version, bad[i].header), PAL_ERR_FORMAT, bad[i].needle);
    }
    check_refused(pal_npy_read, write_npy(4, good[0]), PAL_ERR_FORMAT, "version 4.0");
    check_refused(pal_npy_read, write_file("x", "PK\3\4 an .npz", 12), PAL_ERR_FORMAT, "50 4b 03 04");
    check_refused(pal_npy_read, write_file("x", "\x93NUMPY\2\0\0\0\0\x7f", 12), PAL_ERR_FORMAT, "at most 65535");
}
END_TEST

START_TEST(npy_damage)
{
    char bytes[256];
    pal_tensor *tensor = make_tensor(PAL_F64, PAL_SHAPE(2, 3));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    check_every_damage(pal_npy_read, bytes, read_file(path_of("x.npy"), bytes, sizeof bytes));
    pal_tensor_free(tensor);
}
END_TEST

Suite *arrays_suite(void)
{
    Suite *suite = suite_create("arrays");
    TCase *idx =
        in_own_folder(add_case(suite, "idx", set_up, tear_down, TESTS(idx_damage, idx_bad_header, idx_hostile_size)));
    TCase *npy = in_own_folder(add_case(suite, "npy", set_up, tear_down, TESTS(npy_bytes, npy_headers, npy_damage)));
    tcase_add_loop_test(idx, idx_reads, 0, 4);
    tcase_add_loop_test(npy, npy_round_trip, 0, 3);
    return suite;
}
