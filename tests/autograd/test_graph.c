/* test_graph.c - the tape as text and as a drawing. Both are the same for every order of recording, complete, and
 * well-formed whatever names they contain. */
#include "tests/failing.h"
#include "tests/testing.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

Suite *graph_suite(void);

static pal_context *context;

static void set_up(void) { context = context_with(1); }
static void tear_down(void) { pal_context_free(context); }

/* ---- A small model in two orders of recording ----------------------------------------------------------------- */

enum { X, W, B, C, LEAVES };
static const char *const names[LEAVES] = {"x", "encoder/W", "encoder/b", "decoder/b"};

typedef struct model {
    pal_tensor *tensors[LEAVES];
    pal_tape *tape;
    pal_var leaves[LEAVES], loss, gradients[LEAVES - 1];
} model;

static void model_new(model *m)
{
    const pal_shape shapes[LEAVES] = {PAL_SHAPE(8, 6), PAL_SHAPE(6, 3), PAL_SHAPE(3), PAL_SHAPE(6)};
    *m = (model){.tape = pal_tape_new(context, PAL_F32)};
    for (int i = 0; i < LEAVES; i++) m->tensors[i] = pal_tensor_new(context, PAL_F32, shapes[i]);
}

static void model_free(model *m)
{
    pal_tape_free(m->tape);
    for (int i = 0; i < LEAVES; i++) pal_tensor_free(m->tensors[i]);
}

/* A tied denoising autoencoder with a contraction: forward pass, gradient, update. other: records in the opposite order
 * wherever the order is free. */
static void record(model *m, bool other)
{
    pal_tape *t = m->tape;
    for (int i = 0; i < LEAVES; i++) {
        int k = other ? LEAVES - 1 - i : i;
        m->leaves[k] = pal_leaf(t, m->tensors[k], names[k]);
    }
    pal_var x = m->leaves[X], noise, scaled;
    pal_scope_begin(t, "encoder");
    noise = pal_normal(t, "noise", PAL_SHAPE(8, 6));
    scaled = pal_scale(noise, 0.5);
    pal_var h = pal_sigmoid(pal_affine(pal_add(x, scaled), m->leaves[W], m->leaves[B]));
    pal_scope_end(t);
    pal_scope_begin(t, "decoder");
    pal_var a = pal_add(pal_matmul_t(h, m->leaves[W], false, true), m->leaves[C]);
    pal_scope_end(t);
    pal_scope_begin(t, "loss");
    pal_var parts[2];
    for (int i = 0; i < 2; i++) {
        int k = other ? 1 - i : i;
        parts[k] = k ? pal_jacobian_norm2_rows(h, x) : pal_mean_over_samples(pal_bernoulli_cross_entropy(a, x));
    }
    m->loss = pal_add(parts[0], pal_scale(parts[1], 0.25));
    pal_scope_end(t);
    pal_var wrt[LEAVES - 1], found[LEAVES - 1];
    for (int i = 0; i < LEAVES - 1; i++) wrt[i] = m->leaves[other ? LEAVES - 1 - i : 1 + i];
    ck_assert_int_eq(pal_grad(m->loss, wrt, LEAVES - 1, found), PAL_OK);
    for (int i = 0; i < LEAVES - 1; i++) m->gradients[i] = found[other ? LEAVES - 2 - i : i];
    pal_scope_begin(t, "update");
    for (int i = 0; i < LEAVES - 1; i++) pal_assign(wrt[i], pal_sub(wrt[i], pal_scale(found[i], 0.1)));
    pal_scope_end(t);
    ck_assert_tape_ok(t);
}

