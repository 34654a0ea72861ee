"""Accuracy on public protocols, with default parameters.

    python benchmarks/accuracy.py --data DIR [P1 ...] [--seeds 0 1 2] [--write]

DIR has one folder for each data set. P1 needs ``tser/FloodModeling1`` with the archive's
two ``.ts`` files (tseregression.org, CC BY 4.0). Each protocol first reproduces the error of
a naive prediction, which checks the data path. ``--write`` puts the table into RESULTS.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tables import write

from skattn import LSTMAttentionRegressor


def read_ts(path):
    """Read a ``.ts`` file of equal lengths: X (n, n_timesteps, n_features) and y (n,)."""
    X, y = [], []
    for line in path.read_text().splitlines():
        if line.strip() and line[0] not in "#@":
            *channels, target = line.split(":")
            X.append(np.array([channel.split(",") for channel in channels], dtype=float).T)
            y.append(float(target))
    return np.stack(X), np.array(y)


def rmse(y, predicted):
    """Return the root mean squared error."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def check_naive(name, error, expected):
    """Stop unless the naive error has the four published digits."""
    if f"{error:.3e}" != f"{expected:.3e}":
        raise SystemExit(f"{name}: naive error {error:.5g}, expected {expected:.5g}. Wrong data?")


def flood(data, seeds):
    """P1: maximum water depth from 266 steps of rainfall; archive split; RMSE."""
    folder = data / "tser" / "FloodModeling1"
    X, y = read_ts(folder / "FloodModeling1_TRAIN.ts")
    X_test, y_test = read_ts(folder / "FloodModeling1_TEST.ts")
    naive = rmse(y_test, y.mean())
    check_naive("P1", naive, 0.01886)
    rows = [{"model": "mean of y", "median": naive}]
    for attention in (None, "mean", "dot", "general", "additive"):
        errors, begin = [], time.perf_counter()
        for seed in seeds:
            model = LSTMAttentionRegressor(attention, random_state=seed).fit(X, y)
            errors.append(rmse(y_test, model.predict(X_test)))
        seconds = (time.perf_counter() - begin) / len(seeds)
        rows.append(
            {
                "model": f"attention={attention!r}",
                "median": np.median(errors),
                "worst": max(errors),
                "seconds a fit": f"{seconds:.0f}",
                "all seeds": " ".join(f"{error:.4f}" for error in errors),
            }
        )
        print(rows[-1], flush=True)
    rows.append({"model": "MultiROCKET (best published)", "median": 0.0040})
    return pd.DataFrame(rows).set_index("model")


PROTOCOLS = {"P1": flood}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("protocols", nargs="*", default=list(PROTOCOLS), choices=[*PROTOCOLS, []])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.protocols or PROTOCOLS:
        table = PROTOCOLS[name](options.data, options.seeds)
        text = table.to_string(float_format="%.4f", na_rep="")
        print(PROTOCOLS[name].__doc__, text, sep="\n")
        if options.write:
            seeds = " ".join(map(str, options.seeds))
            command = f"python benchmarks/accuracy.py --data DIR {name} --seeds {seeds} --write"
            write(f"accuracy {name}", f"Accuracy: {PROTOCOLS[name].__doc__}", text, command)


if __name__ == "__main__":
    main()
