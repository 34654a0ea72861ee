"""The estimator: curves, validation samples, going on, failing cleanly, and learning."""

import pickle
from dataclasses import fields

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skattn import LSTMAttentionRegressor, TrainingDivergedError
from skattn._training.numbers import Numbers

NO_LINE = {"linear_path": False}  # so that losses are those of the predictions
SGD = {"optimizer": "sgd", "learning_rate_schedule": "constant"}


class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def assert_unchanged(model, before, X, prediction):
    assert vars(model).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(model).items())
    assert_array_equal(model.predict(X), prediction)


# Curves


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_curves_tell_one_story(sequences, small, early_stopping):
    model = small(epochs=9, early_stopping=early_stopping, learning_rate=0.1).fit(*sequences)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.learning_rate_curve_) == 9
    if early_stopping:
        assert len(model.validation_loss_curve_) == 9
        assert model.best_loss_ == min(model.validation_loss_curve_)
        assert model.best_iter_ == 1 + np.argmin(model.validation_loss_curve_)
    else:
        assert model.validation_loss_curve_ is None
        assert (model.best_iter_, model.best_loss_) == (9, model.loss_curve_[-1])


def test_curves_after_partial_fit_have_nan_where_nothing_was_validated(sequences, small):
    X, y = sequences
    model = small(epochs=2, warm_start=True).fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
    assert np.isnan(model.validation_loss_curve_).tolist() == [False, False, True]
    model.fit(X, y, X_val=X, y_val=y)
    assert np.isnan(model.validation_loss_curve_).tolist() == [False, False, True, False, False]
    assert model.n_iter_ == len(model.loss_curve_) == len(model.learning_rate_curve_) == 5


def test_fitted_attributes_are_the_numbers_of_a_fit(sequences, small):
    """Their names, and no others but what scikit-learn asks of X and y."""
    model = small().fit(*sequences)
    public = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    of_inputs = {"n_features_in_", "n_features_per_step_", "n_timesteps_in_", "n_outputs_"}
    assert public - of_inputs == {f"{field.name}_" for field in fields(Numbers)}
    assert vars(model) == vars(model) | Numbers.of(model).as_attributes()


@pytest.mark.parametrize("warm_start", [False, True])
def test_the_optimizers_state_is_kept_where_a_fit_will_go_on(sequences, small, warm_start):
    model = small(warm_start=warm_start).fit(*sequences)
    assert (model.optimizer_state_ is not None) == warm_start
    model.partial_fit(*sequences)
    n_moved = sum(value.size for value in model.parameters_.values())
    shapes = {name: np.shape(value) for name, value in model.optimizer_state_.items()}
    assert shapes == {"n_steps": (), "moved": (n_moved,), "slots": (2, n_moved)}
    n_fit = 4 if warm_start else 0  # two epochs of two batches
    assert model.optimizer_state_["n_steps"] == n_fit + 2


def test_losses_are_those_of_the_predictions(sequences, small):
    X, y = sequences
    model = small(epochs=3, **NO_LINE).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    errors = (model.predict(X[30:]) - y[30:]) / model.target_statistics_.scale
    assert_allclose(model.best_loss_, np.mean(errors**2), rtol=1e-5)


def test_stopping_waits_for_n_iter_no_change(sequences, small):
    X, y = sequences
    model = small(epochs=60, early_stopping=True, n_iter_no_change=3, learning_rate=0.3)
    model.fit(X, y, X_val=X, y_val=-y)
    assert model.n_iter_ == model.best_iter_ + 3
    assert model.best_loss_ == model.validation_loss_curve_[model.best_iter_ - 1]
    longer = model.validation_loss_curve_[model.best_iter_ :]
    assert min(longer) >= model.best_loss_


def test_improvements_below_tol_do_not_count(sequences, small):
    model = small(epochs=20, early_stopping=True, n_iter_no_change=4, tol=1e6).fit(*sequences)
    assert (model.best_iter_, model.n_iter_) == (1, 5)


@pytest.mark.parametrize("again", [np.repeat, lambda X, n, axis: np.tile(X, (n, 1, 1))])
@pytest.mark.parametrize("times", [1, 3, 30])
@pytest.mark.parametrize(("n_samples", "holds_out"), [(49, False), (50, True)])
def test_auto_holds_out_samples_from_50_different_ones_on(
    small, n_samples, holds_out, times, again
):
    X = again(np.random.default_rng(0).normal(size=(n_samples, 6, 2)), times, axis=0)
    model = small(early_stopping="auto").fit(X, X[:, 0, 0])
    assert (model.validation_loss_curve_ is not None) == holds_out


