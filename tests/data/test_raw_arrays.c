/* test_raw_arrays.c - tests arrays as samples: mapped and read with the same values, archives, the layout of
 * images, bfloat16, and each refusal. */
#include "tests/data/raw_arrays.h"

Suite *raw_arrays_suite(void);

/* The plain types of 1 MiB and more are mapped, and have the bits of pal_npy_read; all others are read. */
START_TEST(mapped)
{
    static const struct {
        const char *descr;
        size_t size;
        bool mapped;
    } types[] = {{"<f4", 4, true},  {"<f8", 8, true},  {"|u1", 1, true}, {">f4", 4, false},
                 {"<f2", 2, false}, {"|b1", 1, false}, {"|i1", 1, false}};
    enum { ROWS = 1 << 12, COLUMNS = 1 << 8 };
    char *data = malloc(8 * ROWS * COLUMNS);
    for (size_t i = 0; i < 8 * ROWS * COLUMNS; i++) data[i] = (char)(i % 61 % 2);
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const char *path = put_npy("x.npy", types[t].descr, "(4096, 256)", data, types[t].size * ROWS * COLUMNS);
        read_array(path, NULL);
        ck_assert_msg(!raw.map == !types[t].mapped, "%s", types[t].descr);
        ck_assert_msg(!strstr(note.text, "as needed") == !types[t].mapped, "%s", note.text);
        pal_tensor *plain = pal_npy_read(context, path, NULL);
        check_equal(raw.values, plain);
        pal_tensor_free(plain);
        const uint32_t rows[] = {4095, 0, 1, 7, 7, 4096, 4294967295u, 2};
        palt__raw_want(&raw, rows, 8);
        palt__raw_want(&raw, rows, 0);
        palt__raw_in_order(&raw, false);
        palt__raw_in_order(&raw, true);
        done();
    }
    read_array(put_npy("x.npy", "<f4", "(256, 256)", data, 4 << 16), NULL); /* small */
    ck_assert_ptr_null(raw.map);
    done();
    size_t whole;
    char *bytes = npy_bytes("<f4", "(4096, 256)", data, 4 * ROWS * COLUMNS, &whole);
    refuse(write_file("x.npy", bytes, whole - 1), NULL, PAL_ERR_FORMAT, "expected 4194432 for its header");
    bytes[whole - 1] = 0;
    read_array(write_gz("x.npy.gz", bytes, whole), NULL);
    ck_assert_ptr_null(raw.map);
    done();
    free(bytes);
    free(data);
}
END_TEST

/* What the kernel is asked for is in memory soon. */
START_TEST(wanted)
{
    enum { ROWS = 1 << 10, COLUMNS = 1 << 12 };
    float *data = calloc(ROWS * COLUMNS, sizeof *data);
    const char *path = put_npy("x.npy", "<f4", "(1024, 4096)", data, 4 * ROWS * COLUMNS);
    read_array(path, NULL);
    const uint32_t rows[] = {512};
    palt__raw_want(&raw, rows, 1);
    ck_assert(((const float *)raw.values->data)[512 * COLUMNS] == 0);
    done();
    free(data);
}
END_TEST

