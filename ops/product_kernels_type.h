/* product_kernels_type.h - the inner loops of a product for one real type T; product_kernels.c includes it once per
 * type. */

/* ---- Packing -------------------------------------------------------------------------------------------------- */

static void FN(pack_a)(size_t rows, size_t k, const void *a, int64_t row, int64_t step, void *out)
{
    const T *from = a;
    T *to = out;
    if (row == 1 && rows == ROWS) {
        for (size_t q = 0; q < k; q++, from += step, to += ROWS) memcpy(to, from, ROWS * sizeof(T));
        return;
    }
    for (size_t q = 0; q < k; q++, from += step, to += ROWS)
        for (size_t i = 0; i < ROWS; i++) to[i] = i < rows ? from[(int64_t)i * row] : 0;
}

/* LANES columns, each contiguous, to LANES rows of a panel: neighbours are interleaved as often as 2 divides LANES. */
static inline void FN(turn)(const T *b, int64_t column, T *out, size_t width)
{
    VECTOR x[2][LANES];
    UNROLL
    for (int i = 0; i < LANES; i++) x[0][i] = LOAD(b + i * column);
    UNROLL
    for (int s = 0; 1 << s < LANES; s++) {
        UNROLL
        for (int i = 0; i < LANES / 2; i++) {
            x[1 - s % 2][2 * i] = __builtin_shufflevector(x[s % 2][i], x[s % 2][i + LANES / 2], LOW);
            x[1 - s % 2][2 * i + 1] = __builtin_shufflevector(x[s % 2][i], x[s % 2][i + LANES / 2], HIGH);
        }
    }
    UNROLL
    for (int i = 0; i < LANES; i++) STORE(out + (size_t)i * width, x[LANES == 8][i]);
}

static void FN(pack_b)(size_t columns, size_t vectors, size_t k, const void *b, int64_t step, int64_t column, void *out)
{
    const T *from = b;
    T *to = out;
    const size_t width = vectors * LANES, whole = columns / LANES * LANES;
    size_t q = 0;
    if (column == 1)
        for (; q < k; q++) {
            for (size_t j = 0; j < whole; j += LANES) STORE(to + q * width + j, LOAD(from + (int64_t)q * step + j));
            for (size_t j = whole; j < columns; j++) to[q * width + j] = from[(int64_t)q * step + (int64_t)j];
        }
    else if (step == 1)
        for (; q + LANES <= k; q += LANES) {
            for (size_t j = 0; j < whole; j += LANES)
                FN(turn)(from + (int64_t)j * column + q, column, to + q * width + j, width);
            for (size_t r = q; r < q + LANES; r++)
                for (size_t j = whole; j < columns; j++) to[r * width + j] = from[(int64_t)j * column + (int64_t)r];
        }
    for (; q < k; q++)
        for (size_t j = 0; j < columns; j++) to[q * width + j] = from[(int64_t)q * step + (int64_t)j * column];
    if (columns < width)
        for (q = 0; q < k; q++) memset(to + q * width + columns, 0, (width - columns) * sizeof(T));
}

/* ---- A tile --------------------------------------------------------------------------------------------------- */

/* p: where each row of A begins. b_step: from one row of B to the next if it is not packed. PACKING: each is also
 * written to `copy`, one behind the other. A prefetch in each step of the sum asks for what will be packed next; many
 * of them at once would wait for each other. */
static inline __attribute__((always_inline)) void FN(multiply)(const int rows, const int vectors, const source how,
                                                               size_t k, const T **p, int64_t step, const T *b,
                                                               int64_t b_step, T *copy, T *c, int64_t ld, bool add,
                                                               const char *ahead, int64_t ahead_step)
{
    VECTOR sum[ROWS][VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) __builtin_prefetch(c + i * ld + j * LANES, 1);
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) sum[i][j] = add ? LOAD(c + i * ld + j * LANES) : NOTHING();
    }
    for (size_t q = 0; q < k; q++, b += how == PACKED ? vectors * LANES : b_step, ahead += ahead_step) {
        __builtin_prefetch(ahead, 0, 2);
        VECTOR y[VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++) y[j] = LOAD(b + j * LANES);
        if (how == PACKING) {
            UNROLL
            for (int j = 0; j < vectors; j++) STORE(copy + q * (size_t)(vectors * LANES) + j * LANES, y[j]);
        }
        UNROLL
        for (int i = 0; i < rows; i++) {
            const VECTOR x = SPREAD(*p[i]);
            p[i] += step;
            UNROLL
            for (int j = 0; j < vectors; j++) sum[i][j] = FMA(x, y[j], sum[i][j]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) STORE(c + i * ld + j * LANES, sum[i][j]);
    }
}

