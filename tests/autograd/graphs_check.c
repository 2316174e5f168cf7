/* graphs_check.c - checks the properties of a random graph (see graphs.h). */
#include "tests/autograd/graphs.h"

#include "autograd/gradcheck.h"
#include "autograd/compile/internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT = PAL_PASS_SIMPLIFY | PAL_PASS_FUSE | PAL_PASS_INPLACE };

/* ---- A graph on a tape, with its leaves ----------------------------------------------------------------------- */

typedef struct instance {
    const graph *g;
    pal_context *context;
    pal_tape *tape;
    pal_tensor *leaf[GRAPH_NODES];
    graph_values values;
} instance;

typedef struct result { /* outputs, then leaves, as doubles */
    double *v;
    size_t n;
    bool failed; /* the run reported an error; v is then empty */
} result;

static void fill_leaves(const instance *in)
{
    for (size_t i = 0; i < in->g->n_leaves; i++) {
        uint64_t rng = in->g->seed ^ (i + 1) << 40;
        pal_tensor *t = in->leaf[i];
        for (size_t k = 0; k < pal_tensor_count(t); k++) {
            double u = (double)(graph_random(&rng) >> 11) * 0x1p-53;
            uint64_t odd = in->g->smooth ? 1 : graph_random(&rng) % 16;
            double x = odd == 0 ? -0.0 : odd == 2 ? 1 : 4 * u - 2;
            pal_tensor_set(t, k,
                           t->dtype == PAL_BOOL                         ? u < 0.5
                           : t->dtype == PAL_F32 || t->dtype == PAL_F64 ? x
                                                                        : floor(5 * u));
        }
    }
}

static void open_instance(instance *in, const graph *g, pal_context *c, uint64_t order)
{
    *in = (instance){.g = g, .context = c, .tape = pal_tape_new(c, g->real)};
    for (size_t i = 0; i < g->n_leaves; i++) {
        pal_dtype dtype;
        pal_shape s = graph_leaf_shape(g, i, &dtype);
        in->leaf[i] = pal_tensor_new(c, dtype, s);
    }
    graph_record(g, in->tape, in->leaf, order, &in->values);
}

static void close_instance(instance *in)
{
    pal_tape_free(in->tape);
    for (size_t i = 0; i < in->g->n_leaves; i++) pal_tensor_free(in->leaf[i]);
}

static void free_result(result *r)
{
    free(r->v);
    *r = (result){0};
}

static void append(result *r, const pal_tensor *t)
{
    size_t n = pal_tensor_count(t);
    double *v = realloc(r->v, (r->n + n + 1) * sizeof *v);
    if (!v) abort();
    r->v = v;
    for (size_t i = 0; i < n; i++) v[r->n++] = pal_tensor_get(t, i);
}

static bool read_results(const instance *in, pal_program *p, result *r)
{
    fill_leaves(in);
    pal_status status = pal_run(p);
    r->failed = status == PAL_ERR_NUMERIC;
    if (status != PAL_OK) return r->failed;
    for (size_t i = 0; i < in->g->n_outputs; i++) append(r, pal_output(p, i));
    for (size_t i = 0; i < in->g->n_leaves; i++) append(r, in->leaf[i]);
    return true;
}

typedef struct report { /* where a failure message goes */
    char *why;
    size_t size;
} report;

