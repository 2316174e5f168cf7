/* target_text.c - the text of a tape. What is accepted is a sound tape; it has the same text after printing and reading
 * it again; and if it is small, it runs, and gives the same bits with the exact passes of the compiler as without. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/compile/internal.h"
#include "autograd/gradcheck.h"
#include "ops/ops.h"
#include "tests/autograd/graphs.h"
#include "tests/fuzz/fuzz.h"

enum { OUTPUTS = 64, LEAVES = 64, BLOCK_MOST = 1 << 24 };
static pal_context *context;

/* A text may ask for any amount of memory; the context refuses what is large. */
static void *block(size_t size, void *user)
{
    (void)user;
    return size > BLOCK_MOST ? NULL : malloc(size);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void open_context(void)
{
    context = pal_context_new(&(pal_context_options){
        .struct_size = sizeof(pal_context_options), .threads = 1, .allocate = block, .release = release});
}
static void close_context(void) { pal_context_free(context); }

/* ---- Leaves --------------------------------------------------------------------------------------------------- */

typedef struct pool {
    pal_tensor *made[LEAVES];
    char name[LEAVES][64];
    size_t n;
} pool;

static void fill(pal_tensor *t)
{
    for (size_t k = 0; k < pal_tensor_count(t); k++) {
        const double x = (double)(k * 37 % 19) / 4 - 2;
        pal_tensor_set(t, k, pal_dtype_real(t->dtype) ? x : t->dtype == PAL_BOOL ? k % 2 : (double)(k % 5));
    }
}

/* A second reading of the same text gets the same tensors. */
static pal_tensor *leaf(const char *name, pal_dtype dtype, pal_shape shape, void *user)
{
    pool *p = user;
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->name[i], name)) return p->made[i];
    if (p->n == LEAVES || strlen(name) > 63 || pal_shape_count(shape) > GRAPH_MOST) return NULL;
    pal_tensor *t = pal_tensor_new(context, dtype, shape);
    if (!t) return NULL;
    fill(t);
    strcpy(p->name[p->n], name);
    return p->made[p->n++] = t;
}

/* ---- Runs ----------------------------------------------------------------------------------------------------- */

typedef struct result {
    double *v;
    size_t n;
    pal_status status;
} result;

static void append(result *r, const pal_tensor *t)
{
    const size_t n = pal_tensor_count(t);
    r->v = realloc(r->v, (r->n + n + 1) * sizeof *r->v);
    fuzz_require(r->v, "out of memory");
    for (size_t i = 0; i < n; i++) r->v[r->n++] = pal_tensor_get(t, i);
}

/* Whether the tape is small enough to run. */
static bool modest(const pal_tape *t)
{
    int64_t terms = 1, elements = 0;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        const int64_t count = pal_shape_count(*e->shape);
        if (count > 4096 || (elements += count) > 65536) return false;
        if (e->op == &pal__op_map_sum && (e->params->i[0] > 20 || (terms *= e->params->i[0]) > 100)) return false;
    }
    return true;
}

static bool execute(pal_tape *t, const pal_var *v, size_t n, unsigned passes, const pool *p, result *r)
{
    *r = (result){0};
    pal_program *program =
        pal_compile(t, v, n,
                    &(pal_compile_options){
                        .struct_size = sizeof(pal_compile_options), .effects = true, .passes = passes, .lanes = 3});
    if (!program) {
        const char *why = pal_tape_error(t);
        fuzz_require(why && *why && !strpbrk(why, "\n\r"), "not compiled, without one line of reason");
        return false;
    }
    for (size_t i = 0; i < p->n; i++) fill(p->made[i]);
    pal_program_set_noise(program, (pal_noise){.seed = 4, .clock = 2});
    r->status = pal_run(program);
    for (size_t i = 0; r->status == PAL_OK && i < n; i++) append(r, pal_output(program, i));
    for (size_t i = 0; r->status == PAL_OK && i < p->n; i++) append(r, p->made[i]);
    if (r->status != PAL_OK) fuzz_require(pal_program_error(program), "a run failed without a reason");
    pal_program_free(program);
    return true;
}

