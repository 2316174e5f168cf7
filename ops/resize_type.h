/* resize_type.h - resizes one plane, for one real type T; resize.c includes it for each type. A neighbour with share 0
 * is not read, so that an infinite neighbour does not turn a copied pixel into NaN. */

static inline T FN(mix)(T low, T high, T share) { return share == 0 ? low : (1 - share) * low + share * high; }

static inline void FN(spread)(T *low, T *high, T share, T value)
{
    *low += (1 - share) * value;
    if (share != 0) *high += share * value;
}

static void FN(nearest)(const resizing *z, int64_t plane)
{
    const T *x = (const T *)z->call->in[0] + plane * z->h * z->w;
    T *out = (T *)z->call->out + plane * z->oh * z->ow;
    for (int64_t i = 0; i < z->oh; i++)
        for (int64_t j = 0; j < z->ow; j++) *out++ = x[z->rows[i].low * z->w + z->cols[j].low];
}

static void FN(nearest_adjoint)(const resizing *z, int64_t plane)
{
    const T *x = (const T *)z->call->in[0] + plane * z->oh * z->ow;
    T *out = (T *)z->call->out + plane * z->h * z->w;
    memset(out, 0, (size_t)(z->h * z->w) * sizeof(T));
    for (int64_t i = 0; i < z->oh; i++)
        for (int64_t j = 0; j < z->ow; j++) out[z->rows[i].low * z->w + z->cols[j].low] += *x++;
}

static void FN(bilinear)(const resizing *z, int64_t plane)
{
    const T *x = (const T *)z->call->in[0] + plane * z->h * z->w;
    T *out = (T *)z->call->out + plane * z->oh * z->ow;
    for (int64_t i = 0; i < z->oh; i++) {
        const T *a = x + z->rows[i].low * z->w, *b = x + z->rows[i].high * z->w, down = (T)z->rows[i].share;
        for (int64_t j = 0; j < z->ow; j++) {
            const place *c = &z->cols[j];
            T above = FN(mix)(a[c->low], a[c->high], (T)c->share), below = FN(mix)(b[c->low], b[c->high], (T)c->share);
            *out++ = FN(mix)(above, below, down);
        }
    }
}

static void FN(bilinear_adjoint)(const resizing *z, int64_t plane)
{
    const T *x = (const T *)z->call->in[0] + plane * z->oh * z->ow;
    T *out = (T *)z->call->out + plane * z->h * z->w;
    memset(out, 0, (size_t)(z->h * z->w) * sizeof(T));
    for (int64_t i = 0; i < z->oh; i++) {
        T *a = out + z->rows[i].low * z->w, *b = out + z->rows[i].high * z->w, down = (T)z->rows[i].share;
        for (int64_t j = 0; j < z->ow; j++) {
            const place *c = &z->cols[j];
            FN(spread)(&a[c->low], &a[c->high], (T)c->share, (1 - down) * *x);
            if (down != 0) FN(spread)(&b[c->low], &b[c->high], (T)c->share, down * *x);
            x++;
        }
    }
}
