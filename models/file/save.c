/* save.c - saves a model as one safetensors file and opens it again: the tensors are the parameters, and the metadata
 * contain everything else that is needed to create the model. */
#include "models/file/json.h"
#include "models/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- Saving --------------------------------------------------------------------------------------------------- */

/* {"hidden":"256",...} */
static void put_settings(pal__out *out, const pal_model *m)
{
    pal__out_add(out, "{", 1);
    for (size_t i = 0; i < m->n_values; i++) {
        if (i) pal__out_add(out, ",", 1);
        pal__out_string(out, m->values[i].option->name);
        pal__out_add(out, ":", 1);
        pal__out_string(out, m->values[i].text);
    }
    pal__out_add(out, "}", 2); /* with the zero */
}

pal_status pal_model_save_at(const pal_model *m, int folder, const char *path, const pal_named_tensor *more,
                             size_t n_more, pal_error *err)
{
    pal__out settings = {0};
    pal_named_tensor *all = calloc(m->n_parameters + n_more + 1, sizeof *all);
    pal_status status = PAL_ERR_MEMORY;
    put_settings(&settings, m);
    char *schema = m->schema ? pal_schema_text(m->schema) : NULL;
    settings.no_memory |= m->schema && !schema;
    if (settings.not_utf8) {
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "%s: a setting is not text in UTF-8", pal__short_path(path));
    } else if (!settings.no_memory && all) {
        for (size_t i = 0; i < m->n_parameters; i++)
            all[i] = (pal_named_tensor){m->parameters[i].name, m->parameters[i].tensor};
        for (size_t i = 0; i < n_more; i++) all[m->n_parameters + i] = more[i];
        char sample[96];
        const pal_setting metadata[] = {
            {"format", "palindrome 1"},          {"variant", m->variant->name},
            {"settings", settings.text},         {"sample", pal_shape_text(m->sample, sample, sizeof sample)},
            {"dtype", pal_dtype_name(m->dtype)}, {"schema", schema}};
        const size_t n = sizeof metadata / sizeof *metadata - !schema;
        status = pal__safetensors_write_at(folder, path, all, m->n_parameters + n_more, metadata, n, err);
    } else {
        pal_error_set(err, status, "%s: out of memory", pal__short_path(path));
    }
    free(all);
    free(schema);
    free(settings.text);
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
    char *text; /* that of the settings, which it owns */
    pal_setting *settings;
    size_t n;
    pal_schema *schema; /* which it owns; NULL: the model has none */
} description;

static pal_status malformed(const char *path, const char *what, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_FORMAT, "%s: %s", pal__short_path(path), what);
}

static bool read_sample(const char *text, pal_shape *sample)
{
    char copy[256];
    pal__json_number number;
    *sample = PAL_SCALAR;
    if (!text || strlen(text) >= sizeof copy) return false;
    strcpy(copy, text);
    pal__json j = pal__json_start(copy, strlen(copy));
    pal__json_enter(&j, '[');
    while (pal__json_next(&j, ']')) {
        if (!pal__json_number_read(&j, &number) || !number.whole || sample->rank == PAL_MAX_RANK) return false;
        sample->dim[sample->rank++] = number.integer;
    }
    return pal__json_end(&j) && pal_shape_count(*sample) > 0;
}

static bool read_dtype(const char *text, pal_dtype *dtype)
{
    for (*dtype = PAL_F32; text && *dtype < PAL_DTYPE_COUNT; (*dtype)++)
        if (pal_dtype_real(*dtype) && !strcmp(pal_dtype_name(*dtype), text)) return true;
    return false;
}

static pal_status read_settings(const char *path, const char *text, description *d, pal_error *err)
{
    const size_t size = text ? strlen(text) : 0;
    const char *twice;
    d->text = malloc(size + 1);
    d->settings = calloc(size / 6 + 1, sizeof *d->settings); /* a setting has at least 6 letters: "a":"" */
    if (!d->text || !d->settings) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", pal__short_path(path));
    memcpy(d->text, text ? text : "", size + 1);
    pal__json j = pal__json_start(d->text, size);
    pal__json_enter(&j, '{');
    while (pal__json_next(&j, '}')) {
        pal_setting *s = &d->settings[d->n++];
        s->name = pal__json_key(&j);
        if (s->name && pal__json_peek(&j) && pal__json_peek(&j) != '"')
            return malformed(path, "a setting is not text", err);
        s->value = s->name ? pal__json_text(&j) : NULL;
        if (!s->value) break;
    }
    if (!pal__json_end(&j)) return malformed(path, "the settings are not a JSON object", err);
    const pal_status status = d->n ? pal__names_check(&d->settings->name, d->n, sizeof *d->settings, &twice) : PAL_OK;
    if (!status) return PAL_OK;
    return status == PAL_ERR_MEMORY ? pal_error_set(err, status, "%s: out of memory", pal__short_path(path))
                                    : malformed(path, "a setting is there twice", err);
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
    const char *schema = pal_safetensors_metadata(file, "schema");
    if (schema && !(d->schema = pal_schema_parse(schema, pal__short_path(path), err))) return PAL_ERR_FORMAT;
    return read_settings(path, pal_safetensors_metadata(file, "settings"), d, err);
}

/* A model with such a weight computes NaN for every sample. */
static pal_status check_weights(const pal_model *m, const char *path, pal_error *err)
{
    for (size_t k = 0; k < m->n_parameters; k++) {
        const pal_tensor *t = m->parameters[k].tensor;
        const size_t i = pal_tensor_finite(t);
        if (i == pal_tensor_count(t)) continue;
        return pal_error_set(
            err, PAL_ERR_NUMERIC,
            "%s: element %zu of %.100s is %g, so the model computes nothing: train again, with a smaller "
            "learning rate, or restore a copy",
            pal__short_path(path), i, m->parameters[k].name, pal_tensor_get(t, i));
    }
    return PAL_OK;
}

/* A model with the parameters of the file, which are not read yet. */
static pal_model *make(pal_context *context, const char *path, const pal_safetensors *file, pal_error *err)
{
    description d = {0};
    pal_model *m = NULL;
    pal_error why = {0};
    if (!describe(path, file, &d, err)) {
        m = pal__model_make(context, d.variant, d.settings, d.n, d.schema, d.sample, d.dtype, 0, file, &why);
        if (!m) pal_error_set(err, why.status, "%s: %s", pal__short_path(path), why.text);
    }
    pal_schema_free(d.schema);
    free(d.settings);
    free(d.text);
    return m;
}

pal_model *pal_model_open_at(pal_context *context, int folder, const char *path, pal_error *err)
{
    pal_safetensors *file = pal__safetensors_begin(context, folder, path, err);
    if (!file) return NULL;
    pal_model *m = make(context, path, file, err);
    for (size_t i = 0; m && i < m->n_parameters; i++)
        pal__safetensors_slot(file, m->parameters[i].name)->tensor = m->parameters[i].tensor;
    /* Also without a model: if the file is damaged, that is told, and not what the header then seems to say. */
    pal_status status = pal__safetensors_read(file, path, err);
    if (!status && m) status = check_weights(m, path, err);
    pal_safetensors_free(file);
    if (!status) return m;
    pal_model_free(m);
    return NULL;
}

pal_model *pal_model_open(pal_context *context, const char *path, pal_error *err)
{
    return pal_model_open_at(context, AT_FDCWD, path, err);
}
