/* test_rundir.c - tests who has the folder of a run: its lock, a folder that is renamed, one that a killed process
 * left. */
#include <sys/wait.h>

#include "tests/train/rundir.h"

Suite *rundir_suite(void);

/* ---- The lock ------------------------------------------------------------------------------------------------- */

/* Descriptor 0 is a descriptor like any other: a process without standard input may get it for its folder. */
START_TEST(the_lock_holds_without_standard_input)
{
    const int input = dup(0);
    close(0);
    pal_rundir *dir = new_run("run");
    refused_to_resume("run", PAL_ERR_ARGUMENT, "is being trained by another process: wait");
    pal_rundir_free(dir);
    pal_error err = {0};
    dir = pal_rundir_resume(path_of("run"), &err);
    ck_assert_msg(dir != NULL, "%s", err.text);
    refused_to_resume("run", PAL_ERR_ARGUMENT, "another process");
    ck_assert_ptr_null(pal_rundir_new(path_of("run"), &plain, &err));
    pal_rundir_free(dir);
    if (input >= 0) dup2(input, 0);
}
END_TEST

/* Of many processes that resume a run at once, one gets it. */
START_TEST(one_of_many_resumes)
{
    enum { MANY = 12 };
    int go[2], got[2], winners = 0;
    pid_t child[MANY];
    pal_rundir_free(new_run("run"));
    ck_assert(!pipe(go) && !pipe(got));
    for (int i = 0; i < MANY; i++) {
        child[i] = fork();
        if (child[i]) continue;
        char byte;
        pal_error err = {0};
        close(go[1]);
        if (read(go[0], &byte, 1)) _exit(2); /* all begin when the pipe is closed */
        const bool mine = pal_rundir_resume(path_of("run"), &err) != NULL;
        if (write(got[1], mine ? "y" : "n", 1) != 1) _exit(2);
        pause();
    }
    close(go[1]);
    for (int i = 0; i < MANY; i++) {
        char answer;
        ck_assert_int_eq(read(got[0], &answer, 1), 1);
        winners += answer == 'y';
    }
    for (int i = 0; i < MANY; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    ck_assert_int_eq(winners, 1);
}
END_TEST

/* ---- A folder that is renamed --------------------------------------------------------------------------------- */

/* A run goes on in its own folder when that is renamed, and does not touch another one that gets its name. */
START_TEST(a_renamed_folder_keeps_its_run)
{
    char now[4096];
    pal_error err = {0};
    pal_rundir *first = new_run("run");
    write_epoch(first, 1);
    ck_assert_ptr_null(pal_rundir_moved(first, now, sizeof now));
    ck_assert(!rename(path_of("run"), path_of("old")));
    pal_rundir *second = new_run("run");
    static char before[ROOM], after[ROOM];
    const size_t size = read_file(path_of("run/run.json"), before, ROOM);
    write_epoch(first, 2);
    ck_assert_uint_eq(read_file(path_of("run/run.json"), after, ROOM), size);
    ck_assert_mem_eq(before, after, size);
    ck_assert(access(path_of("run/metrics.jsonl"), F_OK) && access(path_of("run/checkpoint.safetensors"), F_OK));
    ck_assert_str_eq(pal_rundir_moved(first, now, sizeof now), path_of("old"));
    ck_assert_ptr_null(pal_rundir_moved(second, now, sizeof now));
    pal_model *model = pal_rundir_model(first, context, &err); /* of its own folder, too */
    ck_assert_msg(model != NULL, "%s", err.text);
    pal_model_free(model);
    ck_assert_ptr_null(pal_rundir_model(second, context, &err));
    pal_rundir_free(first);
    pal_rundir_free(second);
    pal_rundir *found = pal_rundir_open(path_of("old"), &err);
    ck_assert_msg(found != NULL, "%s", err.text);
    ck_assert_uint_eq(pal_rundir_epoch_count(found), 2);
    ck_assert_int_eq(pal_rundir_info(found)->result.epochs, 2);
    pal_rundir_free(found);
}
END_TEST

/* A run whose folder is removed fails, and makes no other. */
START_TEST(a_removed_folder_is_told)
{
    char now[4096];
    pal_error err = {0};
    pal_rundir *dir = new_run("run");
    ck_assert(!unlink(path_of("run/run.json")) && !rmdir(path_of("run")));
    const pal_epoch epoch = epoch_of(1);
    ck_assert_int_eq(pal_rundir_add(dir, &epoch, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "run/metrics.jsonl: "));
    ck_assert_str_eq(pal_rundir_moved(dir, now, sizeof now), "");
    pal_rundir_free(dir);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

/* ---- A process that was killed when it began ------------------------------------------------------------------ */

/* It leaves an empty folder, or one with a temporary file. Such a folder is taken. */
START_TEST(a_half_made_folder_is_taken)
{
    pal_error err = {0};
    mkdir(path_of("half"), 0777);
    write_text("half/run.json.123-0.part", "{");
    refused_to_resume("half", PAL_ERR_IO, "is not the folder of a run: run.json is missing");
    pal_rundir_free(new_run("half"));
    ck_assert(access(path_of("half/run.json.123-0.part"), F_OK) != 0);
    mkdir(path_of("full"), 0777);
    write_text("full/run.json.123-0.part", "{");
    write_text("full/mine.part", "precious");
    ck_assert_ptr_null(pal_rundir_new(path_of("full"), &plain, &err));
    ck_assert_int_eq(err.status, PAL_ERR_EXISTS);
    ck_assert(!access(path_of("full/run.json.123-0.part"), F_OK) && !access(path_of("full/mine.part"), F_OK));
}
END_TEST

/* The same for numbered folders; one that is in use is left alone, although it is empty. */
START_TEST(numbered_folders_are_free_empty_or_skipped)
{
    pal_error err = {0};
    ck_assert(!chdir(folder));
    static const char *const expected[] = {"runs/basic-001", "runs/basic-003", "runs/basic-004", "runs/basic-005"};
    pal_rundir *dir[4];
    ck_assert(!mkdir("runs", 0777) && !mkdir("runs/basic-002", 0777) && !mkdir("runs/basic-003", 0777));
    write_text("runs/basic-002/file", "precious");
    for (int i = 0; i < 4; i++) {
        dir[i] = pal_rundir_new(NULL, &plain, &err);
        ck_assert_msg(dir[i] != NULL, "%s", err.text);
        ck_assert_str_eq(pal_rundir_path(dir[i]), expected[i]);
        if (i == 2) ck_assert(!unlink("runs/basic-004/run.json")); /* empty, but locked */
    }
    for (int i = 0; i < 4; i++) pal_rundir_free(dir[i]);
}
END_TEST

Suite *rundir_suite(void)
{
    Suite *suite = suite_create("rundir");
    in_own_folder(add_case(suite, "folder", set_up, tear_down,
                           TESTS(the_lock_holds_without_standard_input, one_of_many_resumes,
                                 a_renamed_folder_keeps_its_run, a_removed_folder_is_told, a_half_made_folder_is_taken,
                                 numbered_folders_are_free_empty_or_skipped)));
    return suite;
}
