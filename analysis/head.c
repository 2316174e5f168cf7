/* head.c - measures a model that classifies: its answers on a data set, counted by label and answer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"

enum { BATCH = 256 };

typedef struct counting {
    const uint8_t *labels;
    int64_t classes, units, done, wrong;
    int64_t *confusion; /* or NULL */
} counting;

bool pal_has_head(const pal_model *model) { return pal_model_variant(model)->classify && pal_model_classes(model) > 0; }

static pal_status check(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    const int64_t classes = pal_model_classes(model);
    const char *variant = pal_model_variant(model)->name;
    if (!pal_has_head(model))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%s does not classify: classify its codes or its inputs, or choose a run of "
                             "semi-supervised or of stacked with fine-tuning",
                             variant);
    if (!data->labels)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s has no labels: name them by --label, or give other data",
                             data->name);
    if (data->classes > classes)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%s has %d classes, but this %s has %lld: give --data with %lld classes or fewer",
                             data->name, data->classes, variant, (long long)classes, (long long)classes);
    return pal_data_check(model, data, err);
}

static size_t record(pal_model *model, const palt__inputs *in, pal_var *outputs, void *user)
{
    counting *c = user;
    pal_model_begin(model, in->tape, PAL_EVALUATE);
    outputs[0] = pal_model_classify(model, in->x);
    pal_var code = pal_model_encode(model, in->x);
    pal_model_end(model);
    if (pal_tape_status(in->tape)) return 0;
    c->units = pal_shape_count(pal_shape_of(code)) / pal_shape_of(in->x).dim[0];
    const pal_shape s = pal_shape_of(outputs[0]);
    if (s.rank == 2 && s.dim[1] == c->classes) return 1;
    pal_tape_fail(in->tape, PAL_ERR_SHAPE, "%s: the scores do not have %lld classes", pal_model_variant(model)->name,
                  (long long)c->classes);
    return 0;
}

/* The answer is the class with the highest score; the first of equal ones. */
static void count(const palt__stage *stage, void *user)
{
    counting *c = user;
    const pal_tensor *scores = pal_output(stage->program, 0);
    for (int64_t i = 0; i < stage->rows; i++) {
        const uint8_t label = c->labels[c->done++];
        int64_t best = 0;
        for (int64_t k = 1; k < c->classes; k++)
            if (pal_tensor_get(scores, (size_t)(i * c->classes + k)) >
                pal_tensor_get(scores, (size_t)(i * c->classes + best)))
                best = k;
        c->wrong += best != label;
        if (c->confusion) c->confusion[label * c->classes + best]++;
    }
}

pal_status pal_classify_head(pal_model *model, const pal_dataset *data, const pal_classify_options *given,
                             pal_classification *result, pal_error *err)
{
    const double started = palt__seconds();
    pal_classify_options o = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "classify", err)) return PAL_ERR_ARGUMENT;
    pal_status status = check(model, data, err);
    if (status) return status;
    counting c = {.labels = data->labels->data, .classes = pal_model_classes(model), .confusion = o.confusion};
    if (c.confusion) memset(c.confusion, 0, (size_t)(c.classes * c.classes) * sizeof *c.confusion);
    pal_error own = {0};
    palt__pass *pass =
        palt__pass_new(model, data, data->count,
                       &(palt__stage_options){.rows = BATCH, .lanes = o.lanes, .record = record, .user = &c}, &own);
    if (pass) palt__pass_run(pass, 0, count, &c, &own);
    palt__pass_free(pass);
    if (own.status) return pal_error_set(err, own.status, "%s", own.text);
    *result = (pal_classification){.features = c.units,
                                   .test_samples = data->count,
                                   .classes = (int)c.classes,
                                   .error = (double)c.wrong / (double)data->count,
                                   .train_error = NAN,
                                   .held_out_error = NAN,
                                   .strength = NAN,
                                   .gradient = NAN,
                                   .seconds = palt__seconds() - started};
    return PAL_OK;
}
