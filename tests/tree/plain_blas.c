/* plain_blas.c - a CBLAS that is not OpenBLAS: plain loops for the products. blas.sh and portable.sh load it in place
 * of OpenBLAS. With HALF_OPENBLAS it has some functions of OpenBLAS, too: those of a build for OpenMP, but no OpenMP.
 */
#include <stddef.h>
#include <stdlib.h>

enum { ROW = 101, TRANSPOSED = 112 }; /* values of cblas.h */

static size_t at(int order, int ld, int i, int j)
{
    return order == ROW ? (size_t)i * (size_t)ld + (size_t)j : (size_t)j * (size_t)ld + (size_t)i;
}

#define T    float
#define GEMM cblas_sgemm
#include "tests/tree/plain_blas_type.h"
#undef T
#undef GEMM
#define T    double
#define GEMM cblas_dgemm
#include "tests/tree/plain_blas_type.h"

/* The other functions that the library calls: the tests with this CBLAS need none of them. */
void cblas_ssyrk(void);
void cblas_dsyrk(void);
void cblas_strsm(void);
void cblas_dtrsm(void);
void dgesdd_(void);

void cblas_ssyrk(void) { abort(); }
void cblas_dsyrk(void) { abort(); }
void cblas_strsm(void) { abort(); }
void cblas_dtrsm(void) { abort(); }
void dgesdd_(void) { abort(); }

#ifdef HALF_OPENBLAS
int openblas_get_parallel(void);
char *openblas_get_corename(void);
char *openblas_get_config(void);

static char core[] = "Nehalem", config[] = "OpenBLAS 0.3.21 NO_LAPACKE";

int openblas_get_parallel(void) { return 2; }
char *openblas_get_corename(void) { return core; }
char *openblas_get_config(void) { return config; }
#endif
