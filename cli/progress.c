/* progress.c - progress of training: a bar on a terminal, else one line per epoch; and the signals that stop it. */
#include <langinfo.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

enum { LINE = 512, LONGEST_BAR = 40, SHORTEST_BAR = 6 };

static volatile sig_atomic_t signal_number;

static void on_signal(int number) { signal_number = number; }

int pal_cli_signal(void) { return signal_number; }

void pal_cli_progress_start(pal_cli_progress *p, bool quiet, bool json)
{
    /* The first signal makes the loop save and stop. The second one kills the program. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction before; /* under nohup it is ignored, and stays so */
    if (!sigaction(SIGHUP, NULL, &before) && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);

    FILE *to = json ? stderr : stdout;
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool draws = isatty(fileno(to)) && terminal && strcmp(terminal, "dumb") != 0;
    *p = (pal_cli_progress){.to = quiet || (json && !draws) ? NULL : to,
                            .bar = draws,
                            .colour = draws && !(no_colour && *no_colour),
                            .unicode = !strcmp(nl_langinfo(CODESET), "UTF-8")};
}

static int columns(FILE *to)
{
    struct winsize size;
    return ioctl(fileno(to), TIOCGWINSZ, &size) || size.ws_col < 1 ? 80 : size.ws_col;
}

/* Prints five digits, so that the width changes little. */
static const char *figure(double value, char *out, size_t size)
{
    double m = fabs(value);
    snprintf(out, size, "%.*f", m >= 1000 ? 1 : m >= 100 ? 2 : m >= 10 ? 3 : 4, value);
    return out;
}

/* The text after the bar: the parts that fit into `room` columns. Each part starts with two spaces. */
static void after_bar(const pal_progress *p, int room, char *line)
{
    enum { PARTS = 4, PART = 64 };
    char part[PARTS][PART] = {"", "", "", ""}, text[PART / 2];
    if (isfinite(p->train_loss)) snprintf(part[0], PART, "  loss %s", figure(p->train_loss, text, sizeof text));
    if (isfinite(p->test_loss)) snprintf(part[3], PART, "  test %s", figure(p->test_loss, text, sizeof text));
    if (isfinite(p->seconds_left))
        snprintf(part[1], PART, "  %s left", pal_cli_time(p->seconds_left, text, sizeof text));
    if (p->samples_per_second > 0)
        snprintf(part[2], PART, "  %s/s", pal_cli_count(p->samples_per_second, text, sizeof text));
    bool keep[PARTS];
    for (int i = 0; i < PARTS; i++) { /* in order of importance */
        keep[i] = (int)strlen(part[i]) <= room;
        room -= keep[i] ? (int)strlen(part[i]) : 0;
    }
    static const int order[PARTS] = {0, 3, 2, 1};
    *line = 0;
    for (int i = 0; i < PARTS; i++)
        if (keep[order[i]]) strcat(line, part[order[i]]);
}

static void draw_bar(const pal_cli_progress *out, int cells, double done)
{
    const char *full = out->unicode ? "\u2501" : "#", *rest = out->unicode ? "\u2500" : "-";
    int filled = (int)(done * cells + 0.5);
    if (out->colour) fputs("\033[32m", out->to);
    for (int i = 0; i < cells; i++) {
        if (i == filled && out->colour) fputs("\033[90m", out->to);
        fputs(i < filled ? full : rest, out->to);
    }
    if (out->colour) fputs("\033[0m", out->to);
}

static void bar(const pal_progress *p, pal_cli_progress *out)
{
    char head[128], tail[LINE];
    int digits = snprintf(NULL, 0, "%lld", (long long)p->epochs);
    int used = snprintf(head, sizeof head, "%s%sepoch %*lld/%lld ", p->phase, *p->phase ? ", " : "", digits,
                        (long long)p->epoch, (long long)p->epochs);
    int room = columns(out->to) - 1 - used;
    int cells = room < 3 * SHORTEST_BAR ? 0 : room > 3 * LONGEST_BAR ? LONGEST_BAR : room / 3;
    after_bar(p, room - cells, tail);
    double all = (double)p->epochs * (double)p->steps;
    fprintf(out->to, "\r%.*s", used + room, head);
    draw_bar(out, cells, ((double)(p->epoch - 1) * (double)p->steps + (double)p->step) / all);
    fprintf(out->to, "%s\033[K", tail);
    out->dirty = true;
}

static void epoch_line(const pal_progress *p, FILE *to)
{
    char text[64];
    int digits = snprintf(NULL, 0, "%lld", (long long)p->epochs);
    if (*p->phase) fprintf(to, "%s, ", p->phase);
    fprintf(to, "epoch %*lld/%lld  train %s", digits, (long long)p->epoch, (long long)p->epochs,
            figure(p->train_loss, text, sizeof text));
    if (isfinite(p->test_loss)) fprintf(to, "  test %s", figure(p->test_loss, text, sizeof text));
    if (isfinite(p->error))
        fprintf(to, "  wrong %.2f%%", 100 * p->error);
    else if (isfinite(p->squared_error))
        fprintf(to, "  squared error %s", figure(p->squared_error, text, sizeof text));
    fprintf(to, "  %s samples/s  %.1f s\n", pal_cli_count(p->samples_per_second, text, sizeof text), p->seconds);
}

int pal_cli_progress_report(const pal_progress *p, void *user)
{
    pal_cli_progress *out = user;
    if (out->to && out->bar) bar(p, out);
    if (out->to && !out->bar && p->finished) epoch_line(p, out->to);
    if (out->to) fflush(out->to);
    return signal_number != 0;
}

static void count_bar(const pal_cli_progress *out, const char *what, int64_t done, int64_t all, double seconds)
{
    char text[32];
    const int room = columns(out->to) / 3;
    fprintf(out->to, "\r%s ", what);
    draw_bar(out, room > LONGEST_BAR ? LONGEST_BAR : room, (double)done / (double)all);
    fprintf(out->to, "  %lld/%lld", (long long)done, (long long)all);
    if (done && seconds > 0)
        fprintf(out->to, "  %s left", pal_cli_time(seconds * (double)(all - done) / (double)done, text, sizeof text));
    fputs("\033[K", out->to);
    fflush(out->to);
}

int pal_cli_progress_count(pal_cli_progress *out, const char *what, int64_t done, int64_t all)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double seconds = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    if (!out->to || !out->bar || seconds < out->next) return signal_number != 0;
    if (!out->dirty) out->began = seconds;
    count_bar(out, what, done, all, seconds - out->began);
    out->next = seconds + 0.1;
    out->dirty = true;
    return signal_number != 0;
}

void pal_cli_progress_erase(pal_cli_progress *out)
{
    if (out->to && out->dirty) fputs("\r\033[K", out->to);
    out->dirty = false;
}

void pal_cli_progress_end(pal_cli_progress *out)
{
    if (out->to && out->dirty) fputc('\n', out->to);
    out->dirty = false;
}
