"""Whether a model depends on what it attends to: on models whose answer can be read off."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skattn import SequenceScaler, attention_faithfulness
from skattn.datasets import make_selective_recall

N_TIMESTEPS = 6
QUICK = {"n_bootstraps": 40, "random_state": 0, "scoring": "neg_root_mean_squared_error"}


class Reader(RegressorMixin, BaseEstimator):
    """Predicts feature 0 of some steps; looks at one, or at all of them equally."""

    def __init__(self, reads=2, looks=None):
        self.reads = reads
        self.looks = looks

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return X[:, self.reads, 0]

    def attention_weights(self, X, level="steps"):
        weights = np.full(X.shape[:2], 1 / X.shape[1], dtype="float32")
        if self.looks is not None:
            weights[:] = np.arange(X.shape[1]) == self.looks
        return weights


def minus_absolute_error(estimator, X, y):
    return -mean_absolute_error(y, estimator.predict(X))


def assert_same(result, expected):
    """Compare all the numbers of two results."""
    for name in set(expected) - {"scoring"}:
        if name in ("curves", "areas"):
            for order in expected[name]:
                np.testing.assert_array_equal(result[name][order], expected[name][order])
        else:
            np.testing.assert_array_equal(result[name], expected[name], err_msg=name)


@pytest.fixture(name="X")
def only_sequences(sequences):
    return sequences[0]


@pytest.fixture
def test_of(X):
    """Return a function that tests a `Reader` on X and what it reads, plus noise."""

    def test(reads=2, looks=None, noise=0.0, **options):
        model = Reader(reads, looks).fit(X)
        y = model.predict(X) + noise * np.random.default_rng(1).normal(size=len(X))
        return attention_faithfulness(model, X, y, **{**QUICK, **options})

    return test


def test_a_model_that_looks_at_what_it_reads_is_faithful(test_of):
    result = test_of(looks=2)
    assert result.faithful is True
    low, high = result.advantage_interval
    assert low > 0
    assert result.top_agreement == 1
    assert result.rank_agreement == pytest.approx(1)
    np.testing.assert_allclose(result.rank_agreement_interval, (1, 1))
    assert result.summary.startswith(
        "The model depends on what it attends to. Replacing the most attended steps first costs "
        f"{result.advantage:.3g} more root mean squared error than replacing random ones "
        f"(95% interval {low:.3g} to {high:.3g}). "
    )
    assert result.summary.endswith(
        "The most attended step is the one that moves the prediction most in 100% of the samples "
        "(by chance 17%)."
    )


def test_a_model_that_looks_at_what_it_never_reads_misleads(test_of):
    result = test_of(looks=5)
    assert result.faithful is False
    assert result.advantage_interval[1] < 0
    assert result.top_agreement == 0
    # 5 pairs of blocks are untied in each ranking; the one untied in both is discordant.
    assert result.rank_agreement == pytest.approx(-1 / 5)
    low, high = result.advantage_interval
    assert result.summary.startswith(
        "Attention misleads. Replacing the most attended steps first costs "
        f"{-result.advantage:.3g} less root mean squared error than replacing random ones "
        f"(95% interval {-high:.3g} to {-low:.3g})."
    )


def test_a_model_that_looks_everywhere_alike_shows_nothing(test_of):
    result = test_of(looks=None)
    assert result.faithful is False
    assert result.advantage_interval[0] < 0 < result.advantage_interval[1]
    assert result.rank_agreement == 0
    assert result.rank_agreement_interval == (0, 0)
    assert result.top_agreement == pytest.approx(result.chance)  # one of six equal ones
    low, high = result.advantage_interval
    assert result.summary.startswith(
        "Attention does not show what the model depends on. Replacing the most attended steps "
        "first costs no more root mean squared error than replacing random ones (difference "
        f"{result.advantage:.3g}, 95% interval {low:.3g} to {high:.3g})."
    )


def test_the_curves_of_a_model_of_one_step_are_steps(test_of):
    result = test_of(looks=2)
    top = result.curves["most"][1]
    np.testing.assert_allclose(result.curves["most"], [0] + [top] * N_TIMESTEPS)
    np.testing.assert_allclose(result.curves["least"], [0] * N_TIMESTEPS + [top])
    assert result.areas["most"] == pytest.approx(top * (1 - 1 / (2 * N_TIMESTEPS)))
    assert result.areas["least"] == pytest.approx(top / (2 * N_TIMESTEPS))


def test_the_end_of_a_curve_is_the_error_of_reading_another_sample(test_of):
    result = test_of(looks=2, n_repeats=1, scoring="neg_mean_absolute_error")
    assert result.curves["most"][-1] == pytest.approx(result.effects[:, 2].mean())
    assert (result.effects[:, 2] > 0).all()
    assert not np.delete(result.effects, 2, axis=1).any()


@pytest.mark.parametrize("looks", [2, 4, None])
@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_error", "r2"])
def test_curves_begin_at_zero_end_together_and_are_summed_to_the_advantage(test_of, looks, scoring):
    result = test_of(looks=looks, scoring=scoring, noise=0.3)
    for order in ("most", "random", "least"):
        curve = result.curves[order]
        assert curve[0] == 0
        assert curve[-1] == pytest.approx(result.curves["most"][-1])
        heights = (curve[1:] + curve[:-1]) / 2
        assert result.areas[order] == pytest.approx((heights * np.diff(result.fractions)).sum())
    assert result.advantage == pytest.approx(result.areas["most"] - result.areas["random"])


@pytest.mark.parametrize("looks", [2, 4, None])
def test_an_interval_holds_its_estimate_and_is_narrower_with_less_confidence(test_of, looks):
    low, high = test_of(looks=looks, noise=0.3).advantage_interval
    result = test_of(looks=looks, noise=0.3, confidence=0.5)
    inner_low, inner_high = result.advantage_interval
    assert low < inner_low < result.advantage < inner_high < high
    assert "50% interval " in result.summary


def test_steps_of_a_block_are_replaced_together(test_of):
    result = test_of(looks=2, block=2)
    assert result.effects.shape == (40, 3)
    assert not result.effects[:, [0, 2]].any()
    np.testing.assert_allclose(result.fractions, [0, 1 / 3, 2 / 3, 1])
    assert result.weights.shape == (40, N_TIMESTEPS)
    assert result.lags.tolist() == [5, 4, 3, 2, 1, 0]
    assert result.summary.endswith("(by chance 33%).")


@pytest.mark.parametrize(
    ("n_fractions", "fractions"),
    [(1, [0, 1]), (2, [0, 1 / 2, 1]), (3, [0, 1 / 3, 2 / 3, 1]), (99, np.arange(7) / 6)],
)
def test_the_curve_has_the_asked_points_and_at_most_one_a_block(test_of, n_fractions, fractions):
    result = test_of(n_fractions=n_fractions)
    np.testing.assert_allclose(result.fractions, fractions)
    assert len(result.curves["random"]) == len(fractions)


def test_the_baseline_is_the_score_of_the_model_itself(test_of, X):
    noise = 0.3 * np.random.default_rng(1).normal(size=len(X))
    y = X[:, 2, 0] + noise
    assert test_of(noise=0.3).baseline == pytest.approx(-np.sqrt(np.mean(noise**2)))
    assert test_of(noise=0.3, scoring="r2").baseline == pytest.approx(r2_score(y, X[:, 2, 0]))


def test_no_scoring_is_r2_and_a_callable_scores_as_its_name_does(test_of):
    assert_same(test_of(looks=2, scoring=None), test_of(looks=2, scoring="r2"))
    named = test_of(looks=2, scoring="neg_mean_absolute_error")
    result = test_of(looks=2, scoring=minus_absolute_error)
    assert result.scoring is minus_absolute_error
    assert "more minus absolute error than" in result.summary
    np.testing.assert_allclose(result.curves["random"], named.curves["random"])


def test_the_effect_on_several_outputs_is_their_mean(X):
    model = Reader([2, 3]).fit(X)
    both = attention_faithfulness(model, X, model.predict(X), **QUICK)
    single = {}
    for step in (2, 3):
        model = Reader(step).fit(X)
        single[step] = attention_faithfulness(model, X, model.predict(X), **QUICK).effects
    np.testing.assert_allclose(both.effects, (single[2] + single[3]) / 2)


def test_the_result_is_that_of_the_seed_whatever_the_number_of_jobs(test_of):
    result = test_of(looks=2)
    assert_same(test_of(looks=2, n_jobs=2), result)
    assert_same(test_of(looks=2, random_state=np.random.RandomState(0)), result)
    assert (test_of(looks=2, random_state=1).effects != result.effects).any()


def test_bars_show_the_predictions_where_they_are_wanted(test_of, X, capfd):
    silent = test_of(looks=2, n_repeats=2, n_fractions=3)
    assert not any(capfd.readouterr())
    assert_same(test_of(looks=2, n_repeats=2, n_fractions=3, verbose=1), silent)
    bars = capfd.readouterr().err
    one_step, shares = 2 * X.shape[1], 2 * 3 * 3  # repeats, steps; repeats, shares, orders
    assert f"{one_step}/{one_step}" in bars
    assert f"{shares}/{shares}" in bars


def test_absent_steps_and_several_outputs_give_finite_results(small, X):
    X = X.copy()
    X[:9, 4:], X[20, 0] = np.nan, np.nan
    y = np.column_stack([X[:, 2, 0], X[:, 3, 1]])
    model = small().fit(X, y)
    result = attention_faithfulness(model, X, y, **QUICK)
    assert np.isfinite([*result.advantage_interval, *result.rank_agreement_interval]).all()
    assert all(np.isfinite(curve).all() for curve in result.curves.values())
    aligned = model.attention_weights(X)
    aligned[:9] = np.roll(aligned[:9], 2, axis=1)  # all end in the last column
    np.testing.assert_array_equal(result.weights, aligned)
    assert not result.effects[:9, :2].any()
    assert (result.effects[10:20] > 0).all()


def test_chance_is_the_mean_of_one_in_the_present_blocks(test_of, X):
    X[:10, 0], X[10:20, :3] = np.nan, np.nan  # half of the samples have all six steps
    result = test_of(reads=4, looks=5)
    assert result.chance == pytest.approx(np.mean([1 / 5, 1 / 3, 1 / 6, 1 / 6]))
    assert result.summary.endswith("(by chance 22%).")


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.slow
def test_a_list_of_unequal_sequences_is_tested_as_its_padded_array(small, sequences, around):
    X, y = sequences
    unequal = [sequence[: 3 + row % 4] for row, sequence in enumerate(X)]
    padded = X.copy()
    for sequence, given in zip(padded, unequal, strict=True):
        sequence[len(given) :] = np.nan
    model = make_pipeline(SequenceScaler(), small()) if around else small()
    model.fit(unequal, y)
    result = attention_faithfulness(model, unequal, y, **QUICK)
    assert_same(result, attention_faithfulness(model, padded, y, **QUICK))
    expected = -np.sqrt(np.mean((y - model.predict(unequal)) ** 2))
    assert result.baseline == pytest.approx(expected)
    assert not result.effects[0, :3].any()  # of three steps, the last three of six
    assert result.effects[0, 3:].all()


def test_around_a_model_it_tests_the_model_on_what_reaches_it(small, sequences):
    X, y = sequences
    pipeline = make_pipeline(SequenceScaler(), small()).fit(X, y)
    expected = attention_faithfulness(pipeline[-1], pipeline[:-1].transform(X), y, **QUICK)
    assert_same(attention_faithfulness(pipeline, X, y, **QUICK), expected)
    search = GridSearchCV(pipeline, {"lstmattentionregressor__epochs": [2]}, cv=2).fit(X, y)
    assert_same(attention_faithfulness(search, X, y, **QUICK), expected)


def test_effects_are_in_units_of_y_where_the_target_was_transformed(X):
    def fitted(factor):
        model = TransformedTargetRegressor(
            Reader(looks=2), func=lambda y: y / factor, inverse_func=lambda y: y * factor
        )
        return model.fit(X, factor * X[:, 2, 0])

    one, ten = (
        attention_faithfulness(fitted(factor), X, factor * X[:, 2, 0], **QUICK)
        for factor in (1, 10)
    )
    np.testing.assert_allclose(ten.effects, 10 * one.effects)
    assert ten.advantage == pytest.approx(10 * one.advantage)
    assert ten.baseline == 0


@pytest.mark.slow
def test_a_trained_network_is_faithful_on_selective_recall(small):
    X, y, steps = make_selective_recall(700, 6, random_state=0, return_steps=True)
    model = small(units=8, epochs=25).fit(X[:600], y[:600])
    result = attention_faithfulness(model, X[600:], y[600:], random_state=0)
    assert result.faithful
    assert result.top_agreement > 0.6  # by chance 1 / 6
    assert (result.effects.argmax(axis=1) == steps[600:, 0]).mean() > 0.6


@pytest.mark.parametrize(("n_samples", "block", "n_blocks"), [(1, 1, 6), (40, 6, 1), (40, 9, 1)])
def test_one_sample_or_one_block_is_too_few(X, n_samples, block, n_blocks):
    X = X[:n_samples]
    message = f"Got {n_samples} samples of {n_blocks} blocks: at least 2 of each are needed"
    with pytest.raises(ValueError, match=message):
        attention_faithfulness(Reader().fit(X), X, X[:, 2, 0], block=block)


def test_a_model_without_attention_has_nothing_to_test(small, sequences):
    X, y = sequences
    with pytest.raises(AttributeError) as error:
        attention_faithfulness(small(None).fit(X, y), X, y)
    assert "attention=None" in str(error.value)
    with pytest.raises(AttributeError, match="LinearRegression has no attention weights"):
        attention_faithfulness(LinearRegression().fit(X[:, :, 0], y), X[:, :, 0], y)


def test_what_is_not_fitted_or_not_of_one_length_is_refused(small, sequences):
    X, y = sequences
    with pytest.raises(NotFittedError, match="not fitted yet"):
        attention_faithfulness(small(), X, y)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[40, 39\]"):
        attention_faithfulness(Reader().fit(X), X, y[:-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [("block", 0), ("n_fractions", 0), ("n_repeats", 0), ("n_bootstraps", 0), ("confidence", 1.0)],
)
def test_a_parameter_outside_its_range_is_named(test_of, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of attention_faithfulness must"):
        test_of(**{name: value})
