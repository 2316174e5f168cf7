/* test_refusals.c - bad arguments to every public function of autograd.h, operation.h, gradcheck.h and ops.h: bad
 * handles, NULL, names that are too long, data that is not aligned. Each call must return an error, or the result that
 * is documented for such an argument, and must not crash. The calls are the rows of operand_calls.def and
 * argument_calls.def; tests/tree/refusals.sh fails if a function of the headers has no row. */
#include "autograd/communicator.h"
#include "autograd/wiring.h"
#include "tests/testing.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { VALUES = 5, LONGEST = 511 };

static pal_context *c;
static pal_tape *t, *other, *empty;
static pal_mark start, other_start;
static pal_var stale;

/* ---- Operands: what a letter of operand_calls.def stands for -------------------------------------------------- */

static const struct {
    char letter;
    pal_dtype dtype;
    pal_shape shape;
} operands[] = {
    {'m', PAL_F64, {2, {4, 4}}},       {'w', PAL_F64, {2, {4, 4}}},    {'v', PAL_F64, {1, {4}}},
    {'s', PAL_F64, {0, {0}}},          {'t', PAL_F64, {3, {4, 4, 4}}}, {'i', PAL_I32, {2, {4, 4}}},
    {'j', PAL_I32, {1, {4}}},          {'b', PAL_BOOL, {2, {4, 4}}},   {'p', PAL_F64, {4, {2, 2, 3, 3}}},
    {'k', PAL_F64, {4, {2, 2, 2, 2}}}, {'c', PAL_F64, {1, {2}}},       {'d', PAL_F64, {1, {2}}},
};
enum { OPERANDS = sizeof operands / sizeof *operands };
static pal_tensor *tensors[OPERANDS];

static pal_tensor *tensor_of(char letter)
{
    for (size_t i = 0; i < OPERANDS; i++)
        if (operands[i].letter == letter) return tensors[i];
    ck_abort_msg("no operand is called %c", letter);
    return NULL;
}

/* h is a code that depends on m, y a scalar that depends on it. */
static pal_var operand(pal_tape *tape, char letter)
{
    if (letter >= 'A' && letter <= 'Z') letter = (char)(letter - 'A' + 'a');
    if (letter == 'h') return pal_sigmoid(pal_matmul(operand(tape, 'm'), operand(tape, 'w')));
    if (letter == 'y') return pal_sum_all(operand(tape, 'h'));
    return pal_leaf(tape, tensor_of(letter), (const char[]){letter, 0});
}

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    other = pal_tape_new(c, PAL_F64);
    empty = pal_tape_new(c, PAL_F64);
    for (size_t i = 0; i < OPERANDS; i++) {
        tensors[i] = pal_tensor_new(c, operands[i].dtype, operands[i].shape);
        operand(t, operands[i].letter);
        operand(other, operands[i].letter);
    }
    start = pal_tape_mark(t);
    other_start = pal_tape_mark(other);
    stale = pal_exp(operand(t, 'm'));
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tape_free(other);
    pal_tape_free(empty);
    for (size_t i = 0; i < OPERANDS; i++) pal_tensor_free(tensors[i]);
    pal_context_free(c);
}

static void reset(void)
{
    pal_tape_rewind(t, start);
    pal_tape_rewind(other, other_start);
    ck_assert_tape_ok(t);
    ck_assert_tape_ok(other);
}

static bool one_line(const char *text) { return text && *text && !strchr(text, '\n'); }

/* ---- Bad handles ---------------------------------------------------------------------------------------------- */

typedef struct call {
    const char *name, *operands;
    pal_var (*make)(const pal_var *v);
} call;

static const int64_t zeros[2] = {0, 0}, ones[2] = {1, 1};
static const pal_pool2d_options pool = {.struct_size = sizeof pool, .window = {2, 2}};

