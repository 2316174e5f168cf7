#!/usr/bin/env python3
"""Write down what the operations and their derivatives tend to at the edges of their domains.

    limits.py [NAME...] > limits.txt

It needs mpmath. The C test (test_limits.c) reads limits.txt and needs neither Python nor mpmath.

Each function is computed with hundreds of digits, at points inside its domain that approach the edge along several
paths. A derivative is a difference quotient there. If all paths agree, the row has the limit. If they do not, the row
has the convention of the tables below; without a convention, the number is `?` and the test accepts anything there. A
zero with a sign is approached from its side, if the function has a pole there. It takes some minutes; with names
of operations as arguments it writes only their rows.

A row is `name arguments ; value ; first derivatives ; second derivatives`. The second derivatives of two or more
arguments are the Hessian, row by row. `-` instead of derivatives: the test looks only at the value.
"""
import itertools
import math
import sys
from fractions import Fraction

try:
    import mpmath as mp
except ImportError:
    sys.exit("limits.py: mpmath is not installed: install it in a virtual environment")

inf, nan = math.inf, math.nan
DIGITS = 1500
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


def tanh_softplus(x):
    if x < 0:
        n = mp.exp(x) * (mp.exp(x) + 2)
        return n / (n + 2)
    e = mp.exp(-x)
    return (1 + 2 * e) / (1 + 2 * e + 2 * e * e)


d = lambda text: mp.mpf(float(text))  # parameters are doubles
scale, alpha = d(1.0507009873554804934), d(1.6732632423543772848)
# Functions of one argument, for |x| of any size.
ONE = {
    "copy": lambda x: x, "cast": lambda x: x, "neg": lambda x: -x, "abs": abs, "square": lambda x: x * x,
    "sqrt": real(mp.sqrt, 0), "rsqrt": real(lambda x: 1 / mp.sqrt(x), 0, inf, False), "cbrt": cbrt,
    "reciprocal": lambda x: 1 / x, "exp": mp.exp, "exp2": lambda x: mp.exp(x * mp.log(2)), "expm1": mp.expm1,
    "log": real(mp.log, 0, inf, False), "log2": real(lambda x: mp.log(x) / mp.log(2), 0, inf, False),
    "log10": real(lambda x: mp.log(x) / mp.log(10), 0, inf, False), "log1p": real(mp.log1p, -1, inf, False),
    "log1mexp": real(lambda x: mp.log(-mp.expm1(-x)), 0, inf, False),
    "logit": real(lambda x: mp.log(x) - mp.log1p(-x), 0, 1, False),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "asin": real(mp.asin, -1, 1), "acos": real(mp.acos, -1, 1),
    "atan": mp.atan, "sinh": mp.sinh, "cosh": mp.cosh, 
    "tanh": lambda x: sign(x) * -mp.expm1(-2 * abs(x)) / (1 + mp.exp(-2 * abs(x))),
    "asinh": lambda x: sign(x) * mp.asinh(abs(x)), "acosh": real(mp.acosh, 1), "atanh": real(mp.atanh, -1, 1, False),
    "erf": lambda x: sign(x) * (1 - erfc(abs(x))) if abs(x) > 1 else mp.erf(x), "erfc": erfc, "normal_cdf": cdf,
    "sigmoid": sigmoid, "softplus": softplus, "log_sigmoid": lambda x: -softplus(-x),
    "relu": lambda x: max(x, mp.mpf(0)),
    "relu6": lambda x: clip(x, 0, 6),
    "hard_tanh": lambda x: clip(x, -1, 1), 
    "hard_sigmoid": lambda x: clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * clip(x + 3, 0, 6) / 6, "selu": lambda x: elu(x, scale, alpha),
    "gelu": lambda x: x * cdf(x),
    "silu": lambda x: x * sigmoid(x), "mish": lambda x: x * tanh_softplus(x), "softsign": lambda x: x / (1 + abs(x)),
    "leaky_relu": lambda x: x if x > 0 else d(0.1) * x, "elu": lambda x: elu(x, 1, d(0.7)),
    "celu": lambda x: elu(x, 1, d(0.7), d(0.7)), "soft_shrink": lambda x: x - clip(x, -0.5, 0.5),
    "clip": lambda x: clip(x, -1, 1.5), "sign": sign, "floor": mp.floor, "ceil": mp.ceil, "round": mp.nint,
    "trunc": lambda x: sign(x) * mp.floor(abs(x)),
}
# Gamma functions are slow, so their derivatives are those of mpmath, with fewer digits.
GAMMA = {"lgamma": -1, "digamma": 0, "polygamma": 1}  # the order in the sense of mpmath

