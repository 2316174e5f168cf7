/* operands.c - checks that composites make on their operands. An error then names the function that the caller used,
 * not an operation inside it. */
#include "ops/internal.h"

bool pal__handles(const char *name, const pal_var *in, size_t n, unsigned optional)
{
    pal_tape *t = NULL;
    for (size_t i = 0; i < n && !t; i++) t = in[i].tape;
    for (size_t i = 0; i < n; i++) {
        if (in[i].tape && in[i].tape != t) {
            pal_tape_fail(in[i].tape, PAL_ERR_TAPE, "%s: the operands belong to two tapes", name);
            pal_tape_fail(t, PAL_ERR_TAPE, "%s: the operands belong to two tapes", name);
            return false;
        }
        if (pal_ok(in[i]) || (!in[i].id && optional >> i & 1)) continue;
        pal_tape_fail(t, PAL_ERR_TAPE, "%s: operand %zu is a bad handle", name, i + 1);
        return false;
    }
    return true;
}

bool pal__operands(const char *name, const pal_var *in, size_t n, pal_shape *shape)
{
    char a[96], b[96];
    *shape = PAL_SCALAR;
    if (!pal__handles(name, in, n, 0)) return false;
    for (size_t i = 0; i < n; i++) {
        pal_shape own = pal_shape_of(in[i]), joined;
        if (!pal_dtype_real(pal_dtype_of(in[i])) || pal_dtype_of(in[i]) != pal_dtype_of(in[0])) {
            pal_tape_fail(in[0].tape, PAL_ERR_TYPE, "%s: the operands must have one real type", name);
        } else if (!pal_shape_broadcast(*shape, own, &joined)) {
            pal_tape_fail(in[0].tape, PAL_ERR_SHAPE, "%s: %s does not broadcast with %s", name,
                          pal_shape_text(own, a, sizeof a), pal_shape_text(*shape, b, sizeof b));
        } else {
            *shape = joined;
            continue;
        }
        return false;
    }
    return true;
}

bool pal__classes(const char *name, const pal_var *in, size_t n, pal_shape *shape)
{
    if (!pal__operands(name, in, n, shape)) return false;
    for (size_t i = 0; i < n; i++) {
        pal_shape own = pal_shape_of(in[i]);
        if (own.rank >= 1 && own.dim[own.rank - 1] >= 1 && own.dim[own.rank - 1] == shape->dim[shape->rank - 1])
            continue;
        pal_tape_fail(in[0].tape, PAL_ERR_SHAPE, "%s: the last axes must have one number of classes, at least 1", name);
        return false;
    }
    return true;
}

bool pal__function_of(const char *name, pal_var y, pal_var x)
{
    if (!pal__handles(name, (const pal_var[]){y, x}, 2, 0)) return false;
    if (pal_dtype_real(pal_dtype_of(y)) && pal_dtype_real(pal_dtype_of(x))) return true;
    pal_tape_fail(y.tape, PAL_ERR_TYPE, "%s: the operands must be real, not %s and %s", name,
                  pal_dtype_name(pal_dtype_of(y)), pal_dtype_name(pal_dtype_of(x)));
    return false;
}

bool pal__is_code(const char *name, pal_var h, pal_var x)
{
    if (!pal__function_of(name, h, x)) return false;
    pal_shape a = pal_shape_of(h), b = pal_shape_of(x);
    if (a.rank == 2 && b.rank >= 1 && a.dim[0] == b.dim[0] && a.dim[0] > 0 && a.dim[1] > 0) return true;
    char s[96], u[96];
    pal_tape_fail(h.tape, PAL_ERR_SHAPE, "%s: needs a code [n,k] and inputs [n,...], not %s and %s", name,
                  pal_shape_text(a, s, sizeof s), pal_shape_text(b, u, sizeof u));
    return false;
}

bool pal__array(const char *name, const char *argument, pal_var x, const void *array)
{
    int rank = pal_shape_of(x).rank;
    if (array || !rank) return true;
    pal_tape_fail(x.tape, PAL_ERR_ARGUMENT, "%s: %s is NULL: give %d numbers, one for each axis", name, argument, rank);
    return false;
}
