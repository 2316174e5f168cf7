/* test_beginner.c - mistakes that one makes in a first variant: each is refused, in one line that says what to do. The
 * suite refused_models has others. No variant here is registered. */
#include "models/internal.h"
#include "tests/models/small_models.h"

Suite *beginner_suite(void);

static pal_var loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

#define LAMBDA                                                                                                         \
    {                                                                                                                  \
        "lambda", PAL_OPTION_REAL, "0.1", 0, 1e6, NULL, "weight"                                                       \
    }
static const pal_option options[] = {LAMBDA, {0}};

static const pal_variant good = {.struct_size = sizeof good,
                                 .name = "own",
                                 .summary = "of this test",
                                 .options = options,
                                 .encode = pal_encode_layers,
                                 .decode = pal_decode_layers,
                                 .loss = loss};

/* ---- Tables: refused when the variant is registered ----------------------------------------------------------- */

static void not_registered(const pal_variant *variant, const char *text)
{
    pal_error err = {0};
    ck_assert_int_eq(pal_variant_register(variant, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, text);
}

/* What lies behind a table without an end, as linkers place it: a variant, settings, needs. */
static const struct {
    pal_option rows[1];
    pal_variant behind;
} before_variant = {{LAMBDA}, {.struct_size = sizeof(pal_variant), .name = "own"}};
static const struct {
    pal_option rows[1];
    pal_setting behind[3];
} before_training = {{LAMBDA}, {{"optimizer", "adam"}, {"epochs", "3"}, {0}}};
static const struct {
    pal_setting rows[1];
    pal_option behind;
} training_before = {{{"optimizer", "adam"}}, LAMBDA};
static const struct {
    pal_need rows[1];
    pal_option behind;
} needs_before = {{{"lambda", "activation", "tanh"}}, LAMBDA};
static const struct {
    const char *rows[1];
    pal_variant behind;
} names_before = {{"lambda"}, {.struct_size = sizeof(pal_variant)}};

START_TEST(a_table_without_an_end)
{
    pal_variant own = good;
    own.options = before_variant.rows;
    not_registered(&own, "variant own: row 2 of .options is no row: end the table with {0}");
    own.options = before_training.rows;
    not_registered(&own, "variant own: row 2 of .options is no row: end the table with {0}");
    own = good;
    own.training = training_before.rows;
    not_registered(&own, "variant own: row 2 of .training is no row: end the table with {0}");
    own = good;
    own.needs = needs_before.rows;
    not_registered(&own, "variant own: row 2 of .needs is no row: end the table with {0}");
    own = good;
    own.of_variance = names_before.rows;
    not_registered(&own, "variant own: row 2 of .of_variance is no row: end the table with NULL");
}
END_TEST

START_TEST(a_row_of_options)
{
    static const struct {
        pal_option option;
        const char *text;
    } rows[] = {
        {LAMBDA, "variant own: the option lambda has two rows: leave one out"},
        {{"kind", PAL_OPTION_ENUM, "a", 0, 0, NULL, "h"},
         "variant own: the option kind has no choices: list them in .choices, such as \"a|b\""},
        {{"kind", PAL_OPTION_ENUM, "a", 0, 0, "a|b", NULL},
         "variant own: the option kind has no help: say in .help what it does"},
        {{"kind", PAL_OPTION_REAL, "1", 0, 0, NULL, "h"},
         "variant own: the option kind has no range: set .low and .high"},
        {{"kind", PAL_OPTION_REAL, "1", 2, 0, NULL, "h"},
         "variant own: the range of the option kind is 2 .. 0: swap them"},
        {{"kind", PAL_OPTION_REAL, NULL, 0, 1, NULL, "h"}, "variant own: the default of kind: \"\" is not a number"},
        {{"kind", PAL_OPTION_BOOL, "1.0", 0, 0, NULL, "h"},
         "variant own: the default of kind: \"1.0\" is not yes or no"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_option list[] = {options[0], rows[i].option, {0}};
        pal_variant own = good;
        own.options = list;
        not_registered(&own, rows[i].text);
    }
}
END_TEST

static bool no_phase(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase)
{
    (void)m, (void)i, (void)epochs, (void)phase;
    return true;
}

START_TEST(names_in_other_tables)
{
    pal_variant own = good;
    own.needs = (const pal_need[]){{"lamda", "activation", "tanh"}, {0}};
    not_registered(&own, "variant own: .needs names the option lamda, which the variant does not have");
    own.needs = (const pal_need[]){{"lambda", "aktivation", "tanh"}, {0}};
    not_registered(&own, "variant own: .needs names the option aktivation, which the variant does not have");
    own = good;
    own.of_variance = (const char *const[]){"lamda", NULL};
    not_registered(&own, "variant own: .of_variance names the option lamda, which the variant does not have");
    own = good;
    own.classify = pal_encode_layers;
    not_registered(&own, "variant own: .classify names the option classes, which the variant does not have");
}
END_TEST

/* The variants of the library keep the rules that others must keep: only their names are taken. */
START_TEST(the_library_itself)
{
    const pal_variant *v;
    size_t n = 0;
    for (; (v = pal_variant_at(n)); n++) {
        pal_error err = {0};
        ck_assert_msg(pal_variant_register(v, &err) == PAL_ERR_EXISTS, "%s", err.text);
    }
    ck_assert_uint_gt(n, 5);
}
END_TEST

/* ---- Functions: refused when a model is made ------------------------------------------------------------------ */

/* clang-format off */
static pal_var misspelt(pal_model *m, const pal_batch *b) { return pal_scale(loss(m, b), pal_option_real(m, "lamda")); }
static pal_var mistyped(pal_model *m, const pal_batch *b) { return pal_scale(loss(m, b), (double)pal_option_int(m, "lambda")); }
static pal_var of_training(pal_model *m, const pal_batch *b) { return pal_scale(loss(m, b), pal_option_real(m, "learning-rate")); }
static pal_var unlike(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_mean_all(pal_matmul(b->inputs, pal_encode_layers(m, b->inputs)))); }
static pal_var each(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_sum(b->inputs, 2, false)); }
static pal_var drawn_twice(pal_model *m, const pal_batch *b)
{
    pal_var u = pal_normal(b->inputs.tape, "n", PAL_SCALAR), v = pal_normal(b->inputs.tape, "n", PAL_SCALAR);
    return pal_add(loss(m, b), pal_mul(u, v));
}
static pal_var sized(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_mean_all(pal_reshape(b->inputs, PAL_SHAPE(128, 6)))); }
static pal_var labels(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_mean_all(b->labels)); }
static pal_var in_double(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_fill(b->inputs.tape, PAL_F32, PAL_SCALAR, 1)); }
static pal_var rows_noted(pal_model *m, const pal_batch *b) { return pal_add(loss(m, b), pal_model_note(m, "p", b->inputs)); }
static pal_var unscoped(pal_model *m, const pal_batch *b) { pal_scope_end(b->inputs.tape); pal_scope_end(b->inputs.tape); return loss(m, b); }
/* clang-format on */

