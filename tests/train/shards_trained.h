/* shards_trained.h - what the tests of shards share: a training as a row of a table, trained by several processes,
 * which are threads here. */
#ifndef PAL_TESTS_SHARDS_TRAINED_H
#define PAL_TESTS_SHARDS_TRAINED_H

#include <math.h>
#include <string.h>

#include "tests/data/bright_rows.h"
#include "tests/processes.h"
#include "train/train.h"

enum { PROCESSES = 4, SHARDS = 4, BATCH = 16, EPOCHS = 2, SETTINGS = 16, SETTINGS_TEXT = 256 };

typedef struct training { /* what one process does */
    const char *variant, *optimizer, *settings /* "name=value name=value" */, *schedule, *data /* NULL: images */;
    bool other_noise; /* a sample has other noise with other shards */
    pal_optimizer_options own;
    pal_train_options more;
    double learning_rate;
    int64_t shards, batch;
    pal_communicator *communicator;
    pal_dtype dtype;
    pal_context *context;
    pal_model *model;
    pal_train_result result;
    pal_error err;
} training;

static bool is_given(const training *t, const char *name)
{
    char text[32];
    snprintf(text, sizeof text, "%s=", name);
    return t->settings && strstr(t->settings, text);
}

/* The settings of the row, and small sizes of what else the variant has. */
static size_t settings_of(const training *t, char text[SETTINGS_TEXT], pal_setting *out)
{
    static const pal_setting small[] = {
        {"hidden", "6"}, {"classes", "4"}, {"channels", "3,2"}, {"kernel", "3"}, {"k", "3"}};
    size_t n = 0;
    char *rest = NULL;
    snprintf(text, SETTINGS_TEXT, "%s", t->settings ? t->settings : "");
    const pal_variant *v = pal_variant_find(t->variant);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        *value = 0;
        out[n++] = (pal_setting){word, value + 1};
    }
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        if (is_given(t, small[i].name) || !pal_variant_option_find(v, small[i].name)) continue;
        if (i || !is_given(t, "layers")) out[n++] = small[i];
    }
    return n;
}

static pal_model *model_of(training *t, const pal_dataset *data)
{
    char text[SETTINGS_TEXT];
    pal_setting settings[SETTINGS];
    const size_t n = settings_of(t, text, settings);
    return pal_model_new_for(t->context, pal_variant_find(t->variant), settings, n, data->schema, data->sample,
                             t->dtype, 7, &t->err);
}

static void *train(void *user)
{
    training *t = user;
    t->context = context_with(1);
    pal_dataset *data = pal_dataset_open(t->context, t->data ? path_of(t->data) : folder, PAL_SPLIT_TRAIN, &t->err);
    if (data) t->model = model_of(t, data);
    pal_optimizer_options optimizer = t->own;
    optimizer.struct_size = sizeof optimizer;
    optimizer.name = t->optimizer;
    const pal_schedule schedule = {.name = t->schedule ? t->schedule : "cosine",
                                   .learning_rate = t->learning_rate > 0 ? t->learning_rate : 0.02,
                                   .factor = 0.5,
                                   .every = 2,
                                   .patience = 1,
                                   .warmup = 2};
    pal_train_options o = t->more;
    o.struct_size = sizeof o;
    o.test = data;
    o.epochs = EPOCHS;
    o.batch = t->batch ? t->batch : BATCH;
    o.seed = 3;
    o.lanes = 1;
    o.optimizer = &optimizer;
    o.schedule = &schedule;
    o.shards = t->shards;
    o.communicator = t->communicator;
    if (data && t->model) pal_train(t->model, data, &o, &t->result, &t->err);
    pal_communicator_close(t->communicator, t->err.status != PAL_OK);
    pal_dataset_free(data);
    return NULL;
}

static void train_on(int processes, const training *like, training *out)
{
    pal_communicator *c[PROCESSES];
    connect_processes(processes, c);
    for (int i = 0; i < processes; i++) {
        out[i] = *like;
        out[i].communicator = c[i];
    }
    run_processes(processes, train, out, sizeof *out);
    for (int i = 0; i < processes; i++)
        ck_assert_msg(!out[i].err.status, "%s %s: %s", like->variant, like->settings, out[i].err.text);
}

static void end(training *t, int n)
{
    for (int i = 0; i < n; i++) {
        pal_model_free(t[i].model);
        pal_context_free(t[i].context);
    }
}

static size_t tensors_of(const pal_model *m) { return pal_model_parameter_count(m) + pal_model_statistic_count(m); }

static void same_bits(const training *a, const training *b)
{
    ck_assert_mem_eq(&a->result.train_loss, &b->result.train_loss, sizeof(double));
    ck_assert_mem_eq(&a->result.test_loss, &b->result.test_loss, sizeof(double));
    for (size_t i = 0; i < tensors_of(a->model); i++) {
        const char *name;
        const pal_tensor *x = pal_model_parameter(a->model, i, &name), *y = pal_model_parameter(b->model, i, NULL);
        ck_assert_msg(!memcmp(x->data, y->data, pal_tensor_bytes(x)), "%s %s %s: %s", a->variant, a->settings,
                      a->optimizer, name);
    }
}

/* Equal but for rounding. */
static void same_values(const training *a, const training *b)
{
    ck_assert_msg(fabs(a->result.train_loss - b->result.train_loss) < 1e-9, "%s %s: loss %.17g and %.17g", a->variant,
                  a->settings, a->result.train_loss, b->result.train_loss);
    for (size_t i = 0; i < tensors_of(a->model); i++) {
        const char *name;
        const pal_tensor *x = pal_model_parameter(a->model, i, &name), *y = pal_model_parameter(b->model, i, NULL);
        for (size_t k = 0; k < pal_tensor_count(x); k++)
            ck_assert_msg(fabs(pal_tensor_get(x, k) - pal_tensor_get(y, k)) < 1e-9, "%s %s: %s[%zu]: %.17g and %.17g",
                          a->variant, a->settings, name, k, pal_tensor_get(x, k), pal_tensor_get(y, k));
    }
}

/* With float32: one process, and each of these numbers of processes, have the same bits. */
static void alone_and_together(const training *like, const int *processes, int n_numbers)
{
    training alone, some[PROCESSES];
    train_on(1, like, &alone);
    for (int k = 0; k < n_numbers; k++) {
        train_on(processes[k], like, some);
        for (int i = 0; i < processes[k]; i++) same_bits(&alone, &some[i]);
        end(some, processes[k]);
    }
    end(&alone, 1);
}

/* With float64: the steps of several shards are those of the whole batch. */
static void cut_and_whole(const training *like)
{
    training cut = *like, whole = *like, done[2];
    cut.dtype = whole.dtype = PAL_F64;
    whole.shards = 1;
    train_on(1, &cut, &done[0]);
    train_on(1, &whole, &done[1]);
    same_values(&done[1], &done[0]);
    end(done, 2);
}

#endif
