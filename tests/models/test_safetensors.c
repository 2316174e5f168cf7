/* test_safetensors.c - tests model files: round trips, damaged and hostile files, failed saves, and lack of memory. */
#include <malloc.h>
#include <math.h>

#include "tests/files.h"
#include "tests/models/small_models.h"

Suite *safetensors_suite(void);

#define MODEL "model.safetensors"

static char path[PATH_ROOM];

static void set_up_path(void)
{
    set_up();
    strcpy(path, path_of(MODEL));
}

static char *slurp(const char *name, size_t *size)
{
    char *bytes = malloc(1 << 16);
    ck_assert_ptr_nonnull(bytes);
    *size = read_file(name, bytes, 1 << 16);
    return bytes;
}

/* Writes the file anew. Some file systems wait for the disk if a file is cut and written again. */
static void put(const void *bytes, size_t size)
{
    unlink(path);
    write_file(MODEL, bytes, size);
}

/* An opened model equals the saved one. Saving it again gives the same bytes, and extra tensors are kept. */
START_TEST(saved_and_opened_are_equal)
{
    for (int k = 0; k < 2; k++) {
        pal_error err = {0};
        size_t size[2];
        pal_model *m =
            make(pal_variant_find("dae"), (pal_setting[]){{"hidden", "5"}, {"sigma", "0.125"}, {"tied", "no"}}, 3,
                 k ? PAL_F64 : PAL_F32, 9);
        pal_tensor *state = random_tensor(c, PAL_I32, PAL_SHAPE(3), 0, 100, "state");
        ck_assert_int_eq(pal_model_save(m, path, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        ck_assert_int_eq(pal_model_save(m, path, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        ck_assert_int_eq(count_files(), 1);
        pal_model *n = pal_model_open(c, path, &err);
        ck_assert_msg(n != NULL, "%s", err.text);
        same_parameters(m, n);
        ck_assert_ptr_eq(pal_model_variant(n), pal_model_variant(m));
        ck_assert(pal_shape_equal(pal_model_sample(n), PAL_SHAPE(2, 3)) && pal_model_dtype(n) == pal_model_dtype(m));
        ck_assert_str_eq(pal_model_setting(n, "sigma"), "0.125");
        pal_safetensors *f = pal_safetensors_open(c, path, &err);
        ck_assert_ptr_nonnull(f);
        const char *name;
        ck_assert_mem_eq(pal_safetensors_find(f, "adam/m/x")->data, state->data, 12);
        ck_assert_ptr_eq(pal_safetensors_at(f, 4, &name), pal_safetensors_find(f, "adam/m/x"));
        ck_assert_str_eq(name, "adam/m/x");
        ck_assert_ptr_null(pal_safetensors_at(f, 5, NULL));
        ck_assert_str_eq(pal_safetensors_metadata(f, "variant"), "denoising");
        ck_assert_ptr_null(pal_safetensors_metadata(f, "nothing"));
        const char *second = path_of("second");
        ck_assert_int_eq(pal_model_save(n, second, &(pal_named_tensor){"adam/m/x", state}, 1, &err), PAL_OK);
        char *one = slurp(path, &size[0]), *two = slurp(second, &size[1]);
        ck_assert_uint_eq(size[0], size[1]);
        ck_assert_mem_eq(one, two, size[0]);
        free(one);
        free(two);
        remove(second);
        pal_safetensors_free(f);
        pal_tensor_free(state);
        pal_model_free(n);
        pal_model_free(m);
    }
}
END_TEST

/* Opens the file. A failure must give one line that begins with the path. A success, where the damage is harmless, must
 * give a complete model. */
static bool opens(void)
{
    pal_error err = {0};
    pal_model *m = pal_model_open(c, path, &err);
    if (m) {
        ck_assert_int_eq(err.status, PAL_OK);
        ck_assert_uint_eq(pal_model_parameter_count(m), 3);
    } else {
        ck_assert_int_ne(err.status, PAL_OK);
        ck_assert_msg(strstr(err.text, path) == err.text && strlen(err.text) > strlen(path) + 5, "%s", err.text);
        ck_assert_ptr_null(strchr(err.text, '\n'));
    }
    pal_model_free(m);
    return m != NULL;
}

/* A file that is cut anywhere, or longer than its header says, is refused. A changed bit of the header never gives an
 * incomplete model. */
START_TEST(damaged_files_are_refused)
{
    size_t size, header = 0;
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    pal_model_free(m);
    char *bytes = slurp(path, &size);
    ck_assert(opens());
    memcpy(&header, bytes, 8);
    ck_assert_uint_lt(header, size - 8);
    ck_assert_uint_eq((header + 8) % 64, 0);
    for (size_t n = 0; n < size; n++) {
        put(bytes, n);
        ck_assert_msg(!opens(), "cut at %zu", n);
    }
    for (size_t bit = 0; bit < 8 * (8 + header); bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        put(bytes, size);
        bool opened = opens();
        ck_assert_msg(!opened || bit >= 64, "bit %zu", bit); /* a changed length is always refused */
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    put(bytes, size);
    ck_assert(opens());
    free(bytes);
    ck_assert_int_eq(truncate(path, 1 << 20), 0);
    ck_assert(!opens());
}
END_TEST

/* Headers with wrong types, sizes, offsets or names are refused with an error that names the file. */
START_TEST(hostile_headers_are_refused)
{
    const struct {
        const char *header, *says; /* NULL: valid; 16 bytes of data follow */
    } cases[] = {
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", NULL},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[12,16]},\"a\":{\"dtype\":\"F32\",\"shape\":[3],"
         "\"data_offsets\":[0,12]}}  ",
         NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"e\":{\"dtype\":\"F64\",\"shape\":[0,5],"
         "\"data_offsets\":[16,16]}}",
         NULL},
        {"", "the header is not that"},
        {"[]", "the header is not that"},
        {"{", "the header is not JSON"},
        {"{}", "16 bytes after the last tensor"},
        {"{} x", "the header is not JSON"},
        {"{\"a\":1}", "tensor a needs dtype"},
        {"{\"a\":{\"dtype\":\"F99\",\"shape\":[4],\"data_offsets\":[0,16]}}", "unknown dtype"},
        {"{\"a\":{\"dtype\":4,\"shape\":[4],\"data_offsets\":[0,16]}}", "unknown dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4,1,1,1,1,1,1],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693954],\"data_offsets\":[0,16]}}", ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16,16]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]}}", "bad data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[4,20]}}", "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[9223372036854775800,9223372036854775807]}}",
         "beyond the end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,16]}}", "a size that does not match"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,13]}}", "a size that does not match"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,16]}}", "after a gap"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[8,16]}}",
         "overlaps"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"a\":{\"dtype\":\"F32\",\"shape\":[4],"
         "\"data_offsets\":[0,16]}}",
         "the header is not JSON"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"x\":1}}", "needs dtype"},
        {"{\"__metadata__\":{\"x\":1},\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "metadata"},
        {"{\"__metadata__\":[],\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "metadata"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[600] = {0};
        uint64_t length = strlen(cases[i].header);
        pal_error err = {0};
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, cases[i].header, length);
        write_file(MODEL, bytes, 24 + length);
        pal_safetensors *f = pal_safetensors_open(c, path, &err);
        ck_assert_msg((f != NULL) == !cases[i].says, "%s: %s", cases[i].header, err.text);
        if (!f)
            ck_assert_msg(strstr(err.text, cases[i].says) != NULL && strstr(err.text, path) == err.text, "%s",
                          err.text);
        pal_safetensors_free(f);
        ck_assert(!opens()); /* none of them is a model */
    }
    write_file(MODEL, "\377\377\377\377\377\377\377\377{}", 10);
    ck_assert(!opens());
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(!opens());
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert(!opens()); /* and it does not block */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_ptr_null(pal_safetensors_open(c, folder, NULL));
    pal_safetensors_free(NULL);
}
END_TEST

