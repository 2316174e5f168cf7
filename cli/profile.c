/* profile.c - palindrome train --profile: where the time of a training step goes, beside what the machine could do.
 *
 * In: the program of each phase with the times of its steps. Out: a table by operation and scope, one by scope, and
 * what is left between the operations.
 *
 * The roofline of an operation is the least time that its arithmetic and its memory allow: the operations of a product
 * at the rate of multiply-adds on registers, and its bytes at the rate of a copy within as much memory as a step uses.
 * Both rates are measured on the workers of the training, when a phase ends. What is no product has only its bytes: a
 * loop of exponentials is slower for its arithmetic, which is not counted. A loop whose values are still in a cache can
 * be faster than the copy, so that its share is above 100 %. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/train.h"
#include "ops/ops.h"

enum { LEAST = 1 << 20, MOST_ROWS = 30, LONGEST = 32 };

/* ---- Taking --------------------------------------------------------------------------------------------------- */

static pal_cli_cost *find(pal_cli_phase_profile *p, const char *name, const char *scope)
{
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->costs[i].name, name) && !strcmp(p->costs[i].scope, scope)) return &p->costs[i];
    pal_cli_cost *more = realloc(p->costs, (p->n + 1) * sizeof *more);
    if (!more) return NULL;
    p->costs = more;
    more[p->n] = (pal_cli_cost){0};
    snprintf(more[p->n].name, sizeof more->name, "%s", name);
    snprintf(more[p->n].scope, sizeof more->scope, "%s", scope);
    return &more[p->n++];
}

/* The cost of a training step in this step of its program. False: no memory. */
static bool add(pal_cli_phase_profile *p, const pal_program_step *s)
{
    char name[PAL_CLI_PROFILE_NAME], scope[PAL_CLI_PROFILE_SCOPE];
    snprintf(name, sizeof name, "%s%s%s", s->name, s->then ? ", " : "", s->then ? s->then : "");
    snprintf(scope, sizeof scope, "%s", s->scope);
    pal_cli_cost *c = find(p, name, scope);
    const double calls = (double)s->runs / (double)p->steps;
    if (!c) return false;
    c->calls += calls;
    c->seconds += s->seconds / (double)p->steps;
    c->flops += calls * pal_op_flops(s->op, s->params, s->in, s->n, s->shape);
    c->bytes += calls * s->bytes;
    return true;
}

static int slower(const void *a, const void *b)
{
    const double x = ((const pal_cli_cost *)a)->seconds, y = ((const pal_cli_cost *)b)->seconds;
    return (x < y) - (x > y);
}

void pal_cli_profile_take(const pal_profile *given, void *user)
{
    pal_cli_profile *all = user;
    pal_cli_phase_profile *more = realloc(all->phases, (all->n + 1) * sizeof *more), *p = more ? &more[all->n] : NULL;
    all->lost |= !p;
    if (!p) return;
    all->phases = more;
    all->n++;
    *p = (pal_cli_phase_profile){.steps = given->steps,
                                 .seconds = given->seconds / (double)given->steps,
                                 .waited = given->waited / (double)given->steps};
    snprintf(p->phase, sizeof p->phase, "%s", given->phase);
    pal_program_step s;
    for (size_t i = 0; !all->lost && pal_program_step_at(given->program, i, &s); i++) all->lost |= !add(p, &s);
    if (p->n) qsort(p->costs, p->n, sizeof *p->costs, slower);
    p->memory = pal_program_memory(given->program);
    p->barriers = pal_program_barriers(given->program);
    if (p->memory < LEAST) p->memory = LEAST;
    all->lost |= pal_context_speed(all->context, p->memory, &p->speed) != PAL_OK;
}

void pal_cli_profile_free(pal_cli_profile *all)
{
    for (size_t i = 0; i < all->n; i++) free(all->phases[i].costs);
    free(all->phases);
}

/* ---- Printing ------------------------------------------------------------------------------------------------- */

/* The least time that the machine needs for it, as a share of its time; NAN: it took none. */
static double roofline(const pal_cli_phase_profile *p, const pal_cli_cost *c)
{
    const double least = fmax(c->flops / p->speed.flops, c->bytes / p->speed.bytes);
    return c->seconds > 0 ? least / c->seconds : (double)NAN;
}

static double seconds_of(const pal_cli_phase_profile *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += p->costs[i].seconds;
    return sum;
}

/* A number with as many digits as help, or "-" for 0. */
static void print_rate(pal_cli_line *line, double value)
{
    if (value > 0)
        pal_cli_print_cell(line, 8, 1, "%.*f", value < 99.95, value);
    else
        pal_cli_cell(line, 8, 1, "-");
}

static void print_cost(const pal_cli_phase_profile *p, const pal_cli_cost *c, int name, int scope)
{
    pal_cli_line line = {.width = pal_cli_width()};
    const double percent = 100 * roofline(p, c);
    pal_cli_cell(&line, -name, 2, c->name);
    pal_cli_cell(&line, -scope, 2, c->scope);
    pal_cli_print_cell(&line, 6, 1, "%.1f%%", 100 * c->seconds / p->seconds);
    pal_cli_print_cell(&line, 9, 1, "%.1f", 1e6 * c->seconds);
    pal_cli_print_cell(&line, 5, 1, "%g", round(100 * c->calls) / 100);
    print_rate(&line, c->seconds > 0 ? 1e-9 * c->flops / c->seconds : 0);
    print_rate(&line, c->seconds > 0 ? 1e-9 * c->bytes / c->seconds : 0);
    if (isfinite(percent))
        pal_cli_print_cell(&line, 8, 1, "%.0f%%", percent);
    else
        pal_cli_cell(&line, 8, 1, "-");
    pal_cli_end_line(&line);
}

