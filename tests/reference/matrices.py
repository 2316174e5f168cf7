#!/usr/bin/env python3
"""Move matrices for 30 steps with the update rules for matrices and write down where they are.

    matrices.py matrices.txt            write the reference file
    matrices.py --check matrices.txt    move again and compare with the file

Muon and SOAP are written here in NumPy, in float64, from their papers and, where those leave it open, as the code of their authors does; README.md has
the formulas and the file format. If PyTorch is there, its Muon moves the same matrices, with its products in float64.
"""
import sys
import numpy as np

STEPS, SNAPSHOTS, SEED = 30, (1, 2, 12, 30), 20241208
SHAPES = {
    "tall/W": (6, 3), "wide/W": (3, 5), "square/W": (4, 4), "row/W": (1, 4), "column/W": (4, 1), "one/W": (1, 1),
    "kernel/W": (3, 2, 2, 2), "square/b": (4,),
}
CASES = [
    ("muon", "muon", {"lr": 0.02, "momentum": 0.95, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01}),
    ("muon-decay", "muon", {"lr": 0.05, "momentum": 0.8, "beta1": 0.8, "beta2": 0.9, "eps": 1e-6, "weight_decay": 0.5}),
    ("muon-elementwise", "muon", {"lr": 0.02, "momentum": 0.9, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8,
                                  "weight_decay": 0.01, "elementwise": "tall,square/W"}),
    ("soap", "soap", {"lr": 0.01, "beta1": 0.95, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.01, "every": 10,
                      "max_dimension": 10000}),
    ("soap-often", "soap", {"lr": 0.02, "beta1": 0.8, "beta2": 0.9, "eps": 1e-6, "weight_decay": 0.5, "every": 3,
                            "max_dimension": 10000}),
    ("soap-always", "soap", {"lr": 0.02, "beta1": 0.9, "beta2": 0.8, "eps": 1e-8, "weight_decay": 0.01, "every": 1,
                             "max_dimension": 10000, "elementwise": "tall,wide,row,column,kernel"}),
    ("soap-short", "soap", {"lr": 0.02, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.01, "every": 1,
                            "max_dimension": 3}),
]


