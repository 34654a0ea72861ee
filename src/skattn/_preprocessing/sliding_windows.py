"""Windows of a table of time-ordered rows, with their targets, before a split."""

import numpy as np
import pandas as pd

from .._inputs.checks import check_table
from .._inputs.layout import span_of
from .._inputs.tables import Table, as_frame, filled, read_table
from .._inputs.windows import Windows
from .._sklearn import POSITIVE_INTEGER, StrOptions, names_of_columns, validate_params
from .gaps import MAX_GAP
from .order import check_increasing, describe_gaps
from .read_order import GROUP_BY, TIME, read_order


@validate_params(
    {
        "length": [POSITIVE_INTEGER],
        "horizon": [POSITIVE_INTEGER],
        "stride": [POSITIVE_INTEGER],
        "drop_incomplete": ["boolean"],
        "dilation": [POSITIVE_INTEGER],
        "group_by": GROUP_BY,
        "time": TIME,
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
    stride=1,
    drop_incomplete=True,
    dilation=1,
    group_by=None,
    time=None,
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
    stride : int, default=1
        Rows from one window to the next.
    drop_incomplete : bool, default=True
        Whether to leave out windows with a shorter history. If kept, their missing steps
        are absent (NaN). Windows without all their targets are always left out.
    dilation : int, default=1
        Rows from one step of a window to the next.
    group_by : str, int, tuple, list or array of shape (n_rows,), default=None
        Columns, or levels of the index, that tell several series apart, as in
        `TimeWindows`; or an array with the label of each row.
    time : str, int or tuple, default=None
        Column, or level of the index, that tells the time of each row, as in
        `TimeWindows`.
    max_gap : float, str, timedelta or pandas offset, default=None
        Longest time between neighbouring rows of a series, in units of their time; days
        and longer units count in the calendar of the index, as in `TimeWindows`.
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
    length, horizon, stride, dilation = map(int, (length, horizon, stride, dilation))
    span = span_of(length, dilation)
    table = _table_of(X, y)
    features, order = read_order(table, group_by, time, "sliding_windows")
    series = order.series(order.limit(max_gap))
    rows = check_table(features)
    if y is not None:
        _check_targets(y, table, order)
    check_increasing(order, series, "sliding_windows")
    if on_gap == "raise":
        _refuse_gaps(order, series, max_gap)
    n_absent, n_after = (0 if drop_incomplete else span - 1), (0 if y is None else horizon)
    ends = _ends(series, span - n_absent, n_after, stride)
    spread, places = series.spread(rows, n_absent)
    first_steps = places[series.rows[ends]] - (span - 1)
    order_of_rows = np.argsort(series.rows[ends], kind="stable")
    names = names_of_columns(features)
    windows = Windows(spread, first_steps[order_of_rows], length, dilation, names)
    if y is None:
        return windows
    target_rows = series.rows[ends[order_of_rows, np.newaxis] + np.arange(1, horizon + 1)]
    return windows, _targets(y, table.index, target_rows)


def _table_of(X, y):
    """Read X; one series is one feature, and rows without an index have that of y."""
    table = read_table(as_frame(X), "sliding_windows")
    columns, index = table.columns, table.index
    if columns.ndim == 1:
        columns = columns.reshape(-1, 1)
    if index is None and isinstance(y, (pd.DataFrame, pd.Series)) and len(y) == len(columns):
        index = y.index
    return Table(columns, index)


def _ends(series, n_before, n_after, stride):
    """Return the places, in the order of series, of each window's last row."""
    past = series.rank - (n_before - 1)
    fits = (past >= 0) & (series.left >= n_after) & (past % stride == 0)
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


def _check_targets(y, table, order):
    """Refuse targets that do not stand beside the rows of X."""
    if len(table) != len(y):
        remedy = "Pass one target for each row of X, at its own time: the shift to the rows "
        remedy += "after a window is made here."
        if len(y) == len(np.unique(order.groups.astype(str))):
            remedy = (
                "It seems to be one target for each series. Sequences that have one target each "
                "need no windows: pass a list of them, [rows for _, rows in X.groupby(...)], to "
                "the regressor; or repeat the target in each row of its series."
            )
        raise ValueError(f"X has {len(table)} rows and y has {len(y)}. {remedy}")
    has_index = table.index is not None and isinstance(y, (pd.DataFrame, pd.Series))
    if has_index and not table.index.equals(y.index):
        raise ValueError(
            "The index of y is not that of X. Bring both into the same rows first, for instance "
            "with y.loc[X.index]."
        )


def _targets(y, index, rows):
    """Take the targets of each window: rows has shape (n_windows, horizon)."""
    targets = np.asarray(filled(y))[rows]
    targets = targets[:, 0] if rows.shape[1] == 1 else targets.reshape(len(rows), -1)
    if index is None:
        return targets
    index = index[rows[:, 0]]
    if targets.ndim == 1:
        return pd.Series(targets, index, name=getattr(y, "name", None))
    return pd.DataFrame(targets, index, columns=_target_names(y, horizon=rows.shape[1]))


def _target_names(y, horizon):
    """Name the targets: by output, and by step where there are several."""
    n_outputs = 1 if np.ndim(y) == 1 else np.shape(y)[1]
    name = getattr(y, "name", None)
    one = ["y" if name is None else name]
    names = one if n_outputs == 1 else [f"y{i}" for i in range(n_outputs)]
    columns = read_table(y, "sliding_windows").columns
    names = list(getattr(columns, "columns", names))
    return names if horizon == 1 else [f"{n}+{h}" for h in range(1, horizon + 1) for n in names]
