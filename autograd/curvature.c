/* curvature.c - products with a Jacobian, a Hessian and a Gauss-Newton matrix, by several values at once.
 *
 * In: a value y, the values x[i] that it depends on, and a vector for each. Out: entries of the tape for the product;
 * no matrix is made. One product costs a few passes, however many x there are: each is one walk (grad.c).
 *
 *   J v      jvp: the vjp w(u) of y along a placeholder u is linear in u, and its vjp along v is J v (a vjp of a vjp).
 *   H v      the vjp of the gradient along v, because H is symmetric (Pearlmutter 1994 computes the same forward).
 *   J'H J v  where y is a function of z, H its Hessian by z, and J the Jacobian of z by x: jvp, product, vjp
 * (Schraudolph 2002).
 *
 * J'H J has no second derivatives of z. If y is convex in z it is positive semidefinite, which H of the whole need not
 * be. */
#include "autograd/internal.h"

#include <string.h>

enum { FEW = 16 };

static pal_var nothing(pal_tape *t) { return (pal_var){.tape = t}; }

/* Marks all results as bad, so that none is left undefined on an error, and checks what is the same for every product.
 */
static bool given(const char *name, pal_var y, const pal_var *x, const pal_var *v, size_t n, pal_var *out, size_t outs)
{
    for (size_t i = 0; i < outs && out; i++) out[i] = nothing(y.tape);
    if (!y.tape) return false;
    if (!pal__live(y)) {
        pal_tape_fail(y.tape, PAL_ERR_TAPE, "%s: y is a bad handle", name);
        return false;
    }
    if (!x || !v || !out || !n) {
        pal_tape_fail(y.tape, PAL_ERR_ARGUMENT, "%s: needs arrays of values, of vectors, and of results", name);
        return false;
    }
    return y.tape->status == PAL_OK;
}

static pal_status failure(pal_var y) { return y.tape && y.tape->status ? y.tape->status : PAL_ERR_ARGUMENT; }

/* Room for n handles: `few` if they fit. */
static pal_var *room(pal_tape *t, pal_var few[FEW], size_t n)
{
    pal_var *more = n <= FEW ? few : pal__alloc(t->context, n * sizeof *more);
    if (!more) pal__out_of_memory(t, "a product of derivatives");
    return more;
}

static void leave(pal_tape *t, const pal_var few[FEW], pal_var *more)
{
    if (more != few) pal__free(t->context, more);
}

pal_var pal_jvps(pal_var y, const pal_var *x, const pal_var *tangents, size_t n)
{
    pal_var out, few[FEW];
    if (!given("jvp", y, x, tangents, n, &out, 1)) return out;
    pal_tape *t = y.tape;
    pal__entry e = {.op = &pal__op_placeholder,
                    .shape = pal__at(t, y.id)->shape,
                    .dtype = (uint8_t)pal_dtype_of(y),
                    .scope = t->scope,
                    .region = t->region};
    pal_var u = pal__var(t, pal__append(t, &e, NULL, 0)), *w = room(t, few, n);
    if (!w) return out;
    if (u.id && pal_vjp(y, u, x, n, w) == PAL_OK) pal__vjps(w, tangents, n, &u, 1, PAL__NONE, &out);
    leave(t, few, w);
    return out;
}

pal_var pal_jvp(pal_var y, pal_var x, pal_var tangent)
{
    if (!y.tape) y.tape = x.tape ? x.tape : tangent.tape;
    return pal_jvps(y, &x, &tangent, 1);
}

pal_status pal_hessian_product(pal_var y, const pal_var *x, const pal_var *v, size_t n, pal_var *out)
{
    if (!given("hessian_product", y, x, v, n, out, n) || !pal__is_scalar("hessian_product", y)) return failure(y);
    pal_var few[FEW], *g = room(y.tape, few, n);
    if (!g) return y.tape->status;
    if (pal_grad(y, x, n, g) == PAL_OK) pal__vjps(g, v, n, x, n, PAL__NONE, out);
    leave(y.tape, few, g);
    return y.tape->status;
}

/* ---- Gauss-Newton --------------------------------------------------------------------------------------------- */

/* The first x that y depends on by a way that does not pass through z; n: there is none. */
static size_t reaches(pal_var y, pal_var z, const pal_var *x, size_t n)
{
    pal_tape *t = y.tape;
    pal__marks seen = pal__marks_begin(t);
    bool ok = y.id == z.id || pal__marks_add(&seen, y.id) != 0;
    size_t found = n;
    for (size_t i = 0; i < seen.n && ok; i++) {
        const uint32_t id = seen.of[i].id;
        for (uint32_t k = 0; k < pal__at(t, id)->n && ok; k++) {
            const uint32_t in = pal__arg(t, id, k);
            if (in == z.id || pal__marks_at(&seen, in)) continue;
            if (pal_op_derivative(pal__at(t, id)->op, k) == PAL_ZERO_DERIVATIVE) continue;
            ok = pal__marks_add(&seen, in) != 0;
        }
    }
    if (!ok) pal__out_of_memory(t, "gauss_newton_product");
    for (size_t i = n; i--;)
        if (x[i].id != z.id && pal__marks_at(&seen, x[i].id)) found = i;
    pal__marks_end(&seen);
    return found;
}

static bool separates(pal_var y, pal_var z, const pal_var *x, size_t n)
{
    pal_tape *t = y.tape;
    if (!pal__live(z) || z.tape != t) {
        pal_tape_fail(t, PAL_ERR_TAPE, "gauss_newton_product: z is a bad handle or of another tape");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!pal__live(x[i]) || x[i].tape != t) {
            pal_tape_fail(t, PAL_ERR_TAPE, "gauss_newton_product: value %zu is a bad handle or of another tape", i + 1);
            return false;
        }
    const size_t by = reaches(y, z, x, n);
    if (by == n) return t->status == PAL_OK;
    const pal_params *params = pal__at(t, x[by].id)->params;
    const char *name = params ? params->name : NULL;
    pal_tape_fail(
        t, PAL_ERR_ARGUMENT,
        "gauss_newton_product: y depends on %s%s%s not only through z: leave that term out of y, and add its own "
        "product",
        name ? "\"" : "one of the values", name ? name : "", name ? "\"" : "");
    return false;
}

pal_status pal_gauss_newton_product(pal_var y, pal_var z, const pal_var *x, const pal_var *v, size_t n, pal_var *out)
{
    static const char *const name = "gauss_newton_product";
    if (!given(name, y, x, v, n, out, n) || !pal__is_scalar(name, y) || !separates(y, z, x, n)) return failure(y);
    /* The tangent is a number here: how it depends on z is no part of the product. */
    pal_var moved = pal_stop_gradient(pal_jvps(z, x, v, n)), product;
    if (pal_hessian_product(y, &z, &moved, 1, &product) != PAL_OK) return y.tape->status;
    return pal_vjp(z, product, x, n, out);
}
