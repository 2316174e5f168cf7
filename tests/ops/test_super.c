/* test_super.c - superinstructions have the bits of the operations that they replace: every row, at every length of a
 * tile, for each type and instruction set, into memory and over their own inputs. */
#include "tests/ops/fixture.h"

#include "ops/elementwise.h"

#include <stdio.h>

/* Records the steps of a row over its inputs; the kept values go to out. */
static void record(pal_tape *tape, const pal_super *s, const pal_var *inputs, pal_var *out)
{
    pal_var v[PAL_SUPER_INPUTS + PAL_SUPER_STEPS];
    memcpy(v, inputs, s->n_in * sizeof *v);
    for (size_t k = 0; k < s->n_steps; k++) {
        const pal_op *op = pal_op_find(s->step[k].op);
        ck_assert_msg(op != NULL, "%s: no operation is called %s", s->name, s->step[k].op);
        const pal_var in[] = {v[s->step[k].in[0]], v[s->step[k].in[1]]};
        v[s->n_in + k] = pal_record(tape, op, in, (size_t)op->arity, NULL);
    }
    for (size_t k = 0; k < s->n_out; k++) out[k] = v[s->out[k]];
    ck_assert_uint_eq(s->out[s->n_out - 1], s->n_in + s->n_steps - 1);
    ck_assert_tape_ok(tape);
}

static pal_program *compiled(pal_tape *tape, const pal_var *out, size_t n, unsigned passes)
{
    pal_program *p = pal_compile(
        tape, out, n,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes, .effects = true});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    ck_assert_int_eq(pal_run(p), PAL_OK);
    return p;
}

static bool mentions(pal_context *context, const pal_program *p, const char *name)
{
    char *text = pal_program_text(p), wanted[64];
    snprintf(wanted, sizeof wanted, "(%s)", name);
    const bool found = strstr(text, wanted) != NULL;
    pal_text_free(context, text);
    return found;
}

static void check_row(pal_context *context, const pal_super *s, pal_dtype dtype, int64_t n)
{
    pal_tape *tape = pal_tape_new(context, dtype);
    pal_tensor *tensors[PAL_SUPER_INPUTS];
    pal_var inputs[PAL_SUPER_INPUTS], out[PAL_SUPER_OUTPUTS];
    for (size_t i = 0; i < s->n_in;
         i++) { /* above 0, as roots need; every other one for all elements, as factors are */
        char name[8];
        snprintf(name, sizeof name, "x%zu", i);
        tensors[i] = random_tensor(context, dtype, i % 2 ? PAL_SCALAR : PAL_SHAPE(n), 0.01, 1.5, name);
        inputs[i] = pal_leaf(tape, tensors[i], name);
        if (i % 2) inputs[i] = pal_broadcast_to(inputs[i], PAL_SHAPE(n));
    }
    record(tape, s, inputs, out);
    pal_program *with = compiled(tape, out, s->n_out, 0), *without = compiled(tape, out, s->n_out, PAL_PASS_NONE);
    ck_assert_msg(mentions(context, with, s->name), "%s is not used", s->name);
    ck_assert(!mentions(context, without, s->name));
    for (size_t k = 0; k < s->n_out; k++)
        ck_assert_mem_eq(pal_output(with, k)->data, pal_output(without, k)->data,
                         pal_tensor_bytes(pal_output(with, k)));
    /* Each kept value over the input that has the shape of a state: in place. */
    for (size_t k = 0; k < s->n_out && 2 * k < s->n_in; k++) pal_assign(inputs[2 * k], out[k]);
    pal_program *in_place = compiled(tape, NULL, 0, 0);
    ck_assert_msg(mentions(context, in_place, s->name), "%s is not used in place", s->name);
    for (size_t k = 0; k < s->n_out && 2 * k < s->n_in; k++)
        ck_assert_mem_eq(tensors[2 * k]->data, pal_output(without, k)->data, pal_tensor_bytes(tensors[2 * k]));
    pal_program_free(with);
    pal_program_free(without);
    pal_program_free(in_place);
    pal_tape_free(tape);
    for (size_t i = 0; i < s->n_in; i++) pal_tensor_free(tensors[i]);
}

