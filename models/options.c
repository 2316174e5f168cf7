/* options.c - typed options: parses and checks the text of a value, and stores the values of a model. */
#include "models/internal.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Checking ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool value;
} booleans[] = {
    /* clang-format off */
    {"yes", true}, {"true",  true},  {"on",  true},  {"1", true},
    {"no", false}, {"false", false}, {"off", false}, {"0", false},
    /* clang-format on */
};

static bool parse_bool(const pal_option *option, const char *text, double *number)
{
    (void)option;
    for (size_t i = 0; i < sizeof booleans / sizeof *booleans; i++) {
        if (strcmp(text, booleans[i].text) != 0) continue;
        *number = booleans[i].value;
        return true;
    }
    return false;
}

static bool begins_number(const char *text)
{
    return text[strspn(text, "+-")] && strchr("0123456789.", text[strspn(text, "+-")]);
}

static bool parse_int(const pal_option *option, const char *text, double *number)
{
    char *end;
    (void)option;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = (double)value;
    if (errno == ERANGE) *number = value < 0 ? -HUGE_VAL : HUGE_VAL; /* a whole number, but in no range */
    return begins_number(text) && end != text && !*end;
}

/* The decimal separator is a point in every locale. */
static bool parse_real(const pal_option *option, const char *text, double *number)
{
    char *end = NULL;
    (void)option;
    locale_t plain = begins_number(text) ? newlocale(LC_ALL_MASK, "C", (locale_t)0) : (locale_t)0;
    if (!plain) return false;
    *number = strtod_l(text, &end, plain);
    freelocale(plain);
    return end != text && !*end && isfinite(*number);
}

bool pal_choices_have(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *c = length && !strchr(text, '|') ? choices : NULL; c;
         c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (!strncmp(c, text, length) && (!c[length] || c[length] == '|')) return true;
    return false;
}

static bool parse_enum(const pal_option *option, const char *text, double *number)
{
    (void)number;
    return pal_choices_have(option->choices, text);
}

/* Numbers separated by commas. */
static bool parse_list(const pal_option *option, const char *text, double *list, size_t *n)
{
    bool (*const parse)(const pal_option *, const char *, double *) =
        option->type == PAL_OPTION_SIZES ? parse_int : parse_real;
    for (*n = 0; *text;) {
        char item[48];
        size_t length = strcspn(text, ",");
        if (*n == PAL_OPTION_LIST || length >= sizeof item) return false;
        memcpy(item, text, length);
        item[length] = 0;
        if (!parse(option, item, &list[(*n)++])) return false;
        text += length;
        if (*text && !*++text) return false; /* a comma at the end */
    }
    return true;
}

static bool parse_any_list(const pal_option *option, const char *text, double *number)
{
    double list[PAL_OPTION_LIST];
    size_t n;
    if (!parse_list(option, text, list, &n)) return false;
    *number = option->low;
    for (size_t i = 0; i < n && *number >= option->low && *number <= option->high; i++) *number = list[i];
    return true;
}

size_t pal__list_parse(const char *text, double out[PAL_OPTION_LIST])
{
    size_t n = 0;
    return parse_list(&(pal_option){.type = PAL_OPTION_REALS}, text, out, &n) ? n : 0;
}

static bool parse_none(const pal_option *option, const char *text, double *number)
{
    (void)option, (void)text, (void)number;
    return false;
}

static const struct {
    bool (*parse)(const pal_option *option, const char *text, double *number);
    const char *what;
    bool ranged;
    const char *reader; /* pal_option_READER */
} types[] = {
    /* clang-format off */
    [PAL_OPTION_INT]   = {parse_int,      "a whole number",                     true,  "int"},
    [PAL_OPTION_REAL]  = {parse_real,     "a number",                           true,  "real"},
    [PAL_OPTION_BOOL]  = {parse_bool,     "yes or no",                          false, "bool"},
    [PAL_OPTION_ENUM]  = {parse_enum,     NULL,                                 false, "enum"},
    [PAL_OPTION_SIZES] = {parse_any_list, "whole numbers separated by commas",  true,  "sizes"},
    [PAL_OPTION_REALS] = {parse_any_list, "numbers separated by commas",        true,  "reals"},
    [PAL_OPTION_NONE]  = {parse_none,     NULL,                                 false, NULL},
    /* clang-format on */
};

/* Says the range, and in brackets what the value means, without its own brackets. */
static pal_status out_of_range(const pal_option *option, const char *text, double value, pal_error *err)
{
    const char *help = option->help ? option->help : "", *bracket = strstr(help, " (");
    const int length = (int)(bracket ? (size_t)(bracket - help) : strlen(help));
    return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: %.80s is not in %.15g .. %.15g: choose %.15g or %s%s%.*s%s",
                         option->name, text, option->low, option->high,
                         value < option->low ? option->low : option->high, value < option->low ? "more" : "less",
                         length ? " (" : "", length, help, length ? ")" : "");
}

