/* test_drawn.c - tests a drawing with places (pal_graph_draw), and the document for LaTeX that is made of it. */
#include <math.h>
#include <stdlib.h>

#include "autograd/text/drawn.h"
#include "tests/autograd/graph_models.h"
#include "tests/failing.h"
#include "tests/files.h"
#include "tests/testing.h"

Suite *drawn_suite(void);

static pal_context *context;
static drawn_model m;
static pal_var outputs[DRAWN_LEAVES];

static void set_up(void) { context = context_with(1); }
static void tear_down(void)
{
    drawn_free(&m);
    pal_context_free(context);
}

static pal_graph_options options_of(void)
{
    static const char *names[DRAWN_LEAVES] = {"loss"};
    outputs[0] = m.loss;
    for (size_t i = 1; i < m.n; i++) outputs[i] = m.gradients[i];
    return (pal_graph_options){
        .struct_size = sizeof(pal_graph_options), .names = names, .parameters = m.leaves + 1, .n_parameters = m.n - 1};
}

static pal_graph_drawn *draw(const pal_graph_options *o, bool gradients)
{
    pal_graph_drawn *d = pal_graph_draw(m.tape, outputs, gradients ? m.n : 1, o, NULL);
    ck_assert_msg(d != NULL, "%s", pal_tape_error(m.tape));
    return d;
}

static bool is_box(const pal_graph_item *i) { return i->look == PAL_GRAPH_SCOPE || i->look == PAL_GRAPH_BODY; }

