"""What torch_peer.py and jax_peer.py share: the loop that answers requests for the time of a workload's step.

A request is a line "WORKLOAD MILLISECONDS" on standard input. The answer is a line "IMPLEMENTATION MICROSECONDS" for
each implementation of the library, then the line "end". MICROSECONDS is the median, or with --least the least, over the
steps that MILLISECONDS are enough for. It is "failed" if the implementation does not work here; the reason is on
standard error. A step is made at its first request, so that an answer may take minutes then. Batch 128, float32, random
data, CPU."""
import argparse
import math
import os
import statistics
import sys
import time

BATCH, INPUTS = 128, 784
WARM_UP, LEAST_STEPS = 5, 7


def asked(what):
    """The options: threads, and whether the least time counts instead of the median."""
    parser = argparse.ArgumentParser(description=what, epilog='a request on standard input: "WORKLOAD MILLISECONDS"')
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--least", action="store_true", help="the least time instead of the median")
    arguments = parser.parse_args()
    if arguments.threads < 1:
        parser.error("at least 1 thread")
    return arguments


def time_of(step, milliseconds, figure):
    for _ in range(WARM_UP):
        loss = step()
    times = []
    start = time.perf_counter_ns()
    while len(times) < LEAST_STEPS or time.perf_counter_ns() - start < 1e6 * milliseconds:
        began = time.perf_counter_ns()
        loss = step()
        times.append((time.perf_counter_ns() - began) / 1000)
    if not math.isfinite(loss):
        raise ValueError("the loss is not finite, so that the times mean nothing")
    return figure(times)


def serve(implementations, make, least):
    """make(workload, implementation) returns a function that runs one step to its end and returns the loss."""
    figure = min if least else statistics.median
    made, program = {}, os.path.basename(sys.argv[0])
    for line in sys.stdin:
        workload, milliseconds = line.split()
        for implementation in implementations:
            key = workload, implementation
            try:
                if key not in made:
                    made[key] = make(*key)
                print(f"{implementation} {time_of(made[key], int(milliseconds), figure):.1f}")
            except Exception as error:  # whatever a library raises, the others are still measured
                reason = (str(error).strip().splitlines() or [""])[0]
                print(f"{program}: {workload}, {implementation}: {type(error).__name__}: {reason}", file=sys.stderr)
                print(f"{implementation} failed")
        print("end", flush=True)
