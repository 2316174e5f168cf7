/* test_data.c - files good and damaged, data sets, batches and the order of an epoch. Everything is written into a
 * fresh folder that goes away with the test. */
#include "data/data.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

Suite *data_suite(void);

typedef pal_tensor *(*reader)(pal_context *context, const char *path, pal_error *err);

static pal_context *context;
static char folder[] = "/tmp/palindrome-data-XXXXXX";
static size_t largest_block;  /* the most that was asked of the context's allocator at once */
static int blocks_until_none; /* counts down; at 0 the allocator fails. Negative: it never does */

static void *allocate(size_t size, void *user)
{
    (void)user;
    if (size > largest_block) largest_block = size;
    if (blocks_until_none == 0) return NULL;
    if (blocks_until_none > 0) blocks_until_none--;
    return malloc(size);
}

static void release(void *block, void *user)
{
    (void)user;
    free(block);
}

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    largest_block = 0;
    blocks_until_none = -1;
    const pal_context_options options = {
        .struct_size = sizeof options, .threads = 1, .allocate = allocate, .release = release};
    context = pal_context_new(&options);
    ck_assert_ptr_nonnull(context);
}

/* The files in the folder; removes them if asked. */
static int count_files(bool remove_them)
{
    DIR *dir = opendir(folder);
    int count = 0;
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        if (remove_them) unlinkat(dirfd(dir), entry->d_name, 0);
        count++;
    }
    closedir(dir);
    return count;
}

static void tear_down(void)
{
    pal_context_free(context);
    count_files(true);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* FOLDER/NAME; each call overwrites the one before the last. */
static const char *path_of(const char *name)
{
    static char paths[2][256];
    static int next;
    next = !next;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static const char *write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static const char *write_gz(const char *name, const void *bytes, size_t size)
{
    const char *path = path_of(name);
    gzFile file = gzopen(path, "wb9");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)size), (int)size);
    ck_assert_int_eq(gzclose(file), Z_OK);
    return path;
}

static size_t read_bytes(const char *path, void *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t got = fread(out, 1, size, file);
    fclose(file);
    return got;
}

/* One line that names the file and holds the needle. */
static void check_line(const pal_error *err, const char *path, const char *needle)
{
    const char *name = strrchr(path, '/') + 1;
    ck_assert_msg(strstr(err->text, name) != NULL, "no \"%s\" in: %s", name, err->text);
    ck_assert_msg(strstr(err->text, needle) != NULL, "no \"%s\" in: %s", needle, err->text);
    ck_assert_msg(strchr(err->text, '\n') == NULL, "more than a line: %s", err->text);
}

static void check_refused(reader read, const char *path, pal_status status, const char *needle)
{
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = read(context, path, &err);
    ck_assert_msg(tensor == NULL, "%s was read, expected: %s", path, needle);
    ck_assert_msg(err.status == status, "%s instead of %s: %s", pal_status_text(err.status), pal_status_text(status),
                  err.text);
    check_line(&err, path, needle);
    ck_assert_ptr_null(read(context, path, NULL)); /* nobody has to ask why */
}

static pal_tensor *check_read(reader read, const char *path, pal_dtype dtype, pal_shape shape)
{
    char text[96];
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = read(context, path, &err);
    ck_assert_msg(tensor != NULL, "%s", err.text);
    ck_assert_int_eq(err.status, PAL_OK);
    ck_assert_int_eq(tensor->dtype, dtype);
    ck_assert_msg(pal_shape_equal(tensor->shape, shape), "%s", pal_shape_text(tensor->shape, text, sizeof text));
    return tensor;
}

static void check_equal(const pal_tensor *a, const pal_tensor *b)
{
    ck_assert_uint_eq(pal_tensor_bytes(a), pal_tensor_bytes(b));
    ck_assert_int_eq(memcmp(a->data, b->data, pal_tensor_bytes(a)), 0);
}

/* Changed in any bit, a compressed file is refused or gives what it gave before, which only the header's date and such
 * (left out here) and the few bits that fill the last byte before the checksum may do. */
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

