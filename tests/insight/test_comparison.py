"""Attentions compared: on an estimator whose errors are given to it, and on small networks."""

import re
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import uniform
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import LSTMAttentionRegressor, compare_attentions
from skattn._insight.trials import trial
from skattn.datasets import make_fading_memory, make_selective_recall

#: Three folds of four samples; the value of a sample is the number of its fold.
X = np.repeat(np.arange(3.0), 4).reshape(12, 1, 1)
Y = np.zeros(12)
ERROR = "neg_mean_absolute_error"


def broken(query, states, mask, spec): ...


class Given(RegressorMixin, BaseEstimator):
    """Errs as given for its attention, fold by fold, and more or less by sample and by seed."""

    fits: ClassVar[list] = []  # of all clones

    def __init__(
        self, attention="dot", random_state=None, errors=None, by_sample=0.0, by_seed=0.0, depth=1
    ):
        self.attention = attention
        self.random_state = random_state
        self.errors = errors
        self.by_sample = by_sample
        self.by_seed = by_seed
        self.depth = depth

    def fit(self, X, y, sample_weight=None):
        if self.attention is broken:
            raise RuntimeError("no such network")
        self.fits.append((self.attention, self.random_state, X[:, 0, 0], sample_weight))
        self.is_fitted_ = True
        return self

    def predict(self, X):
        errors = np.ones(99) if self.errors is None else np.array(self.errors[self.attention])
        rng = np.random.default_rng([self.random_state or 0, len(str(self.attention))])
        by_sample = self.by_sample * np.sin(99.0 * np.arange(len(X)) + len(str(self.attention)))
        return errors[X[:, 0, 0].astype(int)] + by_sample + self.by_seed * rng.normal()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class Seeded(FunctionTransformer):
    """A transformer with a seed of its own."""

    def __init__(self, random_state=None):
        super().__init__()
        self.random_state = random_state


STEPS = make_pipeline(FunctionTransformer(), Given())


@pytest.fixture(autouse=True)
def no_fits_yet():
    Given.fits.clear()


def compare(errors, estimator=None, **options):
    options = {"attentions": list(errors), "cv": 3, "n_seeds": 2, "scoring": ERROR, **options}
    return compare_attentions(estimator or Given(errors=errors), X, Y, **options)


def constant(**errors):
    return {None: [1, 1, 1], **{name: [error] * 3 for name, error in errors.items()}}


def test_the_table_and_the_scores_hold_what_they_say():
    errors = {None: [2, 3, 4], "mean": [4, 3, 2], "dot": [1, 2, 3]}
    result = compare(errors, random_state=0)
    assert result.table.index.tolist() == ["none", "mean", "dot"]
    columns = ["mean_score", "removed", "low", "high", "question", "verdict"]
    assert result.table.columns.tolist() == columns
    # Each fold in units of its own errors: 1 of 3, 2 of 5 and 3 of 7 are those of "dot".
    removed = 1 - (1 / 3 + 2 / 5 + 3 / 7) / (2 / 3 + 3 / 5 + 4 / 7)
    assert result.table.loc["dot"].tolist()[:2] == [-2, pytest.approx(removed)]
    assert result.table["question"].tolist() == ["", "others", "primary"]
    assert result.table["verdict"].tolist() == ["", "not shown", "helped"]
    scores = result.scores
    assert scores.columns.tolist() == ["attention", "fold", "seed", "score", "fit_time"]
    plain = scores[scores["attention"] == "none"]
    assert plain["score"].tolist() == [-2, -2, -3, -3, -4, -4]
    assert (result.scoring, result.confidence) == (ERROR, 0.95)


