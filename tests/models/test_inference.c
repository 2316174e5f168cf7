/* test_inference.c - tests a trained model on plain buffers: the bits of the recorded program, threads, row counts,
 * memory, and errors. */
#include <pthread.h>

#include "tests/models/small_models.h"

Suite *inference_suite(void);

enum { FEATURES = 6, CODE = 4, BATCH = 4, MOST = 3 * BATCH };

static float x[MOST * FEATURES];

static void inputs(void)
{
    set_up();
    pal_tensor *t = random_tensor(c, PAL_F32, PAL_SHAPE(MOST, FEATURES), 0, 1, "x");
    memcpy(x, t->data, sizeof x);
    pal_tensor_free(t);
}

static pal_workspace *workspace_of(const pal_model *m, int64_t batch)
{
    pal_error err = {0};
    pal_workspace *w = pal_workspace_new(
        m, &(pal_workspace_options){.struct_size = sizeof(pal_workspace_options), .batch = batch}, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    return w;
}

/* The result of a program over n rows, converted to floats. */
static void by_program(pal_model *m, pal_var (*record)(pal_model *, pal_var), const float *in, int64_t n, int64_t from,
                       float *out, size_t to)
{
    pal_dtype dtype = pal_model_dtype(m);
    pal_tape *tape = pal_tape_new(c, dtype);
    pal_tensor *t = pal_tensor_new(c, dtype, PAL_SHAPE(n, from));
    for (size_t i = 0; i < pal_tensor_count(t); i++) pal_tensor_set(t, i, (double)in[i]);
    pal_model_begin(m, tape, PAL_EVALUATE);
    pal_var y = record(m, pal_leaf(tape, t, "x"));
    pal_model_end(m);
    pal_program *program = pal_compile(tape, &y, 1, NULL);
    ck_assert_tape_ok(tape);
    ck_assert_int_eq(pal_run(program), PAL_OK);
    ck_assert_uint_eq(pal_tensor_count(pal_output(program, 0)), (size_t)n * to);
    for (size_t i = 0; i < (size_t)n * to; i++) out[i] = (float)pal_tensor_get(pal_output(program, 0), i);
    pal_program_free(program);
    pal_tensor_free(t);
    pal_tape_free(tape);
}

/* The same in batches of BATCH rows and a remainder, each with a program of its own. */
static void by_batches(pal_model *m, pal_var (*record)(pal_model *, pal_var), const float *in, size_t n, size_t from,
                       float *out, size_t to)
{
    for (size_t done = 0; done < n; done += BATCH) {
        const size_t rows = n - done < BATCH ? n - done : BATCH;
        by_program(m, record, in + done * from, (int64_t)rows, (int64_t)from, out + done * to, to);
    }
}

static void check_bits(const char *name, pal_dtype dtype)
{
    static const size_t counts[] = {0, 1, BATCH, BATCH + 1, MOST, 3};
    pal_model *m = make_named(name, dtype);
    pal_workspace *w = workspace_of(m, BATCH);
    ck_assert_int_eq(pal_workspace_code(w), CODE);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const size_t n = counts[i];
        float h[MOST * CODE + 1], y[MOST * FEATURES + 1], r[MOST * FEATURES + 1], want[MOST * FEATURES];
        h[n * CODE] = y[n * FEATURES] = r[n * FEATURES] = 77; /* a guard: nothing may be written beyond the last row */
        ck_assert_int_eq(pal_encode(m, w, x, n, h), PAL_OK);
        ck_assert_int_eq(pal_decode(m, w, h, n, y), PAL_OK);
        ck_assert_int_eq(pal_reconstruct(m, w, x, n, r), PAL_OK);
        ck_assert_ptr_null(pal_workspace_error(w));
        ck_assert(h[n * CODE] == 77 && y[n * FEATURES] == 77 && r[n * FEATURES] == 77);
        by_batches(m, pal_model_encode, x, n, FEATURES, want, CODE);
        ck_assert_mem_eq(h, want, n * CODE * sizeof *h);
        by_batches(m, pal_model_decode, h, n, CODE, want, FEATURES);
        ck_assert_mem_eq(y, want, n * FEATURES * sizeof *y);
        by_batches(m, pal_model_reconstruct, x, n, FEATURES, want, FEATURES);
        ck_assert_mem_eq(r, want, n * FEATURES * sizeof *r);
        /* In float32, the code is not rounded between the two calls. */
        if (dtype == PAL_F32) ck_assert_mem_eq(y, r, n * FEATURES * sizeof *y);
    }
    pal_workspace_free(w);
    pal_model_free(m);
}

/* For every variant, both float types and any number of rows, the calls give the bits of a program that records the
 * same. */
