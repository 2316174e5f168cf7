/* compare_results.c - the results of two runs, side by side: the lines of their metrics and the tensors of their last
 * checkpoints, bit by bit. Times are left out. */
#include <math.h>
#include <string.h>

#include "cli/compare.h"

/* ---- Metrics -------------------------------------------------------------------------------------------------- */

/* clang-format off */
#define FIGURE(name) {#name, offsetof(pal_epoch, name)}
static const struct {
    const char *name;
    size_t offset;
} figures[] = {
    FIGURE(train_loss), FIGURE(test_loss), FIGURE(squared_error), FIGURE(squared_error_corrupted), FIGURE(error),
    FIGURE(baseline), FIGURE(explained), FIGURE(learning_rate),
};
#undef FIGURE
/* clang-format on */
enum { FIGURES = sizeof figures / sizeof *figures };

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static json_t *difference(const pal_epoch *a, const char *name, json_t *of_a, json_t *of_b)
{
    return json_pack("{s:I, s:s, s:[o, o]}", "epoch", (json_int_t)a->epoch, "figure", name, "values", of_a, of_b);
}

/* The first figure of this epoch that differs; NULL: none. */
static json_t *differing(const pal_epoch *a, const pal_epoch *b)
{
    if (a->epoch != b->epoch) return difference(a, "epoch", json_integer(a->epoch), json_integer(b->epoch));
    if (strcmp(a->phase, b->phase) != 0) return difference(a, "phase", json_string(a->phase), json_string(b->phase));
    if (a->step != b->step) return difference(a, "step", json_integer(a->step), json_integer(b->step));
    for (size_t f = 0; f < FIGURES; f++) {
        const double of_a = *(const double *)(const void *)((const char *)a + figures[f].offset);
        const double of_b = *(const double *)(const void *)((const char *)b + figures[f].offset);
        if (!same(of_a, of_b)) return difference(a, figures[f].name, pal_cli_number(of_a), pal_cli_number(of_b));
    }
    if (a->n_terms != b->n_terms)
        return difference(a, "terms", json_integer((json_int_t)a->n_terms), json_integer((json_int_t)b->n_terms));
    for (size_t i = 0; i < a->n_terms; i++)
        if (strcmp(a->terms[i].name, b->terms[i].name) != 0 || !same(a->terms[i].value, b->terms[i].value))
            return difference(a, a->terms[i].name, pal_cli_number(a->terms[i].value),
                              pal_cli_number(b->terms[i].value));
    return NULL;
}

/* {"equal", "epochs": [of both], "equal_epochs", "first_difference" or null} */
static json_t *compare_metrics(const pal_rundir *first, const pal_rundir *other)
{
    const size_t a = pal_rundir_epoch_count(first), b = pal_rundir_epoch_count(other), common = a < b ? a : b;
    json_t *found = NULL;
    size_t equal = 0;
    for (; equal < common && !found; equal += !found)
        found = differing(pal_rundir_epoch(first, equal), pal_rundir_epoch(other, equal));
    return json_pack("{s:b, s:[I, I], s:I, s:o}", "equal", a == b && !found, "epochs", (json_int_t)a, (json_int_t)b,
                     "equal_epochs", (json_int_t)equal, "first_difference", found ? found : json_null());
}

/* ---- Tensors -------------------------------------------------------------------------------------------------- */

/* The place of a number among all numbers of its type, in order: neighbours differ by 1. 0 and -0 have one place. */
static int64_t place_f32(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? -(int64_t)(bits & INT32_MAX) : bits;
}

static int64_t place_f64(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? -(bits & INT64_MAX) : bits;
}

typedef struct extent { /* of the elements whose bits differ */
    int64_t differ;
    double absolute, relative; /* the largest; relative to the larger one of the two. NAN: an element is not a number */
    double places;             /* the largest distance in units in the last place */
} extent;

static double larger(double a, double b) { return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b); }

static extent measure(const pal_tensor *a, const pal_tensor *b)
{
    extent e = {0};
    const size_t size = pal_dtype_size(a->dtype), n = (size_t)pal_tensor_count(a);
    const char *of_a = a->data, *of_b = b->data;
    if (n && !memcmp(of_a, of_b, n * size)) return e;
    for (size_t i = 0; i < n; i++) {
        if (!memcmp(of_a + i * size, of_b + i * size, size)) continue;
        const double x = pal_tensor_get(a, i), y = pal_tensor_get(b, i), apart = x == y ? 0 : fabs(x - y);
        const double base = fmax(fabs(x), fabs(y));
        double places = apart;
        if (a->dtype == PAL_F32) places = (double)llabs(place_f32((float)x) - place_f32((float)y));
        if (a->dtype == PAL_F64) places = fabs((double)place_f64(x) - (double)place_f64(y));
        e.differ++;
        e.absolute = larger(e.absolute, apart);
        e.relative = larger(e.relative, apart > 0 ? apart / base : apart);
        e.places = larger(e.places, isnan(apart) ? apart : places);
    }
    return e;
}

