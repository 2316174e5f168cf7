/* json.h - changes of JSON documents that keep them JSON. */
#ifndef PAL_TESTS_FUZZ_JSON_H
#define PAL_TESTS_FUZZ_JSON_H

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

/* Changes one value of the document: another number or text, another type, a member less, a member twice. names and
 * values: texts that may become the name or the value of a member. */
void fuzz_json_change(json_t *document, const char *const *names, const char *const *values, uint64_t *rng);
/* The text, for free; NULL: it has more than room bytes. */
char *fuzz_json_text(const json_t *document, size_t flags, size_t room);
/* Changes the document in b; false: b is not JSON. */
bool fuzz_json_change_text(fuzz_bytes *b, size_t flags, const char *const *names, const char *const *values,
                           uint64_t *rng);

#endif
