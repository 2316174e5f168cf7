/* tape.c - creates and frees tapes; scopes, sticky errors, handles, mark and rewind.
 *
 * Invariants. Entry 0 is the bad entry. A handle is live if its id exists and the entry has the same generation as the
 * handle. Rewinding increases the generation of the tape, so an id that is used again does not make an old handle
 * valid. */
#include "autograd/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Errors --------------------------------------------------------------------------------------------------- */

/* where: append the path of the current scope to the message. */
static pal_var fail(pal_tape *t, pal_status status, bool where, const char *format, va_list args)
{
    if (!t) return (pal_var){0};
    if (t->status != PAL_OK) return (pal_var){.tape = t};
    t->status = status;
    t->failed_at = (uint32_t)t->n_entries;
    char text[sizeof t->error];
    int n = vsnprintf(text, sizeof text, format ? format : pal_status_text(status), args);
    const char *path = pal__scope_path(t, t->scope);
    if (where && *path && n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, " in %s", path);
    pal_text_clean(t->error, sizeof t->error, text, strlen(text));
    return (pal_var){.tape = t};
}

pal_var pal_tape_fail(pal_tape *t, pal_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pal_var bad = fail(t, status, true, format, args);
    va_end(args);
    return bad;
}

pal_var pal_tape_refuse(pal_tape *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pal_var bad = fail(t, PAL_ERR_ARGUMENT, false, format, args);
    va_end(args);
    return bad;
}

bool pal_tape_options(pal_tape *t, void *to, const void *given, size_t size, size_t first, const char *what)
{
    pal_error err;
    if (!pal_options_read(to, given, size, first, what, &err)) return true;
    pal_tape_fail(t, err.status, "%s", err.text);
    return false;
}

pal_var pal__out_of_memory(pal_tape *t, const char *what)
{
    return pal_tape_fail(t, PAL_ERR_MEMORY, "%s: out of memory", what);
}

const char *pal_tape_error(const pal_tape *t) { return t && t->status != PAL_OK ? t->error : NULL; }
pal_status pal_tape_status(const pal_tape *t) { return t ? t->status : PAL_ERR_TAPE; }
size_t pal_tape_length(const pal_tape *t) { return t ? t->n_entries - 1 : 0; }
pal_dtype pal_tape_real(const pal_tape *t) { return t ? t->real : PAL_F32; }
pal_context *pal_tape_context(const pal_tape *t) { return t ? t->context : NULL; }

/* ---- Creation ------------------------------------------------------------------------------------------------- */

pal_tape *pal_tape_new(pal_context *context, pal_dtype default_real)
{
    if (!context || !pal_dtype_real(default_real)) return NULL;
    pal_tape *t = pal__alloc(context, sizeof *t);
    if (!t) return NULL;
    t->context = context;
    t->real = default_real;
    t->generation = 1;
    if (!pal__room_for_entry(t) || !pal__grow(context, (void **)&t->scopes, 0, &t->cap_scopes, sizeof *t->scopes)) {
        pal_tape_free(t);
        return NULL;
    }
    t->n_entries = t->n_scopes = 1;
    pal__at(t, 0)->params = &pal__no_params;
    pal__at(t, 0)->shape = &pal__scalar;
    t->scopes[0].path = "";
    return t;
}

void pal_tape_free(pal_tape *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_chunks; i++) pal__free(t->context, t->chunks[i]);
    pal__free(t->context, t->chunks);
    pal__free(t->context, t->operands);
    pal__free(t->context, t->scopes);
    pal__free(t->context, t->blocks);
    pal__free(t->context, t->streams);
    pal__free(t->context, t->leaves);
    pal__free(t->context, t->effects);
    pal__table *tables[] = {&t->by_path, &t->by_stream, &t->by_name,   &t->by_tensor,
                            &t->by_leaf, &t->by_shape,  &t->by_params, &t->by_entry};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) pal__table_free(t->context, tables[i]);
    pal__ranges_free(t->context, &t->memory);
    pal__free(t->context, t->marks);
    pal__keep_end(t);
    pal__free(t->context, t);
}

/* ---- Scopes --------------------------------------------------------------------------------------------------- */

const char *pal__scope_path(const pal_tape *t, uint32_t scope) { return t->scopes[scope].path; }