static char *text_of(bool other, bool drawing, bool chosen)
{
    model m;
    model_new(&m);
    record(&m, other);
    pal_var outputs[LEAVES] = {m.loss, m.gradients[0], m.gradients[1], m.gradients[2]};
    size_t n = chosen ? LEAVES : 0;
    pal_graph_options o = {
        .struct_size = sizeof o, .fold = chosen, .depth = chosen, .sizes = chosen, .plumbing = !chosen};
    char *text = drawing ? pal_graph_text(m.tape, outputs, n, &o) : pal_tape_text(m.tape, outputs, n);
    ck_assert_tape_ok(m.tape);
    ck_assert_ptr_nonnull(text);
    model_free(&m);
    return text;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

/* The text does not depend on the order in which C evaluates two independent calls. */
START_TEST(order_of_two_calls)
{
    char *texts[2];
    for (int other = 0; other < 2; other++) {
        pal_tensor *data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(4));
        pal_tape *t = pal_tape_new(context, PAL_F32);
        pal_var x = pal_leaf(t, data, "x"), f, g;
        if (other) {
            g = pal_tanh(x);
            f = pal_exp(pal_scale(x, 2));
        } else {
            f = pal_exp(pal_scale(x, 2));
            g = pal_tanh(x);
        }
        pal_add(f, g);
        texts[other] = pal_tape_text(t, NULL, 0);
        ck_assert_ptr_nonnull(texts[other]);
        pal_tape_free(t);
        pal_tensor_free(data);
    }
    ck_assert_str_eq(texts[0], texts[1]);
    ck_assert_str_eq(texts[0], "%1 = leaf f32[4] \"x\"\n"
                               "%2 = fill f32[] {2}\n"
                               "%3 = mul f32[4] (%1, %2)\n"
                               "%4 = exp f32[4] (%3)\n"
                               "%5 = tanh f32[4] (%1)\n"
                               "%6 = add f32[4] (%4, %5)\n"
                               "return %6\n");
    pal_text_free(context, texts[0]);
    pal_text_free(context, texts[1]);
}
END_TEST

START_TEST(order_of_a_whole_training_graph)
{
    for (int kind = 0; kind < 4; kind++) {
        char *one = text_of(false, kind & 1, kind & 2), *two = text_of(true, kind & 1, kind & 2);
        ck_assert_str_eq(one, two);
        pal_text_free(context, one);
        pal_text_free(context, two);
    }
}
END_TEST

static pal_var squared_row(pal_tape *t, pal_var k, void *user)
{
    (void)t;
    return pal_sum_squares(pal_take(*(pal_var *)user, k));
}

START_TEST(golden)
{
    pal_tensor *data[2] = {pal_tensor_new(context, PAL_F64, PAL_SHAPE(3, 2)),
                           pal_tensor_new(context, PAL_F64, PAL_SCALAR)};
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_var w = pal_leaf(t, data[0], "layer/W"), s = pal_leaf(t, data[1], "a \"name\"\n\\"), g;
    pal_scope_begin(t, "loss");
    pal_scope_begin(t, "rows");
    pal_var sum = pal_map_sum(t, 3, squared_row, &w);
    pal_scope_end(t);
    pal_var loss = pal_mul(pal_transpose(w), pal_mul(sum, pal_scale(s, 0.1)));
    pal_scope_end(t);
    pal_grad(pal_sum_all(loss), &s, 1, &g);
    ck_assert_tape_ok(t);
    char *text = pal_tape_text(t, &g, 1);
    ck_assert_str_eq(text, "%1 = fill f64[] {1}\n"
                           "%2 = broadcast_to f64[2,3] (%1) order 1\n"
                           "%3 = leaf f64[3,2] \"layer/W\"\n"
                           "%4 = permute f64[2,3] (%3) {1,0,0,0,0,0} in loss\n"
                           "%5 = mul f64[2,3] (%2, %4) in loss order 1\n"
                           "%6 = sum_to f64[] (%5) in loss order 1\n"
                           "%7 = index i32[] {1} in loss/rows\n"
                           "    %8 = take f64[2] (%3, %7) in loss/rows\n"
                           "    %9 = square f64[2] (%8) in loss/rows\n"
                           "    %10 = sum_to f64[] (%9) in loss/rows\n"
                           "    %11 = copy f64[] (%10) in loss/rows\n"
                           "%12 = map_sum f64[] (%3) {3} of %11 by %7 in loss/rows\n"
                           "%13 = mul f64[] (%6, %12) in loss order 1\n"
                           "%14 = fill f64[] {0.10000000000000001} in loss\n"
                           "%15 = mul f64[] (%13, %14) in loss order 1\n"
                           "return %15\n");
    pal_text_free(context, text);
    text = pal_tape_text(t, &s, 1);
    ck_assert_str_eq(text, "%1 = leaf f64[] \"a \\\"name\\\"\\012\\\\\"\nreturn %1\n");
    pal_text_free(context, text);
    pal_tape_free(t);
    pal_tensor_free(data[0]);
    pal_tensor_free(data[1]);
}
END_TEST

