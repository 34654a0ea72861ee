"""scikit-learn's checks on the classifier with two more attentions, in a file of their own."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from conftest import passes
from skattn import LSTMAttentionClassifier

pytestmark = [pytest.mark.slow, pytest.mark.every_attention]


@parametrize_with_checks(
    [LSTMAttentionClassifier(attention) for attention in ("general", "hierarchical")]
)
def test_passes_and_does_not_skip(estimator, check):
    passes(estimator, check)
