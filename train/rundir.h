/* rundir.h - the folder of a run, for the files that read and write in it. */
#ifndef PAL_TRAIN_RUNDIR_H
#define PAL_TRAIN_RUNDIR_H

#include "train/internal.h"

struct pal_rundir {
    palt__folder folder;
    char *text;   /* run.json as it was read or written */
    json_t *json; /* its contents; owns the texts of info */
    pal_run_info info;
    char *data;    /* the path of the data, if it has changed; info points to it until run.json is written */
    char *metrics; /* the text of metrics.jsonl */
    size_t metrics_size;
    pal_epoch *epochs;
    size_t n_epochs;
};

/* metrics.c */
pal_status palt__metrics_read(pal_rundir *dir, pal_error *err); /* a missing file has no lines */
void palt__metrics_free(pal_rundir *dir, size_t from);          /* what the epochs from this one on own */
/* Drops the lines of epochs that end after this step. */
pal_status palt__metrics_drop(pal_rundir *dir, int64_t step, pal_error *err);

#endif