def test_the_learning_rate_follows_half_a_cosine(sequences, small):
    model = small(epochs=4, batch_size=40, learning_rate=0.1).fit(*sequences)
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(4) / 4)) / 2
    assert_allclose(model.learning_rate_curve_, expected, rtol=1e-6)
    model = small(learning_rate=0.1, learning_rate_schedule="constant").fit(*sequences)
    assert_allclose(model.learning_rate_curve_, 0.1)


# Validation samples


def test_given_validation_samples_replace_the_split(sequences, small):
    X, y = sequences
    split = small(early_stopping=True, validation_fraction=0.25, **NO_LINE).fit(X, y)
    given = small(early_stopping=True, **NO_LINE).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert_array_equal(given.predict(X), split.predict(X))
    assert given.validation_loss_curve_ == split.validation_loss_curve_


@pytest.mark.parametrize("n_timesteps", [3, 6, 8])
def test_validation_samples_may_have_other_lengths(sequences, small, n_timesteps):
    X, y = sequences
    X_val = np.random.default_rng(1).normal(size=(10, n_timesteps, 2))
    model = small(**NO_LINE).fit(X, y, X_val=X_val, y_val=X_val[:, 2, 0])
    errors = (model.predict(X_val) - X_val[:, 2, 0]) / model.target_statistics_.scale
    assert_allclose(model.best_loss_, np.mean(errors**2), rtol=1e-5)
    assert model.n_timesteps_in_ == 6


def test_validation_samples_of_2d_and_of_a_second_fit(sequences, small):
    X, y = sequences
    table = X.reshape(40, 12)
    model = small(n_timesteps=6).fit(table, y, X_val=table, y_val=y)
    assert len(model.validation_loss_curve_) == 2
    assert (model.n_features_in_, model.n_features_per_step_) == (12, 2)
    model.fit(X[:, :, :1], y, X_val=X[:, :, :1], y_val=y)
    assert (model.n_features_in_, model.n_features_per_step_) == (6, 1)


def test_weights_of_validation_samples_matter(sequences, small):
    X, y = sequences
    kept = np.arange(40) < 5
    weighted = small().fit(X, y, X_val=X, y_val=y, sample_weight_val=kept)
    dropped = small().fit(X, y, X_val=X[:5], y_val=y[:5])
    whole = small().fit(X, y, X_val=X, y_val=y)
    assert_allclose(weighted.best_loss_, dropped.best_loss_, rtol=1e-6)
    assert abs(weighted.best_loss_ - whole.best_loss_) > 1e-3


# Going on


def test_warm_start_goes_on(sequences, small):
    X, y = sequences
    model = small(warm_start=True, epochs=20, learning_rate=0.02).fit(X, y)
    first, statistics = model.loss_curve_, model.feature_statistics_
    model.fit(X, y)
    assert model.n_iter_ == model.best_iter_ == 40
    assert model.loss_curve_[:20] == first
    begin, went_on, end = first[0], model.loss_curve_[20], first[-1]
    assert abs(went_on - end) < abs(went_on - begin)
    assert model.feature_statistics_ is statistics


def test_without_warm_start_a_fit_begins_anew(sequences, small):
    model = small().fit(*sequences)
    curve = model.loss_curve_
    assert model.fit(*sequences).loss_curve_ == curve


def test_two_warm_fits_take_other_batches_than_one_long_fit(sequences, small):
    X, y = sequences
    params = {"learning_rate_schedule": "constant", "batch_size": 8}
    warm = small(warm_start=True, epochs=3, **params).fit(X, y).fit(X, y)
    cold = small(epochs=6, **params).fit(X, y)
    assert warm.loss_curve_[:3] == cold.loss_curve_[:3]
    assert warm.loss_curve_[3:] != cold.loss_curve_[3:]


