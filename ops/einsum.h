/* einsum.h - shared by the files of Einstein sums: axes as letters, and the parsed specification. */
#ifndef PAL_OPS_EINSUM_H
#define PAL_OPS_EINSUM_H

#include "ops/internal.h"

#include <string.h>

enum { PAL__LETTERS = 128 };
typedef char pal__letters[PAL_MAX_RANK + 1]; /* one letter per axis, in order; ends with 0 */

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

/* einsum_spec.c. read fills in the parts from the text; measure then fills in size, indexed by letter, from the shapes
 * of the two operands. If that fails, they return false, and the tape error contains the reason and the place. */
bool pal__einsum_read(pal__einsum *r);
bool pal__einsum_measure(const pal__einsum *r, pal_var a, pal_var b, int64_t *size);
/* Sets the tape error. place: the position in the text, from 1; 0: no position. */
bool pal__einsum_refuse(const pal__einsum *r, const char *reason, size_t place);

#endif
