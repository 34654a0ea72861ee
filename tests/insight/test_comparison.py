"""Attentions compared: on an estimator whose scores are told to it, and on small networks."""

import re
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import uniform
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    RandomizedSearchCV,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import compare_attentions
from skattn._insight.comparison import _trial
from skattn.datasets import make_fading_memory

#: Three folds of two samples; the value of a sample is the number of its fold.
X = np.repeat(np.arange(3.0), 2).reshape(6, 1, 1)
Y = np.zeros(6)
RMSE = "neg_root_mean_squared_error"


def broken(query, states, mask, spec): ...


class Told(RegressorMixin, BaseEstimator):
    """Predicts, and scores, what it is told for its attention, fold by fold."""

    fits: ClassVar[list] = []  # of all clones

    def __init__(self, attention=None, random_state=None, gains=None, seed_counts=0):
        self.attention = attention
        self.random_state = random_state
        self.gains = gains
        self.seed_counts = seed_counts

    def fit(self, X, y, sample_weight=None):
        if self.attention is broken:
            raise RuntimeError("no such network")
        self.fits.append((self.attention, self.random_state, X[:, 0, 0], sample_weight))
        self.is_fitted_ = True
        return self

    def predict(self, X):
        gains = np.zeros(99) if self.gains is None else np.array(self.gains[self.attention])
        return gains[X[:, 0, 0].astype(int)] + self.seed_counts * (self.random_state or 0)

    def score(self, X, y):
        return float(self.predict(X).mean())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class Seeded(FunctionTransformer):
    """A transformer with a seed of its own."""

    def __init__(self, random_state=None):
        super().__init__()
        self.random_state = random_state


STEPS = make_pipeline(FunctionTransformer(), Told())


@pytest.fixture(autouse=True)
def no_fits_yet():
    Told.fits.clear()


def compare(gains, estimator=None, **options):
    options = {"attentions": list(gains), "cv": 3, **options}
    return compare_attentions(estimator or Told(gains=gains), X, Y, **options)


def constant(**gains):
    return {None: [0, 0, 0], **{name: [gain] * 3 for name, gain in gains.items()}}


def test_the_table_and_the_scores_hold_what_they_say():
    gains = {None: [0, 1, 2], "mean": [1, 1, 1], "dot": [3, 4, 8]}
    table, scores = (result := compare(gains)).table, result.scores
    assert table.index.tolist() == ["None", "mean", "dot"]
    assert table.columns.tolist() == [
        *("mean_score", "std_score", "mean_fit_time"),
        *("difference", "interval_low", "interval_high", "p_value", "verdict"),
    ]
    assert scores.columns.tolist() == ["attention", "fold", "seed", "score", "fit_time"]
    assert scores["score"].tolist() == [0, 1, 2, 1, 1, 1, 3, 4, 8]
    assert table["mean_score"].tolist() == [1, 1, 5]
    np.testing.assert_allclose(table["std_score"], [np.sqrt(2 / 3), 0, np.sqrt(14 / 3)])  # ddof=0
    assert table["difference"].tolist() == [0, 0, 4]
    for name, group in scores.groupby("attention"):
        assert table.loc[name, "mean_fit_time"] == pytest.approx(group["fit_time"].mean())
    assert table.loc["None"].tolist()[4:] == [0, 0, 1, ""]
    assert (result.scoring, result.confidence) == (None, 0.95)


def test_of_an_error_less_is_better():
    result = compare({**constant(dot=1), None: [2, 2, 2]}, scoring=RMSE)
    row = result.table.loc["dot"]
    assert (row["mean_score"], row["difference"], row["verdict"]) == (-1, 1, "helped")
    assert result.scoring == RMSE
    assert result.summary == (
        "Attention helped. With 'dot' the root mean squared error is 1, with the plain "
        "LSTM 2: difference -1 (95% interval -1 to -1)."
    )


