/* parse_line.c - reads one line of the text of a tape: numbers, names, operands. The grammar is in parse.c. */
#include "autograd/text/internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool pal__parse_fail(pal__parser *p, pal_status status, const char *format, ...)
{
    char text[420];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pal_error_set(p->err, status, "line %zu: %s", p->row, text);
    return false;
}

/* ---- Characters ----------------------------------------------------------------------------------------------- */

bool pal__parse_skip(pal__parser *p, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n)) return false;
    p->at += n;
    return true;
}

static bool digit(const pal__parser *p) { return p->at < p->end && *p->at >= '0' && *p->at <= '9'; }

static bool read_count(pal__parser *p, int64_t most, int64_t *out)
{
    int64_t value = 0;
    if (!digit(p)) return pal__parse_wrong(p, "a number is missing");
    for (; digit(p); p->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p->at - '0', &value) ||
            value > most)
            return pal__parse_wrong(p, "a number is too large");
    *out = value;
    return true;
}

static bool read_word(pal__parser *p, char *out, size_t size)
{
    size_t n = 0;
    for (; p->at < p->end && pal__plain(*p->at); p->at++) {
        if (n + 1 >= size) return pal__parse_fail(p, PAL_ERR_FORMAT, "a name is too long: at most %zu bytes", size - 1);
        out[n++] = *p->at;
    }
    out[n] = 0;
    return n || pal__parse_wrong(p, "a name is missing");
}

/* Reads what pal__print_quoted writes. */
static bool read_quoted(pal__parser *p, char *out, size_t size)
{
    size_t n = 0;
    if (!pal__parse_skip(p, "\"")) return pal__parse_wrong(p, "a quoted name is missing");
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
                return pal__parse_wrong(p, "unknown escape sequence");
            }
            if (!letter) return pal__parse_wrong(p, "a name contains a zero byte");
        }
        if (n + 1 >= size) return pal__parse_fail(p, PAL_ERR_FORMAT, "a name is too long: at most %zu bytes", size - 1);
        out[n++] = letter;
    }
    out[n] = 0;
    if (!pal__parse_skip(p, "\"")) return pal__parse_wrong(p, "the closing quote of a name is missing");
    return n || pal__parse_wrong(p, "a name is empty");
}

static bool read_id(pal__parser *p, uint32_t *id)
{
    int64_t number;
    if (!pal__parse_skip(p, "%")) return pal__parse_wrong(p, "a % is missing");
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
    return pal__parse_fail(p, PAL_ERR_FORMAT, "%%%lld is not defined before this line", (long long)number);
}

bool pal__parse_ids(pal__parser *p)
{
    do {
        uint32_t id = 0;
        if (!read_id(p, &id)) return false;
        if (!pal__grow(p->tape->context, (void **)&p->in, p->n_in, &p->cap_in, sizeof *p->in))
            return pal__parse_no_memory(p);
        p->in[p->n_in++] = pal__var(p->tape, id);
    } while (pal__parse_skip(p, ", "));
    return true;
}

/* ---- Parts of a line ------------------------------------------------------------------------------------------ */

static bool read_type(pal__parser *p)
{
    char word[16];
    size_t n = 0;
    while (p->at < p->end && *p->at != '[' && n < 8) word[n++] = *p->at++;
    word[n] = 0;
    for (int d = 0; d < PAL_DTYPE_COUNT; d++)
        if (!strcmp(word, pal_dtype_name((pal_dtype)d)) && d != PAL_BF16) { /* reserved */
            p->l.dtype = (pal_dtype)d;
            return true;
        }
    return pal__parse_wrong(p, "the element type is missing or unknown");
}

static bool read_shape(pal__parser *p)
{
    pal_shape s = {0};
    if (!pal__parse_skip(p, "[")) return pal__parse_wrong(p, "a shape is missing");
    while (!pal__parse_skip(p, "]")) {
        if (s.rank == PAL_MAX_RANK) return pal__parse_wrong(p, "a shape has more than 6 axes");
        if (s.rank && !pal__parse_skip(p, ",")) return pal__parse_wrong(p, "the closing ] of a shape is missing");
        if (!read_count(p, INT64_MAX, &s.dim[s.rank++])) return false;
    }
    p->l.shape = s;
    return pal_shape_count(s) >= 0 || pal__parse_wrong(p, "a shape is too large");
}

