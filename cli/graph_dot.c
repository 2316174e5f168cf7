/* graph_dot.c - makes a picture of a graph in dot's language, by the program dot.
 *
 * dot makes SVG and PNG files. It is started without a shell and reads its text from a socket, so that its early end is
 * an error and not a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

static bool send_all(int to, const char *text, size_t size)
{
    while (size) {
        ssize_t n = send(to, text, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Starts dot, which reads descriptor `from` and writes `to`. Returns 0 or an errno value. */
static int start_dot(const char *type, bool straight, int from, int to, pid_t *pid)
{
    char option[16], lines[] = "-Gsplines=line";
    snprintf(option, sizeof option, "-T%s", type);
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    if (!error) error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error)
        error = posix_spawnp(pid, "dot", &actions, NULL,
                             (char *[]){(char[]){"dot"}, option, straight ? lines : NULL, NULL}, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum { NO_DOT = PAL_CLI_NO_DOT, DOT_FAILED }; /* returned by draw: no error is printed yet */

static int draw(const char *type, bool straight, const char *text, int to)
{
    int ends[2], outcome = 0;
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return pal_cli_say(PAL_CLI_FAILED, "graph: %s", strerror(errno));
    int error = start_dot(type, straight, ends[1], to, &pid);
    close(ends[1]);
    const int unsent = error || send_all(ends[0], text, strlen(text)) ? 0 : errno;
    close(ends[0]);
    if (error == ENOENT) return NO_DOT;
    if (error) return pal_cli_say(PAL_CLI_FAILED, "graph: dot: %s", strerror(error));
    pid_t ended;
    do ended = waitpid(pid, &outcome, 0);
    while (ended < 0 && errno == EINTR);
    if (ended != pid || !WIFEXITED(outcome) || WEXITSTATUS(outcome)) return DOT_FAILED;
    if (!unsent) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_FAILED, "graph: dot does not take its input: %s: try again, or use -o FILE.dot",
                       strerror(unsent));
}

/* Why nothing more can be written to the file; 0: it can. dot does not say it. */
static int no_room(int to) { return lseek(to, 0, SEEK_END) >= 0 ? pal_write_all(to, "", 1) : 0; }

/* dot cannot route curved edges through some large graphs ("triangulation failed"). Then straight edges are drawn. */
static int draw_somehow(const char *type, const char *text, int to)
{
    int status = draw(type, false, text, to);
    if (status != DOT_FAILED) return status;
    if (TEMP_FAILURE_RETRY(ftruncate(to, 0)) || lseek(to, 0, SEEK_SET))
        return pal_cli_say(PAL_CLI_FAILED, "graph: %s", strerror(errno));
    status = draw(type, true, text, to);
    if (status != DOT_FAILED) return status;
    const int full = no_room(to);
    if (full) return pal_cli_say(PAL_CLI_FAILED, "graph: cannot write the picture: %s", strerror(full));
    return pal_cli_say(PAL_CLI_FAILED,
                       "graph: dot failed: draw less with --depth 1, or save its input with -o FILE.dot");
}

typedef struct drawing {
    const char *type, *text;
    int status; /* what draw_somehow returned */
} drawing;

static int write_drawing(int descriptor, void *user)
{
    drawing *d = user;
    d->status = draw_somehow(d->type, d->text, descriptor);
    return d->status == PAL_CLI_GO_ON ? 0 : ECANCELED;
}

int pal_cli_draw_dot(const char *path, const char *type, const char *text)
{
    drawing d = {.type = type, .text = text, .status = PAL_CLI_GO_ON};
    pal_error err = {0};
    const bool written = !pal_file_write(path, write_drawing, &d, &err);
    if (d.status != PAL_CLI_GO_ON) return d.status;
    return written ? PAL_CLI_DONE : pal_cli_say(PAL_CLI_FAILED, "%s", err.text);
}
