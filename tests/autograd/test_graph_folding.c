/* test_graph_folding.c - which scopes of a drawing are folded into one: those with the same operations, wired in the
 * same way, in the same inner scopes. What differs in anything that is drawn is drawn separately. */
#include <stdio.h>

#include "tests/testing.h"

Suite *graph_folding_suite(void);

static pal_context *context;
static pal_tape *t;
static pal_tensor *data[3];
static pal_var x, w[2];

static void set_up(void)
{
    static const char *const names[] = {"x", "one/W", "two/W"};
    context = context_with(1);
    t = pal_tape_new(context, PAL_F32);
    for (int i = 0; i < 3; i++) data[i] = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2, 2));
    x = pal_leaf(t, data[0], names[0]);
    for (int i = 0; i < 2; i++) w[i] = pal_leaf(t, data[1 + i], names[1 + i]);
}

static void tear_down(void)
{
    pal_tape_free(t);
    for (int i = 0; i < 3; i++) pal_tensor_free(data[i]);
    pal_context_free(context);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) n++;
    return n;
}

/* The drawing of y, folded. */
static char *drawn(pal_var y, size_t n_parameters)
{
    const pal_graph_options o = {
        .struct_size = sizeof o, .fold = true, .no_legend = true, .parameters = w, .n_parameters = n_parameters};
    char *text = pal_graph_text(t, &y, 1, &o);
    ck_assert_tape_ok(t);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* Scopes fold only if their operations are the same: one with another activation is drawn separately. */
START_TEST(folds_only_what_is_alike)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) {
        pal_scope_begin(t, names[i]);
        x = pal_scale(i == 1 ? pal_tanh(x) : pal_sigmoid(x), i == 3 ? 3 : 2);
        pal_scope_end(t);
    }
    char *text = drawn(x, 0);
    ck_assert_ptr_nonnull(strstr(text, "a &#8230; c &#183; 2&#215;"));
    ck_assert_int_eq(count(text, "subgraph"), 3);
    pal_text_free(context, text);
}
END_TEST

/* ---- Pairs of scopes ------------------------------------------------------------------------------------------ */

static pal_var term(pal_tape *tape, pal_var k, void *user)
{
    (void)tape;
    return pal_scale(pal_tanh(pal_take(*(pal_var *)user, k)), 2);
}

static pal_var inside(const char *name, pal_var in)
{
    pal_scope_begin(t, name);
    in = pal_sigmoid(pal_tanh(in));
    pal_scope_end(t);
    return in;
}

/* clang-format off */
static pal_var plain(pal_var in, bool second) { return (void)second, pal_neg(pal_tanh(in)); }
static pal_var nested(pal_var in, bool second) { return (void)second, inside("a", in); }
static pal_var nested_twice(pal_var in, bool second) { return (void)second, pal_neg(inside("b", inside("a", in))); }
static pal_var shifted(pal_var in, bool second) { return (void)second, pal_shift(pal_tanh(in), 0.5); }
static pal_var sliced(pal_var in, bool second) { return (void)second, pal_pad(pal_slice(in, (int64_t[]){1, 0}, (int64_t[]){1, 2}, (int64_t[]){1, 1}), PAL_SHAPE(2, 2), (int64_t[]){0, 0}, (int64_t[]){1, 1}); }
static pal_var noisy(pal_var in, bool second) { return (void)second, pal_mul(in, pal_normal(t, "noise", PAL_SHAPE(2, 2))); }
static pal_var weighed(pal_var in, bool second) { return pal_mul(in, w[second]); }
static pal_var summed(pal_var in, bool second) { return (void)second, pal_add(pal_map_sum(t, 2, term, &in), in); }

