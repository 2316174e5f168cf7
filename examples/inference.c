/* inference.c - prints the code that a trained model gives to a sample of zeros. Compile and use it with
 *     cc inference.c -o inference $(pkg-config --cflags --libs palindrome)
 *     ./inference runs/denoising-001/checkpoint.safetensors */
#include <palindrome.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    pal_error err = {0};
    pal_context *context = pal_context_new(NULL);
    pal_model *model = pal_model_open(context, argc > 1 ? argv[1] : "checkpoint.safetensors", &err);
    pal_workspace *workspace = model ? pal_workspace_new(model, NULL, &err) : NULL;
    if (!workspace) return fprintf(stderr, "%s\n", err.text), 1;
    float *x = calloc((size_t)pal_model_features(model), sizeof *x);
    float *h = calloc((size_t)pal_workspace_code(workspace), sizeof *h);
    if (pal_encode(model, workspace, x, 1, h)) return fprintf(stderr, "%s\n", pal_workspace_error(workspace)), 1;
    for (int64_t j = 0; j < pal_workspace_code(workspace); j++) printf("%g\n", h[j]);
    return free(x), free(h), pal_workspace_free(workspace), pal_model_free(model), pal_context_free(context), 0;
}