static uint32_t scope_add(pal_tape *t, uint32_t parent, const char *path)
{
    size_t at;
    const uint64_t hash = pal__hash_bytes(parent, path, strlen(path));
    for (uint32_t i = pal__table_first(&t->by_path, hash, &at); i; i = pal__table_next(&t->by_path, hash, &at))
        if (t->scopes[i].parent == parent && !strcmp(t->scopes[i].path, path)) return i;
    char *kept = pal__intern(t, path, strlen(path));
    if (!kept || !pal__grow(t->context, (void **)&t->scopes, t->n_scopes, &t->cap_scopes, sizeof *t->scopes) ||
        !pal__table_add(t->context, &t->by_path, hash, (uint32_t)t->n_scopes)) {
        pal_tape_fail(t, PAL_ERR_MEMORY, "scope %s: out of memory", path);
        return parent;
    }
    t->scopes[t->n_scopes] = (pal__scope){.parent = parent, .path = kept};
    return (uint32_t)t->n_scopes++;
}

uint32_t pal__scope_find(pal_tape *t, const char *path)
{
    uint32_t scope = 0;
    char part[PAL__PATH];
    if (!*path) return 0;
    for (const char *end = path; *end; end++) {
        if (end[1] && end[1] != '/') continue;
        size_t length = (size_t)(end + 1 - path);
        if (length >= sizeof part) return scope;
        memcpy(part, path, length);
        part[length] = 0;
        scope = scope_add(t, scope, part);
    }
    return scope;
}

void pal_scope_begin(pal_tape *t, const char *name)
{
    if (!t) return;
    char path[PAL__PATH];
    const char *above = t->scopes[t->scope].path;
    int n = name && *name ? snprintf(path, sizeof path, "%s%s%s", above, *above ? "/" : "", name) : -1;
    if (n < 0 || (size_t)n >= sizeof path) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "scope: a name must not be empty, and its path must have at most %zu bytes",
                      sizeof path - 1);
        return;
    }
    t->scope = scope_add(t, t->scope, path);
}

void pal_scope_end(pal_tape *t)
{
    if (!t) return;
    if (!t->scope) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "scope: pal_scope_end without pal_scope_begin");
        return;
    }
    t->scope = t->scopes[t->scope].parent;
}

/* ---- Descriptors of entries that pal_record does not record --------------------------------------------------- */

bool pal_infer_fail(pal_infer *r, const char *why)
{
    if (r) snprintf(r->why, sizeof r->why, "%s", why ? why : "");
    return false;
}

bool pal__never(pal_infer *r) { return pal_infer_fail(r, "cannot be recorded as an operation"); }

const pal_op pal__op_leaf = {
    .struct_size = sizeof(pal_op), .name = "leaf", .op_class = PAL_CLASS_LEAF, .infer = pal__never};
const pal_op pal__op_placeholder = {
    .struct_size = sizeof(pal_op), .name = "placeholder", .op_class = PAL_CLASS_LEAF, .infer = pal__never};
const pal_op pal__op_index = {
    .struct_size = sizeof(pal_op), .name = "index", .op_class = PAL_CLASS_LEAF, .infer = pal__never, .n_ints = 1};

/* ---- Handles -------------------------------------------------------------------------------------------------- */

/* On a tape that was never rewound, the entry itself need not be looked at. */
static uint32_t generation_of(const pal_tape *t, uint32_t id)
{
    return t->generation == 1 ? 1 : pal__at(t, id)->generation;
}

pal_var pal__var(pal_tape *t, uint32_t id)
{
    return (pal_var){.tape = t, .id = id, .generation = id ? generation_of(t, id) : 0};
}

size_t pal__entry_bytes(const pal_tape *t, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    return (size_t)pal_shape_count(*e->shape) * pal_dtype_size((pal_dtype)e->dtype);
}

bool pal__live(pal_var v)
{
    return v.tape && v.id && v.id < v.tape->n_entries && generation_of(v.tape, v.id) == v.generation;
}

