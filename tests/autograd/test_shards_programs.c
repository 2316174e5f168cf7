/* test_shards_programs.c - programs of several shards: what is summed, who writes, what fails, and what all are told.
 */
#include <math.h>

#include "autograd/operation.h"
#include "tests/autograd/shards.h"

Suite *shards_programs_suite(void);

enum { SHARDS = 4, OUTPUTS = 8, ROOM = 64 };

static pal_tensor *tensor_of(pal_context *c, pal_dtype dtype, pal_shape shape, double first)
{
    pal_tensor *t = pal_tensor_new(c, dtype, shape);
    for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, first + (double)i);
    return t;
}

typedef struct job { /* what the processes of one test do and find */
    void (*record)(struct job *j, process *p, pal_tape *t);
    pal_compile_options options;
    int runs;
    uint32_t raises;
    /* by record */
    pal_tensor *rows, *leaf;
    pal_var outputs[OUTPUTS];
    size_t n_outputs;
    /* results */
    pal_status status[2];
    char error[256];
    uint32_t raised;
    double out[OUTPUTS][ROOM], leaf_after[2][ROOM], waited;
    pal_program *program;
} job;

static void run_job(process *p)
{
    job *j = p->user;
    pal_tape *t = pal_tape_new(p->context, PAL_F64);
    pal_tape_share(t, &p->shards);
    j->rows = tensor_of(p->context, PAL_F64, PAL_SHAPE(p->local, 2), 2 * (double)p->first);
    j->leaf = tensor_of(p->context, PAL_F64, PAL_SHAPE(2), 10);
    j->record(j, p, t);
    j->options.struct_size = sizeof j->options;
    pal_program *program = pal_compile(t, j->outputs, j->n_outputs, &j->options);
    if (!program) snprintf(p->why, sizeof p->why, "%s", pal_tape_error(t));
    for (int r = 0; r < j->runs && program; r++) {
        pal_program_raise(program, j->raises);
        j->status[r] = pal_run(program);
        if (j->status[r]) snprintf(j->error, sizeof j->error, "%s", pal_program_error(program));
        for (size_t i = 0; i < pal_tensor_count(j->leaf); i++) j->leaf_after[r][i] = pal_tensor_get(j->leaf, i);
        for (size_t i = 0; i < pal_tensor_count(j->rows); i++) /* what fails in the first run works in the second */
            if (pal_tensor_get(j->rows, i) < 0) pal_tensor_set(j->rows, i, 1);
    }
    if (program) {
        j->raised = pal_program_raised(program);
        j->waited = pal_program_waited(program);
    }
    for (size_t i = 0; program && i < j->n_outputs; i++)
        for (size_t k = 0; k < pal_tensor_count(pal_output(program, i)); k++)
            j->out[i][k] = pal_tensor_get(pal_output(program, i), k);
    pal_program_free(program);
    pal_tape_free(t);
    pal_tensor_free(j->rows);
    pal_tensor_free(j->leaf);
}

static void run_jobs(int n, int64_t shards, const job *like, job *out, char why[400])
{
    void *user[MOST_PROCESSES];
    for (int i = 0; i < n; i++) {
        out[i] = *like;
        user[i] = &out[i];
    }
    run_together(n, shards, 1, false, run_job, user, why);
}

static void run_well(int n, int64_t shards, const job *like, job *out)
{
    char why[400];
    run_jobs(n, shards, like, out, why);
    ck_assert_msg(!why[0], "%s", why);
    for (int i = 0; i < n; i++) ck_assert_msg(!out[i].status[0], "%s", out[i].error);
}

/* ---- What is summed -------------------------------------------------------------------------------------------- */

static void odd_sums(job *j, process *p, pal_tape *t)
{
    const pal_var x = pal_leaf_rows(t, j->rows, "x"), w = pal_leaf(t, j->leaf, "w");
    const pal_var empty = pal_slice(w, (int64_t[]){0}, (int64_t[]){0}, (int64_t[]){1});
    (void)p;
    j->outputs[0] = pal_all_sum(pal_constant(t, 1.5));
    j->outputs[1] = pal_all_sum(w);
    j->outputs[2] = pal_all_sum(pal_all_sum(x));
    j->outputs[3] = pal_all_sum(empty);
    j->outputs[4] = pal_cast(pal_all_sum(pal_cast(x, PAL_F32)), PAL_F64);
    j->outputs[5] = pal_add(pal_all_sum(x), pal_all_max(x)); /* of one value, a sum and a maximum */
    j->outputs[6] = x;
    j->outputs[7] = pal_all_sum(pal_transpose(pal_add(x, w)));
    j->n_outputs = 8;
}

