/* test_gradients.c - tests the sizes of the gradients of an epoch: that they are those of the loss, that measuring them
 * changes nothing else, and that a resumed run has the same ones. */
#include <math.h>
#include <time.h>

#include "tests/train/runs.h"

Suite *gradients_suite(void);

enum { BATCH = 10 };

static const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam", .clip_norm = 0.01};
static const pal_schedule fast = {.name = "constant", .learning_rate = 0.02};
/* Steps that move no weight. */
static const pal_optimizer_options gd = {.struct_size = sizeof gd, .name = "gd"};
static const pal_schedule still = {.name = "constant", .learning_rate = 1e-300};

static pal_model *model_of(const char *variant, const pal_setting *settings, size_t n, pal_dtype dtype)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(FEATURES), dtype, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* Stops after this step of the second epoch; 0: never. Reports come at most every 0.1 s: wait, so that each step has
 * one.
 */
static int64_t stop_at;
static int stops(const pal_progress *p, void *user)
{
    (void)user;
    if (stop_at && p->epoch + p->finished >= 2) nanosleep(&(struct timespec){.tv_nsec = 110000000}, NULL);
    return p->epoch == 2 && stop_at && p->step >= stop_at;
}

/* Trains in a folder of this name, of which only the options that differ are in o. */
static pal_rundir *trained(const char *name, pal_model *m, const pal_dataset *data, pal_train_options o)
{
    pal_error err = {0};
    pal_train_result result;
    const pal_run_info info = {.version = "1", .command = "c", .model = "m", .data = "d", .epochs = 2};
    o.struct_size = sizeof o;
    o.epochs = o.epochs ? o.epochs : 2;
    o.batch = o.batch ? o.batch : BATCH;
    o.seed = 3;
    o.lanes = 1;
    if (!o.folder) o.folder = pal_rundir_new(path_of(name), &info, &err);
    ck_assert_msg(o.folder != NULL, "%s", err.text);
    const pal_status status = pal_train(m, data, &o, &result, &err);
    ck_assert_msg(!status || (stop_at && status == PAL_ERR_STOPPED), "%s", err.text);
    return o.folder;
}

/* The squares of the gradient of the loss of these rows, summed over the elements, for each parameter by its name. */
static double squares_of(pal_model *m, const pal_dataset *data, const uint32_t *rows, const char *name)
{
    pal_tensor *x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(BATCH, FEATURES));
    for (size_t i = 0; i < BATCH; i++)
        for (size_t k = 0; k < FEATURES; k++)
            pal_tensor_set(x, i * FEATURES + k,
                           pal_tensor_get(data->inputs, rows[i] * FEATURES + k) * (data->scale > 0 ? data->scale : 1));
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_var leaves[16], g;
    size_t at = 0;
    const char *have;
    pal_model_begin(m, t, PAL_TRAIN);
    pal_var loss = pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x")});
    pal_model_leaves(m, t, leaves);
    pal_model_end(m);
    while (pal_model_parameter(m, at, &have) && strcmp(have, name)) at++;
    double value;
    ck_assert_int_eq(pal_grad(loss, &leaves[at], 1, &g), PAL_OK);
    ck_assert_int_eq(pal_eval(pal_sum_squares(g), &value), PAL_OK);
    pal_tape_free(t);
    pal_tensor_free(x);
    return value;
}

