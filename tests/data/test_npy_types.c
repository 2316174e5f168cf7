/* test_npy_types.c - tests every type, byte order, index order and version of .npy files that NumPy writes: each value
 * is read right, and what is not read is refused with what to save in its place. */
#include "tests/data/arrays.h"

Suite *npy_types_suite(void);

/* Writes a .npy file: the header, then the elements of `size` bytes, whose bytes are turned around if `turned`. */
static const char *write_npy(const char *name, int version, const char *descr, bool fortran, const char *shape,
                             const void *elements, size_t size, size_t count, bool turned)
{
    char bytes[4096] = "\x93NUMPY";
    const size_t prefix = version == 1 ? 10 : 12;
    const int length = snprintf(bytes + prefix, 512, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n", descr,
                                fortran ? "True" : "False", shape);
    bytes[6] = (char)version;
    bytes[8] = (char)length;
    char *to = bytes + prefix + length;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < size; j++) *to++ = ((const char *)elements)[i * size + (turned ? size - 1 - j : j)];
    return write_file(name, bytes, (size_t)(to - bytes));
}

/* Elements as the bytes of a little-endian file, and their values. */
static const struct {
    const char *code, *name;
    pal_dtype dtype;
    size_t size;
    const char *bytes;
    double values[4];
} types[] = {
    {"b1", "bool, not scaled", PAL_F32, 1, "\0\1\1\0", {0, 1, 1, 0}},
    {"i1", "int8, not scaled", PAL_F32, 1, "\0\1\177\200", {0, 1, 127, -128}},
    {"u1", "uint8: 0 to 255 becomes 0 to 1", PAL_U8, 1, "\0\1\177\377", {0, 1, 127, 255}},
    {"i2", "int16, not scaled", PAL_F32, 2, "\1\0\377\377\0\200\377\177", {1, -1, -32768, 32767}},
    {"u2", "uint16, not scaled", PAL_F32, 2, "\1\0\377\377\0\200\377\177", {1, 65535, 32768, 32767}},
    {"i4",
     "int32, not scaled",
     PAL_F64,
     4,
     "\1\0\0\0\377\377\377\377\0\0\0\200\377\377\377\177",
     {1, -1, -2147483648.0, 2147483647}},
    {"u4",
     "uint32, not scaled",
     PAL_F64,
     4,
     "\1\0\0\0\377\377\377\377\0\0\0\200\1\0\0\1",
     {1, 4294967295.0, 2147483648.0, 16777217}},
    {"i8",
     "int64, not scaled",
     PAL_F64,
     8,
     "\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377\0\0\0\0\0\0\40\0\0\0\0\0\0\0\340\377",
     {1, -1, 9007199254740992.0, -9007199254740992.0}},
    {"u8",
     "uint64, not scaled",
     PAL_F64,
     8,
     "\1\0\0\0\0\0\0\0\377\0\0\0\0\0\0\0\0\0\0\0\0\0\40\0\377\377\377\377\377\377\37\0",
     {1, 255, 9007199254740992.0, 9007199254740991.0}},
    {"f2", "float16", PAL_F32, 2, "\0\74\1\0\377\173\1\304", {1, 0x1p-24, 65504, -4.00390625}},
    {"f4", "float32", PAL_F32, 4, "\0\0\200\77\1\0\0\0\0\0\0\277\377\377\177\177", {1, 0x1p-149, -0.5, 0x1.fffffep127}},
    {"f8",
     "float64",
     PAL_F64,
     8,
     "\0\0\0\0\0\0\360\77\1\0\0\0\0\0\0\0\0\0\0\0\0\0\340\277\377\377\377\377\377\377\357\177",
     {1, 0x1p-1074, -0.5, 0x1.fffffffffffffp1023}},
};
enum { TYPES = sizeof types / sizeof *types };

/* In both byte orders, both index orders, and all versions. A plain type needs no word. */
START_TEST(every_type)
{
    for (size_t t = 0; t < TYPES; t++)
        for (int k = 0; k < 12; k++) {
            const bool big = k & 1, fortran = k & 2;
            char descr[8], order[32];
            snprintf(descr, sizeof descr, "'%c%s'", big ? '>' : types[t].size == 1 ? '|' : '<', types[t].code);
            const char *path =
                write_npy("x.npy", 1 + k / 4, descr, fortran, "(2, 2)", types[t].bytes, types[t].size, 4, big);
            pal_tensor *x = check_read(pal_npy_read, path, types[t].dtype, PAL_SHAPE(2, 2));
            for (size_t i = 0; i < 4; i++) {
                const double value = types[t].values[fortran ? i % 2 * 2 + i / 2 : i];
                ck_assert_msg(pal_tensor_get(x, i) == value, "%s: element %zu is %.17g", descr, i,
                              pal_tensor_get(x, i));
            }
            pal_tensor_free(x);
            pal_note note = {""};
            pal_tensor_free(pal_array_read_noted(context, path, &note, NULL));
            snprintf(order, sizeof order, "%s%s", big && types[t].size > 1 ? "; big-endian" : "",
                     fortran ? "; Fortran order" : "");
            const bool plain = *types[t].code == 'f' && types[t].size > 2 && !*order;
            ck_assert_msg(strstr(note.text, plain ? "" : types[t].name) && strstr(note.text, order), "%s", note.text);
            ck_assert(!plain || !*note.text);
        }
}
END_TEST