/* Its own function: in one with the tall tiles, the compiler would keep their rows of A in memory. b_step 0: packed. */
static __attribute__((noinline)) void FN(short_tile)(size_t vectors, size_t k, const T *a, int64_t row, size_t last,
                                                     int64_t step, const T *b, int64_t b_step, T *c, int64_t ld,
                                                     bool add, const void *ahead, int64_t ahead_step)
{
    const T *p[FEW];
    for (size_t i = 0; i < FEW; i++) p[i] = a + (int64_t)(i < last ? i : last) * row;
    if (vectors == 1)
        FN(multiply)(FEW, 1, PACKED, k, p, step, b, 0, NULL, c, ld, add, ahead, ahead_step);
    else if (vectors == 2 && VECTORS > 2)
        FN(multiply)(FEW, 2, PACKED, k, p, step, b, 0, NULL, c, ld, add, ahead, ahead_step);
    else if (b_step)
        FN(multiply)(FEW, VECTORS, IN_PLACE, k, p, step, b, b_step, NULL, c, ld, add, ahead, ahead_step);
    else
        FN(multiply)(FEW, VECTORS, PACKED, k, p, step, b, 0, NULL, c, ld, add, ahead, ahead_step);
}

static void FN(tile)(size_t rows, size_t columns, size_t vectors, size_t k, const void *a, int64_t row, int64_t step,
                     const void *b, int64_t b_step, void *c, int64_t ld, bool add, const void *ahead,
                     int64_t ahead_step)
{
    T part[ROWS * VECTORS * LANES], *to = c;
    const T *p[ROWS];
    const size_t height = rows <= FEW ? FEW : ROWS;
    const bool whole = rows == height && columns == vectors * LANES;
    for (size_t i = 0; i < ROWS; i++) p[i] = (const T *)a + (int64_t)(i < rows ? i : rows - 1) * row;
    if (!whole) {
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < rows && add; i++)
            memcpy(part + i * vectors * LANES, to + (int64_t)i * ld, columns * sizeof(T));
    }
    T *at = whole ? to : part;
    const int64_t apart = whole ? ld : (int64_t)(vectors * LANES);
    if (height == FEW)
        FN(short_tile)(vectors, k, a, row, rows - 1, step, b, b_step, at, apart, add, ahead, ahead_step);
    else if (vectors == 1)
        FN(multiply)(ROWS, 1, PACKED, k, p, step, b, 0, NULL, at, apart, add, ahead, ahead_step);
    else if (vectors == 2)
        FN(multiply)(ROWS, 2, PACKED, k, p, step, b, 0, NULL, at, apart, add, ahead, ahead_step);
    else
        FN(multiply)(ROWS, VECTORS, PACKED, k, p, step, b, 0, NULL, at, apart, add, ahead, ahead_step);
    for (size_t i = 0; i < rows && !whole; i++)
        memcpy(to + (int64_t)i * ld, part + i * vectors * LANES, columns * sizeof(T));
}

static void FN(tile_packing)(size_t k, const void *a, int64_t row, int64_t step, const void *b, int64_t b_step,
                             void *packed, void *c, int64_t ld, bool add, const void *ahead, int64_t ahead_step)
{
    const T *p[ROWS];
    for (size_t i = 0; i < ROWS; i++) p[i] = (const T *)a + (int64_t)i * row;
    FN(multiply)(ROWS, VECTORS, PACKING, k, p, step, b, b_step, packed, c, ld, add, ahead, ahead_step);
}

/* ---- One row ---------------------------------------------------------------------------------------------------- */

/* By four rows of B at a time, as long as they are: memory is read in one direction, and C stays in the cache. */
static void FN(row)(size_t columns, size_t k, const void *a, int64_t step, const void *b, int64_t b_step, void *c,
                    bool add)
{
    const T *x = a, *from = b;
    T *y = c;
    size_t q = 0;
    if (!add) memset(y, 0, columns * sizeof(T));
    for (; q + 4 <= k; q += 4, x += 4 * step, from += 4 * b_step) {
        const VECTOR x0 = SPREAD(x[0]), x1 = SPREAD(x[step]), x2 = SPREAD(x[2 * step]), x3 = SPREAD(x[3 * step]);
        const T *b1 = from + b_step, *b2 = b1 + b_step, *b3 = b2 + b_step;
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES)
            STORE(y + j, FMA(x3, LOAD(b3 + j),
                             FMA(x2, LOAD(b2 + j), FMA(x1, LOAD(b1 + j), FMA(x0, LOAD(from + j), LOAD(y + j))))));
        for (; j < columns; j++)
            y[j] = ONE(x[3 * step], b3[j], ONE(x[2 * step], b2[j], ONE(x[step], b1[j], ONE(x[0], from[j], y[j]))));
    }
    for (; q < k; q++, x += step, from += b_step)
        for (size_t j = 0; j < columns; j++) y[j] = ONE(*x, from[j], y[j]);
}

