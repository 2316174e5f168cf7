/* json_text.c - values of jansson from text and back.
 *
 * jansson (2.14) is sound where it builds values and where it hands out a text piece by piece, but not where it reads a
 * text or collects one: if an allocation fails there, letters are missing, or memory is overwritten. So the text is
 * read by models/file/json.c and collected here. The program has its own copy of this file. */
#include "train/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/file/json.h"

enum { DEEPEST = 32, LARGEST = 1 << 24 }; /* a run has thousands of letters, and three levels */

static json_t *read_value(pal__json *j, int depth);

/* NULL: *j says what is wrong, or memory ran out. */
static json_t *read_object(pal__json *j, int depth)
{
    json_t *object = json_object();
    bool ok = object && pal__json_enter(j, '{');
    while (ok && pal__json_next(j, '}')) {
        const char *key = pal__json_key(j);
        json_t *value = key ? read_value(j, depth + 1) : NULL;
        if (value && json_object_get(object, key) && !j->wrong) j->wrong = "a name is there twice";
        if (j->wrong) json_decref(value);
        ok = value && !j->wrong && !json_object_set_new_nocheck(object, key, value);
    }
    if (ok && !j->wrong) return object;
    json_decref(object);
    return NULL;
}

static json_t *read_list(pal__json *j, int depth)
{
    json_t *list = json_array();
    bool ok = list && pal__json_enter(j, '[');
    while (ok && pal__json_next(j, ']')) ok = !json_array_append_new(list, read_value(j, depth + 1));
    if (ok && !j->wrong) return list;
    json_decref(list);
    return NULL;
}

static json_t *read_number(pal__json *j)
{
    pal__json_number number;
    if (!pal__json_number_read(j, &number)) return NULL;
    return number.whole ? json_integer(number.integer) : json_real(number.real);
}

static json_t *read_value(pal__json *j, int depth)
{
    const char *text;
    if (depth > DEEPEST && !j->wrong) j->wrong = "it is nested too deeply";
    switch (pal__json_peek(j)) {
    case '{':
        return read_object(j, depth);
    case '[':
        return read_list(j, depth);
    case '"':
        text = pal__json_text(j);
        return text ? json_string_nocheck(text) : NULL;
    case '0':
        return read_number(j);
    case 't':
        return pal__json_word(j, "true") ? json_true() : NULL;
    case 'f':
        return pal__json_word(j, "false") ? json_false() : NULL;
    case 'n':
        return pal__json_word(j, "null") ? json_null() : NULL;
    default:
        if (!j->wrong) j->wrong = "a value is missing";
        return NULL;
    }
}

json_t *palt__json_load(const char *text, size_t size, int *line, const char **wrong)
{
    if (line) *line = 1;
    *wrong = size > LARGEST ? "more than 16 MiB of JSON" : NULL;
    char *copy = *wrong ? NULL : malloc(size + 1);
    if (!copy) return NULL;
    memcpy(copy, text, size);
    pal__json j = pal__json_start(copy, size);
    json_t *value = read_value(&j, 0);
    if (value && !pal__json_end(&j)) {
        json_decref(value);
        value = NULL;
    }
    if (line) *line = j.line;
    *wrong = j.wrong;
    free(copy);
    return value;
}

static int collect(const char *text, size_t size, void *user)
{
    pal__out *out = user;
    pal__out_add(out, text, size);
    return out->no_memory ? -1 : 0;
}

char *palt__json_dump(const json_t *value, size_t flags)
{
    pal__out out = {0};
    if (json_dump_callback(value, collect, &out, flags)) out.no_memory = true; /* it ignores some of our failures */
    pal__out_add(&out, "", 1);
    if (!out.no_memory) return out.text;
    free(out.text);
    return NULL;
}

void palt__real_text(double value, char *out, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, value);
        if (strtod(out, NULL) == value) return;
    }
}
