/* test_plot.c - pictures: pixels where they belong, whole files or none, and refusals that say why. Everything is
 * written into a fresh folder that goes away with the test. */
#include "plot/plot.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *plot_suite(void);

/* Of a picture with so little in it that its text has the smallest size. */
enum { MARGIN = 22 };

static pal_context *context;
static char folder[64], path[128];

/* Files in the folder; with `delete`, they go. */
static int files(bool delete)
{
    int count = 0;
    DIR *directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[400];
        if (entry->d_name[0] == '.' && (entry->d_name[1] == '.' || entry->d_name[1] == '\0')) continue;
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (delete) remove(name);
        count++;
    }
    closedir(directory);
    return count;
}

/* The folder is made and removed outside the tests' processes, so that a failing test leaves nothing either. */
static void make_folder(void)
{
    strcpy(folder, "/tmp/palindrome-plot-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/picture.png", folder);
}

static void remove_folder(void)
{
    files(true);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void set_up(void)
{
    files(true);
    context = pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
    ck_assert_ptr_nonnull(context);
}

static void tear_down(void) { pal_context_free(context); }

static void assert_colour(pal_colour a, pal_colour b)
{
    ck_assert_int_eq(a.red, b.red);
    ck_assert_int_eq(a.green, b.green);
    ck_assert_int_eq(a.blue, b.blue);
}

static void assert_grey(const pal_image *image, int64_t x, int64_t y, int level)
{
    assert_colour(pal_image_get(image, x, y), (pal_colour){(uint8_t)level, (uint8_t)level, (uint8_t)level});
}

static pal_tensor *tensor(pal_dtype dtype, pal_shape shape, const double *values)
{
    pal_tensor *t = pal_tensor_new(context, dtype, shape);
    ck_assert_ptr_nonnull(t);
    for (size_t i = 0; values != NULL && i < pal_tensor_count(t); i++) pal_tensor_set(t, i, values[i]);
    return t;
}

/* A picture of one row at scale 1 or another. */
static pal_image *draw_row(pal_grid_row row, size_t columns, int32_t scale, pal_error *error)
{
    pal_grid_section section = {.rows = &row, .count = 1, .columns = columns};
    return pal_grid_draw(&(pal_grid){.struct_size = sizeof(pal_grid), .sections = &section, .count = 1, .scale = scale},
                         error);
}

/* ---- Images and files -------------------------------------------------------------------------------------------- */

START_TEST(drawing_is_clipped)
{
    const pal_colour red = {200, 0, 0}, white = {255, 255, 255};
    pal_image *a = pal_image_new(4, 3, NULL), *b = pal_image_new(5, 5, NULL);
    pal_image_rect(a, -2, -2, 3, 4, red);
    pal_image_rect(a, 3, 2, INT64_MAX, INT64_MAX, red);
    pal_image_rect(a, INT64_MAX, 0, INT64_MAX, 1, red);
    pal_image_rect(a, INT64_MIN, 0, 1, 1, red);
    pal_image_rect(a, 1, 1, -1, 1, red);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            assert_colour(pal_image_get(a, x, y), (x == 0 && y < 2) || (x == 3 && y == 2) ? red : white);
    pal_image_fill(b, (pal_colour){1, 2, 3});
    pal_image_blit(b, a, -3, -2);
    assert_colour(pal_image_get(b, 0, 0), red);
    assert_colour(pal_image_get(b, 1, 0), (pal_colour){1, 2, 3});
    pal_image_blit(b, a, 4, 4);
    assert_colour(pal_image_get(b, 4, 4), red);
    pal_image_blit(b, a, 5, 0);
    pal_image_blit(b, a, INT64_MIN, INT64_MAX);
    assert_colour(pal_image_get(b, 9, 0), (pal_colour){0, 0, 0});
    pal_image_free(a);
    pal_image_free(b);
    pal_image_free(NULL);
}
END_TEST

START_TEST(hostile_sizes_are_refused)
{
    const int64_t sizes[][2] = {{0, 1}, {1, 0}, {-1, 5}, {65536, 1}, {INT64_MAX, INT64_MAX}, {65535, 65535}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pal_error error = {PAL_OK, ""};
        ck_assert_ptr_null(pal_image_new(sizes[i][0], sizes[i][1], &error));
        ck_assert_int_eq(error.status, PAL_ERR_ARGUMENT);
    }
}
END_TEST

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
    ck_assert_int_eq(files(false), 1);
    pal_image_free(image);
}
END_TEST

