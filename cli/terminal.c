/* terminal.c - text on a terminal: its width, and lines that are broken between words. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

int pal_cli_columns(FILE *to)
{
    struct winsize size;
    const char *told = getenv("COLUMNS");
    if (!isatty(fileno(to))) return 0;
    if (!ioctl(fileno(to), TIOCGWINSZ, &size) && size.ws_col > 0) return size.ws_col;
    const long columns = told ? strtol(told, NULL, 10) : 0; /* a terminal that does not know its size */
    return columns > 0 && columns < 10000 ? (int)columns : 80;
}

void pal_cli_print_parts(FILE *to, const char *const *parts, size_t n, int indent, int room)
{
    int at = 0;
    for (size_t i = 0; i < n; i++) {
        const int length = (int)strlen(parts[i]);
        const bool first = at == 0;
        if (!length) continue;
        if (!first && room && at + 2 + length > room) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputs("  ", to);
            at += 2;
        }
        fputs(parts[i], to);
        at += length;
    }
    putc('\n', to);
}

void pal_cli_print_text(FILE *to, const char *text, int begin, int indent)
{
    const int columns = pal_cli_columns(to), room = columns > indent + 10 ? columns - 1 : 0;
    int at = begin;
    for (bool first = true; *text; first = false) {
        const int length = (int)strcspn(text, " ");
        if (!first && room && at + 1 + length > room) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            putc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", length, text);
        at += length;
        text += length + (text[length] == ' ');
    }
    putc('\n', to);
}

void pal_cli_note(const char *format, ...)
{
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fputs("  ", stdout);
    pal_cli_print_text(stdout, text, 2, 4);
}
