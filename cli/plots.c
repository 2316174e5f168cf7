/* plots.c - options of the verbs that draw pictures: the name of the picture, --csv, and --as. */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/cli.h"

int pal_cli_check_picture(const pal_cli_args *args)
{
    static const char *const endings[] = {".png", ".svg", ".pdf"};
    const char *path = pal_cli_given(args, "out");
    const size_t length = path ? strlen(path) : 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (length > 4 && path[length - 5] != '/' && !strcasecmp(path + length - 4, endings[i])) return PAL_CLI_GO_ON;
    if (!path) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--out %s: not a picture: choose a name that ends in .png, .svg or .pdf", path);
}

int pal_cli_view(const pal_cli_args *args, const pal_model *model, pal_view *view)
{
    const char *text = pal_cli_given(args, "as");
    const long long features = (long long)pal_model_features(model);
    long long n[3] = {1, 1, 1};
    int end = -1;
    *view = (pal_view){0};
    if (!text) return PAL_CLI_GO_ON;
    if (!strcmp(text, "profile"))
        n[2] = features;
    else if (sscanf(text, "%5lldx%5lldx%5lld%n", n, n + 1, n + 2, &end) == 3 && end >= 0 && !text[end])
        ;
    else if (end = -1, sscanf(text, "%5lldx%5lld%n", n + 1, n + 2, &end) == 2 && end >= 0 && !text[end])
        n[0] = 1;
    else
        return pal_cli_say(PAL_CLI_WRONG, "--as %s: give profile, HEIGHTxWIDTH or PLANESxHEIGHTxWIDTH, such as 28x28",
                           text);
    if (n[0] < 1 || n[1] < 1 || n[2] < 1)
        return pal_cli_say(PAL_CLI_WRONG, "--as %s: each size must be 1 or more", text);
    if (n[0] * n[1] * n[2] != features)
        return pal_cli_say(PAL_CLI_WRONG, "--as %s: that is %lld numbers, but a sample has %lld", text,
                           n[0] * n[1] * n[2], features);
    *view = (pal_view){n[0], n[1], n[2]};
    return PAL_CLI_GO_ON;
}

const char *pal_cli_numbers_of(const pal_cli_args *args, const char *path, char *room, size_t size)
{
    if (!pal_cli_flag(args, "csv")) return NULL;
    snprintf(room, size, "%.*s.csv", (int)strlen(path) - 4, path);
    return room;
}

int pal_cli_check_numbers(const pal_cli_args *args, const char *data)
{
    char room[4096];
    struct stat numbers, samples;
    const char *out = pal_cli_given(args, "out");
    const char *path = out ? pal_cli_numbers_of(args, out, room, sizeof room) : NULL;
    if (path && !lstat(path, &numbers) && S_ISLNK(numbers.st_mode)) /* --out names the picture alone */
        return pal_cli_say(PAL_CLI_WRONG, "--csv: %s is a symbolic link: remove it, or choose another --out", path);
    if (!path || !data || stat(path, &numbers) || stat(data, &samples) || numbers.st_dev != samples.st_dev ||
        numbers.st_ino != samples.st_ino)
        return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--csv: %s is the data and would be overwritten: choose another --out", path);
}
