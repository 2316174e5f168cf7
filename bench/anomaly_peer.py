#!/usr/bin/env python3
"""PyOD's AutoEncoder and PCA on tables of ADBench: bench/anomaly calls this.

    anomaly_peer.py peers FOLDER [--seeds N]     one line a table and model: table, model, mean AUROC, seconds a fit
    anomaly_peer.py auroc FILE SCORES [ROWS]     the area under the ROC curve of the column `score` of detect's CSV

FOLDER has .npz files with arrays X and y, y = 1 for an odd row. The protocol is that of unsupervised detection: a model is
fitted to all rows, without y, and scores the same rows. All models have their default settings.
"""
import argparse
import glob
import os
import time

import numpy


def table(path):
    with numpy.load(path) as file:
        x, y = file["X"].astype(float), file["y"].ravel()
    deviation = x.std(0)
    return (x - x.mean(0)) / numpy.where(deviation > 0, deviation, 1), y


def auroc(y, score):
    _, inverse, count = numpy.unique(score, return_inverse=True, return_counts=True)
    rank = (numpy.cumsum(count) - (count - 1) / 2)[inverse]
    odd = y == 1
    return (rank[odd].sum() - odd.sum() * (odd.sum() + 1) / 2) / odd.sum() / (~odd).sum()


def peers(folder, seeds):
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.pca import PCA
    torch.set_num_threads(1)
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        x, y = table(path)
        for name, make in (("AutoEncoder", lambda seed: AutoEncoder(random_state=seed, verbose=0)),
                           ("PCA", lambda seed: PCA(random_state=seed))):
            areas, began = [], time.perf_counter()
            for seed in range(1, (seeds if name == "AutoEncoder" else 1) + 1):
                areas.append(auroc(y, make(seed).fit(x).decision_scores_))
            print(os.path.basename(path)[:-4], name, f"{numpy.mean(areas):.4f}",
                  f"{(time.perf_counter() - began) / len(areas):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["peers", "auroc"])
    parser.add_argument("path")
    parser.add_argument("more", nargs="?")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if given.what == "peers":
        peers(given.path, given.seeds)
    else:
        score = numpy.genfromtxt(given.more, delimiter=",", names=True, usecols=(0, 1))["score"]
        print(f"{auroc(table(given.path)[1], score):.4f}")


if __name__ == "__main__":
    main()