# Numbers that only float64 can hold, and large and small ones of float32 too. The latter are powers of 2.
HUGE, TINY = 2.0 ** 100, 2.0 ** -100
GRID = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e300, -1e300, 1e-300, -1e-300, inf, -inf, HUGE, -HUGE, TINY, -TINY]
ENDS = {"relu6": [6.0], "hard_sigmoid": [3.0, -3.0], "hard_silu": [3.0, -3.0], "soft_shrink": [0.5, -0.5],
        "clip": [1.5],
        "round": [0.5, 1.5], "log1mexp": [math.log(2)], "logit": [0.25, 0.5], "lgamma": [2.0, -2.0, -3.0],
        "digamma": [-2.0], "polygamma": [-2.0], "exp": [710.0, -746.0], "sigmoid": [-40.0, 710.0, -746.0],
        "softplus": [-40.0], "log_sigmoid": [40.0], "silu": [-40.0, 800.0],
        "mish": [-40.0, 800.0], "gelu": [-8.0, 40.0], "erf": [6.0], "erfc": [26.0], "normal_cdf": [-37.0]}

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


def largest(*x): return max(x)
def smallest(*x): return min(x)
def centred(*x): return x[0] - mp.fsum(x) / len(x)


def variance(*x):
    mean = mp.fsum(x) / len(x)
    return mp.fsum((v - mean) ** 2 for v in x) / len(x)


def standardised(epsilon):
    def f(*x):
        domain(epsilon > 0 or variance(*x) > 0)
        return centred(*x) / mp.sqrt(variance(*x) + epsilon)
    return f


def rate(*x):
    domain(variance(*x) > 0)
    return 1 / mp.sqrt(variance(*x))


