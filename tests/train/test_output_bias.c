/* test_output_bias.c - tests where the bias of the output starts: what a decoder without weights then reconstructs,
 * which weights stay, and that a categorical code of images does not collapse. */
#include <math.h>

#include "tests/data/tail.h"
#include "tests/data/rows_file.h"
#include "train/internal.h"

Suite *output_bias_suite(void);

enum { CHANNELS = 2, HEIGHT = 3, WIDTH = 2, PIXELS = HEIGHT * WIDTH, ALL = 72, TRAINED = 60, LEVELS = 3 };

/* Images with two channels. Feature 0 is always 0, feature 1 always 1. */
static pal_dataset *images(double scale, double offset)
{
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, PAL_F32, PAL_SHAPE(ALL, CHANNELS, HEIGHT, WIDTH), 0, 1, "images");
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        const size_t j = i % FEATURES;
        const double u = j < 2 ? (double)j : pow(pal_tensor_get(x, i), 1 + (double)j);
        pal_tensor_set(x, i, offset + scale * u);
    }
    const char *path = path_of("images.npy");
    ck_assert_msg(!pal_npy_write(x, path, &err), "%s", err.text);
    pal_tensor_free(x);
    const pal_setting first = {"layout", "channels-first"};
    const pal_data_options options = {.given = &first, .n = 1};
    const pal_data_source from = {.struct_size = sizeof from, .path = path, .options = &options};
    pal_data parts = {0};
    pal_data_open(context, &from, 1U << PAL_SPLIT_TRAIN, &parts, &err);
    pal_dataset *data = parts.part[PAL_SPLIT_TRAIN];
    ck_assert_msg(data && data->count == TRAINED, "%s", err.text);
    return data;
}

static pal_model *model_of(const char *variant, const pal_setting *settings)
{
    pal_error err = {0};
    size_t n = 0;
    while (settings[n].name) n++;
    pal_model *m = pal_model_new(context, pal_variant_find(variant), settings, n, PAL_SHAPE(CHANNELS, HEIGHT, WIDTH),
                                 PAL_F64, 3, &err);
    ck_assert_msg(m != NULL, "%s", err.text);
    return m;
}

static void start(pal_model *m, const pal_dataset *data)
{
    pal_error err = {0};
    const pal_train_options o = {.struct_size = sizeof o, .batch = 7, .seed = 1};
    ck_assert_msg(!palt__start_output(m, data, &o, &err), "%s", err.text);
}

static double bias(const pal_model *m, const char *name, int64_t i)
{
    const pal_tensor *b = pal_model_parameter_find(m, name);
    ck_assert_ptr_nonnull(b);
    return pal_tensor_get(b, (size_t)i);
}

/* The mean of features first .. first + n - 1 of f(x). */
static double mean_of(const pal_dataset *data, int64_t first, int64_t n, double (*f)(double x, double of), double of)
{
    double sum = 0;
    for (int64_t i = 0; i < data->count; i++)
        for (int64_t j = first; j < first + n; j++)
            sum += f(pal_tensor_get(data->inputs, (size_t)(i * FEATURES + j)), of);
    return sum / (double)(data->count * n);
}

static double itself(double x, double of) { return x + 0 * of; }
static double at_least(double x, double of) { return x >= of; }
static double is_level(double x, double of) { return round(x * (LEVELS - 1)) == of; }
static double logit(double p) { return log(p / (1 - p)); }
static double laplace(double mean, double n, double choices) { return (mean * n + 1) / (n + choices); }

/* Every kind of output, by its formula, for layers of units. */
START_TEST(the_bias_gives_the_mean_of_the_data)
{
    pal_dataset *data = images(1, 0);
    const struct {
        const char *output, *name, *value; /* a further setting */
        int link;                          /* 0: the mean; 1: its logit; 2: its logit, binary data */
    } rows[] = {{"bernoulli", "dropout", "0", 1},   {"bernoulli", "binarize", "threshold", 2},
                {"squared", "dropout", "0", 0},     {"squared", "output-activation", "sigmoid", 1},
                {"gaussian", "sigma-of", "one", 0}, {"squared", "output-activation", "relu", 0}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        pal_model *m = model_of(
            "deep", (pal_setting[]){{"layers", "5,3"}, {"output", rows[r].output}, {rows[r].name, rows[r].value}, {0}});
        start(m, data);
        for (int64_t j = 0; j < FEATURES; j++) {
            const double mean = mean_of(data, j, 1, rows[r].link == 2 ? at_least : itself, 0.5);
            const double want = rows[r].link ? logit(laplace(mean, TRAINED, 2)) : mean;
            ck_assert_double_eq_tol(bias(m, "decoder/1/b", j), want, 1e-6);
        }
        pal_model_free(m);
    }
    /* The bias alone reconstructs the mean, except for Laplace's correction. */
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "4"}, {"tied", "no"}, {0}});
    start(m, data);
    memset(pal_model_parameter_find(m, "decoder/W")->data, 0,
           pal_tensor_bytes(pal_model_parameter_find(m, "decoder/W")));
    pal_figures f;
    pal_error err = {0};
    ck_assert_msg(!pal_evaluate(m, data, NULL, &f, &err), "%s", err.text);
    double best = 0;
    ck_assert_int_eq(pal_baseline(data, data, 1, &best, &err), PAL_OK);
    ck_assert_double_ge(f.squared_error, best * (1 - 1e-6));
    ck_assert_double_le(f.squared_error, best * 1.01);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

