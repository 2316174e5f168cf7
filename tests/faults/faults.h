/* faults.h - what the parts of the test of faults share.
 *
 * A sweep runs the program once for each allocation, and for each system call, that a command makes. Each time another
 * one fails. A run is good in two ways: it gives the right result, or it refuses with one line and loses nothing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { FAULTS_FRAMES = 40, FAULTS_CHAINS = 1 << 22, FAULTS_NOW = 1700000000, FAULTS_ARGS = 32, FAULTS_WHAT = 256 };

/* Shared memory between the driver and the interposed object. */
struct faults_report {
    unsigned long long allocations, failed;
    int began;                                /* main was reached */
    int wants_chains;                         /* set by the driver */
    char caller[FAULTS_WHAT];                 /* of the first allocation that failed: the object that asked for it */
    unsigned long long chains[FAULTS_CHAINS]; /* of each allocation: a number for its callers */
};

/* ---- System calls (calls.c) */

enum faults_kind {
#define CALL(kind, ...) FAULTS_##kind,
#include "calls.def"
#undef CALL
    FAULTS_KINDS,
    FAULTS_ALLOC = FAULTS_KINDS, /* an allocation, which is not a system call */
    FAULTS_ROOM,                 /* the address space is limited */
};

enum { FAULTS_SHORT = -1, FAULTS_KILL = -2 }; /* instead of an error: half of the bytes; SIGKILL */

const char *faults_kind_name(int kind);
int faults_kind_find(const char *name); /* -1: unknown */
const char *faults_error_name(int error, char *out, size_t size);
int faults_error_find(const char *name);                     /* 0: unknown */
size_t faults_errors(int kind, const int **errors);          /* what calls of this kind may answer */
bool faults_lasts(int kind, int error);                      /* whether it makes sense that all later calls fail, too */
uint64_t faults_room(uint64_t step);                         /* bytes of step 1, 2, ... of a limit */
int faults_kind_of(uint64_t number, const uint64_t args[6]); /* of a system call; -1: none that is made to fail */

/* ---- One run of the program (launch.c) */

struct faults_plan {
    int kind;          /* -1: nothing fails */
    int error;         /* errno, or FAULTS_SHORT, FAULTS_KILL */
    uint64_t at;       /* counted from 1 */
    bool for_ever;     /* all later ones fail, too */
    bool traced;       /* counts the system calls, though none fails */
    bool stack;        /* lets gdb print the stack where it fails */
    double kill_after; /* seconds until SIGKILL; 0: none */
    bool crash;        /* lets gdb print the stack where a signal ends the program */
};

struct faults_end {
    int status; /* of waitpid */
    bool hung, began, failed;
    bool muted;                        /* a write to standard error failed */
    uint64_t counts[FAULTS_KINDS + 1]; /* by kind */
    char what[FAULTS_WHAT];            /* the system call that failed, or the object that asked for memory */
    char caller[FAULTS_WHAT];          /* this object; "": no memory was missing */
    pid_t pid;
};

struct faults_place {
    const char *program, *object; /* paths of the program and of the interposed object */
    char folder[256], work[300];  /* temporary; the program runs in the second, which is in the first */
    char out[300], err[300];      /* files of its standard output and error */
    struct faults_report *report;
    int report_fd;
};

/* Makes the folder, the shared memory, and the environment of the runs; and removes the folder. number: of a worker. */
void faults_start(struct faults_place *place, unsigned number);
void faults_end_all(const struct faults_place *place);

/* Runs a command of the program, words that spaces separate, in place->work. */
void faults_launch(const struct faults_place *place, const char *command, const struct faults_plan *plan,
                   struct faults_end *end);

/* ---- Folders (folder.c) */

struct faults_file {
    char *path; /* below the folder */
    char *bytes;
    size_t size;
    bool is_folder;
};

struct faults_folder {
    struct faults_file *files; /* sorted by path, so that a folder comes before its files */
    size_t n;
};

struct faults_folder faults_folder_read(const char *path);
void faults_folder_write(const char *path, const struct faults_folder *folder); /* removes what is there before */
void faults_folder_free(struct faults_folder *folder);
void faults_folder_remove(const char *path);
const struct faults_file *faults_folder_find(const struct faults_folder *folder, const char *path);
bool faults_file_equal(const struct faults_file *a, const struct faults_file *b);
bool faults_folder_equal(const struct faults_folder *a, const struct faults_folder *b);
char *faults_read(const char *path, size_t *size); /* a whole file, with a zero at its end; empty: cannot be read */
void faults_die(const char *what) __attribute__((noreturn));
void *faults_more(void *old, size_t size);

/* ---- Cases (cases.c) and the judge (judge.c) */

struct faults_case {
    bool thorough; /* only in whole sweeps */
    const char *name, *command;
    const char *made;   /* a folder that may be left unfinished; NULL: none */
    const char *follow; /* the command that finishes it; NULL: it is not finished */
    const char *again;  /* another command that finishes it, if the first refuses; NULL: none */
};

extern const struct faults_case faults_cases[];
extern const size_t faults_n_cases;
void faults_put_data(const struct faults_place *place); /* in place->work */
void faults_prepare(const struct faults_place *place);  /* makes the data and the runs that the cases need */

struct faults_reference { /* the run without a fault */
    struct faults_folder before, after;
    char *out, *err;
    struct faults_end end;
    uint64_t *accepted; /* states of folders that were finished to the right result */
    size_t n_accepted;
};

enum faults_verdict { FAULTS_RIGHT, FAULTS_REFUSED, FAULTS_EXCUSED, FAULTS_BAD };

/* Judges a run that has just ended, and restores the folder. why: what is bad or excused. */
enum faults_verdict faults_judge(const struct faults_place *place, const struct faults_case *c,
                                 struct faults_reference *reference, const struct faults_plan *plan,
                                 const struct faults_end *end, char *why, size_t size);
