/* Text read back as a tape: the same text, the same bits; what is no text of a tape is refused with its line. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/internal.h"
#include "models/models.h"
#include "optim/optim.h"
#include "testing.h"

enum { OUTPUTS = 64, MOST_LEAVES = 64, ROWS = 6, COLUMNS = 4 };

static pal_context *c;
static pal_tensor *xs, *ws, *ks, *bs;

/* A text may ask for more memory than there is: too much is refused, whatever the machine has. */
static void *modest_block(size_t size, void *user)
{
    (void)user;
    return size > 1 << 26 ? NULL : malloc(size);
}

static void free_block(void *block, void *user)
{
    (void)user;
    free(block);
}

static void setup(void)
{
    c = pal_context_new(&(pal_context_options){
        .struct_size = sizeof(pal_context_options), .threads = 2, .allocate = modest_block, .release = free_block});
    xs = random_tensor(c, PAL_F64, PAL_SHAPE(ROWS, COLUMNS), -1, 1, "x");
    ws = random_tensor(c, PAL_F64, PAL_SHAPE(COLUMNS, 3), -1, 1, "w");
    ks = pal_tensor_new(c, PAL_I32, PAL_SHAPE(5));
    bs = pal_tensor_new(c, PAL_BOOL, PAL_SHAPE(ROWS, 1));
    for (size_t i = 0; i < 5; i++) pal_tensor_set(ks, i, (double)(i * 7 % ROWS));
    for (size_t i = 0; i < ROWS; i++) pal_tensor_set(bs, i, i % 2);
}

static void teardown(void)
{
    pal_tensor_free(xs);
    pal_tensor_free(ws);
    pal_tensor_free(ks);
    pal_tensor_free(bs);
    pal_context_free(c);
}

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */

typedef struct outputs {
    pal_var v[OUTPUTS];
    size_t n;
} outputs;

static void out(outputs *o, pal_var v)
{
    ck_assert_msg(pal_ok(v), "%s", pal_tape_error(v.tape));
    o->v[o->n++] = v;
}

static void constants(pal_tape *t, outputs *o)
{
    uint64_t odd[] = {UINT64_C(0x7ff8000000000001), UINT64_C(0xfff8000000000000), UINT64_C(0x7ff0000000000001)};
    double values[12] = {0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, INFINITY, -INFINITY, NAN, 1e-310};
    memcpy(values + 9, odd, sizeof odd);
    for (size_t i = 0; i < 12; i++) out(o, pal_fill(t, i % 2 ? PAL_F32 : PAL_F64, PAL_SHAPE(2), values[i]));
    out(o, pal_fill(t, PAL_I32, PAL_SCALAR, -7));
    out(o, pal_fill(t, PAL_BOOL, PAL_SHAPE(1, 0, 3), 1));
    out(o, pal_fill(t, PAL_U8, PAL_SHAPE(1, 1, 1, 1, 1, 2), 255));
}

static void chain(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "net/W");
    pal_scope_begin(t, "net");
    pal_scope_begin(t, "fc1");
    out(o, pal_tanh(pal_matmul(x, w)));
    pal_scope_end(t);
    out(o, pal_matmul_t(o->v[0], w, false, true));
    out(o, o->v[0]);
}

static void integers(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x"), k = pal_leaf(t, ks, "k"), b = pal_leaf(t, bs, "b");
    out(o, pal_take(x, k));
    out(o, pal_one_hot(k, ROWS, PAL_F64));
    out(o, pal_where(b, x, pal_neg(x)));
    out(o, pal_less(x, pal_like(x, 0.25)));
    out(o, pal_cast(o->v[3], PAL_I32));
    out(o, pal_scatter_add(pal_take(x, k), k, ROWS));
}

static void movement(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x");
    out(o, pal_reshape(x, PAL_SHAPE(2, -1, 3)));
    out(o, pal_reshape(x, PAL_SHAPE(24)));
    out(o, pal_slice(x, (int64_t[]){1, 0}, (int64_t[]){2, 2}, (int64_t[]){2, 3}));
    out(o, pal_pad(x, PAL_SHAPE(13, 5), (int64_t[]){1, 0}, (int64_t[]){2, 1}));
    out(o, pal_broadcast_to(pal_reshape(x, PAL_SHAPE(6, 1, 4)), PAL_SHAPE(6, 2, 4)));
    out(o, pal_sum_to(x, PAL_SHAPE(1, 4)));
    out(o, pal_transpose(x));
    out(o, pal_stop_gradient(x));
}

