/* parse.c - the text of a tape (text.c) read back onto an empty one.
 *
 *     line   = indent "%" number " = " operation " " type shape [operands] [params] [body] [name | scope] [order]
 *     operands = " (%" number {", %" number} ")"      params = " {" value {"," value} "}"
 *     body   = " of %" number " by %" number          name   = " " quoted       scope = " in " (plain | quoted)
 *     order  = " order " number                       last line: "return %" number {", %" number}
 *
 * Invariants. Every entry goes through the checks of recording: shape rules, live operands, regions; what a line
 * declares has to be what the shape rule gives. Nothing is believed that was not checked, for the text may be anyone's.
 * On failure the tape is empty again. */
#include "autograd/graph_internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64, NAME = 512, NUMBERS = PAL_PARAM_INTS + 2 };

typedef struct known { /* ascending by number */
    uint32_t number, id;
} known;

typedef struct line {
    uint32_t number, body, index; /* body, index: ids; 0: none */
    const pal_op *op;
    pal_dtype dtype;
    pal_shape shape;
    pal_params params;
    bool named;
    char name[NAME], scope[256];
    size_t n_numbers;
    char numbers[NUMBERS][32];
} line;

typedef struct parser {
    pal_tape *tape;
    pal_parse_options o;
    pal_error *err;
    locale_t c; /* numbers have a point, whatever the program's locale */
    const char *at, *end;
    size_t row;
    known *known;
    pal_var *in; /* operands, or outputs, of the line */
    size_t n_known, cap_known, n_in, cap_in;
    uint32_t open[DEEPEST]; /* indices of the regions around the line */
    size_t depth;
    line l;
} parser;

static bool fail(parser *p, pal_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail(parser *p, pal_status status, const char *format, ...)
{
    char text[420];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pal_error_set(p->err, status, "line %zu: %s", p->row, text);
    return false;
}

static bool wrong(parser *p, const char *what) { return fail(p, PAL_ERR_FORMAT, "%s", what); }
static bool no_memory(parser *p) { return fail(p, PAL_ERR_MEMORY, "out of memory"); }

/* ---- Letters ----------------------------------------------------------------------------------------------------- */

static bool skip(parser *p, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n)) return false;
    p->at += n;
    return true;
}

static bool digit(const parser *p) { return p->at < p->end && *p->at >= '0' && *p->at <= '9'; }

static bool read_count(parser *p, int64_t most, int64_t *out)
{
    int64_t value = 0;
    if (!digit(p)) return wrong(p, "a number is missing");
    for (; digit(p); p->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p->at - '0', &value) ||
            value > most)
            return wrong(p, "a number is too large");
    *out = value;
    return true;
}

static bool read_word(parser *p, char *out, size_t size)
{
    size_t n = 0;
    for (; p->at < p->end && pal__plain(*p->at); p->at++) {
        if (n + 1 >= size) return wrong(p, "a name is too long");
        out[n++] = *p->at;
    }
    out[n] = 0;
    return n || wrong(p, "a name is missing");
}

/* What pal__print_quoted wrote. */
static bool read_quoted(parser *p, char *out, size_t size)
{
    size_t n = 0;
    if (!skip(p, "\"")) return wrong(p, "a quoted name is missing");
    while (p->at < p->end && *p->at != '"') {
        char letter = *p->at++;
        if (letter == '\\') {
            const char *e = p->at;
            if (e < p->end && (*e == '"' || *e == '\\')) {
                letter = *e;
                p->at++;
            } else if (p->end - e >= 3 && e[0] >= '0' && e[0] <= '1' && e[1] >= '0' && e[1] <= '7' && e[2] >= '0' &&
                       e[2] <= '7') {
                letter = (char)((e[0] - '0') * 64 + (e[1] - '0') * 8 + (e[2] - '0'));
                p->at += 3;
            } else {
                return wrong(p, "an escape that is none");
            }
            if (!letter) return wrong(p, "a name with a zero byte");
        }
        if (n + 1 >= size) return wrong(p, "a name is too long");
        out[n++] = letter;
    }
    out[n] = 0;
    if (!skip(p, "\"")) return wrong(p, "a name without its closing quote");
    return n || wrong(p, "an empty name");
}

