/* test_finding.c - the table and the ranges against plain searches; what a tape finds again by name, tensor and memory,
 * and forgets when it is rewound. */
#include "autograd/internal.h"
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

static pal_context *c;
static pal_tape *t;

static void setup(void)
{
    c = context_with(1);
    t = pal_tape_new(c, PAL_F64);
}

static void teardown(void)
{
    pal_tape_free(t);
    pal_context_free(c);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

enum { NUMBERS = 600, KEYS = 97 };

/* Few hashes, so that many numbers share one and rows of slots are long; some begin at the table's end. */
static uint64_t hash_of(uint32_t number) { return number % KEYS < 50 ? number % KEYS : UINT64_MAX - number % KEYS; }

static void check_table(pal__table *table, const bool *there)
{
    for (uint32_t n = 1; n <= NUMBERS; n++) {
        size_t at, found = 0;
        for (uint32_t i = pal__table_first(table, hash_of(n), &at); i; i = pal__table_next(table, hash_of(n), &at))
            found += i == n;
        ck_assert_uint_eq(found, there[n]);
    }
}

START_TEST(table_has_what_was_added_and_not_removed)
{
    pal__table table = {0};
    bool there[NUMBERS + 1] = {0};
    size_t n = 0, at;
    ck_assert_uint_eq(pal__table_first(&table, 7, &at), 0);
    for (uint64_t step = 0; step < 3000; step++) {
        const uint32_t number = 1 + (uint32_t)(pal__mix(3, step) % NUMBERS);
        if (there[number])
            pal__table_remove(&table, hash_of(number), number);
        else
            ck_assert(pal__table_add(c, &table, hash_of(number), number));
        there[number] = !there[number];
        n += there[number] ? 1 : (size_t)-1;
        ck_assert_uint_eq(table.n, n);
        if (step % 100 == 0) check_table(&table, there);
    }
    check_table(&table, there);
    pal__table_free(c, &table);
}
END_TEST

/* ---- The ranges ----------------------------------------------------------------------------------------------- */

enum { PLACES = 400 };

static void check_ranges(pal__ranges *r, const uint64_t *size)
{
    for (uint64_t at = 0; at <= PLACES; at++) {
        uint64_t before = PLACES;
        for (uint64_t i = 0; i < at; i++)
            if (size[i]) before = i;
        const pal__range *found = pal__ranges_before(r, at * 10);
        ck_assert_int_eq(found != NULL, before < PLACES);
        ck_assert(!found || (found->at == before * 10 && found->size == size[before] && found->number == before + 1));
    }
    for (uint64_t wanted = 1; wanted <= 11; wanted++) {
        uint64_t first = 0;
        while (first < PLACES && size[first] < wanted) first++;
        const pal__range *found = pal__ranges_fit(r, wanted);
        ck_assert_int_eq(found != NULL, first < PLACES);
        ck_assert(!found || found->at == first * 10);
    }
}

START_TEST(ranges_answer_as_a_plain_search_does)
{
    pal__ranges r = {0};
    uint64_t size[PLACES] = {0};
    check_ranges(&r, size);
    pal__ranges_remove(&r, 5);
    for (uint64_t step = 0; step < 2000; step++) {
        const uint64_t i = pal__mix(5, step) % PLACES;
        if (size[i])
            pal__ranges_remove(&r, i * 10);
        else
            ck_assert(pal__ranges_add(c, &r, i * 10, 1 + step % 10, (uint32_t)i + 1));
        size[i] = size[i] ? 0 : 1 + step % 10;
        if (step % 100 == 0) check_ranges(&r, size);
    }
    check_ranges(&r, size);
    ck_assert_uint_le(r.n, PLACES + 1); /* places of removed ranges are taken again */
    pal__ranges_free(c, &r);
}
END_TEST

/* Whatever the order in which they come, even sorted, a search looks at few of many. */
START_TEST(ranges_are_found_in_few_steps)
{
    enum { MANY = 20000 };
    for (int order = 0; order < 3; order++) {
        pal__ranges r = {0};
        for (uint64_t i = 0; i < MANY; i++) {
            const uint64_t at = order == 0 ? i : order == 1 ? MANY - i : i * 7919 % MANY;
            ck_assert(pal__ranges_add(c, &r, at * 64, 64, 1));
        }
        for (uint64_t i = 0; i < MANY; i++) ck_assert_ptr_nonnull(pal__ranges_before(&r, i * 64 + 65));
        ck_assert_uint_le(r.looked, 40 * MANY);
        pal__ranges_free(c, &r);
    }
}
END_TEST

/* ---- Leaves, streams, effects --------------------------------------------------------------------------------- */

enum { LEAVES = 300 };

/* Leaf i of an array of pairs of doubles; its name has the number. */
static pal_tensor *wrapped(double *data, int i) { return pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2), data + 2 * i); }

