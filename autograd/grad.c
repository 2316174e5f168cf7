/* grad.c - reverse mode: walks the tape backward and appends the adjoint operations to the same tape.
 *
 * In: values y, their adjoints (the seeds), and the values to differentiate with respect to (wrt). Out: the adjoint of
 * each wrt, as ordinary entries of the tape, recorded with the functions that a user calls. So differentiating again
 * works, for every operation: it is the same walk over a longer tape.
 *
 * The walk. First each y and all that it is computed from are listed (marks.c), so that the rest of the tape costs
 * nothing. Of these, the entries that depend on a wrt are marked, from the front; only they matter. Then, from y back
 * to the first: the contributions to an entry's adjoint are added up, and the entry's rule records a contribution to
 * each of its operands. Four things happen here and nowhere else:
 *   - Un-broadcasting. A rule may return an adjoint of the broadcast shape, or of a smaller one. It is summed, or
 *     repeated, to the operand's shape.
 *   - Summing. A value that is used several times (a tied weight) gets the sum of its contributions. They are ordered
 *     by their structural hashes, products first, so the sum does not depend on the order of recording.
 *   - Blocks. An adjoint belongs to the block of what it differentiates, unless the caller has a block open.
 *   - Orders. Each entry that a rule records gets an order of derivative: one above the highest that y depends on.
 *
 * Relies on: operands have smaller ids than their readers. Leaves to the caller: a longer tape; nothing is computed.
 *
 * Why adjoints on the same tape and not a second structure: text, drawing, checks and all passes work for gradients
 * without knowing that they are gradients. A missing rule is an error that names the operation, never a silent zero. */
#include "autograd/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct term { /* one contribution to the adjoint of a value; lists end with 0 */
    uint32_t var, next;
} term;

typedef struct spot { /* what the walk knows of one entry */
    uint32_t first;   /* its list of contributions */
    uint32_t adjoint; /* of a wrt: the sum of them */
    enum { CONSTANT, DEPENDS, IS_WRT } is;
} spot;

typedef struct walk {
    pal_tape *tape;
    const pal_var *y, *seed;
    size_t n_y;
    uint32_t region;    /* walk only through this one; PAL__NONE: everywhere */
    pal__marks entries; /* each y and all that it depends on: the number of an entry is its place in this list */
    uint32_t *order;    /* the numbers, by id: operands before their readers */
    spot *spots;        /* by number */
    term *terms;
    size_t n_terms, cap_terms;
    bool inherits; /* no block is open: an adjoint has the block of what it differentiates */
} walk;

static void walk_free(walk *w)
{
    pal_context *c = w->tape->context;
    pal__marks_end(&w->entries);
    pal__free(c, w->order);
    pal__free(c, w->spots);
    pal__free(c, w->terms);
}

static uint32_t id_of(const walk *w, uint32_t number) { return w->entries.of[number - 1].id; }
static spot *spot_of(const walk *w, uint32_t id) { return &w->spots[pal__marks_at(&w->entries, id)]; }

/* Whether the walk goes through this entry to its operands. */
static bool walks_through(const walk *w, uint32_t id)
{
    return w->region == PAL__NONE || pal__at(w->tape, id)->region == w->region;
}

static bool contribute(walk *w, uint32_t to, pal_var value)
{
    if (!pal__live(value)) return false;
    if (!w->n_terms) w->n_terms = 1;
    if (!pal__grow(w->tape->context, (void **)&w->terms, w->n_terms, &w->cap_terms, sizeof *w->terms)) {
        pal__out_of_memory(w->tape, "grad");
        return false;
    }
    spot *s = spot_of(w, to);
    w->terms[w->n_terms] = (term){value.id, s->first};
    s->first = (uint32_t)w->n_terms++;
    return true;
}

/* ---- What the walk visits ------------------------------------------------------------------------------------- */

/* The list is its own queue: each entry adds its operands at the end. */
static bool find_entries(walk *w)
{
    const pal_tape *t = w->tape;
    for (size_t i = 0; i < w->n_y; i++)
        if (!pal__marks_at(&w->entries, w->y[i].id) && !pal__marks_add(&w->entries, w->y[i].id)) return false;
    for (size_t i = 0; i < w->entries.n; i++) {
        const uint32_t id = w->entries.of[i].id;
        for (uint32_t k = 0; walks_through(w, id) && k < pal__at(t, id)->n; k++) {
            const uint32_t in = pal__arg(t, id, k);
            if (!pal__marks_at(&w->entries, in) && !pal__marks_add(&w->entries, in)) return false;
        }
    }
    return true;
}