static bool read_id(parser *p, uint32_t *id)
{
    int64_t number;
    if (!skip(p, "%")) return wrong(p, "a % is missing");
    if (!read_count(p, UINT32_MAX, &number)) return false;
    for (size_t low = 0, high = p->n_known; low < high;) {
        size_t middle = (low + high) / 2;
        *id = p->known[middle].id;
        if (p->known[middle].number == number) return true;
        if (p->known[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return fail(p, PAL_ERR_FORMAT, "%%%lld does not stand before this line", (long long)number);
}

static bool read_ids(parser *p)
{
    do {
        uint32_t id;
        if (!read_id(p, &id)) return false;
        if (!pal__grow(p->tape->context, (void **)&p->in, p->n_in, &p->cap_in, sizeof *p->in)) return no_memory(p);
        p->in[p->n_in++] = pal__var(p->tape, id);
    } while (skip(p, ", "));
    return true;
}

/* ---- Parts of a line --------------------------------------------------------------------------------------------- */

static bool read_type(parser *p)
{
    char word[NAME];
    size_t n = 0;
    while (p->at < p->end && *p->at != '[' && n < 8) word[n++] = *p->at++;
    word[n] = 0;
    for (int d = 0; d < PAL_DTYPE_COUNT; d++)
        if (!strcmp(word, pal_dtype_name((pal_dtype)d)) && d != PAL_BF16) { /* reserved */
            p->l.dtype = (pal_dtype)d;
            return true;
        }
    return wrong(p, "an element type is missing");
}

static bool read_shape(parser *p)
{
    pal_shape s = {0};
    if (!skip(p, "[")) return wrong(p, "a shape is missing");
    while (!skip(p, "]")) {
        if (s.rank == PAL_MAX_RANK) return wrong(p, "a shape of over 6 axes");
        if (s.rank && !skip(p, ",")) return wrong(p, "a shape without its end");
        if (!read_count(p, INT64_MAX, &s.dim[s.rank++])) return false;
    }
    p->l.shape = s;
    return pal_shape_count(s) >= 0 || wrong(p, "a shape is too large");
}

static bool read_numbers(parser *p)
{
    do {
        size_t n = 0;
        if (p->l.n_numbers == NUMBERS) return wrong(p, "too many parameters");
        char *out = p->l.numbers[p->l.n_numbers++];
        for (; p->at < p->end && *p->at != ',' && *p->at != '}'; p->at++) {
            if (n + 1 >= sizeof *p->l.numbers) return wrong(p, "a parameter is no number");
            out[n++] = *p->at;
        }
        out[n] = 0;
    } while (skip(p, ","));
    return skip(p, "}") || wrong(p, "parameters without their end");
}

static bool parse_int(const char *text, int64_t *out)
{
    char *end;
    if (*text != '-' && (*text < '0' || *text > '9')) return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return !errno && end != text && !*end;
}

static bool parse_real(const parser *p, const char *text, double *out)
{
    char *end;
    const char *plain = text + (*text == '-');
    uint64_t bits = PAL__NAN_BITS;
    if (!strncmp(plain, "nan", 3)) {
        if (!strncmp(plain, "nan(0x", 6)) {
            errno = 0;
            uint64_t mantissa = strtoull(plain + 6, &end, 16);
            if (errno || end == plain + 6 || strcmp(end, ")") || !mantissa || mantissa > PAL__NAN_MANTISSA)
                return false;
            bits = (PAL__NAN_BITS & ~PAL__NAN_MANTISSA) | mantissa | (uint64_t)(plain != text) << 63;
        } else if (strcmp(text, "nan")) {
            return false;
        }
        memcpy(out, &bits, sizeof *out);
        return true;
    }
    if (!strcmp(plain, "inf")) {
        *out = plain == text ? (double)INFINITY : -(double)INFINITY;
        return true;
    }
    if (*plain < '0' || *plain > '9') return false;
    *out = strtod_l(text, &end, p->c);
    return !*end && *out - *out == 0;
}

/* The numbers as the operation's parameters; integers that type and shape tell are left out. */
static bool read_params(parser *p)
{
    line *l = &p->l;
    size_t ints = (size_t)pal__n_ints(l->op), reals = (size_t)pal__n_reals(l->op), at = 0;
    if (l->n_numbers != ints + reals) {
        if (l->n_numbers != reals || !pal__told_ints(l->op, l->dtype, l->shape, l->params.i))
            return fail(p, PAL_ERR_FORMAT, "%s has %zu parameters, not %zu", l->op->name, ints + reals, l->n_numbers);
        ints = 0;
    }
    for (size_t i = 0; i < ints; i++)
        if (!parse_int(l->numbers[at++], &l->params.i[i])) return wrong(p, "a parameter is no integer");
    for (size_t i = 0; i < reals; i++)
        if (!parse_real(p, l->numbers[at++], &l->params.r[i])) return wrong(p, "a parameter is no number");
    return true;
}

static const pal_op *find(const parser *p, const char *name)
{
    static const pal_op *const own[] = {&pal__op_leaf,    &pal__op_placeholder,   &pal__op_index, &pal__op_assign,
                                        &pal__op_map_sum, &pal__op_add,           &pal__op_fill,  &pal__op_broadcast_to,
                                        &pal__op_sum_to,  &pal__op_stop_gradient, &pal__op_copy};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i]->name, name)) return own[i];
    return p->o.find ? p->o.find(name) : NULL;
}