# One batch holds all rows, so their order does not tell the fits apart.
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_warm_start_keeps_the_state_of_the_optimizer(sequences, small, optimizer):
    X, y = sequences
    params = {"learning_rate_schedule": "constant", "batch_size": 40, "optimizer": optimizer}
    warm = small(warm_start=True, epochs=3, **params).fit(X, y).fit(X, y)
    cold = small(epochs=6, **params).fit(X, y)
    assert_allclose(warm.loss_curve_, cold.loss_curve_, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"units": 5}, "units from 4 to 5"),
        ({"attention": "dot"}, "attention from 'additive' to 'dot'"),
        ({"loss": "huber"}, "loss from 'squared_error' to 'huber'"),
    ],
)
def test_warm_start_with_another_network_names_the_change(sequences, small, change, named):
    model = small(warm_start=True).fit(*sequences).set_params(**change)
    with pytest.raises(ValueError, match=f"network changed since the last fit: {named}"):
        model.fit(*sequences)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("columns", [slice(1), [0, 1, 1]])
def test_going_on_needs_the_same_features(sequences, small, method, columns):
    X, y = sequences
    model = small(warm_start=True).fit(X, y)
    before, prediction = dict(vars(model)), model.predict(X)
    with pytest.raises(ValueError, match=r"features.*expecting 2 features"):
        getattr(model, method)(X[:, :, columns], y)
    assert_unchanged(model, before, X, prediction)


def test_partial_fit_learns_over_calls(sequences, small):
    X, y = sequences
    model = small(units=8, learning_rate=0.02, batch_size=8)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.n_iter_ == 30
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    assert model.score(X, y) > 0.7
    assert_allclose(model.learning_rate_curve_, 0.02)


def test_the_first_partial_fit_takes_the_statistics(sequences, small):
    X, y = sequences
    model = small().partial_fit(X[:10], y[:10])
    model.partial_fit(1e3 + X[10:], y[10:])
    assert_allclose(model.feature_statistics_.mean, X[:10].mean(axis=(0, 1)))
    assert_allclose(model.target_statistics_.scale, y[:10].std())


def test_partial_fits_are_a_fit_in_one_batch(sequences, small):
    X, y = sequences
    params = {"batch_size": 40, "learning_rate_schedule": "constant"}
    whole = small(epochs=3, **params).fit(X, y)
    parts = small(**params).partial_fit(X, y).partial_fit(X, y).partial_fit(X, y)
    assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-4)
    assert_allclose(parts.predict(X), whole.predict(X), atol=1e-4)


# Failing


def diverge(model, X, y):
    with pytest.raises(TrainingDivergedError, match=r"diverged in epoch 1.*learning_rate"):
        model.set_params(**DIVERGES).fit(X * 1e10, y)


def spoil(model, X, y):
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.where(X > 1, np.inf, X)[:, :4, :1], y)


def interrupt(model, X, y):
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[Interrupt()]).fit(X[:, :4, :1], y[:, None])


DIVERGES = {"standardize": False, "clipnorm": None, "learning_rate": 1e30, **SGD}
FAILURES = pytest.mark.parametrize("fail", [diverge, spoil, interrupt])


@FAILURES
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_failed_fit_leaves_the_estimator_as_it_was(sequences, small, fail, warm_start):
    X, y = sequences
    model = small(warm_start=warm_start and fail is not diverge).fit(X, y)
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    prediction = model.predict(X)
    model.set_params(warm_start=False)
    fail(model, X, y)
    assert {name for name in vars(model) if name.endswith("_")} == fitted.keys()
    assert all(getattr(model, name) is value for name, value in fitted.items())
    assert_array_equal(model.predict(X), prediction)


@FAILURES
def test_a_failed_first_fit_leaves_the_estimator_unfitted(sequences, small, fail):
    model = small()
    fail(model, *sequences)
    assert vars(model).keys() == model.get_params().keys()
    repaired = model.set_params(**small().get_params()).fit(*sequences)
    assert_array_equal(
        repaired.predict(sequences[0]), small().fit(*sequences).predict(sequences[0])
    )


def test_an_interrupted_partial_fit_changes_nothing(sequences, small):
    X, y = sequences
    model = small().partial_fit(X, y).set_params(callbacks=[Interrupt])
    before, prediction = dict(vars(model)), model.predict(X)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    assert_unchanged(model, before, X, prediction)


# Learning


