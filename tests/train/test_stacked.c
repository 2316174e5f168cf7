/* test_stacked.c - tests the phases of stacking: which phases exist, what each one trains and on which data, and that
 * the whole learns. */
#include <math.h>
#include <string.h>

#include "tests/data/bright_rows.h"
#include "ops/ops.h"
#include "train/train.h"

Suite *stacked_suite(void);

enum { OUTER = 7, INNER = 5 };

static pal_model *model_of(const char *variant, pal_shape sample, const pal_setting *settings, size_t n,
                           pal_dtype dtype)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, sample, dtype, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static pal_model *stacked(const pal_setting *more, size_t n, pal_dtype dtype)
{
    pal_setting settings[12] = {{"layers", "7,5"}, {"classes", "4"}};
    for (size_t i = 0; i < n; i++) settings[2 + i] = more[i];
    return model_of("stacked", PAL_SHAPE(SIDE, SIDE), settings, 2 + n, dtype);
}

static double value_of(pal_tape *t, pal_var v)
{
    pal_program *p = pal_compile(t, &v, 1, NULL);
    ck_assert_tape_ok(t);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    const double value = pal_tensor_get(pal_output(p, 0), 0);
    pal_program_free(p);
    return value;
}

static double loss_at(pal_model *m, pal_tensor *x, const pal_phase *phase)
{
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    const double value = value_of(t, pal_model_loss(m, &(pal_batch){.inputs = pal_leaf(t, x, "x"), .phase = phase}));
    pal_model_end(m);
    pal_tape_free(t);
    return value;
}

static void copy(pal_model *to, const char *name, const pal_model *from, const char *source)
{
    pal_tensor *t = pal_model_parameter_find(to, name), *s = pal_model_parameter_find(from, source);
    ck_assert(s && t && pal_shape_equal(s->shape, t->shape));
    memcpy(t->data, s->data, pal_tensor_bytes(s));
}

/* ---- Tests ---------------------------------------------------------------------------------------------------- */

/* The options for pretraining and fine-tuning select the phases, and whether there is a head. */
START_TEST(phases_are_those_that_are_wanted)
{
    static const struct {
        const char *pretrain, *fine, *names;
        int64_t classes;
    } cases[] = {{"greedy", "none", "layer 1|layer 2|", 0},
                 {"greedy", "autoencoder", "layer 1|layer 2|unrolled|", 0},
                 {"greedy", "both", "layer 1|layer 2|fine-tuning 1|fine-tuning 2|", 4},
                 {"end-to-end", "1", "end-to-end|fine-tuning 1|", 4},
                 {"none", "2", "fine-tuning 2|", 4},
                 {"none", "autoencoder", "unrolled|", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pal_setting settings[] = {{"pretrain", cases[i].pretrain}, {"fine-tuning", cases[i].fine}};
        pal_model *m = stacked(settings, 2, PAL_F64);
        char names[256] = "";
        pal_phase p;
        for (size_t k = 0; pal_model_phase(m, k, 9, &p); k++) strcat(strcat(names, p.name), "|");
        ck_assert_str_eq(names, cases[i].names);
        ck_assert_int_eq(pal_model_classes(m), cases[i].classes);
        ck_assert_int_eq(pal_model_parameter_find(m, "head/W") != NULL, cases[i].classes > 0);
        pal_model_free(m);
    }
}
END_TEST

/* The loss of layer 2 is that of a single-layer variant whose data are the codes of layer 1. */
START_TEST(a_layer_is_an_autoencoder_of_the_code_below)
{
    static const struct {
        const char *kind, *variant, *activation, *output;
    } cases[] = {{"basic", "basic", "sigmoid", "bernoulli"},
                 {"contractive", "contractive", "sigmoid", "bernoulli"},
                 {"denoising", "basic", "sigmoid", "bernoulli"}, /* with nothing masked */
                 {"basic", "basic", "linear", "squared"},
                 {"contractive", "contractive", "linear", "squared"}};
    const char *kind = cases[_i].kind;
    const bool masks = !strcmp(kind, "denoising"), contracts = !strcmp(kind, "contractive");
    const pal_setting settings[] = {{"autoencoder", kind},
                                    {"activation", cases[_i].activation},
                                    {masks ? "masking" : "lambda", masks ? "0" : "0.7"}};
    pal_model *m = stacked(settings, 3, PAL_F64);
    const pal_setting own[] = {
        {"hidden", "5"}, {"activation", cases[_i].activation}, {"output", cases[_i].output}, {"lambda", "0.7"}};
    pal_model *single = model_of(cases[_i].variant, PAL_SHAPE(OUTER), own, contracts ? 4 : 3, PAL_F64);
    copy(single, "encoder/W", m, "encoder/2/W");
    copy(single, "encoder/b", m, "encoder/2/b");
    copy(single, "decoder/b", m, "decoder/2/b");
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(6, FEATURES), 0, 1, "x"),
               *code = pal_tensor_new(context, PAL_F64, PAL_SHAPE(6, OUTER));
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var h = pal_encode_layer(m, pal_leaf(t, x, "x"), 1);
    pal_model_end(m);
    ck_assert_int_eq(pal_eval(h, code->data), PAL_OK);
    pal_tape_free(t);
    pal_phase second;
    ck_assert(pal_model_phase(m, 1, 9, &second));
    const double expected = loss_at(single, code, NULL);
    ck_assert_double_eq_tol(loss_at(m, x, &second), expected, 1e-12 * expected);
    pal_tensor_free(x);
    pal_tensor_free(code);
    pal_model_free(m);
    pal_model_free(single);
}
END_TEST

