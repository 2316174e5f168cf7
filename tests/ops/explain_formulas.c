/* explain_formulas.c - the grammar of a formula, read by recursive descent; each rule returns its value.
 *
 * Arithmetic, comparisons, choices, products, sums, parts, transpositions and the functions of the table below are
 * computed here. The other operations are called through the library by their names: what moves or picks elements and
 * has no formula shorter than its code (conv2d, gather, sort, one_hot, ..), and rare functions (lgamma). For these, the
 * test shows that operands and parameters are printed right, and other tests show what they compute. */
#include "autograd/wiring.h"
#include "tests/ops/explain_rules.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
                 {"all_sum", the_same, false},
                 {"all_max", the_same, false},
                 {"not", negate, true}};
static const struct {
    const char *name;
    binary f;
    bool truth;
} of_two[] = {
    {"max", larger, false}, {"min", smaller, false}, {"and", both, true}, {"or", either, true}, {"xor", one_of, true}};

pal_shape rd_shape(explain_reader *r)
{
    pal_shape s = {0};
    if (rd_take(r, "scalar")) return s;
    do {
        char *end;
        s.dim[s.rank++] = strtoll(r->s, &end, 10);
        if (end == r->s) rd_fail(r, "a size is missing");
        r->s = end;
    } while (s.rank < PAL_MAX_RANK && rd_take(r, "×"));
    return s;
}

static int read_parts(explain_reader *r, range *parts, const pal_shape *of)
{
    int n = 0;
    if (rd_next(r, "]") || rd_next(r, "of")) return 0; /* of no axes */
    do {
        char *end;
        parts[n] = (range){0, of ? of->dim[n] : -1, 1};
        if (!rd_next(r, ":")) parts[n].from = strtoll(r->s, &end, 10), r->s = end;
        rd_need(r, ":");
        if (isdigit((unsigned char)*r->s)) parts[n].to = strtoll(r->s, &end, 10), r->s = end;
        if (rd_take(r, ":")) parts[n].step = strtoll(r->s, &end, 10), r->s = end;
        n++;
    } while (n < PAL_MAX_RANK && rd_take(r, ","));
    return n;
}

