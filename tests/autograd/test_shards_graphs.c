/* test_shards_graphs.c - random programs over a batch that is cut: the bits do not depend on the number of processes,
 * nor on when messages come, and the numbers are those of the whole batch.
 *
 * PAL_SHARDS_GRAPHS=N in the environment checks N graphs more; PAL_SHARDS_SEED says where these begin. */
#include <math.h>

#include "tests/autograd/shards.h"

Suite *shards_graphs_suite(void);

enum { FEATURES = 3, UNITS = 5, LEAVES = 4, VALUES = 400, GRAPHS = 60, PARTS = 4, STEPS = 3, WORDS = 24 };

typedef struct plan { /* what a seed chooses */
    uint64_t seed;
    int64_t shards, rows; /* of a shard */
    uint32_t word[WORDS];
} plan;

typedef struct run {
    const plan *plan;
    pal_dtype dtype;
    unsigned passes;
    bool whole;  /* the batch is not cut */
    bool divide; /* processes divide the updates among themselves */
    double v[VALUES];
    size_t n;
} run;

static plan plan_of(uint64_t seed)
{
    static const int64_t shards[] = {2, 3, 4, 8};
    plan p = {.seed = seed};
    uint64_t z = seed;
    for (size_t i = 0; i < WORDS; i++) {
        z = z * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        p.word[i] = (uint32_t)(z >> 33);
    }
    p.shards = shards[p.word[0] % 4];
    p.rows = 1 + p.word[1] % 3;
    return p;
}

/* ---- The computation ------------------------------------------------------------------------------------------- */

static pal_var mean_of_batch(pal_var h) { return pal_all_mean(pal_mean(h, 1, false)); }

/* What the batch as a whole says of h, and h without it. */
static pal_var with_batch(const plan *p, pal_var h)
{
    switch (p->word[2] % 6) {
    case 0:
        return pal_sub(h, mean_of_batch(h));
    case 1: {
        const pal_var centred = pal_sub(h, mean_of_batch(h));
        return pal_div(centred, pal_sqrt(pal_shift(mean_of_batch(pal_square(centred)), 0.1)));
    }
    case 2:
        return pal_sub(h, pal_stop_gradient(pal_all_max(pal_reduce_max(h, 1, false))));
    case 3:
        return pal_mul(h, pal_all_mean(pal_mean_all(h)));
    case 4: {
        const pal_var m = mean_of_batch(h); /* one sum that a second one is made of */
        return pal_add(h, mean_of_batch(pal_tanh(pal_mul(h, m))));
    }
    default:
        return h;
    }
}

static pal_var activation(pal_var z, uint32_t word)
{
    switch (word % 4) {
    case 0:
        return pal_tanh(z);
    case 1:
        return pal_sigmoid(z);
    case 2:
        return pal_softplus(z);
    default:
        return pal_sin(z);
    }
}

typedef struct inner {
    pal_var h, w;
    const plan *plan;
} inner;

static pal_var term(pal_tape *t, pal_var k, void *user)
{
    const inner *in = user;
    const pal_var factor = pal_shift(pal_cast(k, pal_dtype_of(in->h)), 1);
    pal_var y = pal_tanh(pal_mul(in->h, factor));
    if (in->plan->word[3] % 2) y = pal_mul(y, pal_uniform(t, "inside", PAL_SHAPE(pal_shape_of(in->h).dim[0], UNITS)));
    return y;
}

static pal_var again(pal_tape *t, pal_var k, void *user)
{
    (void)t, (void)k;
    return pal_tanh(((const inner *)user)->h);
}

/* The loss of a shard, or of the whole batch. */
static pal_var loss_of(const plan *p, pal_tape *t, pal_var x, const pal_var *w, pal_var *statistic)
{
    const int64_t rows = pal_shape_of(x).dim[0];
    if (p->word[4] % 2) x = pal_add(x, pal_scale(pal_normal(t, "input", PAL_SHAPE(rows, FEATURES)), 0.1));
    pal_var h = activation(pal_add(pal_matmul(x, w[0]), w[1]), p->word[5]);
    h = with_batch(p, h);
    *statistic = mean_of_batch(h);
    if (p->word[6] % 3 == 0) h = pal_map_sum(t, 3, term, &(inner){h, w[0], p});
    if (p->word[6] % 3 == 1) h = pal_recompute(t, again, &(inner){h, w[0], p});
    const pal_var y = pal_matmul(h, w[2]), error = pal_sub(pal_add(y, w[3]), x);
    pal_var loss = pal_mean_over_samples(p->word[7] % 2 ? pal_square(error) : pal_log1p(pal_square(error)));
    if (p->word[8] % 2) loss = pal_add(loss, pal_sum_all(pal_square(*statistic)));
    if (p->word[9] % 2) loss = pal_add(loss, pal_scale(pal_sum_squares(w[0]), 0.01));
    return loss;
}

