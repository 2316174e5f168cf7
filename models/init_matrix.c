/* init_matrix.c - initial values that are drawn for a matrix as a whole: sparse and orthogonal.
 *
 * A parameter is seen as a matrix of `in` inputs by `out` units. A filter [out, in, height, width] has the inputs of
 * its window. Every number is a function of seed, name and shape. All is computed in double, each sum in one order, so
 * that the values depend neither on the number of threads nor on the instruction set. */
#include "models/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAM = 320, INPUTS = 15 /* of a sparse unit */, WIDE = 8 /* columns of a block */ };

typedef struct matrix {
    size_t in, out;
    bool filters; /* a row for each unit; otherwise a column */
} matrix;

static matrix matrix_of(pal_shape s)
{
    const size_t n = (size_t)pal_shape_count(s), first = s.rank ? (size_t)s.dim[0] : 1;
    return s.rank == 4 ? (matrix){n / first, first, true} : (matrix){first, n / first, false};
}

static void set(pal_tensor *t, matrix m, size_t input, size_t unit, double value)
{
    pal_tensor_set(t, m.filters ? unit * m.in + input : input * m.out + unit, value);
}

/* ---- Sparse --------------------------------------------------------------------------------------------------- */

/* Draws k of n inputs without repetition: Floyd's algorithm (Bentley and Floyd, Communications of the ACM 1987). */
static void draw(const double *u, size_t k, size_t n, size_t *out)
{
    for (size_t i = 0; i < k; i++) {
        const size_t last = n - k + i;
        size_t at = (size_t)(u[i] * (double)(last + 1));
        if (at > last) at = last;
        for (size_t before = 0; before < i; before++)
            if (out[before] == at) at = last; /* `last` is new: earlier draws were below it */
        out[i] = at;
    }
}

/* Martens, ICML 2010, section 5: each unit has 15 inputs with weights from N(0, 1). With fewer inputs it has all. */
void pal__init_sparse(const pal_model *m, const pal__parameter *p)
{
    char of[STREAM], values[STREAM];
    const matrix w = matrix_of(p->shape);
    const size_t k = w.in < INPUTS ? w.in : INPUTS;
    const pal_noise noise = {.seed = m->seed};
    snprintf(of, sizeof of, "init-inputs/%s", p->name);
    snprintf(values, sizeof values, "init/%s", p->name);
    for (size_t unit = 0; unit < w.out; unit++) {
        double u[INPUTS], value[INPUTS];
        size_t input[INPUTS];
        pal_noise_uniform(noise, of, unit * INPUTS, k, u);
        pal_noise_normal(noise, values, unit * INPUTS, k, value);
        draw(u, k, w.in, input);
        for (size_t i = 0; i < k; i++) set(p->tensor, w, input[i], unit, p->gain * value[i]);
    }
}

/* ---- Orthogonal ----------------------------------------------------------------------------------------------- */

/* Q [rows, columns], rows >= columns, is uniform (Haar's measure) among the matrices with orthonormal columns: the Q
 * of a Gaussian matrix G = Q R, with R's diagonal positive (Mezzadri 2007). The reflector that Householder's method
 * finds for column k of G depends on numbers that are Gaussian again, and independent of what came before. So each
 * reflector is drawn, and nothing is factored (Stewart 1980): Q = H_1 H_2 ... D, with H_k = I - f_k v_k v_k' on the
 * rows from k on, and the signs D that make R's diagonal positive. */
typedef struct reflectors {
    size_t rows, columns;
    double *v;             /* v_k has rows - k numbers; one after the other */
    double *factor, *sign; /* [columns] */
    double *q;             /* blocks of WIDE columns, [rows, WIDE] each */
} reflectors;

static size_t start(const reflectors *r, size_t k) { return k * r->rows - k * (k - (k > 0)) / 2; }

static void draw_reflector(const reflectors *r, pal_noise noise, const char *stream, size_t k)
{
    double *v = r->v + start(r, k), squares = 0;
    const size_t n = r->rows - k;
    pal_noise_normal(noise, stream, start(r, k), n, v);
    for (size_t i = 0; i < n; i++) squares += v[i] * v[i];
    const double length = sqrt(squares), product = length * (length + fabs(v[0]));
    r->factor[k] = product > 0 ? 1 / product : 0; /* a vector of zeros: no reflection */
    r->sign[k] = v[0] < 0 ? 1 : -1;
    v[0] += v[0] < 0 ? -length : length;
}

/* Columns of Q: H_1 ... H_k of the unit vectors. A reflector beyond its column changes nothing in it. */
static void make_block(void *argument, size_t block, unsigned worker)
{
    (void)worker;
    const reflectors *r = argument;
    double(*q)[WIDE] = (double(*)[WIDE])(r->q + block * r->rows * WIDE);
    const size_t first = block * WIDE, end = first + WIDE < r->columns ? first + WIDE : r->columns;
    for (size_t j = first; j < end; j++) q[j][j - first] = r->sign[j];
    for (size_t k = end; k-- > 0;) {
        const double *v = r->v + start(r, k);
        double sum[WIDE] = {0};
        for (size_t i = k; i < r->rows; i++)
            for (size_t j = 0; j < WIDE; j++) sum[j] += v[i - k] * q[i][j];
        for (size_t j = 0; j < WIDE; j++) sum[j] *= r->factor[k];
        for (size_t i = k; i < r->rows; i++)
            for (size_t j = 0; j < WIDE; j++) q[i][j] -= v[i - k] * sum[j];
    }
}

bool pal__init_orthogonal(const pal_model *m, const pal__parameter *p)
{
    char stream[STREAM];
    const matrix w = matrix_of(p->shape);
    const bool tall = w.in >= w.out;
    reflectors r = {.rows = tall ? w.in : w.out, .columns = tall ? w.out : w.in};
    const size_t blocks = (r.columns + WIDE - 1) / WIDE;
    r.v = calloc(start(&r, r.columns), sizeof *r.v);
    r.factor = calloc(2 * r.columns, sizeof *r.factor);
    r.q = calloc(blocks * r.rows * WIDE, sizeof *r.q);
    const bool enough = r.v && r.factor && r.q;
    if (enough) {
        r.sign = r.factor + r.columns;
        snprintf(stream, sizeof stream, "init/%s", p->name);
        for (size_t k = 0; k < r.columns; k++) draw_reflector(&r, (pal_noise){.seed = m->seed}, stream, k);
        pal_parallel(m->context, blocks, make_block, &r);
        for (size_t k = 0; k < r.columns; k++)
            for (size_t i = 0; i < r.rows; i++)
                set(p->tensor, w, tall ? i : k, tall ? k : i, p->gain * r.q[(k / WIDE * r.rows + i) * WIDE + k % WIDE]);
    }
    free(r.v);
    free(r.factor);
    free(r.q);
    return enough;
}