/* All 65536 numbers of 16 bits: powers of two are exact, and the order of the bits is the order of the values. */
START_TEST(half_precision)
{
    for (unsigned first = 0; first < 1U << 16; first += 1024) {
        uint16_t words[1024];
        for (unsigned i = 0; i < 1024; i++) words[i] = (uint16_t)(first + i);
        const char *path = write_npy("x.npy", 1, "'<f2'", false, "(1024,)", words, 2, 1024, false);
        pal_tensor *x = check_read(pal_npy_read, path, PAL_F32, PAL_SHAPE(1024));
        const float *value = x->data, sign = first < 1U << 15 ? 1 : -1;
        const unsigned exponent = first >> 10 & 31; /* the same for the whole block */
        ck_assert(!signbit(value[0]) == (sign > 0));
        for (unsigned i = 0; i < 1024; i++) {
            if (exponent == 31)
                ck_assert(i ? isnan(value[i]) : isinf(value[i]) && value[i] * sign > 0);
            else if (exponent)
                ck_assert(value[i] * sign == ldexpf(1, (int)exponent - 15) + (float)i * ldexpf(1, (int)exponent - 25));
            else
                ck_assert(value[i] * sign == (float)i * 0x1p-24F);
        }
        pal_tensor_free(x);
    }
}
END_TEST

