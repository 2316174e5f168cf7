/* test_verify.c - the verifier of tapes. For each rule, a tape is damaged so that this rule reports it first. */
#include <limits.h>
#include <string.h>

#include "autograd/compile/internal.h"
#include "tests/testing.h"

static pal_context *c;
static pal_tape *t;
static pal_tensor *xs, *ys, *ks, *zs;
static uint32_t x, y, k, fill, neg, added, noise, moved, sum, product, taken, index_, inner, result, region, opaque,
    late, z, assign_x, assign_y;

static bool infer_opaque(pal_infer *r)
{
    r->shape = r->shapes[0];
    r->dtype = r->dtypes[0];
    return true;
}

static pal_status run_opaque(const pal_call *call)
{
    memcpy(call->out, call->in[0], (size_t)pal_shape_count(call->shape) * pal_dtype_size(call->dtype));
    return PAL_OK;
}

static const pal_op op_opaque = {PAL_OP_HEAD("opaque", "x", "the same"), .op_class = PAL_CLASS_OPAQUE, .arity = 1,
                                 .infer = infer_opaque, .run = run_opaque};

static pal_var body(pal_tape *tape, pal_var term, void *user)
{
    pal_var row = pal_take(*(pal_var *)user, term), square = pal_square(row);
    index_ = term.id;
    inner = square.id;
    (void)tape;
    return square;
}

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
    xs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 3));
    ys = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 3));
    ks = pal_tensor_new(c, PAL_I32, PAL_SHAPE(2));
    zs = pal_tensor_new(c, PAL_F64, PAL_SHAPE(3, 3));
    pal_var vx = pal_leaf(t, xs, "x"), vy = pal_leaf(t, ys, "y"), vk = pal_leaf(t, ks, "k");
    x = vx.id;
    y = vy.id;
    k = vk.id;
    fill = pal_fill(t, PAL_F64, PAL_SHAPE(3), 2).id;
    neg = pal_neg(vx).id;
    added = pal_add(vx, vy).id;
    noise = pal_uniform(t, "u", PAL_SHAPE(3, 3)).id;
    moved = pal_transpose(vx).id;
    sum = pal_sum_to(vx, PAL_SHAPE(1, 3)).id;
    product = pal_matmul(vx, vy).id;
    taken = pal_take(vx, vk).id;
    pal_var total = pal_map_sum(t, 3, body, &vx);
    region = total.id;
    result = pal__at(t, region)->body;
    opaque = pal_record(t, &op_opaque, &vx, 1, NULL).id;
    late = pal_neg(vy).id;
    z = pal_leaf(t, zs, "z").id;
    assign_x = pal_assign(vx, pal__var(t, late)).id;
    assign_y = pal_assign(vy, pal__var(t, neg)).id;
    ck_assert_tape_ok(t);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_tensor_free(xs);
    pal_tensor_free(ys);
    pal_tensor_free(ks);
    pal_tensor_free(zs);
    pal_context_free(c);
}

/* ---- Damage --------------------------------------------------------------------------------------------------- */

static pal_op other; /* a copy of a descriptor, to be damaged */
static pal_op *other_op(uint32_t id)
{
    other = *pal__at(t, id)->op;
    pal__at(t, id)->op = &other;
    return &other;
}

static pal_params kept_params; /* likewise */
static pal_params *params_of(uint32_t id)
{
    kept_params = *pal__at(t, id)->params;
    pal__at(t, id)->params = &kept_params;
    return &kept_params;
}

static pal_shape kept_shape;
static void set_shape(uint32_t id, pal_shape shape)
{
    kept_shape = shape;
    pal__at(t, id)->shape = &kept_shape;
}

static void set_operand(uint32_t id, uint32_t i, uint32_t to) { t->operands[pal__at(t, id)->first + i] = to; }

/* Makes entry id read only x. */
static void read_x(uint32_t id)
{
    pal__entry *e = pal__at(t, id);
    e->n = 1;
    e->first = pal__at(t, neg)->first;
}

