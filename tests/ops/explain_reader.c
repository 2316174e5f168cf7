/* explain_reader.c - the grammar of pal_explain's text, read by recursive descent; each rule returns its value.
 *
 * Arithmetic, comparisons, choices, products, sums, parts, transpositions and the functions of the table below are
 * computed here. The other operations are called through the library by their names: what moves or picks elements and
 * has no formula shorter than its code (conv2d, gather, sort, one_hot, ..), and rare functions (lgamma). For these, the
 * test shows that operands and parameters are printed right, and other tests show what they compute. */
#include "tests/ops/explain_reader.h"

#include "autograd/wiring.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static read_value fail(explain_reader *r, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!*r->why) {
        const int n = vsnprintf(r->why, sizeof r->why, format, list);
        if (n > 0 && (size_t)n < sizeof r->why)
            snprintf(r->why + n, sizeof r->why - (size_t)n, ": at '%.60s'", r->s ? r->s : "");
    }
    va_end(list);
    return (read_value){0};
}

static read_value make(explain_reader *r, pal_shape shape, pal_dtype dtype)
{
    const int64_t n = pal_shape_count(shape);
    read_value v = {calloc((size_t)n + 1, sizeof(double)), shape, dtype};
    if (r->n_blocks == sizeof r->block / sizeof *r->block) return free(v.at), fail(r, "too many values");
    r->block[r->n_blocks++] = v.at;
    return v;
}

static size_t count(read_value v) { return (size_t)pal_shape_count(v.shape); }

static bool next_is(explain_reader *r, const char *word)
{
    while (*r->s == ' ' || *r->s == '\n') r->s++;
    return !strncmp(r->s, word, strlen(word));
}

static bool take(explain_reader *r, const char *word)
{
    const bool yes = next_is(r, word);
    if (yes) r->s += strlen(word);
    return yes;
}

static void need(explain_reader *r, const char *word)
{
    if (!*r->why && !take(r, word)) fail(r, "%s is missing", word);
}

/* ---- Arithmetic ----------------------------------------------------------------------------------------------- */

static size_t index_of(pal_shape shape, pal_shape whole, size_t i) /* of an operand, for element i of the result */
{
    size_t at = 0, stride = 1;
    for (int a = whole.rank - 1, b = shape.rank - 1; a >= 0; a--, b--) {
        const size_t k = i % (size_t)whole.dim[a];
        i /= (size_t)whole.dim[a];
        if (b < 0) continue;
        if (shape.dim[b] != 1) at += k * stride;
        stride *= (size_t)shape.dim[b];
    }
    return at;
}

typedef double (*binary)(double, double);
static double plus(double a, double b) { return a + b; }
static double minus(double a, double b) { return a - b; }
static double times(double a, double b) { return a * b; }
static double over(double a, double b) { return a / b; }
static double less(double a, double b) { return a < b; }
static double less_equal(double a, double b) { return a <= b; }
static double greater(double a, double b) { return a > b; }
static double greater_equal(double a, double b) { return a >= b; }
static double equal(double a, double b) { return a == b; }
static double differs(double a, double b) { return a != b; }
static double larger(double a, double b) { return a > b || a != a ? a : b; }
static double smaller(double a, double b) { return a < b || a != a ? a : b; }
static double both(double a, double b) { return a != 0 && b != 0; }
static double either(double a, double b) { return a != 0 || b != 0; }
static double one_of(double a, double b) { return (a != 0) != (b != 0); }

static read_value combine(explain_reader *r, read_value a, read_value b, binary f, bool truth)
{
    pal_shape s;
    if (*r->why) return a;
    if (!pal_shape_broadcast(a.shape, b.shape, &s)) return fail(r, "shapes do not fit");
    read_value v = make(r, s, truth ? PAL_BOOL : PAL_F64);
    for (size_t i = 0; i < count(v); i++) v.at[i] = f(a.at[index_of(a.shape, s, i)], b.at[index_of(b.shape, s, i)]);
    return v;
}