static void derivatives(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x"), g, h;
    pal_scope_begin(t, "loss");
    pal_var y = pal_sum_all(pal_square(pal_sigmoid(x)));
    pal_scope_end(t);
    pal_grad(y, &x, 1, &g);
    pal_grad(pal_sum_all(pal_tanh(g)), &x, 1, &h);
    out(o, y);
    out(o, h);
    out(o, g);
}

static pal_var inner_term(pal_tape *t, pal_var k, void *user)
{
    pal_var x = *(pal_var *)user;
    return pal_mul(pal_tanh(pal_take(x, k)), pal_normal(t, "n", PAL_SHAPE(COLUMNS)));
}

static pal_var outer_term(pal_tape *t, pal_var k, void *user)
{
    pal_var x = *(pal_var *)user, row = pal_take(x, k);
    return pal_add(pal_map_sum(t, 2, inner_term, user), pal_mul(pal_uniform(t, "u", PAL_SHAPE(COLUMNS)), row));
}

static void regions(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x"), g;
    pal_scope_begin(t, "rows");
    out(o, pal_map_sum(t, 3, outer_term, &x));
    pal_scope_end(t);
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_square(o->v[0])), &x, 1, &g), PAL_OK);
    out(o, g);
    ck_assert_int_eq(pal_grad(pal_sum_all(pal_square(g)), &x, 1, &g), PAL_OK);
    out(o, g);
    pal_scope_begin(t, "again");
    out(o, pal_recompute(t, outer_term, &x));
    pal_scope_end(t);
}

static void noise(pal_tape *t, outputs *o)
{
    pal_scope_begin(t, "noisy");
    out(o, pal_uniform(t, "u", PAL_SHAPE(3, 2)));
    out(o, pal_bernoulli(t, "b", PAL_SHAPE(5), 0.3));
    pal_scope_end(t);
    out(o, pal_normal(t, "n", PAL_SCALAR));
}

static void effects(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x"), w = pal_leaf(t, ws, "w");
    pal_scope_begin(t, "update");
    pal_var a = pal_assign(x, pal_scale(x, 0.5)), b = pal_assign(w, pal_sub(w, pal_shift(w, 0.1)));
    pal_scope_end(t);
    out(o, a);
    out(o, pal_add(pal_sum_all(a), pal_sum_all(w)));
    out(o, b);
}

static void directional(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x");
    out(o, pal_jvp(pal_tanh(x), x, pal_fill(t, PAL_F64, PAL_SHAPE(ROWS, COLUMNS), 0.5)));
}

static void names(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "a \"name\"\n\\ {1} order 2\177");
    static const char *const scopes[] = {"order 1", " in x", "a b", "\"", "tab\t", "plain.#:+-1", "\xc3\xa9", "x/y"};
    for (size_t i = 0; i < 8; i++) {
        pal_scope_begin(t, scopes[i]);
        out(o, pal_tanh(x));
    }
    pal_var w = pal_leaf(t, ws, NULL);
    out(o, pal_tanh(w));
    for (size_t i = 0; i < 8; i++) pal_scope_end(t);
}

static void empty(pal_tape *t, outputs *o)
{
    pal_var x = pal_leaf(t, xs, "x");
    pal_var none = pal_slice(x, (int64_t[]){6, 0}, (int64_t[]){0, 4}, (int64_t[]){1, 1});
    out(o, pal_tanh(none));
    out(o, pal_sum_all(none));
}

static const struct {
    const char *name;
    void (*record)(pal_tape *t, outputs *o);
} graphs[] = {{"constants", constants},     {"chain", chain},     {"integers", integers}, {"movement", movement},
              {"derivatives", derivatives}, {"regions", regions}, {"noise", noise},       {"effects", effects},
              {"directional", directional}, {"names", names},     {"empty", empty}};
enum { GRAPHS = sizeof graphs / sizeof *graphs };

/* ---- Round trips ------------------------------------------------------------------------------------------------- */

