"""The networks: shapes, weights that sum to one, and `build_network` in Keras and SciKeras."""

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

from conftest import spec_of
from skattn import LSTMAttentionRegressor, build_network, layers
from skattn._programs.network import HEAD_INPUTS, NETWORKS, assemble, dropout_layers

ATTENTIVE = [name for name in NETWORKS if name]
LENGTHS = np.array([7, 5, 2, 1])
PRESENT = np.arange(7) < LENGTHS[:, np.newaxis]


@pytest.fixture(name="X")
def _sequences():
    """Four right-padded sequences of two features."""
    X = np.random.default_rng(0).normal(size=(4, 7, 2)).astype("float32")
    X[~PRESENT] = np.nan
    return X


def network(attention, **params):
    made = assemble(spec_of(attention, **params))
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(scale=0.7, size=w.shape) for w in made.get_weights()])
    return made


class Peak(keras.layers.Layer):
    """A user's own attention: softmax of the first unit of each state."""

    def call(self, states, mask):
        scores = keras.ops.where(mask, states[:, :, 0], -1e9)
        weights = keras.ops.softmax(scores, axis=1)
        return keras.ops.einsum("nt,ntd->nd", weights, states), weights


def peak(query, states, mask, spec):
    return query, *Peak()(states, mask)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_layers": 2, "bidirectional": True},
        {"dense_units": (3,), "segment_length": 3},
        {"conv_filters": (5, 3), "segment_length": 2, "instance_norm": True},
        {"n_layers": 2, "bidirectional": True, "dense_units": (3, 2), "segment_length": 2},
    ],
    ids=["plain", "deep", "segments", "convolutions", "all"],
)
@pytest.mark.parametrize(
    ("attention", "head_input"),
    [*((name, "concat") for name in NETWORKS), ("hierarchical", "context")],
)
def test_outputs_have_their_shapes(attention, head_input, params):
    made = network(attention, head_input=head_input, n_outputs=3, **params)
    shapes = {name: output.shape for name, output in made.output.items()}
    expected = {"prediction": (None, 3)}
    if attention:
        expected["steps"] = (None, None)
    if attention == "hierarchical":
        expected |= {"self": (None, None, None), "summary": (None, None)}
    assert shapes == expected


@pytest.mark.parametrize(
    ("segment_length", "bidirectional"), [(1, False), (2, True), (3, False), (9, True)]
)
@pytest.mark.parametrize("attention", ATTENTIVE)
def test_weights_sum_to_one_and_are_zero_at_absent_steps(
    X, attention, bidirectional, segment_length
):
    made = network(attention, bidirectional=bidirectional, segment_length=segment_length)
    levels = {name: level.numpy() for name, level in made(X).items() if name != "prediction"}
    for weights in (level for level in levels.values() if level.ndim == 2):
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
        assert (weights[~PRESENT] == 0.0).all()
        assert (weights >= 0.0).all()
    if "self" in levels:
        rows = levels["self"].sum(axis=2)
        np.testing.assert_allclose(rows[PRESENT], 1.0, rtol=1e-5)
        assert (levels["self"].swapaxes(1, 2)[~PRESENT] == 0.0).all()


@pytest.mark.parametrize("segment_length", [1, 2, 3])
def test_hierarchical_weights_are_the_product_of_both_levels(X, segment_length):
    levels = network("hierarchical", segment_length=segment_length)(X)
    product = np.einsum("ns,nst->nt", levels["summary"], levels["self"])
    np.testing.assert_allclose(levels["steps"], product, atol=1e-6)


def test_steps_share_the_weight_of_their_segment():
    """Five steps in segments of two are (0), (1, 2), (3, 4); the mean gives each a third."""
    weights = network("mean", segment_length=2)(np.ones((1, 5, 2)))["steps"]
    np.testing.assert_allclose(weights, [[1 / 3, 1 / 6, 1 / 6, 1 / 6, 1 / 6]], rtol=1e-6)