@pytest.mark.parametrize("test_size", [1, 2, 4])
def test_intervals_are_corrected_by_the_test_rows_in_relation_to_the_training_rows(test_size):
    splits = [(np.arange(6)[test_size:], np.arange(6)[:test_size])] * 2
    splits += [(np.arange(6)[:-test_size], np.arange(6)[-test_size:])]
    result = compare({None: [0, 0, 0], "dot": [1, 3, 5]}, cv=splits)
    scores = result.scores.query("attention == 'dot'")["score"]
    row, ratio = result.table.loc["dot"], test_size / (6 - test_size)
    error = np.sqrt((1 / 3 + ratio) * scores.var())
    half = row["interval_high"] - row["difference"]
    assert half == pytest.approx(error * student.ppf(0.975, df=2))


def test_every_attention_has_the_same_folds_and_seeds():
    gains = constant(mean=1, dot=2)
    seeds = np.random.RandomState(0)
    result = compare(gains, cv=KFold(3, shuffle=True), n_repeats=2, random_state=seeds)
    rows = {kind: [(seed, *X) for a, seed, X, _ in Told.fits if a == kind] for kind in gains}
    assert rows[None] == rows["mean"] == rows["dot"]
    assert len(rows[None]) == 6
    for _, scores in result.scores.groupby("attention"):
        assert scores["fold"].tolist() == [0, 0, 1, 1, 2, 2]
        assert scores["seed"].tolist() == [seed for seed, *_ in rows[None]]
        assert scores["seed"].nunique() == 6  # every fold has seeds of its own


def test_scores_are_averaged_over_the_seeds_of_a_fold():
    estimator = Told(gains=constant(dot=1), seed_counts=1e-9)
    result = compare(constant(dot=1), estimator, n_repeats=4, random_state=0)
    plain = result.scores.query("attention == 'None'")
    np.testing.assert_allclose(plain["score"], 1e-9 * plain["seed"])
    means = plain.groupby("fold")["score"].mean()
    assert result.table.loc["None", "mean_score"] == pytest.approx(means.mean())
    assert result.table.loc["None", "std_score"] == pytest.approx(means.std(ddof=0), abs=1e-12)
    assert result.table.loc["dot", "difference"] == pytest.approx(1)


def test_what_is_around_the_regressor_is_seen_through():
    told = Told(gains={None: [3, 2, 4], "dot": [1, 1, 2]})
    target, step = TransformedTargetRegressor(told), FunctionTransformer()
    search = GridSearchCV(target, {"regressor__seed_counts": [0]}, cv=2, scoring=RMSE)
    for estimator in (make_pipeline(step, told), target, search, make_pipeline(step, search)):
        result = compare([None, "dot"], estimator, scoring=RMSE)
        assert result.scores["score"].tolist() == [-3, -2, -4, -1, -1, -2]


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), r"with exactly one .* This LinearRegression has 0: \[\]"),
        (VotingRegressor([("a", Told()), ("b", Told())]), r"has 2: \['a__att.*', 'b__att.*'\]"),
    ],
)
def test_an_estimator_whose_attention_cannot_be_set_is_refused(estimator, message):
    with pytest.raises(ValueError, match=message):
        compare([None, "dot"], estimator)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (GridSearchCV(Told(), {"attention": [None]}), "attention"),
        (GridSearchCV(Told(), {"random_state": [0, 1]}), "random_state"),
        (GridSearchCV(STEPS, [{}, {"told__attention": ["dot"]}]), "told__attention"),
        (RandomizedSearchCV(STEPS, {"told__random_state": [0]}), "told__random_state"),
        (GridSearchCV(STEPS, {"told": [Told("dot")]}), "told"),
        (TransformedTargetRegressor(GridSearchCV(STEPS, {"told": [Told()]})), "told"),
        (GridSearchCV(TransformedTargetRegressor(STEPS), {"regressor": [STEPS]}), "regressor"),
    ],
)
def test_a_grid_that_sets_what_is_compared_or_its_seed_is_refused(estimator, name):
    message = (
        f"The grid of the search sets '{name}', and with it the attention or the seed that "
        r"compare_attentions sets\. Leave it out of the grid\."
    )
    with pytest.raises(ValueError, match=message):
        compare([None, "dot"], estimator)
    assert not Told.fits


