/* test_blocks.c - blocks: they change only drawings, adjoints belong to them, and rewinding forgets them. Plumbing is
 * in the edges of a drawing. */
#include "autograd/internal.h"
#include "ops/ops.h"
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

Suite *blocks_suite(void);

static pal_context *c;
static pal_tensor *data[3];
static pal_tape *t;
static pal_var x, w, b;

static void set_up(void)
{
    c = context_with(1);
    data[0] = random_tensor(c, PAL_F32, PAL_SHAPE(4, 3), -1, 1, "x");
    data[1] = random_tensor(c, PAL_F32, PAL_SHAPE(3, 2), -1, 1, "w");
    data[2] = random_tensor(c, PAL_F32, PAL_SHAPE(2), -1, 1, "b");
}

static void tear_down(void)
{
    for (int i = 0; i < 3; i++) pal_tensor_free(data[i]);
    pal_context_free(c);
}

static void begin(void)
{
    t = pal_tape_new(c, PAL_F32);
    x = pal_leaf(t, data[0], "x");
    w = pal_leaf(t, data[1], "layer/W");
    b = pal_leaf(t, data[2], "layer/b");
}

/* A layer, a mean of squares, the gradient and the gradient of its square. */
static pal_var record(bool blocks, pal_var gradient[2])
{
    pal_var second[2];
    begin();
    if (blocks) pal_block_begin(t, "layer", "a = x W + b");
    pal_var a = pal_affine(x, w, b);
    if (blocks) pal_block_end(t);
    if (blocks) pal_block_again(a, "activation", "h = tanh(@)");
    pal_var h = pal_tanh(a);
    if (blocks) pal_block_end(t);
    if (blocks) pal_block_begin(t, "error", "mean h²");
    pal_var loss = pal_mean_all(pal_square(h));
    if (blocks) pal_block_end(t);
    pal_grad(loss, (pal_var[]){w, b}, 2, gradient);
    pal_grad(pal_sum_squares(gradient[0]), (pal_var[]){w, b}, 2, second);
    ck_assert_tape_ok(t);
    return loss;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) n++;
    return n;
}

static char *layers(const pal_var *outputs, size_t n)
{
    const pal_graph_options o = {
        .struct_size = sizeof o, .level = PAL_GRAPH_LAYERS, .parameters = (pal_var[]){w, b}, .n_parameters = 2};
    char *text = pal_graph_text(t, outputs, n, &o);
    ck_assert_tape_ok(t);
    ck_assert_ptr_nonnull(text);
    return text;
}

START_TEST(they_change_neither_text_nor_hashes_nor_the_drawing_of_operations)
{
    char *texts[2], *drawings[2];
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        pal_var gradient[2];
        const pal_var loss = record(i, gradient);
        texts[i] = pal_tape_text(t, NULL, 0);
        drawings[i] = pal_graph_text(t, NULL, 0, NULL);
        hash[i] = pal__mix(pal__at(t, gradient[0].id)->trace, pal__at(t, loss.id)->hash);
        pal_tape_free(t);
    }
    ck_assert_str_eq(texts[0], texts[1]);
    ck_assert_str_eq(drawings[0], drawings[1]);
    ck_assert_uint_eq(hash[0], hash[1]);
    for (int i = 0; i < 2; i++) {
        pal_text_free(c, texts[i]);
        pal_text_free(c, drawings[i]);
    }
}
END_TEST