/* Cut at every byte, plain and compressed, with a byte too many, or cut after compression, a file is refused. */
static void check_every_damage(reader read, const char *bytes, size_t size)
{
    char packed[1024], longer[1024];
    ck_assert_uint_lt(size, sizeof longer);
    memcpy(longer, bytes, size);
    longer[size] = 7;
    check_refused(read, write_file("long", longer, size + 1), PAL_ERR_FORMAT, "expected");
    check_refused(read, write_gz("long.gz", longer, size + 1), PAL_ERR_FORMAT, "goes on after");
    for (size_t cut = 0; cut < size; cut++) {
        check_refused(read, write_file("cut", bytes, cut), PAL_ERR_FORMAT, "expected");
        check_refused(read, write_gz("cut.gz", bytes, cut), PAL_ERR_FORMAT, "ends after");
    }
    const char *path = write_gz("whole.gz", bytes, size);
    const size_t total = read_bytes(path, packed, sizeof packed);
    ck_assert_uint_lt(total, sizeof packed);
    pal_tensor *whole = read(context, path, NULL);
    ck_assert_ptr_nonnull(whole);
    for (size_t cut = 0; cut < total; cut++)
        check_refused(read, write_file("cut", packed, cut), PAL_ERR_FORMAT, "expected");
    check_every_bit(read, packed, total, whole);
    pal_tensor_free(whole);
}

/* ---- IDX --------------------------------------------------------------------------------------------------------- */

/* Magic number, sizes and bytes 1, 2, 3, ... as far as there is room for; returns the length of all. */
static size_t make_idx(char *out, size_t room, uint32_t magic, pal_shape shape)
{
    size_t used = 0;
    for (int axis = -1; axis < shape.rank; axis++) {
        const uint32_t word = axis < 0 ? magic : (uint32_t)shape.dim[axis];
        for (int shift = 24; shift >= 0; shift -= 8) out[used++] = (char)(word >> shift & 0xff);
    }
    const int64_t count = pal_shape_count(shape);
    for (int64_t i = 1; i <= count && used < room; i++) out[used++] = (char)i;
    return used;
}

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
        {0x01080000, {1, {4}}, "0x01080000"}, /* the other end first */
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

/* A header that claims 4 GB over a file of 100 bytes must not cost memory. */
START_TEST(idx_hostile_size)
{
    char bytes[100] = {0};
    make_idx(bytes, sizeof bytes, 0x802, PAL_SHAPE(8, 8));
    bytes[4] = bytes[5] = bytes[6] = bytes[7] = (char)0xff;
    largest_block = 0;
    check_refused(pal_idx_read, write_file("x", bytes, sizeof bytes), PAL_ERR_FORMAT,
                  "has 100 bytes, expected 343597383");
    check_refused(pal_idx_read, write_gz("x.gz", bytes, sizeof bytes), PAL_ERR_FORMAT, "ends after 100 bytes");
    ck_assert_uint_lt(largest_block, 1000);
}
END_TEST

START_TEST(missing_files)
{
    const reader readers[] = {pal_idx_read, pal_npy_read, pal_csv_read};
    check_refused(readers[_i], path_of("none"), PAL_ERR_IO, "No such file");
    ck_assert_int_eq(mkdir(path_of("dir"), 0700), 0);
    check_refused(readers[_i], path_of("dir"), PAL_ERR_IO, "directory");
    ck_assert_int_eq(rmdir(path_of("dir")), 0);
    pal_error err = {.status = PAL_OK};
    ck_assert_ptr_null(readers[_i](context, NULL, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
}
END_TEST

/* ---- NPY --------------------------------------------------------------------------------------------------------- */

static pal_tensor *make_tensor(pal_dtype dtype, pal_shape shape)
{
    pal_tensor *tensor = pal_tensor_new(context, dtype, shape);
    ck_assert_ptr_nonnull(tensor);
    for (size_t i = 0; i < pal_tensor_count(tensor); i++)
        pal_tensor_set(tensor, i, dtype == PAL_U8 ? (double)(i % 256) : sin((double)i) * exp((double)(i % 60) - 30));
    return tensor;
}

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
        ck_assert_int_eq(count_files(false), 1);
        pal_tensor *again = check_read(pal_npy_read, path, dtypes[_i], shapes[i]);
        check_equal(tensor, again);
        pal_tensor_free(again);
        pal_tensor_free(tensor);
    }
}
END_TEST

static pal_status (*const writers[])(const pal_tensor *, const char *, pal_error *) = {pal_npy_write, pal_csv_write};

