#include "autograd/machine/communicator_internal.h"
#include <string.h>
struct pal__all { const pal_communicator *c; pal__combine how; pal_dtype dtype; size_t n; int tag; pal__level level[PAL__LEVELS_MOST]; int levels, round; int tickets[64], n_tickets; char *values, *in; bool on; };
static void merge(pal__combine how, pal_dtype dtype, char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dtype == PAL_F32) { float *x = (float *)(void *)a + i; float y = ((const float *)(const void *)b)[i]; *x = how == PAL__SUM ? *x + y : *x > y ? *x : y; }
        else if (dtype == PAL_F64) { double *x = (double *)(void *)a + i; double y = ((const double *)(const void *)b)[i]; *x = how == PAL__SUM ? *x + y : *x > y ? *x : y; }
        else ((uint32_t *)(void *)a)[i] |= ((const uint32_t *)(const void *)b)[i];
    }
}
pal__all *pal__all_new(pal_context *context, const pal_communicator *c, int64_t count, pal__combine how, pal_dtype dtype, size_t n, int tag)
{
    pal__all *a = pal__alloc(context, sizeof *a);
    *a = (pal__all){.c = c, .how = how, .dtype = dtype, .n = n, .tag = tag};
    a->in = pal__alloc(context, n * 8 + 8);
    if (c) a->levels = pal__levels(count, c->size, c->rank, a->level);
    return a;
}
void pal__all_free(pal_context *context, pal__all *a) { if (a) { pal__free(context, a->in); pal__free(context, a); } }
static void post(pal__all *a)
{
    const pal__level *l = &a->level[a->round];
    const int i = a->c->rank - l->mine;
    const size_t bytes = a->n * pal_dtype_size(a->dtype);
    a->n_tickets = 0;
    a->tickets[a->n_tickets++] = a->c->start(a->c->self, -1, NULL, l->other + i % l->n_other, a->in, bytes, a->tag);
    for (int x = 0; x < l->n_other; x++)
        if (x % l->n_mine == i) a->tickets[a->n_tickets++] = a->c->start(a->c->self, l->other + x, a->values, -1, NULL, bytes, a->tag);
}
void pal__all_start(pal__all *a, void *values) { a->values = values; a->round = 0; if (a->levels) post(a); }
int pal__all_poll(pal__all *a)
{
    while (a->round < a->levels) {
        while (a->n_tickets) { int s = a->c->test(a->c->self, a->tickets[a->n_tickets - 1]); if (s != 1) return s; a->n_tickets--; }
        merge(a->how, a->dtype, a->values, a->in, a->n);
        if (++a->round < a->levels) post(a);
    }
    return 1;
}
static void tree(pal__combine how, pal_dtype d, size_t k, const void *const *in, size_t at, size_t n, char *out)
{
    const size_t size = pal_dtype_size(d);
    if (k == 1) { memmove(out, (const char *)in[0] + at * size, n * size); return; }
    char other[4096]; const size_t left = (size_t)pal__tree_left((int64_t)k);
    tree(how, d, left, in, at, n, out);
    tree(how, d, k - left, in + left, at, n, other);
    merge(how, d, out, other, n);
}
void pal__tree_combine(pal_context *c, pal__combine how, pal_dtype d, size_t k, const void *const *in, void *out, size_t n)
{
    (void)c;
    for (size_t at = 0; at < n; at += 512) tree(how, d, k, in, at, n - at < 512 ? n - at : 512, (char *)out + at * pal_dtype_size(d));
}
