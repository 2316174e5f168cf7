/* function_register.c - the list of hand-written functions that a loaded object registers.
 *
 * The list is global state of the process, as that of the variants (models/registry.c): it only grows, and an entry is
 * stored before the count that includes it. */
#include "autograd/check/function.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { REGISTERED = 1024 };
static const pal_function *_Atomic registered[REGISTERED];
static atomic_size_t n_registered;
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;

const pal_function *pal_function_at(size_t i)
{
    return i < atomic_load(&n_registered) ? atomic_load(&registered[i]) : NULL;
}

pal_status pal_function_register(const pal_function *f, pal_error *err)
{
    pal_status status = pal__fn_valid(f, err);
    if (status) return status;
    pthread_mutex_lock(&registering);
    const size_t n = atomic_load(&n_registered);
    for (size_t i = 0; i < n && !status; i++)
        if (!strcmp(pal_function_at(i)->name, f->name))
            status = pal_error_set(err, PAL_ERR_EXISTS, "function %.80s: the name is taken", f->name);
    if (!status && n == REGISTERED)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "function %.80s: %d functions are registered, the most possible",
                               f->name, (int)REGISTERED);
    if (!status) {
        atomic_store(&registered[n], f);
        atomic_store(&n_registered, n + 1);
    }
    pthread_mutex_unlock(&registering);
    return status;
}
