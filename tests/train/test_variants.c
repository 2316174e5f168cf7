/* test_variants.c - tests every variant with its defaults: one epoch on 500 images, the same bits twice, encoding and
 * decoding.
 *
 * The images are those of the default data. If it is not installed, the tests make images of blurred spots. */
#include <math.h>

#include "tests/files.h"
#include "tests/testing.h"
#include "train/train.h"

Suite *variants_suite(void);

enum { IMAGES = 500, FEW = 200, SIDE = 28, FEATURES = SIDE * SIDE, SHOWN = 32 };

static pal_context *context;
static pal_dataset *data;

static pal_dataset *spots(void)
{
    pal_error err = {0};
    pal_tensor *at = random_tensor(context, PAL_F32, PAL_SHAPE(IMAGES * 6 / 5, 2), 6, 22, "at"),
               *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(IMAGES * 6 / 5, SIDE, SIDE));
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        const size_t sample = i / FEATURES, row = i % FEATURES / SIDE, column = i % SIDE;
        const double dy = (double)row - pal_tensor_get(at, 2 * sample),
                     dx = (double)column - pal_tensor_get(at, 2 * sample + 1);
        pal_tensor_set(x, i, exp(-(dx * dx + dy * dy) / 18));
    }
    const char *path = path_of("spots.npy");
    ck_assert_int_eq(pal_npy_write(x, path, &err), PAL_OK);
    pal_tensor_free(at);
    pal_tensor_free(x);
    return pal_dataset_open(context, path, PAL_SPLIT_TRAIN, &err);
}

static void set_up(void)
{
    context = context_with(2);
    data = pal_dataset_open(context, PAL_DATA_DEFAULT, PAL_SPLIT_TEST, NULL); /* which is read sooner */
    if (!data) data = spots();
    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(pal_dataset_limit(data, IMAGES), PAL_OK);
}

static void tear_down(void)
{
    pal_dataset_free(data);
    pal_context_free(context);
}

static pal_model *new_model(const pal_variant *variant)
{
    pal_error err = {0};
    pal_model *m = pal_model_new(context, variant, NULL, 0, data->sample, PAL_F32, 1, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

/* One thread, the lanes of the usual context, and AVX2 if the usual one has more. */
static pal_context *plainer_context(void)
{
    const char *isa = pal_context_isa(context);
    pal_context *c = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options),
                                                            .threads = 1,
                                                            .lanes = pal_context_lanes(context),
                                                            .isa = strcmp(isa, "avx512") ? isa : "avx2"});
    ck_assert_ptr_nonnull(c);
    return c;
}

static double loss_of(pal_model *m)
{
    pal_figures figures;
    pal_error err = {0};
    ck_assert_msg(!pal_evaluate(m, data, NULL, &figures, &err), "%s", err.text);
    ck_assert(isfinite(figures.loss) && isfinite(figures.squared_error));
    return figures.loss;
}

static void train(pal_model *m)
{
    pal_error err = {0};
    pal_train_result result;
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 0.001};
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 1, .batch = 50, .seed = 1, .optimizer = &adam, .schedule = &schedule};
    ck_assert_msg(!pal_train(m, data, &o, &result, &err), "%s", err.text);
}

/* One epoch lowers the loss. A second model that is trained in the same way has the same bits, with another number of
 * threads and with AVX2 instead of AVX-512. */
START_TEST(an_epoch_lowers_the_loss_and_has_the_same_bits_again)
{
    const pal_variant *variant = pal_variant_at((size_t)_i);
    pal_context *first = context, *other = plainer_context();
    pal_model *m = new_model(variant);
    context = other;
    pal_model *again = new_model(variant);
    context = first;
    const double before = loss_of(m);
    train(m);
    train(again);
    const double after = loss_of(m);
    ck_assert_msg(after < before, "%s: %g then %g", variant->name, before, after);
    for (size_t i = 0; i < pal_model_parameter_count(m) + pal_model_statistic_count(m); i++) {
        const char *name;
        const pal_tensor *t = pal_model_parameter(m, i, &name);
        ck_assert_mem_eq(t->data, pal_model_parameter_find(again, name)->data, pal_tensor_bytes(t));
    }
    pal_model_free(m);
    pal_model_free(again);
    pal_context_free(other);
}
END_TEST

