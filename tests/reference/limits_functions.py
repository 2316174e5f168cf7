"""The functions of limits.py and the points where it looks at them."""
import itertools
import math
import sys

try:
    import mpmath as mp
except ImportError:
    sys.exit("limits.py: mpmath is not installed: install it in a virtual environment")

inf, nan = math.inf, math.nan


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
