/* program.c - a program: its end, the small questions about it, its text. compile.c makes it, run.c runs it. */
#include "autograd/compile/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ----------------------------------------------------------------------------------------------------- */

void pal_program_free(pal_program *p)
{
    if (!p) return;
    pal_context *c = p->context;
    pal__shared_free(p);
    for (size_t i = 0; i < p->n_blocks; i++) pal__free(c, p->blocks[i]);
    pal__table *tables[] = {&p->by_leaf, &p->by_bytes, &p->by_value};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) pal__table_free(c, tables[i]);
    void *arrays[] = {p->blocks, p->leaves, p->refs, p->kept, p->splats, p};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
}

/* ---- Leaves --------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const pal_tensor *leaf) { return pal__mix(0, (uintptr_t)leaf); }

/* The place of a leaf among those of the program, from 1 on; 0: it is not there. */
static uint32_t place_of(pal_program *p, const pal_tensor *leaf)
{
    size_t at;
    uint32_t i = pal__table_first(&p->by_leaf, hash_of(leaf), &at);
    while (i && p->leaves[i - 1].leaf != leaf) i = pal__table_next(&p->by_leaf, hash_of(leaf), &at);
    return i;
}

static uint32_t add_leaf(pal_program *p, pal_tensor *leaf, const char *name)
{
    const size_t length = strlen(name);
    char *kept = pal__keep(p, length + 1);
    if (!kept || !pal__grow(p->context, (void **)&p->leaves, p->n_leaves, &p->cap_leaves, sizeof *p->leaves) ||
        !pal__table_add(p->context, &p->by_leaf, hash_of(leaf), (uint32_t)p->n_leaves + 1))
        return 0;
    p->leaves[p->n_leaves++] = (pal__bound){.leaf = leaf, .name = memcpy(kept, name, length), .data = leaf->data};
    return (uint32_t)p->n_leaves;
}

bool pal__refer(pal_program *p, pal_tensor *leaf, const char *name, size_t offset, const void **where)
{
    uint32_t place = place_of(p, leaf);
    if (!place) place = add_leaf(p, leaf, name);
    if (!place || !pal__grow(p->context, (void **)&p->refs, p->n_refs, &p->cap_refs, sizeof *p->refs)) return false;
    pal__bound *bound = &p->leaves[place - 1];
    p->refs[p->n_refs++] = (pal__ref){bound->refs, offset, where};
    bound->refs = p->n_refs;
    *where = (const char *)bound->data + offset;
    return true;
}

pal_status pal_bind(pal_program *p, const pal_tensor *leaf, void *data)
{
    if (!p) return PAL_ERR_ARGUMENT;
    const uint32_t place = place_of(p, leaf);
    const char *wrong = !place                             ? "the program does not use this leaf"
                        : !data                            ? "data is NULL"
                        : !pal__aligned(leaf->dtype, data) ? "data is not aligned to its element type"
                                                           : NULL;
    if (wrong) {
        snprintf(p->error, sizeof p->error, "bind: %s", wrong);
        return PAL_ERR_ARGUMENT;
    }
    p->leaves[place - 1].data = data;
    for (size_t i = p->leaves[place - 1].refs; i; i = p->refs[i - 1].next)
        *p->refs[i - 1].where = (const char *)data + p->refs[i - 1].offset;
    return PAL_OK;
}

/* ---- Questions ------------------------------------------------------------------------------------------------ */

const pal_tensor *pal_output(const pal_program *p, size_t i) { return p && i < p->n_outputs ? &p->outputs[i] : NULL; }
const char *pal_program_error(const pal_program *p) { return p && p->error[0] ? p->error : NULL; }
size_t pal_program_arena(const pal_program *p) { return p ? p->arena_size : 0; }
uint64_t pal_program_barriers(const pal_program *p) { return p ? p->barriers : 0; }
size_t pal_program_least(const pal_program *p) { return p ? p->arena_least : 0; }
unsigned pal_program_lanes(const pal_program *p) { return p ? p->lanes : 0; }
pal_noise pal_program_noise(const pal_program *p) { return p ? p->noise : (pal_noise){0}; }

void pal_program_set_noise(pal_program *p, pal_noise noise)
{
    if (p) p->noise = noise;
}

void pal_program_raise(pal_program *p, uint32_t flags)
{
    if (p && p->shared) p->shared->raises |= flags & PAL__FLAGS;
    if (p && !p->shared) p->flags |= flags & PAL__FLAGS;
}

uint32_t pal_program_raised(const pal_program *p)
{
    return !p ? 0 : p->shared ? p->shared->raised & PAL__FLAGS : p->told;
}

double pal_program_waited(const pal_program *p) { return p && p->shared ? p->shared->waited : 0; }

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void loop_text(FILE *f, const pal__loop *l, const char *last)
{
    fprintf(f, "loop   %zu elements, %zu loads, %zu instructions, %zu stores, ends in %s", l->count, l->n_loads,
            l->n_instrs, l->n_stores, last);
    const char *before = " (";
    for (size_t i = 0; i < l->n_instrs; i++)
        if (l->instrs[i].super) {
            fprintf(f, "%s%s", before, l->instrs[i].super->name);
            before = ", ";
        }
    if (before[0] == ',') fputc(')', f);
    if (l->n_sums) fprintf(f, ", and %zu sum%s", l->n_sums, l->n_sums > 1 ? "s" : "");
}

static void steps_text(FILE *f, const pal__step *steps, size_t n, int depth, bool profile)
{
    for (size_t i = 0; i < n; i++) {
        const pal__step *s = &steps[i];
        char shape[96];
        fprintf(f, "%*s%3zu ", depth * 4, "", i);
        if (s->loop)
            loop_text(f, s->loop, s->op->name);
        else
            fprintf(f, "%s %s %s", s->run ? "kernel" : "region", s->op->name,
                    pal_shape_text(s->call.shape, shape, sizeof shape));
        if (s->next) {
            fputs(", then ", f);
            loop_text(f, s->next->loop, s->next->op->name);
        }
        fprintf(f, "%s%s", *s->scope ? "  in " : "", s->scope);
        if (profile && s->runs) fprintf(f, "  %.1f us", 1e6 * s->seconds / (double)s->runs);
        fputc('\n', f);
        if (s->body) steps_text(f, s->body, s->n_body, depth + 1, profile);
    }
}

char *pal_program_text(const pal_program *p)
{
    pal__text text;
    if (!p || !pal__text_open(&text, p->context)) return NULL;
    FILE *f = text.file;
    fprintf(f, "program of %zu steps, %zu bytes of temporaries, %u lanes", p->n_steps, p->arena_size, p->lanes);
    if (p->shared)
        fprintf(f, ", shards %lld to %lld, %zu messages", (long long)p->shared->first + 1,
                (long long)(p->shared->first + p->shared->local), p->shared->n_buckets);
    if (p->profile && p->barriers) fprintf(f, ", %llu barriers", (unsigned long long)p->barriers);
    fputc('\n', f);
    steps_text(f, p->steps, p->n_steps, 0, p->profile);
    return pal__text_close(&text);
}

void pal_text_free(pal_context *context, char *text) { pal__free(context, text); }
