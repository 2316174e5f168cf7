/* info.c - reads and writes run.json.
 *
 * The fields are in a table. The settings of the model are written with the types of its options. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

const pal_train_result palt__no_result = {.train_loss = NAN,
                                          .test_loss = NAN,
                                          .squared_error = NAN,
                                          .squared_error_corrupted = NAN,
                                          .error = NAN,
                                          .baseline = NAN,
                                          .explained = NAN,
                                          .samples_per_second = NAN,
                                          .best_loss = NAN};

/* clang-format off */
#define FIELD(kind, name, member) {name, PALT__##kind, offsetof(pal_run_info, member)}
static const palt__field before_settings[] = {
    FIELD(TEXT, "version", version),
    FIELD(TEXT, "command", command),
    FIELD(TEXT, "status", status),
    FIELD(TEXT, "error", error),
    FIELD(TEXT, "started", started),
    FIELD(TEXT, "finished", finished),
    FIELD(TEXT, "model", model),
    FIELD(TEXT, "source.file", source),
    FIELD(TEXT, "source.sha256", source_hash),
};
static const palt__field after_settings[] = {
    FIELD(TEXT, "data", data),
    FIELD(TEXT, "data_note", data_note),
    FIELD(COUNT, "limit", limit),
    FIELD(COUNT, "hold_out", hold_out),
    FIELD(TEXT, "from", from),
    FIELD(TEXT, "from_weights", from_weights),
    FIELD(COUNT_IF, "validation_samples", validation_samples),
    FIELD(COUNT, "train_samples", train_samples),
    FIELD(COUNT, "test_samples", test_samples),
    FIELD(TEXT, "fingerprint.training_samples", fingerprint[0]),
    FIELD(TEXT, "fingerprint.training_labels", fingerprint[1]),
    FIELD(TEXT, "fingerprint.test_samples", fingerprint[2]),
    FIELD(TEXT, "fingerprint.test_labels", fingerprint[3]),
    FIELD(COUNT, "batch", batch),
    FIELD(COUNT_IF, "accumulate", accumulate),
    FIELD(COUNT_IF, "shards", shards),
    FIELD(COUNT, "epochs", epochs),
    FIELD(COUNT, "seed", seed),
    FIELD(COUNT, "test_every", test_every),
    FIELD(TEXT, "optimizer.name", optimizer.name),
    FIELD(REAL, "optimizer.momentum", optimizer.momentum),
    FIELD(REAL, "optimizer.alpha", optimizer.alpha),
    FIELD(REAL, "optimizer.beta1", optimizer.beta1),
    FIELD(REAL, "optimizer.beta2", optimizer.beta2),
    FIELD(REAL, "optimizer.epsilon", optimizer.epsilon),
    FIELD(REAL_IF, "optimizer.damping", optimizer.damping),
    FIELD(REAL, "optimizer.weight_decay", optimizer.weight_decay),
    FIELD(REAL, "optimizer.clip_norm", optimizer.clip_norm),
    FIELD(TEXT, "optimizer.momentum_schedule", optimizer.momentum_schedule),
    FIELD(FLAG_IF, "optimizer.spare_biases", optimizer.spare_biases),
    FIELD(TEXT, "optimizer.rates", optimizer.rates),
    FIELD(TEXT, "optimizer.elementwise", optimizer.elementwise),
    FIELD(COUNT_IF, "optimizer.precondition_every", optimizer.precondition_every),
    FIELD(COUNT_IF, "optimizer.max_dimension", optimizer.max_dimension),
    FIELD(TEXT, "optimizer.average", optimizer.average),
    FIELD(REAL_IF, "optimizer.average_decay", optimizer.average_decay),
    FIELD(COUNT_IF, "optimizer.average_start", optimizer.average_start),
    FIELD(COUNT_IF, "optimizer.average_every", optimizer.average_every),
    FIELD(REAL_IF, "minimiser.gradient_tolerance", minimise.gradient),
    FIELD(COUNT_IF, "minimiser.memory", minimise.memory),
    FIELD(COUNT_IF, "minimiser.restart", minimise.restart),
    FIELD(COUNT_IF, "minimiser.products", minimise.products),
    FIELD(REAL_IF, "minimiser.damping", minimise.damping),
    FIELD(COUNT_IF, "minimiser.curvature_samples", minimise.curvature_samples),
    FIELD(FLAG_IF, "minimiser.frozen_noise", minimise.frozen_noise),
    FIELD(COUNT_IF, "minimiser.fixed_batch", minimise.fixed_batch),
    FIELD(COUNT_IF, "minimiser.fixed_for", minimise.fixed_for),
    FIELD(TEXT, "schedule.name", schedule.name),
    FIELD(REAL, "schedule.learning_rate", schedule.learning_rate),
    FIELD(REAL, "schedule.final_rate", schedule.final_rate),
    FIELD(REAL, "schedule.factor", schedule.factor),
    FIELD(COUNT, "schedule.every", schedule.every),
    FIELD(COUNT, "schedule.warmup", schedule.warmup),
    FIELD(COUNT, "schedule.total", schedule.total),
    FIELD(REAL_IF, "schedule.power", schedule.power),
    FIELD(REAL_IF, "schedule.rise", schedule.rise),
    FIELD(COUNT_IF, "schedule.patience", schedule.patience),
    FIELD(FLAG_IF, "gradient_sizes", gradient_sizes),
    FIELD(COUNT_IF, "patience", patience),
    FIELD(REAL_IF, "min_improvement", min_improvement),
    FIELD(FLAG_IF, "keep_best", keep_best),
    FIELD(REAL_IF, "time_limit", time_limit),
    FIELD(COUNT, "lanes", lanes),
    FIELD(COUNT, "threads", threads),
    FIELD(TEXT, "isa", isa),
    FIELD(TEXT, "blas", blas),
    FIELD(TEXT, "subnormals", subnormals),
    FIELD(TEXT, "libc", libc),
    FIELD(FLAG, "portable", portable),
    FIELD(COUNT, "result.epochs", result.epochs),
    FIELD(COUNT, "result.planned_epochs", result.planned),
    FIELD(COUNT, "result.steps", result.steps),
    FIELD(FIGURE, "result.train_loss", result.train_loss),
    FIELD(FIGURE, "result.test_loss", result.test_loss),
    FIELD(FIGURE, "result.squared_error", result.squared_error),
    FIELD(FIGURE, "result.squared_error_corrupted", result.squared_error_corrupted),
    FIELD(FIGURE, "result.baseline", result.baseline),
    FIELD(FIGURE, "result.explained", result.explained),
    FIELD(FIGURE, "result.error", result.error),
    FIELD(TEXT, "result.ended", result.ended),
    FIELD(COUNT_IF, "result.best_epoch", result.best_epoch),
    FIELD(FIGURE, "result.best_loss", result.best_loss),
    FIELD(FIGURE, "result.seconds", result.seconds),
    FIELD(FIGURE, "result.samples_per_second", result.samples_per_second),
    FIELD(COUNT, "resumed", resumed),
    FIELD(TEXT, "changed", changed),
};
#undef FIELD
#define FIELD(kind, name) {#name, PALT__##kind, offsetof(pal_extension, name)}
static const palt__field extension_fields[] = {
    FIELD(TEXT, command),
    FIELD(COUNT, after),
    FIELD(COUNT, from),
    FIELD(COUNT, to),
};
#undef FIELD
/* clang-format on */
#define MOST_COUNT   ((int64_t)1 << 53)
#define MOST_LANES   ((int64_t)1 << 20)
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Numbers become JSON numbers, yes and no become booleans; any other text stays a string. */
static json_t *setting_value(const pal_option *option, const char *text)
{
    pal_option_type type = option ? option->type : PAL_OPTION_ENUM;
    if (type == PAL_OPTION_BOOL && !strcmp(text, "yes")) return json_true();
    if (type == PAL_OPTION_BOOL && !strcmp(text, "no")) return json_false();
    char *end;
    long long whole = strtoll(text, &end, 10);
    if (type == PAL_OPTION_INT && end != text && !*end) return json_integer(whole);
    double real = strtod(text, &end);
    const bool is_real = type == PAL_OPTION_REAL && end != text && !*end && isfinite(real);
    return is_real ? json_real(real) : palt__json_string(text);
}

