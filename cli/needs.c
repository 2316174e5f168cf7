/* needs.c - which options have an effect only together with others. A given option without effect is refused.
 *
 * A verb's table has rows {option, of, value}, with the struct of the models' own tables. `of` is an option, or a word
 * of the command line such as OUT. value is "a|b": it must have one of these values; "!a|b": none of them; NULL: it
 * must be given; "!": it must not be given. If several rows name the same option, all of them must be true. */
#include <string.h>

#include "cli/cli.h"

static bool is_met(const pal_need *need, const char *is)
{
    const char *value = need->value;
    if (!value) return *is;
    if (*value == '!') return value[1] ? !pal_choices_have(value + 1, is) : !*is;
    return pal_choices_have(value, is);
}

static bool is_word(const char *of) { return *of >= 'A' && *of <= 'Z'; }

/* "--solve svd", "OUT" */
static const char *name_of(const pal_need *need, char *out, size_t size)
{
    const char *value = need->value ? need->value + (*need->value == '!') : "";
    snprintf(out, size, "%s%s%s%s", is_word(need->of) ? "" : "--", need->of, *value ? " " : "", value);
    return out;
}

const char *pal_cli_need_text(const pal_need *need, char *out, size_t size)
{
    char name[160];
    const bool not = need->value && *need->value == '!';
    snprintf(out, size, "%s %s", not ? "not with" : "only with", name_of(need, name, sizeof name));
    return out;
}

static int refuse(const pal_need *need, const char *is)
{
    char name[160];
    name_of(need, name, sizeof name);
    if (need->value && *need->value == '!' && need->value[1]) snprintf(name, sizeof name, "--%s %s", need->of, is);
    if (need->value && *need->value == '!')
        return pal_cli_say(PAL_CLI_WRONG, "--%s has no effect with %s: leave out one of them", need->option, name);
    if (is_word(need->of) || !need->value)
        return pal_cli_say(PAL_CLI_WRONG, "--%s has an effect only with %s: give it, or leave out --%s", need->option,
                           name, need->option);
    return pal_cli_say(PAL_CLI_WRONG, "--%s has an effect only with %s%s%s: set --%s, or leave out --%s", need->option,
                       name, *is ? ", not " : "", is, need->of, need->option);
}

bool pal_cli_needs_met(const pal_need *needs, const pal_cli_args *args, pal_cli_value_fn *value, const void *user)
{
    for (const pal_need *need = needs; need && need->option; need++) {
        const char *is = pal_cli_given(args, need->option) ? value(need->of, user) : NULL;
        if (is && !is_met(need, is)) return false;
    }
    return true;
}

int pal_cli_check_needs(const pal_need *needs, const pal_cli_args *args, pal_cli_value_fn *value, const void *user)
{
    for (const pal_need *need = needs; need && need->option; need++) {
        const char *is = pal_cli_given(args, need->option) ? value(need->of, user) : NULL;
        if (is && !is_met(need, is)) return refuse(need, is);
    }
    return PAL_CLI_GO_ON;
}

/* Whether word number n of the command line is called `name` in the usage: "RUN [IN OUT]" has RUN, IN and OUT. */
static bool is_called(const char *usage, size_t n, const char *name)
{
    while (*(usage += strspn(usage, "[]. ")) && *usage != '\n') {
        const size_t length = strcspn(usage, "[]. \n");
        if (!n--) return strlen(name) == length && !strncmp(usage, name, length);
        usage += length;
    }
    return false;
}

const char *pal_cli_value(const char *name, const void *user)
{
    const pal_cli_given_to *g = user;
    const char *given = pal_cli_given(g->args, name);
    if (given) return given;
    for (size_t i = 0; is_word(name) && i < g->args->n_words; i++)
        if (is_called(g->spec->words, i, name)) return g->args->words[i];
    for (const pal_cli_row *r = g->spec->rows; r->option.name; r++)
        if (!strcmp(r->option.name, name)) return r->option.value;
    return is_word(name) ? "" : NULL;
}
