/* gradcheck_small.c - settings that make a model of any variant small, so that checks of it take seconds.
 *
 * In: a variant. Out: values of options: some are known by their names; each other option of the variant's own that
 * looks like a size gets a small value, too, if a model can be made with it. What a variant refuses together is left
 * out. */
#include <stdlib.h>
#include <string.h>

#include "cli/gradcheck.h"

/* A list of layers is set only if the default of the variant has layers. */
static size_t known_sizes(const pal_variant *v, pal_setting *settings)
{
    static const pal_setting tiny[] = {
        {"hidden", "4"}, {"k", "2"}, {"layers", "5,4"}, {"channels", "2"}, {"kernel", "3"}};
    size_t n = 0;
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
        const pal_option *o = pal_variant_option_find(v, tiny[i].name);
        bool wanted = o && (o->type != PAL_OPTION_SIZES || *o->value);
        if (wanted && !pal_option_check(o, tiny[i].value, NULL)) settings[n++] = tiny[i];
    }
    return n;
}

static bool is_set(const pal_setting *settings, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(settings[i].name, name)) return true;
    return false;
}

/* A small value for an option that looks like a size: a whole number that is large by default and may be small, or a
 * list of such numbers. Two sizes differ, as far as there are values, so that a transposed matrix does not fit. NULL:
 * it is no size. */
static const char *small_value(const pal_option *o, size_t turn)
{
    enum { LARGE = 16, TURNS = 4 };
    static const char *const numbers[] = {"3", "5", "6", "7", "8", "12", "16", "24", "32", "48", "64"};
    static const char *const lists[] = {"5", "5,3", "5,4,3", "6,5,4,3", "7,6,5,4,3"};
    const double value = o->value ? strtod(o->value, NULL) : 0;
    if ((o->type != PAL_OPTION_INT && o->type != PAL_OPTION_SIZES) || value <= LARGE) return NULL;
    size_t count = 0;
    for (const char *c = o->value; *c; c++) count += *c == ',';
    if (o->type == PAL_OPTION_SIZES)
        return count < sizeof lists / sizeof *lists && !pal_option_check(o, lists[count], NULL) ? lists[count] : NULL;
    for (size_t i = turn % TURNS; i < sizeof numbers / sizeof *numbers; i++)
        if (strtod(numbers[i], NULL) < value && !pal_option_check(o, numbers[i], NULL)) return numbers[i];
    return NULL;
}

/* Whether the variant makes a model of these settings. */
static bool accepts(pal_context *context, const pal_variant *v, const pal_setting *settings, size_t n)
{
    pal_error err = {0};
    pal_model *m =
        pal_model_new(context, v, settings, n, PAL_SHAPE(PAL_CLI_TINY_HEIGHT, PAL_CLI_TINY_WIDTH), PAL_F64, 1, &err);
    pal_model_free(m);
    return m || err.status != PAL_ERR_ARGUMENT;
}

size_t pal_cli_tiny_settings(pal_context *context, const pal_variant *v, pal_setting settings[PAL_CLI_TINY])
{
    size_t n = known_sizes(v, settings);
    while (n && !accepts(context, v, settings, n)) n--;
    for (const pal_option *o = v->options; o && o->name && n < PAL_CLI_TINY; o++) {
        const char *value = is_set(settings, n, o->name) ? NULL : small_value(o, n);
        if (!value) continue;
        settings[n] = (pal_setting){o->name, value};
        n += accepts(context, v, settings, n + 1);
    }
    return n;
}
