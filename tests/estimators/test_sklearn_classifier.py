"""scikit-learn's own checks, all of them, on the classifier as it comes, for two attentions."""

from collections import Counter

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from conftest import passes
from skattn import LSTMAttentionClassifier

pytestmark = pytest.mark.slow


@parametrize_with_checks([LSTMAttentionClassifier(attention) for attention in (None, "additive")])
def test_passes_and_does_not_skip(estimator, check):
    passes(estimator, check)


def test_checks_are_those_of_a_classifier_of_scikit_learn():
    def names(estimator):
        checks = [check for _, check in estimator_checks_generator(estimator, mark=None)]
        return Counter(getattr(check, "func", check).__name__ for check in checks)

    own = names(LSTMAttentionClassifier())
    reference = names(HistGradientBoostingClassifier())
    assert not reference - own - Counter(["check_sample_weight_equivalence_on_sparse_data"])