/* Row s of x is 2s, 2s + 1; w is 10, 11. */
START_TEST(any_value_is_summed)
{
    static const unsigned passes[] = {PAL_PASS_ALL, PAL_PASS_NONE, PAL_PASS_INPLACE};
    job like = {.record = odd_sums, .runs = 2, .options.passes = passes[_i % 3]}, out[MOST_PROCESSES];
    const int n = 1 + _i / 3;
    run_well(n, SHARDS, &like, out);
    for (int i = 0; i < n; i++) {
        const job *j = &out[i];
        ck_assert_double_eq(j->out[0][0], 6);
        ck_assert_double_eq(j->out[1][0], 40);
        ck_assert_double_eq(j->out[1][1], 44);
        ck_assert_double_eq(j->out[2][0], 4 * 12);
        ck_assert_double_eq(j->out[2][1], 4 * 16);
        ck_assert_double_eq(j->out[4][1], 16);
        ck_assert_double_eq(j->out[5][0], 12 + 6);
        ck_assert_double_eq(j->out[5][1], 16 + 7);
        ck_assert_double_eq(j->out[7][0], 12 + 40);
        ck_assert_double_eq(j->out[7][1], 16 + 44);
    }
    ck_assert_double_eq(out[0].out[6][1], 1);
}
END_TEST

static void many(job *j, process *p, pal_tape *t)
{
    const pal_var x = pal_leaf_rows(t, j->rows, "x");
    (void)p;
    j->outputs[0] = pal_all_sum(pal_tanh(pal_scale(x, 0.01)));
    j->n_outputs = 1;
}

START_TEST(many_shards_in_one_process)
{
    job like = {.record = many, .runs = 1}, alone, some[MOST_PROCESSES];
    run_well(1, 30, &like, &alone);
    for (int n = 2; n <= MOST_PROCESSES; n++) {
        run_well(n, 30, &like, some);
        for (int i = 0; i < n; i++) ck_assert_mem_eq(alone.out[0], some[i].out[0], 2 * sizeof(double));
    }
}
END_TEST

/* ---- Assigns --------------------------------------------------------------------------------------------------- */

/* Every shard reads the leaf before one of them writes it, and readers of the assign read the new value. */
static void counted(job *j, process *p, pal_tape *t)
{
    const pal_var x = pal_leaf_rows(t, j->rows, "x"), w = pal_leaf(t, j->leaf, "w");
    const pal_var read = pal_mul(x, w), assigned = pal_assign(w, pal_add(w, pal_constant(t, 1)));
    (void)p;
    j->outputs[0] = assigned;
    j->outputs[1] = pal_all_sum(read);
    j->outputs[2] = pal_all_sum(pal_add(x, assigned));
    j->outputs[3] = w;
    j->n_outputs = 4;
    j->options.effects = true;
}

START_TEST(a_leaf_is_written_once)
{
    static const unsigned passes[] = {PAL_PASS_ALL, PAL_PASS_NONE};
    job like = {.record = counted, .runs = 1, .options.passes = passes[_i % 2]}, out[MOST_PROCESSES];
    const int n = 1 + _i / 2;
    run_well(n, SHARDS, &like, out);
    for (int i = 0; i < n; i++) {
        ck_assert_double_eq(out[i].leaf_after[0][0], 11);
        ck_assert_double_eq(out[i].leaf_after[0][1], 12);
        ck_assert_double_eq(out[i].out[0][0], 11);
        ck_assert_double_eq(out[i].out[1][0], 12 * 10);
        ck_assert_double_eq(out[i].out[2][0], 12 + 4 * 11);
    }
}
END_TEST

static void no_sums(job *j, process *p, pal_tape *t)
{
    (void)p;
    const pal_var w = pal_leaf(t, j->leaf, "w");
    j->outputs[0] = pal_assign(w, pal_scale(w, 2));
    j->outputs[1] = pal_leaf_rows(t, j->rows, "x");
    j->outputs[2] = pal_scale(j->outputs[1], 3);
    j->n_outputs = 3;
}

START_TEST(a_program_needs_no_sum)
{
    job like = {.record = no_sums, .runs = 1}, out[MOST_PROCESSES];
    run_well(2, SHARDS, &like, out);
    for (int i = 0; i < 2; i++) {
        ck_assert_double_eq(out[i].leaf_after[0][1], 22);
        ck_assert_double_eq(out[i].out[1][0], 4 * i); /* of the first shard of this process */
        ck_assert_double_eq(out[i].out[2][0], 12 * i);
    }
}
END_TEST

