#!/usr/bin/env python3
"""Reading a folder of pictures beside Pillow: bench/pictures calls this.

    pictures_peer.py BENCH_PICTURES FOLDER [--files N] [--side N] [--classes N] [--turns N] [--threads N] [--jpeg]

Makes the pictures in FOLDER, then reads them in turns: bench_pictures, and Pillow into one array of numpy, with one
process and with as many as threads. The sums of all bytes must be equal. Figures are medians over the turns. The files
were just written, so they are in memory, and the figure is that of reading and decoding.
"""
import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

import numpy
from PIL import Image


def make(folder, files, side, classes, ending):
    random = numpy.random.default_rng(1)
    ramp = numpy.add.outer(numpy.arange(side), numpy.arange(side))[..., None]
    for k in range(classes):
        os.makedirs(os.path.join(folder, f"class{k}"))
    for i in range(files):  # a slope with noise, so that neither nothing nor all can be packed
        pixels = (ramp * random.uniform(0, 4, 3) + random.uniform(0, 60, (side, side, 3))).clip(0, 255)
        Image.fromarray(pixels.astype(numpy.uint8)).save(
            os.path.join(folder, f"class{i % classes}", f"{i:06d}{ending}"))


def read(path):
    with Image.open(path) as picture:
        return numpy.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def pillow(folder, threads):
    begin = time.perf_counter()
    paths = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    if threads == 1:
        pictures = [read(path) for path in paths]
    else:
        with multiprocessing.Pool(threads) as pool:
            pictures = pool.map(read, paths, chunksize=256)
    array = numpy.stack(pictures)
    return len(array), time.perf_counter() - begin, int(array.sum(dtype=numpy.uint64))


def palindrome(program, folder, threads):
    answer = subprocess.run([program, folder, str(threads)], check=True, capture_output=True, text=True).stdout.split()
    return int(answer[0]), float(answer[1]), int(answer[2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--files", type=int, default=50000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--jpeg", action="store_true")
    options = parser.parse_args()
    make(options.folder, options.files, options.side, options.classes, ".jpg" if options.jpeg else ".png")
    rows = {}
    for _ in range(options.turns):
        for threads in sorted({1, options.threads}):
            rows.setdefault(("palindrome", threads), []).append(palindrome(options.program, options.folder, threads))
            rows.setdefault(("Pillow", threads), []).append(pillow(options.folder, threads))
    if len({(n, total) for results in rows.values() for n, _, total in results}) != 1:
        sys.exit("pictures: the programs read different values")
    print(f"{'reader':<12}{'threads':>8}{'seconds':>10}{'files/s':>10}")
    for (name, threads), results in rows.items():
        seconds = statistics.median(took for _, took, _ in results)
        print(f"{name:<12}{threads:>8}{seconds:>10.3f}{options.files / seconds:>10.0f}")


if __name__ == "__main__":
    main()
