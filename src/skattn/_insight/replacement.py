"""Predictions of sequences some of whose steps are replaced by those of other samples."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau
from sklearn.base import is_classifier
from sklearn.utils.parallel import delayed

from .attention_weights import attention_of
from .last_step import Reading

#: In which order steps are replaced, by their attention.
ORDERS = ("most", "random", "least")


@dataclass(frozen=True)
class Steps:
    """Sequences cut into blocks of steps, what each weighs, and how to replace some.

    Attributes
    ----------
    reading : Reading
        Predicts from the sequences.
    sequences : array of shape (n_samples, n_timesteps, n_features)
        NaN where a step is absent.
    weights : array of shape (n_samples, n_timesteps)
        Attention weights.
    masses : array of shape (n_samples, n_blocks)
        Attention on each block, for each of its present steps; NaN where it has none.
    block_of : int array of shape (n_timesteps,)
        The block of each step.
    """

    reading: Reading
    sequences: np.ndarray
    weights: np.ndarray
    masses: np.ndarray
    block_of: np.ndarray

    @classmethod
    def of(cls, reading, block):
        """Cut what an estimator reads into blocks of steps."""
        weights, sequences = reading.aligned(attention_of(reading)), reading.sequences()
        blocks = blocks_of(weights.shape[1], block)
        if len(weights) < 2 or len(blocks) < 2:
            raise ValueError(
                "attention_faithfulness compares blocks of steps, and takes values from other "
                f"samples. Got {len(weights)} samples of {len(blocks)} blocks: at least 2 of "
                "each are needed. Pass more samples, or a smaller block."
            )
        begins = [begin for begin, _ in blocks]
        n_present = np.add.reduceat(~np.isnan(sequences[:, :, 0]), begins, axis=1, dtype=int)
        sums = np.add.reduceat(weights.astype("float64"), begins, axis=1)
        # In float32, so that equal weights stay equal in blocks of unequal length.
        masses = np.divide(sums, n_present, out=np.full(sums.shape, np.nan), where=n_present > 0)
        masses = masses.astype("float32")
        block_of = np.repeat(range(len(blocks)), [end - begin for begin, end in blocks])
        return cls(reading, sequences, weights, masses, block_of)

    @property
    def n_present(self):
        """Number of blocks of each sample that are not absent: (n_samples, 1)."""
        return (~np.isnan(self.masses)).sum(axis=1, keepdims=True)

    def draw_donors(self, rng):
        """Draw for each sample and step the sample to replace it from."""
        return partners(~np.isnan(self.sequences[:, :, 0]), rng)

    def predict_replaced(self, replaced, donors):
        """Predict with some blocks (n_samples, n_blocks) taken from other samples."""
        given = self.sequences[donors, np.arange(donors.shape[1])]
        taken = np.where(replaced[:, self.block_of, np.newaxis], given, self.sequences)
        return respond(self.reading.predictor, self.reading.as_read(taken))

    def rank_agreements(self, effects):
        """Return Kendall's τ of masses and effects over the present blocks of each sample."""
        return np.array(
            [
                _rank_agreement(mass[~np.isnan(mass)], effect[~np.isnan(mass)])
                for mass, effect in zip(self.masses, effects, strict=True)
            ]
        )

    def top_agreements(self, effects):
        """Return how many of each sample's heaviest blocks have the greatest effect.

        A share, since several blocks may be the heaviest.
        """
        heaviest = self.masses == np.nanmax(self.masses, axis=1, keepdims=True)
        greatest = (effects > 0) & (effects == effects.max(axis=1, keepdims=True))
        return (heaviest & greatest).sum(axis=1) / heaviest.sum(axis=1)


def respond(predictor, X):
    """Predict: a classifier the probabilities of its classes."""
    return predictor.predict_proba(X) if is_classifier(predictor) else predictor.predict(X)


def _rank_agreement(mass, effect):
    if np.ptp(mass) == 0 or np.ptp(effect) == 0:
        return 0.0
    return kendalltau(mass, effect).statistic


def effects_of_blocks(steps, original, donors, jobs):
    """Return how far each block alone moves the predictions: (n_samples, n_blocks)."""

    def effect(block, donor):
        replaced = np.broadcast_to(np.arange(n_blocks) == block, steps.masses.shape)
        moved = np.abs(steps.predict_replaced(replaced, donor) - original)
        return moved.reshape(len(moved), -1).mean(axis=1)

    n_blocks = steps.masses.shape[1]
    calls = (delayed(effect)(block, donor) for block in range(n_blocks) for donor in donors)
    effects = jobs(calls, title="one step replaced")
    shape = (n_blocks, len(donors), len(original))
    return np.reshape(effects, shape).mean(axis=1).T


def predict_deletions(steps, fractions, donors, rng, jobs):
    """Predict with shares of the blocks replaced.

    Returns
    -------
    predictions : dict of str to array of shape (n_points - 1, n_repeats, n_samples, ...)
        For each order of `ORDERS`, without the point at which nothing is replaced.
    """
    tasks = []
    for order in ORDERS:
        ranks = [_ranks(steps.masses, order, rng) for _ in donors]
        for fraction in fractions[1:]:
            n_replaced = np.ceil(fraction * steps.n_present - 1e-9)  # not one more by rounding
            tasks += [
                delayed(steps.predict_replaced)(rank < n_replaced, donor)
                for rank, donor in zip(ranks, donors, strict=True)
            ]
    predictions = np.stack(jobs(tasks, title="shares of the steps replaced"))
    shape = (len(ORDERS), len(fractions) - 1, len(donors), *predictions.shape[1:])
    return dict(zip(ORDERS, predictions.reshape(shape), strict=True))


def _ranks(masses, order, rng):
    """Rank the blocks of each sample, first to replace 0; absent ones last, ties at random."""
    sign = {"most": -1.0, "random": 0.0, "least": 1.0}[order]
    order_of_blocks = np.lexsort((rng.uniform(size=masses.shape), sign * masses), axis=1)
    return np.argsort(order_of_blocks, axis=1)


def blocks_of(n_timesteps, block):
    """Cut steps into blocks, counted back from the last; the first may be shorter."""
    ends = range(n_timesteps, 0, -block)
    return [(max(0, end - block), end) for end in reversed(ends)]


def permute(sequences, cell, rng):
    """Return sequences with the values of a cell (steps, features) permuted between samples."""
    permuted = sequences.copy()
    steps, features = cell
    own = sequences[:, steps]
    donors = partners(~np.isnan(own).all(axis=2), rng)
    given = own[donors, np.arange(own.shape[1])]
    permuted[:, steps, features] = given[:, :, features]
    return permuted


def partners(present, rng):
    """Draw for each sample and step another sample, in which the step is present as well.

    Neighbouring steps have the same partner, as far as they are present in the same
    samples.

    Parameters
    ----------
    present : bool array of shape (n_samples, n_timesteps)
        Which steps are present.
    rng : RandomState
        Source of the draw.

    Returns
    -------
    partners : int array of shape (n_samples, n_timesteps)
        Each sample is the partner of one; an absent step's partner is its own sample.
    """
    order = rng.permutation(len(present))
    partners = np.repeat(np.arange(len(present))[:, np.newaxis], present.shape[1], axis=1)
    for step in range(present.shape[1]):
        among = order[present[order, step]]
        partners[among, step] = np.roll(among, 1)
    return partners
