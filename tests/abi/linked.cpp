// linked.cpp - a C++ program that uses both libraries. Its argument is the version that it must find.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "analysis/analysis.h"
#include "palindrome.h"

static int failed(const char *what)
{
    std::fprintf(stderr, "linked.cpp: %s\n", what);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 2 || std::strcmp(argv[1], pal_version()) || std::strcmp(PAL_VERSION, pal_version()))
        return failed("the versions differ");
    pal_context_options options = {};
    options.struct_size = sizeof options;
    options.threads = 1;
    pal_context *context = pal_context_new(&options);
    pal_tensor *x = pal_tensor_new(context, PAL_F64, PAL_SHAPE(2, 3));
    if (!x || x->shape.rank != 2 || x->shape.dim[1] != 3 || PAL_SCALAR.rank != 0) return failed("the shape is wrong");
    for (size_t i = 0; i < pal_tensor_count(x); i++) pal_tensor_set(x, i, double(i));
    pal_tape *tape = pal_tape_new(context, PAL_F64);
    pal_var leaf = pal_leaf(tape, x, "x"), slope;
    if (pal_grad(pal_sum_squares(leaf), &leaf, 1, &slope) != PAL_OK) return failed(pal_tape_error(tape));
    pal_program *program = pal_compile(tape, &slope, 1, nullptr);
    if (!program || pal_run(program) != PAL_OK) return failed("the program does not run");
    for (size_t i = 0; i < pal_tensor_count(x); i++)
        if (pal_tensor_get(pal_output(program, 0), i) != 2.0 * double(i)) return failed("the gradient is wrong");
    double negative[] = {0.1, 0.2}, positive[] = {0.3, 0.4};
    if (std::fabs(pal_auc(negative, 2, positive, 2) - 1) > 1e-12) return failed("pal_auc is wrong");
    pal_program_free(program);
    pal_tape_free(tape);
    pal_tensor_free(x);
    pal_context_free(context);
    return 0;
}