/* With weights that stay, the size is the root mean square of the gradients at these weights, over all batches. */
START_TEST(sizes_are_those_of_the_loss)
{
    const pal_setting settings[] = {{"layers", "6,4,3"}, {"activation", "sigmoid"}, {"output", "squared"}};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *m = model_of("deep", settings, 3, PAL_F64);
    pal_rundir *dir =
        trained("run", m, data, (pal_train_options){.optimizer = &gd, .schedule = &still, .gradient_sizes = true});
    static const char *const order[] = {"encoder/1/W", "encoder/1/b", "encoder/2/W", "encoder/2/b",
                                        "encoder/3/W", "encoder/3/b", "decoder/3/W", "decoder/3/b",
                                        "decoder/2/W", "decoder/2/b", "decoder/1/b", "decoder/1/W"};
    const int64_t steps = data->count / BATCH;
    for (size_t e = 0; e < 2; e++) {
        uint32_t *rows = malloc((size_t)data->count * sizeof *rows);
        ck_assert_int_eq(pal_epoch_order(3, "order", e + 1, rows, (size_t)data->count), PAL_OK);
        const pal_epoch *epoch = pal_rundir_epoch(dir, e);
        ck_assert_uint_eq(epoch->n_gradients, 12);
        for (size_t k = 0; k < 12; k++) {
            double sum = 0;
            const pal_gradient_size *g = &epoch->gradients[k];
            ck_assert_str_eq(g->parameter, order[k]); /* from the input to the output */
            for (int64_t s = 0; s < steps; s++) sum += squares_of(m, data, rows + s * BATCH, g->parameter);
            const double n = (double)pal_tensor_count(pal_model_parameter_find(m, g->parameter)) * (double)steps;
            ck_assert_double_eq_tol(g->size, sqrt(sum / n), 1e-9 * sqrt(sum / n));
        }
        free(rows);
    }
    pal_rundir_free(dir);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

static void same_weights(const pal_model *a, const pal_model *b)
{
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const char *name;
        const pal_tensor *s = pal_model_parameter(a, i, &name), *t = pal_model_parameter(b, i, NULL);
        ck_assert_msg(!memcmp(s->data, t->data, pal_tensor_bytes(s)), "%s", name);
    }
}

/* Measuring changes no bit of the weights: with clipping, noise, several batches a step, tied weights. The gradient of
 * a step of two batches is that of the batch of both. */
START_TEST(measuring_changes_nothing_else)
{
    static const struct {
        const char *variant;
        int64_t parts;
    } rows[] = {{"denoising", 1}, {"basic", 2}, {"variational", 1}, {"contractive", 2}, {"k-sparse", 1}};
    pal_dataset *data = data_of(SAMPLES, "data");
    char name[2][40];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_model *m[3];
        pal_rundir *dir[3];
        for (int with = 0; with < 3; with++) {
            snprintf(name[0], sizeof *name, "run-%zu-%d", i, with);
            m[with] = model_of(rows[i].variant, NULL, 0, PAL_F32);
            const int64_t parts = with == 2 ? 1 : rows[i].parts;
            dir[with] = trained(name[0], m[with], data,
                                (pal_train_options){.optimizer = &adam,
                                                    .schedule = &fast,
                                                    .accumulate = parts,
                                                    .batch = BATCH * rows[i].parts / parts,
                                                    .gradient_sizes = with != 0});
        }
        same_weights(m[0], m[1]);
        ck_assert_uint_eq(pal_rundir_epoch(dir[0], 1)->n_gradients, 0);
        const pal_epoch *several = pal_rundir_epoch(dir[1], 0), *one = pal_rundir_epoch(dir[2], 0);
        ck_assert_uint_eq(several->n_gradients, pal_model_parameter_count(m[1]));
        for (size_t k = 0; k < several->n_gradients; k++) {
            ck_assert_double_gt(several->gradients[k].size, 0);
            ck_assert_double_eq_tol(several->gradients[k].size / one->gradients[k].size, 1, 1e-3);
        }
        for (int with = 0; with < 3; with++) {
            pal_model_free(m[with]);
            pal_rundir_free(dir[with]);
        }
    }
    pal_dataset_free(data);
}
END_TEST

/* A run that is stopped in the middle of an epoch and resumed has the sizes of one that was not. Each phase has those
 * of the parameters that it moves. */
