/* target_schedule.c - learning-rate schedules. For rates from 0 to 1, the rate at any step is finite and not above the
 * greatest of the rates that were given. */
#include <math.h>
#include <string.h>

#include "optim/optim.h"
#include "tests/fuzz/fuzz.h"

typedef struct numbers {
    uint64_t every, warmup, total, step;
    uint32_t rate, final, factor, name;
} numbers;

static void run(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"constant",  "step",    "cosine", "polynomial",
                                        "one-cycle", "plateau", "other",  NULL};
    numbers n;
    if (size < sizeof n) return;
    memcpy(&n, data, sizeof n);
    const char *name = names[n.name % 8];
    const pal_schedule s = {.name = name,
                            .learning_rate = n.rate * 0x1p-32,
                            .final_rate = n.final * 0x1p-32,
                            .factor = n.factor * 0x1p-32,
                            .every = n.every,
                            .warmup = n.warmup,
                            .total = n.total,
                            .power = n.factor * 0x1p-28,
                            .rise = n.final * 0x1p-32,
                            .reductions = n.every};
    const double rate = pal_schedule_rate(&s, n.step);
    if (!pal_schedule_known(name)) {
        fuzz_require(isnan(rate), "an unknown schedule has a rate");
        return;
    }
    const double most = fmax(s.learning_rate, s.final_rate);
    fuzz_require(rate >= 0 && rate <= most * (1 + 1e-12), "%s: the rate is %g, and the greatest %g", name, rate, most);
}

static void seeds(fuzz_seeds *to)
{
    for (uint32_t i = 0; i < 8; i++)
        for (uint64_t step = 0; step < 200; step += 40) {
            const numbers n = {10, 20 * (i % 2), 100, step, 1u << 30, 1u << 20, 1u << 31, i};
            fuzz_seed(to, &n, sizeof n);
        }
}

const fuzz_target target_schedule = {.name = "schedule",
                                     .summary = "learning-rate schedules",
                                     .most = sizeof(numbers),
                                     .base = 1 << 12,
                                     .factor = 1,
                                     .seeds = seeds,
                                     .run = run};
