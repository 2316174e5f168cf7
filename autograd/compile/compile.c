/* compile.c - pal_compile: a tape goes through the passes and comes out as a program.
 *
 * In: a tape that nobody changes meanwhile, the outputs wanted, and whether the tape's effects are wanted too. Out: a
 * program that needs the tape no more. The passes, each in the file of its name, and what each hands on:
 *
 *     live         the part of the tape that the outputs need, copied in canonical order          (rebuild.c)
 *     simplify     the same, rewritten: fewer entries, constants folded, equal entries merged
 *     batch        the same, with the terms of small regions computed at once; then simplify again
 *     share        if the batch is cut into shards: the same, with each sum over them as a start and a wait
 *     materialise  the same, with copies where a reader cannot take a strided view                 (view.c)
 *     fuse         a plan over that tape: groups of entries, each group one step
 *     schedule     the order of the groups
 *     place        where each value lies: in a leaf, in the arena, or nowhere
 *     emit         the steps, with addresses instead of ids
 *
 * The first five take a tape and give a tape, so that simplify can be left out and the text between two passes can be
 * printed, read and compared. The next three fill in one plan and change no entry. In debug builds verify.c checks the
 * grammar of the tape after each of the first five. With pal_compile_options.trace the
 * caller sees the result of every pass (docs/design.md prints an example).
 *
 * Why not one pass that does all: a rewrite changes what can be fused, and a fused loop changes what must be stored, so
 * each question is asked when everything that it depends on is settled. */
#include "autograd/compile/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is wanted ------------------------------------------------------------------------------------------- */

static int by_leaf_hash(const void *a, const void *b, void *tape)
{
    const pal_tape *t = tape;
    uint64_t x = pal__at(t, pal__arg(t, *(const uint32_t *)a, 0))->hash,
             y = pal__at(t, pal__arg(t, *(const uint32_t *)b, 0))->hash;
    return x < y ? -1 : x > y;
}

/* Outputs first, then, if asked, the effects in an order that recording does not influence. NULL: the tape says why. */
static uint32_t *find_roots(pal_tape *t, const pal_var *outputs, size_t n, bool effects, size_t *n_roots)
{
    for (size_t i = 0; i < n; i++)
        if (!pal__live(outputs[i]) || outputs[i].tape != t || !pal__outside(t, outputs[i].id)) {
            pal_tape_fail(t, PAL_ERR_TAPE, "compile: output %zu is a bad handle, of another tape or inside a region",
                          i + 1);
            return NULL;
        }
    uint32_t *roots = pal__alloc(t->context, (n + t->n_effects) * sizeof *roots);
    if (!roots) {
        pal__out_of_memory(t, "compile");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) roots[i] = outputs[i].id;
    *n_roots = n;
    if (!effects || !t->n_effects) return roots;
    memcpy(roots + n, t->effects, t->n_effects * sizeof *roots);
    qsort_r(roots + n, t->n_effects, sizeof *roots, by_leaf_hash, t);
    *n_roots = n + t->n_effects;
    return roots;
}

/* An assign that nobody asked for, neither as an output nor with all effects, is to its readers its value alone. */
static pal_var without_effect(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    const bool *wanted = user;
    (void)to;
    return pal__at(from, id)->op->op_class != PAL_CLASS_EFFECT || wanted[id] ? (pal_var){0} : in[1];
}

static const char *leftover_placeholder(const pal_tape *t)
{
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (pal__at(t, id)->op == &pal__op_placeholder) return "compile: a placeholder was left in the program";
    return NULL;
}

/* ---- After each pass ------------------------------------------------------------------------------------------ */

/* Checks the grammar of the tape in debug builds, then shows it to who traces. False: `from` says what is wrong. */
static bool passed(pal_tape *from, const pal__graph *g, const char *pass, const pal_compile_options *o)
{
#ifndef NDEBUG
    const char *wrong = pal__verify(g->tape);
    if (wrong) pal_tape_fail(from, pal__verify_status(wrong), "compile: after %s: %s", pass, wrong);
    if (wrong) return false;
#endif
    if (!o->trace) return true;
    pal_var *outputs = pal__alloc(from->context, g->n_outputs * sizeof *outputs);
    if (!outputs) return pal__out_of_memory(from, pass), false;
    for (size_t i = 0; i < g->n_outputs; i++) outputs[i] = pal__var(g->tape, g->outputs[i]);
    o->trace(&(pal_trace){.pass = pass, .tape = g->tape, .outputs = outputs, .n = g->n_outputs}, o->user);
    pal__free(from->context, outputs);
    return true;
}