/* The tensor that the tape `user` has under this name. */
static pal_tensor *same_leaf(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    const pal_tape *t = user;
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (pal__at(t, id)->op == &pal__op_leaf && !strcmp(pal__at(t, id)->params.name, name))
            return pal__at(t, id)->tensor;
    return NULL;
}

static pal_tape *parsed(pal_tape *from, const char *text, pal_var *found, size_t *n)
{
    pal_tape *t = pal_tape_new(c, pal_tape_real(from));
    pal_error err = {0};
    pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = same_leaf, .user = from};
    ck_assert_msg(pal_tape_parse(t, text, &o, found, n, &err) == PAL_OK, "%s\n%s", err.text, text);
    ck_assert_tape_ok(t);
    ck_assert_ptr_null(pal__verify(t));
    return t;
}

typedef struct kept { /* what the leaves of a tape hold */
    pal_tensor *leaf[MOST_LEAVES];
    void *data[MOST_LEAVES];
    size_t n;
} kept;

static kept keep(const pal_tape *t)
{
    kept k = {0};
    for (uint32_t id = 1; id < t->n_entries; id++) {
        if (pal__at(t, id)->op != &pal__op_leaf) continue;
        pal_tensor *leaf = k.leaf[k.n] = pal__at(t, id)->tensor;
        k.data[k.n] = malloc(pal_tensor_bytes(leaf) + 1);
        memcpy(k.data[k.n++], leaf->data, pal_tensor_bytes(leaf));
    }
    return k;
}

static void restore(kept *k, bool and_free)
{
    for (size_t i = 0; i < k->n; i++) {
        memcpy(k->leaf[i]->data, k->data[i], pal_tensor_bytes(k->leaf[i]));
        if (and_free) free(k->data[i]);
    }
}

static pal_program *ran(pal_tape *t, const pal_var *v, size_t n)
{
    pal_program *p = pal_compile(
        t, v, n, &(pal_compile_options){.struct_size = sizeof(pal_compile_options), .effects = true, .lanes = 2});
    ck_assert_msg(p != NULL, "%s", pal_tape_error(t));
    pal_program_set_noise(p, (pal_noise){.seed = 4, .clock = 2});
    ck_assert_msg(pal_run(p) == PAL_OK, "%s", pal_program_error(p));
    return p;
}

/* Text, tape, text: equal. And the programs of both tapes leave the same bits in outputs and leaves. */
static void check_round(pal_tape *t, const pal_var *v, size_t n, bool run)
{
    pal_var found[OUTPUTS];
    size_t n_found = OUTPUTS;
    char *text = pal_tape_text(t, v, n);
    ck_assert_msg(text != NULL, "%s", pal_tape_error(t));
    pal_tape *again = parsed(t, text, found, &n_found);
    char *second = pal_tape_text(again, found, n_found);
    ck_assert_str_eq(text, second);
    if (n) ck_assert_uint_eq(n, n_found);
    for (size_t i = 0; i < n; i++) ck_assert_uint_eq(pal__at(t, v[i].id)->hash, pal__at(again, found[i].id)->hash);
    if (run) {
        kept before = keep(t);
        pal_program *p = ran(t, v, n);
        kept after = keep(t);
        restore(&before, false);
        pal_program *q = ran(again, found, n_found);
        for (size_t i = 0; i < n; i++)
            ck_assert_mem_eq(pal_output(p, i)->data, pal_output(q, i)->data, pal_tensor_bytes(pal_output(p, i)));
        for (size_t i = 0; i < after.n; i++)
            ck_assert_mem_eq(after.leaf[i]->data, after.data[i], pal_tensor_bytes(after.leaf[i]));
        restore(&after, true);
        restore(&before, true);
        pal_program_free(p);
        pal_program_free(q);
    }
    pal_text_free(c, text);
    pal_text_free(c, second);
    pal_tape_free(again);
}

START_TEST(a_graph_comes_back)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    outputs o = {0};
    graphs[_i].record(t, &o);
    check_round(t, o.v, o.n, true);
    check_round(t, NULL, 0, false);
    pal_tape_free(t);
}
END_TEST

