/* halves.c - pal_compile_halves: one computation as two programs, of which the second is run again and again.
 *
 * In: a tape, what is wanted of it, and the leaves that will change. Out: `once`, which computes what does not depend
 * on them, and `again`, which computes the rest from it. What passes from one to the other lies in tensors: `once` ends
 * in assigns to them, and they are leaves of `again`.
 *
 * The line is drawn behind simplify and batch, which see the whole tape, and before all that plans memory and steps. So
 * both halves are ordinary graphs, and no other pass knows of them. Behind the line is what depends on a leaf that
 * changes: one of the caller's, or one that the tape writes. Noise is there, too, since its clock may go on, and so are
 * effects. What is before the line and read behind it is kept, but for leaves, constants and views, which are copied
 * behind the line instead. A region is on one side as a whole.
 *
 * Why not one program that skips its first steps: every pass from fuse on would have to respect the line, and values
 * of several batches could not be kept at the same time. Here they are: bind other memory (pal_bind).
 *
 * JAX has this for a function and its derivative (jax.linearize); here the line is drawn wherever it runs. */
#include "autograd/compile/internal.h"

typedef struct halving {
    pal_tape *tape; /* as simplify left it */
    bool *behind;   /* by id: behind the line */
    uint32_t *kept; /* by id: which of the kept values it is, plus 1; 0: none */
    uint32_t *ids;  /* of the kept values */
    size_t n, cap;
    pal_tensor *const *tensors; /* of the kept values */
} halving;

static pal_op_class class_of(const halving *h, uint32_t id) { return pal__at(h->tape, id)->op->op_class; }

/* Leaves that change: the caller's, and those that the tape writes. */
static void find_moving(halving *h, const pal_tensor *const *moving, size_t n)
{
    const pal_tape *t = h->tape;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        if (class_of(h, id) == PAL_CLASS_EFFECT) h->behind[pal__arg(t, id, 0)] = true;
        for (size_t i = 0; i < n && class_of(h, id) == PAL_CLASS_LEAF; i++)
            h->behind[id] |= pal__at(t, id)->tensor == moving[i];
    }
}

/* Operands have smaller ids than their readers, and so has a body than its region. */
static void find_behind(halving *h)
{
    const pal_tape *t = h->tape;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        h->behind[id] |= class_of(h, id) == PAL_CLASS_EFFECT || class_of(h, id) == PAL_CLASS_RANDOM ||
                         (e->body && h->behind[e->body]);
        for (uint32_t k = 0; k < e->n; k++) h->behind[id] |= h->behind[pal__arg(t, id, k)];
    }
}

/* What is read behind the line. */
static bool keep(halving *h, uint32_t id)
{
    pal_tape *t = h->tape;
    while (class_of(h, id) == PAL_CLASS_MOVEMENT && !h->behind[id]) id = pal__arg(t, id, 0);
    if (h->behind[id] || h->kept[id] || class_of(h, id) == PAL_CLASS_LEAF || class_of(h, id) == PAL_CLASS_CONSTANT)
        return true;
    if (!pal__grow(t->context, (void **)&h->ids, h->n, &h->cap, sizeof *h->ids)) return false;
    h->ids[h->n++] = id;
    h->kept[id] = (uint32_t)h->n;
    return true;
}

/* Of an entry inside a region the region has as its operand what lies outside. */
static bool find_kept(halving *h, const pal__graph *g)
{
    const pal_tape *t = h->tape;
    bool ok = true;
    for (uint32_t id = 1; id < t->n_entries && ok; id++)
        for (uint32_t k = 0; k < pal__at(t, id)->n && ok && h->behind[id] && !pal__at(t, id)->region; k++)
            ok = keep(h, pal__arg(t, id, k));
    for (size_t i = 0; i < g->n_outputs && ok; i++) ok = keep(h, g->outputs[i]);
    return ok;
}

static bool make_tensors(const halving *h, pal_halves *out)
{
    pal_context *c = h->tape->context;
    out->kept = pal__alloc(c, (h->n + 1) * sizeof(pal_tensor *));
    if (!out->kept) return false;
    for (; out->n_kept < h->n; out->n_kept++) {
        const pal__entry *e = pal__at(h->tape, h->ids[out->n_kept]);
        out->kept[out->n_kept] = pal_tensor_new(c, (pal_dtype)e->dtype, *e->shape);
        if (!out->kept[out->n_kept]) return false;
    }
    return true;
}

static pal_var as_leaf(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    const halving *h = user;
    (void)from, (void)in;
    return h->kept[id] ? pal_leaf(to, h->tensors[h->kept[id] - 1], NULL) : (pal_var){0};
}

