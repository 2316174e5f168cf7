/* together.c - processes that train together: whether all can go on.
 *
 * In: how this process fares, or the bytes of process 0. Out: the same in all processes.
 *
 * The order of the calls. Processes wait for each other in each call, so all have to make the same ones. A process that
 * fails where the others do not leaves out calls. So each exchange begins with palt__agree, and what may fail in one
 * process alone is followed by it: there the others learn of the failure, wherever in the code that is, and from then
 * on nobody calls any more. Within a step the flags of its program do the same (stage.c). When a process has ended, no
 * call works: each returns at once. */
#include <string.h>

#include "train/internal.h"

palt__together palt__together_of(const pal_communicator *communicator)
{
    return (palt__together){.communicator = communicator && communicator->size > 1 ? communicator : NULL};
}

bool palt__writes(const palt__together *t) { return !t->communicator || !t->communicator->rank; }

pal_status palt__agree(palt__together *t, pal_status mine, pal_error *err)
{
    if (!t->communicator || t->failed) return mine;
    pal_error all = mine ? *err : (pal_error){0};
    const bool elsewhere = mine && strstr(err->text, PALT__ELSEWHERE); /* who knows why says it */
    pal_status status = mine;
    if (mine != PAL_ERR_PEER) status = pal_communicator_agree(t->communicator, elsewhere ? PAL_OK : mine, &all);
    if (!status && elsewhere) status = mine;
    if (status) *err = all;
    t->failed = status && status != PAL_ERR_STOPPED;
    return status;
}

pal_status palt__agreed(palt__together *t, pal_status of_all)
{
    t->failed |= of_all != PAL_OK;
    return of_all;
}

pal_status palt__share(palt__together *t, void *bytes, size_t n, pal_error *err)
{
    if (!t->communicator) return PAL_OK;
    const pal_status status = pal_communicator_broadcast(t->communicator, 0, bytes, n, err);
    t->failed |= status != PAL_OK;
    return status;
}
