/* scatter.c - draws samples as points in the plane of the code, coloured by class.
 *
 * A code of two numbers is drawn directly. A longer code is projected onto its two leading principal components, the
 * eigenvectors of its covariance over the drawn samples. The sign of each makes its largest coefficient positive. The
 * covariance and the projections are matrix products, so they are recorded on a tape. Posteriors are drawn over the
 * points as ellipses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/ops.h"
#include "plot/plot.h"
#include "analysis/internal.h"

enum { BATCH = 256, LABEL = 96, PANELS = 16 };

typedef struct scatter {
    pal_model *model;
    const pal_dataset *data;
    int64_t n, k;
    pal_tensor *codes; /* f64 [n, k] */
    double *points;    /* [2, n] */
    double *axes;      /* [2, k] */
    pal_ellipse *ellipses;
    size_t n_ellipses;
    const char *title;
    double share[2];      /* of the variance, per axis */
    char label[2][LABEL]; /* of the axes */
} scatter;

/* Computes the codes of the first n samples by inference (pal_encode). */
static pal_status encode(scatter *s, pal_workspace *workspace, pal_error *err)
{
    pal_tensor *x = pal_tensor_new(pal_model_context(s->model), PAL_F32, PAL_SHAPE(BATCH, s->data->features));
    float *h = malloc((size_t)(BATCH * s->k) * sizeof *h);
    pal_status status = x && h ? PAL_OK : palt__no_memory(err);
    for (int64_t at = 0; !status && at < s->n; at += BATCH) {
        uint32_t rows[BATCH];
        size_t n = (size_t)(s->n - at < BATCH ? s->n - at : BATCH);
        for (size_t i = 0; i < BATCH; i++) rows[i] = (uint32_t)(at + (int64_t)(i < n ? i : 0));
        status = pal_dataset_gather(s->data, rows, BATCH, x, err);
        if (!status && (status = pal_encode(s->model, workspace, x->data, n, h)))
            pal_error_set(err, status, "%s", pal_workspace_error(workspace));
        for (size_t i = 0; !status && i < n * (size_t)s->k; i++)
            pal_tensor_set(s->codes, (size_t)(at * s->k) + i, (double)h[i]);
    }
    free(h);
    pal_tensor_free(x);
    return status;
}

static pal_var centred(pal_var x) { return pal_sub(x, pal_mean(x, 1, true)); }

/* Evaluates v into out, and copies an error of the tape to err. */
static pal_status eval(pal_var v, double *out, pal_error *err)
{
    pal_status status = pal_eval(v, out);
    return status ? pal_error_set(err, status, "scatter: %s", pal_tape_error(v.tape)) : PAL_OK;
}

static void set_sign(double *v, int64_t k)
{
    int64_t at = 0;
    for (int64_t i = 1; i < k; i++)
        if (fabs(v[i]) > fabs(v[at])) at = i;
    for (int64_t i = 0, negative = v[at] < 0; negative && i < k; i++) v[i] = -v[i];
}

/* points = centred codes times the two leading eigenvectors of their covariance. */
static pal_status project(scatter *s, pal_error *err)
{
    size_t k = (size_t)s->k;
    pal_context *context = pal_model_context(s->model);
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    double *covariance = malloc(k * k * sizeof *covariance), *values = malloc(k * sizeof *values);
    double *vectors = malloc(k * k * sizeof *vectors), total = 0;
    pal_tensor *axes = pal_tensor_new(context, PAL_F64, PAL_SHAPE(2, s->k));
    pal_status status = tape && covariance && values && vectors && axes ? PAL_OK : palt__no_memory(err);
    if (!status) {
        pal_var h = centred(pal_leaf(tape, s->codes, "codes"));
        status = eval(pal_scale(pal_matmul_t(h, h, true, false), 1 / (double)s->n), covariance, err);
        if (!status) status = palt__svd(context, k, k, covariance, values, vectors, err);
        if (!status) {
            for (size_t i = 0; i < k; i++) total += values[i];
            for (int a = 0; a < 2; a++) {
                set_sign(vectors + (size_t)a * k, s->k);
                s->share[a] = total > 0 ? values[a] / total : 0;
            }
            memcpy(axes->data, vectors, 2 * k * sizeof *vectors);
            memcpy(s->axes, vectors, 2 * k * sizeof *vectors);
            status = eval(pal_matmul_t(pal_leaf(tape, axes, "axes"), h, false, true), s->points, err);
        }
    }
    pal_tape_free(tape);
    pal_tensor_free(axes);
    free(vectors);
    free(values);
    free(covariance);
    return status;
}

