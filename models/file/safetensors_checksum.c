/* safetensors_checksum.c - the checksum of a safetensors file, by which a changed bit is found.
 *
 * It is that of the contents, not of the bytes of the header. So a program that writes the same header in other words
 * does not change it. Files without it, of other programs and of older versions, are read as they are. */
#include "models/internal.h"

#include <stdio.h>
#include <string.h>

static uint64_t hash_text(uint64_t before, const char *text) { return pal_hash(before, text, strlen(text) + 1); }

uint64_t pal__checksum_metadata(const pal__header *h)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < h->n_metadata; i++) {
        if (!strcmp(h->metadata[i].name, PAL__CHECKSUM)) continue;
        hash = hash_text(hash, h->metadata[i].name);
        hash = hash_text(hash, h->metadata[i].value);
    }
    return hash;
}

uint64_t pal__checksum_slot(uint64_t before, const pal__slot *slot)
{
    uint64_t hash = hash_text(before, slot->name);
    hash = hash_text(hash, pal__safetensors_dtype(slot->dtype));
    return pal_hash(hash, slot->shape.dim, (size_t)slot->shape.rank * sizeof *slot->shape.dim);
}

void pal__checksum_text(uint64_t checksum, char out[24])
{
    snprintf(out, 24, "xxh3 %016llx", (unsigned long long)checksum);
}