TWO = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "remainder": lambda a, b: a - b * mp.floor(a / b), "difference": lambda a, b: a - b,
    "max": max, "min": min, "pow": power, "hypot": norm,
    "atan2": angle, "turn": lambda a, b: a / (a * a + b * b), "copysign": lambda a, b: abs(a) * (sign(b) or 1), "logaddexp": logsumexp,
    "xlogy": logarithmic(mp.log, 0), "xlog1py": logarithmic(mp.log1p, -1),
    "bernoulli_cross_entropy": lambda a, b: softplus(a) - a * b,
}
MANY = {
    "sum": lambda *x: mp.fsum(x), "mean": lambda *x: mp.fsum(x) / len(x), "prod": lambda *x: math.prod(x),
    "reduce_max": largest, "reduce_min": smallest, "logsumexp": logsumexp,
    "logmeanexp": lambda *x: logsumexp(*x) - mp.log(len(x)), "norm": norm, "variance": variance,
    "std": lambda *x: mp.sqrt(variance(*x)),
    "row_norm": norm, "spread": variance, "deviation": lambda *x: mp.sqrt(variance(*x)), "centred": centred,
    "standardised": standardised(0), "deviation_rate": rate,
    "layer_norm": standardised(d("1e-5")), "batch_norm": standardised(d("1e-5")),
    "exclusive_prod": lambda *x: math.prod(x[1:], start=mp.mpf(1)), "sort": smallest, "top_k": largest, "row_shift": largest,
    "softmax": lambda *x: mp.exp(x[0] - logsumexp(*x)), "log_softmax": lambda *x: x[0] - logsumexp(*x),
}
PAIRS = list(itertools.product([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, inf, -inf], repeat=2))
PAIRS += [(a, b) for a, b in itertools.product([1e300, -1e300, 1e-300, 1.0], repeat=2) if a != 1 or b != 1]
PAIRS += list(itertools.product([2.0 ** 60, HUGE, 2.0 ** -60, TINY], repeat=2))
PAIRS += [(HUGE, 1.0), (1.0, HUGE), (-HUGE, HUGE), (HUGE, 0.0), (0.0, HUGE), (TINY, 1.0), (1.0, TINY), (TINY, -TINY)]
PAIRS += [(3.0, 3.0), (-2.0, 2.0), (-3.0, 2.0), (5.0, inf), (-5.0, inf), (5.0, -inf), (-5.0, -inf)]
ROWS = [(0.0, 0.0), (0.0, -0.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (-1.0, -1.0), (inf, 1.0), (inf, inf), (1.0, -inf),
        (-inf, -inf), (inf, -inf), (1e300, 1e300), (1e-300, 1e-300), (1e300, 1.0), (-1000.0, 1000.0),
        (0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (2.0, 0.0, 0.0), (inf, 1.0, 2.0), (1.0, 1.0, 1.0), (3.0, 4.0, 12.0),
        (0.0,), (-0.0,), (2.0,), (-2.0,), (inf,), (-inf,), (HUGE,), (TINY,), (1.0, inf), (0.0, inf), (-inf, 1.0),
        (HUGE, HUGE), (HUGE, -HUGE), (HUGE, 1.0), (1.0, HUGE), (HUGE, TINY), (TINY, TINY), (TINY, -TINY), (TINY, 0.0),
        (1.0, TINY), (2.0 ** 60, 2.0 ** 61), (2.0 ** -60, 2.0 ** -61), (1.0, inf, 2.0), (inf, inf, 1.0),
        (inf, -inf, 1.0), (-inf, -inf, -inf), (HUGE, 1.0, -HUGE), (TINY, 2 * TINY, 4 * TINY), (HUGE, 2 * HUGE, 4 * HUGE),
        (0.1, 0.1, 0.1), (2.0 ** 70, 2.0 ** 70, 2.0 ** 70)]
BOOLEAN = {
    "is_nan": lambda x: x != x, "is_finite": math.isfinite, "is_inf": math.isinf,
    "less": lambda a, b: a < b, "less_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b, "equal": lambda a, b: a == b, "not_equal": lambda a, b: a != b,
    "logical_not": lambda x: not x, "logical_and": lambda a, b: a and b, "logical_or": lambda a, b: a or b,
    "logical_xor": lambda a, b: a != b,
}

# ---- Conventions ----------------------------------------------------------------------------------------------------


def completed(name, x, out):
    """The limits, with the convention of the operation where there is none, or where another is fixed."""
    convention = CONVENTIONS.get(name, lambda *x: None)
    named = convention in (no_spread, equal_infinities)
    given = (convention(name, *x) if named else convention(*x)) or [None] * len(out)
    if name == "deviation_rate" and len(set(x)) == 1:
        return given  # 0, not infinite, so that the derivatives of `standardised` are 0 too
    out = [g if v is None else v for v, g in zip(out, given)]
    fixed = FIXED.get((name, *map(repr, x))) or [None] * len(out)
    return [v if f is None else f for v, f in zip(out, fixed)]


def kink(at, first, second=0.0):
    """The derivatives of a function of one argument at the points `at`."""
    return lambda x: (None, first, second) if x in at else None


def steps(f): return lambda x: (f(x), 0.0, 0.0)
def ieee(f): return lambda a, b: [f(a, b)] + [None] * 6
def tie(a, b): return (a, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0) if a == b else None


def jump(a, b):
    if math.isfinite(a) and math.isfinite(b):
        return [float(Fraction(a) % Fraction(b)), 1.0, mp.mpf(-(Fraction(a) // Fraction(b))), 0.0, 0.0, 0.0, 0.0]


def shares(chosen, second):
    """The n elements that equal the chosen one share the derivative."""
    def f(*x):
        top = chosen(x)
        if x.count(top) < 2:
            return None
        p = [(v == top) / x.count(top) for v in x]
        hessian = [second * (p[i] * (i == k) - p[i] * p[k]) for i in range(len(x)) for k in range(len(x))]
        return [top] + p + hessian
    return f


def masked(x):
    """Without derivatives, if several elements are all -inf."""
    return [-inf] + [0.0] * (len(x) + len(x) ** 2)


def equal_logits(second, value, first):
    """Several logits are +inf, the first among them: they share the probability p."""
    def f(*x):
        if x[0] != inf or x.count(inf) < 2:
            return None
        p, n = [(v == inf) / x.count(inf) for v in x], range(len(x))
        def d(i, k): return float(i == k)
        return [value(p)] + [first(p, d, i) for i in n] + [second(p, d, i, k) for i in n for k in n]
    return f


def certain(a, b):
    """A logit is infinite. If it is right, it costs 0."""
    return [0.0 if (a, b) == (inf, 1) or a == -inf and b == 0 else nan] + [nan] * 6 if inf in map(abs, (a, b)) else None


def first_of_equals(chosen):
    def f(*x):
        at = x.index(chosen(x))
        return [x[at]] + [float(i == at) for i in range(len(x))] + [0.0] * len(x) ** 2
    return f


def infinite_places(x):
    """What a row with infinite elements counts as, where there is no limit: 1, -1 and 0."""
    return [0.0 if math.isfinite(v) else math.copysign(1, v) for v in x]


def no_spread(name, *x):
    """Equal elements, and rows with several infinite elements."""
    places, n = infinite_places(x) if any(map(math.isinf, x)) else x, len(x)
    zeros = [0.0] * (n + n * n)
    if len(set(x)) == 1 and name == "deviation_rate":
        return [0.0] + zeros
    if len(set(places)) == 1:
        return [0.0] + zeros
    if name in ("std", "deviation"):
        slopes = [centred(v, *places[:i], *places[i + 1:]) / mp.sqrt(variance(*places)) / n for i, v in enumerate(places)]
        return [inf] + slopes + [0.0] * n * n
    if name == "deviation_rate":
        return [0.0] + zeros
    return [centred(*places) / mp.sqrt(variance(*places))] + zeros


def equal_infinities(name, *x):
    """Equal infinities differ by 0. If one element of three is finite between both infinities, its difference is 0."""
    n = len(x)
    sign_of = infinite_places(x)
    away = [0.0 if len(set(x)) == 1 else math.copysign(inf, v) if v else
            inf * ((-1 in sign_of) - (1 in sign_of)) if (1 in sign_of) != (-1 in sign_of) else 0.0 for v in sign_of]
    if name == "centred":
        return [away[0]] + [None] * (n + n * n)
    return [0.0 if len(set(x)) == 1 else inf] + [2 * v / n if v else 0.0 for v in away] + [None] * n * n


# At an edge without a limit. tests/ops fixes most of them; elementwise.def and ops.h say so in words.
CONVENTIONS = {
    "abs": kink([0], 0.0), "relu": kink([0], 0.0), "relu6": kink([0, 6], 0.0), "hard_tanh": kink([1, -1], 0.0),
    "hard_sigmoid": kink([3, -3], 0.0), "hard_silu": lambda x: {3.0: (3.0, 1.0, 0.0), -3.0: (0.0, 0.0, 0.0)}.get(x),
    "selu": kink([0], scale * alpha, scale * alpha), "softsign": kink([0], 1.0), "leaky_relu": kink([0], 0.1),
    "elu": kink([0], 0.7, 0.7), "celu": kink([0], 1.0, 1 / 0.7), "soft_shrink": kink([0.5, -0.5], 0.0),
    "clip": kink([-1, 1.5], 1.0), "sign": steps(lambda x: float((x > 0) - (x < 0))), "floor": steps(lambda x: x),
    "ceil": steps(lambda x: x), "round": steps(lambda x: float(round(x)) if math.isfinite(x) else x),
    "trunc": steps(lambda x: x),
    "sin": lambda x: [nan] * 3, "cos": lambda x: [nan] * 3, "tan": lambda x: [nan] * 3,
    "lgamma": lambda x: (inf, nan, inf), "digamma": lambda x: (nan, inf, nan), "polygamma": lambda x: (inf, nan, inf),
    "add": ieee(lambda a, b: a + b), "sub": ieee(lambda a, b: a - b), "mul": ieee(lambda a, b: a * b),
    "difference": ieee(lambda a, b: 0.0 if a == b else a - b),
    "copysign": lambda a, b: [math.copysign(a, b), ((a > 0) - (a < 0)) * math.copysign(1, b)] + [0.0] * 5,
    **dict.fromkeys(("xlogy", "xlog1py"), lambda a, b: [nan] * 7),
    "bernoulli_cross_entropy": certain,
    "turn": lambda a, b: [0.0] * 7 if a == b == 0 else None,
    "max": tie, "min": tie, "remainder": jump,
    "hypot": lambda a, b: [0.0] * 7 if a == b == 0 else [inf, math.copysign(1, a), math.copysign(1, b)] + [None] * 4,
    "atan2": lambda a, b: [math.atan2(a, b)] + [0.0 if a == b == 0 else None] * 6,
    "logaddexp": lambda a, b: (a, 0.5, 0.5, 0.25, -0.25, -0.25, 0.25) if a == b else None,
    "reduce_max": shares(max, 0), "reduce_min": shares(min, 0),
    **dict.fromkeys(("sum", "mean"), lambda *x: [nan] + [None] * (len(x) + len(x) ** 2)),
    **dict.fromkeys(("norm", "row_norm"), lambda *x: [inf if any(x) else 0.0] + [float((v > 0) - (v < 0)) for v in x] + [0.0] * len(x) ** 2),
    **dict.fromkeys(("std", "deviation", "standardised", "deviation_rate", "layer_norm", "batch_norm"), no_spread),
    **dict.fromkeys(("variance", "spread", "centred"), equal_infinities),
    "prod": lambda *x: [nan] * (1 + len(x) + len(x) ** 2), "sort": first_of_equals(min), "top_k": first_of_equals(max),
    **dict.fromkeys(("logsumexp", "logmeanexp"), lambda *x: shares(max, 1)(*x) if max(x) > -inf else masked(x)),
    "softmax": equal_logits(lambda p, d, i, k: p[0] * (d(0, i) - p[i]) * (d(0, k) - p[k]) - p[0] * p[i] * (d(i, k) - p[k]),
                            lambda p: p[0], lambda p, d, i: p[0] * (d(0, i) - p[i])),
    "log_softmax": equal_logits(lambda p, d, i, k: p[i] * p[k] - p[i] * d(i, k), lambda p: math.log(p[0]),
                                lambda p, d, i: d(0, i) - p[i]),
}


# At NaN the value is NaN. So are the derivatives, unless a derivative is constant or chooses between constants.
AT_NAN = {"copy": (1, 0), "cast": (1, 0), "neg": (-1, 0), "abs": (nan, 0), "square": (nan, 2), "leaky_relu": (0.1, 0),
          "clip": (1, 0), "hard_silu": (nan, 0)}
AT_NAN |= {name: (0, 0) for name in "relu relu6 hard_tanh hard_sigmoid soft_shrink sign floor ceil round trunc".split()}


# Limits that the operations do not take. A logarithm at 0 times a factor that tends to 0 counts as 0: a^b ln a at
# (0, 0), and what contains it. 0 is a multiple of every number, so its remainder is 0.
FIXED = {("pow", "0.0", b): (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0) for b in ("0.0", "-0.0")}
FIXED |= {("pow", "0.0", "1.0"): (None, None, None, 0.0, 0.0, 0.0, None)}
FIXED |= {("pow", "inf", b): (None,) * 6 + (nan,) for b in ("0.0", "-0.0")}  # a chain has 0 times infinity
FIXED |= {("atan2", a, b): (None,) + (0.0,) * 6 for a in ("0.0", "-0.0") for b in ("0.0", "-0.0")}  # as hypot
FIXED |= {("turn", a, b): (0.0,) * 7 for a in ("0.0", "-0.0") for b in ("0.0", "-0.0")}
FIXED |= {("xlogy", a, b): (0.0,) * 7 for a in ("0.0", "-0.0") for b in ("0.0", "-0.0")}
FIXED |= {("xlog1py", a, "-1.0"): (0.0,) * 7 for a in ("0.0", "-0.0")}
FIXED |= {("remainder", a, b): (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0) for a in ("0.0", "-0.0") for b in ("inf", "-inf")}


def c_pow(a, b):
    """The power function of C, where Python raises an error."""
    if a == 0 and b < 0:
        return math.copysign(inf, a) if b % 2 == 1 else inf
    try:
        return math.pow(a, b)
    except OverflowError:
        return inf


def value_alone(name, x):
    """The value at a point where derivatives have neither a limit nor a convention. None: no such point."""
    x = tuple(x)
    if name == "row_shift":
        return max(x)
    small = all(abs(v) < 1e-15 for v in x) and any(x)  # the second derivatives of these overflow in float32
    if name == "deviation_rate" and small and len(set(x)) > 1:
        return rate(*map(mp.mpf, x))
    if name == "turn" and small and all(x):
        return TWO["turn"](*map(mp.mpf, x))
    if name == "div" and (x[0] == x[1] == 0 or math.isinf(x[0]) and math.isinf(x[1])):
        return nan
    if name == "remainder" and (math.isinf(x[0]) or x[1] == 0):
        return nan
    if name in ("softmax", "log_softmax") and max(x) == -inf and len(x) > 1:
        return nan
    negative_zero = x[0] == 0 and math.copysign(1, x[0]) < 0
    corner = x[0] == abs(x[-1]) and x[0] in (1e-300, TINY)
    if name == "pow" and (negative_zero or x[0] in (1, 1e-300, TINY) and abs(x[1]) > 1e15 or corner):
        return c_pow(*x)  # a^(b - 2) overflows, or the paths are not near enough
    return None


def outside(name, x):
    """Rows that need more digits than there are, here or in the logarithm of a number beside 1; one value for each
    channel, which batch_norm refuses; and -MAX, which depends on the type."""
    if name == "bernoulli_cross_entropy" and x[0] == 0 and x[1] == HUGE:
        return True
    if name in ("add", "sub", "difference", "hypot", "atan2", "turn", "bernoulli_cross_entropy"):
        return 1e-300 in x and 1e300 in map(abs, x)
    if name == "logmeanexp" and len(set(x)) > 1 and all(abs(v) < 1e-15 for v in x):
        return True
    return name == "batch_norm" and len(x) == 1 or name == "row_shift" and max(x) == -inf


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
