/* layout.c - output that fits the terminal: paragraphs that wrap at words, and rows of cells that wrap between cells.
 *
 * A character is a code point of UTF-8, or what stands for it (print.c). */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/processes.h"

enum { CONTINUED = 4, NARROWEST = 24 }; /* indent of continued rows; the narrowest column that is worth keeping */

int pal_cli_width(void)
{
    const char *columns = getenv("COLUMNS");
    const long asked = columns ? strtol(columns, NULL, 10) : 0;
    struct winsize size;
    if (asked > 0 && asked < 10000) return (int)asked;
    return pal_cli_is_terminal(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

static void pad(int from, int to)
{
    if (to > from) printf("%*s", to - from, "");
}

/* The bytes of the next piece: a word; or, of a word that is longer than a line, one of its choices "a|". */
static size_t piece(const char *text, int room)
{
    const size_t word = strcspn(text, " \n");
    const size_t choice = strcspn(text, "| \n") + 1;
    return room > 0 && choice < word && pal_cli_length(text, word) > room ? choice : word;
}

void pal_cli_wrap(int at, int indent, int width, const char *text)
{
    bool fresh = at <= indent; /* the line has no word yet */
    while (*text) {
        int gap = fresh ? 0 : (int)strspn(text, " ");
        text += strspn(text, " ");
        const size_t bytes = piece(text, width - indent);
        const int length = pal_cli_length(text, bytes);
        const bool ends = *text == '\n', full = !fresh && width > 0 && at + gap + length > width;
        if (ends || (full && bytes)) {
            putchar('\n');
            at = gap = 0;
            fresh = true;
        }
        if (ends) text++;
        if (!bytes) continue;
        if (fresh) pad(at, indent);
        if (fresh && at < indent) at = indent;
        pad(0, gap);
        pal_cli_put(stdout, text, bytes);
        at += gap + length;
        text += bytes;
        fresh = false;
    }
    putchar('\n');
}

void pal_cli_hang(const char *head, int column, int width, const char *text)
{
    const int length = pal_cli_length(head, strlen(head)), blanks = (int)strspn(head, " ");
    const bool beside = !width || width - column >= NARROWEST || column + pal_cli_length(text, strlen(text)) <= width;
    const bool below = !beside || length + 1 > column;
    pal_cli_put(stdout, head, strlen(head));
    if (below) putchar('\n');
    pal_cli_wrap(below ? 0 : length, beside ? column : blanks + CONTINUED, width, text);
}

void pal_cli_cell(pal_cli_line *line, int field, int gap, const char *text)
{
    const int length = pal_cli_length(text, strlen(text)), size = abs(field) > length ? abs(field) : length;
    if (line->width && line->at > 0 && line->at + gap + size > line->width) {
        putchar('\n');
        line->at = 0;
        line->owed = gap = CONTINUED;
    } else {
        line->owed += gap;
    }
    pad(0, line->owed + (field > 0 ? size - length : 0));
    pal_cli_put(stdout, text, strlen(text));
    line->at += gap + size;
    line->owed = field < 0 ? size - length : 0;
}

void pal_cli_print_cell(pal_cli_line *line, int field, int gap, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pal_cli_cell(line, field, gap, text);
}

void pal_cli_end_line(pal_cli_line *line)
{
    putchar('\n');
    line->at = line->owed = 0;
}