/* The kept values, assigned. */
static bool make_once(const halving *h, pal__graph *once)
{
    pal__graph values, all;
    if (!pal__rebuild(h->tape, h->ids, h->n, true, NULL, NULL, &values)) return false;
    pal_tape *t = values.tape;
    for (size_t i = 0; i < h->n; i++) {
        const pal_var leaf = pal_leaf(t, h->tensors[i], NULL);
        values.outputs[i] = pal_assign(leaf, pal__var(t, values.outputs[i])).id;
    }
    const bool ok = !pal_tape_status(t) && pal__rebuild(t, values.outputs, h->n, true, NULL, NULL, &all);
    if (!ok) pal_tape_fail(h->tape, t->status, "%s", t->error);
    if (ok) *once = all;
    pal__graph_free(h->tape->context, &values);
    return ok;
}

/* The first walk copies what led to the kept values, too; the second leaves it behind. */
static bool make_again(halving *h, const pal__graph *g, pal__graph *again)
{
    pal__graph first;
    if (!pal__rebuild(h->tape, g->outputs, g->n_outputs, true, as_leaf, h, &first)) return false;
    const bool ok = pal__rebuild(first.tape, first.outputs, first.n_outputs, true, NULL, NULL, again);
    if (!ok) pal_tape_fail(h->tape, first.tape->status, "%s", first.tape->error);
    pal__graph_free(h->tape->context, &first);
    return ok;
}

static bool halve(pal_tape *t, pal__graph *g, const pal_tensor *const *moving, size_t n_moving, pal__graph *once,
                  pal__graph *again, pal_halves *out)
{
    pal_context *c = t->context;
    halving h = {.tape = g->tape,
                 .behind = pal__alloc(c, g->tape->n_entries * sizeof *h.behind),
                 .kept = pal__alloc(c, g->tape->n_entries * sizeof *h.kept)};
    bool ok = h.behind && h.kept;
    if (ok) find_moving(&h, moving, n_moving);
    if (ok) find_behind(&h);
    ok = ok && find_kept(&h, g) && make_tensors(&h, out);
    h.tensors = out->kept;
    ok = ok && make_once(&h, once) && make_again(&h, g, again);
    if (!ok && g->tape->status != PAL_OK) pal_tape_fail(t, g->tape->status, "%s", g->tape->error);
    if (!ok) pal__out_of_memory(t, "compile");
    pal__free(c, h.behind);
    pal__free(c, h.kept);
    pal__free(c, h.ids);
    return ok;
}

static bool acceptable(pal_tape *t, const pal_tensor *const *moving, size_t n)
{
    const char *wrong = pal_tape_shards(t) > 1 ? "the batch is cut into shards"
                        : n && !moving         ? "no moving leaves"
                                               : NULL;
    for (size_t i = 0; i < n && !wrong; i++)
        if (!moving[i]) wrong = "a moving leaf is NULL";
    if (wrong) pal_tape_fail(t, PAL_ERR_ARGUMENT, "compile in halves: %s", wrong);
    return !wrong;
}

pal_status pal_compile_halves(pal_tape *t, const pal_var *outputs, size_t n, const pal_tensor *const *moving,
                              size_t n_moving, const pal_compile_options *options, pal_halves *out)
{
    pal_compile_options o;
    pal__graph g = {0}, once = {0}, again = {0};
    if (out) *out = (pal_halves){0};
    if (!t || !out) return PAL_ERR_ARGUMENT;
    if (t->status || !acceptable(t, moving, n_moving)) return t->status;
    if (!pal__compile_begin(t, outputs, n, options, &o, &g)) return t->status;
    bool ok = halve(t, &g, moving, n_moving, &once, &again, out);
    pal__graph_free(t->context, &g);
    out->context = t->context;
    if (ok)
        ok = (out->once = pal__compile_end(t, &once, 0, &o)) != NULL;
    else
        pal__graph_free(t->context, &once);
    if (ok)
        ok = (out->again = pal__compile_end(t, &again, n, &o)) != NULL;
    else
        pal__graph_free(t->context, &again);
    if (!ok) pal_halves_free(out);
    return ok ? PAL_OK : t->status;
}

void pal_halves_free(pal_halves *h)
{
    if (!h) return;
    pal_program_free(h->once);
    pal_program_free(h->again);
    for (size_t i = 0; i < h->n_kept; i++) pal_tensor_free(h->kept[i]);
    if (h->context) pal__free(h->context, h->kept);
    *h = (pal_halves){0};
}