static pal_var named_leaf(pal_tensor *tensor, int i)
{
    char name[16];
    snprintf(name, sizeof name, "x%d", i);
    return pal_leaf(t, tensor, name);
}

START_TEST(leaves_are_found_by_tensor_name_and_memory)
{
    static double data[2 * LEAVES + 4];
    pal_tensor *x[LEAVES];
    for (int i = 0; i < LEAVES; i++) {
        x[i] = wrapped(data, i * 7 % LEAVES);
        ck_assert(pal_ok(named_leaf(x[i], i)));
    }
    for (int i = 0; i < LEAVES; i++) {
        char taken[64], overlaps[96];
        double *at = x[i]->data;
        pal_tensor *same = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1), at + 1);
        pal_tensor *apart = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(1), data + 2 * LEAVES + 1);
        snprintf(taken, sizeof taken, "leaf: the name x%d is taken by another tensor", i);
        snprintf(overlaps, sizeof overlaps, "leaf other: its memory overlaps that of leaf x%d", i);
        ck_assert_uint_eq(named_leaf(x[i], i).id, (uint32_t)i + 1);
        ck_assert_uint_eq(pal_leaf(t, x[i], NULL).id, (uint32_t)i + 1);
        ck_assert_refused(t, named_leaf(apart, i), taken);
        ck_assert_refused(t, pal_leaf(t, same, "other"), overlaps);
        pal_tensor_free(same);
        pal_tensor_free(apart);
    }
    /* Of several, the message names the first on the tape. */
    pal_tensor *all = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(2 * LEAVES), data);
    ck_assert_refused(t, pal_leaf(t, all, "all"), "leaf all: its memory overlaps that of leaf x0");
    pal_tensor *none = pal_tensor_wrap(c, PAL_F64, PAL_SHAPE(0, 2), data + 1); /* no elements, no overlap */
    ck_assert(pal_ok(pal_leaf(t, none, "none")));
    ck_assert(pal_ok(pal_leaf(t, none, "none")));
    for (int i = 0; i < LEAVES; i++) pal_tensor_free(x[i]);
    pal_tensor_free(all);
    pal_tensor_free(none);
}
END_TEST

/* A name that another tensor took later does not hide the tensor's own leaf. */
START_TEST(first_on_the_tape_counts)
{
    static double data[8];
    pal_tensor *a = wrapped(data, 0), *b = wrapped(data, 1);
    pal_leaf(t, a, "a");
    pal_leaf(t, b, "b");
    ck_assert_uint_eq(pal_leaf(t, a, "b").id, 1);
    ck_assert_refused(t, pal_leaf(t, b, "a"), "leaf: the name a is taken by another tensor");
    pal_tensor_free(a);
    pal_tensor_free(b);
}
END_TEST

/* What was recorded after the mark is free again: names, memory, streams, leaves to assign. Tensors may be gone. */
START_TEST(rewinding_forgets)
{
    static double data[2 * LEAVES];
    pal_tensor *kept = wrapped(data, 0);
    pal_var x = pal_leaf(t, kept, "x"), u = pal_uniform(t, "u", PAL_SHAPE(2));
    pal_mark mark = pal_tape_mark(t);
    for (int round = 0; round < 3; round++) {
        char name[16];
        pal_tensor *gone[LEAVES];
        for (int i = 1; i < LEAVES; i++) {
            gone[i] = wrapped(data, i);
            pal_var leaf = named_leaf(gone[i], i + round);
            snprintf(name, sizeof name, "s%d", i);
            ck_assert(pal_ok(pal_assign(leaf, pal_add(x, pal_uniform(t, name, PAL_SHAPE(2))))));
        }
        ck_assert(pal_ok(pal_assign(x, u)));
        ck_assert_tape_ok(t);
        for (int i = 1; i < LEAVES; i++) pal_tensor_free(gone[i]);
        pal_tape_rewind(t, mark);
        const size_t left[] = {t->by_name.n, t->by_tensor.n, t->n_leaves, t->by_stream.n, t->n_streams};
        for (size_t i = 0; i < sizeof left / sizeof *left; i++) ck_assert_uint_eq(left[i], 1);
        ck_assert_uint_eq(t->by_leaf.n + t->n_effects, 0);
        ck_assert_ptr_null(pal__ranges_before(&t->memory, (uintptr_t)data));
        ck_assert_uint_eq(pal__ranges_before(&t->memory, UINTPTR_MAX)->number, x.id);
    }
    ck_assert_refused(t, pal_uniform(t, "u", PAL_SHAPE(2)), "uniform: stream u is already in use: share its value");
    ck_assert(pal_ok(pal_assign(x, u)));
    ck_assert_refused(t, pal_assign(x, u), "assign: leaf x is assigned twice");
    pal_tensor_free(kept);
}
END_TEST

