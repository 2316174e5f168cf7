/* explain.c - pal_explain: a tape becomes a page of formulas.
 *
 * The tape is copied in canonical order, which gives the numbers of the lines. To the copy are added the derivatives of
 * the scalars that the caller names, by the values in between: where a value of the gradient is one of these, which
 * merging of equal entries shows, it is called "δ_z". So such a name is proved and not guessed. Then the copy is
 * simplified as the compiler does it, and arranged by the notations (explain.h of this folder: what follows). */
#include "autograd/text/explain.h"

#include <string.h>

#include "autograd/compile/internal.h"
#include "autograd/text/internal.h"

enum { MOST_CANDIDATES = 4096, WIDTH = 100, LEAST_WIDTH = 40, ROUNDS = 64 };

/* ---- The copy, and what names are made from ------------------------------------------------------------------- */

typedef struct roots {
    pal_context *context;
    uint32_t *ids;
    pal__root *what;
    size_t n, cap_ids, cap_what;
    bool failed;
} roots;

static void add(roots *r, uint32_t id, pal__reason reason, size_t value)
{
    if (!pal__grow(r->context, (void **)&r->ids, r->n, &r->cap_ids, sizeof *r->ids) ||
        !pal__grow(r->context, (void **)&r->what, r->n, &r->cap_what, sizeof *r->what)) {
        r->failed = true;
        return;
    }
    r->ids[r->n] = id;
    r->what[r->n++] = (pal__root){reason, value};
}

/* The entry of a copy that was made from this entry; 0: none was. */
static uint32_t copied(const pal_tape *copy, uint32_t of)
{
    for (uint32_t id = 1; id < copy->n_entries; id++)
        if (pal__at(copy, id)->origin == of) return id;
    return 0;
}

static void mark_cone(const pal_tape *t, uint32_t root, bool *in)
{
    in[root] = true;
    for (uint32_t id = root; id; id--)
        for (uint32_t i = 0; in[id] && i < pal__at(t, id)->n; i++) in[pal__arg(t, id, i)] = true;
}

static bool candidate(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    return !e->region && e->op != &pal__op_index && pal_dtype_real((pal_dtype)e->dtype) &&
           e->op->op_class != PAL_CLASS_CONSTANT && e->op->op_class != PAL_CLASS_EFFECT;
}

/* Adds the values that a scalar is computed from, and its derivatives by them, one after the other. A scalar that
 * cannot be differentiated by all of them gives no names. */
static void add_derivatives(pal_tape *t, uint32_t y, size_t value, roots *r)
{
    pal_context *c = t->context;
    bool *in = pal__alloc(c, t->n_entries * sizeof *in);
    pal_var *wrt = pal__alloc(c, MOST_CANDIDATES * sizeof *wrt), *out = pal__alloc(c, MOST_CANDIDATES * sizeof *out);
    size_t n = 0;
    if (in && wrt && out) {
        mark_cone(t, y, in);
        size_t all = 0;
        for (uint32_t id = 1; id < y; id++)
            if (in[id] && candidate(t, id) && all++ < MOST_CANDIDATES) wrt[n++] = pal__var(t, id);
        if (all > MOST_CANDIDATES) n = 0; /* what is missing could equal what is there */
        const pal_mark before = pal_tape_mark(t);
        if (!n || pal_grad(pal__var(t, y), wrt, n, out) != PAL_OK || pal_tape_error(t)) {
            r->failed |= pal_tape_status(t) == PAL_ERR_MEMORY;
            pal_tape_rewind(t, before);
            n = 0;
        }
    } else {
        r->failed = true;
    }
    for (size_t i = 0; i < n; i++) {
        add(r, wrt[i].id, PAL__ROOT_CANDIDATE, value);
        add(r, out[i].id, PAL__ROOT_DERIVATIVE, value);
    }
    pal__free(c, in);
    pal__free(c, wrt);
    pal__free(c, out);
}

/* ---- Arranging ------------------------------------------------------------------------------------------------ */

typedef struct arranging {
    pal__page *page;
    const uint32_t *live; /* of the tape that is read */
    bool changed;
} arranging;

