/* target_options.c - values of options. An accepted number is in the range of its option and equals itself; an accepted
 * word is one of the choices.
 *
 * An input is the number of a variant, the number of its option, and the text of the value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/internal.h"
#include "tests/fuzz/fuzz.h"

static const pal_option *option_of(const uint8_t *data)
{
    size_t variants = 0, options = 0;
    while (pal_variant_at(variants)) variants++;
    const pal_variant *variant = pal_variant_at(data[0] % variants);
    while (pal_variant_option(variant, options)) options++;
    return pal_variant_option(variant, data[1] % options);
}

static void check_list(const pal_option *o, const char *text)
{
    double list[PAL_OPTION_LIST];
    const size_t n = pal__list_parse(text, list);
    size_t commas = *text != 0;
    for (const char *c = text; *c; c++) commas += *c == ',';
    fuzz_require(n == commas, "%s: %zu numbers in \"%s\"", o->name, n, text);
    for (size_t i = 0; i < n; i++)
        fuzz_require(list[i] >= o->low && list[i] <= o->high, "%s: %g was accepted", o->name, list[i]);
}

static void run(const uint8_t *data, size_t size)
{
    char text[512];
    if (size < 2) return;
    memcpy(text, data + 2, size - 2);
    text[size - 2] = 0;
    const pal_option *o = option_of(data);
    double value = 0;
    pal_error err = {0};
    const pal_status status = pal__option_parse(o, text, &value, &err);
    fuzz_require(status == pal_option_check(o, text, NULL), "the check says something else");
    fuzz_outcome(status == PAL_OK, &err);
    if (status != PAL_OK) return;
    fuzz_require(pal_option_equal(o, text, text), "%s: %s does not equal itself", o->name, text);
    if (o->type == PAL_OPTION_INT || o->type == PAL_OPTION_REAL) {
        char *end;
        fuzz_require(value >= o->low && value <= o->high, "%s: %g was accepted", o->name, value);
        fuzz_require(value == strtod(text, &end) && !*end, "%s: %s is %.17g", o->name, text, value);
    }
    if (o->type == PAL_OPTION_SIZES || o->type == PAL_OPTION_REALS) check_list(o, text);
    if (o->type == PAL_OPTION_ENUM) fuzz_require(pal_choices_have(o->choices, text), "%s: no choice %s", o->name, text);
    fuzz_require(o->type != PAL_OPTION_NONE, "%s: there is no such option", o->name);
}

static const char *const words[] = {",", "yes", "no",    "true", "off", "relu", "+",
                                    "-", "e",   "1,2,3", "|",    " ",   "0x",   NULL};

static void change(fuzz_bytes *b, uint64_t *rng)
{
    if (b->size < 2) return;
    if (fuzz_chance(rng, 3)) b->data[fuzz_below(rng, 2)] = (uint8_t)fuzz_random(rng);
    const pal_option *o = option_of(b->data);
    const char *text = fuzz_chance(rng, 2) ? fuzz_number(rng) : o->choices ? o->choices : o->value;
    size_t n = strlen(text), at = 0;
    if (text == o->choices && !fuzz_chance(rng, 4)) {
        at = fuzz_below(rng, n);
        while (at && text[at - 1] != '|') at--;
        n = strcspn(text + at, "|");
    }
    const bool more = b->size > 2 && fuzz_chance(rng, 3);
    if (more) fuzz_splice(b, b->size, 0, ",", 1);
    fuzz_splice(b, more ? b->size : 2, more ? 0 : b->size, text + at, n);
}

static void seeds(fuzz_seeds *to)
{
    const pal_variant *variant;
    const pal_option *o;
    for (size_t i = 0; (variant = pal_variant_at(i)); i++)
        for (size_t k = 0; (o = pal_variant_option(variant, k)); k++) {
            uint8_t one[256] = {(uint8_t)i, (uint8_t)k};
            const size_t n = o->value ? strlen(o->value) : 0;
            if (n) memcpy(one + 2, o->value, n);
            if (i < 8 || k > 8) fuzz_seed(to, one, 2 + n);
        }
}

const fuzz_target target_options = {.name = "options",
                                    .summary = "values of options",
                                    .words = words,
                                    .most = 500,
                                    .base = 1 << 16,
                                    .factor = 16,
                                    .seeds = seeds,
                                    .run = run,
                                    .change = change};
