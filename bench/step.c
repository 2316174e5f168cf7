/* step.c - compares the time of a whole training step with a lower bound, the floor: only its matrix products, each
 * with its best division among the threads, plus the memory traffic of its update. Floor and step run in turns, and the
 * result is the median of their ratios. Then the same step runs while another process keeps a core busy.
 *
 * Usage: bench_step [ROUNDS] [THREADS] [--text]. --text prints the programs with the time of each of their steps. */
#include "ops/ops.h"
#include "optim/optim.h"

#include <cblas.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct product {
    int m, n, k, ta, tb;
} product;

typedef struct scene {
    const char *name, *optimizer;
    int batch, inputs, hidden;
    double masking;
    int dead; /* so many of the inputs are always 0, and the decoder knows it */
} scene;

static const scene scenes[] = {
    {"tied-784-256-adam", "adam", 128, 784, 256, 0, 0},
    {"denoising-784-1024-sgd", "gd", 128, 784, 1024, 0.25, 0},
};

/* As on MNIST, where a third of the pixels is 0 in every image: their gradients are subnormal numbers. */
static const scene dead_inputs = {"dead-inputs-784-256-adam", "adam", 128, 784, 256, 0, 300};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* ---- The floor ------------------------------------------------------------------------------------------------ */

typedef struct division { /* a product divided into `parts` along one axis */
    product p;
    int parts, by_rows;
    float *a, *b, *c;
} division;

static void part(void *argument, size_t i, unsigned worker)
{
    const division *d = argument;
    const product *p = &d->p;
    (void)worker;
    int length = d->by_rows ? p->m : p->n, units = (length + 15) / 16;
    int from = (int)i * units / d->parts * 16, to = ((int)i + 1) * units / d->parts * 16;
    if (to > length) to = length;
    int lda = p->ta ? p->m : p->k, ldb = p->tb ? p->k : p->n;
    const float *a = d->a + (d->by_rows ? (p->ta ? from : from * lda) : 0);
    const float *b = d->b + (d->by_rows ? 0 : (p->tb ? from * ldb : from));
    float *c = d->c + (d->by_rows ? from * p->n : from);
    cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
                d->by_rows ? to - from : p->m, d->by_rows ? p->n : to - from, p->k, 1, a, lda, b, ldb, 0, c, p->n);
}

typedef struct traffic { /* an update from g: of p, and for Adam also of m and v */
    float *p, *m, *v, *g;
    size_t n, parts;
} traffic;

static void move(void *argument, size_t i, unsigned worker)
{
    const traffic *t = argument;
    (void)worker;
    size_t from = i * t->n / t->parts, to = (i + 1) * t->n / t->parts;
    if (t->m) {
#pragma omp simd
        for (size_t k = from; k < to; k++) {
            t->m[k] += t->g[k];
            t->v[k] += t->g[k];
            t->p[k] += t->m[k];
        }
    } else {
#pragma omp simd
        for (size_t k = from; k < to; k++) t->p[k] += t->g[k];
    }
}

typedef struct floor_plan {
    pal_context *context;
    division best[5];
    traffic update;
} floor_plan;

static double floor_once(const floor_plan *f)
{
    double began = now_us();
    for (int i = 0; i < 5; i++)
        pal_parallel(f->context, (size_t)f->best[i].parts, part, (void *)(uintptr_t)&f->best[i]);
    pal_parallel(f->context, f->update.parts, move, (void *)(uintptr_t)&f->update);
    return now_us() - began;
}

static void plan_floor(floor_plan *f, const scene *s, const float *data, float *out)
{
    int n = s->batch, d = s->inputs, k = s->hidden;
    /* Encode, decode, the adjoint of the code, and the gradients of the two uses of the tied weight. */
    const product products[5] = {{n, k, d, 0, 0}, {n, d, k, 0, 1}, {n, k, d, 0, 0}, {d, k, n, 1, 0}, {d, k, n, 1, 0}};
    int threads = (int)pal_worker_count(f->context);
    for (int i = 0; i < 5; i++) {
        double best = 1e30;
        for (int by_rows = 0; by_rows < 2; by_rows++)
            for (int parts = threads; parts <= 2 * threads; parts += threads) {
                division v = {products[i], parts, by_rows, (float *)(uintptr_t)data, (float *)(uintptr_t)data + d * k,
                              out};
                double times[21];
                for (int r = 0; r < 21; r++) {
                    double began = now_us();
                    pal_parallel(f->context, (size_t)parts, part, &v);
                    times[r] = now_us() - began;
                }
                double t = median(times, 21);
                if (t < best) {
                    best = t;
                    f->best[i] = v;
                }
            }
    }
}

