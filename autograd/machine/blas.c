/* blas.c - keeps the CBLAS single-threaded while a program runs, and restores the thread count afterwards.
 *
 * Palindrome divides products among threads itself. OpenBLAS comes in three builds:
 *   serial    Its buffers are not protected by locks, so two products at once give wrong results. Products take turns.
 *   pthread   It has its own threads and one thread count per process. The count is 1 while any program runs.
 *   OpenMP    Setting its thread count to 1 changes the OpenMP count of the calling thread. So the count of each
 *             thread is set through OpenMP, and that of the caller is restored.
 *
 * The functions are looked up at run time, so any CBLAS can be used. An unknown CBLAS is assumed to be safe to call
 * from several threads.
 *
 * The state below is global to the process, because the state of OpenBLAS that it protects is global, too. */
#include "autograd/machine/internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct {
    pthread_mutex_t mutex, turn; /* turn: held during a product of the serial build */
    int running, saved;          /* number of running programs; the thread count before the first one started */
} process = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, 0, 0};

/* POSIX allows the result of dlsym to point to a function, but C does not allow the cast: hence memcpy. */
static void find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof symbol);
}

void pal__blas_find(pal__blas *blas)
{
    static const char *const kinds[] = {"serial", "pthread", "OpenMP"};
    int (*parallel)(void) = NULL;
    char *(*core)(void) = NULL, *(*config)(void) = NULL;
    memset(blas, 0, sizeof *blas);
    find(&parallel, "openblas_get_parallel");
    find(&core, "openblas_get_corename");
    find(&config, "openblas_get_config");
    if (!parallel) {
        snprintf(blas->text, sizeof blas->text, "unknown CBLAS");
        return;
    }
    blas->parallel = parallel();
    blas->takes_turns = blas->parallel == 0;
    find(&blas->set_threads, blas->parallel == 2 ? "omp_set_num_threads" : "openblas_set_num_threads");
    find(&blas->get_threads, blas->parallel == 2 ? "omp_get_max_threads" : "openblas_get_num_threads");
    if (!blas->set_threads || !blas->get_threads) blas->parallel = 0;
    if (core) snprintf(blas->core, sizeof blas->core, "%s", core());
    /* A configuration looks like "OpenBLAS 0.3.21 NO_LAPACKE ...": name and version are its first two words. */
    char name[64] = "OpenBLAS";
    if (config) {
        snprintf(name, sizeof name, "%s", config());
        char *end = strchr(name, ' ');
        if (end) end = strchr(end + 1, ' ');
        if (end) *end = 0;
    }
    snprintf(blas->text, sizeof blas->text, "%s %s, %s", name, blas->core,
             kinds[blas->parallel < 3 ? blas->parallel : 0]);
}

int pal__blas_enter(const pal__blas *blas)
{
    int saved = 1;
    if (blas->parallel == 2) {
        saved = blas->get_threads();
        if (saved != 1) blas->set_threads(1);
    } else if (blas->parallel == 1) {
        pthread_mutex_lock(&process.mutex);
        if (process.running++ == 0) {
            process.saved = blas->get_threads();
            if (process.saved != 1) blas->set_threads(1);
        }
        pthread_mutex_unlock(&process.mutex);
    }
    return saved;
}

void pal__blas_leave(const pal__blas *blas, int saved)
{
    if (blas->parallel == 2) {
        if (saved != 1) blas->set_threads(saved);
    } else if (blas->parallel == 1) {
        pthread_mutex_lock(&process.mutex);
        if (--process.running == 0 && process.saved != 1) blas->set_threads(process.saved);
        pthread_mutex_unlock(&process.mutex);
    }
}

void pal_blas_begin(const pal_context *context)
{
    if (context && context->blas.takes_turns) pthread_mutex_lock(&process.turn);
}

void pal_blas_end(const pal_context *context)
{
    if (context && context->blas.takes_turns) pthread_mutex_unlock(&process.turn);
}

void pal__blas_worker(const pal__blas *blas)
{
    if (blas->parallel == 2) blas->set_threads(1);
}

int pal_blas_enter(const pal_context *context)
{
    int entered = context ? pal__blas_enter(&context->blas) : 1;
    pal_blas_begin(context);
    return entered;
}

void pal_blas_leave(const pal_context *context, int entered)
{
    pal_blas_end(context);
    if (context) pal__blas_leave(&context->blas, entered);
}
