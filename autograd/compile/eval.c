/* eval.c - pal_eval, the printf of this world: one value, compiled, run and copied out. */
#include "autograd/compile/internal.h"

#include <string.h>

pal_status pal_eval(pal_var v, void *out)
{
    pal_tape *t = v.tape;
    if (!t) return PAL_ERR_ARGUMENT;
    if (!out) pal_tape_fail(t, PAL_ERR_ARGUMENT, "eval: out is NULL: give room for the elements");
    if (!out) return PAL_ERR_ARGUMENT;
    if (pal__live(v) && pal_op_of(v)->op_class == PAL_CLASS_EFFECT) v = pal_operand(v, 1); /* looking changes nothing */
    pal_program *p = pal_compile(t, &v, 1, NULL);
    if (!p) return t->status != PAL_OK ? t->status : PAL_ERR_TAPE;
    pal_status status = pal_run(p);
    if (status == PAL_OK)
        memcpy(out, pal_output(p, 0)->data, pal_tensor_bytes(pal_output(p, 0)));
    else
        pal_tape_fail(t, status, "%s", p->error);
    pal_program_free(p);
    return status;
}
