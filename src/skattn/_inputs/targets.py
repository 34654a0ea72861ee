"""What y and the weights must be, with the messages."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from .._sklearn import n_samples_of
from .columns import kind_of_cell
from .containers import overflow_named
from .sequences import check_range


def check_targets(y, kept, estimator, *, is_table=False):
    """Check y; return it as float64 of shape (n_samples, n_outputs), and its dimensions.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the user gave it.
    kept : bool array of shape (n_samples,)
        Which samples count; nothing else is looked at.
    estimator : estimator
        Who asks, for messages.
    is_table : bool
        Whether X had two dimensions, so that it may be one long table.
    """
    name = type(estimator).__name__
    check_given(y, len(kept), name, is_table)
    shape = _shape_of(y)
    if len(shape) > 2:
        raise ValueError(
            f"{name} expects y of shape (n_samples,) or (n_samples, n_outputs). Got shape "
            f"{shape}: found array with dim {len(shape)}, while dim <= 2 is required. Steps of "
            "several outputs are outputs side by side: y.reshape(len(y), -1)."
        )
    with np.errstate(invalid="ignore"), overflow_named("y"):
        if not kept.all():
            y = check_array(y, ensure_2d=False, ensure_all_finite=False, dtype=None)[kept]
        y = check_array(
            y,
            ensure_2d=False,
            ensure_all_finite="allow-nan",
            dtype=None,
            input_name="y",
            estimator=estimator,
        )
        refuse_no_numbers(y, "y", "Predict a number, such as the hours until a date.")
        y = y.astype("float64")
    missing = np.isnan(y.reshape(len(y), -1)).any(axis=1)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN, the first at row {np.flatnonzero(kept)[missing.argmax()]} "
            f"({missing.sum()} such rows). Remove these rows, or fill in their targets."
        )
    check_range(y, "y", "Rescale y, or remove these rows.")
    return y.reshape(len(y), -1), y.ndim


def _shape_of(y):
    if hasattr(y, "shape"):
        return y.shape
    try:
        return np.asarray(y).shape
    except ValueError as error:  # of numpy, which names no y
        raise ValueError(
            "y holds targets of unequal length. Give each sample a number, or a row of as many "
            f"numbers as each other sample: {error}"
        ) from error


def refuse_no_numbers(values, name, of_times):
    """Refuse text, times and other objects; `of_times` says what to do about times."""
    if values.dtype.kind in "mM":
        raise ValueError(f"{name} must hold numbers. Got dtype {values.dtype}. {of_times}")
    if values.dtype.kind not in "OSUTV":
        return
    for place, value in np.ndenumerate(values):
        kind = kind_of_cell(value.item() if isinstance(value, np.generic) else value)
        if kind is not None:
            remedy = f"Parse it first, pd.to_numeric({name})." if kind == "text" else of_times
            raise ValueError(
                f"{name} must hold numbers. Got {kind} at row {place[0]}: {value}. {remedy}"
            )


def check_given(y, n_samples, name, is_table):
    """Check that y is there, dense and whole, one target for each sample."""
    if y is None:
        raise ValueError(
            f"This {name} estimator requires y to be passed, but the target y is "
            "None. Pass one target, or one row of targets, for each sequence in X."
        )
    if issparse(y):
        raise TypeError("Sparse data was passed for y, but dense data is required: y.toarray().")
    _refuse_masked(y, "y")
    _check_length(y, n_samples, is_table)


def _check_length(y, n_samples, is_table):
    n_targets = n_samples_of(y)
    if n_targets == n_samples:
        return
    remedy = "Pass one target, or one row of targets, for each sequence in X."
    if is_table and n_targets < n_samples:
        remedy += (
            " Each row of a 2-D X is a sequence. If X is one long table with a row for each time "
            "step, make sequences of it first: one of each id with "
            "[rows.drop(columns='id') for _, rows in X.groupby('id')], or windows with "
            "skattn.sliding_windows(X, y, length=..., group_by='id')."
        )
    raise ValueError(
        "Found input variables with inconsistent numbers of samples: "
        f"{[n_samples, n_targets]} in X and y. {remedy}"
    )


def check_weights(sample_weight, n_samples):
    """Check sample weights; return them as float64 (ones where None)."""
    if sample_weight is None:
        return np.ones(n_samples)
    _refuse_masked(sample_weight, "sample_weight")
    weights = check_array(sample_weight, ensure_2d=False, dtype=None, input_name="sample_weight")
    refuse_no_numbers(weights, "sample_weight", "Make numbers of them, such as ages in days.")
    weights = weights.astype("float64")
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, expected ({n_samples},): one weight for "
            "each row of X."
        )
    if not np.isfinite(weights).all():  # scikit-learn does not look with assume_finite=True
        raise ValueError(
            f"Input sample_weight contains NaN or infinity: {weights[~np.isfinite(weights)][0]} at "
            f"row {np.isfinite(weights).argmin()}. Give each row a number; zero leaves it out."
        )
    if (weights < 0).any():
        raise ValueError(
            f"sample_weight contains a negative value: {weights.min():g} at row "
            f"{weights.argmin()}. Weights must be zero or positive; zero leaves a row out."
        )
    if not weights.any():
        raise ValueError(
            f"sample_weight is zero for all {len(weights)} rows: nothing is left to fit. "
            "Give at least one row a positive weight."
        )
    # Only their ratios matter. A power of two keeps every bit and no sum overflows.
    return weights / 2.0 ** np.floor(np.log2(weights.max()))


def _refuse_masked(values, name):
    """Refuse values of which some are masked: a target or a weight cannot be missing."""
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        n_masked = np.ma.getmaskarray(values).sum()
        raise ValueError(
            f"Input {name} is a masked array, and {n_masked} of its values are masked. Leave these "
            f"samples out, X[~{name}.mask], or fill them in: {name}.filled(value)."
        )


def check_validation_rows(X_val, y_val, sample_weight_val):
    """Refuse validation rows of which a part is missing."""
    named = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    given = [name for name, value in named.items() if value is not None]
    if given and (X_val is None or y_val is None):
        raise ValueError(
            f"Validation rows need both X_val and y_val. Got only {' and '.join(given)}."
        )
