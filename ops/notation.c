/* notation.c - the table of notations (notation.def), and the texts of parameters that are not plain numbers. */
#include "ops/notation.h"

#include <stdio.h>
#include <string.h>

#include "autograd/wiring.h"
#include "ops/internal.h"
#include "ops/notation_arrange.h"

/* ---- Parameters ----------------------------------------------------------------------------------------------- */

static size_t put(char *text, size_t size, size_t at, const char *format, int64_t number)
{
    const int n = at < size ? snprintf(text + at, size - at, format, (long long)number) : 0;
    return at + (size_t)(n > 0 ? n : 0);
}

/* "4×1×20"; of no axes: "scalar" */
void pal__notation_shape(const pal_params *p, pal_shape in, pal_shape out, char *text, size_t size)
{
    (void)p, (void)in;
    size_t at = put(text, size, 0, out.rank ? "%lld" : "scalar", out.dim[0]);
    for (int a = 1; a < out.rank; a++) at = put(text, size, at, "×%lld", out.dim[a]);
}

/* The axes that are summed, from 1 on; after a plus those that stay as axes of 1: "1+3". All, and none stays: "". No
 * axis at all: "0" */
void pal__notation_axes(const pal_params *p, pal_shape in, pal_shape out, char *text, size_t size)
{
    (void)p;
    const int gone = in.rank - out.rank;
    size_t at = 0;
    *text = 0;
    if (!out.rank) return;
    for (int a = 0; a < gone; a++) at = put(text, size, at, a ? ",%lld" : "%lld", a + 1);
    for (int a = gone, first = 1; a < in.rank; a++)
        if (out.dim[a - gone] == 1 && in.dim[a] != 1) {
            at = put(text, size, at, first ? "+%lld" : ",%lld", a + 1);
            first = 0;
        }
    if (!at) put(text, size, 0, "%lld", 0);
}

/* The new order of the axes, from 1 on: "2,1,3" */
void pal__notation_order(const pal_params *p, pal_shape in, pal_shape out, char *text, size_t size)
{
    (void)out;
    size_t at = 0;
    *text = 0;
    for (int a = 0; a < in.rank; a++) at = put(text, size, at, a ? ",%lld" : "%lld", p->i[a] + 1);
}

/* From, to (without it) and step of each axis, from 0 on; a whole axis is a colon: ":,0:20,0:9:2" */
void pal__notation_part(const pal_params *p, pal_shape in, pal_shape out, char *text, size_t size)
{
    size_t at = 0;
    *text = 0;
    for (int a = 0; a < in.rank; a++) {
        const int64_t start = p->i[a], step = p->i[6 + a] >> 32, n = out.dim[a];
        if (a) at = put(text, size, at, ",", 0);
        if (step == 1 && !start && n == in.dim[a]) {
            at = put(text, size, at, ":", 0);
            continue;
        }
        at = put(text, size, at, "%lld", start);
        at = put(text, size, at, ":%lld", n ? start + (n - 1) * step + 1 : start);
        if (step != 1) at = put(text, size, at, ":%lld", step);
    }
}

/* Where a value lies in zeros, as a part, and their shape: "0:2,20:40 of 2×40" */
void pal__notation_place(const pal_params *p, pal_shape in, pal_shape out, char *text, size_t size)
{
    pal__notation_part(p, out, in, text, size);
    size_t at = put(text, size, strlen(text), " of ", 0);
    if (at < size) pal__notation_shape(p, in, out, text + at, size - at);
}

/* ---- The table ------------------------------------------------------------------------------------------------ */

#define PLAIN(op_, binds_, text_, tex_, ...)                                                                           \
    {.op = #op_, .binds = PAL_BINDS_##binds_, .text = text_, .tex = tex_, __VA_ARGS__},
#define SIGN(op_, binds_, text_, tex_, ...)                                                                            \
    PLAIN(op_, binds_, text_, tex_, .arrange = pal__arrange_elementwise, ##__VA_ARGS__)
#define CALL(op_, text_, tex_) SIGN(op_, ATOM, text_ "(%1)", tex_ "\\left(%1\\right)")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* a row may say how it is arranged */
static const pal_notation table[] = {
#include "ops/notation.def"
};
#pragma GCC diagnostic pop

const pal_notation *pal_op_notation_at(size_t i) { return i < PAL_COUNT(table) ? &table[i] : NULL; }

const pal_notation *pal_op_notation(const char *op)
{
    for (size_t i = 0; op && i < PAL_COUNT(table); i++)
        if (!strcmp(table[i].op, op)) return &table[i];
    return NULL;
}
