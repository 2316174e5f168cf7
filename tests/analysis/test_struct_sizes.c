/* test_struct_sizes.c - tests every struct that begins with its size. A size that no version had is refused with one
 * line, whatever else is in the struct. In a struct of an older version, missing fields have their defaults. */
#include <math.h>
#include <string.h>

#include "optim/minimise.h"
#include "analysis/analysis.h"
#include "autograd/communicator.h"
#include "autograd/explain.h"
#include "autograd/gradcheck_function.h"
#include "autograd/operation.h"
#include "plot/plot.h"
#include "tests/files.h"
#include "tests/testing.h"
#include "train/train.h"

static pal_context *c;
static pal_model *m, *vae;
static pal_dataset *data;
static const char *picture;

static void set_up(void)
{
    const char *path = path_of("rows.csv");
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 12; i++) fprintf(f, "0.%d,0.%d,0.5,0.%d\n", i % 10, i % 7, i % 3);
    fclose(f);
    pal_error err = {0};
    c = context_with(1);
    data = pal_dataset_open(c, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    const pal_setting two = {"hidden", "2"};
    m = pal_model_new(c, pal_variant_find("basic"), &two, 1, data->sample, PAL_F32, 1, &err);
    vae = pal_model_new(c, pal_variant_find("variational"), &two, 1, data->sample, PAL_F32, 1, &err);
    ck_assert(m && vae);
    picture = path_of("picture.png");
}

static void tear_down(void)
{
    pal_model_free(m);
    pal_model_free(vae);
    pal_dataset_free(data);
    pal_context_free(c);
}

/* ---- One call per struct: the options contain only their size ------------------------------------------------- */

static void of_tape(const pal_tape *t, pal_error *err)
{
    if (pal_tape_error(t)) pal_error_set(err, pal_tape_status(t), "%s", pal_tape_error(t));
}

#define ON_TAPE(name, type, call)                                                                                      \
    static void name(const void *o, pal_error *err)                                                                    \
    {                                                                                                                  \
        const type *options = o;                                                                                       \
        pal_tape *t = pal_tape_new(c, PAL_F32);                                                                        \
        pal_tensor *xs = random_tensor(c, PAL_F32, PAL_SHAPE(2, 3, 4, 4), 0, 1, "x"),                                  \
                   *vs = random_tensor(c, PAL_F32, PAL_SHAPE(3), 0, 1, "v"),                                           \
                   *us = random_tensor(c, PAL_F32, PAL_SHAPE(3), 0, 1, "u");                                           \
        pal_var x = pal_leaf(t, xs, "x"), v = pal_leaf(t, vs, "v"), u = pal_leaf(t, us, "u"), none = {.tape = t};      \
        call;                                                                                                          \
        (void)x, (void)v, (void)u, (void)none;                                                                         \
        of_tape(t, err);                                                                                               \
        pal_tape_free(t);                                                                                              \
        pal_tensor_free(xs);                                                                                           \
        pal_tensor_free(vs);                                                                                           \
        pal_tensor_free(us);                                                                                           \
    }

static void shards(const void *o, pal_error *err)
{
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tape_share(t, o);
    of_tape(t, err);
    pal_tape_free(t);
}

ON_TAPE(compile, pal_compile_options, pal_program_free(pal_compile(t, &x, 1, options)))
ON_TAPE(graph, pal_graph_options, pal_text_free(c, pal_graph_text(t, &x, 1, options)))
ON_TAPE(explain, pal_explain_options, pal_text_free(c, pal_explain(t, &x, 1, options)))
ON_TAPE(conv, pal_conv2d_options, pal_conv2d(x, x, options))
ON_TAPE(pool, pal_pool2d_options, pal_max_pool2d(x, options))
ON_TAPE(batch_norm, pal_batch_norm_options, pal_batch_norm(x, none, none, v, u, options))
ON_TAPE(descriptor, pal_op, pal_record(t, options, &x, 1, NULL))

static void context(const void *o, pal_error *err)
{
    pal_context *made = pal_context_new(o); /* this call has no error argument */
    if (!made) pal_error_set(err, PAL_ERR_ARGUMENT, "struct_size");
    pal_context_free(made);
}

