/* progress.c - progress of training: on a terminal a bar that becomes a line, for at most 30 epochs; else lines, for at
 * most 100. metrics.jsonl has every epoch.
 *
 * The width of the terminal is asked for whenever something is drawn, so that no signal has to tell of a resize. */
#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/processes.h"

enum { LINE = 512, LONGEST_BAR = 40, SHORTEST_BAR = 6, MOST_KEPT = 30, MOST_LINES = 100, PART = 64 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void pal_cli_progress_start(pal_cli_progress *p, bool quiet, bool json)
{
    FILE *to = json ? stderr : stdout;
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool draws = pal_cli_is_terminal(pal_cli_descriptor(to)) && terminal && strcmp(terminal, "dumb") != 0;
    *p = (pal_cli_progress){.to = quiet || !pal_cli_is_first() || (json && !draws) ? NULL : to,
                            .bar = draws,
                            .colour = draws && !(no_colour && *no_colour),
                            .unicode = !strcmp(nl_langinfo(CODESET), "UTF-8"),
                            .began = seconds_now()};
}

/* The width as it is now: of a terminal that does not know it COLUMNS, or 80. 0: no terminal, lines are not broken. */
int pal_cli_columns(FILE *to)
{
    struct winsize size;
    const char *told = getenv("COLUMNS");
    if (!pal_cli_is_terminal(pal_cli_descriptor(to))) return 0;
    if (!ioctl(pal_cli_descriptor(to), TIOCGWINSZ, &size) && size.ws_col > 0) return size.ws_col;
    const long columns = told ? strtol(told, NULL, 10) : 0;
    return columns > 0 && columns < 10000 ? (int)columns : 80;
}

/* Prints text after `gap` spaces, or on a new line if it does not fit. Returns the column that it ends in. The last
 * column stays free, because some terminals go to the next line when it is written. */
static int print_piece(FILE *to, const char *text, int at, int gap, int columns)
{
    const int length = (int)strlen(text), indent = 2;
    if (!at || !columns || at + gap + length < columns) {
        fprintf(to, "%*s%s", gap, "", text);
        return at + gap + length;
    }
    fprintf(to, "\n%*s%s", indent, "", text);
    return indent + length;
}

/* Prints five digits, so that the width changes little. */
static const char *figure(double value, char *out, size_t size)
{
    double m = fabs(value);
    return pal_cli_figure(value, m >= 1e9 ? 4 : m >= 1000 ? 1 : m >= 100 ? 2 : m >= 10 ? 3 : 4, out, size);
}

/* What a minimiser has computed so far in its phase. */
static void work(const pal_minimise_report *r, char out[PART])
{
    char evaluations[PART / 2], products[PART / 2];
    const int used =
        snprintf(out, PART, "%s evaluation%s", pal_cli_count((double)r->evaluations, evaluations, sizeof evaluations),
                 r->evaluations == 1 ? "" : "s");
    if (r->products)
        snprintf(out + used, (size_t)(PART - used), "  %s products",
                 pal_cli_count((double)r->products, products, sizeof products));
}

/* The text after the bar: the parts that fit into `room` columns. Each part starts with two spaces. */
static void after_bar(const pal_progress *p, int room, char *line)
{
    enum { PARTS = 5 };
    char part[PARTS][PART] = {"", "", "", "", ""}, text[PART / 2];
    if (isfinite(p->train_loss)) snprintf(part[0], PART, "  loss %s", figure(p->train_loss, text, sizeof text));
    if (isfinite(p->test_loss)) snprintf(part[3], PART, "  test %s", figure(p->test_loss, text, sizeof text));
    if (isfinite(p->seconds_left))
        snprintf(part[1], PART, "  %s left", pal_cli_time(p->seconds_left, text, sizeof text));
    if (p->samples_per_second > 0)
        snprintf(part[2], PART, "  %s/s", pal_cli_count(p->samples_per_second, text, sizeof text));
    if (p->minimises) {
        char words[PART];
        work(&p->iteration, words);
        snprintf(part[4], PART, "  %.*s", PART - 3, words);
    }
    bool keep[PARTS];
    for (int i = 0; i < PARTS; i++) { /* in order of importance */
        keep[i] = (int)strlen(part[i]) <= room;
        room -= keep[i] ? (int)strlen(part[i]) : 0;
    }
    static const int order[PARTS] = {0, 3, 4, 2, 1};
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

/* The next epoch that keeps its line. */
static int64_t next_kept(const pal_progress *p, const pal_cli_progress *out)
{
    const int64_t next = (out->kept / out->every + 1) * out->every;
    return next < p->epochs ? next : p->epochs;
}

static void bar(const pal_progress *p, pal_cli_progress *out)
{
    char head[128], tail[LINE];
    int digits = snprintf(NULL, 0, "%lld", (long long)p->epochs);
    int used = snprintf(head, sizeof head, "%s%sepoch %*lld/%lld ", p->phase, *p->phase ? ", " : "", digits,
                        (long long)p->epoch, (long long)p->epochs);
    int room = pal_cli_columns(out->to) - 1 - used;
    int cells = room < 3 * SHORTEST_BAR ? 0 : room > 3 * LONGEST_BAR ? LONGEST_BAR : room / 3;
    after_bar(p, room - cells, tail);
    const double all = (double)(next_kept(p, out) - out->kept) * (double)p->steps;
    fprintf(out->to, "\r%.*s", used + room, head);
    draw_bar(out, cells, ((double)(p->epoch - 1 - out->kept) * (double)p->steps + (double)p->step) / all);
    fprintf(out->to, "%s\033[K", tail);
    out->dirty = true;
}

static const char *took(double seconds, char *out, size_t size)
{
    char text[PART / 2];
    if (seconds < 60)
        snprintf(out, size, "%.1f s", seconds);
    else
        snprintf(out, size, "%s", pal_cli_time(seconds, text, sizeof text));
    return out;
}

/* What it met in this iteration, and why it ends: "(restart along the gradient)". */
static const char *met(const pal_progress *p, char out[LINE])
{
    static const char *const ends[] = {NULL, "converged", "rounding hides any further decrease"};
    size_t at = 0;
    *out = 0;
    for (unsigned i = 0; i < PAL_MET_COUNT; i++)
        if (p->iteration.events >> i & 1 && at < LINE)
            at += (size_t)snprintf(out + at, LINE - at, "%s%s", at ? "; " : "(", pal_met_text(i));
    if (ends[p->end] && at < LINE) at += (size_t)snprintf(out + at, LINE - at, "%s%s", at ? "; " : "(", ends[p->end]);
    if (at && at < LINE) snprintf(out + at, LINE - at, ")");
    return out;
}

/* time: what is said of it at the end of the line. */
static void epoch_line(const pal_progress *p, FILE *to, const char *time)
{
    enum { EPOCH, TRAIN, TEST, ERROR, WORK, STEP, GRADIENT, DAMPING, RATE, TIME, PARTS };
    char text[PART / 2], part[PARTS][PART] = {""}, events[LINE];
    const pal_minimise_report *r = &p->iteration;
    const int digits = snprintf(NULL, 0, "%lld", (long long)p->epochs), columns = pal_cli_columns(to);
    snprintf(part[EPOCH], PART, "%s%sepoch %*lld/%lld", p->phase, *p->phase ? ", " : "", digits, (long long)p->epoch,
             (long long)p->epochs);
    snprintf(part[TRAIN], PART, "train %s", figure(p->train_loss, text, sizeof text));
    if (isfinite(p->test_loss)) snprintf(part[TEST], PART, "test %s", figure(p->test_loss, text, sizeof text));
    if (isfinite(p->error))
        snprintf(part[ERROR], PART, "wrong %.2f%%", 100 * p->error);
    else if (isfinite(p->squared_error))
        snprintf(part[ERROR], PART, "squared error %s", figure(p->squared_error, text, sizeof text));
    if (p->minimises) {
        work(r, part[WORK]);
        snprintf(part[STEP], PART, "step %.3g", r->step);
        snprintf(part[GRADIENT], PART, "|g| %.3g", r->norm);
        if (r->damping > 0) snprintf(part[DAMPING], PART, "damping %.3g", r->damping);
    }
    if (p->samples_per_second > 0)
        snprintf(part[RATE], PART, "%s samples/s", pal_cli_count(p->samples_per_second, text, sizeof text));
    snprintf(part[TIME], PART, "%s", time);
    int at = 0;
    for (int i = 0; i < PARTS; i++)
        if (*part[i]) at = print_piece(to, part[i], at, at ? 2 : 0, columns);
    if (p->minimises && *met(p, events)) print_piece(to, events, at, 2, columns);
    putc('\n', to);
}

/* The bar becomes a line that stays. */
static void keep_line(const pal_progress *p, pal_cli_progress *out)
{
    char text[PART / 2], time[PART];
    const double now = seconds_now();
    pal_cli_progress_erase(out);
    snprintf(time, sizeof time, "in %s", took(now - out->began, text, sizeof text));
    epoch_line(p, out->to, time);
    out->began = now;
    out->kept = p->epoch;
    out->any = true;
    snprintf(out->phase, sizeof out->phase, "%s", p->phase);
}

/* Chooses how many epochs a line stands for: 1, 2, 5, 10, 20, 50, ... */
static void choose_every(const pal_progress *p, pal_cli_progress *out)
{
    static const int64_t steps[] = {1, 2, 5};
    const int64_t left = p->epochs - p->epoch + 1;
    char line[LINE], count[PART];
    int64_t ten = 1;
    for (int i = 0; !out->every; i = (i + 1) % 3) {
        if (left <= (out->bar ? MOST_KEPT : MOST_LINES) * steps[i] * ten) out->every = steps[i] * ten;
        if (i == 2) ten *= 10;
    }
    out->kept = p->epoch - 1;
    snprintf(out->phase, sizeof out->phase, "%s", p->phase);
    if (out->every == 1) return;
    snprintf(line, sizeof line, "%s epochs: every %lld%s keeps its line here; metrics.jsonl has all of them",
             pal_cli_count((double)left, count, sizeof count), (long long)out->every, out->every == 2 ? "nd" : "th");
    int at = 0;
    for (char *rest, *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        at = print_piece(out->to, word, at, at ? 1 : 0, pal_cli_columns(out->to));
    putc('\n', out->to);
}

static void show(const pal_progress *p, pal_cli_progress *out)
{
    char time[PART];
    if (!out->every) choose_every(p, out);
    const bool due = p->epoch % out->every == 0 || p->epoch == p->epochs || strcmp(p->phase, out->phase) != 0;
    if (!out->bar && p->finished && (due || !out->any)) {
        snprintf(time, sizeof time, "%.1f s", p->seconds);
        epoch_line(p, out->to, time);
        out->any = true;
        snprintf(out->phase, sizeof out->phase, "%s", p->phase);
    } else if (out->bar && p->finished && (due || !out->any)) {
        keep_line(p, out);
    } else if (out->bar) {
        bar(p, out);
    }
    fflush(out->to);
}

int pal_cli_progress_report(const pal_progress *p, void *user)
{
    pal_cli_progress *out = user;
    if (out->to) show(p, out);
    return pal_cli_signal() != 0;
}

static void count_bar(const pal_cli_progress *out, const char *what, int64_t done, int64_t all, double seconds)
{
    char text[PART / 2], count[PART], time[PART] = "", name[LINE];
    const int columns = pal_cli_columns(out->to);
    snprintf(count, sizeof count, "  %lld/%lld", (long long)done, (long long)all);
    int most = columns - 2 - (int)strlen(count) < columns / 2 ? columns - 2 - (int)strlen(count) : columns / 2;
    most = most < 0 ? 0 : most < LINE ? most : LINE - 1;
    pal_text_clean(name, (size_t)most + 1, what, strlen(what));
    if (done == all)
        snprintf(time, sizeof time, "  in %s", took(seconds, text, sizeof text));
    else if (done && seconds > 0)
        snprintf(time, sizeof time, "  %s left",
                 pal_cli_time(seconds * (double)(all - done) / (double)done, text, sizeof text));
    const int room = columns - 1 - pal_cli_length(name, LINE) - 1 - (int)strlen(count) - (int)strlen(time);
    fprintf(out->to, "\r%s ", name);
    draw_bar(out, room < SHORTEST_BAR ? 0 : room < LONGEST_BAR ? room : LONGEST_BAR, (double)done / (double)all);
    fprintf(out->to, "%s%s\033[K", count, room < 0 ? "" : time);
}

int pal_cli_progress_count(pal_cli_progress *out, const char *what, int64_t done, int64_t all)
{
    const double now = seconds_now();
    const bool ends = done == all && out->dirty; /* a bar that was never drawn leaves no trace */
    if (!out->to || !out->bar || (now < out->next && !ends)) return pal_cli_signal() != 0;
    if (out->next == 0) out->began = now;
    count_bar(out, what, done, all, now - out->began);
    out->next = now + 0.1;
    out->dirty = !ends;
    if (ends) out->next = 0; /* the next bar begins anew */
    if (ends) putc('\n', out->to);
    fflush(out->to);
    return pal_cli_signal() != 0;
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
