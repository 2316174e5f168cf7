/* shards.h - what the tests of processes that train together share: threads that stand for processes. */
#ifndef PAL_TESTS_SHARDS_H
#define PAL_TESTS_SHARDS_H

#include <pthread.h>

#include "autograd/communicator.h"
#include "tests/train/runs.h"

enum { PROCESSES = 4, SHARDS = 4 };

/* Communicators for so many threads; NULL for one alone. */
static inline void connect(int processes, pal_communicator *out[PROCESSES])
{
    pal_error err = {0};
    out[0] = NULL;
    if (processes > 1) ck_assert_msg(!pal_communicator_threads(processes, out, &err), "%s", err.text);
}

/* Calls `one` in so many threads, each with an element of the array, and waits for all. */
static inline void in_threads(int processes, void *(*one)(void *element), void *array, size_t size)
{
    pthread_t thread[PROCESSES];
    for (int i = 0; i < processes; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, one, (char *)array + (size_t)i * size), 0);
    for (int i = 0; i < processes; i++) pthread_join(thread[i], NULL);
}

#endif
