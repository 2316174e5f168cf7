/* explain_values.c - what the files explain*.c ask about a value. */
#include "autograd/text/explain.h"

#include <string.h>

#include "autograd/text/internal.h"

const char *pal__keep_text(pal__page *p, const char *text, size_t length)
{
    const char *kept = pal__intern(p->tape, text, length);
    if (!kept) p->failed = true;
    return kept ? kept : "";
}

bool pal__explain_parameter(const pal__page *p, uint32_t id)
{
    const pal_tensor *tensor = pal__at(p->tape, id)->tensor;
    for (size_t i = 0; i < p->o.n_parameters; i++)
        if (tensor && pal_leaf_tensor(p->o.parameters[i]) == tensor) return true;
    return false;
}

bool pal__explain_reshapes(const pal__page *p, uint32_t id)
{
    const pal__entry *e = pal__at(p->tape, id);
    return e->op->op_class == PAL_CLASS_MOVEMENT && e->n == 1 && pal__shape_only(e) &&
           pal_shape_count(*e->shape) == pal_shape_count(*pal__at(p->tape, pal__arg(p->tape, id, 0))->shape);
}

bool pal__explain_small(const pal_tape *t, const uint32_t *live, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    uint32_t values = 0, named = 0;
    for (uint32_t k = 0; k < e->n; k++) {
        const uint32_t of = pal__arg(t, id, k);
        const pal_op_class c = pal__at(t, of)->op->op_class;
        values += c != PAL_CLASS_CONSTANT;
        named += c == PAL_CLASS_LEAF || (c != PAL_CLASS_CONSTANT && live[of] > 1);
    }
    return e->op->op_class == PAL_CLASS_ELEMENTWISE && e->n > 0 && values == 1 && named == 1;
}
