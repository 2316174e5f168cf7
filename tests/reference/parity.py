#!/usr/bin/env python3
"""Train the tied basic autoencoder with PyTorch and write down what happened.

    parity.py parity.txt            write the reference file
    parity.py --check parity.txt    train again and compare with the file

The C tests read the file and need neither Python nor PyTorch.  README.md, beside this script, defines the model,
the generator of weights and batches, and the file's format.
"""
import argparse
import sys

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("parity.py: PyTorch is not installed")

FEATURES, HIDDEN, BATCH, STEPS = 20, 7, 8, 100
SNAPSHOTS = (1, 10, 100)
SEED = 20110628
TITLE = "# Training of the tied autoencoder by PyTorch in float64; written by parity.py, described in README.md."

ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

# name, optimizer, output, settings.  The settings go into the file, so that the C side repeats none of them.
CASES = [
    ("bernoulli-gd", "gd", "bernoulli", {"lr": 0.1}),
    ("bernoulli-momentum", "momentum", "bernoulli", {"lr": 0.02, "momentum": 0.9}),
    ("bernoulli-nesterov", "nesterov", "bernoulli", {"lr": 0.02, "momentum": 0.9}),
    ("bernoulli-rmsprop", "rmsprop", "bernoulli", {"lr": 1e-3, "alpha": 0.99, "eps": 1e-8}),
    ("bernoulli-adam", "adam", "bernoulli", ADAM),
    ("bernoulli-adamw", "adamw", "bernoulli", {**ADAM, "weight_decay": 0.01}),
    ("squared-gd", "gd", "squared", {"lr": 0.05}),
    ("squared-adam", "adam", "squared", ADAM),
]


class Generator:
    """A 64-bit linear congruential generator.  A draw keeps 21 bits, so that every value made from one below is exact
    in float64 and in float32, in any order of evaluation and with or without fused multiply-add."""

    def __init__(self, seed):
        self.state = seed

    def draw(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 43) * 2.0**-21

    def tensor(self, *shape, value):
        """Row-major, one draw an element."""
        count = torch.Size(shape).numel()
        return torch.tensor([value(self.draw()) for _ in range(count)], dtype=torch.float64).reshape(shape)


def make_problem():
    """Initial W, b, c and then the batches, all from one sequence of draws; and the generator's state after them."""
    generator = Generator(SEED)
    weights = [
        generator.tensor(FEATURES, HIDDEN, value=lambda u: u - 0.5),
        generator.tensor(HIDDEN, value=lambda u: (u - 0.5) / 8),
        generator.tensor(FEATURES, value=lambda u: (u - 0.5) / 8),
    ]
    # About a tenth of the inputs are exactly 0 and a tenth exactly 1: both ends of the cross-entropy are met.
    pixel = lambda u: min(max(1.25 * u - 0.125, 0.0), 1.0)
    batches = [generator.tensor(BATCH, FEATURES, value=pixel) for _ in range(STEPS)]
    return weights, batches, generator.state


def make_optimizer(kind, parameters, settings):
    lr = settings["lr"]
    if kind == "gd":
        return torch.optim.SGD(parameters, lr=lr)
    if kind in ("momentum", "nesterov"):
        return torch.optim.SGD(parameters, lr=lr, momentum=settings["momentum"], nesterov=kind == "nesterov")
    if kind == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr, alpha=settings["alpha"], eps=settings["eps"])
    betas = settings["beta1"], settings["beta2"]
    if kind == "adam":
        return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=settings["eps"])
    if kind == "adamw":
        decay = settings["weight_decay"]
        return torch.optim.AdamW(parameters, lr=lr, betas=betas, eps=settings["eps"], weight_decay=decay)
    raise ValueError(kind)


def loss_of(output, x, W, b, c):
    """The mean over samples of the sum over features."""
    h = torch.sigmoid(x @ W + b)
    a = h @ W.T + c
    if output == "bernoulli":
        total = F.binary_cross_entropy_with_logits(a, x, reduction="sum")
    else:
        total = F.mse_loss(a, x, reduction="sum") / 2
    return total / len(x)


def train(optimizer_kind, output, settings, initial, batches):
    """Yield the file's number lines as (label, [values])."""
    parameters = [w.clone().requires_grad_() for w in initial]
    optimizer = make_optimizer(optimizer_kind, parameters, settings)
    for step, x in enumerate(batches, start=1):
        optimizer.zero_grad()
        loss = loss_of(output, x, *parameters)
        loss.backward()
        optimizer.step()
        yield f"loss {step}", [loss.item()]
        if step in SNAPSHOTS:
            W, b, c = (p.detach().tolist() for p in parameters)
            for i, row in enumerate(W):
                yield f"W {step} {i}", row
            yield f"b {step}", b
            yield f"c {step}", c


def lines():
    yield TITLE
    yield f"sizes features {FEATURES} hidden {HIDDEN} batch {BATCH} steps {STEPS} seed {SEED} cases {len(CASES)}"
    initial, batches, state = make_problem()
    # Tells a reader whose generator has gone wrong from one whose arithmetic has.
    yield f"final-state {state}"
    for name, optimizer, output, settings in CASES:
        words = " ".join(f"{key} {value!r}" for key, value in settings.items())
        yield f"case {name} optimizer {optimizer} output {output} {words}"
        for label, values in train(optimizer, output, settings, initial, batches):
            yield " ".join([label, *(v.hex() for v in values)])
        yield "end"


def difference(mine, theirs):
    """The largest relative difference between the hexadecimal numbers of two lines; anything else must be equal."""
    mine, theirs = mine.split(), theirs.split()
    if len(mine) != len(theirs):
        return float("inf")
    worst = 0.0
    for p, q in zip(mine, theirs):
        if p == q:
            continue
        if "0x" not in p or "0x" not in q:
            return float("inf")
        p, q = float.fromhex(p), float.fromhex(q)
        worst = max(worst, abs(p - q) / max(abs(p), abs(q)))
    return worst


def check(path):
    with open(path, encoding="ascii") as file:
        theirs = file.read().splitlines()
    mine = list(lines())
    if len(mine) != len(theirs):
        sys.exit(f"parity.py: {path} has {len(theirs)} lines, expected {len(mine)}")
    # Another PyTorch, or another processor, may round its sigmoid and its sums differently in the last place.
    worst = max(difference(p, q) for p, q in zip(mine, theirs))
    print(f"largest relative difference {worst:.3g}")
    if not worst <= 1e-10:
        sys.exit(f"parity.py: {path} does not agree with this PyTorch")


def main():
    parser = argparse.ArgumentParser(description="reference training curves of the tied autoencoder")
    parser.add_argument("--check", action="store_true", help="compare FILE with a new run instead of writing it")
    parser.add_argument("file", metavar="FILE")
    arguments = parser.parse_args()

    # One thread, so that the order of every sum is the same from run to run.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if arguments.check:
        check(arguments.file)
        return
    with open(arguments.file, "w", encoding="ascii", newline="\n") as file:
        file.writelines(line + "\n" for line in lines())


if __name__ == "__main__":
    main()
