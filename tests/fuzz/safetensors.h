/* safetensors.h - the parts of a safetensors file, for the targets that read one. */
#ifndef PAL_TESTS_FUZZ_SAFETENSORS_H
#define PAL_TESTS_FUZZ_SAFETENSORS_H

#include "tests/fuzz/json.h"

/* The header of a whole file; NULL: there is none. *data: where the data begin. */
json_t *fuzz_header_of(const fuzz_bytes *b, size_t *data);
/* Puts the header in front of the data, with its right length. */
void fuzz_header_put(fuzz_bytes *b, size_t data, const json_t *header);
/* Gives all tensors of the header places without gaps, of the sizes of their shapes. The data become as long as that.
 * Shapes that are too large keep their places. */
void fuzz_header_place(fuzz_bytes *b, size_t data, json_t *header);

#endif
