/* hash.c - a fast hash of bytes, to find damage and mistakes; it does not protect against forgery.
 *
 * It is XXH3 of 64 bits (libxxhash), which is bound by memory and not by the processor: a checksum of zlib would take
 * longer than reading the file. */
#include "models/internal.h"

#include <xxhash.h>

uint64_t pal_hash(uint64_t before, const void *bytes, size_t size)
{
    return size ? XXH3_64bits_withSeed(bytes, size, before) : before;
}