/* A product of the last two axes; leading axes broadcast. A scalar is no matrix. */
static read_value multiply(explain_reader *r, read_value a, read_value b)
{
    if (*r->why) return a;
    if (a.shape.rank < 2 || b.shape.rank < 2) return fail(r, "a product of what is no matrix");
    pal_shape x = a.shape, y = b.shape, s;
    const size_t n = (size_t)x.dim[x.rank - 2], k = (size_t)x.dim[x.rank - 1], m = (size_t)y.dim[y.rank - 1];
    if ((size_t)y.dim[y.rank - 2] != k) return fail(r, "matrices do not fit");
    x.rank -= 2, y.rank -= 2;
    if (!pal_shape_broadcast(x, y, &s)) return fail(r, "leading axes do not fit");
    const size_t items = (size_t)pal_shape_count(s);
    pal_shape whole = s;
    whole.dim[whole.rank++] = (int64_t)n, whole.dim[whole.rank++] = (int64_t)m;
    read_value v = make(r, whole, PAL_F64);
    for (size_t item = 0; item < items; item++) {
        const double *p = a.at + index_of(x, s, item) * n * k, *q = b.at + index_of(y, s, item) * k * m;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++)
                for (size_t l = 0; l < k; l++) v.at[(item * n + i) * m + j] += p[i * k + l] * q[l * m + j];
    }
    return v;
}

static read_value transposed(explain_reader *r, read_value a)
{
    if (*r->why || a.shape.rank < 2) return fail(r, "a transposition of what is no matrix");
    pal_shape s = a.shape;
    const size_t n = (size_t)s.dim[s.rank - 2], m = (size_t)s.dim[s.rank - 1];
    s.dim[s.rank - 2] = (int64_t)m, s.dim[s.rank - 1] = (int64_t)n;
    read_value v = make(r, s, a.dtype);
    for (size_t item = 0, one = n * m; one > 0 && item < count(a) / one; item++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++) v.at[(item * m + j) * n + i] = a.at[(item * n + i) * m + j];
    return v;
}

/* Sums over the axes of the two sets of bits; those of `kept` stay as axes of 1. */
static read_value sum_over(explain_reader *r, read_value a, unsigned gone, unsigned kept)
{
    if (*r->why) return a;
    pal_shape same = a.shape, out = {0};
    for (int x = 0; x < a.shape.rank; x++) {
        if ((gone | kept) >> x & 1) same.dim[x] = 1;
        if (!(gone >> x & 1)) out.dim[out.rank++] = same.dim[x];
    }
    read_value v = make(r, out, PAL_F64);
    for (size_t i = 0; i < count(a); i++) v.at[index_of(same, a.shape, i)] += a.at[i];
    return v;
}

/* The same elements in a shape, or one of them repeated. */
static read_value shaped(explain_reader *r, read_value a, pal_shape s)
{
    if (*r->why) return a;
    pal_shape joined;
    read_value v = make(r, s, a.dtype);
    if (count(v) == count(a))
        memcpy(v.at, a.at, count(a) * sizeof *v.at);
    else if (pal_shape_broadcast(a.shape, s, &joined) && pal_shape_equal(joined, s))
        for (size_t i = 0; i < count(v); i++) v.at[i] = a.at[index_of(a.shape, s, i)];
    else
        return fail(r, "a value does not have the shape of its entry");
    return v;
}

/* ---- Functions ------------------------------------------------------------------------------------------------ */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double log_sigmoid(double x) { return -softplus(-x); }
static double relu(double x) { return x > 0 ? x : 0; }
static double sign(double x) { return (x > 0) - (x < 0); }
static double the_same(double x) { return x; }
static double negate(double x) { return x == 0; }

