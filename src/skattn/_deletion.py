"""Predictions of sequences some of whose steps are replaced by those of other samples."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau
from sklearn.utils.parallel import delayed

from ._importance import blocks_of
from ._inspection import weights_of
from ._reading import Reading

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
    begins : list of int
        First step of each block.
    block_of : int array of shape (n_timesteps,)
        The block of each step.
    """

    reading: Reading
    sequences: np.ndarray
    weights: np.ndarray
    begins: list
    block_of: np.ndarray

    @classmethod
    def of(cls, reading, block):
        weights, sequences = weights_of(reading), reading.sequences()
        blocks = blocks_of(weights.shape[1], block)
        if len(weights) < 2 or len(blocks) < 2:
            raise ValueError(
                "attention_faithfulness compares blocks of steps, and takes values from other "
                f"samples. Got {len(weights)} samples of {len(blocks)} blocks: at least 2 of "
                "each are needed. Pass more samples, or a smaller block."
            )
        lengths = [end - begin for begin, end in blocks]
        begins = [begin for begin, _ in blocks]
        return cls(reading, sequences, weights, begins, np.repeat(range(len(blocks)), lengths))

    @property
    def n_blocks(self):
        return len(self.begins)

    @property
    def masses(self):
        """Attention on each block; NaN where all of its steps are absent."""
        present = ~np.isnan(self.sequences[:, :, 0])
        masses = np.add.reduceat(self.weights.astype("float64"), self.begins, axis=1)
        masses[~np.logical_or.reduceat(present, self.begins, axis=1)] = np.nan
        return masses

    def predict_replaced(self, replaced, donors):
        """Predict with some blocks (n_samples, n_blocks) taken from other samples."""
        given = self.sequences[donors]
        take = replaced[:, self.block_of, np.newaxis] & ~np.isnan(self.sequences + given)
        return self.reading.predictor.predict(
            self.reading.as_read(np.where(take, given, self.sequences))
        )

    def rank_agreements(self, effects):
        """Return Kendall's τ of masses and effects over the present blocks of each sample."""
        agreements = [
            kendalltau(mass, effect, nan_policy="omit").statistic
            for mass, effect in zip(self.masses, effects, strict=True)
        ]
        return np.nan_to_num(agreements)

    def top_agreements(self, effects):
        """Return whether each sample's heaviest block is the one of the greatest effect."""
        heaviest = np.nanargmax(self.masses, axis=1)
        chosen = np.take_along_axis(effects, heaviest[:, np.newaxis], axis=1)[:, 0]
        return (chosen > 0) & (chosen >= effects.max(axis=1))


def others(n_samples, rng):
    """Draw for each sample another one, each once."""
    order = rng.permutation(n_samples)
    others = np.empty(n_samples, dtype=int)
    others[order] = np.roll(order, 1)
    return others


def effects_of_blocks(steps, original, donors, jobs):
    """Return how far each block alone moves the predictions: (n_samples, n_blocks)."""

    def effect(block, donor):
        replaced = np.broadcast_to(np.arange(steps.n_blocks) == block, steps.masses.shape)
        moved = np.abs(steps.predict_replaced(replaced, donor) - original)
        return moved.reshape(len(moved), -1).mean(axis=1)

    blocks = range(steps.n_blocks)
    effects = jobs(delayed(effect)(block, donor) for block in blocks for donor in donors)
    shape = (steps.n_blocks, len(donors), len(original))
    return np.reshape(effects, shape).mean(axis=1).T


def predict_deletions(steps, fractions, donors, rng, jobs):
    """Predict with shares of the blocks replaced.

    Returns
    -------
    predictions : dict of str to array of shape (n_points - 1, n_repeats, n_samples, ...)
        For each order of `ORDERS`, without the point at which nothing is replaced.
    """
    masses = steps.masses
    counts = (~np.isnan(masses)).sum(axis=1, keepdims=True)
    tasks = []
    for order in ORDERS:
        for fraction in fractions[1:]:
            for donor in donors:
                ranks = _ranks(masses, order, rng)
                tasks.append(delayed(steps.predict_replaced)(ranks < fraction * counts, donor))
    predictions = np.stack(jobs(tasks))
    shape = (len(ORDERS), len(fractions) - 1, len(donors), *predictions.shape[1:])
    return dict(zip(ORDERS, predictions.reshape(shape), strict=True))


def _ranks(masses, order, rng):
    """Rank the blocks of each sample, first to replace 0; absent ones last, ties at random."""
    sign = {"most": -1.0, "random": 0.0, "least": 1.0}[order]
    order_of_blocks = np.lexsort((rng.uniform(size=masses.shape), sign * masses), axis=1)
    return np.argsort(order_of_blocks, axis=1)
