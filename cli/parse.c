/* parse.c - parses options and words, from the tables of options.c.
 *
 * Options and words may be in any order; after "--" there are only words. A value follows its option, as --name=value,
 * --name value, -o value or -ovalue. Names are never shortened. Wrong use prints one line. */
#include <stdlib.h>
#include <string.h>

#include "cli/source.h"

typedef struct parsing {
    const pal_cli_spec *spec;
    const char *verb; /* "palindrome train" */
    pal_cli_args *args;
    pal_cli_table table;
    const char *first; /* the first word; NULL: none so far */
    bool looks;        /* true: looks for the words that tell which options there are, and does nothing else */
} parsing;

static void put(pal_setting *list, size_t *n, const char *name, const char *value)
{
    size_t i = 0;
    while (i < *n && strcmp(list[i].name, name)) i++;
    if (i == PAL_CLI_SETTINGS) return;
    list[i] = (pal_setting){name, value};
    if (i == *n) ++*n;
}

/* ---- Options -------------------------------------------------------------------------------------------------- */

static int take_option(parsing *p, const pal_cli_entry *e, const char *value)
{
    const pal_option *o = e->option;
    const bool free_text = o->type == PAL_OPTION_ENUM && !o->choices;
    pal_error err = {0};
    if (p->looks) return !strcmp(o->name, "like") ? pal_cli_source_of_folder(value) : PAL_CLI_GO_ON;
    if (e->variant) {
        put(p->args->variant, &p->args->n_variant, o->name, value);
        return PAL_CLI_GO_ON;
    }
    if (value && free_text && !*value)
        return pal_cli_say(PAL_CLI_WRONG, "--%s needs a value that is not empty", o->name);
    if (value && !free_text && pal_option_check(o, value, &err)) return pal_cli_say(PAL_CLI_WRONG, "--%s", err.text);
    put(p->args->given, &p->args->n_given, o->name, value ? value : "yes");
    return PAL_CLI_GO_ON;
}

static const char *any_name(size_t i, const void *user)
{
    const pal_cli_table *t = user; /* each option has two names, of which the second may be missing */
    if (i >= 2 * t->n) return NULL;
    const pal_cli_entry *e = &t->entries[i / 2];
    return i % 2 && e->alias ? e->alias : e->option->name;
}

static int say_unknown(const parsing *p, const char *option)
{
    const char *bare = option + strspn(option, "-"), *nearest = pal_cli_nearest(bare, any_name, &p->table);
    size_t begun = 0;
    for (size_t i = 0; i < p->table.n && *bare; i++)
        begun += !strncmp(p->table.entries[i].option->name, bare, strlen(bare));
    if (begun > 1)
        return pal_cli_say(PAL_CLI_WRONG, "%s is ambiguous, it begins several options: write the full name", option);
    if (nearest && option[1] == '-')
        return pal_cli_say(PAL_CLI_WRONG, "unknown option %s: did you mean --%s?", option, nearest);
    return pal_cli_say(PAL_CLI_WRONG, "unknown option %s: `%s --help` lists them", option, p->verb);
}

static int show_help(const parsing *p)
{
    if (p->looks) return PAL_CLI_GO_ON;
    pal_cli_print_help(p->spec, p->table.variant, p->verb);
    return PAL_CLI_DONE;
}

/* Takes "--name", "--name=value", and the next argument if it is the value. Returns PAL_CLI_GO_ON or the exit status.
 */
static int take_long(parsing *p, char **argv, int argc, int *at)
{
    char option[96] = "";
    const char *word = argv[*at], *equals = strchr(word, '=');
    const size_t length = strcspn(word, "=");
    memcpy(option, word, length < sizeof option ? length : sizeof option - 1);
    if (!strcmp(word, "--help")) return show_help(p);
    const pal_cli_entry *e = pal_cli_entry_find(&p->table, option + 2);
    if (!e) return p->looks ? PAL_CLI_GO_ON : say_unknown(p, option);
    if (!e->argument && equals) return pal_cli_say(PAL_CLI_WRONG, "%s does not take a value", option);
    if (!e->argument) return take_option(p, e, NULL);
    if (!equals && *at + 1 == argc) return pal_cli_say(PAL_CLI_WRONG, "%s needs a value", option);
    return take_option(p, e, equals ? equals + 1 : argv[++*at]);
}