static bool meet(const pal_graph_item *a, const pal_graph_item *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

static bool inside(const pal_graph_item *a, const pal_graph_item *box)
{
    return a->x >= box->x && a->y >= box->y && a->x + a->width <= box->x + box->width &&
           a->y + a->height <= box->y + box->height;
}

/* Nodes do not meet; a box has a node whole or not at all; a curve begins and ends at the edge of something. */
static void check_places(const pal_graph_drawn *d)
{
    for (size_t i = 0; i < d->n_items; i++) {
        const pal_graph_item *a = &d->items[i];
        ck_assert(a->x >= 0 && a->y >= 0 && a->width > 0 && a->height > 0);
        ck_assert(a->x + a->width <= d->width + 0.01 && a->y + a->height <= d->height + 0.01);
        for (size_t k = 0; k < i; k++) {
            const pal_graph_item *b = &d->items[k];
            ck_assert_msg(!meet(a, b) || (is_box(b) && inside(a, b)), "items %zu and %zu meet", k, i);
        }
    }
    for (size_t i = 0; i < d->n_curves; i++) {
        const pal_graph_curve *c = &d->curves[i];
        ck_assert_uint_ge(c->n_points, 2);
        for (int end = 0; end < 2; end++) {
            const pal_graph_point p = c->points[end ? c->n_points - 1 : 0];
            double nearest = INFINITY;
            for (size_t k = 0; k < d->n_items; k++) {
                const pal_graph_item *a = &d->items[k];
                const double x = fmax(fmax(a->x - p.x, p.x - a->x - a->width), 0),
                             y = fmin(fabs(a->y - p.y), fabs(a->y + a->height - p.y));
                const double side = fmin(fabs(a->x - p.x), fabs(a->x + a->width - p.x));
                nearest = fmin(nearest, c->kept ? fmin(side, x + y) : x + y);
            }
            ck_assert_double_le(nearest, 0.01);
        }
    }
}

static const pal_graph_item *labelled(const pal_graph_drawn *d, const char *text, pal_graph_look look)
{
    for (size_t i = 0; i < d->n_items; i++)
        for (size_t k = 0; k < d->items[i].n_runs && d->items[i].look == look; k++)
            if (!strcmp(d->items[i].runs[k].text, text)) return &d->items[i];
    return NULL;
}

START_TEST(nothing_meets_and_labels_are_read)
{
    void (*const models[])(drawn_model *, pal_context *, bool) = {draw_contractive, draw_variational, draw_deep};
    models[_i / 2](&m, context, true);
    pal_graph_options o = options_of();
    o.kept = _i % 2 ? PAL_GRAPH_KEPT_LINES : PAL_GRAPH_KEPT_NUMBERS;
    o.fold = _i % 2;
    pal_graph_drawn *d = draw(&o, true);
    check_places(d);
    ck_assert_ptr_nonnull(labelled(d, "matmul", PAL_GRAPH_OPERATION));
    ck_assert_ptr_nonnull(labelled(d, "W", PAL_GRAPH_PARAMETER));
    ck_assert_ptr_nonnull(labelled(d, "x", PAL_GRAPH_INPUT));
    ck_assert_ptr_nonnull(labelled(d, "parameter", PAL_GRAPH_PARAMETER)); /* of the legend */
    ck_assert_ptr_nonnull(labelled(d, "loss", PAL_GRAPH_SCOPE));
    ck_assert(labelled(d, "loss", PAL_GRAPH_OPERATION)->output);
    if (_i / 2 == 1) ck_assert_ptr_nonnull(labelled(d, "noise", PAL_GRAPH_NOISE));
    if (_i / 2 == 0) ck_assert_ptr_nonnull(labelled(d, "for each ", PAL_GRAPH_BODY));
    size_t shapes = 0, kept = 0, raised = 0, numbers = 0;
    for (size_t i = 0; i < d->n_curves; i++) {
        kept += d->curves[i].kept;
    }
    for (size_t i = 0; i < d->n_items; i++)
        for (size_t k = 0; k < d->items[i].n_runs; k++) {
            shapes += d->items[i].look == PAL_GRAPH_LABEL && !strcmp(d->items[i].runs[k].text, "32\u00d7784");
            raised += d->items[i].runs[k].raised;
            numbers += !strncmp(d->items[i].runs[k].text, "reads #", 7);
        }
    ck_assert_uint_gt(shapes, 0);
    ck_assert_uint_gt(raised, 0);
    ck_assert_int_eq(numbers > 0, !(_i % 2));
    if (_i % 2) ck_assert_uint_gt(kept, 0);
    pal_graph_drawn_free(d);
}
END_TEST

START_TEST(scopes_may_be_closed)
{
    draw_deep(&m, context, false);
    pal_graph_options o = options_of();
    o.depth = 1;
    o.no_legend = true;
    o.title = "a & b";
    o.colours[0] = "#123456";
    pal_graph_drawn *d = draw(&o, false);
    check_places(d);
    ck_assert_str_eq(d->title, "a & b");
    ck_assert_str_eq(d->fill[0], "#123456");
    ck_assert_ptr_null(labelled(d, "parameter", PAL_GRAPH_PARAMETER));
    ck_assert_ptr_nonnull(labelled(d, "layer1", PAL_GRAPH_CLOSED));
    pal_graph_drawn_free(d);
}
END_TEST

/* A label as dot gets it, with all its marks. */
START_TEST(labels_become_runs)
{
    draw_variational(&m, context, false);
    char label[] = "<<B>a&lt;b</B> #1<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#444444\">e<SUP>-x</SUP> &#215; 2</FONT>"
                   "<BR/><I>k</I>>";
    pal__words w = {.context = context};
    ck_assert(pal__words_read(&w, label));
    static const pal_graph_run wanted[] = {
        {"a<b", 11, true, false, false, false},      {" #1", 11, false, false, false, true},
        {"e", 9, false, false, false, false},        {"-x", 9, false, false, true, false},
        {" \u00d7 2", 9, false, false, false, true}, {"k", 11, false, true, false, true}};
    ck_assert_uint_eq(w.n, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < w.n; i++) {
        const pal_graph_run *a = &w.runs[i], *b = &wanted[i];
        ck_assert_str_eq(a->text, b->text);
        ck_assert_double_eq(a->size, b->size);
        ck_assert(a->bold == b->bold && a->italic == b->italic && a->raised == b->raised && a->ends == b->ends);
    }
    pal__free(context, w.runs);
}
END_TEST

static char *tex_of(const char *text)
{
    char *bytes = NULL;
    size_t size;
    FILE *f = open_memstream(&bytes, &size);
    pal__tikz_text(f, text);
    fclose(f);
    return bytes;
}

START_TEST(texts_are_escaped_for_tex)
{
    static const struct {
        const char *text, *tex;
    } cases[] = {
        {"d loss / d W_1", "d loss / d W\\_1"},
        {"50% & #3 {x} $^~\\", "50\\% \\& \\#3 \\{x\\} \\$\\textasciicircum{}$\\sim$\\textbackslash{}"},
        {"\u2016g\u2016\u00b2", "$\\|$g$\\|$$^2$"},
        {"x\u0302 - x", "$\\hat{\\textrm{x}}$ - x"},
        {"\u03b5 \u1d40", "$\\varepsilon$ $^{\\mathsf T}$"},
        {"\u4e2d", "\\fbox{?}"}};
    draw_variational(&m, context, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *tex = tex_of(cases[i].text);
        ck_assert_str_eq(tex, cases[i].tex);
        free(tex);
    }
}
END_TEST

static int count(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word)) n++;
    return n;
}

