"""Which rows train each member, and which stop it."""

from ._rows import differ, split_block

#: With early_stopping="auto", fits on fewer different rows than this train on every row.
ROWS_FOR_EARLY_STOPPING = 50

#: Of fewer rows than this a tenth is too few to stop by. What is "auto" is then so many members
#: which hold out as many blocks, so that each row stops one of them and trains the others.
FEW_ROWS, AUTO_MEMBERS = 500, 5

#: With validation_fraction="auto", the share of the rows held out where they are not few.
AUTO_FRACTION = 0.1


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


def count_members(trial, goes_on):
    """Return how many networks to train; with "auto" one, or as many as before."""
    if trial.n_members != "auto":
        return int(trial.n_members)
    return trial.n_members_ if goes_on else 1


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
