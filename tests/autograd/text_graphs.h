/* text_graphs.h - graphs that the text suites print and read back, and the check of this round trip. */
#ifndef PAL_TESTS_TEXT_GRAPHS_H
#define PAL_TESTS_TEXT_GRAPHS_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/compile/internal.h"
#include "tests/testing.h"

enum { OUTPUTS = 64, MOST_LEAVES = 64, ROWS = 6, COLUMNS = 4 };

static pal_context *c;
static pal_tensor *xs, *ws, *ks, *bs;

/* A hostile text may request any amount of memory. This allocator refuses blocks over 64 MiB on every machine. */
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

/* ---- Graphs --------------------------------------------------------------------------------------------------- */

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

/* ---- Round trips ---------------------------------------------------------------------------------------------- */

/* The tensor of the leaf `name` on the tape `user`. */
static pal_tensor *same_leaf(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    const pal_tape *t = user;
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (pal__at(t, id)->op == &pal__op_leaf && !strcmp(pal__at(t, id)->params->name, name))
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

typedef struct kept { /* saved values of a tape's leaves */
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

/* Prints the tape, parses the text and prints it again: both texts are equal. run: the programs of both tapes give the
 * same bits in outputs and leaves. */
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

#endif
