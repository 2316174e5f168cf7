#!/usr/bin/env python3
"""Time single operations in PyTorch, for comparison with Palindrome's own: the rows of ops.c, by name.

    torch_ops.py [--threads N] [--milliseconds N] [NAME...]

Each line is: name, "| torch", the median in microseconds.  float32, random data, CPU, eager, no gradient recorded.
"""
import argparse
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("torch_ops.py: PyTorch is not installed")

MOST_RUNS, LEAST_RUNS = 2000, 11


def numbers(*shape):
    return torch.rand(shape) * 4 - 2


def million():
    return numbers(1024, 1024)


def indices(n):
    return torch.randint(0, 10000, (n,))


def definite(*shape):
    """1 / (1 + |i - j|), and one more on the diagonal: positive definite, and as a triangle well conditioned."""
    i = torch.arange(shape[-1], dtype=torch.float32)
    return (1 / (1 + (i[:, None] - i).abs()) + torch.eye(len(i))).expand(shape).contiguous()


def on(function, *operands):
    """A row: what is called with the operands, which are made when the row is timed."""
    return lambda: (function, [make() for make in operands])


def of(make, *shape):
    return lambda: make(*shape)


def conv(x, w, stride, padding):
    return lambda: (lambda x, w: F.conv2d(x, w, stride=stride, padding=padding), [numbers(*x), numbers(*w)])


def conv_gradients(x, w, y, stride, padding):
    def both(x, w, y):
        return torch.ops.aten.convolution_backward(
            y, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, True, False])

    return lambda: (both, [numbers(*x), numbers(*w), numbers(*y)])


