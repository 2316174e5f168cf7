/* test_limits.c - values, first and second derivatives at the edges of the operations' domains: ends, zeros, ties,
 * infinities, NaN, huge and tiny numbers.
 *
 * reference/limits.py writes reference/limits.txt and says what its rows mean. Every elementwise operation, reduction
 * and normalisation of the registry must be in the file. Each row is computed in both types, on every instruction set.
 */
#include "tests/testing.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNSAID 0x1.badp+900 /* `?`: any result is accepted */

enum { MOST = 3, NUMBERS = 1 + MOST + MOST * MOST, ROWS = 400 };

typedef struct row {
    double x[MOST], want[NUMBERS];
    size_t wanted; /* numbers in want: the value; or value, gradient, Hessian */
} row;

typedef struct block { /* neighbouring rows of one operation, one number of arguments and one number of results */
    char name[32];
    size_t arity, n;
    row rows[ROWS];
} block;

/* ---- The file ------------------------------------------------------------------------------------------------- */

static size_t numbers(const char *text, double *out)
{
    static char copy[1024];
    size_t n = 0;
    strncpy(copy, text, sizeof copy - 1);
    for (char *rest = NULL, *word = strtok_r(copy, " ;\n", &rest); word; word = strtok_r(NULL, " ;\n", &rest)) {
        if (!strcmp(word, "-")) break;
        ck_assert_uint_lt(n, NUMBERS);
        out[n++] = *word == '?' ? UNSAID : strtod(word, NULL);
    }
    return n;
}

/* Reads the next block. The first row behind it stays in `line`. */
static bool read_block(FILE *f, char *line, size_t room, block *b)
{
    b->n = 0;
    for (;; *line = '\0') {
        char name[32], *after;
        double x[NUMBERS];
        if (!*line && !fgets(line, (int)room, f)) return b->n > 0;
        if (*line == '#') continue;
        ck_assert_msg(sscanf(line, "%31s", name) == 1 && (after = strchr(line, ';')), "%s", line);
        *after = '\0';
        size_t arity = numbers(line + strlen(name), x);
        *after = ';';
        ck_assert_msg(arity && arity <= MOST, "%s", line);
        ck_assert_uint_lt(b->n, ROWS);
        row *r = &b->rows[b->n];
        memcpy(r->x, x, sizeof r->x);
        r->wanted = numbers(after, r->want);
        if (b->n && (strcmp(name, b->name) != 0 || arity != b->arity || r->wanted != r[-1].wanted)) return true;
        strcpy(b->name, name);
        b->arity = arity;
        b->n++;
        ck_assert_msg(r->wanted == 1 || r->wanted == 1 + arity + arity * arity, "%s", line);
    }
}

/* ---- The operations ------------------------------------------------------------------------------------------- */

static pal_var variance(pal_var x, unsigned axes, bool keep) { return pal_variance(x, axes, keep, 0); }
static pal_var deviation(pal_var x, unsigned axes, bool keep) { return pal_std(x, axes, keep, 0); }

static pal_var first_of(pal_var rows)
{
    pal_shape s = pal_shape_of(rows);
    return pal_reshape(pal_slice(rows, (int64_t[]){0, 0}, (int64_t[]){s.dim[0], 1}, (int64_t[]){1, 1}), PAL_SHAPE(-1));
}

/* A function of rows that gives one value for each element: its value for the first. */
#define FIRST(name, call)                                                                                              \
    static pal_var name(pal_var x, unsigned axes, bool keep)                                                           \
    {                                                                                                                  \
        (void)axes, (void)keep;                                                                                        \
        return first_of(call);                                                                                         \
    }
FIRST(softmax, pal_softmax(x, 1))
FIRST(log_softmax, pal_log_softmax(x, 1))
FIRST(layer_norm, pal_layer_norm(x, axes, (pal_var){0}, (pal_var){0}, 1e-5))
FIRST(sorted, pal_sort(x, 1, false))
FIRST(top_k, pal_top_k(x, 1, 1))

/* The channels of batch_norm are the rows. Its statistics live as long as the tape. */
static pal_tensor *statistics[2];
static pal_var batch_norm(pal_var x, unsigned axes, bool keep)
{
    pal_var leaf[2], none = {0};
    (void)axes, (void)keep;
    for (int i = 0; i < 2; i++) {
        const pal_shape channels = PAL_SHAPE(pal_shape_of(x).dim[0]);
        statistics[i] = pal_tensor_new(pal_tape_context(x.tape), pal_dtype_of(x), channels);
        leaf[i] = pal_leaf(x.tape, statistics[i], NULL);
    }
    return first_of(pal_transpose(pal_batch_norm(pal_transpose(x), none, none, leaf[0], leaf[1], NULL)));
}

/* Operations that have no function. Those of spread.c take [a, rows, b]; here a row is along the last or first axis. */
static pal_var recorded(const char *name, pal_var x)
{
    pal_var y = pal_record(x.tape, pal_op_find(name), &x, 1, NULL);
    const int64_t rows = pal_shape_of(y).dim[pal_shape_of(y).rank == 3];
    return pal_shape_of(y).dim[0] > 1 && pal_shape_of(y).rank == 3 ? pal_transpose(pal_reshape(y, PAL_SHAPE(-1, rows)))
                                                                   : pal_reshape(y, PAL_SHAPE(rows, -1));
}

