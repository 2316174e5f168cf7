"""Writes what SciPy's minimisers reach on sums of squares of Moré, Garbow and Hillstrom (1981).

    python3 optim.py > optim.txt

Lines: `problem NAME METHOD N MINIMUM EVALUATIONS ITERATIONS`, then `path NAME METHOD F...`: the value at the start and
after each of the first 30 iterations, as hexadecimal floats. Gradients and Hessians are SymPy's.
"""
import sys

import numpy as np
import scipy
import sympy as sp
from scipy.optimize import minimize


def rosenbrock(x):
    return [r for i in range(0, len(x), 2) for r in (10 * (x[i + 1] - x[i] ** 2), 1 - x[i])]


def freudenstein_roth(x):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def beale(x):
    return [y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate((1.5, 2.25, 2.625))]


def helical_valley(x):
    return [10 * (x[2] - 10 * sp.atan2(x[1], x[0]) / (2 * np.pi)), 10 * (sp.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def bard(x):
    y = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
    return [y[i - 1] - (x[0] + i / ((16 - i) * x[1] + min(i, 16 - i) * x[2])) for i in range(1, 16)]


def gaussian(x):
    y = (0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989)
    return [x[0] * sp.exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y[min(i, 16 - i) - 1] for i in range(1, 16)]


def box(x):
    return [sp.exp(-s * x[0]) - sp.exp(-s * x[1]) - x[2] * (np.exp(-s) - np.exp(-10 * s))
            for s in (0.1 * i for i in range(1, 11))]


def powell_singular(x):
    return [x[0] + 10 * x[1], np.sqrt(5) * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, np.sqrt(10) * (x[0] - x[3]) ** 2]


def wood(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0], np.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
            np.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / np.sqrt(10)]


def brown_dennis(x):
    return [(x[0] + s * x[1] - np.exp(s)) ** 2 + (x[2] + x[3] * np.sin(s) - np.cos(s)) ** 2
            for s in (i / 5 for i in range(1, 21))]


PROBLEMS = [
    ("rosenbrock", rosenbrock, [-1.2, 1]), ("freudenstein-roth", freudenstein_roth, [0.5, -2]), ("beale", beale, [1, 1]),
    ("helical-valley", helical_valley, [-1, 0, 0]), ("bard", bard, [1, 1, 1]), ("gaussian", gaussian, [0.4, 1, 0]),
    ("box", box, [0, 10, 20]), ("powell-singular", powell_singular, [3, -1, 0, 1]), ("wood", wood, [-3, -1, -3, -1]),
    ("brown-dennis", brown_dennis, [25, 5, -5, -1]), ("rosenbrock-100", rosenbrock, [-1.2, 1] * 50),
]
METHODS = [("cg-pr", "CG", {"gtol": 1e-9, "maxiter": 20000}),
           ("lbfgs", "L-BFGS-B", {"gtol": 1e-9, "ftol": 0, "maxcor": 10, "maxiter": 20000, "maxfun": 100000}),
           ("newton-cg", "Newton-CG", {"xtol": 1e-12, "maxiter": 20000})]


def functions(residuals, n):
    x = sp.symbols(f"x0:{n}", real=True)
    f = sum(r ** 2 for r in residuals(x))
    g = [sp.diff(f, v) for v in x]
    h = sp.hessian(f, x) if n < 10 else sp.Matrix(n, n, lambda i, j: sp.diff(g[i], x[j]) if abs(i - j) < 2 else 0)
    value, gradient, hessian = (sp.lambdify([x], e, "numpy", cse=n < 10) for e in (f, sp.Matrix(g), h))
    return (lambda v: float(value(v)), lambda v: np.array(gradient(v), dtype=float).ravel(),
            lambda v: np.array(hessian(v), dtype=float))


print(f"# SciPy {scipy.__version__}, NumPy {np.__version__}, SymPy {sp.__version__}, Python {sys.version.split()[0]}")
for name, residuals, start in PROBLEMS:
    f, g, h = functions(residuals, len(start))
    for mine, theirs, options in METHODS:
        path = [f(start)]
        more = {"hessp": lambda v, p: h(v) @ p} if theirs == "Newton-CG" else {}
        result = minimize(f, np.array(start, dtype=float), jac=g, method=theirs, options=options,
                          callback=lambda v: path.append(f(v)), **more)
        print("problem", name, mine, len(start), float(result.fun).hex(), result.nfev, result.nit)
        print("path", name, mine, *(float(v).hex() for v in path[:31]))
