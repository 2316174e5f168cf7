/* test_semi_supervised.c - tests labels in batches: the two streams of a step, the head and its error, and which
 * parameters move in which phase. */
#include <math.h>
#include <string.h>

#include "tests/data/bright_rows.h"
#include "ops/ops.h"
#include "train/train.h"

Suite *semi_supervised_suite(void);

/* ---- Models --------------------------------------------------------------------------------------------------- */

static pal_model *model_of(const pal_setting *more, size_t n, pal_dtype dtype)
{
    pal_setting settings[12] = {{"hidden", "6"}, {"classes", "4"}};
    pal_error err = {0};
    for (size_t i = 0; i < n; i++) settings[2 + i] = more[i];
    pal_model *m = pal_model_new(context, pal_variant_find("semi-supervised"), settings, 2 + n, PAL_SHAPE(SIDE, SIDE),
                                 dtype, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
static const pal_schedule steady = {.name = "constant", .learning_rate = 0.02};

static pal_train_options options_of(int64_t epochs)
{
    return (pal_train_options){.struct_size = sizeof(pal_train_options),
                               .epochs = epochs,
                               .batch = 10,
                               .seed = 3,
                               .optimizer = &adam,
                               .schedule = &steady};
}

static pal_model *trained(const pal_setting *more, size_t n, int64_t epochs)
{
    pal_error err = {0};
    pal_train_result result;
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    pal_model *m = model_of(more, n, PAL_F32);
    const pal_train_options o = options_of(epochs);
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    pal_dataset_free(data);
    return m;
}

static double error_of(pal_model *m)
{
    pal_error err = {0};
    pal_figures f;
    pal_dataset *data = data_of(PAL_SPLIT_TEST);
    ck_assert_msg(!pal_evaluate(m, data,
                                &(pal_evaluate_options){.struct_size = sizeof(pal_evaluate_options), .batch = 7}, &f,
                                &err),
                  "%s", err.text);
    pal_dataset_free(data);
    return f.error;
}

static bool same(const pal_model *a, const pal_model *b, const char *name)
{
    const pal_tensor *s = pal_model_parameter_find(a, name), *t = pal_model_parameter_find(b, name);
    ck_assert(s && t);
    return !memcmp(s->data, t->data, pal_tensor_bytes(s));
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

static double loss_at(pal_model *m, pal_tensor *x, pal_tensor *y, int64_t cut)
{
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_batch b = {.labelled_from = cut};
    pal_model_begin(m, t, PAL_EVALUATE);
    b.inputs = pal_leaf(t, x, "x");
    if (y) b.labels = pal_leaf(t, y, "y");
    pal_var loss = pal_model_loss(m, &b);
    pal_model_end(m);
    pal_program *p = pal_compile(t, &loss, 1, NULL);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    const double value = pal_tensor_get(pal_output(p, 0), 0);
    pal_program_free(p);
    pal_tape_free(t);
    return value;
}

/* l_X applies to the rows before the cut, l_Y to those after it. Without a cut, both apply to all rows. */
START_TEST(each_stream_has_its_loss)
{
    static const pal_setting plain[] = {{"autoencoder", "basic"}, {"alpha", "0.5"}},
                             contractive[] = {{"autoencoder", "contractive"}, {"alpha", "0.5"}, {"lambda", "2"}};
    const int64_t n = 7, cut = 3;
    pal_model *m = _i ? model_of(contractive, 3, PAL_F64) : model_of(plain, 2, PAL_F64);
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(n, FEATURES), 0, 1, "x");
    pal_tensor *y = pal_tensor_new(context, PAL_F64, PAL_SHAPE(n, CLASSES));
    for (int64_t i = 0; i < n; i++) pal_tensor_set(y, (size_t)(i * CLASSES + i % CLASSES), 1);
    double *xs = x->data, *ys = y->data;
    pal_tensor *first = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(cut, FEATURES), xs),
               *last = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(n - cut, FEATURES), xs + cut * FEATURES),
               *theirs = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(n - cut, CLASSES), ys + cut * CLASSES);
    const double head = loss_at(m, last, theirs, 0) - loss_at(m, last, NULL, 0);
    const double both = head + loss_at(m, first, NULL, 0);
    ck_assert_double_eq_tol(loss_at(m, x, y, cut), both, 1e-12 * both);
    ck_assert_double_gt(head, 0.1);
    pal_tensor_free(first);
    pal_tensor_free(last);
    pal_tensor_free(theirs);
    pal_tensor_free(x);
    pal_tensor_free(y);
    pal_model_free(m);
}
END_TEST

