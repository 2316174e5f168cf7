/* place.h - the placement of a drawing: where each node, box and wire is. A layered layout for nested boxes.
 *
 * In: a tree of items (item 0 is the whole, its children are lanes, in a lane are boxes and nodes) and wires between
 * nodes. Out: the place of each item, its rank and its order in its parent; the points of each wire.
 *
 * Each box is placed for itself. Its children stand in ranks: a wire leads from a rank to a later one. A wire that
 * enters or leaves a box does so at a port, on the box's edge. Between neighbouring ranks is a channel without nodes. A
 * wire runs straight through a rank, in a column of its own (a cell without an item), and changes its column only in
 * channels. So no wire runs through a node. What spans many ranks, or leads back, runs in a track on the right side of
 * its box.
 *
 * pal__place_order chooses ranks and orders, which depend on neither sizes nor on which boxes are closed.
 * pal__place_move computes coordinates: it may be called again after sizes or `closed` have changed. page.js has the
 * same rule, so a page can open a box without choosing again. All is deterministic. Time and memory are in proportion
 * to items and wires, times the depth of the boxes (a few; at most 128); the sort of each rank adds a logarithm.
 * Nothing recurs. */
#ifndef PAL_TEXT_PLACE_H
#define PAL_TEXT_PLACE_H

#include "autograd/text/internal.h"

typedef enum pal__place_kind { PAL__PLACE_NODE, PAL__PLACE_BOX, PAL__PLACE_LANE } pal__place_kind;

typedef struct pal__place_item {
    /* In. The number of a parent is below that of its children. */
    uint32_t parent, key; /* key: nodes are recorded in this order; unique, below `keys`. Out: the order in a parent */
    uint8_t kind;
    bool closed;         /* a box that is drawn as a node, without what it contains */
    bool up;             /* a lane that is read upwards */
    bool leaf;           /* stands above its first reader */
    bool hidden;         /* a lane that is not drawn */
    double own_w, own_h; /* of a node or a closed box; an open box is at least own_w wide, because of its title */
    /* Out. x, y: the upper left corner; y grows downwards. An item in a closed box has no place. */
    double x, y, w, h;
    uint32_t rank, order; /* in the parent; rank from 1 on */
    uint32_t cell, shown; /* shown: the item that shows it: itself, or the outermost closed box around it */
} pal__place_item;

typedef struct pal__place_point {
    double x, y;
} pal__place_point;

/* Between two points next to each other, a wire is a cubic curve whose tangents are vertical at both ends, that is with
 * the control points (x0, (y0 + y1) / 2) and (x1, (y0 + y1) / 2): a straight line where the x are equal. Where the y are
 * equal, a wire turns back: both control points are beyond the ends by a channel. The first point is where the value
 * comes from. `over`: not placed, but a line from item to item, drawn over the rest: what a later pass keeps, and
 * effects. */
typedef struct pal__place_wire {
    uint32_t from, to;             /* in: nodes */
    bool over;                     /* in and out: also out if its ends are in different lanes */
    bool shown;                    /* out: false for a wire that is the same as an earlier one, as boxes are closed */
    uint32_t shown_from, shown_to; /* out: the items where it begins and ends; a closed box stands for its nodes */
    uint32_t first_step, n_steps;
    uint32_t first_point, n_points; /* out */
} pal__place_wire;

/* The rest is for place*.c and the page. */
typedef struct pal__place_cell { /* a column in a rank of a box: of a child, of a wire that passes, or a port */
    uint32_t box, rank, item;    /* item: 0: no child */
    uint32_t trunk;              /* of a port or a passing wire */
    double x, w;                 /* centre, in the box; width */
    bool on;
} pal__place_cell;

typedef struct pal__place_trunk { /* the ways of one value in one box */
    uint32_t box, net;            /* net: the item that the value comes from */
    uint32_t origin, origin_port; /* cells: where the value is, and the port of that child where it comes out */
    uint32_t out;                 /* port by which it leaves; PAL__NONE */
    uint32_t first, n;            /* its columns: n cells from ways[first] on, in the ranks after that of the origin */
    uint32_t track;               /* for its far ways */
    bool on;                      /* the track is in use */
} pal__place_trunk;

typedef struct pal__place_step { /* of a wire: its way in one box, from the trunk's origin to this cell */
    uint32_t trunk, sink, sink_port;
} pal__place_step;

typedef struct pal__place_row { /* a rank of a box; rank 0 has the ports on the first side, the last rank the others */
    uint32_t first, n;          /* cells, in order */
    double y, h;                /* in the box */
    bool turn;                  /* in the channel after it, a wire turns into a track or out of one */
} pal__place_row;

