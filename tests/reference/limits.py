#!/usr/bin/env python3
"""Write down what the operations and their derivatives tend to at the edges of their domains.

    limits.py [NAME...] > limits.txt

It needs mpmath. limits_functions.py has the functions and the points, limits_conventions.py the conventions. The C test
(test_limits.c) reads limits.txt and needs neither Python nor mpmath.

Each function is computed with hundreds of digits, at points inside its domain that approach the edge along several
paths. A derivative is a difference quotient there. If all paths agree, the row has the limit. If they do not, the row
has the convention; without one, the number is `?` and the test accepts anything there. A zero with a sign is approached
from its side, if the function has a pole there. It takes half an hour; with names of operations as arguments it writes
only their rows.

A row is `name arguments ; value ; first derivatives ; second derivatives`. The second derivatives of two or more
arguments are the Hessian, row by row. `-` instead of derivatives: the test looks only at the value.
"""
import itertools
import math
import sys

from limits_conventions import AT_NAN, completed, outside, value_alone
from limits_functions import BOOLEAN, ENDS, GAMMA, GRID, MANY, ONE, Outside, PAIRS, ROWS, TWO, inf, mp, nan, sign

DIGITS = 1500
STEPS = (10, 20, 40, 80)  # distances from an edge, as powers of 10


# ---- Limits ---------------------------------------------------------------------------------------------------------


def limit(values):
    """What the sequence tends to, or None. The values belong to STEPS."""
    a, b, c, e = (v if abs(v) > mp.mpf(10) ** -400 else mp.mpf(0) for v in values)  # less is rounding noise
    if abs(e - c) <= mp.mpf(10) ** -18 * abs(e):
        return e
    if abs(b) > abs(c) > abs(e) and abs(e) <= mp.mpf(10) ** -15 * abs(b):
        return mp.mpf(0)
    if abs(e - c) < mp.mpf(10) ** -6 * abs(c - b) and abs(e - c) <= mp.mpf(10) ** -12 * abs(e):
        return e
    if all(sign(v) == sign(e) for v in values) and abs(e) > 1.2 * abs(c) > 1.44 * abs(b) > 1.728 * abs(a):
        return sign(e) * mp.inf
    return None


def near(x, side, h, least=mp.mpf(1)):
    """A point beside x, and the scale on which the function may change there. A zero moves by less than `least`."""
    if math.isinf(x):
        return (1 if x > 0 else -1) * (1 / h + mp.mpf(0.3)), mp.mpf(1)
    at = min(abs(mp.mpf(x)), mp.mpf(1)) or least
    return mp.mpf(x) + side * h * at, h * at


def sides_of(x):
    return (1, -1) if math.isfinite(x) else (1,)


def quotients(f, point, steps):
    """Value, gradient and Hessian of f by central differences."""
    n = len(point)
    small = [s * mp.mpf(10) ** -60 for s in steps]

    def moved(*by):
        at = list(point)
        for k, times in by:
            at[k] += times * small[k]
        return f(*at)
    here = f(*point)
    out = [here] + [(moved((k, 1)) - moved((k, -1))) / (2 * small[k]) for k in range(n)]
    for i, k in itertools.product(range(n), range(n)):
        if i == k:
            out.append((moved((k, 1)) - 2 * here + moved((k, -1))) / small[k] ** 2)
        elif i < k:
            corners = [s * t * moved((i, s), (k, t)) for s in (1, -1) for t in (1, -1)]
            out.append(sum(corners) / (4 * small[i] * small[k]))
        else:
            out.append(out[1 + n + k * n + i])
    return out


def agree(a, b):
    if a is None or b is None:
        return False
    return a == b or (mp.isfinite(a) and mp.isfinite(b) and abs(a - b) <= mp.mpf(10) ** -16 * abs(b))


def along(f, x, sides, powers):
    """The limits of value and derivatives along one path; None: the path is outside of the domain."""
    columns = []
    least = min([mp.mpf(1)] + [abs(mp.mpf(v)) for v in x if v])
    try:
        for k in STEPS:
            at = [near(v, s, mp.mpf(10) ** (-k * p), least) for v, s, p in zip(x, sides, powers)]
            columns.append(quotients(f, [a for a, _ in at], [s for _, s in at]))
    except (Outside, ZeroDivisionError, ValueError):
        return None
    return [limit(v) for v in zip(*columns)]


