/* lapack.c - factors of dense symmetric matrices, by the routines of LAPACK for both real types.
 *
 * Fortran stores columns. So it sees A', which is A if that is symmetric, and what it returns in columns, we have in
 * rows: no matrix is transposed. */
#include "optim/lapack.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "autograd/operation.h"

/* The Fortran interface: arguments by reference, the lengths of the texts last. The arrays are of the type that the
 * first letter names. */
#define ROUTINES(s)                                                                                                    \
    void s##syevd_(const char *jobz, const char *uplo, const int *n, void *a, const int *lda, void *w, void *work,     \
                   const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);                        \
    void s##geqrf_(const int *m, const int *n, void *a, const int *lda, void *tau, void *work, const int *lwork,       \
                   int *info);                                                                                         \
    void s##orgqr_(const int *m, const int *n, const int *k, void *a, const int *lda, const void *tau, void *work,     \
                   const int *lwork, int *info);                                                                       \
    void s##potrf_(const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);                        \
    void s##potri_(const char *uplo, const int *n, void *a, const int *lda, int *info, size_t);
ROUTINES(s)
ROUTINES(d)

enum { BLOCK = 64 }; /* columns at once in geqrf and orgqr: room for what the blocked methods want */

/* What a method works on: the matrix, and room that prepare() has made. */
typedef struct job {
    bool single;
    int n;
    void *a, *values, *work;
    int size, integers, *of_integers;
} job;

/* A row of the table below. Info: that of LAPACK; > 0: no result. */
typedef struct method {
    const char *name, *fails;
    int64_t (*room)(int64_t n), (*integers)(int64_t n); /* numbers of workspace */
    int (*run)(job *j);
} method;

static int64_t none(int64_t n) { return 0 * n; }

static int64_t eigen_room(int64_t n) { return 1 + 6 * n + 2 * n * n; }
static int64_t eigen_integers(int64_t n) { return 3 + 5 * n; }
static int eigen_run(job *j)
{
    int info = 0;
    (j->single ? ssyevd_ : dsyevd_)("V", "U", &j->n, j->a, &j->n, j->values, j->work, &j->size, j->of_integers,
                                    &j->integers, &info, 1, 1);
    return info;
}

/* The factors of the reflections [n], and after them the room of the blocked methods. */
static int64_t basis_room(int64_t n) { return n + BLOCK * n; }
static int basis_run(job *j)
{
    const int size = BLOCK * j->n;
    void *tau = j->work, *work = (char *)j->work + (size_t)j->n * (j->single ? sizeof(float) : sizeof(double));
    int info = 0;
    (j->single ? sgeqrf_ : dgeqrf_)(&j->n, &j->n, j->a, &j->n, tau, work, &size, &info);
    if (!info) (j->single ? sorgqr_ : dorgqr_)(&j->n, &j->n, &j->n, j->a, &j->n, tau, work, &size, &info);
    return info;
}

/* The triangle below our diagonal is the upper one of Fortran. */
static int factor(job *j)
{
    int info = 0;
    (j->single ? spotrf_ : dpotrf_)("U", &j->n, j->a, &j->n, &info, 1);
    return info;
}

/* Above the diagonal: 0, or what is below it. */
static void fill_above(job *j, bool mirror)
{
    const size_t n = (size_t)j->n;
    for (size_t r = 0; r < n; r++)
        for (size_t c = r + 1; c < n; c++)
            if (j->single)
                ((float *)j->a)[r * n + c] = mirror ? ((float *)j->a)[c * n + r] : 0;
            else
                ((double *)j->a)[r * n + c] = mirror ? ((double *)j->a)[c * n + r] : 0;
}

static int cholesky_run(job *j)
{
    const int info = factor(j);
    fill_above(j, false);
    return info;
}

static int inverse_run(job *j)
{
    int info = factor(j);
    if (!info) (j->single ? spotri_ : dpotri_)("U", &j->n, j->a, &j->n, &info, 1);
    fill_above(j, true);
    return info;
}

