/* test_text_refusals.c - text of a tape that does not obey the grammar. It is refused: the error names the line and
 * what is wrong there, and the tape stays empty and usable. */
#include "tests/testing.h"

static pal_context *c;
static pal_tensor *xs;

static void setup(void)
{
    c = context_with(1);
    xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(6, 4));
}

static void teardown(void)
{
    pal_tensor_free(xs);
    pal_context_free(c);
}

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789" /* 70 bytes */
#define BODY "%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"

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
    /* Numbers, names and types */
    {"1 = fill f64[] {1}\nreturn %1\n", "line 1: expected an operation or the return line"},
    {"% = fill f64[] {1}\nreturn %1\n", "line 1: a number is missing"},
    {"%4294967296 = fill f64[] {1}\nreturn %1\n", "line 1: a number is too large"},
    {"%99999999999999999999 = fill f64[] {1}\nreturn %1\n", "line 1: a number is too large"},
    {"%1= fill f64[] {1}\nreturn %1\n", "line 1: an = is missing"},
    {"%1 = \nreturn %1\n", "line 1: a name is missing"},
    {"%1 = " LONG " f64[] {1}\nreturn %1\n", "line 1: a name is too long: at most 63 bytes"},
    {"%1 = fill\nreturn %1\n", "line 1: the element type is missing or unknown"},
    {"%1 = fill f64 {1}\nreturn %1\n", "line 1: the element type is missing or unknown"},
    {"%1 = fill f64\nreturn %1\n", "line 1: a shape is missing"},
    {"%1 = fill f64[9223372036854775810] {1}\nreturn %1\n", "line 1: a number is too large"},
    {"%1 = fill f64[2\nreturn %1\n", "line 1: the closing ] of a shape is missing"},
    {"%1 = fill f64[2 3] {1}\nreturn %1\n", "line 1: the closing ] of a shape is missing"},
    {"%1 = fill f64[,] {1}\nreturn %1\n", "line 1: a number is missing"},
    {"%1 = fill f64[] {1}\n%2 = add f64[] (%1, 1)\nreturn %2\n", "line 2: a % is missing"},
    {"%1 = fill f64[] {1}\n%2 = add f64[] (%1, %1\nreturn %2\n", "line 2: the closing ) of the operands is missing"},
    {"%1 = fill f64[] {1\nreturn %1\n", "line 1: the closing } of the parameters is missing"},
    {"%1 = fill f64[] {" LONG "}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}\nreturn %1\n", "line 1: too many parameters"},
    {"%1 = fill f64[] {1} in \nreturn %1\n", "line 1: a name is missing"},
    {"%1 = fill f64[] {1} in \"a\nreturn %1\n", "line 1: the closing quote of a name is missing"},
    {"%1 = fill f64[] {1} order \nreturn %1\n", "line 1: a number is missing"},
    {"%1 = fill f64[] {1}\nreturn %1 \n", "line 2: unexpected text after the outputs"},
    {"%1 = fill f64[] {1}\nreturn 1\n", "line 2: a % is missing"},
    {"%1 = leaf f64[2] \"\"\nreturn %1\n", "line 1: a name is empty"},
    {"%1 = leaf f64[2] \"a\\000b\"\nreturn %1\n", "line 1: a name contains a zero byte"},
    {"%1 = leaf f64[2] \"a\\200\"\nreturn %1\n", "line 1: unknown escape sequence"},
    {"%1 = leaf f64[2] \"" LONG LONG LONG LONG LONG LONG LONG LONG "\"\nreturn %1\n",
     "line 1: a name is too long: at most 511 bytes"},
    {"%1 = fill f64[] {nan(0x0)}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {nan(0x)}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {nan(0x1}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {nan(0x99999999999999999)}\nreturn %1\n", "line 1: a parameter is not a number"},
    {"%1 = fill f64[] {nano}\nreturn %1\n", "line 1: a parameter is not a number"},
    /* Leaves and placeholders */
    {"%1 = fill f64[] {1}\n%2 = leaf f64[6,4] (%1) \"x\"\nreturn %2\n", "line 2: leaf takes no operands"},
    {"%1 = index i32[] {1}\n    %2 = leaf f64[6,4] \"x\"\n", "line 2: a leaf must be outside all regions"},
    {"%1 = leaf f64[2] \"hollow\"\nreturn %1\n", "line 1: there is no tensor for leaf hollow"},
    {"%1 = leaf f32[6,4] \"x\"\nreturn %1\n", "line 1: leaf x is f32[6,4], but its tensor is f64[6,4]"},
    {"%1 = fill f64[] {1}\n%2 = placeholder f64[] (%1)\nreturn %2\n", "line 2: placeholder takes no operands"},
    /* Regions */
    {"%1 = fill f64[] {1}\n%2 = index i32[] (%1) {1}\n", "line 2: index takes no operands"},
    {"%1 = index f64[] {1}\n", "line 1: an index must be i32[]"},
    {"%1 = index i32[1] {1}\n", "line 1: an index must be i32[]"},
    {"%1 = index i32[] {1} \"k\"\n", "line 1: the depth of the index is wrong"},
    {"%1 = index i32[] {1}\n        %2 = fill f64[] {1}\n", "line 2: the indentation does not match the region"},
    {"%1 = index i32[] {1}\n%2 =", "line 2: the indentation does not match the region"},
    {"%1 = index i32[] {1}\n%2 = map_sun f64[] {1}\n", "line 2: the indentation does not match the region"},
    {"%1 = index i32[] {1}\n%2\n", "line 2: the indentation does not match the region"},
    {"%1 = fill f64[] {1}\n%2 = map_sum f64[] {2}\nreturn %2\n", "line 2: the map_sum has no body"},
    {"%1 = fill f64[] {1}\n%2 = map_sum f64[] {2} of %1 by %1\nreturn %2\n",
     "line 2: the map_sum does not belong to the innermost open region"},
    {"%1 = fill f64[] {1}\n%2 = map_sum f64[] {2} of %1\nreturn %2\n", "line 2: the index of the body is missing"},
    {"%1 = fill f64[] {1}\n%2 = map_sum f64[] {2} of 1\nreturn %2\n", "line 2: a % is missing"},
    {"%1 = fill f64[] {1}\n%2 = map_sum f64[] {2} of %1 by \nreturn %2\n", "line 2: a % is missing"},
    {BODY "%4 = map_sum f64[] {2} of %3 by %2\nreturn %4\n",
     "line 4: the map_sum does not belong to the innermost open region"},
    {BODY "%4 = map_sum f64[] {2147483648} of %3 by %1\nreturn %4\n", "line 4: a map_sum needs a count of at least 1"},
    {BODY "%4 = map_sum f64[] {2} of %3 by %1 \"name\"\nreturn %4\n", "line 4: a map_sum needs a count of at least 1"},
    {"%1 = fill f64[] {1}\n%2 = copy f64[] (%1)\n%3 = index i32[] {1}\n%4 = map_sum f64[] {2} of %2 by %3\nreturn %4\n",
     "line 4: the value of a body must be a copy inside its region, of a real type"},
    {"%1 = index i32[] {1}\n    %2 = copy i32[] (%1)\n%3 = map_sum i32[] {2} of %2 by %1\nreturn %3\n",
     "line 3: the value of a body must be a copy inside its region, of a real type"},
    {BODY "%4 = map_sum f32[] {2} of %3 by %1\nreturn %4\n",
     "line 4: the map_sum and its body differ in type or shape"},
    {BODY "%4 = map_sum f64[1] {2} of %3 by %1\nreturn %4\n",
     "line 4: the map_sum and its body differ in type or shape"},
    {"%1 = fill f64[] {1}\n%2 = index i32[] {1}\n    %3 = copy f64[] (%1)\n%4 = add f64[] (%1, %1) of %3 by %2\n",
     "line 4: the indentation does not match the region"},
    {"%1 = fill f64[] {1}\n%2 = add f64[] (%1, %1) of %1 by %1\nreturn %2\n", "line 2: add has no body"},
    /* Effects and noise */
    {"%1 = leaf f64[6,4] \"x\"\n%2 = assign f64[6,4] (%1)\nreturn %2\n", "line 2: assign takes a leaf and a value"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = assign f64[6,4] (%1, %1) of %1 by %1\nreturn %2\n",
     "line 2: assign takes a leaf and a value"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = assign f64[6,4] (%1, %1) \"name\"\nreturn %2\n",
     "line 2: assign takes a leaf and a value"},
    {"%1 = uniform f64[2] \"u\"\n%2 = normal f64[2] \"u\"\nreturn %2\n",
     "line 2: stream u is already in use for other noise"},
};