def test_the_comparisons_say_what_was_asked_in_which_order():
    result = compare(constant(mean=0.9, additive=0.8, dot=0.5))
    rows = result.comparisons[["attention", "against", "question", "verdict"]].to_numpy().tolist()
    assert rows == [
        ["dot", "none", "primary", "helped"],
        ["dot", "mean", "control", "helped"],
        ["mean", "none", "others", "helped"],
        ["additive", "none", "others", "helped"],
    ]
    assert result.comparisons["difference"].tolist() == pytest.approx([0.5, 0.4, 0.1, 0.2])
    assert result.comparisons["removed"].tolist() == pytest.approx([0.5, 4 / 9, 0.1, 0.2])
    # The first two are not paid for by the others; these are corrected for their number.
    assert result.comparisons["alpha"].tolist() == pytest.approx([0.05, 0.05, 0.025, 0.025])


def test_the_table_fits_into_eighty_columns():
    errors = constant(mean=1.23456, additive=0.98765, dot=0.7654321, hierarchical=1.1)
    text = str(compare(errors, Given(errors=errors, by_sample=0.3, by_seed=0.1)).table)
    assert "..." not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("own", [None, "mean", "additive"])
def test_without_an_attention_of_its_own_the_question_is_about_additive(own):
    errors = constant(mean=1, dot=1, additive=1)
    primary = compare(errors, Given(own, errors=errors)).comparisons.iloc[0]
    assert (primary["attention"], primary["question"]) == ("additive", "primary")


@pytest.mark.parametrize("error", [1, 2])
def test_pooling_is_not_asked_where_attention_is_not_shown_to_help(error):
    assert "control" not in set(compare(constant(mean=3, dot=error)).comparisons["question"])


def test_what_is_plain_ends_with_two_seeds_and_what_is_close_goes_on_with_those_in_question():
    plain = compare(constant(dot=0.5, general=2), n_seeds=8).comparisons
    assert plain["n_seeds"].tolist() == [2, 2]
    errors = constant(dot=0.9, general=2)
    close = compare(errors, Given(errors=errors, by_seed=0.15), n_seeds=8, random_state=0)
    assert close.comparisons["n_seeds"].tolist() == [8, 2]
    fits = close.scores.groupby("attention").size()
    assert fits.to_dict() == {"dot": 24, "general": 6, "none": 24}


def test_what_more_seeds_would_not_change_ends_early():
    errors = {None: [1, 1, 1], "dot": [1.01, 0.99, 1]}
    result = compare(errors, Given(errors=errors, by_sample=0.5), n_seeds=8)
    assert result.comparisons["n_seeds"].tolist() == [2]
    assert result.comparisons["verdict"].tolist() == ["not shown"]


def test_every_attention_has_the_same_folds_and_seeds():
    errors = constant(mean=1, dot=2)
    seeds = np.random.RandomState(0)
    result = compare(errors, cv=KFold(3, shuffle=True), random_state=seeds)
    rows = {kind: [(seed, *X) for a, seed, X, _ in Given.fits if a == kind] for kind in errors}
    assert rows[None] == rows["mean"] == rows["dot"]
    for _, scores in result.scores.groupby("attention"):
        assert scores["fold"].tolist() == [0, 0, 1, 1, 2, 2]
        assert scores["seed"].tolist() == [seed for seed, *_ in rows[None]]
        assert scores["seed"].nunique() == 6  # every fold has seeds of its own


@pytest.mark.parametrize("bad", [{"linear_path": "no"}, {"units": 2.5}, {"loss": "mse"}], ids=str)
def test_parameters_of_what_is_compared_are_checked(small, sequences, bad):
    (name,) = bad
    with pytest.raises(
        ValueError, match=f"The '{name}' parameter of LSTMAttentionRegressor|{name}"
    ):
        compare_attentions(small(**bad), *sequences, cv=2, n_seeds=2)


def test_a_sample_without_a_group_is_an_error(small, sequences):
    groups = [None, *np.repeat(list("abc"), 13)]
    for cv in (2, GroupKFold(2)):
        with pytest.raises(ValueError, match="groups has no value at sample 0"):
            compare_attentions(small(), *sequences, cv=cv, groups=groups)


