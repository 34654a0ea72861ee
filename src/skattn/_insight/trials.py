"""Fits of one estimator with several attentions: its clones, their scores, what they lost."""

from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from sklearn.utils.parallel import delayed

from .clusters import Losses, moves_of
from .jobs import run_side_by_side
from .paired_test import in_units_of_folds

#: Parameter of the estimator that a seed stands in for: several seeds of one network each show how
#: far networks differ, which several networks of one fit would average out.
NETWORKS = "n_members"


@dataclass
class Fits:
    """The fits so far: each attention's losses and scores, on more seeds when asked for.

    Attributes
    ----------
    estimator, X, y, params, n_jobs, verbose
        As `compare_attentions` takes them.
    path : str
        The name under which the estimator's attention is set.
    named : dict of str to attention
        The attentions in question.
    folds, clusters : list
        Training and test samples of each fold, and the clusters of the latter.
    seeds : int array of shape (n_folds, n_seeds)
        The seeds of each fold, in the order in which they are used.
    scorer : callable
        Scores an estimator.
    best : float or None
        The score of a perfect prediction; None if unknown.
    losses : dict of str to Losses
        What the fits of each attention lost.
    scores : list of dict
        Attention, fold, seed, score and fit_time of each fit.
    """

    estimator: Any
    X: Any
    y: Any
    path: str
    named: dict
    folds: list
    clusters: list
    seeds: np.ndarray
    scorer: Any
    best: float | None
    params: dict | None
    n_jobs: int | None
    verbose: int
    losses: dict = field(default_factory=dict)
    scores: list = field(default_factory=list)

    @property
    def knows_errors(self):
        """Whether losses are errors, of which shares can be removed."""
        return self.best is not None

    def pair(self, name, against, n_seeds):
        """Return the losses of two attentions on the first seeds; errors in units of the folds."""
        own, other = (self.losses[which].first(n_seeds) for which in (name, against))
        return in_units_of_folds(own, other) if self.knows_errors else (own, other)

    def extend(self, names, n_seeds):
        """Fit attentions with further seeds, up to a number for each fold."""
        tasks = []
        for name in names:
            done = self.losses[name].n_seeds if name in self.losses else 0
            tasks += [
                {"attention": name, "fold": fold, "seed": seed}
                for fold, row in enumerate(self.seeds[:, done:n_seeds].tolist())
                for seed in row
            ]
        if not tasks:
            return
        outcomes = self._run(tasks)
        self.scores += [
            {**task, "score": score, "fit_time": seconds}
            for task, (score, _, seconds) in zip(tasks, outcomes, strict=True)
        ]
        for name in dict.fromkeys(task["attention"] for task in tasks):
            own = [o for task, o in zip(tasks, outcomes, strict=True) if task["attention"] == name]
            new = self._losses_of(own)
            self.losses[name] = self.losses[name].followed_by(new) if name in self.losses else new

    def _run(self, tasks):
        calls = [
            delayed(fit_and_score)(
                trial(self.estimator, self.path, self.named[task["attention"]], task["seed"]),
                self.X,
                self.y,
                self.folds[task["fold"]],
                self.clusters[task["fold"]],
                self.scorer,
                self.params,
            )
            for task in tasks
        ]
        return run_side_by_side(
            calls, n_jobs=self.n_jobs, verbose=self.verbose, title="compare_attentions", unit="fit"
        )

    def _losses_of(self, outcomes):
        """Return the losses of fits that are in order of folds, then seeds."""
        n_folds = len(self.seeds)
        scores = np.reshape([score for score, _, _ in outcomes], (n_folds, -1))
        n_seeds = scores.shape[1]
        moves = [
            -np.stack([moves for _, moves, _ in outcomes[at * n_seeds :][:n_seeds]], axis=1)
            for at in range(n_folds)
        ]
        return Losses((self.best or 0.0) - scores, moves)


def trial(estimator, path, attention, seed):
    """Return a clone with an attention, one network, and the seed wherever one is taken."""
    params = estimator.get_params(deep=True)
    values = {name: seed for name in params if name.split("__")[-1] == "random_state"}
    networks = path.removesuffix("attention") + NETWORKS
    if params.get(networks) == "auto":
        values[networks] = 1
    return clone(estimator).set_params(**{path: attention, **values})


def fit_and_score(estimator, X, y, fold, clusters, scorer, params):
    """Fit on one fold and score its test samples.

    Returns
    -------
    score : float
        The score of all test samples.
    moves : array of shape (n_clusters,)
        How far each cluster moves it.
    fit_time : float
        Seconds of the fit.
    """

    def lost(fitted, X_test, y_test):
        answers, y_test = Answers(fitted, X_test), np.asarray(y_test)

        def score(samples):
            return scorer(answers, samples, y_test[samples])

        whole, moves = moves_of(score, len(y_test), clusters)
        return {"score": whole, **{f"move {at}": move for at, move in enumerate(moves)}}

    # Scores are returned, not noted aside: joblib may run what is called here elsewhere.
    done = cross_validate(
        estimator, X, y, scoring=lost, cv=[fold], params=params, error_score="raise"
    )
    score, *moves = (float(done[name][0]) for name in done if name.startswith("test_"))
    if not np.isfinite([score, *moves]).all():
        raise ValueError(
            f"A score is {score} on a fold whose number of test samples is "
            f"{len(fold[1])}, or is not finite without some of them. R² needs at least two "
            "different targets in each fold, ROC AUC samples of two classes: use fewer folds, or "
            "another scoring."
        )
    return score, np.array(moves), float(done["fit_time"][0])


class Answers:
    """A stand-in for a fitted estimator that answers for samples given by number.

    All test samples are predicted once, together: windows of a table need the rows before them.
    """

    def __init__(self, fitted, X):
        self._fitted = fitted
        self._X = X
        self._found = {}

    def __getattr__(self, name):
        method = getattr(self._fitted, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return method

        @wraps(method)
        def answer(samples):
            if name not in self._found:
                self._found[name] = np.asarray(method(self._X))
            return self._found[name][samples]

        return answer


def path_of_attention(estimator):
    """Return the name under which an estimator's one attention is set."""
    params = estimator.get_params(deep=True)
    # The estimator in question is what has both an attention and a random_state.
    paths = [
        name
        for name in params
        if name.split("__")[-1] == "attention"
        and name.removesuffix("attention") + "random_state" in params
    ]
    if len(paths) != 1:
        raise ValueError(
            "compare_attentions needs an estimator with exactly one LSTMAttentionRegressor or "
            "LSTMAttentionClassifier in it. "
            f"This {type(estimator).__name__} has {len(paths)}: {paths}."
        )
    _check_grids(params, paths[0])
    return paths[0]


def _check_grids(params, path):
    """Refuse a search that sets what is compared, or its seed, or replaces the regressor."""
    own = [path.split("__"), (path.removesuffix("attention") + "random_state").split("__")]
    for place in params:
        *around, name = place.split("__")
        if name not in ("param_grid", "param_distributions"):
            continue
        for searched in sorted({key for grid in np.atleast_1d(params[place]) for key in grid}):
            # The names of a grid begin at the estimator of its search. One that begins our own
            # path sets what stands there, and all that is inside of it.
            parts = [*around, "estimator", *searched.split("__")]
            if any(each[: len(parts)] == parts for each in own):
                raise ValueError(
                    f"The grid of the search sets {searched!r}, and with it the attention or the "
                    "seed that compare_attentions sets. Leave it out of the grid."
                )