static int by_id(const void *a, const void *b, void *entries)
{
    const pal__mark *of = entries;
    const uint32_t x = of[*(const uint32_t *)a - 1].id, y = of[*(const uint32_t *)b - 1].id;
    return (x > y) - (x < y);
}

/* If most of the tape up to the last y was found, the tape itself has the order. */
static bool find_order(walk *w, uint32_t y)
{
    const size_t n = w->entries.n;
    w->order = pal__alloc(w->tape->context, n * sizeof *w->order);
    w->spots = pal__alloc(w->tape->context, (n + 1) * sizeof *w->spots);
    if (!w->order || !w->spots) return false;
    size_t found = 0;
    if (n > y / 16)
        for (uint32_t id = 1; id <= y; id++) {
            const uint32_t number = pal__marks_at(&w->entries, id);
            if (number) w->order[found++] = number;
        }
    else
        for (; found < n; found++) w->order[found] = (uint32_t)found + 1;
    if (n <= y / 16) qsort_r(w->order, n, sizeof *w->order, by_id, w->entries.of);
    return true;
}

static void find_dependent(walk *w, const pal_var *wrt, size_t n)
{
    const pal_tape *t = w->tape;
    for (size_t i = 0; i < n; i++)
        if (pal__marks_at(&w->entries, wrt[i].id)) spot_of(w, wrt[i].id)->is = IS_WRT;
    for (size_t i = 0; i < w->entries.n; i++) {
        const uint32_t number = w->order[i], id = id_of(w, number);
        const pal__entry *e = pal__at(t, id);
        for (uint32_t k = 0; walks_through(w, id) && k < e->n && !w->spots[number].is; k++)
            if (spot_of(w, pal__arg(t, id, k))->is && pal_op_derivative(e->op, k) != PAL_ZERO_DERIVATIVE)
                w->spots[number].is = DEPENDS;
    }
}

/* ---- The walk ------------------------------------------------------------------------------------------------- */

/* Products first, then by structure. What is added behind a product can be computed where the product's value is still
 * in a cache; what stands before it would be written to memory and read again. */
static int compare(const pal_tape *t, uint32_t a, uint32_t b)
{
    const bool x = pal__at(t, a)->op->op_class == PAL_CLASS_PRODUCT,
               y = pal__at(t, b)->op->op_class == PAL_CLASS_PRODUCT;
    return x != y ? (x ? -1 : 1) : pal__compare(t, a, b);
}

/* Sorts ids and keeps equal ones in their order; `spare` has room for as many. */
static void sort(pal_tape *t, uint32_t *ids, uint32_t *spare, size_t n)
{
    enum { FEW = 8 };
    if (n > FEW) {
        const size_t half = n / 2;
        sort(t, ids, spare, half);
        sort(t, ids + half, spare, n - half);
        memcpy(spare, ids, half * sizeof *ids);
        for (size_t i = 0, k = half, to = 0; i < half; to++, t->looked++)
            ids[to] = k < n && compare(t, spare[i], ids[k]) > 0 ? ids[k++] : spare[i++];
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const uint32_t v = ids[i];
        size_t place = i;
        for (; place && compare(t, ids[place - 1], v) > 0; place--) ids[place] = ids[place - 1];
        ids[place] = v;
    }
}

/* The canonical sum of a value's contributions. */
static pal_var sum_terms(walk *w, uint32_t id)
{
    pal_tape *t = w->tape;
    uint32_t small[32], *ids = small;
    size_t n = 0;
    for (uint32_t at = spot_of(w, id)->first; at; at = w->terms[at].next) n++;
    if (2 * n > 32 && !(ids = pal__alloc(t->context, 2 * n * sizeof *ids))) return pal__out_of_memory(t, "grad");
    n = 0;
    for (uint32_t at = spot_of(w, id)->first; at; at = w->terms[at].next) ids[n++] = w->terms[at].var;
    sort(t, ids, ids + n, n);
    pal_var sum = pal__var(t, ids[0]);
    for (size_t i = 1; i < n; i++) sum = pal_add(sum, pal__var(t, ids[i]));
    if (ids != small) pal__free(t->context, ids);
    return sum;
}

