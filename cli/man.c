/* man.c - palindrome --manual: the manual page palindrome(1), in the language of man(7), from the tables of the
 * options.
 *
 * The build runs it and installs the page. Its text is the same wherever the program is. */
#include <string.h>

#include "cli/cli.h"

enum { TEXT = 4 * PAL_CLI_DOC };

/* ---- The language --------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct { char from; const char *to; } escapes[] = {
    {'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"},
    {'|', "|\\:"}, /* a list of choices may break */
};
/* clang-format on */

/* Prints text so that it means itself. A line that began with a dot or an apostrophe would be a request. */
static void print(const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", stdout);
    for (; *text; text++) {
        size_t i = 0;
        while (i < sizeof escapes / sizeof *escapes && escapes[i].from != *text) i++;
        if (i < sizeof escapes / sizeof *escapes)
            fputs(escapes[i].to, stdout);
        else
            putchar(*text);
    }
}

static void print_line(const char *text)
{
    print(text);
    putchar('\n');
}

/* ".SS NAME" and the like: a request with one argument. */
static void request(const char *name, const char *argument)
{
    printf(".%s \"", name);
    print(argument);
    puts("\"");
}

static void print_tagged(const char *tag, const char *text)
{
    puts(".TP");
    request("B", tag);
    print_line(text);
}

/* ---- Options -------------------------------------------------------------------------------------------------- */

/* "default 0.1; 0 to 1": choices, or the range of numbers. */
static void describe_values(const pal_option *o, const char *preset, char *out, size_t size)
{
    char text[PAL_CLI_DOC];
    *out = 0;
    if (*preset) {
        snprintf(text, sizeof text, "default %.100s", preset);
        pal_cli_append(out, size, "; ", text);
    }
    if (o->type != PAL_OPTION_ENUM || o->choices)
        pal_cli_append(out, size, "; ", pal_cli_option_range(o, text, sizeof text));
}

static void print_option(const pal_cli_table *t, const pal_cli_entry *e)
{
    char names[160], text[PAL_CLI_DOC], values[TEXT];
    print_tagged(pal_cli_entry_names(e, names, sizeof names), pal_cli_entry_help(t, e, text, sizeof text));
    if (e->argument) describe_values(e->option, pal_cli_entry_default(t, e), values, sizeof values);
    if (!e->argument) *values = 0;
    pal_cli_append(values, sizeof values, "; ", pal_cli_entry_needs(t, e, text, sizeof text));
    if (!*values) return;
    putchar('(');
    print(values);
    puts(")");
}

static void print_verb(const pal_cli_verb *verb)
{
    pal_cli_table t;
    char line[TEXT];
    pal_cli_table_fill(&t, verb->spec, NULL);
    request("SS", verb->name);
    for (const char *form = verb->spec->words; form; form = strchr(form, '\n') ? strchr(form, '\n') + 1 : NULL) {
        snprintf(line, sizeof line, "palindrome %s [OPTION...] %.*s", verb->name, (int)strcspn(form, "\n"), form);
        request("B", line);
        puts(".br");
    }
    print_line(verb->spec->summary);
    for (size_t i = 0; i < t.n; i++)
        if (!t.entries[i].variant) print_option(&t, &t.entries[i]);
    if (verb->spec->variants) puts(".PP\nIt takes the options of the models, too.");
}

/* ---- Models --------------------------------------------------------------------------------------------------- */

static void print_model(const pal_variant *v)
{
    char text[TEXT];
    snprintf(text, sizeof text, "%s%s%s%s", v->name, v->alias ? " (" : "", v->alias ? v->alias : "",
             v->alias ? ")" : "");
    print_tagged(text, v->summary);
    if (v->formula) puts(".br");
    if (v->formula) print_line(v->formula);
    *text = 0;
    for (const pal_setting *s = v->training; s && s->name; s++) {
        char one[160];
        snprintf(one, sizeof one, "--%s %s", s->name, s->value);
        pal_cli_append(text, sizeof text, ", ", one);
    }
    if (*text) {
        puts(".br");
        print("It is trained with ");
        print(text);
        puts(", unless given.");
    }
}