/* ---- Failure --------------------------------------------------------------------------------------------------- */

static const int64_t failing_shard = 2;

/* The matrix of one shard is not positive definite. */
static void factored(job *j, process *p, pal_tape *t)
{
    if (p->first <= failing_shard && failing_shard < p->first + p->local)
        pal_tensor_set(j->rows, 2 * (size_t)(failing_shard - p->first), -4);
    if (!p->first) pal_tensor_set(j->rows, 0, 1);
    const pal_var x = pal_leaf_rows(t, j->rows, "x"), w = pal_leaf(t, j->leaf, "w");
    const pal_var factor = pal_cholesky(pal_diagonal_matrix(pal_reshape(x, PAL_SHAPE(2))));
    pal_assign(w, pal_add(w, pal_all_sum(pal_sum_all(factor))));
    j->outputs[0] = pal_all_sum(x);
    j->n_outputs = 1;
    j->options.effects = true;
}

START_TEST(a_failure_is_that_of_all)
{
    job like = {.record = factored, .runs = 2, .raises = 3}, out[MOST_PROCESSES];
    const int n = 1 + _i;
    char why[400];
    run_jobs(n, SHARDS, &like, out, why);
    ck_assert_msg(!why[0], "%s", why);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(out[i].status[0], PAL_ERR_NUMERIC);
        ck_assert_double_eq(out[i].leaf_after[0][0], 10);
        ck_assert_int_eq(out[i].status[1], PAL_OK);
        ck_assert_double_gt(out[i].leaf_after[1][0], 10);
        ck_assert_double_eq(out[i].leaf_after[1][0], out[0].leaf_after[1][0]);
        ck_assert_uint_eq(out[i].raised, 3);
        ck_assert(strstr(out[i].error, "cholesky") || strstr(out[i].error, "in another process"));
    }
}
END_TEST

/* The sum of infinity and minus infinity is the first NaN. */
static void infinite(job *j, process *p, pal_tape *t)
{
    if (!p->first) pal_tensor_set(j->rows, 0, INFINITY);
    if (p->first + p->local == SHARDS) pal_tensor_set(j->rows, 2 * (size_t)p->local - 2, -INFINITY);
    const pal_var x = pal_leaf_rows(t, j->rows, "x"), w = pal_leaf(t, j->leaf, "w");
    pal_assign(w, pal_all_sum(pal_reshape(x, PAL_SHAPE(2))));
    j->outputs[0] = pal_constant(t, 0);
    j->n_outputs = 1;
    j->options.effects = j->options.check_nan = true;
}

START_TEST(a_nan_of_a_sum_is_found)
{
    job like = {.record = infinite, .runs = 1}, out[MOST_PROCESSES];
    char why[400];
    run_jobs(2, SHARDS, &like, out, why);
    ck_assert_msg(!why[0], "%s", why);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(out[i].status[0], PAL_ERR_NUMERIC);
        ck_assert_msg(strstr(out[i].error, "all_sum_wait: made a NaN"), "%s", out[i].error);
        ck_assert_double_eq(out[i].leaf_after[0][0], 10);
    }
}
END_TEST

/* ---- Flags ----------------------------------------------------------------------------------------------------- */

static void raises_one(job *j, process *p, pal_tape *t)
{
    j->raises = UINT32_C(0x10001) << p->rank; /* the upper bits are none of the caller's */
    many(j, p, t);
}

START_TEST(flags_reach_all)
{
    job like = {.record = raises_one, .runs = 1}, out[MOST_PROCESSES];
    run_well(3, SHARDS, &like, out);
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(out[i].raised, 7);
    for (int i = 0; i < 3; i++) ck_assert_double_ge(out[i].waited, 0);
    run_well(1, 1, &like, out);
    ck_assert_uint_eq(out[0].raised, 1);
    like.record = many;
    run_well(2, SHARDS, &like, out);
    ck_assert_uint_eq(out[0].raised, 0);
}
END_TEST

Suite *shards_programs_suite(void)
{
    Suite *suite = suite_create("shards_programs");
    TCase *tests = tcase_create("shards_programs");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, any_value_is_summed, 0, 12);
    tcase_add_test(tests, many_shards_in_one_process);
    tcase_add_loop_test(tests, a_leaf_is_written_once, 0, 8);
    tcase_add_test(tests, a_program_needs_no_sum);
    tcase_add_loop_test(tests, a_failure_is_that_of_all, 0, MOST_PROCESSES);
    tcase_add_test(tests, a_nan_of_a_sum_is_found);
    tcase_add_test(tests, flags_reach_all);
    suite_add_tcase(suite, tests);
    return suite;
}