static void update(const plan *p, const pal_var *w, const pal_var *moments, const pal_var *g)
{
    pal_var norm = {0};
    for (size_t i = 0; i < LEAVES; i++) norm = i ? pal_add(norm, pal_sum_squares(g[i])) : pal_sum_squares(g[i]);
    const pal_var factor = pal_reciprocal(pal_shift(pal_sqrt(norm), 1));
    for (size_t i = 0; i < LEAVES; i++) {
        pal_var step = g[i];
        if (p->word[10] % 2) step = pal_mul(step, factor);
        if (p->word[11] % 2) step = pal_assign(moments[i], pal_add(pal_scale(moments[i], 0.9), step));
        pal_assign(w[i], pal_sub(w[i], pal_scale(step, 0.1)));
    }
}

/* ---- One process ----------------------------------------------------------------------------------------------- */

typedef struct tensors {
    pal_tensor *x, *w[LEAVES], *moment[LEAVES];
} tensors;

static void make_tensors(const run *r, pal_context *c, int64_t first, int64_t rows, tensors *out)
{
    static const pal_shape shapes[LEAVES] = {
        {2, {FEATURES, UNITS}}, {1, {UNITS}}, {2, {UNITS, FEATURES}}, {1, {FEATURES}}};
    char name[8] = "w0";
    const pal_noise noise = {.seed = r->plan->seed};
    out->x = pal_tensor_new(c, r->dtype, PAL_SHAPE(rows, FEATURES));
    for (size_t i = 0; i < pal_tensor_count(out->x); i++) {
        double u;
        pal_noise_uniform(noise, "x", (uint64_t)first * FEATURES + i, 1, &u);
        pal_tensor_set(out->x, i, (float)(2 * u - 1));
    }
    for (size_t i = 0; i < LEAVES; i++) {
        name[1] = (char)('0' + i);
        out->w[i] = random_tensor(c, r->dtype, shapes[i], -1, 1, name);
        out->moment[i] = pal_tensor_new(c, r->dtype, shapes[i]);
        for (size_t k = 0; k < pal_tensor_count(out->w[i]); k++)
            pal_tensor_set(out->w[i], k, (float)pal_tensor_get(out->w[i], k));
    }
}

static void free_tensors(tensors *x)
{
    pal_tensor_free(x->x);
    for (size_t i = 0; i < LEAVES; i++) {
        pal_tensor_free(x->w[i]);
        pal_tensor_free(x->moment[i]);
    }
}

static void append(run *r, const pal_tensor *t)
{
    for (size_t i = 0; i < pal_tensor_count(t) && r->n < VALUES; i++) r->v[r->n++] = pal_tensor_get(t, i);
}

static pal_program *compile(run *r, pal_tape *t, tensors *x)
{
    static const char *const names[] = {"w0", "w1", "w2", "w3"}, *const moments[] = {"m0", "m1", "m2", "m3"};
    pal_var w[LEAVES], m[LEAVES], g[LEAVES], outputs[3];
    const pal_var in = pal_leaf_rows(t, x->x, "x");
    for (size_t i = 0; i < LEAVES; i++) w[i] = pal_leaf(t, x->w[i], names[i]);
    for (size_t i = 0; i < LEAVES; i++) m[i] = pal_leaf(t, x->moment[i], moments[i]);
    const pal_var loss = loss_of(r->plan, t, in, w, &outputs[1]);
    pal_all_mean_grad(loss, w, LEAVES, g);
    update(r->plan, w, m, g);
    outputs[0] = pal_all_mean(loss);
    outputs[2] = g[r->plan->word[12] % LEAVES];
    const pal_compile_options o = {.struct_size = sizeof o, .effects = true, .passes = r->passes, .divide = r->divide};
    return pal_compile(t, outputs, 3, &o);
}