static bool tell(report to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool tell(report to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(to.why, to.size, format, args);
    va_end(args);
    return false;
}

/* Writes the outputs and every effect of the tape to roots; returns their number. */
static size_t roots_of(const instance *in, pal_var *roots)
{
    size_t n = in->g->n_outputs;
    memcpy(roots, in->values.outputs, n * sizeof *roots);
    for (size_t i = 0; i < in->tape->n_effects; i++) roots[n++] = pal__var(in->tape, in->tape->effects[i]);
    return n;
}

static pal_noise noise_of(const instance *in) { return (pal_noise){.seed = in->g->seed, .clock = 3, .row = 2}; }

/* Runs the graph with these passes. again: if not NULL, runs it a second time. */
static bool execute(const instance *in, unsigned passes, result *r, result *again, report to)
{
    *r = (result){0};
    pal_program *p =
        pal_compile(in->tape, in->values.outputs, in->g->n_outputs,
                    &(pal_compile_options){
                        .struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes, .lanes = 3});
    if (!p) return tell(to, "compile with passes %u: %s", passes, pal_tape_error(in->tape));
    pal_program_set_noise(p, noise_of(in));
    bool ok = read_results(in, p, r);
    if (ok && again) ok = read_results(in, p, again);
    if (!ok) tell(to, "run with passes %u: %s", passes, pal_program_error(p));
    char *text = pal_program_text(p);
    if (!text) ok = tell(to, "no text of the program");
    pal_text_free(in->context, text);
    pal_program_free(p);
    return ok;
}

/* Whether both results have the same bits (all NaNs count as equal). tolerance > 0: whether they differ by at most
 * tolerance, relative to the largest magnitude. */
static bool same(const result *a, const result *b, double tolerance, size_t *where)
{
    double scale = 1;
    for (size_t i = 0; i < a->n && tolerance > 0; i++) scale = isfinite(a->v[i]) ? fmax(scale, fabs(a->v[i])) : scale;
    for (*where = 0; *where < a->n && a->n == b->n; ++*where) {
        double x = a->v[*where], y = b->v[*where];
        if ((isnan(x) && isnan(y)) || !memcmp(&x, &y, sizeof x)) continue;
        if (!(fabs(x - y) <= tolerance * scale && tolerance > 0)) return false;
    }
    return a->n == b->n;
}

static bool agree(const result *a, const result *b, double tolerance, const char *what, report to)
{
    size_t at;
    if (a->failed != b->failed) return tell(to, "%s: one fails while running, the other does not", what);
    if (same(a, b, tolerance, &at)) return true;
    return tell(to, "%s: element %zu is %.17g and %.17g", what, at, at < a->n ? a->v[at] : 0.0,
                at < b->n ? b->v[at] : 0.0);
}

/* ---- Properties ----------------------------------------------------------------------------------------------- */

/* Every subset of the exact passes gives the same bits as no pass. */
static bool subsets_agree(const instance *in, const result *none, graph_counts *n, report to)
{
    static const unsigned exact[] = {PAL_PASS_SIMPLIFY, PAL_PASS_FUSE, PAL_PASS_INPLACE};
    for (unsigned s = 1; s < 8; s++) {
        unsigned passes = 0;
        char what[40];
        result r;
        for (int i = 0; i < 3; i++) passes |= s >> i & 1 ? exact[i] : 0;
        snprintf(what, sizeof what, "passes %u", passes);
        bool ok = execute(in, passes, &r, NULL, to) && agree(none, &r, 0, what, to);
        free_result(&r);
        if (!ok) return false;
        n->subsets++;
    }
    return true;
}

static bool rounding_agrees(const instance *in, const result *none, graph_counts *n, report to)
{
    result r;
    bool ok = execute(in, PAL_PASS_ALL, &r, NULL, to) &&
              (!in->g->smooth || agree(none, &r, in->g->real == PAL_F64 ? 1e-14 : 1e-6, "rounding passes", to));
    free_result(&r);
    n->rounding += ok && in->g->smooth;
    return ok;
}

/* A program compiled without effects computes the same outputs and changes no leaf. */
static bool effects_are_asked_for(const instance *in, const result *all, graph_counts *n, report to)
{
    result r = {0}, before = {0};
    pal_var outputs[GRAPH_OUTPUTS];
    for (size_t i = 0; i < in->g->n_outputs; i++) { /* an assign that is an output would run: take its value instead */
        outputs[i] = in->values.outputs[i];
        while (pal_op_of(outputs[i])->op_class == PAL_CLASS_EFFECT) outputs[i] = pal_operand(outputs[i], 1);
    }
    pal_program *p =
        pal_compile(in->tape, outputs, in->g->n_outputs,
                    &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = EXACT, .lanes = 3});
    bool ok = p != NULL;
    pal_program_set_noise(p, noise_of(in));
    ok = ok && read_results(in, p, &r);
    if (!ok) tell(to, "without effects: %s", p ? pal_program_error(p) : pal_tape_error(in->tape));
    fill_leaves(in);
    for (size_t i = 0; i < in->g->n_leaves; i++) append(&before, in->leaf[i]);
    result leaves = {.v = ok ? r.v + (r.n - before.n) : NULL, .n = before.n};
    r.n -= ok ? before.n : 0;
    result outputs_only = {.v = all->v, .n = all->n - before.n};
    ok = ok && agree(&before, &leaves, 0, "a leaf without effects", to) &&
         agree(&outputs_only, &r, 0, "outputs without effects", to);
    pal_program_free(p);
    free_result(&r);
    free_result(&before);
    n->effects += ok;
    return ok;
}

