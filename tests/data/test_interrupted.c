/* test_interrupted.c - tests readers and writers in a program whose signal handlers do not restart system calls
 * (sigaction without SA_RESTART): no byte is lost, and no wait becomes an error.
 *
 * The other end of each file is slow, so that every open, read and write waits, and a timer interrupts the waits. Also
 * tests gzip files of several members, since they are unpacked by the same code. */
#include <errno.h>
#include <fcntl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "models/models.h"
#include "plot/plot.h"
#include "tests/data/arrays.h"

Suite *interrupted_suite(void);

enum { PAUSE = 4000, PARTS = 12, MOST = 1 << 22 }; /* microseconds */

static volatile sig_atomic_t interruptions;

static void on_alarm(int number)
{
    (void)number;
    interruptions++;
}

static void interrupt_often(void)
{
    const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    interruptions = 0;
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL);
}

/* The other end has ended well, and the waits were interrupted. */
static void assert_interrupted(pid_t other)
{
    int status;
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    ck_assert_int_eq(waitpid(other, &status, 0), other);
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(interruptions, PARTS / 2);
}

static const char *make_fifo(const char *name)
{
    const char *path = path_of(name);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    return path;
}

/* A process that writes the bytes of a file into a pipe, slowly. */
static pid_t feed(const char *from, const char *fifo)
{
    char *bytes = malloc(MOST);
    const size_t size = read_file(from, bytes, MOST), part = size / PARTS + 1;
    const pid_t child = fork();
    if (child == 0) {
        usleep(PAUSE);
        const int to = open(fifo, O_WRONLY);
        for (size_t at = 0; at < size; at += part) {
            usleep(PAUSE);
            if (pal_write_all(to, bytes + at, size - at < part ? size - at : part)) _exit(1);
        }
        _exit(to < 0);
    }
    free(bytes);
    return child;
}

/* A process that copies what comes out of a pipe, slowly. */
static pid_t drain(const char *fifo, const char *copy)
{
    const pid_t child = fork();
    if (child == 0) {
        char bytes[4096];
        ssize_t n;
        usleep(PAUSE);
        const int from = open(fifo, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT, 0600);
        do {
            usleep(PAUSE);
            n = read(from, bytes, sizeof bytes);
        } while (n > 0 && write(to, bytes, (size_t)n) == n);
        _exit(n != 0);
    }
    return child;
}

static const char *write_packed(const char *name, const char *from)
{
    char *bytes = malloc(MOST);
    const char *path = write_gz(name, bytes, read_file(from, bytes, MOST));
    free(bytes);
    return path;
}

START_TEST(reading_arrays)
{
    static const struct {
        reader read;
        const char *name;
        pal_status (*write)(const pal_tensor *, const char *, pal_error *);
        bool packed;
    } rows[] = {{pal_npy_read, "x.npy", pal_npy_write, false},
                {pal_csv_read, "x.csv", pal_csv_write, false},
                {pal_npy_read, "x.npy", pal_npy_write, true},
                {pal_csv_read, "x.csv", pal_csv_write, true}};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(300, 50));
    const char *path = path_of("whole"), *fifo = make_fifo(rows[_i].name);
    ck_assert_int_eq(rows[_i].write(tensor, path, NULL), PAL_OK);
    if (rows[_i].packed) path = write_packed("packed", path);
    const pid_t other = feed(path, fifo);
    interrupt_often();
    pal_tensor *again = check_read(rows[_i].read, fifo, PAL_F32, tensor->shape);
    assert_interrupted(other);
    check_equal(tensor, again);
    pal_tensor_free(again);
    pal_tensor_free(tensor);
}
END_TEST

START_TEST(writing_arrays)
{
    pal_status (*const writers[])(const pal_tensor *, const char *, pal_error *) = {pal_npy_write, pal_csv_write};
    pal_tensor *tensor = make_tensor(PAL_F32, PAL_SHAPE(300, 100));
    const char *fifo = make_fifo("fifo"), *copy = path_of("copy");
    const pid_t other = drain(fifo, copy);
    interrupt_often();
    pal_error err = {0};
    const pal_status status = writers[_i](tensor, fifo, &err);
    assert_interrupted(other);
    ck_assert_msg(status == PAL_OK, "%s", err.text);
    const reader readers[] = {pal_npy_read, pal_csv_read};
    pal_tensor *again = check_read(readers[_i], copy, PAL_F32, tensor->shape);
    check_equal(tensor, again);
    pal_tensor_free(again);
    pal_tensor_free(tensor);
}
END_TEST