@pytest.mark.parametrize("conv_filters", [(), (4, 3)])
@pytest.mark.parametrize("segment_length", [1, 3])
@pytest.mark.parametrize("attention", NETWORKS)
@pytest.mark.slow
def test_padding_changes_nothing(X, attention, segment_length, conv_filters):
    shapes = {"conv_filters": conv_filters, "instance_norm": bool(conv_filters)}
    made = network(attention, segment_length=segment_length, n_layers=2, **shapes)
    padded = made(X)
    for row, length in enumerate(LENGTHS):
        alone = made(X[row : row + 1, :length])
        np.testing.assert_allclose(padded["prediction"][row], alone["prediction"][0], atol=1e-5)
        if attention:
            np.testing.assert_allclose(padded["steps"][row, :length], alone["steps"][0], atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_query_is_the_last_state_of_each_direction(X, bidirectional):
    seen = {}

    def look(query, states, mask, spec):
        seen["model"] = [query, states]
        return query, None, None

    made = network(look, bidirectional=bidirectional)
    query, states = (x.numpy() for x in keras.Model(made.input, seen["model"])(X))
    rows = np.arange(4)
    np.testing.assert_array_equal(query[:, :4], states[rows, LENGTHS - 1, :4])
    if bidirectional:
        np.testing.assert_array_equal(query[:, 4:], states[:, 0, 4:])


@pytest.mark.parametrize(("head_input", "width"), [("concat", 8), ("context", 4)])
def test_head_reads_query_and_context_or_the_context_alone(head_input, width):
    assert network("dot", head_input=head_input).get_layer("output").kernel.shape == (width, 1)


def test_context_head_ignores_the_query(X):
    def changed(query, states, mask, spec):
        """Like mean attention, but for what it hands on as the query."""
        query, context, weights = NETWORKS["mean"](query, states, mask, spec)
        return 7.0 * query + 1.0, context, weights

    predictions = {
        head_input: [
            network(attention, head_input=head_input)(X)["prediction"].numpy()
            for attention in ("mean", changed)
        ]
        for head_input in HEAD_INPUTS
    }
    np.testing.assert_array_equal(*predictions["context"])
    assert not np.allclose(*predictions["concat"])


def test_mean_context_is_the_mean_of_the_states(X):
    made = network("mean", head_input="context")
    states = made.get_layer("attention").input[1]
    states, prediction = keras.Model(made.input, [states, made.output["prediction"]])(X)
    mean = np.array([s[:n].numpy().mean(axis=0) for s, n in zip(states, LENGTHS, strict=True)])
    output = made.get_layer("output")
    np.testing.assert_allclose(prediction, mean @ output.kernel + output.bias, atol=1e-6)


def test_hierarchical_brings_its_own_layers():
    made = network("hierarchical", units=6)
    assert made.get_layer("bidirectional_1").output[0].shape == (None, None, 12)
    assert made.get_layer("summary_lstm").units == 3
    assert made.get_layer("dense_1").units == 128


def test_own_attention_fits_and_shows_its_weights(sequences):
    X, y = sequences
    model = LSTMAttentionRegressor(peak, units=4, epochs=2, random_state=0, n_members=1).fit(X, y)
    assert model.predict(X).shape == y.shape
    np.testing.assert_allclose(model.attention_weights(X).sum(axis=1), 1.0, rtol=1e-5)
    assert any(isinstance(layer, Peak) for layer in model.to_keras()._flatten_layers())


def test_dropout_stands_before_the_head_and_between_the_lstms():
    assert dropout_layers(network("dot", n_layers=3)) == []
    names = [layer.name for layer in dropout_layers(network("dot", n_layers=3, dropout=0.3))]
    assert names == ["network_dropout_1", "network_dropout_2", "network_dropout_head"]


@pytest.mark.parametrize("attention", [*NETWORKS, peak])
@pytest.mark.slow
def test_build_network_is_a_plain_keras_model(X, attention):
    made = build_network(n_features=2, n_outputs=3, attention=attention, units=4)
    assert made.output_shape == (None, 3)
    assert made(X).shape == (4, 3)
    made.compile(loss="mse", optimizer="sgd")
    made.fit(X, np.ones((4, 3)), verbose=0)


def test_build_network_sets_the_dropout_rate():
    made = build_network(n_features=2, n_layers=2, dropout=0.25, units=4)
    assert [float(layer.rate) for layer in dropout_layers(made)] == [0.25, 0.25]


def test_built_network_can_be_saved(X, tmp_path):
    made = build_network(n_features=2, attention="hierarchical", units=4, segment_length=2)
    made.get_layer("output").kernel.assign(np.ones((128, 1)))  # zeros would hide the rest
    made.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded(X), made(X))
    assert any(type(layer) is layers.LSTM for layer in loaded.layers)