def test_a_grid_may_set_other_steps_and_other_parameters():
    steps = Pipeline([("pick", Seeded()), ("told", Told(gains=constant(dot=1)))])
    grid = {"told__seed_counts": [0], "pick": [Seeded()], "pick__random_state": [7]}
    result = compare([None, "dot"], GridSearchCV(steps, grid, cv=2))
    assert result.table["difference"].tolist() == [0, 1]


@pytest.mark.parametrize("around", [False, True])
def test_a_search_is_scored_and_named_by_its_own_scoring(around):
    told = Told(gains={None: [3, 2, 4], "dot": [1, 1, 2]})
    search = GridSearchCV(told, {"seed_counts": [0]}, cv=2, scoring=RMSE)
    result = compare(
        [None, "dot"], make_pipeline(FunctionTransformer(), search) if around else search
    )
    assert result.scores["score"].tolist() == [-3, -2, -4, -1, -1, -2]
    assert result.scoring == RMSE
    assert " the root mean squared error is 1.33, with the plain LSTM 3: " in result.summary


def test_a_score_that_is_not_finite_is_an_error_that_says_what_to_do():
    text = (
        r"A score is nan on a fold whose number of test rows is 1\. R² needs at least two test "
        r"rows in each fold: use fewer folds, or another scoring\."
    )
    with (
        pytest.warns(UndefinedMetricWarning, match="less than two samples"),
        pytest.raises(ValueError, match=text),
    ):
        compare(constant(dot=1), cv=LeaveOneOut(), scoring="r2")
    result = compare(constant(dot=1), cv=LeaveOneOut(), scoring=RMSE)  # the remedy
    assert result.table["mean_score"].tolist() == [0, -1]


@pytest.mark.parametrize("kinds", [["mean", "dot"], [None, "dot", "dot"], [None]])
def test_attentions_must_hold_none_and_another_each_once(kinds):
    text = f"must hold None, .* each with a name of its own. Got attentions={re.escape(str(kinds))}"
    with pytest.raises(ValueError, match=text):
        compare(kinds)
    assert not Told.fits
    with pytest.raises(ValueError, match=r"'attentions' parameter of .* must be an array-like"):
        compare(kinds, attentions="dot")


@pytest.mark.parametrize("kind", ["None", "aditive", 3])
def test_an_unknown_attention_is_an_error_with_the_known_ones_before_any_fit(kind):
    text = (
        f"attentions holds {kind!r}, which is unknown. Use functions, or names among "
        "[None, 'mean', 'dot', 'general', 'additive', 'hierarchical']."
    )
    with pytest.raises(ValueError, match=re.escape(text)):
        compare([None, "dot", kind])
    assert not Told.fits


HALVES = [(np.arange(3), np.arange(3, 6)), (np.arange(3, 6), np.arange(3))]


@pytest.mark.parametrize(
    ("cv", "groups", "expected"),
    [
        (TimeSeriesSplit(2), None, [[0, 1], [0, 1, 2, 3]]),
        (GroupKFold(2), [0, 1, 0, 1, 0, 1], [[1, 3, 5], [0, 2, 4]]),
        (HALVES, None, [[0, 1, 2], [3, 4, 5]]),
        (2, None, [[3, 4, 5], [0, 1, 2]]),
    ],
)
def test_the_folds_are_those_of_the_splitter(cv, groups, expected):
    rows = np.arange(6.0).reshape(6, 1, 1)
    compare_attentions(Told(), rows, Y, attentions=[None, "dot"], cv=cv, groups=groups)
    trained = [X.tolist() for _, _, X, _ in Told.fits]
    assert sorted(trained[: len(expected)]) == sorted(expected)
    assert trained == 2 * trained[: len(expected)]


@pytest.mark.parametrize("kind", [["dot"], {"dot": 1}, {"dot"}], ids=repr)
def test_an_attention_that_cannot_be_a_name_is_unknown(kind):
    text = f"attentions holds {kind!r}, which is unknown. Use functions, or names among [None, "
    with pytest.raises(ValueError, match=re.escape(text)):
        compare_attentions(Told(), X, Y, attentions=[None, kind])


def test_one_fold_is_too_few_to_tell():
    with pytest.raises(ValueError, match=r"needs at least 2 folds. Got 1: cv=\[\("):
        compare([None, "dot"], cv=[(np.arange(3), np.arange(3, 6))])


