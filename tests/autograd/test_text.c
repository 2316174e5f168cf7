/* test_text.c - reads a tape back from its text. The tape has the same text, and its program gives the same bits.
 * Invalid text is refused, and the error names the line. */
#include "models/models.h"
#include "optim/optim.h"
#include "tests/autograd/text_graphs.h"

START_TEST(a_graph_comes_back)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    outputs o = {0};
    graphs[_i].record(t, &o);
    check_round(t, o.v, o.n, true);
    check_round(t, NULL, 0, false);
    pal_tape_free(t);
}
END_TEST

START_TEST(a_training_step_comes_back)
{
    pal_error err = {0};
    const char *const settings[] = {"basic", "denoising"};
    for (size_t s = 0; s < 2; s++) {
        const pal_variant *variant = pal_variant_find(settings[s]);
        pal_model *m =
            pal_model_new(c, variant, (pal_setting[]){{"hidden", "3"}}, 1, PAL_SHAPE(COLUMNS), PAL_F64, 5, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        size_t n = pal_model_parameter_count(m);
        pal_tensor *parameter[MOST_LEAVES];
        const char *name[MOST_LEAVES];
        pal_var leaf[MOST_LEAVES], gradient[MOST_LEAVES];
        for (size_t i = 0; i < n; i++) parameter[i] = pal_model_parameter(m, i, &name[i]);
        pal_optimizer_options o = {.struct_size = sizeof o, .name = "adam", .clip_norm = 1};
        pal_optimizer *adam = pal_optimizer_new(c, &o, parameter, name, n, &err);
        ck_assert_msg(adam != NULL, "%s", err.text);
        pal_optimizer_set_step(adam, 3, 0.01);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_batch batch = {.inputs = pal_sigmoid(pal_leaf(t, xs, "inputs"))};
        pal_var loss = pal_model_loss(m, &batch);
        ck_assert_int_eq(pal_model_leaves(m, t, leaf), PAL_OK);
        ck_assert_int_eq(pal_grad(loss, leaf, n, gradient), PAL_OK);
        ck_assert_int_eq(pal_optimizer_record(adam, t, leaf, gradient, n), PAL_OK);
        pal_model_end(m);
        ck_assert_tape_ok(t);
        check_round(t, &loss, 1, false);
        /* The text of the whole tape includes all effects, so they are read back too. */
        char *text = pal_tape_text(t, NULL, 0);
        pal_var found[OUTPUTS];
        size_t n_found = OUTPUTS;
        pal_tape *again = parsed(t, text, found, &n_found);
        char *second = pal_tape_text(again, found, n_found);
        ck_assert_str_eq(text, second);
        ck_assert_uint_eq(again->n_effects, t->n_effects);
        kept before = keep(t);
        pal_program_free(ran(t, &loss, 1));
        kept after = keep(t);
        restore(&before, false);
        pal_program_free(ran(again, NULL, 0));
        for (size_t i = 0; i < after.n; i++)
            ck_assert_mem_eq(after.leaf[i]->data, after.data[i], pal_tensor_bytes(after.leaf[i]));
        restore(&after, true);
        restore(&before, true);
        pal_text_free(c, text);
        pal_text_free(c, second);
        pal_tape_free(again);
        pal_tape_free(t);
        pal_optimizer_free(adam);
        pal_model_free(m);
    }
}
END_TEST

/* The numbers of the lines may have gaps if they ascend. */
START_TEST(other_numbers)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var v;
    size_t n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "%7 = fill f64[] {2}\n%4000000000 = add f64[] (%7, %7)\nreturn %4000000000",
                                    NULL, &v, &n, NULL),
                     PAL_OK);
    double value;
    ck_assert_int_eq(pal_eval(v, &value), PAL_OK);
    ck_assert_double_eq(value, 4);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "", NULL, &v, &n, NULL), PAL_OK);
    ck_assert_uint_eq(n, 0);
    pal_tape_free(t);
}
END_TEST