def test_build_network_needs_the_number_of_features():
    with pytest.raises(ValueError, match=r"Got n_features=None. Pass n_features=X.shape\[2\]"):
        build_network()


def test_build_network_refuses_two_dimensional_meta():
    meta = {"X_shape_": (30, 8), "n_outputs_": 1}
    with pytest.raises(ValueError, match=r"\(n_samples, n_timesteps, n_features\). Got shape \(30"):
        build_network(meta=meta)


def test_build_network_reads_the_sizes_from_scikeras_meta():
    made = build_network(meta={"X_shape_": (30, 8, 5), "n_outputs_": 2}, units=3)
    assert (made.input_shape, made.output_shape) == ((None, None, 5), (None, 2))


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_build_network_refuses_rates_that_are_none(rate):
    with pytest.raises(ValueError, match=rf"dropout must be in \[0, 1\). Got dropout={rate}"):
        build_network(n_features=2, dropout=rate)


def test_build_network_refuses_wrong_dense_units():
    with pytest.raises(ValueError, match=r"positive integers.*Got dense_units=\(0,\)"):
        build_network(n_features=2, dense_units=(0,))


def scikeras_regressor(**params):
    from scikeras.wrappers import KerasRegressor

    defaults = {"model__units": 4, "epochs": 1, "verbose": 0, "loss": "mse", "optimizer": "adam"}
    return KerasRegressor(model=build_network, **{**defaults, **params})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
class TestSciKeras:
    def test_regressor_fits_and_predicts(self, sequences):
        X, y = sequences
        regressor = scikeras_regressor().fit(X, y)
        assert regressor.predict(X).shape == y.shape
        assert regressor.model_.name == "lstm_attention"
        assert regressor.model_.get_layer("lstm_1").units == 4

    def test_regressor_predicts_several_outputs(self, sequences):
        X, y = sequences
        assert scikeras_regressor().fit(X, np.c_[y, -y]).predict(X).shape == (40, 2)

    def test_two_dimensional_input_is_refused(self, sequences):
        X, y = sequences
        with pytest.raises(ValueError, match="Got shape"):
            scikeras_regressor().fit(X[:, :, 0], y)

    def test_regressor_is_cross_validated(self, sequences):
        scores = cross_val_score(scikeras_regressor(), *sequences, cv=2, error_score="raise")
        assert np.isfinite(scores).all()

    def test_regressor_is_grid_searched(self, sequences):
        grid = {"model__units": [3], "model__attention": ["mean", "dot"]}
        search = GridSearchCV(scikeras_regressor(), grid, cv=2, error_score="raise")
        search.fit(*sequences)
        assert search.best_estimator_.model_.get_layer("lstm_1").units == 3
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()

    def test_parameters_without_a_prefix_reach_the_network(self, sequences):
        X, y = sequences
        regressor = scikeras_regressor(attention="general", units=3)
        regressor.set_params(model__units=3).fit(X, y)
        assert isinstance(regressor.model_.get_layer("attention"), layers.GeneralAttention)
