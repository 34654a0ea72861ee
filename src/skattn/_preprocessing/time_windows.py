"""From tables of time-ordered rows to sequences."""

import warnings
from copy import copy
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_table
from .._inputs.layout import span_of
from .._inputs.tables import read_table
from .._inputs.windows import Windows
from .._sklearn import POSITIVE_INTEGER, feature_names, fit_context
from .context import Context
from .gaps import MAX_GAP, Length
from .order import check_increasing, check_times
from .read_order import GROUP_BY, TIME, names_in, read_order

_WITH_CONTEXT = "TimeWindows with keep_context=True"
_OUT_OF_ORDER = (
    "The time of the rows repeats or goes backwards, so that windows mix rows that do not follow "
    "one another. Shuffled cross-validation does that: use TimeSeriesSplit. So does a table of "
    "several series: name the columns or index levels that tell them apart with group_by=."
)


class TimeWindows(
    TransformerMixin,
    BaseEstimator,
    auto_wrap_output_keys=None,  # type: ignore[call-arg]
):
    """Turn rows in time order into windows: each row with the rows before it.

    Row t becomes the sequence of rows t - length + 1 to t. There are as many windows as
    rows, so this stands in an ordinary `Pipeline`: after any transformer of tables
    (`StandardScaler`, `ColumnTransformer`, an imputer) and before a regressor. Steps
    before the first row are *absent* (NaN in all features): nothing is made up.

    The target of row t must not be known at time t. To predict the next value of a
    column, shift it before the split: ``y = table["y"].shift(-1)``.

    Parameters
    ----------
    length : int
        Steps of a window.
    dilation : int, default=1
        Rows from one step of a window to the next.
    group_by : str, int, tuple or list, default=None
        Columns, or levels of the index, that tell several series apart: a name, or a list
        of names (a tuple is one name). Positions of columns where X has no names. A window
        never reaches into another group. A column of groups is not a feature.
    time : str, int or tuple, default=None
        Column, or level of the index, that tells the time of each row: dates, periods,
        lengths of time or numbers. It is not a feature. None reads the index of a pandas
        DataFrame; other tables have no other time than this.
    max_gap : float, str, timedelta or pandas offset, default=None
        Longest time between neighbouring rows of a series, in units of their time
        (``"1h"`` for dates). A window never reaches across a longer one. Days and longer
        units (``"1D"``, ``"MS"``, ``X.index.freq``) count in the calendar of the index: a
        day of 25 hours, when clocks change, is one day. None takes all rows as
        neighbours.
    keep_context : bool, default=False
        Whether to keep the last rows of `fit`, so that windows of the rows that follow
        them begin with a full history. Needs the time of each row. They are used for
        rows later than they are. A window reaches across no pause longer than
        `max_gap`; where that is None, than 1.5 times the longest step between the rows
        of `fit`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features, without columns of groups and of time.
    feature_names_in_ : ndarray of str
        Their names, where X has string column names.
    context_ : Context
        The rows that are kept; with ``keep_context=True``.
    row_period_ : timedelta64 or None
        Time from each row of `fit` to the next, where it is the same throughout.
    window_span_ : int
        Rows from the first step of a window to its last.

    See Also
    --------
    sliding_windows : Windows and targets before a split, as a plain function.
    SequenceScaler : Standardization of sequences.

    Notes
    -----
    The result is `Windows`, an array-like that takes the memory of the table.
    `LSTMAttentionRegressor` reads it without a copy; ``np.asarray`` makes an array of it.

    Cross-validation has to keep time in order: ``TimeSeriesSplit(gap=...)``. Windows of
    shuffled rows are not stretches of time, and neighbouring windows share rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import TimeWindows
    >>> table = np.arange(8.0).reshape(4, 2)
    >>> windows = TimeWindows(3).fit_transform(table)
    >>> windows.shape
    (4, 3, 2)
    >>> windows[3].tolist()
    [[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]
    >>> windows[0].tolist()
    [[nan, nan], [nan, nan], [0.0, 1.0]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "length": [POSITIVE_INTEGER],
        "dilation": [POSITIVE_INTEGER],
        "group_by": GROUP_BY,
        "time": TIME,
        "max_gap": MAX_GAP,
        "keep_context": ["boolean"],
    }

    context_: Context

    def __init__(
        self,
        length,
        *,
        dilation=1,
        group_by=None,
        time=None,
        max_gap=None,
        keep_context=False,
    ):
        self.length = length
        self.dilation = dilation
        self.group_by = group_by
        self.time = time
        self.max_gap = max_gap
        self.keep_context = keep_context

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the table and, with ``keep_context=True``, keep its last rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows in time order.
        y : None
            Not used.

        Returns
        -------
        self : TimeWindows
            The fitted transformer.

        Raises
        ------
        ValueError
            If X, its index or a parameter is not as described, or if no series of X is
            as long as a window.
        """
        trial = copy(self)
        rows, order = trial._read(X, reset=True)
        series = order.series(order.limit(self.max_gap))
        if self.window_span_ > series.lengths.max():
            raise ValueError(
                f"length={self.length} with dilation={self.dilation} spans {self.window_span_} "
                f"rows, but the longest series of X has {series.lengths.max()} rows "
                f"(n_samples={len(rows)}). Use a shorter window, or a longer table (in "
                "cross-validation: longer training folds)."
            )
        trial.__dict__.pop("context_", None)
        # The rows of groups may take turns, so that their times are not those of one series.
        has_one_series = self.group_by is None and order.times is not None
        trial.row_period_ = order.times.period if has_one_series else None
        if self.keep_context:
            check_times(order, _WITH_CONTEXT)
            check_increasing(order, series, _WITH_CONTEXT)
            pause = _longest_pause(series.steps)
            trial.context_ = Context.last_of(rows, order, self.window_span_ - 1, pause)
        self.__dict__ = trial.__dict__  # a fit that fails leaves no trace
        return self

    def extend_context(self, X):
        """Take further rows into the context, as time goes on.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows later than those seen so far, with the columns and times of `fit`.

        Returns
        -------
        self : TimeWindows
            The transformer.

        Raises
        ------
        AttributeError
            If it keeps no context.
        ValueError
            If the rows are not later than those of the context.
        """
        if not self.keep_context:
            raise AttributeError(
                "extend_context adds to the rows that TimeWindows keeps with keep_context=True. "
                "Got keep_context=False."
            )
        check_is_fitted(self, "context_")
        rows, order = self._read(X, reset=False)
        check_times(order, _WITH_CONTEXT, like=self.context_.order)
        check_increasing(order, order.series(), _WITH_CONTEXT)
        rows, order = self.context_.followed_by(rows, order)
        check_increasing(order, order.series(), "The context of TimeWindows")
        pause = self.context_.longest_pause
        self.context_ = Context.last_of(rows, order, self.window_span_ - 1, pause)
        return self

    def transform(self, X):
        """Turn each row into a window.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_columns)
            Rows in time order.

        Returns
        -------
        windows : Windows of shape (n_rows, length, n_features)
            Float windows; absent steps are NaN.
        """
        check_is_fitted(self, ["context_"] if self.keep_context else None)
        rows, order = self._read(X, reset=False)
        n_rows = len(rows)
        if self.keep_context:
            rows, order = self._with_context(rows, order)
        limit = order.limit(self.max_gap)
        if limit is None and self.keep_context:
            limit = Length(self.context_.longest_pause)
        series = order.series(limit)
        if not series.increases:
            warnings.warn(_OUT_OF_ORDER, stacklevel=2)
        table, places = series.spread(rows, self.window_span_ - 1)
        starts = places[-n_rows:] - (self.window_span_ - 1)
        names = getattr(self, "feature_names_in_", None)
        return Windows(table, starts, int(self.length), int(self.dilation), names)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features, which are the last axis of the windows.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names for features that had none in `fit`.

        Returns
        -------
        names : ndarray of str
            One name for each feature of a step.
        """
        check_is_fitted(self)
        if input_features is not None and len(input_features) > self.n_features_in_:
            taken = [*names_in(self.group_by), self.time]
            input_features = [
                name
                for place, name in enumerate(input_features)
                if name not in taken and place not in taken
            ]
        return feature_names(self, input_features)

    def set_output(self, *, transform=None):
        """Accept the setting and change nothing: windows are arrays of three dimensions.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            For the other steps of a Pipeline, which hand their index on that way.

        Returns
        -------
        self : TimeWindows
            The transformer.
        """
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def window_span_(self):
        """Rows from the first step of a window to its last."""
        return span_of(self.length, self.dilation)

    def _read(self, X, reset):
        if self.group_by is not None and not names_in(self.group_by):
            raise ValueError(
                "TimeWindows: group_by names columns or index levels, since a parameter cannot "
                f"follow the rows of a fold. Got {type(self.group_by).__name__}, as of one label "
                "for each row. Put the labels into a column, X.assign(series=labels), and say "
                "group_by='series'."
            )
        table = read_table(X, "TimeWindows")
        features, order = read_order(table, self.group_by, self.time, "TimeWindows")
        return check_table(features, self, reset=reset), order

    def _with_context(self, rows, order):
        """Put the earlier rows of the context before the rows."""
        check_times(order, _WITH_CONTEXT, like=self.context_.order)
        check_increasing(order, order.series(), _WITH_CONTEXT)
        if self.window_span_ - 1 > self.context_.n_last:
            raise ValueError(
                f"length={self.length} with dilation={self.dilation} looks back "
                f"{self.window_span_ - 1} rows, but fit kept {self.context_.n_last}. Fit again."
            )
        return self.context_.before(order).followed_by(rows, order)


def _longest_pause(steps):
    """Return the longest time that is no gap, by the longest step in fit."""
    longest = np.nanmax(steps, initial=0.0)
    return 1.5 * float(longest) if longest > 0 else np.inf
