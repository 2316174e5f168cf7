/* change.c - random changes of an input. */
#include <string.h>

#include "tests/fuzz/fuzz.h"

uint64_t fuzz_random(uint64_t *rng)
{
    uint64_t z = *rng += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void fuzz_splice(fuzz_bytes *b, size_t at, size_t old, const void *piece, size_t n)
{
    if (at > b->size) at = b->size;
    if (old > b->size - at) old = b->size - at;
    if (b->size - old + n > b->room) return;
    memmove(b->data + at + n, b->data + at + old, b->size - at - old);
    memcpy(b->data + at, piece, n);
    b->size += n - old;
}

/* clang-format off */
const char *fuzz_number(uint64_t *rng)
{
    static const char *const numbers[] = {
        "0", "1", "2", "3", "4", "7", "-1", "-2", "10", "63", "64", "65", "127", "128", "255", "256", "1000", "32767",
        "65535", "65536", "1000000", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296",
        "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "18446744073709551615", "18446744073709551616", "0.5", "1e-3", "-0.0", "0.1", "1e300", "1e308", "1e309",
        "-1e308", "5e-324", "1e-400", "3.4028235e38", "3.4028236e38", "1.17549435e-38", "nan", "inf", "-inf", "1e",
        "00", "+1", ".5", "5.", "0x10", "1e+5", "1E5", "99999999999999999999999999999999",
    };
    return numbers[fuzz_below(rng, sizeof numbers / sizeof *numbers)];
}
/* clang-format on */

const char *fuzz_word(const char *const *words, uint64_t *rng)
{
    size_t n = 0;
    while (words && words[n]) n++;
    return n ? words[fuzz_below(rng, n)] : fuzz_number(rng);
}

/* ---- Single changes ------------------------------------------------------------------------------------------- */

static void bit(fuzz_bytes *b, uint64_t *rng)
{
    if (b->size) b->data[fuzz_below(rng, b->size)] ^= (uint8_t)(1u << fuzz_below(rng, 8));
}

static void byte(fuzz_bytes *b, uint64_t *rng)
{
    if (b->size) b->data[fuzz_below(rng, b->size)] = (uint8_t)fuzz_random(rng);
}

/* A binary number of 1, 2, 4 or 8 bytes becomes one near a limit. */
static void integer(fuzz_bytes *b, uint64_t *rng)
{
    const size_t width = (size_t)1 << fuzz_below(rng, 4);
    if (b->size < width) return;
    const uint64_t kinds[] = {0,
                              1,
                              UINT64_MAX,
                              (uint64_t)1 << (8 * width - 1),
                              ((uint64_t)1 << (8 * width - 1)) - 1,
                              b->size,
                              (uint64_t)1 << fuzz_below(rng, 64),
                              fuzz_below(rng, 64)};
    uint64_t value = kinds[fuzz_below(rng, 8)] + (fuzz_chance(rng, 2) ? fuzz_below(rng, 5) - 2 : 0);
    const size_t at = fuzz_below(rng, b->size - width + 1);
    const bool big = fuzz_chance(rng, 2);
    for (size_t i = 0; i < width; i++, value >>= 8) b->data[at + (big ? width - 1 - i : i)] = (uint8_t)value;
}

static void cut(fuzz_bytes *b, uint64_t *rng) { b->size = fuzz_below(rng, b->size + 1); }

static void take_out(fuzz_bytes *b, uint64_t *rng)
{
    if (b->size)
        fuzz_splice(b, fuzz_below(rng, b->size), 1 + fuzz_below(rng, fuzz_chance(rng, 4) ? b->size : 8), "", 0);
}

static void repeat(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t piece[256];
    if (!b->size) return;
    const size_t from = fuzz_below(rng, b->size), left = b->size - from;
    const size_t n = 1 + fuzz_below(rng, left < sizeof piece ? left : sizeof piece);
    memcpy(piece, b->data + from, n);
    const bool over = fuzz_chance(rng, 2);
    fuzz_splice(b, fuzz_below(rng, b->size + 1), over ? n : 0, piece, n);
}

static void insert_random(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t piece[8];
    const size_t n = 1 + fuzz_below(rng, sizeof piece);
    for (size_t i = 0; i < n; i++) piece[i] = (uint8_t)fuzz_random(rng);
    fuzz_splice(b, fuzz_below(rng, b->size + 1), 0, piece, n);
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static void number(fuzz_bytes *b, uint64_t *rng)
{
    size_t from = fuzz_below(rng, b->size + 1);
    while (from < b->size && !is_digit(b->data[from])) from++;
    size_t to = from;
    while (to < b->size && is_digit(b->data[to])) to++;
    const char *text = fuzz_number(rng);
    if (to > from) fuzz_splice(b, from, to - from, text, strlen(text));
}

static void digit(fuzz_bytes *b, uint64_t *rng)
{
    for (size_t i = fuzz_below(rng, b->size + 1); i < b->size; i++)
        if (is_digit(b->data[i])) {
            b->data[i] = (uint8_t)('0' + fuzz_below(rng, 10));
            return;
        }
}

void fuzz_change_bytes(fuzz_bytes *b, const char *const *words, uint64_t *rng)
{
    static void (*const kinds[])(fuzz_bytes * b, uint64_t * rng) = {bit,    byte,          integer, cut,  take_out,
                                                                    repeat, insert_random, number,  digit};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    const size_t kind = fuzz_below(rng, KINDS + 3);
    if (kind < KINDS) {
        kinds[kind](b, rng);
        return;
    }
    const char *word = fuzz_word(words, rng);
    fuzz_splice(b, fuzz_below(rng, b->size + 1), fuzz_chance(rng, 2) ? strlen(word) : 0, word, strlen(word));
}

void fuzz_change(const fuzz_target *target, fuzz_bytes *b, uint64_t *rng)
{
    const bool structured = target->change && !fuzz_chance(rng, 4);
    if (structured)
        for (size_t k = 1 + fuzz_below(rng, 2); k; k--) target->change(b, rng);
    if (!structured || fuzz_chance(rng, 4))
        for (size_t k = (size_t)1 << fuzz_below(rng, 4); k; k--) fuzz_change_bytes(b, target->words, rng);
}
