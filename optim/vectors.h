/* vectors.h - passes over long vectors of one real type, by the context's workers. See vectors.c. */
#ifndef PAL_OPTIM_VECTORS_H
#define PAL_OPTIM_VECTORS_H

#include "optim/optim.h"

typedef struct pal__space { /* the vectors of a minimiser: all have one layout */
    pal_context *context;
    pal_dtype dtype;
    size_t n;        /* elements, with the gaps; a multiple of 64 bytes */
    double *partial; /* sums of blocks */
    void *scratch;   /* of the sum over the blocks */
} pal__space;

/* Room for the passes over vectors of x's layout. False: out of memory. */
bool pal__space_begin(pal__space *space, const pal_slab *x);
void pal__space_end(pal__space *space);

enum { PAL__PASS_VECTORS = 6, PAL__PASS_SCALARS = 2, PAL__PASS_SUMS = 5 };

/* What a pass computes is a row in vectors_type.h. Vectors that it writes come first. */
#define PAL__EACH_PASS(X)                                                                                              \
    X(dot)          /* a b: a'b */                                                                                     \
    X(size)         /* a: a'a, sum |a_i|, and the largest |a_i| */                                                     \
    X(step)         /* x, x0 p; s: x = x0 + s p */                                                                     \
    X(scaled)       /* y, x; s: y = s x */                                                                             \
    X(add)          /* y, x z; s: y = y + s x; y'z */                                                                  \
    X(add_scaled)   /* y, x z; s t: y = t (y + s x); y'z */                                                            \
    X(pair)         /* s y, x x0 g g0: s = x - x0, y = g - g0; s'y, y'y */                                             \
    X(change)       /* g g0: g'g, g'(g - g0), g'g0 */                                                                  \
    X(conjugate)    /* p, g; s: p = s p - g; p'g */                                                                    \
    X(inner)        /* d r, p q g m; s: d = d + s p, r = r - s q; r'r/m, sum |r_i|, d'(r - g), d'd, g'd */             \
    X(inner_next)   /* p, r m; s: p = r / m + s p */                                                                   \
    X(damp)         /* q, p; s: q = q + s p; p'q, p'p */                                                               \
    X(residual)     /* r, g q: r = - g - q */                                                                          \
    X(precondition) /* m; s t: m = (m + s)^t */

typedef enum pal__pass_name {
#define PAL__ROW(name) PAL__PASS_##name,
    PAL__EACH_PASS(PAL__ROW)
#undef PAL__ROW
        PAL__PASSES
} pal__pass_name;

/* Sums, in double, go to out, which may be NULL if the pass has none. */
void pal__pass(const pal__space *space, pal__pass_name pass, const pal_slab *const *vectors, const double *scalars,
               double *out);
/* pal__run(space, dot, (s, t), sums, a, b, ...) */
#define PAL__PASS(space, name, scalars, out, ...)                                                                      \
    pal__pass(space, PAL__PASS_##name, (const pal_slab *const[]){__VA_ARGS__}, scalars, out)

double pal__dot(const pal__space *space, const pal_slab *a, const pal_slab *b);
void pal__vector_copy(const pal__space *space, pal_slab *to, const pal_slab *from);

#endif
