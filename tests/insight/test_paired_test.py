"""The estimate of a mean loss and its interval: by hand, by laws, by simulation."""

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from skattn._insight.clusters import Losses
from skattn._insight.paired_test import Estimate, estimate, in_units_of_folds, removed_share


def losses_of(table):
    """Return the losses of cells (folds, clusters, seeds), each cluster as large as the next."""
    table = np.asarray(table, dtype="float64")
    values = table.mean(axis=1)
    return Losses(values, list((table - values[:, np.newaxis]) / table.shape[1]))


def drawn(rng, mean=0.0, samples=1.0, seeds=0.0, rest=0.0, shape=(5, 4, 4)):
    """Draw cells whose mean varies with clusters, seeds and what is left."""
    n_folds, n_clusters, n_seeds = shape
    return losses_of(
        mean
        + samples * rng.normal(size=(n_folds, n_clusters, 1))
        + seeds * rng.normal(size=(n_folds, 1, n_seeds))
        + rest * rng.normal(size=shape)
    )


def test_where_seeds_agree_the_variance_is_that_of_the_clusters_within_folds():
    found = estimate(losses_of([[[1, 1], [3, 3]], [[10, 10], [14, 14]]]))
    assert found.mean == 7
    # Within folds: variances 2 and 8, of means of two clusters 1 and 4, of the mean of both folds
    # (1 + 4) / 2². How far the folds lie apart is no part of it.
    assert found.variance == found.of_samples == pytest.approx(5 / 4)
    assert found.df == pytest.approx(2)


def test_where_clusters_agree_the_variance_is_that_of_the_seeds():
    found = estimate(losses_of([[[1, 3], [1, 3]], [[10, 14], [10, 14]]]))
    assert found.variance == pytest.approx(5 / 4)
    assert found.of_samples == 0
    assert found.df == pytest.approx(2)


def test_folds_of_one_cluster_are_tested_as_one_sample_of_folds():
    values = np.random.default_rng(0).normal(0.5, size=(6, 3))
    found = estimate(Losses(values, [np.zeros((1, 3))] * 6))
    expected = ttest_1samp(values.mean(axis=1), 0)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.df == 5
    low, high = expected.confidence_interval(0.9)
    assert found.mean - found.half_width(0.1) == pytest.approx(low)
    assert found.mean + found.half_width(0.1) == pytest.approx(high)


def test_differences_that_do_not_vary_are_certain():
    assert estimate(losses_of(np.zeros((2, 2, 2)))).p_value == 1
    certain = estimate(losses_of(np.full((2, 2, 2), -2.0)))
    assert (certain.mean, certain.p_value, certain.half_width(0.05)) == (-2, 0, 0)


@pytest.mark.parametrize(
    "spread",
    [
        {},
        {"seeds": 1.0},
        {"samples": 0.0, "seeds": 1.0},
        {"samples": 1.0, "seeds": 0.5, "rest": 1.0},
    ],
)
def test_of_a_thousand_sets_without_a_difference_a_twentieth_is_found_to_have_one(spread):
    rng = np.random.default_rng(0)
    found = np.mean([estimate(drawn(rng, **spread)).p_value < 0.05 for _ in range(1000)])
    assert 0.03 < found < 0.07


def test_the_variance_is_that_of_the_means_over_many_sets():
    rng = np.random.default_rng(1)
    spread = {"samples": 1.0, "seeds": 0.7, "rest": 2.0}
    found = [estimate(drawn(rng, **spread)) for _ in range(2000)]
    assert np.mean([each.variance for each in found]) == pytest.approx(
        np.var([each.mean for each in found]), rel=0.1
    )


def test_more_seeds_lessen_the_part_of_the_seeds_alone():
    rng = np.random.default_rng(2)
    spread = {"samples": 1.0, "seeds": 1.0}
    few, many = (
        np.mean([estimate(drawn(rng, shape=(5, 4, n), **spread)).variance for _ in range(500)])
        for n in (2, 8)
    )
    # 1 / 20 of the clusters, and 1 / 5 of the seeds over their number.
    assert few == pytest.approx(1 / 20 + 1 / 10, rel=0.1)
    assert many == pytest.approx(1 / 20 + 1 / 40, rel=0.1)


def test_a_detectable_mean_is_found_as_often_as_it_says():
    rng = np.random.default_rng(3)
    needed = np.mean([estimate(drawn(rng)).detectable(0.05) for _ in range(300)])
    power = np.mean([estimate(drawn(rng, mean=needed)).p_value < 0.05 for _ in range(1000)])
    assert power == pytest.approx(0.8, abs=0.05)


def test_the_chance_of_finding_is_one_half_at_the_bound_and_certain_without_seeds_to_come():
    found = Estimate(mean=1.96, variance=2.0, df=99, of_samples=0.0)
    # With twice the seeds the variance is 1, and 1.96 the bound at 5%.
    assert found.chance_of_finding(2, 0.05) == pytest.approx(0.5, abs=0.01)
    settled = Estimate(mean=1.0, variance=1.0, df=99, of_samples=1.0)
    assert settled.chance_of_finding(4, 0.05) == 0


