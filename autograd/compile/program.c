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
    for (size_t i = 0; i < p->n_blocks; i++) pal__free(c, p->blocks[i]);
    void *arrays[] = {p->blocks, p->leaves, p->leaf_data, p->leaf_names, p->refs, p};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
}

/* ---- Questions ------------------------------------------------------------------------------------------------ */

const pal_tensor *pal_output(const pal_program *p, size_t i) { return p && i < p->n_outputs ? &p->outputs[i] : NULL; }
const char *pal_program_error(const pal_program *p) { return p && p->error[0] ? p->error : NULL; }
size_t pal_program_arena(const pal_program *p) { return p ? p->arena_size : 0; }
unsigned pal_program_lanes(const pal_program *p) { return p ? p->lanes : 0; }
pal_noise pal_program_noise(const pal_program *p) { return p ? p->noise : (pal_noise){0}; }

void pal_program_set_noise(pal_program *p, pal_noise noise)
{
    if (p) p->noise = noise;
}

pal_status pal_bind(pal_program *p, const pal_tensor *leaf, void *data)
{
    if (!p) return PAL_ERR_ARGUMENT;
    uint32_t index = 0;
    while (index < p->n_leaves && p->leaves[index] != leaf) index++;
    const char *wrong = index == p->n_leaves               ? "the program does not use this leaf"
                        : !data                            ? "data is NULL"
                        : !pal__aligned(leaf->dtype, data) ? "data is not aligned to its element type"
                                                           : NULL;
    if (wrong) {
        snprintf(p->error, sizeof p->error, "bind: %s", wrong);
        return PAL_ERR_ARGUMENT;
    }
    p->leaf_data[index] = data;
    for (size_t i = 0; i < p->n_refs; i++)
        if (p->refs[i].leaf == index) *p->refs[i].where = (const char *)data + p->refs[i].offset;
    return PAL_OK;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void steps_text(FILE *f, const pal__step *steps, size_t n, int depth, bool profile)
{
    for (size_t i = 0; i < n; i++) {
        const pal__step *s = &steps[i];
        char shape[96];
        fprintf(f, "%*s%3zu ", depth * 4, "", i);
        if (s->loop)
            fprintf(f, "loop   %zu elements, %zu loads, %zu instructions, %zu stores, ends in %s", s->loop->count,
                    s->loop->n_loads, s->loop->n_instrs, s->loop->n_stores, s->op->name);
        else
            fprintf(f, "%s %s %s", s->run ? "kernel" : "region", s->op->name,
                    pal_shape_text(s->call.shape, shape, sizeof shape));
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
    fprintf(f, "program of %zu steps, %zu bytes of temporaries, %u lanes\n", p->n_steps, p->arena_size, p->lanes);
    steps_text(f, p->steps, p->n_steps, 0, p->profile);
    return pal__text_close(&text);
}

void pal_text_free(pal_context *context, char *text) { pal__free(context, text); }
