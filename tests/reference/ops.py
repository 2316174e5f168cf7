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

NONE = {"stop_gradient": "nothing to differentiate", "uniform": "noise", "normal": "noise",
        "jacobian_norm2_hutchinson": "noise"}

# name -> function of the inputs; a dict names the case's label first. Where the case wraps the operation, so does this.
SAME = """neg abs square sqrt rsqrt reciprocal exp expm1 exp2 log log1p log2 log10 sin cos tan asin acos atan sinh cosh tanh
asinh acosh atanh sigmoid relu sign erf erfc  floor ceil round trunc logit add sub mul div pow
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
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,  # F.hardsigmoid's derivative takes 1/6 in float32, and has no second
    "hard_tanh": F.hardtanh,
    "hard_silu": F.hardswish,
    "relu6": F.relu6,
    "normal_cdf": S.ndtr,
    "log_normal_cdf": S.log_ndtr,
    "cbrt": lambda x: x.sign() * x.abs() ** (1 / 3),
    "log1mexp": lambda x: torch.log(-torch.expm1(-x)),
    "xlog1py": S.xlog1py,
    "difference": torch.sub,
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
    "slice_at": {"of each term": lambda x: x[:, :1].square() + x[:, 1:2].square(),
                 "an index each": lambda x: torch.stack([x[i, i:i + 1] for i in range(3)]).square().square()},
    "embed_at": {"of each term": lambda x: torch.cat([x.square(), x.square(), torch.zeros(1, 4)]),
                 "an index each": lambda x: torch.stack(
                     [torch.cat([torch.zeros(i, 2), x[i].square(), torch.zeros(3 - i, 2)]) for i in range(3)])},
    "one_hot": lambda x: x.square() * torch.tensor([1.0, 1, 0]),
    "matmul": {"a b": torch.matmul, "a' b'": lambda a, b: a.mT @ b.mT, "batches that broadcast": torch.matmul},
    "matmul_sum": {"a' b + c d'": lambda a, b, c, d: a.mT @ b + c @ d.mT, "batch": lambda a, b, c, d: a @ b + c @ d},
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
    "lgamma": lambda x: Lgamma.apply(x),
    "digamma": lambda x: Polygamma.apply(x, 0),
    "polygamma": lambda x: Polygamma.apply(x, 1),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "elu": lambda x: F.elu(x, 0.7),
    "celu": lambda x: torch.where(x > 0, x, 0.7 * torch.expm1(x / 0.7)),  # F.celu's derivative is good to 1e-9 only
    "soft_shrink": lambda x: F.softshrink(x, 0.5),
    "clip": lambda x: x.clamp(-1, 1.5),
    "concat": {"rows": lambda *x: torch.cat(x, 0).square(), "middle axis": lambda *x: torch.cat(x, 1).square()},
    "stack": {"first": lambda *x: torch.stack(x, 0).square(), "last": lambda *x: torch.stack(x, 2).square()},
    "split_axis": {"rows": lambda x: product(x.split([2, 1, 2], 0)), "columns": lambda x: product(x.split([2, 1, 2], 1))},
    "flip": {"last axis": lambda x: x.flip(1) * x, "both ends": lambda x: x.flip(0, 2) * x},
    "repeat": {"two axes": lambda x: counted(x.repeat(2, 1, 3).square()), "vector": lambda x: counted(x.repeat(2).square())},
    "expand": {"first": lambda x: x.unsqueeze(0) * x, "middle": lambda x: x.unsqueeze(1) * x},
    "diagonal": lambda x: torch.diagonal(x, dim1=-2, dim2=-1).square(),
    "diagonal_matrix": lambda x: torch.diag_embed(x).square(),
    "lower_triangle": {"square": lambda x: x.tril().square(), "wide, above": lambda x: x.tril(1).square()},
    "upper_triangle": {"square": lambda x: x.triu().square(), "tall, below": lambda x: x.triu(-1).square()},
    "arg_max": {"last axis": lambda x: x.gather(1, x.argmax(1, keepdim=True)).square(),
                "first axis": lambda x: x.gather(0, x.argmax(0, keepdim=True)).square()},
    "arg_min": {"last axis": lambda x: x.gather(1, x.argmin(1, keepdim=True)).square(),
                "first axis": lambda x: x.gather(0, x.argmin(0, keepdim=True)).square()},
    "arg_sort": lambda x: x.gather(1, x.argsort(1)).square(),
    "arg_top_k": {"two": lambda x: x.topk(2, 1).values.square()},
    "sort": {"last axis": lambda x: x.sort(-1).values.square(),
             "first axis, descending": lambda x: x.sort(0, descending=True).values.square()},
    "top_k": {"last axis": lambda x: x.topk(2, -1).values.square(), "first axis": lambda x: x.topk(1, 0).values.square()},
    "gather": {"last axis, with repeats": lambda x: x.gather(1, (torch.arange(10) % 3).reshape(2, 5)).square()},
    "gather_add": {"last axis, with repeats": lambda x: torch.zeros(2, 4).scatter_add(
        1, (torch.arange(10) % 3).reshape(2, 5), x).square()},
    "mean_over_samples": {"matrix": lambda x: x.sum() / x.shape[0]},
    "sum_squares": lambda x: x.square().sum(),
    "exclusive_prod": {"rows": lambda x: torch.stack([x[:, [j for j in range(4) if j != i]].prod(1) for i in range(4)], 1)},
    "row_norm": lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True),
    "row_shift": lambda x: x.logsumexp(1, keepdim=True),
    "variance": {"last axis": lambda x: x.var(1, correction=0, keepdim=True), "unbiased": lambda x: x.var(1)},
    "std": {"last axis": lambda x: x.std(1, correction=0, keepdim=True), "unbiased": lambda x: x.std(1)},
    "cumsum": {"last axis": lambda x: x.cumsum(1).square(),
               "first axis, exclusive": lambda x: (x.cumsum(0) - x).square(),
               "middle axis, reverse": lambda x: x.flip(1).cumsum(1).flip(1).square()},
    "conv_transpose2d": {
        "doubles the plane": lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
        "two groups": lambda x, w: F.conv_transpose2d(x, w, stride=(2, 1), groups=2)},
    "average_pool2d_adjoint": {
        "window of 2": lambda y: adjoint(lambda x: F.avg_pool2d(x, 2), (1, 2, 4, 2), y),
        "overlapping": lambda y: adjoint(lambda x: F.avg_pool2d(x, (3, 2), (1, 2)), (1, 1, 5, 4), y)},
    "hvp": {"by a weight": lambda x, w, d: grad((grad((torch.tanh(x @ w) ** 2).sum(), w) * d).sum(), w)},
    "jacobian": {"by rows": lambda x, w: rows(torch.tanh(x @ w), x), "by columns": lambda x, w: rows(torch.tanh(x @ w), x)},
    "hessian": {"by a weight": lambda x, w: rows(grad((torch.tanh(x @ w) ** 2).sum(), w), w)},
    "jacobian_norm2_rows": {"tanh layer": lambda x, w: norm2(torch.tanh(x @ w), x)},
    "jacobian_norm2_rows_each": {"tanh layer": lambda x, w: norms2(torch.tanh(x @ w), x)},
    "jacobian_norm2_layers_each": {
        "one layer": lambda x, w: norms2(torch.sigmoid(x @ w), x),
        "two": lambda x, w, u, b: norms2(torch.sigmoid(torch.tanh(x @ w + b) @ u), x)},
    "jacobian_norm2_layers": {
        "one layer": lambda x, w: norm2(torch.sigmoid(x @ w), x),
        "two, from the code": lambda x, w, u, b: norm2(torch.sigmoid(torch.tanh(x @ w + b) @ u), x)},
}
for name, f in {"sum": torch.sum, "mean": torch.mean, "logsumexp": torch.logsumexp, "norm": torch.linalg.vector_norm,
                "logmeanexp": lambda x, dim, keepdim=False: x.logsumexp(dim, keepdim)
                - math.log(math.prod(x.shape[i] for i in ([dim] if isinstance(dim, int) else dim)))}.items():
    TORCH[name] = {"last axis": lambda x, f=f: f(x, dim=1, keepdim=True), "first axis": lambda x, f=f: f(x, dim=0),
                   "both ends": lambda x, f=f: f(x, dim=(0, 2))}
for name, f in {"reduce_max": torch.amax, "reduce_min": torch.amin}.items():
    TORCH[name] = {"last axis": lambda x, f=f: f(x, dim=1, keepdim=True), "both ends": lambda x, f=f: f(x, dim=(0, 2)),
                   "squared": lambda a, b, f=f: f(a * b, dim=1).square()}
TORCH["prod"] = {"last axis": lambda x: x.prod(1, keepdim=True), "both ends": lambda x: x.prod(0, keepdim=True).prod(2, keepdim=True)}
for label, o, size, kernel in [("defaults", {}, (2, 1, 3, 4), (2, 1, 2, 2)),
                               ("rows unlike columns", {"stride": (2, 1), "padding": 1}, (1, 2, 4, 3), (2, 2, 3, 2)),
                               ("two groups", {"groups": 2, "stride": (1, 2)}, (1, 4, 2, 3), (4, 2, 2, 1))]:
    TORCH.setdefault("conv2d", {})[label] = lambda x, w, o=o: F.conv2d(x, w, **o)
    TORCH.setdefault("conv2d_to_input", {})[label] = lambda y, w, o=o, size=size: adjoint(
        lambda x: F.conv2d(x, w, **o), size, y)
    TORCH.setdefault("conv2d_to_weights", {})[label] = lambda x, y, o=o, kernel=kernel: adjoint(
        lambda w: F.conv2d(x, w, **o), kernel, y)
for label, window, stride, padding in [("window of 2", 2, 2, 0), ("overlapping", (3, 2), (1, 2), 0),
                                       ("padded", (2, 3), (2, 1), 1)]:
    TORCH.setdefault("max_pool2d", {})[label] = lambda x, w=window, s=stride, p=padding: F.max_pool2d(x, w, s, p)
    TORCH.setdefault("arg_pool2d", {})[label] = lambda x, w=window, s=stride, p=padding: F.max_pool2d(x, w, s, p).square()
    TORCH.setdefault("average_pool2d", {})[label] = lambda x, w=window, s=stride, p=padding: F.avg_pool2d(
        x, w, s, p, count_include_pad=False)
for label, size, to in [("doubled", (1, 2, 2, 3), (4, 6)), ("odd", (2, 1, 3, 4), (5, 3))]:
    for mode in "nearest", "bilinear":
        TORCH.setdefault("resize_" + mode, {})[label] = lambda x, to=to, mode=mode: F.interpolate(x, to, mode=mode)
for label, size, frm in [("doubled", (1, 2, 2, 3), (4, 6)), ("odd", (2, 1, 3, 4), (5, 3))]:
    for mode in "nearest", "bilinear":
        TORCH.setdefault("resize_" + mode + "_adjoint", {})[label] = lambda y, size=size, frm=frm, mode=mode: adjoint(
            lambda x: F.interpolate(x, size[2:], mode=mode), size[:2] + frm, y)


D = torch.distributions


def std(log_variance):
    return (log_variance / 2).exp()


def full(mean, x):
    return D.MultivariateNormal(mean, scale_tril=regular(x))


TORCH |= {
    "affine": {"plain": lambda x, w, b: F.linear(x, w.mT, b), "no bias": lambda x, w: F.linear(x, w.mT)},
    "bilinear": lambda a, w, b: F.bilinear(a, b, w),
    "softmax": {"last axis": lambda x: x.softmax(-1), "middle axis": lambda x: x.softmax(1)},
    "log_softmax": {"last axis": lambda x: x.log_softmax(-1), "middle axis": lambda x: x.log_softmax(1)},
    "layer_norm": {"last axis": lambda x, g, b: F.layer_norm(x, (5,), g, b, 1e-5),
                   "neither gain nor shift": lambda x: F.layer_norm(x, (6,), eps=0.01)},
    "batch_norm": {"samples": lambda x, g, m, v: F.batch_norm(x, None, None, g, None, True, eps=0.5),
                   "planes": lambda x, b, m, v: F.batch_norm(x, None, None, None, b, True, eps=1e-5)},
    "normal_log_density": lambda x, m, v: D.Normal(m, std(v)).log_prob(x),
    "bernoulli_log_density": lambda x, l: D.Bernoulli(logits=l, validate_args=False).log_prob(x),
    "categorical_log_density": lambda x, l: (x * l.log_softmax(-1)).sum(-1),
    "laplace_log_density": lambda x, m, s: D.Laplace(m, s.exp()).log_prob(x),
    "logistic_log_density": lambda x, m, s: D.TransformedDistribution(
        D.Uniform(0.0, 1.0), [D.SigmoidTransform().inv, D.AffineTransform(m, s.exp())]).log_prob(x),
    "poisson_log_density": lambda x, r: x * r - r.exp() - Lgamma.apply(x + 1),
    "normal_entropy": lambda v: D.Normal(torch.zeros_like(v), std(v)).entropy(),
    "bernoulli_entropy": lambda l: D.Bernoulli(logits=l).entropy(),
    "categorical_entropy": {"plain": lambda l: D.Categorical(logits=l).entropy()},
    "laplace_entropy": lambda s: D.Laplace(torch.zeros_like(s), s.exp()).entropy(),
    "normal_kl": lambda m, v, n, w: D.kl_divergence(D.Normal(m, std(v)), D.Normal(n, std(w))),
    "normal_kl_standard": lambda m, v: D.kl_divergence(D.Normal(m, std(v)), D.Normal(0.0, 1.0)),
    "bernoulli_kl": lambda *l: D.kl_divergence(*[D.Bernoulli(logits=v) for v in torch.broadcast_tensors(*l)]),
    "categorical_kl": lambda *l: D.kl_divergence(*[D.Categorical(logits=v) for v in torch.broadcast_tensors(*l)]),
    "laplace_kl": lambda m, s, n, t: D.kl_divergence(D.Laplace(m, s.exp()), D.Laplace(n, t.exp())),
    "poisson_kl": lambda p, q: D.kl_divergence(D.Poisson(p.exp()), D.Poisson(q.exp())),
    "normal_full_log_density": lambda x, m, l: full(m, l).log_prob(x),
    "normal_full_entropy": {"plain": lambda l: full(torch.zeros(3), l).entropy(),
                            "two": lambda l: full(torch.zeros(2, 3), l).entropy()},
    "normal_full_kl": {"plain": lambda m, k, n, l: D.kl_divergence(full(m, k), full(n, l))},
}
NONE |= {name: "noise" for name in """bernoulli exponential gumbel sample_normal sample_laplace sample_logistic
sample_bernoulli sample_categorical sample_concrete sample_binary_concrete sample_normal_full dropout""".split()}


class Polygamma(torch.autograd.Function):
    """PyTorch's own is good to 1e-9 only; its Hurwitz zeta function is exact: (-1)^(n+1) n! zeta(n + 1, x)."""

    @staticmethod
    def forward(ctx, x, n):
        ctx.save_for_backward(x)
        ctx.n = n
        return torch.digamma(x) if n == 0 else (-1) ** (n + 1) * math.factorial(n) * S.zeta(float(n + 1), x)

    @staticmethod
    def backward(ctx, g):
        return g * Polygamma.apply(ctx.saved_tensors[0], ctx.n + 1), None


