/* test_shards_steps.c - steps of processes, which are threads here, one of which fails before its program runs. */
#include "tests/processes.h"
#include "tests/train/runs.h"
#include "train/loop.h"

Suite *shards_steps_suite(void);

enum { PROCESSES = 3, SHARDS = 4, BATCH = 8 };

typedef struct process {
    pal_communicator *communicator;
    int64_t accumulate;
    bool spoils; /* this process alone has a number that no basis can be made of */
    pal_status first, second;
    pal_error err;
} process;

static pal_status step(palt__loop *l, pal_error *err)
{
    double loss;
    l->step++;
    return palt__loop_step(l, palt__loop_rows(l, l->progress.step++), (uint64_t)l->step, 0.01, &loss, err);
}

static void spoil(const pal_optimizer *o)
{
    const char *name;
    for (size_t i = 0; i < pal_optimizer_state_count(o); i++) {
        pal_tensor *t = pal_optimizer_state(o, i, &name);
        if (strstr(name, "/left/")) pal_tensor_set(t, 0, NAN);
    }
}

static void *take_steps(void *user)
{
    process *p = user;
    pal_context *c = context_with(1);
    pal_dataset *data = pal_dataset_open(c, path_of("data.npy"), PAL_SPLIT_TRAIN, &p->err);
    const pal_setting hidden = {"hidden", "5"};
    pal_model *model =
        pal_model_new(c, pal_variant_find("basic"), &hidden, 1, PAL_SHAPE(FEATURES), PAL_F32, 7, &p->err);
    const pal_optimizer_options optimizer = {.struct_size = sizeof optimizer, .name = "soap"};
    const pal_schedule schedule = {.name = "constant", .learning_rate = 0.01};
    const pal_train_options o = {.struct_size = sizeof o,
                                 .epochs = 1,
                                 .batch = BATCH,
                                 .accumulate = p->accumulate,
                                 .lanes = 1,
                                 .optimizer = &optimizer,
                                 .schedule = &schedule,
                                 .shards = SHARDS,
                                 .communicator = p->communicator};
    palt__loop l;
    palt__loop_start(&l, model, data, &o);
    if (!palt__loop_plan(&l, &p->err) && !palt__loop_prepare(&l, &p->err) && !palt__loop_begin(&l, 0, 0, &p->err) &&
        !palt__loop_shuffle(&l, 1, &p->err)) {
        p->first = step(&l, &p->err);
        if (p->spoils) spoil(l.optimizer);
        p->second = step(&l, &p->err);
    }
    palt__loop_close(&l);
    pal_communicator_close(p->communicator, false);
    pal_model_free(model);
    pal_dataset_free(data);
    pal_context_free(c);
    return NULL;
}

/* The others do not wait for it. */
START_TEST(one_process_fails_between_two_steps)
{
    pal_communicator *c[PROCESSES];
    process p[PROCESSES] = {{0}};
    pal_dataset_free(data_of(SAMPLES, "data"));
    connect_processes(PROCESSES, c);
    for (int i = 0; i < PROCESSES; i++) p[i] = (process){.communicator = c[i], .accumulate = _i, .spoils = i == 1};
    run_processes(PROCESSES, take_steps, p, sizeof *p);
    for (int i = 0; i < PROCESSES; i++) ck_assert_int_eq(p[i].first, PAL_OK);
    ck_assert_int_eq(p[1].second, PAL_ERR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(p[1].err.text, "the matrix is not finite"));
    for (int i = 0; i < PROCESSES; i += 2) {
        ck_assert_int_eq(p[i].second, PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(p[i].err.text, "in another process"));
    }
}
END_TEST

Suite *shards_steps_suite(void)
{
    Suite *suite = suite_create("shards_steps");
    TCase *tests = in_own_folder(tcase_create("shards_steps"));
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, one_process_fails_between_two_steps, 1, 3);
    suite_add_tcase(suite, tests);
    return suite;
}
