/* test_graph_drawing.c - the options of a drawing (legend, folding, closed scopes, numbers, sizes, times) and its file.
 *
 * With any options a drawing is complete: each node is declared once, and edges join only declared nodes. */
#include "tests/files.h"
#include "tests/autograd/graph_models.h"
#include "tests/testing.h"

Suite *graph_drawing_suite(void);

static pal_context *context;

static void set_up(void) { context = context_with(1); }
static void tear_down(void) { pal_context_free(context); }

static void (*const models[])(drawn_model *, pal_context *, bool) = {draw_contractive, draw_variational, draw_deep};
enum { CONTRACTIVE, VARIATIONAL, DEEP, MODELS };

static char *drawing_of(drawn_model *m, const pal_graph_options *options)
{
    pal_var outputs[DRAWN_LEAVES] = {m->loss};
    size_t n = 1;
    for (size_t i = 1; i < m->n && m->gradients[i].id; i++) outputs[n++] = m->gradients[i];
    char *text = pal_graph_text(m->tape, outputs, n, options);
    ck_assert_tape_ok(m->tape);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* ---- Completeness --------------------------------------------------------------------------------------------- */

enum { NODES = 1000, NODE_NAME = 24 };
typedef struct node_list {
    char names[NODES][NODE_NAME];
    size_t n, edges;
} node_list;

static bool declared(const node_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->names[i], name)) return true;
    return false;
}

/* Reads the lines twice: first the declared nodes, then the edges, whose ends must be declared. */
static node_list read_drawing(const char *text)
{
    node_list l = {.n = 0};
    for (int joined = 0; joined < 2; joined++)
        for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
            char from[NODE_NAME], to[NODE_NAME];
            const char *p = line + strspn(line, " ");
            if (!strncmp(p, "{rank=same;", 11)) p += 11;
            int words = sscanf(p, "%23[a-z0-9_] -> %23[a-z0-9_]", from, to);
            if (words == 2 && joined) {
                ck_assert_msg(declared(&l, from) && declared(&l, to), "not declared: %s -> %s", from, to);
                l.edges++;
            } else if (words == 1 && !joined && strchr("ngck", *from) && from[1] >= '0' && from[1] <= '9') {
                ck_assert_msg(!declared(&l, from), "declared twice: %s", from);
                ck_assert_uint_lt(l.n, NODES);
                strcpy(l.names[l.n++], from);
            }
        }
    return l;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) n++;
    return n;
}

static void check_with_dot(const char *text)
{
    if (system("command -v dot >/dev/null 2>&1")) return;
    /* dot cannot route curves through every drawing; the program then asks for straight lines, too. */
    static const char *const ways[] = {"dot -Tsvg 2>&1 >/dev/null | { ! grep . ; }",
                                       "dot -Gsplines=line -Tsvg 2>&1 >/dev/null | { ! grep . ; }"};
    int status = -1;
    for (size_t i = 0; i < 2 && status; i++) {
        FILE *dot = popen(ways[i], "w");
        ck_assert_ptr_nonnull(dot);
        ck_assert_int_ge(fputs(text, dot), 0);
        status = pclose(dot);
    }
    ck_assert_int_eq(status, 0);
}

static void check(char *text, bool with_dot)
{
    ck_assert_ptr_nonnull(text);
    node_list l = read_drawing(text);
    ck_assert_uint_gt(l.n, 5);
    ck_assert_uint_gt(l.edges, 4);
    ck_assert_int_eq(count(text, "{\n") + count(text, "{rank"), count(text, "}\n"));
    if (with_dot) check_with_dot(text);
    pal_text_free(context, text);
}

/* A gradient-descent step, which records effects. */
static void update(drawn_model *m)
{
    pal_scope_begin(m->tape, "update");
    for (size_t i = 1; i < m->n; i++) pal_assign(m->leaves[i], pal_sub(m->leaves[i], pal_scale(m->gradients[i], 0.1)));
    pal_scope_end(m->tape);
}

START_TEST(whole_whatever_the_options)
{
    enum { FOLD = 1, SIZES = 2, NO_LEGEND = 4, ALL = 8 };
    for (unsigned bits = 0; bits < ALL; bits++)
        for (unsigned depth = 0; depth < 3; depth++)
            for (int kept = 0; kept < 3; kept++)
                for (int gradient = 0; gradient < 2; gradient++) {
                    drawn_model m;
                    models[_i](&m, context, gradient);
                    pal_graph_options o = {.struct_size = sizeof o,
                                           .fold = bits & FOLD,
                                           .sizes = bits & SIZES,
                                           .no_legend = bits & NO_LEGEND,
                                           .depth = depth,
                                           .kept = (pal_graph_kept)kept};
                    check(drawing_of(&m, &o), gradient && bits == FOLD + SIZES);
                    if (gradient) {
                        update(&m);
                        check(pal_graph_text(m.tape, NULL, 0, &o), bits == FOLD + SIZES && depth == 1);
                    }
                    drawn_free(&m);
                }
}
END_TEST

