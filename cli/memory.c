/* memory.c - how much memory a command may take: --max-memory, or what the machine has.
 *
 * The limit is that of the context, so every command that computes holds it. `train` also says beforehand what it
 * needs, and refuses what the limit does not allow before it makes a model or a folder. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/processes.h"
#include "cli/train.h"

/* The limit of this process, for messages: a command has one. */
static char limit_text[96];

/* A number and K, M, G or T, powers of 1024. */
static bool read_size(const char *text, size_t *out)
{
    char *end;
    errno = 0;
    const double number = strtod(text, &end);
    const char *units = "KMGT", *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (end == text || errno || !isdigit((unsigned char)*text) || (*end && (!unit || end[1]))) return false;
    double bytes = number;
    for (const char *u = units; unit && u <= unit; u++) bytes *= 1024;
    if (!(bytes >= 1) || bytes > 1e18) return false;
    *out = (size_t)bytes;
    return true;
}

const char *pal_cli_size(size_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t i = 0;
    for (; value >= 999.5 && i + 1 < sizeof units / sizeof *units; i++) value /= 1024;
    snprintf(out, size, value < 9.95 && i ? "%.1f %s" : "%.0f %s", value, units[i]);
    return out;
}

static size_t number_in(const char *path)
{
    char text[64] = "";
    const int file = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (file < 0) return 0;
    const ssize_t got = TEMP_FAILURE_RETRY(read(file, text, sizeof text - 1));
    close(file);
    return got > 0 ? (size_t)strtoull(text, NULL, 10) : 0; /* "max" reads as 0: no limit */
}

/* What the machine has, or the control group of this process if that is less. 0: not known. */
static size_t of_machine(void)
{
    struct sysinfo info;
    size_t most = sysinfo(&info) ? 0 : (size_t)info.totalram * info.mem_unit;
    static const char *const files[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const size_t group = number_in(files[i]);
        if (group && (!most || group < most)) most = group;
    }
    return most;
}

int pal_cli_memory_limit(const pal_cli_args *args, size_t *out)
{
    char size[32];
    const char *given = pal_cli_given(args, "max-memory");
    if (given && !read_size(given, out))
        return pal_cli_say(PAL_CLI_WRONG, "--max-memory %s: give a size, such as 500M or 2G", given);
    const int here = pal_cli_processes()->here; /* those of one machine share its memory */
    if (!given) *out = of_machine() / (size_t)(here > 1 ? here : 1);
    pal_cli_size(*out, size, sizeof size);
    if (given || here <= 1)
        snprintf(limit_text, sizeof limit_text, given ? "--max-memory allows %s" : "this machine has %s", size);
    else
        snprintf(limit_text, sizeof limit_text, "this machine has %s for each of its %d processes", size, here);
    return PAL_CLI_GO_ON;
}

const char *pal_cli_memory_words(void) { return limit_text; }

int pal_cli_check_memory(const pal_cli_args *args, const pal_cli_planned *p, char words[PAL_CLI_MEMORY_WORDS])
{
    pal_train_memory m;
    pal_error err = {0};
    char total[32], weights[32], moments[32], arena[32], data[32], buffers[32], line[288];
    size_t limit = 0;
    *words = 0;
    int status = pal_cli_memory_limit(args, &limit);
    if (status != PAL_CLI_GO_ON) return status;
    if (pal_train_memory_of(p->variant, p->settings, p->n_settings, PAL_F32, p->train, p->options, &m, &err))
        return err.status == PAL_ERR_MEMORY ? pal_cli_say_error(&err)
                                            : PAL_CLI_GO_ON; /* training will say it in its own order */
    snprintf(line, sizeof line, "%s%s: weights %s, moments %s, step %s, data %s, other %s",
             pal_cli_size(m.total, total, sizeof total), pal_cli_process_count() > 1 ? " in each process" : "",
             pal_cli_size(m.weights, weights, sizeof weights), pal_cli_size(m.moments, moments, sizeof moments),
             pal_cli_size(m.arena, arena, sizeof arena), pal_cli_size(m.data, data, sizeof data),
             pal_cli_size(m.buffers, buffers, sizeof buffers));
    if (limit && m.total > limit) { /* the part that does not fit whatever else is lowered */
        const char *lower = m.data >= limit                           ? "--limit"
                            : m.data + m.weights + m.moments >= limit ? "the sizes of the layers (--hidden, --layers)"
                                                                      : "--batch";
        return pal_cli_say(PAL_CLI_WRONG, "not enough memory: %s, but training needs %s; lower %s", limit_text, line,
                           lower);
    }
    snprintf(words, PAL_CLI_MEMORY_WORDS, "memory %s", line);
    return PAL_CLI_GO_ON;
}

void pal_cli_say_memory(const pal_cli_job *j)
{
    const int width = pal_cli_width();
    pal_cli_wrap(2, 2, width > 1 ? width - 1 : pal_cli_is_terminal(STDOUT_FILENO) ? 79 : 0, j->memory);
    fflush(stdout);
}
