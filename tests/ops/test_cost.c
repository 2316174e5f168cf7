/* test_cost.c - what the steps of a program cost: operations and bytes that can be counted by hand, times that add up,
 * and the two rates of the machine. */
#include "tests/ops/fixture.h"

static pal_program *compiled(pal_tape *tape, pal_var y, unsigned passes)
{
    pal_program *p = pal_compile(
        tape, &y, 1,
        &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .passes = passes, .profile = true});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(tape));
    return p;
}

static double flops_of(const pal_program_step *s) { return pal_op_flops(s->op, s->params, s->in, s->n, s->shape); }

/* The step of this name, which is there once. */
static pal_program_step step_of(const pal_program *p, const char *name)
{
    pal_program_step s, found = {0};
    for (size_t i = 0; pal_program_step_at(p, i, &s); i++)
        if (!strcmp(s.name, name)) {
            ck_assert_ptr_null(found.name);
            found = s;
        }
    ck_assert_msg(found.name != NULL, "no step %s", name);
    return found;
}

START_TEST(products_count_two_for_each_multiply_add)
{
    for (int way = 0; way < 4; way++) {
        pal_tensor *a = random_tensor(c, PAL_F32, way & 1 ? PAL_SHAPE(7, 5) : PAL_SHAPE(5, 7), -1, 1, "a"),
                   *b = random_tensor(c, PAL_F32, way & 2 ? PAL_SHAPE(3, 7) : PAL_SHAPE(7, 3), -1, 1, "b");
        pal_tape *tape = pal_tape_new(c, PAL_F32);
        pal_program *p =
            compiled(tape, pal_matmul_t(pal_leaf(tape, a, "a"), pal_leaf(tape, b, "b"), way & 1, way & 2), 0);
        const pal_program_step s = step_of(p, "matmul");
        ck_assert(flops_of(&s) == 2 * 5 * 7 * 3);
        ck_assert(s.bytes == 4 * (5 * 7 + 7 * 3 + 5 * 3));
        ck_assert(s.runs == 0 && s.seconds == 0);
        ck_assert_uint_eq(pal_program_memory(p), pal_program_arena(p) + 4 * (5 * 7 + 7 * 3));
        pal_program_free(p);
        pal_tape_free(tape);
        pal_tensor_free(a);
        pal_tensor_free(b);
    }
}
END_TEST

/* The three operations of one convolution need the same multiply-adds. */
START_TEST(convolutions_count_their_windows)
{
    const pal_conv2d_options o = {.struct_size = sizeof o, .stride = {2, 2}, .padding = {1, 1}, .groups = 2};
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(2, 4, 8, 6), -1, 1, "x"),
               *w = random_tensor(c, PAL_F32, PAL_SHAPE(6, 2, 3, 3), -1, 1, "w"),
               *y = random_tensor(c, PAL_F32, PAL_SHAPE(2, 6, 4, 3), -1, 1, "y");
    const double expected = 2.0 * (2 * 6 * 4 * 3) * (2 * 3 * 3);
    pal_tape *tape = pal_tape_new(c, PAL_F32);
    const pal_var vx = pal_leaf(tape, x, "x"), vw = pal_leaf(tape, w, "w"), vy = pal_leaf(tape, y, "y");
    const pal_var all[] = {pal_conv2d(vx, vw, &o), pal_conv2d_to_input(vy, vw, 8, 6, &o),
                           pal_conv2d_to_weights(vx, vy, 3, 3, &o)};
    const char *const names[] = {"conv2d", "conv2d_to_input", "conv2d_to_weights"};
    for (size_t i = 0; i < 3; i++) {
        pal_program *p = compiled(tape, all[i], 0);
        const pal_program_step s = step_of(p, names[i]);
        ck_assert_msg(flops_of(&s) == expected, "%s: %g instead of %g", names[i], flops_of(&s), expected);
        pal_program_free(p);
    }
    pal_tape_free(tape);
    pal_tensor_free(x);
    pal_tensor_free(w);
    pal_tensor_free(y);
}
END_TEST

