"""What the defaults for few rows earn: errors on training rows that are left out.

    python benchmarks/few_rows.py --data DIR [--rows 60] [--draws 4] [--write]

No test row is read. Of the training rows of P1, P2 and P9, ``--rows`` are drawn at random to train
on (at most four fifths), and up to 300 of the others score. Errors are root mean squares over all
draws, relative to those of the mean of y. ``--write`` puts the table into RESULTS.md.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from protocols import PROTOCOLS, Rows
from tables import write

from skattn import LSTMAttentionRegressor

CHANGES = {
    "defaults": {},
    "all rows train": {"early_stopping": False},
    "1 network, a tenth held out": {"n_members": 1, "validation_fraction": 0.1},
    "1 network, a fifth held out": {"n_members": 1},
    "5 networks, all rows train": {"n_members": 5, "early_stopping": False},
    "5 networks, a tenth each": {"validation_fraction": 0.1},
    "3 networks, a fifth each": {"n_members": 3},
}


def draw(rows, n_rows, seed):
    """Draw rows to train on and rows to score."""
    order = np.random.RandomState(seed).permutation(len(rows.X))
    n_rows = min(n_rows, int(0.8 * len(order)))
    return [Rows(rows.X[at], rows.y[at]) for at in (order[:n_rows], order[n_rows:][:300])]


def errors(task, n_rows, n_draws):
    """Return the error of each change, relative to that of the mean of y."""
    squares = dict.fromkeys(CHANGES, 0.0)
    of_mean = 0.0
    for seed in range(n_draws):
        train, scored = draw(task.train, n_rows, seed)
        of_mean += np.mean((train.y.mean() - scored.y) ** 2)
        for name, params in CHANGES.items():
            model = LSTMAttentionRegressor(random_state=seed, **params).fit(*train)
            squares[name] += np.mean((model.predict(scored.X) - scored.y) ** 2)
    return {name: np.sqrt(total / of_mean) for name, total in squares.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table = {}
    for name in ("P1", "P2", "P9"):
        for task in PROTOCOLS[name](options.data):
            table[task.name] = errors(task, options.rows, options.draws)
            print(task.name, table[task.name], flush=True)
    text = pd.DataFrame(table).T.round(3).T.to_string()
    print(text)
    if options.write:
        command = f"python benchmarks/few_rows.py --data DIR --rows {options.rows} --write"
        title = f"Few rows: {options.rows} training rows, errors relative to the mean of y's"
        write(f"few rows {options.rows}", title, text, command)


if __name__ == "__main__":
    main()
