/* rebuild.c - the pass `live`, and the walk that all passes over tapes share.
 *
 * In: a tape and the ids that are wanted. Out: a fresh tape with all that they need, in canonical order: depth first,
 * operands from the left. The order depends on structure alone, so two recordings of one computation in different
 * orders give one tape, and everything that follows (text, fusion, schedule, addresses) is the same too.
 *
 * The walk visits an entry once its operands are copied. A visitor may return a value of the new tape to stand for the
 * entry; otherwise the entry is copied. simplify.c and view.c are such visitors. With `merge`, an entry that equals an
 * earlier one of the same region becomes that one (common subexpressions; the tape's hash table finds it). Each copy
 * remembers the entry of the user's tape that it came from, for messages and measured times.
 *
 * Regions. The body of a region is copied before its map_sum. What a body reads from outside, its captures, is
 * collected again after copying, since rewriting may have changed it. pal__replay records a body once more on the same
 * tape, for its derivative: the same walk, with every value outside the region mapped to itself.
 *
 * Why a new tape per pass and not changes in place: ids stay dense and ordered, handles of the user's tape stay valid,
 * and a pass cannot leave a half-changed tape behind. An explicit stack replaces recursion: tapes may be very deep. */
#include "autograd/internal.h"

#include <string.h>

/* ---- Captures ------------------------------------------------------------------------------------------------- */

/* The outer values that the body of a region reads, each once, in order of a walk from its result. */
typedef struct captures {
    pal__marks seen;
    uint32_t region;
    uint32_t *ids, *stack;
    size_t n, cap, depth, cap_stack;
} captures;

static bool find_captures(captures *c, uint32_t result)
{
    pal_tape *t = c->seen.tape;
    if (!pal__grow(t->context, (void **)&c->stack, 0, &c->cap_stack, sizeof *c->stack)) return false;
    c->stack[c->depth++] = result;
    while (c->depth) {
        uint32_t id = c->stack[--c->depth];
        if (pal__marks_at(&c->seen, id)) continue;
        if (!pal__marks_add(&c->seen, id)) return false;
        const pal__entry *e = pal__at(t, id);
        if (!pal__inside(t, e->region, c->region)) {
            if (!pal__grow(t->context, (void **)&c->ids, c->n, &c->cap, sizeof *c->ids)) return false;
            if (id != c->region) c->ids[c->n++] = id;
            continue;
        }
        for (uint32_t i = e->n; i--;) { /* a stack: the left operand comes out first */
            if (!pal__grow(t->context, (void **)&c->stack, c->depth, &c->cap_stack, sizeof *c->stack)) return false;
            c->stack[c->depth++] = pal__arg(t, id, i);
        }
    }
    return true;
}

bool pal__captures(pal_tape *t, uint32_t region, uint32_t result, uint32_t **ids, size_t *n)
{
    captures c = {.seen = pal__marks_begin(t), .region = region};
    bool ok = find_captures(&c, result);
    pal__marks_end(&c.seen);
    pal__free(t->context, c.stack);
    if (!ok) pal__free(t->context, c.ids);
    *ids = ok ? c.ids : NULL;
    *n = ok ? c.n : 0;
    return ok;
}

/* ---- The walk ------------------------------------------------------------------------------------------------- */

typedef struct walk {
    pal_tape *from, *to;
    uint32_t *map, low; /* ids of from, from `low` on, to ids of to; 0: not yet. Those below map to themselves */
    uint32_t *scopes;   /* scopes of from to those of to; 0: not yet; NULL: they have the same */
    uint32_t *blocks;   /* blocks, likewise */
    uint32_t *stack;
    size_t depth, cap;
    uint32_t only; /* replay: the region copied; everything outside maps to itself. PAL__NONE: all */
    pal__visit visit;
    void *user;
} walk;

static bool push(walk *w, uint32_t id)
{
    if (!pal__grow(w->to->context, (void **)&w->stack, w->depth, &w->cap, sizeof *w->stack)) {
        pal__out_of_memory(w->to, "compile");
        return false;
    }
    w->stack[w->depth++] = id;
    return true;
}

static uint32_t mapping(const walk *w, uint32_t id) { return id < w->low ? id : w->map[id - w->low]; }

static bool mapped(walk *w, uint32_t id)
{
    if (!id || mapping(w, id)) return true;
    if (w->only == PAL__NONE || pal__inside(w->from, pal__at(w->from, id)->region, w->only)) return false;
    w->map[id - w->low] = id;
    return true;
}

