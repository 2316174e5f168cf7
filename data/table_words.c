/* table_words.c - a set of texts that numbers them in the order in which they come.
 *
 * The bytes lie one after another, so that a set with a million texts is a few blocks of memory. */
#include <stdlib.h>
#include <string.h>

#include "data/table_parts.h"

void palt__words_free(palt__words *words)
{
    free(words->bytes);
    free(words->word);
    free(words->slot);
    *words = (palt__words){0};
}

uint64_t palt__words_hash(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

/* The place of this text in `slot`, or the free one where it would be. */
static size_t find_slot(const palt__words *words, uint64_t hash, const char *text, size_t size)
{
    size_t at = hash & (words->slots - 1);
    for (; words->slot[at]; at = (at + 1) & (words->slots - 1)) {
        const palt__word *word = words->word + words->slot[at] - 1;
        if (word->hash == hash && word->size == size && !memcmp(words->bytes + word->at, text, size)) break;
    }
    return at;
}

int64_t palt__words_find(const palt__words *words, const char *text, size_t size)
{
    if (!words->n) return -1;
    return (int64_t)words->slot[find_slot(words, palt__words_hash(text, size), text, size)] - 1;
}

/* At most half of the slots are used. */
static bool grow_slots(palt__words *words)
{
    if (words->n + 1 <= words->slots / 2) return true;
    const size_t slots = words->slots ? words->slots * 2 : 16;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot) return false;
    free(words->slot);
    words->slot = slot;
    words->slots = slots;
    for (size_t i = 0; i < words->n; i++) {
        size_t at = words->word[i].hash & (slots - 1);
        while (slot[at]) at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    return true;
}

static bool grow(palt__words *words, size_t size)
{
    if (words->n >= UINT32_MAX - 1) return false;
    if (words->n == words->capacity) {
        const size_t capacity = words->capacity ? words->capacity * 2 : 8;
        palt__word *word = realloc(words->word, capacity * sizeof *word);
        if (!word) return false;
        words->word = word;
        words->capacity = capacity;
    }
    if (words->room - words->used <= size) {
        const size_t room = 2 * words->room + size + 64;
        char *bytes = realloc(words->bytes, room);
        if (!bytes) return false;
        words->bytes = bytes;
        words->room = room;
    }
    return grow_slots(words);
}

int64_t palt__words_take(palt__words *words, const char *text, size_t size, int64_t line)
{
    const uint64_t hash = palt__words_hash(text, size);
    if (words->n) {
        const uint32_t found = words->slot[find_slot(words, hash, text, size)];
        if (found) return (int64_t)found - 1;
    }
    if (!grow(words, size)) return -1;
    words->word[words->n] = (palt__word){words->used, size, hash, line};
    memcpy(words->bytes + words->used, text, size);
    words->bytes[words->used + size] = '\0';
    words->used += size + 1;
    words->slot[find_slot(words, hash, text, size)] = (uint32_t)++words->n;
    return (int64_t)words->n - 1;
}
