/* stops.h - what the tests of training that ends early share: a run with few samples, which overfits, so that its
 * measured loss rises again. */
#ifndef PAL_TESTS_STOPS_H
#define PAL_TESTS_STOPS_H

#include <math.h>
#include <stdlib.h>

#include "tests/train/runs.h"

typedef struct stops {
    const char *folder; /* NULL: none */
    const char *variant, *optimizer, *average, *schedule;
    int64_t epochs, every, patience, accumulate;
    double least, seconds; /* min_improvement; time_limit */
    bool keep, resume;
    int64_t stop_epoch; /* the caller stops after this one; 0: never */
    const char *copy;   /* copy the folder to this name then, instead */
} stops;

static inline int stop_after(const pal_progress *p, void *user)
{
    const stops *s = user;
    if (!p->finished || p->epoch != s->stop_epoch) return 0;
    if (s->copy) copy_run(s->folder, s->copy);
    return !s->copy;
}

/* Trains as s says. The caller frees the model, if it asks for it. */
static inline pal_status train_of(const stops *s, pal_train_result *result, pal_model **out, pal_error *err)
{
    pal_dataset *data = data_of(SAMPLES, "data"), *test = data_of(30, "test");
    const pal_variant *variant = pal_variant_find(s->variant ? s->variant : "basic");
    const pal_optimizer_options optimizer = {
        .struct_size = sizeof optimizer, .name = s->optimizer ? s->optimizer : "adam", .average = s->average};
    const pal_schedule schedule = {
        .name = s->schedule ? s->schedule : "constant", .learning_rate = 0.1, .factor = 0.5, .patience = 1};
    const pal_setting settings[] = {{"hidden", "3"}, {"layers", "6,3"}};
    const bool stacked = s->variant && !strcmp(s->variant, "stacked");
    const pal_run_info info = {.version = "1",
                               .command = "c",
                               .model = variant->name,
                               .data = "d",
                               .epochs = s->epochs,
                               .isa = pal_context_isa(context),
                               .blas = pal_context_blas(context),
                               .subnormals = "flushed",
                               .patience = s->patience,
                               .time_limit = s->seconds};
    pal_rundir *dir = NULL;
    if (s->folder)
        dir = s->resume ? pal_rundir_extend(path_of(s->folder), err) : pal_rundir_new(path_of(s->folder), &info, err);
    ck_assert_msg(!s->folder || dir, "%s", err->text);
    pal_model *model =
        pal_model_new(context, variant, settings, 1 + stacked, PAL_SHAPE(FEATURES), PAL_F32, s->resume ? 99 : 7, err);
    ck_assert_msg(model != NULL, "%s", err->text);
    stops user = *s;
    pal_train_options o = {.struct_size = sizeof o,
                           .test = test,
                           .epochs = s->epochs,
                           .batch = 4,
                           .accumulate = s->accumulate,
                           .seed = 3,
                           .lanes = 2,
                           .optimizer = &optimizer,
                           .schedule = &schedule,
                           .folder = dir,
                           .progress = stop_after,
                           .user = &user,
                           .resume = s->resume,
                           .test_every = s->every,
                           .patience = s->patience,
                           .min_improvement = s->least,
                           .keep_best = s->keep,
                           .time_limit = s->seconds};
    const pal_status status = pal_train(model, data, &o, result, err);
    pal_rundir_free(dir);
    if (out) *out = model;
    if (!out) pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return status;
}

static inline pal_train_result trained(const stops *s)
{
    pal_error err = {0};
    pal_train_result result;
    ck_assert_msg(!train_of(s, &result, NULL, &err), "%s", err.text);
    return result;
}

#endif
