"""scikit-learn's checks on the classifier with two more attentions, in a file of their own."""

from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skattn import LSTMAttentionClassifier

pytestmark = [pytest.mark.slow, pytest.mark.every_attention]


@parametrize_with_checks([LSTMAttentionClassifier(attention) for attention in ("mean", "dot")])
def test_passes_and_does_not_skip(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.fail(f"the check was skipped: {reason}")