START_TEST(a_resumed_run_has_the_same_sizes)
{
    pal_error err = {0};
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_train_options o = {
        .optimizer = &adam, .schedule = &fast, .gradient_sizes = true, .progress = stops, .batch = 1};
    set_up_phased();
    stop_at = 0;
    pal_model *whole = model_of("phased", NULL, 0, PAL_F32), *part = model_of("phased", NULL, 0, PAL_F32);
    pal_rundir *a = trained("whole", whole, data, o);
    stop_at = 3;
    pal_rundir *stopped = trained("part", part, data, o);
    ck_assert_int_eq(pal_rundir_info(stopped)->result.steps, data->count + 3);
    pal_rundir_free(stopped);
    stop_at = 0;
    o.folder = pal_rundir_resume(path_of("part"), &err);
    ck_assert_msg(o.folder != NULL, "%s", err.text);
    o.resume = true;
    pal_rundir *b = trained("part", part, data, o);
    same_weights(whole, part);
    ck_assert_uint_eq(pal_rundir_epoch_count(a), 5);
    ck_assert_uint_eq(pal_rundir_epoch_count(b), 5);
    static const size_t moved[] = {4, 4, 2, 6, 6};
    for (size_t i = 0; i < 5; i++) {
        const pal_epoch *p = pal_rundir_epoch(a, i), *q = pal_rundir_epoch(b, i);
        ck_assert_uint_eq(p->n_gradients, moved[i]);
        ck_assert_uint_eq(q->n_gradients, moved[i]);
        for (size_t k = 0; k < p->n_gradients; k++) {
            ck_assert_str_eq(p->gradients[k].parameter, q->gradients[k].parameter);
            /* ten digits; the loss of the last phase does not contain first/, whose gradient is 0 */
            ck_assert_double_le(fabs(p->gradients[k].size - q->gradients[k].size), 1e-9 * p->gradients[k].size);
            ck_assert_int_eq(p->gradients[k].size > 0, i < 3 || strncmp(p->gradients[k].parameter, "first/", 6) != 0);
        }
    }
    pal_rundir_free(a);
    pal_rundir_free(b);
    pal_model_free(whole);
    pal_model_free(part);
    pal_dataset_free(data);
}
END_TEST

/* A model in closed form takes no steps, and has no sizes. */
START_TEST(a_closed_form_has_none)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    const pal_setting settings[] = {{"solve", "svd"}, {"hidden", "2"}};
    pal_model *m = model_of("linear", settings, 2, PAL_F32);
    pal_rundir *dir = trained("run", m, data, (pal_train_options){.gradient_sizes = true, .epochs = 1});
    ck_assert_uint_eq(pal_rundir_epoch_count(dir), 1);
    ck_assert_uint_eq(pal_rundir_epoch(dir, 0)->n_gradients, 0);
    pal_rundir_free(dir);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* Of a minimiser: those of the gradient of all samples at the weights after the iteration. */
START_TEST(sizes_of_a_minimiser)
{
    static const char *const methods[] = {"lbfgs", "cg-pr", "newton-cg", "hessian-free"};
    const pal_setting settings[] = {{"layers", "6,4,3"}, {"activation", "sigmoid"}, {"output", "squared"}};
    pal_dataset *data = data_of(BATCH + 1, "data");
    const uint32_t rows[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const pal_optimizer_options o = {.struct_size = sizeof o, .name = methods[i]};
        pal_model *m = model_of("deep", settings, 3, PAL_F64);
        pal_rundir *dir = trained(methods[i], m, data, (pal_train_options){.optimizer = &o, .gradient_sizes = true});
        const pal_epoch *last = pal_rundir_epoch(dir, pal_rundir_epoch_count(dir) - 1);
        double norm = 0;
        ck_assert_uint_eq(last->n_gradients, 12);
        for (size_t k = 0; k < 12; k++) {
            const pal_gradient_size *g = &last->gradients[k];
            const double n = (double)pal_tensor_count(pal_model_parameter_find(m, g->parameter));
            const double sum = squares_of(m, data, rows, g->parameter);
            ck_assert_double_eq_tol(g->size, sqrt(sum / n), 1e-8 * sqrt(sum / n));
            norm += g->size * g->size * n;
        }
        ck_assert_double_eq_tol(last->iteration.norm, sqrt(norm), 1e-8 * sqrt(norm));
        pal_rundir_free(dir);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

Suite *gradients_suite(void)
{
    Suite *suite = suite_create("gradients");
    TCase *tests = in_own_folder(tcase_create("gradients"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, sizes_are_those_of_the_loss);
    tcase_add_test(tests, measuring_changes_nothing_else);
    tcase_add_test(tests, a_resumed_run_has_the_same_sizes);
    tcase_add_test(tests, sizes_of_a_minimiser);
    tcase_add_test(tests, a_closed_form_has_none);
    suite_add_tcase(suite, tests);
    return suite;
}
