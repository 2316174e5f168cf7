/* parse.c - parses options and words with the C library's argp, from tables.
 *
 * argp would report wrong use in several lines. Here its messages are off, and say_option prints one line instead. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { FIRST_KEY = 1000, OPTIONS = 2 * PAL_CLI_SETTINGS, DOC = 320 };

typedef struct parsing {
    const pal_cli_spec *spec;
    const pal_variant *variant; /* the variant named on the command line, whose options --help shows; NULL: show all */
    pal_cli_args *args;
    struct argp_option options[OPTIONS + 3];
    size_t n_options;
    struct entry {
        const pal_option *option;
        int letter;
        bool variant;
        char doc[DOC];
    } entries[OPTIONS]; /* by key - FIRST_KEY */
    size_t n_entries;
    char header[DOC];
    struct argp argp;
    int status; /* the exit status once an error is printed, else PAL_CLI_GO_ON */
} parsing;

/* Second names for options of variants. */
static const pal_setting variant_aliases[] = {{"hidden", "latent-dim"}};

static void put(pal_setting *list, size_t *n, const char *name, const char *value)
{
    size_t i = 0;
    while (i < *n && strcmp(list[i].name, name)) i++;
    if (i == PAL_CLI_SETTINGS) return;
    list[i] = (pal_setting){name, value};
    if (i == *n) ++*n;
}

const char *pal_cli_given(const pal_cli_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (!strcmp(args->given[i].name, name)) return args->given[i].value;
    return NULL;
}

bool pal_cli_flag(const pal_cli_args *args, const char *name) { return pal_cli_given(args, name) != NULL; }

