/* test_replace.c - tests the replacement of a file: whole or not at all, in the folder of a descriptor, and with links.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "models/models.h"
#include "tests/files.h"
#include "tests/testing.h"

Suite *replace_suite(void);

static int descriptor_of_folder(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(descriptor, 0);
    return descriptor;
}

static int write_new(int descriptor, void *user)
{
    (void)user;
    return pal_write_all(descriptor, "new", 3);
}

/* Writes a part and fails. */
static int write_part(int descriptor, void *user)
{
    const int why = pal_write_all(descriptor, "ne", 2);
    return why ? why : *(const int *)user;
}

START_TEST(a_file_is_made_and_replaced)
{
    const char *path = path_of("file");
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, path, write_new, NULL, NULL), PAL_OK);
    assert_text(path, "new");
    write_text("file", "something longer");
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, path, write_new, NULL, NULL), PAL_OK);
    assert_text(path, "new");
    ck_assert_int_eq(chdir(folder), 0); /* a name without a slash */
    write_text("file", "old");
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, "file", write_new, NULL, NULL), PAL_OK);
    assert_text(path, "new");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(a_failure_leaves_the_old_file_alone)
{
    pal_error err = {0};
    const char *path = write_text("file", "old");
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, path, write_part, &(int){ENOSPC}, &err), PAL_ERR_IO);
    ck_assert_msg(strstr(err.text, path) == err.text && strstr(err.text, "No space left"), "%s", err.text);
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, path, write_part, &(int){ENOMEM}, &err), PAL_ERR_MEMORY);
    assert_text(path, "old");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* The folder was renamed, and another one was made under its name: the file is written into the renamed one. */