static json_t *settings_value(const pal_run_info *info)
{
    json_t *settings = json_object();
    const pal_variant *variant = info->model ? pal_variant_find(info->model) : NULL;
    for (size_t i = 0; settings && i < info->n_settings; i++) {
        const pal_setting *s = &info->settings[i];
        const pal_option *option = variant ? pal_variant_option_find(variant, s->name) : NULL;
        if (!json_object_set_new(settings, s->name, setting_value(option, s->value))) continue;
        json_decref(settings);
        return NULL;
    }
    return settings;
}

static json_t *texts_value(const pal_setting *list, size_t n)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < n; i++) {
        if (!json_object_set_new(object, list[i].name, palt__json_string(list[i].value))) continue;
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *extensions_value(const pal_run_info *info)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < info->n_extensions; i++) {
        json_t *one = json_object();
        const bool good = one && palt__json_set(one, extension_fields, COUNT(extension_fields), &info->extensions[i]);
        if (good && !json_array_append(list, one)) {
            json_decref(one);
            continue;
        }
        json_decref(one);
        json_decref(list);
        return NULL;
    }
    return list;
}

json_t *palt__info_write(const pal_run_info *info)
{
    json_t *object = json_object();
    const bool good = object && palt__json_set(object, before_settings, COUNT(before_settings), info) &&
                      !json_object_set_new(object, "settings", settings_value(info)) &&
                      (!info->draws || !json_object_set_new(object, "data_options",
                                                            texts_value(info->data_options, info->n_data_options))) &&
                      palt__json_set(object, after_settings, COUNT(after_settings), info) &&
                      (!info->n_extensions || !json_object_set_new(object, "extensions", extensions_value(info)));
    if (good) return object;
    json_decref(object);
    return NULL;
}

