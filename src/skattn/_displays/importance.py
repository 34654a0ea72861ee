"""The picture of a sequence importance."""

import numpy as np

from .._insight.importance import sequence_importance
from .._insight.scores import loss_of
from .axes import COLOURS, FIRST, axes_of, edges, lag_values, rows_run_down, time_runs_right
from .base import ResultDisplay


class ImportanceDisplay(ResultDisplay):
    """Importance of steps (a profile), of features (bars) or of both (a heat map).

    Parameters
    ----------
    result : Bunch
        What `sequence_importance` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    bars_ : matplotlib artist
        The bars, of steps or of features.
    image_ : matplotlib artist
        The heat map of both.

    See Also
    --------
    sequence_importance : Computes it.

    Examples
    --------
    >>> from skattn import ImportanceDisplay, LSTMAttentionRegressor
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(40, 5, lag=2, random_state=0)
    >>> model = LSTMAttentionRegressor(units=4, epochs=2, random_state=0).fit(X, y)
    >>> display = ImportanceDisplay.from_estimator(model, X, y, by="feature")
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['feature 0', 'feature 1']
    """

    _compute = staticmethod(sequence_importance)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, **options):
        """Compute the importance and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor, or a `Pipeline` or search around one.
        X, y : array-like
            As for `sequence_importance`.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        **options : dict
            Options of `sequence_importance` and of `plot`.

        Returns
        -------
        display : ImportanceDisplay
            The drawn display.
        """
        return cls._computed_and_drawn(estimator, X, y, ax, options)

    def plot(self, *, ax=None, bar_kw=None, heatmap_kw=None):
        """Draw the importance.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        bar_kw, heatmap_kw : dict, default=None
            Keywords for matplotlib's `bar` or `barh`, and for `pcolormesh`.

        Returns
        -------
        self : ImportanceDisplay
            The display, with the artists as attributes.
        """
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        label = loss_of(self.result.scoring)
        if "timestep" not in self.result.by:
            self._features(ax, label, bar_kw or {})
        elif "feature" not in self.result.by:
            self._steps(ax, label, bar_kw or {})
        else:
            self._both(ax, label, heatmap_kw or {})
        ax.set_title("Permutation importance")
        return self

    def _features(self, ax, label, bar_kw):
        names, means = self.result.feature_names, self.result.importances_mean
        errors = self.result.importances_std
        style = {"color": FIRST, **bar_kw}
        self.bars_ = ax.barh(range(len(names)), means, xerr=errors, **style)
        rows_run_down(ax, names)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set(xlabel=label)

    def _steps(self, ax, label, bar_kw):
        values, lag_label = lag_values(self.result.lags)
        bounds = self._bounds(values)
        style = {"color": FIRST, "edgecolor": "white", "linewidth": 0.5, **bar_kw}
        self.bars_ = ax.bar(
            (bounds[1:] + bounds[:-1]) / 2,
            self.result.importances_mean,
            width=np.abs(np.diff(bounds)),
            yerr=self.result.importances_std,
            **style,
        )
        ax.axhline(0, color="black", linewidth=0.8)
        time_runs_right(ax, values, lag_label)
        ax.set_ylabel(label)

    def _both(self, ax, label, heatmap_kw):
        values, lag_label = lag_values(self.result.lags)
        names = self.result.feature_names
        rows = np.arange(len(names) + 1) - 0.5
        means = self.result.importances_mean.T
        style = {"cmap": COLOURS, "vmin": min(0.0, means.min()), **heatmap_kw}
        self.image_ = ax.pcolormesh(self._bounds(values), rows, means, **style)
        self.figure_.colorbar(self.image_, ax=ax, label=label)
        rows_run_down(ax, names)
        time_runs_right(ax, values, lag_label)

    def _bounds(self, values):
        """Return the edges of the blocks on the axis of lags."""
        return edges(values)[
            [*(begin for begin, _ in self.result.blocks), self.result.blocks[-1][1]]
        ]