/* The same of a pass whose result is a text, which goes away here. */
static bool told(pal_context *c, const char *pass, char *text, const pal_compile_options *o)
{
    if (!text) return false;
    o->trace(&(pal_trace){.pass = pass, .text = text}, o->user);
    pal_text_free(c, text);
    return true;
}

static bool planned(const pal__plan *p, const char *pass, const pal_compile_options *o)
{
    return !o->trace || told(p->context, pass, pal__plan_text(p), o);
}

/* The same of the last plan, which is shown as data, too. */
static bool placed(const pal__plan *p, const pal_compile_options *o)
{
    if (!o->trace) return true;
    pal_plan parts;
    char *text = pal__plan_text(p);
    const bool ok = text && pal__plan_parts(p, &parts);
    if (ok) {
        o->trace(&(pal_trace){.pass = "place", .text = text, .plan = &parts}, o->user);
        pal__plan_parts_free(p->context, &parts);
    }
    pal_text_free(p->context, text);
    return ok;
}

/* ---- The passes in turn --------------------------------------------------------------------------------------- */

static bool live(pal_tape *t, const uint32_t *roots, size_t n, bool merge, pal__graph *g)
{
    bool *wanted = pal__alloc(t->context, t->n_entries * sizeof *wanted);
    if (!wanted) return pal__out_of_memory(t, "compile"), false;
    for (size_t i = 0; i < n; i++) wanted[roots[i]] = true;
    const bool ok = pal__rebuild(t, roots, n, merge, without_effect, wanted, g);
    pal__free(t->context, wanted);
    return ok;
}

static bool simplified(pal_tape *t, pal__graph *g, const pal_compile_options *o)
{
    const bool rounding = o->passes & PAL_PASS_ROUNDING;
    bool changed = false;
    if (!pal__simplify(g, rounding) || !passed(t, g, "simplify", o)) return false;
    if (rounding && !pal__batch(g, &changed)) return false;
    return !changed || (passed(t, g, "batch", o) && pal__simplify(g, rounding) && passed(t, g, "simplify", o));
}

/* What was told to the tape of a pass goes to the tape that the user has. */
static bool failed(pal_tape *t, pal__graph *g)
{
    if (g->tape && g->tape->status != PAL_OK) pal_tape_fail(t, g->tape->status, "%s", g->tape->error);
    pal__out_of_memory(t, "compile");
    pal__graph_free(t->context, g);
    return false;
}

/* The passes that look for less to compute. */
static bool reduce(pal_tape *t, const uint32_t *roots, size_t n, const pal_compile_options *o, pal__graph *g)
{
    const bool simplify = o->passes & PAL_PASS_SIMPLIFY;
    if (!live(t, roots, n, simplify, g)) return false;
    return (passed(t, g, "live", o) && (!simplify || simplified(t, g, o))) || failed(t, g);
}

/* The passes that look for what a plan relies on. */
static bool prepare(pal_tape *t, const pal_compile_options *o, pal__graph *g)
{
    const bool cut = pal_tape_shards(t) > 1;
    bool ok = pal__share(g) && (!cut || (passed(t, g, "share", o) && pal__share_check(g->tape)));
    if (ok) ok = pal__materialise(g, o->passes & PAL_PASS_SIMPLIFY) && passed(t, g, "materialise", o);
    return ok || failed(t, g);
}

/* Plans for the bodies of a plan's regions; *last: the last of the row that `after` makes. False: no memory. */
static bool plan_bodies(pal__plan *p, pal__plan **last, const pal_compile_options *o)
{
    if (!pal__plan_bodies(p)) return false;
    for (size_t g = 0; g < p->n_groups; g++) {
        if (p->groups[g].kind != PAL__GROUP_REGION) continue;
        const pal__entry *e = pal__at(p->tape, p->groups[g].members[0]);
        p->bodies[g] = pal__plan_new(p, p->tape, e->index, &e->body, 1, o);
        if (!p->bodies[g]) return false;
        (*last)->after = p->bodies[g];
        p->bodies[g]->before = *last;
        *last = p->bodies[g];
    }
    return true;
}

/* The plan of the whole graph, with those of its regions' bodies. A body's arena is part of its parent's, so bodies are
 * placed before their parent: parents stand before bodies in the row of plans, which is walked forward and then back.
 * Regions may be nested deeply, so nothing here is recursive. NULL: no memory. */