# The share that is removed


def pairs(rng, removed, n):
    for _ in range(n):
        plain = np.exp(0.3 * rng.normal(size=(5, 4, 3)))
        own = plain * (1 - removed) * np.exp(0.2 * rng.normal(size=(5, 4, 3)))
        yield losses_of(own), losses_of(plain)


def test_a_share_is_the_removed_part_of_the_mean_loss():
    own, plain = losses_of(np.full((2, 2, 2), 3.0)), losses_of(np.full((2, 2, 2), 4.0))
    assert removed_share(own, plain, 0.05) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("removed", [0.0, 0.05, 0.1])
def test_the_interval_of_the_share_is_on_one_side_of_zero_exactly_where_the_test_finds(removed):
    for own, plain in pairs(np.random.default_rng(0), removed, 60):
        share, low, high = removed_share(own, plain, 0.05)
        assert low < share < high
        found = estimate(plain.minus(own)).p_value < 0.05
        assert found == (low > 0 or high < 0)


def test_with_folds_as_samples_it_is_fiellers_interval():
    rng = np.random.default_rng(0)
    own, plain = rng.normal(3, 0.3, size=(8, 2)), rng.normal(4, 0.3, size=(8, 2))
    a, b = own.mean(axis=1), plain.mean(axis=1)
    bound = student.ppf(0.975, 7) ** 2 / 8
    (s_aa, s_ab), (_, s_bb) = np.cov(a, b)
    # The ratios r with (mean a - r mean b)² = bound (s_aa - 2 r s_ab + r² s_bb).
    roots = np.roots(
        [
            b.mean() ** 2 - bound * s_bb,
            -2 * (a.mean() * b.mean() - bound * s_ab),
            a.mean() ** 2 - bound * s_aa,
        ]
    )
    one = [np.zeros((1, 2))] * 8
    _, low, high = removed_share(Losses(own, one), Losses(plain, one), 0.05)
    np.testing.assert_allclose(sorted([low, high]), sorted(1 - roots), rtol=1e-6)


def test_a_share_of_a_loss_that_may_be_zero_has_no_lower_end_and_none_is_above_one():
    values = np.array([[1.0, 1.1], [-0.9, -1.0], [0.3, 0.2]])
    one = [np.zeros((1, 2))] * 3
    own = Losses(np.array([[0.5, 0.4], [0.1, 0.2], [0.3, 0.3]]), one)
    share, low, high = removed_share(own, Losses(values, one), 0.05)
    assert low == -np.inf
    assert share <= high <= 1


# Folds in units of their own


def test_in_its_own_units_each_fold_loses_the_mean_of_all_and_keeps_its_ratio():
    own, plain = (
        losses_of([[[1.0, 2.0]], [[2.0, 4.0]], [[0, 0]]]),
        losses_of([[[3.0, 6.0]], [[14.0, 28.0]], [[0, 0]]]),
    )
    scaled, other = in_units_of_folds(own, plain)
    # The folds lose 6, 24 and 0 a seed, both attentions together: 10 on average.
    np.testing.assert_allclose(scaled.values, [[5 / 3, 10 / 3], [5 / 6, 5 / 3], [0, 0]])
    np.testing.assert_allclose(other.values, [[5, 10], [35 / 6, 35 / 3], [0, 0]])


def test_the_units_of_a_fold_change_neither_the_share_nor_the_p_value():
    rng = np.random.default_rng(0)
    own, plain = next(pairs(rng, removed=0.2, n=1))
    units = np.exp(3 * rng.normal(size=5))
    (a, b), (c, d) = (
        in_units_of_folds(own.times(factors), plain.times(factors))
        for factors in (np.ones(5), units)
    )
    assert removed_share(a, b, 0.05) == pytest.approx(removed_share(c, d, 0.05))
    assert estimate(a.minus(b)).p_value == pytest.approx(estimate(c.minus(d)).p_value)


def with_hard_clusters(rng, removed):
    """Draw losses of two attentions; a fifth of the clusters are ten times as hard for both."""
    shared = np.where(rng.random((5, 4, 1)) < 0.2, 10, 1) * np.exp(0.5 * rng.normal(size=(5, 4, 1)))
    own, plain = (
        losses_of(
            shared * np.exp(0.3 * rng.normal(size=(5, 4, 1)) + 0.2 * rng.normal(size=(5, 1, 4)))
        )
        for _ in range(2)
    )
    return own.times(np.full(5, 1 - removed)), plain


@pytest.mark.parametrize(("removed", "least", "most"), [(0.0, 0.01, 0.08), (0.5, 0.95, 1.0)])
def test_hard_samples_neither_raise_an_alarm_nor_hide_what_the_others_show(removed, least, most):
    rng = np.random.default_rng(1)
    sets = [with_hard_clusters(rng, removed) for _ in range(500)]
    found = np.mean(
        [
            estimate(a.minus(b)).p_value < 0.05
            for a, b in (in_units_of_folds(*both) for both in sets)
        ]
    )
    assert least < found < most