/* Takes a code of two numbers without projection. share is relative to the variance of the two. */
static void take(scatter *s)
{
    double variance[2];
    s->axes[0] = s->axes[3] = 1;
    for (int a = 0; a < 2; a++) {
        double sum = 0, squares = 0, *p = s->points + a * s->n;
        for (int64_t i = 0; i < s->n; i++) sum += p[i] = pal_tensor_get(s->codes, (size_t)(i * 2 + a));
        for (int64_t i = 0; i < s->n; i++) squares += (p[i] - sum / (double)s->n) * (p[i] - sum / (double)s->n);
        variance[a] = squares;
    }
    for (int a = 0; a < 2; a++)
        s->share[a] = variance[0] + variance[1] > 0 ? variance[a] / (variance[0] + variance[1]) : 0;
}

static int classes_of(const scatter *s)
{
    return s->data->labels && s->data->classes <= PAL_POINTS_CLASSES ? s->data->classes : 0;
}

/* The plot of one model; names [PAL_POINTS_CLASSES] and ellipse_name are room for its texts. */
static pal_points points_of(const scatter *s, const pal_scatter_options *o, const char **names, char *ellipse_name)
{
    const double deviations = o->deviations > 0 ? o->deviations : 1;
    const int classes = classes_of(s);
    snprintf(ellipse_name, LABEL, "posterior, %g s.d.", deviations);
    bool named = classes > 0;
    for (int c = 0; c < classes; c++) named &= (names[c] = pal_dataset_class_name(s->data, c)) != NULL;
    return (pal_points){.struct_size = sizeof(pal_points),
                        .title = s->title,
                        .x_label = s->label[0],
                        .y_label = s->label[1],
                        .x = s->points,
                        .y = s->points + s->n,
                        .count = (size_t)s->n,
                        .classes = classes ? s->data->labels->data : NULL,
                        .names = named ? names : NULL,
                        .class_count = (size_t)classes,
                        .ellipses = s->ellipses,
                        .ellipse_count = s->n_ellipses,
                        .ellipse_name = ellipse_name,
                        .deviations = deviations,
                        .csv = o->csv};
}

static pal_status run(scatter *s, pal_workspace *workspace, const pal_scatter_options *o, pal_error *err)
{
    s->codes = pal_tensor_new(pal_model_context(s->model), PAL_F64, PAL_SHAPE(s->n, s->k));
    s->points = malloc(2 * (size_t)s->n * sizeof *s->points);
    s->axes = calloc(2 * (size_t)s->k, sizeof *s->axes);
    if (!s->codes || !s->points || !s->axes) return palt__no_memory(err);
    pal_status status = encode(s, workspace, err);
    if (status) return status;
    if (s->k == 2)
        take(s);
    else
        status = project(s, err);
    for (int a = 0; a < 2; a++)
        if (s->k == 2)
            snprintf(s->label[a], LABEL, "unit %d of the code", a + 1);
        else
            snprintf(s->label[a], LABEL, "principal component %d of the code (%.1f %% of the variance)", a + 1,
                     100 * s->share[a]);
    if (status || !o->ellipses || !pal_scatter_ellipses(s->model)) return status;
    const palt__plane plane = {.samples = s->n,
                               .code = s->k,
                               .axes = s->axes,
                               .points = s->points,
                               .classes = classes_of(s) ? s->data->labels->data : NULL};
    return palt__ellipses(s->model, s->data, &plane, o->ellipses, &s->ellipses, &s->n_ellipses, err);
}

bool pal_scatter_ellipses(const pal_model *model)
{
    return pal_model_has_posterior(model) && !isnan(pal_distribution_quantile(pal_model_code(model), 0.5));
}