/* The leaf "x" is a tensor of the fixture; "hollow" has no memory; there is no other leaf. */
static pal_tensor *some_leaf(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    static pal_tensor hollow;
    (void)user;
    hollow = (pal_tensor){.dtype = dtype, .shape = shape};
    return !strcmp(name, "x") ? xs : !strcmp(name, "hollow") ? &hollow : NULL;
}

START_TEST(refused_with_its_line)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_error err = {0};
        pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = some_leaf};
        pal_var v[2];
        size_t n = 2;
        pal_status status = pal_tape_parse(t, refusals[i].text, &o, v, &n, &err);
        ck_assert_msg(status != PAL_OK, "%s", refusals[i].text);
        ck_assert_int_eq(status, err.status);
        if (refusals[i].error)
            ck_assert_msg(!strcmp(err.text, refusals[i].error), "%s: %s", refusals[i].text, err.text);
        ck_assert_uint_eq(n, 0);
        ck_assert_uint_eq(pal_tape_length(t), 0); /* the tape can still be used */
        ck_assert_tape_ok(t);
        ck_assert(pal_ok(pal_constant(t, 1)));
        pal_tape_free(t);
    }
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
    t = pal_tape_new(c, PAL_F64); /* empty, but it has failed */
    ck_assert(!pal_ok(pal_scale((pal_var){.tape = t}, 2)));
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "parse: the tape is not empty");
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64); /* without functions that find operations and leaves */
    ck_assert_int_eq(pal_tape_parse(t, "%1 = tanh f64[]\n", NULL, &v, &n, &err), PAL_ERR_FORMAT);
    ck_assert_str_eq(err.text, "line 1: no operation is called tanh");
    ck_assert_int_eq(pal_tape_parse(t, "%1 = leaf f64[] \"x\"\n", NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "line 1: there is no tensor for leaf x");
    pal_tape_free(t);
}
END_TEST

Suite *text_refusals_suite(void)
{
    Suite *s = suite_create("text_refusals");
    add_case(s, "text_refusals", setup, teardown, TESTS(refused_with_its_line, bad_arguments));
    return s;
}
