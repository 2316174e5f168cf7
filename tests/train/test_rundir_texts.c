/* test_rundir_texts.c - tests that a run keeps texts of any bytes, also those that are not UTF-8. */
#include <jansson.h>

#include "tests/train/rundir.h"

Suite *rundir_texts_suite(void);

START_TEST(bytes_are_escaped_and_come_back)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},
        {"plain/path", "plain/path"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"caf\xe9", "caf\\xE9"},
        {"\\xE9", "\\x5CxE9"},
        {"\\\xe9x", "\\\\xE9x"},
        {"back\\slash\n\"quoted\"", "back\\slash\n\"quoted\""},
        {"\xc3", "\\xC3"},
        {"\xc0\x80", "\\xC0\\x80"},
        {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
        {"\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
        {"\xe0\x80\x80\xf0\x80\x80\x80\xff", "\\xE0\\x80\\x80\\xF0\\x80\\x80\\x80\\xFF"},
    };
    char text[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(pal_text_escape(cases[i].bytes, text, sizeof text), strlen(cases[i].text));
        ck_assert_str_eq(text, cases[i].text);
        pal_text_unescape(text);
        ck_assert_str_eq(text, cases[i].bytes);
    }
    static const char *const kept[] = {"\\x0", "\\xe9", "\\x", "\\x00", "\\xG0", "x41"}; /* are no escapes */
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        strcpy(text, kept[i]);
        pal_text_unescape(text);
        ck_assert_str_eq(text, kept[i]);
    }
    ck_assert_uint_eq(pal_text_escape("a\xff"
                                      "b",
                                      NULL, 0),
                      6);
    for (size_t size = 1; size < 8; size++) { /* truncated between characters */
        static const char *const cut[] = {"", "a", "a", "a", "a", "a\\xFF", "a\\xFFb"};
        ck_assert_uint_eq(pal_text_escape("a\xff"
                                          "b",
                                          text, size),
                          6);
        ck_assert_str_eq(text, cut[size - 1]);
    }
}
END_TEST

/* All texts of up to four bytes from these: each comes back, and JSON takes each. */
START_TEST(every_text_comes_back)
{
    static const char alphabet[] = "\\x4E9\xc3\xa9\xe2\x82\xf0\xed\xff";
    const size_t n = sizeof alphabet - 1;
    for (size_t number = 0; number < n * n * n * n; number++) {
        char bytes[5], text[32];
        for (size_t i = 0, rest = number; i < 4; i++, rest /= n) bytes[i] = alphabet[rest % n];
        bytes[4] = 0;
        ck_assert_uint_lt(pal_text_escape(bytes, text, sizeof text), sizeof text);
        json_t *value = json_string(text);
        ck_assert_ptr_nonnull(value);
        json_decref(value);
        pal_text_unescape(text);
        ck_assert_str_eq(text, bytes);
    }
}
END_TEST

/* A folder, a data path, a command, an error, a setting and a phase of any bytes. */
START_TEST(a_run_has_texts_of_any_bytes)
{
    static const char odd[] = "caf\xe9 \\xE9 \"q\" \\ \n\t\x01\x7f \xc3\xa9";
    pal_error err = {0};
    const pal_setting setting = {"hidden", odd};
    pal_run_info info = plain;
    info.command = info.data = info.data_note = info.from = odd;
    info.settings = &setting;
    info.n_settings = 1;
    pal_rundir *dir = pal_rundir_new(path_of("caf\xe9 \"\\xE9\n"), &info, &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_epoch epoch = epoch_of(1);
    strcpy(epoch.phase, "phas\xe9");
    epoch.n_terms = 1;
    memset(epoch.terms[0].name, 0xe9, sizeof epoch.terms[0].name - 1);
    ck_assert_msg(!pal_rundir_add(dir, &epoch, &err), "%s", err.text);
    ck_assert(!pal_rundir_finish(dir, "failed", odd, &(pal_train_result){0}, &err));
    ck_assert_str_eq(pal_rundir_info(dir)->command, odd);
    json_t *json = json_loads(pal_rundir_text(dir), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(json, "data")),
                     "caf\\xE9 \\x5CxE9 \"q\" \\ \n\t\x01\x7f \xc3\xa9");
    json_decref(json);
    pal_rundir_free(dir);
    dir = pal_rundir_open(path_of("caf\xe9 \"\\xE9\n"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    const pal_run_info *read = pal_rundir_info(dir);
    const char *const texts[] = {read->command, read->data,  read->data_note,
                                 read->from,    read->error, read->settings->value};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) ck_assert_str_eq(texts[i], odd);
    ck_assert_str_eq(pal_rundir_epoch(dir, 0)->phase, "phas\xe9");
    ck_assert_str_eq(pal_rundir_epoch(dir, 0)->terms[0].name, epoch.terms[0].name);
    pal_rundir_free(dir);
}
END_TEST

Suite *rundir_texts_suite(void)
{
    Suite *suite = suite_create("rundir_texts");
    in_own_folder(
        add_case(suite, "texts", set_up, tear_down,
                 TESTS(bytes_are_escaped_and_come_back, every_text_comes_back, a_run_has_texts_of_any_bytes)));
    return suite;
}