/* ---- Refusals ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *error;
} refusals[] = {
    {"%1 = fill f64[] {1}\n", "line 2: the return line is missing"},
    {"%1 = fill f64[] {1}\nreturn %1\n\n", "line 3: unexpected text after the return line"},
    {"%1 = fill f64[] {1}\nreturn %2\n", "line 2: %2 is not defined before this line"},
    {"%1 = fill f64[] {1}\n%1 = fill f64[] {1}\nreturn %1\n", "line 2: %1: the numbers must ascend from 1"},
    {"%0 = fill f64[] {1}\nreturn %0\n", "line 1: %0: the numbers must ascend from 1"},
    {"%1 = fill f64[] {1}\n%2 = matmull f64[] (%1, %1)\nreturn %2\n", "line 2: no operation is called matmull"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%3)\nreturn %2\n", "line 2: %3 is not defined before this line"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%2)\nreturn %2\n", "line 2: %2 is not defined before this line"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[1] (%1)\nreturn %2\n", "line 2: the result of tanh is f64[]"},
    {"%1 = fill f64[] {1}\n%2 = tanh f32[] (%1)\nreturn %2\n", "line 2: the result of tanh is f64[]"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%1, %1)\nreturn %2\n", "line 2: tanh: takes 1 operands, not 2"},
    {"%1 = fill f64[2] {1}\n%2 = fill f64[3] {1}\n%3 = add f64[2] (%1, %2)\nreturn %3\n", "line 3: add: [2] x [3]"},
    {"%1 = fill f64[] {one}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {1e999}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[]\nreturn %1\n", "line 1: fill has 9 parameters, not 0"},
    {"%1 = fill f64[99999999999999999999] {1}\nreturn %1\n", "line 1: a number is too large"},
    {"%1 = fill f64[4000000000,4000000000] {1}\nreturn %1\n", "line 1: a shape is too large"},
    {"%1 = fill f64[1,1,1,1,1,1,1] {1}\nreturn %1\n", "line 1: a shape has more than 6 axes"},
    {"%1 = fill f16[] {1}\nreturn %1\n", "line 1: the element type is missing or unknown"},
    {"%1 = fill bf16[] {1}\nreturn %1\n", "line 1: the element type is missing or unknown"},
    {"%1 = fill f64[] {1} order 256\nreturn %1\n", "line 1: a number is too large"},
    {"%1 = fill f64[] {1} and more\nreturn %1\n", "line 1: unexpected text \" and more\""},
    {"%1 = leaf f64[2] \"y\"\nreturn %1\n", "line 1: there is no tensor for leaf y"},
    {"%1 = leaf f64[2]\nreturn %1\n", "line 1: the leaf has no name"},
    {"%1 = leaf f64[6,5] \"x\"\nreturn %1\n", "line 1: leaf x is f64[6,5], but its tensor is f64[6,4]"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = leaf f64[6,4] \"x\"\nreturn %1\n", "line 2: leaf x has the same tensor as leaf x"},
    {"%1 = leaf f64[6,4] \"x\nreturn %1\n", "line 1: the closing quote of a name is missing"},
    {"%1 = leaf f64[6,4] \"\\x\"\nreturn %1\n", "line 1: unknown escape sequence"},
    {"    %1 = fill f64[] {1}\nreturn %1\n", "line 1: the indentation does not match the region"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\nreturn %3\n",
     "line 4: a region is still open"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\n%5 = tanh f64[] (%2)\nreturn %5\n",
     "line 5: tanh: operand 1 belongs to a region that has ended"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\n%5 = cast f64[] (%1) {1}\nreturn %5\n",
     "line 5: cast: operand 1 belongs to a region that has ended"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\nreturn %2\n",
     "line 5: output 1 is inside a region"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {0} of %3 by %1\nreturn %4\n",
     "line 4: a map_sum needs a count of at least 1"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n%4 = map_sum f64[] {2} of %2 by %1\nreturn %4\n",
     "line 3: the value of a body must be a copy inside its region, of a real type"},
    {"%1 = fill f64[] {1}\n%2 = index i32[] {1}\n    %3 = copy f64[] (%1)\n%4 = map_sum f64[] {2} of %3 by %2\nreturn "
     "%4\n",
     "line 4: the operands of map_sum must be the outer values that its body reads, in canonical order"},
    {"%1 = index i32[] {2}\nreturn %1\n", "line 1: the depth of the index is wrong"},
    {"%1 = uniform f64[2]\nreturn %1\n", "line 1: the noise has no stream name"},
    {"%1 = fill f64[] {1}\n%2 = uniform f64[2] (%1) \"u\"\nreturn %2\n",
     "line 2: the operands of noise must be indices of regions"},
    {"%1 = uniform f64[2] \"u\"\n%2 = uniform f64[3] \"u\"\nreturn %2\n",
     "line 2: stream u is already in use for other noise"},
    {"%1 = uniform i32[2] \"u\"\nreturn %1\n", "line 1: uniform: noise must have a real type"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = assign f64[6,4] (%1, %1)\n%3 = assign f64[6,4] (%1, %1)\nreturn %2\n",
     "line 3: assign: leaf x is assigned twice"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = permute f64[4,6] (%1) {1,0,0,0,0,9223372036854775808}\nreturn %2\n",
     "line 2: a parameter is not an integer"},
    {"%1 = softmax f64[]\nreturn %1\n", NULL}, /* softmax is a composite: it never appears in a text */
    {"nonsense", "line 1: expected an operation or the return line"},
    {"return %1", "line 1: %1 is not defined before this line"},
    {"\n", "line 1: expected an operation or the return line"},
};

START_TEST(refused_with_its_line)
{
    pal_tape *named = pal_tape_new(c, PAL_F64);
    pal_leaf(named, xs, "x");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_error err = {0};
        pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = same_leaf, .user = named};
        pal_var v[2];
        size_t n = 2;
        pal_status status = pal_tape_parse(t, refusals[i].text, &o, v, &n, &err);
        ck_assert_msg(status != PAL_OK, "%s", refusals[i].text);
        ck_assert_int_eq(status, err.status);
        if (refusals[i].error) ck_assert_str_eq(err.text, refusals[i].error);
        ck_assert_uint_eq(n, 0);
        ck_assert_uint_eq(pal_tape_length(t), 0); /* the tape can still be used */
        ck_assert_tape_ok(t);
        ck_assert(pal_ok(pal_constant(t, 1)));
        pal_tape_free(t);
    }
    pal_tape_free(named);
}
END_TEST

START_TEST(bad_arguments)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_error err = {0};
    pal_var v;
    size_t n = 0;
    const char *text = "%1 = fill f64[] {1}\nreturn %1\n";
    ck_assert_int_eq(pal_tape_parse(NULL, text, NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, NULL, NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, text, &(pal_parse_options){0}, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "line 2: the text returns 1 outputs, but there is room for 0");
    n = 1;
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_OK);
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "parse: the tape is not empty");
    pal_tape_free(t);
}
END_TEST

Suite *text_suite(void)
{
    Suite *s = suite_create("text");
    TCase *k = tcase_create("text");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_set_timeout(k, 120);
    tcase_add_loop_test(k, a_graph_comes_back, 0, GRAPHS);
    tcase_add_test(k, a_training_step_comes_back);
    tcase_add_test(k, other_numbers);
    tcase_add_test(k, refused_with_its_line);
    tcase_add_test(k, bad_arguments);
    suite_add_tcase(s, k);
    return s;
}
