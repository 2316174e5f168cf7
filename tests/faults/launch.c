/* launch.c - runs the program once, with one fault: an allocation through the interposed object, or a system call
 * through ptrace.
 *
 * The interposed object stops the program before main. From there the tracer sees each system call when it begins and
 * when it ends. A call that fails is replaced by one that does not exist, and its answer by the error. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <unistd.h>

#include "faults.h"

enum { CPU_SECONDS = 4, WALL_SECONDS = 120 };

static volatile pid_t child;
static volatile sig_atomic_t late;

static void on_alarm(int number)
{
    (void)number;
    late = 1;
    if (child) kill(child, SIGKILL);
}

static void redirect(const char *path, int to)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
    close(fd);
}

void faults_start(struct faults_place *p, unsigned number)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(p->folder, sizeof p->folder, "%s/faults-%u-XXXXXX", tmp ? tmp : "/tmp", number);
    if (!p->program || !p->object || !mkdtemp(p->folder)) faults_die("start");
    snprintf(p->work, sizeof p->work, "%s/work", p->folder);
    snprintf(p->out, sizeof p->out, "%s/out", p->folder);
    snprintf(p->err, sizeof p->err, "%s/err", p->folder);
    if (mkdir(p->work, 0777)) faults_die(p->work);
    p->report_fd = memfd_create("faults", 0);
    if (p->report_fd < 0 || ftruncate(p->report_fd, sizeof *p->report)) faults_die("memfd_create");
    p->report = mmap(NULL, sizeof *p->report, PROT_READ | PROT_WRITE, MAP_SHARED, p->report_fd, 0);
    if (p->report == MAP_FAILED) faults_die("mmap");
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_CORETYPE", "auto", 1); /* no restart of the program, which would lose the interposed object */
    setenv("LC_ALL", "C", 1);
    setenv("HOME", p->work, 1); /* for the objects of C files */
    unsetenv("XDG_CACHE_HOME");
}

void faults_end_all(const struct faults_place *p) { faults_folder_remove(p->folder); }

/* In the new process. Does not return. */
static void become(const struct faults_place *place, const char *command, const struct faults_plan *plan)
{
    char words[4096], number[64], *argv[FAULTS_ARGS + 2] = {(char *)(uintptr_t) "palindrome"};
    int n = 1;
    snprintf(words, sizeof words, "%s", command);
    char *rest, *input = NULL;
    for (char *word = strtok_r(words, " ", &rest); word && n <= FAULTS_ARGS; word = strtok_r(NULL, " ", &rest)) {
        if (*word == '<')
            input = word + 1;
        else
            argv[n++] = word;
    }
    if (chdir(place->work)) _exit(126);
    const int in = open(input ? input : "/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0) _exit(126);
    close(in);
    redirect(place->out, 1);
    redirect(place->err, 2);
    const struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS + 2}, core = {0, 0};
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &core);
    setenv("LD_PRELOAD", place->object, 1);
    snprintf(number, sizeof number, "%d", place->report_fd);
    setenv("FAULTS_REPORT", number, 1);
    if (plan->kind == FAULTS_ALLOC) {
        snprintf(number, sizeof number, "%llu%s", (unsigned long long)plan->at,
                 plan->for_ever               ? "+"
                 : plan->error == FAULTS_KILL ? "!"
                                              : "");
        setenv("FAULTS_ALLOC", number, 1);
        if (plan->stack) setenv("FAULTS_STOP", "1", 1);
        if (plan->crash) setenv("FAULTS_TRACE", "1", 1);
    } else if (plan->kind == FAULTS_ROOM) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)faults_room(plan->at));
        setenv("FAULTS_ROOM", number, 1);
        if (plan->crash) setenv("FAULTS_TRACE", "1", 1);
    } else if (plan->kind >= 0 || plan->traced) {
        setenv("FAULTS_TRACE", "1", 1);
    }
    execv(place->program, argv);
    _exit(127);
}

/* ---- What a system call is about ------------------------------------------------------------------------------ */

