/* test_limits.c - values, first and second derivatives at the edges of the operations' domains: ends, zeros, ties,
 * infinities, NaN, huge and tiny numbers.
 *
 * reference/limits.py writes reference/limits.txt and says what its rows mean. Every elementwise operation of the
 * registry must be in the file. Each row is computed in both types, on every instruction set. */
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

typedef struct block { /* neighbouring rows of one operation and one number of arguments */
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
        if (b->n && (strcmp(name, b->name) != 0 || arity != b->arity)) return true;
        ck_assert_uint_lt(b->n, ROWS);
        row *r = &b->rows[b->n++];
        strcpy(b->name, name);
        b->arity = arity;
        memcpy(r->x, x, sizeof r->x);
        r->wanted = numbers(after, r->want);
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

static pal_var softmax(pal_var x, unsigned axes, bool keep)
{
    (void)axes, (void)keep;
    return first_of(pal_softmax(x, 1));
}

static pal_var log_softmax(pal_var x, unsigned axes, bool keep)
{
    (void)axes, (void)keep;
    return first_of(pal_log_softmax(x, 1));
}

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
                  {"log_softmax", log_softmax}};

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
            if (r->want[i] == UNSAID || agrees(got->at[i][e], r->want[i], type, i > 0, largest(r, i, b->arity)))
                continue;
            fprintf(stderr, "%s, %s: %s at", isa, pal_dtype_name(type), b->name);
            for (size_t k = 0; k < b->arity; k++) fprintf(stderr, " %g", r->x[k]);
            fprintf(stderr, ": number %zu is %.17g, not %.17g\n", i, got->at[i][e], r->want[i]);
            wrong++;
        }
    }
    return wrong;
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
        ck_assert_msg(seen[i] || pal_op_at(i)->op_class != PAL_CLASS_ELEMENTWISE,
                      "%s is not in reference/limits.txt: add it to reference/limits.py", pal_op_at(i)->name);
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
