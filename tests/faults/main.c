/* main.c - sweeps over faults: runs each command once for each allocation and for each system call that it makes, and
 * makes another one fail each time.
 *
 *     faults PROGRAM OBJECT quick|whole [--jobs N] [--case NAME] [--kind KIND] [--error NAME] [--at N[+]]
 *            [--instead PROGRAM] [--stack|--crash]
 *
 * OBJECT is the shared object that interpose.c makes. quick takes a sample of each sweep, and leaves out some commands.
 * Prints a table, and each bad outcome with the arguments that repeat it. --at runs one fault, and says how it ended;
 * --stack prints with gdb where it happened, --crash where a
 * signal ended the program. --instead: PROGRAM makes the runs that the commands need, and this program gets the faults.
 * Exit status: 0, 1 for bad outcomes, 3 for a failure of the test. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

enum { WHY = 700, SAMPLE = 12, ALL = 6000, SHOWN = 400 };

struct options {
    bool whole, stack, crash, for_ever;
    unsigned jobs;
    const char *only, *instead;
    int kind, error;
    uint64_t at;
};

struct note { /* from a worker to its parent */
    int which, kind, error;
    bool for_ever, is_count;
    uint64_t at;
    enum faults_verdict verdict;
    char why[WHY];
};

struct tally {
    uint64_t allocations, calls, faults, right, refused, excused, bad;
};

static void send_note(int to, const struct note *n)
{
    _Static_assert(sizeof *n <= 4096, "a write of this size is not split");
    if (write(to, n, sizeof *n) != (ssize_t)sizeof *n) _exit(3);
}

/* ---- A worker ------------------------------------------------------------------------------------------------- */

struct worker {
    const struct options *o;
    struct faults_place place;
    unsigned number;
    int to;
    uint64_t turn; /* the faults so far, of all workers */
};

static void one(struct worker *w, int which, struct faults_reference *r, struct faults_plan *plan)
{
    plan->stack = w->o->stack;
    plan->crash = w->o->crash;
    struct note n = {
        .which = which, .kind = plan->kind, .error = plan->error, .at = plan->at, .for_ever = plan->for_ever};
    struct faults_end end;
    faults_launch(&w->place, faults_cases[which].command, plan, &end);
    if (!end.failed && !w->o->at) return; /* this run makes fewer calls */
    n.verdict = faults_judge(&w->place, &faults_cases[which], r, plan, &end, n.why, sizeof n.why);
    if (n.verdict == FAULTS_BAD && *end.what) {
        const size_t at = strlen(n.why);
        snprintf(n.why + at, sizeof n.why - at, " (%s)", end.what);
    }
    send_note(w->to, &n);
}

/* Whether fault i of n belongs to this worker and, in a sample, to the sample. */
static bool takes(struct worker *w, uint64_t i, uint64_t n, uint64_t sample)
{
    if (w->o->at) return true;
    if (sample < n && (i * sample + n / 2) % n >= sample) return false;
    return w->turn++ % w->o->jobs == w->number;
}

static void sweep_calls(struct worker *w, int which, struct faults_reference *r)
{
    uint64_t total = 0, i = 0;
    for (int counting = 1; counting >= 0; counting--)
        for (int kind = 0; kind < FAULTS_KINDS; kind++) {
            const int *errors;
            const size_t n_errors = faults_errors(kind, &errors);
            if (w->o->kind >= 0 && w->o->kind != kind) continue;
            for (uint64_t at = 1; at <= r->end.counts[kind]; at++)
                for (size_t e = 0; e < n_errors; e++)
                    for (int lasting = 0; lasting <= faults_lasts(kind, errors[e]); lasting++) {
                        if (w->o->error && w->o->error != errors[e]) continue;
                        if (w->o->at && (w->o->at != at || w->o->for_ever != lasting)) continue;
                        if (counting) {
                            total++;
                        } else if (takes(w, i++, total, w->o->whole ? total : SAMPLE)) {
                            struct faults_plan plan = {.kind = kind, .error = errors[e], .at = at, .for_ever = lasting};
                            one(w, which, r, &plan);
                        }
                    }
        }
}

/* With very many allocations a sweep takes those that have other callers, the first, the second and the last of each.
 */
static bool is_chosen(const unsigned long long *chains, uint64_t n, uint64_t at)
{
    if (n <= ALL || n > FAULTS_CHAINS) return true;
    uint64_t before = 0, after = 0;
    for (uint64_t i = 0; i < n; i++)
        if (chains[i] == chains[at - 1]) {
            before += i < at - 1;
            after += i > at - 1;
        }
    return before < 2 || !after;
}

