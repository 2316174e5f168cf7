/* full_normal.c - the normal distribution with a full covariance L L^T. The factor L [.., d, d] must have a positive
 * diagonal; only its lower triangle is read. Leading axes broadcast. */
#include "ops/internal.h"

#define LN_2_PI 1.83787706640934548356

/* ---- Operands ------------------------------------------------------------------------------------------------- */

/* Checks the operands: vectors (means and values, [.., d]), then factors [.., d, d]. Sets shape to [batch.., d]. */
static bool fit(const char *name, const pal_var *in, size_t vectors, size_t factors, pal_shape *shape)
{
    char text[96];
    pal_shape batch = PAL_SCALAR, none;
    int64_t d = -1;
    if (!pal__handles(name, in, vectors + factors, 0)) return false;
    for (size_t i = 0; i < vectors + factors; i++) {
        int own = i < vectors ? 1 : 2; /* number of axes after the batch axes */
        pal_shape s = pal_shape_of(in[i]);
        if (!pal__operands(name, &in[i], 1, &none)) return false; /* alone: the whole shapes do not broadcast */
        bool ok = pal_dtype_of(in[0]) == pal_dtype_of(in[i]) && s.rank >= own;
        if (ok && d < 0) d = s.dim[s.rank - 1];
        for (int a = 1; ok && a <= own; a++) ok = s.dim[s.rank - a] == d;
        s.rank -= own;
        if (ok && pal_shape_broadcast(batch, s, &batch)) continue;
        pal_tape_fail(in[0].tape, PAL_ERR_SHAPE,
                      "%s: %s does not fit: means must be [..,d] and factors [..,d,d], of one type", name,
                      pal_shape_text(pal_shape_of(in[i]), text, sizeof text));
        return false;
    }
    *shape = batch;
    if (shape->rank == PAL_MAX_RANK) {
        pal_tape_fail(in[0].tape, PAL_ERR_SHAPE, "%s: the result has more than 6 axes", name);
        return false;
    }
    shape->dim[shape->rank++] = d;
    return true;
}

/* Whether all rows of x [.., d] have the same factor. Then the rows are the columns of one right-hand side. */
static bool shared(pal_var factor, pal_var x) { return pal_shape_of(factor).rank == 2 && pal_shape_of(x).rank >= 2; }

static pal_var as_rows(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    int64_t d = s.dim[s.rank - 1];
    return pal_reshape(x, PAL_SHAPE(d ? pal_shape_count(s) / d : 0, d));
}

/* [.., d] -> [.., d, 1] and back */
static pal_var as_column(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    if (s.rank == PAL_MAX_RANK)
        return pal_tape_fail(x.tape, PAL_ERR_SHAPE, "normal_full: the result has more than 6 axes");
    s.dim[s.rank++] = 1;
    return pal_reshape(x, s);
}

static pal_var of_column(pal_var x)
{
    pal_shape s = pal_shape_of(x);
    if (s.rank > 0) s.rank--;
    return pal_reshape(x, s);
}

/* L x for each row x [.., d] */
static pal_var spread(pal_var factor, pal_var x)
{
    pal_var lower = pal_lower_triangle(factor, 0);
    if (!shared(factor, x)) return of_column(pal_matmul(lower, as_column(x)));
    return pal_reshape(pal_matmul_t(as_rows(x), lower, false, true), pal_shape_of(x));
}

/* L^-1 x for each row x [.., d] */
static pal_var whitened(pal_var factor, pal_var x)
{
    if (!shared(factor, x)) return of_column(pal_triangular_solve(factor, as_column(x), false));
    pal_var columns = pal_triangular_solve(factor, pal_transpose(as_rows(x)), false);
    return pal_reshape(pal_transpose(columns), pal_shape_of(x));
}

/* The sum of squares over the last `axes` axes. */
static pal_var squared_norm(pal_var x, int axes)
{
    int rank = pal_shape_of(x).rank;
    return rank >= axes ? pal_sum(pal_square(x), ((1u << axes) - 1) << (rank - axes), false) : x;
}

/* ---- The distribution ----------------------------------------------------------------------------------------- */

pal_var pal_sample_normal_full(const char *stream, pal_var mean, pal_var factor)
{
    pal_shape shape;
    const pal_var in[] = {mean, factor};
    if (!fit("sample_normal_full", in, 1, 1, &shape)) return (pal_var){.tape = mean.tape};
    return pal_add(mean, spread(factor, pal__draw_normal(mean.tape, stream, shape, pal_dtype_of(mean))));
}

pal_var pal_normal_full_log_density(pal_var x, pal_var mean, pal_var factor)
{
    pal_shape shape;
    const pal_var in[] = {x, mean, factor};
    if (!fit("normal_full_log_density", in, 2, 1, &shape)) return (pal_var){.tape = x.tape};
    double d = (double)shape.dim[shape.rank - 1];
    pal_var z = squared_norm(whitened(factor, pal_sub(x, mean)), 1);
    return pal_scale(pal_add(z, pal_shift(pal_cholesky_log_det(factor), d * LN_2_PI)), -0.5);
}

pal_var pal_normal_full_entropy(pal_var factor)
{
    pal_shape shape;
    if (!fit("normal_full_entropy", &factor, 0, 1, &shape)) return (pal_var){.tape = factor.tape};
    double d = (double)shape.dim[shape.rank - 1];
    return pal_scale(pal_shift(pal_cholesky_log_det(factor), d * (1 + LN_2_PI)), 0.5);
}