START_TEST(empty_and_failed)
{
    pal_tape *t = pal_tape_new(context, PAL_F32);
    char *text = pal_tape_text(t, NULL, 0), *drawing = pal_graph_text(t, NULL, 0, NULL);
    ck_assert_str_eq(text, "");
    ck_assert_ptr_nonnull(drawing);
    pal_text_free(context, text);
    pal_text_free(context, drawing);
    pal_var one = pal_constant(t, 1);
    pal_reshape(one, PAL_SHAPE(7));
    ck_assert_ptr_nonnull(pal_tape_error(t));
    text = pal_tape_text(t, NULL, 0); /* the text up to the error helps to find the fault */
    ck_assert_str_eq(text, "%1 = fill f32[] {1}\nreturn %1\n");
    pal_text_free(context, text);
    pal_tape_free(t);
}
END_TEST

START_TEST(bad_handles)
{
    pal_tape *t = pal_tape_new(context, PAL_F32), *stranger = pal_tape_new(context, PAL_F32);
    pal_var one = pal_constant(t, 1), foreign = pal_constant(stranger, 1);
    const pal_var outputs[][1] = {{{.tape = t}}, {{0}}, {foreign}, {{.tape = t, .id = 99, .generation = 1}}};
    pal_mark mark = pal_tape_mark(t);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        for (int drawing = 0; drawing < 2; drawing++) {
            ck_assert_ptr_null(drawing ? pal_graph_text(t, outputs[i], 1, NULL) : pal_tape_text(t, outputs[i], 1));
            ck_assert_int_eq(pal_tape_status(t), PAL_ERR_TAPE);
            ck_assert_ptr_nonnull(strstr(pal_tape_error(t), drawing ? "graph: output 1" : "text: output 1"));
            pal_tape_rewind(t, mark);
            ck_assert_tape_ok(t);
        }
    ck_assert_ptr_null(pal_tape_text(NULL, NULL, 0));
    ck_assert_ptr_null(pal_graph_text(NULL, NULL, 0, NULL));
    ck_assert_ptr_null(pal_tape_text(t, NULL, 1));
    pal_graph_options o = {.struct_size = sizeof o, .parameters = &one, .n_parameters = 1}; /* `one` is not a leaf */
    ck_assert_ptr_null(pal_graph_text(t, &one, 1, &o));
    ck_assert_ptr_nonnull(strstr(pal_tape_error(t), "parameter 1"));
    pal_tape_free(t);
    pal_tape_free(stranger);
}
END_TEST

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

/* Braces and brackets balance, and every string ends. HTML-like labels are skipped by counting angle brackets. */
static void check_balance(const char *text)
{
    int braces = 0, brackets = 0, angles = 0;
    bool quoted = false;
    for (const char *p = text; *p; p++) {
        if (angles) {
            angles += (*p == '<') - (*p == '>');
        } else if (quoted) {
            if (*p == '\\' && p[1])
                p++;
            else if (*p == '"')
                quoted = false;
        } else if (*p == '-' && p[1] == '>') {
            p++;
        } else {
            quoted = *p == '"';
            angles += *p == '<';
            braces += (*p == '{') - (*p == '}');
            brackets += (*p == '[') - (*p == ']');
        }
        ck_assert_int_ge(braces, 0);
        ck_assert_int_ge(brackets, 0);
    }
    ck_assert(!quoted && !angles && !braces && !brackets);
}

/* Graphviz, if it is installed, accepts the text without a warning. */
static void check_with_dot(const char *text)
{
    if (system("command -v dot >/dev/null 2>&1")) return;
    FILE *dot = popen("dot -Tsvg 2>&1 >/dev/null | { ! grep . ; }", "w");
    ck_assert_ptr_nonnull(dot);
    ck_assert_int_ge(fputs(text, dot), 0);
    ck_assert_int_eq(pclose(dot), 0);
}