class Lgamma(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.lgamma(x)

    @staticmethod
    def backward(ctx, g):
        return g * Polygamma.apply(ctx.saved_tensors[0], 0)


def grad(y, x):
    return torch.autograd.grad(y, x, create_graph=True)[0]


def adjoint(f, shape, y):
    """Of a linear f of tensors of the given shape, applied to y."""
    x = torch.zeros(shape, requires_grad=True)
    return grad((f(x) * y).sum(), x)


def rows(y, x):
    return torch.stack([grad(v, x) for v in y.reshape(-1)]).reshape(y.shape + x.shape)


def norms2(h, x):
    return sum((grad(h[:, j].sum(), x) ** 2).sum(1) for j in range(h.shape[1]))


def norm2(h, x):
    return norms2(h, x).mean()


def product(parts):
    return parts[0] * parts[1] * parts[2]


def counted(x):
    return x * (torch.arange(x.numel()) + 1.0).reshape(x.shape)


def definite(x):
    return x @ x.mT + torch.eye(x.shape[-1])


def regular(x):
    return (x + 2 * torch.eye(x.shape[-1])).tril()


def half_diagonal(x):
    return x - 0.5 * torch.diag_embed(torch.diagonal(x, dim1=-2, dim2=-1))


for name, op in {"is_nan": torch.isnan, "is_finite": torch.isfinite, "is_inf": torch.isinf}.items():
    TORCH[name] = lambda a, b, op=op: torch.where(op(a), a * b, a - b)
for name, op in {"logical_and": torch.logical_and, "logical_or": torch.logical_or, "logical_xor": torch.logical_xor,
                 "logical_not": lambda p, q: torch.logical_not(p)}.items():
    TORCH[name] = lambda a, b, op=op: torch.where(op(a > 0, b > 0.5), a * b, a - b)
for name, op in {"less": torch.lt, "less_equal": torch.le, "greater": torch.gt, "greater_equal": torch.ge,
                 "equal": torch.eq, "not_equal": torch.ne}.items():
    TORCH[name] = lambda a, b, op=op: torch.where(op(a, b), a * b, a - b)



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
