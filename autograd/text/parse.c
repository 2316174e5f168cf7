/* parse.c - reads the text of a tape (text.c) back onto an empty tape.
 *
 *     line   = indent "%" number " = " operation " " type shape [operands] [params] [body] [name | scope] [order]
 *     operands = " (%" number {", %" number} ")"      params = " {" value {"," value} "}"
 *     body   = " of %" number " by %" number          name   = " " quoted       scope = " in " (plain | quoted)
 *     order  = " order " number                       last line: "return %" number {", %" number}
 *
 * Behind the name of a leaf of pal_leaf_rows is " rows". On a tape that is not cut it is any leaf.
 *
 * Invariants. Every entry passes the checks of recording: shape rules, live operands, regions. The type and shape that
 * a line declares must be those that the shape rule gives. Nothing is trusted without a check, because the text may
 * come from anyone. On failure the tape is empty again. */
#include "autograd/compile/internal.h"
#include "autograd/text/internal.h"

#include <string.h>

/* ---- Recording ------------------------------------------------------------------------------------------------ */

/* Reports the error of the tape, with the number of the line. */
static bool refused(pal__parser *p)
{
    pal_tape *t = p->tape;
    return t->status == PAL_OK ? pal__parse_no_memory(p) : pal__parse_fail(p, t->status, "%s", t->error);
}

static pal__entry entry_of(const pal__parser *p)
{
    const pal_tape *t = p->tape;
    return (pal__entry){.op = p->l.op,
                        .params = &p->l.params,
                        .shape = &p->l.shape,
                        .dtype = (uint8_t)p->l.dtype,
                        .scope = t->scope,
                        .region = t->region,
                        .order = t->order};
}

static uint32_t append(pal__parser *p, const pal__entry *e, const uint32_t *in, size_t n)
{
    uint32_t id = pal__append(p->tape, e, in, n);
    if (!id) refused(p);
    return id;
}

static bool bare(pal__parser *p)
{
    return (!p->n_in && !p->l.body) || pal__parse_fail(p, PAL_ERR_FORMAT, "%s takes no operands", p->l.op->name);
}

static uint32_t record_leaf(pal__parser *p)
{
    pal__line *l = &p->l;
    pal_tape *t = p->tape;
    char have[96], want[96];
    const bool rows = l->rows && pal_tape_shards(t) > 1;
    if (!bare(p)) return 0;
    if (!l->named) return pal__parse_wrong(p, "the leaf has no name");
    if (t->region) return pal__parse_wrong(p, "a leaf must be outside all regions");
    pal_tensor *tensor = p->o.leaf ? p->o.leaf(l->name, l->dtype, l->shape, p->o.user) : NULL;
    if (!tensor || !tensor->data)
        return pal__parse_fail(p, PAL_ERR_ARGUMENT, "there is no tensor for leaf %s", l->name);
    const pal_shape shape = pal__leaf_shape(t, tensor, rows);
    const bool divides = !rows || (shape.rank && tensor->shape.dim[0] % t->local_shards == 0);
    if (tensor->dtype != l->dtype || !pal_shape_equal(shape, l->shape) || !divides)
        return pal__parse_fail(p, PAL_ERR_SHAPE, "leaf %s is %s%s, but its tensor is %s%s", l->name,
                               pal_dtype_name(l->dtype), pal_shape_text(l->shape, want, sizeof want),
                               pal_dtype_name(tensor->dtype), pal_shape_text(tensor->shape, have, sizeof have));
    size_t before = t->n_entries;
    uint32_t id = pal__leaf(t, tensor, l->name, rows).id;
    if (!id) return refused(p);
    if (id != before)
        return pal__parse_fail(p, PAL_ERR_ARGUMENT, "leaf %s has the same tensor as leaf %s", l->name,
                               pal__at(t, id)->params->name);
    return id;
}

static uint32_t record_placeholder(pal__parser *p)
{
    pal__entry e = entry_of(p);
    return bare(p) ? append(p, &e, NULL, 0) : 0;
}

static uint32_t record_index(pal__parser *p)
{
    if (!bare(p)) return 0;
    if (p->l.dtype != PAL_I32 || p->l.shape.rank) return pal__parse_wrong(p, "an index must be i32[]");
    if (p->depth == PAL__DEEPEST) return pal__parse_wrong(p, "more than 64 nested regions");
    if (p->l.params.i[0] != (int64_t)p->depth + 1 || p->l.named)
        return pal__parse_wrong(p, "the depth of the index is wrong");
    pal__entry e = entry_of(p);
    uint32_t id = append(p, &e, NULL, 0);
    if (id) p->open[p->depth++] = id;
    return id;
}

