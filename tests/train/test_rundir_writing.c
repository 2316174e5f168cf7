/* test_rundir_writing.c - tests a run that cannot be written: folders without rights, full disks, memory that runs out.
 */
#include <jansson.h>

#include "tests/train/rundir.h"

Suite *rundir_writing_suite(void);

/* ---- What cannot be written ----------------------------------------------------------------------------------- */

/* Root may write anywhere, so these tests are another user's. */
static void as_nobody(void)
{
    if (geteuid()) return;
    ck_assert(!chmod(folder, 0777) && !seteuid(65534));
}

/* What runs at the end of the process, such as the search for leaks, needs the rights that it had. */
static void tear_down_as_before(void)
{
    ck_assert(getuid() == geteuid() || !seteuid(getuid()));
    tear_down();
}

START_TEST(a_read_only_folder_is_told)
{
    pal_error err = {0};
    as_nobody();
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    ck_assert(!chmod(path_of("run"), 0555));
    static char before[ROOM], after[ROOM];
    const size_t size = read_file(path_of("run/run.json"), before, ROOM);
    dir = pal_rundir_resume(path_of("run"), &err); /* nothing is written before pal_train */
    ck_assert_msg(dir != NULL, "%s", err.text);
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of();
    pal_train_result result;
    const pal_train_options o = {
        .struct_size = sizeof o, .epochs = 4, .batch = 10, .seed = 3, .folder = dir, .resume = true};
    ck_assert_int_eq(pal_train(model, data, &o, &result, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "run/run.json: cannot write: Permission denied"));
    ck_assert_uint_eq(read_file(path_of("run/run.json"), after, ROOM), size);
    ck_assert_mem_eq(before, after, size);
    pal_model_free(model);
    pal_dataset_free(data);
    pal_rundir_free(dir);
    ck_assert(!mkdir(path_of("empty"), 0555));
    ck_assert_ptr_null(pal_rundir_new(path_of("empty"), &plain, &err));
    ck_assert_msg(err.status == PAL_ERR_IO && strstr(err.text, "cannot write into the folder: Permission denied"), "%s",
                  err.text);
    ck_assert_ptr_null(pal_rundir_new(path_of("empty/run"), &plain, &err));
    ck_assert_msg(strstr(err.text, "cannot create the folder: Permission denied"), "%s", err.text);
    ck_assert(!chmod(path_of("run"), 0) && !chmod(path_of("empty"), 0));
    refused_to_resume("run", PAL_ERR_IO, "cannot open the folder: Permission denied");
    ck_assert_ptr_null(pal_rundir_new(path_of("empty"), &plain, &err));
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert(!chmod(path_of("run"), 0777) && !chmod(path_of("empty"), 0777));
}
END_TEST

/* A file that may not be read, in a folder that may. */
START_TEST(an_unreadable_file_is_told)
{
    as_nobody();
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_rundir_free(dir);
    static const char *const files[] = {"run/run.json", "run/metrics.jsonl"};
    for (int i = 0; i < 2; i++) {
        ck_assert(!chmod(path_of(files[i]), 0));
        refused_to_open(PAL_ERR_IO, "cannot read: Permission denied");
        ck_assert(!chmod(path_of(files[i]), 0666));
    }
}
END_TEST

/* A run that cannot be written leaves no folder that it made. */
START_TEST(a_run_that_cannot_begin_leaves_nothing)
{
    pal_error err = {0};
    mkdir(path_of("mine"), 0777);
    const struct rlimit before = fill_disk(0);
    pal_rundir *made = pal_rundir_new(path_of("new"), &plain, &err);
    pal_rundir *given = pal_rundir_new(path_of("mine"), &plain, NULL);
    make_room(before);
    ck_assert(!made && !given);
    ck_assert_int_eq(err.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "new/run.json: "));
    ck_assert(access(path_of("new"), F_OK) != 0);
    ck_assert(!rmdir(path_of("mine"))); /* is still there, and empty */
}
END_TEST

/* A disk that is full when a run ends leaves what was saved, and no temporary file. */
START_TEST(a_full_disk_at_the_end_loses_nothing)
{
    pal_error of_line = {0}, of_save = {0}, of_end = {0};
    pal_rundir *dir = new_run("run");
    write_epoch(dir, 1);
    pal_model *model = model_of();
    const pal_epoch second = epoch_of(2);
    const pal_train_result result = {.epochs = 2, .steps = 8};
    static char before[3][ROOM], after[ROOM];
    static const char *const files[] = {"run/run.json", "run/metrics.jsonl", "run/checkpoint.safetensors"};
    size_t size[3];
    for (int i = 0; i < 3; i++) size[i] = read_file(path_of(files[i]), before[i], ROOM);
    const struct rlimit room = fill_disk(10);
    pal_rundir_add(dir, &second, &of_line);
    pal_rundir_save(dir, model, NULL, 8, 0, &of_save);
    pal_rundir_finish(dir, "done", NULL, &result, &of_end);
    make_room(room);
    ck_assert_msg(of_line.status == PAL_ERR_IO && strstr(of_line.text, "run/metrics.jsonl: "), "%s", of_line.text);
    ck_assert_msg(of_save.status == PAL_ERR_IO && strstr(of_save.text, "run/checkpoint.safetensors: "), "%s",
                  of_save.text);
    ck_assert_msg(of_end.status == PAL_ERR_IO && strstr(of_end.text, "run/run.json: "), "%s", of_end.text);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(read_file(path_of(files[i]), after, ROOM), size[i]);
        ck_assert_mem_eq(before[i], after, size[i]);
    }
    pal_model_free(model);
    pal_rundir_free(dir);
    for (int i = 0; i < 3; i++) ck_assert(!unlink(path_of(files[i])));
    ck_assert_msg(!rmdir(path_of("run")), "a temporary file is left");
}
END_TEST