START_TEST(a_training_step_comes_back)
{
    pal_error err = {0};
    const char *const settings[] = {"basic", "denoising"};
    for (size_t s = 0; s < 2; s++) {
        const pal_variant *variant = pal_variant_find(settings[s]);
        pal_model *m =
            pal_model_new(c, variant, (pal_setting[]){{"hidden", "3"}}, 1, PAL_SHAPE(COLUMNS), PAL_F64, 5, &err);
        ck_assert_msg(m != NULL, "%s", err.text);
        size_t n = pal_model_parameter_count(m);
        pal_tensor *parameter[MOST_LEAVES];
        const char *name[MOST_LEAVES];
        pal_var leaf[MOST_LEAVES], gradient[MOST_LEAVES];
        for (size_t i = 0; i < n; i++) parameter[i] = pal_model_parameter(m, i, &name[i]);
        pal_optimizer_options o = {.struct_size = sizeof o, .name = "adam", .clip_norm = 1};
        pal_optimizer *adam = pal_optimizer_new(c, &o, parameter, name, n, &err);
        ck_assert_msg(adam != NULL, "%s", err.text);
        pal_optimizer_set_step(adam, 3, 0.01);
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_model_begin(m, t, PAL_TRAIN);
        pal_batch batch = {.inputs = pal_sigmoid(pal_leaf(t, xs, "inputs"))};
        pal_var loss = pal_model_loss(m, &batch);
        ck_assert_int_eq(pal_model_leaves(m, t, leaf), PAL_OK);
        ck_assert_int_eq(pal_grad(loss, leaf, n, gradient), PAL_OK);
        ck_assert_int_eq(pal_optimizer_record(adam, t, leaf, gradient, n), PAL_OK);
        pal_model_end(m);
        ck_assert_tape_ok(t);
        check_round(t, &loss, 1, false);
        /* All effects are roots of the whole tape: it comes back with them. */
        char *text = pal_tape_text(t, NULL, 0);
        pal_var found[OUTPUTS];
        size_t n_found = OUTPUTS;
        pal_tape *again = parsed(t, text, found, &n_found);
        char *second = pal_tape_text(again, found, n_found);
        ck_assert_str_eq(text, second);
        ck_assert_uint_eq(again->n_effects, t->n_effects);
        kept before = keep(t);
        pal_program_free(ran(t, &loss, 1));
        kept after = keep(t);
        restore(&before, false);
        pal_program_free(ran(again, NULL, 0));
        for (size_t i = 0; i < after.n; i++)
            ck_assert_mem_eq(after.leaf[i]->data, after.data[i], pal_tensor_bytes(after.leaf[i]));
        restore(&after, true);
        restore(&before, true);
        pal_text_free(c, text);
        pal_text_free(c, second);
        pal_tape_free(again);
        pal_tape_free(t);
        pal_optimizer_free(adam);
        pal_model_free(m);
    }
}
END_TEST

