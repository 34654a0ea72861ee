"""The looks at a comparison: when there are some, what they may spend, when they end."""

import numpy as np
import pytest

from skattn._insight.looks import Look, plan_looks
from skattn._insight.paired_test import Estimate


@pytest.mark.parametrize(
    ("n_seeds", "numbers"),
    [(2, [2]), (3, [2, 3]), (4, [2, 4]), (8, [2, 4, 8]), (20, [5, 10, 20])],
)
def test_looks_are_at_a_quarter_a_half_and_all_of_the_seeds(n_seeds, numbers):
    looks = plan_looks(n_seeds, 0.05)
    assert [look.n_seeds for look in looks] == numbers
    assert [look.growth * look.n_seeds for look in looks] == [n_seeds] * len(looks)


@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_the_looks_spend_the_level_together_and_the_last_nearly_all(alpha):
    levels = [look.alpha for look in plan_looks(8, alpha)]
    assert sum(levels) == pytest.approx(alpha)
    assert levels[0] == levels[1] == pytest.approx(alpha / 10)
    assert [look.alpha for look in plan_looks(2, alpha)] == [alpha]


def test_looks_that_spend_alike_divide_the_level_by_their_number():
    assert [look.alpha for look in plan_looks(8, 0.06, equally=True)] == pytest.approx([0.02] * 3)
    assert [look.alpha for look in plan_looks(2, 0.06, equally=True)] == [0.06]


def test_of_sets_without_a_difference_the_looks_find_one_on_no_more_than_the_level():
    """Means of more and more seeds around one true mean of 0, as looks see them."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(1500):
        samples, seeds = rng.normal(scale=0.1), rng.normal(scale=0.3, size=8)
        for look in plan_looks(8, 0.05):
            mean = samples + seeds[: look.n_seeds].mean()
            variance = 0.01 + 0.09 / look.n_seeds
            known = Estimate(mean, variance, 1e6, of_samples=0.01)
            if look.decides(known, 0.04):
                found += known.p_value <= look.alpha
                break
    assert 0.03 < found / 1500 < 0.06


def test_a_look_ends_with_a_finding_or_without_hope_and_the_last_one_always():
    early = Look(n_seeds=2, alpha=0.005, growth=4.0)
    plain, close, nothing = (Estimate(mean, 1.0, 1e6, of_samples=0.0) for mean in (4.0, 1.5, 0.0))
    assert early.decides(plain, 0.04)
    assert not early.decides(close, 0.04)
    settled = Estimate(0.5, 1.0, 1e6, of_samples=1.0)  # no seed would lessen its variance
    assert early.decides(settled, 0.04)
    last = Look(n_seeds=8, alpha=0.04, growth=1.0)
    assert all(last.decides(each, 0.04) for each in (plain, close, nothing))
