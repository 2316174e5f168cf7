/* soap_basis.c - the eigenbases of SOAP, which the host makes between two runs.
 *
 * Before step 2: the eigenvectors of a factor, the greatest first. Every precondition_every steps after that, one step
 * of the power method (Vyas et al. 2025, algorithm 4, and the code of its authors): of the basis A and the factor L,
 * the rows of A L in the order of the diagonal of A L A', the greatest first, are made orthonormal. The rows or columns
 * of V come in the same order, so that each keeps its axis as well as it can. The work is done in copies: what fails
 * changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "optim/internal.h"
#include "optim/lapack.h"

typedef struct side { /* one side of a parameter */
    const pal_context *context;
    pal_dtype dtype;
    size_t n, unit; /* its length; bytes of a number */
    const pal_tensor *factor;
    pal_tensor *basis, *v;
    bool left;
    size_t rows, columns;  /* of v */
    void *product, *fresh; /* [n, n] */
    void *moved;           /* as v */
    double *values;        /* [n] */
    size_t *order;         /* [n] */
} side;

static double at(const side *s, const void *array, size_t i)
{
    return s->dtype == PAL_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

static char *row(const side *s, void *array, size_t i, size_t length) { return (char *)array + i * length * s->unit; }

/* The eigenvectors, which LAPACK gives with ascending values. The room for v is that for the values. */
static pal_status decompose(side *s, pal_error *err)
{
    memcpy(s->product, s->factor->data, s->n * s->n * s->unit);
    const pal_status status = pal__eigenvectors(s->context, s->dtype, s->n, s->product, s->values, err);
    for (size_t i = 0; i < s->n && !status; i++)
        memcpy(row(s, s->basis->data, i, s->n), row(s, s->product, s->n - 1 - i, s->n), s->n * s->unit);
    return status;
}

/* Sorts by the values, the greatest first; equal ones stay in their order. */
static void sort(side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t k = i;
        for (; k && s->values[s->order[k - 1]] < s->values[i]; k--) s->order[k] = s->order[k - 1];
        s->order[k] = i;
    }
}

static void move_v(side *s)
{
    memcpy(s->moved, s->v->data, s->rows * s->columns * s->unit);
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = 0; j < s->columns; j++) {
            const size_t from = s->left ? s->order[i] * s->columns + j : i * s->columns + s->order[j];
            memcpy((char *)s->v->data + (i * s->columns + j) * s->unit, (char *)s->moved + from * s->unit, s->unit);
        }
}

static pal_status iterate(side *s, pal_error *err)
{
    pal_status status =
        pal__square_product(s->context, s->dtype, s->n, s->basis->data, s->factor->data, s->product, err);
    if (status) return status;
    for (size_t i = 0; i < s->n; i++) {
        s->values[i] = 0;
        for (size_t k = i * s->n; k < (i + 1) * s->n; k++)
            s->values[i] += at(s, s->product, k) * at(s, s->basis->data, k);
    }
    sort(s);
    for (size_t i = 0; i < s->n; i++)
        memcpy(row(s, s->fresh, i, s->n), row(s, s->product, s->order[i], s->n), s->n * s->unit);
    status = pal__orthonormal_rows(s->context, s->dtype, s->n, s->fresh, err);
    if (status) return status;
    memcpy(s->basis->data, s->fresh, s->n * s->n * s->unit);
    move_v(s);
    return PAL_OK;
}

static size_t bytes_of_v(const side *s) { return s->rows * s->columns * s->unit; }

static pal_status refresh(side *s, bool first, pal_error *err)
{
    const size_t square = s->n * s->n * s->unit;
    s->product = malloc(square + 1);
    s->fresh = malloc(square + 1);
    s->moved = malloc(bytes_of_v(s) + 1);
    s->values = malloc((s->n + 1) * sizeof *s->values);
    s->order = malloc((s->n + 1) * sizeof *s->order);
    pal_status status = PAL_ERR_MEMORY;
    if (s->product && s->fresh && s->moved && s->values && s->order)
        status = first ? decompose(s, err) : iterate(s, err);
    else
        pal_error_set(err, PAL_ERR_MEMORY, "out of memory for a basis of %zu", s->n);
    free(s->product);
    free(s->fresh);
    free(s->moved);
    free(s->values);
    free(s->order);
    return status;
}

/* One side of the parameter; n 0: it has no basis. */
static side side_of(const pal__between *b, bool left)
{
    int64_t rows, columns;
    pal__sides(b->shape, &rows, &columns);
    pal_tensor *factor = b->state[left ? PAL__SOAP_LEFT : PAL__SOAP_RIGHT], *v = b->state[PAL__SOAP_V];
    return (side){.context = b->context,
                  .dtype = v->dtype,
                  .n = factor ? (size_t)factor->shape.dim[0] : 0,
                  .unit = pal_dtype_size(v->dtype),
                  .factor = factor,
                  .basis = b->state[left ? PAL__SOAP_LEFT_BASIS : PAL__SOAP_RIGHT_BASIS],
                  .v = v,
                  .left = left,
                  .rows = (size_t)rows,
                  .columns = (size_t)columns};
}

pal_status pal__soap_between(const pal__between *b, pal_error *err)
{
    pal_status status = PAL_OK;
    if (b->step < 2 || (b->step - 2) % b->options->precondition_every) return PAL_OK;
    if (b->step == 2)
        for (size_t k = PAL__SOAP_M; k <= PAL__SOAP_V; k++) memset(b->state[k]->data, 0, pal_tensor_bytes(b->state[k]));
    for (int left = 1; left >= 0; left--) {
        side s = side_of(b, left);
        pal_error why = {0};
        if (!s.n || !refresh(&s, b->step == 2, &why)) continue;
        if (!status) status = pal_error_set(err, why.status, "%s factor: %s", left ? "left" : "right", why.text);
    }
    return status;
}

size_t pal__soap_room(const pal__between *b)
{
    size_t most = 0;
    for (int left = 0; left < 2; left++) {
        const side s = side_of(b, left);
        const size_t room = 2 * s.n * s.n * s.unit + bytes_of_v(&s) + s.n * (sizeof *s.values + sizeof *s.order) +
                            pal__lapack_room(s.dtype, s.n);
        if (s.n && room > most) most = room;
    }
    return most;
}
