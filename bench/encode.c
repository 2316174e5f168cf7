/* encode.c - bench_encode: the time of pal_encode with a trained model.
 *
 *     bench_encode FILE [THREADS [BATCH]]
 *
 * FILE is the checkpoint.safetensors of a run, THREADS and BATCH are those of the workspace (default: 2, and
 * its own default). A line "ROWS
 * MILLISECONDS" on standard input is answered by a line with two numbers: the median and the least time of a call with
 * so many rows, in microseconds. The line "ROWS PATH" writes the codes of the rows to a file, as raw float32, so that
 * another program can compare them. Row i, feature j is (7919 (784 i + j) mod 1000) / 1000, with the features in place
 * of 784. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/clock.h"
#include "cli/restart.h"
#include "models/models.h"

enum { MOST_CALLS = 20000, LEAST_CALLS = 5 };

static float *samples(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)(i * 7919 % 1000) / 1000;
    return x;
}

static int answer(const pal_model *model, pal_workspace *w, size_t rows, const char *wanted)
{
    static double times[MOST_CALLS];
    const size_t code = (size_t)pal_workspace_code(w), features = (size_t)pal_shape_count(pal_model_sample(model));
    float *in = samples(rows * features), *out = malloc(rows * code * sizeof *out);
    char *end;
    const double milliseconds = strtod(wanted, &end);
    bool good = in && out && !pal_encode(model, w, in, rows, out);
    if (good && *end) {
        FILE *f = fopen(wanted, "wb");
        good = f && fwrite(out, sizeof *out, rows * code, f) == rows * code;
        if (f && fclose(f)) good = false;
        puts("written");
    } else if (good) {
        size_t n = 0;
        for (double began = now_us(); n < MOST_CALLS && (n < LEAST_CALLS || now_us() - began < 1e3 * milliseconds);
             n++) {
            const double start = now_us();
            pal_encode(model, w, in, rows, out);
            times[n] = now_us() - start;
        }
        const double middle = median(times, n); /* which sorts them */
        printf("%.2f %.2f\n", middle, times[0]);
    }
    fflush(stdout);
    free(in);
    free(out);
    if (good) return 0;
    const char *why = pal_workspace_error(w);
    return fprintf(stderr, "bench_encode: %s\n", why ? why : *end && errno ? strerror(errno) : "out of memory"), 1;
}

int main(int argc, char **argv)
{
    char line[4096], wanted[4000];
    pal_error err = {0};
    const int threads = argc > 2 ? atoi(argv[2]) : 2, batch = argc > 3 ? atoi(argv[3]) : 0;
    if (argc < 2 || argc > 4 || threads < 1 || batch < 0)
        return fprintf(stderr, "usage: bench_encode FILE [THREADS [BATCH]]\n"), 2;
    pal_cli_take_kernels(argv);
    const pal_context_options o = {.struct_size = sizeof o, .threads = (unsigned)threads};
    pal_context *context = pal_context_new(&o);
    pal_model *model = context ? pal_model_open(context, argv[1], &err) : NULL;
    pal_workspace *w =
        model ? pal_workspace_new(model,
                                  &(pal_workspace_options){
                                      .struct_size = sizeof(pal_workspace_options), .batch = batch, .context = &o},
                                  &err)
              : NULL;
    int failed = !w;
    if (failed) fprintf(stderr, "bench_encode: %s\n", *err.text ? err.text : "no context");
    size_t rows;
    while (!failed && fgets(line, sizeof line, stdin))
        failed = sscanf(line, "%zu %3999s", &rows, wanted) != 2 || !rows ? 2 : answer(model, w, rows, wanted);
    pal_workspace_free(w);
    pal_model_free(model);
    pal_context_free(context);
    return failed;
}
