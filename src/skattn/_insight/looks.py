"""How long a comparison goes on: looks at fixed numbers of seeds, and what each may spend."""

from dataclasses import dataclass

#: Share of the significance level that each look before the last may spend.
EARLY = 0.1

#: A comparison ends without a finding where more seeds would hardly bring one.
HOPELESS = 0.1


@dataclass(frozen=True)
class Look:
    """One of the looks at a comparison.

    Attributes
    ----------
    n_seeds : int
        Seeds for each fold by then.
    alpha : float
        The p-value below which it finds a difference.
    growth : float
        How many times as many seeds the last look has.
    """

    n_seeds: int
    alpha: float
    growth: float

    def decides(self, found, final_alpha):
        """Return whether the comparison ends here: with a finding, or without hope of one."""
        if self.growth == 1 or found.p_value <= self.alpha:
            return True
        if found.p_value <= final_alpha:
            return False
        return found.chance_of_finding(self.growth, final_alpha) < HOPELESS


def plan_looks(n_seeds, alpha, equally=False):
    """Plan the looks at a quarter of the seeds, at half of them and at all.

    The levels of the looks add up to alpha. So the probability of a false finding at any of them
    is at most alpha, however the looks depend on each other (Bonferroni). The early ones get
    little of it [1]_, so that the last is nearly what it would be alone.

    Parameters
    ----------
    n_seeds : int
        Greatest number of seeds for each fold, at least 2.
    alpha : float
        The significance level.
    equally : bool, default=False
        Whether all looks spend alike [2]_, for an answer that mostly is plain early.

    Returns
    -------
    looks : list of Look
        The last one has all seeds.

    References
    ----------
    .. [1] J. L. Haybittle, "Repeated assessment of results in clinical trials of cancer
       treatment", British Journal of Radiology 44, 1971.
    .. [2] S. J. Pocock, "Group sequential methods in the design and analysis of clinical trials",
       Biometrika 64, 1977.
    """
    numbers = sorted({max(2, -(-n_seeds // 4)), max(2, -(-n_seeds // 2)), n_seeds})
    early = alpha / len(numbers) if equally else EARLY * alpha
    levels = [early] * (len(numbers) - 1) + [alpha - early * (len(numbers) - 1)]
    return [
        Look(number, level, n_seeds / number) for number, level in zip(numbers, levels, strict=True)
    ]