static pal_var along_last(pal_var x) { return pal_reshape(x, PAL_SHAPE(1, pal_shape_of(x).dim[0], -1)); }
static pal_var along_first(pal_var x)
{
    return pal_reshape(pal_transpose(x), PAL_SHAPE(-1, pal_shape_of(x).dim[0], 1));
}

FIRST(row_norm, recorded("row_norm", x))
FIRST(row_shift, recorded("row_shift", x))
FIRST(exclusive_prod, recorded("exclusive_prod", x))
FIRST(spread, recorded("spread", along_first(x)))
FIRST(centred, recorded("centred", along_first(x)))
FIRST(row_deviation, recorded("deviation", along_last(x)))
FIRST(deviation_rate, recorded("deviation_rate", along_last(x)))
FIRST(standardised, recorded("standardised", along_last(x)))

static const struct {
    const char *name;
    pal_var (*reduce)(pal_var x, unsigned axes, bool keep);
} reductions[] = {{"sum", pal_sum},
                  {"mean", pal_mean},
                  {"prod", pal_prod},
                  {"reduce_max", pal_reduce_max},
                  {"reduce_min", pal_reduce_min},
                  {"logsumexp", pal_logsumexp},
                  {"logmeanexp", pal_logmeanexp},
                  {"norm", pal_norm},
                  {"variance", variance},
                  {"std", deviation},
                  {"softmax", softmax},
                  {"log_softmax", log_softmax},
                  {"layer_norm", layer_norm},
                  {"batch_norm", batch_norm},
                  {"sort", sorted},
                  {"top_k", top_k},
                  {"row_norm", row_norm},
                  {"row_shift", row_shift},
                  {"exclusive_prod", exclusive_prod},
                  {"spread", spread},
                  {"centred", centred},
                  {"deviation", row_deviation},
                  {"deviation_rate", deviation_rate},
                  {"standardised", standardised}};

/* Scaled sums of others, and what is the identity where a batch is not cut. */
static const char *const sums[] = {"mean_over_samples", "sum_squares", "all_sum", "all_max"};

static pal_var record(pal_tape *t, const block *b, const pal_var *x)
{
    const pal_op *op = pal_op_find(b->name);
    pal_var in[MOST];
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (!strcmp(reductions[i].name, b->name)) return reductions[i].reduce(pal_stack(x, b->arity, 1), 2, false);
    ck_assert_msg(op != NULL, "reference/limits.txt has %s, the registry has not", b->name);
    if (!strcmp(b->name, "cast")) return pal_cast(x[0], PAL_F64);
    ck_assert_msg((size_t)op->arity == b->arity, "%s", b->name);
    for (size_t k = 0; k < b->arity; k++)
        in[k] = (!strncmp(b->name, "logical_", 8) || (k == 0 && !strcmp(b->name, "where"))) ? pal_cast(x[k], PAL_BOOL)
                                                                                            : x[k];
    return pal_record(t, op, in, b->arity, op->sample);
}

/* ---- Comparing ------------------------------------------------------------------------------------------------ */

typedef struct results {
    double at[NUMBERS][ROWS];
} results;

static void compute(pal_context *c, pal_dtype type, const block *b, results *out)
{
    size_t n = b->arity, found = b->rows[0].wanted;
    pal_shape shape = PAL_SHAPE((int64_t)b->n);
    pal_tape *t = pal_tape_new(c, type);
    pal_tensor *tensor[MOST];
    pal_var x[MOST], v[NUMBERS];
    for (size_t k = 0; k < n; k++) {
        ck_assert_ptr_nonnull(tensor[k] = pal_tensor_new(c, type, shape));
        for (size_t e = 0; e < b->n; e++) pal_tensor_set(tensor[k], e, b->rows[e].x[k]);
        x[k] = pal_leaf(t, tensor[k], (const char *[]){"a", "b", "c"}[k]);
    }
    v[0] = record(t, b, x);
    if (found > 1) {
        pal_vjp(v[0], pal_fill(t, pal_dtype_of(v[0]), shape, 1), x, n, v + 1);
        for (size_t k = 0; k < n; k++) pal_vjp(v[1 + k], pal_fill(t, type, shape, 1), x, n, v + 1 + n + k * n);
    }
    for (size_t i = 0; i < found; i++) v[i] = pal_cast(v[i], PAL_F64);
    pal_program *p = pal_compile(t, v, found, NULL);
    ck_assert_msg(p != NULL, "%s: %s", b->name, pal_tape_error(t));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    for (size_t i = 0; i < found; i++) memcpy(out->at[i], pal_output(p, i)->data, b->n * sizeof(double));
    pal_program_free(p);
    pal_tape_free(t);
    for (size_t k = 0; k < n; k++) pal_tensor_free(tensor[k]);
    for (size_t i = 0; i < 2; i++) {
        pal_tensor_free(statistics[i]);
        statistics[i] = NULL;
    }
}