/* ---- A product whose A is read through offsets ---------------------------------------------------------------- */

static inline __attribute__((always_inline)) void FN(gather)(const int vectors, const pal__product_gather *g,
                                                             const int32_t *rows, const int32_t *to)
{
    const T *p[ROWS], *b = g->panel;
    T *c = g->c;
    VECTOR sum[ROWS][VECTORS];
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        p[i] = (const T *)g->a + rows[i];
        UNROLL
        for (int j = 0; j < vectors; j++) sum[i][j] = g->add ? LOAD(c + to[i] + j * LANES) : NOTHING();
    }
    for (size_t q = 0; q < g->k; q++, b += vectors * LANES) {
        const int64_t at = g->steps[q];
        VECTOR y[VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++) y[j] = LOAD(b + j * LANES);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            const VECTOR x = SPREAD(p[i][at]);
            UNROLL
            for (int j = 0; j < vectors; j++) sum[i][j] = FMA(x, y[j], sum[i][j]);
        }
    }
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++) STORE(c + to[i] + j * LANES, sum[i][j]);
    }
}

static void FN(tiles_at)(size_t vectors, const pal__product_gather *g)
{
    for (size_t r = 0; r < g->rows; r += ROWS)
        if (vectors == 1)
            FN(gather)(1, g, g->from + r, g->to + r);
        else if (vectors == 2)
            FN(gather)(2, g, g->from + r, g->to + r);
        else
            FN(gather)(VECTORS, g, g->from + r, g->to + r);
}

static void FN(pack_at)(size_t columns, size_t vectors, size_t k, const void *b, const int32_t *steps, int64_t column,
                        void *out)
{
    T *to = out;
    for (size_t q = 0; q < k; q++, to += vectors * LANES) {
        const T *from = (const T *)b + steps[q];
        for (size_t j = 0; j < columns; j++) to[j] = from[(int64_t)j * column];
        for (size_t j = columns; j < vectors * LANES; j++) to[j] = 0;
    }
}

/* By squares of LANES x LANES. The last one of a row overlaps the one before. */
static void FN(turn_back)(size_t rows, size_t columns, const void *in, int64_t ld, void *out, int64_t column)
{
    const T *from = in;
    T *to = out, part[LANES * LANES];
    for (size_t j = 0; j < columns; j += LANES, from += LANES, to += LANES * column) {
        const size_t wide = columns - j < LANES ? columns - j : LANES;
        for (size_t i = 0; i < rows && rows < LANES; i++)
            for (size_t r = 0; r < wide; r++) to[(int64_t)r * column + (int64_t)i] = from[(int64_t)i * ld + (int64_t)r];
        for (size_t next = 0; next < rows && rows >= LANES; next += LANES) {
            const size_t i = next + LANES > rows ? rows - LANES : next;
            if (wide == LANES) {
                FN(turn)(from + (int64_t)i * ld, ld, to + i, (size_t)column);
                continue;
            }
            FN(turn)(from + (int64_t)i * ld, ld, part, LANES);
            for (size_t r = 0; r < wide; r++) memcpy(to + (int64_t)r * column + i, part + r * LANES, LANES * sizeof(T));
        }
    }
}

const pal__product_kernels TABLE = {.rows = ROWS,
                                    .few = FEW,
                                    .vectors = VECTORS,
                                    .lanes = LANES,
                                    .pack_a = FN(pack_a),
                                    .pack_b = FN(pack_b),
                                    .tile = FN(tile),
                                    .tile_packing = FN(tile_packing),
                                    .row = FN(row),
                                    .tiles_at = FN(tiles_at),
                                    .pack_at = FN(pack_at),
                                    .turn_back = FN(turn_back)};

#undef T
#undef FN
#undef TABLE
#undef VECTOR
#undef LANES
#undef LOW
#undef HIGH
#undef LOAD
#undef STORE
#undef SPREAD
#undef FMA
#undef ONE
#undef NOTHING
