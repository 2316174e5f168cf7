/* run_folder.c - the folder of a run. */
#include <sys/stat.h>

#include "tests/fuzz/run_folder.h"

pal_rundir *fuzz_run_open(const void *info, size_t size, const void *metrics, size_t metrics_size)
{
    char path[FUZZ_PATH];
    pal_error err = {0};
    mkdir(fuzz_path("run", path), 0700);
    fuzz_put("run/run.json", info, size);
    if (metrics) fuzz_put("run/metrics.jsonl", metrics, metrics_size);
    pal_rundir *dir = pal_rundir_open(path, &err);
    fuzz_outcome(dir, &err);
    return dir;
}
