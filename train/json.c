/* json.c - converts structs to JSON objects and back, by a table of fields.
 *
 * The same table is used for writing and reading, so that the two cannot differ. Numbers are written with the fewest
 * digits that read back to the same value. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

/* Returns the object that contains the last part of a dotted name, and sets *last to that part. If the object is
 * missing and make is set, it is created. */
static json_t *holder(json_t *object, const char *name, bool make, const char **last)
{
    const char *dot = strchr(name, '.');
    *last = dot ? dot + 1 : name;
    if (!dot) return object;
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)(dot - name), name);
    json_t *inner = json_object_get(object, first);
    if (!inner && make && !json_object_set_new(object, first, json_object())) inner = json_object_get(object, first);
    return inner;
}

double palt__ten_digits(double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.10g", value);
    return strtod(text, NULL);
}

json_t *palt__json_string(const char *bytes)
{
    const size_t length = pal_text_escape(bytes, NULL, 0);
    char *text = malloc(length + 1);
    if (text) pal_text_escape(bytes, text, length + 1);
    json_t *value = text ? json_string(text) : NULL;
    free(text);
    return value;
}

bool palt__json_bytes(json_t *value)
{
    const char *text = json_string_value(value);
    char *bytes = text && strstr(text, "\\x") ? strdup(text) : NULL;
    if (!bytes) return !text || !strstr(text, "\\x");
    pal_text_unescape(bytes);
    const bool good = !json_string_set_nocheck(value, bytes);
    free(bytes);
    return good;
}

json_t *palt__json_figure(double value) { return isfinite(value) ? json_real(palt__ten_digits(value)) : json_null(); }

static json_t *value_of(const palt__field *field, const void *at)
{
    switch (field->kind) {
    case PALT__TEXT:
        return palt__json_string(*(const char *const *)at);
    case PALT__FLAG:
    case PALT__FLAG_IF:
        return json_boolean(*(const bool *)at);
    case PALT__COUNT:
    case PALT__COUNT_IF:
        return json_integer(*(const int64_t *)at);
    default:
        break;
    }
    double value = *(const double *)at;
    if (field->kind == PALT__FIGURE) return palt__json_figure(value);
    return isfinite(value) ? json_real(value) : json_null();
}

static bool is_left_out(const palt__field *field, const void *at)
{
    switch (field->kind) {
    case PALT__TEXT:
        return !*(const char *const *)at;
    case PALT__FLAG_IF:
        return !*(const bool *)at;
    case PALT__COUNT_IF:
        return !*(const int64_t *)at;
    case PALT__REAL_IF:
        return *(const double *)at == 0;
    default:
        return false;
    }
}

bool palt__json_set(json_t *object, const palt__field *fields, size_t n, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        const void *at = (const char *)from + fields[i].offset;
        const char *last;
        if (is_left_out(&fields[i], at)) continue;
        json_t *inner = holder(object, fields[i].name, true, &last);
        if (!inner || json_object_set_new(inner, last, value_of(&fields[i], at))) return false;
    }
    return true;
}

bool palt__json_get(json_t *object, const palt__field *fields, size_t n, void *to)
{
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        void *at = (char *)to + fields[i].offset;
        const char *last;
        const json_t *inner = holder(object, fields[i].name, false, &last);
        json_t *value = json_object_get(inner, last);
        switch (fields[i].kind) {
        case PALT__TEXT:
            good = good && palt__json_bytes(value);
            *(const char **)at = json_string_value(value);
            break;
        case PALT__FLAG:
        case PALT__FLAG_IF:
            *(bool *)at = json_is_true(value);
            break;
        case PALT__COUNT:
        case PALT__COUNT_IF:
            *(int64_t *)at = json_integer_value(value);
            break;
        default:
            *(double *)at = json_is_number(value)             ? json_number_value(value)
                            : fields[i].kind == PALT__REAL_IF ? 0
                                                              : (double)NAN;
        }
    }
    return good;
}

char *palt__json_text(const json_t *value, size_t flags)
{
    bool read = true; /* false: out of memory, or not JSON */
    for (size_t digits = 15; digits <= 17 && read; digits++) {
        const char *wrong;
        char *text = palt__json_dump(value, flags | JSON_REAL_PRECISION(digits));
        json_t *back = text ? palt__json_load(text, strlen(text), NULL, &wrong) : NULL;
        const bool same = json_equal(back, value);
        read = back != NULL;
        json_decref(back);
        if (same) return text;
        free(text);
    }
    return NULL;
}