static const struct {
    const char *name;
    double (*f)(double);
    bool truth;
} functions[] = {{"σ", sigmoid, false},
                 {"softplus", softplus, false},
                 {"log_sigmoid", log_sigmoid, false},
                 {"relu", relu, false},
                 {"tanh", tanh, false},
                 {"exp", exp, false},
                 {"expm1", expm1, false},
                 {"ln", log, false},
                 {"log1p", log1p, false},
                 {"sin", sin, false},
                 {"cos", cos, false},
                 {"abs", fabs, false},
                 {"√", sqrt, false},
                 {"erf", erf, false},
                 {"sign", sign, false},
                 {"stop", the_same, false},
                 {"not", negate, true}};
static const struct {
    const char *name;
    binary f;
    bool truth;
} of_two[] = {
    {"max", larger, false}, {"min", smaller, false}, {"and", both, true}, {"or", either, true}, {"xor", one_of, true}};

static pal_shape read_shape(explain_reader *r)
{
    pal_shape s = {0};
    if (take(r, "scalar")) return s;
    do {
        char *end;
        s.dim[s.rank++] = strtoll(r->s, &end, 10);
        if (end == r->s) fail(r, "a size is missing");
        r->s = end;
    } while (s.rank < PAL_MAX_RANK && take(r, "×"));
    return s;
}

typedef struct range {
    int64_t from, to, step;
} range;

static int read_parts(explain_reader *r, range *parts, const pal_shape *of)
{
    int n = 0;
    if (next_is(r, "]") || next_is(r, "of")) return 0; /* of no axes */
    do {
        char *end;
        parts[n] = (range){0, of ? of->dim[n] : -1, 1};
        if (!next_is(r, ":")) parts[n].from = strtoll(r->s, &end, 10), r->s = end;
        need(r, ":");
        if (isdigit((unsigned char)*r->s)) parts[n].to = strtoll(r->s, &end, 10), r->s = end;
        if (take(r, ":")) parts[n].step = strtoll(r->s, &end, 10), r->s = end;
        n++;
    } while (n < PAL_MAX_RANK && take(r, ","));
    return n;
}

/* Copies between a value and a part of a larger one. */
static read_value move_part(explain_reader *r, read_value a, const range *part, pal_shape whole, bool out_of)
{
    pal_shape small = whole;
    for (int x = 0; x < whole.rank; x++) {
        const int64_t to = part[x].to < 0 ? whole.dim[x] : part[x].to;
        small.dim[x] = (to - part[x].from + part[x].step - 1) / part[x].step;
    }
    read_value v = make(r, out_of ? small : whole, a.dtype);
    for (size_t i = 0; i < (size_t)pal_shape_count(small); i++) {
        size_t at = 0, left = i, stride = 1;
        for (int x = whole.rank - 1; x >= 0; x--) {
            const size_t k = left % (size_t)small.dim[x];
            left /= (size_t)small.dim[x];
            at += ((size_t)part[x].from + k * (size_t)part[x].step) * stride;
            stride *= (size_t)whole.dim[x];
        }
        if (at >= (out_of ? count(a) : count(v))) return fail(r, "a part beyond its whole");
        v.at[out_of ? i : at] = a.at[out_of ? at : i];
    }
    return v;
}

static read_value permuted(explain_reader *r, read_value a)
{
    int order[PAL_MAX_RANK] = {0}, n = 0;
    pal_shape s = a.shape;
    do {
        char *end;
        order[n++] = (int)strtol(r->s, &end, 10) - 1;
        r->s = end;
    } while (n < PAL_MAX_RANK && take(r, ","));
    if (n != s.rank) return fail(r, "an order of other axes");
    size_t stride[PAL_MAX_RANK], all = 1;
    for (int x = n - 1; x >= 0; x--) stride[x] = all, all *= (size_t)a.shape.dim[x];
    for (int x = 0; x < n; x++) s.dim[x] = a.shape.dim[order[x]];
    read_value v = make(r, s, a.dtype);
    for (size_t i = 0; i < count(v); i++) {
        size_t left = i, at = 0;
        for (int x = n - 1; x >= 0; x--) {
            at += left % (size_t)s.dim[x] * stride[order[x]];
            left /= (size_t)s.dim[x];
        }
        v.at[i] = a.at[at];
    }
    return v;
}

