"""What labels must be, with the messages."""

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype
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
    labels = as_labels(y, kept=kept)
    check_classification_targets(labels)
    return labels


def as_labels(values, name="y", kept=slice(None)):
    """Return labels as an array (n_samples,): all there, and of one kind.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        As the user gave them.
    name : str, default="y"
        Their name, for messages.
    kept : bool array of shape (n_samples,), default=slice(None)
        Which of them count.
    """
    labels = _kept_labels(values, kept)
    missing = pd.isna(labels)
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN or None: {missing.sum()} labels are missing, the first at "
            f"sample {np.arange(len(values))[kept][missing.argmax()]}. Leave these samples out."
        )
    # Without missing labels a nullable type of pandas has one of numpy.
    labels = np.asarray(labels, dtype=getattr(labels.dtype, "numpy_dtype", None))
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name=name)
    kinds = {type(label).__name__ for label in labels if not isinstance(label, str)}
    if labels.dtype.kind == "O" and kinds:
        raise ValueError(
            f"Unknown label type: objects in {name} must be text. Got objects of type "
            f"{', '.join(sorted(kinds))}. Give all labels one type: numpy.array({name}, dtype=...) "
            "with str, int or bool."
        )
    return labels


def _kept_labels(values, kept):
    """Return the labels that count, as an array of numpy or, of a nullable type, of pandas."""
    if isinstance(getattr(values, "dtype", None), ExtensionDtype):
        return values[kept]
    values = list(values) if isinstance(values, (set, frozenset)) else values
    labels = np.asarray(values)
    labels = labels.astype(object) if labels.dtype.kind == "T" else labels  # text of any length
    if labels.dtype.kind == "U" and not hasattr(values, "dtype"):
        # numpy makes text of numbers, and of NaN, that stand beside text in a list.
        objects = np.array(values, dtype=object)
        if not all(isinstance(label, str) for label in objects.flat):
            labels = objects
    return column_or_1d(labels, warn=True)[kept]


def classes_of(labels, estimator):
    """Return the sorted classes of labels: two at least."""
    classes = np.unique(labels)
    if len(classes) < 2:
        found = f"{len(classes)} class" + "es" * (len(classes) != 1)
        raise ValueError(
            f"{type(estimator).__name__} needs samples of at least 2 classes. Got {found}: "
            f"{classes.tolist()}. Samples of weight 0 do not count."
        )
    return classes


def codes_of(labels, classes):
    """Return the number of the class of each label."""
    code_of = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in np.unique(labels).tolist() if label not in code_of]
    if unknown:
        raise ValueError(
            f"y contains labels that are not among the classes: {unknown}. The classes are "
            f"{classes.tolist()}."
        )
    return np.array([code_of[label] for label in labels.tolist()])