static const char *link_of(pid_t pid, uint64_t fd, char *out, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)pid, (int)fd);
    const ssize_t n = readlink(name, out, size - 1);
    out[n > 0 ? n : 0] = 0;
    return out;
}

static const char *text_of(pid_t pid, uint64_t at, char *out, size_t size)
{
    struct iovec to = {out, size - 1}, from = {(void *)(uintptr_t)at, size - 1};
    const ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);
    out[n > 0 ? n : 0] = 0;
    return out;
}

static void describe(pid_t pid, int kind, uint64_t number, const uint64_t args[6], char *out)
{
    char text[160] = "";
    const bool at = number == SYS_openat || number == SYS_newfstatat || number == SYS_unlinkat ||
                    number == SYS_renameat || number == SYS_renameat2 || number == SYS_mkdirat ||
                    number == SYS_faccessat || number == SYS_faccessat2 || number == SYS_readlinkat ||
                    number == SYS_statx;
    bool by_name = at;
    switch (kind) {
    case FAULTS_OPEN:
    case FAULTS_CREATE:
    case FAULTS_RENAME:
    case FAULTS_UNLINK:
    case FAULTS_MKDIR:
    case FAULTS_ACCESS:
        by_name = true;
        break;
    case FAULTS_MAP:
    case FAULTS_SPAWN:
    case FAULTS_WAIT:
    case FAULTS_PIPE:
    case FAULTS_LINK:
        snprintf(out, FAULTS_WHAT, "%s, call %d", faults_kind_name(kind), (int)number);
        if (number == SYS_mmap) snprintf(text, sizeof text, ", of %llu bytes", (unsigned long long)args[1]);
        strcat(out, text);
        return;
    default:
        break;
    }
    if (by_name) text_of(pid, args[at ? 1 : 0], text, sizeof text);
    if (!*text) link_of(pid, args[0], text, sizeof text);
    snprintf(out, FAULTS_WHAT, "%s, call %d, of %s", faults_kind_name(kind), (int)number, text);
}

static void print_stack(pid_t pid)
{
    char command[128];
    snprintf(command, sizeof command, "gdb -q -batch -ex 'bt 14' -p %d 2>/dev/null | grep -v '^\\[\\|^warning' >&2",
             (int)pid);
    if (system(command)) fprintf(stderr, "gdb fails\n");
    kill(pid, SIGCONT);
}

/* ---- The tracer ----------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
#define REGISTER(name) offsetof(struct user_regs_struct, name)
static void set_number(pid_t pid, uint64_t value) { ptrace(PTRACE_POKEUSER, pid, REGISTER(orig_rax), value); }
static void set_answer(pid_t pid, uint64_t value) { ptrace(PTRACE_POKEUSER, pid, REGISTER(rax), value); }
static void set_first(pid_t pid, uint64_t value) { ptrace(PTRACE_POKEUSER, pid, REGISTER(rdi), value); }
static void set_third(pid_t pid, uint64_t value) { ptrace(PTRACE_POKEUSER, pid, REGISTER(rdx), value); }
#else
#error "the registers of this processor are not known: build without tests/faults"
#endif

/* Makes the call that begins fail. Returns the answer to give when it ends, or 0: its own. changed: whether arguments
 * have to be restored then, because the program may go on to use the registers. */
static int spoil(pid_t pid, int kind, int error, uint64_t number, const uint64_t args[6], bool *changed)
{
    *changed = error == FAULTS_SHORT || number == SYS_brk;
    if (error == FAULTS_KILL) {
        kill(pid, SIGKILL);
    } else if (error == FAULTS_SHORT) {
        if (args[2] > 1 && number != SYS_readv && number != SYS_writev && number != SYS_sendmsg)
            set_third(pid, args[2] / 2);
    } else if (number == SYS_brk) {
        set_first(pid, 0); /* answers the end as it is, which says that it did not move */
    } else {
        if (kind != FAULTS_CLOSE) set_number(pid, (uint64_t)-1); /* a descriptor is closed in any case */
        return error;
    }
    return 0;
}

/* Leaves the program to gdb, and waits for its end. */
static void show(pid_t pid, int *status)
{
    ptrace(PTRACE_DETACH, pid, 0, SIGSTOP);
    print_stack(pid);
    waitpid(pid, status, 0);
}