static const pal_op *const engine[] = {&pal__op_range, &pal__op_copy, &pal__op_stop_gradient};

/* Calls the operation of the library, on a tape of its own. */
static read_value call(explain_reader *r, const char *name, const read_value *in, size_t n)
{
    const pal_op *op = pal_op_find(name);
    for (size_t i = 0; !op && i < sizeof engine / sizeof *engine; i++)
        if (!strcmp(engine[i]->name, name)) op = engine[i];
    pal_params p = {0};
    int taken = 0;
    if (!op) return fail(r, "no operation is called %s", name);
    r->calls++;
    if (take(r, ";")) do {
            char *end;
            const bool minus_sign = take(r, "−");
            const double number = take(r, "∞") ? INFINITY : (next_is(r, ""), strtod(r->s, &end));
            if (isfinite(number)) r->s = end;
            const double signed_number = minus_sign ? -number : number;
            if (taken < op->n_ints)
                p.i[taken] = (int64_t)signed_number;
            else
                p.r[taken - op->n_ints] = signed_number;
            taken++;
        } while (take(r, ","));
    if (taken != op->n_ints + op->n_reals) return fail(r, "%s needs other parameters", name);
    pal_tape *t = pal_tape_new(r->context, PAL_F64);
    pal_var vars[16];
    for (size_t i = 0; i < n; i++) {
        pal_tensor *x = pal_tensor_new(r->context, in[i].dtype, in[i].shape);
        for (size_t k = 0; k < count(in[i]); k++) pal_tensor_set(x, k, in[i].at[k]);
        vars[i] = pal_leaf(t, x, NULL);
    }
    const pal_var y = pal_record(t, op, vars, n, &p);
    read_value v = {0};
    if (pal_ok(y)) {
        pal_program *program = pal_compile(t, &y, 1, NULL);
        v = make(r, pal_shape_of(y), pal_dtype_of(y));
        if (program && !pal_run(program))
            for (size_t k = 0; k < count(v); k++) v.at[k] = pal_tensor_get(pal_output(program, 0), k);
        pal_program_free(program);
    }
    if (pal_tape_error(t)) fail(r, "%s: %s", name, pal_tape_error(t));
    for (size_t i = 0; i < n; i++) pal_tensor_free(pal_leaf_tensor(vars[i]));
    pal_tape_free(t);
    return v;
}

/* ---- Formulas ------------------------------------------------------------------------------------------------- */

static read_value formula(explain_reader *r);

static bool ends_name(const char *s)
{
    static const char *const signs[] = {"·", "⊙", "≤", "≥", "≠", "−", "²", "ᵀ", "‖", "←", "…", "∞"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strncmp(s, signs[i], strlen(signs[i]))) return true;
    return !*s || strchr(" ()[]{},;:<>=+\n", *s) || (*s == '/' && strncmp(s + 1, "∂", strlen("∂")) != 0);
}

static size_t name_at(const char *s, char *name, size_t size)
{
    size_t n = 0;
    while (!ends_name(s + n)) n++;
    snprintf(name, size, "%.*s", (int)n, s);
    return n;
}

