/* test_shard_tree.c - which shards belong to which process, and which processes are on the sides of each node above
 * them.
 */
#include "autograd/machine/communicator_internal.h"
#include "tests/testing.h"

/* The rule as it is written: the largest part, of equal ones the first, is cut, until there are enough. */
static void by_the_rule(int64_t count, int size, int64_t *first, int64_t *local)
{
    int n = 1;
    first[0] = 0;
    local[0] = count;
    for (; n < size; n++) {
        int most = 0;
        for (int i = 1; i < n; i++)
            if (local[i] > local[most]) most = i;
        for (int i = n; i > most + 1; i--) first[i] = first[i - 1], local[i] = local[i - 1];
        int64_t left = 1;
        while (2 * left < local[most]) left *= 2;
        first[most + 1] = first[most] + left;
        local[most + 1] = local[most] - left;
        local[most] = left;
    }
}

static void compare_shards(int64_t count, int size)
{
    static int64_t first[1024], local[1024];
    by_the_rule(count, size, first, local);
    for (int rank = 0; rank < size; rank++) {
        int64_t at = -1, n = -1;
        pal_shards_of(count, size, rank, &at, &n);
        ck_assert_msg(at == first[rank] && n == local[rank],
                      "%lld shards, process %d of %d: %lld from %lld, not %lld from %lld", (long long)count, rank, size,
                      (long long)n, (long long)at, (long long)local[rank], (long long)first[rank]);
    }
}

START_TEST(shards_follow_the_rule)
{
    for (int64_t count = 1; count <= 70; count++)
        for (int size = 1; size <= count; size++) compare_shards(count, size);
    for (int64_t count = 65000; count <= PAL_SHARDS_MOST; count += 67) compare_shards(count, 1 + (int)(count % 1024));
    compare_shards(PAL_SHARDS_MOST, 1000);
}
END_TEST

START_TEST(shards_that_do_not_fit_are_none)
{
    static const struct {
        int64_t count;
        int size, rank;
    } bad[] = {{0, 1, 0}, {-1, 1, 0}, {3, 4, 0}, {4, 0, 0}, {4, 2, 2}, {4, 2, -1}, {PAL_SHARDS_MOST + 1, 1, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t first = 7, local = 7;
        pal_shards_of(bad[i].count, bad[i].size, bad[i].rank, &first, &local);
        ck_assert_int_eq(first, 0);
        ck_assert_int_eq(local, 0);
    }
    pal_shards_of(4, 2, 1, NULL, NULL);
}
END_TEST

/* ---- Levels -------------------------------------------------------------------------------------------------------
 */

/* The shards of the processes from `first` on are a whole part of the tree: so many from the one that is returned. */
static int64_t shards_of(int64_t count, int size, int first, int n, int64_t *shards)
{
    int64_t at, last, local;
    pal_shards_of(count, size, first, &at, &local);
    pal_shards_of(count, size, first + n - 1, &last, &local);
    *shards = last + local - at;
    return at;
}

/* From the shards of a process up, each node joins the one before with its sibling, up to all shards. */
static void check_levels(int64_t count, int size, int rank)
{
    pal__level level[PAL__LEVELS_MOST];
    const int levels = pal__levels(count, size, rank, level);
    int first = rank, n = 1;
    for (int i = 0; i < levels; i++) {
        const pal__level *l = &level[i];
        ck_assert(l->mine == first && l->n_mine == n && l->n_other > 0);
        const bool is_left = l->mine < l->other;
        ck_assert_int_eq(is_left ? l->mine + l->n_mine : l->other + l->n_other, is_left ? l->other : l->mine);
        first = is_left ? l->mine : l->other;
        n = l->n_mine + l->n_other;
        int64_t all, left;
        shards_of(count, size, first, n, &all);
        shards_of(count, size, first, is_left ? l->n_mine : l->n_other, &left);
        ck_assert_int_eq(left, pal__tree_left(all));
    }
    ck_assert(first == 0 && n == size);
}

START_TEST(levels_lead_to_the_root)
{
    for (int64_t count = 1; count <= 40; count++)
        for (int size = 1; size <= count; size++)
            for (int rank = 0; rank < size; rank++) check_levels(count, size, rank);
    for (int rank = 0; rank < 1000; rank++) check_levels(PAL_SHARDS_MOST - 1, 1000, rank);
    pal__level level[PAL__LEVELS_MOST];
    ck_assert_int_eq(pal__levels(3, 4, 0, level), 0);
}
END_TEST

Suite *shard_tree_suite(void)
{
    Suite *s = suite_create("shard_tree");
    add_case(s, "shards", NULL, NULL,
             TESTS(shards_follow_the_rule, shards_that_do_not_fit_are_none, levels_lead_to_the_root));
    return s;
}
