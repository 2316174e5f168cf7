/* variants.c - finds models by name, checks their options. */
#include <string.h>
#include <unistd.h>

#include "cli/source.h"

static const char *variant_name(size_t i, const void *user)
{
    (void)user;
    const pal_variant *variant = pal_variant_at(i);
    return variant ? variant->name : NULL;
}

static const char *option_name(size_t i, const void *user)
{
    const pal_option *option = pal_variant_option(user, i);
    return option ? option->name : NULL;
}

const pal_variant *pal_cli_variant(const char *name, int *status)
{
    const pal_variant *variant = pal_cli_model_find(name);
    if (variant) return variant;
    if (pal_cli_is_source(name)) { /* from a file, which cannot name code: the command line was searched for it */
        *status =
            pal_cli_say(PAL_CLI_WRONG, "%s: a model's file is named on the command line, not in another file", name);
        return NULL;
    }
    const char *end = strrchr(name, '.');
    if (end && !strcmp(end, ".so"))
        *status =
            pal_cli_say(PAL_CLI_WRONG, "%s is no model, but an object: --load %s brings the models in it", name, name);
    else if (end || strchr(name, '/'))
        *status =
            pal_cli_say(PAL_CLI_WRONG, "%s is no model: a model is a name, or a file of C code that ends in .c", name);
    if (end || strchr(name, '/')) return NULL;
    const char *nearest = pal_cli_nearest(name, variant_name, NULL);
    char file[PAL_CLI_PATH];
    snprintf(file, sizeof file, "%s/run.json", name);
    if (!access(file, F_OK))
        *status =
            pal_cli_say(PAL_CLI_WRONG, "%s is a run, and a model is needed: `palindrome models` lists them", name);
    else if (nearest)
        *status = pal_cli_say(PAL_CLI_WRONG, "no model is called %s: did you mean %s?", name, nearest);
    else
        *status = pal_cli_say(
            PAL_CLI_WRONG,
            "no model is called %s: `palindrome models` lists them; a variant of your own is named by its file, ./%s.c",
            name, name);
    return NULL;
}

int pal_cli_check_settings(const pal_variant *variant, const pal_setting *settings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = settings[i].name;
        const pal_option *option = pal_variant_option_find(variant, name);
        pal_error err = {0};
        if (option && !pal_option_check(option, settings[i].value, &err)) continue;
        if (option) return pal_cli_say(PAL_CLI_WRONG, "--%s", err.text);
        const char *nearest = pal_cli_nearest(name, option_name, variant);
        if (nearest)
            return pal_cli_say(PAL_CLI_WRONG, "%s has no option --%s: did you mean --%s?", variant->name, name,
                               nearest);
        return pal_cli_say(PAL_CLI_WRONG, "%s has no option --%s: `palindrome models %s` lists its options",
                           variant->name, name, pal_cli_model_word(variant));
    }
    return PAL_CLI_GO_ON;
}

const char *pal_cli_option_range(const pal_option *option, char *out, size_t size)
{
    switch (option->type) {
    case PAL_OPTION_SIZES:
    case PAL_OPTION_REALS:
        snprintf(out, size, "each %.10g to %.10g", option->low, option->high);
        break;
    case PAL_OPTION_INT:
    case PAL_OPTION_REAL:
        snprintf(out, size, "%.10g to %.10g", option->low, option->high);
        break;
    case PAL_OPTION_BOOL:
        snprintf(out, size, "yes or no");
        break;
    default:
        snprintf(out, size, "%s", option->choices ? option->choices : "text");
    }
    return out;
}
