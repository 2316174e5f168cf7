/* like_rows.c - what each key of run.json is as an option of train.
 *
 * A key that no row has is refused in a file of --config. So a new key of run.json needs a row here, also if it is no
 * option. */
#include <string.h>

#include "cli/like.h"

/* clang-format off */
#define OPTIMIZER(key, option, kind) {"optimizer." key, option, kind, NULL, "optimizer"}
#define MINIMISER(key, option, kind) {"minimiser." key, option, kind, NULL, "optimizer"}
#define SCHEDULE(key, option, kind)  {"schedule." key, option, kind, NULL, "schedule"}
#define IGNORED(key)                 {key, NULL, LIKE_IGNORED, NULL, NULL}
const pal_cli_like_row pal_cli_like_rows[] = {
    IGNORED("model"), /* a word */
    IGNORED("source.file"),
    IGNORED("source.sha256"),
    {"settings", NULL, LIKE_GROUP, NULL, NULL}, /* of the model */
    {"data", "data", LIKE_VALUE, NULL, NULL},
    {"data_options", NULL, LIKE_GROUP, NULL, NULL},
    {"limit", "limit", LIKE_UNLESS_0, NULL, NULL},
    {"hold_out", "validation", LIKE_UNLESS_0, NULL, NULL}, /* of an older version, which did not draw them */
    {"from", "from", LIKE_VALUE, NULL, NULL},
    {"batch", "batch", LIKE_UNLESS_0, NULL, NULL},
    {"accumulate", "accumulate", LIKE_UNLESS_0, "1", NULL},
    {"shards", "shards", LIKE_UNLESS_0, NULL, NULL},
    {"epochs", "epochs", LIKE_VALUE, NULL, NULL},
    {"seed", "seed", LIKE_VALUE, NULL, NULL},
    {"test_every", "test-every", LIKE_VALUE, NULL, NULL},
    {"patience", "patience", LIKE_VALUE, "0", NULL},
    {"min_improvement", "min-improvement", LIKE_VALUE, "0", NULL},
    {"keep_best", "keep-best", LIKE_FLAG, NULL, NULL},
    {"time_limit", "time", LIKE_UNLESS_0, NULL, NULL},
    {"optimizer.name", "optimizer", LIKE_VALUE, NULL, NULL},
    OPTIMIZER("momentum", "momentum", LIKE_SIGNED),
    OPTIMIZER("alpha", "rms-decay", LIKE_SIGNED),
    OPTIMIZER("beta1", "beta1", LIKE_SIGNED),
    OPTIMIZER("beta2", "beta2", LIKE_SIGNED),
    OPTIMIZER("epsilon", "epsilon", LIKE_UNLESS_0),
    OPTIMIZER("damping", "damping", LIKE_SIGNED),
    OPTIMIZER("weight_decay", "weight-decay", LIKE_SIGNED),
    OPTIMIZER("clip_norm", "clip", LIKE_VALUE),
    {"optimizer.momentum_schedule", "momentum-schedule", LIKE_VALUE, "constant", "optimizer"},
    OPTIMIZER("spare_biases", "spare-biases", LIKE_FLAG),
    OPTIMIZER("rates", "layer-rates", LIKE_VALUE),
    OPTIMIZER("elementwise", "elementwise", LIKE_VALUE),
    OPTIMIZER("precondition_every", "precondition-every", LIKE_UNLESS_0),
    OPTIMIZER("max_dimension", "max-dimension", LIKE_UNLESS_0),
    {"optimizer.average", "average", LIKE_VALUE, "none", NULL},
    {"optimizer.average_decay", "average-decay", LIKE_SIGNED, NULL, NULL},
    {"optimizer.average_start", "average-start", LIKE_EPOCHS_1, NULL, NULL},
    IGNORED("optimizer.average_every"),
    MINIMISER("gradient_tolerance", "gradient-tolerance", LIKE_SIGNED),
    MINIMISER("memory", "pairs", LIKE_UNLESS_0),
    MINIMISER("restart", "restart", LIKE_UNLESS_0),
    MINIMISER("products", "products", LIKE_UNLESS_0),
    MINIMISER("damping", "damping", LIKE_SIGNED),
    {"minimiser.curvature_samples", "curvature-samples", LIKE_VALUE, "0", "optimizer"},
    MINIMISER("fixed_batch", "fixed-batch", LIKE_UNLESS_0),
    MINIMISER("fixed_for", "fixed-for", LIKE_UNLESS_0),
    {"minimiser.frozen_noise", "noise", LIKE_FROZEN, "fresh", "optimizer"},
    {"schedule.name", "schedule", LIKE_VALUE, NULL, NULL},
    {"schedule.learning_rate", "learning-rate", LIKE_VALUE, NULL, "optimizer"},
    SCHEDULE("final_rate", "final-rate", LIKE_VALUE),
    SCHEDULE("factor", "decay-factor", LIKE_UNLESS_0),
    SCHEDULE("every", "decay-every", LIKE_EPOCHS),
    {"schedule.warmup", "warmup", LIKE_VALUE, NULL, NULL},
    IGNORED("schedule.total"), /* it follows from the epochs */
    SCHEDULE("power", "power", LIKE_UNLESS_0),
    SCHEDULE("rise", "rise", LIKE_UNLESS_0),
    SCHEDULE("patience", "plateau-patience", LIKE_UNLESS_0),
    {"gradient_sizes", "gradient-sizes", LIKE_FLAG, NULL, NULL},
    {"lanes", "lanes", LIKE_UNLESS_0, NULL, NULL},
    {"portable", "portable", LIKE_FLAG, NULL, NULL},
    IGNORED("version"), IGNORED("command"), IGNORED("status"), IGNORED("error"), IGNORED("started"), IGNORED("finished"),
    IGNORED("data_note"), IGNORED("from_weights"), IGNORED("train_samples"), IGNORED("test_samples"), IGNORED("validation_samples"),
    {"fingerprint", NULL, LIKE_GROUP, NULL, NULL}, {"result", NULL, LIKE_GROUP, NULL, NULL}, IGNORED("extensions"),
    IGNORED("threads"), IGNORED("isa"), IGNORED("blas"), IGNORED("subnormals"), IGNORED("libc"), IGNORED("resumed"),
    IGNORED("changed"),
    {0},
};
/* clang-format on */