def test_groups_are_the_clusters_of_the_test():
    """Twelve samples of six groups: errors of a group agree, so that six are what is known."""
    groups = np.repeat(np.arange(6), 2)
    losses = np.array([0.5, 0.9, 0.2, 0.4, 0.8, 0.6])[groups]

    class OfGroups(Given):
        def predict(self, X):
            return losses[X[:, 0, 0].astype(int)] if self.attention == "dot" else np.ones(len(X))

    numbered = np.arange(12.0).reshape(12, 1, 1)
    options = {"attentions": [None, "dot"], "scoring": ERROR, "n_seeds": 2}
    folds = GroupKFold(3)
    result = compare_attentions(OfGroups(), numbered, Y, groups=groups, cv=folds, **options)
    pairs = np.array([losses[test][::2] for _, test in folds.split(numbered, groups=groups)])
    units = 1 + pairs.mean(axis=1)  # the plain one loses 1
    pairs *= (units.mean() / units)[:, np.newaxis]
    row = result.comparisons.iloc[0]
    error = np.sqrt(np.var(pairs, axis=1, ddof=1).sum() / 2) / 3
    half = error * student.ppf(0.975, df=3)
    assert row["difference_high"] - row["difference"] == pytest.approx(half)


def test_of_r2_the_removed_share_is_that_of_the_squared_error():
    errors = {None: [0.2, 0.4, 0.2], "dot": [0.1, 0.2, 0.1]}
    y = np.tile([-1.0, 1.0], 6)

    class AroundY(Given):
        def predict(self, X):
            return np.tile([-1.0, 1.0], len(X) // 2) + super().predict(X)

    result = compare_attentions(
        AroundY(errors=errors), X, y, attentions=[None, "dot"], cv=3, n_seeds=2
    )
    assert result.scoring == "r2"
    assert result.table.loc["dot", "removed"] == pytest.approx(1 - 0.06 / 0.24)


def test_a_callable_is_scored_and_no_share_of_its_error_is_known():
    def lowest(estimator, X, y):
        return -estimator.predict(X).max()

    result = compare(constant(dot=0.5), scoring=lowest)
    assert result.table["mean_score"].tolist() == [-1, -0.5]
    assert np.isnan(result.table.loc["dot", "removed"])
    assert result.comparisons.loc[0, "difference"] == 0.5
    assert "difference 0.5 (95% interval 0.5 to 0.5)" in result.summary


def test_what_is_around_the_regressor_is_seen_through():
    given = Given(errors={None: [3, 2, 4], "dot": [1, 1, 2]})
    target, step = TransformedTargetRegressor(given), FunctionTransformer()
    search = GridSearchCV(target, {"regressor__depth": [0]}, cv=2, scoring=ERROR)
    for estimator in (make_pipeline(step, given), target, search, make_pipeline(step, search)):
        result = compare([None, "dot"], estimator)
        assert result.scores["score"].tolist()[::2] == [-3, -2, -4, -1, -1, -2]


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), r"with exactly one .* This LinearRegression has 0: \[\]"),
        (VotingRegressor([("a", Given()), ("b", Given())]), r"has 2: \['a__att.*', 'b__att.*'\]"),
    ],
)
def test_an_estimator_whose_attention_cannot_be_set_is_refused(estimator, message):
    with pytest.raises(ValueError, match=message):
        compare([None, "dot"], estimator)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (GridSearchCV(Given(), {"attention": [None]}), "attention"),
        (GridSearchCV(Given(), {"random_state": [0, 1]}), "random_state"),
        (GridSearchCV(STEPS, [{}, {"given__attention": ["dot"]}]), "given__attention"),
        (RandomizedSearchCV(STEPS, {"given__random_state": [0]}), "given__random_state"),
        (GridSearchCV(STEPS, {"given": [Given("dot")]}), "given"),
        (TransformedTargetRegressor(GridSearchCV(STEPS, {"given": [Given()]})), "given"),
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
    assert not Given.fits


def test_a_grid_may_set_other_steps_and_other_parameters():
    steps = Pipeline([("pick", Seeded()), ("given", Given(errors=constant(dot=0.5)))])
    grid = {"given__depth": [0], "pick": [Seeded()], "pick__random_state": [7]}
    result = compare([None, "dot"], GridSearchCV(steps, grid, cv=2))
    assert result.table["removed"].tolist() == [0, 0.5]


