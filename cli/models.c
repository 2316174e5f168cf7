/* models.c - palindrome models: lists the variants, or describes one in full. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, PAL_CLI_END};
const pal_cli_spec pal_cli_models_spec = {
    .words = "[NAME]",
    .summary = "List the autoencoders. With NAME, describe one of them: formula, options, source.",
    .rows = rows,
    .most = 1,
};

static const char *const type_names[] = {"int", "real", "bool", "enum", "sizes", "reals"};

/* The default value as a JSON value of the type of the option. */
static json_t *typed(const pal_option *o)
{
    if (!o->value) return json_null();
    if (o->type == PAL_OPTION_BOOL) return json_boolean(!strcmp(o->value, "yes"));
    char *end = NULL;
    const long long whole = strtoll(o->value, &end, 10);
    const bool number = o->type == PAL_OPTION_INT || o->type == PAL_OPTION_REAL;
    if (number && end != o->value && !*end) return json_integer(whole);
    const double real = strtod(o->value, &end);
    return number && end != o->value && !*end ? json_real(real) : json_string(o->value);
}

static json_t *option_json(const pal_option *o)
{
    json_t *out = json_pack("{s:s, s:s, s:o, s:s}", "name", o->name, "type", type_names[o->type], "default", typed(o),
                            "help", o->help ? o->help : "");
    if (o->type == PAL_OPTION_INT || o->type == PAL_OPTION_REAL) {
        json_object_set_new(out, "low", pal_cli_number(o->low));
        json_object_set_new(out, "high", pal_cli_number(o->high));
    }
    if (o->type != PAL_OPTION_ENUM || !o->choices) return out;
    json_t *choices = json_array();
    for (const char *c = o->choices; *c;) {
        size_t length = strcspn(c, "|");
        json_array_append_new(choices, json_stringn(c, length));
        c += length + (c[length] == '|');
    }
    json_object_set_new(out, "choices", choices);
    return out;
}

static json_t *variant_json(const pal_variant *v)
{
    const pal_option *o;
    json_t *options = json_array(), *training = json_object();
    for (o = NULL; (o = pal_variant_option_next(v, o));) json_array_append_new(options, option_json(o));
    for (const pal_setting *s = v->training; s && s->name; s++)
        json_object_set_new(training, s->name, json_string(s->value));
    return json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:o, s:o}", "name", v->name, "alias", v->alias, "summary",
                     v->summary, "formula", v->formula, "source", v->source, "options", options, "training", training);
}

static int print_json(const pal_variant *only)
{
    const pal_variant *v;
    json_t *all = only ? variant_json(only) : json_array();
    for (size_t i = 0; !only && (v = pal_variant_at(i)); i++) json_array_append_new(all, variant_json(v));
    pal_cli_print_json(all);
    return PAL_CLI_DONE;
}

static int print_list(void)
{
    const pal_variant *v;
    for (size_t i = 0; (v = pal_variant_at(i)); i++) {
        char head[96];
        snprintf(head, sizeof head, "%-20s %s", v->name, v->alias ? v->alias : "");
        pal_cli_hang(head, 32, pal_cli_width(), v->summary);
    }
    putchar('\n');
    pal_cli_paragraph(0, "`palindrome models NAME` describes a model; `palindrome train NAME` trains it.");
    return PAL_CLI_DONE;
}

/* Whether the variant's own table has a row of this option. */
static bool is_own(const pal_variant *v, const pal_option *option)
{
    for (const pal_option *o = v->options; o && o->name; o++)
        if (!strcmp(o->name, option->name)) return true;
    return false;
}

/* The options of the variant's own table, or all others. */
static void print_options(const pal_variant *v, bool own, const char *title)
{
    const pal_option *o;
    bool any = false;
    for (o = NULL; (o = pal_variant_option_next(v, o));) {
        char name[96], range[256];
        if (is_own(v, o) != own) continue;
        if (!any) pal_cli_print("\n%s\n", title);
        any = true;
        snprintf(name, sizeof name, "  --%s %s", o->name, o->value ? o->value : "");
        pal_cli_hang(name, 33, pal_cli_width(), o->help ? o->help : "");
        pal_cli_hang("", 35, pal_cli_width(), pal_cli_option_range(o, range, sizeof range));
    }
}

static int print_one(const pal_variant *v)
{
    const int width = pal_cli_width();
    const bool alias = v->alias && strcmp(v->alias, v->name) != 0;
    pal_cli_paragraph(0, "%s%s%s%s: %s", v->name, alias ? " (" : "", alias ? v->alias : "", alias ? ")" : "",
                      v->summary);
    if (v->formula) puts("\nFormula");
    if (v->formula) pal_cli_wrap(0, 2, width, v->formula);
    print_options(v, true, "Options");
    print_options(v, false, "Options that models share");
    if (v->training && v->training->name) puts("\nDefaults of training");
    for (const pal_setting *s = v->training; s && s->name; s++) pal_cli_print("  --%s %s\n", s->name, s->value);
    if (v->source) puts("\nSource");
    if (v->source) pal_cli_wrap(0, 2, width, v->source);
    return PAL_CLI_DONE;
}

int pal_cli_models(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_models_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    const pal_variant *only = args.n_words ? pal_cli_variant(args.words[0], &status) : NULL;
    if (args.n_words && !only) return status;
    if (pal_cli_flag(&args, "json")) return print_json(only);
    return only ? print_one(only) : print_list();
}
