/* sweep_share.c - a sweep whose trainings several processes share: process r takes the trainings r, r + P, ...
 *
 * Each training is one process alone, with the bits that it has without the others. Process 0 takes the figures of all
 * of them in the order of the sweep, so that it prints and writes what a sweep in one process does. The other processes
 * do not wait for it: a report is on its way while the next training runs. When a training has failed, process 0 tells
 * the others, which end before their next one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/processes.h"
#include "cli/sweep.h"

enum { REPORT = 1, END = 2 }; /* tags */

typedef struct report { /* of a training, to process 0 */
    int exit;           /* the exit status of one that ends the sweep; PAL_CLI_DONE: it is finished */
    int status;
    char text[512];
    double figures[SWEEP_FIGURES];
} report;

struct pal_cli_sweep_share {
    const pal_communicator *all;
    report *sent; /* [most], each stays as it is while it is on its way */
    int *tickets; /* [most], -1: none */
    size_t n, most;
    int end, end_ticket; /* what process 0 says at the end */
    bool told;           /* it has arrived */
    size_t *taken;       /* process 0: how many reports of each process it has; */
    bool *over;          /* and whether it expects no more of them */
};

static pal_status lost(const pal_cli_sweep_share *s, pal_error *err)
{
    pal_cli_processes_lost();
    return pal_error_set(err, PAL_ERR_PEER, "%s", s->all->why(s->all->self));
}

static pal_status wait_for(const pal_cli_sweep_share *s, int ticket, pal_error *err)
{
    int done = ticket < 0 ? -1 : 0;
    while (!done) {
        done = s->all->test(s->all->self, ticket);
        if (!done) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return done > 0 ? PAL_OK : lost(s, err);
}

pal_cli_sweep_share *pal_cli_sweep_share_new(size_t runs, int *status)
{
    const pal_communicator *all = pal_cli_communicator();
    if (!all) return NULL;
    pal_cli_sweep_share *s = calloc(1, sizeof *s);
    if (s) {
        *s = (pal_cli_sweep_share){.all = all, .most = runs, .end_ticket = -1};
        s->sent = calloc(runs + 1, sizeof *s->sent);
        s->tickets = calloc(runs + 1, sizeof *s->tickets);
        s->taken = calloc((size_t)all->size, sizeof *s->taken);
        s->over = calloc((size_t)all->size, sizeof *s->over);
    }
    if (!s || !s->sent || !s->tickets || !s->taken || !s->over) *status = pal_cli_say(PAL_CLI_FAILED, "out of memory");
    *status = pal_cli_processes_agree(*status);
    if (*status == PAL_CLI_GO_ON && all->rank)
        s->end_ticket = all->start(all->self, -1, NULL, 0, &s->end, sizeof s->end, END);
    if (*status == PAL_CLI_GO_ON) return s;
    pal_cli_sweep_share_free(s);
    return NULL;
}

void pal_cli_sweep_share_free(pal_cli_sweep_share *s)
{
    if (!s) return;
    free(s->sent);
    free(s->tickets);
    free(s->taken);
    free(s->over);
    free(s);
}

bool pal_cli_sweep_is_mine(const pal_cli_sweep_share *s, const pal_sweep_run *run)
{
    return !s || (int)((run->number - 1) % (size_t)s->all->size) == s->all->rank;
}

bool pal_cli_sweep_is_over(pal_cli_sweep_share *s)
{
    if (s && s->all->rank && !s->told) s->told = s->all->test(s->all->self, s->end_ticket) != 0;
    return s && s->told;
}

pal_status pal_cli_sweep_send(pal_cli_sweep_share *s, const pal_cli_sweep_job *j, const pal_sweep_run *run,
                              pal_status status, pal_error *err)
{
    if (!s || !s->all->rank) return status;
    report *r = &s->sent[s->n];
    *r = (report){.exit = status ? j->status : PAL_CLI_DONE, .status = (int)status};
    snprintf(r->text, sizeof r->text, "%s", status ? err->text : "");
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) r->figures[f] = run->figures[f];
    s->tickets[s->n] = s->all->start(s->all->self, 0, r, -1, NULL, sizeof *r, REPORT);
    if (s->tickets[s->n] < 0) return lost(s, err);
    s->n++;
    return status;
}

/* The next report of a process. Sets `over` when it is the last one. */
static pal_status receive(pal_cli_sweep_share *s, int from, report *r, pal_error *err)
{
    const size_t size = (size_t)s->all->size;
    const pal_status status = wait_for(s, s->all->start(s->all->self, -1, NULL, from, r, sizeof *r, REPORT), err);
    s->taken[from]++;
    s->over[from] = status || r->exit != PAL_CLI_DONE || (size_t)from + s->taken[from] * size >= s->most;
    return status;
}

pal_status pal_cli_sweep_receive(pal_cli_sweep_share *s, pal_cli_sweep_job *j, const pal_sweep_run *run, pal_error *err)
{
    report r;
    if (s->all->rank) return PAL_OK;
    if (receive(s, (int)((run->number - 1) % (size_t)s->all->size), &r, err)) {
        j->status = PAL_CLI_FAILED;
        return err->status;
    }
    for (size_t f = 0; f < pal_cli_sweep_figures(j); f++) run->figures[f] = r.figures[f];
    if (r.exit == PAL_CLI_DONE) return PAL_OK;
    j->status = r.exit;
    return pal_error_set(err, (pal_status)r.status, "%s", r.text);
}

/* Process 0 says that the sweep is over, and waits for the others to end the trainings that they are at. */
static pal_status end_first(pal_cli_sweep_share *s, pal_error *err)
{
    pal_status status = PAL_OK;
    report r;
    for (int i = 1; !status && i < s->all->size; i++)
        status = wait_for(s, s->all->start(s->all->self, i, &s->end, -1, NULL, sizeof s->end, END), err);
    for (int i = 1; !status && i < s->all->size; i++)
        while (!status && !s->over[i] && (size_t)i + s->taken[i] * (size_t)s->all->size < s->most)
            status = receive(s, i, &r, err);
    return status;
}

pal_status pal_cli_sweep_end(pal_cli_sweep_share *s, pal_error *err)
{
    pal_status status = PAL_OK;
    if (!s) return status;
    if (!s->all->rank) return end_first(s, err);
    for (size_t i = 0; !status && i < s->n; i++) status = wait_for(s, s->tickets[i], err);
    if (!status && !s->told) status = wait_for(s, s->end_ticket, err);
    return status;
}
