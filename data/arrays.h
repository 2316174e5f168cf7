/* arrays.h - the parts of palt__raw_array: mapping, archives, labels, the axes of images. */
#ifndef PAL_DATA_ARRAYS_H
#define PAL_DATA_ARRAYS_H

#include "data/internal.h"

/* ---- npy_map.c -------------------------------------------------------------------------------------------------- */

/* Wraps the numbers as they lie in the file, of which the header was read. Returns false, and raw is unchanged, if they
 * cannot be used so: they are then to be read. */
bool palt__npy_map(palt__raw *raw, pal_context *context, const palt__source *source, const palt__npy_header *header);

/* ---- npz.c ------------------------------------------------------------------------------------------------------ */

typedef struct palt__npz palt__npz;

palt__npz *palt__npz_open(const char *path, pal_error *err);
void palt__npz_close(palt__npz *npz);
bool palt__npz_has(const palt__npz *npz, const char *name);
/* The name of the array to use if none was named: the only one, or the only one with two or more axes. `label` names
 * one that is not meant; it may be NULL. NULL: see err. Free it. */
char *palt__npz_choose(palt__npz *npz, const char *label, pal_error *err);
/* Opens an array as a .npy file. One may be open at a time. palt__npz_leave closes it. */
pal_status palt__npz_enter(palt__npz *npz, const char *name, palt__source *source, pal_error *err);
void palt__npz_leave(palt__npz *npz);

/* ---- array_labels.c --------------------------------------------------------------------------------------------- */

/* Reads the labels of raw->values from a .npy file: whole numbers, truths or texts [n] or [n, 1]. Classes are the
 * different values in their order: numbers by value, texts by their bytes. */
pal_status palt__array_labels(palt__raw *raw, palt__source *source, pal_error *err);

/* ---- array_layout.c --------------------------------------------------------------------------------------------- */

typedef enum palt__layout { PALT__LAYOUT_NONE, PALT__LAYOUT_FIRST, PALT__LAYOUT_LAST } palt__layout;

/* The layout of an array of this shape; NONE: it has not four axes. Errors name the remedy. */
pal_status palt__layout_of(pal_shape shape, const char *wanted, const char *path, palt__layout *layout, pal_error *err);
/* The shape with channels first. */
pal_shape palt__layout_shape(pal_shape shape, palt__layout layout);
/* Moves the channels of each sample to the front, in place. */
pal_status palt__layout_turn(pal_tensor *values, const char *path, pal_error *err);
void palt__layout_note(pal_shape shape, palt__layout layout, pal_note *note);

#endif
