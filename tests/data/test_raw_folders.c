/* test_raw_folders.c - tests folders of pictures: classes, names, bad files, and that the number of threads changes
 * nothing. */
#include "tests/data/raw_pictures.h"

Suite *raw_folders_suite(void);

START_TEST(classes_of_folders)
{
    make_folders(OPTIONS("b", "a-b", "a", "empty", ".hidden", "a/deep"));
    put_grey("in/b/2.png", 1, 1, "\1");
    put_grey("in/b/10.png", 1, 1, "\2");
    put_grey("in/a-b/x.PnG", 1, 1, "\3");
    put_grey("in/a/x.png", 1, 1, "\4");
    put_grey("in/a/deep/z.png", 1, 1, "\5");
    put_grey("in/a/.x.png", 1, 1, "\6");
    put_grey("in/.hidden/x.png", 1, 1, "\7");
    write_text("in/b/notes.txt", "no picture");
    ck_assert_int_eq(symlink("2.png", path_of("in/b/9.png")), 0);
    ck_assert_int_eq(symlink("..", path_of("in/b/loop")), 0);
    accept_folder(NULL);
    ck_assert_str_eq(note.text, "6 pictures of 1 x 1, grey, divided by 255; labels: 3 folders; 4 other files left out");
    static const char *const ids[] = {"a/deep/z.png", "a/x.png", "a-b/x.PnG", "b/10.png", "b/2.png", "b/9.png"};
    for (size_t i = 0; i < 6; i++) ck_assert_str_eq(raw.ids[i], ids[i]);
    ck_assert_uint_eq(raw.n_classes, 3);
    ck_assert_str_eq(raw.classes[0], "a");
    ck_assert_str_eq(raw.classes[1], "a-b");
    ck_assert_str_eq(raw.classes[2], "b");
    ck_assert_int_eq(memcmp(raw.labels->data, "\0\0\1\2\2\2", 6), 0);
    assert_values(PAL_SHAPE(6, 1, 1), "\5\4\3\2\1\1");
    put_grey("in/loose.png", 1, 1, "\1");
    refuse_folder(NULL, "has pictures (loose.png) beside folders of pictures (a/deep/z.png)");
}
END_TEST

START_TEST(many_folders)
{
    make_folders(NULL);
    char name[32];
    for (int i = 0; i < 257; i++) {
        snprintf(name, sizeof name, "in/%03d", i);
        mkdir(path_of(name), 0700);
        strcat(name, "/x.png");
        put_grey(name, 1, 1, "\1");
    }
    accept_folder(NULL);
    ck_assert_ptr_nonnull(strstr(note.text, "no labels, since 257 folders are more than 256"));
    ck_assert_ptr_null(raw.labels);
    palt__raw_free(&raw);
    unlink(path_of("in/256/x.png"));
    accept_folder(NULL);
    ck_assert_uint_eq(raw.n_classes, 256);
    ck_assert_int_eq(((uint8_t *)raw.labels->data)[255], 255);
    palt__raw_free(&raw);
}
END_TEST