static void no_op(void) { pal__at(t, neg)->op = NULL; }
static void no_name(void) { other_op(neg)->name = NULL; }
static void no_class(void) { other_op(neg)->op_class = PAL_CLASS_COUNT; }
static void no_type(void) { pal__at(t, neg)->dtype = 99; }
static void no_shape(void) { set_shape(neg, (pal_shape){.rank = 2, .dim = {-1, 3}}); }
static void beyond_rank(void) { set_shape(neg, (pal_shape){.rank = 2, .dim = {3, 3, 1}}); }
static void no_scope(void) { pal__at(t, neg)->scope = 99; }
static void beyond(void) { pal__at(t, neg)->first = (uint32_t)t->n_operands; }
static void forward(void) { set_operand(neg, 0, late); }
static void dangling(void) { set_operand(neg, 0, 0); }
static void no_region(void) { pal__at(t, neg)->region = x; }
static void later_region(void) { pal__at(t, neg)->region = index_; }
static void escaped(void) { set_operand(late, 0, inner); }
static void escaped_index(void) { set_operand(late, 0, index_); }
static void composite(void) { other_op(neg)->op_class = PAL_CLASS_COMPOSITE; }
static void arity(void) { other_op(neg)->arity = 2; }
static void undeclared_int(void) { params_of(neg)->i[13] = 1; }
static void undeclared_real(void) { params_of(neg)->r[1] = -0.0; }
static void stray_body(void) { pal__at(t, late)->body = result; }
static void stray_index(void) { pal__at(t, late)->index = index_; }
static void no_body(void) { pal__at(t, region)->body = 0; }
static void no_index(void) { pal__at(t, region)->index = 0; }
static void reading_leaf(void) { read_x(y); }
static void constant_type(void) { pal__at(t, fill)->dtype = PAL_F32; }
static void elementwise_shape(void) { set_shape(neg, PAL_SHAPE(3, 4)); }
static void elementwise_type(void) { pal__at(t, neg)->dtype = PAL_F32; }
static void elementwise_apart(void) { set_operand(added, 1, k); }
static void elementwise_of_none(void)
{
    other_op(neg)->arity = -1;
    pal__at(t, neg)->n = 0;
}
static void noise_reads(void) { read_x(noise); }
static void noise_whole(void) { pal__at(t, noise)->dtype = PAL_I32; }
static void noise_shape(void) { set_shape(noise, PAL_SHAPE(3, 4)); }
static void movement_type(void) { pal__at(t, moved)->dtype = PAL_F32; }
static void movement_shape(void) { set_shape(moved, PAL_SHAPE(9)); }
static void reduction_shape(void) { set_shape(sum, PAL_SHAPE(3)); }
static void product_shape(void) { set_shape(product, PAL_SHAPE(3, 4)); }
static void product_of_vector(void) { set_operand(product, 1, fill); }
static void index_shape(void) { set_shape(taken, PAL_SHAPE(3, 4)); }
static void effect_shape(void) { set_shape(assign_x, PAL_SHAPE(3, 4)); }
static void opaque_shape(void) { set_shape(opaque, PAL_SHAPE(3, 4)); }
static void opaque_rule(void) { other_op(opaque)->infer = NULL; }
static void no_tensor(void) { pal__at(t, x)->tensor = NULL; }
static void other_type(void) { pal__at(t, z)->dtype = PAL_F32; }
static void other_shape(void) { set_shape(z, PAL_SHAPE(9)); }
static void unnamed(void) { params_of(z)->name = NULL; }
static void leaf_inside(void) { pal__at(t, z)->region = index_; }
static void leaf_twice(void) { pal__at(t, y)->tensor = xs; }
static void index_depth(void) { params_of(index_)->i[0] = 2; }
static void index_type(void) { pal__at(t, index_)->dtype = PAL_F64; }
static void index_vector(void) { set_shape(index_, PAL_SHAPE(1)); }
static void no_stream(void) { params_of(noise)->name = NULL; }
static void no_tile(void) { memset(other_op(neg)->tile, 0, sizeof other.tile); }
static void no_view(void) { other_op(moved)->view = NULL; }
static void no_kernel(void) { other_op(opaque)->run = NULL; }
static void body_outside(void) { pal__at(t, region)->body = x; }
static void body_later(void) { pal__at(t, region)->body = late; }
static void index_later(void) { pal__at(t, region)->index = late; }
static void no_such_index(void) { pal__at(t, region)->index = x; }
static void body_shared(void) { pal__at(t, region)->body = inner; }
static void no_terms(void) { params_of(region)->i[0] = 0; }
static void many_terms(void) { params_of(region)->i[0] = INT64_C(1) << 31; }
static void sum_whole(void) { pal__at(t, region)->dtype = PAL_I32; }
static void sum_type(void) { pal__at(t, region)->dtype = PAL_F32; }
static void sum_shape(void) { set_shape(region, PAL_SHAPE(3, 3)); }
static void fewer_captures(void) { pal__at(t, region)->n = 0; }
static void other_captures(void) { set_operand(region, 0, y); }
static void no_leaf(void) { set_operand(assign_x, 0, neg); }
static void effect_inside(void) { pal__at(t, assign_x)->region = index_; }
static void two_effects(void) { set_operand(assign_y, 0, x); }
static void shards_inside(void)
{
    pal__at(t, opaque)->op = &pal__op_all_sum;
    pal__at(t, opaque)->region = index_;
}
static void other_hash(void) { pal__at(t, neg)->hash ^= 1; }

