/* run_folder.h - the folder of a run, for the targets that read one. */
#ifndef PAL_TESTS_FUZZ_RUN_FOLDER_H
#define PAL_TESTS_FUZZ_RUN_FOLDER_H

#include "tests/fuzz/json.h"
#include "train/train.h"

/* Opens the folder with these files. NULL: refused, with one line of text. metrics NULL: there are none. */
pal_rundir *fuzz_run_open(const void *info, size_t size, const void *metrics, size_t metrics_size);

#endif
