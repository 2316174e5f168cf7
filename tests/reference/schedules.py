#!/usr/bin/env python3
"""Write the learning rates of PyTorch's schedules, and when its plateau schedule lowers the rate: schedules.py schedules.txt

Lines: "one-cycle TOTAL RISE RATE FINAL X..." with a rate for each step from 1; "plateau PATIENCE FACTOR LEAST" with pairs
of a loss and the rate of the next epoch, from the rate 1. Numbers are hexadecimal floats after the word `rates`.
"""
import sys

import torch


def one_cycle(total, rise, rate, final):
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=total, pct_start=rise, div_factor=25, final_div_factor=rate / 25 / final,
        cycle_momentum=False)
    rates = []
    for step in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < total:
            schedule.step()
    return f"one-cycle {total} {rise!r} {rate!r} {final!r} rates " + " ".join(r.hex() for r in rates)


def plateau(patience, factor, least, losses):
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor, patience=patience, min_lr=least,
                                                          eps=0)
    pairs = []
    for loss in losses:
        schedule.step(loss)
        pairs += [loss, optimizer.param_groups[0]["lr"]]
    return f"plateau {patience} {factor!r} {least!r} rates " + " ".join(float(x).hex() for x in pairs)


def losses(n):
    state, value = 7, 100.0
    for i in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        value *= 0.9 if i < 10 else 0.99995
        yield value + ((state >> 43) * 2.0**-21 - 0.5) * 3


with open(sys.argv[1], "w", encoding="ascii", newline="\n") as file:
    file.write("# Learning rates by PyTorch; written by schedules.py, which describes the lines.\n")
    for case in ((100, 0.3, 0.5, 1e-3), (7, 0.5, 2.0, 0.25), (40, 0.25, 0.1, 1e-6)):
        file.write(one_cycle(*case) + "\n")
    for case in ((2, 0.5, 0.05), (5, 0.1, 0.0), (1, 0.25, 1e-3)):
        file.write(plateau(*case, losses(60)) + "\n")
