/* notation_parts.c - arranges slices, for formulas: parts of joined values become the values themselves. A slice of a
 * concat is one of its operands; a slice of a pad is what was put in, or 0; a slice of a sum of pads is a sum of
 * slices. See notation_arrange.c. */
#include <string.h>

#include "ops/internal.h"
#include "ops/notation_arrange.h"

static bool is(pal_var v, const char *op) { return pal_op_of(v) && !strcmp(pal_op_of(v)->name, op); }

typedef struct part {
    int64_t start[PAL_MAX_RANK], size[PAL_MAX_RANK], step[PAL_MAX_RANK];
} part;

static part part_of(const pal_params *p, pal_shape s)
{
    part out = {0};
    for (int a = 0; a < s.rank; a++) {
        out.start[a] = p->i[a];
        out.size[a] = p->i[6 + a] & UINT32_MAX;
        out.step[a] = p->i[6 + a] >> 32;
    }
    return out;
}

static bool holds_pad(pal_var v, int depth)
{
    if (is(v, "pad")) return true;
    return depth && (is(v, "add") || is(v, "sub")) &&
           (holds_pad(pal_operand(v, 0), depth - 1) || holds_pad(pal_operand(v, 1), depth - 1));
}

/* A slice of a pad that takes exactly what was put in, or nothing of it. */
static pal_var of_pad(const pal_rule *r, part s)
{
    const pal_var a = r->in[0], inner = pal_operand(a, 0);
    const pal_params *p = pal_params_of(a);
    const pal_shape in = pal_shape_of(inner);
    bool same = true, apart = false;
    for (int x = 0; x < in.rank; x++) {
        const int64_t begin = p->i[x], step = p->i[6 + x] >> 32;
        same &= s.start[x] == begin && s.size[x] == in.dim[x] && (s.step[x] == step || in.dim[x] == 1);
        apart |= step == 1 && s.step[x] == 1 && (s.start[x] + s.size[x] <= begin || begin + in.dim[x] <= s.start[x]);
    }
    if (same) return inner;
    pal_shape out = in;
    for (int x = 0; x < in.rank; x++) out.dim[x] = s.size[x];
    return apart ? pal_fill(r->tape, pal_dtype_of(a), out, 0) : (pal_var){0};
}

static pal_var of_concat(const pal_rule *r, part s)
{
    const pal_var a = r->in[0];
    const int axis = (int)pal_params_of(a)->i[0];
    int64_t at = 0;
    for (size_t k = 0; k < pal_operand_count(a); k++) {
        const pal_shape in = pal_shape_of(pal_operand(a, k));
        bool whole_part = true;
        for (int x = 0; x < in.rank; x++)
            whole_part &= s.step[x] == 1 && s.start[x] == (x == axis ? at : 0) && s.size[x] == in.dim[x];
        if (whole_part) return pal_operand(a, k);
        at += in.dim[axis];
    }
    return (pal_var){0};
}

pal_var pal__arrange_slice(const pal_rule *r, unsigned alone)
{
    (void)alone;
    const pal_var a = r->in[0];
    const part s = part_of(r->params, pal_shape_of(a));
    if (is(a, "pad")) return of_pad(r, s);
    if (is(a, "concat")) return of_concat(r, s);
    if ((is(a, "add") || is(a, "sub")) && holds_pad(a, 12)) {
        const pal_var x = pal_operand(a, 0), y = pal_operand(a, 1);
        if (!pal_shape_equal(pal_shape_of(x), pal_shape_of(y))) return (pal_var){0};
        const pal_var left = pal_slice(x, s.start, s.size, s.step), right = pal_slice(y, s.start, s.size, s.step);
        return is(a, "add") ? pal_add(left, right) : pal_sub(left, right);
    }
    return (pal_var){0};
}
