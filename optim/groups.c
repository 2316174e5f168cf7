/* groups.c - parameters that train differently: a factor of the learning rate for all whose name begins in a certain
 * way.
 *
 * In: the text "PREFIX=FACTOR,...". Out: a list of groups, and for a name its group. A prefix ends where a part of the
 * name ends: "encoder/fc1" is that of "encoder/fc1/W", not of "encoder/fc10/W". Of several the longest counts. Text and
 * not a list of structs, because a command line and run.json then have the same as a program. */
#include "optim/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RATES_MOST = 4000 };

/* Reads one item, and returns where the next one begins; NULL: it is wrong. */
static const char *read_item(const char *at, pal__group *out)
{
    const size_t length = strcspn(at, ",");
    const char *equals = memchr(at, '=', length);
    char number[64], *end;
    if (!equals || equals == at || (size_t)(equals - at) >= sizeof out->prefix) return NULL;
    const size_t digits = length - (size_t)(equals + 1 - at);
    if (!digits || digits >= sizeof number) return NULL;
    memset(out->prefix, 0, sizeof out->prefix);
    memcpy(out->prefix, at, (size_t)(equals - at));
    memcpy(number, equals + 1, digits);
    number[digits] = 0;
    out->factor = strtod(number, &end);
    if (*end || !(out->factor >= 0 && out->factor <= 1e6)) return NULL;
    if (at[length] == ',' && !at[length + 1]) return NULL;
    return at + length + (at[length] == ',');
}

pal_status pal__groups_read(const char *text, pal__groups *out, pal_error *err)
{
    *out = (pal__groups){.n = 1, .group = {{.factor = 1}}};
    if (text && strlen(text) > RATES_MOST)
        return pal_error_set(err, PAL_ERR_ARGUMENT, "rates: a text of more than %d bytes: use shorter prefixes",
                             RATES_MOST);
    for (const char *at = text; at && *at;) {
        const char *item = at;
        if (out->n == PAL__GROUPS_MOST)
            return pal_error_set(err, PAL_ERR_ARGUMENT, "rates: at most %d prefixes", PAL__GROUPS_MOST - 1);
        pal__group *g = &out->group[out->n];
        at = read_item(item, g);
        if (!at)
            return pal_error_set(err, PAL_ERR_ARGUMENT,
                                 "rates: %.60s is not PREFIX=FACTOR with a factor from 0 to 1e6, such as encoder=0.1",
                                 item);
        for (size_t i = 1; i < out->n; i++)
            if (!strcmp(out->group[i].prefix, g->prefix))
                return pal_error_set(err, PAL_ERR_ARGUMENT, "rates: %s appears twice", g->prefix);
        out->n++;
    }
    return PAL_OK;
}

static bool begins(const char *name, const char *prefix) { return pal__begins(name, prefix, strlen(prefix)); }

size_t pal__groups_find(const pal__groups *groups, const char *name)
{
    size_t best = 0;
    for (size_t i = 1; i < groups->n; i++)
        if (begins(name, groups->group[i].prefix) &&
            strlen(groups->group[i].prefix) > strlen(groups->group[best].prefix))
            best = i;
    return best;
}

/* Every prefix of `elementwise` is that of a name. */
static pal_status check_elementwise(const char *prefixes, const char *const *names, size_t n, pal_error *err)
{
    for (const char *at = prefixes; at && *at;) {
        const size_t length = strcspn(at, ",");
        size_t i = 0;
        while (i < n && !(length && pal__begins(names[i], at, length))) i++;
        if (i == n)
            return pal_error_set(err, PAL_ERR_ARGUMENT, "elementwise: no parameter is called %.*s or %.*s/...%s%s",
                                 (int)fmin((double)length, 100), at, (int)fmin((double)length, 100), at,
                                 n ? ": the first is " : "", n ? names[0] : "");
        at += length + (at[length] == ',');
    }
    return PAL_OK;
}

pal_status pal_optimizer_check(const pal_optimizer_options *options, const char *const *names, size_t n, pal_error *err)
{
    pal_optimizer_options filled;
    const pal__update_rule *rule;
    pal__groups groups;
    if (n && !names) return pal_error_set(err, PAL_ERR_ARGUMENT, "optimizer: no names of the %zu parameters", n);
    if (pal__optimizer_options(options, &filled, &rule, err) || pal__groups_read(filled.rates, &groups, err))
        return PAL_ERR_ARGUMENT;
    for (size_t k = 1; k < groups.n; k++) {
        size_t i = 0;
        while (i < n && !begins(names[i], groups.group[k].prefix)) i++;
        if (i < n) continue;
        return pal_error_set(err, PAL_ERR_ARGUMENT, "rates: no parameter is called %s or %s/...%s%s",
                             groups.group[k].prefix, groups.group[k].prefix, n ? ": the first is " : "",
                             n ? names[0] : "");
    }
    return check_elementwise(filled.elementwise, names, n, err);
}