/* Byte for byte what NumPy writes. */
START_TEST(npy_bytes)
{
    static const char matrix[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    static const char vector[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    char bytes[256];
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(1, 2));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    ck_assert_uint_eq(read_bytes(path_of("x.npy"), bytes, sizeof bytes), 128 + 8);
    ck_assert_int_eq(memcmp(bytes, matrix, sizeof matrix - 1), 0);
    for (size_t i = sizeof matrix - 1; i < 127; i++) ck_assert_int_eq(bytes[i], ' ');
    ck_assert_int_eq(bytes[127], '\n');
    ck_assert_int_eq(memcmp(bytes + 128, tensor->data, 8), 0);
    pal_tensor_free(tensor);
    tensor = make_tensor(PAL_U8, PAL_SHAPE(3));
    ck_assert_int_eq(pal_npy_write(tensor, path_of("x.npy"), NULL), PAL_OK);
    ck_assert_uint_eq(read_bytes(path_of("x.npy"), bytes, sizeof bytes), 128 + 3);
    ck_assert_int_eq(memcmp(bytes, vector, sizeof vector - 1), 0);
    pal_tensor_free(tensor);
}
END_TEST

/* A file of this version with this header over 24 bytes of data. */
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
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "'>f4'"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", "'<i4'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "[('a'"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "only C order"},
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
    check_every_damage(pal_npy_read, bytes, read_bytes(path_of("x.npy"), bytes, sizeof bytes));
    pal_tensor_free(tensor);
}
END_TEST

