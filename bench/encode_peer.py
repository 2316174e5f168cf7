#!/usr/bin/env python3
"""pal_encode beside onnxruntime with the same weights: bench/encode calls this.

    encode_peer.py BENCH_ENCODE FILE [--threads N] [--turns N] [--rows N,N,...] [--least]

FILE is the checkpoint.safetensors of a run of affine layers. Its weights become an ONNX model of Gemm and Sigmoid (or
--activation Tanh, Relu). Both encode the same rows, and the codes are compared. In a turn each program measures each
number of rows for a third of a second; figures are medians over the turns, ratios are medians of the ratios of a turn.
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

MILLISECONDS, LEAST_CALLS = 300, 5


def tensors_of(path):
    """The tensors of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": numpy.float32, "F64": numpy.float64}
    return {name: numpy.frombuffer(data[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items() if name != "__metadata__" and t["dtype"] in types}


def encoder_of(tensors, activation):
    """An ONNX model of the encoder: one layer, or encoder/1, encoder/2 and so on."""
    prefixes = ["encoder"] if "encoder/W" in tensors else []
    while f"encoder/{len(prefixes) + 1}/W" in tensors:
        prefixes.append(f"encoder/{len(prefixes) + 1}")
    if not prefixes:
        sys.exit("encode_peer.py: the run has no affine encoder")
    nodes, weights, last = [], [], "x"
    for i, prefix in enumerate(prefixes):
        for part in "W", "b":
            weights.append(numpy_helper.from_array(tensors[f"{prefix}/{part}"].astype(numpy.float32), f"{part}{i}"))
        nodes.append(helper.make_node("Gemm", [last, f"W{i}", f"b{i}"], [f"a{i}"]))
        nodes.append(helper.make_node(activation, [f"a{i}"], [f"h{i}"]))
        last = f"h{i}"
    inputs, units = tensors[f"{prefixes[0]}/W"].shape[0], tensors[f"{prefixes[-1]}/W"].shape[1]
    of = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "encoder", [of("x", onnx.TensorProto.FLOAT, ["n", inputs])],
                              [of(last, onnx.TensorProto.FLOAT, ["n", units])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), inputs, units


def time_of(call, figure):
    times, start = [], time.perf_counter_ns()
    while len(times) < LEAST_CALLS or time.perf_counter_ns() - start < 1e6 * MILLISECONDS:
        began = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - began) / 1000)
    return figure(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rows", default="1,16,64,1000,10000")
    parser.add_argument("--activation", default="Sigmoid")
    parser.add_argument("--least", action="store_true")
    a = parser.parse_args()
    model, inputs, units = encoder_of(tensors_of(a.file), a.activation)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = a.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ours = subprocess.Popen([a.program, a.file, str(a.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(rows, what):
        print(rows, what, file=ours.stdin, flush=True)
        return ours.stdout.readline().split()

    figure = min if a.least else statistics.median
    sizes = [int(n) for n in a.rows.split(",")]
    # The rows of bench_encode, whose product wraps at no size here.
    inputs_of = {n: (numpy.arange(n * inputs, dtype=numpy.uint64) * 7919 % 1000 / 1000).astype(numpy.float32)
                 .reshape(n, inputs) for n in sizes}
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            path = os.path.join(folder, "codes")
            ask(n, path)
            codes = numpy.fromfile(path, numpy.float32).reshape(n, units)
            difference = abs(codes - session.run(None, {"x": inputs_of[n]})[0]).max()
            if not difference < 1e-4:
                sys.exit(f"encode_peer.py: the codes of {n} rows differ by {difference:g}")
    found = {n: [] for n in sizes}
    for _ in range(a.turns):
        for n in sizes:
            theirs = time_of(lambda: session.run(None, {"x": inputs_of[n]}), figure)
            found[n].append((float(ask(n, MILLISECONDS)[a.least]), theirs))
    print(f"{'Least' if a.least else 'Median'} microseconds, {inputs} to {units}, {a.threads} threads, "
          f"onnxruntime {onnxruntime.__version__}, {a.turns} turns")
    print(f"{'rows':>8} {'pal_encode':>12} {'onnxruntime':>12} {'ratio':>7}")
    for n in sizes:
        mine, theirs = zip(*found[n])
        ratio = statistics.median(m / t for m, t in found[n]) if not a.least else min(mine) / min(theirs)
        print(f"{n:8} {figure(mine):12.1f} {figure(theirs):12.1f} {ratio:7.2f}")


main()
