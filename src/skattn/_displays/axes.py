"""What the displays share: an axes to draw on, an axis of lags, a label of loss."""

import re
import textwrap

import numpy as np
import pandas as pd

#: One colour map, perceptually uniform and readable in grey and by colour-blind eyes.
COLOURS = "cividis"

#: Line colours that differ in lightness as well (Okabe and Ito), beside different dashes.
FIRST, SECOND, THIRD = "#0072B2", "#D55E00", "#666666"

#: Label of an axis of lags that are numbers.
STEPS = "steps before the last"

_UNITS = {"days": "1D", "hours": "1h", "minutes": "1min", "seconds": "1s"}


def axes_of(ax):
    """Return the axes to draw on, on a new figure where None is given."""
    return pyplot().subplots(layout="constrained")[1] if ax is None else ax


def pyplot():
    """Import matplotlib, when something is to be drawn."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Displays need matplotlib: pip install skattn[plots].") from error
    return plt


def title_with_finding(ax, summary):
    """Put the first sentence of a summary above the axes, in lines no wider than these."""
    points = 72 * ax.figure.get_figwidth() * ax.get_position().width
    sentence = re.split(r"(?<=\.) (?=[A-Z])", summary)[0]
    size = 10
    letters = int(points / (0.6 * size))  # of matplotlib's own font a letter takes .6 of its size
    ax.set_title(textwrap.fill(sentence, letters), fontsize=size)


def lag_values(lags):
    """Return lags as numbers, and the label of their axis."""
    if not isinstance(lags, pd.TimedeltaIndex):
        return lags.to_numpy(), STEPS
    for unit, length in _UNITS.items():
        values = (lags / pd.Timedelta(length)).to_numpy()
        if (values == values.round()).all():
            return values, f"{unit} before the last step"
    return values, "seconds before the last step"


def time_runs_right(ax, values, label):
    """Label an axis of lags, so that the last step is on the right."""
    ax.set_xlabel(label)
    bounds = edges(values)
    ax.set_xlim(max(bounds), min(bounds))
    if label == STEPS:
        whole_numbers(ax.xaxis)


def whole_numbers(axis):
    """Put the ticks of an axis at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def edges(values):
    """Return the edges between evenly spaced values, one more than there are values."""
    half = (values[0] - values[1]) / 2 if len(values) > 1 else 0.5
    return np.array([values[0] + half, *((values[1:] + values[:-1]) / 2), values[-1] - half])


def rows_run_down(ax, labels):
    """Put labelled rows below each other, the first on top."""
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
