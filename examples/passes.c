/* passes.c - what becomes of a tape: y = sum(sigmoid(x W)) as it is recorded, after pal_grad, and after each pass of
 * pal_compile. The program behind "A worked example" of docs/design.md. Compile with
 *     cc passes.c $(pkg-config --cflags --libs palindrome) */
#include <palindrome.h>
#include <stdio.h>

static void print(pal_tape *tape, const pal_var *outputs, size_t n)
{
    char *text = pal_tape_text(tape, outputs, n);
    printf("%s", text ? text : pal_tape_error(tape));
    pal_text_free(pal_tape_context(tape), text);
}

static void after_pass(const pal_trace *made, void *user)
{
    (void)user;
    printf("\nafter %s:\n", made->pass);
    if (made->tape)
        print(made->tape, made->outputs, made->n);
    else
        printf("%s", made->text);
}

int main(void)
{
    pal_context *context =
        pal_context_new(&(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1});
    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_tensor *x_data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(8, 4)),
               *w_data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(4, 3));
    pal_var x = pal_leaf(tape, x_data, "x"), w = pal_leaf(tape, w_data, "W"), gradient;
    pal_var y = pal_sum_all(pal_sigmoid(pal_matmul(x, w)));
    printf("recorded:\n");
    print(tape, &y, 1);

    pal_grad(y, &w, 1, &gradient);
    const pal_var outputs[] = {y, gradient};
    printf("\nafter pal_grad:\n");
    print(tape, outputs, 2);

    pal_program *program = pal_compile(
        tape, outputs, 2,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .lanes = 1, .trace = after_pass});
    if (!program) fprintf(stderr, "%s\n", pal_tape_error(tape));

    const int failed = !program || pal_run(program) != PAL_OK;
    pal_program_free(program);
    pal_tape_free(tape);
    pal_tensor_free(x_data);
    pal_tensor_free(w_data);
    pal_context_free(context);
    return failed;
}