#define OPERATION(name, operands, expression)                                                                          \
    static pal_var call_##name(const pal_var *v)                                                                       \
    {                                                                                                                  \
        pal_var out[2];                                                                                                \
        (void)out;                                                                                                     \
        return expression;                                                                                             \
    }
#define UNARY(name, ...)                         OPERATION(name, "m", pal_##name(v[0]))
#define UNARY_P(name, P, sample, ...)            OPERATION(name, "m", pal_##name(v[0], sample))
#define UNARY_PQ(name, P, Q, first, second, ...) OPERATION(name, "m", pal_##name(v[0], first, second))
#define NOT(name, ...)                           OPERATION(name, "b", pal_##name(v[0]))
#define STEP                                     UNARY
#define PREDICATE                                UNARY
#define LOGICAL(name, ...)                       OPERATION(name, "bb", pal_##name(v[0], v[1]))
#define ROW(name)                                OPERATION(name, "mm", pal_##name(v[0], v[1]))
#include "ops/elementwise.def"
#include "tests/ops/operand_calls.def"

#define OPERATION(name, operands, expression) {#name, operands, call_##name},
static const call calls[] = {
#define UNARY(name, ...)    OPERATION(name, "m", )
#define UNARY_P(name, ...)  OPERATION(name, "m", )
#define UNARY_PQ(name, ...) OPERATION(name, "m", )
#define NOT(name, ...)      OPERATION(name, "b", )
#define STEP                UNARY
#define PREDICATE           UNARY
#define LOGICAL(name, ...)  OPERATION(name, "bb", )
#define ROW(name)           OPERATION(name, "mm", )
#include "ops/elementwise.def"
#include "tests/ops/operand_calls.def"
};

enum { STALE, BAD, FOREIGN, NONE, KINDS };
static const char *const kinds[KINDS] = {"stale", "bad", "of another tape", "of no tape"};

static pal_var bad_handle(int kind, char letter)
{
    return kind == STALE     ? stale
           : kind == BAD     ? (pal_var){.tape = t}
           : kind == FOREIGN ? operand(other, letter)
                             : (pal_var){0};
}

/* A handle of another tape alone is a good one, and id 0 stands for an operand that is left out. */
static bool applies(const call *row, int kind, size_t k)
{
    bool optional = row->operands[k] >= 'A' && row->operands[k] <= 'Z';
    return !(kind == FOREIGN && !row->operands[1]) && !(optional && (kind == BAD || kind == NONE));
}

static void check_handle(const call *row, int kind, size_t k)
{
    pal_var v[VALUES];
    reset();
    for (size_t i = 0; row->operands[i]; i++) v[i] = operand(t, row->operands[i]);
    v[k] = bad_handle(kind, row->operands[k]);
    pal_var result = row->make(v);
    ck_assert_msg(!pal_ok(result), "%s: operand %zu is %s, and the result is good", row->name, k + 1, kinds[kind]);
    if (kind == NONE && !row->operands[1]) return; /* there is no tape that could keep an error */
    ck_assert_msg(one_line(pal_tape_error(t)), "%s: operand %zu is %s, and the tape has no error", row->name, k + 1,
                  kinds[kind]);
    if (kind == FOREIGN)
        ck_assert_msg(pal_tape_error(other), "%s: operand %zu is %s, which has no error", row->name, k + 1,
                      kinds[kind]);
}

START_TEST(good_handles_are_accepted)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        pal_var v[VALUES];
        reset();
        for (size_t k = 0; calls[i].operands[k]; k++) v[k] = operand(t, calls[i].operands[k]);
        ck_assert_msg(pal_ok(calls[i].make(v)), "%s: %s", calls[i].name, pal_tape_error(t));
        ck_assert_tape_ok(t);
    }
}
END_TEST

START_TEST(bad_handles_are_errors)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t k = 0; calls[i].operands[k]; k++)
            for (int kind = 0; kind < KINDS; kind++)
                if (applies(&calls[i], kind, k)) check_handle(&calls[i], kind, k);
}
END_TEST

