/* einsum_spec.c - parses the specification of an Einstein sum, such as "nij,jk->nik", and reports errors with their
 * position. */
#include "ops/einsum.h"

#include <stdio.h>

/* The message quotes the specification; characters that cannot be printed become '?'. */
bool pal__einsum_refuse(const pal__einsum *r, const char *reason, size_t place)
{
    char quoted[64] = "", where[40] = "";
    for (size_t i = 0; r->spec[i] && i < sizeof quoted - 1; i++)
        quoted[i] = r->spec[i] >= ' ' && r->spec[i] <= '~' ? r->spec[i] : '?';
    if (place) snprintf(where, sizeof where, " at position %zu", place);
    pal_tape_fail(r->tape, PAL_ERR_ARGUMENT, "einsum: %s%s in \"%s\"", reason, where, quoted);
    return false;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool read_letter(pal__einsum *r, int part, size_t at)
{
    static const char *const names[] = {"operand 1", "operand 2", "the result"};
    char c = r->spec[at], reason[48];
    if (!is_letter(c)) {
        snprintf(reason, sizeof reason, c >= ' ' && c <= '~' ? "unexpected %c" : "unexpected character", c);
        return pal__einsum_refuse(r, reason, at + 1);
    }
    if (pal__has(r->part[part], c)) {
        snprintf(reason, sizeof reason, "%s has %c twice,", names[part], c);
        return pal__einsum_refuse(r, reason, at + 1);
    }
    if (strlen(r->part[part]) == PAL_MAX_RANK) {
        snprintf(reason, sizeof reason, "%s has more than %d axes", names[part], PAL_MAX_RANK);
        return pal__einsum_refuse(r, reason, 0);
    }
    pal__append(r->part[part], c);
    return true;
}

/* The letters that occur in only one operand, in the order of their character codes. */
static bool implied_result(pal__einsum *r)
{
    for (char c = 'A'; c <= 'z'; c++) {
        if (!is_letter(c) || pal__has(r->part[0], c) == pal__has(r->part[1], c)) continue;
        if (strlen(r->part[2]) == PAL_MAX_RANK) return pal__einsum_refuse(r, "the result has more than 6 axes", 0);
        pal__append(r->part[2], c);
    }
    return true;
}

bool pal__einsum_read(pal__einsum *r)
{
    int part = 0;
    for (size_t i = 0; r->spec[i]; i++) {
        char c = r->spec[i];
        bool arrow = c == '-' && r->spec[i + 1] == '>';
        if (c == ' ') continue;
        if (c == ',') {
            if (part) return pal__einsum_refuse(r, "a second comma", i + 1);
            part = 1;
        } else if (arrow) {
            if (part == 2) return pal__einsum_refuse(r, "a second ->", i + 1);
            if (part == 0) return pal__einsum_refuse(r, "no comma before the ->", i + 1);
            part = 2;
            i++;
        } else if (!read_letter(r, part, i)) {
            return false;
        }
    }
    if (part == 0) return pal__einsum_refuse(r, "no comma", 0);
    if (part == 1) return implied_result(r);
    for (const char *c = r->part[2]; *c; c++)
        if (!pal__has(r->part[0], *c) && !pal__has(r->part[1], *c)) {
            char reason[48];
            snprintf(reason, sizeof reason, "the result's %c is in no operand", *c);
            return pal__einsum_refuse(r, reason, 0);
        }
    return true;
}

bool pal__einsum_measure(const pal__einsum *r, pal_var a, pal_var b, int64_t *size)
{
    char reason[160], text[96];
    for (int o = 0; o < 2; o++) {
        pal_shape s = pal_shape_of(o ? b : a);
        if (s.rank != (int)strlen(r->part[o])) {
            snprintf(reason, sizeof reason, "operand %d is %s and must have %zu axes", o + 1,
                     pal_shape_text(s, text, sizeof text), strlen(r->part[o]));
            return pal__einsum_refuse(r, reason, 0);
        }
        for (int i = 0; i < s.rank; i++) {
            char c = r->part[o][i];
            if (o && pal__has(r->part[0], c) && size[(unsigned char)c] != s.dim[i]) {
                snprintf(reason, sizeof reason, "%c is %lld in operand 1 and %lld in operand 2", c,
                         (long long)size[(unsigned char)c], (long long)s.dim[i]);
                return pal__einsum_refuse(r, reason, 0);
            }
            size[(unsigned char)c] = s.dim[i];
        }
    }
    return true;
}
