"""The data sets of the study: where each comes from, and how it is cut to size.

Sets of one kind are cut alike. Of separate sequences at most `max_sequences` are drawn, once, with
a fixed seed, and sequences of more than `max_steps` steps are averaged over neighbouring steps: k
steps become one, with the least k for which all sequences of the set fit (piecewise aggregate
approximation, E. Keogh et al., Knowledge and Information Systems 3, 2001). Of a series the training
windows are the newest, the test windows the first that follow, both in one stretch, and a longer
window keeps its newest steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import protocols
from sklearn.base import is_classifier
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

from skattn import LSTMAttentionClassifier, LSTMAttentionRegressor, datasets

#: Seed of the generated tasks, and of the draw of sequences where a set has more.
DRAW = 0

#: Samples of a generated task to train on, and to test; steps of each.
N_GENERATED, GENERATED_STEPS = 400, 20


@dataclass(frozen=True)
class StudySet:
    """One data set, cut to size.

    Attributes
    ----------
    name, kind : str
        The kind is "generated", "archive", "series" or "classes".
    model : estimator
        The default regressor or classifier, and what is known of the data: which feature y
        continues.
    X, y, X_test, y_test
        Samples to train on and to test.
    horizon : int
        Of a series, how many rows after a window its last target lies; 0 for other sets.
    """

    name: str
    kind: str
    model: Any
    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray
    horizon: int

    @property
    def scoring(self):
        """The score of the study: smooth, so that small differences are seen."""
        return "neg_log_loss" if is_classifier(self.model) else "neg_mean_squared_error"

    def folds(self, n_folds):
        """Return how the training samples are split.

        Rows of a series are in the order of time, and no target of a training sample is one of a
        test sample. Others are shuffled, since a file may be sorted.
        """
        if self.kind == "series":
            return TimeSeriesSplit(n_folds, gap=self.horizon)
        split = StratifiedKFold if is_classifier(self.model) else KFold
        return split(n_folds, shuffle=True, random_state=DRAW)

    def facts(self):
        """Return numbers of the set, and the test error of a prediction that reads no sequence."""
        lengths = [len(x) for x in self.X]
        return {
            "kind": self.kind,
            "steps": float(np.median(lengths)),
            "longest": max(lengths),
            "features": self.X[0].shape[1],
            "samples": len(self.y),
            "test_samples": len(self.y_test),
            "naive_error": self._naive_error(),
        }

    def _naive_error(self):
        if not is_classifier(self.model):
            return float(np.mean((self.y_test - self.y.mean(axis=0)) ** 2))
        classes, counts = np.unique(self.y, return_counts=True)
        places = np.searchsorted(classes, self.y_test)
        return float(-np.log(counts / counts.sum())[places].mean())


class Source(NamedTuple):
    """Where a set comes from: ``read(argument, data, plan)`` gives the set without its name."""

    kind: str
    read: Callable
    argument: Any = None
    horizon: int = 0


def load(name, data, plan):
    """Return a set, cut to the size that a plan gives.

    Parameters
    ----------
    name : str
        One of `SETS`.
    data : Path or None
        The folder of the sets that come with no package, as accuracy.py takes it.
    plan : Plan
        Holds `max_sequences` and `max_steps`.
    """
    if name not in SETS:
        raise ValueError(f"{name!r} is no set of the study. Use names among {list(SETS)}.")
    source = SETS[name]
    if source.kind in ("archive", "series") and data is None:
        raise ValueError(f"{name!r} is read from files: pass their folder, --data DIR.")
    model, (X, y), test = source.read(source.argument, data, plan)
    cut = _cut_series if source.kind == "series" else _cut_sequences
    X, y, X_test, y_test = cut(X, y, *test, plan)
    return StudySet(name, source.kind, model, X, y, X_test, y_test, source.horizon)


def _cut_sequences(X, y, X_test, y_test, plan):
    """Draw sequences, and average neighbouring steps where they are long."""
    longest = max(len(x) for part in (X, X_test) for x in part)
    k = -(-longest // plan.max_steps)
    parts = []
    for X_part, y_part in ((X, y), (X_test, y_test)):
        at = np.arange(len(y_part))
        if len(at) > plan.max_sequences:
            rng = np.random.default_rng(DRAW)
            at = np.sort(rng.choice(at, plan.max_sequences, replace=False))
        parts += [_as_given([shortened(X_part[row], k) for row in at]), y_part[at]]
    return parts


def shortened(x, k):
    """Average a sequence (n_timesteps, n_features) over k neighbouring steps, from its last on.

    The first mean may be of fewer steps.
    """
    begins = np.arange(len(x) - 1, -1, -k)[::-1] - k + 1
    begins = np.maximum(begins, 0)
    counts = np.diff([*begins, len(x)])
    return np.add.reduceat(x, begins, axis=0) / counts[:, np.newaxis]


def _as_given(X):
    """Return sequences of one length as one array, others as the list."""
    return np.stack(X) if len({len(x) for x in X}) == 1 else X


def _cut_series(X, y, X_test, y_test, plan):
    """Take the newest training windows, the first test windows, and the newest steps of each."""
    last, first = slice(-plan.max_sequences, None), slice(plan.max_sequences)
    X, X_test = (np.asarray(part)[:, -plan.max_steps :] for part in (X[last], X_test[first]))
    return X, y[last], X_test, y_test[first]


def _generated(make, data, plan):
    """Generate a task; training and test samples are drawn alike."""
    X, y = make(2 * N_GENERATED, GENERATED_STEPS, random_state=DRAW)
    is_symbol = make is datasets.make_symbol_recall
    model = LSTMAttentionClassifier() if is_symbol else LSTMAttentionRegressor()
    train, test = slice(N_GENERATED), slice(N_GENERATED, None)
    return model, (X[train], y[train]), (X[test], y[test])


def _archive(dataset, data, plan):
    """Read a set of the archive of extrinsic regression, in the archive's split."""
    task = protocols.archive(data, dataset, dataset, mean="")
    return LSTMAttentionRegressor(), task.train, task.test