static read_value read_call(explain_reader *r, const char *name)
{
    read_value in[16] = {{0}};
    size_t n = 0;
    while (!*r->why && n < 16 && !next_is(r, ")") && !next_is(r, ";")) {
        in[n++] = formula(r);
        if (!take(r, ",")) break;
    }
    if (*r->why) return in[0];
    read_value v = {0};
    range parts[PAL_MAX_RANK];
    if (r->plain) {
        v = call(r, name, in, n);
    } else if (!strcmp(name, "reshape") || !strcmp(name, "repeat")) {
        need(r, ";");
        next_is(r, "");
        v = shaped(r, in[0], read_shape(r));
    } else if (!strcmp(name, "permute")) {
        need(r, ";");
        next_is(r, "");
        v = permuted(r, in[0]);
    } else if (!strcmp(name, "pad")) {
        need(r, ";");
        next_is(r, "");
        read_parts(r, parts, &in[0].shape);
        need(r, "of");
        next_is(r, "");
        v = move_part(r, in[0], parts, read_shape(r), false);
    } else {
        bool found = false;
        for (size_t i = 0; i < sizeof functions / sizeof *functions && !found; i++)
            if (n == 1 && !strcmp(name, functions[i].name)) {
                found = true;
                v = make(r, in[0].shape, functions[i].truth ? PAL_BOOL : PAL_F64);
                for (size_t k = 0; k < count(v); k++) v.at[k] = functions[i].f(in[0].at[k]);
            }
        for (size_t i = 0; i < sizeof of_two / sizeof *of_two && !found; i++)
            if (n == 2 && !strcmp(name, of_two[i].name)) {
                found = true;
                v = combine(r, in[0], in[1], of_two[i].f, of_two[i].truth);
            }
        if (!found) v = call(r, name, in, n);
    }
    need(r, ")");
    return v;
}

static read_value choice(explain_reader *r)
{
    const read_value a = formula(r);
    need(r, "if");
    const read_value c = formula(r);
    need(r, "else");
    const read_value b = formula(r);
    need(r, "]");
    pal_shape s;
    if (*r->why) return a;
    if (!pal_shape_broadcast(a.shape, b.shape, &s) || !pal_shape_broadcast(s, c.shape, &s))
        return fail(r, "shapes do not fit");
    read_value v = make(r, s, a.dtype);
    for (size_t i = 0; i < count(v); i++)
        v.at[i] = c.at[index_of(c.shape, s, i)] != 0 ? a.at[index_of(a.shape, s, i)] : b.at[index_of(b.shape, s, i)];
    return v;
}

static bool below(explain_reader *r, int *digit) /* a digit below the line */
{
    const bool yes = !strncmp(r->s, "\xe2\x82", 2) && (unsigned char)r->s[2] >= 0x80 && (unsigned char)r->s[2] <= 0x89;
    if (yes) *digit = r->s[2] & 15, r->s += 3;
    return yes;
}

static read_value sum(explain_reader *r)
{
    unsigned gone = 0, kept = 0;
    int axis;
    bool none = false; /* Σ₀ */
    while (below(r, &axis))
        if (axis)
            gone |= 1u << (axis - 1);
        else
            none = true;
    if (take(r, "₊"))
        while (below(r, &axis)) kept |= 1u << (axis - 1);
    need(r, "(");
    const read_value a = formula(r);
    need(r, ")");
    if (*r->why) return a;
    return sum_over(r, a, gone || kept || none ? gone : (1u << a.shape.rank) - 1, kept);
}

static read_value atom(explain_reader *r)
{
    next_is(r, "");
    read_value v = {0};
    char name[200], *end;
    if (*r->why) return v;
    if (take(r, "(")) {
        v = formula(r);
        need(r, ")");
        return v;
    }
    if (take(r, "[")) return choice(r);
    if (take(r, "‖")) {
        v = formula(r);
        need(r, "‖²");
        return *r->why ? v : sum_over(r, combine(r, v, v, times, false), (1u << v.shape.rank) - 1, 0);
    }
    if (isdigit((unsigned char)*r->s) || next_is(r, "∞") || next_is(r, "NaN")) {
        v = make(r, PAL_SCALAR, PAL_F64);
        v.at[0] = take(r, "∞") ? INFINITY : take(r, "NaN") ? NAN : strtod(r->s, &end);
        if (isfinite(v.at[0])) r->s = end;
        return v;
    }
    if (next_is(r, "Σ(") || next_is(r, "Σ\xe2\x82")) {
        take(r, "Σ");
        return sum(r);
    }
    const size_t n = name_at(r->s, name, sizeof name);
    if (!n) return fail(r, "a value is missing");
    r->s += n;
    if (*r->s == '(') {
        r->s++;
        return read_call(r, name);
    }
    const read_line *l = explain_line(r, name);
    return l ? l->value : fail(r, "nothing is called %s", name);
}