/* What variant v says about the option; "" if it has no such option. */
static void describe_for(const pal_variant *v, const char *name, char *out, size_t size)
{
    const pal_option *o = pal_variant_option_find(v, name);
    *out = 0;
    if (o) describe_values(o, o->value, out, size);
}

/* The models that have the option, and its values for them; those with the same values together. */
static void print_values(const char *name)
{
    const pal_variant *v, *w;
    for (size_t i = 0; (v = pal_variant_at(i)); i++) {
        char values[PAL_CLI_DOC], others[PAL_CLI_DOC], names[TEXT] = "";
        bool all = true, first = true;
        describe_for(v, name, values, sizeof values);
        for (size_t k = 0; pal_variant_option_find(v, name) && (w = pal_variant_at(k)); k++) {
            describe_for(w, name, others, sizeof others);
            const bool same = pal_variant_option_find(w, name) && !strcmp(values, others);
            all &= same;
            first &= !same || k >= i;
            if (same) pal_cli_append(names, sizeof names, ", ", w->name);
        }
        if (!*names || !first) continue;
        print(all ? "All models" : names);
        print(": ");
        print_line(values);
    }
}

static void print_model_options(void)
{
    static const pal_cli_row none[] = {PAL_CLI_END};
    static const pal_cli_spec spec = {.rows = none, .variants = true};
    pal_cli_table t;
    char names[160], text[PAL_CLI_DOC];
    pal_cli_table_fill(&t, &spec, NULL);
    for (size_t i = 0; i < t.n; i++) {
        print_tagged(pal_cli_entry_names(&t.entries[i], names, sizeof names),
                     pal_cli_entry_help(&t, &t.entries[i], text, sizeof text));
        puts(".br");
        print_values(t.entries[i].option->name);
    }
}

/* ---- The other sections --------------------------------------------------------------------------------------- */

static const char *const section[][2] = {
    {"EXIT STATUS", NULL},
    {"0", "It is done."},
    {"1",
     "It failed: a file cannot be read or written, a number is not finite, a derivative is wrong, memory is used up."},
    {"2", "The command line is wrong. Nothing was changed."},
    {"128+N", "Signal N has stopped it, such as 130 after Ctrl-C. Training saves its last step first."},
    {"SEVERAL PROCESSES", NULL},
    {"mpirun -n P palindrome train ...",
     "P processes train one model: they share each batch, which --shards cuts into equal parts. The result depends on "
     "the "
     "shards and not on P. Process 0 prints, and writes the run folder; the others read the data and, with --resume, "
     "the "
     "folder. Processes on one machine share its processors, unless the launcher gives each some of them: that decides "
     "about the default of --threads. "
     "Best are 1, 2, 4, 8, ... shards for each process, the same number for all: otherwise some wait. "
     "Ctrl-C, or a signal to mpirun, stops all processes at the same step, and process 0 saves it. Open MPI passes it "
     "on "
     "after a second, and kills what is not done a second later; --mca odls_base_sigkill_timeout SECONDS sets both "
     "times. "
     "When a process dies, the others end and name it; the run can be resumed from its last checkpoint."},
    {"mpirun -n P palindrome sweep ...",
     "Each process takes every P-th training, alone. Process 0 prints and writes the table of all of them."},
    {"mpirun -n P palindrome evaluate ...",
     "Each process measures a part of the samples; the figures are those of one process. All other verbs run in one "
     "process."},
    {"ENVIRONMENT", NULL},
    {"COLUMNS", "The width of the output in characters. By default it is that of the terminal. Output to a file has no "
                "limit, except for help."},
    {"NO_COLOR", "If it is not empty, the output has no colours."},
    {"TERM", "If it is dumb or not set, training prints one line per epoch instead of a bar."},
    {"CC",
     "The compiler of a model that is a file of C code, with options if need be. By default it is cc, gcc or clang."},
    {"XDG_CACHE_HOME",
     "The folder for palindrome/variants, which has what was compiled, and the record of what you have "
     "compiled. By default it is ~/.cache."},
    {"OPENBLAS_CORETYPE", "The kernels of OpenBLAS. If it is not set, the program may set it to faster ones and start "
                          "itself once more."},
    {"FILES", NULL},
    {"RUN/run.json", "How the run was made, its command and its result."},
    {"RUN/variant.c", "The source of the model, if it is a file of C code."},
    {"RUN/metrics.jsonl", "The figures of each epoch, one JSON object a line."},
    {"RUN/checkpoint.safetensors", "The model, its settings, and the state of training."},
    {"RUN/best.safetensors", "The model after its best epoch, with --patience or --keep-best."},
    {"RUN/*.png", "The pictures that the verbs draw, unless --out names another file. With --csv there are the numbers "
                  "beside them."},
    {"EXAMPLES", NULL},
    {"palindrome train denoising --masking 0.5 --out runs/half",
     "Trains a model and saves it in the folder runs/half."},
    {"palindrome evaluate runs/half", "Prints its figures on the test samples."},
    {"palindrome reconstruct runs/half", "Draws samples and their reconstructions: runs/half/reconstruct.png."},
    {"palindrome train --resume runs/half", "Continues it if it was interrupted: the same result, bit for bit."},
    {"palindrome sweep contractive --lambda 0,0.1,1", "Trains with three settings and three seeds, and compares them."},
    {"palindrome train ./mine.c", "Trains a model of your own, which `palindrome new mine` has written."},
};

