/* blas.c - keeps the CBLAS single-threaded while a program runs, and restores the thread count afterwards.
 *
 * Palindrome divides products among threads itself. OpenBLAS comes in three builds:
 *   serial    Its buffers are not protected by locks, so two products at once give wrong results. Products take turns.
 *   pthread   It has its own threads and one thread count per process. The count is 1 while any program runs.
 *   OpenMP    Setting its thread count to 1 changes the OpenMP count of the calling thread. So the count of each
 *             thread is set through OpenMP, and that of the caller is restored.
 *
 * The functions are looked up at run time, so any CBLAS can be used. One that lacks some of them is unknown, and it is
 * assumed to be safe to call from several threads.
 *
 * The state below is global to the process, because the state of OpenBLAS that it protects is global, too. */
#include "autograd/machine/internal.h"

#include <errno.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
    pthread_mutex_t mutex, turn; /* turn: held during a product of the serial build */
    int running, saved;          /* number of running programs; the thread count before the first one started */
    unsigned buffers;            /* products that have a buffer */
} process = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, 0, 0, 0};

/* Finds a function of the process; false: there is none. POSIX allows the result of dlsym to point to a function, but C
 * does not allow the cast: hence memcpy. */
static bool find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* A configuration looks like "OpenBLAS 0.3.21 NO_LAPACKE ...": name and version are its first two words. */
static int name_length(const char *config)
{
    size_t n = strcspn(config, " ");
    n += strspn(config + n, " ");
    return (int)(n + strcspn(config + n, " "));
}

void pal__blas_find(pal__blas *blas)
{
    static const char *const kinds[] = {"serial", "pthread", "OpenMP"};
    int (*parallel)(void) = NULL;
    char *(*core)(void) = NULL, *(*config)(void) = NULL;
    *blas = (pal__blas){.text = "unknown CBLAS"};
    bool known = find(&parallel, "openblas_get_parallel");
    known &= find(&core, "openblas_get_corename");
    known &= find(&config, "openblas_get_config");
    if (!known) return;
    const int found = parallel(), kind = found < 2 ? found == 1 : 2;
    known &= find(&blas->set_threads, kind == 2 ? "omp_set_num_threads" : "openblas_set_num_threads");
    known &= find(&blas->get_threads, kind == 2 ? "omp_get_max_threads" : "openblas_get_num_threads");
    if (!known) return;
    blas->parallel = kind;
    blas->takes_turns = kind == 0;
    snprintf(blas->core, sizeof blas->core, "%s", core());
    snprintf(blas->text, sizeof blas->text, "%.*s %s, %s", name_length(config()), config(), blas->core, kinds[kind]);
}

/* ---- Memory of OpenBLAS ---------------------------------------------------------------------------------------
 *
 * OpenBLAS maps a buffer for each product that runs at a time, and keeps it. Where the system maps nothing more, it
 * tries again for ever. So a mapping of that size is tried first, and then the buffers are taken and given back, so
 * that no product has to look for one. Where space is limited (ulimit -v, or no overcommitment), there must be room for
 * all of them at once, before the first is taken. */

enum { MOST_BUFFERS = 64 };
#define BUFFER ((size_t)(32 << 22) + (1 << 16)) /* of OpenBLAS 0.3 on x86-64, and something for its own tables */

/* Whether a mapping may fail although the machine has memory. */
static bool limited(void)
{
    struct rlimit space = {.rlim_cur = RLIM_INFINITY}, data = {.rlim_cur = RLIM_INFINITY};
    char policy = '0';
    getrlimit(RLIMIT_AS, &space);
    getrlimit(RLIMIT_DATA, &data);
    const int file = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, &policy, 1) != 1) policy = '0';
        close(file);
    }
    return space.rlim_cur != RLIM_INFINITY || data.rlim_cur != RLIM_INFINITY || policy == '2';
}

static bool can_map(size_t size)
{
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place != MAP_FAILED && !munmap(place, size);
}

/* The buffers that its own threads still have to map. They begin with that when the library is loaded, and take what
 * was found for others. */
static size_t owed(void)
{
    char line[512];
    size_t mapped = 0, helpers = 0;
    int (*parallel)(void) = NULL, (*count)(void) = NULL;
    find(&parallel, "openblas_get_parallel");
    find(&count, "openblas_get_num_threads");
    if (parallel && count && parallel() == 1 && count() > 1) helpers = (size_t)count() - 1;
    FILE *maps = helpers ? fopen("/proc/self/maps", "re") : NULL;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long first, end, inode;
        if (sscanf(line, "%lx-%lx rw-p %*s %*s %lu", &first, &end, &inode) == 3 && !inode)
            mapped += (end - first) >> 27;
    }
    if (maps) fclose(maps);
    return helpers > mapped ? helpers - mapped : 0;
}

const char *pal__blas_reserve(unsigned threads)
{
    void *(*take)(int) = NULL, *taken[MOST_BUFFERS];
    void (*give_back)(void *) = NULL;
    const unsigned wanted = threads < MOST_BUFFERS ? threads : MOST_BUFFERS;
    unsigned n = 0;
    pthread_mutex_lock(&process.mutex);
    bool enough = wanted <= process.buffers;
    if (!enough) {
        find(&take, "blas_memory_alloc");
        find(&give_back, "blas_memory_free");
        enough = !take || !give_back;
        if (!enough && (!limited() || can_map((wanted + owed()) * BUFFER))) {
            while (n < wanted && can_map(BUFFER)) taken[n++] = take(0);
            enough = n == wanted;
            while (n) give_back(taken[--n]);
        }
        if (enough) process.buffers = wanted;
    }
    pthread_mutex_unlock(&process.mutex);
    return enough
               ? NULL
               : "OpenBLAS finds no address space for its buffers, 128 MiB for each thread: raise `ulimit -v`, or use "
                 "fewer threads";
}

/* ---- Thread counts -------------------------------------------------------------------------------------------- */

int pal__blas_enter(const pal__blas *blas)
{
    int saved = 1;
    if (blas->parallel == 2) {
        saved = blas->get_threads();
        blas->set_threads(1);
    } else if (blas->parallel == 1) {
        pthread_mutex_lock(&process.mutex);
        if (process.running++ == 0) {
            process.saved = blas->get_threads();
            blas->set_threads(1);
        }
        pthread_mutex_unlock(&process.mutex);
    }
    return saved;
}

void pal__blas_leave(const pal__blas *blas, int saved)
{
    if (blas->parallel == 2) {
        blas->set_threads(saved);
    } else if (blas->parallel == 1) {
        pthread_mutex_lock(&process.mutex);
        if (--process.running == 0) blas->set_threads(process.saved);
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
    if (pal__blas_reserve(1)) return -1;
    int entered = context ? pal__blas_enter(&context->blas) : 1;
    pal_blas_begin(context);
    return entered;
}

void pal_blas_leave(const pal_context *context, int entered)
{
    pal_blas_end(context);
    if (context) pal__blas_leave(&context->blas, entered);
}
