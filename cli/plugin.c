/* plugin.c - `palindrome --load FILE`: variants, and functions to check, from a shared object.
 *
 * The object defines
 *     pal_status palindrome_register(pal_error *err);
 * which calls pal_variant_register or, for functions with hand-written derivatives, pal_function_register. The object
 * is code: it can do anything that its user is allowed to do. */
#include <dlfcn.h>
#include <string.h>

#include "cli/cli.h"

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
    if (!enlist(&err)) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--load %s: %s", path, err.status ? err.text : "palindrome_register failed");
}
