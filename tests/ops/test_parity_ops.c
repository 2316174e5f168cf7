/* test_parity_ops.c - values, first and second derivatives of the operations agree with PyTorch in float64.
 *
 * Both sides compute their inputs by the same formula. reference/ops.py writes PyTorch's numbers to reference/ops.txt.
 * Each case has a line
 *     case NAME | LABEL
 * followed by a line `y` (the values), `g` (the gradient of <s, y> by all inputs) and `h` (the derivative of <g, d> by
 * all inputs). An operation without a counterpart in PyTorch has the line
 *     none NAME | why
 * Every operation of the registry must be in the file. */
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 4096 };

/* The fractional part of a multiple of a golden-section step. The numbers are evenly spread, and they are the same
 * doubles in any language. */
static double spread(size_t i, double step, double start)
{
    double x = (double)(i + 1) * step + start;
    return x - floor(x);
}

typedef struct parity {
    pal_context *context;
    pal_tape *tape;
    pal_tensor *owned[3 * PAL_CASE_INPUTS];
    size_t n_owned, n;
    pal_var in[PAL_CASE_INPUTS], y, g[PAL_CASE_INPUTS], h[PAL_CASE_INPUTS];
} parity;

static pal_var leaf(parity *p, pal_shape shape, const char *kind, size_t k)
{
    char name[32];
    pal_tensor *t = pal_tensor_new(p->context, PAL_F64, shape);
    ck_assert_ptr_nonnull(t);
    p->owned[p->n_owned++] = t;
    snprintf(name, sizeof name, "%s%zu", kind, k);
    return pal_leaf(p->tape, t, name);
}

static void record(parity *p, const pal_op *op, size_t i)
{
    pal_case it;
    ck_assert(pal_gradcheck_op_case(op, i, &it));
    p->tape = pal_tape_new(p->context, PAL_F64);
    p->n_owned = 0;
    p->n = it.n;
    for (size_t k = 0; k < it.n; k++) {
        p->in[k] = leaf(p, it.in[k].shape, "x", k);
        pal_tensor *t = pal_leaf_tensor(p->in[k]);
        for (size_t e = 0; e < pal_tensor_count(t); e++)
            pal_tensor_set(t, e,
                           it.in[k].low +
                               (it.in[k].high - it.in[k].low) * spread(e, 0.6180339887498949, 0.137 * (double)(k + 1)));
    }
    p->y = it.build(p->tape, p->in, it.user);
    ck_assert_tape_ok(p->tape);
    pal_var s = leaf(p, pal_shape_of(p->y), "s", 0);
    pal_tensor *t = pal_leaf_tensor(s);
    for (size_t e = 0; e < pal_tensor_count(t); e++) pal_tensor_set(t, e, 0.5 + spread(e, 0.7548776662466927, 0));
    pal_vjp(p->y, s, p->in, it.n, p->g);
    for (size_t k = 0; k < it.n; k++) {
        pal_var d = leaf(p, it.in[k].shape, "d", k), part[PAL_CASE_INPUTS];
        t = pal_leaf_tensor(d);
        for (size_t e = 0; e < pal_tensor_count(t); e++)
            pal_tensor_set(t, e, 1 - 2 * spread(e, 0.5698402909980532, 0.31 * (double)(k + 1)));
        pal_vjp(p->g[k], d, p->in, it.n, part);
        for (size_t j = 0; j < it.n; j++) p->h[j] = k ? pal_add(p->h[j], part[j]) : part[j];
    }
    ck_assert_tape_ok(p->tape);
}

static void forget(parity *p)
{
    pal_tape_free(p->tape);
    for (size_t i = 0; i < p->n_owned; i++) pal_tensor_free(p->owned[i]);
}

