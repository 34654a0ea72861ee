"""The picture of faithfulness: what a model attends to, and what it depends on."""

import textwrap

import pandas as pd

from .._insight.faithfulness import attention_faithfulness
from .._insight.scores import loss_of
from .attention import AttentionDisplay
from .axes import FIRST, SECOND, THIRD, pyplot, title_with_finding
from .base import ResultDisplay

_STYLES = {
    "most": {"color": SECOND, "linestyle": "-", "marker": "o"},
    "random": {"color": THIRD, "linestyle": "--", "marker": "s"},
    "least": {"color": FIRST, "linestyle": ":", "marker": "^"},
}


class FaithfulnessDisplay(ResultDisplay):
    """Deletion curves beside the attention weights; the title says what was found.

    A figure of its own has the whole summary as its title, axes that are given have its first
    sentence.

    Parameters
    ----------
    result : Bunch
        What `attention_faithfulness` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the curves.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    lines_ : dict of str to matplotlib line
        The curves of "most", "random" and "least".
    attention_ : AttentionDisplay or None
        The heat map, where it was drawn.

    See Also
    --------
    attention_faithfulness : Computes it.

    Examples
    --------
    >>> from skattn import FaithfulnessDisplay, LSTMAttentionRegressor
    >>> from skattn.datasets import make_echo
    >>> X, y = make_echo(40, 5, lag=2, random_state=0)
    >>> model = LSTMAttentionRegressor(units=4, epochs=2, random_state=0).fit(X, y)
    >>> display = FaithfulnessDisplay.from_estimator(model, X, y, random_state=0)
    >>> list(display.lines_)
    ['most', 'random', 'least']
    """

    _compute = staticmethod(attention_faithfulness)

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, **options):
        """Test the faithfulness and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or classifier of skattn, or a `Pipeline` or search around one.
        X, y : array-like
            As for `attention_faithfulness`.
        ax : matplotlib Axes or pair of them, default=None
            As in `plot`.
        **options : dict
            Options of `attention_faithfulness` and of `plot`.

        Returns
        -------
        display : FaithfulnessDisplay
            The drawn display.
        """
        return cls._computed_and_drawn(estimator, X, y, ax, options)

    def plot(self, *, ax=None, line_kw=None, heatmap_kw=None):
        """Draw the curves and the weights.

        Parameters
        ----------
        ax : matplotlib Axes or pair of them, default=None
            Where to draw the curves, or curves and weights; one axes draws the curves
            alone, None both on a new figure.
        line_kw, heatmap_kw : dict, default=None
            Keywords for matplotlib's `plot` of each curve, and for `pcolormesh`.

        Returns
        -------
        self : FaithfulnessDisplay
            The display, with the artists as attributes.
        """
        own_figure = ax is None
        if own_figure:
            ax = pyplot().subplots(1, 2, figsize=(10, 5), layout="constrained")[1]
        curves, heatmap = ax if hasattr(ax, "__len__") else (ax, None)
        self.ax_, self.figure_ = curves, curves.figure
        self.attention_ = None if heatmap is None else self._weights(heatmap, heatmap_kw)
        self._curves(curves, line_kw or {})
        if own_figure:
            self.figure_.suptitle(textwrap.fill(self.result.summary, 100), fontsize="medium")
        else:
            title_with_finding(curves, self.result.summary)
        return self

    def _weights(self, ax, heatmap_kw):
        frame = pd.DataFrame(self.result.weights, self.result.index, self.result.lags)
        return AttentionDisplay.from_weights(frame, ax=ax, heatmap_kw=heatmap_kw)

    def _curves(self, ax, line_kw):
        self.lines_ = {}
        for order, curve in self.result.curves.items():
            label = "random order" if order == "random" else f"{order} attended first"
            style = {"label": label, "markersize": 4, **_STYLES[order], **line_kw}
            (self.lines_[order],) = ax.plot(100 * self.result.fractions, curve, **style)
        ax.set(
            xlabel="replaced steps (%)",
            ylabel=loss_of(self.result.scoring),
        )
        ax.legend(fontsize="small")
