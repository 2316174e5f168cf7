/* test_estimate.c - the estimate of a training's memory is within 10 % of what the training then takes, and a context
 * with a limit takes no more than that. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/testing.h"
#include "train/train.h"

static const char *const cases[][11] = {
    /* variant, batch, samples, then pairs of option and value */
    {"basic", "128", "1000", "hidden", "64", NULL},
    {"basic", "128", "300", "hidden", "4096", NULL},
    {"basic", "1", "300", "hidden", "300", NULL},
    {"linear", "300", "300", "hidden", "20", NULL},
    {"stacked", "64", "500", "layers", "784,1000,500,30", NULL},
    {"stacked", "64", "500", "layers", "784,300", "tied", "no", "pretrain-tied", "yes", NULL},
    {"convolutional", "64", "500", NULL},
    {"variational", "128", "500", "hidden", "20", NULL},
    {"contractive", "32", "300", "hidden", "50", NULL},
    {"denoising", "512", "2000", "hidden", "1000", NULL},
};

static pal_dataset images(pal_context *c, int64_t n)
{
    pal_dataset d = {.inputs = pal_tensor_new(c, PAL_U8, PAL_SHAPE(n, 28, 28)),
                     .sample = PAL_SHAPE(28, 28),
                     .count = n,
                     .features = 784,
                     .scale = 1.0 / 255,
                     .name = "images"};
    ck_assert(d.inputs != NULL);
    for (size_t i = 0; i < pal_tensor_count(d.inputs); i++)
        ((uint8_t *)d.inputs->data)[i] = (uint8_t)(i * 2654435761u >> 24);
    return d;
}

START_TEST(within_ten_percent)
{
    const char *const *row = cases[_i];
    pal_context *c = context_with(2);
    pal_error err = {0};
    pal_setting settings[3];
    size_t n = 0;
    for (const char *const *at = row + 3; *at; at += 2) settings[n++] = (pal_setting){at[0], at[1]};
    const int64_t count = atol(row[2]);
    pal_dataset train = images(c, count), test = images(c, count / 5);
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 1e-5};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = &test,
                                 .epochs = 1,
                                 .batch = atol(row[1]),
                                 .optimizer = &adam,
                                 .schedule = &schedule};
    pal_train_memory m;
    const pal_variant *v = pal_variant_find(row[0]);
    ck_assert_msg(!pal_train_memory_of(v, settings, n, PAL_F32, &train, &o, &m, &err), "%s", err.text);
    ck_assert_int_eq(m.batch, o.batch);
    pal_model *model = pal_model_new(c, v, settings, n, train.sample, PAL_F32, 1, &err);
    ck_assert_msg(model != NULL, "%s", err.text);
    size_t weights = 0, peak;
    for (size_t i = 0; i < pal_model_parameter_count(model); i++) {
        const char *name;
        weights += pal_tensor_bytes(pal_model_parameter(model, i, &name));
    }
    ck_assert_uint_ge(m.weights, weights);
    ck_assert_uint_le(m.weights, weights + weights / 10 + 20000);
    pal_train_result result;
    ck_assert_msg(!pal_train(model, &train, &o, &result, &err), "%s", err.text);
    pal_context_memory(c, &peak);
    peak += (size_t)count * sizeof(uint32_t);
    if (getenv("ESTIMATE_PRINT")) /* the table of docs/measurements.md */
        printf("%-14s batch %4s: estimate %9zu, truth %9zu (%+.1f %%): weights %zu, moments %zu, arena %zu, data %zu, "
               "buffers %zu\n",
               row[0], row[1], m.total, peak, 100 * ((double)m.total / (double)peak - 1), m.weights, m.moments, m.arena,
               m.data, m.buffers);
    ck_assert_msg(m.total > 0.9 * (double)peak && m.total < 1.1 * (double)peak, "%s: estimate %zu, truth %zu", row[0],
                  m.total, peak);
    pal_model_free(model);
    pal_tensor_free(train.inputs);
    pal_tensor_free(test.inputs);
    ck_assert_uint_eq(pal_context_memory(c, NULL) <= 1 << 20, 1);
    pal_context_free(c);
}
END_TEST

START_TEST(nothing_is_taken)
{
    pal_context *c = context_with(1);
    pal_error err = {0};
    pal_dataset d = images(c, 64);
    pal_train_memory m;
    size_t before = pal_context_memory(c, NULL), peak;
    const pal_setting wide = {"hidden", "1000000"};
    const pal_train_options o = {.struct_size = sizeof o, .batch = 64};
    ck_assert_msg(!pal_train_memory_of(pal_variant_find("basic"), &wide, 1, PAL_F32, &d, &o, &m, &err), "%s", err.text);
    ck_assert_uint_gt(m.total, (size_t)3500000000);
    ck_assert_uint_eq(pal_context_memory(c, &peak), before);
    pal_tensor_free(d.inputs);
    pal_context_free(c);
}
END_TEST

/* The other process is never asked: it calls nothing. */
START_TEST(one_of_two_processes_holds_less_than_one_alone)
{
    pal_context *c = context_with(1);
    pal_error err = {0};
    pal_dataset d = images(c, 64);
    pal_communicator *pair[2];
    pal_train_memory alone, one;
    pal_train_options o = {.struct_size = sizeof o, .batch = 32, .shards = 2};
    const pal_variant *v = pal_variant_find("basic");
    ck_assert(!pal_communicator_threads(2, pair, &err));
    ck_assert_msg(!pal_train_memory_of(v, NULL, 0, PAL_F32, &d, &o, &alone, &err), "%s", err.text);
    o.communicator = pair[0];
    ck_assert_msg(!pal_train_memory_of(v, NULL, 0, PAL_F32, &d, &o, &one, &err), "%s", err.text);
    ck_assert_uint_eq(one.weights, alone.weights);
    ck_assert_uint_gt(one.arena, 0);
    ck_assert_uint_lt(one.arena, alone.arena);
    for (int i = 0; i < 2; i++) pal_communicator_close(pair[i], true);
    pal_tensor_free(d.inputs);
    pal_context_free(c);
}
END_TEST

START_TEST(limit_holds)
{
    pal_context *c = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .max_memory = 1 << 20});
    ck_assert(c != NULL);
    pal_tensor *half = pal_tensor_new(c, PAL_U8, PAL_SHAPE(1 << 19)),
               *more = pal_tensor_new(c, PAL_U8, PAL_SHAPE(1 << 20));
    ck_assert(half != NULL && more == NULL);
    size_t peak;
    ck_assert_uint_le(pal_context_memory(c, &peak), 1 << 20);
    ck_assert_uint_le(peak, 1 << 20);
    pal_tensor_free(half);
    half = pal_tensor_new(c, PAL_U8, PAL_SHAPE((1 << 20) - 8192)); /* what was freed can be had again */
    ck_assert(half != NULL);
    pal_tensor_free(half);
    pal_context_free(c);
}
END_TEST

Suite *estimate_suite(void)
{
    Suite *s = suite_create("estimate");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, within_ten_percent, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, nothing_is_taken);
    tcase_add_test(t, one_of_two_processes_holds_less_than_one_alone);
    tcase_add_test(t, limit_holds);
    suite_add_tcase(s, t);
    return s;
}
