/* test_shards_evaluate.c - processes, which are threads here, measure a model together: each computes some of the
 * batches, and all get the figures of one process to the last bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "tests/processes.h"
#include "train/train.h"

Suite *shards_evaluate_suite(void);

enum { PROCESSES = 7, SAMPLES = 80, SIDE = 4, FEATURES = SIDE * SIDE, CLASSES = 4 };

/* ---- A model whose program fails for a batch with a value of 1 -------------------------------------------------- */

static pal_var encode(pal_model *m, pal_var x) { return pal_sigmoid(pal_dense(m, "encoder", x, 5)); }
static pal_var decode(pal_model *m, pal_var h) { return pal_dense(m, "decoder", h, FEATURES); }
static pal_var loss(pal_model *m, const pal_batch *b)
{
    const pal_var x = b->inputs, most = pal_reduce_max(x, 1U << 0 | 1U << 1, false);
    const pal_var positive = pal_cholesky(pal_reshape(pal_shift(pal_scale(most, -1), 1), PAL_SHAPE(1, 1)));
    const pal_var error = pal_sum_squares(pal_sub(decode(m, encode(m, x)), x));
    return pal_add(pal_scale(error, 1.0 / (double)pal_shape_of(x).dim[0]), pal_sum_all(positive));
}

static const pal_option no_options[] = {{0}};
static const pal_variant failing = {.struct_size = sizeof failing,
                                    .name = "failing",
                                    .alias = "fail",
                                    .summary = "fails for a value of 1",
                                    .formula = "f",
                                    .source = "none",
                                    .options = no_options,
                                    .encode = encode,
                                    .decode = decode,
                                    .loss = loss};

static void set_up(void)
{
    pal_error err = {0};
    if (pal_variant_find(failing.name)) return; /* tests may run in one process */
    ck_assert_msg(!pal_variant_register(&failing, &err), "%s", err.text);
}

/* ---- Processes --------------------------------------------------------------------------------------------------- */

typedef struct measuring { /* what one process does */
    const char *variant, *corruptor, *hidden;
    pal_dtype dtype;
    int64_t samples, batch, jacobian_samples;
    bool no_code, no_baseline, cells_missing;
    int64_t large_from, large_to; /* samples whose values are 1; all others are smaller */
    bool leaves;                  /* ends without measuring */
    int64_t side;                 /* of the images; 0: as the model takes them */
    pal_communicator *communicator;
    pal_figures figures;
    double *unit_divergence;
    pal_error err;
} measuring;

static const int processes[] = {2, 3, 4, 7};

static void fill(pal_dataset *set, const measuring *m, pal_context *context)
{
    const int64_t side = m->side ? m->side : SIDE, features = side * side;
    *set = (pal_dataset){.sample = PAL_SHAPE(side, side),
                         .count = m->samples,
                         .features = features,
                         .classes = CLASSES,
                         .scale = 1,
                         .name = "rows"};
    set->inputs = random_tensor(context, PAL_F32, PAL_SHAPE(m->samples, features), 0, 1, "inputs");
    set->labels = pal_tensor_new(context, PAL_U8, PAL_SHAPE(m->samples));
    for (int64_t i = 0; i < m->samples; i++) ((uint8_t *)set->labels->data)[i] = (uint8_t)(i * i % CLASSES);
    for (int64_t i = m->large_from * features; i < m->large_to * features; i++) ((float *)set->inputs->data)[i] = 1;
    if (!m->cells_missing) return;
    set->known = pal_tensor_new(context, PAL_U8, PAL_SHAPE(m->samples, features));
    for (int64_t i = 0; i < m->samples * features; i++) ((uint8_t *)set->known->data)[i] = i * i % 11 != 1;
}

static pal_model *model_of(const char *variant, const measuring *m, pal_context *context, pal_error *err)
{
    const pal_variant *v = pal_variant_find(variant);
    const pal_setting wanted[] = {{"hidden", m->hidden ? m->hidden : "32"}, {"classes", "4"}};
    pal_setting settings[2];
    size_t n = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (pal_variant_option_find(v, wanted[i].name)) settings[n++] = wanted[i];
    return pal_model_new(context, v, settings, n, PAL_SHAPE(SIDE, SIDE), m->dtype, 7, err);
}

static void *measure(void *user)
{
    measuring *m = user;
    pal_context *context = context_with(1);
    pal_dataset *set = calloc(1, sizeof *set);
    fill(set, m, context);
    pal_model *model = model_of(m->variant, m, context, &m->err);
    pal_model *corruptor = m->corruptor ? model_of(m->corruptor, m, context, &m->err) : NULL;
    const pal_evaluate_options o = {.struct_size = sizeof o,
                                    .batch = m->batch,
                                    .seed = 3,
                                    .lanes = 1,
                                    .corruptor = corruptor,
                                    .code = !m->no_code,
                                    .jacobian_samples = m->jacobian_samples,
                                    .unit_divergence = &m->unit_divergence,
                                    .train = m->no_baseline ? NULL : set,
                                    .communicator = m->communicator};
    if (!m->err.status && !m->leaves) pal_evaluate(model, set, &o, &m->figures, &m->err);
    pal_communicator_close(m->communicator, m->leaves);
    pal_model_free(corruptor);
    pal_model_free(model);
    pal_dataset_free(set);
    pal_context_free(context);
    return NULL;
}

