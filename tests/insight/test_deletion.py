"""Replaced steps: which blocks, from whom, and what follows, on models that can be read."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, RegressorMixin

from skattn._insight.jobs import run_side_by_side
from skattn._insight.last_step import read
from skattn._insight.replacement import ORDERS, Steps, _ranks, effects_of_blocks, predict_deletions

NAN = np.nan
JOBS = partial(run_side_by_side, n_jobs=None, verbose=0)


class Echo(RegressorMixin, BaseEstimator):
    """Predicts the very sequences it is given; its weights are told to it."""

    def __init__(self, weights=None):
        self.weights = weights

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return X

    def attention_weights(self, X, level="steps"):
        return np.broadcast_to(np.float32(self.weights), np.shape(X)[:2])


class Twice(Echo):
    """Predicts twice the first feature of step 2."""

    def predict(self, X):
        return 2 * X[:, 2, 0]


class TwiceOfTwo(Twice):
    """Predicts that, and another output that is always 5."""

    def predict(self, X):
        return np.column_stack([super().predict(X), np.full(len(X), 5.0)])


def given_by(donors, X):
    """Return for each sample and step the values of its donor."""
    return X[donors, np.arange(X.shape[1])]


def steps_of(X, weights, block=1, kind=Echo):
    return Steps.of(read(kind(weights).fit(X), X), block)


@pytest.fixture(name="X")
def some_sequences():
    return np.random.default_rng(0).normal(size=(12, 5, 2))


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def test_the_mass_of_a_block_is_the_mean_of_its_weights_counted_back_from_the_last(X):
    steps = steps_of(X, [0.0625, 0.125, 0.25, 0.5, 0.0625], block=2)
    assert steps.block_of.tolist() == [0, 1, 1, 2, 2]
    np.testing.assert_array_equal(steps.masses, [[0.0625, 0.1875, 0.28125]] * 12)


def test_the_mass_of_a_block_is_for_each_present_step_and_nan_where_it_has_none(X):
    X[0, :2], X[1, 2] = NAN, NAN
    weights = np.full((12, 5), 0.25)
    weights[0, :2], weights[1, 2] = 0, 0
    masses = steps_of(X, weights, block=2).masses
    np.testing.assert_array_equal(masses[0], [NAN, 0.25, 0.25])
    np.testing.assert_array_equal(masses[1], [0.25, 0.25, 0.25])


def test_exactly_the_wanted_blocks_are_taken_from_the_donor(X, rng):
    steps = steps_of(X, [0.2] * 5, block=2)
    donors = steps.draw_donors(rng)
    replaced = np.zeros((12, 3), dtype=bool)
    replaced[0, 1] = replaced[1, 0] = replaced[1, 2] = True
    expected = X.copy()
    expected[0, [1, 2]] = given_by(donors, X)[0, [1, 2]]
    expected[1, [0, 3, 4]] = given_by(donors, X)[1, [0, 3, 4]]
    given = X.copy()
    np.testing.assert_array_equal(steps.predict_replaced(replaced, donors), expected)
    np.testing.assert_array_equal(X, given)


def test_every_present_step_is_replaced_by_that_of_a_sample_in_which_it_is_present(rng):
    X = np.arange(18.0).reshape(3, 3, 2)
    X[0, 0], X[1, 1] = NAN, NAN
    steps = steps_of(X, [1, 0, 0])
    moved = steps.predict_replaced(np.ones((3, 3), dtype=bool), steps.draw_donors(rng))
    np.testing.assert_array_equal(np.isnan(moved), np.isnan(X))
    # Two samples have step 0, and two step 1, which is why they exchange it.
    np.testing.assert_array_equal(moved[[1, 2], 0], X[[2, 1], 0])
    np.testing.assert_array_equal(moved[[0, 2], 1], X[[2, 0], 1])
    assert (moved[:, 2] != X[:, 2]).all()


def test_a_data_frame_is_predicted_from_as_a_data_frame_of_the_same_columns():
    X = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    replaced, donors = np.array([[True, False]] * 2), np.array([[1, 1], [0, 0]])
    moved = steps_of(X, [1, 0]).predict_replaced(replaced, donors)
    pd.testing.assert_frame_equal(moved, pd.DataFrame({"a": [2.0, 1.0], "b": [3.0, 4.0]}))


def test_rank_agreements_are_scipys_over_the_present_blocks(X):
    rng = np.random.default_rng(1)
    weights, effects = rng.uniform(size=(12, 5)), rng.uniform(size=(12, 5))
    weights = weights.astype("float32")
    X[0, [1, 3]], weights[0, [1, 3]] = NAN, 0
    agreements = steps_of(X, weights).rank_agreements(effects)
    kept = [0, 2, 4]
    assert agreements[0] == pytest.approx(kendalltau(weights[0, kept], effects[0, kept])[0])
    expected = [kendalltau(w, e)[0] for w, e in zip(weights[1:], effects[1:], strict=True)]
    np.testing.assert_allclose(agreements[1:], expected)


def test_rank_agreement_is_one_for_the_same_order_minus_one_for_the_reverse_else_zero():
    X = np.zeros((4, 3, 1))
    weights = [[0.1, 0.3, 0.6], [0.6, 0.3, 0.1], [0.3, 0.3, 0.3], [0.1, 0.3, 0.6]]
    effects = np.array([[1.0, 2, 3], [1, 2, 3], [1, 2, 3], [2, 2, 2]])
    np.testing.assert_allclose(steps_of(X, weights).rank_agreements(effects), [1, -1, 0, 0])


def test_rank_agreement_is_zero_where_only_one_block_is_present():
    X = np.zeros((2, 3, 1))
    X[0, 1:] = NAN
    steps = steps_of(X, [[1, 0, 0], [0.1, 0.3, 0.6]])
    assert steps.n_present.tolist() == [[1], [3]]
    agreements = steps.rank_agreements(np.array([[5.0, 0, 0], [1, 2, 3]]))
    np.testing.assert_allclose(agreements, [0, 1])


def test_top_agreements_ask_whether_the_heaviest_block_moves_the_prediction_most():
    X = np.zeros((4, 3, 1))
    X[3, 0] = NAN
    weights = [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2], [0.1, 0.7, 0.2], [0, 0.4, 0.6]]
    effects = np.array([[1.0, 2, 0], [3, 2, 0], [0, 0, 0], [0, 1, 2]])
    assert steps_of(X, weights).top_agreements(effects).tolist() == [1, 0, 0, 1]


def test_of_several_heaviest_blocks_the_share_that_moves_the_prediction_most_agrees():
    X = np.zeros((4, 4, 1))
    X[3, 0] = NAN
    weights = [[0.25] * 4, [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0, 1 / 3, 1 / 3, 1 / 3]]
    effects = np.array([[0.0, 9, 0, 0], [9, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]])
    agreements = steps_of(X, weights).top_agreements(effects)
    np.testing.assert_allclose(agreements, [1 / 4, 1, 0, 1 / 3])


def test_the_effect_of_a_block_is_the_mean_change_over_the_donors_and_outputs(X, rng):
    donors = [steps_of(X, [0.2] * 5).draw_donors(rng) for _ in range(2)]
    x = X[:, 2, 0]
    expected = np.zeros((12, 5))
    expected[:, 2] = np.mean([np.abs(2 * x[donor[:, 2]] - 2 * x) for donor in donors], axis=0)
    for kind, share in ((Twice, 1), (TwiceOfTwo, 0.5)):
        steps = steps_of(X, [0.2] * 5, kind=kind)
        original = steps.reading.predictor.predict(X)
        effects = effects_of_blocks(steps, original, donors, JOBS)
        np.testing.assert_allclose(effects, share * expected)


def test_when_all_is_replaced_every_order_predicts_what_the_donors_are(X, rng):
    steps = steps_of(X, np.random.default_rng(2).uniform(size=(12, 5)))
    donors = [steps.draw_donors(rng) for _ in range(3)]
    predictions = predict_deletions(steps, np.array([0, 0.4, 1]), donors, rng, JOBS)
    assert list(predictions) == list(ORDERS) == ["most", "random", "least"]
    for order in ORDERS:
        assert predictions[order].shape == (2, 3, 12, 5, 2)
        expected = [given_by(donor, X) for donor in donors]
        np.testing.assert_array_equal(predictions[order][1], expected)


def test_a_share_of_two_blocks_replaces_the_two_most_or_the_two_least_attended(X, rng):
    steps = steps_of(X, [0.1, 0.4, 0.05, 0.15, 0.3])
    donor = steps.draw_donors(rng)
    predictions = predict_deletions(steps, np.array([0, 0.4]), [donor], rng, JOBS)
    for order, replaced in (("most", [1, 4]), ("least", [0, 2])):
        expected = X.copy()
        expected[:, replaced] = given_by(donor, X)[:, replaced]
        np.testing.assert_array_equal(predictions[order][0, 0], expected)
    changed = (predictions["random"][0, 0] != X).any(axis=2)
    assert (changed.sum(axis=1) == 2).all()
    assert changed.any(axis=0).all()  # no step is spared in all samples


@pytest.mark.parametrize("order", ORDERS)
def test_the_share_is_one_of_the_present_blocks(order, rng):
    X = np.random.default_rng(0).normal(size=(2, 6, 1))
    X[:, [1, 4]] = NAN
    weights = [0.1, 0, 0.2, 0.3, 0, 0.4]
    donors = np.repeat([[1], [0]], 6, axis=1)
    half = predict_deletions(steps_of(X, weights), np.array([0, 0.5]), [donors], rng, JOBS)
    moved = half[order][0, 0]
    np.testing.assert_array_equal(np.isnan(moved), np.isnan(X))
    assert ((moved != X) & ~np.isnan(X)).sum(axis=1).tolist() == [[2], [2]]


class Counted(Steps):
    """Returns how many blocks of each sample are to be replaced."""

    def predict_replaced(self, replaced, donors):
        return replaced.sum(axis=1)


@pytest.mark.parametrize("n_blocks", range(2, 101))
def test_a_share_of_k_in_n_blocks_replaces_k_of_them(n_blocks, rng):
    masses = np.ones((2, n_blocks))
    steps = Counted(None, None, None, masses, None)
    counts = np.arange(n_blocks + 1)
    predictions = predict_deletions(steps, counts / n_blocks, [[1, 0]], rng, JOBS)
    for order in ORDERS:
        replaced = predictions[order][:, 0]
        np.testing.assert_array_equal(replaced, np.column_stack([counts[1:]] * 2))


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_replaced_once_stays_replaced_at_every_larger_share(order, X, rng):
    X[0, 1], X[1, :2] = NAN, NAN
    steps = steps_of(X, np.full((12, 5), 0.2))  # ties are ranked at random, and once
    donors = [steps.draw_donors(rng) for _ in range(3)]
    predictions = predict_deletions(steps, np.arange(6) / 5, donors, rng, JOBS)
    changed = (np.nan_to_num(predictions[order]) != np.nan_to_num(X)).any(axis=-1)
    assert (changed[:-1] <= changed[1:]).all()
    assert (changed[:-1] != changed[1:]).any(axis=(1, 2, 3)).all()  # each share replaces more
    assert (changed[0, 0] != changed[0, 1]).any()  # each repeat has an order of its own


def test_blocks_are_ranked_by_mass_and_absent_ones_come_last(rng):
    masses = np.array([[0.2, NAN, 0.5, 0.3]])
    assert _ranks(masses, "most", rng).tolist() == [[2, 3, 0, 1]]
    assert _ranks(masses, "least", rng).tolist() == [[0, 3, 2, 1]]
    ranks = np.array([_ranks(masses, "random", rng)[0] for _ in range(100)])
    assert (ranks[:, 1] == 3).all()
    assert {tuple(rank) for rank in ranks[:, [0, 2, 3]]} == {
        *((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    }


@pytest.mark.parametrize("order", ORDERS)
def test_equal_masses_are_ranked_at_random(order, rng):
    first = [_ranks(np.full((1, 3), 0.25), order, rng)[0].argmin() for _ in range(100)]
    assert set(first) == {0, 1, 2}