/* A named entry belongs to the scope that its name begins with. */
static bool enter_scope(parser *p)
{
    line *l = &p->l;
    const char *slash = l->named ? strrchr(l->name, '/') : NULL;
    if (slash && (size_t)(slash - l->name) < sizeof l->scope) memcpy(l->scope, l->name, (size_t)(slash - l->name));
    p->tape->scope = pal__scope_find(p->tape, l->scope);
    return p->tape->status == PAL_OK || no_memory(p);
}

static bool read_line(parser *p)
{
    line *l = &p->l;
    char word[64];
    int64_t number, order = 0;
    *l = (line){0};
    p->n_in = 0;
    if (!skip(p, "%")) return wrong(p, "neither an operation nor the return line");
    if (!read_count(p, UINT32_MAX, &number)) return false;
    l->number = (uint32_t)number;
    if (!number || (p->n_known && p->known[p->n_known - 1].number >= number))
        return fail(p, PAL_ERR_FORMAT, "%%%lld: the numbers are to ascend from 1", (long long)number);
    if (!skip(p, " = ")) return wrong(p, "an = is missing");
    if (!read_word(p, word, sizeof word)) return false;
    if (!(l->op = find(p, word))) return fail(p, PAL_ERR_FORMAT, "no operation is called %s", word);
    if (!skip(p, " ")) return wrong(p, "an element type is missing");
    if (!read_type(p) || !read_shape(p)) return false;
    if (skip(p, " (") && (!read_ids(p) || !(skip(p, ")") || wrong(p, "operands without their end")))) return false;
    if (skip(p, " {") && !read_numbers(p)) return false;
    if (!read_params(p)) return false;
    if (skip(p, " of ")) {
        if (!read_id(p, &l->body)) return false;
        if (!skip(p, " by ")) return wrong(p, "a body without its index");
        if (!read_id(p, &l->index)) return false;
    }
    if (p->end - p->at > 1 && p->at[0] == ' ' && p->at[1] == '"') {
        p->at++;
        l->named = true;
        if (!read_quoted(p, l->name, sizeof l->name)) return false;
    } else if (skip(p, " in ")) {
        if (p->at < p->end && *p->at == '"' ? !read_quoted(p, l->scope, sizeof l->scope)
                                            : !read_word(p, l->scope, sizeof l->scope))
            return false;
    }
    if (skip(p, " order ") && !read_count(p, UINT8_MAX, &order)) return false;
    p->tape->order = (uint8_t)order;
    return p->at == p->end ||
           fail(p, PAL_ERR_FORMAT, "what is \"%.*s\"?", (int)(p->end - p->at > 20 ? 20 : p->end - p->at), p->at);
}