static struct rlimit room_before;

/* The disk is full from the second epoch on, which is saved by then; or from then on the run is to stop. */
static int fill_at_the_end(const pal_progress *p, void *user)
{
    if (p->epoch < 2 || !p->finished) return 0;
    room_before = fill_disk(0);
    return *(const int *)user;
}

/* A run of two epochs that ends, or is stopped after two of four, when the disk is full: its checkpoint is complete, so
 * it can be resumed. */
START_TEST(a_run_ends_on_a_full_disk)
{
    int stop = _i;
    pal_error err = {0};
    pal_rundir *dir = new_run("run");
    pal_dataset *data = data_of(SAMPLES, "data");
    pal_model *model = model_of();
    pal_train_result result;
    pal_train_options o = {.struct_size = sizeof o,
                           .epochs = stop ? 4 : 2,
                           .batch = 10,
                           .seed = 3,
                           .folder = dir,
                           .progress = fill_at_the_end,
                           .user = &stop};
    const pal_status status = pal_train(model, data, &o, &result, &err);
    make_room(room_before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_msg(
        strstr(err.text, stop ? "stopped after step 8, which is saved, but " : "ended with step 8, which is "), "%s",
        err.text);
    ck_assert_msg(strstr(err.text, "run/run.json: ") && strstr(err.text, ": resume the run"), "%s", err.text);
    pal_rundir_free(dir);
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "running");
    o.folder = dir;
    o.progress = NULL;
    o.resume = true;
    ck_assert_msg(!pal_train(model, data, &o, &result, &err), "%s", err.text);
    ck_assert_int_eq(result.epochs, o.epochs);
    ck_assert_str_eq(pal_rundir_info(dir)->status, "done");
    pal_model_free(model);
    pal_dataset_free(data);
    pal_rundir_free(dir);
}
END_TEST

/* ---- Memory that runs out -------------------------------------------------------------------------------------- */

static long left; /* requests of jansson until one fails */

static void *fail_in_turn(size_t size) { return left-- == 0 ? NULL : malloc(size); }

/* Each request of jansson fails in turn: a function says that memory ran out, or does all of its work. */
START_TEST(memory_that_runs_out_is_told)
{
    bool failed = true;
    pal_run_info info = plain;
    const pal_setting setting = {"hidden", "caf\xe9"};
    info.command = info.data = "caf\xe9";
    info.settings = &setting;
    info.n_settings = 1;
    pal_epoch epoch = epoch_of(1);
    strcpy(epoch.phase, "phas\xe9");
    epoch.n_terms = 1;
    strcpy(epoch.terms[0].name, "term");
    for (long n = 0; failed; n++) {
        pal_error err = {0};
        ck_assert_int_lt(n, 4000);
        json_set_alloc_funcs(fail_in_turn, free);
        left = n;
        pal_rundir *dir = pal_rundir_new(path_of("run"), &info, &err), *read = NULL;
        pal_status status = dir ? pal_rundir_add(dir, &epoch, &err) : err.status;
        if (!status) status = pal_rundir_finish(dir, "done", NULL, &(pal_train_result){.epochs = 1}, &err);
        if (!status) read = pal_rundir_open(path_of("run"), &err);
        failed = left < 0;
        json_set_alloc_funcs(malloc, free);
        ck_assert_msg(failed ? err.status == PAL_ERR_MEMORY : !err.status, "request %ld: %s", n, err.text);
        ck_assert(failed == !read);
        if (read) ck_assert_str_eq(pal_rundir_info(read)->settings->value, "caf\xe9");
        if (read) ck_assert_str_eq(pal_rundir_epoch(read, 0)->phase, "phas\xe9");
        pal_rundir_free(read);
        pal_rundir_free(dir);
        empty_folder();
    }
}
END_TEST

Suite *rundir_writing_suite(void)
{
    Suite *suite = suite_create("rundir_writing");
    in_own_folder(add_case(suite, "folder", set_up, tear_down_as_before,
                           TESTS(a_run_that_cannot_begin_leaves_nothing, a_read_only_folder_is_told,
                                 an_unreadable_file_is_told, a_full_disk_at_the_end_loses_nothing)));
    TCase *files = in_own_folder(add_case(suite, "files", set_up, tear_down, TESTS(memory_that_runs_out_is_told)));
    tcase_add_loop_test(files, a_run_ends_on_a_full_disk, 0, 2);
    return suite;
}