START_TEST(write_failures)
{
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(2, 3));
    ck_assert_int_eq(writers[_i](tensor, path_of("none/x"), &err), PAL_ERR_IO);
    check_line(&err, "/none/x", "No such file");
    ck_assert_int_eq(writers[_i](tensor, folder, &err), PAL_ERR_IO);
    check_line(&err, folder, "Is a directory");
    ck_assert_int_eq(writers[_i](tensor, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(writers[_i](NULL, path_of("x"), &err), PAL_ERR_ARGUMENT);
    pal_tensor *other = pal_tensor_new(context, PAL_BF16, PAL_SHAPE(2));
    ck_assert_int_eq(writers[_i](other, path_of("x"), &err), PAL_ERR_TYPE);
    ck_assert_int_eq(count_files(false), 0); /* nothing half written stays */
    pal_tensor_free(other);
    pal_tensor_free(tensor);
}
END_TEST

/* No room for the new file: the old one stays as it was, and nothing else stays. */
START_TEST(write_without_room)
{
    char bytes[16];
    struct rlimit limit, small;
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(100, 100));
    const char *path = write_file("x", "old", 3);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 10000;
    void (*const before)(int) = signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    const pal_status status = writers[_i](tensor, path, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    check_line(&err, path, "cannot be written");
    ck_assert_int_eq(count_files(false), 1);
    ck_assert_uint_eq(read_bytes(path, bytes, sizeof bytes), 3);
    pal_tensor_free(tensor);
}
END_TEST

/* What is no plain file is written in place, not replaced. */
START_TEST(write_in_place)
{
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(2, 3));
    struct stat info;
    ck_assert_int_eq(symlink("target", path_of("link")), 0);
    ck_assert_int_eq(writers[_i](tensor, path_of("link"), NULL), PAL_OK);
    ck_assert_int_eq(lstat(path_of("link"), &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    pal_tensor_free(check_read(_i ? pal_csv_read : pal_npy_read, path_of("target"), PAL_F32, PAL_SHAPE(2, 3)));
    ck_assert_int_eq(count_files(false), 2);
    pal_tensor_free(tensor);
}
END_TEST

/* "-" writes to where standard output goes and reads from where standard input is. */
START_TEST(standard_streams)
{
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(3, 5));
    const int output = dup(STDOUT_FILENO), input = dup(STDIN_FILENO);
    const int file = open(path_of("x"), O_RDWR | O_CREAT, 0600);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    const pal_status status = pal_array_write(tensor, "-", NULL);
    dup2(output, STDOUT_FILENO);
    lseek(file, 0, SEEK_SET);
    dup2(file, STDIN_FILENO);
    pal_tensor *again = pal_array_read(context, "-", NULL);
    if (input >= 0) dup2(input, STDIN_FILENO);
    close(file);
    close(output);
    if (input >= 0) close(input);
    ck_assert_int_eq(status, PAL_OK);
    ck_assert_ptr_nonnull(again);
    check_equal(tensor, again);
    pal_tensor_free(again);
    pal_tensor_free(tensor);
}
END_TEST

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

START_TEST(csv_reads)
{
    static const char *const texts[] = {/* each is 1 -2.5 1e3 / 0 0.125 -7 */
                                        "1,-2.5,1e3\n0,.125,-7.\n",
                                        "1,-2.5,1e3\n0,.125,-7.",
                                        "1,-2.5,1000\r\n+0,0.125,-7\r\n\r\n",
                                        "a,b,\"c,d\"\n1, -2.5 ,\t10E+2\n-0e5,12.5e-2,-007\n\n\n",
                                        "\357\273\2771,-2.5,1e3\n0,0.125000000000000000000000000000,-7",
                                        ",0,1\n1,-2.5,100000000000000000000000e-20\n0,1250000000000000000000e-22,-7"};
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
        {"1;2\n3;4\n", "line 2, column 1: \"3;4\""},
        {"1,2\n3,\"4\"\n", "line 2, column 2"},
        {"1,2\n3,\x01\xff\n", "column 2: \"?\?\""},
        {"1,2\n3,12345678901234567890123456789012345678901234567890z\n", "column 2: \"12345678901234567890"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused(pal_csv_read, write_file("x.csv", rows[i].text, strlen(rows[i].text)), PAL_ERR_FORMAT,
                      rows[i].needle);
    check_refused(pal_csv_read, write_file("x.csv", "1,2\n3,4\0,5\n", 11), PAL_ERR_FORMAT, "line 2, column 2");
    char packed[256];
    const size_t size = read_bytes(write_gz("x.csv", "1,2\n3,4\n", 8), packed, sizeof packed);
    for (size_t cut = 2; cut < size; cut++)
        check_refused(pal_csv_read, write_file("x.csv", packed, cut), PAL_ERR_FORMAT, "cut short");
}
END_TEST

/* Any finite float comes back, and the file is much larger than the reader's buffer, with lines across its edges. */
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

/* Numbers on both sides of where the short way to read them ends, and some that a longer short way would get wrong: the
 * first is 2^64 + 1, the others have more digits than a double and lie just above the middle between two floats. */
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

/* Lines whose end is the last byte of the reader's buffer (2^18), the first behind it, and the second. */
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
    char bytes[256];
    double values[] = {0.1, -1e300, INFINITY, 3};
    pal_tensor *tensor = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(2, 2), values);
    ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    bytes[read_bytes(path_of("x.csv"), bytes, sizeof bytes - 1)] = 0;
    ck_assert_str_eq(bytes, "0.10000000000000001,-1.0000000000000001e+300\ninf,3\n");
    pal_tensor_free(tensor);
    uint8_t small[] = {0, 7, 255};
    tensor = pal_tensor_wrap(context, PAL_U8, PAL_SHAPE(3), small);
    ck_assert_int_eq(pal_csv_write(tensor, path_of("x.csv"), NULL), PAL_OK);
    bytes[read_bytes(path_of("x.csv"), bytes, sizeof bytes - 1)] = 0;
    ck_assert_str_eq(bytes, "0\n7\n255\n");
    pal_tensor_free(tensor);
}
END_TEST

/* ---- Data sets --------------------------------------------------------------------------------------------------- */

/* Images and labels of a split with these names; the labels are 1, 2, 3, ... */
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
    /* the plain file comes before the compressed one */
    write_split("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 7, 7);
    pal_dataset_free(open_set(folder, PAL_SPLIT_TEST, 7));
}
END_TEST

