/* graph_write.c - writes a drawing to a file, completely or not at all. The ending of its name chooses the language. */
#include "autograd/file.h"
#include "autograd/text/drawn.h"
#include "autograd/text/page.h"

#include <string.h>
#include <strings.h>

typedef char *writer(pal_tape *tape, const pal_var *outputs, size_t n, const pal_graph_options *options);

/* As pal_graph_text. Any other ending is dot's language. */
static const struct {
    const char *ending;
    writer *text;
} writers[] = {{".html", pal__page_text}, {".tex", pal__tikz}};

static writer *writer_of(const char *path)
{
    const char *end = strrchr(path, '.');
    for (size_t i = 0; end && i < sizeof writers / sizeof *writers; i++)
        if (!strcasecmp(end, writers[i].ending)) return writers[i].text;
    return pal_graph_text;
}

static int write_text(int descriptor, void *text) { return pal_write_all(descriptor, text, strlen(text)); }

pal_status pal_graph_write(pal_tape *t, const pal_var *outputs, size_t n, const pal_graph_options *options,
                           const char *path, pal_error *err)
{
    if (!t || !path || !*path || (n && !outputs))
        return pal_error_set(err, PAL_ERR_ARGUMENT, "graph: needs a tape, its outputs and a file name");
    char *text = writer_of(path)(t, outputs, n, options);
    if (!text) return pal_error_set(err, pal_tape_status(t), "%s", pal_tape_error(t));
    const pal_status status = pal_file_write(path, write_text, text, err);
    pal_text_free(pal_tape_context(t), text);
    return status;
}