static char *setting_text(json_t *value)
{
    char text[64];
    if (!palt__json_bytes(value)) return NULL;
    if (json_is_string(value)) return strdup(json_string_value(value));
    if (json_is_boolean(value)) return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_real(value)) {
        palt__real_text(json_real_value(value), text, sizeof text);
        return strdup(text);
    }
    return palt__json_dump(value, JSON_ENCODE_ANY);
}

static bool read_settings(json_t *from, const pal_setting **out, size_t *n)
{
    const char *key;
    json_t *value;
    pal_setting *settings = calloc(json_object_size(from) + 1, sizeof *settings);
    *out = settings;
    json_object_foreach(from, key, value)
    {
        char *text = settings ? setting_text(value) : NULL;
        if (!text) return false;
        settings[(*n)++] = (pal_setting){key, text};
    }
    return settings != NULL;
}

static bool read_extensions(const json_t *from, pal_run_info *info)
{
    pal_extension *extensions = calloc(json_array_size(from) + 1, sizeof *extensions);
    info->extensions = extensions;
    bool good = extensions != NULL;
    for (size_t i = 0; good && i < json_array_size(from); i++)
        good = palt__json_get(json_array_get(from, i), extension_fields, COUNT(extension_fields),
                              &extensions[info->n_extensions++]);
    return good;
}

bool palt__info_read(json_t *object, pal_run_info *info)
{
    *info = (pal_run_info){0};
    if (!palt__json_get(object, before_settings, COUNT(before_settings), info) ||
        !palt__json_get(object, after_settings, COUNT(after_settings), info))
        return false;
    info->optimizer.struct_size = sizeof info->optimizer;
    if (info->isa && !info->subnormals) info->subnormals = "kept"; /* by versions that did not write it */
    json_t *options = json_object_get(object, "data_options");
    info->draws = options != NULL;
    return read_settings(json_object_get(object, "settings"), &info->settings, &info->n_settings) &&
           read_settings(options, &info->data_options, &info->n_data_options) &&
           read_extensions(json_object_get(object, "extensions"), info);
}

const char *palt__info_wrong(const pal_run_info *info)
{
    for (size_t i = 0; i < COUNT(after_settings); i++) {
        const palt__field *f = &after_settings[i];
        const void *at = (const char *)info + f->offset;
        if ((f->kind == PALT__COUNT || f->kind == PALT__COUNT_IF) &&
            (*(const int64_t *)at < 0 || *(const int64_t *)at > MOST_COUNT))
            return f->name;
    }
    if (info->lanes > MOST_LANES) return "lanes";
    for (size_t i = 0; i < info->n_extensions; i++) {
        const pal_extension *e = &info->extensions[i];
        if (e->after < 0 || e->after > MOST_COUNT || e->from < 1 || e->from > MOST_COUNT || e->to < 1 ||
            e->to > MOST_COUNT)
            return "extensions";
    }
    return NULL;
}

static void free_settings(const pal_setting *list, size_t n)
{
    for (size_t i = 0; i < n; i++) free((void *)(uintptr_t)list[i].value);
    free((void *)(uintptr_t)list);
}

void palt__info_clear(pal_run_info *info)
{
    free_settings(info->settings, info->n_settings);
    free_settings(info->data_options, info->n_data_options);
    free((void *)(uintptr_t)info->extensions);
    *info = (pal_run_info){0};
}

static const char *const subnormals[] = {"subnormals flushed to zero", "subnormals kept"};

size_t pal_run_changes(const pal_run_info *info, const pal_context *context, const char *was[PAL_RUN_CHANGES],
                       const char *is[PAL_RUN_CHANGES])
{
    const bool kept = info->subnormals && !strcmp(info->subnormals, "kept");
    const char *const then[] = {info->isa, info->blas, info->subnormals ? subnormals[kept] : NULL};
    const char *const now[] = {pal_context_isa(context), pal_context_blas(context),
                               subnormals[pal_context_subnormals(context)]};
    size_t n = 0;
    for (size_t i = 0; i < PAL_RUN_CHANGES; i++) {
        if (!then[i] || !strcmp(then[i], now[i])) continue;
        was[n] = then[i];
        is[n++] = now[i];
    }
    return n;
}
