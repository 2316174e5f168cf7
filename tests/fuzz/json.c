/* json.c - changes of JSON documents that keep them JSON. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/json.h"

static json_t *value(const char *const *values, uint64_t *rng)
{
    switch (fuzz_below(rng, 9)) {
    case 0:
        return json_integer((json_int_t)strtoll(fuzz_number(rng), NULL, 10));
    case 1:
        return json_real((double)(int64_t)fuzz_random(rng) * 0x1p-40);
    case 2:
        return json_string(fuzz_number(rng));
    case 3:
        return fuzz_chance(rng, 2) ? json_true() : json_null();
    case 4:
        return fuzz_chance(rng, 2) ? json_object() : json_array();
    case 5:
        return json_pack("[i, i]", (int)fuzz_below(rng, 9), (int)fuzz_below(rng, 99));
    case 6:
        return json_integer((json_int_t)fuzz_below(rng, 20));
    default:
        return json_string(fuzz_word(values, rng));
    }
}

/* Number k of the values below `at`, counted in depth: *k falls to 0. Returns what holds it, and its name or index. */
static json_t *find(json_t *at, size_t *k, const char **name, size_t *index)
{
    const char *key;
    json_t *inner, *found;
    if (json_is_object(at)) {
        json_object_foreach(at, key, inner)
        {
            *name = key;
            if (!(*k)--) return at;
            if ((found = find(inner, k, name, index))) return found;
        }
    } else if (json_is_array(at)) {
        for (size_t i = 0; i < json_array_size(at); i++) {
            *index = i;
            if (!(*k)--) return at;
            if ((found = find(json_array_get(at, i), k, name, index))) return found;
        }
    }
    return NULL;
}

static size_t count(const json_t *at)
{
    size_t n = 0;
    const char *key;
    json_t *inner;
    if (json_is_object(at)) json_object_foreach((json_t *)(uintptr_t)at, key, inner) n += 1 + count(inner);
    if (json_is_array(at))
        for (size_t i = 0; i < json_array_size(at); i++) n += 1 + count(json_array_get(at, i));
    return n;
}

void fuzz_json_change(json_t *document, const char *const *names, const char *const *values, uint64_t *rng)
{
    size_t k = fuzz_below(rng, count(document)), index = 0;
    const char *name = NULL;
    json_t *holder = find(document, &k, &name, &index);
    const size_t kind = fuzz_below(rng, 6);
    if (!holder) holder = document;
    if (json_is_array(holder)) {
        if (kind < 3)
            json_array_set_new(holder, index, value(values, rng));
        else if (kind == 3)
            json_array_remove(holder, index);
        else if (kind == 4)
            json_array_append_new(holder, value(values, rng));
        else
            json_array_insert_new(holder, 0, value(values, rng));
    } else if (json_is_object(holder)) {
        if (kind < 3 && name)
            json_object_set_new(holder, name, value(values, rng));
        else if (kind == 3 && name)
            json_object_del(holder, name);
        else if (kind == 4 && name && json_object_get(holder, name))
            json_object_set_new(holder, fuzz_word(names, rng), json_deep_copy(json_object_get(holder, name)));
        else
            json_object_set_new(holder, fuzz_word(names, rng), value(values, rng));
    }
}

char *fuzz_json_text(const json_t *document, size_t flags, size_t room)
{
    char *text = json_dumps(document, flags);
    if (text && strlen(text) <= room) return text;
    free(text);
    return NULL;
}

bool fuzz_json_change_text(fuzz_bytes *b, size_t flags, const char *const *names, const char *const *values,
                           uint64_t *rng)
{
    json_t *document = json_loadb((char *)b->data, b->size, JSON_ALLOW_NUL, NULL);
    if (!document) return false;
    for (size_t n = 1 + fuzz_below(rng, 2); n; n--) fuzz_json_change(document, names, values, rng);
    char *text = fuzz_json_text(document, flags, b->room);
    if (text) fuzz_splice(b, 0, b->size, text, strlen(text));
    free(text);
    json_decref(document);
    return true;
}
