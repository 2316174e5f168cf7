/* test_shards_runs.c - runs that several processes, which are threads here, train into one folder: written once,
 * stopped together, and resumed by another number of processes with the bits of a run that was never interrupted. */
#include "tests/train/shards_process.h"

Suite *shards_runs_suite(void);

static void whole(int n, const kind *k, const char *name)
{
    process p[PROCESSES];
    prepare(n, k, name, p);
    run(n, p);
    all_say(n, p, PAL_OK, "");
}

/* The same bytes, but for the times. */
static void same_metrics(const char *a, const char *b)
{
    static char text[2][ROOM];
    const char *const names[] = {a, b};
    for (int i = 0; i < 2; i++) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/metrics.jsonl", names[i]);
        text[i][read_file(path_of(path), text[i], ROOM - 1)] = 0;
        for (char *at = text[i]; (at = strstr(at, "\"seconds\":"));) {
            at += strlen("\"seconds\":");
            memmove(at, at + strcspn(at, ",}"), strlen(at + strcspn(at, ",}")) + 1);
        }
    }
    ck_assert_str_eq(text[0], text[1]);
}

static void resume(int n, const kind *k, const char *name)
{
    process p[PROCESSES];
    prepare(n, k, name, p);
    for (int i = 0; i < n; i++) { /* other weights: the checkpoint replaces them */
        p[i].resume = true;
        p[i].weights = 99 + (uint64_t)i;
    }
    run(n, p);
    all_say(n, p, PAL_OK, "");
}

/* The last process does this after epoch 2; or, with a step, in the middle of epoch 3. Folders are spoiled by the
 * first. */