/* out[0 .. n-1] say what each process does. */
static void run(int n, measuring *out)
{
    pal_communicator *c[PROCESSES];
    connect_processes(n, c);
    for (int i = 0; i < n; i++) out[i].communicator = c[i];
    run_processes(n, measure, out, sizeof *out);
}

static void run_alike(int n, const measuring *like, measuring *out)
{
    for (int i = 0; i < n; i++) out[i] = *like;
    run(n, out);
    for (int i = 0; i < n; i++) ck_assert_msg(!out[i].err.status, "%s: %s", like->variant, out[i].err.text);
}

static void end(measuring *m, int n)
{
    for (int i = 0; i < n; i++) free(m[i].unit_divergence);
}

/* ---- The same bits ----------------------------------------------------------------------------------------------- */

#define SAME(field) ck_assert_msg(!memcmp(&a->field, &b->field, sizeof a->field), "%s, %d: " #field, variant, n)

static void same_code(const char *variant, int n, const pal_code_figures *a, const pal_code_figures *b)
{
    SAME(units);
    if (!a->units) return;
    SAME(mean);
    SAME(quartiles);
    SAME(rho);
    SAME(near_rho);
    SAME(random);
    SAME(divergence);
    SAME(information);
    SAME(collapsed);
    SAME(active);
    SAME(dead);
    SAME(saturated);
    SAME(zeros);
    SAME(jacobian_samples);
    SAME(jacobian_norm);
    SAME(jacobian_norm2);
}

static void same_figures(const char *variant, int n, const pal_figures *a, const pal_figures *b)
{
    SAME(samples);
    SAME(loss);
    SAME(squared_error);
    SAME(squared_error_corrupted);
    SAME(error);
    SAME(n_terms);
    for (size_t i = 0; i < a->n_terms; i++) {
        ck_assert_str_eq(a->terms[i].name, b->terms[i].name);
        SAME(terms[i].value);
        SAME(terms[i].noted);
    }
    SAME(bound.value);
    SAME(bound.reconstruction);
    SAME(bound.divergence);
    SAME(baseline);
    SAME(explained);
    same_code(variant, n, &a->code, &b->code);
}

static void same(int n, const measuring *a, const measuring *b)
{
    same_figures(a->variant, n, &a->figures, &b->figures);
    ck_assert(!a->unit_divergence == !b->unit_divergence);
    if (a->unit_divergence)
        ck_assert_mem_eq(a->unit_divergence, b->unit_divergence,
                         (size_t)a->figures.code.units * sizeof *a->unit_divergence);
}

static void alone_and_together(const measuring *like)
{
    measuring alone, some[PROCESSES];
    run_alike(1, like, &alone);
    ck_assert(isfinite(alone.figures.loss) && isfinite(alone.figures.baseline));
    for (size_t k = 0; k < sizeof processes / sizeof *processes; k++) {
        const int n = processes[k];
        run_alike(n, like, some);
        for (int i = 0; i < n; i++) same(n, &alone, &some[i]);
        end(some, n);
    }
    end(&alone, 1);
}

static const measuring basic = {.variant = "basic", .dtype = PAL_F32, .samples = SAMPLES, .batch = 7};

/* Sums of float32 numbers are often exact in double, so that their order is nothing to them: float64 shows more. */
START_TEST(every_variant_has_the_same_figures)
{
    measuring like = basic;
    like.variant = pal_variant_at((size_t)_i)->name;
    alone_and_together(&like);
    like.dtype = PAL_F64;
    like.batch = 1; /* several rounds */
    like.jacobian_samples = -1;
    alone_and_together(&like);
}
END_TEST

/* One sample; fewer than a batch; whole batches; a rest; more processes than batches. */
START_TEST(every_number_of_samples_has_the_same_figures)
{
    static const struct {
        int64_t samples, batch;
    } of[] = {{1, 7}, {1, 1}, {5, 7}, {7, 7}, {14, 7}, {15, 7}, {33, 1}, {70, 10}, {80, 80}, {80, 0}};
    static const char *const variants[] = {"denoising", "variational", "sparse"};
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
            measuring like = basic;
            like.variant = variants[v];
            like.samples = of[i].samples;
            like.batch = of[i].batch;
            if (of[i].samples > 1) alone_and_together(&like);
            like.no_code = true;
            measuring alone, some[PROCESSES];
            run_alike(1, &like, &alone);
            run_alike(PROCESSES, &like, some);
            for (int k = 0; k < PROCESSES; k++) same(PROCESSES, &alone, &some[k]);
        }
}
END_TEST

START_TEST(missing_cells_labels_and_corruption_have_the_same_figures)
{
    measuring like = basic;
    like.cells_missing = true;
    alone_and_together(&like);
    like.variant = "variational";
    alone_and_together(&like);
    like.variant = "semi-supervised";
    like.cells_missing = false;
    alone_and_together(&like);
    like.variant = "basic";
    like.corruptor = "denoising";
    alone_and_together(&like);
}
END_TEST

