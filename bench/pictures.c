/* pictures.c - bench_pictures: the time to read a folder of pictures.
 *
 *     bench_pictures FOLDER [THREADS]
 *
 * Prints a line "FILES SECONDS SUM": how many pictures, the seconds to read them, and the sum of all their bytes, by
 * which another program can see that it read the same. A bar on standard error shows that the progress is reported. */
#include <inttypes.h>
#include <stdio.h>

#include "bench/clock.h"
#include "data/internal.h"

static void step(int64_t done, int64_t all, void *user)
{
    int *last = user;
    const int percent = (int)(100 * done / all);
    if (percent != *last) fprintf(stderr, "\r%3d %%%s", percent, done == all ? "\n" : "");
    *last = percent;
}

int main(int argc, char **argv)
{
    const int threads = argc > 2 ? atoi(argv[2]) : 0;
    if (argc < 2 || argc > 3 || threads < 0) return fprintf(stderr, "usage: bench_pictures FOLDER [THREADS]\n"), 2;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = (unsigned)threads});
    int last = -1;
    palt__raw raw;
    pal_error err = {0};
    const palt__progress progress = {step, &last};
    const double begin = now_us();
    if (!context || palt__raw_pictures(&raw, context, argv[1], NULL, &progress, NULL, &err) != PAL_OK)
        return fprintf(stderr, "bench_pictures: %s\n", context ? err.text : "no context"), 1;
    const double seconds = 1e-6 * (now_us() - begin);
    uint64_t sum = 0;
    for (size_t i = 0; i < pal_tensor_bytes(raw.values); i++) sum += ((const uint8_t *)raw.values->data)[i];
    printf("%" PRId64 " %.4f %" PRIu64 "\n", raw.values->shape.dim[0], seconds, sum);
    palt__raw_free(&raw);
    pal_context_free(context);
    return 0;
}