void pal_cli_print_manual(void)
{
    const pal_cli_verb *verb;
    const pal_variant *v;
    printf(".TH PALINDROME 1 \"\" \"palindrome %s\" \"User Commands\"\n.nh\n.ad l\n", pal_version());
    puts(".SH NAME\npalindrome \\- train and study autoencoders\n.SH SYNOPSIS");
    puts(".B palindrome\n.I VERB\n[\\fIOPTION\\fR...] [\\fIWORD\\fR...]\n.SH DESCRIPTION");
    print_line(
        "Palindrome trains autoencoders and saves each in a run folder. Its other verbs measure a run, draw it, or "
        "convert arrays with it. It stands on a framework for reverse-mode automatic differentiation in C.");
    puts(".PP");
    print_line("Options and words can be in any order. After -- there are only words. Names of options are never "
               "shortened. An option that would have no effect is refused.");
    print_tagged("--help", "Lists the verbs; after a verb, its options. The same as `palindrome help VERB`.");
    print_tagged("--load=FILE",
                 "Adds the models and functions of a shared object, which defines palindrome_register. It can be given "
                 "several times, before or after the verb.");
    print_tagged("FILE.c",
                 "For a model's name: the model that a file of C code defines, which is compiled when it is used "
                 "first. FILE.c:NAME is one of several.");
    print_tagged("--trust",
                 "Compiles the model of a run that somebody else made. It is code: read RUN/variant.c before.");
    print_tagged("--version", "Prints the version, the instruction set and the BLAS.");
    print_tagged("--manual", "Prints this page, for man(1).");
    puts(".SH VERBS");
    for (size_t i = 0; (verb = pal_cli_verb_at(i)); i++) print_verb(verb);
    puts(".SH MODELS");
    for (size_t i = 0; (v = pal_variant_at(i)); i++) print_model(v);
    puts(".SH OPTIONS OF THE MODELS");
    print_model_options();
    for (size_t i = 0; i < sizeof section / sizeof *section; i++)
        if (section[i][1])
            print_tagged(section[i][0], section[i][1]);
        else
            request("SH", section[i][0]);
}