START_TEST(a_renamed_folder_is_still_written)
{
    pal_error err = {0};
    ck_assert_int_eq(mkdir(path_of("a"), 0777), 0);
    write_text("a/file", "old");
    const int a = descriptor_of_folder(path_of("a"));
    ck_assert_int_eq(rename(path_of("a"), path_of("b")), 0);
    ck_assert_int_eq(mkdir(path_of("a"), 0777), 0);
    write_text("a/file", "other");
    ck_assert_int_eq(pal_file_replace(a, "file", write_new, NULL, &err), PAL_OK);
    assert_text(path_of("a/file"), "other");
    assert_text(path_of("b/file"), "new");
    static const char *const bad[] = {"", ".", "..", "../a/file", "/tmp/file", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(pal_file_replace(a, bad[i], write_new, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_file_replace(a, "file", NULL, NULL, &err), PAL_ERR_ARGUMENT);
    assert_text(path_of("a/file"), "other");
    close(a);
}
END_TEST

/* Of a path that is a link, the target is replaced. In the folder of a descriptor, the link itself is. */
START_TEST(links)
{
    struct stat info;
    char target[PATH_ROOM];
    ck_assert_int_eq(mkdir(path_of("far"), 0777), 0);
    ck_assert_int_eq(mkdir(path_of("near"), 0777), 0);
    strcpy(target, write_text("far/file", "old"));
    const char *link = path_of("near/link");
    ck_assert_int_eq(symlink(target, link), 0);
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, link, write_new, NULL, NULL), PAL_OK);
    ck_assert(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    assert_text(target, "new");
    write_text("far/file", "old");
    const int near = descriptor_of_folder(path_of("near"));
    ck_assert_int_eq(pal_file_replace(near, "link", write_new, NULL, NULL), PAL_OK);
    close(near);
    ck_assert(lstat(link, &info) == 0 && S_ISREG(info.st_mode));
    assert_text(link, "new");
    assert_text(target, "old");
}
END_TEST

/* Something else than a file is never replaced, and there is no name so long that a temporary one would not fit. */
START_TEST(other_things_are_refused)
{
    pal_error err = {0};
    char longest[NAME_MAX + 1];
    memset(longest, 'x', NAME_MAX);
    longest[NAME_MAX] = 0;
    const int here = descriptor_of_folder(folder);
    ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
    ck_assert_int_eq(mkdir(path_of("folder"), 0700), 0);
    static const char *const names[] = {"pipe", "folder"};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pal_file_replace(here, names[i], write_new, NULL, &err), PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
        ck_assert_int_eq(pal_file_replace(AT_FDCWD, path_of(names[i]), write_new, NULL, &err), PAL_ERR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "not a regular file"));
    }
    static const char *const paths[] = {"folder/", "no/file", "pipe/file"};
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pal_file_replace(AT_FDCWD, path_of(paths[i]), write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_int_eq(pal_file_replace(AT_FDCWD, "/", write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_int_eq(pal_file_replace(here, longest, write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_int_eq(pal_file_replace(-1, "file", write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_int_eq(count_files(), 2);
    close(here);
}
END_TEST

/* A path that a user named may be a pipe, which is written and stays; a folder is refused. */
START_TEST(a_pipe_is_written_in_place)
{
    struct stat info;
    char got[8] = "";
    pal_error err = {0};
    const char *pipe = path_of("pipe");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    const int reads = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_eq(pal_file_write(pipe, write_new, NULL, &err), PAL_OK);
    ck_assert_int_eq(read(reads, got, sizeof got), 3);
    ck_assert_str_eq(got, "new");
    ck_assert_int_eq(pal_file_write(pipe, write_part, &(int){ENOMEM}, &err), PAL_ERR_MEMORY);
    close(reads);
    ck_assert(lstat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));
    ck_assert_int_eq(pal_file_write(folder, write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "Is a directory"));
    ck_assert_int_eq(pal_file_write("", write_new, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_file_write(NULL, write_new, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_file_write(pipe, NULL, NULL, &err), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(a_missing_folder_is_named)
{
    pal_error err = {0};
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(pal_file_write("no/such/file", write_new, NULL, &err), PAL_ERR_IO);
    ck_assert_str_eq(err.text, "no/such/file: cannot write: make the folder no/such first");
    ck_assert_int_eq(pal_file_write("file", write_new, NULL, &err), PAL_OK);
    assert_text(path_of("file"), "new");
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static int print_lines(FILE *to, void *user)
{
    for (int i = 0; i < 10000; i++) fprintf(to, "%d\n", i);
    return *(const int *)user;
}

/* What print returns is told, unless a byte could not be written before. The descriptor stays open. */
START_TEST(printed_text_arrives_or_the_reason_does)
{
    int good = 0, bad = EDOM;
    const char *path = path_of("file");
    const int to = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(pal_write_printed(to, print_lines, &good), 0);
    ck_assert_int_eq(lseek(to, 0, SEEK_CUR), 48890);
    ck_assert_int_eq(pal_write_printed(to, print_lines, &bad), EDOM);
    ck_assert_int_eq(close(to), 0);
    ck_assert_int_eq(pal_write_printed(to, print_lines, &good), EBADF);
    ck_assert_int_eq(pal_write_printed(to, print_lines, &bad), EBADF);
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0) return;
    ck_assert_int_eq(pal_write_printed(full, print_lines, &good), ENOSPC);
    close(full);
}
END_TEST

static void on_alarm(int signal) { (void)signal; }

/* A pipe takes few bytes at once, and a timer interrupts each wait: every byte arrives. */
START_TEST(interrupted_writes_go_on)
{
    enum { SIZE = 400000 };
    int ends[2], status;
    char *sent = malloc(SIZE), *got = malloc(SIZE);
    ck_assert(sent && got && pipe(ends) == 0);
    for (size_t i = 0; i < SIZE; i++) sent[i] = (char)(i * i >> 7);
    const pid_t child = fork();
    if (child == 0) {
        const struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
        const struct itimerval often = {{0, 200}, {0, 200}};
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        close(ends[0]);
        _exit(pal_write_all(ends[1], sent, SIZE));
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t more = 1; more > 0; n += (size_t)more) {
        usleep(1000);
        more = read(ends[0], got + n, SIZE - n < 5000 ? SIZE - n : 5000);
        ck_assert_int_ge(more, 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(n, SIZE);
    ck_assert_mem_eq(sent, got, SIZE);
    ck_assert_int_eq(pal_write_all(-1, sent, 1), EBADF);
    ck_assert_int_eq(pal_write_all(-1, sent, 0), 0);
    close(ends[0]);
    free(sent);
    free(got);
}
END_TEST

/* The values that xxHash gives elsewhere, since files keep the hash: a later version must find the same. */
START_TEST(the_hash_is_xxh3)
{
    char bytes[1000];
    for (int i = 0; i < 1000; i++) bytes[i] = (char)(i * 7 % 251);
    ck_assert_uint_eq(pal_hash(0, "palindrome", 10), 0x2b6c93e5b76ee87b);
    ck_assert_uint_eq(pal_hash(0, bytes, sizeof bytes), 0xd1eb8367bf3294e7);
    ck_assert_uint_eq(pal_hash(5, bytes, 0), 5);
    ck_assert_uint_eq(pal_hash(0, NULL, 0), 0);
    const uint64_t whole = pal_hash(pal_hash(0, "a", 1), bytes, sizeof bytes);
    for (int bit = 0; bit < 8000; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        ck_assert_uint_ne(pal_hash(pal_hash(0, "a", 1), bytes, sizeof bytes), whole);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    ck_assert_uint_ne(pal_hash(pal_hash(0, "b", 1), bytes, sizeof bytes), whole);
}
END_TEST

Suite *replace_suite(void)
{
    Suite *suite = suite_create("replace");
    in_own_folder(add_case(suite, "files", NULL, NULL,
                           TESTS(a_file_is_made_and_replaced, a_failure_leaves_the_old_file_alone,
                                 a_renamed_folder_is_still_written, links, other_things_are_refused,
                                 a_pipe_is_written_in_place, a_missing_folder_is_named,
                                 printed_text_arrives_or_the_reason_does, interrupted_writes_go_on, the_hash_is_xxh3)));
    return suite;
}