static void parse(const void *o, pal_error *err)
{
    pal_tape *t = pal_tape_new(c, PAL_F32);
    pal_tape_parse(t, "", o, NULL, NULL, err);
    pal_tape_free(t);
}

static pal_var identity(pal_tape *t, const pal_var *in, const void *user)
{
    (void)t, (void)user;
    return in[0];
}

static int halve(const pal_function_call *call)
{
    *(double *)call->out[0] = *(const double *)call->in[0] / 2;
    if (call->gradient[0]) *(double *)call->gradient[0] = 0.5;
    return 0;
}

static const pal_array halved = {.name = "x"};

static void function_options(const void *o, pal_error *err)
{
    const pal_function f = {.struct_size = sizeof f,
                            .name = "halve",
                            .dtype = PAL_F64,
                            .in = &halved,
                            .out = &halved,
                            .n_in = 1,
                            .n_out = 1,
                            .forward = halve};
    pal_function_report r;
    pal_status status = pal_gradcheck_function(c, &f, o, &r);
    if (status) pal_error_set(err, status, "%s", r.message);
}

static void function(const void *f, pal_error *err)
{
    pal_function_report r;
    pal_status status = pal_gradcheck_function(c, f, NULL, &r);
    if (status) pal_error_set(err, status, "%s", r.message);
}

static void gradcheck(const void *o, pal_error *err)
{
    pal_gradcheck_report r;
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(2), 0, 1, "x");
    pal_status status = pal_gradcheck(c, "identity", identity, NULL, &x, 1, o, &r);
    if (status) pal_error_set(err, status, "%s", r.message);
    pal_tensor_free(x);
}

static void optimizer(const void *o, pal_error *err)
{
    const char *name;
    pal_tensor *w = pal_model_parameter(m, 0, &name);
    pal_optimizer_free(pal_optimizer_new(c, o, &w, &name, 1, err));
}

static pal_status square(const double *x, double *value, double *gradient, void *user)
{
    (void)user;
    *value = *x * *x;
    *gradient = 2 * *x;
    return PAL_OK;
}

static void lbfgs(const void *o, pal_error *err)
{
    double x = 1;
    pal_lbfgs(&x, 1, square, NULL, o, NULL, err);
}

static pal_status no_value(double *value, pal_slab *gradient, void *user)
{
    (void)value, (void)gradient, (void)user;
    return PAL_ERR_STOPPED;
}

static pal_status no_product(const pal_slab *v, pal_slab *product, void *user)
{
    (void)v, (void)product, (void)user;
    return PAL_ERR_STOPPED;
}

/* The call that is tested is the one whose struct is given; of the other struct the default. */
static void minimise(const void *options, const pal_objective *given, pal_error *err)
{
    const pal_shape shape = PAL_SHAPE(2);
    pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
    const pal_objective f = {.struct_size = sizeof f, .x = x, .evaluate = no_value, .hessian = no_product};
    pal_minimiser_free(pal_minimiser_new(given ? given : &f, options, err));
    pal_slab_free(x);
}

static void minimise_options(const void *o, pal_error *err) { minimise(o, NULL, err); }
static void objective(const void *o, pal_error *err) { minimise(NULL, o, err); }

static void lanczos(const void *o, pal_error *err)
{
    const pal_shape shape = PAL_SHAPE(2);
    pal_slab *x = pal_slab_new(c, PAL_F64, &shape, 1);
    const pal_objective f = {.struct_size = sizeof f, .x = x, .hessian = no_product};
    double values[2];
    pal_lanczos(&f, o, 1, values, NULL, err);
    pal_slab_free(x);
}

static void variant(const void *o, pal_error *err) { pal_variant_register(o, err); }
static void workspace(const void *o, pal_error *err) { pal_workspace_free(pal_workspace_new(m, o, err)); }

static void evaluate(const void *o, pal_error *err)
{
    pal_figures figures;
    pal_evaluate(m, data, o, &figures, err);
}

static void train(const void *o, pal_error *err)
{
    pal_train_result result;
    pal_train(m, data, o, &result, err);
}

