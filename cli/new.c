/* new.c - palindrome new: writes the file of a new variant, NAME.c, which trains at once.
 *
 * Without --from it is the text below. With --from it is the file of a variant of the library, as it was compiled, or
 * of a step of docs/variants.md, with another head, another name and without the alias. Those files are installed
 * beside the headers; a variant that needs functions which are not public has no such file. An existing file is never
 * replaced. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autograd/file.h"
#include "cli/source.h"

static const pal_cli_row rows[] = {
    PAL_CLI_ENUM(
        "from", "", NULL, "VARIANT",
        "begin with the file of this variant of the library, or of this step of docs/variants.md: penalty, layers, "
        "noise, gradient, hierarchical"),
    PAL_CLI_END,
};
const pal_cli_spec pal_cli_new_spec = {
    .words = "NAME",
    .summary =
        "Write NAME.c, a small variant in C that trains at once, to be changed: `palindrome train ./NAME.c` trains "
        "it, and `palindrome check ./NAME.c` checks it.",
    .rows = rows,
    .least = 1,
    .most = 1,
    .missing = "no name given: `palindrome new mine` writes mine.c",
};

/* clang-format off */
static const char head[] =
    "/* %s.c - a variant of one's own%s\n"
    " *     palindrome train ./%s.c     trains it; help train ./%s.c lists its options\n"
    " *     palindrome check ./%s.c     checks it: derivatives, shapes, determinism, and that it learns */\n";

static const char body[] =
    "#include <palindrome.h>\n"
    "\n"
    "/* Records the loss of a batch: x [n, features] -> a scalar, the mean over the samples. Nothing is computed here. */\n"
    "static pal_var loss(pal_model *m, const pal_batch *b)\n"
    "{\n"
    "    pal_var x = b->inputs, h = pal_encode_layers(m, x); /* the code [n, hidden]; then -log p(x | h): */\n"
    "    pal_var nll = pal_nll(m, pal_decode_layers(m, h), x);\n"
    "    pal_var penalty = pal_scale(pal_mean_over_samples(pal_abs(h)), pal_option_real(m, \"lambda\"));\n"
    "    return pal_add(nll, pal_model_note(m, \"penalty\", penalty)); /* `evaluate` prints both parts */\n"
    "}\n"
    "\n"
    "static const pal_option options[] = {\n"
    "    /* name, type, default, least, greatest, choices, help; one that all variants have gets another default here */\n"
    "    {\"lambda\", PAL_OPTION_REAL, \"0.1\", 0, 1e6, NULL, \"weight of the penalty on the code\"},\n"
    "    {\"activation\", PAL_OPTION_ENUM, \"tanh\", 0, 0, \"tanh|relu|softplus\", \"activation of the layers\"},\n"
    "    {0}};\n"
    "\n"
    "/* Defaults of train that this variant changes: the names are those of its options. */\n"
    "static const pal_setting training[] = {{\"optimizer\", \"adam\"}, {NULL, NULL}};\n"
    "\n";

static const char tail[] =
    "static const pal_variant variant = {\n"
    "    .struct_size = sizeof(pal_variant),\n"
    "    .name = \"%s\",\n"
    "    .summary = \"an L1 penalty on a tanh code\",\n"
    "    .formula = \"h = tanh(x W + b);  loss = -log p(x | h W' + c) + lambda ||h||_1\",\n"
    "    .source = \"where the formula comes from: authors, year\",\n"
    "    .options = options,\n"
    "    .training = training,\n"
    "    .encode = pal_encode_layers, /* x [n, features] -> h [n, hidden] */\n"
    "    .decode = pal_decode_layers, /* h -> what pal_nll takes */\n"
    "    .loss = loss}; /* other fields, such as .corrupt and .classify: docs/functions.md */\n"
    "\n";

static const char last[] = "PAL_VARIANT_FILE(variant)\n";
/* clang-format on */

typedef struct file {
    const char *name;  /* "my_model": of the file */
    char variant[64];  /* "my-model": of the variant */
    const char *from;  /* the variant of the library, or the step of the course; or NULL */
    const char *given; /* the text of its file */
} file;

static bool begins(const char *line, const char *with) { return !strncmp(line, with, strlen(with)); }

/* Writes the file of a variant of the library, or of a step of the course, with the name of this one. */
static void print_from(FILE *to, const file *f)
{
    for (const char *line = f->given; *line;) {
        const size_t length = strcspn(line, "\n"), indent = strspn(line, " ");
        if (begins(line, "#include \"palindrome.h\""))
            fputs("#include <palindrome.h>\n", to);
        else if (begins(line, "const pal_variant pal_"))
            fputs("static const pal_variant variant = {\n", to);
        else if (begins(line, "static const pal_variant "))
            fprintf(to, "static const pal_variant variant%.*s\n", (int)(length - strcspn(line, "=") + 1),
                    line + strcspn(line, "=") - 1);
        else if (begins(line + indent, ".name = "))
            fprintf(to, "%*s.name = \"%s\",\n", (int)indent, "", f->variant);
        else if (!begins(line + indent, ".alias = ") && !begins(line, "PAL_VARIANT_FILE("))
            fprintf(to, "%.*s\n", (int)length, line);
        line += length + (line[length] != 0);
    }
}