static int longest(const pal_cli_phase_profile *p, bool scopes)
{
    int most = 9;
    for (size_t i = 0; i < p->n; i++) {
        const char *text = scopes ? p->costs[i].scope : p->costs[i].name;
        const int length = pal_cli_length(text, strlen(text));
        most = length > most && length <= LONGEST ? length : most;
    }
    return most;
}

static void print_share(const pal_cli_phase_profile *p, const char *what, int width, double seconds)
{
    pal_cli_line line = {.width = pal_cli_width()};
    pal_cli_cell(&line, -width, 2, what);
    pal_cli_print_cell(&line, 6, 1, "%.1f%%", 100 * seconds / p->seconds);
    pal_cli_print_cell(&line, 9, 1, "%.1f", 1e6 * seconds);
    pal_cli_end_line(&line);
}

/* Each scope once, with all that is recorded directly in it. Scopes stand in the order of their slowest operation. */
static void print_scopes(const pal_cli_phase_profile *p, int width)
{
    for (size_t i = 0; i < p->n; i++) {
        double sum = 0;
        bool first = true;
        for (size_t k = 0; k < p->n; k++) {
            if (strcmp(p->costs[i].scope, p->costs[k].scope) != 0) continue;
            first &= k >= i;
            sum += p->costs[k].seconds;
        }
        if (first) print_share(p, *p->costs[i].scope ? p->costs[i].scope : "(none)", width, sum);
    }
}

static void print_phase(const pal_cli_phase_profile *p)
{
    char memory[32], steps[32];
    const int name = longest(p, false), scope = longest(p, true);
    putchar('\n');
    pal_cli_paragraph(2, "%s%sprofile of %s steps, %.1f us each; the threads wait for each other %llu times in a step",
                      p->phase, *p->phase ? ": " : "", pal_cli_count((double)p->steps, steps, sizeof steps),
                      1e6 * p->seconds, (unsigned long long)p->barriers);
    if (p->waited > 0)
        pal_cli_paragraph(2, "%.1f%% of the time process 0 waited for messages of the other processes",
                          100 * p->waited / p->seconds);
    pal_cli_paragraph(
        2,
        "roofline: %.0f GFLOP/s of multiply-adds in float32, %.1f GB/s of copies within the %s that a step "
        "uses, both measured",
        1e-9 * p->speed.flops, 1e-9 * p->speed.bytes, pal_cli_size(p->memory, memory, sizeof memory));
    pal_cli_line head = {.width = pal_cli_width()};
    putchar('\n');
    pal_cli_cell(&head, -name, 2, "operation");
    pal_cli_cell(&head, -scope, 2, "in scope");
    static const struct {
        int field;
        const char *text;
    } columns[] = {{6, "share"}, {9, "us/step"}, {5, "calls"}, {8, "GFLOP/s"}, {8, "GB/s"}, {8, "roofline"}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        pal_cli_cell(&head, columns[i].field, 1, columns[i].text);
    pal_cli_end_line(&head);
    double shown = 0;
    size_t i = 0;
    for (; i < p->n && i < MOST_ROWS; i++) {
        print_cost(p, &p->costs[i], name, scope);
        shown += p->costs[i].seconds;
    }
    const double all = seconds_of(p);
    if (i < p->n) print_share(p, "all others", name + scope + 2, all - shown);
    print_share(p, "between the operations", name + scope + 2, p->seconds - all);
    putchar('\n');
    print_scopes(p, name + scope + 2);
}

void pal_cli_profile_print(const pal_cli_profile *all)
{
    for (size_t i = 0; i < all->n && !all->lost; i++) print_phase(&all->phases[i]);
    if (all->lost) pal_cli_say(0, "warning: there was no memory for the profile");
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static json_t *cost_json(const pal_cli_phase_profile *p, const pal_cli_cost *c)
{
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:o}", "operation", c->name, "scope", c->scope, "calls", c->calls,
                     "seconds", c->seconds, "flops", c->flops, "bytes", c->bytes, "roofline",
                     pal_cli_number(roofline(p, c)));
}

json_t *pal_cli_profile_json(const pal_cli_profile *all)
{
    json_t *phases = json_array();
    for (size_t i = 0; i < all->n && !all->lost; i++) {
        const pal_cli_phase_profile *p = &all->phases[i];
        json_t *costs = json_array();
        for (size_t k = 0; k < p->n; k++) json_array_append_new(costs, cost_json(p, &p->costs[k]));
        json_array_append_new(phases,
                              json_pack("{s:s, s:I, s:f, s:f, s:f, s:I, s:f, s:f, s:o}", "phase", p->phase, "steps",
                                        (json_int_t)p->steps, "waited", p->waited, "seconds", p->seconds, "between",
                                        p->seconds - seconds_of(p), "barriers", (json_int_t)p->barriers, "peak_flops",
                                        p->speed.flops, "peak_bytes", p->speed.bytes, "operations", costs));
    }
    return phases;
}