/* ---- The step ------------------------------------------------------------------------------------------------- */

typedef struct step {
    pal_tensor *x, *w, *b, *c;
    pal_optimizer *optimizer;
    pal_tape *tape;
    pal_program *program;
} step;

static int make_step(step *s, pal_context *context, const scene *what, int profile)
{
    pal_error err = {0};
    s->x = pal_tensor_new(context, PAL_F32, PAL_SHAPE(what->batch, what->inputs));
    s->w = pal_tensor_new(context, PAL_F32, PAL_SHAPE(what->inputs, what->hidden));
    s->b = pal_tensor_new(context, PAL_F32, PAL_SHAPE(what->hidden));
    s->c = pal_tensor_new(context, PAL_F32, PAL_SHAPE(what->inputs));
    for (size_t i = 0; i < pal_tensor_count(s->x); i++) ((float *)s->x->data)[i] = (float)(i * 7919 % 1000) / 1000;
    for (size_t i = 0; i < pal_tensor_count(s->w); i++)
        ((float *)s->w->data)[i] = (float)(i * 104729 % 1000) / 5000 - 0.1f;
    for (int k = 0; k < what->dead; k++) { /* exp(-90) is subnormal in float32 */
        for (int i = 0; i < what->batch; i++) ((float *)s->x->data)[i * what->inputs + k] = 0;
        ((float *)s->c->data)[k] = -90;
    }
    pal_tape *t = s->tape = pal_tape_new(context, PAL_F32);
    pal_var x = pal_leaf(t, s->x, "x"), w = pal_leaf(t, s->w, "w"), b = pal_leaf(t, s->b, "b"),
            c = pal_leaf(t, s->c, "c");
    pal_var input = x;
    if (what->masking > 0) input = pal_mul(x, pal_bernoulli(t, "mask", pal_shape_of(x), 1 - what->masking));
    pal_var h = pal_sigmoid(pal_affine(input, w, b)), a = pal_affine(h, pal_transpose(w), c);
    pal_var loss = pal_mean_over_samples(pal_bernoulli_cross_entropy(a, x));
    pal_var leaves[] = {w, b, c}, grads[3];
    pal_tensor *tensors[] = {s->w, s->b, s->c};
    const char *names[] = {"w", "b", "c"};
    s->optimizer = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = what->optimizer},
        tensors, names, 3, &err);
    if (!s->optimizer) return fprintf(stderr, "step: %s\n", err.text), 0;
    if (pal_grad(loss, leaves, 3, grads) != PAL_OK || pal_optimizer_record(s->optimizer, t, leaves, grads, 3) != PAL_OK)
        return fprintf(stderr, "step: %s\n", pal_tape_error(t)), 0;
    pal_optimizer_set_step(s->optimizer, 1, 1e-3);
    pal_compile_options o = {.struct_size = sizeof o, .effects = true, .profile = profile};
    s->program = pal_compile(t, &loss, 1, &o);
    if (!s->program) return fprintf(stderr, "step: %s\n", pal_tape_error(t)), 0;
    return 1;
}

static void free_step(step *s)
{
    pal_program_free(s->program);
    pal_tape_free(s->tape);
    pal_optimizer_free(s->optimizer);
    pal_tensor *tensors[] = {s->x, s->w, s->b, s->c};
    for (int i = 0; i < 4; i++) pal_tensor_free(tensors[i]);
}

static double step_once(step *s, uint64_t clock)
{
    double began = now_us();
    pal_program_set_noise(s->program, (pal_noise){.seed = 1, .clock = clock});
    pal_run(s->program);
    return now_us() - began;
}

/* Times the step while another process keeps one core busy. */
static double beside_a_busy_core(step *s, int rounds, double *times, double *mean)
{
    pid_t busy = fork();
    if (busy == 0)
        for (volatile unsigned long i = 0;; i++) {
        }
    double sum = 0;
    for (int i = 0; i < rounds; i++) sum += times[i] = step_once(s, (uint64_t)i);
    if (busy > 0) {
        kill(busy, SIGKILL);
        waitpid(busy, NULL, 0);
    }
    *mean = sum / rounds;
    return median(times, (size_t)rounds);
}

