/* function_call.c - the arrays of a hand-written function, and its calls.
 *
 * All arrays lie in one block, each between two guards. The guards, the arguments, the seeds and the directions must be
 * the same after each call; a copy of the block tells. What surrounds an array has another value in some calls, so a
 * function that reads there gives other results. */
#include "autograd/check/function.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GUARD = 512, ALIGN = 64 };

bool pal__fn_error(pal__fn *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(c->r->message, sizeof c->r->message, format, list);
    va_end(list);
    c->r->verdict = PAL_CHECK_ERROR;
    return false;
}

bool pal__fn_accuse(pal__fn *c, pal_mistake mistake, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(c->r->message, sizeof c->r->message, format, list);
    va_end(list);
    c->r->verdict = PAL_CHECK_FAIL;
    c->r->mistake = mistake;
    return false;
}

const char *pal__fn_index(const pal_shape *shape, size_t i, char *buf, size_t size)
{
    int64_t at[PAL_MAX_RANK] = {0};
    for (int k = shape->rank - 1; k >= 0; k--) {
        at[k] = (int64_t)i % shape->dim[k];
        i /= (size_t)shape->dim[k];
    }
    size_t n = 0;
    buf[n++] = '[';
    for (int k = 0; k < shape->rank && n < size; k++)
        n += (size_t)snprintf(buf + n, size - n, "%s%lld", k ? "," : "", (long long)at[k]);
    if (n + 1 < size) snprintf(buf + n, size - n, "]");
    return buf;
}

/* ---- The block --------------------------------------------------------------------------------------------------- */

static void place(pal__fn *c, pal__fn_array *a, size_t bytes, size_t *end)
{
    *end = (*end + GUARD + ALIGN - 1) / ALIGN * ALIGN;
    a->data = (unsigned char *)c->block + *end; /* block is NULL while the size is measured */
    a->bytes = bytes;
    *end += bytes + GUARD;
}

static size_t place_all(pal__fn *c)
{
    const pal_function *f = c->f;
    const size_t size = pal_dtype_size(f->dtype);
    size_t end = 0;
    for (size_t k = 0; k < f->n_in; k++) {
        const bool fixed = f->in[k].constraint == PAL_FIXED;
        const size_t bytes = c->count[k] * size;
        place(c, &c->in[k], pal__fn_whole(&f->in[k]) ? c->count[k] * pal_dtype_size(f->in[k].dtype) : bytes, &end);
        place(c, &c->gradient[k], fixed ? 0 : bytes, &end);
        place(c, &c->direction[k], f->product && !fixed ? bytes : 0, &end);
        place(c, &c->product[k], f->product && !fixed ? bytes : 0, &end);
    }
    for (size_t k = 0; k < f->n_out; k++) {
        place(c, &c->out[k], c->n_y[k] * size, &end);
        place(c, &c->seed[k], c->n_y[k] * size, &end);
    }
    place(c, &c->saved, f->saved, &end);
    return end;
}

bool pal__fn_prepare(pal__fn *c)
{
    const pal_function *f = c->f;
    for (size_t k = 0; k < f->n_in; c->total += c->count[k++]) {
        c->count[k] = (size_t)pal_shape_count(f->in[k].shape);
        c->at[k] = c->total;
    }
    for (size_t k = 0; k < f->n_out; c->total_y += c->n_y[k++]) {
        c->n_y[k] = (size_t)pal_shape_count(f->out[k].shape);
        c->at_y[k] = c->total_y;
    }
    enum { VECTORS = 10, MORE = 3, RESULTS = 3 };
    const size_t n = c->total, m = c->total_y;
    c->n_block = place_all(c);
    c->block = pal__alloc(c->context, c->n_block + ALIGN);
    c->copy = pal__alloc(c->context, c->n_block + ALIGN);
    c->vectors = pal__alloc(c->context, ((VECTORS + MORE) * n + RESULTS * m + 1) * sizeof(double));
    c->mask = pal__alloc(c->context, 2 * n + 1);
    if (!c->block || !c->copy || !c->vectors || !c->mask) {
        snprintf(c->r->message, sizeof c->r->message, "out of memory");
        c->r->verdict = PAL_CHECK_ERROR;
        c->status = PAL_ERR_MEMORY;
        return false;
    }
    place_all(c);
    c->skip = c->mask + n;
    double **vectors[VECTORS] = {&c->x, &c->x2, &c->scale, &c->d, &c->g, &c->z, &c->t1, &c->t2, &c->hu, &c->elements};
    for (size_t k = 0; k < VECTORS; k++) *vectors[k] = c->vectors + k * n;
    c->s = c->vectors + (VECTORS + MORE) * n;
    c->y = c->s + m;
    c->y2 = c->y + m;
    return true;
}