json_t *pal_cli_like_find(const json_t *file, const char *key)
{
    const char *dot = strchr(key, '.');
    char first[64];
    if (!dot) return json_object_get(file, key);
    snprintf(first, sizeof first, "%.*s", (int)(dot - key), key);
    return json_object_get(json_object_get(file, first), dot + 1);
}

static const char *key_at(size_t i, const void *user)
{
    (void)user;
    return pal_cli_like_rows[i].key;
}

static const pal_cli_like_row *row_of(const char *key)
{
    for (const pal_cli_like_row *r = pal_cli_like_rows; r->key; r++)
        if (!strcmp(r->key, key)) return r;
    return NULL;
}

/* The nearest of all keys, or of the keys without their objects: "learning_rate" is schedule.learning_rate. */
static const char *nearest_to(const char *key)
{
    for (const pal_cli_like_row *r = pal_cli_like_rows; r->key; r++)
        if (strchr(r->key, '.') && !strcmp(strchr(r->key, '.') + 1, key)) return r->key;
    for (const pal_cli_like_row *r = pal_cli_like_rows; r->key; r++)
        if (r->option && !strcmp(r->option, key)) return r->key; /* written as the option */
    const char *nearest = pal_cli_nearest(key, key_at, NULL);
    return nearest ? nearest : "";
}

/* Whether a key of the file, or each of the keys in its object, has a row. key: the one that has none. */
static bool is_known(const char *name, json_t *value, char *key, size_t size)
{
    const char *inner;
    json_t *part;
    snprintf(key, size, "%s", name);
    if (row_of(name)) return true;
    if (!json_object_size(value)) return false;
    json_object_foreach(value, inner, part)
    {
        snprintf(key, size, "%s.%s", name, inner);
        if (!row_of(key)) return false;
    }
    return true;
}

bool pal_cli_like_unknown(json_t *file, char *key, size_t size, const char **nearest)
{
    const char *name;
    json_t *value;
    json_object_foreach(file, name, value)
    {
        if (is_known(name, value, key, size)) continue;
        *nearest = nearest_to(key);
        return true;
    }
    return false;
}