START_TEST(it_gives_the_bits_of_the_program)
{
    for (size_t i = 0; pal_variant_at(i); i++) {
        check_bits(pal_variant_at(i)->name, PAL_F32);
        check_bits(pal_variant_at(i)->name, PAL_F64);
    }
}
END_TEST

typedef pal_status call(const pal_model *model, pal_workspace *workspace, const float *in, size_t n, float *out);
static const struct {
    call *call;
    int from, to; /* numbers in a row */
} calls[] = {{pal_encode, FEATURES, CODE}, {pal_decode, CODE, FEATURES}, {pal_reconstruct, FEATURES, FEATURES}};

/* In and out may overlap, whichever has the longer rows: the result is that of two buffers, or the call is refused. */
START_TEST(in_and_out_may_overlap)
{
    const size_t kind = (size_t)_i, from = (size_t)calls[kind].from, to = (size_t)calls[kind].to;
    pal_model *m = make_named("basic", PAL_F32);
    pal_workspace *w = workspace_of(m, BATCH);
    for (size_t n = 1; n <= MOST; n++)
        for (size_t in = 0; in < 40; in += 3)
            for (size_t out = 0; out < 40; out += 3) {
                float y[MOST * FEATURES], own[MOST * FEATURES + 40];
                memcpy(own + in, x, n * from * sizeof *own);
                ck_assert_int_eq(calls[kind].call(m, w, x, n, y), PAL_OK);
                const pal_status status = calls[kind].call(m, w, own + in, n, own + out);
                const bool apart = out + n * to <= in || in + n * from <= out;
                if (apart || n <= BATCH || in == out || (in < out && to >= from) || (in > out && to <= from)) {
                    ck_assert_int_eq(status, PAL_OK);
                    ck_assert_mem_eq(own + out, y, n * to * sizeof *y);
                } else {
                    ck_assert_int_eq(status, PAL_ERR_ARGUMENT);
                    ck_assert_ptr_nonnull(strstr(pal_workspace_error(w), "use two buffers"));
                }
            }
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

/* The input and the output of pal_reconstruct may be the same buffer. */
/* Rows are read where they lie, unless they are not aligned. A workspace takes both. */
START_TEST(rows_need_not_be_aligned)
{
    const size_t kind = (size_t)_i, from = (size_t)calls[kind].from, to = (size_t)calls[kind].to, n = BATCH + 1;
    pal_model *m = make_named("basic", PAL_F32);
    pal_workspace *w = workspace_of(m, BATCH);
    float y[MOST * FEATURES], crooked[MOST * FEATURES];
    char *bytes = calloc(1, n * from * sizeof *y + 1);
    memcpy(bytes + 1, x, n * from * sizeof *y);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(calls[kind].call(m, w, x, n, y), PAL_OK);
        ck_assert_int_eq(calls[kind].call(m, w, (const float *)(const void *)(bytes + 1), n, crooked), PAL_OK);
        ck_assert_mem_eq(crooked, y, n * to * sizeof *y);
        memset(crooked, 0, sizeof crooked);
    }
    free(bytes);
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

START_TEST(in_may_be_out)
{
    pal_model *m = make_named("basic", PAL_F32);
    pal_workspace *w = workspace_of(m, BATCH);
    float y[MOST * FEATURES], own[MOST * FEATURES];
    memcpy(own, x, sizeof own);
    ck_assert_int_eq(pal_reconstruct(m, w, x, MOST, y), PAL_OK);
    ck_assert_int_eq(pal_reconstruct(m, w, own, MOST, own), PAL_OK);
    ck_assert_mem_eq(own, y, sizeof y);
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------------------------- */

typedef struct server {
    const pal_model *model;
    float out[MOST * FEATURES];
    int failed;
} server;

static void *serve(void *argument)
{
    server *s = argument;
    for (int round = 0; round < 20; round++) {
        pal_workspace *w = pal_workspace_new(s->model, NULL, NULL);
        float h[MOST * CODE], y[MOST * FEATURES];
        s->failed += !w || pal_encode(s->model, w, x, MOST, h) || pal_decode(s->model, w, h, MOST, y);
        for (int i = 0; i < 50; i++) s->failed += !w || pal_reconstruct(s->model, w, x, MOST, s->out);
        s->failed += memcmp(y, s->out, sizeof y) != 0;
        pal_workspace_free(w);
    }
    return NULL;
}

/* Two threads with a workspace each may use one model at the same time. */
START_TEST(two_threads_share_a_model)
{
    pal_model *m = make_named("basic", PAL_F32);
    float want[MOST * FEATURES];
    by_program(m, pal_model_reconstruct, x, MOST, FEATURES, want, FEATURES);
    server servers[2] = {{.model = m}, {.model = m}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &servers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(servers[i].failed, 0);
        ck_assert_mem_eq(servers[i].out, want, sizeof want);
    }
    pal_model_free(m);
}
END_TEST

/* ---- Memory and errors ---------------------------------------------------------------------------------------- */

/* After the first call, further calls allocate nothing, whatever the number of rows. Freeing the workspace frees all
 * memory. */
START_TEST(calls_allocate_nothing_after_the_first)
{
    meter memory = {.left = 1000000};
    pal_context_options own = {
        .struct_size = sizeof own, .threads = 1, .allocate = meter_allocate, .release = meter_release, .user = &memory};
    pal_model *m = make_named("basic", PAL_F32);
    pal_workspace *w = pal_workspace_new(
        m, &(pal_workspace_options){.struct_size = sizeof(pal_workspace_options), .batch = BATCH, .context = &own},
        NULL);
    ck_assert_ptr_nonnull(w);
    float h[MOST * CODE];
    ck_assert_int_eq(pal_encode(m, w, x, BATCH + 1, h), PAL_OK);
    const long left = memory.left;
    for (int i = 0; i < 10; i++) ck_assert_int_eq(pal_encode(m, w, x, i % 2 ? 1 : 2 * BATCH + 1, h), PAL_OK);
    ck_assert_int_eq(memory.left, left);
    pal_workspace_free(w);
    ck_assert_int_eq(memory.held, 0);
    pal_model_free(m);
}
END_TEST

/* Lets the allocator fail at its first call, its second, and so on. Each failure is reported, leaks nothing, and leaves
 * a workspace that can be used again. */
START_TEST(no_memory_is_told)
{
    pal_model *m = make_named("denoising", PAL_F32);
    bool whole = false;
    for (long n = 0; !whole; n++) {
        meter memory = {.left = n};
        pal_context_options own = {.struct_size = sizeof own,
                                   .threads = 1,
                                   .allocate = meter_allocate,
                                   .release = meter_release,
                                   .user = &memory};
        pal_error err = {0};
        pal_workspace_options o = {.struct_size = sizeof o, .batch = BATCH, .context = &own};
        pal_workspace *w = pal_workspace_new(m, &o, &err);
        float y[MOST * FEATURES];
        if (w && pal_reconstruct(m, w, x, MOST, y)) {
            ck_assert_ptr_nonnull(pal_workspace_error(w));
            memory.left = 1000000; /* with memory, the next call succeeds */
            ck_assert_int_eq(pal_reconstruct(m, w, x, MOST, y), PAL_OK);
            ck_assert_ptr_null(pal_workspace_error(w));
        } else if (!w) {
            ck_assert_int_eq(err.status, PAL_ERR_MEMORY);
        } else {
            whole = true;
        }
        pal_workspace_free(w);
        ck_assert_int_eq(memory.held, 0);
    }
    pal_model_free(m);
}
END_TEST

START_TEST(wrong_use_is_told)
{
    pal_model *m = make_named("basic", PAL_F32), *other = make_named("basic", PAL_F32);
    pal_workspace *w = workspace_of(m, 0);
    float h[CODE];
    pal_error err = {0};
    ck_assert_int_eq(pal_encode(other, w, x, 1, h), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pal_workspace_error(w), "encode: the workspace belongs to another model"));
    ck_assert_int_eq(pal_decode(m, w, NULL, 1, h), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(pal_workspace_error(w), "decode: a buffer is missing"));
    ck_assert_int_eq(pal_reconstruct(m, w, NULL, 0, NULL), PAL_OK);
    ck_assert_int_eq(pal_encode(m, NULL, x, 1, h), PAL_ERR_ARGUMENT);
    ck_assert_ptr_null(pal_workspace_new(NULL, NULL, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    pal_workspace_options o = {.struct_size = sizeof o, .batch = -1};
    ck_assert_ptr_null(pal_workspace_new(m, &o, NULL));
    ck_assert_ptr_null(pal_workspace_error(NULL));
    pal_workspace_free(NULL);
    pal_workspace_free(w);
    pal_model_free(m);
    pal_model_free(other);
}
END_TEST

Suite *inference_suite(void)
{
    Suite *s = suite_create("inference");
    add_case(s, "bits", inputs, tear_down, TESTS(it_gives_the_bits_of_the_program, in_may_be_out));
    TCase *overlaps = tcase_create("overlaps");
    tcase_add_checked_fixture(overlaps, inputs, tear_down);
    tcase_add_loop_test(overlaps, in_and_out_may_overlap, 0, sizeof calls / sizeof *calls);
    tcase_add_loop_test(overlaps, rows_need_not_be_aligned, 0, sizeof calls / sizeof *calls);
    suite_add_tcase(s, overlaps);
    add_case(s, "threads", inputs, tear_down, TESTS(two_threads_share_a_model));
    add_case(s, "memory", inputs, tear_down,
             TESTS(calls_allocate_nothing_after_the_first, no_memory_is_told, wrong_use_is_told));
    return s;
}
