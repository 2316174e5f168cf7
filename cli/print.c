/* print.c - text on standard output and standard error. What a terminal would obey instead of showing it becomes
 * visible (pal_text_clean), because names, commands and errors may come from a file. Newlines end lines.
 *
 * The verbs print nothing past these functions and those of layout.c, but for texts of their own and colours. */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/processes.h"
#include "models/models.h"

void pal_cli_streams(void)
{
    static char lines[BUFSIZ]; /* of standard error, which has to work without memory */
    FILE *out = pal_write_stream(STDOUT_FILENO), *err = pal_write_stream(STDERR_FILENO);
    if (out && pal_cli_is_terminal(STDOUT_FILENO)) setvbuf(out, NULL, _IOLBF, BUFSIZ);
    if (err) setvbuf(err, lines, _IOLBF, sizeof lines);
    if (out) stdout = out;
    if (err) stderr = err;
}

int pal_cli_descriptor(FILE *to) { return to == stdout ? STDOUT_FILENO : STDERR_FILENO; }

void pal_cli_put(FILE *to, const char *text, size_t n)
{
    char shown[1024];
    while (n) {
        const char *newline = memchr(text, '\n', n);
        size_t line = newline ? (size_t)(newline - text) : n;
        if (line > 64) line = 64;
        while (line < n && line > 60 && ((unsigned char)text[line] & 0xC0) == 0x80) line--; /* cuts no character */
        if (newline == text) putc('\n', to);
        if (newline == text)
            line = 1;
        else
            fwrite(shown, 1, pal_text_clean(shown, sizeof shown, text, line), to);
        text += line;
        n -= line;
    }
}

void pal_cli_print(const char *format, ...)
{
    char text[4 * PAL_CLI_PATH];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    pal_cli_put(stdout, text, strlen(text));
}

int pal_cli_length(const char *text, size_t bytes)
{
    int length = 0;
    char shown[16];
    for (size_t i = 0; i < bytes && text[i];) {
        const size_t lead = (unsigned char)text[i], most = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        size_t n = 1;
        while (n < most && i + n < bytes && ((unsigned char)text[i + n] & 0xC0) == 0x80) n++;
        pal_text_clean(shown, sizeof shown, text + i, n);
        for (const char *c = shown; *c; c++) length += ((unsigned char)*c & 0xC0) != 0x80;
        i += n;
    }
    return length;
}