static pal_var arrange(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    arranging *a = user;
    const pal__entry *e = pal__at(from, id);
    const pal_notation *notation = a->page->o.notation(e->op->name);
    if (!notation || !notation->arrange || e->op->op_class == PAL_CLASS_EFFECT) return (pal_var){0};
    unsigned alone = 0;
    for (uint32_t k = 0; k < e->n && k < 32; k++) {
        const uint32_t of = pal__arg(from, id, k);
        alone |= (unsigned)(a->live[of] == 1 || pal__explain_small(from, a->live, of)) << k;
    }
    const pal_rule rule = {.tape = to, .op = e->op, .params = e->params, .in = in, .n = e->n};
    const size_t before = to->n_entries;
    const pal_var v = notation->arrange(&rule, alone);
    /* What an operation becomes has its number. Parts of that have none; but where it was only reshaped, the number is
     * that of what is inside. */
    const pal__entry *out = pal__at(to, v.id);
    const bool reshaped = v.id >= before && out->n == 1 && out->op->op_class == PAL_CLASS_MOVEMENT &&
                          pal__shape_only(out) && pal_shape_equal(*out->shape, *e->shape) &&
                          pal__arg(to, v.id, 0) >= before &&
                          pal_shape_count(*pal__at(to, pal__arg(to, v.id, 0))->shape) == pal_shape_count(*e->shape);
    const uint32_t numbered = reshaped ? pal__arg(to, v.id, 0) : v.id;
    for (size_t k = before; k < to->n_entries; k++)
        if (k != numbered) pal__at(to, (uint32_t)k)->origin = PAL__NONE;
    a->changed |= pal__live(v);
    return v;
}

/* How many live entries read each; the first n outputs count as readers. */
static uint32_t *count_readers(const pal__graph *g, size_t n)
{
    pal_tape *t = g->tape;
    uint32_t *live = pal__alloc(t->context, t->n_entries * sizeof *live);
    for (size_t i = 0; live && i < n; i++) live[g->outputs[i]]++;
    for (uint32_t id = (uint32_t)t->n_entries; live && --id;) {
        const pal__entry *e = pal__at(t, id);
        if (!live[id]) continue;
        for (uint32_t i = 0; i < e->n; i++) live[pal__arg(t, id, i)]++;
        if (e->body) live[e->body]++, live[e->index]++;
    }
    return live;
}

static bool arranged(pal__page *p)
{
    for (int round = 0; round < ROUNDS && p->o.notation; round++) {
        pal__graph next;
        arranging a = {.page = p, .live = count_readers(&p->graph, p->n_outputs)};
        const bool ok =
            a.live && pal__rebuild(p->graph.tape, p->graph.outputs, p->graph.n_outputs, true, arrange, &a, &next);
        pal__free(p->graph.tape->context, (void *)a.live);
        if (!ok) return false;
        pal__graph_replace(&p->graph, &next);
        if (!a.changed) break;
    }
    return true;
}

/* ---- The page ------------------------------------------------------------------------------------------------- */

/* The copy in canonical order, and the roots in it. Entries that are added have the origin PAL__NONE: no number. */
static bool copy(pal_tape *t, const pal_var *outputs, size_t n, pal__page *p, roots *r, pal__graph *raw)
{
    pal_var *all = pal__alloc(t->context, (n + p->o.n_values + 1) * sizeof *all);
    size_t n_all = n;
    if (!all) {
        pal__out_of_memory(t, "explain");
        return false;
    }
    if (n) memcpy(all, outputs, n * sizeof *all);
    for (size_t i = 0; n && i < p->o.n_values; i++)
        if (p->o.values[i].adjoint) all[n_all++] = p->o.values[i].value;
    const bool ok = pal__canonical(t, all, n_all, "explain", raw);
    pal__free(t->context, all);
    if (!ok) return false;
    pal_tape *c = raw->tape;
    p->n_outputs = n ? n : raw->n_outputs;
    for (size_t i = 0; i < p->n_outputs; i++) add(r, raw->outputs[i], PAL__ROOT_OUTPUT, 0);
    const size_t first = r->n;
    for (size_t i = 0; i < p->o.n_values; i++) {
        const uint32_t id = copied(c, p->o.values[i].value.id);
        if (id) add(r, id, PAL__ROOT_VALUE, i);
    }
    for (uint32_t id = 1; id < c->n_entries; id++) pal__at(c, id)->origin = id;
    const size_t last = r->n, recorded = c->n_entries;
    for (size_t i = first; i < last; i++)
        if (p->o.values[r->what[i].value].adjoint && pal_shape_count(*pal__at(c, r->ids[i])->shape) == 1)
            add_derivatives(c, r->ids[i], r->what[i].value, r);
    for (size_t id = recorded; id < c->n_entries; id++) pal__at(c, (uint32_t)id)->origin = PAL__NONE;
    if (r->failed) pal__out_of_memory(t, "explain");
    return !r->failed;
}