/* Recorded in another order, a graph has the same text. For the text of the whole tape only the numbers of lines are
 * compared: equal values may change places there if only some of them have readers. */
static bool texts_agree(const instance *in, const instance *other, graph_counts *n, report to)
{
    bool ok = true;
    for (int whole = 0; whole < 2 && ok; whole++) {
        size_t outputs = whole ? 0 : in->g->n_outputs, lines[2] = {0};
        char *a = pal_tape_text(in->tape, in->values.outputs, outputs);
        char *b = pal_tape_text(other->tape, other->values.outputs, outputs);
        char *drawn = pal_graph_text(in->tape, in->values.outputs, outputs, NULL);
        if (!a || !b || !drawn) ok = tell(to, "no text: %s", pal_tape_error(in->tape));
        for (const char *p = ok ? a : ""; *p; p++) lines[0] += *p == '\n';
        for (const char *p = ok ? b : ""; *p; p++) lines[1] += *p == '\n';
        if (ok && (whole ? lines[0] != lines[1] : strcmp(a, b) != 0))
            ok = tell(to, "recorded in another order the text%s differs", whole ? " of the whole tape" : "");
        pal_text_free(in->context, a);
        pal_text_free(other->context, b);
        pal_text_free(in->context, drawn);
    }
    n->texts += ok;
    return ok;
}

static bool order_agrees(const instance *in, const result *all, graph_counts *n, report to)
{
    instance other;
    result r = {0};
    open_instance(&other, in->g, in->context, in->g->seed | 1);
    bool ok = !pal_tape_error(other.tape) || tell(to, "other order: %s", pal_tape_error(other.tape));
    ok = ok && execute(&other, EXACT, &r, NULL, to) && agree(all, &r, 0, "recorded in another order", to) &&
         texts_agree(in, &other, n, to);
    n->order += ok;
    free_result(&r);
    close_instance(&other);
    return ok;
}

static pal_tensor *leaf_named(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    const instance *in = user;
    size_t i = 0;
    return sscanf(name, "leaf%zu", &i) == 1 && i < in->g->n_leaves ? in->leaf[i] : NULL;
}

/* Parsing the text gives a tape with the same text, and its program gives the same bits. */
static bool text_comes_back(instance *in, const result *all, graph_counts *n, report to)
{
    pal_var roots[GRAPH_OUTPUTS + GRAPH_NODES], found[GRAPH_OUTPUTS + GRAPH_NODES];
    size_t n_roots = roots_of(in, roots), n_found = n_roots;
    instance other = *in;
    pal_error err = {0};
    result r = {0};
    pal_parse_options o = {.struct_size = sizeof o, .find = graph_find, .leaf = leaf_named, .user = in};
    char *text = pal_tape_text(in->tape, roots, n_roots), *second = NULL;
    other.tape = pal_tape_new(in->context, in->g->real);
    bool ok = text != NULL || tell(to, "no text: %s", pal_tape_error(in->tape));
    ok = ok && (pal_tape_parse(other.tape, text, &o, found, &n_found, &err) == PAL_OK ||
                tell(to, "the text is refused: %s", err.text));
    if (ok) {
        second = pal_tape_text(other.tape, found, n_found);
        ok = (second && n_found == n_roots && !strcmp(text, second)) || tell(to, "the text read back differs");
        memcpy(other.values.outputs, found, in->g->n_outputs * sizeof *found);
    }
    ok = ok && execute(&other, EXACT, &r, NULL, to) && agree(all, &r, 0, "read back from text", to);
    n->read_back += ok;
    free_result(&r);
    pal_text_free(in->context, text);
    pal_text_free(in->context, second);
    pal_tape_free(other.tape);
    return ok;
}

