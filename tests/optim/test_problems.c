/* test_problems.c - the minimisers on the problems of Moré, Garbow and Hillstrom, beside SciPy's
 * (tests/reference/optim.txt).
 *
 * With PAL_TABLE set in the environment the evaluations of both are printed. */
#include <math.h>
#include <stdio.h>

#include "tests/optim/problems.h"

Suite *problems_suite(void);

enum { STEPS = 30 };

static pal_context *c;

static void set_up(void) { c = context_with(1); }
static void tear_down(void) { pal_context_free(c); }

typedef struct reference { /* what SciPy's method of this name reached */
    double value;
    int evaluations, iterations;
    double path[STEPS + 1];
    int n; /* of path */
} reference;

static bool read_reference(const char *wanted, const char *method, reference *r)
{
    char line[4096], name[64], of[64];
    bool found = false;
    FILE *f = fopen(PAL_REFERENCE_DIR "/optim.txt", "r");
    ck_assert_ptr_nonnull(f);
    *r = (reference){0};
    while (fgets(line, sizeof line, f)) {
        int n, at = 0;
        if (sscanf(line, "problem %63s %63s %d %lf %d %d", name, of, &n, &r->value, &r->evaluations, &r->iterations) ==
                6 &&
            !strcmp(name, wanted) && !strcmp(of, method)) {
            ck_assert(fgets(line, sizeof line, f) && sscanf(line, "path %63s %63s%n", name, of, &at) == 2);
            for (char *to, *from = line + at; r->n <= STEPS; from = to) {
                r->path[r->n] = strtod(from, &to);
                if (to == from) break;
                r->n++;
            }
            found = true;
            break;
        }
    }
    fclose(f);
    return found;
}

/* sum of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2: a curved valley in five dimensions. */
static void chain(pal_tape *t, const pal_var *x, pal_var *r)
{
    (void)t;
    for (size_t i = 0; i < 4; i++) {
        r[2 * i] = pal_scale(pal_sub(x[i + 1], pal_square(x[i])), 10);
        r[2 * i + 1] = pal_one_minus(x[i]);
    }
}

/* Dai and Yuan's formula jams there without restarts: its directions become long and orthogonal to the gradient. */
START_TEST(no_method_jams_in_a_valley)
{
    static const double start[] = {-1.2, 1, 1, 1, 1};
    const problem valley = {"chain", 5, 8, start, 5, chain};
    for (size_t i = 0; i < pal_minimise_kinds(); i++) {
        recorded p;
        problem_open(&p, c, &valley, PAL_F64);
        const pal_objective f = problem_objective(&p);
        pal_minimiser *m = minimiser(&f, i, (pal_minimise_options){0});
        pal_minimise_end end;
        pal_minimise_report report;
        ck_assert_int_eq(pal_minimise(m, 400, &end, &report, NULL), PAL_OK);
        ck_assert_msg(end == PAL_MINIMISE_CONVERGED, "%s: %g after %lld iterations", pal_minimise_name(i), report.value,
                      (long long)report.iterations);
        pal_minimiser_free(m);
        problem_close(&p);
    }
}
END_TEST

/* Every method reaches a minimum that SciPy reaches, and needs a bounded number of evaluations. */
START_TEST(the_minima_of_scipy)
{
    for (size_t k = 0; problem_at(k); k++)
        for (size_t i = 0; i < pal_minimise_kinds(); i++) {
            recorded p;
            reference theirs;
            problem_open(&p, c, problem_at(k), PAL_F64);
            const pal_objective f = problem_objective(&p);
            const bool same = read_reference(p.of->name, pal_minimise_name(i), &theirs);
            if (!same) ck_assert(read_reference(p.of->name, "lbfgs", &theirs));
            pal_minimise_end end;
            pal_minimise_report r;
            pal_error err = {0};
            const pal_minimise_options o = {.struct_size = sizeof o, .method = pal_minimise_name(i), .gradient = 1e-9};
            pal_minimiser *m = pal_minimiser_new(&f, &o, &err);
            ck_assert_msg(m != NULL, "%s", err.text);
            ck_assert_msg(!pal_minimise(m, 5000, &end, &r, &err), "%s", err.text);
            if (getenv("PAL_TABLE"))
                printf(
                    "%-18s %-12s %12.5g  %5ld iterations %5ld evaluations %6ld products   SciPy %12.5g %5d %5d   end "
                    "%d gradient %.2g\n",
                    p.of->name, o.method, r.value, (long)r.iterations, (long)r.evaluations, (long)r.products,
                    theirs.value, same ? theirs.iterations : 0, same ? theirs.evaluations : 0, end, r.gradient);
            ck_assert_int_eq(r.evaluations, p.evaluations);
            ck_assert_int_eq(r.products, p.products);
            ck_assert_msg(fabs(r.value - theirs.value) <= 1e-9 * (1 + theirs.value), "%s %s: %.17g, not %.17g",
                          p.of->name, o.method, r.value, theirs.value);
            pal_minimiser_free(m);
            problem_close(&p);
        }
}
END_TEST