static void sweep_allocations(struct worker *w, int which, struct faults_reference *r)
{
    static const struct faults_plan none = {.kind = -1};
    uint64_t n = r->end.counts[FAULTS_ALLOC], total = 0, i = 0;
    struct faults_end end;
    if (w->o->kind >= 0 && w->o->kind != FAULTS_ALLOC) return;
    w->place.report->wants_chains = n > ALL;
    if (n > ALL) faults_launch(&w->place, faults_cases[which].command, &none, &end);
    if (n > ALL) faults_folder_write(w->place.work, &r->before);
    w->place.report->wants_chains = 0;
    bool *chosen = faults_more(NULL, n + 1);
    for (uint64_t at = 1; at <= n; at++) {
        chosen[at] = is_chosen(w->place.report->chains, n, at);
        total += 2 * (uint64_t)chosen[at];
    }
    for (uint64_t at = 1; at <= n; at++)
        for (int lasting = 0; lasting < 2 && chosen[at]; lasting++) {
            if (w->o->at && (w->o->at != at || w->o->for_ever != lasting)) continue;
            if (!takes(w, i++, total, w->o->whole ? total : SAMPLE)) continue;
            struct faults_plan plan = {.kind = FAULTS_ALLOC, .error = ENOMEM, .at = at, .for_ever = lasting};
            one(w, which, r, &plan);
        }
    free(chosen);
}

/* Real limits of memory. */
static void sweep_room(struct worker *w, int which, struct faults_reference *r)
{
    enum { STEPS = 118 };
    const char *command = faults_cases[which].command;
    if (!strncmp(command, "graph", 5) && strstr(command, ".svg")) return; /* dot inherits the limit */
    if (w->o->kind >= 0 && w->o->kind != FAULTS_ROOM) return;
    for (uint64_t at = 1; at <= STEPS; at++) {
        if (w->o->at && w->o->at != at) continue;
        if (!takes(w, at - 1, STEPS, w->o->whole ? STEPS : SAMPLE / 2)) continue;
        struct faults_plan plan = {.kind = FAULTS_ROOM, .error = ENOMEM, .at = at};
        one(w, which, r, &plan);
    }
}

/* Runs the case without a fault. */
static void refer(struct worker *w, const struct faults_case *c, struct faults_reference *r)
{
    static const struct faults_plan counted = {.kind = -1, .traced = true};
    size_t size;
    r->before = faults_folder_read(w->place.work);
    faults_launch(&w->place, c->command, &counted, &r->end);
    r->after = faults_folder_read(w->place.work);
    r->out = faults_read(w->place.out, &size);
    r->err = faults_read(w->place.err, &size);
    faults_folder_write(w->place.work, &r->before);
    if (WIFEXITED(r->end.status) && !WEXITSTATUS(r->end.status) && r->end.began) return;
    fprintf(stderr, "faults: without a fault, status %#x of palindrome %s\n%s", (unsigned)r->end.status, c->command,
            r->err);
    exit(3);
}

static void work(struct worker *w)
{
    faults_prepare(&w->place);
    if (w->o->instead) w->place.program = w->o->instead;
    for (size_t k = 0; k < faults_n_cases; k++) {
        const struct faults_case *c = &faults_cases[k];
        struct faults_reference r = {0};
        if (w->o->only ? strcmp(w->o->only, c->name) != 0 : c->thorough && !w->o->whole) continue;
        refer(w, c, &r);
        for (int kind = 0; kind <= FAULTS_KINDS && !w->number; kind++) {
            const struct note n = {.which = (int)k, .is_count = true, .kind = kind, .at = r.end.counts[kind]};
            send_note(w->to, &n);
        }
        sweep_allocations(w, (int)k, &r);
        sweep_calls(w, (int)k, &r);
        sweep_room(w, (int)k, &r);
        faults_folder_free(&r.before);
        faults_folder_free(&r.after);
        free(r.out);
        free(r.err);
        free(r.accepted);
    }
}

/* ---- The parent ----------------------------------------------------------------------------------------------- */

static void print_bad(const struct note *n, const struct options *o)
{
    char text[32];
    printf("BAD %s: %s\n    repeat: %s --case '%s' --kind %s --error %s --at %llu%s\n", faults_cases[n->which].name,
           n->why, o->whole ? "whole" : "quick", faults_cases[n->which].name, faults_kind_name(n->kind),
           faults_error_name(n->error, text, sizeof text), (unsigned long long)n->at, n->for_ever ? "+" : "");
    fflush(stdout);
}

