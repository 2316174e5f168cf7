/* axes.c - moves axes to the end for the kernels, and divides rows among workers; see axes.h. */
#include "ops/axes.h"

bool pal__given(const char *name, pal_var x)
{
    if (pal_ok(x)) return true;
    pal_tape_fail(x.tape, PAL_ERR_TAPE, "%s: the operand is a bad handle", name);
    return false;
}

bool pal__reducible(const char *name, pal_var x, unsigned axes)
{
    if (!pal__given(name, x)) return false;
    int rank = pal_shape_of(x).rank;
    if (!pal_dtype_real(pal_dtype_of(x)))
        pal_tape_fail(x.tape, PAL_ERR_TYPE, "%s: the operand must be real, not %s", name,
                      pal_dtype_name(pal_dtype_of(x)));
    else if (axes >> rank)
        pal_tape_fail(x.tape, PAL_ERR_SHAPE, "%s: an axis is out of range for rank %d", name, rank);
    else
        return true;
    return false;
}

bool pal__axis_of(const char *name, pal_var x, int rank, int *axis)
{
    if (*axis >= -rank && *axis < rank) {
        *axis += *axis < 0 ? rank : 0;
        return true;
    }
    pal_tape_fail(x.tape, PAL_ERR_SHAPE, "%s: axis %d is out of range for rank %d", name, *axis, rank);
    return false;
}

pal_var pal__axis_to_end(pal_var x, int axis)
{
    int rank = pal_shape_of(x).rank, axes[PAL_MAX_RANK] = {0};
    if (axis >= rank - 1) return x;
    for (int a = 0; a < rank; a++) axes[a] = a < axis ? a : a < rank - 1 ? a + 1 : axis;
    return pal_permute(x, axes);
}

pal_var pal__axis_from_end(pal_var x, int axis)
{
    int rank = pal_shape_of(x).rank, axes[PAL_MAX_RANK] = {0};
    if (axis >= rank - 1) return x;
    for (int a = 0; a < rank; a++) axes[a] = a < axis ? a : a == axis ? rank - 1 : a - 1;
    return pal_permute(x, axes);
}

int64_t pal__terms(pal_shape s, unsigned axes)
{
    int64_t terms = 1;
    for (int a = 0; a < s.rank; a++) terms *= axes >> a & 1 ? s.dim[a] : 1;
    return terms;
}

pal_var pal__drop_axes(pal_var y, unsigned axes, bool keep)
{
    pal_shape s = pal_shape_of(y), dropped = {0};
    if (keep || !axes) return y;
    for (int a = 0; a < s.rank; a++)
        if (!(axes >> a & 1)) dropped.dim[dropped.rank++] = s.dim[a];
    return pal_reshape(y, dropped);
}

pal_var pal__reduce(const pal_op *op, pal_var x, unsigned axes, bool keep)
{
    pal_shape s = pal_shape_of(x), kept = s;
    int order[PAL_MAX_RANK] = {0}, n = 0;
    if (s.rank && axes == 1u << (s.rank - 1)) return pal__drop_axes(pal_record(NULL, op, &x, 1, NULL), axes, keep);
    for (int reduced = 0; reduced < 2; reduced++)
        for (int a = 0; a < s.rank; a++)
            if ((int)(axes >> a & 1) == reduced) order[n++] = a;
    bool moved = false;
    for (int a = 0; a < s.rank; a++) {
        moved |= order[a] != a;
        if (axes >> a & 1) kept.dim[a] = 1;
    }
    if (moved && op->n_ints && !(axes & (axes + 1))) { /* the axes are the first ones: reduce columns */
        pal_params columns = {.i = {1}};
        pal_var matrix = pal_reshape(x, PAL_SHAPE(pal__terms(s, axes), pal_shape_count(kept)));
        return pal__drop_axes(pal_reshape(pal_record(NULL, op, &matrix, 1, &columns), kept), axes, keep);
    }
    pal_var rows =
        pal_reshape(moved ? pal_permute(x, order) : x, PAL_SHAPE(pal_shape_count(kept), pal__terms(s, axes)));
    return pal__drop_axes(pal_reshape(pal_record(NULL, op, &rows, 1, NULL), kept), axes, keep);
}

pal_var pal__case_over(pal_tape *t, const pal_var *in, const void *user)
{
    const pal__over *o = user;
    (void)t;
    return o->reduce(in[0], o->axes, o->keep);
}

/* ---- Running -------------------------------------------------------------------------------------------------- */

enum { TASKS = 16, TASK_WORK = 2048 }; /* a task pays off if its work takes at least about a microsecond */

size_t pal__row_tasks(size_t rows, size_t work)
{
    size_t tasks = work / TASK_WORK < TASKS ? work / TASK_WORK : TASKS;
    return tasks > rows ? rows : tasks ? tasks : 1;
}

typedef struct rows_job {
    const pal_call *call;
    size_t rows, each, scratch;
    pal__rows_fn fn;
} rows_job;

static void rows_task(void *argument, size_t i, unsigned worker)
{
    (void)worker;
    const rows_job *j = argument;
    size_t first = i * j->each, end = first + j->each < j->rows ? first + j->each : j->rows;
    if (first < end) j->fn(j->call, first, end, (char *)j->call->scratch + i * j->scratch);
}

void pal__each_row(const pal_call *c, size_t rows, size_t work, size_t scratch_of_each, pal__rows_fn fn)
{
    if (!rows) return;
    size_t tasks = pal__row_tasks(rows, work);
    rows_job job = {c, rows, (rows + tasks - 1) / tasks, scratch_of_each, fn};
    pal_parallel(c->context, tasks, rows_task, &job);
}
