"""What y and the weights may be; a sample of weight 0 is no sample."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.multioutput import RegressorChain
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skattn import LSTMAttentionRegressor, SequenceScaler
from skattn._training.samples import check_samples

NAN, INF = np.nan, np.inf
X = np.random.default_rng(0).normal(size=(6, 4, 2))
Y = np.arange(6.0)


def checked(X, y, sample_weight=None, **params):
    return check_samples(LSTMAttentionRegressor(**params), X, y, sample_weight, reset=True)


def with_values(values, at, value):
    values = np.array(values)
    values[at] = value
    return values


# Weight 0

NO_SAMPLES = {
    "nothing": (X, Y),
    "NaN in y": (X, with_values(Y, 2, NAN)),
    "infinity in y": (X, with_values(Y, 2, INF)),
    "infinity in X": (with_values(X, (2, 1, 0), -INF), Y),
    "NaN in part of a step": (with_values(X, (2, 1, 0), NAN), Y),
    "no step": (with_values(X, 2, NAN), Y),
    "several": (with_values(X, (2, 1, 0), INF), with_values(Y, 2, NAN)),
}


@pytest.mark.parametrize(("X", "y"), NO_SAMPLES.values(), ids=NO_SAMPLES)
@pytest.mark.parametrize("form", [np.array, list, pd.Series], ids=["array", "list", "series"])
def test_a_sample_of_weight_zero_is_no_sample(X, y, form):
    weights, kept = np.ones(6), np.arange(6) != 2
    weights[2] = 0
    expected = checked(X[kept], y[kept])
    for sequences in (X, list(X)):
        samples = checked(sequences, form(y), weights)
        assert_array_equal(samples.X.table, expected.X.table, strict=True)
        assert_array_equal(samples.X.starts, expected.X.starts)
        assert_array_equal(samples.y, expected.y)
        assert_array_equal(samples.weights, [1.0] * 5)


@pytest.mark.parametrize(("X", "y"), list(NO_SAMPLES.values())[1:], ids=list(NO_SAMPLES)[1:])
def test_with_any_weight_it_is_refused(X, y):
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        checked(X, y, np.full(6, 0.5))


# Masked arrays


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_masked_targets_and_weights_are_refused(name):
    masked = np.ma.MaskedArray(np.ones(6), [0, 1, 0, 0, 1, 0])
    arguments = {"y": Y} | {name: masked}
    with pytest.raises(
        ValueError, match=rf"Input {name} is a masked array, and 2 of .*{name}.filled"
    ):
        checked(X, **arguments)


def test_masked_arrays_without_a_mask_are_arrays():
    samples = checked(np.ma.asarray(X), np.ma.asarray(Y), np.ma.asarray(np.ones(6)))
    assert_array_equal(samples.y[:, 0], Y)


# Words


def test_targets_of_three_dimensions_are_told_to_stand_side_by_side():
    words = r"Got shape \(6, 3, 2\).*outputs side by side: y.reshape\(len\(y\), -1\)"
    with pytest.raises(ValueError, match=words):
        checked(X, np.ones((6, 3, 2)))


def test_one_target_for_each_id_of_a_long_table():
    table = pd.DataFrame({"id": np.repeat([1, 2, 3], 20), "v": np.arange(60.0)})
    words = r"\[60, 3\].*one long table .*X.groupby\('id'\).*sliding_windows"
    with pytest.raises(ValueError, match=words):
        checked(table, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"\[6, 5\] in X and y. Pass one target") as caught:
        checked(X, Y[:5])
    assert "long table" not in str(caught.value)


def test_the_remedy_for_a_long_table_works():
    table = pd.DataFrame({"id": np.repeat([1, 2, 3], 20), "v": np.arange(60.0)})
    samples = checked([rows.drop(columns="id") for _, rows in table.groupby("id")], [1.0, 2.0, 3.0])
    assert samples.X.lengths.tolist() == [20, 20, 20]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": with_values(X, (0, 0, 0), NAN)}, "NaN in some features of a step"),
        ({"X": with_values(X, (0, 0, 0), INF)}, "Input X contains infinity"),
        ({"y": with_values(Y, 0, NAN)}, "Input y contains NaN"),
        ({"y": with_values(Y, 0, INF)}, "Input y contains infinity"),
        (
            {"sample_weight": with_values(Y, 3, NAN)},
            "sample_weight contains NaN or infinity: nan at row 3",
        ),
        ({"sample_weight": with_values(Y, 3, INF)}, "sample_weight contains .* inf at row 3"),
    ],
)
def test_with_assume_finite_errors_are_ours(change, words):
    with config_context(assume_finite=True), pytest.raises(ValueError, match=words):
        checked(**({"X": X, "y": Y} | change))


def test_a_chain_of_regressors_is_told_what_to_do(small):
    table = np.random.default_rng(0).normal(size=(20, 8))
    chain = RegressorChain(small(n_timesteps=4, epochs=1))
    with pytest.raises(
        ValueError, match="RegressorChain appends outputs as columns: fit all outputs"
    ):
        chain.fit(table, table[:, :2])


def test_two_dimensional_validation_samples_behind_a_pipeline(small):
    """The steps before make sequences of X, and leave X_val alone."""
    table = X.reshape(6, 8)
    to_sequences = FunctionTransformer(np.reshape, kw_args={"shape": (-1, 4, 2)})
    steps = [("sequences", to_sequences), ("scale", SequenceScaler()), ("model", small(epochs=1))]
    words = r"In X_val, y_val: X_val has 2 dimensions .*transform_input=\['X_val'\]"
    with pytest.raises(ValueError, match=words) as caught:
        Pipeline(steps).fit(table, Y, model__X_val=table[:, :6], model__y_val=Y)
    assert "np.newaxis" not in str(caught.value)