/* ---- A small drawing, compared word for word ------------------------------------------------------------------ */

START_TEST(golden)
{
    pal_tape *t = pal_tape_new(context, PAL_F32);
    pal_tensor *data[2] = {pal_tensor_new(context, PAL_F32, PAL_SHAPE(4, 3)),
                           pal_tensor_new(context, PAL_F32, PAL_SHAPE(3))};
    pal_var x = pal_leaf(t, data[0], "x"), b = pal_leaf(t, data[1], "layer/b"), gradient;
    pal_scope_begin(t, "layer");
    pal_var h = pal_exp(pal_scale(pal_add(x, b), 0.5));
    pal_scope_end(t);
    pal_var loss = pal_sum_all(h);
    ck_assert_int_eq(pal_grad(loss, &b, 1, &gradient), PAL_OK);
    pal_graph_options o = {.struct_size = sizeof o,
                           .title = "small",
                           .names = (const char *const[]){"loss", "d loss / d b"},
                           .parameters = &b,
                           .n_parameters = 1,
                           .kept = PAL_GRAPH_KEPT_NUMBERS};
    char *text = pal_graph_text(t, (pal_var[]){loss, gradient}, 2, &o);
    ck_assert_ptr_nonnull(text);
    const char *begin = strstr(text, "  n1 [");
    ck_assert_ptr_nonnull(begin);
    ck_assert_str_eq(
        begin,
        "  n1 [shape=parallelogram, label=<<B>x</B>>, fillcolor=\"#ffffff\", color=\"#333333\", style=\"filled\", "
        "margin=\"0,0.03\"];\n"
        "  n7 [shape=box, label=<<B>sum_to</B><BR/><FONT POINT-SIZE=\"10\"><B>loss</B></FONT>>, fillcolor=\"#dcebf9\", "
        "color=\"#2f5d86\", style=\"filled,rounded\", penwidth=3];\n"
        "  subgraph cluster_1 {\n"
        "    labeljust=l; label=<layer>; color=\"#2f5d86\"; fontcolor=\"#2f5d86\"; bgcolor=\"#f6fafd\"; "
        "style=\"rounded\"; "
        "penwidth=0.7;\n"
        "    n2 [shape=cylinder, label=<<B>b</B>>, fillcolor=\"#fff3a8\", color=\"#7d6b00\", style=\"filled\"];\n"
        "    n3 [shape=box, label=<<B>add</B><BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">a + b</FONT>>, "
        "fillcolor=\"#dcebf9\", color=\"#2f5d86\", style=\"filled,rounded\"];\n"
        "    n5 [shape=box, label=<<B>mul</B><BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">a &#215; 0.5</FONT>>, "
        "fillcolor=\"#dcebf9\", color=\"#2f5d86\", style=\"filled,rounded\"];\n"
        "    n6 [shape=box, label=<<B>exp</B> #1<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">e<SUP>x</SUP></FONT>>, "
        "fillcolor=\"#dcebf9\", color=\"#2f5d86\", style=\"filled,rounded\"];\n"
        "  }\n"
        "  subgraph cluster_2 {\n"
        "    labeljust=l; label=<layer &#183; adjoint>; color=\"#a4630a\"; fontcolor=\"#a4630a\"; bgcolor=\"#fef8ee\"; "
        "style=\"rounded\"; penwidth=0.7;\n"
        "    n10 [shape=box, label=<<B>mul</B><BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">1 &#215; b</FONT>>, "
        "fillcolor=\"#f8cf8e\", color=\"#a4630a\", style=\"filled,rounded,dashed\"];\n"
        "    n11 [shape=box, label=<<B>mul</B><BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">a &#215; 0.5</FONT>>, "
        "fillcolor=\"#f8cf8e\", color=\"#a4630a\", style=\"filled,rounded,dashed\"];\n"
        "    n12 [shape=box, label=<<B>sum_to</B><BR/><FONT POINT-SIZE=\"10\"><B>d loss / d b</B></FONT>>, "
        "fillcolor=\"#f8cf8e\", color=\"#a4630a\", style=\"filled,rounded\", penwidth=3];\n"
        "    k6_10 [shape=box, fontsize=8, margin=\"0.03,0.01\", height=0.16, width=0.2, penwidth=0.6, "
        "style=\"filled,rounded\", fillcolor=\"#dcebf9\", color=\"#2f5d86\", label=<#1>];\n"
        "  }\n"
        "  n1 -> n3 [color=\"#2f5d86\", weight=4, label=<&#160;4&#215;3&#160;>];\n"
        "  n2 -> n3 [color=\"#2f5d86\", weight=4, label=<&#160;3&#160;>];\n"
        "  n3 -> n5 [color=\"#2f5d86\", weight=4, label=<&#160;4&#215;3&#160;>];\n"
        "  n5 -> n6 [color=\"#2f5d86\", weight=4, label=<&#160;4&#215;3&#160;>];\n"
        "  n6 -> n7 [color=\"#2f5d86\", weight=4, label=<&#160;4&#215;3&#160;>];\n"
        "  n11 -> n10 [color=\"#a4630a\", weight=4, dir=back, label=<&#160;4&#215;3&#160;>];\n"
        "  n12 -> n11 [color=\"#a4630a\", weight=4, dir=back, label=<&#160;4&#215;3&#160;>];\n"
        "  n10 -> k6_10 [dir=back, arrowsize=0.4, penwidth=0.6, color=\"#a4630a\"];\n"
        "}\n");
    pal_text_free(context, text);
    pal_tape_free(t);
    for (int i = 0; i < 2; i++) pal_tensor_free(data[i]);
}
END_TEST

