/* source_guard.c - says which file of C code is loaded when the program crashes, or when loading it ends the program.
 *
 * A variant is code of the user's own, and may do what any program may: a crash in it looks like one of this program.
 * The handlers print one line and let the signal end the program as before. A handler that is there already, such as
 * that of a sanitizer, stays. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/source.h"

static char line[PATH_MAX + 256]; /* what a crash prints */
static const char *loading;       /* the word whose code runs at this moment */

static void crash(int number)
{
    const ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
    (void)ignored;
    raise(number); /* the handler was removed when it was called */
}

static void end(void)
{
    if (!loading) return;
    pal_cli_say(PAL_CLI_FAILED, "%s ended the program while it was loaded: it must not call exit", loading);
    _exit(PAL_CLI_FAILED);
}

void pal_cli_source_guard(const char *word)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static bool once;
    if (!once) atexit(end);
    once = true;
    loading = word;
    if (!word) return;
    snprintf(line, sizeof line,
             "palindrome: crashed with code of %.*s loaded: look there first, for a pointer that points nowhere or an "
             "index outside its array\n",
             PATH_MAX - 1, word);
    for (char *c = line; c[0] && c[1]; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?'; /* a terminal would obey it */
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        struct sigaction is;
        if (sigaction(crashes[i], NULL, &is) || (is.sa_flags & SA_SIGINFO) || is.sa_handler != SIG_DFL) continue;
        is = (struct sigaction){.sa_handler = crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
        sigaction(crashes[i], &is, NULL);
    }
}