/* A batch gives so many numbers that a round has few batches. */
START_TEST(a_large_code_has_the_same_figures)
{
    measuring like = basic, alone, some[PROCESSES];
    like.hidden = "8000";
    like.batch = 1;
    like.jacobian_samples = -1;
    run_alike(1, &like, &alone);
    run_alike(PROCESSES, &like, some);
    for (int i = 0; i < PROCESSES; i++) same(PROCESSES, &alone, &some[i]);
}
END_TEST

/* The first processes compute the first batches, in each round: what the others' rows are is nothing to them. */
START_TEST(a_process_uses_its_rows_alone)
{
    measuring like = basic, alone, some[2];
    like.variant = "failing";
    like.batch = 10; /* 8 batches, so 4 for each */
    like.no_baseline = true;
    like.jacobian_samples = -1; /* it has other batches */
    run_alike(1, &like, &alone);
    for (int i = 0; i < 2; i++) {
        some[i] = like;
        some[i].large_from = i ? 0 : 40;
        some[i].large_to = i ? 40 : SAMPLES;
    }
    run(2, some);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(!some[i].err.status, "%s", some[i].err.text);
        same(2, &alone, &some[i]);
    }
}
END_TEST

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

static void all_fail(int n, measuring *some, pal_status status, const char *text)
{
    run(n, some);
    for (int i = 0; i < n; i++) {
        if (some[i].leaves) continue;
        ck_assert_int_eq(some[i].err.status, status);
        ck_assert_msg(strstr(some[i].err.text, text), "process %d: %s", i, some[i].err.text);
    }
    end(some, n);
}

static void alike(measuring *some, const char *variant)
{
    for (int i = 0; i < PROCESSES; i++) some[i] = basic, some[i].variant = variant;
}

START_TEST(a_batch_that_fails_fails_in_all_processes)
{
    measuring some[PROCESSES];
    for (size_t k = 0; k < sizeof processes / sizeof *processes; k++) {
        alike(some, "failing");
        for (int i = 0; i < processes[k]; i++) some[i].large_from = SAMPLES - 1, some[i].large_to = SAMPLES;
        all_fail(processes[k], some, PAL_ERR_NUMERIC, "failing: cholesky");
        ck_assert_ptr_eq(strstr(some[0].err.text, "process "), some[0].err.text);
        ck_assert_str_eq(some[0].err.text, some[processes[k] - 1].err.text);
    }
    alike(some, "failing");
    for (int i = 0; i < 3; i++) some[i].batch = 1; /* two rounds: the last process fails in the second one */
    some[2].large_from = SAMPLES - 1;
    some[2].large_to = SAMPLES;
    all_fail(3, some, PAL_ERR_NUMERIC, "process 2 of 3: failing: cholesky");
    alike(some, "failing");
    for (int i = 0; i < PROCESSES; i++) some[i].large_to = SAMPLES;
    all_fail(2, some, PAL_ERR_NUMERIC, "failing: cholesky");
    ck_assert_ptr_null(strstr(some[0].err.text, "process"));
}
END_TEST

START_TEST(a_process_that_cannot_begin_fails_all)
{
    measuring some[PROCESSES];
    alike(some, "basic");
    some[1].side = SIDE + 1;
    all_fail(3, some, PAL_ERR_SHAPE, "process 1 of 3: a sample of rows has 25 features, but the model takes 16");
    alike(some, "basic");
    for (int i = 0; i < 2; i++) some[i].batch = -1;
    all_fail(2, some, PAL_ERR_ARGUMENT, "a batch of -1 samples");
    ck_assert_ptr_null(strstr(some[0].err.text, "process"));
}
END_TEST

START_TEST(a_process_that_has_ended_fails_the_others)
{
    measuring some[PROCESSES];
    for (size_t k = 0; k < sizeof processes / sizeof *processes; k++) {
        alike(some, "variational");
        some[1].leaves = true;
        all_fail(processes[k], some, PAL_ERR_PEER, "process 1 of ");
    }
}
END_TEST

Suite *shards_evaluate_suite(void)
{
    Suite *suite = suite_create("shards_evaluate");
    TCase *tests = tcase_create("shards_evaluate");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, NULL);
    int variants = 0;
    while (pal_variant_at((size_t)variants)) variants++;
    tcase_add_loop_test(tests, every_variant_has_the_same_figures, 0, variants);
    tcase_add_test(tests, every_number_of_samples_has_the_same_figures);
    tcase_add_test(tests, missing_cells_labels_and_corruption_have_the_same_figures);
    tcase_add_test(tests, a_large_code_has_the_same_figures);
    tcase_add_test(tests, a_process_uses_its_rows_alone);
    tcase_add_test(tests, a_batch_that_fails_fails_in_all_processes);
    tcase_add_test(tests, a_process_that_cannot_begin_fails_all);
    tcase_add_test(tests, a_process_that_has_ended_fails_the_others);
    suite_add_tcase(suite, tests);
    return suite;
}
