/* test_shards.c - a batch that is cut into shards: the same bits on any number of processes, which are threads here,
 * and the numbers of the batch that is not cut: so what is pooled over a batch is pooled over all of its shards. */
#include "ops/ops.h"
#include "tests/train/shards_trained.h"

Suite *shards_suite(void);

/* ---- Data ------------------------------------------------------------------------------------------------------ */

/* Numbers, truths and words, and a tenth of the cells are missing. */
static void write_table(void)
{
    static char text[1 << 14];
    static const char *const words[] = {"red", "green", "blue"};
    int at = snprintf(text, sizeof text, "a,b,c,d\n");
    for (int i = 0; i < 90; i++) {
        const int gap = i * 7 % 40;
        at += gap == 0 ? snprintf(text + at, sizeof text - (size_t)at, ",")
                       : snprintf(text + at, sizeof text - (size_t)at, "%d.%d,", i * 37 % 11, i * 53 % 10);
        at += gap == 1 ? snprintf(text + at, sizeof text - (size_t)at, ",")
                       : snprintf(text + at, sizeof text - (size_t)at, "%d.5,", i * 29 % 17);
        at += snprintf(text + at, sizeof text - (size_t)at, "%s,%s\n",
                       gap == 2 ? ""
                       : i % 3  ? "true"
                                : "false",
                       gap == 3 ? "" : words[i * 5 % 7 % 3]);
    }
    write_file("table.csv", text, (size_t)at);
}

/* ---- A variant with statistics of its batches, and a term of a mean ---------------------------------------------- */

static pal_var encode(pal_model *m, pal_var x)
{
    enum { UNITS = 6 };
    const pal_var a = pal_dense(m, "encoder", x, UNITS), none = {.tape = a.tape};
    const pal_var mean = pal_statistic(m, "norm/mean", PAL_SHAPE(UNITS)),
                  variance = pal_statistic(m, "norm/variance", PAL_SHAPE(UNITS));
    const pal_batch_norm_options o = {.struct_size = sizeof o, .evaluate = pal_model_mode(m) == PAL_EVALUATE};
    return pal_sigmoid(pal_batch_norm(a, none, none, mean, variance, &o));
}

static pal_var decode(pal_model *m, pal_var h) { return pal_dense(m, "decoder", h, FEATURES); }

static pal_var loss(pal_model *m, const pal_batch *b)
{
    const pal_var h = encode(m, b->inputs), nll = pal_nll(m, decode(m, h), b->inputs);
    const pal_var mean = pal_all_mean(pal_mean(h, 1, false));
    return pal_add(nll, pal_scale(pal_sum_squares(pal_shift(mean, -0.2)), 3));
}

static const pal_variant normalised = {.struct_size = sizeof normalised,
                                       .name = "normalised",
                                       .alias = "nrm",
                                       .summary = "batch normalisation",
                                       .formula = "f",
                                       .source = "none",
                                       .encode = encode,
                                       .decode = decode,
                                       .loss = loss};

/* ---- Tests ----------------------------------------------------------------------------------------------------- */

static const training basic = {
    .variant = "basic", .optimizer = "adam", .shards = SHARDS, .dtype = PAL_F32, .own = {.clip_norm = 0.5}};
static const int every_number[] = {2, 3, 4};

static void write_data(void)
{
    pal_error err = {0};
    set_up();
    if (!pal_variant_find(normalised.name)) ck_assert_msg(!pal_variant_register(&normalised, &err), "%s", err.text);
    write_split("train", SAMPLES);
    write_split("t10k", TESTS);
    write_table();
}

START_TEST(every_variant_gives_the_same_bits)
{
    training like = basic;
    like.variant = pal_variant_at((size_t)_i)->name;
    if (!strcmp(like.variant, "stacked")) like.settings = "layers=7,4";
    alone_and_together(&like, every_number, 3);
}
END_TEST

START_TEST(every_optimizer_gives_the_same_bits)
{
    training like = basic;
    like.optimizer = pal_optimizer_name((size_t)_i);
    if (!strcmp(like.optimizer, "kfac")) like.own.clip_norm = 0;
    alone_and_together(&like, every_number, 3);
}
END_TEST

/* 80 images: chunks of 32, 32 and 16. */
START_TEST(every_minimiser_gives_the_same_bits)
{
    training like = basic;
    like.optimizer = pal_minimise_name((size_t)_i);
    like.own.clip_norm = 0;
    like.more.minimise = (pal_train_minimise){.products = 8};
    like.batch = 32;
    alone_and_together(&like, every_number, 3);
    cut_and_whole(&like);
}
END_TEST

/* clang-format off */
#define OPTIONS(...) .more = {__VA_ARGS__}
#define OWN(...)     .own = {__VA_ARGS__}
/* clang-format on */
static const training rows[] = {
#include "tests/train/shards_rows.def"
};
#undef OPTIONS
#undef OWN

/* 4 processes, and by turns 2 or 3. */
START_TEST(every_option_gives_the_same_bits)
{
    training like = rows[_i];
    like.shards = SHARDS;
    alone_and_together(&like, (int[]){2 + _i % 2, 4}, 2);
}
END_TEST

START_TEST(shards_compute_the_whole_batch)
{
    training like = rows[_i];
    like.shards = SHARDS;
    if (!like.other_noise) cut_and_whole(&like);
}
END_TEST

Suite *shards_suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *tests = in_own_folder(tcase_create("shards"));
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, write_data, tear_down);
    int variants = 0;
    while (pal_variant_at((size_t)variants)) variants++;
    tcase_add_loop_test(tests, every_variant_gives_the_same_bits, 0, variants);
    tcase_add_loop_test(tests, every_optimizer_gives_the_same_bits, 0, (int)pal_optimizer_kinds());
    int minimisers = 0;
    while (pal_minimise_name((size_t)minimisers)) minimisers++;
    tcase_add_loop_test(tests, every_minimiser_gives_the_same_bits, 0, minimisers);
    tcase_add_loop_test(tests, every_option_gives_the_same_bits, 0, sizeof rows / sizeof *rows);
    tcase_add_loop_test(tests, shards_compute_the_whole_batch, 0, sizeof rows / sizeof *rows);
    suite_add_tcase(suite, tests);
    return suite;
}