/* Arrays in Fortran order with up to six axes, some longer than the squares of the conversion. */
START_TEST(fortran_order)
{
    static const struct {
        const char *text;
        pal_shape shape;
    } shapes[] = {{"()", {0, {0}}},
                  {"(7,)", {1, {7}}},
                  {"(1, 1)", {2, {1, 1}}},
                  {"(33, 2)", {2, {33, 2}}},
                  {"(2, 65)", {2, {2, 65}}},
                  {"(34, 37)", {2, {34, 37}}},
                  {"(3, 0, 2)", {3, {3, 0, 2}}},
                  {"(2, 3, 4)", {3, {2, 3, 4}}},
                  {"(3, 9, 13, 2)", {4, {3, 9, 13, 2}}},
                  {"(2, 3, 1, 2, 5, 3)", {6, {2, 3, 1, 2, 5, 3}}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const pal_shape shape = shapes[s].shape;
        const size_t count = (size_t)pal_shape_count(shape);
        uint16_t words[1300];
        ck_assert_uint_le(count, 1300);
        for (size_t i = 0; i < count; i++) words[i] = (uint16_t)i;
        pal_tensor *x = check_read(
            pal_npy_read, write_npy("x.npy", 1, "'>u2'", true, shapes[s].text, words, 2, count, true), PAL_F32, shape);
        for (size_t i = 0; i < count; i++) { /* i counts in C order: the last index changes fastest */
            size_t at = 0, rest = i;
            size_t index[PAL_MAX_RANK] = {0};
            for (int32_t a = shape.rank - 1; a >= 0; a--) {
                index[a] = rest % (size_t)shape.dim[a];
                rest /= (size_t)shape.dim[a];
            }
            for (int32_t a = shape.rank - 1; a >= 0; a--) at = at * (size_t)shape.dim[a] + index[a];
            ck_assert_msg(((float *)x->data)[i] == (float)at, "%s: element %zu", shapes[s].text, i);
        }
        pal_tensor_free(x);
    }
}
END_TEST

/* What is not read names the type and says what to save. */
START_TEST(refused_types)
{
    static const struct {
        const char *descr, *needle;
    } rows[] = {
        {"'<c8'", "its elements are complex ('<c8'), expected real numbers of at most 8 bytes: save numpy.abs(a)"},
        {"'>c16'", "complex ('>c16')"},
        {"'|O'", "its elements are Python objects ('|O')"},
        {"'|S4'",
         "its elements are texts ('|S4'), expected real numbers of at most 8 bytes: save a.astype(numpy.float64)"},
        {"'<U7'", "its elements are texts"},
        {"'<M8[ns]'",
         "its elements are dates ('<M8[ns]'), expected real numbers of at most 8 bytes: save (a - a.min())"},
        {"'<m8[s]'", "its elements are time spans"},
        {"'|V2'", "its elements are bytes without a type, such as bfloat16 ('|V2'), expected real numbers of at most 8 "
                  "bytes: give --dtype bfloat16 if they are that, or save a.astype(numpy.float32)"},
        {"'<f16'", "its elements are a float of another size ('<f16')"},
        {"'<f1'", "its elements are a float of another size"},
        {"'<q9'", "its elements are of an unknown type ('<q9')"},
        {"'|i4'", "('|i4')"},
        {"'f4'", "('f4')"},
        {"''", "('')"},
        {"'<'", "('<')"},
        {"[('a', '<f4'), ('b', '<i4')]", "its elements are structures (\"[('a', '<f4'), ('b', '<i4')]"},
        {"('<f4', (2,))", "its elements are structures"},
        {"7", "expected a type such as '<f4'"},
    };
    const char zeros[64] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused(pal_npy_read, write_npy("x.npy", 1, rows[i].descr, false, "(4,)", zeros, 16, 4, false),
                      PAL_ERR_FORMAT, rows[i].needle);
    check_refused(pal_npy_read, write_npy("x.npy", 1, "'<i2'", true, "(1, 1, 1, 1, 1, 1, 1)", zeros, 2, 1, false),
                  PAL_ERR_FORMAT, "a tuple of at most 6 sizes: save a.reshape(len(a), -1)");
}
END_TEST

/* Integers that float64 does not have are refused, in C order and in Fortran order; the first one is named. */
START_TEST(great_integers)
{
    const int64_t good[] = {1LL << 53, -(1LL << 53), 0, 5}, first[] = {1, (1LL << 53) + 1, 2, INT64_MAX},
                  second[] = {1, 2, -(1LL << 53) - 1, INT64_MIN};
    const uint64_t whole[] = {0, 1, 2, UINT64_MAX};
    pal_tensor_free(check_read(pal_npy_read, write_npy("x.npy", 1, "'<i8'", false, "(2, 2)", good, 8, 4, false),
                               PAL_F64, PAL_SHAPE(2, 2)));
    check_refused(pal_npy_read, write_npy("x.npy", 1, "'<i8'", false, "(2, 2)", first, 8, 4, false), PAL_ERR_FORMAT,
                  "sample 0, element 1 (from 0) is about 9007199254740992, beyond 2^53");
    check_refused(pal_npy_read, write_npy("x.npy", 1, "'<i8'", true, "(2, 2)", second, 8, 4, false), PAL_ERR_FORMAT,
                  "sample 0, element 1 (from 0) is about -9007199254740992, beyond 2^53, where float64 has not every "
                  "int64: save a.astype(numpy.float64)");
    check_refused(pal_npy_read, write_npy("x.npy", 1, "'>u8'", false, "(4,)", whole, 8, 4, true), PAL_ERR_FORMAT,
                  "sample 3, element 0 (from 0) is about 1.84467");
    check_refused(pal_npy_read, write_npy("x.npy", 1, "'<i8'", true, "()", first + 1, 8, 1, false), PAL_ERR_FORMAT,
                  "sample 0, element 0 (from 0)");
}
END_TEST

/* A file of a converted type that is cut anywhere, has a byte more, or claims too much is refused, plain or packed. */
START_TEST(damaged_files)
{
    char bytes[512] = {0};
    const uint16_t words[6] = {1, 2, 3, 4, 5, 6};
    const size_t size =
        read_file(write_npy("x.npy", 2, "'>i2'", true, "(2, 3)", words, 2, 6, true), bytes, sizeof bytes - 1);
    for (size_t cut = 0; cut < size; cut++) {
        check_refused(pal_npy_read, write_file("x.npy", bytes, cut), PAL_ERR_FORMAT, "expected");
        check_refused(pal_npy_read, write_gz("x.npy.gz", bytes, cut), PAL_ERR_FORMAT, "expected");
    }
    check_refused(pal_npy_read, write_file("x.npy", bytes, size + 1), PAL_ERR_FORMAT, "for its header and int16 [2,3]");
    check_refused(pal_npy_read, write_gz("x.npy", bytes, size + 1), PAL_ERR_FORMAT, "continues after");
    memory.largest = 0;
    const char *huge = write_npy("x.npy", 1, "'<i8'", true, "(4000000000, 100)", words, 2, 6, false);
    check_refused(pal_npy_read, huge, PAL_ERR_FORMAT, "expected 3200000000");
    huge = write_npy("x.npy", 1, "'<f2'", true, "(4294967296, 4294967296)", words, 2, 6, false);
    check_refused(pal_npy_read, huge, PAL_ERR_FORMAT, "sizes that fit into memory");
    ck_assert_uint_lt(memory.largest, 1000);
}
END_TEST

/* Without memory for the conversion there is an error, and nothing leaks. */
START_TEST(no_memory_to_convert)
{
    const uint16_t words[6] = {1, 2, 3, 4, 5, 6};
    const char *path = write_npy("x.npy", 1, "'<u2'", false, "(6,)", words, 2, 6, false);
    int failures = 0;
    for (bool worked = false; !worked; failures += !worked) {
        pal_error err = {0};
        memory.left = failures;
        pal_tensor *x = pal_npy_read(context, path, &err);
        memory.left = LONG_MAX;
        worked = x != NULL;
        ck_assert(worked || err.status == PAL_ERR_MEMORY);
        pal_tensor_free(x);
    }
    ck_assert_int_ge(failures, 2); /* the tensor of bytes, and the tensor of numbers */
}
END_TEST

/* What a data set makes of the types: only bytes are scaled; a bool is 0 or 1; samples are along the first axis. */
START_TEST(in_data_sets)
{
    static const char *const codes[] = {"'|u1'", "'|b1'", "'|i1'"};
    static const float expected[] = {127.0F / 255, 1, 127};
    for (size_t i = 0; i < 3; i++) {
        const char *path = write_npy("x.npy", 1, codes[i], true, "(2, 3)", "\0\177\0\177\0\177", 1, 6, false);
        pal_tensor *batch = pal_tensor_new(context, PAL_F32, PAL_SHAPE(1, 3));
        float rows[2][3];
        for (pal_split split = PAL_SPLIT_TRAIN; split <= PAL_SPLIT_TEST; split++) {
            pal_dataset *set = pal_dataset_open(context, path, split, NULL);
            ck_assert(set && !pal_dataset_batch(set, (uint32_t[]){0}, 1, batch));
            memcpy(rows[split], batch->data, sizeof *rows);
            pal_dataset_free(set);
        }
        const float *a = rows[0], *b = rows[1]; /* bytes 0, 127, 0 and 127, 0, 127 */
        for (size_t k = 0; k < 3; k++) ck_assert(a[k] + b[k] == expected[i] && a[k] * b[k] == 0);
        pal_tensor_free(batch);
    }
    static const struct {
        const char *shape, *needle;
    } bad[] = {{"()", "contains a single number, expected an array of samples"},
               {"(0, 6)", "has the shape [0,6], expected at least one sample with one number"},
               {"(6, 0)", "has the shape [6,0], expected at least one sample with one number"},
               {"(1, 6)", "the array is [1,6], expected at least 2 samples"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pal_error err = {0};
        const size_t count = i == 0 ? 1 : i == 3 ? 6 : 0;
        const char *path = write_npy("x.npy", 1, "'|i1'", true, bad[i].shape, "\1\2\3\4\5\6", 1, count, false);
        ck_assert_ptr_null(pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err));
        check_line(&err, path, bad[i].needle);
    }
}
END_TEST

/* Images of several channels: how the axes are read is said. */
START_TEST(channels)
{
    static const struct {
        const char *shape, *note;
    } rows[] = {
        {"(2, 3, 4, 5)", "images of 4 x 5 with 3 channels, channels first in the file; 1 test sample drawn by seed 1"},
        {"(2, 1, 6, 5)", "images of 6 x 5 with 1 channel, channels first in the file; 1 test sample drawn by seed 1"},
        {"(2, 5, 6, 3)", "images of 5 x 6 with 3 channels, channels last in the file; 1 test sample drawn by seed 1"}};
    char bytes[256] = {0};
    for (size_t i = 0; i < 3; i++) {
        const size_t count = i == 1 ? 60 : i == 0 ? 120 : 180;
        const char *path = write_npy("x.npy", 1, "'|u1'", false, rows[i].shape, bytes, 1, count, false);
        pal_dataset *set = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, NULL);
        ck_assert_ptr_nonnull(set);
        const char *end = strstr(set->note.text, "images");
        ck_assert_str_eq(end ? end : "", rows[i].note);
        pal_dataset_free(set);
    }
}
END_TEST

Suite *npy_types_suite(void)
{
    Suite *suite = suite_create("npy_types");
    in_own_folder(add_case(suite, "npy_types", set_up, tear_down,
                           TESTS(every_type, half_precision, fortran_order, refused_types, great_integers,
                                 damaged_files, no_memory_to_convert, in_data_sets, channels)));
    return suite;
}