def test_the_estimator_is_neither_fitted_nor_changed():
    estimator = Told("mean", 7, gains=constant(dot=1))
    compare(constant(dot=1), estimator)
    assert estimator.get_params() == Told("mean", 7, gains=constant(dot=1)).get_params()
    assert not hasattr(estimator, "is_fitted_")


def test_a_fit_that_fails_raises():
    with pytest.raises(RuntimeError, match="no such network"):
        compare([None, broken], Told())


def test_sample_weights_go_to_every_fit():
    weights = np.arange(6.0)
    compare(constant(dot=1), params={"sample_weight": weights})
    assert [w.tolist() for *_, w in Told.fits] == 2 * [[2, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 3]]


def test_a_callable_is_named_by_its_own_name():
    def looks_back(query, states, mask, spec): ...

    result = compare([None, looks_back], Told())
    assert result.table.index.tolist() == ["None", "looks_back"]
    assert [kind for kind, *_ in Told.fits] == [None] * 3 + [looks_back] * 3


@pytest.mark.slow
def test_seeds_make_networks_reproducible_whatever_the_number_of_jobs(small):
    X, y = make_fading_memory(24, 4, random_state=0)
    model = small(units=2, epochs=1, random_state=None)
    options = {"attentions": [None, "dot"], "cv": 2, "random_state": 0}
    scores = [
        compare_attentions(model, X, y, **options, n_jobs=n_jobs).scores.drop(columns="fit_time")
        for n_jobs in (None, 2)
    ]
    assert scores[0].equals(scores[1])
    other = compare_attentions(model, X, y, **{**options, "random_state": 1}).scores
    assert (other["score"] != scores[0]["score"]).all()


def test_attention_is_not_said_to_help_on_the_control_task(small):
    X, y = make_fading_memory(150, 6, random_state=0)
    options = {"attentions": [None, "additive"], "cv": 3, "random_state": 0}
    model = small(epochs=100, learning_rate=0.02, early_stopping="auto", validation_fraction=0.1)
    # Trained to the end: halfway the verdict is about which network learns faster.
    result = compare_attentions(model, X, y, **options)
    assert result.table["mean_score"].min() > 0.7
    assert result.table.loc["additive", "verdict"] != "helped"
    assert not result.summary.startswith("Attention helped")


class Drawn(Told):
    """Notes what a search has drawn for it."""

    drawn: ClassVar[list] = []

    def fit(self, X, y):
        self.drawn.append((self.attention, self.seed_counts))
        return super().fit(X, y)


def test_a_search_draws_the_same_candidates_for_each_attention_and_others_in_each_fold():
    gains, ranges = constant(mean=1, dot=2), {"seed_counts": uniform()}
    search = RandomizedSearchCV(Drawn(gains=gains), ranges, n_iter=2, cv=2)
    runs = []
    for _ in range(2):
        Drawn.drawn.clear()
        compare(gains, search, random_state=0)
        runs.append(list(Drawn.drawn))
    assert runs[0] == runs[1]
    of = {kind: [count for attention, count in runs[0] if attention == kind] for kind in gains}
    assert of[None] == of["mean"] == of["dot"]
    assert len(set(of[None])) == 6  # two candidates in each of three folds


def test_seeds_are_set_wherever_one_is_taken():
    steps = make_pipeline(Seeded(), make_pipeline(Seeded(), Told()))
    search = RandomizedSearchCV(steps, {"pipeline__told__seed_counts": [0]}, n_iter=1)
    params = _trial(search, "estimator__pipeline__told__attention", "dot", 7).get_params()
    seeds = {name: value for name, value in params.items() if name.endswith("random_state")}
    assert len(seeds) == 4
    assert set(seeds.values()) == {7}
    assert params["estimator__pipeline__told__attention"] == "dot"


def test_finished_fits_are_reported_where_that_is_wanted(capfd):
    compare(constant(dot=1))
    assert not any(capfd.readouterr())
    compare(constant(dot=1), verbose=1)
    assert "Done   6 out of   6" in "".join(capfd.readouterr())