int64_t pal_cli_int(const pal_cli_args *args, const char *name, int64_t otherwise)
{
    const char *value = pal_cli_given(args, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

/* ---- The table for argp --------------------------------------------------------------------------------------- */

/* "help (choices; default 128)" */
static void describe(char *doc, const pal_option *o, const char *preset, bool takes_value)
{
    char range[DOC] = "", value[64] = "";
    if (takes_value && o->type == PAL_OPTION_ENUM && o->choices) pal_cli_option_range(o, range, sizeof range);
    if (takes_value && preset && *preset) snprintf(value, sizeof value, "default %.40s", preset);
    if (*range || *value)
        snprintf(doc, DOC, "%s (%.200s%s%s)", o->help, range, *range && *value ? "; " : "", value);
    else
        snprintf(doc, DOC, "%s", o->help);
}

static const char by_model[] = "by model";

/* The same for an option of several variants, if none is named: the help that more than half of them share, or else the
 * help of each. */
static void describe_any(char *doc, const pal_option *any)
{
    enum { TEXT = 200 };
    const pal_variant *v;
    pal_option o = *any;
    char each[TEXT] = "";
    size_t best = 0, all = 0, length = 0;
    bool same = true;
    for (size_t i = 0; (v = pal_variant_at(i)); i++) {
        const pal_option *own = pal_variant_option_find(v, any->name);
        size_t count = 0;
        bool first = own != NULL;
        for (size_t k = 0; own && pal_variant_at(k); k++) {
            const pal_option *other = pal_variant_option_find(pal_variant_at(k), any->name);
            const bool alike = other && !strcmp(other->help, own->help);
            count += alike;
            first &= !alike || k >= i;
        }
        if (!own) continue;
        all++;
        same &= !strcmp(own->value, any->value);
        if (first && length < TEXT)
            length +=
                (size_t)snprintf(each + length, TEXT - length, "%s%s: %s", length ? "; " : "", v->name, own->help);
        if (count > best) o = *own;
        if (count > best) best = count;
    }
    if (2 * best <= all) o.help = each;
    describe(doc, &o, same ? o.value : by_model, true);
}

/* Whether the verb has the options of training. A variant may replace their defaults. */
static bool trains(const pal_cli_spec *spec)
{
    for (const pal_cli_row *r = spec->rows; r->option.name; r++)
        if (!strcmp(r->option.name, "optimizer")) return true;
    return false;
}

/* The default of one of the verb's own options, for the named variant, or for all of them. */
static const char *preset_of(const parsing *p, const pal_option *o)
{
    const pal_variant *v;
    const char *preset = o->value;
    for (size_t i = 0; trains(p->spec) && (v = pal_variant_at(i)); i++)
        for (const pal_setting *s = v->training; s && s->name && (!p->variant || p->variant == v); s++) {
            if (strcmp(s->name, o->name) != 0 || !strcmp(s->value, o->value)) continue;
            preset = p->variant ? s->value : by_model;
        }
    return preset;
}

static void add(parsing *p, const pal_option *o, const char *argument, const char *alias, int letter, bool variant,
                bool hidden)
{
    if (p->n_entries == OPTIONS || p->n_options + 2 > OPTIONS) return;
    struct entry *e = &p->entries[p->n_entries];
    *e = (struct entry){.option = o, .letter = letter, .variant = variant};
    if (variant && !p->variant)
        describe_any(e->doc, o);
    else
        describe(e->doc, o, variant ? o->value : preset_of(p, o), argument != NULL);
    int key = letter ? letter : FIRST_KEY + (int)p->n_entries, hide = hidden ? OPTION_HIDDEN : 0;
    p->n_entries++;
    p->options[p->n_options++] =
        (struct argp_option){.name = o->name, .key = key, .arg = argument, .doc = e->doc, .flags = hide};
    if (alias)
        p->options[p->n_options++] = (struct argp_option){.name = alias, .key = key, .flags = OPTION_ALIAS | hide};
}

static void add_variants(parsing *p, const char *verb)
{
    static const char *const words[] = {"N", "X", "yes|no", "WORD", "N,N...", "X,X..."};
    const pal_option *any;
    if (p->variant)
        snprintf(p->header, DOC, "Options of %s:", p->variant->name);
    else if (!strncmp(p->spec->words, "MODEL", 5))
        snprintf(p->header, DOC, "Options of the models (`%s MODEL --help` shows those of one):", verb);
    else
        snprintf(p->header, DOC, "Options of the models (`palindrome models MODEL` shows those of one):");
    p->options[p->n_options++] = (struct argp_option){.doc = p->header, .group = 1};
    for (size_t i = 0; (any = pal_cli_any_option(i)); i++) {
        const pal_option *own = p->variant ? pal_variant_option_find(p->variant, any->name) : NULL;
        const pal_option *o = own ? own : any;
        const char *alias = NULL;
        bool taken = false;
        for (const pal_cli_row *r = p->spec->rows; r->option.name && !own; r++)
            taken |= !strcmp(r->option.name, any->name);
        if (taken) continue;
        for (size_t k = 0; k < sizeof variant_aliases / sizeof *variant_aliases; k++)
            if (!strcmp(variant_aliases[k].name, o->name)) alias = variant_aliases[k].value;
        add(p, o, words[o->type], alias, 0, true, p->variant && !own);
    }
}

/* ---- What argp reports ---------------------------------------------------------------------------------------- */

static const char *any_name(size_t i, const void *user)
{
    const parsing *p = user;
    while (i < p->n_options && !p->options[i].name) i++; /* a header */
    return i < p->n_options ? p->options[i].name : NULL;
}

static int take_option(parsing *p, const struct entry *e, const char *value)
{
    pal_error err = {0};
    if (e->variant) {
        put(p->args->variant, &p->args->n_variant, e->option->name, value);
        return 0;
    }
    bool free_text = e->option->type == PAL_OPTION_ENUM && !e->option->choices;
    if (value && free_text && !*value)
        p->status = pal_cli_say(PAL_CLI_WRONG, "--%s needs a value that is not empty", e->option->name);
    else if (value && !free_text && pal_option_check(e->option, value, &err))
        p->status = pal_cli_say(PAL_CLI_WRONG, "--%s", err.text);
    put(p->args->given, &p->args->n_given, e->option->name, value ? value : "yes");
    return p->status == PAL_CLI_GO_ON ? 0 : EINVAL;
}

/* Prints the error for an option that is unknown, ambiguous, lacks its value, or has a value but takes none. */
static void say_option(parsing *p, const struct argp_state *state)
{
    const char *word = state->next > 0 && state->next <= state->argc ? state->argv[state->next - 1] : "";
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *bare = name + strspn(name, "-");
    const struct argp_option *found = NULL;
    size_t begin = 0;
    for (size_t i = 0; i < p->n_options; i++) {
        const struct argp_option *o = &p->options[i];
        if (!o->name || !*bare) continue;
        begin += !strncmp(o->name, bare, strlen(bare));
        if (!strcmp(o->name, bare) || (o->key < 128 && bare[0] == o->key && !bare[1])) found = o;
    }
    const char *nearest = pal_cli_nearest(bare, any_name, p);
    if (found && strchr(word, '='))
        p->status = pal_cli_say(PAL_CLI_WRONG, "%s does not take a value", name);
    else if (found)
        p->status = pal_cli_say(PAL_CLI_WRONG, "%s needs a value", name);
    else if (begin > 1)
        p->status = pal_cli_say(PAL_CLI_WRONG, "%s is ambiguous, it begins several options: write the full name", name);
    else if (nearest && name[1] == '-')
        p->status = pal_cli_say(PAL_CLI_WRONG, "unknown option %s: did you mean --%s?", name, nearest);
    else
        p->status = pal_cli_say(PAL_CLI_WRONG, "unknown option %s: `%s --help` lists them", name, state->argv[0]);
}

static error_t take(int key, char *value, struct argp_state *state)
{
    parsing *p = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (p->args->n_words == p->spec->most || p->args->n_words == PAL_CLI_WORDS) {
            p->status = pal_cli_say(PAL_CLI_WRONG, "unexpected argument %s: `%s --help` shows the usage", value,
                                    state->argv[0]);
            return EINVAL;
        }
        p->args->words[p->args->n_words++] = value;
        return 0;
    case 'h': /* ARGP_NO_ERRS would also silence argp's own help */
        setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
        argp_help(&p->argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, state->argv[0]);
        p->status = PAL_CLI_DONE;
        return EINVAL;
    case ARGP_KEY_ERROR:
        if (p->status == PAL_CLI_GO_ON) say_option(p, state);
        return 0;
    default:
        break;
    }
    for (size_t i = 0; i < p->n_entries; i++)
        if (key > 0 && key == (p->entries[i].letter ? p->entries[i].letter : FIRST_KEY + (int)i))
            return take_option(p, &p->entries[i], value);
    return ARGP_ERR_UNKNOWN;
}

int pal_cli_parse(const pal_cli_spec *spec, int argc, char **argv, pal_cli_args *args)
{
    parsing *p = calloc(1, sizeof *p);
    if (!p) return pal_cli_say(PAL_CLI_FAILED, "out of memory");
    *args = (pal_cli_args){0};
    p->spec = spec;
    p->args = args;
    p->status = PAL_CLI_GO_ON;
    for (int i = 1; i < argc && spec->variants && !p->variant; i++) p->variant = pal_variant_find(argv[i]);
    /* an option of the variant replaces the verb's option of the same name */
    for (const pal_cli_row *r = spec->rows; r->option.name; r++)
        if (!p->variant || !pal_variant_option_find(p->variant, r->option.name))
            add(p, &r->option, r->argument, r->alias, r->letter, false, false);
    if (spec->variants) add_variants(p, argv[0]);
    p->options[p->n_options] = (struct argp_option){"help", 'h', NULL, 0, "show this list", -1};
    p->argp = (struct argp){.options = p->options, .parser = take, .args_doc = spec->words, .doc = spec->summary};
    error_t error = argp_parse(&p->argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, p);
    if (error && p->status == PAL_CLI_GO_ON) p->status = pal_cli_say(PAL_CLI_FAILED, "%s", strerror(error));
    if (p->status == PAL_CLI_GO_ON && args->n_words < spec->least)
        p->status = pal_cli_say(PAL_CLI_WRONG, "%s", spec->missing);
    int status = p->status;
    free(p);
    return status;
}
