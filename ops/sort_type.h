/* sort_type.h - sorts and selects within a row, for one real type T. sort.c includes it for each type, with FN(name),
 * the unsigned type KEY, its highest bit TOP, and the unsigned type ITEM, which has at least 32 bits more than KEY.
 *
 * An item consists of the key of an element in the upper bits and its index in the lower 32. Keys have the required
 * order of the elements, with NaN last. So items can be compared as numbers, no two items are equal, and among equal
 * elements the first one comes first. */

static inline ITEM FN(item)(T x, size_t i, bool descending)
{
    KEY bits, key = (KEY) ~(KEY)0;
    if (x == x) {
        x += 0; /* -0 becomes 0 */
        memcpy(&bits, &x, sizeof bits);
        key = bits & TOP ? ~bits : bits | TOP;
        if (descending) key = ~key;
    }
    return (ITEM)key << 32 | (uint32_t)i;
}

static inline int32_t FN(index)(ITEM item) { return (int32_t)(uint32_t)item; }

static void FN(insert)(ITEM *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        ITEM moved = x[i];
        size_t at = i;
        for (; at && x[at - 1] > moved; at--) x[at] = x[at - 1];
        x[at] = moved;
    }
}

/* Merge sort: runs double in length, from one array to the other and back. Returns the array with the result. */
static ITEM *FN(sort)(ITEM *x, ITEM *other, size_t n)
{
    enum { RUN = 16 };
    for (size_t at = 0; at < n; at += RUN) FN(insert)(x + at, n - at < RUN ? n - at : RUN);
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t at = 0; at < n; at += 2 * run) {
            size_t i = at, middle = n - at < run ? n : at + run, j = middle, end = n - at < 2 * run ? n : at + 2 * run;
            for (size_t to = at; to < end; to++) {
                bool left = j == end || (i < middle && x[i] < x[j]);
                other[to] = left ? x[i] : x[j];
                i += left;
                j += !left;
            }
        }
        ITEM *swapped = x;
        x = other;
        other = swapped;
    }
    return x;
}

/* Moves the k smallest items to the front, the largest of them last (0 < k <= n). Quickselect with the median of three;
 * after 64 rounds with bad pivots, the rest is sorted. */
static void FN(select)(ITEM *x, size_t n, size_t k, ITEM *other)
{
    size_t low = 0, high = n; /* the k-th is in low .. high-1 */
    for (int rounds = 0; high - low > 16; rounds++) {
        if (rounds == 64) {
            ITEM *sorted = FN(sort)(x + low, other, high - low);
            if (sorted != x + low) memcpy(x + low, sorted, (high - low) * sizeof *x);
            return;
        }
        ITEM a = x[low], b = x[low + (high - low) / 2], c = x[high - 1];
        ITEM pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        size_t i = low, j = high - 1;
        while (true) {
            while (x[i] < pivot) i++;
            while (x[j] > pivot) j--;
            if (i >= j) break;
            ITEM swapped = x[i];
            x[i++] = x[j];
            x[j--] = swapped;
        }
        /* Items before i are at most the pivot; items from i on are at least the pivot. */
        if (k <= i)
            high = i;
        else
            low = i;
    }
    FN(insert)(x + low, high - low);
}

static void FN(sort_row)(const T *x, size_t n, bool descending, int32_t *out, void *scratch)
{
    ITEM *items = scratch;
    for (size_t i = 0; i < n; i++) items[i] = FN(item)(x[i], i, descending);
    items = FN(sort)(items, items + n, n);
    for (size_t i = 0; i < n; i++) out[i] = FN(index)(items[i]);
}

/* The first k indices of the descending order. Candidates are collected until `room` is full. Then the best k stay, and
 * each new candidate must be better than the last of them. */
static void FN(top_row)(const T *x, size_t n, size_t k, size_t room, int32_t *out, void *scratch)
{
    ITEM *items = scratch, limit = 0;
    size_t count = 0;
    bool full = false;
    T bar = 0;
    if (!k) return;
    for (size_t i = 0; i < n; i++) {
        if (full && x[i] <= bar) continue; /* if bar or x[i] is NaN, the next test decides */
        ITEM item = FN(item)(x[i], i, true);
        if (full && item > limit) continue;
        items[count++] = item;
        if (count < room || i + 1 == n) continue;
        FN(select)(items, count, k, items + room);
        count = k;
        limit = items[k - 1];
        bar = x[FN(index)(limit)];
        full = true;
    }
    if (count > k) FN(select)(items, count, k, items + room);
    items = FN(sort)(items, items + room, k);
    for (size_t i = 0; i < k; i++) out[i] = FN(index)(items[i]);
}