/* Numbers may leave some out, as long as they ascend. */
START_TEST(other_numbers)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_var v;
    size_t n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "%7 = fill f64[] {2}\n%4000000000 = add f64[] (%7, %7)\nreturn %4000000000",
                                    NULL, &v, &n, NULL),
                     PAL_OK);
    double value;
    ck_assert_int_eq(pal_eval(v, &value), PAL_OK);
    ck_assert_double_eq(value, 4);
    pal_tape_free(t);
    t = pal_tape_new(c, PAL_F64);
    n = 1;
    ck_assert_int_eq(pal_tape_parse(t, "", NULL, &v, &n, NULL), PAL_OK);
    ck_assert_uint_eq(n, 0);
    pal_tape_free(t);
}
END_TEST

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *error;
} refusals[] = {
    {"%1 = fill f64[] {1}\n", "line 2: the return line is missing"},
    {"%1 = fill f64[] {1}\nreturn %1\n\n", "line 3: something behind the return line"},
    {"%1 = fill f64[] {1}\nreturn %2\n", "line 2: %2 does not stand before this line"},
    {"%1 = fill f64[] {1}\n%1 = fill f64[] {1}\nreturn %1\n", "line 2: %1: the numbers are to ascend from 1"},
    {"%0 = fill f64[] {1}\nreturn %0\n", "line 1: %0: the numbers are to ascend from 1"},
    {"%1 = fill f64[] {1}\n%2 = matmull f64[] (%1, %1)\nreturn %2\n", "line 2: no operation is called matmull"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%3)\nreturn %2\n", "line 2: %3 does not stand before this line"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%2)\nreturn %2\n", "line 2: %2 does not stand before this line"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[1] (%1)\nreturn %2\n", "line 2: tanh gives f64[] here"},
    {"%1 = fill f64[] {1}\n%2 = tanh f32[] (%1)\nreturn %2\n", "line 2: tanh gives f64[] here"},
    {"%1 = fill f64[] {1}\n%2 = tanh f64[] (%1, %1)\nreturn %2\n", "line 2: tanh: takes 1 operands, not 2"},
    {"%1 = fill f64[2] {1}\n%2 = fill f64[3] {1}\n%3 = add f64[2] (%1, %2)\nreturn %3\n", "line 3: add: [2] x [3]"},
    {"%1 = fill f64[] {one}\nreturn %1\n", "line 1: a parameter is no number"},
    {"%1 = fill f64[] {1e999}\nreturn %1\n", "line 1: a parameter is no number"},
    {"%1 = fill f64[]\nreturn %1\n", "line 1: fill has 9 parameters, not 0"},
    {"%1 = fill f64[99999999999999999999] {1}\nreturn %1\n", "line 1: a number is too large"},
    {"%1 = fill f64[4000000000,4000000000] {1}\nreturn %1\n", "line 1: a shape is too large"},
    {"%1 = fill f64[1,1,1,1,1,1,1] {1}\nreturn %1\n", "line 1: a shape of over 6 axes"},
    {"%1 = fill f16[] {1}\nreturn %1\n", "line 1: an element type is missing"},
    {"%1 = fill bf16[] {1}\nreturn %1\n", "line 1: an element type is missing"},
    {"%1 = fill f64[] {1} order 256\nreturn %1\n", "line 1: a number is too large"},
    {"%1 = fill f64[] {1} and more\nreturn %1\n", "line 1: what is \" and more\"?"},
    {"%1 = leaf f64[2] \"y\"\nreturn %1\n", "line 1: there is no tensor for leaf y"},
    {"%1 = leaf f64[2]\nreturn %1\n", "line 1: a leaf without a name"},
    {"%1 = leaf f64[6,5] \"x\"\nreturn %1\n", "line 1: leaf x is f64[6,5], its tensor f64[6,4]"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = leaf f64[6,4] \"x\"\nreturn %1\n", "line 2: leaf x has the tensor of leaf x"},
    {"%1 = leaf f64[6,4] \"x\nreturn %1\n", "line 1: a name without its closing quote"},
    {"%1 = leaf f64[6,4] \"\\x\"\nreturn %1\n", "line 1: an escape that is none"},
    {"    %1 = fill f64[] {1}\nreturn %1\n", "line 1: set in otherwise than its region"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\nreturn %3\n",
     "line 4: a region is still open"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\n%5 = tanh f64[] (%2)\nreturn %5\n",
     "line 5: tanh: operand 1 belongs to a region that has ended"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\n%5 = cast f64[] (%1) {1}\nreturn %5\n",
     "line 5: cast: operand 1 belongs to a region that has ended"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {2} of %3 by %1\nreturn %2\n",
     "line 5: output 1 lies inside a region"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n    %3 = copy f64[] (%2)\n"
     "%4 = map_sum f64[] {0} of %3 by %1\nreturn %4\n",
     "line 4: a map_sum needs a count of at least 1"},
    {"%1 = index i32[] {1}\n    %2 = fill f64[] {1}\n%4 = map_sum f64[] {2} of %2 by %1\nreturn %4\n",
     "line 3: a body's value is a copy inside, and real"},
    {"%1 = fill f64[] {1}\n%2 = index i32[] {1}\n    %3 = copy f64[] (%1)\n%4 = map_sum f64[] {2} of %3 by %2\nreturn "
     "%4\n",
     "line 4: a map_sum's operands are the outer values that its body reads, in the order of a walk"},
    {"%1 = index i32[] {2}\nreturn %1\n", "line 1: an index of another depth"},
    {"%1 = uniform f64[2]\nreturn %1\n", "line 1: noise without the name of its stream"},
    {"%1 = fill f64[] {1}\n%2 = uniform f64[2] (%1) \"u\"\nreturn %2\n", "line 2: noise reads indices alone"},
    {"%1 = uniform f64[2] \"u\"\n%2 = uniform f64[3] \"u\"\nreturn %2\n",
     "line 2: stream u is drawn from otherwise already"},
    {"%1 = uniform i32[2] \"u\"\nreturn %1\n", "line 1: uniform: noise is real"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = assign f64[6,4] (%1, %1)\n%3 = assign f64[6,4] (%1, %1)\nreturn %2\n",
     "line 3: assign: leaf x is assigned twice"},
    {"%1 = leaf f64[6,4] \"x\"\n%2 = permute f64[4,6] (%1) {1,0,0,0,0,9223372036854775808}\nreturn %2\n",
     "line 2: a parameter is no integer"},
    {"%1 = softmax f64[]\nreturn %1\n", NULL}, /* a composite, or none such */
    {"nonsense", "line 1: neither an operation nor the return line"},
    {"return %1", "line 1: %1 does not stand before this line"},
    {"\n", "line 1: neither an operation nor the return line"},
};

