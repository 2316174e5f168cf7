/* reading.c - how far the reading of a folder of pictures is: on a terminal a bar, elsewhere a line now and then. */
#include <time.h>

#include "cli/data.h"

enum { BETWEEN_LINES = 10 }; /* seconds: most folders are read in less, and have no line */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void pal_cli_reading_start(pal_cli_reading *reading, bool quiet, bool json)
{
    *reading = (pal_cli_reading){.line = seconds_now()};
    pal_cli_progress_start(&reading->bar, quiet, json);
}

void pal_cli_reading_step(int64_t done, int64_t all, void *user)
{
    pal_cli_reading *r = user;
    if (r->bar.bar) {
        pal_cli_progress_count(&r->bar, "pictures", done, all);
        return;
    }
    const double now = seconds_now();
    if (!r->bar.to || now - r->line < BETWEEN_LINES || done == all) return;
    r->line = now;
    fprintf(r->bar.to, "read %lld of %lld pictures\n", (long long)done, (long long)all);
    fflush(r->bar.to);
}

void pal_cli_reading_end(pal_cli_reading *reading) { pal_cli_progress_erase(&reading->bar); }