/* Metadata that describe a larger model than the file contains are refused before memory is allocated. */
START_TEST(metadata_are_not_trusted)
{
    const struct {
        const char *settings, *sample, *dtype, *says;
    } cases[] = {{"{\"hidden\":\"4\"}", "[6]", "f32", NULL},
                 {"{\"hidden\":\"1000000\"}", "[1000000,1000000]", "f32", "encoder/W"},
                 {"{\"hidden\":\"4\"}", "[6]", "f64", "encoder/W is f32"},
                 {"{\"hidden\":\"4\",\"tied\":\"no\"}", "[6]", "f32", "decoder/W is missing"},
                 {"{\"hidden\":4}", "[6]", "f32", "a setting is not text"},
                 {"{\"hidden\":\"0\"}", "[6]", "f32", "hidden: 0 is not in"},
                 {"{\"x\":\"0\"}", "[6]", "f32", "no option x"},
                 {"[]", "[6]", "f32", "settings"},
                 {"{}", "[0]", "f32", "shape of a sample"},
                 {"{}", "[1,1,1,1,1,1,1]", "f32", "shape of a sample"},
                 {"{}", "6", "f32", "shape of a sample"},
                 {"{}", "[6]", "i32", "dtype"}};
    pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}}, 1, PAL_F32, 1);
    pal_named_tensor tensors[3];
    for (size_t i = 0; i < 3; i++) tensors[i].tensor = pal_model_parameter(m, i, &tensors[i].name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        const pal_setting metadata[] = {{"format", "palindrome 1"},
                                        {"variant", "basic"},
                                        {"settings", cases[i].settings},
                                        {"sample", cases[i].sample},
                                        {"dtype", cases[i].dtype}};
        ck_assert_int_eq(pal_safetensors_write(path, tensors, 3, metadata, 5, NULL), PAL_OK);
        pal_model *n = pal_model_open(c, path, &err);
        ck_assert_msg((n != NULL) == !cases[i].says, "%s", err.text);
        if (!n) ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        pal_model_free(n);
    }
    pal_model_free(m);
}
END_TEST