static uint32_t record_map_sum(pal__parser *p)
{
    pal__line *l = &p->l;
    pal_tape *t = p->tape;
    const pal__entry *body = pal__at(t, l->body);
    if (!l->body) return pal__parse_wrong(p, "the map_sum has no body");
    if (!p->depth || l->index != p->open[p->depth - 1])
        return pal__parse_wrong(p, "the map_sum does not belong to the innermost open region");
    if (l->params.i[0] < 1 || l->params.i[0] > INT32_MAX || l->named)
        return pal__parse_wrong(p, "a map_sum needs a count of at least 1");
    if (body->region != l->index || body->op != &pal__op_copy || !pal_dtype_real((pal_dtype)body->dtype))
        return pal__parse_wrong(p, "the value of a body must be a copy inside its region, of a real type");
    if (body->dtype != l->dtype || !pal_shape_equal(*body->shape, l->shape))
        return pal__parse_wrong(p, "the map_sum and its body differ in type or shape");
    uint32_t *ids, id = 0;
    size_t n;
    if (!pal__captures(t, l->index, l->body, &ids, &n)) return pal__parse_no_memory(p);
    bool same = n == p->n_in;
    for (size_t i = 0; i < n && same; i++) same = ids[i] == p->in[i].id;
    t->region = pal__at(t, l->index)->region;
    p->depth--;
    pal__entry e = entry_of(p);
    e.body = l->body;
    e.index = l->index;
    if (!same)
        pal__parse_wrong(p, "the operands of map_sum must be the outer values that its body reads, in canonical order");
    else
        id = append(p, &e, ids, n);
    pal__free(t->context, ids);
    return id;
}

static uint32_t record_assign(pal__parser *p)
{
    if (p->n_in != 2 || p->l.body || p->l.named) return pal__parse_wrong(p, "assign takes a leaf and a value");
    uint32_t id = pal_assign(p->in[0], p->in[1]).id;
    return id ? id : (uint32_t)refused(p);
}

/* Several entries may draw from one stream, as the copy of a body in an adjoint does. All must be the same noise. */
static bool check_stream(pal__parser *p)
{
    pal_tape *t = p->tape;
    pal__line *l = &p->l;
    if (!l->named) return pal__parse_wrong(p, "the noise has no stream name");
    for (size_t i = 0; i < p->n_in; i++)
        if (pal__at(t, p->in[i].id)->op != &pal__op_index)
            return pal__parse_wrong(p, "the operands of noise must be indices of regions");
    const pal__stream *stream = pal__stream_find(t, l->name);
    const pal__entry *e = stream ? pal__at(t, stream->id) : NULL;
    if (!e || (e->op == l->op && !memcmp(e->params->i, l->params.i, sizeof e->params->i))) return true;
    return pal__parse_fail(p, PAL_ERR_ARGUMENT, "stream %s is already in use for other noise", l->name);
}

static uint32_t record_other(pal__parser *p)
{
    pal__line *l = &p->l;
    char have[96];
    if (l->body) return pal__parse_fail(p, PAL_ERR_FORMAT, "%s has no body", l->op->name);
    const bool random = l->op->op_class == PAL_CLASS_RANDOM;
    if (random && !check_stream(p)) return 0;
    uint32_t id = pal_record(p->tape, l->op, p->in, p->n_in, &l->params).id;
    if (!id) return (uint32_t)refused(p);
    if (random && !pal__stream_find(p->tape, l->name) && !pal__stream_add(p->tape, id)) return pal__parse_no_memory(p);
    const pal__entry *e = pal__at(p->tape, id);
    if (e->dtype != l->dtype || !pal_shape_equal(*e->shape, l->shape))
        return pal__parse_fail(p, PAL_ERR_SHAPE, "the result of %s is %s%s", l->op->name,
                               pal_dtype_name((pal_dtype)e->dtype), pal_shape_text(*e->shape, have, sizeof have));
    return id;
}

/* The scope of a named entry is the path in front of its name. */
static bool enter_scope(pal__parser *p)
{
    pal__line *l = &p->l;
    const char *slash = l->named ? strrchr(l->name, '/') : NULL;
    if (slash && (size_t)(slash - l->name) < sizeof l->scope) memcpy(l->scope, l->name, (size_t)(slash - l->name));
    p->tape->scope = pal__scope_find(p->tape, l->scope);
    return p->tape->status == PAL_OK || pal__parse_no_memory(p);
}