/* Every line of the text has a node in the drawing, except constants, which are part of their readers' labels. */
START_TEST(drawing_is_whole)
{
    char *listed = text_of(false, false, false), *drawn = text_of(false, true, false);
    check_balance(drawn);
    check_with_dot(drawn);
    size_t nodes = 0;
    for (char *line = strtok(listed, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned id;
        char op[64], node[32];
        if (!strncmp(line, "return ", 7)) continue;
        ck_assert_int_eq(sscanf(line, " %%%u = %63s", &id, op), 2);
        snprintf(node, sizeof node, " n%u [shape", id);
        bool constant = !strcmp(op, "fill") || (!strcmp(op, "broadcast_to") && !strstr(drawn, node));
        ck_assert_msg(constant || strstr(drawn, node), "missing: %s", line);
        nodes += !constant;
    }
    ck_assert_uint_gt(nodes, 80);
    ck_assert_ptr_nonnull(strstr(drawn, "a &#215; 0.5"));           /* a constant is part of its reader's label */
    ck_assert_ptr_nonnull(strstr(drawn, "shape=cylinder"));         /* a leaf that an effect writes */
    ck_assert_ptr_nonnull(strstr(drawn, "style=\"dashed\""));       /* a region */
    ck_assert_ptr_nonnull(strstr(drawn, "encoder &#183; adjoint")); /* the box of a scope's adjoints */
    ck_assert_ptr_nonnull(strstr(drawn, "8&#215;6"));               /* a shape on an edge */
    pal_text_free(context, listed);
    pal_text_free(context, drawn);
}
END_TEST

/* Title, names and colours appear in the drawing; markup in a title is escaped, and an invalid colour is ignored. */
START_TEST(options_show)
{
    model m;
    model_new(&m);
    record(&m, false);
    pal_graph_options o = {.struct_size = sizeof o,
                           .title = "A <title> & \"more\"",
                           .names = (const char *const[]){"the loss", NULL},
                           .parameters = &m.leaves[W],
                           .n_parameters = 1,
                           .colours = {"#123456", "bad\"];}", NULL}};
    char *drawn = pal_graph_text(m.tape, (pal_var[]){m.loss, m.gradients[0]}, 2, &o);
    ck_assert_ptr_nonnull(drawn);
    check_balance(drawn);
    ck_assert_ptr_nonnull(strstr(drawn, "A &lt;title&gt; &amp; &quot;more&quot;"));
    ck_assert_ptr_nonnull(strstr(drawn, "<B>the loss</B>"));
    ck_assert_ptr_nonnull(strstr(drawn, "#123456"));
    ck_assert_ptr_null(strstr(drawn, "bad\"]"));
    pal_text_free(context, drawn);
    model_free(&m);
}
END_TEST

/* Names with quotes, markup, control characters or invalid UTF-8 break neither the text nor the drawing. */
START_TEST(hostile_names)
{
    static const char *const hostile[] = {"\"",           "a\"];}",       "\\",   "\\\"",   "<b>",      "&",
                                          "&amp;",        "]]>",          "\n",   "a/b/\t", "\xff\xfe", "\xc3\xa4\xc3",
                                          "\xed\xa0\x80", "\xef\xbf\xbf", "\x7f", "{|}",    "-->",      " "};
    enum { N = sizeof hostile / sizeof *hostile };
    pal_tape *t = pal_tape_new(context, PAL_F32);
    pal_tensor *data[N];
    pal_var sum = pal_constant(t, 0);
    for (int i = 0; i < N; i++) {
        data[i] = pal_tensor_new(context, PAL_F32, PAL_SHAPE(2));
        pal_var leaf = pal_leaf(t, data[i], hostile[i]);
        pal_scope_begin(t, hostile[i]);
        sum = pal_add(sum, pal_mul(leaf, pal_normal(t, "noise", PAL_SHAPE(2))));
        pal_scope_end(t);
    }
    ck_assert_tape_ok(t);
    pal_graph_options o = {.struct_size = sizeof o, .title = hostile[10], .names = &hostile[1]};
    char *drawn = pal_graph_text(t, &sum, 1, &o), *listed = pal_tape_text(t, &sum, 1);
    check_balance(drawn);
    check_with_dot(drawn);
    pal_text_free(context, drawn);
    o.fold = true; /* all leaves' scopes have the same operations, so they fold */
    o.depth = 1;
    drawn = pal_graph_text(t, &sum, 1, &o);
    check_balance(drawn);
    check_with_dot(drawn);
    size_t lines = 0;
    for (const char *p = listed; *p; p++) lines += *p == '\n';
    ck_assert_uint_eq(lines, pal_tape_length(t) + 1); /* plus the return line */
    pal_text_free(context, drawn);
    pal_text_free(context, listed);
    pal_tape_free(t);
    for (int i = 0; i < N; i++) pal_tensor_free(data[i]);
}
END_TEST

/* ---- Memory --------------------------------------------------------------------------------------------------- */

/* The process may have some more memory, from almost none to enough. A text is then whole, or there is an error. */
START_TEST(a_text_is_whole_or_an_error)
{
    if (!failing_can) return; /* a sanitizer needs more addresses than any limit allows */
    enum { ENTRIES = 6000, STEP = 1 << 18 };
    pal_tape *t = pal_tape_new(context, PAL_F32);
    pal_tensor *data = random_tensor(context, PAL_F32, PAL_SHAPE(2), 0, 1, "x");
    pal_var x = pal_leaf(t, data, "x");
    for (int i = 0; i < ENTRIES; i++) x = pal_sin(x);
    char *whole = pal_tape_text(t, &x, 1);
    const pal_mark mark = pal_tape_mark(t);
    size_t pages = 0, failed = 0;
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    for (int step = 0, done = 0; !done; step++) {
        FILE *f = fopen("/proc/self/statm", "r");
        ck_assert(f != NULL && fscanf(f, "%zu", &pages) == 1);
        fclose(f);
        const rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)step * STEP;
        setrlimit(RLIMIT_AS, &(struct rlimit){most, before.rlim_max});
        char *text = pal_tape_text(t, &x, 1);
        setrlimit(RLIMIT_AS, &before);
        if (text) ck_assert_str_eq(text, whole);
        if (!text) ck_assert_int_eq(pal_tape_status(t), PAL_ERR_MEMORY);
        failed += !text;
        done = text != NULL;
        pal_text_free(context, text);
        if (!done) pal_tape_rewind(t, mark);
        malloc_trim(0);
        ck_assert_int_lt(step, 1000);
    }
    ck_assert_uint_gt(failed, 2);
    pal_text_free(context, whole);
    pal_tape_free(t);
    pal_tensor_free(data);
}
END_TEST

