"""From tables of time-ordered rows to sequences."""

import warnings
from copy import copy
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._inputs.checks import check_table
from .._inputs.layout import span_of
from .._inputs.windows import windows_at
from .._sklearn import POSITIVE_INTEGER, feature_names, fit_context
from .context import Context
from .order import GROUPS, MAX_GAP, check_increasing, check_times, read_order
from .times import even_period

_WITH_CONTEXT = "TimeWindows with keep_context=True"
_OUT_OF_ORDER = (
    "The index of the rows repeats or goes backwards, so that windows mix rows that do not follow "
    "one another. Shuffled cross-validation does that: use TimeSeriesSplit. So does a table of "
    "several series: name the column or index level that tells them apart with groups=."
)


def _keeps_context(windows):
    if not windows.keep_context:
        raise AttributeError("partial_fit adds to the context, which needs keep_context=True")
    return True


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
    stride_within : int, default=1
        Rows from one step of a window to the next.
    groups : str, int or tuple, default=None
        Column, or level of the index, that tells several series apart; the position of
        a column where X is an array. A window never reaches into another group. A
        column of groups is not a feature.
    max_gap : float, str or timedelta, default=None
        Longest time between neighbouring rows of a series, in units of the index
        (``"1h"`` for dates). A window never reaches across a longer one. None takes all
        rows as neighbours.
    keep_context : bool, default=False
        Whether to keep the last rows of `fit`, so that windows of the rows that follow
        them begin with a full history. Needs a DataFrame whose index tells the time.
        They are used for rows later than they are. A window reaches across no pause
        longer than `max_gap`; where that is None, than 1.5 times the longest step
        between the rows of `fit`.

    Attributes
    ----------
    n_features_in_ : int
        Number of features, without a column of groups.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has string column names.
    context_ : Context
        The rows that are kept; with ``keep_context=True``.
    row_period_ : Timedelta or None
        Time from each row of `fit` to the next, where it is the same throughout.

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
        "stride_within": [POSITIVE_INTEGER],
        "groups": GROUPS,
        "max_gap": MAX_GAP,
        "keep_context": ["boolean"],
    }

    context_: Context

    def __init__(self, length, *, stride_within=1, groups=None, max_gap=None, keep_context=False):
        self.length = length
        self.stride_within = stride_within
        self.groups = groups
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
        limit = order.limit(self.max_gap)
        series = order.series(limit)
        if self._span > series.lengths.max():
            raise ValueError(
                f"length={self.length} with stride_within={self.stride_within} spans "
                f"{self._span} rows, but the longest series of X has {series.lengths.max()} rows "
                f"(n_samples={len(rows)}). Use a shorter window, or a longer table (in "
                "cross-validation: longer training folds)."
            )
        trial.__dict__.pop("context_", None)
        # The rows of groups may take turns, so that their index is not that of one series.
        trial.row_period_ = (
            None if self.groups is not None else even_period(getattr(X, "index", ()))
        )
        if self.keep_context:
            check_times(order, _WITH_CONTEXT)
            check_increasing(order, series, _WITH_CONTEXT)
            limit = limit or 1.5 * np.nanmax(series.steps, initial=0.0) or np.inf
            trial.context_ = Context.last_of(rows, order, self._span - 1, limit)
        self.__dict__ = trial.__dict__  # a fit that fails leaves no trace
        return self

    @available_if(_keeps_context)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Add rows to the context, as time goes on; with ``keep_context=True``.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            Rows later than those seen so far.
        y : None
            Not used.

        Returns
        -------
        self : TimeWindows
            The transformer.
        """
        if not hasattr(self, "context_"):
            return self.fit(X)
        rows, order = self._read(X, reset=False)
        check_times(order, _WITH_CONTEXT, like=self.context_.order)
        check_increasing(order, order.series(), _WITH_CONTEXT)
        order = self.context_.order.followed_by(order)
        check_increasing(order, order.series(), "The context of TimeWindows")
        rows = np.concatenate([self.context_.rows, rows])
        self.context_ = Context.last_of(rows, order, self._span - 1, self.context_.limit)
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
        n_rows, limit = len(rows), order.limit(self.max_gap)
        if self.keep_context:
            rows, order = self._with_context(rows, order)
            limit = self.context_.limit
        series = order.series(limit)
        if not series.increases:
            warnings.warn(_OUT_OF_ORDER, stacklevel=2)
        table, places = series.spread(rows, self._span - 1)
        starts = places[-n_rows:] - (self._span - 1)
        names = getattr(self, "feature_names_in_", None)
        return windows_at(table, starts, int(self.length), int(self.stride_within), names)

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
        if input_features is not None and len(input_features) == self.n_features_in_ + 1:
            at = self.groups if isinstance(self.groups, Integral) else None
            input_features = [
                name
                for place, name in enumerate(input_features)
                if self.groups != name and place != at
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
    def _span(self):
        """Rows from the first step of a window to its last."""
        return span_of(self.length, self.stride_within)

    def _read(self, X, reset):
        features, order = read_order(X, self.groups, "TimeWindows")
        return check_table(features, self, reset=reset), order

    def _with_context(self, rows, order):
        """Put the earlier rows of the context before the rows."""
        check_times(order, _WITH_CONTEXT, like=self.context_.order)
        check_increasing(order, order.series(), _WITH_CONTEXT)
        if self._span - 1 > self.context_.n_last:
            raise ValueError(
                f"length={self.length} with stride_within={self.stride_within} looks back "
                f"{self._span - 1} rows, but fit kept {self.context_.n_last}. Fit again."
            )
        before = self.context_.before(order)
        rows = np.concatenate([self.context_.rows[before], rows])
        return rows, self.context_.order.take(before).followed_by(order)