@pytest.mark.parametrize(
    ("params", "level"),
    [
        ({"loss": "absolute_error"}, 0.5),
        ({"loss": "quantile"}, 0.5),
        ({"loss": "quantile", "quantile": 0.9}, 0.9),
        ({"loss": "quantile", "quantile": 0.1}, 0.1),
    ],
)
@pytest.mark.slow
def test_losses_learn_their_quantile(small, params, level):
    y = np.random.default_rng(0).exponential(size=400)
    X = np.ones((400, 3, 1))
    model = small(epochs=60, learning_rate=0.02, early_stopping=False, **params).fit(X, y)
    prediction = model.predict(X[:1])[0]
    assert abs(np.mean(y < prediction) - level) < 0.04


def test_squared_error_learns_the_mean(small):
    y = np.random.default_rng(0).exponential(size=400)
    X = np.ones((400, 3, 1))
    model = small(epochs=60, learning_rate=0.02, early_stopping=False).fit(X, y)
    assert_allclose(model.predict(X[:1]), y.mean(), atol=0.05)


def test_huber_solves_its_own_equation(small):
    y = np.random.default_rng(0).exponential(size=400) ** 2
    X = np.ones((400, 3, 1))
    model = small(epochs=60, learning_rate=0.02, early_stopping=False, loss="huber").fit(X, y)
    errors = (y - model.predict(X)) / y.std()
    assert abs(np.clip(errors, -1, 1).mean()) < 0.03
    assert model.predict(X[:1])[0] < y.mean()


@pytest.mark.parametrize(
    ("optimizer", "learning_rate"),
    [("adamw", 0.02), ("sgd", 0.1)],
)
def test_every_optimizer_learns(sequences, small, optimizer, learning_rate):
    params = {"units": 8, "epochs": 60, "batch_size": 8, "learning_rate": learning_rate}
    params["weight_decay"] = None  # "auto" is a strong prior on 40 rows
    assert small(optimizer=optimizer, **params).fit(*sequences).score(*sequences) > 0.8


@pytest.mark.parametrize("target_feature", [None, 0])
def test_weight_decay_shrinks_the_parameters(sequences, small, target_feature):
    """None is none, as 0; "auto" is 0, and with a target_feature 5000 / n up to 0.5."""
    params = {"epochs": 5, "target_feature": target_feature}
    *norms, none, auto = [
        sum(np.abs(value).sum() for value in model.parameters_.values())
        for decay in (0.0, 0.1, 0.5, 10.0, None, "auto")
        for model in [small(weight_decay=decay, **params).fit(*sequences)]
    ]
    assert norms[0] > norms[1] > norms[2] > norms[3]
    assert (none, auto) == (norms[0], norms[0 if target_feature is None else 2])


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "SGD"])
def test_other_optimizers_are_refused_by_name(sequences, small, optimizer):
    with pytest.raises(ValueError, match=r"'optimizer' parameter .*'adamw'"):
        small(optimizer=optimizer).fit(*sequences)


def test_default_decay_is_alike_for_weights_and_for_rows_that_stand_twice():
    """On so many rows that 5000 / n is less than the most, 0.5."""
    X = np.random.default_rng(0).normal(size=(12_000, 3, 1))
    y = X[:, 1, 0].copy()
    params = {"units": 2, "epochs": 1, "batch_size": 12_000, "random_state": 0}
    model = LSTMAttentionRegressor("mean", target_feature=0, early_stopping=False, **params)
    once = model.fit(X, y).predict(X)
    assert_array_equal(model.fit(X, y, np.full(12_000, 2.0)).predict(X), once)
    assert_array_equal(model.fit(np.r_[X, X], np.r_[y, y]).predict(X), once)
    assert_array_equal(model.set_params(weight_decay=5000 / 12_000).fit(X, y).predict(X), once)
    without = model.set_params(weight_decay=0.0).fit(X, y).predict(X)
    assert np.abs(without - once).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("attention", [None, "mean", "dot", "general", "additive", "hierarchical"])
def test_every_attention_learns_a_step(attention):
    X = np.random.default_rng(0).normal(size=(1600, 6, 2))
    y = X[:, 2, 0]
    params = {"units": 8, "epochs": 15, "learning_rate": 0.02, "random_state": 0, "n_members": 1}
    model = LSTMAttentionRegressor(attention, **params).fit(X[:1500], y[:1500])
    assert model.score(X[1500:], y[1500:]) > 0.8


