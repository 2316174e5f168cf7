/* test_shards.c - a batch that is cut into shards: the same bits on any number of processes, which are threads here. */
#include <math.h>

#include "tests/train/shards.h"

Suite *shards_suite(void);

enum { BATCH = 16, EPOCHS = 3, SETTINGS = 4 };

typedef struct training { /* what one process does */
    const char *variant, *optimizer;
    pal_setting settings[SETTINGS];
    size_t n_settings;
    int64_t shards;
    pal_communicator *communicator;
    const char *data; /* a file */
    pal_dtype dtype;
    pal_context *context;
    pal_model *model;
    pal_train_result result;
    pal_error err;
} training;

static void *train(void *user)
{
    training *t = user;
    t->context = context_with(1);
    const pal_variant *v = pal_variant_find(t->variant);
    pal_setting settings[SETTINGS];
    size_t n = 0;
    for (size_t i = 0; i < t->n_settings; i++)
        if (pal_variant_option_find(v, t->settings[i].name)) settings[n++] = t->settings[i];
    pal_dataset *data = pal_dataset_open(t->context, t->data, PAL_SPLIT_TRAIN, &t->err);
    t->model = pal_model_new(t->context, v, settings, n, PAL_SHAPE(FEATURES), t->dtype, 7, &t->err);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = t->optimizer, .clip_norm = 0.5};
    const pal_schedule schedule = {.name = "cosine", .learning_rate = 0.02};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = data,
                                 .epochs = EPOCHS,
                                 .batch = BATCH,
                                 .seed = 3,
                                 .lanes = 1,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule,
                                 .shards = t->shards,
                                 .communicator = t->communicator};
    if (data && t->model) pal_train(t->model, data, &o, &t->result, &t->err);
    pal_communicator_close(t->communicator, t->err.status != PAL_OK);
    pal_dataset_free(data);
    return NULL;
}

static void train_on(int processes, const training *like, training *out)
{
    pal_communicator *c[PROCESSES];
    pal_dataset_free(data_of(SAMPLES, "data"));
    connect(processes, c);
    for (int i = 0; i < processes; i++) {
        out[i] = *like;
        out[i].communicator = c[i];
        out[i].data = path_of("data.npy");
    }
    in_threads(processes, train, out, sizeof *out);
    for (int i = 0; i < processes; i++) ck_assert_msg(!out[i].err.status, "%s: %s", like->variant, out[i].err.text);
}

static void end(training *t, int n)
{
    for (int i = 0; i < n; i++) {
        pal_model_free(t[i].model);
        pal_context_free(t[i].context);
    }
}

static void same_bits(const training *a, const training *b)
{
    ck_assert_mem_eq(&a->result.train_loss, &b->result.train_loss, sizeof(double));
    ck_assert_mem_eq(&a->result.test_loss, &b->result.test_loss, sizeof(double));
    for (size_t i = 0; i < pal_model_parameter_count(a->model); i++) {
        const char *name;
        const pal_tensor *x = pal_model_parameter(a->model, i, &name), *y = pal_model_parameter(b->model, i, NULL);
        ck_assert_msg(!memcmp(x->data, y->data, pal_tensor_bytes(x)), "%s %s: %s", a->variant, a->optimizer, name);
    }
}

static void alone_and_together(const training *like)
{
    static const int processes[] = {2, 3, 4};
    training alone, some[PROCESSES];
    train_on(1, like, &alone);
    for (size_t k = 0; k < sizeof processes / sizeof *processes; k++) {
        const int n = processes[k];
        train_on(n, like, some);
        for (int i = 0; i < n; i++) same_bits(&alone, &some[i]);
        end(some, n);
    }
    end(&alone, 1);
}

static const training basic = {.variant = "basic", .optimizer = "adam", .shards = SHARDS, .dtype = PAL_F32};

START_TEST(every_variant_gives_the_same_bits)
{
    const pal_variant *v = pal_variant_at((size_t)_i);
    training like = basic;
    like.variant = v->name;
    if (pal_variant_option_find(v, "classes")) return; /* TODO: labels */
    alone_and_together(&like);
}
END_TEST

START_TEST(every_optimizer_gives_the_same_bits)
{
    training like = basic;
    like.optimizer = pal_optimizer_name((size_t)_i);
    alone_and_together(&like);
}
END_TEST

/* The steps are those of the whole batch, but for rounding. */
START_TEST(shards_compute_the_whole_batch)
{
    training like = basic, whole, cut;
    like.dtype = PAL_F64;
    train_on(1, &like, &cut);
    like.shards = 1;
    train_on(1, &like, &whole);
    ck_assert_double_eq_tol(whole.result.train_loss, cut.result.train_loss, 1e-9);
    for (size_t i = 0; i < pal_model_parameter_count(whole.model); i++) {
        const pal_tensor *x = pal_model_parameter(whole.model, i, NULL), *y = pal_model_parameter(cut.model, i, NULL);
        for (size_t k = 0; k < pal_tensor_count(x); k++)
            ck_assert_double_eq_tol(pal_tensor_get(x, k), pal_tensor_get(y, k), 1e-9);
    }
    end(&whole, 1);
    end(&cut, 1);
}
END_TEST

Suite *shards_suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *tests = in_own_folder(tcase_create("shards"));
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    int variants = 0;
    while (pal_variant_at((size_t)variants)) variants++;
    tcase_add_loop_test(tests, every_variant_gives_the_same_bits, 0, variants);
    tcase_add_loop_test(tests, every_optimizer_gives_the_same_bits, 0, (int)pal_optimizer_kinds());
    tcase_add_test(tests, shards_compute_the_whole_batch);
    suite_add_tcase(suite, tests);
    return suite;
}