/* Records the adjoint of operand k of the rule's entry. */
static bool back(walk *w, pal_rule *rule, size_t k)
{
    pal_tape *t = w->tape;
    const pal_op *op = rule->op;
    const pal_derivative derivative = pal_op_derivative(op, k);
    const uint32_t to = rule->in[k].id;
    if (derivative == PAL_ZERO_DERIVATIVE || !pal_dtype_real((pal_dtype)pal__at(t, to)->dtype)) return true;
    if (derivative == PAL_NO_DERIVATIVE || !op->vjp) {
        pal_tape_fail(t, PAL_ERR_DERIVATIVE, "grad: %s has no derivative by operand %zu", op->name, k + 1);
        return false;
    }
    uint32_t held = t->held;
    t->held = (uint32_t)t->n_entries;
    pal_var a = op->vjp(rule, k);
    t->held = held;
    if (!pal__live(a)) {
        pal_tape_fail(t, PAL_ERR_DERIVATIVE, "grad: the rule of %s failed", op->name);
        return false;
    }
    pal_shape shape = *pal__at(t, to)->shape;
    if (!pal_shape_equal(pal_shape_of(a), shape)) {
        /* A rule may also return less than the operand's shape, such as a constant. */
        pal_shape joined;
        if (pal_shape_broadcast(pal_shape_of(a), shape, &joined) && pal_shape_equal(joined, shape))
            a = pal_broadcast_to(a, shape);
        else
            a = pal_sum_to(a, shape);
    }
    return contribute(w, to, a);
}

/* Records the adjoints of all operands that depend on a wrt, given the adjoint of the entry. */
static bool back_all(walk *w, uint32_t id, pal_var seed)
{
    pal_tape *t = w->tape;
    const size_t n = pal__at(t, id)->n;
    pal_var small[8], *in = small;
    if (n > 8 && !(in = pal__alloc(t->context, n * sizeof *in))) {
        pal__out_of_memory(t, "grad");
        return false;
    }
    for (uint32_t i = 0; i < n; i++) in[i] = pal__var(t, pal__arg(t, id, i));
    pal_rule rule = {.tape = t,
                     .op = pal__at(t, id)->op,
                     .params = pal__at(t, id)->params,
                     .in = in,
                     .n = n,
                     .out = pal__var(t, id),
                     .seed = seed};
    bool ok = true;
    for (size_t k = 0; k < n && ok; k++) ok = !spot_of(w, in[k].id)->is || back(w, &rule, k);
    if (in != small) pal__free(t->context, in);
    return ok;
}

static bool walk_back(walk *w)
{
    pal_tape *t = w->tape;
    for (size_t i = 0; i < w->n_y; i++)
        if (spot_of(w, w->y[i].id)->is && !contribute(w, w->y[i].id, w->seed[i])) return false;
    for (size_t i = w->entries.n; i--;) {
        const uint32_t number = w->order[i], id = id_of(w, number);
        if (!w->spots[number].is || !w->spots[number].first) continue;
        t->looked++;
        t->scope = pal__at(t, id)->scope;
        if (w->inherits) t->block = pal__at(t, id)->block;
        pal_var adjoint = sum_terms(w, id);
        if (!pal__live(adjoint)) return false;
        w->spots[number].adjoint = adjoint.id;
        if (walks_through(w, id) && !back_all(w, id, adjoint)) return false;
    }
    return true;
}

/* A handle of another tape marks that tape, too. */
static pal_var refuse_handle(pal_tape *t, pal_var v, const char *what)
{
    if (v.tape && v.tape != t) pal_tape_fail(v.tape, PAL_ERR_TAPE, "%s is of another tape", what);
    return pal_tape_fail(t, PAL_ERR_TAPE, "%s is a bad handle%s", what,
                         v.tape && v.tape != t ? " or of another tape" : "");
}

static pal_status check(pal_tape *t, pal_var y, pal_var seed, const pal_var *wrt, size_t n)
{
    char name[48];
    if (t->status != PAL_OK) return t->status;
    if (!pal__live(y)) pal_tape_fail(t, PAL_ERR_TAPE, "grad: y is a bad handle");
    if (t->status == PAL_OK && (!pal__live(seed) || seed.tape != t)) refuse_handle(t, seed, "grad: the seed");
    if (t->status == PAL_OK && !pal_dtype_real(pal_dtype_of(y)))
        pal_tape_fail(t, PAL_ERR_TYPE, "grad: y is %s, not real", pal_dtype_name(pal_dtype_of(y)));
    for (size_t i = 0; i < n && t->status == PAL_OK; i++) {
        snprintf(name, sizeof name, "grad: wrt %zu", i + 1);
        if (!pal__live(wrt[i]) || wrt[i].tape != t)
            refuse_handle(t, wrt[i], name);
        else if (!pal_dtype_real(pal_dtype_of(wrt[i])))
            pal_tape_fail(t, PAL_ERR_TYPE, "grad: wrt %zu is %s, not real", i + 1,
                          pal_dtype_name(pal_dtype_of(wrt[i])));
    }
    if (t->status == PAL_OK && !pal_shape_equal(pal_shape_of(y), pal_shape_of(seed))) {
        char a[96], b[96];
        pal_tape_fail(t, PAL_ERR_SHAPE, "grad: the seed is %s, y is %s",
                      pal_shape_text(pal_shape_of(seed), a, sizeof a), pal_shape_text(pal_shape_of(y), b, sizeof b));
    }
    if (t->status == PAL_OK && pal_dtype_of(y) != pal_dtype_of(seed))
        pal_tape_fail(t, PAL_ERR_TYPE, "grad: the seed is %s, y is %s", pal_dtype_name(pal_dtype_of(seed)),
                      pal_dtype_name(pal_dtype_of(y)));
    return t->status;
}

