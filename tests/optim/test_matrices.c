/* test_matrices.c - rules for matrices: 30 steps as in tests/reference/matrices.txt; what orthogonalising makes of the
 * singular values; which parameters are matrices; zeros, NaN, one element; threads; missing memory. */
#include "tests/optim/mover.h"

#include <math.h>

#include "optim/internal.h"
#include "optim/lapack.h"
#include "tests/failing.h"

Suite *matrices_suite(void);

#ifndef PAL_REFERENCE_DIR
#define PAL_REFERENCE_DIR "tests/reference"
#endif

static pal_context *c;

static void set_up(void) { c = context_with(2); }
static void tear_down(void) { pal_context_free(c); }

/* ---- The reference --------------------------------------------------------------------------------------------- */

/* The random generator that tests/reference/README.md defines: 21 bits per draw. */
static void draw(uint64_t *state, pal_tensor *out, double shift)
{
    for (size_t i = 0; i < pal_tensor_count(out); i++) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        pal_tensor_set(out, i, (double)(*state >> 43) * 0x1p-21 + shift);
    }
}

typedef struct reference {
    mover m;
    pal_shape shape[MOST];
    size_t n;
    char name[MOST][16], text[64];
    uint64_t seed, state, step;
    double rate;
    int cases;
} reference;

static void read_parameter(reference *r, const char *line)
{
    int at;
    if (sscanf(line, "parameter %15s%n", r->name[r->n], &at) != 1) return;
    pal_shape *shape = &r->shape[r->n++];
    for (char *end; line[at] && line[at] != '\n'; at = (int)(end - line)) {
        shape->dim[shape->rank++] = strtoll(line + at, &end, 10);
    }
}

/* "case NAME optimizer KIND [KEY X]..." */
static void begin_case(reference *r, char *line)
{
    pal_optimizer_options o = {.struct_size = sizeof o};
    const struct {
        const char *key;
        double *to;
    } keys[] = {{"lr", &r->rate},    {"momentum", &o.momentum}, {"beta1", &o.beta1},
                {"beta2", &o.beta2}, {"eps", &o.epsilon},       {"weight_decay", &o.weight_decay}};
    strtok(line, " \n");
    strtok(NULL, " \n");
    for (char *key, *value; (key = strtok(NULL, " \n")) && (value = strtok(NULL, " \n"));) {
        bool known = true;
        if (!strcmp(key, "every"))
            o.precondition_every = strtoull(value, NULL, 10);
        else if (!strcmp(key, "max_dimension"))
            o.max_dimension = strtoll(value, NULL, 10);
        else if (!strcmp(key, "optimizer"))
            o.name = value;
        else if (!strcmp(key, "elementwise"))
            o.elementwise = value;
        else
            known = false;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (!strcmp(key, keys[i].key)) {
                *keys[i].to = strtod(value, NULL);
                known = true;
            }
        ck_assert_msg(known, "%s", key);
    }
    for (size_t i = 0; i < r->n; i++) add_parameter(&r->m, c, PAL_F64, r->name[i], r->shape[i]);
    r->state = r->seed;
    r->step = 0;
    for (size_t i = 0; i < r->n; i++) draw(&r->state, r->m.w[i], -0.5);
    for (size_t i = 0; i < r->n; i++) draw(&r->state, r->m.d[i], 0.5);
    make_program(&r->m, c, &o);
}

static void advance(reference *r, uint64_t step)
{
    while (r->step < step) {
        for (size_t i = 0; i < r->n; i++) draw(&r->state, r->m.t[i], -0.5);
        take_step(&r->m, ++r->step, r->rate);
    }
}

/* The greatest difference between the tensor and the numbers in the text. */
static double difference(const char *text, const pal_tensor *tensor)
{
    double worst = 0;
    for (size_t i = 0; i < pal_tensor_count(tensor); i++) {
        char *end;
        const double want = strtod(text, &end);
        ck_assert_ptr_ne(end, text);
        text = end;
        worst = fmax(worst, fabs(pal_tensor_get(tensor, i) - want));
    }
    return worst;
}

/* The eigenvectors of the first factors are given up to their signs, and anyhow where the values are equal, as where
 * they are 0. So the basis is checked, and that of the reference taken. */