START_TEST(what_cannot_be_written_is_named_and_left)
{
    pal_error error = {PAL_OK, ""};
    pal_image *image = pal_image_new(3, 3, NULL);
    char missing[256];
    snprintf(missing, sizeof missing, "%s/no-such-folder/picture.png", folder);
    ck_assert_int_eq(pal_image_write(image, missing, &error), PAL_ERR_IO);
    ck_assert_int_eq(error.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, missing));
    ck_assert_int_eq(pal_image_write(image, folder, &error), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, folder));
    ck_assert_int_ne(pal_image_write(image, "", &error), PAL_OK);
    ck_assert_int_ne(pal_image_write(image, NULL, &error), PAL_OK);
    ck_assert_int_eq(files(false), 0);
    pal_image_free(image);
}
END_TEST

static void write_bytes(const char *name, const char *bytes)
{
    FILE *stream = fopen(name, "wb");
    ck_assert_ptr_nonnull(stream);
    fputs(bytes, stream);
    ck_assert_int_eq(fclose(stream), 0);
}

static void assert_bytes(const char *name, const char *bytes)
{
    char buffer[256] = "";
    FILE *stream = fopen(name, "rb");
    ck_assert_ptr_nonnull(stream);
    buffer[fread(buffer, 1, sizeof buffer - 1, stream)] = '\0';
    fclose(stream);
    ck_assert_str_eq(buffer, bytes);
}

/* A full disk, played by a limit on the size of files. */
START_TEST(a_full_disk_leaves_what_was_there)
{
    pal_error error = {PAL_OK, ""};
    pal_image *image = pal_image_new(300, 300, NULL);
    struct rlimit before;
    write_bytes(path, "kept");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, before.rlim_max}), 0);
    pal_status status = pal_image_write(image, path, &error);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    assert_bytes(path, "kept");
    ck_assert_int_eq(files(false), 1);
    pal_image_free(image);
}
END_TEST

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
    ck_assert_int_eq(files(false), 1);
    pal_image_free(image);
}
END_TEST

START_TEST(an_unwritable_folder_keeps_its_files)
{
    if (geteuid() == 0) { /* root may write anywhere; a failed grid must leave the file as well */
        write_bytes(path, "kept");
        pal_grid grid = {.struct_size = sizeof grid};
        ck_assert_int_ne(pal_grid_write(&grid, path, NULL), PAL_OK);
    } else {
        pal_error error = {PAL_OK, ""};
        pal_image *image = pal_image_new(3, 3, NULL);
        write_bytes(path, "kept");
        ck_assert_int_eq(chmod(folder, 0500), 0);
        ck_assert_int_eq(pal_image_write(image, path, &error), PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(error.text, path));
        ck_assert_int_eq(chmod(folder, 0700), 0);
        pal_image_free(image);
    }
    assert_bytes(path, "kept");
    ck_assert_int_eq(files(false), 1);
}
END_TEST

START_TEST(a_link_is_followed)
{
    char target[128];
    struct stat status;
    pal_image *image = pal_image_new(3, 3, NULL);
    snprintf(target, sizeof target, "%s/target.png", folder);
    write_bytes(target, "old");
    ck_assert_int_eq(symlink("target.png", path), 0);
    ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    pal_image *back = pal_image_read(target, NULL);
    ck_assert_ptr_nonnull(back);
    pal_image_free(back);
    pal_image_free(image);
    ck_assert_int_eq(files(false), 2);
}
END_TEST

