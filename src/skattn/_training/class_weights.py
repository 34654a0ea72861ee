"""Class weights: factors of the weights of samples, by their class."""

import numpy as np


def factors_by_class(class_weight, classes):
    """Return the factor of each class, an array (n_classes,): 1 where a dict does not name it.

    A fold may lack a class that the dict names. So an unknown one is an error only where a class
    has no factor: it may be that one, misspelt.
    """
    labels = list(classes)
    unknown = [label for label in class_weight if label not in labels]
    unnamed = [label for label in labels if label not in class_weight]
    if unknown and unnamed:
        raise ValueError(
            f"class_weight names {unknown}, which are no classes, and not "
            f"{np.array(unnamed).tolist()}. The classes are {classes.tolist()}."
        )
    factors = np.array([class_weight.get(label, 1.0) for label in labels], dtype="float64")
    if not (np.isfinite(factors) & (factors >= 0)).all():
        raise ValueError(
            f"Class weights must be zero or positive, and finite. Got class_weight={class_weight}. "
            "Zero leaves the samples of a class out."
        )
    return factors


def with_class_weights(class_weight, samples, validation):
    """Return samples and validation samples (which may be None) with factors by class.

    Samples of factor 0 are left out, as those of weight 0 are.

    Parameters
    ----------
    class_weight : "balanced" or array of shape (n_classes,)
        The factor of each class. "balanced" gives the classes of the training samples equal sums
        of weights: n / (n_classes * n_own), where n is the sum of all weights, and n_own that of
        the own class [1]_.
    samples, validation : Samples
        y is 1 in the column of the class.

    References
    ----------
    .. [1] G. King, L. Zeng, "Logistic regression in rare events data", Political Analysis 9,
       2001.
    """
    factors = class_weight
    if isinstance(class_weight, str):
        sums = samples.weights @ samples.y
        present = sums > 0
        factors = sums.sum() / (present.sum() * np.where(present, sums, 1.0))
    return (
        _with_factors(samples, factors, "training"),
        validation and _with_factors(validation, factors, "validation"),
    )


def _with_factors(samples, factors, what):
    own = (samples.y * factors).sum(axis=1)
    if not own.any():
        raise ValueError(
            f"class_weight is zero for the class of each {what} sample: none is left. Give at "
            "least one of their classes a positive weight."
        )
    samples = samples._replace(factors=own)
    return samples if own.all() else samples.take(np.flatnonzero(own))
