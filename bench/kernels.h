/* kernels.h - a measurement against OpenBLAS means nothing if OpenBLAS does not know the processor and takes slow
 * kernels. */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

/* The first call of a main that measures products: if a context would advise other kernels of OpenBLAS, starts the
 * program again with OPENBLAS_CORETYPE set to them, as `palindrome` does. Never if the user has set the variable. If it
 * cannot, it returns, and the advice remains. */
void take_blas_kernels(char **argv);

#endif