START_TEST(levels_and_distributions_start_too)
{
    pal_dataset *data = images(1, 0);
    pal_model *m = model_of(
        "basic", (pal_setting[]){{"hidden", "4"}, {"tied", "no"}, {"output", "categorical"}, {"bins", "3"}, {0}});
    start(m, data);
    for (int64_t j = 0; j < FEATURES; j++)
        for (int64_t level = 0; level < LEVELS; level++) {
            const double share = laplace(mean_of(data, j, 1, is_level, (double)level), TRAINED, LEVELS);
            ck_assert_double_eq_tol(bias(m, "decoder/b", j * LEVELS + level), log(share), 1e-6);
        }
    pal_model_free(m);
    for (int full = 0; full < 2; full++) {
        m = model_of("basic", (pal_setting[]){
                                  {"hidden", "4"}, {"tied", "no"}, {"output", full ? "normal-full" : "normal"}, {0}});
        start(m, data);
        const size_t n = pal_tensor_count(pal_model_parameter_find(m, "decoder/b"));
        for (int64_t j = 0; j < (int64_t)n; j++)
            ck_assert_double_eq_tol(bias(m, "decoder/b", j), j < FEATURES ? mean_of(data, j, 1, itself, 0) : 0, 1e-6);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* Maps have one bias per channel: the mean is over the pixels too. */
START_TEST(maps_start_at_the_mean_of_a_channel)
{
    pal_dataset *data = images(1, 0);
    const double n = TRAINED * PIXELS;
    for (int tied = 0; tied < 2; tied++) {
        pal_model *m =
            model_of("conv", (pal_setting[]){{"channels", "3"}, {"layers", "4"}, {"tied", tied ? "yes" : "no"}, {0}});
        start(m, data);
        for (int64_t c = 0; c < CHANNELS; c++)
            ck_assert_double_eq_tol(bias(m, "decoder/1/b", c),
                                    logit(laplace(mean_of(data, c * PIXELS, PIXELS, itself, 0), n, 2)), 1e-6);
        pal_model_free(m);
    }
    pal_model *m = model_of(
        "denoising",
        (pal_setting[]){
            {"channels", "3"}, {"hidden", "4"}, {"tied", "no"}, {"output", "categorical"}, {"bins", "3"}, {0}});
    start(m, data);
    for (int64_t c = 0; c < CHANNELS; c++)
        for (int64_t level = 0; level < LEVELS; level++) {
            const double share = laplace(mean_of(data, c * PIXELS, PIXELS, is_level, (double)level), n, LEVELS);
            ck_assert_double_eq_tol(bias(m, "decoder/1/b", level * CHANNELS + c), log(share), 1e-6);
        }
    pal_model_free(m);
    m = model_of("conv", (pal_setting[]){{"channels", "3"}, {"layers", "4"}, {"output", "normal"}, {0}});
    start(m, data);
    for (int64_t c = 0; c < 2 * CHANNELS; c++)
        ck_assert_double_eq_tol(bias(m, "decoder/1/b", c),
                                c < CHANNELS ? mean_of(data, c * PIXELS, PIXELS, itself, 0) : 0, 1e-6);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* What a map of each level decodes to, with no other weights, is the share of the levels: the places are right. */
START_TEST(the_places_are_those_that_the_output_reads)
{
    pal_dataset *data = images(1, 0);
    static const char *const outputs[] = {"categorical", "normal", "bernoulli"};
    for (size_t o = 0; o < 6; o++) {
        const bool maps = o >= 3;
        const char *output = outputs[o % 3];
        pal_setting settings[] = {{"output", output}, {"tied", "no"},  {"bins", "3"},
                                  {"channels", "3"},  {"hidden", "4"}, {0}};
        if (!maps) settings[3] = (pal_setting){"hidden", "4"};
        if (o % 3) settings[2] = settings[1];
        pal_model *m = model_of(maps ? "conv" : "basic", settings);
        start(m, data);
        pal_tensor *w = pal_model_parameter_find(m, maps ? "decoder/1/W" : "decoder/W"),
                   *h = random_tensor(context, PAL_F64, PAL_SHAPE(1, 4), 0, 1, "h");
        memset(w->data, 0, pal_tensor_bytes(w));
        pal_tape *tape = pal_tape_new(context, PAL_F64);
        pal_model_begin(m, tape, PAL_EVALUATE);
        pal_var out = pal_model_decode(m, pal_leaf(tape, h, "h"));
        pal_model_end(m);
        pal_program *p = pal_compile(tape, &out, 1, NULL);
        ck_assert_msg(p && pal_run(p) == PAL_OK, "%s", pal_tape_error(tape));
        for (int64_t j = 0; j < FEATURES; j++) {
            const int64_t first = maps ? j / PIXELS * PIXELS : j, n = maps ? PIXELS : 1;
            const double samples = (double)(TRAINED * n), mean = mean_of(data, first, n, itself, 0);
            double want = o % 3 == 2 ? laplace(mean, samples, 2) : mean;
            if (o % 3 == 0)
                want = laplace(mean_of(data, first, n, is_level, 1), samples, 3) / 2 +
                       laplace(mean_of(data, first, n, is_level, 2), samples, 3);
            ck_assert_double_eq_tol(pal_tensor_get(pal_output(p, 0), (size_t)j), want, 1e-6);
        }
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(h);
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* Weights that have a value keep it: those of another run, of a file, or set by hand. */
START_TEST(only_a_bias_of_zeros_starts)
{
    pal_dataset *data = images(1, 0);
    pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "4"}, {0}}),
              *off = model_of("basic", (pal_setting[]){{"hidden", "4"}, {"output-bias", "zero"}, {0}}),
              *linear = model_of("linear", (pal_setting[]){{"hidden", "4"}, {0}});
    ck_assert(pal_output_starts(m) && !pal_output_starts(off) && !pal_output_starts(linear));
    pal_tensor_set(pal_model_parameter_find(m, "decoder/b"), 5, 1e-30);
    ck_assert(!pal_output_starts(m));
    start(m, data);
    start(off, data);
    start(linear, data);
    for (int64_t j = 0; j < FEATURES; j++) {
        ck_assert_double_eq(bias(m, "decoder/b", j), j == 5 ? 1e-30 : 0);
        ck_assert_double_eq(bias(off, "decoder/b", j), 0);
        ck_assert_double_eq(bias(linear, "decoder/b", j), 0);
    }
    pal_model_free(linear);
    pal_model_free(off);
    pal_model_free(m);
    pal_dataset_free(data);
}
END_TEST

/* A shift of the data shifts the bias, and nothing else: the first loss is the same. */
START_TEST(a_shift_of_the_data_changes_nothing)
{
    double loss[2];
    for (int shifted = 0; shifted < 2; shifted++) {
        pal_dataset *data = images(1, shifted ? 1000 : 0);
        pal_model *m = model_of("basic", (pal_setting[]){{"hidden", "4"}, {"output", "squared"}, {"tied", "no"}, {0}});
        pal_tensor *w = pal_model_parameter_find(m, "encoder/W");
        memset(w->data, 0, pal_tensor_bytes(w)); /* the encoder does not see the shift */
        start(m, data);
        pal_figures f;
        pal_error err = {0};
        ck_assert_msg(!pal_evaluate(m, data, NULL, &f, &err), "%s", err.text);
        loss[shifted] = f.loss;
        pal_model_free(m);
        pal_dataset_free(data);
    }
    ck_assert_double_eq_tol(loss[0], loss[1], 1e-3 * loss[0]);
}
END_TEST

/* ---- A variant of the user's ---------------------------------------------------------------------------------- */

static pal_var encode(pal_model *m, pal_var x)
{
    if (pal_option_int(m, "hidden") == 2) pal_parameter(m, "in/b", PAL_SHAPE(3), PAL_INIT_OUTPUT); /* it is not */
    return pal_dense(m, "in", x, 3);
}
static pal_var decode(pal_model *m, pal_var h)
{
    if (pal_option_int(m, "hidden") > 1) pal_parameter(m, "out/b", PAL_SHAPE(FEATURES), PAL_INIT_OUTPUT);
    return pal_dense(m, "out", h, FEATURES);
}
static pal_var loss(pal_model *m, const pal_batch *b)
{
    pal_var a = decode(m, encode(m, b->inputs));
    return pal_nll(m, a, b->inputs);
}
static const pal_variant own = {.struct_size = sizeof own,
                                .name = "own",
                                .alias = "",
                                .summary = "",
                                .formula = "",
                                .encode = encode,
                                .decode = decode,
                                .loss = loss};

START_TEST(a_variant_of_the_user_says_which_bias_it_is)
{
    pal_error err = {0};
    pal_dataset *data = images(1, 0);
    const pal_train_options o = {.struct_size = sizeof o, .batch = 7, .epochs = 1};
    pal_train_result result;
    for (int hidden = 1; hidden <= 3; hidden++) {
        const pal_setting settings[] = {{"hidden", (const char *[]){"1", "2", "3"}[hidden - 1]},
                                        {"output-bias", "mean"}};
        err = (pal_error){0};
        pal_model *m = pal_model_new(context, &own, settings, 2, data->sample, PAL_F32, 1, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        ck_assert(pal_output_starts(m) == (hidden > 1));
        ck_assert_int_eq(pal_model_check_given(m, settings, 2, &err), hidden > 1 ? PAL_OK : PAL_ERR_ARGUMENT);
        if (hidden == 1) ck_assert_ptr_nonnull(strstr(err.text, "--output-bias has no effect: own does not say"));
        err = (pal_error){0};
        const pal_status status = pal_train(m, data, &o, &result, &err);
        ck_assert_int_eq(status, hidden == 2 ? PAL_ERR_SHAPE : PAL_OK);
        if (hidden == 2) ck_assert_str_eq(err.text, "own: in/b is the bias of the output, but has 3 numbers, not 12");
        pal_model_free(m);
    }
    pal_dataset_free(data);
}
END_TEST

/* ---- What it is for ------------------------------------------------------------------------------------------- */

enum { SIDE = 16, PROTOTYPES = 4, DRAWN = 480 };

/* Images of four prototypes, mostly dark: a row or a column of light pixels, each of which is dark in
 * one of ten. */
static pal_dataset *prototypes(void)
{
    pal_error err = {0};
    pal_tensor *x = random_tensor(context, PAL_F32, PAL_SHAPE(DRAWN, SIDE, SIDE), 0, 1, "prototypes");
    for (size_t i = 0; i < pal_tensor_count(x); i++) {
        const size_t k = i / (SIDE * SIDE) % PROTOTYPES, row = i / SIDE % SIDE, column = i % SIDE;
        const bool light = (k < 2 ? row : column) == 2 + 3 * (k % 2);
        pal_tensor_set(x, i, light && pal_tensor_get(x, i) > 0.1);
    }
    const char *path = path_of("prototypes.npy");
    ck_assert_msg(!pal_npy_write(x, path, &err), "%s", err.text);
    pal_tensor_free(x);
    pal_dataset *data = open_tail(context, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(data != NULL, "%s", err.text);
    return data;
}

/* All samples take the same class before the code says anything, unless the bias starts at the mean. A smaller beta
 * does not help, because the divergence has no part in it. */
START_TEST(a_categorical_code_does_not_collapse)
{
    static const struct {
        const char *bias, *beta;
        bool collapsed;
    } cases[] = {{"zero", "1", true}, {"zero", "0", true}, {"mean", "1", false}, {"mean", "0", false}};
    pal_dataset *data = prototypes();
    const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 0.001};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            pal_error err = {0};
            const pal_setting settings[] = {
                {"code", "categorical"}, {"layers", "64,4"}, {"output-bias", cases[i].bias}, {"beta", cases[i].beta}};
            pal_model *m =
                pal_model_new(context, pal_variant_find("vae"), settings, 4, data->sample, PAL_F32, seed, &err);
            ck_assert_msg(m != NULL, "%s", err.text);
            const pal_train_options o = {.struct_size = sizeof o,
                                         .test = data,
                                         .epochs = 25,
                                         .batch = 20,
                                         .seed = seed,
                                         .test_every = 25,
                                         .lanes = 1,
                                         .optimizer = &adam,
                                         .schedule = &schedule};
            pal_train_result r;
            ck_assert_msg(!pal_train(m, data, &o, &r, &err), "%s", err.text);
            ck_assert_msg(r.collapsed == cases[i].collapsed, "%s, beta %s, seed %d: %g explained", cases[i].bias,
                          cases[i].beta, (int)seed, r.explained);
            if (!cases[i].collapsed) ck_assert_double_ge(r.explained, 0.8);
            pal_model_free(m);
        }
    pal_dataset_free(data);
}
END_TEST

Suite *output_bias_suite(void)
{
    Suite *suite = suite_create("output_bias");
    TCase *tests = in_own_folder(
        add_case(suite, "output_bias", set_up, tear_down,
                 TESTS(the_bias_gives_the_mean_of_the_data, levels_and_distributions_start_too,
                       maps_start_at_the_mean_of_a_channel, the_places_are_those_that_the_output_reads,
                       only_a_bias_of_zeros_starts, a_shift_of_the_data_changes_nothing,
                       a_variant_of_the_user_says_which_bias_it_is, a_categorical_code_does_not_collapse)));
    (void)tests;
    return suite;
}