START_TEST(refused_with_its_line)
{
    pal_tape *named = pal_tape_new(c, PAL_F64);
    pal_leaf(named, xs, "x");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        pal_tape *t = pal_tape_new(c, PAL_F64);
        pal_error err = {0};
        pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = same_leaf, .user = named};
        pal_var v[2];
        size_t n = 2;
        pal_status status = pal_tape_parse(t, refusals[i].text, &o, v, &n, &err);
        ck_assert_msg(status != PAL_OK, "%s", refusals[i].text);
        ck_assert_int_eq(status, err.status);
        if (refusals[i].error) ck_assert_str_eq(err.text, refusals[i].error);
        ck_assert_uint_eq(n, 0);
        ck_assert_uint_eq(pal_tape_length(t), 0); /* and the tape may be used */
        ck_assert_tape_ok(t);
        ck_assert(pal_ok(pal_constant(t, 1)));
        pal_tape_free(t);
    }
    pal_tape_free(named);
}
END_TEST

START_TEST(bad_arguments)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pal_error err = {0};
    pal_var v;
    size_t n = 0;
    const char *text = "%1 = fill f64[] {1}\nreturn %1\n";
    ck_assert_int_eq(pal_tape_parse(NULL, text, NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, NULL, NULL, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, text, &(pal_parse_options){0}, NULL, NULL, NULL), PAL_ERR_ARGUMENT);
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "line 2: 1 outputs, and room for 0");
    n = 1;
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_OK);
    ck_assert_int_eq(pal_tape_parse(t, text, NULL, &v, &n, &err), PAL_ERR_ARGUMENT);
    ck_assert_str_eq(err.text, "parse: the tape is not empty");
    pal_tape_free(t);
}
END_TEST

/* ---- Hostile text ------------------------------------------------------------------------------------------------ */

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

/* One change: text has room for `size` bytes. */
static void mutate(char *text, size_t size, uint64_t *rng)
{
    static const char *const words[] = {"0",
                                        "-1",
                                        "1",
                                        "2",
                                        "99",
                                        "4294967296",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1e300",
                                        "nan",
                                        "%1",
                                        "%2",
                                        "%9",
                                        "f32",
                                        "i32",
                                        "bool",
                                        "[]",
                                        "[2]",
                                        "[0]",
                                        "{}",
                                        "    ",
                                        "\n",
                                        "tanh",
                                        "index",
                                        "leaf",
                                        "copy",
                                        " in ",
                                        " order 1",
                                        "(",
                                        ", "};
    size_t n = strlen(text), at = n ? draw(rng) % n : 0, length = n ? draw(rng) % 12 % (n - at + 1) : 0;
    const char *word = words[draw(rng) % (sizeof words / sizeof *words)];
    switch (draw(rng) % 8) {
    case 0: /* a byte */
        if (n) text[at] = (char)(1 + draw(rng) % 255);
        return;
    case 1: /* a digit */
        for (size_t i = at; i < n; i++)
            if (text[i] >= '0' && text[i] <= '9') {
                text[i] = (char)('0' + draw(rng) % 10);
                return;
            }
        return;
    case 2: /* truncated */
        text[at] = 0;
        return;
    case 3: /* some bytes lost */
        memmove(text + at, text + at + length, n - at - length + 1);
        return;
    case 4: { /* a line lost */
        char *next = strchr(text + at, '\n'), *after = next ? strchr(next + 1, '\n') : NULL;
        if (after) memmove(next, after, strlen(after) + 1);
        return;
    }
    case 5: { /* two neighbours */
        if (n < 2) return;
        at %= n - 1;
        char first = text[at];
        text[at] = text[at + 1];
        text[at + 1] = first;
        return;
    }
    case 6: { /* a number replaced */
        size_t from = at;
        while (from < n && !(text[from] >= '0' && text[from] <= '9')) from++;
        size_t to = from;
        while (to < n && text[to] >= '0' && text[to] <= '9') to++;
        if (n + strlen(word) + 1 > size) return;
        memmove(text + from + strlen(word), text + to, n - to + 1);
        memcpy(text + from, word, strlen(word));
        return;
    }
    default: /* something put in */
        if (n + strlen(word) + 1 > size) return;
        memmove(text + at + strlen(word), text + at, n - at + 1);
        memcpy(text + at, word, strlen(word));
    }
}