/* A named term is the value that enters the sum: the contraction is already multiplied by alpha. */
START_TEST(terms_are_weighed)
{
    static const char *const alphas[] = {"0.5", "1"};
    double contraction[2] = {0}, reconstruction[2];
    pal_dataset *data = data_of(PAL_SPLIT_TEST);
    for (int i = 0; i < 2; i++) {
        const pal_setting settings[] = {{"autoencoder", "contractive"}, {"lambda", "2"}, {"alpha", alphas[i]}};
        pal_error err = {0};
        pal_figures f;
        pal_model *m = model_of(settings, 3, PAL_F64);
        ck_assert_msg(!pal_evaluate(m, data, NULL, &f, &err), "%s", err.text);
        for (size_t k = 0; k < f.n_terms; k++)
            if (!strcmp(f.terms[k].name, "contraction")) contraction[i] = f.terms[k].value;
        reconstruction[i] = f.terms[0].value;
        pal_model_free(m);
    }
    ck_assert_double_gt(contraction[0], 0);
    ck_assert_double_eq_tol(2 * contraction[0], contraction[1], 1e-12 * contraction[1]);
    ck_assert_double_eq_tol(2 * reconstruction[0], reconstruction[1], 1e-12 * reconstruction[1]);
    pal_dataset_free(data);
}
END_TEST