/* A handle that is kept from the first call to the next, where it is a value of an older tape. */
static pal_var kept;
static pal_var keeps(pal_model *m, const pal_batch *b)
{
    if (!kept.id) kept = loss(m, b);
    return kept;
}
static pal_var adds_kept(pal_model *m, const pal_batch *b)
{
    if (!kept.id) kept = pal_mean_all(b->inputs);
    return pal_add(loss(m, b), pal_square(kept));
}
static pal_var decodes_kept(pal_model *m, pal_var h)
{
    if (!kept.id) kept = pal_decode_layers(m, h);
    return kept;
}

static pal_var one_axis(pal_model *m, pal_var x) { return pal_sum(pal_encode_layers(m, x), 2, false); }
static pal_var one_number(pal_model *m, pal_var x) { return pal_mean_all(pal_encode_layers(m, x)); }
static pal_var turned(pal_model *m, pal_var x) { return pal_transpose(pal_encode_layers(m, x)); }
static pal_distribution nothing(pal_model *m, pal_var x)
{
    (void)m, (void)x;
    return (pal_distribution){0};
}
static pal_distribution unknown(pal_model *m, pal_var x)
{
    return pal_distribution_layer(m, "q", x, pal_distribution_find("gauss"), 2);
}

#define KEPT " is a value of another tape: record it anew in each call, and keep no pal_var"
static const struct {
    pal_var (*loss)(pal_model *m, const pal_batch *b);
    pal_var (*encode)(pal_model *m, pal_var x);
    pal_var (*decode)(pal_model *m, pal_var h);
    pal_distribution (*posterior)(pal_model *m, pal_var x);
    bool (*phase)(const pal_model *m, size_t i, int64_t epochs, pal_phase *phase);
    const char *text;
} mistakes[] = {
    {.loss = misspelt, .text = "own: there is no option lamda: did you mean lambda?"},
    {.loss = mistyped, .text = "own: the option lambda is to be read by pal_option_real, not pal_option_int"},
    {.loss = of_training, .text = "own: there is no option learning-rate: add its row"},
    {.loss = unlike, .text = "own: matmul: [2,6] x [2,4]"},
    {.loss = each, .text = "own: the loss is [2], not one number: take its mean over the samples"},
    {.loss = drawn_twice, .text = "own: normal: stream loss/n is already in use: share its value"},
    {.loss = sized, .text = "own: reshape: [2,6]: the number of elements changes"},
    {.loss = labels, .text = "own: add: operand 2 is a bad handle"},
    {.loss = in_double, .text = "own: add: [] x []: operands must be of one real type, not f64 and f32"},
    {.loss = rows_noted, .text = "own: note: needs a name and a scalar"},
    {.loss = unscoped, .text = "own: scope: pal_scope_end without pal_scope_begin"},
    {.loss = keeps, .text = "own: the loss" KEPT},
    {.loss = adds_kept, .text = "own: add: operands of two tapes"},
    {.decode = decodes_kept, .text = "own: the reconstruction" KEPT},
    {.encode = one_axis, .text = "own: encode returns [2] for 2 samples: let it return [2,k]"},
    {.encode = one_number, .text = "own: encode returns [] for 2 samples: let it return [2,k]"},
    {.encode = turned, .text = "own: encode returns [4,2] for 2 samples: let it return [2,k]"},
    {.posterior = nothing,
     .text = "own: posterior returns no distribution: let it return one of pal_distribution_layer"},
    {.posterior = unknown, .text = "own: q: distribution: needs a kind and at least one number"},
    {.phase = no_phase, .text = "own: more than 10000 phases: let .phase return false after the last"},
};

START_TEST(a_function_is_wrong)
{
    static const pal_setting hidden = {"hidden", "4"};
    pal_error err = {0};
    pal_variant own = good;
    kept = (pal_var){0};
    if (mistakes[_i].loss) own.loss = mistakes[_i].loss;
    if (mistakes[_i].encode) own.encode = mistakes[_i].encode;
    if (mistakes[_i].decode) own.decode = mistakes[_i].decode;
    own.posterior = mistakes[_i].posterior;
    own.phase = mistakes[_i].phase;
    ck_assert_ptr_null(pal_model_new(c, &own, &hidden, 1, PAL_SHAPE(2, 3), PAL_F64, 1, &err));
    ck_assert_msg(!strncmp(err.text, mistakes[_i].text, strlen(mistakes[_i].text)), "%s, not: %s", err.text,
                  mistakes[_i].text);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

Suite *beginner_suite(void)
{
    Suite *s = suite_create("beginner");
    TCase *all = add_case(s, "mistakes", set_up, tear_down,
                          TESTS(a_table_without_an_end, a_row_of_options, names_in_other_tables, the_library_itself));
    tcase_add_loop_test(all, a_function_is_wrong, 0, sizeof mistakes / sizeof *mistakes);
    return s;
}
