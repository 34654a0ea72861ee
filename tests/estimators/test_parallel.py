"""Fits side by side give what they give one after another; fits that repeat take no more."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_validate

from skattn import LSTMAttentionRegressor, TrainingDivergedError, compare_attentions
from skattn._programs.pool import pool
from skattn._programs.program import Program

pytestmark = pytest.mark.slow

GRID = {"units": [2, 4], "learning_rate": [1e-3, 1e-2]}
STATM = Path("/proc/self/statm")
same = np.testing.assert_array_equal


# Side by side


@pytest.fixture(scope="module", params=["threading", "loky", "dask"])
def backend(request, tmp_path_factory):
    """Options of joblib for two fits at a time; Dask has them in two threads of a worker."""
    if request.param != "dask":
        yield {"backend": request.param, "n_jobs": 2}
        return
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=True,
            dashboard_address="127.0.0.1:0",
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster),
    ):
        yield {"backend": "dask"}


def searched(model, grid, X, y, cv=3):
    """Return the results of a search that raises what a fit raises."""
    return GridSearchCV(model, grid, cv=cv, refit=False, error_score="raise").fit(X, y).cv_results_


def scores(results):
    return {name: values for name, values in results.items() if "test_score" in name}


def test_searches_side_by_side_find_the_scores_of_one_after_another(
    small, sequences, backend, own_pool
):
    model = small(dropout=0.3)
    expected = scores(searched(model, GRID, *sequences))
    assert len(set(expected["mean_test_score"])) == 4
    own_pool.clear()
    with joblib.parallel_config(**backend):
        found = scores(searched(model, GRID, *sequences))
    assert bool(own_pool.programs()) == (
        backend["backend"] == "threading"
    )  # elsewhere in processes
    assert found.keys() == expected.keys()
    for name, values in found.items():
        same(values, expected[name])


def test_estimators_come_back_as_they_were_fitted(small, sequences, backend):
    X, y = sequences
    model, options = small(dropout=0.3), {"cv": 3, "return_estimator": True}
    expected = cross_validate(model, X, y, **options)["estimator"]
    with joblib.parallel_config(**backend):
        found = cross_validate(model, X, y, **options)["estimator"]
    for ours, theirs in zip(found, expected, strict=True):
        same(ours.predict(X), theirs.predict(X))
        same(ours.attention_weights(X), theirs.attention_weights(X))


def test_attentions_are_compared_as_one_fit_after_another(small, sequences, backend):
    X, y = sequences
    options = {"attentions": [None, "additive"], "cv": 2, "n_seeds": 2, "random_state": 0}
    expected = compare_attentions(small(), X, y, **options)
    with joblib.parallel_config(**backend):
        found = compare_attentions(small(), X, y, **options)
    assert found.table.equals(expected.table)
    assert found.comparisons.equals(expected.comparisons)


def test_an_error_comes_back_with_its_message(small, sequences, backend):
    message = r"Training diverged in epoch \d+: .* Use a smaller learning_rate \(now 1e\+30\)"
    model, grid = small(optimizer="sgd"), {"learning_rate": [1e30]}
    one_split = ShuffleSplit(1, random_state=0)  # so that no other fit outlives the error
    with joblib.parallel_config(**backend), pytest.raises(TrainingDivergedError, match=message):
        searched(model, grid, *sequences, cv=one_split)


def test_two_threads_trace_once_for_each_spec(small, sequences, own_pool):
    with joblib.parallel_config("threading", n_jobs=2):
        searched(small(epochs=1), {**GRID, "dropout": [0.1, 0.2]}, *sequences)
    traces = {program.spec.units: program.n_traces for program in own_pool.programs()}
    assert len(own_pool.programs()) == 2
    once = {"train_epoch": 1, "predict": 1, "attend": 0}
    assert traces == {2: once, 4: once}


# Again and again


def resident():
    """Return the resident memory of this process in MiB."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def repeat(n_fits=60, n_before=10):
    """Fit, predict and attend with changing numbers; return the growth and the traces."""
    rng = np.random.default_rng(0)
    for fit in range(n_before + n_fits):
        if fit == n_before:
            before = resident()
        X = rng.normal(size=(40 + fit % 20, 5 + fit % 7, 3))
        model = LSTMAttentionRegressor(
            units=8,
            n_members=1,
            learning_rate=1e-3 * (1 + fit % 3),
            epochs=1 + fit % 2,
            random_state=fit,
        ).fit(X, X[:, 0, 0])
        model.predict(X)
        model.attention_weights(X)
    return resident() - before, [program.n_traces for program in pool.programs()]


@pytest.mark.skipif(not STATM.exists(), reason="there is no /proc")
def test_many_fits_share_one_program_and_keep_no_memory():
    """A program that each fit compiled anew would keep about 10 MiB, 600 in all."""
    with ProcessPoolExecutor(1, get_context("spawn")) as new_process:
        growth, traces = new_process.submit(repeat).result()
    assert traces == [{"train_epoch": 1, "predict": 1, "attend": 1}]
    assert growth < 20


@pytest.mark.parametrize(
    ("n_timesteps", "expected"), [(6, [32, 32, 32, 16]), (12, [16, 16, 16, 16, 16, 16, 16])]
)
@pytest.mark.parametrize("method", ["predict", "attention_weights"])
def test_a_call_gets_no_more_samples_than_fit_into_memory(
    monkeypatch, small, sequences, n_timesteps, expected, method
):
    """A sample takes 34 · 4 bytes for each step: 6 or 12 of them allow 40 samples, or 20."""
    model, sizes, compiled = small().fit(*sequences), [], Program._function

    def spied(program, name):
        def call(vectors, X):
            assert X.shape[0] <= program.samples_at_once(n_timesteps)
            sizes.append(X.shape[0])
            return compiled(program, name)(vectors, X)

        return call

    monkeypatch.setattr(Program, "_function", spied)
    monkeypatch.setattr("skattn._programs.program.CHUNK_BYTES", 2**15)
    X = np.random.default_rng(1).normal(size=(100, n_timesteps, 2))
    assert len(getattr(model, method)(X)) == 100
    assert sizes == expected
