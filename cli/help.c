/* help.c - palindrome VERB --help: the usage, the summary and the options of a verb, as wide as the terminal. */
#include <string.h>

#include "cli/cli.h"

enum { COLUMN = 29, PLAIN_WIDTH = 80 }; /* PLAIN_WIDTH: where the output is no terminal */

const char *pal_cli_entry_needs(const pal_cli_table *t, const pal_cli_entry *e, char *out, size_t size)
{
    char text[192];
    *out = 0;
    for (const pal_need *need = t->spec->needs; need && need->option; need++) {
        const pal_cli_entry *of = pal_cli_entry_find(t, need->of);
        if (e->variant || strcmp(need->option, e->option->name) != 0 ||
            (of && (of->hidden || (of->variant && !t->variant))))
            continue;
        pal_cli_append(out, size, ", ", pal_cli_need_text(need, text, sizeof text));
    }
    return out;
}

/* "help (choices; default 128; only with --optimizer adam)" */
static void describe(const pal_cli_table *t, const pal_cli_entry *e, char *out, size_t size)
{
    char help[PAL_CLI_DOC], notes[2 * PAL_CLI_DOC] = "", text[PAL_CLI_DOC], preset[64];
    pal_cli_append(notes, sizeof notes, "; ", pal_cli_entry_choices(t, e));
    snprintf(preset, sizeof preset, "default %.40s", pal_cli_entry_default(t, e));
    if (*pal_cli_entry_default(t, e)) pal_cli_append(notes, sizeof notes, "; ", preset);
    pal_cli_append(notes, sizeof notes, "; ", pal_cli_entry_needs(t, e, text, sizeof text));
    pal_cli_entry_help(t, e, help, sizeof help);
    snprintf(out, size, *notes ? "%s (%s)" : "%s", help, notes);
}

const char *pal_cli_entry_names(const pal_cli_entry *e, char *out, size_t size)
{
    const char *equals = e->argument ? "=" : "", *argument = e->argument ? e->argument : "";
    size_t at = 0;
    *out = 0;
    if (e->letter) at += (size_t)snprintf(out, size, "-%c, ", e->letter);
    at += (size_t)snprintf(out + at, size - at, "--%s%s%s", e->option->name, equals, argument);
    if (e->alias) snprintf(out + at, size - at, ", --%s%s%s", e->alias, equals, argument);
    return out;
}

static void print_options(const pal_cli_table *t, bool variant, int width)
{
    for (size_t i = 0; i < t->n; i++) {
        const pal_cli_entry *e = &t->entries[i];
        char names[160], head[176], text[4 * PAL_CLI_DOC];
        if (e->hidden || e->variant != variant) continue;
        pal_cli_entry_names(e, names, sizeof names);
        describe(t, e, text, sizeof text);
        snprintf(head, sizeof head, "%s%s", e->letter ? "  " : "      ", names);
        pal_cli_hang(head, COLUMN, width, text);
    }
}

static void print_usage(const char *verb, const char *words, int width)
{
    char line[512];
    for (const char *form = words; form; form = strchr(form, '\n') ? strchr(form, '\n') + 1 : NULL) {
        const bool first = form == words;
        snprintf(line, sizeof line, "%s [OPTION...] %.*s", verb, (int)strcspn(form, "\n"), form);
        pal_cli_wrap(printf(first ? "Usage: " : "  or:  "), 7, width, line);
    }
}

void pal_cli_print_help(const pal_cli_spec *spec, const pal_variant *variant, const char *verb)
{
    pal_cli_table t;
    char text[4 * PAL_CLI_DOC];
    const int width = pal_cli_width() ? pal_cli_width() : PLAIN_WIDTH;
    pal_cli_table_fill(&t, spec, variant);
    print_usage(verb, spec->words, width);
    pal_cli_wrap(0, 0, width, pal_cli_expand(spec->summary, text, sizeof text));
    putchar('\n');
    print_options(&t, false, width);
    pal_cli_hang("  -h, --help", COLUMN, width, "show this list");
    if (!spec->variants) return;
    const bool named = !strncmp(spec->words, "MODEL", 5);
    char heading[256];
    if (variant)
        snprintf(heading, sizeof heading, "Options of %s:", variant->name);
    else
        snprintf(heading, sizeof heading, "Options of the models%s (`%s MODEL%s` shows those of one):",
                 spec->effect ? ", by default as in training" : "", named ? verb : "palindrome models",
                 named ? " --help" : "");
    putchar('\n');
    pal_cli_wrap(0, 0, width, pal_cli_expand(heading, text, sizeof text));
    print_options(&t, true, width);
}
