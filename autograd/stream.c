/* stream.c - a stream into memory, for texts of tapes, plans and programs.
 *
 * A stream of open_memstream does not tell that memory ran out: letters are missing, or the text is empty. This one
 * remembers it. */
#include "autograd/internal.h"

#include <string.h>

static ssize_t collect(void *user, const char *bytes, size_t size)
{
    pal__text *text = user;
    if (size >= text->room - text->size && !text->failed) {
        const size_t room = 2 * text->room + size + 1024;
        char *more = pal__alloc(text->context, room);
        if (more && text->bytes) memcpy(more, text->bytes, text->size);
        if (more) pal__free(text->context, text->bytes);
        if (more) text->bytes = more;
        if (more) text->room = room;
        text->failed = !more;
    }
    if (text->failed) return 0;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
    return (ssize_t)size;
}

bool pal__text_open(pal__text *text, pal_context *context)
{
    *text = (pal__text){.context = context};
    text->file = fopencookie(text, "w", (cookie_io_functions_t){.write = collect});
    if (!text->file) return false;
    /* Numbers get a decimal point, whatever the program's locale. The C locale always exists and needs no memory. */
    text->before = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
    return true;
}

char *pal__text_close(pal__text *text)
{
    uselocale(text->before);
    if (ferror(text->file)) text->failed = true;
    if (fclose(text->file)) text->failed = true;
    if (!text->failed && !text->bytes) collect(text, "", 0); /* an empty text */
    if (!text->failed) return text->bytes;
    pal__free(text->context, text->bytes);
    return NULL;
}
