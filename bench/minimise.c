/* minimise.c - measures what a minimiser takes beside its evaluations and products: the deep autoencoder of the papers,
 * 784-1000-500-250-30 and back, 2.8 million weights of float32.
 *
 * Usage: bench_minimise [THREADS] [SAMPLES] [ITERATIONS] [METHOD]. Each method steps from random weights on random
 * images. A line has, per iteration: the time inside the objective, the time of the minimiser itself, and its share;
 * then its time per evaluation and product, which does not depend on the number of samples. Before them, for the
 * products with the Hessian and with the Gauss-Newton matrix: the time of one program, and of the two halves of
 * pal_compile_halves, of which a minimiser runs the first once for each point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "cli/restart.h"
#include "ops/ops.h"
#include "optim/minimise.h"

enum { LAYERS = 8, PARTS = 2 * LAYERS };
static const int64_t sizes[LAYERS + 1] = {784, 1000, 500, 250, 30, 250, 500, 1000, 784};

typedef struct network {
    pal_slab *x;
    pal_tensor *v[PARTS];
    pal_program *gradient, *hessian, *gauss_newton;
    pal_halves halves[2]; /* of the Hessian, of the Gauss-Newton matrix */
    double inside;        /* microseconds */
} network;

static void copy_in(pal_tensor *const *to, const pal_slab *from)
{
    for (size_t i = 0; i < PARTS; i++) memcpy(to[i]->data, from->part[i]->data, pal_tensor_bytes(to[i]));
}

static void copy_out(pal_slab *to, const pal_program *from, size_t first)
{
    for (size_t i = 0; i < PARTS; i++)
        memcpy(to->part[i]->data, pal_output(from, first + i)->data, pal_tensor_bytes(to->part[i]));
}

static pal_status evaluate(double *value, pal_slab *gradient, void *user)
{
    network *n = user;
    const double start = now_us();
    pal_status status = pal_run(n->gradient);
    *value = pal_tensor_get(pal_output(n->gradient, 0), 0);
    if (gradient) copy_out(gradient, n->gradient, 1);
    n->inside += now_us() - start;
    return status;
}

static pal_status product(network *n, pal_program *program, const pal_slab *v, pal_slab *out)
{
    const double start = now_us();
    copy_in(n->v, v);
    pal_status status = pal_run(program);
    copy_out(out, program, 0);
    n->inside += now_us() - start;
    return status;
}

static pal_status hessian(const pal_slab *v, pal_slab *out, void *user)
{
    return product(user, ((network *)user)->hessian, v, out);
}
static pal_status gauss_newton(const pal_slab *v, pal_slab *out, void *user)
{
    return product(user, ((network *)user)->gauss_newton, v, out);
}

static void fill(pal_tensor *t, const char *stream, double scale)
{
    float *to = t->data;
    double u[512];
    for (size_t at = 0, n = pal_tensor_count(t); at < n; at += 512) {
        const size_t some = n - at < 512 ? n - at : 512;
        pal_noise_uniform((pal_noise){.seed = 1}, stream, at, some, u);
        for (size_t i = 0; i < some; i++) to[at + i] = (float)(scale * (scale < 1 ? 2 * u[i] - 1 : u[i]));
    }
}

static void start(network *n)
{
    char name[8];
    for (size_t i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "%zu", i);
        if (i % 2 == 0) fill(n->x->part[i], name, 0.06);
        if (i % 2) memset(n->x->part[i]->data, 0, pal_tensor_bytes(n->x->part[i]));
    }
}

static bool record(network *n, pal_context *c, int64_t samples)
{
    pal_shape shapes[PARTS];
    pal_var w[PARTS], v[PARTS], out[PARTS + 1];
    for (size_t l = 0; l < LAYERS; l++) {
        shapes[2 * l] = PAL_SHAPE(sizes[l], sizes[l + 1]);
        shapes[2 * l + 1] = PAL_SHAPE(sizes[l + 1]);
    }
    n->x = pal_slab_new(c, PAL_F32, shapes, PARTS);
    pal_tensor *images = pal_tensor_new(c, PAL_F32, PAL_SHAPE(samples, sizes[0]));
    pal_tape *t = pal_tape_new(c, PAL_F32);
    if (!n->x || !images || !t) return false;
    fill(images, "images", 1);
    for (size_t i = 0; i < PARTS; i++) {
        n->v[i] = pal_tensor_new(c, PAL_F32, shapes[i]);
        w[i] = pal_leaf(t, n->x->part[i], NULL);
        v[i] = pal_leaf(t, n->v[i], NULL);
    }
    pal_var x = pal_leaf(t, images, "images"), z = x;
    for (size_t l = 0; l < LAYERS; l++) {
        z = pal_add(pal_matmul(z, w[2 * l]), w[2 * l + 1]);
        if (l != LAYERS / 2 - 1 && l != LAYERS - 1) z = pal_sigmoid(z);
    }
    out[0] = pal_mean_over_samples(pal_bernoulli_cross_entropy(z, x));
    pal_grad(out[0], w, PARTS, out + 1);
    n->gradient = pal_compile(t, out, PARTS + 1, NULL);
    pal_var y = out[0];
    pal_hessian_product(y, w, v, PARTS, out + 1);
    n->hessian = pal_compile(t, out + 1, PARTS, NULL);
    const pal_tensor *const *moving = (const pal_tensor *const *)n->v;
    pal_compile_halves(t, out + 1, PARTS, moving, PARTS, NULL, &n->halves[0]);
    pal_gauss_newton_product(y, z, w, v, PARTS, out + 1);
    n->gauss_newton = pal_compile(t, out + 1, PARTS, NULL);
    pal_compile_halves(t, out + 1, PARTS, moving, PARTS, NULL, &n->halves[1]);
    if (pal_tape_error(t)) fprintf(stderr, "bench_minimise: %s\n", pal_tape_error(t));
    return n->gradient && n->hessian && n->gauss_newton && n->halves[0].again && n->halves[1].again;
}