static void placeholder(void)
{
    pal__append(t, &(pal__entry){.op = &pal__op_placeholder, .shape = &pal__scalar, .dtype = PAL_F64}, NULL, 0);
}

static void strided(void)
{
    pal_var v = pal__var(t, moved);
    pal_record(t, &op_opaque, &v, 1, NULL);
}

static void of_constant(void)
{
    pal_var v = pal__var(t, fill);
    pal_record(t, &op_opaque, &v, 1, NULL);
}

static void effect_of_leaf(void)
{
    set_operand(assign_x, 1, y);
    pal__at(t, assign_x)->hash = pal__hash_of(t, assign_x);
}

static const struct damage {
    void (*damage)(void);
    const char *message;
} damages[] =
    {
        {no_op, "an entry without an operation"},
        {no_name, "an entry without an operation"},
        {no_class, "an entry without an operation"},
        {no_type, "an entry without an element type"},
        {no_shape, "an entry without a shape"},
        {beyond_rank, "an entry without a shape"},
        {no_scope, "an entry without a scope"},
        {beyond, "operands that are not in the tape's list"},
        {forward, "an operand that does not come before its reader"},
        {dangling, "an operand that does not come before its reader"},
        {no_region, "an entry of a region that has not begun"},
        {later_region, "an entry of a region that has not begun"},
        {escaped, "an operand inside a region that has ended"},
        {escaped_index, "an operand inside a region that has ended"},
        {composite, "a composite, which must be recorded as its parts"},
        {arity, "a wrong number of operands"},
        {undeclared_int, "a parameter that its operation does not declare"},
        {undeclared_real, "a parameter that its operation does not declare"},
        {stray_body, "a body or an index on an operation that is not a region, or none on one that is"},
        {stray_index, "a body or an index on an operation that is not a region, or none on one that is"},
        {no_body, "a body or an index on an operation that is not a region, or none on one that is"},
        {no_index, "a body or an index on an operation that is not a region, or none on one that is"},
        {reading_leaf, "a leaf with operands"},
        {constant_type, "a constant with operands, or whose type or shape is not that of its parameters"},
        {elementwise_shape, "an elementwise operation whose 1 to 3 operands do not broadcast to its shape"},
        {elementwise_type, "an elementwise operation whose 1 to 3 operands do not broadcast to its shape"},
        {elementwise_apart, "an elementwise operation whose 1 to 3 operands do not broadcast to its shape"},
        {elementwise_of_none, "an elementwise operation whose 1 to 3 operands do not broadcast to its shape"},
        {noise_reads, "noise that is not real, or that reads a value that is not an index"},
        {noise_whole, "noise that is not real, or that reads a value that is not an index"},
        {noise_shape, "noise that is not real, or that reads a value that is not an index"},
        {movement_type, "a movement that has not one operand, or that changes the type"},
        {movement_shape, "a movement that has not one operand, or that changes the type"},
        {reduction_shape, "a reduction whose operands do not fit its shape rule"},
        {product_shape, "a product whose operands do not fit its shape rule"},
        {product_of_vector, "a product whose operands do not fit its shape rule"},
        {index_shape, "an indexing operation whose operands do not fit its shape rule"},
        {effect_shape, "an effect whose value does not fit its leaf"},
        {opaque_shape, "an operation whose operands do not fit its shape rule"},
        {opaque_rule, "an operation whose operands do not fit its shape rule"},
        {no_tensor, "a leaf without a tensor"},
        {other_type, "a leaf without a tensor"},
        {other_shape, "a leaf without a tensor"},
        {unnamed, "a leaf without a tensor"},
        {leaf_inside, "a leaf without a tensor"},
        {leaf_twice, "a second leaf for one tensor"},
        {index_depth, "an index whose number is not the depth of its region"},
        {index_type, "an index whose number is not the depth of its region"},
        {index_vector, "an index whose number is not the depth of its region"},
        {no_stream, "noise without the name of a stream"},
        {no_tile, "an operation without a kernel for its type"},
        {no_view, "a movement without a view"},
        {no_kernel, "an operation without a kernel"},
        {body_outside, "a body that is not inside its region"},
        {body_later, "a body that is not inside its region"},
        {index_later, "a body that is not inside its region"},
        {no_such_index, "a body that is not inside its region"},
        {body_shared, "a body whose value has no storage of its own"},
        {no_terms, "a body whose type or shape is not that of its sum"},
        {many_terms, "a body whose type or shape is not that of its sum"},
        {sum_whole, "a body whose type or shape is not that of its sum"},
        {sum_type, "a body whose type or shape is not that of its sum"},
        {sum_shape, "a body whose type or shape is not that of its sum"},
        {fewer_captures, "a region whose operands are not what its body reads"},
        {other_captures, "a region whose operands are not what its body reads"},
        {no_leaf, "an effect on a value that is not a leaf"},
        {effect_inside, "an effect on a value that is not a leaf"},
        {two_effects, "a leaf that two effects write"},
        {shards_inside, "a sum over the shards of a batch inside a region"},
        {other_hash, "a hash that does not belong to its entry"},
},
  program_damages[] = {
      {placeholder, "a placeholder in a program"},
      {strided, "an operand of a kernel that is not contiguous in memory"},
      {of_constant, "an operand of a kernel that is not contiguous in memory"},
      {effect_of_leaf, "an effect whose value no step computes"},
};

