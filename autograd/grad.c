/* grad.c - reverse mode: walks the tape backward and appends the adjoint operations to the same tape.
 *
 * In: a value y, its adjoint (the seed), and the values to differentiate with respect to (wrt). Out: the adjoint of
 * each wrt, as ordinary entries of the tape, recorded with the functions that a user calls. So differentiating again
 * works, for every operation: it is the same walk over a longer tape.
 *
 * The walk. First the entries that depend on a wrt are marked, from the front; only they matter. Then, from y back to
 * the first entry: the contributions to an entry's adjoint are added up, and the entry's rule records a contribution to
 * each of its operands. Three things happen here and nowhere else:
 *   - Un-broadcasting. A rule may return an adjoint of the broadcast shape, or of a smaller one. It is summed, or
 *     repeated, to the operand's shape.
 *   - Summing. A value that is used several times (a tied weight) gets the sum of its contributions. They are ordered
 *     by their structural hashes, so the sum does not depend on the order of recording.
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

typedef struct walk {
    pal_tape *tape;
    uint32_t top;    /* y: everything of interest is at or below it */
    uint8_t *wanted; /* by id: 1 depends on a wrt; 2 is a wrt itself */
    uint32_t *first; /* by id: its list of contributions */
    term *terms;
    size_t n_terms, cap_terms;
    uint32_t region; /* walk only through this one; PAL__NONE: everywhere */
} walk;

static void walk_free(walk *w)
{
    pal_context *c = w->tape->context;
    pal__free(c, w->wanted);
    pal__free(c, w->first);
    pal__free(c, w->terms);
}

static bool contribute(walk *w, uint32_t to, pal_var value)
{
    if (!pal__live(value)) return false;
    if (!w->n_terms) w->n_terms = 1;
    if (!pal__grow(w->tape->context, (void **)&w->terms, w->n_terms, &w->cap_terms, sizeof *w->terms)) {
        pal__out_of_memory(w->tape, "grad");
        return false;
    }
    w->terms[w->n_terms] = (term){value.id, w->first[to]};
    w->first[to] = (uint32_t)w->n_terms++;
    return true;
}

static void mark_wanted(walk *w)
{
    const pal_tape *t = w->tape;
    for (uint32_t id = 1; id <= w->top; id++) {
        const pal__entry *e = pal__at(t, id);
        if (w->region != PAL__NONE && e->region != w->region) continue;
        for (uint32_t i = 0; i < e->n && !w->wanted[id]; i++) {
            if (w->wanted[pal__arg(t, id, i)] && pal_op_derivative(e->op, i) != PAL_ZERO_DERIVATIVE) w->wanted[id] = 1;
        }
    }
}

/* The canonical sum of a value's contributions. */
static pal_var sum_terms(walk *w, uint32_t id)
{
    pal_tape *t = w->tape;
    uint32_t small[32], *ids = small;
    size_t n = 0;
    for (uint32_t at = w->first[id]; at; at = w->terms[at].next) n++;
    if (n > 32 && !(ids = pal__alloc(t->context, n * sizeof *ids))) return pal__out_of_memory(t, "grad");
    n = 0;
    for (uint32_t at = w->first[id]; at; at = w->terms[at].next) {
        uint32_t v = w->terms[at].var;
        size_t place = n++;
        /* Insertion: lists are short. */
        for (; place && pal__compare(t, ids[place - 1], v) > 0; place--) ids[place] = ids[place - 1];
        ids[place] = v;
    }
    pal_var sum = pal__var(t, ids[0]);
    for (size_t i = 1; i < n; i++) sum = pal_add(sum, pal__var(t, ids[i]));
    if (ids != small) pal__free(t->context, ids);
    return sum;
}

