/* plots.c - options of the verbs that draw plots: the name of the picture, and --csv. */
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

int pal_cli_check_picture(const pal_cli_args *args)
{
    const char *path = pal_cli_given(args, "out");
    size_t n = path ? strlen(path) : 0;
    if (!path || (n > 4 && !strcasecmp(path + n - 4, ".png"))) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--out %s: the picture is a PNG file: choose a name that ends in .png", path);
}

int pal_cli_check_plot(const pal_cli_args *args)
{
    static const char *const endings[] = {".png", ".svg", ".pdf"};
    const char *path = pal_cli_given(args, "out");
    const size_t length = path ? strlen(path) : 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (length > 4 && path[length - 5] != '/' && !strcasecmp(path + length - 4, endings[i])) return PAL_CLI_GO_ON;
    if (!path) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--out %s: not a picture: choose a name that ends in .png, .svg or .pdf", path);
}

const char *pal_cli_numbers_of(const pal_cli_args *args, const char *path, char *room, size_t size)
{
    if (!pal_cli_flag(args, "csv")) return NULL;
    snprintf(room, size, "%.*s.csv", (int)strlen(path) - 4, path);
    return room;
}
