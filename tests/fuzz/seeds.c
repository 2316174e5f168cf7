/* seeds.c - a list of seeds: bytes, texts, and files that the writers of the project made. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

fuzz_seeds *fuzz_seeds_new(void)
{
    fuzz_seeds *seeds = calloc(1, sizeof *seeds);
    fuzz_require(seeds, "out of memory");
    return seeds;
}

void fuzz_seeds_free(fuzz_seeds *seeds)
{
    for (size_t i = 0; i < seeds->n; i++) free(seeds->one[i].data);
    free(seeds);
}

void fuzz_seed(fuzz_seeds *to, const void *data, size_t size)
{
    if (to->n == FUZZ_SEEDS || size > FUZZ_MOST) return;
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_require(copy, "out of memory");
    memcpy(copy, data, size);
    to->one[to->n].data = copy;
    to->one[to->n++].size = size;
}

void fuzz_seed_text(fuzz_seeds *to, const char *text) { fuzz_seed(to, text, strlen(text)); }

void fuzz_seed_file(fuzz_seeds *to, const char *path)
{
    static uint8_t room[FUZZ_MOST + 1];
    FILE *file = fopen(path, "rb");
    if (!file) return;
    fuzz_seed(to, room, fread(room, 1, sizeof room, file));
    fclose(file);
}