/* A fused loop reads each operand once, a row that is spread over it by its own size, and stores its results. */
START_TEST(loops_count_what_they_load_and_store)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(40, 100), -1, 1, "x"),
               *b = random_tensor(c, PAL_F32, PAL_SHAPE(100), -1, 1, "b");
    pal_tape *tape = pal_tape_new(c, PAL_F32);
    pal_var y = pal_tanh(pal_exp(pal_add(pal_leaf(tape, x, "x"), pal_leaf(tape, b, "b"))));
    pal_program *p = compiled(tape, y, 0);
    const pal_program_step s = step_of(p, "tanh");
    ck_assert(s.bytes == 4 * (4000 + 100 + 4000));
    ck_assert(flops_of(&s) == 0 && s.n == 0 && s.then == NULL);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(pal_run(p), PAL_OK);
    pal_program_step ran;
    ck_assert(pal_program_step_at(p, 0, &ran) && ran.runs == 3 && ran.seconds > 0);
    ck_assert(!pal_program_step_at(p, 1, &ran) && !pal_program_step_at(NULL, 0, &ran));
    pal_program_free(p);
    pal_tape_free(tape);
    pal_tensor_free(x);
    pal_tensor_free(b);
}
END_TEST

static pal_var squared(pal_tape *tape, pal_var k, void *user)
{
    (void)k;
    (void)tape;
    return pal_matmul(*(pal_var *)user, pal_transpose(*(pal_var *)user));
}

/* A region's body follows it, runs once for each term, and its time is not counted twice. */
START_TEST(regions_are_followed_by_their_bodies)
{
    pal_tensor *x = random_tensor(c, PAL_F32, PAL_SHAPE(64, 64), -1, 1, "x");
    pal_tape *tape = pal_tape_new(c, PAL_F32);
    pal_var v = pal_leaf(tape, x, "x"), y = pal_map_sum(tape, 5, squared, &v);
    pal_program *p = compiled(tape, y, PAL_PASS_NONE);
    ck_assert_int_eq(pal_run(p), PAL_OK);
    const pal_program_step region = step_of(p, "map_sum"), body = step_of(p, "matmul");
    ck_assert(region.runs == 1 && body.runs == 5);
    ck_assert(region.seconds >= 0 && body.seconds > 0);
    ck_assert(region.bytes == 2 * 5 * 4 * 64 * 64);
    pal_program_free(p);
    pal_tape_free(tape);
    pal_tensor_free(x);
}
END_TEST

START_TEST(the_machine_has_two_rates)
{
    pal_speed speed = {0}, two = {0};
    ck_assert_int_eq(pal_context_speed(c, 1 << 20, &speed), PAL_OK);
    ck_assert(speed.flops > 1e8 && speed.flops < 1e15 && speed.bytes > 1e7 && speed.bytes < 1e14);
    ck_assert_int_eq(pal_context_speed(c, 1000, &two), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_context_speed(NULL, 1 << 20, &two), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_context_speed(c, 1 << 20, NULL), PAL_ERR_ARGUMENT);
    const char *const isas[] = {"baseline", "avx2", "avx512"};
    for (size_t i = 0; i < 3; i++) {
        pal_context *other = pal_context_new(
            &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .isa = isas[i]});
        if (!other) continue; /* this processor does not have it */
        ck_assert_int_eq(pal_context_speed(other, 1 << 20, &two), PAL_OK);
        ck_assert(two.flops > 1e8);
        pal_context_free(other);
    }
    pal_context *small = pal_context_new(
        &(pal_context_options){.struct_size = sizeof(pal_context_options), .threads = 1, .max_memory = 1 << 19});
    ck_assert_int_eq(pal_context_speed(small, 1 << 20, &two), PAL_ERR_MEMORY);
    pal_context_free(small);
}
END_TEST

Suite *cost_suite(void)
{
    Suite *s = suite_create("cost");
    add_case(s, "cost", setup, teardown,
             TESTS(products_count_two_for_each_multiply_add, convolutions_count_their_windows,
                   loops_count_what_they_load_and_store, regions_are_followed_by_their_bodies,
                   the_machine_has_two_rates));
    return s;
}
