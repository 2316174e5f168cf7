/* target_json.c - JSON. A text is accepted if and only if jansson accepts it, and then it is the same value; except
 * that the project's reader also refuses what is deeper than 32 levels or has a number of more than 127 letters. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/json.h"
#include "train/json_text.h"

static bool is_limit(const char *wrong)
{
    static const char *const limits[] = {"it is nested too deeply", "a number has more than 127 letters"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!strcmp(wrong, limits[i])) return true;
    return false;
}

static void run(const uint8_t *data, size_t size)
{
    const char *wrong = NULL;
    int line = 0, lines = 1;
    json_error_t why;
    json_t *own = palt__json_load((const char *)data, size, &line, &wrong);
    json_t *other = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    for (size_t i = 0; i < size; i++) lines += data[i] == '\n';
    fuzz_require(own || wrong, "no value, and no reason");
    fuzz_require(line >= 1 && line <= lines, "line %d of %d", line, lines);
    const bool zero = size && memchr(data, 0, size); /* jansson takes a zero byte for the end of the text */
    if (!own) fuzz_require(!other || zero || is_limit(wrong), "refused (%s), but it is JSON", wrong);
    if (own) fuzz_require(other, "accepted, but it is not JSON: %s", why.text);
    if (own) fuzz_require(json_equal(own, other), "another value");
    if (own) {
        fuzz_accept();
        char *text = palt__json_dump(own, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
        fuzz_require(text, "no text");
        json_t *again = palt__json_load(text, strlen(text), NULL, &wrong);
        fuzz_require(again && json_equal(own, again), "another value after writing it");
        json_decref(again);
        free(text);
    }
    json_decref(own);
    json_decref(other);
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", "\"", ":", ",", "null", "true", "false", "\\u0000", "\\ud834\\udd1e", "\\ud800", "\\udc00", "\\u00e9",
    "\\n", "\\\"", "\\\\", "\\/", "\\x", "\xc3\xa9", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xc0\x80", "\xf4\x90\x80\x80", "1e5",
    "1E+5", "-0", "-0.0", "1.", ".5", "01", "1e999", "1e-999", "9223372036854775808", " ", "\t", "\r", "\f", "[[[[[[[[", "]]]]]]]]",
    "\"a\":1", "{\"a\":{\"b\":[1,2]}}", NULL,
};
static const char *const names[] = {"a", "b", "", "\xc3\xa9", "a\"b", "a\\b", "\n", "long name with blanks", NULL};
/* clang-format on */

static void change(fuzz_bytes *b, uint64_t *rng)
{
    if (!fuzz_json_change_text(b, fuzz_chance(rng, 2) ? JSON_COMPACT : JSON_INDENT(1) | JSON_ENSURE_ASCII, names, names,
                               rng))
        fuzz_change_bytes(b, words, rng);
}

static void seeds(fuzz_seeds *to)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "-1.5e3",
        "\"text\"",
        "[1, 2.5, \"a\", null, true, {\"b\": []}]",
        "{\"a\": {\"b\": {\"c\": [1, 2, 3]}}, \"d\": \"\\u00e9\\ud834\\udd1e\\n\"}",
        " { \"a\" : 1 ,\n \"b\" : 2 } ",
        "{\"a\": 1, \"a\": 2}",
        "[9223372036854775807, -9223372036854775808, 1e308, 5e-324, 0.1]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fuzz_seed_text(to, texts[i]);
}

const fuzz_target target_json = {.name = "json",
                                 .summary = "JSON, beside jansson",
                                 .words = words,
                                 .most = 2048,
                                 .base = 1 << 17,
                                 .factor = 512,
                                 .seeds = seeds,
                                 .run = run,
                                 .change = change};
