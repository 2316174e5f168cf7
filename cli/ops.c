/* ops.c - palindrome ops: the operations. */
#include <string.h>

#include "cli/cli.h"
#include "ops/ops.h"

static const pal_cli_row rows[] = {PAL_CLI_JSON, {{.name = NULL}, NULL, NULL, 0}};
static const pal_cli_spec spec = {"", "The operations that can be recorded on a tape.", rows, 0, 0, NULL, false};

static const char *const classes[PAL_CLASS_COUNT] = {
    [PAL_CLASS_LEAF] = "leaf",       [PAL_CLASS_CONSTANT] = "constant", [PAL_CLASS_ELEMENTWISE] = "elementwise",
    [PAL_CLASS_RANDOM] = "random",   [PAL_CLASS_MOVEMENT] = "movement", [PAL_CLASS_REDUCTION] = "reduction",
    [PAL_CLASS_PRODUCT] = "product", [PAL_CLASS_INDEX] = "index",       [PAL_CLASS_REGION] = "region",
    [PAL_CLASS_EFFECT] = "effect",   [PAL_CLASS_OPAQUE] = "opaque",     [PAL_CLASS_COMPOSITE] = "composite",
};

/* In one operand at least, by a rule. */
static bool differentiable(const pal_op *op)
{
    for (int i = 0; i < 3; i++)
        if (op->derivative[i] == PAL_HAS_RULE) return true;
    return false;
}

static int print_json(void)
{
    const pal_op *op;
    json_t *all = json_array();
    for (size_t i = 0; (op = pal_op_at(i)); i++)
        json_array_append_new(all, json_pack("{s:s, s:i, s:s, s:b, s:s?, s:s?}", "name", op->name, "arity", op->arity,
                                             "class", classes[op->op_class], "differentiable", differentiable(op),
                                             "formula", op->formula, "summary", op->summary));
    pal_cli_print_json(all);
    return PAL_CLI_DONE;
}

int pal_cli_ops(int argc, char **argv)
{
    pal_cli_args args;
    int status = pal_cli_parse(&spec, argc, argv, &args);
    if (status != PAL_CLI_GO_ON) return status;
    if (pal_cli_flag(&args, "json")) return print_json();
    const pal_op *op;
    printf("%-18s %5s  %-12s %-5s  %s\n", "operation", "arity", "class", "grad", "formula");
    for (size_t i = 0; (op = pal_op_at(i)); i++) {
        char arity[16] = "any";
        if (op->arity >= 0) snprintf(arity, sizeof arity, "%d", op->arity);
        printf("%-18s %5s  %-12s %-5s  %s%s%s\n", op->name, arity, classes[op->op_class],
               differentiable(op) ? "yes" : "-", op->formula ? op->formula : "", op->formula && op->summary ? "; " : "",
               op->summary ? op->summary : "");
    }
    return PAL_CLI_DONE;
}
