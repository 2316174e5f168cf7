/* test_shape.c - shapes, element types, tensors, statuses, contexts. */
#include "tests/testing.h"

#include <string.h>

START_TEST(count_guards_overflow)
{
    ck_assert_int_eq(pal_shape_count(PAL_SCALAR), 1);
    ck_assert_int_eq(pal_shape_count(PAL_SHAPE(3, 4)), 12);
    ck_assert_int_eq(pal_shape_count(PAL_SHAPE(3, 0, 4)), 0);
    ck_assert_int_eq(pal_shape_count(PAL_SHAPE(3, -1)), -1);
    ck_assert_int_eq(pal_shape_count(PAL_SHAPE(INT64_C(1) << 40, INT64_C(1) << 40)), -1);
    ck_assert_int_eq(pal_shape_count(PAL_SHAPE(0, INT64_C(1) << 40, INT64_C(1) << 40)), -1);
    ck_assert_int_eq(pal_shape_count((pal_shape){.rank = 7}), -1);
}
END_TEST

START_TEST(broadcasting_is_numpys)
{
    pal_shape s;
    ck_assert(pal_shape_broadcast(PAL_SHAPE(2, 1, 3), PAL_SHAPE(4, 1), &s));
    ck_assert(pal_shape_equal(s, PAL_SHAPE(2, 4, 3)));
    ck_assert(pal_shape_broadcast(PAL_SCALAR, PAL_SHAPE(5), &s));
    ck_assert(pal_shape_equal(s, PAL_SHAPE(5)));
    ck_assert(pal_shape_broadcast(PAL_SHAPE(1), PAL_SHAPE(0), &s));
    ck_assert(pal_shape_equal(s, PAL_SHAPE(0)));
    ck_assert(!pal_shape_broadcast(PAL_SHAPE(2), PAL_SHAPE(3), &s));
    ck_assert(!pal_shape_broadcast(PAL_SHAPE(2), PAL_SHAPE(0), &s));
}
END_TEST

START_TEST(text_never_overruns)
{
    char buf[96], small[8];
    ck_assert_str_eq(pal_shape_text(PAL_SHAPE(128, 784), buf, sizeof buf), "[128,784]");
    ck_assert_str_eq(pal_shape_text(PAL_SCALAR, buf, sizeof buf), "[]");
    ck_assert_uint_lt(strlen(pal_shape_text(PAL_SHAPE(123456, 123456), small, sizeof small)), sizeof small);
}
END_TEST

START_TEST(tensors_own_or_borrow)
{
    pal_context *c = context_with(1);
    pal_tensor *t = pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, 5));
    ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
    for (size_t i = 0; i < 15; i++) ck_assert_double_eq(pal_tensor_get(t, i), 0);
    pal_tensor_set(t, 14, 2.5);
    pal_tensor_set(t, 15, 9); /* beyond the end: ignored */
    ck_assert_double_eq(pal_tensor_get(t, 14), 2.5);
    ck_assert_double_eq(pal_tensor_get(t, 15), 0);
    float mine[4] = {1, 2, 3, 4};
    pal_tensor *w = pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(4), mine);
    ck_assert_ptr_eq(w->data, mine);
    ck_assert(!w->owned);
    ck_assert_ptr_null(pal_tensor_new(c, PAL_F32, PAL_SHAPE(-1)));
    ck_assert_ptr_null(pal_tensor_new(c, PAL_DTYPE_COUNT, PAL_SHAPE(1)));
    ck_assert_ptr_null(pal_tensor_wrap(c, PAL_F32, PAL_SHAPE(1), NULL));
    ck_assert_ptr_null(pal_tensor_new(NULL, PAL_F32, PAL_SHAPE(1)));
    pal_tensor_free(NULL);
    pal_tensor_free(w);
    pal_tensor_free(t);
    pal_context_free(c);
}
END_TEST