/* ---- Options -------------------------------------------------------------------------------------------------- */

/* The legend explains only what the drawing contains. Title and legend can each be left out. */
START_TEST(title_and_legend)
{
    drawn_model m;
    draw_contractive(&m, context, true);
    pal_graph_options o = {.struct_size = sizeof o, .title = "contractive"};
    static const char *const words[] = {"forward", "adjoint", "double backward", "input", "region", "output"};
    char *text = drawing_of(&m, &o), *head = strstr(text, "  label=<<TABLE");
    ck_assert_ptr_nonnull(head);
    *strchr(head, '\n') = 0;
    ck_assert_ptr_nonnull(strstr(head, "contractive"));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(head, words[i]) != NULL, "no %s", words[i]);
    ck_assert_ptr_null(strstr(head, "noise"));
    pal_text_free(context, text);
    o.no_legend = true;
    text = drawing_of(&m, &o);
    ck_assert_ptr_nonnull(strstr(text, "contractive"));
    ck_assert_ptr_null(strstr(text, "CELLBORDER"));
    pal_text_free(context, text);
    o.title = NULL;
    text = drawing_of(&m, &o);
    ck_assert_ptr_null(strstr(text, "<TABLE"));
    pal_text_free(context, text);
    drawn_free(&m);
}
END_TEST

/* Consecutive layers with the same operations are drawn once, with their number and their shapes. */
START_TEST(folding)
{
    drawn_model m;
    draw_deep(&m, context, true);
    pal_graph_options o = {.struct_size = sizeof o, .parameters = m.leaves + 1, .n_parameters = m.n - 1};
    char *open = drawing_of(&m, &o);
    o.fold = true;
    char *folded = drawing_of(&m, &o);
    ck_assert_ptr_null(strstr(open, "<I>next</I>"));
    ck_assert_int_eq(count(open, "shape=cylinder"), 16);
    ck_assert_int_eq(count(folded, "shape=cylinder"), 6); /* folds of four and three layers, and single layers */
    ck_assert_ptr_nonnull(strstr(folded, "layer1 &#8230; layer4 &#183; 4&#215;"));
    ck_assert_ptr_nonnull(strstr(folded, "layer1 &#8230; layer3 &#183; 3&#215;"));
    ck_assert_ptr_nonnull(strstr(folded, "layer3 &#8230; layer1 &#183; 3&#215;")); /* the adjoints, in reverse order */
    ck_assert_ptr_nonnull(
        strstr(folded, "784&#215;1000&#160;<BR/>&#160;1000&#215;500&#160;<BR/>&#160;&#8230; 250&#215;30"));
    ck_assert_ptr_nonnull(strstr(
        folded, "<I>next</I>&#160;<BR/>&#160;32&#215;1000&#160;<BR/>&#160;32&#215;500&#160;<BR/>&#160;32&#215;250"));
    ck_assert_uint_lt(read_drawing(folded).n, read_drawing(open).n * 3 / 4);
    pal_text_free(context, open);
    pal_text_free(context, folded);
    update(&m); /* now the canonical order starts elsewhere in each layer */
    folded = pal_graph_text(m.tape, NULL, 0, &o);
    ck_assert_int_eq(count(folded, "&#183; 3&#215;"), 3);
    pal_text_free(context, folded);
    drawn_free(&m);
}
END_TEST

