"""The steps of a fit: from checked rows to the numbers that an estimator keeps.

Each function works on a trial copy of the estimator, whose attributes the estimator
takes over when everything has succeeded.
"""

from dataclasses import fields, replace
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from .._programs import borrow
from .loop import Outcome, generators_of, train
from .members import stack, stack_parameters, unstack, unstack_parameters
from .samples import check_rows, merge_equal, scale_rows
from .scaling import Statistics
from .settings import spec_of
from .target_feature import check_target_feature, check_units, last_values, relative_spread

#: A feature that moves less than this many times its spread within a sequence is not blown
#: up further: float32 holds hardly more of it.
GREATEST_GAIN = 1e5


def take_rows(trial, X, y, sample_weight, *, reset):
    """Check rows for a fit; set or confirm the number of outputs.

    Targets that continue a feature become changes from its last value.
    """
    rows, n_dims = check_rows(trial, X, y, sample_weight, reset=reset)
    if reset:
        trial.n_outputs_, trial._y_ndim = rows.y.shape[1], n_dims
        trial.target_features_ = check_target_feature(
            trial.target_feature, rows.X.n_features, trial.n_outputs_
        )
    elif rows.y.shape[1] != trial.n_outputs_:
        raise ValueError(
            f"y has {rows.y.shape[1]} outputs, but {type(trial).__name__} is expecting "
            f"{trial.n_outputs_}. Pass y with as many outputs as in the first fit."
        )
    if trial.target_features_ is None:
        return rows
    last = last_values(rows.X, trial.target_features_)
    if reset:
        check_units(rows.y, last)
    return rows._replace(y=rows.y - last)


def take_validation_rows(trial, X_val, y_val, sample_weight_val):
    """Check validation rows; their errors say that they are about these."""
    try:
        return take_rows(trial, X_val, y_val, sample_weight_val, reset=False)
    except ValueError as error:
        raise ValueError(f"In X_val, y_val: {error}") from error


def fit_network(trial, rows, folds, recipe, goes_on, keep_optimizer):
    """Train on checked rows and set the fitted attributes.

    Parameters
    ----------
    trial : LSTMAttentionRegressor
        Holds the parameters; where `goes_on`, also the state to go on from.
    rows : Rows
        What trains the members, all of them together: statistics are of these.
    folds : list of (Rows, Rows or None), one for each member
        Training rows, and validation rows or None.
    recipe : Recipe
        How to train.
    goes_on : bool
        Whether training continues that of an earlier fit.
    keep_optimizer : bool
        Whether a later fit may want to go on from the optimizer's state.
    """
    merged = merge_equal(rows)
    spec = spec_of(trial, merged.X, goes_on)
    if recipe.weight_decay == "auto" and trial.target_features_ is None:
        recipe = replace(recipe, weight_decay=0.0)
    starts = _starts(trial, goes_on, len(folds))
    given = {}
    if not goes_on:
        _take_statistics(trial, merged)
        trial.n_members_ = len(folds)
        if spec.relative:
            given["relative_steps/gain"] = _gain(trial, merged)
    elif spec != trial.spec_:
        raise ValueError(_what_changed(trial.spec_, spec))
    generators = generators_of(_generator(trial, goes_on), len(folds))
    with borrow(spec) as program:
        outcomes = [
            train(
                program,
                _scaled(trial, merged if part is rows else merge_equal(part), validation),
                recipe,
                generator,
                start,
                given,
            )
            for (part, validation), generator, start in zip(folds, generators, starts, strict=True)
        ]
    trial.spec_ = spec
    trial.parameters_ = stack_parameters([outcome.parameters for outcome in outcomes])
    states = [outcome.optimizer_state for outcome in outcomes]
    trial._optimizer_state = stack(states) if keep_optimizer else None
    _keep_history(trial, outcomes[0], trial.history_ if goes_on else {})


def _scaled(trial, rows, validation):
    return scale_rows(rows, validation, trial.feature_statistics_, trial.target_statistics_)


def _starts(trial, goes_on, n_members):
    """Return where each member starts: None for a fresh draw."""
    if not goes_on:
        return [None] * n_members
    if trial.n_members_ != n_members:
        raise ValueError(
            f"n_members changed from {trial.n_members_} to {n_members} since the last fit. "
            "Training can only go on with as many; fit a clone, or set warm_start=False."
        )
    state = trial._optimizer_state
    states = [None] * n_members if state is None else unstack(state, n_members)
    return list(map(Outcome, unstack_parameters(trial.parameters_, n_members), states))


def _gain(trial, rows):
    """Return what brings each feature, relative to its last value, to a scale of one."""
    gain = np.ones(rows.X.n_features)
    if trial.standardize:
        spread = relative_spread(rows.X, rows.weights, trial.feature_statistics_.scale)
        gain[spread > 0] = 1 / spread[spread > 0]
    return np.minimum(gain, GREATEST_GAIN).astype("float32")


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
