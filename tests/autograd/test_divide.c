/* test_divide.c - updates that processes divide among themselves: the bits of one process, also in the leaves that are
 * kept in parts. */
#include <string.h>

#include "autograd/compile/internal.h"
#include "ops/ops.h"
#include "tests/processes.h"

Suite *divide_suite(void);

enum { PROCESSES = 4, SHARDS = 4, ROWS = 3, IN = 37, OUT = 2001, STEPS = 4 };

typedef enum update { PLAIN, MOMENTUM, TWO_READ, STORES, UPDATES } update;

typedef struct process {
    pal_communicator *communicator;
    update update;
    bool divide, divided, early;
    pal_context *context;
    pal_tensor *x, *w, *m;
    pal_status status;
} process;

/* w -= 0.1 m, where m is the gradient or its momentum. What others read of it, or of its value, decides whether it can
 * be divided. */
static pal_program *make(process *p, pal_tape *t)
{
    const pal_shards shards = {sizeof shards, SHARDS, ROWS, p->communicator};
    pal_tape_share(t, &shards);
    pal_var x = pal_leaf_rows(t, p->x, "x"), w = pal_leaf(t, p->w, "w"), m = pal_leaf(t, p->m, "m");
    pal_var y = pal_tanh(pal_matmul(x, w)), loss = pal_mean_over_samples(pal_square(y)), g;
    pal_all_mean_grad(loss, &w, 1, &g);
    pal_var outputs[2] = {pal_all_mean(loss), pal_all_mean(loss)};
    const pal_var step = p->update == PLAIN ? g : pal_add(pal_scale(m, 0.9), g);
    if (p->update != PLAIN) pal_assign(m, step);
    if (p->update == TWO_READ) outputs[1] = pal_sum_all(pal_square(m)); /* the momentum is read as a whole */
    if (p->update == STORES) outputs[1] = step;
    pal_assign(w, pal_sub(w, pal_scale(step, 0.1)));
    const pal_compile_options o = {.struct_size = sizeof o, .effects = true, .lanes = 1, .divide = p->divide};
    return pal_compile(t, outputs, 2, &o);
}

static void *work(void *user)
{
    process *p = user;
    int64_t first, local;
    const pal_communicator *c = p->communicator;
    p->context = context_with(1);
    pal_shards_of(SHARDS, c ? c->size : 1, c ? c->rank : 0, &first, &local);
    pal_tensor *all = random_tensor(p->context, PAL_F32, PAL_SHAPE(SHARDS * ROWS, IN), -1, 1, "x");
    p->x = pal_tensor_new(p->context, PAL_F32, PAL_SHAPE(local * ROWS, IN));
    memcpy(p->x->data, (float *)all->data + first * ROWS * IN, pal_tensor_bytes(p->x));
    pal_tensor_free(all);
    p->w = random_tensor(p->context, PAL_F32, PAL_SHAPE(IN, OUT), -0.3, 0.3, "w");
    p->m = pal_tensor_new(p->context, PAL_F32, PAL_SHAPE(IN, OUT));
    pal_tape *t = pal_tape_new(p->context, PAL_F32);
    pal_program *program = make(p, t);
    p->status = program ? PAL_OK : pal_tape_status(t);
    for (size_t i = 0; program && i < program->n_steps; i++) p->divided |= program->shared->divided[i] != 0;
    for (size_t i = 0; program && i < program->shared->n_buckets; i++)
        p->early |= program->shared->buckets[i].early != 0;
    for (int i = 0; i < STEPS && !p->status; i++) p->status = pal_run(program);
    if (!p->status) p->status = pal_program_settle(program);
    pal_program_free(program);
    pal_tape_free(t);
    pal_communicator_close(p->communicator, p->status != PAL_OK);
    return NULL;
}

static void run_on(int processes, update u, bool divide, process *out)
{
    pal_communicator *c[PROCESSES];
    connect_processes(processes, c);
    for (int i = 0; i < processes; i++) out[i] = (process){.communicator = c[i], .update = u, .divide = divide};
    run_processes(processes, work, out, sizeof *out);
    for (int i = 0; i < processes; i++) ck_assert_int_eq(out[i].status, PAL_OK);
}

static void end(process *p, int n)
{
    for (int i = 0; i < n; i++) {
        pal_tensor *const tensors[] = {p[i].x, p[i].w, p[i].m};
        for (int k = 0; k < 3; k++) pal_tensor_free(tensors[k]);
        pal_context_free(p[i].context);
    }
}

START_TEST(parts_have_the_bits_of_the_whole)
{
    const update u = (update)_i;
    process alone, some[PROCESSES];
    run_on(1, u, false, &alone);
    for (int n = 2; n <= PROCESSES; n++)
        for (int divide = 0; divide < 2; divide++) {
            run_on(n, u, divide, some);
            for (int i = 0; i < n; i++) {
                ck_assert_mem_eq(alone.w->data, some[i].w->data, pal_tensor_bytes(alone.w));
                ck_assert_mem_eq(alone.m->data, some[i].m->data, pal_tensor_bytes(alone.m));
                ck_assert_int_eq(some[i].divided, divide && (u == PLAIN || u == MOMENTUM));
                ck_assert_int_eq(some[i].early, some[i].divided); /* it need not wait for its turn */
            }
            end(some, n);
        }
    end(&alone, 1);
}
END_TEST

Suite *divide_suite(void)
{
    Suite *suite = suite_create("divide");
    TCase *tests = tcase_create("divide");
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, parts_have_the_bits_of_the_whole, 0, UPDATES);
    suite_add_tcase(suite, tests);
    return suite;
}
