"""Test samples cut into clusters, and how far each moves a score: worked by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GroupKFold, KFold

from skattn._insight.clusters import Losses, clusters_of, moves_of, numbers_of_groups


def folds_of(n_samples, n_folds, **options):
    return list(KFold(n_folds, **options).split(np.zeros(n_samples)))


def test_all_folds_together_have_twenty_stretches_of_neighbours():
    clusters = clusters_of(folds_of(100, 5))
    assert [len(fold) for fold in clusters] == [4] * 5
    assert [stretch.tolist() for stretch in clusters[1]] == [
        list(range(begin, begin + 5)) for begin in (0, 5, 10, 15)
    ]
    assert [len(fold) for fold in clusters_of(folds_of(1000, 50))] == [2] * 50


def test_stretches_follow_the_order_of_the_samples_whatever_that_of_the_fold():
    test = np.array([7, 2, 9, 0])
    first, second = clusters_of([(np.arange(3), test)] * 5)[0]
    assert sorted(test[first]) == [0, 2]
    assert sorted(test[second]) == [7, 9]


@pytest.mark.parametrize(("n_test", "expected"), [(1, 1), (3, 1), (4, 2), (7, 3), (20, 4)])
def test_a_stretch_has_two_samples_or_more(n_test, expected):
    clusters = clusters_of([(np.arange(9), np.arange(n_test))] * 5)[0]
    assert len(clusters) == expected
    assert n_test == 1 or min(map(len, clusters)) >= 2


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_a_sample_without_a_group_is_an_error(missing):
    groups = pd.Series(["a", "b", missing, missing], dtype=object)
    with pytest.raises(ValueError, match=r"no value at sample 2 \(2 such samples\)"):
        numbers_of_groups(groups)


def test_one_group_alone_is_an_error():
    with pytest.raises(ValueError, match="holds one group, 'a': nothing is known of others"):
        numbers_of_groups(["a", "a"])


def test_groups_of_any_kind_are_numbered():
    for groups in ([3, 1, 3], list("bab"), ["b", 1, "b"], pd.Categorical(list("bab"))):
        assert numbers_of_groups(groups).tolist() == [0, 1, 0]


def test_each_group_is_a_cluster_of_its_fold():
    groups = np.array(list("aabbbcdd"))
    folds = list(GroupKFold(2).split(groups, groups=groups))
    for (_, test), clusters in zip(folds, clusters_of(folds, groups), strict=True):
        found = [set(groups[test[cluster]]) for cluster in clusters]
        assert all(len(names) == 1 for names in found)
        assert len(found) == len(set(groups[test]))


def test_a_cluster_moves_a_mean_by_its_share_of_the_distance_to_its_own_mean():
    losses = np.array([1.0, 3.0, 2.0, 2.0, 7.0])  # their mean is 3
    clusters = [np.array([0, 1]), np.array([2, 3]), np.array([4])]
    whole, moves = moves_of(lambda samples: losses[samples].mean(), 5, clusters)
    assert whole == 3
    np.testing.assert_allclose(moves, [2 / 5 * (2 - 3), 2 / 5 * (2 - 3), 1 / 5 * (7 - 3)])
    assert moves.sum() == pytest.approx(0)


def test_one_cluster_moves_nothing():
    assert moves_of(lambda samples: 5.0, 3, [np.arange(3)]) == (5, [0])


def test_of_r2_moves_have_the_spread_that_r2_has_over_samples():
    """The standard error from the moves is that over 400 draws of the samples."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(400, 200))
    predictions = y + rng.normal(scale=0.7, size=y.shape)
    clusters = np.array_split(np.arange(200), 20)
    errors = []
    for truth, told in zip(y[:40], predictions[:40], strict=True):

        def score(samples, truth=truth, told=told):
            return r2_score(truth[samples], told[samples])

        errors.append(np.sqrt(20 / 19 * (moves_of(score, 200, clusters)[1] ** 2).sum()))
    spread = np.std([r2_score(*pair) for pair in zip(y, predictions, strict=True)])
    assert np.mean(errors) == pytest.approx(spread, rel=0.15)


def test_an_error_and_its_root_are_moved_alike_to_first_order():
    rng = np.random.default_rng(0)
    squares = rng.normal(size=500) ** 2
    clusters = np.array_split(np.arange(500), 10)

    def score(samples):
        return mean_squared_error(np.zeros(len(samples)), np.sqrt(squares[samples]))

    mean, moves = moves_of(score, 500, clusters)
    root, of_root = moves_of(lambda samples: np.sqrt(score(samples)), 500, clusters)
    np.testing.assert_allclose(of_root, moves / (2 * root), rtol=0.1, atol=1e-4)
    assert root == np.sqrt(mean)


def test_losses_of_further_seeds_stand_behind_and_differences_are_taken_fit_by_fit():
    early = Losses(np.array([[1.0], [2.0]]), [np.ones((2, 1)), np.ones((3, 1))])
    both = early.followed_by(early.minus(early, 3.0))
    assert both.values.tolist() == [[1, -2], [2, -4]]
    assert both.moves[1].tolist() == [[1, -2]] * 3
    assert both.n_seeds == 2
    assert both.first(1).values.tolist() == early.values.tolist()