static int print(FILE *to, void *user)
{
    const file *f = user;
    char began[160] = ". It begins with an L1 penalty on the code.";
    if (f->from) snprintf(began, sizeof began, ". It began as %.40s of Palindrome %.40s.", f->from, pal_version());
    fprintf(to, head, f->name, began, f->name, f->name, f->name);
    if (f->from) {
        print_from(to, f);
        fputc('\n', to);
    } else {
        fputs(body, to);
        fprintf(to, tail, f->variant);
    }
    fputs(last, to);
    return 0;
}

static int write_file(int descriptor, void *user) { return pal_write_printed(descriptor, print, user); }

/* Words of a-z and 0-9, joined by - or _, at most 63 letters; the variant's name has - only. */
static int take_name(file *f, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    bool good = *name >= 'a' && *name <= 'z' && strlen(name) < sizeof f->variant;
    for (const char *c = name; *c; c++)
        good &= strchr(letters, *c) || ((*c == '-' || *c == '_') && c[1] && strchr(letters, c[1]));
    if (!good)
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s is no name for a variant: it begins with a letter, and is words of a-z and 0-9 that are "
                           "joined by - or _, such as my_model",
                           *name ? name : "an empty word");
    f->name = name;
    snprintf(f->variant, sizeof f->variant, "%s", name);
    for (char *c = f->variant; *c; c++)
        if (*c == '_') *c = '-';
    const pal_variant *taken = pal_variant_find(f->variant);
    return taken ? pal_cli_say(PAL_CLI_WRONG, "%s is a variant of the library: choose another name", name)
                 : PAL_CLI_GO_ON;
}

/* The file of a step of the course of docs/variants.md: examples/variants/4_noise.c for "noise". */
static bool find_step(const char *headers, const char *word, char *path, size_t size)
{
    if (strlen(word) > 64 || strchr(word, '/')) return false;
    for (int step = 1; step <= 9; step++) {
        snprintf(path, size, "%s/examples/variants/%d_%s.c", headers, step, word);
        if (!access(path, R_OK)) return true;
    }
    return false;
}

/* The file of the variant beside the headers. */
static int take_from(file *f, const char *word, char **text)
{
    int status = PAL_CLI_GO_ON;
    char headers[PATH_MAX], path[PATH_MAX + 128];
    if (!pal_cli_headers(headers))
        return pal_cli_say(PAL_CLI_FAILED,
                           "the headers of Palindrome are not beside this program: install them with it");
    f->from = word;
    if (pal_variant_find(word) || !find_step(headers, word, path, sizeof path)) {
        const pal_variant *from = pal_cli_variant(word, &status);
        if (!from) return status;
        f->from = from->name;
        snprintf(path, sizeof path, "%s/models/variants/%s.c", headers, from->name);
        for (char *c = strrchr(path, '/'); *c; c++)
            if (*c == '-') *c = '_';
    }
    const bool is_there = !access(path, F_OK) || errno != ENOENT;
    if (is_there && !(*text = pal_cli_source_read(path, &status))) return status;
    if (*text && strstr(*text, "#include \"models/")) {
        free(*text);
        *text = NULL;
    }
    f->given = *text;
    return *text ? PAL_CLI_GO_ON
                 : pal_cli_say(PAL_CLI_WRONG,
                               "the file of %s cannot be given, it needs functions that are not public: choose another "
                               "--from",
                               f->from);
}

int pal_cli_new(int argc, char **argv)
{
    pal_cli_args args;
    file f = {.from = NULL};
    char path[80], *text = NULL;
    struct stat is;
    pal_error err = {0};
    int status = pal_cli_parse(&pal_cli_new_spec, argc, argv, &args);
    if (status == PAL_CLI_GO_ON) status = take_name(&f, args.words[0]);
    const char *from = status == PAL_CLI_GO_ON ? pal_cli_given(&args, "from") : NULL;
    if (from) status = take_from(&f, from, &text);
    if (status == PAL_CLI_GO_ON) {
        snprintf(path, sizeof path, "%s.c", f.name);
        if (!lstat(path, &is) || errno != ENOENT)
            status = pal_cli_say(PAL_CLI_WRONG, "%s is there already: choose another name, or move it away", path);
        else if (pal_file_replace(AT_FDCWD, path, write_file, &f, &err))
            status = pal_cli_say_error(&err);
    }
    free(text);
    if (status != PAL_CLI_GO_ON) return status;
    char command[4096];
    snprintf(path, sizeof path, "./%s.c", f.name);
    pal_cli_print("wrote    %s.c\n", f.name);
    printf("next:    ");
    pal_cli_print_command(9, 9, pal_cli_command(command, sizeof command, "train", path));
    printf("         ");
    pal_cli_print_command(9, 9, pal_cli_command(command, sizeof command, "check", path));
    return PAL_CLI_DONE;
}
