/* graph_plan_draw.c - palindrome graph --plan -o FILE: a picture of the compiled program.
 *
 * In: a tape and its outputs, and a program of it that has run, if times are asked for. Out: the picture. The tape is
 * compiled once more, because a plan is told only while it is made. The two programs have the same steps. */
#include <stdlib.h>
#include <string.h>

#include "autograd/operation.h"
#include "cli/cli.h"
#include "plot/plot.h"

typedef struct drawing {
    const pal_cli_plan_picture *picture;
    const char *path;
    pal_error err;
    bool drawn;
} drawing;

int pal_cli_check_plan_picture(const char *pass, const char *path, const char *type)
{
    if (!pal_choices_have("all|place|emit", pass))
        return pal_cli_say(
            PAL_CLI_WRONG,
            "graph: --plan %s is printed as text: leave out -o, or draw the whole program with --plan all", pass);
    if (!type || !pal_choices_have("svg|png|pdf", type))
        return pal_cli_say(PAL_CLI_WRONG,
                           "graph: -o %s: a plan is a picture: choose a name that ends in .svg, .png or .pdf", path);
    return PAL_CLI_GO_ON;
}

/* The seconds of each step of the plan, regions with their bodies. NULL: no memory. */
static double *take_times(const pal_plan *plan, const pal_program *program)
{
    double *seconds = calloc(plan->n_steps + 1, sizeof *seconds);
    pal_program_step s;
    size_t at = 0;
    for (size_t i = 0; seconds && i < plan->n_steps; i++)
        for (size_t k = 0; k <= plan->steps[i].n_body && pal_program_step_at(program, at, &s); k++, at++)
            seconds[i] += s.runs ? s.seconds / (double)s.runs : 0;
    return seconds;
}

static void after_pass(const pal_trace *made, void *user)
{
    drawing *d = user;
    const pal_cli_plan_picture *p = d->picture;
    if (!made->plan) return;
    double *seconds = p->times ? take_times(made->plan, p->times) : NULL;
    d->drawn = true;
    if (p->times && !seconds)
        pal_error_set(&d->err, PAL_ERR_MEMORY, "graph: out of memory");
    else
        pal_plan_write(&(pal_plan_drawing){.struct_size = sizeof(pal_plan_drawing),
                                           .title = p->title,
                                           .plan = made->plan,
                                           .outputs = p->names,
                                           .output_count = p->n,
                                           .seconds = seconds,
                                           .no_legend = p->no_legend},
                       d->path, &d->err);
    free(seconds);
}

int pal_cli_draw_plan(const pal_cli_plan_picture *picture, const char *path)
{
    drawing d = {.picture = picture, .path = path};
    pal_program *program = pal_compile(
        picture->tape, picture->outputs, picture->n,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .trace = after_pass, .user = &d});
    const char *why = pal_tape_error(picture->tape);
    pal_program_free(program);
    if (d.err.status) return pal_cli_say(PAL_CLI_FAILED, "%s", d.err.text);
    if (!program || !d.drawn) return pal_cli_say(PAL_CLI_FAILED, "graph: %s", why ? why : "out of memory");
    return PAL_CLI_DONE;
}