static read_value postfix(explain_reader *r)
{
    read_value v = atom(r);
    for (;;) {
        if (*r->why) return v;
        if (!strncmp(r->s, "²", strlen("²"))) {
            r->s += strlen("²");
            v = combine(r, v, v, times, false);
        } else if (!strncmp(r->s, "ᵀ", strlen("ᵀ"))) {
            r->s += strlen("ᵀ");
            v = transposed(r, v);
        } else if (*r->s == '[') {
            range parts[PAL_MAX_RANK];
            r->s++;
            if (read_parts(r, parts, &v.shape) != v.shape.rank) return fail(r, "parts of other axes");
            need(r, "]");
            v = move_part(r, v, parts, v.shape, true);
        } else {
            return v;
        }
    }
}

static bool begins_atom(explain_reader *r)
{
    if (*r->s != ' ' && *r->s != '\n') return false;
    next_is(r, "");
    if (next_is(r, "if ") || next_is(r, "else ") || next_is(r, "of ")) return false;
    return *r->s == '(' || *r->s == '[' || !ends_name(r->s) || (next_is(r, "‖") && !next_is(r, "‖²"));
}

static read_value product(explain_reader *r)
{
    read_value v = postfix(r);
    while (!*r->why && begins_atom(r)) v = multiply(r, v, postfix(r));
    return v;
}

static read_value product_of_elements(explain_reader *r)
{
    read_value v = product(r);
    for (;;)
        if (*r->why)
            return v;
        else if (take(r, "⊙") || take(r, "·"))
            v = combine(r, v, product(r), times, false);
        else if (next_is(r, "/ "))
            r->s++, v = combine(r, v, product(r), over, false);
        else
            return v;
}

static read_value sum_of_terms(explain_reader *r)
{
    const bool negative = take(r, "−");
    read_value v = product_of_elements(r), zero = make(r, PAL_SCALAR, PAL_F64);
    if (negative) v = combine(r, zero, v, minus, false);
    for (;;)
        if (*r->why)
            return v;
        else if (take(r, "+"))
            v = combine(r, v, product_of_elements(r), plus, false);
        else if (take(r, "−"))
            v = combine(r, v, product_of_elements(r), minus, false);
        else
            return v;
}

static read_value formula(explain_reader *r)
{
    static const struct {
        const char *sign;
        binary f;
    } signs[] = {{"<", less}, {"≤", less_equal}, {">", greater}, {"≥", greater_equal}, {"==", equal}, {"≠", differs}};
    const read_value v = sum_of_terms(r);
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !*r->why; i++)
        if (take(r, signs[i].sign)) return combine(r, v, sum_of_terms(r), signs[i].f, true);
    return v;
}

/* ---- The page ------------------------------------------------------------------------------------------------- */

const read_line *explain_line(const explain_reader *r, const char *name)
{
    for (size_t i = r->n; i--;)
        if (!strcmp(r->line[i].name, name)) return &r->line[i];
    return NULL;
}

static const struct read_entry *entry(const explain_reader *r, const char *name)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (!strcmp(r->entry[i].name, name)) return &r->entry[i];
    return NULL;
}