def limits(f, x):
    """Value, first, second derivatives at x; None: no limit. All None: outside of the domain."""
    n = len(x)
    paths = [p for p in itertools.product((1, 2), repeat=n) if 1 in p]
    found = {}
    for sides in itertools.product(*(sides_of(v) for v in x)):
        each = [along(f, x, sides, p) for p in paths]
        each = [e for e in each if e]
        if each:
            found[sides] = [v[0] if all(agree(w, v[0]) for w in v) else None for v in zip(*each)]
    if not found:
        return None
    own = tuple(-1 if v == 0 and math.copysign(1, v) < 0 else 1 for v in x)
    out = []
    for v in zip(*found.values()):
        if all(agree(w, v[0]) for w in v):
            out.append(v[0])
        elif own in found and all(w is not None for w in v) and any(mp.isinf(w) for w in v) and 0 in x:
            out.append(v[list(found).index(own)])
        else:
            out.append(None)
    return out


# ---- Writing --------------------------------------------------------------------------------------------------------


def number(x):
    if x is None:
        return "?"
    if mp.isnan(x):
        return "nan"
    if abs(x) > 1.7976931348623157e308:
        return "inf" if x > 0 else "-inf"
    return repr(float(x))


def row(name, x, out, n):
    parts = out[:1], out[1:1 + n], out[1 + n:]
    print(name, *map(number_of_argument, x), ";", " ; ".join(" ".join(map(number, p)) for p in parts))


def number_of_argument(x): return repr(float(x))



def gamma_limits(order, x):
    """As limits, for the polygamma function of an order (-1: lgamma), which has poles at 0, -1, .."""
    def f(k, at):
        return mp.loggamma(at).real if k < 0 else mp.psi(k, at)
    out = []
    for k in range(order, order + 3):
        each = [limit([f(k, near(x, s, mp.mpf(10) ** -step)[0]) for step in (5, 10, 20, 40)]) for s in sides_of(x)]
        left = x == 0 and math.copysign(1, x) < 0
        out.append(each[0] if agree(each[0], each[-1]) else each[-left] if x == 0 else None)
    return out


def where():
    for c, a, b in itertools.product([0.0, 1.0], [1.0, -0.0, inf, nan], [2.0, -inf, nan]):
        print("where", c, a, b, ";", number(mp.mpf(a if c else b)), "; 0.0", c, 1 - c, ";", *["0.0"] * 9)


def main():
    wanted = sys.argv[1:]
    for table in ONE, GAMMA, TWO, MANY, BOOLEAN:
        for name in [n for n in table if wanted and n not in wanted]:
            del table[name]
    where()
    mp.mp.dps = DIGITS
    for name, f in ONE.items():
        for x in GRID + ENDS.get(name, []) + [nan]:
            if math.isnan(x):
                out = [nan] + list(AT_NAN.get(name, (nan, nan)))
            else:
                out = limits(f, [x])
            if out:
                row(name, [x], completed(name, [x], out), 1)
    mp.mp.dps = 60
    for name, order in GAMMA.items():
        for x in [v for v in GRID if abs(v) <= 2.5 or v == inf] + ENDS[name] + [1e10]:
            row(name, [x], completed(name, [x], gamma_limits(order, x)), 1)
        row(name, [nan], [nan] * 3, 1)
    mp.mp.dps = DIGITS
    for table, points in (TWO, PAIRS), (MANY, sorted(ROWS, key=len)):
        for name, f in table.items():
            for x in points:
                alone = None if outside(name, x) else value_alone(name, x)
                if alone is not None:
                    print(name, *map(number_of_argument, x), ";", number(mp.mpf(alone)), "; -")
                    continue
                out = not outside(name, x) and limits(f, x)
                if not out and name in ("standardised", "deviation_rate") and len(set(x)) == 1:
                    out = [None] * (1 + len(x) + len(x) ** 2)
                if out:
                    row(name, x, completed(name, x, out), len(x))
    for name, f in BOOLEAN.items():
        values = [0.0, 1.0] if name.startswith("logical") else [0.0, -0.0, 1.0, 1e300, inf, -inf, nan]
        for x in itertools.product(values, repeat=f.__code__.co_argcount if hasattr(f, "__code__") else 1):
            print(name, *map(number_of_argument, x), ";", number(mp.mpf(bool(f(*x)))), "; -")


if __name__ == "__main__":
    main()
