"""Compare the predictions of two checkouts, bit for bit.

Thirty fits: six attentions on arrays of three dimensions, columns, sequences of unequal length,
windows of a table and several outputs, with parameters that mean the same in both. Each checkout
fits in a process of its own, with one thread for each operation.

    python benchmarks/same_bits.py --before OTHER_CHECKOUT
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ATTENTIONS = [None, "mean", "dot", "general", "additive", "hierarchical"]
ROOT = Path(__file__).parents[1]


def cases():
    """Yield a name, X, y and parameters for each kind of input."""
    from skattn import sliding_windows

    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 8, 2))
    y = X[:, 3, 0] + 0.1 * X[:, -1, 1]
    yield "3-D", X, y, {}
    yield "columns", X.reshape(90, 16), y, {"n_timesteps": 8, "dropout": 0.2}
    unequal = [sequence[: 3 + i % 6] for i, sequence in enumerate(X)]
    yield "unequal lengths", unequal, y, {"n_members": 2, "batch_size": 16}
    series = np.cumsum(rng.normal(size=(160, 2)), axis=0)
    windows, targets = sliding_windows(series, series[:, 0], length=12)
    yield "windows", windows, targets, {"target_feature": 0, "linear_path": True}
    yield "two outputs", X, np.stack([y, -y], axis=1), {"early_stopping": False}


def predict_all(path):
    """Write the predictions of all fits to a file."""
    from skattn import LSTMAttentionRegressor

    predictions = {}
    for name, X, y, params in cases():
        for attention in ATTENTIONS:
            params = {"n_members": 1, "linear_path": False} | params
            model = LSTMAttentionRegressor(attention, units=6, epochs=4, random_state=0, **params)
            predictions[f"{name}, {attention}"] = model.fit(X, y).predict(X)
    np.savez(path, **predictions)


def predictions_of(checkout, folder):
    """Return the predictions that a checkout makes, by name."""
    path = Path(folder) / f"{len(list(Path(folder).iterdir()))}.npz"
    variables = {"PYTHONPATH": str(Path(checkout) / "src"), "TF_NUM_INTRAOP_THREADS": "1"}
    command = [sys.executable, __file__, "--write", str(path)]
    subprocess.run(command, env={**os.environ, **variables}, check=True)
    return np.load(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", help="the other checkout")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        predict_all(arguments.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        before, after = (predictions_of(c, folder) for c in (arguments.before, ROOT))
        same = {name: np.array_equal(before[name], after[name]) for name in before}
    for name, is_same in same.items():
        if not is_same:
            print(f"{name}: differs by up to {np.abs(before[name] - after[name]).max():.2g}")
    print(f"{sum(same.values())} of {len(same)} fits predict the same, bit for bit")
    sys.exit(not all(same.values()))


if __name__ == "__main__":
    main()