/* ---- What is kept once ---------------------------------------------------------------------------------------- */

/* Thousands of entries, of few shapes and parameters; names are the tape's own copies. */
START_TEST(shapes_and_parameters_are_kept_once)
{
    enum { MANY = 9000 }; /* more than two chunks of entries */
    pal_tensor *xs = random_tensor(c, PAL_F64, PAL_SHAPE(2, 3), -1, 1, "x");
    char name[] = "first";
    pal_var x = pal_leaf(t, xs, name), u = pal_uniform(t, name, PAL_SHAPE(2, 3));
    strcpy(name, "other");
    ck_assert_str_eq(pal_params_of(x)->name, "first");
    ck_assert_str_eq(pal_params_of(u)->name, "first");
    ck_assert_ptr_ne(pal_params_of(x), pal_params_of(u));
    pal_var v = x, halves[3];
    for (int i = 0; i < MANY; i++) v = i % 2 ? pal_transpose(v) : pal_sin(v);
    for (int i = 0; i < 3; i++) halves[i] = pal_fill(t, PAL_F64, PAL_SHAPE(2, 3), i ? 0.5 : -0.5);
    ck_assert_uint_ge(pal_tape_length(t), MANY);
    ck_assert_ptr_eq(pal_params_of(halves[1]), pal_params_of(halves[2]));
    ck_assert_ptr_ne(pal_params_of(halves[0]), pal_params_of(halves[1]));
    ck_assert_uint_le(t->n_shapes, 3);
    ck_assert_uint_le(t->n_params, 6);
    for (uint32_t id = x.id; id < v.id; id++) {
        const pal_shape *s = pal__at(t, id)->shape;
        ck_assert(s->rank == 2 && s->dim[0] * s->dim[1] == 6);
    }
    pal_tensor_free(xs);
}
END_TEST

/* A run of zero bytes is passed over, and the number is that of all bytes one by one. */
START_TEST(numbers_hash_as_their_bytes)
{
    double words[6] = {0, -0.0, 0.1, 1e300, 5e-324, -1};
    int64_t ints[7] = {0, 1, -1, 256, INT64_MIN, INT64_MAX, 1 << 20};
    for (uint64_t seed = 0; seed < 50; seed++) {
        ck_assert_uint_eq(pal__hash_words(seed, words, 6), pal__hash_bytes(seed, words, sizeof words));
        ck_assert_uint_eq(pal__hash_words(seed, ints, 7), pal__hash_bytes(seed, ints, sizeof ints));
    }
}
END_TEST

/* ---- Lists of entries ----------------------------------------------------------------------------------------- */

START_TEST(lists_within_lists_keep_their_places)
{
    for (int i = 0; i < 40; i++) pal_constant(t, i);
    pal__marks outer = pal__marks_begin(t);
    for (uint32_t id = 2; id < 40; id += 2) ck_assert_uint_eq(pal__marks_add(&outer, id), id / 2);
    for (int round = 0; round < 2; round++) {
        pal__marks inner = pal__marks_begin(t);
        for (uint32_t id = 3; id < 40; id += 3) {
            ck_assert_uint_eq(pal__marks_at(&inner, id), 0);
            ck_assert_uint_eq(pal__marks_add(&inner, id), id / 3);
        }
        for (uint32_t id = 1; id < 40; id++) ck_assert_uint_eq(pal__marks_at(&inner, id), id % 3 ? 0 : id / 3);
        pal__marks_end(&inner);
        for (uint32_t id = 1; id < 40; id++) ck_assert_uint_eq(pal__marks_at(&outer, id), id % 2 ? 0 : id / 2);
    }
    ck_assert_uint_eq(pal__marks_at(&outer, 1000000), 0);
    pal__marks_end(&outer);
    for (uint32_t id = 0; id < 40; id++) ck_assert_uint_eq(t->marks[id], 0);
}
END_TEST

Suite *finding_suite(void)
{
    Suite *s = suite_create("finding");
    add_case(s, "tables and ranges", setup, teardown,
             TESTS(table_has_what_was_added_and_not_removed, ranges_answer_as_a_plain_search_does,
                   ranges_are_found_in_few_steps));
    add_case(s, "tapes", setup, teardown,
             TESTS(leaves_are_found_by_tensor_name_and_memory, first_on_the_tape_counts, rewinding_forgets,
                   shapes_and_parameters_are_kept_once, numbers_hash_as_their_bytes,
                   lists_within_lists_keep_their_places));
    return s;
}