enum { DAMAGES = sizeof damages / sizeof *damages, PROGRAM = sizeof program_damages / sizeof *program_damages };

START_TEST(a_damage_is_found)
{
    const char *wrong = pal__verify(t);
    ck_assert_msg(!wrong, "%s", wrong);
    damages[_i].damage();
    wrong = pal__verify(t);
    ck_assert_msg(wrong && !strcmp(wrong, damages[_i].message), "%s, not: %s", wrong ? wrong : "nothing",
                  damages[_i].message);
}
END_TEST

/* A program must obey further rules, which a tape need not obey. */
START_TEST(a_program_asks_for_more)
{
    const char *wrong = pal__verify_program(t, &neg, 1);
    ck_assert_msg(!wrong, "%s", wrong);
    ck_assert_str_eq(pal__verify_program(t, &x, 1), "an output that no step computes");
    ck_assert_str_eq(pal__verify_program(t, &inner, 1), "an output that no step computes");
    ck_assert_str_eq(pal__verify_program(t, &(uint32_t){0}, 1), "an output that no step computes");
    ck_assert_str_eq(pal__verify_program(t, &(uint32_t){(uint32_t)t->n_entries}, 1), "an output that no step computes");
    ck_assert_ptr_null(pal__verify_program(t, &assign_x, 1)); /* the value of an effect is computed */
    program_damages[_i].damage();
    ck_assert_ptr_null(pal__verify(t));
    ck_assert_str_eq(pal__verify_program(t, &neg, 1), program_damages[_i].message);
}
END_TEST