/* Takes letters, such as "-q", "-qo FILE" or "-oFILE". */
static int take_letters(parsing *p, char **argv, int argc, int *at)
{
    for (const char *letter = argv[*at] + 1; *letter; letter++) {
        const char option[] = {'-', *letter, 0};
        const pal_cli_entry *e = NULL;
        for (size_t i = 0; i < p->table.n && !e; i++)
            if (p->table.entries[i].letter == *letter) e = &p->table.entries[i];
        if (*letter == 'h') return show_help(p);
        if (!e) return p->looks ? PAL_CLI_GO_ON : say_unknown(p, letter == argv[*at] + 1 ? argv[*at] : option);
        if (e->argument && !letter[1] && *at + 1 == argc) return pal_cli_say(PAL_CLI_WRONG, "%s needs a value", option);
        if (e->argument) return take_option(p, e, letter[1] ? letter + 1 : argv[++*at]);
        const int status = take_option(p, e, NULL);
        if (status != PAL_CLI_GO_ON) return status;
    }
    return PAL_CLI_GO_ON;
}

/* Whether the first word is a model; else words are runs. */
static bool names_models(const pal_cli_spec *spec) { return !strncmp(spec->words, "MODEL", 5); }

static int take_word(parsing *p, const char *word)
{
    if (p->looks) {
        if (!p->first) p->first = word;
        return names_models(p->spec) ? PAL_CLI_GO_ON : pal_cli_source_of_folder(word);
    }
    if (p->args->n_words == p->spec->most && p->spec->most > 3)
        return pal_cli_say(PAL_CLI_WRONG, "%s is one too many: `%s` takes at most %zu of them, so leave some out", word,
                           p->verb, p->spec->most);
    if (p->args->n_words == p->spec->most || p->args->n_words == PAL_CLI_WORDS)
        return pal_cli_say(PAL_CLI_WRONG, "unexpected argument %s: `%s --help` shows the usage", word, p->verb);
    p->args->words[p->args->n_words++] = word;
    return PAL_CLI_GO_ON;
}

static int take_all(parsing *p, int argc, char **argv)
{
    int status = PAL_CLI_GO_ON;
    bool only_words = false;
    for (int i = 1; i < argc && status == PAL_CLI_GO_ON; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || !word[1])
            status = take_word(p, word);
        else if (!strcmp(word, "--"))
            only_words = true;
        else
            status = (word[1] == '-' ? take_long : take_letters)(p, argv, argc, &i);
    }
    return status;
}

/* ---- The whole command line ----------------------------------------------------------------------------------- */

/* Fills the table. If the first word is to be a model, it has the options of this model; else those of all models, with
 * the ones that the runs bring along. */
static int fill_table(parsing *p, int argc, char **argv)
{
    pal_cli_table_fill(&p->table, p->spec, NULL);
    if (!p->spec->variants) return PAL_CLI_GO_ON;
    p->looks = true;
    const int status = take_all(p, argc, argv);
    p->looks = false;
    pal_cli_table_fill(&p->table, p->spec, names_models(p->spec) ? pal_cli_model_find(p->first) : NULL);
    return status;
}

static int parse(parsing *p, int argc, char **argv)
{
    int status = fill_table(p, argc, argv);
    if (status == PAL_CLI_GO_ON) status = take_all(p, argc, argv);
    if (status == PAL_CLI_GO_ON && p->args->n_words < p->spec->least)
        status = pal_cli_say(PAL_CLI_WRONG, "%s", p->spec->missing);
    if (status == PAL_CLI_GO_ON && !p->spec->late)
        status = pal_cli_check_needs(p->spec->needs, p->args, pal_cli_value, &(pal_cli_given_to){p->spec, p->args});
    return status;
}

int pal_cli_parse(const pal_cli_spec *spec, int argc, char **argv, pal_cli_args *args)
{
    parsing *p = calloc(1, sizeof *p);
    if (!p) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    *args = (pal_cli_args){.spec = spec};
    p->spec = spec;
    p->verb = argv[0];
    p->args = args;
    const int status = parse(p, argc, argv);
    free(p);
    return status;
}
