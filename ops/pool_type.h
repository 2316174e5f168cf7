/* pool_type.h - pools one plane, for one real type T; pool.c includes it for each type. */

static void FN(arg)(const pooling *p, int64_t plane)
{
    const T *x = (const T *)p->call->in[0] + plane * p->h * p->w;
    int32_t *out = (int32_t *)p->call->out + plane * p->oh * p->ow;
    for (int64_t i = 0; i < p->oh; i++) {
        range rows = window_at(p, 0, i);
        for (int64_t j = 0; j < p->ow; j++) {
            range cols = window_at(p, 1, j);
            int64_t best = rows.begin * p->w + cols.begin;
            for (int64_t y = rows.begin; y < rows.end; y++)
                for (int64_t at = y * p->w + cols.begin; at < y * p->w + cols.end; at++)
                    if (x[at] > x[best] || (isnan(x[at]) && !isnan(x[best]))) best = at;
            *out++ = (int32_t)best;
        }
    }
}

static void FN(average)(const pooling *p, int64_t plane)
{
    const T *x = (const T *)p->call->in[0] + plane * p->h * p->w;
    T *out = (T *)p->call->out + plane * p->oh * p->ow;
    for (int64_t i = 0; i < p->oh; i++) {
        range rows = window_at(p, 0, i);
        for (int64_t j = 0; j < p->ow; j++) {
            range cols = window_at(p, 1, j);
            T sum = 0;
            for (int64_t y = rows.begin; y < rows.end; y++)
                for (int64_t at = y * p->w + cols.begin; at < y * p->w + cols.end; at++) sum += x[at];
            *out++ = sum / (T)((rows.end - rows.begin) * (cols.end - cols.begin));
        }
    }
}

static void FN(average_adjoint)(const pooling *p, int64_t plane)
{
    const T *x = (const T *)p->call->in[0] + plane * p->oh * p->ow;
    T *out = (T *)p->call->out + plane * p->h * p->w;
    memset(out, 0, (size_t)(p->h * p->w) * sizeof(T));
    for (int64_t i = 0; i < p->oh; i++) {
        range rows = window_at(p, 0, i);
        for (int64_t j = 0; j < p->ow; j++) {
            range cols = window_at(p, 1, j);
            T share = *x++ / (T)((rows.end - rows.begin) * (cols.end - cols.begin));
            for (int64_t y = rows.begin; y < rows.end; y++)
                for (int64_t at = y * p->w + cols.begin; at < y * p->w + cols.end; at++) out[at] += share;
        }
    }
}
