/* driver.c - the plain driver of the fuzz targets, for any compiler.
 *
 *     fuzz TARGET|all RUNS [FIRST]     runs inputs number FIRST .. FIRST + RUNS - 1, of which the first ones are seeds
 *     fuzz TARGET show NUMBER          writes that input to standard output
 *     fuzz TARGET seeds FOLDER         writes the seeds into a folder, as a corpus for libFuzzer
 *     fuzz TARGET words                prints the dictionary for libFuzzer
 *     fuzz TARGET files FILE ...       runs the contents of files
 *     fuzz list                        prints the names of the targets
 *
 * Input k is a seed with changes that follow from k alone, so a number stands for an input. If a run fails, the driver
 * says which number it was, and writes the input to fuzz-TARGET-NUMBER.bin. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static const fuzz_target *const targets[] = {
#define TARGET(name) &target_##name,
#include "tests/fuzz/targets.def"
#undef TARGET
};
enum { TARGETS = sizeof targets / sizeof *targets, HANG_SECONDS = 30 };

/* The input that is running: a signal handler reports it. */
static struct {
    const fuzz_target *target;
    const uint8_t *data;
    size_t size;
    volatile uint64_t number, seen; /* seen: the number when the alarm rang last */
} running;

static fuzz_seeds *seeds_of(const fuzz_target *target)
{
    fuzz_seeds *seeds = fuzz_seeds_new();
    target->seeds(seeds);
    fuzz_require(seeds->n, "%s: no seeds", target->name);
    return seeds;
}

/* ---- Failures ------------------------------------------------------------------------------------------------- */

static void report(void)
{
    char path[128];
    if (!running.data) return;
    snprintf(path, sizeof path, "fuzz-%s-%llu.bin", running.target->name, (unsigned long long)running.number);
    FILE *file = fopen(path, "wb");
    const bool kept = file && fwrite(running.data, 1, running.size, file) == running.size;
    if (file) fclose(file);
    fprintf(stderr, "fuzz: %s: input %llu failed: %s\n", running.target->name, (unsigned long long)running.number,
            kept ? path : "it could not be kept");
    running.data = NULL;
}

static void on_signal(int number)
{
    if (number == SIGALRM && running.number != running.seen) {
        running.seen = running.number;
        alarm(HANG_SECONDS);
        return;
    }
    if (number == SIGALRM) fprintf(stderr, "fuzz: no end after %d seconds\n", HANG_SECONDS);
    report();
    signal(number, SIG_DFL);
    if (number == SIGALRM) _exit(1);
    raise(number);
}

extern void __sanitizer_set_death_callback(void (*)(void)) __attribute__((weak));

static void watch(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    const bool sanitizer = __sanitizer_set_death_callback != NULL;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (!sanitizer || fatal[i] == SIGABRT || fatal[i] == SIGALRM) signal(fatal[i], on_signal);
    if (sanitizer) __sanitizer_set_death_callback(report);
}

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Input number k: the seeds first, then changed ones. */
static void input(const fuzz_target *target, const fuzz_seeds *seeds, uint64_t k, fuzz_bytes *b)
{
    uint64_t rng = (k + 1) * UINT64_C(0xd1342543de82ef95);
    const size_t which = k < seeds->n ? (size_t)k : fuzz_below(&rng, seeds->n);
    b->size = seeds->one[which].size < target->most ? seeds->one[which].size : target->most;
    memcpy(b->data, seeds->one[which].data, b->size);
    if (k >= seeds->n) fuzz_change(target, b, &rng);
}

static void run_one(const fuzz_target *target, const fuzz_bytes *b, uint64_t number)
{
    running.number = number;
    running.size = b->size;
    running.data = b->data;
    fuzz_run(target, b->data, b->size);
    running.data = NULL;
}