static double run_us(pal_program *p)
{
    const double begin = now_us();
    pal_run(p);
    return now_us() - begin;
}

/* In turns. */
static void compare_halves(network *n)
{
    enum { TURNS = 9 };
    for (int k = 0; k < 2; k++) {
        double whole[TURNS], once[TURNS], again[TURNS];
        size_t kept = 0;
        for (size_t i = 0; i < n->halves[k].n_kept; i++) kept += pal_tensor_bytes(n->halves[k].kept[i]);
        for (int i = -1; i < TURNS; i++) { /* the first turn is not counted */
            const int to = i < 0 ? 0 : i;
            whole[to] = run_us(k ? n->gauss_newton : n->hessian);
            once[to] = run_us(n->halves[k].once);
            again[to] = run_us(n->halves[k].again);
        }
        const double all = median(whole, TURNS), second = median(again, TURNS);
        printf("%-13s product %7.1f ms   in halves: once %7.1f ms, again %7.1f ms, %.2f of it   %.1f MB kept\n",
               k ? "gauss-newton" : "hessian", all / 1e3, median(once, TURNS) / 1e3, second / 1e3, second / all,
               (double)kept / 1e6);
    }
}

static int measure(network *n, const char *method, int64_t iterations)
{
    pal_error err = {0};
    pal_minimise_report r = {0};
    const pal_objective f = {.struct_size = sizeof f,
                             .x = n->x,
                             .evaluate = evaluate,
                             .hessian = hessian,
                             .gauss_newton = gauss_newton,
                             .user = n};
    const pal_minimise_options o = {.struct_size = sizeof o, .method = method, .products = 20};
    start(n);
    pal_minimiser *m = pal_minimiser_new(&f, &o, &err);
    pal_minimise_end end;
    pal_status status = m ? pal_minimise(m, 2, &end, &r, &err) : err.status; /* memory is new: not measured */
    const int64_t calls = r.evaluations + r.products;
    n->inside = 0;
    const double begin = now_us();
    if (!status) status = pal_minimise(m, iterations, &end, &r, &err);
    const double all = now_us() - begin, own = all - n->inside;
    pal_minimiser_free(m);
    if (status) {
        fprintf(stderr, "bench_minimise: %s\n", err.text);
        return 1;
    }
    if (end != PAL_MINIMISE_RUNNING) {
        fprintf(stderr, "bench_minimise: %s ended after %lld iterations: give fewer\n", method,
                (long long)r.iterations);
        return 0;
    }
    const double steps = (double)iterations, each = (double)(r.evaluations + r.products - calls);
    printf("%-13s %9.1f ms inside %7.1f ms itself %5.1f %%   %5.1f calls, %5.1f ms itself a call   value %.6g\n",
           method, n->inside / steps / 1e3, own / steps / 1e3, 100 * own / all, each / steps, own / each / 1e3,
           r.value);
    return 0;
}

int main(int argc, char **argv)
{
    pal_cli_take_kernels(argv);
    const unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    const int64_t samples = argc > 2 ? strtol(argv[2], NULL, 10) : 500,
                  iterations = argc > 3 ? strtol(argv[3], NULL, 10) : 12;
    pal_context *c =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = threads});
    network n = {0};
    if (!c || !record(&n, c, samples)) return 1;
    printf("%zu weights, %ld samples, %u threads; per iteration:\n", pal_tensor_count(n.x->all), (long)samples,
           pal_context_threads(c));
    start(&n);
    compare_halves(&n);
    for (size_t i = 0; i < pal_minimise_kinds(); i++)
        if ((argc < 5 || !strcmp(argv[4], pal_minimise_name(i))) && measure(&n, pal_minimise_name(i), iterations))
            return 1;
    return 0;
}
