/* careless.c - a program that copies a file as careless programs do, to show that the test of faults finds each of
 * them.
 *
 *     careless encode RUN FROM TO
 *
 * CARELESS in the environment says in what way: see the table. careful does everything as it should. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char temporary[1000];

static int refuse(const char *name, const char *why)
{
    char line[1100];
    const int n = snprintf(line, sizeof line, "palindrome: %s: %s\n", name, why);
    for (int at = 0; at < n;) {
        const ssize_t more = TEMP_FAILURE_RETRY(write(2, line + at, (size_t)(n - at)));
        if (more <= 0) break;
        at += (int)more;
    }
    if (*temporary) TEMP_FAILURE_RETRY(unlink(temporary));
    return 1;
}

/* Returns the size, or -1. */
static ssize_t read_all(const char *name, char *to, size_t room)
{
    const int from = (int)TEMP_FAILURE_RETRY(open(name, O_RDONLY));
    size_t size = 0;
    ssize_t n = from < 0 ? -1 : 1;
    while (n > 0 && size < room) {
        n = TEMP_FAILURE_RETRY(read(from, to + size, room - size));
        if (n > 0) size += (size_t)n;
    }
    if (from >= 0) close(from);
    return n < 0 ? -1 : (ssize_t)size;
}

/* Returns 0, or an errno. */
static int write_all(int to, const char *bytes, size_t size)
{
    while (size) {
        const ssize_t n = TEMP_FAILURE_RETRY(write(to, bytes, size));
        if (n < 0) return errno;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

static int careful(char *bytes, const char *from, const char *to)
{
    if (!bytes) return refuse(from, "out of memory");
    const ssize_t size = read_all(from, bytes, 1 << 16);
    if (size < 0) return refuse(from, strerror(errno));
    snprintf(temporary, sizeof temporary, "%s.part", to);
    const int out = (int)TEMP_FAILURE_RETRY(open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666));
    if (out < 0) *temporary = 0;
    if (out < 0) return refuse(to, strerror(errno));
    int why = write_all(out, bytes, (size_t)size);
    if (close(out) && errno != EINTR && !why) why = errno;
    if (!why && rename(temporary, to)) why = errno;
    return why ? refuse(to, strerror(why)) : 0;
}

/* Does not look at what write answers. */
static int unchecked(char *bytes, const char *from, const char *to)
{
    if (!bytes) return refuse(from, "out of memory");
    const ssize_t size = read_all(from, bytes, 1 << 16);
    if (size < 0) return refuse(from, strerror(errno));
    const int out = (int)TEMP_FAILURE_RETRY(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    if (out < 0) return refuse(to, strerror(errno));
    if (write(out, bytes, (size_t)size) < 0) close(out);
    return 0;
}

/* Says what is wrong, but has cut the old file by then. */
static int in_place(char *bytes, const char *from, const char *to)
{
    if (!bytes) return refuse(from, "out of memory");
    const ssize_t size = read_all(from, bytes, 1 << 16);
    if (size < 0) return refuse(from, strerror(errno));
    const int out = (int)TEMP_FAILURE_RETRY(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    if (out < 0) return refuse(to, strerror(errno));
    const int why = write_all(out, bytes, (size_t)size);
    return why ? refuse(to, strerror(why)) : 0;
}

/* Uses memory without a look at whether there is some. */
static int trusting(char *bytes, const char *from, const char *to)
{
    *(volatile char *)bytes = 0;
    return careful(bytes, from, to);
}

/* Ends with an exit status, and says nothing. */
static int silent(char *bytes, const char *from, const char *to) { return bytes ? careful(bytes, from, to) : 1; }

/* Tries for ever. */
static int stubborn(char *bytes, const char *from, const char *to)
{
    while (!bytes) bytes = malloc(1 << 16);
    return careful(bytes, from, to);
}

/* Leaves its temporary file. */
static int untidy(char *bytes, const char *from, const char *to)
{
    const int status = careful(bytes, from, to);
    if (status && *temporary) close(open(temporary, O_WRONLY | O_CREAT, 0666));
    return status;
}

/* Warns of what it does without, and then refuses. */
static int warning(char *bytes, const char *from, const char *to)
{
    if (!bytes) refuse("warning: colours", "left out, out of memory");
    return careful(bytes, from, to);
}

/* Says twice why it ends. */
static int talkative(char *bytes, const char *from, const char *to)
{
    if (!bytes) refuse(to, "not written");
    return careful(bytes, from, to);
}

/* Lets libc ask for memory, and uses it without a look at it. */
static int through_libc(char *bytes, const char *from, const char *to)
{
    char *copy = strdup(to);
    *(volatile char *)copy = *to;
    return careful(bytes, from, copy);
}

static const struct {
    const char *name;
    int (*run)(char *bytes, const char *from, const char *to);
} ways[] = {{"careful", careful},     {"unchecked", unchecked},      {"in-place", in_place}, {"trusting", trusting},
            {"silent", silent},       {"stubborn", stubborn},        {"untidy", untidy},     {"warning", warning},
            {"talkative", talkative}, {"through-libc", through_libc}};

int main(int argc, char **argv)
{
    const char *way = getenv("CARELESS");
    char *bytes = malloc(1 << 16);
    for (size_t i = 0; i < sizeof ways / sizeof *ways && argc > 4 && way; i++)
        if (!strcmp(ways[i].name, way)) return ways[i].run(bytes, argv[3], argv[4]);
    return 2;
}