typedef struct pool {
    pal_tensor *made[MOST_LEAVES];
    size_t n;
} pool;

static pal_tensor *any_leaf(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    pool *p = user;
    if (p->n == MOST_LEAVES || pal_shape_count(shape) > 4096) return NULL;
    return p->made[p->n++] = pal_tensor_new(c, dtype, shape);
}

/* Small enough to run. */
static bool modest(const pal_tape *t)
{
    int64_t terms = 1, elements = 0;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        int64_t count = pal_shape_count(e->shape);
        if (count > 20000 || (elements += count) > 200000) return false;
        if (e->op == &pal__op_map_sum && (e->params.i[0] > 50 || (terms *= e->params.i[0]) > 1000)) return false;
    }
    return true;
}

static void try_text(const char *text, size_t *accepted)
{
    pal_tape *t = pal_tape_new(c, PAL_F64);
    pool p = {0};
    pal_error err = {0};
    pal_var v[OUTPUTS];
    size_t n = OUTPUTS;
    pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = any_leaf, .user = &p};
    if (pal_tape_parse(t, text, &o, v, &n, &err) == PAL_OK) {
        ++*accepted;
        ck_assert_ptr_null(pal__verify(t));
        char *printed = pal_tape_text(t, v, n);
        ck_assert_ptr_nonnull(printed);
        pal_program *program = modest(t) ? pal_compile(t, v, n, NULL) : NULL;
        if (program) pal_run(program);
        pal_program_free(program);
        pal_text_free(c, printed);
    } else {
        ck_assert_int_eq(strncmp(err.text, "line ", 5), 0);
        ck_assert_uint_eq(pal_tape_length(t), 0);
        ck_assert_tape_ok(t);
    }
    pal_tape_free(t);
    for (size_t i = 0; i < p.n; i++) pal_tensor_free(p.made[i]);
}

START_TEST(hostile_text)
{
    static char text[1 << 16];
    pal_tape *t = pal_tape_new(c, PAL_F64);
    outputs o = {0};
    size_t accepted = 0;
    graphs[_i].record(t, &o);
    char *base = pal_tape_text(t, o.v, o.n);
    ck_assert_uint_lt(strlen(base), sizeof text - 1024);
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t rng = seed * 1000 + (uint64_t)_i;
        strcpy(text, base);
        for (uint64_t k = 1 + draw(&rng) % 3; k; k--) mutate(text, sizeof text, &rng);
        try_text(text, &accepted);
    }
    for (size_t n = strlen(base); n--;) /* every beginning */
        if (n % 7 == 0) {
            strcpy(text, base);
            text[n] = 0;
            try_text(text, &accepted);
        }
    pal_text_free(c, base);
    pal_tape_free(t);
}
END_TEST