/* ---- Recording --------------------------------------------------------------------------------------------------- */

/* The tape's own reason, of which the line is the place. */
static bool refused(parser *p)
{
    pal_tape *t = p->tape;
    return t->status == PAL_OK ? no_memory(p) : fail(p, t->status, "%s", t->error);
}

static bool intern_name(parser *p)
{
    line *l = &p->l;
    if (!l->named) return true;
    l->params.name = pal__intern(p->tape, l->name, strlen(l->name));
    return l->params.name || no_memory(p);
}

static pal__entry entry_of(const parser *p)
{
    const pal_tape *t = p->tape;
    return (pal__entry){.op = p->l.op,
                        .params = p->l.params,
                        .shape = p->l.shape,
                        .dtype = (uint8_t)p->l.dtype,
                        .scope = t->scope,
                        .region = t->region,
                        .order = t->order};
}

static uint32_t append(parser *p, const pal__entry *e, const uint32_t *in, size_t n)
{
    uint32_t id = pal__append(p->tape, e, in, n);
    if (!id) refused(p);
    return id;
}

static bool bare(parser *p)
{
    return (!p->n_in && !p->l.body) || fail(p, PAL_ERR_FORMAT, "%s takes no operands", p->l.op->name);
}

static uint32_t record_leaf(parser *p)
{
    line *l = &p->l;
    pal_tape *t = p->tape;
    char have[96], want[96];
    if (!bare(p)) return 0;
    if (!l->named) return wrong(p, "a leaf without a name");
    if (t->region) return wrong(p, "a leaf inside a region");
    pal_tensor *tensor = p->o.leaf ? p->o.leaf(l->name, l->dtype, l->shape, p->o.user) : NULL;
    if (!tensor || !tensor->data) return fail(p, PAL_ERR_ARGUMENT, "there is no tensor for leaf %s", l->name);
    if (tensor->dtype != l->dtype || !pal_shape_equal(tensor->shape, l->shape))
        return fail(p, PAL_ERR_SHAPE, "leaf %s is %s%s, its tensor %s%s", l->name, pal_dtype_name(l->dtype),
                    pal_shape_text(l->shape, want, sizeof want), pal_dtype_name(tensor->dtype),
                    pal_shape_text(tensor->shape, have, sizeof have));
    size_t before = t->n_entries;
    uint32_t id = pal__leaf(t, tensor, l->name).id;
    if (!id) return refused(p);
    if (id != before)
        return fail(p, PAL_ERR_ARGUMENT, "leaf %s has the tensor of leaf %s", l->name, pal__at(t, id)->params.name);
    return id;
}

static uint32_t record_placeholder(parser *p)
{
    pal__entry e = entry_of(p);
    return bare(p) && intern_name(p) ? append(p, &e, NULL, 0) : 0;
}

static uint32_t record_index(parser *p)
{
    if (!bare(p)) return 0;
    if (p->l.dtype != PAL_I32 || p->l.shape.rank) return wrong(p, "an index is i32[]");
    if (p->depth == DEEPEST) return wrong(p, "over 64 regions in each other");
    if (p->l.params.i[0] != (int64_t)p->depth + 1 || p->l.named) return wrong(p, "an index of another depth");
    pal__entry e = entry_of(p);
    uint32_t id = append(p, &e, NULL, 0);
    if (id) p->open[p->depth++] = id;
    return id;
}

