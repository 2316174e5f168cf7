/* test_curved.c - training by K-FAC: every variant learns, in both types; the bits do not depend on threads; what does
 * not fit together is refused. */
#include <math.h>

#include "tests/train/runs.h"

Suite *curved_suite(void);

static const char *const variants[] = {
    "basic", "deep", "denoising", "sparse", "variational", "importance-weighted", "contractive", "stacked"};
enum { VARIANTS = sizeof variants / sizeof *variants };

static const pal_schedule schedule = {.name = "constant", .learning_rate = 1};

static pal_model *trained(pal_context *c, const char *variant, pal_dtype dtype, const pal_dataset *data, double damping,
                          int64_t epochs, pal_train_result *result)
{
    pal_error err = {0};
    const pal_variant *v = pal_variant_find(variant);
    pal_model *m = pal_model_new(c, v, &(pal_setting){"layers", "5,3"},
                                 pal_variant_option_find(v, "layers")->type == PAL_OPTION_SIZES, PAL_SHAPE(FEATURES),
                                 dtype, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "kfac", .damping = damping};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = epochs,
                                 .batch = 20,
                                 .seed = 3,
                                 .lanes = 2,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule};
    ck_assert_msg(!pal_train(m, data, &o, result, &err), "%s: %s", variant, err.text);
    return m;
}

/* At a low damping, too: there steps ran away as long as the divergence of a code was not in the Fisher matrix. */
START_TEST(every_variant_learns)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    for (int k = 0; k < 4; k++) {
        pal_train_result first, last;
        const pal_dtype dtype = k & 1 ? PAL_F64 : PAL_F32;
        const double damping = k & 2 ? 1e-3 : 0;
        pal_model_free(trained(context, variants[_i], dtype, data, damping, 1, &first));
        pal_model_free(trained(context, variants[_i], dtype, data, damping, 15, &last));
        const double noise = pal_variant_find(variants[_i])->posterior ? 1.05 : 1; /* codes are drawn */
        ck_assert_msg(last.train_loss < noise * first.train_loss, "%s: %g, then %g", variants[_i], first.train_loss,
                      last.train_loss);
    }
    pal_dataset_free(data);
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_train_result result[2];
    pal_context *one = context_with(1), *three = context_with(3);
    pal_model *a = trained(one, variants[_i], PAL_F32, data, 0, 3, &result[0]),
              *b = trained(three, variants[_i], PAL_F32, data, 0, 3, &result[1]);
    ck_assert(result[0].train_loss == result[1].train_loss);
    for (size_t i = 0; i < pal_model_parameter_count(a); i++) {
        const pal_tensor *p = pal_model_parameter(a, i, NULL), *q = pal_model_parameter(b, i, NULL);
        ck_assert_mem_eq(p->data, q->data, pal_tensor_bytes(p));
    }
    pal_model_free(a);
    pal_model_free(b);
    pal_context_free(one);
    pal_context_free(three);
    pal_dataset_free(data);
}
END_TEST

/* A step that moves nothing is judged by the same function, although the divergence weighs more in the next one. */
START_TEST(a_counter_of_steps_is_no_change_of_the_loss)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_error err = {0};
    pal_train_result result;
    const pal_setting settings[] = {{"layers", "5,3"}, {"beta", "1000"}, {"beta-warm-up", "100"}};
    pal_model *m =
        pal_model_new(context, pal_variant_find("variational"), settings, 3, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_rundir *run = pal_rundir_new(path_of("run"), &(pal_run_info){.model = "variational"}, &err);
    ck_assert_msg(run != NULL, "%s", err.text);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "kfac", .damping = 0.5};
    const pal_schedule still = {.name = "constant", .learning_rate = 1e-12};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = 5,
                                 .batch = 20,
                                 .seed = 3,
                                 .optimizer = &optimizer,
                                 .schedule = &still,
                                 .folder = run};
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    pal_safetensors *saved = pal_safetensors_open(context, path_of("run/checkpoint.safetensors"), &err);
    ck_assert_msg(saved != NULL, "%s", err.text);
    ck_assert_double_gt(pal_tensor_get(pal_safetensors_find(saved, "warm-up/steps"), 0), 5);
    ck_assert_double_lt(pal_tensor_get(pal_safetensors_find(saved, "kfac/promised"), 0), 0);
    ck_assert_double_eq(pal_tensor_get(pal_safetensors_find(saved, "kfac/damping"), 0), 0.5);
    pal_safetensors_free(saved);
    pal_rundir_free(run);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_error err = {0};
    pal_train_result result;
    pal_rate_curve curve;
    pal_model *m = pal_model_new(context, pal_variant_find("basic"), NULL, 0, PAL_SHAPE(FEATURES), PAL_F32, 7, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "kfac"};
    pal_train_options o = {.struct_size = sizeof o,
                           .epochs = 1,
                           .batch = 5,
                           .accumulate = 2,
                           .optimizer = &optimizer,
                           .schedule = &schedule};
    ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "kfac measures") && strstr(err.text, "--accumulate 1"), "%s", err.text);
    const pal_find_rate_options search = {.struct_size = sizeof search, .batch = 5, .optimizer = &optimizer};
    ck_assert_int_eq(pal_find_rate(m, data, &search, &curve, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "kfac finds") && strstr(err.text, "train without --learning-rate"), "%s", err.text);
    pal_rate_curve_free(&curve);
    optimizer.damping = -3;
    o.accumulate = 1;
    ck_assert_int_eq(pal_train(m, data, &o, &result, &err), PAL_ERR_ARGUMENT);
    ck_assert_msg(strstr(err.text, "damping") != NULL, "%s", err.text);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

Suite *curved_suite(void)
{
    Suite *s = suite_create("curved");
    TCase *t = in_own_folder(tcase_create("curved"));
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_variant_learns, 0, VARIANTS);
    tcase_add_loop_test(t, bits_do_not_depend_on_threads, 0, VARIANTS);
    tcase_add_test(t, a_counter_of_steps_is_no_change_of_the_loss);
    tcase_add_test(t, what_does_not_fit_is_refused);
    suite_add_tcase(s, t);
    return s;
}
