/* compile.c - measures what it takes to record, differentiate and compile tapes of growing size, and the memory.
 *
 * Usage: bench_compile [MOST] [NAME...]. The sizes are 1,000, 10,000 and so on up to MOST operations; 100,000 if it is
 * not given. NAMEs choose the shapes of tape whose names begin with one of them. A line has the operations that were
 * recorded, the entries of the tape with its gradient, the times in seconds, and the most memory in use in MB, with the
 * program. From one size to the next the times grow by about 10. */
#include "ops/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct tape_of { /* a scalar y, and the leaf x by which it is differentiated */
    pal_tape *tape;
    pal_context *context;
    pal_var y, x;
} tape_of;

static pal_var leaf(tape_of *t, pal_shape shape, const char *name)
{
    pal_tensor *tensor = pal_tensor_new(t->context, PAL_F64, shape);
    for (size_t i = 0; i < pal_tensor_count(tensor); i++) pal_tensor_set(tensor, i, 0.1 + 0.01 * (double)(i % 50));
    return pal_leaf(t->tape, tensor, name); /* tensors stay until the program ends */
}

/* ---- Shapes of tape, of about n operations -------------------------------------------------------------------- */

static void chain(tape_of *t, int64_t n)
{
    t->y = t->x = leaf(t, PAL_SCALAR, "x");
    for (int64_t i = 0; i < n / 2; i++) t->y = pal_add(t->y, pal_scale(t->y, 1e-6 * (double)(1 + i % 3)));
}

static void tanh_chain(tape_of *t, int64_t n)
{
    pal_var y = t->x = leaf(t, PAL_SHAPE(4), "x");
    for (int64_t i = 0; i < n / 2; i++) y = pal_tanh(pal_scale(y, 1 + 1e-3 * (double)(i % 5)));
    t->y = pal_sum_all(y);
}

static void wide_sum(tape_of *t, int64_t n)
{
    pal_var x = t->x = leaf(t, PAL_SHAPE(4), "x"), y = x;
    for (int64_t i = 0; i < n / 3; i++) y = pal_add(y, pal_sin(pal_scale(x, 1 + 1e-6 * (double)i)));
    t->y = pal_sum_all(y);
}

static void recurrent_net(tape_of *t, int64_t n)
{
    pal_var w = t->x = leaf(t, PAL_SHAPE(8, 8), "w"), h = leaf(t, PAL_SHAPE(4, 8), "h"), b = leaf(t, PAL_SHAPE(8), "b");
    for (int64_t i = 0; i < n / 3; i++) h = pal_tanh(pal_add(pal_matmul(h, w), b));
    t->y = pal_sum_squares(h);
}

static void many_leaves(tape_of *t, int64_t n)
{
    char name[32];
    pal_var y = t->x = leaf(t, PAL_SHAPE(2), "x");
    for (int64_t i = 0; i < n / 3; i++) {
        snprintf(name, sizeof name, "w%lld", (long long)i);
        y = pal_add(y, pal_mul(leaf(t, PAL_SHAPE(2), name), t->x));
    }
    t->y = pal_sum_all(y);
}

static void many_streams(tape_of *t, int64_t n)
{
    char name[32];
    pal_var y = t->x = leaf(t, PAL_SHAPE(2), "x");
    for (int64_t i = 0; i < n / 2; i++) {
        snprintf(name, sizeof name, "s%lld", (long long)i);
        y = pal_mul(y, pal_uniform(t->tape, name, PAL_SHAPE(2)));
    }
    t->y = pal_sum_all(y);
}

static pal_var block(pal_tape *tape, pal_var k, void *user)
{
    (void)tape, (void)k;
    return pal_tanh(pal_sin(*(pal_var *)user));
}

static void recompute_blocks(tape_of *t, int64_t n)
{
    pal_var y = t->x = leaf(t, PAL_SHAPE(2), "x");
    for (int64_t i = 0; i < n / 4; i++) y = pal_recompute(t->tape, block, &y);
    t->y = pal_sum_all(y);
}

typedef struct nest {
    int64_t depth;
    pal_var x;
} nest;

static pal_var inner(pal_tape *tape, pal_var k, void *user)
{
    nest in = *(nest *)user;
    (void)k;
    return pal_sin(in.depth-- ? pal_recompute(tape, inner, &in) : in.x);
}

/* The gradient has a number of entries that is quadratic in the depth. */
static void nested_recompute(tape_of *t, int64_t n)
{
    t->x = leaf(t, PAL_SHAPE(2), "x");
    t->y = pal_sum_all(pal_recompute(t->tape, inner, &(nest){(int64_t)sqrt((double)n / 2), t->x}));
}

static const struct {
    const char *name;
    void (*record)(tape_of *t, int64_t n);
} shapes[] = {{"chain", chain},
              {"tanh chain", tanh_chain},
              {"wide sum", wide_sum},
              {"recurrent net", recurrent_net},
              {"many leaves", many_leaves},
              {"many streams", many_streams},
              {"recompute blocks", recompute_blocks},
              {"nested recompute", nested_recompute}};

/* ---- Measuring ------------------------------------------------------------------------------------------------ */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool measure(size_t shape, int64_t n)
{
    tape_of t = {.context =
                     pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1})};
    if (!t.context || !(t.tape = pal_tape_new(t.context, PAL_F64))) return false;
    pal_var gradient;
    double at[4] = {now()};
    shapes[shape].record(&t, n);
    const size_t recorded = pal_tape_length(t.tape);
    at[1] = now();
    pal_grad(t.y, &t.x, 1, &gradient);
    at[2] = now();
    pal_program *p = pal_compile(t.tape, (pal_var[]){t.y, gradient}, 2, NULL);
    at[3] = now();
    const bool good = p && pal_run(p) == PAL_OK;
    if (!good)
        fprintf(stderr, "compile: %s: %s\n", shapes[shape].name, p ? pal_program_error(p) : pal_tape_error(t.tape));
    size_t most;
    pal_context_memory(t.context, &most);
    printf("%s | %zu | %zu | %.3f | %.3f | %.3f | %.1f\n", shapes[shape].name, recorded, pal_tape_length(t.tape),
           at[1] - at[0], at[2] - at[1], at[3] - at[2], (double)most / 1e6);
    fflush(stdout);
    pal_program_free(p);
    pal_tape_free(t.tape);
    return good;
}

static bool chosen(const char *name, int n, char **prefixes)
{
    for (int i = 0; i < n; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) return true;
    return n <= 0;
}

int main(int argc, char **argv)
{
    const int64_t most = argc > 1 ? atoll(argv[1]) : 100000;
    bool good = true;
    if (most < 1000) return fprintf(stderr, "compile: usage: bench_compile [MOST] [NAME...], MOST from 1000 on\n"), 2;
    printf("tape | operations | with gradient | record, s | grad, s | compile, s | memory, MB\n");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int64_t n = 1000; n <= most && chosen(shapes[i].name, argc - 2, argv + 2); n *= 10) good &= measure(i, n);
    return !good;
}
