/* printed.c - counts what the program prints while a target runs a part of it. */
#include "tests/fuzz/fuzz.h"

static fuzz_printed counted[2];
static FILE *counter[2], *own[2];

static ssize_t receive(void *to, const char *text, size_t size)
{
    fuzz_printed *p = to;
    p->bytes += size;
    for (size_t i = 0; i < size; i++) {
        p->lines += text[i] == '\n';
        p->odd += ((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 127;
    }
    return (ssize_t)size;
}

void fuzz_catch_open(void)
{
    for (int i = 0; i < 2; i++) {
        counter[i] = fopencookie(&counted[i], "w", (cookie_io_functions_t){.write = receive});
        fuzz_require(counter[i], "no stream");
    }
}

void fuzz_catch_close(void)
{
    for (int i = 0; i < 2; i++) fclose(counter[i]);
}

void fuzz_catch(void)
{
    own[0] = stdout;
    own[1] = stderr;
    counted[0] = counted[1] = (fuzz_printed){0};
    stdout = counter[0];
    stderr = counter[1];
}

void fuzz_release(fuzz_printed *on_out, fuzz_printed *on_error)
{
    for (int i = 0; i < 2; i++) fflush(counter[i]);
    stdout = own[0];
    stderr = own[1];
    *on_out = counted[0];
    *on_error = counted[1];
}

void fuzz_refusal(const fuzz_printed *on_out, const fuzz_printed *on_error)
{
    fuzz_require(on_error->lines == 1 && !on_out->bytes, "a refusal printed %zu lines", on_error->lines);
    fuzz_require(!on_error->odd, "a refusal printed control characters");
}
