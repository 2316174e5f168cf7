/* registry.c - the list of variants: those of the library, and those that a program registers.
 *
 * The registered variants are global state of the process, so a name means the same variant wherever a file is opened.
 */
#include "models/internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define VARIANT(name) extern const pal_variant pal_##name;
#include "models/variants/variants.def"
#undef VARIANT

static const pal_variant *const built_in[] = {
#define VARIANT(name) &pal_##name,
#include "models/variants/variants.def"
#undef VARIANT
};
enum { BUILT_IN = sizeof built_in / sizeof *built_in, REGISTERED = 256 };

/* The registered variants. The list only grows. An entry is stored before the count that includes it, so a reader never
 * sees an entry that is not stored yet. */
static const pal_variant *_Atomic registered[REGISTERED];
static atomic_size_t n_registered;
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;

const pal_variant *pal_variant_at(size_t i)
{
    if (i < BUILT_IN) return built_in[i];
    return i - BUILT_IN < atomic_load(&n_registered) ? atomic_load(&registered[i - BUILT_IN]) : NULL;
}

const pal_variant *pal_variant_find(const char *name)
{
    const pal_variant *v;
    for (size_t i = 0; name && (v = pal_variant_at(i)); i++)
        if (!strcmp(v->name, name) || (v->alias && !strcmp(v->alias, name))) return v;
    return NULL;
}

/* ---- Registering ---------------------------------------------------------------------------------------------- */

enum { LETTERS = 63 };

static bool is_word(const char *name)
{
    return name && *name >= 'a' && *name <= 'z' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] &&
           strlen(name) <= LETTERS;
}

/* Whether this can be the address of a text. A table that lacks its last row {0} is read on into what lies behind it in
 * the object, which mostly is a size, a type or a number: no address. So most such tables are refused, and not obeyed.
 */
static bool is_text(const char *text)
{
    const uintptr_t at = (uintptr_t)text;
    return at >= 4096 && (uint64_t)at >> 56 == 0;
}
static bool is_text_or_null(const char *text) { return !text || is_text(text); }

static pal_status no_end(const pal_variant *v, const char *table, size_t row, const char *last, pal_error *err)
{
    return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: row %zu of .%s is no row: end the table with %s", v->name,
                         row + 1, table, last);
}

static pal_status check_option(const pal_variant *v, const pal_option *o, pal_error *err)
{
    pal_error why = {0};
    if (!is_word(o->name))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: the option \"%.80s\" is not a word of a-z, 0-9 and -, of at most %d letters",
                             v->name, o->name, (int)LETTERS);
    for (const pal_option *before = v->options; before < o; before++)
        if (!strcmp(before->name, o->name))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the option %s has two rows: leave one out",
                                 v->name, o->name);
    if (o->type == PAL_OPTION_NONE) return PAL_OK;
    if (!o->help)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the option %s has no help: say in .help what it does",
                             v->name, o->name);
    if (o->type == PAL_OPTION_ENUM && !o->choices)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: the option %s has no choices: list them in .choices, such as \"a|b\"",
                             v->name, o->name);
    if (o->type != PAL_OPTION_BOOL && o->type != PAL_OPTION_ENUM && o->low == o->high)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the option %s has no range: set .low and .high",
                             v->name, o->name);
    if (o->low > o->high)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: the range of the option %s is %.15g .. %.15g: swap them", v->name, o->name,
                             o->low, o->high);
    if (pal_option_check(o, o->value, &why))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the default of %s", v->name, why.text);
    return PAL_OK;
}

static pal_status check_options(const pal_variant *v, pal_error *err)
{
    const pal_option *o = v->options;
    for (pal_status status; o && o->name; o++) {
        if (!is_text(o->name) || (unsigned)o->type > PAL_OPTION_NONE || !is_text_or_null(o->value) ||
            !is_text_or_null(o->choices) || !is_text_or_null(o->help))
            return no_end(v, "options", (size_t)(o - v->options), "{0}", err);
        if ((status = check_option(v, o, err))) return status;
    }
    return PAL_OK;
}

static pal_status check_training(const pal_variant *v, pal_error *err)
{
    for (const pal_setting *s = v->training; s && s->name; s++)
        if (!is_text(s->name) || !is_text(s->value))
            return no_end(v, "training", (size_t)(s - v->training), "{0}", err);
    return PAL_OK;
}

/* Whether the variant has an option that one of its other tables names. */
static pal_status check_named(const pal_variant *v, const char *table, const char *option, pal_error *err)
{
    if (pal_variant_option_find(v, option)) return PAL_OK;
    return pal_error_set(err, PAL_ERR_ARGUMENT,
                         "variant %s: .%s names the option %.80s, which the variant does not have", v->name, table,
                         option);
}

static pal_status check_needs(const pal_variant *v, pal_error *err)
{
    pal_status status = PAL_OK;
    for (const pal_need *n = v->needs; n && n->option && !status; n++) {
        if (!is_text(n->option) || !is_text(n->of) || !is_text_or_null(n->value))
            return no_end(v, "needs", (size_t)(n - v->needs), "{0}", err);
        status = check_named(v, "needs", n->option, err);
        if (!status) status = check_named(v, "needs", n->of, err);
    }
    return status;
}

static pal_status check_of_variance(const pal_variant *v, pal_error *err)
{
    pal_status status = PAL_OK;
    for (const char *const *name = v->of_variance; name && *name && !status; name++) {
        if (!is_text(*name)) return no_end(v, "of_variance", (size_t)(name - v->of_variance), "NULL", err);
        status = check_named(v, "of_variance", *name, err);
    }
    return status;
}

static pal_status check_variant(const pal_variant *v, pal_error *err)
{
    if (!v) return pal_error_set(err, PAL_ERR_ARGUMENT, "variant: is NULL");
    if (pal_options_read(NULL, v, sizeof *v, sizeof *v, "variant", err)) return PAL_ERR_ARGUMENT;
    if (!is_word(v->name) || (v->alias && !is_word(v->alias)))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant \"%.80s\": names must be words of a-z, 0-9 and -, of at most %d letters",
                             v->name ? v->name : "", (int)LETTERS);
    const char *missing = !v->summary ? "summary" : !v->encode ? "encode" : !v->decode ? "decode" : "loss";
    if (!v->summary || !v->encode || !v->decode || !v->loss)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: .%s is missing: a variant needs a summary, encode, decode and loss", v->name,
                             missing);
    if (!v->pooled != !v->of_pooled)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: .%s is missing: pooled and of_pooled belong together",
                             v->name, v->pooled ? "of_pooled" : "pooled");
    pal_status status = check_options(v, err);
    if (!status && v->classify) status = check_named(v, "classify", "classes", err);
    if (!status) status = check_training(v, err);
    if (!status) status = check_needs(v, err);
    return status ? status : check_of_variance(v, err);
}

pal_status pal_variant_register(const pal_variant *v, pal_error *err)
{
    pal_status status = check_variant(v, err);
    if (status) return status;
    pthread_mutex_lock(&registering);
    const size_t n = atomic_load(&n_registered);
    if (pal_variant_find(v->name) || pal_variant_find(v->alias))
        status = pal_error_set(err, PAL_ERR_EXISTS, "variant %s: its name or its alias is taken", v->name);
    else if (n == REGISTERED)
        status = pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: %d variants are registered, the most possible",
                               v->name, (int)REGISTERED);
    if (!status) {
        atomic_store(&registered[n], v);
        atomic_store(&n_registered, n + 1);
    }
    pthread_mutex_unlock(&registering);
    return status;
}
