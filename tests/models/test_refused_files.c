/* test_refused_files.c - what is not written to a safetensors file, and why; questions about no file; and each
 * allocation of malloc and of the context fails in turn while a file, and a model, is written and opened. */
#include <fcntl.h>
#include <math.h>

#include "tests/failing.h"
#include "tests/files.h"
#include "tests/models/small_models.h"

Suite *refused_files_suite(void);

static pal_tensor *some, *truth;

static void set_up_tensors(void)
{
    set_up();
    some = random_tensor(c, PAL_F32, PAL_SHAPE(2, 3), -1, 1, "some");
    truth = pal_tensor_new(c, PAL_BOOL, PAL_SHAPE(2));
}

static void tear_down_tensors(void)
{
    pal_tensor_free(some);
    pal_tensor_free(truth);
    tear_down();
}

/* ---- Refusals ------------------------------------------------------------------------------------------------- */

static void not_written(const char *path, const pal_named_tensor *tensors, size_t n, const pal_setting *metadata,
                        size_t n_metadata, const char *says)
{
    pal_error err = {0};
    ck_assert_int_eq(pal_safetensors_write(path, tensors, n, metadata, n_metadata, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
    ck_assert_int_eq(count_files(), 0);
}

START_TEST(what_is_no_file_is_not_written)
{
    const char *path = path_of("x.safetensors");
    const pal_setting fine = {"key", "value"};
    const struct {
        pal_named_tensor tensors[2];
        size_t n;
        pal_setting metadata[2];
        size_t n_metadata;
        const char *says;
    } cases[] = {
        {{{"a", some}, {NULL, some}}, 2, {fine}, 1, "(unnamed) has no name or no data"},
        {{{"", some}}, 1, {fine}, 1, "has no name or no data"},
        {{{"a", NULL}}, 1, {fine}, 1, "a has no name or no data"},
        {{{"__metadata__", some}}, 1, {fine}, 1, "has a name that is taken"},
        {{{"a", some}, {"a", some}}, 2, {fine}, 1, "a has a name that is taken"},
        {{{"a\xff", some}}, 1, {fine}, 1, "is not UTF-8"},
        {{{"a", some}}, 1, {{NULL, "value"}}, 1, "the metadata are not complete"},
        {{{"a", some}}, 1, {fine, {"key2", NULL}}, 2, "the metadata are not complete"},
        {{{"a", some}}, 1, {{"key", "\x80"}}, 1, "is not UTF-8"},
        {{{"a", some}}, 1, {fine, fine}, 2, "key has a name that is taken"},
        {{{"a", some}}, 1, {{"palindrome_checksum", "1"}}, 1, "palindrome_checksum has a name that is taken"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        not_written(path, cases[i].tensors, cases[i].n, cases[i].metadata, cases[i].n_metadata, cases[i].says);
    not_written(NULL, cases[0].tensors, 1, &fine, 1, "needs a path");
    not_written("", cases[0].tensors, 1, &fine, 1, "needs a path");
    pal_tensor half = *some;
    half.dtype = PAL_DTYPE_COUNT;
    not_written(path, &(pal_named_tensor){"a", &half}, 1, &fine, 1, "a has a type that the format does not support");
}
END_TEST

START_TEST(no_file_answers_nothing)
{
    const char *path = path_of("x.safetensors"), *name = "unchanged";
    pal_error err = {0};
    ck_assert_ptr_null(pal_safetensors_open(NULL, path, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_safetensors_open(c, NULL, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_safetensors_open(c, "", &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_safetensors_open(c, path, &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert_ptr_null(pal_safetensors_find(NULL, "a"));
    ck_assert_ptr_null(pal_safetensors_at(NULL, 0, &name));
    ck_assert_ptr_null(pal_safetensors_metadata(NULL, "a"));
    ck_assert_int_eq(pal_safetensors_write(path, NULL, 0, NULL, 0, &err), PAL_OK);
    pal_safetensors *empty = pal_safetensors_open(c, path, &err);
    ck_assert_msg(empty != NULL, "%s", err.text);
    ck_assert_ptr_null(pal_safetensors_find(empty, NULL));
    ck_assert_ptr_null(pal_safetensors_find(empty, "a"));
    ck_assert_ptr_null(pal_safetensors_at(empty, 0, &name));
    ck_assert_ptr_null(pal_safetensors_metadata(empty, NULL));
    ck_assert_str_eq(name, "unchanged");
    pal_safetensors_free(empty);
    pal_safetensors_free(NULL);
}
END_TEST

/* ---- Missing memory ------------------------------------------------------------------------------------------- */

static bool reported(pal_status status, const pal_error *err)
{
    failing_require(!status || (status == PAL_ERR_MEMORY && err->status == status && strstr(err->text, "x.safe")));
    return !status;
}

static bool write_and_open(void *user)
{
    const char *path = user;
    const pal_named_tensor tensors[] = {{"some", some}, {"a/longer/name of a \"tensor\"", truth}};
    const pal_setting metadata[] = {{"key", "a value"}};
    pal_error err = {0};
    if (!reported(pal_safetensors_write(path, tensors, 2, metadata, 1, &err), &err)) return false;
    pal_safetensors *f = pal_safetensors_open(c, path, &err);
    if (!f) return reported(err.status, &err);
    const pal_tensor *a = pal_safetensors_find(f, "some"), *b = pal_safetensors_find(f, tensors[1].name);
    failing_require(a && b && !memcmp(a->data, some->data, pal_tensor_bytes(some)) && b->dtype == PAL_BOOL);
    const char *value = pal_safetensors_metadata(f, "key");
    failing_require(value && !strcmp(value, "a value"));
    pal_safetensors_free(f);
    return true;
}

typedef struct saved {
    const char *path;
    const pal_model *model;
} saved;

static bool save_and_open(void *user)
{
    const saved *s = user;
    pal_error err = {0};
    if (!reported(pal_model_save(s->model, s->path, NULL, 0, &err), &err)) return false;
    pal_model *again = pal_model_open(c, s->path, &err);
    if (!again) {
        failing_require(err.status == PAL_ERR_MEMORY && err.text[0]);
        return false;
    }
    for (size_t i = 0; i < pal_model_parameter_count(again); i++) {
        const pal_tensor *a = pal_model_parameter(s->model, i, NULL), *b = pal_model_parameter(again, i, NULL);
        failing_require(!memcmp(a->data, b->data, pal_tensor_bytes(a)));
    }
    pal_model_free(again);
    return true;
}

/* A file that existed is whole after each failure, and no other file is left. */
START_TEST(missing_memory_is_reported)
{
    const char *path = path_of("x.safetensors");
    const size_t before = pal_context_memory(c, NULL);
    ck_assert(failing_each(write_and_open, (void *)(uintptr_t)path, true) > 10 || !failing_can);
    ck_assert(write_and_open((void *)(uintptr_t)path));
    pal_model *m = make(pal_variant_find("basic"), (pal_setting[]){{"hidden", "4"}}, 1, PAL_F32, 9);
    saved s = {path, m};
    ck_assert(failing_each(save_and_open, &s, true) > 20 || !failing_can);
    ck_assert(save_and_open(&s));
    ck_assert_int_eq(count_files(), 1);
    pal_model_free(m);
    ck_assert_uint_eq(pal_context_memory(c, NULL), before);
}
END_TEST

Suite *refused_files_suite(void)
{
    Suite *suite = suite_create("refused_files");
    in_own_folder(add_case(suite, "files", set_up_tensors, tear_down_tensors,
                           TESTS(what_is_no_file_is_not_written, no_file_answers_nothing, missing_memory_is_reported)));
    return suite;
}
