/* plugin.c - `palindrome --load FILE`: variants, and functions to check, from a shared object.
 *
 * The object defines
 *     pal_status palindrome_register(pal_error *err);
 * which calls pal_variant_register or, for functions with hand-written derivatives, pal_function_register. The object
 * is code: it can do anything that its user is allowed to do. */
#include <dlfcn.h>
#include <string.h>

#include "cli/cli.h"

/* Whether the variant's defaults of training are values of options of `train`; if not, one line. */
static int check_training(const char *path, const pal_variant *v)
{
    pal_error err = {0};
    for (const pal_setting *s = v->training; s && s->name; s++) {
        const pal_cli_row *row = pal_cli_train_rows;
        while (row->option.name && strcmp(row->option.name, s->name) != 0) row++;
        if (!row->option.name)
            return pal_cli_say(PAL_CLI_WRONG, "--load %s: variant %s: .training has %s, which is no option of train",
                               path, v->name, s->name);
        if (pal_option_check(&row->option, s->value, &err))
            return pal_cli_say(PAL_CLI_WRONG, "--load %s: variant %s: .training: %s", path, v->name, err.text);
    }
    return PAL_CLI_GO_ON;
}

static int check_variants(const char *path)
{
    int status = PAL_CLI_GO_ON;
    const pal_variant *v;
    for (size_t i = 0; (v = pal_variant_at(i)) && status == PAL_CLI_GO_ON; i++) status = check_training(path, v);
    return status;
}

int pal_cli_load(const char *path)
{
    pal_status (*enlist)(pal_error * err) = NULL;
    pal_error err = {0};
    if (dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD)) return PAL_CLI_GO_ON; /* it has been loaded before */
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return pal_cli_say(PAL_CLI_WRONG, "--load %s: %s (write ./NAME for a file in this folder)", path, dlerror());
    void *symbol = dlsym(object, "palindrome_register");
    memcpy(&enlist, &symbol, sizeof symbol); /* a function pointer by POSIX; C does not allow the cast */
    if (!enlist)
        return pal_cli_say(PAL_CLI_WRONG, "--load %s: does not define palindrome_register: see examples/variant.c",
                           path);
    if (!enlist(&err)) return check_variants(path);
    return pal_cli_say(PAL_CLI_WRONG, "--load %s: %s", path, err.status ? err.text : "palindrome_register failed");
}