START_TEST(an_adjoint_belongs_to_the_block_of_what_it_differentiates)
{
    pal_var gradient[2];
    const pal_var loss = record(true, gradient);
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        if (e->block) ck_assert_msg(e->derived == (e->order > 0), "entry %u", id);
    }
    char *text = layers((pal_var[]){loss, gradient[0], gradient[1]}, 3);
    ck_assert_int_eq(count(text, "<B>layer</B><BR/>h = tanh(x W + b)<BR/>"), 1);
    ck_assert_int_eq(count(text, "<B>&#8706; layer</B>"), 1);
    ck_assert_int_eq(count(text, "<B>error</B><BR/>mean h²"), 1);
    ck_assert_int_eq(count(text, "<B>&#8706; error</B>"), 1);
    ck_assert_int_eq(count(text, "shape=box, label="), 4); /* nothing else is drawn */
    ck_assert_ptr_nonnull(strstr(text, "<I>h</I> 4&#215;2"));
    ck_assert_ptr_nonnull(strstr(text, "&#8706;<I>h</I> 4&#215;2"));
    ck_assert_ptr_nonnull(strstr(text, "W 3&#215;2</FONT>"));
    ck_assert_int_eq(count(text, "->"), 4); /* x, h, its adjoint; and the seed beside the loss */
    pal_text_free(c, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(a_gradient_that_is_taken_inside_a_block_is_a_part_of_it)
{
    pal_var norm, g;
    begin();
    pal_block_begin(t, "layer", "h = x W");
    const pal_var h = pal_matmul(x, w);
    pal_block_end(t);
    pal_block_begin(t, "penalty", "‖∂h/∂x‖²");
    pal_grad(pal_sum_all(pal_square(h)), &x, 1, &norm);
    norm = pal_sum_squares(norm);
    pal_block_end(t);
    pal_grad(norm, &w, 1, &g);
    char *text = layers((pal_var[]){norm, g}, 2);
    ck_assert_int_eq(count(text, "<B>penalty</B>"), 1);
    ck_assert_int_eq(count(text, "<B>&#8706; penalty</B>"), 1);
    ck_assert_int_eq(count(text, "<B>&#8706; layer</B>"), 1);
    ck_assert_ptr_null(strstr(text, "&#8706;&#178;"));
    pal_text_free(c, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(blocks_nest_and_the_outermost_is_drawn)
{
    begin();
    pal_block_begin(t, "whole", "y = f(x)");
    pal_block_begin(t, "part", NULL);
    pal_var a = pal_matmul(x, w);
    pal_block_end(t);
    pal_block_again(a, "another", "y = exp(@)");
    a = pal_exp(a);
    pal_block_end(t);
    pal_block_end(t);
    const uint32_t inner = pal__at(t, a.id)->block;
    ck_assert_str_eq(t->blocks[inner].name, "part");
    ck_assert_str_eq(t->blocks[inner].formula, "y = exp()");
    pal_block_again(a, "outside", "z = sin(@)\n@"); /* continues the whole */
    a = pal_sin(a);
    pal_block_end(t);
    pal_block_again(x, "unmarked", "z = cos(@)"); /* a leaf has no block */
    const pal_var y = pal_cos(x);
    pal_block_end(t);
    char *text = layers((pal_var[]){a, y}, 2);
    ck_assert_int_eq(count(text, "<B>whole</B><BR/>z = sin(f(x))<BR/><FONT POINT-SIZE=\"4\">&#160;</FONT><BR/>f(x)"),
                     1);
    ck_assert_int_eq(count(text, "<B>unmarked</B><BR/>z = cos(a)"), 1);
    ck_assert_ptr_null(strstr(text, "part"));
    pal_text_free(c, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(noise_stays_outside)
{
    begin();
    pal_block_begin(t, "code", "z = μ + σ ε");
    const pal_var z = pal_sample_normal("code", x, pal_like(x, 0));
    pal_block_end(t);
    char *text = layers(&z, 1);
    ck_assert_int_eq(count(text, "shape=diamond"), 1);
    ck_assert_int_eq(count(text, "<B>ε</B>"), 1);
    pal_text_free(c, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(a_rewind_forgets_them)
{
    begin();
    pal_block_begin(t, "kept", NULL);
    const pal_mark mark = pal_tape_mark(t);
    size_t most = 0;
    for (int i = 0; i < 100; i++) {
        pal_block_begin(t, "forgotten", "y = x");
        pal_exp(x);
        pal_tape_rewind(t, mark);
        ck_assert_str_eq(t->blocks[t->block].name, "kept");
        if (!i) most = t->cap_blocks;
        ck_assert_uint_eq(t->cap_blocks, most);
    }
    pal_block_end(t);
    ck_assert_uint_eq(t->block, 0);
    ck_assert_tape_ok(t);
    pal_tape_free(t);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    char longest[513];
    memset(longest, 'n', 512);
    longest[512] = 0;
    begin();
    pal_block_end(t);
    ck_assert_str_eq(pal_tape_error(t), "block: pal_block_end without pal_block_begin");
    pal_tape_free(t);
    const char *const names[] = {NULL, "", longest};
    for (int i = 0; i < 3; i++) {
        begin();
        pal_block_begin(t, names[i], NULL);
        ck_assert_str_eq(pal_tape_error(t), "block: needs a name, and its texts may have 511 bytes");
        pal_block_end(t);
        pal_tape_free(t);
    }
    begin();
    for (int i = 0; i < 64; i++) pal_block_begin(t, "deep", NULL);
    ck_assert_tape_ok(t);
    pal_block_begin(t, "deeper", NULL);
    ck_assert_str_eq(pal_tape_error(t), "block: deeper is inside more than 64 blocks");
    pal_tape_free(t);
    pal_block_begin(NULL, "none", NULL);
    pal_block_end(NULL);
    pal_block_again((pal_var){0}, "none", NULL);
}
END_TEST

/* ---- Plumbing ------------------------------------------------------------------------------------------------- */

START_TEST(plumbing_is_a_mark_on_an_edge)
{
    begin();
    pal_var y = pal_exp(pal_neg(pal_transpose(pal_reshape(pal_exp(x), PAL_SHAPE(2, 6)))));
    y = pal_mul(y, pal_exp(pal_broadcast_to(b, PAL_SHAPE(6, 2))));
    pal_graph_options o = {.struct_size = sizeof o};
    char *folded = pal_graph_text(t, &y, 1, &o);
    o.plumbing = true;
    char *whole = pal_graph_text(t, &y, 1, &o);
    ck_assert_int_eq(count(whole, "shape=box, label="), count(folded, "shape=box, label=") + 4);
    ck_assert_int_eq(count(folded, "label=<&#160;&#8722;&#7488; 6&#215;2&#160;>"), 1);
    ck_assert_int_eq(count(folded, "label=<&#160;6&#215;2&#160;>"), 3); /* the broadcast, and two results */
    ck_assert_ptr_nonnull(strstr(whole, "<B>permute</B>"));
    pal_text_free(c, folded);
    pal_text_free(c, whole);
    pal_tape_free(t);
}
END_TEST

/* What is an output, or a forward sum, stays a node. An adjoint sum that undoes a broadcast does not. */
START_TEST(what_computes_or_is_wanted_stays)
{
    pal_var g;
    begin();
    const pal_var turned = pal_transpose(x), row = pal_exp(b),
                  loss = pal_sum_all(pal_square(pal_mul(turned, pal_sum(pal_affine(x, w, row), 2, false))));
    pal_grad(loss, &b, 1, &g);
    char *text = pal_graph_text(t, (pal_var[]){loss, turned, g}, 3, NULL);
    ck_assert_int_eq(count(text, "<B>permute</B>"), 1);
    ck_assert_int_eq(count(text, "<B>sum_to</B>"), 2);
    ck_assert_ptr_nonnull(strstr(text, "&#931;"));
    pal_text_free(c, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(what_marks_nothing_gets_a_block_around_it)
{
    for (int marks = 0; marks < 2; marks++) {
        begin();
        const uint32_t first = (uint32_t)t->n_entries;
        const size_t blocks = t->n_blocks;
        const pal_var noise = pal_normal(t, "noise", PAL_SHAPE(4, 3));
        if (marks) pal_block_begin(t, "own", "q = x + n");
        const pal_var sum = pal_add(x, noise);
        if (marks) pal_block_end(t);
        pal__block_around(t, first, blocks, "around", "q ~ r(q)");
        const pal_var y = pal_matmul(sum, w);
        char *text = pal_graph_text(
            t, &y, 1, &(pal_graph_options){.struct_size = sizeof(pal_graph_options), .level = PAL_GRAPH_LAYERS});
        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(count(text, "<B>around</B><BR/>q ~ r(q)"), !marks);
        ck_assert_int_eq(count(text, "<B>own</B>"), marks);
        ck_assert_int_eq(count(text, "<I>q</I> 4&#215;3"), 1); /* on the edge to the product */
        ck_assert_int_eq(count(text, "shape=diamond"), 1);
        pal_text_free(c, text);
        pal_tape_free(t);
    }
}
END_TEST

Suite *blocks_suite(void)
{
    Suite *s = suite_create("blocks");
    add_case(s, "blocks", set_up, tear_down,
             TESTS(they_change_neither_text_nor_hashes_nor_the_drawing_of_operations,
                   an_adjoint_belongs_to_the_block_of_what_it_differentiates,
                   a_gradient_that_is_taken_inside_a_block_is_a_part_of_it, blocks_nest_and_the_outermost_is_drawn,
                   noise_stays_outside, a_rewind_forgets_them, wrong_calls_are_refused,
                   what_marks_nothing_gets_a_block_around_it));
    add_case(s, "plumbing", set_up, tear_down, TESTS(plumbing_is_a_mark_on_an_edge, what_computes_or_is_wanted_stays));
    return s;
}
