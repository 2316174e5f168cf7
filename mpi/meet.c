/* meet.c - a TCP connection from every process to process 0.
 *
 * Process 0 listens at a free port and broadcasts by MPI where: its IPv4 addresses, the port and a secret of this job.
 * The others try the addresses in turn. The same address may be another machine's for them, where a stranger listens:
 * so both sides show a half of the secret. Then all agree by MPI whether everybody has come; it is all or none.
 *
 * Why not a connection of each with each: a thousand processes would have half a million. */
#include "mpi/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ADDRESSES = 16, SECRET = 16 };

/* In seconds: to connect to an address, to wait for an answer there, to try addresses, and to wait for all processes.
 */
static const double to_connect = 1, to_answer = 2, to_try = 4, to_come = 6;

typedef struct place {
    unsigned char asks[SECRET], answers[SECRET]; /* who connects shows the first, process 0 the second */
    char host[PALM_HOST];
    in_addr_t addresses[ADDRESSES];
    int n;
    in_port_t port; /* 0: process 0 does not listen */
} place;

typedef struct hello {
    unsigned char asks[SECRET];
    int32_t rank;
} hello;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* How long a call on the socket may wait, in seconds; 0: as long as it takes. */
static void set_patience(int socket, double seconds)
{
    const struct timeval t = {(time_t)seconds, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* A machine that has lost its power answers no probe: 6 s of silence, then a probe each 3 s, three times. */
static void keep_alive(int socket)
{
    static const struct {
        int level, name, value;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, 6},
                   {IPPROTO_TCP, TCP_KEEPINTVL, 3},
                   {IPPROTO_TCP, TCP_KEEPCNT, 3},
                   {IPPROTO_TCP, TCP_NODELAY, 1}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        setsockopt(socket, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
    set_patience(socket, 0);
}

/* ---- Process 0 -------------------------------------------------------------------------------------------------- */

static void find_addresses(place *at)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0) return;
    for (const struct ifaddrs *i = all; i && at->n < ADDRESSES; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP)) continue;
        if (i->ifa_flags & IFF_LOOPBACK) continue;
        struct sockaddr_in address;
        memcpy(&address, i->ifa_addr, sizeof address);
        at->addresses[at->n++] = address.sin_addr.s_addr;
    }
    freeifaddrs(all);
}

/* Returns the socket that listens and fills in where; -1: there is none. */
static int listen_somewhere(int size, place *at)
{
    unsigned char secrets[2 * SECRET];
    if (getrandom(secrets, sizeof secrets, 0) != (ssize_t)sizeof secrets) return -1;
    memcpy(at->asks, secrets, SECRET);
    memcpy(at->answers, secrets + SECRET, SECRET);
    if (gethostname(at->host, sizeof at->host - 1) != 0) at->host[0] = '\0';
    find_addresses(at);

    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return -1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t length = sizeof any;
    if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, size) != 0 ||
        getsockname(listener, (struct sockaddr *)&any, &length) != 0) {
        close(listener);
        return -1;
    }
    at->port = any.sin_port;
    return listener;
}

/* Lets one process in. Returns its number; 0: it was none of ours, or came twice. */
static int let_in(int listener, int size, const place *at, int *sockets)
{
    const int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) return 0;
    set_patience(socket, to_answer);
    hello said;
    const bool ours = recv(socket, &said, sizeof said, MSG_WAITALL) == (ssize_t)sizeof said &&
                      memcmp(said.asks, at->asks, SECRET) == 0 && said.rank > 0 && said.rank < size;
    if (!ours || sockets[said.rank] >= 0 || send(socket, at->answers, SECRET, MSG_NOSIGNAL) != SECRET) {
        close(socket);
        return 0;
    }
    keep_alive(socket);
    sockets[said.rank] = socket;
    return said.rank;
}

static bool let_all_in(int listener, int size, const place *at, int *sockets)
{
    const double end = now() + to_come;
    for (int missing = size - 1; missing > 0;) {
        const double left = end - now();
        struct pollfd p = {.fd = listener, .events = POLLIN};
        if (left <= 0 || (poll(&p, 1, (int)(left * 1e3) + 1) < 0 && errno != EINTR)) return false;
        if (p.revents && let_in(listener, size, at, sockets) > 0) missing--;
    }
    return true;
}

/* ---- The others ------------------------------------------------------------------------------------------------- */

/* Returns the connection to process 0 at this address; -1: it is not there. */
static int go_to(in_addr_t address, int rank, const place *at)
{
    const int it = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (it < 0) return -1;
    set_patience(it, to_connect);
    const struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = at->port, .sin_addr.s_addr = address};
    hello mine = {.rank = rank};
    memcpy(mine.asks, at->asks, SECRET);
    unsigned char answer[SECRET];
    bool ours = connect(it, (const struct sockaddr *)&there, sizeof there) == 0;
    set_patience(it, to_answer);
    ours = ours && send(it, &mine, sizeof mine, MSG_NOSIGNAL) == (ssize_t)sizeof mine &&
           recv(it, answer, SECRET, MSG_WAITALL) == SECRET && memcmp(answer, at->answers, SECRET) == 0;
    if (!ours) {
        close(it);
        return -1;
    }
    keep_alive(it);
    return it;
}

static int go(int rank, const place *at)
{
    char host[PALM_HOST] = "";
    const double end = now() + to_try;
    int found = -1;
    if (!at->port) return -1;
    if (gethostname(host, sizeof host - 1) == 0 && strcmp(host, at->host) == 0)
        found = go_to(htonl(INADDR_LOOPBACK), rank, at);
    for (int i = 0; i < at->n && found < 0 && now() < end; i++) found = go_to(at->addresses[i], rank, at);
    return found;
}

bool palm__meet(MPI_Comm comm, int rank, int size, int *sockets)
{
    const int n = rank == 0 ? size : 1;
    for (int i = 0; i < n; i++) sockets[i] = -1;
    place at = {.port = 0};
    const int listener = rank == 0 ? listen_somewhere(size, &at) : -1;
    int mine = 0, all = 0;
    if (MPI_Bcast(&at, (int)sizeof at, MPI_BYTE, 0, comm) == MPI_SUCCESS) {
        if (rank > 0)
            mine = (sockets[0] = go(rank, &at)) >= 0;
        else
            mine = listener >= 0 && let_all_in(listener, size, &at, sockets);
        if (MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, comm) != MPI_SUCCESS) all = 0;
    }
    if (listener >= 0) close(listener);
    for (int i = 0; i < n && !all; i++) {
        if (sockets[i] >= 0) close(sockets[i]);
        sockets[i] = -1;
    }
    return all;
}