/* A save that fails leaves the old file unchanged and leaves no other file. */
START_TEST(a_failed_save_leaves_what_was_there)
{
    size_t before, after;
    pal_error err = {0};
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    char *old = slurp(path, &before);
    const struct rlimit unlimited = fill_disk(before - 10); /* the limit is inside the data */
    const pal_status status = pal_model_save(m, path, NULL, 0, &err);
    make_room(unlimited);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_msg(strstr(err.text, path) == err.text, "%s", err.text);
    char *now = slurp(path, &after);
    ck_assert_uint_eq(before, after);
    ck_assert_mem_eq(old, now, before);
    /* Names that are not valid, and a folder that does not exist. */
    const pal_named_tensor taken = {"encoder/W", pal_model_parameter(m, 0, NULL)}, latin = {"\xe9", taken.tensor},
                           none = {"x", NULL};
    ck_assert_int_eq(pal_model_save(m, path, &taken, 1, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, path, &latin, 1, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, path, &none, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_model_save(m, folder, NULL, 0, NULL), PAL_ERR_IO);
    ck_assert_int_eq(pal_model_save(m, path_of("no/model"), NULL, 0, NULL), PAL_ERR_IO);
    ck_assert_int_eq(count_files(), 1);
    free(old);
    free(now);
    pal_model_free(m);
}
END_TEST

/* Lets every allocation fail in turn, for a new model and for an opened one. Each failure is reported and leaks
 * nothing. */
START_TEST(every_allocation_may_fail)
{
    pal_model *source = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(source, path, NULL, 0, NULL), PAL_OK);
    pal_model_free(source);
    meter memory = {.left = 1000000};
    pal_context *tight = metered_context(&memory);
    const long base = memory.held;
    for (int opening = 0; opening < 2; opening++) {
        bool made = false;
        for (long n = 0; !made; n++) {
            pal_error err = {0};
            memory.left = n;
            pal_model *m = opening
                               ? pal_model_open(tight, path, &err)
                               : pal_model_new(tight, pal_variant_find("dae"), NULL, 0, PAL_SHAPE(3), PAL_F32, 1, &err);
            made = m != NULL;
            ck_assert_msg(made || err.status == PAL_ERR_MEMORY, "%ld: %s", n, err.text);
            pal_model_free(m);
            ck_assert_int_eq(memory.held, base);
            ck_assert_int_lt(n, 1000);
        }
    }
    pal_context_free(tight);
    ck_assert_int_eq(memory.held, 0);
}
END_TEST

