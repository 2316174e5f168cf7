/* test_array_files.c - tests what all formats have in common: files that are missing, cannot be written, or are not
 * plain files. */
#include <fcntl.h>

#include "tests/data/arrays.h"

Suite *array_files_suite(void);

static pal_status (*const writers[])(const pal_tensor *, const char *, pal_error *) = {pal_npy_write, pal_csv_write};

/* A missing file, a folder, and NULL in place of a path are errors. */
START_TEST(missing_files)
{
    const reader readers[] = {pal_idx_read, pal_npy_read, pal_csv_read};
    check_refused(readers[_i], path_of("none"), PAL_ERR_IO, "No such file");
    ck_assert_int_eq(mkdir(path_of("dir"), 0700), 0);
    check_refused(readers[_i], path_of("dir"), PAL_ERR_IO, "directory");
    ck_assert_int_eq(rmdir(path_of("dir")), 0);
    pal_error err = {.status = PAL_OK};
    ck_assert_ptr_null(readers[_i](context, NULL, &err));
    ck_assert_int_eq(err.status, PAL_ERR_ARGUMENT);
}
END_TEST

/* A write that fails names the file and leaves nothing behind. */
START_TEST(write_failures)
{
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(2, 3));
    ck_assert_int_eq(writers[_i](tensor, path_of("none/x"), &err), PAL_ERR_IO);
    check_line(&err, "/none/x", "make the folder");
    ck_assert_int_eq(writers[_i](tensor, folder, &err), PAL_ERR_IO);
    check_line(&err, folder, "Is a directory");
    ck_assert_int_eq(writers[_i](tensor, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(writers[_i](NULL, path_of("x"), &err), PAL_ERR_ARGUMENT);
    pal_tensor *other = pal_tensor_new(context, PAL_BF16, PAL_SHAPE(2));
    ck_assert_int_eq(writers[_i](other, path_of("x"), &err), PAL_ERR_TYPE);
    ck_assert_int_eq(count_files(), 0); /* no partial file stays */
    pal_tensor_free(other);
    pal_tensor_free(tensor);
}
END_TEST

/* If there is no room for the new file, the old one stays unchanged, and no other file stays. */
START_TEST(write_without_room)
{
    pal_error err = {.status = PAL_OK};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(100, 100));
    const char *path = write_text("x", "old");
    const struct rlimit before = fill_disk(10000);
    const pal_status status = writers[_i](tensor, path, &err);
    make_room(before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    check_line(&err, path, "cannot write");
    ck_assert_int_eq(count_files(), 1);
    assert_text(path, "old");
    pal_tensor_free(tensor);
}
END_TEST

/* A link to a file is followed: that file is replaced, and the link stays. A link that leads nowhere could have been
 * laid by somebody else to make a file elsewhere, so it is replaced itself. */
START_TEST(write_in_place)
{
    for (int leads = 0; leads < 2; leads++) {
        pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(2, 3));
        struct stat info;
        if (leads) write_text("target", "old");
        ck_assert_int_eq(symlink("target", path_of("link")), 0);
        ck_assert_int_eq(writers[_i](tensor, path_of("link"), NULL), PAL_OK);
        ck_assert_int_eq(lstat(path_of("link"), &info), 0);
        ck_assert_int_eq(S_ISLNK(info.st_mode), leads);
        pal_tensor_free(
            check_read(_i ? pal_csv_read : pal_npy_read, path_of(leads ? "target" : "link"), PAL_F32, PAL_SHAPE(2, 3)));
        ck_assert_int_eq(count_files(), 1 + leads);
        ck_assert_int_eq(unlink(path_of("link")), 0);
        pal_tensor_free(tensor);
    }
}
END_TEST

/* "-" is standard output for writing and standard input for reading. */
START_TEST(standard_streams)
{
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(3, 5));
    const int output = dup(STDOUT_FILENO), input = dup(STDIN_FILENO);
    const int file = open(path_of("x"), O_RDWR | O_CREAT, 0600);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    const pal_status status = pal_array_write(tensor, "-", NULL);
    dup2(output, STDOUT_FILENO);
    lseek(file, 0, SEEK_SET);
    dup2(file, STDIN_FILENO);
    pal_tensor *again = pal_array_read(context, "-", NULL);
    if (input >= 0) dup2(input, STDIN_FILENO);
    close(file);
    close(output);
    if (input >= 0) close(input);
    ck_assert_int_eq(status, PAL_OK);
    ck_assert_ptr_nonnull(again);
    check_equal(tensor, again);
    pal_tensor_free(again);
    pal_tensor_free(tensor);
}
END_TEST

Suite *array_files_suite(void)
{
    Suite *suite = suite_create("array_files");
    TCase *tests = in_own_folder(add_case(suite, "files", set_up, tear_down, TESTS(standard_streams)));
    tcase_add_loop_test(tests, missing_files, 0, 3);
    tcase_add_loop_test(tests, write_failures, 0, 2);
    tcase_add_loop_test(tests, write_without_room, 0, 2);
    tcase_add_loop_test(tests, write_in_place, 0, 2);
    return suite;
}
