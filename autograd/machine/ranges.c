/* ranges.c - ranges of addresses in order: which lies before this address, and which is the first that is so large?
 *
 * In: ranges that do not overlap, each with a number. Out: answers in a logarithm of their count. A tape asks whether
 * the memory of a leaf overlaps that of another; place.c asks for the first gap of an arena that is large enough.
 *
 * The ranges are a tree by address, in which each range knows the largest size below it. The tree is a treap (Seidel
 * and Aragon, Algorithmica 1996): every range has a rank, and none stands below one of a lower rank. Ranks are made
 * from the address alone, so equal ranges make equal trees, whatever the order in which they came.
 *
 * Recursion is as deep as the tree: some 50 calls for a million ranges. */
#include "autograd/machine/internal.h"

static uint64_t rank(uint64_t at)
{
    at *= UINT64_C(0x9e3779b97f4a7c15);
    at = (at ^ at >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return at ^ at >> 32;
}

static void settle(pal__ranges *r, uint32_t id)
{
    pal__range *n = &r->nodes[id];
    const uint64_t left = r->nodes[n->left].most, right = r->nodes[n->right].most, most = left > right ? left : right;
    n->most = n->size > most ? n->size : most;
}

/* Divides a tree into what lies before `at` and the rest. */
static void split(pal__ranges *r, uint32_t root, uint64_t at, uint32_t *before, uint32_t *rest)
{
    if (!root) {
        *before = *rest = 0;
        return;
    }
    pal__range *n = &r->nodes[root];
    if (n->at < at) {
        *before = root;
        split(r, n->right, at, &n->right, rest);
    } else {
        *rest = root;
        split(r, n->left, at, before, &n->left);
    }
    settle(r, root);
}

static uint32_t insert(pal__ranges *r, uint32_t root, uint32_t id)
{
    pal__range *n = &r->nodes[root], *new = &r->nodes[id];
    if (!root || rank(new->at) < rank(n->at)) {
        split(r, root, new->at, &new->left, &new->right);
        root = id;
    } else if (new->at < n->at) {
        n->left = insert(r, n->left, id);
    } else {
        n->right = insert(r, n->right, id);
    }
    settle(r, root);
    return root;
}

/* One tree of two, the first of which lies before the second. */
static uint32_t join(pal__ranges *r, uint32_t a, uint32_t b)
{
    if (!a || !b) return a | b;
    const bool first = rank(r->nodes[a].at) < rank(r->nodes[b].at);
    if (first)
        r->nodes[a].right = join(r, r->nodes[a].right, b);
    else
        r->nodes[b].left = join(r, a, r->nodes[b].left);
    settle(r, first ? a : b);
    return first ? a : b;
}

static uint32_t without(pal__ranges *r, uint32_t root, uint64_t at)
{
    pal__range *n = &r->nodes[root];
    if (!root) return 0;
    if (n->at == at) {
        const uint32_t rest = join(r, n->left, n->right);
        n->left = r->spare; /* for the next that is added */
        r->spare = root;
        return rest;
    }
    if (at < n->at)
        n->left = without(r, n->left, at);
    else
        n->right = without(r, n->right, at);
    settle(r, root);
    return root;
}

bool pal__ranges_add(pal_context *context, pal__ranges *r, uint64_t at, uint64_t size, uint32_t number)
{
    uint32_t id = r->spare;
    if (id) {
        r->spare = r->nodes[id].left;
    } else {
        if (!r->n) r->n = 1; /* node 0 stands for none */
        if (!pal__grow(context, (void **)&r->nodes, r->n, &r->cap, sizeof *r->nodes)) return false;
        id = (uint32_t)r->n++;
    }
    r->nodes[id] = (pal__range){.at = at, .size = size, .number = number};
    r->root = insert(r, r->root, id);
    return true;
}

void pal__ranges_remove(pal__ranges *r, uint64_t at)
{
    if (r->root) r->root = without(r, r->root, at);
}

const pal__range *pal__ranges_before(pal__ranges *r, uint64_t at)
{
    const pal__range *best = NULL;
    for (uint32_t id = r->root; id; r->looked++) {
        const pal__range *n = &r->nodes[id];
        if (n->at < at) best = n;
        id = n->at < at ? n->right : n->left;
    }
    return best;
}

const pal__range *pal__ranges_fit(pal__ranges *r, uint64_t size)
{
    uint32_t id = r->root;
    if (!id || r->nodes[id].most < size) return NULL;
    for (;; r->looked++) {
        const pal__range *n = &r->nodes[id];
        if (r->nodes[n->left].most >= size)
            id = n->left;
        else if (n->size >= size)
            return n;
        else
            id = n->right;
    }
}

void pal__ranges_free(pal_context *context, pal__ranges *r)
{
    pal__free(context, r->nodes);
    *r = (pal__ranges){0};
}
