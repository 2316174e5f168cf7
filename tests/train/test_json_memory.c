/* test_json_memory.c - lets each allocation for a value of JSON fail in turn, and reads texts with mistakes. That a run
 * survives such failures is in test_rundir.c. */
#include <jansson.h>

#include "tests/testing.h"
#include "train/json_text.h"

Suite *json_memory_suite(void);

static struct {
    long left; /* this many allocations are good */
    bool once; /* only the next one fails; else every one after it */
    bool failed;
} memory;

static void *allocate(size_t size)
{
    const bool bad = memory.once ? memory.left == 0 : memory.left <= 0;
    memory.left--;
    memory.failed |= bad;
    return bad ? NULL : malloc(size);
}

static void fail_after(long n, bool once)
{
    memory.left = n;
    memory.once = once;
    memory.failed = false;
    json_set_alloc_funcs(allocate, free);
}

static bool failed(void)
{
    json_set_alloc_funcs(malloc, free);
    return memory.failed;
}

/* Ends a loop over the failures: the first run without one. */
typedef bool one(void); /* makes one attempt; whether it was successful */
static void each_failure(one attempt)
{
    for (int once = 0; once < 2; once++)
        for (long n = 0;; n++) {
            ck_assert_int_lt(n, 2000);
            fail_after(n, once);
            const bool good = attempt();
            if (!failed()) {
                ck_assert(good && n > 5);
                break;
            }
        }
}

/* A text is read as it is, or not at all, and so it is written. */
static bool copy_text(void)
{
    static const char text[] = "{\"a name that is longer than sixteen letters\":[1,-2.5,\"\\\"a text that is longer, "
                               "too\\\"\",true,false,null,{}],\"b\":\"\\u00e9\\ud83d\\ude00\"}";
    const char *wrong;
    json_t *value = palt__json_load(text, sizeof text - 1, NULL, &wrong);
    if (!value) ck_assert_ptr_null(wrong);
    char *written = value ? palt__json_dump(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    const bool good = written != NULL;
    if (good)
        ck_assert_str_eq(written,
                         "{\"a name that is longer than sixteen letters\":[1,-2.5,\"\\\"a text that is longer, "
                         "too\\\"\",true,false,null,{}],\"b\":\"\\u00E9\\uD83D\\uDE00\"}");
    free(written);
    json_decref(value);
    return good;
}

START_TEST(a_text) { each_failure(copy_text); }
END_TEST

/* What is not JSON, or is nested too deeply, is refused with the reason. */
START_TEST(mistakes)
{
    static const struct {
        const char *text, *says;
    } cases[] = {{"", "a value is missing"},
                 {"{\"a\":1,}", "a text in quotes is missing"},
                 {"[1,]", "a value is missing"},
                 {"[1 2]", "no comma and no ]"},
                 {"{\"a\" 1}", "a colon is missing"},
                 {"{\"a\":1,\"a\":2}", "twice"},
                 {"[01]", "a number is not valid"},
                 {"[1.]", "a number is not valid"},
                 {"[-]", "a number is not valid"},
                 {"[1e400]", "too large"},
                 {"[9223372036854775808]", "too large"},
                 {"[nul]", "an unknown word"},
                 {"[\"\\x\"]", "an escape"},
                 {"[\"\\u0000\"]", "an escape"},
                 {"[\"\\ud800\"]", "an escape"},
                 {"[\"\\udc00\"]", "an escape"},
                 {"[\"\\ud800\\u0041\"]", "an escape"},
                 {"[\"\\u12\"]", "an escape"},
                 {"[\"\n\"]", "a control character"},
                 {"[\"\xff\"]", "not UTF-8"},
                 {"[\"\xc0\x80\"]", "not UTF-8"},
                 {"[\"\xed\xa0\x80\"]", "not UTF-8"},
                 {"[\"\xf4\x90\x80\x80\"]", "not UTF-8"},
                 {"[\"\xe2\x82\"]", "not UTF-8"},
                 {"[\"a", "a text has no end"},
                 {"[] 1", "something comes after the end"},
                 {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested too deeply"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *wrong = NULL;
        /* Nothing is read beyond the end: the copy has no zero there. */
        const size_t size = strlen(cases[i].text);
        char *copy = malloc(size ? size : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, cases[i].text, size);
        ck_assert_ptr_null(palt__json_load(copy, size, NULL, &wrong));
        ck_assert_msg(wrong && strstr(wrong, cases[i].says), "%s: %s", cases[i].text, wrong ? wrong : "no memory");
        free(copy);
    }
}
END_TEST

Suite *json_memory_suite(void)
{
    Suite *suite = suite_create("json_memory");
    add_case(suite, "failures", NULL, NULL, TESTS(a_text, mistakes));
    return suite;
}
