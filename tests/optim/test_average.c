/* test_average.c - averages of the weights: both kinds against their definitions, with every update rule that takes
 * one; the exchange of the two sets of weights; and what is refused. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "optim/optim.h"

Suite *average_suite(void);

enum { N = 3, STEPS = 40 };

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

typedef struct run { /* descent on the sum of squares of w - 1 */
    pal_tensor *w;
    pal_optimizer *optimizer;
    pal_program *program;
} run;

static run begin(const pal_optimizer_options *o)
{
    static const char *const name = "w";
    pal_error err = {0};
    run r = {.w = pal_tensor_new(c, PAL_F64, PAL_SHAPE(N))};
    for (size_t i = 0; i < N; i++) pal_tensor_set(r.w, i, 2 + 3 * (double)i);
    r.optimizer = pal_optimizer_new(c, o, &r.w, &name, 1, &err);
    ck_assert_msg(r.optimizer != NULL, "%s", err.text);
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var w = pal_leaf(t, r.w, name), y = pal_sum_squares(pal_shift(w, -1)), g;
    pal_grad(y, &w, 1, &g);
    ck_assert_int_eq(pal_optimizer_record(r.optimizer, t, &w, &g, 1), PAL_OK);
    r.program =
        pal_compile(t, &y, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    ck_assert_tape_ok(t);
    pal_tape_free(t);
    return r;
}

static void end(run *r)
{
    pal_program_free(r->program);
    pal_optimizer_free(r->optimizer);
    pal_tensor_free(r->w);
}

/* The mean of the weights of step 1 to t by its definition. seen: the weights after each step. */
static double wanted(const pal_optimizer_options *o, double seen[STEPS + 1][N], uint64_t t, size_t i)
{
    double sum = 0, weights = 0;
    for (uint64_t k = 1; k <= t; k++) {
        const bool counts = k >= o->average_start && (k - o->average_start) % o->average_every == 0;
        const double weight = strcmp(o->average, "equal") != 0 ? pow(o->average_decay, (double)(t - k)) : counts;
        sum += weight * seen[k][i];
        weights += weight;
    }
    return weights > 0 ? sum / weights : seen[t][i];
}

START_TEST(averages_are_what_they_say)
{
    static const struct {
        const char *average;
        double decay;
        uint64_t start, every;
    } rows[] = {{"exponential", 0.9, 1, 1}, {"exponential", 0.5, 1, 1}, {"equal", 0, 1, 1}, {"equal", 0, 7, 5}};
    static double seen[STEPS + 1][N];
    int tried = 0;
    for (size_t k = 0; k < pal_optimizer_kinds() * 4; k++) {
        if (!strcmp(pal_optimizer_name(k / 4), "kfac")) continue; /* it needs the curvature: test_kfac.c */
        const pal_optimizer_options o = {.struct_size = sizeof o,
                                         .name = pal_optimizer_name(k / 4),
                                         .average = rows[k % 4].average,
                                         .average_decay = rows[k % 4].decay,
                                         .average_start = rows[k % 4].start,
                                         .average_every = rows[k % 4].every};
        if (!strcmp(o.name, "schedule-free")) continue;
        pal_optimizer_options without = o;
        without.average = NULL;
        run r = begin(&o), plain = begin(&without);
        for (uint64_t t = 1; t <= STEPS; t++) {
            pal_optimizer_set_step(r.optimizer, t, 0.02);
            pal_optimizer_set_step(plain.optimizer, t, 0.02);
            ck_assert_int_eq(pal_run(r.program), PAL_OK);
            ck_assert_int_eq(pal_run(plain.program), PAL_OK);
            ck_assert(!memcmp(r.w->data, plain.w->data, pal_tensor_bytes(r.w))); /* it does not touch the training */
            memcpy(seen[t], r.w->data, pal_tensor_bytes(r.w));
            ck_assert(pal_optimizer_swap(r.optimizer));
            for (size_t i = 0; i < N; i++)
                ck_assert_double_eq_tol(pal_tensor_get(r.w, i), wanted(&o, seen, t, i), 1e-13);
            if (t <= o.average_start) /* the weights themselves, exactly */
                ck_assert(!memcmp(r.w->data, seen[t], pal_tensor_bytes(r.w)));
            ck_assert(pal_optimizer_swap(r.optimizer));
            ck_assert(!memcmp(r.w->data, seen[t], pal_tensor_bytes(r.w)));
        }
        const char *name;
        const size_t n = pal_optimizer_state_count(r.optimizer);
        size_t at = 0;
        while (pal_optimizer_state(r.optimizer, at, &name) && !strstr(name, "/training/w")) at++;
        ck_assert_uint_lt(at, n);
        ck_assert_uint_eq(n - 1, pal_optimizer_state_count(plain.optimizer));
        end(&r);
        end(&plain);
        tried++;
    }
    ck_assert_int_ge(tried, 40);
}
END_TEST

START_TEST(wrong_averages_are_named)
{
    static const struct {
        pal_optimizer_options o;
        const char *says;
    } rows[] = {
        {{.struct_size = sizeof(pal_optimizer_options), .name = "adam", .average = "mean"}, "unknown average mean"},
        {{.struct_size = sizeof(pal_optimizer_options), .name = "schedule-free", .average = "equal"},
         "schedule-free: its weights are an average already"},
        {{.struct_size = sizeof(pal_optimizer_options), .average = "exponential", .average_decay = 1},
         "average_decay 1 must be at least 0 and less than 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pal_error err = {0};
        ck_assert_ptr_null(pal_optimizer_new(c, &rows[i].o, NULL, NULL, 0, &err));
        ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s", err.text);
    }
    const pal_optimizer_options none = {
        .struct_size = sizeof(pal_optimizer_options), .name = "schedule-free", .average = "none"};
    pal_optimizer *o = pal_optimizer_new(c, &none, NULL, NULL, 0, NULL);
    ck_assert_ptr_nonnull(o);
    pal_optimizer_free(o);
}
END_TEST

Suite *average_suite(void)
{
    Suite *suite = suite_create("average");
    add_case(suite, "average", set_up, tear_down, TESTS(averages_are_what_they_say, wrong_averages_are_named));
    return suite;
}
