/* verbs.c - the table of the verbs, and the output of palindrome --help. */
#include <string.h>

#include "cli/cli.h"

static const pal_cli_verb verbs[] = {
#define VERB(function, name, summary, computes)                                                                        \
    {name, summary, &pal_cli_##function##_spec, pal_cli_##function, computes},
#include "cli/verbs.def"
#undef VERB
};

const pal_cli_verb *pal_cli_verb_at(size_t i) { return i < sizeof verbs / sizeof *verbs ? &verbs[i] : NULL; }

const char *pal_cli_verb_name(size_t i, const void *unused)
{
    (void)unused;
    return pal_cli_verb_at(i) ? verbs[i].name : NULL;
}

const pal_cli_verb *pal_cli_verb_find(const char *name)
{
    const pal_cli_verb *verb;
    for (size_t i = 0; (verb = pal_cli_verb_at(i)); i++)
        if (!strcmp(verb->name, name)) return verb;
    return NULL;
}

static void print_rows(const char *const (*rows)[2], size_t n, int column, int width)
{
    for (size_t i = 0; i < n; i++) {
        char head[64];
        snprintf(head, sizeof head, "  %s", rows[i][0]);
        pal_cli_hang(head, column, width, rows[i][1]);
    }
}

void pal_cli_print_verbs(void)
{
    static const char *const more[][2] = {
        {"palindrome help VERB", "show the options of a verb"},
        {"palindrome help MODEL", "show the formula and the options of a model"},
        {"palindrome VERB FILE.c", "for a model's name: the model that this file of C code defines (see new)"},
        {"palindrome VERB --trust", "compile the code of a run that somebody else made"},
        {"palindrome VERB --load FILE", "add the models and functions of a shared object (see examples/variant.c)"},
        {"palindrome --version", "show the version, the instruction set and the BLAS"},
    };
    const int width = pal_cli_width();
    pal_cli_wrap(0, 0, width,
                 "Usage: palindrome VERB [OPTION...]\n"
                 "Train and study autoencoders, on a framework for reverse-mode automatic differentiation."
                 "\n");
    for (size_t i = 0; pal_cli_verb_at(i); i++)
        print_rows((const char *const[][2]){{verbs[i].name, verbs[i].summary}}, 1, 16, width);
    putchar('\n');
    print_rows(more, sizeof more / sizeof *more, 32, width);
    printf("\nTo begin:  ");
    char command[4096];
    pal_cli_print_command(11, 11, pal_cli_command(command, sizeof command, "train", "denoising"));
}
