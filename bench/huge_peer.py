#!/usr/bin/env python3
"""Training on an array that is larger than memory should hold: bench/huge calls this.

    huge_peer.py PROGRAM FOLDER [--rows N] [--features N] [--seconds N] [--data BYTES] [--train "OPTION..."]

Makes FOLDER/huge.npy in pieces, then trains on it twice: with the file dropped from the page cache, and again with what
the first run has left there. The first step begins when the run has saved its initial model. RssAnon is memory that is
not of the file, and must be small; RssFile are pages of the file that the kernel may take back. --data limits the former
(prlimit --data), so that a program that reads the file into memory fails; leave 100 MB for the buffers of a BLAS, which
may ask for them for ever.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import time

import numpy


def make(path, rows, features):
    random = numpy.random.default_rng(1)
    mix = random.standard_normal((4, features)).astype(numpy.float32)
    with open(path, "wb") as file:
        numpy.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (rows, features)})
        for first in range(0, rows, 1 << 20):
            n = min(1 << 20, rows - first)
            block = random.standard_normal((n, 4), dtype=numpy.float32) @ mix
            block += 0.1 * random.standard_normal((n, features), dtype=numpy.float32)
            file.write(block.tobytes())
        file.flush()
        os.fsync(file.fileno())


def drop(path):
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memory(pid):
    found = {}
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in ("RssAnon", "RssFile"):
                    found[name] = int(rest.split()[0]) / 1000
    except OSError:
        pass
    return found


def train(program, folder, name, options):
    run = os.path.join(folder, name)
    limit = (lambda: resource.setrlimit(resource.RLIMIT_DATA, (options.data, options.data))) if options.data else None
    begin = time.perf_counter()
    process = subprocess.Popen([program, "train", "basic", "--data", os.path.join(folder, "huge.npy"), "--out", run,
                                "--epochs", "1", *options.train.split()], stdout=subprocess.DEVNULL, preexec_fn=limit)
    started, peak = None, {"RssAnon": 0, "RssFile": 0}
    while process.poll() is None:
        for key, value in memory(process.pid).items():
            peak[key] = max(peak[key], value)
        now = time.perf_counter()
        if started is None and os.path.exists(os.path.join(run, "checkpoint.safetensors")):
            started = now - begin
        if started is not None and now - begin > started + options.seconds:
            process.send_signal(signal.SIGINT)
            process.wait()
        time.sleep(0.01)
    with open(os.path.join(run, "run.json")) as file:
        result = json.load(file).get("result", {})
    speed = result.get("samples_per_second", float("nan"))
    print(f"{name:<10} first step after {started or float('nan'):6.2f} s   {speed:12,.0f} samples/s   "
          f"anonymous {peak['RssAnon']:6.1f} MB   of files {peak['RssFile']:8.1f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=10**8)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--data", type=int, default=0)
    parser.add_argument("--train", default="--hidden 8")
    options = parser.parse_args()
    path = os.path.join(options.folder, "huge.npy")
    free = os.statvfs(options.folder)
    if options.rows * options.features * 4 > free.f_bavail * free.f_frsize * 0.9:
        parser.error(f"{options.folder}: not enough room for the file: set TMPDIR")
    begin = time.perf_counter()
    make(path, options.rows, options.features)
    print(f"made {os.path.getsize(path) / 1e9:.2f} GB in {time.perf_counter() - begin:.0f} s", flush=True)
    drop(path)
    train(options.program, options.folder, "not cached", options)
    train(options.program, options.folder, "again", options)


if __name__ == "__main__":
    main()