/* Computes the head's loss and its error by hand, in double, from the codes. */
START_TEST(the_head_is_measured)
{
    pal_error err = {0};
    pal_figures f;
    pal_dataset *data = data_of(PAL_SPLIT_TEST);
    static const pal_setting few = {"labels", "8"};
    pal_model *m = trained(&few, 1, 3);
    pal_workspace *w = pal_workspace_new(m, NULL, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(TESTS, FEATURES));
    uint32_t rows[TESTS];
    for (uint32_t i = 0; i < TESTS; i++) rows[i] = i;
    ck_assert_int_eq(pal_dataset_batch(data, rows, TESTS, x), PAL_OK);
    float h[TESTS * 6];
    ck_assert_int_eq(pal_encode(m, w, x->data, TESTS, h), PAL_OK);
    const float *W = pal_model_parameter_find(m, "head/W")->data, *b = pal_model_parameter_find(m, "head/b")->data;
    double surprise = 0;
    int wrong = 0;
    for (int i = 0; i < TESTS; i++) {
        double a[CLASSES], sum = 0;
        int best = 0;
        for (int k = 0; k < CLASSES; k++) {
            a[k] = (double)b[k];
            for (int j = 0; j < 6; j++) a[k] += (double)h[i * 6 + j] * (double)W[j * CLASSES + k];
            sum += exp(a[k]);
            if (a[k] > a[best]) best = k;
        }
        surprise += log(sum) - a[i % CLASSES];
        wrong += best != i % CLASSES;
    }
    ck_assert_msg(!pal_evaluate(m, data, NULL, &f, &err), "%s", err.text);
    ck_assert_double_eq_tol(f.error, (double)wrong / TESTS, 1e-12);
    ck_assert_uint_eq(f.n_terms, 2);
    ck_assert_str_eq(f.terms[1].name, "classification");
    ck_assert_double_eq_tol(f.terms[1].value, surprise / TESTS, 1e-5 * surprise / TESTS);
    pal_tensor_free(x);
    pal_workspace_free(w);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* Each way of training reaches a small error, and gives the same bits again. */
START_TEST(every_way_of_training_learns)
{
    static const char *const ways[] = {"sequential", "joint", "alternate"};
    static const char *const labels[] = {"8", "40"}; /* fewer than a batch, and more */
    for (int i = 0; i < 2; i++) {
        const pal_setting settings[] = {{"training", ways[_i]}, {"labels", labels[i]}};
        pal_model *m = trained(settings, 2, 40), *again = trained(settings, 2, 40);
        const double error = error_of(m);
        ck_assert_msg(error <= 0.1, "%s, %s labels: %g", ways[_i], labels[i], error);
        ck_assert(same(m, again, "head/W") && same(m, again, "encoder/W"));
        pal_model_free(m);
        pal_model_free(again);
    }
}
END_TEST

/* The head is trained on a fixed code. Options of the head, such as its epochs and the number of labels, do not change
 * the autoencoder. */
START_TEST(sequential_training_fixes_the_code)
{
    static const pal_setting a[] = {{"training", "sequential"}, {"head-epochs", "1"}},
                             b[] = {{"training", "sequential"}, {"head-epochs", "3"}, {"labels", "8"}};
    pal_model *m = trained(a, 2, 4), *n = trained(b, 3, 4);
    static const char *const fixed[] = {"encoder/W", "encoder/b", "decoder/b"};
    for (size_t i = 0; i < 3; i++) ck_assert(same(m, n, fixed[i]));
    ck_assert(!same(m, n, "head/W"));
    pal_model_free(m);
    pal_model_free(n);
}
END_TEST

/* Exchanges the labels of the samples that are last in the order of the draw. With few labels, the result must have the
 * same bits. */
START_TEST(labels_that_were_not_drawn_are_not_seen)
{
    static const char *const labels[] = {"8", "40", "80"};
    for (int i = 0; i < 3; i++) {
        const pal_setting settings[] = {{"training", "alternate"}, {"labels", labels[i]}};
        pal_model *m[2];
        for (int k = 0; k < 2; k++) {
            pal_error err = {0};
            pal_train_result result;
            uint32_t order[SAMPLES];
            pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
            uint8_t *label = data->labels->data;
            ck_assert_int_eq(pal_epoch_order(3, "labels", 0, order, SAMPLES), PAL_OK);
            for (int j = SAMPLES - 10; k && j + 1 < SAMPLES; j++) {
                const uint8_t other = label[order[j]];
                label[order[j]] = label[order[j + 1]];
                label[order[j + 1]] = other;
            }
            m[k] = model_of(settings, 2, PAL_F32);
            const pal_train_options o = options_of(2);
            ck_assert_msg(!pal_train(m[k], data, &o, &result, &err), "%s", err.text);
            ck_assert_int_eq(result.epochs, 4);
            ck_assert_int_eq(result.planned, 4);
            pal_dataset_free(data);
        }
        ck_assert_int_eq(same(m[0], m[1], "head/W"), i < 2);
        ck_assert_int_eq(same(m[0], m[1], "encoder/W"), i < 2);
        for (int k = 0; k < 2; k++) pal_model_free(m[k]);
    }
}
END_TEST

/* Too many labels, too few labels, a wrong number of classes, and data without labels are refused. */
START_TEST(what_cannot_be_is_refused)
{
    static const struct {
        pal_setting setting;
        const char *says;
    } cases[] = {{{"labels", "81"}, "--labels 81"}, {{"labels", "3"}, "at least 4"}, {{"classes", "3"}, "--classes 4"}};
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    const pal_train_options o = options_of(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_error err = {0};
        pal_model *m = model_of(&cases[i].setting, 1, PAL_F32);
        ck_assert_int_eq(pal_train_check(m, data, &o, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        pal_model_free(m);
    }
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, PAL_F32, PAL_SHAPE(30, SIDE, SIDE), 0, 1, "bare");
    ck_assert_int_eq(pal_npy_write(x, path_of("bare.npy"), &err), PAL_OK);
    pal_dataset *bare = pal_dataset_open(context, path_of("bare.npy"), PAL_SPLIT_TRAIN, &err);
    pal_model *m = model_of(NULL, 0, PAL_F32);
    pal_figures f;
    ck_assert_int_eq(pal_train_check(m, bare, &o, &err), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "no labels"));
    err = (pal_error){0};
    ck_assert_msg(!pal_evaluate(m, bare, NULL, &f, &err), "%s", err.text); /* only the reconstruction is evaluated */
    ck_assert(isnan(f.error) && f.n_terms == 1);
    pal_model_free(m);
    pal_dataset_free(bare);
    pal_tensor_free(x);
    pal_dataset_free(data);
}
END_TEST

Suite *semi_supervised_suite(void)
{
    Suite *suite = suite_create("semi_supervised");
    TCase *tests = in_own_folder(tcase_create("semi_supervised"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_stream_has_its_loss, 0, 2);
    tcase_add_test(tests, terms_are_weighed);
    tcase_add_test(tests, the_head_is_measured);
    tcase_add_loop_test(tests, every_way_of_training_learns, 0, 3);
    tcase_add_test(tests, sequential_training_fixes_the_code);
    tcase_add_test(tests, labels_that_were_not_drawn_are_not_seen);
    tcase_add_test(tests, what_cannot_be_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
