"""The picture of a comparison of attentions."""

import textwrap

from .._insight.comparison import compare_attentions
from .._insight.scores import gain_of
from .axes import FIRST, SECOND, THIRD, axes_of, rows_run_down

_COLOURS = {"helped": FIRST, "hurt": SECOND, "no difference shown": THIRD}
_MARKERS = {"helped": "o", "hurt": "X", "no difference shown": "s"}


class ComparisonDisplay:
    """Differences of each attention to the plain LSTM, with intervals; the verdict as title.

    Parameters
    ----------
    result : Bunch
        What `compare_attentions` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    points_ : dict of str to matplotlib ErrorbarContainer
        Difference and interval of each attention.
    zero_ : matplotlib line
        The plain LSTM.

    See Also
    --------
    compare_attentions : Computes it.

    Examples
    --------
    >>> from skattn import ComparisonDisplay, LSTMAttentionRegressor
    >>> from skattn.datasets import make_fading_memory
    >>> X, y = make_fading_memory(60, 5, random_state=0)
    >>> display = ComparisonDisplay.from_estimator(
    ...     LSTMAttentionRegressor(units=4, epochs=2), X, y, attentions=[None, "mean", "dot"]
    ... )
    >>> list(display.points_)
    ['mean', 'dot']
    """

    def __init__(self, result):
        self.result = result

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, **options):
        """Compare attentions and draw the comparison.

        Parameters
        ----------
        estimator : estimator
            An `LSTMAttentionRegressor`, or a `Pipeline` or search around one.
        X, y : array-like
            As for `compare_attentions`.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        **options : dict
            Options of `compare_attentions`.

        Returns
        -------
        display : ComparisonDisplay
            The drawn display.
        """
        return cls(compare_attentions(estimator, X, y, **options)).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the differences; what lies to the right is better than the plain LSTM.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        self : ComparisonDisplay
            The display, with the artists as attributes.
        """
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        table = self.result.table.drop(index="None")
        self.zero_ = ax.axvline(0, color="black", linewidth=1)
        self.points_ = {}
        for place, (name, row) in enumerate(table.iterrows()):
            half = (row["interval_high"] - row["interval_low"]) / 2
            self.points_[name] = ax.errorbar(
                row["difference"],
                place,
                xerr=half,
                fmt=_MARKERS[row["verdict"]],
                color=_COLOURS[row["verdict"]],
                capsize=3,
                markersize=8,
            )
        labels = [f"{name}\n{row['verdict']}" for name, row in table.iterrows()]
        rows_run_down(ax, labels)
        ax.set_xlabel(
            f"{gain_of(self.result.scoring)} against the plain LSTM,\n"
            f"with {100 * self.result.confidence:g}% interval (right of the line: better)"
        )
        ax.set_title("\n".join(textwrap.wrap(self.result.summary, 70)), fontsize="small")
        return self
