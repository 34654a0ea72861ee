"""Warnings where samples look as if they were in other units, or their steps in another order."""

import warnings

import numpy as np

#: A slope outside [1 / this, this] suggests that y and the feature are in different units.
UNLIKELY_SLOPE = 3.0

#: Share of validation values outside the range of the training values, above which drift is no
#: explanation. On series that drift for years it was at most 0.015; with few values chance adds.
UNLIKELY_SHARE = 0.2

#: Ratio of the spreads of validation and training values, above which drift is no explanation.
UNLIKELY_RATIO = 10.0

#: Number of steps, and of samples, below which no order can be seen.
FEWEST_STEPS = 3


def warn_of_units(y, last):
    """Warn where y looks like the feature that it should continue, but in other units."""
    threshold = max(0.5, 4 / np.sqrt(len(y)))  # below this correlation it is noise
    for output in np.flatnonzero((np.ptp(y, axis=0) > 0) & (np.ptp(last, axis=0) > 0)):
        a, b = y[:, output] - y[:, output].mean(), last[:, output] - last[:, output].mean()
        products, squares = a @ b, b @ b
        if not products > threshold * np.sqrt((a @ a) * squares):
            continue
        slope = products / squares
        if not 1 / UNLIKELY_SLOPE < slope < UNLIKELY_SLOPE:
            _warn(
                f"Output {output} of y moves {slope:.3g} times as much as the feature that it is "
                "to continue (target_feature). Are both in the same units? A scaler before the "
                "regressor changes X and not y: leave it out, as standardize=True scales both."
            )
            return


def warn_of_order(samples, features):
    """Warn where the first step is nearest to y, and each later one farther away."""
    X, n_steps = samples.X, int(samples.X.lengths.min())
    if n_steps < FEWEST_STEPS or len(X) < FEWEST_STEPS:
        return
    rows = X.starts[:, np.newaxis] + np.arange(n_steps)
    errors = X.table[rows, features[0]].astype("float64") - samples.y[:, :1]
    distances = np.sqrt(np.mean(errors**2, axis=0))
    if (np.diff(distances) > 0).all() and distances[0] < 0.9 * distances[-1]:
        _warn(
            "The first step of the sequences is nearest to y, and each later step is farther "
            "away: are the newest steps first, as some forecasting packages sort lags? "
            "target_feature continues the last step. Put the steps in the order of time, the "
            "oldest first: X[:, ::-1]."
        )


def warn_of_validation(validation, samples, *, labelled=False):
    """Warn where validation samples lie where no training sample does; labels have no units."""
    parts = {"X_val": (validation.X.table, samples.X.table)}
    if not labelled:
        parts["y_val"] = (validation.y, samples.y)
    for name, (values, reference) in parts.items():
        if _lies_elsewhere(values.astype("float64"), reference.astype("float64")):
            _warn(
                f"{name} lies where no training sample does: it looks to be in other units. A "
                "Pipeline or a TransformedTargetRegressor transforms X or y on their way to the "
                "estimator, and leaves X_val and y_val as they are. In a Pipeline ask for it with "
                'Pipeline(..., transform_input=["X_val"]); transform y before the fit.'
            )


def warn_of_missing_classes(y, parts, classes):
    """Warn where the samples that train or stop a network lack a class.

    Parameters
    ----------
    y : array of shape (n_samples, n_classes)
        1 in the column of the class.
    parts : list of Part
        Of each network.
    classes : array of shape (n_classes,)
        Their labels.
    """
    held = [y[samples].any(axis=0) for part in parts for samples in part]
    missing = ~np.all(held, axis=0)
    if missing.any():
        _warn(
            f"Windows of one table are held out in one block, and classes "
            f"{np.asarray(classes)[missing].tolist()} are missing from a block, or from the rest, "
            "of a network: it cannot learn them, or not stop by them. Pass X_val and y_val that "
            "hold every class, or set early_stopping=False."
        )


def _lies_elsewhere(values, reference):
    """Return whether values (n, n_columns) lie farther from the reference than drift explains."""
    low, high = reference.min(axis=0), reference.max(axis=0)
    outside = ((values < low) | (values > high)).mean(axis=0)
    moves = (reference.std(axis=0) > 0) & (values.std(axis=0) > 0)
    if not moves.any():
        return False
    share = UNLIKELY_SHARE + 2 / np.sqrt(len(values))
    ratios = values.std(axis=0)[moves] / reference.std(axis=0)[moves]
    off = (ratios > UNLIKELY_RATIO) | (ratios < 1 / UNLIKELY_RATIO)
    return bool((outside[moves] > share).any() or off.all())


def _warn(text):
    warnings.warn(text, UserWarning, stacklevel=2)