pal_status pal__option_parse(const pal_option *option, const char *text, double *number, pal_error *err)
{
    double value = 0;
    if (!option || option->type > PAL_OPTION_NONE) return pal_error_set(err, PAL_ERR_ARGUMENT, "no option");
    const bool enumerated = option->type == PAL_OPTION_ENUM;
    if (!text || !types[option->type].parse(option, text, &value))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "%s: \"%.80s\" is not %s%s", option->name, text ? text : "",
                             enumerated ? "one of " : types[option->type].what, enumerated ? option->choices : "");
    if (types[option->type].ranged && !(value >= option->low && value <= option->high))
        return out_of_range(option, text, value, err);
    if (number) *number = value;
    return PAL_OK;
}

pal_status pal_option_check(const pal_option *option, const char *text, pal_error *err)
{
    return pal__option_parse(option, text, NULL, err);
}

/* ---- The values of a model ------------------------------------------------------------------------------------ */

pal_status pal__value_set(pal__value *v, const char *text, pal_error *err)
{
    pal_status status = pal__option_parse(v->option, text, &v->number, err);
    if (status) return status;
    if (v->option->type == PAL_OPTION_BOOL) text = v->number != 0 ? "yes" : "no";
    char *kept = strdup(text);
    if (!kept) return pal_error_set(err, PAL_ERR_MEMORY, "%s: out of memory", v->option->name);
    free(v->text);
    v->text = kept;
    return PAL_OK;
}

pal__value *pal__value_find(pal__value *values, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (!strcmp(values[i].option->name, name)) return &values[i];
    return NULL;
}

void pal__values_free(pal__value *values, size_t n)
{
    for (size_t i = 0; values && i < n; i++) free(values[i].text);
    free(values);
}

const char *pal_model_setting(const pal_model *m, const char *name)
{
    const pal__value *v = m ? pal__value_find(m->values, m->n_values, name) : NULL;
    return v ? v->text : NULL;
}

/* ---- Access for variants -------------------------------------------------------------------------------------- */

/* Whether the names differ by one letter that is missing, added, or another, or by two letters that have changed
 * places. */
static bool is_slip(const char *a, const char *b)
{
    size_t head = 0, tail = 0, n = strlen(a), k = strlen(b);
    while (head < n && head < k && a[head] == b[head]) head++;
    while (tail < n - head && tail < k - head && a[n - 1 - tail] == b[k - 1 - tail]) tail++;
    n -= head + tail;
    k -= head + tail;
    return (n < 2 && k < 2) || (n == 2 && k == 2 && a[head] == b[head + 1] && a[head + 1] == b[head]);
}

static void refuse_unknown(const pal_model *m, const char *name)
{
    for (size_t i = 0; name && i < m->n_values; i++)
        if (is_slip(name, m->values[i].option->name)) {
            pal_tape_refuse(m->tape, "there is no option %s: did you mean %s?", name, m->values[i].option->name);
            return;
        }
    pal_tape_refuse(m->tape, "there is no option %s: add its row to the table, or correct the name",
                    name ? name : "without a name");
}

/* A variant that requests an option which its table lacks has an error; it becomes a failure on the tape. */
static const pal__value *ask(const pal_model *m, const char *name, pal_option_type type)
{
    static const pal__value none = {.text = (char *)(uintptr_t) ""};
    const pal__value *v = pal__value_find(m->values, m->n_values, name);
    if (v && v->option->type == type) return v;
    if (!v)
        refuse_unknown(m, name);
    else
        pal_tape_refuse(m->tape, "the option %s is to be read by pal_option_%s, not pal_option_%s", name,
                        types[v->option->type].reader, types[type].reader);
    return &none;
}

int64_t pal_option_int(const pal_model *m, const char *name) { return (int64_t)ask(m, name, PAL_OPTION_INT)->number; }
double pal_option_real(const pal_model *m, const char *name) { return ask(m, name, PAL_OPTION_REAL)->number; }
bool pal_option_bool(const pal_model *m, const char *name) { return ask(m, name, PAL_OPTION_BOOL)->number != 0; }
const char *pal_option_enum(const pal_model *m, const char *name) { return ask(m, name, PAL_OPTION_ENUM)->text; }

bool pal_option_is(const pal_model *m, const char *name, const char *choice)
{
    return choice && !strcmp(pal_option_enum(m, name), choice);
}

size_t pal_option_reals(const pal_model *m, const char *name, double out[PAL_OPTION_LIST])
{
    return pal__list_parse(ask(m, name, PAL_OPTION_REALS)->text, out);
}

size_t pal_option_sizes(const pal_model *m, const char *name, int64_t out[PAL_OPTION_LIST])
{
    double list[PAL_OPTION_LIST];
    size_t n = pal__list_parse(ask(m, name, PAL_OPTION_SIZES)->text, list);
    for (size_t i = 0; i < n; i++) out[i] = (int64_t)list[i];
    return n;
}

static bool is_yes(const char *text) { return strchr("yt1", *text) || !strcmp(text, "on"); }

bool pal_option_equal(const pal_option *option, const char *a, const char *b)
{
    if (option->type == PAL_OPTION_BOOL) return is_yes(a) == is_yes(b);
    const bool number = option->type == PAL_OPTION_INT || option->type == PAL_OPTION_REAL;
    return (number && strtod(a, NULL) == strtod(b, NULL)) || !strcmp(a, b);
}