ROWS = {
    "add": on(torch.add, million, million),
    "exp": on(torch.exp, million),
    "tanh": on(torch.tanh, million),
    "sigmoid": on(torch.sigmoid, million),
    "softplus": on(F.softplus, million),
    "gelu": on(F.gelu, million),
    "sin": on(torch.sin, million),
    "sum, all": on(torch.sum, million),
    "sum, last axis": on(lambda x: x.sum(1), million),
    "sum, first axis": on(lambda x: x.sum(0), million),
    "max, last axis": on(lambda x: x.amax(1), million),
    "max, first axis": on(lambda x: x.amax(0), million),
    "argmax, last axis": on(lambda x: x.argmax(1), million),
    "logsumexp, last axis": on(lambda x: x.logsumexp(1), million),
    "logsumexp, first axis": on(lambda x: x.logsumexp(0), million),
    "norm, last axis": on(lambda x: torch.linalg.vector_norm(x, dim=1), million),
    "norm, all": on(torch.linalg.vector_norm, million),
    "variance, last axis": on(lambda x: x.var(1), million),
    "softmax, last axis": on(lambda x: x.softmax(1), million),
    "softmax of 10 classes": on(lambda x: x.softmax(1), of(numbers, 16384, 10)),
    "layer norm": on(lambda x: F.layer_norm(x, (1024,)), million),
    "cumsum, last axis": on(lambda x: x.cumsum(1), million),
    "cumsum, first axis": on(lambda x: x.cumsum(0), million),
    "sort, last axis": on(lambda x: x.sort(stable=True, dim=1), of(numbers, 256, 1024)),
    "top 10, last axis": on(lambda x: x.topk(10, 1), of(numbers, 256, 1024)),
    "take 4096 rows of 128": on(lambda x, i: x.index_select(0, i), of(numbers, 10000, 128), of(indices, 4096)),
    "scatter_add 4096 rows of 128": on(
        lambda x, i: torch.zeros(10000, 128).index_add_(0, i, x), of(numbers, 4096, 128), of(indices, 4096)),
    "transpose, copied": on(lambda x: x.T.contiguous(), million),
    "matmul 512": on(torch.matmul, of(numbers, 512, 512), of(numbers, 512, 512)),
    "matmul 32 of 128": on(torch.matmul, of(numbers, 32, 128, 128), of(numbers, 32, 128, 128)),
    "matmul 1024 of 8": on(torch.matmul, of(numbers, 1024, 8, 8), of(numbers, 1024, 8, 8)),
    "einsum nij,jk->nik": on(
        lambda a, b: torch.einsum("nij,jk->nik", a, b), of(numbers, 32, 64, 128), of(numbers, 128, 64)),
    "einsum nij,njk->kni": on(
        lambda a, b: torch.einsum("nij,njk->kni", a, b).contiguous(), of(numbers, 32, 64, 128),
        of(numbers, 32, 128, 64)),
    "conv 1x28x28 to 16, 3x3": conv((32, 1, 28, 28), (16, 1, 3, 3), 1, 1),
    "conv 1x28x28 to 16, 3x3: gradients": conv_gradients((32, 1, 28, 28), (16, 1, 3, 3), (32, 16, 28, 28), 1, 1),
    "conv 16x28x28 to 32, 3x3 by 2": conv((32, 16, 28, 28), (32, 16, 3, 3), 2, 1),
    "conv 16x28x28 to 32, 3x3 by 2: gradients": conv_gradients(
        (32, 16, 28, 28), (32, 16, 3, 3), (32, 32, 14, 14), 2, 1),
    "conv 32x14x14 to 64, 3x3": conv((32, 32, 14, 14), (64, 32, 3, 3), 1, 1),
    "conv 32x14x14 to 64, 3x3: gradients": conv_gradients((32, 32, 14, 14), (64, 32, 3, 3), (32, 64, 14, 14), 1, 1),
    "conv 64x14x14 to 128, 1x1": conv((32, 64, 14, 14), (128, 64, 1, 1), 1, 0),
    "conv 64x14x14 to 128, 1x1: gradients": conv_gradients(
        (32, 64, 14, 14), (128, 64, 1, 1), (32, 128, 14, 14), 1, 0),
    "max pool 2x2": on(lambda x: F.max_pool2d(x, 2), of(numbers, 32, 16, 28, 28)),
    "average pool 2x2": on(lambda x: F.avg_pool2d(x, 2), of(numbers, 32, 16, 28, 28)),
    "bilinear, twice as large": on(
        lambda x: F.interpolate(x, (56, 56), mode="bilinear", align_corners=False), of(numbers, 32, 16, 28, 28)),
    "Cholesky 512": on(torch.linalg.cholesky, of(definite, 512, 512)),
    "Cholesky 256 of 32": on(torch.linalg.cholesky, of(definite, 256, 32, 32)),
    "solve 512, 64 sides": on(
        lambda l, b: torch.linalg.solve_triangular(l, b, upper=False), of(definite, 512, 512), of(numbers, 512, 64)),
    "solve 256 of 32, a side": on(
        lambda l, b: torch.linalg.solve_triangular(l, b, upper=False), of(definite, 256, 32, 32),
        of(numbers, 256, 32, 1)),
}


def median_of_runs(function, operands, milliseconds):
    for _ in range(3):
        function(*operands)
    times = []
    began = time.perf_counter_ns()
    while len(times) < MOST_RUNS and (
            len(times) < LEAST_RUNS or time.perf_counter_ns() - began < 1e6 * milliseconds):
        start = time.perf_counter_ns()
        function(*operands)
        times.append((time.perf_counter_ns() - start) / 1000)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description="times of single operations in PyTorch")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--milliseconds", type=float, default=40, help="of each row, at least (default %(default)s)")
    parser.add_argument("names", nargs="*", help="only rows whose names begin so")
    arguments = parser.parse_args()
    if arguments.threads < 1 or arguments.milliseconds <= 0:
        parser.error("at least 1 thread and some time")

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    with torch.inference_mode():
        for name, make in ROWS.items():
            if arguments.names and not name.startswith(tuple(arguments.names)):
                continue
            print(f"{name} | torch {median_of_runs(*make(), arguments.milliseconds):.1f}", flush=True)


if __name__ == "__main__":
    main()