static pal_var other_op(pal_var in, bool second) { return second ? pal_exp(pal_tanh(in)) : pal_neg(pal_tanh(in)); }
static pal_var other_number(pal_var in, bool second) { return pal_shift(pal_tanh(in), second ? 0.25 : 0.5); }
static pal_var other_kind(pal_var in, bool second) { return second ? pal_add(pal_tanh(in), w[0]) : pal_shift(pal_tanh(in), 0.5); }
static pal_var other_name(pal_var in, bool second) { return inside(second ? "b" : "a", in); }
static pal_var other_depth(pal_var in, bool second) { return second ? pal_sigmoid(pal_tanh(in)) : inside("a", in); }
static pal_var other_depths(pal_var in, bool second) { return second ? inside("a", pal_neg(in)) : pal_neg(inside("a", in)); }
static pal_var other_wires(pal_var in, bool second) { pal_var h = pal_tanh(in); return pal_add(h, second ? h : in); }
static pal_var other_places(pal_var in, bool second) { pal_var h = pal_tanh(in), k = pal_exp(h); return pal_sub(second ? h : k, second ? k : h); }
static pal_var other_slice(pal_var in, bool second) { return pal_broadcast_to(pal_slice(in, (int64_t[]){second, 0}, (int64_t[]){1, 2}, (int64_t[]){1, 1}), PAL_SHAPE(2, 2)); }
static pal_var other_stream(pal_var in, bool second) { return pal_mul(in, pal_normal(t, second ? "this" : "that", PAL_SHAPE(2, 2))); }
static pal_var other_type(pal_var in, bool second) { return pal_cast(pal_tanh(pal_cast(in, second ? PAL_F64 : PAL_F32)), PAL_F32); }
static pal_var other_count(pal_var in, bool second) { pal_var h = pal_neg(pal_tanh(in)); return second ? pal_neg(h) : h; }
static pal_var other_region(pal_var in, bool second) { return second ? pal_add(pal_sum_to(pal_tanh(in), PAL_SHAPE(2)), in) : summed(in, false); }
/* clang-format on */

static const struct pair {
    const char *name;
    pal_var (*record)(pal_var in, bool second);
    bool alike;
    size_t parameters; /* how many of the weights are parameters; the others are inputs */
} pairs[] = {
    {"plain", plain, true, 2},
    {"nested", nested, true, 2},
    {"nested twice", nested_twice, true, 2},
    {"a number", shifted, true, 2},
    {"integers", sliced, true, 2},
    {"noise", noisy, true, 2},
    {"parameters", weighed, true, 2},
    {"inputs", weighed, true, 0},
    {"regions", summed, true, 2},
    {"another operation", other_op, false, 2},
    {"another number", other_number, false, 2},
    {"a number and a value", other_kind, false, 2},
    {"an inner scope of another name", other_name, false, 2},
    {"an inner scope and none", other_depth, false, 2},
    {"other operations in the inner scope", other_depths, false, 2},
    {"other wires", other_wires, false, 2},
    {"operands in another order", other_places, false, 2},
    {"other integers", other_slice, false, 2},
    {"another stream", other_stream, false, 2},
    {"a parameter and an input", weighed, false, 1},
    {"another type", other_type, false, 2},
    {"more operations", other_count, false, 2},
    {"a region and none", other_region, false, 2},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

START_TEST(a_pair_folds_if_it_is_alike)
{
    const struct pair *p = &pairs[_i];
    static const char *const names[] = {"one", "two"};
    for (int i = 0; i < 2; i++) {
        pal_scope_begin(t, names[i]);
        x = p->record(x, i);
        pal_scope_end(t);
    }
    char *text = drawn(pal_sum_all(x), p->parameters);
    const bool folded = strstr(text, "one &#8230; two &#183; 2&#215;");
    ck_assert_msg(folded == p->alike, "%s: %s", p->name, text);
    ck_assert_msg(count(text, "label=<two>") == !p->alike, "%s: %s", p->name, text);
    pal_text_free(context, text);
}
END_TEST

/* Scopes that are alike, in scopes that are alike: one of four is drawn, with both numbers. */
START_TEST(folds_within_folds)
{
    static const char *const blocks[] = {"one", "two"};
    for (int i = 0; i < 2; i++) {
        pal_scope_begin(t, blocks[i]);
        x = inside("b", inside("a", x));
        pal_scope_end(t);
    }
    char *text = drawn(x, 0);
    ck_assert_int_eq(count(text, "one &#8230; two &#183; 2&#215;"), 1);
    ck_assert_int_eq(count(text, "a &#8230; b &#183; 2&#215;"), 1);
    ck_assert_int_eq(count(text, "<B>tanh</B>"), 1);
    ck_assert_int_eq(count(text, "subgraph"), 2);
    pal_text_free(context, text);
}
END_TEST

/* Scopes beside a region, and in it, are no reason to fold the region. */
START_TEST(a_region_stays)
{
    pal_var y = pal_add(pal_map_sum(t, 2, term, &x), inside("a", pal_map_sum(t, 3, term, &x)));
    char *text = drawn(pal_sum_all(y), 0);
    ck_assert_int_eq(count(text, "for each <I>k</I>"), 2);
    ck_assert_int_eq(count(text, "&#183; 2&#215;"), 0);
    pal_text_free(context, text);
}
END_TEST

Suite *graph_folding_suite(void)
{
    Suite *s = suite_create("graph_folding");
    TCase *all =
        add_case(s, "folding", set_up, tear_down, TESTS(folds_only_what_is_alike, folds_within_folds, a_region_stays));
    tcase_add_loop_test(all, a_pair_folds_if_it_is_alike, 0, PAIRS);
    return s;
}
