/* program.c - pal_compile leads a tape through the passes; the life of a program and the small questions about it. */
#include "autograd/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Compile ------------------------------------------------------------------------------------------------------
 */

static int by_leaf_hash(const void *a, const void *b, void *tape)
{
    const pal_tape *t = tape;
    uint64_t x = pal__at(t, pal__arg(t, *(const uint32_t *)a, 0))->hash,
             y = pal__at(t, pal__arg(t, *(const uint32_t *)b, 0))->hash;
    return x < y ? -1 : x > y;
}

/* Outputs first, then, if asked, the effects in an order that recording does not influence. NULL: the tape says why. */
static uint32_t *find_roots(pal_tape *t, const pal_var *outputs, size_t n, bool effects, size_t *n_roots)
{
    for (size_t i = 0; i < n; i++)
        if (!pal__live(outputs[i]) || outputs[i].tape != t || !pal__outside(t, outputs[i].id)) {
            pal_tape_fail(t, PAL_ERR_TAPE, "compile: output %zu is a bad handle, of another tape or inside a region",
                          i + 1);
            return NULL;
        }
    uint32_t *roots = pal__alloc(t->context, (n + t->n_effects) * sizeof *roots);
    if (!roots) {
        pal_tape_fail(t, PAL_ERR_MEMORY, "compile: out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) roots[i] = outputs[i].id;
    *n_roots = n;
    if (!effects || !t->n_effects) return roots;
    memcpy(roots + n, t->effects, t->n_effects * sizeof *roots);
    qsort_r(roots + n, t->n_effects, sizeof *roots, by_leaf_hash, t);
    *n_roots = n + t->n_effects;
    return roots;
}

static bool verified(pal_tape *from, const pal__graph *g, const char *pass)
{
#ifndef NDEBUG
    const char *wrong = pal__verify(g->tape);
    if (wrong) pal_tape_fail(from, pal__verify_status(wrong), "compile: after %s: %s", pass, wrong);
    return !wrong;
#else
    (void)from, (void)g, (void)pass;
    return true;
#endif
}

typedef struct wanted {
    const uint32_t *roots;
    size_t n;
} wanted;

/* An assign that nobody asked for, neither as an output nor with all effects, is to its readers its value alone. */
static pal_var without_effect(pal_tape *from, uint32_t id, pal_tape *to, const pal_var *in, void *user)
{
    const wanted *w = user;
    (void)to;
    if (pal__at(from, id)->op->op_class != PAL_CLASS_EFFECT) return (pal_var){0};
    for (size_t i = 0; i < w->n; i++)
        if (w->roots[i] == id) return (pal_var){0};
    return in[1];
}

static bool prepare(pal_tape *t, const uint32_t *roots, size_t n, unsigned passes, pal__graph *g)
{
    wanted w = {roots, n};
    if (!pal__rebuild(t, roots, n, passes & PAL_PASS_SIMPLIFY, without_effect, &w, g)) return false;
    const char *failed = NULL;
    if (!verified(t, g, "live"))
        failed = "";
    else if (passes & PAL_PASS_SIMPLIFY && !pal__simplify(g, passes & PAL_PASS_ROUNDING))
        failed = "simplify";
    else if (!verified(t, g, "simplify"))
        failed = "";
    else if (!pal__materialise(g, passes & PAL_PASS_SIMPLIFY))
        failed = "materialise";
    else if (!verified(t, g, "materialise"))
        failed = "";
    if (!failed) return true;
    if (g->tape && g->tape->status != PAL_OK) pal_tape_fail(t, g->tape->status, "%s", g->tape->error);
    pal_tape_fail(t, PAL_ERR_MEMORY, "compile: %s: out of memory", failed);
    pal__graph_free(t->context, g);
    return false;
}

static const char *leftover_placeholder(const pal_tape *t)
{
    for (uint32_t id = 1; id < t->n_entries; id++)
        if (pal__at(t, id)->op == &pal__op_placeholder) return "compile: a placeholder was left in the program";
    return NULL;
}

pal_program *pal_compile(pal_tape *t, const pal_var *outputs, size_t n, const pal_compile_options *given)
{
    if (!t || t->status != PAL_OK) return NULL;
    pal_compile_options o = {0};
    if (given && !given->struct_size) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "compile: the options' struct_size is not set");
        return NULL;
    }
    if (given) memcpy(&o, given, given->struct_size < sizeof o ? given->struct_size : sizeof o);
    unsigned passes = o.passes ? o.passes & PAL_PASS_ALL : PAL_PASS_ALL;
    if (o.check_nan) passes &= ~(unsigned)PAL_PASS_FUSE;
    const char *wrong = t->region                       ? "inside a region"
                        : n && !outputs                 ? "no outputs"
                        : o.lanes > 4096                ? "over 4096 lanes"
                        : o.passes >= 2 * PAL_PASS_NONE ? "unknown passes"
                                                        : NULL;
    if (wrong) {
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "compile: %s", wrong);
        return NULL;
    }
    size_t n_roots;
    uint32_t *roots = find_roots(t, outputs, n, o.effects, &n_roots);
    if (!roots) return NULL;
    pal__graph g = {0};
    bool ok = prepare(t, roots, n_roots, passes, &g);
    pal__free(t->context, roots);
    if (!ok) return NULL;
    pal_program *p = pal__alloc(t->context, sizeof *p);
    unsigned lanes = o.lanes ? o.lanes : pal_context_threads(t->context);
    const char *left = leftover_placeholder(g.tape);
    if (left) pal_tape_fail(g.tape, PAL_ERR_DERIVATIVE, "%s", left);
    pal__plan *plan = p && !left ? pal__plan_new(NULL, g.tape, 0, g.outputs, n, passes, lanes, o.check_nan) : NULL;
    if (p) {
        p->context = t->context;
        p->lanes = lanes;
        p->profile = o.profile;
        p->check = o.check_nan;
    }
    if (!p || !plan || !pal__emit(p, plan)) {
        if (g.tape->status != PAL_OK) pal_tape_fail(t, g.tape->status, "%s", g.tape->error);
        pal_tape_fail(t, PAL_ERR_MEMORY, "compile: out of memory");
        pal_program_free(p);
        p = NULL;
    }
    pal__plan_free(plan);
    pal__graph_free(t->context, &g);
    return p;
}