/* ---- Bad arguments -------------------------------------------------------------------------------------------- */

static pal_var body(pal_tape *tape, pal_var k, void *user)
{
    return user ? *(const pal_var *)user : pal_exp(operand(tape, 'm'));
}
static pal_var build(pal_tape *tape, const pal_var *in, const void *user) { return pal_exp(in[0]); }
static void task(void *argument, size_t i, unsigned worker) { ck_abort_msg("no task may run"); }

static void refused(const char *what, pal_var result)
{
    ck_assert_msg(!pal_ok(result), "%s is accepted", what);
    ck_assert_msg(one_line(pal_tape_error(t)), "%s: no error of one line: %s", what, pal_tape_error(t));
}

static void fails(const char *what, pal_status status)
{
    ck_assert_msg(status != PAL_OK, "%s is accepted", what);
    ck_assert_msg(one_line(pal_tape_error(t)), "%s: no error of one line: %s", what, pal_tape_error(t));
}

/* Tensors whose data begins one byte after an aligned address. */
static void make_crooked(pal_tensor **crooked)
{
    static _Alignas(16) char room[PAL_DTYPE_COUNT][64];
    for (int d = 0; d < PAL_DTYPE_COUNT; d++) crooked[d] = pal_tensor_wrap(c, (pal_dtype)d, PAL_SHAPE(4), room[d] + 1);
}

/* clang-format off */
#define REFUSED(function, call) reset(); refused(#call, call);
#define FAILS(function, call)   reset(); fails(#call, call);
#define HOLDS(function, truth)  reset(); ck_assert_msg(truth, "%s does not hold", #truth);
#define STREAM(function, call)                                                                                         \
    for (size_t i_ = 0; i_ < 3; i_++) {                                                                                \
        const char *name = i_ ? i_ == 1 ? "" : longer : NULL;                                                          \
        reset(), refused(#call, call);                                                                                 \
    }                                                                                                                  \
    { const char *name = longest; reset(); ck_assert_msg(pal_ok(call), "%s: %s", #call, pal_tape_error(t)); }
/* clang-format on */

START_TEST(bad_arguments_are_errors)
{
    char longest[LONGEST + 1] = "", longer[LONGEST + 2] = "", long_text[LONGEST + 40];
    memset(longest, 'a', LONGEST);
    memset(longer, 'a', LONGEST + 1);
    snprintf(long_text, sizeof long_text, "%%1 = leaf f64[] \"%s\"\nreturn %%1\n", longer);
    reset();
    pal_tensor *tensor = pal_tensor_new(c, PAL_F64, PAL_SHAPE(4, 4)), *leaf = tensor_of('m'), *crooked[PAL_DTYPE_COUNT];
    make_crooked(crooked);
    pal_var x = operand(t, 'm'), s = operand(t, 's'), foreign = operand(other, 'm'), out[2] = {{0}};
    pal_var y = pal_sum_all(x);
    start = pal_tape_mark(t);
    pal_program *program = pal_compile(t, &y, 1, NULL);
    ck_assert_ptr_nonnull(program);
    pal_error err;
    pal_gradcheck_report report;
    pal_case one_case;
    pal_communicator *peer;
    uint32_t words[2];
    double reals[16];
    const size_t none = 0;
    const char *volatile nothing = NULL;
#include "tests/ops/argument_calls.def"
    pal_program_free(program);
    pal_tensor_free(tensor);
    for (int d = 0; d < PAL_DTYPE_COUNT; d++) pal_tensor_free(crooked[d]);
}
END_TEST

Suite *refusals_suite(void)
{
    Suite *suite = suite_create("refusals");
    add_case(suite, "refusals", setup, teardown,
             TESTS(good_handles_are_accepted, bad_handles_are_errors, bad_arguments_are_errors));
    return suite;
}