static void take_basis(reference *r, const char *line)
{
    char side[8], name[16], state[64];
    int at;
    if (sscanf(line, "basis %7s %15s%n", side, name, &at) != 2) return;
    ck_assert_uint_eq(r->step, 1);
    ck_assert_int_eq(pal_optimizer_set_step(r->m.optimizer, 2, r->rate), PAL_OK);
    snprintf(state, sizeof state, "soap/%s/%s", side, name);
    pal_tensor *factor = state_of(&r->m, state);
    snprintf(state, sizeof state, "soap/%s-basis/%s", side, name);
    pal_tensor *basis = state_of(&r->m, state);
    ck_assert(factor && basis);
    diagonalises(basis, factor);
    const char *text = line + at;
    for (size_t i = 0; i < pal_tensor_count(basis); i++) {
        char *end;
        pal_tensor_set(basis, i, strtod(text, &end));
        text = end;
    }
    diagonalises(basis, factor);
}

/* The weights are of size 1; those of both programs are the same to 1e-12. */
START_TEST(thirty_steps_agree_with_the_papers)
{
    static reference r;
    char line[4096], name[16];
    int wanted = -1;
    unsigned long long seed, step, final;
    FILE *file = fopen(PAL_REFERENCE_DIR "/matrices.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        int at;
        if (sscanf(line, "sizes steps 30 seed %llu cases %d", &seed, &wanted) == 2) r.seed = seed;
        if (sscanf(line, "final-state %llu", &final) == 1) r.state = final;
        read_parameter(&r, line);
        if (!strncmp(line, "case ", 5)) begin_case(&r, line);
        take_basis(&r, line);
        if (sscanf(line, "w %llu %15s%n", &step, name, &at) == 2) {
            advance(&r, step);
            size_t i = 0;
            while (i + 1 < r.n && strcmp(r.name[i], name) != 0) i++;
            const double error = difference(line + at, r.m.w[i]);
            ck_assert_msg(error < (1e-12), "case %d, step %llu, %s: %g", r.cases + 1, step, name, error);
        }
        if (strcmp(line, "end\n") != 0) continue;
        ck_assert_uint_eq(r.step, 30);
        ck_assert_uint_eq(r.state, final);
        free_mover(&r.m);
        r.cases++;
    }
    fclose(file);
    ck_assert_int_eq(r.cases, wanted);
}
END_TEST

/* ---- Orthogonalising ------------------------------------------------------------------------------------------- */

static pal_tensor *orthogonalised(const pal_tensor *x)
{
    pal_tape *tape = pal_tape_new(c, x->dtype);
    pal_var y = pal__orthogonalised(pal_leaf(tape, (pal_tensor *)x, "x"));
    pal_program *p = pal_compile(tape, &y, 1, NULL);
    ck_assert_tape_ok(tape);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_tensor *out = pal_tensor_new(c, x->dtype, x->shape);
    memcpy(out->data, pal_output(p, 0)->data, pal_tensor_bytes(out));
    pal_program_free(p);
    pal_tape_free(tape);
    return out;
}

/* The squares of the singular values of x [rows, columns] that are not 0 by shape, ascending. */
static size_t squared_values(const pal_tensor *x, double out[64])
{
    const size_t rows = (size_t)x->shape.dim[0], columns = (size_t)x->shape.dim[1];
    const size_t n = rows < columns ? rows : columns, terms = rows < columns ? columns : rows;
    double gram[64 * 64];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            gram[i * n + j] = 0;
            for (size_t k = 0; k < terms; k++)
                gram[i * n + j] += rows < columns
                                       ? pal_tensor_get(x, i * columns + k) * pal_tensor_get(x, j * columns + k)
                                       : pal_tensor_get(x, k * columns + i) * pal_tensor_get(x, k * columns + j);
        }
    ck_assert_int_eq(pal__eigenvectors(c, PAL_F64, n, gram, out, NULL), PAL_OK);
    return n;
}

/* Singular values from 0.01 to 1 of the norm become 0.68 to 1.14, at any scale of the matrix, in both types; the
 * singular vectors stay, so that x'O(x) is symmetric. */
