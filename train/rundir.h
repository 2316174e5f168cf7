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
    const pal_communicator *communicator; /* the processes that have opened it together; NULL: one alone */
    bool reads;                           /* another process writes: what is written here is kept in memory only */
    bool saved;                           /* a process that reads: there is a checkpoint */
    int64_t step;                         /* the same: that of the checkpoint, when training began; -1: not known */
};

pal_rundir *palt__rundir_make(pal_error *err); /* one without a folder */
/* Takes the text of run.json, of so many bytes, that dir has. */
pal_status palt__rundir_parse(pal_rundir *dir, size_t size, pal_error *err);

/* metrics.c */
pal_status palt__metrics_read(pal_rundir *dir, pal_error *err);  /* a missing file has no lines */
pal_status palt__metrics_parse(pal_rundir *dir, pal_error *err); /* the text that dir has */
void palt__metrics_free(pal_rundir *dir, size_t from);           /* what the epochs from this one on own */
/* Drops the lines of epochs that end after this step. */
pal_status palt__metrics_drop(pal_rundir *dir, int64_t step, pal_error *err);

#endif