void pal__fn_free(pal__fn *c)
{
    pal__free(c->context, c->block);
    pal__free(c->context, c->copy);
    pal__free(c->context, c->vectors);
    pal__free(c->context, c->mask);
}

/* ---- Numbers in the function's type ------------------------------------------------------------------------------ */

double pal__fn_round(const pal__fn *c, double x) { return c->f->dtype == PAL_F32 ? (double)(float)x : x; }

void pal__fn_fill(pal__fn *c, const pal__fn_array *a, const double *values)
{
    if (c->f->dtype == PAL_F64)
        memcpy(a->data, values, a->bytes);
    else
        for (size_t i = 0; i < a->bytes / sizeof(float); i++) ((float *)(void *)a->data)[i] = (float)values[i];
}

static void fetch(const pal__fn *c, const pal__fn_array *a, double *out)
{
    if (c->f->dtype == PAL_F64)
        memcpy(out, a->data, a->bytes);
    else
        for (size_t i = 0; i < a->bytes / sizeof(float); i++)
            out[i] = (double)((const float *)(const void *)a->data)[i];
}

void pal__fn_store(pal__fn *c, const double *x, size_t k)
{
    if (c->f->in[k].constraint != PAL_FIXED) pal__fn_fill(c, &c->in[k], x + c->at[k]);
}

void pal__fn_store_seed(pal__fn *c)
{
    for (size_t k = 0; k < c->f->n_out; k++) pal__fn_fill(c, &c->seed[k], c->s + c->at_y[k]);
}

/* Copies results, or what belongs to arguments (0 for fixed ones), one array after another. */
bool pal__fn_read(pal__fn *c, const pal__fn_array *arrays, bool results, double *out)
{
    const size_t n = results ? c->f->n_out : c->f->n_in;
    for (size_t k = 0; k < n; k++) {
        if (!results && c->f->in[k].constraint == PAL_FIXED)
            memset(out + c->at[k], 0, c->count[k] * sizeof *out);
        else
            fetch(c, &arrays[k], out + (results ? c->at_y[k] : c->at[k]));
    }
    return true;
}

/* ---- Guards ------------------------------------------------------------------------------------------------------ */

/* Calls visit for each array; kind: what must stay the same. */
static void each(pal__fn *c, bool (*visit)(pal__fn *, const pal__fn_array *, const char *, const char *, const char *),
                 const char *who)
{
    for (size_t k = 0; k < c->f->n_in; k++) {
        const char *name = c->f->in[k].name;
        if (!visit(c, &c->in[k], "argument", name, who)) return;
        if (!visit(c, &c->gradient[k], NULL, name, who)) return;
        if (!visit(c, &c->direction[k], "direction", name, who)) return;
        if (!visit(c, &c->product[k], NULL, name, who)) return;
    }
    for (size_t k = 0; k < c->f->n_out; k++) {
        if (!visit(c, &c->out[k], NULL, c->f->out[k].name, who)) return;
        if (!visit(c, &c->seed[k], "seed", c->f->out[k].name, who)) return;
    }
    visit(c, &c->saved, NULL, "saved", who);
}

static bool set_guard(pal__fn *c, const pal__fn_array *a, const char *kind, const char *name, const char *who)
{
    (void)kind, (void)name, (void)who;
    memset(a->data - GUARD, c->guard, GUARD);
    memset(a->data + a->bytes, c->guard, GUARD);
    return true;
}

static bool all_equal(const unsigned char *p, unsigned char byte, size_t n)
{
    return *p == byte && !memcmp(p, p + 1, n - 1);
}

