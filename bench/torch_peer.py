#!/usr/bin/env python3
"""The workloads of bench/workloads in PyTorch, eager and by torch.compile; peer.py has the protocol.

    torch_peer.py [--threads N] [--least]

The update of both is PyTorch's fused one, which is one call. Weights are [outputs, inputs], as torch.nn.Linear has
them.
"""
import math

import torch
import torch.nn.functional as F

import peer

IMPLEMENTATIONS = "torch-eager", "torch-compile"


def bernoulli(a, x):
    """The mean over samples of the sum over features."""
    return F.binary_cross_entropy_with_logits(a, x.view_as(a), reduction="sum") / len(x)


def encode(p, x):
    return torch.sigmoid(F.linear(x, p["W"], p["b"]))


def decode(p, h):
    return F.linear(h, p["W"].T, p["c"])


def tied(p, x):
    return bernoulli(decode(p, encode(p, x)), x)


def denoising(p, x):
    return bernoulli(decode(p, encode(p, x * torch.empty_like(x).bernoulli_(0.75))), x)


def contractive_exact(p, x):
    h = encode(p, x)
    slope = (h * (1 - h)).square()
    return bernoulli(decode(p, h), x) + (slope @ p["W"].square().sum(1)).sum() / len(x)


def contractive_hutchinson(p, x):
    h, pull = torch.func.vjp(lambda x: encode(p, x), x)
    (row,) = pull(torch.randn_like(h))
    return bernoulli(decode(p, h), x) + row.square().sum() / len(x)


def contractive_rows(p, x):
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: encode(p, x)))(x)
    return tied(p, x) + jacobian.square().sum() / len(x)


def layers(p, h, first, last, linear):
    """Layers first..last with ReLU, except for those in `linear`."""
    for k in range(first, last + 1):
        h = F.linear(h, p[f"W{k}"], p[f"b{k}"])
        if k not in linear:
            h = F.relu(h)
    return h


def deep(p, x):
    return bernoulli(layers(p, x, 1, 8, (4, 8)), x)


def variational(p, x):
    mean, log_sigma = layers(p, x, 1, 2, (2,)).chunk(2, 1)
    z = mean + log_sigma.exp() * torch.randn_like(mean)
    divergence = (mean.square() + (2 * log_sigma).exp() - 1).sum() / 2 - log_sigma.sum()
    return bernoulli(layers(p, z, 3, 4, (4,)), x) + divergence / len(x)


def convolutional(p, x):
    h = F.relu(F.conv2d(x.view(-1, 1, 28, 28), p["W1"], p["b1"], stride=2, padding=1))
    h = F.relu(F.conv2d(h, p["W2"], p["b2"], stride=2, padding=1))
    h = F.relu(F.conv_transpose2d(h, p["W3"], p["b3"], stride=2, padding=1, output_padding=1))
    return bernoulli(F.conv_transpose2d(h, p["W4"], p["b4"], stride=2, padding=1, output_padding=1), x)


def uniform(*shape):
    limit = math.sqrt(6 / (shape[0] + math.prod(shape[1:])))
    return torch.empty(shape).uniform_(-limit, limit)


def one_layer(hidden):
    return {"W": uniform(hidden, peer.INPUTS), "b": torch.zeros(hidden), "c": torch.zeros(peer.INPUTS)}


def numbered(weights, biases):
    p = {f"W{k}": w for k, w in enumerate(weights, 1)}
    return p | {f"b{k}": torch.zeros(n) for k, n in enumerate(biases, 1)}


def affine(sizes):
    return numbered([uniform(n, d) for d, n in sizes], [n for _, n in sizes])


def deep_layers():
    sizes = [peer.INPUTS, 1000, 500, 250, 30, 250, 500, 1000, peer.INPUTS]
    return affine(list(zip(sizes, sizes[1:])))


def variational_layers():
    return affine([(peer.INPUTS, 400), (400, 40), (20, 400), (400, peer.INPUTS)])


def filters():
    shapes = (16, 1, 3, 3), (32, 16, 3, 3), (32, 16, 3, 3), (16, 1, 3, 3)
    return numbered([uniform(*s) for s in shapes], [16, 32, 16, 1])


def adam(p):
    return torch.optim.Adam(p, lr=1e-3, fused=True)


def sgd(p):
    return torch.optim.SGD(p, lr=1e-2, fused=True)


WORKLOADS = {
    "tied": (tied, lambda: one_layer(256), adam),
    "denoising": (denoising, lambda: one_layer(1024), sgd),
    "contractive-exact": (contractive_exact, lambda: one_layer(256), sgd),
    "contractive-hutchinson": (contractive_hutchinson, lambda: one_layer(256), sgd),
    "contractive-rows": (contractive_rows, lambda: one_layer(64), sgd),
    "deep": (deep, deep_layers, adam),
    "variational": (variational, variational_layers, adam),
    "convolutional": (convolutional, filters, adam),
}


def make(workload, implementation):
    loss_of, initial, optimizer = WORKLOADS[workload]
    torch.manual_seed(1)
    p = {name: torch.nn.Parameter(value) for name, value in initial().items()}
    update, x = optimizer(p.values()), torch.rand(peer.BATCH, peer.INPUTS)
    if implementation == "torch-compile":
        loss_of = torch.compile(loss_of)

    def step():
        update.zero_grad()
        loss = loss_of(p, x)
        loss.backward()
        update.step()
        return loss.detach()

    return step


if __name__ == "__main__":
    asked = peer.asked("times of training steps in PyTorch")
    torch.set_num_threads(asked.threads)
    peer.serve(IMPLEMENTATIONS, make, asked.least)