START_TEST(every_row_has_the_bits_of_its_operations)
{
    static const char *const isas[] = {"baseline", "avx2", "avx512"};
    static const int64_t lengths[] = {1, 15, 512, 1100};
    for (int i = 0; i < 3; i++) {
        pal_context *context = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 2, .isa = isas[i]});
        if (!context) continue; /* the processor has no such instructions */
        for (const pal_super *const *s = pal__supers; *s; s++)
            for (int f64 = 0; f64 < 2; f64++)
                for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++)
                    check_row(context, *s, f64 ? PAL_F64 : PAL_F32, lengths[n]);
        pal_context_free(context);
    }
}
END_TEST

/* A value within it that another operation reads, or that is an output, or another type: then it is not used. */
START_TEST(it_is_used_only_where_nothing_is_lost)
{
    const pal_super *momentum = NULL;
    for (const pal_super *const *s = pal__supers; *s; s++)
        if (!strcmp((*s)->name, "momentum")) momentum = *s;
    ck_assert_ptr_nonnull(momentum);
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(700), -1, 1, "x");
    pal_var in[5], v = pal_leaf(t, x, "x"), out[2];
    for (int i = 0; i < 5; i++) in[i] = pal_scale(v, i + 2);
    record(t, momentum, in, out);
    pal_var product = pal_operand(out[0], 0); /* v b, an inner step */
    const struct {
        pal_var more[3];
        bool used;
    } cases[] = {
        {{out[0], out[1], out[1]}, true},
        {{out[0], out[1], product}, false},          /* it is an output */
        {{out[0], out[1], pal_exp(product)}, false}, /* another operation reads it */
        {{out[0], out[1], pal_exp(out[0])}, true},   /* a kept value is read later */
        {{out[1], pal_sub(out[1], out[0]), out[0]}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pal_program *p = compiled(t, cases[i].more, 3, 0), *plain = compiled(t, cases[i].more, 3, PAL_PASS_NONE);
        ck_assert_msg(mentions(c, p, "momentum") == cases[i].used, "case %zu", i);
        for (size_t k = 0; k < 3; k++)
            ck_assert_mem_eq(pal_output(p, k)->data, pal_output(plain, k)->data, 700 * sizeof(double));
        pal_program_free(p);
        pal_program_free(plain);
    }
    pal_tensor_free(x);
}
END_TEST

/* An input may be any value of the loop, but not one of its own steps. */
START_TEST(its_inputs_are_not_its_steps)
{
    pal_tensor *x = random_tensor(c, PAL_F64, PAL_SHAPE(700), -1, 1, "x"),
               *y = random_tensor(c, PAL_F64, PAL_SHAPE(700), -1, 1, "y");
    pal_var a = pal_leaf(t, x, "x"), b = pal_leaf(t, y, "y"), p = pal_mul(a, b), q = pal_mul(a, a);
    const pal_var out[] = {pal_sub(p, p), pal_sub(q, p), pal_sub(pal_exp(p), p), pal_sub(a, q),
                           pal_sub(pal_mul(p, p), pal_mul(q, p))};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        pal_program *fused = compiled(t, &out[i], 1, 0), *plain = compiled(t, &out[i], 1, PAL_PASS_NONE);
        ck_assert_mem_eq(pal_output(fused, 0)->data, pal_output(plain, 0)->data, 700 * sizeof(double));
        pal_program_free(fused);
        pal_program_free(plain);
    }
    pal_tensor_free(x);
    pal_tensor_free(y);
}
END_TEST

Suite *super_suite(void)
{
    Suite *s = suite_create("super");
    add_case(s, "super", setup, teardown,
             TESTS(every_row_has_the_bits_of_its_operations, it_is_used_only_where_nothing_is_lost,
                   its_inputs_are_not_its_steps));
    return s;
}