static pal_status check(const pal_model *model, const pal_scatter_options *o, pal_error *err)
{
    if (o->samples < 0)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld samples: choose 0 or more", (long long)o->samples);
    if (o->ellipses < 0 || !(o->deviations >= 0))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%lld ellipses of %g standard deviations: choose 0 or more",
                             (long long)o->ellipses, o->deviations);
    if (!o->ellipses || pal_scatter_ellipses(model)) return PAL_OK;
    const pal_distribution_kind *kind = pal_model_code(model);
    return pal_error_set(
        err, PAL_ERR_ARGUMENT,
        "ellipses need a normal code, but that of %s is %s: leave out --ellipses, or choose a run of variational or "
        "importance-weighted with --code normal",
        pal_model_variant(model)->name, kind ? pal_distribution_name(kind) : "not random");
}

static pal_status run_all(scatter *s, const pal_scatter_options *o, pal_error *err)
{
    pal_error own = {0};
    const pal_context *context = pal_model_context(s->model);
    pal_context_options like = {.struct_size = sizeof like,
                                .threads = pal_context_threads(context),
                                .isa = pal_context_isa(context),
                                .subnormals = pal_context_subnormals(context),
                                .lanes = pal_context_lanes(context)};
    pal_workspace *workspace = pal_workspace_new(
        s->model,
        &(pal_workspace_options){
            .struct_size = sizeof(pal_workspace_options), .batch = BATCH, .context = &like, .features = true},
        &own);
    if (!workspace) return pal_error_set(err, own.status, "%s", own.text);
    s->k = pal_workspace_code(workspace);
    pal_status status =
        s->k > 1 ? run(s, workspace, o, err)
                 : pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "%s: a code of one number cannot be drawn in a plane: choose 2 units or more",
                                 pal_model_variant(s->model)->name);
    pal_workspace_free(workspace);
    return status;
}

/* Whether these options are possible for the models together. */
static pal_status check_all(const pal_shown *models, size_t count, const pal_dataset *data,
                            const pal_scatter_options *o, pal_error *err)
{
    size_t normal = 0;
    if (!count || count > PANELS)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "scatter: %zu models: choose 1 to %d", count, PANELS);
    while (normal < count - 1 && !pal_scatter_ellipses(models[normal].model)) normal++;
    pal_status status = check(models[normal].model, o, err); /* one with a normal code, if there is one */
    for (size_t i = 0; i < count && !status; i++) status = pal_data_check(models[i].model, data, err);
    return status;
}

static pal_status draw(const scatter *s, size_t count, const pal_scatter_options *o, const char *path, pal_error *err)
{
    const char *names[PAL_POINTS_CLASSES] = {0};
    char name[LABEL];
    pal_points points[PANELS];
    const pal_points *panels[PANELS];
    for (size_t i = 0; i < count; i++) {
        points[i] = points_of(&s[i], o, names, name);
        panels[i] = &points[i];
    }
    return count > 1 ? pal_points_panels_write(panels, count, o->title, path, err)
                     : pal_points_write(&points[0], path, err);
}

pal_status pal_scatter_all_write(const pal_shown *models, size_t count, const pal_dataset *data,
                                 const pal_scatter_options *given, const char *path, pal_scatter *results,
                                 pal_error *err)
{
    pal_scatter_options o = {0};
    if (pal_options_read(&o, given, sizeof o, offsetof(pal_scatter_options, csv), "scatter", err))
        return PAL_ERR_ARGUMENT;
    pal_status status = check_all(models, count, data, &o, err);
    if (status) return status;
    scatter s[PANELS] = {0};
    for (size_t i = 0; i < count && !status; i++) {
        s[i] = (scatter){.model = models[i].model,
                         .data = data,
                         .title = count > 1 ? models[i].name : o.title,
                         .n = o.samples && o.samples < data->count ? o.samples : data->count};
        status = run_all(&s[i], &o, err);
    }
    if (!status) status = draw(s, count, &o, path, err);
    for (size_t i = 0; i < count; i++) {
        if (!status && results)
            results[i] = (pal_scatter){.samples = s[i].n,
                                       .code = s[i].k,
                                       .share = {s[i].share[0], s[i].share[1]},
                                       .ellipses = (int64_t)s[i].n_ellipses};
        free(s[i].ellipses);
        free(s[i].axes);
        free(s[i].points);
        pal_tensor_free(s[i].codes);
    }
    return status;
}

pal_status pal_scatter_write(pal_model *model, const pal_dataset *data, const pal_scatter_options *options,
                             const char *path, pal_scatter *result, pal_error *err)
{
    return pal_scatter_all_write(&(pal_shown){.model = model}, 1, data, options, path, result, err);
}
