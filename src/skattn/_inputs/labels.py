"""What labels must be, with the messages."""

import numpy as np
import pandas as pd
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from .targets import check_given


def check_labels(y, kept, estimator, *, is_table=False):
    """Check labels; return those of the samples that count, as an array (n_samples,).

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        As the user gave it.
    kept : bool array of shape (n_samples,)
        Which samples count.
    estimator : estimator
        Who asks, for messages.
    is_table : bool
        Whether X had two dimensions, so that it may be one long table.
    """
    name = type(estimator).__name__
    check_given(y, len(kept), name, is_table)
    shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    if len(shape) > 1 and shape[1:] != (1,):
        raise ValueError(
            f"{name} expects y of shape (n_samples,): one label for each sequence. Got shape "
            f"{tuple(shape)}: y should be a 1d array. For several columns of labels use "
            "sklearn.multioutput.MultiOutputClassifier; of indicators pass y.argmax(axis=1)."
        )
    labels = column_or_1d(y, warn=True)[kept]
    missing = pd.isna(labels)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN or None: {missing.sum()} labels are missing, the first at "
            f"sample {np.flatnonzero(kept)[missing.argmax()]}. Leave these samples out."
        )
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    check_classification_targets(labels)
    return labels


def classes_of(labels, estimator):
    """Return the sorted classes of labels: two at least."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"{type(estimator).__name__} needs samples of at least 2 classes. Got 1 class: "
            f"{classes.tolist()[0]!r}. Samples of weight 0 do not count."
        )
    return classes


def codes_of(labels, classes):
    """Return the number of the class of each label."""
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    unknown = classes[codes] != labels
    if unknown.any():
        raise ValueError(
            f"y contains labels that are not among the classes: "
            f"{np.unique(labels[unknown]).tolist()}. The classes are {classes.tolist()}."
        )
    return codes
