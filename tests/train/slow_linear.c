/* slow_linear.c - checks that the linear autoencoder, trained on real images, finds the principal subspace.
 *
 *     slow_linear [FOLDER SQUARED_ERROR]...
 *
 * The model has 30 units. It trains for 15 epochs with batches of 128, and Adam with a cosine schedule from 1e-3 to
 * 1e-5. The sum of squared errors of a test sample must be SQUARED_ERROR +- 0.05. Each of the 20 leading singular
 * vectors of the centred training samples must be within 1 degree of the span of the decoder's rows. Without arguments,
 * the program uses the default data and 12.24. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/internal.h"

enum { UNITS = 30, LEADING = 20 };

/* v [k,d]: replaces the rows by an orthonormal basis of their span (modified Gram-Schmidt, two passes). */
static void orthonormalise(double *v, size_t k, size_t d)
{
    for (size_t j = 0; j < k; j++)
        for (int pass = 0; pass < 2; pass++) {
            double norm = 0;
            for (size_t i = 0; i < j; i++) {
                double dot = 0;
                for (size_t e = 0; e < d; e++) dot += v[i * d + e] * v[j * d + e];
                for (size_t e = 0; e < d; e++) v[j * d + e] -= dot * v[i * d + e];
            }
            for (size_t e = 0; e < d; e++) norm += v[j * d + e] * v[j * d + e];
            for (size_t e = 0; e < d; e++) v[j * d + e] /= sqrt(norm);
        }
}

/* The largest angle, in degrees, between a leading direction and the span of the decoder's rows. */
static double worst_angle(const pal_model *model, const double *directions, size_t d)
{
    double *basis = malloc(UNITS * d * sizeof *basis), worst = 0;
    const pal_tensor *v = pal_model_parameter_find(model, "decoder/W"); /* [k,d] */
    for (size_t i = 0; i < UNITS * d; i++) basis[i] = pal_tensor_get(v, i);
    orthonormalise(basis, UNITS, d);
    for (size_t a = 0; a < LEADING; a++) {
        double inside = 0;
        for (size_t j = 0; j < UNITS; j++) {
            double dot = 0;
            for (size_t e = 0; e < d; e++) dot += basis[j * d + e] * directions[a * d + e];
            inside += dot * dot;
        }
        worst = fmax(worst, asin(sqrt(fmax(0, 1 - inside))) * 180 / M_PI);
    }
    free(basis);
    return worst;
}

static bool check(pal_context *context, const char *folder, double want, pal_error *err)
{
    pal_dataset *data = pal_dataset_open(context, folder, PAL_SPLIT_TRAIN, err),
                *test = data ? pal_dataset_open(context, folder, PAL_SPLIT_TEST, err) : NULL;
    const pal_variant *variant = pal_variant_find("linear");
    pal_model *model = test ? pal_model_new(context, variant, NULL, 0, data->sample, PAL_F32, 1, err) : NULL;
    bool good = false;
    if (model) {
        const size_t d = (size_t)data->features;
        double *variance = malloc(d * sizeof *variance), *directions = malloc(d * d * sizeof *directions);
        const pal_optimizer_options adam = {.struct_size = sizeof adam, .name = "adam"};
        const pal_schedule schedule = {.name = "cosine", .learning_rate = 1e-3, .final_rate = 1e-5};
        const pal_train_options o = {.struct_size = sizeof o,
                                     .test = test,
                                     .epochs = 15,
                                     .batch = 128,
                                     .seed = 1,
                                     .lanes = 2,
                                     .optimizer = &adam,
                                     .schedule = &schedule};
        pal_train_result result;
        if (!pal_train(model, data, &o, &result, err) &&
            !palt__principal_directions(context, data, variance, directions, err)) {
            const double angle = worst_angle(model, directions, d);
            good = fabs(result.squared_error - want) <= 0.05 && angle <= 1;
            printf("%-14s squared error %.3f (wanted %.2f +- 0.05), largest angle of %d directions %.3f degrees, %.1f "
                   "s: %s\n",
                   data->name, result.squared_error, want, LEADING, angle, result.seconds, good ? "pass" : "FAIL");
        }
        free(variance);
        free(directions);
    }
    pal_model_free(model);
    pal_dataset_free(test);
    pal_dataset_free(data);
    return good;
}

int main(int argc, char **argv)
{
    char *otherwise[] = {argv[0], (char *)PAL_DATA_DEFAULT, "12.24"};
    if (argc < 3) argc = 3, argv = otherwise;
    bool good = true;
    pal_context *context = pal_context_new(NULL);
    for (int i = 1; context && i + 1 < argc; i += 2) {
        pal_error err = {0};
        good &= check(context, argv[i], atof(argv[i + 1]), &err);
        if (err.status) fprintf(stderr, "%s\n", err.text);
    }
    pal_context_free(context);
    return context && good ? EXIT_SUCCESS : EXIT_FAILURE;
}
