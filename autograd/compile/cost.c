/* cost.c - the steps of a program one by one: what each is, what it reads and writes, and how long it took.
 *
 * In: a program. Out: one record a step. Bytes are counted as if each value were read or written once, whatever caches
 * do: a value that is spread over a loop counts by its own size, and one that a loop takes from a kernel piece by piece
 * counts nothing. A step that this process runs for several shards counts once for each. */
#include "autograd/compile/internal.h"

static double load_bytes(const pal__loop *l, const pal__load *load)
{
    double n = (double)load->size;
    if (load->constant || load->fed) return 0;
    if (load->uniform) return n;
    if (load->direct) return n * (double)l->count;
    for (int a = 0; a < l->rank; a++)
        if (load->stride[a]) n *= (double)l->dim[a];
    return n;
}

static double loop_bytes(const pal__loop *l)
{
    double sum = 0;
    for (size_t i = 0; i < l->n_loads; i++) sum += load_bytes(l, &l->loads[i]);
    for (size_t i = 0; i < l->n_stores; i++) sum += (double)l->stores[i].size * (double)l->count;
    for (size_t i = 0; i < l->n_sums; i++)
        sum += (double)pal_dtype_size(l->sums[i].dtype) * (double)l->count / (double)l->row;
    return sum;
}

static double size_of(pal_shape shape, pal_dtype dtype)
{
    return (double)pal_shape_count(shape) * (double)pal_dtype_size(dtype);
}

static double kernel_bytes(const pal__step *s)
{
    const pal_call *c = &s->call;
    double sum = s->next ? loop_bytes(s->next->loop) : size_of(c->shape, c->dtype);
    for (size_t i = 0; i < c->n; i++) {
        size_t first = 0;
        while (c->in[first] != c->in[i]) first++;
        if (first == i) sum += size_of(c->in_shape[i], c->in_dtype[i]);
    }
    return sum;
}

static const char *loop_name(const pal__step *s)
{
    for (size_t i = s->loop->n_instrs; i-- > 0;)
        if (s->loop->instrs[i].super) return s->loop->instrs[i].super->name;
    return s->op->name;
}

static void describe(const pal__step *s, pal_program_step *out)
{
    *out = (pal_program_step){.name = s->loop ? loop_name(s) : s->op->name,
                              .then = s->next ? loop_name(s->next) : NULL,
                              .scope = s->scope,
                              .op = s->op,
                              .params = s->call.params,
                              .n = s->loop ? 0 : s->call.n,
                              .in = s->call.in_shape,
                              .shape = s->call.shape,
                              .seconds = s->seconds,
                              .runs = s->runs};
    if (s->loop) out->bytes = loop_bytes(s->loop);
    if (!s->loop && s->run) out->bytes = kernel_bytes(s);
    if (!s->body) return;
    out->bytes = 2 * size_of(s->call.shape, s->call.dtype) * (double)s->count; /* each term is added to the sum */
    for (size_t i = 0; i < s->n_body; i++) out->seconds -= s->body[i].seconds;
}

/* As deep as the regions are nested, like run.c. */
static const pal__step *find(const pal__step *steps, size_t n, size_t *i)
{
    for (size_t k = 0; k < n; k++) {
        if (!(*i)--) return &steps[k];
        const pal__step *inside = steps[k].body ? find(steps[k].body, steps[k].n_body, i) : NULL;
        if (inside) return inside;
    }
    return NULL;
}

bool pal_program_step_at(const pal_program *p, size_t i, pal_program_step *out)
{
    const pal__step *step = NULL;
    size_t at = 0;
    for (; p && out && !step && at < p->n_steps; at++) step = find(&p->steps[at], 1, &i);
    if (!step) return false;
    describe(step, out);
    if (p->shared) out->bytes *= pal__shared_runs(p->shared, at - 1);
    return true;
}

size_t pal_program_memory(const pal_program *p)
{
    size_t sum = p ? p->arena_size : 0;
    for (size_t i = 0; p && i < p->n_leaves; i++) sum += pal_tensor_bytes(p->leaves[i].leaf);
    return sum;
}