/* With everything masked, layer 2 receives zeros. Layer 1 receives the clean input, and its code is the target. */
START_TEST(a_layer_corrupts_the_code_below_alone)
{
    pal_model *m = stacked((const pal_setting[]){{"masking", "1"}}, 1, PAL_F64);
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(6, FEATURES), 0, 1, "x");
    pal_tensor *bias = random_tensor(context, PAL_F64, PAL_SHAPE(INNER), -1, 1, "bias");
    pal_tensor *own = pal_model_parameter_find(m, "encoder/2/b");
    memcpy(own->data, bias->data, pal_tensor_bytes(own));
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var clean = pal_encode_layer(m, pal_leaf(t, x, "x"), 1);
    pal_var blind = pal_encode_layer(m, pal_scale(clean, 0), 2);
    pal_var a = pal_decode_layer(m, blind, 2);
    const double expected = value_of(t, pal_mean_over_samples(pal_bernoulli_cross_entropy(a, clean)));
    pal_model_end(m);
    pal_tape_free(t);
    pal_phase second;
    ck_assert(pal_model_phase(m, 1, 9, &second));
    ck_assert_double_eq_tol(loss_at(m, x, &second), expected, 1e-12 * expected);
    pal_tensor_free(bias);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* Applying the layers one by one gives the code of the encoder. */
START_TEST(layers_make_up_the_encoder)
{
    pal_model *m = stacked((const pal_setting[]){{"code-activation", "tanh"}}, 1, PAL_F64);
    pal_tensor *x = random_tensor(context, PAL_F64, PAL_SHAPE(6, FEATURES), 0, 1, "x");
    pal_tape *t = pal_tape_new(context, PAL_F64);
    ck_assert_uint_eq(pal_encoder_layers(m), 2);
    pal_model_begin(m, t, PAL_EVALUATE);
    pal_var in = pal_leaf(t, x, "x"), h = pal_encode_layer(m, pal_encode_layer(m, in, 1), 2);
    ck_assert_double_eq(value_of(t, pal_sum_squares(pal_sub(h, pal_model_encode(m, in)))), 0);
    pal_model_end(m);
    pal_tape_free(t);
    pal_tensor_free(x);
    pal_model_free(m);
}
END_TEST

/* ---- Training ------------------------------------------------------------------------------------------------- */

static const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
static const pal_schedule steady = {.name = "constant", .learning_rate = 0.02};

/* A model after `epochs` epochs of each phase. result may be NULL. */
static pal_model *trained(const pal_setting *more, size_t n, int64_t epochs, pal_train_result *result)
{
    pal_error err = {0};
    pal_train_result own;
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN), *test = data_of(PAL_SPLIT_TEST);
    pal_model *m = stacked(more, n, PAL_F32);
    const pal_train_options o = {.struct_size = sizeof o,
                                 .test = test,
                                 .test_every = 3,
                                 .epochs = epochs,
                                 .batch = 10,
                                 .seed = 3,
                                 .optimizer = &adam,
                                 .schedule = &steady};
    ck_assert_msg(!pal_train(m, data, &o, result ? result : &own, &err), "%s", err.text);
    pal_dataset_free(data);
    pal_dataset_free(test);
    return m;
}