/* Writes the elements of all n values to out, converted to doubles. Returns their number. */
static size_t compute(pal_tape *tape, const pal_var *v, size_t n, double *out)
{
    size_t count = 0;
    pal_program *p = pal_compile(tape, v, n, NULL);
    ck_assert_tape_ok(tape);
    ck_assert_msg(pal_run(p) == PAL_OK, "%s", pal_program_error(p));
    for (size_t k = 0; k < n; k++)
        for (size_t e = 0; e < pal_tensor_count(pal_output(p, k)) && count < MOST; e++)
            out[count++] = pal_tensor_get(pal_output(p, k), e);
    pal_program_free(p);
    return count;
}

/* Compares the numbers of a line with ours. The error is relative to the larger of both numbers, and to at least 1e-3
 * of the largest number of the line or of 1. Returns the worst error. */
static double compare(const char *line, const double *ours, size_t n, const char *what)
{
    double worst = 0, largest = 1;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(ours[i]));
    size_t i = 0;
    for (char *end; *line && *line != '\n'; line = end, i++) {
        double theirs = strtod(line, &end);
        ck_assert_msg(end != line && i < n, "%s: %zu numbers here, more in the file", what, n);
        if (theirs == ours[i] || (isnan(theirs) && isnan(ours[i]))) continue;
        double error = fabs(theirs - ours[i]) / fmax(fmax(fabs(theirs), fabs(ours[i])), 1e-3 * largest);
        ck_assert_msg(error <= 1e-10, "%s, element %zu: %.15g here, %.15g in PyTorch", what, i, ours[i], theirs);
        worst = fmax(worst, error);
    }
    ck_assert_msg(i == n, "%s: %zu numbers here, %zu in the file", what, n, i);
    return worst;
}

static size_t case_of(const pal_op *op, const char *label)
{
    pal_case it;
    size_t i = 0;
    while (pal_gradcheck_op_case(op, i, &it) && strcmp(it.label, label) != 0) i++;
    return i;
}

START_TEST(values_and_derivatives_are_those_of_pytorch)
{
    FILE *f = fopen(PAL_REFERENCE_DIR "/ops.txt", "r");
    ck_assert_ptr_nonnull(f);
    static char line[1 << 17];
    static double ours[MOST];
    parity p = {.context = context_with(1)};
    bool seen[1024] = {false}, open = false;
    size_t checked = 0;
    char name[64] = "", label[128] = "", what[256];
    while (fgets(line, sizeof line, f)) {
        if (*line == '#' || *line == '\n') continue;
        if (sscanf(line, "case %63s | %127[^\n]", name, label) == 2 || sscanf(line, "none %63s |", name) == 1) {
            if (open) forget(&p);
            open = *line == 'c';
            size_t o = 0;
            while (pal_op_at(o) && strcmp(pal_op_at(o)->name, name) != 0) o++;
            ck_assert_msg(pal_op_at(o) != NULL, "reference/ops.txt has %s, the registry has not: make it anew", name);
            seen[o] = true;
            if (open) record(&p, pal_op_at(o), case_of(pal_op_at(o), label));
            continue;
        }
        ck_assert(open);
        snprintf(what, sizeof what, "%s (%s), %c", name, label, *line);
        size_t n = *line == 'y' ? compute(p.tape, &p.y, 1, ours) : compute(p.tape, *line == 'g' ? p.g : p.h, p.n, ours);
        compare(line + 1, ours, n, what);
        checked++;
    }
    if (open) forget(&p);
    for (size_t o = 0; pal_op_at(o); o++)
        ck_assert_msg(seen[o], "%s is not in reference/ops.txt: run reference/ops.py", pal_op_at(o)->name);
    ck_assert_uint_gt(checked, 300);
    fclose(f);
    pal_context_free(p.context);
}
END_TEST

Suite *parity_ops_suite(void)
{
    Suite *s = suite_create("parity_ops");
    TCase *k = tcase_create("parity_ops");
    tcase_add_test(k, values_and_derivatives_are_those_of_pytorch);
    tcase_set_timeout(k, 120);
    suite_add_tcase(s, k);
    return s;
}
