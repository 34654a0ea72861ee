"""Test samples cut into clusters, and how far each cluster moves a score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Clusters over all folds where no groups are given. Fewer hold dependence over longer stretches,
#: more find smaller differences (docs/design.md has both curves).
N_CLUSTERS = 20


def numbers_of_groups(groups):
    """Return the number of each sample's group; refuse groups that are missing, or all one."""
    codes, found = pd.factorize(np.asarray(groups, dtype=object))
    if (codes < 0).any():
        raise ValueError(
            f"groups has no value at sample {(codes < 0).argmax()} ({(codes < 0).sum()} such "
            "samples). Give each sample a group, or leave these samples out."
        )
    if len(found) < 2:
        raise ValueError(
            f"groups holds one group, {found[0]!r}: nothing is known of others. Samples of "
            "different groups are taken as independent; pass groups=None if all samples are."
        )
    return codes


def clusters_of(folds, groups=None, labels=None):
    """Cut the test samples of each fold into clusters.

    Losses of neighbouring samples may depend on each other: windows overlap, groups share what
    they are. A cluster is a group, or a stretch of neighbouring samples, long enough that
    clusters may be taken as independent.

    Parameters
    ----------
    folds : list of (array, array)
        Numbers of the training and the test samples of each fold.
    groups : int array of shape (n_samples,), default=None
        Number of each sample's group; None for stretches of neighbouring samples.
    labels : array of shape (n_samples,), default=None
        Class of each sample. Each cluster then holds a stretch of each class: a file may be sorted
        by class, and a cluster of one class would be no sample of the whole.

    Returns
    -------
    clusters : list of list of int array
        For each fold, the places among its test samples that belong to each cluster.
    """
    if groups is not None:
        own_groups = [groups[test] for _, test in folds]
        return [[np.flatnonzero(own == group) for group in np.unique(own)] for own in own_groups]
    most = max(2, round(N_CLUSTERS / len(folds)))
    # At least two samples each: R² of what is left needs two.
    return [_stretches(test, max(1, min(most, len(test) // 2)), labels) for _, test in folds]


def _stretches(test, n_clusters, labels):
    """Cut test samples into stretches of neighbours; with labels, those of each class."""
    order = np.argsort(test)
    if labels is None:
        return np.array_split(order, n_clusters)
    own = labels[test[order]]
    pieces = [np.array_split(order[own == label], n_clusters) for label in np.unique(own)]
    clusters = map(np.concatenate, zip(*pieces, strict=True))
    return [cluster for cluster in clusters if len(cluster)]


def moves_of(score, n_samples, clusters):
    """Return a score and how far each cluster moves it: the delete-a-cluster jackknife.

    Of a mean over samples a cluster's move is exactly its share of the samples times the distance
    of its own mean from the mean of all. Of other smooth scores, such as R² or AUC, it is that
    to first order.

    Parameters
    ----------
    score : callable
        Returns the score of some samples, given by number.
    n_samples : int
        Number of test samples.
    clusters : list of int array
        The samples of each cluster.

    Returns
    -------
    whole : float
        The score of all samples.
    moves : array of shape (n_clusters,)
        0 where all samples are one cluster.
    """
    samples = np.arange(n_samples)
    whole = score(samples)
    if len(clusters) == 1:
        return whole, np.zeros(1)
    without = [score(np.setdiff1d(samples, cluster)) for cluster in clusters]
    shares = np.array([len(cluster) for cluster in clusters]) / n_samples
    return whole, (1 - shares) * (whole - np.array(without))


@dataclass(frozen=True)
class Losses:
    """What the fits of one attention lost.

    Attributes
    ----------
    values : array of shape (n_folds, n_seeds)
        The loss of each fit on its test samples: less is better.
    moves : list of array of shape (n_clusters, n_seeds)
        For each fold, how far each cluster of test samples moves the loss of each fit.
    """

    values: np.ndarray
    moves: list

    @property
    def n_seeds(self):
        """Number of seeds in each fold."""
        return self.values.shape[1]

    def first(self, n_seeds):
        """Return those of the first seeds alone."""
        return Losses(self.values[:, :n_seeds], [moves[:, :n_seeds] for moves in self.moves])

    def followed_by(self, later):
        """Return these losses with those of further seeds behind them."""
        moves = [np.hstack(pair) for pair in zip(self.moves, later.moves, strict=True)]
        return Losses(np.hstack([self.values, later.values]), moves)

    def minus(self, other, factor=1.0):
        """Return the loss by which each fit exceeds a multiple of another attention's."""
        moves = [own - factor * its for own, its in zip(self.moves, other.moves, strict=True)]
        return Losses(self.values - factor * other.values, moves)

    def times(self, factors):
        """Return these losses, those of each fold times its factor."""
        moves = [factor * own for factor, own in zip(factors, self.moves, strict=True)]
        return Losses(factors[:, np.newaxis] * self.values, moves)
