#!/usr/bin/env python3
"""Write down what PyTorch makes of the operations' cases: values, first and second derivatives, in float64.

    palindrome ops --json | ops.py > ops.txt

The C test (test_parity_ops.c) reads ops.txt and needs neither Python nor PyTorch. Inputs, seeds and directions are made
by the same formula on both sides. Of each operation the first two cases that have elements are taken. On standard error:
what PyTorch has no counterpart of, and what it cannot differentiate twice.
"""
import json
import math
import sys

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("ops.py: PyTorch is not installed")

torch.set_default_dtype(torch.float64)
S = torch.special

# name -> function of the inputs; a dict names the case's label first. Where the case wraps the operation, so does this.
SAME = """neg abs square sqrt rsqrt reciprocal exp expm1 exp2 log log1p log2 log10 sin cos tan asin acos atan sinh cosh tanh
asinh acosh atanh sigmoid relu sign erf erfc lgamma digamma floor ceil round trunc logit add sub mul div pow
atan2 hypot xlogy logaddexp copysign remainder""".split()

TORCH = {name: getattr(torch, name) for name in SAME}
TORCH |= {
    "copy": lambda x: x,
    "cast": lambda x: x,
    "softplus": F.softplus,
    "log_sigmoid": F.logsigmoid,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softsign": F.softsign,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "hard_silu": F.hardswish,
    "relu6": F.relu6,
    "normal_cdf": S.ndtr,
    "log_normal_cdf": S.log_ndtr,
    "xlog1py": S.xlog1py,
    "max": torch.maximum,
    "min": torch.minimum,
    "bernoulli_cross_entropy": lambda a, b: F.binary_cross_entropy_with_logits(
        *torch.broadcast_tensors(a, b), reduction="none"),
    "where": lambda a, b, c: torch.where(a > 0, b, c),
    "broadcast_to": lambda x: x.broadcast_to(2, 3, 4),
    "sum_to": {"all": lambda x: x.sum(), "rows": lambda x: x.sum(0), "columns": lambda x: x.sum((0, 2)).reshape(3, 1)},
    "reshape": lambda x: x.reshape(2, -1),
    "permute": {"three axes": lambda x: x.permute(2, 0, 1), "transpose": lambda x: x.mT},
    "slice": lambda x: x[1:3, 0:6:2],
    "pad": lambda x: torch.zeros(4, 7).index_put((torch.tensor([[1], [2]]), torch.tensor([[2, 4, 6]])), x),
    "take": {"rows in a region": lambda x: x.square().sum(0), "one row four times": lambda x: x[torch.ones(2, 2).long()]},
    "scatter_add": lambda x: x.square().broadcast_to(3, 4),
    "one_hot": lambda x: x.square() * torch.tensor([1.0, 1, 0]),
    "matmul": {"a b": torch.matmul, "a' b'": lambda a, b: a.mT @ b.mT, "batches that broadcast": torch.matmul},
    "addmm": torch.addmm,
    "outer": torch.outer,
    "dot": torch.dot,
    "lower_part": {"square": lambda x: half_diagonal((x * x).tril())},
    "cholesky": lambda x: torch.linalg.cholesky(definite(x)),
    "triangular_solve": {
        "L x = b": lambda l, b: torch.linalg.solve_triangular(regular(l), b, upper=False),
        "L' x = b": lambda l, b: torch.linalg.solve_triangular(regular(l).mT, b, upper=True),
        "one factor": lambda l, b: torch.linalg.solve_triangular(regular(l), b, upper=False)},
    "cholesky_solve": lambda x, b: torch.linalg.solve(definite(x), b),
    "cholesky_inverse": {"x x' + 1": lambda x: torch.linalg.inv(definite(x)),
                         "batch": lambda x: torch.linalg.inv(definite(x))},
    "cholesky_log_det": lambda x: torch.logdet(definite(x)),
}


def definite(x):
    return x @ x.mT + torch.eye(x.shape[-1])


def regular(x):
    return (x + 2 * torch.eye(x.shape[-1])).tril()


def half_diagonal(x):
    return x - 0.5 * torch.diag_embed(torch.diagonal(x, dim1=-2, dim2=-1))


for name, op in {"less": torch.lt, "less_equal": torch.le, "greater": torch.gt, "greater_equal": torch.ge,
                 "equal": torch.eq, "not_equal": torch.ne}.items():
    TORCH[name] = lambda a, b, op=op: torch.where(op(a, b), a * b, a - b)

NONE = {"stop_gradient": "nothing to differentiate", "uniform": "noise", "normal": "noise"}


def spread(i, step, start):
    x = (i + 1) * step + start
    return x - math.floor(x)


def made(shape, f):
    n = math.prod(shape)
    return torch.tensor([f(i) for i in range(n)], dtype=torch.float64).reshape(shape)


def numbers(tensors):
    return " ".join("%.13g" % v for t in tensors for v in t.detach().reshape(-1).to(torch.float64).tolist())


def derivatives(y, x):
    """<s, y> differentiated by x, and <that, d> again; None for what PyTorch does not do."""
    s = made(tuple(y.shape), lambda i: 0.5 + spread(i, 0.7548776662466927, 0))
    zeros = [torch.zeros_like(v) for v in x]
    if not y.requires_grad:
        return zeros, zeros
    g = torch.autograd.grad((s * y).sum(), x, create_graph=True, allow_unused=True)
    g = [z if v is None else z + v for v, z in zip(g, zeros)]
    total = 0
    for k, v in enumerate(g):
        d = made(tuple(v.shape), lambda i: 1 - 2 * spread(i, 0.5698402909980532, 0.31 * (k + 1)))
        total = total + (d * v).sum()
    if not total.requires_grad:
        return g, zeros
    try:
        h = torch.autograd.grad(total, x, allow_unused=True)
    except RuntimeError as e:
        return g, str(e).split("\n")[0]
    return g, [z if v is None else z + v for v, z in zip(h, zeros)]


def write_case(op, case, function, once):
    x = [made(tuple(v["shape"]), lambda i: v["low"] + (v["high"] - v["low"]) *
              spread(i, 0.6180339887498949, 0.137 * (k + 1))).requires_grad_() for k, v in enumerate(case["inputs"])]
    y = function(*x)
    print("case", op["name"], "|", case["label"])
    print("y", numbers([y]))
    if not y.is_floating_point():
        return
    g, h = derivatives(y, x)
    print("g", numbers(g))
    if isinstance(h, str):
        once.append(op["name"])
    else:
        print("h", numbers(h))


def main():
    print("# Made by ops.py with PyTorch %s; see test_parity_ops.c." % torch.__version__.split("+")[0])
    missing, once = [], []
    for op in json.load(sys.stdin):
        function, taken = TORCH.get(op["name"]), 0
        if op["name"] == "einsum":
            function = {c["label"]: lambda a, b, c=c: torch.einsum(c["label"], a, b) for c in op["cases"]}
        for case in op["cases"]:
            f = function.get(case["label"]) if isinstance(function, dict) else function
            if f is None or taken == 2 or any(0 in v["shape"] for v in case["inputs"]):
                continue
            write_case(op, case, f, once)
            taken += 1
        if not taken:
            print("none", op["name"], "|", NONE.get(op["name"], "no counterpart"))
            missing.append(op["name"])
    print("no counterpart:", *missing, file=sys.stderr)
    print("no second derivative:", *sorted(set(once)), file=sys.stderr)


if __name__ == "__main__":
    main()
