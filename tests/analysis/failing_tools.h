/* failing_tools.h - what the suites with failing memory share: small data sets and models, and what a scenario reports.
 */
#ifndef PAL_TESTS_FAILING_TOOLS_H
#define PAL_TESTS_FAILING_TOOLS_H

#include "analysis/analysis.h"
#include "optim/optim.h"
#include "tests/failing.h"
#include "tests/files.h"
#include "tests/models/small_models.h"
#include "train/train.h"

enum { FEATURES = 6, SAMPLES = 16 };

static pal_dataset *data, *labelled;
static pal_model *plain, *noisy, *line, *random_code, *bits, *image;

static inline void write_idx(const char *name, int rank)
{
    unsigned char bytes[16 + SAMPLES * FEATURES] = {0, 0, 8, (unsigned char)rank, 0, 0, 0, SAMPLES, 0, 0, 0, 2, 0,
                                                    0, 0, 3};
    const size_t head = rank == 3 ? 16 : 8, n = rank == 3 ? SAMPLES * FEATURES : SAMPLES;
    for (size_t i = 0; i < n; i++) bytes[head + i] = (unsigned char)(rank == 3 ? (i * 37) % 256 : i % 3);
    write_file(name, bytes, head + n);
}

static inline pal_dataset *open_data(const char *path)
{
    pal_error err = {0};
    pal_dataset *d = pal_dataset_open(c, path, PAL_SPLIT_TRAIN, &err);
    ck_assert_msg(d != NULL, "%s", err.text);
    return d;
}

static inline void set_up_tools(void)
{
    pal_error err = {0};
    set_up();
    pal_tensor *all = random_tensor(c, PAL_F32, PAL_SHAPE(SAMPLES, 2, 3), 0.1, 0.9, "data");
    ck_assert_int_eq(pal_npy_write(all, path_of("data.npy"), &err), PAL_OK);
    pal_tensor_free(all);
    write_idx("train-images-idx3-ubyte", 3);
    write_idx("train-labels-idx1-ubyte", 1);
    write_idx("t10k-images-idx3-ubyte", 3);
    write_idx("t10k-labels-idx1-ubyte", 1);
    write_text("rows.csv", "\xef\xbb\xbf\"a\",b,c\n1,2,0.5\n\"0.25\",5,6e-1\n1,2,3\n4,5,6\n");
    data = open_data(path_of("data.npy"));
    labelled = open_data(folder);
    static const pal_setting masked[] = {{"hidden", "4"}, {"masking", "0.4"}}, two[] = {{"layers", "4,2"}};
    plain = make_named("basic", PAL_F32);
    noisy = make(pal_variant_find("denoising"), masked, 2, PAL_F32, 5);
    line = make_named("linear", PAL_F32);
    random_code = make(pal_variant_find("variational"), two, 1, PAL_F32, 5);
    static const pal_setting coin[] = {{"layers", "4,2"}, {"code", "bernoulli"}};
    bits = make(pal_variant_find("variational"), coin, 2, PAL_F32, 5);
    image = make_named("convolutional", PAL_F32);
}

static inline void tear_down_tools(void)
{
    pal_model *const all[] = {plain, noisy, line, random_code, bits, image};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) pal_model_free(all[i]);
    pal_dataset_free(data);
    pal_dataset_free(labelled);
    tear_down();
}

static char last_error[512]; /* of the scenario that ran last */

static inline bool went_well(pal_status status, const pal_error *err)
{
    failing_require(!status == !err->text[0]);
    memcpy(last_error, err->text, sizeof last_error);
    return !status;
}

static inline bool made(const void *it, const pal_error *err)
{
    failing_require(!it == !!err->text[0]);
    memcpy(last_error, err->text, sizeof last_error);
    return it != NULL;
}

static inline void sweep(failing_scenario *run, void *user)
{
    const size_t before = pal_context_memory(c, NULL);
    ck_assert_msg(run(user), "%s", last_error);
    ck_assert(failing_each(run, user, true) > 0 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(c, NULL), before);
}

#endif
