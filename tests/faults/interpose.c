/* interpose.c - a shared object for LD_PRELOAD: counts the allocations of a program and makes chosen ones fail.
 *
 * Counting starts when main starts and ends when it returns: what the loader, the constructors and the destructors of
 * libraries allocate is not counted, nor what gcc's counters allocate at the end. The plan
 * is in the environment, from which it is removed before main, so that programs started by this one run as usual:
 *     FAULTS_ALLOC=N    allocation N fails; N+: it and all later ones; N!: it kills the program
 *     FAULTS_ROOM=N     from main on, the program gets N more bytes of address space
 *     FAULTS_REPORT=FD  the descriptor of a file of struct faults_report, which receives the counts
 *     FAULTS_TRACE=1    stops before main, for a tracer that makes system calls fail
 *     FAULTS_STOP=1     stops where the allocation fails, for a debugger
 * The clock stands still, so that two runs of a program write the same bytes. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

typedef int main_function(int argc, char **argv, char **envp);

static main_function *real_main;
static struct faults_report own, *report = &own;
static unsigned long long fail_at; /* 0: none */
static int for_ever, kills, stops, counts, is_noted;
static __thread int inside;

/* A number for the chain of callers, so that a sweep can choose one allocation of each kind. */
static unsigned long long chain(void)
{
    void *frames[FAULTS_FRAMES];
    unsigned long long hash = 14695981039346656037ull;
    const int n = backtrace(frames, FAULTS_FRAMES);
    for (int i = 1; i < n; i++) hash = (hash ^ (unsigned long long)(size_t)frames[i]) * 1099511628211ull;
    return hash;
}

/* The name of the object that has the code at this address, without its folder. */
static const char *object_of(const void *address)
{
    Dl_info info;
    const char *name = dladdr(address, &info) && info.dli_fname ? info.dli_fname : "?", *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Notes which object asks for the allocation that fails. Where libc asks, as in strdup, it is the object that called
 * libc. */
static void note_caller(const void *address)
{
    void *frames[FAULTS_FRAMES];
    const char *name = object_of(address);
    if (!strncmp(name, "libc.so", 7)) {
        inside++;
        const int n = backtrace(frames, FAULTS_FRAMES);
        inside--;
        int at = 0;
        while (at < n && frames[at] != address) at++;
        while (at < n && !strncmp(object_of(frames[at]), "libc.so", 7)) at++;
        if (at < n) name = object_of(frames[at]);
    }
    report->caller[0] = 0;
    strncat(report->caller, name, sizeof report->caller - 1);
}

/* Whether this allocation fails. address: of the caller. */
static int fails(const void *address)
{
    if (!counts || inside) return 0;
    const unsigned long long n = __atomic_add_fetch(&report->allocations, 1, __ATOMIC_RELAXED);
    if (report->wants_chains && n <= FAULTS_CHAINS) {
        inside = 1;
        report->chains[n - 1] = chain();
        inside = 0;
    }
    if (!fail_at || (for_ever ? n < fail_at : n != fail_at)) return 0;
    if (kills) raise(SIGKILL);
    if (stops && !report->failed) raise(SIGSTOP);
    if (!__atomic_fetch_add(&report->failed, 1, __ATOMIC_SEQ_CST)) {
        inside++;
        note_caller(address);
        inside--;
        __atomic_store_n(&is_noted, 1, __ATOMIC_SEQ_CST);
    }
    while (!__atomic_load_n(&is_noted, __ATOMIC_SEQ_CST)) sched_yield(); /* another thread might crash before */
    errno = ENOMEM;
    return 1;
}

/* Notes who asks for memory that there really is none of. */
static void *made(void *block, const void *address)
{
    if (!block && counts && !*report->caller) note_caller(address);
    return block;
}

#define TRY(make) (fails(__builtin_return_address(0)) ? NULL : made(make, __builtin_return_address(0)))

void *malloc(size_t size) { return TRY(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return TRY(__libc_calloc(n, size)); }
void *realloc(void *old, size_t size) { return TRY(__libc_realloc(old, size)); }
void *memalign(size_t alignment, size_t size) { return TRY(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return TRY(__libc_memalign(alignment, size)); }

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = TRY(__libc_memalign(alignment, size));
    if (block) *out = block;
    return block ? 0 : ENOMEM;
}

time_t time(time_t *out)
{
    if (out) *out = FAULTS_NOW;
    return FAULTS_NOW;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    (void)clock;
    *out = (struct timespec){FAULTS_NOW, 0};
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    *out = (struct timeval){FAULTS_NOW, 0};
    return 0;
}

static int take(const char *name, char *out, size_t size)
{
    const char *value = getenv(name);
    *out = 0;
    if (value) strncat(out, value, size - 1);
    unsetenv(name);
    return value != NULL;
}

/* Limits the address space to what it is now, and these bytes. */
static void limit(unsigned long long bytes)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    const int got = file ? fscanf(file, "%llu", &pages) : 0;
    if (file) fclose(file);
    const rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    if (got == 1) setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
}

static int begin(int argc, char **argv, char **envp)
{
    char text[64], none[64];
    void *frame;
    if (take("FAULTS_REPORT", text, sizeof text)) {
        const int fd = atoi(text);
        void *map = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED) report = map;
        close(fd);
    }
    if (take("FAULTS_ALLOC", text, sizeof text)) {
        fail_at = strtoull(text, NULL, 10);
        for_ever = strchr(text, '+') != NULL;
        kills = strchr(text, '!') != NULL;
    }
    stops = take("FAULTS_STOP", text, sizeof text);
    const int traced = take("FAULTS_TRACE", text, sizeof text);
    take("LD_PRELOAD", none, sizeof none);
    backtrace(&frame, 1); /* the first call loads a library */
    report->began = 1;
    if (traced && !ptrace(PTRACE_TRACEME, 0, NULL, NULL)) raise(SIGSTOP);
    if (take("FAULTS_ROOM", text, sizeof text)) limit(strtoull(text, NULL, 10));
    counts = 1;
    const int status = real_main(argc, argv, envp);
    counts = 0;
    return status;
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    typedef int start(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);
    start *real;
    void *found = dlsym(RTLD_NEXT, "__libc_start_main");
    memcpy(&real, &found, sizeof real);
    real_main = main;
    return real(begin, argc, argv, init, fini, rtld_fini, stack_end);
}
