/* npy_map.c - the numbers of a .npy file as they lie in it, without a copy.
 *
 * The file is mapped, so that it may be larger than memory: the kernel reads a page when it is used, and forgets it
 * when memory is short. Its size is compared with its header when it is opened. If another program cuts it short
 * afterwards, a page that is no more there ends the program (SIGBUS); a file that is replaced by renaming another one
 * over it does no harm. Small files are read: this costs less than a mapping, and nothing can happen to them later. */
#include "data/arrays.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEAST = 1 << 20 }; /* bytes of the smallest array that is mapped */

/* The kernel tells it only to the owner of a file, and to who may write to it; to others all pages seem to be there. */
static bool tells_residence(int descriptor, const char *path)
{
    struct stat file;
    return !fstat(descriptor, &file) && (file.st_uid == geteuid() || !geteuid() || !access(path, W_OK));
}

bool palt__npy_map(palt__raw *raw, pal_context *context, const palt__source *source, const palt__npy_header *header)
{
    const palt__npy_type *type = header->type;
    const int64_t count = pal_shape_count(header->shape);
    size_t bytes;
    if (source->take || source->length < 0 || strcmp(source->path, "-") == 0 || !type->plain) return false;
    if ((header->big && type->size > 1) || (header->fortran && header->shape.rank > 1)) return false;
    if (count < 1 || __builtin_mul_overflow((size_t)count, type->size, &bytes) || bytes < LEAST) return false;
    if ((uint64_t)source->length - source->used != bytes || source->used % type->size != 0) return false;
    const size_t whole = (size_t)source->length;
    void *map = mmap(NULL, whole, PROT_READ, MAP_PRIVATE, palt__bytes_descriptor(source->bytes), 0);
    if (map == MAP_FAILED) return false;
    pal_tensor *values = pal_tensor_wrap(context, type->dtype, header->shape, (char *)map + source->used);
    if (!values) {
        munmap(map, whole);
        return false;
    }
    raw->values = values;
    raw->map = map;
    raw->map_bytes = whole;
    raw->tells = tells_residence(palt__bytes_descriptor(source->bytes), source->path);
    return true;
}

typedef struct range {
    uintptr_t begin, end;
} range;

static int by_begin(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Whether the first pages of some of the rows are all in memory: then most others are. To ask for each page takes
 * longer than to compute a small batch. */
static bool seem_resident(const palt__raw *raw, const uint32_t *rows, size_t n, uintptr_t page)
{
    enum { LOOKED_AT = 8 };
    const size_t count = (size_t)raw->values->shape.dim[0], bytes = pal_tensor_bytes(raw->values) / count;
    for (size_t i = 0; i < n; i += n / LOOKED_AT + 1) {
        unsigned char in = 0;
        const uintptr_t at = (uintptr_t)raw->values->data + rows[i] * bytes;
        if (rows[i] < count && (mincore((void *)(at / page * page), 1, &in) || !(in & 1))) return false;
    }
    return raw->tells;
}

/* Rows whose pages touch each other are asked for together. */
void palt__raw_want(const palt__raw *raw, const uint32_t *rows, size_t n)
{
    enum { PART = 512 };
    range ranges[PART];
    if (!raw->map || !raw->values->shape.dim[0]) return;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), data = (uintptr_t)raw->values->data;
    const size_t count = (size_t)raw->values->shape.dim[0], bytes = pal_tensor_bytes(raw->values) / count;
    for (size_t first = 0; first < n; first += PART) {
        size_t used = 0;
        if (seem_resident(raw, rows + first, n - first < PART ? n - first : PART, page)) continue;
        for (size_t i = first; i < n && i < first + PART; i++) {
            if (rows[i] >= count) continue;
            const uintptr_t begin = data + rows[i] * bytes;
            ranges[used++] = (range){begin / page * page, (begin + bytes + page - 1) / page * page};
        }
        qsort(ranges, used, sizeof *ranges, by_begin);
        for (size_t i = 0, j; i < used; i = j) {
            uintptr_t end = ranges[i].end;
            for (j = i + 1; j < used && ranges[j].begin <= end; j++)
                if (ranges[j].end > end) end = ranges[j].end;
            madvise((void *)ranges[i].begin, end - ranges[i].begin, MADV_WILLNEED); /* a wish: it may fail */
        }
    }
}

void palt__raw_in_order(const palt__raw *raw, bool in_order)
{
    if (raw->map) madvise(raw->map, raw->map_bytes, in_order ? MADV_NORMAL : MADV_RANDOM);
}