static void one_does(int n, deed does, int64_t step, process *p)
{
    prepare(n, kinds, "run", p);
    const int who = does == SPOILS_CHECKPOINT || does == SPOILS_END ? 0 : n - 1;
    p[who].does = does;
    p[who].epoch = step ? 3 : 2;
    p[who].step = step;
    run(n, p);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

START_TEST(the_folder_is_the_same_for_any_number_of_processes)
{
    const kind *k = &kinds[_i];
    char name[16];
    whole(1, k, "alone");
    for (int n = 2; n <= PROCESSES; n++) {
        if (_i && n != 2 + _i % 3) continue;
        snprintf(name, sizeof name, "run-%d", n);
        whole(n, k, name);
        same_runs("alone", name);
        same_metrics("alone", name);
    }
}
END_TEST

static const int numbers[][2] = {{4, 1}, {1, 2}, {2, 3}};

/* In the middle of an epoch, and later at the end of one. */
START_TEST(another_number_of_processes_goes_on)
{
    const kind *k = &kinds[_i];
    process p[PROCESSES];
    whole(1, k, "whole");
    for (size_t t = 0; t < sizeof numbers / sizeof *numbers; t++) {
        if (_i && t != (size_t)_i % 3) continue;
        const int n = numbers[t][0];
        const bool minimises = pal_train_minimises(k->optimizer);
        char name[16];
        snprintf(name, sizeof name, "cut-%zu", t);
        prepare(n, k, name, p);
        p[n - 1].does = STOPS;
        p[n - 1].epoch = 2;
        p[n - 1].step = minimises ? 0 : 1;
        run(n, p);
        all_say(n, p, PAL_ERR_STOPPED, "stopped by the caller");
        const int64_t epoch = p->steps;
        ck_assert_int_gt(p->result.steps, epoch);
        ck_assert_int_lt(p->result.steps, EPOCHS * epoch);
        if (!minimises && k->accumulate == 1) ck_assert_int_eq(p->result.steps, epoch + 1 + (n > 1));
        prepare(numbers[t][1], k, name, p);
        for (int i = 0; i < numbers[t][1]; i++) p[i].resume = true;
        p->does = STOPS;
        p->epoch = 3;
        run(numbers[t][1], p);
        all_say(numbers[t][1], p, PAL_ERR_STOPPED, "stopped by the caller");
        ck_assert_int_eq(p->result.steps, 3 * epoch);
        resume(n, k, name);
        same_runs("whole", name);
        same_metrics("whole", name);
    }
}
END_TEST

START_TEST(the_clock_of_the_first_process_counts)
{
    process p[PROCESSES];
    whole(1, kinds, "whole");
    prepare(3, kinds, "run", p);
    for (int i = 0; i < 3; i++) p[i].seconds = 0.2;
    p[1].pause = 70000000; /* after three epochs */
    run(3, p);
    all_say(3, p, PAL_OK, "");
    for (int i = 0; i < 3; i++) ck_assert_str_eq(p[i].result.ended, "time");
    ck_assert_int_lt(p->result.steps, EPOCHS * p->steps);
    resume(2, kinds, "run");
    same_runs("whole", "run");
}
END_TEST

START_TEST(a_failure_of_one_is_told_by_all)
{
    process p[PROCESSES];
    one_does(3, SPOILS_CHECKPOINT, 0, p);
    all_say(3, p, p->status, "process 0 of 3: ");
    all_say(3, p, p->status, "checkpoint.safetensors");
    ck_assert(p->status != PAL_OK);
}
END_TEST

START_TEST(an_end_that_cannot_be_written_is_told_by_all)
{
    process p[PROCESSES];
    one_does(3, SPOILS_END, 0, p);
    all_say(3, p, p->status, "which is saved, but process 0 of 3: ");
    all_say(3, p, p->status, "run.json");
    ck_assert_int_eq(p->result.steps, EPOCHS * p->steps);
}
END_TEST

START_TEST(a_folder_of_one_process_is_refused)
{
    process p[PROCESSES];
    prepare(2, kinds, "run", p);
    p[1].apart = p[0].apart = true;
    snprintf(p[1].folder, PATH_ROOM, "%s", path_of("other"));
    run(2, p);
    all_say(2, p, PAL_ERR_ARGUMENT, "one process has opened it alone");
}
END_TEST

START_TEST(a_batch_that_fails_in_one_process_fails_in_all)
{
    process p[PROCESSES];
    one_does(4, SPOILS_DATA, 0, p);
    all_say(4, p, p->status, "process 3 of 4: ");
    all_say(4, p, p->status, "could not be gathered");
    ck_assert(p->status != PAL_OK);
    resume(2, kinds, "run"); /* from the end of epoch 2 */
    whole(1, kinds, "whole");
    same_runs("whole", "run");
}
END_TEST

/* Wherever that is: all return, and say which process it was. */
START_TEST(one_process_runs_out_of_memory)
{
    process p[PROCESSES];
    const int who = _i % 2;
    char name[32];
    long tried = 0;
    for (long left = 1; !tried || p->status; left += left / 2 + 1, tried++) {
        ck_assert_int_lt(tried, 40);
        snprintf(name, sizeof name, "run-%ld", left);
        prepare(2, &kinds[_i], name, p);
        p[who].left = left;
        run(2, p);
        if (!p->status) break;
        for (int i = 0; i < 2; i++) {
            ck_assert_msg(p[i].status == p->status && !strcmp(p[i].err.text, p->err.text), "%ld: %s, and %s", left,
                          p->err.text, p[i].err.text);
            ck_assert_msg(strstr(p[i].err.text, who ? "process 1 of 2: " : "process 0 of 2: ") != NULL, "%ld: %s", left,
                          p[i].err.text);
        }
    }
    ck_assert_int_gt(tried, 5);
    all_say(2, p, PAL_OK, "");
}
END_TEST

START_TEST(the_end_of_a_process_ends_all)
{
    process p[PROCESSES];
    pal_error err = {0};
    one_does(4, DIES, _i, p);
    for (int i = 0; i < 4; i++) ck_assert_msg(p[i].status == PAL_ERR_PEER, "%d %s", (int)p[i].status, p[i].err.text);
    for (int i = 0; i < 3; i++) ck_assert_msg(strstr(p[i].err.text, "process 3 of 4") != NULL, "%s", p[i].err.text);
    pal_rundir *dir = pal_rundir_open(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "failed");
    pal_rundir_free(dir);
    resume(3, kinds, "run");
    whole(1, kinds, "whole");
    same_runs("whole", "run");
}
END_TEST

START_TEST(unequal_processes_are_refused)
{
    process p[PROCESSES];
    prepare(3, kinds, "a", p);
    p[2].seed = 4;
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "process 2 of 3 has other settings");
    prepare(3, kinds, "b", p);
    snprintf(p[1].data, PATH_ROOM, "%s", p->test);
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "process 1 of 3 has other data");
    prepare(2, kinds, "c", p);
    p[1].weights = 8;
    run(2, p);
    all_say(2, p, PAL_ERR_ARGUMENT, "process 1 of 2 has other weights");
}
END_TEST