START_TEST(statuses_have_texts)
{
    for (int s = 0; s < PAL_STATUS_COUNT; s++) ck_assert_uint_gt(strlen(pal_status_text((pal_status)s)), 0);
    ck_assert_str_eq(pal_status_text((pal_status)999), "unknown status");
    pal_error e = {0};
    ck_assert_int_eq(pal_error_set(&e, PAL_ERR_IO, "%s: %d", "x", 3), PAL_ERR_IO);
    ck_assert_str_eq(e.text, "x: 3");
    ck_assert_int_eq(pal_error_set(NULL, PAL_ERR_IO, "x"), PAL_ERR_IO);
}
END_TEST

/* Text that a terminal would obey becomes visible; letters of any script stay; what is cut is cut between characters.
 */
START_TEST(texts_are_cleaned)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"plain text, \\ and \"quotes\"", "plain text, \\ and \"quotes\""},
        {"M\xc3\xbcller \xe6\xbc\xa2 \xf0\x9f\x98\x80", "M\xc3\xbcller \xe6\xbc\xa2 \xf0\x9f\x98\x80"},
        {"\x1b[31m\x07\t\n\r\x7f\x01", "\\x1b[31m\\a\\t\\n\\r\\x7f\\x01"},
        {"\xc2\x9b"
         "31m\xc2\xa0",
         "\\u009b31m\xc2\xa0"}, /* CSI as one character; a no-break space stays */
        {"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbf", "\\u202e\\u2066\\u2028\\ufeff"},
        {"\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\\ufffe\\uffff"},
        {"\xff\xc3", "\\xff\\xc3"},                                              /* no UTF-8, cut short */
        {"\xc0\x9b\xe0\x82\x9b", "\\xc0\\x9b\\xe0\\x82\\x9b"},                   /* overlong */
        {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"}, /* a surrogate, beyond Unicode */
    };
    char out[64], again[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = pal_text_clean(out, sizeof out, rows[i].text, strlen(rows[i].text));
        ck_assert_str_eq(out, rows[i].shown);
        ck_assert_uint_eq(n, strlen(out));
        pal_text_clean(again, sizeof again, out, n);
        ck_assert_str_eq(again, out);
    }
    pal_text_clean(out, sizeof out, "a\0b", 3);
    ck_assert_str_eq(out, "a\\x00b");
    for (size_t size = 0; size < 8; size++) {
        memset(out, 'z', sizeof out);
        pal_text_clean(out, size, "\xc3\xbc\x1b", 3);
        if (size) ck_assert_str_eq(out, size > 6 ? "\xc3\xbc\\x1b" : size > 2 ? "\xc3\xbc" : "");
        ck_assert_int_eq(out[size], 'z');
    }
    pal_error e = {0};
    pal_error_set(&e, PAL_ERR_FORMAT, "%s: line\n2", "\x1b[2J");
    ck_assert_str_eq(e.text, "\\x1b[2J: line\\n2");
}
END_TEST

START_TEST(contexts_refuse_nonsense)
{
    ck_assert_ptr_null(
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .isa = "vax"}));
    ck_assert_ptr_null(
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 100000}));
    pal_context *c =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .isa = "baseline"});
    ck_assert_str_eq(pal_context_isa(c), "baseline");
    pal_context_free(c);
    pal_context_free(NULL);
}
END_TEST

Suite *shape_suite(void)
{
    Suite *s = suite_create("shape");
    TCase *t = tcase_create("shape");
    tcase_add_test(t, count_guards_overflow);
    tcase_add_test(t, broadcasting_is_numpys);
    tcase_add_test(t, text_never_overruns);
    tcase_add_test(t, tensors_own_or_borrow);
    tcase_add_test(t, statuses_have_texts);
    tcase_add_test(t, texts_are_cleaned);
    tcase_add_test(t, contexts_refuse_nonsense);
    suite_add_tcase(s, t);
    return s;
}
