/* plugin.c - `palindrome --load FILE`: variants from a shared object that defines
 *     pal_status palindrome_register(pal_error *err);
 * and there calls pal_variant_register. What is loaded is code: it may do anything that its user may. */
#include <dlfcn.h>
#include <string.h>

#include "cli/cli.h"

int pal_cli_load(const char *path)
{
    pal_status (*enlist)(pal_error * err) = NULL;
    pal_error err = {0};
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) return pal_cli_say(PAL_CLI_WRONG, "--load %s: %s (a file here is ./NAME)", path, dlerror());
    void *symbol = dlsym(object, "palindrome_register");
    memcpy(&enlist, &symbol, sizeof symbol); /* POSIX lets it be a function's; C does not let it be cast */
    if (!enlist)
        return pal_cli_say(PAL_CLI_WRONG, "--load %s: it defines no palindrome_register: see examples/variant.c", path);
    if (!enlist(&err)) return PAL_CLI_GO_ON;
    return pal_cli_say(PAL_CLI_WRONG, "--load %s: %s", path, err.status ? err.text : "it did not register");
}
