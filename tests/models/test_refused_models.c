/* test_refused_models.c - variants that do something wrong, and calls at a wrong time: each is refused, and the message
 * says what is wrong and names the model. No variant here is registered. */
#include <stdio.h>

#include "models/internal.h"
#include "tests/models/small_models.h"

Suite *refused_models_suite(void);

#define LONG_20 "abcdefghijklmnopqrst"
#define LONG    LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20 LONG_20
enum { INPUTS = 6 };

static pal_var good_loss(pal_model *m, const pal_batch *b)
{
    return pal_nll(m, pal_decode_layers(m, pal_encode_layers(m, b->inputs)), b->inputs);
}

static const pal_option hidden[] = {{"hidden", PAL_OPTION_INT, "4", 1, 100, NULL, "units"}, {0}};
static const pal_variant good = {.struct_size = sizeof good,
                                 .name = "own",
                                 .summary = "of this test",
                                 .formula = "f",
                                 .source = "none",
                                 .options = hidden,
                                 .encode = pal_encode_layers,
                                 .decode = pal_decode_layers,
                                 .loss = good_loss};

/* The message may also name the scope: " in loss". */
static void is_refused(const pal_variant *variant, const char *text)
{
    pal_error err = {0};
    const size_t n = strlen(text);
    pal_model *m = pal_model_new(c, variant, NULL, 0, PAL_SHAPE(2, 3), PAL_F64, 1, &err);
    ck_assert_msg(!m && err.status, "is made, without: %s", text);
    const bool same = !strncmp(err.text, text, n) && (!err.text[n] || !strncmp(err.text + n, " in ", 4));
    ck_assert_msg(same, "%s, not: %s", err.text, text);
}

/* ---- Parts in the loss ---------------------------------------------------------------------------------------- */