/* Encoding and then decoding gives the bits of reconstructing. */
START_TEST(encoding_then_decoding_is_reconstructing)
{
    const pal_variant *variant = pal_variant_at((size_t)_i);
    pal_error err = {0};
    ck_assert_int_eq(pal_dataset_limit(data, FEW), PAL_OK);
    pal_model *m = new_model(variant);
    train(m);
    pal_workspace *w = pal_workspace_new(m, NULL, &err);
    ck_assert_msg(w != NULL, "%s", err.text);
    const size_t code = (size_t)pal_workspace_code(w);
    pal_tensor *x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(SHOWN, FEATURES));
    uint32_t rows[SHOWN];
    for (uint32_t i = 0; i < SHOWN; i++) rows[i] = i;
    ck_assert_int_eq(pal_dataset_batch(data, rows, SHOWN, x), PAL_OK);
    float *h = calloc(SHOWN * code, sizeof *h), *two = calloc(SHOWN * FEATURES, sizeof *two),
          *one = calloc(SHOWN * FEATURES, sizeof *one);
    ck_assert_int_eq(pal_encode(m, w, x->data, SHOWN, h), PAL_OK);
    ck_assert_int_eq(pal_decode(m, w, h, SHOWN, two), PAL_OK);
    ck_assert_int_eq(pal_reconstruct(m, w, x->data, SHOWN, one), PAL_OK);
    ck_assert_mem_eq(one, two, SHOWN * FEATURES * sizeof *one);
    free(h);
    free(one);
    free(two);
    pal_tensor_free(x);
    pal_workspace_free(w);
    pal_model_free(m);
}
END_TEST

static const char *trained_by(const char *name, const pal_train_defaults *d, char room[32])
{
    if (!strcmp(name, "optimizer")) return d->optimizer;
    snprintf(room, 32, "%g", d->learning_rate);
    return !strcmp(name, "learning-rate") ? room : NULL;
}

/* The defaults of the model's options and of training on images. They were chosen because they give good pictures. */
START_TEST(the_defaults_are_those_that_give_good_pictures)
{
    pal_error err = {0};
    pal_dataset *images = pal_dataset_open(context, PAL_DATA_DEFAULT, PAL_SPLIT_TRAIN, &err);
    const bool found = images != NULL; /* else the images are the spots */
    const pal_dataset *seen = found ? images : data;
    static const struct {
        const char *variant;
        pal_setting values[8]; /* options of the model, then of training */
    } rows[] = {
        {"basic",
         {{"hidden", "256"},
          {"tied", "yes"},
          {"activation", "sigmoid"},
          {"optimizer", "gd"},
          {"learning-rate", "0.1"}}},
        {"denoising",
         {{"hidden", "256"},
          {"tied", "yes"},
          {"masking", "0.25"},
          {"corruption", "masking"},
          {"activation", "sigmoid"},
          {"optimizer", "gd"},
          {"learning-rate", "0.1"}}},
        {"contractive",
         {{"hidden", "1000"},
          {"tied", "yes"},
          {"lambda", "1"},
          {"jacobian", "exact"},
          {"optimizer", "gd"},
          {"learning-rate", "0.1"}}},
        {"sparse",
         {{"hidden", "1000"},
          {"rho", "0.05"},
          {"beta", "3"},
          {"sparsity", "kl"},
          {"optimizer", "adam"},
          {"learning-rate", "0.001"}}},
        {"deep",
         {{"layers", "1000,500,250,30"}, {"activation", "relu"}, {"optimizer", "adam"}, {"learning-rate", "0.001"}}},
        {"convolutional", {{"hidden", "30"}, {"optimizer", "adam"}, {"learning-rate", "0.001"}}},
        {"linear", {{"hidden", "30"}, {"optimizer", "adam"}, {"learning-rate", "0.001"}, {"final-rate", "1e-5"}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pal_variant *v = pal_variant_find(rows[i].variant);
        ck_assert_ptr_nonnull(v);
        char room[32];
        pal_train_defaults d;
        pal_model *m = pal_model_new(context, v, NULL, 0, seen->sample, PAL_F32, 1, &err);
        ck_assert_int_eq(pal_train_defaults_of(m, seen, NULL, 0, &d, &err), PAL_OK);
        pal_model_free(m);
        ck_assert(d.batch == 128 && (!found || (d.epochs >= 10 && d.epochs <= 20)));
        for (const pal_setting *want = rows[i].values; want->name; want++) {
            const pal_option *o = pal_variant_option_find(v, want->name);
            const char *value = o ? o->value : trained_by(want->name, &d, room);
            for (const pal_setting *s = v->training; !value && s && s->name; s++)
                if (!strcmp(s->name, want->name)) value = s->value;
            ck_assert_msg(value && !strcmp(value, want->value), "%s %s: %s", v->name, want->name,
                          value ? value : "none");
        }
    }
    pal_dataset_free(images);
}
END_TEST

Suite *variants_suite(void)
{
    Suite *s = suite_create("variants");
    TCase *t = tcase_create("variants");
    int n = 0;
    while (pal_variant_at((size_t)n)) n++;
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, an_epoch_lowers_the_loss_and_has_the_same_bits_again, 0, n);
    tcase_add_loop_test(t, encoding_then_decoding_is_reconstructing, 0, n);
    tcase_add_test(t, the_defaults_are_those_that_give_good_pictures);
    suite_add_tcase(s, in_own_folder(t));
    return s;
}