bool pal_ok(pal_var v) { return pal__live(v); }
pal_shape pal_shape_of(pal_var v) { return pal__live(v) ? *pal__at(v.tape, v.id)->shape : PAL_SCALAR; }
pal_dtype pal_dtype_of(pal_var v) { return pal__live(v) ? (pal_dtype)pal__at(v.tape, v.id)->dtype : PAL_DTYPE_COUNT; }
const pal_op *pal_op_of(pal_var v) { return pal__live(v) ? pal__at(v.tape, v.id)->op : NULL; }
const pal_params *pal_params_of(pal_var v) { return pal__live(v) ? pal__at(v.tape, v.id)->params : NULL; }
size_t pal_operand_count(pal_var v) { return pal__live(v) ? pal__at(v.tape, v.id)->n : 0; }

pal_var pal_operand(pal_var v, size_t i)
{
    if (i >= pal_operand_count(v)) return (pal_var){.tape = v.tape};
    return pal__var(v.tape, pal__arg(v.tape, v.id, (uint32_t)i));
}

const char *pal_scope_of(pal_var v)
{
    return pal__live(v) ? pal__scope_path(v.tape, pal__at(v.tape, v.id)->scope) : "";
}

pal_derivative pal_op_derivative(const pal_op *op, size_t k)
{
    return op ? op->derivative[op->arity < 0 ? 0 : k < 2 ? k : 2] : PAL_NO_DERIVATIVE;
}

bool pal_is_fill(pal_var v, double value)
{
    return pal__live(v) && pal__at(v.tape, v.id)->op->op_class == PAL_CLASS_CONSTANT &&
           memcmp(&pal__at(v.tape, v.id)->params->r[0], &value, sizeof value) == 0;
}

bool pal__inside(const pal_tape *t, uint32_t region, uint32_t of)
{
    if (!of) return true;
    while (region > of) region = pal__at(t, region)->region; /* a region begins before those within it */
    return region == of;
}

bool pal__outside(const pal_tape *t, uint32_t id)
{
    return !pal__at(t, id)->region && pal__at(t, id)->op != &pal__op_index;
}

bool pal__readable(const pal_tape *t, uint32_t region, uint32_t id)
{
    const pal__entry *e = pal__at(t, id);
    return pal__inside(t, region, e->op == &pal__op_index ? id : e->region);
}

/* ---- Mark and rewind ------------------------------------------------------------------------------------------ */

pal_mark pal_tape_mark(pal_tape *t)
{
    if (!t) return (pal_mark){0};
    return (pal_mark){.tape = t,
                      .entries = (uint32_t)t->n_entries,
                      .generation = pal__at(t, (uint32_t)t->n_entries - 1)->generation,
                      .scope = t->scope,
                      .streams = (uint32_t)t->n_streams,
                      .effects = (uint32_t)t->n_effects,
                      .region = t->region,
                      .failed = t->status != PAL_OK,
                      .block = t->block,
                      .blocks = (uint32_t)t->n_blocks};
}

/* Why the tape cannot be rewound to this mark; NULL: it can. */
static const char *unusable(const pal_tape *t, const pal_mark *m)
{
    if (m->tape != t) return "the mark is of another tape: take it on this tape";
    if (!m->entries || m->entries > t->n_entries || pal__at(t, m->entries - 1)->generation != m->generation ||
        m->scope >= t->n_scopes || m->blocks > t->n_blocks || m->streams > t->n_streams || m->effects > t->n_effects)
        return "the mark is no longer valid";
    if (m->entries < t->held)
        return "the mark is from before the region or rule that is being recorded: rewind after its end";
    if (m->region != t->region)
        return "the mark is from inside another region: take the mark in the region that rewinds to it";
    return NULL;
}

void pal_tape_rewind(pal_tape *t, pal_mark m)
{
    if (!t) return;
    const char *why = unusable(t, &m);
    if (why) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "rewind: %s", why);
        return;
    }
    const pal__entry *last = pal__at(t, m.entries - 1);
    pal__forget(t, m.entries, m.streams, m.effects);
    t->n_entries = m.entries;
    t->n_operands = m.entries > 1 ? last->first + last->n : 0;
    t->block = m.block;
    t->n_blocks = m.blocks;
    t->scope = m.scope; /* scopes stay: they are only names, and a mark's scope is then never another one */
    t->generation++;
    if (!m.failed) t->status = PAL_OK;
}
