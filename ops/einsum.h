/* einsum.h - what the files of Einstein sums share: axes as letters, and a specification that is read. */
#ifndef PAL_OPS_EINSUM_H
#define PAL_OPS_EINSUM_H

#include "ops/internal.h"

#include <string.h>

enum { PAL__LETTERS = 128 };
typedef char pal__letters[PAL_MAX_RANK + 1]; /* of the axes in order; ends with 0 */

static inline bool pal__has(const char *axes, char letter) { return strchr(axes, letter) != NULL; }

static inline void pal__append(char *axes, char letter)
{
    size_t n = strlen(axes);
    axes[n] = letter;
    axes[n + 1] = 0;
}

typedef struct pal__einsum {
    pal_tape *tape;
    const char *spec;
    pal__letters part[3]; /* the operands, the result */
} pal__einsum;

/* einsum_spec.c. Fills the parts; then, by the two operands' shapes, the letters' sizes. False, and a tape error with
 * the reason and its place in the text, where that cannot be. */
bool pal__einsum_read(pal__einsum *r);
bool pal__einsum_measure(const pal__einsum *r, pal_var a, pal_var b, int64_t *size);
/* place: where in the text (0: nowhere in particular). */
bool pal__einsum_refuse(const pal__einsum *r, const char *reason, size_t place);

#endif