/* clang-format off */
static pal_var scalar(pal_model *m, double value) { return pal_fill(m->tape, m->dtype, PAL_SCALAR, value); }
static pal_var unnamed(pal_model *m, pal_var x) { (void)x; return pal_parameter(m, NULL, PAL_SHAPE(2), PAL_INIT_ZERO); }
static pal_var empty_name(pal_model *m, pal_var x) { (void)x; return pal_parameter(m, "", PAL_SHAPE(2), PAL_INIT_ZERO); }
static pal_var nothing(pal_model *m, pal_var x) { (void)x; return pal_parameter(m, "p", PAL_SHAPE(0), PAL_INIT_ZERO); }
static pal_var resized(pal_model *m, pal_var x) { (void)x; pal_parameter(m, "p", PAL_SHAPE(2), PAL_INIT_ZERO); return pal_parameter(m, "p", PAL_SHAPE(3), PAL_INIT_ZERO); }
static pal_var untrained(pal_model *m, pal_var x) { (void)x; pal_parameter(m, "p", PAL_SHAPE(2), PAL_INIT_ZERO); return pal_statistic(m, "p", PAL_SHAPE(2)); }
static pal_var trained(pal_model *m, pal_var x) { (void)x; pal_statistic(m, "p", PAL_SHAPE(2)); return pal_parameter(m, "p", PAL_SHAPE(2), PAL_INIT_ZERO); }
static pal_var long_layer(pal_model *m, pal_var x) { return pal_dense(m, LONG, x, 2); }
static pal_var no_rows(pal_model *m, pal_var x) { return pal_dense(m, "d", pal_reshape(x, PAL_SHAPE(-1)), 2); }
static pal_var of_nothing(pal_model *m, pal_var x) { (void)x; return pal_dense(m, "d", (pal_var){0}, 2); }
static pal_var tied_to_nothing(pal_model *m, pal_var x) { return pal_dense_tied(m, "t", x, "nowhere"); }
static pal_var tied_to_vector(pal_model *m, pal_var x) { pal_parameter(m, "v/W", PAL_SHAPE(6), PAL_INIT_ZERO); return pal_dense_tied(m, "t", x, "v"); }
static pal_var tied_to_long(pal_model *m, pal_var x) { return pal_dense_tied(m, "t", x, LONG); }
static pal_var long_tied(pal_model *m, pal_var x) { return pal_dense_tied(m, LONG, x, "t"); }
static pal_var tied_nothing(pal_model *m, pal_var x) { (void)x; return pal_dense_tied(m, "t", (pal_var){0}, "t"); }
static pal_var shouting(pal_model *m, pal_var x) { return pal_activate(m, x, "shout"); }
static pal_var inactive(pal_model *m, pal_var x) { return pal_activate(m, x, NULL); }
static pal_var long_random(pal_model *m, pal_var x) { return pal_distribution_layer(m, LONG, x, pal_distribution_find("normal"), 2).parameters; }
static pal_var conv_rows(pal_model *m, pal_var x) { return pal_conv(m, "k", x, 2, 3, 1); }
static pal_var images(pal_var x) { return pal_reshape(x, PAL_SHAPE(-1, 1, 2, 3)); }
static pal_var conv_no_window(pal_model *m, pal_var x) { return pal_conv(m, "k", images(x), 2, 0, 1); }
static pal_var conv_no_step(pal_model *m, pal_var x) { return pal_conv(m, "k", images(x), 2, 3, 0); }
static pal_var conv_nothing(pal_model *m, pal_var x) { (void)x; return pal_conv(m, "k", (pal_var){0}, 2, 3, 1); }
static pal_var conv_long(pal_model *m, pal_var x) { return pal_conv(m, LONG, images(x), 2, 3, 1); }
static pal_var conv_back_long(pal_model *m, pal_var x) { return pal_conv_back(m, "k", images(x), (pal_image_size){1, 2, 3}, 3, 1, LONG); }
static pal_var conv_large(pal_model *m, pal_var x) { return pal_conv(m, "k", pal_reshape(x, PAL_SHAPE(-1, 1, 1, 6)), 2, 8, 1); }
static pal_var note_unnamed(pal_model *m, pal_var x) { (void)x; return pal_model_note(m, NULL, scalar(m, 1)); }
static pal_var note_empty(pal_model *m, pal_var x) { (void)x; return pal_model_note(m, "", scalar(m, 1)); }
static pal_var note_rows(pal_model *m, pal_var x) { return pal_model_note(m, "rows", x); }
static pal_var output_wide(pal_model *m, pal_var x) { return pal_nll(m, pal_concat((pal_var[]){x, x}, 2, 1), x); }
static pal_var output_nothing(pal_model *m, pal_var x) { return pal_nll(m, (pal_var){0}, x); }
static pal_var known_rows(pal_model *m, pal_var x)
{
    return pal_nll_of_known(m, x, x, pal_fill(m->tape, m->dtype, PAL_SHAPE(1, 6), 1));
}
static pal_var known_few(pal_model *m, pal_var x) { return pal_nll_of_known(m, x, x, pal_fill(m->tape, m->dtype, PAL_SHAPE(5), 1)); }
/* clang-format on */

static pal_var many_notes(pal_model *m, pal_var x)
{
    static char names[PAL_MODEL_NOTES + 1][8];
    (void)x;
    for (int i = 0; i <= PAL_MODEL_NOTES; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        pal_model_note(m, names[i], scalar(m, i));
    }
    return scalar(m, 0);
}

