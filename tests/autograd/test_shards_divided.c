/* test_shards_divided.c - updates that the processes divide among themselves: after pal_program_settle every leaf has
 * the bits that it has without. */
#include "tests/autograd/shards.h"

Suite *shards_divided_suite(void);

enum { N = 40001, SHARDS = 4, STEPS = 3, OUTPUTS = 2 }; /* so large that a message is a bucket of its own */

typedef enum kind {
    MOMENTUM,
    MOMENT_IS_OUTPUT,
    ASSIGN_IS_OUTPUT,
    ASSIGN_IS_READ,
    UPDATE_IS_OUTPUT,
    LEAF_IS_OUTPUT,
    KINDS
} kind;
static const char *const kinds[] = {"momentum",          "a moment is an output",  "an assign is an output",
                                    "an assign is read", "an update is an output", "a leaf is an output"};

typedef struct job {
    kind kind;
    bool divide;
    unsigned passes;
    double *w, *m, *out; /* of all elements */
} job;

static pal_program *compile(const job *j, pal_tape *t, pal_tensor *xs, pal_tensor *ws, pal_tensor *ms)
{
    const pal_var x = pal_leaf_rows(t, xs, "x"), w = pal_leaf(t, ws, "w"), m = pal_leaf(t, ms, "m");
    pal_var g, outputs[OUTPUTS];
    pal_grad(pal_sum_all(pal_square(pal_sub(pal_mul(x, pal_tanh(w)), w))), &w, 1, &g);
    g = pal_all_mean(g);
    const pal_var new_m = pal_add(pal_scale(m, 0.9), g), assigned = pal_assign(m, new_m);
    const pal_var update = pal_sub(w, pal_scale(new_m, 0.01));
    const pal_var written = pal_assign(w, update);
    outputs[0] = pal_all_sum(pal_sum_all(x));
    outputs[1] = j->kind == MOMENT_IS_OUTPUT   ? m
                 : j->kind == ASSIGN_IS_OUTPUT ? assigned
                 : j->kind == ASSIGN_IS_READ   ? pal_flip(pal_scale(assigned, 2), 1)
                 : j->kind == UPDATE_IS_OUTPUT ? update
                 : j->kind == LEAF_IS_OUTPUT   ? written
                                               : outputs[0];
    const pal_compile_options o = {.struct_size = sizeof o, .effects = true, .passes = j->passes, .divide = j->divide};
    return pal_compile(t, outputs, OUTPUTS, &o);
}

static void copy(double *to, const pal_tensor *from)
{
    for (size_t i = 0; i < pal_tensor_count(from); i++) to[i] = pal_tensor_get(from, i);
}

static void train(process *p)
{
    job *j = p->user;
    pal_tensor *xs = pal_tensor_new(p->context, PAL_F64, PAL_SHAPE(p->local, N));
    pal_tensor *ws = random_tensor(p->context, PAL_F64, PAL_SHAPE(N), -1, 1, "w");
    pal_tensor *ms = pal_tensor_new(p->context, PAL_F64, PAL_SHAPE(N));
    for (size_t i = 0; i < pal_tensor_count(xs); i++)
        pal_tensor_set(xs, i, 0.001 * (double)(((size_t)p->first * N + i) % 1013));
    pal_tape *t = pal_tape_new(p->context, PAL_F64);
    pal_tape_share(t, &p->shards);
    pal_program *program = compile(j, t, xs, ws, ms);
    if (!program) snprintf(p->why, sizeof p->why, "%.350s", pal_tape_error(t));
    for (int i = 0; i < STEPS && program && !p->why[0]; i++)
        if (pal_run(program)) snprintf(p->why, sizeof p->why, "%.350s", pal_program_error(program));
    if (program) copy(j->out, pal_output(program, 1));
    if (j->kind == MOMENTUM) copy(j->out, ms); /* before it is whole */
    if (program && !p->why[0] && pal_program_settle(program)) snprintf(p->why, sizeof p->why, "it does not settle");
    copy(j->w, ws);
    copy(j->m, ms);
    pal_program_free(program);
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_tensor_free(ms);
}

static void on(int n, const job *like, job *out)
{
    void *user[MOST_PROCESSES];
    char why[400];
    for (int i = 0; i < n; i++) {
        out[i] = *like;
        out[i].w = calloc(N, sizeof(double));
        out[i].m = calloc(N, sizeof(double));
        out[i].out = calloc(N, sizeof(double));
        user[i] = &out[i];
    }
    run_together(n, SHARDS, 1, false, train, user, why);
    ck_assert_msg(!why[0], "%s", why);
}

static void release(job *jobs, int n)
{
    for (int i = 0; i < n; i++) {
        free(jobs[i].w);
        free(jobs[i].m);
        free(jobs[i].out);
    }
}

START_TEST(divided_updates_have_the_same_bits)
{
    static const unsigned passes[] = {PAL_PASS_ALL, PAL_PASS_NONE, PAL_PASS_FUSE};
    job like = {.kind = (kind)(_i % KINDS), .passes = passes[_i / KINDS]}, alone, some[MOST_PROCESSES];
    on(1, &like, &alone);
    like.divide = true;
    for (int n = 2; n <= MOST_PROCESSES; n++) {
        on(n, &like, some);
        for (int i = 0; i < n; i++) {
            ck_assert_msg(!memcmp(alone.w, some[i].w, N * sizeof(double)), "%s, %d: weights", kinds[like.kind], n);
            ck_assert_msg(!memcmp(alone.m, some[i].m, N * sizeof(double)), "%s, %d: moments", kinds[like.kind], n);
            const bool same = !memcmp(alone.out, some[i].out, N * sizeof(double));
            const bool in_parts = like.kind == MOMENTUM && like.passes != PAL_PASS_NONE && n != 3; /* no power of two */
            ck_assert_msg(same != in_parts, "%s, %d: %s", kinds[like.kind], n, in_parts ? "not divided" : "output");
        }
        release(some, n);
    }
    release(&alone, 1);
}
END_TEST

Suite *shards_divided_suite(void)
{
    Suite *suite = suite_create("shards_divided");
    TCase *tests = tcase_create("shards_divided");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, divided_updates_have_the_same_bits, 0, 3 * KINDS);
    suite_add_tcase(suite, tests);
    return suite;
}
