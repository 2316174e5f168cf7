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
#define UNUSED(name)                                                                                                   \
    void name(void);                                                                                                   \
    void name(void) { abort(); }
UNUSED(cblas_ssyrk)
UNUSED(cblas_dsyrk)
UNUSED(cblas_strsm)
UNUSED(cblas_dtrsm)
UNUSED(dgesdd_)
UNUSED(ssyevd_)
UNUSED(dsyevd_)
UNUSED(sgeqrf_)
UNUSED(dgeqrf_)
UNUSED(sorgqr_)
UNUSED(dorgqr_)
UNUSED(spotrf_)
UNUSED(dpotrf_)
UNUSED(spotri_)
UNUSED(dpotri_)

#ifdef HALF_OPENBLAS
int openblas_get_parallel(void);
char *openblas_get_corename(void);
char *openblas_get_config(void);

static char core[] = "Nehalem", config[] = "OpenBLAS 0.3.21 NO_LAPACKE";

int openblas_get_parallel(void) { return 2; }
char *openblas_get_corename(void) { return core; }
char *openblas_get_config(void) { return config; }
#endif
