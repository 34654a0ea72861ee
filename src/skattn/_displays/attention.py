"""Pictures of attention weights."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length

from .._inputs.checks import as_sequences
from .._inputs.labels import as_labels
from .._insight.alignment import move, places_of_ends
from .._insight.attention_weights import attention_of
from .._insight.last_step import read
from .._sklearn import StrOptions, validate_params
from .axes import COLOURS, FIRST, SECOND, axes_of, edges, lag_values, time_runs_right, whole_numbers
from .base import sort_options


class AttentionDisplay:
    """Pictures of where a network looked.

    Create it with `from_estimator` or `from_weights`; `plot` draws one of three kinds.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_timesteps)
        Attention weights; of shape (n_samples, n_timesteps, n_timesteps) for those of
        self-attention.
    lags : pandas.Index of length n_timesteps
        How long before the last step each step is: numbers or times.
    index : pandas.Index of length n_samples
        Labels of the samples.
    X : ndarray of shape (n_samples, n_timesteps, n_features), default=None
        The sequences; for ``kind="sample"``.
    feature_names : list of str, default=None
        Names of their features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    image_ : matplotlib artist
        The heat map; with ``kind="heatmap"``.
    line_, band_ : matplotlib artists
        Mean profile and band; with ``kind="profile"``. With `labels` a dict of each by class.
    line_, bars_, weights_ax_ : matplotlib artists
        The series, its weights and their axes; with ``kind="sample"``.

    See Also
    --------
    attention_weights : The weights as an array.
    FaithfulnessDisplay : Whether the model depends on what it attends to.

    Examples
    --------
    >>> import numpy as np
    >>> from skattn import AttentionDisplay
    >>> weights = np.array([[0.1, 0.7, 0.2], [0.2, 0.6, 0.2]])
    >>> display = AttentionDisplay.from_weights(weights, kind="profile")
    >>> display.line_.get_ydata().round(2).tolist()
    [0.15, 0.65, 0.2]
    """

    def __init__(self, weights, *, lags, index, X=None, feature_names=None):
        self.weights = weights
        self.lags = lags
        self.index = index
        self.X = X
        self.feature_names = feature_names

    @classmethod
    def from_estimator(cls, estimator, X, *, kind="heatmap", level="steps", ax=None, **options):
        """Compute the weights of a fitted estimator and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or classifier of skattn, or a `Pipeline` or search around one.
        X : array-like or list of array-like
            As `estimator.predict` takes it.
        kind : {"heatmap", "profile", "sample"}, default="heatmap"
            As in `plot`.
        level : str, default="steps"
            The level of weights; the hierarchical network also has "self" and
            "summary".
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        **options : dict
            Further options of `plot`.

        Returns
        -------
        display : AttentionDisplay
            The drawn display.
        """
        (options,) = sort_options(cls.__name__, options, cls.plot)
        reading = read(estimator, X)
        weights, sequences = attention_of(reading, level), reading.sequences()
        weights = reading.aligned(weights, axes=range(1, weights.ndim))
        display = cls(
            weights,
            lags=reading.lags(weights.shape[-1]),
            index=reading.index,
            X=sequences,
            feature_names=reading.feature_names(sequences.shape[2]),
        )
        return display.plot(kind, ax=ax, **options)

    @classmethod
    def from_weights(
        cls, weights, *, X=None, lags=None, feature_names=None, kind="heatmap", ax=None, **options
    ):
        """Draw weights that were computed before.

        Parameters
        ----------
        weights : DataFrame or array-like of shape (n_samples, n_timesteps)
            Attention weights. A DataFrame brings its index. Its columns are lags where they
            are named "lag", as `attention_weights` names them.
        X : array-like of shape (n_samples, n_timesteps, n_features), default=None
            The sequences; for ``kind="sample"``.
        lags : array-like of length n_timesteps, default=None
            How long before the last step each step is; None for numbers of steps.
        feature_names : list of str, default=None
            Names of the features of X.
        kind : {"heatmap", "profile", "sample"}, default="heatmap"
            As in `plot`.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        **options : dict
            Further options of `plot`.

        Returns
        -------
        display : AttentionDisplay
            The drawn display.
        """
        is_frame = isinstance(weights, pd.DataFrame)
        values = np.asarray(weights, dtype="float64")
        if values.ndim not in (2, 3):
            raise ValueError(
                "AttentionDisplay expects weights of shape (n_samples, n_timesteps), or "
                f"(n_samples, n_timesteps, n_timesteps). Got shape {values.shape}."
            )
        if lags is None and is_frame and weights.columns.name == "lag":
            lags = weights.columns
        lags = pd.Index(np.arange(values.shape[-1])[::-1] if lags is None else lags)
        index = weights.index if is_frame else pd.RangeIndex(len(values))
        if X is not None:
            X = as_sequences(X)
            places = places_of_ends(X) if len(X) == len(values) else None
            values = values if is_frame else move(values, places, range(1, values.ndim))
            X = move(X, places)
        _check_shapes(values, X, lags)
        display = cls(values, lags=lags, index=index, X=X, feature_names=feature_names)
        return display.plot(kind, ax=ax, **options)

    @validate_params(
        {"kind": [StrOptions({"heatmap", "profile", "sample"})]},
        prefer_skip_nested_validation=True,
    )
    def plot(
        self,
        kind="heatmap",
        *,
        ax=None,
        sample=None,
        feature=0,
        labels=None,
        heatmap_kw=None,
        line_kw=None,
        band_kw=None,
        bar_kw=None,
    ):
        """Draw the weights.

        Parameters
        ----------
        kind : {"heatmap", "profile", "sample"}, default="heatmap"
            - "heatmap": samples × steps. For self-attention, the weights with which each
              step looks at each, of one sample or their mean.
            - "profile": the mean over the samples, with a band from the 10th to the 90th
              percentile; over those in which the step is present, where X is known.
            - "sample": the series of one sample, and its weights.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.
        sample : int, default=None
            Position of the sample, for ``kind="sample"`` (None for the first) and a heat
            map of self-attention (None for the mean of all).
        feature : int or str, default=0
            The feature to draw with ``kind="sample"``, by position or name.
        labels : array-like of shape (n_samples,), default=None
            The class of each sample: ``kind="profile"`` draws a profile for each class.
        heatmap_kw, line_kw, band_kw, bar_kw : dict, default=None
            Keywords for matplotlib's `pcolormesh`, `plot`, `fill_between` and `bar`.

        Returns
        -------
        self : AttentionDisplay
            The display, with the artists as attributes.
        """
        if sample is not None and not -len(self.index) <= sample < len(self.index):
            raise ValueError(f"There is no sample {sample}. There are {len(self.index)} samples.")
        if kind == "sample":
            name, series = self._series(sample or 0, feature)
        self.ax_ = ax = axes_of(ax)
        self.figure_ = ax.figure
        if kind == "heatmap":
            self._heatmap(ax, sample, heatmap_kw or {})
        elif kind == "profile":
            self._profiles(ax, labels, line_kw or {}, band_kw or {})
        else:
            self._bars(ax, sample or 0, bar_kw or {})
            self._line(ax, name, series, line_kw or {})
        return self

    def _heatmap(self, ax, sample, heatmap_kw):
        values, label = lag_values(self.lags)
        weights, rows = self.weights, np.arange(len(self.index) + 1) - 0.5
        if weights.ndim == 3:
            weights = weights.mean(axis=0) if sample is None else weights[sample]
            rows = edges(values)
        style = {"cmap": COLOURS, "vmin": 0, **heatmap_kw}
        self.image_ = ax.pcolormesh(edges(values), rows, weights, **style)
        self.figure_.colorbar(self.image_, ax=ax, label="attention weight")
        time_runs_right(ax, values, label)
        ax.set_title("Attention weights")
        if self.weights.ndim == 3:
            whose = "mean of the samples" if sample is None else f"sample {self.index[sample]}"
            ax.set(xlabel=f"step looked at: {label}", ylabel=f"looking step: {label}")
            ax.set_title(f"Self-attention weights, {whose}")
        else:
            self._label_samples(ax)

    def _label_samples(self, ax):
        ax.set_ylabel("sample")
        ax.set_ylim(len(self.index) - 0.5, -0.5)
        if self.index.equals(pd.RangeIndex(len(self.index))):
            whole_numbers(ax.yaxis)
        else:
            shown = np.unique(np.linspace(0, len(self.index) - 1, 6).astype(int))
            ax.set_yticks(shown, [_label(self.index[place]) for place in shown])

    def _profiles(self, ax, labels, line_kw, band_kw):
        """Draw the profile of all samples, or that of each class."""
        weights = self.weights if self.weights.ndim == 2 else self.weights.mean(axis=1)
        if self.X is not None:
            weights = np.where(np.isnan(self.X).all(axis=2), np.nan, weights)
        if labels is None:
            self.band_, self.line_ = self._profile(ax, weights, "mean", FIRST, line_kw, band_kw)
        else:
            labels = as_labels(labels, "labels")
            check_consistent_length(labels, weights)
            drawn = {
                label: self._profile(ax, weights[labels == label], label, f"C{n}", line_kw, band_kw)
                for n, label in enumerate(np.unique(labels).tolist())
            }
            self.band_, self.line_ = ({k: pair[n] for k, pair in drawn.items()} for n in (0, 1))
        values, label = lag_values(self.lags)
        time_runs_right(ax, values, label)
        ax.set(ylabel="attention weight", title=f"Attention weights, {len(weights)} samples")
        ax.set_ylim(bottom=0)
        ax.legend()

    def _profile(self, ax, weights, name, colour, line_kw, band_kw):
        """Draw the mean of some samples, with a band; return the band and the line."""
        values, _ = lag_values(self.lags)
        seen = ~np.isnan(weights).all(axis=0)
        means, low, high = (np.full(len(values), np.nan) for _ in range(3))
        means[seen] = np.nanmean(weights[:, seen], axis=0)
        low[seen], high[seen] = np.nanpercentile(weights[:, seen], [10, 90], axis=0)
        band = {"color": colour, "alpha": 0.25, "linewidth": 0}
        band["label"] = "10th to 90th percentile" if name == "mean" else None
        line = {"color": colour, "marker": "." if seen.sum() == 1 else None, "label": name}
        drawn = ax.fill_between(values, low, high, **band | band_kw)
        return drawn, *ax.plot(values, means, **line | line_kw)

    def _bars(self, ax, sample, bar_kw):
        """Draw the weights of a sample behind what is drawn on the axes."""
        values, label = lag_values(self.lags)
        width = 0.9 * (abs(values[0] - values[1]) if len(values) > 1 else 1)
        style = {"width": width, "color": SECOND, "alpha": 0.5, **bar_kw}
        self.weights_ax_ = ax.twinx()
        self.bars_ = self.weights_ax_.bar(values, self.weights[sample], **style)
        self.weights_ax_.set_ylabel("attention weight (bars)", color=SECOND)
        self.weights_ax_.set_ylim(bottom=0)
        ax.set_zorder(self.weights_ax_.get_zorder() + 1)
        ax.patch.set_visible(False)
        time_runs_right(ax, values, label)
        ax.set_title(f"Sample {_label(self.index[sample])} and its attention weights")

    def _line(self, ax, name, series, line_kw):
        """Draw the series of a sample."""
        values, _ = lag_values(self.lags)
        (self.line_,) = ax.plot(values, series, **{"color": FIRST, "marker": ".", **line_kw})
        ax.set_ylabel(name, color=FIRST)

    def _series(self, sample, feature):
        """Return the name of a feature, and its series in a sample."""
        if self.X is None or self.weights.ndim == 3:
            raise ValueError(
                'kind="sample" needs the sequences and a weight for each step. Pass X, and a '
                "level of weights other than self-attention."
            )
        unnamed = [f"feature {number}" for number in range(self.X.shape[2])]
        names = unnamed if self.feature_names is None else list(self.feature_names)
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"There is no feature {feature!r}. There are {names}.")
            feature = names.index(feature)
        if not -len(names) <= feature < len(names):
            raise ValueError(f"There is no feature {feature}. There are {len(names)} features.")
        return str(names[feature]), self.X[sample, :, feature]


def _check_shapes(weights, X, lags):
    if len(lags) != weights.shape[-1]:
        raise ValueError(
            f"weights have {weights.shape[-1]} steps (shape {weights.shape}), but there are "
            f"{len(lags)} lags. Pass one lag for each step."
        )
    if X is not None and (X.ndim != 3 or X.shape[:2] != (len(weights), weights.shape[-1])):
        raise ValueError(
            f"X has shape {X.shape}, expected (n_samples, n_timesteps, n_features) with "
            f"n_samples={len(weights)} and n_timesteps={weights.shape[-1]}, as the weights have."
        )


def _label(label):
    """Write the label of a sample: times without what is zero, several levels with commas."""
    if isinstance(label, tuple):
        return ", ".join(map(_label, label))
    if isinstance(label, pd.Timestamp):
        return str(label.date()) if label == label.normalize() else f"{label:%Y-%m-%d %H:%M}"
    return str(label)
