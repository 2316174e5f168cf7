/* division.h - a matrix product by BLAS, divided among the workers of a context. */
#ifndef BENCH_DIVISION_H
#define BENCH_DIVISION_H

#include "autograd/autograd.h"

typedef struct product { /* [m,k] times [k,n] */
    int m, n, k;
    bool ta, tb;
} product;

typedef struct division { /* a product divided into parts, along its rows or along its columns */
    product p;
    int parts;
    bool by_rows, vector; /* vector: by sgemv, for a single row */
    const float *a, *b;
    float *c;
} division;

/* Multiplies. The caller has entered BLAS (pal_blas_enter). */
void division_run(pal_context *context, const division *d);

#endif