/* It begins anew, with the weights that its processes have. */
START_TEST(a_run_that_has_saved_nothing_is_resumed_with_equal_weights)
{
    process p[PROCESSES];
    prepare(1, kinds, "run", p);
    p->left = 1;
    run(1, p);
    ck_assert_int_eq(p->status, PAL_ERR_MEMORY);
    for (int other = 1; other >= 0; other--) {
        prepare(2, kinds, "run", p);
        p[0].resume = p[1].resume = true;
        p[1].weights += (uint64_t)other;
        run(2, p);
        all_say(2, p, other ? PAL_ERR_ARGUMENT : PAL_OK, other ? "process 1 of 2 has other weights" : "");
    }
}
END_TEST

START_TEST(a_process_without_a_shard_is_refused)
{
    process p[PROCESSES];
    prepare(4, kinds, "run", p);
    for (int i = 0; i < 4; i++) p[i].shards = 2;
    run(4, p);
    all_say(4, p, PAL_ERR_ARGUMENT, "2 shards for 4 processes: give --shards 4 or more");
    prepare(2, kinds, "good", p);
    for (int i = 0; i < 2; i++) p[i].shards = 2;
    run(2, p);
    all_say(2, p, PAL_OK, "");
    prepare(3, kinds, "good", p);
    for (int i = 0; i < 3; i++) p[i].resume = true;
    run(3, p);
    all_say(3, p, PAL_ERR_ARGUMENT, "2 shards for 3 processes");
}
END_TEST

START_TEST(a_folder_that_one_process_cannot_make_is_refused_by_all)
{
    process p[PROCESSES];
    whole(2, kinds, "run");
    prepare(3, kinds, "run", p);
    run(3, p);
    all_say(3, p, PAL_ERR_EXISTS, "already exists");
    prepare(3, kinds, "nothing", p);
    for (int i = 0; i < 3; i++) p[i].resume = true;
    run(3, p);
    all_say(3, p, PAL_ERR_IO, "give the folder of a run");
}
END_TEST

START_TEST(the_shards_are_recorded_only_if_a_batch_is_cut)
{
    static char text[ROOM];
    process p[PROCESSES];
    whole(2, kinds, "cut");
    text[read_file(path_of("cut/run.json"), text, ROOM - 1)] = 0;
    ck_assert_ptr_nonnull(strstr(text, "\"shards\": 4"));
    prepare(1, kinds, "whole", p);
    p->shards = 1;
    run(1, p);
    text[read_file(path_of("whole/run.json"), text, ROOM - 1)] = 0;
    ck_assert_ptr_null(strstr(text, "shards"));
}
END_TEST

Suite *shards_runs_suite(void)
{
    Suite *suite = suite_create("shards_runs");
    TCase *tests = in_own_folder(tcase_create("shards_runs"));
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, the_folder_is_the_same_for_any_number_of_processes, 0, KINDS);
    tcase_add_loop_test(tests, another_number_of_processes_goes_on, 0, KINDS);
    tcase_add_test(tests, the_clock_of_the_first_process_counts);
    tcase_add_test(tests, a_failure_of_one_is_told_by_all);
    tcase_add_test(tests, an_end_that_cannot_be_written_is_told_by_all);
    tcase_add_test(tests, a_folder_of_one_process_is_refused);
    tcase_add_test(tests, a_batch_that_fails_in_one_process_fails_in_all);
    tcase_add_loop_test(tests, one_process_runs_out_of_memory, 2, 4);
    tcase_add_loop_test(tests, one_process_runs_out_of_memory, 6, 7);
    tcase_add_loop_test(tests, the_end_of_a_process_ends_all, 0, 2);
    tcase_add_test(tests, unequal_processes_are_refused);
    tcase_add_test(tests, a_run_that_has_saved_nothing_is_resumed_with_equal_weights);
    tcase_add_test(tests, a_process_without_a_shard_is_refused);
    tcase_add_test(tests, a_folder_that_one_process_cannot_make_is_refused_by_all);
    tcase_add_test(tests, the_shards_are_recorded_only_if_a_batch_is_cut);
    suite_add_tcase(suite, tests);
    return suite;
}
