"""Which rows train each member, and which stop it."""

import numpy as np

from .samples import keys_of as _keys
from .settings import AUTO_FRACTION, AUTO_MEMBERS, FEW_ROWS, ROWS_FOR_EARLY_STOPPING, count_members


def make_folds(trial, rows, validation, goes_on):
    """Choose the rows that train each member, and those that stop it.

    Where the caller gives no validation rows, each member holds out a block of its own, the
    first the last one. So all rows train, and few rows stop but one member.

    Parameters
    ----------
    trial : LSTMAttentionRegressor
        Holds the parameters.
    rows, validation : Rows
        Rows to train on, and the caller's validation rows or None.
    goes_on : bool
        Whether training continues that of an earlier fit, with as many members.

    Returns
    -------
    rows : Rows
        What trains the members, all of them together.
    folds : list of (Rows, Rows or None), one for each member
    """
    n_members = count_members(trial, goes_on)
    if validation is not None or not trial.early_stopping:
        return rows, [(rows, validation)] * n_members
    few = len(rows.X) < FEW_ROWS
    fraction = trial.validation_fraction
    if fraction == "auto":
        fraction = 1 / AUTO_MEMBERS if few else AUTO_FRACTION
    first = split_block(rows, fraction)
    if not _suffices(trial, *first):
        _check_none_is_wanted(trial, rows)
        return rows, [(rows, None)] * n_members
    if few and trial.n_members == "auto" and not goes_on:
        n_members = AUTO_MEMBERS
    others = [split_block(rows, fraction, number) for number in range(1, n_members)]
    folds = [first, *(fold if 2 * len(fold[0].X) > len(first[0].X) else first for fold in others)]
    return (rows if others else first[0]), folds


def _suffices(trial, train, validation):
    """Tell whether there are rows enough to hold out a part; equal ones count once for that."""
    if trial.early_stopping == "auto":
        return len(train.X) > 0 and differ([train, validation], ROWS_FOR_EARLY_STOPPING)
    return len(train.X) > 0 and len(validation.X) > 0


def _check_none_is_wanted(trial, rows):
    """Refuse to train without validation rows where these were asked for."""
    if trial.early_stopping != "auto":
        raise ValueError(
            "early_stopping=True holds out the last rows for validation and trains on those "
            f"that share nothing with them. Got n_samples = {len(rows.X)} rows of positive "
            f"weight, each of {rows.X.layout.n_timesteps} steps: too few for both. Use "
            "early_stopping=False, pass X_val and y_val, or use more rows or shorter windows."
        )


def split_block(rows, fraction, number=0):
    """Hold out a block of rows, at least one, for validation: the last, or one before it.

    Blocks are counted from the last one, which is number 0, and again from there where the
    rows are used up; that of the first rows takes what it lacks from its neighbour. Training
    windows that overlap with a validation window in the caller's table are in neither part.
    """
    n_rows = len(rows.X)
    size = min(int(np.ceil(fraction * n_rows)), n_rows - 1)
    n_blocks = -(-n_rows // max(1, size))
    end = max(size, n_rows - number % n_blocks * size)
    held = np.zeros(n_rows, dtype=bool)
    held[end - size : end] = True
    train, validation = rows.take(~held), rows.take(held)
    span, first = rows.X.layout.span, train.X.layout.first
    begins = np.sort(np.append(validation.X.layout.first, np.iinfo(int).max))
    next_begin = begins[np.searchsorted(begins, first - span, side="right")]
    apart = first + span <= next_begin
    return train if apart.all() else train.take(apart), validation


def differ(parts, number):
    """Tell whether at least so many rows of some parts differ; the first ones mostly tell."""
    for most in (20 * number, None):
        firsts = [part.take(slice(most)) for part in parts if len(part.X)]
        keys = [_keys(first._replace(X=first.X.compact())) for first in firsts]
        if len(np.unique(np.concatenate(keys))) >= number:
            return True
    return False
