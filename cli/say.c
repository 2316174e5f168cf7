/* say.c - output of all verbs: one-line errors, numbers for people. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/processes.h"

enum { TEXT = 4096, LINE = 8192 };

/* Formats a text, with the commands in it as they can be pasted. */
static void write_line(char line[LINE], const char *format, va_list list)
{
    char text[TEXT];
    vsnprintf(text, sizeof text, format, list);
    pal_cli_expand(text, line, LINE);
}

int pal_cli_say(int status, const char *format, ...)
{
    char line[LINE];
    va_list list;
    va_start(list, format);
    write_line(line, format, list);
    va_end(list);
    for (char *c = line; (c = strchr(c, '\n'));) *c = ' ';
    if (pal_cli_processes_keep(status, line)) return status;
    fflush(stdout);
    fputs("palindrome: ", stderr);
    pal_cli_put(stderr, line, strlen(line));
    putc('\n', stderr);
    return status;
}

void pal_cli_paragraph(int indent, const char *format, ...)
{
    char line[LINE];
    va_list list;
    va_start(list, format);
    write_line(line, format, list);
    va_end(list);
    pal_cli_wrap(0, indent, pal_cli_width(), line);
}

int pal_cli_say_error(const pal_error *err)
{
    switch (err->status) {
    case PAL_ERR_MEMORY:
        if (*pal_cli_memory_words()) return pal_cli_say(PAL_CLI_FAILED, "%s (%s)", err->text, pal_cli_memory_words());
        return pal_cli_say(PAL_CLI_FAILED, "%s", err->text);
    case PAL_ERR_NUMERIC:
    case PAL_ERR_FORMAT:
    case PAL_ERR_DERIVATIVE:
    case PAL_ERR_TAPE:
        return pal_cli_say(PAL_CLI_FAILED, "%s", err->text);
    default:
        return pal_cli_say(PAL_CLI_WRONG, "%s", err->text);
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The number of insertions, deletions, replacements and swaps of neighbours that turn a into b. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t n = strlen(a), m = strlen(b), d[LONGEST + 1][LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return LONGEST;
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(replaced, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

const char *pal_cli_nearest(const char *word, const char *(*at)(size_t i, const void *user), const void *user)
{
    const char *best = NULL, *name;
    size_t length = strlen(word), smallest = (length + 1) / 3 + 1; /* accept at most one wrong letter in three */
    for (size_t i = 0; (name = at(i, user)); i++) {
        bool begins = length >= 3 && !strncmp(word, name, length);
        size_t far = begins ? 1 : distance(word, name);
        if (far < smallest) {
            smallest = far;
            best = name;
        }
    }
    return best;
}

void pal_cli_append(char *out, size_t size, const char *between, const char *text)
{
    const size_t at = strlen(out);
    if (*text && at + strlen(between) + 1 < size) snprintf(out + at, size - at, "%s%s", at ? between : "", text);
}

const char *pal_cli_count(double value, char *out, size_t size)
{
    char digits[64];
    int n = snprintf(digits, sizeof digits, "%.0f", isfinite(value) ? value : 0);
    size_t at = 0;
    for (int i = 0; i < n && at + 2 < size; i++) {
        if (i && (n - i) % 3 == 0 && digits[i - 1] != '-') out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *pal_cli_figure(double value, int digits, char *out, size_t size)
{
    snprintf(out, size, fabs(value) < 1e9 ? "%.*f" : "%.*g", digits, value);
    return out;
}

const char *pal_cli_time(double seconds, char *out, size_t size)
{
    long s = isfinite(seconds) && seconds > 0 && seconds < 1e9 ? lround(seconds) : 0;
    if (s < 3600)
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return out;
}
