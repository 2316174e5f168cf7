/* test_schedules.c - learning-rate schedules: their ends, PyTorch's numbers (tests/reference), and plateaus. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "optim/optim.h"

/* After an infinite loss every finite one is better. */
START_TEST(a_plateau_after_an_infinite_loss)
{
    const pal_schedule s = {.name = "plateau", .learning_rate = 1, .factor = 0.5, .patience = 1};
    pal_plateau p = {0};
    const double losses[] = {INFINITY, 10, 9, 8, 8, 8};
    for (size_t i = 0; i < 6; i++) ck_assert(pal_plateau_add(&p, &s, losses[i]) == (i == 5));
    ck_assert(!pal_plateau_add(NULL, &s, 1) && !pal_plateau_add(&p, NULL, 1));
}
END_TEST

Suite *schedules_suite(void);

#ifndef PAL_REFERENCE_DIR
#define PAL_REFERENCE_DIR "tests/reference"
#endif

START_TEST(schedules_meet_their_ends)
{
    const pal_schedule constant = {.name = "constant", .learning_rate = 0.5},
                       warm = {.name = "constant", .learning_rate = 0.5, .warmup = 4},
                       step = {.name = "step", .learning_rate = 0.5, .factor = 0.5, .every = 10},
                       cosine = {.name = "cosine", .learning_rate = 0.5, .final_rate = 0.1, .total = 101},
                       line = {.name = "polynomial", .learning_rate = 0.5, .final_rate = 0.1, .total = 101},
                       square = {.name = "polynomial",
                                 .learning_rate = 0.5,
                                 .final_rate = 0.1,
                                 .total = 101,
                                 .power = 2},
                       both = {.name = "cosine", .learning_rate = 0.5, .warmup = 10, .total = 110};
    const struct {
        const pal_schedule *schedule;
        uint64_t step;
        double rate;
    } cases[] = {{&constant, 1, 0.5}, {&constant, 1000000, 0.5}, {&warm, 1, 0.125},  {&warm, 3, 0.375},
                 {&warm, 4, 0.5},     {&warm, 5, 0.5},           {&step, 1, 0.5},    {&step, 10, 0.5},
                 {&step, 11, 0.25},   {&step, 31, 0.0625},       {&cosine, 1, 0.5},  {&cosine, 51, 0.3},
                 {&cosine, 101, 0.1}, {&cosine, 999, 0.1},       {&both, 1, 0.05},   {&both, 10, 0.5},
                 {&both, 60, 0.25},   {&both, 110, 0},           {&line, 1, 0.5},    {&line, 51, 0.3},
                 {&line, 101, 0.1},   {&line, 999, 0.1},         {&square, 51, 0.2}, {&square, 76, 0.125}};
    ck_assert(pal_schedule_uses_total("polynomial") && pal_schedule_uses_total("one-cycle"));
    ck_assert(!pal_schedule_uses_total("plateau") && !pal_schedule_uses_total("linear"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_double_eq_tol(pal_schedule_rate(cases[i].schedule, cases[i].step), cases[i].rate, 1e-15);
    ck_assert(pal_schedule_known("cosine") && !pal_schedule_known("linear") && !pal_schedule_known(NULL));
    ck_assert(isnan(pal_schedule_rate(&(pal_schedule){.name = "linear"}, 1)));
}
END_TEST

static size_t numbers(char *at, double *out, size_t most)
{
    size_t n = 0;
    for (char *end; n < most; at = end, n++) {
        out[n] = strtod(at, &end);
        if (end == at) break;
    }
    return n;
}

/* One-cycle and plateau are PyTorch's: the same rate at every step, and after every loss. */
START_TEST(schedules_agree_with_pytorch)
{
    static char line[8192];
    static double x[256];
    int cases = 0;
    FILE *file = fopen(PAL_REFERENCE_DIR "/schedules.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        char *at = strstr(line, " rates ");
        pal_schedule s = {.learning_rate = 1};
        unsigned long long total, patience;
        if (*line == '#' || !at) continue;
        const size_t n = numbers(at + 7, x, 256);
        if (sscanf(line, "one-cycle %llu %lf %lf %lf", &total, &s.rise, &s.learning_rate, &s.final_rate) == 4) {
            s.name = "one-cycle";
            s.total = total;
            ck_assert_uint_eq(n, total);
            for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol(pal_schedule_rate(&s, i + 1), x[i], 1e-14);
        } else {
            pal_plateau p = {0};
            ck_assert_int_eq(sscanf(line, "plateau %llu %lf %lf", &patience, &s.factor, &s.final_rate), 3);
            s.name = "plateau";
            s.patience = patience;
            ck_assert_uint_eq(n, 120);
            for (size_t i = 0; i < n; i += 2) {
                const uint64_t before = s.reductions;
                const bool falls = pal_plateau_add(&p, &s, x[i]);
                ck_assert(!pal_plateau_add(&p, &s, (double)NAN));
                s.reductions = p.reductions;
                ck_assert_uint_eq(s.reductions, before + falls);
                ck_assert_double_eq_tol(pal_schedule_rate(&s, i + 1), x[i + 1], 1e-15);
            }
            ck_assert_uint_gt(s.reductions, 2);
        }
        cases++;
    }
    fclose(file);
    ck_assert_int_eq(cases, 6);
}
END_TEST

/* Losses below 0 get better downwards, too. */
START_TEST(a_plateau_of_negative_losses)
{
    const pal_schedule s = {.name = "plateau", .learning_rate = 1, .factor = 0.5, .patience = 1};
    pal_plateau p = {0};
    const double losses[] = {-1, -2, -2.0001, -2.0001, -3, -3, -3};
    for (size_t i = 0; i < 7; i++) ck_assert(pal_plateau_add(&p, &s, losses[i]) == (i == 3 || i == 6));
}
END_TEST

Suite *schedules_suite(void)
{
    Suite *suite = suite_create("schedules");
    add_case(suite, "schedules", NULL, NULL,
             TESTS(schedules_meet_their_ends, schedules_agree_with_pytorch, a_plateau_of_negative_losses,
                   a_plateau_after_an_infinite_loss));
    return suite;
}
