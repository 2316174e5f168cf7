/* test_explain.c - tests that pal_explain prints what the tape computes.
 *
 * The text of a page is read back and computed in double (explain_reader.c). Every output, and every line with a
 * number, has to be the value of the program. This is done for all variants, at their defaults and with each choice of
 * each option, at orders 0, 1 and 2. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "autograd/explain.h"
#include "autograd/internal.h"
#include "autograd/text/internal.h"
#include "models/models.h"
#include "ops/notation.h"
#include "tests/autograd/graphs.h"
#include "tests/ops/explain_reader.h"
#include "tests/testing.h"

static pal_context *c;
static explain_reader *reader;
static void set_up(void)
{
    c = context_with(1);
    reader = calloc(1, sizeof *reader);
}
static void tear_down(void)
{
    free(reader);
    pal_context_free(c);
}

static const pal_noise noise = {.seed = 3, .clock = 5};
static const pal_explain_scope scopes[] = {{"loss", NULL}, {"encoder", NULL}, {"decoder", "z a h g W V b c"}};

/* ---- A page against the program ------------------------------------------------------------------------------- */

static const pal_tensor *find_leaf(const char *path, void *user)
{
    const pal__graph *g = user;
    for (uint32_t id = 1; id < g->tape->n_entries; id++) {
        const pal__entry *e = pal__at(g->tape, id);
        if (e->tensor && e->params->name && !strcmp(e->params->name, path)) return e->tensor;
    }
    return NULL;
}

static int pages_skipped;

static double far(const read_value *v, const pal_tensor *t)
{
    double worst = 0;
    for (size_t i = 0; i < pal_tensor_count(t); i++) {
        const double a = pal_tensor_get(t, i), b = v->at[i], d = fabs(a - b) / (1e-3 + fabs(a));
        if (a != b && !(isnan(a) && isnan(b)) && !(d <= worst)) worst = isnan(d) ? INFINITY : d;
    }
    return worst;
}

/* Whether the page says what the program computes. Prints what differs. */
static bool page_is_true(pal_tape *t, const pal_var *outputs, size_t n, const pal_explain_options *o, const char *what)
{
    enum { MOST = 1000 };
    char *page = pal_explain(t, outputs, n, o);
    pal__graph g = {0};
    ck_assert_msg(page && pal__canonical(t, outputs, n, "test", &g), "%s: %s", what, pal_tape_error(t));
    memset(reader, 0, sizeof *reader);
    *reader = (explain_reader){.context = c, .leaf = find_leaf, .user = &g, .noise = noise, .plain = !o->notation};
    bool good = explain_read(reader, page);
    const bool skipped = reader->skipped;
    pages_skipped += skipped;
    if (!good && !skipped) printf("%s: %s\n%s\n", what, reader->why, page);
    pal_var wanted[MOST];
    const read_value *said[MOST];
    const char *names[MOST];
    size_t m = 0;
    for (size_t i = 0; good && i < n; i++) {
        const read_line *l = explain_line(reader, o->names[i]);
        good = l != NULL;
        if (!l) printf("%s: no line says what %s is\n%s\n", what, o->names[i], page);
        wanted[m] = pal__var(g.tape, g.outputs[i]);
        names[m] = o->names[i];
        said[m++] = l ? &l->value : NULL;
    }
    for (size_t i = 0; good && i < reader->n && m < MOST; i++) {
        const read_line *l = &reader->line[i];
        if (l->number < 1 || !strcmp(l->name, "Σ") || pal__at(g.tape, (uint32_t)l->number)->region ||
            pal__at(g.tape, (uint32_t)l->number)->op == &pal__op_index)
            continue;
        wanted[m] = pal__var(g.tape, (uint32_t)l->number);
        names[m] = l->name;
        said[m++] = &l->value;
    }
    pal_program *program = good ? pal_compile(g.tape, wanted, m, NULL) : NULL;
    if (program) pal_program_set_noise(program, noise);
    ck_assert_msg(!good || (program && !pal_run(program)), "%s: %s", what, pal_tape_error(g.tape));
    for (size_t i = 0; good && i < m; i++) {
        const pal_tensor *is = pal_output(program, i);
        const bool as_many = (size_t)pal_shape_count(said[i]->shape) == pal_tensor_count(is);
        good = as_many && far(said[i], is) < 1e-6;
        if (!good)
            printf("%s: %s (%%%u) is not what it says, by %g: %g for %g\n%s\n", what, names[i], wanted[i].id,
                   as_many ? far(said[i], is) : NAN, as_many ? said[i]->at[0] : NAN, pal_tensor_get(is, 0), page);
    }
    pal_program_free(program);
    fflush(stdout); /* before an assertion ends the process */
    explain_reader_free(reader);
    pal__graph_free(c, &g);
    pal_text_free(c, page);
    return good || skipped;
}