/* A parameter of some line replaced: shape rules are all that stands between a text and the kernels. */
static void mutate_params(char *text, size_t size, uint64_t *rng)
{
    static const char *const values[] = {"0",
                                         "1",
                                         "2",
                                         "3",
                                         "5",
                                         "7",
                                         "-1",
                                         "-2",
                                         "100",
                                         "65536",
                                         "2147483647",
                                         "4294967296",
                                         "-2147483648",
                                         "9223372036854775807",
                                         "-9223372036854775808"};
    const char *value = values[draw(rng) % (sizeof values / sizeof *values)];
    size_t count = 0;
    for (const char *p = text; *p; p++) count += *p == '{' || *p == ',';
    if (!count) return;
    size_t which = draw(rng) % count;
    for (char *p = text; *p; p++) {
        if ((*p != '{' && *p != ',') || which--) continue;
        size_t old = strcspn(p + 1, ",}])\n"), n = strlen(text);
        if (n + strlen(value) + 1 > size || p[1] == ' ') return;
        memmove(p + 1 + strlen(value), p + 1 + old, strlen(p + 1 + old) + 1);
        memcpy(p + 1, value, strlen(value));
        return;
    }
}

START_TEST(hostile_parameters_of_every_operation)
{
    static char text[1 << 16];
    size_t accepted = 0, of = 0;
    for (size_t i = (size_t)_i; pal_op_at(i); i += 8)
        for (size_t k = 0; k < pal_gradcheck_op_cases(pal_op_at(i)); k++) {
            pal_case it;
            pal_tape *t = pal_tape_new(c, PAL_F64);
            pal_tensor *tensor[PAL_CASE_INPUTS] = {NULL};
            pal_var in[PAL_CASE_INPUTS];
            pal_gradcheck_op_case(pal_op_at(i), k, &it);
            for (size_t j = 0; j < it.n; j++) {
                char name[] = "x0";
                name[1] = (char)('0' + j);
                tensor[j] = random_tensor(c, PAL_F64, it.in[j].shape, it.in[j].low, it.in[j].high, name);
                in[j] = pal_leaf(t, tensor[j], name);
            }
            pal_var v = it.build(t, in, it.user);
            ck_assert_msg(pal_ok(v), "%s %s: %s", pal_op_at(i)->name, it.label, pal_tape_error(t));
            ck_assert_msg(!pal__verify(t), "%s %s: %s", pal_op_at(i)->name, it.label, pal__verify(t));
            pal_var roots[8] = {v};
            size_t n = 1;
            for (size_t j = 0; j < t->n_effects && n < 8; j++) roots[n++] = pal__var(t, t->effects[j]);
            check_round(t, roots, n, true);
            char *base = pal_tape_text(t, roots, n);
            for (uint64_t seed = 0; seed < 12 && strlen(base) < sizeof text - 1024; seed++, of++) {
                uint64_t rng = seed * 7919 + i * 64 + k;
                strcpy(text, base);
                for (uint64_t m = 1 + seed % 2; m; m--) mutate_params(text, sizeof text, &rng);
                if (getenv("PAL_TEXT_SHOW")) fprintf(stderr, "---- %s %s\n%s", pal_op_at(i)->name, it.label, text);
                try_text(text, &accepted);
            }
            pal_text_free(c, base);
            pal_tape_free(t);
            for (size_t j = 0; j < it.n; j++) pal_tensor_free(tensor[j]);
        }
    ck_assert_uint_lt(accepted, of);
}
END_TEST

/* Regions in each other beyond any use: refused, not followed. */
START_TEST(deep_nesting)
{
    static char text[1 << 16];
    size_t n = 0, accepted = 0;
    for (int d = 0; d < 80; d++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%*s%%%d = index i32[] {%d}\n", 4 * d, "", d + 1, d + 1);
    try_text(text, &accepted);
    ck_assert_uint_eq(accepted, 0);
}
END_TEST

Suite *text_suite(void)
{
    Suite *s = suite_create("text");
    TCase *k = tcase_create("text");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_set_timeout(k, 120);
    tcase_add_loop_test(k, a_graph_comes_back, 0, GRAPHS);
    tcase_add_test(k, a_training_step_comes_back);
    tcase_add_test(k, other_numbers);
    tcase_add_test(k, refused_with_its_line);
    tcase_add_test(k, bad_arguments);
    tcase_add_loop_test(k, hostile_text, 0, GRAPHS);
    tcase_add_loop_test(k, hostile_parameters_of_every_operation, 0, 8);
    tcase_add_test(k, deep_nesting);
    suite_add_tcase(s, k);
    return s;
}
