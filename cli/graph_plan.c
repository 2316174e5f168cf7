/* graph_plan.c - palindrome graph --plan: what each pass of the compiler makes of a tape.
 *
 * In: a tape and its outputs. Out: texts on standard output: the tape as it was recorded and the result of each pass in
 * turn, or what one pass is given and what it makes of it. docs/design.md has an example of each pass. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct listing {
    const char *only; /* the pass that is shown; NULL: all */
    char *last;       /* what the pass before has made */
    char made_by[32]; /* its name */
    bool lost;        /* there was no memory for a text */
    bool found;       /* the pass was shown; simplify runs twice where batch changes something */
} listing;

static void print_text(const char *when, const char *of, const char *text)
{
    printf("%s%s:\n", when, of);
    pal_cli_put(stdout, text, strlen(text));
}

/* Takes what a pass has made, or for pass NULL what was recorded. */
static void take(listing *l, const char *pass, const char *text)
{
    const bool shown = pass && l->only && !strcmp(pass, l->only);
    l->lost |= !text;
    if (!text || l->lost) return;
    if (!l->only) {
        print_text(pass ? "\nafter " : "recorded", pass ? pass : "", text);
        return;
    }
    if (shown) {
        if (l->found) printf("\n");
        l->found = true;
        print_text(*l->made_by ? "before " : "recorded, before ", pass, l->last);
        print_text("\nafter ", pass, text);
    }
    free(l->last);
    l->last = strdup(text);
    l->lost |= !l->last;
    snprintf(l->made_by, sizeof l->made_by, "%s", pass ? pass : "");
}

static void take_tape(listing *l, const char *pass, pal_tape *tape, const pal_var *outputs, size_t n)
{
    char *text = pal_tape_text(tape, outputs, n);
    take(l, pass, text);
    pal_text_free(pal_tape_context(tape), text);
}

static void after_pass(const pal_trace *made, void *user)
{
    if (made->tape)
        take_tape(user, made->pass, made->tape, made->outputs, made->n);
    else
        take(user, made->pass, made->text);
}

int pal_cli_print_plan(pal_tape *tape, const pal_var *outputs, size_t n, const char *pass)
{
    listing l = {.only = strcmp(pass, "all") ? pass : NULL};
    take_tape(&l, NULL, tape, outputs, n);
    pal_program *program = pal_compile(
        tape, outputs, n,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .trace = after_pass, .user = &l});
    const char *why = pal_tape_error(tape);
    const bool good = program && !l.lost;
    if (good && l.only && !l.found) printf("%s changes nothing here\n", pass);
    pal_program_free(program);
    free(l.last);
    return good ? PAL_CLI_DONE : pal_cli_say(PAL_CLI_FAILED, "graph: %s", why ? why : "out of memory");
}