static pal__plan *make_plans(pal_tape *t, const uint32_t *outputs, size_t n, const pal_compile_options *o)
{
    static const pal_compile_options untraced = {0};
    pal__plan *outer = pal__plan_new(NULL, t, 0, outputs, n, o), *last = outer;
    bool ok = outer != NULL;
    for (pal__plan *p = outer; p && ok; p = p->after) {
        const pal_compile_options *shown = p == outer ? o : &untraced;
        ok = pal__fuse(p) && planned(p, "fuse", shown) && pal__schedule(p) && planned(p, "schedule", shown) &&
             pal__feed(p) && planned(p, "feed", shown) && pal__collect(p) && planned(p, "collect", shown) &&
             plan_bodies(p, &last, o);
    }
    for (pal__plan *p = last; p && ok; p = p->before) ok = pal__place(p) && placed(p, p == outer ? o : &untraced);
    if (ok) return outer;
    pal__out_of_memory(t, "compile");
    pal__plan_free(outer);
    return NULL;
}

static pal__plan *plan(pal__graph *g, size_t n, const pal_compile_options *o)
{
#ifndef NDEBUG
    const char *wrong = pal__verify_program(g->tape, g->outputs, n);
    if (wrong) pal_tape_fail(g->tape, pal__verify_status(wrong), "compile: before planning: %s", wrong);
    if (wrong) return NULL;
#endif
    g->tape->merges = false; /* nothing is merged any more */
    g->tape->looked += g->tape->by_entry.looked;
    pal__table_free(g->tape->context, &g->tape->by_entry);
    return make_plans(g->tape, g->outputs, n, o);
}

/* NULL: the options were refused, and the tape says why. */
static const pal_compile_options *read_options(pal_tape *t, const pal_compile_options *given, const pal_var *outputs,
                                               size_t n, pal_compile_options *o)
{
    *o = (pal_compile_options){0};
    if (!pal_tape_options(t, o, given, sizeof *o, offsetof(pal_compile_options, trace), "compile")) return NULL;
    const char *wrong = t->region                        ? "inside a region"
                        : n && !outputs                  ? "no outputs"
                        : o->lanes > 4096                ? "over 4096 lanes"
                        : o->passes >= 2 * PAL_PASS_NONE ? "unknown passes"
                                                         : NULL;
    if (wrong) pal_tape_fail(t, PAL_ERR_ARGUMENT, "compile: %s", wrong);
    if (wrong) return NULL;
    o->passes = o->passes ? o->passes & PAL_PASS_ALL : PAL_PASS_ALL;
    if (o->check_nan) o->passes &= ~(unsigned)PAL_PASS_FUSE;
    if (!o->lanes) o->lanes = pal_context_lanes(t->context);
    return o;
}

bool pal__compile_begin(pal_tape *t, const pal_var *outputs, size_t n, const pal_compile_options *given,
                        pal_compile_options *o, pal__graph *g)
{
    size_t n_roots;
    if (!t || t->status != PAL_OK || !read_options(t, given, outputs, n, o)) return false;
    uint32_t *roots = find_roots(t, outputs, n, o->effects, &n_roots);
    const bool ok = roots && reduce(t, roots, n_roots, o, g);
    pal__free(t->context, roots);
    return ok;
}

pal_program *pal__compile_end(pal_tape *t, pal__graph *g, size_t n, const pal_compile_options *o)
{
    if (!prepare(t, o, g)) return NULL;
    const char *left = leftover_placeholder(g->tape);
    if (left) pal_tape_fail(g->tape, PAL_ERR_DERIVATIVE, "%s", left);
    pal_program *p = pal__alloc(t->context, sizeof *p);
    if (p) *p = (pal_program){.context = t->context, .lanes = o->lanes, .profile = o->profile, .check = o->check_nan};
    pal__plan *order = p && !left ? plan(g, n, o) : NULL;
    const bool ok = order && pal__emit(p, order) && (!o->trace || told(t->context, "emit", pal_program_text(p), o));
    if (!ok) {
        pal_program_free(p);
        p = NULL;
    }
    pal__plan_free(order);
    t->looked += g->tape->looked + g->tape->by_entry.looked;
    if (!ok)
        failed(t, g);
    else
        pal__graph_free(t->context, g);
    return p;
}

pal_program *pal_compile(pal_tape *t, const pal_var *outputs, size_t n, const pal_compile_options *given)
{
    pal_compile_options o;
    pal__graph g = {0};
    return pal__compile_begin(t, outputs, n, given, &o, &g) ? pal__compile_end(t, &g, n, &o) : NULL;
}
