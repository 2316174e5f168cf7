/* loaded.c LIBRARY - a program that is linked with nothing of Palindrome or MPI loads the library, as one with
 * libpalindrome.a does. Each process sends its number to the next one. */
#include "mpi/mpi.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pal_error err = {0};
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    pal_communicator *(*open)(pal_error *) = NULL;
    if (library) *(void **)&open = dlsym(library, "pal_mpi_open");
    if (!open) {
        printf("FAILED: %s\n", argc > 1 ? dlerror() : "no library is named");
        return 1;
    }
    pal_communicator *c = open(&err);
    if (!c) {
        printf("FAILED: %s\n", err.text);
        return 1;
    }
    int in = -1, done = 0;
    const int rank = c->rank, size = c->size, from = (rank + size - 1) % size;
    const int ticket = c->start(c->self, (rank + 1) % size, &rank, from, &in, sizeof in, 0);
    while ((done = c->test(c->self, ticket)) == 0) {
    }
    if (done < 0) printf("FAILED: %s\n", c->why(c->self));
    c->close(c, done < 0);
    if (rank == 0) printf("%d passed, %d failed\n", in == from, in != from);
    return in != from;
}