static bool same(const pal_model *a, const pal_model *b, const char *name)
{
    const pal_tensor *s = pal_model_parameter_find(a, name), *t = pal_model_parameter_find(b, name);
    ck_assert_msg(s && t, "%s", name);
    return !memcmp(s->data, t->data, pal_tensor_bytes(s));
}

/* Training a phase changes only the parameters that it names. A run with fewer phases has the bits of those that the
 * longer run does not change. */
START_TEST(a_phase_moves_what_it_names)
{
    static const pal_setting untied = {"tied", "no"};
    const pal_setting none[] = {untied, {"fine-tuning", "none"}}, head[] = {untied, {"fine-tuning", "1"}},
                      all[] = {untied, {"fine-tuning", "2"}}, unrolled[] = {untied, {"fine-tuning", "autoencoder"}};
    pal_model *a = trained(none, 2, 2, NULL), *b = trained(head, 2, 2, NULL), *c = trained(all, 2, 2, NULL),
              *d = trained(unrolled, 2, 2, NULL), *fresh = stacked(head, 2, PAL_F32);
    static const char *const encoder[] = {"encoder/1/W", "encoder/1/b", "encoder/2/W", "encoder/2/b"};
    static const char *const decoder[] = {"decoder/1/W", "decoder/1/b", "decoder/2/W", "decoder/2/b"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(same(a, b, encoder[i]) && same(a, b, decoder[i]) && same(a, c, decoder[i]));
        ck_assert(!same(a, c, encoder[i]) && !same(a, d, encoder[i]) && !same(a, d, decoder[i]));
        ck_assert(!same(a, fresh, encoder[i]) && !same(a, fresh, decoder[i]));
    }
    ck_assert(!same(b, fresh, "head/W") && !same(b, c, "head/W"));
    pal_model *const models[] = {a, b, c, d, fresh};
    for (size_t i = 0; i < 5; i++) pal_model_free(models[i]);
}
END_TEST

/* The training of layer 1 does not depend on the layers after it. */
START_TEST(the_layer_below_stays)
{
    pal_model *shallow = model_of("stacked", PAL_SHAPE(SIDE, SIDE),
                                  (const pal_setting[]){{"layers", "7"}, {"fine-tuning", "none"}}, 2, PAL_F32);
    pal_model *deep = trained((const pal_setting[]){{"fine-tuning", "none"}}, 1, 3, NULL);
    pal_error err = {0};
    pal_train_result result;
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    /* Start from the same weights. They have other names there, and so would be drawn differently. */
    pal_model *start = stacked((const pal_setting[]){{"fine-tuning", "none"}}, 1, PAL_F32);
    copy(shallow, "encoder/W", start, "encoder/1/W");
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 3, .batch = 10, .seed = 3, .optimizer = &adam, .schedule = &steady};
    ck_assert_msg(!pal_train(shallow, data, &o, &result, &err), "%s", err.text);
    const pal_tensor *s = pal_model_parameter_find(shallow, "encoder/W"),
                     *t = pal_model_parameter_find(deep, "encoder/1/W");
    ck_assert_mem_eq(s->data, t->data, pal_tensor_bytes(s));
    pal_dataset_free(data);
    pal_model_free(start);
    pal_model_free(shallow);
    pal_model_free(deep);
}
END_TEST

/* Each way of pretraining, with each kind of autoencoder, reaches a small error. */
START_TEST(every_way_of_pretraining_learns)
{
    static const char *const ways[] = {"greedy", "end-to-end", "none"}, *const kinds[] = {"basic", "denoising",
                                                                                          "contractive"};
    const pal_setting settings[] = {
        {"pretrain", ways[_i % 3]}, {"autoencoder", kinds[_i / 3]}, {"fine-tuning", "both"}, {"labels", "40"}};
    pal_train_result result;
    pal_model *m = trained(settings, 4, 40, &result);
    ck_assert_msg(result.error <= 0.1, "%s, %s: %g", ways[_i % 3], kinds[_i / 3], result.error);
    ck_assert_int_eq(result.epochs, (4 - _i % 3) * 40);
    pal_model_free(m);
}
END_TEST

static bool is_transposed(const pal_model *m, const char *name, const char *of)
{
    const pal_tensor *v = pal_model_parameter_find(m, name), *w = pal_model_parameter_find(m, of);
    const size_t rows = (size_t)w->shape.dim[0], columns = (size_t)w->shape.dim[1];
    bool equal = true;
    for (size_t i = 0; i < rows * columns; i++)
        equal = equal && pal_tensor_get(w, i) == pal_tensor_get(v, i % columns * rows + i / columns);
    return equal;
}