START_TEST(a_damaged_png_is_refused)
{
    pal_error error = {PAL_OK, ""};
    ck_assert_ptr_null(pal_image_read(path, &error));
    ck_assert_int_eq(error.status, PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    ck_assert_ptr_null(pal_image_read(NULL, &error));
    write_bytes(path, "this is no picture");
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

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static bool inked(const pal_image *image, int64_t left, int64_t right)
{
    for (int64_t x = left; x < right; x++)
        for (int64_t y = 0; y < image->height; y++)
            if (pal_image_get(image, x, y).red < 128) return true;
    return false;
}

START_TEST(text_takes_the_width_it_measures)
{
    pal_image *image = pal_image_new(400, 60, NULL);
    for (int32_t height = 7; height <= 28; height += 7)
        for (int bold = 0; bold < 2; bold++) {
            pal_text_style style = {height, bold != 0, {0, 0, 0}};
            int64_t width = pal_text_width("masking 25 %", style);
            pal_image_fill(image, (pal_colour){255, 255, 255});
            pal_image_text(image, 40, 15, "masking 25 %", style);
            ck_assert(!inked(image, 0, 40));
            ck_assert(inked(image, 40, 40 + height));
            ck_assert(inked(image, 40 + width - height, 40 + width));
            ck_assert(!inked(image, 40 + width, 400));
            ck_assert_int_eq(width, pal_text_width("masking ", style) + pal_text_width("25 %", style));
        }
    pal_image_free(image);
}
END_TEST

START_TEST(every_letter_differs_from_every_other)
{
    enum { FIRST = 32, LAST = 126, WIDE = 44, HIGH = 50 };
    pal_text_style style = {28, false, {0, 0, 0}};
    pal_image *letters[LAST + 1] = {NULL};
    for (int c = FIRST; c <= LAST; c++) {
        letters[c] = pal_image_new(WIDE, HIGH, NULL);
        pal_image_text(letters[c], 4, 8, (char[]){(char)c, '\0'}, style);
        ck_assert(inked(letters[c], 0, WIDE) == (c != ' '));
        ck_assert_int_gt(pal_text_width((char[]){(char)c, '\0'}, style), 0);
        for (int d = FIRST; d < c; d++)
            ck_assert_int_ne(memcmp(letters[c]->pixels, letters[d]->pixels, WIDE * HIGH * 3), 0);
    }
    for (int c = FIRST; c <= LAST; c++) pal_image_free(letters[c]);
}
END_TEST

START_TEST(odd_text_is_drawn_or_ignored)
{
    pal_text_style style = {14, false, {0, 0, 0}};
    pal_image *image = pal_image_new(20, 20, NULL);
    ck_assert_int_eq(pal_text_width(NULL, style), 0);
    ck_assert_int_eq(pal_text_width("", style), 0);
    ck_assert_int_eq(pal_text_width("\xc3\xa9", style), pal_text_width("\x01", style)); /* one box a character */
    pal_image_text(image, 0, 0, NULL, style);
    pal_image_text(image, INT64_MAX, 0, "far", style);
    pal_image_text(image, INT64_MIN, INT64_MIN, "far", style);
    pal_image_text(image, 0, INT64_MAX, "far", style);
    ck_assert(!inked(image, 0, 20));
    pal_image_text(image, -5, -5, "clipped \xff\xfe", (pal_text_style){INT32_MAX, true, {0, 0, 0}});
    pal_image_text(image, -5, -5, "clipped", (pal_text_style){INT32_MIN, true, {0, 0, 0}});
    ck_assert(inked(image, 0, 20));
    pal_image_free(image);
}
END_TEST

/* ---- Mappings ---------------------------------------------------------------------------------------------------- */

START_TEST(unit_maps_and_clamps)
{
    const double values[] = {0, 1, 0.5, -3, 7, 0.2};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(1, 2, 3), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t}, 0, 1, NULL);
    const int expected[] = {0, 255, 128, 0, 255, 51};
    for (int i = 0; i < 6; i++) assert_grey(image, MARGIN + i % 3, MARGIN + i / 3, expected[i]);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

START_TEST(bytes_keep_their_level)
{
    const double values[] = {0, 1, 77, 255};
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(1, 4), values), *b = tensor(PAL_BOOL, PAL_SHAPE(1, 4), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t}, 0, 1, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, (int)values[i]);
    pal_image_free(image);
    image = draw_row((pal_grid_row){.cells = b}, 0, 1, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, i == 0 ? 0 : 255);
    pal_image_free(image);
    pal_tensor_free(b);
    pal_tensor_free(t);
}
END_TEST

START_TEST(range_is_of_each_cell)
{
    const double values[] = {-1, 3, 1, 0, 10, 20, 15, 10, 5, 5, 5, 5, -DBL_MAX, DBL_MAX, 0, 0};
    pal_tensor *t = tensor(PAL_F64, PAL_SHAPE(4, 2, 2), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_RANGE}, 4, 1, NULL);
    const int expected[] = {0, 255, 128, 64, 0, 255, 128, 0, 128, 128, 128, 128, 0, 255, 128, 128};
    for (int i = 0; i < 16; i++) /* cells of two pixels, one between */
        assert_grey(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2, expected[i]);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

START_TEST(symmetric_has_zero_in_the_middle)
{
    const double values[] = {-2, 1, 0, 2, 0, 0, 0, 0, 0.5, 0, 0, -0.25};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(3, 4), values);
    pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_SYMMETRIC}, 3, 1, NULL);
    const int expected[] = {0, 191, 128, 255, 128, 128, 128, 128, 255, 128, 128, 64};
    for (int i = 0; i < 12; i++) assert_grey(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2, expected[i]);
    pal_image_free(image);
    image = draw_row((pal_grid_row){.cells = t, .mapping = PAL_MAP_DIVERGING}, 3, 1, NULL);
    const double signs[] = {-1, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, -0.5};
    for (int i = 0; i < 12; i++)
        assert_colour(pal_image_get(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2),
                      pal_colour_diverging(signs[i]));
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

