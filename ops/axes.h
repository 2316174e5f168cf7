/* axes.h - helpers for operations along axes.
 *
 * The kernels of these operations work on the last axis only. The helpers move any axis, or any set of axes, there, and
 * divide the rows among workers. */
#ifndef PAL_OPS_AXES_H
#define PAL_OPS_AXES_H

#include "ops/internal.h"

/* ---- Recording: name is the function that the user called; the tape's error begins with it -------------------- */

/* Checks that x is a valid handle. */
bool pal__given(const char *name, pal_var x);
/* Checks that x is real and that all axes are below its rank. */
bool pal__reducible(const char *name, pal_var x, unsigned axes);
/* Checks the axis; makes a negative axis, which counts from the end, count from the start. */
bool pal__axis_of(const char *name, pal_var x, int rank, int *axis);

pal_var pal__axis_to_end(pal_var x, int axis);   /* the others keep their order */
pal_var pal__axis_from_end(pal_var x, int axis); /* undoes it */

/* Reduces x over the axes by op, which reduces [.., n] to [.., 1]. If op has a parameter, the value 1 makes it reduce
 * [m, n] to [1, n]. The caller has checked x with pal__reducible. */
pal_var pal__reduce(const pal_op *op, pal_var x, unsigned axes, bool keep);
/* Removes the axes of y whose bit is set, which have length 1, unless keep is set. */
pal_var pal__drop_axes(pal_var y, unsigned axes, bool keep);
/* The number of elements along the axes. */
int64_t pal__terms(pal_shape shape, unsigned axes);

/* (x - mean) / sqrt(variance + epsilon), with mean and variance over the axes; spread.c says what it is at the edges.
 */
pal_var pal__standardised(pal_var x, unsigned axes, double epsilon);

/* For test cases: a reduction and its arguments. */
typedef struct pal__over {
    pal_var (*reduce)(pal_var x, unsigned axes, bool keep);
    unsigned axes;
    bool keep;
} pal__over;
pal_var pal__case_over(pal_tape *tape, const pal_var *in, const void *user);
/* clang-format off */
#define PAL__OVER(reduce, axes, keep) .build = pal__case_over, .user = &(const pal__over){reduce, axes, keep}
/* clang-format on */

/* ---- Running -------------------------------------------------------------------------------------------------- */

/* Computes rows first .. end-1; scratch belongs to this task alone. */
typedef void (*pal__rows_fn)(const pal_call *call, size_t first, size_t end, void *scratch);
/* work: the number of elements in all. The division into tasks depends only on rows and work. */
size_t pal__row_tasks(size_t rows, size_t work);
void pal__each_row(const pal_call *call, size_t rows, size_t work, size_t scratch_of_each, pal__rows_fn fn);

/* The length of the last axis, and the number of rows of that length. */
static inline size_t pal__last(pal_shape s) { return s.rank ? (size_t)s.dim[s.rank - 1] : 1; }
static inline size_t pal__rows(pal_shape s)
{
    size_t rows = 1;
    for (int a = 0; a < s.rank - 1; a++) rows *= (size_t)s.dim[a];
    return rows;
}

/* ---- Kernels of fold_kernels.c; max and min need at least one element ----------------------------------------- */

#define PAL__DECLARE_FOLD(name, isa)                                                                                   \
    float pal__##name##_f32_##isa(const float *x, size_t n);                                                           \
    double pal__##name##_f64_##isa(const double *x, size_t n);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_FOLD, row_max)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_FOLD, row_min)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_FOLD, row_prod)
#undef PAL__DECLARE_FOLD
#define PAL__DECLARE_COLUMNS(name, isa)                                                                                \
    void pal__##name##_f32_##isa(const float *x, size_t rows, size_t stride, size_t columns, float *out);              \
    void pal__##name##_f64_##isa(const double *x, size_t rows, size_t stride, size_t columns, double *out);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_COLUMNS, column_max)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_COLUMNS, column_min)
#undef PAL__DECLARE_COLUMNS
/* A sum of terms: of (factor x)^2, of factor x, of (factor x - shift)^2. The last two are in spread_kernels.c. */
#define PAL__DECLARE_TREE(name, isa)                                                                                   \
    float pal__##name##_f32_##isa(const float *x, size_t n, float factor, float shift);                                \
    double pal__##name##_f64_##isa(const double *x, size_t n, double factor, double shift);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_TREE, row_squares)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_TREE, row_total)
PAL_DECLARE_EACH_ISA(PAL__DECLARE_TREE, row_spread)
#undef PAL__DECLARE_TREE
/* out = (factor x - shift) scale, also in place. */
#define PAL__DECLARE_AFFINE(name, isa)                                                                                 \
    void pal__##name##_f32_##isa(const float *x, size_t n, float factor, float shift, float scale, float *out);        \
    void pal__##name##_f64_##isa(const double *x, size_t n, double factor, double shift, double scale, double *out);
PAL_DECLARE_EACH_ISA(PAL__DECLARE_AFFINE, row_affine)
#undef PAL__DECLARE_AFFINE

typedef struct pal__fold {
    float (*f32[PAL_ISA_COUNT])(const float *, size_t);
    double (*f64[PAL_ISA_COUNT])(const double *, size_t);
} pal__fold;
extern const pal__fold pal__fold_max, pal__fold_min;

/* ---- Operations that are listed in the family of another file ------------------------------------------------- */

extern const pal_op pal__op_reduce_max, pal__op_reduce_min, pal__op_prod, pal__op_exclusive_prod, pal__op_row_shift,
    pal__op_row_norm; /* fold.c */
extern const pal_op pal__op_standardised, pal__op_deviation_rate, pal__op_deviation, pal__op_centred,
    pal__op_spread;                                     /* spread.c */
extern const pal_op pal__op_gather, pal__op_gather_add; /* gather.c */
extern const pal_op pal__op_arg_max, pal__op_arg_min;   /* arg_extreme.c */
extern const pal_op pal__op_diagonal, pal__op_diagonal_matrix, pal__op_lower_triangle,
    pal__op_upper_triangle; /* diagonal.c */

#endif