START_TEST(dataset_mismatch)
{
    const char *images = "train-images-idx3-ubyte", *labels = "train-labels-idx1-ubyte";
    write_split(images, labels, 9, 8);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-labels-idx1-ubyte: has 8 labels, expected 9");
    write_split(labels, images, 9, 9);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-images-idx3-ubyte: holds labels (0x00000801)");
    write_split(images, labels, 9, 9);
    write_split(labels, "other", 9, 9);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "begins with 0x00000803, expected labels");
    write_file(labels, "\0\0\x08\x01\0\0", 6);
    check_set_refused(folder, PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "train-labels-idx1-ubyte: ends after 6 bytes");
    check_set_refused(path_of("none"), PAL_SPLIT_TRAIN, PAL_ERR_IO, "No such file");
    check_set_refused(folder, (pal_split)2, PAL_ERR_ARGUMENT, "test split");
    if (access(PAL_DATA_DEFAULT, F_OK) != 0)
        check_set_refused(NULL, PAL_SPLIT_TRAIN, PAL_ERR_IO,
                          "install the Debian package dataset-fashion-mnist or give --data");
}
END_TEST

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
    ck_assert_int_eq(memcmp(train->inputs->data, tensor->data, 17 * 24), 0);
    ck_assert_int_eq(memcmp(test->inputs->data, (float *)tensor->data + 17 * 6, 3 * 24), 0);
    ck_assert_int_eq(pal_dataset_limit(train, 0), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_dataset_limit(train, 18), PAL_OK);
    ck_assert_int_eq(train->count, 17);
    ck_assert_int_eq(pal_dataset_limit(train, 5), PAL_OK);
    ck_assert_int_eq(train->count, 5);
    ck_assert(pal_shape_equal(train->inputs->shape, PAL_SHAPE(5, 2, 3)));
    ck_assert_int_eq(memcmp(train->inputs->data, tensor->data, 5 * 24), 0);
    pal_dataset_free(test);
    pal_dataset_free(train);
    pal_dataset_free(NULL);

    ((float *)tensor->data)[6 * 4 + 1] = NAN;
    ck_assert_int_eq(pal_npy_write(tensor, path_of("some.npy"), NULL), PAL_OK);
    check_set_refused(path_of("some.npy"), PAL_SPLIT_TEST, PAL_ERR_FORMAT, "sample 4, element 1 (from 0) is nan");
    pal_tensor_free(tensor);
    check_set_refused(write_file("x.csv", "1,2\n", 4), PAL_SPLIT_TRAIN, PAL_ERR_FORMAT, "[1,2], expected at least 2");
    check_set_refused(write_file("x.txt", "1,2\n", 4), PAL_SPLIT_TRAIN, PAL_ERR_ARGUMENT, ".npy or .csv");
    pal_dataset_free(open_set(write_file("x.csv", "1,2\n3,4\n", 8), PAL_SPLIT_TEST, 1));
    pal_dataset_free(open_set(write_gz("x.csv.gz", "1,2\n3,4\n5,6\n", 12), PAL_SPLIT_TRAIN, 2));
}
END_TEST

/* A set in memory for the batches: 2 samples with labels 3 and 1. All 256 bytes come, in the blocks of the vector loop
 * and in what is left behind them (259 = 16 * 16 + 3). */
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

/* Every byte becomes its correctly rounded quotient by 255; reals are converted. Rows may come again. */
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
    for (size_t i = 0; i < 15; i++) pal_tensor_set(hot, i, 7); /* what was there before goes */
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

/* The allocator fails at its first call, its second, ... until opening and limiting work. */
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
        blocks_until_none = blocks;
        pal_dataset *set = pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
        const int64_t before = set ? set->count : 0;
        const pal_status limited = set ? pal_dataset_limit(set, 2) : PAL_OK;
        blocks_until_none = -1;
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
    ck_assert_int_ge(failures, 4); /* two tensors at the least, each two blocks */
}
END_TEST

/* ---- Order ------------------------------------------------------------------------------------------------------- */

START_TEST(order_is_permutation)
{
    enum { MOST = 3000 };
    static const size_t sizes[] = {0, 1, 2, 3, 255, 256, 257, MOST};
    uint32_t order[MOST], other[MOST];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        bool seen[MOST] = {false};
        ck_assert_int_eq(pal_epoch_order(1, "order", 5, order, sizes[k]), PAL_OK);
        for (size_t i = 0; i < sizes[k]; i++) {
            ck_assert_uint_lt(order[i], sizes[k]);
            ck_assert(!seen[order[i]]);
            seen[order[i]] = true;
        }
    }
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, other, MOST), PAL_OK);
    ck_assert_int_eq(memcmp(order, other, sizeof order), 0);
    static const struct {
        uint64_t seed, epoch;
        const char *stream;
    } others[] = {{2, 5, "order"}, {1, 6, "order"}, {1, 5, "other"}, {1, 5 + (UINT64_C(1) << 32), "order"}};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        size_t same = 0;
        ck_assert_int_eq(pal_epoch_order(others[k].seed, others[k].stream, others[k].epoch, other, MOST), PAL_OK);
        for (size_t i = 0; i < MOST; i++) same += order[i] == other[i];
        ck_assert_uint_lt(same, 20); /* one is expected by chance */
    }
    ck_assert_int_eq(pal_epoch_order(1, NULL, 5, order, 3), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, NULL, 3), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_epoch_order(1, "order", 5, order, (size_t)UINT32_MAX + 1), PAL_ERR_ARGUMENT);
}
END_TEST