static const struct misuse {
    pal_var (*part)(pal_model *m, pal_var x);
    const char *text;
} misuses[] = {
    {unnamed, "own: parameter : bad name or bad shape [2]"},
    {empty_name, "own: parameter : bad name or bad shape [2]"},
    {nothing, "own: parameter p: bad name or bad shape [0]"},
    {resized, "own: parameter p: it is [2], but was requested as [3]"},
    {untrained, "own: parameter p: it is trained, but was requested as not trained"},
    {trained, "own: parameter p: it is not trained, but was requested as trained"},
    {long_layer, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {no_rows, "own: d: expects rows [n,features], not [12]"},
    {of_nothing, "own: d: the operand is a bad handle"},
    {tied_to_nothing, "own: t: the matrix nowhere/W to tie to is missing"},
    {tied_to_vector, "own: t: the matrix v/W to tie to is missing"},
    {tied_to_long, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {long_tied, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {tied_nothing, "own: t: the operand is a bad handle"},
    {shouting, "own: activate: unknown activation shout"},
    {inactive, "own: activate: unknown activation (none)"},
    {long_random, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {conv_rows, "own: k: expects images [n,channels,height,width], not [2,6], and a window"},
    {conv_no_window, "own: k: expects images [n,channels,height,width], not [2,1,2,3], and a window"},
    {conv_no_step, "own: k: expects images [n,channels,height,width], not [2,1,2,3], and a window"},
    {conv_nothing, "own: k: the operand is a bad handle"},
    {conv_long, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {conv_back_long, "own: layer: the name " LONG_20 LONG_20 "... is too long"},
    {conv_large,
     "own: k: a window of 8 does not fit into maps of 1 by 6: choose fewer --channels, or a smaller --kernel "
     "or --stride"},
    {note_unnamed, "own: note: needs a name and a scalar"},
    {note_empty, "own: note: needs a name and a scalar"},
    {note_rows, "own: note: needs a name and a scalar"},
    {many_notes, "own: note: n12: a loss has at most 12 named terms"},
    {output_wide, "own: output bernoulli: the decoder returns [2,12], not rows of 6"},
    {output_nothing, "own: sum_to: operand 1 is a bad handle"},
    {known_rows, "own: nll_of_known: needs 1 or 0 for each of 6 features, of all samples or of each"},
    {known_few, "own: nll_of_known: needs 1 or 0 for each of 6 features, of all samples or of each"},
};
enum { MISUSES = sizeof misuses / sizeof *misuses };

static const struct misuse *misuse;

static pal_var loss_with_misuse(pal_model *m, const pal_batch *b)
{
    pal_var loss = good_loss(m, b), y = misuse->part(m, b->inputs);
    return pal_ok(y) ? loss : y;
}

START_TEST(a_part_is_refused)
{
    pal_variant own = good;
    misuse = &misuses[_i];
    own.loss = loss_with_misuse;
    is_refused(&own, misuse->text);
}
END_TEST

/* ---- Losses, encoders and decoders ---------------------------------------------------------------------------- */

static pal_var no_loss(pal_model *m, const pal_batch *b)
{
    good_loss(m, b);
    return (pal_var){0};
}

static pal_var rows_of_losses(pal_model *m, const pal_batch *b)
{
    return pal_sum(good_loss(m, b), 0, true).id ? b->inputs : b->inputs;
}
static pal_var whole_loss(pal_model *m, const pal_batch *b) { return pal_cast(good_loss(m, b), PAL_I32); }

static pal_var no_map(pal_model *m, pal_var x)
{
    (void)m, (void)x;
    return (pal_var){0};
}

static pal_var flat(pal_model *m, pal_var h) { return pal_reshape(pal_decode_layers(m, h), PAL_SHAPE(-1)); }

START_TEST(a_result_is_refused)
{
    pal_variant own = good;
    own.loss = no_loss;
    is_refused(&own, "own: the loss is a bad handle: return a value of the model's tape");
    own.loss = rows_of_losses;
    is_refused(&own, "own: the loss is [2,6], not one number: take its mean over the samples");
    own.loss = whole_loss;
    is_refused(&own, "own: the loss is i32, not real");
    own = good;
    own.encode = no_map;
    is_refused(&own, "own: encode returns a bad handle: let it return a code");
    own = good;
    own.decode = no_map;
    is_refused(&own, "own: the reconstruction is a bad handle: let decode return a value");
    own.decode = flat;
    is_refused(&own, "own: output bernoulli: the decoder returns [12], not rows of 6");
}
END_TEST

/* ---- Choices that a part does not know: a variant's own option may have the name of a shared one -------------- */

static pal_var corrupt_loss(pal_model *m, const pal_batch *b)
{
    return pal_corrupt(m, b->inputs).id ? good_loss(m, b) : good_loss(m, b);
}

START_TEST(a_choice_is_unknown)
{
    static const struct {
        const char *option, *text;
        pal_var (*loss)(pal_model *m, const pal_batch *b);
    } rows[] = {
        {"output", "own: output: unknown value odd", good_loss},
        {"init", "own: init: unknown value odd", good_loss},
        {"binarize", "own: binarize: unknown value odd", good_loss},
        {"activation", "own: activate: unknown activation odd", good_loss},
        {"corruption", "own: corruption: unknown value odd", corrupt_loss},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_option options[] = {hidden[0], {rows[i].option, PAL_OPTION_ENUM, "odd", 0, 0, "odd", "own"}, {0}};
        pal_variant own = good;
        own.options = options;
        own.loss = rows[i].loss;
        is_refused(&own, rows[i].text);
    }
}
END_TEST

/* ---- Variants that are not complete --------------------------------------------------------------------------- */

static pal_var pooled(pal_model *m, const pal_batch *b)
{
    (void)m;
    return b->inputs;
}

START_TEST(an_incomplete_variant)
{
    pal_error err = {0};
    const char *needs = "model: needs a context, and a variant with encode, decode and loss";
    static const char *const missing[] = {
        "variant own: .encode is missing: a variant needs a summary, encode, decode and loss",
        "variant own: .decode is missing", "variant own: .loss is missing",
        "variant own: .of_pooled is missing: pooled and of_pooled belong together", "variant own: .pooled is missing"};
    pal_variant rows[5];
    for (size_t i = 0; i < 5; i++) rows[i] = good;
    rows[0].encode = NULL;
    rows[1].decode = NULL;
    rows[2].loss = NULL;
    rows[3].pooled = pooled;
    rows[4].of_pooled = no_map;
    for (size_t i = 0; i < 5; i++) {
        is_refused(&rows[i], needs);
        ck_assert_int_eq(pal_variant_register(&rows[i], &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, missing[i]) != NULL, "%s, not: %s", err.text, missing[i]);
    }
    is_refused(NULL, needs);
    pal_variant other = good;
    other.struct_size = 8;
    ck_assert_ptr_null(pal_model_new(c, &other, NULL, 0, PAL_SHAPE(6), PAL_F64, 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "variant: struct_size is 8, not "));
    ck_assert_ptr_null(pal_model_new(NULL, &good, NULL, 0, PAL_SHAPE(6), PAL_F64, 1, &err));
    ck_assert_str_eq(err.text, needs);
    ck_assert_ptr_null(pal_model_new(c, &good, NULL, 0, PAL_SHAPE(6), PAL_I32, 1, &err));
    ck_assert_str_eq(err.text, "own: the type of a model must be f32 or f64");
    ck_assert_ptr_null(pal_model_new(c, &good, NULL, 0, PAL_SHAPE(6), PAL_BF16, 1, &err));
    ck_assert_ptr_null(pal_model_new(c, &good, NULL, 0, (pal_shape){.rank = -1}, PAL_F64, 1, &err));
    ck_assert_str_eq(err.text, "own: a sample must have 0 to 6 axes");
    ck_assert_ptr_null(pal_model_new(c, &good, NULL, 0, (pal_shape){.rank = 7}, PAL_F64, 1, &err));
    ck_assert_ptr_null(pal_model_new(c, &good, NULL, 0, PAL_SHAPE(0), PAL_F64, 1, &err));
    ck_assert_str_eq(err.text, "own: [0] is not the shape of a sample");
    ck_assert_ptr_null(pal_model_new(c, &good, &(pal_setting){NULL, "1"}, 1, PAL_SHAPE(6), PAL_F64, 1, &err));
    ck_assert_str_eq(err.text, "own has no option without a name");
}
END_TEST

START_TEST(a_registration_is_refused)
{
    static const struct {
        const char *name, *alias, *text;
    } names[] = {
        {NULL, NULL, "variant \"\": names must be words of a-z, 0-9 and -, of at most 63 letters"},
        {"", NULL, "variant \"\": names must"},
        {"Own", NULL, "variant \"Own\": names must"},
        {"1own", NULL, "variant \"1own\": names must"},
        {"own one", NULL, "variant \"own one\": names must"},
        {"own", "OWN", "variant \"own\": names must"},
        {LONG, NULL, "names must be words"},
        {"basic", NULL, "variant basic: its name or its alias is taken"},
        {"own", "basic", "variant own: its name or its alias is taken"},
        {"dae", NULL, "variant dae: its name or its alias is taken"},
    };
    pal_error err = {0};
    pal_variant own = good;
    size_t n = 0;
    while (pal_variant_at(n)) n++;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        own.name = names[i].name;
        own.alias = names[i].alias;
        ck_assert_int_ne(pal_variant_register(&own, &err), PAL_OK);
        ck_assert_msg(strstr(err.text, names[i].text) != NULL, "%s, not: %s", err.text, names[i].text);
    }
    static const struct {
        pal_option option;
        const char *text;
    } options[] = {
        {{"Big", PAL_OPTION_INT, "1", 0, 9, NULL, "h"},
         "variant own: the option \"Big\" is not a word of a-z, 0-9 and -"},
        {{LONG, PAL_OPTION_INT, "1", 0, 9, NULL, "h"}, "is not a word of a-z"},
        {{"big", PAL_OPTION_INT, "10", 0, 9, NULL, "h"}, "variant own: the default of big: 10 is not in 0 .. 9"},
        {{"big", PAL_OPTION_INT, "x", 0, 9, NULL, "h"}, "variant own: the default of big: "},
        {{"big", PAL_OPTION_ENUM, "c", 0, 0, "a|b", "h"}, "variant own: the default of big: "},
    };
    own = good;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const pal_option list[] = {options[i].option, {0}};
        own.options = list;
        ck_assert_int_eq(pal_variant_register(&own, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, options[i].text) != NULL, "%s, not: %s", err.text, options[i].text);
    }
    own = good;
    own.summary = NULL;
    ck_assert_int_eq(pal_variant_register(&own, &err), PAL_ERR_ARGUMENT);
    own = good;
    own.struct_size = 0;
    ck_assert_int_eq(pal_variant_register(&own, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_variant_register(NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "variant: is NULL");
    ck_assert_ptr_null(pal_variant_at(n)); /* nothing is registered */
    ck_assert_ptr_null(pal_variant_find("own"));
    ck_assert_ptr_null(pal_variant_find(NULL));
}
END_TEST

/* ---- Calls at a wrong time, or with wrong inputs -------------------------------------------------------------- */

START_TEST(outside_of_begin_and_end)
{
    pal_model *m = make_named("semi-supervised", PAL_F64);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var x = pal_fill(t, PAL_F64, PAL_SHAPE(2, INPUTS), 0.5), h = pal_fill(t, PAL_F64, PAL_SHAPE(2, 4), 0.5);
    pal_var one = pal_constant(t, 1);
    ck_assert_refused(t, pal_model_loss(m, &(pal_batch){.inputs = x}), "loss: outside of begin and end");
    ck_assert_refused(t, pal_model_encode(m, x), "encode: outside of begin and end");
    ck_assert_refused(t, pal_model_decode(m, h), "decode: outside of begin and end");
    ck_assert_refused(t, pal_model_target(m, x), "target: outside of begin and end");
    ck_assert_refused(t, pal_model_of_pooled(m, one), "pooled: outside of begin and end");
    ck_assert_refused(t, pal_model_note(m, "name", one), "note: outside of begin and end");
    ck_assert_uint_eq(pal_parameter(m, "p", PAL_SHAPE(2), PAL_INIT_ZERO).id, 0);
    ck_assert_uint_eq(pal_parameter(NULL, "p", PAL_SHAPE(2), PAL_INIT_ZERO).id, 0);
    pal_model_begin(m, t, PAL_TRAIN);
    ck_assert_refused(t, pal_parameter(m, "p", PAL_SHAPE(2), PAL_INIT_ZERO),
                      "parameter p: the model was made without it");
    ck_assert_refused(t, pal_model_of_pooled(m, one), "pooled: the variant has no pooled term");
    ck_assert_refused(t, pal_model_encode(m, h), "encode: inputs are [2,4], but the model takes rows of 6");
    ck_assert_refused(t, pal_model_encode(m, one), "encode: inputs are [], but the model takes rows of 6");
    ck_assert_refused(t, pal_model_encode(m, pal_fill(t, PAL_F64, PAL_SHAPE(0, INPUTS), 0)),
                      "encode: inputs are [0,6], but the model takes rows of 6");
    ck_assert_refused(t, pal_model_encode(m, (pal_var){0}), "encode: the inputs are a bad handle");
    ck_assert_refused(t, pal_model_posterior(m, x).parameters, "posterior: semi-supervised has no posterior");
    ck_assert_refused(t, pal_model_log_weights(m, (pal_distribution){0}, x, 1),
                      "log-weights: semi-supervised has no posterior");
    ck_assert_uint_eq(pal_model_pooled(m, &(pal_batch){.inputs = x}).id, 0);
    pal_model_begin(m, t, PAL_TRAIN);
    ck_assert_str_eq(pal_tape_error(t), "model: already recording on a tape");
    pal_model_end(m);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F32);
    pal_model_begin(m, t, PAL_TRAIN);
    ck_assert_str_eq(pal_tape_error(t), "model: it is f64, but the tape's default type is f32");
    pal_model_end(m);
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

/* Terms of the same name are added. */
START_TEST(notes_add_up)
{
    const char *name;
    double sum;
    pal_model *m = make_named("basic", PAL_F64);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var first = pal_model_note(m, "one", scalar(m, 1));
    pal_model_note(m, "two", scalar(m, 2));
    pal_var second = pal_model_note(m, "one", scalar(m, 4)), loss = pal_add(first, pal_scale(second, 3));
    ck_assert_int_eq(pal_eval(pal_model_note_share(m, loss, 0), &sum), PAL_OK);
    ck_assert_double_eq(sum, 13); /* each with its own weight */
    ck_assert_int_eq(pal_eval(pal_model_note_share(m, loss, 1), &sum), PAL_OK);
    ck_assert_double_eq(sum, 0); /* no part of the loss */
    ck_assert_uint_eq(pal_model_note_share(m, loss, 2).id, 0);
    ck_assert_uint_eq(pal_model_note_count(m), 2);
    ck_assert_int_eq(pal_eval(pal_model_note_at(m, 0, &name), &sum), PAL_OK);
    ck_assert_str_eq(name, "one");
    ck_assert_double_eq(sum, 5);
    ck_assert_int_eq(pal_eval(pal_model_note_at(m, 1, NULL), &sum), PAL_OK);
    ck_assert_double_eq(sum, 2);
    ck_assert_uint_eq(pal_model_note_at(m, 2, &name).id, 0);
    ck_assert(!pal_ok(pal_model_note(m, "bad", (pal_var){.tape = t})));
    ck_assert_uint_eq(pal_model_note_count(m), 2);
    pal_model_end(m);
    pal_tape_free(t);
    pal_model_free(m);
}
END_TEST

Suite *refused_models_suite(void)
{
    Suite *s = suite_create("refused_models");
    TCase *all = add_case(s, "refused", set_up, tear_down,
                          TESTS(a_result_is_refused, a_choice_is_unknown, an_incomplete_variant,
                                a_registration_is_refused, outside_of_begin_and_end, notes_add_up));
    tcase_add_loop_test(all, a_part_is_refused, 0, MISUSES);
    return s;
}