class Draws:
    """The generator of README.md."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, shape):
        out = np.empty(int(np.prod(shape)))
        for i in range(out.size):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            out[i] = (self.state >> 43) * 2.0**-21
        return out.reshape(shape)


def start():
    draw = Draws(SEED)
    w = {name: draw(shape) - 0.5 for name, shape in SHAPES.items()}
    d = {name: draw(shape) + 0.5 for name, shape in SHAPES.items()}
    t = [{name: draw(shape) - 0.5 for name, shape in SHAPES.items()} for _ in range(STEPS)]
    return w, d, t, draw.state


def is_matrix(name, s):
    prefixes = s.get("elementwise", "").split(",")
    return len(SHAPES[name]) > 1 and not any(name == p or name.startswith(p + "/") for p in prefixes)


class Adam:
    """Kingma and Ba 2015; with decoupled decay, Loshchilov and Hutter 2019."""

    def __init__(self, w, s):
        self.s, self.m, self.v, self.t = s, np.zeros_like(w), np.zeros_like(w), 0

    def step(self, w, g):
        s, self.t = self.s, self.t + 1
        self.m = s["beta1"] * self.m + (1 - s["beta1"]) * g
        self.v = s["beta2"] * self.v + (1 - s["beta2"]) * g * g
        m, v = self.m / (1 - s["beta1"] ** self.t), self.v / (1 - s["beta2"] ** self.t)
        return w - s["lr"] * (m / (np.sqrt(v) + s["eps"]) + s["weight_decay"] * w)


class Muon:
    """Jordan et al. 2024, with the factor of Liu et al. 2025, equation 4."""

    def __init__(self, w, s):
        self.s, self.m = s, np.zeros_like(w)

    @staticmethod
    def orthogonal(x):
        turn = x.shape[0] > x.shape[1]
        x = x.T if turn else x
        x = x / max(np.linalg.norm(x), 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
        return x.T if turn else x

    def step(self, w, g):
        s, mu = self.s, self.s["momentum"]
        self.m = mu * self.m + (1 - mu) * g
        update = ((1 - mu) * g + mu * self.m).reshape(len(g), -1)
        factor = 0.2 * np.sqrt(max(update.shape))
        return w - s["lr"] * (factor * self.orthogonal(update).reshape(g.shape) + s["weight_decay"] * w)


class Soap:
    """Vyas et al. 2025, algorithms 3 and 4; the first step, the order of the basis and of v as in the authors' code."""

    def __init__(self, w, s):
        self.s, self.t = s, 0
        self.m, self.v = np.zeros_like(w), np.zeros((len(w), w.size // len(w)))
        self.factor = [np.zeros((n, n)) if n <= s["max_dimension"] else None for n in self.v.shape]
        self.basis = [None, None]  # columns are eigenvectors

    def rotated(self, x, back):
        left, right = self.basis
        x = x if left is None else (left if back else left.T) @ x
        return x if right is None else x @ (right.T if back else right)

    def measure(self, g):
        for i, square in enumerate((g @ g.T, g.T @ g)):
            if self.factor[i] is not None:
                self.factor[i] = self.s["beta2"] * self.factor[i] + (1 - self.s["beta2"]) * square

    def refresh(self):
        for i, factor in enumerate(self.factor):
            if factor is None:
                continue
            size = np.diag(self.basis[i].T @ factor @ self.basis[i])
            order = np.argsort(-size, kind="stable")
            self.v = np.take(self.v, order, axis=i)
            self.basis[i] = np.linalg.qr(factor @ self.basis[i][:, order])[0]

    def step(self, w, gradient):
        s, g = self.s, gradient.reshape(self.v.shape)
        if self.t == 0:
            self.measure(g)
            self.basis = [None if f is None else np.linalg.eigh(f)[1][:, ::-1] for f in self.factor]
            self.t = 1
            return w
        self.m = s["beta1"] * self.m + (1 - s["beta1"]) * gradient
        self.v = s["beta2"] * self.v + (1 - s["beta2"]) * self.rotated(g, False) ** 2
        m = self.rotated(self.m.reshape(g.shape), False) / (1 - s["beta1"] ** self.t)
        step = self.rotated(m / (np.sqrt(self.v / (1 - s["beta2"] ** self.t)) + s["eps"]), True)
        self.measure(g)
        if self.t % s["every"] == 0:
            self.refresh()
        self.t += 1
        return w - s["lr"] * (step.reshape(w.shape) + s["weight_decay"] * w)


class Rested(Adam):
    """Adam without the first step, as SOAP's other parameters have it."""

    def step(self, w, g):
        if self.t == 0 and not hasattr(self, "rested"):
            self.rested = True
            return w
        return super().step(w, g)


def move(kind, s, w, d, targets):
    of_matrix, other = {"muon": (Muon, Adam), "soap": (Soap, Rested)}[kind]
    rules = {n: (of_matrix if is_matrix(n, s) else other)(w[n], s) for n in SHAPES}
    w = dict(w)
    for step, target in enumerate(targets, start=1):
        for n, rule in rules.items():
            w[n] = rule.step(w[n], d[n] * (w[n] - target[n]))
        if step in SNAPSHOTS:
            for n in SHAPES:
                yield f"w {step} {n}", w[n].ravel()
        for n, rule in rules.items():
            for side, basis in zip(("left", "right"), getattr(rule, "basis", ())):
                if step == 1 and basis is not None:
                    yield f"basis {side} {n}", basis.T.ravel()


def lines():
    w, d, targets, final = start()
    yield "# The rules for matrices, for 30 steps in float64; written by matrices.py, described in README.md."
    yield f"sizes steps {STEPS} seed {SEED} cases {len(CASES)}"
    yield f"final-state {final}"
    for name, shape in SHAPES.items():
        yield f"parameter {name} {' '.join(map(str, shape))}"
    for name, kind, s in CASES:
        yield f"case {name} optimizer {kind} " + " ".join(f"{k} {v}" for k, v in s.items())
        for what, values in move(kind, s, w, d, targets):
            yield f"{what} {' '.join(float(v).hex() for v in values)}"
        yield "end"


def differ(ours, theirs):
    for a, b in zip(ours, theirs):
        a, b = a.split(), b.split()
        assert len(a) == len(b), (a, b)
        for x, y in zip(a, b):
            if x != y and abs(float.fromhex(x) - float.fromhex(y)) > 1e-10:
                sys.exit(f"{' '.join(a[:3])}: {x} is not {y}")
    print("equal to 1e-10")


def compare_with_torch():
    """torch.optim.Muon, whose products are otherwise in bfloat16."""
    try:
        import torch
    except ImportError:
        return
    w, d, targets, _ = start()
    torch.bfloat16 = torch.float64
    name, _, s = CASES[1]
    matrices = [n for n in SHAPES if len(SHAPES[n]) == 2]
    moved = {n: torch.tensor(w[n], requires_grad=True) for n in matrices}
    rule = torch.optim.Muon(moved.values(), lr=s["lr"], weight_decay=s["weight_decay"], momentum=s["momentum"],
                            nesterov=True, adjust_lr_fn="match_rms_adamw")
    for target in targets:
        for n, p in moved.items():
            p.grad = torch.tensor(d[n]) * (p.detach() - torch.tensor(target[n]))
        rule.step()
    last = {what.split()[2]: v for what, v in move("muon", s, w, d, targets) if what.startswith(f"w {STEPS}")}
    worst = max(np.abs(moved[n].detach().numpy().ravel() - last[n]).max() for n in matrices)
    print(f"torch.optim.Muon {torch.__version__}: {worst:.1e} from {name}")
    assert worst < 1e-12


if __name__ == "__main__":
    made = list(lines())
    if sys.argv[1] == "--check":
        differ(made, open(sys.argv[2]).read().splitlines())
    else:
        open(sys.argv[1], "w").write("\n".join(made) + "\n")
    compare_with_torch()