/* ---- Models --------------------------------------------------------------------------------------------------- */

enum { SAMPLES = 3, MOST_OUTPUTS = 64 };

static size_t tiny_settings(const pal_variant *v, pal_setting *settings)
{
    static const pal_setting tiny[] = {
        {"hidden", "4"}, {"k", "2"}, {"layers", "5,4"}, {"channels", "2"}, {"kernel", "3"}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
        const pal_option *o = pal_variant_option_find(v, tiny[i].name);
        const bool wanted = o && (o->type != PAL_OPTION_SIZES || *o->value);
        if (wanted && !pal_option_check(o, tiny[i].value, NULL)) settings[n++] = tiny[i];
    }
    return n;
}

static bool model_is_true(const pal_variant *v, const pal_setting *settings, size_t n, int order, const char *what)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(c, v, settings, n, PAL_SHAPE(5, 6), PAL_F64, 1, &err);
    if (!m) return true; /* a choice that needs more than is given here */
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(SAMPLES, 30), 0, 1, "x");
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var leaves[MOST_OUTPUTS], outputs[MOST_OUTPUTS + 2] = {{0}};
    char labels[MOST_OUTPUTS + 2][16];
    const char *names[MOST_OUTPUTS + 2];
    const size_t all = pal_model_parameter_count(m);
    ck_assert(all < MOST_OUTPUTS);
    pal_model_begin(m, t, PAL_TRAIN);
    const pal_var loss =
        pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, xs, "x"), .labels = pal_model_labels(m, SAMPLES)});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    pal_var squares = {0};
    size_t count = 0;
    outputs[count++] = loss;
    if (order) pal_grad(loss, leaves, all, &outputs[count]);
    if (order == 2) {
        squares = pal_constant(t, 0);
        for (size_t i = 0; i < all; i++) squares = pal_add(squares, pal_sum_squares(outputs[1 + i]));
        outputs[0] = squares;
        pal_grad(squares, leaves, all, &outputs[1]);
    }
    if (order) count += all;
    bool good = true;
    if (!pal_tape_error(t)) { /* an option that the model refuses while it is recorded */
        for (size_t i = 0; i < count; i++) {
            snprintf(labels[i], sizeof labels[i], "out_%zu", i);
            names[i] = labels[i];
        }
        const pal_explain_value values[] = {{loss, "loss", "δ"}, {squares, "S", "η"}};
        pal_explain_options o = {.struct_size = sizeof o,
                                 .names = names,
                                 .parameters = leaves,
                                 .n_parameters = all,
                                 .values = values,
                                 .n_values = order == 2 ? 2 : 1,
                                 .scopes = scopes,
                                 .n_scopes = sizeof scopes / sizeof *scopes,
                                 .samples = SAMPLES,
                                 .title = what,
                                 .notation = pal_op_notation};
        good = page_is_true(t, outputs, count, &o, what);
        o.width = 60;
        o.recorded = true;
        if (good && order < 2) good = page_is_true(t, outputs, count, &o, what);
    }
    pal_tape_free(t);
    pal_model_free(m);
    pal_tensor_free(xs);
    return good;
}

static int checked;

static bool with_choices(const pal_variant *v, int order)
{
    pal_setting settings[8];
    char what[200];
    bool good = true;
    const size_t n = tiny_settings(v, settings);
    snprintf(what, sizeof what, "%s, order %d", v->name, order);
    good &= model_is_true(v, settings, n, order, what);
    checked++;
    for (size_t i = 0; pal_variant_option(v, i); i++) {
        const pal_option *o = pal_variant_option(v, i);
        char choices[400], *at = choices;
        snprintf(choices, sizeof choices, "%s", o->type == PAL_OPTION_ENUM && o->choices ? o->choices : "");
        for (char *word; (word = strsep(&at, "|"));) {
            if (!*word || !strcmp(word, o->value)) continue;
            settings[n] = (pal_setting){o->name, word};
            snprintf(what, sizeof what, "%s --%s %s, order %d", v->name, o->name, word, order);
            good &= model_is_true(v, settings, n + 1, order, what);
            checked++;
        }
    }
    return good;
}

START_TEST(every_variant_says_what_it_computes)
{
    bool good = true;
    checked = 0;
    for (size_t i = 0; pal_variant_at(i); i++) good &= with_choices(pal_variant_at(i), _i);
    ck_assert(good);
    ck_assert_int_gt(checked, 100);
}
END_TEST

/* ---- Other tapes ---------------------------------------------------------------------------------------------- */