/* Hinton and Salakhutdinov 2006. Pretraining with tied weights has the bits of a tied model, whatever optimiser
 * follows: it has its own. Fine-tuning then begins with the transposed weights: here its steps are too small to move
 * anything. */
START_TEST(layers_are_pretrained_tied_and_unrolled)
{
    pal_error err = {0};
    pal_train_result result;
    pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
    const pal_setting settings[] = {{"tied", "no"},
                                    {"pretrain-tied", "yes"},
                                    {"pretrain-optimizer", "adam"},
                                    {"pretrain-rate", "0.02"},
                                    {"autoencoder", "basic"}};
    static const pal_optimizer_options gd = {.struct_size = sizeof gd, .name = "gd"};
    static const pal_schedule still = {.name = "constant", .learning_rate = 1e-30};
    pal_model *m = stacked(settings, 5, PAL_F32),
              *tied = trained((const pal_setting[]){{"autoencoder", "basic"}, {"fine-tuning", "none"}}, 2, 3, NULL);
    ck_assert(!is_transposed(m, "decoder/1/W", "encoder/1/W"));
    pal_train_options o = {
        .struct_size = sizeof o, .epochs = 3, .batch = 10, .seed = 3, .optimizer = &gd, .schedule = &still};
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, 9);
    static const char *const names[] = {"encoder/1/W", "encoder/2/W", "encoder/1/b",
                                        "encoder/2/b", "decoder/1/b", "decoder/2/b"};
    for (size_t i = 0; i < 6; i++) ck_assert_msg(same(m, tied, names[i]), "%s", names[i]);
    ck_assert(is_transposed(m, "decoder/1/W", "encoder/1/W") && is_transposed(m, "decoder/2/W", "encoder/2/W"));
    pal_model_free(m);

    /* A step that moves the weights moves both sides on their own. */
    m = stacked(settings, 5, PAL_F32);
    o.schedule = &steady;
    o.optimizer = &adam;
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
    ck_assert(!same(m, tied, "encoder/1/W") && !is_transposed(m, "decoder/1/W", "encoder/1/W"));
    pal_model_free(m);
    pal_model_free(tied);
    pal_dataset_free(data);
}
END_TEST

/* The optimiser of pretraining has its own rate, or the one that it has by default for this model and these data. */
START_TEST(an_optimiser_of_pretraining_has_its_rate)
{
    static const char *const rates[] = {NULL, "0.0625"};
    for (size_t i = 0; i < 2; i++) {
        pal_error err = {0};
        pal_train_result result;
        pal_train_defaults d;
        pal_dataset *data = data_of(PAL_SPLIT_TRAIN);
        pal_model *m = stacked((const pal_setting[]){{"pretrain-optimizer", "momentum"}, {"pretrain-rate", rates[i]}},
                               1 + i, PAL_F32);
        const pal_run_info info = {.model = "stacked", .epochs = 1, .batch = 10};
        pal_rundir *dir = pal_rundir_new(path_of(i ? "given" : "chosen"), &info, &err);
        const pal_train_options o = {.struct_size = sizeof o,
                                     .epochs = 1,
                                     .batch = 10,
                                     .seed = 3,
                                     .optimizer = &adam,
                                     .schedule = &steady,
                                     .folder = dir};
        ck_assert_msg(dir && !pal_train(m, data, &o, &result, &err), "%s", err.text);
        ck_assert_int_eq(pal_train_defaults_of(m, data, "momentum", 10, &d, &err), PAL_OK);
        ck_assert_double_ne(d.learning_rate, 0.02);
        ck_assert_double_eq(pal_rundir_epoch(dir, 0)->learning_rate, i ? 0.0625 : d.learning_rate);
        ck_assert_double_eq(pal_rundir_epoch(dir, 1)->learning_rate, i ? 0.0625 : d.learning_rate);
        ck_assert_double_eq(pal_rundir_epoch(dir, 2)->learning_rate, 0.02);
        pal_rundir_free(dir);
        pal_model_free(m);
        pal_dataset_free(data);
    }
    const pal_option *option = pal_variant_option_find(pal_variant_find("stacked"), "pretrain-optimizer");
    for (size_t i = 0; i < pal_optimizer_kinds(); i++)
        ck_assert_msg(pal_choices_have(option->choices, pal_optimizer_name(i)), "%s", pal_optimizer_name(i));
}
END_TEST

