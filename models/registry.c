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

static pal_status check_options(const pal_variant *v, pal_error *err)
{
    pal_error why = {0};
    for (const pal_option *o = v->options; o && o->name; o++) {
        if (!is_word(o->name))
            return pal_error_set(
                err, PAL_ERR_ARGUMENT,
                "variant %s: the option \"%.80s\" is not a word of a-z, 0-9 and -, of at most %d letters", v->name,
                o->name, (int)LETTERS);
        if (o->type != PAL_OPTION_NONE && pal_option_check(o, o->value, &why))
            return pal_error_set(err, PAL_ERR_ARGUMENT, "variant %s: the default of %s", v->name, why.text);
    }
    return PAL_OK;
}

static pal_status check_variant(const pal_variant *v, pal_error *err)
{
    if (!v) return pal_error_set(err, PAL_ERR_ARGUMENT, "variant: is NULL");
    if (pal_options_read(NULL, v, sizeof *v, sizeof *v, "variant", err)) return PAL_ERR_ARGUMENT;
    if (!is_word(v->name) || (v->alias && !is_word(v->alias)))
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant \"%.80s\": names must be words of a-z, 0-9 and -, of at most %d letters",
                             v->name ? v->name : "", (int)LETTERS);
    if (!v->summary || !v->encode || !v->decode || !v->loss || !v->pooled != !v->of_pooled)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "variant %s: needs a summary, encode, decode and loss, and pooled only with of_pooled",
                             v->name);
    return check_options(v, err);
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