/* Somewhere an earlier iterate is better than the last; the damping changes by 3/2 and 2/3 alone. */
START_TEST(backtracking_and_damping)
{
    unsigned events = 0;
    for (size_t k = 0; problem_at(k); k++) {
        recorded p;
        problem_open(&p, c, problem_at(k), PAL_F64);
        const pal_objective f = problem_objective(&p);
        const pal_minimise_options o = {.struct_size = sizeof o, .method = "hessian-free", .damping = 0.1};
        pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
        double damping = 0.1;
        for (int step = 0; step < 30; step++) {
            pal_minimise_report r;
            pal_minimise_end end;
            ck_assert_int_eq(pal_minimiser_step(m, &end, &r, NULL), PAL_OK);
            if (end) break;
            const double factor = !(r.ratio >= 0.25) ? 1.5 : r.ratio > 0.75 ? 2.0 / 3 : 1;
            ck_assert(fabs(r.damping / damping - factor) < 1e-12 || (r.ratio == 0 && r.damping == damping));
            damping = r.damping;
            events |= r.events;
        }
        pal_minimiser_free(m);
        problem_close(&p);
    }
    ck_assert(events >> PAL_MET_BACKTRACK & 1);
}
END_TEST

/* The values after each of the first 30 steps are SciPy's, in every problem, until the method ends or the value is so
 * near to the minimum that rounding decides. Rounding grows from step to step: where the values differ by more than
 * 1e-7 of them, the comparison ends. Where the next direction of conjugate gradients would descend too little, SciPy
 * searches on and this library restarts: from there on the paths differ. */
START_TEST(the_paths_of_scipy)
{
    size_t compared = 0;
    for (size_t k = 0; problem_at(k); k++)
        for (size_t i = 0; i < pal_minimise_kinds(); i++) {
            recorded p;
            reference theirs;
            if (!read_reference(problem_at(k)->name, pal_minimise_name(i), &theirs)) continue;
            problem_open(&p, c, problem_at(k), PAL_F64);
            const pal_objective f = problem_objective(&p);
            const pal_minimise_options o = {.struct_size = sizeof o, .method = pal_minimise_name(i), .gradient = 1e-9};
            pal_minimiser *m = pal_minimiser_new(&f, &o, NULL);
            const double least = 1e-10 * (theirs.path[0] - theirs.value);
            double worst = 0;
            int agree = 0;
            for (int step = 1; step < theirs.n; step++) {
                pal_minimise_end end;
                pal_minimise_report r;
                ck_assert_int_eq(pal_minimiser_step(m, &end, &r, NULL), PAL_OK);
                if (r.events >> PAL_MET_NO_DESCENT & 1 || theirs.path[step] - theirs.value < least) break;
                const double error = fabs(r.value - theirs.path[step]) / theirs.path[step];
                ck_assert_msg(error < 1e-4, "%s %s step %d: %.17g, not %.17g", p.of->name, o.method, step, r.value,
                              theirs.path[step]);
                worst = fmax(worst, error);
                agree++;
                if (end || error > 1e-7) break;
            }
            if (getenv("PAL_TABLE"))
                printf("%-18s %-12s %2d of %2d steps compared, worst %.1e\n", p.of->name, o.method, agree, theirs.n - 1,
                       worst);
            compared += (size_t)agree;
            pal_minimiser_free(m);
            problem_close(&p);
        }
    ck_assert_uint_gt(compared, 400);
}
END_TEST

Suite *problems_suite(void)
{
    Suite *suite = suite_create("problems");
    add_case(suite, "problems", set_up, tear_down,
             TESTS(the_minima_of_scipy, the_paths_of_scipy, backtracking_and_damping, no_method_jams_in_a_valley));
    return suite;
}
