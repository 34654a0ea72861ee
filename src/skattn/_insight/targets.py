"""What targets and weights must be where a fitted estimator is explained."""

import numpy as np
from sklearn.base import is_classifier

from .._inputs.labels import as_labels
from .._inputs.targets import check_weights


def targets_of(predictor, y):
    """Return targets or labels as an array; refuse labels of which none is known.

    A label that is not among the classes counts as a miss. Where all are, they are misspelt.
    """
    if not is_classifier(predictor):
        return np.asarray(y)
    labels, classes = as_labels(y), np.asarray(predictor.classes_).tolist()
    if set(labels.tolist()).isdisjoint(classes):
        raise ValueError(
            f"No label in y is among the classes: y holds {np.unique(labels)[:5].tolist()}, and "
            f"the classes are {classes}. Pass labels as they were in fit."
        )
    return labels


def checked_weights(sample_weight, n_samples):
    """Return checked weights; None where none are given."""
    return None if sample_weight is None else check_weights(sample_weight, n_samples)


def check_finite(scores, where):
    """Refuse scores that are not finite, on samples or draws as the words `where` say."""
    if not np.isfinite(scores).all():
        raise ValueError(
            f"A score is not finite on samples {where}. R² needs at least two different targets, "
            "ROC AUC samples of two classes, and any score a sample of positive weight. Pass more "
            "samples, or another scoring."
        )
