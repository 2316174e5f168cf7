/* stopping.c - the options that end training early: times in words, and whether they fit together. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/train.h"

static const struct {
    char letter;
    double seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
enum { UNITS = sizeof units / sizeof *units };

/* Numbers with units, the largest unit first; the last number may lack its unit, which is seconds. */
bool pal_cli_seconds(const char *text, double *out)
{
    double sum = 0;
    size_t next = 0;
    const char *at = text;
    while (*at) {
        char *end;
        if (!isdigit((unsigned char)*at) || (at[0] == '0' && tolower((unsigned char)at[1]) == 'x')) return false;
        const double number = strtod(at, &end);
        size_t unit = next;
        while (*end && unit < UNITS && units[unit].letter != *end) unit++;
        if (!*end && next && next < UNITS) return false; /* 1h30: of what? */
        if (unit == UNITS) return false;
        sum += number * (*end ? units[unit].seconds : 1);
        next = unit + 1;
        at = end + (*end != 0);
    }
    if (!(sum > 0) || sum > 1e9) return false;
    *out = sum;
    return true;
}

const char *pal_cli_duration(double seconds, char *out, size_t size)
{
    size_t at = 0;
    double rest = seconds;
    *out = 0;
    for (size_t i = 0; i + 1 < UNITS && at < size; i++) {
        const double number = floor(rest / units[i].seconds);
        rest -= number * units[i].seconds;
        if (number > 0) at += (size_t)snprintf(out + at, size - at, "%.0f%c", number, units[i].letter);
    }
    if (at < size && (rest > 0 || !at)) snprintf(out + at, size - at, "%.3gs", rest);
    return out;
}

/* A plateau falls after one measurement more than its patience; only later ones can show what that has brought. */
static int check_plateau(const pal_cli_args *args, const pal_variant *variant)
{
    const char *schedule = pal_cli_train_value(args, variant, "schedule");
    const long long patience = strtoll(pal_cli_train_value(args, variant, "patience"), NULL, 10),
                    plateau = strtoll(pal_cli_train_value(args, variant, "plateau-patience"), NULL, 10);
    if (!patience || strcmp(schedule, "plateau") != 0 || patience > plateau + 1) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG,
                       "--patience %lld ends training before a lower rate of the plateau schedule has an effect, after "
                       "%lld measurements: give a greater --patience or a smaller --plateau-patience",
                       patience, plateau + 1);
}

int pal_cli_check_stopping(const pal_cli_args *args, const pal_variant *variant, double *time_limit)
{
    const char *time = pal_cli_given(args, "time");
    *time_limit = 0;
    if (time && !pal_cli_seconds(time, time_limit))
        return pal_cli_say(PAL_CLI_WRONG, "--time %s: not a time: write it as 90s, 10m, 1h30m, or as seconds", time);
    return variant ? check_plateau(args, variant) : PAL_CLI_GO_ON;
}
