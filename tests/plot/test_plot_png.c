/* test_plot_png.c - tests pictures in files: a file is complete or unchanged, and errors give the reason. */
#include <fcntl.h>

#include "tests/files.h"
#include "tests/plot/pictures.h"

Suite *plot_png_suite(void);

static char path[PATH_ROOM];

static void name_picture(void) { strcpy(path, path_of(PICTURE)); }

START_TEST(png_round_trip)
{
    pal_image *image = pal_image_new(37, 11, NULL);
    for (int i = 0; i < 37 * 11 * 3; i++) image->pixels[i] = (uint8_t)(i * 7);
    for (int again = 0; again < 2; again++) { /* the second time over the first */
        ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
        pal_image *back = pal_image_read(path, NULL);
        ck_assert_ptr_nonnull(back);
        ck_assert_int_eq(back->width, 37);
        ck_assert_int_eq(back->height, 11);
        ck_assert_mem_eq(back->pixels, image->pixels, 37 * 11 * 3);
        pal_image_free(back);
        image->pixels[0] ^= 255;
    }
    ck_assert_int_eq(count_files(), 1);
    pal_image_free(image);
}
END_TEST

START_TEST(what_cannot_be_written_is_named_and_left)
{
    pal_error error = {PAL_OK, ""};
    pal_image *image = pal_image_new(3, 3, NULL);
    const char *missing = path_of("no-such-folder/picture.png");
    ck_assert_int_eq(pal_image_write(image, missing, &error), PAL_ERR_IO);
    ck_assert_int_eq(error.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, missing));
    ck_assert_int_eq(pal_image_write(image, folder, &error), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, folder));
    ck_assert_int_ne(pal_image_write(image, "", &error), PAL_OK);
    ck_assert_int_ne(pal_image_write(image, NULL, &error), PAL_OK);
    ck_assert_int_eq(count_files(), 0);
    pal_image_free(image);
}
END_TEST

/* A limit on the size of files imitates a full disk. */
START_TEST(a_full_disk_leaves_what_was_there)
{
    pal_error error = {PAL_OK, ""};
    pal_image *image = pal_image_new(300, 300, NULL);
    write_text(PICTURE, "kept");
    const struct rlimit before = fill_disk(100);
    const pal_status status = pal_image_write(image, path, &error);
    make_room(before);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    assert_text(path, "kept");
    ck_assert_int_eq(count_files(), 1);
    pal_image_free(image);
}
END_TEST

/* A pipe is written in place, not replaced. */
START_TEST(a_pipe_is_written_in_place)
{
    struct stat status;
    unsigned char start[4] = {0};
    pal_image *image = pal_image_new(3, 3, NULL);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
    ck_assert_int_eq(read(reader, start, sizeof start), sizeof start);
    ck_assert_mem_eq(start, "\x89PNG", 4);
    close(reader);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
    ck_assert_int_eq(count_files(), 1);
    pal_image_free(image);
}
END_TEST

START_TEST(an_unwritable_folder_keeps_its_files)
{
    if (geteuid() == 0) { /* root may write anywhere; a failed grid must leave the file too */
        write_text(PICTURE, "kept");
        pal_grid grid = {.struct_size = sizeof grid};
        ck_assert_int_ne(pal_grid_write(&grid, path, NULL), PAL_OK);
    } else {
        pal_error error = {PAL_OK, ""};
        pal_image *image = pal_image_new(3, 3, NULL);
        write_text(PICTURE, "kept");
        ck_assert_int_eq(chmod(folder, 0500), 0);
        ck_assert_int_eq(pal_image_write(image, path, &error), PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(error.text, path));
        ck_assert_int_eq(chmod(folder, 0700), 0);
        pal_image_free(image);
    }
    assert_text(path, "kept");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* A link is followed: the target is replaced, and the link stays. */
START_TEST(a_link_is_followed)
{
    struct stat status;
    pal_image *image = pal_image_new(3, 3, NULL);
    const char *target = write_text("target.png", "old");
    ck_assert_int_eq(symlink("target.png", path), 0);
    ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    pal_image *back = pal_image_read(target, NULL);
    ck_assert_ptr_nonnull(back);
    pal_image_free(back);
    pal_image_free(image);
    ck_assert_int_eq(count_files(), 2);
}
END_TEST

/* A missing, wrong or cut file is an error that names the file. */
START_TEST(a_damaged_png_is_refused)
{
    pal_error error = {PAL_OK, ""};
    ck_assert_ptr_null(pal_image_read(path, &error));
    ck_assert_int_eq(error.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_null(pal_image_read(NULL, &error));
    write_text(PICTURE, "this is no picture");
    ck_assert_ptr_null(pal_image_read(path, &error));
    ck_assert_int_eq(error.status, PAL_ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    pal_image *image = pal_image_new(50, 50, NULL);
    for (int i = 0; i < 7500; i++) image->pixels[i] = (uint8_t)(i * i);
    ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
    pal_image_free(image);
    for (off_t length = 0; length < 400; length += 9) {
        ck_assert_int_eq(truncate(path, 400 - length), 0);
        ck_assert_ptr_null(pal_image_read(path, &error));
        ck_assert_int_eq(error.status, PAL_ERR_FORMAT);
    }
}
END_TEST

Suite *plot_png_suite(void)
{
    Suite *suite = suite_create("plot_png");
    in_own_folder(add_case(suite, "files", name_picture, NULL,
                           TESTS(png_round_trip, what_cannot_be_written_is_named_and_left,
                                 a_full_disk_leaves_what_was_there, a_pipe_is_written_in_place,
                                 an_unwritable_folder_keeps_its_files, a_link_is_followed, a_damaged_png_is_refused)));
    return suite;
}