/* depth 1 draws each inner scope as one node, which lists its parameters and counts its operations. */
START_TEST(closing)
{
    drawn_model m;
    draw_deep(&m, context, true);
    pal_graph_options o = {.struct_size = sizeof o, .depth = 1, .parameters = m.leaves + 1, .n_parameters = m.n - 1};
    char *text = drawing_of(&m, &o);
    ck_assert_int_eq(count(text, "peripheries=2"), 16);
    ck_assert_int_eq(count(text, "shape=cylinder"), 0);
    ck_assert_ptr_nonnull(strstr(text, "3 operations"));
    ck_assert_ptr_nonnull(strstr(text, "W 784&#215;1000"));
    pal_text_free(context, text);
    o.fold = true;
    text = drawing_of(&m, &o);
    ck_assert_int_eq(count(text, "peripheries=2"), 7);
    ck_assert_ptr_nonnull(strstr(text, "W 784&#215;1000 &#8230; 250&#215;30"));
    ck_assert_ptr_nonnull(strstr(text, "&#8230; layer4 &#183; 4&#215;"));
    pal_text_free(context, text);
    drawn_free(&m);
    draw_contractive(&m, context, true); /* closing a scope also hides its region */
    o.n_parameters = 0;
    o.plumbing = true;
    text = drawing_of(&m, &o);
    ck_assert_ptr_null(strstr(text, "for each"));
    ck_assert_ptr_nonnull(strstr(text, "12 operations"));
    pal_text_free(context, text);
    drawn_free(&m);
}
END_TEST

/* A value that the adjoints keep from the forward pass is drawn as a dashed line, or as a number at both ends. */
START_TEST(keeping)
{
    drawn_model m;
    draw_variational(&m, context, true);
    pal_graph_options o = {.struct_size = sizeof o, .kept = PAL_GRAPH_KEPT_LINES};
    char *lines = drawing_of(&m, &o);
    o.kept = PAL_GRAPH_KEPT_NUMBERS;
    char *numbers = drawing_of(&m, &o);
    o.kept = PAL_GRAPH_KEPT_AUTO;
    char *chosen = drawing_of(&m, &o);
    ck_assert_int_gt(count(lines, "style=dashed, constraint=false"), 5);
    ck_assert_int_eq(count(numbers, "style=dashed, constraint=false"), 0);
    ck_assert_ptr_null(strstr(lines, "</B> #1"));
    ck_assert_ptr_nonnull(strstr(numbers, "label=<#1>"));
    ck_assert_ptr_nonnull(strstr(numbers, "label=<code/noise>"));
    ck_assert_ptr_nonnull(strstr(numbers, "</B> #1"));
    ck_assert_str_eq(chosen, numbers);
    pal_text_free(context, lines);
    pal_text_free(context, numbers);
    pal_text_free(context, chosen);
    drawn_free(&m);
}
END_TEST

START_TEST(sizes)
{
    drawn_model m;
    draw_variational(&m, context, false);
    pal_graph_options o = {.struct_size = sizeof o};
    char *without = drawing_of(&m, &o);
    o.sizes = true;
    char *with = drawing_of(&m, &o);
    ck_assert_ptr_null(strstr(without, "KiB"));
    ck_assert_ptr_nonnull(strstr(with, "98 KiB"));  /* 32 x 784 */
    ck_assert_ptr_nonnull(strstr(with, "2.5 KiB")); /* 32 x 20 */
    ck_assert_ptr_nonnull(strstr(with, "80 B"));    /* 20 */
    pal_text_free(context, without);
    pal_text_free(context, with);
    drawn_free(&m);
}
END_TEST

/* Every operation that runs has a time, although steps and drawing differ in order. Drawing another tape with the
 * program is harmless. */