static bool allocate(pal__page *p)
{
    pal_context *c = p->graph.tape->context;
    p->tape = p->graph.tape;
    p->n = (uint32_t)p->tape->n_entries;
    p->live = count_readers(&p->graph, p->n_outputs);
    p->line = pal__alloc(c, p->n * sizeof *p->line);
    p->shape = pal__alloc(c, p->n * sizeof *p->shape);
    p->last = pal__alloc(c, p->recorded->n_entries * sizeof *p->last);
    p->owner = pal__alloc(c, p->n * sizeof *p->owner);
    p->by = pal__alloc(c, p->n * sizeof *p->by);
    p->letter = pal__alloc(c, p->n * sizeof *p->letter);
    p->name = pal__alloc(c, p->n * sizeof *p->name);
    p->formula = pal__alloc(c, p->n * sizeof *p->formula);
    p->whole = pal__alloc(c, p->n * sizeof *p->whole);
    return p->live && p->line && p->shape && p->last && p->owner && p->by && p->letter && p->name && p->formula &&
           p->whole;
}

static void release(pal__page *p, pal_context *c)
{
    void *all[] = {p->live, p->line,           (void *)p->shape, p->last,    p->owner,
                   p->by,   (void *)p->letter, (void *)p->name,  p->formula, p->whole};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) pal__free(c, all[i]);
}

/* Makes the page from a copy that is simplified. NULL: out of memory. */
static char *written(pal__page *p, pal_context *c)
{
    pal__text text;
    char *kept = NULL;
    if (allocate(p) && pal__text_open(&text, c)) {
        p->out = text.file;
        for (uint32_t id = 1; id < p->n; id++) {
            const uint32_t number = pal__at(p->tape, id)->origin;
            if (p->live[id] && number < p->recorded->n_entries) p->last[number] = id;
            if (pal__at(p->tape, id)->body) p->owner[pal__at(p->tape, id)->index] = id;
        }
        pal__explain_suggest(p);
        pal__explain_formulas(p);
        if (!p->failed) pal__explain_page(p); /* else formulas are missing */
        kept = pal__text_close(&text);
        if (p->failed) {
            pal__free(c, kept);
            kept = NULL;
        }
    }
    release(p, c);
    return kept;
}

static bool read_options(pal_tape *t, const pal_explain_options *given, pal_explain_options *o)
{
    if (!pal_tape_options(t, o, given, sizeof *o, sizeof *o, "explain")) return false;
    if ((unsigned)o->form >= PAL_EXPLAIN_FORM_COUNT || (o->n_parameters && !o->parameters) ||
        (o->n_values && !o->values) || (o->n_scopes && !o->scopes) || o->samples < 0) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "explain: a form, a number of samples or a list of its options is bad");
        return false;
    }
    for (size_t i = 0; i < o->n_values; i++)
        if (!pal__live(o->values[i].value) || o->values[i].value.tape != t) {
            pal_tape_fail(t, PAL_ERR_TAPE, "explain: value %zu is a bad handle or of another tape", i + 1);
            return false;
        }
    if (!o->width) o->width = WIDTH;
    if (o->width < LEAST_WIDTH) o->width = LEAST_WIDTH;
    return true;
}

char *pal_explain(pal_tape *t, const pal_var *outputs, size_t n, const pal_explain_options *options)
{
    pal__page p = {.o = {.struct_size = sizeof p.o}};
    pal__graph raw = {0};
    char *kept = NULL;
    if (!t || (n && !outputs) || !read_options(t, options, &p.o)) return NULL;
    roots r = {.context = t->context};
    if (copy(t, outputs, n, &p, &r, &raw)) {
        pal_tape *c = raw.tape;
        p.root = r.what;
        p.recorded = c;
        p.recorded_roots = r.ids;
        bool ok = pal__rebuild(c, r.ids, r.n, !p.o.recorded, NULL, NULL, &p.graph);
        if (ok && !p.o.recorded) ok = pal__simplify(&p.graph, true) && arranged(&p);
        if (ok) kept = written(&p, t->context);
        if (!ok && p.graph.tape)
            pal_tape_fail(t, PAL_ERR_MEMORY, "explain: %s", pal_tape_error(c) ? pal_tape_error(c) : "out of memory");
        else if (!kept)
            pal__out_of_memory(t, "explain");
        pal__graph_free(t->context, &p.graph);
    }
    pal__graph_free(t->context, &raw);
    pal__free(t->context, r.ids);
    pal__free(t->context, r.what);
    return kept;
}