START_TEST(colour_maps_are_ordered)
{
    assert_colour(pal_colour_grey(-1), (pal_colour){0, 0, 0});
    assert_colour(pal_colour_grey(INFINITY), (pal_colour){255, 255, 255});
    assert_colour(pal_colour_diverging(-INFINITY), pal_colour_diverging(-1));
    assert_colour(pal_colour_diverging(3), pal_colour_diverging(1));
    assert_colour(pal_colour_grey(NAN), PAL_COLOUR_NONFINITE);
    assert_colour(pal_colour_diverging(NAN), PAL_COLOUR_NONFINITE);
    pal_colour middle = pal_colour_diverging(0);
    ck_assert_int_eq(middle.red, middle.blue);
    ck_assert_int_gt(pal_colour_diverging(-0.5).blue, pal_colour_diverging(-0.5).red);
    ck_assert_int_gt(pal_colour_diverging(0.5).red, pal_colour_diverging(0.5).blue);
    for (int i = 0; i < 100; i++) { /* darker towards both ends */
        ck_assert_int_ge(pal_colour_diverging(i / 100.0).green, pal_colour_diverging((i + 1) / 100.0).green);
        ck_assert_int_ge(pal_colour_diverging(-i / 100.0).green, pal_colour_diverging(-(i + 1) / 100.0).green);
    }
}
END_TEST

START_TEST(what_is_not_finite_shows_and_does_not_count)
{
    const double values[] = {NAN, 2, INFINITY, 4, -INFINITY, NAN, NAN, INFINITY};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(2, 4), values);
    for (int mapping = 0; mapping < PAL_MAPPING_COUNT; mapping++) {
        pal_image *image = draw_row((pal_grid_row){.cells = t, .mapping = (pal_mapping)mapping}, 2, 1, NULL);
        for (int i = 0; i < 8; i++) {
            pal_colour colour = pal_image_get(image, MARGIN + i / 4 * 3 + i % 2, MARGIN + i % 4 / 2);
            if (!isfinite(values[i])) assert_colour(colour, PAL_COLOUR_NONFINITE);
        }
        if (mapping == PAL_MAP_RANGE) {
            assert_grey(image, MARGIN + 1, MARGIN, 0);
            assert_grey(image, MARGIN + 1, MARGIN + 1, 255);
        }
        pal_image_free(image);
    }
    pal_tensor_free(t);
}
END_TEST

/* ---- Grids ------------------------------------------------------------------------------------------------------- */

START_TEST(grid_sizes_add_up)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(5, 2, 3), NULL);
    static const struct {
        size_t columns, limit;
        int32_t scale;
        int wide, high, gap; /* cells on a line, lines, pixels between */
    } cases[] = {{0, 0, 1, 3, 2, 1}, {0, 4, 2, 2, 2, 2}, {2, 0, 4, 2, 3, 4}, {9, 0, 3, 5, 1, 3},
                 {1, 0, 9, 1, 5, 4}, {0, 9, 1, 3, 2, 1}, {5, 1, 1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_image *image =
            draw_row((pal_grid_row){.cells = t, .limit = cases[i].limit}, cases[i].columns, cases[i].scale, NULL);
        ck_assert_ptr_nonnull(image);
        int scale = cases[i].scale, gap = cases[i].gap;
        ck_assert_int_eq(image->width, 2 * MARGIN + cases[i].wide * (3 * scale + gap) - gap);
        ck_assert_int_eq(image->height, 2 * MARGIN + cases[i].high * (2 * scale + gap) - gap);
        assert_grey(image, MARGIN, MARGIN, 0);
        assert_grey(image, MARGIN - 1, MARGIN, 255);
        if (cases[i].wide > 1) assert_grey(image, MARGIN + 3 * scale, MARGIN, 255);
        if (cases[i].wide > 1) assert_grey(image, MARGIN + 3 * scale + gap, MARGIN, 0);
        pal_image_free(image);
    }
    pal_tensor_free(t);
}
END_TEST

START_TEST(all_layouts_of_a_tensor_draw_the_same)
{
    double values[24], turned[24];
    for (int i = 0; i < 24; i++) turned[i % 6 * 4 + i / 6] = values[i] = i / 23.0;
    pal_tensor *flat = tensor(PAL_F64, PAL_SHAPE(4, 6), values);
    pal_tensor *others[] = {tensor(PAL_F64, PAL_SHAPE(4, 2, 3), values), tensor(PAL_F64, PAL_SHAPE(4, 1, 2, 3), values),
                            tensor(PAL_F64, PAL_SHAPE(4, 2, 3, 1), values), tensor(PAL_F64, PAL_SHAPE(6, 4), turned)};
    pal_grid_row row = {.cells = flat};
    pal_grid_section section = {.rows = &row, .count = 1, .cell_height = 2};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    pal_image *first = pal_grid_draw(&grid, NULL);
    ck_assert_ptr_nonnull(first);
    for (int i = 0; i < 4; i++) {
        row = (pal_grid_row){.cells = others[i], .transposed = i == 3};
        section.cell_height = i == 3 ? 2 : 0;
        pal_image *image = pal_grid_draw(&grid, NULL);
        ck_assert_ptr_nonnull(image);
        ck_assert_int_eq(image->width, first->width);
        ck_assert_int_eq(image->height, first->height);
        ck_assert_mem_eq(image->pixels, first->pixels, (size_t)image->width * (size_t)image->height * 3);
        pal_image_free(image);
        pal_tensor_free(others[i]);
    }
    pal_image_free(first);
    pal_tensor_free(flat);
}
END_TEST

