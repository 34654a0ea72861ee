"""Windows of a table of time-ordered rows, with their targets, before a split."""

import numpy as np
import pandas as pd

from .._inputs.checks import check_table
from .._inputs.layout import span_of
from .._inputs.windows import windows_at
from .._sklearn import POSITIVE_INTEGER, StrOptions, names_of_columns, validate_params
from .order import GROUPS, MAX_GAP, check_increasing, describe_gaps, read_order


@validate_params(
    {
        "length": [POSITIVE_INTEGER],
        "horizon": [POSITIVE_INTEGER],
        "step": [POSITIVE_INTEGER],
        "drop_incomplete": ["boolean"],
        "stride_within": [POSITIVE_INTEGER],
        "groups": GROUPS,
        "max_gap": MAX_GAP,
        "on_gap": [StrOptions({"split", "raise"})],
    },
    prefer_skip_nested_validation=True,
)
def sliding_windows(
    X,
    y=None,
    *,
    length,
    horizon=1,
    step=1,
    drop_incomplete=True,
    stride_within=1,
    groups=None,
    max_gap=None,
    on_gap="split",
):
    """Cut a table of time-ordered rows into windows, and the targets that follow them.

    The window that ends at row t belongs to the targets of rows t + 1 to t + horizon, so
    that no target lies inside its own window. Split the result into training and test
    rows in the order of time.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns) or (n_rows,)
        Rows in time order.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        What to predict, at the time of each row; often a column of X.
    length : int
        Steps of a window.
    horizon : int, default=1
        Rows to predict after a window.
    step : int, default=1
        Rows from one window to the next.
    drop_incomplete : bool, default=True
        Whether to leave out windows with a shorter history. If kept, their missing steps
        are absent (NaN). Windows without all their targets are always left out.
    stride_within : int, default=1
        Rows from one step of a window to the next.
    groups : str, int or tuple, default=None
        Column, or level of the index, that tells several series apart, as in
        `TimeWindows`.
    max_gap : float, str or timedelta, default=None
        Longest time between neighbouring rows of a series, in units of the index.
    on_gap : {"split", "raise"}, default="split"
        What a time longer than `max_gap` does: "split" lets neither windows nor targets
        reach across it; "raise" is an error that names the gaps.

    Returns
    -------
    windows : Windows of shape (n_windows, length, n_features)
        Float windows, an array-like that takes the memory of the table (``np.asarray``
        makes an array of it). Without y they end at each row from the first that has a
        full history.
    targets : ndarray, Series or DataFrame
        If y is given: shape (n_windows,) for a horizon of 1 and (n_windows, horizon) for
        a longer one; with several outputs (n_windows, horizon * n_outputs), step by
        step. A Series or DataFrame where X or y is one; its index holds the time of the
        (first) target.

    Raises
    ------
    ValueError
        If no window fits, or times repeat or go backwards.

    See Also
    --------
    TimeWindows : Windows inside a Pipeline.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import sliding_windows
    >>> table = np.arange(10.0).reshape(5, 2)
    >>> windows, targets = sliding_windows(table, table[:, 0], length=3)
    >>> windows.shape
    (2, 3, 2)
    >>> windows[0, :, 0].tolist(), targets[0].item()
    ([0.0, 2.0, 4.0], 6.0)
    """
    X = X.to_frame() if isinstance(X, pd.Series) else X
    X = np.reshape(X, (-1, 1)) if np.ndim(X) == 1 else X
    if isinstance(y, (pd.DataFrame, pd.Series)) and not isinstance(X, pd.DataFrame):
        _check_lengths(X, y)
        X = pd.DataFrame(np.asarray(X), index=y.index, copy=False)
    length, horizon, step, stride_within = map(int, (length, horizon, step, stride_within))
    span = span_of(length, stride_within)
    features, order = read_order(X, groups, "sliding_windows")
    series = order.series(order.limit(max_gap))
    table = check_table(features)
    check_increasing(order, series, "sliding_windows")
    if on_gap == "raise":
        _refuse_gaps(order, series, max_gap)
    n_absent, n_after = (0 if drop_incomplete else span - 1), (0 if y is None else horizon)
    ends = _ends(series, span - n_absent, n_after, step)
    spread, places = series.spread(table, n_absent)
    first_steps = places[series.rows[ends]] - (span - 1)
    order_of_rows = np.argsort(series.rows[ends], kind="stable")
    windows = windows_at(
        spread, first_steps[order_of_rows], length, stride_within, names_of_columns(features)
    )
    if y is None:
        return windows
    target_rows = series.rows[ends[order_of_rows, np.newaxis] + np.arange(1, horizon + 1)]
    return windows, _targets(X, y, target_rows)


def _ends(series, n_before, n_after, step):
    """Return the places, in the order of series, of each window's last row."""
    first = n_before - 1
    left = np.repeat(series.lengths, series.lengths) - series.rank - 1
    fits = (series.rank >= first) & (left >= n_after) & ((series.rank - first) % step == 0)
    if not fits.any():
        raise ValueError(
            f"No window fits: its rows and its targets take {n_before + n_after} rows, and the "
            f"longest series of X has {series.lengths.max()}. Use a shorter length or horizon, "
            "or a longer table."
        )
    return np.flatnonzero(fits)


def _refuse_gaps(order, series, max_gap):
    if max_gap is None:
        raise ValueError("on_gap='raise' needs max_gap, the longest time that is not a gap.")
    gaps = describe_gaps(order, series)
    if gaps:
        raise ValueError(
            f"Times are further apart than max_gap={max_gap!r}: {gaps}. Fill the missing rows, "
            "or use on_gap='split' to keep windows from reaching across."
        )


def _check_lengths(X, y):
    if len(X) != len(y):
        raise ValueError(
            f"X has {len(X)} rows and y has {len(y)}. Pass one target for each row of X, "
            "at its own time: the shift to the rows after a window is made here."
        )


def _targets(X, y, rows):
    """Take the targets of each window: rows has shape (n_windows, horizon)."""
    _check_lengths(X, y)
    is_frame, values = isinstance(X, pd.DataFrame), np.asarray(y)
    if is_frame and isinstance(y, (pd.DataFrame, pd.Series)) and not X.index.equals(y.index):
        raise ValueError(
            "The index of y is not that of X. Bring both into the same rows first, for instance "
            "with y.loc[X.index]."
        )
    targets = values[rows]
    targets = targets[:, 0] if rows.shape[1] == 1 else targets.reshape(len(rows), -1)
    if not is_frame:
        return targets
    index = X.index[rows[:, 0]]
    if targets.ndim == 1:
        return pd.Series(targets, index, name=getattr(y, "name", None))
    return pd.DataFrame(targets, index, columns=_target_names(y, horizon=rows.shape[1]))


def _target_names(y, horizon):
    """Name the targets: by output, and by step where there are several."""
    n_outputs = 1 if np.ndim(y) == 1 else np.shape(y)[1]
    name = getattr(y, "name", None)
    one = ["y" if name is None else name]
    names = one if n_outputs == 1 else [f"y{i}" for i in range(n_outputs)]
    names = list(getattr(y, "columns", names))
    return names if horizon == 1 else [f"{n}+{h}" for h in range(1, horizon + 1) for n in names]
