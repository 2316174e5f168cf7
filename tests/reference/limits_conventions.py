"""The conventions of limits.py: what an operation is where there is no limit, or where it does not take the limit."""
import math
import sys
from fractions import Fraction

from limits_functions import HUGE, TINY, TWO, alpha, centred, inf, mp, nan, rate, scale, standardised, variance


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
