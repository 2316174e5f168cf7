/* init.c - initial values, one row per distribution. They depend only on seed, name and shape, not on the order in
 * which parameters are created.
 *
 * A weight [in, out] has `in` inputs and `out` outputs. For a filter [out, in, height, width], both are multiplied by
 * height * width. */
#include "models/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct fans {
    double in, out;
} fans;

static fans fans_of(pal_shape s)
{
    if (s.rank != 4) return (fans){s.rank ? (double)s.dim[0] : 1, s.rank ? (double)s.dim[s.rank - 1] : 1};
    const double window = (double)s.dim[2] * (double)s.dim[3];
    return (fans){(double)s.dim[1] * window, (double)s.dim[0] * window};
}

static double glorot(fans f) { return sqrt(6 / (f.in + f.out)); }
static double he(fans f) { return sqrt(2 / f.in); }
static double lecun(fans f) { return sqrt(1 / f.in); } /* also half the width of uniform */
static double small(fans f)
{
    (void)f;
    return 0.01;
}

/* A row without a scale is drawn as a whole matrix: init_matrix.c. A number without a row starts at 0. */
static const struct {
    const char *name;
    double (*scale)(fans f); /* normal: the standard deviation; uniform: half the width */
    bool normal;
} rows[] = {
    /* clang-format off */
    [PAL_INIT_GLOROT]     = {"glorot",     glorot, false},
    [PAL_INIT_HE]         = {"he",         he,     true},
    [PAL_INIT_LECUN]      = {"lecun",      lecun,  true},
    [PAL_INIT_NORMAL]     = {"normal",     small,  true},
    [PAL_INIT_UNIFORM]    = {"uniform",    lecun,  false},
    [PAL_INIT_SPARSE]     = {"sparse",     NULL,   true},
    [PAL_INIT_ORTHOGONAL] = {"orthogonal", NULL,   true},
    /* clang-format on */
};

const char pal_init_choices[] = "glorot|he|lecun|normal|uniform|sparse|orthogonal";

const char pal_init_help[] = "how initial weights are drawn; sparse: 15 inputs a unit (Martens 2010); orthogonal: "
                              "Saxe et al. 2014, scaled by the "
                              "activation";

pal_init pal_model_init(const pal_model *m)
{
    const char *name = pal_option_enum(m, "init");
    for (size_t i = PAL_INIT_ZERO + 1; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].name && !strcmp(rows[i].name, name)) return (pal_init)i;
    pal_tape_fail(m->tape, PAL_ERR_ARGUMENT, "init: unknown value %s", name);
    return PAL_INIT_GLOROT;
}

/* Independent values with the variance of the row. */
static void fill(const pal_model *m, const pal__parameter *p)
{
    enum { CHUNK = 512, STREAM = 320 };
    double u[CHUNK];
    char stream[STREAM];
    const size_t n = pal_tensor_count(p->tensor);
    snprintf(stream, sizeof stream, "init/%s", p->name);
    const double scale = rows[p->init].scale(fans_of(p->shape));
    const pal_noise noise = {.seed = m->seed};
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t end = n - first < CHUNK ? n : first + CHUNK;
        (rows[p->init].normal ? pal_noise_normal : pal_noise_uniform)(noise, stream, first, end - first, u);
        for (size_t i = first; i < end; i++)
            pal_tensor_set(p->tensor, i, scale * (rows[p->init].normal ? u[i - first] : 2 * u[i - first] - 1));
    }
}

bool pal__parameter_initialise(const pal_model *m, pal__parameter *p)
{
    if (p->init == PAL_INIT_ZERO)
        for (size_t i = 0; i < pal_tensor_count(p->tensor) && p->value != 0; i++)
            pal_tensor_set(p->tensor, i, p->value);
    if (p->init >= sizeof rows / sizeof *rows || !rows[p->init].name) return true; /* starts at 0, as allocated */
    if (p->gain == 0) p->gain = 1;
    if (p->init == PAL_INIT_ORTHOGONAL) return pal__init_orthogonal(m, p);
    if (p->init == PAL_INIT_SPARSE)
        pal__init_sparse(m, p);
    else
        fill(m, p);
    return true;
}
