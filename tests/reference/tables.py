#!/usr/bin/env python3
"""Codes of a table with numbers, words and truths by scikit-learn: StandardScaler, OneHotEncoder and PCA.

    python3 tables.py table.csv codes.csv            # writes both
    python3 tables.py --check table.csv codes.csv    # computes the codes again and compares

Made with scikit-learn 1.9.1. The codes are those of `palindrome train linear --solve svd`: of variance 1, with the
divisor n, so that PCA's whitened ones are multiplied by sqrt(n / (n - 1)). Their signs are free.
"""
import sys

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS, CODES = 60, 4


def table():
    draw = np.random.default_rng(17)
    town = draw.integers(0, 3, ROWS)
    level = draw.normal(size=ROWS)
    return pd.DataFrame({
        "age": draw.integers(18, 80, ROWS),
        "income": (20000 * np.exp(0.4 * level + 0.2 * draw.normal(size=ROWS))).round(2),
        "town": np.array(["Bonn", "Oslo", "Rome, Lazio"])[town],
        "height": (1.7 + 0.05 * town + 0.08 * draw.normal(size=ROWS)).round(3),
        "member": np.where(draw.random(ROWS) < 0.4 + 0.2 * (level > 0), "yes", "no"),
        "load": (3e-4 * np.exp(0.5 * level + 0.3 * draw.normal(size=ROWS))).round(7),
    })


def codes(rows):
    features = make_column_transformer(
        (StandardScaler(), ["age", "income", "height", "load"]),
        (OneHotEncoder(sparse_output=False), ["town"]),
        (OneHotEncoder(sparse_output=False, drop="if_binary"), ["member"]))
    x = features.fit_transform(rows)
    return PCA(CODES, whiten=True, svd_solver="full").fit_transform(x) * np.sqrt(ROWS / (ROWS - 1))


def main():
    *flag, table_path, codes_path = sys.argv[1:]
    if flag:
        was, now = np.loadtxt(codes_path, delimiter=","), codes(pd.read_csv(table_path))
        off = np.abs(now * np.sign((now * was).sum(0)) - was).max()
        print(f"largest difference {off:.2g}")
        sys.exit(int(off > 1e-10))
    rows = table()
    rows.to_csv(table_path, index=False)
    np.savetxt(codes_path, codes(pd.read_csv(table_path)), fmt="%.15g", delimiter=",")


if __name__ == "__main__":
    main()
