"""Copies of windows: the table that they were cut from, found again by their content.

Windows show by their type, and views by their strides, which rows they share. A copy, a cast, or
values mapped one by one show it by content alone. Two sequences *overlap* when one of them,
shifted by one step or more, equals the other over the whole length that both have then, and that
length is not constant. Separate sequences can do so by chance, where steps have few different
values (zeros at night, one-hot). So an overlap counts in one of two cases:

- **in order**: nearly all samples overlap with the one that comes a fixed number of samples
  later, at one shift, and far more often than other pairs of samples do. Copies of evenly spaced
  windows are like that, whatever their values; then their constant stretches overlap, too.
- **by content**: what two samples share is so rich that not a hundredth of an overlap is to be
  expected by chance in all of X. Each change to a step counts, with the chance that another sample
  has that step at the same place; steps that samples hold more than once on average do not count.
  Copies in any order are found by that, if their values vary.

Samples that overlap are chained, each to the next, and the chain is their table. Equal samples
(a shift of 0) overlap only where they are in a chain; elsewhere they stay apart.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import binom

from .keys import end_keys, row_keys
from .layout import Layout

#: Expected number of overlaps by chance that is taken for none.
BY_CHANCE = 0.01

#: Greatest distance in X of samples that overlap in order, and the share of them that has to.
MOST_LAGS, NEARLY_ALL = 32, 0.9

#: How many samples are looked at to learn what is frequent.
MOST_TRIED = 2048


def find_shared_rows(sequences):
    """Return the sequences on a table whose rows they share, where their content shows one.

    Parameters
    ----------
    sequences : Sequences
        Of a fit: their layout is that of the caller's X.

    Returns
    -------
    sequences : Sequences
        The same values. Those given, if they share rows already or show no overlap.
    """
    layout = sequences.layout
    if layout.shares_rows or len(sequences) < 2 or layout.n_timesteps < 2:
        return sequences
    keys = np.zeros(layout.n_rows, dtype="uint64")  # 0 for absent steps
    keys[slice(None) if sequences.absent is None else ~sequences.absent] = row_keys(sequences.table)
    keys = keys.reshape(-1, layout.n_timesteps)
    before, shifts = _chain(keys)
    if _begins(before).all():
        return sequences
    found = _on_chains(sequences, *_places(before, shifts, layout.n_timesteps))
    return found if _equal(found, sequences) else sequences  # keys of 64 bits may collide


def _chain(keys):
    """Return the sample before each one in its chain, or itself, and the shift between both."""
    before, shifts = np.arange(len(keys)), np.zeros(len(keys), dtype=int)
    _, whole, _ = next(end_keys(keys))
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    like = first[kind]  # the first sample that equals each one
    _link_by_content(keys, like, before, shifts)
    _link_in_order(keys, like, before, shifts)
    cyclic = _in_cycles(before)
    before[cyclic] = np.flatnonzero(cyclic)
    alone = _begins(before) & _ends(before)
    equal = alone & ~alone[like]
    before[equal], shifts[equal] = like[equal], 0
    return before, shifts


def _begins(before):
    """Return which samples have none before them."""
    return before == np.arange(len(before))


def _ends(before):
    """Return which samples have none after them."""
    ends = np.ones(len(before), dtype=bool)
    ends[before[~_begins(before)]] = False
    return ends


def _tried(n_samples):
    """Return numbers of samples, evenly spaced, not more than `MOST_TRIED`."""
    return np.unique(np.linspace(0, n_samples - 1, MOST_TRIED).astype(int))


def _link_in_order(keys, like, before, shifts):
    """Link each sample to the one `lag` before it in X, if nearly all overlap at one shift."""
    n_samples = len(keys)
    lags = np.arange(1, min(MOST_LAGS, n_samples - 1) + 1)
    tried = _tried(n_samples)
    for shift, last, first in end_keys(keys):
        if not shift:
            continue
        pairs = [tried[tried < n_samples - lag] for lag in lags]
        shares = [np.mean(last[i] == first[i + lag]) for i, lag in zip(pairs, lags, strict=True)]
        lag = lags[np.argmax(shares)]
        if max(shares) >= NEARLY_ALL and _exceeds_chance(last, first, like, lag, keys.size):
            overlaps = (last[:-lag] == first[lag:]) & _ends(before)[:-lag] & _begins(before)[lag:]
            later = np.flatnonzero(overlaps) + lag
            before[later], shifts[later] = later - lag, shift
            return


def _exceeds_chance(last, first, like, lag, n_tried):
    """Return whether samples overlap `lag` apart far more often than others do.

    What they share counts once for each value that it has. Equal samples do not count.
    """
    pairs = np.flatnonzero(like[:-lag] != like[lag:])
    shared, at = np.unique(last[pairs], return_index=True)
    n_overlaps = np.count_nonzero(first[pairs[at] + lag] == shared)
    others = np.sort(first)
    n_alike = np.searchsorted(others, shared, side="right") - np.searchsorted(others, shared)
    chance = np.mean(n_alike) / len(first) if len(shared) else 1.0
    return n_tried * binom.sf(n_overlaps - 1, len(shared), chance) < BY_CHANCE


def _link_by_content(keys, like, before, shifts):
    """Link samples to the next one that they overlap with, if that cannot be chance."""
    ends, begins = (like == np.arange(len(keys)) for _ in range(2))
    if 2 * ends.sum() < len(keys):  # samples that repeat show nothing by being equal
        return
    ends[ends], begins[begins] = _with_steps_in_common(keys[ends], keys[begins])
    if not begins.any():
        return
    rare, novel, chance = _rare_changes(keys)
    enough = np.log(len(keys) * keys.size / BY_CHANCE) / -np.log(chance)
    n_novel = novel.sum(axis=1)
    for shift, last, first in end_keys(keys):
        if shift:
            n_novel = n_novel - novel[:, shift - 1]
            rich = n_novel + (rare & ~novel)[:, shift] > enough
            i, j = np.flatnonzero(ends & rich), np.flatnonzero(begins)
            _, at_i, at_j = np.intersect1d(last[i], first[j], return_indices=True)
            i, j = i[at_i], j[at_j]
            i, j = i[i != j], j[i != j]
            before[j], shifts[j] = i, shift
            ends[i] = begins[j] = False


def _with_steps_in_common(ends, begins):
    """Return which of the ends of chains hold the first step of a begin, and which it is of."""
    first = pd.Index(np.unique(begins[:, 0]))
    holds, held = np.zeros(len(ends), dtype=bool), np.zeros(len(first), dtype=bool)
    for step in ends.T[1:]:
        place = first.get_indexer(step)
        holds |= place >= 0
        held[place[place >= 0]] = True
    return holds, held[first.get_indexer(begins[:, 0])]


def _rare_changes(keys):
    """Return which steps are rare, which are changes, and how likely others have the same.

    Returns
    -------
    rare : bool array of shape (n_samples, n_timesteps)
        Whether a step is none that samples hold more than once on average.
    novel : bool array of shape (n_samples, n_timesteps)
        Whether it differs from the step before as well.
    chance : float
        Of another sample to have a novel step at the same place; one is added to the count.
    """
    tried = _tried(len(keys))
    values, counts = np.unique(keys[tried], return_counts=True)
    rare = ~np.isin(keys, values[counts > len(tried)])
    novel = rare.copy()
    novel[:, 1:] &= keys[:, 1:] != keys[:, :-1]
    n_agree = 0
    for step, is_novel in zip(keys[tried].T, novel[tried].T, strict=True):
        _, number, counts = np.unique(step, return_inverse=True, return_counts=True)
        n_agree += (counts[number[is_novel]] - 1).sum()
    return rare, novel, (n_agree + 1) / (novel[tried].sum() * (len(tried) - 1) + 2)


def _heads(before, shifts):
    """Return the first sample of each one's chain, and how many steps lie between both.

    Each pass doubles the number of links that are followed.
    """
    head, offset = before, shifts
    for _ in range(len(before).bit_length() + 1):
        head, offset = head[head], offset + offset[head]
    return head, offset


def _in_cycles(before):
    """Return which samples are in a chain without a begin, as periodic sequences are."""
    head, _ = _heads(before, np.zeros_like(before))
    return before[head] != head


def _places(before, shifts, n_timesteps):
    """Lay the chains one after the other; return each sample's first row, and their number."""
    head, offset = _heads(before, np.where(_begins(before), 0, shifts))
    lengths = np.zeros(len(before), dtype=int)
    np.maximum.at(lengths, head, offset + n_timesteps)
    begins = np.cumsum(lengths) - lengths
    return begins[head] + offset, int(lengths.sum())


def _on_chains(sequences, first, n_rows):
    """Return the sequences on a table of `n_rows` rows, each from a row on."""
    layout = sequences.layout
    source = np.empty(n_rows, dtype=int)
    for step in range(layout.n_timesteps):
        source[first + step] = layout.first + step
    present = np.ones(layout.n_rows, bool) if sequences.absent is None else ~sequences.absent
    rows = (np.cumsum(present) - 1)[source[present[source]]]
    kept = np.concatenate([[0], np.cumsum(present[source])])
    return replace(
        sequences,
        table=sequences.table[rows],
        starts=kept[first],
        layout=Layout(first, layout.n_timesteps, 1, n_rows, whole=True),
        absent=None if sequences.absent is None else ~present[source],
    )


def _equal(one, other):
    """Return whether two records of sequences of equal lengths hold equal values."""
    for step in range(int(one.lengths.max())):
        held = np.flatnonzero(step < one.lengths)
        a, b = one.table[one.starts[held] + step], other.table[other.starts[held] + step]
        if not np.array_equal(a, b):
            return False
    return True
