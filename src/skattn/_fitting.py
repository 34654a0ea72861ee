"""The steps of a fit: from checked rows to the numbers that an estimator keeps.

Each function works on a trial copy of the estimator, whose attributes the estimator
takes over when everything has succeeded.
"""

from dataclasses import fields

import numpy as np
from sklearn.utils import check_random_state

from ._rows import check_rows, merge_equal, scale_rows, split_last
from ._scaling import Statistics
from ._spec import NetworkSpec, make_spec
from ._training import Outcome, Recipe, train
from ._validation import Integral

#: With early_stopping="auto", fits on fewer rows than this keep every row for training.
ROWS_FOR_EARLY_STOPPING = 100


def take_rows(trial, X, y, sample_weight, *, reset):
    """Check rows for a fit; set or confirm the number of outputs."""
    rows, n_dims = check_rows(trial, X, y, sample_weight, reset=reset)
    if reset:
        trial.n_outputs_, trial._y_ndim = rows.y.shape[1], n_dims
    elif rows.y.shape[1] != trial.n_outputs_:
        raise ValueError(
            f"y has {rows.y.shape[1]} outputs, but {type(trial).__name__} is expecting "
            f"{trial.n_outputs_}. Pass y with as many outputs as in the first fit."
        )
    return rows


def take_validation_rows(trial, X_val, y_val, sample_weight_val):
    """Check validation rows; their errors say that they are about these."""
    try:
        return take_rows(trial, X_val, y_val, sample_weight_val, reset=False)
    except ValueError as error:
        raise ValueError(f"In X_val, y_val: {error}") from error


def hold_out(trial, rows):
    """Split off the last rows for early stopping; None for them where all rows train."""
    train, validation = split_last(rows, trial.validation_fraction)
    n_train, n_validation = len(train.X), len(validation.X)
    if trial.early_stopping == "auto" and (
        n_train == 0 or n_train + n_validation < ROWS_FOR_EARLY_STOPPING
    ):
        return rows, None
    if n_train == 0 or n_validation == 0:
        raise ValueError(
            "early_stopping=True holds out the last rows for validation and trains on those "
            f"that share nothing with them. Got n_samples = {len(rows.X)} rows of positive "
            f"weight, each of {rows.X.layout.n_timesteps} steps: too few for both. Use "
            "early_stopping=False, pass X_val and y_val, or use more rows or shorter windows."
        )
    return train, validation


def make_recipe(estimator, **changes):
    """Make the `Recipe` of an estimator's parameters, some of them changed."""
    names = {field.name for field in fields(Recipe)}
    params = {**estimator.get_params(deep=False), **changes}
    return Recipe(**{name: value for name, value in params.items() if name in names})


def fit_network(trial, rows, validation, recipe, goes_on, keep_optimizer):
    """Train on checked rows and set the fitted attributes.

    Parameters
    ----------
    trial : LSTMAttentionRegressor
        Holds the parameters; where `goes_on`, also the state to go on from.
    rows, validation : Rows
        Training rows, and validation rows or None.
    recipe : Recipe
        How to train.
    goes_on : bool
        Whether training continues that of an earlier fit.
    keep_optimizer : bool
        Whether a later fit may want to go on from the optimizer's state.
    """
    rows = merge_equal(rows)
    spec = _spec_of(trial, n_features=rows.X.n_features)
    if not goes_on:
        _take_statistics(trial, rows)
    elif spec != trial.spec_:
        raise ValueError(_what_changed(trial.spec_, spec))
    start = Outcome(trial.parameters_, trial._optimizer_state) if goes_on else None
    statistics = trial.feature_statistics_, trial.target_statistics_
    with borrow(spec) as program:
        outcome = train(
            program,
            scale_rows(rows, validation, *statistics),  # not kept here: training frees it
            recipe,
            _generator(trial, goes_on),
            start,
        )
    trial.spec_ = spec
    trial.parameters_ = outcome.parameters
    trial._optimizer_state = outcome.optimizer_state if keep_optimizer else None
    _keep_history(trial, outcome, trial.history_ if goes_on else {})


def borrow(spec):
    """Borrow a program; TensorFlow is loaded here, at the first fit or prediction."""
    from ._pool import pool

    return pool.borrow(spec)


def _spec_of(estimator, n_features):
    names = {field.name for field in fields(NetworkSpec)}
    params = estimator.get_params(deep=False)
    return make_spec(
        n_features=n_features,
        n_outputs=estimator.n_outputs_,
        **{name: value for name, value in params.items() if name in names},
    )


def _take_statistics(trial, rows):
    if trial.standardize:
        trial.feature_statistics_ = Statistics.of(rows.X.table, rows.X.row_weights(rows.weights))
        trial.target_statistics_ = Statistics.of(rows.y, rows.weights)
    else:
        trial.feature_statistics_ = Statistics.neutral(rows.X.n_features)
        trial.target_statistics_ = Statistics.neutral(rows.y.shape[1])


def _generator(trial, goes_on):
    """Return the source of random numbers; a fit that goes on draws new ones."""
    if goes_on and isinstance(trial.random_state, Integral):
        return np.random.RandomState([int(trial.random_state), trial.n_iter_])
    return check_random_state(trial.random_state)


def _keep_history(trial, outcome, earlier):
    curves, n_before = outcome.history, len(earlier.get("loss", ()))
    trial.best_iter_ = n_before + outcome.best_epoch
    trial.best_loss_ = (curves["val_loss"] or curves["loss"])[outcome.best_epoch - 1]
    trial.history_ = {name: earlier.get(name, []) + curve for name, curve in curves.items()}
    trial.loss_curve_ = trial.history_["loss"]
    if trial.history_["val_loss"]:  # NaN for the epochs that had no validation rows
        before = earlier.get("val_loss") or [np.nan] * n_before
        after = curves["val_loss"] or [np.nan] * len(curves["loss"])
        trial.history_["val_loss"] = before + after
    trial.validation_loss_curve_ = trial.history_["val_loss"] or None
    trial.n_iter_ = len(trial.loss_curve_)


def _what_changed(old, new):
    names = [f.name for f in fields(old) if getattr(old, f.name) != getattr(new, f.name)]
    changes = ", ".join(f"{n} from {getattr(old, n)!r} to {getattr(new, n)!r}" for n in names)
    return (
        f"The network changed since the last fit: {changes}. Training can only go on with the "
        "same network; fit a clone, or set warm_start=False."
    )
