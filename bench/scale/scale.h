/* scale.h - what the files of bench_scale and of the simulation share: costs that were measured, a network, the model.
 *
 * Nothing here needs the library, so that simulated.c can be compiled with these files alone. Times are in seconds. */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MOST_MESSAGES = 64, MOST_SIZES = 16, MOST_COSTS = 16, MOST_PROCESSES = 1024, MOST_EXCHANGES = 20 };

/* ---- Costs: costs.c --------------------------------------------------------------------------------------------- */

typedef struct message {
    double bytes, ready; /* ready: after the step began */
} message;

typedef struct sized {    /* one process, one shard of so many rows */
    double rows, compute; /* compute: forward and backward */
    double look;          /* between two looks at the messages, of the time in which one falls: as long as a step is */
    message messages[MOST_MESSAGES];
} sized;

typedef struct costs { /* of one workload */
    char name[32];
    double batch, update; /* update: of all weights */
    size_t n_messages, n_sizes;
    sized sizes[MOST_SIZES]; /* rows ascend */
} costs;

typedef struct machine {
    double sum; /* for each byte of a sum that another process sends */
    size_t n;
    costs workloads[MOST_COSTS];
} machine;

/* Reads what costs_write has written. False: the reason has been printed. */
bool costs_read(const char *path, machine *out);
void costs_write_head(FILE *out, double sum);
void costs_write(FILE *out, const costs *c);
/* Costs for any number of rows: on the line between two sizes, or on the line through the last two. */
void costs_at(const costs *c, double rows, sized *out);
double costs_bytes(const costs *c);

/* ---- The model: model.c ----------------------------------------------------------------------------------------- */

typedef struct network {
    const char *name;
    double latency, bandwidth; /* of a message between two processes; bytes a second, each way */
    /* Processes of one rack, whose messages pass one switch; 0: all. A message to another rack takes far_latency. All
     * processes of a rack together reach others with `share` of their bandwidth. */
    int rack;
    double far_latency, share;
    double busy;   /* bytes a second, each way, while the process computes; 0: bandwidth */
    double copy;   /* time of the processor for each byte that it sends and receives */
    double sum;    /* as in machine */
    double agreed; /* bytes: for a larger message both processes look first, so that it does not come unexpected */
    double bucket; /* bytes: larger messages go alone, smaller ones between them together */
    double halves; /* bytes: from here on by halves */
    bool whole;    /* every process updates all weights; else a message that goes alone is updated in parts */
} network;

/* The networks that files NAME.xml describe for the simulation; the last one has no name. */
extern const network networks[];

typedef struct step_time {
    double compute, waiting, update, all; /* compute: with the sums and copies that go on meanwhile, without updates */
} step_time;

typedef struct schedule { /* pass: the end of forward and backward; when a message begins, when its sum is there, its
                             update, and when its weights are there */
    size_t n;
    double pass;
    message buckets[MOST_MESSAGES];
    double begin[MOST_MESSAGES], end[MOST_MESSAGES], update[MOST_MESSAGES], updated[MOST_MESSAGES],
        there[MOST_MESSAGES];
} schedule;

/* One exchange: with the process whose number differs by `distance`. summed: of the bytes that come. */
typedef struct exchange {
    int distance;
    double bytes, summed;
} exchange;

typedef struct exchanges {
    exchange all[MOST_EXCHANGES];
    size_t n, sum; /* sum: so many until this process has its sum; the others come after its update */
    double part;   /* of the update, that this process computes */
} exchanges;

/* The messages in the order in which they are ready. Small ones that follow each other are joined: such a bucket is
 * ready with the last message in it. Returns how many there are. */
size_t model_buckets(const sized *s, size_t n, double most, message out[MOST_MESSAGES]);
/* When, in forward and backward, nothing reads the old weight of bucket i any more: when the next gradient is ready. */
double model_free(const sized *s, size_t n, const message *bucket);
/* For so many times `look` an exchange waits for looks, in forward and backward. */
double model_looks(const network *w, double bytes);
/* The exchanges of one message among processes, which are a power of two. */
exchanges model_exchanges(const network *w, double bytes, int processes);

typedef struct transfer_time {
    double all;          /* alone, from the first exchange to the last sum */
    double processor;    /* what of it needs the processor: sums and copies */
    double link, uplink; /* how long its bytes need the process's link, and the process's part of that of the rack */
} transfer_time;
/* Of exchanges from .. to-1, alone. */
transfer_time model_transfer(const network *w, const exchanges *e, size_t from, size_t to);
/* One step of so many processes with so many rows each. */
step_time model_step(const costs *c, const network *w, int processes, double rows);
step_time model_schedule(const costs *c, const network *w, int processes, double rows, schedule *out);

/* ---- Tables: tables.c ------------------------------------------------------------------------------------------- */

/* One workload on 1 to MOST_PROCESSES processes: with a fixed batch, and with fixed rows of each. */
void table_of(const costs *c, const network *w, double batch, double rows);
/* All workloads on all networks that have a name. */
void tables_of_page(const machine *m, double batch, double rows);

/* ---- A picture: draw.c ------------------------------------------------------------------------------------------ */

/* Writes the schedule of one step as SVG. */
void draw_step(FILE *out, const costs *c, const network *w, int processes, double rows);

#endif