static uint32_t record_map_sum(parser *p)
{
    line *l = &p->l;
    pal_tape *t = p->tape;
    const pal__entry *body = pal__at(t, l->body);
    if (!l->body) return wrong(p, "a map_sum without its body");
    if (!p->depth || l->index != p->open[p->depth - 1]) return wrong(p, "a map_sum whose region is not the open one");
    if (l->params.i[0] < 1 || l->params.i[0] > INT32_MAX || l->named)
        return wrong(p, "a map_sum needs a count of at least 1");
    if (body->region != l->index || body->op != &pal__op_copy || !pal_dtype_real((pal_dtype)body->dtype))
        return wrong(p, "a body's value is a copy inside, and real");
    if (body->dtype != l->dtype || !pal_shape_equal(body->shape, l->shape))
        return wrong(p, "a map_sum has another type or shape than its body");
    uint32_t *ids, id = 0;
    size_t n;
    if (!pal__captures(t, l->index, l->body, &ids, &n)) return no_memory(p);
    bool same = n == p->n_in;
    for (size_t i = 0; i < n && same; i++) same = ids[i] == p->in[i].id;
    t->region = pal__at(t, l->index)->region;
    p->depth--;
    pal__entry e = entry_of(p);
    e.body = l->body;
    e.index = l->index;
    if (!same)
        wrong(p, "a map_sum's operands are the outer values that its body reads, in the order of a walk");
    else
        id = append(p, &e, ids, n);
    pal__free(t->context, ids);
    return id;
}

static uint32_t record_assign(parser *p)
{
    if (p->n_in != 2 || p->l.body || p->l.named) return wrong(p, "assign takes a leaf and a value");
    uint32_t id = pal_assign(p->in[0], p->in[1]).id;
    return id ? id : (uint32_t)refused(p);
}

/* A stream drawn from by several entries, as an adjoint's copy of a body does, is the same noise everywhere. */
static bool check_stream(parser *p)
{
    pal_tape *t = p->tape;
    line *l = &p->l;
    if (!l->named) return wrong(p, "noise without the name of its stream");
    for (size_t i = 0; i < p->n_in; i++)
        if (pal__at(t, p->in[i].id)->op != &pal__op_index) return wrong(p, "noise reads indices alone");
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        if (e->op->op_class != PAL_CLASS_RANDOM || strcmp(e->params.name, l->name)) continue;
        l->params.name = e->params.name;
        if (e->op != l->op || memcmp(e->params.i, l->params.i, sizeof e->params.i))
            return fail(p, PAL_ERR_ARGUMENT, "stream %s is drawn from otherwise already", l->name);
        return true;
    }
    if (!intern_name(p)) return false;
    if (!pal__grow(t->context, (void **)&t->streams, t->n_streams, &t->cap_streams, sizeof *t->streams))
        return no_memory(p);
    t->streams[t->n_streams++] = l->params.name;
    return true;
}

static uint32_t record_other(parser *p)
{
    line *l = &p->l;
    char have[96];
    if (l->body) return fail(p, PAL_ERR_FORMAT, "%s has no body", l->op->name);
    if (l->op->op_class == PAL_CLASS_RANDOM ? !check_stream(p) : !intern_name(p)) return 0;
    uint32_t id = pal_record(p->tape, l->op, p->in, p->n_in, &l->params).id;
    if (!id) return (uint32_t)refused(p);
    const pal__entry *e = pal__at(p->tape, id);
    if (e->dtype != l->dtype || !pal_shape_equal(e->shape, l->shape))
        return fail(p, PAL_ERR_SHAPE, "%s gives %s%s here", l->op->name, pal_dtype_name((pal_dtype)e->dtype),
                    pal_shape_text(e->shape, have, sizeof have));
    return id;
}

