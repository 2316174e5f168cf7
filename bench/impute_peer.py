"""Tables with removed cells, for bench/impute: makes them, fills them in by other means, and compares.

    impute_peer.py prepare FOLDER SEED SHARE    writes FOLDER/NAME.csv (with holes) and FOLDER/NAME-whole.csv
    impute_peer.py peers FOLDER                 column means, KNNImputer, IterativeImputer
    impute_peer.py error FOLDER NAME FILE       of a completed table

Errors are those of the removed cells. numbers: root mean squared error, each column divided by the standard deviation of
its known cells; categories: share of wrong cells. A line: NAME, who, numbers, categories.
"""
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd


def tables():
    from palmerpenguins import load_penguins
    from sklearn import datasets

    yield "wine", datasets.load_wine(as_frame=True).data
    yield "breast_cancer", datasets.load_breast_cancer(as_frame=True).data
    yield "diabetes", datasets.load_diabetes(as_frame=True).data
    yield "iris", datasets.load_iris(as_frame=True).data
    yield "penguins", load_penguins().dropna().drop(columns="year").reset_index(drop=True)


def prepare(folder, seed, share):
    for name, whole in tables():
        cells = np.random.default_rng(seed).permutation(whole.size)[: round(share * whole.size)]
        removed = np.zeros(whole.size, bool)
        removed[cells] = True
        whole.to_csv(folder / f"{name}-whole.csv", index=False)
        whole.mask(removed.reshape(whole.shape)).to_csv(folder / f"{name}.csv", index=False)


def load(folder, name):
    return pd.read_csv(folder / f"{name}-whole.csv"), pd.read_csv(folder / f"{name}.csv")


def numeric(column):
    return pd.api.types.is_numeric_dtype(column)


def report(name, who, whole, holes, filled):
    squares, wrong = [], []
    for column in whole:
        removed = holes[column].isna()
        a, b = whole[column][removed], filled[column][removed]
        if numeric(whole[column]):
            squares.append(((a - b) / holes[column].std(ddof=0)) ** 2)
        else:
            wrong.append(a != b)
    words = f"{np.concatenate(wrong).mean():.3f}" if wrong else "-"
    print(f"{name} {who} {np.sqrt(np.concatenate(squares).mean()):.3f} {words}")


def peers(folder):
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    warnings.simplefilter("ignore")
    for name, _ in tables():
        whole, holes = load(folder, name)
        numbers = [c for c in whole if numeric(whole[c])]
        words = [c for c in whole if c not in numbers]
        means = holes.copy()
        for c in whole:
            means[c] = holes[c].fillna(holes[c].mean() if c in numbers else holes[c].mode()[0])
        report(name, "column-means", whole, holes, means)
        scaled = [(holes[c] - holes[c].mean()) / holes[c].std(ddof=0) for c in numbers]
        hot = {c: pd.get_dummies(holes[c]).astype(float).where(holes[c].notna()) for c in words}
        x = pd.concat(scaled + list(hot.values()), axis=1).to_numpy()
        for who, imputer in (("KNNImputer", KNNImputer()), ("IterativeImputer", IterativeImputer(random_state=0))):
            y, filled, at = imputer.fit_transform(x), holes.copy(), len(numbers)
            for j, c in enumerate(numbers):
                filled[c] = holes[c].fillna(pd.Series(y[:, j] * holes[c].std(ddof=0) + holes[c].mean()))
            for c in words:
                best = y[:, at : at + hot[c].shape[1]].argmax(1)
                filled[c] = holes[c].fillna(pd.Series(hot[c].columns.to_numpy()[best]))
                at += hot[c].shape[1]
            report(name, who, whole, holes, filled)


if __name__ == "__main__":
    action, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if action == "prepare":
        prepare(folder, int(sys.argv[3]), float(sys.argv[4]))
    elif action == "peers":
        peers(folder)
    else:
        whole, holes = load(folder, sys.argv[3])
        report(sys.argv[3], "palindrome", whole, holes, pd.read_csv(sys.argv[4]))
