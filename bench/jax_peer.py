#!/usr/bin/env python3
"""The workloads of bench/workloads in JAX; peer.py has the protocol.

    jax_peer.py [--threads N] [--least]

The whole step (noise, forward pass, backward pass, update) is one jitted function whose state is donated. Weights are
[inputs, outputs]; images have their channels last, which is the faster order here.
"""
import math
import os
import sys

import peer

# XLA makes a worker for each processor that the process may use, so that the only dependable limit is the set itself.
# It must be set before JAX is imported.
asked, allowed = peer.asked("times of training steps in JAX"), sorted(os.sched_getaffinity(0))
if asked.threads > len(allowed):
    sys.exit(f"jax_peer.py: {asked.threads} threads asked for, {len(allowed)} processors allowed")
os.sched_setaffinity(0, allowed[:asked.threads])
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp


def bernoulli(a, x):
    """The mean over samples of the sum over features."""
    return jnp.sum(jax.nn.softplus(a) - x.reshape(a.shape) * a) / len(x)


def encode(p, x):
    return jax.nn.sigmoid(x @ p["W"] + p["b"])


def decode(p, h):
    return h @ p["W"].T + p["c"]


def tied(p, x, key):
    return bernoulli(decode(p, encode(p, x)), x)


def denoising(p, x, key):
    return bernoulli(decode(p, encode(p, x * jax.random.bernoulli(key, 0.75, x.shape))), x)


def contractive_exact(p, x, key):
    h = encode(p, x)
    slope = jnp.square(h * (1 - h))
    return bernoulli(decode(p, h), x) + jnp.sum(slope @ jnp.sum(jnp.square(p["W"]), 0)) / len(x)


def contractive_hutchinson(p, x, key):
    h, pull = jax.vjp(lambda x: encode(p, x), x)
    (row,) = pull(jax.random.normal(key, h.shape))
    return bernoulli(decode(p, h), x) + jnp.sum(jnp.square(row)) / len(x)


def contractive_rows(p, x, key):
    jacobian = jax.vmap(jax.jacrev(lambda x: encode(p, x)))(x)
    return tied(p, x, key) + jnp.sum(jnp.square(jacobian)) / len(x)


def layers(p, h, first, last, linear):
    """Layers first..last with ReLU, except for those in `linear`."""
    for k in range(first, last + 1):
        h = h @ p[f"W{k}"] + p[f"b{k}"]
        if k not in linear:
            h = jax.nn.relu(h)
    return h


def deep(p, x, key):
    return bernoulli(layers(p, x, 1, 8, (4, 8)), x)


def variational(p, x, key):
    mean, log_sigma = jnp.split(layers(p, x, 1, 2, (2,)), 2, 1)
    z = mean + jnp.exp(log_sigma) * jax.random.normal(key, mean.shape)
    divergence = jnp.sum(jnp.square(mean) + jnp.exp(2 * log_sigma) - 1) / 2 - jnp.sum(log_sigma)
    return bernoulli(layers(p, z, 3, 4, (4,)), x) + divergence / len(x)


def convolution(p, h, k, back):
    """Windows of 3 x 3, one every 2 pixels; or back, where zeros between the pixels make the image twice as large."""
    zeros = {"padding": [(1, 2)] * 2, "lhs_dilation": (2, 2)} if back else {"padding": [(1, 1)] * 2}
    order = "NHWC", "HWIO", "NHWC"
    stride = (1, 1) if back else (2, 2)
    return jax.lax.conv_general_dilated(h, p[f"W{k}"], stride, dimension_numbers=order, **zeros) + p[f"b{k}"]


def convolutional(p, x, key):
    h = x.reshape(-1, 28, 28, 1)
    for k in range(1, 4):
        h = jax.nn.relu(convolution(p, h, k, k == 3))
    return bernoulli(convolution(p, h, 4, True), x)


def uniform(key, *shape):
    limit = math.sqrt(6 / (shape[-1] + math.prod(shape[:-1])))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


def one_layer(hidden):
    return {"W": uniform(jax.random.key(1), peer.INPUTS, hidden), "b": jnp.zeros(hidden), "c": jnp.zeros(peer.INPUTS)}


def numbered(shapes):
    p = {f"W{k}": uniform(jax.random.key(k), *s) for k, s in enumerate(shapes, 1)}
    return p | {f"b{k}": jnp.zeros(s[-1]) for k, s in enumerate(shapes, 1)}


def deep_layers():
    sizes = [peer.INPUTS, 1000, 500, 250, 30, 250, 500, 1000, peer.INPUTS]
    return numbered(list(zip(sizes, sizes[1:])))


def variational_layers():
    return numbered([(peer.INPUTS, 400), (400, 40), (20, 400), (400, peer.INPUTS)])


def filters():
    return numbered([(3, 3, 1, 16), (3, 3, 16, 32), (3, 3, 32, 16), (3, 3, 16, 1)])


def adam(p, g, state):
    beta1, beta2, eps, rate = 0.9, 0.999, 1e-8, 1e-3
    m, v, t = state or (jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.zeros(()))
    if g is None:
        return p, (m, v, t)
    t = t + 1
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    return jax.tree.map(lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + eps), p, m, v), (m, v, t)


def sgd(p, g, state):
    return p if g is None else jax.tree.map(lambda p, g: p - 1e-2 * g, p, g), ()


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
    loss_of, initial, update = WORKLOADS[workload]
    x = jax.random.uniform(jax.random.key(3), (peer.BATCH, peer.INPUTS))

    def next_state(state, x):
        p, moments, key = state
        key, now = jax.random.split(key)
        loss, g = jax.value_and_grad(loss_of)(p, x, now)
        p, moments = update(p, g, moments)
        return (p, moments, key), loss

    compiled = jax.jit(next_state, donate_argnums=0)
    state = (*update(initial(), None, None), jax.random.key(2))

    def step():
        nonlocal state
        state, loss = compiled(state, x)
        jax.block_until_ready((state, loss))  # a call only queues the work
        return loss

    return step


if __name__ == "__main__":
    peer.serve(("jax-jit",), make, asked.least)