static void store(explain_reader *r, const char *name, long number, read_value v)
{
    const struct read_entry *e = entry(r, name);
    if (e) v = shaped(r, v, e->shape);
    for (int d = 0; e && d < PAL_DTYPE_COUNT; d++) /* the words begin with a type, unless it is a real one */
        if (!strncmp(e->words, pal_dtype_name((pal_dtype)d), strlen(pal_dtype_name((pal_dtype)d))))
            v.dtype = (pal_dtype)d;
    if (*r->why) return;
    read_line *line = NULL;
    for (size_t i = r->n; i-- && number;) /* the line of a region comes again for each term */
        if (!strcmp(r->line[i].name, name)) line = &r->line[i];
    if (!line && r->n + 1 == sizeof r->line / sizeof *r->line) {
        fail(r, "too many lines");
        return;
    }
    if (!line) line = &r->line[r->n++];
    snprintf(line->name, sizeof line->name, "%s", name);
    line->number = number;
    line->value = v;
}

/* The entries after "where": leaves get their numbers, n its value. */
static void read_entries(explain_reader *r, const char *s)
{
    char name[200];
    while (*s) {
        s += strspn(s, " \n");
        if (!*s) return;
        const size_t n = name_at(s, name, sizeof name);
        const size_t line = strcspn(s, "\n");
        r->s = s + n + strspn(s + n, " ");
        if (*r->s == '=') {
            read_value v = make(r, PAL_SCALAR, PAL_F64);
            v.at[0] = strtod(r->s + 1, NULL);
            store(r, name, 0, v);
        } else {
            struct read_entry *e = &r->entry[r->n_entries++];
            snprintf(e->name, sizeof e->name, "%s", name);
            e->shape = read_shape(r);
            r->s += strspn(r->s, " ");
            if (r->s > s + line) r->s = s + line;
            snprintf(e->words, sizeof e->words, "%.*s", (int)(s + line - r->s), r->s);
            const char *kind = strstr(e->words, "input "), *own = strstr(e->words, "parameter ");
            const char *path = kind ? strchr(kind, ' ') : own ? strchr(own, ' ') : NULL;
            const pal_tensor *t = path ? r->leaf(path + 1, r->user) : NULL;
            if (path && !t) fail(r, "no leaf is called%s", path);
            if (t) {
                read_value v = make(r, t->shape, pal_dtype_real(t->dtype) ? PAL_F64 : t->dtype);
                for (size_t i = 0; i < count(v); i++) v.at[i] = pal_tensor_get(t, i);
                store(r, name, 0, v);
            }
        }
        if (*r->why) return;
        s += line;
    }
}

static read_value noise(explain_reader *r, const char *name, bool inside)
{
    const struct read_entry *e = entry(r, name);
    if (inside) r->skipped = true; /* each term has noise of its own, which the host cannot make */
    if (inside) return fail(r, "noise inside of a region");
    if (!e || strncmp(e->words, "noise ", 6)) return fail(r, "%s has no stream", name);
    read_value v = make(r, e->shape, PAL_F64);
    if (take(r, "N(0, 1)"))
        pal_noise_normal(r->noise, e->words + 6, 0, count(v), v.at);
    else if (take(r, "U[0, 1)"))
        pal_noise_uniform(r->noise, e->words + 6, 0, count(v), v.at);
    else if (r->plain && (next_is(r, "normal(") || next_is(r, "uniform("))) {
        (next_is(r, "normal(") ? pal_noise_normal : pal_noise_uniform)(r->noise, e->words + 6, 0, count(v), v.at);
        r->s += strlen(r->s);
    } else
        return fail(r, "another noise");
    return v;
}

typedef struct region {
    const char *from, *to; /* its lines */
    char index[200];
    int64_t terms;
} region;

static void read_lines(explain_reader *r, const char *s, const char *end, size_t indent);

