/* explain_compute.c - values of the reader, and what is computed with them: broadcasting, products, sums, shapes. */
#include "tests/ops/explain_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

read_value rd_fail(explain_reader *r, const char *format, ...)
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

read_value rd_make(explain_reader *r, pal_shape shape, pal_dtype dtype)
{
    const int64_t n = pal_shape_count(shape);
    read_value v = {calloc((size_t)n + 1, sizeof(double)), shape, dtype};
    if (r->n_blocks == sizeof r->block / sizeof *r->block) return free(v.at), rd_fail(r, "too many values");
    r->block[r->n_blocks++] = v.at;
    return v;
}

size_t rd_count(read_value v) { return (size_t)pal_shape_count(v.shape); }

bool rd_next(explain_reader *r, const char *word)
{
    while (*r->s == ' ' || *r->s == '\n') r->s++;
    return !strncmp(r->s, word, strlen(word));
}

bool rd_take(explain_reader *r, const char *word)
{
    const bool yes = rd_next(r, word);
    if (yes) r->s += strlen(word);
    return yes;
}

void rd_need(explain_reader *r, const char *word)
{
    if (!*r->why && !rd_take(r, word)) rd_fail(r, "%s is missing", word);
}

/* ---- Arithmetic ----------------------------------------------------------------------------------------------- */

size_t rd_index(pal_shape shape, pal_shape whole, size_t i)
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

read_value rd_combine(explain_reader *r, read_value a, read_value b, binary f, bool truth)
{
    pal_shape s;
    if (*r->why) return a;
    if (!pal_shape_broadcast(a.shape, b.shape, &s)) return rd_fail(r, "shapes do not fit");
    read_value v = rd_make(r, s, truth ? PAL_BOOL : PAL_F64);
    for (size_t i = 0; i < rd_count(v); i++) v.at[i] = f(a.at[rd_index(a.shape, s, i)], b.at[rd_index(b.shape, s, i)]);
    return v;
}

/* A product of the last two axes; leading axes broadcast. A scalar is no matrix. */
read_value rd_multiply(explain_reader *r, read_value a, read_value b)
{
    if (*r->why) return a;
    if (a.shape.rank < 2 || b.shape.rank < 2) return rd_fail(r, "a product of what is no matrix");
    pal_shape x = a.shape, y = b.shape, s;
    const size_t n = (size_t)x.dim[x.rank - 2], k = (size_t)x.dim[x.rank - 1], m = (size_t)y.dim[y.rank - 1];
    if ((size_t)y.dim[y.rank - 2] != k) return rd_fail(r, "matrices do not fit");
    x.rank -= 2, y.rank -= 2;
    if (!pal_shape_broadcast(x, y, &s)) return rd_fail(r, "leading axes do not fit");
    const size_t items = (size_t)pal_shape_count(s);
    pal_shape whole = s;
    whole.dim[whole.rank++] = (int64_t)n, whole.dim[whole.rank++] = (int64_t)m;
    read_value v = rd_make(r, whole, PAL_F64);
    for (size_t item = 0; item < items; item++) {
        const double *p = a.at + rd_index(x, s, item) * n * k, *q = b.at + rd_index(y, s, item) * k * m;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++)
                for (size_t l = 0; l < k; l++) v.at[(item * n + i) * m + j] += p[i * k + l] * q[l * m + j];
    }
    return v;
}

read_value rd_transposed(explain_reader *r, read_value a)
{
    if (*r->why || a.shape.rank < 2) return rd_fail(r, "a transposition of what is no matrix");
    pal_shape s = a.shape;
    const size_t n = (size_t)s.dim[s.rank - 2], m = (size_t)s.dim[s.rank - 1];
    s.dim[s.rank - 2] = (int64_t)m, s.dim[s.rank - 1] = (int64_t)n;
    read_value v = rd_make(r, s, a.dtype);
    for (size_t item = 0, one = n * m; one > 0 && item < rd_count(a) / one; item++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++) v.at[(item * m + j) * n + i] = a.at[(item * n + i) * m + j];
    return v;
}

read_value rd_sum(explain_reader *r, read_value a, unsigned gone, unsigned kept)
{
    if (*r->why) return a;
    pal_shape same = a.shape, out = {0};
    for (int x = 0; x < a.shape.rank; x++) {
        if ((gone | kept) >> x & 1) same.dim[x] = 1;
        if (!(gone >> x & 1)) out.dim[out.rank++] = same.dim[x];
    }
    read_value v = rd_make(r, out, PAL_F64);
    for (size_t i = 0; i < rd_count(a); i++) v.at[rd_index(same, a.shape, i)] += a.at[i];
    return v;
}

read_value rd_shaped(explain_reader *r, read_value a, pal_shape s)
{
    if (*r->why) return a;
    pal_shape joined;
    read_value v = rd_make(r, s, a.dtype);
    if (rd_count(v) == rd_count(a))
        memcpy(v.at, a.at, rd_count(a) * sizeof *v.at);
    else if (pal_shape_broadcast(a.shape, s, &joined) && pal_shape_equal(joined, s))
        for (size_t i = 0; i < rd_count(v); i++) v.at[i] = a.at[rd_index(a.shape, s, i)];
    else
        return rd_fail(r, "a value does not have the shape of its entry");
    return v;
}

read_value rd_part(explain_reader *r, read_value a, const range *part, pal_shape whole, bool out_of)
{
    pal_shape small = whole;
    for (int x = 0; x < whole.rank; x++) {
        const int64_t to = part[x].to < 0 ? whole.dim[x] : part[x].to;
        small.dim[x] = (to - part[x].from + part[x].step - 1) / part[x].step;
    }
    read_value v = rd_make(r, out_of ? small : whole, a.dtype);
    for (size_t i = 0; i < (size_t)pal_shape_count(small); i++) {
        size_t at = 0, left = i, stride = 1;
        for (int x = whole.rank - 1; x >= 0; x--) {
            const size_t k = left % (size_t)small.dim[x];
            left /= (size_t)small.dim[x];
            at += ((size_t)part[x].from + k * (size_t)part[x].step) * stride;
            stride *= (size_t)whole.dim[x];
        }
        if (at >= (out_of ? rd_count(a) : rd_count(v))) return rd_fail(r, "a part beyond its whole");
        v.at[out_of ? i : at] = a.at[out_of ? at : i];
    }
    return v;
}
