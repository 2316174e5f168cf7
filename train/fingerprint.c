/* fingerprint.c - whether data are those that a run was trained on.
 *
 * A run records a hash of each part of its data as they are in memory: every byte of the samples and of the labels,
 * with their type and shape. So the same data may be in another place, in another format or compressed. The hash runs
 * at the speed of memory, far faster than reading a file, so nothing is left out of it. Of a file that is mapped
 * because it is large, only some samples at equal distances are hashed: reading all of it would take minutes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

static const char method[] = "xxh3:"; /* a hash that begins otherwise is of another version, and is not compared */

/* The hash of the first `count` samples; "" without a tensor. */
static void hash(const pal_tensor *t, int64_t count, char out[PAL_HASH_TEXT])
{
    *out = 0;
    if (!t) return;
    int64_t kind[PAL_MAX_RANK + 2] = {t->dtype, count};
    for (int axis = 1; axis < t->shape.rank; axis++) kind[axis + 1] = t->shape.dim[axis];
    const size_t bytes = pal_tensor_bytes(t) / (size_t)t->shape.dim[0] * (size_t)count;
    const uint64_t value = pal_hash(pal_hash(0, kind, (size_t)(t->shape.rank + 1) * sizeof *kind), t->data, bytes);
    snprintf(out, PAL_HASH_TEXT, "%s%016" PRIx64, method, value);
}

enum { SAMPLES_MOST = 16384 };

/* Those of a mapped file, as the model sees them, some at a time. */
static void hash_some(const pal_dataset *data, int64_t count, char out[PAL_HASH_TEXT])
{
    enum { PART = 64 };
    const int64_t n = count < SAMPLES_MOST ? count : SAMPLES_MOST, kind[] = {PAL_F32, n, data->features};
    uint64_t value = pal_hash(0, kind, sizeof kind);
    uint32_t *rows = malloc((size_t)n * sizeof *rows);
    bool good = rows != NULL; /* without memory there is no hash, and nothing is compared */
    for (int64_t i = 0; rows && i < n; i++) rows[i] = (uint32_t)((double)i * ((double)count / (double)n));
    if (rows) pal_dataset_want(data, rows, (size_t)n);
    for (int64_t i = 0; good && i < n; i += PART) {
        const int64_t some = n - i < PART ? n - i : PART;
        pal_tensor *x = pal_tensor_new(data->inputs->context, PAL_F32, PAL_SHAPE(some, data->features));
        good = x && !pal_dataset_batch(data, rows + i, (size_t)some, x);
        if (good) value = pal_hash(value, x->data, pal_tensor_bytes(x));
        pal_tensor_free(x);
    }
    free(rows);
    *out = 0;
    if (good) snprintf(out, PAL_HASH_TEXT, "%s%016" PRIx64, method, value);
}

static void hash_split(const pal_dataset *data, int64_t count, char samples[PAL_HASH_TEXT], char labels[PAL_HASH_TEXT])
{
    if (data && data->store)
        hash_some(data, count, samples);
    else
        hash(data ? data->inputs : NULL, count, samples);
    hash(data ? data->labels : NULL, count, labels);
}

void pal_fingerprint_of(const pal_dataset *train, const pal_dataset *test, pal_fingerprint *out)
{
    hash_split(train, train ? train->count : 0, out->text[0], out->text[1]);
    hash_split(test, test ? test->count : 0, out->text[2], out->text[3]);
}

bool pal_run_has_fingerprint(const pal_run_info *info)
{
    return info->fingerprint[0] && !strncmp(info->fingerprint[0], method, sizeof method - 1);
}

const char *pal_run_data_changed(const pal_run_info *info, const pal_dataset *train, const pal_dataset *test)
{
    static const char *const parts[] = {"training samples", "training labels", "test samples", "test labels"};
    const pal_dataset *const splits[] = {train, test};
    const int64_t counts[] = {info->train_samples, info->test_samples};
    if (!pal_run_has_fingerprint(info)) return NULL;
    for (int split = 0; split < 2; split++) {
        char now[2][PAL_HASH_TEXT];
        const pal_dataset *data = splits[split];
        if (!data) continue;
        if (counts[split] < 1 || data->count < counts[split]) return parts[2 * split];
        hash_split(data, counts[split], now[0], now[1]);
        for (int i = 0; i < 2; i++) {
            const char *was = info->fingerprint[2 * split + i];
            if (strcmp(was ? was : "", now[i]) != 0) return parts[2 * split + i];
        }
    }
    return NULL;
}