static int run_many(const fuzz_target *target, const fuzz_seeds *seeds, uint64_t runs, uint64_t first)
{
    fuzz_bytes b = {.data = malloc(FUZZ_MOST), .room = target->most};
    const double begin = seconds();
    const uint64_t before = fuzz_accepted();
    fuzz_require(b.data, "out of memory");
    running.target = target;
    running.seen = UINT64_MAX;
    alarm(HANG_SECONDS);
    for (uint64_t k = first; k < first + runs; k++) {
        input(target, seeds, k, &b);
        run_one(target, &b, k);
    }
    alarm(0);
    const double took = seconds() - begin;
    printf("%-12s %10llu executions %5.1f %% accepted %8.1f s %9.0f a second\n", target->name, (unsigned long long)runs,
           100.0 * (double)(fuzz_accepted() - before) / (double)(runs ? runs : 1), took, (double)runs / took);
    fflush(stdout);
    free(b.data);
    return 0;
}

static int run_files(const fuzz_target *target, int n, char **paths)
{
    fuzz_seeds *files = fuzz_seeds_new();
    running.target = target;
    for (int i = 0; i < n; i++) {
        const size_t before = files->n;
        fuzz_seed_file(files, paths[i]);
        if (files->n == before) return fprintf(stderr, "fuzz: %s: cannot be read\n", paths[i]), 1;
        run_one(target, &(fuzz_bytes){.data = files->one[before].data, .size = files->one[before].size}, (uint64_t)i);
    }
    printf("%-12s %d files\n", target->name, n);
    fuzz_seeds_free(files);
    return 0;
}

static int write_seeds(const fuzz_seeds *seeds, const char *folder)
{
    for (size_t i = 0; i < seeds->n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed-%04zu", folder, i);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(seeds->one[i].data, 1, seeds->one[i].size, file) != seeds->one[i].size || fclose(file))
            return fprintf(stderr, "fuzz: %s: cannot be written\n", path), 1;
    }
    return 0;
}

static int print_words(const fuzz_target *target)
{
    for (size_t i = 0; target->words && target->words[i]; i++) {
        putchar('"');
        for (const char *c = target->words[i]; *c; c++) printf("\\x%02x", (unsigned)(unsigned char)*c);
        puts("\"");
    }
    return 0;
}

static int show(const fuzz_target *target, const fuzz_seeds *seeds, uint64_t number)
{
    static uint8_t room[FUZZ_MOST];
    fuzz_bytes b = {.data = room, .room = target->most};
    input(target, seeds, number, &b);
    return fwrite(b.data, 1, b.size, stdout) != b.size;
}

static int usage(void)
{
    fprintf(stderr, "usage: fuzz TARGET|all RUNS [FIRST], fuzz TARGET files FILE ..., fuzz TARGET show NUMBER, "
                    "fuzz TARGET seeds FOLDER, fuzz TARGET words, fuzz list\n");
    return 2;
}

static int act(const fuzz_target *target, int argc, char **argv)
{
    if (!strcmp(argv[2], "words")) return print_words(target);
    if (target->open) target->open();
    int status = 2;
    if (!strcmp(argv[2], "files")) {
        status = run_files(target, argc - 3, argv + 3);
    } else {
        char *end;
        fuzz_seeds *seeds = seeds_of(target);
        const uint64_t runs = strtoull(argv[2], &end, 10);
        if (!strcmp(argv[2], "show") && argc == 4)
            status = show(target, seeds, strtoull(argv[3], NULL, 10));
        else if (!strcmp(argv[2], "seeds") && argc == 4)
            status = write_seeds(seeds, argv[3]);
        else if (!*end)
            status = run_many(target, seeds, runs, argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
        else
            usage();
        fuzz_seeds_free(seeds);
    }
    if (target->close) target->close();
    return status;
}

int main(int argc, char **argv)
{
    int status = 0, found = 0;
    if (argc == 2 && !strcmp(argv[1], "list")) {
        for (size_t i = 0; i < TARGETS; i++) puts(targets[i]->name);
        return 0;
    }
    if (argc < 3) return usage();
    mallopt(M_MMAP_THRESHOLD, 1 << 28); /* large blocks are used again, and not returned to the kernel each time */
    mallopt(M_TRIM_THRESHOLD, 1 << 29);
    watch();
    for (size_t i = 0; i < TARGETS && !status; i++) {
        if (strcmp(argv[1], "all") && strcmp(argv[1], targets[i]->name)) continue;
        status = act(targets[i], argc, argv);
        found++;
    }
    fuzz_files_remove();
    return found ? status : usage();
}
