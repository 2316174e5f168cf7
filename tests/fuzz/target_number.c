/* target_number.c - decimal numbers in text tables. A number that is accepted has the bits that the C library gives for
 * the same letters. The first byte says which decimal mark there is. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "data/internal.h"
#include "tests/fuzz/fuzz.h"

static locale_t plain;

static void open_locale(void) { plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); }
static void close_locale(void) { freelocale(plain); }

static void run(const uint8_t *data, size_t size)
{
    char text[512], *end;
    if (!size) return;
    const char point = data[0] % 2 ? ',' : '.';
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    double value = 0;
    const char *stop = palt__number_parse(text, point, plain, &value);
    if (!stop) return;
    fuzz_accept();
    fuzz_require(stop > text && stop <= text + strlen(text), "an end outside the text");
    for (char *mark = strchr(text, point); mark && mark < stop; mark = NULL) *mark = '.';
    *(char *)(uintptr_t)stop = 0;
    const double expected = strtod_l(text, &end, plain);
    fuzz_require(end == stop, "%s: ends at another place", text);
    fuzz_require(!memcmp(&expected, &value, sizeof value), "%s: is %.17g, not %.17g", text, expected, value);
}

static size_t number(uint8_t *out, uint64_t *rng)
{
    size_t at = 0;
    out[at++] = (uint8_t)fuzz_below(rng, 2);
    const uint8_t point = out[0] ? ',' : '.';
    if (fuzz_chance(rng, 3)) out[at++] = fuzz_chance(rng, 4) ? '+' : '-';
    for (size_t i = fuzz_below(rng, fuzz_chance(rng, 3) ? 25 : 5); i; i--)
        out[at++] = (uint8_t)('0' + fuzz_below(rng, 10));
    if (!fuzz_chance(rng, 3)) out[at++] = point;
    for (size_t i = fuzz_below(rng, fuzz_chance(rng, 3) ? 25 : 5); i; i--)
        out[at++] = (uint8_t)('0' + fuzz_below(rng, 10));
    if (fuzz_chance(rng, 2))
        at += (size_t)snprintf((char *)out + at, 8, "e%d", (int)fuzz_below(rng, fuzz_chance(rng, 2) ? 700 : 50) - 330);
    return at;
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[80];
    fuzz_splice(b, 0, b->size, whole, number(whole, rng));
}

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[80];
    uint64_t rng = 5;
    for (int i = 0; i < 64; i++) fuzz_seed(to, whole, number(whole, &rng));
    fuzz_seed_text(to, "012345678901234567890123456789.5e-10");
    fuzz_seed_text(to, "11,5e3");
}

const fuzz_target target_number = {.name = "number",
                                   .summary = "decimal numbers",
                                   .most = 500,
                                   .base = 1 << 16,
                                   .factor = 64,
                                   .open = open_locale,
                                   .close = close_locale,
                                   .seeds = seeds,
                                   .run = run,
                                   .change = change};
