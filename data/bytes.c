/* bytes.c - the bytes of a file as they are, or unpacked if they begin as gzip data do. A signal that interrupts
 * reading loses nothing, which is not so with zlib's own gzread. */
#include "data/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

struct palt__bytes {
    int descriptor;
    bool packed, begun, end; /* gzip data; inside a member of them; the file has no more bytes */
    z_stream zlib;           /* next_in, avail_in: what was read and not used yet */
    unsigned char buffer[1 << 17];
    size_t taken, unpacked; /* of ready */
    char ready[1 << 14];
};

/* Fills the buffer behind what is not used yet. Returns 0, or an errno. */
static int fill(struct palt__bytes *b)
{
    if (b->zlib.avail_in) memmove(b->buffer, b->zlib.next_in, b->zlib.avail_in);
    b->zlib.next_in = b->buffer;
    const ssize_t n =
        TEMP_FAILURE_RETRY(read(b->descriptor, b->buffer + b->zlib.avail_in, sizeof b->buffer - b->zlib.avail_in));
    if (n < 0) return errno;
    b->zlib.avail_in += (unsigned)n;
    b->end = n == 0;
    return 0;
}

/* Whether a member of gzip data begins here. Returns 0, or an errno. */
static int look(struct palt__bytes *b, bool *member)
{
    int why = 0;
    while (!why && !b->end && b->zlib.avail_in < 2) why = fill(b);
    *member = b->zlib.avail_in > 1 && b->zlib.next_in[0] == 0x1f && b->zlib.next_in[1] == 0x8b;
    return why;
}

palt__bytes *palt__bytes_open(int descriptor, int *why)
{
    enum { GZIP = 16 };
    palt__bytes *b = malloc(sizeof *b);
    *why = ENOMEM;
    if (!b) return NULL;
    b->descriptor = descriptor;
    b->packed = b->begun = b->end = false;
    b->taken = b->unpacked = 0;
    b->zlib = (z_stream){.next_in = b->buffer};
    *why = look(b, &b->packed);
    if (!*why && b->packed && inflateInit2(&b->zlib, MAX_WBITS + GZIP) != Z_OK) *why = ENOMEM;
    if (!*why) return b;
    free(b);
    return NULL;
}

void palt__bytes_close(palt__bytes *b)
{
    if (!b) return;
    if (b->packed) inflateEnd(&b->zlib);
    close(b->descriptor);
    free(b);
}

bool palt__bytes_are_packed(const palt__bytes *b) { return b->packed; }
int palt__bytes_descriptor(const palt__bytes *b) { return b->descriptor; }

static int copy(palt__bytes *b, char *out, size_t size, size_t *got)
{
    const size_t here = b->zlib.avail_in < size ? b->zlib.avail_in : size;
    if (here) {
        memcpy(out, b->zlib.next_in, here);
        b->zlib.next_in += here;
        b->zlib.avail_in -= (unsigned)here;
        *got = here;
        return 0;
    }
    const size_t most = 1u << 30;
    const ssize_t n = TEMP_FAILURE_RETRY(read(b->descriptor, out, size < most ? size : most));
    *got = n > 0 ? (size_t)n : 0;
    return n < 0 ? errno : 0;
}

/* What follows a member: another one, or nothing. As gzip does, zeros that fill up a block are passed over. */
static int next_member(palt__bytes *b)
{
    bool member;
    int why = look(b, &member);
    while (!why && !member && b->zlib.avail_in && !*b->zlib.next_in) {
        b->zlib.next_in++;
        b->zlib.avail_in--;
        why = look(b, &member);
    }
    if (why || member) return why;
    return b->zlib.avail_in ? PALT__BYTES_DAMAGED : 0;
}

static int unpack(palt__bytes *b, char *out, size_t size, size_t *got)
{
    const size_t most = 1u << 30;
    const unsigned room = (unsigned)(size < most ? size : most);
    b->zlib.next_out = (unsigned char *)out;
    b->zlib.avail_out = room;
    int why = 0;
    while (!why && b->zlib.avail_out == room) {
        if (!b->begun) {
            why = next_member(b);
            if (!why && !b->zlib.avail_in) break; /* the end */
            b->begun = true;
        }
        if (!why && !b->zlib.avail_in && !b->end) why = fill(b);
        if (why) break;
        const int code = inflate(&b->zlib, Z_NO_FLUSH);
        if (code == Z_STREAM_END) {
            b->begun = false;
            inflateReset(&b->zlib);
        } else if (code == Z_MEM_ERROR) {
            why = ENOMEM;
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            why = PALT__BYTES_DAMAGED;
        } else if (!b->zlib.avail_in && b->end && b->zlib.avail_out == room) {
            why = PALT__BYTES_CUT;
        }
    }
    *got = room - b->zlib.avail_out;
    return *got ? 0 : why; /* a mistake is found again */
}

/* Unpacks a whole block beforehand. So the checksum at the end of a small file is looked at before its first byte is
 * used, and a file that is damaged is not taken for one with odd contents. */
static int unpack_ahead(palt__bytes *b, char *out, size_t size, size_t *got)
{
    if (b->taken == b->unpacked) {
        size_t n = 0;
        int why = 0;
        b->taken = b->unpacked = 0;
        do {
            why = unpack(b, b->ready + b->unpacked, sizeof b->ready - b->unpacked, &n);
            b->unpacked += n;
        } while (!why && n && b->unpacked < sizeof b->ready);
        if (why) {
            b->unpacked = 0;
            return why;
        }
    }
    const size_t here = b->unpacked - b->taken;
    *got = here < size ? here : size;
    memcpy(out, b->ready + b->taken, *got);
    b->taken += *got;
    return 0;
}

int palt__bytes_read(palt__bytes *b, void *out, size_t size, size_t *got)
{
    *got = 0;
    if (!size) return 0;
    if (!b->packed) return copy(b, out, size, got);
    const bool direct = b->taken == b->unpacked && size >= sizeof b->ready;
    return direct ? unpack(b, out, size, got) : unpack_ahead(b, out, size, got);
}
