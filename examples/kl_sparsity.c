/* kl_sparsity.c - draws the penalty KL(rho || r) of a unit with mean activation r, for three wanted activations rho: a
 * program that is compiled once and run for each point of a curve. It makes the picture in docs/lectures.md:
 *     cc kl_sparsity.c -o kl_sparsity $(pkg-config --cflags --libs palindrome-tools) -lm
 *     ./kl_sparsity kl-sparsity.svg */
#include <math.h>
#include <palindrome.h>
#include <plot/plot.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    enum { POINTS = 199, CURVES = 3 };
    static const double rho[CURVES] = {0.05, 0.2, 0.5};
    static double r[POINTS], kl[CURVES][POINTS];
    pal_error err = {0};
    pal_context *context = pal_context_new(NULL);
    pal_tensor *a = pal_tensor_new(context, PAL_F64, PAL_SHAPE(1, 1)); /* r is the sigmoid of a, as in a code */
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    pal_var logs = pal_reshape(pal_activation_logs(pal_leaf(tape, a, "a")), PAL_SHAPE(2)), penalty[CURVES];
    for (size_t k = 0; k < CURVES; k++) penalty[k] = pal_activation_divergence(logs, rho[k]);
    pal_program *program = pal_compile(tape, penalty, CURVES, NULL);
    if (!program) return fprintf(stderr, "%s\n", pal_tape_error(tape)), 1;

    size_t least[CURVES] = {0};
    for (size_t i = 0; i < POINTS; i++) {
        r[i] = (double)(i + 1) / (POINTS + 1);
        pal_tensor_set(a, 0, log(r[i]) - log1p(-r[i]));
        if (pal_run(program) != PAL_OK) return fprintf(stderr, "%s\n", pal_program_error(program)), 1;
        for (size_t k = 0; k < CURVES; k++) {
            kl[k][i] = pal_tensor_get(pal_output(program, k), 0);
            if (kl[k][i] < kl[k][least[k]]) least[k] = i;
        }
    }
    for (size_t k = 0; k < CURVES; k++) printf("rho %.2f: minimum at %.3f\n", rho[k], r[least[k]]);

    const pal_series series[CURVES] = {{"rho 0.05", kl[0]}, {"rho 0.2", kl[1]}, {"rho 0.5", kl[2]}};
    const pal_curves curves = {.struct_size = sizeof curves,
                               .title = "The sparsity penalty of one unit",
                               .x_label = "mean activation r",
                               .y_label = "KL(rho || r)",
                               .x = r,
                               .count = POINTS,
                               .series = series,
                               .series_count = CURVES};
    const pal_status status = pal_curves_write(&curves, argc > 1 ? argv[1] : "kl-sparsity.svg", &err);
    if (status) fprintf(stderr, "%s\n", err.text);

    pal_program_free(program);
    pal_tape_free(tape);
    pal_tensor_free(a);
    pal_context_free(context);
    return status != PAL_OK;
}
