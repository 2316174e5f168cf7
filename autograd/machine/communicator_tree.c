/* communicator_tree.c - the tree of the shards, and which part of it belongs to a process.
 *
 * The left subtree of n shards is the largest power of two below n, the right one is the rest. The processes divide the
 * tree so: as long as there are fewer parts than processes, the largest part, of equal ones the first, is cut into its
 * two subtrees. Process r owns part r from the left.
 *
 * So there is a size T: the parts above T are cut, those below are whole, and of those with just T shards the first
 * `cut` are cut. T is found by bisection, and then one walk down the tree finds a process. Why not a list of parts:
 * this needs no memory, so that it cannot fail. */
#include "autograd/machine/communicator_internal.h"

int64_t pal__tree_left(int64_t n)
{
    int64_t left = 1;
    while (2 * left < n) left *= 2;
    return left;
}

/* How many parts there are when all above `most` are cut, and how many of them have just `most` shards. */
static int64_t parts(int64_t n, int64_t most, int64_t *equal)
{
    int64_t count = 0, power = 1;
    while (2 * power <= most) power *= 2;
    *equal = 0;
    for (; n > most; n -= pal__tree_left(n)) {
        const int64_t left = pal__tree_left(n), many = left > power ? left / power : 1;
        *equal += left >= power && power == most ? many : 0;
        count += many;
    }
    *equal += n == most;
    return count + 1;
}

/* A subtree in the hands of the processes from `process` on. */
typedef struct node {
    int64_t first, n; /* shards */
    int64_t cut;      /* of its parts with just `most` shards, how many are cut, from the left */
    int64_t processes;
    int process;
} node;

static node child(const node *of, int64_t most, bool right)
{
    int64_t equal;
    const int64_t left = pal__tree_left(of->n), whole = parts(left, most, &equal);
    const int64_t cut = of->cut < equal ? of->cut : equal;
    if (!right) return (node){of->first, left, cut, whole + cut, of->process};
    return (node){of->first + left, of->n - left, of->cut - cut, of->processes - whole - cut,
                  of->process + (int)(whole + cut)};
}

/* Goes from the root to the shards of a process. The levels on the way, from the root down, go to level unless NULL. */
static node walk(int64_t count, int size, int rank, pal__level *level, int *levels)
{
    int64_t low = 1, high = count, equal;
    while (low < high) { /* the smallest T that makes no more parts than there are processes */
        const int64_t middle = low + (high - low) / 2;
        if (parts(count, middle, &equal) <= size)
            high = middle;
        else
            low = middle + 1;
    }
    node at = {0, count, size - parts(count, low, &equal), size, 0};
    *levels = 0;
    while (at.processes > 1) {
        const node left = child(&at, low, false), right = child(&at, low, true);
        const bool is_right = rank >= right.process;
        const node *mine = is_right ? &right : &left, *other = is_right ? &left : &right;
        if (level)
            level[*levels] = (pal__level){mine->process, (int)mine->processes, other->process, (int)other->processes};
        ++*levels;
        at = *mine;
    }
    return at;
}

static bool fit(int64_t count, int size, int rank)
{
    return size >= 1 && count >= size && count <= PAL_SHARDS_MOST && rank >= 0 && rank < size;
}

void pal_shards_of(int64_t count, int size, int rank, int64_t *first, int64_t *local)
{
    int levels;
    const node mine = fit(count, size, rank) ? walk(count, size, rank, NULL, &levels) : (node){0};
    if (first) *first = mine.first;
    if (local) *local = mine.n;
}

int pal__levels(int64_t count, int size, int rank, pal__level level[PAL__LEVELS_MOST])
{
    int levels = 0;
    if (!fit(count, size, rank)) return 0;
    walk(count, size, rank, level, &levels);
    for (int i = 0; i < levels / 2; i++) {
        const pal__level other = level[i];
        level[i] = level[levels - 1 - i];
        level[levels - 1 - i] = other;
    }
    return levels;
}
