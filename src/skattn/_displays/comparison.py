"""The picture of a comparison of attentions."""

from math import isinf

from .._insight.comparison import compare_attentions
from .._insight.scores import error_name, gain_of
from .axes import FIRST, SECOND, THIRD, axes_of, rows_run_down, title_with_finding
from .base import ResultDisplay

_STYLES = {
    "helped": {"color": FIRST, "fmt": "o"},
    "hurt": {"color": SECOND, "fmt": "X"},
    "not shown": {"color": THIRD, "fmt": "s"},
}


class ComparisonDisplay(ResultDisplay):
    """What each attention removes of the plain LSTM's error, with intervals; the verdict as title.

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
    points_ : dict of (str, str) to matplotlib ErrorbarContainer
        Effect and interval of each comparison: an attention, and what it is compared with.
    zero_ : matplotlib line
        No difference.

    See Also
    --------
    compare_attentions : Computes it.

    Examples
    --------
    >>> from skattn import ComparisonDisplay, LSTMAttentionRegressor
    >>> from skattn.datasets import make_fading_memory
    >>> X, y = make_fading_memory(60, 5, random_state=0)
    >>> display = ComparisonDisplay.from_estimator(
    ...     LSTMAttentionRegressor("dot", units=4, epochs=2), X, y,
    ...     attentions=[None, "dot"], cv=2, n_seeds=2, random_state=0,
    ... )
    >>> list(display.points_)
    [('dot', 'none')]
    """

    _compute = staticmethod(compare_attentions)

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
            Options of `compare_attentions` and of `plot`.

        Returns
        -------
        display : ComparisonDisplay
            The drawn display.
        """
        return cls._computed_and_drawn(estimator, X, y, ax, options)

    def plot(self, *, ax=None, errorbar_kw=None):
        """Draw the effects, the primary question first; what lies to the right is better.

        Shares of the error where they are known, differences of the score where not.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        errorbar_kw : dict, default=None
            Keywords for matplotlib's `errorbar` of each comparison.

        Returns
        -------
        self : ComparisonDisplay
            The display, with the artists as attributes.
        """
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        rows = self.result.comparisons
        known = rows["removed"].notna().all()
        columns = ["removed", "removed_low", "removed_high"]
        if not known:
            columns = ["difference", "difference_low", "difference_high"]
        self.zero_ = ax.axvline(0, color="black", linewidth=1)
        self.points_ = {}
        for place, (_, row) in enumerate(rows.iterrows()):
            effect, low, high = row[columns] * (100 if known else 1)
            style: dict = {
                "capsize": 3,
                "markersize": 8,
                **_STYLES[row["verdict"]],
                **(errorbar_kw or {}),
            }
            if isinf(low):
                _without_low_end(ax, effect, place)
                low = effect
            self.points_[row["attention"], row["against"]] = ax.errorbar(
                effect, place, xerr=[[effect - low], [high - effect]], **style
            )
        rows_run_down(ax, [_label(row) for _, row in rows.iterrows()])
        scoring, sure = self.result.scoring, f"{100 * self.result.confidence:g}% interval"
        effect = f"removed {error_name(scoring)} (%)" if known else gain_of(scoring)
        ax.set_xlabel(f"{effect},\nwith {sure} (right of the line: better)")
        title_with_finding(ax, self.result.summary)
        return self


def _without_low_end(ax, effect, place):
    """Draw an arrow to the left edge, for an interval that has no low end."""
    left = {"xy": (0, place), "xycoords": ("axes fraction", "data")}
    ax.annotate("", **left, xytext=(effect, place), arrowprops={"arrowstyle": "->"})


def _label(row):
    """Say which comparison a row is, and its verdict."""
    against = "" if row["against"] == "none" else f" against {row['against']}"
    return f"{row['attention']}{against}\n{row['question']}: {row['verdict']}"