def _series(task_of, data, plan):
    """Read a protocol of a series; validation rows are training rows of the study."""
    read, number = task_of
    task = read(data)[number]
    parts, n = [task.train, task.validation], plan.max_sequences
    X = np.concatenate([np.asarray(part.X[-n:]) for part in parts])
    y = np.concatenate([part.y[-n:] for part in parts])
    return LSTMAttentionRegressor(**task.says), (X, y), task.test


def oil_temperature(data):
    """P3 at a horizon of 24 hours: folds of this size have no room for its 96."""
    series = protocols.read_etth1(data)["OT"].to_numpy()
    train, validation, test = (
        protocols.cut(series, series, begin, end, length=336, horizon=24)
        for begin, end in ((0, 8640), (8640, 11520), (11520, 14400))
    )
    says = {"target_feature": 0}
    return [protocols.Task("P3", train, test, {}, {}, validation, says)]


def _classes(dataset, data, plan):
    """Read a set of classes from aeon's wheel, in its own split."""
    from classes import read

    parts = [(X, np.asarray(y)) for X, y in (read(dataset, part) for part in ("train", "test"))]
    return LSTMAttentionClassifier(), *parts


#: The sets, cheap ones first, and each kind early; a table of rows has one set, not several.
SETS = {
    "recall": Source("generated", _generated, datasets.make_selective_recall),
    "fading memory": Source("generated", _generated, datasets.make_fading_memory),
    "CardanoSentiment": Source("archive", _archive, "CardanoSentiment"),
    "SML2010, 4 hours": Source("series", _series, (protocols.room_later, 1), 16),
    "ItalyPowerDemand": Source("classes", _classes, "ItalyPowerDemand"),
    "DailyOilGasPrices": Source("archive", _archive, "DailyOilGasPrices"),
    "BasicMotions": Source("classes", _classes, "BasicMotions"),
    "adding": Source("generated", _generated, datasets.make_adding),
    "Covid3Month": Source("archive", _archive, "Covid3Month"),
    "PM2.5": Source("series", _series, (protocols.particles, 0), 1),
    "GunPoint": Source("classes", _classes, "GunPoint"),
    "Turbine NOx": Source("series", _series, (protocols.turbine, 0), 0),
    "JapaneseVowels": Source("classes", _classes, "JapaneseVowels"),
    "Valencia NO2": Source("series", _series, (protocols.nitrogen_dioxide, 0), 24),
    "ArrowHead": Source("classes", _classes, "ArrowHead"),
    "PickupGestureWiimoteZ": Source("classes", _classes, "PickupGestureWiimoteZ"),
    "symbol recall": Source("generated", _generated, datasets.make_symbol_recall),
    "Victoria's demand": Source("series", _series, (protocols.demand, 0), 6),
    "FloodModeling1": Source("archive", _archive, "FloodModeling1"),
    "ETTh1, 24 hours": Source("series", _series, (oil_temperature, 0), 24),
    "ACSF1": Source("classes", _classes, "ACSF1"),
    "SteamPredictor": Source("archive", _archive, "SteamPredictor"),
    "OSULeaf": Source("classes", _classes, "OSULeaf"),
    "ChilledWaterPredictor": Source("archive", _archive, "ChilledWaterPredictor"),
    "PLAID": Source("classes", _classes, "PLAID"),
}
