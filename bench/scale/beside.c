/* beside.c - other processes that do the same while something is measured: processes of one machine share its last
 * cache and its memory, and so are slower than one alone. */
#include "bench/scale/beside.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool move_to(int processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)processor, &one);
    if (!sched_setaffinity(0, sizeof one, &one)) return true;
    fprintf(stderr, "bench_scale: --beside: this machine has no processor %d to measure on\n", processor);
    return false;
}

static void tell(void *user) { (void)!write(*(int *)user, "", 1); }

bool beside_begin(beside *b, int n, void (*work)(void *argument, void (*ready)(void *), void *user), void *argument)
{
    int ends[2];
    *b = (beside){0};
    if (n == 0) return true;
    if (!move_to(0) || pipe(ends)) return false;
    while (b->n < n) {
        const pid_t process = fork();
        if (process == 0) {
            close(ends[0]);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (move_to(b->n + 1)) work(argument, tell, &ends[1]);
            _exit(1);
        }
        if (process < 0) break;
        b->processes[b->n++] = process;
    }
    close(ends[1]);
    char byte;
    int ready = 0;
    while (ready < n && read(ends[0], &byte, 1) == 1) ready++;
    close(ends[0]);
    if (ready < n) beside_end(b);
    return ready == n;
}

void beside_end(beside *b)
{
    for (int i = 0; i < b->n; i++) kill(b->processes[i], SIGKILL);
    for (int i = 0; i < b->n; i++) waitpid(b->processes[i], NULL, 0);
    b->n = 0;
}
