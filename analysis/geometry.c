/* geometry.c - the Jacobian of the encoder at samples, J = d code / d input: its singular values, its leading right
 * singular vectors, and how far the code moves along the data and across it.
 *
 * One run of the program computes all rows of J at one sample. Its batch has as many copies of the sample as the code
 * has units, and each row gives the derivative of one unit. The singular values of several samples are computed in
 * parallel.
 *
 * Along: J d for the unit vectors d to the nearest neighbours in the training data. Across: J z for random unit vectors
 * z orthogonal to all d (Rifai et al. 2011, "Contractive auto-encoders", section 5: contraction should be strong in all
 * directions except those along the manifold). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "analysis/internal.h"

enum { TOGETHER = 8, SAMPLES = 100, NEIGHBOURS = 10, DIRECTIONS = 10, IMAGES = 6, TANGENTS = 8 };

typedef struct geometer {
    pal_geometry *g;
    pal_geometry_options o;
    pal_model *model;
    const pal_dataset *data, *among;
    pal_context *context;
    size_t code, features, length; /* length: number of singular values per sample */
    pal_tensor *x, *copies, *seed; /* the samples [n, features] as f32; `code` copies of one sample; an identity */
    pal_program *program;
    uint32_t *neighbour; /* [n, neighbours], as is distance */
    double *distance;
    double *jacobian[TOGETHER], *vectors[TOGETHER], *values; /* values [TOGETHER, length] */
    pal_error failed[TOGETHER];
    int64_t first; /* the sample to which jacobian[0] belongs */
} geometer;

/* ---- The Jacobian --------------------------------------------------------------------------------------------- */

/* Number of units in the code of one sample; 0: failed, and the error is on the tape. */
static size_t code_size(geometer *e, pal_tape *tape)
{
    pal_mark mark = pal_tape_mark(tape);
    pal_model_begin(e->model, tape, PAL_EVALUATE);
    pal_var x = pal_fill(tape, pal_model_dtype(e->model), PAL_SHAPE(1, (int64_t)e->features), 0);
    int64_t count = pal_shape_count(pal_shape_of(pal_model_encode(e->model, x)));
    pal_model_end(e->model);
    bool good = !pal_tape_error(tape);
    if (good) pal_tape_rewind(tape, mark);
    return good ? (size_t)count : 0;
}

static pal_status compile(geometer *e, pal_error *err)
{
    const pal_dtype dtype = pal_model_dtype(e->model);
    pal_tape *tape = pal_tape_new(e->context, dtype);
    if (!tape) return palt__no_memory(err);
    e->code = code_size(e, tape);
    const int64_t k = (int64_t)e->code, d = (int64_t)e->features;
    e->copies = k ? pal_tensor_new(e->context, dtype, PAL_SHAPE(k, d)) : NULL;
    e->seed = k ? pal_tensor_new(e->context, dtype, PAL_SHAPE(k, k)) : NULL;
    if (e->copies && e->seed) {
        pal_var x = pal_leaf(tape, e->copies, "inputs"), rows;
        for (int64_t i = 0; i < k; i++) pal_tensor_set(e->seed, (size_t)(i * k + i), 1);
        pal_model_begin(e->model, tape, PAL_EVALUATE);
        pal_var h = pal_reshape(pal_model_encode(e->model, x), PAL_SHAPE(k, k));
        pal_model_end(e->model);
        if (pal_vjp(h, pal_leaf(tape, e->seed, "units"), &x, 1, &rows) == PAL_OK)
            e->program = pal_compile(tape, &rows, 1, NULL);
    }
    const char *why = pal_tape_error(tape);
    if (!e->program)
        pal_error_set(err, why ? pal_tape_status(tape) : PAL_ERR_MEMORY, "%s", why ? why : "out of memory");
    pal_tape_free(tape);
    return e->program ? PAL_OK : PAL_ERR_ARGUMENT;
}

