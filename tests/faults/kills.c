/* kills.c - kills trainings with SIGKILL, resumes them, and compares the result with that of a run without a kill.
 *
 *     kills PROGRAM OBJECT COUNT [SEED]
 *
 * Pair i trains variant i with optimiser i, each counted round, so that 182 pairs in a row are all pairs. A run is
 * killed at a moment drawn from the seed: before a system call of a save, before any allocation, or after a part of the
 * time that the whole run takes. So is every run that resumes it, until the drawn number of kills is reached.
 * Checkpoint and metrics must have the same bytes at the end. Prints a table by variant, and one by optimiser. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "faults.h"

enum { PATH = 2048, MOST = 4 }; /* kills of one run */

static const struct {
    const char *name, *options;
} variants[] = {
    {"linear", "linear --hidden 2"},
    {"linear, svd", "linear --solve svd --hidden 2"},
    {"basic", "basic --hidden 3"},
    {"deep", "deep --layers 4,2 --dropout 0.1"},
    {"denoising", "denoising --hidden 3"},
    {"contractive", "contractive --hidden 3 --jacobian hutchinson"},
    {"sparse", "sparse --hidden 3"},
    {"k-sparse", "k-sparse --hidden 4 --k 2"},
    {"convolutional", "convolutional --channels 2 --kernel 3 --hidden 3"},
    {"variational", "variational --layers 4,2 --beta-warm-up 5"},
    {"importance-weighted", "importance-weighted --samples 2 --layers 4,2"},
    {"semi-supervised", "semi-supervised --hidden 3 --labels 8 --training alternate"},
    {"stacked", "stacked --layers 4,2 --fine-tuning both"},
};
static const char *const optimizers[] = {"gd",
                                         "sgd",
                                         "momentum",
                                         "nesterov",
                                         "rmsprop",
                                         "adam",
                                         "adamw",
                                         "adagrad",
                                         "amsgrad",
                                         "radam",
                                         "lion",
                                         "schedule-free",
                                         "adam --average exponential --accumulate 2",
                                         "momentum --schedule plateau --plateau-patience 1 --average equal"};