static void find_rate(const void *o, pal_error *err)
{
    pal_rate_curve curve;
    pal_find_rate(m, data, o, &curve, err);
    pal_rate_curve_free(&curve);
}

static void train_check(const void *o, pal_error *err) { pal_train_check(m, data, o, err); }
static void sweep(const void *o, pal_error *err) { pal_sweep_free(pal_sweep_new(o, err)); }
static void reconstruct(const void *o, pal_error *err) { pal_reconstruct_write(m, data, o, picture, err); }
static void filters(const void *o, pal_error *err) { pal_filters_write(o, picture, err); }

static void scatter(const void *o, pal_error *err)
{
    pal_scatter result;
    pal_scatter_write(m, data, o, picture, &result, err);
}

static void geometry(const void *o, pal_error *err) { pal_geometry_free(pal_geometry_new(m, data, NULL, o, err)); }

static void classify(const void *o, pal_error *err)
{
    pal_classification result;
    pal_classify(m, data, data, o, &result, err);
}

static void head(const void *o, pal_error *err)
{
    pal_classification result;
    pal_classify_head(m, data, o, &result, err);
}

static void importance(const void *o, pal_error *err)
{
    pal_importance_result result;
    pal_importance(vae, data, o, &result, err);
}

static void importance_check(const void *o, pal_error *err) { pal_importance_check(vae, data, o, err); }

static void denoise(const void *o, pal_error *err)
{
    pal_denoise_figures figures;
    pal_denoise(m, data, o, &figures, NULL, err);
}

static void detector(const void *o, pal_error *err) { pal_detector_free(pal_detector_new(m, o, err)); }

static void detection_picture(const void *o, pal_error *err)
{
    pal_detection_write((const double[]){1, 2}, (const uint8_t[]){0, 1}, 2, o, picture, err);
}

static void infill(const void *o, pal_error *err)
{
    const uint8_t missing[4] = {1};
    float out[4];
    pal_infill(m, data->inputs->data, missing, 1, o, out, err);
}

static void impute(const void *o, pal_error *err)
{
    const double rows[4] = {NAN};
    double out[4];
    pal_impute(m, rows, 1, o, out, NULL, err);
}

static void impute_options(const void *o, pal_error *err) { pal_impute_measure(m, data, data, o, NULL, NULL, err); }

static void infill_picture(const void *o, pal_error *err)
{
    const uint8_t missing[4] = {1};
    pal_infill_figures figures;
    pal_infill_write(m, data, missing, o, &figures, NULL, err);
}

static void interpolate(const void *o, pal_error *err) { pal_interpolate_write(m, data, o, NULL, NULL, err); }
static void sample(const void *o, pal_error *err) { pal_sample_write(vae, o, picture, err); }
static void grid(const void *o, pal_error *err) { pal_grid_write(o, picture, err); }
static void curves(const void *o, pal_error *err) { pal_curves_write(o, picture, err); }
static void points(const void *o, pal_error *err) { pal_points_write(o, picture, err); }
static void matrix(const void *o, pal_error *err) { pal_matrix_write(o, picture, err); }
static void plan_picture(const void *o, pal_error *err) { pal_plan_write(o, picture, err); }

#define ROW(type, call)                                                                                                \
    {                                                                                                                  \
#type, sizeof(type), sizeof(type), call                                                                        \
    }
#define SINCE(type, field, call)                                                                                       \
    {                                                                                                                  \
#type, sizeof(type), offsetof(type, field), call                                                               \
    }