static bool read_numbers(pal__parser *p)
{
    do {
        size_t n = 0;
        if (p->l.n_numbers == PAL__NUMBERS) return pal__parse_wrong(p, "too many parameters");
        char *out = p->l.numbers[p->l.n_numbers++];
        for (; p->at < p->end && *p->at != ',' && *p->at != '}'; p->at++) {
            if (n + 1 >= sizeof *p->l.numbers) return pal__parse_wrong(p, "a parameter is not a number");
            out[n++] = *p->at;
        }
        out[n] = 0;
    } while (pal__parse_skip(p, ","));
    return pal__parse_skip(p, "}") || pal__parse_wrong(p, "the closing } of the parameters is missing");
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

static bool parse_real(const pal__parser *p, const char *text, double *out)
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

/* Stores the numbers as parameters of the operation. A line leaves out integers that follow from type and shape. */
static bool read_params(pal__parser *p)
{
    pal__line *l = &p->l;
    size_t ints = (size_t)pal__n_ints(l->op), reals = (size_t)pal__n_reals(l->op), at = 0;
    if (l->n_numbers != ints + reals) {
        if (l->n_numbers != reals || !pal__told_ints(l->op, l->dtype, l->shape, l->params.i))
            return pal__parse_fail(p, PAL_ERR_FORMAT, "%s has %zu parameters, not %zu", l->op->name, ints + reals,
                                   l->n_numbers);
        ints = 0;
    }
    for (size_t i = 0; i < ints; i++)
        if (!parse_int(l->numbers[at++], &l->params.i[i])) return pal__parse_wrong(p, "a parameter is not an integer");
    for (size_t i = 0; i < reals; i++)
        if (!parse_real(p, l->numbers[at++], &l->params.r[i]))
            return pal__parse_wrong(p, "a parameter is not a number");
    return true;
}

static const pal_op *find(const pal__parser *p, const char *name)
{
    static const pal_op *const own[] = {&pal__op_leaf,    &pal__op_placeholder,   &pal__op_index, &pal__op_assign,
                                        &pal__op_map_sum, &pal__op_add,           &pal__op_fill,  &pal__op_broadcast_to,
                                        &pal__op_sum_to,  &pal__op_stop_gradient, &pal__op_copy,  &pal__op_range,
                                        &pal__op_all_sum, &pal__op_all_max};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i]->name, name)) return own[i];
    return p->o.find ? p->o.find(name) : NULL;
}

bool pal__parse_line(pal__parser *p)
{
    pal__line *l = &p->l;
    char word[64];
    int64_t number, order = 0;
    *l = (pal__line){0};
    p->n_in = 0;
    if (!pal__parse_skip(p, "%")) return pal__parse_wrong(p, "expected an operation or the return line");
    if (!read_count(p, UINT32_MAX, &number)) return false;
    l->number = (uint32_t)number;
    if (!number || (p->n_known && p->known[p->n_known - 1].number >= number))
        return pal__parse_fail(p, PAL_ERR_FORMAT, "%%%lld: the numbers must ascend from 1", (long long)number);
    if (!pal__parse_skip(p, " = ")) return pal__parse_wrong(p, "an = is missing");
    if (!read_word(p, word, sizeof word)) return false;
    if (!(l->op = find(p, word))) return pal__parse_fail(p, PAL_ERR_FORMAT, "no operation is called %s", word);
    if (!pal__parse_skip(p, " ")) return pal__parse_wrong(p, "the element type is missing or unknown");
    if (!read_type(p) || !read_shape(p)) return false;
    if (pal__parse_skip(p, " (") &&
        (!pal__parse_ids(p) ||
         !(pal__parse_skip(p, ")") || pal__parse_wrong(p, "the closing ) of the operands is missing"))))
        return false;
    if (pal__parse_skip(p, " {") && !read_numbers(p)) return false;
    if (!read_params(p)) return false;
    if (pal__parse_skip(p, " of ")) {
        if (!read_id(p, &l->body)) return false;
        if (!pal__parse_skip(p, " by ")) return pal__parse_wrong(p, "the index of the body is missing");
        if (!read_id(p, &l->index)) return false;
    }
    if (p->end - p->at > 1 && p->at[0] == ' ' && p->at[1] == '"') {
        p->at++;
        l->named = true;
        if (!read_quoted(p, l->name, sizeof l->name)) return false;
        l->rows = l->op == &pal__op_leaf && pal__parse_skip(p, " rows");
    } else if (pal__parse_skip(p, " in ")) {
        if (p->at < p->end && *p->at == '"' ? !read_quoted(p, l->scope, sizeof l->scope)
                                            : !read_word(p, l->scope, sizeof l->scope))
            return false;
    }
    if (pal__parse_skip(p, " order ") && !read_count(p, UINT8_MAX, &order)) return false;
    p->tape->order = (uint8_t)order;
    return p->at == p->end || pal__parse_fail(p, PAL_ERR_FORMAT, "unexpected text \"%.*s\"",
                                              (int)(p->end - p->at > 20 ? 20 : p->end - p->at), p->at);
}
