/* test_graph_labels.c - what is written on a node of a drawing: names of any bytes, formulas with their constants,
 * sizes, times, and the names of outputs. */
#include <math.h>
#include <stdio.h>

#include "autograd/text/internal.h"
#include "tests/testing.h"

Suite *graph_labels_suite(void);

static pal_context *context;
static pal_tape *t;
static pal_tensor *data;
static pal_var x;

static void set_up(void)
{
    context = context_with(1);
    t = pal_tape_new(context, PAL_F32);
    data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2));
    x = pal_leaf(t, data, "x");
}

static void tear_down(void)
{
    pal_tape_free(t);
    pal_tensor_free(data);
    pal_context_free(context);
}

static void has(char *text, const char *part)
{
    ck_assert_tape_ok(t);
    ck_assert_msg(text && strstr(text, part), "no %s in %s", part, text ? text : "");
    pal_text_free(context, text);
}

static char *drawn(pal_var y) { return pal_graph_text(t, &y, 1, NULL); }

/* ---- Names ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *shown;
} names[] = {
    {"plain", "<B>plain</B>"},
    {"a/b", "<B>a/b</B>"},
    {"w/", "<B>w/</B>"},
    {"<b> & \"c\"", "<B>&lt;b&gt; &amp; &quot;c&quot;</B>"},
    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "<B>caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80</B>"},
    {"\x1b[31m", "<B>\\x1b[31m</B>"},
    {"\n\t", "<B>\\n\\t</B>"},
    {"\xff\xc3", "<B>\\xff\\xc3</B>"},
    {"\xc2\x9b", "<B>\\u009b</B>"},
    {"\xed\xa0\x80", "<B>\\xed\\xa0\\x80</B>"},
    {"\xef\xbf\xbf", "<B>\\uffff</B>"},
    {"\xf4\x90\x80\x80", "<B>\\xf4\\x90\\x80\\x80</B>"},
};
enum { NAMES = sizeof names / sizeof *names };

START_TEST(a_name_is_shown)
{
    pal_tensor *named = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2));
    has(drawn(pal_neg(pal_leaf(t, named, names[_i].name))), names[_i].shown);
    pal_tensor_free(named);
}
END_TEST

/* A title may be longer than any name: it is cut. */
START_TEST(a_long_title_is_cut)
{
    static char title[6000];
    memset(title, '<', sizeof title - 1);
    pal_var y = pal_neg(x);
    char *text =
        pal_graph_text(t, &y, 1, &(pal_graph_options){.struct_size = sizeof(pal_graph_options), .title = title});
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, "&lt;")); p++) n++;
    ck_assert_uint_eq(n, 4096);
    has(text, "&lt;");
}
END_TEST

/* ---- Formulas ------------------------------------------------------------------------------------------------- */

static bool infer_joined(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    return true;
}

#define SMALL "<FONT POINT-SIZE=\"9\" COLOR=\"#444444\">"
#define ALONE "<B>own</B>>"
static const struct {
    int arity;
    bool constant; /* the second operand is 2 */
    const char *formula, *shown;
} formulas[] = {
    {1, false, "-x", "<B>own</B><BR/>" SMALL "-x</FONT>"},
    {1, false, "y = 1 / x", SMALL "1 / x</FONT>"},
    {1, false, "e^-x", SMALL "e<SUP>-x</SUP></FONT>"},
    {1, false, "x y", SMALL "x y</FONT>"}, /* y is no operand of one */
    {1, false, "x", ALONE},                /* says nothing */
    {1, false, "", ALONE},
    {1, false, NULL, ALONE},
    {1, false, "a formula of 17 b", ALONE}, /* too long */
    {2, false, "a b", SMALL "a b</FONT>"},
    {2, true, "a b", SMALL "a &#215; 2</FONT>"},
    {2, true, "a b / 2", SMALL "a 2 / 2</FONT>"},   /* a product at the end alone gets a sign */
    {2, true, "x < b", SMALL "x &lt; 2</FONT>"},    /* x is no operand of two */
    {2, true, "a^b", SMALL "a<SUP>b</SUP></FONT>"}, /* exponents stay */
    {3, true, "c ? a : b", SMALL "c ? 2 : b</FONT>"},
};
enum { FORMULAS = sizeof formulas / sizeof *formulas };

START_TEST(a_formula_is_shown)
{
    const pal_op own = {PAL_OP_HEAD("own", "", "of this test"), .op_class = PAL_CLASS_ELEMENTWISE,
                        .arity = formulas[_i].arity, .infer = infer_joined, .derivative = {PAL_ZERO_DERIVATIVE}};
    pal_op op = own;
    op.formula = formulas[_i].formula;
    pal_var in[] = {x, formulas[_i].constant ? pal_like(x, 2) : pal_neg(x), pal_exp(x)};
    has(drawn(pal_record(t, &op, in, (size_t)op.arity, NULL)), formulas[_i].shown);
}
END_TEST

START_TEST(constants_are_numbers)
{
    has(drawn(pal_fill(t, PAL_F32, PAL_SHAPE(2), 0.125)), "label=<0.125");
    has(drawn(pal_fill(t, PAL_F32, PAL_SHAPE(2), INFINITY)), "label=<&#8734;");
    has(drawn(pal_fill(t, PAL_F32, PAL_SHAPE(2), -INFINITY)), "label=<-&#8734;");
    has(drawn(pal_max(x, pal_like(x, -INFINITY))), "-&#8734;");
}
END_TEST

