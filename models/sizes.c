/* sizes.c - makes `hidden` and `layers` agree on the size of the code.
 *
 * `layers` lists the encoder's layers; the last one is the code. An empty list means one layer of `hidden` units. A
 * given option takes precedence over a default: --hidden replaces the last of a variant's default layers. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

pal_status pal__sizes_settle(pal__value *values, size_t n, pal_error *err)
{
    pal__value *hidden = pal__value_find(values, n, "hidden"), *layers = pal__value_find(values, n, "layers");
    double size[PAL_OPTION_LIST];
    size_t count = layers && layers->option->type == PAL_OPTION_SIZES ? pal__list_parse(layers->text, size) : 0;
    if (!hidden || hidden->option->type != PAL_OPTION_INT || !count || size[count - 1] == hidden->number) return PAL_OK;
    if (hidden->given && hidden->number == 0) return PAL_OK; /* no affine layers at all: `layers` has no effect */
    if (hidden->given && layers->given)
        return pal_error_set(err, PAL_ERR_ARGUMENT,
                             "hidden %s and layers %.80s give different sizes of the code: give only one of them, or "
                             "the same size",
                             hidden->text, layers->text);
    char text[PAL_OPTION_LIST * 24];
    const char *last = strrchr(layers->text, ',');
    if (hidden->given) {
        snprintf(text, sizeof text, "%.*s%s", (int)(last ? last + 1 - layers->text : 0), layers->text, hidden->text);
        return pal__value_set(layers, text, err);
    }
    snprintf(text, sizeof text, "%.0f", size[count - 1]);
    return pal__value_set(hidden, text, err);
}