static void run_both(pal_tape *t, const pal_var *v, size_t n, const pool *p)
{
    result plain, passes;
    const bool made = execute(t, v, n, PAL_PASS_NONE, p, &plain);
    if (!made) return; /* memory: the passes may do with less */
    if (execute(t, v, n, PAL_PASS_SIMPLIFY | PAL_PASS_FUSE | PAL_PASS_INPLACE, p, &passes)) {
        fuzz_require(plain.status == passes.status, "statuses %d and %d", plain.status, passes.status);
        fuzz_require(plain.n == passes.n, "%zu and %zu numbers", plain.n, passes.n);
        for (size_t i = 0; i < plain.n; i++)
            if (!(isnan(plain.v[i]) && isnan(passes.v[i])))
                fuzz_require(!memcmp(&plain.v[i], &passes.v[i], sizeof(double)), "number %zu is %.17g and %.17g", i,
                             plain.v[i], passes.v[i]);
        free(passes.v);
    }
    free(plain.v);
}

static void read_again(const pal_tape *t, const char *text, pool *p)
{
    pal_var v[OUTPUTS];
    size_t n = OUTPUTS;
    pal_error err = {0};
    pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = leaf, .user = p};
    pal_tape *again = pal_tape_new(context, pal_tape_real(t));
    fuzz_require(pal_tape_parse(again, text, &o, v, &n, &err) == PAL_OK, "not read again: %s", err.text);
    char *second = pal_tape_text(again, v, n);
    fuzz_require(second && !strcmp(text, second), "the text differs");
    pal_text_free(context, second);
    pal_tape_free(again);
}

static void run(const uint8_t *data, size_t size)
{
    static char text[FUZZ_MOST];
    memcpy(text, data, size);
    text[size] = 0;
    pool p = {.n = 0};
    pal_error err = {0};
    pal_var v[OUTPUTS];
    size_t n = OUTPUTS;
    pal_parse_options o = {.struct_size = sizeof o, .find = pal_op_find, .leaf = leaf, .user = &p};
    pal_tape *t = pal_tape_new(context, PAL_F64);
    if (pal_tape_parse(t, text, &o, v, &n, &err) == PAL_OK) {
        fuzz_accept();
        const char *broken = pal__verify(t);
        fuzz_require(!broken, "%s", broken);
        char *printed = pal_tape_text(t, v, n);
        fuzz_require(printed, "no text: %s", pal_tape_error(t));
        read_again(t, printed, &p);
        pal_text_free(context, printed);
        if (modest(t)) run_both(t, v, n, &p);
    } else {
        fuzz_outcome(false, &err);
        fuzz_require(!strncmp(err.text, "line ", 5), "no line is named: %s", err.text);
        fuzz_require(!pal_tape_length(t) && !pal_tape_error(t), "the tape is not empty");
    }
    pal_tape_free(t);
    for (size_t i = 0; i < p.n; i++) pal_tensor_free(p.made[i]);
}

/* ---- Texts ---------------------------------------------------------------------------------------------------- */

/* The text of a random graph, with all its effects. */
static char *graph_text_of(uint64_t seed, bool small)
{
    const graph g = graph_of(seed, small);
    graph_values values;
    pal_tensor *leaves[GRAPH_NODES] = {NULL};
    pal_tape *t = pal_tape_new(context, g.real);
    for (size_t i = 0; i < g.n_leaves; i++) {
        pal_dtype dtype;
        const pal_shape s = graph_leaf_shape(&g, i, &dtype);
        leaves[i] = pal_tensor_new(context, dtype, s);
    }
    graph_record(&g, t, leaves, 0, &values);
    pal_var roots[GRAPH_OUTPUTS + GRAPH_NODES];
    size_t n = g.n_outputs;
    memcpy(roots, values.outputs, n * sizeof *roots);
    for (size_t i = 0; i < t->n_effects; i++) roots[n++] = pal__var(t, t->effects[i]);
    char *text = pal_tape_text(t, roots, n);
    pal_tape_free(t);
    for (size_t i = 0; i < g.n_leaves; i++) pal_tensor_free(leaves[i]);
    return text;
}