static bool graph_is_true(uint64_t seed)
{
    const graph g = graph_of(seed, true);
    graph_values values;
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *leaves[GRAPH_NODES];
    char what[40], labels[GRAPH_OUTPUTS][16];
    const char *names[GRAPH_OUTPUTS];
    snprintf(what, sizeof what, "graph %llu", (unsigned long long)seed);
    for (size_t i = 0; i < g.n_leaves; i++) {
        pal_dtype dtype;
        const pal_shape shape = graph_leaf_shape(&g, i, &dtype);
        leaves[i] = pal_tensor_new(c, dtype, shape);
        for (size_t k = 0; k < pal_tensor_count(leaves[i]); k++) {
            double u;
            pal_noise_uniform((pal_noise){.seed = seed}, "leaf", 1000 * i + k, 1, &u);
            pal_tensor_set(leaves[i], k,
                           pal_dtype_real(dtype) ? 2 * u - 1
                           : dtype == PAL_BOOL   ? u > 0.5
                                                 : floor(3 * u));
        }
    }
    graph_record(&g, t, leaves, 0, &values);
    ck_assert_tape_ok(t);
    for (size_t i = 0; i < g.n_outputs; i++) {
        snprintf(labels[i], sizeof labels[i], "out_%zu", i);
        names[i] = labels[i];
    }
    pal_explain_options o = {.struct_size = sizeof o, .names = names, .title = what, .notation = pal_op_notation};
    bool good = page_is_true(t, values.outputs, g.n_outputs, &o, what);
    o.notation = NULL;
    if (good) good = page_is_true(t, values.outputs, g.n_outputs, &o, what);
    pal_tape_free(t);
    for (size_t i = 0; i < g.n_leaves; i++) pal_tensor_free(leaves[i]);
    return good;
}

START_TEST(random_tapes_say_what_they_compute)
{
    bool good = true;
    for (uint64_t seed = (uint64_t)_i * 100; seed < (uint64_t)(_i + 1) * 100; seed++) good &= graph_is_true(seed);
    ck_assert(good);
    ck_assert_int_lt(pages_skipped, 30);
}
END_TEST

START_TEST(each_notation_is_of_an_operation)
{
    for (size_t i = 0; pal_op_notation_at(i); i++) {
        const pal_notation *n = pal_op_notation_at(i);
        ck_assert_msg(pal_op_find(n->op) || !strcmp(n->op, "copy") || !strcmp(n->op, "stop_gradient"),
                      "%s is no operation", n->op);
        ck_assert_msg(n->text && *n->text && (!n->otherwise || (n->other_text && n->other_tex)), "%s", n->op);
        ck_assert_ptr_eq(pal_op_notation(n->op), n);
    }
    ck_assert_ptr_null(pal_op_notation("no such operation"));
    ck_assert_ptr_null(pal_op_notation(NULL));
}
END_TEST

/* Each product of a sum has flags of its own, and those of the last one come first. */
START_TEST(each_product_of_a_sum_is_transposed_as_it_says)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F"};
    static const pal_shape shapes[] = {{2, {4, 3}}, {2, {4, 2}}, {2, {3, 5}}, {2, {2, 5}}, {2, {3, 1}}, {2, {1, 2}}};
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *x[6];
    pal_var in[6];
    for (int i = 0; i < 6; i++) in[i] = pal_leaf(t, x[i] = random_tensor(c, PAL_F64, shapes[i], 0, 1, "x"), names[i]);
    const pal_var y = pal_record(t, pal_op_find("matmul_sum"), in, 6, &(pal_params){.i = {0, 0, 1, 0, 0, 1}});
    ck_assert_tape_ok(t);
    char *text = pal_explain(
        t, &y, 1, &(pal_explain_options){.struct_size = sizeof(pal_explain_options), .notation = pal_op_notation});
    ck_assert_msg(text && strstr(text, "y = Aᵀ B + C Dᵀ + E F"), "%s", text);
    pal_text_free(c, text);
    for (int i = 0; i < 6; i++) pal_tensor_free(x[i]);
    pal_tape_free(t);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
    pal_tape *t = pal_tape_new(c, PAL_F64), *other = pal_tape_new(c, PAL_F64);
    const pal_var y = pal_constant(t, 2), bad = {.tape = t}, foreign = pal_constant(other, 1);
    pal_explain_options o = {.struct_size = sizeof o};
    ck_assert_ptr_null(pal_explain(NULL, &y, 1, NULL));
    ck_assert_ptr_null(pal_explain(t, NULL, 1, NULL));
    ck_assert_tape_ok(t);
    const pal_mark mark = pal_tape_mark(t);
