/* tape.c - a first tape: y = sum(sigmoid(x W)), its gradient by W, and the gradient of the squared length of that.
 *     cc tape.c -o tape $(pkg-config --cflags --libs palindrome) && ./tape */
#include <palindrome.h>
#include <stdio.h>

int main(void)
{
    double x_numbers[] = {1, 2, 3, 4, 5, 6}, w_numbers[] = {0.3, -0.1};
    pal_context *context = pal_context_new(NULL);
    pal_tensor *x_tensor = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(3, 2), x_numbers),
               *w_tensor = pal_tensor_wrap(context, PAL_F64, PAL_SHAPE(2, 1), w_numbers);
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    pal_var x = pal_leaf(tape, x_tensor, "x"), w = pal_leaf(tape, w_tensor, "W"), g, second;

    pal_var y = pal_sum_all(pal_sigmoid(pal_matmul(x, w))); /* record: this computes nothing yet */
    pal_grad(y, &w, 1, &g);                                 /* differentiate: g = dy/dW */
    pal_grad(pal_sum_squares(g), &w, 1, &second);           /* differentiate again: d|g|^2/dW */

    pal_program *program = pal_compile(tape, (pal_var[]){y, g, second}, 3, NULL);
    if (!program) return fprintf(stderr, "%s\n", pal_tape_error(tape)), 1; /* the first error of all calls above */
    if (pal_run(program) != PAL_OK) return fprintf(stderr, "%s\n", pal_program_error(program)), 1;
    const double *out[3];
    for (size_t i = 0; i < 3; i++) out[i] = pal_output(program, i)->data;
    printf("y              %9.4f\n", out[0][0]);
    printf("dy/dW          %9.4f %9.4f\n", out[1][0], out[1][1]);
    printf("d|dy/dW|^2/dW  %9.4f %9.4f\n", out[2][0], out[2][1]);

    pal_program_free(program);
    pal_tape_free(tape);
    pal_tensor_free(w_tensor);
    pal_tensor_free(x_tensor);
    pal_context_free(context);
    return 0;
}
