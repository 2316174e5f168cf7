/* target_model.c - checkpoints as models. What is accepted has the same variant, settings and parameters after saving
 * and opening it again. */
#include <stdlib.h>
#include <string.h>

#include "models/internal.h"
#include "tests/fuzz/safetensors.h"

static pal_context *context;

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
}
static void close_context(void) { pal_context_free(context); }

static void same_model(const pal_model *a, const pal_model *b)
{
    const pal_variant *variant = pal_model_variant(a);
    const pal_option *o;
    const pal_tensor *t;
    fuzz_require(variant == pal_model_variant(b), "another variant");
    for (size_t i = 0; (o = pal_variant_option(variant, i)); i++) {
        const char *p = pal_model_setting(a, o->name), *q = pal_model_setting(b, o->name);
        fuzz_require(!p == !q && (!p || !strcmp(p, q)), "%s: %s and %s", o->name, p ? p : "none", q ? q : "none");
    }
    fuzz_require(pal_model_parameter_count(a) == pal_model_parameter_count(b), "another number of parameters");
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const char *p, *q;
        t = pal_model_parameter(a, i, &p);
        fuzz_same_tensor(t, pal_model_parameter(b, i, &q));
        fuzz_require(!strcmp(p, q), "%s and %s", p, q);
    }
}

static void run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    pal_error err = {0};
    pal_model *m = pal_model_open(context, fuzz_put("in", data, size), &err);
    fuzz_outcome(m, &err);
    if (!m) return;
    fuzz_require(pal_model_save(m, fuzz_path("out.safetensors", path), NULL, 0, &err) == PAL_OK, "%s", err.text);
    pal_model *again = pal_model_open(context, path, &err);
    fuzz_require(again, "not opened again: %s", err.text);
    same_model(m, again);
    pal_model_free(again);
    pal_model_free(m);
}

/* ---- Changes -------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const char *const names[] = {
    "format", "variant", "settings", "sample", "dtype", "__metadata__", "encoder/W", "encoder/b", "decoder/b",
    "hidden", "layers", "activation", "output", "tied", "kernel", "channels", "stride", "k", "code", "samples", "dropout",
    "corruption", "masking", "sigma", "lambda", "beta", "rho", "estimate", "classes", "binarize", "components", NULL,
};
static const char *const values[] = {
    "palindrome 1", "basic", "denoising", "contractive", "sparse", "variational", "convolutional", "f32", "f64", "i32",
    "[6]", "[2,3]", "[1,2,3]", "[]", "[0]", "[6,9223372036854775807]", "0", "1", "2", "3", "4", "3,4", "4,3,4", "yes",
    "no", "relu", "sigmoid", "linear", "tanh", "bernoulli", "squared", "gaussian", "categorical", "normal", "masking",
    "bound", "importance", "predictive", "1e-3", "1000000", "F64", "F32", "uniform", "", NULL,
};
/* clang-format on */

/* A change of one setting inside the text of the settings. */
static void change_settings(json_t *metadata, uint64_t *rng)
{
    const char *text = json_string_value(json_object_get(metadata, "settings")), *name;
    json_t *settings = text ? json_loads(text, 0, NULL) : NULL, *value;
    if (fuzz_chance(rng, 3)) fuzz_json_change(settings, names, values, rng);
    const size_t n = json_object_size(settings), which = fuzz_below(rng, n);
    size_t i = 0;
    const pal_variant *variant = pal_variant_find(json_string_value(json_object_get(metadata, "variant")));
    json_object_foreach(settings, name, value)
    {
        const pal_option *o = variant ? pal_variant_option_find(variant, name) : NULL;
        char chosen[64];
        const char *from = fuzz_chance(rng, 2) ? fuzz_word(values, rng) : fuzz_number(rng);
        if (i++ != which) continue;
        if (o && o->type == PAL_OPTION_ENUM && o->choices && !fuzz_chance(rng, 4)) {
            size_t choices = 1;
            for (const char *c = o->choices; *c; c++) choices += *c == '|';
            from = o->choices;
            for (size_t skip = fuzz_below(rng, choices); skip; skip--) from = strchr(from, '|') + 1;
        } else if (o && o->type == PAL_OPTION_BOOL) {
            from = fuzz_chance(rng, 2) ? "yes" : "no";
        } else if (o && o->type == PAL_OPTION_INT && !fuzz_chance(rng, 4)) {
            static const char *const small[] = {"0", "1", "2", "3", "4", "5", "6", "8"};
            from = small[fuzz_below(rng, 8)];
        }
        snprintf(chosen, sizeof chosen, "%.*s", (int)strcspn(from, "|"), from);
        json_object_set_new(settings, name, json_string(chosen));
        break;
    }
    char *changed = settings ? json_dumps(settings, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (changed) json_object_set_new(metadata, "settings", json_string(changed));
    free(changed);
    json_decref(settings);
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    size_t data = 8;
    json_t *h = fuzz_header_of(b, &data), *metadata = json_object_get(h, "__metadata__");
    if (!json_is_object(h)) {
        json_decref(h);
        fuzz_change_bytes(b, names, rng);
        return;
    }
    const size_t kind = fuzz_below(rng, 4);
    if (kind < 2 && metadata)
        change_settings(metadata, rng);
    else if (kind == 2 && metadata)
        fuzz_json_change(metadata, names, values, rng);
    else
        fuzz_json_change(h, names, values, rng);
    if (!fuzz_chance(rng, 8)) fuzz_header_place(b, data, h);
    if (!fuzz_chance(rng, 16)) json_object_del(metadata, PAL__CHECKSUM); /* as in files of other programs */
    fuzz_header_put(b, data, h);
    json_decref(h);
}

/* A small model of each variant. */
static void seeds(fuzz_seeds *to)
{
    static const pal_setting small[] = {
        {"hidden", "4"}, {"layers", "4"}, {"k", "2"}, {"channels", "3"}, {"kernel", "2"}};
    const pal_variant *variant;
    char path[FUZZ_PATH];
    for (size_t i = 0; (variant = pal_variant_at(i)); i++) {
        pal_setting settings[5];
        size_t n = 0;
        pal_error err = {0};
        for (size_t k = 0; k < 5; k++) {
            const pal_option *o = pal_variant_option_find(variant, small[k].name);
            if (o && *o->value) settings[n++] = small[k];
        }
        pal_model *m = pal_model_new(context, variant, settings, n, PAL_SHAPE(2, 3), PAL_F32, 5, &err);
        fuzz_require(m, "%s: %s", variant->name, err.text);
        fuzz_require(pal_model_save(m, fuzz_path("seed", path), NULL, 0, &err) == PAL_OK, "%s", err.text);
        fuzz_seed_file(to, path);
        pal_model_free(m);
    }
}

const fuzz_target target_model = {.name = "model",
                                  .summary = "checkpoints as models",
                                  .words = names,
                                  .most = 1 << 15,
                                  .base = 8 << 20,
                                  .factor = 256,
                                  .open = open_context,
                                  .close = close_context,
                                  .seeds = seeds,
                                  .run = run,
                                  .change = change};
