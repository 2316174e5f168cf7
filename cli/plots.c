/* plots.c - pictures that gnuplot draws: the check of their names, and the message if gnuplot is missing. */
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);
    return length > n && !strcmp(path + length - n, ending);
}

int pal_cli_check_plot(const pal_cli_args *args)
{
    const char *path = pal_cli_given(args, "out");
    if (!path || ends_in(path, ".png") || ends_in(path, ".svg")) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--out %s: not a picture: choose a name that ends in .png or .svg", path);
}

int pal_cli_say_undrawn(const char *path)
{
    size_t stem = ends_in(path, ".png") || ends_in(path, ".svg") ? strlen(path) - 4 : strlen(path);
    return pal_cli_say(PAL_CLI_FAILED, "gnuplot is missing: wrote %.*s.gnuplot and %.*s.dat instead of %s", (int)stem,
                       path, (int)stem, path, path);
}