/* A picture that PNG cannot make small. */
static pal_image *make_image(void)
{
    pal_image *image = pal_image_new(200, 200, NULL);
    ck_assert_ptr_nonnull(image);
    pal_noise_words((pal_noise){.seed = 1}, "pixels", 0, 200 * 200 * 3 / 4, (uint32_t *)(void *)image->pixels);
    return image;
}

START_TEST(reading_a_picture)
{
    pal_image *image = make_image();
    const char *path = path_of("whole.png"), *fifo = make_fifo("fifo.png");
    ck_assert_int_eq(pal_image_write(image, path, NULL), PAL_OK);
    const pid_t other = feed(path, fifo);
    interrupt_often();
    pal_error err = {0};
    pal_image *again = pal_image_read(fifo, &err);
    assert_interrupted(other);
    ck_assert_msg(again != NULL, "%s", err.text);
    ck_assert_mem_eq(image->pixels, again->pixels, 200 * 200 * 3);
    pal_image_free(again);
    pal_image_free(image);
}
END_TEST

START_TEST(writing_a_picture)
{
    pal_image *image = make_image();
    const char *fifo = make_fifo("fifo.png"), *copy = path_of("copy.png");
    const pid_t other = drain(fifo, copy);
    interrupt_often();
    pal_error err = {0};
    const pal_status status = pal_image_write(image, fifo, &err);
    assert_interrupted(other);
    ck_assert_msg(status == PAL_OK, "%s", err.text);
    pal_image *again = pal_image_read(copy, NULL);
    ck_assert_ptr_nonnull(again);
    ck_assert_mem_eq(image->pixels, again->pixels, 200 * 200 * 3);
    pal_image_free(again);
    pal_image_free(image);
}
END_TEST

START_TEST(writing_a_stream)
{
    enum { LINES = 20000 };
    const char *fifo = make_fifo("fifo"), *copy = path_of("copy");
    const pid_t other = drain(fifo, copy);
    const int descriptor = open(fifo, O_WRONLY);
    ck_assert_int_ge(descriptor, 0);
    interrupt_often();
    FILE *to = pal_write_stream(descriptor);
    bool failed = to == NULL;
    for (int i = 0; i < LINES && !failed; i++) failed = fprintf(to, "%07d\n", i) != 8;
    failed |= to && fclose(to);
    assert_interrupted(other);
    ck_assert(!failed);
    char *text = malloc(MOST);
    ck_assert_uint_eq(read_file(copy, text, MOST), 8 * LINES);
    for (int i = 0; i < LINES; i++) ck_assert_int_eq(atoi(text + 8 * i), i);
    ck_assert_int_eq(fcntl(descriptor, F_GETFD), -1); /* fclose has closed it */
    free(text);
    to = pal_write_stream(-1);
    ck_assert_ptr_nonnull(to);
    ck_assert(fputs("text", to) >= 0 && fflush(to) == EOF && errno == EBADF);
    fclose(to);
}
END_TEST

/* ---- Members of gzip files ------------------------------------------------------------------------------------- */

/* Writes "1,2\n3,4\n" as two members, with these bytes behind them. */
static const char *two_members(const char *name, const char *behind, size_t n)
{
    char bytes[1024];
    size_t size = read_file(write_gz("member", "1,2\n3", 5), bytes, 400);
    size += read_file(write_gz("member", ",4\n", 3), bytes + size, 400);
    memcpy(bytes + size, behind, n);
    return write_file(name, bytes, size + n);
}

START_TEST(several_members)
{
    char zeros[512] = "";
    for (size_t n = 0; n <= sizeof zeros; n += 64) { /* zeros fill up a block, as on a tape */
        pal_tensor *t = check_read(pal_csv_read, two_members("x.csv", zeros, n), PAL_F32, PAL_SHAPE(2, 2));
        for (size_t i = 0; i < 4; i++) ck_assert(((const float *)t->data)[i] == (float)(i + 1));
        pal_tensor_free(t);
    }
    check_refused(pal_csv_read, two_members("x.csv", "more", 4), PAL_ERR_FORMAT, "damaged after 8 bytes");
    check_refused(pal_csv_read, two_members("x.csv", "\0\0\037", 3), PAL_ERR_FORMAT, "damaged after 8 bytes");
    check_refused(pal_csv_read, two_members("x.csv", "\037\213", 2), PAL_ERR_FORMAT, "cut short after 8 bytes");
}
END_TEST

Suite *interrupted_suite(void)
{
    Suite *suite = suite_create("interrupted");
    TCase *tests =
        in_own_folder(add_case(suite, "interrupted", set_up, tear_down,
                               TESTS(reading_a_picture, writing_a_picture, writing_a_stream, several_members)));
    tcase_add_loop_test(tests, reading_arrays, 0, 4);
    tcase_add_loop_test(tests, writing_arrays, 0, 2);
    return suite;
}
