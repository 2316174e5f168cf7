#!/usr/bin/env python3
"""Train the tied basic autoencoder for 30 steps with the newer update rules and write down what happened.

    optimizers.py optimizers.txt            write the reference file
    optimizers.py --check optimizers.txt    train again and compare with the file

Model, generator and file format are those of parity.py (README.md). Adagrad, RAdam and AMSGrad are PyTorch's. Lion and
schedule-free AdamW are written here in NumPy from the formulas of their papers; only their gradients are PyTorch's.
"""
import parity
import numpy as np
import torch

STEPS, SNAPSHOTS = 30, (30,)
ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

CASES = [
    ("bernoulli-adagrad", "adagrad", "bernoulli", {"lr": 0.02, "eps": 1e-10}),
    ("bernoulli-amsgrad", "amsgrad", "bernoulli", {"lr": 1e-2, "beta1": 0.9, "beta2": 0.5, "eps": 1e-8}),
    ("squared-amsgrad", "amsgrad", "squared", {"lr": 1e-2, **ADAM}),
    ("bernoulli-radam", "radam", "bernoulli", {"lr": 1e-3, **ADAM}),
    ("squared-radam-decay", "radam", "squared", {"lr": 1e-2, "beta1": 0.8, "beta2": 0.9, "eps": 1e-6}),
    ("bernoulli-lion", "lion", "bernoulli", {"lr": 1e-3, "beta1": 0.9, "beta2": 0.99}),
    ("squared-lion-decay", "lion", "squared", {"lr": 2e-3, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1}),
    ("bernoulli-schedule-free", "schedule-free", "bernoulli", {"lr": 2e-3, **ADAM}),
    ("squared-schedule-free-decay", "schedule-free", "squared",
     {"lr": 1e-2, "beta1": 0.8, "beta2": 0.9, "eps": 1e-6, "weight_decay": 0.05}),
]


class Torch:
    """An optimiser of PyTorch."""

    def __init__(self, kind, initial, s):
        self.w = [w.clone().requires_grad_() for w in initial]
        betas = s.get("beta1"), s.get("beta2")
        if kind == "adagrad":
            self.optimizer = torch.optim.Adagrad(self.w, lr=s["lr"], eps=s["eps"])
        elif kind == "radam":
            self.optimizer = torch.optim.RAdam(self.w, lr=s["lr"], betas=betas, eps=s["eps"])
        else:
            self.optimizer = torch.optim.Adam(self.w, lr=s["lr"], betas=betas, eps=s["eps"], amsgrad=True)

    def point(self):
        return self.w

    def step(self, gradients):
        for w, g in zip(self.w, gradients):
            w.grad = g
        self.optimizer.step()

    evaluated = point


class Lion:
    """Chen et al., Symbolic Discovery of Optimization Algorithms, NeurIPS 2023: algorithm 2."""

    def __init__(self, initial, s):
        self.s, self.w = s, [w.numpy().copy() for w in initial]
        self.m = [np.zeros_like(w) for w in self.w]

    def point(self):
        return [torch.tensor(w, requires_grad=True) for w in self.w]

    def step(self, gradients):
        s = self.s
        for i, g in enumerate(gradients):
            g = g.numpy()
            c = s["beta1"] * self.m[i] + (1 - s["beta1"]) * g
            self.w[i] = self.w[i] - s["lr"] * (np.sign(c) + s.get("weight_decay", 0) * self.w[i])
            self.m[i] = s["beta2"] * self.m[i] + (1 - s["beta2"]) * g

    evaluated = point


class ScheduleFree:
    """Defazio et al., The Road Less Scheduled, NeurIPS 2024: algorithm 1, without a warm-up."""

    def __init__(self, initial, s):
        self.s, self.t, self.sum = s, 0, 0.0
        self.x = [w.numpy().copy() for w in initial]
        self.z = [x.copy() for x in self.x]
        self.v = [np.zeros_like(x) for x in self.x]

    def y(self):
        return [(1 - self.s["beta1"]) * z + self.s["beta1"] * x for z, x in zip(self.z, self.x)]

    def point(self):
        return [torch.tensor(y, requires_grad=True) for y in self.y()]

    def step(self, gradients):
        s = self.s
        y = self.y()
        self.t += 1
        rate = s["lr"] * np.sqrt(1 - s["beta2"] ** self.t)
        self.sum += rate**2
        share = rate**2 / self.sum
        for i, g in enumerate(gradients):
            g = g.numpy()
            self.v[i] = s["beta2"] * self.v[i] + (1 - s["beta2"]) * g * g
            direction = g / (np.sqrt(self.v[i]) + s["eps"])
            self.z[i] = self.z[i] - rate * direction - rate * s.get("weight_decay", 0) * y[i]
            self.x[i] = (1 - share) * self.x[i] + share * self.z[i]

    def evaluated(self):
        return [torch.tensor(x) for x in self.x]


def train(kind, output, settings, initial, batches):
    own = {"lion": Lion, "schedule-free": ScheduleFree}
    rule = own[kind](initial, settings) if kind in own else Torch(kind, initial, settings)
    for step, x in enumerate(batches[:STEPS], start=1):
        w = rule.point()
        loss = parity.loss_of(output, x, *w)
        rule.step(torch.autograd.grad(loss, w))
        yield f"loss {step}", [loss.item()]
        if step in SNAPSHOTS:
            W, b, c = (p.detach().tolist() for p in rule.evaluated())
            for i, row in enumerate(W):
                yield f"W {step} {i}", row
            yield f"b {step}", b
            yield f"c {step}", c


if __name__ == "__main__":
    parity.CASES, parity.train = CASES, train
    parity.TITLE = "# The newer update rules, for 30 steps in float64; written by optimizers.py, described in README.md."
    parity.main()