void pal_program_free(pal_program *p)
{
    if (!p) return;
    pal_context *c = p->context;
    for (size_t i = 0; i < p->n_blocks; i++) pal__free(c, p->blocks[i]);
    void *arrays[] = {p->blocks, p->leaves, p->leaf_data, p->leaf_names, p->refs, p};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) pal__free(c, arrays[i]);
}

/* ---- Questions ----------------------------------------------------------------------------------------------------
 */

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
    if (!p || !data) return PAL_ERR_ARGUMENT;
    uint32_t index = 0;
    while (index < p->n_leaves && p->leaves[index] != leaf) index++;
    if (index == p->n_leaves) {
        snprintf(p->error, sizeof p->error, "bind: the program does not use this leaf");
        return PAL_ERR_ARGUMENT;
    }
    p->leaf_data[index] = data;
    for (size_t i = 0; i < p->n_refs; i++)
        if (p->refs[i].leaf == index) *p->refs[i].where = (const char *)data + p->refs[i].offset;
    return PAL_OK;
}

pal_status pal_eval(pal_var v, void *out)
{
    pal_tape *t = v.tape;
    if (!t || !out) return PAL_ERR_ARGUMENT;
    if (pal__live(v) && pal_op_of(v)->op_class == PAL_CLASS_EFFECT) v = pal_operand(v, 1); /* looking changes nothing */
    pal_program *p = pal_compile(t, &v, 1, NULL);
    if (!p) return t->status != PAL_OK ? t->status : PAL_ERR_TAPE;
    pal_status status = pal_run(p);
    if (status == PAL_OK)
        memcpy(out, pal_output(p, 0)->data, pal_tensor_bytes(pal_output(p, 0)));
    else
        pal_tape_fail(t, status, "%s", p->error);
    pal_program_free(p);
    return status;
}

/* ---- Text ---------------------------------------------------------------------------------------------------------
 */

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
    char *text = NULL, *kept = NULL;
    size_t size = 0;
    if (!p) return NULL;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    fprintf(f, "program of %zu steps, %zu bytes of temporaries, %u lanes\n", p->n_steps, p->arena_size, p->lanes);
    steps_text(f, p->steps, p->n_steps, 0, p->profile);
    if (fclose(f) == 0 && (kept = pal__alloc(p->context, size + 1))) memcpy(kept, text, size);
    free(text);
    return kept;
}

void pal_text_free(pal_context *context, char *text) { pal__free(context, text); }