START_TEST(singular_values_are_near_one)
{
    const pal_shape shapes[] = {PAL_SHAPE(20, 20), PAL_SHAPE(8, 30), PAL_SHAPE(30, 8),
                                PAL_SHAPE(1, 9),   PAL_SHAPE(9, 1),  PAL_SHAPE(1, 1)};
    const double scales[] = {1e-4, 1, 1e12};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t k = 0; k < 3; k++)
            for (int single = 0; single < 2; single++) {
                pal_tensor *x = random_tensor(c, single ? PAL_F32 : PAL_F64, shapes[s], -scales[k], scales[k], "x");
                pal_tensor *y = orthogonalised(x);
                double of_x[64], of_y[64], norm = 0;
                const size_t n = squared_values(x, of_x);
                for (size_t i = 0; i < n; i++) norm += of_x[i];
                squared_values(y, of_y);
                if (sqrt(of_x[0] / norm) >= 0.01) ck_assert_double_ge(sqrt(of_y[0]), 0.6818 - 1e-4);
                ck_assert_double_ge(sqrt(of_y[1 % n]), 0.6818 - 1e-4);
                ck_assert_double_le(sqrt(of_y[n - 1]), 1.2025);
                if (n == 1) /* a vector: its direction */
                    for (size_t i = 0; i < pal_tensor_count(x); i++)
                        ck_assert_double_eq_tol(pal_tensor_get(y, i) / sqrt(of_y[0]),
                                                pal_tensor_get(x, i) / sqrt(of_x[0]), 1e-6);
                const size_t rows = (size_t)shapes[s].dim[0], columns = (size_t)shapes[s].dim[1];
                for (size_t i = 0; i < columns; i++)
                    for (size_t j = 0; j < i; j++) {
                        double one = 0, other = 0;
                        for (size_t r = 0; r < rows; r++) {
                            one += pal_tensor_get(x, r * columns + i) * pal_tensor_get(y, r * columns + j);
                            other += pal_tensor_get(x, r * columns + j) * pal_tensor_get(y, r * columns + i);
                        }
                        ck_assert_double_eq_tol(one, other, (single ? 1e-4 : 1e-12) * sqrt(norm));
                    }
                pal_tensor_free(x);
                pal_tensor_free(y);
            }
}
END_TEST

/* ---- Edges ----------------------------------------------------------------------------------------------------- */

static const char *const rules[] = {"muon", "soap"};
enum { RULES = sizeof rules / sizeof *rules };

static void make_mover(mover *m, pal_context *context, pal_dtype dtype, const pal_optimizer_options *o)
{
    const struct {
        const char *name;
        pal_shape shape;
    } parameters[] = {{"e/W", PAL_SHAPE(9, 70)}, {"d/W", PAL_SHAPE(70, 9)}, {"k", PAL_SHAPE(4, 3, 2, 2)},
                      {"one", PAL_SHAPE(1, 1)},  {"e/b", PAL_SHAPE(70)},    {"m/b", PAL_SHAPE(2, 2)}};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        add_parameter(m, context, dtype, parameters[i].name, parameters[i].shape);
        for (size_t k = 0; k < pal_tensor_count(m->w[i]); k++) {
            double u[2];
            pal_noise_uniform((pal_noise){.seed = 3}, parameters[i].name, 2 * k, 2, u);
            pal_tensor_set(m->w[i], k, u[0] - 0.5);
            pal_tensor_set(m->d[i], k, u[1] + 0.5);
        }
    }
    make_program(m, context, o);
}

static bool has(const mover *m, const char *wanted)
{
    const char *name;
    bool found = false;
    for (size_t i = 0; pal_optimizer_state(m->optimizer, i, &name); i++) found |= !strcmp(name, wanted);
    return found;
}

/* A bias is what has one axis or is named b; the mean squares that only Adam needs show which parameters it moves. */
START_TEST(muon_moves_matrices_and_adam_the_rest)
{
    const pal_optimizer_options o = {.struct_size = sizeof o, .name = "muon", .elementwise = "d,one"};
    mover m = {0};
    make_mover(&m, c, PAL_F32, &o);
    ck_assert_uint_eq(pal_optimizer_state_count(m.optimizer), 6 + 4);
    ck_assert(has(&m, "muon/m/e/W") && has(&m, "muon/m/e/b"));
    ck_assert(has(&m, "muon/v/e/b") && has(&m, "muon/v/m/b") && has(&m, "muon/v/d/W") && has(&m, "muon/v/one"));
    ck_assert(!has(&m, "muon/v/e/W") && !has(&m, "muon/v/k"));
    free_mover(&m);
    pal_error err = {0};
    const char *const names[] = {"e/W", "d/W"};
    const struct {
        const char *elementwise, *says;
    } cases[] = {{"e,d/W", NULL},
                 {"e,x", "elementwise: no parameter is called x or x/...: the first is e/W"},
                 {"e,,d", "elementwise: no parameter is called  or"},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const pal_optimizer_options with = {
            .struct_size = sizeof with, .name = "muon", .elementwise = cases[i].elementwise};
        const pal_status status = pal_optimizer_check(&with, names, 2, &err);
        ck_assert_int_eq(status, cases[i].says ? PAL_ERR_ARGUMENT : PAL_OK);
        if (cases[i].says) ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
    }
}
END_TEST

