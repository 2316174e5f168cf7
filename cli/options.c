/* options.c - the options of a verb, from its tables and those of the models: for the parser, --help and the manual. */
#include <string.h>

#include "cli/cli.h"

enum { VARIANTS = 128 }; /* of more variants, the first ones are looked at */

static const char by_model[] = "by model";

/* Second names for options of variants. */
static const pal_setting variant_aliases[] = {{"hidden", "latent-dim"}};

/* ---- The table ------------------------------------------------------------------------------------------------ */

static bool has(const pal_cli_row *rows, const char *name)
{
    while (rows && rows->option.name && strcmp(rows->option.name, name) != 0) rows++;
    return rows && rows->option.name;
}

/* The entry of this name or alias, from entry number `from` on; or NULL. */
static const pal_cli_entry *find(const pal_cli_table *t, size_t from, const char *name)
{
    for (size_t i = from; i < t->n; i++) {
        const pal_cli_entry *e = &t->entries[i];
        if (!strcmp(e->option->name, name) || (e->alias && !strcmp(e->alias, name))) return e;
    }
    return NULL;
}

static void add(pal_cli_table *t, const pal_cli_entry *entry)
{
    if (t->n < PAL_CLI_ENTRIES) t->entries[t->n++] = *entry;
}

/* An option of the named variant replaces the verb's option of the same name. */
static void add_rows(pal_cli_table *t, const pal_cli_row *rows, bool more)
{
    for (const pal_cli_row *r = rows; r && r->option.name; r++) {
        const char *name = r->option.name;
        if (t->variant && pal_variant_option_find(t->variant, name)) continue;
        if (more && (has(t->spec->rows, name) || (t->spec->without && pal_choices_have(t->spec->without, name))))
            continue;
        add(t, &(pal_cli_entry){.option = &r->option, .argument = r->argument, .alias = r->alias, .letter = r->letter});
    }
}

static void add_data(pal_cli_table *t)
{
    for (const pal_cli_row *r = pal_cli_data_rows; r->option.name; r++)
        if (!has(t->spec->rows, r->option.name) &&
            (t->spec->trains || !pal_choices_have(pal_cli_data_training, r->option.name)))
            add(t, &(pal_cli_entry){.option = &r->option, .argument = r->argument});
}

/* Whether the option can have an effect on a trained model. The parser takes the others, too, and says why not. */
static bool can_change(const pal_cli_table *t, const char *name)
{
    static const char in_training[] = "dropout|l1|l2|regularize-biases|temperature";
    if (!t->spec->effect) return true;
    if (t->spec->effect == PAL_CLI_IMAGES)
        return !strcmp(name, "corruption") || !strcmp(name, "binarize") || pal_corruption_of(name);
    return pal_option_may_change(name) && !pal_choices_have(in_training, name);
}

static void add_variants(pal_cli_table *t)
{
    static const char *const words[] = {"N", "X", "yes|no", "WORD", "N,N...", "X,X..."};
    const pal_variant *v;
    const pal_option *any;
    const size_t first = t->n;
    for (size_t i = 0; (v = pal_variant_at(i)); i++)
        for (any = NULL; (any = pal_variant_option_next(v, any));) {
            const pal_option *own = t->variant ? pal_variant_option_find(t->variant, any->name) : NULL;
            const pal_option *o = own ? own : any;
            const char *alias = NULL;
            if (find(t, own ? first : 0, any->name)) continue;
            for (size_t a = 0; a < sizeof variant_aliases / sizeof *variant_aliases; a++)
                if (!strcmp(variant_aliases[a].name, o->name)) alias = variant_aliases[a].value;
            add(t, &(pal_cli_entry){.option = o,
                                    .argument = words[o->type],
                                    .alias = alias,
                                    .variant = true,
                                    .hidden = (t->variant && !own) || !can_change(t, o->name)});
        }
}

void pal_cli_table_fill(pal_cli_table *t, const pal_cli_spec *spec, const pal_variant *variant)
{
    t->spec = spec;
    t->variant = variant;
    t->n = 0;
    add_rows(t, spec->rows, false);
    add_rows(t, spec->more, true);
    if (spec->data) add_data(t);
    if (spec->variants) add_variants(t);
}

const pal_cli_entry *pal_cli_entry_find(const pal_cli_table *t, const char *name) { return find(t, 0, name); }

/* ---- What --help says about an option ------------------------------------------------------------------------- */

/* For an option of several variants, if none is named. Returns the one whose help most of them share. out: the help
 * that more than half of them share, or else the help of each. same: whether all have the same default. */
static const pal_option *option_of_all(const pal_option *any, char *out, size_t size, bool *same)
{
    const pal_option *own[VARIANTS], *shared = any;
    const char *names[VARIANTS];
    size_t n = 0, best = 0;
    for (size_t i = 0; pal_variant_at(i) && n < VARIANTS; i++) {
        own[n] = pal_variant_option_find(pal_variant_at(i), any->name);
        names[n] = pal_variant_at(i)->name;
        n += own[n] != NULL;
    }
    *out = 0;
    *same = true;
    for (size_t i = 0; i < n; i++) {
        size_t alike = 0, first = i;
        for (size_t k = n; k-- > 0;)
            if (!strcmp(own[k]->help, own[i]->help)) {
                alike++;
                first = k;
            }
        char text[PAL_CLI_DOC];
        snprintf(text, sizeof text, "%s: %s", names[i], own[i]->help);
        if (first == i) pal_cli_append(out, size, "; ", text);
        if (alike > best) shared = own[i];
        if (alike > best) best = alike;
        *same &= !strcmp(own[i]->value, any->value);
    }
    if (2 * best > n) snprintf(out, size, "%s", shared->help);
    return shared;
}

/* Whether the verb has the options of training. A variant may replace their defaults. */
static bool trains(const pal_cli_table *t) { return pal_cli_entry_find(t, "optimizer") != NULL; }

/* The default of one of the verb's own options, for the named variant, or for all of them. */
static const char *preset_of(const pal_cli_table *t, const pal_option *o)
{
    const pal_variant *v;
    const char *preset = o->value;
    for (size_t i = 0; trains(t) && (v = pal_variant_at(i)); i++)
        for (const pal_setting *s = v->training; s && s->name && (!t->variant || t->variant == v); s++) {
            if (strcmp(s->name, o->name) != 0 || !strcmp(s->value, o->value)) continue;
            preset = t->variant ? s->value : by_model;
        }
    return preset;
}

const char *pal_cli_entry_help(const pal_cli_table *t, const pal_cli_entry *e, char *out, size_t size)
{
    bool same;
    if (e->variant && !t->variant)
        option_of_all(e->option, out, size, &same);
    else
        snprintf(out, size, "%s", e->option->help);
    return out;
}

const char *pal_cli_entry_default(const pal_cli_table *t, const pal_cli_entry *e)
{
    char unused[PAL_CLI_DOC];
    bool same = true;
    if (!e->argument) return "";
    if (!e->variant) return preset_of(t, e->option);
    if (t->spec->effect) return ""; /* the value of training */
    if (!t->variant) option_of_all(e->option, unused, sizeof unused, &same);
    return same ? e->option->value : by_model;
}

const char *pal_cli_entry_choices(const pal_cli_table *t, const pal_cli_entry *e)
{
    char unused[PAL_CLI_DOC];
    bool same;
    const pal_option *o =
        e->variant && !t->variant ? option_of_all(e->option, unused, sizeof unused, &same) : e->option;
    return e->argument && o->type == PAL_OPTION_ENUM && o->choices ? o->choices : "";
}