static bool record_line(pal__parser *p)
{
    static const struct {
        const pal_op *op;
        uint32_t (*record)(pal__parser *p);
    } own[] = {{&pal__op_leaf, record_leaf},
               {&pal__op_placeholder, record_placeholder},
               {&pal__op_index, record_index},
               {&pal__op_map_sum, record_map_sum},
               {&pal__op_assign, record_assign}};
    pal_tape *t = p->tape;
    uint32_t id = 0;
    size_t row = 0, rows = sizeof own / sizeof *own;
    if (p->l.named) p->l.params.name = p->l.name;
    if (!enter_scope(p)) return false;
    t->region = p->depth ? p->open[p->depth - 1] : 0;
    while (row < rows && own[row].op != p->l.op) row++;
    id = row < rows ? own[row].record(p) : record_other(p);
    if (!id) return false;
    if (!pal__grow(t->context, (void **)&p->known, p->n_known, &p->cap_known, sizeof *p->known))
        return pal__parse_no_memory(p);
    p->known[p->n_known++] = (pal__known){p->l.number, id};
    return true;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static bool read_return(pal__parser *p)
{
    p->n_in = 0;
    if (p->depth) return pal__parse_wrong(p, "a region is still open");
    if (!pal__parse_ids(p)) return false;
    if (p->at != p->end) return pal__parse_wrong(p, "unexpected text after the outputs");
    for (size_t i = 0; i < p->n_in; i++)
        if (!pal__outside(p->tape, p->in[i].id))
            return pal__parse_fail(p, PAL_ERR_FORMAT, "output %zu is inside a region", i + 1);
    return true;
}

/* A map_sum closes the innermost region, so its line is indented one step less than the lines before it. */
static bool read_indent(pal__parser *p)
{
    size_t steps = 0;
    while (pal__parse_skip(p, "    ")) steps++;
    if (steps == p->depth) return true;
    for (const char *s = p->at; s < p->end && p->depth == steps + 1; s++)
        if (*s == '=')
            return (p->end - s > 9 && !memcmp(s, "= map_sum ", 10)) ||
                   pal__parse_wrong(p, "the indentation does not match the region");
    return pal__parse_wrong(p, "the indentation does not match the region");
}

static bool parse(pal__parser *p, const char *text)
{
    bool done = !*text;
    for (const char *next = text; *next && !done; next = *p->end ? p->end + 1 : p->end) {
        p->row++;
        p->at = next;
        p->end = strchr(next, '\n');
        if (!p->end) p->end = next + strlen(next);
        if (pal__parse_skip(p, "return ")) {
            if (!read_return(p)) return false;
            done = true;
        } else if (!read_indent(p) || !pal__parse_line(p) || !record_line(p)) {
            return false;
        }
        if (done && *p->end && p->end[1]) {
            p->row++;
            return pal__parse_wrong(p, "unexpected text after the return line");
        }
    }
    if (done) return true;
    p->row++;
    return pal__parse_wrong(p, "the return line is missing");
}

pal_status pal_tape_parse(pal_tape *t, const char *text, const pal_parse_options *options, pal_var *outputs, size_t *n,
                          pal_error *err)
{
    size_t room = n ? *n : 0;
    if (n) *n = 0;
    if (!t || !text || (room && !outputs))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "parse: tape, text or outputs is NULL");
    pal_parse_options o = {0};
    if (pal_options_read(&o, options, sizeof o, sizeof o, "parse", err)) return PAL_ERR_ARGUMENT;
    if (t->n_entries > 1 || t->region || t->status != PAL_OK)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "parse: the tape is not empty");
    pal_error own = {0};
    pal__parser p = {.tape = t, .o = o, .err = &own, .c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    pal_mark mark = pal_tape_mark(t);
    uint32_t scope = t->scope;
    bool ok = parse(&p, text);
    const char *broken = ok ? pal__verify(t) : NULL;
    if (broken) ok = pal__parse_fail(&p, PAL_ERR_FORMAT, "%s", broken);
    if (ok && p.n_in > room)
        ok = pal__parse_fail(&p, PAL_ERR_ARGUMENT, "the text returns %zu outputs, but there is room for %zu", p.n_in,
                             room);
    t->region = 0;
    t->order = 0;
    t->scope = scope;
    if (ok) {
        for (size_t i = 0; i < p.n_in; i++) outputs[i] = p.in[i];
        if (n) *n = p.n_in;
    } else {
        pal_tape_rewind(t, mark);
        pal_error_set(err, own.status, "%s", own.text);
    }
    pal__free(t->context, p.known);
    pal__free(t->context, p.in);
    return ok ? PAL_OK : own.status;
}
