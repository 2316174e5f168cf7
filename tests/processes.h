/* processes.h - threads that stand for processes, in tests. */
#ifndef PAL_TESTS_PROCESSES_H
#define PAL_TESTS_PROCESSES_H

#include <pthread.h>

#include "autograd/communicator.h"
#include "tests/testing.h"

enum { PROCESSES_MOST = 8 };

/* A communicator for each of n processes; NULL for one alone. */
static inline void connect_processes(int n, pal_communicator **out)
{
    pal_error err = {0};
    ck_assert_int_le(n, PROCESSES_MOST);
    out[0] = NULL;
    if (n > 1) ck_assert_msg(!pal_communicator_threads(n, out, &err), "%s", err.text);
}

/* Calls `one` in n threads, each with an element of the array, which has so many bytes; waits for all. */
static inline void run_processes(int n, void *(*one)(void *element), void *array, size_t size)
{
    pthread_t thread[PROCESSES_MOST];
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, one, (char *)array + (size_t)i * size), 0);
    for (int i = 0; i < n; i++) pthread_join(thread[i], NULL);
}

#endif