typedef struct pal__place_link { /* two cells in neighbouring ranks */
    uint32_t a, b, a_port, b_port;
} pal__place_link;

typedef struct pal__place {
    pal_context *context;
    pal__place_item *items;
    pal__place_wire *wires;
    size_t n_items, n_wires, keys;
    pal__place_cell *cells; /* sorted by box, rank, order */
    pal__place_trunk *trunks;
    pal__place_step *steps;
    pal__place_link *links;
    pal__place_row *rows;
    pal__place_point *points;
    uint32_t *first_row, *n_rows; /* by item: of a box or lane */
    uint32_t *ways;               /* cells: the columns of the trunks */
    uint32_t *down, *down_first;  /* by cell: its links to the next rank; first has one more */
    uint32_t *up, *up_first;      /* likewise to the rank before */
    uint32_t *by_key;             /* items but 0, sorted by key */
    size_t n_cells, cap_cells, n_trunks, cap_trunks, n_steps, cap_steps, n_links, cap_links, n_rows_all, n_points,
        cap_points, n_ways, cap_ways;
    bool right; /* in: up and left will change places: titles are on another side, and channels are narrow */
    double width, height;
    uint64_t looked; /* items, wires and cells that were looked at; a test bounds it */
} pal__place;

/* Both: false: out of memory. The caller sets context, items and wires, from pal__alloc, and their numbers. */
bool pal__place_order(pal__place *place);
bool pal__place_move(pal__place *place);
void pal__place_free(pal__place *place);

/* ---- Of a drawing: place_drawing.c ---------------------------------------------------------------------------- */

/* The size of a node with its label: of an entry, or d->n + a box that is closed, or could be. The same width is the
 * least of the box when it is open. */
typedef void (*pal__place_size)(const pal__drawing *drawing, uint32_t node, double *w, double *h, void *user);
typedef struct pal__placed {
    pal__place
        place; /* its wires 0 to drawing->n_wires - 1 are those of the drawing; then those of the bodies of regions */
    uint32_t *item; /* by node: its item; 0: not drawn */
    uint32_t *node; /* by item: a node, drawing->n + a box, or PAL__NONE: a lane */
    uint8_t *order; /* by item: order of derivative, also of a lane */
} pal__placed;
/* After find_wires: items and wires, a lane for each order, not yet placed. A box that the drawing closes is a node.
 * False: out of memory; free it in either case. */
bool pal__place_drawing(const pal__drawing *drawing, pal__place_size size, void *user, pal__placed *placed);
void pal__placed_free(pal__placed *placed);
/* About the width of a text in a sans-serif font of 1, from the average widths of its characters in Helvetica and
 * Arial: a page takes the system's own font, which nobody here can measure. bold adds 6 %. */
double pal__place_text(const char *text, bool bold);

/* The lengths of a picture, in the units of widths: those of a font of 12. */
#define PAL__PLACE_GAP     16.0                      /* between neighbours in a rank */
#define PAL__PLACE_CHANNEL 26.0                      /* between ranks, at least */
#define PAL__PLACE_NARROW  12.0                      /* likewise, where width is rare */
#define PAL__PLACE_PAD     12.0                      /* inside a box */
#define PAL__PLACE_HEAD    24.0                      /* its title */
#define PAL__PLACE_LANES   56.0                      /* between lanes */
#define PAL__PLACE_TRACK   10.0                      /* between tracks */
enum { PAL__PLACE_FAR = 6, PAL__PLACE_TRACKS = 16 }; /* ranks that a way may span without a track; tracks of a box */

/* Within a file of place*.c and the next. */
bool pal__place_trunks(pal__place *place); /* place_trunks.c: trunks, steps */
typedef struct pal__place_readers {        /* those of item i are of[at[i]] to of[at[i + 1] - 1]; 0: a port */
    uint32_t *at, *of;
} pal__place_readers;
bool pal__place_keys(pal__place *place, pal__place_readers *readers); /* place_keys.c: keys, by_key, readers */
bool pal__place_ranks(pal__place *place);  /* place_ranks.c: rank of items, rows, cells, links */
bool pal__place_shown(pal__place *place);  /* place_wires.c: which wires are shown, and their cells */
bool pal__place_points(pal__place *place); /* place_wires.c: their points; lanes are placed, items within their lanes */
/* Whether a way between these ranks has columns of its own; if not, it is in a track. */
static inline bool pal__place_is_near(uint32_t from, uint32_t to)
{
    return to > from && to - from - 1 <= PAL__PLACE_FAR;
}
double pal__place_end(const pal__place *place, uint32_t cell,
                      uint32_t port);                            /* x of a wire's end at a cell, in the box */
bool pal__place_is_open(const pal__place *place, uint32_t item); /* its children have places */

#endif
