/* block.c - blocks: the steps of a computation as a person would draw them.
 *
 * In: where a step begins and ends, its name and its formula. Out: a tree beside the tape; each entry has the number of
 * the innermost block in which it was recorded. grad.c gives an adjoint the block of what it differentiates, as it does
 * with the scope, and marks it as derived, unless a block is open where the gradient is taken: then the gradient is a
 * part of that step, as in the norm of a Jacobian. rebuild.c copies blocks into its tapes. Only text/graph*.c read
 * them.
 *
 * Why marks at recording, and not patterns that a drawing looks for on the tape: a layer, a likelihood or a divergence
 * is what its author says it is. A pattern would have to be kept equal to every way in which models/ writes them, it
 * would break when a rewrite changes the tape, it could not know names such as "x^", and a composite of the user's own
 * would never be found. A mark costs a number for each entry.
 *
 * Invariants. A parent, and a block that is continued, has a smaller number. A block is never changed, so that a rewind
 * only needs to forget the blocks after the mark; a block that is opened again is a new one, which names the first. */
#include "autograd/internal.h"

#include <string.h>

enum { DEEPEST = 64, LONGEST = 512 };

const char *pal__block_text(pal_tape *t, const char *text)
{
    if (!text || !*text) return "";
    const pal_params *kept = pal__keep_params(t, &(pal_params){.name = text}); /* an equal text is kept once */
    if (kept) return kept->name;
    pal__out_of_memory(t, "block");
    return "";
}

uint32_t pal__block_add(pal_tape *t, pal__drawn_block b)
{
    b.name = pal__block_text(t, b.name);
    b.formula = pal__block_text(t, b.formula);
    if (!t->n_blocks) t->n_blocks = 1; /* number 0 is no block */
    if (!pal__grow(t->context, (void **)&t->blocks, t->n_blocks, &t->cap_blocks, sizeof *t->blocks)) {
        pal__out_of_memory(t, "block");
        return 0;
    }
    t->blocks[t->n_blocks] = b;
    return (uint32_t)t->n_blocks++;
}

static void begin(pal_tape *t, const char *name, const char *formula, uint32_t joins)
{
    const uint32_t depth = t->block ? t->blocks[t->block].depth + 1 : 1;
    if (!name || !*name || strlen(name) >= LONGEST || (formula && strlen(formula) >= LONGEST))
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "block: needs a name, and its texts may have %d bytes", LONGEST - 1);
    else if (depth > DEEPEST)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "block: %.80s is inside more than %d blocks", name, DEEPEST);
    const uint32_t made = t->status == PAL_OK
                              ? pal__block_add(t, (pal__drawn_block){.parent = t->block,
                                                                     .depth = depth,
                                                                     .joins = joins,
                                                                     .scope = joins ? t->blocks[joins].scope : t->scope,
                                                                     .name = name,
                                                                     .formula = formula})
                              : 0;
    if (made) t->block = made;
}

void pal_block_begin(pal_tape *t, const char *name, const char *formula)
{
    if (t) begin(t, name, formula, 0);
}

void pal_block_end(pal_tape *t)
{
    if (!t || t->status != PAL_OK) return; /* a begin that failed has opened nothing */
    if (!t->block)
        pal_tape_fail(t, PAL_ERR_ARGUMENT, "block: pal_block_end without pal_block_begin");
    else
        t->block = t->blocks[t->block].parent;
}

void pal__block_around(pal_tape *t, uint32_t first, size_t n_blocks, const char *name, const char *formula)
{
    if (t->status != PAL_OK || t->n_blocks != n_blocks || first >= t->n_entries) return;
    pal_block_begin(t, name, formula);
    if (t->status != PAL_OK) return;
    for (uint32_t id = first; id < t->n_entries; id++) pal__at(t, id)->block = t->block;
    pal_block_end(t);
}

size_t pal__block_symbol(const char *formula, bool beyond)
{
    const char *equals = strstr(formula, " = "), *drawn = strstr(formula, " ~ ");
    if (!equals || (drawn && drawn < equals)) equals = drawn;
    if (!equals || (size_t)(equals - formula) > strcspn(formula, "\n")) return 0;
    return (size_t)(equals - formula) + (beyond ? 3 : 0);
}

/* Writes the formula with `inner` for each '@'. What does not fit is left out. */
static void insert(char out[LONGEST], const char *formula, const char *inner)
{
    size_t n = 0;
    for (const char *p = formula ? formula : ""; *p; p++) {
        const char *piece = *p == '@' ? inner : p;
        const size_t length = *p == '@' ? strlen(inner) : 1;
        if (n + length >= LONGEST) break;
        memcpy(out + n, piece, length);
        n += length;
    }
    out[n] = 0;
}

void pal_block_again(pal_var value, const char *name, const char *formula)
{
    pal_tape *t = value.tape;
    char text[LONGEST];
    if (!t) return;
    uint32_t block = pal__live(value) ? pal__at(t, value.id)->block : 0;
    while (block && t->blocks[block].parent != t->block) block = t->blocks[block].parent;
    const char *old = block ? t->blocks[block].formula : "a";
    insert(text, formula, old + pal__block_symbol(old, true));
    begin(t, block ? t->blocks[block].name : name, text,
          !block                   ? 0
          : t->blocks[block].joins ? t->blocks[block].joins
                                   : block);
}