/* Tensors that are no weights: the state of an optimiser, as its update rule names it, and the state of training. */
static bool is_state(const char *name)
{
    for (size_t i = 0; pal_minimise_name(i); i++) {
        const size_t n = strlen(pal_minimise_name(i));
        if (!strncmp(name, pal_minimise_name(i), n) && name[n] == '/') return true;
    }
    for (size_t i = 0; i < pal_optimizer_kinds(); i++) {
        const size_t n = strlen(pal_optimizer_name(i));
        if (!strncmp(name, pal_optimizer_name(i), n) && name[n] == '/') return true;
    }
    return !strncmp(name, "train/", 6);
}

static json_t *compare_tensors(const pal_tensor *a, const pal_tensor *b, const char *name, bool state)
{
    char of_a[128] = "", of_b[128] = "";
    if (a) snprintf(of_a, sizeof of_a, "%s", pal_dtype_name(a->dtype));
    if (b) snprintf(of_b, sizeof of_b, "%s", pal_dtype_name(b->dtype));
    if (a) pal_shape_text(a->shape, of_a + strlen(of_a), sizeof of_a - strlen(of_a));
    if (b) pal_shape_text(b->shape, of_b + strlen(of_b), sizeof of_b - strlen(of_b));
    json_t *out =
        json_pack("{s:s, s:b, s:[s?, s?]}", "name", name, "state", state, "types", a ? of_a : NULL, b ? of_b : NULL);
    if (!a || !b || strcmp(of_a, of_b) != 0) {
        json_object_set_new(out, "equal", json_false());
        return out;
    }
    const extent e = measure(a, b);
    json_object_set_new(out, "equal", json_boolean(!e.differ));
    json_object_set_new(out, "elements", json_integer((json_int_t)pal_tensor_count(a)));
    json_object_set_new(out, "differing", json_integer(e.differ));
    json_object_set_new(out, "absolute", pal_cli_number(e.absolute));
    json_object_set_new(out, "relative", pal_cli_number(e.relative));
    json_object_set_new(out, "places", pal_cli_number(e.places));
    return out;
}

static pal_safetensors *open_weights(const pal_rundir *dir, pal_context *context, pal_error *err)
{
    char path[PAL_CLI_PATH];
    return pal_safetensors_open(context, pal_rundir_file(dir, "checkpoint.safetensors", path, sizeof path), err);
}

/* {"equal", "tensors": [...]}: those of both, in the order of the first. */
static json_t *compare_weights(const pal_rundir *first, const pal_rundir *other, pal_context *context, pal_error *err)
{
    pal_safetensors *a = open_weights(first, context, err), *b = a ? open_weights(other, context, err) : NULL;
    json_t *list = json_array();
    const char *name;
    pal_tensor *t;
    bool equal = true;
    for (size_t i = 0; b && (t = pal_safetensors_at(a, i, &name)); i++)
        json_array_append_new(list, compare_tensors(t, pal_safetensors_find(b, name), name, is_state(name)));
    for (size_t i = 0; b && (t = pal_safetensors_at(b, i, &name)); i++)
        if (!pal_safetensors_find(a, name)) json_array_append_new(list, compare_tensors(NULL, t, name, is_state(name)));
    for (size_t i = 0; i < json_array_size(list); i++)
        equal &= json_is_true(json_object_get(json_array_get(list, i), "equal"));
    const bool good = b && list;
    pal_safetensors_free(a);
    pal_safetensors_free(b);
    if (good) return json_pack("{s:b, s:o}", "equal", equal, "tensors", list);
    json_decref(list);
    return NULL;
}

json_t *pal_cli_compare_results(const pal_rundir *first, const pal_rundir *other, pal_context *context, pal_error *err)
{
    json_t *weights = compare_weights(first, other, context, err);
    if (!weights) return NULL;
    json_t *metrics = compare_metrics(first, other);
    const bool equal =
        json_is_true(json_object_get(weights, "equal")) && json_is_true(json_object_get(metrics, "equal"));
    json_t *out = json_pack("{s:b, s:o, s:o}", "equal", equal, "metrics", metrics, "weights", weights);
    if (!out) pal_error_set(err, PAL_ERR_MEMORY, "out of memory");
    return out;
}
