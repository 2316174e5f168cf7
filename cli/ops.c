/* ops.c - palindrome ops: the operations as a list, as JSON, or as docs/operations.md; or one of them in full. */
#include <ctype.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "cli/cli.h"
#include "ops/ops.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, PAL_CLI_FLAG("markdown", "print docs/operations.md"), PAL_CLI_END};
static const pal_need needs[] = {{"markdown", "NAME", "!"}, {"markdown", "json", "!"}, {0}};
const pal_cli_spec pal_cli_ops_spec = {
    .words = "[NAME]",
    .summary = "List the operations that can be recorded on a tape. With NAME, describe one of them.",
    .rows = rows,
    .needs = needs,
    .most = 1,
};

static const char *const classes[PAL_CLASS_COUNT] = {
    [PAL_CLASS_LEAF] = "leaf",       [PAL_CLASS_CONSTANT] = "constant", [PAL_CLASS_ELEMENTWISE] = "elementwise",
    [PAL_CLASS_RANDOM] = "random",   [PAL_CLASS_MOVEMENT] = "movement", [PAL_CLASS_REDUCTION] = "reduction",
    [PAL_CLASS_PRODUCT] = "product", [PAL_CLASS_INDEX] = "index",       [PAL_CLASS_REGION] = "region",
    [PAL_CLASS_EFFECT] = "effect",   [PAL_CLASS_OPAQUE] = "opaque",     [PAL_CLASS_COMPOSITE] = "composite",
};

/* The orders to which an operation can be differentiated. A composite is differentiated through its parts. */
static const char *derivative(const pal_op *op)
{
    bool zero = op->derivative[0] == PAL_ZERO_DERIVATIVE;
    if (op->op_class == PAL_CLASS_COMPOSITE) return "of its parts";
    for (int i = 0; i < 3; i++)
        if (op->derivative[i] == PAL_HAS_RULE) return "any order";
    return zero ? "zero" : "none";
}

/* The domain from which the checks draw elements: "[-3, 3]"; or "[-3, 3], [0.5, 1]" if the operands differ. */
static const char *domain(const pal_op *op, char *out, size_t size)
{
    double low[PAL_CASE_INPUTS] = {0}, high[PAL_CASE_INPUTS] = {0};
    size_t n = 0, at = 0;
    pal_case it;
    for (size_t i = 0; pal_gradcheck_op_case(op, i, &it); i++)
        for (size_t k = 0; k < it.n; k++) {
            low[k] = k >= n || it.in[k].low < low[k] ? it.in[k].low : low[k];
            high[k] = k >= n || it.in[k].high > high[k] ? it.in[k].high : high[k];
            n = k >= n ? k + 1 : n;
        }
    bool equal = true;
    for (size_t k = 1; k < n; k++) equal &= low[k] == low[0] && high[k] == high[0];
    *out = 0;
    for (size_t k = 0; k < (equal && n ? 1 : n) && at < size; k++)
        at += (size_t)snprintf(out + at, size - at, "%s[%g, %g]", k ? ", " : "", low[k], high[k]);
    return out;
}

