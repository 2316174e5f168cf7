/* save.c - saves a model as one safetensors file and opens it again: the tensors are the parameters, and the metadata
 * contain everything else that is needed to create the model. */
#include "models/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- Saving --------------------------------------------------------------------------------------------------- */

/* {"hidden":"256",...}; the caller frees it. NULL: out of memory. */
static char *settings_text(const pal_model *m)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < m->n_values; i++)
        ok = json_object_set_new(object, m->values[i].option->name, json_string(m->values[i].text)) == 0;
    char *text = ok ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

pal_status pal_model_save_at(const pal_model *m, int folder, const char *path, const pal_named_tensor *more,
                             size_t n_more, pal_error *err)
{
    char *settings = settings_text(m);
    pal_named_tensor *all = calloc(m->n_parameters + n_more + 1, sizeof *all);
    pal_status status = PAL_ERR_MEMORY;
    if (settings && all) {
        for (size_t i = 0; i < m->n_parameters; i++)
            all[i] = (pal_named_tensor){m->parameters[i].name, m->parameters[i].tensor};
        for (size_t i = 0; i < n_more; i++) all[m->n_parameters + i] = more[i];
        char sample[96];
        const pal_setting metadata[] = {{"format", "palindrome 1"},
                                        {"variant", m->variant->name},
                                        {"settings", settings},
                                        {"sample", pal_shape_text(m->sample, sample, sizeof sample)},
                                        {"dtype", pal_dtype_name(m->dtype)}};
        status = pal__safetensors_write_at(folder, path, all, m->n_parameters + n_more, metadata,
                                           sizeof metadata / sizeof *metadata, err);
    } else {
        pal_error_set(err, status, "%s: out of memory", pal__short_path(path));
    }
    free(all);
    free(settings);
    return status;
}

pal_status pal_model_save(const pal_model *m, const char *path, const pal_named_tensor *more, size_t n_more,
                          pal_error *err)
{
    return pal_model_save_at(m, AT_FDCWD, path, more, n_more, err);
}

/* ---- Opening -------------------------------------------------------------------------------------------------- */

typedef struct description { /* the contents of the metadata */
    const pal_variant *variant;
    pal_shape sample;
    pal_dtype dtype;
    json_t *json; /* owns the text of the settings */
    pal_setting *settings;
    size_t n;
} description;

static pal_status malformed(const char *path, const char *what, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: %s", pal__short_path(path), what);
}

static bool read_sample(const char *text, pal_shape *sample)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    bool ok = json_is_array(list) && json_array_size(list) <= PAL_MAX_RANK;
    *sample = PAL_SCALAR;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        ok = json_is_integer(json_array_get(list, i));
        sample->dim[sample->rank++] = json_integer_value(json_array_get(list, i));
    }
    json_decref(list);
    return ok && pal_shape_count(*sample) > 0;
}

static bool read_dtype(const char *text, pal_dtype *dtype)
{
    for (*dtype = PAL_F32; text && *dtype < PAL_DTYPE_COUNT; (*dtype)++)
        if (pal_dtype_real(*dtype) && !strcmp(pal_dtype_name(*dtype), text)) return true;
    return false;
}

static pal_status read_settings(const char *path, const char *text, description *d, pal_error *err)
{
    const char *name;
    json_t *value;
    d->json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(d->json)) return malformed(path, "the settings are not a JSON object", err);
    d->settings = calloc(json_object_size(d->json) + 1, sizeof *d->settings);
    if (!d->settings) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
    json_object_foreach(d->json, name, value)
    {
        if (!json_is_string(value)) return malformed(path, "a setting is not text", err);
        d->settings[d->n++] = (pal_setting){name, json_string_value(value)};
    }
    return PAL_OK;
}

static pal_status describe(const char *path, const pal_safetensors *file, description *d, pal_error *err)
{
    const char *format = pal_safetensors_metadata(file, "format"), *variant = pal_safetensors_metadata(file, "variant");
    if (!format || strcmp(format, "palindrome 1") != 0)
        return malformed(path, "not a palindrome model of format 1", err);
    d->variant = pal_variant_find(variant);
    if (!d->variant)
        return pal_error_set(err, PAL_ERR_FORMAT, "%s: unknown variant %.80s: register it first", pal__short_path(path),
                             variant ? variant : "(none named)");
    if (!read_sample(pal_safetensors_metadata(file, "sample"), &d->sample))
        return malformed(path, "the shape of a sample is malformed", err);
    if (!read_dtype(pal_safetensors_metadata(file, "dtype"), &d->dtype)) return malformed(path, "unknown dtype", err);
    return read_settings(path, pal_safetensors_metadata(file, "settings"), d, err);
}

pal_model *pal_model_open_at(pal_context *context, int folder, const char *path, pal_error *err)
{
    description d = {0};
    pal_model *m = NULL;
    pal_error why = {0};
    pal_safetensors *file = pal_safetensors_open_at(context, folder, path, err);
    if (!file) return NULL;
    if (!describe(path, file, &d, err)) {
        m = pal__model_make(context, d.variant, d.settings, d.n, d.sample, d.dtype, 0, file, &why);
        if (!m) pal_error_set(err, why.status, "%s: %s", pal__short_path(path), why.text);
    }
    free(d.settings);
    json_decref(d.json);
    pal_safetensors_free(file);
    return m;
}

pal_model *pal_model_open(pal_context *context, const char *path, pal_error *err)
{
    return pal_model_open_at(context, AT_FDCWD, path, err);
}