/* Pushes what id needs first, the leftmost on top. Returns whether anything was missing; *ok false on no memory. */
static bool missing(walk *w, uint32_t id, bool *ok)
{
    const pal__entry *e = pal__at(w->from, id);
    uint32_t more[3] = {e->region, e->index, e->body};
    for (uint32_t i = 0; i < e->n; i++) {
        if (mapped(w, pal__arg(w->from, id, i))) continue;
        for (uint32_t k = e->n; k-- > i;)
            if (!mapped(w, pal__arg(w->from, id, k)) && !push(w, pal__arg(w->from, id, k))) *ok = false;
        return true;
    }
    for (int i = 0; i < 3; i++)
        if (!mapped(w, more[i])) {
            *ok = push(w, more[i]);
            return true;
        }
    return false;
}

static uint32_t copy_entry(walk *w, uint32_t id, const uint32_t *in, size_t n)
{
    pal__entry e = *pal__at(w->from, id);
    e.scope = w->to->scope;
    e.block = w->to->block;
    e.region = w->to->region;
    e.index = mapping(w, e.index);
    e.body = e.body ? mapping(w, e.body) : 0;
    pal_params depth; /* a body that is recorded again may lie deeper */
    if (e.op == &pal__op_index && w->from == w->to) {
        depth = *e.params;
        depth.i[0] = 1 + (e.region ? pal__at(w->to, e.region)->params->i[0] : 0);
        e.params = &depth;
    }
    if (w->from != w->to && !e.origin) e.origin = id;
    if (!e.body) return pal__append(w->to, &e, in, n);
    /* What a body reads may have changed with the body. */
    uint32_t *ids = NULL, copied = 0;
    if (pal__captures(w->to, e.index, e.body, &ids, &n))
        copied = pal__append(w->to, &e, ids, n);
    else
        pal__out_of_memory(w->to, "compile");
    pal__free(w->to->context, ids);
    return copied;
}

static uint32_t scope_of(walk *w, uint32_t scope)
{
    if (!w->scopes) return scope;
    if (!w->scopes[scope]) w->scopes[scope] = pal__scope_find(w->to, pal__scope_path(w->from, scope));
    return w->scopes[scope];
}

/* A block that was opened again becomes the block that it continues, with the newer formula. Blocks nest up to 64 deep.
 */
static uint32_t block_of(walk *w, uint32_t block)
{
    if (!block || !w->blocks || w->blocks[block]) return w->blocks ? w->blocks[block] : block;
    pal__drawn_block b = w->from->blocks[block];
    if (b.joins) {
        const uint32_t joined = block_of(w, b.joins);
        if (joined) w->to->blocks[joined].formula = pal__block_text(w->to, b.formula);
        return w->blocks[block] = joined;
    }
    b.parent = block_of(w, b.parent);
    b.scope = scope_of(w, b.scope);
    return w->blocks[block] = pal__block_add(w->to, b);
}

static uint32_t emit(walk *w, uint32_t id)
{
    pal_tape *to = w->to;
    size_t n = pal__at(w->from, id)->n;
    pal_var small[8], *vars = small;
    uint32_t small_ids[8], *in = small_ids, made = 0;
    if (n > 8) {
        vars = pal__alloc(to->context, n * sizeof *vars);
        in = pal__alloc(to->context, n * sizeof *in);
    }
    if (vars && in) {
        for (uint32_t i = 0; i < n; i++) {
            in[i] = mapping(w, pal__arg(w->from, id, i));
            vars[i] = pal__var(to, in[i]);
        }
        const pal__entry *e = pal__at(w->from, id);
        to->region = mapping(w, e->region);
        to->order = e->order;
        to->scope = scope_of(w, e->scope);
        to->block = block_of(w, e->block);
        to->derives = e->derived;
        size_t before = to->n_entries;
        pal_var v = w->visit ? w->visit(w->from, id, to, vars, w->user) : (pal_var){0};
        uint32_t origin = pal__at(w->from, id)->origin ? pal__at(w->from, id)->origin : id;
        for (size_t k = before; k < to->n_entries; k++)
            if (!pal__at(to, (uint32_t)k)->origin) pal__at(to, (uint32_t)k)->origin = origin;
        made = pal__live(v) ? v.id : to->status == PAL_OK ? copy_entry(w, id, in, n) : 0;
    } else {
        pal__out_of_memory(to, "compile");
    }
    if (n > 8) {
        pal__free(to->context, vars);
        pal__free(to->context, in);
    }
    return made;
}