START_TEST(bad_files)
{
    char bytes[4096];
    uint8_t pixels[64];
    for (int i = 0; i < 64; i++) pixels[i] = (uint8_t)(i * 37 % 251);
    make_folders(NULL);
    refuse_folder(NULL, "has no pictures, expected .png or .jpg files");
    write_text("in/a.txt", "x");
    refuse_folder(NULL, "has no pictures");
    write_text("in/c.png", "");
    refuse_folder(NULL, "in/c.png: cannot be read: it is empty: give --skip-bad yes");
    refuse_folder(OPTIONS("skip-bad", "yes"), "none of its 1 pictures can be read; the last: it is empty");
    write_text("in/c.png", "GIF89a");
    refuse_folder(NULL, "in/c.png: cannot be read: neither a PNG nor a JPEG file");
    put_grey("in/d.png", 8, 8, pixels);
    size_t size = read_file(path_of("in/d.png"), bytes, sizeof bytes);
    unlink(path_of("in/c.png"));
    for (size_t cut = 0; cut < size; cut++) {
        write_file("in/d.png", bytes, cut);
        refuse_folder(NULL, "in/d.png: cannot be read: ");
    }
    for (size_t at = 0; at < size; at++) { /* any changed byte: no fault, and never a value out of nothing */
        bytes[at] ^= 16;
        write_file("in/d.png", bytes, size);
        if (read_folder(NULL, NULL, NULL) == PAL_OK) palt__raw_free(&raw);
        bytes[at] ^= 16;
    }
    unlink(path_of("in/d.png"));
    put_jpeg("in/e.jpg", 8, 8, 1, false, pixels, NULL);
    size = read_file(path_of("in/e.jpg"), bytes, sizeof bytes);
    for (size_t cut = 0; cut + 2 < size; cut++) { /* the last two bytes say that it ends */
        write_file("in/e.jpg", bytes, cut);
        refuse_folder(NULL, "in/e.jpg: cannot be read: ");
    }
    put_grey("in/f.png", 8, 8, pixels);
    put_grey("in/g.png", 8, 8, pixels);
    write_text("in/h.png", "bad");
    refuse_folder(NULL, "in/e.jpg: cannot be read: "); /* the first of two */
    accept_folder(OPTIONS("skip-bad", "yes"));
    ck_assert_ptr_nonnull(strstr(note.text, "2 files that cannot be read left out: e.jpg, h.png"));
    ck_assert_int_eq(raw.values->shape.dim[0], 2);
    ck_assert_str_eq(raw.ids[0], "f.png");
    ck_assert_str_eq(raw.ids[1], "g.png");
    ck_assert_int_eq(memcmp((char *)raw.values->data + 64, pixels, 64), 0);
    palt__raw_free(&raw);
    put_grey("in/i.png", 1, 1, pixels); /* another size is no bad file */
    refuse_folder(OPTIONS("skip-bad", "yes"), "f.png has the size 8x8 and i.png has 1x1");
    pal_error err = {0};
    ck_assert_int_eq(palt__raw_pictures(&raw, context, path_of("none"), NULL, NULL, NULL, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "none: No such file"));
    ck_assert_int_eq(palt__raw_pictures(&raw, context, NULL, NULL, NULL, NULL, &err), PAL_ERR_ARGUMENT);
}
END_TEST

/* ---- Many ------------------------------------------------------------------------------------------------------- */

typedef struct seen {
    int64_t last, all;
} seen;

static void step(int64_t done, int64_t all, void *user)
{
    seen *s = user;
    ck_assert_int_gt(done, s->last);
    ck_assert_int_le(done, all);
    *s = (seen){done, all};
}

START_TEST(threads)
{
    enum { FILES = 300 };
    char name[32];
    make_folders(OPTIONS("a", "b"));
    for (int i = 0; i < FILES; i++) {
        const uint8_t pixels[] = {(uint8_t)i, (uint8_t)(i / 256), 7, 8};
        snprintf(name, sizeof name, "in/%c/%03d.png", i < 100 ? 'a' : 'b', i);
        if (i % 50 == 3)
            write_text(name, "bad");
        else
            put_grey(name, 2, 2, pixels);
    }
    for (unsigned n = 1; n < 8; n++) {
        seen s = {0};
        pal_error err = {0};
        const palt__progress progress = {step, &s};
        pal_context *own = context;
        context = context_with(n);
        ck_assert_int_eq(read_folder(NULL, NULL, &err), PAL_ERR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.text, "in/a/003.png: cannot be read"));
        ck_assert_int_eq(read_folder(OPTIONS("skip-bad", "yes"), &progress, &err), PAL_OK);
        ck_assert(s.last == FILES && s.all == FILES);
        ck_assert_ptr_nonnull(
            strstr(note.text, "6 files that cannot be read left out: a/003.png, a/053.png, b/103.png, ..."));
        ck_assert_int_eq(raw.values->shape.dim[0], FILES - 6);
        for (int i = 0, at = 0; i < FILES; i++) {
            if (i % 50 == 3) continue;
            const uint8_t *x = (const uint8_t *)raw.values->data + 4 * at;
            ck_assert(x[0] == (uint8_t)i && x[1] == i / 256 && x[2] == 7 && x[3] == 8);
            ck_assert_int_eq(((uint8_t *)raw.labels->data)[at++], i >= 100);
        }
        palt__raw_free(&raw);
        pal_context_free(context);
        context = own;
    }
}
END_TEST

Suite *raw_folders_suite(void)
{
    Suite *suite = suite_create("raw_folders");
    in_own_folder(
        add_case(suite, "folders", set_up, tear_down, TESTS(classes_of_folders, many_folders, bad_files, threads)));
    return suite;
}
