"""Calls that run side by side, with a progress bar for whoever asks."""

from sklearn.utils.parallel import Parallel
from tqdm.auto import tqdm


def run_side_by_side(calls, *, n_jobs, verbose, title, unit="prediction"):
    """Run calls as joblib does, in threads unless a backend is set.

    Parameters
    ----------
    calls : iterable
        What `sklearn.utils.parallel.delayed` makes.
    n_jobs : int or None
        Calls at once.
    verbose : int
        Whether to show a progress bar.
    title, unit : str
        Words of the bar: whose it is, and what is counted.

    Returns
    -------
    results : list
        In the order of the calls.
    """
    if not verbose:
        return Parallel(n_jobs=n_jobs, prefer="threads")(calls)
    calls = list(calls)
    finished = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(calls)
    return list(tqdm(finished, total=len(calls), desc=title, unit=unit))