static read_value permuted(explain_reader *r, read_value a)
{
    int order[PAL_MAX_RANK] = {0}, n = 0;
    pal_shape s = a.shape;
    do {
        char *end;
        order[n++] = (int)strtol(r->s, &end, 10) - 1;
        r->s = end;
    } while (n < PAL_MAX_RANK && rd_take(r, ","));
    if (n != s.rank) return rd_fail(r, "an order of other axes");
    size_t stride[PAL_MAX_RANK], all = 1;
    for (int x = n - 1; x >= 0; x--) stride[x] = all, all *= (size_t)a.shape.dim[x];
    for (int x = 0; x < n; x++) s.dim[x] = a.shape.dim[order[x]];
    read_value v = rd_make(r, s, a.dtype);
    for (size_t i = 0; i < rd_count(v); i++) {
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
    if (!op) return rd_fail(r, "no operation is called %s", name);
    r->calls++;
    if (rd_take(r, ";")) do {
            char *end;
            const bool minus_sign = rd_take(r, "−");
            const double number = rd_take(r, "∞") ? INFINITY : (rd_next(r, ""), strtod(r->s, &end));
            if (isfinite(number)) r->s = end;
            const double signed_number = minus_sign ? -number : number;
            if (taken < op->n_ints)
                p.i[taken] = (int64_t)signed_number;
            else
                p.r[taken - op->n_ints] = signed_number;
            taken++;
        } while (rd_take(r, ","));
    if (taken != op->n_ints + op->n_reals) return rd_fail(r, "%s needs other parameters", name);
    pal_tape *t = pal_tape_new(r->context, PAL_F64);
    pal_var vars[16];
    for (size_t i = 0; i < n; i++) {
        pal_tensor *x = pal_tensor_new(r->context, in[i].dtype, in[i].shape);
        for (size_t k = 0; k < rd_count(in[i]); k++) pal_tensor_set(x, k, in[i].at[k]);
        vars[i] = pal_leaf(t, x, NULL);
    }
    const pal_var y = pal_record(t, op, vars, n, &p);
    read_value v = {0};
    if (pal_ok(y)) {
        pal_program *program = pal_compile(t, &y, 1, NULL);
        v = rd_make(r, pal_shape_of(y), pal_dtype_of(y));
        if (program && !pal_run(program))
            for (size_t k = 0; k < rd_count(v); k++) v.at[k] = pal_tensor_get(pal_output(program, 0), k);
        pal_program_free(program);
    }
    if (pal_tape_error(t)) rd_fail(r, "%s: %s", name, pal_tape_error(t));
    for (size_t i = 0; i < n; i++) pal_tensor_free(pal_leaf_tensor(vars[i]));
    pal_tape_free(t);
    return v;
}

/* ---- Formulas ------------------------------------------------------------------------------------------------- */

static bool ends_name(const char *s)
{
    static const char *const signs[] = {"·", "⊙", "≤", "≥", "≠", "−", "²", "ᵀ", "‖", "←", "…", "∞"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strncmp(s, signs[i], strlen(signs[i]))) return true;
    return !*s || strchr(" ()[]{},;:<>=+\n", *s) || (*s == '/' && strncmp(s + 1, "∂", strlen("∂")) != 0);
}

size_t rd_name(const char *s, char *name, size_t size)
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
    while (!*r->why && n < 16 && !rd_next(r, ")") && !rd_next(r, ";")) {
        in[n++] = rd_formula(r);
        if (!rd_take(r, ",")) break;
    }
    if (*r->why) return in[0];
    read_value v = {0};
    range parts[PAL_MAX_RANK];
    if (r->plain) {
        v = call(r, name, in, n);
    } else if (!strcmp(name, "reshape") || !strcmp(name, "repeat")) {
        rd_need(r, ";");
        rd_next(r, "");
        v = rd_shaped(r, in[0], rd_shape(r));
    } else if (!strcmp(name, "permute")) {
        rd_need(r, ";");
        rd_next(r, "");
        v = permuted(r, in[0]);
    } else if (!strcmp(name, "pad")) {
        rd_need(r, ";");
        rd_next(r, "");
        read_parts(r, parts, &in[0].shape);
        rd_need(r, "of");
        rd_next(r, "");
        v = rd_part(r, in[0], parts, rd_shape(r), false);
    } else {
        bool found = false;
        for (size_t i = 0; i < sizeof functions / sizeof *functions && !found; i++)
            if (n == 1 && !strcmp(name, functions[i].name)) {
                found = true;
                v = rd_make(r, in[0].shape, functions[i].truth ? PAL_BOOL : PAL_F64);
                for (size_t k = 0; k < rd_count(v); k++) v.at[k] = functions[i].f(in[0].at[k]);
            }
        for (size_t i = 0; i < sizeof of_two / sizeof *of_two && !found; i++)
            if (n == 2 && !strcmp(name, of_two[i].name)) {
                found = true;
                v = rd_combine(r, in[0], in[1], of_two[i].f, of_two[i].truth);
            }
        if (!found) v = call(r, name, in, n);
    }
    rd_need(r, ")");
    return v;
}

static read_value choice(explain_reader *r)
{
    const read_value a = rd_formula(r);
    rd_need(r, "if");
    const read_value c = rd_formula(r);
    rd_need(r, "else");
    const read_value b = rd_formula(r);
    rd_need(r, "]");
    pal_shape s;
    if (*r->why) return a;
    if (!pal_shape_broadcast(a.shape, b.shape, &s) || !pal_shape_broadcast(s, c.shape, &s))
        return rd_fail(r, "shapes do not fit");
    read_value v = rd_make(r, s, a.dtype);
    for (size_t i = 0; i < rd_count(v); i++)
        v.at[i] = c.at[rd_index(c.shape, s, i)] != 0 ? a.at[rd_index(a.shape, s, i)] : b.at[rd_index(b.shape, s, i)];
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
    if (rd_take(r, "₊"))
        while (below(r, &axis)) kept |= 1u << (axis - 1);
    rd_need(r, "(");
    const read_value a = rd_formula(r);
    rd_need(r, ")");
    if (*r->why) return a;
    return rd_sum(r, a, gone || kept || none ? gone : (1u << a.shape.rank) - 1, kept);
}

