/* test_hostile_text.c - reads damaged tape text. It does no harm, and an accepted text gives a sound, runnable tape. */
#include "tests/autograd/text_graphs.h"

/* ---- Hostile text --------------------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 31;
}

/* Makes one random change to text, which has room for `size` bytes. */
static void mutate(char *text, size_t size, uint64_t *rng)
{
    /* clang-format off */
    static const char *const words[] = {
        "0", "-1", "1", "2", "99", "4294967296", "9223372036854775807", "-9223372036854775808", "1e300", "nan",
        "%1", "%2", "%9", "f32", "i32", "bool", "[]", "[2]", "[0]", "{}", "    ", "\n", "tanh", "index", "leaf",
        "copy", " in ", " order 1", "(", ", ",
    };
    /* clang-format on */
    size_t n = strlen(text), at = n ? draw(rng) % n : 0, length = n ? draw(rng) % 12 % (n - at + 1) : 0;
    const char *word = words[draw(rng) % (sizeof words / sizeof *words)];
    switch (draw(rng) % 8) {
    case 0: /* change a byte */
        if (n) text[at] = (char)(1 + draw(rng) % 255);
        return;
    case 1: /* change a digit */
        for (size_t i = at; i < n; i++)
            if (text[i] >= '0' && text[i] <= '9') {
                text[i] = (char)('0' + draw(rng) % 10);
                return;
            }
        return;
    case 2: /* truncate */
        text[at] = 0;
        return;
    case 3: /* remove some bytes */
        memmove(text + at, text + at + length, n - at - length + 1);
        return;
    case 4: { /* remove a line */
        char *next = strchr(text + at, '\n'), *after = next ? strchr(next + 1, '\n') : NULL;
        if (after) memmove(next, after, strlen(after) + 1);
        return;
    }
    case 5: { /* swap two neighbouring bytes */
        if (n < 2) return;
        at %= n - 1;
        char first = text[at];
        text[at] = text[at + 1];
        text[at + 1] = first;
        return;
    }
    case 6: { /* replace a number */
        size_t from = at;
        while (from < n && !(text[from] >= '0' && text[from] <= '9')) from++;
        size_t to = from;
        while (to < n && text[to] >= '0' && text[to] <= '9') to++;
        if (n + strlen(word) + 1 > size) return;
        memmove(text + from + strlen(word), text + to, n - to + 1);
        memcpy(text + from, word, strlen(word));
        return;
    }
    default: /* insert a word */
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

/* Whether the tape is small enough to run. */
static bool modest(const pal_tape *t)
{
    int64_t terms = 1, elements = 0;
    for (uint32_t id = 1; id < t->n_entries; id++) {
        const pal__entry *e = pal__at(t, id);
        int64_t count = pal_shape_count(*e->shape);
        if (count > 20000 || (elements += count) > 200000) return false;
        if (e->op == &pal__op_map_sum && (e->params->i[0] > 50 || (terms *= e->params->i[0]) > 1000)) return false;
    }
    return true;
}

/* Parses the text. If it is accepted, the tape must be sound, and is printed and run. If not, the error must name a
 * line, and the tape must stay empty and usable. */
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
    for (size_t n = strlen(base); n--;) /* every seventh truncation */
        if (n % 7 == 0) {
            strcpy(text, base);
            text[n] = 0;
            try_text(text, &accepted);
        }
    pal_text_free(c, base);
    pal_tape_free(t);
}
END_TEST

/* Replaces one parameter of some line. Only the shape rules protect the kernels from such a text. */
static void mutate_params(char *text, size_t size, uint64_t *rng)
{
    /* clang-format off */
    static const char *const values[] = {
        "0", "1", "2", "3", "5", "7", "-1", "-2", "100", "65536", "2147483647", "4294967296", "-2147483648",
        "9223372036854775807", "-9223372036854775808",
    };
    /* clang-format on */
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

/* Far too deeply nested regions are refused, without recursing into them. */
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

Suite *hostile_text_suite(void)
{
    Suite *s = suite_create("hostile_text");
    TCase *k = tcase_create("hostile_text");
    tcase_add_checked_fixture(k, setup, teardown);
    tcase_set_timeout(k, 120);
    tcase_add_loop_test(k, hostile_text, 0, GRAPHS);
    tcase_add_loop_test(k, hostile_parameters_of_every_operation, 0, 8);
    tcase_add_test(k, deep_nesting);
    suite_add_tcase(s, k);
    return s;
}