static bool threads_agree(const instance *in, pal_context *three, const result *all, graph_counts *n, report to)
{
    instance other;
    result r = {0};
    open_instance(&other, in->g, three, 0);
    bool ok = execute(&other, EXACT, &r, NULL, to) && agree(all, &r, 0, "three threads", to);
    n->threads += ok;
    free_result(&r);
    close_instance(&other);
    return ok;
}

/* Leaves by the bits of `which`; in round 1 they have other values than in round 0, which no other leaf has. */
static void fill_round(const instance *in, uint64_t which, int round)
{
    fill_leaves(in);
    for (size_t i = 0; i < in->g->n_leaves && round; i++)
        for (size_t k = 0; k < pal_tensor_count(in->leaf[i]) && which >> i & 1 && pal_dtype_real(in->leaf[i]->dtype);
             k++)
            pal_tensor_set(in->leaf[i], k, 0.75 * pal_tensor_get(in->leaf[i], k));
}

static pal_status run_round(const instance *in, uint64_t which, int round, pal_program *p, result *r)
{
    fill_round(in, which, round);
    const pal_status status = pal_run(p);
    *r = (result){.failed = status != PAL_OK};
    for (size_t i = 0; i < in->g->n_outputs && !status; i++) append(r, pal_output(p, i));
    for (size_t i = 0; i < in->g->n_leaves && !status; i++) append(r, in->leaf[i]);
    return status;
}

/* Two programs give the bits of one, also where the first is not run again after the moving leaves have changed. */
static bool halves_agree(const instance *in, unsigned passes, graph_counts *n, report to)
{
    uint64_t state = in->g->seed;
    const uint64_t which = graph_random(&state);
    const pal_tensor *moving[GRAPH_NODES];
    size_t n_moving = 0;
    for (size_t i = 0; i < in->g->n_leaves; i++)
        if (which >> i & 1) moving[n_moving++] = in->leaf[i];
    const pal_compile_options o = {.struct_size = sizeof o, .effects = true, .passes = passes, .lanes = 3};
    pal_halves halves;
    pal_program *whole = pal_compile(in->tape, in->values.outputs, in->g->n_outputs, &o);
    bool ok =
        whole && !pal_compile_halves(in->tape, in->values.outputs, in->g->n_outputs, moving, n_moving, &o, &halves);
    if (!ok) tell(to, "in halves: %s", pal_tape_error(in->tape));
    bool failed = false;
    if (ok) {
        pal_program_set_noise(whole, noise_of(in));
        pal_program_set_noise(halves.again, noise_of(in));
        fill_leaves(in);
        failed = pal_run(halves.once) != PAL_OK; /* so may the whole, and nothing can be compared */
        n->kept += halves.n_kept;
    }
    for (int round = 0; round < 2 && ok && !failed; round++) {
        result a, b;
        run_round(in, which, round, whole, &a);
        run_round(in, which, round, halves.again, &b);
        ok = agree(&a, &b, 0, round ? "in halves, again" : "in halves", to);
        free_result(&a);
        free_result(&b);
    }
    n->halves += ok && !failed;
    if (whole) pal_program_free(whole);
    if (whole) pal_halves_free(&halves);
    return ok;
}

static pal_var build(pal_tape *t, const pal_var *inputs, const void *user) { return graph_scalar(user, t, inputs); }

