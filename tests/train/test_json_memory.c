/* test_json_memory.c - lets each allocation for a value of JSON fail in turn, while a run is made, read, continued and
 * ended: there is an error or the right result, and what was there is whole. */
#include <jansson.h>
#include <math.h>

#include "tests/files.h"
#include "tests/testing.h"
#include "train/json_text.h"
#include "train/train.h"

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

/* Long texts, names and numbers, so that every buffer has to grow. */
static const pal_setting settings[] = {{"hidden", "2"}, {"init", "uniform"}, {"output", "bernoulli"}};
static const pal_run_info plain = {.version = "1.2.3",
                                   .command = "palindrome train basic --data a/long/path/to/the/samples --hidden 2",
                                   .model = "basic",
                                   .settings = settings,
                                   .n_settings = 3,
                                   .data = "a name of data that is longer than any small buffer",
                                   .schedule = {.learning_rate = 0.1234567890123456},
                                   .epochs = 4};
static const pal_epoch first = {.epoch = 1, .step = 4, .train_loss = 0.12345678901, .error = 0.25, .phase = "head"},
                       second = {.epoch = 2, .step = 8, .train_loss = 0.02345678901, .error = NAN, .phase = "all"};

static const char *run(void) { return path_of("run"); }

static pal_rundir *make_run(void)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_new(run(), &plain, &err);
    ck_assert_msg(dir && !pal_rundir_add(dir, &first, &err), "%s", err.text);
    return dir;
}

static char *contents(const char *name, char out[8192])
{
    char path[2 * PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", run(), name);
    out[read_file(path, out, 8191)] = 0;
    return out;
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

static bool read_run(void)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_open(run(), &err);
    if (!dir) ck_assert_msg(err.status == PAL_ERR_MEMORY, "%d: %s", err.status, err.text);
    if (dir) {
        const pal_run_info *info = pal_rundir_info(dir);
        ck_assert_str_eq(info->command, plain.command);
        ck_assert_str_eq(info->data, plain.data);
        ck_assert(info->schedule.learning_rate == plain.schedule.learning_rate && info->n_settings == 3);
        ck_assert_uint_eq(pal_rundir_epoch_count(dir), 1);
        ck_assert_str_eq(pal_rundir_epoch(dir, 0)->phase, "head");
    }
    pal_rundir_free(dir);
    return dir != NULL;
}

START_TEST(reading)
{
    pal_rundir_free(make_run());
    each_failure(read_run);
}
END_TEST

/* Makes a run with memory, and without it adds an epoch and ends the run. */
static bool write_run(void)
{
    const long left = memory.left;
    const bool once = memory.once;
    char before[2][8192], after[8192];
    pal_error err = {0};
    failed();
    empty_folder();
    pal_rundir *dir = make_run();
    contents("run.json", before[0]);
    contents("metrics.jsonl", before[1]);
    const pal_train_result result = {.epochs = 2, .steps = 8, .train_loss = 0.02345678901};
    fail_after(left, once);
    const bool added = !pal_rundir_add(dir, &second, &err);
    const bool ended = added && !pal_rundir_finish(dir, "interrupted", "why", &result, &err);
    const bool none_left = failed();
    if (!ended) ck_assert_int_eq(err.status, PAL_ERR_MEMORY);
    pal_rundir_free(dir);
    if (!ended) ck_assert_str_eq(contents("run.json", after), before[0]);
    if (!added) ck_assert_str_eq(contents("metrics.jsonl", after), before[1]);
    dir = pal_rundir_open(run(), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), added ? 2 : 1);
    ck_assert_str_eq(pal_rundir_info(dir)->status, ended ? "interrupted" : "running");
    pal_rundir_free(dir);
    memory.failed = none_left;
    return ended;
}

START_TEST(writing) { each_failure(write_run); }
END_TEST

static bool new_run(void)
{
    pal_error err = {0};
    pal_rundir *dir = pal_rundir_new(run(), &plain, &err);
    if (!dir) ck_assert_msg(err.status == PAL_ERR_MEMORY, "%d: %s", err.status, err.text);
    pal_rundir_free(dir);
    ck_assert_int_eq(count_files(), dir ? 1 : 0); /* a folder that was made for nothing is removed */
    if (dir) empty_folder();
    return dir != NULL;
}

START_TEST(making) { each_failure(new_run); }
END_TEST

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
    in_own_folder(add_case(suite, "failures", NULL, NULL, TESTS(reading, writing, making, a_text, mistakes)));
    return suite;
}
