/* paths.c - what the paths of a command are: a folder, or one file under two names. "-" is neither. */
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

bool pal_cli_is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

bool pal_cli_is_same(const char *in, const char *out)
{
    struct stat a, b;
    return strcmp(in, "-") != 0 && strcmp(out, "-") != 0 && !stat(in, &a) && !stat(out, &b) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}
