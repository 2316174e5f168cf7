/* libfuzzer.c - runs one target, target_FUZZ_TARGET, under libFuzzer. Half of the changes keep the structure of the
 * input, half are libFuzzer's own. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

#define NAME_OF(name)   target_##name
#define TARGET_OF(name) (&NAME_OF(name))
static const fuzz_target *const target = TARGET_OF(FUZZ_TARGET);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

static void leave(void)
{
    if (target->close) target->close();
    fuzz_files_remove();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (target->open) target->open();
    atexit(leave);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(target, data, size);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    uint64_t rng = seed;
    if (room > target->most) room = target->most;
    if (size > room) size = room;
    if (seed % 2) return LLVMFuzzerMutate(data, size, room);
    fuzz_bytes b = {.data = data, .size = size, .room = room};
    fuzz_change(target, &b, &rng);
    return b.size;
}
