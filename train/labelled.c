/* labelled.c - selects the labelled training samples, and makes the stream of labelled samples.
 *
 * A step may take this stream in addition to the stream of all samples. The samples are a stratified draw, determined
 * by the seed. If there are enough for a batch, the stream repeatedly goes through them in a new order, in whole
 * batches only. With fewer, it draws with replacement. Both depend only on the seed and the step, so a resumed run
 * continues with the same samples. */
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

struct palt__labelled {
    int64_t n, batch;
    uint64_t seed;
    uint32_t *rows;  /* [n], indices into the data */
    uint32_t *order; /* [n], the order of pass `pass` */
    uint32_t *words; /* [batch] */
    int64_t pass;    /* -1: no pass yet */
};

static int64_t wanted(const pal_model *model, const pal_dataset *data)
{
    const char *text = pal_model_setting(model, "labels");
    const int64_t n = text ? strtoll(text, NULL, 10) : 0;
    return n ? n : data->count;
}

pal_status palt__labels_check(const pal_model *model, const pal_dataset *data, pal_error *err)
{
    const int64_t classes = pal_model_classes(model), n = wanted(model, data);
    const char *variant = pal_model_variant(model)->name;
    if (!classes) return PAL_OK;
    if (!data->labels)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "%s has no labels, but %s needs them: name them by --label, or give other data",
                             data->name, variant);
    if (data->classes > classes)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s has %d classes, but the model has %lld: give --classes %d",
                             data->name, data->classes, (long long)classes, data->classes);
    if (n > data->count)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "--labels %lld: %s has only %lld training samples: give as many or less", (long long)n,
                             data->name, (long long)data->count);
    if (n < data->classes)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "--labels %lld: give at least %d, one per class", (long long)n,
                             data->classes);
    return PAL_OK;
}

palt__labelled *palt__labelled_new(const pal_model *model, const pal_dataset *data, int64_t batch, uint64_t seed,
                                   pal_error *err)
{
    if (palt__labels_check(model, data, err)) return NULL;
    palt__labelled *l = calloc(1, sizeof *l);
    uint8_t *fold = NULL;
    pal_status status = PAL_ERR_MEMORY;
    if (l) {
        *l = (palt__labelled){.n = wanted(model, data), .batch = batch, .seed = seed, .pass = -1};
        l->rows = malloc((size_t)l->n * sizeof *l->rows);
        l->order = malloc((size_t)l->n * sizeof *l->order);
        l->words = malloc((size_t)batch * sizeof *l->words);
        fold = malloc((size_t)l->n);
        if (l->rows && l->order && l->words && fold)
            status = pal_stratify(data, l->n, seed, 0, 1, l->rows, fold, err);
        else
            pal_error_set(err, status, "out of memory");
    } else {
        pal_error_set(err, status, "out of memory");
    }
    free(fold);
    if (!status) return l;
    palt__labelled_free(l);
    return NULL;
}

void palt__labelled_free(palt__labelled *l)
{
    if (!l) return;
    free(l->rows);
    free(l->order);
    free(l->words);
    free(l);
}

const uint32_t *palt__labelled_all(const palt__labelled *l, int64_t *n)
{
    *n = l->n;
    return l->rows;
}

pal_status palt__labelled_rows(palt__labelled *l, int64_t step, uint32_t *out, pal_error *err)
{
    if (l->n < l->batch) {
        pal_noise_words((pal_noise){.seed = l->seed, .clock = (uint64_t)step}, "labelled", 0, (size_t)l->batch,
                        l->words);
        for (int64_t i = 0; i < l->batch; i++) out[i] = l->rows[((uint64_t)l->words[i] * (uint64_t)l->n) >> 32];
        return PAL_OK;
    }
    const int64_t batches = l->n / l->batch, pass = (step - 1) / batches, at = (step - 1) % batches * l->batch;
    pal_status status = PAL_OK;
    if (pass != l->pass) status = pal_epoch_order(l->seed, "labelled", (uint64_t)pass, l->order, (size_t)l->n);
    if (status) return pal_error_set(err, status, "cannot compute the order of the labelled samples");
    l->pass = pass;
    for (int64_t i = 0; i < l->batch; i++) out[i] = l->rows[l->order[at + i]];
    return PAL_OK;
}