@pytest.mark.slow
def test_attention_peaks_at_the_flagged_step():
    rng = np.random.default_rng(0)
    X = np.stack([rng.normal(size=(400, 8)), np.zeros((400, 8))], axis=2)
    flagged = rng.integers(0, 8, size=400)
    X[np.arange(400), flagged, 1] = 1
    y = X[np.arange(400), flagged, 0]
    params = {"units": 8, "learning_rate": 0.02, "batch_size": 16, "random_state": 0}
    model = LSTMAttentionRegressor(head_input="context", n_members=1, **params)
    model.fit(X[:300], y[:300])
    peaks = model.attention_weights(X[300:]).argmax(axis=1)
    assert model.score(X[300:], y[300:]) > 0.8
    assert np.mean(peaks == flagged[300:]) > 0.8


def test_dropout_trains_at_random_and_predicts_without(sequences, small):
    X, y = sequences
    model = small(units=8, dropout=0.5, epochs=60, learning_rate=0.02, batch_size=8).fit(X, y)
    assert model.score(X, y) > 0.3
    assert_array_equal(model.predict(X), model.predict(X))
    again = clone(model).fit(X, y)
    assert_array_equal(again.predict(X), model.predict(X))
    weaker = clone(model).set_params(dropout=0.1).fit(X, y)
    assert weaker.loss_curve_ != model.loss_curve_


# Randomness, parameters, memory


def test_random_states(sequences, small):
    X, y = sequences

    def predict(random_state):
        return small(random_state=random_state).fit(X, y).predict(X)

    assert_array_equal(predict(3), predict(3))
    assert_array_equal(predict(np.random.RandomState(3)), predict(3))
    assert np.abs(predict(3) - predict(4)).max() > 1e-3
    assert np.abs(predict(None) - predict(None)).max() > 1e-3
    shared = np.random.RandomState(3)
    assert np.abs(predict(shared) - predict(shared)).max() > 1e-3


def test_a_fit_leaves_the_global_generators_alone(sequences, small):
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    small().fit(*sequences).predict(sequences[0])
    assert np.random.uniform() == expected  # noqa: NPY002


def test_parameters_are_stored_as_given():
    params = LSTMAttentionRegressor().get_params()
    changed = {"attention": None, "dense_units": [3], "units": 5, "callbacks": []}
    model = LSTMAttentionRegressor().set_params(**changed)
    assert all(getattr(model, name) is value for name, value in changed.items())
    assert model.get_params() == {**params, **changed}
    assert clone(model).get_params() == model.get_params()
    assert repr(LSTMAttentionRegressor("dot", units=5)) == (
        "LSTMAttentionRegressor(attention='dot', units=5)"
    )
    with pytest.raises(TypeError):
        LSTMAttentionRegressor("dot", "context")


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_pickle_is_little_more_than_the_parameters(sequences, small, warm_start):
    model = small(units=64, warm_start=warm_start).fit(*sequences)
    pickled = pickle.dumps(model)
    n_bytes = sum(value.nbytes for value in model.parameters_.values())
    slots = 3 if warm_start else 0  # Adam's two, and the parameters of which these are the mean
    assert len(pickled) < (1.5 + slots) * n_bytes
    assert_array_equal(pickle.loads(pickled).predict(sequences[0]), model.predict(sequences[0]))


@pytest.mark.parametrize(
    ("params", "n_parameters"),
    [
        ({}, 0),
        ({"head_input": "context"}, -4),
        ({"bidirectional": True}, 112 + (4 * 4 + 8 * 8 * 2 - 4 * 4 * 2) - 4 * 4 + 8 + 8),
        ({"n_layers": 2}, 4 * 4 * (4 + 4 + 1)),
        ({"dense_units": (3,)}, (8 + 1) * 3 + (3 + 1) - (8 + 1)),
    ],
    ids=str,
)
@pytest.mark.slow
def test_options_change_the_network(sequences, small, params, n_parameters):
    X, y = sequences
    plain, model = small().fit(X, y), small(**params).fit(X, y)
    n_plain = sum(value.size for value in plain.parameters_.values())
    # LSTM: 4 gates of 4 units reading 2 + 4 values and a bias; attention: two 4×4, b, v; head.
    assert n_plain == 4 * 4 * (2 + 4 + 1) + (4 * 4 * 2 + 4 + 4) + (8 + 1)
    assert sum(value.size for value in model.parameters_.values()) - n_plain == n_parameters
    for name, value in params.items():
        assert getattr(model.spec_, name) == value
    assert (np.abs(model.predict(X) - plain.predict(X)).max() > 1e-4) == bool(params)
