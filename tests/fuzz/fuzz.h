/* fuzz.h - what a fuzz target is, and what the targets share.
 *
 * A target takes any bytes and gives them to one reader. It must not fail, and the promises of the reader must hold:
 * fuzz_require reports one that does not. The drivers check two more things for each input: that the target keeps no
 * memory, and that it never holds more than `base` bytes and `factor` bytes for each byte of input.
 *
 * Two drivers run the same targets: libFuzzer (libfuzzer.c, clang only), which is led by coverage, and the plain driver
 * (driver.c, any compiler), which makes a fixed sequence of changes to the seeds. Seeds are made by the targets from
 * the writers of the project, so no files are kept. */
#ifndef PAL_TESTS_FUZZ_H
#define PAL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "autograd/autograd.h"

enum { FUZZ_MOST = 1 << 16, FUZZ_SEEDS = 1024 }; /* bytes of the longest input, and the most seeds of a target */

/* ---- Targets -------------------------------------------------------------------------------------------------- */

typedef struct fuzz_seeds {
    struct {
        uint8_t *data;
        size_t size;
    } one[FUZZ_SEEDS];
    size_t n;
} fuzz_seeds;
fuzz_seeds *fuzz_seeds_new(void);
void fuzz_seeds_free(fuzz_seeds *seeds);
void fuzz_seed(fuzz_seeds *to, const void *data, size_t size); /* copies the bytes; more than FUZZ_MOST are left out */
void fuzz_seed_text(fuzz_seeds *to, const char *text);
void fuzz_seed_file(fuzz_seeds *to, const char *path);

typedef struct fuzz_bytes { /* an input that is changed in place */
    uint8_t *data;
    size_t size, room;
} fuzz_bytes;

typedef struct fuzz_target {
    const char *name, *summary;
    const char *const *words; /* pieces that a change may insert; ends with NULL */
    size_t most;              /* bytes of the longest input */
    size_t base, factor;      /* bound of the memory in use */
    void (*open)(void);       /* once, before anything else */
    void (*close)(void);
    void (*seeds)(fuzz_seeds *to);
    void (*run)(const uint8_t *data, size_t size);
    void (*change)(fuzz_bytes *input, uint64_t *rng); /* keeps the structure of the input; NULL: bytes are changed */
} fuzz_target;

#define TARGET(name) extern const fuzz_target target_##name;
#include "tests/fuzz/targets.def"
#undef TARGET

/* ---- Checks --------------------------------------------------------------------------------------------------- */

void fuzz_failed(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
#define fuzz_require(condition, ...)                                                                                   \
    do {                                                                                                               \
        if (!(condition)) fuzz_failed(__FILE__, __LINE__, __VA_ARGS__);                                                \
    } while (0)

/* Either there is a result, or an error with one line of text. Counts the results. */
void fuzz_outcome(bool result, const pal_error *err);
void fuzz_accept(void);       /* counts an input that was accepted, for targets without a pal_error */
uint64_t fuzz_accepted(void); /* how many there were */
/* Both exist, and have the same type, shape and bits. */
void fuzz_same_tensor(const pal_tensor *a, const pal_tensor *b);

/* Reads the bytes as a file of one array. What is accepted is the same after writing and reading it again. */
typedef pal_tensor *fuzz_reader(pal_context *context, const char *path, pal_error *err);
typedef pal_status fuzz_writer(const pal_tensor *tensor, const char *path, pal_error *err);
void fuzz_round_trip(pal_context *context, const void *data, size_t size, fuzz_reader *read, fuzz_writer *write);

/* ---- What the program prints (printed.c) ---------------------------------------------------------------------- */

typedef struct fuzz_printed {
    size_t bytes, lines, odd; /* odd: control characters other than the end of a line */
} fuzz_printed;
void fuzz_catch_open(void); /* a target's open and close, or parts of them */
void fuzz_catch_close(void);
void fuzz_catch(void); /* from here to fuzz_release, standard output and standard error are counted, not shown */
void fuzz_release(fuzz_printed *on_out, fuzz_printed *on_error);
/* One line on standard error, without control characters, and nothing on standard output. */
void fuzz_refusal(const fuzz_printed *on_out, const fuzz_printed *on_error);

/* ---- Files ---------------------------------------------------------------------------------------------------- */

enum { FUZZ_PATH = 256 };
/* The path of a file in a folder of this process, in memory if the machine has /dev/shm. */
const char *fuzz_path(const char *name, char out[FUZZ_PATH]);
/* Makes these bytes the contents of the file NAME. Returns its path, valid for ever. The file is opened only once. */
const char *fuzz_put(const char *name, const void *data, size_t size);
void fuzz_files_remove(void);

/* ---- Random changes ------------------------------------------------------------------------------------------- */

uint64_t fuzz_random(uint64_t *rng);
static inline size_t fuzz_below(uint64_t *rng, size_t n) { return n ? (size_t)(fuzz_random(rng) % n) : 0; }
static inline bool fuzz_chance(uint64_t *rng, size_t one_in) { return fuzz_below(rng, one_in) == 0; }
/* Replaces `old` bytes at `at` by `n` bytes. Does nothing if there is no room. */
void fuzz_splice(fuzz_bytes *b, size_t at, size_t old, const void *piece, size_t n);
/* One change of bytes, or of a number or a word in a text. words: may be NULL. */
void fuzz_change_bytes(fuzz_bytes *b, const char *const *words, uint64_t *rng);
/* A number in decimal that is near a limit, or small. */
const char *fuzz_number(uint64_t *rng);
const char *fuzz_word(const char *const *words, uint64_t *rng);

/* ---- Drivers -------------------------------------------------------------------------------------------------- */

/* Runs the target, and checks its use of memory. */
void fuzz_run(const fuzz_target *target, const uint8_t *data, size_t size);
/* One or two changes by the target, or one to eight of bytes, or both. */
void fuzz_change(const fuzz_target *target, fuzz_bytes *b, uint64_t *rng);
/* memory.c: bytes in use now, and the most since the last reset. */
size_t fuzz_memory_now(void);
size_t fuzz_memory_peak(void);
void fuzz_memory_reset(void);

#endif
