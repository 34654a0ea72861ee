"""In which units the errors of a comparison are best compared, on errors that are drawn.

    python benchmarks/verdict_units.py [--sets N] [--write]

A plain mean of differences is decided by the folds, networks and samples that lose most. For each
unit of the errors the table has how often `compare_attentions`' test finds a difference at 5 %
where there is none, and where attention removes 30 % of the error. Errors are log-normal, of five
folds, four clusters of samples in each, and two seeds; both attentions share how hard a cluster is.
"""

import argparse

import numpy as np
import pandas as pd
from tables import write

from skattn._insight.clusters import Losses
from skattn._insight.paired_test import estimate

N_FOLDS, N_CLUSTERS, N_SEEDS = 5, 4, 2
REMOVED = 0.3

#: Kind of sets → by how much logarithms vary with the cluster, for both and for each; the share of
#: clusters that are twelve times as hard for one of both; the share of networks that fail, which
#: lose twenty times as much.
KINDS = {
    "alike": (0.5, 0.3, 0.0, 0.0),
    "hard for both": (1.5, 0.3, 0.0, 0.0),
    "hard for one": (0.5, 0.3, 0.1, 0.0),
    "networks fail": (0.5, 0.3, 0.0, 0.1),
}


def draw(rng, kind):
    """Return the errors of both attentions, which are alike: (2, folds, clusters, seeds)."""
    both, each, hard, fail = KINDS[kind]
    of_clusters, of_seeds = (2, N_FOLDS, N_CLUSTERS, 1), (2, N_FOLDS, 1, N_SEEDS)
    logs = both * rng.normal(size=of_clusters[1:]) + each * rng.normal(size=of_clusters)
    logs = logs + 0.3 * rng.normal(size=of_seeds) + 0.1 * rng.normal(size=(2, *logs.shape[1:3], 2))
    logs += np.log(12) * (rng.random(of_clusters) < hard)
    return np.exp(logs + np.log(20) * (rng.random(of_seeds) < fail))


def differences(own, plain, unit):
    """Return the differences of the errors of cells in units of the errors in question.

    Logarithms are those of the mean of a fold and seed, to first order in those of clusters.
    """
    if unit == "logarithms":
        return sum(
            sign * (np.log(whole) + (errors - whole) / whole)
            for sign, errors in ((1, own), (-1, plain))
            for whole in [errors.mean(axis=1, keepdims=True)]
        )
    axes = {"none": (0, 1, 2), "folds": (1, 2), "folds and seeds": 1, "clusters and seeds": ()}
    return (own - plain) / (own + plain).mean(axis=axes[unit], keepdims=True)


UNITS = ("none", "folds", "folds and seeds", "clusters and seeds", "logarithms")


def found(own, plain, unit):
    """Return whether the test finds a difference at 5 %."""
    cells = differences(own, plain, unit)
    values = cells.mean(axis=1)
    moves = (cells - values[:, np.newaxis]) / N_CLUSTERS
    return estimate(Losses(values, list(moves))).p_value < 0.05


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table = pd.DataFrame(index=UNITS)
    for kind in KINDS:
        rng = np.random.default_rng(0)
        sets = [draw(rng, kind) for _ in range(options.sets)]
        for name, share in (("alarms", 0.0), ("power", REMOVED)):
            table[f"{kind}: {name}"] = [
                np.mean([found((1 - share) * own, plain, unit) for own, plain in sets])
                for unit in UNITS
            ]
    text = table.T.to_string(float_format="%.3f")
    print(text)
    if options.write:
        title = f"Verdict: units of the errors, {options.sets} drawn sets"
        write(
            "verdict units",
            title,
            text,
            f"python benchmarks/verdict_units.py --sets {options.sets}",
        )


if __name__ == "__main__":
    main()