/* Computes J at sample i, [code, features], as double. */
static pal_status jacobian(geometer *e, int64_t i, double *out, pal_error *err)
{
    const float *x = (const float *)e->x->data + i * (int64_t)e->features;
    for (size_t f = 0; f < e->features; f++)
        for (size_t k = 0; k < e->code; k++) pal_tensor_set(e->copies, k * e->features + f, (double)x[f]);
    pal_status status = pal_run(e->program);
    if (status) return pal_error_set(err, status, "%s", pal_program_error(e->program));
    const pal_tensor *j = pal_output(e->program, 0);
    for (size_t k = 0; k < pal_tensor_count(j); k++) out[k] = pal_tensor_get(j, k);
    return PAL_OK;
}

/* ---- Along and across ----------------------------------------------------------------------------------------- */

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double length_of(const double *a, size_t n) { return sqrt(dot(a, a, n)); }

/* The distance ||J d|| that the code moves along d. */
static double moved(const geometer *e, const double *jacobian, const double *d)
{
    double sum = 0;
    for (size_t k = 0; k < e->code; k++) {
        double step = dot(jacobian + k * e->features, d, e->features);
        sum += step * step;
    }
    return sqrt(sum);
}

/* Removes from v its projection onto the span of the n orthonormal rows of basis, and normalises the rest. The removal
 * is done twice because of rounding. false: nothing remains. */
static bool orthogonalise(double *v, const double *basis, size_t n, size_t features)
{
    double before = length_of(v, features);
    for (int pass = 0; pass < 2; pass++)
        for (size_t b = 0; b < n; b++) {
            double part = dot(v, basis + b * features, features);
            for (size_t f = 0; f < features; f++) v[f] -= part * basis[b * features + f];
        }
    double left = length_of(v, features);
    if (!(left > 1e-6 * before)) return false;
    for (size_t f = 0; f < features; f++) v[f] /= left;
    return true;
}

typedef struct mean {
    double sum;
    int64_t n;
} mean;

static void add(mean *m, double value)
{
    m->sum += value;
    m->n++;
}

/* basis has room for neighbours + 1 rows. It receives the directions to the neighbours, orthonormalised. */
static pal_status directions(const geometer *e, int64_t i, const double *jacobian, double *basis, mean *along,
                             mean *across, pal_error *err)
{
    const float *x = (const float *)e->x->data + i * (int64_t)e->features;
    size_t n = 0, all = (size_t)e->o.neighbours;
    pal_tensor *near = pal_tensor_new(e->context, PAL_F64, PAL_SHAPE(1, (int64_t)e->features));
    if (!near) return palt__no_memory(err);
    for (size_t k = 0; k < all && isfinite(e->distance[(size_t)i * all + k]); k++) {
        double *d = basis + n * e->features;
        if (pal_dataset_batch(e->among, &e->neighbour[(size_t)i * all + k], 1, near)) continue;
        for (size_t f = 0; f < e->features; f++) d[f] = ((const double *)near->data)[f] - (double)x[f];
        double distance = length_of(d, e->features);
        for (size_t f = 0; f < e->features; f++) d[f] /= distance;
        add(along, moved(e, jacobian, d));
        n += orthogonalise(d, basis, n, e->features);
    }
    pal_tensor_free(near);
    double *z = basis + n * e->features;
    for (int64_t r = 0; n && r < e->o.directions; r++) {
        uint64_t at = (uint64_t)((i * e->o.directions + r) * (int64_t)e->features);
        pal_noise_normal((pal_noise){.seed = e->o.seed}, "across", at, e->features, z);
        if (orthogonalise(z, basis, n, e->features)) add(across, moved(e, jacobian, z));
    }
    return PAL_OK;
}

/* ---- All samples ---------------------------------------------------------------------------------------------- */

static void decompose(void *argument, size_t i, unsigned worker)
{
    geometer *e = argument;
    bool drawn = e->first + (int64_t)i < e->g->images;
    (void)worker;
    palt__svd(e->context, e->code, e->features, e->jacobian[i], e->values + i * e->length, drawn ? e->vectors[i] : NULL,
              &e->failed[i]);
}

