#!/usr/bin/env python3
"""Write down what the operations and their derivatives tend to at the edges of their domains.

    limits.py > limits.txt

It needs mpmath. The C test (test_limits.c) reads limits.txt and needs neither Python nor mpmath.

Each function is computed with hundreds of digits, at points inside its domain that approach the edge along several
paths. A derivative is a difference quotient there. If all paths agree, the row has the limit. If they do not, the row has
the convention of the tables below; without a convention, the number is `?` and the test accepts anything. A zero with a
sign is approached from its side, if the function has a pole there.

A row is `name arguments ; value ; first derivatives ; second derivatives`. The second derivatives of two or more
arguments are the Hessian, row by row. `-` instead of derivatives: the test looks only at the value.
"""
import itertools
import math
import sys

try:
    import mpmath as mp
except ImportError:
    sys.exit("limits.py: mpmath is not installed: install it in a virtual environment")

inf, nan = math.inf, math.nan
DIGITS = 1200
STEPS = (10, 20, 40, 80)  # distances from an edge, as powers of 10


class Outside(Exception):
    """The point is outside of the domain."""


def domain(condition):
    if not condition:
        raise Outside


def real(f, low=-inf, high=inf, closed=True):
    def g(x):
        domain(low <= x <= high if closed else low < x < high)
        return f(x)
    return g


def sign(x): return mp.mpf((x > 0) - (x < 0))
def clip(x, low, high): return min(max(x, mp.mpf(low)), mp.mpf(high))
def softplus(x): return max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x)))
def sigmoid(x): return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))
def erfc(x): return mp.erfc(x) if abs(x) < 1e6 else mp.mpf(2 * (x < 0))  # less than 10^-10^11 is missing
def cdf(x): return erfc(-x / mp.sqrt(2)) / 2
def elu(x, scale, alpha, width=1): return scale * (x if x > 0 else alpha * mp.expm1(x / width))
def cbrt(x): return sign(x) * mp.cbrt(abs(x))
def same(f, *more): return f if not more else (f, *more)


def tanh_softplus(x):
    if x < 0:
        n = mp.exp(x) * (mp.exp(x) + 2)
        return n / (n + 2)
    e = mp.exp(-x)
    return (1 + 2 * e) / (1 + 2 * e + 2 * e * e)


d = lambda text: mp.mpf(float(text))  # parameters are doubles
scale, alpha = d(1.0507009873554804934), d(1.6732632423543772848)
STEP = {"sign", "floor", "ceil", "round", "trunc"}

# Functions of one argument, for |x| of any size. A tuple has the derivatives too.
ONE = {
    "copy": lambda x: x, "cast": lambda x: x, "neg": lambda x: -x, "abs": abs, "square": lambda x: x * x,
    "sqrt": real(mp.sqrt, 0), "rsqrt": real(lambda x: 1 / mp.sqrt(x), 0, inf, False), "cbrt": cbrt,
    "reciprocal": lambda x: 1 / x, "exp": mp.exp, "exp2": lambda x: mp.exp(x * mp.log(2)), "expm1": mp.expm1,
    "log": real(mp.log, 0, inf, False), "log2": real(lambda x: mp.log(x) / mp.log(2), 0, inf, False),
    "log10": real(lambda x: mp.log(x) / mp.log(10), 0, inf, False), "log1p": real(mp.log1p, -1, inf, False),
    "log1mexp": real(lambda x: mp.log(-mp.expm1(-x)), 0, inf, False),
    "logit": real(lambda x: mp.log(x) - mp.log1p(-x), 0, 1, False),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": real(mp.asin, -1, 1), "acos": real(mp.acos, -1, 1),
    "atan": mp.atan, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": lambda x: sign(x) * -mp.expm1(-2 * abs(x)) / (1 + mp.exp(-2 * abs(x))),
    "asinh": lambda x: sign(x) * mp.asinh(abs(x)), "acosh": real(mp.acosh, 1), "atanh": real(mp.atanh, -1, 1, False),
    "erf": lambda x: sign(x) * (1 - erfc(abs(x))) if abs(x) > 1 else mp.erf(x), "erfc": erfc, "normal_cdf": cdf,
    "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x), "relu": lambda x: max(x, mp.mpf(0)),
    "relu6": lambda x: clip(x, 0, 6), "hard_tanh": lambda x: clip(x, -1, 1), "hard_sigmoid": lambda x: clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * clip(x + 3, 0, 6) / 6, "selu": lambda x: elu(x, scale, alpha), "gelu": lambda x: x * cdf(x),
    "silu": lambda x: x * sigmoid(x), "mish": lambda x: x * tanh_softplus(x), "softsign": lambda x: x / (1 + abs(x)),
    "leaky_relu": lambda x: x if x > 0 else d(0.1) * x, "elu": lambda x: elu(x, 1, d(0.7)),
    "celu": lambda x: elu(x, 1, d(0.7), d(0.7)), "soft_shrink": lambda x: x - clip(x, -0.5, 0.5),
    "clip": lambda x: clip(x, -1, 1.5), "sign": sign, "floor": mp.floor, "ceil": mp.ceil, "round": mp.nint,
    "trunc": lambda x: sign(x) * mp.floor(abs(x)),
}
# Gamma functions are slow, so their derivatives are those of mpmath, with fewer digits.
GAMMA = {"lgamma": -1, "digamma": 0, "polygamma": 1}  # the order in the sense of mpmath

