/* matching.c - the parts of a loss with a Gauss-Newton matrix: which value each is a convex function of.
 *
 * A loss names them while it is recorded, as it names its terms (scope.c). Whoever wants products with the matrix
 * J'HJ reads them afterwards: J is the Jacobian of the value by the weights, H the Hessian of the part by the value
 * (Schraudolph 2002). */
#include "models/internal.h"

#include <stdlib.h>

pal_var pal_model_match(pal_model *m, pal_var z, pal_var term)
{
    if (!m->tape) return pal_tape_fail(term.tape, PAL_ERR_ARGUMENT, "match: outside of begin and end");
    if (!pal_ok(term) || !pal_ok(z)) return term;
    if (pal_shape_of(term).rank) return pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "match: the term is no scalar");
    if (m->n_matched == m->cap_matched) {
        const size_t cap = m->cap_matched * 2 + 4;
        struct pal__matched *grown = realloc(m->matched, cap * sizeof *grown);
        if (!grown) return pal_tape_fail(m->tape, PAL_ERR_MEMORY, "match: out of memory");
        m->matched = grown;
        m->cap_matched = cap;
    }
    m->matched[m->n_matched++] = (struct pal__matched){z, term};
    return term;
}

size_t pal_model_match_count(const pal_model *m) { return m->n_matched; }

pal_var pal_model_match_at(const pal_model *m, size_t i, pal_var *z)
{
    if (i >= m->n_matched) return (pal_var){0};
    if (z) *z = m->matched[i].z;
    return m->matched[i].term;
}
