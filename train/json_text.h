/* json_text.h - values of jansson from text and back, without loss if memory runs out. */
#ifndef PAL_TRAIN_JSON_TEXT_H
#define PAL_TRAIN_JSON_TEXT_H

#include <jansson.h>

/* Reads one value. Names that occur twice are refused, and so is what is deeper or larger than a run's files. NULL:
 * *wrong says why, in line *line (line may be NULL); *wrong NULL: out of memory. */
json_t *palt__json_load(const char *text, size_t size, int *line, const char **wrong);
/* The value as text, which the caller frees. flags: as for json_dumps. NULL: out of memory, or no value. */
char *palt__json_dump(const json_t *value, size_t flags);
/* The shortest decimal that reads back the same. */
void palt__real_text(double value, char *out, size_t size);

#endif