#define REFUSED(call, said)                                                                                            \
    do {                                                                                                               \
        ck_assert_ptr_null(call);                                                                                      \
        ck_assert_msg(pal_tape_error(t) && strstr(pal_tape_error(t), said), "%s", pal_tape_error(t));                  \
        pal_tape_rewind(t, mark);                                                                                      \
    } while (0)
    REFUSED(pal_explain(t, &bad, 1, NULL), "bad handle");
    REFUSED(pal_explain(t, &foreign, 1, NULL), "another tape");
    o.form = PAL_EXPLAIN_FORM_COUNT;
    REFUSED(pal_explain(t, &y, 1, &o), "form");
    o = (pal_explain_options){.struct_size = sizeof o, .n_values = 1};
    REFUSED(pal_explain(t, &y, 1, &o), "list");
    o.values = &(pal_explain_value){foreign, "w", NULL};
    REFUSED(pal_explain(t, &y, 1, &o), "value 1");
    pal_tape_free(t);
    pal_tape_free(other);
}
END_TEST

/* Names from outside are written so that no line reads as something else, and LaTeX stays whole. */
START_TEST(names_from_outside_are_harmless)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(2, 2), 0, 1, "x"),
               *ws = random_tensor(c, PAL_F64, PAL_SHAPE(2, 2), 0, 1, "w");
    pal_var outputs[] = {pal_matmul(pal_leaf(t, xs, "a + b\n\\end{document}"), pal_leaf(t, ws, "\x1b[31m%$_^"))};
    const char *names[] = {"y = 3 \\input{x}"};
    pal_explain_options o = {
        .struct_size = sizeof o, .names = names, .title = "50 % of {x}\n\\x", .notation = pal_op_notation};
    char *text = pal_explain(t, outputs, 1, &o);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, "y3inputx = abenddocument 31m_\n") != NULL, "%s", text);
    ck_assert_ptr_null(strchr(text, '\x1b'));
    pal_text_free(c, text);
    o.form = PAL_EXPLAIN_TEX;
    text = pal_explain(t, outputs, 1, &o);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_null(strchr(text, '\x1b'));
    const char *end = strstr(text, "\\end{document}");
    ck_assert_msg(end && !end[strlen("\\end{document}") + 1], "%s", text);
    pal_text_free(c, text);
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
}
END_TEST

/* Each allocation may fail: the page is whole, or there is none and the tape says why. */
START_TEST(memory_may_run_out)
{
    for (long left = 0;; left++) {
        meter memory = {.left = LONG_MAX};
        pal_context *own = metered_context(&memory);
        pal_tape *t = pal_tape_new(own, PAL_F64);
        pal_tensor *xs = random_tensor(own, PAL_F64, PAL_SHAPE(3, 2), 0, 1, "x"),
                   *ws = random_tensor(own, PAL_F64, PAL_SHAPE(2, 4), 0, 1, "w");
        pal_var w = pal_leaf(t, ws, "W"), loss = pal_sum_squares(pal_sigmoid(pal_matmul(pal_leaf(t, xs, "x"), w))), g;
        pal_grad(loss, &w, 1, &g);
        const pal_explain_value value = {loss, "loss", "δ"};
        const pal_explain_options o = {
            .struct_size = sizeof o, .values = &value, .n_values = 1, .notation = pal_op_notation};
        memory.left = left;
        char *text = pal_explain(t, (pal_var[]){loss, g}, 2, &o);
        memory.left = LONG_MAX;
        const bool done = text != NULL;
        ck_assert_msg(!text || strstr(text, "∂loss/∂W = 2 · xᵀ (h ⊙ h ⊙ (1 − h))"), "%s", text);
        ck_assert(text || pal_tape_error(t));
        pal_text_free(own, text);
        pal_tape_free(t);
        pal_tensor_free(xs);
        pal_tensor_free(ws);
        pal_context_free(own);
        ck_assert_int_eq(memory.held, 0);
        if (done) break;
        ck_assert_int_lt(left, 20000);
    }
}
END_TEST

Suite *explain_suite(void)
{
    Suite *s = suite_create("explain");
    TCase *models = add_case(s, "models", set_up, tear_down, TESTS(NULL));
    TCase *tapes = add_case(s, "tapes", set_up, tear_down,
                            TESTS(each_notation_is_of_an_operation, bad_calls_are_refused,
                                  each_product_of_a_sum_is_transposed_as_it_says, names_from_outside_are_harmless,
                                  memory_may_run_out));
    tcase_add_loop_test(tapes, random_tapes_say_what_they_compute, 0, 3);
    tcase_add_loop_test(models, every_variant_says_what_it_computes, 0, 3);
    return s;
}