/* Weights with equal names and shapes are copied. Others stay. */
START_TEST(weights_are_taken_from_another_model)
{
    pal_model *from = stacked((const pal_setting[]){{"fine-tuning", "2"}}, 1, PAL_F32);
    const pal_setting more[] = {{"layers", "7,5"}, {"fine-tuning", "2"}, {"classes", "9"}};
    pal_error err = {0};
    pal_model *to =
        pal_model_new(context, pal_variant_find("stacked"), more, 3, PAL_SHAPE(SIDE, SIDE), PAL_F32, 4, &err);
    ck_assert_msg(to != NULL, "%s", err.text);
    ck_assert(!same(from, to, "encoder/1/W"));
    ck_assert_int_eq(pal_model_take(to, from, &err), PAL_OK);
    ck_assert(same(from, to, "encoder/1/W") && same(from, to, "encoder/2/b") &&
              pal_model_parameter_find(to, "head/W")->shape.dim[1] == 9);
    pal_model *other = model_of("deep", PAL_SHAPE(SIDE, SIDE), (const pal_setting[]){{"layers", "6,5"}}, 1, PAL_F32);
    pal_model *single = model_of("basic", PAL_SHAPE(SIDE, SIDE), NULL, 0, PAL_F32);
    pal_model *const misfits[] = {other, single};
    static const char *const says[] = {"encoder/1/W is [16,6] in the other model and [16,7] in this one",
                                       "none of the matrices"};
    for (int i = 0; i < 2; i++) {
        err = (pal_error){0};
        ck_assert_int_eq(pal_model_take(to, misfits[i], &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, says[i]) != NULL, "%s", err.text);
        ck_assert(same(from, to, "encoder/1/W"));
        pal_model_free(misfits[i]);
    }
    pal_model_free(to);
    pal_model_free(from);
}
END_TEST

/* A combination of options that trains nothing is refused, and so are given options without an effect. */
START_TEST(what_trains_nothing_is_refused)
{
    const pal_setting settings[] = {{"pretrain", "none"}, {"fine-tuning", "none"}};
    pal_error err = {0};
    ck_assert_ptr_null(
        pal_model_new(context, pal_variant_find("stacked"), settings, 2, PAL_SHAPE(SIDE, SIDE), PAL_F32, 3, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.text, "train nothing: choose"));
    pal_model *m = stacked(NULL, 0, PAL_F32);
    static const struct {
        pal_setting given;
        const char *says;
    } cases[] = {{{"classes", "4"}, "--fine-tuning 1|2|both, not autoencoder"},
                 {{"lambda", "1"}, "--autoencoder contractive, not denoising"},
                 {{"sigma", "1"}, "--corruption gaussian, not masking"},
                 {{"pretrain-tied", "yes"}, "--tied no, not yes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err = (pal_error){0};
        ck_assert_int_eq(pal_model_check_given(m, &cases[i].given, 1, &err), PAL_ERR_ARGUMENT);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
    pal_model_free(m);
    const pal_setting several[] = {{"tied", "no"}, {"pretrain-tied", "yes"}, {"output", "categorical"}, {"bins", "3"}};
    ck_assert_ptr_null(
        pal_model_new(context, pal_variant_find("stacked"), several, 4, PAL_SHAPE(SIDE, SIDE), PAL_F32, 3, &err));
    ck_assert_msg(strstr(err.text, "pretrain-tied needs an output with one number") != NULL, "%s", err.text);
}
END_TEST

Suite *stacked_suite(void)
{
    Suite *suite = suite_create("stacked");
    TCase *tests = in_own_folder(tcase_create("stacked"));
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, phases_are_those_that_are_wanted);
    tcase_add_loop_test(tests, a_layer_is_an_autoencoder_of_the_code_below, 0, 5);
    tcase_add_test(tests, a_layer_corrupts_the_code_below_alone);
    tcase_add_test(tests, layers_make_up_the_encoder);
    tcase_add_test(tests, a_phase_moves_what_it_names);
    tcase_add_test(tests, the_layer_below_stays);
    tcase_add_loop_test(tests, every_way_of_pretraining_learns, 0, 9);
    tcase_add_test(tests, layers_are_pretrained_tied_and_unrolled);
    tcase_add_test(tests, an_optimiser_of_pretraining_has_its_rate);
    tcase_add_test(tests, weights_are_taken_from_another_model);
    tcase_add_test(tests, what_trains_nothing_is_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