static bool is_finite(const job *j, bool below)
{
    const size_t n = (size_t)j->n;
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < (below ? r + 1 : n); c++)
            if (!isfinite(j->single ? ((const float *)j->a)[r * n + c] : ((const double *)j->a)[r * n + c]))
                return false;
    return true;
}

/* below: what is above the diagonal is not read. */
static pal_status apply(const method *m, bool below, const pal_context *context, pal_dtype dtype, size_t n, void *a,
                        void *values, pal_error *err)
{
    if (!n) return PAL_OK;
    if (dtype != PAL_F32 && dtype != PAL_F64)
        return pal_error_set(err, PAL_ERR_TYPE, "%s: of %s: only f32 and f64 have it", m->name, pal_dtype_name(dtype));
    if (n > PAL__LAPACK_MOST)
        return pal_error_set(err, PAL_ERR_SHAPE, "%s: a matrix of %zu by %zu is too large: at most %d", m->name, n, n,
                             PAL__LAPACK_MOST);
    job j = {.single = dtype == PAL_F32, .n = (int)n, .a = a, .values = values};
    if (!is_finite(&j, below)) return pal_error_set(err, PAL_ERR_NUMERIC, "%s: the matrix is not finite", m->name);
    j.size = (int)m->room((int64_t)n);
    j.integers = (int)m->integers((int64_t)n);
    j.work = calloc((size_t)j.size + 1, pal_dtype_size(dtype));
    j.of_integers = calloc((size_t)j.integers + 1, sizeof *j.of_integers);
    const int entered = j.work && j.of_integers ? pal_blas_enter(context) : -1;
    int info = 0;
    if (entered >= 0) {
        info = m->run(&j);
        pal_blas_leave(context, entered);
    }
    free(j.work);
    free(j.of_integers);
    if (entered < 0)
        return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory for a matrix of %zu by %zu", m->name, n, n);
    if (info) return pal_error_set(err, PAL_ERR_NUMERIC, "%s: %s", m->name, m->fails);
    return is_finite(&j, false) ? PAL_OK : pal_error_set(err, PAL_ERR_NUMERIC, "%s: the result is not finite", m->name);
}

pal_status pal__eigenvectors(const pal_context *context, pal_dtype dtype, size_t n, void *a, void *values,
                             pal_error *err)
{
    static const method m = {"eigenvectors", "the method does not converge", eigen_room, eigen_integers, eigen_run};
    return apply(&m, true, context, dtype, n, a, values, err);
}

pal_status pal__orthonormal_rows(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err)
{
    static const method m = {"orthonormal basis", "LAPACK refuses the matrix", basis_room, none, basis_run};
    return apply(&m, false, context, dtype, n, a, NULL, err);
}

pal_status pal__cholesky(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err)
{
    static const method m = {"Cholesky factor", "the matrix is not positive definite", none, none, cholesky_run};
    return apply(&m, true, context, dtype, n, a, NULL, err);
}

pal_status pal__inverse(const pal_context *context, pal_dtype dtype, size_t n, void *a, pal_error *err)
{
    static const method m = {"inverse", "the matrix is not positive definite", none, none, inverse_run};
    return apply(&m, true, context, dtype, n, a, NULL, err);
}

pal_status pal__square_product(const pal_context *context, pal_dtype dtype, size_t n, const void *a, const void *b,
                               void *out, pal_error *err)
{
    const int size = (int)n, entered = n && n <= PAL__LAPACK_MOST ? pal_blas_enter(context) : -1;
    if (!n) return PAL_OK;
    if (entered < 0)
        return pal_error_set(err, PAL_ERR_MEMORY, "product: out of memory for matrices of %zu by %zu", n, n);
    if (dtype == PAL_F32)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, a, size, b, size, 0, out, size);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1, a, size, b, size, 0, out, size);
    pal_blas_leave(context, entered);
    return PAL_OK;
}

size_t pal__lapack_room(pal_dtype dtype, size_t n)
{
    const int64_t eigen = eigen_room((int64_t)n), basis = basis_room((int64_t)n);
    return (size_t)(eigen > basis ? eigen : basis) * pal_dtype_size(dtype) +
           (size_t)eigen_integers((int64_t)n) * sizeof(int);
}