/* The first column in which there is black, and the last. */
static int first_black(const pal_image *image)
{
    for (int x = 0; x < image->width; x++)
        for (int y = 0; y < image->height; y++)
            if (pal_image_get(image, x, y).red == 0) return x;
    return image->width;
}

START_TEST(labels_titles_and_sections_take_room)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(3, 16), NULL);
    static const char *const names[] = {"a", "b", "c"};
    pal_grid_row rows[] = {{.cells = t}, {.cells = t}};
    pal_grid_section sections[] = {{.rows = rows, .count = 2}, {.rows = rows, .count = 2}};
    pal_grid grid = {.struct_size = sizeof grid, .sections = sections, .count = 1, .scale = 8};
    pal_image *plain = pal_grid_draw(&grid, NULL);
    ck_assert_int_eq(plain->width, 2 * MARGIN + 3 * 32 + 2 * 4);
    ck_assert_int_eq(plain->height, 2 * MARGIN + 2 * 32 + 4);

    rows[1].label = "reconstruction"; /* row labels move the cells to the right */
    pal_image *image = pal_grid_draw(&grid, NULL);
    int64_t room = pal_text_width("reconstruction", (pal_text_style){.height = 11}) + 11;
    ck_assert_int_eq(image->width, plain->width + room);
    ck_assert_int_eq(image->height, plain->height);
    ck_assert_int_eq(first_black(image), MARGIN + room);
    pal_image_free(image);
    rows[1].label = NULL;

    const char **texts[] = {&grid.title, &grid.caption, &sections[0].title}; /* texts move them down */
    for (int i = 0; i < 3; i++) {
        *texts[i] = "text";
        image = pal_grid_draw(&grid, NULL);
        ck_assert_int_gt(image->height, plain->height + 11);
        ck_assert_int_eq(image->width, plain->width);
        pal_image_free(image);
        *texts[i] = NULL;
    }
    sections[0].column_labels = names;
    sections[0].column_label_count = 3;
    image = pal_grid_draw(&grid, NULL);
    ck_assert_int_gt(image->height, plain->height + 11);
    pal_image_free(image);
    sections[0].column_label_count = 0;

    grid.count = 2; /* sections side by side */
    image = pal_grid_draw(&grid, NULL);
    ck_assert_int_eq(image->height, plain->height);
    ck_assert_int_gt(image->width, 2 * (plain->width - 2 * MARGIN) + 2 * MARGIN);
    pal_image_free(image);
    pal_image_free(plain);
    pal_tensor_free(t);
}
END_TEST

START_TEST(long_text_is_wrapped)
{
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(1, 4), NULL);
    pal_grid_row row = {.cells = t};
    pal_grid_section section = {.rows = &row, .count = 1};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .title = "one line"};
    pal_image *image = pal_grid_draw(&grid, NULL);
    char text[2001];
    memset(text, 'w', 2000);
    text[2000] = '\0';
    for (int spaces = 0; spaces < 2; spaces++) { /* a word that is too long is cut */
        grid.title = text;
        pal_image *high = pal_grid_draw(&grid, NULL);
        ck_assert_ptr_nonnull(high);
        ck_assert_int_gt(high->height, image->height * 5);
        ck_assert_int_lt(high->width, 400);
        for (int y = 0; y < high->height; y++) assert_grey(high, MARGIN / 2, y, 255); /* nothing in the margin */
        pal_image_free(high);
        for (int i = 5; i < 2000; i += 6) text[i] = ' ';
    }
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

START_TEST(a_good_scale_is_chosen)
{
    pal_tensor *t = tensor(PAL_U8, PAL_SHAPE(256, 28, 28), NULL), *one = tensor(PAL_U8, PAL_SHAPE(1, 28, 28), NULL);
    pal_image *filters = draw_row((pal_grid_row){.cells = t}, 0, 0, NULL);
    ck_assert_int_gt(filters->width, 1000);
    ck_assert_int_lt(filters->width, 1500);
    pal_image *single = draw_row((pal_grid_row){.cells = one}, 0, 0, NULL);
    ck_assert_int_eq(single->width, 28 * 8 + 2 * MARGIN);
    pal_image_free(filters);
    pal_image_free(single);
    pal_tensor_free(one);
    pal_tensor_free(t);
}
END_TEST

