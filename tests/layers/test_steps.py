"""The layers around the sequence against plain loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from skattn.layers import Dropout, LeftAlign, NormalizedSteps, PresentSteps, Segments

NAN = np.nan


def padded(rng, n_rows, n_steps, n_features):
    """Return random right-padded values, zeros at absent steps, and their mask."""
    lengths = rng.integers(1, n_steps + 1, size=n_rows)
    mask = np.arange(n_steps) < lengths[:, np.newaxis]
    values = rng.normal(size=(n_rows, n_steps, n_features)) * mask[:, :, np.newaxis]
    return values.astype("float32"), mask


def segments_by_loop(values, mask, length):
    n_rows, n_steps, n_features = values.shape
    n_segments = -(-n_steps // length)
    segments = np.zeros((n_rows, n_segments, length * n_features))
    segment_mask = np.zeros((n_rows, n_segments), dtype=bool)
    membership = np.zeros((n_rows, n_steps, n_segments))
    for row in range(n_rows):
        steps = list(values[row, mask[row]])
        n_lacking = -len(steps) % length
        filled = [np.zeros(n_features)] * n_lacking + steps
        for s in range(len(filled) // length):
            segments[row, s] = np.concatenate(filled[s * length : (s + 1) * length])
            segment_mask[row, s] = True
        for t in range(len(steps)):
            membership[row, t, (t + n_lacking) // length] = 1
    return segments, segment_mask, membership


def test_present_steps_by_hand():
    X = np.array([[[1.0, 2.0], [NAN, NAN]], [[3.0, 4.0], [5.0, 6.0]]], dtype="float32")
    values, mask = PresentSteps()(X)
    np.testing.assert_array_equal(mask, [[True, False], [True, True]])
    np.testing.assert_array_equal(values, np.nan_to_num(X))


def test_absent_steps_pass_no_nan_gradient():
    X = tf.constant([[[1.0], [NAN]]])
    with tf.GradientTape() as tape:
        tape.watch(X)
        loss = tf.reduce_sum(PresentSteps()(X)[0] ** 2)
    np.testing.assert_array_equal(tape.gradient(loss, X), [[[2.0], [0.0]]])


def test_left_align_equals_a_loop():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 6, 2)).astype("float32")
    X[rng.random((20, 6)) < 0.4] = NAN
    expected = np.full_like(X, NAN)
    for row, steps in zip(expected, X, strict=True):
        present = steps[~np.isnan(steps[:, 0])]
        row[: len(present)] = present
    np.testing.assert_array_equal(LeftAlign()(X), expected)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("n_steps", [1, 5, 6, 7])
def test_segments_equal_a_loop(length, n_steps):
    values, mask = padded(np.random.default_rng(n_steps), 10, n_steps, 2)
    outputs = Segments(length)(values, mask)
    for actual, expected in zip(outputs, segments_by_loop(values, mask, length), strict=True):
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("length", [2, 3, 4])
def test_last_segment_is_full(length):
    values, mask = padded(np.random.default_rng(3), 10, 9, 1)
    segments, segment_mask, _ = Segments(length)(values, mask)
    for row in np.flatnonzero(mask.sum(axis=1) >= length):
        last = segments[row].numpy()[segment_mask[row].numpy()][-1]
        np.testing.assert_array_equal(last, values[row, mask[row]][-length:, 0])


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_each_present_step_belongs_to_one_segment(length):
    values, mask = padded(np.random.default_rng(4), 10, 9, 1)
    membership = Segments(length)(values, mask)[2].numpy()
    np.testing.assert_array_equal(membership.sum(axis=2), mask)
    assert membership.sum(axis=1).max() <= length


def test_segments_work_in_a_graph_of_unknown_length():
    layer = Segments(3)
    signature = [tf.TensorSpec((None, None, 2)), tf.TensorSpec((None, None), "bool")]
    graph = tf.function(layer, input_signature=signature)
    for n_steps in (2, 7):
        values, mask = padded(np.random.default_rng(5), 4, n_steps, 2)
        for actual, expected in zip(graph(values, mask), layer(values, mask), strict=True):
            np.testing.assert_array_equal(actual, expected)


def test_dropout_rate_flows_into_a_traced_function():
    layer = Dropout(0.0, seed=0)
    traces = []

    @tf.function
    def train(inputs):
        traces.append(1)
        return layer(inputs, training=True)

    ones = tf.ones((1000, 10))
    for rate in (0.0, 0.5, 0.2):
        layer.rate.assign(rate)
        outputs = train(ones).numpy()
        assert abs((outputs == 0.0).mean() - rate) < 0.03
        np.testing.assert_allclose(outputs[outputs != 0.0], 1 / (1 - rate), rtol=1e-6)
    assert len(traces) == 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_preserves_the_expectation(rate):
    outputs = Dropout(rate, seed=0)(np.ones((2000, 100), dtype="float32"), training=True)
    standard_error = np.sqrt(rate / (1 - rate) / outputs.numpy().size)
    assert abs(outputs.numpy().mean() - 1.0) < 4 * standard_error


def test_dropout_is_off_in_inference():
    inputs = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    layer = Dropout(0.5)
    np.testing.assert_array_equal(layer(inputs, training=False), inputs)
    np.testing.assert_array_equal(layer(inputs), inputs)


def test_dropout_draws_anew_at_each_call_and_repeats_from_the_same_seed():
    inputs = np.ones((5, 20), dtype="float32")
    layer, twin = Dropout(0.5, seed=7), Dropout(0.5, seed=7)
    first, second = layer(inputs, training=True), layer(inputs, training=True)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(twin(inputs, training=True), first)


def test_dropout_rate_is_not_trained():
    layer = Dropout(0.5)
    assert layer.trainable_variables == []


def test_dropout_config_has_the_present_rate():
    layer = Dropout(0.25, seed=3, name="x")
    assert Dropout.from_config(layer.get_config()).get_config() == layer.get_config()
    layer.rate.assign(0.75)
    again = Dropout.from_config(layer.get_config())
    assert (float(again.rate), again.seed, again.name) == (0.75, 3, "x")


def test_saved_steps_give_the_same(tmp_path):
    inputs = keras.Input((None, 2))
    values, mask = PresentSteps()(LeftAlign()(inputs))
    segments, segment_mask, membership = Segments(2)(values, mask)
    model = keras.Model(inputs, [Dropout(0.5)(segments), segment_mask, membership])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    X[0, 1] = X[1, :3] = NAN
    for saved, original in zip(loaded(X), model(X), strict=True):
        np.testing.assert_array_equal(saved, original)
    assert [float(x.rate) for x in loaded.layers if isinstance(x, Dropout)] == [0.5]


def test_normalized_steps_by_numpy():
    values, mask = padded(np.random.default_rng(0), 6, 5, 2)
    steps, levels = map(np.asarray, NormalizedSteps()(values, mask))
    for row, present in enumerate(mask):
        own = values[row, present]
        mean, deviation = own.mean(axis=0), np.maximum(own.std(axis=0), 1e-5)
        np.testing.assert_allclose(steps[row, present], (own - mean) / deviation, atol=1e-2)
        np.testing.assert_array_equal(steps[row, ~present], 0)
        np.testing.assert_allclose(levels[row], [*mean, *np.log10(deviation)], atol=1e-5)


def test_scales_that_lie_decades_apart_have_shapes_of_one_size():
    values, mask = padded(np.random.default_rng(0), 6, 9, 2)
    steps, levels = map(np.asarray, NormalizedSteps()(values, mask))
    small, small_levels = map(np.asarray, NormalizedSteps()(values / 100, mask))
    several = mask.sum(axis=1) > 1  # one step alone has no deviation
    np.testing.assert_allclose(small[several], steps[several], atol=1e-4)
    np.testing.assert_allclose((small_levels - levels)[several, 2:], -2, atol=1e-5)


def test_a_constant_sequence_has_no_shape():
    steps, levels = NormalizedSteps()(np.full((1, 4, 1), 0.1, "float32"), np.ones((1, 4), bool))
    np.testing.assert_allclose(steps, 0, atol=1e-2)
    np.testing.assert_allclose(levels, [[0.1, -5]], rtol=1e-6)


@pytest.mark.parametrize("size", [1e15, 1e30, 3e38])
def test_normalized_steps_stay_finite(size):
    values = np.array([[[1.0], [-1.0], [1.0]]], dtype="float32") * np.float32(size)
    for given in NormalizedSteps()(values, np.ones((1, 3), bool)):
        assert np.isfinite(given).all()
