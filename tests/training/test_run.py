"""The training of networks: batches, losses, learning rates, early stopping, progress."""

import joblib
import numpy as np
import pytest

from skattn import TrainingDivergedError
from skattn._training.loop import n_threads
from skattn._training.run import training_batches, validation_batches

PLAIN = {"standardize": False, "early_stopping": False, "linear_path": False}


def opposed(sequences):
    """Return training samples and validation samples that contradict them."""
    X, y = sequences
    return (X, y), {"X_val": X[:10], "y_val": -y[:10]}


# Batches


@pytest.mark.parametrize("batch_size", [1, 4, 10, 17, 100])
def test_batches_cover_each_training_sample_once(batch_size):
    weights, samples = np.random.default_rng(0).uniform(0.5, 2.0, size=17), 100 + np.arange(17)
    batches = training_batches(samples, weights, batch_size, np.random.RandomState(0))
    filled = batches.weights > 0
    assert batches.samples.shape == (-(-17 // batch_size), min(17, batch_size))
    assert sorted(batches.samples[filled]) == samples.tolist()
    totals = np.zeros(17)
    shares = batches.shares[:, np.newaxis] * batches.weights
    np.add.at(totals, batches.samples[filled] - 100, shares[filled])
    np.testing.assert_allclose(totals, weights / weights.sum(), rtol=1e-5)


def test_equal_weights_make_each_batch_a_mean():
    batches = training_batches(np.arange(10), np.full(10, 7.0), 4, np.random.RandomState(0))
    expected = [[1 / 4] * 4, [1 / 4] * 4, [1 / 2, 1 / 2, 0, 0]]
    np.testing.assert_allclose(batches.weights, expected)
    np.testing.assert_allclose(batches.shares, [0.4, 0.4, 0.2], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_validation_batches_cover_each_sample_once(batch_size):
    """Of weights 8, 9 and 10, in the order of their numbers."""
    batches = validation_batches(np.array([7, 8, 9]), np.array([8.0, 9.0, 10.0]), batch_size)
    filled = batches.weights > 0
    assert batches.samples[filled].tolist() == [7, 8, 9]
    np.testing.assert_allclose(batches.weights[filled], np.array([8, 9, 10]) / 27)
    assert len(validation_batches(np.zeros(0, int), np.zeros(0), batch_size).samples) == 0


def test_the_order_of_samples_is_drawn_anew_each_epoch():
    random_state = np.random.RandomState(0)
    first, second = (
        training_batches(np.arange(30), np.ones(30), 8, random_state).samples for _ in range(2)
    )
    assert not np.array_equal(first, second)


# Losses and learning rates


@pytest.mark.parametrize("batch_size", [7, 40, 64])
def test_loss_is_the_weighted_mean_over_samples(small, sequences, batch_size):
    X, y = sequences
    weights = np.random.default_rng(1).uniform(0.5, 2.0, size=40)
    model = small(**PLAIN, epochs=1, learning_rate=1e-12, batch_size=batch_size)
    model.fit(X, y, weights)
    expected = np.average((y - model.predict(X)) ** 2, weights=weights)
    np.testing.assert_allclose(model.loss_curve_, [expected], rtol=1e-5)


def test_loss_of_standardized_targets_is_in_their_units(small, sequences):
    X, y = sequences
    y = 100 + 50 * y
    model = small(epochs=1, learning_rate=1e-12).fit(X, y)
    expected = np.mean((y - model.predict(X)) ** 2) / y.var()
    np.testing.assert_allclose(model.loss_curve_, [expected], rtol=1e-4)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [("constant", [1, 1, 1, 1]), ("cosine", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2])],
)
def test_learning_rate_follows_its_schedule(small, sequences, schedule, factors):
    model = small(epochs=4, learning_rate=0.01, learning_rate_schedule=schedule)
    model.fit(*sequences)
    expected = 0.01 * np.array(factors)
    np.testing.assert_allclose(model.learning_rate_curve_, expected, rtol=1e-6)


def test_curves_have_an_entry_for_each_epoch(small, sequences):
    model = small(epochs=3).fit(*sequences)
    assert len(model.loss_curve_) == model.n_iter_ == model.best_iter_ == 3
    assert model.best_loss_ == model.loss_curve_[-1]
    assert model.validation_loss_curve_ is None


# Early stopping


def test_early_stopping_keeps_the_best_epoch(small, sequences):
    X, y = sequences
    X_val, y_val = X[:10], -y[:10]
    params = {"learning_rate": 0.03, "learning_rate_schedule": "constant"}
    params |= PLAIN | {"early_stopping": True}
    model = small(**params, epochs=20, n_iter_no_change=20)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    curve = model.validation_loss_curve_
    assert model.best_loss_ == min(curve) == curve[model.best_iter_ - 1]
    assert 1 <= model.best_iter_ < model.n_iter_ == 20
    error = np.mean((model.predict(X_val) - y_val) ** 2)
    np.testing.assert_allclose(error, model.best_loss_, rtol=1e-5)


def test_the_last_samples_are_held_out(small, sequences):
    X, y = sequences
    model = small(**PLAIN | {"early_stopping": True}, validation_fraction=0.2, epochs=3)
    model.fit(X, y)
    errors = (model.predict(X) - y) ** 2
    np.testing.assert_allclose(model.best_loss_, errors[-8:].mean(), rtol=1e-5)


def test_validation_loss_is_weighted(small, sequences):
    X, y = sequences
    weights = np.arange(1.0, 11.0)
    model = small(**PLAIN, epochs=2)
    model.fit(X, y, X_val=X[:10], y_val=y[:10] + 1, sample_weight_val=weights)
    errors = (model.predict(X[:10]) - y[:10] - 1) ** 2
    np.testing.assert_allclose(model.best_loss_, np.average(errors, weights=weights), rtol=1e-5)


@pytest.mark.parametrize("patience", [1, 3])
def test_training_stops_after_epochs_without_improvement(small, sequences, patience):
    samples, validation = opposed(sequences)
    model = small(epochs=30, standardize=False, learning_rate=0.03, early_stopping=True)
    model.set_params(n_iter_no_change=patience).fit(*samples, **validation)
    assert model.n_iter_ == model.best_iter_ + patience < 30


@pytest.mark.parametrize(
    ("learning_rate", "fell", "patience"), [(0.2, True, 15), (1e-9, False, 50)]
)
def test_auto_waits_longer_on_a_plateau_than_where_validation_has_turned(
    small, sequences, learning_rate, fell, patience
):
    """It has turned where the training loss has halved since the best epoch."""
    samples, validation = opposed(sequences)
    model = small(**PLAIN | {"early_stopping": True}, epochs=90, learning_rate=learning_rate)
    model.set_params(tol=0.0 if fell else 1.0).fit(*samples, **validation)
    assert model.n_iter_ == model.best_iter_ + patience
    assert (model.loss_curve_[-1] < 0.5 * model.loss_curve_[model.best_iter_ - 1]) == fell


def test_gains_up_to_tol_are_no_improvement(small, sequences):
    model = small(epochs=30, early_stopping=True, n_iter_no_change=2, tol=1e9).fit(*sequences)
    assert (model.best_iter_, model.n_iter_) == (1, 3)


# Progress and divergence


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_progress_bar_counts_epochs_of_all_networks_on_stderr(
    small, sequences, capsys, n_members
):
    small(epochs=2, n_members=n_members, verbose=1).fit(*sequences)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{2 * n_members}/{2 * n_members}" in err


def test_nothing_is_printed_unless_asked(small, sequences, capsys):
    small(epochs=2, verbose=0).fit(*sequences).predict(sequences[0])
    assert capsys.readouterr() == ("", "")


def test_divergence_names_the_epoch_and_leaves_the_estimator(small, sequences):
    X, y = sequences
    params = {"optimizer": "sgd", "learning_rate": 1e30, "clipnorm": None, "standardize": False}
    model = small(epochs=1, **PLAIN).fit(X, y)
    before = model.predict(X)
    model.set_params(**params, epochs=10)
    with pytest.raises(TrainingDivergedError, match=r"diverged in epoch \d+:.*now 1e\+30"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)


def test_diverged_epoch_is_counted_from_one(small, sequences):
    X, _ = sequences
    model = small(standardize=False, epochs=3)
    with pytest.raises(TrainingDivergedError, match="in epoch 1: loss="):
        model.fit(X, np.full(40, 1e30))


def test_small_steady_gains_add_up_to_one_that_counts(sequences, small):
    X, y = sequences
    params = {"epochs": 30, "early_stopping": True, "n_iter_no_change": 30, "learning_rate": 1e-3}
    losses = small(tol=0.0, **params).fit(X, y).validation_loss_curve_
    tol = 0.4 * (losses[0] - min(losses))
    model = small(tol=tol, **params).fit(X, y)
    counted = losses[0]
    for loss in losses:
        counted = loss if loss < counted - tol else counted
    assert counted < losses[0]
    assert max(-np.diff(losses)) < tol
    assert model.best_loss_ == pytest.approx(counted)


# Threads


def test_a_job_of_joblib_trains_its_networks_on_one_thread():
    assert n_threads(1) == 1
    assert n_threads(64) == joblib.cpu_count()
    for backend in ("threading", "loky"):
        with joblib.parallel_config(backend, n_jobs=2):
            inside = joblib.Parallel()(joblib.delayed(n_threads)(64) for _ in range(2))
        assert inside == [1, 1]
    assert n_threads(64) == joblib.cpu_count()


@pytest.mark.parametrize(("n_parts", "expected"), [(1, joblib.cpu_count()), (2, 1)])
def test_networks_that_cut_their_batches_train_one_after_the_other(monkeypatch, n_parts, expected):
    monkeypatch.setattr("skattn._training.loop.settle_threads", lambda: n_parts)
    assert n_threads(64) == expected