START_TEST(a_grid_is_written)
{
    pal_error error = {PAL_OK, ""};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(1, 4), (double[]){0, 1, 1, 0});
    pal_grid_row row = {.cells = t};
    pal_grid_section section = {.rows = &row, .count = 1};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 1};
    ck_assert_int_eq(pal_grid_write(&grid, path, &error), PAL_OK);
    ck_assert_int_eq(error.status, PAL_OK);
    pal_image *image = pal_image_read(path, NULL);
    for (int i = 0; i < 4; i++) assert_grey(image, MARGIN + i % 2, MARGIN + i / 2, i % 3 ? 255 : 0);
    pal_image_free(image);
    row.cells = NULL; /* a failure names the file and leaves what was there */
    ck_assert_int_eq(pal_grid_write(&grid, path, &error), PAL_ERR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.text, path));
    image = pal_image_read(path, NULL);
    ck_assert_ptr_nonnull(image);
    pal_image_free(image);
    pal_tensor_free(t);
}
END_TEST

static void refuse(pal_grid_row row, pal_grid_section section, pal_status status, const char *says)
{
    pal_error error = {PAL_OK, ""};
    section.rows = &row;
    section.count = 1;
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_ptr_null(pal_grid_draw(&grid, &error));
    ck_assert_msg(error.status == status, "%s: %s", pal_status_text(error.status), error.text);
    ck_assert_msg(strstr(error.text, says) != NULL, "\"%s\" does not say \"%s\"", error.text, says);
    ck_assert_ptr_null(pal_grid_draw(&grid, NULL));
}