static void take_note(const struct note *n, const struct options *o, struct tally *t)
{
    static const char *const verdicts[] = {"right", "refused", "excused", "bad"};
    if (n->is_count) {
        *(n->kind == FAULTS_ALLOC ? &t->allocations : &t->calls) += n->at;
        return;
    }
    t->faults++;
    uint64_t *const sums[] = {&t->right, &t->refused, &t->excused, &t->bad};
    ++*sums[n->verdict];
    if (n->verdict == FAULTS_BAD && t->bad <= (o->whole ? SHOWN * 100 : SHOWN)) print_bad(n, o);
    if (o->at) printf("%s\n", verdicts[n->verdict]);
}

static void print_row(const char *name, const struct tally *t)
{
    printf("%-22s %12llu %9llu %9llu %9llu %9llu %8llu %6llu\n", name, (unsigned long long)t->allocations,
           (unsigned long long)t->calls, (unsigned long long)t->faults, (unsigned long long)t->right,
           (unsigned long long)t->refused, (unsigned long long)t->excused, (unsigned long long)t->bad);
}

static int print_table(const struct tally *tallies)
{
    struct tally all = {0};
    printf("%-22s %12s %9s %9s %9s %9s %8s %6s\n", "command", "allocations", "calls", "faults", "right", "refused",
           "excused", "bad");
    for (size_t k = 0; k < faults_n_cases; k++) {
        const struct tally *t = &tallies[k];
        if (t->faults || t->allocations) print_row(faults_cases[k].name, t);
        all.allocations += t->allocations;
        all.calls += t->calls;
        all.faults += t->faults;
        all.right += t->right;
        all.refused += t->refused;
        all.excused += t->excused;
        all.bad += t->bad;
    }
    print_row("all", &all);
    return all.bad || !all.faults;
}

static struct options read_options(int argc, char **argv)
{
    struct options o = {.jobs = 1, .kind = -1};
    o.whole = argc > 3 && !strcmp(argv[3], "whole");
    for (int i = 4; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--stack") || !strcmp(argv[i], "--crash")) {
            *(argv[i][2] == 's' ? &o.stack : &o.crash) = true;
            continue;
        }
        if (!strcmp(argv[i], "--jobs")) o.jobs = (unsigned)strtoul(value, NULL, 10);
        if (!strcmp(argv[i], "--case")) o.only = value;
        if (!strcmp(argv[i], "--instead")) o.instead = realpath(value, NULL);
        if (!strcmp(argv[i], "--kind")) o.kind = faults_kind_find(value);
        if (!strcmp(argv[i], "--error")) o.error = faults_error_find(value);
        if (!strcmp(argv[i], "--at")) {
            o.at = strtoull(value, NULL, 10);
            o.for_ever = strchr(value, '+') != NULL;
        }
        i++;
    }
    if (!o.jobs || o.at) o.jobs = 1;
    return o;
}

static void start_worker(const char *program, const char *object, const struct options *o, unsigned number, int to)
{
    struct worker w = {.o = o, .place = {.program = program, .object = object}, .number = number, .to = to};
    faults_start(&w.place, number);
    work(&w);
    faults_end_all(&w.place);
    exit(0);
}

int main(int argc, char **argv)
{
    int channel[2], failed = 0, status;
    if (argc < 4) return fprintf(stderr, "usage: faults PROGRAM OBJECT quick|whole [OPTION...]\n"), 3;
    const struct options o = read_options(argc, argv);
    const char *program = realpath(argv[1], NULL), *object = realpath(argv[2], NULL);
    if (!program || !object || pipe(channel)) faults_die("start");
    for (unsigned i = 0; i < o.jobs; i++) {
        const pid_t pid = fork();
        if (pid < 0) faults_die("fork");
        if (!pid) start_worker(program, object, &o, i, channel[1]);
    }
    close(channel[1]);
    struct tally *tallies = faults_more(NULL, faults_n_cases * sizeof *tallies);
    memset(tallies, 0, faults_n_cases * sizeof *tallies);
    struct note n;
    while (read(channel[0], &n, sizeof n) == (ssize_t)sizeof n) take_note(&n, &o, &tallies[n.which]);
    while (wait(&status) > 0) failed |= status;
    if (failed) return 3;
    return print_table(tallies) ? 1 : 0;
}