/* The ending of the file chooses the language. Each item has its line, and brackets are in pairs. */
START_TEST(a_document_is_written)
{
    static char text[1 << 20];
    draw_contractive(&m, context, true);
    const pal_graph_options o = options_of();
    pal_graph_drawn *d = draw(&o, true);
    int nodes = 0, boxes = 0;
    for (size_t i = 0; i < d->n_items; i++) is_box(&d->items[i]) ? boxes++ : nodes++;
    pal_error err = {PAL_OK, ""};
    const char *path = path_of("graph.tex");
    ck_assert_msg(pal_graph_write(m.tape, outputs, m.n, &o, path, &err) == PAL_OK, "%s", err.text);
    text[read_file(path, text, sizeof text - 1)] = 0;
    ck_assert_int_eq(count(text, "\\node[entry"), nodes);
    ck_assert_int_eq(count(text, "rectangle ("), boxes);
    ck_assert_int_eq(count(text, "\\draw["), boxes + (int)d->n_curves);
    ck_assert_int_eq(count(text, "{"), count(text, "}"));
    for (const char *c = text; *c; c++) ck_assert((*c >= ' ' && *c <= '~') || *c == '\n');
    ck_assert_ptr_nonnull(strstr(text, "\\end{document}\n"));
    pal_graph_drawn_free(d);
    ck_assert_int_eq(pal_graph_write(m.tape, outputs, m.n, &o, path_of("graph.dot"), &err), PAL_OK);
    text[read_file(path_of("graph.dot"), text, sizeof text - 1)] = 0;
    ck_assert_ptr_nonnull(strstr(text, "digraph"));
}
END_TEST

START_TEST(nothing_and_bad_handles)
{
    draw_variational(&m, context, false);
    const pal_graph_options o = {.struct_size = sizeof o};
    pal_graph_drawn *d = pal_graph_draw(m.tape, NULL, 0, &o, NULL); /* the whole tape */
    ck_assert_ptr_nonnull(d);
    check_places(d);
    pal_graph_drawn_free(d);
    pal_graph_drawn_free(NULL);
    ck_assert_ptr_null(pal_graph_draw(NULL, NULL, 0, NULL, NULL));
    ck_assert_ptr_null(pal_graph_draw(m.tape, NULL, 1, NULL, NULL));
    pal_tape *empty = pal_tape_new(context, PAL_F32);
    d = pal_graph_draw(empty, NULL, 0, NULL, NULL);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->n_items, 0);
    pal_graph_drawn_free(d);
    pal_tape_free(empty);
}
END_TEST

/* A context whose tape has failed is of no more use, so each run has its own. */
static bool draw_once(void *user)
{
    (void)user;
    pal_context *c = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
    if (!c) return false;
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tensor *x = t ? pal_tensor_new(c, PAL_F32, PAL_SHAPE(2, 3)) : NULL;
    pal_var v = {0};
    char *tex = NULL;
    if (x) {
        v = pal_sum_all(pal_square(pal_leaf(t, x, "x")));
        tex = pal__tikz(t, &v, 1, NULL);
        failing_require(tex || pal_tape_error(t));
    }
    const bool good = tex != NULL;
    pal_text_free(c, tex);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_context_free(c);
    return good;
}

START_TEST(a_lack_of_memory_is_told)
{
    draw_variational(&m, context, false);
    if (failing_can) ck_assert_int_gt(failing_each(draw_once, NULL, true), 10);
}
END_TEST

Suite *drawn_suite(void)
{
    Suite *s = suite_create("drawn");
    TCase *k = add_case(s, "drawn", set_up, tear_down,
                        TESTS(scopes_may_be_closed, labels_become_runs, texts_are_escaped_for_tex,
                              a_document_is_written, nothing_and_bad_handles, a_lack_of_memory_is_told));
    tcase_add_loop_test(k, nothing_meets_and_labels_are_read, 0, 6);
    in_own_folder(k);
    return s;
}
