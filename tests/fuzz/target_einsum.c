/* target_einsum.c - Einstein sums. A specification that is accepted gives the same numbers as loops over all letters.
 * The operands have whole numbers, so that every order of the sum is exact.
 *
 * An input is the number of axes and the lengths of the axes of both operands, then the specification. */
#include <string.h>

#include "ops/ops.h"
#include "tests/fuzz/fuzz.h"

enum { LENGTHS = 14, SPEC = 64 };
static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static pal_tensor *operand(const uint8_t *lengths, int begin)
{
    pal_shape shape = {.rank = lengths[0] % (PAL_MAX_RANK + 1)};
    for (int32_t axis = 0; axis < shape.rank; axis++) shape.dim[axis] = lengths[1 + axis] % 4;
    pal_tensor *t = pal_tensor_new(context, PAL_F64, shape);
    fuzz_require(t, "no operand");
    for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, (double)((int)(i * 7 % 11) + begin));
    return t;
}

/* The element of t whose indices are those of its letters. */
static double element(const pal_tensor *t, const char *letters, const int *index)
{
    size_t at = 0;
    for (int32_t axis = 0; axis < t->shape.rank; axis++)
        at = at * (size_t)t->shape.dim[axis] + (size_t)index[(unsigned char)letters[axis]];
    return pal_tensor_get(t, at);
}

/* Counts on: false after the last combination of indices. */
static bool next(int *index, const int64_t *length, const char *letters)
{
    for (size_t i = strlen(letters); i--;) {
        const unsigned char letter = (unsigned char)letters[i];
        if (++index[letter] < length[letter]) return true;
        index[letter] = 0;
    }
    return false;
}

static void check(const char *spec, const pal_tensor *const in[2], const double *out, pal_shape shape)
{
    char part[3][16] = {"", "", ""}, letters[40] = "";
    size_t n = 0;
    for (const char *c = spec; *c; c++) { /* the accepted text has letters, blanks, one comma and one arrow */
        if (*c == ',') n = 1;
        if (*c == '>') n = 2;
        const size_t end = strlen(part[n]);
        const bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        fuzz_require(letter || strchr(",-> ", *c), "%s: \"%c\" was accepted", spec, *c);
        if (letter && end < 15) part[n][end] = *c;
    }
    for (char c = 'A'; n < 2 && c <= 'z'; c++) /* without an arrow: the letters of one operand alone, sorted */
        if (!strchr(part[0], c) != !strchr(part[1], c)) part[2][strlen(part[2])] = c;
    int index[128] = {0};
    int64_t length[128] = {0};
    for (int o = 0; o < 2; o++) {
        fuzz_require(strlen(part[o]) == (size_t)in[o]->shape.rank, "%s: another number of axes", spec);
        for (int32_t axis = 0; axis < in[o]->shape.rank; axis++) {
            const char letter = part[o][axis];
            length[(unsigned char)letter] = in[o]->shape.dim[axis];
            if (!strchr(letters, letter)) letters[strlen(letters)] = letter;
        }
    }
    fuzz_require(strlen(part[2]) == (size_t)shape.rank, "%s: another number of axes of the result", spec);
    size_t count = 1;
    for (int32_t axis = 0; axis < shape.rank; axis++) {
        fuzz_require(shape.dim[axis] == length[(unsigned char)part[2][axis]], "%s: another length", spec);
        count *= (size_t)shape.dim[axis];
    }
    static double sum[4096];
    if (count > 4096) return;
    memset(sum, 0, count * sizeof *sum);
    int64_t turns = 1;
    for (const char *c = letters; *c; c++) turns *= length[(unsigned char)*c];
    if (turns > 20000) return;
    bool any = turns > 0;
    while (any) {
        size_t at = 0;
        for (int32_t axis = 0; axis < shape.rank; axis++)
            at = at * (size_t)shape.dim[axis] + (size_t)index[(unsigned char)part[2][axis]];
        sum[at] += element(in[0], part[0], index) * element(in[1], part[1], index);
        any = next(index, length, letters);
    }
    for (size_t i = 0; i < count; i++)
        fuzz_require(sum[i] == out[i], "%s: element %zu is %g, not %g", spec, i, out[i], sum[i]);
}

static void run(const uint8_t *data, size_t size)
{
    char spec[SPEC + 1] = "";
    static double out[4096];
    if (size < LENGTHS) return;
    const size_t n = size - LENGTHS < SPEC ? size - LENGTHS : SPEC;
    memcpy(spec, data + LENGTHS, n);
    pal_tensor *t[2] = {operand(data, -5), operand(data + LENGTHS / 2, 1)};
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    pal_var v = pal_einsum(spec, pal_leaf(tape, t[0], "a"), pal_leaf(tape, t[1], "b"));
    if (pal_ok(v)) {
        fuzz_accept();
        const pal_shape shape = pal_shape_of(v);
        if (pal_shape_count(shape) <= 4096) {
            fuzz_require(pal_eval(v, out) == PAL_OK, "%s: %s", spec, pal_tape_error(tape));
            check(spec, (const pal_tensor *const[]){t[0], t[1]}, out, shape);
        }
    } else {
        const char *why = pal_tape_error(tape);
        fuzz_require(why && *why && !strpbrk(why, "\n\r"), "the error is not one line");
    }
    pal_tape_free(tape);
    pal_tensor_free(t[0]);
    pal_tensor_free(t[1]);
}

/* A valid specification of random letters: both operands have the right number of axes, and equal letters have equal
 * lengths. */
static size_t valid(uint8_t *out, uint64_t *rng)
{
    static const char alphabet[] = "ijklXz";
    char part[3][8] = {"", "", ""};
    uint8_t length[6];
    for (int i = 0; i < 6; i++) length[i] = (uint8_t)(fuzz_chance(rng, 20) ? 0 : 1 + fuzz_below(rng, 3));
    for (int o = 0; o < 3; o++)
        for (size_t n = fuzz_below(rng, 5); n; n--) {
            const char letter = alphabet[fuzz_below(rng, 6)];
            const bool known = o < 2 || strchr(part[0], letter) || strchr(part[1], letter);
            if (!strchr(part[o], letter) && known) part[o][strlen(part[o])] = letter;
        }
    for (int o = 0; o < 2; o++) {
        uint8_t *to = out + o * LENGTHS / 2;
        memset(to, 1, LENGTHS / 2);
        to[0] = (uint8_t)strlen(part[o]);
        for (size_t a = 0; part[o][a]; a++) to[1 + a] = length[strchr(alphabet, part[o][a]) - alphabet];
    }
    return LENGTHS + (size_t)snprintf((char *)out + LENGTHS, 32, "%s,%s->%s", part[0], part[1], part[2]);
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    uint8_t whole[64];
    fuzz_splice(b, 0, b->size, whole, valid(whole, rng));
    if (fuzz_chance(rng, 3)) fuzz_change_bytes(b, NULL, rng);
}

static const char *const words[] = {"->", ",", "i", "j", "ij", "jk", "-", ">", " ", "...", "1", "\xc3\xa9", NULL};

static void seeds(fuzz_seeds *to)
{
    uint8_t whole[64];
    uint64_t rng = 7;
    for (int i = 0; i < 64; i++) fuzz_seed(to, whole, valid(whole, &rng));
}

const fuzz_target target_einsum = {.name = "einsum",
                                   .summary = "Einstein sums",
                                   .words = words,
                                   .most = LENGTHS + SPEC,
                                   .base = 16 << 20,
                                   .factor = 1,
                                   .open = open_context,
                                   .close = close_context,
                                   .seeds = seeds,
                                   .run = run,
                                   .change = change};