static void read_region_sum(explain_reader *r, const region *g, size_t indent)
{
    /* r->s is behind "Σk(": the formula is read once for each term. */
    const char *begin = r->s, *after = begin;
    read_value total = {0};
    for (int64_t k = 0; k < g->terms && !*r->why; k++) {
        read_value index = make(r, PAL_SCALAR, PAL_I32);
        index.at[0] = (double)k;
        store(r, g->index, -1, index);
        read_lines(r, g->from, g->to, indent + 4);
        r->s = begin;
        const read_value term = formula(r);
        total = k ? combine(r, total, term, plus, false) : term;
        after = r->s;
    }
    r->s = after;
    need(r, ")");
    if (!*r->why) {
        r->line[r->n] = (read_line){.value = total};
        snprintf(r->line[r->n].name, sizeof r->line[r->n].name, "Σ");
    }
}

static void read_lines(explain_reader *r, const char *s, const char *end, size_t indent)
{
    region g = {0};
    while (s < end && !*r->why) {
        size_t margin = strspn(s, " ");
        const char *line = s + margin, *next = s;
        /* Columns after the margin of the region: 0 a number, 7 a line without one, 10 the rest of a line. */
        do {
            next += strcspn(next, "\n");
            next += *next == '\n';
        } while (next < end && strspn(next, " ") == indent + 10);
        if (*line == '\n' || !*line) {
            s = next;
            continue;
        }
        if (!strncmp(line, "for ", 4) && margin == indent + 7) { /* everything that is indented further belongs to it */
            char *digits;
            const size_t n = name_at(line + 4, g.index, sizeof g.index);
            g.terms = strtoll(strstr(line + 4 + n, "… ") + strlen("… "), &digits, 10) + 1;
            g.from = s + strcspn(s, "\n") + 1;
            g.to = g.from;
            while (g.to < end && *g.to != '\n' && strspn(g.to, " ") != indent && strspn(g.to, " ") != indent + 7)
                g.to += strcspn(g.to, "\n") + 1;
            s = g.to;
            continue;
        }
        char copy[20000];
        snprintf(copy, sizeof copy, "%.*s", (int)(next - line), line);
        for (char *c = copy; *c; c++)
            if (*c == '\n') *c = ' ';
        for (size_t n = strlen(copy); n && copy[n - 1] == ' ';) copy[--n] = 0;
        r->s = copy;
        long number = 0;
        if (take(r, "(%")) {
            char *after;
            number = strtol(r->s, &after, 10);
            r->s = after;
            need(r, ")");
        }
        char name[200];
        next_is(r, "");
        r->s += name_at(r->s, name, sizeof name);
        if (take(r, "~")) {
            store(r, name, number, noise(r, name, indent > 0));
        } else if (next_is(r, "←") || next_is(r, "=")) {
            if (take(r, "←"))
                snprintf(name + strlen(name), sizeof name - strlen(name), "←"); /* the leaf stays as it was */
            take(r, "=");
            char sum_sign[220];
            snprintf(sum_sign, sizeof sum_sign, "Σ%s(", g.index);
            if (g.terms && next_is(r, sum_sign)) {
                take(r, sum_sign);
                read_region_sum(r, &g, indent);
                if (!*r->why) store(r, name, number, r->line[r->n].value);
                g = (region){0};
            } else {
                store(r, name, number, formula(r));
            }
        } else {
            fail(r, "a line without =");
        }
        if (!*r->why && (next_is(r, ""), *r->s)) fail(r, "%s: more than a formula", name);
        r->s = "";
        s = next;
    }
}

bool explain_read(explain_reader *r, const char *page)
{
    const char *where = strstr(page, "\nwhere\n"), *begin = strstr(page, "\n\n");
    if (!where || !begin) return fail(r, "no page"), false;
    read_entries(r, where + 7);
    if (!*r->why) read_lines(r, begin + 2, where, 0);
    return !*r->why;
}

void explain_reader_free(explain_reader *r)
{
    for (size_t i = 0; i < r->n_blocks; i++) free(r->block[i]);
    r->n_blocks = 0;
}
