/* disturbed.c - the step of the first workload where something disturbs it: another process that keeps a core busy, and
 * subnormal numbers that are kept instead of counting as zeros. */
#include "bench/workloads.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/clock.h"

enum { WARM_UP = 20 };

static double mean(const double *times, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += times[i] / n;
    return sum;
}

static void run(step *s, double *times, int n)
{
    for (int i = 0; i < n; i++) times[i] = step_once(s, (uint64_t)i + 1);
}

static int beside_a_busy_core(pal_context *context, double *times, int rounds)
{
    step *s = step_new(context, &workloads[0], NULL, false, false);
    if (!s) return 1;
    run(s, times, rounds < WARM_UP ? rounds : WARM_UP);
    run(s, times, rounds);
    const double quiet_mean = mean(times, rounds), quiet = median(times, (size_t)rounds);
    const pid_t busy = fork();
    if (busy == 0)
        for (volatile unsigned long i = 0;; i++) {
        }
    if (busy > 0) {
        run(s, times, rounds);
        kill(busy, SIGKILL);
        waitpid(busy, NULL, 0);
        const double busy_mean = mean(times, rounds), beside = median(times, (size_t)rounds);
        printf("%s, one core busy: median %.0f us (%.2f times as long), mean %.0f us (%.2f times as long)\n",
               workloads[0].name, beside, beside / quiet, busy_mean, busy_mean / quiet_mean);
    }
    step_free(s);
    return busy < 0;
}

/* The same step in turns by a context that counts subnormal numbers as zeros and by one that keeps them. */
static int with_subnormals(unsigned threads, double *times, int rounds)
{
    pal_context *contexts[2];
    step *steps[2];
    for (int k = 0; k < 2; k++) {
        const pal_context_options o = {.struct_size = sizeof o, .threads = threads, .subnormals = k == 1};
        contexts[k] = pal_context_new(&o);
        steps[k] = contexts[k] ? step_new(contexts[k], &dead_inputs, NULL, false, false) : NULL;
    }
    const bool good = steps[0] && steps[1];
    for (int i = -WARM_UP; good && i < rounds; i++)
        for (int k = 0; k < 2; k++) {
            const double time = step_once(steps[k], (uint64_t)(i + WARM_UP + 1));
            if (i >= 0) times[k * rounds + i] = time;
        }
    if (good) {
        const double flushed = median(times, (size_t)rounds), kept = median(times + rounds, (size_t)rounds);
        printf("%s: %.0f us, with subnormal numbers kept %.0f us (%.2f times as long)\n", dead_inputs.name, flushed,
               kept, kept / flushed);
    }
    for (int k = 0; k < 2; k++) {
        step_free(steps[k]);
        pal_context_free(contexts[k]);
    }
    return !good;
}

int print_disturbed(pal_context *context, int rounds)
{
    double *times = calloc((size_t)rounds * 2, sizeof *times);
    if (!times) return 1;
    const int failed =
        beside_a_busy_core(context, times, rounds) || with_subnormals(pal_context_threads(context), times, rounds);
    free(times);
    return failed;
}