/* The trace of S_q^-1 S_p is the squared norm of L_q^-1 L_p. */
pal_var pal_normal_full_kl(pal_var mean_p, pal_var factor_p, pal_var mean_q, pal_var factor_q)
{
    pal_shape shape;
    const pal_var in[] = {mean_p, mean_q, factor_p, factor_q};
    if (!pal__handles("normal_full_kl", (const pal_var[]){mean_p, factor_p, mean_q, factor_q}, 4, 0) ||
        !fit("normal_full_kl", in, 2, 2, &shape))
        return (pal_var){.tape = mean_p.tape};
    double d = (double)shape.dim[shape.rank - 1];
    pal_var trace = squared_norm(pal_triangular_solve(factor_q, pal_lower_triangle(factor_p, 0), false), 2);
    pal_var means = squared_norm(whitened(factor_q, pal_sub(mean_q, mean_p)), 1);
    pal_var log_dets = pal_sub(pal_cholesky_log_det(factor_q), pal_cholesky_log_det(factor_p));
    return pal_scale(pal_add(pal_shift(pal_add(trace, log_dets), -d), means), 0.5);
}

/* ---- Cases ---------------------------------------------------------------------------------------------------- */

/* Adds 2 to the diagonal, which is drawn from -1 to 1, so that it is not near 0. */
static pal_var factor(pal_tape *t, pal_var x)
{
    return pal_add(x, pal_scale(pal_diagonal_matrix(pal_fill(t, PAL_F64, PAL_SHAPE(pal_shape_of(x).dim[1]), 1)), 2));
}

static pal_var case_sample(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_sample_normal_full("noise", in[0], factor(t, in[1]));
}

static pal_var case_density(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_normal_full_log_density(in[0], in[1], factor(t, in[2]));
}

static pal_var case_entropy(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_normal_full_entropy(factor(t, in[0]));
}

static pal_var case_kl(pal_tape *t, const pal_var *in, const void *user)
{
    (void)user;
    return pal_normal_full_kl(in[0], factor(t, in[1]), in[2], factor(t, in[3]));
}

/* clang-format off */
#define VECTOR     {{1, {3}}, -2, 2}
#define ROWS(n)    {{2, {n, 3}}, -2, 2}
#define FACTOR     {{2, {3, 3}}, -1, 1}
#define FACTORS(n) {{3, {n, 3, 3}}, -1, 1}
/* clang-format on */
static const pal_case cases_sample[] = {
    {"plain", 2, {VECTOR, FACTOR}, case_sample, NULL},
    {"one factor for rows", 2, {ROWS(2), FACTOR}, case_sample, NULL},
    {"one factor per row", 2, {VECTOR, FACTORS(2)}, case_sample, NULL},
    {"size 1", 2, {{{1, {1}}, -2, 2}, {{2, {1, 1}}, -1, 1}}, case_sample, NULL},
    {"no rows", 2, {ROWS(0), FACTOR}, case_sample, NULL},
};
static const pal_case cases_density[] = {
    {"plain", 3, {VECTOR, VECTOR, FACTOR}, case_density, NULL},
    {"one factor for rows", 3, {ROWS(2), VECTOR, FACTOR}, case_density, NULL},
    {"one factor per row", 3, {VECTOR, ROWS(2), FACTORS(2)}, case_density, NULL},
    {"size 1", 3, {{{1, {1}}, -2, 2}, {{1, {1}}, -2, 2}, {{2, {1, 1}}, -1, 1}}, case_density, NULL},
    {"no rows", 3, {ROWS(0), VECTOR, FACTOR}, case_density, NULL},
};
static const pal_case cases_entropy[] = {
    {"plain", 1, {FACTOR}, case_entropy, NULL},
    {"two", 1, {FACTORS(2)}, case_entropy, NULL},
    {"size 1", 1, {{{2, {1, 1}}, -1, 1}}, case_entropy, NULL},
};
static const pal_case cases_kl[] = {
    {"plain", 4, {VECTOR, FACTOR, VECTOR, FACTOR}, case_kl, NULL},
    {"one factor for rows", 4, {ROWS(2), FACTOR, VECTOR, FACTOR}, case_kl, NULL},
    {"one factor per row", 4, {VECTOR, FACTOR, ROWS(2), FACTORS(2)}, case_kl, NULL},
    {"no rows", 4, {ROWS(0), FACTOR, VECTOR, FACTOR}, case_kl, NULL},
};

#define FULL_NORMAL(op, name, formula, summary)                                                                        \
    static const pal_op op_##op = {PAL_OP_HEAD(name, formula, summary), .op_class = PAL_CLASS_COMPOSITE,               \
                                   .cases = cases_##op, .n_cases = PAL_COUNT(cases_##op)};
FULL_NORMAL(sample, "sample_normal_full", "mean + L z",
            "sample of a normal distribution with covariance L L^T, reparametrised")
FULL_NORMAL(density, "normal_full_log_density", "-(|L^-1 (x - mean)|^2 + ln det L L^T + d ln 2 pi) / 2",
            "log-density of a normal distribution with covariance L L^T")
FULL_NORMAL(entropy, "normal_full_entropy", "(ln det L L^T + d (1 + ln 2 pi)) / 2",
            "entropy of a normal distribution with covariance L L^T")
FULL_NORMAL(kl, "normal_full_kl",
            "(|L_q^-1 L_p|^2 + |L_q^-1 (mean_q - mean_p)|^2 - d + ln det S_q - ln det S_p) / 2, S = L L^T",
            "divergence of two normal distributions with covariances L L^T")

static const pal_op *const ops[] = {&op_sample, &op_density, &op_entropy, &op_kl};
const pal__family pal__family_full_normal = {ops, PAL_COUNT(ops)};