static bool look(pal__fn *c, const pal__fn_array *a, const char *kind, const char *name, const char *who)
{
    if (!all_equal(a->data - GUARD, c->guard, GUARD))
        return pal__fn_accuse(c, PAL_MISTAKE_CHANGES, "%s writes before the begin of an array of %s", who, name);
    if (!all_equal(a->data + a->bytes, c->guard, GUARD))
        return pal__fn_accuse(c, PAL_MISTAKE_CHANGES, "%s writes beyond the end of an array of %s (%zu bytes)", who,
                              name, a->bytes);
    if (kind && memcmp(a->data, c->copy + (a->data - c->block), a->bytes))
        return pal__fn_accuse(c, PAL_MISTAKE_CHANGES, "%s changes the %s %s", who, kind, name);
    return true;
}

static bool remember(pal__fn *c, const pal__fn_array *a, const char *kind, const char *name, const char *who)
{
    (void)name, (void)who;
    if (kind) memcpy(c->copy + (a->data - c->block), a->data, a->bytes);
    return true;
}

void pal__fn_guard(pal__fn *c, unsigned char byte)
{
    c->guard = byte;
    each(c, set_guard, NULL);
}

void pal__fn_remember(pal__fn *c) { each(c, remember, NULL); }

bool pal__fn_intact(pal__fn *c, const char *who)
{
    each(c, look, who);
    return c->r->verdict != PAL_CHECK_FAIL;
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

typedef struct pointers {
    const void *in[PAL__FN_ARRAYS], *seed[PAL__FN_ARRAYS], *direction[PAL__FN_ARRAYS];
    void *out[PAL__FN_ARRAYS], *gradient[PAL__FN_ARRAYS], *product[PAL__FN_ARRAYS];
} pointers;

static bool call(pal__fn *c, pal_function_fn code, const char *who, bool gradient, bool product)
{
    pointers p = {0};
    for (size_t k = 0; k < c->f->n_in; k++) {
        const bool moves = c->f->in[k].constraint != PAL_FIXED;
        p.in[k] = c->in[k].data;
        if (moves && gradient) p.gradient[k] = c->gradient[k].data;
        if (moves && product) p.direction[k] = c->direction[k].data;
        if (moves && product) p.product[k] = c->product[k].data;
    }
    for (size_t k = 0; k < c->f->n_out; k++) {
        p.out[k] = c->out[k].data;
        p.seed[k] = c->seed[k].data;
    }
    const pal_function_call it = {.in = p.in,
                                  .out = p.out,
                                  .seed = p.seed,
                                  .gradient = p.gradient,
                                  .direction = p.direction,
                                  .product = p.product,
                                  .saved = c->saved.data,
                                  .draw = c->draw,
                                  .user = c->f->user};
    c->r->calls += code == c->f->forward;
    const int failed = code(&it);
    return !failed || pal__fn_error(c, "%s failed: it returned %d", who, failed);
}

bool pal__fn_forward(pal__fn *c) { return call(c, c->f->forward, "forward", false, false); }

bool pal__fn_backward(pal__fn *c)
{
    return c->f->backward ? call(c, c->f->backward, "backward", true, false)
                          : call(c, c->f->forward, "forward", true, false);
}

bool pal__fn_value(pal__fn *c, double *value, double *size)
{
    if (!pal__fn_forward(c)) return false;
    pal__fn_read(c, c->out, true, c->y);
    long double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < c->total_y; i++) {
        const double term = c->s[i] * c->y[i];
        sum += (long double)term;
        squares += term * term;
    }
    *value = (double)sum;
    *size = sqrt(squares);
    return true;
}

bool pal__fn_gradient(pal__fn *c, double *out)
{
    for (size_t k = 0; k < c->f->n_in; k++) memset(c->gradient[k].data, 0, c->gradient[k].bytes);
    if ((c->f->backward && !pal__fn_forward(c)) || !pal__fn_backward(c)) return false;
    return pal__fn_read(c, c->gradient, false, out);
}

bool pal__fn_product(pal__fn *c, const double *v, double before, double *out)
{
    for (size_t k = 0; k < c->f->n_in; k++) {
        if (c->f->in[k].constraint == PAL_FIXED) continue;
        pal__fn_fill(c, &c->direction[k], v + c->at[k]);
        for (size_t i = 0; i < c->count[k]; i++) pal__store(c->f->dtype, c->product[k].data, i, before);
    }
    pal__fn_remember(c);
    if (!pal__fn_forward(c) || !call(c, c->f->product, "product", false, true)) return false;
    return pal__fn_read(c, c->product, false, out) && pal__fn_intact(c, "product");
}
