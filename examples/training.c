/* training.c - a user-defined training loop for a model of the library. Compile with
 *     cc training.c $(pkg-config --cflags --libs palindrome) */
#include <palindrome.h>
#include <stdio.h>

int main(void)
{
    enum { N = 64, D = 30, STEPS = 300 };
    pal_error err = {0};
    pal_context *context = pal_context_new(NULL);
    const pal_setting settings[] = {{"hidden", "8"}, {"activation", "tanh"}};
    pal_model *model = pal_model_new(context, pal_variant_find("basic"), settings, 2, PAL_SHAPE(D), PAL_F32, 1, &err);
    if (!model) return fprintf(stderr, "%s\n", err.text), 1;

    pal_tensor *data = pal_tensor_new(context, PAL_F32, PAL_SHAPE(N, D)); /* samples are blocks of equal bits */
    for (size_t i = 0; i < N * D; i++) pal_tensor_set(data, i, (i / D) >> (i % D / 5) & 1);

    pal_tape *tape = pal_tape_new(context, PAL_F32);
    pal_var weights[8], gradients[8];
    pal_tensor *tensors[8];
    const char *names[8];
    size_t n = pal_model_parameter_count(model);
    for (size_t i = 0; i < n; i++) tensors[i] = pal_model_parameter(model, i, &names[i]);
    pal_optimizer *adam = pal_optimizer_new(
        context, &(pal_optimizer_options){.struct_size = sizeof(pal_optimizer_options), .name = "adam"}, tensors, names,
        n, &err);

    pal_model_begin(model, tape, PAL_TRAIN);
    pal_var value = pal_model_loss(model, &(pal_batch){.inputs = pal_leaf(tape, data, "x")});
    pal_model_leaves(model, tape, weights);
    pal_grad(value, weights, n, gradients);
    pal_optimizer_record(adam, tape, weights, gradients, n);
    pal_model_end(model);

    pal_program *step = pal_compile(
        tape, &value, 1, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true});
    if (!step) return fprintf(stderr, "%s\n", pal_tape_error(tape)), 1;
    for (int i = 1; i <= STEPS; i++) {
        pal_optimizer_set_step(adam, (uint64_t)i, 0.02);
        if (pal_run(step) != PAL_OK) return fprintf(stderr, "%s\n", pal_program_error(step)), 1;
        if (i == 1 || i == STEPS) printf("step %3d  loss %.3f\n", i, pal_tensor_get(pal_output(step, 0), 0));
    }

    pal_program_free(step);
    pal_optimizer_free(adam);
    pal_tape_free(tape);
    pal_tensor_free(data);
    pal_model_free(model);
    pal_context_free(context);
    return 0;
}