GRID = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e300, -1e300, 1e-300, -1e-300, inf, -inf]
ENDS = {"relu6": [6.0], "hard_sigmoid": [3.0, -3.0], "hard_silu": [3.0, -3.0], "soft_shrink": [0.5, -0.5], "clip": [1.5],
        "round": [0.5, 1.5], "log1mexp": [math.log(2)], "logit": [0.25, 0.5], "lgamma": [2.0, -2.0, -3.0],
        "digamma": [-2.0], "polygamma": [-2.0], "exp": [710.0, -746.0], "sigmoid": [40.0, -40.0, 710.0, -746.0],
        "tanh": [20.0, -20.0], "softplus": [40.0, -40.0], "log_sigmoid": [40.0, -40.0], "silu": [-40.0, 800.0],
        "mish": [-40.0, 800.0], "gelu": [-8.0, 40.0], "erf": [6.0], "erfc": [26.0], "normal_cdf": [-37.0]}

# ---- Limits ---------------------------------------------------------------------------------------------------------


def limit(values):
    """What the sequence tends to, or None. The values belong to STEPS."""
    a, b, c, e = values
    if abs(e - c) <= mp.mpf(10) ** -18 * abs(e):
        return e
    if abs(b) > abs(c) > abs(e) and abs(e) <= mp.mpf(10) ** -15 * abs(b):
        return mp.mpf(0)
    if abs(e - c) < mp.mpf(10) ** -6 * abs(c - b) and abs(e - c) <= mp.mpf(10) ** -17 * abs(e):
        return e
    if all(sign(v) == sign(e) for v in values) and abs(e) > 1.2 * abs(c) > 1.44 * abs(b) > 1.728 * abs(a):
        return sign(e) * mp.inf
    return None


def near(x, side, h):
    """A point beside x, and the scale on which the function may change there."""
    if math.isinf(x):
        return (1 if x > 0 else -1) / h, mp.mpf(1)
    at = min(abs(mp.mpf(x)), mp.mpf(1)) or mp.mpf(1)
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
            out.append((moved((i, 1), (k, 1)) - moved((i, 1), (k, -1)) - moved((i, -1), (k, 1)) + moved((i, -1), (k, -1)))
                       / (4 * small[i] * small[k]))
        else:
            out.append(out[1 + n + k * n + i])
    return out


def agree(a, b):
    if a is None or b is None:
        return False
    return a == b or abs(a - b) <= mp.mpf(10) ** -16 * abs(b)


def along(f, x, sides, powers):
    """The limits of value and derivatives along one path; None: the path is outside of the domain."""
    columns = []
    try:
        for k in STEPS:
            at = [near(v, s, mp.mpf(10) ** (-k * p)) for v, s, p in zip(x, sides, powers)]
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


# ---- Two arguments and more -----------------------------------------------------------------------------------------


def power(a, b):
    domain(a > 0)
    return mp.exp(b * mp.log(a))


def angle(a, b): return mp.atan2(a, b)