/* Maps everything that the outputs need. */
static bool run(walk *w, const uint32_t *outputs, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        if (mapped(w, outputs[i])) continue;
        ok = push(w, outputs[i]);
        while (ok && w->depth) {
            uint32_t id = w->stack[w->depth - 1];
            if (mapped(w, id)) {
                w->depth--;
                continue;
            }
            if (missing(w, id, &ok) || !ok) continue;
            w->to->looked++;
            w->map[id - w->low] = emit(w, id);
            ok = mapping(w, id) != 0;
            w->depth--;
        }
    }
    return ok;
}

/* The walk visits no entry beyond `last`. */
static bool begin(walk *w, size_t last)
{
    w->map = pal__alloc(w->to->context, (last + 1 - w->low) * sizeof *w->map);
    if (w->from != w->to) w->scopes = pal__alloc(w->to->context, w->from->n_scopes * sizeof *w->scopes);
    if (w->from != w->to) w->blocks = pal__alloc(w->to->context, (w->from->n_blocks + 1) * sizeof *w->blocks);
    if (w->map && ((w->scopes && w->blocks) || w->from == w->to)) return true;
    pal__out_of_memory(w->to, "compile");
    return false;
}

static void end(walk *w)
{
    pal__free(w->to->context, w->map);
    pal__free(w->to->context, w->scopes);
    pal__free(w->to->context, w->blocks);
    pal__free(w->to->context, w->stack);
}

uint32_t pal__replay(pal_tape *t, uint32_t region, uint32_t index, uint32_t result)
{
    walk w = {.from = t, .to = t, .only = region, .low = region};
    const uint32_t scope = t->scope, block = t->block, inside = t->region;
    uint32_t made = 0;
    const uint8_t order = t->order;
    const bool derives = t->derives;
    if (begin(&w, result)) {
        w.map[0] = index;
        if (run(&w, &result, 1)) made = mapping(&w, result);
    }
    end(&w);
    t->scope = scope;
    t->block = block;
    t->derives = derives;
    t->region = inside;
    t->order = order;
    return made;
}

static void count_uses(pal__graph *g)
{
    pal_tape *t = g->tape;
    for (uint32_t id = 1; id < t->n_entries; id++) pal__at(t, id)->uses = 0;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        for (uint32_t i = 0; i < pal__at(t, id)->n; i++) pal__at(t, pal__arg(t, id, i))->uses++;
        if (pal__at(t, id)->body) pal__at(t, pal__at(t, id)->body)->uses++;
    }
    for (size_t i = 0; i < g->n_outputs; i++) pal__at(t, g->outputs[i])->uses++;
}

void pal__graph_free(pal_context *context, pal__graph *g)
{
    pal_tape_free(g->tape);
    pal__free(context, g->outputs);
    *g = (pal__graph){0};
}

void pal__graph_replace(pal__graph *g, pal__graph *by)
{
    by->tape->looked += g->tape->looked + g->tape->by_entry.looked;
    pal__graph_free(by->tape->context, g);
    *g = *by;
}

/* On failure the reason is passed on to `from`, where the user looks. */
bool pal__rebuild(pal_tape *from, const uint32_t *outputs, size_t n, bool merge, pal__visit visit, void *user,
                  pal__graph *g)
{
    pal_context *c = from->context;
    *g = (pal__graph){
        .tape = pal_tape_new(c, from->real), .outputs = pal__alloc(c, n * sizeof *outputs), .n_outputs = n};
    bool ok = g->tape && g->outputs;
    /* What a pass has made is needed to the last entry, so the copy has about as many. */
    if (ok && merge && from->merges) ok = pal__table_reserve(c, &g->tape->by_entry, from->n_entries);
    if (ok) {
        g->tape->merges = merge;
        g->tape->shards = from->shards;
        g->tape->first_shard = from->first_shard;
        g->tape->local_shards = from->local_shards;
        walk w = {.from = from, .to = g->tape, .only = PAL__NONE, .visit = visit, .user = user};
        ok = begin(&w, from->n_entries - 1) && run(&w, outputs, n);
        for (size_t i = 0; i < n && ok; i++) g->outputs[i] = mapping(&w, outputs[i]);
        end(&w);
    }
    if (ok) {
        count_uses(g);
        return true;
    }
    if (g->tape && g->tape->status != PAL_OK)
        pal_tape_fail(from, g->tape->status, "%s", g->tape->error);
    else
        pal__out_of_memory(from, "compile");
    pal__graph_free(c, g);
    return false;
}