static void seed_of_case(fuzz_seeds *to, const pal_op *op, size_t k)
{
    pal_case it;
    pal_tensor *tensor[PAL_CASE_INPUTS] = {NULL};
    pal_var in[PAL_CASE_INPUTS];
    pal_tape *t = pal_tape_new(context, PAL_F64);
    pal_gradcheck_op_case(op, k, &it);
    for (size_t j = 0; j < it.n; j++) {
        char name[] = "x0";
        name[1] = (char)('0' + j);
        tensor[j] = pal_tensor_new(context, PAL_F64, it.in[j].shape);
        in[j] = pal_leaf(t, tensor[j], name);
    }
    pal_var roots[8] = {it.build(t, in, it.user)};
    size_t n = 1;
    for (size_t j = 0; j < t->n_effects && n < 8; j++) roots[n++] = pal__var(t, t->effects[j]);
    char *text = pal_tape_text(t, roots, n);
    if (text) fuzz_seed_text(to, text);
    pal_text_free(context, text);
    pal_tape_free(t);
    for (size_t j = 0; j < it.n; j++) pal_tensor_free(tensor[j]);
}

static void seeds(fuzz_seeds *to)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        char *text = graph_text_of(seed, seed % 2);
        if (text) fuzz_seed_text(to, text);
        pal_text_free(context, text);
    }
    for (size_t i = 0; pal_op_at(i); i++)
        for (size_t k = 0; k < pal_gradcheck_op_cases(pal_op_at(i)); k++) seed_of_case(to, pal_op_at(i), k);
}

/* ---- Changes -------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const char *const words[] = {
    "%1", "%2", "%9", " = ", "f32", "f64", "i32", "bool", "u8", "[]", "[2]", "[0]", "[1,1]", "{}", "{0}", "{0,0}", "    ",
    "\n", "tanh ", "index ", "leaf ", "copy ", "add ", "fill ", "sum_to ", "broadcast_to ", "map_sum ", "assign ",
    "matmul ", "reshape ", "slice ", "pad ", "take ", " in ", " order 1", "(%1)", "(%1, %2)", "return ", " of %3 by %2",
    "\"x\"", "nan(0x1)", "-inf", NULL,
};
/* clang-format on */

/* Replaces what begins at a mark of `marks` and is made of `letters` by a piece. */
static void replace_after(fuzz_bytes *b, const char *marks, const char *letters, const char *piece, uint64_t *rng)
{
    size_t at = fuzz_below(rng, b->size + 1), n = 0;
    while (at < b->size && !strchr(marks, b->data[at])) at++;
    if (at++ >= b->size) return;
    while (at + n < b->size && b->data[at + n] && strchr(letters, b->data[at + n])) n++;
    fuzz_splice(b, at, n, piece, strlen(piece));
}

static void change(fuzz_bytes *b, uint64_t *rng)
{
    char piece[32];
    size_t ops = 0, from = fuzz_below(rng, b->size + 1);
    switch (fuzz_below(rng, 8)) {
    case 0: { /* a new graph */
        char *text = graph_text_of(fuzz_random(rng) % 100000, fuzz_chance(rng, 2));
        if (text) fuzz_splice(b, 0, b->size, text, strlen(text));
        pal_text_free(context, text);
        return;
    }
    case 1: /* another operand */
    case 2:
        snprintf(piece, sizeof piece, "%zu", 1 + fuzz_below(rng, fuzz_chance(rng, 2) ? 6 : 40));
        replace_after(b, "(", "%", "", rng);
        replace_after(b, "%", "0123456789", piece, rng);
        return;
    case 3: /* another parameter */
        replace_after(b, "{", "0123456789-.e", fuzz_number(rng), rng);
        return;
    case 4: /* another length */
        snprintf(piece, sizeof piece, "%zu", fuzz_below(rng, 8));
        replace_after(b, "[", "0123456789", piece, rng);
        return;
    case 5: /* another operation */
        while (pal_op_at(ops)) ops++;
        replace_after(b, "=", " abcdefghijklmnopqrstuvwxyz_0123456789",
                      strcat(strcat(strcpy(piece, " "), pal_op_at(fuzz_below(rng, ops))->name), " f64"), rng);
        return;
    default: { /* a line less */
        while (from && b->data[from - 1] != '\n') from--;
        const uint8_t *end = memchr(b->data + from, '\n', b->size - from);
        if (end && !fuzz_chance(rng, 3)) fuzz_splice(b, from, (size_t)(end - b->data) + 1 - from, "", 0);
    }
    }
}

const fuzz_target target_text = {.name = "text",
                                 .summary = "the text of a tape, compiled and run",
                                 .words = words,
                                 .most = 1 << 14,
                                 .base = 256 << 20,
                                 .factor = 1,
                                 .open = open_context,
                                 .close = close_context,
                                 .seeds = seeds,
                                 .run = run,
                                 .change = change};
