/* checked_functions.c - functions with hand-written derivatives for gradcheck_functions.sh: right and wrong ones, with
 * and without the product of a Hessian, one that cannot be computed. */
#include <autograd/gradcheck_macros.h>
#include <math.h>

enum { N = 5 };
static double sign(const pal_function_call *c) { return c->user ? -1 : 1; }
static int cube(const pal_function_call *c)
{
    const double *x = c->in[0];
    for (int i = 0; i < N; i++) ((double *)c->out[0])[i] = x[i] * x[i] * x[i];
    return 0;
}
static int cube_back(const pal_function_call *c)
{
    const double *x = c->in[0], *s = c->seed[0];
    for (int i = 0; i < N; i++) ((double *)c->gradient[0])[i] = 3 * s[i] * x[i] * x[i];
    return 0;
}
static int cube_wrong(const pal_function_call *c)
{
    const double *x = c->in[0], *s = c->seed[0];
    for (int i = 0; i < N; i++) ((double *)c->gradient[0])[i] = -3 * s[i] * x[i] * x[i];
    return 0;
}
static int cube_product(const pal_function_call *c)
{
    const double *x = c->in[0], *s = c->seed[0], *v = c->direction[0];
    for (int i = 0; i < N; i++) ((double *)c->product[0])[i] = sign(c) * 6 * s[i] * x[i] * v[i];
    return 0;
}
static int sine(const pal_function_call *c)
{
    const float *x = c->in[0];
    for (int i = 0; i < N; i++) ((float *)c->out[0])[i] = sinf(x[i]);
    return 0;
}
static int sine_back(const pal_function_call *c)
{
    const float *x = c->in[0], *s = c->seed[0];
    for (int i = 0; i < N; i++) ((float *)c->gradient[0])[i] = s[i] * cosf(x[i]);
    return 0;
}
static int never(const pal_function_call *c) { return c->in[0] != NULL; }

static const pal_array in[] = {PAL_ARRAY_IN("x", 0.5, 2, N)}, out[] = {PAL_ARRAY("y", N)};
static const pal_function functions[] = {
    {PAL_FUNCTION("cube", PAL_F64, in, out, cube, cube_back), .product = cube_product},
    {PAL_FUNCTION("cube/negated", PAL_F64, in, out, cube, cube_wrong), .source = "checked_functions.c"},
    {PAL_FUNCTION("cube/product", PAL_F64, in, out, cube, cube_back), .product = cube_product, .user = "wrong"},
    {PAL_FUNCTION("sine", PAL_F32, in, out, sine, sine_back)},
    {PAL_FUNCTION("never", PAL_F32, in, out, never, sine_back)},
};

pal_status palindrome_register(pal_error *err)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (pal_function_register(&functions[i], err)) return err->status;
    return PAL_OK;
}