/* Records the adjoint of operand k of entry id, given the adjoint of the entry. */
static bool back(walk *w, uint32_t id, uint32_t k, pal_var seed)
{
    pal_tape *t = w->tape;
    const pal_op *op = pal__at(t, id)->op;
    const pal_derivative derivative = pal_op_derivative(op, k);
    uint32_t to = pal__arg(t, id, k);
    if (derivative == PAL_ZERO_DERIVATIVE || !pal_dtype_real((pal_dtype)pal__at(t, to)->dtype)) return true;
    if (derivative == PAL_NO_DERIVATIVE || !op->vjp) {
        pal_tape_fail(t, PAL_ERR_DERIVATIVE, "grad: %s has no derivative by operand %u", op->name, k + 1);
        return false;
    }
    pal_var small[8], *in = small;
    size_t n = pal__at(t, id)->n;
    if (n > 8 && !(in = pal__alloc(t->context, n * sizeof *in))) {
        pal__out_of_memory(t, "grad");
        return false;
    }
    for (uint32_t i = 0; i < n; i++) in[i] = pal__var(t, pal__arg(t, id, i));
    pal_params params = pal__at(t, id)->params; /* the entries may move while the rule records */
    pal_rule rule = {.tape = t, .op = op, .params = &params, .in = in, .n = n, .out = pal__var(t, id), .seed = seed};
    uint32_t held = t->held;
    t->held = (uint32_t)t->n_entries;
    pal_var a = op->vjp(&rule, k);
    t->held = held;
    if (in != small) pal__free(t->context, in);
    if (!pal__live(a)) {
        pal_tape_fail(t, PAL_ERR_DERIVATIVE, "grad: the rule of %s failed", op->name);
        return false;
    }
    pal_shape shape = pal__at(t, to)->shape;
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

static bool walk_back(walk *w, pal_var y, pal_var seed, pal_var *result_of)
{
    pal_tape *t = w->tape;
    if (!w->wanted[y.id]) return true;
    if (!contribute(w, y.id, seed)) return false;
    for (uint32_t id = w->top; id; id--) {
        if (!w->wanted[id] || !w->first[id]) continue;
        const pal__entry *e = pal__at(t, id);
        t->scope = e->scope;
        pal_var adjoint = sum_terms(w, id);
        if (!pal__live(adjoint)) return false;
        if (w->wanted[id] == 2) result_of[id] = adjoint;
        if (w->region != PAL__NONE && pal__at(t, id)->region != w->region) continue;
        for (uint32_t k = 0; k < pal__at(t, id)->n; k++)
            if (w->wanted[pal__arg(t, id, k)] && !back(w, id, k, adjoint)) return false;
    }
    return true;
}

/* Derivatives of derivatives are drawn apart: one order above the highest that y depends on. */
static uint8_t order_above(const pal_tape *t, uint32_t top, uint8_t *seen)
{
    uint8_t order = 0;
    seen[top] = 1;
    for (uint32_t id = top; id; id--) {
        if (!seen[id]) continue;
        if (pal__at(t, id)->order > order) order = pal__at(t, id)->order;
        for (uint32_t i = 0; i < pal__at(t, id)->n; i++) seen[pal__arg(t, id, i)] = 1;
    }
    return order < 254 ? (uint8_t)(order + 1) : order;
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

pal_status pal__vjp(pal_var y, pal_var seed, const pal_var *wrt, size_t n, uint32_t region, pal_var *out)
{
    pal_tape *t = y.tape ? y.tape : seed.tape;
    for (size_t i = 0; i < n; i++) out[i] = (pal_var){.tape = t};
    if (!t) return PAL_ERR_TAPE;
    if (check(t, y, seed, wrt, n) != PAL_OK) return t->status;
    walk w = {.tape = t, .top = y.id, .region = region};
    size_t size = (size_t)y.id + 1;
    for (size_t i = 0; i < n; i++) size = wrt[i].id >= size ? (size_t)wrt[i].id + 1 : size;
    w.wanted = pal__alloc(t->context, size);
    w.first = pal__alloc(t->context, size * sizeof *w.first);
    pal_var *result_of = pal__alloc(t->context, size * sizeof *result_of);
    uint8_t *seen = pal__alloc(t->context, size);
    uint32_t scope = t->scope;
    uint8_t order = t->order;
    if (!w.wanted || !w.first || !result_of || !seen) {
        pal__out_of_memory(t, "grad");
    } else {
        uint8_t above = order_above(t, y.id, seen);
        t->order = above > t->order ? above : t->order;
        for (size_t i = 0; i < n; i++) w.wanted[wrt[i].id] = 2;
        mark_wanted(&w);
        if (walk_back(&w, y, seed, result_of))
            for (size_t i = 0; i < n; i++) {
                pal_var r = result_of[wrt[i].id];
                out[i] = r.id ? r : pal_fill(t, pal_dtype_of(wrt[i]), pal_shape_of(wrt[i]), 0);
            }
    }
    t->scope = scope;
    t->order = order;
    walk_free(&w);
    pal__free(t->context, result_of);
    pal__free(t->context, seen);
    return t->status;
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

/* u is a placeholder without storage; the vjp w(u) is linear in u, and the vjp of w by u along the tangent is the jvp.
 */
pal_var pal_jvp(pal_var y, pal_var x, pal_var tangent)
{
    pal_tape *t = y.tape ? y.tape : x.tape ? x.tape : tangent.tape;
    if (!t) return (pal_var){0};
    if (!pal__live(y)) return pal_tape_fail(t, PAL_ERR_TAPE, "jvp: y is a bad handle");
    pal__entry e = {.op = &pal__op_placeholder,
                    .shape = pal_shape_of(y),
                    .dtype = (uint8_t)pal_dtype_of(y),
                    .scope = t->scope,
                    .region = t->region};
    pal_var u = pal__var(t, pal__append(t, &e, NULL, 0)), w = {.tape = t}, out = {.tape = t};
    if (!u.id || pal_vjp(y, u, &x, 1, &w) != PAL_OK) return out;
    pal_vjp(w, tangent, &u, 1, &out);
    return out;
}