/* ---- Outputs -------------------------------------------------------------------------------------------------- */

/* Of many names of one value three are shown. Empty names are none. */
START_TEST(names_of_outputs)
{
    pal_var y = pal_neg(x), outputs[] = {y, y, y, y, y, y};
    const pal_graph_options o = {.struct_size = sizeof o,
                                 .names = (const char *const[]){"one", "", NULL, "two", "three", "four"}};
    char *text = pal_graph_text(t, outputs, 6, &o);
    static const char *const shown[] = {"<B>one</B>", "<B>two</B>", "<B>three</B>", "<BR/>&#8230; 1 more"};
    for (size_t i = 0; i < 4; i++) ck_assert_msg(strstr(text, shown[i]), "no %s in %s", shown[i], text);
    ck_assert_ptr_null(strstr(text, "four"));
    ck_assert_ptr_null(strstr(text, "<B></B>"));
    pal_text_free(context, text);
}
END_TEST

/* ---- Figures -------------------------------------------------------------------------------------------------- */

/* A drawing takes no memory for values, so that they may be of any size. */
START_TEST(sizes)
{
    static const struct {
        int64_t elements;
        const char *shown;
    } rows[] = {{255, ">1020 B<"},
                {256, ">1.0 KiB<"},
                {INT64_C(3) << 18, ">3.0 MiB<"},
                {INT64_C(25) << 30, ">100 GiB<"},
                {INT64_C(1) << 39, ">2.0 TiB<"},
                {INT64_C(1) << 52, ">16384 TiB<"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_var y = pal_uniform(t, rows[i].shown, PAL_SHAPE(rows[i].elements));
        has(pal_graph_text(t, &y, 1, &(pal_graph_options){.struct_size = sizeof(pal_graph_options), .sizes = true}),
            rows[i].shown);
    }
}
END_TEST

START_TEST(seconds)
{
    static const struct {
        double seconds;
        const char *shown;
    } rows[] = {{1.5e-6, "1.5 &#181;s"}, {120e-6, "120 &#181;s"}, {0.9996e-3, "1.0 ms"},
                {0.25, "250 ms"},        {0.9996, "1.0 s"},       {12, "12 s"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        pal__draw_seconds(f, rows[i].seconds);
        fclose(f);
        ck_assert_str_eq(text, rows[i].shown);
        free(text);
    }
}
END_TEST

/* ---- Closed scopes -------------------------------------------------------------------------------------------- */

static pal_var term(pal_tape *tape, pal_var k, void *user)
{
    pal_scope_begin(tape, "inner");
    pal_var y = pal_tanh(pal_sin(pal_cast(k, PAL_F32)));
    pal_scope_end(tape);
    return pal_mul(y, *(pal_var *)user);
}

/* A closed scope counts its operations and lists its leaves. */
START_TEST(a_closed_scope)
{
    pal_tensor *w = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2));
    pal_scope_begin(t, "outer");
    pal_scope_begin(t, "layer");
    pal_var y = pal_mul(x, pal_leaf(t, w, "W")), z;
    pal_scope_end(t);
    pal_scope_begin(t, "more");
    z = pal_neg(pal_exp(y));
    pal_scope_end(t);
    pal_scope_end(t);
    const pal_graph_options o = {.struct_size = sizeof o, .depth = 1};
    has(pal_graph_text(t, &z, 1, &o), "<B>layer</B><BR/>" SMALL "1 operation</FONT><BR/>");
    has(pal_graph_text(t, &z, 1, &o), ">W 2</FONT>");
    has(pal_graph_text(t, &z, 1, &o), "<B>more</B><BR/>" SMALL "2 operations</FONT>>");
    pal_tensor_free(w);
}
END_TEST

/* The time of a region is not counted twice, whether its body is in the same node or in nodes of its own. */
START_TEST(times_of_regions)
{
    pal_scope_begin(t, "outer");
    pal_var y = pal_map_sum(t, 3, term, &x);
    pal_scope_end(t);
    pal_program *p = pal_compile(
        t, &y, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = PAL_PASS_NONE, .profile = true});
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (unsigned depth = 0; depth < 3; depth++) {
        const pal_graph_options o = {.struct_size = sizeof o, .depth = depth, .times = p};
        char *text = pal_graph_text(t, &y, 1, &o);
        ck_assert_ptr_nonnull(text);
        double share = 0, part;
        for (const char *at = text; (at = strstr(at, " &#183; ")); at++)
            if (sscanf(at, " &#183; %lf %%", &part) == 1) share = fmax(share, part);
        ck_assert_double_le(share, 100);
        ck_assert_double_gt(share, 50); /* the region has most of the time */
        pal_text_free(context, text);
    }
    pal_program_free(p);
}
END_TEST

Suite *graph_labels_suite(void)
{
    Suite *s = suite_create("graph_labels");
    TCase *all = add_case(s, "labels", set_up, tear_down,
                          TESTS(a_long_title_is_cut, constants_are_numbers, names_of_outputs, sizes, seconds,
                                a_closed_scope, times_of_regions));
    tcase_add_loop_test(all, a_name_is_shown, 0, NAMES);
    tcase_add_loop_test(all, a_formula_is_shown, 0, FORMULAS);
    return s;
}