START_TEST(times)
{
    drawn_model m;
    models[_i % MODELS](&m, context, _i == VARIATIONAL);
    pal_compile_options c = {.struct_size = sizeof c, .passes = PAL_PASS_NONE, .profile = true};
    pal_var outputs[DRAWN_LEAVES] = {m.loss};
    size_t n = 1;
    for (size_t i = 1; i < m.n && m.gradients[i].id; i++) outputs[n++] = m.gradients[i];
    pal_program *p = pal_compile(m.tape, outputs, n, &c);
    ck_assert_ptr_nonnull(p);
    pal_graph_options o = {.struct_size = sizeof o, .times = p};
    char *text = drawing_of(&m, &o);
    ck_assert_ptr_null(strstr(text, "#c0392b")); /* no times before the first run */
    pal_text_free(context, text);
    for (int i = 0; i < 2; i++) ck_assert_int_eq(pal_run(p), PAL_OK);
    text = drawing_of(&m, &o);
    int untimed = 0;
    for (const char *q = text; (q = strstr(q, "<B>matmul</B>")); q++) {
        const char *end = strchr(q, '\n'), *time = strstr(q, "#c0392b");
        untimed += !time || time > end;
    }
    ck_assert_int_eq(untimed, 0);
    ck_assert_int_gt(count(text, "#c0392b"), 10);
    ck_assert_ptr_nonnull(strstr(text, "share of the time"));
    pal_text_free(context, text);
    drawn_model other;
    models[(_i + 1) % MODELS](&other, context, true);
    pal_text_free(context, drawing_of(&other, &o));
    drawn_free(&other);
    pal_program_free(p);
    drawn_free(&m);
}
END_TEST

/* ---- Lack of memory ------------------------------------------------------------------------------------------- */

START_TEST(out_of_memory)
{
    meter memory = {.left = 1000000};
    pal_context *own = metered_context(&memory);
    drawn_model m;
    draw_deep(&m, own, true);
    pal_program *p = pal_compile(
        m.tape, &m.loss, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = PAL_PASS_NONE, .profile = true});
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_mark mark = pal_tape_mark(m.tape);
    pal_graph_options o = {.struct_size = sizeof o, .fold = true, .depth = 2, .sizes = true, .times = p};
    long failures = 0, held = 0;
    for (long k = 0;; k++) {
        held = memory.held;
        memory.left = k;
        char *text = pal_graph_text(m.tape, m.gradients + 1, m.n - 1, &o);
        memory.left = 1000000;
        pal_text_free(own, text);
        ck_assert_int_eq(memory.held, held);
        if (text) break;
        ck_assert_int_eq(pal_tape_status(m.tape), PAL_ERR_MEMORY);
        pal_tape_rewind(m.tape, mark);
        failures++;
    }
    ck_assert_int_gt(failures, 20);
    pal_program_free(p);
    drawn_free(&m);
    pal_context_free(own);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------------------------------------- */

START_TEST(writing)
{
    drawn_model m;
    draw_variational(&m, context, false);
    const char *path = write_text("graph.dot", "old");
    pal_error err = {0};
    char *text = drawing_of(&m, NULL), found[64] = "";
    ck_assert_int_eq(pal_graph_write(m.tape, &m.loss, 1, NULL, path, &err), PAL_OK);
    ck_assert_uint_eq(read_file(path, found, 60), 60);
    ck_assert_mem_eq(found, text, 60);
    ck_assert_int_eq(count_files(), 1);
    pal_text_free(context, text);
    drawn_free(&m);
}
END_TEST

/* If writing fails, the error names the file, and the old file remains unchanged. No temporary file remains. */
START_TEST(writing_fails)
{
    drawn_model m;
    draw_variational(&m, context, false);
    const char *path = write_text("graph.dot", "old");
    pal_error err = {0};
    struct rlimit before = fill_disk(1000);
    pal_status status = pal_graph_write(m.tape, &m.loss, 1, NULL, path, &err);
    make_room(before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "graph.dot"));
    assert_text(path, "old");
    ck_assert_int_eq(count_files(), 1);
    ck_assert_int_eq(pal_graph_write(m.tape, &m.loss, 1, NULL, path_of("none/graph.dot"), &err), PAL_ERR_IO);
    ck_assert_int_eq(pal_graph_write(m.tape, &m.loss, 1, NULL, folder, NULL), PAL_ERR_IO);
    ck_assert_int_eq(pal_graph_write(m.tape, &m.loss, 1, NULL, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(m.tape, NULL, 1, NULL, path, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(NULL, &m.loss, 1, NULL, path, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_graph_write(m.tape, &(pal_var){.tape = m.tape}, 1, NULL, path, &err), PAL_ERR_TAPE);
    ck_assert_ptr_nonnull(strstr(err.text, "output 1"));
    assert_text(path, "old");
    drawn_free(&m);
}
END_TEST

Suite *graph_drawing_suite(void)
{
    Suite *s = suite_create("graph_drawing");
    TCase *drawing = add_case(s, "drawing", set_up, tear_down,
                              TESTS(golden, title_and_legend, folding, closing, keeping, sizes, out_of_memory));
    tcase_add_loop_test(drawing, whole_whatever_the_options, 0, MODELS);
    tcase_add_loop_test(drawing, times, 0, MODELS);
    in_own_folder(add_case(s, "files", set_up, tear_down, TESTS(writing, writing_fails)));
    return s;
}