/* Without a gradient nothing moves, and all stays finite; a NaN reaches the weights, where training looks for it. */
START_TEST(zeros_rest_and_nan_shows)
{
    for (size_t k = 0; k < RULES; k++)
        for (int single = 0; single < 2; single++) {
            const pal_optimizer_options o = {.struct_size = sizeof o, .name = rules[k], .weight_decay = -1};
            mover m = {0};
            make_mover(&m, c, single ? PAL_F32 : PAL_F64, &o);
            double before[MOST];
            for (size_t i = 0; i < m.n; i++) {
                memcpy(m.t[i]->data, m.w[i]->data, pal_tensor_bytes(m.w[i]));
                before[i] = pal_tensor_get(m.w[i], 0);
            }
            for (uint64_t step = 1; step <= 13; step++) take_step(&m, step, 0.1);
            for (size_t i = 0; i < m.n; i++) ck_assert(pal_tensor_get(m.w[i], 0) == before[i]);
            pal_tensor_set(m.t[0], 5, (double)NAN);
            for (uint64_t step = 14; step <= 15; step++) take_step(&m, step, 0.1);
            ck_assert_uint_lt(pal_tensor_finite(m.w[0]), pal_tensor_count(m.w[0]));
            for (size_t i = 1; i < m.n; i++) ck_assert(pal_tensor_get(m.w[i], 0) == before[i]);
            free_mover(&m);
        }
}
END_TEST

/* The same bits with one worker and with two, for the same lanes. */
START_TEST(threads_do_not_change_the_bits)
{
    for (size_t k = 0; k < RULES; k++) {
        const pal_optimizer_options o = {.struct_size = sizeof o, .name = rules[k], .clip_norm = 2};
        mover m[2] = {{0}, {0}};
        for (unsigned threads = 1; threads <= 2; threads++) {
            pal_context *own = pal_context_new(
                &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads, .lanes = 2});
            mover *at = &m[threads - 1];
            make_mover(at, own, PAL_F32, &o);
            for (uint64_t step = 1; step <= 14; step++) take_step(at, step, 0.05);
            if (threads == 2)
                for (size_t i = 0; i < at->n; i++)
                    ck_assert_mem_eq(at->w[i]->data, m[0].w[i]->data, pal_tensor_bytes(at->w[i]));
        }
        for (int i = 0; i < 2; i++) {
            pal_context *own = m[i].w[0]->context;
            free_mover(&m[i]);
            pal_context_free(own);
        }
    }
}
END_TEST

static bool make(void *user)
{
    static const char *const names[] = {"W", "b"};
    const pal_optimizer_options options = {.struct_size = sizeof options, .name = user};
    pal_tensor *w[] = {pal_tensor_new(c, PAL_F32, PAL_SHAPE(3, 2)), pal_tensor_new(c, PAL_F32, PAL_SHAPE(3))};
    pal_error err = {0};
    pal_optimizer *o = w[0] && w[1] ? pal_optimizer_new(c, &options, w, names, 2, &err) : NULL;
    if (!o && w[0] && w[1]) failing_require(err.status == PAL_ERR_MEMORY);
    if (o) failing_require(pal_optimizer_state_count(o) >= 3);
    pal_optimizer_free(o);
    pal_tensor_free(w[0]);
    pal_tensor_free(w[1]);
    return o != NULL;
}

START_TEST(missing_memory_is_reported)
{
    const size_t before = pal_context_memory(c, NULL);
    for (size_t k = 0; k < RULES; k++) ck_assert(failing_each(make, (void *)rules[k], true) > 6 || !failing_can);
    ck_assert_uint_eq(pal_context_memory(c, NULL), before);
}
END_TEST

Suite *matrices_suite(void)
{
    Suite *suite = suite_create("matrices");
    add_case(suite, "matrices", set_up, tear_down,
             TESTS(thirty_steps_agree_with_the_papers, singular_values_are_near_one,
                   muon_moves_matrices_and_adam_the_rest, zeros_rest_and_nan_shows, threads_do_not_change_the_bits,
                   missing_memory_is_reported));
    return suite;
}