def logarithmic(log, low):
    def f(a, b):
        domain(b > low)
        return a * log(b)
    return f


def logsumexp(*x):
    top = max(x)
    return top + mp.log(mp.fsum(mp.exp(v - top) for v in x))


def norm(*x): return mp.sqrt(mp.fsum(v * v for v in x))


def variance(*x):
    mean = mp.fsum(x) / len(x)
    return mp.fsum((v - mean) ** 2 for v in x) / len(x)


TWO = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "remainder": lambda a, b: a - b * mp.floor(a / b), "max": max, "min": min, "pow": power, "hypot": norm,
    "atan2": angle, "copysign": lambda a, b: abs(a) * (sign(b) or 1), "logaddexp": logsumexp,
    "xlogy": logarithmic(mp.log, 0), "xlog1py": logarithmic(mp.log1p, -1),
    "bernoulli_cross_entropy": lambda a, b: softplus(a) - a * b,
}
MANY = {
    "sum": lambda *x: mp.fsum(x), "mean": lambda *x: mp.fsum(x) / len(x), "prod": lambda *x: math.prod(x),
    "reduce_max": max, "reduce_min": min, "logsumexp": logsumexp,
    "logmeanexp": lambda *x: logsumexp(*x) - mp.log(len(x)), "norm": norm, "variance": variance,
    "std": lambda *x: mp.sqrt(variance(*x)),
    "softmax": lambda *x: mp.exp(x[0] - logsumexp(*x)), "log_softmax": lambda *x: x[0] - logsumexp(*x),
}
PAIRS = list(itertools.product([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, inf, -inf], repeat=2))
PAIRS += [(a, b) for a, b in itertools.product([1e300, -1e300, 1e-300, 1.0, 0.0], repeat=2) if {a, b} & {1e300, 1e-300, -1e300}]
ROWS = [(0.0, 0.0), (0.0, -0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (-1.0, -1.0), (inf, 1.0), (inf, inf), (1.0, -inf),
        (-inf, -inf), (inf, -inf), (1e300, 1e300), (1e-300, 1e-300), (1e300, 1.0), (1e-300, 0.0), (-1000.0, 1000.0),
        (0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 0.0), (inf, 1.0, 2.0), (1.0, 1.0, 1.0), (3.0, 4.0, 12.0)]
BOOLEAN = {
    "is_nan": lambda x: x != x, "is_finite": math.isfinite, "is_inf": math.isinf,
    "less": lambda a, b: a < b, "less_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b, "equal": lambda a, b: a == b, "not_equal": lambda a, b: a != b,
    "logical_not": lambda x: not x, "logical_and": lambda a, b: a and b, "logical_or": lambda a, b: a or b,
    "logical_xor": lambda a, b: a != b,
}

# ---- Conventions ----------------------------------------------------------------------------------------------------


def completed(name, x, out):
    """The limits, with the convention of the operation where there is none."""
    rule = CONVENTIONS.get(name)
    if not rule:
        return out
    given = rule(*x)
    return out if given is None else [g if v is None else v for v, g in zip(out, given)]


CONVENTIONS = {}


def main():
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
        for x in [v for v in GRID if abs(v) <= 2.5 or v == inf] + ENDS[name] + [1e10, -inf]:
            row(name, [x], completed(name, [x], [None] * 3 if x == -inf else gamma_limits(order, x)), 1)
        row(name, [nan], [nan] * 3, 1)
    mp.mp.dps = DIGITS
    for table, points in (TWO, PAIRS), (MANY, ROWS):
        for name, f in table.items():
            for x in points:
                out = limits(f, x)
                if out:
                    row(name, x, completed(name, x, out), len(x))
            print(name, "nan 1.0 ; nan ; -")
    for name, f in BOOLEAN.items():
        values = [0.0, 1.0] if name.startswith("logical") else [0.0, -0.0, 1.0, 1e300, inf, -inf, nan]
        for x in itertools.product(values, repeat=f.__code__.co_argcount if hasattr(f, "__code__") else 1):
            print(name, *map(number_of_argument, x), ";", number(mp.mpf(bool(f(*x)))), "; -")


AT_NAN = {}
if __name__ == "__main__":
    main()