static void train(process *p)
{
    run *r = p->user;
    const plan *of = r->plan;
    const int64_t rows = r->whole ? of->shards * of->rows : p->local * of->rows;
    tensors x;
    make_tensors(r, p->context, r->whole ? 0 : p->first * of->rows, rows, &x);
    pal_tape *t = pal_tape_new(p->context, r->dtype);
    if (!r->whole) pal_tape_share(t, &p->shards);
    pal_program *program = compile(r, t, &x);
    if (!program) snprintf(p->why, sizeof p->why, "%.350s", pal_tape_error(t));
    for (uint64_t step = 1; step <= STEPS && program && !p->why[0]; step++) {
        pal_program_set_noise(program, (pal_noise){.seed = 5, .clock = step, .row = 7});
        if (pal_run(program)) snprintf(p->why, sizeof p->why, "%.350s", pal_program_error(program));
        for (size_t i = 0; i < 3; i++) append(r, pal_output(program, i));
    }
    if (program && !p->why[0] && pal_program_settle(program))
        snprintf(p->why, sizeof p->why, "%.350s", pal_program_error(program));
    for (size_t i = 0; i < LEAVES; i++) append(r, x.w[i]);
    for (size_t i = 0; i < LEAVES; i++) append(r, x.moment[i]);
    pal_program_free(program);
    pal_tape_free(t);
    free_tensors(&x);
}

/* ---- Properties ------------------------------------------------------------------------------------------------ */

static void on(int n, const plan *p, const run *like, bool slow, run *out)
{
    void *user[MOST_PROCESSES];
    char why[400];
    for (int i = 0; i < n; i++) {
        out[i] = *like;
        out[i].plan = p;
        user[i] = &out[i];
    }
    run_together(n, p->shards, p->rows, slow, train, user, why);
    ck_assert_msg(!why[0], "seed %llu: %s", (unsigned long long)p->seed, why);
}

static void same_bits(const run *a, const run *b, const char *what, int n)
{
    ck_assert_uint_eq(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        ck_assert_msg(!memcmp(&a->v[i], &b->v[i], sizeof a->v[i]) || (isnan(a->v[i]) && isnan(b->v[i])),
                      "seed %llu, %s, %d processes: value %zu is %.17g and %.17g", (unsigned long long)a->plan->seed,
                      what, n, i, a->v[i], b->v[i]);
}

static void holds(uint64_t seed)
{
    static run alone, none, exact, whole, some[MOST_PROCESSES];
    const plan p = plan_of(seed);
    const unsigned exactly = PAL_PASS_SIMPLIFY | PAL_PASS_FUSE | PAL_PASS_INPLACE;
    run like = {.dtype = p.word[13] % 3 ? PAL_F64 : PAL_F32, .passes = PAL_PASS_ALL};
    on(1, &p, &like, false, &alone);
    for (int n = 2; n <= MOST_PROCESSES && n <= p.shards; n++) {
        like.divide = (p.word[16] + (uint32_t)n) % 2;
        on(n, &p, &like, p.word[14] % 2, some);
        for (int i = 0; i < n; i++) same_bits(&alone, &some[i], like.divide ? "all passes, divided" : "all passes", n);
    }
    like.divide = p.word[17] % 2;
    like.passes = exactly & (p.word[15] | PAL_PASS_FUSE);
    on(1, &p, &like, false, &exact);
    like.passes = PAL_PASS_NONE;
    on(1, &p, &like, false, &none);
    same_bits(&none, &exact, "exact passes", 1);
    on(2, &p, &like, false, some);
    same_bits(&none, &some[1], "no passes", 2);
    like.whole = true;
    on(1, &p, &like, false, &whole);
    ck_assert_uint_eq(whole.n, alone.n);
    const double tolerance = like.dtype == PAL_F64 ? 1e-10 : 2e-4;
    for (size_t i = 0; i < whole.n; i++)
        ck_assert_msg(fabs(whole.v[i] - alone.v[i]) <= tolerance * (1 + fabs(whole.v[i])) &&
                          fabs(whole.v[i] - none.v[i]) <= tolerance * (1 + fabs(whole.v[i])),
                      "seed %llu: value %zu is %.17g in one piece, %.17g cut, %.17g cut and without passes",
                      (unsigned long long)seed, i, whole.v[i], alone.v[i], none.v[i]);
}

START_TEST(random_programs_hold)
{
    for (uint64_t i = 0; i < GRAPHS; i++) holds((uint64_t)_i * GRAPHS + i);
}
END_TEST

START_TEST(more_random_programs_hold)
{
    const char *n = getenv("PAL_SHARDS_GRAPHS"), *first = getenv("PAL_SHARDS_SEED");
    const uint64_t from = first ? strtoull(first, NULL, 10) : 100000;
    for (uint64_t i = 0; n && i < strtoull(n, NULL, 10); i++) holds(from + i);
}
END_TEST

Suite *shards_graphs_suite(void)
{
    Suite *suite = suite_create("shards_graphs");
    TCase *tests = tcase_create("shards_graphs");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, random_programs_hold, 0, PARTS);
    tcase_add_test(tests, more_random_programs_hold);
    suite_add_tcase(suite, tests);
    return suite;
}
