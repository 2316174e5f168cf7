/* shards.h - what the suites about shards share: programs that several processes run, which are threads,
 * and messages that come late. */
#ifndef PAL_TESTS_AUTOGRAD_SHARDS_H
#define PAL_TESTS_AUTOGRAD_SHARDS_H

#include <stdio.h>

#include "tests/processes.h"

enum { MOST_PROCESSES = 4 };

/* A communicator whose transfers look unfinished for a random time. */
typedef struct late {
    pal_communicator seen;
    const pal_communicator *inner;
    uint64_t rng;
} late;

static inline int late_start(void *self, int to, const void *out, int from, void *in, size_t bytes, int tag)
{
    const pal_communicator *c = ((late *)self)->inner;
    return c->start(c->self, to, out, from, in, bytes, tag);
}

static inline int late_test(void *self, int ticket)
{
    late *l = self;
    l->rng = l->rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return l->rng >> 62 ? 0 : l->inner->test(l->inner->self, ticket);
}

static inline const char *late_why(void *self)
{
    const pal_communicator *c = ((late *)self)->inner;
    return c->why(c->self);
}

static inline void late_close(pal_communicator *c, bool failed) { (void)c, (void)failed; }

typedef struct process {
    int rank;
    pal_shards shards;
    int64_t first, local; /* its shards */
    pal_context *context;
    void *user;
    char why[400]; /* empty: all is well */
    void (*body)(struct process *p);
    late late;
} process;

static inline void *process_main(void *user)
{
    process *p = user;
    p->context = context_with(1);
    p->body(p);
    pal_context_free(p->context);
    return NULL;
}

/* Runs `body` in n processes that compute so many shards of `rows` rows. user[i]: of process i. slow: messages come
 * late. Returns why a process has failed, in `why`; empty: none has. */
static inline void run_together(int n, int64_t shards, int64_t rows, bool slow, void (*body)(process *p), void **user,
                                char why[400])
{
    pal_communicator *c[MOST_PROCESSES];
    process p[MOST_PROCESSES];
    connect_processes(n, c);
    for (int i = 0; i < n; i++) {
        p[i] = (process){.rank = i, .shards = {sizeof(pal_shards), shards, rows, c[i]}, .body = body, .user = user[i]};
        pal_shards_of(shards, n, i, &p[i].first, &p[i].local);
        p[i].late = (late){{sizeof(pal_communicator), i, n, &p[i].late, late_start, late_test, late_why, late_close},
                           c[i],
                           (uint64_t)i};
        if (slow && n > 1) p[i].shards.communicator = &p[i].late.seen;
    }
    run_processes(n, process_main, p, sizeof *p);
    why[0] = 0;
    for (int i = 0; i < n; i++) {
        pal_communicator_close(c[i], false);
        if (p[i].why[0] && !why[0]) snprintf(why, 400, "process %d of %d: %.350s", i, n, p[i].why);
    }
}

#endif