/* Every bit of the data, and every bit of the header that changes its meaning, is covered by the checksum. */
START_TEST(a_changed_bit_is_found)
{
    size_t size, header = 0;
    pal_model *m = make_named("basic", PAL_F32);
    ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
    pal_model_free(m);
    char *bytes = slurp(path, &size);
    memcpy(&header, bytes, 8);
    for (size_t bit = 8 * (8 + header); bit < 8 * size; bit++) {
        pal_error err = {0};
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        put(bytes, size);
        ck_assert_ptr_null(pal_model_open(c, path, &err));
        ck_assert_int_eq(err.status, PAL_ERR_FORMAT);
        ck_assert_msg(strstr(err.text, "damaged") && strstr(err.text, "restore a copy"), "%s", err.text);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    /* Another value of a setting, in a header that is still valid. */
    char *at = memmem(bytes, size, "\\\"hidden\\\":\\\"4\\\"", 16);
    ck_assert_ptr_nonnull(at);
    pal_error err = {0};
    at[13]++;
    put(bytes, size);
    ck_assert_ptr_null(pal_model_open(c, path, &err));
    ck_assert_msg(strstr(err.text, "damaged") != NULL, "%s", err.text); /* not: the shapes do not fit the settings */
    at[13]--;
    /* A file of an older version or of another program, without the checksum, opens. */
    at = memmem(bytes, size, "palindrome_checksum", 19);
    ck_assert_ptr_nonnull(at);
    memcpy(at, "palindrome_CHECKSUM", 19);
    put(bytes, size);
    ck_assert(opens());
    bytes[size - 1] ^= 1;
    put(bytes, size);
    ck_assert(opens());
    free(bytes);
}
END_TEST

/* A weight that is not finite is refused by its name; the file can still be looked at. */
START_TEST(weights_are_finite)
{
    static const double values[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 6; k++) {
        pal_error err = {0};
        pal_model *m = make_named("basic", k % 2 ? PAL_F64 : PAL_F32);
        pal_tensor *t = pal_model_parameter_find(m, "encoder/b");
        pal_tensor_set(t, 2, values[k / 2]);
        ck_assert_int_eq(pal_model_save(m, path, NULL, 0, NULL), PAL_OK);
        ck_assert_ptr_null(pal_model_open(c, path, &err));
        ck_assert_int_eq(err.status, PAL_ERR_NUMERIC);
        ck_assert_msg(strstr(err.text, "element 2 of encoder/b is ") && strstr(err.text, "train again"), "%s",
                      err.text);
        pal_safetensors *f = pal_safetensors_open(c, path, &err);
        ck_assert_ptr_nonnull(f);
        ck_assert(!isfinite(pal_tensor_get(pal_safetensors_find(f, "encoder/b"), 2)));
        pal_safetensors_free(f);
        pal_model_free(m);
    }
}
END_TEST

/* Names and metadata that the header has to escape, and tensors of every kind, are read as they were given. */
START_TEST(any_text_is_kept)
{
    static const char text[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    pal_error err = {0};
    pal_tensor *t[] = {random_tensor(c, PAL_U8, PAL_SHAPE(3, 0), 0, 9, "a"),
                       random_tensor(c, PAL_F64, PAL_SCALAR, 0, 9, "b"),
                       random_tensor(c, PAL_I32, PAL_SHAPE(0), 0, 9, "c"),
                       random_tensor(c, PAL_BOOL, PAL_SHAPE(1, 2, 1, 2, 1, 1), 0, 2, "d")};
    const pal_named_tensor named[] = {{text, t[0]}, {"z", t[1]}, {"a", t[2]}, {"m", t[3]}};
    const pal_setting metadata[] = {{text, text}, {"", ""}};
    ck_assert_int_eq(pal_safetensors_write(path, named, 4, metadata, 2, &err), PAL_OK);
    pal_safetensors *f = pal_safetensors_open(c, path, &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    ck_assert_str_eq(pal_safetensors_metadata(f, text), text);
    ck_assert_str_eq(pal_safetensors_metadata(f, ""), "");
    for (int i = 0; i < 4; i++) {
        const pal_tensor *back = pal_safetensors_find(f, named[i].name);
        ck_assert(back && back->dtype == t[i]->dtype && pal_shape_equal(back->shape, t[i]->shape));
        ck_assert_int_eq(memcmp(back->data, t[i]->data, pal_tensor_bytes(back)), 0);
        pal_tensor_free(t[i]);
    }
    pal_safetensors_free(f);
    const pal_setting taken[] = {{"palindrome_checksum", "1"}}, twice[] = {{"a", "1"}, {"a", "2"}},
                      none[] = {{"a", NULL}}, latin[] = {{"a", "\xe9"}};
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, taken, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, twice, 2, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, none, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, latin, 1, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, NULL, 0, &err), PAL_OK);
    f = pal_safetensors_open(c, path, &err);
    ck_assert(f && !pal_safetensors_at(f, 0, NULL));
    pal_safetensors_free(f);
}
END_TEST

/* Of a header with many empty tensors, the memory is bounded by its size: here 24 times it were taken before. */
START_TEST(many_empty_tensors_take_little_memory)
{
    enum { TENSORS = 20000, ROOM = 64 * TENSORS };
    char *bytes = malloc(ROOM);
    ck_assert_ptr_nonnull(bytes);
    size_t at = 8;
    for (int i = 0; i < TENSORS; i++)
        at += (size_t)sprintf(bytes + at, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                              i ? ',' : '{', i);
    bytes[at++] = '}';
    memcpy(bytes, &(uint64_t){at - 8}, 8);
    write_file(MODEL, bytes, at);
    free(bytes);
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    pal_safetensors *f = pal_safetensors_open(c, path, NULL);
    ck_assert_ptr_nonnull(f);
    const size_t taken = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    ck_assert_msg(taken < 10 * at, "%zu bytes for a header of %zu", taken, at);
    pal_safetensors_free(f);
}
END_TEST

/* The weights are read to where they stay, and the other tensors of a checkpoint to nowhere. */
START_TEST(opening_a_model_takes_the_memory_of_its_weights)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, pal_variant_find("basic"), &(pal_setting){"hidden", "256"}, 1, PAL_SHAPE(28, 28),
                                 PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const size_t weights = 4 * (size_t)pal_model_weights(m);
    pal_tensor *state = pal_tensor_new(c, PAL_F32, PAL_SHAPE(2, pal_model_weights(m)));
    ck_assert_int_eq(pal_model_save(m, path, &(pal_named_tensor){"state", state}, 1, &err), PAL_OK);
    pal_context *own = context_with(1);
    size_t peak, before = pal_context_memory(own, NULL);
    pal_model *opened = pal_model_open(own, path, &err);
    ck_assert_msg(opened != NULL, "%s", err.text);
    same_parameters(m, opened);
    pal_context_memory(own, &peak);
    ck_assert_msg(peak - before < weights + weights / 4, "%zu bytes for weights of %zu", peak - before, weights);
    pal_model_free(opened);
    pal_context_free(own);
    pal_tensor_free(state);
    pal_model_free(m);
}
END_TEST

Suite *safetensors_suite(void)
{
    Suite *suite = suite_create("safetensors");
    in_own_folder(
        add_case(suite, "files", set_up_path, tear_down,
                 TESTS(saved_and_opened_are_equal, damaged_files_are_refused, hostile_headers_are_refused,
                       metadata_are_not_trusted, a_failed_save_leaves_what_was_there, every_allocation_may_fail,
                       a_changed_bit_is_found, weights_are_finite, any_text_is_kept,
                       many_empty_tensors_take_little_memory, opening_a_model_takes_the_memory_of_its_weights)));
    return suite;
}