@pytest.mark.parametrize("around", [False, True])
def test_a_search_is_scored_and_named_by_its_own_scoring(around):
    given = Given(errors={None: [3, 2, 4], "dot": [1, 1, 2]})
    search = GridSearchCV(given, {"depth": [0]}, cv=2, scoring=ERROR)
    estimator = make_pipeline(FunctionTransformer(), search) if around else search
    result = compare([None, "dot"], estimator, scoring=None)
    assert result.scoring == ERROR
    assert "with 'dot' the mean absolute error is 1.33, with the plain LSTM 3;" in result.summary


def test_a_score_that_is_not_finite_is_an_error_that_says_what_to_do():
    def unknown(estimator, X, y):
        return np.nan

    text = (
        r"A score is nan on a fold whose number of test samples is 4, .*use fewer folds, or "
        r"another scoring\."
    )
    with pytest.raises(ValueError, match=text):
        compare(constant(dot=1), scoring=unknown)


@pytest.mark.parametrize("kinds", [["mean", "dot"], [None, "dot", "dot"], [None], [None, "mean"]])
def test_attentions_must_hold_none_and_another_each_once(kinds):
    text = f"must hold None and 'dot', .* Got attentions={re.escape(str(kinds))}"
    with pytest.raises(ValueError, match=text):
        compare(kinds)
    assert not Given.fits
    with pytest.raises(ValueError, match=r"'attentions' parameter of .* must be an array-like"):
        compare(kinds, attentions="dot")


@pytest.mark.parametrize("kind", ["none", "aditive", 3])
def test_an_unknown_attention_is_an_error_with_the_known_ones_before_any_fit(kind):
    text = (
        f"attentions holds {kind!r}, which is unknown. Use functions, or names among "
        "[None, 'mean', 'dot', 'general', 'additive', 'hierarchical']."
    )
    with pytest.raises(ValueError, match=re.escape(text)):
        compare([None, "dot", kind])
    assert not Given.fits


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
    numbered, options = np.arange(6.0).reshape(6, 1, 1), {"scoring": ERROR, "n_seeds": 2}
    compare_attentions(
        Given(), numbered, Y[:6], attentions=[None, "dot"], cv=cv, groups=groups, **options
    )
    trained = [X.tolist() for _, _, X, _ in Given.fits]
    assert sorted(trained[:4:2]) == sorted(trained[1:4:2]) == sorted(expected)  # two seeds each
    assert trained == 2 * trained[:4]


@pytest.mark.parametrize("kind", [["dot"], {"dot": 1}, {"dot"}], ids=repr)
def test_an_attention_that_cannot_be_a_name_is_unknown(kind):
    text = f"attentions holds {kind!r}, which is unknown. Use functions, or names among [None, "
    with pytest.raises(ValueError, match=re.escape(text)):
        compare_attentions(Given(), X, Y, attentions=[None, kind])


def test_one_fold_is_too_few_to_tell():
    with pytest.raises(ValueError, match=r"needs at least 2 folds. Got 1: cv=\[\("):
        compare([None, "dot"], cv=[(np.arange(3), np.arange(3, 6))])


def test_the_estimator_is_neither_fitted_nor_changed():
    estimator = Given("dot", 7, errors=constant(dot=1))
    compare(constant(dot=1), estimator)
    assert estimator.get_params() == Given("dot", 7, errors=constant(dot=1)).get_params()
    assert not hasattr(estimator, "is_fitted_")


def test_a_fit_that_fails_raises():
    with pytest.raises(RuntimeError, match="no such network"):
        compare([None, broken], Given(broken))


def test_sample_weights_go_to_every_fit():
    weights = np.arange(12.0)
    compare(constant(dot=1), params={"sample_weight": weights})
    rows = np.arange(12).tolist()
    folds = [rows[4:], rows[:4] + rows[8:], rows[:8]]
    assert [w.tolist() for *_, w in Given.fits[::2]] == 2 * folds


