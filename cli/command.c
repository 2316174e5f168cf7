/* command.c - commands that the program prints, as the user can paste them into a shell.
 *
 * They begin as this program was started: with its name as it was typed, and with each --load. main.c stores this
 * beginning in the C library's program_invocation_name. A text that is printed by pal_cli_say or pal_cli_paragraph
 * writes it as "palindrome", after a backquote. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static const char name[] = "palindrome";

void pal_cli_quote(char *out, size_t size, const char *word)
{
    size_t at = strlen(out);
    const bool plain = *word && !word[strcspn(word, " \t\n'\"\\$`*?[](){}<>|&;!#~")];
    if (at && at + 1 < size) out[at++] = ' ';
    if (plain) {
        snprintf(out + at, size - at, "%s", word);
        return;
    }
    if (at + 1 < size) out[at++] = '\'';
    for (; *word && at + 6 < size; word++) {
        if (*word == '\'') at += (size_t)snprintf(out + at, size - at, "'\\'");
        out[at++] = *word;
    }
    snprintf(out + at, size - at, "'");
}

size_t pal_cli_shell_word(const char *text)
{
    size_t n = 0;
    for (char quote = 0; text[n] && (quote || text[n] != ' '); n++)
        if (quote)
            quote = text[n] == quote ? 0 : quote;
        else if (text[n] == '\'')
            quote = '\'';
        else if (text[n] == '\\' && text[n + 1])
            n++;
    return n;
}

const char *pal_cli_loads(void) { return program_invocation_name + pal_cli_shell_word(program_invocation_name); }

void pal_cli_quote_path(char *out, size_t size, const char *path)
{
    char word[4096 + 2];
    snprintf(word, sizeof word, "%s%.4095s", *path == '-' ? "./" : "", path); /* it must not look like an option */
    pal_cli_quote(out, size, word);
}

const char *pal_cli_command(char *out, size_t size, const char *verb, const char *path)
{
    snprintf(out, size, "%s %s", program_invocation_name, verb);
    pal_cli_quote_path(out, size, path);
    return out;
}

const char *pal_cli_expand(const char *text, char *out, size_t size)
{
    size_t at = 0;
    while (*text && at + 1 < size) {
        out[at++] = *text++;
        if (out[at - 1] != '`' || strncmp(text, name, sizeof name - 1) != 0 || text[sizeof name - 1] != ' ') continue;
        at += (size_t)snprintf(out + at, size - at, "%s", program_invocation_name);
        text += sizeof name - 1;
        if (at >= size) at = size - 1;
    }
    out[at] = 0;
    return out;
}

void pal_cli_print_command(int at, int indent, const char *command)
{
    const int width = pal_cli_width();
    for (bool first = true; *command; first = false) {
        const size_t bytes = pal_cli_shell_word(command);
        const int length = pal_cli_length(command, bytes), gap = !first;
        const bool last = !command[bytes], full = width && at + gap + length + (last ? 0 : 2) > width;
        if (full && first) indent = at < 4 ? at : 4; /* the label has a line of its own */
        if (full) printf("%s\n%*s", first ? "" : " \\", indent, "");
        if (!full && gap) putchar(' ');
        pal_cli_put(stdout, command, bytes);
        at = (full ? indent : at + gap) + length;
        command += bytes + !last;
    }
    putchar('\n');
}
