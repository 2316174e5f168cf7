/* plugin.c - variants, and functions to check, from a shared object: `palindrome --load FILE`, and what source.c has
 * compiled.
 *
 * The object defines
 *     pal_status palindrome_register(pal_error *err);
 * which calls pal_variant_register or, for functions with hand-written derivatives, pal_function_register. The object
 * is code: it can do anything that its user is allowed to do. */
#include <dlfcn.h>
#include <string.h>

#include "cli/cli.h"

/* Whether the variant's defaults of training are values of options of `train`; if not, one line. */
static int check_training(const char *said, const pal_variant *v)
{
    pal_error err = {0};
    for (const pal_setting *s = v->training; s && s->name; s++) {
        const pal_cli_row *row = pal_cli_train_rows;
        while (row->option.name && strcmp(row->option.name, s->name) != 0) row++;
        if (!row->option.name)
            return pal_cli_say(PAL_CLI_WRONG, "%s: variant %s: .training has %s, which is no option of train", said,
                               v->name, s->name);
        if (pal_option_check(&row->option, s->value, &err))
            return pal_cli_say(PAL_CLI_WRONG, "%s: variant %s: .training: %s", said, v->name, err.text);
    }
    return PAL_CLI_GO_ON;
}

static int check_variants(const char *said)
{
    int status = PAL_CLI_GO_ON;
    const pal_variant *v;
    for (size_t i = 0; (v = pal_variant_at(i)) && status == PAL_CLI_GO_ON; i++) status = check_training(said, v);
    return status;
}

/* said: what the messages begin with. help: what they end with if the object cannot be opened. */
static int load(const char *path, const char *said, const char *help)
{
    pal_status (*enlist)(pal_error * err) = NULL;
    pal_error err = {0};
    if (dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD)) return PAL_CLI_GO_ON; /* it has been loaded before */
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) return pal_cli_say(PAL_CLI_WRONG, "%s: %s (%s)", said, dlerror(), help);
    void *symbol = dlsym(object, "palindrome_register");
    memcpy(&enlist, &symbol, sizeof symbol); /* a function pointer by POSIX; C does not allow the cast */
    if (!enlist)
        return pal_cli_say(PAL_CLI_WRONG,
                           "%s: does not define palindrome_register: end the file with PAL_VARIANT_FILE(NAME), as "
                           "examples/variant.c does",
                           said);
    if (!enlist(&err)) return check_variants(said);
    return pal_cli_say(PAL_CLI_WRONG, "%s: %s", said, err.status ? err.text : "palindrome_register failed");
}

int pal_cli_load(const char *path)
{
    char said[PAL_CLI_PATH];
    snprintf(said, sizeof said, "--load %.4000s", path);
    return load(path, said, "write ./NAME for a file in this folder");
}

int pal_cli_load_object(const char *path, const char *word)
{
    return load(path, word,
                "a function that the library does not have? a folder that may hold no programs: set "
                "XDG_CACHE_HOME to another");
}