START_TEST(refused_shapes)
{
    const double one = 1;
    refuse(put_npy("x.npy", "<f8", "()", &one, 8), NULL, PAL_ERR_FORMAT, "a single number");
    refuse(put_npy("x.npy", "<f8", "(0, 4)", &one, 0), NULL, PAL_ERR_FORMAT, "[0,4], expected at least one sample");
    refuse(put_npy("x.npy", "<f8", "(4, 0)", &one, 0), NULL, PAL_ERR_FORMAT, "[4,0], expected at least one sample");
    refuse(put_npy("x.npy", "<f8", "(1,)", &one, 8), OPTIONS("layout", "channels-last"), PAL_ERR_ARGUMENT,
           "leave out --layout");
    refuse(path_of("none.npy"), NULL, PAL_ERR_IO, "No such file");
    refuse(path_of("none.npz"), NULL, PAL_ERR_IO, "No such file");
    refuse(NULL, NULL, PAL_ERR_ARGUMENT, "no path");
    const struct {
        const char *path;
        bool is;
    } names[] = {{"a.npy", true},   {"A.NPY", true},  {"a.npy.gz", true}, {"a.npz", true},   {"d/a.npz:x", true},
                 {"a.NPZ:y", true}, {"a.csv", false}, {"npz:x", false},   {"a.npzx", false}, {"", false}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(palt__raw_is_array(names[i].path) == names[i].is, "%s", names[i].path);
}
END_TEST

/* What does not fit is refused before it is read, with what to save: that is mapped, and fits. */
START_TEST(too_large)
{
    enum { BIG = 1 << 21 };
    static const struct {
        const char *descr, *shape, *remedy;
    } arrays[] = {
        {">f8", "(512, 512)", ": save numpy.ascontiguousarray(x.astype(numpy.float32)) with numpy.save"},
        {"|i1", "(2048, 1024)", ": save numpy.ascontiguousarray(x.astype(numpy.float32)) with numpy.save"},
        {"|u1", "(2, 1024, 256, 4)",
         ": save numpy.ascontiguousarray(x.transpose(0, 3, 1, 2).astype(numpy.uint8)) with"},
    };
    char *data = calloc(1, BIG);
    pal_context *whole = context;
    context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .max_memory = 1 << 20});
    for (size_t i = 0; i < 3; i++)
        refuse(put_npy("x.npy", arrays[i].descr, arrays[i].shape, data, BIG), NULL, PAL_ERR_MEMORY, arrays[i].remedy);
    read_array(put_npy("x.npy", "<f4", "(512, 1024)", data, BIG), NULL);
    done();
    pal_context_free(context);
    context = whole;
    free(data);
}
END_TEST

START_TEST(notes)
{
    const int16_t numbers[] = {-3, 0, 100, 7};
    read_array(put_npy("x.npy", "<i2", "(2, 2)", numbers, 8), NULL);
    ck_assert_str_eq(note.text, "int16 from -3 to 100, as they are");
    done();
    read_array(put_npy("x.npy", ">f4", "(1, 2)", numbers, 8), NULL);
    ck_assert_str_eq(note.text, "float32 from -4.237e+37 to 9.447e+21; big-endian");
    done();
    read_array(put_npy("x.npy", "|b1", "(2, 1)", "\0\1", 2), NULL);
    ck_assert_str_eq(note.text, "bool, 0 and 1");
    done();
    read_array(put_npy("x.npy", "|u1", "(2, 1)", "\0\1", 2), NULL);
    ck_assert_str_eq(note.text, "uint8, divided by 255");
    done();
}
END_TEST

START_TEST(bfloat16)
{
    const uint16_t bits[] = {0x3f80, 0xc049, 0x7f80, 0x0001};
    static const char *const raw_types[] = {"|V2", "<V2", "<u2", "|V2"};
    for (size_t t = 0; t < 4; t++) {
        read_array(put_npy("x.npy", raw_types[t], "(2, 2)", bits, 8), OPTIONS("dtype", "bfloat16"));
        const float *x = raw.values->data;
        ck_assert(x[0] == 1 && x[1] == -3.140625F && isinf(x[2]) && x[3] == 0x1p-133F);
        ck_assert_str_eq(note.text, "bfloat16 from -3.141 to inf");
        done();
    }
    const uint16_t turned[] = {0x803f};
    read_array(put_npy("x.npy", ">u2", "(1,)", turned, 2), OPTIONS("dtype", "bfloat16"));
    ck_assert(*(float *)raw.values->data == 1);
    done();
    refuse(put_npy("x.npy", "|V2", "(2, 2)", bits, 8), NULL, PAL_ERR_FORMAT, "--dtype bfloat16");
    refuse(put_npy("x.npy", "<f4", "(2,)", bits, 8), OPTIONS("dtype", "bfloat16"), PAL_ERR_FORMAT, "leave out --dtype");
}
END_TEST