/* Every rule of the verifier has a damage in the tables above. */
START_TEST(every_row_is_tried)
{
    for (size_t row = 0; pal__verify_message(row); row++) {
        bool tried = !strcmp(pal__verify_message(row), "an output that no step computes");
        for (size_t i = 0; i < DAMAGES; i++) tried |= !strcmp(pal__verify_message(row), damages[i].message);
        for (size_t i = 0; i < PROGRAM; i++) tried |= !strcmp(pal__verify_message(row), program_damages[i].message);
        ck_assert_msg(tried, "%s", pal__verify_message(row));
    }
}
END_TEST

/* After its region has ended, an index can be neither an operand nor an output. */
START_TEST(an_index_stays_inside)
{
    pal_var i = pal__var(t, index_);
    ck_assert(!pal_ok(pal_cast(i, PAL_F64)));
    ck_assert_str_eq(pal_tape_error(t), "cast: operand 1 belongs to a region that has ended");
    ck_assert_ptr_null(pal_tape_text(t, &i, 1));
}
END_TEST

START_TEST(an_index_is_no_output)
{
    pal_var i = pal__var(t, index_);
    ck_assert_ptr_null(pal_compile(t, &i, 1, NULL));
    ck_assert_int_eq(pal_tape_status(t), PAL_ERR_TAPE);
    ck_assert_str_eq(pal_tape_error(t), "compile: output 1 is a bad handle, of another tape or inside a region");
}
END_TEST

/* Wherever memory runs out while compiling, including in the verifier, the status is PAL_ERR_MEMORY. */
START_TEST(out_of_memory_is_no_damage)
{
    meter memory = {.left = LONG_MAX};
    pal_context *metered = metered_context(&memory);
    pal_tensor *tensor = pal_tensor_new(metered, PAL_F64, PAL_SHAPE(3, 3));
    pal_status status = PAL_ERR_MEMORY;
    long failures = 0;
    for (; status != PAL_OK; failures++) {
        memory.left = LONG_MAX;
        pal_tape *tape = pal_tape_new(metered, PAL_F64);
        pal_var vz = pal_leaf(tape, tensor, "z"), total = pal_map_sum(tape, 3, body, &vz), in[12];
        for (size_t i = 0; i < 12; i++) in[i] = total; /* so many that lists of operands are allocated */
        total = pal_concat(in, 12, 0);
        memory.left = failures;
        pal_program *p = pal_compile(tape, &total, 1, NULL);
        status = pal_tape_status(tape);
        ck_assert_msg(p ? status == PAL_OK : status == PAL_ERR_MEMORY, "%ld: %s", failures, pal_tape_error(tape));
        pal_program_free(p);
        pal_tape_free(tape);
    }
    ck_assert_int_gt(failures, 20);
    pal_tensor_free(tensor);
    pal_context_free(metered);
}
END_TEST

Suite *verify_suite(void)
{
    Suite *s = suite_create("verify");
    TCase *group = tcase_create("verify");
    tcase_add_checked_fixture(group, setup, teardown);
    tcase_add_loop_test(group, a_damage_is_found, 0, DAMAGES);
    tcase_add_loop_test(group, a_program_asks_for_more, 0, PROGRAM);
    tcase_add_test(group, every_row_is_tried);
    tcase_add_test(group, an_index_stays_inside);
    tcase_add_test(group, an_index_is_no_output);
    tcase_add_test(group, out_of_memory_is_no_damage);
    suite_add_tcase(s, group);
    return s;
}
