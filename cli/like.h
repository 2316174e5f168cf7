/* like.h - what the files of `train --like RUN` and `train --config FILE` share. */
#ifndef PAL_CLI_LIKE_H
#define PAL_CLI_LIKE_H

#include "cli/train.h"

/* How the value of a key becomes that of an option. */
typedef enum pal_cli_like_kind {
    LIKE_VALUE,    /* the same text */
    LIKE_UNLESS_0, /* the same; 0: the option was not given */
    LIKE_SIGNED,   /* the same; 0: the optimizer's own default, which is left to it; below 0: 0 */
    LIKE_FLAG,     /* true: the flag is given */
    LIKE_FROZEN,   /* true: "frozen", false: "fresh" */
    LIKE_EPOCHS,   /* steps to epochs */
    LIKE_EPOCHS_1, /* the same, and one less; 0: not given */
    LIKE_GROUP,    /* an object of options: each of its keys is the name of one */
    LIKE_IGNORED,  /* tells of an outcome, or of the machine */
} pal_cli_like_kind;

typedef struct pal_cli_like_row {
    const char *key, *option; /* key: as in info.c; option: of train; NULL: none */
    pal_cli_like_kind kind;
    const char *missing; /* the value of a run whose run.json lacks the key; NULL: none */
    const char *group;   /* "optimizer", "schedule": not taken if another one is given; NULL: taken */
} pal_cli_like_row;

enum { PAL_CLI_LIKE_TEXTS = 2 * PAL_CLI_SETTINGS };

typedef struct pal_cli_like {
    const char *path; /* as it was given */
    bool run;         /* --like; false: --config */
    pal_rundir *dir;  /* of --like */
    json_t *file;
    char *texts[PAL_CLI_LIKE_TEXTS]; /* the values */
    size_t n_texts;
    size_t own_settings, own_options; /* of the command line; what follows in the lists was taken */
    char left_out[512];
} pal_cli_like;

/* like_file.c: reads the file, and checks that its keys are known and their values of the right type. PAL_CLI_GO_ON, or
 * the exit status. */
int pal_cli_like_open(pal_cli_like *like);

/* like_rows.c */
extern const pal_cli_like_row pal_cli_like_rows[]; /* ends with key NULL */
/* The value of a key such as "optimizer.name"; NULL: it is missing. */
json_t *pal_cli_like_find(const json_t *file, const char *key);
/* The first key that no row knows, as "optimizer.nmae", and the nearest that is known, or ""; false: all are known. */
bool pal_cli_like_unknown(json_t *file, char *key, size_t size, const char **nearest);

#endif