static void keep(geometer *e, int64_t sample, const double *values, const double *vectors)
{
    pal_geometry *g = e->g;
    int class = g->classes ? ((const uint8_t *)e->data->labels->data)[sample] : -1;
    double norm2 = dot(values, values, e->length);
    g->norm += sqrt(norm2) / (double)g->samples;
    g->norm2 += norm2 / (double)g->samples;
    for (size_t i = 0; i < e->length; i++) g->spectrum[i] += values[i] / (double)g->samples;
    if (class >= 0) {
        g->class_samples[class]++;
        for (size_t i = 0; i < e->length; i++) g->class_spectrum[(size_t) class * e->length + i] += values[i];
    }
    if (sample >= g->images) return;
    for (size_t i = 0; i < e->features; i++)
        pal_tensor_set(g->image, (size_t)sample * e->features + i,
                       (double)((const float *)e->x->data)[(size_t)sample * e->features + i]);
    for (size_t t = 0; t < (size_t)g->tangents; t++) { /* the sign is arbitrary: make the largest element positive */
        const double *v = vectors + t * e->features;
        size_t largest = 0;
        for (size_t i = 1; i < e->features; i++)
            if (fabs(v[i]) > fabs(v[largest])) largest = i;
        for (size_t i = 0; i < e->features; i++)
            pal_tensor_set(g->tangent, ((size_t)(sample * g->tangents) + t) * e->features + i,
                           v[largest] < 0 ? -v[i] : v[i]);
    }
}

static pal_status measure(geometer *e, pal_error *err)
{
    mean along = {0}, across = {0};
    pal_status status = PAL_OK;
    double *basis = malloc(((size_t)e->o.neighbours + 1) * e->features * sizeof *basis);
    if (!basis) return palt__no_memory(err);
    for (e->first = 0; !status && e->first < e->g->samples; e->first += TOGETHER) {
        int64_t n = e->g->samples - e->first < TOGETHER ? e->g->samples - e->first : TOGETHER;
        for (int64_t i = 0; !status && i < n; i++) {
            status = jacobian(e, e->first + i, e->jacobian[i], err);
            if (!status && e->among) status = directions(e, e->first + i, e->jacobian[i], basis, &along, &across, err);
        }
        if (status) break;
        pal_parallel(e->context, (size_t)n, decompose, e);
        for (int64_t i = 0; i < n; i++) {
            if (e->failed[i].status && !status)
                status = pal_error_set(err, e->failed[i].status, "%s", e->failed[i].text);
            if (!status) keep(e, e->first + i, e->values + (size_t)i * e->length, e->vectors[i]);
        }
        if (!status && e->o.progress && e->o.progress(e->first + n, e->g->samples, e->o.user))
            status = pal_error_set(err, PAL_ERR_STOPPED, "stopped by the caller");
    }
    free(basis);
    e->g->along = along.n ? along.sum / (double)along.n : (double)NAN;
    e->g->across = across.n ? across.sum / (double)across.n : (double)NAN;
    for (int c = 0; c < e->g->classes; c++)
        for (size_t i = 0; i < e->length && e->g->class_samples[c]; i++)
            e->g->class_spectrum[(size_t)c * e->length + i] /= (double)e->g->class_samples[c];
    return status;
}

/* ---- Construction --------------------------------------------------------------------------------------------- */

static pal_status make_room(geometer *e, pal_error *err)
{
    pal_geometry *g = e->g;
    size_t n = (size_t)g->samples, classes = (size_t)g->classes;
    e->length = e->code < e->features ? e->code : e->features;
    g->code = (int64_t)e->code;
    g->features = (int64_t)e->features;
    g->length = (int64_t)e->length;
    if (g->tangents > g->length) g->tangents = g->length;
    g->spectrum = calloc(e->length, sizeof(double));
    g->class_samples = calloc(classes + 1, sizeof(int64_t));
    g->class_spectrum = calloc(classes * e->length + 1, sizeof(double));
    g->image = pal_tensor_new(e->context, PAL_F32, PAL_SHAPE(g->images, g->features));
    g->tangent = pal_tensor_new(e->context, PAL_F32, PAL_SHAPE(g->images * g->tangents, g->features));
    e->neighbour = calloc(n * (size_t)e->o.neighbours, sizeof *e->neighbour);
    e->distance = calloc(n * (size_t)e->o.neighbours, sizeof *e->distance);
    e->values = malloc(TOGETHER * e->length * sizeof *e->values);
    bool good = g->spectrum && g->class_samples && g->class_spectrum && g->image && g->tangent && e->neighbour &&
                e->distance && e->values;
    for (int i = 0; i < TOGETHER && good; i++) {
        e->jacobian[i] = malloc(e->code * e->features * sizeof(double));
        e->vectors[i] = malloc(e->length * e->features * sizeof(double));
        good = e->jacobian[i] && e->vectors[i];
    }
    return good ? PAL_OK : palt__no_memory(err);
}

