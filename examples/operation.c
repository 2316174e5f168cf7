/* operation.c - a user-defined operation outside the library: y = x^3. Compile with
 *     cc operation.c $(pkg-config --cflags --libs palindrome)
 * Its derivative is composed of operations, so derivatives of every order exist. The gradient checker tests orders 1
 * and 2. */
#include <palindrome.h>
#include <stdio.h>

/* Buffers contain whole vectors (a multiple of PAL_TILE_PAD elements). out and the operand may be the same buffer. */
static void cube_f32(size_t n, void *out, const void *const *in, const pal_tile *tile)
{
    const float *x = in[0];
    (void)tile;
    for (size_t i = 0; i < n; i++) ((float *)out)[i] = x[i] * x[i] * x[i];
}

static void cube_f64(size_t n, void *out, const void *const *in, const pal_tile *tile)
{
    const double *x = in[0];
    (void)tile;
    for (size_t i = 0; i < n; i++) ((double *)out)[i] = x[i] * x[i] * x[i];
}

static pal_var cube_vjp(const pal_rule *r, size_t operand)
{
    (void)operand;
    return pal_mul(r->seed, pal_scale(pal_square(r->in[0]), 3));
}

static const pal_op cube_op = {.struct_size = sizeof(pal_op),
                               .name = "cube",
                               .op_class = PAL_CLASS_ELEMENTWISE,
                               .arity = 1,
                               .infer = pal_infer_same,
                               .derivative = {PAL_HAS_RULE},
                               .vjp = cube_vjp,
                               .tile = {[PAL_ISA_BASELINE] = {[PAL_F32] = cube_f32, [PAL_F64] = cube_f64}},
                               .low = {-2},
                               .high = {2}};

int main(void)
{
    pal_context *context = pal_context_new(NULL);
    int failed = 0;
    for (int order = 1; order <= 2; order++)
        for (size_t i = 0; i < pal_gradcheck_op_cases(&cube_op); i++) {
            pal_gradcheck_report r;
            pal_gradcheck_options o = {.struct_size = sizeof o, .order = order};
            pal_gradcheck_op(context, &cube_op, i, &o, &r);
            printf("%s, %s, order %d: %s, error %.1e\n", r.name, r.label, order, pal_verdict_text(r.verdict), r.error);
            failed += r.verdict != PAL_CHECK_PASS;
        }
    pal_context_free(context);
    return failed != 0;
}