/* The same pictures, NHWC and NCHW, of every type and either side of the size that is mapped. */
START_TEST(layouts)
{
    static const struct {
        const char *descr;
        size_t size;
    } types[] = {{"|u1", 1}, {"<f4", 4}, {"<f8", 8}, {">f4", 4}};
    static const size_t counts[] = {2, 800}, channels[] = {1, 3, 4};
    enum { H = 7, W = 31, MOST = 800 * H * W * 4 };
    char *first = malloc(8 * MOST), *last = malloc(8 * MOST), shape[64], text[128];
    for (size_t k = 0; k < 4 * 2 * 3; k++) {
        const size_t n = counts[k / 4 % 2], c = channels[k / 8], size = types[k % 4].size;
        for (size_t i = 0; i < n; i++)
            for (size_t y = 0; y < H; y++)
                for (size_t x = 0; x < W; x++)
                    for (size_t z = 0; z < c; z++) {
                        char *a = first + (((i * c + z) * H + y) * W + x) * size;
                        char *b = last + (((i * H + y) * W + x) * c + z) * size;
                        memset(a, (int)((i * 7 + y * 5 + x * 3 + z) % 60), size);
                        memcpy(b, a, size);
                    }
        snprintf(shape, sizeof shape, "(%zu, %zu, %d, %d)", n, c, H, W);
        read_array(put_npy("first.npy", types[k % 4].descr, shape, first, n * c * H * W * size), NULL);
        snprintf(text, sizeof text, "images of 7 x 31 with %zu channel%s, channels first in the file", c,
                 c > 1 ? "s" : "");
        ck_assert_msg(strstr(note.text, text) != NULL, "%s", note.text);
        palt__raw one = raw;
        snprintf(shape, sizeof shape, "(%zu, %d, %d, %zu)", n, H, W, c);
        read_array(put_npy("last.npy", types[k % 4].descr, shape, last, n * c * H * W * size), NULL);
        ck_assert_msg(strstr(note.text, "channels last in the file") != NULL, "%s", note.text);
        assert_shape(PAL_SHAPE((int64_t)n, (int64_t)c, H, W));
        check_equal(one.values, raw.values);
        done();
        palt__raw_free(&one);
    }
    free(first);
    free(last);
}
END_TEST

START_TEST(uncertain_layouts)
{
    char data[256] = {0};
    static const char *const shapes[] = {"(1, 3, 4, 3)", "(1, 8, 4, 8)", "(1, 2, 8, 8)", "(1, 3, 8, 3)",
                                         "(1, 4, 3, 4)"};
    static const size_t sizes[] = {36, 256, 128, 72, 48};
    for (size_t i = 0; i < 5; i++) {
        const char *path = put_npy("x.npy", "|u1", shapes[i], data, sizes[i]);
        refuse(path, NULL, PAL_ERR_FORMAT, "give --layout channels-first or --layout channels-last");
        refuse(path, OPTIONS("layout", "last"), PAL_ERR_ARGUMENT, "expected channels-first or channels-last");
    }
    for (size_t i = 0; i < 6; i++) data[i] = (char)i;
    const char *path = put_npy("x.npy", "|u1", "(1, 1, 3, 2)", data, 6); /* channels last: 1 x 3 pixels of 2 channels */
    read_array(path, OPTIONS("layout", "channels-last"));
    assert_shape(PAL_SHAPE(1, 2, 1, 3));
    ck_assert_int_eq(memcmp(raw.values->data, "\0\2\4\1\3\5", 6), 0);
    done();
    read_array(path, OPTIONS("layout", "channels-first"));
    assert_shape(PAL_SHAPE(1, 1, 3, 2));
    ck_assert_int_eq(memcmp(raw.values->data, "\0\1\2\3\4\5", 6), 0);
    done();
    read_array(put_npy("x.npy", "|u1", "(2, 3, 4)", data, 24), NULL); /* grey */
    assert_shape(PAL_SHAPE(2, 3, 4));
    done();
}
END_TEST

/* ---- Archives --------------------------------------------------------------------------------------------------- */

