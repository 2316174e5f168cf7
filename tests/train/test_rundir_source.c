/* test_rundir_source.c - tests SHA-256, and the source of a variant that a run keeps. */
#include "tests/train/rundir.h"

Suite *rundir_source_suite(void);

/* FIPS 180-4's examples (NIST, "SHA-256 examples"), and lengths around the end of a block, by sha256sum. */
START_TEST(hashes_are_those_of_the_standard)
{
    static const struct {
        const char *text;
        size_t times;
        const char *hash;
    } known[] = {{"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                 {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
                 {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
                 {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
                 {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char out[PAL_SHA256_TEXT];
        const size_t length = strlen(known[i].text);
        char *text = malloc(length * known[i].times + 1);
        for (size_t k = 0; k < known[i].times; k++) memcpy(text + k * length, known[i].text, length);
        pal_sha256(text, length * known[i].times, out);
        ck_assert_str_eq(out, known[i].hash);
        free(text);
    }
}
END_TEST

static const char code[] = "int x;\n";

/* Makes the folder "run" with this source. */
static void run_with(const char *hash)
{
    pal_error err = {0};
    pal_run_info info = plain;
    info.source = "/home/mine.c";
    info.source_hash = hash;
    info.source_text = code;
    pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_rundir_free(dir);
}

/* The source of the folder "run": its text, which the caller frees, or NULL with the error. */
static char *source_of(pal_error *err)
{
    char *text;
    pal_rundir *dir = pal_rundir_open(path_of("run"), err);
    ck_assert_msg(dir != NULL, "%s", err->text);
    ck_assert_int_eq(pal_rundir_source(dir, &text, err), err->status);
    pal_rundir_free(dir);
    return text;
}

START_TEST(a_run_keeps_its_source)
{
    pal_error err = {0};
    char hash[PAL_SHA256_TEXT];
    pal_sha256(code, strlen(code), hash);
    run_with(hash);
    char *text = source_of(&err);
    ck_assert_str_eq(text, code);
    free(text);
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_str_eq(pal_rundir_info(dir)->source, "/home/mine.c");
    ck_assert_str_eq(pal_rundir_info(dir)->source_hash, hash);
    pal_rundir_free(dir);
}
END_TEST

START_TEST(a_run_without_source_has_none)
{
    pal_error err = {0};
    pal_rundir_free(new_run("run"));
    ck_assert_ptr_null(source_of(&err));
    ck_assert_int_eq(err.status, PAL_OK);
}
END_TEST

START_TEST(another_text_is_refused)
{
    pal_error err = {0};
    run_with("0000000000000000000000000000000000000000000000000000000000000000");
    ck_assert_ptr_null(source_of(&err));
    ck_assert_int_eq(err.status, PAL_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.text, "variant.c was changed since the run was trained"));
}
END_TEST

/* A path as hash names no file outside: the text is compared before the name is used. */
START_TEST(a_missing_text_is_refused)
{
    pal_error err = {0};
    run_with("../../x");
    ck_assert_ptr_null(source_of(&err));
    ck_assert_int_eq(err.status, PAL_ERR_FORMAT);
    ck_assert_int_eq(unlink(path_of("run/variant.c")), 0);
    err = (pal_error){0};
    ck_assert_ptr_null(source_of(&err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "variant.c is missing"));
}
END_TEST

/* Whether a new run with the source `code` takes the folder "half". */
static bool takes_half(const char *hash)
{
    pal_error err = {0};
    pal_run_info info = plain;
    info.source_hash = hash;
    info.source_text = hash ? code : NULL;
    pal_rundir *dir = pal_rundir_new(path_of("half"), &info, &err);
    ck_assert_int_eq(err.status, dir ? PAL_OK : PAL_ERR_EXISTS);
    pal_rundir_free(dir);
    return dir != NULL;
}

/* A process that was killed between the source and run.json. Only the same text is taken: another one is a file of the
 * user's. */
START_TEST(a_half_made_folder_with_the_source_is_taken)
{
    char hash[PAL_SHA256_TEXT];
    pal_sha256(code, strlen(code), hash);
    mkdir(path_of("half"), 0777);
    write_text("half/variant.c", "int y;\n");
    ck_assert(!takes_half(hash));
    write_text("half/variant.c", "int x;\n\n");
    ck_assert(!takes_half(hash));
    write_text("half/variant.c", code);
    ck_assert(!takes_half(NULL));
    write_text("half/other", "precious");
    ck_assert(!takes_half(hash));
    ck_assert(!unlink(path_of("half/other")) && !access(path_of("half/variant.c"), F_OK));
    write_text("half/variant.c.123-0.part", "in");
    ck_assert(takes_half(hash));
    ck_assert(!access(path_of("half/run.json"), F_OK) && access(path_of("half/variant.c.123-0.part"), F_OK) != 0);
}
END_TEST

/* A link is somebody's: what it leads to is no file of the folder. */
START_TEST(a_source_that_is_a_link_is_not_taken)
{
    char hash[PAL_SHA256_TEXT], target[4096];
    pal_sha256(code, strlen(code), hash);
    mkdir(path_of("half"), 0777);
    write_text("mine.c", code);
    snprintf(target, sizeof target, "%s", path_of("mine.c"));
    ck_assert(!symlink(target, path_of("half/variant.c")));
    ck_assert(!takes_half(hash));
}
END_TEST

Suite *rundir_source_suite(void)
{
    Suite *suite = suite_create("rundir_source");
    in_own_folder(add_case(suite, "source", set_up, tear_down,
                           TESTS(hashes_are_those_of_the_standard, a_run_keeps_its_source,
                                 a_run_without_source_has_none, another_text_is_refused, a_missing_text_is_refused,
                                 a_half_made_folder_with_the_source_is_taken, a_source_that_is_a_link_is_not_taken)));
    return suite;
}