def test_a_callable_is_named_by_its_own_name():
    def looks_back(query, states, mask, spec): ...

    result = compare([None, looks_back], Given(looks_back))
    assert result.table.index.tolist() == ["none", "looks_back"]
    assert [kind for kind, *_ in Given.fits] == [None] * 6 + [looks_back] * 6


@pytest.mark.slow
def test_seeds_make_networks_reproducible_whatever_the_number_of_jobs(small):
    X, y = make_fading_memory(24, 4, random_state=0)
    model = small(units=2, epochs=1, random_state=None)
    model.set_params(attention="dot", n_members="auto")
    options = {"attentions": [None, "dot"], "cv": 2, "n_seeds": 2, "random_state": 0}
    scores = [
        compare_attentions(model, X, y, **options, n_jobs=n_jobs).scores.drop(columns="fit_time")
        for n_jobs in (None, 2)
    ]
    assert scores[0].equals(scores[1])
    other = compare_attentions(model, X, y, **{**options, "random_state": 1}).scores
    assert (other["score"] != scores[0]["score"]).all()


@pytest.mark.slow
def test_attention_is_said_to_help_networks_to_recall_and_not_where_targets_are_shuffled(small):
    X, y = make_selective_recall(200, 8, random_state=0)
    options = {"attentions": [None, "additive"], "cv": 2, "n_seeds": 4, "random_state": 0}
    model = small(units=8, epochs=40, learning_rate=0.02)
    found = compare_attentions(model, X, y, **options)
    assert found.table.loc["additive", "verdict"] == "helped"
    assert found.table.loc["additive", "removed"] > 0.2
    shuffled = compare_attentions(model, X, np.random.default_rng(0).permutation(y), **options)
    assert shuffled.table.loc["additive", "verdict"] != "helped"


class Drawn(Given):
    """Notes what a search has drawn for it."""

    drawn: ClassVar[list] = []

    def fit(self, X, y):
        self.drawn.append((self.attention, self.depth))
        return super().fit(X, y)


def test_a_search_draws_the_same_candidates_for_each_attention_and_others_in_each_fold():
    errors, ranges = constant(mean=1, dot=1), {"depth": uniform()}
    search = RandomizedSearchCV(Drawn(errors=errors), ranges, n_iter=2, cv=2)
    runs = []
    for _ in range(2):
        Drawn.drawn.clear()
        compare(errors, search, random_state=0)
        runs.append(list(Drawn.drawn))
    assert runs[0] == runs[1]
    of = {kind: [count for attention, count in runs[0] if attention == kind] for kind in errors}
    assert of[None] == of["mean"] == of["dot"]
    assert len(set(of[None])) == 12  # two candidates for each of three folds and two seeds


def test_seeds_are_set_wherever_one_is_taken():
    steps = make_pipeline(Seeded(), make_pipeline(Seeded(), Given()))
    search = RandomizedSearchCV(steps, {"pipeline__given__depth": [0]}, n_iter=1)
    params = trial(search, "estimator__pipeline__given__attention", "dot", 7).get_params()
    seeds = {name: value for name, value in params.items() if name.endswith("random_state")}
    assert len(seeds) == 4
    assert set(seeds.values()) == {7}
    assert params["estimator__pipeline__given__attention"] == "dot"


def test_networks_that_the_fit_would_choose_are_one_and_those_asked_for_stay():
    path = "lstmattentionregressor__attention"
    for asked, given in (("auto", 1), (3, 3)):
        model = make_pipeline(FunctionTransformer(), LSTMAttentionRegressor(n_members=asked))
        assert trial(model, path, "dot", 7)[-1].n_members == given


def test_a_bar_shows_the_finished_fits_where_that_is_wanted(capfd):
    compare(constant(dot=1))
    assert not any(capfd.readouterr())
    compare(constant(dot=1), verbose=1)
    assert "12/12" in capfd.readouterr().err