START_TEST(archives)
{
    const npz_entry entries[] = {{"X", "<f4", "(3, 2)", table, 24}, {"y", "<i8", "(3,)", codes, 24}};
    static const uint8_t labels[] = {1, 0, 1};
    char name[PATH_ROOM + 8];
    for (int packed = 0; packed < 2; packed++) {
        const char *path = put_npz("x.npz", entries, 2, packed);
        read_array(path, NULL);
        ck_assert_str_eq(note.text, "array X; float32 from 1 to 6");
        assert_shape(PAL_SHAPE(3, 2));
        ck_assert_int_eq(memcmp(raw.values->data, table, 24), 0);
        ck_assert_ptr_null(raw.labels);
        done();
        read_array(path, OPTIONS("label", "y"));
        ck_assert_str_eq(note.text, "array X; float32 from 1 to 6; labels y: 2 classes");
        assert_labels(labels, 3);
        assert_classes(OPTIONS("-2", "7"), 2);
        done();
        snprintf(name, sizeof name, "%s:X", path);
        read_array(name, OPTIONS("label", "y"));
        ck_assert_str_eq(note.text, "float32 from 1 to 6; labels y: 2 classes");
        assert_labels(labels, 3);
        done();
        snprintf(name, sizeof name, "%s:y", path);
        read_array(name, NULL);
        assert_shape(PAL_SHAPE(3));
        done();
        snprintf(name, sizeof name, "%s:z", path);
        refuse(name, NULL, PAL_ERR_ARGUMENT, "has no array \"z\"; it has X, y");
        refuse(path, OPTIONS("label", "z"), PAL_ERR_ARGUMENT, "has no array \"z\"; it has X, y");
        refuse(path, OPTIONS("label", "X"), PAL_ERR_FORMAT, "[3,2], expected labels [3]");
    }
    refuse(put_npz("x.npz", (npz_entry[]){entries[1], {"z", "<i8", "(3,)", codes, 24}}, 2, true), NULL,
           PAL_ERR_ARGUMENT, "its arrays are y, z: name one");
    refuse(put_npz("x.npz", (npz_entry[]){entries[0], {"Z", "<f4", "(3, 2)", table, 24}}, 2, true), NULL,
           PAL_ERR_ARGUMENT, "its arrays are X, Z: name one");
    read_array(put_npz("x.npz", entries + 1, 1, true), NULL); /* the only one */
    done();
    read_array(put_npz("x.npz", entries, 2, true), OPTIONS("label", "y"));
    done();
}
END_TEST

START_TEST(damaged_archives)
{
    char bytes[4096];
    float data[256];
    for (int i = 0; i < 256; i++) data[i] = (float)i;
    const npz_entry entry = {"X", "<f4", "(16, 16)", data, sizeof data};
    for (int packed = 0; packed < 2; packed++) {
        const char *path = put_npz("x.npz", &entry, 1, packed);
        const size_t size = read_file(path, bytes, sizeof bytes);
        bytes[packed ? 300 : 600] ^= 1; /* the checksum tells */
        refuse(write_file("bad.npz", bytes, size), NULL, PAL_ERR_FORMAT, "damaged after");
        refuse(write_file("bad.npz", bytes, size / 2), NULL, PAL_ERR_FORMAT, "not a readable .npz archive");
    }
    refuse(write_text("x.npz", "no archive"), NULL, PAL_ERR_FORMAT, "not a readable .npz archive");
    refuse(write_text("x.npz", ""), NULL, PAL_ERR_FORMAT, "not a readable .npz archive");
    const char *path = path_of("x.npz");
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_file_add(zip, "readme.txt", zip_source_buffer(zip, "hello", 5, 0), 0);
    zip_file_add(zip, "X.npy", zip_source_buffer(zip, "hello", 5, 0), 0);
    ck_assert_int_eq(zip_close(zip), 0);
    refuse(path, NULL, PAL_ERR_FORMAT, "x.npz:X: ends after 5 bytes");
}
END_TEST

Suite *raw_arrays_suite(void)
{
    Suite *suite = suite_create("raw_arrays");
    in_own_folder(add_case(suite, "arrays", set_up, tear_down,
                           TESTS(mapped, wanted, refused_shapes, too_large, notes, bfloat16, layouts, uncertain_layouts,
                                 archives, damaged_archives)));
    return suite;
}