pal_status pal__vjps(const pal_var *y, const pal_var *seed, size_t n_y, const pal_var *wrt, size_t n, uint32_t region,
                     pal_var *out)
{
    pal_tape *t = y[0].tape ? y[0].tape : seed[0].tape;
    for (size_t i = 0; i < n; i++) out[i] = (pal_var){.tape = t};
    if (!t) return PAL_ERR_TAPE;
    uint32_t last = 0;
    uint8_t above = 0;
    for (size_t i = 0; i < n_y; i++) {
        if (check(t, y[i], seed[i], wrt, n) != PAL_OK) return t->status;
        if (y[i].id > last) last = y[i].id;
        if (pal__at(t, y[i].id)->highest > above) above = pal__at(t, y[i].id)->highest;
    }
    walk w = {.tape = t,
              .y = y,
              .seed = seed,
              .n_y = n_y,
              .region = region,
              .entries = pal__marks_begin(t),
              .inherits = !t->block};
    const uint32_t scope = t->scope, block = t->block;
    const bool derives = t->derives;
    uint8_t order = t->order;
    if (!find_entries(&w) || !find_order(&w, last)) {
        pal__out_of_memory(t, "grad");
    } else {
        /* Derivatives of derivatives are drawn apart: one order above the highest that y depends on. */
        if (above < 254) above++;
        t->order = above > t->order ? above : t->order;
        if (w.inherits) t->derives = true;
        find_dependent(&w, wrt, n);
        const bool ok = walk_back(&w);
        for (size_t i = 0; i < n && ok; i++) {
            const uint32_t adjoint = spot_of(&w, wrt[i].id)->adjoint; /* spot 0: what y does not depend on */
            out[i] = adjoint ? pal__var(t, adjoint) : pal_fill(t, pal_dtype_of(wrt[i]), pal_shape_of(wrt[i]), 0);
        }
    }
    t->scope = scope;
    t->block = block;
    t->derives = derives;
    t->order = order;
    walk_free(&w);
    return t->status;
}

pal_status pal__vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, uint32_t region, pal_var *out)
{
    return pal__vjps(&y, &seed, 1, wrt, n, region, out);
}

/* Marks all results as bad, so that none is left undefined on an error. */
static bool arrays_given(pal_tape *t, const char *name, const pal_var *wrt, size_t n, pal_var *out)
{
    for (size_t i = 0; i < n && out; i++) out[i] = (pal_var){.tape = t};
    if (!n || (wrt && out)) return true;
    pal_tape_fail(t, PAL_ERR_ARGUMENT, "%s: %s is NULL: give an array of %zu handles", name,
                  wrt ? "the array of results" : "wrt", n);
    return false;
}

pal_status pal_vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, pal_var *out)
{
    if (!arrays_given(y.tape ? y.tape : seed.tape, "vjp", wrt, n, out)) return PAL_ERR_ARGUMENT;
    return pal__vjp(y, seed, wrt, n, PAL__NONE, out);
}

pal_status pal_grad(pal_var y, const pal_var *wrt, size_t n, pal_var *grad)
{
    if (!arrays_given(y.tape, "grad", wrt, n, grad)) return PAL_ERR_ARGUMENT;
    if (!y.tape) return PAL_ERR_TAPE;
    if (!pal__live(y)) {
        pal_tape_fail(y.tape, PAL_ERR_TAPE, "grad: y is a bad handle");
        return y.tape->status;
    }
    char shape[96];
    if (pal_shape_count(pal_shape_of(y)) != 1)
        pal_tape_fail(y.tape, PAL_ERR_SHAPE, "grad: y is %s, not a scalar: use pal_vjp with a seed",
                      pal_shape_text(pal_shape_of(y), shape, sizeof shape));
    if (y.tape->status != PAL_OK) return y.tape->status;
    return pal_vjp(y, pal_fill(y.tape, pal_dtype_of(y), pal_shape_of(y), 1), wrt, n, grad);
}