static const char *arity(const pal_op *op, char *out, size_t size)
{
    if (op->op_class == PAL_CLASS_COMPOSITE)
        snprintf(out, size, "-");
    else if (op->arity < 0)
        snprintf(out, size, "any");
    else
        snprintf(out, size, "%d", op->arity);
    return out;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static json_t *cases_json(const pal_op *op)
{
    pal_case it;
    json_t *all = json_array();
    for (size_t i = 0; pal_gradcheck_op_case(op, i, &it); i++) {
        json_t *inputs = json_array();
        for (size_t k = 0; k < it.n; k++) {
            json_t *shape = json_array();
            for (int a = 0; a < it.in[k].shape.rank; a++)
                json_array_append_new(shape, json_integer(it.in[k].shape.dim[a]));
            json_array_append_new(
                inputs, json_pack("{s:o, s:f, s:f}", "shape", shape, "low", it.in[k].low, "high", it.in[k].high));
        }
        json_array_append_new(all, json_pack("{s:s, s:o}", "label", it.label, "inputs", inputs));
    }
    return all;
}

static json_t *op_json(size_t i)
{
    const pal_op *op = pal_op_at(i);
    bool differentiable = op->op_class == PAL_CLASS_COMPOSITE;
    for (int k = 0; k < 3; k++) differentiable |= op->derivative[k] == PAL_HAS_RULE;
    return json_pack("{s:s, s:s, s:i, s:s, s:b, s:s, s:s?, s:s?, s:s, s:o}", "name", op->name, "family",
                     pal_op_family(i), "arity", op->arity, "class", classes[op->op_class], "differentiable",
                     differentiable, "derivative", derivative(op), "formula", op->formula, "summary", op->summary,
                     "source", pal_op_source(op), "cases", cases_json(op));
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void print_heading(size_t i, const char *format)
{
    char name[64];
    snprintf(name, sizeof name, "%s", pal_op_family(i));
    name[0] = (char)toupper((unsigned char)name[0]);
    printf(format, name);
}

static bool first_of_family(size_t i) { return !i || strcmp(pal_op_family(i), pal_op_family(i - 1)) != 0; }

/* One line for each operation: in columns, or in a narrow terminal its name and all the rest below it. */
static void print_list(void)
{
    enum { COLUMN = 50, NARROW = 74 };
    char text[16], where[128], head[96], line[1024];
    const int width = pal_cli_width();
    const bool narrow = width && width < NARROW;
    const pal_op *op;
    size_t n = 0;
    for (; (op = pal_op_at(n)); n++) {
        if (first_of_family(n)) print_heading(n, n ? "\n%s\n" : "%s\n");
        arity(op, text, sizeof text);
        domain(op, where, sizeof where);
        snprintf(head, sizeof head, narrow ? "  %s" : "  %-28s %-4s %s", op->name, text, derivative(op));
        snprintf(line, sizeof line, "%s %s; %s; %s%s%s", text, derivative(op), op->formula, op->summary,
                 *where ? "; in " : "", where);
        pal_cli_hang(head, COLUMN, width, narrow ? line : strstr(line, "; ") + 2);
    }
    putchar('\n');
    pal_cli_paragraph(
        0,
        "%zu operations. Columns: name, number of operands, derivative, formula; what it is; domain of the "
        "checks.\n`palindrome ops NAME` describes one.",
        n);
}

static void print_one(size_t i)
{
    const pal_op *op = pal_op_at(i);
    enum { VALUES = 12 }; /* the column of the values */
    char text[128], line[512];
    pal_case it;
    const int width = pal_cli_width();
    pal_cli_paragraph(0, "%s: %s\n", op->name, op->summary);
    pal_cli_wrap(0, 2, width, op->formula);
    putchar('\n');
    snprintf(line, sizeof line, "%s, family %s", classes[op->op_class], pal_op_family(i));
    pal_cli_hang("class", VALUES, width, line);
    if (op->op_class != PAL_CLASS_COMPOSITE) pal_cli_hang("operands", VALUES, width, arity(op, text, sizeof text));
    pal_cli_hang("derivative", VALUES, width, derivative(op));
    if (*domain(op, text, sizeof text)) pal_cli_hang("checked in", VALUES, width, text);
    pal_cli_hang("source", VALUES, width, pal_op_source(op));
    for (size_t k = 0; pal_gradcheck_op_case(op, k, &it); k++) {
        size_t at = (size_t)snprintf(line, sizeof line, "%s", it.label);
        for (size_t j = 0; j < it.n && at < sizeof line; j++)
            at +=
                (size_t)snprintf(line + at, sizeof line - at, " %s", pal_shape_text(it.in[j].shape, text, sizeof text));
        pal_cli_hang(k ? "" : "cases", VALUES, width, line);
    }
}

/* Prints a cell of a table; escapes what Markdown would interpret, such as the bar that ends a cell. */
static void print_cell(const char *text)
{
    for (; *text; text++) {
        if (strchr("|<>*_", *text)) putchar('\\');
        putchar(*text);
    }
}

static void print_markdown(void)
{
    char text[128];
    const pal_op *op;
    size_t n = 0;
    while (pal_op_at(n)) n++;
    /* clang-format off */
    printf("# The operations\n\n"
           "This page is the output of `palindrome ops --markdown`; a test compares the two.\n"
           "There are %zu operations. The first and second derivatives of each are checked against finite\n"
           "differences (`palindrome gradcheck NAME`), at elements drawn from the domain in the last column.\n"
           "A composite is a function made of other operations.\n"
           "`ops/ops.h` declares the functions and their arguments.\n", n);
    printf("\n## At the edges\n\n"
           "At the end of a domain, at infinity, at ties, and at very large and small numbers, the value and the first two\n"
           "derivatives are the limits from inside the domain, if all ways to the point have the same limit.\n"
           "`tests/reference/limits.txt` lists them, computed with hundreds of digits. A test compares every elementwise\n"
           "operation, reduction and normalisation with it. Where there is no limit, the tables below name the convention.\n"
           "These hold for all:\n\n"
           "- A chain multiplies derivatives. There 0 times infinity is NaN, even if the composition has a limit.\n"
           "- At NaN a derivative is NaN, unless it is constant or chooses between constants.\n"
           "- Where a domain ends at 0, both zeros are that end: the derivative of `log` is +inf at -0 too. Elsewhere a\n"
           "  zero with a sign goes through as in C: 1/-0 is -inf, `sqrt` of -0 is -0, and `pow` of -0 is that of C.\n"
           "- Equal infinities count as equal elements. They share the derivative of a maximum, of `logsumexp` and of\n"
           "  `softmax`, and differ by 0 in `variance` and `std`.\n"
           "- Lengths of 0 have the derivative 0: `norm`, `hypot` and `std` at 0, `atan2` at the origin. Normalisations of\n"
           "  equal elements are 0; without an epsilon their derivatives are 0 too.\n"
           "- A normalisation counts an infinite element as 1 or -1 and all others of its row as 0; its derivatives are 0.\n"
           "- A sum adds first: `sum` and `mean` are infinite if the sum overflows.\n"
           "- A derivative beyond the range of its type is infinite, or NaN where several such terms are added.\n");
    /* clang-format on */
    for (size_t i = 0; (op = pal_op_at(i)); i++) {
        if (first_of_family(i)) {
            print_heading(i, "\n## %s\n\n");
            printf("| name | formula | what it is | derivative | domain checked |\n|---|---|---|---|---|\n");
        }
        printf("| `%s` | ", op->name);
        print_cell(op->formula);
        printf(" | ");
        print_cell(op->summary);
        printf(" | %s | %s |\n", derivative(op), domain(op, text, sizeof text));
    }
}

static const char *name_at(size_t i, const void *user)
{
    (void)user;
    return pal_op_at(i) ? pal_op_at(i)->name : NULL;
}

int pal_cli_ops(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&pal_cli_ops_spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    bool json = pal_cli_flag(&args, "json");
    size_t i = 0;
    while (args.n_words && pal_op_at(i) && strcmp(pal_op_at(i)->name, args.words[0]) != 0) i++;
    if (!pal_op_at(i)) {
        const char *nearest = pal_cli_nearest(args.words[0], name_at, NULL);
        return pal_cli_say(PAL_CLI_WRONG, "no operation is called %s%s%s%s (`palindrome ops` lists them)",
                           args.words[0], nearest ? ": did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
    if (json && args.n_words) {
        pal_cli_print_json(op_json(i));
    } else if (json) {
        json_t *all = json_array();
        for (i = 0; pal_op_at(i); i++) json_array_append_new(all, op_json(i));
        pal_cli_print_json(all);
    } else if (pal_cli_flag(&args, "markdown")) {
        print_markdown();
    } else if (args.n_words) {
        print_one(i);
    } else {
        print_list();
    }
    return PAL_CLI_DONE;
}