static const struct {
    const char *name;
    size_t size, first; /* first: the size in the first version */
    void (*call)(const void *options, pal_error *err);
} structs[] = {
    SINCE(pal_compile_options, trace, compile),
    SINCE(pal_context_options, subnormals, context),
    ROW(pal_graph_options, graph),
    ROW(pal_explain_options, explain),
    ROW(pal_parse_options, parse),
    ROW(pal_gradcheck_options, gradcheck),
    ROW(pal_function, function),
    ROW(pal_function_options, function_options),
    ROW(pal_op, descriptor),
    ROW(pal_conv2d_options, conv),
    ROW(pal_pool2d_options, pool),
    ROW(pal_batch_norm_options, batch_norm),
    SINCE(pal_optimizer_options, momentum_schedule, optimizer),
    ROW(pal_lbfgs_options, lbfgs),
    ROW(pal_minimise_options, minimise_options),
    ROW(pal_shards, shards),
    ROW(pal_objective, objective),
    ROW(pal_lanczos_options, lanczos),
    ROW(pal_variant, variant),
    SINCE(pal_workspace_options, features, workspace),
    {"pal_evaluate_options", sizeof(pal_evaluate_options), offsetof(pal_evaluate_options, train), evaluate},
    {"pal_train_options", sizeof(pal_train_options), offsetof(pal_train_options, check_nan), train},
    {"pal_train_options", sizeof(pal_train_options), offsetof(pal_train_options, check_nan), train_check},
    ROW(pal_find_rate_options, find_rate),
    ROW(pal_sweep_options, sweep),
    SINCE(pal_reconstruct_options, view, reconstruct),
    SINCE(pal_filters_options, shares, filters),
    SINCE(pal_scatter_options, csv, scatter),
    ROW(pal_geometry_options, geometry),
    ROW(pal_classify_options, classify),
    ROW(pal_classify_options, head),
    SINCE(pal_importance_options, first, importance),
    SINCE(pal_importance_options, first, importance_check),
    ROW(pal_detect_options, detector),
    ROW(pal_detection_picture, detection_picture),
    SINCE(pal_denoise_options, view, denoise),
    ROW(pal_infill_options, infill),
    ROW(pal_infill_options, impute),
    ROW(pal_impute_options, impute_options),
    SINCE(pal_infill_picture, view, infill_picture),
    SINCE(pal_interpolate_options, view, interpolate),
    SINCE(pal_sample_options, data, sample),
    ROW(pal_grid, grid),
    SINCE(pal_curves, csv, curves),
    SINCE(pal_points, csv, points),
    SINCE(pal_matrix, csv, matrix),
    ROW(pal_plan_drawing, plan_picture),
};
enum { STRUCTS = sizeof structs / sizeof *structs };

static bool names_the_size(size_t row, size_t size)
{
    pal_error err = {0};
    _Alignas(16) char bytes[1024] = {0};
    ck_assert_uint_le(structs[row].size + 16, sizeof bytes);
    memcpy(bytes, &size, sizeof size);
    structs[row].call(bytes, &err);
    const bool named = err.status == PAL_ERR_ARGUMENT && strstr(err.text, "struct_size");
    ck_assert_msg(!named || !strchr(err.text, '\n'), "%s", err.text);
    return named;
}

START_TEST(sizes_that_no_version_had_are_refused)
{
    const size_t size = structs[_i].size, wrong[] = {0, 3, structs[_i].first - 1, size + 1, size + 8, SIZE_MAX};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        ck_assert_msg(names_the_size((size_t)_i, wrong[k]), "%s of %zu bytes is taken", structs[_i].name, wrong[k]);
}
END_TEST

START_TEST(known_sizes_are_taken)
{
    for (size_t size = structs[_i].first; size <= structs[_i].size; size++)
        ck_assert_msg(!names_the_size((size_t)_i, size), "%s of %zu bytes is refused", structs[_i].name, size);
}
END_TEST

static void never(const pal_trace *made, void *user)
{
    (void)made, (void)user;
    ck_abort_msg("a field beyond the struct was read");
}

START_TEST(fields_beyond_an_older_struct_are_not_read)
{
    pal_compile_options o = {.struct_size = offsetof(pal_compile_options, trace), .trace = never};
    pal_error err = {0};
    compile(&o, &err);
    ck_assert_int_eq(err.status, PAL_OK);
}
END_TEST

Suite *struct_sizes_suite(void)
{
    Suite *s = suite_create("struct_sizes");
    TCase *group = tcase_create("sizes");
    in_own_folder(group);
    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_loop_test(group, sizes_that_no_version_had_are_refused, 0, STRUCTS);
    tcase_add_loop_test(group, known_sizes_are_taken, 0, STRUCTS);
    tcase_add_test(group, fields_beyond_an_older_struct_are_not_read);
    suite_add_tcase(s, group);
    return s;
}