static void bench(pal_context *context, const scene *what, int rounds, int text)
{
    step s = {0};
    if (!make_step(&s, context, what, text)) return;
    size_t weights = (size_t)what->inputs * (size_t)what->hidden, big = 4 * weights + 1000000;
    pal_tensor *data = pal_tensor_new(context, PAL_F32, PAL_SHAPE((int64_t)big)),
               *out = pal_tensor_new(context, PAL_F32, PAL_SHAPE((int64_t)(2 * weights)));
    double *steps = calloc((size_t)rounds * 3, sizeof *steps), *floors = steps + rounds, *ratios = floors + rounds;
    floor_plan f = {.context = context};
    for (size_t i = 0; i < big; i++) ((float *)data->data)[i] = (float)(i % 97) / 97;
    float *p = (float *)data->data + 1000000 - 1000000 % 16;
    f.update = (traffic){.p = p, .g = p + 3 * weights, .n = weights, .parts = pal_worker_count(context)};
    if (!strcmp(what->optimizer, "adam")) {
        f.update.m = p + weights;
        f.update.v = p + 2 * weights;
    }
    plan_floor(&f, what, data->data, out->data);
    for (int i = 0; i < 20; i++) step_once(&s, (uint64_t)i), floor_once(&f);
    for (int i = 0; i < rounds; i++) {
        floors[i] = floor_once(&f);
        steps[i] = step_once(&s, (uint64_t)i);
        ratios[i] = steps[i] / floors[i];
    }
    printf("%-24s step %8.1f us  floor %8.1f us  ratio %.3f\n", what->name, median(steps, (size_t)rounds),
           median(floors, (size_t)rounds), median(ratios, (size_t)rounds));
    double quiet = 0, quiet_median = median(steps, (size_t)rounds), mean;
    for (int i = 0; i < rounds; i++) quiet += steps[i] / rounds;
    double beside = beside_a_busy_core(&s, rounds, steps, &mean);
    printf("%-24s with one core busy: median %8.1f us (%.2f times as long), mean %8.1f us (%.2f times as long)\n", "",
           beside, beside / quiet_median, mean, mean / quiet);
    if (text) {
        char *lines = pal_program_text(s.program);
        printf("%s\n", lines);
        pal_text_free(context, lines);
    }
    free(steps);
    pal_tensor_free(data);
    pal_tensor_free(out);
    free_step(&s);
}

/* The same step in turns by a context that flushes subnormal numbers to zero and by one that keeps them. */
static void bench_subnormals(int rounds, unsigned threads)
{
    pal_context *contexts[2];
    step steps[2] = {0};
    double *times = calloc((size_t)rounds * 2, sizeof *times);
    for (int k = 0; k < 2; k++) {
        contexts[k] = pal_context_new(&(pal_context_options){
            .struct_size = sizeof(pal_context_options), .threads = threads, .subnormals = k == 1});
        if (!make_step(&steps[k], contexts[k], &dead_inputs, 0)) return;
    }
    for (int i = -20; i < rounds; i++)
        for (int k = 0; k < 2; k++) {
            double time = step_once(&steps[k], (uint64_t)(i + 20));
            if (i >= 0) times[k * rounds + i] = time;
        }
    double flushed = median(times, (size_t)rounds), kept = median(times + rounds, (size_t)rounds);
    printf("%-24s step %8.1f us, with subnormal numbers kept %8.1f us (%.2f times as long)\n", dead_inputs.name,
           flushed, kept, kept / flushed);
    for (int k = 0; k < 2; k++) {
        free_step(&steps[k]);
        pal_context_free(contexts[k]);
    }
    free(times);
}

int main(int argc, char **argv)
{
    int text = argc > 1 && !strcmp(argv[argc - 1], "--text");
    int rounds = argc - text > 1 ? atoi(argv[1]) : 400, threads = argc - text > 2 ? atoi(argv[2]) : 0;
    pal_context *context = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = (unsigned)threads});
    if (!context || rounds < 1) return fprintf(stderr, "step: usage: step [ROUNDS] [THREADS] [--text]\n"), 2;
    /* The floor calls BLAS itself, so set one thread per call here, as the program does. */
    extern void openblas_set_num_threads(int) __attribute__((weak));
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    printf("%u threads, %s, %s\n", pal_context_threads(context), pal_context_isa(context), pal_context_blas(context));
    if (pal_context_advice(context)) printf("advice: %s\n", pal_context_advice(context));
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) bench(context, &scenes[i], rounds, text);
    pal_context_free(context);
    bench_subnormals(rounds, (unsigned)threads);
    return 0;
}
