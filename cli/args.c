/* args.c - what was given on the command line. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const char *pal_cli_given(const pal_cli_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (!strcmp(args->given[i].name, name)) return args->given[i].value;
    return NULL;
}

bool pal_cli_flag(const pal_cli_args *args, const char *name) { return pal_cli_given(args, name) != NULL; }

int64_t pal_cli_int(const pal_cli_args *args, const char *name, int64_t otherwise)
{
    const char *value = pal_cli_given(args, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}