static bool gradients_agree(const graph *g, pal_context *c, int order, graph_counts *n, report to)
{
    instance in = {.g = g, .context = c};
    pal_gradcheck_report r = {0};
    for (size_t i = 0; i < g->n_leaves; i++) {
        pal_dtype dtype;
        pal_shape s = graph_leaf_shape(g, i, &dtype);
        in.leaf[i] = pal_tensor_new(c, dtype, s);
    }
    fill_leaves(&in);
    pal_gradcheck_options o = {.struct_size = sizeof o,
                               .order = order,
                               .seed = g->seed,
                               .max_elements = 20,
                               .step = 0x1p-8,
                               .tolerance = order == 1 ? 1e-5 : 1e-4};
    pal_status status = pal_gradcheck(c, "graph", build, g, in.leaf, g->n_leaves, &o, &r);
    for (size_t i = 0; i < g->n_leaves; i++) pal_tensor_free(in.leaf[i]);
    bool passed = status == PAL_OK && r.verdict == PAL_CHECK_PASS;
    n->gradients += passed && order == 1;
    n->second += passed && order == 2;
    n->kinks += status == PAL_OK && r.verdict == PAL_CHECK_KINK;
    n->errors += status != PAL_OK || r.verdict == PAL_CHECK_ERROR;
    if (status != PAL_OK || r.verdict == PAL_CHECK_ERROR) return tell(to, "gradient check: %s", r.message);
    if (r.verdict == PAL_CHECK_FAIL && isnan(r.numeric))
        return true; /* the function is NaN there, so no difference exists */
    /* The remainder is mostly rounding error: its rate means nothing if the differences agree. */
    if (r.verdict == PAL_CHECK_FAIL && r.error <= o.tolerance && strstr(r.message, "Taylor")) return true;
    /* For numbers this small, the differences have no correct digits. */
    if (r.verdict != PAL_CHECK_FAIL || fabs(r.analytic) + fabs(r.numeric) < 1e-12) return true;
    if (order == 2 && fabs(r.analytic - r.numeric) < 1e-11) return true;
    return tell(
        to, "order %d: derivative by leaf %zu, element %zu: %.12g, by differences %.12g (error %g, linearity %g) %s",
        order, r.input, r.element, r.analytic, r.numeric, r.error, r.linearity, r.message);
}

static bool sound(const instance *in, report to)
{
    if (pal_tape_error(in->tape)) return tell(to, "recording: %s", pal_tape_error(in->tape));
    const char *wrong = pal__verify(in->tape);
    return !wrong || tell(to, "recorded: %s", wrong);
}

static void count_operations(const instance *in, graph_counts *n)
{
    for (uint32_t id = 1; id < in->tape->n_entries; id++)
        for (size_t i = 0; i < GRAPH_OPERATIONS && pal_op_at(i); i++)
            n->seen[i] += pal_op_at(i) == pal__at(in->tape, id)->op;
}

bool graph_holds(const graph *g, graph_contexts c, bool gradients, graph_counts *n, char *why, size_t size)
{
    report to = {why, size};
    instance in;
    result none = {0}, again = {0}, all = {0};
    open_instance(&in, g, c.one, 0);
    bool ok = sound(&in, to);
    count_operations(&in, n);
    ok = ok && execute(&in, PAL_PASS_NONE, &none, NULL, to) && subsets_agree(&in, &none, n, to);
    if (ok && none.failed) n->numeric++; /* it may succeed without effects or with other rounding */
    ok = ok && (none.failed || rounding_agrees(&in, &none, n, to)) && execute(&in, EXACT, &all, &again, to) &&
         agree(&all, &again, 0, "run again", to);
    n->again += ok;
    ok = ok && (none.failed || effects_are_asked_for(&in, &all, n, to)) && threads_agree(&in, c.three, &all, n, to) &&
         order_agrees(&in, &all, n, to) && text_comes_back(&in, &all, n, to) && halves_agree(&in, EXACT, n, to) &&
         halves_agree(&in, PAL_PASS_ALL, n, to);
    if (ok && gradients && g->small) ok = gradients_agree(g, c.one, 1, n, to);
    if (ok && gradients && g->small && g->seed % 3 == 0) ok = gradients_agree(g, c.one, 2, n, to);
    free_result(&none);
    free_result(&again);
    free_result(&all);
    close_instance(&in);
    n->graphs++;
    return ok;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

char *graph_scalar_text(const graph *g, pal_context *c)
{
    instance in;
    graph leaves = *g;
    leaves.n = leaves.n_main = leaves.n_leaves;
    leaves.n_outputs = 0;
    open_instance(&in, &leaves, c, 0);
    pal_var y = graph_scalar(g, in.tape, in.values.node);
    char *text = pal_tape_text(in.tape, &y, pal_ok(y));
    close_instance(&in);
    return text;
}

char *graph_text(const graph *g, pal_context *c)
{
    instance in;
    open_instance(&in, g, c, 0);
    pal_var roots[GRAPH_OUTPUTS + GRAPH_NODES];
    bool whole = pal_tape_error(in.tape) || pal__verify(in.tape);
    char *text = pal_tape_text(in.tape, whole ? NULL : roots, whole ? 0 : roots_of(&in, roots));
    close_instance(&in);
    return text;
}
