/* calls.c - the system calls that are made to fail, and what they answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "faults.h"

static const struct {
    const char *name;
    int errors[5]; /* ends with 0 */
} kinds[] = {
#define CALL(kind, name, ...) {name, {__VA_ARGS__}},
#include "calls.def"
#undef CALL
    {"alloc", {ENOMEM}},
    {"room", {ENOMEM}},
};

/* clang-format off */
static const struct { int error; const char *name; } names[] = {
    {EACCES, "EACCES"}, {EMFILE, "EMFILE"}, {EIO,    "EIO"},    {EINTR, "EINTR"}, {ENOSPC, "ENOSPC"},
    {ENOMEM, "ENOMEM"}, {ENOLCK, "ENOLCK"}, {EAGAIN, "EAGAIN"}, {EPIPE, "EPIPE"}, {FAULTS_SHORT, "short"},
    {FAULTS_KILL, "kill"},
};

static const struct { long number; int kind; } numbers[] = {
#ifdef SYS_open
    {SYS_open, FAULTS_OPEN},     {SYS_creat, FAULTS_OPEN},    {SYS_rename, FAULTS_RENAME}, {SYS_unlink, FAULTS_UNLINK},
    {SYS_rmdir, FAULTS_UNLINK},  {SYS_mkdir, FAULTS_MKDIR},   {SYS_stat, FAULTS_STAT},     {SYS_lstat, FAULTS_STAT},
    {SYS_access, FAULTS_ACCESS}, {SYS_readlink, FAULTS_LINK}, {SYS_vfork, FAULTS_SPAWN},   {SYS_fork, FAULTS_SPAWN},
    {SYS_pipe, FAULTS_PIPE},     {SYS_dup2, FAULTS_PIPE},
#endif
    {SYS_openat, FAULTS_OPEN},       {SYS_read, FAULTS_READ},          {SYS_pread64, FAULTS_READ},
    {SYS_readv, FAULTS_READ},        {SYS_write, FAULTS_WRITE},        {SYS_pwrite64, FAULTS_WRITE},
    {SYS_writev, FAULTS_WRITE},      {SYS_fsync, FAULTS_SYNC},         {SYS_fdatasync, FAULTS_SYNC},
    {SYS_close, FAULTS_CLOSE},       {SYS_renameat, FAULTS_RENAME},    {SYS_renameat2, FAULTS_RENAME},
    {SYS_unlinkat, FAULTS_UNLINK},   {SYS_mkdirat, FAULTS_MKDIR},      {SYS_newfstatat, FAULTS_STAT},
    {SYS_fstat, FAULTS_STAT},        {SYS_statx, FAULTS_STAT},         {SYS_faccessat, FAULTS_ACCESS},
    {SYS_faccessat2, FAULTS_ACCESS}, {SYS_ftruncate, FAULTS_TRUNCATE}, {SYS_truncate, FAULTS_TRUNCATE},
    {SYS_lseek, FAULTS_SEEK},        {SYS_mmap, FAULTS_MAP},           {SYS_mremap, FAULTS_MAP},
    {SYS_mprotect, FAULTS_MAP},      {SYS_brk, FAULTS_MAP},            {SYS_flock, FAULTS_LOCK},
    {SYS_getdents64, FAULTS_LIST},   {SYS_readlinkat, FAULTS_LINK},    {SYS_getcwd, FAULTS_LINK},
    {SYS_clone, FAULTS_SPAWN},       {SYS_clone3, FAULTS_SPAWN},       {SYS_wait4, FAULTS_WAIT},
    {SYS_pipe2, FAULTS_PIPE},        {SYS_socketpair, FAULTS_PIPE},    {SYS_dup, FAULTS_PIPE},
    {SYS_dup3, FAULTS_PIPE},         {SYS_fcntl, FAULTS_PIPE},         {SYS_sendto, FAULTS_SEND},
    {SYS_sendmsg, FAULTS_SEND},
};
/* clang-format on */

const char *faults_kind_name(int kind) { return kind < 0 ? "none" : kinds[kind].name; }

int faults_kind_find(const char *name)
{
    for (int i = 0; i <= FAULTS_ROOM; i++)
        if (!strcmp(kinds[i].name, name)) return i;
    return -1;
}

const char *faults_error_name(int error, char *out, size_t size)
{
    snprintf(out, size, "%d", error);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error) return names[i].name;
    return out;
}

int faults_error_find(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].name, name)) return names[i].error;
    return 0;
}

size_t faults_errors(int kind, const int **errors)
{
    size_t n = 0;
    *errors = kinds[kind].errors;
    while (n < sizeof kinds->errors / sizeof *kinds->errors && kinds[kind].errors[n]) n++;
    return n;
}

/* A call that is interrupted for ever would have to be repeated for ever. */
bool faults_lasts(int kind, int error)
{
    (void)kind;
    return error != EINTR && error != FAULTS_KILL;
}

int faults_kind_of(uint64_t number, const uint64_t args[6])
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if ((uint64_t)numbers[i].number != number) continue;
        if (numbers[i].number == SYS_fcntl) return args[1] == F_DUPFD_CLOEXEC || args[1] == F_DUPFD ? FAULTS_PIPE : -1;
        const bool at = numbers[i].number == SYS_openat;
        if (numbers[i].kind == FAULTS_OPEN && (args[at ? 2 : 1] & O_CREAT)) return FAULTS_CREATE;
        return numbers[i].kind;
    }
    return -1;
}

/* From 4 KB to about 300 MB, each a tenth more than the one before. */
uint64_t faults_room(uint64_t step)
{
    uint64_t bytes = 4096;
    while (--step) bytes += bytes / 10;
    return bytes;
}
