/* layout.h - how the program prints: lines that fit the terminal, and commands that can be pasted. */
#ifndef PAL_CLI_LAYOUT_H
#define PAL_CLI_LAYOUT_H

#include <stddef.h>
#include <stdio.h>

/* ---- print.c: what a terminal would obey becomes visible ------------------------------------------------------- */

/* Makes standard output and standard error streams that a signal does not cut, with whole lines in one piece each. They
 * have no fileno. */
void pal_cli_streams(void);
int pal_cli_descriptor(FILE *to);                       /* of stdout or stderr */
void pal_cli_put(FILE *to, const char *text, size_t n); /* n bytes of the text */
/* On standard output, at most 16383 bytes. */
void pal_cli_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
int pal_cli_length(const char *text, size_t bytes); /* columns that the text takes when it is printed */

/* ---- layout.c: lines that fit the terminal --------------------------------------------------------------------- */

int pal_cli_width(void); /* columns: COLUMNS, or else those of the terminal; 0: no limit, the output is no terminal */
/* Prints the text and a newline, with lines of at most `width` columns, 0: any. The cursor is in column `at`; every
 * line begins in column `indent`. Only a word that is longer than a line is not kept within it. */
void pal_cli_wrap(int at, int indent, int width, const char *text);
/* The same for formatted text on lines of their own, as wide as the terminal. Commands in backquotes can be pasted. */
void pal_cli_paragraph(int indent, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints head, and the text beside it from `column` on, or below it if the lines are too short for that. */
void pal_cli_hang(const char *head, int column, int width, const char *text);
/* A row of a table: cells of `field` columns, after `gap` blanks. A negative field begins with its text, as in printf.
 * A cell that does not fit begins another line. */
typedef struct pal_cli_line {
    int width;    /* pal_cli_width() */
    int at, owed; /* columns so far; blanks that the next cell begins with */
} pal_cli_line;
void pal_cli_cell(pal_cli_line *line, int field, int gap, const char *text);
void pal_cli_print_cell(pal_cli_line *line, int field, int gap, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void pal_cli_end_line(pal_cli_line *line);

/* ---- command.c: commands that can be pasted -------------------------------------------------------------------- */

void pal_cli_quote(char *out, size_t size, const char *word); /* appends the word, for a shell */
size_t pal_cli_shell_word(const char *text);                  /* the length of the first word of a command */
const char *pal_cli_loads(void);                              /* " --load ./x.so", or "": as the program was started */
void pal_cli_quote_path(char *out, size_t size, const char *path); /* the same for the path of a file or folder */
/* A command of this program, with its --load options: the verb and a path, which is quoted. Returns out. */
const char *pal_cli_command(char *out, size_t size, const char *verb, const char *path);
/* Copies text, with this program and its --load options in place of "palindrome" after a backquote. Returns out. */
const char *pal_cli_expand(const char *text, char *out, size_t size);
/* Prints a command and a newline, from column `at`. Lines that are too long end in a backslash. */
void pal_cli_print_command(int at, int indent, const char *command);

#endif