enum { VARIANTS = sizeof variants / sizeof *variants, OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

struct tally {
    unsigned runs, kills, in_saves, restarts, different;
};

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state += 0x9e3779b97f4a7c15ull;
    uint64_t x = state;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return (x ^ (x >> 31)) % (below ? below : 1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- One run -------------------------------------------------------------------------------------------------- */

/* Where the next kill is. usual: the counts of the run without a kill, which took so many seconds. */
static struct faults_plan moment(const struct faults_end *usual, double seconds)
{
    static const int kinds[] = {FAULTS_WRITE, FAULTS_RENAME, FAULTS_SYNC, FAULTS_CREATE, FAULTS_CLOSE, FAULTS_UNLINK};
    struct faults_plan plan = {.kind = -1, .error = FAULTS_KILL};
    const uint64_t way = draw(4);
    if (way == 0) {
        plan.kind = FAULTS_ALLOC;
        plan.at = 1 + draw(usual->counts[FAULTS_ALLOC]);
    } else if (way == 1) {
        plan.kill_after = seconds * (double)draw(1000) / 1000;
    } else {
        plan.kind = kinds[draw(sizeof kinds / sizeof *kinds)];
        plan.at = 1 + draw(usual->counts[plan.kind]);
    }
    return plan;
}

static bool was_killed(const struct faults_end *end)
{
    return WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGKILL && !end->hung;
}

/* What differs between two folders, or NULL. */
static const char *difference(const struct faults_folder *wanted, const struct faults_folder *found)
{
    static const char *const same[] = {"run/checkpoint.safetensors", "run/metrics.jsonl"};
    for (size_t i = 0; i < 2; i++) {
        const struct faults_file *f = faults_folder_find(wanted, same[i]);
        if (f && !faults_file_equal(f, faults_folder_find(found, same[i]))) return same[i];
    }
    for (size_t i = 0; i < found->n; i++)
        if (strstr(found->files[i].path, ".part")) return found->files[i].path;
    const struct faults_file *info = faults_folder_find(found, "run/run.json");
    return info && strstr(info->bytes, "\"status\": \"done\"") ? NULL : "run/run.json";
}

static void say_failure(const struct faults_place *place, const char *command, const struct faults_end *end)
{
    size_t size;
    char *text = faults_read(place->err, &size);
    printf("status %#x of palindrome %s\n%s", (unsigned)end->status, command, text);
    free(text);
}

/* Trains one pair, with kills. Returns false if the result is not that of the run without a kill. */
static bool pair(const struct faults_place *place, const struct faults_folder *data, unsigned v, unsigned o,
                 unsigned most, struct tally *t)
{
    static const struct faults_plan counted = {.kind = -1, .traced = true}, plain = {.kind = -1};
    static const char again[] = "train --resume run --quiet --threads 1";
    char first[512];
    struct faults_end usual, end;
    const bool rules = !strstr(variants[v].options, "svd");
    snprintf(first, sizeof first, "train %s --data data %s%s --quiet --threads 1 --out run", variants[v].options,
             rules ? "--epochs 3 --batch 8 --optimizer " : "", rules ? optimizers[o] : "");
    faults_folder_write(place->work, data);
    faults_launch(place, first, &counted, &usual);
    if (usual.status) return say_failure(place, first, &usual), false;
    struct faults_folder wanted = faults_folder_read(place->work);
    faults_folder_write(place->work, data);
    const double began = now();
    faults_launch(place, first, &plain, &end);
    const double seconds = now() - began;
    faults_folder_write(place->work, data);

    const char *command = first;
    const unsigned kills = 1 + (unsigned)draw(most < MOST ? most : MOST);
    for (unsigned turn = 0, done = 0; turn < 40; turn++) {
        const struct faults_plan plan = done < kills ? moment(&usual, seconds) : plain;
        faults_launch(place, command, &plan, &end);
        struct faults_folder left = faults_folder_read(place->work);
        const bool saved = faults_folder_find(&left, "run/checkpoint.safetensors"),
                   is = faults_folder_find(&left, "run/run.json"), killed = was_killed(&end);
        if (killed) {
            done++;
            t->kills++;
            t->in_saves += strstr(end.what, ".part") || strstr(end.what, "/run");
        }
        const char *wrong = killed ? NULL : difference(&wanted, &left);
        const bool ended =
            !killed && (!end.status || !wrong); /* a run that was killed when it was done is not resumed */
        faults_folder_free(&left);
        if (ended) {
            t->runs++;
            if (wrong) printf("%s, %s: %s differs\n", variants[v].name, optimizers[o], wrong);
            faults_folder_free(&wanted);
            return !wrong;
        }
        if (!killed && (saved || command == first)) return say_failure(place, command, &end), false;
        command = is && killed ? again : first;
        if (command == first) {
            t->restarts++;
            faults_folder_write(place->work, data); /* killed before the first save: there is nothing to resume */
        }
    }
    return printf("%s, %s: does not end\n", variants[v].name, optimizers[o]), false;
}

/* ---- Tables --------------------------------------------------------------------------------------------------- */

static void print_table(const char *title, const char *const *names, const struct tally *t, size_t n)
{
    struct tally all = {0};
    printf("%-22s %6s %6s %9s %9s %10s\n", title, "runs", "kills", "in saves", "restarts", "different");
    for (size_t i = 0; i <= n; i++) {
        const struct tally *row = i < n ? &t[i] : &all;
        printf("%-22s %6u %6u %9u %9u %10u\n", i < n ? names[i] : "all", row->runs, row->kills, row->in_saves,
               row->restarts, row->different);
        all.runs += row->runs;
        all.kills += row->kills;
        all.in_saves += row->in_saves;
        all.restarts += row->restarts;
        all.different += row->different;
    }
}

static void add(struct tally *to, const struct tally *t)
{
    to->runs += t->runs;
    to->kills += t->kills;
    to->in_saves += t->in_saves;
    to->restarts += t->restarts;
    to->different += t->different;
}

int main(int argc, char **argv)
{
    if (argc < 4) return fprintf(stderr, "usage: kills PROGRAM OBJECT COUNT [SEED]\n"), 3;
    struct faults_place place = {.program = realpath(argv[1], NULL), .object = realpath(argv[2], NULL)};
    const unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    const char *names[VARIANTS];
    struct tally by_variant[VARIANTS] = {{0}}, by_optimizer[OPTIMIZERS] = {{0}}, all = {0};
    state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    faults_start(&place, 0);
    mkdir(place.work, 0777);
    faults_put_data(&place);
    struct faults_folder data = faults_folder_read(place.work);
    for (unsigned i = 0; all.kills < count; i++) {
        const unsigned v = i % VARIANTS, o = i % OPTIMIZERS;
        struct tally t = {0};
        t.different = !pair(&place, &data, v, o, count - all.kills, &t);
        add(&by_variant[v], &t);
        add(&by_optimizer[o], &t);
        add(&all, &t);
    }
    for (size_t i = 0; i < VARIANTS; i++) names[i] = variants[i].name;
    print_table("variant", names, by_variant, VARIANTS);
    print_table("optimiser", optimizers, by_optimizer, OPTIMIZERS);
    faults_folder_free(&data);
    faults_end_all(&place);
    return all.different > 0;
}