static read_value atom(explain_reader *r)
{
    rd_next(r, "");
    read_value v = {0};
    char name[200], *end;
    if (*r->why) return v;
    if (rd_take(r, "(")) {
        v = rd_formula(r);
        rd_need(r, ")");
        return v;
    }
    if (rd_take(r, "[")) return choice(r);
    if (rd_take(r, "‖")) {
        v = rd_formula(r);
        rd_need(r, "‖²");
        return *r->why ? v : rd_sum(r, rd_combine(r, v, v, times, false), (1u << v.shape.rank) - 1, 0);
    }
    if (isdigit((unsigned char)*r->s) || rd_next(r, "∞") || rd_next(r, "NaN")) {
        v = rd_make(r, PAL_SCALAR, PAL_F64);
        v.at[0] = rd_take(r, "∞") ? INFINITY : rd_take(r, "NaN") ? NAN : strtod(r->s, &end);
        if (isfinite(v.at[0])) r->s = end;
        return v;
    }
    if (rd_next(r, "Σ(") || rd_next(r, "Σ\xe2\x82")) {
        rd_take(r, "Σ");
        return sum(r);
    }
    const size_t n = rd_name(r->s, name, sizeof name);
    if (!n) return rd_fail(r, "a value is missing");
    r->s += n;
    if (*r->s == '(') {
        r->s++;
        return read_call(r, name);
    }
    const read_line *l = explain_line(r, name);
    return l ? l->value : rd_fail(r, "nothing is called %s", name);
}

static read_value postfix(explain_reader *r)
{
    read_value v = atom(r);
    for (;;) {
        if (*r->why) return v;
        if (!strncmp(r->s, "²", strlen("²"))) {
            r->s += strlen("²");
            v = rd_combine(r, v, v, times, false);
        } else if (!strncmp(r->s, "ᵀ", strlen("ᵀ"))) {
            r->s += strlen("ᵀ");
            v = rd_transposed(r, v);
        } else if (*r->s == '[') {
            range parts[PAL_MAX_RANK];
            r->s++;
            if (read_parts(r, parts, &v.shape) != v.shape.rank) return rd_fail(r, "parts of other axes");
            rd_need(r, "]");
            v = rd_part(r, v, parts, v.shape, true);
        } else {
            return v;
        }
    }
}

static bool begins_atom(explain_reader *r)
{
    if (*r->s != ' ' && *r->s != '\n') return false;
    rd_next(r, "");
    if (rd_next(r, "if ") || rd_next(r, "else ") || rd_next(r, "of ")) return false;
    return *r->s == '(' || *r->s == '[' || !ends_name(r->s) || (rd_next(r, "‖") && !rd_next(r, "‖²"));
}

static read_value product(explain_reader *r)
{
    read_value v = postfix(r);
    while (!*r->why && begins_atom(r)) v = rd_multiply(r, v, postfix(r));
    return v;
}

static read_value product_of_elements(explain_reader *r)
{
    read_value v = product(r);
    for (;;)
        if (*r->why)
            return v;
        else if (rd_take(r, "⊙") || rd_take(r, "·"))
            v = rd_combine(r, v, product(r), times, false);
        else if (rd_next(r, "/ "))
            r->s++, v = rd_combine(r, v, product(r), over, false);
        else
            return v;
}

static read_value sum_of_terms(explain_reader *r)
{
    const bool negative = rd_take(r, "−");
    read_value v = product_of_elements(r), zero = rd_make(r, PAL_SCALAR, PAL_F64);
    if (negative) v = rd_combine(r, zero, v, minus, false);
    for (;;)
        if (*r->why)
            return v;
        else if (rd_take(r, "+"))
            v = rd_combine(r, v, product_of_elements(r), plus, false);
        else if (rd_take(r, "−"))
            v = rd_combine(r, v, product_of_elements(r), minus, false);
        else
            return v;
}

read_value rd_formula(explain_reader *r)
{
    static const struct {
        const char *sign;
        binary f;
    } signs[] = {{"<", less}, {"≤", less_equal}, {">", greater}, {"≥", greater_equal}, {"==", equal}, {"≠", differs}};
    const read_value v = sum_of_terms(r);
    for (size_t i = 0; i < sizeof signs / sizeof *signs && !*r->why; i++)
        if (rd_take(r, signs[i].sign)) return rd_combine(r, v, sum_of_terms(r), signs[i].f, true);
    return v;
}