static pal_status gather(geometer *e, pal_error *err)
{
    size_t n = (size_t)e->g->samples;
    uint32_t *rows = malloc(n * sizeof *rows);
    e->x = pal_tensor_new(e->context, PAL_F32, PAL_SHAPE((int64_t)n, (int64_t)e->features));
    pal_status status = rows && e->x ? PAL_OK : palt__no_memory(err);
    for (size_t i = 0; i < n && !status; i++) rows[i] = (uint32_t)i;
    if (!status) status = pal_dataset_gather(e->data, rows, n, e->x, err);
    free(rows);
    return status;
}

static int64_t between(int64_t value, int64_t preset, int64_t most)
{
    int64_t n = value ? value : preset;
    return n < most ? n : most;
}

static void clear(geometer *e)
{
    for (int i = 0; i < TOGETHER; i++) {
        free(e->jacobian[i]);
        free(e->vectors[i]);
    }
    free(e->values);
    free(e->distance);
    free(e->neighbour);
    pal_program_free(e->program);
    pal_tensor_free(e->seed);
    pal_tensor_free(e->copies);
    pal_tensor_free(e->x);
}

pal_geometry *pal_geometry_new(pal_model *model, const pal_dataset *data, const pal_dataset *train,
                               const pal_geometry_options *given, pal_error *err)
{
    pal_geometry_options o = {0};
    if (pal_options_read(&o, given, sizeof o, sizeof o, "geometry", err)) return NULL;
    if (o.samples < 0 || o.neighbours < 0 || o.directions < 0 || o.images < 0 || o.tangents < 0) {
        pal_error_set(err, PAL_ERR_ARGUMENT, "geometry: a number of its options is negative: choose 0 or more");
        return NULL;
    }
    if (pal_data_check(model, data, err) || (train && pal_data_check(model, train, err))) return NULL;
    pal_geometry *g = calloc(1, sizeof *g);
    if (!g) {
        palt__no_memory(err);
        return NULL;
    }
    geometer e = {.g = g,
                  .o = o,
                  .model = model,
                  .data = data,
                  .among = train,
                  .context = pal_model_context(model),
                  .features = (size_t)data->features};
    g->sample = pal_model_sample(model);
    g->samples = between(o.samples, SAMPLES, data->count);
    g->images = between(o.images, IMAGES, g->samples);
    g->tangents = between(o.tangents, TANGENTS, data->features);
    g->classes = data->labels ? data->classes : 0;
    g->neighbours = e.o.neighbours = between(o.neighbours, NEIGHBOURS, train ? train->count : 1);
    e.o.directions = o.directions ? o.directions : DIRECTIONS;
    pal_status status = compile(&e, err);
    if (!status) status = make_room(&e, err);
    if (!status) status = gather(&e, err);
    if (!status && train)
        status = palt__neighbours(e.context, e.x->data, (size_t)g->samples, train, (size_t)e.o.neighbours, e.neighbour,
                                  e.distance, err);
    if (!status) status = measure(&e, err);
    clear(&e);
    if (!status) return g;
    pal_geometry_free(g);
    return NULL;
}

void pal_geometry_free(pal_geometry *g)
{
    if (!g) return;
    free(g->spectrum);
    free(g->class_samples);
    free(g->class_spectrum);
    pal_tensor_free(g->image);
    pal_tensor_free(g->tangent);
    free(g);
}
