"""Class weights: factors of the weights of samples, by their class."""

import numpy as np


def with_class_weights(class_weight, samples, validation):
    """Return samples and validation samples (which may be None) with factors by class.

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
    return tuple(
        part and part._replace(factors=(part.y * factors).sum(axis=1))
        for part in (samples, validation)
    )
