#!/usr/bin/env python3
"""Time one training step in JAX, for comparison with Palindrome's own step.

    jax_step.py [--threads N] [--steps N]

The whole step (noise, forward, backward, update) is one jitted function whose state is donated.
Each line is: model, implementation, median, "us", then the quartiles.  Batch 128, float32, random data, CPU.
"""
import argparse
import math
import os
import statistics
import sys
import time

BATCH, FEATURES = 128, 784


def parse_arguments():
    parser = argparse.ArgumentParser(description="time of one training step in JAX")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400, help="steps to time, at least 200 (default %(default)s)")
    arguments = parser.parse_args()
    if arguments.threads < 1 or arguments.steps < 200:
        parser.error("at least 1 thread and 200 steps")
    return arguments


def limit_threads(count):
    """XLA makes a worker for each processor that the process may use, so the only dependable limit is the set itself.
    It must be set before JAX is imported."""
    allowed = sorted(os.sched_getaffinity(0))
    if count > len(allowed):
        sys.exit(f"jax_step.py: {count} threads asked for, {len(allowed)} processors allowed")
    os.sched_setaffinity(0, allowed[:count])


def define(jax):
    """The two models as (name, initial state, step), where step(state, x) returns (new state, loss)."""
    jnp = jax.numpy

    def initial(hidden):
        limit = math.sqrt(6 / (FEATURES + hidden))
        key = jax.random.key(1)
        return {
            "W": jax.random.uniform(key, (FEATURES, hidden), minval=-limit, maxval=limit),
            "b": jnp.zeros(hidden),
            "c": jnp.zeros(FEATURES),
        }

    def loss_of(p, x, clean):
        """The mean over samples of the sum over features, against the clean input."""
        h = jax.nn.sigmoid(x @ p["W"] + p["b"])
        a = h @ p["W"].T + p["c"]
        return jnp.sum(jax.nn.softplus(a) - clean * a) / len(x)

    def adam_step(state, x):
        beta1, beta2, eps, lr = 0.9, 0.999, 1e-8, 1e-3
        p, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(p, x, x)
        t = t + 1
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
        c1, c2 = 1 - beta1**t, 1 - beta2**t
        p = jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + eps), p, m, v)
        return (p, m, v, t), loss

    def denoising_step(state, x):
        p, key = state
        key, draw = jax.random.split(key)
        noisy = x * jax.random.bernoulli(draw, 0.75, x.shape)
        loss, g = jax.value_and_grad(loss_of)(p, noisy, x)
        p = jax.tree.map(lambda p, g: p - 0.01 * g, p, g)
        return (p, key), loss

    p = initial(256)
    zeros = lambda: jax.tree.map(jnp.zeros_like, p)
    yield "tied-784-256-adam", (p, zeros(), zeros(), jnp.zeros(())), adam_step
    yield "denoising-784-1024-sgd", (initial(1024), jax.random.key(2)), denoising_step


def measure(jax, step, state, x, warm_up, steps):
    """Microseconds of each step after the warm-up."""
    step = jax.jit(step, donate_argnums=0)
    for _ in range(warm_up):
        state, loss = step(state, x)
    jax.block_until_ready((state, loss))
    times = []
    for _ in range(steps):
        start = time.perf_counter_ns()
        state, loss = step(state, x)
        jax.block_until_ready((state, loss))  # a call only queues the work
        times.append((time.perf_counter_ns() - start) / 1000)
    if not math.isfinite(loss):
        sys.exit("jax_step.py: the loss is not finite, so the times mean nothing")
    return times


def main():
    arguments = parse_arguments()
    limit_threads(arguments.threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
    except ImportError:
        sys.exit("jax_step.py: JAX is not installed")

    x = jax.random.uniform(jax.random.key(3), (BATCH, FEATURES))
    for name, state, step in define(jax):
        times = measure(jax, step, state, x, 50, arguments.steps)
        low, median, high = statistics.quantiles(times, n=4)
        print(f"{name} jax-jit {median:.1f} us quartiles {low:.1f} {high:.1f}", flush=True)


if __name__ == "__main__":
    main()
