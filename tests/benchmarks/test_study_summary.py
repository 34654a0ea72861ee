"""The arithmetic of the study, against numbers worked by hand, scipy and published ones."""

import numpy as np
import pandas as pd
import pytest
import study_summary as summary
from scipy.stats import norm, ttest_1samp, wilcoxon

#: Thirteen trials of the BCG vaccine: log relative risks and variances (G. Colditz et al., JAMA
#: 271, 1994), a standard example of random effects.
BCG = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209]
BCG += [0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173]
BCG_VARIANCES = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230]
BCG_VARIANCES += [0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]


def test_random_effects_are_those_of_statsmodels():
    # combine_effects(effect, variance, method_re="iterated", use_t=True) of statsmodels 0.14
    found = summary.random_effects(BCG, np.sqrt(BCG_VARIANCES))
    assert found["mean"] == pytest.approx(-0.714970, abs=1e-6)
    assert (found["low"], found["high"]) == pytest.approx((-1.109106, -0.320835), abs=1e-6)
    assert found["between"] ** 2 == pytest.approx(0.3180824, abs=1e-6)


def test_equal_errors_give_students_interval():
    effects = np.array([-0.8, -0.1, 0.3, -0.4, -0.6])
    found = summary.random_effects(effects, np.full(5, 0.05))
    reference = ttest_1samp(effects, 0)
    assert (found["low"], found["high"]) == pytest.approx(tuple(reference.confidence_interval()))
    assert found["p_value"] == pytest.approx(reference.pvalue)
    assert found["between"] ** 2 == pytest.approx(effects.var(ddof=1) - 0.05**2)


def test_effects_that_agree_have_no_variance_between():
    found = summary.random_effects([0.1, 0.1, 0.1], [0.1, 0.2, 0.2])
    assert found["between"] == 0
    assert found["mean"] == pytest.approx(0.1)
    half = 4.302653 / np.sqrt(1 / 0.01 + 2 / 0.04)  # t of 2 degrees of freedom
    assert found["high"] - found["mean"] == pytest.approx(half, rel=1e-6)


def test_equal_errors_of_a_set_are_an_effect_of_zero_that_counts_once():
    # With a variance between sets far above those of the sets, all sets count alike.
    found = summary.random_effects([0.0, -0.6, -0.9], [0.0, 0.001, 0.001])
    assert found["mean"] == pytest.approx(-0.5, abs=1e-4)
    assert found["between"] == pytest.approx(np.std([0.0, -0.6, -0.9], ddof=1), abs=1e-4)


def test_one_set_is_no_summary():
    with pytest.raises(ValueError, match=r"at least 2 sets\. Got 1"):
        summary.random_effects([0.1], [0.1])


def test_log_ratio_undoes_the_interval():
    # log of the errors' ratio 0.5, plus and minus 1.96 times 0.1
    low, high = 1 - 0.5 * np.exp([0.1 * norm.isf(0.025), -0.1 * norm.isf(0.025)])
    effect, error = summary.log_ratio(0.5, low, high, 0.05)
    assert effect == pytest.approx(np.log(0.5))
    assert error == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("removed", "low", "high", "error_is_known"),
    [(0.5, -np.inf, 0.75, True), (0.5, 0.0, 1.0, True), (0.5, -np.inf, 1.0, False)],
)
def test_an_open_interval_counts_by_its_closed_half(removed, low, high, error_is_known):
    effect, error = summary.log_ratio(removed, low, high, 0.05)
    if error_is_known:  # a factor of 2 in the error is half of the interval
        assert error == pytest.approx(np.log(2) / norm.isf(0.025))
    else:
        assert np.isnan(effect)
        assert np.isnan(error)


def test_signs_are_wilcoxons_and_sure_where_all_agree():
    shares = np.array([0.2, 0.3, 0.15, 0.4, 0.25, 0.1, 0.5])
    found = summary.signs(shares)
    assert found["p_value"] == pytest.approx(wilcoxon(shares).pvalue) == 2 / 2**7
    assert (found["positive"], found["n_sets"]) == (7, 7)
    assert found["helps"] > 0.99
    assert found["helps"] + found["same"] + found["hurts"] == pytest.approx(1)


def test_signs_are_even_where_sets_are():
    found = summary.signs([-0.3, -0.2, 0.2, 0.3])
    assert found["helps"] == pytest.approx(found["hurts"], abs=0.02)


def test_small_shares_are_no_difference():
    found = summary.signs([0.004, -0.002, 0.006, 0.001, -0.005])
    assert found["same"] > 0.99


@pytest.mark.parametrize(("n", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850)])
def test_critical_difference_is_demsars(n, q):
    # Table 5 of Demšar 2006; 14 sets, as in its section 3.2.4
    errors = pd.DataFrame(np.random.default_rng(0).normal(size=(14, n)))
    _, _, critical = summary.mean_ranks(errors)
    assert critical == pytest.approx(q * np.sqrt(n * (n + 1) / (6 * 14)), rel=1e-3)


def test_mean_ranks_by_hand():
    errors = pd.DataFrame({"a": [1, 1, 1], "b": [2, 2, 3], "c": [3, 3, 2]})
    ranks, _, _ = summary.mean_ranks(errors)
    assert ranks.tolist() == pytest.approx([1, 7 / 3, 8 / 3])


def test_rank_correlation_has_its_exact_p_value():
    # Of the 24 orders of four, two are as far from chance as this one.
    r, p_value = summary.rank_correlation([1, 2, 3, 4], [10, 100, 1000, 10_000])
    assert r == pytest.approx(1)
    assert p_value == pytest.approx(2 / 24)


def test_equal_values_have_no_rank_correlation():
    r, p_value = summary.rank_correlation([1, 2, 3, 4], [1, 1, 1, 1])
    assert np.isnan(r)
    assert p_value == 1


def test_holm_by_hand():
    # 3 × 0.01; then 2 × 0.03, and 0.04 may not be below it
    assert summary.holm([0.03, 0.01, 0.04]).tolist() == pytest.approx([0.06, 0.03, 0.06])