START_TEST(tensors_that_are_no_images_are_refused)
{
    const struct {
        pal_dtype dtype;
        pal_shape shape;
        pal_grid_section section;
        bool transposed;
        pal_status status;
        const char *says;
    } cases[] = {
        {PAL_I32, PAL_SHAPE(2, 4), {0}, false, PAL_ERR_TYPE, "i32"},
        {PAL_F32, PAL_SHAPE(4), {0}, false, PAL_ERR_SHAPE, "[4]"},
        {PAL_F32, PAL_SCALAR, {0}, false, PAL_ERR_SHAPE, "[n,h*w]"},
        {PAL_F32, PAL_SHAPE(2, 3, 4, 4), {0}, false, PAL_ERR_SHAPE, "[2,3,4,4]"},
        {PAL_F32, PAL_SHAPE(1, 1, 1, 4, 4), {0}, false, PAL_ERR_SHAPE, "[1,1,1,4,4]"},
        {PAL_F32, PAL_SHAPE(2, 5), {0}, false, PAL_ERR_SHAPE, "5 elements"},
        {PAL_F32, PAL_SHAPE(2, 6), {.cell_height = 4}, false, PAL_ERR_SHAPE, "6 elements"},
        {PAL_F32, PAL_SHAPE(2, 6), {.cell_height = -2, .cell_width = -3}, false, PAL_ERR_SHAPE, "-2"},
        {PAL_F32, PAL_SHAPE(2, 4), {.cell_height = INT64_MAX, .cell_width = 8}, false, PAL_ERR_SHAPE, "4 elements"},
        {PAL_F32, PAL_SHAPE(2, 2, 2), {.cell_height = 3}, false, PAL_ERR_SHAPE, "[2,2,2]"},
        {PAL_F32, PAL_SHAPE(2, 2, 2), {0}, true, PAL_ERR_SHAPE, "[h*w,n]"},
        {PAL_F32, PAL_SHAPE(0, 4), {0}, false, PAL_ERR_SHAPE, "empty"},
        {PAL_F32, PAL_SHAPE(2, 0), {0}, false, PAL_ERR_SHAPE, "empty"},
        {PAL_U8, PAL_SHAPE(1, 70000), {.cell_height = 1}, false, PAL_ERR_SHAPE, "70000"},
        {PAL_U8, PAL_SHAPE(1 << 21, 1), {0}, false, PAL_ERR_SHAPE, "too many"},
        {PAL_U8, PAL_SHAPE(1, 60000), {.cell_height = 1, .title = "too wide at scale 8"}, false, PAL_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_tensor *t = tensor(cases[i].dtype, cases[i].shape, NULL);
        if (cases[i].status == PAL_OK) { /* large, yet a picture */
            pal_grid_row row = {.cells = t};
            pal_grid_section section = cases[i].section;
            section.rows = &row;
            section.count = 1;
            pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
            pal_image *image = pal_grid_draw(&grid, NULL);
            ck_assert_ptr_nonnull(image);
            pal_image_free(image);
            grid.scale = 64;
            ck_assert_ptr_null(pal_grid_draw(&grid, NULL));
        } else {
            refuse((pal_grid_row){.cells = t, .transposed = cases[i].transposed}, cases[i].section, cases[i].status,
                   cases[i].says);
        }
        pal_tensor_free(t);
    }
}
END_TEST

START_TEST(grids_that_make_no_sense_are_refused)
{
    pal_error error = {PAL_OK, ""};
    pal_tensor *t = tensor(PAL_F32, PAL_SHAPE(2, 4), NULL), *other = tensor(PAL_F32, PAL_SHAPE(2, 9), NULL);
    refuse((pal_grid_row){.cells = NULL}, (pal_grid_section){0}, PAL_ERR_ARGUMENT, "no cells");
    refuse((pal_grid_row){.cells = t, .mapping = PAL_MAPPING_COUNT}, (pal_grid_section){0}, PAL_ERR_ARGUMENT,
           "mapping");
    refuse((pal_grid_row){.cells = t, .mapping = (pal_mapping)-1}, (pal_grid_section){0}, PAL_ERR_ARGUMENT, "mapping");
    refuse((pal_grid_row){.cells = t}, (pal_grid_section){.column_label_count = 3}, PAL_ERR_ARGUMENT, "labels");
    pal_grid_row rows[] = {{.cells = t}, {.cells = other}};
    pal_grid_section section = {.rows = rows, .count = 2};
    pal_grid grid = {.struct_size = sizeof grid, .sections = &section, .count = 1};
    ck_assert_ptr_null(pal_grid_draw(&grid, &error));
    ck_assert_int_eq(error.status, PAL_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(error.text, "row 1"));
    section.count = 1;
    const pal_grid wrong[] = {{.struct_size = 3, .sections = &section, .count = 1},
                              {.struct_size = sizeof grid, .sections = NULL, .count = 1},
                              {.struct_size = sizeof grid, .sections = &section, .count = 0},
                              {.struct_size = sizeof grid, .sections = &section, .count = SIZE_MAX},
                              {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = -1},
                              {.struct_size = sizeof grid, .sections = &section, .count = 1, .scale = 65}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error.status = PAL_OK;
        ck_assert_ptr_null(pal_grid_draw(&wrong[i], &error));
        ck_assert_int_eq(error.status, PAL_ERR_ARGUMENT);
    }
    section.columns = SIZE_MAX;
    pal_image *image = pal_grid_draw(&grid, NULL);
    ck_assert_ptr_nonnull(image);
    pal_image_free(image);
    pal_tensor_free(other);
    pal_tensor_free(t);
}
END_TEST

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

static const double epochs[] = {1, 2, 3}, falling[] = {3, 2.5, 0.1}, rare[] = {4, NAN, 1}, negative[] = {1, 0, -1};

static pal_curves curves_of(const pal_series *series, size_t count)
{
    return (pal_curves){
        .struct_size = sizeof(pal_curves), .x = epochs, .count = 3, .series = series, .series_count = count};
}

START_TEST(curves_write_data_and_script)
{
    char data[128], script[128], *before = getenv("PATH") ? strdup(getenv("PATH")) : NULL;
    const pal_series series[] = {{"train_loss", falling}, {"test loss", rare}};
    pal_curves curves = curves_of(series, 2);
    bool drawn = true;
    snprintf(data, sizeof data, "%s/picture.dat", folder);
    snprintf(script, sizeof script, "%s/picture.gnuplot", folder);
    curves.title = "it's `quoted`";
    setenv("PATH", folder, 1); /* no gnuplot there */
    ck_assert_int_eq(pal_curves_write(&curves, path, &drawn, NULL), PAL_OK);
    ck_assert(!drawn);
    ck_assert_int_eq(files(false), 2);
    assert_bytes(data, "# epoch train_loss test_loss\n1 3 4\n2 2.5 nan\n3 0.10000000000000001 1\n");

    char text[4096] = "";
    FILE *stream = fopen(script, "rb");
    ck_assert_ptr_nonnull(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    ck_assert_ptr_nonnull(strstr(text, "'it''s `quoted`'"));
    ck_assert_ptr_nonnull(strstr(text, "'picture.dat' using 1:3"));
    ck_assert_ptr_null(strstr(text, folder));

    char program[128]; /* a gnuplot that fails leaves the old picture */
    snprintf(program, sizeof program, "%s/gnuplot", folder);
    write_bytes(program, "#!/bin/sh\nexit 3\n");
    ck_assert_int_eq(chmod(program, 0700), 0);
    write_bytes(path, "old");
    pal_error error = {PAL_OK, ""};
    ck_assert_int_eq(pal_curves_write(&curves, path, &drawn, &error), PAL_ERR_IO);
    ck_assert(!drawn);
    ck_assert_ptr_nonnull(strstr(error.text, script));
    ck_assert_ptr_nonnull(strstr(error.text, "status 3"));
    assert_bytes(path, "old");
    ck_assert_int_eq(files(false), 4);
    if (before != NULL) setenv("PATH", before, 1);
    free(before);
}
END_TEST

START_TEST(gnuplot_draws_curves)
{
    const pal_series series[] = {{"train_loss", falling}, {"test_loss", rare}, {"it's", negative}};
    pal_curves curves = curves_of(series, 3);
    for (int i = 0; i < 4; i++) { /* plain, one point, logarithmic, one point logarithmic */
        pal_error error = {PAL_OK, ""};
        bool drawn = false;
        curves.series_count = i < 2 ? 3 : 2;
        curves.count = i % 2 == 0 ? 3 : 1;
        curves.log_y = i >= 2;
        ck_assert_msg(pal_curves_write(&curves, path, &drawn, &error) == PAL_OK, "%s", error.text);
        ck_assert_int_eq(files(false), drawn ? 3 : 2);
        if (!drawn) return; /* no gnuplot here */
        pal_image *image = pal_image_read(path, NULL);
        ck_assert_ptr_nonnull(image);
        ck_assert_int_ge(image->width, 1000);
        pal_image_free(image);
    }
}
END_TEST

START_TEST(curves_that_cannot_be_are_refused)
{
    const double none[] = {NAN, INFINITY, NAN};
    const pal_series nameless[] = {{NULL, falling}}, empty[] = {{"a", NULL}}, lost[] = {{"a", none}};
    const pal_series good[] = {{"a", falling}}, signs[] = {{"signed", negative}};
    pal_curves cases[] = {curves_of(good, 0),  curves_of(NULL, 1), curves_of(nameless, 1),
                          curves_of(empty, 1), curves_of(lost, 1), curves_of(good, 1),
                          curves_of(signs, 1), curves_of(good, 1), curves_of(good, 1)};
    cases[5].count = 0;
    cases[6].log_y = true;
    cases[7].struct_size = 1;
    cases[8].x = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pal_error error = {PAL_OK, ""};
        bool drawn = true;
        ck_assert_int_eq(pal_curves_write(&cases[i], path, &drawn, &error), PAL_ERR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(error.text, path));
        ck_assert(!drawn);
    }
    pal_curves fine = curves_of(good, 1);
    pal_error error = {PAL_OK, ""};
    char missing[256];
    snprintf(missing, sizeof missing, "%s/no-such-folder/picture.png", folder);
    ck_assert_int_eq(pal_curves_write(&fine, missing, NULL, &error), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(error.text, "no-such-folder"));
    ck_assert_int_eq(pal_curves_write(&fine, "", NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(files(false), 0);
}
END_TEST

Suite *plot_suite(void)
{
    const struct {
        const char *name;
        const TTest *tests[12];
    } cases[] = {
        {"images",
         {drawing_is_clipped, hostile_sizes_are_refused, png_round_trip, what_cannot_be_written_is_named_and_left,
          a_full_disk_leaves_what_was_there, a_pipe_is_written_in_place, an_unwritable_folder_keeps_its_files,
          a_link_is_followed, a_damaged_png_is_refused}},
        {"text",
         {text_takes_the_width_it_measures, every_letter_differs_from_every_other, odd_text_is_drawn_or_ignored}},
        {"mappings",
         {unit_maps_and_clamps, bytes_keep_their_level, range_is_of_each_cell, symmetric_has_zero_in_the_middle,
          colour_maps_are_ordered, what_is_not_finite_shows_and_does_not_count}},
        {"grids",
         {grid_sizes_add_up, all_layouts_of_a_tensor_draw_the_same, labels_titles_and_sections_take_room,
          long_text_is_wrapped, a_good_scale_is_chosen, a_grid_is_written, tensors_that_are_no_images_are_refused,
          grids_that_make_no_sense_are_refused}},
        {"curves", {curves_write_data_and_script, gnuplot_draws_curves, curves_that_cannot_be_are_refused}},
    };
    Suite *suite = suite_create("plot");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TCase *group = tcase_create(cases[i].name);
        tcase_add_unchecked_fixture(group, make_folder, remove_folder);
        tcase_add_checked_fixture(group, set_up, tear_down);
        tcase_set_timeout(group, 60);
        for (size_t k = 0; cases[i].tests[k] != NULL; k++) tcase_add_test(group, cases[i].tests[k]);
        suite_add_tcase(suite, group);
    }
    return suite;
}