START_TEST(out_of_memory)
{
    meter memory = {.left = 1000000};
    pal_context *own = context;
    context = metered_context(&memory);
    model m;
    model_new(&m);
    record(&m, false);
    pal_mark mark = pal_tape_mark(m.tape);
    for (int drawing = 0; drawing < 2; drawing++)
        for (long k = 0;; k++) {
            memory.left = k;
            char *text = drawing ? pal_graph_text(m.tape, NULL, 0, NULL) : pal_tape_text(m.tape, NULL, 0);
            memory.left = 1000000;
            if (text) {
                char *whole = drawing ? pal_graph_text(m.tape, NULL, 0, NULL) : pal_tape_text(m.tape, NULL, 0);
                ck_assert_str_eq(text, whole);
                pal_text_free(context, whole);
                pal_text_free(context, text);
                ck_assert_int_gt(k, 5);
                break;
            }
            ck_assert_int_eq(pal_tape_status(m.tape), PAL_ERR_MEMORY);
            pal_tape_rewind(m.tape, mark);
        }
    model_free(&m);
    pal_context_free(context);
    context = own;
}
END_TEST

Suite *graph_suite(void)
{
    Suite *s = suite_create("graph");
    TCase *text = tcase_create("text"), *drawing = tcase_create("drawing");
    tcase_add_checked_fixture(text, set_up, tear_down);
    tcase_add_test(text, order_of_two_calls);
    tcase_add_test(text, order_of_a_whole_training_graph);
    tcase_add_test(text, golden);
    tcase_add_test(text, empty_and_failed);
    tcase_add_test(text, bad_handles);
    tcase_add_test(text, out_of_memory);
    tcase_add_test(text, a_text_is_whole_or_an_error);
    suite_add_tcase(s, text);
    tcase_add_checked_fixture(drawing, set_up, tear_down);
    tcase_set_timeout(drawing, 60);
    tcase_add_test(drawing, drawing_is_whole);
    tcase_add_test(drawing, options_show);
    tcase_add_test(drawing, hostile_names);
    suite_add_tcase(s, drawing);
    return s;
}