static void trace(pid_t pid, const struct faults_plan *plan, struct faults_end *end)
{
    int answer = 0;
    bool told = false, changed = false;
    uint64_t args[6] = {0};
    while (waitpid(pid, &end->status, 0) == pid) {
        if (!WIFSTOPPED(end->status)) return;
        int signal_number = WSTOPSIG(end->status);
        if (!told) {
            ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
            told = true;
            signal_number = 0;
        } else if (signal_number == (SIGTRAP | 0x80)) {
            struct ptrace_syscall_info info;
            signal_number = 0;
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_EXIT && answer) {
                set_answer(pid, (uint64_t)-answer);
                answer = 0;
            }
            if (info.op == PTRACE_SYSCALL_INFO_EXIT && changed) {
                set_first(pid, args[0]);
                set_third(pid, args[2]);
                changed = false;
            }
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY) memcpy(args, info.entry.args, sizeof args);
            const int kind = info.op == PTRACE_SYSCALL_INFO_ENTRY ? faults_kind_of(info.entry.nr, args) : -1;
            const uint64_t n = kind >= 0 ? ++end->counts[kind] : 0;
            if (kind >= 0 && kind == plan->kind && (plan->for_ever ? n >= plan->at : n == plan->at)) {
                const bool first = !end->failed;
                if (first) describe(pid, kind, info.entry.nr, args, end->what);
                end->failed = true;
                if (first && plan->stack) {
                    show(pid, &end->status);
                    return;
                }
                end->muted |= kind == FAULTS_WRITE && args[0] == 2 && plan->error > 0 && plan->error != EINTR;
                answer = spoil(pid, kind, plan->error, info.entry.nr, args, &changed);
            }
            if (end->failed && !answer && !changed && !plan->for_ever && plan->error != FAULTS_KILL && !plan->crash) {
                ptrace(PTRACE_DETACH, pid, 0, 0);
                waitpid(pid, &end->status, 0);
                return;
            }
        }
        if (plan->crash && (signal_number == SIGSEGV || signal_number == SIGABRT || signal_number == SIGBUS)) {
            show(pid, &end->status);
            return;
        }
        ptrace(PTRACE_SYSCALL, pid, 0, signal_number);
    }
}

void faults_launch(const struct faults_place *place, const char *command, const struct faults_plan *plan,
                   struct faults_end *end)
{
    *end = (struct faults_end){.status = 0};
    place->report->allocations = place->report->failed = 0;
    place->report->began = 0;
    place->report->caller[0] = 0;
    late = 0;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    const pid_t pid = fork();
    if (pid < 0) faults_die("fork");
    if (!pid) become(place, command, plan);
    child = pid;
    if (plan->kill_after > 0) { /* the alarm is what kills it */
        const long micro = (long)(1e6 * plan->kill_after);
        setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {micro / 1000000, micro % 1000000 + 1}}, NULL);
    } else {
        alarm(WALL_SECONDS);
    }
    if (plan->kind >= FAULTS_KINDS ? plan->crash : plan->kind >= 0 || plan->traced) {
        trace(pid, plan, end);
    } else {
        if (plan->stack && waitpid(pid, &end->status, WUNTRACED) == pid && WIFSTOPPED(end->status)) print_stack(pid);
        if (!plan->stack || WIFSTOPPED(end->status)) waitpid(pid, &end->status, 0);
    }
    alarm(0);
    child = 0;
    end->pid = pid;
    end->hung = (late && !(plan->kill_after > 0)) || (WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGXCPU);
    end->began = place->report->began;
    end->counts[FAULTS_ALLOC] = place->report->allocations;
    snprintf(end->caller, sizeof end->caller, "%.200s", place->report->caller);
    if (plan->kind == FAULTS_ALLOC) end->failed = place->report->failed > 0;
    if (plan->kind == FAULTS_ROOM) end->failed = true;
    if (!*end->what && *end->caller) snprintf(end->what, sizeof end->what, "memory for %.200s", end->caller);
}
