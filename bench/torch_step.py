#!/usr/bin/env python3
"""Time one training step in PyTorch, for comparison with Palindrome's own step.

    torch_step.py [--threads N] [--steps N] [--fused] [--compile]

Each line is: model, implementation, median, "us", then the quartiles.  Batch 128, float32, random data, CPU.
"""
import argparse
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("torch_step.py: PyTorch is not installed")

BATCH, FEATURES = 128, 784


class Tied(torch.nn.Module):
    """h = sigmoid(x W + b), logits = h W' + c.  W is kept [hidden, features], as torch.nn.Linear keeps it."""

    def __init__(self, hidden, corruption=0.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(hidden, FEATURES))
        torch.nn.init.xavier_uniform_(self.weight)
        self.hidden_bias = torch.nn.Parameter(torch.zeros(hidden))
        self.output_bias = torch.nn.Parameter(torch.zeros(FEATURES))
        self.corruption = corruption

    def forward(self, x):
        if self.corruption:
            x = x * torch.empty_like(x).bernoulli_(1 - self.corruption)
        h = torch.sigmoid(F.linear(x, self.weight, self.hidden_bias))
        return F.linear(h, self.weight.T, self.output_bias)

    def loss(self, x):
        """The mean over samples of the sum over features, against the clean input."""
        return F.binary_cross_entropy_with_logits(self(x), x, reduction="sum") / len(x)


def adam(parameters, fused):
    return torch.optim.Adam(parameters, lr=1e-3, fused=fused or None)


def sgd(parameters, fused):
    return torch.optim.SGD(parameters, lr=0.01, fused=fused or None)


MODELS = [
    ("tied-784-256-adam", lambda: Tied(256), adam),
    ("denoising-784-1024-sgd", lambda: Tied(1024, corruption=0.25), sgd),
]


def make_step(make_model, make_optimizer, fused, compiled):
    torch.manual_seed(1)
    model = make_model()
    optimizer = make_optimizer(model.parameters(), fused)
    x = torch.rand(BATCH, FEATURES)
    loss_of, update = model.loss, optimizer.step
    if compiled:
        loss_of = torch.compile(loss_of)
        if not fused:  # a fused update is one call already
            update = torch.compile(update)

    def step():
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        update()
        return loss

    return step


def measure(step, warm_up, steps):
    """Microseconds of each step after the warm-up."""
    for _ in range(warm_up):
        loss = step()
    times = []
    for _ in range(steps):
        start = time.perf_counter_ns()
        loss = step()
        times.append((time.perf_counter_ns() - start) / 1000)
    if not torch.isfinite(loss):
        sys.exit("torch_step.py: the loss is not finite, so the times mean nothing")
    return times


def main():
    parser = argparse.ArgumentParser(description="time of one training step in PyTorch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400, help="steps to time, at least 200 (default %(default)s)")
    parser.add_argument("--fused", action="store_true", help="the optimizer's fused update instead of its default")
    parser.add_argument("--compile", action="store_true", help="torch.compile instead of eager")
    arguments = parser.parse_args()
    if arguments.threads < 1 or arguments.steps < 200:
        parser.error("at least 1 thread and 200 steps")

    torch.set_num_threads(arguments.threads)
    label = "torch-compile" if arguments.compile else "torch-eager"
    if arguments.fused:
        label += "-fused"
    for name, make_model, make_optimizer in MODELS:
        step = make_step(make_model, make_optimizer, arguments.fused, arguments.compile)
        try:
            times = measure(step, 50, arguments.steps)
        except Exception as error:
            # torch.compile needs a C++ compiler and Python's headers; without them it fails here, at the first step.
            if not arguments.compile:
                raise
            reason = str(error).strip().splitlines() or [type(error).__name__]
            sys.exit(f"torch_step.py: torch.compile does not work here: {reason[0]}")
        low, median, high = statistics.quantiles(times, n=4)
        print(f"{name} {label} {median:.1f} us quartiles {low:.1f} {high:.1f}", flush=True)


if __name__ == "__main__":
    main()