/* The same on every machine and in every release: written down once. */
START_TEST(order_is_fixed)
{
    static const uint32_t expected[10] = {4, 3, 0, 1, 9, 6, 7, 2, 8, 5};
    uint32_t order[10];
    ck_assert_int_eq(pal_epoch_order(7, "order", 3, order, 10), PAL_OK);
    for (size_t i = 0; i < 10; i++) ck_assert_uint_eq(order[i], expected[i]);

    uint32_t longer[1000], hash = 0;
    ck_assert_int_eq(pal_epoch_order(7, "order", 3, longer, 1000), PAL_OK);
    for (size_t i = 0; i < 1000; i++) hash = hash * 31 + longer[i];
    ck_assert_uint_eq(hash, 854635158);
}
END_TEST

/* All 120 orders of five, over 60,000 epochs: chi squared with 119 degrees of freedom is below 212 but for one seed in
 * ten million. */
START_TEST(order_is_fair)
{
    enum { N = 5, ORDERS = 120, EPOCHS = 60000 };
    int counts[ORDERS] = {0};
    double chi2 = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint32_t order[N], index = 0;
        ck_assert_int_eq(pal_epoch_order(11, "order", epoch, order, N), PAL_OK);
        for (uint32_t i = 0; i < N; i++) { /* the rank among what is left, in mixed radix */
            uint32_t rank = 0;
            for (uint32_t j = i + 1; j < N; j++) rank += order[j] < order[i];
            index = index * (N - i) + rank;
        }
        counts[index]++;
    }
    for (int i = 0; i < ORDERS; i++) chi2 += pow(counts[i] - (double)EPOCHS / ORDERS, 2) / ((double)EPOCHS / ORDERS);
    ck_assert_double_lt(chi2, 212);
    ck_assert_double_gt(chi2, 50); /* nor more even than chance */
}
END_TEST

/* ---- The real thing ---------------------------------------------------------------------------------------------- */

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

    /* one whole shuffled epoch, in batches: each sample once, so the sum of all pixels */
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

Suite *data_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *files = tcase_create("files"), *sets = tcase_create("sets"), *order = tcase_create("order");
    TCase *const cases[] = {files, sets, order};
    for (size_t i = 0; i < 3; i++) {
        tcase_add_checked_fixture(cases[i], set_up, tear_down);
        tcase_set_timeout(cases[i], 120);
        suite_add_tcase(suite, cases[i]);
    }
    tcase_add_loop_test(files, idx_reads, 0, 4);
    tcase_add_test(files, idx_damage);
    tcase_add_test(files, idx_bad_header);
    tcase_add_test(files, idx_hostile_size);
    tcase_add_loop_test(files, missing_files, 0, 3);
    tcase_add_loop_test(files, npy_round_trip, 0, 3);
    tcase_add_test(files, npy_bytes);
    tcase_add_test(files, npy_headers);
    tcase_add_test(files, npy_damage);
    tcase_add_loop_test(files, write_failures, 0, 2);
    tcase_add_loop_test(files, write_without_room, 0, 2);
    tcase_add_loop_test(files, write_in_place, 0, 2);
    tcase_add_test(files, standard_streams);
    tcase_add_loop_test(files, csv_reads, 0, 6);
    tcase_add_test(files, csv_refuses);
    tcase_add_test(files, csv_round_trip);
    tcase_add_test(files, csv_rounds_correctly);
    tcase_add_loop_test(files, csv_buffer_edge, 0, 3);
    tcase_add_test(files, csv_writes);
    tcase_add_test(sets, dataset_folder);
    tcase_add_test(sets, dataset_mismatch);
    tcase_add_test(sets, dataset_array);
    tcase_add_test(sets, batch_values);
    tcase_add_test(sets, batch_refuses);
    tcase_add_test(sets, batch_labels);
    tcase_add_loop_test(sets, no_memory, 0, 3);
    if (access(PAL_DATA_DEFAULT, F_OK) == 0) tcase_add_loop_test(sets, fashion_mnist, 0, 2);
    tcase_add_test(order, order_is_permutation);
    tcase_add_test(order, order_is_fixed);
    tcase_add_test(order, order_is_fair);
    return suite;
}