/* The error is relative to the largest derivative of this order or a lower one, `scale`. A derivative may lose what an
 * argument of 1e-300 adds to it. */
static bool agrees(double got, double want, pal_dtype type, bool derivative, double scale)
{
    double least = type == PAL_F32 ? (double)FLT_MIN : derivative ? 1e-290 : DBL_MIN;
    if (type == PAL_F32) want = (double)(float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return got == want || fabs(got - want) <= (type == PAL_F32 ? 1e-5 : 1e-12) * scale + least;
}

static double largest(const row *r, size_t i, size_t arity)
{
    double most = 0;
    size_t from = i > 0, end = i > arity ? r->wanted : i ? 1 + arity : 1;
    for (size_t k = from; k < end; k++)
        if (isfinite(r->want[k]) && r->want[k] != UNSAID) most = fmax(most, fabs(r->want[k]));
    return most;
}

/* The derivatives of a normalisation are differences of numbers that are as large as the reciprocal deviation, or its
 * square. */
static double reciprocal_deviation(const block *b, const row *r, size_t i)
{
    double low = r->x[0], high = r->x[0], epsilon = strcmp(b->name, "standardised") ? 1e-5 : 0;
    if (!i || (epsilon && !strstr(b->name, "_norm")) || !strncmp(b->name, "row_", 4)) return 0;
    for (size_t k = 1; k < b->arity; k++) low = fmin(low, r->x[k]), high = fmax(high, r->x[k]);
    const double rate = high - low < (double)INFINITY ? 2 / hypot(high - low, sqrt(epsilon)) : 0;
    return !isfinite(rate) ? 0 : i > b->arity ? rate * rate : rate;
}

static bool fits(const row *r, size_t arity, pal_dtype type)
{
    for (size_t k = 0; k < arity; k++)
        if (type == PAL_F32 && !isnan(r->x[k]) && (double)(float)r->x[k] != r->x[k]) return false;
    return true;
}

static int compare(const block *b, const results *got, const char *isa, pal_dtype type)
{
    int wrong = 0;
    for (size_t e = 0; e < b->n; e++) {
        const row *r = &b->rows[e];
        for (size_t i = 0; i < r->wanted && fits(r, b->arity, type); i++) {
            const double scale = fmax(largest(r, i, b->arity), reciprocal_deviation(b, r, i));
            const bool beyond = type == PAL_F32 && i > b->arity && fabs(r->want[i]) > (double)FLT_MAX;
            if (beyond && isfinite(r->want[i]) && isnan(got->at[i][e])) continue; /* the sum of several such terms */
            if (r->want[i] == UNSAID || agrees(got->at[i][e], r->want[i], type, i > 0, scale)) continue;
            fprintf(stderr, "%s, %s: %s at", isa, pal_dtype_name(type), b->name);
            for (size_t k = 0; k < b->arity; k++) fprintf(stderr, " %g", r->x[k]);
            fprintf(stderr, ": number %zu is %.17g, not %.17g\n", i, got->at[i][e], r->want[i]);
            wrong++;
        }
    }
    return wrong;
}

static bool must_be_there(size_t i)
{
    static const char *const families[] = {"elementwise", "reduction", "normalise"};
    bool must = false;
    for (size_t k = 0; k < sizeof families / sizeof *families; k++) must |= !strcmp(pal_op_family(i), families[k]);
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) must &= strcmp(pal_op_at(i)->name, sums[k]) != 0;
    return must;
}

static const char *const isas[] = {"baseline", "avx2", "avx512"};

START_TEST(edges_of_domains)
{
    pal_dtype type = _i % 2 ? PAL_F64 : PAL_F32;
    pal_context *c = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[_i / 2]});
    if (!c) return; /* the processor lacks these instructions */
    static block b;
    static results got;
    static char line[1024];
    bool seen[1024] = {false};
    int wrong = 0;
    FILE *f = fopen(PAL_REFERENCE_DIR "/limits.txt", "r");
    ck_assert_ptr_nonnull(f);
    for (*line = '\0'; read_block(f, line, sizeof line, &b);) {
        compute(c, type, &b, &got);
        wrong += compare(&b, &got, isas[_i / 2], type);
        for (size_t i = 0; pal_op_at(i); i++) seen[i] |= !strcmp(pal_op_at(i)->name, b.name);
    }
    fclose(f);
    ck_assert_msg(wrong == 0, "%d numbers are not those of reference/limits.txt", wrong);
    for (size_t i = 0; pal_op_at(i); i++)
        ck_assert_msg(seen[i] || !must_be_there(i), "%s is not in reference/limits.txt: add it to reference/limits.py",
                      pal_op_at(i)->name);
    pal_context_free(c);
}
END_TEST

Suite *limits_suite(void)
{
    Suite *s = suite_create("limits");
    TCase *k = tcase_create("limits");
    tcase_add_loop_test(k, edges_of_domains, 0, 6); /* 3 instruction sets, 2 types */
    tcase_set_timeout(k, 120);
    suite_add_tcase(s, k);
    return s;
}