static bool record_line(parser *p)
{
    static const struct {
        const pal_op *op;
        uint32_t (*record)(parser *p);
    } own[] = {{&pal__op_leaf, record_leaf},
               {&pal__op_placeholder, record_placeholder},
               {&pal__op_index, record_index},
               {&pal__op_map_sum, record_map_sum},
               {&pal__op_assign, record_assign}};
    pal_tape *t = p->tape;
    uint32_t id = 0;
    size_t row = 0, rows = sizeof own / sizeof *own;
    if (!enter_scope(p)) return false;
    t->region = p->depth ? p->open[p->depth - 1] : 0;
    while (row < rows && own[row].op != p->l.op) row++;
    id = row < rows ? own[row].record(p) : record_other(p);
    if (!id) return false;
    if (!pal__grow(t->context, (void **)&p->known, p->n_known, &p->cap_known, sizeof *p->known)) return no_memory(p);
    p->known[p->n_known++] = (known){p->l.number, id};
    return true;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static bool read_return(parser *p)
{
    p->n_in = 0;
    if (p->depth) return wrong(p, "a region is still open");
    if (!read_ids(p)) return false;
    if (p->at != p->end) return wrong(p, "something behind the outputs");
    for (size_t i = 0; i < p->n_in; i++)
        if (!pal__outside(p->tape, p->in[i].id))
            return fail(p, PAL_ERR_FORMAT, "output %zu lies inside a region", i + 1);
    return true;
}

/* A map_sum closes the innermost region, so it stands one step further out than what comes before it. */
static bool read_indent(parser *p)
{
    size_t steps = 0;
    while (skip(p, "    ")) steps++;
    if (steps == p->depth) return true;
    for (const char *s = p->at; s < p->end && p->depth == steps + 1; s++)
        if (*s == '=')
            return (p->end - s > 9 && !memcmp(s, "= map_sum ", 10)) || wrong(p, "set in otherwise than its region");
    return wrong(p, "set in otherwise than its region");
}

static bool parse(parser *p, const char *text)
{
    bool done = !*text;
    for (const char *next = text; *next && !done; next = *p->end ? p->end + 1 : p->end) {
        p->row++;
        p->at = next;
        p->end = strchr(next, '\n');
        if (!p->end) p->end = next + strlen(next);
        if (skip(p, "return ")) {
            if (!read_return(p)) return false;
            done = true;
        } else if (!read_indent(p) || !read_line(p) || !record_line(p)) {
            return false;
        }
        if (done && *p->end && p->end[1]) {
            p->row++;
            return wrong(p, "something behind the return line");
        }
    }
    if (done) return true;
    p->row++;
    return wrong(p, "the return line is missing");
}

pal_status pal_tape_parse(pal_tape *t, const char *text, const pal_parse_options *options, pal_var *outputs, size_t *n,
                          pal_error *err)
{
    size_t room = n ? *n : 0;
    if (n) *n = 0;
    if (!t || !text || (options && !options->struct_size) || (room && !outputs))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "parse: no tape, no text, options without struct_size or no outputs");
    if (t->n_entries > 1 || t->region || t->status != PAL_OK)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "parse: the tape is not empty");
    pal_error own = {0};
    parser p = {.tape = t, .err = &own, .c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    if (options) memcpy(&p.o, options, options->struct_size < sizeof p.o ? options->struct_size : sizeof p.o);
    pal_mark mark = pal_tape_mark(t);
    uint32_t scope = t->scope;
    bool ok = parse(&p, text);
    const char *broken = ok ? pal__verify(t) : NULL;
    if (broken) ok = fail(&p, PAL_ERR_FORMAT, "%s", broken);
    if (ok && p.n_in > room) ok = fail(&p, PAL_ERR_ARGUMENT, "%zu outputs, and room for %zu", p.n_in, room);
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
