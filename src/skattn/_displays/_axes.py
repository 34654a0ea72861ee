"""What the displays share: an axes to draw on, an axis of lags, a label of loss."""

import pandas as pd

#: One colour map, perceptually uniform and readable in grey and by colour-blind eyes.
COLOURS = "cividis"

#: Line colours that differ in lightness as well (Okabe and Ito), beside different dashes.
FIRST, SECOND, THIRD = "#0072B2", "#D55E00", "#666666"

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


def lag_values(lags):
    """Return lags as numbers, and the label of their axis."""
    if not isinstance(lags, pd.TimedeltaIndex):
        return lags.to_numpy(), "steps before the last"
    for unit, length in _UNITS.items():
        values = (lags / pd.Timedelta(length)).to_numpy()
        if (values == values.round()).all():
            return values, f"{unit} before the last step"
    return values, "seconds before the last step"


def time_runs_right(ax, values, label):
    """Label an axis of lags, so that the last step is on the right."""
    ax.set_xlabel(label)
    if len(values) > 1:
        half = abs(values[0] - values[1]) / 2
        ax.set_xlim(values.max() + half, values.min() - half)


def edges(values):
    """Return the edges between evenly spaced values, one more than there are values."""
    half = abs(values[0] - values[1]) / 2 if len(values) > 1 else 0.5
    ends = [values[0] + half, values[-1] - half]
    return [ends[0], *((values[1:] + values[:-1]) / 2), ends[1]]
